"""Orders into a simulated Binance: straight into its order intake, or through HTTP with unmodified ccxt."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, TypeVar
from urllib.parse import urlencode

from actors.rules.choices import Market
from actors.rules.model import Instrument, Order, OrderReport, OrderType, TimeInForce, Trade
from actors.rules.money import ZERO
from actors.rules.settings import AccountSettings, FeeSettings
from daemon.exchanges.instruments import instruments_of
from daemon.exchanges.venues import venue_class
from daemon.exchanges.venues.venue import Credentials, Venue
from tests.wire.binance_common import BinanceSimulator, signature_of
from tests.wire.core.account import Rejected, SimAccount, SimOrder
from tests.wire.core.clock import SimClock
from tests.wire.core.server import Call
from tests.wire.every_symbol import PriceRange
from tests.wire.run import Running

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
    """Money for everything and nothing borrowed, before there are any streams."""
    assets = {each.quote for each in account.instruments.values()}
    for asset in sorted(assets):
        account.book.funds.change(asset, PLENTY)
    if account.market is Market.SWAP:
        for symbol in account.instruments:
            account.set_leverage(symbol, 1)


class DirectIntake:
    """The venue's whole way of taking an order, signature and parameters included, but for the socket."""

    def __init__(self, simulator: BinanceSimulator, path: str, response_type: str) -> None:
        self.simulator, self.account = simulator, simulator.account
        self.can_amend = simulator.account.market is Market.SWAP
        self._path, self._response_type = path, response_type
        self._dice = Random(7)
        simulator.limits.set(dict.fromkeys(simulator.limits.windows, 10**12))
        enrich(self.account)

    def set_price(self, instrument: Instrument, price: Decimal) -> None:
        self.account.set_price(instrument.venue_symbol, price)

    def place(self, order: Order, instrument: Instrument) -> str:
        """Market orders on spot are valued at an average that has not quite followed the price."""
        averages: dict[str, Decimal] = getattr(self.simulator, "averages", {})
        price = self.account.price(instrument.venue_symbol)
        if order.type is OrderType.MARKET and price is not None:
            averages[instrument.venue_symbol] = price * Decimal(self._dice.randint(955, 1045)) / 1000
        reply = self._send("POST", wire_fields(order, instrument, self._response_type))
        averages.clear()
        return "" if reply.status == 200 else str(reply.body)

    def amend(self, order: Order, instrument: Instrument) -> str:
        assert order.wanted_price is not None
        assert order.wanted_quantity is not None
        fields = {
            "symbol": instrument.venue_symbol,
            "side": order.side.value.upper(),
            "orderId": _found(self.account, order).order_id,
            "quantity": f"{order.wanted_quantity.normalize():f}",
            "price": f"{order.wanted_price.normalize():f}",
        }
        reply = self._send("PUT", fields)
        return "" if reply.status == 200 else str(reply.body)

    def cancel(self, order: Order, instrument: Instrument) -> None:
        fields = {"symbol": instrument.venue_symbol, "origClientOrderId": order.client_order_id}
        self._send("DELETE", fields)

    def fill(self, order: Order, quantity: Decimal) -> None:
        self.account.fill(_found(self.account, order).order_id, quantity)

    def report(self, order: Order, instrument: Instrument) -> OrderReport:
        base = self.account.instruments[instrument.venue_symbol].base
        return report_of(_found(self.account, order), instrument, base)

    def held(self, instrument: Instrument) -> Decimal:
        return held(self.account, instrument)

    def _send(self, method: str, fields: Mapping[str, str]) -> Any:
        simulator = self.simulator
        now_ms = simulator.clock()
        text = urlencode({**fields, "timestamp": now_ms, "recvWindow": 5000})
        text += "&signature=" + signature_of(simulator.api_secret, text)
        call = Call(
            method=method,
            path=self._path,
            raw_query=text if method == "DELETE" else "",
            body=b"" if method == "DELETE" else text.encode(),
            headers={"x-mbx-apikey": simulator.api_key, "content-type": "application/x-www-form-urlencoded"},
            now_ms=now_ms,
        )
        return simulator._answer(simulator._routes[method, self._path], call, {})


class OkxIntake:
    """OKX spot has no simulator: its own list, kept to the letter, in front of the same book.

    `maxLmtSz` is in base, `maxMktSz` in dollars. There is no least value.
    """

    can_amend = False

    def __init__(self, rows: list[Any], instruments: Sequence[Instrument]) -> None:
        self._rows = {row["instId"]: row for row in rows}
        self.account = SimAccount(
            exchange="okx",
            market=Market.SPOT,
            instruments=instruments,
            balances={},
            fees=FeeSettings(),
            clock=SimClock(),
            check_filters=False,
            unique_ids="ever",
        )
        enrich(self.account)

    def set_price(self, instrument: Instrument, price: Decimal) -> None:
        self.account.set_price(instrument.venue_symbol, price)

    def place(self, order: Order, instrument: Instrument) -> str:
        words = self._check(order, self._rows[instrument.venue_symbol])
        if words:
            return words
        placed = self.account.place(
            SimOrder(
                symbol=instrument.venue_symbol,
                side=order.side,
                type=order.type,
                quantity=order.quantity,
                price=order.price,
                time_in_force=order.time_in_force,
                client_order_id=order.client_order_id,
            )
        )
        return placed.words or str(placed.reason) if isinstance(placed, Rejected) else ""

    def amend(self, order: Order, instrument: Instrument) -> str:
        raise AssertionError("nobody told the rules that this venue can amend")

    def _check(self, order: Order, row: Mapping[str, str]) -> str:
        size, is_market = order.quantity, order.type is OrderType.MARKET
        if order.price is not None and (order.price <= 0 or order.price % Decimal(row["tickSz"])):
            return "51006 the price is off the tick"
        if size % Decimal(row["lotSz"]):
            return "51121 the size is no multiple of the lot"
        if size < Decimal(row["minSz"]):
            return "51020 the size is below the minimum"
        if not is_market:
            return "51004 the size is above the maximum" if size > Decimal(row["maxLmtSz"]) else ""
        price = self.account.price(row["instId"]) or ZERO
        is_dollars = row["quoteCcy"] in ("USDT", "USDC")
        return "51202 the amount is above the maximum" if is_dollars and size * price > Decimal(row["maxMktSz"]) else ""

    def cancel(self, order: Order, instrument: Instrument) -> None:
        self.account.cancel(client_order_id=order.client_order_id, symbol=instrument.venue_symbol)

    def fill(self, order: Order, quantity: Decimal) -> None:
        self.account.fill(_found(self.account, order).order_id, quantity)

    def report(self, order: Order, instrument: Instrument) -> OrderReport:
        return report_of(_found(self.account, order), instrument, instrument.base)

    def held(self, instrument: Instrument) -> Decimal:
        return held(self.account, instrument)


class HttpIntake:
    """The daemon's own venue class and unmodified ccxt, over HTTP, against a simulator in a thread of its own."""

    def __init__(self, running: Running, exchange: str, market: Market, runner: asyncio.Runner) -> None:
        self._running, self._runner = running, runner
        ends = running.endpoints
        account = AccountSettings(
            name="real", exchange=exchange, market=market, leverage=1, urls={"rest": ends.rest, "ws": ends.ws}
        )
        kind = venue_class(exchange, market)
        assert not isinstance(kind, str)
        credentials = Credentials(api_key=ends.api_key, secret=ends.api_secret)
        self._venue = runner.run(_made(kind, account, credentials))
        self.can_amend = self._venue.can_amend
        running.call(lambda simulator: enrich(simulator.account))
        running.call(lambda simulator: simulator.limits.set(dict.fromkeys(simulator.limits.windows, 10**9)))
        self.instruments = instruments_of(exchange, account, runner.run(self._venue.instruments()))

    def close(self) -> None:
        self._runner.run(self._venue.client.close())

    def set_price(self, instrument: Instrument, price: Decimal) -> None:
        self._ask(lambda account: account.set_price(instrument.venue_symbol, price))

    def place(self, order: Order, instrument: Instrument) -> str:
        try:
            raw = self._runner.run(self._venue.create(order, instrument))
        except Exception as error:
            return str(error)
        return "" if raw.get("id") else f"no order: {raw}"

    def amend(self, order: Order, instrument: Instrument) -> str:
        assert order.wanted_price is not None
        assert order.wanted_quantity is not None
        known = replace(order, exchange_order_id=self._ask(lambda account: _found(account, order).order_id))
        try:
            self._runner.run(self._venue.amend(known, order.wanted_price, order.wanted_quantity))
        except Exception as error:
            return str(error)
        return ""

    def cancel(self, order: Order, instrument: Instrument) -> None:
        self._runner.run(self._venue.cancel(order))

    def fill(self, order: Order, quantity: Decimal) -> None:
        self._ask(lambda account: account.fill(_found(account, order).order_id, quantity))

    def report(self, order: Order, instrument: Instrument) -> OrderReport:
        def look(account: SimAccount) -> OrderReport:
            base = account.instruments[instrument.venue_symbol].base
            return report_of(_found(account, order), instrument, base)

        return self._ask(look)

    def held(self, instrument: Instrument) -> Decimal:
        return self._ask(lambda account: held(account, instrument))

    def _ask(self, do: Callable[[SimAccount], T]) -> T:
        return self._running.call(lambda simulator: do(simulator.account))


async def _made(kind: type[Venue], account: AccountSettings, credentials: Credentials) -> Venue:
    return kind(account, credentials, None)


def _found(account: SimAccount, order: Order) -> SimOrder:
    found = account.order(client_order_id=order.client_order_id)
    assert found is not None, order
    return found


# --- a list in today's form -----------------------------------------------------------------------


def renewed(info: Mapping[str, Any], dice: Random) -> dict[str, Any]:
    """A spot exchangeInfo with the filters Binance writes today: bands by side, a greatest value, and here and there a
    step of their own for market orders.
    """
    symbols = [dict(row, filters=[dict(_renewed(rule, dice)) for rule in row["filters"]]) for row in info["symbols"]]
    return {**info, "symbols": symbols}


def _renewed(rule: Mapping[str, Any], dice: Random) -> Mapping[str, Any]:
    match rule["filterType"]:
        case "PERCENT_PRICE":
            wide = dice.random() < 0.7
            names = ("bidMultiplierUp", "bidMultiplierDown", "askMultiplierUp", "askMultiplierDown")
            values = ("5", "0.2", "5", "0.2") if wide else ("1.2", "0.2", "5", "0.8")
            return {"filterType": "PERCENT_PRICE_BY_SIDE", **dict(zip(names, values, strict=True)), "avgPriceMins": 5}
        case "MIN_NOTIONAL":
            least = Decimal(rule["minNotional"])
            return {
                "filterType": "NOTIONAL",
                "minNotional": rule["minNotional"],
                "applyMinToMarket": dice.random() < 0.8,
                "maxNotional": f"{least * dice.choice((300, 9_000, 900_000)):f}",
                "applyMaxToMarket": dice.random() < 0.3,
                "avgPriceMins": 5,
            }
    return rule


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
        return account.book.funds.total(account.instruments[instrument.venue_symbol].base)
    return sum((each.quantity for each in account.positions(instrument.venue_symbol)), ZERO)


def report_of(found: SimOrder, instrument: Instrument, venue_base: str) -> OrderReport:
    """As the daemon would read it. ccxt has names of its own for some coins."""
    trades = tuple(
        Trade(
            trade_id=each.trade_id,
            quantity=each.quantity,
            price=each.price,
            fee=each.fee,
            fee_asset=instrument.base if each.fee_asset == venue_base else each.fee_asset,
            fee_value=each.fee * (each.price if each.fee_asset == venue_base else 1),
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
        price=found.price,
        quantity=found.quantity,
    )
