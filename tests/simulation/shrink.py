"""Makes a failing script short: fewer steps, then fewer ops, as long as the same promise breaks.

Delta debugging: leave out halves, quarters and so on down to single ops, and keep what still fails. Bounded by time;
whatever is the shortest by then is the answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from tests.simulation.ops import At, Script
from tests.simulation.promise import Promise
from tests.simulation.run import Result, run

LIMIT_S = 120.0


def shrink(
    script: Script,
    promise: Promise,
    *,
    limit_s: float = LIMIT_S,
    tell: Callable[[str], None] = lambda _words: None,
    play: Callable[[Script], Result] = run,
) -> Script:
    """The shortest script found that breaks the promise; the script itself if nothing of it can go."""
    return _Shrinker(promise, time.monotonic() + limit_s, tell, play).shrink(script)


class _Shrinker:
    def __init__(
        self, promise: Promise, deadline_s: float, tell: Callable[[str], None], play: Callable[[Script], Result]
    ) -> None:
        self._promise = promise
        self._deadline_s = deadline_s
        self._tell = tell
        self._play = play

    def shrink(self, script: Script) -> Script:
        script = self._fewer_steps(script)
        script = self._fewer_ops(script)
        return self._fewer_steps(script)

    def _is_over(self) -> bool:
        return time.monotonic() >= self._deadline_s

    def _breaks(self, script: Script) -> Result | None:
        result = self._play(script)
        broken = result.violation
        return result if broken is not None and broken.promise is self._promise else None

    def _fewer_steps(self, script: Script) -> Script:
        """As many as it took until it broke, then fewer: what comes after the ops may not be needed."""
        if (result := self._breaks(script)) is None:
            return script
        steps = min(script.steps, result.steps)
        for least in (0, max((at.step for at in script.ops), default=0) + 1, steps):
            if least >= script.steps or self._is_over():
                continue
            shorter = replace(script, steps=least, ops=tuple(at for at in script.ops if at.step <= least))
            if self._breaks(shorter) is not None:
                self._tell(f"{shorter.steps} steps, {len(shorter.ops)} ops")
                return shorter
        return script

    def _fewer_ops(self, script: Script) -> Script:
        parts = 2
        while len(script.ops) >= 1 and not self._is_over():
            shorter = self._without_a_part(script, parts)
            if shorter is not None:
                script = shorter
                parts = max(2, parts - 1)
                self._tell(f"{script.steps} steps, {len(script.ops)} ops")
            elif parts >= len(script.ops):
                break
            else:
                parts = min(len(script.ops), parts * 2)
        return script

    def _without_a_part(self, script: Script, parts: int) -> Script | None:
        """The latest part goes first: what happened before is what the rest stands on."""
        size = -(-len(script.ops) // parts)
        for begin in reversed(range(0, len(script.ops), size)):
            if self._is_over():
                return None
            shorter = replace(script, ops=_without(script.ops, begin, begin + size))
            if self._breaks(shorter) is not None:
                return shorter
        return None


def _without(ops: tuple[At, ...], begin: int, end: int) -> tuple[At, ...]:
    return ops[:begin] + ops[end:]
