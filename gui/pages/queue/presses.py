"""Buttons of the page `Queue` (QUE-6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from control.client import Invalid
from gui.live.topics import Reading
from gui.pages.queue.force import forced
from gui.pages.queue.rows import ask_queue
from gui.pages.risk.limits import ask_status
from gui.pages.risk.settings import read_settings
from gui.show.codes import in_words
from gui.verbs import Press, Verb
from protos.terrace.v1 import queue_pb2 as pb
from protos.terrace.v1 import signal_pb2
from protos.terrace.v1.types_pb2 import Outcome


async def promote(press: Press) -> Mapping[str, Any]:
    """Values: `signal`. Raises ClientError."""
    request = pb.PromoteQueuedSignalRequest(
        signal_id=press.text("signal"), request_id=press.request_id, validate_only=press.is_preview
    )
    answer = await press.client.call(request, pb.PromoteQueuedSignalResponse)
    return {"said": _would("Opens", answer.signal) if press.is_preview else came_of(answer.signal)}


async def force(press: Press) -> Mapping[str, Any]:
    """Values: `signal`, `ignore_exposure`, `ignore_limits`. Raises ClientError."""
    signal_id = press.text("signal")
    if press.is_preview:
        return await _preview(press, signal_id)
    request = pb.ForceAddQueuedSignalRequest(
        signal_id=signal_id,
        ignore_exposure=press.flag("ignore_exposure"),
        ignore_limits=press.flag("ignore_limits"),
        request_id=press.request_id,
    )
    return {"said": came_of((await press.client.call(request, pb.ForceAddQueuedSignalResponse)).signal)}


async def _preview(press: Press, signal_id: str) -> Mapping[str, Any]:
    """The daemon says whether the signal still waits; which limit it breaks follows from the figures of now."""
    request = pb.ForceAddQueuedSignalRequest(signal_id=signal_id, validate_only=True)
    await press.client.call(request, pb.ForceAddQueuedSignalResponse)
    reading = Reading(client=press.client, world=press.world, argument="", now_ms=0, before={})
    entry = next((one for one in await ask_queue(reading) if one.signal_id == signal_id), None)
    if entry is None:
        raise Invalid("this signal does not wait any more, or too far back to be forced here", reason="NOT_FOUND")
    return forced(entry, await ask_status(reading), await read_settings(press.client))


async def remove(press: Press) -> Mapping[str, Any]:
    """Values: `signal`. Raises ClientError."""
    request = pb.RemoveQueuedSignalRequest(
        signal_id=press.text("signal"), request_id=press.request_id, validate_only=press.is_preview
    )
    answer = await press.client.call(request, pb.RemoveQueuedSignalResponse)
    if press.is_preview:
        return {"said": _would("Takes out", answer.signal) + " It is not opened later; a new alert may queue it again."}
    return {"said": f"{_name(answer.signal)} is out of the queue."}


def came_of(signal: signal_pb2.Signal) -> str:
    """What became of a signal that was to be opened, in words."""
    outcome = Outcome.Name(signal.outcome).removeprefix("OUTCOME_").lower()
    if signal.outcome in (Outcome.OUTCOME_OPENED, Outcome.OUTCOME_PYRAMIDED):
        return f"{_name(signal)}: {outcome}."
    why = ": ".join(part for part in (in_words(signal.reason), signal.reason_detail) if part)
    return (
        f"{_name(signal)} still waits. {why}"
        if outcome in ("queued", "replaced")
        else f"{_name(signal)}: {outcome}. {why}"
    )


def _name(signal: signal_pb2.Signal) -> str:
    return f"{signal.symbol} {signal.timeframe}"


def _would(what: str, signal: signal_pb2.Signal) -> str:
    return f"{what} {_name(signal)} at {signal.entry_price or 'the mark'} on {signal.account}."


VERBS = {
    "queue-promote": Verb(method="QueueService/PromoteQueuedSignal", do=promote),
    "queue-force": Verb(method="QueueService/ForceAddQueuedSignal", do=force),
    "queue-remove": Verb(method="QueueService/RemoveQueuedSignal", do=remove),
}
