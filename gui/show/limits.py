"""Limits as people read them: what each is called, what it is compared with, how much of it is used. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from gui.live.topics import Cell
from gui.show.amounts import money
from gui.show.numbers import NONE, THIN, number
from gui.show.profit import exact
from protos.terrace.v1 import engine_pb2

NAMES: Mapping[str, str] = {
    "MAX_OPEN_GROUPS": "Open groups",
    "MAX_TOTAL_EXPOSURE": "Exposure, planned capital",
    "MAX_REALIZED_LOSS_PER_DAY": "Realised loss of the day",
    "MAX_DRAWDOWN_PERCENT": "Drawdown from the equity peak",
    "MAX_CONSECUTIVE_LOSSES": "Losses in a row",
}
LOSS_LIMITS = ("MAX_REALIZED_LOSS_PER_DAY", "MAX_DRAWDOWN_PERCENT", "MAX_CONSECUTIVE_LOSSES")
NEAR_PERCENT = 80
"""From so much of a bound on it is said with a warning's tone."""


def with_unit(value: str, unit: str) -> str:
    """`12.5` as `12.50 USDT`, `3.21 %` or `12.5`; a dash where there is none."""
    if unit == "%":
        return f"{number(value, 2)}{THIN}%" if exact(value) is not None else NONE
    return money(value, unit) if unit else number(value)


def used(limit: engine_pb2.Limit) -> tuple[str, str]:
    """How much of its bound is used, and the tone of that; nothing where there is no bound."""
    value, bound = exact(limit.value), exact(limit.bound)
    if limit.breached:
        return ("full" if limit.code not in LOSS_LIMITS else "breached"), "bad" if limit.code in LOSS_LIMITS else "warn"
    if bound is None:
        return "", ""
    if value is None or not bound:
        return "not known", "warn"
    share = value * 100 / bound
    return f"{share:.0f}{THIN}% used", "warn" if share >= NEAR_PERCENT else ""


def in_short(limit: engine_pb2.Limit) -> Cell:
    """`12.50 of 100.00 USDT` in the tone of its state; nothing where no bound is set."""
    if exact(limit.bound) is None:
        return ""
    value = with_unit(limit.value, limit.unit)
    shown = value.removesuffix(f"{THIN}{limit.unit}") if limit.unit else value
    return f"{shown} of {with_unit(limit.bound, limit.unit)}", used(limit)[1]
