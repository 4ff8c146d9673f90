"""A store that is slow, full, and well again, as a user sees it (REC-4, REC-5)."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any, NoReturn

import pytest

from actors import supervisor
from actors.ports import StoreFault
from actors.rules.choices import World
from daemon.api import status_counts
from daemon.store import reserve
from daemon.store.found import Counts
from daemon.store.store import SqlStore
from protos.terrace.v1 import engine_pb2, record_pb2
from protos.terrace.v1 import types_pb2 as t
from tests.daemon.api.calls import Client, alert, read_error, refusal
from tests.daemon.api.conftest import Serve, Served
from tests.daemon.api.test_engine_service import status_of
from tests.daemon.api.test_group_service import until


def held_back(client: Client, code: str) -> list[engine_pb2.Degradation]:
    return [one for one in status_of(client).degraded if one.code == code]


def alerts(client: Client) -> set[str]:
    return {each.alert_id for each in client.records.ListAlerts(record_pb2.ListAlertsRequest()).alerts}


def events(client: Client, text: str) -> int:
    return len(client.records.ListEvents(record_pb2.ListEventsRequest(text=text)).events)


def reason(client: Client, body: dict[str, Any]) -> str:
    """What became of an alert: its outcome, or why it was not taken."""
    try:
        return t.Outcome.Name(client.send(body).outcome).removeprefix("OUTCOME_")
    except Exception as error:
        return read_error(error).reason


@pytest.mark.rule("REC-4", "LOG-5")
def test_a_slow_store_takes_exits_and_no_entries_until_it_is_quick_again(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "PROBE_MS", 300)
    before, delay = SqlStore.apply, {"s": 0.0}

    def apply(self: SqlStore, batch: Sequence[Any]) -> Any:
        time.sleep(delay["s"])
        return before(self, batch)

    monkeypatch.setattr(SqlStore, "apply", apply)
    admin = serve({"pool": {"max_open_groups": 100}}).client()
    assert admin.send(alert()).outcome == t.OUTCOME_OPENED
    delay["s"] = 0.25
    told = []
    for number in range(1, 60):
        told.append(reason(admin, alert("ETHUSDT", str(number))))
        if told[-1] == "STORE_SLOW":
            break
    assert set(told[:-1]) == {"OPENED"}, told  # Until then all was taken, only slowly.
    refused = refusal(lambda: admin.send(alert("ETHUSDT", "999")))
    assert (refused.reason, refused.code.name) == ("STORE_SLOW", "UNAVAILABLE")
    (one,) = held_back(admin, "STORE_SLOW")
    assert one.HasField("since_time")
    assert "entries are refused, exits go on" in one.message
    assert status_of(admin).state == t.ENGINE_STATE_DEGRADED
    until(lambda: "store_slow" in alerts(admin))
    assert admin.send(alert(execution_intent={"type": "exit"})).outcome == t.OUTCOME_EXITED

    delay["s"] = 0.0
    until(lambda: not held_back(admin, "STORE_SLOW"), 20)  # By itself: nobody sends anything.
    until(lambda: "store_slow" not in alerts(admin))
    assert events(admin, "the store is quick again: entries are taken") == 1
    assert admin.send(alert("ETHUSDT", "999")).outcome == t.OUTCOME_OPENED


@pytest.mark.store("sqlite")
@pytest.mark.rule("REC-4", "REC-5", "LOG-5")
def test_a_full_disk_takes_exits_out_of_the_reserve_until_there_is_room(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "PROBE_MS", 300)
    monkeypatch.setattr(reserve, "RENEW_INTERVAL_S", 0.1)
    served = serve()
    admin = served.client()
    assert admin.send(alert()).outcome == t.OUTCOME_OPENED
    link: Any = served.daemon._store._link
    kept: Any = link._reserve  # What SQLite's word of a full disk leads to.
    kept._free_bytes = 1 << 62
    assert kept.release()
    admin.engine.PauseEngine(engine_pb2.PauseEngineRequest())
    admin.engine.ResumeEngine(engine_pb2.ResumeEngineRequest())
    until(lambda: bool(held_back(admin, "STORE_ON_RESERVE")))
    assert "make room" in held_back(admin, "STORE_ON_RESERVE")[0].remedy
    refused = refusal(lambda: admin.send(alert("ETHUSDT")))
    assert (refused.reason, "disk is full" in refused.message) == ("STORE_FAILED", True)
    assert admin.send(alert(execution_intent={"type": "exit"})).outcome == t.OUTCOME_EXITED
    until(lambda: "store_reserve" in alerts(admin))

    kept._free_bytes = 1
    until(lambda: not held_back(admin, "STORE_ON_RESERVE"), 20)
    until(lambda: "store_reserve" not in alerts(admin))
    assert kept.is_whole
    assert admin.send(alert("ETHUSDT")).outcome == t.OUTCOME_OPENED
    assert status_of(admin).state == t.ENGINE_STATE_RUNNING


@pytest.mark.rule("REC-4")
def test_a_status_comes_also_while_the_store_cannot_be_read(
    served: Served, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin.send(alert())
    well = status_of(admin)

    def away(*_: object) -> NoReturn:
        raise StoreFault("the store cannot be read: the server is away")

    with monkeypatch.context() as broken:
        broken.setattr(served.daemon._reader, "counts", away)
        unwell = status_of(admin)
        assert (unwell.state, unwell.live_groups) == (t.ENGINE_STATE_DEGRADED, well.live_groups)
        assert unwell.dead_letters == well.dead_letters
        (one,) = unwell.degraded
        assert (one.code, "the server is away" in one.message) == ("STORE_UNREADABLE", True)
    assert status_of(admin).state == t.ENGINE_STATE_RUNNING


@pytest.mark.rule("REC-4")
def test_a_store_that_hangs_holds_up_one_look_at_the_status_and_not_every_one(
    served: Served, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_counts, "READ_LIMIT_S", 0.2)
    calls, go = [], threading.Event()
    before = served.daemon._reader.counts

    def hang(world: World) -> Counts:
        calls.append(world)
        go.wait(20)
        return before(world)

    monkeypatch.setattr(served.daemon._reader, "counts", hang)
    began_s = time.monotonic()
    codes = [status_of(admin).degraded[0].code for _ in range(5)]
    assert codes == ["STORE_UNREADABLE"] * 5
    assert time.monotonic() - began_s < 5
    assert len(calls) == 1
    go.set()
    until(lambda: status_of(admin).state == t.ENGINE_STATE_RUNNING)
