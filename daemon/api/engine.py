"""What servicers reach the engine by: who to ask, what to read, what is in force."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from actors.messages import ReplyTo
from actors.ports import Catalogue, Clock, Ids, Marks, StoreFault
from actors.rules.choices import World
from actors.rules.model import Quote, Reason, Refused
from actors.rules.settings import AccountSettings, Settings
from actors.view import View
from daemon.api.condition import Condition
from daemon.api.errors import Failed, faulty_field, not_found, refused
from daemon.api.kinds import Context
from daemon.api.status_counts import StatusCounts
from daemon.api.translate import WORLD_OF
from daemon.store.pages import BadPageToken, Page
from daemon.store.read import Reader
from protos.terrace.v1.engine_pb2 import Leadership

T = TypeVar("T")

ASK_TIMEOUT_S = 10.0
"""How long an answer of the engine is waited for, unless the caller's own deadline is earlier."""
LAST_WORD_S = 0.05
"""Time kept of the caller's deadline, so that it hears `OUTCOME_UNKNOWN` from us and not from its own clock."""


class Asking(Protocol):
    """The part of the live runtime that the API uses."""

    def tell(self, to: str | ReplyTo, message: object) -> None: ...

    async def ask_async(self, to: str, make: Callable[[ReplyTo], object], timeout_s: float) -> object: ...

    def next_incarnation(self) -> int: ...

    def depths(self) -> Mapping[str, int]: ...


class Tested(Protocol):
    """What the API needs of the notifier."""

    async def test(self, channel: str, text: str) -> list[tuple[str, str]]: ...


class InFlight:
    """Questions asked and not answered yet, so that a stopping daemon can wait for them."""

    def __init__(self) -> None:
        self.count = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        self.count += 1
        try:
            yield
        finally:
            self.count -= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Everything a servicer needs. `settings()` is the config in force."""

    system: Asking
    settings: Callable[[], Settings]
    view: View
    reader: Reader
    marks: Marks
    catalogue: Catalogue
    clock: Clock
    ids: Ids
    condition: Condition
    in_flight: InFlight
    unbuilt: Mapping[str, str]
    """Accounts this version cannot trade, and why."""
    broken: Mapping[str, str]
    """Accounts whose exchange could not be opened at the start, and those of live groups that the config does not name,
    and why."""
    version: str
    notifier: Tested | None = None
    """Over what messages are sent; None: nothing is."""
    leadership: Callable[[], Leadership | None] = lambda: None
    """Who leads, where several daemons share the store."""
    counts: StatusCounts = field(default_factory=StatusCounts)

    def why_untraded(self, account: str) -> str:
        """Why nothing of an account can be sent by this process; empty: it is traded."""
        return self.unbuilt.get(account) or self.broken.get(account) or ""

    async def ask(
        self, to: str, make: Callable[[ReplyTo], object], context: Context | None = None, limit_s: float = ASK_TIMEOUT_S
    ) -> object:
        """The answer of an actor. A refusal is raised, silence is OUTCOME_UNKNOWN, a stopping daemon asks nothing."""
        if self.condition.is_stopping:
            raise Failed(Reason.STOPPING, "the daemon is stopping")
        with self.in_flight.one():
            try:
                answer = await self.system.ask_async(to, make, timeout_s(context, limit_s))
            except TimeoutError:
                words = "the engine has not answered in time; it may or may not have been done"
                raise Failed(Reason.OUTCOME_UNKNOWN, words) from None
        if isinstance(answer, Refused):
            raise refused(answer)
        return answer

    async def read(self, question: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """What the store says. Off the loop, since it may take a while; STORE_FAILED if it cannot be read."""
        try:
            return await asyncio.to_thread(question, *arguments, **named)
        except StoreFault as fault:
            raise Failed(Reason.STORE_FAILED, str(fault)) from fault

    async def page(
        self, question: Callable[..., Page[T] | BadPageToken], request: Any, *arguments: Any, **named: Any
    ) -> Page[T]:
        """A page of what the store has, with the request's size and token."""
        if request.page_size < 0:
            raise faulty_field("page_size", "must not be negative")
        found = await self.read(question, *arguments, **named, size=request.page_size, token=request.page_token)
        if isinstance(found, BadPageToken):
            raise faulty_field("page_token", "is not a token of this list")
        return found

    # --- the config -------------------------------------------------------------------------------

    def worlds(self) -> tuple[World, ...]:
        """Worlds that are configured, in the order of `World`."""
        found = {account.world for account in self.settings().accounts.values()}
        return tuple(world for world in World if world in found)

    def world(self, number: int) -> World:
        """World of a request: the one it names, else the only one configured. INVALID_ARGUMENT otherwise."""
        worlds = self.worlds()
        names = ", ".join(world.value for world in worlds)
        if not number:
            if len(worlds) == 1:
                return worlds[0]
            raise faulty_field("world", f"several worlds are configured, name one of {names}")
        world = WORLD_OF.get(number)
        if world is None or world not in worlds:
            raise faulty_field("world", f"is not configured; there is {names}")
        return world

    def world_or_all(self, number: int) -> World | None:
        """World of a filter; None: all."""
        return self.world(number) if number else None

    def account(self, name: str) -> AccountSettings:
        """NOT_FOUND if there is none of that name."""
        account = self.settings().accounts.get(name)
        if account is None:
            raise not_found("account", name)
        return account

    def accounts(self, world: World) -> tuple[AccountSettings, ...]:
        return tuple(account for account in self.settings().accounts.values() if account.world is world)

    # --- prices -----------------------------------------------------------------------------------

    def fresh_quote(self, account: str, symbol: str) -> Quote | None:
        """The mark, unless it is too old to decide by (ORD-10)."""
        quote = self.marks.quote(account, symbol)
        if quote is None or quote.bid <= 0 or quote.ask <= 0:
            return None
        oldest_ms = self.clock.now_ms() - self.settings().execution.max_quote_age_s * 1000
        return quote if quote.time_ms >= oldest_ms else None


def timeout_s(context: Context | None, limit_s: float) -> float:
    """How long to wait: at most `limit_s`, and a moment less than the caller will."""
    left = context.time_remaining() if context is not None else None
    return limit_s if left is None else max(LAST_WORD_S, min(limit_s, left - LAST_WORD_S))
