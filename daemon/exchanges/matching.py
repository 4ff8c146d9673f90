"""The paper exchange's matching core: orders, prices and time in, fills and balances out.

Deterministic and free of clock, randomness and input or output: the same calls give the same books.

Invariants:
1. A refused order leaves no trace. An accepted one gets the next number and is final exactly once.
2. A maker fills at its own price, a taker at bid or ask with slippage, never beyond its limit.
3. A price move costs as much as it fills, however many orders rest.
4. The settlement's invariants hold after every call (`settlement.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from actors.rules.choices import Market
from actors.rules.model import (
    Balance,
    Instrument,
    Order,
    OrderSide,
    OrderState,
    OrderType,
    Quote,
    Refused,
    TimeInForce,
    Trade,
)
from actors.rules.money import CONTEXT, ZERO
from actors.rules.settings import AccountSettings
from daemon.exchanges import order_checks as checks
from daemon.exchanges.funds import Funds
from daemon.exchanges.paper_market import PaperMarket
from daemon.exchanges.paper_order import PaperOrder
from daemon.exchanges.settlement import PaperPosition, Settlement
from daemon.exchanges.spot_settlement import SpotSettlement
from daemon.exchanges.swap_settlement import SwapSettlement

NOTHING_LEFT = "Reduce-only order has nothing left to reduce."
LIQUIDATION = "liquidation-"
"""How the exchange's own orders are called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookState:
    """Everything a book is made of, for keeping it."""

    balances: tuple[Balance, ...]
    positions: tuple[PaperPosition, ...] = ()
    orders: tuple[PaperOrder, ...] = ()
    """The open ones, by number."""
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    next_order: int = 1
    next_trade: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What happened since the last look. Orders in the order they were first touched."""

    orders: tuple[PaperOrder, ...]
    trades: tuple[tuple[PaperOrder, Trade], ...]
    balances: tuple[Balance, ...]
    positions: tuple[PaperPosition, ...]

    def __bool__(self) -> bool:
        return bool(self.orders or self.balances or self.positions)


class Book:
    """One account's markets, orders and money."""

    def __init__(self, account: AccountSettings, instruments: Iterable[Instrument], state: BookState) -> None:
        self.account = account
        self.funds = Funds(state.balances)
        self.settlement: Settlement = (
            SpotSettlement(account, self.funds)
            if account.market is Market.SPOT
            else SwapSettlement(account, self.funds, state.positions)
        )
        self.markets = {instrument.symbol: PaperMarket(account, instrument) for instrument in instruments}
        self.orders: dict[str, PaperOrder] = {}
        """Open ones by client order id."""
        self.next_order, self.next_trade = state.next_order, state.next_trade
        self._touched: dict[int, PaperOrder] = {}
        self._trades: list[tuple[PaperOrder, Trade]] = []
        for symbol, price in state.prices.items():
            if symbol in self.markets:
                self.markets[symbol].set_price(price)
        for order in state.orders:
            self.orders[order.client_order_id] = order
            self.markets[order.symbol].rest(order)

    def learn(self, instruments: Iterable[Instrument]) -> None:
        """Rules from now on, and markets that are new. What rests stays as it was accepted."""
        for instrument in instruments:
            market = self.markets.get(instrument.symbol)
            if market is None:
                self.markets[instrument.symbol] = PaperMarket(self.account, instrument)
            else:
                market.instrument = instrument

    # --- requests ---------------------------------------------------------------------------------

    def place(self, order: Order, now_ms: int, made_ms: int | None = None) -> PaperOrder | Refused:
        """The accepted order as it is after whatever it filled at once, or why it was refused.

        `made_ms`: when its sender let it go, `now_ms` unless told.
        """
        market = self.markets.get(order.symbol)
        if market is None:
            return checks.UNKNOWN_SYMBOL
        fault = checks.check_form(order, market.instrument, len(market))
        if fault is None and order.client_order_id in self.orders:
            fault = checks.DUPLICATE
        if fault is None:
            fault = checks.check_value(order, market.instrument, market.price)
        if fault is not None:
            return fault
        placed = self._accepted_form(order, now_ms, now_ms if made_ms is None else made_ms)
        fault = self._refuse_by_market(placed, market) or self.settlement.admit(placed)
        if fault is not None:
            return fault
        if not self._reserve(placed, market, self._worst_price(placed, market)):
            return checks.INSUFFICIENT
        self.next_order += 1
        self._touched[placed.number] = placed
        self.orders[placed.client_order_id] = placed
        self._enter(placed, market, now_ms)
        return placed

    def cancel(self, client_order_id: str, now_ms: int) -> PaperOrder | Refused:
        """The cancelled order, or a refusal where no such order is open."""
        order = self.orders.get(client_order_id)
        if order is None:
            return checks.NOT_FOUND
        self._finish(order, OrderState.CANCELLED, now_ms)
        return order

    def amend(
        self, client_order_id: str, price: Decimal, quantity: Decimal, now_ms: int, made_ms: int | None = None
    ) -> PaperOrder | Refused:
        """A resting limit order with another price and whole quantity, under the same ids. It keeps its place among
        equals only if it merely got smaller. A refusal changes nothing.
        """
        order = self.orders.get(client_order_id)
        if order is None or order.type is not OrderType.LIMIT:
            return checks.NOT_FOUND
        if (price, quantity) == (order.price, order.quantity):
            return order
        market = self.markets[order.symbol]
        wish = replace(order, price=price, quantity=quantity)
        fault = checks.check_form(wish, market.instrument, 0) or checks.check_value(
            wish, market.instrument, market.price
        )
        if fault is None and quantity <= order.filled:
            fault = checks.NOTHING_LEFT_TO_FILL
        fault = fault or self._refuse_by_market(wish, market)
        if fault is not None:
            return fault
        before = (order.price, order.quantity, order.lock_unit)
        keeps_place = price == order.price and quantity < order.quantity
        self._release(order)
        order.price, order.quantity = price, quantity
        if not self._reserve(order, market, self._worst_price(order, market)):
            order.price, order.quantity, order.lock_unit = before
            assert self.funds.lock(order.lock_asset, order.lock_unit * order.remaining)
            return checks.INSUFFICIENT
        order.update_ms = max(order.update_ms, now_ms)  # A clock set back must not make the news look old.
        self._touched[order.number] = order
        if not keeps_place:
            market.remove(order)
            order.amend_number, self.next_order = self.next_order, self.next_order + 1
            order.made_ms = now_ms if made_ms is None else made_ms
            self._enter(order, market, now_ms)
        return order

    def _accepted_form(self, order: Order, now_ms: int, made_ms: int) -> PaperOrder:
        return PaperOrder(
            number=self.next_order,
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            type=order.type,
            time_in_force=order.time_in_force,
            reduce_only=order.reduce_only,
            price=order.price,
            trigger_price=order.trigger_price if order.type is OrderType.STOP else None,
            quantity=order.quantity,
            made_ms=made_ms,
            create_ms=now_ms,
            update_ms=now_ms,
        )

    @staticmethod
    def _refuse_by_market(order: PaperOrder, market: PaperMarket) -> Refused | None:
        if order.type is OrderType.MARKET:
            return checks.NO_PRICE if market.price is None else None
        if order.type is OrderType.STOP:
            triggered = market.price is not None and market.is_fired(order, market.bid, market.ask)
            return checks.WOULD_TRIGGER if triggered else None
        assert order.price is not None
        if order.time_in_force is TimeInForce.POST_ONLY and market.is_marketable(order.side, order.price):
            return checks.WOULD_TAKE
        return None

    @staticmethod
    def _worst_price(order: PaperOrder, market: PaperMarket) -> Decimal:
        """What must be locked for at most: a sell may be filled above its limit, which costs more margin and fee."""
        if order.type is OrderType.MARKET:
            return market.taking_price(order.side)
        if order.type is OrderType.STOP:
            assert order.trigger_price is not None
            return market.slipped(order.side, order.trigger_price)
        assert order.price is not None
        return order.price if order.side is OrderSide.BUY else max(order.price, market.taking_price(order.side))

    def _reserve(self, order: PaperOrder, market: PaperMarket, price: Decimal) -> bool:
        order.lock_asset, unit = self.settlement.lock_of(order, market.instrument, price)
        if not self.funds.lock(order.lock_asset, unit * order.remaining):
            return False
        order.lock_unit = unit
        return True

    def _enter(self, order: PaperOrder, market: PaperMarket, now_ms: int) -> None:
        if order.type is OrderType.MARKET:
            self._take(order, market, market.taking_price(order.side), now_ms)
        elif order.type is OrderType.LIMIT and market.is_marketable(order.side, order.price or ZERO):
            assert order.price is not None
            price = market.taking_price(order.side)
            better = min if order.side is OrderSide.BUY else max
            self._take(order, market, better(price, order.price), now_ms)
        elif order.time_in_force is TimeInForce.IOC:
            self._finish(order, OrderState.EXPIRED, now_ms)
        else:
            market.rest(order)

    def _take(self, order: PaperOrder, market: PaperMarket, price: Decimal, now_ms: int) -> None:
        """The whole order against the market, at once."""
        self.fill(order, market, order.remaining, price, maker=False, now_ms=now_ms)

    # --- prices -----------------------------------------------------------------------------------

    def move(self, symbol: str, price: Decimal, now_ms: int) -> None:
        """The market is at `price` now, without having been anywhere in between. What that reaches fills."""
        market = self.markets[symbol]
        market.set_price(price)
        self._meet(market, now_ms)

    def move_to(self, symbol: str, quote: Quote, now_ms: int) -> None:
        """The same with the bid and ask of a real exchange."""
        market = self.markets[symbol]
        market.set_quote(quote)
        self._meet(market, now_ms)

    def _meet(self, market: PaperMarket, now_ms: int) -> None:
        """Fills what bid and ask reach."""
        bid, ask = market.bid, market.ask
        self.liquidate(market, now_ms)
        for stops in (market.sell_stops, market.buy_stops):
            while (stop := stops.first()) is not None and market.is_fired(stop, bid, ask):
                self.trigger(stop, market, market.taking_price(stop.side), now_ms)
        for heap in (market.buys, market.sells):
            while (order := heap.first()) is not None and market.is_met(order, bid, ask):
                assert order.price is not None
                self.fill(order, market, order.remaining, order.price, maker=True, now_ms=now_ms)

    def trigger(self, stop: PaperOrder, market: PaperMarket, price: Decimal, now_ms: int) -> None:
        """A stop becomes a market order that gets `price`. Without the funds for that it expires."""
        market.remove(stop)
        self._release(stop)
        if self._reserve(stop, market, price):
            self._take(stop, market, price, now_ms)
        else:
            stop.reason, stop.words = checks.INSUFFICIENT.reason, checks.INSUFFICIENT.detail
            self._finish(stop, OrderState.EXPIRED, now_ms)

    def fill(
        self, order: PaperOrder, market: PaperMarket, quantity: Decimal, price: Decimal, *, maker: bool, now_ms: int
    ) -> None:
        """Trades `quantity` (> 0, on the step) of an open order. A reduce-only one ends where its position does."""
        possible = self.settlement.fillable(order, quantity)
        if possible:
            self._trade(order, market, possible, price, maker=maker, now_ms=now_ms)
        if not order.remaining:
            self._finish(order, OrderState.FILLED, now_ms)
        elif possible < quantity:
            order.words = NOTHING_LEFT
            self._finish(order, OrderState.EXPIRED, now_ms)
        if market.reduce_only:
            self._expire_reduce_only(market, now_ms)

    def _trade(
        self, order: PaperOrder, market: PaperMarket, quantity: Decimal, price: Decimal, *, maker: bool, now_ms: int
    ) -> None:
        fees = self.account.fees
        self.funds.unlock(order.lock_asset, order.lock_unit * quantity)
        percent = fees.maker_percent if maker else fees.taker_percent
        fee = self.settlement.settle(order, market.instrument, quantity, price, percent)
        trade = Trade(
            trade_id=str(self.next_trade),
            quantity=quantity,
            price=price,
            fee=fee.amount,
            fee_asset=fee.asset,
            fee_value=fee.value,
            time_ms=now_ms,
            maker=maker,
        )
        self.next_trade += 1
        order.trades.append(trade)
        order.filled += quantity
        order.state, order.update_ms = OrderState.PARTIALLY_FILLED, max(order.update_ms, now_ms)
        self._touched[order.number] = order
        self._trades.append((order, trade))

    def _expire_reduce_only(self, market: PaperMarket, now_ms: int) -> None:
        for order in [order for order in market.reduce_only.values() if self.settlement.is_flat(order)]:
            order.words = NOTHING_LEFT
            self._finish(order, OrderState.EXPIRED, now_ms)

    def _release(self, order: PaperOrder) -> None:
        self.funds.unlock(order.lock_asset, order.lock_unit * order.remaining)
        order.lock_unit = ZERO

    def _finish(self, order: PaperOrder, state: OrderState, now_ms: int) -> None:
        self._release(order)
        order.state, order.update_ms = state, max(order.update_ms, now_ms)
        self.markets[order.symbol].remove(order)
        del self.orders[order.client_order_id]
        self._touched[order.number] = order

    def liquidate(self, market: PaperMarket, now_ms: int) -> None:
        """Takes lost positions away. Shown as a filled order of the exchange's own."""
        quote = market.quote(now_ms)
        if quote is None:
            return
        for position in self.settlement.liquidate(market.instrument, quote):
            self._record_liquidation(position, market.instrument, now_ms)
            self._expire_reduce_only(market, now_ms)

    def _record_liquidation(self, position: PaperPosition, instrument: Instrument, now_ms: int) -> None:
        """At the price where the loss is the whole margin."""
        value = position.cost - position.margin * position.side.sign
        price = CONTEXT.divide(value, position.quantity * instrument.contract_size)
        order = PaperOrder(
            number=self.next_order,
            client_order_id=f"{LIQUIDATION}{self.next_order}",
            symbol=position.symbol,
            side=position.side.exit,
            type=OrderType.MARKET,
            time_in_force=TimeInForce.GTC,
            reduce_only=True,
            price=None,
            trigger_price=None,
            quantity=position.quantity,
            made_ms=now_ms,
            create_ms=now_ms,
            update_ms=now_ms,
            state=OrderState.FILLED,
            filled=position.quantity,
        )
        trade = Trade(
            trade_id=str(self.next_trade),
            quantity=position.quantity,
            price=price,
            fee=ZERO,
            fee_asset=instrument.quote,
            fee_value=ZERO,
            time_ms=now_ms,
        )
        self.next_order += 1
        self.next_trade += 1
        order.trades.append(trade)
        self._touched[order.number] = order
        self._trades.append((order, trade))

    # --- what came of it --------------------------------------------------------------------------

    def take_changes(self) -> Changes:
        """What changed since this was last asked."""
        changes = Changes(
            orders=tuple(self._touched.values()),
            trades=tuple(self._trades),
            balances=tuple(self.funds.balance(asset) for asset in sorted(self.funds.touched)),
            positions=tuple(
                position
                for position in self.settlement.positions()
                if (position.symbol, position.side) in self.settlement.touched
            ),
        )
        self._touched, self._trades = {}, []
        self.funds.touched = set()
        self.settlement.touched = set()
        return changes

    def state(self) -> BookState:
        """The book as a value, everything in a fixed order; orders and positions are copies."""
        return BookState(
            balances=tuple(self.funds.balance(asset) for asset in sorted(self.funds.balances())),
            positions=tuple(
                sorted(
                    (position.copy() for position in self.settlement.positions() if position.quantity),
                    key=lambda position: (position.symbol, position.side),
                )
            ),
            orders=tuple(sorted((order.copy() for order in self.orders.values()), key=lambda order: order.number)),
            prices={symbol: market.price for symbol, market in self.markets.items() if market.price is not None},
            next_order=self.next_order,
            next_trade=self.next_trade,
        )

    def equity(self, symbol: str) -> Decimal:
        """What the account's quote, and what it holds of this symbol, are worth at its current price."""
        market = self.markets[symbol]
        instrument, price = market.instrument, market.price or ZERO
        worth = self.funds.total(instrument.quote)
        if instrument.market is Market.SPOT:
            return worth + self.funds.total(instrument.base) * price
        for position in self.settlement.positions():
            if position.symbol == symbol:
                value = price * position.quantity * instrument.contract_size
                worth += (value - position.cost) * position.side.sign
        return worth
