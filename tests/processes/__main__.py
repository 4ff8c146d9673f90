"""Kills of the real daemon, as many as asked for: `python -m tests.processes --kills 500 --venue 100`.

A run is an installation that is killed some times under load and then has to settle; two runs go on side by side. Each
prints a line; a run that broke a promise prints its story and what broke, and keeps its folder. Exit code 1 if one did.
`--seed N --kills K` repeats a run as far as time can be repeated; `--at paper|swap|binance|bybit` says where.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.processes.many import PLACES, plans, run_all
from tests.processes.run import Plan

SIDE_BY_SIDE = 2


def main() -> int:
    parser = argparse.ArgumentParser(prog="make kills", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50, help="how many in all")
    parser.add_argument("--venue", type=int, default=0, help="how many of them with the exchange failing, too")
    parser.add_argument("--seed", type=int, help="of one run; without it many runs with fresh seeds")
    parser.add_argument("--at", choices=PLACES, default="paper", help="where the one run with --seed takes place")
    parser.add_argument("--bug", default="", help="with --seed: a deliberate bug of tests/simulation/bugs")
    parser.add_argument("--jobs", type=int, default=SIDE_BY_SIDE, help="runs side by side")
    parser.add_argument("--folder", type=Path, help="where runs live; else a temporary folder")
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="terrace-kills-"))
    began = time.monotonic()
    if asked.seed is not None:
        is_swap, venue = PLACES[asked.at]
        wanted = [Plan(seed=asked.seed, kills=asked.kills, is_swap=is_swap, venue=venue, bug=asked.bug)]
    else:
        seed = random.SystemRandom().randrange(10**6) * 10_000
        print(f"seeds from {seed}", flush=True)
        wanted = list(plans(asked.kills, min(asked.venue, asked.kills), seed))
    kills, broken = run_all(wanted, folder, asked.jobs)
    print(f"{len(wanted)} runs, {kills} kills, {broken} violations, {time.monotonic() - began:.0f} s")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
