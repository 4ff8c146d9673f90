"""Closing everything when little else works (ORD-12, REC-5)."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import NoReturn

import grpc
import pytest

from actors import supervisor
from actors.ports import StoreFault
from actors.runtime import Life
from actors.view import View
from daemon.store.store import SqliteStore, SqlStore
from protos.terrace.v1 import group_pb2
from tests.daemon.api.calls import Client, alert
from tests.daemon.api.conftest import Serve, Served
from tests.daemon.api.test_group_service import until
from tests.daemon.store.test_faults import fill

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


def broken(life: Life) -> NoReturn:
    raise RuntimeError(f"{life.name} is down")


def with_groups(served: Served) -> Client:
    """Groups of three symbols that hold something."""
    admin = served.client()
    for symbol in SYMBOLS:
        admin.send(alert(symbol))
    until(lambda: all(group.legs_filled for group in listed(admin)) and len(listed(admin)) == len(SYMBOLS))
    return admin


def listed(admin: Client) -> list[group_pb2.Group]:
    return list(admin.groups.ListGroups(group_pb2.ListGroupsRequest()).groups)


def are_down(served: Served, *names: str) -> Callable[[], bool]:
    return lambda: all(served.daemon._parts.system.incarnation(name) == 0 for name in names)


@pytest.mark.rule("ORD-12")
def test_everything_is_closed_while_pool_queue_and_risk_engine_are_down(served: Served) -> None:
    admin = with_groups(served)
    system = served.daemon._parts.system
    names = [name for name in ("pool/paper", "queue/paper", "risk/paper") if system.incarnation(name)]
    for name in names:
        system.register(name.partition("/")[0], broken)
    for name in names:
        system.tell(name, "a word nobody knows")
    until(are_down(served, *names))
    answer = admin.groups.CloseAllGroups(group_pb2.CloseAllGroupsRequest())
    assert len(answer.groups) == len(SYMBOLS)
    assert ["new entries could not be paused" in failure.message for failure in answer.failures] == [True]
    until(lambda: not listed(admin))
    view = served.daemon._parts.view.current
    assert {group.close_reason for group in view.closed.values()} == {"MANUAL"}


@pytest.mark.store("sqlite")
@pytest.mark.rule("ORD-12", "REC-5")
def test_everything_is_closed_on_a_full_disk(served: Served) -> None:
    admin = with_groups(served)
    store = served.daemon._store
    assert isinstance(store, SqliteStore)
    fill(store)
    until(lambda: is_full(admin, served))
    answer = admin.groups.CloseAllGroups(group_pb2.CloseAllGroupsRequest())
    assert not answer.failures
    assert len(answer.groups) == len(SYMBOLS)
    until(lambda: not listed(admin))


def is_full(admin: Client, served: Served) -> bool:
    """One long alert after the other, until the file would have to grow."""
    if not served.daemon._metered.on_reserve:
        with contextlib.suppress(grpc.RpcError):
            nothing_to_leave = alert("BTCUSDT", "60", "sell", close_price=str(time.monotonic_ns()))
            admin.send({**nothing_to_leave, "filler": "x" * 60_000})
    return served.daemon._metered.on_reserve


@pytest.mark.rule("ORD-12", "REC-4")
@pytest.mark.parametrize("late_s", [0.0, 0.2], ids=["marked at once", "marked after the answers"])
def test_without_a_store_it_says_that_nothing_was_closed_and_what_a_person_can_do(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, late_s: float
) -> None:
    mark = View.mark_store

    def mark_late(view: View, ok: bool, error: str = "") -> None:
        time.sleep(0.0 if ok else late_s)
        mark(view, ok, error)

    monkeypatch.setattr(View, "mark_store", mark_late)
    monkeypatch.setattr(supervisor, "PROBE_MS", 300)
    served = serve()
    admin = with_groups(served)

    def away(*_: object) -> NoReturn:
        raise StoreFault("the server is away")

    with monkeypatch.context() as broken:
        broken.setattr(SqlStore, "apply", away)
        answer = admin.groups.CloseAllGroups(group_pb2.CloseAllGroupsRequest())
        assert list(answer.groups) == []
        by_group = [failure.group_id for failure in answer.failures if failure.group_id]
        assert len(by_group) == len(SYMBOLS)
        assert "close the positions at the exchange" in answer.failures[-1].message
        assert {failure.reason for failure in answer.failures} <= {"STORE_FAILED", "OUTCOME_UNKNOWN", "OVERLOADED"}
    until(lambda: served.daemon._parts.view.current.store_ok, 20)

    def closed() -> bool:
        with contextlib.suppress(grpc.RpcError):
            admin.groups.CloseAllGroups(group_pb2.CloseAllGroupsRequest())
        return not listed(admin)

    until(closed, 30)
