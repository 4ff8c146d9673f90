"""The engine's state in one world, put together from the View, the accounts and the daemon's own condition."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal

from actors.repair_messages import DescribeParts, PartsNow
from actors.risk_messages import DescribeLimits, LimitsNow
from actors.rules.choices import EngineMode, World
from actors.rules.model import Group
from actors.rules.money import ZERO
from actors.rules.reserve import planned, reserved
from actors.runtime import SUPERVISOR
from daemon.api import translate_account, valuing
from daemon.api.account_states import AccountNow, describe_all, why_paused
from daemon.api.condition import SERVING
from daemon.api.degraded import Facts, degraded, is_grave, message
from daemon.api.engine import Engine
from daemon.api.errors import Failed
from daemon.api.risk_service import risk_state
from daemon.api.status_counts import Stored
from daemon.api.translate import WORLD, decimal, optional_timestamp, timestamp
from daemon.api.translate_limit import LIMIT_STATE, limit_lift, limit_reason, limits, standing_of
from protos.terrace.v1 import engine_pb2
from protos.terrace.v1 import types_pb2 as pb

SUPERVISOR_TIMEOUT_S = 1.0
POOL_TIMEOUT_S = 0.5
"""Without Pool's answer the figures of its loss limits are not known; the rest is shown all the same."""


async def status(engine: Engine, world: World) -> engine_pb2.Status:
    """What the panel and `terrace engine status` show."""
    accounts, stored, risk, parts, judged_by = await asyncio.gather(
        describe_all(engine, engine.accounts(world)),
        engine.counts.look(engine, world),
        risk_state(engine, world),
        parts_now(engine),
        limits_now(engine, world),
    )
    facts = Facts(
        world=world,
        snapshot=engine.view.current,
        condition=engine.condition,
        parts=parts,
        accounts=accounts,
        switch_times=stored.switch_times,
        unreadable=stored.problem,
        is_read_only=engine.settings().engine.mode is EngineMode.READ_ONLY,
        elsewhere=frozenset(
            account.name for account in engine.settings().accounts.values() if account.world is not world
        ),
    )
    # Off the loop: many groups take a while to be valued, and alerts must not wait for a look at them.
    return await asyncio.to_thread(_status, engine, facts, stored, risk, judged_by)


async def parts_now(engine: Engine) -> PartsNow | None:
    """What the supervisor says; None if it does not answer."""
    try:
        answer = await engine.ask(
            SUPERVISOR, lambda reply_to: DescribeParts(reply_to=reply_to), None, SUPERVISOR_TIMEOUT_S
        )
    except Failed:
        return None
    return answer if isinstance(answer, PartsNow) else None


async def limits_now(engine: Engine, world: World) -> LimitsNow | None:
    """What Pool judges its loss limits by; None if it does not answer."""
    try:
        answer = await engine.ask(
            f"pool/{world.value}", lambda reply_to: DescribeLimits(reply_to=reply_to), None, POOL_TIMEOUT_S
        )
    except Failed:
        return None
    return answer if isinstance(answer, LimitsNow) else None


def _status(
    engine: Engine, facts: Facts, stored: Stored, risk: pb.RiskState, judged_by: LimitsNow | None
) -> engine_pb2.Status:
    world, accounts = facts.world, facts.accounts
    snapshot, settings = engine.view.current, engine.settings()
    groups = list(snapshot.live(world))
    found = degraded(facts)
    broken = [one.message for one in found if is_grave(one)]
    state, why = _state(engine, world, accounts, broken)
    slots = Counter(group.account for group in groups)
    last_signal_ms = snapshot.last_signal_time_ms.get(world)
    standing = standing_of(snapshot, world)
    exposure = _sum_in_reporting(engine, groups, planned)
    return engine_pb2.Status(
        state=state,
        state_reason=why,
        limit_state=LIMIT_STATE[standing.level],
        live_groups=len(groups),
        max_open_groups=settings.pool.max_open_groups,
        queued_signals=sum(its is world for its, _ in snapshot.queued),
        unrealized_pnl=decimal(valuing.unrealized(engine, groups)),
        realized_pnl=decimal(snapshot.totals(world).realized),
        last_signal_time=optional_timestamp(last_signal_ms),
        risk_state=risk,
        accounts=[translate_account.status_line(now, slots[now.settings.name]) for now in accounts],
        alerts=stored.alerts,
        version=engine.version,
        config_version=settings.version,
        world=WORLD[world],
        limit_reason=limit_reason(standing),
        limit_lift=limit_lift(standing),
        start_time=timestamp(engine.condition.start_time_ms),
        forced_groups=sum(group.forced for group in groups),
        reporting_currency=settings.engine.reporting_currency,
        exposure=decimal(exposure),
        reserved_capital=decimal(_sum_in_reporting(engine, groups, reserved)),
        free_capital=decimal(free_capital(engine, accounts, groups)),
        equity=decimal(total_equity(engine, accounts)),
        read_only=settings.engine.mode is EngineMode.READ_ONLY,
        dead_letters=stored.dead_letters,
        last_sequence=snapshot.last_sequence,
        worlds=[WORLD[each] for each in engine.worlds()],
        degradations=broken,
        degraded=map(message, found),
        leadership=engine.leadership(),
        limits=limits(settings, standing, judged_by, len(groups), exposure),
    )


def _state(
    engine: Engine, world: World, accounts: Sequence[AccountNow], broken: Sequence[str]
) -> tuple[pb.EngineState, str]:
    if engine.condition.phase != SERVING:
        return pb.ENGINE_STATE_RECOVERING, f"the daemon is {engine.condition.phase}"
    if broken:
        return pb.ENGINE_STATE_DEGRADED, broken[0]
    for now in accounts:
        if now.state == pb.ACCOUNT_STATE_DISCONNECTED:
            return pb.ENGINE_STATE_DEGRADED, f"account {now.settings.name}: {now.reason}"
    for now in accounts:
        if now.state == pb.ACCOUNT_STATE_RECONCILING:
            return pb.ENGINE_STATE_RECOVERING, f"account {now.settings.name}: {now.reason or 'not ready yet'}"
    paused = engine.view.current.switches.get((world, "paused"))
    if paused:
        return pb.ENGINE_STATE_PAUSED, why_paused(paused)
    return pb.ENGINE_STATE_RUNNING, ""


def _sum_in_reporting(engine: Engine, groups: Sequence[Group], amount: Callable[[Group], Decimal]) -> Decimal | None:
    total = ZERO
    for group in groups:
        worth = valuing.in_reporting(engine, group.account, {group.instrument.quote: amount(group)})
        if worth is None:
            return None
        total += worth
    return total


def total_equity(engine: Engine, accounts: Sequence[AccountNow]) -> Decimal | None:
    total = ZERO
    for now in accounts:
        worth = valuing.equity(engine, now.settings, now.balances, now.positions) if now.known else None
        if worth is None:
            return None
        total += worth
    return total


def free_capital(engine: Engine, accounts: Sequence[AccountNow], groups: Sequence[Group]) -> Decimal | None:
    """Reporting currency on the accounts less what is reserved for unfilled legs."""
    if not all(now.known for now in accounts):
        return None
    currency = engine.settings().engine.reporting_currency
    cash = sum((now.balances[currency].total for now in accounts if currency in now.balances), ZERO)
    bound = sum((reserved(group) for group in groups if group.instrument.quote == currency), ZERO)
    return cash - bound
