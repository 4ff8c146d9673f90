"""Signals and the queue: columns, values to parameters, rows to values."""

from __future__ import annotations

from typing import Any

from actors.messages import Answer
from actors.rules.choices import World
from actors.rules.model import Intent, Key, Outcome, Queued, Reason, Side, Signal, SizeType
from actors.rules.records import SaveQueued, SaveSignal
from daemon.store.statements import Columns
from daemon.store.text import number_or_null, read_number_or_null, words

INTENTS = words(Intent)
OUTCOMES = words(Outcome)
REASONS = words(Reason)
SIDES = words(Side)
SIZE_TYPES = words(SizeType)
WORLDS = words(World)

SIGNAL = Columns.of(
    "signals",
    "signal_id source account symbol timeframe key_strategy key_source intent side",
    "entry_price close_price order_size size_type market_position_size prev_market_position_size",
    "stop_loss take_profit max_slippage_percent trade_id alert_name alert_message",
    "sent_time_ms receive_time_ms max_age_s idempotency_key idempotency_window_s replay_of body",
)
OUTCOME = Columns.of(
    "signals",
    "outcome reason detail group_id outcome_time_ms draft_id",
    "first_outcome first_reason first_time_ms",
)
SAVED_SIGNAL = Columns("signals", SIGNAL.names + OUTCOME.names)
ANSWER = Columns.of("signals", "signal_id outcome reason detail group_id")

KEY = ("account", "symbol", "timeframe", "key_strategy", "key_source")
QUEUED = Columns.of(
    "queued_signals",
    "world account symbol timeframe key_strategy key_source signal_id side entry_price",
    "wait_reason detail replacement_count first_queue_time_ms queue_time_ms expected_profit is_reverse is_decided",
)
WAITING = Columns.of(
    "queued_signals",
    "side entry_price wait_reason detail replacement_count first_queue_time_ms queue_time_ms expected_profit",
    "is_reverse is_decided",
)
"""What a `Queued` has besides its signal."""


def saved_signal(row: SaveSignal) -> tuple[Any, ...]:
    """Parameters in the order of `SAVED_SIGNAL`."""
    signal, key = row.signal, row.signal.key
    outcome, reason = row.outcome.value, row.reason.value
    return (
        *(signal.signal_id, signal.source, key.account, key.symbol, key.timeframe, key.strategy, key.source),
        *(signal.intent.value, None if signal.side is None else signal.side.value),
        *(number_or_null(signal.entry_price), number_or_null(signal.close_price), number_or_null(signal.order_size)),
        signal.size_type.value,
        *(number_or_null(signal.market_position_size), number_or_null(signal.prev_market_position_size)),
        *(number_or_null(signal.stop_loss), number_or_null(signal.take_profit)),
        *(number_or_null(signal.max_slippage_percent), signal.trade_id, signal.alert_name, signal.alert_message),
        *(signal.sent_time_ms, signal.receive_time_ms, signal.max_age_s),
        *(signal.idempotency_key, signal.idempotency_window_s, signal.replay_of, signal.body),
        *(outcome, reason, row.detail, row.group_id, row.time_ms, row.draft_id),
        *(outcome, reason, row.time_ms),
    )


def read_signal(row: tuple[Any, ...]) -> Signal:
    """From a row in the order of `SIGNAL`."""
    signal_id, source, account, symbol, timeframe, key_strategy, key_source, intent, side = row[:9]
    entry_price, close_price, order_size, size_type, position_size, prev_position_size = row[9:15]
    stop_loss, take_profit, max_slippage_percent, trade_id, alert_name, alert_message = row[15:21]
    sent_time_ms, receive_time_ms, max_age_s, idempotency_key, idempotency_window_s, replay_of, body = row[21:]
    return Signal(
        signal_id=signal_id,
        source=source,
        key=Key(account=account, symbol=symbol, timeframe=timeframe, strategy=key_strategy, source=key_source),
        intent=INTENTS[intent],
        side=None if side is None else SIDES[side],
        entry_price=read_number_or_null(entry_price),
        close_price=read_number_or_null(close_price),
        order_size=read_number_or_null(order_size),
        size_type=SIZE_TYPES[size_type],
        market_position_size=read_number_or_null(position_size),
        prev_market_position_size=read_number_or_null(prev_position_size),
        stop_loss=read_number_or_null(stop_loss),
        take_profit=read_number_or_null(take_profit),
        max_slippage_percent=read_number_or_null(max_slippage_percent),
        trade_id=trade_id,
        alert_name=alert_name,
        alert_message=alert_message,
        sent_time_ms=sent_time_ms,
        receive_time_ms=receive_time_ms,
        max_age_s=max_age_s,
        idempotency_key=idempotency_key,
        idempotency_window_s=idempotency_window_s,
        body=body,
        replay_of=replay_of,
    )


def read_answer(row: tuple[Any, ...]) -> Answer:
    """From a row in the order of `ANSWER`."""
    signal_id, outcome, reason, detail, group_id = row
    return Answer(
        signal_id=signal_id, outcome=OUTCOMES[outcome], reason=REASONS[reason], detail=detail, group_id=group_id
    )


def queued(row: SaveQueued) -> tuple[Any, ...]:
    """Parameters in the order of `QUEUED`."""
    waiting, key = row.queued, row.queued.key
    return (
        *(row.world.value, key.account, key.symbol, key.timeframe, key.strategy, key.source),
        *(waiting.signal.signal_id, waiting.side.value, number_or_null(waiting.entry_price)),
        *(waiting.wait_reason.value, waiting.detail, waiting.replacement_count),
        *(waiting.first_queue_time_ms, waiting.queue_time_ms, number_or_null(waiting.expected_profit)),
        *(int(waiting.is_reverse), int(waiting.is_decided)),
    )


def read_queued(row: tuple[Any, ...]) -> Queued:
    """From a row in the order of `WAITING`, then `SIGNAL`."""
    side, entry_price, wait_reason, detail, replacement_count, first_time_ms, time_ms, expected_profit = row[:8]
    is_reverse, is_decided = row[8:10]
    return Queued(
        signal=read_signal(row[10:]),
        side=SIDES[side],
        entry_price=read_number_or_null(entry_price),
        wait_reason=REASONS[wait_reason],
        detail=detail,
        replacement_count=replacement_count,
        first_queue_time_ms=first_time_ms,
        queue_time_ms=time_ms,
        expected_profit=read_number_or_null(expected_profit),
        is_reverse=bool(is_reverse),
        is_decided=bool(is_decided),
    )
