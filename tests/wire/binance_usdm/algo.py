"""Conditional orders, which live beside the order book until the price calls them.

A triggered one becomes a plain order that carries the conditional's client id. Trigger direction: STOP and STOP_MARKET
buy at or above and sell at or below the trigger; TAKE_PROFIT the other way round. Margin is looked at when triggered.
Trailing stops are refused: nothing here needs them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from actors.rules.model import OrderSide, OrderType, Side, TimeInForce
from actors.rules.money import ZERO
from tests.wire.binance_usdm import errors
from tests.wire.binance_usdm.desk import CLIENT_ID, Desk, Params, decimal_of, flag_of, side_of, whole_of
from tests.wire.binance_usdm.errors import Fault, Refuse
from tests.wire.binance_usdm.markets import filters_of
from tests.wire.binance_usdm.modes import BOTH
from tests.wire.core.account import Changed, SimOrder
from tests.wire.core.ledger import text

Json = dict[str, Any]

FIRST_ALGO_ID = 3_000_001
_TYPES = ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET")
_TIMES = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.IOC, "GTX": TimeInForce.POST_ONLY}


@dataclass(slots=True, kw_only=True)
class Algo:
    algo_id: int
    client_id: str
    symbol: str
    side: OrderSide
    position_side: str
    type: str
    quantity: Decimal
    price: Decimal | None
    trigger_price: Decimal
    close_position: bool
    reduce_only: bool
    time_in_force: str
    working_type: str
    create_ms: int
    update_ms: int
    status: str = "NEW"
    trigger_ms: int = 0
    order_id: str = ""
    words: str = ""

    @property
    def is_open(self) -> bool:
        return self.status == "NEW"

    def is_triggered(self, price: Decimal) -> bool:
        rising = (self.side is OrderSide.BUY) == self.type.startswith("STOP")
        return price >= self.trigger_price if rising else price <= self.trigger_price


class AlgoDesk:
    def __init__(self, desk: Desk) -> None:
        self.desk, self.account = desk, desk.account
        self.algos: dict[int, Algo] = {}
        self.on_update: Callable[[Algo], None] = lambda algo: None
        self._by_order: dict[str, Algo] = {}
        self._next_id = FIRST_ALGO_ID

    def listen(self) -> None:
        """To be called after the user stream listens, so that an order is told of before what became of its algo."""
        self.account.on_change(self._changed)

    # --- requests ---------------------------------------------------------------------------------

    def place(self, params: Params) -> Algo:
        if params.get("algoType") != "CONDITIONAL":
            raise Refuse(errors.bad_data("algoType") if "algoType" in params else errors.missing("algoType"))
        instrument, side, kind = self.desk.open_instrument(params), side_of(params), params.get("type", "")
        if kind not in _TYPES:
            raise Refuse(errors.BAD_TYPE if kind else errors.missing("type"))
        trigger_price = decimal_of(params, "triggerPrice")
        self.desk.check_price(instrument, side, trigger_price, band=False)
        price = self._price(params, kind)
        if price is not None:
            self.desk.check_price(instrument, side, price, band=False)
        position_side, reduce_only = self.desk.direction(params, side)
        close_position = flag_of(params, "closePosition")
        quantity = self._quantity(params, kind, close_position)
        if not close_position:
            self.desk.check_quantity(instrument, quantity, is_market=price is None)
        client_id = params.get("clientAlgoId", "")
        self._check_client_id(client_id)
        self._check_number(instrument.venue_symbol)
        now_ms = self.account.clock()
        algo = Algo(
            algo_id=self._next_id,
            client_id=client_id or f"algo_{self._next_id}",
            symbol=instrument.venue_symbol,
            side=side,
            position_side=position_side,
            type=kind,
            quantity=quantity,
            price=price,
            trigger_price=trigger_price,
            close_position=close_position,
            reduce_only=reduce_only or close_position,
            time_in_force=params.get("timeInForce", "GTC"),
            working_type=params.get("workingType", "CONTRACT_PRICE"),
            create_ms=now_ms,
            update_ms=now_ms,
        )
        if algo.time_in_force not in _TIMES:
            raise Refuse(errors.BAD_TIME_IN_FORCE)
        mark = self.account.price(instrument.venue_symbol)
        if mark is not None and algo.is_triggered(mark):
            raise Refuse(errors.WOULD_TRIGGER)
        self._next_id += 1
        self.algos[algo.algo_id] = algo
        self.on_update(algo)
        return algo

    def cancel(self, params: Params) -> Algo:
        algo = self._named(params)
        if algo is None or not algo.is_open:
            raise Refuse(errors.UNKNOWN_ORDER)
        self._set(algo, "CANCELED")
        return algo

    def cancel_all(self, symbol: str) -> None:
        for algo in self.open(symbol):
            self._set(algo, "CANCELED")

    def find(self, params: Params) -> Algo:
        algo = self._named(params)
        if algo is None:
            raise Refuse(errors.NO_SUCH_ORDER)
        return algo

    def open(self, symbol: str = "") -> list[Algo]:
        return [each for each in self.all(symbol) if each.is_open]

    def all(self, symbol: str = "") -> list[Algo]:
        return [each for each in self.algos.values() if not symbol or each.symbol == symbol]

    def _named(self, params: Params) -> Algo | None:
        if "algoId" in params:
            return self.algos.get(whole_of(params, "algoId"))
        if "clientAlgoId" not in params:
            raise Refuse(Fault(-1102, "Param 'clientAlgoId' or 'algoId' must be sent, but both were empty/null!"))
        named = [each for each in self.algos.values() if each.client_id == params["clientAlgoId"]]
        return next((each for each in named if each.is_open), named[-1] if named else None)

    # --- checks -----------------------------------------------------------------------------------

    @staticmethod
    def _price(params: Params, kind: str) -> Decimal | None:
        if kind in ("STOP", "TAKE_PROFIT"):
            return decimal_of(params, "price")
        if "price" in params:
            raise Refuse(errors.not_required("price"))
        return None

    @staticmethod
    def _quantity(params: Params, kind: str, close_position: bool) -> Decimal:
        if not close_position:
            return decimal_of(params, "quantity")
        if kind in ("STOP", "TAKE_PROFIT"):
            raise Refuse(errors.BAD_STRATEGY)
        if "quantity" in params:
            raise Refuse(errors.CLOSE_WITH_QUANTITY)
        if "reduceOnly" in params:
            raise Refuse(errors.not_required("reduceonly"))
        return ZERO

    def _check_client_id(self, client_id: str) -> None:
        if client_id and not CLIENT_ID.fullmatch(client_id):
            raise Refuse(errors.BAD_CLIENT_ID)
        if client_id and any(each.client_id == client_id for each in self.open()):
            raise Refuse(errors.DUPLICATE_CLIENT_ID)

    def _check_number(self, symbol: str) -> None:
        if len(self.open(symbol)) >= filters_of(self.desk.rows[symbol])["MAX_NUM_ALGO_ORDERS"]["limit"]:
            raise Refuse(errors.MAX_ALGO_ORDERS)

    # --- what the market does ---------------------------------------------------------------------

    def _changed(self, changed: Changed) -> None:
        if changed.kind == "price":
            for algo in self.open(changed.symbol):
                if algo.is_open and algo.is_triggered(changed.amount):
                    self._trigger(algo)
        elif changed.order is not None and not changed.order.is_open:
            finished = self._by_order.pop(changed.order.order_id, None)
            if finished is not None:
                self._set(finished, "FINISHED")
        for position in changed.positions:
            if not position.quantity:
                self._expire_closing(position.symbol, position.side)

    def _expire_closing(self, symbol: str, side: Side) -> None:
        """What was to close the whole position has nothing to close any more."""
        for algo in self.open(symbol):
            if algo.close_position and algo.side is side.exit and algo.position_side in (BOTH, side.value.upper()):
                self._set(algo, "EXPIRED")

    def _trigger(self, algo: Algo) -> None:
        algo.trigger_ms = self.account.clock()
        self._set(algo, "TRIGGERING")
        quantity = self._held(algo) if algo.close_position else algo.quantity
        try:
            if not quantity:
                raise Refuse(errors.REDUCE_ONLY)
            order = self.desk.submit(
                SimOrder(
                    symbol=algo.symbol,
                    side=algo.side,
                    type=OrderType.MARKET if algo.price is None else OrderType.LIMIT,
                    quantity=quantity,
                    price=algo.price,
                    time_in_force=TimeInForce.GTC if algo.price is None else _TIMES[algo.time_in_force],
                    reduce_only=algo.reduce_only,
                    client_order_id=algo.client_id,
                    extra={
                        "positionSide": algo.position_side,
                        "timeInForce": algo.time_in_force,
                        "origType": algo.type,
                        "stopPrice": text(algo.trigger_price),
                        "algoId": str(algo.algo_id),
                        "closePosition": str(algo.close_position).lower(),
                    },
                )
            )
        except Refuse as refuse:
            algo.words = "Reduce Only reject" if refuse.fault is errors.REDUCE_ONLY else refuse.fault.words
            self._set(algo, "REJECTED")
            return
        algo.order_id = order.order_id
        self._set(algo, "TRIGGERED")
        if order.is_open:
            self._by_order[order.order_id] = algo
        else:
            self._set(algo, "FINISHED")

    def _held(self, algo: Algo) -> Decimal:
        closing = Side.LONG if algo.side is OrderSide.SELL else Side.SHORT
        held = [each.quantity for each in self.account.positions(algo.symbol) if each.side is closing]
        return sum(held, ZERO)

    def _set(self, algo: Algo, status: str) -> None:
        algo.status, algo.update_ms = status, self.account.clock()
        self.on_update(algo)

    # --- views ------------------------------------------------------------------------------------

    @staticmethod
    def placed(algo: Algo) -> Json:
        return {
            "algoId": algo.algo_id,
            "clientAlgoId": algo.client_id,
            "algoType": "CONDITIONAL",
            "orderType": algo.type,
            "symbol": algo.symbol,
            "side": algo.side.value.upper(),
            "positionSide": algo.position_side,
            "timeInForce": algo.time_in_force,
            "quantity": text(algo.quantity),
            "algoStatus": algo.status,
            "triggerPrice": text(algo.trigger_price),
            "price": text(algo.price or ZERO),
            "icebergQuantity": None,
            "selfTradePreventionMode": "EXPIRE_MAKER",
            "workingType": algo.working_type,
            "priceMatch": "NONE",
            "closePosition": algo.close_position,
            "priceProtect": False,
            "reduceOnly": algo.reduce_only,
            "createTime": algo.create_ms,
            "updateTime": algo.update_ms,
            "triggerTime": algo.trigger_ms,
            "goodTillDate": 0,
        }

    def found(self, algo: Algo) -> Json:
        order = self.account.order(order_id=algo.order_id) if algo.order_id else None
        return self.placed(algo) | {
            "actualOrderId": algo.order_id,
            "actualPrice": text(ZERO if order is None else order.average_price),
            "tpTriggerPrice": "0.000",
            "tpPrice": "0.000",
            "slTriggerPrice": "0.000",
            "slPrice": "0.000",
            "tpOrderType": "",
        }

    def event(self, algo: Algo) -> Json:
        """The `o` of an ALGO_UPDATE."""
        order = self.account.order(order_id=algo.order_id) if algo.order_id else None
        body = {
            "caid": algo.client_id,
            "aid": algo.algo_id,
            "at": "CONDITIONAL",
            "o": algo.type,
            "s": algo.symbol,
            "S": algo.side.value.upper(),
            "ps": algo.position_side,
            "f": algo.time_in_force,
            "q": text(algo.quantity),
            "X": algo.status,
            "ai": algo.order_id,
            "tp": text(algo.trigger_price),
            "p": text(algo.price or ZERO),
            "V": "EXPIRE_MAKER",
            "wt": algo.working_type,
            "pm": "NONE",
            "cp": algo.close_position,
            "pP": False,
            "R": algo.reduce_only,
            "tt": algo.trigger_ms,
            "gtd": 0,
        }
        if order is not None:
            body |= {"ap": text(order.average_price), "aq": text(order.filled), "act": order.type.value.upper()}
        if algo.words:
            body["rm"] = algo.words
        return body
