"""An alert on its way through the forwarder."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One authenticated alert, its secret cut out. Every delivery of it is the same to the byte."""

    source: str
    body: bytes
    """UTF-8 JSON."""
    receive_time_ns: int
    """When it arrived here, ns since 1970."""
    arrival: int
    """Place in the order of arrivals, rising and unique, also across restarts."""
    request_id: str = ""
    """The sender's own identifier; empty where it gave none."""
    sender_address: str = ""

    @property
    def spool_id(self) -> str:
        return spool_id(self.arrival)

    @property
    def size_bytes(self) -> int:
        return len(self.body) + len(self.source) + len(self.request_id) + 64


def spool_id(arrival: int) -> str:
    return f"{arrival:016x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldFault:
    """One thing wrong with a body. `line` and `column` count from 1; 0 where they are not known."""

    path: str
    reason: str
    message: str
    line: int = 0
    column: int = 0

    def plain(self) -> dict[str, object]:
        place = {"line": self.line, "column": self.column} if self.line else {}
        return {"path": self.path, "reason": self.reason, "message": self.message, **place}
