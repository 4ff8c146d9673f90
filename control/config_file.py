"""A small reader of `config.yaml` for the programs around the daemon.

It knows where file and data directory are, lays `TERRACE_A__B` over `a.b`, and reads single keys with the shipped
defaults. It does not judge the file: naming faults is the daemon's. What it cannot read at all is a `ConfigFault`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEFAULT_FILE = "config.yaml"
MAX_TEXT_BYTES = 1024 * 1024
_PREFIX = "TERRACE_"
TOP_LEVEL = ("accounts", "alerts", "api", "backup", "forwarder", "logging", "observe", "panel", "routes", "sources")
"""Keys of the top level that this program reads; `TERRACE_API` is `api`."""
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_YES = frozenset({"true", "True", "TRUE"})
_NO = frozenset({"false", "False", "FALSE"})


class ConfigFault(Exception):
    """The file is missing, no YAML, or a key holds what cannot be meant. One readable line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """The configuration as text: maps, lists and strings, nothing converted yet."""

    path: Path | None
    """The file, absolute; None where there is none and the defaults hold."""
    data_dir: Path
    """Absolute. Relative paths of the configuration start here."""
    tree: Mapping[str, Any]

    def value(self, key: str) -> Any:
        """What stands at `a.b.c`: text, list or map; None where nothing does or the word is `null`."""
        found: Any = self.tree
        for part in key.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return None if isinstance(found, str) and found in _NOTHING else found

    def text(self, key: str, default: str = "") -> str:
        found = self.value(key)
        if found is None:
            return default
        if not isinstance(found, str):
            raise ConfigFault(f"{key}: must be one value, not a list or map")
        return found

    def whole(self, key: str, default: int) -> int:
        found = self.text(key, str(default))
        try:
            return int(found)
        except ValueError:
            raise ConfigFault(f"{key}: must be a whole number") from None

    def flag(self, key: str, default: bool) -> bool:
        found = self.text(key, "true" if default else "false")
        if found not in _YES | _NO:
            raise ConfigFault(f"{key}: must be true or false")
        return found in _YES

    def section(self, key: str) -> Mapping[str, Any]:
        found = self.value(key)
        if found is None:
            return {}
        if not isinstance(found, Mapping):
            raise ConfigFault(f"{key}: must be a map")
        return found

    def texts(self, key: str) -> tuple[str, ...]:
        found = self.value(key)
        if found is None:
            return ()
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            raise ConfigFault(f"{key}: must be a list")
        return tuple(found)

    def file(self, key: str, default: str) -> Path:
        """A path of the configuration, absolute."""
        return self.data_dir / Path(self.text(key, default)).expanduser()


def read_config(
    path: str | Path | None = None, environ: Mapping[str, str] | None = None, data_dir: str | Path | None = None
) -> ConfigFile:
    """The configuration: `path`, else `TERRACE_CONFIG`, else `config.yaml` here if there is one, else the defaults.

    `data_dir`, else `TERRACE_DATA_DIR`, else the file's own `data_dir` (relative to the file). Raises ConfigFault.
    """
    environ = os.environ if environ is None else environ
    named = path or environ.get("TERRACE_CONFIG")
    file = Path(named).expanduser() if named else Path(DEFAULT_FILE)
    if not named and not file.is_file():
        tree: dict[str, Any] = {}
        _overlay(tree, environ)
        return ConfigFile(path=None, data_dir=_data_dir(tree, Path.cwd(), environ, data_dir), tree=tree)
    file = file.absolute()
    tree = _parse(file)
    _overlay(tree, environ)
    return ConfigFile(path=file, data_dir=_data_dir(tree, file.parent, environ, data_dir), tree=tree)


def _data_dir(tree: Mapping[str, Any], home: Path, environ: Mapping[str, str], given: str | Path | None) -> Path:
    named = given or environ.get("TERRACE_DATA_DIR")
    if named:
        return Path(named).expanduser().absolute()
    own = tree.get("data_dir")
    text = own if isinstance(own, str) and own not in _NOTHING else "data"
    return (home / Path(text).expanduser()).absolute()


def _parse(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            raw = opened.read(MAX_TEXT_BYTES + 1)
    except OSError as error:
        raise ConfigFault(f"{file}: {error.strerror or error}") from None
    if len(raw) > MAX_TEXT_BYTES:
        raise ConfigFault(f"{file}: larger than {MAX_TEXT_BYTES} bytes")
    tree = load_yaml(raw, str(file))
    if tree in (None, ""):
        return {}
    if not isinstance(tree, dict):
        raise ConfigFault(f"{file}: not a map of keys")
    return tree


def load_yaml(raw: bytes | str, name: str) -> Any:
    """YAML with every scalar left as text, so that `on`, `1:30` and `0.10` stay what the user wrote.

    `name` stands in the ConfigFault of a text that is none.
    """
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        return yaml.load(raw, loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigFault(f"{name}: not valid YAML{where}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, TypeError):
        raise ConfigFault(f"{name}: not valid YAML") from None


def _overlay(tree: dict[str, Any], environ: Mapping[str, str]) -> None:
    for name in sorted(environ):
        if name.startswith(_PREFIX) and ("__" in name or name.removeprefix(_PREFIX).lower() in TOP_LEVEL):
            parts = name.removeprefix(_PREFIX).split("__")
            if all(parts):
                _put(tree, parts, _flow(environ[name], name))


def _flow(text: str, name: str) -> Any:
    return load_yaml(text, name) if text.lstrip().startswith(("[", "{")) else text.strip()


def _put(tree: dict[str, Any], parts: list[str], value: Any) -> None:
    """Sets one key; a variable that leads nowhere is left for the daemon to name."""
    where: Any = tree
    for depth, part in enumerate(parts):
        if isinstance(where, list) and part.isdecimal() and int(part) < len(where):
            step: Any = int(part)
        elif isinstance(where, dict):
            step = next((key for key in where if str(key).casefold() == part.casefold()), part.lower())
        else:
            return
        if depth == len(parts) - 1:
            where[step] = value
            return
        if isinstance(where, dict) and where.get(step) in (None, *_NOTHING):
            where[step] = {}
        where = where[step]
