"""`make bugs [BUG=name] [SEEDS=200] [STEPS=5000]`: is every deliberate bug found?

Each bug is switched on alone, and seeds 1, 2, 3 ... are run until the checker finds it. Prints a line for each, and
writes docs/bugs.md when all of them were tried. Exit code 1 if one was not found.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.simulation.bugs import ALL
from tests.simulation.bugs.bug import Bug
from tests.simulation.bugs.seeds import SEEDS
from tests.simulation.run import explore

PAGE = Path(__file__).resolve().parents[3] / "docs" / "bugs.md"
_HEAD = """\
# Deliberate bugs

The checker of the simulation is only worth something if it finds what is wrong. Each bug below is switched on alone
and seeds of the simulation are run, {steps} steps each, until a promise of [promises](promises.md) breaks that holds
without the bug: first a seed that is known to find it, then 1, 2, 3 ... up to 200. `make bugs` does it again and writes
this page; `make bugs BUG=name` tries one.

{found} of {count} were found, first those that switch off a rule of the [protocol](architecture.md).

| bug | what it does | breaks rule | seed | promise that broke first |
| --- | --- | --- | ---: | --- |
"""

_HELD = """\
Some rules are one of two nets. Where a bug was not found because the other net holds, this is the other one:
"""


@dataclass(frozen=True, slots=True)
class Found:
    bug: Bug
    seed: int | None
    """None: not found."""
    promise: str
    words: str
    seconds: float


def hunt(name: str, seeds: int, steps: int) -> tuple[str, int | None, str, str, float]:
    """A seed in which this bug breaks a promise that it should and nothing is broken without it: those known to, then
    1, 2, 3 ..."""
    bug = named(name)
    begun = time.perf_counter()
    for seed in (*SEEDS.get(name, ()), *range(1, seeds + 1)):
        _, result = explore(seed, steps, bug=bug.on())
        broken = result.violation
        if broken is not None and broken.promise in bug.expects and _is_clean(seed, steps):
            return name, seed, broken.promise.value, broken.words, time.perf_counter() - begun
    return name, None, "", "", time.perf_counter() - begun


@cache
def _is_clean(seed: int, steps: int) -> bool:
    _, result = explore(seed, steps)
    return result.violation is None


def named(name: str) -> Bug:
    return next(bug for bug in ALL if bug.name == name)


def line(found: Found) -> str:
    if found.seed is None:
        return f"{found.bug.name:32} NOT FOUND ({found.seconds:.0f} s)"
    first = found.words.splitlines()[0][:140] if found.words else ""
    return f"{found.bug.name:32} seed {found.seed:4} {found.promise} ({found.seconds:.0f} s): {first}"


def page(all_found: Sequence[Found], steps: int) -> str:
    rows = [
        f"| {found.bug.name} | {found.bug.words} | {found.bug.rule} | "
        f"{'-' if found.seed is None else found.seed} | {found.promise or 'not found'} |"
        for found in all_found
    ]
    count = sum(found.seed is not None for found in all_found)
    nets = [f"- {found.bug.name}: {found.bug.net}." for found in all_found if found.seed is None and found.bug.net]
    held = "\n".join(("", _HELD, *nets, "")) if nets else ""
    return _HEAD.format(steps=steps, found=count, count=len(all_found)) + "\n".join(rows) + "\n" + held


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make bugs", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--bug", choices=[bug.name for bug in ALL], help="only this one")
    parser.add_argument("--seeds", type=int, default=200, help="seeds tried for each bug")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args(arguments)
    names = [asked.bug] if asked.bug else [bug.name for bug in ALL]
    all_found: list[Found] = []
    with ProcessPoolExecutor(asked.workers) as workers:
        tries = [workers.submit(hunt, name, asked.seeds, asked.steps) for name in names]
        for one in tries:
            name, seed, promise, words, seconds = one.result()
            found = Found(named(name), seed, promise, words, seconds)
            all_found.append(found)
            print(line(found), flush=True)
    if not asked.bug:
        PAGE.write_text(page(all_found, asked.steps), encoding="utf-8")
    missed = sum(found.seed is None for found in all_found)
    print(f"{len(all_found) - missed} found, {missed} not")
    return 1 if any(found.seed is None and not found.bug.net for found in all_found) else 0


if __name__ == "__main__":
    sys.exit(main())
