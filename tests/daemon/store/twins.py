"""Stores side by side, in databases and in memory: whatever one is asked, all must say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from actors.messages import Answer, Settle
from actors.ports import Applied
from actors.rules.choices import World
from actors.rules.records import DriftState, Row
from daemon.store.audit_verify import Check
from daemon.store.memory import MemoryStore
from daemon.store.pages import BadPageToken
from daemon.store.read import Reader
from daemon.store.store import SqlStore

Batch = Sequence[tuple[str, Sequence[Row]]]


class Twins:
    """`ports.Store` that asks all and compares. What is not of the port is the first real store's."""

    def __init__(self, real: SqlStore, reader: Reader, *others: tuple[SqlStore, Reader]) -> None:
        self.real = real
        self.reader = reader
        self.others = others
        self.memory = MemoryStore(real.keys)
        self._is_pruned = False

    @property
    def stores(self) -> list[SqlStore]:
        return [self.real, *(store for store, _ in self.others)]

    def apply(self, batch: Batch) -> list[Applied]:
        batch = [(author, tuple(rows)) for author, rows in batch]
        mine = self.memory.apply(batch)
        for store in self.stores:
            theirs = store.apply(batch)
            assert [said(one) for one in mine] == [said(one) for one in theirs], type(store).__name__
        return theirs

    def prune(self, now_ms: int, events_before_ms: int) -> int:
        """Only databases are pruned: from here on they differ from the memory."""
        self._is_pruned = True
        (count,) = {store.prune(now_ms, events_before_ms) for store in self.stores}
        return count

    def draft_answer(self, settle: Settle) -> Answer | None:
        answer: Answer | None = self._both("draft_answer", settle)
        return answer

    def __getattr__(self, name: str) -> Any:
        if name.startswith("l") or name in ("on_reserve",):
            found = getattr(self.real, name)
            return found if not callable(found) else lambda *asked: self._both(name, *asked)
        return getattr(self.real, name)

    def _both(self, name: str, *asked: Any) -> Any:
        mine = getattr(self.memory, name)(*asked)
        for store in self.stores:
            theirs = getattr(store, name)(*asked)
            assert mine == theirs, (name, type(store).__name__)
        return theirs

    def close(self) -> None:
        for store, reader in ((self.real, self.reader), *self.others):
            reader.close()
            store.close()

    def compare(self, now_ms: int) -> None:
        """Everything that can be loaded at `now_ms`."""
        if self._is_pruned:
            return
        for store, reader in ((self.real, self.reader), *self.others):
            self._compare(store, reader, now_ms)

    def _compare(self, real: SqlStore, reader: Reader, now_ms: int) -> None:
        ids = column(reader, "SELECT group_id FROM position_groups ORDER BY id")
        assert list(self.memory.groups) == ids
        assert {group_id: real.load_group(group_id) for group_id in ids} == dict(self.memory.groups)
        assert self.memory.live_groups() == real.live_groups()
        names = column(reader, "SELECT client_order_id FROM orders ORDER BY id")
        assert list(self.memory.orders) == names
        accounts = column(reader, "SELECT DISTINCT account FROM signals")
        for world in World:
            self._both("live_group_ids", world)
            for limit in (0, 1, 3, 1000):
                self._both("load_pool", world, limit, now_ms)
            self._both("load_queue", world)
            self._both("load_risk", world)
            for start_ms in (0, now_ms - 1000):
                closed = self.memory.closed_groups(world, start_ms=start_ms)
                assert closed == reader.closed_groups(world, start_ms=start_ms)
            assert self.memory.realized_totals(world) == reader.realized_totals(world)
        for account in (*accounts, "paper", "nobody"):
            self._both("load_account", account, [*names[:3], "unknown"])
            assert self.memory.last_signal_time_ms((account,)) == reader.last_signal_time_ms((account,))
            assert self.memory.instruments(account) == reader.instruments(account)
        self._compare_records(reader)

    def _compare_records(self, reader: Reader) -> None:
        memory = self.memory
        assert memory.last_signal_time_ms() == reader.last_signal_time_ms()
        assert memory.switches() == reader.switches()
        assert memory.event_bounds() == reader.event_bounds()
        assert tuple(memory.events[:1000]) == reader.events_after(0)
        assert memory._tables.hashes == column(reader, "SELECT hash FROM events ORDER BY sequence")
        assert memory.audit() is None
        found = reader.verify_audit(self.real.keys, Check())
        assert found.valid or not memory.events, found
        for size in (0, 2, 1000):
            alerts, drifts = reader.list_alerts(size=size), reader.list_drifts(size=size)
            assert (memory.list_alerts(size=size).items, memory.list_drifts(size=size).items) == (
                alerts.items,  # type: ignore[union-attr]
                drifts.items,  # type: ignore[union-attr]
            )
        states = (DriftState.OPEN, DriftState.ACCEPTED)
        assert memory.list_drifts(states=states).items == reader.list_drifts(states=states).items  # type: ignore[union-attr]
        sent = reader.list_notifications(size=1_000)
        assert not isinstance(sent, BadPageToken)
        assert {each.notification_id: each for each in sent.items} == memory.notifications
        for alert_key, alert in memory.alerts.items():
            assert alert == reader.get_alert(alert_key)
        for signal_id, kept in memory.signals.items():
            stored = reader.get_signal(signal_id)
            assert stored is not None
            assert kept.saved.signal == stored.signal
            now = kept.final or kept.saved
            assert (now.outcome, now.reason, now.detail, now.group_id, now.time_ms) == (
                *(stored.outcome, stored.reason, stored.detail, stored.group_id),
                stored.outcome_time_ms,
            )
        letters = reader.list_dead_letters(resolved_too=True, size=1000)
        assert tuple(memory.dead_letters.values())[::-1] == letters.items  # type: ignore[union-attr]
        actions = reader.list_risk_actions(size=1000)
        assert set(memory.risk_actions) == {action.action_id for action in actions.items}  # type: ignore[union-attr]
        for world in World:
            points = tuple(row for (its, _), row in sorted(memory.equity.items()) if its is world)
            assert points == reader.equity(world)
        for group_id in memory.groups:
            trades = [(row.client_order_id, row.trade) for row in memory.trades.values() if row.group_id == group_id]
            assert trades == [(fill.client_order_id, fill.trade) for fill in reader.fills_of_group(group_id)]


def column(reader: Reader, sql: str) -> list[str]:
    return [value for (value,) in reader.report(lambda run: run(sql, ()))]


def said(one: Applied) -> object:
    """An answer as a value: errors are not equal by themselves."""
    broken = one.broken
    return one.events, None if broken is None else (broken.constraint, str(broken), broken.first)
