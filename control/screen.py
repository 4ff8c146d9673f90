"""The live screen of `terrace watch` as text: what stands in which line. Pure; drawing is elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, DivisionByZero, InvalidOperation
from typing import TYPE_CHECKING

from control.printer import clean, shown, word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from protos.terrace.v1 import engine_pb2, group_pb2, queue_pb2

BAR_CELLS = 10
_DONE = frozenset({"tp_hit", "cancelled", "rejected", "closed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the table of groups: a group, or one of its legs (`is_leg`)."""

    cells: tuple[str, ...]
    is_leg: bool
    gains: bool | None = None
    """Whether it stands in profit; None where that is not known."""


GROUP_TITLES = ("GROUP", "SIDE", "STATE", "LEGS", "QUANTITY", "ENTRY", "MARK", "PNL", "TARGET", "PROGRESS")
QUEUE_TITLES = ("#", "SIGNAL", "KEY", "SIDE", "PRICE", "LOSS %", "REPLACED", "WAITS FOR")


def decimal(text: str) -> Decimal | None:
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def progress(entry: str, target: str, mark: str) -> Decimal | None:
    """How far the mark is on its way from entry to target: 0 to 1, whichever side; None where a price is missing."""
    start, end, now = decimal(entry), decimal(target), decimal(mark)
    if start is None or end is None or now is None:
        return None
    try:
        share = (now - start) / (end - start)
    except (DivisionByZero, InvalidOperation):
        return None
    return min(max(share, Decimal(0)), Decimal(1))


def bar(share: Decimal | None, cells: int = BAR_CELLS) -> str:
    """A bar with its percentage; empty where there is nothing to measure."""
    if share is None:
        return ""
    full = int(share * cells)
    return "█" * full + "░" * (cells - full) + f" {int(share * 100):3d}%"


def pool_bar(status: engine_pb2.Status) -> str:
    """Slots taken of the pool."""
    most = status.max_open_groups
    share = min(Decimal(status.live_groups) / most, Decimal(1)) if most else None
    return f"{bar(share, 20)}  {status.live_groups} of {most} groups"


def group_lines(groups: Sequence[group_pb2.Group], most: int) -> tuple[list[Line], int]:
    """Lines for the groups, each with its open legs below, and how many groups found no room.

    Groups come before legs: where the screen is too small for both, the last groups are shown without their legs.
    """
    kept = list(groups[: max(most, 0)])
    room = most - len(kept)
    lines: list[Line] = []
    for group in kept:
        lines.append(_group_line(group))
        legs = [
            _leg_line(group, pyramid.index, leg) for pyramid in group.pyramids for leg in pyramid.legs if _is_open(leg)
        ]
        if len(legs) <= room:
            lines += legs
            room -= len(legs)
    return lines, len(groups) - len(kept)


def queue_rows(queued: Sequence[queue_pb2.QueuedSignal], most: int) -> list[tuple[str, ...]]:
    return [
        tuple(
            clean(cell)
            for cell in (
                entry.rank,
                entry.signal_id,
                f"{entry.account} {entry.symbol} {entry.timeframe}",
                word(entry, "side"),
                entry.entry_price or "mark",
                entry.loss_percent,
                entry.replacement_count,
                entry.wait_detail or entry.wait_reason,
            )
        )
        for entry in queued[: max(most, 0)]
    ]


def _is_open(leg: group_pb2.Leg) -> bool:
    return word(leg, "state") not in _DONE


def _group_line(group: group_pb2.Group) -> Line:
    gain = decimal(group.unrealized_pnl)
    share = decimal(group.unrealized_pnl_percent)
    percent = "" if share is None else f" {share:z.2f}%"
    cells = (
        f"{group.symbol} {group.timeframe} {group.account}",
        word(group, "side"),
        word(group, "state").replace("_", " "),
        f"{group.legs_filled}/{group.legs_total} p{group.pyramid_count}",
        group.quantity,
        group.average_entry,
        group.mark_price,
        f"{shown(group.unrealized_pnl)}{percent}",
        group.tp_price,
        bar(progress(group.average_entry, group.tp_price, group.mark_price)),
    )
    return Line(cells=tuple(map(shown, cells)), is_leg=False, gains=None if not gain else gain > 0)


def _leg_line(group: group_pb2.Group, pyramid: int, leg: group_pb2.Leg) -> Line:
    held = decimal(leg.filled_quantity)
    entry = leg.average_fill_price if held else ""
    way = bar(progress(entry, leg.tp_price, group.mark_price)) if held else ""
    cells = (
        f"  p{pyramid} leg {leg.index}",
        "",
        word(leg, "state").replace("_", " "),
        "",
        f"{leg.filled_quantity or '0'}/{leg.quantity}",
        entry or leg.price,
        "",
        "",
        leg.tp_price,
        way or clean(leg.wait_reason),
    )
    return Line(cells=tuple(map(shown, cells)), is_leg=True)
