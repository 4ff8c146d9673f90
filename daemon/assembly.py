"""Puts the engine together, whatever runs it: boards, exchanges, actors. Nothing happens before `start`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from actors.board import CatalogueBoard, MarksBoard
from actors.children import Child, engine_children
from actors.feed import Feed, Subscribers
from actors.gateway import Gateway
from actors.journal import Journal
from actors.messages import SettingsChanged
from actors.pool import Pool
from actors.pool_limits import SNAPSHOT_MS
from actors.ports import Exchange, Ids, Marks, Store, StoreFault
from actors.position import GroupPorts, PositionGroup
from actors.queue import Queue
from actors.risk import Risk
from actors.rules.choices import World
from actors.rules.events import Note
from actors.rules.naming import EPOCH_CHARS
from actors.rules.settings import Settings
from actors.runtime import SUPERVISOR, Life, System
from actors.supervisor import Supervisor
from actors.view import View
from daemon.days import reporting_days

S = TypeVar("S", bound=System)
"""The runtime: `Threaded` in a daemon, `Stepped` in replay and simulation."""

FIRST_EPOCH = "0" * EPOCH_CHARS
"""Standby epoch of a daemon that runs alone (ORD-2)."""


class SettingsHolder:
    """The config in force. Replaced whole, read from any thread."""

    def __init__(self, settings: Settings) -> None:
        self.current = settings

    def __call__(self) -> Settings:
        return self.current


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts(Generic[S]):
    """Everything the engine is made of."""

    system: S
    settings: SettingsHolder
    view: View
    marks: Marks
    catalogue: CatalogueBoard
    subscribers: Subscribers
    exchanges: Mapping[str, Exchange]
    """By account. An account without one is not traded."""
    worlds: tuple[World, ...]
    children: tuple[Child, ...]

    def start(self) -> None:
        """The supervisor starts everybody else, in order."""
        self.system.spawn(SUPERVISOR)

    def change_settings(self, settings: Settings) -> None:
        """A new config is in force: everybody who keeps something of it is told (CFG-2)."""
        self.settings.current = settings
        changed = SettingsChanged(settings=settings)
        for account in self.exchanges:
            self.system.tell(f"gateway/{account}", changed)
        for world in self.worlds:
            self.system.tell(f"queue/{world.value}", changed)
            self.system.tell(f"pool/{world.value}", changed)
            self.system.tell(f"risk/{world.value}", changed)


def assemble(
    *,
    system: S,
    settings: SettingsHolder,
    store: Store,
    view: View,
    exchanges: Mapping[str, Exchange],
    ids: Ids,
    installation_id: str,
    epoch: str = FIRST_EPOCH,
    observe: Callable[[Note], None],
    store_state: Callable[[bool, str], None],
    marks: Marks | None = None,
    equity_every_ms: int = SNAPSHOT_MS,
) -> Parts[S]:
    """Registers every kind of actor. `observe` and `store_state`: see `Supervisor`.

    `marks`: a board of one's own, for prices that are not the accounts'. A new one unless told. `equity_every_ms`: how
    often equity is written down if it has changed, besides after each close.
    """
    marks = MarksBoard() if marks is None else marks
    catalogue, subscribers = CatalogueBoard(), Subscribers()
    worlds = worlds_of(settings.current)
    ports = GroupPorts(
        marks=marks,
        catalogue=catalogue,
        settings=settings,
        prefix=installation_id + epoch,
        can_amend=lambda account: account in exchanges and exchanges[account].can_amend,
        can_stop=lambda account: account in exchanges and exchanges[account].can_stop,
        is_traded=lambda account: account in exchanges,
    )
    children = engine_children(exchanges, [world.value for world in worlds])

    def gateway(life: Life) -> Gateway:
        account = settings.current.accounts[life.name.partition("/")[2]]
        return Gateway(
            life,
            account=account,
            exchange=exchanges[account.name],
            marks=marks,
            catalogue=catalogue,
            settings=settings.current,
            pool_name=f"pool/{account.world.value}",
            installation=installation_id,
            jitter=ids.fraction,
        )

    def supervisor(life: Life) -> Supervisor:
        return Supervisor(
            life,
            system=system,
            children=children,
            ids=ids,
            expected=lambda: _live_groups(store, view),
            observe=observe,
            store_state=store_state,
        )

    system.register("journal", lambda life: Journal(life, store=store, view=view))
    system.register(
        "feed",
        lambda life: Feed(life, subscribers=subscribers, newest_sequence=lambda: view.current.last_sequence),
    )
    system.register("gateway", gateway)
    system.register("queue", lambda life: Queue(life, marks=marks, settings=settings))
    days = reporting_days(settings)
    system.register(
        "pool",
        lambda life: Pool(
            life,
            marks=marks,
            catalogue=catalogue,
            ids=ids,
            settings=settings,
            days=days,
            snapshot_every_ms=equity_every_ms,
        ),
    )
    system.register("group", lambda life: PositionGroup(life, ports=ports))
    system.register(
        "risk", lambda life: Risk(life, snapshot=lambda: view.current, marks=marks, ids=ids, settings=settings)
    )
    system.register(SUPERVISOR, supervisor)
    return Parts(
        system=system,
        settings=settings,
        view=view,
        marks=marks,
        catalogue=catalogue,
        subscribers=subscribers,
        exchanges=exchanges,
        worlds=worlds,
        children=children,
    )


def worlds_of(settings: Settings) -> tuple[World, ...]:
    """Worlds that are configured, in the order of `World`."""
    found = {account.world for account in settings.accounts.values()}
    return tuple(world for world in World if world in found)


def _live_groups(store: Store, view: View) -> list[str]:
    """Names of the groups that are not closed; as far as the View knows where the store cannot be read."""
    try:
        group_ids = store.live_group_ids()
    except StoreFault:
        group_ids = [group.group_id for group in view.current.live()]
    return [f"group/{group_id}" for group_id in group_ids]
