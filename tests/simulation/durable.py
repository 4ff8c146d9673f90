"""Which store a run's engine has: in memory, or for a share of seeds the real one on a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from daemon.first_view import ViewReader
from daemon.store.audit import AuditKeys
from daemon.store.memory import MemoryStore
from daemon.store.read import Reader
from tests.actors.town import opened

ON_FILE_EVERY = 20
KEYS = AuditKeys({"k1-00000001": bytes(32)})
"""Every so-manieth seed runs on SQLite."""


@contextmanager
def store_of(seed: int) -> Iterator[tuple[Any, ViewReader]]:
    """`ports.Store` and what the View reads at start."""
    if seed % ON_FILE_EVERY:
        store = MemoryStore(KEYS)
        yield store, store
        return
    with TemporaryDirectory() as folder:
        on_file = opened(Path(folder))
        reader = Reader(Path(folder) / "terrace.db")
        try:
            yield on_file, reader
        finally:
            reader.close()
            on_file.close()
