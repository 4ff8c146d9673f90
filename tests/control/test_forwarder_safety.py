"""The real forwarder against copies, floods and slow senders, and while a secret is rotated."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from control.config_file import ConfigFault, read_config
from control.forwarder.settings import ForwarderSettings, read_settings
from tests.control.conftest import SECRET, Home
from tests.control.fake_daemon import FakeDaemon
from tests.control.hooks import Hooks, an_alert, signed

KEY = "the-signing-key"
RAW = b'{"tv": {"symbol": "BTCUSDT"}}'


@pytest.fixture
def start(daemon: FakeDaemon, home: Home) -> Iterator[Callable[[str], Hooks]]:
    started: list[Hooks] = []

    def begin(sources: str, forwarder: str = "") -> Hooks:
        home.write(
            f"config_version: 1\napi: {{address: '{daemon.address}'}}\n"
            f"forwarder: {{address: '127.0.0.1:0', deliver_timeout_ms: 500{forwarder}}}\nsources: {{{sources}}}\n"
        )
        started.append(Hooks(home).start())
        return started[-1]

    yield begin
    for hooks in started:
        hooks.stop()
        assert "Traceback" not in "".join(hooks.raw)


def in_time(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


@pytest.mark.rule("SIG-5")
def test_while_a_secret_is_rotated_both_are_taken_and_then_only_the_new_one(
    daemon: FakeDaemon, home: Home, start: Callable[..., Hooks]
) -> None:
    home.write_secret("new", "the-new-secret")
    hooks = start(
        f"tradingview: {{secret: file:secrets/new, previous_secret: file:secrets/tradingview, "
        f"previous_until: '{in_time(60)}'}}"
    )
    assert hooks.send(an_alert(1)).status == 200
    assert hooks.send({**an_alert(2), "secret": "the-new-secret"}).status == 200
    assert hooks.send({**an_alert(3), "note": f"{SECRET} the-new-secret"}).status == 200
    assert all(SECRET.encode() not in body and b"the-new-secret" not in body for body in daemon.bodies)
    home.write(re.sub(r"previous_until: '[^']+'", f"previous_until: '{in_time(1)}'", home.config.read_text()))
    hooks.wait_for("configuration read again")
    time.sleep(1.1)
    assert hooks.send(an_alert(4)).status == 401
    assert hooks.send({**an_alert(5), "secret": "the-new-secret"}).status == 200


@pytest.mark.rule("SIG-5")
def test_keys_that_sign_are_rotated_too_and_several_signatures_may_come(
    home: Home, start: Callable[..., Hooks]
) -> None:
    home.write_secret("old", KEY)
    home.write_secret("new", "the-next-key")
    hooks = start(
        "desk: {hmac_secret: file:secrets/new, previous_hmac_secret: file:secrets/old, "
        f"previous_until: '{in_time(60)}'}}"
    )
    now = int(time.time())
    assert hooks.send(RAW, "desk", signed(KEY, RAW, now)).status == 200
    both = signed("nobody's", RAW, now - 1)["X-Terrace-Signature"]
    both += "," + signed("the-next-key", RAW, now - 1)["X-Terrace-Signature"].partition(",")[2]
    assert hooks.send(RAW, "desk", {"X-Terrace-Signature": both}).status == 200
    assert hooks.send(RAW, "desk", signed("nobody's", RAW, now)).status == 401


@pytest.mark.rule("SIG-5", "SIG-7")
def test_a_signed_alert_that_comes_twice_gets_the_first_answer_and_reaches_the_engine_once(
    daemon: FakeDaemon, home: Home, start: Callable[..., Hooks]
) -> None:
    home.write_secret("key", KEY)
    sources = "desk: {hmac_secret: file:secrets/key}"
    hooks = start(sources)
    now_s = int(time.time())
    header = signed(KEY, RAW, now_s)
    first = hooks.send(RAW, "desk", header).json
    copies = [hooks.send(RAW, "desk", {**header, "Idempotency-Key": key}) for key in ("", "another", "third")]
    for copy in copies:
        assert copy.status == 200
        assert (copy.json["outcome"], copy.json["first_outcome"]) == ("DUPLICATE", first["outcome"])
        assert copy.json["signal_id"] == first["signal_id"]
    assert len(daemon.arrived) == 1
    hooks.kill()
    again = start(sources)
    assert again.send(RAW, "desk", header).json["outcome"] == "DUPLICATE"
    assert len(daemon.arrived) == 1
    assert again.send(RAW, "desk", signed(KEY, RAW, now_s - 2)).json["outcome"] == first["outcome"]
    assert len(daemon.arrived) == 2


@pytest.mark.rule("SIG-5", "SIG-9")
def test_copies_of_a_signed_alert_at_the_same_moment_are_one(
    daemon: FakeDaemon, home: Home, start: Callable[..., Hooks]
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    home.write_secret("key", KEY)
    hooks = start("desk: {hmac_secret: file:secrets/key}")
    header = signed(KEY, RAW, int(time.time()))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: hooks.send(RAW, "desk", header), range(16)))
    assert len(daemon.arrived) == 1
    assert sorted({answer.json["outcome"] for answer in answers}) == ["DUPLICATE", "OPENED"]


@pytest.mark.rule("SIG-5", "SIG-8")
def test_a_flood_of_invented_sources_writes_few_lines_and_is_counted_as_one(start: Callable[..., Hooks]) -> None:
    hooks = start("tradingview: {secret: file:secrets/tradingview}")
    for number in range(300):
        hooks.send({"secret": "guess"}, source=f"invented{number}")
    lines = [line for line in hooks.lines if line["message"] == "alert turned away"]
    assert len(lines) == 1
    attempts = hooks.healthz()["attempts"]
    assert [(one["source"], one["address"], one["attempts"]) for one in attempts] == [("?", "127.0.0.1", 300)]
    behind_a_proxy = hooks.send(b"", method="GET", path="/healthz", headers={"X-Forwarded-For": "6.6.6.6"})
    assert "attempts" not in behind_a_proxy.json


@pytest.mark.rule("SIG-5", "SIG-12")
def test_connections_that_say_nothing_keep_no_real_sender_out(start: Callable[..., Hooks]) -> None:
    hooks = start("tradingview: {secret: file:secrets/tradingview}")
    with ExitStack() as held:
        for number in range(600):
            connection = held.enter_context(socket.create_connection((hooks.host, hooks.port), timeout=5))
            if number % 2:
                connection.sendall(b"POST /hook/tradingview HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        began = time.monotonic()
        assert hooks.send(an_alert()).status == 200
        assert time.monotonic() - began < 3


@pytest.mark.rule("SIG-2")
def test_what_is_no_http_gets_an_answer_in_json_that_tells_nothing(start: Callable[..., Hooks]) -> None:
    hooks = start("tradingview: {secret: file:secrets/tradingview}")
    for raw in (b"\x16\x03\x01\x02\x00\x01", b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nBad header\r\n\r\n"):
        with socket.create_connection((hooks.host, hooks.port), timeout=5) as connection:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            found = b""
            while piece := connection.recv(65_536):
                found += piece
        if found:
            head, _, body = found.partition(b"\r\n\r\n")
            assert b" 400 " in head
            assert b"Server: terrace" in head
            assert json.loads(body)["reason"] == "BAD_REQUEST"
    assert hooks.send(an_alert()).status == 200


@pytest.mark.rule("SEC-2")
@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "hooks.example:80", "10.0.0.1:8461"])
def test_an_address_that_others_reach_has_to_be_said_twice(home: Home, address: str) -> None:
    def read(more: str) -> ForwarderSettings:
        home.write(f"config_version: 1\nforwarder: {{address: '{address}'{more}}}\n")
        return read_settings(read_config(home.config, {}), {})

    with pytest.raises(ConfigFault, match=r"without TLS.*forwarder\.public: true"):
        read("")
    assert read(", public: true").host == address.rpartition(":")[0].strip("[]")
    for local in ("localhost:1", "127.0.0.1:1", "[::1]:1"):
        address = local
        assert read("").port == 1
