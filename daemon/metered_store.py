"""The store as the Journal sees it in a live daemon: measured, and quick to start from.

At start every group that is not closed is needed twice, by the View and by its own actor. They are read in bulk once;
the first `load_group` of each is answered from that. It is true because only the group's own actor commits for it,
and that actor loads before it does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

import structlog

from actors.account_messages import AccountState
from actors.messages import Answer, PoolState, QueueState, Settle
from actors.ports import Applied, Store, StoreFault
from actors.risk_messages import RiskState
from actors.rules.choices import World
from actors.rules.model import Group
from actors.rules.records import Row
from daemon.observe.alerts import SignalTap, tap_all
from daemon.observe.metrics import Metrics
from daemon.observe.outbox import Outbox
from daemon.observe.row_counts import RowCounts
from daemon.observe.slow import SlowLog
from daemon.observe.tracing import Tracing

_LOG = structlog.stdlib.get_logger("terrace.system")


class MeteredStore:
    """`ports.Store` around another one. Used by the Journal's thread; `still_to_load` may be read from any."""

    def __init__(
        self,
        store: Store,
        metrics: Metrics,
        seconds: Callable[[], float] = time.perf_counter,
        outbox: Outbox | None = None,
        tap: SignalTap | None = None,
        slow: SlowLog | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        """`outbox`: puts the messages that a commit is worth into it. `tap`: sees what became durable."""
        self._slow = slow
        self._tracing = tracing
        self._counts = RowCounts(metrics)
        if tap is not None:
            tap.ordered = self._counts.ordered
        self._store = store
        self._outbox = outbox
        self._tap = tap
        self._metrics = metrics
        self._seconds = seconds
        self._ready: dict[str, Group] = {}
        self._awaited: set[str] = set()

    def expect(self, groups: Iterable[Group], worlds: Iterable[World]) -> None:
        """Before the engine starts: what it will load."""
        self._ready = {group.group_id: group for group in groups}
        self._awaited = {f"group/{group_id}" for group_id in self._ready}
        for world in worlds:
            self._awaited |= {f"pool/{world.value}", f"queue/{world.value}"}

    @property
    def still_to_load(self) -> int:
        """Actors of the start that have not asked for their state yet."""
        return len(self._awaited)

    @property
    def on_reserve(self) -> bool:
        return self._store.on_reserve

    def apply(self, batch: Sequence[tuple[str, Sequence[Row]]]) -> list[Applied]:
        start_s, start_ns = self._seconds(), time.time_ns()
        outbox = self._outbox
        try:
            applied = self._store.apply(batch if outbox is None else outbox.extend(batch))
        except Exception as error:
            if isinstance(error, StoreFault):
                self._metrics.store_faults.inc()
            if outbox is not None:
                outbox.failed()
            raise
        else:
            self._show(batch, applied, start_ns)
            return applied
        finally:
            took_s = self._seconds() - start_s
            self._metrics.commit_seconds.observe(took_s)
            self._metrics.commit_batch.observe(len(batch))
            if self._slow is not None:
                self._slow.took("commit", took_s, commits=len(batch), first_author=batch[0][0] if batch else "")

    def _show(self, batch: Sequence[tuple[str, Sequence[Row]]], applied: Sequence[Applied], start_ns: int) -> None:
        """To those who watch what became durable. A fault of theirs must not hide from the Journal that it is."""
        try:
            if self._outbox is not None:
                self._outbox.applied(applied)
            if self._tap is not None:
                tap_all(self._tap, batch, (result.broken is None for result in applied))
            for (_, rows), result in zip(batch, applied, strict=True):
                if result.broken is None:
                    self._counts.committed(rows)
            if self._tracing is not None and self._tracing.is_on:
                durable = [rows for (_, rows), result in zip(batch, applied, strict=True) if result.broken is None]
                self._tracing.committed(durable, start_ns, time.time_ns())
        except Exception:
            _LOG.exception("commit_not_watched")

    def load_group(self, group_id: str) -> Group | None:
        self._awaited.discard(f"group/{group_id}")
        ready = self._ready.pop(group_id, None)
        return ready if ready is not None else self._store.load_group(group_id)

    def load_account(self, account: str, client_order_ids: Sequence[str] = ()) -> AccountState:
        return self._store.load_account(account, client_order_ids)

    def load_pool(self, world: World, recent_limit: int, now_ms: int) -> PoolState:
        state = self._store.load_pool(world, recent_limit, now_ms)
        self._awaited.discard(f"pool/{world.value}")
        return state

    def load_queue(self, world: World) -> QueueState:
        state = self._store.load_queue(world)
        self._awaited.discard(f"queue/{world.value}")
        return state

    def load_risk(self, world: World) -> RiskState:
        return self._store.load_risk(world)

    def draft_answer(self, settle: Settle) -> Answer | None:
        return self._store.draft_answer(settle)

    def live_group_ids(self, world: World | None = None) -> list[str]:
        return self._store.live_group_ids(world)

    def live_groups(self) -> list[Group]:
        return self._store.live_groups()
