"""Stores on real files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.store.read import Reader
from daemon.store.store import SqliteStore
from tests.daemon.store.samples import opened


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = opened(tmp_path)
    yield store
    store.close()


@pytest.fixture
def reader(store: SqliteStore, tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path / "terrace.db")
    yield reader
    reader.close()
