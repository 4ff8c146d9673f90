"""Limits as the engine's status shows them: what each is compared with, what a breached one does (POOL-3, POOL-4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal

from actors.risk_messages import LimitsNow
from actors.rules.choices import World
from actors.rules.limit_states import LimitCause, LimitLevel, LimitStanding, from_switches, words
from actors.rules.model import Reason
from actors.rules.money import CONTEXT, ZERO
from actors.rules.settings import Settings
from actors.view import Snapshot
from daemon.api.translate import decimal
from protos.terrace.v1 import engine_pb2
from protos.terrace.v1 import types_pb2 as pb

LIMIT_STATE: Mapping[LimitLevel, pb.LimitState] = {
    LimitLevel.NONE: pb.LIMIT_STATE_NONE,
    LimitLevel.NO_NEW_GROUPS: pb.LIMIT_STATE_NO_NEW_GROUPS,
    LimitLevel.NO_NEW_ENTRIES: pb.LIMIT_STATE_NO_NEW_ENTRIES,
    LimitLevel.REDUCE_ONLY: pb.LIMIT_STATE_REDUCE_ONLY,
    LimitLevel.CLOSE_ALL: pb.LIMIT_STATE_CLOSE_ALL,
}
_PLACES = Decimal("0.0001")


def standing_of(snapshot: Snapshot, world: World) -> LimitStanding:
    """What stands in a world, as committed."""
    return from_switches({name: value for (its, name), value in snapshot.switches.items() if its is world})


def limit_reason(standing: LimitStanding) -> str:
    """What set it, strongest first: codes and words. Empty while nothing stands."""
    return "; ".join(f"{cause.reason.value}: {words(cause)}" for cause in _strongest_first(standing))


def limit_lift(standing: LimitStanding) -> str:
    """What lifts it. Of several each is named, since all must be over."""
    causes = _strongest_first(standing)
    named = len(causes) > 1
    return "; ".join(f"{cause.reason.value}: {_lift(cause)}" if named else _lift(cause) for cause in causes)


def limits(
    settings: Settings, standing: LimitStanding, now: LimitsNow | None, live_groups: int, exposure: Decimal | None
) -> list[engine_pb2.Limit]:
    """Every limit with what it is compared with. `now` None: Pool has not said; `exposure` None: a price is missing."""
    bounds, currency = settings.limits, settings.engine.reporting_currency
    loss = None if now is None or now.day_profit is None else max(-now.day_profit, ZERO)
    drawdown = None if now is None or now.drawdown_percent is None else _shortened(now.drawdown_percent)
    losses = bounds.max_consecutive_losses
    return [
        _used("MAX_OPEN_GROUPS", Decimal(live_groups), Decimal(settings.pool.max_open_groups), ""),
        _used("MAX_TOTAL_EXPOSURE", exposure, bounds.max_total_exposure, currency),
        _judged(Reason.MAX_REALIZED_LOSS_PER_DAY, loss, bounds.max_realized_loss_per_day, currency, standing),
        _judged(Reason.MAX_DRAWDOWN_PERCENT, drawdown, bounds.max_drawdown_percent, "%", standing),
        _judged(
            Reason.MAX_CONSECUTIVE_LOSSES,
            None if now is None else Decimal(now.streak),
            None if losses is None else Decimal(losses),
            "",
            standing,
        ),
    ]


def _used(code: str, value: Decimal | None, bound: Decimal | None, unit: str) -> engine_pb2.Limit:
    """A limit that counts what is there: it holds back while that is at the bound."""
    is_reached = value is not None and bound is not None and value >= bound
    return engine_pb2.Limit(code=code, value=decimal(value), bound=decimal(bound), unit=unit, breached=is_reached)


def _judged(
    reason: Reason, value: Decimal | None, bound: Decimal | None, unit: str, standing: LimitStanding
) -> engine_pb2.Limit:
    """A limit whose breach stands until it is lifted."""
    stands = standing.find(reason) is not None
    return engine_pb2.Limit(code=reason.value, value=decimal(value), bound=decimal(bound), unit=unit, breached=stands)


def _shortened(percent: Decimal) -> Decimal:
    """Without places nobody reads; rounded down, so that it is not shown at a bound it has not reached."""
    return percent.quantize(_PLACES, ROUND_DOWN, CONTEXT)


def _lift(cause: LimitCause) -> str:
    if cause.lift_time_ms is None:
        return cause.lift
    at = datetime.fromtimestamp(cause.lift_time_ms // 1000, UTC)
    return f"{cause.lift}; by itself at {at:%Y-%m-%dT%H:%M:%SZ} at the latest"


def _strongest_first(standing: LimitStanding) -> list[LimitCause]:
    return sorted(standing.causes, key=lambda cause: (-cause.level, cause.set_time_ms))
