"""What the page asks the daemon for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from gui.live.topics import Reading, Row, Snapshot
from gui.pages.asked import Asked
from gui.pages.logs.request import events_request, lines_request
from gui.pages.logs.rows import event_row, line_row
from protos.terrace.v1 import record_pb2 as pb

FIRST_S = 2.0
"""The log's backlog comes at once; where nothing matches nothing comes."""


async def read_events(reading: Reading) -> Snapshot:
    """Stored events that match the argument, oldest first. Raises ClientError."""
    request = events_request(Asked(reading.argument), reading.world)
    answer = await reading.client.call(request, pb.ListEventsResponse)
    return {str(event.sequence): event_row(event) for event in reversed(answer.events)}


async def read_lines(reading: Reading) -> Snapshot:
    """Lines of the daemon's log that match the argument, oldest first. Raises ClientError."""
    request = lines_request(Asked(reading.argument))
    stream = reading.client.stream(request, pb.TailLogsResponse)
    try:
        async with asyncio.timeout(FIRST_S):
            async for answer in stream:
                if answer.entries:
                    return named(answer.entries)
    except TimeoutError:
        pass
    return {}


def named(entries: Iterable[pb.LogEntry]) -> dict[str, Row]:
    """Rows by a name that is the same at the next reading: a line of a log has no number of its own."""
    rows: dict[str, Row] = {}
    for entry in entries:
        begin = f"{entry.time.seconds}.{entry.time.nanos:09}"
        number = 0
        row = line_row(entry)
        while (name := f"{begin}.{number}") in rows:
            number += 1
        rows[name] = row
    return rows
