"""A failing script is made short, and the short one still fails for the same reason."""

from __future__ import annotations

from decimal import Decimal

from tests.simulation import ops
from tests.simulation.ops import At, Script
from tests.simulation.promise import Promise, Violation
from tests.simulation.run import Result
from tests.simulation.shrink import shrink

SCRIPT = Script(seed=1, ops=tuple(At(step=index * 10, op=ops.Copy(number=index)) for index in range(100)), steps=5_000)


def _plays(needed: set[int], promise: Promise = Promise.MONEY, at_step: int = 700) -> object:
    def play(script: Script) -> Result:
        numbers = {at.op.number for at in script.ops if isinstance(at.op, ops.Copy)}
        breaks = needed <= numbers and script.steps >= at_step
        violation = Violation(promise, "gone") if breaks else None
        if not breaks and len(numbers) < 3:
            violation = Violation(Promise.SETTLES, "another thing")
        return Result(violation=violation, steps=min(script.steps, 900), lives=1, seconds=0.0, digest=0)

    return play


def test_only_what_is_needed_is_left() -> None:
    short = shrink(SCRIPT, Promise.MONEY, play=_plays({3, 41, 60}))  # type: ignore[arg-type]
    assert [at.op for at in short.ops] == [ops.Copy(number=number) for number in (3, 41, 60)]
    assert short.seed == SCRIPT.seed
    assert short.steps <= 900


def test_a_script_that_breaks_another_promise_is_not_shorter_but_other() -> None:
    short = shrink(SCRIPT, Promise.MONEY, play=_plays({3, 41}, Promise.COVERED))  # type: ignore[arg-type]
    assert short == SCRIPT


def test_time_is_bounded() -> None:
    played = []

    def play(script: Script) -> Result:
        played.append(script)
        return Result(violation=Violation(Promise.MONEY, ""), steps=5_000, lives=1, seconds=0.0, digest=0)

    shrink(SCRIPT, Promise.MONEY, limit_s=0.0, play=play)
    assert len(played) <= 2


def test_prices_of_ops_stay_as_they_were() -> None:
    move = ops.Move(account="spot", symbol="BTC/USDT", price=Decimal("1.10"))
    script = Script(seed=1, ops=(At(step=1, op=move), *SCRIPT.ops), steps=5_000)
    short = shrink(script, Promise.MONEY, play=_plays({60}))  # type: ignore[arg-type]
    assert [at.op for at in short.ops] == [ops.Copy(number=60)]
