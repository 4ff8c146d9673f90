"""Faults inside the process do what they say, hold back what they should, and are over when they are over."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path

import pytest

from actors import messages as m
from actors.children import PartState
from actors.rules.model import Intent, Outcome
from actors.rules.restarts import DEFAULT_POLICY
from actors.runtime import SUPERVISOR
from actors.supervisor import Supervisor
from tests.actors.town import ACCOUNT, BTC, POOL
from tests.simulation.broken_crowd import broken_run
from tests.simulation.broken_town import BrokenTown, broken
from tests.simulation.faults import MAX_INTENSITY
from tests.simulation.ops import CrashActor, Flood, KillProcess, Moment

D = Decimal
KINDS = ("journal", "feed", "gateway", "queue", "pool", "group", "risk", "supervisor", "")
GATEWAY = f"gateway/{ACCOUNT}"


def crashes(town: BrokenTown) -> int:
    return sum(note.type == "actor.crashed" for note in town.notes)


@pytest.mark.rule("REC-2")
@pytest.mark.parametrize("moment", Moment)
def test_an_actor_ends_at_the_message_that_was_named(tmp_path: Path, moment: Moment) -> None:
    with broken(tmp_path) as town:
        before = town.system.incarnation(POOL)
        handled: list[str] = []
        town.on_message = lambda name, message: handled.append(type(message).__name__) if name == POOL else None
        town.arm(CrashActor(kind="pool", moment=moment, messages=2))
        town.send(town.signal(price="99"))
        town.run_for(1_000)
        assert crashes(town) == 1
        assert town.system.incarnation(POOL) > before
        (words,) = town.faults.injected
        assert words.startswith(f"{POOL} ends {moment}")
        if moment is Moment.BEFORE:
            assert words.endswith(handled[1])
        town.calm()
        town.check()


@pytest.mark.rule("REC-1", "REC-2")
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_actor_comes_back_and_the_story_goes_on(tmp_path: Path, kind: str) -> None:
    with broken(tmp_path) as town:
        for moment in Moment:
            town.arm(CrashActor(kind=kind, moment=moment, messages=1))
        town.submit(town.signal(price="99"))
        town.price(BTC, "98.9")
        town.run_for(120_000)
        town.submit(town.signal(intent=Intent.EXIT, price=None, side=None))
        town.run_for(120_000)
        assert town.faults.injected
        town.calm()
        town.check()
        town.check_profit()
        assert set(town.outcomes().values()) == {"opened", "exited"}


@pytest.mark.rule("REC-1")
@pytest.mark.parametrize("moment", Moment)
def test_a_killed_process_is_away_and_the_next_one_starts_on_what_was_durable(tmp_path: Path, moment: Moment) -> None:
    with broken(tmp_path) as town:
        signal = town.signal(price="99")
        town.arm(KillProcess(messages=6, moment=moment, down_ms=4_000))
        town.send(signal)
        died_ms = town.system.now_ms()
        while not town.is_dead:
            town.system.run(1)
        assert town.system.names() == ()
        assert town.now_ms - died_ms >= 4_000
        town.revive()
        assert town.starts == 2
        town.calm()
        assert town.submit(signal).outcome in (Outcome.OPENED, Outcome.DUPLICATE)
        town.check()
        assert len(town.open_at_venue()) == 5


@pytest.mark.rule("REC-1")
@pytest.mark.parametrize("messages", range(1, 40, 3))
def test_a_kill_at_any_message_of_an_entry_loses_nothing_and_doubles_nothing(tmp_path: Path, messages: int) -> None:
    with broken(tmp_path, seed=messages) as town:
        signal = town.signal(price="99")
        town.arm(KillProcess(messages=messages, moment=Moment.TELLING))
        town.send(signal)
        town.run_for(5_000)
        town.calm()
        town.submit(signal)
        town.check()
        town.check_no_order_twice()
        assert len(town.open_at_venue()) == 5


def test_no_message_ends_an_actor_twice_and_no_part_is_given_up(tmp_path: Path) -> None:
    """Each of these is held back until it can come, so that the supervisor's own limits are not what is seen."""
    with broken(tmp_path) as town:
        for _ in range(30):
            town.arm(CrashActor(kind="pool", moment=Moment.BEFORE))
        for number in range(1, 20):
            town.send(town.signal(price="99", timeframe=f"{number}m"))
            town.run_for(500)
        supervisor = town.actor(SUPERVISOR, Supervisor)
        assert supervisor is not None
        assert 2 <= len(town.faults.injected) < 30
        assert not any(part.state is PartState.GIVEN_UP for part in supervisor._parts.values())
        assert not any(note.type == "message.poisoned" for note in town.notes)
        town.calm()
        town.check()


def test_a_harsh_profile_holds_nothing_back(tmp_path: Path) -> None:
    with broken(tmp_path, is_harsh=True) as town:
        for _ in range(30):
            town.arm(CrashActor(kind="pool", moment=Moment.BEFORE))
        for _ in range(20):
            town.send(town.signal(price="99"))
            town.run_for(500)
        assert any(note.type == "actor.given_up" for note in town.notes)
        assert MAX_INTENSITY < DEFAULT_POLICY.max_intensity < len(town.faults.injected)


def test_a_flood_is_as_many_copies_as_was_said(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        town.submit(town.signal(price="99"))
        copies: list[object] = []
        town.on_message = lambda name, message: copies.append(message) if name == POOL else None
        town.arm(Flood(kind="pool", count=200))
        assert town.system.depths()[POOL] == 200
        town.run_for(10)
        assert len(copies) >= 200
        assert any(words.startswith("200 times") for words in town.faults.injected)
        town.calm()
        town.check()


@pytest.mark.rule("SIG-10")
def test_copies_of_a_signal_in_a_flood_are_duplicates(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        signal = town.signal(price="99")
        town.send(signal)
        while "pool" not in town.faults._last or not isinstance(town.faults._last["pool"][1], m.SubmitSignal):
            town.system.run(1)
        town.arm(Flood(kind="pool", count=100))
        town.calm()
        town.check()
        assert town.outcomes() == {signal.idempotency_key: "opened"}
        assert len(town.open_at_venue()) == 5


@pytest.mark.rule("REC-5")
@pytest.mark.parametrize("ms", [-3_600_000, -5_000, 5_000, 90_000, 3_600_000])
def test_a_clock_that_is_set_is_set_right_again_at_the_end(tmp_path: Path, ms: int) -> None:
    with broken(tmp_path) as town:
        before_ms = town.system.now_ms() - town.sim.now_ms()
        town.jump(ms)
        assert town.system.now_ms() - town.sim.now_ms() == before_ms + ms
        town.submit(town.signal(price="99"))
        town.price(BTC, "98.9")
        town.calm()
        assert town.system.now_ms() - town.sim.now_ms() == before_ms
        town.check()
        town.submit(town.signal(intent=Intent.EXIT, price=None, side=None))
        town.pass_time(60_000)
        town.check()
        assert not list(town.view.current.live())


def test_nothing_that_was_armed_is_left_when_faults_stop(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        town.arm(CrashActor(kind="", moment=Moment.BEFORE))
        town.arm(KillProcess(messages=1))
        town.faults.stop()
        town.submit(town.signal(price="99"))
        assert town.faults.injected == []
        assert town.starts == 1


def test_hooks_that_are_there_already_are_called_first(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        seen: list[str] = []
        town.on_message = lambda name, _message: seen.append(name)
        town.arm(CrashActor(kind="pool", moment=Moment.BEFORE))
        town.send(town.signal(price="99"))
        while not town.faults.injected:
            town.system.run(1)
        assert seen[-1] == POOL


def _crash(town: BrokenTown, rng: random.Random) -> None:
    town.arm(CrashActor(kind=rng.choice(KINDS), moment=rng.choice(list(Moment)), messages=rng.randint(1, 30)))


def _kill(town: BrokenTown, rng: random.Random) -> None:
    down_ms = rng.choice([1, 250, 5_000])
    town.arm(KillProcess(messages=rng.randint(1, 60), moment=rng.choice(list(Moment)), down_ms=down_ms))


def _flood(town: BrokenTown, rng: random.Random) -> None:
    town.arm(Flood(kind=rng.choice(KINDS), count=rng.randint(1, 30)))


def _jump(town: BrokenTown, rng: random.Random) -> None:
    town.jump(rng.choice([-3_600_000, -60_000, -2_000, -500, 500, 5_000, 90_000, 3_600_000]))


@pytest.mark.rule("REC-1", "REC-2", "REC-5", "SIG-9", "TP-7")
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("trouble", [_crash, _kill, _flood, _jump], ids=["crash", "kill", "flood", "jump"])
def test_a_crowd_comes_through_each_to_the_last_digit(tmp_path: Path, trouble: object, seed: int) -> None:
    broken_run(tmp_path, seed, trouble).close()  # type: ignore[arg-type]
