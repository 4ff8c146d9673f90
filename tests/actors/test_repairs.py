"""Faults at places where the engine once failed to come round by itself. Each is one story of one fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actors import messages as m
from actors.pool import Pool
from actors.ports import Applied, StoreFault
from actors.replies import ReplyBox
from actors.rules.model import GroupState, Intent, Outcome, Reason, Refused
from actors.rules.records import DeleteQueued
from tests.actors.havoc import Batch
from tests.actors.story import Injected
from tests.actors.town import BTC, ETH, POOL, Apply, Town, town_settings


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with Town(tmp_path, settings=town_settings(max_open_groups=1)) as made:
        made.settle()
        yield made


def crash_once(town: Town, when: Callable[[str, object], bool], *, after: bool = False) -> list[str]:
    """The first actor for whose message this holds fails before (or after) it. Who it was, once it has happened."""
    struck: list[str] = []

    def look(name: str, message: object) -> None:
        if not struck and when(name, message):
            struck.append(name)
            raise Injected(type(message).__name__)

    if after:
        town.on_handled = look
    else:
        town.on_message = look
    return struck


def fail_batch(town: Town, author: str, *, durable: bool, times: int = 1) -> list[str]:
    """The next batches with a commit of an author whose name begins so report a fault."""
    failed: list[str] = []

    def apply(go_on: Apply, batch: Batch) -> list[Applied]:
        if len(failed) < times and any(name.startswith(author) for name, _ in batch):
            failed.append(author)
            if durable:
                go_on(batch)
            raise StoreFault("injected")
        return go_on(batch)

    town.store.around = apply
    return failed


@pytest.mark.rule("REC-4")
def test_a_journal_that_dies_after_it_reported_a_fault_leaves_no_lasting_refusal(town: Town) -> None:
    """The next life reports that the store works, or the Pool would refuse everybody for ever."""
    fail_batch(town, "group/", durable=False)
    told = []

    def note(name: str, message: object) -> bool:
        told.extend([message] if isinstance(message, m.StoreFailed) else [])
        return name == "journal" and bool(told)

    struck = crash_once(town, note)
    assert town.submit(town.signal(BTC)).outcome is Outcome.OPENED
    assert struck == ["journal"]
    assert town.view.current.store_ok
    town.check()


@pytest.mark.rule("REC-2")
@pytest.mark.parametrize("seed", range(6))
def test_a_supervisor_that_dies_having_ended_a_group_brings_it_back(tmp_path: Path, seed: int) -> None:
    """The group had been asked to end and begin anew; the next supervisor may see only the end."""
    with Town(tmp_path, settings=town_settings(max_open_groups=1), seed=seed) as town:
        town.settle()
        end_group_and_supervisor(town)


def end_group_and_supervisor(town: Town) -> None:
    group_id = town.submit(town.signal(BTC)).group_id
    fail_batch(town, "group/", durable=False)
    struck = crash_once(town, lambda _name, message: isinstance(message, m.RestartAsked), after=True)
    town.system.tell(f"group/{group_id}", m.CancelEntries(group_id=group_id, who="ann", reply_to=None))
    town.settle()
    assert struck == ["supervisor"]
    assert town.system.incarnation(f"group/{group_id}")
    town.check()


@pytest.mark.rule("REC-2")
def test_two_supervisors_that_die_over_one_restart_do_not_forget_it(town: Town) -> None:
    """Else the fenced Pool would go on, and nothing it decides would ever be taken."""
    failed = fail_batch(town, POOL, durable=False)
    deaths: list[object] = []

    def look(name: str, message: object) -> None:
        lost = message.message if isinstance(message, m.Crashed) and message.who.name == name else message
        if name == "supervisor" and isinstance(lost, m.RestartAsked) and len(deaths) < 2:
            deaths.append(message)
            raise Injected("the supervisor")

    town.on_message = look
    answer = town.submit(town.signal(BTC, None, Intent.EXIT))
    assert (len(failed), len(deaths), answer.outcome) == (1, 2, Outcome.IGNORED)
    town.check()


@pytest.mark.rule("REC-2")
def test_a_unit_whose_first_member_dies_at_its_start_starts_as_a_whole(town: Town) -> None:
    """Rule 6. The Pool must not run beside a Queue that is away: its questions would be lost."""
    town.submit(town.signal(BTC))
    town.submit(town.signal(ETH))
    crashed: list[str] = []

    def strike(name: str, message: object) -> bool:
        if name == POOL and not crashed:
            crashed.append(name)
            raise Injected("the pool first")
        return name == "queue/paper" and isinstance(message, m.Start)

    struck = crash_once(town, strike)
    town.price(BTC, "110")
    assert struck == ["queue/paper"]
    assert [group.symbol for group in town.view.current.live()] == [ETH]
    town.check()


@pytest.mark.rule("REC-2")
def test_a_note_that_kills_the_journal_twice_is_given_up_and_later_ones_are_stored(town: Town) -> None:
    killed: list[str] = []

    def look(name: str, message: object) -> None:
        if name == "journal" and isinstance(message, m.Commit) and message.author.name == "supervisor":
            poison = any(getattr(row, "type", "") == "actor.crashed" for row in message.rows)
            if poison and len(killed) < 2:
                killed.append(name)
                raise Injected("poison")

    struck = crash_once(town, lambda name, _message: name == "feed")
    crash_feed = town.on_message
    assert crash_feed is not None

    def both(name: str, message: object) -> None:
        look(name, message)
        crash_feed(name, message)

    town.on_message = both
    town.submit(town.signal(BTC))
    assert (struck, len(killed)) == (["feed"], 2)
    assert town.rows("SELECT 1 FROM events WHERE type = 'message.quarantined'")
    assert town.submit(town.signal(ETH)).outcome is Outcome.QUEUED
    town.check()


def test_news_of_a_close_that_die_with_the_pool_are_told_again(town: Town) -> None:
    """Rule 8: else the group's actor would never be told that it may stop."""
    town.submit(town.signal(BTC))
    struck = crash_once(
        town, lambda name, message: name == POOL and isinstance(message, m.GroupChanged) and message.closed
    )
    town.price(BTC, "110")
    town.settle()
    assert struck == [POOL]
    assert [name for name in town.system.names() if name.startswith("group/")] == []
    town.check()


def test_a_group_whose_pool_died_before_it_could_say_what_it_is_to_be_does_not_stay(town: Town) -> None:
    struck: list[str] = []

    def tell(name: str, message: object) -> None:
        if isinstance(message, m.OpenGroup) and not struck:
            struck.append(name)
            raise Injected("before OpenGroup")

    town.on_tell = tell
    assert town.submit(town.signal(BTC)).outcome is Outcome.OPENED
    town.pass_time(31_000)
    assert struck == [POOL]
    assert len([name for name in town.system.names() if name.startswith("group/")]) == 1
    town.check()


@pytest.mark.rule("REC-1")
def test_a_promotion_that_was_durable_though_it_failed_is_made_up_for(town: Town) -> None:
    """Rule 9: neither Queue nor Pool nor View ever got its release."""
    town.submit(town.signal(BTC))
    town.submit(town.signal(ETH))
    failed: list[Batch] = []

    def apply(go_on: Apply, batch: Batch) -> list[Applied]:
        done = go_on(batch)
        if not failed and any(isinstance(row, DeleteQueued) for _, rows in batch for row in rows):
            failed.append(batch)
            raise StoreFault("injected")
        return done

    town.store.around = apply
    town.price(BTC, "110")
    assert failed
    assert [group.symbol for group in town.view.current.live()] == [ETH]
    assert list(town.view.current.waiting()) == []
    assert town.submit(town.signal(ETH, "99")).outcome is Outcome.PYRAMIDED
    town.check()


@pytest.mark.rule("REC-1")
def test_whoever_watches_learns_of_events_that_were_stored_unseen(town: Town) -> None:
    seen: list[object] = []
    subscribe = m.Subscribe(subscriber_id="me", after_sequence=None, sink=seen.extend)
    town.system.tell("feed", subscribe)
    town.settle()
    fail_batch(town, "group/", durable=True)
    town.submit(town.signal(BTC))
    town.settle()
    gaps = [item for item in seen if isinstance(item, m.FeedGap)]
    assert len(gaps) == 1
    had = {item.sequence for item in seen if isinstance(item, m.EventStored)}
    missing = set(range(gaps[0].after_sequence + 1, gaps[0].resume_sequence))
    last = town.rows("SELECT max(sequence) FROM events")[0][0]
    assert missing
    assert had | missing == set(range(min(had | missing), last + 1))
    assert not had & missing


@pytest.mark.rule("SIG-7", "REC-2")
def test_a_copy_that_only_the_store_knows_is_a_duplicate_and_harms_nobody(town: Town) -> None:
    """Pool remembers so many; the store holds the rest. Again and again it must not wear the engine out."""
    opened = town.submit(town.signal(BTC))
    leaving = town.signal(ETH, None, Intent.EXIT)
    waiting = town.signal(ETH)
    known = [town.submit(leaving), town.submit(waiting)]
    pyramid = town.signal(BTC, "99")
    known.append(town.submit(pyramid))
    for _ in range(10):
        for signal, first in zip((leaving, waiting, pyramid), known, strict=True):
            pool = town.actor(POOL, Pool)
            assert pool is not None
            pool._books.recent.clear()
            again = town.submit(signal)
            assert (again.outcome, again.first_outcome) == (Outcome.DUPLICATE, first.outcome)
            assert again.signal_id == first.signal_id
    group = town.group_of(town.signal(BTC).key)
    assert (group.group_id, len(group.pyramids), group.state) == (opened.group_id, 2, GroupState.PARTIALLY_FILLED)
    assert not [note for note in town.notes if note.type == "actor.given_up"]
    town.check()


@pytest.mark.rule("REC-4")
def test_a_person_hears_that_a_command_could_not_be_stored(town: Town) -> None:
    fail_batch(town, POOL, durable=False)
    box = ReplyBox()
    town.system.tell(POOL, m.PauseEngine(accounts=(), cancel_entries=False, who="ann", reply_to=box))
    town.settle()
    assert isinstance(box.answer, Refused)
    assert box.answer.reason is Reason.OUTCOME_UNKNOWN
    assert town.view.current.switches == {}
