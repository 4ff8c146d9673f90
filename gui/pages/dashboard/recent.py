"""The last alerts that came in, with what became of them and why."""

from __future__ import annotations

from gui.live.topics import Reading, Snapshot, Topic
from gui.show.numbers import NONE
from gui.show.times import time_cell
from gui.show.words import word
from protos.terrace.v1 import signal_pb2
from protos.terrace.v1.types_pb2 import Intent, Outcome, Side

SHOWN = 10
EVERY_MS = 3000
_TONES = {
    "rejected": "bad",
    "expired": "warn",
    "evicted": "warn",
    "queued": "warn",
    "replaced": "warn",
    "opened": "good",
    "pyramided": "good",
    "duplicate": "dim",
    "ignored": "dim",
    "superseded": "dim",
    "removed": "dim",
}


async def read_recent(reading: Reading) -> Snapshot:
    """Newest first. Raises ClientError."""
    request = signal_pb2.ListSignalsRequest(world=reading.world, page_size=SHOWN)
    found = (await reading.client.call(request, signal_pb2.ListSignalsResponse)).signals
    return {
        one.signal_id: {
            "time": time_cell(one.receive_time),
            "pair": one.symbol or NONE,
            "timeframe": one.timeframe or NONE,
            "intent": _wish(one),
            "outcome": outcome_cell(one.outcome),
            "reason": one.reason_detail or word(one.reason, "") or NONE,
            "source": one.source or NONE,
        }
        for one in found
    }


def _wish(signal: signal_pb2.Signal) -> str:
    """`entry long`; a dash where the alert could not be read so far."""
    words = (word(Intent.Name(signal.intent), "INTENT_"), word(Side.Name(signal.side), "SIDE_"))
    return " ".join(part for part in words if part and signal.symbol) or NONE


def outcome_cell(outcome: Outcome) -> tuple[str, str]:
    """What became of it, in a word."""
    shown = word(Outcome.Name(outcome), "OUTCOME_")
    return shown or "being decided", _TONES.get(shown, "")


RECENT = Topic(name="recent", read=read_recent, every_ms=EVERY_MS)
