"""The View: whole snapshots, built from what commits made durable."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import view as module
from actors.messages import Commit, EventStored, Participant
from actors.rules.choices import World
from actors.rules.model import Group, GroupState, Outcome, Reason, Side
from actors.rules.records import (
    AcknowledgeAlert,
    DeleteQueued,
    RaiseAlert,
    ResolveAlert,
    Row,
    SaveEngineState,
    SaveGroup,
    SaveQueued,
    SaveSignal,
    SetOutcome,
)
from actors.rules.settings import StrategySettings
from actors.view import Snapshot, Totals, View
from tests.rules.builders import key, queued, signal, spot

D = Decimal
PAPER, LIVE = World.PAPER, World.LIVE


def group(group_id: str = "g1", state: GroupState = GroupState.LIVE, realized: str = "0", fees: str = "0") -> Group:
    return Group(
        group_id=group_id,
        world=PAPER,
        key=key(timeframe=f"{int(group_id[1:])}m"),
        side=Side.LONG,
        state=state,
        instrument=spot(),
        settings=SETTINGS,
        slot_token="slot",
        forced=False,
        signal_id="signal-1",
        opened_stamp_ms=0,
        create_time_ms=0,
        update_time_ms=0,
        realized=D(realized),
        fees=D(fees),
    )


SETTINGS = StrategySettings()
CLOSED, CLOSING = GroupState.CLOSED, GroupState.CLOSING


def commit(*rows: Row, groups: tuple[Group, ...] = ()) -> Commit:
    return Commit(author=Participant("group/a", 1), rows=rows, groups=groups)


@pytest.fixture
def view() -> View:
    return View(world_of=lambda account: PAPER if account == "paper" else None)


def put(view: View, *rows: Row, groups: tuple[Group, ...] = ()) -> Snapshot:
    view.swap([commit(*rows, groups=groups)], [])
    return view.current


def test_a_group_is_in_sight_as_it_is_after_its_commit(view: View) -> None:
    put(view, groups=(group(),))
    after = group(state=GroupState.ACTIVE)
    snapshot = put(view, groups=(after,))
    assert snapshot.groups == {"g1": after}
    assert snapshot.live_count == {PAPER: 1}
    assert snapshot.on_key(PAPER, after.key) == (after, None)
    assert snapshot.on_key(LIVE, after.key) == (None, None)


def test_a_group_that_comes_only_as_a_row_is_in_sight_too(view: View) -> None:
    assert put(view, SaveGroup(group=group())).groups == {"g1": group()}


def test_a_closed_group_leaves_the_live_ones_and_stays_in_sight_for_a_while(view: View) -> None:
    put(view, groups=(group(),))
    snapshot = put(view, groups=(group(state=CLOSED),))
    assert snapshot.groups == {}
    assert snapshot.live_count == {PAPER: 0}
    assert snapshot.by_key == {}
    assert snapshot.find("g1") == group(state=CLOSED)


def test_only_so_many_closed_groups_stay_in_sight(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RECENT_CLOSED", 2)
    for number in (1, 2, 3):
        put(view, groups=(group(f"g{number}"),))
        put(view, groups=(group(f"g{number}", CLOSED, realized="1"),))
    assert list(view.current.closed) == ["g2", "g3"]
    assert view.current.closed_totals[PAPER].realized == 3


def test_totals_count_each_closed_group_once_also_after_a_late_fill(view: View) -> None:
    put(view, groups=(group(),))
    put(view, groups=(group(state=CLOSED, realized="5", fees="0.5"),))
    assert view.current.closed_totals[PAPER] == Totals(D(5), D("0.5"))
    put(view, groups=(group(state=CLOSING, realized="4.9", fees="0.6"),))
    assert view.current.closed_totals[PAPER] == Totals()
    assert view.current.totals(PAPER) == Totals(D("4.9"), D("0.6"))
    put(view, groups=(group(state=CLOSED, realized="4", fees="0.7"),))
    assert view.current.closed_totals[PAPER] == Totals(D(4), D("0.7"))


def test_totals_of_earlier_days_are_where_counting_starts() -> None:
    start = Snapshot(closed_totals={PAPER: Totals(D(100), D(10))})
    view = View(world_of=lambda account: PAPER, start=start, counted=[("g1", Totals(D(30), D(3)))])
    put(view, groups=(group(state=CLOSING, realized="29"),))
    assert view.current.closed_totals[PAPER] == Totals(D(70), D(7))
    put(view, groups=(group(state=CLOSED, realized="28", fees="4"),))
    assert view.current.closed_totals[PAPER] == Totals(D(98), D(11))


def test_a_late_fill_does_not_hide_the_new_group_on_its_key(view: View) -> None:
    new = replace(group("g2"), key=group("g1").key)
    put(view, groups=(group(),))
    put(view, groups=(group(state=CLOSED),))
    put(view, groups=(new,))
    put(view, groups=(group(state=CLOSING),))
    assert view.current.on_key(PAPER, new.key)[0] == new
    put(view, groups=(group(state=CLOSED),))
    assert view.current.on_key(PAPER, new.key)[0] == new


def test_what_the_store_holds_at_start_is_in_sight_from_the_first_moment() -> None:
    start = Snapshot(groups={"g1": group(), "g2": group("g2")}, last_sequence=9)
    view = View(world_of=lambda account: PAPER, start=start)
    assert view.current.live_count == {PAPER: 2}
    assert view.current.on_key(PAPER, group("g2").key)[0] == group("g2")
    assert view.current.last_sequence == 9


def test_the_queue_is_in_sight(view: View) -> None:
    first, newer = queued(1), queued(1, entry="101")
    put(view, SaveQueued(world=PAPER, queued=first), SaveQueued(world=LIVE, queued=queued(2)))
    snapshot = put(view, SaveQueued(world=PAPER, queued=newer))
    assert list(snapshot.waiting(PAPER)) == [newer]
    assert snapshot.on_key(PAPER, newer.key) == (None, newer)
    gone = put(view, DeleteQueued(world=PAPER, key=newer.key, signal_id=newer.signal.signal_id))
    assert list(gone.waiting()) == [queued(2)]


def saved(number: int, time_ms: int = 0, account: str = "paper") -> SaveSignal:
    alert = signal(signal_id=f"signal-{number}", receive_time_ms=time_ms, key=key(account=account))
    return SaveSignal(
        signal=alert, outcome=Outcome.QUEUED, reason=Reason.OK, detail="", group_id="", draft_id="", time_ms=time_ms
    )


def test_signals_are_in_sight_with_their_newest_outcome(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RECENT_SIGNALS", 2)
    put(view, saved(1, 10), saved(2, 30), saved(3, 20))
    outcome = SetOutcome(
        signal_id="signal-3", outcome=Outcome.OPENED, reason=Reason.OK, detail="", group_id="", draft_id="", time_ms=9
    )
    snapshot = put(view, outcome, replace(outcome, signal_id="signal-1"))
    assert list(snapshot.signals) == ["signal-2", "signal-3"]
    assert snapshot.signals["signal-3"].changed == outcome
    assert snapshot.last_signal_time_ms == {PAPER: 30}


def test_a_signal_of_an_account_that_is_gone_belongs_to_no_world(view: View) -> None:
    assert put(view, saved(1, 10, account="gone")).last_signal_time_ms == {}


def raised(time_ms: int, message: str = "m", alert_key: str = "k") -> RaiseAlert:
    return RaiseAlert(alert_key=alert_key, time_ms=time_ms, severity="error", category="system", message=message)


@pytest.mark.rule("LOG-5")
def test_an_alert_raised_again_counts_up_and_an_acknowledgement_stands_until_it_is_resolved(view: View) -> None:
    put(view, raised(1))
    put(view, AcknowledgeAlert(alert_key="k", who="me", time_ms=2))
    put(view, AcknowledgeAlert(alert_key="k", who="you", time_ms=3))
    alert = put(view, raised(4, "newer")).alerts["k"]
    assert (alert.count, alert.first_time_ms, alert.last_time_ms, alert.message) == (2, 1, 4, "newer")
    assert (alert.acknowledged_by, alert.acknowledge_time_ms) == ("me", 2)
    assert put(view, ResolveAlert(alert_key="k", time_ms=5)).alerts == {}
    assert put(view, raised(6)).alerts["k"].count == 1


def test_alerts_raised_longest_ago_leave_sight_first(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ALERTS", 2)
    put(view, raised(1, alert_key="a"), raised(2, alert_key="b"), raised(3, alert_key="a"), raised(4, alert_key="c"))
    assert list(view.current.alerts) == ["a", "c"]


def test_switches_are_in_sight_and_an_empty_one_is_gone(view: View) -> None:
    switch = SaveEngineState(world=PAPER, name="paused", value="yes", who="me", time_ms=1)
    assert put(view, switch).switches == {(PAPER, "paused"): "yes"}
    assert put(view, replace(switch, value="")).switches == {}


def test_events_move_the_sequence_and_every_swap_the_version(view: View) -> None:
    before = view.current.version
    view.swap([], [EventStored(sequence=3, event="a"), EventStored(sequence=4, event="b")])
    assert view.current.last_sequence == 4
    assert view.current.version == before + 1
    view.swap([], [])
    assert view.current.last_sequence == 4


def test_the_state_of_the_store_is_in_sight(view: View) -> None:
    view.mark_store(False, "disk full")
    assert (view.current.store_ok, view.current.store_error) == (False, "disk full")
    put(view, groups=(group(),))
    assert not view.current.store_ok
    view.mark_store(True)
    assert (view.current.store_ok, view.current.store_error) == (True, "")


def test_a_snapshot_never_changes_once_it_is_in_sight(view: View) -> None:
    put(view, saved(1), raised(1), SaveQueued(world=PAPER, queued=queued()), groups=(group(),))
    first = view.current
    copy = {name: dict(getattr(first, name)) for name in ("groups", "alerts", "queued", "signals", "live_count")}
    put(view, saved(2), raised(2), groups=(group(state=CLOSED, realized="1"), group("g2")))
    put(view, ResolveAlert(alert_key="k", time_ms=5))
    assert {name: getattr(first, name) for name in copy} == copy


def test_maps_that_did_not_change_are_shared(view: View) -> None:
    first = put(view, raised(1), groups=(group(),))
    second = put(view, groups=(group(state=GroupState.ACTIVE),))
    assert second.alerts is first.alerts
    assert second.by_key is first.by_key


def test_readers_see_whole_commits_while_it_is_swapped() -> None:
    """Every commit puts the same amount on two groups; a reader that sees them differ saw half of one."""
    view = View(world_of=lambda account: PAPER)
    stop = threading.Event()
    torn: list[Snapshot] = []
    seen: set[int] = set()

    def read() -> None:
        while not stop.is_set():
            snapshot = view.current
            one, two = snapshot.groups.get("g1"), snapshot.groups.get("g2")
            seen.add(snapshot.version)
            if (one is None) != (two is None) or (one and two and one.realized != two.realized):
                torn.append(snapshot)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(2_000):
        pair = (group("g1", realized=str(number)), group("g2", realized=str(number)))
        view.swap([commit(groups=pair[:1]), commit(groups=pair[1:])], [])
        if number % 3 == 0:
            view.mark_store(number % 2 == 0)
    stop.set()
    for reader in readers:
        reader.join()
    assert torn == []
    assert len(seen) > 1


@given(st.lists(st.tuples(st.integers(1, 5), st.sampled_from(GroupState), st.integers(-9, 9)), max_size=40))
def test_counts_and_totals_follow_from_the_groups_whatever_happens(changes: list[tuple[int, GroupState, int]]) -> None:
    view = View(world_of=lambda account: PAPER)
    known: dict[str, Group] = {}
    for number, state, realized in changes:
        changed = group(f"g{number}", state, str(realized), str(abs(realized)))
        known[changed.group_id] = changed
        put(view, groups=(changed,))
    live = {name: one for name, one in known.items() if not one.is_closed}
    closed = {name: one for name, one in known.items() if one.is_closed}
    snapshot = view.current
    assert snapshot.groups == live
    assert snapshot.closed == closed
    assert snapshot.live_count.get(PAPER, 0) == len(live)
    assert snapshot.by_key == {(PAPER, one.key): (name,) for name, one in live.items()}
    realized_sum = sum((one.realized for one in closed.values()), D(0))
    fees_sum = sum((one.fees for one in closed.values()), D(0))
    assert snapshot.closed_totals.get(PAPER, Totals()) == Totals(realized_sum, fees_sum)


def test_a_full_batch_over_a_thousand_groups_takes_a_moment() -> None:
    start = Snapshot(groups={f"g{number}": group(f"g{number}") for number in range(1, 1_001)})
    view = View(world_of=lambda account: PAPER, start=start)
    took = []
    for round in range(20):
        batch = [
            commit(saved(number), groups=(group(f"g{number}", GroupState.ACTIVE, realized=str(round)),))
            for number in range(1, 257)
        ]
        begun = time.perf_counter()
        view.swap(batch, [])
        took.append(time.perf_counter() - begun)
    # About half a millisecond on a quiet machine; the bound only catches work that grows with the number of groups.
    assert min(took) < 0.01
