"""Schema of the sections about the process: store, listeners, logs, notifications, backups."""

from __future__ import annotations

from enum import StrEnum, unique
from typing import Annotated

from pydantic import Field

from daemon.config.kinds import Address, DaemonAddress, Network, SecretReference, StoreUrl, Text, Whole, Word
from daemon.config.section import FILE, FLAG, Section


@unique
class Durability(StrEnum):
    """`full`: a commit survives a power cut; `normal`: it survives a crash of the process."""

    FULL = "full"
    NORMAL = "normal"


@unique
class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@unique
class Theme(StrEnum):
    DARK = "dark"
    LIGHT = "light"


class StorageModel(Section):
    url: Annotated[str, StoreUrl()] = "sqlite:///terrace.db"
    durability: Annotated[Durability, Word(Durability)] = Durability.FULL
    keep_events_days: Annotated[int, Whole(1, 36_500, "days")] = 365
    standby: Annotated[bool, FLAG] = False


class TlsModel(Section):
    certificate: Annotated[str, FILE] | None = None
    key: Annotated[str, FILE] | None = None
    client_ca: Annotated[str, FILE] | None = None


class ApiModel(Section):
    address: Annotated[str, Address()] = "127.0.0.1:7461"
    unix_socket: Annotated[bool, FLAG] = True
    tls: TlsModel = Field(default_factory=TlsModel)
    tokens: Annotated[str, FILE] = "secrets/tokens.yaml"
    public: Annotated[bool, FLAG] = False


class ForwarderModel(Section):
    address: Annotated[str, Address()] = "127.0.0.1:8461"
    spool: Annotated[str, FILE] = "spool.db"
    deliver_timeout_ms: Annotated[int, Whole(10, 2900, "ms")] = 2000
    daemon: Annotated[str, DaemonAddress()] | None = None
    max_spooled: Annotated[int, Whole(1, 100_000_000, "alerts")] = 100_000
    max_spool_mb: Annotated[int, Whole(1, 1_000_000, "MB")] = 256
    trusted_proxies: tuple[Annotated[str, Network()], ...] = ()
    public: Annotated[bool, FLAG] = False


HOST_NAME = Text("a host name without scheme and port", r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9])?", 253)


class PanelModel(Section):
    address: Annotated[str, Address()] = "127.0.0.1:8462"
    theme: Annotated[Theme, Word(Theme)] = Theme.DARK
    refresh_ms: Annotated[int, Whole(100, 60_000, "ms")] = 500
    session_idle_minutes: Annotated[int, Whole(1, 1440, "min")] = 60
    session_max_hours: Annotated[int, Whole(1, 720, "h")] = 12
    hosts: tuple[Annotated[str, HOST_NAME], ...] = ()
    public: Annotated[bool, FLAG] = False


COLLECTOR = Text("an http or https URL without a password", r"https?://[^\s@\x00]+", 1000)


class TracesModel(Section):
    endpoint: Annotated[str, COLLECTOR] | None = None
    sample_percent: Annotated[int, Whole(1, 100, "%")] = 100


class ObserveModel(Section):
    address: Annotated[str, Address()] = "127.0.0.1:9461"
    public: Annotated[bool, FLAG] = False
    traces: TracesModel = Field(default_factory=TracesModel)


class LoggingModel(Section):
    level: Annotated[LogLevel, Word(LogLevel)] = LogLevel.INFO
    file: Annotated[str, FILE] = "logs/terrace.jsonl"
    rotate_mb: Annotated[int, Whole(1, 10_000, "MB")] = 50
    keep_days: Annotated[int, Whole(1, 36_500, "days")] = 30
    keep_mb: Annotated[int, Whole(1, 10_000_000, "MB")] = 1000


class BackupModel(Section):
    every_hours: Annotated[int, Whole(0, 8760, "h, 0 for never")] = 24
    keep: Annotated[int, Whole(1, 10_000)] = 7
    directory: Annotated[str, FILE] = "backups"
    passphrase: Annotated[str, SecretReference()] | None = None
