"""SignalService: takes alerts in and shows what became of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actors.rules.model import Outcome, Reason
from actors.rules.records import AddEvent
from daemon.api.body import MAX_BODY_BYTES, SECRET
from daemon.api.engine import Engine
from daemon.api.errors import ApiReason, Failed, FieldFault, not_found
from daemon.api.intake import Intake
from daemon.api.kinds import Context
from daemon.api.reading import FaultyBody, NoCatalogue, Sent, read_body
from daemon.api.replaying import look_again, submit_again
from daemon.api.signal_story import Known, tell
from daemon.api.translate import OUTCOME, OUTCOME_OF, known, milliseconds, optional_timestamp, reason, timestamp
from daemon.api.translate_event import event
from daemon.api.translate_signal import facts, json_text
from daemon.store.found import AlertFilter, AlertState, EventFilter, SignalFilter, StoredSignal
from daemon.store.pages import MAX_PAGE_SIZE, Page
from daemon.store.read_records import MAX_EVENTS
from protos.terrace.v1 import common_pb2, signal_pb2_grpc
from protos.terrace.v1 import signal_pb2 as pb

FIELDS = (
    "source",
    "timestamp",
    "tv.exchange",
    "tv.symbol",
    "tv.timeframe",
    "tv.action",
    "tv.market_position",
    "tv.prev_market_position",
    "tv.market_position_size",
    "tv.prev_market_position_size",
    "tv.entry_price",
    "tv.close_price",
    "tv.order_size",
    "strategy_info.trade_id",
    "strategy_info.alert_name",
    "strategy_info.alert_message",
    "execution_intent.type",
    "execution_intent.side",
    "execution_intent.position_size_type",
    "execution_intent.precision_mode",
    "risk.stop_loss",
    "risk.take_profit",
    "risk.max_slippage_percent",
)
"""Every field of the wire format but the secret, in the order it is documented."""


class SignalService(signal_pb2_grpc.SignalServiceServicer):
    def __init__(self, engine: Engine, intake: Intake) -> None:
        self._engine = engine
        self._intake = intake

    async def SubmitSignal(self, request: pb.SubmitSignalRequest, context: Context) -> pb.SubmitSignalResponse:
        if not self._intake.tracing.is_on:
            return await self._intake.submit(request, context)
        with self._intake.tracing.received(context.invocation_metadata() or ()):
            return await self._intake.submit(request, context)

    async def GetSignal(self, request: pb.GetSignalRequest, _context: Context) -> pb.GetSignalResponse:
        found = await self._engine.read(self._engine.reader.timeline, request.signal_id)
        if found is None:
            raise not_found("signal", request.signal_id)
        message = self._stored(found.signal)
        message.body = found.signal.signal.body
        group = self._engine.view.current.find(found.signal.group_id)
        if group is None and found.signal.group_id:
            group = await self._engine.read(self._engine.reader.get_group, found.signal.group_id)
        for pyramid in group.pyramids if group is not None else ():
            if pyramid.signal_id == request.signal_id:
                message.pyramid_index = pyramid.index
        return pb.GetSignalResponse(signal=message, timeline=[event(stored) for stored in found.events])

    async def GetSignalStory(self, request: pb.GetSignalStoryRequest, _context: Context) -> pb.GetSignalStoryResponse:
        known = await self._engine.read(self._known, request.signal_id)
        if known is None:
            raise not_found("signal", request.signal_id)
        message = self._stored(known.stored)
        for pyramid in known.group.pyramids if known.group is not None else ():
            if pyramid.signal_id == request.signal_id:
                message.pyramid_index = pyramid.index
        entries, summary, truncated = tell(known)
        return pb.GetSignalStoryResponse(signal=message, entries=entries, summary=summary, truncated=truncated)

    def _known(self, signal_id: str) -> Known | None:
        """Everything stored about a signal; None if there is none of that id. Reads the store."""
        reader = self._engine.reader
        timeline = reader.timeline(signal_id)
        if timeline is None:
            return None
        stored = timeline.signal
        events, more = list(timeline.events), len(timeline.events) >= MAX_EVENTS
        group, alerts = None, []
        if stored.group_id:
            group = reader.get_group(stored.group_id)
            wanted = EventFilter(group_id=stored.group_id, start_ms=stored.signal.receive_time_ms)
            of_group = reader.events_after(0, MAX_EVENTS, wanted)
            more = more or len(of_group) >= MAX_EVENTS
            events += [one for one in of_group if isinstance(one.event, AddEvent) and not one.event.signal_id]
            every = AlertFilter(states=(AlertState.ACTIVE, AlertState.ACKNOWLEDGED, AlertState.RESOLVED))
            page = reader.list_alerts(every, size=MAX_PAGE_SIZE)
            if isinstance(page, Page):
                alerts = [alert for alert in page.items if alert.group_id == stored.group_id]
        events.sort(key=lambda one: one.sequence)
        untraded = self._engine.why_untraded(group.account) if group is not None else ""
        return Known(stored=stored, events=events, group=group, alerts=alerts, more=more, untraded=untraded)

    async def ListSignals(self, request: pb.ListSignalsRequest, _context: Context) -> pb.ListSignalsResponse:
        world = self._engine.world_or_all(request.world)
        accounts: tuple[str, ...] = (request.account,) if request.account else ()
        if world is not None and not accounts:
            accounts = tuple(account.name for account in self._engine.accounts(world))
        wanted = SignalFilter(
            outcomes=tuple(known(request.outcomes, OUTCOME_OF, "outcomes")),
            accounts=accounts,
            symbol=request.symbol,
            timeframe=request.timeframe,
            source=request.source,
            group_id=request.group_id,
            start_ms=milliseconds(request.start_time) if request.HasField("start_time") else None,
            end_ms=milliseconds(request.end_time) if request.HasField("end_time") else None,
        )
        found = await self._engine.page(self._engine.reader.list_signals, request, wanted)
        return pb.ListSignalsResponse(
            signals=[self._stored(stored) for stored in found.items], next_page_token=found.next_token
        )

    async def CheckSignal(self, request: pb.CheckSignalRequest, _context: Context) -> pb.CheckSignalResponse:
        """SIG-13: how a body is read, field by field. Nothing is stored or sent."""
        source = self._intake.source(request.source)
        if len(request.body) > MAX_BODY_BYTES:
            words = f"is {len(request.body)} bytes long, at most {MAX_BODY_BYTES} are taken"
            raise Failed(ApiReason.BODY_TOO_LARGE, f"body: {words}", faults=(FieldFault("body", words),))
        read_now = read_body(request.body, source)
        faults = read_now.faults if isinstance(read_now, FaultyBody) else ()
        response = pb.CheckSignalResponse(fields=_readings(read_now.tree, source.map, faults))
        sent = Sent(
            signal_id="",
            source=source,
            body=request.body,
            request_id="",
            receive_time_ms=self._engine.clock.now_ms(),
            judge_age=False,
        )
        understood = self._intake.read(sent)
        if isinstance(understood, FaultyBody | NoCatalogue):
            return response
        response.valid = understood.refused is None
        response.signal.CopyFrom(facts(understood.signal, understood.account))
        if understood.refused is not None:
            response.signal.outcome = OUTCOME[Outcome.REJECTED]
            response.signal.reason = understood.refused.reason.value
            response.signal.reason_detail = understood.refused.detail
        return response

    async def ReplaySignal(self, request: pb.ReplaySignalRequest, context: Context) -> pb.ReplaySignalResponse:
        """SIG-11: what the engine would do now with a stored signal, or the same alert as a new signal."""
        stored = await self._engine.read(self._engine.reader.get_signal, request.signal_id)
        if stored is None:
            raise not_found("signal", request.signal_id)
        if request.submit:
            return await submit_again(self._engine, self._intake, stored.signal, request.request_id, context)
        return await look_again(self._engine, self._intake, stored.signal, context)

    def _stored(self, stored: StoredSignal) -> pb.Signal:
        account = self._engine.settings().accounts.get(stored.signal.key.account)
        message = facts(stored.signal, account)
        message.outcome = OUTCOME[stored.outcome]
        message.reason = reason(stored.reason)
        message.reason_detail = stored.detail
        message.group_id = stored.group_id
        message.outcome_time.CopyFrom(timestamp(stored.outcome_time_ms))
        first = pb.SignalOutcome(
            outcome=OUTCOME[stored.first_outcome],
            reason=reason(stored.first_reason),
            time=optional_timestamp(stored.first_time_ms),
        )
        message.outcomes.append(first)
        if stored.outcome is not stored.first_outcome:
            message.outcomes.add(outcome=message.outcome, reason=message.reason, time=timestamp(stored.outcome_time_ms))
        if stored.reason is Reason.INVALID_BODY:
            message.problems.extend(_problems(stored.detail))
        return message


def _problems(detail: str) -> Iterator[common_pb2.FieldProblem]:
    """`tv.symbol: is missing; tv.action: ...` as it was stored, fault by fault."""
    for part in detail.split("; "):
        path, colon, words = part.partition(": ")
        if colon:
            yield common_pb2.FieldProblem(path="" if path == "body" else path, reason="FAULTY", message=words)


def _readings(tree: Any, field_map: Mapping[str, str], faults: tuple[FieldFault, ...]) -> Iterator[pb.FieldReading]:
    """Each known field with what stands there and what is wrong with it; faults of other places follow."""
    problems: dict[str, str] = {}
    for fault in faults:
        problems.setdefault(fault.path, fault.problem)
    for path in FIELDS:
        yield pb.FieldReading(
            path=path,
            expression=field_map.get(path, ""),
            value=json_text(_at(tree, path)),
            problem=problems.pop(path, ""),
        )
    for path, problem in problems.items():
        hidden = path == SECRET or path.startswith(f"{SECRET}.")
        yield pb.FieldReading(path=path, value="" if hidden else json_text(_at(tree, path)), problem=problem)


def _at(tree: Any, path: str) -> Any:
    for name in path.split("."):
        tree = tree.get(name) if isinstance(tree, Mapping) else None
    return tree
