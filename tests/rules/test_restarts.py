"""When a failed actor is started again, and when it is given up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules.restarts import DEFAULT_POLICY, RestartPolicy, intensity, next_delay_ms, remember

NOW = 1_000_000_000
HALF_LIFE = DEFAULT_POLICY.half_life_ms
moments = st.lists(st.integers(NOW - 10**7, NOW), max_size=40).map(sorted)


@pytest.mark.rule("REC-2")
def test_failures_fade_by_half_with_every_half_life() -> None:
    assert intensity([NOW], NOW) == 1
    assert intensity([NOW - HALF_LIFE], NOW) == 0.5
    assert intensity([NOW - 2 * HALF_LIFE, NOW], NOW) == 1.25


@pytest.mark.rule("REC-2")
def test_the_first_restart_waits_the_base_and_every_further_one_twice_as_long() -> None:
    delays = [next_delay_ms([NOW] * count, NOW, 0.0) for count in range(1, 6)]
    assert delays == [100, 200, 400, 800, 1600]


@pytest.mark.rule("REC-2")
def test_too_many_failures_in_a_period_are_given_up() -> None:
    assert next_delay_ms([NOW] * 6, NOW, 0.0) is None


@pytest.mark.rule("REC-2")
def test_the_same_failures_spread_over_a_long_time_are_not() -> None:
    hourly = [NOW - hour * 3_600_000 for hour in range(100, -1, -1)]
    assert next_delay_ms(hourly, NOW, 0.0) == 100


@pytest.mark.rule("REC-2")
def test_chance_shortens_the_wait_by_at_most_its_share() -> None:
    assert next_delay_ms([NOW], NOW, 0.5) == 75
    assert next_delay_ms([NOW], NOW, 0.999999) == 50


@pytest.mark.rule("REC-2")
@given(moments, st.floats(0, 1, exclude_max=True))
def test_a_wait_is_never_negative_nor_above_the_maximum(history: list[int], jitter: float) -> None:
    delay = next_delay_ms(history, NOW, jitter, RestartPolicy(max_intensity=1000.0))
    assert delay is not None
    assert 0 <= delay <= DEFAULT_POLICY.max_delay_ms


@pytest.mark.rule("REC-2")
@given(moments)
def test_one_more_failure_never_shortens_the_wait(history: list[int]) -> None:
    without, more = next_delay_ms(history, NOW, 0.0), next_delay_ms([*history, NOW], NOW, 0.0)
    assert more is None or (without is not None and more >= without)


@pytest.mark.rule("REC-2", "REC-5")
def test_a_clock_that_jumped_back_counts_a_failure_once() -> None:
    assert intensity([NOW + 10**9], NOW) == 1


@pytest.mark.rule("REC-2")
def test_the_memory_of_failures_is_short() -> None:
    history: tuple[int, ...] = ()
    for moment in range(NOW, NOW + 1000):
        history = remember(history, moment)
    assert len(history) == DEFAULT_POLICY.max_history
    assert history[-1] == NOW + 999
    assert remember(history, NOW + 10**9) == (NOW + 10**9,)


def test_without_a_failure_there_is_nothing_to_wait_for() -> None:
    assert next_delay_ms([], NOW, 0.5) == 0
