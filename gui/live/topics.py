"""A topic: rows of cells that a page shows and the daemon is asked for again and again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from control.client import AioClient

Cell = str | tuple[str, ...]
"""What one field of a row shows: its text; or text and tone; or text, tone and what it is sorted by.

Tones: `` (plain), `gain`, `loss`, `warn`, `bad`, `good`, `dim`. What it is sorted by is a plain decimal or a text.
"""
Row = Mapping[str, Cell]
Snapshot = Mapping[str, Row]
"""Rows by identifier, in the order they are shown. A topic of single values has one row, named ``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a reader may ask and know."""

    client: AioClient
    world: str
    """As in the contract, e.g. `WORLD_PAPER`."""
    argument: str
    """What stands after the colon of the topic's name, e.g. the group of `group:01K...`; empty without one."""
    now_ms: int
    before: Snapshot
    """What was read last; empty at first."""


Reader = Callable[[Reading], Awaitable[Snapshot]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """How a topic is read."""

    name: str
    read: Reader
    """Raises ClientError; the rows on the screen are then marked stale."""
    every_ms: int = 0
    """How often it is read; 0: as often as the panel refreshes."""
    is_spoken: bool = True
    """True: what it says are the engine's sentences, in which commands become the panel's own ways (`gui.show.ways`).
    False: it shows texts as they are, a log or a file say."""
    follows_events: bool = True
    """True: an event of the engine has it read at once."""
