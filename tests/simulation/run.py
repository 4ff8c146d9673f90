"""One run: a world, the ops that happen to it, and the checker that looks on. `explore` makes up the ops as it goes."""

from __future__ import annotations

import gc
import time
import traceback
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

from tests.simulation.checker import Checker
from tests.simulation.durable import store_of
from tests.simulation.generate import Generator
from tests.simulation.mix import mix_of
from tests.simulation.ops import At, Op, Script
from tests.simulation.promise import Promise, Violation
from tests.simulation.story import Story
from tests.simulation.world import World

STEPS = 5_000
SETTLE_LIMIT_MS = 1_200_000
"""Virtual time within which everything must have come to rest after the last fault."""

COLLECT_EVERY = 200_000


def calm_collector() -> None:
    """For a process that makes many runs: nearly all that one makes is gone at once without the collector, which would
    take a tenth of the time to look at what stays. The daemon does alike once it is ready.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_EVERY, 20, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    violation: Violation | None
    steps: int
    """Over all lives, those until rest included."""
    lives: int
    seconds: float
    digest: int
    """Of every step that was made: two runs with the same one went the same way."""
    lines: tuple[str, ...] = ()
    """The story in a trader's words, if it was asked for."""
    mix: Mapping[str, int] = field(default_factory=dict)
    """What it was made of."""


class Source(Protocol):
    """Where ops come from."""

    def due(self, steps: int, *, is_idle: bool) -> Sequence[Op]:
        """What happens now, after so many steps, or because nothing else is left to do. Empty: nothing more, ever
        (if idle), or not yet.
        """


class Told:
    """Ops of a script."""

    def __init__(self, script: Script) -> None:
        self._ops = script.ops
        self._next = 0

    def due(self, steps: int, *, is_idle: bool) -> Sequence[Op]:
        begin = self._next
        while self._next < len(self._ops) and self._ops[self._next].step <= steps:
            self._next += 1
        if is_idle and begin == self._next and begin < len(self._ops):
            self._next += 1
        return [at.op for at in self._ops[begin : self._next]]


class MadeUp:
    """Ops by chance, written down."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self._next_step = 0
        self.ops: list[At] = []

    def due(self, steps: int, *, is_idle: bool) -> Sequence[Op]:
        if steps < self._next_step and not is_idle:
            return ()
        made = self._generator.next()
        self._next_step = steps + self._generator.wait
        self.ops.extend(At(step=steps, op=op) for op in made)
        return made


def run(script: Script, *, bug: AbstractContextManager[object] | None = None, story: bool = False) -> Result:
    """The script as it stands. The same script gives the same run, message for message."""
    with bug or nullcontext():
        return _Run(script.seed, story).go(lambda world: Told(script), script.steps)


def explore(
    seed: int, steps: int = STEPS, *, bug: AbstractContextManager[object] | None = None, story: bool = False
) -> tuple[Script, Result]:
    """A run whose ops are made up on the way, and the script that repeats it."""
    source: MadeUp | None = None

    def make(world: World) -> MadeUp:
        nonlocal source
        source = MadeUp(Generator(world, seed))
        return source

    with bug or nullcontext():
        result = _Run(seed, story).go(make, steps)
    ops = () if source is None else tuple(source.ops)
    return Script(seed=seed, ops=ops, steps=steps), result


class _Run:
    def __init__(self, seed: int, story: bool) -> None:
        self._seed = seed
        self._wants_story = story

    def go(self, make: Callable[[World], Source], steps: int) -> Result:
        begun_s = time.perf_counter()
        with store_of(self._seed) as (store, reader):
            world = World(self._seed, store=store, reader=reader)
            story = Story(world) if self._wants_story else None
            violation = _broken_by(world, make, steps)
            mix = mix_of(world)
        if story is not None:
            story.ends()
        return Result(
            violation=violation,
            steps=world.steps,
            lives=world.starts,
            seconds=time.perf_counter() - begun_s,
            digest=_digest(world),
            lines=() if story is None else tuple(story.lines),
            mix=mix,
        )


def _broken_by(world: World, make: Callable[[World], Source], steps: int) -> Violation | None:
    try:
        checker = Checker(world)
        world.after_step = checker.after_step
        _play(world, make(world), steps)
        world.settle(SETTLE_LIMIT_MS)
        checker.at_rest()
    except Violation as broken:
        return broken
    except Exception:
        return Violation(Promise.NO_CRASH, traceback.format_exc())
    return None


def _play(world: World, source: Source, steps: int) -> None:
    while world.steps < steps:
        for op in source.due(world.steps, is_idle=False):
            world.apply(op)
        if world.step():
            continue
        left = source.due(world.steps, is_idle=True)
        if not left:
            return
        for op in left:
            world.apply(op)


def _digest(world: World) -> int:
    return zlib.crc32("".join([f"{line.actor} {line.message}" for line in world.log()]).encode())
