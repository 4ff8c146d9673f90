"""Queries about signals. Each takes `rows`, which runs a peewee query in one snapshot."""

from __future__ import annotations

from typing import Any

from peewee import ColumnBase, fn

from actors.messages import Answer
from actors.rules.model import Order, Trade
from daemon.store import group_rows, signal_rows
from daemon.store.found import SignalFilter, StoredSignal, Timeline
from daemon.store.pages import Page, Place, cut
from daemon.store.query import RunQuery, columns, matching, older_than, within
from daemon.store.read_records import events_of_signal
from daemon.store.statements import Columns
from daemon.store.tables import Fill as FillTable
from daemon.store.tables import Idempotency as IdempotencyTable
from daemon.store.tables import Order as OrderTable
from daemon.store.tables import Pyramid as PyramidTable
from daemon.store.tables import Signal as SignalTable

MAX_ORDERS = 1000
"""Most orders of a timeline."""
MAX_COPIES = 100
"""Most signals of one idempotency key that are looked at."""

_OUTCOME = Columns.of(
    "signals", "outcome reason detail group_id outcome_time_ms first_outcome first_reason first_time_ms"
)
_PLAIN = columns(SignalTable, [name for name in signal_rows.SIGNAL.names if name != "body"])
_BODY = columns(SignalTable, ["body"])
_RESULT = columns(SignalTable, _OUTCOME.names)
_WITHOUT_BODY = len(_PLAIN)


def get_signal(rows: RunQuery, signal_id: str) -> StoredSignal | None:
    query = SignalTable.select(*_PLAIN, *_BODY, *_RESULT).where(SignalTable.signal_id == signal_id)
    return next((_read(row[: _WITHOUT_BODY + 1], row[_WITHOUT_BODY + 1 :]) for row in rows(query)), None)


def first_answer(rows: RunQuery, idempotency_key: str, now_ms: int) -> Answer | None:
    """What became of the signal that holds this key."""
    table, key = SignalTable, IdempotencyTable
    query = (
        table.select(*columns(table, signal_rows.ANSWER.names))
        .join(key, on=(key.signal_id == table.signal_id))
        .where(key.idempotency_key == idempotency_key, key.expire_time_ms > now_ms)
    )
    return next((signal_rows.read_answer(row) for row in rows(query)), None)


def answers_around(rows: RunQuery, idempotency_key: str, start_ms: int, end_ms: int) -> tuple[Answer, ...]:
    """What became of the signals with this key that arrived then, whether or not it is still held. Oldest first."""
    table = SignalTable
    query = (
        table.select(*columns(table, signal_rows.ANSWER.names))
        .where(table.receive_time_ms.between(start_ms, end_ms), table.idempotency_key == idempotency_key)
        .order_by(table.receive_time_ms, table.id)
        .limit(MAX_COPIES)
    )
    return tuple(signal_rows.read_answer(row) for row in rows(query))


def list_signals(rows: RunQuery, wanted: SignalFilter, after: Place | None, size: int) -> Page[StoredSignal]:
    """Newest first by time of arrival, bodies left out."""
    table = SignalTable
    query = table.select(table.receive_time_ms, table.id, *_PLAIN, *_RESULT)
    for condition in _conditions(wanted):
        query = query.where(condition)
    if after is not None:
        query = query.where(older_than(table.receive_time_ms, table.id, after))
    query = query.order_by(table.receive_time_ms.desc(), table.id.desc()).limit(size + 1)
    found = [
        (Place(row[0], row[1]), _read((*row[2 : 2 + _WITHOUT_BODY], ""), row[2 + _WITHOUT_BODY :]))
        for row in rows(query)
    ]
    return cut(found, size)


def timeline(rows: RunQuery, signal_id: str) -> Timeline | None:
    stored = get_signal(rows, signal_id)
    if stored is None:
        return None
    return Timeline(signal=stored, events=events_of_signal(rows, signal_id), orders=_orders(rows, stored))


def last_signal_time_ms(rows: RunQuery, accounts: tuple[str, ...]) -> int | None:
    table = SignalTable
    query = table.select(table.receive_time_ms).order_by(table.receive_time_ms.desc()).limit(1)
    if accounts:
        query = query.where(table.account.in_(accounts))
    return next((time_ms for (time_ms,) in rows(query)), None)


def heard_since(rows: RunQuery, since_ms: int) -> dict[str, int]:
    """When each source was heard last, of those heard since then."""
    table = SignalTable
    query = table.select(table.source, fn.MAX(table.receive_time_ms)).where(table.receive_time_ms >= since_ms)
    return dict(rows(query.group_by(table.source)))


def _orders(rows: RunQuery, stored: StoredSignal) -> tuple[Order, ...]:
    """Orders of the pyramid this signal became, if it became one."""
    pyramid, order, fill = PyramidTable, OrderTable, FillTable
    mine = pyramid.select(pyramid.pyramid).where(
        pyramid.group_id == stored.group_id, pyramid.signal_id == stored.signal.signal_id
    )
    chosen = (
        order.select(*columns(order, group_rows.ORDER.names))
        .where(order.group_id == stored.group_id, order.pyramid.in_(mine))
        .order_by(order.id)
        .limit(MAX_ORDERS)
    )
    found = rows(chosen)
    ids = [row[0] for row in found]
    trades: dict[str, list[Trade]] = {}
    query = fill.select(fill.client_order_id, *columns(fill, group_rows.TRADE.names)).where(
        fill.group_id == stored.group_id, fill.client_order_id.in_(ids)
    )
    for row in rows(query.order_by(fill.id)):
        trades.setdefault(row[0], []).append(group_rows.read_trade(row[1:]))
    return tuple(group_rows.read_order(row, tuple(trades.get(row[0], ()))) for row in found)


def _conditions(wanted: SignalFilter) -> list[ColumnBase]:
    table = SignalTable
    conditions = matching(
        [
            (table.symbol, wanted.symbol),
            (table.timeframe, wanted.timeframe),
            (table.source, wanted.source),
            (table.group_id, wanted.group_id),
        ]
    )
    if wanted.outcomes:
        conditions.append(table.outcome.in_([outcome.value for outcome in wanted.outcomes]))
    if wanted.accounts:
        conditions.append(table.account.in_(wanted.accounts))
    return conditions + within(table.receive_time_ms, wanted.start_ms, wanted.end_ms)


def _read(signal: tuple[Any, ...], result: tuple[Any, ...]) -> StoredSignal:
    outcome, reason, detail, group_id, outcome_time_ms, first_outcome, first_reason, first_time_ms = result
    return StoredSignal(
        signal=signal_rows.read_signal(signal),
        outcome=signal_rows.OUTCOMES[outcome],
        reason=signal_rows.REASONS[reason],
        detail=detail,
        group_id=group_id,
        outcome_time_ms=outcome_time_ms,
        first_outcome=signal_rows.OUTCOMES[first_outcome],
        first_reason=signal_rows.REASONS[first_reason],
        first_time_ms=first_time_ms,
    )
