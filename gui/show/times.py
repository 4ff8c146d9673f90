"""Times on the screen. The server tells milliseconds; the browser writes them in its own zone."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp


def ms_of(time: Timestamp) -> int:
    """Milliseconds since 1970; 0 where it is unset."""
    return time.seconds * 1000 + time.nanos // 1_000_000


def time_cell(time: Timestamp) -> tuple[str, str, str]:
    """A cell that is a moment: no text, and what the browser writes and sorts by; empty where it is unset."""
    found = ms_of(time)
    return "", "", str(found) if found else ""
