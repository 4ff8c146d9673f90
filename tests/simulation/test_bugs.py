"""Deliberate bugs: each is switched on alone and off again, every rule of the protocol has one, and some are found."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.simulation.bugs import ALL
from tests.simulation.bugs.__main__ import Found, named, page
from tests.simulation.bugs.bug import Bug, handlers_of
from tests.simulation.promise import Promise
from tests.simulation.run import explore

FEWEST = 25
RULES = range(1, 21)
QUICK: tuple[tuple[str, int], ...] = (
    ("copies_are_new", 1),
    ("exits_are_ignored", 1),
    ("replies_before_the_view", 1),
    ("broken_is_released", 14),
    ("trades_are_not_told_apart", 2),
    ("no_fence", 3),
    ("newcomers_pass", 2),
    ("sent_again_when_asked_again", 3),
)
"""Bugs and the seed that finds each, of the quickest to be found."""
STEPS = 5_000

each_bug = pytest.mark.parametrize("bug", ALL, ids=[bug.name for bug in ALL])


def parts_of(bug: Bug) -> list[Any]:
    """Everything the bug exchanges, as it is now."""
    swapped = [(owner, name) for owner, name, _ in bug.swaps()]
    tables = [dict(handlers_of(owner)) for owner, _ in swapped]
    return [
        *(owner.__dict__[name] if isinstance(owner, type) else getattr(owner, name) for owner, name in swapped),
        tables,
    ]


@each_bug
def test_a_bug_is_in_the_program_while_it_is_on_and_never_after(bug: Bug) -> None:
    before = parts_of(bug)
    for _ in range(2):
        with bug.on():
            on = parts_of(bug)
        assert all(one is not other for one, other in zip(on[:-1], before[:-1], strict=True))
        assert parts_of(bug) == before


@each_bug
def test_a_handler_that_a_bug_exchanges_is_exchanged_where_messages_are_given_out(bug: Bug) -> None:
    with bug.on():
        for owner, name, _ in bug.swaps():
            handlers = handlers_of(owner).values()
            assert all(
                getattr(handler, "__name__", "") != name for handler in handlers if handler is not getattr(owner, name)
            )


def test_every_bug_has_a_name_of_its_own_and_says_what_it_does_and_breaks() -> None:
    assert len({bug.name for bug in ALL}) == len(ALL) >= FEWEST
    assert all(bug.words and bug.rule and bug.expects for bug in ALL)


def test_every_rule_of_the_protocol_is_switched_off_by_a_bug() -> None:
    numbers = {int(part) for bug in ALL for part in bug.rule.split(", ") if re.fullmatch(r"\d+", part)}
    assert numbers == set(RULES)


@pytest.mark.rule("REC-1", "SIG-9", "ORD-2", "ORD-5", "TP-7")
@pytest.mark.parametrize(("name", "seed"), QUICK)
def test_a_bug_is_found_by_its_seed_and_nothing_is_found_without_it(name: str, seed: int) -> None:
    bug = named(name)
    _, wrong = explore(seed, STEPS, bug=bug.on())
    assert wrong.violation is not None
    assert wrong.violation.promise in bug.expects
    _, right = explore(seed, wrong.steps + 1)
    assert right.violation is None


def test_the_page_says_which_bugs_were_not_found() -> None:
    found = Found(ALL[0], 7, Promise.SETTLES.value, "words", 1.0)
    missed = Found(ALL[1], None, "", "", 1.0)
    text = page([found, missed], STEPS)
    assert f"| {ALL[0].name} |" in text
    assert "| 7 | settles |" in text
    assert "| - | not found |" in text
    assert "1 of 2 were found" in text
