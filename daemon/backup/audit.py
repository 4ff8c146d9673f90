"""The audit trail of a backup's store, checked with the keys of the installation it came from (LOG-3)."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from daemon.store.audit_keys import NoKeys, load_keys
from daemon.store.audit_verify import Check, verify
from daemon.store.sqlite_link import SqliteSource


def check_audit(store: Path, data_dir: Path | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Problems, and notes. `data_dir`: where the trail's keys lie; they are never part of a backup."""
    keys = load_keys(data_dir) if data_dir is not None else NoKeys("", "")
    if isinstance(keys, NoKeys):
        return (), ("the audit trail was not checked: its key (secrets/audit.key) is not at hand; give --config",)
    with closing(SqliteSource(store)) as source:
        found = verify(source.snapshot, keys, Check())
    if found.valid:
        return (), (f"the audit trail is whole: {found.checked} events", *((found.words,) if found.words else ()))
    return (f"the audit trail is broken at event {found.broken_at}: {found.words}",), ()
