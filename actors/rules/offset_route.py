"""Where along a group's legs a search for a quantity must look (RISK-6, EXIT-6).

A cut goes through the legs one after the other. A leg that is nearly sold keeps enough for a sale of its own, and the
next gives instead (`cutting.parts_along`). So what is covered by a quantity is a line that bends at known places, and
jumps where such a leg goes after all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from actors.rules.money import ZERO, ceil_to, floor_to

MAX_BENDS = 64
"""Most places looked at within one leg. Only legs of a few times the exchange's minimum have more than three."""


class Step(NamedTuple):
    """One leg on the way: what can be taken of it, what it keeps at least unless all goes, what a unit of it covers."""

    room: Decimal
    least: Decimal
    slope: Decimal

    @property
    def deep(self) -> Decimal:
        """How much may go while the rest stays."""
        return max(self.room - self.least, ZERO)


class Stretch(NamedTuple):
    """The way through one leg. Between two bends next to each other the line is straight."""

    bound: Decimal
    """Nothing on it covers more."""
    bends: list[Decimal]
    """Ascending, the first and the last are its ends."""


def stretches(way: Sequence[Step], grid: Decimal) -> list[Stretch]:
    """The whole way, first leg first. Searches go in steps of `grid`."""
    slopes = [step.slope for step in way]
    spread = max(slopes) - min(slopes) if slopes else ZERO
    rounding = max((abs(slope) for slope in slopes), default=ZERO) * grid
    found, start, cover = [], ZERO, ZERO
    for index, step in enumerate(way):
        end = cover + step.room * step.slope
        bound = max(cover, end) + spread * (step.room - step.deep) + rounding
        found.append(Stretch(bound, [start, *(start + bend for bend in _inside(way, index))]))
        start, cover = start + step.room, end
    return found


def _inside(way: Sequence[Step], index: int) -> list[Decimal]:
    """Bends within one leg, counted from its beginning."""
    step = way[index]
    kept = list(_bends(way, index + 1, step.room - step.deep))
    return [step.deep, *(step.deep + bend for bend in kept[:MAX_BENDS]), step.room]


def _bends(way: Sequence[Step], index: int, limit: Decimal) -> Iterator[Decimal]:
    """Bends below `limit` of what goes on from a leg, counted from its beginning."""
    if index == len(way) or limit <= 0:
        return
    step = way[index]
    if step.deep < limit:
        yield step.deep
        for bend in _bends(way, index + 1, min(limit, step.room) - step.deep):
            yield step.deep + bend
    if step.room < limit:
        yield step.room
        for bend in _bends(way, index + 1, limit - step.room):
            yield step.room + bend


def both_sides(bends: Sequence[Decimal], grid: Decimal) -> set[Decimal]:
    """The quantities on the grid next to each bend: there a search looks, and between them it may go straight."""
    found: set[Decimal] = set()
    for bend in bends:
        up = ceil_to(bend, grid)
        found |= {floor_to(bend, grid), up, max(up - grid, ZERO)}
    return found
