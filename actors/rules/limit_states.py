"""The states a breached loss limit puts the engine in (POOL-4): what sets each, how strong it is, what lifts it.

Pure. Pool gathers `LimitFacts` and keeps the `LimitStanding`; `judge` says what stands now. Invariants:

1. The standing is as strong as its strongest cause, never weaker.
2. What cannot be judged (`None`: a price is missing or too old) sets nothing and lifts nothing.
3. No flapping: a cause that may end by itself within a day (drawdown, losing streak) stands for `LEAST_TIME_MS`, a
   drawdown ends only `RECOVERED_PERCENT` of the way down, a day's loss stands until the next day starts. So within
   `LEAST_TIME_MS` a limit begins once and ends once, and once more where a day begins.
4. A person's lift begins the count anew: a new peak, a new streak, a day's loss counted from here.

Amounts are in the reporting currency. A bound is breached when it is reached.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import IntEnum

from actors.rules.choices import OnBreach
from actors.rules.model import Reason, Refused
from actors.rules.money import CONTEXT, HUNDRED, ZERO, percent, plain
from actors.rules.settings import LimitSettings

LEAST_TIME_MS = 300_000
"""How long a drawdown or a losing streak holds the engine at least, unless a person lifts it."""
RECOVERED_PERCENT = Decimal(80)
"""A drawdown is over when it is at most this share of its bound."""
CAUSE_PREFIX = "limit:cause:"
"""Switches of this name hold the causes that stand, one each."""

Day = tuple[int, int]
"""When a day of the reporting time zone starts, and when the next one does, in ms."""


class LimitLevel(IntEnum):
    """What is still let in, weakest first. Exits, targets, stops and cuts work in all of them."""

    NONE = 0
    NO_NEW_GROUPS = 1
    NO_NEW_ENTRIES = 2
    """No pyramids either."""
    REDUCE_ONLY = 3
    """Unfilled entries are cancelled, too."""
    CLOSE_ALL = 4
    """Everything is closed, and new entries wait."""


LEVEL_OF = {
    OnBreach.NO_NEW_GROUPS: LimitLevel.NO_NEW_GROUPS,
    OnBreach.NO_NEW_ENTRIES: LimitLevel.NO_NEW_ENTRIES,
    OnBreach.REDUCE_ONLY: LimitLevel.REDUCE_ONLY,
    OnBreach.CLOSE_ALL: LimitLevel.CLOSE_ALL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitCause:
    """A limit that is breached."""

    reason: Reason
    level: LimitLevel
    value: Decimal
    """What reached the bound when it was set: an amount, per cent, or a number of groups."""
    bound: Decimal
    set_time_ms: int
    set_by: str
    lift: str
    """What ends it, in words."""
    lift_time_ms: int | None = None
    """When it ends by time alone, if it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitStanding:
    """Everything that is breached, by reason."""

    causes: tuple[LimitCause, ...] = ()

    @property
    def level(self) -> LimitLevel:
        return max((cause.level for cause in self.causes), default=LimitLevel.NONE)

    def find(self, reason: Reason) -> LimitCause | None:
        return next((cause for cause in self.causes if cause.reason is reason), None)

    @property
    def strongest(self) -> LimitCause | None:
        """Of several as strong, the one that was set first."""
        return max(self.causes, key=lambda cause: (cause.level, -cause.set_time_ms), default=None)


NOTHING = LimitStanding()


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitFacts:
    """What is known at one moment."""

    now_ms: int
    day: Day
    day_profit: Decimal | None
    """Realised since the day started, or since a person lifted its limit; None: it cannot be valued now."""
    drawdown_percent: Decimal | None
    """How far equity is below its peak; None: not known now."""
    streak: int
    """Groups that closed with a loss, one after the other, up to now."""
    streak_today: int
    """Of them those that closed since the day started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifted:
    cause: LimitCause
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    standing: LimitStanding
    begun: tuple[LimitCause, ...] = ()
    changed: tuple[LimitCause, ...] = ()
    """They stand on, under other settings or another day's end."""
    lifted: tuple[Lifted, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limit:
    """One limit at one moment, in the form in which all of them are judged."""

    reason: Reason
    bound: Decimal | None
    value: Decimal | None
    """What is compared with the bound; None: not known now."""
    value_today: Decimal | None
    """The same when the day that has begun ends what stood before."""
    ends_with_day: bool
    ends_below: Decimal | None
    """It ends by itself at this value or below; None: it does not."""
    lift: str


def judge(standing: LimitStanding, facts: LimitFacts, settings: LimitSettings) -> Judged:
    """What stands now. `standing` is what stood; its causes may be of earlier settings."""
    causes, begun, changed, lifted = [], [], [], []
    level = LEVEL_OF[settings.on_breach]
    for limit in _limits(facts, settings):
        stood = standing.find(limit.reason)
        why = "" if stood is None else _ends(stood, limit, facts)
        if stood is not None and not why:
            stands = _as_now(stood, limit, level, facts)
            causes.append(stands)
            if stands != stood:
                changed.append(stands)
            continue
        is_new_day = stood is not None and limit.ends_with_day and facts.day[0] > stood.set_time_ms
        value = limit.value_today if is_new_day else limit.value
        if stood is not None:
            lifted.append(Lifted(cause=stood, why=why))
        if limit.bound is not None and value is not None and value >= limit.bound:
            cause = _cause(limit, limit.bound, value, level, facts)
            causes.append(cause)
            begun.append(cause)
    return Judged(
        standing=LimitStanding(causes=tuple(causes)), begun=tuple(begun), changed=tuple(changed), lifted=tuple(lifted)
    )


def _limits(facts: LimitFacts, settings: LimitSettings) -> Iterator[_Limit]:
    loss = None if facts.day_profit is None else -facts.day_profit
    yield _Limit(
        reason=Reason.MAX_REALIZED_LOSS_PER_DAY,
        bound=settings.max_realized_loss_per_day,
        value=loss,
        value_today=loss,
        ends_with_day=True,
        ends_below=None,
        lift="the next day, or a person (the loss is counted from there)",
    )
    bound = settings.max_drawdown_percent
    ends_below = None if bound is None else percent(bound, RECOVERED_PERCENT)
    yield _Limit(
        reason=Reason.MAX_DRAWDOWN_PERCENT,
        bound=bound,
        value=facts.drawdown_percent,
        value_today=facts.drawdown_percent,
        ends_with_day=False,
        ends_below=ends_below,
        lift=f"a drawdown of {plain(ends_below or ZERO)} % or less, {LEAST_TIME_MS // 1000} s after it was set at the "
        "earliest, or a person (equity's peak is counted from there)",
    )
    losses = settings.max_consecutive_losses
    yield _Limit(
        reason=Reason.MAX_CONSECUTIVE_LOSSES,
        bound=None if losses is None else Decimal(losses),
        value=Decimal(facts.streak),
        value_today=Decimal(facts.streak_today),
        ends_with_day=True,
        ends_below=None if losses is None else Decimal(losses - 1),
        lift=f"a group that closes with profit, {LEAST_TIME_MS // 1000} s after it was set at the earliest, the next "
        "day, or a person (losses are counted from there)",
    )


def _ends(stood: LimitCause, limit: _Limit, facts: LimitFacts) -> str:
    """Why a cause stands no more; empty while it does."""
    if limit.bound is None:
        return "the limit was switched off"
    if limit.ends_with_day and facts.day[0] > stood.set_time_ms:
        return "a new day has begun"
    if limit.value is None:
        return ""
    if limit.bound != stood.bound and limit.value < limit.bound:
        return "the limit was changed"
    if limit.ends_below is None or limit.value > limit.ends_below:
        return ""
    return "" if facts.now_ms - stood.set_time_ms < LEAST_TIME_MS else "it has recovered"


def _as_now(stood: LimitCause, limit: _Limit, level: LimitLevel, facts: LimitFacts) -> LimitCause:
    assert limit.bound is not None
    lift_ms = facts.day[1] if limit.ends_with_day else None
    # An unknown value cannot tell whether another bound would have been reached: what stood goes on under its own.
    bound = limit.bound if limit.value is not None else stood.bound
    return replace(stood, level=level, bound=bound, lift=limit.lift, lift_time_ms=lift_ms)


def _cause(limit: _Limit, bound: Decimal, value: Decimal, level: LimitLevel, facts: LimitFacts) -> LimitCause:
    return LimitCause(
        reason=limit.reason,
        level=level,
        value=value,
        bound=bound,
        set_time_ms=facts.now_ms,
        set_by="engine",
        lift=limit.lift,
        lift_time_ms=facts.day[1] if limit.ends_with_day else None,
    )


# --- what it means for entries --------------------------------------------------------------------


def refusal(standing: LimitStanding, *, new_group: bool) -> Refused | None:
    """Why this entry has to wait: the strongest cause. A pyramid may go while only new groups are held back."""
    cause = standing.strongest
    if cause is None or (not new_group and cause.level <= LimitLevel.NO_NEW_GROUPS):
        return None
    return Refused(reason=cause.reason, detail=f"{words(cause)}; lifted by {cause.lift}")


def words(cause: LimitCause) -> str:
    """What was breached, for people: `the day's loss is 105, at most 100`."""
    return f"{_WHAT[cause.reason]} {plain(_short(cause.value))}, the bound {plain(cause.bound)}"


_WHAT = {
    Reason.MAX_REALIZED_LOSS_PER_DAY: "the realised loss of the day reached",
    Reason.MAX_DRAWDOWN_PERCENT: "the drawdown in per cent reached",
    Reason.MAX_CONSECUTIVE_LOSSES: "the losses in a row reached",
}
LIMIT_REASONS = tuple(_WHAT)
_SHORT = Decimal("0.01")


def _short(value: Decimal) -> Decimal:
    return CONTEXT.quantize(value, _SHORT)


# --- what is counted ------------------------------------------------------------------------------


def streak(realized: Iterable[tuple[int, Decimal]], from_ms: int) -> int:
    """Losses in a row among (close time, realised), newest first, closed at `from_ms` or later.

    A group that closed at zero, so also one in which nothing filled, neither counts nor ends a streak.
    """
    count = 0
    for close_time_ms, profit in realized:
        if close_time_ms < from_ms or profit > 0:
            break
        count += profit < 0
    return count


def drawdown_percent(equity: Decimal | None, peak: Decimal | None) -> Decimal | None:
    """How far equity is below its peak, in per cent of the peak; None where either is not known or the peak not > 0."""
    if equity is None or peak is None or peak <= 0:
        return None
    return max(CONTEXT.divide(CONTEXT.multiply(peak - equity, HUNDRED), peak), ZERO)


# --- as stored ------------------------------------------------------------------------------------


def to_switches(standing: LimitStanding) -> dict[str, str]:
    """The causes as switches of the engine, by name."""
    return {CAUSE_PREFIX + cause.reason.value: _encode(cause) for cause in standing.causes}


def from_switches(switches: Mapping[str, str]) -> LimitStanding:
    """What the switches say that stands. A cause this version does not know is left out."""
    found = []
    for reason in LIMIT_REASONS:
        text = switches.get(CAUSE_PREFIX + reason.value)
        if text:
            found.append(_decode(reason, text))
    return LimitStanding(causes=tuple(found))


def _encode(cause: LimitCause) -> str:
    fields = {
        "level": cause.level.name,
        "value": plain(cause.value),
        "bound": plain(cause.bound),
        "set_time_ms": cause.set_time_ms,
        "set_by": cause.set_by,
        "lift": cause.lift,
        "lift_time_ms": cause.lift_time_ms,
    }
    return json.dumps(fields)


def _decode(reason: Reason, text: str) -> LimitCause:
    fields = json.loads(text)
    return LimitCause(
        reason=reason,
        level=LimitLevel[fields["level"]],
        value=Decimal(fields["value"]),
        bound=Decimal(fields["bound"]),
        set_time_ms=fields["set_time_ms"],
        set_by=fields["set_by"],
        lift=fields["lift"],
        lift_time_ms=fields["lift_time_ms"],
    )
