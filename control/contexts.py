"""Named daemons: `contexts.yaml` in the user's configuration folder, and which one is in use.

Both files are the user's alone (mode 0600). A file of contexts holds where a daemon is and which files prove who asks,
never a token itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from control.config_file import ConfigFault, load_yaml

KEYS = ("address", "token_file", "config", "data_dir", "timeout_s", "tls_ca", "tls_cert", "tls_key")
IN_USE = "context"
"""The file beside `contexts.yaml` that names the one in use."""
MAX_BYTES = 1024 * 1024
MAX_CONTEXTS = 1000
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
"""Windows has neither this nor modes of files."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One daemon by its name. `keys` is empty where no context is meant."""

    name: str
    keys: Mapping[str, str]

    @property
    def is_elsewhere(self) -> bool:
        """Whether it names no files of this machine, so that work on files would be on those of another daemon."""
        return bool(self.name) and not (self.keys.get("config") or self.keys.get("data_dir"))

    def told(self) -> str:
        """`prod (10.0.0.5:7461)`."""
        where = self.keys.get("address") or self.keys.get("config") or self.keys.get("data_dir") or ""
        return f"{self.name} ({where})" if where else self.name


NONE = Context(name="", keys={})


def folder_of(environ: Mapping[str, str]) -> Path:
    base = environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "terrace"


def contexts_file(environ: Mapping[str, str]) -> Path:
    return folder_of(environ) / "contexts.yaml"


def chosen_context(named: str, environ: Mapping[str, str]) -> Context:
    """The context that `--context`, else TERRACE_CONTEXT names. Raises ConfigFault where the name leads nowhere."""
    name = named or environ.get("TERRACE_CONTEXT", "")
    if not name:
        return NONE
    known = read_contexts(environ)
    if name not in known:
        have = ", ".join(sorted(known)) or "none"
        raise ConfigFault(f"no context {name} in {contexts_file(environ)} (there: {have}): terrace context list")
    return Context(name=name, keys=known[name])


def in_use(environ: Mapping[str, str]) -> str:
    """The name that `terrace context use` left; empty: none."""
    try:
        with (folder_of(environ) / IN_USE).open("rb") as opened:
            return opened.read(256).decode("utf-8", "replace").strip()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ConfigFault(f"{error.filename}: {error.strerror or error}") from None


def read_contexts(environ: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
    """Every context by its name; none where there is no file. Raises ConfigFault."""
    file = contexts_file(environ)
    try:
        with file.open("rb") as opened:
            tree: Any = load_yaml(opened.read(MAX_BYTES), str(file))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigFault(f"{file}: {error.strerror or error}") from None
    if tree in (None, ""):
        return {}
    if not isinstance(tree, dict):
        raise ConfigFault(f"{file}: not a map of names")
    for name, keys in tree.items():
        if not isinstance(keys, dict) or not all(isinstance(value, str) for value in keys.values()):
            raise ConfigFault(f"{file}: {name}: must be a map of {', '.join(KEYS)}")
        unknown = sorted(set(keys) - set(KEYS))
        if unknown:
            raise ConfigFault(f"{file}: {name}.{unknown[0]}: not known; there are {', '.join(KEYS)}")
    return dict(tree)


def checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ConfigFault(f"{name!r} is no name for a context: letters, digits, dot, dash and underscore, 64 at most")
    return name


def write_contexts(known: Mapping[str, Mapping[str, str]], environ: Mapping[str, str]) -> None:
    """Puts the whole file in place at once. Raises ConfigFault."""
    if len(known) > MAX_CONTEXTS:
        raise ConfigFault(f"more than {MAX_CONTEXTS} contexts")
    import yaml

    text = yaml.safe_dump({name: dict(keys) for name, keys in sorted(known.items())}, sort_keys=False, width=200)
    _put(contexts_file(environ), text)


def use(name: str, environ: Mapping[str, str]) -> None:
    """From now on the context is meant where nothing else is said; empty: none. Raises ConfigFault."""
    _put(folder_of(environ) / IN_USE, f"{name}\n" if name else "")


def _put(file: Path, text: str) -> None:
    new = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _NO_LINK, 0o600)
        with open(descriptor, "w", encoding="utf-8") as opened:
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, 0o600)
            opened.write(text)
            opened.flush()
            os.fsync(descriptor)
        os.replace(new, file)
    except OSError as error:
        raise ConfigFault(f"{file}: {error.strerror or error}") from None
