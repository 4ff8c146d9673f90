"""An event or a line of the log as a row. Pure."""

from __future__ import annotations

from gui.live.topics import Cell, Row
from gui.show.times import time_cell
from gui.show.words import word
from protos.terrace.v1 import common_pb2, record_pb2
from protos.terrace.v1.types_pb2 import Category, Severity

_TONES = {"debug": "dim", "info": "", "warning": "warn", "error": "bad", "critical": "bad"}


def _common(one: common_pb2.Event | record_pb2.LogEntry) -> dict[str, Cell]:
    severity = word(Severity.Name(one.severity), "SEVERITY_")
    return {
        "time": time_cell(one.time),
        "severity": (severity or "info", _TONES.get(severity, "")),
        "category": word(Category.Name(one.category), "CATEGORY_"),
        "message": one.message,
        "about": " ".join(filter(None, (one.account, one.symbol, one.timeframe))),
        "signal": one.signal_id,
        "group": one.group_id,
        "order": one.client_order_id,
        "more": "\n".join(f"{name}: {one.attributes[name]}" for name in sorted(one.attributes)),
    }


def event_row(event: common_pb2.Event) -> Row:
    return {**_common(event), "type": event.type, "sequence": str(event.sequence)}


def line_row(entry: record_pb2.LogEntry) -> Row:
    return {**_common(entry), "type": entry.logger, "sequence": ""}
