"""When a ladder counts as filled at once (DCA-5)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from actors.rules.model import Group, Order, OrderSide, Trade
from daemon.api.at_once import AT_ONCE_MS, ladder_at_once
from tests.daemon.store import samples

GROUP = samples.group(1)
D = Decimal


def filled(order: Order, better: str, after_ms: int = 100) -> Order:
    """It got a price so much better than its own."""
    assert order.price is not None
    price = order.price - D(better) if order.side is OrderSide.BUY else order.price + D(better)
    trade = Trade(
        trade_id=order.client_order_id, quantity=order.quantity, price=price, fee=D(0), fee_asset="USDT",
        fee_value=D(0), time_ms=order.create_time_ms + after_ms,
    )  # fmt: skip
    return replace(order, trades=(trade,))


def with_fills(count: int, better: str, after_ms: int = 100) -> Group:
    orders = list(GROUP.orders.values())
    changed = [filled(order, better, after_ms) for order in orders[:count]] + orders[count:]
    return replace(GROUP, orders={order.client_order_id: order for order in changed})


@pytest.mark.rule("DCA-5")
@pytest.mark.parametrize(
    ("count", "better", "after_ms", "words"),
    [
        (5, "10", 100, "its whole ladder filled at once"),
        (3, "10", AT_ONCE_MS, "3 of the 5 legs of its ladder filled at once"),
        (1, "10", 100, ""),  # Any limit order may get a better price.
        (5, "0", 100, ""),  # At its own price: it rested there.
        (5, "10", AT_ONCE_MS + 1, ""),  # The market came to it.
        (0, "0", 0, ""),
    ],
)
def test_legs_count_whose_price_the_market_was_past_when_they_came(
    count: int, better: str, after_ms: int, words: str
) -> None:
    group = with_fills(count, better, after_ms)
    found = ladder_at_once(group, group.pyramids[0])
    assert (found is not None) is bool(words)
    if found is not None:
        assert found.words.startswith(words)
        assert found.time_ms == GROUP.orders[next(iter(GROUP.orders))].create_time_ms + after_ms
