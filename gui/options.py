"""What the panel is told by configuration and command line."""

from __future__ import annotations

from dataclasses import dataclass

from control.client import ConfigFault, ConfigFile
from gui.peers import is_loopback

DEFAULT_ADDRESS = "127.0.0.1:8462"
THEMES = ("dark", "light")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The panel's own part of the configuration."""

    host: str = "127.0.0.1"
    port: int = 8462
    theme: str = "dark"
    """What a browser starts with that has not chosen: `dark` or `light`."""
    refresh_ms: int = 500
    """Prices, profits and states on the screen are at most this old, and what it takes to fetch them."""
    session_idle_s: int = 60 * 60
    """A login ends when nobody has used it for this long."""
    session_max_s: int = 12 * 60 * 60
    """A login ends after this long, used or not."""
    hosts: tuple[str, ...] = ()
    """Names of a proxy before it: browsers may reach it under these, besides addresses, localhost and `host`."""
    webhook: str = "127.0.0.1:8461"
    """Where the forwarder listens, for what a newcomer is shown."""
    config_file: str = ""
    """The configuration file, absolute; empty where there is none and the defaults hold."""


def read_options(config: ConfigFile) -> Options:
    """From a configuration file. Raises ConfigFault."""
    address = config.text("panel.address", DEFAULT_ADDRESS)
    host, colon, port = address.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()):
        raise ConfigFault(f"panel.address: {address} is not an address: write host:port, e.g. {DEFAULT_ADDRESS}")
    theme = config.text("panel.theme", "dark")
    host = host.strip("[]")
    if not is_loopback(host) and not config.flag("panel.public", False):
        raise ConfigFault(
            f"panel.address: {address} can be reached from outside this machine, without TLS: write a loopback address "
            "with a proxy for TLS before it, or panel.public: true, if that is meant"
        )
    if theme not in THEMES:
        raise ConfigFault(f"panel.theme: {theme} is neither dark nor light")
    return Options(
        host=host,
        port=int(port),
        theme=theme,
        session_idle_s=_within(config, "panel.session_idle_minutes", 60, 1440) * 60,
        session_max_s=_within(config, "panel.session_max_hours", 12, 720) * 3600,
        refresh_ms=max(config.whole("panel.refresh_ms", 500), 100),
        hosts=config.texts("panel.hosts"),
        webhook=config.text("forwarder.address", "127.0.0.1:8461"),
        config_file=str(config.path or ""),
    )


def _within(config: ConfigFile, key: str, default: int, most: int) -> int:
    found = config.whole(key, default)
    if not 1 <= found <= most:
        raise ConfigFault(f"{key}: {found} is not between 1 and {most}")
    return found
