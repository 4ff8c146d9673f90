"""`make simulate [SEED=n | SCRIPT=file.json | SEEDS=count] [STEPS=5000]`: seeded runs of the whole engine with faults.

SEED repeats one run exactly and prints its story up to the violation, which is then made short and stored as a script.
SCRIPT repeats a stored script. SEEDS runs that many fresh seeds on all cores (FIRST=n: n, n + 1, ...). Exit code 1 if a
promise broke.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tests.simulation.ops import Script
from tests.simulation.promise import Violation
from tests.simulation.run import STEPS, Result, calm_collector, explore, run
from tests.simulation.script_file import load, save
from tests.simulation.shrink import LIMIT_S, shrink

SCRIPTS = Path("failures")
"""Where short scripts of violations are stored, below the working directory."""
MAX_AHEAD = 4
"""Seeds that wait for each worker."""
Line = tuple[int, int, float, str, str]
"""Seed, steps, seconds, promise and words of its violation."""


def one(seed: int, steps: int) -> Line:
    _, result = explore(seed, steps)
    broken = result.violation
    return seed, result.steps, result.seconds, broken.promise.value if broken else "", broken.words if broken else ""


def many(seeds: Sequence[int], steps: int, workers: int) -> int:
    begun, total, broken = time.perf_counter(), 0, []
    with ProcessPoolExecutor(workers, initializer=calm_collector) as pool:
        for count, (seed, made, _, promise, words) in enumerate(_all(pool, seeds, steps, workers), 1):
            total += made
            if promise:
                broken.append(seed)
                print(f"\rseed {seed}: {promise}: {_last(words)}", flush=True)
            seconds = time.perf_counter() - begun
            _progress(f"{count} of {len(seeds)} seeds, {total:,} steps, {total / seconds:,.0f}/s, {len(broken)} broken")
    print(f"\r{len(seeds)} seeds x {steps} steps: {total:,} steps in {time.perf_counter() - begun:.0f} s")
    if broken:
        print(
            f"promises broke in {len(broken)}: {' '.join(map(str, broken))}; make simulate SEED={broken[0]} tells how"
        )
    else:
        print("every promise was kept")
    return 1 if broken else 0


def _all(pool: ProcessPoolExecutor, seeds: Sequence[int], steps: int, workers: int) -> Iterable[Line]:
    """In the order in which they end, never many of them waiting."""
    left = iter(seeds)
    running = {pool.submit(one, seed, steps) for seed, _ in zip(left, range(workers * MAX_AHEAD), strict=False)}
    while running:
        done = next(as_completed(running))
        running.discard(done)
        for seed in left:
            running.add(pool.submit(one, seed, steps))
            break
        yield done.result()


def _progress(words: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{words}", end="", file=sys.stderr, flush=True)


def _last(words: str) -> str:
    return words.strip().splitlines()[-1] if words.strip() else ""


def tell(script: Script, result: Result) -> None:
    for line in result.lines:
        print(line)
    print(
        f"seed {script.seed}: {len(script.ops)} ops, {result.steps} steps, {result.lives} lives, {result.seconds:.1f} s"
    )


def shortened(script: Script, broken: Violation, limit_s: float) -> None:
    """Makes it short, tells the short story and stores the script."""
    print(f"\n{broken}\n\nmaking it shorter, for at most {limit_s:.0f} s ...")
    short = shrink(script, broken.promise, limit_s=limit_s, tell=_progress)
    result = run(short, story=True)
    print("\n\nthe short story\n")
    tell(short, result)
    print(f"\n{result.violation}")
    SCRIPTS.mkdir(exist_ok=True)
    path = SCRIPTS / f"seed-{script.seed}-{broken.promise.value}.json"
    save(short, path)
    print(f"\nstored: make simulate SCRIPT={path}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make simulate", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, help="one seed; prints its story")
    parser.add_argument("--script", type=Path, help="a stored script; prints its story")
    parser.add_argument("--seeds", type=int, default=20, help="how many seeds, without --seed")
    parser.add_argument("--first", type=int, help="the first of them; else they are fresh ones")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--shrink", type=float, default=LIMIT_S, help="seconds to make a violation shorter; 0: do not")
    asked = parser.parse_args(arguments)
    if asked.script is not None:
        script = load(asked.script)
        result = run(script, story=True)
        tell(script, result)
        print(f"\n{result.violation or 'every promise was kept'}")
        return 1 if result.violation else 0
    if asked.seed is not None:
        script, result = explore(asked.seed, asked.steps, story=True)
        tell(script, result)
        if result.violation is None:
            print("every promise was kept")
        elif asked.shrink > 0:
            shortened(script, result.violation, asked.shrink)
        else:
            print(f"\n{result.violation}")
        return 1 if result.violation else 0
    fresh = random.SystemRandom().sample(range(10**9), asked.seeds)
    seeds = fresh if asked.first is None else range(asked.first, asked.first + asked.seeds)
    return many(seeds, asked.steps, asked.workers)


if __name__ == "__main__":
    sys.exit(main())
