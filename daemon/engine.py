"""The engine put together: every actor's factory on one system, started in order.

The live daemon, replay and the tests all build the engine here, so they differ only in the parts they bring: the
runtime, the clock behind it, the exchanges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from actors.children import engine_children
from actors.feed import Feed, Subscribers
from actors.gateway import Gateway
from actors.journal import Journal
from actors.messages import SettingsChanged
from actors.pool import Pool
from actors.ports import Catalogue, Exchange, Ids, Marks, Store
from actors.position import GroupPorts, PositionGroup
from actors.queue import Queue
from actors.rules.choices import World
from actors.rules.events import Note
from actors.rules.naming import INSTALLATION_CHARS
from actors.rules.restarts import DEFAULT_POLICY, RestartPolicy
from actors.rules.settings import Settings
from actors.runtime import SUPERVISOR, Life, System
from actors.supervisor import Supervisor
from actors.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the engine is built from. `settings()` is the config in force.

    `view` shows what the store holds, also the groups that are live at the start: those are brought to life.
    """

    store: Store
    view: View
    marks: Marks
    catalogue: Catalogue
    ids: Ids
    settings: Callable[[], Settings]
    prefix: str
    """Begins every client order id: the installation and the standby epoch (ORD-2)."""
    exchanges: Mapping[str, Exchange]
    """By account name. An account without one has no gateway, and nothing is traded on it."""
    subscribers: Subscribers
    observe: Callable[[Note], None] | None = None
    """Every note of the supervisor, also what the store does not take."""
    store_state: Callable[[bool, str], None] | None = None
    """Told when the store begins or ceases to fail, besides the View."""
    restarts: RestartPolicy = DEFAULT_POLICY


def start(system: System, parts: Parts) -> None:
    """Registers every kind of actor and starts the engine: store, Feed, gateways, Queue with Pool, then the groups."""
    register(system, parts)
    system.spawn(SUPERVISOR)


def worlds(settings: Settings) -> tuple[World, ...]:
    """Worlds that have an account, in the order of `World`."""
    found = {account.world for account in settings.accounts.values()}
    return tuple(world for world in World if world in found)


def announce(system: System, parts: Parts) -> None:
    """Tells every actor that decides by it that another version of the config is in force (CFG-2)."""
    settings = parts.settings()
    names = [f"gateway/{account}" for account in parts.exchanges]
    names += [f"{kind}/{world.value}" for world in worlds(settings) for kind in ("queue", "pool")]
    for name in names:
        system.tell(name, SettingsChanged(settings=settings))


def register(system: System, parts: Parts) -> None:
    """Every kind of actor, ready to be started by the supervisor."""
    children = engine_children(parts.exchanges, (world.value for world in worlds(parts.settings())))
    ports = GroupPorts(marks=parts.marks, catalogue=parts.catalogue, settings=parts.settings, prefix=parts.prefix)

    def supervisor(life: Life) -> Supervisor:
        return Supervisor(
            life,
            system=system,
            children=children,
            ids=parts.ids,
            expected=lambda: _live_groups(parts.view),
            observe=parts.observe,
            store_state=lambda ok, error: _store_changed(parts, ok, error),
            policy=parts.restarts,
        )

    def pool(life: Life) -> Pool:
        return Pool(life, marks=parts.marks, catalogue=parts.catalogue, ids=parts.ids, settings=parts.settings)

    system.register(SUPERVISOR, supervisor)
    system.register("journal", lambda life: Journal(life, store=parts.store, view=parts.view))
    system.register("feed", lambda life: _feed(life, parts))
    system.register("gateway", lambda life: _gateway(life, parts))
    system.register("queue", lambda life: Queue(life, marks=parts.marks, settings=parts.settings))
    system.register("pool", pool)
    system.register("group", lambda life: PositionGroup(life, ports=ports))


def _feed(life: Life, parts: Parts) -> Feed:
    return Feed(life, subscribers=parts.subscribers, newest_sequence=lambda: parts.view.current.last_sequence)


def _gateway(life: Life, parts: Parts) -> Gateway:
    name, settings = life.name.partition("/")[2], parts.settings()
    account = settings.accounts[name]
    return Gateway(
        life,
        account=account,
        exchange=parts.exchanges[name],
        marks=parts.marks,
        catalogue=parts.catalogue,
        settings=settings,
        pool_name=f"pool/{account.world.value}",
        installation=parts.prefix[:INSTALLATION_CHARS],
        jitter=parts.ids.fraction,
    )


def _live_groups(view: View) -> Iterable[str]:
    return [f"group/{group.group_id}" for group in view.current.live()]


def _store_changed(parts: Parts, ok: bool, error: str) -> None:
    parts.view.mark_store(ok, error)
    if parts.store_state is not None:
        parts.store_state(ok, error)
