"""Accounts, orders and clients for tests against canned answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, TypeVar

from actors.rules.choices import MarginMode, Market, PositionMode
from actors.rules.model import Instrument, Order, OrderSide, OrderType, Role, TimeInForce
from actors.rules.settings import AccountSettings
from daemon.exchanges.venues.venue import Credentials, Venue
from tests.wire.canned.server import Canned

D = Decimal
CID = "ab3c5d7e9f1g2h4i6j8k0l5m7"
"""A client order id: 25 letters and digits."""
NOW = 1_760_000_000_000
KEYS = Credentials(api_key="key", secret="secret", passphrase="phrase")
BUY, SELL = OrderSide.BUY, OrderSide.SELL
LIMIT, MARKET, STOP = OrderType.LIMIT, OrderType.MARKET, OrderType.STOP
POST_ONLY, IOC = TimeInForce.POST_ONLY, TimeInForce.IOC

V = TypeVar("V", bound=Venue)


def account(exchange: str, **changes: Any) -> AccountSettings:
    return AccountSettings(name="real", exchange=exchange, **changes)


def swap(exchange: str, **changes: Any) -> AccountSettings:
    return account(exchange, **{"market": Market.SWAP, "leverage": 3, **changes})


def hedge(exchange: str, **changes: Any) -> AccountSettings:
    return swap(exchange, **{"position_mode": PositionMode.HEDGE, "margin_mode": MarginMode.CROSS, **changes})


def order(symbol: str = "BTC/USDT", **changes: Any) -> Order:
    """A limit buy of 0.002 at 50000.5 that opens a long, unless told otherwise."""
    given: dict[str, Any] = {
        "client_order_id": CID,
        "group_id": "group0000001",
        "account": "real",
        "symbol": symbol,
        "pyramid": 0,
        "leg": 0,
        "role": Role.ENTRY,
        "attempt": 0,
        "side": BUY,
        "type": LIMIT,
        "price": D("50000.5"),
        "quantity": D("0.002"),
        "create_time_ms": NOW,
        "update_time_ms": NOW,
    }
    return Order(**{**given, **changes})


def exit_order(symbol: str, **changes: Any) -> Order:
    """A reduce-only sale that takes a long down."""
    return order(symbol, **{"side": SELL, "role": Role.TAKE_PROFIT, "reduce_only": True, **changes})


def instrument(symbol: str = "BTC/USDT", **changes: Any) -> Instrument:
    given: dict[str, Any] = {
        "account": "real",
        "symbol": symbol,
        "venue_symbol": "BTC",
        "base": "BTC",
        "quote": "USDT",
        "market": Market.SWAP if ":" in symbol else Market.SPOT,
        "tick_size": D("0.1"),
        "step_size": D("0.00001"),
        "min_quantity": D("0.00001"),
        "min_notional": D(0),
    }
    return Instrument(**{**given, **changes})


@asynccontextmanager
async def connected(
    kind: type[V], canned: Canned, settings: AccountSettings, *, ready: bool = True
) -> AsyncIterator[V]:
    """A venue on the canned server, its instruments read, its clock at `NOW`. What that took is forgotten."""
    from dataclasses import replace

    venue = kind(replace(settings, urls={"rest": canned.url, "ws": canned.ws_url}), KEYS, None)
    venue.client.milliseconds = lambda: NOW + 1_000
    venue.client.timeout_on_exit = 0  # It would wait a quarter of a second at the end of each test.
    try:
        if ready:
            await venue.instruments()
            canned.asked.clear()
        yield venue
    finally:
        await venue.close()
