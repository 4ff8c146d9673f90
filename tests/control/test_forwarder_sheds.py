"""The daemon takes exits and sheds entries: what waits in the spool does not keep exits of other instruments back."""

from __future__ import annotations

import json
from collections.abc import Iterator

import grpc
import pytest

from control.forwarder.order import instrument_of
from tests.control.conftest import SECRET, Home
from tests.control.fake_daemon import Arrived, FakeDaemon, Refusal
from tests.control.hooks import Hooks
from tests.control.test_forwarder import config_of
from tests.system.stack import Plain, until

FULL = Refusal(grpc.StatusCode.UNAVAILABLE, "the disk is full: what is left is kept for exits", "STORE_FAILED")


@pytest.fixture
def hooks(daemon: FakeDaemon, home: Home) -> Iterator[Hooks]:
    home.write(config_of(daemon))
    hooks = Hooks(home, {}).start()
    yield hooks
    hooks.stop()


def alert(symbol: str, action: str, number: int) -> Plain:
    tv = {"exchange": "BINANCE", "symbol": symbol, "timeframe": "60", "action": action}
    return {"secret": SECRET, "tv": tv, "number": number}


def sheds_entries(one: Arrived) -> Refusal | None:
    return FULL if json.loads(one.body)["tv"]["action"] == "buy" else None


def numbers(daemon: FakeDaemon) -> list[int]:
    return [json.loads(body)["number"] for body in daemon.bodies]


@pytest.mark.rule("REC-4", "SIG-12")
def test_exits_go_past_entries_of_other_instruments_that_are_shed(daemon: FakeDaemon, hooks: Hooks) -> None:
    daemon.on_submit = sheds_entries
    assert hooks.send(alert("BTCUSDT", "buy", 1)).status == 202
    for number, symbol in enumerate(("ETHUSDT", "SOLUSDT", "ETHUSDT"), 2):
        assert hooks.send(alert(symbol, "sell", number)).status in (200, 202)
    until(lambda: numbers(daemon) == [2, 3, 4], 10.0, lambda: f"only {numbers(daemon)} arrived")
    daemon.on_submit = lambda _: None
    until(lambda: numbers(daemon) == [2, 3, 4, 1], 10.0, lambda: f"only {numbers(daemon)} arrived")
    assert hooks.healthz()["spool_length"] == 0


@pytest.mark.rule("SIG-12")
def test_alerts_of_one_instrument_never_change_places(daemon: FakeDaemon, hooks: Hooks) -> None:
    daemon.on_submit = sheds_entries
    assert hooks.send(alert("BTCUSDT", "buy", 1)).status == 202
    assert hooks.send(alert("BINANCE:BTCUSDT.P", "sell", 2)).status == 202
    assert hooks.send(alert("ETHUSDT", "sell", 3)).status == 202
    until(lambda: numbers(daemon) == [3], 10.0, lambda: f"{numbers(daemon)} arrived")
    daemon.on_submit = lambda _: None
    until(lambda: numbers(daemon) == [3, 1, 2], 10.0, lambda: f"{numbers(daemon)} arrived")


@pytest.mark.rule("SIG-12")
def test_where_the_instrument_cannot_be_told_nothing_passes(daemon: FakeDaemon, hooks: Hooks) -> None:
    refusing: list[Refusal | None] = [FULL]
    daemon.on_submit = lambda one: refusing[0] if b"ticker" in one.body else None
    assert hooks.send({"secret": SECRET, "ticker": "BTCUSDT", "number": 1}).status == 202
    assert hooks.send(alert("ETHUSDT", "sell", 2)).status == 202
    until(lambda: len(daemon.requests) >= 3, 10.0)
    assert numbers(daemon) == []
    refusing[0] = None
    until(lambda: numbers(daemon) == [1, 2], 10.0, lambda: f"{numbers(daemon)} arrived")


@pytest.mark.rule("SIG-4", "SIG-12")
def test_spellings_of_one_instrument_are_one() -> None:
    spellings = ("BTCUSDT", "btcusdt", "BINANCE:BTCUSDT", "BTCUSDT.P", "BTC/USDT", " BTC-USDT ", "BTC/USDT:USDT")
    assert {instrument_of(json.dumps({"tv": {"symbol": symbol}}).encode()) for symbol in spellings} == {"BTCUSDT"}
    for body in (
        b"[]",
        b"{}",
        b"no json",
        b'{"tv": {"symbol": 5}}',
        b'{"tv": {"symbol": "..."}}',
        b'{"tv": {"symbol": "BTC-USDT-SWAP"}}',
    ):
        assert instrument_of(body) is None
