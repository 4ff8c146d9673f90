"""Published cases of a widely used library of ratios, and of averaging, against our own figures.

Where the definition differs it is said beside the case:
- a year has 252 (daily), 52 (weekly) or 12 (monthly) periods there and 365 here: ratios differ by the root of that;
- what is not a number or infinite there is empty here (`None`);
- a first return that is missing there is no return here;
- a rate that is demanded (risk-free or required) is taken off each return here, ours is 0 otherwise.
"""

from __future__ import annotations

import json
import math
from decimal import Decimal
from itertools import accumulate
from typing import Any

import pytest

from daemon.reports import equity
from daemon.reports.equity import Point
from daemon.reports.ratio_worker import PERIODS_PER_YEAR, ratios
from daemon.reports.statistics import return_percent
from tests.rules.builders import DATA, needs_data

pytestmark = needs_data

DAY_MS = 86_400_000
PERIODS = {"empyrical.DAILY": 252, "empyrical.WEEKLY": 52, "empyrical.MONTHLY": 12}
CONSTANT = {"flat_line_1": 0.01}
"""Series that are named but not written down, where the name says enough."""
MADE_BY_CHANCE = {
    *("test_max_drawdown_translation", "test_sharpe_translation_same", "test_sharpe_translation_diff"),
    *("test_sharpe_translation_1", "test_sharpe_noise", "test_sortino_add_noise", "test_sortino_sub_noise"),
    *("test_sortino_translation_same", "test_sortino_translation_diff", "test_downside_risk_std"),
    *("test_downside_risk_noisy", "test_downside_risk_trans"),
}
"""Compare two figures of a random series that is not part of the examples."""
NOT_OURS = {
    *("test_omega", "test_omega_returns", "test_aggregate_returns", "test_calmar", "test_excess_sharpe"),
    *("test_excess_sharpe_trans", "test_excess_sharpe_noisy", "test_cagr", "test_cagr_translation"),
    *("test_cagr_noisy", "test_cagr_with_nan_inputs", "test_annual_volatility", "test_stability_of_timeseries"),
    *("test_tail_ratio", "test_cum_returns_final_df"),
}
"""Figures Terrace does not report."""
OURS = {
    *("test_sharpe_ratio", "test_sortino", "test_downside_risk", "test_max_drawdown", "test_cum_returns_final"),
    *("test_roll_sharpe_ratio", "test_roll_max_drawdown"),
}


def document() -> Any:
    return json.loads((DATA / "examples" / "empyrical_cases.json").read_text())


def series(name: str) -> list[float | None] | None:
    """As fractions; None: not written down."""
    found = document()["series_percent"].get(name)
    return None if found is None else [None if value is None else value / 100 for value in found]


def cases(test: str) -> list[Any]:
    return [case["case"] for case in document()["cases"] if case["test"] == test]


def excess(name: str, demanded: str) -> list[float] | None:
    """Returns less the rate that is demanded; None where a series is not given."""
    returns = series(name)
    if returns is None:
        return None
    if demanded in CONSTANT or not series(demanded):
        rate = CONSTANT.get(demanded)
        rates: list[float | None] = [float(demanded) if rate is None else rate] * len(returns)
    else:
        rates = series(demanded) or []
    pairs = zip(returns, rates, strict=True)
    return [value - rate for value, rate in pairs if value is not None and rate is not None]


def expected(value: Any) -> float | None:
    return None if value in ("np.nan", "np.inf") else float(value)


def rescaled(value: float | None, periods: int) -> float | None:
    return None if value is None else value * math.sqrt(periods / PERIODS_PER_YEAR)


def curve(returns: list[float]) -> list[Point]:
    """A curve that starts from 1 before the first return."""
    levels = accumulate(returns, lambda level, value: level * (1 + Decimal(repr(value))), initial=Decimal(1))
    return [Point(day * DAY_MS, level, None) for day, level in enumerate(levels)][1:]


def deepest(returns: list[float]) -> float | None:
    found = equity.deepest(equity.drawdown_shares(curve(returns), Decimal(1)))
    return None if found is None else -float(found)


def test_every_published_case_is_reproduced_or_has_a_reason_not_to_be() -> None:
    assert {case["test"] for case in document()["cases"]} == OURS | NOT_OURS | MADE_BY_CHANCE


@pytest.mark.rule("PNL-4")
def test_sharpe_is_the_published_one() -> None:
    seen = 0
    for name, demanded, value in cases("test_sharpe_ratio"):
        returns = [CONSTANT[name]] * 100 if name in CONSTANT else excess(name, demanded)
        assert returns is not None, name
        found = rescaled(ratios(returns)["sharpe"], 252)
        assert found == pytest.approx(expected(value), abs=1e-8), (name, demanded)
        seen += found is not None
    assert seen == 4


@pytest.mark.rule("PNL-4")
def test_sortino_and_the_risk_it_divides_by_are_the_published_ones() -> None:
    seen = 0
    for name, demanded, period, value in cases("test_sortino"):
        returns = excess(name, demanded)
        if returns is not None:  # Tables of two series are not written down.
            found = rescaled(ratios(returns)["sortino"], PERIODS[period])
            assert found == pytest.approx(expected(value), abs=1e-8), (name, demanded)
            seen += found is not None
    for name, demanded, period, value in cases("test_downside_risk"):
        returns = excess(name, demanded)
        ratio = rescaled(ratios(returns)["sortino"], PERIODS[period]) if returns else None
        if returns and ratio is not None:  # Without losses it is 0 there, and divides nothing here.
            mean = sum(returns) / len(returns)
            assert mean * PERIODS[period] / ratio == pytest.approx(float(value), abs=1e-8), (name, demanded)
            seen += 1
    assert seen == 5 + 6


@pytest.mark.rule("PNL-4")
def test_the_deepest_drawdown_is_the_published_one() -> None:
    for name, value in cases("test_max_drawdown"):
        returns = [each for each in series(name) or [] if each is not None]
        assert deepest(returns) == pytest.approx(expected(value), abs=1e-8), name


@pytest.mark.rule("PNL-4")
def test_windows_of_a_longer_curve_give_the_published_figures() -> None:
    for name, window, values in cases("test_roll_max_drawdown"):
        returns = [each or 0.0 for each in series(name) or []]
        found = [deepest(returns[at : at + window]) for at in range(len(returns) - window + 1)]
        assert found == pytest.approx(values, abs=1e-4)
    for name, window, values in cases("test_roll_sharpe_ratio"):
        whole = series(name) or []
        windows = [whole[at : at + window] for at in range(len(whole) - window + 1)]
        given = [[each for each in returns if each is not None] for returns in windows]
        assert [rescaled(ratios(returns)["sharpe"], 252) for returns in given] == pytest.approx(values, abs=1e-6)


@pytest.mark.rule("PNL-4")
def test_the_returns_of_a_curve_are_those_it_was_made_of() -> None:
    from zoneinfo import ZoneInfo

    for name, start, value in cases("test_cum_returns_final"):
        returns = [each for each in series(name) or [] if each is not None]
        if not returns:
            continue  # Not a number there; an empty curve here.
        points = curve(returns)
        end = float(points[-1].realized)
        assert (end * start if start else end - 1) == pytest.approx(float(value), abs=1e-4)
        back = equity.daily_returns(points, Decimal(1), ZoneInfo("UTC"), (len(points) + 1) * DAY_MS)
        assert [float(each) for each in back or []] == pytest.approx(returns, abs=1e-12)


# --- averaging: the percentage of what was invested (the rest is in tests/rules) -----------------------


def averaging(name: str) -> Any:
    text = (DATA / "examples" / "averaging.json").read_text()
    found = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    return next(each for each in found if each["id"] == name)


def percent_of_invested(realized: Decimal, orders: list[tuple[str, Decimal, Decimal]]) -> Decimal | None:
    invested = sum((amount * price for side, amount, price in orders if side == "buy"), Decimal(0))
    return return_percent(f"{realized:f}", f"{invested:f}")


@pytest.mark.rule("PNL-1")
def test_the_published_end_percentage_is_ours_where_no_fee_is_paid() -> None:
    given = averaging("ft_dca_1")
    orders = [(each["side"], each["amount"], each["price"]) for each in given["inputs"]["orders"]]
    assert percent_of_invested(given["expected"]["end_profit"], orders) == given["expected"]["end_profit_ratio"] * 100
    given = averaging("ft_docs")
    orders = [tuple(each) for each in given["inputs"]["orders"]]
    # The page cuts 28.358 to 28.35. Its percentage of each exit alone has no counterpart: ours is of the whole trade.
    assert percent_of_invested(given["expected"]["realized_cum"][-1], orders) == Decimal("28.3582")


@pytest.mark.rule("PNL-1")
def test_with_fees_the_published_percentage_counts_them_as_invested_and_ours_does_not() -> None:
    given = averaging("ft_dca_2")
    orders = [(each["side"], each["amount"], each["price"]) for each in given["inputs"]["orders"]]
    profit, rate = given["expected"]["end_profit"], given["inputs"]["fee_rate"]
    assert percent_of_invested(profit, orders) == Decimal("13.465")
    theirs = given["expected"]["end_profit_ratio"]
    assert profit / (Decimal(2500) * (1 + rate)) == pytest.approx(theirs, abs=Decimal("1e-6"))
