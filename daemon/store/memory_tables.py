"""The tables of a store in memory: rows as they are, by their keys, and how to take changes back.

Rows are immutable values and are kept, not copied. A change notes what was there before, so a refused commit is undone
by putting that back. Where the order of rows counts, a row carries its number; a row put back keeps it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

from actors.messages import Answer, EventStored
from actors.rules.choices import World
from actors.rules.model import Group, Instrument, Key, Leg, Order, Pyramid, Trade
from actors.rules.records import (
    AddBooking,
    AddConfigVersion,
    AddEquity,
    AddProfit,
    AddTrade,
    ClaimIdempotency,
    SaveDrift,
    SaveEngineState,
    SaveQueued,
    SaveSignal,
    SetOutcome,
)
from actors.rules.risk_model import RiskAction
from daemon.store.audit import Chain, Mark
from daemon.store.found import StoredAlert, StoredDeadLetter
from daemon.store.notification_rows import StoredNotification

K = TypeVar("K")
V = TypeVar("V")

TradePlace = tuple[str, str, str, str]
"""Account, symbol, client order id, trade id."""

_ABSENT: Any = object()


@dataclass(frozen=True, slots=True)
class KeptSignal:
    """A signal with the answer its sender got, and the outcome that followed if it had to wait."""

    number: int
    saved: SaveSignal
    final: SetOutcome | None
    answer: Answer
    """What stands now."""

    @classmethod
    def of(cls, number: int, saved: SaveSignal, final: SetOutcome | None = None) -> KeptSignal:
        now = final or saved
        answer = Answer(
            signal_id=saved.signal.signal_id,
            outcome=now.outcome,
            reason=now.reason,
            detail=now.detail,
            group_id=now.group_id,
        )
        return cls(number, saved, final, answer)


@dataclass(frozen=True, slots=True)
class KeptGroup:
    """A group's own row: its parts in `group` are as its author saw them, the rows of its parts are what counts."""

    number: int
    group: Group


@dataclass(frozen=True, slots=True)
class KeptQueued:
    number: int
    row: SaveQueued


@dataclass(frozen=True, slots=True)
class KeptBooking:
    row: AddBooking
    booked_time_ms: int | None = None


@dataclass(frozen=True, slots=True)
class KeptAction:
    number: int
    world: World
    create_time_ms: int
    action: RiskAction


@dataclass(slots=True)
class GroupParts:
    """The rows of one group's parts. Orders in the order in which they were made."""

    pyramids: dict[int, Pyramid] = field(default_factory=dict)
    legs: dict[tuple[int, int], Leg] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    trades: dict[str, tuple[Trade, ...]] = field(default_factory=dict)
    """By client order id, in the order in which they were counted."""

    def copy(self) -> GroupParts:
        return GroupParts(dict(self.pyramids), dict(self.legs), dict(self.orders), dict(self.trades))


Savepoint = tuple[int, int, int, Mark | None]


class Tables:
    """Everything that is stored. Changed through `put` and `drop` alone, so that it can be taken back."""

    def __init__(self) -> None:
        self.signals: dict[str, KeptSignal] = {}
        self.last_signal_ms: dict[str, int] = {}
        """The latest arrival, by account."""
        self.claims: dict[str, ClaimIdempotency] = {}
        self.groups: dict[str, KeptGroup] = {}
        self.live: dict[str, KeptGroup] = {}
        """Those that are not closed."""
        self.one_live: dict[tuple[World, Key], str] = {}
        """Who holds a key: groups brought back by a late fill do not (GRP-1)."""
        self.parts: dict[str, GroupParts] = {}
        self.orders: dict[str, Order] = {}
        self.trades: dict[TradePlace, AddTrade] = {}
        self.queued: dict[tuple[World, Key], KeptQueued] = {}
        self.events: list[EventStored] = []
        self.last_sequence = 0
        self.chain: Chain | None = None
        """The audit trail; None: none is kept."""
        self.hashes: list[str] = []
        """Of `events`, where a trail is kept."""
        self.alerts: dict[str, StoredAlert] = {}
        self.notifications: dict[str, StoredNotification] = {}
        self.dead_letters: dict[str, StoredDeadLetter] = {}
        self.switches: dict[tuple[World, str], SaveEngineState] = {}
        self.instruments: dict[str, dict[str, Instrument]] = {}
        self.configs: dict[int, AddConfigVersion] = {}
        self.drifts: dict[str, SaveDrift] = {}
        self.standing_drifts: dict[tuple[str, str, str], str] = {}
        """Account, kind and subject to the difference that is not resolved."""
        self.bookings: dict[tuple[str, str, str], KeptBooking] = {}
        """By account, booking id and group id."""
        self.profits: list[AddProfit] = []
        self.equity: dict[tuple[World, int], AddEquity] = {}
        self.actions: dict[str, KeptAction] = {}
        self.fresh: dict[str, Group] = {}
        """Groups put together from their rows, until a row of theirs changes."""
        self._number = 0
        self._undo: list[tuple[dict[Any, Any], Any, Any]] = []

    def copy(self) -> Tables:
        """Another store with the same rows. Not while something could still be taken back."""
        other = Tables()
        for name, value in vars(self).items():
            setattr(other, name, value.copy() if isinstance(value, dict | list | Chain) else value)
        other.parts = {group_id: parts.copy() for group_id, parts in self.parts.items()}
        return other

    # --- changing ---------------------------------------------------------------------------------

    def put(self, table: dict[K, V], key: K, value: V) -> None:
        self._undo.append((table, key, table.get(key, _ABSENT)))
        table[key] = value

    def drop(self, table: dict[K, V], key: K) -> None:
        """Nothing happens if there is no such row."""
        if key in table:
            self._undo.append((table, key, table.pop(key)))

    def next_number(self) -> int:
        """Higher than any before: rows are in the order of their numbers."""
        self._number += 1
        return self._number

    def add_event(self, event: object, values: tuple[Any, ...]) -> EventStored:
        """`values`: its columns as a file would hold them."""
        self.last_sequence += 1
        if self.chain is not None:
            self.hashes.append(self.chain.seal(values)[1])
        stored = EventStored(sequence=self.last_sequence, event=event)
        self.events.append(stored)
        return stored

    def parts_of(self, group_id: str) -> GroupParts:
        """To add to them: what is kept of the group as a whole is out of date from here."""
        self.fresh.pop(group_id, None)
        parts = self.parts.get(group_id)
        if parts is None:
            parts = self.parts[group_id] = GroupParts()
        return parts

    # --- taking back ------------------------------------------------------------------------------

    def savepoint(self) -> Savepoint:
        return len(self._undo), len(self.events), len(self.profits), self.chain.head if self.chain else None

    def rollback(self, savepoint: Savepoint) -> None:
        """Everything is as it was then."""
        changes, events, profits, head = savepoint
        if self.chain is not None and head is not None:
            self.chain.take_back(head)
            del self.hashes[events:]
        undo = self._undo
        while len(undo) > changes:
            table, key, before = undo.pop()
            if before is _ABSENT:
                del table[key]
            else:
                table[key] = before
        self.last_sequence -= len(self.events) - events
        del self.events[events:]
        del self.profits[profits:]

    def commit(self) -> None:
        """Nothing before this is taken back any more."""
        self._undo.clear()
