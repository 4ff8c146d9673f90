"""What a preview of a config change looks at, gathered from the running daemon (CFG-4). Nothing is changed by it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from actors.pool_limits import COUNTS, EQUITY
from actors.rules import limit_states
from actors.rules.choices import World
from actors.rules.limit_states import LimitFacts
from actors.rules.model import Instrument, Quote
from actors.rules.money import ZERO
from actors.rules.records import DriftKind, DriftState
from actors.rules.reserve import planned
from actors.view import Snapshot
from daemon.api import valuing
from daemon.api.engine import Engine
from daemon.api.translate_limit import standing_of
from daemon.config.kinds import SECRET_KINDS
from daemon.config.load import LoadedConfig
from daemon.config.reload import changed_keys, flatten
from daemon.config.seen import At, Seen
from daemon.days import day_of
from daemon.readiness import secrets_to_make
from daemon.reports import periods, queries
from daemon.reports.scope import Scope

ProblemOf = Callable[[str], str]
"""What keeps a reference from giving its secret, in words that hold no part of it; empty: nothing does."""


async def look(engine: Engine, old: LoadedConfig, new: LoadedConfig, problem_of: ProblemOf = lambda _: "") -> Seen:
    """The daemon as it is now, as far as a change from `old` to `new` may touch it.

    `problem_of` is asked off the loop, and only for references that are new.
    """
    is_limited = any(
        each is not None
        for limits in (old.settings.limits, new.settings.limits)
        for each in (limits.max_realized_loss_per_day, limits.max_drawdown_percent, limits.max_consecutive_losses)
    )
    books: dict[World, _Books] = {}
    if is_limited:
        zone = new.settings.engine.reporting_timezone
        for world in engine.worlds():
            books[world] = await engine.read(engine.reader.report, _asking(world, zone, engine.clock.now_ms()))
    return await asyncio.to_thread(_seen, engine, old, new, books, problem_of)


@dataclass(frozen=True, slots=True)
class _Books:
    """Realised profit by quote currency."""

    of_day: Mapping[str, Decimal] = field(default_factory=dict)
    ever: Mapping[str, Decimal] = field(default_factory=dict)


def _asking(world: World, zone: str, now_ms: int) -> Callable[[queries.Run], _Books]:
    def ask(run: queries.Run) -> _Books:
        start_ms, _ = day_of(now_ms, zone)
        starts = periods.Starts(day_ms=start_ms, week_ms=start_ms, month_ms=start_ms)
        of_day: dict[str, Decimal] = {}
        for recent in queries.recent_sums(run, Scope(world=world), starts):
            of_day[recent.quote] = of_day.get(recent.quote, ZERO) + recent.realized
        return _Books(of_day, queries.realized_now(run, world))

    return ask


def _seen(
    engine: Engine, old: LoadedConfig, new: LoadedConfig, books: Mapping[World, _Books], problem_of: ProblemOf
) -> Seen:
    snapshot, now_ms = engine.view.current, engine.clock.now_ms()
    instruments = _instruments(engine, snapshot)
    return Seen(
        now_ms=now_ms,
        accounts=frozenset(engine.settings().accounts),
        groups=tuple(snapshot.live()),
        queued=tuple((world, queued) for (world, _), queued in snapshot.queued.items()),
        quotes=_quotes(engine, instruments),
        instruments=instruments,
        exposure={world: _exposure(engine, snapshot, world) for world in engine.worlds()},
        limits={world: _facts(engine, snapshot, world, found, new, now_ms) for world, found in books.items()},
        standing={world: standing_of(snapshot, world) for world in engine.worlds()},
        uncovered=frozenset(
            (drift.account, drift.symbol)
            for drift in snapshot.drifts.values()
            if drift.kind is DriftKind.UNCOVERED and drift.state is DriftState.OPEN
        ),
        unresolved=_unresolved(old, new, problem_of),
    )


def _instruments(engine: Engine, snapshot: Snapshot) -> dict[At, Instrument]:
    found = {(group.account, group.symbol): group.instrument for group in snapshot.live()}
    for name in engine.settings().accounts:
        found |= {(name, symbol): known for symbol, known in engine.catalogue.instruments(name).items()}
    return found


def _quotes(engine: Engine, instruments: Mapping[At, Instrument]) -> dict[At, Quote]:
    found = {at: engine.marks.quote(*at) for at in instruments}
    return {at: quote for at, quote in found.items() if quote is not None}


# --- money ----------------------------------------------------------------------------------------


def _exposure(engine: Engine, snapshot: Snapshot, world: World) -> Decimal | None:
    total = ZERO
    for group in snapshot.live(world):
        rate = valuing.rate(engine, group.account, group.instrument.quote)
        if rate is None:
            return None
        total += planned(group) * rate
    return total


def _facts(
    engine: Engine, snapshot: Snapshot, world: World, books: _Books, new: LoadedConfig, now_ms: int
) -> LimitFacts:
    """What the loss limits are judged by, as Pool counts it: what a person lifted does not count."""
    day = day_of(now_ms, new.settings.engine.reporting_timezone)
    counts = _read(snapshot, world, COUNTS)
    since_lifted = dict(books.of_day)
    if counts.get("day_start_ms") == day[0]:
        for quote, amount in counts["day_profits"].items():
            since_lifted[quote] = since_lifted.get(quote, ZERO) - Decimal(amount)
    from_ms = int(counts.get("streak_from_ms", 0))
    closed = sorted((group for group in snapshot.closed.values() if group.world is world), key=_close_ms, reverse=True)
    closes = [(_close_ms(group), group.realized) for group in closed]
    return LimitFacts(
        now_ms=now_ms,
        day=day,
        day_profit=_in_reporting(engine, since_lifted),
        drawdown_percent=_drawdown(engine, snapshot, world, books),
        streak=limit_states.streak(closes, from_ms),
        streak_today=limit_states.streak(closes, max(from_ms, day[0])),
    )


def _close_ms(group: Any) -> int:
    return group.close_time_ms or 0


def _drawdown(engine: Engine, snapshot: Snapshot, world: World, books: _Books) -> Decimal | None:
    """None where nobody measures it yet: its peak begins when the limit does."""
    measured = _read(snapshot, world, EQUITY)
    realized = _in_reporting(engine, books.ever)
    unrealized = valuing.unrealized(engine, snapshot.live(world))
    if not measured or realized is None or unrealized is None:
        return None
    return limit_states.drawdown_percent(Decimal(measured["base"]) + realized + unrealized, Decimal(measured["peak"]))


def _in_reporting(engine: Engine, amounts: Mapping[str, Decimal]) -> Decimal | None:
    account = next(iter(engine.settings().accounts), "")
    return valuing.in_reporting(engine, account, amounts)


def _read(snapshot: Snapshot, world: World, name: str) -> dict[str, Any]:
    text = snapshot.switches.get((world, name))
    found: dict[str, Any] = json.loads(text) if text else {}
    return found


# --- secrets --------------------------------------------------------------------------------------


def _unresolved(old: LoadedConfig, new: LoadedConfig, problem_of: ProblemOf) -> dict[str, str]:
    values = flatten(new.effective)
    made = set(secrets_to_make(new.settings, new.daemon.data_dir))
    found = {}
    for key in changed_keys(old.effective, new.effective):
        for reference in _references(values.get(key)):
            problem = "" if reference in made else problem_of(reference)
            if problem:
                found[reference] = problem
    return found


def _references(value: object) -> Iterator[str]:
    if isinstance(value, str) and value.startswith(SECRET_KINDS):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)
