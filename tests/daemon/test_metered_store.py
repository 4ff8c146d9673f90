"""What only watches the commits never undoes one: a fault of it is logged, and the batch stays as the store took it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.rules.records import Row
from actors.rules.settings import NotificationSettings, Settings
from daemon.metered_store import MeteredStore
from daemon.observe.metrics import Metrics
from daemon.observe.outbox import Outbox
from daemon.store.store import SqliteStore
from tests.daemon.store import samples

PHONE = NotificationSettings(name="phone", url="env:PHONE", severity="info")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = samples.opened(tmp_path)
    yield store
    store.close()


def a_closed_loop() -> None:
    raise RuntimeError("Event loop is closed")


class BrokenTap:
    def committed(self, _rows: object) -> None:
        raise KeyError("a bug")


@pytest.mark.rule("LOG-5", "REC-2")
def test_a_commit_that_is_durable_is_told_so_whatever_happens_to_who_watches(store: SqliteStore) -> None:
    outbox = Outbox(lambda: Settings(notifications=(PHONE,)), prefix="n1", wake=a_closed_loop)
    tap: Any = BrokenTap()
    metered = MeteredStore(store, Metrics(), outbox=outbox, tap=tap)
    worth_a_message: tuple[Row, ...] = (samples.event("x", type="group.closed"),)
    batch: list[tuple[str, tuple[Row, ...]]] = [("a", samples.opening(1)), ("b", worth_a_message)]
    assert [one.broken for one in metered.apply(batch)] == [None, None]
    assert store.live_group_ids() == [samples.group(1).group_id]
