"""`/healthz` and `/readyz`: whether the process lives, and whether it may be relied on to trade. Both come in time.

Alive: the loop answers, and so does the Journal; nothing less is worth a restart, since a restart mends neither a disk
nor an exchange. Ready: everything loaded, the store takes writes, every actor answers, every account is reconciled,
its streams are up and its prices fresh, and nobody told it to stop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import orjson

from actors.messages import AccountChanged, DescribeAccount, Ping, Pong, ReplyTo
from actors.runtime import SUPERVISOR
from actors.view import Snapshot
from daemon.api.condition import SERVING, STARTING, Condition
from daemon.api.engine import Asking, Engine
from daemon.api.status import parts_now
from daemon.observe.http import Page

ALIVE_LIMIT_S = 4.0
"""For the Journal to answer. A batch on a slow disk takes seconds; below what a request may take."""
READY_LIMIT_S = 2.0
"""For every actor to answer."""
MAX_NAMED = 5
"""Names told in one message; the rest are counted."""
JSON = "application/json"
OK, UNWELL = "200 OK", "503 Service Unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    name: str
    passed: bool
    message: str = ""
    """Why not, for a person."""


class Health:
    """Belongs to one loop. Questions that come while one is under way get its answer: many probes cost one."""

    def __init__(
        self,
        engine: Engine,
        *,
        names: Callable[[], Sequence[str]],
        is_serving: Callable[[], bool],
        mask: Callable[[str], str],
    ) -> None:
        """`names`: the actors that are alive. `is_serving`: the API takes calls."""
        self._engine = engine
        self._names = names
        self._is_serving = is_serving
        self._mask = mask
        self._under_way: dict[str, asyncio.Task[list[Check]]] = {}

    async def alive_page(self) -> Page:
        return self._page(await self._once("alive", self.alive), "alive", "not alive")

    async def ready_page(self) -> Page:
        return self._page(await self._once("ready", self.ready), "ready", "not ready")

    async def alive(self) -> list[Check]:
        """The loop's own check is that this is answered at all."""
        loop = Check(name="loop", passed=True)
        if self._engine.condition.phase != SERVING:
            return [loop, Check(name="journal", passed=True, message=f"the daemon is {self._engine.condition.phase}")]
        silent = await silent_ones(self._engine.system, ["journal"], ALIVE_LIMIT_S)
        words = f"it has not answered within {ALIVE_LIMIT_S:.0f} s" if silent else ""
        return [loop, Check(name="journal", passed=not silent, message=words)]

    async def ready(self) -> list[Check]:
        engine = self._engine
        phase = _phase(engine.condition, is_serving=self._is_serving())
        if not phase.passed:
            return [phase]
        accounts = list(engine.settings().accounts)
        silent, (down, store), told = await asyncio.gather(
            silent_ones(engine.system, self._long_lived(), READY_LIMIT_S),
            self._parts(),
            asyncio.gather(*(self._described(account) for account in accounts)),
        )
        snapshot = engine.view.current
        answers = {name: answer for name, answer in zip(accounts, told, strict=True) if answer is not None}
        return [
            phase,
            _store(snapshot, store),
            _actors(silent, down),
            *self._accounts(accounts, answers),
            _quotes(snapshot),
        ]

    def _long_lived(self) -> list[str]:
        return [name for name in self._names() if not name.startswith("group/")]

    async def _parts(self) -> tuple[list[str], str]:
        """Parts that do not run, and what the supervisor says against the store."""
        now = await parts_now(self._engine)
        if now is None:
            return [SUPERVISOR], ""
        down = [f"{part.key} ({part.error})" if part.error else part.key for part in now.parts]
        store = "no room on its disk: only exits are taken" if now.store.on_reserve else ""
        return down, store or ("it is too slow: only exits are taken" if now.store.is_slow else "")

    async def _described(self, account: str) -> AccountChanged | None:
        try:
            answer = await self._engine.system.ask_async(f"gateway/{account}", _describe, READY_LIMIT_S)
        except TimeoutError:
            return None
        return answer if isinstance(answer, AccountChanged) else None

    def _accounts(self, names: Sequence[str], told: dict[str, AccountChanged]) -> Iterator[Check]:
        closed = {**self._engine.unbuilt, **self._engine.broken}
        why = {name: closed[name] for name in names if name in closed}
        for name in names:
            if name not in why and name not in told:
                why[name] = "its gateway does not answer"
            elif name not in why and not told[name].ready:
                why[name] = told[name].detail or "it is being reconciled"
        yield Check(
            name="reconciled", passed=not why, message=_listed(f"{name}: {words}" for name, words in why.items())
        )
        down = [
            f"{name} {stream}{f' ({words})' if words else ''}"
            for name, answer in told.items()
            if answer.condition is not None
            for stream, is_up, words in answer.condition.streams
            if not is_up
        ]
        yield Check(name="streams", passed=not down, message=_listed(down))

    async def _once(self, name: str, look: Callable[[], Awaitable[list[Check]]]) -> list[Check]:
        task = self._under_way.get(name)
        if task is None or task.done():
            task = self._under_way[name] = asyncio.ensure_future(_of(look))
        return await asyncio.shield(task)

    def _page(self, checks: Sequence[Check], well: str, unwell: str) -> Page:
        is_well = all(check.passed for check in checks)
        return page(
            [replace(check, message=self._mask(check.message)) for check in checks], well if is_well else unwell
        )


def page(checks: Sequence[Check], status: str) -> Page:
    """The answer to a probe: 200 if every check passed, else 503; JSON either way."""
    shown = [{"name": check.name, "passed": check.passed, "message": check.message} for check in checks]
    body = orjson.dumps({"status": status, "checks": shown}) + b"\n"
    return Page(OK if all(check.passed for check in checks) else UNWELL, body, JSON)


async def silent_ones(system: Asking, names: Sequence[str], limit_s: float) -> list[str]:
    """Actors that do not come to a message told now within the limit."""
    answers = await asyncio.gather(*(_ping(system, name, limit_s) for name in names))
    return [name for name, answered in zip(names, answers, strict=True) if not answered]


async def _ping(system: Asking, name: str, limit_s: float) -> bool:
    try:
        return isinstance(await system.ask_async(name, _make_ping, limit_s), Pong)
    except TimeoutError:
        return False


def _make_ping(reply_to: ReplyTo) -> object:
    return Ping(reply_to=reply_to)


def _describe(reply_to: ReplyTo) -> object:
    return DescribeAccount(reply_to=reply_to)


async def _of(look: Callable[[], Awaitable[list[Check]]]) -> list[Check]:
    return await look()


def _phase(condition: Condition, *, is_serving: bool) -> Check:
    if condition.phase == SERVING and is_serving:
        return Check(name="serving", passed=True)
    words = condition.phase if condition.phase != SERVING else STARTING
    return Check(name="serving", passed=False, message=f"the daemon is {words}")


def _store(snapshot: Snapshot, told: str) -> Check:
    if not snapshot.store_ok:
        return Check(name="store", passed=False, message=snapshot.store_error or "it takes no writes")
    return Check(name="store", passed=not told, message=told)


def _actors(silent: Sequence[str], down: Sequence[str]) -> Check:
    words = [f"{name} has not answered within {READY_LIMIT_S:.0f} s" for name in silent]
    words += [f"{name} does not run" for name in down if name not in silent]
    return Check(name="actors", passed=not words, message=_listed(words))


def _quotes(snapshot: Snapshot) -> Check:
    """Prices that are needed, judged by the gateways themselves (`alerts.quote_age_s`)."""
    stale = sorted(key.removeprefix("quote_age:") for key in snapshot.alerts if key.startswith("quote_age:"))
    return Check(name="prices", passed=not stale, message=f"too old: {_listed(stale)}" if stale else "")


def _listed(words: Iterator[str] | Sequence[str]) -> str:
    every = list(words)
    more = f" and {len(every) - MAX_NAMED} more" if len(every) > MAX_NAMED else ""
    return "; ".join(every[:MAX_NAMED]) + more
