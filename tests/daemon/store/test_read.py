"""What the API asks: pages, filters, timelines, totals."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors.ports import StoreFault
from actors.rules.choices import World
from actors.rules.model import Group, GroupState, Outcome, Reason, Role, Side
from actors.rules.records import (
    AcknowledgeAlert,
    AddConfigVersion,
    AddDeadLetter,
    RaiseAlert,
    ResolveAlert,
    Row,
    SaveEngineState,
    SetOutcome,
    changes,
)
from daemon.store import read_groups, read_records, read_signals
from daemon.store.found import (
    AlertFilter,
    AlertState,
    Counts,
    EventBounds,
    EventFilter,
    GroupFill,
    GroupFilter,
    RealizedTotal,
    SignalFilter,
)
from daemon.store.pages import MAX_PAGE_SIZE, BadPageToken, Page, Place, make_token, page_size, read_token
from daemon.store.read import Reader
from daemon.store.store import SqliteStore
from tests.daemon.store import samples
from tests.daemon.store.samples import T0


def apply(store: SqliteStore, *rows: Row) -> None:
    (applied,) = store.apply([("author", rows)])
    assert applied.broken is None, applied.broken


def save(store: SqliteStore, *groups: Group) -> None:
    for group in groups:
        apply(store, *changes(None, group))


def all_pages(ask: Callable[[str], Any], size: int) -> list[Any]:
    """Every item of a list, page by page; no page is longer than asked, none but the last shorter."""
    found: list[Any] = []
    token = ""
    while True:
        page = ask(token)
        assert isinstance(page, Page)
        found += page.items
        if not page.next_token:
            assert len(page.items) <= size
            return found
        assert len(page.items) == size
        token = page.next_token


# --- pages ----------------------------------------------------------------------------------------


def test_a_token_names_a_place_and_nothing_else_is_taken_for_one() -> None:
    place = Place(T0, 42)
    assert read_token(make_token(place)) == place
    assert read_token("") is None
    for wrong in ("x", "%%%", "abcd", make_token(place)[:-4], "MTIz", "\u00e9"):
        assert read_token(wrong) == BadPageToken(wrong)
    assert [page_size(asked) for asked in (-1, 0, 7, 10**9)] == [100, 100, 7, MAX_PAGE_SIZE]


def test_every_list_refuses_a_foreign_token(reader: Reader) -> None:
    lists = (
        *(reader.list_signals, reader.list_groups, reader.list_events, reader.list_alerts),
        *(reader.list_dead_letters, reader.list_config_versions),
    )
    for ask in lists:
        assert ask(token="foreign") == BadPageToken("foreign")


# --- signals --------------------------------------------------------------------------------------


@pytest.fixture
def signals(store: SqliteStore) -> list[str]:
    """Nine signals, of which each three arrived in the same millisecond; ids newest first."""
    for number in range(9):
        outcome = Outcome.OPENED if number % 2 else Outcome.IGNORED
        signal = samples.signal(number, receive_time_ms=T0 + number // 3, source=f"source-{number % 2}")
        if number == 8:
            signal = replace(signal, key=replace(signal.key, account="binance", symbol="ETH/USDT"))
        apply(store, samples.save(signal, outcome, group_id=f"g{number}"))
    return [f"signal-{number}" for number in reversed(range(9))]


@pytest.mark.rule("REC-2", "SIG-7")
def test_what_became_of_a_key_around_a_time_is_found_when_nobody_holds_it_any_more(
    store: SqliteStore, reader: Reader
) -> None:
    for number, receive_ms in enumerate((T0, T0 + 100, T0 + 5_000)):
        signal = replace(samples.signal(number, receive_time_ms=receive_ms), idempotency_key="same")
        apply(store, samples.save(signal, Outcome.IGNORED, group_id=""))
    found = reader.answers_around("same", T0, T0 + 1_000)
    assert [(answer.signal_id, answer.outcome) for answer in found] == [
        ("signal-0", Outcome.IGNORED),
        ("signal-1", Outcome.IGNORED),
    ]
    assert reader.answers_around("another", T0, T0 + 1_000) == ()


@pytest.mark.parametrize("size", [1, 2, 4, 9, 10])
def test_signals_come_page_by_page_newest_first(reader: Reader, signals: list[str], size: int) -> None:
    found = all_pages(lambda token: reader.list_signals(size=size, token=token), size)
    assert [stored.signal.signal_id for stored in found] == signals
    assert {stored.signal.body for stored in found} == {""}


def test_a_signal_that_comes_in_between_moves_no_page(store: SqliteStore, reader: Reader, signals: list[str]) -> None:
    first = reader.list_signals(size=4)
    assert isinstance(first, Page)
    apply(store, samples.save(samples.signal(99)))
    second = reader.list_signals(size=4, token=first.next_token)
    assert isinstance(second, Page)
    assert [stored.signal.signal_id for stored in second.items] == signals[4:8]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (SignalFilter(outcomes=(Outcome.OPENED,)), [7, 5, 3, 1]),
        (SignalFilter(outcomes=(Outcome.OPENED, Outcome.IGNORED), source="source-1"), [7, 5, 3, 1]),
        (SignalFilter(accounts=("binance",)), [8]),
        (SignalFilter(accounts=("binance", "paper"), symbol="ETH/USDT"), [8]),
        (SignalFilter(timeframe="3m"), [2]),
        (SignalFilter(group_id="g5"), [5]),
        (SignalFilter(start_ms=T0 + 1, end_ms=T0 + 2), [5, 4, 3]),
        (SignalFilter(outcomes=(Outcome.QUEUED,)), []),
    ],
)
def test_signals_are_filtered(reader: Reader, signals: list[str], wanted: SignalFilter, numbers: list[int]) -> None:
    page = reader.list_signals(wanted)
    assert isinstance(page, Page)
    assert [stored.signal.signal_id for stored in page.items] == [f"signal-{number}" for number in numbers]


def test_the_time_of_the_last_signal_is_told_by_account(reader: Reader, signals: list[str]) -> None:
    assert reader.last_signal_time_ms() == T0 + 2
    assert reader.last_signal_time_ms(("paper",)) == T0 + 2
    assert reader.last_signal_time_ms(("nobody",)) is None


@pytest.mark.rule("SIG-10")
def test_a_timeline_shows_a_signal_its_events_and_the_orders_of_its_pyramid(store: SqliteStore, reader: Reader) -> None:
    group = samples.group(1)
    order = samples.filled(next(iter(group.orders.values())), samples.trade(1), samples.trade(2))
    group = samples.with_order(group, order)
    later = replace(group.pyramids[0], index=1, signal_id="signal-2", legs=())
    other = samples.order(group.group_id, 9, pyramid=1)
    group = samples.with_order(replace(group, pyramids=(*group.pyramids, later)), other)
    mine = [samples.event(f"step {number}", signal_id="signal-1") for number in range(3)]
    apply(
        store,
        samples.save(samples.signal(1), group_id=group.group_id),
        *changes(None, group),
        *(mine[0], samples.event("other", signal_id="signal-2"), *mine[1:]),
    )
    timeline = reader.timeline("signal-1")
    assert timeline is not None
    assert timeline.signal.signal == samples.signal(1)
    assert [stored.event for stored in timeline.events] == mine
    assert list(timeline.orders) == list(group.orders.values())[:5]
    assert timeline.orders[0].trades == (samples.trade(1), samples.trade(2))
    assert reader.timeline("nobody") is None


def test_a_signal_that_was_decided_later_shows_both_answers(store: SqliteStore, reader: Reader) -> None:
    queued = replace(samples.save(samples.signal(1), Outcome.QUEUED), reason=Reason.POOL_FULL)
    later = SetOutcome(
        signal_id="signal-1",
        outcome=Outcome.EXPIRED,
        reason=Reason.WAITED_TOO_LONG,
        detail="24 h",
        group_id="",
        draft_id="d",
        time_ms=T0 + 9,
    )
    apply(store, queued)
    apply(store, later)
    stored = reader.get_signal("signal-1")
    assert stored is not None
    assert (stored.first_outcome, stored.first_reason) == (Outcome.QUEUED, Reason.POOL_FULL)
    assert (stored.outcome, stored.reason, stored.detail) == (Outcome.EXPIRED, Reason.WAITED_TOO_LONG, "24 h")
    assert (stored.first_time_ms, stored.outcome_time_ms) == (T0 + 1, T0 + 9)


# --- groups ---------------------------------------------------------------------------------------


def closed(number: int, realized: str, **changed: object) -> Group:
    group = replace(
        samples.group(number),
        state=GroupState.CLOSED,
        realized=Decimal(realized),
        fees=Decimal("0.1"),
        close_time_ms=T0 + number,
        close_reason=Reason.FLAT,
    )
    return replace(group, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_groups_come_page_by_page_newest_first_closed_ones_too(store: SqliteStore, reader: Reader, size: int) -> None:
    groups = [samples.group(0), closed(1, "1"), samples.group(2), closed(3, "1"), samples.group(4)]
    save(store, *groups)
    assert all_pages(lambda token: reader.list_groups(size=size, token=token), size) == groups[::-1]


def test_groups_are_filtered(store: SqliteStore, reader: Reader) -> None:
    short = replace(samples.group(1), side=Side.SHORT)
    live = replace(samples.group(2), world=World.LIVE)
    gone = closed(3, "1")
    save(store, samples.group(0), short, live, gone)

    def found(wanted: GroupFilter) -> list[Group]:
        page = reader.list_groups(wanted)
        assert isinstance(page, Page)
        return list(page.items)

    assert found(GroupFilter(states=(GroupState.CLOSED,))) == [gone]
    not_closed = tuple(state for state in GroupState if state is not GroupState.CLOSED)
    assert found(GroupFilter(states=not_closed, world=World.PAPER)) == [short, samples.group(0)]
    assert found(GroupFilter(side=Side.SHORT)) == [short]
    assert found(GroupFilter(world=World.LIVE)) == [live]
    assert found(GroupFilter(timeframe="4m")) == [gone]
    assert found(GroupFilter(account="other")) == []
    assert found(GroupFilter(symbol="BTC/USDT", account="paper")) == [gone, live, short, samples.group(0)]


def test_closed_groups_are_filtered_by_when_they_closed_and_what_they_brought(
    store: SqliteStore, reader: Reader
) -> None:
    gain, loss, nothing = closed(1, "0.000000000000000001"), closed(2, "-12.5"), closed(3, "0")
    save(store, gain, loss, nothing, samples.group(4))
    first_ms, last_ms = gain.close_time_ms, nothing.close_time_ms
    assert first_ms is not None
    assert last_ms is not None
    assert first_ms < last_ms

    def found(wanted: GroupFilter) -> list[Group]:
        page = reader.list_groups(wanted)
        assert isinstance(page, Page)
        return list(page.items)

    assert found(GroupFilter(is_gain=True)) == [gain]
    assert found(GroupFilter(is_gain=False)) == [loss]
    assert found(GroupFilter(close_start_ms=first_ms)) == [nothing, loss, gain]
    assert found(GroupFilter(close_end_ms=last_ms)) == [loss, gain]
    assert found(GroupFilter(close_start_ms=first_ms + 1, close_end_ms=last_ms, is_gain=True)) == []


@pytest.mark.parametrize("size", [1, 2, 7])
def test_closed_groups_come_with_the_last_to_close_first_page_by_page(
    store: SqliteStore, reader: Reader, size: int
) -> None:
    late, early, same = closed(1, "1", close_time_ms=T0 + 90), closed(2, "1"), closed(3, "1", close_time_ms=T0 + 90)
    other = closed(5, "1", world=World.LIVE)
    save(store, late, early, same, samples.group(4), other)
    wanted = GroupFilter(world=World.PAPER, by_close=True)
    assert all_pages(lambda token: reader.list_groups(wanted, size=size, token=token), size) == [same, late, early]


def test_fills_of_a_group_come_in_the_order_they_were_counted(store: SqliteStore, reader: Reader) -> None:
    group = samples.group(1)
    first, second = list(group.orders.values())[:2]
    group = samples.with_order(group, samples.filled(first, samples.trade(2), samples.trade(1)))
    group = samples.with_order(group, samples.filled(second, samples.trade(1)))
    save(store, group, samples.group(2))
    assert reader.fills_of_group(group.group_id) == (
        GroupFill(client_order_id=first.client_order_id, trade=samples.trade(2)),
        GroupFill(client_order_id=first.client_order_id, trade=samples.trade(1)),
        GroupFill(client_order_id=second.client_order_id, trade=samples.trade(1)),
    )


@pytest.mark.rule("PNL-3")
def test_realised_totals_are_exact_by_world_time_and_quote(store: SqliteStore, reader: Reader) -> None:
    other_quote = replace(samples.INSTRUMENT, quote="USDC")
    save(
        store,
        closed(1, "0.1"),
        closed(2, "0.2"),
        closed(3, "123456789012345678.000000000000000001"),
        closed(4, "-5", instrument=other_quote),
        closed(5, "1000", world=World.LIVE),
        replace(samples.group(6), realized=Decimal(77)),
    )
    whole = reader.realized_totals(World.PAPER)
    expected = RealizedTotal(realized=Decimal("123456789012345678.300000000000000001"), fees=Decimal("0.3"), groups=3)
    assert whole == {"USDT": expected, "USDC": RealizedTotal(realized=Decimal(-5), fees=Decimal("0.1"), groups=1)}
    part = reader.realized_totals(World.PAPER, start_ms=T0 + 2, end_ms=T0 + 3)
    assert part == {"USDT": RealizedTotal(realized=Decimal("0.2"), fees=Decimal("0.1"), groups=1)}


@pytest.mark.rule("PNL-3")
def test_closed_groups_are_listed_for_statistics_oldest_close_first(store: SqliteStore, reader: Reader) -> None:
    save(store, closed(2, "2"), closed(1, "-1", strategy="trend"), samples.group(3))
    found = reader.closed_groups(World.PAPER)
    assert [(group.group_id, group.realized, group.strategy) for group in found] == [
        ("g00000000001", Decimal(-1), "trend"),
        ("g00000000002", Decimal(2), ""),
    ]
    assert (found[0].quote, found[0].side, found[0].close_time_ms) == ("USDT", Side.LONG, T0 + 1)
    assert len(reader.closed_groups(World.PAPER, limit=1)) == 1
    assert reader.closed_groups(World.LIVE) == ()


# --- events ---------------------------------------------------------------------------------------


@pytest.mark.rule("LOG-1")
def test_events_are_read_on_from_a_sequence_and_searched(store: SqliteStore, reader: Reader) -> None:
    assert reader.event_bounds() == EventBounds(earliest=0, last=0)
    severities = ("debug", "info", "warning", "error", "critical")
    for number, severity in enumerate(severities):
        event = samples.event(
            f"Order {number} of 100%",
            severity=severity,
            category="order" if number % 2 else "engine",
            type=f"type.{number}",
            time_ms=T0 + number,
            group_id="g" if number > 2 else "",
            world=World.PAPER if number else None,
        )
        apply(store, event)
    assert reader.event_bounds() == EventBounds(earliest=1, last=5)
    assert [stored.sequence for stored in reader.events_after(2)] == [3, 4, 5]
    assert [stored.sequence for stored in reader.events_after(0, 2)] == [1, 2]
    assert reader.events_after(0, -1) == ()
    assert [stored.sequence for stored in reader.events_after(1, 10, EventFilter(categories=("order",)))] == [2, 4]
    assert [stored.sequence for stored in all_pages(lambda token: reader.list_events(size=2, token=token), 2)] == [
        5,
        4,
        3,
        2,
        1,
    ]

    def found(wanted: EventFilter) -> list[int]:
        page = reader.list_events(wanted)
        assert isinstance(page, Page)
        return [stored.sequence for stored in page.items]

    assert found(EventFilter(min_severity="error")) == [5, 4]
    assert found(EventFilter(min_severity="no such")) == [5, 4, 3, 2, 1]
    assert found(EventFilter(types=("type.0", "type.4"))) == [5, 1]
    assert found(EventFilter(text="order 3")) == [4]
    assert found(EventFilter(text="100%")) == [5, 4, 3, 2, 1]
    assert found(EventFilter(text="%3%")) == []
    assert found(EventFilter(group_id="g")) == [5, 4]
    assert found(EventFilter(world=World.PAPER, start_ms=T0 + 1, end_ms=T0 + 3)) == [3, 2]


# --- alerts, dead letters, config, switches -------------------------------------------------------


def raise_alert(key: str = "disk", time_ms: int = T0, severity: str = "warning") -> RaiseAlert:
    return RaiseAlert(
        alert_key=key, time_ms=time_ms, severity=severity, category="system", message=f"{key} at {time_ms}"
    )


@pytest.mark.rule("LOG-5")
def test_an_alert_counts_up_is_acknowledged_and_starts_over_after_it_was_resolved(
    store: SqliteStore, reader: Reader
) -> None:
    def now() -> tuple[str, int, int, int, str]:
        alert = reader.get_alert("disk")
        assert alert is not None
        return alert.state, alert.count, alert.create_time_ms, alert.update_time_ms, alert.acknowledged_by

    apply(store, raise_alert())
    apply(store, raise_alert(time_ms=T0 + 5), raise_alert(time_ms=T0 + 6))
    assert now() == (AlertState.ACTIVE, 3, T0, T0 + 6, "")
    apply(store, AcknowledgeAlert(alert_key="disk", who="ann", time_ms=T0 + 7))
    apply(store, AcknowledgeAlert(alert_key="disk", who="bob", time_ms=T0 + 8))
    assert now() == (AlertState.ACKNOWLEDGED, 3, T0, T0 + 6, "ann")
    apply(store, raise_alert(time_ms=T0 + 9))
    assert now() == (AlertState.ACKNOWLEDGED, 4, T0, T0 + 9, "ann")
    apply(store, ResolveAlert(alert_key="disk", time_ms=T0 + 10), ResolveAlert(alert_key="nobody", time_ms=T0))
    assert now() == (AlertState.RESOLVED, 4, T0, T0 + 9, "ann")
    apply(store, raise_alert(time_ms=T0 + 20))
    assert now() == (AlertState.ACTIVE, 1, T0 + 20, T0 + 20, "")
    assert reader.get_alert("nobody") is None


@pytest.mark.rule("LOG-5")
def test_an_acknowledged_alert_that_gets_worse_is_active_again_and_a_comment_goes_with_its_acknowledgement(
    store: SqliteStore, reader: Reader
) -> None:
    def now() -> tuple[str, str, int]:
        alert = reader.get_alert("disk")
        assert alert is not None
        return alert.state, alert.comment, alert.count

    apply(store, raise_alert(severity="warning"))
    apply(store, AcknowledgeAlert(alert_key="disk", who="ann", time_ms=T0 + 1, comment="seen"))
    assert now() == (AlertState.ACKNOWLEDGED, "seen", 1)
    apply(store, raise_alert(severity="info"), raise_alert(severity="info"))
    assert now() == (AlertState.ACKNOWLEDGED, "seen", 3)
    apply(store, raise_alert(severity="error"))
    assert now() == (AlertState.ACTIVE, "", 4)


@pytest.mark.rule("LOG-5")
def test_alerts_are_listed_latest_first_and_resolved_ones_only_if_asked_for(store: SqliteStore, reader: Reader) -> None:
    for number in range(5):
        apply(store, raise_alert(f"a{number}", T0 + number, "error" if number % 2 else "warning"))
    apply(store, ResolveAlert(alert_key="a1", time_ms=T0 + 9))
    apply(store, AcknowledgeAlert(alert_key="a2", who="ann", time_ms=T0 + 9))

    def found(wanted: AlertFilter) -> list[str]:
        page = reader.list_alerts(wanted)
        assert isinstance(page, Page)
        return [alert.alert_key for alert in page.items]

    pages = all_pages(lambda token: reader.list_alerts(size=2, token=token), 2)
    assert [alert.alert_key for alert in pages] == ["a4", "a3", "a2", "a0"]
    assert found(AlertFilter(states=(AlertState.RESOLVED,))) == ["a1"]
    assert found(AlertFilter(states=(AlertState.ACKNOWLEDGED,))) == ["a2"]
    assert found(AlertFilter(states=())) == ["a4", "a3", "a2", "a1", "a0"]
    assert found(AlertFilter(min_severity="error")) == ["a3"]


@pytest.mark.rule("REC-2")
def test_dead_letters_are_kept_once_with_their_tries(store: SqliteStore, reader: Reader) -> None:
    def letter(number: int, error: str, time_ms: int = T0) -> AddDeadLetter:
        return AddDeadLetter(
            dead_letter_id=f"d{number}",
            time_ms=time_ms,
            actor="group/g1",
            message_type="OrdersReported",
            message="a report",
            error=error,
        )

    apply(store, letter(1, "first"), letter(2, "other"))
    apply(store, letter(1, "second", T0 + 5))
    found = all_pages(lambda token: reader.list_dead_letters(size=1, token=token), 1)
    assert [(found.dead_letter_id, found.attempts, found.error, found.retry_time_ms) for found in found] == [
        ("d2", 1, "other", None),
        ("d1", 2, "second", T0 + 5),
    ]


@pytest.mark.rule("CFG-3")
def test_every_config_version_is_kept_and_given_once(store: SqliteStore, reader: Reader) -> None:
    assert reader.config_version() is None
    for version in (1, 2, 3):
        apply(
            store,
            AddConfigVersion(
                version=version, time_ms=T0 + version, author="ann", source="cli", text=f"# version {version}\n"
            ),
        )
    (again,) = store.apply([("a", (AddConfigVersion(version=2, time_ms=T0, author="", source="", text=""),))])
    assert again.broken is not None
    assert again.broken.constraint == "config_version"
    newest, second = reader.config_version(), reader.config_version(2)
    assert newest is not None
    assert second is not None
    assert (newest.version, newest.text, second.text) == (3, "# version 3\n", "# version 2\n")
    listed = all_pages(lambda token: reader.list_config_versions(size=2, token=token), 2)
    assert [(found.version, found.author, found.text) for found in listed] == [
        (3, "ann", ""),
        (2, "ann", ""),
        (1, "ann", ""),
    ]


def test_counts_and_switches(store: SqliteStore, reader: Reader) -> None:
    forced = replace(samples.group(1), forced=True)
    save(store, samples.group(0), forced, closed(2, "1"), replace(samples.group(3), world=World.LIVE))
    apply(store, *samples.enqueue(samples.waiting(5)), raise_alert("a"), raise_alert("b"))
    apply(store, AcknowledgeAlert(alert_key="b", who="ann", time_ms=T0))
    apply(store, SaveEngineState(world=World.LIVE, name="paused", value="1", who="ann", time_ms=T0))
    assert reader.counts(World.PAPER) == Counts(
        live_groups=2, forced_groups=1, queued_signals=1, active_alerts=1, dead_letters=0, live_by_account={"paper": 2}
    )
    assert reader.counts(World.TESTNET).live_groups == 0
    assert reader.switches() == {(World.LIVE, "paused"): "1"}


# --- beside the writer ----------------------------------------------------------------------------


def test_readers_see_what_is_committed_and_neither_wait_nor_make_wait(store: SqliteStore, reader: Reader) -> None:
    assert store.apply([("a", samples.opening(0))])[0].broken is None
    failed: list[BaseException] = []
    stop = threading.Event()

    def read() -> None:
        try:
            while not stop.is_set():
                group = reader.get_group("g00000000000")
                assert group is not None
                amount = {leg.bought_quantity for leg in group.pyramids[0].legs}
                assert len(amount) == 1, "a half-written group was seen"
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    group = samples.group(0)
    try:
        for step in range(1, 150):
            ladder = group.pyramids[0]
            legs = tuple(replace(leg, bought_quantity=Decimal(step)) for leg in ladder.legs)
            changed = replace(group, pyramids=(replace(ladder, legs=legs),), update_time_ms=step)
            apply(store, *changes(group, changed))
            group = changed
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failed == []
    assert reader.get_group("g00000000000") == group


def test_more_threads_than_connections_take_turns(store: SqliteStore, reader: Reader) -> None:
    store.apply([("a", samples.opening(0))])
    answers: list[object] = []

    def ask() -> None:
        for _ in range(5):
            answers.append(reader.counts(World.PAPER).live_groups)
            time.sleep(0.001)

    threads = [threading.Thread(target=ask) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [1] * 120


def test_a_store_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "nobody.db")
    with pytest.raises(StoreFault):
        reader.counts(World.PAPER)
    reader.close()


@pytest.mark.store("sqlite")
def test_lists_enter_their_indexes(store: SqliteStore, reader: Reader) -> None:
    """Long histories are never walked through for a page of one key, one outcome or one signal."""
    plans: list[str] = []

    with reader._snapshot() as snapshot:

        def explain(query: Any) -> list[tuple[Any, ...]]:
            sql, parameters = snapshot._compile().sql(query).query()  # type: ignore[attr-defined]
            plans.append("; ".join(row[3] for row in snapshot.execute(f"EXPLAIN QUERY PLAN {sql}", tuple(parameters))))
            return []

        read_signals.list_signals(explain, SignalFilter(), Place(T0, 1), 10)
        read_signals.list_signals(explain, SignalFilter(outcomes=(Outcome.QUEUED,)), None, 10)
        read_records.events_of_signal(explain, "signal-1")
        read_records.events_after(explain, 5, 10, EventFilter())
        read_groups.group_places(explain, GroupFilter(), Place(T0, 1), 10)
        read_groups.fills_of_group(explain, "g")
    wanted = (
        *("signals_time", "signals_outcome", "events_signal", "INTEGER PRIMARY KEY"),
        *("position_groups_time", "fills_group"),
    )
    for plan, index in zip(plans, wanted, strict=True):
        assert plan.startswith("SEARCH"), plan
        assert index in plan


def test_an_open_target_shows_in_its_group_at_once(store: SqliteStore, reader: Reader) -> None:
    group = samples.group(1)
    save(store, group)
    changed = samples.with_order(group, samples.order(group.group_id, 0, role=Role.TAKE_PROFIT))
    apply(store, *changes(group, changed))
    assert reader.get_group(group.group_id) == changed
