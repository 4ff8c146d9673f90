"""EngineService: the engine's state, pause and resume, dead letters, and the stream of events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from actors import messages as m
from actors.messages import EventStored, FeedGap
from actors.repair_messages import PartNow, RestartPart
from actors.risk_messages import LiftLimit
from actors.rules.choices import World
from actors.rules.records import AddEvent, ResolveAlert
from actors.runtime import SUPERVISOR
from daemon.api import translate_event as to
from daemon.api import translate_part
from daemon.api.auth import caller
from daemon.api.engine import Engine
from daemon.api.errors import faulty_field
from daemon.api.kinds import Context
from daemon.api.letters import Letters
from daemon.api.recorder import Recorder
from daemon.api.roles import permitted
from daemon.api.status import status
from daemon.api.translate import CATEGORY_OF, SEVERITIES, SEVERITY_OF
from daemon.api.watching import Left, Watcher
from daemon.store.found import EventBounds
from protos.terrace.v1 import engine_pb2 as pb
from protos.terrace.v1 import engine_pb2_grpc

MAX_EVENTS_PER_MESSAGE = 200
"""Streams cost per message, not per event; this keeps messages well below a megabyte."""
QUIET_S = 15.0
"""A response comes at least this often, empty if need be: it tells the last sequence, and whether anybody listens."""
MAX_FILL_EVENTS = 1_000
"""Events read from the store at once for one who resumes."""
SUBSCRIBE_TIMEOUT_S = 5.0
STORE_RESTORED = "store_restored"
"""Alert of a store that was restored: its pause is what `ResumeEngine` ends."""


class EngineService(engine_pb2_grpc.EngineServiceServicer):
    def __init__(self, engine: Engine, recorder: Recorder) -> None:
        self._engine = engine
        self._recorder = recorder
        self._letters = Letters(engine, recorder)

    async def GetIdentity(self, _request: pb.GetIdentityRequest, _context: Context) -> pb.GetIdentityResponse:
        who = caller()
        found = pb.Identity(name=who.name, role=f"TOKEN_ROLE_{who.role.name}", methods=permitted(who.role))
        return pb.GetIdentityResponse(identity=found)

    async def GetStatus(self, request: pb.GetStatusRequest, _context: Context) -> pb.GetStatusResponse:
        return pb.GetStatusResponse(status=await status(self._engine, self._engine.world(request.world)))

    async def PauseEngine(self, request: pb.PauseEngineRequest, context: Context) -> pb.PauseEngineResponse:
        world, accounts = self._engine.world(request.world), self._accounts(request.accounts, request.world)
        if not request.validate_only:
            who, cancel = _who(request.reason), request.cancel_entries
            await self._engine.ask(
                f"pool/{world.value}",
                lambda reply_to: m.PauseEngine(accounts=accounts, cancel_entries=cancel, who=who, reply_to=reply_to),
                context,
            )
        return pb.PauseEngineResponse(status=await status(self._engine, world))

    async def ResumeEngine(self, request: pb.ResumeEngineRequest, context: Context) -> pb.ResumeEngineResponse:
        world, accounts = self._engine.world(request.world), self._accounts(request.accounts, request.world)
        if not request.validate_only:
            who = caller().name
            await self._engine.ask(
                f"pool/{world.value}",
                lambda reply_to: m.ResumeEngine(accounts=accounts, who=who, reply_to=reply_to),
                context,
            )
            self._end_restored()
        return pb.ResumeEngineResponse(status=await status(self._engine, world))

    def _end_restored(self) -> None:
        """Who has resumed every world that is traded has seen that the store was restored."""
        snapshot, worlds = self._engine.view.current, self._engine.worlds()
        is_held = any(snapshot.switches.get((world, "paused")) for world in worlds)
        if STORE_RESTORED in snapshot.alerts and not is_held:
            self._recorder.commit((ResolveAlert(alert_key=STORE_RESTORED, time_ms=self._engine.clock.now_ms()),))

    async def LiftLimit(self, request: pb.LiftLimitRequest, context: Context) -> pb.LiftLimitResponse:
        """POOL-4 by hand. Nothing stands: nothing happens, and the answer says so."""
        world = self._engine.world(request.world)
        if not request.validate_only:
            who, why = caller().name, request.reason[:200]
            await self._engine.ask(
                f"pool/{world.value}", lambda reply_to: LiftLimit(who=who, why=why, reply_to=reply_to), context
            )
        return pb.LiftLimitResponse(status=await status(self._engine, world))

    async def ListDeadLetters(
        self, request: pb.ListDeadLettersRequest, _context: Context
    ) -> pb.ListDeadLettersResponse:
        found = await self._engine.page(
            self._engine.reader.list_dead_letters, request, resolved_too=request.include_resolved
        )
        return pb.ListDeadLettersResponse(
            dead_letters=[to.dead_letter(stored) for stored in found.items], next_page_token=found.next_token
        )

    async def GetDeadLetter(self, request: pb.GetDeadLetterRequest, _context: Context) -> pb.GetDeadLetterResponse:
        return pb.GetDeadLetterResponse(dead_letter=to.dead_letter(await self._letters.find(request.dead_letter_id)))

    async def RetryDeadLetter(self, request: pb.RetryDeadLetterRequest, context: Context) -> pb.RetryDeadLetterResponse:
        """REC-2. One that killed again is answered, too: unresolved, with one attempt more."""
        retried = await self._letters.retry(request.dead_letter_id, context)
        return pb.RetryDeadLetterResponse(dead_letter=to.dead_letter(retried))

    async def RestartPart(self, request: pb.RestartPartRequest, context: Context) -> pb.RestartPartResponse:
        """REC-2: what was given up begins anew. What runs is left as it is."""
        if not request.part:
            raise faulty_field("part", "is missing; `engine status` names the parts that are down")
        who, why, dry = caller().name, request.reason[:200], request.validate_only
        part = await self._engine.ask(
            SUPERVISOR,
            lambda reply_to: RestartPart(name=request.part, who=who, why=why, is_dry_run=dry, reply_to=reply_to),
            context,
        )
        assert isinstance(part, PartNow), part
        return pb.RestartPartResponse(part=translate_part.part(part))

    # --- the stream -------------------------------------------------------------------------------

    async def WatchEvents(
        self, request: pb.WatchEventsRequest, _context: Context
    ) -> AsyncIterator[pb.WatchEventsResponse]:
        """Everything committed from a sequence on: the newest from the Feed's memory, what is older from the store."""
        wanted = _Wanted(request, self._engine.world_or_all(request.world))
        after = request.after_sequence if request.HasField("after_sequence") else None
        if after is not None and after < 0:
            raise faulty_field("after_sequence", "must not be negative")
        watcher = Watcher(asyncio.get_running_loop(), wanted)
        name = f"api/{self._engine.ids.token()}"
        told = await self._engine.ask(
            "feed",
            lambda reply_to: m.Subscribe(subscriber_id=name, after_sequence=after, sink=watcher.put, reply_to=reply_to),
            None,
            SUBSCRIBE_TIMEOUT_S,
        )
        assert isinstance(told, m.Subscribed), told
        try:
            bounds = await self._engine.read(self._engine.reader.event_bounds)
            yield _response([], told.last_sequence, bounds)
            watcher.complete_to = told.last_sequence if after is None else after
            while not self._engine.condition.is_stopping:
                async for response in self._next(watcher, wanted):
                    yield response
        finally:
            self._engine.system.tell("feed", m.Unsubscribe(subscriber_id=name))

    async def _next(self, watcher: Watcher, wanted: _Wanted) -> AsyncIterator[pb.WatchEventsResponse]:
        """What has come, events together as far as they go; gaps are filled from the store or told."""
        events: list[EventStored] = []
        before = watcher.complete_to
        for item in await watcher.next(QUIET_S, MAX_EVENTS_PER_MESSAGE):
            if isinstance(item, EventStored):
                events.append(item)
                continue
            if events:
                before = events[-1].sequence
                yield _response(events, before)
                events = []
            if isinstance(item, FeedGap):
                async for response in self._from_store(item, wanted):
                    yield response
                before = item.resume_sequence - 1
            else:
                yield _gap(item, before)
        yield _response(events, max(before, watcher.complete_to))

    async def _from_store(self, gap: FeedGap, wanted: _Wanted) -> AsyncIterator[pb.WatchEventsResponse]:
        bounds: EventBounds = await self._engine.read(self._engine.reader.event_bounds)
        after = gap.after_sequence
        if bounds.earliest > after + 1 and after > 0:
            after = bounds.earliest - 1
            yield _gap(Left(after), after, bounds)
        while after < gap.resume_sequence - 1:
            found = await self._engine.read(self._engine.reader.events_after, after, MAX_FILL_EVENTS)
            missing = [stored for stored in found if stored.sequence < gap.resume_sequence]
            if not missing:
                return
            after = missing[-1].sequence
            chosen = [stored for stored in missing if wanted(stored)]
            for start in range(0, len(chosen), MAX_EVENTS_PER_MESSAGE):
                part = chosen[start : start + MAX_EVENTS_PER_MESSAGE]
                yield _response(part, part[-1].sequence, bounds)

    # --- helpers ----------------------------------------------------------------------------------

    def _accounts(self, names: object, world_number: int) -> tuple[str, ...]:
        """The named accounts. NOT_FOUND for one that is not configured, INVALID_ARGUMENT for one of another world."""
        world = self._engine.world(world_number)
        accounts = []
        for name in dict.fromkeys(names):  # type: ignore[call-overload]
            account = self._engine.account(name)
            if account.world is not world:
                raise faulty_field("accounts", f"{name} belongs to the world {account.world.value}")
            accounts.append(account.name)
        return tuple(accounts)


class _Wanted:
    """Whether a watcher wants an event. Called on the Feed's thread for every event: plain comparisons only."""

    __slots__ = ("_account", "_categories", "_group_id", "_severities", "_world")

    def __init__(self, request: pb.WatchEventsRequest, world: World | None) -> None:
        self._world = world
        self._group_id = request.group_id
        self._account = request.account
        self._categories = frozenset(CATEGORY_OF.get(number, "") for number in request.categories)
        if "" in self._categories:
            raise faulty_field("categories", "holds a value that is none to filter by")
        least = SEVERITY_OF.get(request.min_severity, SEVERITIES[0])
        self._severities = frozenset(SEVERITIES[SEVERITIES.index(least) :])

    def __call__(self, stored: EventStored) -> bool:
        line = stored.event
        if not isinstance(line, AddEvent) or line.severity not in self._severities:
            return False
        if self._categories and line.category not in self._categories:
            return False
        if self._group_id and line.group_id != self._group_id:
            return False
        if self._account and line.account != self._account:
            return False
        return self._world is None or line.world in (None, self._world)


def _response(
    events: list[EventStored], last_sequence: int, bounds: EventBounds | None = None
) -> pb.WatchEventsResponse:
    """`last_sequence`: whoever resumes behind it misses nothing it wanted."""
    return pb.WatchEventsResponse(
        events=[to.event(stored) for stored in events],
        earliest_sequence=bounds.earliest if bounds is not None else 0,
        last_sequence=last_sequence,
    )


def _gap(left: Left, last_sequence: int, bounds: EventBounds | None = None) -> pb.WatchEventsResponse:
    response = _response([], last_sequence, bounds)
    response.gap = True
    response.resume_after_sequence = left.after_sequence
    return response


def _who(reason: str) -> str:
    """Name of the caller, with the reason it gave."""
    name = caller().name
    return f"{name} ({reason[:200]})" if reason else name
