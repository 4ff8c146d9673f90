"""An alert's story as rows: what happened, then what was wrong with it, then the outcomes it went through. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from gui.live.topics import Row
from gui.pages.dashboard.recent import outcome_cell
from gui.pages.signals.rows import spoken
from gui.show.times import time_cell
from protos.terrace.v1 import signal_pb2 as pb

KINDS = {
    "RECEIVED": "received",
    "CHECKED": "checked",
    "DECIDED": "decided",
    "QUEUED": "queued",
    "ORDER": "order",
    "FILL": "fill",
    "GROUP": "group",
    "ALERT": "notice",
    "CLOSED": "closed",
}
_TONES = {"FILL": "good", "ALERT": "warn", "CLOSED": "dim"}


def story_rows(signal: pb.Signal, entries: Iterable[pb.StoryEntry]) -> dict[str, Row]:
    """Rows `e0`, `e1` ... of the timeline, `p0` ... of faulty fields, `o0` ... of outcomes."""
    rows: dict[str, Row] = {
        f"e{at}": {
            "time": time_cell(entry.time),
            "kind": (KINDS.get(entry.kind, entry.kind.lower()), _TONES.get(entry.kind, "")),
            "message": entry.message,
            "group": entry.group_id,
            "order": entry.client_order_id,
            "reason": entry.reason if entry.reason != "OK" else "",
        }
        for at, entry in enumerate(entries)
    }
    rows |= {
        f"p{at}": {"path": one.path or "body", "message": one.message or one.reason, "value": one.value}
        for at, one in enumerate(signal.problems)
    }
    rows |= {
        f"o{at}": {"time": time_cell(one.time), "outcome": outcome_cell(one.outcome), "reason": spoken(one.reason)}
        for at, one in enumerate(signal.outcomes)
    }
    return rows
