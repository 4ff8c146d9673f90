"""The ladder of a group: pyramids, their legs, and the parts that were cut off it. Pure."""

from __future__ import annotations

from gui.live.topics import Cell, Row
from gui.pages.positions import states
from gui.pages.positions.facts import mark_of, progress_cell
from gui.show.codes import in_words
from gui.show.prices import gain, money, percent, places_of, price, whole
from gui.show.times import time_cell
from gui.show.words import word
from protos.terrace.v1 import group_pb2 as pb
from protos.terrace.v1 import types_pb2 as t

WHOLE_MODES = frozenset({t.TAKE_PROFIT_MODE_AGGREGATE})

MOST_PLACES = 8


def ladder_rows(group: pb.Group) -> dict[str, Row]:
    """Rows `p:0`, `l:0:0` ... by pyramid and leg, then `c:...` for each cut."""
    rows: dict[str, Row] = {}
    legs = [leg for pyramid in group.pyramids for leg in pyramid.legs]
    ticks = places_of(text for leg in legs for text in (leg.price, leg.tp_price))
    steps = places_of(text for leg in legs for text in (leg.quantity, leg.filled_quantity))
    for pyramid in group.pyramids:
        rows[f"p:{pyramid.index}"] = _pyramid(group, pyramid, ticks)
        for leg in pyramid.legs:
            rows[f"l:{pyramid.index}:{leg.index}"] = _leg(group, pyramid, leg, ticks, steps)
    for cut in reversed(group.cuts):
        rows[f"c:{cut.cut_id}"] = _cut(cut)
    return rows


def _pyramid(group: pb.Group, pyramid: pb.Pyramid, ticks: int) -> Row:
    filled = sum(1 for leg in pyramid.legs if leg.average_fill_price)
    return {
        "index": str(pyramid.index),
        "entry": whole(pyramid.entry_price, ticks),
        "capital": money(pyramid.capital),
        "legs": states.counted(filled, len(pyramid.legs)),
        "quantity": _share(pyramid.quantity if pyramid.average_entry else ""),
        "average": price(pyramid.average_entry),
        "target": price(pyramid.tp_price),
        "progress": progress_cell(pyramid.average_entry, mark_of(group), pyramid.tp_price),
        "added": time_cell(pyramid.create_time),
        "signal": pyramid.signal_id,
    }


def _leg(group: pb.Group, pyramid: pb.Pyramid, leg: pb.Leg, ticks: int, steps: int) -> Row:
    """`ticks` and `steps`: places of its prices and quantities."""
    text, tone = states.LEG.get(leg.state, states.UNKNOWN)
    return {
        "index": str(leg.index),
        "pyramid": str(pyramid.index),
        "gap": percent(leg.gap_percent),
        "weight": percent(leg.weight_percent),
        "price": whole(leg.price, ticks),
        "quantity": whole(leg.quantity, steps),
        "filled": whole(leg.filled_quantity if leg.average_fill_price else "", steps),
        "fill": price(leg.average_fill_price),
        "tp": percent(leg.tp_percent) if group.tp_mode not in WHOLE_MODES else ("", "", ""),
        "target": whole(leg.tp_price, ticks),
        "progress": _progress(group, pyramid, leg),
        "state": (text, tone, t.LegState.Name(leg.state).removeprefix("LEG_STATE_")),
        "why": _why(leg),
        "closed": _share(leg.closed_quantity if leg.closed_quantity != "0" else ""),
        "realized": gain(leg.realized_pnl if leg.average_fill_price else ""),
    }


def _progress(group: pb.Group, pyramid: pb.Pyramid, leg: pb.Leg) -> Cell:
    """From the average its target is measured from to that target (TP-1 to TP-5)."""
    if leg.state == t.LEG_STATE_TP_HIT:
        return "hit", "gain", "100"
    if leg.state not in (t.LEG_STATE_FILLED, t.LEG_STATE_PARTIALLY_FILLED) or not leg.average_fill_price:
        return "\N{EN DASH}", "dim", ""
    start = leg.average_fill_price
    if group.tp_mode == t.TAKE_PROFIT_MODE_AGGREGATE:
        start = group.average_entry or start
    elif group.tp_mode == t.TAKE_PROFIT_MODE_PYRAMID_AGGREGATE:
        start = pyramid.average_entry or start
    return progress_cell(start, mark_of(group), leg.tp_price)


def _share(text: str) -> Cell:
    """A quantity; the share of a leg in a sale that several had part in may have endless places."""
    return whole(text) if places_of([text]) <= MOST_PLACES else price(text)


def _why(leg: pb.Leg) -> Cell:
    if leg.wait_reason:
        return f"waits: {in_words(leg.wait_reason)}", "warn"
    return in_words(leg.state_reason) if leg.state_reason else ""


def _cut(cut: pb.Cut) -> Row:
    is_running = cut.state == "RUNNING"
    return {
        "why": in_words(cut.reason),
        "quantity": whole(cut.quantity),
        "sold": whole(cut.sold_quantity),
        "realized": gain(cut.realized_pnl),
        "state": (word(cut.state, ""), "warn" if is_running else "", cut.state),
        "stopped": in_words(cut.stop_reason),
        "began": time_cell(cut.create_time),
        "ended": time_cell(cut.end_time),
        "parts": ", ".join(part_words(part) for part in cut.parts),
    }


def part_words(part: pb.CutPart) -> str:
    """`0.5 of pyramid 0 leg 2`."""
    return f"{whole(part.quantity)[0]} of pyramid {part.pyramid} leg {part.leg}"
