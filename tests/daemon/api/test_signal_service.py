"""SubmitSignal and its kin against a real engine on the paper exchange."""

from __future__ import annotations

import json
import threading
import time

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from daemon.store.read import Reader
from protos.terrace.v1 import signal_pb2 as pb
from protos.terrace.v1 import types_pb2 as t
from protos.terrace.v1.group_pb2 import GetGroupRequest
from tests import stores
from tests.daemon.api.calls import Client, alert, refusal
from tests.daemon.api.conftest import Serve, Served


def ago(seconds: float) -> Timestamp:
    stamp = Timestamp()
    stamp.FromMilliseconds(int((time.time() - seconds) * 1000))
    return stamp


def iso(seconds_ago: float) -> str:
    return ago(seconds_ago).ToJsonString()


@pytest.mark.rule("SIG-9", "SIG-10")
def test_an_alert_opens_a_group_and_its_signal_is_stored_before_the_answer(admin: Client) -> None:
    signal = admin.send(alert(strategy_info={"trade_id": "a", "alert_name": "trend"}))
    assert signal.outcome == t.OUTCOME_OPENED
    assert signal.reason == ""
    assert (signal.account, signal.symbol, signal.timeframe) == ("paper", "BTC/USDT", "15m")
    assert (signal.intent, signal.side, signal.entry_price) == (t.INTENT_ENTRY, t.SIDE_LONG, "100")
    stored = admin.signals.GetSignal(pb.GetSignalRequest(signal_id=signal.signal_id))
    assert stored.signal.outcome == t.OUTCOME_OPENED
    assert stored.signal.group_id == signal.group_id
    assert stored.signal.strategy == "trend"
    assert stored.signal.pyramid_index == 0
    assert stored.signal.HasField("pyramid_index")
    assert "SIGNAL_OPENED" in {event.type for event in stored.timeline}


@pytest.mark.rule("SIG-7")
def test_the_same_alert_again_is_a_duplicate_of_the_first(admin: Client) -> None:
    first = admin.send(alert(strategy_info={"trade_id": "a"}))
    again = admin.send(alert(strategy_info={"trade_id": "a"}))
    assert again.outcome == t.OUTCOME_DUPLICATE
    assert again.first_outcome == t.OUTCOME_OPENED
    assert again.duplicate_of_signal_id == first.signal_id
    assert again.group_id == first.group_id
    assert again.reason_detail == "the same alert arrived before; its first outcome was OPENED"


@pytest.mark.rule("SIG-7")
def test_a_sender_s_own_identifier_makes_different_bodies_the_same_signal(admin: Client) -> None:
    first = admin.send(alert(close_price="100"), request_id="mine-1")
    again = admin.send(alert(close_price="101"), request_id="mine-1")
    assert (first.outcome, again.outcome) == (t.OUTCOME_OPENED, t.OUTCOME_DUPLICATE)


@pytest.mark.rule("SIG-7", "GRP-1")
def test_one_alert_sent_by_fifty_threads_at_once_opens_one_group(served: Served) -> None:
    outcomes: list[int] = []
    client = served.client()

    def send() -> None:
        outcomes.append(client.send(alert(strategy_info={"trade_id": "crowd"})).outcome)

    threads = [threading.Thread(target=send) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [t.OUTCOME_OPENED] + [t.OUTCOME_DUPLICATE] * 49


@pytest.mark.rule("SIG-2")
def test_a_faulty_body_is_refused_with_every_faulty_field_and_has_an_outcome_all_the_same(admin: Client) -> None:
    body = {"tv": {"exchange": "BINANCE", "timeframe": "soon", "action": "hold", "close_price": "{{close}}"}}
    refused = refusal(lambda: admin.send(body))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.reason == "INVALID_BODY"
    assert set(refused.fields) == {"tv.symbol", "tv.timeframe", "tv.action", "tv.close_price"}
    assert all(path in refused.message for path in refused.fields)
    stored = admin.signals.GetSignal(pb.GetSignalRequest(signal_id=refused.metadata["signal_id"])).signal
    assert (stored.outcome, stored.reason) == (t.OUTCOME_REJECTED, "INVALID_BODY")
    assert {problem.path for problem in stored.problems} == set(refused.fields)


@pytest.mark.rule("SIG-2", "SIG-7")
def test_a_faulty_body_sent_twice_is_stored_once(admin: Client) -> None:
    for _ in range(3):
        refusal(lambda: admin.send(b'{"tv": 1}'))
    listed = admin.signals.ListSignals(pb.ListSignalsRequest(outcomes=[t.OUTCOME_REJECTED]))
    assert len(listed.signals) == 1


@pytest.mark.rule("SIG-2")
def test_what_is_no_json_is_refused_with_line_and_column(admin: Client) -> None:
    refused = refusal(lambda: admin.send(b'{"tv": {\n  "action": buy}}'))
    assert refused.reason == "INVALID_BODY"
    assert "line 2, column 13" in refused.message


@pytest.mark.rule("SIG-2")
def test_a_body_over_the_limit_is_refused_and_one_at_the_limit_is_read(admin: Client) -> None:
    body = json.dumps(alert()).encode()
    fits = body[:-1] + b', "note": "' + b"x" * (64 * 1024 - len(body) - 12) + b'"}'
    assert len(fits) == 64 * 1024
    assert admin.send(fits).outcome == t.OUTCOME_OPENED
    assert refusal(lambda: admin.send(fits + b" ")).reason == "BODY_TOO_LARGE"


def test_an_unknown_source_is_named_with_those_there_are(admin: Client) -> None:
    refused = refusal(lambda: admin.send(alert(), source="nobody"))
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "UNKNOWN_SOURCE")
    assert "tradingview" in refused.fields["source"]


@pytest.mark.rule("SIG-4")
def test_symbols_that_are_unknown_or_denied_and_exchanges_without_a_route_are_rejected(serve: Serve) -> None:
    admin = serve({"accounts": {"paper": {"deny": ["SOL/*"]}}, "routes": {"*": "paper"}}).client()
    assert admin.send(alert("NOPEUSDT")).reason == "UNKNOWN_SYMBOL"
    assert admin.send(alert("SOLUSDT")).reason == "SYMBOL_DENIED"
    assert admin.send(alert("BINANCE:BTCUSDT")).outcome == t.OUTCOME_OPENED


@pytest.mark.rule("SIG-4")
def test_no_route_is_an_outcome(serve: Serve) -> None:
    served = serve()
    served.write_config({"routes": {"BYBIT": "paper"}})
    config = dict(served.config)
    config["routes"] = {"BYBIT": "paper"}
    served.config = config
    served.write_config()
    admin = served.client()
    for attempt in range(100):
        signal = admin.send(alert(strategy_info={"trade_id": f"r{attempt}"}))
        if signal.reason == "NO_ROUTE":
            break
        time.sleep(0.1)
    assert (signal.outcome, signal.reason) == (t.OUTCOME_REJECTED, "NO_ROUTE")
    assert "BINANCE" in signal.reason_detail


@pytest.mark.rule("SIG-7", "SIG-10")
def test_a_rejection_is_an_outcome_that_a_copy_gets_again_also_after_a_restart(serve: Serve, served: Served) -> None:
    admin = served.client()
    body = alert("NOPEUSDT", strategy_info={"trade_id": "n"})
    first, again = admin.send(body), admin.send(body)
    assert (first.outcome, again.outcome) == (t.OUTCOME_REJECTED, t.OUTCOME_DUPLICATE)
    assert again.first_outcome == t.OUTCOME_REJECTED
    assert again.duplicate_of_signal_id == first.signal_id
    served.stop()
    second = Served(served.folder, {})
    second.start()
    try:
        later = second.client().send(body)
        assert (later.outcome, later.duplicate_of_signal_id) == (t.OUTCOME_DUPLICATE, first.signal_id)
    finally:
        second.stop()


@pytest.mark.rule("SIG-7", "SIG-10")
def test_copies_of_a_refused_alert_that_come_at_once_are_one_signal(admin: Client) -> None:
    """Each is told the one that is stored, also where all of them found nothing stored yet."""
    body = json.dumps({**alert(), "timestamp": iso(-120)}).encode()
    request = pb.SubmitSignalRequest(source="tradingview", body=body)
    calls = [admin.signals.SubmitSignal.future(request) for _ in range(16)]
    told = [call.result().signal for call in calls]
    stored = admin.signals.ListSignals(pb.ListSignalsRequest()).signals
    assert [signal.reason for signal in stored] == ["TOO_FAR_AHEAD"]
    assert {signal.duplicate_of_signal_id or signal.signal_id for signal in told} == {stored[0].signal_id}
    assert [signal.outcome for signal in told].count(t.OUTCOME_REJECTED) == 1
    assert [signal.first_outcome for signal in told].count(t.OUTCOME_REJECTED) == 15


@pytest.mark.rule("SIG-7", "SIG-10")
def test_a_refused_copy_of_an_alert_that_is_decided_meanwhile_gets_its_outcome(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = admin.send(alert(), request_id="mine-1")
    # As when the question is asked before the first one's commit, and the refusal committed after it.
    monkeypatch.setattr(Reader, "first_answer", lambda *_asked: None)
    second = admin.send(alert("NOPEUSDT"), request_id="mine-1")
    assert (second.outcome, second.first_outcome) == (t.OUTCOME_DUPLICATE, t.OUTCOME_OPENED)
    assert second.duplicate_of_signal_id == first.signal_id


@pytest.mark.rule("SIG-5")
def test_an_old_alert_of_a_direct_sender_is_rejected_and_one_ahead_of_time_too(admin: Client) -> None:
    assert admin.send({**alert("ETHUSDT"), "timestamp": iso(301)}).reason == "TOO_OLD"
    assert admin.send({**alert("SOLUSDT"), "timestamp": iso(-120)}).reason == "TOO_FAR_AHEAD"
    assert admin.send({**alert(), "timestamp": iso(250)}).outcome == t.OUTCOME_OPENED


@pytest.mark.rule("SIG-5", "SIG-12")
def test_the_age_of_what_the_forwarder_took_in_time_is_not_judged_again(served: Served) -> None:
    forwarder, admin = served.client("ingest"), served.client("admin")
    body = {**alert(), "timestamp": iso(280)}
    assert forwarder.send(body, receive_time=ago(270)).outcome == t.OUTCOME_OPENED
    # Whoever is not the forwarder cannot talk its own alert young.
    assert admin.send({**alert("ETHUSDT"), "timestamp": iso(400)}, receive_time=ago(399)).reason == "TOO_OLD"


@pytest.mark.rule("SIG-12")
def test_an_entry_that_lay_in_the_spool_for_too_long_expires_and_an_exit_does_not(served: Served) -> None:
    forwarder = served.client("ingest")
    opened = forwarder.send({**alert(), "timestamp": iso(700)}, receive_time=ago(20))
    assert opened.outcome == t.OUTCOME_OPENED
    late = forwarder.send({**alert("ETHUSDT"), "timestamp": iso(600)}, receive_time=ago(600))
    assert (late.outcome, late.reason) == (t.OUTCOME_EXPIRED, "TOO_OLD")
    leaves = {**alert(action="sell", execution_intent={"type": "exit"}), "timestamp": iso(600)}
    assert forwarder.send(leaves, receive_time=ago(600)).outcome == t.OUTCOME_EXITED


@pytest.mark.rule("LOG-4")
def test_a_secret_in_the_body_is_in_no_file_of_the_daemon(served: Served) -> None:
    admin = served.client()
    secret = "correct-horse-battery-staple"
    signal = admin.send({"secret": secret, **alert()})
    refusal(lambda: admin.send(json.dumps({"secret": secret, "tv": {}}).encode()))
    refusal(lambda: admin.send(f'{{"secret": "{secret}", '.encode()))
    shown = admin.signals.GetSignal(pb.GetSignalRequest(signal_id=signal.signal_id))
    assert secret not in str(shown)
    assert "BTCUSDT" in shown.signal.body
    served.stop()
    for path in served.data_dir.rglob("*"):
        if path.is_file() and path.name != "reserve.bin":
            assert secret.encode() not in path.read_bytes(), path


@pytest.mark.rule("SIG-1")
def test_a_body_without_a_secret_is_stored_as_it_arrived(admin: Client) -> None:
    body = json.dumps(alert()).encode()[:-1] + b',  "note" : 1.500e2 }'
    signal = admin.send(body)
    shown = admin.signals.GetSignal(pb.GetSignalRequest(signal_id=signal.signal_id)).signal
    assert shown.body == body.decode()


@pytest.mark.rule("SIG-13", "LOG-4")
def test_a_source_maps_its_own_shape_and_its_mapped_secret_is_dropped_too(serve: Serve) -> None:
    field_map = {
        "tv.exchange": "'BINANCE'",
        "tv.symbol": "ticker",
        "tv.action": "order.side",
        "tv.timeframe": "'15m'",
        "tv.close_price": "price",
        "secret": "passphrase",
    }
    sources = {"bot": {"secret": "file:secrets/bot", "map": field_map}}
    admin = serve({"sources": sources}).client()
    body = {"ticker": "ETHUSDT", "order": {"side": "buy"}, "price": 100, "passphrase": "open-sesame-please"}
    signal = admin.send(body, source="bot")
    assert (signal.outcome, signal.symbol, signal.entry_price) == (t.OUTCOME_OPENED, "ETH/USDT", "100")
    shown = admin.signals.GetSignal(pb.GetSignalRequest(signal_id=signal.signal_id)).signal
    assert "open-sesame-please" not in shown.body
    assert json.loads(shown.body)["ticker"] == "ETHUSDT"


@pytest.mark.rule("SIG-13")
def test_a_body_can_be_checked_field_by_field_without_being_sent(admin: Client) -> None:
    body = json.dumps({"secret": "hush-hush-hush", **alert(timeframe="soon", order_size=1.50)}).encode()
    checked = admin.signals.CheckSignal(pb.CheckSignalRequest(source="tradingview", body=body))
    readings = {field.path: field for field in checked.fields}
    assert not checked.valid
    assert readings["tv.timeframe"].problem
    assert readings["tv.symbol"].value == '"BTCUSDT"'
    assert readings["tv.order_size"].value == "1.5"
    assert readings["tv.market_position"].value == ""
    assert "hush" not in str(checked)
    good = admin.signals.CheckSignal(pb.CheckSignalRequest(source="tradingview", body=json.dumps(alert()).encode()))
    assert good.valid
    assert (good.signal.symbol, good.signal.account) == ("BTC/USDT", "paper")
    assert not admin.signals.ListSignals(pb.ListSignalsRequest()).signals


def test_a_dry_run_says_what_would_be_done_and_does_nothing(admin: Client) -> None:
    assert admin.send(alert(), validate_only=True).outcome == t.OUTCOME_OPENED
    assert not admin.signals.ListSignals(pb.ListSignalsRequest()).signals
    opened = admin.send(alert())
    dry = admin.send(alert(close_price="99"), validate_only=True)
    assert (dry.outcome, dry.group_id, dry.signal_id) == (t.OUTCOME_PYRAMIDED, opened.group_id, "")
    leaves = alert(action="sell", execution_intent={"type": "exit"})
    assert admin.send(leaves, validate_only=True).outcome == t.OUTCOME_EXITED
    assert admin.send(alert("NOPEUSDT"), validate_only=True).reason == "UNKNOWN_SYMBOL"
    assert refusal(lambda: admin.send(b"{}", validate_only=True)).reason == "INVALID_BODY"
    assert len(admin.signals.ListSignals(pb.ListSignalsRequest()).signals) == 1


@pytest.mark.rule("SIG-6", "EXIT-6")
def test_a_dry_run_of_a_reduce_says_so_and_a_reverse_on_spot_is_an_exit(admin: Client) -> None:
    opened = admin.send(alert())
    limit_s = time.monotonic() + 10
    while admin.groups.GetGroup(GetGroupRequest(group_id=opened.group_id)).group.quantity == "0":
        assert time.monotonic() < limit_s
        time.sleep(0.02)
    half = alert(action="sell", order_size="1", prev_market_position_size="2", execution_intent={"type": "reduce"})
    reduces = admin.send(half, validate_only=True)
    assert (reduces.outcome, reduces.group_id) == (t.OUTCOME_REDUCED, opened.group_id)
    unclear = admin.send(alert(action="sell", execution_intent={"type": "reduce"}), validate_only=True)
    assert (unclear.outcome, unclear.reason) == (t.OUTCOME_REJECTED, "SIZE_MISSING")
    turns = admin.send(alert(action="sell", execution_intent={"type": "reverse"}), validate_only=True)
    assert (turns.outcome, turns.group_id) == (t.OUTCOME_EXITED, opened.group_id)


def test_a_dry_run_of_an_entry_that_would_wait_says_so(serve: Serve) -> None:
    admin = serve({"pool": {"max_open_groups": 1}}).client()
    admin.send(alert())
    dry = admin.send(alert("ETHUSDT"), validate_only=True)
    assert (dry.outcome, dry.reason) == (t.OUTCOME_QUEUED, "POOL_FULL")


@pytest.mark.rule("CFG-6")
def test_in_read_only_mode_a_signal_is_rejected_and_on_record(serve: Serve) -> None:
    admin = serve({"engine": {"mode": "read_only"}}).client()
    signal = admin.send(alert())
    assert (signal.outcome, signal.reason) == (t.OUTCOME_REJECTED, "READ_ONLY")
    assert len(admin.signals.ListSignals(pb.ListSignalsRequest()).signals) == 1


@pytest.mark.rule("SIG-8")
def test_a_direct_sender_over_its_rate_is_told_when_to_come_again_and_the_forwarder_is_not_held(serve: Serve) -> None:
    sources = {"tradingview": {"secret": "file:secrets/tradingview", "rate_per_minute": 60, "burst": 2}}
    served = serve({"sources": sources})
    admin, forwarder = served.client(), served.client("ingest")
    for number in range(2):
        admin.send(alert(strategy_info={"trade_id": str(number)}))
    refused = refusal(lambda: admin.send(alert()))
    assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")
    assert refused.retry_after_s is not None
    assert 0 < refused.retry_after_s <= 1
    assert forwarder.send(alert("ETHUSDT"), receive_time=ago(0)).outcome == t.OUTCOME_OPENED


def test_signals_are_listed_newest_first_by_pages_and_filters(admin: Client) -> None:
    for number in range(5):
        admin.send(alert(timeframe=str(15 * (number + 1))))
    admin.send(alert("NOPEUSDT"))
    request = pb.ListSignalsRequest(page_size=2)
    seen: list[str] = []
    while True:
        page = admin.signals.ListSignals(request)
        seen += [signal.signal_id for signal in page.signals]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert len(seen) == len(set(seen)) == 6
    rejected = admin.signals.ListSignals(pb.ListSignalsRequest(outcomes=[t.OUTCOME_REJECTED])).signals
    assert [signal.reason for signal in rejected] == ["UNKNOWN_SYMBOL"]
    assert rejected[0].signal_id == seen[0]
    assert refusal(lambda: admin.signals.ListSignals(pb.ListSignalsRequest(page_token="x"))).fields.keys() == {
        "page_token"
    }
    assert refusal(lambda: admin.signals.GetSignal(pb.GetSignalRequest(signal_id="none"))).resource == (
        "signal",
        "none",
    )


def test_who_sent_a_signal_by_hand_is_on_record(served: Served) -> None:
    signal = served.client("operator").send(alert())
    served.stop()
    with stores.Opened(served.data_dir) as store:
        rows = store.rows("SELECT message, attributes FROM events WHERE type = 'api.call'")
    assert len(rows) == 1
    assert rows[0][0] == "operator sent a signal of tradingview"
    assert json.loads(rows[0][1])["who"] == "operator"
    assert signal.outcome == t.OUTCOME_OPENED
