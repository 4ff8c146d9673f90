"""What the accounts say of themselves, asked every few seconds, so that a page of numbers never waits for anybody."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal

import structlog

from actors.messages import AccountChanged, DescribeAccount
from actors.rules.choices import World
from daemon.api import valuing
from daemon.api.engine import Engine
from daemon.api.errors import Failed

_LOG = structlog.stdlib.get_logger("terrace.system")

EVERY_S = 5.0
ANSWER_LIMIT_S = 2.0


class AccountWatch:
    """`seen`, `answering` and `money` are replaced whole: safe to read from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.seen: Mapping[str, AccountChanged] = {}
        """The newest answer of each account of the config that ever gave one."""
        self.answering: frozenset[str] = frozenset()
        """Accounts that answered the newest question."""
        self.money: Mapping[World, Mapping[str, float]] = {}
        """By world: what is known of equity, profit and fees. For people and graphs: nothing is decided by it."""
        self.comparisons: dict[str, int] = {}
        """How often each account was seen to have been compared with the store."""

    @property
    def max_open_groups(self) -> int:
        return self._engine.settings().pool.max_open_groups

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            try:
                await self.look()
            except Exception:
                _LOG.exception("account_watch_failed")
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        names = list(self._engine.settings().accounts)
        answers = await asyncio.gather(*(self._ask(name) for name in names))
        told = {name: answer for name, answer in zip(names, answers, strict=True) if answer is not None}
        for name, answer in told.items():
            before = self.seen.get(name)
            if answer.compared_ms and (before is None or before.compared_ms != answer.compared_ms):
                self.comparisons[name] = self.comparisons.get(name, 0) + 1
        self.seen = {name: told.get(name) or self.seen[name] for name in names if name in told or name in self.seen}
        self.answering = frozenset(told)
        self.money = await asyncio.to_thread(self._money)

    async def _ask(self, account: str) -> AccountChanged | None:
        try:
            answer = await self._engine.ask(
                f"gateway/{account}", lambda reply_to: DescribeAccount(reply_to=reply_to), None, ANSWER_LIMIT_S
            )
        except Failed:
            return None
        return answer if isinstance(answer, AccountChanged) else None

    def _money(self) -> Mapping[World, Mapping[str, float]]:
        engine, snapshot = self._engine, self._engine.view.current
        found: dict[World, dict[str, float]] = {}
        for world in engine.worlds():
            totals = snapshot.totals(world)
            known: dict[str, Decimal | None] = {
                "equity": self._equity(world),
                "unrealized_profit": valuing.unrealized(engine, list(snapshot.live(world))),
                "realized_profit": totals.realized,
                "fees": totals.fees,
            }
            found[world] = {name: float(value) for name, value in known.items() if value is not None}
        return found

    def _equity(self, world: World) -> Decimal | None:
        total = Decimal(0)
        for account in self._engine.accounts(world):
            told = self.seen.get(account.name)
            if told is None or (told.condition is not None and not told.condition.is_owned_known):
                return None
            worth = valuing.equity(self._engine, account, told.balances, told.positions)
            if worth is None:
                return None
            total += worth
        return total
