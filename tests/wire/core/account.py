"""The truth behind a simulated venue: one trading account on the paper exchange's matching engine.

    account = SimAccount(exchange="binance", market=Market.SPOT, instruments=[...], balances={"USDT": Decimal(1000)},
                         fees=FeeSettings(), clock=SimClock())
    account.set_price("BTCUSDT", Decimal(50000))
    answer = account.place(SimOrder(symbol="BTCUSDT", side=OrderSide.BUY, type=OrderType.LIMIT,
                                    quantity=Decimal("0.01"), price=Decimal(49000), client_order_id="a1"))
    # -> Placed(order) as it was when it was acknowledged, or Rejected(reason, words)

- Symbols are the VENUE's (`BTCUSDT`) in every method here; inside `account.book` they are ccxt's unified ones.
- Values (`SimOrder`, `SimTrade`, ...) are frozen snapshots; ask again for newer ones. `order_id` is set by the account
  (plain numbers); a venue that shows other ids keeps them in `extra` or derives them.
- `extra` of an order is the venue's own and is carried along: position side, the type as it was sent, ...
- `on_change(call)`: every change in order, as it would go over the user stream: `Changed(kind=...)`, kinds
  new, trade, canceled, expired, amended (with `order`, trades with `trade`), then balance (all balances that changed),
  position (all positions that changed), funding, price, leverage.
- `check_filters=False`: the venue checks tick, step, notional, band and order count by itself (with its own words) and
  the book takes anything of up to 18 places. Funds, duplicates, post-only and reduce-only are always checked.
- `unique_ids`: client ids are unique among "open" orders (Binance) or for "ever" (Bybit).
- There is no depth: whatever is marketable fills whole at the price. `fill()` makes partial fills of resting orders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal

from actors.rules.choices import FillRule, MarginMode, Market, PositionMode
from actors.rules.model import (
    Balance,
    Instrument,
    Order,
    OrderSide,
    OrderState,
    OrderType,
    Reason,
    Refused,
    Role,
    Side,
    TimeInForce,
    Trade,
)
from actors.rules.money import CONTEXT, ZERO
from actors.rules.settings import AccountSettings, FeeSettings
from daemon.exchanges import order_checks as checks
from daemon.exchanges.matching import LIQUIDATION, BookState
from daemon.exchanges.paper_order import PaperOrder
from daemon.exchanges.settlement import PaperPosition
from tests.wire.core.book import SimBook

FIRST_ORDER_ID = 1_000_001
_FINEST = Decimal(1).scaleb(-18)

ChangeKind = Literal[
    "new", "trade", "canceled", "expired", "amended", "balance", "position", "funding", "price", "leverage"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimTrade:
    trade_id: str
    order_id: str
    client_order_id: str
    symbol: str
    side: OrderSide
    price: Decimal
    quantity: Decimal
    notional: Decimal
    """price x quantity x contract size."""
    fee: Decimal
    fee_asset: str
    time_ms: int
    maker: bool
    realized: Decimal = ZERO
    """Profit of what it closed, before fees (swaps)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimOrder:
    """A request (upper half) and, once accepted, what became of it (lower half)."""

    symbol: str
    side: OrderSide
    type: OrderType
    quantity: Decimal
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    reduce_only: bool = False
    client_order_id: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)

    order_id: str = ""
    state: OrderState = OrderState.OPEN
    trades: tuple[SimTrade, ...] = ()
    create_ms: int = 0
    update_ms: int = 0
    reason: Reason | None = None
    words: str = ""

    @property
    def filled(self) -> Decimal:
        return sum((trade.quantity for trade in self.trades), ZERO)

    @property
    def remaining(self) -> Decimal:
        return self.quantity - self.filled

    @property
    def notional(self) -> Decimal:
        """What the trades are worth."""
        return sum((trade.notional for trade in self.trades), ZERO)

    @property
    def average_price(self) -> Decimal:
        """Over the trades; zero without any."""
        filled = self.filled
        if not filled:
            return ZERO
        return CONTEXT.divide(sum((trade.price * trade.quantity for trade in self.trades), ZERO), filled)

    @property
    def is_open(self) -> bool:
        return not self.state.is_final


@dataclass(frozen=True, slots=True, kw_only=True)
class SimPosition:
    symbol: str
    side: Side
    quantity: Decimal
    entry_price: Decimal
    margin: Decimal
    mark: Decimal
    unrealized: Decimal
    leverage: int


@dataclass(frozen=True, slots=True)
class Placed:
    order: SimOrder
    """As it is once everything it filled at once is in."""


@dataclass(frozen=True, slots=True)
class Rejected:
    reason: Reason
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    kind: ChangeKind
    time_ms: int
    order: SimOrder | None = None
    trade: SimTrade | None = None
    balances: tuple[Balance, ...] = ()
    positions: tuple[SimPosition, ...] = ()
    symbol: str = ""
    amount: Decimal = ZERO
    asset: str = ""
    """Of a funding fee: > 0 is received."""


class SimAccount:
    """One account. Used on the simulator's loop only."""

    def __init__(
        self,
        *,
        exchange: str,
        market: Market,
        instruments: Sequence[Instrument],
        balances: Mapping[str, Decimal],
        fees: FeeSettings,
        clock: Callable[[], int],
        leverage: int = 1,
        position_mode: PositionMode = PositionMode.ONE_WAY,
        margin_mode: MarginMode = MarginMode.ISOLATED,
        spread_percent: Decimal = ZERO,
        check_filters: bool = True,
        unique_ids: Literal["open", "ever"] = "open",
    ) -> None:
        self.exchange, self.market, self.clock = exchange, market, clock
        self.unique_ids = unique_ids
        self.fees = fees
        self.settings = AccountSettings(
            name=exchange,
            exchange="paper",
            market=market,
            fees=fees,
            fill=FillRule.TOUCH,
            spread_percent=spread_percent,
            leverage=leverage,
            position_mode=position_mode,
            margin_mode=margin_mode,
        )
        self.instruments = {instrument.venue_symbol: instrument for instrument in instruments}
        """By venue symbol."""
        self._venue_symbols = {instrument.symbol: instrument.venue_symbol for instrument in instruments}
        self._book_instruments = [each if check_filters else _unfiltered(each) for each in instruments]
        self.book = self._make_book([Balance(asset=asset, free=free, locked=ZERO) for asset, free in balances.items()])
        self.leverages: dict[str, int] = {}
        """By venue symbol, where set."""
        self._orders: dict[str, SimOrder] = {}
        self._ids_by_client: dict[str, list[str]] = {}
        self._ids_by_key: dict[str, str] = {}
        """The book's client order ids, which are our own, -> order ids."""
        self._announced: set[str] = set()
        self._hidden_until: dict[str, int] = {}
        self._trades: list[SimTrade] = []
        self._calls: list[Callable[[Changed], None]] = []
        self._next_id = FIRST_ORDER_ID

    def _make_book(self, balances: Sequence[Balance]) -> SimBook:
        return SimBook(self.settings, self._book_instruments, BookState(balances=tuple(balances)))

    # --- looking ----------------------------------------------------------------------------------

    def instrument(self, venue_symbol: str) -> Instrument | None:
        return self.instruments.get(venue_symbol)

    def price(self, venue_symbol: str) -> Decimal | None:
        """The mid; None before the first `set_price`."""
        return self.book.markets[self.instruments[venue_symbol].symbol].price

    def bid_ask(self, venue_symbol: str) -> tuple[Decimal, Decimal] | None:
        market = self.book.markets[self.instruments[venue_symbol].symbol]
        return None if market.price is None else (market.bid, market.ask)

    def order(self, *, order_id: str = "", client_order_id: str = "", symbol: str = "") -> SimOrder | None:
        """Open or finished, by id or the newest with that client id; None if the symbol is another or it is hidden."""
        ids = [order_id] if order_id else self._ids_by_client.get(client_order_id, [])
        for each in reversed(ids):
            found = self._orders.get(each)
            if found is not None and (not symbol or found.symbol == symbol) and not self._is_hidden(each):
                return found
        return None

    def orders(self, symbol: str | None = None, *, open_only: bool) -> list[SimOrder]:
        """Oldest first."""
        if open_only:
            orders = [self._orders[self._ids_by_key[key]] for key in self.book.orders]
        else:
            orders = list(self._orders.values())
        return [
            order
            for order in orders
            if (symbol is None or order.symbol == symbol) and not self._is_hidden(order.order_id)
        ]

    def trades(self, symbol: str | None = None, *, since_ms: int = 0, order_id: str = "") -> list[SimTrade]:
        """Oldest first."""
        return [
            trade
            for trade in self._trades
            if (symbol is None or trade.symbol == symbol)
            and trade.time_ms >= since_ms
            and (not order_id or trade.order_id == order_id)
            and not self._is_hidden(trade.order_id)
        ]

    def all_orders(self) -> list[SimOrder]:
        """Oldest first, hidden ones too."""
        return list(self._orders.values())

    def all_trades(self) -> list[SimTrade]:
        return list(self._trades)

    def balances(self) -> list[Balance]:
        return [balance for _, balance in sorted(self.book.funds.balances().items())]

    def positions(self, symbol: str | None = None) -> list[SimPosition]:
        """Those that are not flat."""
        return [
            position
            for position in map(self._position, self.book.settlement.positions())
            if position.quantity and (symbol is None or position.symbol == symbol)
        ]

    def leverage(self, venue_symbol: str) -> int:
        return self.leverages.get(venue_symbol, self.settings.leverage)

    # --- requests ---------------------------------------------------------------------------------

    def place(self, order: SimOrder) -> Placed | Rejected:
        instrument = self.instruments.get(order.symbol)
        if instrument is None:
            return Rejected(Reason.UNKNOWN_SYMBOL, checks.UNKNOWN_SYMBOL.detail)
        if order.client_order_id and self._is_taken(order.client_order_id):
            return Rejected(Reason.DUPLICATE_CLIENT_ORDER_ID, checks.DUPLICATE.detail)
        order_id, now_ms = str(self._next_id), self.clock()
        key = f"n{order_id}"
        self._ids_by_key[key] = order_id
        accepted = replace(order, order_id=order_id, create_ms=now_ms, update_ms=now_ms)
        self._orders[order_id] = accepted
        answer = self.book.place(_book_order(accepted, key, instrument, now_ms), now_ms)
        if isinstance(answer, Refused):
            del self._orders[order_id], self._ids_by_key[key]
            return Rejected(answer.reason, answer.detail)
        self._next_id += 1
        if order.client_order_id:
            self._ids_by_client.setdefault(order.client_order_id, []).append(order_id)
        self._publish(now_ms)
        return Placed(self._orders[order_id])

    def place_cancelled(self, order: SimOrder, words: str = "", reason: Reason | None = None) -> SimOrder:
        """Accepted and cancelled by the venue at once, as Bybit does with post-only orders that would take."""
        now_ms = self.clock()
        order_id, self._next_id = str(self._next_id), self._next_id + 1
        accepted = replace(order, order_id=order_id, create_ms=now_ms, update_ms=now_ms)
        self._orders[order_id] = accepted
        self._announced.add(order_id)
        if order.client_order_id:
            self._ids_by_client.setdefault(order.client_order_id, []).append(order_id)
        self._tell(Changed(kind="new", time_ms=now_ms, order=accepted))
        ended = replace(accepted, state=OrderState.CANCELLED, words=words, reason=reason)
        self._orders[order_id] = ended
        self._tell(Changed(kind="canceled", time_ms=now_ms, order=ended))
        return ended

    def cancel(self, *, order_id: str = "", client_order_id: str = "", symbol: str = "") -> SimOrder | None:
        """The cancelled order; None where no such order is open. By client id: the open one, if any."""
        found = self._find_open(order_id, client_order_id, symbol)
        if found is None:
            return None
        now_ms = self.clock()
        self.book.cancel(f"n{found.order_id}", now_ms)
        self._publish(now_ms)
        return self._orders[found.order_id]

    def amend(self, order: SimOrder, price: Decimal, quantity: Decimal) -> SimOrder | Rejected:
        """New price and total quantity; the order keeps its id. Filters of the instrument are the caller's to check."""
        now_ms = self.clock()
        answer = self.book.amend(f"n{order.order_id}", price, quantity, now_ms)
        if isinstance(answer, Refused):
            return Rejected(answer.reason, answer.detail)
        amended = replace(self._orders[order.order_id], price=price, quantity=quantity, update_ms=now_ms)
        self._orders[order.order_id] = amended
        self._tell(Changed(kind="amended", time_ms=now_ms, order=amended))
        self._publish(now_ms)
        return self._orders[order.order_id]

    def _is_taken(self, client_order_id: str) -> bool:
        ids = self._ids_by_client.get(client_order_id, ())
        return bool(ids) and (self.unique_ids == "ever" or any(self._orders[each].is_open for each in ids))

    def _find_open(self, order_id: str, client_order_id: str, symbol: str) -> SimOrder | None:
        ids = [order_id] if order_id else reversed(self._ids_by_client.get(client_order_id, []))
        for each in ids:
            found = self._orders.get(each)
            if found is None or not found.is_open or self._is_hidden(each) or (symbol and found.symbol != symbol):
                continue
            return found
        return None

    # --- what the world does ----------------------------------------------------------------------

    def set_price(self, venue_symbol: str, price: Decimal) -> None:
        """Moves the market; what that reaches fills. KeyError for a symbol that is none."""
        now_ms = self.clock()
        self.book.move(self.instruments[venue_symbol].symbol, price, now_ms)
        self._tell(Changed(kind="price", time_ms=now_ms, symbol=venue_symbol, amount=price))
        self._publish(now_ms)

    def fill(self, order_id: str, quantity: Decimal) -> SimOrder:
        """A maker fill of a resting order at its own price. ValueError if it is not open or has less left."""
        order = self._orders.get(order_id)
        if order is None or not order.is_open or order.price is None:
            raise ValueError(f"no open limit order {order_id}")
        if not 0 < quantity <= order.remaining:
            raise ValueError(f"order {order_id} has {order.remaining} left, not {quantity}")
        now_ms, resting = self.clock(), self.book.orders[f"n{order_id}"]
        market = self.book.markets[resting.symbol]
        self.book.fill(resting, market, quantity, order.price, maker=True, now_ms=now_ms)
        self._publish(now_ms)
        return self._orders[order_id]

    def expire(self, order_id: str, words: str = "") -> SimOrder | None:
        """The venue ends an open order by itself."""
        order = self._orders.get(order_id)
        if order is None or not order.is_open:
            return None
        now_ms = self.clock()
        resting = self.book.orders[f"n{order_id}"]
        resting.words = words
        self.book._finish(resting, OrderState.EXPIRED, now_ms)
        self._publish(now_ms)
        return self._orders[order_id]

    def liquidate(self, venue_symbol: str) -> int:
        """Takes the symbol's positions away, however healthy; how many there were. Swaps only, needs a price."""
        now_ms = self.clock()
        count = self.book.force_liquidation(self.instruments[venue_symbol].symbol, now_ms)
        self._publish(now_ms)
        return count

    def pay_funding(self, venue_symbol: str, amount: Decimal) -> None:
        """A funding fee of the symbol in its quote: > 0 is received."""
        now_ms, asset = self.clock(), self.instruments[venue_symbol].quote
        self.book.funds.change(asset, amount)
        self._tell(Changed(kind="funding", time_ms=now_ms, symbol=venue_symbol, amount=amount, asset=asset))
        self._publish(now_ms)

    def change_balance(self, asset: str, amount: Decimal) -> None:
        """A deposit (> 0) or withdrawal (< 0) of free money."""
        self.book.funds.change(asset, amount)
        self._publish(self.clock())

    def set_leverage(self, venue_symbol: str, leverage: int) -> None:
        self.leverages[venue_symbol] = leverage
        self.book.set_leverage(self.instruments[venue_symbol].symbol, leverage)
        self._tell(Changed(kind="leverage", time_ms=self.clock(), symbol=venue_symbol, amount=Decimal(leverage)))

    def set_position_mode(self, mode: PositionMode) -> bool:
        """False, and nothing changes, while there are positions or open orders."""
        if mode is self.settings.position_mode:
            return True
        if self.book.orders or self.positions():
            return False
        self.settings = replace(self.settings, position_mode=mode)
        self._rebuild()
        return True

    def set_margin_mode(self, mode: MarginMode) -> None:
        """Shown only: the engine always isolates."""
        self.settings = replace(self.settings, margin_mode=mode)

    def hide(self, order_id: str, ms: int) -> None:
        """The order and its trades are not found for that long (late visibility). Streams are not affected."""
        self._hidden_until[order_id] = self.clock() + ms

    def _is_hidden(self, order_id: str) -> bool:
        return bool(self._hidden_until) and self._hidden_until.get(order_id, 0) > self.clock()

    def _rebuild(self) -> None:
        """A book of the same money, prices and numbers, for settings it only reads when it is made."""
        old = self.book
        self.book = SimBook(self.settings, self._book_instruments, old.state())
        for symbol, leverage in self.leverages.items():
            self.book.set_leverage(self.instruments[symbol].symbol, leverage)

    # --- what came of it --------------------------------------------------------------------------

    def on_change(self, call: Callable[[Changed], None]) -> Callable[[], None]:
        """Tells of every change from now on; call what it returns to stop that."""
        self._calls.append(call)
        return lambda: self._calls.remove(call)

    def _tell(self, changed: Changed) -> None:
        for call in tuple(self._calls):
            call(changed)

    def _publish(self, now_ms: int) -> None:
        changes = self.book.take_changes()
        for paper in changes.orders:
            self._announce(paper, now_ms)
        for paper, trade in changes.trades:
            self._add_trade(self._ids_by_key[paper.client_order_id], trade)
        for paper in changes.orders:
            self._finish(paper)
        if changes.balances:
            self._tell(Changed(kind="balance", time_ms=now_ms, balances=changes.balances))
        if changes.positions:
            positions = tuple(self._position(position) for position in changes.positions)
            self._tell(Changed(kind="position", time_ms=now_ms, positions=positions))

    def _announce(self, paper: PaperOrder, now_ms: int) -> None:
        order_id = self._ids_by_key.get(paper.client_order_id)
        if order_id is None:
            order_id = self._adopt(paper)
        if order_id not in self._announced:
            self._announced.add(order_id)
            self._tell(Changed(kind="new", time_ms=now_ms, order=self._orders[order_id]))

    def _adopt(self, paper: PaperOrder) -> str:
        """An order of the venue's own making: a liquidation."""
        assert paper.client_order_id.startswith(LIQUIDATION)
        order_id, self._next_id = str(self._next_id), self._next_id + 1
        self._ids_by_key[paper.client_order_id] = order_id
        self._orders[order_id] = SimOrder(
            symbol=self._venue_symbols[paper.symbol],
            side=paper.side,
            type=paper.type,
            quantity=paper.quantity,
            reduce_only=True,
            client_order_id="",
            extra={
                "liquidation": "true",
                "closes": (Side.SHORT if paper.side is OrderSide.BUY else Side.LONG).value,
                "position_mode": self.settings.position_mode.value,
            },
            order_id=order_id,
            create_ms=paper.create_ms,
            update_ms=paper.update_ms,
        )
        return order_id

    def _add_trade(self, order_id: str, trade: Trade) -> None:
        order = self._orders[order_id]
        added = SimTrade(
            trade_id=trade.trade_id,
            order_id=order_id,
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            price=trade.price,
            quantity=trade.quantity,
            notional=trade.price * trade.quantity * self.instruments[order.symbol].contract_size,
            fee=trade.fee,
            fee_asset=trade.fee_asset,
            time_ms=trade.time_ms,
            maker=trade.maker,
            realized=self.book.realized.get(trade.trade_id, ZERO),
        )
        self._trades.append(added)
        is_filled = order.filled + trade.quantity >= order.quantity
        order = replace(
            order,
            trades=(*order.trades, added),
            state=OrderState.FILLED if is_filled else OrderState.PARTIALLY_FILLED,
            update_ms=trade.time_ms,
        )
        self._orders[order_id] = order
        self._tell(Changed(kind="trade", time_ms=trade.time_ms, order=order, trade=added))

    def _finish(self, paper: PaperOrder) -> None:
        order_id = self._ids_by_key[paper.client_order_id]
        order = self._orders[order_id]
        if not order.is_open or paper.state not in (OrderState.CANCELLED, OrderState.EXPIRED):
            return
        order = replace(order, state=paper.state, update_ms=paper.update_ms, reason=paper.reason, words=paper.words)
        self._orders[order_id] = order
        kind: ChangeKind = "canceled" if paper.state is OrderState.CANCELLED else "expired"
        self._tell(Changed(kind=kind, time_ms=paper.update_ms, order=order))

    def _position(self, position: PaperPosition) -> SimPosition:
        venue_symbol = self._venue_symbols[position.symbol]
        size = self.instruments[venue_symbol].contract_size
        amount = position.quantity * size
        mark = self.price(venue_symbol) or ZERO
        return SimPosition(
            symbol=venue_symbol,
            side=position.side,
            quantity=position.quantity,
            entry_price=CONTEXT.divide(position.cost, amount) if amount else ZERO,
            margin=position.margin,
            mark=mark,
            unrealized=(mark * amount - position.cost) * position.side.sign,
            leverage=self.leverage(venue_symbol),
        )


def _book_order(order: SimOrder, key: str, instrument: Instrument, now_ms: int) -> Order:
    return Order(
        client_order_id=key,
        group_id="",
        account="",
        symbol=instrument.symbol,
        pyramid=None,
        leg=None,
        role=Role.CLOSE if order.reduce_only else Role.ENTRY,
        attempt=1,
        side=order.side,
        type=order.type,
        time_in_force=order.time_in_force,
        reduce_only=order.reduce_only,
        price=order.price,
        trigger_price=order.trigger_price,
        quantity=order.quantity,
        create_time_ms=now_ms,
        update_time_ms=now_ms,
    )


def _unfiltered(instrument: Instrument) -> Instrument:
    return replace(
        instrument,
        tick_size=_FINEST,
        step_size=_FINEST,
        min_quantity=_FINEST,
        min_notional=ZERO,
        max_quantity=None,
        market_min_quantity=None,
        market_max_quantity=None,
        market_step_size=None,
        band_down=None,
        band_up=None,
        max_open_orders=None,
        active=True,
    )
