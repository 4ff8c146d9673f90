"""What reports read of a real store: when profit counts, filters, worlds, days of a time zone, pages (PNL-3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.rules.choices import World
from actors.rules.model import Group, GroupState, Side
from actors.rules.records import AddEquity, changes
from daemon.reports import periods, queries
from daemon.reports.periods import Period
from daemon.reports.profit import PartSum
from daemon.reports.scope import Scope
from daemon.store.read import Reader
from tests.daemon.store import samples

D = Decimal
T = TypeVar("T")
BERLIN = ZoneInfo("Europe/Berlin")
PAPER = Scope(world=World.PAPER)
SUMMER = datetime(2025, 3, 30, tzinfo=UTC)
"""A day of 23 hours in Berlin; it begins at 23:00 UTC of the day before."""


def at(hours: float) -> int:
    return int((SUMMER + timedelta(hours=hours)).timestamp() * 1000)


class Books:
    """A store that groups are written to as the engine does, commit by commit."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.store = samples.chosen(folder)
        self.reader = Reader(self.store.source())
        self.count = 0

    def close(self) -> None:
        self.reader.close()
        self.store.close()

    def trade(self, *steps: tuple[int, str], is_closed: bool = True, invested: str = "100", **changed: object) -> Group:
        """A group that realises an amount at each time, with a fee of 0.1; it closes with the last."""
        self.count += 1
        group = samples.group(self.count, legs=1, **changed)
        leg = replace(group.pyramids[0].legs[0], bought_cost=D(invested))
        group = replace(group, pyramids=(replace(group.pyramids[0], legs=(leg,)),))
        self._apply(None, group)
        for time_ms, amount in steps:
            grown = replace(
                group, realized=group.realized + D(amount), fees=group.fees + D("0.1"), update_time_ms=time_ms
            )
            if is_closed and time_ms == steps[-1][0]:
                grown = replace(grown, state=GroupState.CLOSED, close_time_ms=time_ms)
            self._apply(group, grown)
            group = grown
        return group

    def end(self, group: Group, time_ms: int) -> None:
        """It closes without realising anything more."""
        done = replace(group, state=GroupState.CLOSED, close_time_ms=time_ms, update_time_ms=time_ms)
        self._apply(group, done)

    def _apply(self, before: Group | None, after: Group) -> None:
        assert self.store.apply([("group", tuple(changes(before, after)))])[0].broken is None

    def ask(self, question: Callable[[queries.Run], T]) -> T:
        return self.reader.report(question)


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    books = Books(tmp_path / "data")
    yield books
    books.close()


def by_name(found: list[PartSum]) -> dict[str, tuple[Decimal, int]]:
    names = dict.fromkeys(part.name for part in found)
    return {
        name: (
            sum((part.realized for part in found if part.name == name), D(0)),
            sum(part.trades for part in found if part.name == name),
        )
        for name in names
    }


@pytest.mark.rule("PNL-3")
def test_profit_counts_on_the_day_it_was_realised_and_a_trade_when_it_closed(books: Books) -> None:
    books.trade((at(-2), "-1"), (at(-1), "5"), (at(22), "7"))  # 22:00 UTC is midnight in Berlin by then.
    books.trade((at(21.99), "3"), is_closed=False)
    days = by_name(books.ask(lambda run: queries.period_sums(run, PAPER, Period.DAY, BERLIN)))
    # The 29th ended at 23:00 UTC, the 30th at 22:00 UTC: it has 23 hours.
    assert days == {"2025-03-29": (D(-1), 0), "2025-03-30": (D(8), 0), "2025-03-31": (D(7), 1)}
    assert by_name(books.ask(lambda run: queries.group_sums(run, PAPER))) == {"": (D(14), 1)}
    now = periods.starts(at(23), BERLIN)
    recent = books.ask(lambda run: queries.recent_sums(run, PAPER, now))
    assert sum((row.realized for row in recent if row.in_day), D(0)) == D(7)
    assert sum((row.realized for row in recent if row.in_week), D(0)) == D(7)  # Monday, the 31st.
    assert sum((row.realized for row in recent if row.in_month), D(0)) == D(14)


@pytest.mark.rule("PNL-3")
def test_a_group_that_closes_after_the_last_it_realised_is_a_trade_of_that_day(books: Books) -> None:
    books.end(books.trade((at(0), "2"), is_closed=False), at(30))
    days = by_name(books.ask(lambda run: queries.period_sums(run, PAPER, Period.DAY, BERLIN)))
    assert days == {"2025-03-30": (D(2), 0), "2025-03-31": (D(0), 1)}


@pytest.mark.rule("PNL-3")
def test_worlds_and_filters_are_kept_apart(books: Books) -> None:
    books.trade((at(0), "1"))
    books.trade((at(0), "10"), world=World.LIVE)
    books.trade((at(1), "100"), side=Side.SHORT, strategy="breakout")
    for scope, amount in (
        (PAPER, D(101)),
        (Scope(world=World.LIVE), D(10)),
        (Scope(world=World.TESTNET), D(0)),
        (replace(PAPER, side=Side.SHORT), D(100)),
        (replace(PAPER, strategy="breakout"), D(100)),
        (replace(PAPER, symbol="BTC/USDT"), D(101)),
        (replace(PAPER, account="other"), D(0)),
        (replace(PAPER, timeframe="nothing"), D(0)),
    ):
        sums = books.ask(lambda run, scope=scope: queries.group_sums(run, scope))  # type: ignore[misc]
        assert sum((part.realized for part in sums), D(0)) == amount, scope
        found = books.ask(lambda run, scope=scope: queries.trades(run, scope))  # type: ignore[misc]
        assert sum((D(text) for trades in found for text in trades.realized), D(0)) == amount, scope
        ledger = books.ask(lambda run, scope=scope: queries.ledger_changes(run, scope))  # type: ignore[misc]
        assert sum((D(text) for *_, text in ledger), D(0)) == amount, scope
    bounded = replace(PAPER, start_ms=at(1), end_ms=at(2))
    assert by_name(books.ask(lambda run: queries.ledger_sums(run, bounded, "side"))) == {"short": (D(100), 1)}


@pytest.mark.rule("PNL-4")
def test_a_group_that_never_had_a_fill_is_no_trade(books: Books) -> None:
    books.trade((at(0), "1"))
    books.trade((at(0), "0"), invested="0")
    assert sum(len(found.group_ids) for found in books.ask(lambda run: queries.trades(run, PAPER))) == 1
    assert len(books.ask(lambda run: queries.exported(run, PAPER, None, 10))) == 1


@pytest.mark.rule("PNL-4")
def test_pages_of_an_export_hold_every_trade_once_also_where_many_closed_at_once(books: Books) -> None:
    ids = [books.trade((at(number // 4), "1")).group_id for number in range(10)]
    seen: list[str] = []
    after: tuple[int, str] | None = None
    while page := books.ask(lambda run, after=after: queries.exported(run, PAPER, after, 3)):  # type: ignore[misc]
        seen += [trade.group_id for trade in page]
        after = (page[-1].close_time_ms, page[-1].group_id)
    assert sorted(seen) == sorted(ids)


@pytest.mark.rule("PNL-4")
def test_snapshots_without_a_price_are_left_out_and_very_many_are_thinned(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        AddEquity(time_ms=number, world=World.PAPER, equity=D(100), realized=D(number), unrealized=D(0))
        for number in range(100)
    ]
    missing = AddEquity(time_ms=1000, world=World.PAPER, equity=None, realized=D(5), unrealized=None)
    assert books.store.apply([("pool", (*rows, missing))])[0].broken is None
    assert len(books.ask(lambda run: queries.equity(run, PAPER))) == 100
    assert len(books.ask(lambda run: queries.equity(run, replace(PAPER, end_ms=10)))) == 10
    monkeypatch.setattr(queries, "MAX_SNAPSHOTS", 10)
    thinned = books.ask(lambda run: queries.equity(run, PAPER))
    assert thinned[-1] == (99, "99", "0")
    assert len(thinned) <= 11
    first = books.ask(lambda run: queries.first_equity(run, World.PAPER))
    assert first is not None
    assert first.time_ms == 0


amounts = st.decimals(min_value=-1000, max_value=1000, places=18, allow_nan=False).map(lambda amount: f"{amount:f}")
steps = st.lists(st.tuples(st.integers(-800, 800).map(at), amounts), min_size=1, max_size=3).map(sorted)


@pytest.mark.rule("PNL-3")
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lives=st.lists(st.tuples(steps, st.booleans(), st.sampled_from(Side), st.sampled_from("ab")), max_size=6))
def test_the_sum_over_any_breakdown_is_the_total(
    tmp_path_factory: pytest.TempPathFactory, lives: list[tuple[list[tuple[int, str]], bool, Side, str]]
) -> None:
    books = Books(tmp_path_factory.mktemp("books") / "data")
    try:
        for each, is_closed, side, strategy in lives:
            books.trade(*each, is_closed=is_closed, side=side, strategy=strategy)
        total = sum((D(amount) for each, *_ in lives for _, amount in each), D(0))
        closed = sum(is_closed for _, is_closed, *_ in lives)
        questions: list[Callable[[queries.Run], list[PartSum]]] = [
            *(lambda run, by=by: queries.group_sums(run, PAPER, by) for by in ("", *queries.NAMED)),
            *(lambda run, by=by: queries.ledger_sums(run, PAPER, by) for by in queries.NAMED),
            *(lambda run, by=by: queries.period_sums(run, PAPER, by, BERLIN) for by in Period),
        ]
        for question in questions:
            found = books.ask(question)
            assert sum((part.realized for part in found), D(0)) == total
            assert sum(part.trades for part in found) == closed
    finally:
        books.close()
