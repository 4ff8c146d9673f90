"""Profit, statistics and equity from values: small cases by hand, sums by property (PNL-3, PNL-4)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.reports import equity, profit, statistics
from daemon.reports.equity import Point
from daemon.reports.profit import PartSum, Recent
from daemon.reports.scope import Rates
from daemon.reports.statistics import Trades, TradeStatistics

D = Decimal
USDT = Rates(currency="USDT", by_currency={})
EURO_TOO = Rates(currency="USDT", by_currency={"EUR": D("1.1")})
UTC = ZoneInfo("UTC")
DAY_MS = 86_400_000


def row(name: str, realized: str, quote: str = "USDT") -> PartSum:
    return PartSum(name=name, quote=quote, realized=D(realized), fees=D("0.1"))


def recent(realized: str, day: bool = False, week: bool = False, month: bool = False) -> Recent:
    return Recent(quote="USDT", in_day=day, in_week=week, in_month=month, realized=D(realized))


def closed(realized: str, invested: str = "100", symbol: str = "BTC/USDT", quote: str = "USDT") -> Trades:
    return Trades(
        symbol=symbol,
        timeframe="1h",
        quote=quote,
        group_ids=[f"g{realized}"],
        realized=[realized],
        invested=[invested],
        close_times_ms=["1"],
    )


def statistics_of(*trades: Trades) -> TradeStatistics:
    return statistics.statistics(trades, USDT)


# --- profit ---------------------------------------------------------------------------------------


@pytest.mark.rule("PNL-3")
def test_a_week_that_began_last_month_counts_more_than_the_month() -> None:
    rows = [recent("10", week=True), recent("100", day=True, week=True, month=True)]
    found = profit.totals(rows, [row("a", "110"), row("b", "1"), PartSum(name="b", trades=3)], USDT)
    assert (found.day, found.week, found.month, found.all_time) == (D(100), D(110), D(100), D(111))
    assert (found.fees, set(found.quotes)) == (D("0.2"), {"USDT"})


@pytest.mark.rule("PNL-3")
def test_several_currencies_are_valued_now_and_that_is_said() -> None:
    rows = [row("a", "10"), row("b", "10", quote="EUR")]
    assert profit.totals((), rows, EURO_TOO).all_time == D("21")
    assert "EUR at 1.1" in EURO_TOO.note(["USDT", "EUR"])
    assert EURO_TOO.note(["USDT"]) == ""


@pytest.mark.rule("PNL-3")
def test_a_missing_price_leaves_the_sum_empty_and_only_that() -> None:
    found = {part.name: part for part in profit.parts([row("a", "10"), row("b", "1", quote="EUR")], None, USDT)}
    assert (found["a"].realized, found["b"].realized) == (D(10), None)
    assert profit.totals((), [row("a", "10"), row("b", "1", quote="EUR")], USDT).all_time is None
    assert "left empty" in USDT.note(["EUR"])
    assert USDT.value({"EUR": D(0), "USDT": D(1)}) == D(1)


amounts = st.decimals(min_value=-1000, max_value=1000, places=12, allow_nan=False)
parts = st.builds(
    PartSum,
    name=st.sampled_from("abcdef"),
    quote=st.sampled_from(("USDT", "USDT", "")),
    realized=amounts,
    fees=amounts,
    trades=st.integers(0, 5),
)


@pytest.mark.rule("PNL-3")
@given(rows=st.lists(parts, max_size=40), limit=st.integers(1, 8))
def test_the_parts_of_any_breakdown_add_up_to_the_total(rows: list[PartSum], limit: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(profit, "MAX_PARTS", limit)
        found = profit.parts(rows, None, USDT)
    total = profit.totals((), rows, USDT)
    assert len(found) <= limit
    assert sum((part.realized or D(0) for part in found), D(0)) == total.all_time
    assert sum((part.fees or D(0) for part in found), D(0)) == total.fees
    assert sum(part.trades for part in found) == sum(row.trades for row in rows)


# --- statistics -----------------------------------------------------------------------------------


@pytest.mark.rule("PNL-4")
def test_wins_losses_and_their_ratios_by_hand() -> None:
    found = statistics_of(closed("10"), closed("20"), closed("-6"), closed("0"), closed("-4"))
    assert (found.trades, found.win_rate, found.realized) == (5, D("40"), D(20))
    assert (found.average_win, found.average_loss) == (D(15), D(-5))
    assert (found.profit_factor, found.reward_risk) == (D(3), D(3))
    assert [result.realized for result in found.best] == [D(20), D(10), D(0), D(-4), D(-6)]
    assert [result.realized for result in found.worst] == [D(-6), D(-4), D(0), D(10), D(20)]


@pytest.mark.rule("PNL-4")
def test_what_cannot_be_computed_is_empty() -> None:
    nothing = statistics_of()
    assert (nothing.trades, nothing.realized) == (0, D(0))
    assert (nothing.win_rate, nothing.average_win, nothing.average_loss) == (None, None, None)
    only_wins = statistics_of(closed("10"))
    assert (only_wins.profit_factor, only_wins.reward_risk, only_wins.average_loss) == (None, None, None)
    unpriced = statistics_of(closed("10", quote="EUR"), closed("-1"))
    assert (unpriced.trades, unpriced.win_rate, unpriced.realized, unpriced.best) == (2, D(50), None, ())


@pytest.mark.rule("PNL-1", "PNL-4")
def test_a_trades_percentage_is_of_what_was_invested_in_it() -> None:
    found = statistics_of(closed("2", "200"), closed("-30", "50"))
    assert [result.percent for result in found.best] == [D(1), D(-60)]
    bars = {(bar.low, bar.high): bar.trades for bar in found.histogram}
    assert bars[D(1), D(2)] == 1  # Its lower bound is in it.
    assert bars[None, D(-50)] == 1
    assert sum(bars.values()) == 2
    assert len(bars) == len(statistics.EDGES) + 1


@pytest.mark.rule("PNL-4")
def test_the_best_and_the_worst_are_ten_at_most() -> None:
    found = statistics_of(*(closed(str(amount)) for amount in range(-12, 13)))
    assert [result.realized for result in found.best] == [D(amount) for amount in range(12, 2, -1)]
    assert [result.realized for result in found.worst] == [D(amount) for amount in range(-12, -2)]


@pytest.mark.rule("PNL-4")
@given(st.lists(st.tuples(st.sampled_from(("A/USDT", "B/USDT")), amounts), max_size=30))
def test_the_cells_of_the_heat_map_and_the_bars_add_up(trades: list[tuple[str, D]]) -> None:
    found = statistics_of(*(closed(f"{amount:f}", symbol=symbol) for symbol, amount in trades))
    assert sum((cell.realized or D(0) for cell in found.heat_map), D(0)) == found.realized
    assert sum(cell.trades for cell in found.heat_map) == len(trades)
    assert sum(bar.trades for bar in found.histogram) == len(trades)


# --- equity ---------------------------------------------------------------------------------------


def points(*levels: str) -> list[Point]:
    return [Point(index * DAY_MS, D(level), None) for index, level in enumerate(levels)]


@pytest.mark.rule("PNL-4")
def test_a_drawdown_is_measured_from_the_highest_before_it_the_start_included() -> None:
    shares = equity.drawdown_shares(points("90", "120", "60", "90"), D(100))
    assert shares == [D("0.1"), D(0), D("0.5"), D("0.25")]
    assert equity.deepest(shares) == D("0.5")
    assert equity.drawdown_shares(points("-5"), None) == [None]
    assert equity.drawdown_shares(points("-5", "2"), D(0)) == [None, D(0)]


@pytest.mark.rule("PNL-4")
def test_a_curve_of_the_ledger_adds_up_and_one_moment_is_one_point() -> None:
    changes = [(1, "USDT", "1"), (1, "USDT", "2"), (5, "EUR", "10")]
    found = equity.from_ledger(changes, D(100), EURO_TOO)
    assert found == [Point(1, D(103), None), Point(5, D(114), None)]
    assert equity.from_ledger(changes, D(100), USDT) is None


@pytest.mark.rule("PNL-4")
def test_a_curve_of_snapshots_is_the_start_with_what_is_realised_and_unrealised() -> None:
    assert equity.from_snapshots([(1, "2.5", "-1")], D(99)) == [Point(1, D("101.5"), D("100.5"))]


@pytest.mark.rule("PNL-4")
def test_daily_returns_are_of_complete_days_and_a_quiet_day_is_zero() -> None:
    found = [Point(0, D(110), None), Point(2 * DAY_MS, D(99), None), Point(3 * DAY_MS + 1, D(500), None)]
    assert equity.daily_returns(found, D(100), UTC, 3 * DAY_MS + 5) == [D("0.1"), D(0), D("-0.1")]
    assert equity.daily_returns(found, D(0), UTC, 3 * DAY_MS) is None
    assert equity.daily_returns([], D(1), UTC, 0) == []


@given(count=st.integers(0, 3000), most=st.integers(1, 600))
def test_a_thinned_curve_keeps_its_ends_and_its_order(count: int, most: int) -> None:
    kept: Sequence[int] = equity.thinned(count, most)
    assert len(kept) == min(count, most)
    assert list(kept) == sorted(set(kept))
    if count:
        assert kept[-1] == count - 1
    if count and most > 1:
        assert kept[0] == 0
