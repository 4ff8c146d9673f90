"""Refusals as strict as a venue's: each with its reason and its words, and without a trace in the books."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from actors.rules.choices import Market
from actors.rules.model import Instrument, Reason, TimeInForce
from daemon.exchanges.matching import Book
from tests.daemon.exchanges.paper_kit import BTC, BUY, LIMIT, MARKET, SELL, STOP, D, new_book, new_order, place, refusal

pytestmark = pytest.mark.rule("PAPER-3")


def with_rules(book: Book, **changes: Any) -> Instrument:
    """Changes the precision rules of the market in place."""
    market = book.markets[BTC]
    market.instrument = replace(market.instrument, **changes)
    return market.instrument


@pytest.mark.parametrize(
    ("order", "reason", "words"),
    [
        (new_order(BUY, "1", "100", symbol="FOO/USDT"), Reason.UNKNOWN_SYMBOL, "Invalid symbol."),
        (new_order(BUY, "1", "100.001"), Reason.BAD_PRICE, "Filter failure: PRICE_FILTER"),
        (new_order(BUY, "1", "0"), Reason.BAD_PRICE, "Filter failure: PRICE_FILTER"),
        (new_order(BUY, "1", "-100"), Reason.BAD_PRICE, "Filter failure: PRICE_FILTER"),
        (new_order(BUY, "1", "1e60"), Reason.BAD_PRICE, "Filter failure: PRICE_FILTER"),
        (new_order(BUY, "1e60", "100"), Reason.ABOVE_MAX_QUANTITY, "Filter failure: LOT_SIZE"),
        (new_order(BUY, "1", "NaN"), Reason.BAD_PRICE, "Filter failure: PRICE_FILTER"),
        (new_order(BUY, "1", type=LIMIT), Reason.BAD_PRICE, "Mandatory parameter 'price'"),
        (new_order(BUY, "1", "100", type=MARKET), Reason.BAD_PRICE, "Parameter 'price' sent when not required."),
        (new_order(SELL, "1", type=STOP), Reason.BAD_PRICE, "Mandatory parameter 'stopPrice'"),
        (new_order(SELL, "1", trigger="90.001"), Reason.BAD_PRICE, "Filter failure: PRICE_FILTER"),
        (new_order(BUY, "1", time_in_force=TimeInForce.IOC), Reason.EXCHANGE_REFUSED, "'timeInForce'"),
        (new_order(BUY, "1.0005", "100"), Reason.BAD_QUANTITY, "Filter failure: LOT_SIZE"),
        (new_order(BUY, "0", "100"), Reason.BELOW_MIN_QUANTITY, "Filter failure: LOT_SIZE"),
        (new_order(BUY, "-1", "100"), Reason.BELOW_MIN_QUANTITY, "Filter failure: LOT_SIZE"),
        (new_order(BUY, "NaN", "100"), Reason.BELOW_MIN_QUANTITY, "Filter failure: LOT_SIZE"),
        (new_order(BUY, "0.049", "100"), Reason.BELOW_MIN_NOTIONAL, "Filter failure: NOTIONAL"),
        (new_order(BUY, "0.049"), Reason.BELOW_MIN_NOTIONAL, "Filter failure: NOTIONAL"),
        (new_order(BUY, "100.001", "100"), Reason.INSUFFICIENT_FUNDS, "insufficient balance"),
        (new_order(BUY, "100.001"), Reason.INSUFFICIENT_FUNDS, "insufficient balance"),
        (new_order(SELL, "1", "100"), Reason.INSUFFICIENT_FUNDS, "insufficient balance"),
        (new_order(BUY, "1", "100", name="no spaces"), Reason.EXCHANGE_REFUSED, "Illegal characters"),
        (new_order(BUY, "1", "100", name="x" * 37), Reason.EXCHANGE_REFUSED, "Illegal characters"),
        (new_order(BUY, "1", "100", name=""), Reason.EXCHANGE_REFUSED, "Illegal characters"),
        (new_order(BUY, "1", "100", reduce_only=True), Reason.EXCHANGE_REFUSED, "'reduceOnly'"),
        (new_order(BUY, "1", "100", time_in_force=TimeInForce.POST_ONLY), Reason.WOULD_TAKE, "immediately match"),
        (new_order(BUY, "1", trigger="100"), Reason.WOULD_TAKE, "trigger immediately"),
    ],
    ids=lambda value: value.value if isinstance(value, Reason) else None,
)
def test_an_order_against_the_rules_is_refused(order: Any, reason: Reason, words: str) -> None:
    refused = refusal(new_book(), order)
    assert refused.reason is reason
    assert words in refused.detail


def test_a_client_order_id_is_refused_while_it_is_open_and_free_again_afterwards() -> None:
    book = new_book()
    place(book, new_order(BUY, "1", "90"))
    refused = refusal(book, new_order(BUY, "1", "91"))
    assert (refused.reason, refused.detail) == (Reason.DUPLICATE_CLIENT_ORDER_ID, "Duplicate order sent.")
    book.cancel("order-1", 2)
    assert place(book, new_order(BUY, "1", "91")).number == 2


def test_an_inactive_market_takes_no_orders() -> None:
    book = new_book()
    with_rules(book, active=False)
    assert refusal(book, new_order(BUY, "1", "100")).reason is Reason.INSTRUMENT_INACTIVE


@pytest.mark.rule("PRC-1")
@pytest.mark.parametrize(
    ("rules", "order", "reason"),
    [
        ({"max_quantity": D(2)}, new_order(BUY, "2.001", "10"), Reason.ABOVE_MAX_QUANTITY),
        ({"market_max_quantity": D(2)}, new_order(BUY, "2.001"), Reason.ABOVE_MAX_QUANTITY),
        ({"market_min_quantity": D(2)}, new_order(BUY, "1.999"), Reason.BELOW_MIN_QUANTITY),
        ({"market_step_size": D("0.01")}, new_order(BUY, "1.001"), Reason.BAD_QUANTITY),
        ({"band_down": D("0.5")}, new_order(BUY, "1", "49.99"), Reason.OUTSIDE_PRICE_BAND),
        ({"band_up": D(2)}, new_order(BUY, "1", "200.01"), Reason.OUTSIDE_PRICE_BAND),
        ({"max_open_orders": 0}, new_order(BUY, "1", "90"), Reason.TOO_MANY_OPEN_ORDERS),
    ],
)
def test_limits_a_market_has_are_enforced(rules: dict[str, Decimal], order: Any, reason: Reason) -> None:
    book = new_book()
    with_rules(book, **rules)
    assert refusal(book, order).reason is reason


def test_exactly_what_the_rules_allow_is_accepted() -> None:
    book = new_book()
    with_rules(book, max_quantity=D(100), band_down=D("0.5"), max_open_orders=2)
    place(book, new_order(BUY, "0.1", "50", name="lowest-price-and-notional"))
    place(book, new_order(BUY, "99.95", "100", name="all-the-money"))
    assert book.funds.free("USDT") == 0


def test_without_a_price_a_market_order_is_refused_and_a_limit_order_waits() -> None:
    book = new_book(price=None)
    assert refusal(book, new_order(BUY, "1")).reason is Reason.PRICE_MISSING
    order = place(book, new_order(BUY, "1", "100", time_in_force=TimeInForce.POST_ONLY))
    book.move(BTC, D(99), 2)
    assert order.trades[0].price == 100


def test_cancelling_what_is_not_open_is_refused() -> None:
    book = new_book()
    place(book, new_order(BUY, "1"))
    for name in ("order-1", "never-heard-of"):
        refused = book.cancel(name, 2)
        assert getattr(refused, "reason", None) is Reason.ORDER_NOT_FOUND


def test_reduce_only_without_a_position_is_refused_on_swaps() -> None:
    book = new_book(market=Market.SWAP)
    refused = refusal(book, new_order(SELL, "1", "110", symbol=f"{BTC}:USDT", reduce_only=True))
    assert (refused.reason, refused.detail) == (Reason.NOTHING_TO_REDUCE, "ReduceOnly Order is rejected.")
