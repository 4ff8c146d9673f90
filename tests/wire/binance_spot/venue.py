"""The simulated Binance spot venue: `make_simulator(instruments_file)`.

Limits are as published (exchangeInfo of the file, else 6000 weight a minute and 100 orders in 10 s); windows are named
REQUEST_WEIGHT_1M, ORDERS_10S, ORDERS_1D, RAW_REQUESTS_5M. Not simulated: STOP_LOSS_LIMIT, TAKE_PROFIT(_LIMIT), order
lists, iceberg and trailing orders (-1020), klines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors.rules.choices import Market
from actors.rules.settings import FeeSettings
from tests.wire.binance_common import (
    SPOT_ERRORS,
    BinanceSimulator,
    amount,
    failed,
    failure,
    integer_parameter,
    made_up_id,
)
from tests.wire.binance_spot import shapes
from tests.wire.binance_spot.markets import RawSymbol, load_markets
from tests.wire.binance_spot.placing import check_client_id, order_of, rejected, symbol_of
from tests.wire.binance_spot.streams import DEPTH, MarketSession, UserSession
from tests.wire.core.account import Rejected, SimAccount, SimOrder
from tests.wire.core.clock import SimClock
from tests.wire.core.limits import Limit, Limits
from tests.wire.core.server import Call, Fail, Reply

WEIGHT, ORDERS, ORDERS_DAY, RAW = "REQUEST_WEIGHT_1M", "ORDERS_10S", "ORDERS_1D", "RAW_REQUESTS_5M"
USUAL_LIMITS = {WEIGHT: 6000, ORDERS: 100, ORDERS_DAY: 200_000, RAW: 61_000}
PERIODS_MS = {WEIGHT: 60_000, ORDERS: 10_000, ORDERS_DAY: 86_400_000, RAW: 300_000}
BALANCES = {"USDT": Decimal(100_000)}
DAY_MS = 86_400_000
_PLACE = "timeInForce quantity quoteOrderQty price newClientOrderId stopPrice newOrderRespType selfTradePreventionMode"


def make_simulator(instruments_file: Path | None = None) -> BinanceSpot:
    return BinanceSpot(instruments_file)


def costs(weight: int, *, orders: int = 0) -> Mapping[str, int]:
    drawn = {RAW: 1, WEIGHT: weight}
    return drawn | ({ORDERS: orders, ORDERS_DAY: orders} if orders else {})


class BinanceSpot(BinanceSimulator):
    venue = "binance"
    words = SPOT_ERRORS

    def __init__(
        self,
        instruments_file: Path | None = None,
        *,
        balances: Mapping[str, Decimal] = BALANCES,
        fees: FeeSettings | None = None,
        clock: SimClock | None = None,
    ) -> None:
        clock = clock or SimClock()
        self.markets = load_markets(instruments_file)
        account = SimAccount(
            exchange="binance",
            market=Market.SPOT,
            instruments=self.markets.instruments("binance"),
            balances=balances,
            fees=fees or FeeSettings(),
            clock=clock,
            check_filters=False,
        )
        limits = {name: self.markets.limits.get(name, limit) for name, limit in USUAL_LIMITS.items()}
        windows = {name: Limit(limit, PERIODS_MS[name]) for name, limit in limits.items()}
        super().__init__(account=account, clock=clock, limits=Limits(windows))
        for symbol, price in self.markets.prices.items():
            account.set_price(symbol, price)
        self.averages: dict[str, Decimal] = {}
        """Average prices of the last minutes where they are not the price of the moment, by symbol."""
        self.user_sessions: set[UserSession] = set()
        self._cancel_ids: dict[str, str] = {}
        """Order id -> what its cancel request was called."""
        self._number = 0
        self._add_trading_routes()
        self._add_account_routes()
        self._add_market_routes()
        self.ws_route(r"/ws-api/v3", lambda socket: UserSession(self, socket))
        self.ws_route(r"/ws/.+", lambda socket: MarketSession(self, socket))

    def average_price(self, symbol: str) -> Decimal | None:
        """What percent and notional filters go by."""
        return self.averages.get(symbol) or self.account.price(symbol)

    def next_number(self) -> int:
        self._number += 1
        return self._number

    def cancel_id(self, order: SimOrder) -> str:
        """What the cancel of this order was called; made up where it was by hand."""
        return self._cancel_ids.get(order.order_id) or made_up_id("cancel", order.order_id)

    def foreign_client_id(self) -> str:
        return "web_" + made_up_id("web", self.next_number())

    def stream_fault(self, kind: str) -> None:
        """Spot has no listen key: both kinds end the subscriptions."""
        for session in tuple(self.user_sessions):
            session.terminate()

    # --- what there is ----------------------------------------------------------------------------

    def _add_trading_routes(self) -> None:
        order, replace = "/api/v3/order", "/api/v3/order/cancelReplace"
        self.listed(
            "POST",
            order,
            self._place,
            required="symbol side type",
            optional=_PLACE,
            security="TRADE",
            client_id_of=lambda call: call.get("newClientOrderId"),
            weights=costs(1, orders=1),
        )
        self.listed(
            "POST",
            "/api/v3/order/test",
            self._test,
            required="symbol side type",
            optional=_PLACE,
            security="TRADE",
            client_id_of=lambda call: call.get("newClientOrderId"),
            weights=costs(1),
        )
        self.listed(
            "GET",
            order,
            self._look_up,
            required="symbol",
            optional="orderId origClientOrderId",
            security="USER_DATA",
            client_id_of=lambda call: call.get("origClientOrderId"),
            weights=costs(4),
        )
        self.listed(
            "DELETE",
            order,
            self._cancel,
            required="symbol",
            optional="orderId origClientOrderId newClientOrderId cancelRestrictions",
            security="TRADE",
            client_id_of=lambda call: call.get("origClientOrderId"),
            weights=costs(1),
        )
        self.listed(
            "POST",
            replace,
            self._cancel_replace,
            required="symbol side type cancelReplaceMode",
            optional=_PLACE + " cancelNewClientOrderId cancelOrigClientOrderId cancelOrderId cancelRestrictions",
            security="TRADE",
            client_id_of=lambda call: call.get("newClientOrderId"),
            weights=costs(1, orders=1),
        )
        self.listed(
            "GET",
            "/api/v3/openOrders",
            self._open_orders,
            optional="symbol",
            security="USER_DATA",
            weights=lambda call: costs(6 if "symbol" in call.params else 80),
        )
        self.listed(
            "DELETE", "/api/v3/openOrders", self._cancel_all, required="symbol", security="TRADE", weights=costs(1)
        )

    def _add_account_routes(self) -> None:
        self.listed(
            "GET",
            "/api/v3/allOrders",
            self._all_orders,
            required="symbol",
            optional="orderId startTime endTime limit",
            security="USER_DATA",
            weights=costs(20),
        )
        self.listed(
            "GET",
            "/api/v3/myTrades",
            self._my_trades,
            required="symbol",
            optional="orderId startTime endTime fromId limit",
            security="USER_DATA",
            weights=lambda call: costs(5 if "orderId" in call.params else 20),
        )
        self.listed(
            "GET",
            "/api/v3/account",
            self._account,
            optional="omitZeroBalances",
            security="USER_DATA",
            weights=costs(20),
        )
        self.listed("GET", "/sapi/v1/account/apiRestrictions", self._restrictions, security="USER_DATA")
        self.listed("GET", "/api/v3/rateLimit/order", self._order_counts, security="USER_DATA", weights=costs(40))

    def _add_market_routes(self) -> None:
        many = "symbol symbols"
        self.listed("GET", "/api/v3/ping", lambda call: Reply({}), weights=costs(1))
        self.listed("GET", "/api/v3/time", lambda call: Reply({"serverTime": self.clock()}), weights=costs(1))
        self.listed(
            "GET",
            "/api/v3/exchangeInfo",
            self._exchange_info,
            optional=many + " permissions showPermissionSets symbolStatus",
            weights=costs(20),
        )
        self.listed("GET", "/api/v3/ticker/24hr", self._day, optional=many + " type", weights=_day_costs)
        self.listed("GET", "/api/v3/ticker/bookTicker", self._book_ticker, optional=many, weights=_ticker_costs)
        self.listed("GET", "/api/v3/ticker/price", self._price, optional=many, weights=_ticker_costs)
        self.listed("GET", "/api/v3/avgPrice", self._average, required="symbol", weights=costs(2))
        self.listed("GET", "/api/v3/depth", self._depth, required="symbol", optional="limit", weights=_depth_costs)

    # --- orders -----------------------------------------------------------------------------------

    def _place(self, call: Call) -> Reply:
        kind = call.params.get("newOrderRespType") or ("FULL" if call.params["type"] in ("LIMIT", "MARKET") else "ACK")
        return Reply(shapes.acknowledged_json(self._new_order(order_of(self, call)), kind))

    def _new_order(self, order: SimOrder) -> SimOrder:
        placed = self.account.place(order)
        if isinstance(placed, Rejected):
            raise rejected(placed)
        return placed.order

    def _test(self, call: Call) -> Reply:
        order_of(self, call)
        return Reply({})

    def _look_up(self, call: Call) -> Reply:
        order_id, client_order_id = self._named(call, "orderId", "origClientOrderId")
        order = self.account.order(order_id=order_id, client_order_id=client_order_id, symbol=call.params["symbol"])
        if order is None or (client_order_id and order.client_order_id != client_order_id):
            raise failure(-2013)
        return Reply(shapes.order_json(order))

    def _named(self, call: Call, id_name: str, client_name: str) -> tuple[str, str]:
        """Order id and client order id, at least one of them. The symbol is checked, too."""
        symbol_of(self, call)
        order_id = integer_parameter(call, id_name)
        client_order_id = check_client_id(call, client_name)
        if order_id is None and not client_order_id:
            raise failure(-1102, f"Param '{client_name}' or '{id_name}' must be sent, but both were empty/null!")
        return "" if order_id is None else str(order_id), client_order_id

    def _cancel(self, call: Call) -> Reply:
        order_id, client_order_id = self._named(call, "orderId", "origClientOrderId")
        return Reply(self._cancelled(call, order_id, client_order_id, "newClientOrderId"))

    def _cancelled(self, call: Call, order_id: str, client_order_id: str, id_name: str) -> dict[str, Any]:
        cancel_id = check_client_id(call, id_name) or made_up_id("cancel", self.next_number())
        open_orders = self.account.orders(call.params["symbol"], open_only=True)
        for order in open_orders:
            if (not order_id or order.order_id == order_id) and client_order_id in ("", order.client_order_id):
                return self._cancel_one(order, cancel_id)
        raise failure(-2011)

    def _cancel_one(self, order: SimOrder, cancel_id: str) -> dict[str, Any]:
        self._cancel_ids[order.order_id] = cancel_id
        cancelled = self.account.cancel(order_id=order.order_id)
        assert cancelled is not None
        return shapes.cancelled_json(cancelled, cancel_id)

    def _cancel_all(self, call: Call) -> Reply:
        symbol_of(self, call)
        open_orders = self.account.orders(call.params["symbol"], open_only=True)
        if not open_orders:
            raise failure(-2011)
        cancel_id = made_up_id("cancel", self.next_number())
        return Reply([self._cancel_one(order, cancel_id) for order in open_orders])

    def _cancel_replace(self, call: Call) -> Reply:
        """Filters come first; then the cancel, then the new order, each with an outcome of its own."""
        if call.params["cancelReplaceMode"] not in ("STOP_ON_FAILURE", "ALLOW_FAILURE"):
            raise failure(-1130, name="cancelReplaceMode")
        order_id, client_order_id = self._named(call, "cancelOrderId", "cancelOrigClientOrderId")
        order = order_of(self, call)
        try:
            cancelled = self._cancelled(call, order_id, client_order_id, "cancelNewClientOrderId")
            cancel_worked = True
        except Fail as fail:
            cancelled, cancel_worked = fail.reply.body, False
        if not cancel_worked and call.params["cancelReplaceMode"] == "STOP_ON_FAILURE":
            return _replaced(False, None, cancelled, None)
        try:
            placed = shapes.acknowledged_json(self._new_order(order), call.params.get("newOrderRespType", "FULL"))
        except Fail as fail:
            return _replaced(cancel_worked, False, cancelled, fail.reply.body)
        return _replaced(cancel_worked, True, cancelled, placed)

    def _open_orders(self, call: Call) -> Reply:
        symbol = symbol_of(self, call)["symbol"] if "symbol" in call.params else None
        return Reply([shapes.order_json(order) for order in self.account.orders(symbol, open_only=True)])

    # --- history and account ----------------------------------------------------------------------

    def _all_orders(self, call: Call) -> Reply:
        symbol, limit = symbol_of(self, call)["symbol"], _limit(call)
        from_id, start_ms, end_ms = _span(call, "orderId")
        found = [
            order
            for order in self.account.orders(symbol, open_only=False)
            if int(order.order_id) >= (from_id or 0) and start_ms <= order.create_ms <= end_ms
        ]
        newest_wanted = from_id is None and "startTime" not in call.params
        return Reply([shapes.order_json(order) for order in (found[-limit:] if newest_wanted else found[:limit])])

    def _my_trades(self, call: Call) -> Reply:
        symbol, limit = symbol_of(self, call)["symbol"], _limit(call)
        order_id = integer_parameter(call, "orderId")
        from_id, start_ms, end_ms = _span(call, "fromId")
        if "startTime" in call.params and (order_id is not None or from_id is not None):
            raise failure(-1128)
        trades = self.account.trades(symbol, order_id="" if order_id is None else str(order_id))
        found = [
            trade for trade in trades if int(trade.trade_id) >= (from_id or 0) and start_ms <= trade.time_ms <= end_ms
        ]
        newest_wanted = from_id is None and "startTime" not in call.params
        return Reply([shapes.trade_json(trade) for trade in (found[-limit:] if newest_wanted else found[:limit])])

    def _account(self, call: Call) -> Reply:
        maker, taker = self.account.fees.maker_percent, self.account.fees.taker_percent
        rates = {"maker": amount(maker / 100), "taker": amount(taker / 100)}
        balances = [
            {"asset": balance.asset, "free": amount(balance.free), "locked": amount(balance.locked)}
            for balance in self.account.balances()
            if balance.total or call.params.get("omitZeroBalances") != "true"
        ]
        return Reply(
            {
                "makerCommission": int(maker * 100),
                "takerCommission": int(taker * 100),
                "buyerCommission": 0,
                "sellerCommission": 0,
                "commissionRates": rates | {"buyer": "0.00000000", "seller": "0.00000000"},
                "canTrade": self.permissions["trade"],
                "canWithdraw": self.permissions["withdraw"],
                "canDeposit": True,
                "brokered": False,
                "requireSelfTradePrevention": False,
                "preventSor": False,
                "updateTime": self.clock(),
                "accountType": "SPOT",
                "balances": balances,
                "permissions": ["SPOT"],
                "uid": 354937868,
            }
        )

    def _restrictions(self, call: Call) -> Reply:
        return Reply(
            {
                "ipRestrict": self.permissions["ip_restricted"],
                "createTime": 1_698_645_219_000,
                "enableReading": True,
                "enableWithdrawals": self.permissions["withdraw"],
                "enableInternalTransfer": False,
                "enableMargin": False,
                "enableFutures": False,
                "permitsUniversalTransfer": False,
                "enableVanillaOptions": False,
                "enableFixApiTrade": False,
                "enableFixReadOnly": False,
                "enableSpotAndMarginTrading": self.permissions["trade"],
                "enablePortfolioMarginTrading": False,
            }
        )

    def _order_counts(self, call: Call) -> Reply:
        now_ms = self.clock()
        names = [name for name in self.limits.windows if name.startswith("ORDERS")]
        listed = [each for each in self.rate_limits() if each["rateLimitType"] == "ORDERS"]
        counts = [self.limits.used(name, now_ms) for name in names]
        return Reply([each | {"count": count} for each, count in zip(listed, counts, strict=True)])

    # --- markets ----------------------------------------------------------------------------------

    def _exchange_info(self, call: Call) -> Reply:
        symbols = self._asked(call)
        return Reply(
            {
                "timezone": "UTC",
                "serverTime": self.clock(),
                "rateLimits": self.rate_limits(),
                "exchangeFilters": [],
                "symbols": symbols,
            }
        )

    def _asked(self, call: Call) -> list[RawSymbol]:
        """Those named by `symbol` or `symbols`, else all. -1121 for one that is none, -1100 for a bad list."""
        names = _names(call)
        if names is None:
            return list(self.markets.symbols.values())
        missing = [name for name in names if name not in self.markets.symbols]
        if missing:
            raise failure(-1121)
        return [self.markets.symbols[name] for name in names]

    def _each(self, call: Call, shape: Any) -> Reply:
        """One object for `symbol`, a list otherwise."""
        found = [shape(symbol["symbol"]) for symbol in self._asked(call)]
        return Reply(found[0] if "symbol" in call.params else found)

    def _day(self, call: Call) -> Reply:
        return self._each(call, self._day_of)

    def _day_of(self, symbol: str) -> dict[str, Any]:
        price, now_ms = self.account.price(symbol) or Decimal(0), self.clock()
        bid, ask = self.account.bid_ask(symbol) or (Decimal(0), Decimal(0))
        text = amount(price)
        return {
            "symbol": symbol,
            "priceChange": amount(Decimal(0)),
            "priceChangePercent": "0.000",
            "weightedAvgPrice": text,
            "prevClosePrice": text,
            "lastPrice": text,
            "lastQty": DEPTH,
            "bidPrice": amount(bid),
            "bidQty": DEPTH,
            "askPrice": amount(ask),
            "askQty": DEPTH,
            "openPrice": text,
            "highPrice": text,
            "lowPrice": text,
            "volume": "1000.00000000",
            "quoteVolume": amount(price * 1000),
            "openTime": now_ms - DAY_MS,
            "closeTime": now_ms,
            "firstId": 0,
            "lastId": 999,
            "count": 1000,
        }

    def _book_ticker(self, call: Call) -> Reply:
        return self._each(call, self._book_ticker_of)

    def _book_ticker_of(self, symbol: str) -> dict[str, Any]:
        bid, ask = self.account.bid_ask(symbol) or (Decimal(0), Decimal(0))
        return {"symbol": symbol, "bidPrice": amount(bid), "bidQty": DEPTH, "askPrice": amount(ask), "askQty": DEPTH}

    def _price(self, call: Call) -> Reply:
        return self._each(
            call, lambda symbol: {"symbol": symbol, "price": amount(self.account.price(symbol) or Decimal(0))}
        )

    def _average(self, call: Call) -> Reply:
        price = self.average_price(symbol_of(self, call)["symbol"]) or Decimal(0)
        return Reply({"mins": 5, "price": amount(price), "closeTime": self.clock()})

    def _depth(self, call: Call) -> Reply:
        prices = self.account.bid_ask(symbol_of(self, call)["symbol"])
        sides = ([], []) if prices is None else ([[amount(prices[0]), DEPTH]], [[amount(prices[1]), DEPTH]])
        return Reply({"lastUpdateId": self.next_number(), "bids": sides[0], "asks": sides[1]})


def _replaced(cancelled: bool, placed: bool | None, cancel_body: Any, order_body: Any) -> Reply:
    words = {True: "SUCCESS", False: "FAILURE", None: "NOT_ATTEMPTED"}
    data = {
        "cancelResult": words[cancelled],
        "newOrderResult": words[placed],
        "cancelResponse": cancel_body,
        "newOrderResponse": order_body,
    }
    if cancelled and placed:
        return Reply(data)
    code = -2021 if cancelled or placed else -2022
    reply = failed(code, SPOT_ERRORS[code])
    return Reply(reply.body | {"data": data}, 409 if code == -2021 else 400)


def _limit(call: Call) -> int:
    limit = integer_parameter(call, "limit")
    return 500 if limit is None else min(limit, 1000)


def _span(call: Call, id_name: str) -> tuple[int | None, int, int]:
    """From which id, and between which times. At most a day between both times."""
    start_ms, end_ms = integer_parameter(call, "startTime"), integer_parameter(call, "endTime")
    if start_ms is not None and end_ms is not None and end_ms - start_ms > DAY_MS:
        raise failure(-1127)
    return integer_parameter(call, id_name), start_ms or 0, 2**63 if end_ms is None else end_ms


def _names(call: Call) -> list[str] | None:
    """The symbols asked for; None: all."""
    if "symbol" in call.params and "symbols" in call.params:
        raise failure(-1128)
    if "symbol" in call.params:
        return [call.params["symbol"]]
    if "symbols" not in call.params:
        return None
    try:
        names = json.loads(call.params["symbols"])
    except ValueError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise failure(-1100, name="symbols", range=r'^\["[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}\]$')
    return names


def _count(call: Call) -> int:
    """How many symbols are asked for; 0: all."""
    return 1 if "symbol" in call.params else call.params.get("symbols", "").count('"') // 2


def _day_costs(call: Call) -> Mapping[str, int]:
    count = _count(call)
    return costs(2 if 0 < count <= 20 else 40 if 0 < count <= 100 else 80)


def _ticker_costs(call: Call) -> Mapping[str, int]:
    return costs(2 if "symbol" in call.params else 4)


def _depth_costs(call: Call) -> Mapping[str, int]:
    limit = int(call.params.get("limit", "100") or 100)
    return costs(5 if limit <= 100 else 25 if limit <= 500 else 50 if limit <= 1000 else 250)
