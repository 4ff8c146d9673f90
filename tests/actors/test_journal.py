"""The Journal by the protocol's rules, with a store and a view that only write down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from actors import journal as module
from actors import messages as m
from actors.journal import Journal
from actors.ports import Applied, ConstraintBroken, StoreFault
from actors.replies import ReplyBox
from actors.rules.model import Outcome, Reason, Refused
from actors.rules.records import AddEvent, Row
from tests.actors.fake_life import FakeLife
from tests.daemon.store.samples import group

FIRST = m.Answer(signal_id="signal-1", outcome=Outcome.OPENED, reason=Reason.OK, group_id="g00000000001")


class ToyStore:
    """Writes down what it is asked, in `steps`, and fails as told."""

    def __init__(self, steps: list[Any]) -> None:
        self.steps = steps
        self.faults = 0
        """So many calls fail from now on."""
        self.broken: dict[str, ConstraintBroken] = {}
        """By author: its commits break this."""
        self.drafts: dict[str, m.Answer] = {}
        self.sequence = 0
        self.on_reserve = False

    def _maybe_fail(self) -> None:
        if self.faults:
            self.faults -= 1
            raise StoreFault("disk")

    def apply(self, batch: Sequence[tuple[str, Sequence[Row]]]) -> list[Applied]:
        self.steps.append(("apply", tuple(author for author, _ in batch)))
        self._maybe_fail()
        return [self._apply(author, rows) for author, rows in batch]

    def _apply(self, author: str, rows: Sequence[Row]) -> Applied:
        if author in self.broken:
            return Applied(broken=self.broken[author])
        stored = []
        for row in rows:
            self.sequence += 1
            stored.append(m.EventStored(sequence=self.sequence, event=row))
        return Applied(events=tuple(stored))

    def load_pool(self, *_: object) -> str:
        return self._load("pool")

    def load_account(self, *_: object) -> str:
        return "account"

    def load_queue(self, *_: object) -> str:
        return self._load("queue")

    def load_risk(self, *_: object) -> str:
        return self._load("risk")

    def load_group(self, group_id: str) -> object:
        self._load(group_id)
        return group(1) if group_id == FIRST.group_id else None

    def _load(self, what: str) -> str:
        self.steps.append(("load", what))
        self._maybe_fail()
        return what

    def draft_answer(self, settle: m.Settle) -> m.Answer | None:
        self.steps.append(("settle", settle.draft_id))
        self._maybe_fail()
        return self.drafts.get(settle.draft_id)


class ToyView:
    def __init__(self, steps: list[Any]) -> None:
        self.steps = steps
        self.in_doubt = False

    def swap(self, commits: Sequence[m.Commit], events: Sequence[m.EventStored]) -> None:
        self.steps.append(("swap", tuple(commit.author.name for commit in commits), len(events)))

    def renew(self) -> None:
        self.steps.append(("renew",))


class Desk:
    """A Journal between its toys. `steps` has everything it did, in order."""

    def __init__(self) -> None:
        self.steps: list[Any] = []
        self.life = FakeLife("journal")
        self.store = ToyStore(self.steps)
        store: Any = self.store
        self.view = ToyView(self.steps)
        self.journal = Journal(self.life, store=store, view=self.view)
        tell = self.life.tell

        def told(to: Any, message: object) -> None:
            self.steps.append(("tell", to if isinstance(to, str) else "caller", message))
            tell(to, message)

        self.life.tell = told  # type: ignore[method-assign]

    def take(self, *messages: object) -> None:
        self.journal.receive_batch(list(messages))

    def kinds(self) -> list[str]:
        return [step[0] for step in self.steps]

    def restarts(self) -> list[tuple[str, int]]:
        return [(asked.who.name, asked.who.incarnation) for asked in self.life.take(m.RestartAsked)]

    def applied(self) -> list[str]:
        return [author for kind, *rest in self.steps if kind == "apply" for author in rest[0]]


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.take(m.Load(name="gateway/paper", incarnation=1))  # The store is known to work.
    made.life.told.clear()
    made.steps.clear()
    return made


def event(words: str = "x") -> AddEvent:
    return AddEvent(time_ms=0, severity="info", category="engine", type="t", message=words)


def commit(
    author: str = "group/a",
    incarnation: int = 1,
    *then: m.Send,
    participants: tuple[tuple[str, int], ...] = (),
    draft_id: str = "",
    rows: tuple[Row, ...] = (event(),),
) -> m.Commit:
    return m.Commit(
        author=m.Participant(author, incarnation),
        participants=tuple(m.Participant(*who) for who in participants),
        draft_id=draft_id,
        rows=rows,
        then=then,
    )


def settle(draft_id: str) -> m.Settle:
    return m.Settle(draft_id=draft_id, signal_id="signal-1", reply_to="pool/paper", incarnation=1)


# --- drafts and incarnations ----------------------------------------------------------------------


@pytest.mark.parametrize("who", ["author", "participant"])
def test_rule_1_a_commit_is_refused_if_somebody_in_it_was_reloaded_since(desk: Desk, who: str) -> None:
    reloaded = "group/a" if who == "author" else "pool/paper"
    desk.take(m.Load(name=reloaded, incarnation=2))
    caller = ReplyBox()
    desk.take(commit("group/a", 1, m.Send(caller, "done"), participants=(("pool/paper", 1),), draft_id="d"))
    assert desk.applied() == []
    assert desk.restarts() == [("group/a", 1)]


def test_rule_1_a_commit_of_those_who_are_still_the_same_is_taken(desk: Desk) -> None:
    desk.take(m.Load(name="pool/paper", incarnation=2))
    desk.take(commit("group/a", 1, participants=(("pool/paper", 2),), draft_id="d"))
    assert desk.applied() == ["group/a"]
    assert desk.restarts() == []


def test_rule_2_a_draft_that_was_committed_is_settled_with_its_outcome_and_its_group(desk: Desk) -> None:
    desk.store.drafts["d"] = FIRST
    desk.take(settle("d"))
    settled = desk.life.one(m.Settled)
    assert (settled.done, settled.draft_id, settled.incarnation) == (FIRST, "d", 1)
    assert settled.told is not None
    assert (settled.told.slot_token, settled.told.closed) == ("slot-1", False)


def test_rule_2_a_draft_that_was_not_committed_is_buried_for_good(desk: Desk) -> None:
    desk.take(settle("d"))
    assert desk.life.one(m.Settled).done is None
    desk.take(commit("group/a", 1, m.Send("gateway/paper", "order"), draft_id="d"))
    assert desk.applied() == []
    assert desk.life.to("gateway/paper") == []
    assert desk.restarts() == [("group/a", 1)]


def test_rule_2_the_oldest_tombstones_give_way(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TOMBSTONES", 2)
    for number in range(3):
        desk.take(settle(f"d{number}"))
    desk.take(commit("group/a", draft_id="d0"), commit("group/b", draft_id="d1"))
    assert desk.applied() == ["group/a"]


def test_rule_4_after_a_refused_commit_nothing_later_of_that_life_is_taken(desk: Desk) -> None:
    desk.store.broken["group/a"] = ConstraintBroken("fills_once", "twice")
    desk.take(commit("group/a", 1))
    desk.store.broken.clear()
    desk.take(commit("group/a", 1, m.Send("gateway/paper", "order")), commit("group/b", 1))
    assert desk.applied() == ["group/a", "group/b"]
    assert desk.life.to("gateway/paper") == []
    assert desk.restarts() == [("group/a", 1)] * 2, "asked again: it goes on, so perhaps nobody has heard"


def test_rule_4_the_next_life_is_taken_again(desk: Desk) -> None:
    desk.store.broken["group/a"] = ConstraintBroken("fills_once", "twice")
    desk.take(commit("group/a", 1))
    desk.store.broken.clear()
    desk.take(m.Load(name="group/a", incarnation=2), commit("group/a", 2))
    assert desk.applied() == ["group/a", "group/a"]


@pytest.mark.parametrize("kind", ["pool", "queue", "risk"])
def test_each_of_a_world_s_actors_is_loaded_with_its_own_state(desk: Desk, kind: str) -> None:
    desk.take(m.Load(name=f"{kind}/paper", incarnation=3))
    loaded = desk.life.one(m.Loaded)
    assert (loaded.state, loaded.incarnation) == (kind, 3)


def test_rule_5_what_is_loaded_is_behind_every_commit_told_before(desk: Desk) -> None:
    desk.take(commit("group/a"), commit("group/b"), m.Load(name="pool/paper", incarnation=2), commit("group/c"))
    steps = [step[:2] for step in desk.steps if step[0] in ("apply", "load")]
    assert steps == [("apply", ("group/a", "group/b")), ("load", "pool"), ("apply", ("group/c",))]
    loaded = desk.life.one(m.Loaded)
    assert (loaded.state, loaded.incarnation) == ("pool", 2)


# --- commit and release ---------------------------------------------------------------------------


def test_rule_8_what_a_failed_commit_would_have_told_is_told_to_nobody(desk: Desk) -> None:
    desk.store.faults = 1
    desk.take(commit("group/a", 1, m.Send("gateway/paper", "order"), m.Send("pool/paper", "news")))
    assert desk.life.to("gateway/paper") == desk.life.to("pool/paper") == []
    assert "swap" not in desk.kinds()


def test_rule_9_all_authors_of_a_failed_batch_find_out_from_the_store(desk: Desk) -> None:
    desk.store.faults = 1
    desk.take(commit("group/a"), commit("group/b", 7))
    assert desk.restarts() == [("group/a", 1), ("group/b", 7)]
    desk.take(commit("group/a", 1))
    assert desk.applied() == ["group/a", "group/b"], "the fenced life is not even tried"


@pytest.mark.parametrize("then", ["commit", "load", "settle"])
def test_rule_9_after_a_failed_batch_the_view_is_read_anew_before_anything_else(desk: Desk, then: str) -> None:
    desk.store.faults = 1
    desk.take(commit("group/a"))
    desk.steps.clear()
    following = {"commit": commit("group/b"), "load": m.Load(name="pool/paper", incarnation=2), "settle": settle("d")}
    desk.take(following[then])
    desk.take(following[then])
    assert desk.kinds()[0] == "renew"
    assert desk.kinds().count("renew") == 1


def test_rule_9_the_view_is_read_anew_also_where_the_journal_itself_ended_in_between(desk: Desk) -> None:
    desk.store.faults = 1
    desk.take(commit("group/a"))
    desk.steps.clear()
    store: Any = desk.store
    desk.journal = Journal(desk.life, store=store, view=desk.view)
    desk.take(m.Load(name="pool/paper", incarnation=2))
    assert desk.kinds()[0] == "renew"


def test_rule_11_a_broken_constraint_refuses_one_commit_of_a_batch(desk: Desk) -> None:
    desk.store.broken["group/b"] = ConstraintBroken("fills_once", "twice")
    news = [m.Send("gateway/paper", name) for name in "abc"]
    desk.take(commit("group/a", 1, news[0]), commit("group/b", 1, news[1]), commit("group/c", 1, news[2]))
    assert desk.applied() == ["group/a", "group/b", "group/c"]
    assert desk.life.to("gateway/paper") == ["a", "c"]
    assert desk.restarts() == [("group/b", 1)]


def test_rule_12_the_view_swaps_first_then_everything_leaves_in_commit_order(desk: Desk) -> None:
    caller = ReplyBox()
    first = commit("group/a", 1, m.Send("gateway/paper", 1), m.Send(caller, 2))
    desk.take(first, commit("group/b", 1, m.Send("gateway/paper", 3)))
    told = [(step[1], step[2]) for step in desk.steps if step[0] == "tell"]
    assert desk.kinds()[:2] == ["apply", "swap"]
    assert told[:3] == [("gateway/paper", 1), ("caller", 2), ("gateway/paper", 3)]
    assert [step[1] for step in desk.steps if step[0] == "swap"] == [("group/a", "group/b")]
    assert [stored.sequence for stored in desk.life.take(m.EventStored)] == [1, 2]


def test_commits_told_together_are_one_transaction(desk: Desk) -> None:
    desk.take(*(commit(f"group/{number}") for number in range(100)))
    assert desk.kinds().count("apply") == 1


# --- signals seen before, callers, the store's health ---------------------------------------------


@pytest.mark.rule("SIG-7")
@pytest.mark.parametrize("author", ["group/a", "queue/paper", "pool/paper"])
def test_a_signal_another_one_was_before_gets_the_first_outcome(desk: Desk, author: str) -> None:
    """Its author decided for nothing and begins anew, which is nobody's failure."""
    desk.store.broken[author] = ConstraintBroken("idempotency", "claimed", FIRST)
    caller = ReplyBox()
    participants = () if author == "pool/paper" else (("pool/paper", 1),)
    desk.take(commit(author, 1, m.Send(caller, "done"), participants=participants, draft_id="d"))
    assert desk.life.to("pool/paper") == [m.DraftDuplicate(draft_id="d", first=FIRST)]
    asked = desk.life.one(m.RestartAsked)
    assert (asked.who.name, asked.is_failure) == (author, False)
    if author != "group/a":  # There the Pool, which is as it was, answers.
        assert caller.answer == m.as_duplicate(FIRST)


def test_whoever_waits_for_a_commit_that_was_not_taken_hears_of_it(desk: Desk) -> None:
    caller = ReplyBox()
    desk.take(m.Load(name="group/a", incarnation=2), commit("group/a", 1, m.Send(caller, "done")))
    assert isinstance(caller.answer, Refused)
    assert caller.answer.reason is Reason.STORE_FAILED


def test_whoever_waits_for_a_commit_of_unknown_outcome_hears_that(desk: Desk) -> None:
    caller = ReplyBox()
    desk.store.faults = 1
    desk.take(commit("pool/paper", 1, m.Send(caller, "done"), draft_id="d"))
    assert isinstance(caller.answer, Refused)
    assert caller.answer.reason is Reason.OUTCOME_UNKNOWN


def test_a_draft_its_pool_will_settle_is_answered_by_the_pool(desk: Desk) -> None:
    caller = ReplyBox()
    desk.store.faults = 1
    desk.take(commit("group/a", 1, m.Send(caller, "done"), participants=(("pool/paper", 1),), draft_id="d"))
    assert not caller.done


def test_if_the_pool_of_a_draft_is_another_by_now_the_caller_hears_it_from_here(desk: Desk) -> None:
    caller = ReplyBox()
    desk.take(m.Load(name="pool/paper", incarnation=2))
    desk.take(commit("group/a", 1, m.Send(caller, "done"), participants=(("pool/paper", 1),), draft_id="d"))
    assert isinstance(caller.answer, Refused)


@pytest.mark.rule("REC-4")
def test_the_supervisor_hears_once_that_the_store_fails_and_once_that_it_works(desk: Desk) -> None:
    desk.store.faults = 2
    for number in range(4):
        desk.take(commit(f"group/{number}"))
    assert [told.ok for told in desk.life.take(m.StoreFailed)] == [False, True]


@pytest.mark.rule("REC-5")
def test_the_supervisor_hears_that_only_the_reserve_is_left_and_that_there_is_room_again(desk: Desk) -> None:
    desk.store.on_reserve = True
    desk.take(commit("pool/paper"))
    desk.take(commit("pool/paper"))
    desk.store.on_reserve = False
    desk.take(commit("pool/paper"))
    heard = desk.life.of(m.StoreFailed)
    assert [(news.ok, news.on_reserve) for news in heard] == [(True, True), (True, True), (True, False)]


@pytest.mark.rule("REC-2", "REC-4")
def test_a_new_supervisor_hears_with_the_next_commit_that_the_store_is_not_well(desk: Desk) -> None:
    """Else it would not try whether that is over, and entries would be refused until somebody else commits."""
    desk.store.on_reserve = True
    desk.take(commit("pool/paper"))
    desk.life.take(m.StoreFailed)  # The supervisor that heard it has died.
    desk.take(commit("supervisor"))
    assert [(news.ok, news.on_reserve) for news in desk.life.take(m.StoreFailed)] == [(True, True)]


def test_each_life_says_that_the_store_works_since_the_last_one_may_have_said_otherwise() -> None:
    fresh = Desk()
    fresh.take(commit("group/a"))
    fresh.take(commit("group/b"))
    assert [told.ok for told in fresh.life.take(m.StoreFailed)] == [True]


def test_a_question_waits_for_the_store_and_is_answered_when_it_works(desk: Desk) -> None:
    desk.store.faults = 2
    desk.take(m.Load(name="queue/paper", incarnation=3))
    assert desk.life.of(m.Loaded) == []
    desk.take(desk.life.fire("store"))
    assert desk.life.of(m.Loaded) == []
    desk.take(desk.life.fire("store"))
    assert desk.life.one(m.Loaded).state == "queue"
    assert desk.life.wakes == {}


def test_while_a_question_waits_its_earlier_life_is_over_already(desk: Desk) -> None:
    desk.store.faults = 1
    desk.take(m.Load(name="queue/paper", incarnation=3), commit("queue/paper", 2))
    assert desk.applied() == []


def test_what_the_journal_does_not_know_ends_it(desk: Desk) -> None:
    with pytest.raises(TypeError, match="GatewayStarted"):
        desk.take(m.GatewayStarted(account="paper"))


def test_the_names_remembered_are_limited(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LIVES", 3)
    for number in range(10):
        desk.take(commit(f"group/{number}"))
    assert len(desk.journal._lives) == 3
