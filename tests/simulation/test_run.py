"""A run can be repeated, written down and told; and it is full of an engine's life."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from actors.rules.model import Intent, Side
from tests import postgres
from tests.simulation import durable, ops
from tests.simulation.bugs.__main__ import named
from tests.simulation.checker import Checker
from tests.simulation.mix import table
from tests.simulation.ops import At, Script
from tests.simulation.promise import Promise
from tests.simulation.run import explore, run
from tests.simulation.script_file import KINDS, dumped, load, loaded, save
from tests.simulation.shrink import shrink
from tests.simulation.world import World

D = Decimal
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("seed", [4, 8, 12, 22])
def test_a_recorded_script_gives_the_same_run_again(seed: int) -> None:
    script, first = explore(seed, 1_500)
    again = run(script)
    assert len(script.ops) > 20
    assert (again.digest, again.steps, again.lives) == (first.digest, first.steps, first.lives)


def test_a_run_does_not_depend_on_how_the_interpreter_shuffles_its_sets() -> None:
    words = "from tests.simulation.run import explore; print([explore(seed, 2000)[1].digest for seed in (29, 35, 36)])"
    told = []
    for shuffle in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": shuffle}
        ran = subprocess.run(
            [sys.executable, "-c", words], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        told.append(ran.stdout)
    assert told[0] == told[1]


def test_time_does_not_run_ahead_of_a_part_that_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.simulation.world.RUSH", 0.5)
    for seed in range(1, 9):
        world = World(seed)
        begin_ms, checker = world.now_ms(), Checker(world)
        for _ in range(60):
            world.step()
            checker.after_step()
        assert world.now_ms() > begin_ms  # Of others it does.


@pytest.mark.parametrize("seed", [1, 8, 22])
def test_a_script_is_the_same_after_it_was_stored(seed: int, tmp_path: Path) -> None:
    script, _ = explore(seed, 1_000)
    save(script, tmp_path / "script.json")
    assert load(tmp_path / "script.json") == script


def test_every_kind_of_op_can_be_stored() -> None:
    made = {kind: _any(kind) for kind in KINDS.values()}
    script = Script(seed=1, ops=tuple(At(step=index, op=op) for index, op in enumerate(made.values())), steps=9)
    assert loaded(dumped(script)) == script


def _any(kind: type) -> ops.Op:
    given: dict[str, object] = {
        "number": 3, "account": "spot", "symbol": "BTC/USDT", "timeframe": "1h", "intent": Intent.ENTRY,
        "side": Side.SHORT, "price": D("0.10"), "age_ms": 7, "percent": D(33), "prices": (D(1), D("2.50")), "ms": 5,
        "fault": ops.VenueFault.DOWN, "count": 2, "pick": 4, "share": D("0.5"), "quantity": D("1E-7"), "kind": "pool",
        "moment": ops.Moment.TELLING, "messages": 8, "down_ms": 1, "capital": D(100), "is_paused": True,
        "cancel_entries": True, "force": True, "max_open_groups": 3, "steps": 40, "message": "OpenGroup",
    }  # fmt: skip
    if kind is ops.BreakStore:
        given["fault"] = ops.StoreFault.FULL
    made: ops.Op = kind(**{name: given[name] for name in kind.__dataclass_fields__ if name in given})  # type: ignore[attr-defined]
    return made


@pytest.mark.parametrize("text", ["", "{}", '{"seed": 1, "steps": 2, "ops": [{"at": 1, "op": "Nothing"}]}'])
def test_what_is_no_script_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        loaded(text)


def test_a_story_tells_alerts_answers_orders_fills_and_faults() -> None:
    account, symbol = "spot", "BTC/USDT"
    seed = _seed_with(account)
    price = World(seed).settings.accounts[account].start_prices[symbol]
    happens: tuple[ops.Op, ...] = (
        ops.Alert(
            number=1,
            account=account,
            symbol=symbol,
            timeframe="1h",
            intent=Intent.ENTRY,
            side=Side.LONG,
            price=price,
        ),
        ops.Pass(ms=2_000),
        ops.Move(account=account, symbol=symbol, price=price * D("0.9")),
        ops.Pass(ms=2_000),
        ops.KillProcess(messages=1),
    )
    script = Script(seed=seed, ops=tuple(At(step=200, op=op) for op in happens), steps=600)
    result = run(script, story=True)
    story = "\n".join(result.lines)
    assert result.violation is None
    for words in ("alert 1: entry long BTC/USDT 1h", "alert 1 is answered: opened", "venue spot takes", "kill -9"):
        assert words in story
    assert "venue spot fills" in story
    assert "the engine starts (life 2)" in story


def _seed_with(account: str) -> int:
    """A calm configuration in which an entry on this account opens a group at once."""
    for seed in range(1, 100):
        settings = World(seed).settings
        spot = settings.accounts.get(account)
        if spot is not None and settings.strategy.default.sizing.capital_per_pyramid >= 60 and not spot.latency_ms:
            return seed
    raise AssertionError("no such seed")


def test_runs_are_full_of_life() -> None:
    """Groups open and end, targets are hit, signals are promoted, offsets are made, processes are killed."""
    mixes = [explore(seed)[1].mix for seed in range(1, 17)]
    total = sum((Counter(mix) for mix in mixes), Counter[str]())
    print("\n".join(table(mixes)))
    in_runs = {name: sum(mix.get(name, 0) > 0 for mix in mixes) for name in total}
    assert in_runs["group closed"] >= 14
    assert in_runs["promoted"] >= 12
    assert in_runs["targets hit"] >= 5
    assert in_runs["signal pyramided"] >= 6
    assert total["venue trades"] >= 300
    assert total["lives"] >= 24
    assert total["offset done"] + total["offset partial"] >= 2
    assert total["signal rejected"] < total["alerts"] / 3


@pytest.mark.store("sqlite")
@pytest.mark.rule("REC-1")
@pytest.mark.parametrize("seed", [4, 22])
def test_a_run_goes_the_same_way_on_a_file_as_in_memory(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    _, in_memory = explore(seed, 1_500)
    monkeypatch.setattr(durable, "ON_FILE_EVERY", 1)
    _, on_file = explore(seed, 1_500)
    assert on_file.mix["on a file"] == 1
    assert (on_file.violation, on_file.digest) == (None, in_memory.digest)


@pytest.mark.store("postgres")
@pytest.mark.skipif(bool(postgres.why_not()), reason=postgres.why_not())
@pytest.mark.rule("REC-1")
def test_a_run_goes_the_same_way_on_a_server_as_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    _, in_memory = explore(4, 1_000)
    monkeypatch.setattr(durable, "ON_SERVER_EVERY", 1)
    _, on_server = explore(4, 1_000)
    assert on_server.mix["on a file"] == 1
    assert (on_server.violation, on_server.digest) == (None, in_memory.digest)


def test_a_bug_is_found_and_the_short_script_finds_it_too() -> None:
    bug = named("planned_for_filled")
    for seed in range(1, 40):
        with bug.on():
            script, result = explore(seed, 800)
            if result.violation is None or result.violation.promise is Promise.SETTLES or len(script.ops) < 10:
                continue
            short = shrink(script, result.violation.promise, limit_s=20.0)
            again = run(short).violation
        assert len(short.ops) < len(script.ops)
        assert again is not None
        assert again.promise is result.violation.promise
        assert run(short).violation is None, "without the bug nothing breaks"
        return
    raise AssertionError("nothing was found")
