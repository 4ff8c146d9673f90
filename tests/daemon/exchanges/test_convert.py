"""ccxt's unified structures as exact values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from actors.account_messages import ForeignCause
from actors.rules.choices import Market
from actors.rules.model import Instrument, OrderState, Side
from daemon.exchanges import convert

BTC = Instrument(
    account="a",
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


def trade(**changes: Any) -> dict[str, Any]:
    raw = {
        "id": "8",
        "order": "77",
        "symbol": "BTC/USDT",
        "side": "buy",
        "price": "60000.01",
        "amount": "0.5",
        "timestamp": 7,
        "takerOrMaker": "maker",
        "fee": {"cost": "0.0005", "currency": "BTC"},
        "info": {},
    }
    return {**raw, **changes}


def no_price(_asset: str, _quote: str) -> Decimal | None:
    return None


@pytest.mark.parametrize(
    ("status", "filled", "state"),
    [
        ("open", "0", OrderState.OPEN),
        ("open", "0.2", OrderState.PARTIALLY_FILLED),
        ("closed", "1", OrderState.FILLED),
        ("closed", "0.2", OrderState.CANCELLED),
        ("canceled", "0.2", OrderState.CANCELLED),
        ("canceled", "1", OrderState.FILLED),
        ("canceling", "0", OrderState.OPEN),
        ("PENDING_NEW", "0", OrderState.OPEN),
        ("rejected", "0", OrderState.REJECTED),
        ("expired", "0", OrderState.EXPIRED),
        (None, None, None),
        ("something new", "0", None),
    ],
)
@pytest.mark.rule("ORD-1")
def test_the_state_of_an_order_follows_from_its_status_and_what_has_filled(
    status: str | None, filled: str | None, state: OrderState | None
) -> None:
    view = convert.order_view({"id": "1", "status": status, "filled": filled, "amount": "1", "symbol": "s"}, "c")
    assert view.state is state


@pytest.mark.rule("PNL-1")
def test_a_fee_in_the_coin_is_valued_at_the_fill_price() -> None:
    view = convert.trade_view(trade(), "c", BTC, no_price)
    assert view is not None
    assert (view.trade.fee, view.trade.fee_asset) == (Decimal("0.0005"), "BTC")
    assert view.trade.fee_value == Decimal("30.000005")
    assert view.trade.maker


@pytest.mark.rule("PNL-1")
def test_a_fee_in_a_third_asset_is_valued_at_its_price() -> None:
    raw = trade(fee={"cost": "0.01", "currency": "BNB"})
    view = convert.trade_view(
        raw, "c", BTC, lambda asset, quote: Decimal(600) if (asset, quote) == ("BNB", "USDT") else None
    )
    assert view is not None
    assert (view.trade.fee, view.trade.fee_asset, view.trade.fee_value) == (Decimal("0.01"), "BNB", Decimal(6))
    assert convert.fee_assets([raw]) == {"BNB"}


def test_a_rebate_stays_negative() -> None:
    view = convert.trade_view(trade(fee={"cost": "-0.02", "currency": "USDT"}), "c", BTC, no_price)
    assert view is not None
    assert view.trade.fee_value == Decimal("-0.02")


@pytest.mark.parametrize("lack", ["id", "price", "amount", "side"])
def test_a_trade_without_what_a_trade_must_have_is_none(lack: str) -> None:
    assert convert.trade_view(trade(**{lack: None}), "c", BTC, no_price) is None


@pytest.mark.rule("ORD-13")
@pytest.mark.parametrize(
    ("info", "cause"),
    [
        ({"c": "autoclose-17"}, ForeignCause.LIQUIDATION),
        ({"c": "adl_autoclose"}, ForeignCause.AUTO_DELEVERAGING),
        ({"execType": "BustTrade"}, ForeignCause.LIQUIDATION),
        ({"execType": "AdlTrade"}, ForeignCause.AUTO_DELEVERAGING),
        ({"execType": "Trade", "c": "web_1"}, ForeignCause.MANUAL),
    ],
)
def test_the_cause_of_a_foreign_execution_is_read_from_the_venues_own_words(
    info: dict[str, str], cause: ForeignCause
) -> None:
    view = convert.trade_view(trade(info=info), "", BTC, no_price)
    assert view is not None
    assert view.cause is cause


def test_balances_without_free_and_used_count_as_free() -> None:
    found = convert.balances({"total": {"USDT": "5", "BTC": "0"}, "USDT": {"total": "5"}, "BTC": {"total": "0"}})
    assert list(found) == ["USDT"]
    assert (found["USDT"].free, found["USDT"].locked) == (Decimal(5), Decimal(0))


def test_positions_of_nothing_are_left_out() -> None:
    raws: list[dict[str, Any]] = [
        {"symbol": "BTC/USDT:USDT", "side": "short", "contracts": "2", "entryPrice": "100", "liquidationPrice": "150"},
        {"symbol": "ETH/USDT:USDT", "side": None, "contracts": "0"},
    ]
    (position,) = convert.positions(raws)
    assert (position.side, position.quantity, position.liquidation_price) == (Side.SHORT, Decimal(2), Decimal(150))


@pytest.mark.parametrize("odd", ["", None, "NaN", "Infinity", "abc"])
def test_what_is_no_number_is_none(odd: Any) -> None:
    assert convert.number(odd) is None


def test_the_last_trade_stands_for_a_missing_side() -> None:
    (quote,) = convert.quotes({"X": {"bid": "1", "ask": None, "last": "3"}}, 9).values()
    assert (quote.bid, quote.ask, quote.time_ms) == (Decimal(1), Decimal(3), 9)
    assert convert.quotes({"X": {"bid": None, "ask": None, "last": None}}, 9) == {}
