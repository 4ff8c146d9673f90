"""The main story again, disturbed once at every single message, and by a store that fails.

Whatever fails wherever: the books in the end are the same, no order is at the venue twice, no slot, lane or capital
leaks, and every signal has one outcome (`Town.check`). Never is the pool's limit passed on the way, nor a key taken
twice (`Town._check_limits`, after every message).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from actors.messages import Crashed
from actors.ports import Applied, StoreFault
from actors.rules.model import Outcome, Reason
from actors.rules.records import Row, SetOutcome
from tests.actors.story import Injected, told
from tests.actors.town import Apply, Books, Town

CHUNKS = 4
"""Parts a full round of disturbances is run in, for test processes that share the work."""
RUSH = 0.02


@cache
def undisturbed(seed: int) -> tuple[Books, int, int]:
    """The books, the number of messages, and the number of batches the store takes."""
    count = 0

    def look(_name: str, _message: object) -> None:
        nonlocal count
        count += 1

    def prepare(town: Town) -> None:
        town.on_message = look

    with TemporaryDirectory() as folder:
        town = told(Path(folder), seed=seed, rush=RUSH, prepare=prepare)
        return town.books(), count, town.store.batches


def compare(town: Town, books: Books) -> None:
    found = town.books()
    assert found.outcomes == books.outcomes
    assert found == books
    town.check_profit()


def run(folder: Path, seed: int, prepare: Callable[[Town], None], what: str) -> None:
    books, _, _ = undisturbed(seed)
    try:
        town = told(folder, seed=seed, rush=RUSH, prepare=prepare)
        compare(town, books)
    except BaseException as error:
        error.add_note(what)
        raise


class Disturb:
    """Does something at the n-th message, once."""

    def __init__(self, at: int, *, after: bool, act: Callable[[Town], None]) -> None:
        self.at, self.after, self.act = at, after, act
        self.count = 0
        self.what = ""

    def __call__(self, town: Town) -> None:
        self.town = town
        town.on_message = self.before
        town.on_handled = self.handled

    def before(self, name: str, message: object) -> None:
        self.count += 1
        if self.count == self.at and not self.after:
            self.strike(name, message)

    def handled(self, name: str, message: object) -> None:
        if self.after and self.at and self.count >= self.at:
            self.strike(name, message)

    def strike(self, name: str, message: object) -> None:
        self.at = 0
        self.what = f"{name}: {type(message).__name__}"
        self.act(self.town)
        raise Injected(self.what)


def crash(_town: Town) -> None:
    """Raising is enough."""


@pytest.mark.rule("REC-1", "REC-2", "ORD-2", "ORD-3", "ORD-5", "GRP-1", "POOL-2", "SIG-10", "QUE-5")
@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_an_actor_may_crash_at_any_message(tmp_path: Path, after: bool, chunk: int) -> None:
    _, count, _ = undisturbed(1)
    for at in range(1 + chunk, count + 1, CHUNKS):
        disturb = Disturb(at, after=after, act=crash)
        run(tmp_path / str(at), 1, disturb, f"crash {'after' if after else 'before'} message {at}")
        assert disturb.what


@pytest.mark.rule("REC-1", "SIG-9", "ORD-2", "ORD-3", "ORD-5", "GRP-1", "POOL-2", "SIG-10", "QUE-5")
@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_the_process_may_be_killed_at_any_message(tmp_path: Path, after: bool, chunk: int) -> None:
    _, count, _ = undisturbed(2)
    for at in range(1 + chunk, count + 1, CHUNKS):
        disturb = Disturb(at, after=after, act=Town.kill)
        run(tmp_path / str(at), 2, disturb, f"kill {'after' if after else 'before'} message {at}")
        assert disturb.what
