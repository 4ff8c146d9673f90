"""The engine's notices, pinned on every page, and acknowledging one.

The contract calls them alerts; in the panel an alert is what TradingView sends, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gui.live.topics import Reading, Snapshot, Topic
from gui.show.times import time_cell
from gui.show.words import word
from gui.verbs import Press, Verb
from protos.terrace.v1 import record_pb2
from protos.terrace.v1.types_pb2 import AlertState, Severity

MAX_PINNED = 50
MAX_COMMENT = 500
MAX_SAID = 80
_TONES = {"warning": "warn", "error": "bad", "critical": "bad", "info": "dim", "debug": "dim"}


async def read_alerts(reading: Reading) -> Snapshot:
    """Active notices, the gravest first, then the newest. Raises ClientError."""
    request = record_pb2.ListAlertsRequest(
        world=reading.world, page_size=MAX_PINNED, states=[AlertState.ALERT_STATE_ACTIVE]
    )
    found = (await reading.client.call(request, record_pb2.ListAlertsResponse)).alerts
    return {one.alert_id: _row(one) for one in sorted(found, key=lambda each: -each.severity)}


def _row(alert: record_pb2.Alert) -> dict[str, Any]:
    severity = word(Severity.Name(alert.severity), "SEVERITY_")
    return {
        "severity": (severity, _TONES.get(severity, "warn")),
        "type": word(alert.type, ""),
        "message": alert.message,
        "about": " ".join(part for part in (alert.account, alert.symbol) if part),
        "count": str(alert.count),
        "since": time_cell(alert.create_time),
        "last": time_cell(alert.update_time),
        "group": alert.group_id,
        "signal": alert.signal_id,
    }


async def acknowledge(press: Press) -> Mapping[str, Any]:
    request = record_pb2.AcknowledgeAlertRequest(
        alert_id=press.text("alert_id"),
        comment=press.text("comment", needed=False)[:MAX_COMMENT],
        request_id=press.request_id,
    )
    alert = (await press.client.call(request, record_pb2.AcknowledgeAlertResponse)).alert
    short = (
        alert.message if len(alert.message) <= MAX_SAID else f"{alert.message[: MAX_SAID - 1]}\N{HORIZONTAL ELLIPSIS}"
    )
    return {"said": f"Acknowledged: {short}"}


ALERTS = Topic(name="alerts", read=read_alerts, every_ms=2000)
ACKNOWLEDGE = Verb(method="RecordService/AcknowledgeAlert", do=acknowledge)
