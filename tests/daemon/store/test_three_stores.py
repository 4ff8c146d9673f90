"""SQLite, PostgreSQL and the store in memory say and keep the same, whatever they are given.

Every test of the store's constraints, loads and records runs here on all three side by side. A real server is started
for them; where there is none they are skipped.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.rules.records import Row
from daemon.store.open import open_store
from daemon.store.read import Reader
from daemon.store.store import SqlStore
from tests import postgres, stores
from tests.actors import town as towns
from tests.actors.crowd import crowd_run
from tests.daemon.store.samples import T0, opened
from tests.daemon.store.test_memory_store import batches, of_the_real_store
from tests.daemon.store.twins import Twins

globals().update(of_the_real_store())

pytestmark = pytest.mark.skipif(bool(postgres.why_not()), reason=postgres.why_not())


def on_postgres(folder: Path, other: Path) -> tuple[SqlStore, Reader]:
    """A new store on the server. Its audit trail has the keys of the `other`."""
    shutil.copytree(other / "secrets", folder / "secrets")
    store = open_store(stores.new_postgres(), "normal", folder)
    assert isinstance(store, SqlStore), store
    return store, Reader(store.source())


def three(folder: Path, real: SqlStore) -> Twins:
    return Twins(real, Reader(real.source()), on_postgres(folder / "server", folder))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Twins]:
    twins = three(tmp_path, opened(tmp_path))
    yield twins
    twins.compare(T0)
    twins.close()


@pytest.mark.rule("REC-2")
@settings(max_examples=60 if stores.KIND == "postgres" else 6, deadline=None)
@given(st.lists(batches, min_size=1, max_size=5))
def test_all_three_take_and_refuse_the_same_rows_and_load_the_same(
    run: list[list[tuple[str, tuple[Row, ...]]]],
) -> None:
    first = stores.count_made()
    with TemporaryDirectory() as folder:
        twins = three(Path(folder), towns.opened(Path(folder)))
        try:
            for batch in run:
                twins.apply(batch)
            twins.compare(T0 + 2)
        finally:
            twins.close()
            stores.give_back(first)


@pytest.mark.rule("REC-1", "REC-2")
def test_an_engine_disturbed_in_every_way_cannot_tell_the_three_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each batch of the run goes to all, and each load of a new process is made from all."""
    made: list[Twins] = []

    def all_of_them(folder: Path) -> Twins:
        made.append(three(folder, opened_town(folder)))
        return made[-1]

    opened_town = towns.opened
    monkeypatch.setattr(towns, "opened", all_of_them)
    with crowd_run(tmp_path, 5, faults=12) as town:
        made[0].compare(town.system.now_ms())
        assert len(made[0].memory.signals) > 10
        assert made[0].memory.trades
    made[0].close()
