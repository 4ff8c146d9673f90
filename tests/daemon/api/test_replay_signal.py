"""ReplaySignal against a real engine on the paper exchange: a look at what it would do, and a new signal (SIG-11)."""

from __future__ import annotations

import time
from decimal import Decimal

import grpc
import pytest

from protos.terrace.v1 import account_pb2, engine_pb2, group_pb2, queue_pb2
from protos.terrace.v1 import signal_pb2 as pb
from protos.terrace.v1 import types_pb2 as t
from tests import stores
from tests.daemon.api.calls import Client, alert, refusal
from tests.daemon.api.conftest import Serve, Served

REDUCE = {"type": "reduce"}


def look(client: Client, signal_id: str) -> pb.ReplaySignalResponse:
    answer: pb.ReplaySignalResponse = client.signals.ReplaySignal(pb.ReplaySignalRequest(signal_id=signal_id))
    return answer


def submit(client: Client, signal_id: str, request_id: str = "again") -> pb.Signal:
    request = pb.ReplaySignalRequest(signal_id=signal_id, submit=True, request_id=request_id)
    signal: pb.Signal = client.signals.ReplaySignal(request).signal
    return signal


def types_of(answer: pb.ReplaySignalResponse) -> list[str]:
    return [event.type for event in answer.decisions]


def groups(client: Client) -> list[group_pb2.Group]:
    return list(client.groups.ListGroups(group_pb2.ListGroupsRequest()).groups)


def close(client: Client, group_id: str) -> None:
    client.groups.CloseGroup(group_pb2.CloseGroupRequest(group_id=group_id))
    limit_s = time.monotonic() + 10
    while groups(client):
        assert time.monotonic() < limit_s
        time.sleep(0.02)


@pytest.mark.rule("SIG-11")
def test_a_look_at_an_entry_shows_the_ladder_it_would_place_and_places_nothing(admin: Client) -> None:
    first = admin.send(alert())
    close(admin, first.group_id)
    answer = look(admin, first.signal_id)
    assert (answer.signal.outcome, answer.signal.signal_id) == (t.OUTCOME_OPENED, "")
    assert answer.signal.replay_of_signal_id == first.signal_id
    legs = [event.attributes for event in answer.decisions if event.type == "LEG_PLANNED"]
    assert [(leg["price"], leg["tp_price"]) for leg in legs] == [
        ("100", "101"),
        ("99.5", "100"),
        ("99", "100.98"),
        ("98.5", "99.98"),
        ("98", "98.98"),
    ]
    assert [leg["quantity"] for leg in legs] == ["0.4", "0.402", "0.404", "0.406", "0.408"]
    sent = [event.attributes for event in answer.decisions if event.type == "ORDER_SUBMIT"]
    assert [(order["side"], order["price"]) for order in sent] == [("buy", leg["price"]) for leg in legs]
    assert groups(admin) == []
    newest = admin.signals.ListSignals(pb.ListSignalsRequest()).signals
    assert [signal.signal_id for signal in newest] == [first.signal_id]


@pytest.mark.rule("SIG-11")
def test_what_a_look_says_is_what_the_new_signal_then_does(admin: Client) -> None:
    first = admin.send(alert())
    close(admin, first.group_id)
    seen = look(admin, first.signal_id)
    again = submit(admin, first.signal_id)
    assert again.outcome == seen.signal.outcome == t.OUTCOME_OPENED
    group = admin.groups.GetGroup(group_pb2.GetGroupRequest(group_id=again.group_id)).group
    planned = [event.attributes for event in seen.decisions if event.type == "LEG_PLANNED"]
    placed = [(leg.price, leg.quantity, leg.gap_percent) for leg in group.pyramids[0].legs]
    assert placed == [(leg["price"], leg["quantity"], leg["gap_percent"]) for leg in planned]


@pytest.mark.rule("SIG-11")
def test_the_new_signal_has_an_id_and_a_time_of_its_own_and_says_what_it_repeats(admin: Client) -> None:
    first = admin.send(alert())
    again = submit(admin, first.signal_id)
    assert again.signal_id not in ("", first.signal_id)
    assert again.outcome == t.OUTCOME_PYRAMIDED
    stored = admin.signals.GetSignal(pb.GetSignalRequest(signal_id=again.signal_id)).signal
    assert stored.replay_of_signal_id == first.signal_id
    assert stored.signal_time.ToMilliseconds() == stored.receive_time.ToMilliseconds()
    assert stored.receive_time.ToMilliseconds() > first.receive_time.ToMilliseconds()
    listed = admin.signals.ListSignals(pb.ListSignalsRequest()).signals
    assert {each.signal_id: each.replay_of_signal_id for each in listed} == {
        first.signal_id: "",
        again.signal_id: first.signal_id,
    }


@pytest.mark.rule("SIG-11", "SIG-7")
def test_the_same_request_twice_is_one_signal_and_another_request_is_another(admin: Client, served: Served) -> None:
    first = admin.send(alert())
    one = submit(admin, first.signal_id, "r1")
    two = submit(admin, first.signal_id, "r1")
    other = submit(served.client("operator"), first.signal_id, "r1")
    assert two.signal_id == one.signal_id
    assert (other.outcome, other.duplicate_of_signal_id) == (t.OUTCOME_DUPLICATE, one.signal_id)
    assert submit(admin, first.signal_id, "r2").outcome == t.OUTCOME_PYRAMIDED


@pytest.mark.rule("SIG-11")
def test_submit_wants_a_request_id(admin: Client) -> None:
    first = admin.send(alert())
    assert set(refusal(lambda: submit(admin, first.signal_id, "")).fields) == {"request_id"}
    assert set(refusal(lambda: submit(admin, first.signal_id, "x" * 129)).fields) == {"request_id"}


@pytest.mark.rule("SIG-11")
def test_an_old_alert_is_judged_as_if_it_came_now(admin: Client) -> None:
    late = admin.send(alert() | {"timestamp": "2020-01-01T00:00:00Z"})
    assert (late.outcome, late.reason) == (t.OUTCOME_REJECTED, "TOO_OLD")
    assert look(admin, late.signal_id).signal.outcome == t.OUTCOME_OPENED
    again = submit(admin, late.signal_id)
    assert again.outcome == t.OUTCOME_OPENED
    assert again.replay_of_signal_id == late.signal_id


@pytest.mark.rule("SIG-11", "POOL-3")
def test_everything_that_stands_in_the_way_is_named_not_only_the_first(serve: Serve) -> None:
    served = serve({"pool": {"max_open_groups": 1}, "limits": {"max_total_exposure": "250"}})
    admin = served.client()
    eth = admin.send(alert("ETHUSDT"))
    close(admin, eth.group_id)
    admin.send(alert())
    admin.engine.PauseEngine(engine_pb2.PauseEngineRequest(request_id="p"))
    answer = look(admin, eth.signal_id)
    assert (answer.signal.outcome, answer.signal.reason) == (t.OUTCOME_QUEUED, "ENGINE_PAUSED")
    ways = [event.attributes["reason"] for event in answer.decisions if event.type == "ENTRY_OBSTACLE"]
    assert ways == ["ENGINE_PAUSED", "POOL_FULL", "MAX_TOTAL_EXPOSURE"]
    assert "LEG_PLANNED" not in types_of(answer)
    queued = admin.queue.ListQueuedSignals(queue_pb2.ListQueuedSignalsRequest()).queued_signals
    assert list(queued) == []


@pytest.mark.rule("SIG-11")
def test_a_ladder_that_cannot_be_ordered_is_rejected_with_every_failing_leg(serve: Serve) -> None:
    served = serve()
    admin = served.client()
    first = admin.send(alert())
    close(admin, first.group_id)
    served.write_config({"strategy": {"default": {"sizing": {"capital_per_pyramid": "20"}}}})
    limit_s = time.monotonic() + 10
    while look(admin, first.signal_id).signal.outcome != t.OUTCOME_REJECTED:
        assert time.monotonic() < limit_s
        time.sleep(0.05)
    answer = look(admin, first.signal_id)
    assert answer.signal.reason == "BELOW_MIN_NOTIONAL"
    assert all(f"leg {index}" in answer.signal.reason_detail for index in range(5))


@pytest.mark.rule("SIG-11", "EXIT-1")
def test_a_look_at_an_exit_names_what_would_be_cancelled_and_sold(admin: Client) -> None:
    admin.send(alert())
    leaves = alert(action="sell", market_position="flat", prev_market_position="long")
    gone = admin.send(leaves)
    assert gone.outcome == t.OUTCOME_EXITED
    limit_s = time.monotonic() + 10
    while groups(admin):
        assert time.monotonic() < limit_s
        time.sleep(0.02)
    opened = admin.send(alert(close_price="100", strategy_info={"trade_id": "2"}))
    while groups(admin)[0].state != t.GROUP_STATE_PARTIALLY_FILLED:
        assert time.monotonic() < limit_s
        time.sleep(0.02)
    answer = look(admin, gone.signal_id)
    assert (answer.signal.outcome, answer.signal.group_id) == (t.OUTCOME_EXITED, opened.group_id)
    assert "ORDER_CANCEL" in types_of(answer)
    assert [event.message for event in answer.decisions if event.type == "ORDER_SUBMIT_LATER"] == [
        "once the cancels are certain, send close: sell 0.399 at the market"
    ]
    assert [group.state for group in groups(admin)] != [t.GROUP_STATE_CLOSING]


@pytest.mark.rule("SIG-11", "EXIT-6")
def test_a_reduce_that_would_be_rejected_now_says_so(admin: Client) -> None:
    ignored = admin.send(alert(action="sell", order_size="1", market_position_size="1", execution_intent=REDUCE))
    assert ignored.outcome == t.OUTCOME_IGNORED
    admin.send(alert(close_price="99"))
    answer = look(admin, ignored.signal_id)
    assert (answer.signal.outcome, answer.signal.reason) == (t.OUTCOME_REJECTED, "NOTHING_TO_REDUCE")


@pytest.mark.rule("SIG-11", "PYR-1")
def test_a_look_at_a_pyramid_is_priced_from_its_own_alert(admin: Client) -> None:
    opened = admin.send(alert())
    answer = look(admin, opened.signal_id)
    assert (answer.signal.outcome, answer.signal.group_id) == (t.OUTCOME_PYRAMIDED, opened.group_id)
    planned = next(event for event in answer.decisions if event.type == "LADDER_PLANNED")
    assert (planned.attributes["pyramid"], planned.attributes["entry_price"]) == ("1", "100")
    worst = Decimal(planned.attributes["notional"])
    assert Decimal("199") < worst < Decimal("201")


@pytest.mark.rule("SIG-11", "QUE-1")
def test_a_look_at_a_signal_that_would_take_a_queued_one_s_place_says_so(serve: Serve) -> None:
    admin = serve({"pool": {"max_open_groups": 1}}).client()
    admin.send(alert())
    waits = admin.send(alert("ETHUSDT"))
    answer = look(admin, waits.signal_id)
    assert (answer.signal.outcome, answer.signal.reason) == (t.OUTCOME_REPLACED, "POOL_FULL")
    assert "QUEUE_LEAVES" in types_of(answer)
    ways = [event.message for event in answer.decisions if event.type == "ENTRY_OBSTACLE"]
    assert ways == ["in the way: its key has a queued signal", "in the way: 1 group is live, at most 1"]


@pytest.mark.rule("SIG-11")
def test_a_faulty_body_is_told_as_it_was_when_it_came(admin: Client) -> None:
    refused = refusal(lambda: admin.send(alert(action="hold")))
    faulty = refused.metadata["signal_id"]
    assert set(refusal(lambda: look(admin, faulty)).fields) == {"tv.action"}
    assert refusal(lambda: submit(admin, faulty)).reason == "INVALID_BODY"


@pytest.mark.rule("SIG-11")
def test_a_signal_nobody_knows_is_not_found(admin: Client) -> None:
    assert refusal(lambda: look(admin, "nope")).code is grpc.StatusCode.NOT_FOUND


@pytest.mark.rule("SIG-11")
def test_a_signal_of_a_source_that_is_gone_or_without_its_body_cannot_be_replayed(served: Served) -> None:
    admin = served.client()
    gone, bare = admin.send(alert()), admin.send(alert("ETHUSDT"))
    with stores.Opened(served.data_dir) as store:
        store.rows("UPDATE signals SET source = 'elsewhere' WHERE signal_id = ?", (gone.signal_id,))
        store.rows("UPDATE signals SET body = '' WHERE signal_id = ?", (bare.signal_id,))
    for way in (look, submit):
        error = refusal(lambda: way(admin, gone.signal_id))  # noqa: B023
        assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "SOURCE_GONE")
        assert "'elsewhere'" in error.message
        error = refusal(lambda: way(admin, bare.signal_id))  # noqa: B023
        assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NO_BODY")


@pytest.mark.rule("SIG-11", "SEC-1")
def test_replaying_takes_an_operator(served: Served) -> None:
    first = served.client().send(alert())
    for role in ("viewer", "ingest"):
        client = served.client(role)
        assert refusal(lambda: look(client, first.signal_id)).code is grpc.StatusCode.PERMISSION_DENIED  # noqa: B023
    assert look(served.client("operator"), first.signal_id).signal.outcome == t.OUTCOME_PYRAMIDED


@pytest.mark.rule("SIG-11", "CFG-6")
def test_read_only_a_look_is_answered_and_a_submit_is_refused(served: Served) -> None:
    admin = served.client()
    first = admin.send(alert())
    served.write_config({"engine": {"mode": "read_only"}})
    limit_s = time.monotonic() + 10
    while look(admin, first.signal_id).signal.reason != "READ_ONLY":
        assert time.monotonic() < limit_s
        time.sleep(0.05)
    assert look(admin, first.signal_id).signal.outcome == t.OUTCOME_REJECTED
    assert refusal(lambda: submit(admin, first.signal_id)).reason == "READ_ONLY"


@pytest.mark.rule("SIG-11", "ORD-10")
def test_without_a_price_a_market_entry_would_wait_and_the_look_says_for_what(serve: Serve) -> None:
    admin = serve({"strategy": {"default": {"entry_order": "market"}}, "execution": {"max_quote_age_s": 1}}).client()
    price = account_pb2.SetPaperPriceRequest(account="paper", symbol="BTC/USDT", price="100", request_id="p")
    admin.accounts.SetPaperPrice(price)
    first = admin.send(alert())
    close(admin, first.group_id)
    limit_s = time.monotonic() + 10
    while (answer := look(admin, first.signal_id)).signal.reason != "PRICE_MISSING":
        assert time.monotonic() < limit_s, answer
        time.sleep(0.1)
    assert answer.signal.outcome == t.OUTCOME_QUEUED
