"""The main story from the first alert to the last trade, on the whole engine."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from actors.rules.model import GroupState, Intent, Outcome
from tests.actors.story import OUTCOMES, Story, arithmetic, expected_balances, settings, told
from tests.actors.town import BTC, ETH, SOL, Town

D = Decimal


@pytest.mark.rule("PNL-2", "POOL-1", "POOL-2", "PYR-1", "QUE-1", "EXIT-1", "GRP-4", "SIG-10", "TP-8", "DCA-4")
def test_the_story_ends_in_the_balances_of_its_arithmetic(tmp_path: Path) -> None:
    with told(tmp_path) as town:
        books = town.books()
        quote, btc, eth = arithmetic()
        assert expected_balances(books) == {"USDT": quote, "BTC": btc, "ETH": eth}
        assert books.outcomes == {key: outcome.value for key, outcome in OUTCOMES.items()}
        assert [(name, state, reason) for name, state, reason, *_ in books.groups] == [
            ("BTC/USDT 1h #1", "closed", "FLAT"),
            ("ETH/USDT 1h #1", "closed", "EXIT_SIGNAL"),
        ]
        assert [dust for *_, dust in books.groups] == [btc, eth]
        assert (books.open_orders, books.waiting, books.slots) == ((), (), 0)
        town.check_profit()


@pytest.mark.rule("POOL-1", "PYR-1", "QUE-1", "GRP-2")
def test_every_step_of_the_story_shows_in_the_view(tmp_path: Path) -> None:
    with Town(tmp_path, settings=settings()) as town:
        story = Story(town)
        town.settle()
        story.submit("A opens", BTC, "100")
        a = town.group_of(story.signals["A opens"].key)
        assert a.state is GroupState.PARTIALLY_FILLED
        assert [leg.bought_quantity for leg in a.legs()] == [D(2), 0, 0, 0, 0]
        town.price(BTC, "99")
        story.submit("A's pyramid", BTC, "98.5")
        a = town.group_of(a.key)
        assert [len(pyramid.legs) for pyramid in a.pyramids] == [5, 5]
        story.submit("B waits", ETH, "100")
        story.submit("B is newer", ETH, "99.5")
        waiting = list(town.view.current.waiting())
        assert [(queued.key.symbol, queued.entry_price, queued.replacement_count) for queued in waiting] == [
            (ETH, D("99.5"), 1)
        ]
        town.price(BTC, "98")
        town.price(BTC, "110")
        b = town.group_of(waiting[0].key)
        assert [group.symbol for group in town.view.current.live()] == [ETH]
        assert (b.state, b.pyramids[0].entry_price) == (GroupState.LIVE, D("99.5"))
        town.price(ETH, "99")
        assert town.group_of(b.key).state is GroupState.PARTIALLY_FILLED
        story.submit("B ends", ETH, None, Intent.EXIT)
        assert list(town.view.current.live()) == []


@pytest.mark.rule("SIG-7")
def test_a_copy_gets_the_first_outcome_and_changes_nothing(tmp_path: Path) -> None:
    with Town(tmp_path, settings=settings()) as town:
        town.settle()
        signal = town.signal(BTC, "100")
        first = town.submit(signal)
        again = town.submit(signal)
        assert (first.outcome, again.outcome) == (Outcome.OPENED, Outcome.DUPLICATE)
        assert (again.first_outcome, again.group_id, again.signal_id) == (
            *(Outcome.OPENED, first.group_id, first.signal_id),
        )
        assert len(town.rows("SELECT 1 FROM signals")) == 1


def test_the_same_seed_tells_the_same_story_event_by_event(tmp_path: Path) -> None:
    with told(tmp_path / "one", seed=5, rush=0.05) as one, told(tmp_path / "two", seed=5, rush=0.05) as two:
        assert one.event_log() == two.event_log()
        assert one.system.log == two.system.log
        assert one.submitted == two.submitted


@pytest.mark.rule("PNL-2")
def test_another_seed_takes_another_way_to_the_same_books(tmp_path: Path) -> None:
    books, ways = [], set()
    for seed in range(8):
        with told(tmp_path / str(seed), seed=seed, rush=0.05) as town:
            books.append(town.books())
            ways.add(town.system.log)
            town.check_profit()
    assert all(one == books[0] for one in books)
    assert len(ways) == len(books), "the scheduler took the same way twice"


@pytest.mark.rule("REC-1", "QUE-5")
def test_a_process_that_is_killed_between_the_steps_goes_on_where_it_was(tmp_path: Path) -> None:
    with Town(tmp_path / "killed", settings=settings()) as town, told(tmp_path / "undisturbed") as undisturbed:
        town.settle()
        story = Story(town)
        steps: list[Callable[[], None]] = [
            lambda: story.submit("A opens", BTC, "100"),
            lambda: town.price(BTC, "99"),
            lambda: story.submit("A's pyramid", BTC, "98.5"),
            lambda: story.submit("B waits", ETH, "100"),
            lambda: story.submit("C waits", SOL, "100"),
            lambda: story.submit("B is newer", ETH, "99.5"),
            lambda: story.submit("C is withdrawn", SOL, None, Intent.EXIT),
            lambda: town.price(BTC, "98"),
            lambda: town.price(BTC, "110"),
            lambda: town.price(ETH, "99"),
            lambda: story.submit("B ends", ETH, None, Intent.EXIT),
            lambda: story.submit("nothing there", BTC, None, Intent.EXIT),
        ]
        for step in steps:
            step()
            town.kill()
            town.settle()
        assert town.starts == len(steps) + 1
        assert town.books() == undisturbed.books()
        town.check_profit()
