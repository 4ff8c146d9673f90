"""Timeframes in and out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules.timeframes import normal_timeframe, timeframe_s


@pytest.mark.rule("SIG-3")
@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("15", "15m"),
        ("240", "4h"),
        ("30S", "30s"),
        ("D", "1d"),
        ("1D", "1d"),
        ("W", "1w"),
        ("1M", "1M"),
        ("M", "1M"),
        ("7", "7m"),
        ("60", "1h"),
        ("90", "90m"),
        ("1440", "1d"),
        ("4320", "3d"),
        ("10080", "7d"),
        ("3D", "3d"),
        ("2W", "2w"),
        ("12M", "12M"),
        ("S", "1s"),
        ("60S", "1m"),
        (" 5 ", "5m"),
    ],
)
def test_a_timeframe_as_tradingview_names_it_has_one_normal_form(given: str, normal: str) -> None:
    assert normal_timeframe(given) == normal


@pytest.mark.rule("SIG-3")
@pytest.mark.parametrize("normal", ["15m", "4h", "30s", "1d", "1w", "1M", "90m", "1h"])
def test_the_normal_forms_are_accepted_too(normal: str) -> None:
    assert normal_timeframe(normal) == normal


@pytest.mark.rule("SIG-3")
@pytest.mark.parametrize(
    "given",
    [
        "",
        "0",
        "-5",
        "1.5",
        "015",
        "H",
        "4H",
        "m",
        "h",
        "1y",
        "10R",
        "1T",
        "15 m",
        "1h30m",
        "1234567",
        "\u0661",
        "{{interval}}",
    ],
)
def test_anything_else_is_no_timeframe(given: str) -> None:
    assert normal_timeframe(given) is None


@pytest.mark.rule("SIG-3")
@given(st.integers(min_value=1, max_value=999_999))
def test_any_whole_number_of_minutes_keeps_its_length_and_its_form(minutes: int) -> None:
    normal = normal_timeframe(str(minutes))
    assert normal is not None
    assert timeframe_s(normal) == minutes * 60
    assert normal_timeframe(normal) == normal
    assert normal.endswith("h") == (minutes % 60 == 0 and minutes % 1440 != 0)


@pytest.mark.rule("SIG-3")
@given(st.text(max_size=12))
def test_no_text_breaks_it(text: str) -> None:
    normal = normal_timeframe(text)
    assert normal is None or normal_timeframe(normal) == normal


@pytest.mark.parametrize(
    ("timeframe", "seconds"), [("30s", 30), ("4h", 14_400), ("1d", 86_400), ("1w", 604_800), ("1M", 2_592_000)]
)
def test_a_timeframe_has_a_length(timeframe: str, seconds: int) -> None:
    assert timeframe_s(timeframe) == seconds


def test_only_normal_forms_have_a_length() -> None:
    with pytest.raises(ValueError, match="240"):
        timeframe_s("240")
