"""What the process needs beside the engine: where it keeps things, where it listens, what it writes down.

Paths are absolute. Changes of most of these take effect at the next start (`reload.RESTART`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from daemon.config.schema_process import Durability, LogLevel, Theme


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    url: str
    """As configured: `sqlite:///...`, `postgresql://...` or a secret reference to such a URL."""
    path: Path
    """The SQLite file; `<data_dir>/terrace.db` where the URL names a server."""
    durability: Durability
    keep_events_days: int
    standby: bool = False
    """Several daemons share the store: one leads by a lease, the others wait to take over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    certificate: Path | None
    key: Path | None
    client_ca: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    address: str
    unix_socket: Path | None
    """`<data_dir>/terrace.sock`; None when `api.unix_socket` is false."""
    tls: TlsSettings
    tokens: Path
    public: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwarderSettings:
    """The forwarder reads its part of the file itself; this is what the daemon knows of it."""

    address: str
    spool: Path
    deliver_timeout_ms: int
    daemon: str | None
    max_spooled: int
    max_spool_mb: int
    trusted_proxies: tuple[str, ...]
    public: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelSettings:
    address: str
    theme: Theme
    refresh_ms: int
    session_idle_minutes: int
    """A login ends when nobody used it for this long."""
    session_max_hours: int
    """A login ends after this long, used or not."""
    hosts: tuple[str, ...]
    """Further names browsers reach it under."""
    public: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TracesSettings:
    endpoint: str | None
    """Where spans are sent, OTLP over HTTP. None: nothing is traced."""
    sample_percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserveSettings:
    address: str
    public: bool
    traces: TracesSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggingSettings:
    level: LogLevel
    file: Path
    rotate_mb: int
    keep_days: int
    keep_mb: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupSettings:
    every_hours: int
    """0: never."""
    keep: int
    directory: Path
    passphrase: str | None = None
    """A secret reference; backups are encrypted with what it names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonSettings:
    config_path: Path
    data_dir: Path
    storage: StorageSettings
    vault_key: str
    """`machine`, `passphrase`, or a reference: what the vault is locked with."""
    api: ApiSettings
    forwarder: ForwarderSettings
    panel: PanelSettings
    observe: ObserveSettings
    logging: LoggingSettings
    backup: BackupSettings

    @property
    def secrets_dir(self) -> Path:
        return self.data_dir / "secrets"
