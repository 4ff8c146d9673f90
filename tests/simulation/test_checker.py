"""Each promise: a history in which it is broken by hand, and what the checker says to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from actors import messages as m
from actors.ports import Applied
from actors.rules.choices import TpExecution, TpMode
from actors.rules.model import (
    Group,
    GroupState,
    Lot,
    Order,
    OrderState,
    Outcome,
    Quote,
    Role,
    Side,
    Signal,
)
from actors.rules.records import (
    AddEvent,
    AddProfit,
    AddTrade,
    ClaimIdempotency,
    DeleteQueued,
    Row,
    SaveGroup,
    SaveLeg,
    SaveOrder,
    SaveQueued,
    SaveSignal,
    SetOutcome,
)
from actors.rules.settings import StrategyBook, StrategySettings
from tests.actors.town import ACCOUNT, BTC, ETH, SOL
from tests.simulation.checker import Checker
from tests.simulation.checks_lasting import LASTS_MS
from tests.simulation.checks_queue import loss, order_of
from tests.simulation.checks_rest import stuck
from tests.simulation.checks_world import book_of
from tests.simulation.history import (
    Happened,
    History,
    Stage,
    honest,
    move,
    retold,
    small_world,
    told_once,
    violation_of,
)
from tests.simulation.promise import Promise, Violation

D = Decimal
R = TypeVar("R")
Change = Callable[[list[Happened]], Iterable[Happened]]


def first(kind: type[R], change: Callable[[R], Iterable[Row]], of: Callable[[R], bool] = lambda row: True) -> Any:
    """Changes the first such row, and leaves the rest."""
    done: list[object] = []

    def edit(row: Row) -> Iterable[Row]:
        if done or not isinstance(row, kind) or not of(row):
            return (row,)
        done.append(row)
        return change(row)

    return edit


def broken(rows: Any = None, change: Change | None = None) -> Violation:
    return violation_of(honest(), rows=rows, change=change)


def assert_says(violation: Violation, promise: Promise, *words: str) -> None:
    assert violation.promise is promise, violation
    for word in words:
        assert word in violation.words, violation.words


def at_rest(history: History) -> Violation:
    """What the checker says at the end, after an honest history, to a world that was changed since."""
    checker = retold(history)
    with pytest.raises(Violation) as found:
        checker.at_rest()
    return found.value


def own_history(**changes: Any) -> History:
    return told_once(small_world(**changes))


# --- nothing wrong --------------------------------------------------------------------------------


def test_an_honest_history_is_clean_step_by_step_and_at_rest() -> None:
    history = honest()
    kinds = {type(row) for row in _rows(history.happened, object)}
    assert {SaveSignal, SetOutcome, SaveQueued, DeleteQueued, AddTrade, AddProfit, SaveLeg, AddEvent} <= kinds
    checker = retold(history)
    checker.at_rest()
    assert [group.group.symbol for group in checker.books.live.values()] == [ETH]
    assert {key.symbol for _, key in checker.signals.queue} == {SOL}
    assert len(checker.fills.venue) >= 10


def test_a_step_in_which_nothing_happened_costs_next_to_nothing() -> None:
    checker = retold(honest())
    begun_s = time.perf_counter()
    for _ in range(10_000):
        checker.after_step()
    assert (time.perf_counter() - begun_s) / 10_000 < 50e-6, "ten times what it should be"


def test_a_batch_that_is_not_durable_and_a_refused_commit_say_nothing() -> None:
    history = honest()
    checker = retold(history, change=_not_durable)
    assert not checker.books.groups


def _not_durable(happened: list[Happened]) -> Iterable[Happened]:
    for one in happened:
        if one.what == "on_applied":
            yield Happened(one.what, (*one.args[:2], False))


# --- groups ---------------------------------------------------------------------------------------


def _twin(row: SaveGroup, **changes: Any) -> Group:
    return replace(row.group, **{"group_id": "x" * 12, "signal_id": "other", "slot_token": "other", **changes})


@pytest.mark.rule("GRP-1")
def test_two_live_groups_on_a_key_are_found() -> None:
    violation = broken(first(SaveGroup, lambda row: (row, SaveGroup(group=_twin(row, forced=True)))))
    assert_says(violation, Promise.ONE_GROUP_PER_KEY, BTC, "1h", "x" * 12)


@pytest.mark.rule("GRP-2")
def test_a_closed_group_that_is_alive_again_is_found() -> None:
    def alive_again(row: SaveGroup) -> Iterable[Row]:
        return (row, SaveGroup(group=replace(row.group, state=GroupState.ACTIVE)))

    violation = broken(first(SaveGroup, alive_again, lambda row: row.group.is_closed))
    assert violation.promise in (Promise.ONE_GROUP_PER_KEY, Promise.HOLDS_ITS_FILLS)

    def later(happened: list[Happened]) -> Iterable[Happened]:
        yield from happened
        closed = next(_rows(happened, SaveGroup, lambda row: row.group.is_closed))
        yield _commit(SaveGroup(group=replace(closed.group, state=GroupState.ACTIVE)))

    assert_says(broken(change=later), Promise.ONE_GROUP_PER_KEY, "was closed and is active again")


@pytest.mark.rule("POOL-2")
def test_one_group_too_many_for_the_pool_is_found() -> None:
    def one_more(row: SaveGroup) -> Iterable[Row]:
        return (row, SaveGroup(group=_twin(row, key=replace(row.group.key, symbol=SOL))))

    assert_says(broken(first(SaveGroup, one_more)), Promise.POOL_LIMIT, "2 groups are live, the pool allows 1", SOL)


@pytest.mark.rule("POOL-2")
def test_groups_added_by_force_or_brought_back_by_a_late_fill_are_not_too_many() -> None:
    def one_more(row: SaveGroup) -> Iterable[Row]:
        forced = _twin(row, key=replace(row.group.key, symbol=SOL), forced=True)
        return (row, SaveGroup(group=forced))

    retold(honest(), rows=first(SaveGroup, one_more))


# --- signals --------------------------------------------------------------------------------------


@pytest.mark.rule("SIG-10")
def test_two_outcomes_of_a_signal_are_found() -> None:
    twice = first(SetOutcome, lambda row: (row, replace(row, outcome=Outcome.EXPIRED)))
    assert_says(broken(twice), Promise.ONE_OUTCOME, "ended superseded, then expired")
    stored_twice = first(SaveSignal, lambda row: (row, replace(row, outcome=Outcome.IGNORED)))
    assert_says(broken(stored_twice), Promise.ONE_OUTCOME, "was stored as opened", "ignored")


@pytest.mark.rule("SIG-7")
def test_an_alert_that_was_taken_twice_is_found() -> None:
    again = first(ClaimIdempotency, lambda row: (row, replace(row, signal_id="another")))
    assert_says(broken(again), Promise.ONE_OUTCOME, "alert-0001 was taken twice")


@pytest.mark.rule("SIG-10", "QUE-1")
def test_a_waiting_signal_that_is_not_in_the_queue_is_found() -> None:
    violation = broken(first(SaveQueued, lambda row: ()))
    assert_says(violation, Promise.ONE_OUTCOME, "is queued and is not in the queue", ETH)


@pytest.mark.rule("SIG-10")
def test_a_signal_that_left_the_queue_without_an_outcome_is_found() -> None:
    violation = broken(first(SetOutcome, lambda row: (), lambda row: row.outcome is Outcome.OPENED))
    assert_says(violation, Promise.ONE_OUTCOME, "is replaced and is not in the queue")


@pytest.mark.rule("SIG-10")
def test_an_opened_signal_without_its_group_is_found() -> None:
    elsewhere = first(SaveSignal, lambda row: (replace(row, group_id="nobody"),))
    assert_says(broken(elsewhere), Promise.ONE_OUTCOME, "was opened, but group nobody is not stored")


@pytest.mark.rule("SIG-9")
def test_an_answer_before_the_signal_is_durable_is_found() -> None:
    def too_early(happened: list[Happened]) -> Iterable[Happened]:
        answers = [one for one in happened if one.what == "on_answer"]
        return [answers[0], *(one for one in happened if one is not answers[0])]

    assert_says(
        broken(change=too_early), Promise.ONE_OUTCOME, "alert-0001", "acknowledged as opened, but is not stored"
    )


@pytest.mark.rule("SIG-9", "SIG-10")
def test_an_answer_that_the_store_does_not_know_is_found() -> None:
    def other(happened: list[Happened]) -> Iterable[Happened]:
        for one in happened:
            if one.what == "on_answer" and isinstance(one.args[1], m.Answer):
                yield Happened(one.what, (one.args[0], replace(one.args[1], outcome=Outcome.EXITED)))
            else:
                yield one

    assert_says(broken(change=other), Promise.ONE_OUTCOME, "acknowledged as exited, the store says opened")


@pytest.mark.rule("QUE-1")
def test_a_replacement_that_does_not_count_is_found() -> None:
    def uncounted(row: SaveQueued) -> Iterable[Row]:
        return (replace(row, queued=replace(row.queued, replacement_count=0)),)

    violation = broken(first(SaveQueued, uncounted, lambda row: row.queued.replacement_count > 0))
    assert_says(violation, Promise.QUEUE_RANKED, "the count went from 0 to 0", ETH)


@pytest.mark.rule("QUE-2")
def test_a_newcomer_that_passes_what_waits_on_its_key_is_found() -> None:
    def passes(row: SaveSignal) -> Iterable[Row]:
        mine = replace(row.signal, signal_id="newcomer", idempotency_key="newcomer")
        group = next(_rows(honest().happened, SaveGroup)).group
        return (
            row,
            replace(row, signal=mine, outcome=Outcome.OPENED, group_id="x" * 12),
            SaveGroup(
                group=replace(
                    group, group_id="x" * 12, signal_id="newcomer", key=row.signal.key, forced=True, slot_token="other"
                )
            ),
        )

    violation = broken(first(SaveSignal, passes, lambda row: row.outcome is Outcome.REPLACED))
    assert_says(violation, Promise.QUEUE_RANKED, "was opened past", ETH)


@pytest.mark.rule("EXIT-1", "SIG-10")
def test_an_exit_that_closes_nothing_is_found() -> None:
    exited = first(SaveSignal, lambda row: (replace(row, outcome=Outcome.EXITED),))
    assert_says(broken(exited), Promise.ONE_OUTCOME, "was exited, but", "goes on as live")
    reduced = first(SaveSignal, lambda row: (replace(row, outcome=Outcome.REDUCED),))
    assert_says(broken(reduced), Promise.ONE_OUTCOME, "was reduced, but", "cuts nothing for it")


@pytest.mark.rule("SIG-12")
def test_an_exit_that_closes_a_group_of_a_later_signal_is_found() -> None:
    def earlier(row: SaveSignal) -> Iterable[Row]:
        return (replace(row, outcome=Outcome.EXITED, signal=replace(row.signal, sent_time_ms=1)),)

    def rows(row: Row) -> Iterable[Row]:
        if isinstance(row, SaveSignal) and row.outcome is Outcome.OPENED:
            return earlier(row)
        if isinstance(row, SaveGroup):
            return (SaveGroup(group=replace(row.group, state=GroupState.CLOSING)),)
        return (row,)

    assert_says(broken(rows), Promise.ONE_OUTCOME, "a later signal had opened")


def test_an_acknowledged_group_that_nobody_can_see_is_found() -> None:
    def unseen(happened: list[Happened]) -> Iterable[Happened]:
        for one in happened:
            if one.what == "on_answer" and isinstance(one.args[1], m.Answer):
                yield Happened(one.what, (one.args[0], replace(one.args[1], group_id="unseen")))
            else:
                yield one

    assert_says(broken(change=unseen), Promise.ONE_OUTCOME, "group unseen is not shown yet")


# --- orders ---------------------------------------------------------------------------------------


@pytest.mark.rule("ORD-2")
def test_an_order_at_the_venue_that_was_never_committed_is_found() -> None:
    violation = broken(first(SaveOrder, lambda row: ()))
    assert_says(violation, Promise.ORDER_KNOWN, "is at the venue, but was never committed", "buy", BTC)


@pytest.mark.rule("ORD-2")
def test_an_order_that_is_sent_before_its_commit_is_found() -> None:
    def too_early(happened: list[Happened]) -> Iterable[Happened]:
        accepted = [one for one in happened if one.what == "on_accepted"]
        return [accepted[0], *(one for one in happened if one is not accepted[0])]

    assert_says(broken(change=too_early), Promise.ORDER_KNOWN, "never committed")


@pytest.mark.rule("ORD-2")
def test_an_order_that_the_venue_knows_otherwise_is_found() -> None:
    violation = broken(change=_with_accepted(lambda order: replace(order, quantity=order.quantity * 2)))
    assert_says(violation, Promise.ORDER_KNOWN, "was committed as buy")


@pytest.mark.rule("ORD-3")
def test_an_order_that_is_accepted_after_it_was_given_up_is_found() -> None:
    def given_up(row: SaveOrder) -> Iterable[Row]:
        return (replace(row, order=replace(row.order, state=OrderState.REJECTED)),)

    assert_says(broken(first(SaveOrder, given_up)), Promise.ORDER_KNOWN, "was accepted after", "rejected")


@pytest.mark.rule("ORD-3")
def test_an_order_that_is_accepted_twice_is_found() -> None:
    def twice(happened: list[Happened]) -> Iterable[Happened]:
        for one in happened:
            yield one
            if one.what == "on_accepted":
                yield one

    assert_says(broken(change=twice), Promise.ORDER_ONCE, "was accepted twice")


@pytest.mark.rule("ORD-1", "ORD-7")
def test_an_order_that_is_over_here_and_open_at_the_venue_is_found() -> None:
    history = own_history()
    open_there = next(iter(book_of(history.world.venues[ACCOUNT]).orders))

    def is_it(row: SaveOrder) -> bool:
        return row.order.client_order_id == open_there and row.order.state is OrderState.OPEN

    def cancelled(row: SaveOrder) -> Iterable[Row]:
        return (replace(row, order=replace(row.order, state=OrderState.CANCELLED)),)

    violation = violation_of(history, rows=first(SaveOrder, cancelled, is_it))
    assert_says(violation, Promise.ORDER_KNOWN, "is stored as cancelled", "at the venue it is open")


@pytest.mark.rule("GRP-4")
def test_a_group_that_closes_with_an_open_order_is_found() -> None:
    def still_open(row: SaveOrder) -> Iterable[Row]:
        return (replace(row, order=replace(row.order, state=OrderState.OPEN)),)

    violation = broken(first(SaveOrder, still_open, lambda row: row.order.state is OrderState.CANCELLED))
    assert_says(violation, Promise.SETTLES, "closed while its order", "was open")


def _with_accepted(edit: Callable[[Any], Any]) -> Change:
    def change(happened: list[Happened]) -> Iterable[Happened]:
        for one in happened:
            if one.what == "on_accepted":
                yield Happened(one.what, (one.args[0], edit(one.args[1])))
            else:
                yield one

    return change


# --- fills ----------------------------------------------------------------------------------------


@pytest.mark.rule("ORD-5")
def test_a_fill_that_is_counted_twice_is_found() -> None:
    assert_says(broken(first(AddTrade, lambda row: (row, row))), Promise.FILLS_AGREE, "was counted twice", BTC)


@pytest.mark.rule("ORD-5")
def test_a_fill_that_is_dropped_is_found() -> None:
    violation = broken(first(AddTrade, lambda row: ()))
    assert_says(violation, Promise.FILLS_AGREE, "claims 2 filled, its stored trades are 0")


@pytest.mark.rule("ORD-5")
def test_a_fill_at_another_price_is_found() -> None:
    def dearer(row: AddTrade) -> Iterable[Row]:
        return (replace(row, trade=replace(row.trade, price=row.trade.price + 1)),)

    assert_says(broken(first(AddTrade, dearer)), Promise.FILLS_AGREE, "is stored as", "the venue has")


@pytest.mark.rule("ORD-5")
def test_a_fill_that_the_venue_never_had_is_found() -> None:
    def unknown(row: AddTrade) -> Iterable[Row]:
        return (row, replace(row, trade=replace(row.trade, trade_id="made up")))

    assert_says(broken(first(AddTrade, unknown)), Promise.FILLS_AGREE, "the venue has none such")


@pytest.mark.rule("ORD-5")
def test_a_fill_that_the_store_never_hears_of_is_found_at_rest() -> None:
    history = own_history()
    last = [one for one in history.happened if one.what == "on_trade"][-1]
    account, order, trade = last.args
    history.happened.append(Happened("on_trade", (account, order, replace(trade, trade_id="unheard"))))
    assert_says(at_rest(history), Promise.FILLS_AGREE, "unheard", "the venue has it and the store does not")


@pytest.mark.rule("PNL-1")
def test_a_group_that_holds_something_else_than_its_fills_is_found() -> None:
    def more(row: SaveLeg) -> Iterable[Row]:
        lot = row.leg.lot
        return (replace(row, leg=replace(row.leg, lot=Lot(quantity=lot.quantity + 1, cost=lot.cost))),)

    violation = broken(first(SaveLeg, more, lambda row: row.leg.lot.quantity > 0))
    assert_says(violation, Promise.HOLDS_ITS_FILLS, "says it holds 2.998", "its fills say 1.998")


@pytest.mark.rule("TP-7")
def test_a_sale_of_more_than_was_bought_is_found() -> None:
    def larger(trade: Any) -> Any:
        return replace(trade, quantity=D(100))

    def rows(row: Row) -> Iterable[Row]:
        if isinstance(row, AddTrade) and row.client_order_id[21] == "t":
            return (replace(row, trade=larger(row.trade)),)
        if isinstance(row, SaveOrder) and row.order.role is Role.TAKE_PROFIT and row.order.filled_quantity:
            return (replace(row, order=replace(row.order, filled_quantity=D(100))),)
        return (row,)

    def change(happened: list[Happened]) -> Iterable[Happened]:
        for one in happened:
            if one.what == "on_trade" and one.args[1].client_order_id[21] == "t":
                yield Happened(one.what, (*one.args[:2], larger(one.args[2])))
            else:
                yield one

    assert_says(broken(rows, change), Promise.NEVER_OVERSOLD, BTC, "had bought")


@pytest.mark.rule("TP-7")
def test_exits_that_promise_more_than_is_held_are_found() -> None:
    def larger(row: SaveOrder) -> Iterable[Row]:
        return (replace(row, order=replace(row.order, quantity=row.order.quantity + 1)),)

    violation = broken(first(SaveOrder, larger, lambda row: row.order.role is Role.TAKE_PROFIT))
    assert_says(violation, Promise.NEVER_OVERSOLD, "its open exits may still sell")


# --- money ----------------------------------------------------------------------------------------


@pytest.mark.rule("PNL-2")
def test_profit_that_the_trades_did_not_bring_is_found() -> None:
    def richer(row: SaveGroup) -> Iterable[Row]:
        return (SaveGroup(group=replace(row.group, realized=row.group.realized + 1)),)

    violation = broken(first(SaveGroup, richer, lambda row: row.group.realized > 0))
    assert_says(violation, Promise.MONEY, "its trades brought in")


@pytest.mark.rule("PNL-1")
def test_fees_that_were_not_paid_are_found() -> None:
    def dearer(row: SaveGroup) -> Iterable[Row]:
        return (SaveGroup(group=replace(row.group, fees=row.group.fees + 1)),)

    assert_says(broken(first(SaveGroup, dearer, lambda row: row.group.fees > 0)), Promise.MONEY, "in fees, it claims")


@pytest.mark.rule("PNL-3")
def test_a_ledger_that_lacks_a_row_is_found() -> None:
    assert_says(broken(first(AddProfit, lambda row: ())), Promise.MONEY, "its ledger says 0")


@pytest.mark.rule("PNL-2")
def test_an_account_that_gained_less_than_its_groups_say_is_found_at_rest() -> None:
    history = own_history()
    book_of(history.world.venues[ACCOUNT]).funds.change("USDT", D("-0.000001"))
    assert_says(at_rest(history), Promise.MONEY, "-0.000001 is not accounted for")


@pytest.mark.rule("ORD-7")
def test_coins_that_the_account_does_not_have_are_found_at_rest() -> None:
    history = own_history()
    book_of(history.world.venues[ACCOUNT]).funds.change("ETH", D(-1))
    assert_says(at_rest(history), Promise.COVERED, "groups hold", "ETH", "by hand")


# --- protection -----------------------------------------------------------------------------------


@pytest.mark.rule("TP-2")
def test_a_position_without_its_target_is_found_at_rest() -> None:
    history = own_history()
    book = book_of(history.world.venues[ACCOUNT])
    target = next(name for name in book.orders if name[21] == "t")
    book.cancel(target, 0)
    assert_says(at_rest(history), Promise.PROTECTED, ETH, "its targets at the venue are for 0")


@pytest.mark.rule("TP-6")
def test_a_watched_target_that_nobody_watches_is_found_at_rest() -> None:
    strategy = StrategySettings(tp_mode=TpMode.AGGREGATE, tp_execution=TpExecution.WATCHED, tp_percent=D(3))
    history = own_history(strategy=StrategyBook(default=strategy))
    checker = retold(history)
    checker.at_rest()
    gateway: Any = history.world.system._cells[f"gateway/{ACCOUNT}"].actor
    gateway._prices._watches._groups.clear()
    assert_says(at_rest(history), Promise.PROTECTED, "nobody watches for its target aggregate")


@pytest.mark.rule("TP-9")
def test_a_stop_that_nobody_watches_is_found_at_rest() -> None:
    strategy = StrategySettings(stop_loss_percent=D(20))
    history = own_history(strategy=StrategyBook(default=strategy))
    retold(history).at_rest()
    gateway: Any = history.world.system._cells[f"gateway/{ACCOUNT}"].actor
    gateway._prices._watches._groups.clear()
    assert_says(at_rest(history), Promise.PROTECTED, "has its stop at", "nobody watches it")


def _no_sales(happened: list[Happened]) -> Iterable[Happened]:
    """Up to the first sale, and nothing of what venues accepted."""
    upto = next(index for index, one in enumerate(happened) if _has_sale(one))
    return [one for one in happened[:upto] if one.what in ("on_applied", "on_trade")]


@pytest.mark.rule("ORD-6")
def test_a_fill_without_a_target_is_found_at_once() -> None:
    def no_target(row: Row) -> Iterable[Row]:
        return () if isinstance(row, SaveOrder) and row.order.role is Role.TAKE_PROFIT else (row,)

    assert_says(broken(no_target, _no_sales), Promise.PROTECTED, BTC, "holds 1.998 of leg 0", "has no target for it")


@pytest.mark.rule("ORD-6")
def test_a_position_that_has_had_no_target_for_long_is_found_while_things_go_on(monkeypatch: Any) -> None:
    def lost(row: Row) -> Iterable[Row]:
        if isinstance(row, SaveOrder) and row.order.role is Role.TAKE_PROFIT:
            row = replace(row, order=replace(row.order, state=OrderState.CANCELLED))
        return (row,)

    history = own_history()
    pool: Any = history.world.system._cells["pool/paper"].actor
    pool._books.slots.clear()  # It is in the end of the history already.
    now_ms = 0
    monkeypatch.setattr(history.world, "now_ms", lambda: now_ms)
    checker = retold(history, rows=lost, change=_no_sales)
    checker.lasting.look()
    now_ms = LASTS_MS
    checker.lasting.look()
    now_ms += 1
    with pytest.raises(Violation) as found:
        checker.lasting.look()
    assert_says(found.value, Promise.PROTECTED, BTC, "and has no target for it, for 90 s now")


@pytest.mark.rule("TP-4")
def test_a_fill_beside_a_watched_target_that_was_reached_needs_none_but_must_not_stay_so(monkeypatch: Any) -> None:
    def hit(row: Row) -> Iterable[Row]:
        if isinstance(row, SaveOrder) and row.order.role is Role.TAKE_PROFIT:
            return ()
        return (replace(row, group=replace(row.group, hybrid_hit=True)) if isinstance(row, SaveGroup) else row,)

    history = own_history()
    pool: Any = history.world.system._cells["pool/paper"].actor
    pool._books.slots.clear()  # It is in the end of the history already.
    now_ms = 0
    monkeypatch.setattr(history.world, "now_ms", lambda: now_ms)
    checker = retold(history, rows=hit, change=_no_sales)
    checker.lasting.look()
    now_ms = LASTS_MS + 1
    with pytest.raises(Violation) as found:
        checker.lasting.look()
    assert_says(found.value, Promise.PROTECTED, BTC, "and has no target for it, for 90 s now")


def _has_sale(one: Happened) -> bool:
    return bool(list(_rows([one], AddTrade, lambda row: row.client_order_id[21] == "t")))


@pytest.mark.rule("POOL-1")
def test_a_slot_that_nobody_has_and_capital_that_nobody_decides_are_found(monkeypatch: Any) -> None:
    history = own_history()
    checker = retold(history)
    pool: Any = history.world.system._cells["pool/paper"].actor
    now_ms = 0
    monkeypatch.setattr(history.world, "now_ms", lambda: now_ms)
    pool._books.slots["token"] = "nobody"
    checker.lasting.look()
    now_ms = LASTS_MS + 1
    with pytest.raises(Violation) as found:
        checker.lasting.look()
    assert_says(found.value, Promise.SETTLES, "a slot has been taken by group nobody for 90 s")
    assert_says(at_rest(history), Promise.SETTLES, "slots are taken by", "nobody")
    pool._books.slots.pop("token")
    pool._books.reservations["draft"] = object()
    with pytest.raises(Violation) as found:
        checker.lasting.look()
    assert_says(found.value, Promise.SETTLES, "capital stays reserved for ['draft']")


# --- the queue ------------------------------------------------------------------------------------


def _waits(number: int, **changes: Any) -> Any:
    first_one = next(_rows(honest().happened, SaveQueued)).queued
    signal: Signal = replace(first_one.signal, signal_id=f"signal-{number}")
    return replace(first_one, signal=signal, first_queue_time_ms=number, entry_price=D(100), **changes)


@pytest.mark.rule("QUE-2")
def test_the_second_ranking_takes_the_deepest_loss_then_replacements_then_the_oldest() -> None:
    rules = honest().world.settings.queue.rank
    quotes = {(ACCOUNT, ETH): Quote(bid=D(99), ask=D(99), time_ms=0)}
    entries = [
        _waits(1),
        _waits(2),
        _waits(3, replacement_count=1),
        replace(_waits(4), entry_price=D("99.001")),
        replace(_waits(5), entry_price=D(98), is_reverse=True),
        replace(_waits(6), entry_price=D(98)),
        replace(_waits(7), side=Side.SHORT, entry_price=D(98)),
    ]
    ordered = sorted(entries, key=lambda queued: order_of(queued, quotes, (), rules))
    assert [queued.first_queue_time_ms for queued in ordered] == [5, 7, 3, 1, 2, 4, 6]
    assert loss(entries[0], quotes[ACCOUNT, ETH])[1] == -100
    assert loss(entries[0], None) > loss(entries[5], quotes[ACCOUNT, ETH]), "no fresh mark goes last"


@pytest.mark.rule("QUE-2", "QUE-3")
def test_an_offer_of_another_than_the_first_in_rank_is_found() -> None:
    history = own_history()
    seen: Any = Stage(history.world)
    checker = Checker(seen)
    offer = m.Offer(offer_id="o", incarnation=1, free_slots=1, blocked=frozenset(), continuing=frozenset())
    right = next(iter(history.world.view.current.waiting()))
    _hears(seen, "queue/paper", offer)
    _hears(seen, "pool/paper", m.Offered(offer_id="o", incarnation=1, queued=right))
    checker.after_step()
    _hears(seen, "queue/paper", offer)
    _hears(seen, "pool/paper", m.Offered(offer_id="o", incarnation=1, queued=_waits(9)))
    with pytest.raises(Violation) as found:
        checker.after_step()
    assert_says(found.value, Promise.QUEUE_RANKED, "signal-9", right.signal.signal_id)


def _hears(stage: Any, name: str, message: object) -> None:
    for listener in stage.on_message:
        listener(name, message)


# --- the log --------------------------------------------------------------------------------------


@pytest.mark.rule("LOG-3")
def test_a_hole_in_the_event_log_is_found() -> None:
    def hole(happened: list[Happened]) -> Iterable[Happened]:
        left = False
        for one in happened:
            has_events = one.what == "on_applied" and any(result.events for result in one.args[1])
            if has_events and not left:
                left = True
                results = [replace(result, events=result.events[1:]) for result in one.args[1]]
                yield Happened(one.what, (one.args[0], results, one.args[2]))
            else:
                yield one

    assert broken(change=hole).promise is Promise.AUDIT_CHAIN


@pytest.mark.rule("LOG-3")
def test_a_changed_line_of_the_event_log_is_found_at_rest() -> None:
    history = own_history()
    events: Any = history.world.store.inner.events
    stored = events[5]
    events[5] = replace(stored, event=replace(stored.event, message="nothing happened"))
    assert_says(at_rest(history), Promise.AUDIT_CHAIN, "event 6", "nothing happened")


# --- coming to rest -------------------------------------------------------------------------------


@pytest.mark.rule("REC-1")
def test_what_is_stuck_is_said_in_a_traders_words() -> None:
    history = own_history()
    world = history.world
    assert stuck(world) == ""
    group = next(iter(world.view.current.live()))
    order: Order = group.open_orders()[0]
    closing = replace(
        group,
        state=GroupState.CLOSING,
        orders={**group.orders, order.client_order_id: replace(order, state=OrderState.PENDING)},
    )
    world.view.current = replace(world.view.current, groups={group.group_id: closing})
    assert f"{ETH} 1h long on {ACCOUNT}" in stuck(world)
    assert "is still closing" in stuck(world)
    assert "is still pending" in stuck(world)
    assert at_rest(history).promise in (Promise.SETTLES, Promise.PROTECTED)
    world.view.current = replace(world.view.current, groups={})
    assert "and not here" in stuck(world)
    assert f"a signal waits on {SOL} 1h on {ACCOUNT} for a slot, 1 are free" in stuck(world)
    assert at_rest(history).promise is Promise.SETTLES


# --- the engine -----------------------------------------------------------------------------------


@pytest.mark.rule("REC-2")
def test_an_actor_that_ends_by_itself_is_found_and_one_by_an_injected_fault_is_not() -> None:
    seen: Any = Stage(honest().world)
    checker = Checker(seen)
    who = m.Participant("pool/paper", 3)
    injected = m.Crashed(who=who, message=None, error="Traceback\ntests.simulation.faults.Injected: here")
    _hears(seen, "supervisor", injected)
    checker.after_step()
    _hears(seen, "supervisor", m.Crashed(who=who, message=None, error="Traceback\nKeyError: 'BTC'"))
    with pytest.raises(Violation) as found:
        checker.after_step()
    assert_says(found.value, Promise.NO_CRASH, "pool/paper crashed by itself: KeyError: 'BTC'")


@pytest.mark.rule("REC-2")
def test_a_part_that_is_given_up_is_found() -> None:
    given_up = first(AddEvent, lambda row: (replace(row, type="actor.given_up", message="pool/paper stays down"),))
    assert_says(broken(given_up), Promise.NO_CRASH, "pool/paper stays down")


def test_mail_without_end_and_what_is_kept_for_ever_are_found() -> None:
    history = own_history()
    cell = history.world.system._cells["pool/paper"]
    checker = retold(history)
    pool: Any = cell.actor
    pool._drafts["left"] = object()
    with pytest.raises(Violation) as found:
        checker.engine.at_rest()
    assert_says(found.value, Promise.MEMORY_BOUNDED, "pool/paper keeps 1 things in _drafts")
    cell.mail.extend(range(30_000))
    with pytest.raises(Violation) as found:
        checker.engine.look()
    assert_says(found.value, Promise.MEMORY_BOUNDED, "30000 messages wait for pool/paper")


# --- small things ---------------------------------------------------------------------------------


def _rows(happened: list[Happened], kind: type[R], of: Callable[[R], bool] = lambda row: True) -> Any:
    for one in happened:
        if one.what == "on_applied":
            for _, rows in one.args[0]:
                yield from (row for row in rows if isinstance(row, kind) and of(row))


def _commit(*rows: Row) -> Happened:
    return Happened("on_applied", ([("somebody", rows)], [Applied()], True))


def test_the_checker_goes_on_with_a_world_that_goes_on() -> None:
    history = own_history()
    seen: Any = Stage(history.world)
    checker = Checker(seen)
    history.catch_up()
    for one in history.happened:
        seen.say(one)
    checker.at_rest()
    known = len(history.happened)
    move(history.world, ETH, "120")
    history.catch_up()
    for one in history.happened[known:]:
        seen.say(one)
    checker.at_rest()
    assert [group.group.symbol for group in checker.books.live.values()] == [SOL]
