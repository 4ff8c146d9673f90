"""What stands in the way of an offset, in words."""

from __future__ import annotations

import pytest

from actors.rules.model import Reason
from control.obstacles import WORDS, in_words, remaining


@pytest.mark.rule("RISK-11")
def test_codes_are_words_and_a_newer_one_stands_as_it_is() -> None:
    assert in_words(["BLOCKED", "TIMER_RUNNING"]) == "blocked by a user, timer running"
    assert in_words(["SOMETHING_NEW"]) == "SOMETHING_NEW"
    assert in_words([]) == ""


def test_every_word_is_for_a_code_the_engine_has() -> None:
    assert set(WORDS) <= {reason.value for reason in Reason}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "over"), (0.4, "over"), (45, "45s"), (750, "12m 30s"), (3_900, "1h 05m"), (93_600, "1d 02h")],
)
def test_a_time_to_go_is_said_as_a_person_says_it(seconds: float, words: str) -> None:
    assert remaining(seconds) == words
