"""Prices and quantities an exchange accepts."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules import precision
from actors.rules.model import OrderSide, Quote, Reason, Side
from tests.rules.builders import D, quote, spot, swap

prices = st.decimals(min_value="0.000001", max_value=10**6, places=8)
ticks = st.sampled_from([D("0.00000001"), D("0.0001"), D("0.01"), D("0.05"), D("0.5"), D(1), D(10)])


@pytest.mark.rule("PRC-2")
@given(price=prices, tick=ticks)
def test_entries_round_to_the_passive_side(price: Decimal, tick: Decimal) -> None:
    instrument = spot(tick_size=tick)
    buy = precision.entry_price(Side.LONG, price, instrument)
    sell = precision.entry_price(Side.SHORT, price, instrument)
    assert price - tick < buy <= price <= sell < price + tick
    assert buy % tick == sell % tick == 0


@pytest.mark.rule("PRC-2")
@given(price=prices, tick=ticks)
def test_targets_are_met_or_beaten(price: Decimal, tick: Decimal) -> None:
    instrument = spot(tick_size=tick)
    assert price <= precision.target_price(Side.LONG, price, instrument) < price + tick
    assert price - tick < precision.target_price(Side.SHORT, price, instrument) <= price


@pytest.mark.rule("PRC-2")
@given(price=prices, tick=ticks)
def test_stops_round_toward_the_earlier_trigger(price: Decimal, tick: Decimal) -> None:
    """A falling price meets a long's stop, a rising one a short's: the higher, and the lower, is met first."""
    instrument = spot(tick_size=tick)
    assert price <= precision.stop_price(Side.LONG, price, instrument) < price + tick
    assert price - tick < precision.stop_price(Side.SHORT, price, instrument) <= price


@pytest.mark.rule("PRC-3")
@given(quantity=st.decimals(min_value=0, max_value=10**6, places=8), market=st.booleans())
def test_quantities_round_down_to_the_step(quantity: Decimal, market: bool) -> None:
    instrument = spot(step_size=D("0.001"), market_step_size=D("0.1"))
    step = D("0.1") if market else D("0.001")
    rounded = precision.round_quantity(quantity, instrument, market=market)
    assert quantity - step < rounded <= quantity
    assert rounded % step == 0


@pytest.mark.rule("PRC-1")
def test_a_market_order_is_held_to_both_rules_where_there_are_two() -> None:
    instrument = spot(market_min_quantity=D("0.5"), market_max_quantity=D("2"), max_quantity=D("9"))
    assert precision.refusal(D("0.4"), D(100), instrument) is None
    assert precision.refusal(D("0.4"), D(100), instrument, market=True) is Reason.BELOW_MIN_QUANTITY
    assert precision.refusal(D("3"), D(100), instrument) is None
    assert precision.refusal(D("3"), D(100), instrument, market=True) is Reason.ABOVE_MAX_QUANTITY
    coarse = spot(step_size=D("0.01"), market_step_size=D("0.001"))
    assert precision.round_quantity(D("0.129"), coarse, market=True) == D("0.12")


@pytest.mark.rule("PRC-1", "PRC-3")
@pytest.mark.parametrize(
    ("quantity", "price", "reason"),
    [
        ("0.05", "100", None),
        ("0.049", "100", Reason.BELOW_MIN_NOTIONAL),
        ("0.0005", "100000", Reason.BELOW_MIN_QUANTITY),
        ("0", "100", Reason.BELOW_MIN_QUANTITY),
        ("10", "100", None),
        ("10.001", "100", Reason.ABOVE_MAX_QUANTITY),
        ("1", "0", Reason.BAD_PRICE),
    ],
)
def test_an_order_outside_the_bounds_is_refused_with_the_reason(
    quantity: str, price: str, reason: Reason | None
) -> None:
    instrument = spot(max_quantity=D(10))
    assert precision.refusal(D(quantity), D(price), instrument) is reason
    assert precision.is_sendable(D(quantity), D(price), instrument) is (reason is None)


@pytest.mark.rule("PRC-1")
def test_the_notional_counts_the_contract_size() -> None:
    hundredth = swap(contract_size=D("0.01"), step_size=D(1), min_quantity=D(1))
    assert precision.notional(D(5), D(200), hundredth) == D(10)
    assert precision.refusal(D(2), D(200), hundredth) is Reason.BELOW_MIN_NOTIONAL
    assert precision.refusal(D(3), D(200), hundredth) is None


@pytest.mark.rule("PRC-7")
@given(
    quantity=st.decimals(min_value=0, max_value=100, places=6),
    price=st.decimals(min_value="0.01", max_value=1000, places=2),
    market=st.booleans(),
)
def test_the_most_that_can_be_sent_is_never_refused(quantity: Decimal, price: Decimal, market: bool) -> None:
    instrument = spot(max_quantity=D("7.0005"), market_max_quantity=D(3), market_step_size=D("0.01"))
    sendable = precision.max_sendable(quantity, price, instrument, market=market)
    assert 0 <= sendable <= quantity
    if sendable:
        assert precision.is_sendable(sendable, price, instrument, market=market)
        assert precision.round_quantity(sendable, instrument, market=market) == sendable


@pytest.mark.rule("PRC-1")
@pytest.mark.parametrize(
    ("price", "is_in"), [("19.99", False), ("20", True), ("100", True), ("500", True), ("500.01", False)]
)
def test_a_price_band_includes_its_bounds(price: str, is_in: bool) -> None:
    assert precision.in_band(D(price), D(100), spot(band_down=D("0.2"), band_up=D(5))) is is_in
    assert precision.in_band(D(price), D(100), spot())


@pytest.mark.rule("PRC-1")
def test_a_band_may_bind_buys_from_above_and_sells_from_below_only() -> None:
    futures = swap(buy_band_up=D("1.15"), sell_band_down=D("0.85"))
    for price, buys, sells in (("84", True, False), ("86", True, True), ("116", False, True)):
        assert precision.in_band(D(price), D(100), futures, OrderSide.BUY) is buys
        assert precision.in_band(D(price), D(100), futures, OrderSide.SELL) is sells
        assert precision.in_band(D(price), D(100), futures) is (buys and sells)
        assert precision.in_band(D(price), None, futures), "without a mark there is no band"


@pytest.mark.rule("PRC-1", "PRC-7")
def test_the_venues_least_and_greatest_price_hold_with_and_without_a_mark() -> None:
    narrow = spot(min_price=D(90), max_price=D(110), band_down=D("0.2"))
    for mark in (None, D(100)):
        assert [precision.in_band(D(price), mark, narrow) for price in ("89.99", "90", "110", "110.01")] == [
            *(False, True, True, False)
        ]


@pytest.mark.rule("EXIT-4", "PRC-7")
@given(
    price=st.decimals(min_value="0.01", max_value=1000, places=2),
    mark=st.decimals(min_value=60, max_value=150, places=2),
    side=st.sampled_from(OrderSide),
)
def test_a_bound_beyond_what_the_venue_takes_is_drawn_into_it(price: Decimal, mark: Decimal, side: OrderSide) -> None:
    instrument = spot(min_price=D(50), max_price=D(200), buy_band_up=D("1.15"), sell_band_down=D("0.85"))
    bound = precision.within_bounds(price, mark, instrument, side)
    assert precision.in_band(bound, mark, instrument, side)
    assert bound % instrument.tick_size == 0
    if precision.in_band(price, mark * D("1.02"), instrument) and precision.in_band(
        price, mark * D("0.98"), instrument
    ):
        assert abs(bound - price) <= mark * D("0.04"), "only what is near the edge is moved, and not far"


@pytest.mark.rule("PRC-1", "PRC-7")
def test_values_may_be_bounded_too_and_differently_for_market_orders() -> None:
    rules = spot(max_notional=D(1000), market_min_notional=D("5.25"), market_max_notional=D(500))
    assert precision.refusal(D("10.001"), D(100), rules) is Reason.ABOVE_MAX_QUANTITY
    assert precision.max_sendable(D(50), D(100), rules) == D(10)
    assert precision.max_sendable(D(50), D(100), rules, market=True) == D(5)
    assert precision.refusal(D("0.051"), D(100), rules) is None
    assert precision.refusal(D("0.051"), D(100), rules, market=True) is Reason.BELOW_MIN_NOTIONAL


@pytest.mark.rule("PRC-6")
def test_what_only_reduces_may_be_worth_less_where_the_venue_says_so() -> None:
    futures = swap(exit_min_notional=D(0))
    assert precision.refusal(D("0.001"), D(100), futures) is Reason.BELOW_MIN_NOTIONAL
    assert precision.refusal(D("0.001"), D(100), precision.for_exits(futures)) is None
    assert precision.for_exits(swap()) == swap()


@pytest.mark.rule("ORD-10")
@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity"])
def test_a_nonsensical_price_is_no_quote(price: str) -> None:
    good = quote("100")
    assert precision.usable(good) is good
    assert precision.usable(Quote(bid=D(price), ask=D(100), time_ms=0)) is None
    assert precision.usable(Quote(bid=D(100), ask=D(price), time_ms=0)) is None
    assert precision.usable(None) is None
