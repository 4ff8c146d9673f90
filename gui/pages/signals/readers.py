"""What the page asks the daemon for: the alerts that match, and the story of one."""

from __future__ import annotations

from gui.live.topics import Reading, Snapshot
from gui.pages.asked import Asked
from gui.pages.signals.rows import facts_of, row_of
from gui.pages.signals.story import story_rows
from protos.terrace.v1 import signal_pb2 as pb
from protos.terrace.v1.types_pb2 import Outcome

USUAL = 200
MOST = 1000
"""Rows of one reading; older ones are found by narrowing the time."""


async def read_signals(reading: Reading) -> Snapshot:
    """Alerts that match the argument (`outcome`, `symbol`, `timeframe`, `source`, `account`, `from`, `to`, `limit`),
    newest first. Raises ClientError."""
    asked = Asked(reading.argument)
    request = pb.ListSignalsRequest(
        world=reading.world,
        page_size=max(asked.whole("limit", default=USUAL, most=MOST), 1),
        source=asked.text("source"),
        account=asked.text("account"),
        symbol=asked.text("symbol"),
        timeframe=asked.text("timeframe"),
        outcomes=asked.texts("outcome", Outcome.keys()),
        start_time=asked.time("from"),
        end_time=asked.time("to"),
    )
    answer = await reading.client.call(request, pb.ListSignalsResponse)
    return {signal.signal_id: row_of(signal) for signal in answer.signals}


async def read_story(reading: Reading) -> Snapshot:
    """One alert: facts in the row ``, then what happened. Raises ClientError."""
    told = await reading.client.call(pb.GetSignalStoryRequest(signal_id=reading.argument), pb.GetSignalStoryResponse)
    whole = await reading.client.call(pb.GetSignalRequest(signal_id=reading.argument), pb.GetSignalResponse)
    return {
        "": facts_of(whole.signal, told.summary, is_whole=not told.truncated),
        **story_rows(whole.signal, told.entries),
    }
