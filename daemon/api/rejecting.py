"""What is stored of an alert that ends before the engine sees it: faulty, without a route, too old (SIG-10)."""

from __future__ import annotations

from actors.messages import Answer
from actors.rules.choices import EngineMode
from actors.rules.intent import may_be_shed
from actors.rules.model import Outcome, Reason, Refused, Signal
from actors.rules.records import AddEvent, Row, SaveSignal, claim
from actors.rules.settings import Settings

MAX_DETAIL_CHARS = 4_000
OF_THE_MOMENT = frozenset({Reason.READ_ONLY})
"""Refusals that say nothing of the alert: the same one is decided anew when it comes again (SIG-7)."""


def read_only_refusal(signal: Signal, settings: Settings) -> Refused | None:
    """CFG-6: while read-only nothing is opened or added to. What may end or lessen a position is taken: a group that
    misses its exit is held by nobody's decision. Of a reverse only its end is left, which Pool sees to.
    """
    account = settings.accounts.get(signal.key.account)
    if settings.engine.mode is not EngineMode.READ_ONLY or not may_be_shed(signal, account.market if account else None):
        return None
    words = "the engine is in read-only mode (engine.mode): only exits and reduces are taken"
    return Refused(reason=Reason.READ_ONLY, detail=words)


def rejected(signal: Signal, refused: Refused) -> Answer:
    return Answer(
        signal_id=signal.signal_id,
        outcome=Outcome.REJECTED,
        reason=refused.reason,
        detail=refused.detail[:MAX_DETAIL_CHARS],
    )


def rejected_rows(signal: Signal, answer: Answer, settings: Settings, now_ms: int) -> tuple[Row, ...]:
    """The signal with its outcome, its claim on the idempotency key unless the refusal is of the moment, and a line for
    people.
    """
    saved = SaveSignal(
        signal=signal,
        outcome=answer.outcome,
        reason=answer.reason,
        detail=answer.detail,
        group_id="",
        draft_id="",
        time_ms=now_ms,
    )
    account = settings.accounts.get(signal.key.account)
    event = AddEvent(
        time_ms=now_ms,
        severity="warning",
        category="signal",
        type="signal.rejected",
        message=f"signal of {signal.source} rejected: {answer.detail or answer.reason.value}"[:MAX_DETAIL_CHARS],
        world=account.world if account else None,
        account=signal.key.account,
        symbol=signal.key.symbol,
        timeframe=signal.key.timeframe,
        signal_id=signal.signal_id,
        attributes={"reason": answer.reason.value, "source": signal.source},
    )
    return (saved, event) if answer.reason in OF_THE_MOMENT else (saved, claim(signal), event)
