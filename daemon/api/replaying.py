"""ReplaySignal: a stored signal before the engine of now (SIG-11).

By default it is only looked at: the body is read anew by its source's rules of today, as if it came in this moment, and
judged against what is so now. On request it is sent as a new signal, with an identifier and a time of its own.
"""

from __future__ import annotations

from dataclasses import replace

from actors.messages import Answer, EventStored
from actors.rules.model import Reason, Refused, Signal
from actors.rules.records import AddEvent
from actors.rules.settings import AccountSettings, SourceSettings
from daemon.api.engine import Engine
from daemon.api.errors import ApiReason, Failed, faulty_field, invalid_body
from daemon.api.forecast import forecast
from daemon.api.forecast_events import decisions
from daemon.api.intake import MAX_REQUEST_ID_CHARS, Intake, no_catalogue
from daemon.api.kinds import Context
from daemon.api.reading import FaultyBody, NoCatalogue, Sent
from daemon.api.rejecting import read_only_refusal, rejected
from daemon.api.translate_event import event
from daemon.api.translate_signal import answered
from protos.terrace.v1 import signal_pb2 as pb


async def look_again(engine: Engine, intake: Intake, original: Signal, context: Context) -> pb.ReplaySignalResponse:
    """What the engine would do with it now. Nothing is reserved, nothing is stored."""
    now_ms = engine.clock.now_ms()
    sent = _sent(engine, original, signal_id="", request_id="", now_ms=now_ms)
    read = intake.read(sent)
    if isinstance(read, NoCatalogue):
        raise no_catalogue(engine, read)
    if isinstance(read, FaultyBody):
        raise invalid_body(read.faults, original.signal_id)
    signal, account, refused = read.signal, read.account, read.refused
    refused = refused or read_only_refusal(signal, engine.settings())
    if refused is not None or account is None:
        answer = rejected(signal, refused or Refused(reason=Reason.NO_ROUTE))
        lines = [_rejected_line(signal, answer, now_ms)]
    else:
        found = await forecast(engine, signal, context)
        answer, lines = found.answer, decisions(found, account.fees, now_ms)
    return pb.ReplaySignalResponse(
        signal=answered(answer, signal, account, now_ms),
        decisions=[event(EventStored(sequence=0, event=_in_world(line, account))) for line in lines],
    )


async def submit_again(
    engine: Engine, intake: Intake, original: Signal, request_id: str, context: Context
) -> pb.ReplaySignalResponse:
    """The same alert as a new signal. The same request again is a duplicate, also after a restart."""
    if not request_id:
        raise faulty_field("request_id", "is required with submit: it makes a repeated request harmless")
    if len(request_id) > MAX_REQUEST_ID_CHARS:
        raise faulty_field("request_id", f"is longer than {MAX_REQUEST_ID_CHARS} characters")
    own = f"replay:{original.signal_id}:{request_id}"
    now_ms = engine.clock.now_ms()
    sent = _sent(engine, original, signal_id=engine.ids.signal_id(), request_id=own, now_ms=now_ms)
    return pb.ReplaySignalResponse(signal=await intake.take_again(sent, context))


def _sent(engine: Engine, original: Signal, *, signal_id: str, request_id: str, now_ms: int) -> Sent:
    if not original.body:
        raise Failed(
            ApiReason.NO_BODY, f"signal {original.signal_id} is stored without its body: it cannot be replayed"
        )
    return Sent(
        signal_id=signal_id,
        source=_source(engine, original),
        body=original.body.encode("utf-8", "surrogatepass"),
        request_id=request_id,
        receive_time_ms=now_ms,
        judge_age=False,
        replay_of=original.signal_id,
    )


def _source(engine: Engine, original: Signal) -> SourceSettings:
    sources = engine.settings().sources
    source = sources.get(original.source)
    if source is None:
        words = (
            f"signal {original.signal_id} came from {original.source[:64]!r}, which is no source of the config any more"
        )
        raise Failed(ApiReason.SOURCE_GONE, f"{words}; there is {', '.join(sorted(sources))}")
    return source


def _rejected_line(signal: Signal, answer: Answer, now_ms: int) -> AddEvent:
    return AddEvent(
        time_ms=now_ms,
        severity="warning",
        category="signal",
        type="signal.rejected",
        message=f"the signal would be rejected: {answer.detail or answer.reason.value}",
        account=signal.key.account,
        symbol=signal.key.symbol,
        timeframe=signal.key.timeframe,
        attributes={"reason": answer.reason.value},
    )


def _in_world(line: AddEvent, account: AccountSettings | None) -> AddEvent:
    return line if account is None else replace(line, world=account.world)
