"""What the venue has said of each order, merged from replies, streams and sweeps, on its way to the engine.

Invariants:

1. A report carries every trade known of its order. The engine counts only trades, so:
2. A final state leaves only when the known trades add up to what the venue calls filled. Until then the order is
   reported as open and stands in `missing`.
3. News are never taken back: a final state stays, but for FILLED after any other; trades only ever add up.
4. A trade that names no order of ours waits for its order, which may be acknowledged later; then it counts there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from actors.rules.model import Order, OrderReport, OrderSide, OrderState, Reason, Trade
from actors.rules.money import ZERO
from actors.rules.naming import parse_client_order_id
from daemon.exchanges.convert import OrderView, TradeView

MAX_FINISHED = 20_000
"""Final orders remembered, for executions that come late."""
UNHEARD_MS = 120_000
"""How long an order of which the venue has said nothing may be the one that an unclaimed execution belongs to."""
MAX_UNHEARD = 10_000
"""Orders asked for of which the venue never said a word; the oldest are forgotten."""
MAX_UNMATCHED = 2_000
"""Orders whose executions are kept until they are known; the oldest go."""


Place = tuple[str, str]
"""Symbol and exchange order id: some venues number the orders of each symbol by themselves."""


@dataclass(slots=True, kw_only=True)
class Track:
    client_order_id: str
    symbol: str
    exchange_order_id: str = ""
    state: OrderState | None = None
    """The venue's newest word."""
    filled: Decimal = ZERO
    """By the venue's word; trades follow."""
    trades: dict[str, Trade] = field(default_factory=dict)
    traded: Decimal = ZERO
    reason: Reason | None = None
    words: str = ""
    price: Decimal | None = None
    quantity: Decimal | None = None
    side: OrderSide | None = None
    time_ms: int = 0
    first_ms: int = 0
    """When it was first heard of here: no execution of it is older than that, less a margin."""
    places: set[Place] = field(default_factory=set)
    """All it was ever known by: a stop gets another number when it is triggered."""

    @property
    def is_unheard(self) -> bool:
        """The venue has not said a word of it."""
        return self.state is None and not self.exchange_order_id and not self.trades and not self.filled

    @property
    def is_missing_trades(self) -> bool:
        return self.traded < self.filled

    def report(self) -> OrderReport:
        state = self.state
        if state is not None and state.is_final and self.is_missing_trades:
            state = OrderState.PARTIALLY_FILLED if self.trades else OrderState.OPEN
        return OrderReport(
            client_order_id=self.client_order_id,
            exchange_order_id=self.exchange_order_id,
            state=state,
            trades=tuple(self.trades.values()),
            reason=self.reason,
            words=self.words,
            time_ms=self.time_ms,
            price=self.price,
            quantity=self.quantity,
            symbol=self.symbol,
            side=self.side,
        )


class Tracker:
    """Of one account. Answers name the orders that have news; `report` tells them."""

    def __init__(self) -> None:
        self._tracks: dict[str, Track] = {}
        self._by_exchange_id: dict[Place, str] = {}
        self._finished: OrderedDict[str, None] = OrderedDict()
        self._unheard: OrderedDict[str, None] = OrderedDict()
        """Asked for; the venue may not have said anything of them yet."""
        self._unmatched: OrderedDict[Place, dict[str, TradeView]] = OrderedDict()
        """Executions by order, then trade id."""
        self.missing: dict[str, None] = {}
        """Orders whose executions are known to be more than what came."""

    def expect(self, order: Order, now_ms: int) -> Track:
        """An order the engine asks for: from now on what is said of it counts."""
        track = self._track(order.client_order_id, order.symbol, now_ms)
        if not track.exchange_order_id and order.exchange_order_id:
            self._name(track, order.exchange_order_id)
        self._add(track, order.trades)
        if track.client_order_id in self.missing:
            self._settle(track)
        return track

    def forget_unheard(self, client_order_id: str) -> None:
        """An order that surely never came to be; one of which anything is known stays."""
        track = self._tracks.get(client_order_id)
        if track is not None and track.is_unheard:
            del self._tracks[client_order_id]
            self._unheard.pop(client_order_id, None)

    def report(self, client_order_id: str) -> OrderReport | None:
        """What is known of it; None: nothing."""
        track = self._tracks.get(client_order_id)
        return None if track is None or (track.state is None and not track.trades) else track.report()

    def track(self, client_order_id: str) -> Track | None:
        return self._tracks.get(client_order_id)

    def name_of(self, symbol: str, exchange_order_id: str) -> str:
        """Its client order id; empty: not known to be ours."""
        return self._by_exchange_id.get((symbol, exchange_order_id), "")

    def symbols(self) -> frozenset[str]:
        """Of orders that are not final, as far as is known here."""
        return frozenset(track.symbol for name, track in self._tracks.items() if name not in self._finished)

    # --- what the venue says ----------------------------------------------------------------------

    def saw_order(self, view: OrderView, now_ms: int, reason: Reason | None = None, words: str = "") -> bool:
        """Whether that was news of an order of Terrace's."""
        client_order_id = view.client_order_id or self.name_of(view.symbol, view.exchange_order_id)
        if client_order_id not in self._tracks and parse_client_order_id(client_order_id) is None:
            return False
        track = self._track(client_order_id, view.symbol, now_ms)
        before = (track.state, track.filled, len(track.trades), track.price, track.quantity, track.exchange_order_id)
        if view.exchange_order_id:
            self._name(track, view.exchange_order_id)
        track.filled = max(track.filled, view.filled or ZERO)
        track.state = _newer(track, view.state)
        track.price, track.quantity = view.price or track.price, view.quantity or track.quantity
        track.side = view.side or track.side
        track.reason, track.words = reason or track.reason, words or track.words
        track.time_ms = max(track.time_ms, view.time_ms)
        self._settle(track)
        after = (track.state, track.filled, len(track.trades), track.price, track.quantity, track.exchange_order_id)
        return after != before

    def saw_trades(self, views: Iterable[TradeView], now_ms: int) -> list[str]:
        """Orders of Terrace's that have news; the rest waits for its order in `unmatched`."""
        news: dict[str, None] = {}
        for view in views:
            name = view.client_order_id
            if name not in self._tracks and parse_client_order_id(name) is None:
                name = self.name_of(view.symbol, view.exchange_order_id)
            if not name:
                self._keep(view)
                continue
            track = self._track(name, view.symbol, now_ms)
            if view.exchange_order_id:
                self._name(track, view.exchange_order_id)
            if self._add(track, (view.trade,)):
                news[name] = None
            self._settle(track)
        return list(news)

    def foreign(self, older_than_ms: int) -> list[TradeView]:
        """Takes out executions nobody here has claimed for that long: they are of orders that are not ours.

        Not as long as they may be of an order of ours whose fate is unknown: they would be counted twice.
        """
        if not self._unmatched:
            return []
        doubtful = {
            track.symbol
            for name in self._unheard
            if (track := self._tracks[name]).is_unheard and track.first_ms > older_than_ms - UNHEARD_MS
        }
        old = [
            place
            for place, views in self._unmatched.items()
            if place[0] not in doubtful and all(view.trade.time_ms < older_than_ms for view in views.values())
        ]
        return [view for place in old for view in self._unmatched.pop(place).values()]

    # --- inside -----------------------------------------------------------------------------------

    def _track(self, client_order_id: str, symbol: str, now_ms: int) -> Track:
        track = self._tracks.get(client_order_id)
        if track is None:
            track = Track(client_order_id=client_order_id, symbol=symbol, first_ms=now_ms, time_ms=now_ms)
            self._tracks[client_order_id] = track
            self._unheard[client_order_id] = None
            if len(self._unheard) > MAX_UNHEARD:
                self._forget_oldest_unheard()
        return track

    def _forget_oldest_unheard(self) -> None:
        for name in [name for name in self._unheard if not self._tracks[name].is_unheard]:
            del self._unheard[name]
        while len(self._unheard) > MAX_UNHEARD:
            oldest, _ = self._unheard.popitem(last=False)
            del self._tracks[oldest]

    def _name(self, track: Track, exchange_order_id: str) -> None:
        if track.exchange_order_id == exchange_order_id:
            return
        place = (track.symbol, exchange_order_id)
        track.exchange_order_id = exchange_order_id
        track.places.add(place)
        self._by_exchange_id[place] = track.client_order_id
        self._add(track, [view.trade for view in self._unmatched.pop(place, {}).values()])

    def _add(self, track: Track, trades: Iterable[Trade]) -> bool:
        new = [trade for trade in trades if trade.trade_id not in track.trades]
        for trade in new:
            track.trades[trade.trade_id] = trade
            track.traded += trade.quantity
            track.time_ms = max(track.time_ms, trade.time_ms)
        return bool(new)

    def _keep(self, view: TradeView) -> None:
        self._unmatched.setdefault((view.symbol, view.exchange_order_id), {})[view.trade.trade_id] = view
        while len(self._unmatched) > MAX_UNMATCHED:
            self._unmatched.popitem(last=False)

    def _settle(self, track: Track) -> None:
        if track.state is OrderState.OPEN and track.trades:
            track.state = OrderState.PARTIALLY_FILLED
        if track.is_missing_trades:
            self.missing[track.client_order_id] = None
        else:
            self.missing.pop(track.client_order_id, None)
            if track.state is not None and track.state.is_final:
                self._finished[track.client_order_id] = None
        while len(self._finished) > MAX_FINISHED:
            oldest, _ = self._finished.popitem(last=False)
            gone = self._tracks.pop(oldest)
            self._unheard.pop(oldest, None)
            for place in gone.places:
                self._by_exchange_id.pop(place, None)
            self.missing.pop(oldest, None)


def _newer(track: Track, state: OrderState | None) -> OrderState | None:
    known = track.state
    if state is None or known is None:
        return state or known
    if known.is_final:
        return OrderState.FILLED if state is OrderState.FILLED else known
    if known is OrderState.PARTIALLY_FILLED and state is OrderState.OPEN:
        return known
    return state
