"""The real forwarder process over real sockets, the fake daemon up, down, slow and refusing."""

from __future__ import annotations

import json
import os
import re
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.control.conftest import SECRET, Home
from tests.control.fake_daemon import FORWARDER_TOKEN, Arrived, FakeDaemon, Refusal
from tests.control.hooks import Hooks, an_alert, number_of, signed

WEBHOOKS = Path(__file__).resolve().parents[3] / "shared" / "data" / "webhooks" / "webhooks.jsonl"


def config_of(
    daemon: FakeDaemon, *, forwarder: str = "", sources: str = "tradingview: {secret: file:secrets/tradingview}"
) -> str:
    return (
        f"config_version: 1\napi: {{address: '{daemon.address}'}}\n"
        f"forwarder: {{address: '127.0.0.1:0', deliver_timeout_ms: 500{', ' if forwarder else ''}{forwarder}}}\n"
        f"sources: {{{sources}}}\n"
    )


@pytest.fixture
def start(daemon: FakeDaemon, home: Home) -> Iterator[Callable[..., Hooks]]:
    """Starts forwarders, ends them, and looks through all they wrote for what must never be there."""
    started: list[Hooks] = []

    def begin(environ: dict[str, str] | None = None, **changes: str) -> Hooks:
        home.write(config_of(daemon, **changes))
        hooks = Hooks(home, environ or {}).start()
        started.append(hooks)
        return hooks

    yield begin
    for hooks in started:
        hooks.stop()
        written = "".join(hooks.raw)
        assert SECRET not in written
        assert "Traceback" not in written
        assert FORWARDER_TOKEN not in written


# --- the fast path


@pytest.mark.rule("SIG-9")
def test_an_alert_gets_the_daemons_own_answer(daemon: FakeDaemon, start: Callable[..., Hooks]) -> None:
    hooks = start()
    answer = hooks.send(an_alert(1))
    assert answer.status == 200
    assert answer.json["outcome"] == "OPENED"
    assert answer.json["signal_id"] == "s1"
    assert answer.json["reason"] == ""
    daemon.outcome, daemon.reason = "OUTCOME_REJECTED", "NO_ROUTE"
    rejected = hooks.send(an_alert(2))
    assert (rejected.status, rejected.json["outcome"], rejected.json["reason"]) == (200, "REJECTED", "NO_ROUTE")
    assert hooks.healthz()["spool_length"] == 0
    assert daemon.arrived[0].token == FORWARDER_TOKEN


@pytest.mark.rule("SIG-12")
def test_any_content_type_is_taken(daemon: FakeDaemon, start: Callable[..., Hooks]) -> None:
    hooks = start()
    for kind in ("application/json", "text/plain; charset=utf-8", "application/x-www-form-urlencoded", "nonsense"):
        assert hooks.send(an_alert(), headers={"Content-Type": kind}).status == 200


@pytest.mark.rule("SIG-5")
def test_the_daemon_learns_when_and_from_where_an_alert_came(daemon: FakeDaemon, start: Callable[..., Hooks]) -> None:
    hooks = start()
    before = time.time_ns()
    hooks.send(an_alert())
    assert before <= daemon.arrived[0].receive_time_ns <= time.time_ns()
    assert daemon.arrived[0].sender_address == "127.0.0.1"


@pytest.mark.rule("SIG-5")
def test_the_secret_leaves_the_body_and_nothing_else_changes(daemon: FakeDaemon, start: Callable[..., Hooks]) -> None:
    hooks = start()
    hooks.send(f'{{"a": 1.10, "secret": "{SECRET}", "b" : [1e5, "x"],  "note": "my {SECRET}"}}')
    assert daemon.bodies == [b'{"a": 1.10, "b" : [1e5, "x"], "note": "****"}']


@pytest.mark.rule("SIG-7")
def test_an_idempotency_key_goes_along_and_none_is_made_up(daemon: FakeDaemon, start: Callable[..., Hooks]) -> None:
    hooks = start()
    hooks.send(an_alert(1), headers={"Idempotency-Key": "key-1"})
    hooks.send(an_alert(2))
    assert [one.request_id for one in daemon.arrived] == ["key-1", ""]
    assert hooks.send(an_alert(3), headers={"Idempotency-Key": "k" * 129}).status == 400


@pytest.mark.rule("SIG-2")
def test_every_field_the_daemon_finds_faulty_is_listed(daemon: FakeDaemon, start: Callable[..., Hooks]) -> None:
    hooks = start()
    daemon.refusals["SubmitSignal"] = Refusal(
        grpc.StatusCode.INVALID_ARGUMENT,
        "faulty body",
        "INVALID_BODY",
        (("tv.symbol", "is missing"), ("tv.action", "holds {{strategy.order.action}}")),
    )
    answer = hooks.send({"secret": SECRET})
    assert answer.status == 400
    assert [fault["path"] for fault in answer.json["problems"]] == ["tv.symbol", "tv.action"]
    assert "tv.symbol: is missing; tv.action: holds" in answer.json["error"]
    assert hooks.healthz()["spool_length"] == 0


# --- refusals of its own


@pytest.mark.rule("SIG-2")
def test_a_body_that_is_no_json_is_told_line_and_column(start: Callable[..., Hooks]) -> None:
    hooks = start()
    answer = hooks.send('{"secret": "' + SECRET + '",\n "price": {{close}}}')
    assert answer.status == 400
    first, second = answer.json["problems"]
    assert (first["reason"], first["line"], first["column"]) == ("NOT_JSON", 2, 12)
    assert (second["reason"], second["path"], second["line"]) == ("PLACEHOLDER", "price", 2)
    assert "line 2, column 12" in answer.json["error"]


@pytest.mark.rule("SIG-2")
def test_too_large_and_too_deep_bodies_are_refused(daemon: FakeDaemon, start: Callable[..., Hooks]) -> None:
    hooks = start()
    assert hooks.send(an_alert(note="x" * 65_536)).status == 413
    assert hooks.send(an_alert(note="x" * 60_000)).status == 200
    deep = hooks.send('{"secret": "' + SECRET + '", "a": {"b": [[[[[[[1]]]]]]]}}')
    assert deep.status == 400
    assert (deep.json["problems"][0]["reason"], deep.json["problems"][0]["path"]) == (
        "TOO_DEEP",
        "a.b[0][0][0][0][0][0]",
    )
    assert len(daemon.arrived) == 1


@pytest.mark.rule("SIG-5")
def test_a_refused_sender_is_not_told_what_was_wrong(daemon: FakeDaemon, start: Callable[..., Hooks]) -> None:
    sources = (
        "tradingview: {secret: file:secrets/tradingview}, bare: {},"
        " far: {secret: file:secrets/tradingview, allow_addresses: [52.89.214.238]}"
    )
    hooks = start(sources=sources)
    wrong = hooks.send({**an_alert(), "secret": "wrong"})
    missing = hooks.send({"tv": {}})
    number = hooks.send({"secret": 5})
    unknown = hooks.send(an_alert(), source="nobody")
    bare = hooks.send(an_alert(), source="bare")
    far = hooks.send(an_alert(), source="far")
    assert {answer.status for answer in (wrong, missing, number, unknown, bare, far)} == {401}
    assert len({answer.text for answer in (wrong, missing, number, unknown, bare, far)}) == 1
    assert daemon.arrived == []
    assert hooks.healthz()["failed_attempts"] == 6
    causes = {line["cause"] for line in hooks.lines if line["message"] == "alert turned away"}
    assert causes == {
        "wrong secret", "no secret", "unknown source", "the source has no secret", "address not allowed"
    }  # fmt: skip


@pytest.mark.rule("SIG-5")
def test_an_old_or_future_alert_is_refused_on_arrival(daemon: FakeDaemon, start: Callable[..., Hooks]) -> None:
    hooks = start()
    now = time.time()
    old = hooks.send(an_alert(timestamp=now - 400))
    assert (old.status, old.json["reason"]) == (400, "TOO_OLD")
    ahead = hooks.send(an_alert(timestamp=str(int((now + 120) * 1000))))
    assert (ahead.status, ahead.json["reason"]) == (400, "TOO_FAR_AHEAD")
    iso = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 200))
    assert hooks.send(an_alert(timestamp=iso)).status == 200
    assert hooks.send(an_alert(timestamp=now + 30)).status == 200
    assert hooks.send(an_alert(timestamp="{{timenow}}")).status == 200  # Not a time: the daemon's to judge.


@pytest.mark.rule("SIG-5")
def test_a_sender_may_sign_instead(daemon: FakeDaemon, home: Home, start: Callable[..., Hooks]) -> None:
    home.write_secret("signing", "the-signing-key")
    hooks = start(sources="desk: {hmac_secret: file:secrets/signing, max_age_s: 60}")
    raw, now = b'{"tv": {"symbol": "BTCUSDT"}}', int(time.time())
    assert hooks.send(raw, "desk", signed("the-signing-key", raw, now)).status == 200
    assert hooks.send(raw, "desk").status == 401
    assert hooks.send(raw, "desk", signed("another-key", raw, now)).status == 401
    assert hooks.send(raw + b" ", "desk", signed("the-signing-key", raw, now)).status == 401
    assert hooks.send(raw, "desk", signed("the-signing-key", raw, now - 120)).status == 401
    assert hooks.send(raw, "desk", signed("the-signing-key", raw, now + 120)).status == 401
    assert hooks.send(raw, "desk", {"X-Terrace-Signature": "t=x,v1="}).status == 401
    broken = hooks.send(b"{", "desk", signed("the-signing-key", b"{", now))
    assert (broken.status, broken.json["problems"][0]["line"]) == (400, 1)
    assert len(daemon.arrived) == 1


@pytest.mark.rule("SIG-5")
def test_only_a_trusted_proxy_may_name_the_sender(daemon: FakeDaemon, home: Home, start: Callable[..., Hooks]) -> None:
    sources = "tradingview: {secret: file:secrets/tradingview, allow_addresses: [52.89.214.238]}"
    headers = {"X-Forwarded-For": "6.6.6.6, 52.89.214.238"}
    assert start(sources=sources).send(an_alert(), headers=headers).status == 401
    trusting = start(sources=sources, forwarder="spool: two.db, trusted_proxies: [127.0.0.0/8]")
    assert trusting.send(an_alert(), headers=headers).status == 200
    assert trusting.send(an_alert(), headers={"X-Forwarded-For": "52.89.214.238, 6.6.6.6"}).status == 401
    assert daemon.arrived[0].sender_address == "52.89.214.238"


@pytest.mark.rule("SIG-5")
def test_a_secret_others_can_read_is_not_used(home: Home, start: Callable[..., Hooks]) -> None:
    (home.data / "secrets" / "tradingview").chmod(0o644)
    hooks = start()
    assert hooks.send(an_alert()).status == 401
    line = next(line for line in hooks.lines if line["message"].startswith("a secret cannot be read"))
    assert "chmod 600" in line["error"]
    (home.data / "secrets" / "tradingview").chmod(0o600)
    hooks.wait_for("configuration read again")
    assert hooks.send(an_alert()).status == 200


@pytest.mark.rule("SIG-13")
def test_secret_and_time_are_read_where_the_source_maps_them(daemon: FakeDaemon, start: Callable[..., Hooks]) -> None:
    sources = "desk: {secret: env:DESK_SECRET, map: {secret: auth.key, timestamp: sent}}"
    hooks = start(environ={"DESK_SECRET": "short"}, sources=sources)
    body = {"auth": {"key": "short"}, "sent": time.time(), "side": "buy"}
    assert hooks.send(body, "desk").status == 200
    assert json.loads(daemon.bodies[0])["auth"]["key"] == "****"
    assert hooks.send({**body, "sent": time.time() - 1000}, "desk").json["reason"] == "TOO_OLD"
    assert hooks.send({"secret": "short"}, "desk").status == 401


@pytest.mark.rule("SIG-8")
def test_an_unauthenticated_flood_gets_429_and_genuine_alerts_pass(start: Callable[..., Hooks]) -> None:
    hooks = start()
    answers = hooks.send_many([{"secret": f"guess {n}"} for n in range(150)], threads=8)
    assert {answer.status for answer in answers} == {401, 429}
    late = next(answer for answer in answers if answer.status == 429)
    assert int(late.headers["Retry-After"]) >= 1
    assert hooks.send(an_alert()).status == 200
    turned_away = [line for line in hooks.lines if line["message"] == "alert turned away"]
    assert len(turned_away) == 1


def test_other_paths_and_methods_answer_json(start: Callable[..., Hooks]) -> None:
    hooks = start()
    assert hooks.send(b"", path="/").json["reason"] == "NOT_FOUND"
    wrong = hooks.send(b"", method="GET")
    assert (wrong.status, wrong.headers["Allow"]) == (405, "POST")


def test_a_body_that_does_not_come_is_not_waited_for(start: Callable[..., Hooks]) -> None:
    hooks = start()
    with socket.create_connection((hooks.host, hooks.port), timeout=15) as connection:
        connection.sendall(b"POST /hook/tradingview HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
        assert connection.recv(100).startswith(b"HTTP/1.1 408")
    assert hooks.send(an_alert()).status == 200


def test_a_compressed_body_is_not_unpacked(daemon: FakeDaemon, start: Callable[..., Hooks]) -> None:
    import gzip

    hooks = start()
    packed = gzip.compress(json.dumps(an_alert()).encode())
    assert hooks.send(packed, headers={"Content-Encoding": "gzip"}).status == 400
    assert daemon.arrived == []


# --- the spool


@pytest.mark.rule("SIG-9", "SIG-12")
def test_while_the_daemon_is_down_alerts_are_spooled_and_delivered_in_order_after(
    daemon: FakeDaemon, home: Home, start: Callable[..., Hooks]
) -> None:
    hooks = start()
    daemon.stop()
    sent_at = time.time_ns()
    answers = [hooks.send(an_alert(n), headers={"Idempotency-Key": f"k{n}"}) for n in range(20)]
    assert {answer.status for answer in answers} == {202}
    assert answers[0].json["outcome"] == "SPOOLED"
    assert len({answer.json["spool_id"] for answer in answers}) == 20
    assert SECRET.encode() not in (home.data / "spool.db").read_bytes()
    assert SECRET.encode() not in (home.data / "spool.db-wal").read_bytes()
    health = hooks.healthz()
    assert (health["status"], health["spool_length"], health["daemon_reachable"]) == ("degraded", 20, False)
    taken_until = time.time_ns()
    daemon.start()
    daemon.wait_for(20)
    hooks.wait_until_spool_is(0)
    assert [number_of(one.body) for one in daemon.arrived] == list(range(20))
    assert [one.request_id for one in daemon.arrived] == [f"k{n}" for n in range(20)]
    assert all(sent_at < one.receive_time_ns < taken_until for one in daemon.arrived)
    assert hooks.send(an_alert(20)).status == 200


@pytest.mark.rule("SIG-12")
def test_newer_alerts_of_a_source_queue_behind_spooled_ones_and_other_sources_do_not(
    daemon: FakeDaemon, start: Callable[..., Hooks]
) -> None:
    sources = "tradingview: {secret: file:secrets/tradingview}, other: {secret: file:secrets/tradingview}"
    hooks = start(sources=sources)

    def hold_first(one: Arrived) -> Refusal | None:
        held = one.source == "tradingview" and holding
        return Refusal(grpc.StatusCode.UNAVAILABLE, "starting", "STARTING") if held else None

    holding = True
    daemon.on_submit = hold_first
    assert hooks.send(an_alert(0)).status == 202
    assert hooks.send(an_alert(1)).status == 202
    assert hooks.send(an_alert(2), "other").status == 200
    holding = False
    daemon.wait_for(3)
    assert [number_of(body) for body in daemon.bodies] == [2, 0, 1]


@pytest.mark.rule("SIG-7", "SIG-12")
def test_a_slow_daemon_gets_the_same_alert_again_to_the_byte(daemon: FakeDaemon, start: Callable[..., Hooks]) -> None:
    hooks = start()
    seen: list[Arrived] = []
    daemon.on_submit = seen.append
    daemon.delay_s = 1.5  # Longer than the forwarder waits while its sender does, shorter than from the spool.
    before = time.monotonic()
    assert hooks.send(an_alert(1)).status == 202
    assert time.monotonic() - before < 1.5
    hooks.wait_until_spool_is(0)
    assert len({(one.body, one.request_id, one.receive_time_ns) for one in seen}) == 1


@pytest.mark.rule("SIG-9", "SIG-12")
def test_an_alert_survives_kill_9_and_is_delivered_once(
    daemon: FakeDaemon, home: Home, start: Callable[..., Hooks]
) -> None:
    first = start()
    daemon.stop()
    assert first.send(an_alert(7)).status == 202
    first.kill()
    daemon.start()
    second = start()
    daemon.wait_for(1)
    second.wait_until_spool_is(0)
    second.stop()
    third = start()
    time.sleep(0.5)
    assert [number_of(body) for body in daemon.bodies] == [7]
    assert third.send(an_alert(8)).status == 200


@pytest.mark.rule("SIG-8", "SIG-9")
def test_a_burst_of_two_hundred_is_durable_whatever_the_daemon_does(
    daemon: FakeDaemon, start: Callable[..., Hooks]
) -> None:
    hooks = start()
    up = hooks.send_many([an_alert(n) for n in range(200)])
    assert {answer.status for answer in up} == {200}
    daemon.stop()
    down = hooks.send_many([an_alert(n) for n in range(200, 400)])
    assert {answer.status for answer in down} == {202}
    daemon.start()
    daemon.wait_for(400)
    hooks.wait_until_spool_is(0)
    assert sorted(number_of(body) for body in daemon.bodies) == list(range(400))
    lost = [line for line in hooks.lines if line["message"].startswith("the daemon does not take")]
    assert len(lost) == 1


@pytest.mark.rule("SIG-8")
def test_alerts_over_the_rate_are_spooled_and_delivered_later_with_one_log_line(
    daemon: FakeDaemon, start: Callable[..., Hooks]
) -> None:
    sources = "tradingview: {secret: file:secrets/tradingview, rate_per_minute: 600, burst: 5}"
    hooks = start(sources=sources)
    statuses = [answer.status for answer in hooks.send_many([an_alert(n) for n in range(12)], threads=12)]
    assert set(statuses) == {200, 202}
    daemon.wait_for(12)
    assert sorted(number_of(body) for body in daemon.bodies) == list(range(12))
    lines = [line for line in hooks.lines if line["message"].startswith("over the rate")]
    assert len(lines) == 1


@pytest.mark.rule("SIG-8")
def test_a_daemon_over_its_own_rate_is_tried_again(daemon: FakeDaemon, start: Callable[..., Hooks]) -> None:
    hooks = start()
    daemon.refusals["SubmitSignal"] = Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "too fast", "RATE_LIMITED")
    assert hooks.send(an_alert(1)).status == 202
    del daemon.refusals["SubmitSignal"]
    daemon.wait_for(1)


@pytest.mark.rule("SIG-8")
def test_a_full_spool_answers_503_and_has_room_again_later(daemon: FakeDaemon, start: Callable[..., Hooks]) -> None:
    hooks = start(forwarder="max_spooled: 3")
    daemon.stop()
    answers = [hooks.send(an_alert(n)) for n in range(5)]
    assert [answer.status for answer in answers] == [202, 202, 202, 503, 503]
    assert answers[3].json["reason"] == "SPOOL_FULL"
    assert int(answers[3].headers["Retry-After"]) >= 1
    assert hooks.healthz()["status"] == "failed"
    daemon.start()
    daemon.wait_for(3)
    hooks.wait_until_spool_is(0)
    assert hooks.send(an_alert(9)).status == 200


@pytest.mark.rule("SIG-9")
def test_an_alert_that_cannot_be_written_is_not_acknowledged(
    daemon: FakeDaemon, home: Home, start: Callable[..., Hooks]
) -> None:
    hooks = start()
    daemon.stop()
    with sqlite3.connect(home.data / "spool.db", timeout=5) as other:
        other.execute("BEGIN IMMEDIATE")  # As a disk that does not take writes.
        answer = hooks.send(an_alert(1))
        assert (answer.status, answer.json["reason"]) == (503, "SPOOL_BROKEN")
        other.execute("ROLLBACK")
    other.close()
    assert hooks.send(an_alert(2)).status == 202
    daemon.start()
    assert [number_of(one.body) for one in daemon.wait_for(1)] == [2]


@pytest.mark.rule("SIG-12")
def test_a_faulty_alert_gets_202_while_the_daemon_is_away_and_is_kept_for_the_user_after(
    daemon: FakeDaemon, home: Home, start: Callable[..., Hooks], terrace: Callable[..., Any]
) -> None:
    hooks = start()
    daemon.stop()
    assert hooks.send({"secret": SECRET}).status == 202
    assert hooks.send(an_alert(2)).status == 202
    shown = json.loads(terrace("forward", "--show-spool", "-o", "json").out)
    assert [len(shown["spooled"]), len(shown["refused"])] == [2, 0]

    def refuse_first(one: Arrived) -> Refusal | None:
        fields = (("tv.symbol", "is missing"),)
        faulty = Refusal(grpc.StatusCode.INVALID_ARGUMENT, "faulty body", "INVALID_BODY", fields)
        return faulty if b"tv" not in one.body else None

    daemon.on_submit = refuse_first
    daemon.start()
    daemon.wait_for(1)
    hooks.wait_until_spool_is(0)
    shown = json.loads(terrace("forward", "--show-spool", "-o", "json").out)
    assert [one["message"] for one in shown["refused"]] == ["faulty body: tv.symbol: is missing"]
    assert shown["refused"][0]["body"] == "{}"
    assert hooks.healthz()["refused_kept"] == 1


def test_a_source_the_daemon_does_not_know_yet_loses_nothing(daemon: FakeDaemon, start: Callable[..., Hooks]) -> None:
    hooks = start()
    daemon.refusals["SubmitSignal"] = Refusal(
        grpc.StatusCode.INVALID_ARGUMENT, "no such source", "UNKNOWN_SOURCE", (("source", "no such source"),)
    )
    assert hooks.send(an_alert(1)).status == 202
    line = hooks.wait_for("the daemon does not take alerts: they are spooled")
    assert "same configuration" in line["remedy"]
    del daemon.refusals["SubmitSignal"]
    assert [number_of(one.body) for one in daemon.wait_for(1)] == [1]


def test_a_refused_token_keeps_alerts_spooled_and_says_what_to_do(
    daemon: FakeDaemon, home: Home, start: Callable[..., Hooks]
) -> None:
    home.write_secret("forwarder.token", "another")
    hooks = start()
    assert hooks.send(an_alert(1)).status == 202
    line = hooks.wait_for("the daemon does not take alerts: they are spooled")
    assert "forwarder.token" in line["remedy"]
    home.write_secret("forwarder.token", FORWARDER_TOKEN)
    assert [number_of(one.body) for one in daemon.wait_for(1)] == [1]


# --- the process


@pytest.mark.rule("CFG-2")
def test_settings_follow_the_file_and_a_broken_file_changes_nothing(
    daemon: FakeDaemon, home: Home, start: Callable[..., Hooks]
) -> None:
    hooks = start()
    home.write("sources: [broken")
    hooks.wait_for("the changed configuration cannot be read: nothing changes")
    assert hooks.send(an_alert(1)).status == 200
    home.write_secret("desk", "desks-own-secret")
    home.write(config_of(daemon, sources="desk: {secret: file:secrets/desk}"))
    hooks.wait_for("configuration read again")
    assert hooks.send({**an_alert(2), "secret": "desks-own-secret"}, "desk").status == 200
    assert hooks.send(an_alert(3)).status == 401
    home.write_secret("desk", "changed-secret")
    hooks.wait_for("configuration read again")
    assert hooks.send({**an_alert(4), "secret": "changed-secret"}, "desk").status == 200


def test_sigterm_finishes_what_is_under_way(daemon: FakeDaemon, start: Callable[..., Hooks]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    hooks = start()
    daemon.delay_s = 0.3
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(hooks.send, an_alert(1))
        time.sleep(0.15)
        assert hooks.stop() == 0
        assert answer.result().status == 200


def test_two_forwarders_do_not_share_a_spool(
    home: Home, start: Callable[..., Hooks], terrace: Callable[..., Any]
) -> None:
    start()
    ran = terrace("forward")
    assert ran.code == 1
    assert "another forwarder uses" in ran.err


def test_a_spool_that_is_no_database_is_put_aside(daemon: FakeDaemon, home: Home, start: Callable[..., Hooks]) -> None:
    (home.data / "spool.db").write_bytes(b"not a database at all" * 100)
    hooks = start()
    daemon.stop()
    assert hooks.send(an_alert(1)).status == 202
    daemon.start()
    daemon.wait_for(1)
    assert len(list(home.data.glob("spool.db.broken-*"))) == 1


def test_the_spool_is_readable_by_its_owner_alone(home: Home, start: Callable[..., Hooks]) -> None:
    start()
    for name in ("spool.db", "spool.db.lock"):
        assert os.stat(home.data / name).st_mode & 0o077 == 0, name


# --- what people send


def _authenticated(raw: str) -> str:
    """The body with the secret put in, in place of its own; as text where it is no JSON."""
    try:
        tree = json.loads(raw)
    except ValueError:
        tree = None
    if isinstance(tree, dict):
        return json.dumps({**tree, "secret": SECRET})
    return re.sub(r"\{", '{"secret": "' + SECRET + '", ', raw, count=1)


@pytest.mark.skipif(not WEBHOOKS.is_file(), reason="the recorded webhooks are not here")
@pytest.mark.rule("SIG-2")
def test_every_recorded_webhook_gets_a_clear_answer(daemon: FakeDaemon, start: Callable[..., Hooks]) -> None:
    hooks = start()
    bodies = [json.loads(line)["body"] for line in WEBHOOKS.read_text().splitlines()]
    assert len(bodies) == 75
    for raw in bodies:
        answer = hooks.send(_authenticated(raw))
        assert answer.status in (200, 400), (answer.status, raw)
        if answer.status == 400:
            fault = answer.json["problems"][0]
            assert fault["reason"] in ("NOT_JSON", "WRONG_TYPE", "TOO_DEEP"), raw
            assert fault["line"] >= 1
            assert fault["column"] >= 1


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.rule("SIG-2")
def test_garbage_never_gets_a_500(daemon: FakeDaemon, start: Callable[..., Hooks]) -> None:
    hooks = start()

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
    @given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")))
    def raw(body: bytes) -> None:
        assert hooks.send(body).status in (400, 401, 429)

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
    @given(st.dictionaries(st.text(), _JSON, max_size=5))
    def with_secret(body: dict[str, Any]) -> None:
        answer = hooks.send({**body, "secret": SECRET})
        assert answer.status in (200, 400), answer.text
        if answer.status == 200:
            assert "secret" not in json.loads(daemon.bodies[-1])

    @settings(max_examples=60, deadline=None, database=None)
    @given(st.text(st.characters(codec="latin-1", exclude_characters="\r\n\x00"), max_size=80))
    def headers(value: str) -> None:
        names = ("X-Terrace-Signature", "Idempotency-Key", "X-Forwarded-For", "Content-Type")
        answer = hooks.send(an_alert(), headers=dict.fromkeys(names, value))
        assert answer.status in (200, 400), answer.text

    raw()
    with_secret()
    headers()
    assert hooks.send(an_alert()).status == 200
