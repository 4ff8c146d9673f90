"""Who of those that wait goes first (QUE-2), and who has waited too long (QUE-3).

Entries are compared rule by rule, never by adding scores. Every rule's value is a whole number, the smaller the
better, so a comparison is exact and the same everywhere; `queue_index` uses the same numbers. What the rules leave
equal goes by first-queued time and then by signal id, so no two entries are ever equal. Before all rules, and not to be
switched off, the new side of a reverse goes before everybody else (section 9).

Loss is compared at 0.01 %, in steps of which 10,000 is no loss at all: a long at 98.5 % of its entry has 9,850.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from actors.rules.choices import RankRule
from actors.rules.model import Key, Queued, Quote, Reason, Refused, Side
from actors.rules.money import CONTEXT, HUNDRED, plain
from actors.rules.precision import usable
from actors.rules.settings import QueueSettings

Quotes = Mapping[tuple[str, str], Quote]
"""Fresh quotes by (account, symbol). A missing one is no fresh mark."""

NO_LOSS = 10_000
"""Loss steps of an entry whose mark is at its entry price."""
MOST_LOSS = 2**140
"""Loss steps lie strictly between minus this and this, whatever the prices."""
NO_MARK = MOST_LOSS
"""Loss steps of an entry without a fresh mark: behind all others."""
MAX_COUNT = 2**31 - 1
"""Replacements beyond this count as this many."""
MAX_PROFIT = 2**95
PROFIT_PLACES = 8
NO_PROFIT = 2 * MAX_PROFIT + 1

_SCALE = Decimal(10**18)
"""Prices are compared as whole numbers of 10^-18, finer than any tick."""
_MAX_PRICE = 10**36
"""Scaled; prices above count as this."""
_OPPOSITE = (Reason.OPPOSITE_SIDE, Reason.OPPOSITE_ON_INSTRUMENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """An entry with its place, 1 is next, and the value of each rule it was placed by (QUE-7)."""

    queued: Queued
    rank: int
    continuation: bool
    loss_percent: Decimal | None
    """Negative is a loss; at the 0.01 % it is compared at. None: no fresh mark."""
    replacement_count: int
    first_queue_time_ms: int
    expected_profit: Decimal | None
    why: tuple[tuple[str, str], ...]
    """Each rule in use, in order, with the entry's value; `reverse` before them where it is one."""


def rank(
    entries: Iterable[Queued], quotes: Quotes, continuing: Collection[Key], rules: tuple[RankRule, ...]
) -> list[Ranked]:
    """All entries, best first. `continuing`: keys whose queued signal would continue a live group."""
    key = _sort_key(quotes, continuing, rules)
    ordered = sorted(entries, key=key)
    return [_ranked(queued, place, quotes, continuing, rules) for place, queued in enumerate(ordered, start=1)]


def best(
    entries: Iterable[Queued], quotes: Quotes, continuing: Collection[Key], rules: tuple[RankRule, ...]
) -> Queued | None:
    """The entry `rank` puts first, None of none. For a queue that is asked often, `queue_index` is faster."""
    return min(entries, key=_sort_key(quotes, continuing, rules), default=None)


def refuse_stale(queued: Queued, now_ms: int, quote: Quote | None, settings: QueueSettings) -> Refused | None:
    """Whether an entry has waited too long, or the mark has left its entry price (QUE-3). The bounds themselves pass.

    Age counts from the newest signal, and does not matter while a slot is kept for it. Without a fresh quote the price
    cannot be judged and passes.
    """
    waited_s = (now_ms - queued.queue_time_ms) / 1000
    limits = [settings.max_age_s, settings.opposite_max_age_s if queued.wait_reason in _OPPOSITE else None]
    if queued.wait_reason is Reason.REVERSING:
        limits = []
    for limit_s in limits:
        if limit_s is not None and waited_s > limit_s:
            detail = f"waited {int(waited_s)} s, at most {limit_s}"
            return Refused(reason=Reason.WAITED_TOO_LONG, detail=detail)
    most = settings.max_deviation_percent
    quote = usable(quote)
    if most is None or quote is None or queued.entry_price is None:
        return None
    away = abs(quote.mid - queued.entry_price)
    if away * HUNDRED <= most * queued.entry_price:
        return None
    percent = CONTEXT.divide(away * HUNDRED, queued.entry_price).quantize(Decimal("0.01"))
    detail = f"the mark {plain(quote.mid)} is {percent} % from the entry {plain(queued.entry_price)}, at most {most} %"
    return Refused(reason=Reason.PRICE_DEVIATED, detail=detail)


# --- the numbers that are compared ----------------------------------------------------------------


def loss_steps(queued: Queued, quote: Quote | None) -> int:
    """Current loss in steps of 0.01 %, deepest smallest, rounded half up. Without an entry price the mark is it."""
    quote = usable(quote)
    if quote is None:
        return NO_MARK
    offset, sign, divisor = loss_terms(queued)
    return (offset + sign * mark_term(quote)) // divisor


def loss_terms(queued: Queued) -> tuple[int, int, int]:
    """Offset, sign and divisor, so that loss steps = (offset + sign x mark term) // divisor.

    With m = (bid + ask) / 2 that is 10,000 x m / entry for a long and 10,000 x (2 - m / entry) for a short, to the
    nearest whole number.
    """
    if queued.entry_price is None:
        return NO_LOSS, 0, 1
    entry = min(max(int(queued.entry_price * _SCALE), 1), _MAX_PRICE)
    return (entry, 1, 2 * entry) if queued.side is Side.LONG else (4 * NO_LOSS * entry + entry, -1, 2 * entry)


def mark_term(quote: Quote) -> int:
    """10,000 x (bid + ask), scaled as the entry prices are."""
    return min(int((quote.bid + quote.ask) * _SCALE), 2 * _MAX_PRICE) * NO_LOSS


def count_steps(queued: Queued) -> int:
    """Replacements, most of them first."""
    return MAX_COUNT - min(queued.replacement_count, MAX_COUNT)


def reverse_step(queued: Queued) -> int:
    """The new side of a reverse goes first."""
    return int(not queued.is_reverse)


def profit_steps(queued: Queued) -> int:
    """Expected profit to 8 places, highest first, unknown last."""
    if queued.expected_profit is None:
        return NO_PROFIT
    profit = int(queued.expected_profit.scaleb(PROFIT_PLACES, CONTEXT))
    return MAX_PROFIT - min(max(profit, -MAX_PROFIT), MAX_PROFIT)


def _sort_key(
    quotes: Quotes, continuing: Collection[Key], rules: tuple[RankRule, ...]
) -> Callable[[Queued], tuple[int | str, ...]]:
    def key(queued: Queued) -> tuple[int | str, ...]:
        numbers = (_steps(rule, queued, quotes, continuing) for rule in rules)
        return (reverse_step(queued), *numbers, queued.first_queue_time_ms, queued.signal.signal_id)

    return key


def _steps(rule: RankRule, queued: Queued, quotes: Quotes, continuing: Collection[Key]) -> int:
    if rule is RankRule.CONTINUATION:
        return int(queued.key not in continuing)
    if rule is RankRule.DEEPEST_LOSS:
        return loss_steps(queued, quotes.get((queued.key.account, queued.key.symbol)))
    if rule is RankRule.REPLACEMENTS:
        return count_steps(queued)
    return queued.first_queue_time_ms if rule is RankRule.FIRST_IN else profit_steps(queued)


# --- what is shown --------------------------------------------------------------------------------


def _ranked(
    queued: Queued, place: int, quotes: Quotes, continuing: Collection[Key], rules: tuple[RankRule, ...]
) -> Ranked:
    steps = loss_steps(queued, quotes.get((queued.key.account, queued.key.symbol)))
    loss = None if steps == NO_MARK else Decimal(steps - NO_LOSS).scaleb(-2, CONTEXT)
    is_continuation = queued.key in continuing
    profit = queued.expected_profit
    values = {
        RankRule.CONTINUATION: "yes" if is_continuation else "no",
        RankRule.DEEPEST_LOSS: "no fresh mark" if loss is None else f"{plain(loss)} %",
        RankRule.REPLACEMENTS: str(queued.replacement_count),
        RankRule.FIRST_IN: f"{queued.first_queue_time_ms} ms",
        RankRule.HIGHEST_EXPECTED_PROFIT: "unknown" if profit is None else plain(profit),
    }
    return Ranked(
        queued=queued,
        rank=place,
        continuation=is_continuation,
        loss_percent=loss,
        replacement_count=queued.replacement_count,
        first_queue_time_ms=queued.first_queue_time_ms,
        expected_profit=profit,
        why=((("reverse", "yes"),) if queued.is_reverse else ()) + tuple((rule.value, values[rule]) for rule in rules),
    )
