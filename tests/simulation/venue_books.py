"""The simulated venue: the paper exchange's own matching, on its own clock, with a ledger of all that ever happened.

It outlives every process of the engine. People trade on the same account by hand here; whatever they do is marked in
the ledger, so that a checker can tell it from what the engine did.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from actors.account_messages import ForeignCause, ForeignTraded
from actors.messages import Answered
from actors.ports import Clock
from actors.rules.choices import Market, PositionMode
from actors.rules.model import Balance, Order, OrderReport, OrderSide, OrderType, Role, Side, Trade
from actors.rules.money import floor_to
from actors.rules.naming import parse_client_order_id
from actors.rules.settings import AccountSettings
from daemon.exchanges import order_checks as checks
from daemon.exchanges.matching import LIQUIDATION, Book, BookState, Changes
from daemon.exchanges.paper_instruments import given_start_prices
from daemon.exchanges.paper_order import PaperOrder
from daemon.exchanges.paper_requests import Outgoing, Request
from daemon.exchanges.paper_venue import PaperVenue, _answer, _Done
from daemon.exchanges.prices import ManualPrices, PriceMaker
from daemon.exchanges.settlement import PaperPosition
from tests.simulation.ops import AtVenue, CancelByHand, ChangeByHand, FillPart, ForeignOrder, ManualTrade, Move
from tests.simulation.venue_trouble import Trouble

BY_HAND = "web-"
"""How the orders of people on the account begin. No engine's id has a dash."""

OnAccepted = Callable[[str, PaperOrder], None]
OnTrade = Callable[[str, PaperOrder, Trade], None]


def _role_of(order: PaperOrder) -> Role | None:
    name = parse_client_order_id(order.client_order_id)
    return None if name is None else name.role


class LedgerBooks:
    """What `PaperBooks` is to a paper account, in memory, and nothing is ever forgotten."""

    def __init__(self, account: str) -> None:
        self.account = account
        self.orders: dict[int, PaperOrder] = {}
        self.named: dict[str, list[PaperOrder]] = {}
        self.trades: list[tuple[PaperOrder, Trade]] = []
        self.on_accepted: list[OnAccepted] = []
        self.on_trade: list[OnTrade] = []
        self._opening: tuple[Balance, ...] | None = None

    def load(self) -> tuple[BookState | None, dict[str, str]]:
        """Only ever asked before the first order: these books do not fail, so nobody doubts them."""
        assert not self.orders
        return (None if self._opening is None else BookState(balances=self._opening)), {}

    def open_account(self, balances: Any) -> None:
        self._opening = tuple(balances)

    def save(self, changes: Changes, _prices: Mapping[str, Decimal], _facts: Mapping[str, str]) -> None:
        for order in changes.orders:
            if order.number not in self.orders:
                self.orders[order.number] = order
                self.named.setdefault(order.client_order_id, []).append(order)
                for accepted in self.on_accepted:
                    accepted(self.account, order)
        for order, trade in changes.trades:
            self.trades.append((order, trade))
            for traded in self.on_trade:
                traded(self.account, order, trade)

    def find(self, client_order_id: str) -> PaperOrder | None:
        named = self.named.get(client_order_id)
        return named[-1] if named else None

    def close(self) -> None:
        """Nothing is held open."""


@dataclass(order=True, slots=True)
class Travelling:
    """A request on its way."""

    due_ms: int
    number: int
    request: Request = field(compare=False)
    left_ms: int = field(compare=False)
    """When it left, by the venue's clock."""
    is_mute: bool = field(compare=False, default=False)
    """Nobody waits for its answer any more."""


@dataclass(slots=True)
class Road:
    """What is under way to the venue, and outlives the process that sent it. Times are the venue's."""

    arrivals: list[Travelling] = field(default_factory=list)
    """A heap."""
    invisible: dict[str, int] = field(default_factory=dict)
    """Client order id -> from when on the order can be seen."""
    streams_until_ms: int = 0
    """The streams are cut until then."""
    are_streams_up: bool = True
    number: int = 0

    def next_number(self) -> int:
        self.number += 1
        return self.number


class _Standing:
    """The clock before the first process."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms


class SimVenue(PaperVenue):
    """One account at one venue. `now_ms` is the venue's own time: the engine's clock may be set, this one flows on.
    `rng` decides what kind of venue it is, and everything that ops and faults leave to chance here.

    `ids_once`: refuses a client order id for ever once it was used; otherwise only while an order with it is open, so
    that a second one is accepted once the first has filled, as on some exchanges. `streams_own`: the streams tell also
    what the answer of a request tells already. `measures_clock`: the adapter says how far the engine's clock is off.
    """

    def __init__(self, account: AccountSettings, now_ms: int, rng: random.Random) -> None:
        self.rng = rng
        self.clock: Clock = _Standing(now_ms)
        """Of the process that lives now, or lived last."""
        self.clock_offset_ms = 0
        """The venue's clock less the engine's."""
        self.ids_once = rng.random() < 0.5
        self.streams_own = rng.random() < 0.7
        self.measures_clock = self.ids_once
        self.ledger = LedgerBooks(account.name)
        self.trouble = Trouble(rng, self.now_ms)
        self.road = Road()
        self.stream: Callable[[Sequence[Outgoing]], None] = lambda _news: None
        """Where news goes that no request of the engine has caused."""
        self.told_late: list[OrderReport] = []
        """Ends of orders that were told without their last execution at first: whoever connects hears them whole."""
        self._by_hand = 0
        self.people_only_reduce = False
        """On a swap: people take positions down by hand and build none of their own."""

        def make_prices(_instruments: object, state: BookState, _facts: dict[str, str]) -> PriceMaker:
            return ManualPrices(given_start_prices(account), state.prices, now_ms)

        super().__init__(account, self.ledger, make_prices)
        self.tick(0, now_ms)

    # --- for checkers and stories -----------------------------------------------------------------

    def now_ms(self) -> int:
        return self.clock.now_ms() + self.clock_offset_ms

    @property
    def on_accepted(self) -> list[OnAccepted]:
        """Called with (account, order) for each order the venue takes, those by hand and its own included."""
        return self.ledger.on_accepted

    @property
    def on_trade(self) -> list[OnTrade]:
        return self.ledger.on_trade

    @property
    def orders(self) -> Mapping[int, PaperOrder]:
        """All that were ever accepted, by the venue's number, as they are now."""
        return self.ledger.orders

    @property
    def trades(self) -> Sequence[tuple[PaperOrder, Trade]]:
        return self.ledger.trades

    @property
    def book(self) -> Book:
        return self._book

    def open_orders(self) -> Mapping[str, PaperOrder]:
        """Open ones by client order id, those by hand included."""
        return self._book.orders

    def named(self, client_order_id: str) -> Sequence[PaperOrder]:
        """Orders that were accepted under this id, oldest first. More than one: somebody sent it twice."""
        return self.ledger.named.get(client_order_id, ())

    def price(self, symbol: str) -> Decimal:
        price = self._book.markets[symbol].price
        assert price is not None
        return price

    def balances(self) -> Mapping[str, Balance]:
        return self._book.funds.balances()

    def positions(self) -> Sequence[PaperPosition]:
        return [position for position in self._book.settlement.positions() if position.quantity]

    # --- what happens here without the engine -----------------------------------------------------

    def happens(self, op: AtVenue) -> str:
        """Does it now. What came of it in words, empty: nothing."""
        words = (
            self._moves(op)
            if isinstance(op, Move)
            else self._fills_part(op)
            if isinstance(op, FillPart)
            else self._by_hand_placed(op, OrderType.LIMIT, op.price)
            if isinstance(op, ForeignOrder)
            else self._by_hand_placed(op, OrderType.MARKET, None)
            if isinstance(op, ManualTrade)
            else self._cancels(op)
            if isinstance(op, CancelByHand)
            else self._changes(op)
        )
        self.tell(self.settled())
        return words

    def settled(self) -> list[Outgoing]:
        """Saves what the last step changed; what the streams tell of it."""
        trades = len(self.trades)
        done = _Done()
        news = list(self._stream(done, 0))
        self._save(done, self.now_ms())
        return [*news, *self._foreign_trades(trades), *self._stream_balances(done, 0)]

    def tell(self, news: Sequence[Outgoing]) -> None:
        if news:
            self.stream(news)

    def move(self, symbol: str, price: Decimal) -> None:
        """The market is at this price now, and whoever listens hears of it."""
        self._book.move(symbol, price, self.now_ms())
        self._moved.add(symbol)
        self.tell([*self.settled(), *self._stream_quotes((symbol,), 0, self.now_ms())])

    def _moves(self, op: Move) -> str:
        self.move(op.symbol, op.price)
        return f"{op.symbol} is at {op.price}"

    def _pick(self, pick: int, *, limit_only: bool, role: Role | None = None) -> PaperOrder | None:
        """One of the open orders of the engine, in the order they were placed."""
        ours = [order for order in self._book.orders.values() if not is_foreign(order)]
        if limit_only:
            ours = [order for order in ours if order.type is OrderType.LIMIT]
        if role is not None:
            ours = [order for order in ours if _role_of(order) is role]
        return sorted(ours, key=lambda order: order.number)[pick % len(ours)] if ours else None

    def _fills_part(self, op: FillPart) -> str:
        order = self._pick(op.pick, limit_only=True)
        if order is None:
            return ""
        market = self._book.markets[order.symbol]
        quantity = floor_to(order.remaining * op.share, market.instrument.step_size)
        if not 0 < quantity <= order.remaining:
            return ""
        assert order.price is not None
        self._book.fill(order, market, quantity, order.price, maker=True, now_ms=self.now_ms())
        return f"{quantity} of {order.client_order_id} fill at {order.price}"

    def _by_hand_placed(self, op: ForeignOrder | ManualTrade, type_: OrderType, price: Decimal | None) -> str:
        self._by_hand += 1
        now_ms = self.now_ms()
        market = self._book.markets.get(op.symbol)
        if market is None:
            return ""
        instrument = market.instrument
        order = Order(
            client_order_id=f"{BY_HAND}{self._by_hand}",
            group_id="",
            account=self.account.name,
            symbol=op.symbol,
            pyramid=None,
            leg=None,
            role=Role.ENTRY,
            attempt=1,
            side=OrderSide.BUY if op.side is Side.LONG else OrderSide.SELL,
            type=type_,
            reduce_only=self.people_only_reduce,
            price=None if price is None else floor_to(price, instrument.tick_size),
            quantity=floor_to(op.quantity, instrument.step_size),
            create_time_ms=now_ms,
            update_time_ms=now_ms,
        )
        placed = self._book.place(order, now_ms)
        return f"by hand: {order.side} {order.quantity} {op.symbol}" if isinstance(placed, PaperOrder) else ""

    def _cancels(self, op: CancelByHand) -> str:
        order = self._pick(op.pick, limit_only=False)
        if order is None:
            return ""
        self._book.cancel(order.client_order_id, self.now_ms())
        return f"by hand: {order.client_order_id} is cancelled"

    def _changes(self, op: ChangeByHand) -> str:
        order = self._pick(op.pick, limit_only=True, role=Role.TAKE_PROFIT)
        if order is None or order.price is None:
            return ""
        instrument = self._book.markets[order.symbol].instrument
        price = floor_to(order.price * (1 + op.percent / 100), instrument.tick_size)
        rest = floor_to(order.remaining * op.share, instrument.step_size)
        changed = self._book.amend(order.client_order_id, price, order.filled + rest, self.now_ms())
        is_done = rest > 0 and isinstance(changed, PaperOrder)
        return f"by hand: {order.client_order_id} is {order.quantity} at {order.price} now" if is_done else ""

    def _foreign_trades(self, since: int) -> list[Outgoing]:
        """Executions that took a position down without an order of the engine, as a swap venue's stream tells them."""
        hedged = self.account.position_mode is PositionMode.HEDGE
        if self.account.market is not Market.SWAP:
            return []
        found = []
        for order, trade in self.trades[since:]:
            is_venues = order.client_order_id.startswith(LIQUIDATION)
            if not is_foreign(order) or (hedged and not is_venues):
                continue  # By hand on a hedged account it builds a position of its own.
            told = ForeignTraded(
                incarnation=0,
                symbol=order.symbol,
                side=Side.LONG if order.side is OrderSide.SELL else Side.SHORT,
                cause=ForeignCause.LIQUIDATION if is_venues else ForeignCause.MANUAL,
                trades=(trade,),
                words=f"order {order.number} is not Terrace's",
            )
            found.append(Outgoing(told, 0))
        return found

    # --- requests ---------------------------------------------------------------------------------

    def carry_out(self, request: Request, incarnation: int) -> list[Outgoing]:
        """The request has arrived. Its answer, and what the streams tell."""
        trades = len(self.trades)
        out = self.handle((request,), incarnation, self.now_ms())
        return [*out, *self._foreign_trades(trades)]

    def _submit(self, order: Order, request: Request, now_ms: int) -> Answered:
        if self.ids_once and order.client_order_id in self.ledger.named:
            return _answer("submit", order, request, checks.DUPLICATE)
        return super()._submit(order, request, now_ms)

    def _stream(self, done: _Done, incarnation: int, besides: str = "") -> Iterable[Outgoing]:
        """Real streams tell of an order whether or not its sender has been answered."""
        return super()._stream(done, incarnation, "" if self.streams_own else besides)

    def report(self, client_order_id: str) -> OrderReport | None:
        """What the venue would answer about an order, were it asked."""
        return self._find(client_order_id)


def is_foreign(order: PaperOrder) -> bool:
    """Placed by hand, or by the venue itself."""
    return order.client_order_id.startswith((BY_HAND, LIQUIDATION))
