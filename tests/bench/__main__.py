"""`make bench`, or `python -m tests.bench [--only ROW ...] [--quick]`: measures, prints a table, writes bench.json."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench import crowd, evaluation, latency, promote, replay, reports, rows, simulation, throughput, venue

NAMES = (
    latency.GRPC,
    latency.FORWARDER,
    throughput.NAME,
    crowd.RSS,
    crowd.READY,
    promote.NAME,
    evaluation.NAME,
    reports.NAME,
    simulation.NAME,
    replay.NAME,
    *venue.NAMES,
)
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is done for each row."""

    alerts: int
    seconds: float
    groups: int
    starts: int
    promotions: int
    evaluations: int
    trades: int
    reports: int
    fills: int
    seeds: int
    days: int
    recorded_alerts: int
    venue: venue.Size


FULL = Size(
    alerts=300,
    seconds=20,
    groups=crowd.GROUPS,
    starts=3,
    promotions=200,
    evaluations=100,
    trades=reports.TRADES,
    reports=reports.ROUNDS,
    fills=reports.FILLS,
    seeds=simulation.SEEDS,
    days=replay.DAYS,
    recorded_alerts=replay.ALERTS,
    venue=venue.Size(),
)
QUICK = Size(
    alerts=10,
    seconds=0.5,
    groups=20,
    starts=1,
    promotions=10,
    evaluations=5,
    trades=300,
    reports=2,
    fills=3,
    seeds=1,
    days=2,
    recorded_alerts=10,
    venue=venue.QUICK,
)
"""Enough to see that everything works; the figures mean nothing."""


def measure(names: Sequence[str], size: Size, directory: Path) -> Iterator[rows.Row]:
    """These rows, in the order of `NAMES`, as they come."""
    latencies = [name for name in (latency.GRPC, latency.FORWARDER) if name in names]
    if latencies:
        yield from latency.rows(latencies, directory, size.alerts)
    if throughput.NAME in names:
        yield throughput.row(directory, size.seconds)
    crowds = [name for name in (crowd.RSS, crowd.READY) if name in names]
    if crowds:
        yield from crowd.rows(crowds, directory, size.groups, size.starts)
    if promote.NAME in names:
        yield promote.row(size.promotions)
    if evaluation.NAME in names:
        yield evaluation.row(size.evaluations)
    if reports.NAME in names:
        yield reports.row(directory, size.trades, size.reports, size.fills)
    if simulation.NAME in names:
        yield simulation.row(size.seeds)
    if replay.NAME in names:
        yield replay.row(directory, size.days, size.recorded_alerts)
    on_venue = [name for name in venue.NAMES if name in names]
    if on_venue:
        yield from venue.rows(on_venue, directory, size.venue)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=NAMES, metavar="ROW", help=f"one of {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="a short run that only shows that everything works")
    parser.add_argument("--out", type=Path, default=ROOT / "bench.json", help="where to write (bench.json here)")
    parser.add_argument("--directory", help="where the measured files go (the system's folder for temporary files)")
    asked = parser.parse_args(arguments)
    found = []
    with tempfile.TemporaryDirectory(prefix="bench-", dir=asked.directory) as folder:
        for row in measure(asked.only or NAMES, QUICK if asked.quick else FULL, Path(folder)):
            print(f"{row.name}: {rows.short(row.value):g} {row.unit}", file=sys.stderr, flush=True)
            found.append(row)
        rows.write(asked.out, found, quick=asked.quick, directory=Path(folder))
    print(rows.table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
