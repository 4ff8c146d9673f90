"""A store that fails as devices do, around any `ports.Store`. What was durable before stays durable."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from actors.account_messages import AccountState
from actors.messages import Answer, PoolState, QueueState, Settle
from actors.ports import Applied, StoreFault
from actors.risk_messages import RiskState
from actors.rules.choices import World as Kind
from actors.rules.model import Group
from actors.rules.records import Row
from tests.simulation import ops
from tests.simulation.ops import BreakStore

Batch = Sequence[tuple[str, Sequence[Row]]]
OnApplied = Callable[[Batch, Sequence[Applied], bool], None]

SLOW_MS = 2_000
"""The longest that one batch of a slow store takes."""
A_WHILE_MS = 2_000
"""How long a fault lasts that counts in time and names none."""


class FaultyStore:
    """`inner` outlives the processes. Everything but `ports.Store` is the inner store's own.

    FULL: the first batch that finds no room fails and costs the reserve; from then on there is room for what the engine
    still commits, and it is told (`on_reserve`) that this is not for entries. Once there is room again, so is it told.
    """

    def __init__(self, inner: Any, rng: random.Random | None = None) -> None:
        self.inner = inner
        self.rng = rng or random.Random(0)
        self.on_applied: list[OnApplied] = []
        self.now_ms: Callable[[], int] = lambda: 0
        """Time that is never set."""
        self.pass_time: Callable[[int], None] = lambda _ms: None
        """What a batch that takes long does to the world's clocks."""
        self.batches = 0
        self._left: Counter[ops.StoreFault] = Counter()
        self._slow_until_ms = self._full_until_ms = 0
        self._reserve_is_given_up = False

    # --- faults -----------------------------------------------------------------------------------

    def arm(self, op: BreakStore) -> None:
        until_ms = self.now_ms() + (op.ms or A_WHILE_MS)
        if op.fault is ops.StoreFault.SLOW:
            self._slow_until_ms = max(self._slow_until_ms, until_ms)
        elif op.fault is ops.StoreFault.FULL:
            self._full_until_ms = max(self._full_until_ms, until_ms)
        else:
            self._left[op.fault] += op.count

    def stop(self) -> None:
        self._left.clear()
        self._slow_until_ms = self._full_until_ms = 0

    def _strikes(self, fault: ops.StoreFault) -> bool:
        if self._left[fault] <= 0:
            return False
        self._left[fault] -= 1
        return True

    @property
    def is_full(self) -> bool:
        return self.now_ms() < self._full_until_ms

    # --- ports.Store ------------------------------------------------------------------------------

    @property
    def on_reserve(self) -> bool:
        return self._reserve_is_given_up or bool(self.inner.on_reserve)

    def apply(self, batch: Batch) -> list[Applied]:
        self.batches += 1
        if self.now_ms() < self._slow_until_ms:
            self.pass_time(self.rng.randint(1, SLOW_MS))
        if self._strikes(ops.StoreFault.FAIL):
            self._tell(batch, (), is_durable=False)
            raise StoreFault("the device failed")
        if self.is_full and not self._reserve_is_given_up:
            self._reserve_is_given_up = True
            self._tell(batch, (), is_durable=False)
            raise StoreFault("the disk is full")
        results: list[Applied] = self.inner.apply(batch)
        if not self.is_full:
            self._reserve_is_given_up = False  # Looked at behind a batch, as the real store does.
        self._tell(batch, results, is_durable=True)
        if self._strikes(ops.StoreFault.FAIL_DURABLE):
            raise StoreFault("the device failed behind the write")
        return results

    def _tell(self, batch: Batch, results: Sequence[Applied], *, is_durable: bool) -> None:
        for listener in self.on_applied:
            listener(batch, results, is_durable)

    def load_group(self, group_id: str) -> Group | None:
        found: Group | None = self.inner.load_group(group_id)
        return found

    def load_account(self, account: str, client_order_ids: Sequence[str] = ()) -> AccountState:
        state: AccountState = self.inner.load_account(account, client_order_ids)
        return state

    def load_pool(self, world: Kind, recent_limit: int, now_ms: int) -> PoolState:
        state: PoolState = self.inner.load_pool(world, recent_limit, now_ms)
        return state

    def load_queue(self, world: Kind) -> QueueState:
        state: QueueState = self.inner.load_queue(world)
        return state

    def load_risk(self, world: Kind) -> RiskState:
        state: RiskState = self.inner.load_risk(world)
        return state

    def draft_answer(self, settle: Settle) -> Answer | None:
        answer: Answer | None = self.inner.draft_answer(settle)
        return answer

    def live_group_ids(self, world: Kind | None = None) -> list[str]:
        found: list[str] = self.inner.live_group_ids(world)
        return found

    def live_groups(self) -> list[Group]:
        found: list[Group] = self.inner.live_groups()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)
