"""What a breached limit does, as the engine's status shows it (POOL-4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from actors.rules.choices import World
from actors.rules.limit_states import LimitCause, LimitLevel, LimitStanding, from_switches, words
from actors.view import Snapshot
from protos.terrace.v1 import types_pb2 as pb

LIMIT_STATE: Mapping[LimitLevel, pb.LimitState] = {
    LimitLevel.NONE: pb.LIMIT_STATE_NONE,
    LimitLevel.NO_NEW_GROUPS: pb.LIMIT_STATE_NO_NEW_GROUPS,
    LimitLevel.NO_NEW_ENTRIES: pb.LIMIT_STATE_NO_NEW_ENTRIES,
    LimitLevel.REDUCE_ONLY: pb.LIMIT_STATE_REDUCE_ONLY,
    LimitLevel.CLOSE_ALL: pb.LIMIT_STATE_CLOSE_ALL,
}


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


def _lift(cause: LimitCause) -> str:
    if cause.lift_time_ms is None:
        return cause.lift
    at = datetime.fromtimestamp(cause.lift_time_ms // 1000, UTC)
    return f"{cause.lift}; by itself at {at:%Y-%m-%dT%H:%M:%SZ} at the latest"


def _strongest_first(standing: LimitStanding) -> list[LimitCause]:
    return sorted(standing.causes, key=lambda cause: (-cause.level, cause.set_time_ms))
