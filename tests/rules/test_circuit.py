"""The circuit breaker alone: when it opens, how long it waits, and that it always closes again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules.circuit import DEFAULT_RULES, Circuit, CircuitRules, CircuitState, failed, succeeded, tried

T0 = 1_000_000
MOMENT_MS = DEFAULT_RULES.moment_ms
RULES = DEFAULT_RULES


def failing(times: int, circuit: Circuit | None = None, start_ms: int = T0) -> Circuit:
    """Failures one moment apart; the last at `start_ms + (times - 1) * MOMENT_MS`."""
    circuit = Circuit() if circuit is None else circuit
    for number in range(times):
        circuit = failed(circuit, start_ms + number * MOMENT_MS)
    return circuit


def opened() -> Circuit:
    circuit = failing(RULES.failures_in_row)
    assert circuit.state is CircuitState.OPEN
    return circuit


@pytest.mark.rule("REC-3")
def test_it_opens_after_so_many_failures_in_a_row_and_not_before() -> None:
    assert failing(RULES.failures_in_row - 1).lets_through
    assert not failing(RULES.failures_in_row).lets_through


@pytest.mark.rule("REC-3")
def test_any_answer_in_between_starts_the_row_anew() -> None:
    circuit = failing(RULES.failures_in_row - 1)
    at_ms = T0 + RULES.failures_in_row * MOMENT_MS
    circuit = failing(RULES.failures_in_row - 1, succeeded(circuit, at_ms), at_ms + MOMENT_MS)
    assert circuit.lets_through


def test_a_connection_that_breaks_under_many_requests_is_one_failure() -> None:
    circuit = Circuit()
    for number in range(100):
        circuit = failed(circuit, T0 + number % MOMENT_MS)
    assert circuit.in_row == 1
    assert circuit.lets_through


@pytest.mark.rule("REC-3")
def test_it_opens_when_half_of_the_answers_fail_even_if_never_in_a_row() -> None:
    circuit, moments = Circuit(), 0
    while circuit.lets_through:
        at_ms = T0 + moments * MOMENT_MS
        circuit = failed(circuit, at_ms) if moments % 2 else succeeded(circuit, at_ms)
        moments += 1
        assert moments <= RULES.window_moments
    assert moments == RULES.window_moments


def test_failures_outside_the_window_are_forgotten() -> None:
    circuit = Circuit()
    for number in range(200):
        at_ms = T0 + number * RULES.window_ms // 4
        circuit = failed(circuit, at_ms) if number % 2 else succeeded(circuit, at_ms)
    assert circuit.lets_through
    assert len(circuit.moments) <= 5


@pytest.mark.rule("REC-3")
def test_after_its_pause_one_question_goes_out_and_its_answer_decides() -> None:
    circuit = opened()
    assert tried(circuit, circuit.retry_ms - 1) is circuit
    half = tried(circuit, circuit.retry_ms)
    assert half.state is CircuitState.HALF_OPEN
    assert not half.lets_through
    assert tried(half, circuit.retry_ms + 1) is half
    assert succeeded(half, circuit.retry_ms + 5).lets_through
    assert failed(half, circuit.retry_ms + 5).state is CircuitState.OPEN


def test_what_was_under_way_when_it_opened_changes_nothing() -> None:
    circuit = opened()
    assert succeeded(circuit, T0 + 5_000) is circuit
    assert failed(circuit, T0 + 5_000) is circuit


@pytest.mark.rule("REC-3")
def test_pauses_double_up_to_a_limit_and_begin_anew_after_a_calm_time() -> None:
    circuit, now_ms, pauses_ms = opened(), T0 + (RULES.failures_in_row - 1) * MOMENT_MS, []
    for _ in range(8):
        pauses_ms.append(circuit.retry_ms - now_ms)
        now_ms = circuit.retry_ms
        circuit = failed(tried(circuit, now_ms), now_ms)
    assert pauses_ms == [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]
    closed_ms = circuit.retry_ms
    circuit = succeeded(tried(circuit, closed_ms), closed_ms)
    again = failing(RULES.failures_in_row, circuit, closed_ms + 1_000)
    assert again.retry_ms - (closed_ms + 1_000) > 60_000
    calm = failing(RULES.failures_in_row, circuit, closed_ms + RULES.calm_ms)
    last_ms = closed_ms + RULES.calm_ms + (RULES.failures_in_row - 1) * MOMENT_MS
    assert calm.retry_ms == last_ms + RULES.first_pause_ms


def test_chance_only_lengthens_a_pause() -> None:
    rules = CircuitRules(failures_in_row=1)
    assert failed(Circuit(), T0, 0.999, rules).retry_ms == T0 + 2_499


@pytest.mark.rule("REC-5")
def test_a_clock_set_back_does_not_keep_it_open() -> None:
    assert tried(opened(), T0 - 3_600_000).state is CircuitState.HALF_OPEN


@pytest.mark.rule("REC-3")
@given(st.lists(st.tuples(st.integers(-2_000, 5_000), st.booleans()), max_size=200), st.floats(0, 0.999))
def test_whatever_happened_it_closes_soon_after_the_exchange_answers_again(
    answers: list[tuple[int, bool]], fraction: float
) -> None:
    circuit, now_ms = Circuit(), T0
    for pause_ms, is_well in answers:
        now_ms += pause_ms
        circuit = tried(circuit, now_ms)
        circuit = succeeded(circuit, now_ms) if is_well else failed(circuit, now_ms, fraction)
        assert len(circuit.moments) <= RULES.window_ms // MOMENT_MS
    for _ in range(3):
        now_ms += RULES.max_pause_ms * 5 // 4
        circuit = succeeded(tried(circuit, now_ms), now_ms)
    assert circuit.lets_through
