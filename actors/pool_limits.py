"""Pool's loss limits: what is counted, what stands, and what is still to be done about it (POOL-3, POOL-4).

A part of Pool, with its life and its commits. What is decided is in `rules.limit_states`. Three things are durable, as
switches of the engine: the causes that stand (`limit:cause:*`), the equity they are measured by (`limit:equity`), and
from where losses are counted after a lift (`limit:counts`). Everything else follows from the ledger.

Equity, for the drawdown, is what lay on the accounts when it was first looked at, plus realised and unrealised profit
of all groups since: deposits, withdrawals and coins that merely lie there do not move it.
"""

from __future__ import annotations

import json
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal

from actors.messages import RECENT_CLOSED, ClosedGroup, GroupChanged, PoolState
from actors.needs import ALWAYS, Needs, soonest
from actors.pool_books import PoolBooks
from actors.pool_worth import Worth
from actors.risk_messages import LimitsNow
from actors.rules import limit_states
from actors.rules.choices import Market, World
from actors.rules.limit_states import Day, Judged, LimitCause, LimitFacts, LimitLevel, LimitStanding
from actors.rules.model import ZERO, Key, Reason, Refused
from actors.rules.money import plain
from actors.rules.records import AddEquity, AddEvent, RaiseAlert, ResolveAlert, Row, SaveEngineState
from actors.rules.settings import LimitSettings, Settings

QUARTER_MS = 900_000
"""Every zone's day begins with a quarter of an hour: profit is kept by them."""
KEPT_QUARTERS_MS = 8 * 86_400_000
"""How long profit is kept by quarters: the day's loss looks back a day and a bit."""
SNAPSHOT_MS = 60_000
"""How often equity is written down if it has changed, besides after each close."""
UNPRICED_MS = 300_000
"""Coins that have had no price for so long count as nothing where the drawdown begins to be measured."""
UNJUDGED_MS = 60_000
"""A drawdown or a day's loss that cannot be judged for so long is said."""
LOOKS = 3
"""One price that is wildly wrong must not close everything: a peak is what equity was at least in so many looks, and a
drawdown is measured by what it was at most in them."""
LOOK_MS = 900
"""Looks that follow faster count as one."""
UNSEEN_MS = 5_000
"""An equity that was last seen so long ago is not shown as the present one."""
EQUITY, COUNTS = "limit:equity", "limit:counts"
ENGINE = "engine"
_DAY_MS = 86_400_000

Days = Callable[[int], Day]
"""A time -> when its day starts in the reporting time zone, and when the next one does."""


def utc_day(now_ms: int) -> Day:
    start_ms = now_ms - now_ms % _DAY_MS
    return start_ms, start_ms + _DAY_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """What the drawdown is measured by. `peak` None: to be taken from the next equity that is known."""

    base: Decimal
    """Equity without any profit of groups."""
    peak: Decimal | None
    since_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counts:
    """From where losses are counted."""

    streak_from_ms: int = 0
    day_start_ms: int = 0
    """The day on which a person lifted the limit of its loss."""
    day_profits: Mapping[str, Decimal] = field(default_factory=dict)
    """What it had realised until then, by quote."""


class PoolLimits:
    """One life's counts. Rows it asks to be committed are taken for stored: a failed commit ends the life (rule 4)."""

    def __init__(
        self,
        *,
        world: World,
        books: PoolBooks,
        worth: Worth,
        settings: Callable[[], Settings],
        days: Days,
        snapshot_every_ms: int = SNAPSHOT_MS,
    ) -> None:
        self._world = world
        self._books = books
        self._worth = worth
        self._settings = settings
        self._days = days
        self._snapshot_every_ms = snapshot_every_ms
        self.standing = limit_states.NOTHING
        self._profits: OrderedDict[tuple[int, str], Decimal] = OrderedDict()
        """By (quarter of an hour, quote), oldest first."""
        self._realized: dict[str, Decimal] = {}
        """Of all time, by quote."""
        self._closed: OrderedDict[str, ClosedGroup] = OrderedDict()
        """The newest to close at the end."""
        self._last_loss_ms: dict[Key, int] = {}
        """When a group of the key last closed with a loss; of keys that may still be cooling down."""
        self._measured: _Measured | None = None
        self._counts = _Counts()
        self._looks: deque[tuple[int, Decimal]] = deque(maxlen=LOOKS)
        """(time, equity) of the newest looks at it."""
        self._unpriced_ms: int | None = None
        self._unjudged_ms: int | None = None
        self._is_unjudged_said = False
        self._may_be_said = False
        """An earlier life may have said so."""
        self._is_close_new = False
        self._snapshot_ms = 0
        self._snapshot: tuple[Decimal | None, Decimal | None, Decimal | None] | None = None

    def load(self, state: PoolState, now_ms: int) -> None:
        """What the store holds. Behind `PoolBooks.fill`."""
        for time_ms, quote, amount in state.profits:
            self._add_profit(time_ms, quote, amount)
        self._realized = dict(state.realized)
        for closed in state.recent_closed:
            self._add_closed(closed)
        self.standing = limit_states.from_switches(state.switches)
        self._measured = _read_measured(state.switches.get(EQUITY))
        self._counts = _read_counts(state.switches.get(COUNTS))
        self._snapshot_ms = now_ms + self._snapshot_every_ms
        limits = self._settings().limits
        self._may_be_said = (limits.max_drawdown_percent, limits.max_realized_loss_per_day) != (None, None)

    # --- who looks how often ----------------------------------------------------------------------

    def needs(self, looked_ms: int) -> Needs:
        """What the next look depends on as long as no group changes (`actors.needs`)."""
        is_measured = self._settings().limits.max_drawdown_percent is not None
        if is_measured and self._looks and len({equity for _, equity in self._looks}) + LOOKS - len(self._looks) != 1:
            return ALWAYS  # What equity is has not been seen often enough.
        causes = self.standing.causes
        times = [self._snapshot_ms, *(cause.lift_time_ms for cause in causes)]
        times += [cause.set_time_ms + limit_states.LEAST_TIME_MS for cause in causes]
        times += [None if self._unjudged_ms is None else self._unjudged_ms + UNJUDGED_MS]
        times += [None if self._unpriced_ms is None else self._unpriced_ms + UNPRICED_MS]
        is_unknown = self.is_equity_unwritten or self._is_unjudged_said or self._may_be_said
        return Needs(
            prices=is_measured or is_unknown or self._unjudged_ms is not None,
            at_ms=soonest(time_ms for time_ms in times if (time_ms or 0) > looked_ms),
        )

    def next_rested_ms(self, looked_ms: int) -> int | None:
        """When the next key has cooled down, after the last look; None: none is cooling."""
        cooldown_s = self._settings().limits.cooldown_after_loss_s
        if cooldown_s is None:
            return None
        rests = (lost_ms + cooldown_s * 1000 for lost_ms in self._last_loss_ms.values())
        return min((time_ms for time_ms in rests if time_ms > looked_ms), default=None)

    # --- what happens -----------------------------------------------------------------------------

    def take(self, told: GroupChanged, quote: str, now_ms: int) -> bool:
        """What a group's commit changed. Before the books take it in. True: something is to be judged anew."""
        before = self._known(told)
        if before is None:
            return False
        change = told.realized - before
        if change:
            self._add_profit(now_ms, quote, change)
            self._realized[quote] = self._realized.get(quote, ZERO) + change
        if told.closed and told.close_time_ms is not None:
            self._is_close_new = True
            closed = ClosedGroup(
                group_id=told.group_id,
                key=told.key,
                quote=quote,
                realized=told.realized,
                close_time_ms=told.close_time_ms,
            )
            self._add_closed(closed)
        return bool(change) or told.closed

    def _known(self, told: GroupChanged) -> Decimal | None:
        """What was counted of a group's profit before. None: nothing of what is told is new."""
        live = self._books.groups.get(told.group_id)
        if live is not None:
            return live.told.realized
        closed = self._closed.get(told.group_id)
        if closed is not None:
            is_same = told.closed and told.realized == closed.realized and told.close_time_ms == closed.close_time_ms
            return None if is_same else closed.realized
        # New, or closed so long ago that only the ledger knows it: then what it had realised is counted already.
        newest_ms = next(reversed(self._closed.values())).close_time_ms if self._closed else 0
        is_old = told.closing or (told.closed and (told.close_time_ms or 0) <= newest_ms)
        return told.realized if is_old else ZERO

    def _add_profit(self, time_ms: int, quote: str, amount: Decimal) -> None:
        at = (time_ms - time_ms % QUARTER_MS, quote)
        self._profits[at] = self._profits.get(at, ZERO) + amount
        oldest_ms = time_ms - KEPT_QUARTERS_MS
        while next(iter(self._profits))[0] < oldest_ms:
            self._profits.popitem(last=False)

    def _add_closed(self, closed: ClosedGroup) -> None:
        self._closed.pop(closed.group_id, None)
        newest = next(reversed(self._closed.values()), None)
        self._closed[closed.group_id] = closed
        if newest is not None and _closing_order(closed) < _closing_order(newest):
            in_order = sorted(self._closed.values(), key=_closing_order)
            self._closed = OrderedDict((each.group_id, each) for each in in_order)
        while len(self._closed) > RECENT_CLOSED:
            self._closed.popitem(last=False)
        if closed.realized < 0:
            self._last_loss_ms[closed.key] = max(closed.close_time_ms, self._last_loss_ms.get(closed.key, 0))
            if len(self._last_loss_ms) > RECENT_CLOSED:
                del self._last_loss_ms[min(self._last_loss_ms, key=self._last_loss_ms.__getitem__)]

    # --- entries ----------------------------------------------------------------------------------

    def refusal(self, key: Key, new_group: bool, now_ms: int, no_limits: bool) -> Refused | None:
        """Why an entry of this key has to wait, if it has to: a limit that is breached, or the key's cool-down.

        `no_limits`: a person wants it in all the same; no use where its orders would be cancelled at once.
        """
        if no_limits and self.standing.level < LimitLevel.REDUCE_ONLY:
            return None
        return limit_states.refusal(self.standing, new_group=new_group) or self._cooling(key, now_ms)

    def _cooling(self, key: Key, now_ms: int) -> Refused | None:
        cooldown_s = self._settings().limits.cooldown_after_loss_s
        lost_ms = self._last_loss_ms.get(key)
        if cooldown_s is None or lost_ms is None or now_ms - lost_ms >= cooldown_s * 1000:
            return None
        until = datetime.fromtimestamp(lost_ms // 1000 + cooldown_s, UTC)
        detail = f"a group of this key closed with a loss: the key rests until {until:%Y-%m-%d %H:%M:%S} UTC"
        return Refused(reason=Reason.COOLDOWN_AFTER_LOSS, detail=detail)

    # --- judging ----------------------------------------------------------------------------------

    def judge(self, now_ms: int) -> list[Row]:
        """Looks at everything anew. Rows of what changed, for one commit; `standing` is the new one at once."""
        settings, before = self._settings().limits, self._as_switches()
        self._forget(now_ms)
        if not before and not _is_any_set(settings) and not self._is_unjudged_said and not self._may_be_said:
            return []
        rows: list[Row] = []
        if settings.max_drawdown_percent is None:
            self._measured, self._unpriced_ms, equity = None, None, None
            self._looks.clear()
        else:
            equity = self._measure(now_ms)
        facts = self._facts(equity, now_ms)
        rows += self._unjudged(equity, facts.day_profit, now_ms)
        judged = limit_states.judge(self.standing, facts, settings)
        self.standing = judged.standing
        self._count_anew(judged, now_ms)
        rows += self._told(judged, now_ms)
        return [*self._switched(before, now_ms, ENGINE), *rows]

    def lift(self, who: str, why: str, now_ms: int) -> list[Row]:
        """A person ends whatever stands; what was counted until now does not count any more."""
        before, lifted = self._as_switches(), self.standing.causes
        if not lifted:
            return []
        words = f"{who}: {why}" if why else who
        rows: list[Row] = []
        for cause in lifted:
            rows += self._ended(cause, f"lifted by {words}", now_ms, who)
            if cause.reason is Reason.MAX_REALIZED_LOSS_PER_DAY:
                start_ms = self._days(now_ms)[0]
                profits = self._day_profits(start_ms)
                self._counts = replace(self._counts, day_start_ms=start_ms, day_profits=profits)
            elif cause.reason is Reason.MAX_CONSECUTIVE_LOSSES:
                newest_ms = next(reversed(self._closed.values())).close_time_ms if self._closed else 0
                self._counts = replace(self._counts, streak_from_ms=max(now_ms, newest_ms) + 1)
            elif self._measured is not None:
                self._measured = replace(self._measured, peak=None)
                self._looks.clear()
        self.standing = limit_states.NOTHING
        return [*self._switched(before, now_ms, who), *rows]

    def now(self, now_ms: int) -> LimitsNow:
        """What the limits are judged by, for whoever looks; changes nothing."""
        is_seen = bool(self._looks) and now_ms - self._looks[-1][0] < UNSEEN_MS
        equity = max(equity for _, equity in self._looks) if is_seen else None
        facts = self._facts(equity, now_ms)
        return LimitsNow(day_profit=facts.day_profit, drawdown_percent=facts.drawdown_percent, streak=facts.streak)

    def _facts(self, equity: Decimal | None, now_ms: int) -> LimitFacts:
        day = self._days(now_ms)
        losses_from_ms = self._counts.streak_from_ms
        peak = self._measured.peak if self._measured is not None else None
        return LimitFacts(
            now_ms=now_ms,
            day=day,
            day_profit=self._day_profit(day[0], now_ms),
            drawdown_percent=limit_states.drawdown_percent(equity, peak),
            streak=self._streak(losses_from_ms),
            streak_today=self._streak(max(losses_from_ms, day[0])),
        )

    def _streak(self, from_ms: int) -> int:
        closes = ((closed.close_time_ms, closed.realized) for closed in reversed(self._closed.values()))
        return limit_states.streak(closes, from_ms)

    def _day_profits(self, start_ms: int) -> dict[str, Decimal]:
        sums: dict[str, Decimal] = {}
        for (quarter_ms, quote), amount in self._profits.items():
            if quarter_ms >= start_ms:
                sums[quote] = sums.get(quote, ZERO) + amount
        return sums

    def _day_profit(self, start_ms: int, now_ms: int) -> Decimal | None:
        sums = self._day_profits(start_ms)
        if self._counts.day_start_ms == start_ms:
            for quote, amount in self._counts.day_profits.items():
                sums[quote] = sums.get(quote, ZERO) - amount
        return self._worth.in_reporting(sums, now_ms)

    def _count_anew(self, judged: Judged, now_ms: int) -> None:
        """A streak that a new day has ended begins anew with that day."""
        start_ms = self._days(now_ms)[0]
        for lifted in judged.lifted:
            if lifted.cause.reason is Reason.MAX_CONSECUTIVE_LOSSES and lifted.cause.set_time_ms < start_ms:
                streak_from_ms = max(start_ms, self._counts.streak_from_ms)
                self._counts = replace(self._counts, streak_from_ms=streak_from_ms)

    def _forget(self, now_ms: int) -> None:
        """Keys that have cooled down."""
        cooldown_s = self._settings().limits.cooldown_after_loss_s
        if cooldown_s is not None and self._last_loss_ms:
            oldest_ms = now_ms - cooldown_s * 1000
            self._last_loss_ms = {key: ms for key, ms in self._last_loss_ms.items() if ms > oldest_ms}

    # --- equity -----------------------------------------------------------------------------------

    def _measure(self, now_ms: int) -> Decimal | None:
        """The equity a drawdown is judged by, its peak moved on. None where it is not known now."""
        realized = self._worth.in_reporting(self._realized, now_ms)
        unrealized = self._worth.unrealized(now_ms)
        if realized is None or unrealized is None:
            return None
        if self._measured is None:
            base = self._base(realized, now_ms)
            if base is None:
                return None
            self._measured = _Measured(base=base, peak=None, since_ms=now_ms)
        self._look(now_ms, self._measured.base + realized + unrealized)
        looks = [equity for _, equity in self._looks]
        peak, least = self._measured.peak, min(looks)
        if peak is None or least > peak:
            self._measured = replace(self._measured, peak=least)
        return max(looks)

    def _look(self, now_ms: int, equity: Decimal) -> None:
        if self._looks and 0 <= now_ms - self._looks[-1][0] < LOOK_MS:
            now_ms, _ = self._looks.pop()
        self._looks.append((now_ms, equity))

    def _base(self, realized: Decimal, now_ms: int) -> Decimal | None:
        """What lies on the accounts without the profit of groups. Coins get their time to be priced."""
        if self._unpriced_ms is None:
            self._unpriced_ms = now_ms
        is_late = now_ms - self._unpriced_ms >= UNPRICED_MS
        # The unrealised profit of a spot group is in the price of the coins it holds; that of a swap is nowhere yet.
        unrealized = self._worth.unrealized(now_ms, Market.SPOT)
        balances = self._worth.balances(now_ms, only_priced=is_late)
        return None if balances is None or unrealized is None else balances - realized - unrealized

    def _unjudged(self, equity: Decimal | None, day_profit: Decimal | None, now_ms: int) -> Iterator[Row]:
        """A limit that cannot be judged protects from nothing: that is said."""
        settings, unknown = self._settings().limits, []
        if equity is None and settings.max_drawdown_percent is not None:
            unknown.append("the drawdown cannot be judged: an account is not ready, or what is held has no fresh price")
        if day_profit is None and settings.max_realized_loss_per_day is not None:
            currency = self._settings().engine.reporting_currency
            unknown.append(f"the day's loss cannot be judged: a quote currency has no fresh price in {currency}")
        if not unknown:
            self._unjudged_ms = None
            if self._is_unjudged_said or self._may_be_said:
                self._is_unjudged_said = self._may_be_said = False
                yield ResolveAlert(alert_key=f"limit_unjudged/{self._world.value}", time_ms=now_ms)
            return
        if self._unjudged_ms is None:
            self._unjudged_ms = now_ms
        if not self._is_unjudged_said and now_ms - self._unjudged_ms >= UNJUDGED_MS:
            self._is_unjudged_said = True
            yield self._alert(f"limit_unjudged/{self._world.value}", "; ".join(unknown), now_ms)

    @property
    def is_equity_unwritten(self) -> bool:
        """Nothing was written down in this life: the first is due as soon as it is known, before anything is traded,
        since curves start from it."""
        return self._snapshot is None

    def snapshot(self, now_ms: int) -> AddEquity | None:
        """Equity to be written down: it has changed, and a minute has passed or a group has closed (PNL-4)."""
        if now_ms < self._snapshot_ms and not self._is_close_new and not self.is_equity_unwritten:
            return None
        self._snapshot_ms, self._is_close_new = now_ms + self._snapshot_every_ms, False
        realized = self._worth.in_reporting(self._realized, now_ms)
        if realized is None:
            return None
        found = (self._worth.equity(now_ms), realized, self._worth.unrealized(now_ms))
        if found == self._snapshot or (self.is_equity_unwritten and found[0] is None):
            return None
        self._snapshot = found
        return AddEquity(time_ms=now_ms, world=self._world, equity=found[0], realized=realized, unrealized=found[2])

    def equity(self, now_ms: int) -> AddEquity:
        """As it is now; what has no fresh price is not known."""
        realized = self._worth.in_reporting(self._realized, now_ms)
        return AddEquity(
            time_ms=now_ms,
            world=self._world,
            equity=self._worth.equity(now_ms),
            realized=ZERO if realized is None else realized,
            unrealized=self._worth.unrealized(now_ms),
        )

    # --- rows -------------------------------------------------------------------------------------

    def _as_switches(self) -> dict[str, str]:
        """Everything durable, by name."""
        switches = limit_states.to_switches(self.standing)
        if self._measured is not None and self._measured.peak is not None:
            switches[EQUITY] = _write_measured(self._measured)
        if self._counts != _Counts():
            switches[COUNTS] = _write_counts(self._counts)
        return switches

    def _switched(self, before: Mapping[str, str], now_ms: int, who: str) -> Iterator[Row]:
        after = self._as_switches()
        for name in sorted(before.keys() | after.keys()):
            value = after.get(name, "")
            if value != before.get(name, ""):
                self._books.switch({name: value})
                yield SaveEngineState(world=self._world, name=name, value=value, who=who, time_ms=now_ms)

    def _told(self, judged: Judged, now_ms: int) -> Iterator[Row]:
        for lifted in judged.lifted:
            yield from self._ended(lifted.cause, lifted.why, now_ms, ENGINE)
        for cause in judged.changed:
            words = f"limit {cause.reason.value} stands on: {_CONSEQUENCE[cause.level.name]}"
            yield self._event("warning", "limit.changed", words, cause, now_ms, ENGINE)
        for cause in judged.begun:
            words = f"{limit_states.words(cause)}: {_CONSEQUENCE[cause.level.name]}; lifted by {cause.lift}"
            yield self._event("critical", "limit.set", words, cause, now_ms, ENGINE)
            yield self._alert(self._alert_key(cause), words, now_ms)

    def _ended(self, cause: LimitCause, why: str, now_ms: int, who: str) -> Iterator[Row]:
        words = f"limit {cause.reason.value} stands no more: {why}"
        yield self._event("warning", "limit.lifted", words, cause, now_ms, who)
        yield ResolveAlert(alert_key=self._alert_key(cause), time_ms=now_ms)

    def _alert_key(self, cause: LimitCause) -> str:
        return f"limit/{self._world.value}/{cause.reason.value}"

    def _alert(self, alert_key: str, words: str, now_ms: int) -> RaiseAlert:
        return RaiseAlert(alert_key=alert_key, time_ms=now_ms, severity="critical", category="risk", message=words)

    def _event(self, severity: str, kind: str, words: str, cause: LimitCause, now_ms: int, who: str) -> AddEvent:
        attributes = {
            "reason": cause.reason.value,
            "level": cause.level.name,
            "value": plain(cause.value),
            "bound": plain(cause.bound),
            "who": who,
        }
        return AddEvent(
            time_ms=now_ms,
            severity=severity,
            category="risk",
            type=kind,
            message=words,
            world=self._world,
            attributes=attributes,
        )


_CONSEQUENCE = {
    "NO_NEW_GROUPS": "no new groups are opened",
    "NO_NEW_ENTRIES": "no new groups and no pyramids are opened",
    "REDUCE_ONLY": "unfilled entries are cancelled, and none are opened",
    "CLOSE_ALL": "everything is closed, and nothing is opened",
}


def _closing_order(closed: ClosedGroup) -> tuple[int, str]:
    """Groups that close in one moment have an order, too: the same one in every life."""
    return closed.close_time_ms, closed.group_id


def _is_any_set(settings: LimitSettings) -> bool:
    found = (settings.max_realized_loss_per_day, settings.max_drawdown_percent, settings.max_consecutive_losses)
    return any(bound is not None for bound in found)


def _write_measured(measured: _Measured) -> str:
    assert measured.peak is not None
    fields = {"base": plain(measured.base), "peak": plain(measured.peak), "since_ms": measured.since_ms}
    return json.dumps(fields)


def _read_measured(text: str | None) -> _Measured | None:
    if not text:
        return None
    fields = json.loads(text)
    return _Measured(base=Decimal(fields["base"]), peak=Decimal(fields["peak"]), since_ms=fields["since_ms"])


def _write_counts(counts: _Counts) -> str:
    fields = {
        "streak_from_ms": counts.streak_from_ms,
        "day_start_ms": counts.day_start_ms,
        "day_profits": {quote: plain(amount) for quote, amount in counts.day_profits.items()},
    }
    return json.dumps(fields)


def _read_counts(text: str | None) -> _Counts:
    if not text:
        return _Counts()
    fields = json.loads(text)
    return _Counts(
        streak_from_ms=fields["streak_from_ms"],
        day_start_ms=fields["day_start_ms"],
        day_profits={quote: Decimal(amount) for quote, amount in fields["day_profits"].items()},
    )


__all__ = ["Days", "LimitStanding", "PoolLimits", "utc_day"]
