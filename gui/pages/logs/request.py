"""The filters of the page as a request. Pure."""

from __future__ import annotations

from gui.pages.asked import Asked
from protos.terrace.v1 import record_pb2 as pb
from protos.terrace.v1.types_pb2 import Category, Severity

USUAL = 300
MOST = 1000
"""Lines of one reading."""


def events_request(asked: Asked, world: str) -> pb.ListEventsRequest:
    """`category`, `severity` (at least), `text`, `account`, `symbol`, `timeframe`, `signal`, `group`, `from`, `to`."""
    return pb.ListEventsRequest(
        world=world,
        categories=asked.texts("category", Category.keys()),
        min_severity=_severity(asked),
        text=asked.text("text"),
        account=asked.text("account"),
        symbol=asked.text("symbol"),
        timeframe=asked.text("timeframe"),
        signal_id=asked.text("signal"),
        group_id=asked.text("group"),
        start_time=asked.time("from"),
        end_time=asked.time("to"),
        page_size=max(asked.whole("limit", default=USUAL, most=MOST), 1),
    )


def lines_request(asked: Asked) -> pb.TailLogsRequest:
    """The same for the daemon's log, which knows neither worlds nor times to search in."""
    return pb.TailLogsRequest(
        backlog=max(asked.whole("limit", default=USUAL, most=MOST), 1),
        categories=asked.texts("category", Category.keys()),
        min_severity=_severity(asked),
        text=asked.text("text"),
        account=asked.text("account"),
        symbol=asked.text("symbol"),
        group_id=asked.text("group"),
    )


def _severity(asked: Asked) -> str:
    found = asked.texts("severity", Severity.keys())
    return found[-1] if found else "SEVERITY_UNSPECIFIED"
