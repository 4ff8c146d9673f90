"""SubmitSignal from the bytes to the answer (SIG-1 to SIG-9). This is the hot path: no logging, no models, one ask.

What the engine can judge goes to the pool of the account's world, whose answer follows the commit. What ends before
it (no alert, no route, unknown symbol, too old) is committed here with its outcome, so that an alert the forwarder
has acknowledged always has one.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from actors.messages import Answer, SubmitSignal, as_duplicate
from actors.rules.intent import may_be_shed
from actors.rules.model import Instrument, Outcome, Reason, Refused, Signal
from actors.rules.settings import SourceSettings
from daemon.api.admission import Admission
from daemon.api.auth import caller
from daemon.api.body import MAX_BODY_BYTES
from daemon.api.engine import Engine
from daemon.api.errors import ApiReason, Failed, FieldFault, faulty_field, invalid_body
from daemon.api.forecast import forecast
from daemon.api.kinds import Context
from daemon.api.reading import FaultyBody, NoCatalogue, Sent, Symbols, Understood, read_body, understand, unreadable
from daemon.api.recorder import Recorder
from daemon.api.rejecting import OF_THE_MOMENT, read_only_refusal, rejected, rejected_rows
from daemon.api.senders import check_sender
from daemon.api.translate import milliseconds
from daemon.api.translate_signal import answered
from daemon.observe.tracing import Tracing
from daemon.tokens import TokenRole
from protos.terrace.v1 import signal_pb2

MAX_REQUEST_ID_CHARS = 128
MAX_REJECTED_REMEMBERED = 10_000
"""Signals rejected here whose answer is kept for a copy that follows (SIG-7); the store knows the others."""


class Intake:
    def __init__(self, engine: Engine, recorder: Recorder) -> None:
        self._engine = engine
        self._recorder = recorder
        self._symbols = Symbols(engine.catalogue, self._held)
        self._rejected: OrderedDict[str, tuple[Answer, int]] = OrderedDict()
        self._rejecting: dict[str, asyncio.Future[None]] = {}
        self.admission = Admission()
        self.tracing = Tracing()

    def _held(self, account: str) -> Iterable[Instrument]:
        return (group.instrument for group in self._engine.view.current.live() if group.account == account)

    async def submit(
        self, request: signal_pb2.SubmitSignalRequest, context: Context
    ) -> signal_pb2.SubmitSignalResponse:
        if self._engine.condition.is_stopping:
            raise Failed(Reason.STOPPING, "the daemon is stopping")
        source = self.source(request.source)
        _check_size(request)
        self.admission.check()
        now_ms = self._engine.clock.now_ms()
        from_forwarder = caller().role is TokenRole.INGEST and request.HasField("receive_time")
        if caller().role is TokenRole.INGEST and not from_forwarder:
            check_sender(source, context.peer())
        receive_ms = min(milliseconds(request.receive_time), now_ms) if request.HasField("receive_time") else now_ms
        sent = Sent(
            signal_id="" if request.validate_only else self._engine.ids.signal_id(),
            source=source,
            body=request.body,
            request_id=request.request_id,
            receive_time_ms=receive_ms if from_forwarder else now_ms,
            judge_age=not from_forwarder,
        )
        if self.tracing.is_on and sent.signal_id:
            self.tracing.admitted(sent.signal_id, source.name)
        read = self.read(sent)
        sheds = _may_be_shed(read)
        if not from_forwarder:
            self.admission.spend(source, sheds)
        with self.admission.one(sheds):
            response = await self._take(sent, read, context, request.validate_only)
        if not request.validate_only and caller().role is not TokenRole.INGEST:
            self._note_sender(response.signal)
        if self.tracing.is_on:
            self.tracing.answered(response.signal.outcome, response.signal.group_id)
        return response

    async def take_again(self, sent: Sent, context: Context) -> signal_pb2.Signal:
        """A stored body that a person sends as a new signal (SIG-11): the way of any other from here on."""
        if self._engine.condition.is_stopping:
            raise Failed(Reason.STOPPING, "the daemon is stopping")
        self.admission.check()
        read = self.read(sent)
        with self.admission.one(_may_be_shed(read)):
            return (await self._take(sent, read, context, False)).signal

    def _note_sender(self, signal: signal_pb2.Signal) -> None:
        """A person sent this one, not a source: who is on record (LOG-3)."""
        who = caller()
        facts = {"who": who.name, "role": who.role.value, "method": "SubmitSignal", "result": "OK"}
        event = self._recorder.event("api.call", f"{who.name} sent a signal of {signal.source}", facts)
        self._recorder.commit((replace(event, signal_id=signal.signal_id, account=signal.account),))

    def source(self, name: str) -> SourceSettings:
        """The configured source, INVALID_ARGUMENT if there is none of that name."""
        sources = self._engine.settings().sources
        source = sources.get(name)
        if source is None:
            words = f"there is no source {name[:64]!r}; there is {', '.join(sorted(sources))}"
            raise Failed(ApiReason.UNKNOWN_SOURCE, words, faults=(FieldFault("source", words),))
        return source

    def read(self, sent: Sent) -> Understood | FaultyBody | NoCatalogue:
        """What a body means, without doing anything about it."""
        read = read_body(sent.body, sent.source)
        if isinstance(read, FaultyBody):
            return read
        return understand(sent, read, self._engine.settings(), self._symbols, self._engine.unbuilt)

    async def _take(
        self, sent: Sent, read: Understood | FaultyBody | NoCatalogue, context: Context, look_only: bool
    ) -> signal_pb2.SubmitSignalResponse:
        if isinstance(read, NoCatalogue):
            raise no_catalogue(self._engine, read)
        if isinstance(read, FaultyBody):
            signal = unreadable(sent, read)
            if not look_only:
                words = "; ".join(f"{fault.path or 'body'}: {fault.problem}" for fault in read.faults)
                await self._reject(signal, Refused(reason=Reason.INVALID_BODY, detail=words), context)
            raise invalid_body(read.faults, sent.signal_id)
        signal, refused = read.signal, read.refused
        refused = refused or read_only_refusal(signal, self._engine.settings())
        if look_only:
            answer = rejected(signal, refused) if refused else (await forecast(self._engine, signal, context)).answer
        elif refused is not None or read.account is None:
            answer = await self._reject(signal, refused or Refused(reason=Reason.NO_ROUTE), context)
        else:
            answer = await self._ask_pool(f"pool/{read.account.world.value}", signal, context)
        return signal_pb2.SubmitSignalResponse(
            signal=answered(answer, signal, read.account, self._engine.clock.now_ms())
        )

    async def _ask_pool(self, pool: str, signal: Signal, context: Context) -> Answer:
        answer = await self._engine.ask(pool, lambda reply_to: SubmitSignal(signal=signal, reply_to=reply_to), context)
        assert isinstance(answer, Answer), answer
        return answer

    # --- what ends here ---------------------------------------------------------------------------

    async def _reject(self, signal: Signal, refused: Refused, context: Context) -> Answer:
        """Commits a signal that the engine never sees; a copy of one that has an outcome gets that one (SIG-7)."""
        key = signal.idempotency_key
        while (under_way := self._rejecting.get(key)) is not None:
            await asyncio.wait([under_way])
        with self._one_at_a_time(key):
            first = await self._first(key)
            if first is not None:
                return as_duplicate(first)
            return await self._commit_rejection(signal, rejected(signal, refused), context)

    async def _commit_rejection(self, signal: Signal, answer: Answer, context: Context) -> Answer:
        """The answer as the Journal has it: Pool may have decided a copy meanwhile, whose outcome it is then."""
        now_ms = self._engine.clock.now_ms()
        rows = rejected_rows(signal, answer, self._engine.settings(), now_ms)
        told = await self._recorder.record(rows, answer, context)
        assert isinstance(told, Answer), told
        if told.outcome is Outcome.DUPLICATE or answer.reason in OF_THE_MOMENT:
            return told
        key, expire_ms = signal.idempotency_key, self._engine.clock.now_ms() + signal.idempotency_window_s * 1000
        self._rejected[key] = (answer, expire_ms)
        while len(self._rejected) > MAX_REJECTED_REMEMBERED:
            self._rejected.popitem(last=False)
        return told

    @contextmanager
    def _one_at_a_time(self, key: str) -> Iterator[None]:
        done = self._rejecting[key] = asyncio.get_running_loop().create_future()
        try:
            yield
        finally:
            self._rejecting.pop(key, None)
            done.set_result(None)

    async def _first(self, key: str) -> Answer | None:
        now_ms = self._engine.clock.now_ms()
        known = self._rejected.get(key)
        if known is not None:
            if known[1] > now_ms:
                return known[0]
            del self._rejected[key]
        return await self._engine.read(self._engine.reader.first_answer, key, now_ms)


def no_catalogue(engine: Engine, read: NoCatalogue) -> Failed:
    """The account's instruments are not known: nothing can be said of an alert for it yet."""
    why = engine.broken.get(read.account.name, "its instruments are not known yet")
    words = f"account {read.account.name}: {why}; send it again later"
    return Failed(Reason.ACCOUNT_NOT_READY, words, retry_after_s=1.0)


def _may_be_shed(read: Understood | FaultyBody | NoCatalogue) -> bool:
    """Whether it is turned away first under overload: everything but what may end or lessen a position (REC-4)."""
    if not isinstance(read, Understood) or read.refused is not None:
        return True
    return may_be_shed(read.signal, read.account.market if read.account else None)


def _check_size(request: signal_pb2.SubmitSignalRequest) -> None:
    if len(request.body) > MAX_BODY_BYTES:
        words = f"is {len(request.body)} bytes long, at most {MAX_BODY_BYTES} are taken"
        raise Failed(ApiReason.BODY_TOO_LARGE, f"body: {words}", faults=(FieldFault("body", words),))
    if len(request.request_id) > MAX_REQUEST_ID_CHARS:
        raise faulty_field("request_id", f"is longer than {MAX_REQUEST_ID_CHARS} characters")
