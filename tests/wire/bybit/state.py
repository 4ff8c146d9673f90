"""The venue's own view of its account: orders under the venue's ids, executions, and the events of the private streams.

Two books, spot and linear, spend from one wallet, as in a unified account. The books are the truth of money and fills;
this adds what they do not know: ids, link ids, conditional orders (which bind no money until they are triggered),
statuses in the venue's words, the short memory for finished orders.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from decimal import Decimal

from actors.rules.choices import PositionMode
from actors.rules.model import OrderSide, OrderState, OrderType, Reason, Side, TimeInForce
from actors.rules.money import ZERO
from tests.wire.bybit.holdings import position_rows, wallet_row
from tests.wire.bybit.ids import execution_id, order_id
from tests.wire.bybit.records import Execution, OrderRecord
from tests.wire.bybit.replies import Json, plain
from tests.wire.core.account import Changed, Placed, Rejected, SimAccount, SimOrder, SimTrade
from tests.wire.core.book import SymbolLeverage

RECENT = 500
"""Finished orders that `order/realtime` still knows, by category."""
_SIDES = {"Buy": OrderSide.BUY, "Sell": OrderSide.SELL}
_TIMES = {
    "GTC": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.IOC,
    "PostOnly": TimeInForce.POST_ONLY,
}
_TAKE_OVERS = {"BustTrade": "CreateByTakeOver_PassThrough", "AdlTrade": "CreateByAdl_PassThrough"}
_WOULD_TAKE = "EC_PostOnlyWillTakeLiquidity"


class State:
    """`tell(topic, row)` gets every event in order; topics are order, execution, position and wallet."""

    def __init__(self, accounts: Mapping[str, SimAccount], clock: Callable[[], int]) -> None:
        self.accounts, self.clock = accounts, clock
        self.records: dict[str, OrderRecord] = {}
        self.core_ids: dict[str, str] = {}
        self.executions: list[Execution] = []
        self.log: list[Json] = []
        """Rows of the transaction log, oldest first."""
        self.recent: dict[str, deque[str]] = {name: deque(maxlen=RECENT) for name in accounts}
        self.realized: dict[str, Decimal] = {}
        self.take_over = "BustTrade"
        """How executions of a position taken away are called; `AdlTrade` for deleveraging."""
        self.listeners: list[Callable[[str, list[Json]], None]] = []
        self._links: dict[tuple[str, str], str] = {}
        self._shown: dict[tuple[str, str], str] = {}
        self._next = 1
        self.share_wallet()
        for category, account in accounts.items():
            account.on_change(lambda changed, category=category: self._changed(category, changed))  # type: ignore[misc]

    def share_wallet(self) -> None:
        """Both books spend from spot's funds. To be called again whenever a book was made anew."""
        spot, linear = self.accounts.get("spot"), self.accounts.get("linear")
        if spot is None or linear is None or linear.book.funds is spot.book.funds:
            return
        old = linear.book.settlement
        assert isinstance(old, SymbolLeverage)
        linear.book.funds = spot.book.funds
        settlement = SymbolLeverage(linear.settings, spot.book.funds, [each.copy() for each in old.positions()])
        settlement.leverages = old.leverages
        linear.book.settlement = settlement

    @property
    def hedged(self) -> bool:
        linear = self.accounts.get("linear")
        return linear is not None and linear.settings.position_mode is PositionMode.HEDGE

    # --- finding ----------------------------------------------------------------------------------

    def find(self, category: str, order_id: str, link_id: str, symbol: str = "") -> OrderRecord | None:
        """By the venue's id if there is one, else by link id. Hidden ones are not found."""
        shown = order_id or self._links.get((category, link_id), "")
        record = self.records.get(shown)
        if record is None or record.category != category or (symbol and record.symbol != symbol):
            return None
        return record if self.is_visible(record) else None

    def is_visible(self, record: OrderRecord) -> bool:
        core_id = self.core_ids.get(record.order_id)
        return core_id is None or self.accounts[record.category].order(order_id=core_id) is not None

    def listed(self, category: str) -> list[OrderRecord]:
        """Every visible order, newest first."""
        found = [each for each in self.records.values() if each.category == category and self.is_visible(each)]
        return found[::-1]

    def is_taken(self, category: str, link_id: str) -> bool:
        return (category, link_id) in self._links

    def restart(self) -> None:
        """The venue's service starts again: finished orders are only in the history from now on."""
        for recent in self.recent.values():
            recent.clear()

    # --- requests ---------------------------------------------------------------------------------

    def new_id(self, category: str) -> str:
        shown, self._next = order_id(category, self._next), self._next + 1
        return shown

    def place(self, record: OrderRecord, quantity: Decimal) -> Reason | None:
        """Into the book (`quantity` in base). Post-only orders that would take are accepted and cancelled."""
        account = self.accounts[record.category]
        request = self._request(record, quantity)
        self._remember(record)
        answer = account.place(request)
        if isinstance(answer, Placed):
            return None
        if answer.reason is Reason.WOULD_TAKE and record.time_in_force == "PostOnly":
            account.place_cancelled(request, _WOULD_TAKE, Reason.WOULD_TAKE)
            return None
        self._forget(record)
        return answer.reason

    def hold(self, record: OrderRecord) -> None:
        """A conditional order: kept outside the book until its trigger."""
        self._remember(record)
        record.status = "Untriggered"
        self._tell("order", [record.event()])

    def cancel(self, record: OrderRecord) -> bool:
        """False if it was no longer open."""
        if record.status == "Untriggered":
            word = "Deactivated" if record.is_spot else "Cancelled"
            self._end(record, word, "EC_PerCancelRequest", "CancelByUser", self.clock())
            return True
        core_id = self.core_ids.get(record.order_id)
        return core_id is not None and self.accounts[record.category].cancel(order_id=core_id) is not None

    def amend(self, record: OrderRecord, price: Decimal | None, quantity: Decimal) -> Rejected | None:
        """Of an order in the book; conditional ones are changed by whoever asks."""
        account = self.accounts[record.category]
        order = account.order(order_id=self.core_ids[record.order_id])
        if order is None or order.price is None:
            return Rejected(Reason.ORDER_NOT_FOUND)
        answer = account.amend(order, order.price if price is None else price, quantity)
        if isinstance(answer, Rejected) and answer.reason is Reason.WOULD_TAKE:
            account.expire(order.order_id, _WOULD_TAKE)
            return None
        return answer if isinstance(answer, Rejected) else None

    def touch(self, record: OrderRecord) -> None:
        record.updated_ms = self.clock()
        self._tell("order", [record.event()])

    def _request(self, record: OrderRecord, quantity: Decimal) -> SimOrder:
        side = _SIDES[record.side]
        is_market = record.order_type == "Market"
        return SimOrder(
            symbol=record.symbol,
            side=side,
            type=OrderType.MARKET if is_market else OrderType.LIMIT,
            quantity=quantity,
            price=None if is_market else record.price,
            time_in_force=TimeInForce.GTC if is_market else _TIMES[record.time_in_force],
            reduce_only=self._reduces(record),
            client_order_id=record.order_link_id,
            extra={"orderId": record.order_id, "category": record.category, "positionIdx": str(record.position_idx)},
        )

    def _reduces(self, record: OrderRecord) -> bool:
        """In hedge mode the side against the position closes it, flag or not."""
        if record.is_spot:
            return False
        if record.position_idx:
            return (record.position_idx == 1) is (record.side == "Sell")
        return record.reduce_only or record.close_on_trigger

    def _remember(self, record: OrderRecord) -> None:
        self.records[record.order_id] = record
        if record.order_link_id:
            self._links.setdefault((record.category, record.order_link_id), record.order_id)

    def _forget(self, record: OrderRecord) -> None:
        del self.records[record.order_id]
        if self._links.get((record.category, record.order_link_id)) == record.order_id:
            del self._links[record.category, record.order_link_id]

    # --- what the books tell ----------------------------------------------------------------------

    def _changed(self, category: str, changed: Changed) -> None:
        if changed.order is not None:
            record = self._record(category, changed.order)
            self._follow(record, changed)
        elif changed.kind == "balance":
            self._tell("wallet", [wallet_row(self, {balance.asset for balance in changed.balances})])
        elif changed.kind in ("position", "leverage"):
            symbols = {each.symbol for each in changed.positions} or {changed.symbol}
            rows = [row for symbol in sorted(symbols) for row in position_rows(self, symbol)]
            self._tell("position", [{**row, "category": category, "entryPrice": row["avgPrice"]} for row in rows])
        elif changed.kind == "price":
            self._trigger(category, changed.symbol, changed.amount)
        elif changed.kind == "funding":
            self._fund(category, changed)

    def _record(self, category: str, order: SimOrder) -> OrderRecord:
        shown = order.extra.get("orderId") or self._shown.get((category, order.order_id), "")
        if not shown:
            record = self._adopt(category, order)
            shown = record.order_id
        self._shown[category, order.order_id] = shown
        self.core_ids[shown] = order.order_id
        return self.records[shown]

    def _adopt(self, category: str, order: SimOrder) -> OrderRecord:
        """An order that did not come through the API: a person's, or a liquidation."""
        is_taken_over = "liquidation" in order.extra
        record = OrderRecord(
            category=category,
            order_id=self.new_id(category),
            order_link_id=order.client_order_id,
            symbol=order.symbol,
            side="Buy" if order.side is OrderSide.BUY else "Sell",
            order_type="Limit" if order.price is not None else "Market",
            time_in_force="GTC" if order.price is not None else "IOC",
            qty=order.quantity,
            price=order.price,
            market_unit="baseCoin" if category == "spot" and order.price is None else "",
            reduce_only=order.reduce_only,
            create_type=_TAKE_OVERS[self.take_over] if is_taken_over else "CreateByUser",
            created_ms=order.create_ms,
            updated_ms=order.update_ms,
        )
        self._remember(record)
        return record

    def _follow(self, record: OrderRecord, changed: Changed) -> None:
        order, trade = changed.order, changed.trade
        assert order is not None
        record.updated_ms = changed.time_ms
        if order.price is not None:
            record.price = order.price
        record.leaves = order.remaining
        if changed.kind == "amended":
            record.qty = order.quantity
        elif changed.kind == "new":
            record.status = "New"
        elif trade is not None:
            self._fill(record, order, trade)
        elif changed.kind in ("canceled", "expired"):
            self._finish(record, order)
            return
        self._tell("order", [record.event()])

    def _fill(self, record: OrderRecord, order: SimOrder, trade: SimTrade) -> None:
        record.cum_qty += trade.quantity
        record.cum_value += trade.notional
        record.cum_fee += trade.fee
        record.fee_currency = trade.fee_asset
        record.status = "Filled" if order.state is OrderState.FILLED else "PartiallyFilled"
        if record.status == "Filled":
            self.recent[record.category].appendleft(record.order_id)
        execution = Execution(
            order=record,
            exec_id=execution_id(record.category, int(trade.trade_id)),
            exec_type=self.take_over if "liquidation" in order.extra else "Trade",
            price=trade.price,
            qty=trade.quantity,
            fee=trade.fee,
            fee_currency=trade.fee_asset,
            maker=trade.maker,
            time_ms=trade.time_ms,
            leaves=order.remaining,
            closed=self._closed(record, trade),
            seq=len(self.executions) + 1,
        )
        self.executions.append(execution)
        self._log_trade(execution, trade)
        self._tell("execution", [execution.event()])

    def _closed(self, record: OrderRecord, trade: SimTrade) -> Decimal:
        return trade.quantity if not record.is_spot and (self._reduces(record) or trade.realized) else ZERO

    def _finish(self, record: OrderRecord, order: SimOrder) -> None:
        reject, cancel = "EC_PerCancelRequest", "CancelByUser"
        if order.reason is Reason.WOULD_TAKE or order.words == _WOULD_TAKE:
            reject, cancel = _WOULD_TAKE, "UNKNOWN"
        elif order.state is OrderState.EXPIRED:
            reject, cancel = "EC_NoImmediateQtyToFill", "UNKNOWN"
            if order.reduce_only and record.time_in_force != "IOC":
                reject, cancel = "EC_NoError", "CancelByReduceOnly"
        partly = record.is_spot and bool(record.cum_qty)
        self._end(record, "PartiallyFilledCanceled" if partly else "Cancelled", reject, cancel, order.update_ms)

    def _end(self, record: OrderRecord, status: str, reject: str, cancel: str, time_ms: int) -> None:
        record.status, record.reject_reason, record.cancel_type = status, reject, cancel
        record.updated_ms = time_ms
        self.recent[record.category].appendleft(record.order_id)
        self._tell("order", [record.event()])

    # --- triggers, funding ------------------------------------------------------------------------

    def _trigger(self, category: str, symbol: str, price: Decimal) -> None:
        waiting = [
            each
            for each in self.records.values()
            if each.status == "Untriggered" and each.category == category and each.symbol == symbol
        ]
        for record in waiting:
            assert record.trigger_price is not None
            rises = record.trigger_direction == 1
            if price >= record.trigger_price if rises else price <= record.trigger_price:
                self._fire(record)

    def _fire(self, record: OrderRecord) -> None:
        """It keeps its id. Without the money (or the position) for it, it is cancelled."""
        record.status, record.updated_ms = "Triggered", self.clock()
        self._tell("order", [record.event()])
        account = self.accounts[record.category]
        answer = account.place(self._request(record, record.leaves))
        if isinstance(answer, Rejected):
            is_reduce = answer.reason is Reason.NOTHING_TO_REDUCE
            cancel = "CancelByReduceOnly" if is_reduce else "UNKNOWN"
            self._end(record, "Cancelled", "EC_NoError" if is_reduce else "EC_Others", cancel, self.clock())

    def _fund(self, category: str, changed: Changed) -> None:
        """A funding fee: an execution without an order, and a row of the log. `amount` > 0 is received."""
        held = self.accounts[category].positions(changed.symbol)
        size = held[0].quantity if held else ZERO
        mark = held[0].mark if held else self.accounts[category].price(changed.symbol) or ZERO
        side = "Sell" if held and held[0].side is Side.SHORT else "Buy"
        pseudo = OrderRecord(
            category=category,
            order_id=self.new_id(category),
            order_link_id="",
            symbol=changed.symbol,
            side=side,
            order_type="UNKNOWN",
            time_in_force="GTC",
            qty=size,
            price=mark,
            create_type="",
            created_ms=changed.time_ms,
            updated_ms=changed.time_ms,
        )
        seq = len(self.executions) + 1
        execution = Execution(
            order=pseudo,
            exec_id=f"{execution_id(category, seq)[:-4]}fund",
            exec_type="Funding",
            price=mark,
            qty=size,
            fee=-changed.amount,
            fee_currency=changed.asset,
            maker=False,
            time_ms=changed.time_ms,
            leaves=ZERO,
            seq=seq,
        )
        self.executions.append(execution)
        self._log(execution, "SETTLEMENT", changed.asset, changed.amount, funding=plain(changed.amount))
        self._tell("execution", [execution.event()])

    # --- the log ----------------------------------------------------------------------------------

    def _log_trade(self, execution: Execution, trade: SimTrade) -> None:
        account, sign = self.accounts[execution.order.category], 1 if trade.side is OrderSide.BUY else -1
        instrument = account.instruments[trade.symbol]
        if not execution.order.is_spot:
            net = trade.realized - trade.fee
            self.realized[trade.symbol] = self.realized.get(trade.symbol, ZERO) + net
            self._log(execution, "TRADE", instrument.quote, net)
            return
        for asset, change in ((instrument.base, trade.quantity * sign), (instrument.quote, -trade.notional * sign)):
            self._log(execution, "TRADE", asset, change - (trade.fee if trade.fee_asset == asset else ZERO))

    def _log(self, execution: Execution, kind: str, asset: str, change: Decimal, funding: str = "") -> None:
        order = execution.order
        self.log.append(
            {
                "transSubType": "",
                "id": f"{len(self.log) + 1}_{order.symbol}_{execution.exec_id}_{asset}",
                "symbol": order.symbol,
                "side": order.side,
                "funding": funding,
                "orderLinkId": order.order_link_id,
                "orderId": order.order_id,
                "fee": "0" if funding else plain(execution.fee if asset == execution.fee_currency else ZERO),
                "change": plain(change),
                "cashFlow": "0",
                "transactionTime": str(execution.time_ms),
                "type": kind,
                "feeRate": execution.row()["feeRate"],
                "bonusChange": "",
                "size": plain(execution.qty),
                "qty": plain(execution.qty),
                "cashBalance": plain(self.accounts[order.category].book.funds.total(asset)),
                "currency": asset,
                "category": order.category,
                "tradePrice": plain(execution.price),
                "tradeId": execution.exec_id,
                "extraFees": "",
            }
        )

    def _tell(self, topic: str, rows: list[Json]) -> None:
        for listener in tuple(self.listeners):
            listener(topic, rows)
