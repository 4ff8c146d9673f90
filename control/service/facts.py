"""What a service has to know of this installation: programs, config, folders it writes to, credentials it is handed."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from pathlib import Path
from typing import Any

from control import handover
from control.config_file import ConfigFault, ConfigFile, read_config
from control.update.home import home_of

PREFIX = "systemd:"
PASSPHRASE = "passphrase"


@unique
class Part(StrEnum):
    DAEMON = "daemon"
    FORWARDER = "forwarder"
    PANEL = "panel"


@unique
class Scope(StrEnum):
    USER = "user"
    SYSTEM = "system"


class ServiceRefused(Exception):
    """It cannot be done as asked; one line with the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Of one installation. Paths are absolute."""

    config: Path
    data_dir: Path
    folders: tuple[Path, ...]
    """What else the config has Terrace write to, and the config's own folder."""
    credentials: Mapping[Part, tuple[str, ...]]
    """Names of `systemd:` references."""
    commands: Mapping[Part, tuple[str, ...]]

    @property
    def credential_folder(self) -> Path:
        return self.config.parent / "credentials"


def read_facts(config: str) -> Facts:
    """ServiceRefused where the config is missing or wants what a service cannot do."""
    try:
        found = read_config(config or None)
        if found.path is None:
            raise ServiceRefused("there is no config.yaml here: name the one to run with --config FILE")
        if found.text("vault.key", "machine") == PASSPHRASE:
            words = "nobody can type the vault's passphrase into a service: set vault.key to systemd:NAME, and"
            raise ServiceRefused(f"{words} `terraced vault rekey --from passphrase`")
        return Facts(
            config=found.path,
            data_dir=found.data_dir,
            folders=_folders(found, found.path),
            credentials=_credentials(found),
            commands=_commands(found.path),
        )
    except ConfigFault as fault:
        raise ServiceRefused(str(fault)) from None


def _folders(config: ConfigFile, path: Path) -> tuple[Path, ...]:
    found = [path.parent]
    for key in ("logging.file", "forwarder.spool", "api.unix_socket"):
        if config.value(key) is not None:
            found.append(config.file(key, "").parent)
    if config.value("backup.directory") is not None:
        found.append(config.file("backup.directory", ""))
    url = config.text("storage.url")
    if url.startswith("sqlite:") and url.removeprefix("sqlite:").strip("/"):
        found.append((config.data_dir / url.removeprefix("sqlite:")).parent)
    kept = [folder for folder in dict.fromkeys(found) if not folder.is_relative_to(config.data_dir)]
    return tuple(kept)


def _credentials(config: ConfigFile) -> Mapping[Part, tuple[str, ...]]:
    """The daemon reads all of them, the forwarder those of the sources."""
    return {
        Part.DAEMON: tuple(sorted(set(_references(config.tree)))),
        Part.FORWARDER: tuple(sorted(set(_references(config.section("sources"))))),
        Part.PANEL: (),
    }


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
    elif isinstance(value, str) and value.startswith(PREFIX) and "/" not in value:
        yield value.removeprefix(PREFIX)


def _commands(config: Path) -> Mapping[Part, tuple[str, ...]]:
    """The programs of the installation this one belongs to; of a home the ones in use, so that a switch is one link."""
    folder = Path(sys.executable).parent
    home = home_of(folder)
    script = (home.bin if home is not None else folder) / "terrace"
    own = [str(script)] if script.is_file() else [sys.executable, "-m", "control"]
    engine = [str(home.bin / handover.DAEMON)] if home is not None else handover.daemon_command()
    named = ("--config", str(config))
    return {
        Part.DAEMON: (*engine, *named),
        Part.FORWARDER: (*own, *named, "forward"),
        Part.PANEL: (*own, *named, "panel"),
    }
