"""Which store a run's engine has: in memory, or for a share of seeds the real one: on a file, or with
`TERRACE_TEST_STORE=postgres` on a server that the run starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from daemon.first_view import ViewReader
from daemon.store.audit import AuditKeys
from daemon.store.memory import MemoryStore
from tests import stores
from tests.actors.town import opened

ON_FILE_EVERY = 20
"""Every so-manieth seed runs on SQLite."""
ON_SERVER_EVERY = 5
"""The same for PostgreSQL, where it was asked for."""
KEYS = AuditKeys({"k1-00000001": bytes(32)})


@contextmanager
def store_of(seed: int) -> Iterator[tuple[Any, ViewReader]]:
    """`ports.Store` and what the View reads at start."""
    if seed % (ON_SERVER_EVERY if stores.IS_POSTGRES else ON_FILE_EVERY):
        store = MemoryStore(KEYS)
        yield store, store
        return
    first = stores.count_made()
    with TemporaryDirectory() as folder:
        durable = opened(Path(folder))
        reader = stores.reader_of(Path(folder))
        try:
            yield durable, reader
        finally:
            reader.close()
            durable.close()
            stores.give_back(first)
