"""Rows: what a commit writes, as values. The store turns them into SQL, the View into its snapshot.

`changes(old, new)` derives a group's rows from two values of it, so no decision can forget one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from actors.rules.choices import World
from actors.rules.model import (
    Group,
    Instrument,
    Key,
    Leg,
    Order,
    Outcome,
    Pyramid,
    Queued,
    Reason,
    Side,
    Signal,
    Trade,
)
from actors.rules.money import ZERO
from actors.rules.risk_model import RiskAction


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveSignal:
    """A signal with its outcome (SIG-10). The draft that decided it is kept, so that a reload can ask (rule 2)."""

    signal: Signal
    outcome: Outcome
    reason: Reason
    detail: str
    group_id: str
    draft_id: str
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetOutcome:
    """The final outcome of a signal that waited. The row must exist and must not be final yet."""

    signal_id: str
    outcome: Outcome
    reason: Reason
    detail: str
    group_id: str
    draft_id: str
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimIdempotency:
    """Takes an idempotency key (SIG-7). Broken constraint if another signal holds it and it has not expired."""

    idempotency_key: str
    signal_id: str
    now_ms: int
    expire_time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveGroup:
    """The group's own columns. Carries the whole value for the View; its parts come as rows of their own."""

    group: Group


@dataclass(frozen=True, slots=True, kw_only=True)
class SavePyramid:
    group_id: str
    pyramid: Pyramid


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveLeg:
    group_id: str
    leg: Leg


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveOrder:
    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class AddTrade:
    """An execution. Unique by account, symbol, client order id and trade id: a second one is a broken constraint."""

    account: str
    symbol: str
    group_id: str
    client_order_id: str
    trade: Trade


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveQueued:
    """Insert or replace by key: one queued signal per key (QUE-1)."""

    world: World
    queued: Queued


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteQueued:
    """The row of this key must exist and hold this signal, else the constraint is broken: it leaves once."""

    world: World
    key: Key
    signal_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddEvent:
    """A line of the event log. The store gives it its sequence."""

    time_ms: int
    severity: str
    category: str
    type: str
    message: str
    world: World | None = None
    account: str = ""
    symbol: str = ""
    timeframe: str = ""
    signal_id: str = ""
    group_id: str = ""
    client_order_id: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseAlert:
    """Raise, or raise again, the alert with this key; repeats count up instead of piling up (LOG-5)."""

    alert_key: str
    time_ms: int
    severity: str
    category: str
    message: str
    account: str = ""
    symbol: str = ""
    group_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveAlert:
    """The cause is gone. Nothing happens if no such alert stands."""

    alert_key: str
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeAlert:
    """Somebody took note. It counts until the alert is resolved, or raised again more serious than it was."""

    alert_key: str
    who: str
    time_ms: int
    comment: str = ""


class NotificationState(StrEnum):
    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    """Given up."""
    SUPPRESSED = "suppressed"
    """Put into another message, dropped over a limit, or its channel is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddNotification:
    """A message for a channel, in the commit of what it tells (LOG-5). With a known id that was not tried yet: the
    newer words take the place of the older ones, which are counted as left out."""

    notification_id: str
    channel: str
    type: str
    severity: str
    title: str
    message: str
    create_time_ms: int
    due_time_ms: int
    alert_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkNotification:
    """What became of a message that was pending. Nothing happens to one that is not."""

    notification_id: str
    state: NotificationState
    title: str
    """As sent."""
    message: str
    attempt_count: int
    error: str = ""
    send_time_ms: int | None = None
    suppressed_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AddDeadLetter:
    """A message that stopped an actor (REC-2), readable by a person. With a known id: it did so once more."""

    dead_letter_id: str
    time_ms: int
    actor: str
    message_type: str
    message: str
    error: str
    fact: str = ""
    """What a retry needs of it (`actors.facts`); empty: its actor has found everything in the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveDeadLetter:
    """A retry of a dead letter went through."""

    dead_letter_id: str
    time_ms: int
    result: str
    """What came of it, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveEngineState:
    """A durable switch of the engine: `paused`, `paused:<account>`, `limit:...` (POOL-4). Empty value deletes it."""

    world: World
    name: str
    value: str
    who: str
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveInstruments:
    """The precision catalogue of an account, whole (PRC-1)."""

    account: str
    instruments: tuple[Instrument, ...]
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AddConfigVersion:
    version: int
    time_ms: int
    author: str
    source: str
    text: str
    changed: tuple[str, ...] = ()
    """Keys that differ from the version before; of many the first."""


class DriftKind(StrEnum):
    """What differs between an account and the store (ORD-7)."""

    UNKNOWN_ORDER = "unknown_order"
    """An order with our prefix is open there, and the store does not know it as open."""
    UNCOVERED = "uncovered"
    """A balance or position that does not cover the groups."""
    UNPROTECTED = "unprotected"
    """A group left without its target."""


class DriftState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    """Ignored by a person for as long as it does not grow."""
    RESOLVED = "resolved"


class DriftResolution(StrEnum):
    """What a person decided."""

    ADOPT = "adopt"
    IGNORE = "ignore"
    FLATTEN = "flatten"


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveDrift:
    """A difference between an account and the store. One stands per account, kind and subject."""

    drift_id: str
    account: str
    symbol: str
    """Empty where the exchange does not say it."""
    kind: DriftKind
    subject: str
    """What it is about: a client order id, `symbol:side`, or a group id."""
    group_id: str = ""
    client_order_id: str = ""
    expected: str = ""
    actual: str = ""
    shortfall: Decimal = Decimal(0)
    """What the groups hold beyond what is there, of an uncovered one, in the instrument's unit."""
    message: str
    create_time_ms: int
    state: DriftState = DriftState.OPEN
    resolution: DriftResolution | None = None
    """None: not decided. One that went by itself never was."""
    who: str = ""
    resolve_time_ms: int | None = None


class BookingKind(StrEnum):
    TRADE = "trade"
    """A part of a position went without an order of ours (ORD-13)."""
    FUNDING = "funding"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddBooking:
    """One group's share of something that happened to a whole position, decided once. Unique by account, booking id and
    group. The group takes it into its books with `MarkBooked` in the same commit.
    """

    account: str
    booking_id: str
    """Of a trade or a funding payment, by the venue's own id; of a difference written down, by the difference's."""
    group_id: str
    symbol: str
    kind: BookingKind
    cause: str
    """`ForeignCause`, `adopted`, or empty for funding."""
    trade: Trade | None
    """The group's share of the execution; None: `amount` is a funding payment in quote, received > 0."""
    amount: Decimal = Decimal(0)
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkBooked:
    """The group has this share in its books. The row must exist and be unbooked: it is booked once."""

    account: str
    booking_id: str
    group_id: str
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AddProfit:
    """What a commit changed of a group's realised profit: the ledger of PNL-3. In quote, fees taken off, funding in it.

    The sums over a group's rows are its `realized` and `fees`.
    """

    time_ms: int
    world: World
    group_id: str
    account: str
    symbol: str
    timeframe: str
    strategy: str
    side: Side
    quote: str
    realized: Decimal
    fees: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class AddEquity:
    """A snapshot of a world's equity, in the reporting currency (PNL-4)."""

    time_ms: int
    world: World
    equity: Decimal | None
    """Of all its accounts; None where a price was missing."""
    realized: Decimal
    """Of all time, fees taken off, groups that are open included."""
    unrealized: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveRiskAction:
    """Insert or replace by action id (RISK-10)."""

    action: RiskAction


Row = (
    SaveSignal
    | SetOutcome
    | ClaimIdempotency
    | SaveGroup
    | SavePyramid
    | SaveLeg
    | SaveOrder
    | AddTrade
    | SaveQueued
    | DeleteQueued
    | AddEvent
    | RaiseAlert
    | ResolveAlert
    | AcknowledgeAlert
    | AddNotification
    | MarkNotification
    | AddDeadLetter
    | ResolveDeadLetter
    | SaveEngineState
    | SaveInstruments
    | AddConfigVersion
    | SaveDrift
    | AddBooking
    | MarkBooked
    | AddProfit
    | AddEquity
    | SaveRiskAction
)


def claim(signal: Signal) -> ClaimIdempotency:
    """The row by which a signal takes its idempotency key (SIG-7).

    The window counts from the arrival at the forwarder: a copy that lay in its spool is no newer for that.
    """
    return ClaimIdempotency(
        idempotency_key=signal.idempotency_key,
        signal_id=signal.signal_id,
        now_ms=signal.receive_time_ms,
        expire_time_ms=signal.receive_time_ms + signal.idempotency_window_s * 1000,
    )


def changes(old: Group | None, new: Group) -> Iterator[Row]:
    """Rows that turn the stored `old` into `new`; None: the group is new. The group's row comes first."""
    if new is old:
        return
    yield SaveGroup(group=new)
    known = {pyramid.index: pyramid for pyramid in old.pyramids} if old else {}
    for pyramid in new.pyramids:
        before = known.get(pyramid.index)
        if pyramid is not before:
            yield SavePyramid(group_id=new.group_id, pyramid=pyramid)
            legs = {leg.index: leg for leg in before.legs} if before else {}
            for leg in pyramid.legs:
                if leg is not legs.get(leg.index):
                    yield SaveLeg(group_id=new.group_id, leg=leg)
    orders = old.orders if old else {}
    for order in new.orders.values():
        earlier = orders.get(order.client_order_id)
        if order is not earlier:
            yield SaveOrder(order=order)
            seen = {trade.trade_id for trade in earlier.trades} if earlier else set()
            for trade in order.trades:
                if trade.trade_id not in seen:
                    yield AddTrade(
                        account=order.account,
                        symbol=order.symbol,
                        group_id=new.group_id,
                        client_order_id=order.client_order_id,
                        trade=trade,
                    )
    realized, fees = (old.realized, old.fees) if old else (ZERO, ZERO)
    if new.realized != realized or new.fees != fees:
        yield AddProfit(
            time_ms=new.update_time_ms,
            world=new.world,
            group_id=new.group_id,
            account=new.account,
            symbol=new.symbol,
            timeframe=new.key.timeframe,
            strategy=new.strategy,
            side=new.side,
            quote=new.instrument.quote,
            realized=new.realized - realized,
            fees=new.fees - fees,
        )
