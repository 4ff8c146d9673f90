"""What the one writer and the reader need of a database. SQLite and PostgreSQL each implement it; nothing above knows
which it is.

Statements are written as `dialect` says. A `Cursor` belongs to one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from peewee import ModelSelect

from actors.ports import StoreFault

T = TypeVar("T")

Values = Sequence[Any]


class RowBroken(Exception):
    """A row breaks a constraint of its table. The text is SQLite's, whichever database it is."""

    @property
    def is_reference(self) -> bool:
        """It refers to a row that is not there."""
        return str(self).startswith("FOREIGN KEY")


class Unstorable(Exception):
    """The database cannot hold a value. The text is what the driver said of it."""


class Cursor(Protocol):
    """Statements of one transaction. Raises `RowBroken` and `Unstorable`, and the driver's errors for its device."""

    def execute(self, sql: str, parameters: Values = (), /) -> Any: ...

    def executemany(self, sql: str, parameters: Iterable[Values], /) -> Any:
        """One statement for each row of values, in order."""

    def hits(self, wanted: int) -> bool:
        """Whether the last statement changed so many rows. Where answers come later it says yes, and before the commit
        the batch is done over, step by step, if the answer was no."""

    def changes(self, sql: str, parameters: Any, /) -> int:
        """Runs a statement; how many rows it changed."""

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def begin_one(self) -> None:
        """What follows can be taken back without the rest (rule 11)."""

    def keep_one(self) -> None: ...

    def take_back_one(self) -> None: ...


class Link(Protocol):
    """The writer's connection. Used under the store's lock."""

    def write(self, work: Callable[[Cursor], T]) -> T:
        """Runs `work` in one transaction and commits. It may be run twice: it must begin anew each time.

        Raises the driver's errors where the device fails; then `fault` must be asked, nothing else.
        """

    def rows(self, sql: str, parameters: Values) -> list[tuple[Any, ...]]: ...

    def last_sequence(self) -> int:
        """The highest sequence an event of this store ever had."""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What the driver raises when the device fails."""

    def fault(self, error: Exception) -> StoreFault:
        """Takes back what is open, drops the connection, says what happened. The next call connects anew."""

    def drop(self) -> None:
        """Takes back what is open, drops the connection."""

    @property
    def on_reserve(self) -> bool: ...

    def committed(self) -> None:
        """A batch is durable."""

    def close(self) -> None:
        """For good. What keeps others from the store is given back."""


class Snapshot(Protocol):
    """Read only, and what it sees does not change."""

    def execute(self, sql: str, parameters: tuple[Any, ...], /) -> list[tuple[Any, ...]]: ...

    def rows(self, query: ModelSelect[Any], /) -> list[tuple[Any, ...]]: ...

    def stream(self, query: ModelSelect[Any], /) -> Iterable[tuple[Any, ...]]:
        """The rows one by one, for questions whose answer is made of very many."""


class Source(Protocol):
    """Where the reader's snapshots come from. Thread-safe."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """StoreFault where the store cannot be read."""

    def close(self) -> None: ...
