"""From bytes to a signal, whatever the bytes are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.board import CatalogueBoard
from actors.rules.choices import Market
from actors.rules.model import Instrument, Reason, Refused
from actors.rules.settings import AccountSettings, Settings, SourceSettings
from daemon.api.reading import (
    FaultyBody,
    NoCatalogue,
    ReadBody,
    Sent,
    Symbols,
    Understood,
    read_body,
    understand,
    unreadable,
)
from protos.terrace.v1 import types_pb2 as t
from tests.daemon.api.calls import alert, read_error
from tests.daemon.api.conftest import Served

WEBHOOKS = Path(__file__).parents[3].parent / "shared" / "data" / "webhooks" / "webhooks.jsonl"

PLAIN = SourceSettings(name="plain")
MAPPED = SourceSettings(
    name="mapped", map={"tv.symbol": "ticker", "tv.action": "to_string(side)", "secret": "pass", "timestamp": "sum(n)"}
)


def catalogue() -> CatalogueBoard:
    board = CatalogueBoard()
    bitcoin = Instrument(
        account="paper",
        symbol="BTC/USDT",
        venue_symbol="BTCUSDT",
        base="BTC",
        quote="USDT",
        market=Market.SPOT,
        tick_size=Decimal("0.01"),
        step_size=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        min_notional=Decimal(5),
    )
    board.put("paper", [bitcoin])
    return board


def sent(data: bytes, source: SourceSettings = PLAIN) -> Sent:
    return Sent(signal_id="s", source=source, body=data, request_id="", receive_time_ms=0, judge_age=True)


def meaning(data: bytes, source: SourceSettings = PLAIN) -> Understood | NoCatalogue | FaultyBody:
    read = read_body(data, source)
    if isinstance(read, FaultyBody):
        assert read.faults
        unreadable(sent(data, source), read).body.encode()
        return read
    return understand(sent(data, source), read, Settings(), Symbols(catalogue()), {})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=15,
)
TV = ("exchange", "symbol", "timeframe", "action", "close_price", "market_position", "order_size")
alerts = st.fixed_dictionaries(
    {
        "tv": st.dictionaries(st.sampled_from(TV), json_values | st.sampled_from(["buy", "15", "BTCUSDT", "long"])),
        "ticker": json_values,
        "side": json_values,
        "n": json_values,
        "pass": json_values,
        "risk": json_values,
        "execution_intent": json_values,
    }
)


@pytest.mark.rule("SIG-2")
@given(st.binary(max_size=400), st.sampled_from([PLAIN, MAPPED]))
def test_any_bytes_are_a_signal_or_faults(data: bytes, source: SourceSettings) -> None:
    meaning(data, source)


@pytest.mark.rule("SIG-2", "SIG-13")
@given(alerts, st.sampled_from([PLAIN, MAPPED]))
def test_any_json_is_a_signal_or_faults(body: Any, source: SourceSettings) -> None:
    found = meaning(json.dumps(body).encode(), source)
    if isinstance(found, Understood):
        json.loads(found.signal.body)


@pytest.mark.rule("SIG-4")
def test_an_account_whose_instruments_are_not_known_yet_rejects_nothing() -> None:
    read = read_body(json.dumps(alert()).encode(), PLAIN)
    assert isinstance(read, ReadBody)
    assert isinstance(understand(sent(b""), read, Settings(), Symbols(CatalogueBoard()), {}), NoCatalogue)


@pytest.mark.rule("SIG-4")
def test_a_new_catalogue_is_seen_at_once() -> None:
    board = catalogue()
    symbols = Symbols(board)
    first = symbols.of("paper")
    assert symbols.of("paper") is first
    board.put("paper", list(board.instruments("paper").values()))
    assert symbols.of("paper") is not first


def test_an_account_that_cannot_be_traded_yet_is_a_reason() -> None:
    read = read_body(json.dumps(alert()).encode(), PLAIN)
    assert isinstance(read, ReadBody)
    found = understand(sent(b""), read, Settings(), Symbols(catalogue()), {"paper": "not yet"})
    assert isinstance(found, Understood)
    assert found.refused is not None
    assert (found.refused.reason, found.signal.key.symbol) == (Reason.NOT_BUILT, "BTCUSDT")


def published() -> Iterator[bytes]:
    with WEBHOOKS.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)["body"].encode()


@pytest.mark.skipif(not WEBHOOKS.exists(), reason="needs the published alert bodies")
@pytest.mark.rule("SIG-2")
def test_bodies_as_people_publish_them_are_outcomes_or_name_their_faults(served: Served) -> None:
    client = served.client("ingest")
    refused = 0
    for body in published():
        try:
            outcome = client.send(body).outcome
            assert outcome != t.OUTCOME_UNSPECIFIED
        except grpc.RpcError as error:
            found = read_error(error)
            assert (found.code, found.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_BODY")
            assert found.fields
            assert "is not JSON" not in found.message or "line" in found.message
            refused += 1
    assert refused > 0


@pytest.mark.rule("SIG-4", "EXIT-1")
def test_a_symbol_that_is_denied_now_can_still_be_left_but_not_entered() -> None:
    settings = replace(Settings(), accounts={"paper": AccountSettings(name="paper", deny=("*",))})

    def refused(**tv: str) -> Refused | None:
        body = {"tv": {"exchange": "BINANCE", "symbol": "BTCUSDT", "timeframe": "15", **tv}}
        read = read_body(json.dumps(body).encode(), PLAIN)
        assert isinstance(read, ReadBody)
        found = understand(sent(b""), read, settings, Symbols(catalogue()), {})
        assert isinstance(found, Understood)
        return found.refused

    denied = refused(action="buy")
    assert denied is not None
    assert denied.reason is Reason.SYMBOL_DENIED
    assert refused(action="sell") is None
    assert refused(action="sell", market_position="flat", prev_market_position="long") is None


@pytest.mark.rule("SIG-4", "EXIT-1")
@pytest.mark.parametrize("board", [CatalogueBoard(), catalogue()])
def test_what_a_live_group_trades_can_be_left_though_the_catalogue_knows_it_no_longer(board: CatalogueBoard) -> None:
    (known,) = [each for each in catalogue().instruments("paper").values() if each.venue_symbol == "BTCUSDT"]
    gone = replace(known, symbol="OLD/USDT", venue_symbol="OLDUSDT", base="OLD", active=False)
    symbols = Symbols(board, lambda account: (gone,) if account == "paper" else ())

    def meant(action: str) -> Understood | NoCatalogue:
        body = {"tv": {"exchange": "BINANCE", "symbol": "OLDUSDT", "timeframe": "15", "action": action}}
        read = read_body(json.dumps(body).encode(), PLAIN)
        assert isinstance(read, ReadBody)
        return understand(sent(b""), read, Settings(), symbols, {})

    left = meant("sell")
    assert isinstance(left, Understood)
    assert left.refused is None
    assert left.signal.key.symbol == "OLD/USDT"
    entered = meant("buy")
    assert isinstance(entered, NoCatalogue) or entered.refused is not None
