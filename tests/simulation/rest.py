"""What of a simulated engine is still under way, in words. Nothing of it is left when everything has come to rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from actors.children import PartState
from actors.gateway import Gateway
from actors.journal import Journal
from actors.pool import Pool
from actors.position import PositionGroup
from actors.queue import Queue
from actors.risk import Risk
from actors.rules import position
from actors.rules.choices import World as Kind
from actors.rules.events import AmendOrders, CancelOrders, Context, Decision, SubmitOrders, TimeReached
from actors.rules.model import Group, GroupState, OrderState, Reason
from actors.rules.records import DriftState
from actors.runtime import SUPERVISOR, Actor
from actors.supervisor import Supervisor
from tests.simulation.checks_rest import stuck

if TYPE_CHECKING:
    from tests.simulation.world import World

T = TypeVar("T", bound=Actor)

POOL, QUEUE, RISK = (f"{kind}/{Kind.PAPER.value}" for kind in ("pool", "queue", "risk"))
SOON_MS = 60_000
"""What a group will do by itself within this time belongs to what is under way."""
PASSING = (Reason.POOL_FULL, Reason.ACCOUNT_NOT_READY, Reason.PRECISION_MISSING, Reason.PRICE_MISSING)
"""Reasons to wait that are over as soon as a slot is free and the venue is there again."""


def actor(world: World, name: str, kind: type[T]) -> T | None:
    """The living actor of this name, to be looked at."""
    cell = world.system._cells.get(name)
    found = cell.actor if cell is not None else None
    assert found is None or isinstance(found, kind)
    return found


def unfinished(world: World) -> Iterator[str]:
    yield from _senders(world)
    yield from _supervisor(world)
    yield from _journal(world)
    yield from _pool(world)
    yield from _queue(world)
    yield from _risk(world)
    for account in world.venues:
        yield from _venue(world, account)
    live = list(world.view.current.live())
    for group in live:
        yield from _group(world, group)
    if words := stuck(world):
        yield words
    for drift in world.view.current.drifts.values():
        if drift.state is DriftState.OPEN:
            yield f"a difference stands: {drift.message}"
    alive = {name for name in world.system.names() if name.startswith("group/")}
    for name in sorted(alive - {f"group/{group.group_id}" for group in live}):
        yield f"{name} is alive though its group is not"


def _senders(world: World) -> Iterator[str]:
    for sent in world.unanswered.values():
        yield f"nobody has answered alert {sent.number}"
    if world.walking:
        yield "prices are on their way"


def _supervisor(world: World) -> Iterator[str]:
    supervisor = actor(world, SUPERVISOR, Supervisor)
    if supervisor is None:
        yield "there is no supervisor"
        return
    if supervisor._line or supervisor._awaited or supervisor._ending:
        yield f"starting or stopping {supervisor._line} {supervisor._awaited} {list(supervisor._ending)}"
    if supervisor._late.count:
        yield "a late report waits for its group"
    if supervisor._notebook._pending:
        yield "the supervisor's notes are not stored"
    if down := [part.key for part in supervisor._parts.values() if part.state is not PartState.RUNNING]:
        yield f"{down} are down"
    for name in ("journal", "feed", *(f"gateway/{account}" for account in world.venues), QUEUE, POOL, RISK):
        if not world.system.incarnation(name):
            yield f"{name} is down"


def _journal(world: World) -> Iterator[str]:
    journal = actor(world, "journal", Journal)
    if journal is None or journal._waiting or (journal._told is not None and not journal._told[0]):
        yield "the journal waits for the store"


def _pool(world: World) -> Iterator[str]:
    pool = actor(world, POOL, Pool)
    if pool is None or pool._before_load is not None:
        yield "the pool is loading"
        return
    for what in ("_lanes", "_drafts", "_in_flight", "_retries", "_offer_id"):
        if getattr(pool, what):
            yield f"the pool has {what.strip('_')}: {getattr(pool, what)}"
    if pool._books.reservations:
        yield "the pool keeps a reservation"
    for account in world.venues:
        known = pool._books.accounts.get(account)
        if known is None or not known.ready:
            yield f"the pool does not know account {account}"
    for key in pool._books.kept():
        yield f"a slot is kept for {key}"
    free = len(pool._books.slots) < world.settings.pool.max_open_groups and not pool._books.paused
    for queued in world.view.current.waiting() if free else ():
        if queued.wait_reason in PASSING:
            yield f"{queued.key} waits for {queued.wait_reason} though a slot is free"


def _queue(world: World) -> Iterator[str]:
    queue = actor(world, QUEUE, Queue)
    if queue is None or queue._waiting_for_load is not None:
        yield "the queue is loading"
    elif queue._held:
        yield f"the queue holds {queue._held}"
    elif len(queue._entries) != len(world.view.current.queued):
        yield "the queue and the view differ"


def _risk(world: World) -> Iterator[str]:
    risk = actor(world, RISK, Risk)
    if risk is None or risk._held is not None:
        yield "the risk engine is loading"
    elif risk._running:
        yield f"an offset is under way: {risk._running}"
    elif risk._is_fill_due:
        yield "an evaluation is due"


def _venue(world: World, account: str) -> Iterator[str]:
    """Requests under way, and whatever of the venue the engine has not heard of yet."""
    if world.exchanges[account].is_busy:
        yield f"requests to {account} are on their way"
    gateway = actor(world, f"gateway/{account}", Gateway)
    if gateway is not None and gateway._orders.strange:
        yield f"orders {gateway._orders.strange} are to be asked for: they were shown otherwise than their groups know"
    here = {
        order.client_order_id: order
        for group in world.view.current.live()
        if group.key.account == account
        for order in group.open_orders()
    }
    there = world.engine_orders_at(account)
    for name in sorted(here.keys() ^ there.keys()):
        yield f"order {name} is open {'here' if name in here else 'at the venue'} only"
    for name in sorted(here.keys() & there.keys()):
        if len(here[name].trades) != len(there[name].trades):
            yield f"trades of {name} are under way"


def _group(world: World, group: Group) -> Iterator[str]:
    found = actor(world, f"group/{group.group_id}", PositionGroup)
    if found is None or found._loading:
        yield f"group {group.group_id} is not alive"
        return
    if found._group != group:
        yield f"group {group.group_id} is ahead of what is committed"
    if group.state is GroupState.CLOSING:
        yield f"group {group.group_id} is closing"
    for order in group.open_orders():
        if order.state is OrderState.PENDING or order.cancel_requested or order.is_amending:
            asked = f"cancel asked: {order.cancel_requested}, amend: {order.is_amending}"
            yield f"order {order.client_order_id} is {order.state}, {asked}"
    later = position.step(group, TimeReached(), _soon(found._context(group)))
    assert isinstance(later, Decision)
    sends = [effect for effect in later.effects if isinstance(effect, SubmitOrders | CancelOrders | AmendOrders)]
    if sends:
        yield f"group {group.group_id} is going to send {sends}"


def _soon(context: Context) -> Context:
    """The same world a little later: what a group puts off for a moment shows in it."""
    now_ms = context.now_ms + SOON_MS
    quote = None if context.quote is None else replace(context.quote, time_ms=now_ms)
    return replace(context, now_ms=now_ms, quote=quote)
