"""The topic every page has: how the engine of this world is, in one row, and what is broken, a row each."""

from __future__ import annotations

from decimal import Decimal

from gui.live.topics import Cell, Reading, Row, Snapshot, Topic
from gui.show.limits import LOSS_LIMITS, NAMES, in_short, used
from gui.show.numbers import NONE, number, signed
from gui.show.profit import exact, share, total_profit
from gui.show.times import time_cell
from gui.show.words import word
from protos.terrace.v1 import engine_pb2
from protos.terrace.v1.types_pb2 import EngineState, LimitState, RiskState, World

MAX_SHOWN = 50
"""Broken things with a row of their own; the count is of all."""
_GRAVE = frozenset(
    {
        "STORE_FAILED",
        "STORE_UNREADABLE",
        "STORE_COPY",
        "LEASE_LOST",
        "PART_DOWN",
        "VAULT_LOCKED",
        "ACCOUNT_UNREACHABLE",
        "ACCOUNT_KEY_REFUSED",
        "ACCOUNT_CIRCUIT_OPEN",
    }
)


async def read_state(reading: Reading) -> Snapshot:
    """The engine's state in this world. Raises ClientError."""
    request = engine_pb2.GetStatusRequest(world=reading.world)
    return rows_of((await reading.client.call(request, engine_pb2.GetStatusResponse)).status)


def rows_of(status: engine_pb2.Status) -> Snapshot:
    """Row `` for the engine, rows `degraded:...` for what is broken or held back, the gravest first, then rows
    `limit:...` for the limits that have a bound."""
    rows: dict[str, Row] = {"": {**_condition(status), **_counts(status), **_money(status)}}
    for found in status.degraded[:MAX_SHOWN]:
        rows[f"degraded:{found.code}:{found.subject}"] = {
            "code": (word(found.code, ""), "bad" if found.code in _GRAVE else "warn"),
            "subject": found.subject,
            "message": found.message,
            "remedy": found.remedy,
            "since": time_cell(found.since_time),
        }
    for limit in status.limits:
        if limit.bound and limit.code in (*LOSS_LIMITS, "MAX_TOTAL_EXPOSURE"):
            rows[f"limit:{limit.code}"] = {"name": NAMES[limit.code], "now": in_short(limit), "used": used(limit)}
    return rows


def condition_of(status: engine_pb2.Status) -> tuple[str, str]:
    """The banner's word and tone: a limit is said where the engine itself runs."""
    state = word(EngineState.Name(status.state), "ENGINE_STATE_")
    if status.state == EngineState.ENGINE_STATE_RUNNING and _is_limited(status):
        return "limited", "warn"
    tones = {"running": "good", "degraded": "bad"}
    return state or "not known", tones.get(state, "warn")


def _is_limited(status: engine_pb2.Status) -> bool:
    return status.limit_state not in (LimitState.LIMIT_STATE_UNSPECIFIED, LimitState.LIMIT_STATE_NONE)


def _condition(status: engine_pb2.Status) -> dict[str, Cell]:
    is_limited = _is_limited(status)
    leadership = status.leadership if status.HasField("leadership") else None
    return {
        "state": condition_of(status),
        "state_reason": status.state_reason or (status.limit_reason if is_limited else ""),
        "engine": word(EngineState.Name(status.state), "ENGINE_STATE_"),
        "limit": (word(LimitState.Name(status.limit_state), "LIMIT_STATE_"), "bad") if is_limited else "",
        "limit_reason": status.limit_reason,
        "limit_lift": status.limit_lift,
        "read_only": ("read-only", "warn") if status.read_only else "",
        "degradations": str(len(status.degraded)),
        "world": word(World.Name(status.world), "WORLD_"),
        "worlds": " ".join(World.Name(world) for world in status.worlds),
        "leads": "" if leadership is None else "leads" if leadership.leads else ("waits to take over", "warn"),
        "leader": "" if leadership is None else leadership.leader,
        "leader_epoch": "" if leadership is None else str(leadership.epoch),
        "leader_since": ("", "", "") if leadership is None else time_cell(leadership.since_time),
        "version": status.version,
        "config_version": str(status.config_version),
        "start_time": time_cell(status.start_time),
        "last_sequence": number(str(status.last_sequence)),
    }


def _counts(status: engine_pb2.Status) -> dict[str, Cell]:
    most = status.max_open_groups
    return {
        "groups": f"{status.live_groups} / {most}",
        "live_groups": str(status.live_groups),
        "max_groups": str(most),
        "pool_percent": str(share(Decimal(status.live_groups), Decimal(most)) or 0),
        "forced": str(status.forced_groups),
        "queued": str(status.queued_signals),
        "alerts": str(status.alerts),
        "dead_letters": str(status.dead_letters),
        "last_signal": time_cell(status.last_signal_time),
        "risk": word(RiskState.Name(status.risk_state), "RISK_STATE_"),
    }


def _money(status: engine_pb2.Status) -> dict[str, Cell]:
    total, percent, basis = total_profit(
        status.realized_pnl, status.unrealized_pnl, status.equity, status.reporting_currency
    )
    exposure, reserved, free = exact(status.exposure), exact(status.reserved_capital), exact(status.free_capital)
    held = None if exposure is None or reserved is None else exposure - reserved
    whole = None if exposure is None or free is None else exposure + free
    return {
        "currency": status.reporting_currency,
        "unrealized": signed(status.unrealized_pnl),
        "realized": signed(status.realized_pnl),
        "total": total,
        "total_percent": percent,
        "basis": basis,
        "equity": number(status.equity, 2),
        "exposure": number(status.exposure, 2),
        "exposure_percent": _percent(exposure, whole),
        "held": NONE if held is None else number(format(held, "f"), 2),
        "held_percent": _percent(held, whole),
        "reserved": number(status.reserved_capital, 2),
        "reserved_percent": _percent(reserved, whole),
        "free": number(status.free_capital, 2),
        "free_percent": _percent(free, whole),
    }


def _percent(part: Decimal | None, whole: Decimal | None) -> str:
    found = None if part is None or whole is None else share(part, whole)
    return "" if found is None else str(found)


STATE = Topic(name="state", read=read_state)
