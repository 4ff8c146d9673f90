"""Crowds and commands on the whole engine: what arrives together, and what a person does to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors import messages as m
from actors.replies import ReplyBox
from actors.rules.choices import FillRule, Market, Overflow, PaperPrices
from actors.rules.model import Group, GroupState, Intent, Outcome, Queued, Reason, Refused, Side, Signal
from actors.rules.settings import LimitSettings, PoolSettings, QueueSettings, Settings
from tests.actors.town import (
    ACCOUNT,
    BTC,
    ETH,
    POOL,
    ROUND,
    SOL,
    Town,
    account_settings,
    timeframe,
    town_settings,
)

D = Decimal
PERP = "BTC/USDT:USDT"


def crowd(town: Town, signals: Sequence[Signal]) -> list[m.Answer]:
    """All of them in the same instant; what each sender hears."""
    boxes = [town.send(signal) for signal in signals]
    town.settle()
    return [answer_of(box) for box in boxes]


def answer_of(box: ReplyBox) -> m.Answer:
    assert isinstance(box.answer, m.Answer), box.answer
    return box.answer


def outcomes(answers: Sequence[m.Answer]) -> dict[Outcome, int]:
    return dict(Counter(answer.outcome for answer in answers))


def waiting(town: Town, symbol: str = BTC) -> Queued:
    return next(queued for queued in town.view.current.waiting() if queued.key.symbol == symbol)


def started(folder: Path, settings: Settings | None = None, **changes: Any) -> Town:
    town = Town(folder, settings=settings or town_settings(**changes), rush=0.01)
    town.settle()
    return town


# --- crowds ---------------------------------------------------------------------------------------


@pytest.mark.rule("SIG-7", "GRP-1", "SIG-10")
def test_200_copies_of_one_alert_open_one_group(tmp_path: Path) -> None:
    with started(tmp_path) as town:
        answers = crowd(town, [town.signal()] * 200)
        assert outcomes(answers) == {Outcome.OPENED: 1, Outcome.DUPLICATE: 199}
        assert {answer.first_outcome for answer in answers} == {None, Outcome.OPENED}
        assert len({answer.group_id for answer in answers}) == 1
        assert len(town.books().groups) == 1


@pytest.mark.rule("POOL-2", "QUE-4", "GRP-1", "SIG-10")
def test_500_keys_at_once_fill_the_pool_and_the_queue_and_the_rest_is_refused(tmp_path: Path) -> None:
    settings = town_settings(max_open_groups=10, capital="100", queue=QueueSettings(max_size=100))
    with started(tmp_path, settings) as town:
        answers = crowd(town, [town.signal(timeframe=timeframe(number)) for number in range(1, 501)])
        assert outcomes(answers) == {Outcome.OPENED: 10, Outcome.QUEUED: 100, Outcome.REJECTED: 390}
        assert {answer.reason for answer in answers} == {Reason.OK, Reason.POOL_FULL, Reason.QUEUE_FULL}
        books = town.books()
        assert (len(books.groups), len(books.waiting), books.slots) == (10, 100, 10)


@pytest.mark.rule("GRP-1", "PYR-1", "PYR-2", "SIG-10")
def test_entries_of_one_key_at_once_make_one_group_and_its_pyramids(tmp_path: Path) -> None:
    with started(tmp_path, max_open_groups=3) as town:
        answers = crowd(town, [town.signal(price=str(100 - number)) for number in range(8)])
        assert outcomes(answers) == {Outcome.OPENED: 1, Outcome.PYRAMIDED: 4, Outcome.IGNORED: 3}
        group = town.group_of(town.signal().key)
        assert [pyramid.entry_price for pyramid in group.pyramids] == [D(100 - number) for number in range(5)]
        assert group.ignored_pyramids == 3
        assert town.books().slots == 1


@pytest.mark.rule("GRP-6", "PNL-2", "POOL-2")
def test_groups_of_one_instrument_never_touch_each_other_quantity(tmp_path: Path) -> None:
    with started(tmp_path, capital="500") as town:
        crowd(town, [town.signal(price=str(price), timeframe=f"{price}m") for price in (97, 98, 99, 100)])
        for price in ("99", "97.5", "96", "94"):
            town.price(BTC, price)
        town.submit(town.signal(price=None, intent=Intent.EXIT, timeframe="98m"))
        alive = {group.key.timeframe for group in town.view.current.live()}
        assert alive == {"97m", "99m", "100m"}
        town.price(BTC, "103")
        books = town.books()
        assert {state for _, state, *_ in books.groups} == {"closed"}
        town.check_profit()
        assert books.balances["BTC"][0] == sum((dust for *_, dust in books.groups), D(0))


@pytest.mark.rule("QUE-3", "POOL-1", "POOL-2")
def test_when_many_groups_end_at_once_as_many_wait_no_longer(tmp_path: Path) -> None:
    with started(tmp_path, max_open_groups=5, capital="100") as town:
        crowd(town, [town.signal(timeframe=f"{number}m") for number in range(1, 6)])
        crowd(town, [town.signal(ETH, timeframe=f"{number}m") for number in range(1, 13)])
        town.price(BTC, "110")
        assert Counter(group.symbol for group in town.view.current.live()) == {ETH: 5}
        first_five = sorted(group.key.timeframe for group in town.view.current.live())
        assert first_five == [f"{number}m" for number in range(1, 6)], "equal in rank, the first queued goes first"
        assert len(town.books().waiting) == 7


@pytest.mark.rule("SIG-10")
def test_entries_and_exits_of_many_keys_at_once_end_in_one_outcome_each(tmp_path: Path) -> None:
    with started(tmp_path, max_open_groups=4, capital="100") as town:
        sent = []
        for number in range(1, 41):
            sent.append(town.signal(timeframe=f"{number % 10 + 1}m", price="100"))
            if number % 3 == 0:
                sent.append(town.signal(timeframe=f"{number % 7 + 1}m", price=None, intent=Intent.EXIT))
        answers = crowd(town, sent)
        town.pass_time(5_000)
        assert len(answers) == len(sent) == len(town.outcomes())
        assert town.books().slots <= 4
        town.check_profit()


@pytest.mark.rule("QUE-4", "QUE-2")
def test_a_full_queue_evicts_the_lowest_in_rank(tmp_path: Path) -> None:
    queue = QueueSettings(max_size=2, overflow=Overflow.EVICT_LOWEST)
    with started(tmp_path, town_settings(max_open_groups=1, queue=queue)) as town:
        town.submit(town.signal(SOL))
        first = town.signal(BTC, "101")
        second = town.signal(ETH, "100")
        third = town.signal(BTC, "103", timeframe="4h")
        assert outcomes(crowd(town, [first, second])) == {Outcome.QUEUED: 2}
        assert town.submit(third).outcome is Outcome.QUEUED
        assert town.outcomes()[second.idempotency_key] == "evicted"
        assert {queued.key for queued in town.view.current.waiting()} == {first.key, third.key}
        town.check()


# --- opposite sides -------------------------------------------------------------------------------


def swap_town(folder: Path) -> Town:
    account = account_settings(
        market=Market.SWAP,
        symbols=(PERP,),
        start_prices={PERP: D(100)},
        instruments={PERP: ROUND},
        fill=FillRule.TOUCH,
        prices=PaperPrices.MANUAL,
    )
    return started(folder, replace(town_settings(max_open_groups=3), accounts={ACCOUNT: account}))


@pytest.mark.rule("QUE-8", "GRP-6", "SIG-10")
def test_the_other_side_waits_for_its_key_and_opens_when_that_is_closed(tmp_path: Path) -> None:
    with swap_town(tmp_path) as town:
        opened = town.submit(town.signal(PERP, side=Side.LONG))
        short = town.signal(PERP, side=Side.SHORT)
        queued = town.submit(short)
        assert (opened.outcome, queued.outcome) == (Outcome.OPENED, Outcome.QUEUED)
        assert queued.reason is Reason.OPPOSITE_SIDE
        other = town.submit(town.signal(PERP, side=Side.SHORT, timeframe="4h"))
        assert other.reason is Reason.OPPOSITE_ON_INSTRUMENT
        same = town.submit(town.signal(PERP, side=Side.LONG, timeframe="15m"))
        assert same.outcome is Outcome.OPENED, "what waits for the other side blocks nobody else"
        town.submit(town.signal(PERP, None, Intent.EXIT, side=Side.LONG, timeframe="15m"))
        exited = town.submit(town.signal(PERP, None, Intent.EXIT, side=Side.LONG))
        assert exited.outcome is Outcome.EXITED
        town.pass_time(2_000)
        assert {(group.key.timeframe, group.side) for group in town.view.current.live()} == {
            ("1h", Side.SHORT),
            ("4h", Side.SHORT),
        }
        assert town.outcomes()[short.idempotency_key] == "opened"
        town.check()


@pytest.mark.rule("SIG-10", "EXIT-1")
def test_an_exit_without_a_side_closes_the_group_and_withdraws_what_waits_behind_it(tmp_path: Path) -> None:
    with swap_town(tmp_path) as town:
        town.submit(town.signal(PERP, side=Side.LONG))
        short = town.signal(PERP, side=Side.SHORT)
        town.submit(short)
        exited = town.submit(town.signal(PERP, None, Intent.EXIT, side=None))
        assert exited.outcome is Outcome.EXITED
        assert town.outcomes()[short.idempotency_key] == "removed"
        books = town.books()
        assert (books.slots, books.waiting) == (0, ())


# --- commands of a person -------------------------------------------------------------------------


def promote(town: Town, entry: Queued, **changes: bool) -> object:
    signal_id = entry.signal.signal_id
    return town.ask(
        POOL,
        lambda box: m.PromoteQueued(signal_id=signal_id, key=entry.key, who="ann", reply_to=box, **changes),
    )


@pytest.mark.rule("QUE-6", "POOL-2")
def test_a_queued_signal_can_be_forced_over_the_pool_limit_and_is_shown_as_forced(tmp_path: Path) -> None:
    with started(tmp_path, max_open_groups=1) as town:
        town.submit(town.signal(BTC))
        town.submit(town.signal(ETH))
        entry = waiting(town, ETH)
        refused = promote(town, entry)
        assert isinstance(refused, Refused)
        assert refused.reason is Reason.POOL_FULL
        assert promote(town, entry, force=True)
        forced = town.group_of(entry.key)
        assert forced.forced
        assert not town.group_of(town.signal(BTC).key).forced
        assert town.outcomes()["alert-0002"] == "opened"
        assert town.rows("SELECT attributes FROM events WHERE type = 'signal.opened' AND attributes LIKE '%ann%'")
        town.check()


@pytest.mark.rule("QUE-6", "POOL-3")
def test_a_forced_add_minds_the_exposure_limit_unless_told_otherwise(tmp_path: Path) -> None:
    settings = town_settings(max_open_groups=1, limits=LimitSettings(max_total_exposure=D(1500)))
    with started(tmp_path, settings) as town:
        town.submit(town.signal(BTC))
        town.submit(town.signal(ETH))
        entry = waiting(town, ETH)
        refused = promote(town, entry, force=True)
        assert isinstance(refused, Refused)
        assert refused.reason is Reason.MAX_TOTAL_EXPOSURE
        assert waiting(town, ETH).wait_reason is Reason.MAX_TOTAL_EXPOSURE
        opened = promote(town, entry, force=True, ignore_exposure=True)
        assert isinstance(opened, m.Answer)
        assert opened.outcome is Outcome.OPENED
        town.check()


@pytest.mark.rule("QUE-6", "SIG-10")
def test_a_queued_signal_can_be_removed_by_hand(tmp_path: Path) -> None:
    with started(tmp_path, max_open_groups=1) as town:
        town.submit(town.signal(BTC))
        town.submit(town.signal(ETH))
        entry = waiting(town, ETH)
        signal_id = entry.signal.signal_id

        def remove(box: m.ReplyTo) -> m.RemoveQueued:
            return m.RemoveQueued(signal_id=signal_id, key=entry.key, who="ann", reply_to=box)

        removed = town.ask(POOL, remove)
        assert isinstance(removed, m.Answer)
        assert (removed.outcome, removed.signal_id) == (Outcome.REMOVED, signal_id)
        again = town.ask(POOL, remove)
        assert isinstance(again, Refused)
        assert again.reason is Reason.NOT_FOUND
        assert town.outcomes()["alert-0002"] == "removed"
        town.price(BTC, "110")
        assert town.books().slots == 0


@pytest.mark.rule("QUE-6")
def test_with_a_free_slot_a_promotion_by_hand_goes_before_its_turn(tmp_path: Path) -> None:
    with started(tmp_path, max_open_groups=1) as town:
        town.submit(town.signal(BTC))
        town.ask(POOL, lambda box: m.PauseEngine(accounts=(), cancel_entries=False, who="ann", reply_to=box))
        crowd(town, [town.signal(ETH), town.signal(SOL)])
        town.price(BTC, "110")
        assert list(town.view.current.live()) == []
        town.ask(POOL, lambda box: m.ResumeEngine(accounts=(), who="ann", reply_to=box))
        assert [group.symbol for group in town.view.current.live()] == [ETH]
        town.submit(town.signal(ETH, None, Intent.EXIT))
        assert [group.symbol for group in town.view.current.live()] == [SOL]


@pytest.mark.rule("POOL-3", "POOL-4")
def test_a_pause_can_cancel_every_entry_and_exits_still_work(tmp_path: Path) -> None:
    with started(tmp_path) as town:
        town.submit(town.signal(BTC))
        state = town.ask(POOL, lambda box: m.PauseEngine(accounts=(), cancel_entries=True, who="ann", reply_to=box))
        assert state == m.EngineState(paused=True, paused_accounts=())
        group = town.group_of(town.signal(BTC).key)
        assert [order.role.value for order in group.open_orders()] == ["take_profit"]
        assert group.state is GroupState.ACTIVE
        paused = town.submit(town.signal(ETH))
        assert (paused.outcome, paused.reason) == (Outcome.QUEUED, Reason.ENGINE_PAUSED)
        town.kill()
        town.settle()
        assert [entry.wait_reason for entry in town.view.current.waiting()] == [Reason.ENGINE_PAUSED]
        assert town.submit(town.signal(BTC, None, Intent.EXIT)).outcome is Outcome.EXITED
        assert list(town.view.current.live()) == []
        town.ask(POOL, lambda box: m.ResumeEngine(accounts=(), who="ann", reply_to=box))
        assert [group.symbol for group in town.view.current.live()] == [ETH]
        town.check()
        town.check_profit()


@pytest.mark.rule("CFG-2", "POOL-2")
def test_a_lower_limit_evicts_nobody_and_a_higher_one_promotes_at_once(tmp_path: Path) -> None:
    with started(tmp_path, max_open_groups=3, capital="100") as town:
        crowd(town, [town.signal(timeframe=f"{number}m") for number in range(1, 6)])
        high = town.settings.pool
        town.change(replace(town.settings, pool=PoolSettings(max_open_groups=1)))
        assert len(list(town.view.current.live())) == 3
        town.submit(town.signal(BTC, None, Intent.EXIT, timeframe="1m"))
        assert len(list(town.view.current.live())) == 2
        town.change(replace(town.settings, pool=replace(high, max_open_groups=4)))
        assert len(list(town.view.current.live())) == 4
        assert town.books().slots == 4


@pytest.mark.rule("GRP-3", "CFG-2")
def test_a_live_group_keeps_the_settings_it_was_opened_with(tmp_path: Path) -> None:
    with started(tmp_path) as town:
        town.submit(town.signal(BTC))
        changed = town_settings(capital="200").strategy
        town.change(replace(town.settings, strategy=changed))
        town.submit(town.signal(BTC, "99"))
        town.submit(town.signal(ETH))
        assert capitals(town.group_of(town.signal(BTC).key)) == [D(1000), D(1000)]
        assert capitals(town.group_of(town.signal(ETH).key)) == [D(200)]


def capitals(group: Group) -> list[Decimal]:
    return [pyramid.capital for pyramid in group.pyramids]


@pytest.mark.rule("SIG-12")
def test_a_late_entry_expires_and_a_late_exit_closes(tmp_path: Path) -> None:
    with started(tmp_path) as town:
        town.submit(town.signal(BTC))
        town.pass_time(1)
        leaving = town.signal(BTC, None, Intent.EXIT)
        entering = town.signal(ETH)
        town.pass_time(400_000)
        expired = town.submit(entering)
        assert (expired.outcome, expired.reason) == (Outcome.EXPIRED, Reason.TOO_OLD)
        assert town.submit(leaving).outcome is Outcome.EXITED
        assert "late_signal/tradingview" in town.view.current.alerts


@pytest.mark.rule("SIG-12", "SIG-10")
def test_an_exit_never_closes_a_group_of_a_later_signal(tmp_path: Path) -> None:
    with started(tmp_path) as town:
        stale = town.signal(BTC, None, Intent.EXIT)
        town.pass_time(1)
        town.submit(town.signal(BTC))
        ignored = town.submit(stale)
        assert (ignored.outcome, ignored.reason) == (Outcome.IGNORED, Reason.OLDER_THAN_GROUP)
        assert len(list(town.view.current.live())) == 1
