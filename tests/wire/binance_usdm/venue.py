"""The simulated venue: every path a client of USDⓈ-M futures needs, on the shared account, server and faults.

`make_simulator()` lists seven made-up contracts that have prices from the start; with a recorded exchangeInfo the
prices come from the admin. Besides the shared admin commands:

    POST /_admin/funding {symbol, rate}      every position pays or gets notional x rate (or {symbol, amount} as usual)
    POST /_admin/adl {symbol, quantity, side}     takes that much of a position away, client id `adl_autoclose`
    POST /_admin/foreign {symbol, side, type, quantity, price, position_side, reduce_only, client_order_id}

Simplified: margin is always isolated underneath (the margin type is only shown), unrealised profit is no margin, fills
know no depth, and an order that turns a one-way position round locks margin for all of itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors.rules.choices import FeePaidIn, MarginMode, Market, PositionMode
from actors.rules.money import ZERO
from actors.rules.settings import FeeSettings
from tests.wire.binance_common import BinanceSimulator, Security, failure
from tests.wire.binance_usdm import errors, markets, views
from tests.wire.binance_usdm.algo import AlgoDesk
from tests.wire.binance_usdm.back_door import BackDoor
from tests.wire.binance_usdm.desk import Desk, flag_of, whole_of
from tests.wire.binance_usdm.errors import Refuse
from tests.wire.binance_usdm.market_data import MarketData
from tests.wire.binance_usdm.market_stream import MARKET_KINDS, PUBLIC_KINDS, MarketSession
from tests.wire.binance_usdm.modes import CROSSED, ISOLATED, Modes
from tests.wire.binance_usdm.paging import limit_of, listed, page, plain
from tests.wire.binance_usdm.streams import UserStream
from tests.wire.core.account import SimAccount, SimOrder
from tests.wire.core.clock import SimClock
from tests.wire.core.ledger import text
from tests.wire.core.limits import Limit, Limits
from tests.wire.core.server import API_KEY, API_SECRET, Call, Fail, Reply, Simulator, Weights

Json = Any

WEIGHT, ORDERS_10S, ORDERS_1M = "REQUEST_WEIGHT_1M", "ORDERS_10S", "ORDERS_1M"
FEES = FeeSettings(maker_percent=Decimal("0.02"), taker_percent=Decimal("0.05"), paid_in=FeePaidIn.QUOTE)
DEFAULT_LEVERAGE = 20
MAX_BATCH_PLACE, MAX_BATCH_CANCEL = 5, 10
ALL_CANCELLED = {"code": 200, "msg": "The operation of cancel all open order is done."}
_SUCCESS = {"code": 200, "msg": "success"}
_PLACE = (
    "positionSide timeInForce quantity reduceOnly price newClientOrderId newOrderRespType closePosition "
    "priceMatch selfTradePreventionMode goodTillDate priceProtect workingType stopPrice activationPrice callbackRate"
)
_ALGO = (
    "positionSide timeInForce quantity price triggerPrice workingType priceMatch closePosition priceProtect "
    "reduceOnly activatePrice callbackRate clientAlgoId newOrderRespType selfTradePreventionMode goodTillDate"
)
_BATCH_FIELDS = frozenset(("symbol side type " + _PLACE).split())


def make_simulator(
    instruments_file: Path | None = None,
    *,
    balances: Mapping[str, Decimal] | None = None,
    fees: FeeSettings = FEES,
    leverage: int = DEFAULT_LEVERAGE,
    position_mode: PositionMode = PositionMode.ONE_WAY,
    margin_mode: MarginMode = MarginMode.CROSS,
    spread_percent: Decimal = ZERO,
    clock: SimClock | None = None,
    api_key: str = API_KEY,
    api_secret: str = API_SECRET,
) -> Simulator:
    """A fresh venue with one account, as Binance hands accounts out: cross margin, one-way, leverage 20."""
    info = markets.made_up() if instruments_file is None else markets.load(instruments_file)
    clock = clock or SimClock()
    account = SimAccount(
        exchange="binanceusdm",
        market=Market.SWAP,
        instruments=markets.instruments(info),
        balances=balances or {"USDT": Decimal(100_000)},
        fees=fees,
        clock=clock,
        leverage=leverage,
        position_mode=position_mode,
        margin_mode=margin_mode,
        spread_percent=spread_percent,
        check_filters=False,
    )
    if instruments_file is None:
        for symbol, price in markets.start_prices().items():
            account.set_price(symbol, price)
    return BinanceUsdm(account=account, clock=clock, info=info, api_key=api_key, api_secret=api_secret)


class BinanceUsdm(BinanceSimulator):
    venue = "binanceusdm"

    def __init__(
        self, *, account: SimAccount, clock: SimClock, info: Mapping[str, Any], api_key: str, api_secret: str
    ) -> None:
        limits = Limits(
            {
                WEIGHT: Limit(markets.WEIGHT_LIMIT, 60_000),
                ORDERS_1M: Limit(markets.ORDERS_MINUTE_LIMIT, 60_000),
                ORDERS_10S: Limit(markets.ORDERS_10S_LIMIT, 10_000),
            }
        )
        super().__init__(account=account, clock=clock, limits=limits, api_key=api_key, api_secret=api_secret)
        self.info = info
        self.modes = Modes(account)
        self.desk = Desk(account, self.modes, info)
        self.algos = AlgoDesk(self.desk)
        self.stream = UserStream(self.modes, self.algos, clock)
        self.algos.listen()
        self._foreign_orders = 0
        self._list_orders()
        self._list_account()
        self._list_market()
        self.ws_route(r"/private/ws", self.stream.session)
        self.ws_route(r"/public/ws/\d+", lambda socket: MarketSession(account, socket, PUBLIC_KINDS, clock))
        self.ws_route(r"/market/ws/\d+", lambda socket: MarketSession(account, socket, MARKET_KINDS, clock))
        door = BackDoor(self.desk, self.modes, self.foreign_client_id)
        self.admin_post("funding", door.funding)
        self.admin_post("adl", door.adl)
        self.admin_post("foreign", door.foreign)

    # --- the paths --------------------------------------------------------------------------------

    def _add(
        self,
        method: str,
        path: str,
        handler: Callable[[Call], Json],
        weight: int | Weights | Callable[[Call], Weights],
        security: Security = "NONE",
        required: str = "",
        optional: str = "",
        client_id: str = "",
    ) -> None:
        """`handler` gives the body; `client_id` is the parameter with the client order id."""
        self.listed(
            method,
            path,
            lambda call: Reply(handler(call)),
            required=required,
            optional=optional,
            security=security,
            client_id_of=(lambda call: call.get(client_id)) if client_id else (lambda call: ""),
            weights={WEIGHT: weight} if isinstance(weight, int) else weight,
        )

    def _list_orders(self) -> None:
        one, many = {WEIGHT: 0, ORDERS_10S: 1, ORDERS_1M: 1}, {WEIGHT: 5, ORDERS_10S: 5, ORDERS_1M: 1}
        ids, orders = "orderId origClientOrderId", "/fapi/v1/order"
        self._add("POST", orders, self._place, one, "TRADE", "symbol side type", _PLACE, "newClientOrderId")
        self._add(
            "PUT",
            orders,
            lambda call: views.order(self.desk.amend(call.params)),
            one,
            "TRADE",
            "symbol side quantity price",
            ids + " priceMatch",
            "origClientOrderId",
        )
        self._add("GET", orders, self._find, 1, "USER_DATA", "symbol", ids, "origClientOrderId")
        self._add("DELETE", orders, self._cancel, 1, "TRADE", "symbol", ids, "origClientOrderId")
        open_order = "/fapi/v1/openOrder"
        self._add("GET", open_order, self._find_open, 1, "USER_DATA", "symbol", ids, "origClientOrderId")
        self._add("GET", "/fapi/v1/openOrders", self._open_orders, _by_symbol(1, 40), "USER_DATA", "", "symbol")
        self._add("DELETE", "/fapi/v1/allOpenOrders", self._cancel_all, 1, "TRADE", "symbol")
        page = "startTime endTime limit"
        self._add("GET", "/fapi/v1/allOrders", self._all_orders, 5, "USER_DATA", "symbol", "orderId " + page)
        self._add("GET", "/fapi/v1/userTrades", self._trades, 5, "USER_DATA", "symbol", "orderId fromId " + page)
        batch = "/fapi/v1/batchOrders"
        self.listed(
            "POST",
            batch,
            lambda call: Reply(self._place_batch(call)),
            required="batchOrders",
            security="TRADE",
            client_id_of=lambda call: str(json.loads(call.get("batchOrders"))[0]["newClientOrderId"]),
            weights=many,
        )
        lists = "orderidlist origclientorderidlist orderIdList origClientOrderIdList"
        self._add("DELETE", batch, self._cancel_batch, 1, "TRADE", "symbol", lists)
        self._list_algos()

    def _list_algos(self) -> None:
        path, ids = "/fapi/v1/algoOrder", "symbol algoId clientAlgoId"
        cost = {WEIGHT: 0, ORDERS_10S: 1, ORDERS_1M: 1}
        required = "algoType symbol side type"
        self._add("POST", path, self._place_algo, cost, "TRADE", required, _ALGO, "clientAlgoId")
        self._add("GET", path, self._find_algo, 1, "USER_DATA", "", ids, "clientAlgoId")
        self._add("DELETE", path, self._cancel_algo, 1, "TRADE", "", ids, "clientAlgoId")
        wanted = "symbol algoType algoId"
        self._add("GET", "/fapi/v1/openAlgoOrders", self._open_algos, _by_symbol(1, 40), "USER_DATA", "", wanted)
        more = "algoId startTime endTime page limit"
        self._add("GET", "/fapi/v1/allAlgoOrders", self._all_algos, 5, "USER_DATA", "symbol", more)
        self._add("DELETE", "/fapi/v1/algoOpenOrders", self._cancel_algos, 1, "TRADE", "symbol")

    def _list_account(self) -> None:
        def look(
            path: str, handler: Callable[[Call], Json], weight: int, required: str = "", optional: str = ""
        ) -> None:
            self._add("GET", path, handler, weight, "USER_DATA", required, optional)

        look("/fapi/v3/account", lambda call: views.whole_account(self.modes, call.now_ms), 5)
        for version in ("v2", "v3"):
            look(f"/fapi/{version}/balance", self._balances, 5)
        look("/fapi/v2/positionRisk", self._positions_v2, 5, optional="symbol")
        look("/fapi/v3/positionRisk", self._positions_v3, 5, optional="symbol")
        look("/fapi/v1/leverageBracket", self._brackets, 1, optional="symbol")
        look("/fapi/v1/symbolConfig", self._symbol_config, 5, optional="symbol")
        look("/fapi/v1/accountConfig", self._account_config, 5)
        look("/fapi/v1/commissionRate", self._commission, 20, "symbol")
        look("/fapi/v1/income", self._income, 30, optional="symbol incomeType startTime endTime page limit")
        look("/fapi/v1/positionSide/dual", lambda call: {"dualSidePosition": self.modes.is_hedge}, 30)
        look("/fapi/v1/multiAssetsMargin", lambda call: {"multiAssetsMargin": self.modes.is_multi_assets}, 30)
        look("/sapi/v1/account/apiRestrictions", self._restrictions, 1)
        self._add("POST", "/fapi/v1/leverage", self._set_leverage, 1, "TRADE", "symbol leverage")
        self._add("POST", "/fapi/v1/marginType", self._set_margin_type, 1, "TRADE", "symbol marginType")
        self._add("POST", "/fapi/v1/positionSide/dual", self._set_position_mode, 1, "TRADE", "dualSidePosition")
        self._add("POST", "/fapi/v1/multiAssetsMargin", self._set_multi_assets, 1, "TRADE", "multiAssetsMargin")
        for method, handler in (
            ("POST", lambda call: {"listenKey": self.stream.create_key()}),
            ("PUT", self._keep_alive),
            ("DELETE", self._delete_key),
        ):
            self._add(method, "/fapi/v1/listenKey", handler, 1, "KEY")

    def _list_market(self) -> None:
        data = MarketData(self.desk)

        def show(path: str, handler: Callable[[Call], Json], weight: int | Callable[[Call], Weights]) -> None:
            self._add("GET", path, handler, weight, optional="symbol")

        self._add("GET", "/fapi/v1/ping", lambda call: {}, 1)
        self._add("GET", "/fapi/v1/time", lambda call: {"serverTime": call.now_ms}, 1)
        self._add("GET", "/fapi/v1/exchangeInfo", self._exchange_info, 1)
        show("/fapi/v1/ticker/24hr", data.per_symbol(data.ticker), _by_symbol(1, 40))
        show("/fapi/v1/ticker/bookTicker", data.per_symbol(data.book_ticker), _by_symbol(2, 5))
        for version in ("v1", "v2"):
            show(f"/fapi/{version}/ticker/price", data.per_symbol(data.price), _by_symbol(1, 2))
        show("/fapi/v1/premiumIndex", data.per_symbol(data.premium_index), _by_symbol(1, 10))
        self._add("GET", "/fapi/v1/depth", data.depth, 5, required="symbol", optional="limit")

    # --- orders -----------------------------------------------------------------------------------

    def _place(self, call: Call) -> Json:
        placed = self.desk.place(call.params)
        return _response(placed, call.params)

    def _cancel(self, call: Call) -> Json:
        return views.order(self.desk.cancel(call.params))

    def _find(self, call: Call) -> Json:
        return views.found_order(self.desk.find(call.params))

    def _find_open(self, call: Call) -> Json:
        return views.found_order(self.desk.find_open(call.params))

    def _open_orders(self, call: Call) -> Json:
        symbol = self._symbol_or_all(call)
        return [views.found_order(order) for order in self.account.orders(symbol, open_only=True)]

    def _cancel_all(self, call: Call) -> Json:
        self.desk.cancel_all(call.params)
        return ALL_CANCELLED

    def _all_orders(self, call: Call) -> Json:
        orders = self.account.orders(self.desk.instrument(call.params).venue_symbol, open_only=False)
        first = whole_of(call.params, "orderId", 0)
        if first:
            rows = [order for order in orders if int(order.order_id) >= first]
            return [views.found_order(order) for order in rows[: limit_of(call)]]
        return [views.found_order(order) for order in page(orders, lambda order: order.create_ms, call)]

    def _trades(self, call: Call) -> Json:
        symbol, order_id = self.desk.instrument(call.params).venue_symbol, call.get("orderId")
        trades = self.account.trades(symbol, order_id=order_id)
        if "fromId" in call.params:
            if "startTime" in call.params or "endTime" in call.params:
                raise failure(-1128)
            first = whole_of(call.params, "fromId")
            trades = [trade for trade in trades if int(trade.trade_id) >= first][: limit_of(call)]
        else:
            trades = page(trades, lambda trade: trade.time_ms, call)
        return [views.trade(trade, self.account) for trade in trades]

    def _place_batch(self, call: Call) -> list[Json]:
        orders = listed(call.get("batchOrders"), MAX_BATCH_PLACE)
        answers: list[Json] = []
        for fields in orders:
            try:
                params = {name: plain(value) for name, value in fields.items()}
                unread = [name for name in params if name not in _BATCH_FIELDS]
                if unread:
                    raise failure(-1104, read=len(params) - len(unread), sent=len(params))
                answers.append(_response(self.desk.place(params), params))
            except Fail as fail:
                answers.append(fail.reply.body)
        return answers

    def _cancel_batch(self, call: Call) -> list[Json]:
        symbol = self.desk.instrument(call.params).venue_symbol
        for name, field in (("orderidlist", "orderId"), ("origclientorderidlist", "origClientOrderId")):
            sent = next((value for key, value in call.params.items() if key.lower() == name), None)
            if sent is not None:
                return [self._cancel_one(symbol, field, each) for each in listed(sent, MAX_BATCH_CANCEL)]
        raise Refuse(errors.missing("orderIdList"))

    def _cancel_one(self, symbol: str, field: str, value: Json) -> Json:
        try:
            return views.order(self.desk.cancel({"symbol": symbol, field: plain(value)}))
        except Fail as fail:
            return fail.reply.body

    # --- conditional orders -----------------------------------------------------------------------

    def _place_algo(self, call: Call) -> Json:
        return self.algos.placed(self.algos.place(call.params))

    def _find_algo(self, call: Call) -> Json:
        return self.algos.found(self.algos.find(call.params))

    def _cancel_algo(self, call: Call) -> Json:
        algo = self.algos.cancel(call.params)
        return {"algoId": algo.algo_id, "clientAlgoId": algo.client_id, "code": "200", "msg": "success"}

    def _open_algos(self, call: Call) -> Json:
        return [self.algos.found(each) for each in self.algos.open(self._symbol_or_all(call) or "")]

    def _all_algos(self, call: Call) -> Json:
        return [self.algos.found(each) for each in self.algos.all(self.desk.instrument(call.params).venue_symbol)]

    def _cancel_algos(self, call: Call) -> Json:
        self.algos.cancel_all(self.desk.instrument(call.params).venue_symbol)
        return ALL_CANCELLED

    # --- the account ------------------------------------------------------------------------------

    def _balances(self, call: Call) -> Json:
        return [views.balance_row(each.asset, self.modes, call.now_ms) for each in self.account.balances()]

    def _positions_v3(self, call: Call) -> Json:
        held = self.account.positions(self._symbol_or_all(call))
        return [views.position_v3(each, self.modes, call.now_ms) for each in held]

    def _positions_v2(self, call: Call) -> Json:
        symbol = self._symbol_or_all(call)
        return views.positions_v2([symbol] if symbol else list(self.account.instruments), self.modes, call.now_ms)

    def _brackets(self, call: Call) -> Json:
        symbol = self._symbol_or_all(call)
        return [views.leverage_bracket(each) for each in ([symbol] if symbol else self.account.instruments)]

    def _symbol_config(self, call: Call) -> Json:
        symbol = self._symbol_or_all(call)
        return [views.symbol_config(each, self.modes) for each in ([symbol] if symbol else self.account.instruments)]

    def _account_config(self, call: Call) -> Json:
        return {
            "feeTier": 0,
            "canTrade": self.permissions["trade"],
            "canDeposit": True,
            "canWithdraw": self.permissions["withdraw"],
            "dualSidePosition": self.modes.is_hedge,
            "updateTime": 0,
            "multiAssetsMargin": self.modes.is_multi_assets,
            "tradeGroupId": -1,
        }

    def _commission(self, call: Call) -> Json:
        fees = self.account.fees
        return {
            "symbol": self.desk.instrument(call.params).venue_symbol,
            "makerCommissionRate": text(fees.maker_percent / 100),
            "takerCommissionRate": text(fees.taker_percent / 100),
        }

    def _income(self, call: Call) -> Json:
        symbol, kind = self._symbol_or_all(call), call.get("incomeType")
        rows = [
            each for each in self.modes.incomes if (symbol is None or each.symbol == symbol) and kind in ("", each.kind)
        ]
        return [views.income(each) for each in page(rows, lambda each: each.time_ms, call, default=100)]

    def _restrictions(self, call: Call) -> Json:
        return {
            "ipRestrict": self.permissions["ip_restricted"],
            "createTime": 1_600_000_000_000,
            "enableReading": True,
            "enableWithdrawals": self.permissions["withdraw"],
            "enableInternalTransfer": False,
            "enableMargin": False,
            "enableFutures": self.permissions["trade"],
            "permitsUniversalTransfer": False,
            "enableVanillaOptions": False,
            "enableSpotAndMarginTrading": self.permissions["trade"],
        }

    def _set_leverage(self, call: Call) -> Json:
        symbol, leverage = self.desk.instrument(call.params).venue_symbol, whole_of(call.params, "leverage")
        self.modes.set_leverage(symbol, leverage)
        config = views.symbol_config(symbol, self.modes)
        return {"symbol": symbol, "leverage": leverage, "maxNotionalValue": config["maxNotionalValue"]}

    def _set_margin_type(self, call: Call) -> Json:
        if call.get("marginType") not in (ISOLATED, CROSSED):
            raise Refuse(errors.bad_data("marginType"))
        self.modes.set_margin_type(self.desk.instrument(call.params).venue_symbol, call.get("marginType"))
        return _SUCCESS

    def _set_position_mode(self, call: Call) -> Json:
        if self.algos.open():
            raise Refuse(errors.POSITION_MODE_ORDERS)
        self.modes.set_hedge(flag_of(call.params, "dualSidePosition"))
        return _SUCCESS

    def _set_multi_assets(self, call: Call) -> Json:
        wanted = flag_of(call.params, "multiAssetsMargin")
        if wanted == self.modes.is_multi_assets:
            raise Refuse(errors.MULTI_ASSETS_SAME)
        self.modes.is_multi_assets = wanted
        return _SUCCESS

    def _keep_alive(self, call: Call) -> Json:
        if not self.stream.keep_alive():
            raise Refuse(errors.NO_LISTEN_KEY)
        return {"listenKey": self.stream.key}

    def _delete_key(self, call: Call) -> Json:
        self.stream.delete_key()
        return {}

    # --- the market -------------------------------------------------------------------------------

    def _exchange_info(self, call: Call) -> Json:
        return {**self.info, "serverTime": call.now_ms, "rateLimits": self.rate_limits()}

    def _symbol_or_all(self, call: Call) -> str | None:
        """None where no symbol was sent."""
        return self.desk.instrument(call.params).venue_symbol if "symbol" in call.params else None

    # --- hooks ------------------------------------------------------------------------------------

    def error(self, code: str, call: Call) -> Reply:
        known = errors.by_code(int(code))
        return super().error(code, call) if known is None else Reply(known.body, known.status)

    def stream_fault(self, kind: str) -> None:
        if kind == "listen_key_expired":
            self.stream.expire_key()

    def foreign_client_id(self) -> str:
        self._foreign_orders += 1
        return f"web_{self._foreign_orders:020d}"


def _by_symbol(weight: int, without: int) -> Callable[[Call], Weights]:
    return lambda call: {WEIGHT: weight if "symbol" in call.params else without}


def _response(order: SimOrder, params: Mapping[str, str]) -> Json:
    return views.order(order) if params.get("newOrderRespType") == "RESULT" else views.acknowledged(order)
