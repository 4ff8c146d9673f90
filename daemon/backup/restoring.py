"""Restores a backup into a fresh folder: `config.yaml`, the rest in `data/` below it. Nothing is overwritten.

The restored store is marked: its first start says where it came from, and new entries wait until a person has looked
and resumed the engine, while exits and reconciling go on. Two daemons with one installation's order ids must never run
at once; a restored one takes the old one's place. A copy to look at gets an installation id of its own and trades no
account with real money.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from actors.messages import BY_USER
from actors.rules.choices import World
from daemon.backup.archive import no_rest, opened, unpack
from daemon.backup.manifest import CONFIG, DATA, Manifest, NotABackup
from daemon.backup.sealing import Keys, WrongKey
from daemon.backup.verifying import Refused, config_problems, read_about, refuse_room, refuse_unwritable
from daemon.config.load import ConfigFaults, LoadedConfig, load_text
from daemon.secrets import sync_folder, write_draft
from daemon.store import tools
from daemon.store.backup import COPY_OF, RESTORED_FROM
from daemon.store.open import new_installation_id
from daemon.store.refused import StoreRefused

WHO = "restore"
TO_EDIT = "config.yaml.to-edit"
_DATA_DIR = re.compile(r"^data_dir:[^\n#]*", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was put where, or would be."""

    folder: Path
    manifest: Manifest
    installation_id: str
    warnings: tuple[str, ...]


def restore(
    path: Path,
    into: Path,
    keys: Keys,
    *,
    now_ms: int,
    as_copy: bool = False,
    new_id: Callable[[], str] = new_installation_id,
) -> Restored | Refused:
    """The backup at `path` unpacked, checked and marked in `into`, which must be empty or not there. All or nothing."""
    about = read_about(path, keys)
    refused = about if isinstance(about, Refused) else refuse_folder(into, about[0])
    if refused is not None:
        return refused
    parent = into.absolute().parent
    draft = parent / f".{into.name}.{secrets.token_hex(8)}.restoring"
    try:
        draft.mkdir(mode=0o700)
        with opened(path, keys) as backup:
            manifest = unpack(backup.stream, draft, no_rest)
        store = draft / manifest.store
        checked = tools.check(f"sqlite:///{store.name}", store.parent)
        if isinstance(checked, StoreRefused) or checked.problems or checked.unknown:
            return _refuse_store(path, checked)
        warnings = _fit_config(draft, into.absolute(), manifest)
        identity = _mark(store, manifest, path.name, now_ms, new_id() if as_copy else "")
        _sync(draft)
        os.rename(draft, into)
        sync_folder(parent)
    except (NotABackup, WrongKey, OSError) as error:
        return refuse_unwritable(path, parent, error)
    except sqlite3.Error as error:
        return Refused(problem=f"the store in {path} cannot be used: {error}", remedy="Take another backup")
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Restored(folder=into, manifest=manifest, installation_id=identity, warnings=warnings)


def refuse_folder(into: Path, manifest: Manifest) -> Refused | None:
    """Why nothing can be restored there; None: it can."""
    if manifest.engine != "sqlite":
        return Refused(
            problem=f"it holds a store of {manifest.engine}", remedy="Restore it with a Terrace that can read that"
        )
    if into.is_symlink() or (into.exists() and not into.is_dir()):
        return Refused(problem=f"{into} is not a folder", remedy="Name a new folder")
    if into.is_dir() and any(into.iterdir()):
        return Refused(problem=f"{into} is not empty", remedy="Name a new folder: a restore overwrites nothing")
    parent = into.absolute().parent
    if not parent.is_dir():
        return Refused(problem=f"there is no folder {parent}", remedy="Make it first")
    return refuse_room(parent, manifest)


def _refuse_store(path: Path, checked: tools.Checked | StoreRefused) -> Refused:
    if not isinstance(checked, StoreRefused) and checked.unknown:
        return Refused(
            problem=f"the store in {path} was written by a newer Terrace ({checked.unknown[-1]})",
            remedy="Install that version or a later one and restore with it",
        )
    words = checked.problem if isinstance(checked, StoreRefused) else "; ".join(checked.problems[:3])
    return Refused(problem=f"the store in {path} is damaged: {words}", remedy="Take another backup")


def _mark(store: Path, manifest: Manifest, name: str, now_ms: int, copy_id: str) -> str:
    """Its installation id from here on. Entries are paused in every world there is."""
    facts = {RESTORED_FROM: name, "clean": "0"}
    if copy_id:
        facts |= {COPY_OF: manifest.installation_id, "installation_id": copy_id}
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        with connection:
            for fact in facts.items():
                connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", fact)
            connection.executemany(
                "INSERT OR REPLACE INTO engine_state (world, name, value, who, time_ms) VALUES (?, 'paused', ?, ?, ?)",
                [(world.value, BY_USER, WHO, now_ms) for world in World],
            )
    return copy_id or manifest.installation_id


# --- the config -----------------------------------------------------------------------------------------


def _fit_config(draft: Path, into: Path, manifest: Manifest) -> tuple[str, ...]:
    """Has the config name the restored data; what it names elsewhere is said. One that would have a daemon start on
    another store gets another name, so that none does."""
    faults = config_problems(draft)
    if faults:
        return faults
    path = draft / CONFIG
    text = path.read_text(encoding="utf-8")
    fitted = _DATA_DIR.sub("data_dir: ./data ", text) if _DATA_DIR.search(text) else f"data_dir: ./data\n{text}"
    if fitted != text:
        os.replace(write_draft(path, fitted), path)
    loaded = load_text(fitted, into / CONFIG, {})
    wrong = _other_store(loaded, into, manifest)
    if wrong:
        os.rename(path, draft / TO_EDIT)
        return (f"{wrong} It is put down as {TO_EDIT}: change that, then rename it to {CONFIG}",)
    assert isinstance(loaded, LoadedConfig)
    return tuple(_elsewhere(loaded, into))


def _other_store(loaded: LoadedConfig | ConfigFaults, into: Path, manifest: Manifest) -> str:
    """Words about a config that would have a daemon start on another store; empty: on the restored one."""
    if not isinstance(loaded, LoadedConfig) or loaded.daemon.data_dir != into / "data":
        return f"The config names another data directory than {into / 'data'} (data_dir)."
    daemon = loaded.daemon
    if daemon.storage.url.startswith("sqlite:") and daemon.storage.path == into / manifest.store:
        return ""
    name = manifest.store.removeprefix(DATA)
    return f"The config names another store: storage.url must be sqlite:///{name}."


def _elsewhere(config: LoadedConfig, into: Path) -> Iterable[str]:
    """What the config names outside the restored folder."""
    daemon = config.daemon
    tokens = into / "data" / "secrets" / "tokens.yaml"
    if not daemon.api.tokens.is_relative_to(into):
        yield f"config.yaml names {daemon.api.tokens}; the tokens of the backup are in {tokens}"
    outside = {
        "forwarder.spool": daemon.forwarder.spool,
        "logging.file": daemon.logging.file,
        "backup.directory": daemon.backup.directory,
    }
    for key, path in outside.items():
        if not path.is_relative_to(into):
            yield f"{key} is {path}, as in the old installation"


def _sync(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
