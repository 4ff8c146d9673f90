"""A venue whose requests go nowhere: ccxt builds and parses as ever, the answers are canned."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from actors.rules.choices import Market
from actors.rules.model import Instrument, Order, OrderSide, OrderType, Role, TimeInForce
from actors.rules.settings import AccountSettings
from daemon.exchanges.venues import venue_class
from daemon.exchanges.venues.venue import Credentials, Venue

NOW_MS = 1_700_000_000_000
CLIENT_ID = "abcd1234efgh5678ijkl90mno"
STAMPS = frozenset({"timestamp", "recvWindow", "signature"})
D = Decimal


@dataclass(frozen=True)
class Sent:
    """One request, its stamps and signature apart."""

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)


class Wire:
    """Answers by path, in turn; the last one stays. An answer that is a tuple is an HTTP status and a body."""

    def __init__(self, venue: Venue, answers: Mapping[str, list[Any]]) -> None:
        self.venue = venue
        self.sent: list[Sent] = []
        self.urls: list[str] = []
        self._answers = {path: list(given) for path, given in answers.items()}
        self._quiet = frozenset(self._answers)
        venue.client.fetch = self._fetch
        venue.client.milliseconds = lambda: NOW_MS

    def answer(self, path: str, *answers: Any) -> None:
        self._answers[path] = list(answers)
        self._quiet -= {path}

    async def _fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        parts = urlsplit(url)
        params: dict[str, Any] = dict(parse_qsl(parts.query, keep_blank_values=True))
        if body:
            params |= json.loads(body) if body.startswith("{") else dict(parse_qsl(body, keep_blank_values=True))
        self.urls.append(url)
        if parts.path not in self._quiet:
            self.sent.append(Sent(method, parts.path, {k: v for k, v in params.items() if k not in STAMPS}))
        given = self._answers[parts.path]
        status, found = given[0] if isinstance(given[0], tuple) else (200, given[0])
        if len(given) > 1:
            given.pop(0)
        text = json.dumps(found)
        client = self.venue.client
        found = client.parse_json(text)
        client.handle_errors(status, "", url, method, {}, text, found, headers, body)
        client.handle_http_status_code(status, "", url, method, text)
        return found


def make_wire(
    exchange: str,
    market: Market,
    answers: Mapping[str, list[Any]],
    credentials: Credentials | None = None,
    **account: Any,
) -> Wire:
    """A venue with keys whose `answers` to housekeeping (markets, clock) are not recorded."""
    found = venue_class(exchange, market)
    assert isinstance(found, type), found
    settings = AccountSettings(name="a", exchange=exchange, market=market, **account)
    return Wire(found(settings, Credentials(api_key="key", secret="secret"), None), answers)


def order(symbol: str, **changes: Any) -> Order:
    """A limit buy of 0.5 at 100, unless told otherwise."""
    given: dict[str, Any] = {
        "client_order_id": CLIENT_ID,
        "group_id": "g",
        "account": "a",
        "symbol": symbol,
        "pyramid": 0,
        "leg": 0,
        "role": Role.ENTRY,
        "attempt": 0,
        "side": OrderSide.BUY,
        "type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GTC,
        "price": D(100),
        "quantity": D("0.5"),
        "create_time_ms": NOW_MS - 1_000,
        "update_time_ms": NOW_MS,
    }
    return Order(**{**given, **changes})


def exit_order(symbol: str, **changes: Any) -> Order:
    """A sell that takes a long position down."""
    given: dict[str, Any] = {"role": Role.TAKE_PROFIT, "side": OrderSide.SELL, "reduce_only": True}
    return order(symbol, **{**given, **changes})


def market_order(symbol: str, **changes: Any) -> Order:
    return order(symbol, **{"type": OrderType.MARKET, "price": None, "expected_price": D(100), **changes})


def instrument(symbol: str, market: Market) -> Instrument:
    return Instrument(
        account="a",
        symbol=symbol,
        venue_symbol="BTCUSDT",
        base="BTC",
        quote="USDT",
        market=market,
        tick_size=D("0.01"),
        step_size=D("0.001"),
        min_quantity=D("0.001"),
        min_notional=D(5),
    )
