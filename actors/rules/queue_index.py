"""The queue kept ready for the question who goes next (QUE-2), for queues of many thousands.

The order is exactly `ranking`'s. Each entry's rules are packed into one whole number, the smaller the better. Only the
loss part changes with the mark, so the numbers of one symbol are worked out again only when its quote, or an entry of
it, has changed; in between a symbol is represented by its best entry.

Whatever the mark, of two longs the one with the higher entry price has lost at least as much, of two shorts the one
with the lower. So the entries that are equal in the rules before the loss stand in line by their entry price, and only
the head of a line is worked out anew for another mark.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from actors.rules import ranking
from actors.rules.choices import RankRule
from actors.rules.model import Key, Queued, Quote
from actors.rules.precision import usable
from actors.rules.ranking import Quotes

_WIDTHS = {
    RankRule.CONTINUATION: 1,
    RankRule.DEEPEST_LOSS: 142,
    RankRule.REPLACEMENTS: 31,
    RankRule.FIRST_IN: 48,
    RankRule.HIGHEST_EXPECTED_PROFIT: 97,
}
"""Bits of each rule's number."""
_TIME_BITS = _WIDTHS[RankRule.FIRST_IN]
_Row = tuple[int, int, int, int, Queued]
"""Offset, sign and divisor of the loss, the number of all other rules, the entry."""
_Place = tuple[int, str, Queued]
"""The packed number, the signal id that settles a tie, the entry."""
_Spot = tuple[int, int, str, int, _Row]
"""A place in a line: what the entry price makes of it, the rules after the loss, the signal id, a number that no other
spot has, the row."""
_Line = tuple[int, int]
"""Names a line: the rules before the loss, and the sign of the loss."""


@dataclass(slots=True)
class _Shelf:
    """The entries of one symbol, and its best as of one quote."""

    entries: dict[Key, Queued] = field(default_factory=dict)
    rows: dict[Key, _Row] = field(default_factory=dict)
    """Of those that are not left out."""
    lines: dict[_Line, list[_Spot]] = field(default_factory=dict)
    """Their rows once more, in the order of their loss."""
    spots: dict[Key, tuple[_Line, _Spot]] = field(default_factory=dict)
    quote: Quote | None = None
    best: _Place | None = None
    is_current: bool = False


class QueueIndex:
    """Mutable, and belongs to one actor. At most one entry per key (QUE-1)."""

    def __init__(self, rules: tuple[RankRule, ...]) -> None:
        self._rules = rules
        self._shelves: dict[tuple[str, str], _Shelf] = {}
        self._count = 0
        self._continuing: frozenset[Key] = frozenset()
        self._out: frozenset[Key] = frozenset()
        self._shifts, self._loss_shift, self._reverse_shift = _layout(rules)
        self._last_spot = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Queued]:
        return (queued for shelf in self._shelves.values() for queued in shelf.entries.values())

    def symbols(self) -> Collection[tuple[str, str]]:
        """The (account, symbol) pairs that have entries: those whose quotes `best` wants."""
        return self._shelves.keys()

    def get(self, key: Key) -> Queued | None:
        shelf = self._shelves.get((key.account, key.symbol))
        return shelf.entries.get(key) if shelf is not None else None

    def put(self, queued: Queued) -> None:
        """Adds an entry, in place of the one with its key if there is one."""
        key = queued.key
        shelf = self._shelves.setdefault((key.account, key.symbol), _Shelf())
        self._count += key not in shelf.entries
        shelf.entries[key] = queued
        self._refresh(shelf, key)

    def remove(self, key: Key) -> None:
        """Takes an entry out; nothing happens if it is not there."""
        shelf = self._shelves.get((key.account, key.symbol))
        if shelf is None or shelf.entries.pop(key, None) is None:
            return
        self._count -= 1
        if shelf.entries:
            self._refresh(shelf, key)
        else:
            del self._shelves[key.account, key.symbol]

    def best(
        self, quotes: Quotes, continuing: frozenset[Key] = frozenset(), out: frozenset[Key] = frozenset()
    ) -> Queued | None:
        """The entry that `ranking.rank` would put first, those of `out` left aside; None if there is none."""
        self._regard(continuing, out)
        found: _Place | None = None
        for symbol, shelf in self._shelves.items():
            quote = quotes.get(symbol)
            if not shelf.is_current or quote is not shelf.quote:
                self._judge(shelf, quote)
            place = shelf.best
            if place is not None and (found is None or place[0] <= found[0]):
                found = place if found is None else min(place, found, key=_number_and_id)
        return found[2] if found is not None else None

    def worst(
        self, quotes: Quotes, continuing: frozenset[Key] = frozenset(), out: frozenset[Key] = frozenset()
    ) -> Queued | None:
        """The entry that `ranking.rank` would put last, those of `out` left aside: who gives way (QUE-4).

        Every entry is looked at, so this is for the rare moment when the queue overflows.
        """
        self._regard(continuing, out)
        last: list[_Place] = []
        for symbol, shelf in self._shelves.items():
            rows = list(shelf.rows.values())
            numbers = self._numbers(rows, quotes.get(symbol))
            if numbers:
                most = max(numbers)
                equal = (row[4] for number, row in zip(numbers, rows, strict=True) if number == most)
                queued = max(equal, key=_signal_id)
                last.append((most, queued.signal.signal_id, queued))
        return max(last, key=_number_and_id)[2] if last else None

    def _regard(self, continuing: frozenset[Key], out: frozenset[Key]) -> None:
        """Symbols where the set of continuing or left-out keys has changed are judged again."""
        changed: set[Key] = set()
        if continuing is not self._continuing:
            changed |= continuing ^ self._continuing
        if out is not self._out:
            changed |= out ^ self._out
        self._continuing, self._out = continuing, out
        for key in changed:
            shelf = self._shelves.get((key.account, key.symbol))
            if shelf is not None and key in shelf.entries:
                self._refresh(shelf, key)

    def _refresh(self, shelf: _Shelf, key: Key) -> None:
        """Makes the row of one key anew; its symbol is judged again when it is next asked for."""
        queued = shelf.entries.get(key)
        _leave_line(shelf, key)
        if queued is None or key in self._out:
            shelf.rows.pop(key, None)
        else:
            row = shelf.rows[key] = (*ranking.loss_terms(queued), self._rest(queued), queued)
            self._stand_in_line(shelf, key, row)
        shelf.is_current = False

    def _stand_in_line(self, shelf: _Shelf, key: Key, row: _Row) -> None:
        if self._loss_shift is None:
            return
        _, sign, divisor, rest, queued = row
        line = (rest >> self._loss_shift + _WIDTHS[RankRule.DEEPEST_LOSS], sign)
        after = rest & (1 << self._loss_shift) - 1
        self._last_spot += 1
        spot = (-sign * divisor, after, queued.signal.signal_id, self._last_spot, row)
        insort(shelf.lines.setdefault(line, []), spot)
        shelf.spots[key] = line, spot

    def _rest(self, queued: Queued) -> int:
        """The packed number of everything but the loss, lifted so that adding the loss leaves no negative bits."""
        rest = queued.first_queue_time_ms + (ranking.reverse_step(queued) << self._reverse_shift)
        if self._loss_shift is not None:
            rest += ranking.MOST_LOSS << self._loss_shift
        for rule, shift in self._shifts:
            if rule is RankRule.CONTINUATION:
                rest += (queued.key not in self._continuing) << shift
            elif rule is RankRule.REPLACEMENTS:
                rest += ranking.count_steps(queued) << shift
            elif rule is RankRule.FIRST_IN:
                rest += queued.first_queue_time_ms << shift
            else:
                rest += ranking.profit_steps(queued) << shift
        return rest

    def _judge(self, shelf: _Shelf, quote: Quote | None) -> None:
        """Finds the best of one symbol at this quote."""
        shelf.quote, shelf.is_current, shelf.best = quote, True, None
        if not shelf.rows:
            return
        known = usable(quote)
        if known is not None and self._loss_shift is not None:
            first = min(before for before, _ in shelf.lines)
            mark = ranking.mark_term(known)
            lines = (shelf.lines[line] for sign in (1, -1, 0) if (line := (first, sign)) in shelf.lines)
            shelf.best = min((_deepest(line, mark, self._loss_shift) for line in lines), key=_number_and_id)
            return
        rows = list(shelf.rows.values())
        numbers = self._numbers(rows, quote)
        least = min(numbers)
        if len(rows) == 1 or numbers.count(least) == 1:
            queued = rows[numbers.index(least)][4]
        else:
            equal = (row[4] for number, row in zip(numbers, rows, strict=True) if number == least)
            queued = min(equal, key=_signal_id)
        shelf.best = (least, queued.signal.signal_id, queued)

    def _numbers(self, rows: list[_Row], quote: Quote | None) -> list[int]:
        """Each row's packed number at this quote."""
        quote, shift = usable(quote), self._loss_shift
        if shift is None:
            return [row[3] for row in rows]
        if quote is None:
            return [(ranking.NO_MARK << shift) + row[3] for row in rows]
        mark = ranking.mark_term(quote)
        return [((offset + sign * mark) // divisor << shift) + rest for offset, sign, divisor, rest, _ in rows]


def _leave_line(shelf: _Shelf, key: Key) -> None:
    if key not in shelf.spots:
        return
    name, spot = shelf.spots.pop(key)
    line = shelf.lines[name]
    del line[bisect_left(line, spot)]
    if not line:
        del shelf.lines[name]


def _deepest(line: list[_Spot], mark: int, shift: int) -> _Place:
    """The best of a line: of those that share the deepest loss, the one that the rules after it put first."""
    most: int | None = None
    best: _Spot | None = None
    at = 0
    while at < len(line):
        spot = line[at]
        offset, sign, divisor, _, _ = spot[4]
        steps = (offset + sign * mark) // divisor
        if most is None:
            most = steps
        elif steps != most:
            break
        if best is None or spot[1:3] < best[1:3]:
            best = spot
        at += 1  # The first of one entry price is the best of it: pass over the others.
        if at < len(line) and line[at][0] == spot[0]:
            at = bisect_right(line, spot[0], at, key=_by_price)
    assert most is not None
    assert best is not None
    *_, rest, queued = best[4]
    return (most << shift) + rest, best[2], queued


def _by_price(spot: _Spot) -> int:
    return spot[0]


def _layout(rules: tuple[RankRule, ...]) -> tuple[tuple[tuple[RankRule, int], ...], int | None, int]:
    """Where each rule's bits begin, where the loss's do, and the one bit above them all that says what is no reverse.
    The first-queued time lies below them all.
    """
    shifts, loss_shift, position = [], None, _TIME_BITS
    for rule in reversed(rules):
        if rule is RankRule.DEEPEST_LOSS:
            loss_shift = position
        else:
            shifts.append((rule, position))
        position += _WIDTHS[rule]
    return tuple(shifts), loss_shift, position


def _number_and_id(place: _Place) -> tuple[int, str]:
    return place[0], place[1]


def _signal_id(queued: Queued) -> str:
    return queued.signal.signal_id
