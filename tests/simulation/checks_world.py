"""What the checker sees of a run: the parts of `World` it reads and listens to. Nothing here is written by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from actors.ports import Applied
from actors.rules.model import Trade
from actors.rules.records import Row
from actors.rules.settings import Settings
from actors.stepped import Stepped
from actors.view import View
from daemon.exchanges.matching import Book
from daemon.exchanges.paper_order import PaperOrder

Batch = Sequence[tuple[str, Sequence[Row]]]
OnApplied = Callable[[Batch, Sequence[Applied], bool], None]
OnTrade = Callable[[str, PaperOrder, Trade], None]
OnAccepted = Callable[[str, PaperOrder], None]
OnMessage = Callable[[str, object], None]

INJECTED = "Injected"
"""Begins the name of every exception that a fault raises inside an actor."""


class Seen(Protocol):
    """A world as the checker sees it."""

    @property
    def settings(self) -> Settings: ...
    @property
    def system(self) -> Stepped: ...
    @property
    def view(self) -> View: ...
    @property
    def parts(self) -> Any: ...
    @property
    def store(self) -> Any: ...
    @property
    def venues(self) -> Mapping[str, Any]:
        """By account."""

    @property
    def alerts(self) -> Mapping[int, Any]:
        """Number to what was sent: `signal`, `is_acknowledged`."""

    @property
    def fatal(self) -> str:
        """Why there is no supervisor any more; empty: there is one."""

    @property
    def is_dead(self) -> bool: ...
    def now_ms(self) -> int:
        """Real time, which nobody sets."""

    @property
    def on_answer(self) -> list[Callable[[Any, object], None]]:
        """Called with what was sent, and with every answer its sender hears."""

    @property
    def on_applied(self) -> list[OnApplied]: ...
    @property
    def on_trade(self) -> list[OnTrade]: ...
    @property
    def on_accepted(self) -> list[OnAccepted]: ...
    @property
    def on_message(self) -> list[OnMessage]: ...


def book_of(venue: Any) -> Book:
    """The matching book of a venue: its money, positions and open orders."""
    book: Book = venue._book
    return book


def actor_of(world: Seen, name: str) -> Any:
    """The living actor of this name as it is, to be looked at; None: there is none."""
    cell = world.system._cells.get(name)
    return None if cell is None else cell.actor


def is_ours(client_order_id: str) -> bool:
    """Whether an order at a venue was named by the engine: 25 small letters and digits (ORD-2)."""
    return len(client_order_id) == 25 and client_order_id.isalnum() and client_order_id.islower()


def group_named(client_order_id: str) -> str:
    """The group that an order's id names."""
    return client_order_id[6:18]
