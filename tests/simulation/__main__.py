"""`python -m tests.simulation [--seed N | --seeds COUNT]`: the main story, disturbed by chance, checked at its end.

A seed decides the order of messages and where actors crash, the process is killed and the store fails. The same seed
is the same run, event by event. One seed prints its story; many print a line each. Exit code 1 if a promise broke.
"""

from __future__ import annotations

import argparse
import random
import sys
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.actors.havoc import Havoc
from tests.actors.story import told
from tests.actors.test_story_crashes import RUSH, undisturbed


def simulate(seed: int) -> tuple[str, int, str]:
    """Event log, number of failures injected, and what broke (empty: nothing)."""
    expected = undisturbed(seed).books
    havoc = Havoc(seed)
    begun = havoc.left
    log = ""
    try:
        with TemporaryDirectory() as folder, told(Path(folder), seed=seed, rush=RUSH, prepare=havoc) as town:
            log = town.event_log()
            books = town.books()
            assert books == expected, "the books differ from those of the undisturbed run"
            town.check_profit()
    except Exception:
        return log, begun - havoc.left, traceback.format_exc()
    return log, begun - havoc.left, ""


def main() -> int:
    parser = argparse.ArgumentParser(prog="make simulate", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, help="one seed; prints its story")
    parser.add_argument("--seeds", type=int, default=20, help="how many fresh seeds, without --seed")
    asked = parser.parse_args()
    seeds = [asked.seed] if asked.seed is not None else random.SystemRandom().sample(range(10**9), asked.seeds)
    broken = 0
    for seed in seeds:
        log, failures, error = simulate(seed)
        if asked.seed is not None:
            print(log)
        print(f"seed {seed}: {failures} failures injected, {'BROKEN' if error else 'every promise kept'}", flush=True)
        if error:
            broken += 1
            print(error, file=sys.stderr)
    print(f"{len(seeds) - broken} passed, {broken} failed")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
