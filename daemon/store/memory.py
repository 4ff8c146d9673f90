"""A store in memory: `ports.Store`, and what the View needs of a reader, with nothing on disk.

Replay and simulation run on it. It takes the same rows as `SqliteStore`, refuses what that refuses with the same
`ConstraintBroken`, and loads the same state; rows are kept as the values they are. What was applied survives as long as
the object does: a new engine on the same store is a process that was killed and started again.

Used by one thread at a time. It grows with what is stored, like a file; of events the newest `MAX_EVENTS` are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from actors.account_messages import AccountState
from actors.messages import RECENT_CLOSED, Answer, EventStored, PoolState, QueueState, Settle
from actors.messages import ClosedGroup as PoolClosed
from actors.ports import Applied, ConstraintBroken
from actors.risk_messages import RiskState
from actors.rules.choices import World
from actors.rules.model import Group, Instrument, Key, Order, Queued
from actors.rules.money import CONTEXT, ZERO
from actors.rules.records import AddEquity, AddProfit, AddTrade, DriftState, Row, SaveDrift
from actors.rules.risk_model import RiskAction
from actors.told import group_changed
from daemon.store import memory_groups, memory_rows, record_rows
from daemon.store.audit import PRUNED, AuditKeys, Break, Chain, Mark, Verifier
from daemon.store.found import ClosedGroup, EventBounds, RealizedTotal, StoredAlert, StoredDeadLetter
from daemon.store.ledger import BUCKET_MS
from daemon.store.memory_tables import KeptGroup, KeptQueued, KeptSignal, Tables, TradePlace
from daemon.store.notification_rows import StoredNotification
from daemon.store.pages import Page, page_size
from daemon.store.read_groups import MAX_CLOSED
from daemon.store.store import (
    MAX_BOOKED,
    MAX_BOOKINGS,
    MAX_DRIFTS,
    MAX_RISK_ACTIONS,
    MAX_SWITCHES,
    PROFITS_MS,
)

MAX_EVENTS = 1_000_000
"""Events that are kept, the newest; half as many more for a while."""

UNSTORABLE = (ValueError, TypeError, AttributeError, KeyError, OverflowError)
"""What a value raises that no column can hold. Its commit is refused; the store goes on."""


class MemoryStore:
    """`ports.Store`, and the reader `first_view` asks. Its views of what is stored are not for changing."""

    def __init__(self, keys: AuditKeys | None = None) -> None:
        """`keys`: of the audit trail; without them none is kept."""
        self._tables = Tables()
        self._tables.chain = None if keys is None else Chain.load(keys, {}, 0)
        self._groups = _Groups(self)

    @property
    def on_reserve(self) -> bool:
        """There is always room."""
        return False

    def copy(self) -> MemoryStore:
        """A store that goes its own way from here."""
        other = MemoryStore()
        other._tables = self._tables.copy()
        return other

    # --- writing ----------------------------------------------------------------------------------

    def apply(self, batch: Sequence[tuple[str, Sequence[Row]]]) -> list[Applied]:
        tables = self._tables
        start = tables.savepoint()
        applied: list[Applied] = []
        fenced: set[str] = set()
        try:
            for author, rows in batch:
                if author in fenced:
                    words = f"an earlier commit of {author} was refused"
                    applied.append(Applied(broken=ConstraintBroken("fenced", words)))
                    continue
                one = self._apply_one(rows)
                if one.broken is not None:
                    fenced.add(author)
                applied.append(one)
        except BaseException:  # An unforeseen error must not leave half a batch behind.
            tables.rollback(start)
            raise
        tables.commit()
        if len(tables.events) > MAX_EVENTS + MAX_EVENTS // 2:
            self._forget_events(len(tables.events) - MAX_EVENTS)
        return applied

    def _forget_events(self, count: int) -> None:
        """The oldest; the audit trail begins behind them."""
        tables, chain = self._tables, self._tables.chain
        if chain is not None:
            key_id = chain.base.key_id
            last = tables.events[count - 1]
            chain.begin_behind(Mark(last.sequence, tables.hashes[count - 1], key_id, PRUNED))
            del tables.hashes[:count]
        del tables.events[:count]

    def audit(self, verifier: Verifier | None = None) -> Break | None:
        """What does not fit in the audit trail, from the oldest event kept to the newest. A `verifier` that was here
        before looks at what has come since."""
        tables, chain = self._tables, self._tables.chain
        if chain is None:
            return None
        verifier = verifier or Verifier(chain.keys, chain.base)
        known = max(0, len(tables.events) - (chain.head.sequence - verifier.place.sequence))
        rows = zip(tables.events[known:], tables.hashes[known:], strict=True)
        found = verifier.feed((one.sequence, record_rows.event(one.event), digest) for one, digest in rows)  # type: ignore[arg-type]
        return found or verifier.end(chain.head)

    def _apply_one(self, rows: Sequence[Row]) -> Applied:
        savepoint = self._tables.savepoint()
        try:
            return Applied(events=memory_rows.write(self._tables, rows))
        except ConstraintBroken as error:
            broken = error
        except UNSTORABLE as error:
            broken = ConstraintBroken("value", f"{type(error).__name__}: {error}")
        self._tables.rollback(savepoint)
        return Applied(broken=broken)

    # --- ports.Store ------------------------------------------------------------------------------

    def load_group(self, group_id: str) -> Group | None:
        tables = self._tables
        group = tables.fresh.get(group_id)
        if group is None:
            kept = tables.groups.get(group_id)
            if kept is None:
                return None
            group = tables.fresh[group_id] = memory_groups.whole(kept.group, tables.parts.get(group_id))
        return group

    def live_group_ids(self, world: World | None = None) -> list[str]:
        return [kept.group.group_id for kept in self._live() if world in (None, kept.group.world)]

    def live_groups(self) -> list[Group]:
        return self._loaded(self.live_group_ids())

    def load_pool(self, world: World, recent_limit: int, now_ms: int) -> PoolState:
        tables = self._tables
        groups = self._loaded(self.live_group_ids(world))
        return PoolState(
            groups=tuple(group_changed(group) for group in groups),
            settings_of={group.group_id: group.settings for group in groups},
            instrument_of={group.group_id: group.instrument for group in groups},
            waiting={
                kept.row.queued.key: (kept.row.queued.side, kept.row.queued.wait_reason) for kept in self._line(world)
            },
            recent=self._recent(recent_limit, now_ms),
            switches={
                name: row.value
                for (_, name), row in sorted(row for row in tables.switches.items() if row[0][0] is world)[
                    :MAX_SWITCHES
                ]
            },
            profits=self._profits(world, now_ms - PROFITS_MS),
            realized=self._realized(world),
            recent_closed=self._recent_closed(world, RECENT_CLOSED),
        )

    def load_account(self, account: str, client_order_ids: Sequence[str] = ()) -> AccountState:
        tables = self._tables
        groups = [kept.group.group_id for kept in self._live() if kept.group.account == account]
        drifts = (tables.drifts[drift_id] for (its, _, _), drift_id in tables.standing_drifts.items() if its == account)
        places = {drift_id: number for number, drift_id in enumerate(tables.drifts)}
        standing = sorted(drifts, key=lambda drift: places[drift.drift_id])
        booked: dict[str, int] = {}
        shares = []
        for kept in tables.bookings.values():
            row = kept.row
            if row.account != account:
                continue
            booked[row.booking_id] = max(row.time_ms, booked.get(row.booking_id, row.time_ms))
            if kept.booked_time_ms is None and row.group_id in tables.live:
                shares.append(row)
        shares.sort(key=lambda row: (row.time_ms, row.booking_id, row.group_id))
        newest = sorted(sorted(booked), key=lambda name: -booked[name])[:MAX_BOOKED]
        return AccountState(
            account=account,
            groups=tuple(memory_groups.open_only(group) for group in self._loaded(groups)),
            drifts=tuple(standing[:MAX_DRIFTS]),
            bookings=tuple(shares[:MAX_BOOKINGS]),
            booked_ids=tuple(reversed(newest)),
            known_ids=frozenset(name for name in client_order_ids if name in tables.orders),
        )

    def load_queue(self, world: World) -> QueueState:
        return QueueState(entries=tuple(self._queued(kept) for kept in self._line(world)))

    def load_risk(self, world: World) -> RiskState:
        mine = [kept for kept in self._tables.actions.values() if kept.world is world]
        mine.sort(key=lambda kept: (kept.create_time_ms, kept.number))
        last = next((kept.action for kept in reversed(mine) if kept.action.state.is_final), None)
        running = [kept.action for kept in mine if not kept.action.state.is_final]
        return RiskState(actions=tuple(running[:MAX_RISK_ACTIONS]), last=last)

    def draft_answer(self, settle: Settle) -> Answer | None:
        """A signal may have been decided twice, first to wait and then for good: each draft gets its own answer."""
        kept = self._tables.signals.get(settle.signal_id)
        if kept is None or not settle.draft_id:
            return None
        saved, answer = kept.saved, kept.answer
        final_draft = "" if kept.final is None else kept.final.draft_id
        decided_later = answer.outcome is not saved.outcome
        if settle.draft_id == final_draft or (settle.draft_id == saved.draft_id and not decided_later):
            return answer
        if settle.draft_id == saved.draft_id:
            return Answer(signal_id=settle.signal_id, outcome=saved.outcome, reason=saved.reason)
        return None

    # --- the reader of the View -------------------------------------------------------------------

    def first_answer(self, idempotency_key: str, now_ms: int) -> Answer | None:
        """What became of the signal that holds this key."""
        claimed = self._tables.claims.get(idempotency_key)
        if claimed is None or claimed.expire_time_ms <= now_ms:
            return None
        kept = self._tables.signals.get(claimed.signal_id)
        return None if kept is None else kept.answer

    def last_signal_time_ms(self, accounts: tuple[str, ...] = ()) -> int | None:
        times = self._tables.last_signal_ms
        return max((time_ms for account, time_ms in times.items() if not accounts or account in accounts), default=None)

    def closed_groups(
        self, world: World, *, start_ms: int | None = None, end_ms: int | None = None, limit: int = MAX_CLOSED
    ) -> tuple[ClosedGroup, ...]:
        """Groups closed from `start_ms` on and before `end_ms`, oldest close first."""
        found = [group for group in self._closed(world) if _is_within(group.close_time_ms, start_ms, end_ms)]
        found.sort(key=lambda group: (group.close_time_ms or 0, group.group_id))
        return tuple(_closed_group(group) for group in found[: min(limit, MAX_CLOSED)])

    def realized_totals(
        self, world: World, *, start_ms: int | None = None, end_ms: int | None = None
    ) -> dict[str, RealizedTotal]:
        """By quote currency, over the groups closed in that time."""
        totals: dict[str, RealizedTotal] = {}
        for group in self._closed(world):
            if not _is_within(group.close_time_ms, start_ms, end_ms):
                continue
            quote = group.instrument.quote
            before = totals.get(quote) or RealizedTotal(realized=ZERO, fees=ZERO, groups=0)
            totals[quote] = RealizedTotal(
                realized=CONTEXT.add(before.realized, group.realized),
                fees=CONTEXT.add(before.fees, group.fees),
                groups=before.groups + 1,
            )
        return totals

    def switches(self) -> dict[tuple[World, str], str]:
        """Durable switches by world and name."""
        return {place: row.value for place, row in self._tables.switches.items()}

    def event_bounds(self) -> EventBounds:
        events = self._tables.events
        if not events:
            return EventBounds(earliest=0, last=0)
        return EventBounds(earliest=events[0].sequence, last=events[-1].sequence)

    def list_alerts(self, *, size: int = 0) -> Page[StoredAlert]:
        """Those that stand, the latest change first. One page; there is no token to read on with."""
        standing = [alert for alert in self._tables.alerts.values() if alert.resolve_time_ms is None]
        standing.sort(key=lambda alert: alert.update_time_ms)
        standing.reverse()
        return Page(items=tuple(standing[: page_size(size)]))

    def list_drifts(self, *, states: tuple[DriftState, ...] = (), size: int = 0) -> Page[SaveDrift]:
        """Newest first; of every state unless told otherwise. One page; there is no token to read on with."""
        found = [drift for drift in reversed(self._tables.drifts.values()) if not states or drift.state in states]
        return Page(items=tuple(found[: page_size(size)]))

    def instruments(self, account: str) -> tuple[Instrument, ...]:
        """The last stored catalogue of an account, by symbol."""
        return tuple(instrument for _, instrument in sorted(self._tables.instruments.get(account, {}).items()))

    # --- views, for checkers and reports ----------------------------------------------------------

    @property
    def groups(self) -> Mapping[str, Group]:
        """Every group there ever was, as `load_group` gives it, oldest first."""
        return self._groups

    @property
    def signals(self) -> Mapping[str, KeptSignal]:
        """Oldest first."""
        return self._tables.signals

    @property
    def events(self) -> Sequence[EventStored]:
        return self._tables.events

    @property
    def alerts(self) -> Mapping[str, StoredAlert]:
        """Resolved ones too."""
        return self._tables.alerts

    @property
    def notifications(self) -> Mapping[str, StoredNotification]:
        """Every message for a channel, by its id."""
        return self._tables.notifications

    @property
    def orders(self) -> Mapping[str, Order]:
        """Every order by its client order id, in the order in which they were made."""
        return self._tables.orders

    @property
    def trades(self) -> Mapping[TradePlace, AddTrade]:
        """By account, symbol, client order id and trade id, in the order in which they were counted."""
        return self._tables.trades

    @property
    def queue(self) -> Mapping[tuple[World, Key], Queued]:
        return {place: self._queued(kept) for place, kept in self._tables.queued.items()}

    @property
    def profits(self) -> Sequence[AddProfit]:
        """The ledger, in the order in which it was written."""
        return self._tables.profits

    @property
    def equity(self) -> Mapping[tuple[World, int], AddEquity]:
        """By world and time."""
        return self._tables.equity

    @property
    def risk_actions(self) -> Mapping[str, RiskAction]:
        """Oldest first."""
        return {action_id: kept.action for action_id, kept in self._tables.actions.items()}

    @property
    def dead_letters(self) -> Mapping[str, StoredDeadLetter]:
        """Resolved ones too."""
        return self._tables.dead_letters

    # --- inside -----------------------------------------------------------------------------------

    def _live(self) -> list[KeptGroup]:
        """Oldest first."""
        return sorted(self._tables.live.values(), key=lambda kept: (kept.group.create_time_ms, kept.number))

    def _loaded(self, group_ids: Sequence[str]) -> list[Group]:
        groups = (self.load_group(group_id) for group_id in group_ids)
        return [group for group in groups if group is not None]

    def _closed(self, world: World) -> Iterator[Group]:
        for kept in self._tables.groups.values():
            if kept.group.is_closed and kept.group.world is world:
                yield kept.group

    def _line(self, world: World) -> list[KeptQueued]:
        """Who waits, the longest first."""
        mine = [kept for (its, _), kept in self._tables.queued.items() if its is world]
        return sorted(mine, key=lambda kept: (kept.row.queued.first_queue_time_ms, kept.number))

    def _queued(self, kept: KeptQueued) -> Queued:
        """With the signal as its own row has it."""
        queued = kept.row.queued
        signal = self._tables.signals[queued.signal.signal_id].saved.signal
        return queued if queued.signal is signal else replace(queued, signal=signal)

    def _recent(self, limit: int, now_ms: int) -> tuple[tuple[str, Answer, int], ...]:
        found = []
        for claim in self._tables.claims.values():
            if claim.expire_time_ms > now_ms:
                kept = self._tables.signals.get(claim.signal_id)
                if kept is not None:
                    found.append((claim.now_ms, kept.number, claim, kept))
        found.sort(key=lambda item: item[:2])
        newest = found[-limit:] if limit else []
        return tuple((claim.idempotency_key, kept.answer, claim.expire_time_ms) for _, _, claim, kept in newest)

    def _profits(self, world: World, since_ms: int) -> tuple[tuple[int, str, Decimal], ...]:
        """See `ledger.profits`."""
        start_ms = since_ms - since_ms % BUCKET_MS
        rows = [row for row in self._tables.profits if row.time_ms >= start_ms and row.world is world]
        rows.sort(key=lambda row: (row.time_ms, row.quote))
        sums: dict[tuple[int, str], Decimal] = {}
        for row in rows:
            place = (row.time_ms - row.time_ms % BUCKET_MS, row.quote)
            sums[place] = CONTEXT.add(sums.get(place, ZERO), row.realized)
        return tuple((time_ms, quote, realized) for (time_ms, quote), realized in sums.items())

    def _realized(self, world: World) -> dict[str, Decimal]:
        sums: dict[str, Decimal] = {}
        for kept in self._tables.groups.values():
            group = kept.group
            if group.world is world:
                quote = group.instrument.quote
                sums[quote] = CONTEXT.add(sums.get(quote, ZERO), group.realized)
        return sums

    def _recent_closed(self, world: World, limit: int) -> tuple[PoolClosed, ...]:
        found = [
            PoolClosed(
                group_id=group.group_id,
                key=group.key,
                quote=group.instrument.quote,
                realized=group.realized,
                close_time_ms=group.close_time_ms,
            )
            for group in self._closed(world)
            if group.close_time_ms is not None
        ]
        found.sort(key=lambda closed: (closed.close_time_ms, closed.group_id))
        return tuple(found[-limit:])


class _Groups(Mapping[str, Group]):
    """Groups by id, put together when they are looked at."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def __getitem__(self, group_id: str) -> Group:
        group = self._store.load_group(group_id)
        if group is None:
            raise KeyError(group_id)
        return group

    def __iter__(self) -> Iterator[str]:
        return iter(self._store._tables.groups)

    def __len__(self) -> int:
        return len(self._store._tables.groups)


def _is_within(time_ms: int | None, start_ms: int | None, end_ms: int | None) -> bool:
    if time_ms is None:
        return start_ms is None and end_ms is None
    return (start_ms is None or time_ms >= start_ms) and (end_ms is None or time_ms < end_ms)


def _closed_group(group: Group) -> ClosedGroup:
    return ClosedGroup(
        group_id=group.group_id,
        account=group.account,
        symbol=group.symbol,
        timeframe=group.key.timeframe,
        strategy=group.strategy,
        side=group.side,
        quote=group.instrument.quote,
        realized=group.realized,
        fees=group.fees,
        create_time_ms=group.create_time_ms,
        close_time_ms=group.close_time_ms or 0,
    )
