"""Real stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.store.read import Reader
from daemon.store.store import SqlStore
from tests.daemon.store.samples import chosen


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = chosen(tmp_path)
    yield store
    store.close()


@pytest.fixture
def reader(store: SqlStore) -> Iterator[Reader]:
    reader = Reader(store.source())
    yield reader
    reader.close()
