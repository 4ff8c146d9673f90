"""The one way to a venue: every request is judged when it fails, and every answer's headers correct the budget."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any, TypeVar

from actors.account_messages import Banned
from actors.budget import Budget
from actors.messages import Fate
from actors.ports import Clock, Sink
from actors.rules.model import Order
from actors.rules.rates import Ask, Work
from daemon.exchanges.errors import Verdict, judge, require_answer
from daemon.exchanges.venue_request import ABANDONED, ANSWERED, VenueRequest
from daemon.exchanges.venues.venue import SetupFault, Venue

Result = TypeVar("Result")

_answer: ContextVar[tuple[int, Mapping[str, str]]] = ContextVar("answer")
"""Status and headers of the newest answer within this task."""


_may_leave: ContextVar[Callable[[], str] | None] = ContextVar("may_leave", default=None)
"""Asked right before the bytes of a request that changes something leave; words if it must not."""

_QUESTIONS = frozenset({"GET", "HEAD"})
"""HTTP methods that change nothing."""


class NotSent(Exception):
    """A request was stopped before anything left."""


class VenueFault(Exception):
    """A request failed; the verdict says what that means."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.words)
        self.verdict = verdict


class Connection:
    """One account's venue, and the gateway's life its answers go to."""

    def __init__(self, venue: Venue, clock: Clock, budget: Budget) -> None:
        self.venue = venue
        self.clock = clock
        self.budget = budget
        self.on_clock_fault: Callable[[], None] = lambda: None
        """A request was refused for its timestamp."""
        self.on_request: Callable[[VenueRequest], None] = lambda _request: None
        """Told of each request once it is over; must be quick."""
        self.may_send: Callable[[], str] = lambda: ""
        """Words if nothing that changes something may leave now."""
        self.life = 0
        self._sink: Sink | None = None
        self._lock = threading.Lock()
        venue.client.on_rest_response = self._note_response
        venue.client.fetch = self._watched(venue.client.fetch)

    # --- to the gateway ---------------------------------------------------------------------------

    def bind(self, sink: Sink, life: int) -> None:
        """When this returns, the sink before gets nothing more."""
        with self._lock:
            self._sink, self.life = sink, life

    def deliver(self, message: Any) -> None:
        """Hands it to the gateway if it is of its present life."""
        with self._lock:
            if message.incarnation == self.life and self._sink is not None:
                self._sink(message)

    # --- to the venue -----------------------------------------------------------------------------

    async def call(
        self,
        ask: Ask,
        work: Callable[[], Awaitable[Result]],
        *,
        may_leave: Callable[[], str] | None = None,
        about: Order | None = None,
    ) -> Result:
        """The venue's answer, or `VenueFault`. The budget has been drawn on already. `SetupFault` passes.

        `may_leave` is asked last, right before the bytes of a changing request leave (rule 7), whatever was waited for
        before that: words stop it with `NotSent`. `about`: the order it is about, for the record.
        """
        _answer.set((0, {}))
        _may_leave.set(may_leave)
        start_s, start_ms = time.perf_counter(), self.clock.now_ms()
        try:
            answer = await work()
        except asyncio.CancelledError:
            self._record(ask, start_s, start_ms, about, ABANDONED)
            raise
        except SetupFault:
            raise
        except NotSent as stopped:
            if may_leave is not None:
                raise
            raise VenueFault(Verdict(fate=Fate.TEMPORARY, words=str(stopped))) from None
        except Exception as error:
            status, headers = _answer.get()
            now_ms = self.clock.now_ms()
            verdict = judge(self.venue.exchange, error, ask=ask, headers=headers, status=status, now_ms=now_ms)
            self._record(ask, start_s, start_ms, about, verdict.fate, verdict.code, verdict.words)
            self._heed(verdict)
            raise VenueFault(verdict) from error
        self._record(ask, start_s, start_ms, about)
        return answer

    def _record(
        self,
        ask: Ask,
        start_s: float,
        start_ms: int,
        about: Order | None,
        fate: str = ANSWERED,
        code: str = "",
        words: str = "",
    ) -> None:
        latency_ms = round((time.perf_counter() - start_s) * 1000)
        self.on_request(
            VenueRequest(
                account=self.venue.account.name,
                ask=ask,
                time_ms=start_ms,
                latency_ms=latency_ms,
                status=_answer.get()[0],
                fate=fate,
                code=code,
                words=words,
                order=about,
            )
        )

    async def draw_and_call(self, ask: Ask, work: Work, call: Callable[[], Awaitable[Result]]) -> Result:
        """The same for what the adapter asks by itself: waits until the budget allows it."""
        await self.draw(ask, work)
        return await self.call(ask, call)

    async def draw(self, ask: Ask, work: Work) -> None:
        """Returns when the budget has given what one such request costs."""
        while wait_ms := self.budget.take(ask, work, self.clock.now_ms()):
            await asyncio.sleep(wait_ms / 1000)

    def _heed(self, verdict: Verdict) -> None:
        """What concerns more than the one request."""
        now_ms = self.clock.now_ms()
        if verdict.is_ban or (verdict.is_rate_limit and verdict.retry_after_ms):
            self.budget.block(now_ms + verdict.retry_after_ms)
        if verdict.is_ban:
            self.deliver(Banned(incarnation=self.life, for_ms=verdict.retry_after_ms, words=verdict.words))
        if verdict.is_clock:
            self.on_clock_fault()

    def _note_response(
        self, code: Any, _reason: Any, url: Any, _method: Any, headers: Any, body: Any, *_request: Any
    ) -> Any:
        """ccxt's own hook, called for each answer before it is judged, in the task that asked."""
        _answer.set((int(code), headers))
        used = self.venue.used(headers)
        if used:
            self.budget.learn(used, self.clock.now_ms())
        require_answer(int(code), body)  # Of a page or an empty body ccxt makes an order without an id.
        rules = self.venue.learn_rules(str(url), body) if int(code) == 200 else None
        if rules is not None:
            self.budget.change(rules)
        return body

    def _watched(self, fetch: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """ccxt's one way to the network, called in the task that asked when a request is signed."""

        async def watched(url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
            if method not in _QUESTIONS:
                may_leave = _may_leave.get()
                words = self.may_send() or (may_leave() if may_leave is not None else "")
                if words:
                    raise NotSent(words)
            return await fetch(url, method, headers, body)

        return watched
