"""A recorded year of minutes of ten markets with two thousand alerts, from files to a result, on one core.

The value is candles a second of processor time, the files read included. Floor is one pass over the same files row by
row into exact numbers, doing nothing with them: what a plain loop over candles would have to beat.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from actors.rules.settings import AccountSettings, Settings, SourceSettings
from daemon.exchanges.candles import candle_files
from daemon.replay.model import ReplayInput
from daemon.replay.runner import run_replay
from tests.bench import recording
from tests.bench.rows import Row, short

NAME = "replay_year_10_markets"
DAYS, ALERTS = 365, 2_000
GOAL_PER_S = 87_600.0
"""A year of ten markets in a minute."""
FLOOR_ROWS = 200_000
SETTINGS = Settings(
    accounts={"paper": AccountSettings(name="paper")},
    routes={"*": "paper"},
    sources={recording.SOURCE: SourceSettings(name=recording.SOURCE)},
)
"""The shipped defaults."""


def row(folder: Path, days: int, alerts: int) -> Row:
    candles = folder / "candles"
    closes = recording.write_candles(candles, days)
    found = recording.alerts(closes, alerts)
    del closes
    replay = ReplayInput(settings=SETTINGS, candles=candles, signals=found, seed=1)
    with _one_core():
        started, started_s = time.process_time(), time.monotonic()
        result = run_replay(replay)
        took_s, wall_s = time.process_time() - started, time.monotonic() - started_s
        floor = _rows_per_s(candles)
    details: dict[str, float] = {"candles": result.candles, "alerts": alerts, "groups": result.counts["groups"]}
    details |= {"fills": result.counts["fills"], "stops": result.counts["stops"], "steps": result.counts["steps"]}
    details |= {"processor_s": short(took_s), "wall_s": short(wall_s), "load": short(os.getloadavg()[0])}
    return Row(
        name=NAME,
        value=result.candles / took_s,
        unit="candles/s",
        floor=floor,
        goal=GOAL_PER_S,
        at_least=True,
        details=details,
    )


def _rows_per_s(candles: Path) -> float:
    started, count = time.process_time(), 0
    for file in candle_files(candles):
        for _ in file.candles():
            count += 1
            if count == FLOOR_ROWS:
                return count / (time.process_time() - started)
    return count / (time.process_time() - started)


@contextmanager
def _one_core() -> Iterator[None]:
    """Reading files and searching columns could use more; where the system lets us say so, they do not."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
