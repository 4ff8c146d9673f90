"""Signals, answers and readings as messages."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from actors.messages import Answer
from actors.rules.model import Outcome, Signal
from actors.rules.settings import AccountSettings
from daemon.api.translate import INTENT, OUTCOME, SIDE, WORLD, code, decimal, optional_timestamp, reason, timestamp
from protos.terrace.v1 import signal_pb2


def facts(signal: Signal, account: AccountSettings | None) -> signal_pb2.Signal:
    """What a signal says, without what became of it and without its body."""
    message = signal_pb2.Signal(
        signal_id=signal.signal_id,
        source=signal.source,
        account=signal.key.account,
        symbol=signal.key.symbol,
        timeframe=signal.key.timeframe,
        strategy=signal.alert_name,
        intent=INTENT[signal.intent],
        entry_price=decimal(signal.entry_price),
        signal_time=optional_timestamp(signal.sent_time_ms),
        receive_time=timestamp(signal.receive_time_ms),
        idempotency_key=signal.idempotency_key,
        replay_of_signal_id=signal.replay_of,
    )
    if signal.side is not None:
        message.side = SIDE[signal.side]
    if account is not None:
        message.world = WORLD[account.world]
    return message


def answered(answer: Answer, signal: Signal, account: AccountSettings | None, now_ms: int) -> signal_pb2.Signal:
    """A signal that was just sent, with the answer to it. A duplicate bears the first one's id."""
    message = facts(signal, account)
    message.signal_id = answer.signal_id
    put_answer(message, answer)
    if answer.signal_id:
        message.outcome_time.CopyFrom(timestamp(now_ms))
    return message


def put_answer(message: signal_pb2.Signal, answer: Answer) -> None:
    message.outcome = OUTCOME[answer.outcome]
    message.reason = reason(answer.reason)
    message.reason_detail = answer.detail
    message.group_id = answer.group_id
    if answer.first_outcome is not None:
        message.first_outcome = OUTCOME[answer.first_outcome]
    if answer.outcome is Outcome.DUPLICATE:
        message.duplicate_of_signal_id = answer.signal_id
        message.reason_detail = _seen_before(answer)


def _seen_before(answer: Answer) -> str:
    first = "" if answer.first_outcome is None else f"; its first outcome was {code(answer.first_outcome.value)}"
    return f"the same alert arrived before{first}{f': {answer.detail}' if answer.detail else ''}"


def json_text(value: Any) -> str:
    """A value of a body as JSON, numbers as exact as they came; empty where absent."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=str)
