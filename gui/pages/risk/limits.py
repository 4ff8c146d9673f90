"""Topic `limits`: what may stop new entries, how far each limit is used, and what lifts it (POOL-3, POOL-4)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from gui.live.topics import Cell, Reading, Row, Snapshot
from gui.pages.risk.settings import Settings, settings_of
from gui.show.amounts import money
from gui.show.limits import NAMES, used, with_unit
from gui.show.moments import span
from gui.show.numbers import NONE, THIN, number
from protos.terrace.v1 import engine_pb2
from protos.terrace.v1.types_pb2 import LimitState

NOT_SET = "no limit"
_LOSS_ROWS = {
    "loss": "MAX_REALIZED_LOSS_PER_DAY",
    "drawdown": "MAX_DRAWDOWN_PERCENT",
    "losses": "MAX_CONSECUTIVE_LOSSES",
}
STATES: Mapping[int, tuple[str, str, str]] = {
    LimitState.LIMIT_STATE_NONE: ("none breached", "good", "New groups and pyramids are let in."),
    LimitState.LIMIT_STATE_NO_NEW_GROUPS: ("no new groups", "bad", "Pyramids, exits, targets and stops work."),
    LimitState.LIMIT_STATE_NO_NEW_ENTRIES: ("no new entries", "bad", "No pyramids either; exits, targets, stops work."),
    LimitState.LIMIT_STATE_REDUCE_ONLY: ("reduce only", "bad", "Unfilled entries are cancelled, and none are opened."),
    LimitState.LIMIT_STATE_CLOSE_ALL: ("close all", "bad", "Everything is closed, and nothing is opened."),
}


async def ask_status(reading: Reading) -> engine_pb2.Status:
    """The engine's state in this world. Raises ClientError."""
    request = engine_pb2.GetStatusRequest(world=reading.world)
    return (await reading.client.call(request, engine_pb2.GetStatusResponse)).status


async def read_limits(reading: Reading) -> Snapshot:
    """`` what stands as a whole, then a row for each limit. Raises ClientError."""
    settings = await settings_of(reading.client, reading.now_ms)
    return limit_rows(await ask_status(reading), settings)


def limit_rows(status: engine_pb2.Status, settings: Settings) -> Snapshot:
    """Bounds of limits the engine gives no figure of come from the settings."""
    word, tone, means = STATES.get(status.limit_state, ("not known", "bad", ""))
    told = {limit.code: limit for limit in status.limits}
    rows: dict[str, Row] = {
        "": {
            "state": (word, tone),
            "means": means,
            "reason": status.limit_reason,
            "lift": status.limit_lift,
            "is_set": "yes" if status.limit_state > LimitState.LIMIT_STATE_NONE else "",
            "breach": settings.text("limits.on_breach").replace("_", " "),
        },
        "pool": _pool(status),
    }
    rows.update({f"account/{one.account}": _account(one) for one in status.accounts if one.max_open_groups})
    rows["exposure"] = _exposure(status, settings.text("limits.max_total_exposure"))
    most = settings.text("limits.max_groups_per_symbol")
    rows["symbol"] = _row("Groups per symbol", number(most) if most else "", lift="a group of the symbol closes")
    for key, code in _LOSS_ROWS.items():
        limit = told.get(code)
        if limit is None:
            limit = engine_pb2.Limit(code=code, bound=settings.text(f"limits.{code.lower()}"))
        rows[key] = _loss_limit(status, limit)
    rest_s = settings.whole("limits.cooldown_after_loss_s")
    rows["rest"] = _row("Rest of a key after a loss", span(rest_s) if rest_s else "", lift="the time is over")
    return rows


def _row(name: str, bound: str, value: Cell = (NONE, "dim"), state: Cell = ("", ""), lift: str = "") -> Row:
    return {
        "name": name,
        "value": value,
        "bound": bound or (NOT_SET, "dim"),
        "state": state if bound else ("", ""),
        "lift": lift if bound else "",
    }


def _full(used: Decimal, most: Decimal) -> tuple[str, str]:
    if used >= most:
        return "full", "warn"
    return f"{used * 100 / most:.0f}{THIN}% used", ""


def _pool(status: engine_pb2.Status) -> Row:
    forced = f", {status.forced_groups} of them forced" if status.forced_groups else ""
    used, most = Decimal(status.live_groups), Decimal(status.max_open_groups)
    state = _full(used, most) if most else ("", "")
    return _row(NAMES["MAX_OPEN_GROUPS"], str(most), f"{used}{forced}", state, "a group closes")


def _account(one: engine_pb2.AccountStatus) -> Row:
    used, most = Decimal(one.live_groups), Decimal(one.max_open_groups)
    return _row(f"Open groups on {one.account}", str(most), str(used), _full(used, most), "a group of it closes")


def _exposure(status: engine_pb2.Status, bound: str) -> Row:
    currency, used = status.reporting_currency, status.exposure
    value: Cell = money(used, currency) if used else (NONE, "dim")
    state = _full(Decimal(used), Decimal(bound)) if used and bound and Decimal(bound) else ("", "")
    name = NAMES["MAX_TOTAL_EXPOSURE"]
    return _row(name, money(bound, currency) if bound else "", value, state, "a group closes or is cut")


def _loss_limit(status: engine_pb2.Status, limit: engine_pb2.Limit) -> Row:
    """Its present figure; one that has set the limit's state says what lifts it, whatever the figure is by now."""
    name, lift = NAMES[limit.code], part_of(status.limit_lift, limit.code)
    is_breached = limit.breached or bool(part_of(status.limit_reason, limit.code))
    state = ("breached", "bad") if is_breached else used(limit)
    value: Cell = (with_unit(limit.value, limit.unit), "loss" if is_breached else "") if limit.value else (NONE, "dim")
    if is_breached:
        lift = lift or status.limit_lift
    if is_breached and not limit.bound:
        return {**_row(name, "-", value, state, lift), "bound": (NOT_SET, "dim")}
    return _row(name, with_unit(limit.bound, limit.unit) if limit.bound else "", value, state, lift)


def part_of(text: str, code: str) -> str:
    """What is said about one cause in `CODE: words; CODE: words`; empty where it is not named."""
    found = re.search(rf"(?:^|; ){code}: (.*?)(?=; [A-Z_]+: |$)", text)
    return "" if found is None else found[1]
