"""The main story again, disturbed once at every single message, and by a store that fails.

Whatever fails wherever: the books in the end are the same, no order is at the venue twice, no slot, lane or capital
leaks, and every signal has one outcome (`Town.check`). Never is the pool's limit passed on the way, nor a key taken
twice (`Town._look_at_limits`, after every message).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from actors.ports import Applied, StoreFault
from actors.rules.model import Outcome, Reason
from actors.rules.records import Row, SetOutcome
from tests.actors.havoc import Batch, Havoc, places
from tests.actors.story import Injected, told
from tests.actors.town import Apply, Books, Town

CHUNKS = 4
"""Parts a full round of disturbances is run in, for test processes that share the work."""
RUSH = 0.02
MAX_FAULTS = 40
"""Faults of the store in one run."""

# --- the undisturbed run --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Measure:
    books: Books
    messages: int
    tells: int
    batches: int
    commits: int


@cache
def undisturbed(seed: int) -> Measure:
    messages, tells, commits = 0, 0, 0

    def message(_name: str, _message: object) -> None:
        nonlocal messages
        messages += 1

    def tell(_name: str, _message: object) -> None:
        nonlocal tells
        tells += 1

    def apply(go_on: Apply, batch: Batch) -> list[Applied]:
        nonlocal commits
        commits += len(batch)
        return go_on(batch)

    def look(town: Town) -> None:
        town.on_message, town.on_tell, town.store.around = message, tell, apply

    with TemporaryDirectory() as folder, told(Path(folder), seed=seed, rush=RUSH, prepare=look) as town:
        return Measure(town.books(), messages, tells, town.store.batches, commits)


def run(seed: int, disturb: Callable[[Town], None], what: str) -> None:
    """The story, disturbed; its books must be those of the undisturbed one."""
    expected = undisturbed(seed).books
    try:
        with TemporaryDirectory() as folder, told(Path(folder), seed=seed, rush=RUSH, prepare=disturb) as town:
            books = town.books()
            assert books.outcomes == expected.outcomes
            assert books == expected
            town.check_profit()
    except BaseException as error:
        error.add_note(what)
        raise


# --- an actor crashes, the process is killed ------------------------------------------------------

BEFORE, DURING, AFTER = "before", "during", "after"
"""Before a message is handled, before something is told while it is, and when it has been."""


class Strike:
    """Does something at the n-th message (or tell), once, and ends the handler there."""

    def __init__(self, at: int, moment: str, act: Callable[[Town], None]) -> None:
        self.at, self.moment, self.act = at, moment, act
        self.count = 0
        self.struck = ""

    def __call__(self, town: Town) -> None:
        self.town = town
        if self.moment == DURING:
            town.on_tell = self.looks
        else:
            town.on_message = self.looks
        if self.moment == AFTER:
            town.on_handled = self.handled

    def looks(self, name: str, message: object) -> None:
        self.count += 1
        if self.count == self.at and self.moment != AFTER:
            self.strike(name, message)

    def handled(self, name: str, message: object) -> None:
        if self.count >= self.at and not self.struck:
            self.strike(name, message)

    def strike(self, name: str, message: object) -> None:
        self.struck = f"{name}: {type(message).__name__}"
        self.act(self.town)
        raise Injected(self.struck)


def crash(_town: Town) -> None:
    """Raising is enough."""


def strike_everywhere(seed: int, moment: str, act: Callable[[Town], None], chunk: int) -> None:
    measure = undisturbed(seed)
    count = measure.tells if moment == DURING else measure.messages
    for at in places(chunk, count, CHUNKS, 2):
        strike = Strike(at, moment, act)
        run(seed, strike, f"{act.__name__} {moment} {at} of {count}")
        assert strike.struck


@pytest.mark.rule("REC-1", "REC-2", "ORD-2", "ORD-3", "ORD-5", "GRP-1", "POOL-2", "SIG-10", "QUE-5")
@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize("moment", [BEFORE, DURING, AFTER])
def test_an_actor_may_crash_at_any_message(moment: str, chunk: int) -> None:
    strike_everywhere(1, moment, crash, chunk)


@pytest.mark.rule("REC-1", "SIG-9", "ORD-2", "ORD-3", "ORD-5", "GRP-1", "POOL-2", "SIG-10", "QUE-5")
@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize("moment", [BEFORE, DURING])
def test_the_process_may_be_killed_at_any_message(moment: str, chunk: int) -> None:
    strike_everywhere(2, moment, Town.kill, chunk)


# --- the store fails ------------------------------------------------------------------------------


class FailingStore:
    """At the n-th batch the device reports a fault; `durable`: the batch is in the file all the same (rule 9)."""

    def __init__(self, at: int, *, durable: bool) -> None:
        self.at, self.durable = at, durable
        self.count = 0

    def __call__(self, town: Town) -> None:
        town.store.around = self.apply

    def apply(self, go_on: Apply, batch: Batch) -> list[Applied]:
        self.count += 1
        if self.count != self.at:
            return go_on(batch)
        if self.durable:
            go_on(batch)
        raise StoreFault("injected")


class BrokenCommit:
    """The n-th commit breaks a constraint of the real store."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.count = 0
        self.refused = 0

    def __call__(self, town: Town) -> None:
        town.store.around = self.apply

    def apply(self, go_on: Apply, batch: Batch) -> list[Applied]:
        applied = go_on([self.spoilt(author, rows) for author, rows in batch])
        self.refused += sum(one.broken is not None for one in applied)
        return applied

    def spoilt(self, author: str, rows: Sequence[Row]) -> tuple[str, Sequence[Row]]:
        self.count += 1
        return (author, (*rows, NO_SUCH_SIGNAL)) if self.count == self.at else (author, rows)


NO_SUCH_SIGNAL = SetOutcome(
    signal_id="nobody", outcome=Outcome.REMOVED, reason=Reason.OK, detail="", group_id="", draft_id="", time_ms=0
)


@pytest.mark.rule("REC-1", "REC-4", "SIG-9", "ORD-2", "POOL-2", "SIG-10")
@pytest.mark.parametrize("durable", [False, True], ids=["lost", "durable"])
def test_the_store_may_fail_at_any_batch(durable: bool) -> None:
    for at in range(1, undisturbed(1).batches + 1):
        run(1, FailingStore(at, durable=durable), f"fault at batch {at}, durable: {durable}")


@pytest.mark.rule("REC-1", "REC-4")
@pytest.mark.parametrize("every", [3, 4, 5, 7])
def test_the_store_may_fail_again_and_again(every: int) -> None:
    """Every so many batches, each second of them durable all the same. Not for ever: each fault makes for new notes."""
    faults = 0

    class Again(FailingStore):
        def apply(self, go_on: Apply, batch: Batch) -> list[Applied]:
            nonlocal faults
            self.count += 1
            if self.count % every or faults == MAX_FAULTS:
                return go_on(batch)
            faults += 1
            if faults % 2:
                go_on(batch)
            raise StoreFault("injected")

    run(1, Again(0, durable=False), f"fault at every batch number {every}")
    assert faults >= 4


@pytest.mark.rule("REC-1", "REC-2")
def test_any_commit_may_break_a_constraint() -> None:
    for at in range(1, undisturbed(1).commits + 1):
        broken = BrokenCommit(at)
        run(1, broken, f"constraint broken at commit {at}")
        assert broken.refused


# --- everything at once ---------------------------------------------------------------------------


@pytest.mark.rule("REC-1", "REC-2", "ORD-2", "ORD-3", "ORD-5", "GRP-1", "POOL-2", "SIG-10")
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_failures_may_follow_on_each_other(chunk: int) -> None:
    for seed in range(chunk, 100, CHUNKS):
        run(1, Havoc(seed), f"havoc with seed {seed}")
