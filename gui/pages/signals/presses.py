"""Running a stored alert again, and reading a body without sending it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from control.client import Invalid
from gui.pages.signals.rows import spoken, wants
from gui.show.words import word
from gui.verbs import Press, Verb
from protos.terrace.v1 import signal_pb2 as pb
from protos.terrace.v1.types_pb2 import Outcome

MAX_BODY_CHARS = 64 * 1024


async def dry_run(press: Press) -> Mapping[str, Any]:
    """What the engine would do with this alert now. Nothing is stored or reserved (SIG-11)."""
    request = pb.ReplaySignalRequest(signal_id=press.text("signal"))
    answer = await press.client.call(request, pb.ReplaySignalResponse)
    return {
        "said": f"Now it would be: {_outcome(answer.signal)}",
        "decisions": [event.message for event in answer.decisions],
        "problems": _problems(answer.signal),
    }


async def as_new(press: Press) -> Mapping[str, Any]:
    """Sends it again as a new alert with a new identifier and time; a preview is the dry run."""
    if press.is_preview:
        return await dry_run(press)
    request = pb.ReplaySignalRequest(signal_id=press.text("signal"), submit=True, request_id=press.request_id)
    answer = await press.client.call(request, pb.ReplaySignalResponse)
    return {"said": f"Sent as a new alert: {_outcome(answer.signal)}", "signal": answer.signal.signal_id}


async def check(press: Press) -> Mapping[str, Any]:
    """How a body is read, field by field. Nothing is stored; a secret in it is dropped by the engine."""
    body = press.text("body")
    if len(body) > MAX_BODY_CHARS:
        raise Invalid(f"the body is longer than {MAX_BODY_CHARS} characters", reason="INVALID_FIELD")
    request = pb.CheckSignalRequest(source=press.text("source"), body=body.encode())
    answer = await press.client.call(request, pb.CheckSignalResponse)
    signal = answer.signal
    meant = " ".join(filter(None, (wants(signal), signal.symbol, signal.timeframe)))
    said = f"This body would be taken: {meant}." if answer.valid else "This body would be refused."
    return {
        "said": said,
        "valid": answer.valid,
        "fields": [
            {"path": one.path, "from": one.expression, "value": one.value, "problem": one.problem}
            for one in answer.fields
        ],
        "problems": _problems(signal),
    }


def _outcome(signal: pb.Signal) -> str:
    shown = word(Outcome.Name(signal.outcome), "OUTCOME_") or "not decided yet"
    why = signal.reason_detail or spoken(signal.reason)
    return f"{shown}{f' ({why})' if why else ''}"


def _problems(signal: pb.Signal) -> list[str]:
    return [f"{one.path or 'body'}: {one.message or one.reason}" for one in signal.problems]


DRY_RUN = Verb(method="SignalService/ReplaySignal", do=dry_run)
AS_NEW = Verb(method="SignalService/ReplaySignal", do=as_new)
CHECK = Verb(method="SignalService/CheckSignal", do=check)
