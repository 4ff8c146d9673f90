"""Many runs, side by side, each in a process of its own; what they have to say comes back as text."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from tests.processes.run import Plan, Result, Run

KILLS_PER_RUN = 10
MOST_PRINTED = 20
PLACES = {"paper": (False, None), "swap": (True, None), "binance": (False, 0), "bybit": (False, 1)}


@dataclass(frozen=True, slots=True)
class Told:
    """What a run has to say, as text: it comes from another process."""

    plan: Plan
    words: str
    story: tuple[str, ...]
    violations: tuple[str, ...]
    kills: int
    seconds: float
    folder: str


def one(plan: Plan, folder: Path) -> Told:
    """A whole run in `folder`; the folder is gone afterwards unless a promise was broken."""
    folder.mkdir(parents=True)
    try:
        result = Run(plan, folder).run()
    except Exception as error:  # A fault of ours is told, too, with the run it happened in.
        result = Result(plan=plan)
        return Told(plan, f"seed {plan.seed}: the harness failed", (), (repr(error),), 0, 0.0, str(folder))
    violations = tuple(map(str, result.violations))
    if not violations:
        shutil.rmtree(folder, ignore_errors=True)
    return Told(plan, result.words, tuple(result.story), violations, result.kills, result.seconds, str(folder))


def plans(kills: int, at_venues: int, seed: int) -> Iterator[Plan]:
    """Runs of `KILLS_PER_RUN` kills each until there are enough; those at venues are spread among the others."""
    rng = random.Random(f"plans {seed}")
    found = []
    for number, left in enumerate(range(at_venues, 0, -KILLS_PER_RUN)):
        found.append(Plan(seed=seed + 1000 + number, kills=min(KILLS_PER_RUN, left), venue=number % 2))
    for number, left in enumerate(range(kills - at_venues, 0, -KILLS_PER_RUN)):
        found.append(Plan(seed=seed + number, kills=min(KILLS_PER_RUN, left), is_swap=number % 3 == 2))
    rng.shuffle(found)
    yield from found


def run_all(wanted: list[Plan], folder: Path, jobs: int) -> tuple[int, int]:
    """Kills and violations over all. Prints as it goes."""
    kills = broken = 0
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        waiting = list(reversed(wanted))
        under_way: set[Future[Told]] = set()
        while waiting or under_way:
            while waiting and len(under_way) < jobs:
                plan = waiting.pop()
                under_way.add(pool.submit(one, plan, folder / f"{plan.seed}"))
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            for future in done:
                told = future.result()
                kills, broken = kills + told.kills, broken + len(told.violations)
                print(f"[{kills} kills] {place_of(told.plan)} {told.words}", flush=True)
                if told.violations:
                    tell(told)
    return kills, broken


def place_of(plan: Plan) -> str:
    return next(name for name, place in PLACES.items() if place == (plan.is_swap, plan.venue))


def tell(told: Told) -> None:
    """The whole story of a run that broke something."""
    for line in (*told.story, *(f"BROKEN {words}" for words in told.violations[:MOST_PRINTED])):
        print(f"    {line}", flush=True)
    again = f"make kills SEED={told.plan.seed} KILLS={told.plan.kills} AT={place_of(told.plan)}"
    print(f"    kept in {told.folder}; again: {again}", flush=True)
