"""Who of those that wait goes first: a small second implementation of QUE-2 to QUE-4, compared with every offer, every
eviction and the order that is shown.

The loss is worked out in whole numbers of 10^-18 here, rounded half up to the 0.01 % it is compared at.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any

from actors.messages import Enqueue, Offer, Offered
from actors.rules import ranking
from actors.rules.choices import Overflow, RankRule
from actors.rules.model import Key, Outcome, Queued, Quote, Reason, Side
from actors.rules.records import SaveSignal, SetOutcome
from tests.simulation.checks_books import worded
from tests.simulation.checks_world import Seen, actor_of
from tests.simulation.promise import Promise, Violation

MAX_EXPECTED = 64
"""Questions to the queue whose answer is still awaited; those whose asker or answerer died are never answered."""
Quotes = Mapping[tuple[str, str], Quote]
_LAST = (1, 0)
_SCALE = 10**18


def order_of(queued: Queued, quotes: Quotes, continuing: Collection[Key], rules: Iterable[RankRule]) -> tuple[Any, ...]:
    """What an entry is sorted by, the smallest goes first."""
    numbers = {
        RankRule.CONTINUATION: queued.key not in continuing,
        RankRule.DEEPEST_LOSS: loss(queued, quotes.get((queued.key.account, queued.key.symbol))),
        RankRule.REPLACEMENTS: -queued.replacement_count,
        RankRule.FIRST_IN: queued.first_queue_time_ms,
        RankRule.HIGHEST_EXPECTED_PROFIT: _profit(queued),
    }
    ruled = tuple(numbers[rule] for rule in rules)
    return (not queued.is_reverse, *ruled, queued.first_queue_time_ms, queued.signal.signal_id)


def loss(queued: Queued, quote: Quote | None) -> tuple[int, int]:
    """Its present profit in hundredths of a per cent, deepest loss first, no price last."""
    if quote is None:
        return _LAST
    if not queued.entry_price:
        return 0, 0
    both, entry = int((quote.bid + quote.ask) * _SCALE), int(queued.entry_price * _SCALE)
    change = both - 2 * entry if queued.side is Side.LONG else 2 * entry - both
    return 0, (change * 10_000 + entry) // (2 * entry)


def _profit(queued: Queued) -> tuple[int, Decimal]:
    profit = queued.expected_profit
    return (1, Decimal(0)) if profit is None else (0, -Decimal(int(profit * 10**8)))


class QueueChecks:
    def __init__(self, world: Seen, found: Callable[[Violation], None]) -> None:
        """`found` takes a violation that is seen while an actor runs."""
        self._world = world
        self._found = found
        self._offers: dict[str, list[str]] = {}
        """Offer to the signal that should be offered, once for each time the question was asked; empty: none."""
        self._victims: dict[str, str] = {}
        """Draft of a newcomer to a full queue, to the signal that should give way."""
        self.looks: Mapping[type, Callable[[str, object], None]] = {
            Offer: self._asked,
            Offered: self._answered,
            Enqueue: self._enqueued,
        }
        self.rows: Mapping[type, Callable[[Any], None]] = {SetOutcome: self._evicted, SaveSignal: self._refused}

    # --- offers -----------------------------------------------------------------------------------

    def _asked(self, name: str, message: object) -> None:
        assert isinstance(message, Offer)
        queue = actor_of(self._world, name)
        if queue is None or queue._waiting_for_load is not None:
            return
        out = message.blocked | queue._held.keys()
        may_go = [
            queued
            for queued in queue._entries
            if queued.key not in out
            and queued.key.account not in message.blocked_accounts
            and (message.free_slots > 0 or queued.key in message.continuing)
        ]
        best = next((one for one in self._sorted(may_go, message.continuing) if not self._is_stale(one)), None)
        _trim(self._offers)
        self._offers.setdefault(message.offer_id, []).append("" if best is None else best.signal.signal_id)

    def _answered(self, _name: str, message: object) -> None:
        assert isinstance(message, Offered)
        expected = self._offers.get(message.offer_id)
        if expected is None:
            return
        offered = "" if message.queued is None else message.queued.signal.signal_id
        if offered in expected:
            expected.remove(offered)
            if not expected:
                del self._offers[message.offer_id]
            return
        words = f"the queue offered signal {offered or 'none'}, first in rank was {expected[0] or 'none'}"
        self._found(Violation(Promise.QUEUE_RANKED, words))

    # --- a full queue -----------------------------------------------------------------------------

    def _enqueued(self, name: str, message: object) -> None:
        assert isinstance(message, Enqueue)
        queue = actor_of(self._world, name)
        if queue is None or queue._waiting_for_load is not None:
            return
        settings, newcomer = self._world.settings.queue, message.queued
        entries = list(queue._entries)
        is_full = len(entries) >= settings.max_size and newcomer.wait_reason is not Reason.REVERSING
        if not is_full or any(queued.key == newcomer.key for queued in entries):
            return
        if settings.overflow is Overflow.REJECT_NEW:
            victim = newcomer
        else:
            may_go = [
                queued
                for queued in [*entries, newcomer]
                if queued.key not in queue._held and queued.wait_reason is not Reason.REVERSING
            ]
            victim = self._sorted(may_go, queue._continuing)[-1]
        _trim(self._victims)
        self._victims[message.draft.draft_id] = victim.signal.signal_id

    def _evicted(self, row: SetOutcome) -> None:
        if row.outcome is Outcome.EVICTED:
            self._gave_way(row.draft_id, row.signal_id)

    def _refused(self, row: SaveSignal) -> None:
        if row.reason is Reason.QUEUE_FULL:
            self._gave_way(row.draft_id, row.signal.signal_id)

    def _gave_way(self, draft_id: str, signal_id: str) -> None:
        victim = self._victims.pop(draft_id, None)
        if victim is not None and victim != signal_id:
            words = f"signal {signal_id} had to give way in a full queue, lowest in rank was {victim}"
            raise Violation(Promise.QUEUE_RANKED, words)

    # --- the order --------------------------------------------------------------------------------

    def _sorted(self, entries: Collection[Queued], continuing: Collection[Key]) -> list[Queued]:
        if len(entries) < 2:
            return list(entries)
        quotes, rules = self._quotes(entries), self._world.settings.queue.rank
        return sorted(entries, key=lambda queued: order_of(queued, quotes, continuing, rules))

    def _quotes(self, entries: Iterable[Queued]) -> Quotes:
        places = {(queued.key.account, queued.key.symbol) for queued in entries}
        found = {place: self._fresh(*place) for place in places}
        return {place: quote for place, quote in found.items() if quote is not None}

    def _fresh(self, account: str, symbol: str) -> Quote | None:
        quote: Quote | None = self._world.parts.marks.quote(account, symbol)
        if quote is None or quote.bid <= 0 or quote.ask <= 0:
            return None
        age_ms = self._world.system.now_ms() - quote.time_ms
        return quote if abs(age_ms) <= self._world.settings.execution.max_quote_age_s * 1000 else None

    def _is_stale(self, queued: Queued) -> bool:
        """QUE-3: too old, or the mark has gone too far from its entry."""
        settings = self._world.settings.queue
        waited_ms = self._world.system.now_ms() - queued.queue_time_ms
        is_opposite = queued.wait_reason in (Reason.OPPOSITE_SIDE, Reason.OPPOSITE_ON_INSTRUMENT)
        if queued.wait_reason is not Reason.REVERSING:
            for limit_s in (settings.max_age_s, settings.opposite_max_age_s if is_opposite else None):
                if limit_s is not None and waited_ms > limit_s * 1000:
                    return True
        quote, entry = self._fresh(queued.key.account, queued.key.symbol), queued.entry_price
        if settings.max_deviation_percent is None or quote is None or entry is None:
            return False
        away = abs((quote.bid + quote.ask) / 2 - entry)
        return away * 100 > settings.max_deviation_percent * entry

    def at_rest(self) -> None:
        """The order as it is shown (QUE-7)."""
        waiting = list(self._world.view.current.waiting())
        rules, quotes = self._world.settings.queue.rank, self._quotes(waiting)
        continuing = frozenset(
            queued.key
            for queued in waiting
            if any(group.key == queued.key and group.side is queued.side for group in self._world.view.current.live())
        )
        mine = [queued.key for queued in self._sorted(waiting, continuing)]
        shown = [ranked.queued.key for ranked in ranking.rank(waiting, quotes, continuing, rules)]
        if mine != shown:
            words = f"{', '.join(map(worded, shown))} instead of {', '.join(map(worded, mine))}"
            raise Violation(Promise.QUEUE_RANKED, f"the queue is shown in this order: {words}")


def _trim(expected: dict[str, Any]) -> None:
    while len(expected) >= MAX_EXPECTED:
        del expected[next(iter(expected))]
