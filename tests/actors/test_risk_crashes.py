"""An offset, disturbed once at every single message: it is resumed, never doubled, and the books in the end are the
same, to the last digit (RISK-7).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from actors.ports import Applied
from actors.rules.model import GroupState
from actors.rules.records import Row
from actors.rules.risk_model import RiskActionState
from tests.actors.havoc import Havoc
from tests.actors.risk_town import D, RiskTown, risk_town
from tests.actors.test_story_crashes import AFTER, BEFORE, DURING, FailingStore, Strike, crash
from tests.actors.town import BTC, ETH, SOL, Apply, Books, Town

CHUNKS = 4
"""Every so many messages, each moment at others: a run at every one of them takes minutes."""
RUSH = 0.02


@dataclass(frozen=True, slots=True)
class Measure:
    books: Books
    messages: int
    tells: int
    batches: int


def tell(disturb: Callable[[RiskTown], None], seed: int) -> Books:
    """The offset of the worked example. Disturbed from the fall of the loser on."""
    with TemporaryDirectory() as folder, risk_town(Path(folder), seed=seed, rush=RUSH) as town:
        town.price(ETH, "108")
        town.price(SOL, "105")
        disturb(town)
        town.price(BTC, "88")
        for _ in range(6):
            town.pass_time(5_000)
            town.reprice()
            town.settle()
        look(town)
        return town.books()


def look(town: RiskTown) -> None:
    """What must be so in the end, whatever happened."""
    acted = [one for one in town.actions() if one.state is not RiskActionState.SKIPPED]
    assert [(one.state, one.realized_profit, one.realized_loss) for one in acted] == [
        (RiskActionState.DONE, D(120), D(120))
    ]
    assert town.of(BTC).state is GroupState.CLOSED
    assert (town.held(ETH), town.held(SOL)) == (D(0), D(2))
    town.check_profit()


@cache
def undisturbed(seed: int) -> Measure:
    messages, tells, batches = 0, 0, 0

    def message(_name: str, _message: object) -> None:
        nonlocal messages
        messages += 1

    def told(_name: str, _message: object) -> None:
        nonlocal tells
        tells += 1

    def apply(go_on: Apply, batch: Sequence[tuple[str, Sequence[Row]]]) -> list[Applied]:
        nonlocal batches
        batches += 1
        return go_on(batch)

    def count(town: RiskTown) -> None:
        town.on_message, town.on_tell, town.store.around = message, told, apply

    books = tell(count, seed)
    return Measure(books, messages, tells, batches)


def strike_all(seed: int, moment: str, act: Callable[[Town], None], chunk: int) -> None:
    measure = undisturbed(seed)
    count = measure.tells if moment == DURING else measure.messages
    for at in range(1 + chunk, count + 1, CHUNKS):
        strike = Strike(at, moment, act)
        try:
            assert tell(strike, seed) == measure.books
        except BaseException as error:
            error.add_note(f"{act.__name__} {moment} {at} of {count}: {strike.struck}")
            raise


@pytest.mark.rule("RISK-7", "REC-1", "REC-2", "ORD-2")
@pytest.mark.parametrize(("chunk", "moment"), list(enumerate([BEFORE, DURING, AFTER])))
def test_an_actor_may_crash_in_an_offset(moment: str, chunk: int) -> None:
    strike_all(1, moment, crash, chunk)


@pytest.mark.rule("RISK-7", "REC-1", "ORD-2")
@pytest.mark.parametrize(("chunk", "moment"), list(enumerate([BEFORE, DURING])))
def test_the_process_may_be_killed_in_an_offset(moment: str, chunk: int) -> None:
    strike_all(2, moment, Town.kill, chunk)


@pytest.mark.rule("RISK-7", "REC-1", "REC-2", "ORD-2")
@pytest.mark.parametrize("seed", range(10))
def test_failures_may_follow_on_each_other_in_an_offset(seed: int) -> None:
    """However it ends: what the actions say was realised is what the groups have, each of it once."""
    with TemporaryDirectory() as folder, risk_town(Path(folder), seed=seed, rush=RUSH) as town:
        town.price(ETH, "108")
        town.price(SOL, "105")
        Havoc(seed, faults=6)(town)
        town.price(BTC, "88")
        for _ in range(10):
            town.pass_time(5_000)
            town.reprice()
            town.settle()
        for symbol in (BTC, ETH, SOL):
            group = town.of(symbol)
            steps = [step for one in town.actions() for step in one.steps if step.group_id == group.group_id]
            assert group.realized == sum((step.realized for step in steps), D(0)), symbol
            assert town.held(symbol) == 10 - sum((step.sold for step in steps), D(0)), symbol
        assert all(one.state.is_final for one in town.actions())
        town.check()
        town.check_profit()


@pytest.mark.rule("RISK-7", "REC-1", "REC-4")
@pytest.mark.parametrize("durable", [False, True], ids=["lost", "durable"])
def test_the_store_may_fail_at_any_batch_of_an_offset(durable: bool) -> None:
    measure = undisturbed(1)
    for at in range(1, measure.batches + 1):
        failing = FailingStore(at, durable=durable)
        try:
            assert tell(failing, 1) == measure.books
        except BaseException as error:
            error.add_note(f"fault at batch {at} of {measure.batches}")
            raise
