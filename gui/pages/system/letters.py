"""Dead letters: messages that stopped an actor, kept to be looked at and tried again (REC-2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gui.live.topics import Reading, Snapshot, Topic
from gui.show.times import time_cell
from gui.verbs import Press, Verb
from protos.terrace.v1 import engine_pb2

MAX_SHOWN = 100
EVERY_MS = 5000
MAX_CONTENT = 2000


async def read_letters(reading: Reading) -> Snapshot:
    """Unresolved ones, newest first. Raises ClientError."""
    request = engine_pb2.ListDeadLettersRequest(page_size=MAX_SHOWN)
    found = (await reading.client.call(request, engine_pb2.ListDeadLettersResponse)).dead_letters
    return {
        one.dead_letter_id: {
            "time": time_cell(one.create_time),
            "actor": one.actor,
            "type": one.message_type,
            "error": one.error,
            "content": one.content[:MAX_CONTENT],
            "attempts": str(one.attempts),
            "remedy": one.remedy,
            "retryable": "yes" if one.retryable else "",
            "result": one.result,
        }
        for one in found
    }


async def retry(press: Press) -> Mapping[str, Any]:
    """Values: `dead_letter_id`."""
    request = engine_pb2.RetryDeadLetterRequest(
        dead_letter_id=press.text("dead_letter_id"), request_id=press.request_id
    )
    letter = (await press.client.call(request, engine_pb2.RetryDeadLetterResponse)).dead_letter
    went = "went through" if letter.resolved else "did not go through"
    return {"said": f"{letter.message_type} for {letter.actor} {went}{f': {letter.result}' if letter.result else ''}"}


LETTERS = Topic(name="letters", read=read_letters, every_ms=EVERY_MS)
RETRY_LETTER = Verb(method="EngineService/RetryDeadLetter", do=retry)
