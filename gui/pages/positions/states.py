"""What a group, a leg or an order is in, in words and tones. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from gui.live.topics import Cell
from gui.show.codes import all_in_words
from gui.show.numbers import THIN
from protos.terrace.v1 import group_pb2 as pb
from protos.terrace.v1 import types_pb2 as t

GROUP: Mapping[int, tuple[str, str]] = {
    t.GROUP_STATE_LIVE: ("waiting for fills", "dim"),
    t.GROUP_STATE_PARTIALLY_FILLED: ("partly filled", "info"),
    t.GROUP_STATE_ACTIVE: ("active", "good"),
    t.GROUP_STATE_CLOSING: ("closing", "warn"),
    t.GROUP_STATE_CLOSED: ("closed", "dim"),
}
LEG: Mapping[int, tuple[str, str]] = {
    t.LEG_STATE_PENDING: ("pending", "dim"),
    t.LEG_STATE_OPEN: ("open", "info"),
    t.LEG_STATE_PARTIALLY_FILLED: ("partly filled", "info"),
    t.LEG_STATE_FILLED: ("filled", "good"),
    t.LEG_STATE_TP_HIT: ("target hit", "gain"),
    t.LEG_STATE_CANCELLED: ("cancelled", "dim"),
    t.LEG_STATE_REJECTED: ("rejected", "bad"),
    t.LEG_STATE_CLOSED: ("closed", "dim"),
}
ORDER: Mapping[int, tuple[str, str]] = {
    t.ORDER_STATE_PENDING: ("pending", "warn"),
    t.ORDER_STATE_OPEN: ("open", "info"),
    t.ORDER_STATE_PARTIALLY_FILLED: ("partly filled", "info"),
    t.ORDER_STATE_FILLED: ("filled", "good"),
    t.ORDER_STATE_CANCELLED: ("cancelled", "dim"),
    t.ORDER_STATE_REJECTED: ("rejected", "bad"),
    t.ORDER_STATE_EXPIRED: ("expired", "dim"),
}
SIDE: Mapping[int, Cell] = {t.SIDE_LONG: ("long ▲", "", "long"), t.SIDE_SHORT: ("short ▼", "", "short")}
MODE: Mapping[int, str] = {
    t.TAKE_PROFIT_MODE_PER_LEG: "per leg",
    t.TAKE_PROFIT_MODE_AGGREGATE: "aggregate",
    t.TAKE_PROFIT_MODE_HYBRID: "hybrid",
    t.TAKE_PROFIT_MODE_PYRAMID_AGGREGATE: "per pyramid",
}
ROLE: Mapping[int, str] = {
    t.ORDER_ROLE_ENTRY: "entry",
    t.ORDER_ROLE_TAKE_PROFIT: "target",
    t.ORDER_ROLE_STOP: "stop",
    t.ORDER_ROLE_CLOSE: "close",
}
OPEN_ORDERS = frozenset({t.ORDER_STATE_PENDING, t.ORDER_STATE_OPEN, t.ORDER_STATE_PARTIALLY_FILLED})
WAITING_LEGS = frozenset({t.LEG_STATE_PENDING, t.LEG_STATE_OPEN, t.LEG_STATE_PARTIALLY_FILLED})
UNKNOWN = ("unknown", "warn")


def group_state(group: pb.Group) -> Cell:
    """Words, tone, and the code the page decides by."""
    text, tone = GROUP.get(group.state, UNKNOWN)
    return text, tone, t.GroupState.Name(group.state).removeprefix("GROUP_STATE_")


def counted(some: int, all_of_them: int) -> Cell:
    """`2 / 5`, sorted by how many."""
    return f"{some}{THIN}/{THIN}{all_of_them}", "", str(some)


def notes(group: pb.Group) -> Cell:
    """Everything about a group that is out of the ordinary, in words."""
    said = [all_in_words(group.flags)] if group.flags else []
    said += ["blocked from risk"] if group.blocked else []
    said += ["skipped once"] if group.skipped else []
    said += ["forced over the pool"] if group.forced else []
    said += ["reverse waits"] if group.pending_reverse_signal_id else []
    untraded = group.state_reason.partition("; ")[2] or (group.state_reason if " " in group.state_reason else "")
    said += [untraded] if untraded else []
    return (", ".join(said), "warn", "1") if said else ("", "", "")
