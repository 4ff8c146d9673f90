"""Steps, percentages and numbers from outside."""

from __future__ import annotations

import decimal
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules.money import PRECISION_DIGITS, ceil_to, floor_to, parse_decimal, percent, plain, setup_decimal
from tests.rules.builders import D

values = st.decimals(min_value=-(10**15), max_value=10**15, places=12)
steps = st.sampled_from([D("1E-8"), D("0.00001"), D("0.001"), D("0.01"), D("0.25"), D("0.5"), D(1), D(3), D("1E+2")])


@pytest.mark.rule("PRC-2", "PRC-3")
@given(value=values, step=steps)
def test_flooring_and_ceiling_give_the_neighbouring_multiples(value: Decimal, step: Decimal) -> None:
    low, high = floor_to(value, step), ceil_to(value, step)
    assert low <= value <= high
    assert value - low < step
    assert high - value < step
    assert low % step == 0
    assert high % step == 0


@pytest.mark.parametrize("step", ["0", "-0.01"])
def test_a_step_that_is_not_positive_is_an_error(step: str) -> None:
    with pytest.raises(ValueError, match="step"):
        floor_to(D(1), D(step))


def test_a_percentage_of_a_value_is_exact() -> None:
    assert percent(D("123456789012345678.123456789012345678"), D("0.1")) == D("123456789012345.678123456789012345678")


@pytest.mark.parametrize(
    ("value", "text"),
    [("100", "100"), ("1E+2", "100"), ("1.50", "1.5"), ("0.000", "0"), ("-0.0", "0"), ("1E-8", "0.00000001")],
)
def test_plain_text_has_no_exponent_and_no_needless_zeros(value: str, text: str) -> None:
    assert plain(D(value)) == text


@given(values)
def test_plain_text_reads_back_as_the_same_number(value: Decimal) -> None:
    assert parse_decimal(plain(value)) == value


@pytest.mark.rule("SIG-1")
@pytest.mark.parametrize(
    ("number", "value"),
    [
        ("1.5", "1.5"),
        (" +2 ", "2"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e3", "1000"),
        ("-1E-8", "-0.00000001"),
        (7, "7"),
        (D("1E+3"), "1000"),
        ("0", "0"),
    ],
)
def test_numbers_and_numeric_strings_are_read(number: str | int | Decimal, value: str) -> None:
    assert parse_decimal(number) == D(value)


@pytest.mark.rule("SIG-2")
@pytest.mark.parametrize(
    "number",
    [
        *("", "abc", "1,000", "1_000", "0x10", "\u0661", "1 2", "--1", "NaN", "Infinity", "1" * 65),
        *("1e18", "1e999999", "1e-33", 10**18, D("1E+19"), D("0E-50"), D("1E-40")),
        *(True, D("NaN"), D("sNaN"), D("Infinity")),
    ],
)
def test_what_is_no_number_or_an_absurd_one_is_refused(number: str | int | Decimal) -> None:
    assert parse_decimal(number) is None


def test_numbers_as_large_and_as_fine_as_allowed_are_kept_to_the_last_digit() -> None:
    text = "999999999999999999." + "9" * 32
    assert plain(parse_decimal(text) or D(0)) == text


def test_threads_started_later_count_with_the_engines_precision() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: decimal.getcontext().prec).result() == PRECISION_DIGITS


def test_a_thread_with_another_precision_can_set_the_engines() -> None:
    with decimal.localcontext(prec=5):
        setup_decimal()
        assert decimal.getcontext().prec == PRECISION_DIGITS


def test_rounding_to_a_step_does_not_depend_on_the_threads_precision() -> None:
    with decimal.localcontext(prec=5):
        assert floor_to(D("123456789.129"), D("0.01")) == D("123456789.12")
        assert ceil_to(D("123456789.121"), D("0.01")) == D("123456789.13")
