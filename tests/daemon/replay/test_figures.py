"""A replay's figures are those the daemon would report of the same groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.rules.choices import World
from actors.rules.records import changes
from daemon.config.load import LoadedConfig, load_config
from daemon.replay.figures import MAX_POINTS, figures, trades_of
from daemon.replay.model import ReplayInput, ReplayResult
from daemon.replay.runner import run_replay
from daemon.replay.signals import read_signals
from daemon.reports import queries
from daemon.reports.scope import Rates, Scope
from daemon.reports.statistics import statistics
from daemon.store.read import Reader
from daemon.store.store import SqlStore
from tests.daemon.replay.past import LEAVES, Past, body
from tests.daemon.store.samples import chosen


@pytest.fixture
def busy(past: Past) -> Past:
    """Ten trades, won and lost, of two symbols."""
    past.write_candles([f"{100 - 0.03 * (number % 32):.2f}" for number in range(288)])
    past.write_candles([str(10 + (number * 5) % 7) for number in range(288)], "ETHUSDT")
    rows: list[tuple[float, object]] = []
    for number in range(0, 280, 20):
        symbol, price = ("BTCUSDT", "100") if number % 40 else ("ETHUSDT", "12")
        rows.append((number + 0.5, body(price=price, symbol=symbol)))
        rows.append((number + 12.5, body("sell", price, symbol, **LEAVES)))
    past.write_signals(rows)
    return past


def replayed(past: Past) -> tuple[LoadedConfig, ReplayResult]:
    loaded = load_config(past.config, {})
    assert isinstance(loaded, LoadedConfig), loaded
    alerts = read_signals(past.signals, loaded.settings.sources).alerts
    return loaded, run_replay(ReplayInput(settings=loaded.settings, candles=past.candles, signals=alerts))


def stored(result: ReplayResult, data_dir: Path) -> SqlStore:
    """What the daemon's store would hold of it."""
    store = chosen(data_dir)
    rows = [kept.saved for kept in result.store.signals.values()]
    assert store.apply([("signals", rows)])[0].broken is None
    for group in result.store.groups.values():
        assert store.apply([("group", tuple(changes(None, group)))])[0].broken is None
    return store


@pytest.mark.rule("PNL-4")
def test_trades_and_statistics_are_those_of_the_daemon_s_own_queries(busy: Past, tmp_path: Path) -> None:
    loaded, result = replayed(busy)
    store = stored(result, tmp_path / "data")
    reader = Reader(store.source())
    try:
        scope = Scope(world=World.PAPER)
        asked = reader.report(lambda run: queries.trades(run, scope))
    finally:
        reader.close()
        store.close()
    groups = list(result.store.groups.values())
    rates = Rates(currency="USDT", by_currency={})
    ours, theirs = statistics(trades_of(groups), rates), statistics(asked, rates)
    assert ours == theirs
    assert ours.trades >= 10
    assert ours.average_win is not None
    assert ours.average_loss is not None
    found = figures(
        World.PAPER, groups, result.equity, result.ledgers, result.marks, loaded.settings, result.end_ms
    ).statistics
    assert found.trades == theirs.trades
    assert found.profit_factor == str(theirs.profit_factor)


@pytest.mark.rule("PNL-4")
def test_the_curve_ends_where_the_books_do_and_is_thinned(busy: Past) -> None:
    loaded, result = replayed(busy)
    groups = list(result.store.groups.values())
    found = figures(World.PAPER, groups, result.equity, result.ledgers, result.marks, loaded.settings, result.end_ms)
    assert found.end_equity is not None
    assert found.start_equity is not None
    assert found.realized is not None
    assert found.unrealized is not None
    assert found.end_equity - found.start_equity == found.realized + found.unrealized
    assert len(found.curve.points) <= MAX_POINTS
    many = [result.equity[0]] * 3 + list(result.equity)
    again = figures(World.PAPER, groups, many, result.ledgers, result.marks, loaded.settings, result.end_ms)
    assert again.end_equity == found.end_equity


def test_a_world_in_which_equity_was_never_known_has_no_curve_and_says_so(busy: Past) -> None:
    loaded, result = replayed(busy)
    groups = list(result.store.groups.values())
    found = figures(World.PAPER, groups, (), result.ledgers, result.marks, loaded.settings, result.end_ms)
    assert (found.start_equity, found.end_equity, len(found.curve.points)) == (None, None, 0)
    assert found.statistics.sharpe == ""
    assert "not known" in found.statistics.ratio_basis
