"""What selling a part of a group would bring now, leg by leg as a cut takes it (RISK-6, EXIT-6).

`Sale.net` is exact: it goes through the parts a cut of that quantity has (`cutting`), each at its leg's average cost,
as the books will. Legs differ in cost, so more sold need not bring more. The searches ask only where the way through
the legs (`offset_route`) says that it may be.

Quantities searched are on the step of the order a close sends, not below what the exchange takes, and leave enough to
be sold later. Resting targets are no hindrance, a cut frees what they bind; closes under way are left out.
"""

from __future__ import annotations

from decimal import Decimal

from actors.rules import cutting, precision, profit
from actors.rules.choices import SlippageAction
from actors.rules.model import Leg
from actors.rules.money import CONTEXT, ZERO, ceil_to, floor_to, percent
from actors.rules.offset_lots import cost_of, without_closing
from actors.rules.offset_members import Worth
from actors.rules.offset_route import Step, Stretch, both_sides, stretches
from actors.rules.position_exit import least_sendable
from actors.rules.settings import ExecutionSettings

_NO_BOUND = Decimal("Infinity")


class Sale:
    """One group's. The worth must have a price. `buffer_percent` of what is sold counts as if it were lost (RISK-6).
    `is_bounded`: it is sold at no worse than some price, so by limit orders whatever the config says.
    """

    def __init__(
        self, worth: Worth, execution: ExecutionSettings, buffer_percent: Decimal = ZERO, *, is_bounded: bool = False
    ) -> None:
        assert worth.price is not None, "nothing is planned without a price"
        is_market = execution.slippage_action is SlippageAction.WARN and not is_bounded
        self.price = worth.price
        self._group = without_closing(worth.member.group)
        self._instrument = precision.for_exits(self._group.instrument)
        self._fees = worth.member.fees
        self._buffer_percent = buffer_percent
        self.step = precision.quantity_step(self._instrument, market=is_market)
        self.everything = floor_to(cutting.held(self._group), self._instrument.step_size)
        """All of it that can be sold."""
        left = least_sendable(self.price, self._instrument, market=False)
        self.is_sellable = self.everything >= left
        """Whether the exchange takes all of it; what a market order cannot carry goes as a limit order."""
        self.least = max(left, ceil_to(least_sendable(self.price, self._instrument, market=is_market), self.step))
        """The smallest part the exchange takes."""
        self.most = floor_to(max(self.everything - left, ZERO), self.step)
        """The largest part that leaves enough to be sold later; below `least`: there is no part to be sold."""
        self._route: list[tuple[Leg, Decimal]] | None = None
        self._way: list[Stretch] | None = None
        self._costs: dict[Decimal, Decimal] = {}

    # --- what a quantity brings, in quote ---

    def notional(self, quantity: Decimal) -> Decimal:
        return precision.notional(quantity, self.price, self._instrument)

    def fee(self, quantity: Decimal) -> Decimal:
        return percent(self.notional(quantity), self._fees.taker_percent)

    def buffer(self, quantity: Decimal) -> Decimal:
        return percent(self.notional(quantity), self._buffer_percent)

    def net(self, quantity: Decimal) -> Decimal:
        """Profit of selling so much, the fee taken off. `quantity` on the instrument's step, at most `everything`."""
        gross = profit.realized(self._group.side, self.notional(quantity), self.cost(quantity))
        return gross - self.fee(quantity)

    def cover(self, quantity: Decimal) -> Decimal:
        """What selling so much surely gives towards a loss, or takes: `net` less the buffer."""
        return self.net(quantity) - self.buffer(quantity)

    def cost(self, quantity: Decimal) -> Decimal:
        """What the part that is sold has cost, as the books will say."""
        if quantity not in self._costs:
            parts = cutting.parts_along(self._group, self._legs(), quantity)
            self._costs[quantity] = cost_of(self._group, parts)
        return self._costs[quantity]

    def worst_price(self, quantity: Decimal) -> Decimal | None:
        """The last price, on the tick, at which selling so much is no loss yet; None: it is beyond that now."""
        price = cutting.no_loss_price(self._group, quantity, self.cost(quantity), self._fees)
        return price if price > 0 and self._group.side.sign * (self.price - price) >= 0 else None

    # --- searches ---

    def smallest(self, wanted: Decimal, least: Decimal) -> Decimal | None:
        """The smallest part from `least` on that covers so much; None: no part does."""
        for stretch in self._stretches():
            if stretch.bound >= wanted:
                low: Decimal | None = None
                for high in self._quantities(stretch, least):
                    if self.cover(high) >= wanted:
                        return high if low is None else self._edge(high, low, wanted)
                    low = high
        return None

    def largest(self, wanted: Decimal) -> Decimal | None:
        """The largest part that covers so much, which may be negative: costs no more than that; None: no part does."""
        for stretch in reversed(self._stretches()):
            if stretch.bound >= wanted:
                high: Decimal | None = None
                for low in reversed(self._quantities(stretch, self.least)):
                    if self.cover(low) >= wanted:
                        return low if high is None else self._edge(low, high, wanted)
                    high = low
        return None

    def richest(self, least: Decimal) -> Decimal | None:
        """The part from `least` on that covers most, of two alike the smaller; None: there is none."""
        best: Decimal | None = None
        for stretch in sorted(self._stretches(), key=lambda stretch: -stretch.bound):
            if best is not None and stretch.bound < self.cover(best):
                break
            for quantity in self._quantities(stretch, least):
                if best is None or (self.cover(quantity), -quantity) > (self.cover(best), -best):
                    best = quantity
        return best

    def _edge(self, good: Decimal, bad: Decimal, wanted: Decimal) -> Decimal:
        """Between a quantity that covers and one that does not: one that does, beside one that does not. The first
        guess is where a straight line would cross.
        """
        toward_bad = self.step if bad > good else -self.step
        reached, missed = self.cover(good), self.cover(bad)
        span = CONTEXT.divide((good - bad) * (wanted - missed), reached - missed)
        guess = self._between(bad + span, good, bad)
        while good + toward_bad != bad:
            if self.cover(guess) >= wanted:
                good, beside = guess, guess + toward_bad
                if beside == bad or self.cover(beside) < wanted:
                    return good
                good = beside
            else:
                bad, beside = guess, guess - toward_bad
                if self.cover(beside) >= wanted:
                    return beside
                bad = beside
            guess = self._between((good + bad) / 2, good, bad)
        return good

    def _between(self, quantity: Decimal, good: Decimal, bad: Decimal) -> Decimal:
        """On the grid, strictly between the two as far as there is room: toward the good one."""
        low, high = min(good, bad) + self.step, max(good, bad) - self.step
        rounded = ceil_to(quantity, self.step) if good > bad else floor_to(quantity, self.step)
        return max(min(rounded, high), low)

    # --- the way through the legs ---

    def _legs(self) -> list[tuple[Leg, Decimal]]:
        if self._route is None:
            self._route = cutting.farthest_first(self._group, self._fees)
        return self._route

    def _stretches(self) -> list[Stretch]:
        if self._way is None:
            way = [self._step(leg, price) for leg, price in self._legs()]
            self._way = [*stretches(way, self.step), Stretch(_NO_BOUND, self._last_bends(way))]
        return self._way

    def _last_bends(self, way: list[Step]) -> list[Decimal]:
        """Behind the legs come, at costs of their own: the last one's rest, what is loose, the rests of the others."""
        rests = [leg.lot.quantity - step.room for (leg, _), step in zip(self._legs(), way, strict=True)]
        found = [sum((step.room for step in way), ZERO)]
        for rest in (*rests[-1:], self._group.loose.quantity, *rests[:-1]):
            if rest:
                found.append(found[-1] + rest)
        return found

    def _quantities(self, stretch: Stretch, least: Decimal) -> list[Decimal]:
        """Where to look on a stretch, ascending, as far as it is among the parts from `least` on."""
        least = max(ceil_to(least, self.step), self.least)
        found = both_sides(stretch.bends, self.step)
        if max(found) < least or min(found) > self.most or least > self.most:
            return []
        return sorted({min(max(each, least), self.most) for each in found})

    def _step(self, leg: Leg, target: Decimal) -> Step:
        value = self.notional(Decimal(1))
        gross = profit.realized(self._group.side, value, CONTEXT.divide(leg.lot.cost, leg.lot.quantity))
        return Step(
            room=floor_to(leg.lot.quantity, self._instrument.step_size),
            least=least_sendable(target, self._instrument, market=False),
            slope=gross - percent(value, self._fees.taker_percent + self._buffer_percent),
        )
