"""Orders into a simulated Binance: straight into its order intake, or through HTTP with unmodified ccxt."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

from actors.rules.choices import Market
from actors.rules.model import Instrument, Order, OrderReport, OrderType, TimeInForce, Trade
from actors.rules.money import ZERO
from actors.rules.settings import AccountSettings
from daemon.exchanges.instruments import instruments_of
from tests.wire.binance_common import BinanceSimulator, signature_of
from tests.wire.core.account import SimAccount, SimOrder
from tests.wire.core.server import Call
from tests.wire.every_symbol import PriceRange

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "exchange"
PLENTY = Decimal(10) ** 16
"""Of every asset: what an order is refused for here is never money."""
T = TypeVar("T")


@cache
def listed(name: str) -> Any:
    """A recorded list of a venue."""
    return json.loads(gzip.decompress((SHARED / name).read_bytes()))


def price_ranges(info: Mapping[str, Any]) -> dict[str, PriceRange]:
    """By venue symbol, from the PRICE_FILTER of an exchangeInfo."""
    found = {}
    for row in info["symbols"]:
        rule = next(each for each in row["filters"] if each["filterType"] == "PRICE_FILTER")
        found[row["symbol"]] = PriceRange(least=Decimal(rule["minPrice"]), most=Decimal(rule["maxPrice"]))
    return found


def parsed(ccxt_id: str, rows: list[Any]) -> list[dict[str, Any]]:
    """A venue's own rows as ccxt's markets."""
    import ccxt.async_support as ccxt

    client = getattr(ccxt, ccxt_id)()
    client.number = str
    client.options.update(crossMarginPairsData=[], isolatedMarginPairsData=[])  # Else set by `fetch_markets`.
    markets: list[dict[str, Any]] = client.parse_markets(rows)
    asyncio.run(client.close())
    return markets


def read(exchange: str, market: Market, rows: list[Any]) -> tuple[Instrument, ...]:
    """The instruments an account would have of these rows, by the daemon's own reading."""
    account = AccountSettings(name="real", exchange=exchange, market=market)
    return instruments_of(exchange, account, parsed(exchange, rows))


def enrich(account: SimAccount) -> None:
    """Money for everything; one deposit, before there are any streams."""
    assets = {each.quote for each in account.instruments.values()}
    for asset in sorted(assets):
        account.book.funds.change(asset, PLENTY)


class DirectIntake:
    """The venue's whole way of taking an order, signature and parameters included, but for the socket."""

    def __init__(self, simulator: BinanceSimulator, path: str, response_type: str) -> None:
        self.simulator, self.account = simulator, simulator.account
        self._path, self._response_type = path, response_type
        simulator.limits.set(dict.fromkeys(simulator.limits.windows, 10**12))
        enrich(self.account)

    def set_price(self, instrument: Instrument, price: Decimal) -> None:
        self.account.set_price(instrument.venue_symbol, price)

    def place(self, order: Order, instrument: Instrument) -> str:
        reply = self._send("POST", wire_fields(order, instrument, self._response_type))
        return "" if reply.status == 200 else str(reply.body)

    def cancel(self, order: Order, instrument: Instrument) -> None:
        fields = {"symbol": instrument.venue_symbol, "origClientOrderId": order.client_order_id}
        self._send("DELETE", fields)

    def fill(self, order: Order, quantity: Decimal) -> None:
        self.account.fill(self._found(order).order_id, quantity)

    def report(self, order: Order, instrument: Instrument) -> OrderReport:
        return report_of(self._found(order), instrument)

    def held(self, instrument: Instrument) -> Decimal:
        return held(self.account, instrument)

    def _found(self, order: Order) -> SimOrder:
        found = self.account.order(client_order_id=order.client_order_id)
        assert found is not None, order
        return found

    def _send(self, method: str, fields: Mapping[str, str]) -> Any:
        simulator = self.simulator
        now_ms = simulator.clock()
        text = urlencode({**fields, "timestamp": now_ms, "recvWindow": 5000})
        text += "&signature=" + signature_of(simulator.api_secret, text)
        call = Call(
            method=method,
            path=self._path,
            raw_query="" if method == "POST" else text,
            body=text.encode() if method == "POST" else b"",
            headers={"x-mbx-apikey": simulator.api_key, "content-type": "application/x-www-form-urlencoded"},
            now_ms=now_ms,
        )
        return simulator._answer(simulator._routes[method, self._path], call, {})


def wire_fields(order: Order, instrument: Instrument, response_type: str) -> dict[str, str]:
    """A new order as ccxt writes it."""
    fields = {
        "symbol": instrument.venue_symbol,
        "side": order.side.value.upper(),
        "newClientOrderId": order.client_order_id,
        "newOrderRespType": response_type,
        "type": order.type.value.upper(),
        "quantity": f"{order.quantity.normalize():f}",
    }
    if order.type is OrderType.LIMIT and order.price is not None:
        fields["price"] = f"{order.price.normalize():f}"
        fields["timeInForce"] = "IOC" if order.time_in_force is TimeInForce.IOC else "GTC"
    if order.reduce_only:
        fields["reduceOnly"] = "true"
    return fields


def held(account: SimAccount, instrument: Instrument) -> Decimal:
    if instrument.market is Market.SPOT:
        return account.book.funds.total(instrument.base)
    return sum((each.quantity for each in account.positions(instrument.venue_symbol)), ZERO)


def report_of(found: SimOrder, instrument: Instrument) -> OrderReport:
    trades = tuple(
        Trade(
            trade_id=each.trade_id,
            quantity=each.quantity,
            price=each.price,
            fee=each.fee,
            fee_asset=each.fee_asset,
            fee_value=each.fee * (each.price if each.fee_asset == instrument.base else 1),
            time_ms=each.time_ms,
            maker=each.maker,
        )
        for each in found.trades
    )
    return OrderReport(
        client_order_id=found.client_order_id,
        exchange_order_id=found.order_id,
        state=found.state,
        trades=trades,
        time_ms=found.update_ms,
    )
