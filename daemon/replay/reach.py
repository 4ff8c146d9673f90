"""What waits for a price, in whole numbers of a market's columns: resting orders, positions near their end, thresholds.

Orders and thresholds are about bid and ask, candles about the price between them. Every bound is rounded away from the
market by more than any rounding of prices, so a candle that reaches nothing here reaches nothing at the venue either.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from actors.needs import Level
from actors.rules.events import Direction
from actors.rules.model import Side
from actors.rules.money import CONTEXT, HUNDRED
from actors.rules.settings import AccountSettings
from actors.watches import BID
from daemon.exchanges.paper_market import PaperMarket
from daemon.exchanges.swap_settlement import SwapSettlement
from daemon.replay.horizon import NEVER_ABOVE, NEVER_BELOW, Reach

_MOST = 2**62
"""A bound beyond this is none that a candle reaches."""


@dataclass(slots=True)
class _Bound:
    """The last level of one kind and its number: levels are asked for often and change seldom."""

    level: Decimal | None = None
    number: int = 0


class Scale:
    """One market of one account."""

    def __init__(self, account: AccountSettings, places: int) -> None:
        half = account.spread_percent / (2 * HUNDRED)
        unit = Decimal(10) ** places
        self._of_bid, self._of_ask = CONTEXT.divide(unit, 1 - half), CONTEXT.divide(unit, 1 + half)
        self._buys, self._sells = _Bound(), _Bound()
        self._sell_stops, self._buy_stops = _Bound(), _Bound()

    def of_market(self, market: PaperMarket) -> Reach:
        """The orders that a move reaches first. A buy fills when the ask is there, a sell stop fires by the bid."""
        below, above = NEVER_BELOW, NEVER_ABOVE
        buy, sell = market.buys.first(), market.sells.first()
        if buy is not None:
            below = self._below(self._buys, buy.price, self._of_ask)
        if sell is not None:
            above = self._above(self._sells, sell.price, self._of_bid)
        down, up = market.sell_stops.first(), market.buy_stops.first()
        if down is not None:
            below = max(below, self._below(self._sell_stops, down.trigger_price, self._of_bid))
        if up is not None:
            above = min(above, self._above(self._buy_stops, up.trigger_price, self._of_ask))
        return Reach(below, above)

    def of_levels(self, levels: Iterable[Level]) -> Reach:
        below, above = NEVER_BELOW, NEVER_ABOVE
        for level in levels:
            factor = self._of_bid if level.book_side == BID else self._of_ask
            if level.direction is Direction.AT_OR_BELOW:
                below = max(below, _up(level.price * factor))
            else:
                above = min(above, _down(level.price * factor))
        return Reach(below, above)

    def of_positions(self, settlement: SwapSettlement, market: PaperMarket) -> Reach:
        """Where positions are taken away: margin and loss together are no more than the maintenance of their value."""
        below, above, maintenance = NEVER_BELOW, NEVER_ABOVE, settlement.maintenance_share
        for position in settlement.positions():
            if position.symbol != market.instrument.symbol or not position.quantity:
                continue
            amount = position.quantity * market.instrument.contract_size
            if position.side is Side.LONG:
                value = CONTEXT.divide(position.cost - position.margin, 1 - maintenance)
                below = max(below, _up(CONTEXT.divide(value, amount) * self._of_bid))
            else:
                value = CONTEXT.divide(position.cost + position.margin, 1 + maintenance)
                above = min(above, _down(CONTEXT.divide(value, amount) * self._of_ask))
        return Reach(below, above)

    @staticmethod
    def _below(bound: _Bound, level: Decimal | None, factor: Decimal) -> int:
        assert level is not None
        if bound.level is not level:
            bound.level, bound.number = level, _up(level * factor)
        return bound.number

    @staticmethod
    def _above(bound: _Bound, level: Decimal | None, factor: Decimal) -> int:
        assert level is not None
        if bound.level is not level:
            bound.level, bound.number = level, _down(level * factor)
        return bound.number


def _up(number: Decimal) -> int:
    return min(int(number) + 1, _MOST)


def _down(number: Decimal) -> int:
    return min(int(number) - 1, _MOST)
