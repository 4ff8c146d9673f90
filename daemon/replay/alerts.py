"""The way in for recorded alerts: read as the API reads what a trusted caller sends, judged at the virtual now.

The secret in a body is dropped unread, as from a caller with a token (SIG-5). An alert that ends before the engine sees
it, faulty, without a route, too old, is committed with its outcome as the API does it, so the store has all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from actors.messages import Answer, Commit, Participant, Send, SubmitSignal, as_duplicate
from actors.ports import Catalogue, Ids
from actors.replies import ReplyBox
from actors.rules.model import Instrument, Reason, Refused, Signal
from actors.rules.settings import Settings
from actors.stepped import Stepped
from actors.view import View
from daemon.api.body import MAX_BODY_BYTES
from daemon.api.errors import FieldFault
from daemon.api.reading import FaultyBody, NoCatalogue, Sent, Symbols, read_body, understand, unreadable
from daemon.api.rejecting import read_only_refusal, rejected, rejected_rows
from daemon.replay.model import AlertOutcome, TimedAlert
from daemon.store.memory import MemoryStore

AUTHOR = "replay"


@dataclass(slots=True)
class _Taken:
    number: int
    alert: TimedAlert
    box: ReplyBox | None = None
    refused: str = ""
    faults: tuple[FieldFault, ...] = ()


class AlertIntake:
    """Takes alerts in the order they come; `outcomes` when all has come to rest."""

    def __init__(
        self,
        *,
        system: Stepped,
        settings: Settings,
        store: MemoryStore,
        view: View,
        catalogue: Catalogue,
        ids: Ids,
        unbuilt: Mapping[str, str],
    ) -> None:
        """`unbuilt`: accounts that cannot be traded here, and why."""
        self._system = system
        self._settings = settings
        self._store = store
        self._view = view
        self._ids = ids
        self._unbuilt = unbuilt
        self._symbols = Symbols(catalogue, self._held)
        self._taken: list[_Taken] = []
        self._me = Participant(AUTHOR, system.next_incarnation())

    def __len__(self) -> int:
        return len(self._taken)

    def _held(self, account: str) -> Iterable[Instrument]:
        return (group.instrument for group in self._view.current.live() if group.account == account)

    def take(self, alert: TimedAlert) -> None:
        """Hands it to the engine, whose answer comes as it is stepped."""
        taken = _Taken(len(self._taken) + 1, alert)
        self._taken.append(taken)
        source = self._settings.sources.get(alert.source)
        if source is None:
            taken.refused = f"there is no source {alert.source!r} in the config"
        elif len(alert.body) > MAX_BODY_BYTES:
            taken.refused = f"the body is {len(alert.body)} bytes long, at most {MAX_BODY_BYTES} are taken"
        else:
            sent = Sent(
                signal_id=self._ids.signal_id(),
                source=source,
                body=alert.body,
                request_id="",
                receive_time_ms=self._system.now_ms(),
                judge_age=True,
            )
            self._read(sent, taken)

    def _read(self, sent: Sent, taken: _Taken) -> None:
        body = read_body(sent.body, sent.source)
        if isinstance(body, FaultyBody):
            taken.faults = body.faults
            words = "; ".join(f"{fault.path or 'body'}: {fault.problem}" for fault in body.faults)
            self._reject(unreadable(sent, body), Refused(reason=Reason.INVALID_BODY, detail=words), taken)
            return
        read = understand(sent, body, self._settings, self._symbols, self._unbuilt)
        if isinstance(read, NoCatalogue):
            taken.refused = f"account {read.account.name}: its instruments are not known"
            return
        refused = read.refused or read_only_refusal(read.signal, self._settings)
        if refused is not None or read.account is None:
            self._reject(read.signal, refused or Refused(reason=Reason.NO_ROUTE), taken)
            return
        signal = read.signal
        pool = f"pool/{read.account.world.value}"
        taken.box = self._system.ask(pool, lambda reply_to: SubmitSignal(signal=signal, reply_to=reply_to))

    def _reject(self, signal: Signal, refused: Refused, taken: _Taken) -> None:
        """A copy of one that has an outcome gets that one (SIG-7)."""
        box = taken.box = ReplyBox()
        now_ms = self._system.now_ms()
        first = self._store.first_answer(signal.idempotency_key, now_ms)
        if first is not None:
            box.reply(as_duplicate(first))
            return
        answer = rejected(signal, refused)
        rows = rejected_rows(signal, answer, self._settings, now_ms)
        self._system.tell("journal", Commit(author=self._me, rows=rows, then=(Send(box, answer),)))

    def outcomes(self) -> tuple[AlertOutcome, ...]:
        return tuple(_outcome(taken) for taken in self._taken)


def _outcome(taken: _Taken) -> AlertOutcome:
    answer = taken.box.answer if taken.box is not None and taken.box.done else None
    refused = taken.refused
    if isinstance(answer, Refused):
        refused = f"{answer.reason.value}: {answer.detail}" if answer.detail else answer.reason.value
    return AlertOutcome(
        number=taken.number,
        time_ms=taken.alert.time_ms,
        source=taken.alert.source,
        answer=answer if isinstance(answer, Answer) else None,
        refused=refused,
        faults=taken.faults,
    )
