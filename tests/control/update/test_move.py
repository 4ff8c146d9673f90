"""What follows what in an update: killed at any moment, failing at any step, it ends with one version that trades."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.config_file import ConfigFault
from control.update.journal import ORDER, SWITCH, Journal, Kind, Stage
from control.update.move import Book, Stuck, advance, give_up, resumed
from control.update.refused import StepFailed, UpdateRefused

OLD, NEW = "0.1", "0.2"
READS: dict[str, int] = {OLD: 1, NEW: 2}
"""The newest schema of a store that a version reads."""


class Killed(BaseException):
    """The updater is gone."""


@dataclass
class World:
    """A machine: which version the link names, what runs, what the store is like, what the disk holds."""

    link: str = OLD
    running: str = OLD
    schema: int = 1
    traded: int = 0
    """What the store knows to have happened."""
    copy: tuple[int, int] | None = None
    """Schema and what had happened, of the store at rest."""
    journal: Journal | None = None
    kills: list[int] = field(default_factory=list)
    moments: int = 0
    refused_starts: int = 0
    restored: bool = False

    def moment(self) -> None:
        """Something may happen between any two things that are done."""
        if self.running:
            assert READS[self.running] >= self.schema, "an older program runs on a newer store"
            self.traded += 1
        self.moments += 1
        if self.kills and self.moments >= self.kills[0]:
            self.kills.pop(0)
            self.moments = 0
            raise Killed

    def start(self, version: str) -> None:
        if READS[version] < self.schema:
            self.refused_starts += 1
            return
        self.schema = max(self.schema, READS[version])
        self.running = version

    def reboot(self) -> None:
        """The supervisor starts what the link names."""
        self.running = ""
        self.start(self.link)


@dataclass
class FakeDeeds:
    """The steps on a `World`. `fails`: steps that do not succeed on the way there, `stuck`: on the way back."""

    world: World
    fails: frozenset[Stage] = frozenset()
    stuck: frozenset[Stage] = frozenset()
    fault: Exception | None = None
    may_give_up_at: Stage | None = None

    def do(self, journal: Journal) -> Journal:
        world, target = self.world, journal.target
        world.moment()
        if journal.stage in (self.stuck if journal.is_return else self.fails):
            raise self.fault or StepFailed(f"{journal.stage} fails")
        if journal.stage is Stage.STOP:
            world.running = ""
        elif journal.stage is Stage.REST and not journal.is_return and world.copy is None:
            world.copy = (world.schema, world.traded)
        elif journal.stage is Stage.LINK:
            world.link = target
        elif journal.stage is Stage.CONVERT and journal.leads_down:
            while world.schema > READS[target]:
                world.schema -= 1
                world.moment()
        elif journal.stage is Stage.START:
            world.start(target)
        elif journal.stage is Stage.WATCH and world.running != target:
            raise StepFailed("it does not run")
        world.moment()
        return journal

    def give_up(self, journal: Journal) -> None:
        assert journal.stage not in SWITCH or journal.stage is self.may_give_up_at
        self.world.moment()

    def close(self, journal: Journal) -> Journal:
        self.world.moment()
        return journal


def journal(kind: Kind = Kind.UPDATE, stage: Stage = Stage.INSTALL) -> Journal:
    old, new = (OLD, NEW) if kind is Kind.UPDATE else (NEW, OLD)
    return Journal(kind=kind, stage=stage, old=old, new=new, config="c", folder="f", scope="user")


def book(world: World) -> Book:
    def save(written: Journal) -> None:
        world.moment()
        world.journal = written

    def clear() -> None:
        world.journal = None
        world.moment()

    return Book(save=save, clear=clear)


def test_an_update_that_succeeds_ends_with_the_new_version() -> None:
    world = World()
    ended = advance(journal(), FakeDeeds(world), book(world))
    assert (ended.is_return, world.link, world.running, world.schema) == (False, NEW, NEW, 2)
    assert world.journal is None


@pytest.mark.parametrize("stage", [stage for stage in ORDER if stage not in SWITCH])
def test_a_failure_before_the_switch_leaves_the_old_one_trading(stage: Stage) -> None:
    world = World()
    with pytest.raises(UpdateRefused, match="Nothing was switched"):
        advance(journal(), FakeDeeds(world, frozenset({stage})), book(world))
    assert (world.link, world.running, world.schema, world.journal) == (OLD, OLD, 1, None)


@pytest.mark.parametrize("stage", SWITCH)
def test_a_failure_in_the_switch_leads_back_by_itself_and_keeps_what_happened(stage: Stage) -> None:
    world = World()
    ended = advance(journal(), FakeDeeds(world, frozenset({stage})), book(world))
    assert (ended.is_return, ended.reason) == (True, f"{stage} fails")
    assert (world.link, world.running, world.schema, world.journal) == (OLD, OLD, 1, None)
    assert world.traded > 0


@pytest.mark.parametrize("fault", [ConfigFault("no YAML"), KeyError("readable"), sqlite3.DatabaseError("malformed")])
@pytest.mark.parametrize("stage", SWITCH)
def test_whatever_goes_wrong_in_the_switch_nothing_is_left_stopped(stage: Stage, fault: Exception) -> None:
    """A config that somebody edits meanwhile, a bug."""
    world = World()
    ended = advance(journal(), FakeDeeds(world, frozenset({stage}), fault=fault), book(world))
    assert (ended.is_return, world.link, world.running, world.journal) == (True, OLD, OLD, None)
    assert type(fault).__name__ in ended.reason


@pytest.mark.parametrize("stage", SWITCH[1:])
def test_what_is_refused_once_the_old_one_is_stopped_goes_back(stage: Stage) -> None:
    world = World()
    deeds = FakeDeeds(world, frozenset({stage}), fault=UpdateRefused("version 0.2 is not installed"))
    ended = advance(journal(), deeds, book(world))
    assert (ended.reason, world.running, world.journal) == ("version 0.2 is not installed", OLD, None)
    with pytest.raises(Stuck):
        advance(journal(), replace(deeds, fails=frozenset({Stage.WATCH}), stuck=frozenset({stage})), book(world))
    assert world.journal is not None


@pytest.mark.parametrize("stage", SWITCH)
def test_before_it_is_gone_on_with_whatever_was_started_meanwhile_is_stopped(stage: Stage) -> None:
    """Somebody found the daemon stopped, and started it."""
    world, started = World(), stage not in (Stage.WATCH, Stage.OTHERS)
    if not started:
        world.link = world.running = NEW
    found = resumed(journal(stage=stage))
    assert found.stage is (Stage.STOP if started else stage)
    assert resumed(replace(journal(stage=stage), scope="")).stage is stage
    ended = advance(found, FakeDeeds(world), book(world))
    assert world.running == ended.target == world.link


@pytest.mark.parametrize("stage", SWITCH)
def test_a_way_back_that_fails_keeps_the_journal_and_is_gone_on_with(stage: Stage) -> None:
    world = World()
    with pytest.raises(Stuck):
        advance(journal(), FakeDeeds(world, frozenset({Stage.WATCH}), frozenset({stage})), book(world))
    assert world.journal is not None
    assert world.journal.is_return
    ended = advance(world.journal, FakeDeeds(world), book(world))
    assert (ended.is_return, world.link, world.running, world.schema) == (True, OLD, OLD, 1)


def full_from(first: Stage, world: World) -> Book:
    """A disk that takes no journal from that step on."""
    whole = book(world)

    def save(written: Journal) -> None:
        if written.is_return or ORDER.index(written.stage) >= ORDER.index(first):
            raise OSError(28, "No space left on device")
        whole.save(written)

    return replace(whole, save=save)


def test_a_full_disk_before_the_switch_leaves_the_old_one_trading() -> None:
    world = World()
    with pytest.raises(UpdateRefused, match="No space left on device"):
        advance(journal(), FakeDeeds(world, may_give_up_at=Stage.STOP), full_from(Stage.STOP, world))
    assert (world.link, world.running, world.schema, world.journal) == (OLD, OLD, 1, None)


@pytest.mark.parametrize("fails", [None, Stage.WATCH])
def test_a_full_disk_in_the_switch_keeps_nobody_from_going_on_or_back(fails: Stage | None) -> None:
    world = World()
    deeds = FakeDeeds(world, frozenset({fails} if fails else ()))
    ended = advance(journal(), deeds, full_from(Stage.REST, world))
    assert ended.is_return == bool(fails)
    assert (world.link, world.running) == ((OLD, OLD) if fails else (NEW, NEW))


STAGES = st.frozensets(st.sampled_from(SWITCH), max_size=2)


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(Kind),
    kills=st.lists(st.integers(1, 60), max_size=6),
    fails=STAGES,
    reboots=st.booleans(),
    undone=st.lists(st.booleans(), min_size=7, max_size=7),
)
def test_killed_at_any_moments_it_ends_with_one_version_on_a_store_it_can_read(
    kind: Kind, kills: list[int], fails: frozenset[Stage], reboots: bool, undone: list[bool]
) -> None:
    """After every death the next `terrace update`, or `terrace rollback`, goes on from what is on disk."""
    first = OLD if kind is Kind.UPDATE else NEW
    world = World(link=first, running=first, schema=READS[first], kills=kills)
    deeds = FakeDeeds(world, fails)
    current: Journal | None = journal(kind)
    known = 0
    for undo in undone:
        assert current is not None
        try:
            advance(resumed(current), deeds, book(world))
            break
        except Killed:
            assert world.traded >= known, "what had happened is forgotten"
            known = world.traded
            if reboots:
                world.reboot()
            current = world.journal
            if current is None:  # It had ended, or never begun.
                break
            if not current.is_switching:
                world.kills.clear()
                give_up(current, deeds, book(world))
                break
            if undo and not current.is_return:
                current = current.turned("by hand")
    assert world.journal is None
    if not world.running:  # Killed before its first word: nothing was touched.
        world.start(world.link)
    assert world.running == world.link
    assert READS[world.running] == world.schema
    assert world.traded >= known
