"""One market of the paper exchange: its price, and what rests on it, sorted by who is reached first."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from actors.price_heap import PriceHeap
from actors.rules.choices import FillRule
from actors.rules.model import Instrument, OrderSide, OrderType, Quote
from actors.rules.money import HUNDRED, round_cost
from actors.rules.settings import AccountSettings
from daemon.exchanges.paper_order import PaperOrder


class PaperMarket:
    """Bid and ask are the price less and plus half the spread, or a real exchange's; every comparison is with them.

    They are exact to 18 places, which is where a price ends: finer ones would not leave room for exact money (PNL-2).
    """

    def __init__(self, account: AccountSettings, instrument: Instrument) -> None:
        self.instrument = instrument
        self.price: Decimal | None = None
        """The mid. None: never known."""
        self.bid = self.ask = Decimal(0)
        self.seen_ms: int | None = None
        """When a real exchange's price was seen; None: the price is made here and holds until the next one."""
        half = account.spread_percent / (2 * HUNDRED)
        self._bid_factor, self._ask_factor = 1 - half, 1 + half
        slippage = account.slippage_percent / HUNDRED
        self._sell_factor, self._buy_factor = 1 - slippage, 1 + slippage
        self._touch = account.fill is FillRule.TOUCH
        self.buys: PriceHeap[PaperOrder] = PriceHeap(highest_first=True)
        self.sells: PriceHeap[PaperOrder] = PriceHeap(highest_first=False)
        self.buy_stops: PriceHeap[PaperOrder] = PriceHeap(highest_first=False)
        self.sell_stops: PriceHeap[PaperOrder] = PriceHeap(highest_first=True)
        self.reduce_only: dict[int, PaperOrder] = {}

    def __len__(self) -> int:
        return len(self.buys) + len(self.sells) + len(self.buy_stops) + len(self.sell_stops)

    def orders(self) -> Iterator[PaperOrder]:
        """Every resting order, in no particular order."""
        for heap in (self.buys, self.sells, self.buy_stops, self.sell_stops):
            yield from heap

    def set_price(self, price: Decimal) -> None:
        self.price = price = _bounded(price)
        self.bid, self.ask = _bounded(price * self._bid_factor), _bounded(price * self._ask_factor)

    def set_quote(self, quote: Quote) -> None:
        """Bid and ask as a real exchange has them: no spread of our own."""
        self.bid, self.ask = _bounded(quote.bid), _bounded(quote.ask)
        self.price = _bounded((self.bid + self.ask) / 2)
        self.seen_ms = quote.time_ms

    def forget_price(self) -> None:
        """Nobody knows it any more: takers are refused, limit orders rest."""
        self.price = self.seen_ms = None
        self.bid = self.ask = Decimal(0)

    def quote(self, now_ms: int) -> Quote | None:
        """A price of a real exchange is as old as it is; any other holds now."""
        if self.price is None:
            return None
        return Quote(bid=self.bid, ask=self.ask, time_ms=now_ms if self.seen_ms is None else self.seen_ms)

    # --- prices -----------------------------------------------------------------------------------

    def taking_price(self, side: OrderSide) -> Decimal:
        """What a taker pays or gets now, slippage included."""
        return self.slipped(side, self.ask if side is OrderSide.BUY else self.bid)

    def slipped(self, side: OrderSide, price: Decimal) -> Decimal:
        return _bounded(price * (self._buy_factor if side is OrderSide.BUY else self._sell_factor))

    def is_marketable(self, side: OrderSide, price: Decimal) -> bool:
        """Whether a new limit order would take at once."""
        if self.price is None:
            return False
        return price >= self.ask if side is OrderSide.BUY else price <= self.bid

    def is_reached(self, order: PaperOrder, price: Decimal) -> bool:
        """Whether a resting limit order fills when the market is at `price`."""
        return self.is_met(order, price * self._bid_factor, price * self._ask_factor)

    def is_met(self, order: PaperOrder, bid: Decimal, ask: Decimal) -> bool:
        """Whether a resting limit order fills between these: gone through, or (`touch`) only met."""
        limit = order.price
        assert limit is not None
        if order.side is OrderSide.BUY:
            return limit > ask or (self._touch and limit == ask)
        return limit < bid or (self._touch and limit == bid)

    def is_triggered(self, order: PaperOrder, price: Decimal) -> bool:
        """Whether a stop fires when the market is at `price`."""
        return self.is_fired(order, price * self._bid_factor, price * self._ask_factor)

    @staticmethod
    def is_fired(order: PaperOrder, bid: Decimal, ask: Decimal) -> bool:
        """Whether a stop fires between these: a sell stop looks at the bid, a buy stop at the ask."""
        trigger = order.trigger_price
        assert trigger is not None
        return bid <= trigger if order.side is OrderSide.SELL else ask >= trigger

    def stop_comes_first(self, stop: PaperOrder, limit: PaperOrder) -> bool:
        """On the way down (a sell stop and a buy) or up (a buy stop and a sell): which level is met first."""
        assert stop.trigger_price is not None
        assert limit.price is not None
        if stop.side is OrderSide.SELL:  # trigger / bid factor >= price / ask factor, without a division.
            return stop.trigger_price * self._ask_factor >= limit.price * self._bid_factor
        return stop.trigger_price * self._bid_factor <= limit.price * self._ask_factor

    # --- resting orders ---------------------------------------------------------------------------

    def heap_of(self, order: PaperOrder) -> PriceHeap[PaperOrder]:
        if order.type is OrderType.STOP:
            return self.buy_stops if order.side is OrderSide.BUY else self.sell_stops
        return self.buys if order.side is OrderSide.BUY else self.sells

    def rest(self, order: PaperOrder) -> None:
        level = order.trigger_price if order.type is OrderType.STOP else order.price
        assert level is not None
        self.heap_of(order).add(level, order.place, order)
        if order.reduce_only:
            self.reduce_only[order.number] = order

    def remove(self, order: PaperOrder) -> None:
        """Harmless if it does not rest."""
        self.heap_of(order).discard(order.place)
        self.reduce_only.pop(order.number, None)


def _bounded(price: Decimal) -> Decimal:
    rounded = round_cost(price)
    return price if rounded == price else rounded
