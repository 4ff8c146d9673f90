"""One signal's story: received, checked, decided and why, orders, fills, closes, in the order of time (SIG-10, LOG-1).

Made of what is stored alone: the signal, the events about it and its group, the group's orders and fills, alerts. It
ends in one sentence that says why something was traded, or why nothing was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from actors.messages import EventStored
from actors.rules.model import Group, GroupState, Order, Outcome, Reason, Role, Signal, Trade
from actors.rules.money import ZERO
from actors.rules.records import AddEvent
from daemon.api.at_once import FLAG, AtOnce, ladder_at_once
from daemon.api.story_words import TRADED, WHY, summary
from daemon.api.translate import code, timestamp
from daemon.store.found import StoredAlert, StoredSignal
from protos.terrace.v1 import signal_pb2 as pb

MAX_ENTRIES = 1_000
UNTRADED_REMEDY = "Mend it and restart the daemon, then it closes; close at the exchange if it is urgent."

RECEIVED, CHECKED, DECIDED, QUEUED = "RECEIVED", "CHECKED", "DECIDED", "QUEUED"
ORDER, FILL, GROUP, ALERT, CLOSED = "ORDER", "FILL", "GROUP", "ALERT", "CLOSED"

_UNREAD = frozenset({Reason.INVALID_BODY})
_BEFORE_THE_ENGINE = frozenset(
    {
        *_UNREAD,
        *(Reason.NO_ROUTE, Reason.UNKNOWN_SYMBOL, Reason.SYMBOL_DENIED, Reason.NOT_BUILT),
        *(Reason.TOO_OLD, Reason.TOO_FAR_AHEAD),
    }
)
"""Reasons of what was refused before anybody decided about it."""
_KINDS = {
    "signal": DECIDED,
    "queue": QUEUED,
    "order": ORDER,
    "target": ORDER,
    "stop": ORDER,
    "exchange": ORDER,
    "api": RECEIVED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Everything that is stored about a signal. `events`: of the signal and of its group, from its arrival on."""

    stored: StoredSignal
    events: Sequence[EventStored]
    group: Group | None
    alerts: Sequence[StoredAlert]
    more: bool = False
    """There are more events than these."""
    untraded: str = ""
    """Why the group's account is not traded now; empty: it is."""


@dataclass(frozen=True, slots=True)
class _Entry:
    time_ms: int
    kind: str
    message: str
    group_id: str = ""
    client_order_id: str = ""
    reason: str = ""
    attributes: Mapping[str, str] | None = None


def tell(known: Known) -> tuple[list[pb.StoryEntry], str, bool]:
    """The entries, oldest first, the sentence, and whether there was more than is told."""
    found = [*_beginning(known.stored), *_events(known), *_group(known), *_alerts(known)]
    decided_ms = known.stored.first_time_ms
    # Stable, and what came of the decision never before it: their times are taken by different parts of the engine.
    found.sort(key=lambda entry: entry.time_ms if entry.kind in (RECEIVED, CHECKED) else max(entry.time_ms, decided_ms))
    return [_message(entry) for entry in found[:MAX_ENTRIES]], _summary(known), known.more or len(found) > MAX_ENTRIES


# --- its way in -----------------------------------------------------------------------------------


def _beginning(stored: StoredSignal) -> Iterator[_Entry]:
    signal = stored.signal
    facts = {"source": signal.source}
    words = f"received from {signal.source}"
    if signal.sent_time_ms is not None:
        delay_ms = signal.receive_time_ms - signal.sent_time_ms
        facts["delay_ms"] = str(delay_ms)
        words += f", {_seconds(delay_ms)} after it was sent" if delay_ms >= 0 else f", its clock {-delay_ms} ms ahead"
    if signal.replay_of:
        facts["replay_of"] = signal.replay_of
        words += f", as a repetition of {signal.replay_of}"
    yield _Entry(signal.receive_time_ms, RECEIVED, words, attributes=facts)
    yield _checked(stored)
    yield _decided(stored, stored.first_outcome, stored.first_reason, stored.first_time_ms)
    if stored.outcome is not stored.first_outcome:
        yield _decided(stored, stored.outcome, stored.reason, stored.outcome_time_ms)


def _checked(stored: StoredSignal) -> _Entry:
    signal, reason = stored.signal, stored.first_reason
    if reason in _UNREAD:
        return _Entry(signal.receive_time_ms, CHECKED, f"its sender was known, its body was not read: {stored.detail}")
    words = f"its sender was known and every field could be read: {_wants(signal)}"
    if reason in _BEFORE_THE_ENGINE:
        words += f"; then it was refused: {WHY[reason][0]}"
    return _Entry(signal.receive_time_ms, CHECKED, words, reason=reason.value if reason in _BEFORE_THE_ENGINE else "")


def _wants(signal: Signal) -> str:
    side = "" if signal.side is None else f" {signal.side.value}"
    price = "" if signal.entry_price is None else f" at {_number(signal.entry_price)}"
    key = signal.key
    place = " ".join(filter(None, [key.symbol, key.timeframe]))
    return f"{signal.intent.value}{side} {place}{price}{f' for account {key.account}' if key.account else ''}"


def _decided(stored: StoredSignal, outcome: Outcome, reason: Reason, time_ms: int) -> _Entry:
    words = outcome.value
    if reason is not Reason.OK:
        words += f": {WHY[reason][0]}"
    is_last = outcome is stored.outcome
    if is_last and stored.detail and reason not in _UNREAD:
        words += f" ({stored.detail})"
    group_id = stored.group_id if is_last else ""
    return _Entry(time_ms, DECIDED, words, group_id=group_id, reason="" if reason is Reason.OK else reason.value)


# --- what came of it ------------------------------------------------------------------------------


def _events(known: Known) -> Iterator[_Entry]:
    """What the engine wrote down. The outcome itself is told already."""
    outcomes = {f"signal.{known.stored.outcome.value}", f"signal.{known.stored.first_outcome.value}"}
    for stored in known.events:
        event = stored.event
        if not isinstance(event, AddEvent) or event.type in outcomes:
            continue
        kind = CLOSED if event.type == "group.closed" else _KINDS.get(event.type.partition(".")[0], GROUP)
        yield _Entry(
            event.time_ms,
            kind,
            event.message,
            event.group_id,
            event.client_order_id,
            attributes={**event.attributes, "type": code(event.type)},
        )


def _group(known: Known) -> Iterator[_Entry]:
    """Its orders with their fills, and how the group ended."""
    group = known.group
    if group is None:
        return
    for order in _orders(known, group):
        yield from _order(order)
    for found in _at_once(known, group):
        facts = {"flag": FLAG, "pyramid": str(found.pyramid)}
        yield _Entry(found.time_ms, FILL, f"note: {found.words}", group.group_id, attributes=facts)
    if group.close_time_ms is not None and not _has_closed_event(known):
        reason = group.close_reason
        why = "" if reason is None else f", because {WHY[reason][0]}"
        result = f"{_number(group.realized)} {group.instrument.quote} realised, {_number(group.fees)} of fees paid"
        words = f"the group closed{why}: {result}"
        yield _Entry(group.close_time_ms, CLOSED, words, group.group_id, reason="" if reason is None else reason.value)


def _orders(known: Known, group: Group) -> list[Order]:
    """Of the pyramid it became; of what closes, if it closed something."""
    signal_id, since_ms = known.stored.signal.signal_id, known.stored.outcome_time_ms
    mine = {pyramid.index for pyramid in group.pyramids if pyramid.signal_id == signal_id}
    if mine:
        return [order for order in group.orders.values() if order.pyramid in mine or order.pyramid is None]
    return [order for order in group.orders.values() if order.role is Role.CLOSE and order.create_time_ms >= since_ms]


def _at_once(known: Known, group: Group) -> Iterator[AtOnce]:
    """Of the pyramid the signal became."""
    for pyramid in group.pyramids:
        if pyramid.signal_id == known.stored.signal.signal_id and (found := ladder_at_once(group, pyramid)) is not None:
            yield found


def _order(order: Order) -> Iterator[_Entry]:
    price = "at the market" if order.price is None else f"at {_number(order.price)}"
    what = f"{order.role.value.replace('_', ' ')}: {order.side.value} {_number(order.quantity)} {price}"
    place = (order.group_id, order.client_order_id)
    yield _Entry(order.create_time_ms, ORDER, f"{what}, decided", *place, attributes={"attempt": str(order.attempt)})
    for trade in order.trades:
        yield _Entry(
            trade.time_ms, FILL, f"{what}, filled {_fill(trade)}", *place, attributes={"trade": trade.trade_id}
        )
    if order.is_final:
        reason = "" if order.reason is None else order.reason.value
        why = f": {order.words or WHY[order.reason][0]}" if order.reason is not None else ""
        yield _Entry(order.update_time_ms, ORDER, f"{what}, {order.state.value}{why}", *place, reason)


def _fill(trade: Trade) -> str:
    fee = f", fee {_number(trade.fee)} {trade.fee_asset}" if trade.fee else ""
    return f"{_number(trade.quantity)} at {_number(trade.price)}{fee}"


def _has_closed_event(known: Known) -> bool:
    return any(isinstance(one.event, AddEvent) and one.event.type == "group.closed" for one in known.events)


def _alerts(known: Known) -> Iterator[_Entry]:
    for alert in known.alerts:
        yield _Entry(alert.create_time_ms, ALERT, alert.message, alert.group_id, attributes={"alert": alert.alert_key})


# --- the sentence ---------------------------------------------------------------------------------


def _summary(known: Known) -> str:
    stored, group = known.stored, known.group
    if known.untraded and group is not None and group.state is GroupState.CLOSING:
        told = f"It told a group to close, and that waits: account {group.account} is not traded ({known.untraded})"
        since = _so_far(known)
        return f"{told}{f'; {since}' if since else ''}. {UNTRADED_REMEDY}"
    if stored.outcome is Outcome.EXITED and group is not None and group.state is GroupState.CLOSING:
        since = _so_far(known)
        return f"It told a group to close, which is not done yet{f': {since}' if since else ''}."
    return summary(stored.outcome, stored.reason, stored.detail, _so_far(known) if stored.outcome in TRADED else "")


def _so_far(known: Known) -> str:
    """What was bought and sold because of it."""
    group = known.group
    if group is None:
        return ""
    orders = _orders(known, group)
    entries = sum((order.filled_quantity for order in orders if order.role is Role.ENTRY), ZERO)
    exits = sum((order.filled_quantity for order in orders if order.role is not Role.ENTRY), ZERO)
    base = group.instrument.base
    words = []
    if any(order.role is Role.ENTRY for order in orders):
        words.append(f"{_number(entries)} {base} entered" if entries else "none of its entries is filled yet")
    words += [found.words for found in _at_once(known, group)]
    if exits:
        words.append(f"{_number(exits)} {base} closed")
    if group.close_time_ms is not None:
        words.append(f"the group closed with {_number(group.realized)} {group.instrument.quote}")
    return ", ".join(words)


def _number(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _seconds(time_ms: int) -> str:
    return f"{time_ms} ms" if time_ms < 10_000 else f"{time_ms // 1000} s"


def _message(entry: _Entry) -> pb.StoryEntry:
    return pb.StoryEntry(
        time=timestamp(entry.time_ms),
        kind=entry.kind,
        message=entry.message,
        group_id=entry.group_id,
        client_order_id=entry.client_order_id,
        reason=entry.reason,
        attributes=dict(entry.attributes or {}),
    )
