"""What the forwarder needs of the configuration: its own section and the sources, secrets resolved."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from control.config_file import ConfigFault, ConfigFile
from control.forwarder.references import SecretFault, read_secret

MAX_SOURCES = 1000

SECRET_KEYS = ("secret", "hmac_secret", "previous_secret", "previous_hmac_secret")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """One sender. Without `secret` and `hmac_secret` it accepts nothing (SIG-5)."""

    name: str
    secret: str = ""
    hmac_secret: str = ""
    previous_secret: str = ""
    """Taken as well until `previous_until_s`; so is the key before the present one."""
    previous_hmac_secret: str = ""
    previous_until_s: float = 0.0
    """Seconds since 1970."""
    allow_addresses: tuple[Network, ...] = ()
    """Empty: any."""
    max_age_s: int = 300
    max_ahead_s: int = 60
    rate_per_minute: int = 6000
    burst: int = 1000
    secret_path: str = "secret"
    """JMESPath of the secret in a body (SIG-13)."""
    timestamp_path: str = "timestamp"
    """JMESPath of the sender's time in a body."""

    def __repr__(self) -> str:
        return f"SourceSettings({self.name})"

    def secrets(self, now_s: float) -> tuple[str, ...]:
        """What a body may hold as its secret now."""
        return self._valid(self.secret, self.previous_secret, now_s)

    def keys(self, now_s: float) -> tuple[str, ...]:
        """What a body may be signed with now."""
        return self._valid(self.hmac_secret, self.previous_hmac_secret, now_s)

    @property
    def all_secrets(self) -> tuple[str, ...]:
        """Everything that must not be seen, valid or not."""
        known = (self.secret, self.previous_secret, self.hmac_secret, self.previous_hmac_secret)
        return tuple(one for one in known if one)

    def _valid(self, present: str, previous: str, now_s: float) -> tuple[str, ...]:
        both = (present, previous if now_s < self.previous_until_s else "")
        return tuple(one for one in both if one)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwarderSettings:
    """Everything the forwarder goes by. The first four take effect at the next start only."""

    host: str
    port: int
    spool: Path
    max_spooled: int
    max_spool_bytes: int
    deliver_timeout_s: float
    trusted_proxies: tuple[Network, ...]
    """Only these may name the sender in `X-Forwarded-For`."""
    sources: Mapping[str, SourceSettings]
    traces_endpoint: str = ""
    """Where traces are sent; empty: nothing is traced."""
    traces_sample_percent: int = 100
    faults: tuple[str, ...] = ()
    """Secrets that could not be read, with remedies: their sources accept nothing."""


def read_settings(config: ConfigFile, environ: Mapping[str, str], now_s: float | None = None) -> ForwarderSettings:
    """The settings of a configuration. Raises ConfigFault for what cannot be meant."""
    now_s = time.time() if now_s is None else now_s
    host, port = split_address(config.text("forwarder.address", "127.0.0.1:8461"))
    if not (is_loopback(host) or config.flag("forwarder.public", False)):
        raise ConfigFault(
            f"forwarder.address: {host}:{port} can be reached from outside this machine, without TLS. Set a loopback "
            "address with a proxy for TLS before it, or forwarder.public: true, if that is meant"
        )
    sections: Mapping[str, Any] = config.section("sources")
    if config.value("sources") is None:
        sections = {"tradingview": {"secret": "file:secrets/tradingview"}}
    if len(sections) > MAX_SOURCES:
        raise ConfigFault(f"sources: more than {MAX_SOURCES}")
    faults: list[str] = []
    sources = {}
    for name, section in sections.items():
        part = ConfigFile(path=config.path, data_dir=config.data_dir, tree=section if isinstance(section, dict) else {})
        try:
            sources[name] = _source(name, part, environ, faults, now_s)
        except ConfigFault as fault:
            raise ConfigFault(f"sources.{name}.{fault}") from None
    return ForwarderSettings(
        host=host,
        port=port,
        spool=config.file("forwarder.spool", "spool.db"),
        max_spooled=_positive(config, "forwarder.max_spooled", 100_000),
        max_spool_bytes=_positive(config, "forwarder.max_spool_mb", 256) * 1024 * 1024,
        deliver_timeout_s=_positive(config, "forwarder.deliver_timeout_ms", 2000) / 1000,
        trusted_proxies=_networks(config, "forwarder.trusted_proxies"),
        sources=sources,
        traces_endpoint=config.text("observe.traces.endpoint"),
        traces_sample_percent=min(100, _positive(config, "observe.traces.sample_percent", 100)),
        faults=tuple(faults),
    )


def _source(name: str, part: ConfigFile, environ: Mapping[str, str], faults: list[str], now_s: float) -> SourceSettings:
    mapped = part.section("map")
    return SourceSettings(
        name=name,
        secret=_secret(name, "secret", part, environ, faults),
        hmac_secret=_secret(name, "hmac_secret", part, environ, faults),
        previous_secret=_previous(name, "previous_secret", part, environ, faults, now_s),
        previous_hmac_secret=_previous(name, "previous_hmac_secret", part, environ, faults, now_s),
        previous_until_s=_until_s(part),
        allow_addresses=_networks(part, "allow_addresses"),
        max_age_s=_positive(part, "max_age_s", 300),
        max_ahead_s=part.whole("max_ahead_s", 60),
        rate_per_minute=_positive(part, "rate_per_minute", 6000),
        burst=_positive(part, "burst", 1000),
        secret_path=_expression(mapped, "secret"),
        timestamp_path=_expression(mapped, "timestamp"),
    )


def _secret(name: str, key: str, part: ConfigFile, environ: Mapping[str, str], faults: list[str]) -> str:
    reference = part.text(key)
    if not reference:
        return ""
    try:
        return read_secret(reference, part.data_dir, environ)
    except SecretFault as fault:
        faults.append(f"sources.{name}.{key}: {fault}")
        return ""


def _previous(
    name: str, key: str, part: ConfigFile, environ: Mapping[str, str], faults: list[str], now_s: float
) -> str:
    """Once its time is over it need not be there any more."""
    return _secret(name, key, part, environ, faults) if now_s < _until_s(part) else ""


def _until_s(part: ConfigFile) -> float:
    """When the previous secrets end; 0, which is long ago, where nothing is said."""
    text = part.text("previous_until")
    if not text:
        return 0.0
    try:
        until = datetime.fromisoformat(text)
    except ValueError:
        until = None
    if until is None or until.tzinfo is None:
        raise ConfigFault("previous_until: must be a time with its zone: 2026-12-01T00:00:00Z")
    return until.timestamp()


def _expression(mapped: Mapping[str, Any], field: str) -> str:
    found = mapped.get(field, field)
    if found != field:
        import jmespath
        from jmespath.exceptions import JMESPathError

        try:
            jmespath.compile(found)
        except (JMESPathError, TypeError):
            raise ConfigFault(f"map.{field}: not a JMESPath expression") from None
    return str(found)


def _positive(part: ConfigFile, key: str, default: int) -> int:
    found = part.whole(key, default)
    if found < 1:
        raise ConfigFault(f"{key}: must be 1 or more")
    return found


def _networks(part: ConfigFile, key: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(text, strict=False) for text in part.texts(key))
    except ValueError:
        raise ConfigFault(f"{key}: must hold IP addresses or networks") from None


def is_loopback(host: str) -> bool:
    """Whether nobody off this machine can reach it (SEC-2)."""
    if host.casefold() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def split_address(address: str) -> tuple[str, int]:
    """Host and port of `host:port` or `[v6]:port`. Raises ConfigFault."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ConfigFault(f"forwarder.address: must be host:port, found {address}")
    return host.strip("[]"), int(port)
