"""Reads `config.yaml`: the settings of the engine and of the process, or every fault at once (CFG-1)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from actors.rules.settings import Settings
from daemon.config.build import below, build_daemon, build_settings, effective
from daemon.config.checks import cross_faults, cross_warnings
from daemon.config.daemon_settings import DaemonSettings
from daemon.config.document import MAX_TEXT_BYTES, Document, parse
from daemon.config.environment import overlay
from daemon.config.fault import ConfigFaults, Fault, in_order
from daemon.config.migrate import check_version, is_newer, migrated
from daemon.config.not_yet import not_yet
from daemon.config.validate import check_schema, put_defaults

__all__ = ["ConfigFaults", "Fault", "LoadedConfig", "load_config", "load_text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedConfig:
    """A config that holds."""

    settings: Settings
    """What the engine decides by."""
    daemon: DaemonSettings
    """What the process needs."""
    warnings: tuple[str, ...]
    """What is allowed but has no effect yet, or is probably not meant."""
    text: str
    """The file as it stands. It holds references to secrets, never secrets."""
    effective: Mapping[str, Any]
    """Plain data: every key with its default, generated ladders written out, environment included."""


def load_config(path: Path, environ: Mapping[str, str], *, version: int = 1) -> LoadedConfig | ConfigFaults:
    """Reads and checks the file with the environment laid over it.

    `version` is the number this config is applied under. `TERRACE_DATA_DIR` wins over `data_dir`, relative to the
    working directory; `data_dir` is relative to the file, every other path to the data directory.
    """
    source = path.name
    try:
        data = _read(path)
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}; name the file with --config or TERRACE_CONFIG"
        if isinstance(error, FileNotFoundError):
            message += ", or have one written: terrace init"
        return ConfigFaults(faults=(Fault(path="", line=0, message=message, source=str(path)),))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return ConfigFaults(faults=(Fault(path="", line=line, message="is not UTF-8 text", source=source),))
    return load_text(text, path, environ, version=version)


def load_text(text: str, path: Path, environ: Mapping[str, str], *, version: int = 1) -> LoadedConfig | ConfigFaults:
    """Like `load_config`, for a text that is or would be the file at `path`.

    A text of an older version is understood as what it becomes; lines of its faults are those of that (CFG-5).
    """
    done = migrated(text)
    if isinstance(done, ConfigFaults):
        return done
    if done is not None:
        loaded = _load(done.text, path, environ, version)
        words = f"the file is of version {done.from_version}: terrace config migrate writes it anew"
        if isinstance(loaded, ConfigFaults):
            return loaded
        return replace(loaded, text=text, warnings=(words, *loaded.warnings))
    return _load(text, path, environ, version)


def _load(text: str, path: Path, environ: Mapping[str, str], version: int) -> LoadedConfig | ConfigFaults:
    document = parse(text, path.name)
    if not document.tree and document.faults:
        return ConfigFaults(faults=in_order(document.faults))
    put_defaults(document)
    overlay(document, environ)
    version_fault = check_version(document)
    if version_fault is not None:
        document.faults.append(version_fault)
        if is_newer(document):
            return ConfigFaults(faults=(version_fault,))
    return _load_document(document, text, path, environ, version)


def _load_document(
    document: Document, text: str, path: Path, environ: Mapping[str, str], version: int
) -> LoadedConfig | ConfigFaults:
    checked = check_schema(document)
    document.faults.extend(cross_faults(document, checked))
    if document.faults:
        return ConfigFaults(faults=in_order(document.faults))
    config_path = Path(os.path.abspath(path))
    from_environ = environ.get("TERRACE_DATA_DIR")
    data_dir = below(Path.cwd(), from_environ) if from_environ else below(config_path.parent, checked.data_dir)
    plain = effective(checked)
    return LoadedConfig(
        settings=build_settings(checked, data_dir, version),
        daemon=build_daemon(checked, config_path, data_dir),
        warnings=(*not_yet(plain), *cross_warnings(checked)),
        text=text,
        effective=plain,
    )


@cache
def default_config() -> Mapping[str, Any]:
    """The effective config of a file that sets nothing."""
    document = Document(source="defaults")
    put_defaults(document)
    return effective(check_schema(document))


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_TEXT_BYTES + 4)
