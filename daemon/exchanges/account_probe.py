"""Everything a first order needs, tried one after the other: the venue's side of `terrace account check`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from actors.account_messages import AccountProbed
from actors.rules.choices import Market
from actors.rules.rates import Ask, Work
from daemon.exchanges.connection import Connection, VenueFault
from daemon.exchanges.remedies import is_any, kind_of, remedy
from daemon.exchanges.venues.venue import SetupFault

Result = TypeVar("Result")
Check = tuple[str, bool, str]
"""What was tried, whether it is well, and what was found: where it is not, what to do about it."""


class AccountProbe:
    """One run, on the exchange loop. It ends with the first thing that makes the rest pointless."""

    def __init__(
        self,
        connection: Connection,
        *,
        measure: Callable[[Work], Awaitable[int]],
        has_instruments: Callable[[], int],
    ) -> None:
        """`measure` asks for the venue's time and corrects ours by it; `has_instruments`: how many are known."""
        self._connection = connection
        self._venue = connection.venue
        self._account = connection.venue.account
        self._measure = measure
        self._has_instruments = has_instruments
        self._checks: list[Check] = []

    async def run(self, incarnation: int) -> AccountProbed:
        allowed: Mapping[str, bool | None] | None = None
        if await self._check_reach() and await self._check_key():
            allowed = await self._check_permissions()
            await self._check_market()
        return AccountProbed(
            incarnation=incarnation,
            checks=tuple(self._checks),
            may_withdraw=None if allowed is None else allowed.get("withdraw"),
            is_key_known=allowed is not None,
        )

    async def _check_reach(self) -> bool:
        """Asks for the time: that needs no key. How far the clocks are apart is told by the gateway."""
        try:
            await self._measure(Work.LOOK_UP)
        except VenueFault as fault:
            return self._failed("connection", self._remedy(fault))
        self._note("connection", f"{self._venue.exchange} answers")
        return True

    async def _check_key(self) -> bool:
        try:
            await self._ask(Ask.BALANCES, self._venue.balances)
        except VenueFault as fault:
            if is_any(fault.verdict, self._venue.exchange):
                allowed = await self._allowed()
                if allowed is not None and not allowed.get("trade"):
                    return self._failed("key", self._may_not_trade())
            return self._failed("key", self._remedy(fault))
        self._note("key", "the venue takes it")
        return True

    async def _check_permissions(self) -> Mapping[str, bool | None] | None:
        """What the key may do; None: the venue could not be asked."""
        try:
            allowed = await self._ask(Ask.SETUP, self._venue.permissions)
        except VenueFault as fault:
            self._failed("permissions", self._remedy(fault))
            return None
        may_trade = allowed.get("trade")
        if may_trade is None:
            self._note("permissions", "the venue does not say; the first order will tell")
        elif may_trade:
            self._note("permissions", f"the key may trade {kind_of(self._account)}")
        else:
            self._failed("permissions", self._may_not_trade())
        return allowed

    async def _check_market(self) -> None:
        market = self._account.market.value
        try:
            if self._account.market is Market.SWAP:
                await self._ask(Ask.BALANCES, self._venue.positions)
                await self._ask(Ask.SETUP, self._venue.prepare_account)
        except SetupFault as fault:
            self._failed("market", str(fault))
            return
        except VenueFault as fault:
            self._failed("market", f"market: {market} does not work with this key: {self._remedy(fault)}")
            return
        count = self._has_instruments()
        if count:
            self._note("market", f"{count} {market} instruments")
        else:
            where = f"accounts.{self._account.name}.market"
            self._failed("market", f"{self._venue.exchange} lists no {market} instruments: is {where}: {market} right?")

    # --- inside -----------------------------------------------------------------------------------

    async def _allowed(self) -> Mapping[str, bool | None] | None:
        """What the key may do, if the venue tells it that much."""
        try:
            return await self._ask(Ask.SETUP, self._venue.permissions)
        except VenueFault:
            return None

    def _may_not_trade(self) -> str:
        return f"the key may not trade {kind_of(self._account)}: allow that for it at {self._venue.exchange}"

    def _remedy(self, fault: VenueFault) -> str:
        return remedy(fault.verdict, self._account, self._venue.exchange)

    def _note(self, name: str, words: str) -> None:
        self._checks.append((name, True, words))

    def _failed(self, name: str, words: str) -> bool:
        self._checks.append((name, False, words))
        return False

    async def _ask(self, ask: Ask, call: Callable[[], Awaitable[Result]]) -> Result:
        return await self._connection.draw_and_call(ask, Work.LOOK_UP, call)
