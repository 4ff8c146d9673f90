"""A reverse on the whole engine: the group closes, and the other side opens in the slot it frees (SIG-6, section 9)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors import messages as m
from actors.pool_own_slots import OWN_SLOT_MS
from actors.rules.choices import Market, PositionMode
from actors.rules.model import Group, Intent, Outcome, Queued, Reason, Refused, Side, Signal
from actors.rules.settings import LimitSettings, QueueSettings
from tests.actors.town import ACCOUNT, BTC, ETH, POOL, QUEUE, ROUND, Town, account_settings, town_settings

D = Decimal
LONG, SHORT = Side.LONG, Side.SHORT
PERP, OTHER = "BTC/USDT:USDT", "ETH/USDT:USDT"
LATENCY_MS = 100
"""Of the venue, where something is to happen while a group closes."""


def swap_town(folder: Path, limit: int = 1, account: dict[str, Any] | None = None, **changes: Any) -> Town:
    """A pool of `limit` slots on a swap account with two instruments at 100."""
    symbols = (PERP, OTHER)
    made = account_settings(
        market=Market.SWAP,
        symbols=symbols,
        start_prices=dict.fromkeys(symbols, D(100)),
        instruments=dict.fromkeys(symbols, ROUND),
        **(account or {}),
    )
    settings = town_settings(max_open_groups=limit, **changes)
    town = Town(folder, settings=replace(settings, accounts={ACCOUNT: made}), rush=0.01)
    town.settle()
    return town


def reverse(town: Town, side: Side = SHORT, price: str = "100", **changes: Any) -> Signal:
    return town.signal(PERP, price, Intent.REVERSE, side=side, **changes)


def live(town: Town) -> list[tuple[str, str, Side]]:
    return sorted((group.symbol, group.key.timeframe, group.side) for group in town.view.current.live())


def waits(town: Town, symbol: str = PERP, timeframe: str = "1h") -> Queued | None:
    found = (queued for queued in town.view.current.waiting() if queued.key.symbol == symbol)
    return next((queued for queued in found if queued.key.timeframe == timeframe), None)


def events_about(town: Town, signal_id: str) -> list[str]:
    return [kind for (kind,) in town.rows("SELECT type FROM events WHERE signal_id = ? ORDER BY sequence", signal_id)]


def on_closing(town: Town, sent: Signal) -> None:
    """Goes on with this signal's draft until it is committed and no further: the group is closing."""
    box = town.send(sent)
    while not box.done:
        town.run_a_while(1)


# --- the story ------------------------------------------------------------------------------------


@pytest.mark.rule("SIG-6", "SIG-10", "POOL-2")
def test_a_reverse_closes_the_long_and_opens_the_short_in_its_slot_whoever_waits(tmp_path: Path) -> None:
    with swap_town(tmp_path) as town:
        opened = town.submit(town.signal(PERP, "100"))
        town.submit(town.signal(OTHER, "120"))  # Far deeper in loss than the newcomer.
        answer = town.submit(reverse(town))
        assert (answer.outcome, answer.group_id) == (Outcome.REVERSED, opened.group_id)
        assert live(town) == [(PERP, "1h", SHORT)]
        old, new = town.groups()[f"{PERP} 1h #1"], town.groups()[f"{PERP} 1h #2"]
        assert (old.close_reason, old.reverse) == (Reason.REVERSE_SIGNAL, replace(reverse_of(town, answer), body=""))
        assert (new.signal_id, new.side) == (answer.signal_id, SHORT)
        assert town.outcomes()["alert-0003"] == "reversed"
        assert events_about(town, answer.signal_id) == ["signal.reversed", "reverse.opened"]
        assert waits(town, OTHER) is not None
        town.check()
        town.check_profit()


def reverse_of(town: Town, answer: m.Answer) -> Signal:
    found = town.view.current.signals[answer.signal_id].saved.signal
    return replace(found, body="")


@pytest.mark.rule("SIG-6")
def test_there_and_back_again(tmp_path: Path) -> None:
    with swap_town(tmp_path) as town:
        town.submit(town.signal(PERP, "100"))
        for side in (SHORT, LONG, SHORT):
            town.pass_time(10)
            assert town.submit(reverse(town, side)).outcome is Outcome.REVERSED
            assert live(town) == [(PERP, "1h", side)]
        assert len(town.groups()) == 4
        town.check()
        town.check_profit()


@pytest.mark.rule("SIG-6")
def test_a_reverse_with_nothing_live_opens_like_an_entry_or_waits_without_a_slot_of_its_own(tmp_path: Path) -> None:
    with swap_town(tmp_path) as town:
        assert town.submit(reverse(town)).outcome is Outcome.OPENED
        other = town.submit(town.signal(OTHER, "100", Intent.REVERSE, side=SHORT))
        assert (other.outcome, other.reason) == (Outcome.QUEUED, Reason.POOL_FULL)
        entry = waits(town, OTHER)
        assert entry is not None
        assert not entry.is_reverse


@pytest.mark.rule("SIG-6", "SIG-10", "QUE-1")
def test_what_was_queued_for_the_key_is_superseded_and_its_turn_goes_over(tmp_path: Path) -> None:
    with swap_town(tmp_path) as town:
        town.submit(town.signal(PERP, "100"))
        town.pass_time(5)
        queued = town.submit(town.signal(PERP, "101", side=SHORT))
        assert queued.outcome is Outcome.QUEUED
        first = waits(town)
        assert first is not None
        town.pass_time(5)
        on_closing(town, reverse(town))
        entry = waits(town)
        assert entry is not None
        assert (entry.is_reverse, entry.is_decided, entry.wait_reason) == (True, True, Reason.REVERSING)
        assert (entry.replacement_count, entry.first_queue_time_ms) == (1, first.first_queue_time_ms)
        town.settle()
        assert town.outcomes()["alert-0002"] == "superseded"
        assert live(town) == [(PERP, "1h", SHORT)]
        town.check()


@pytest.mark.rule("SIG-12", "QUE-1")
def test_a_later_queued_signal_stays_and_opens_when_an_older_reverse_has_closed(tmp_path: Path) -> None:
    with swap_town(tmp_path) as town:
        town.submit(town.signal(PERP, "100"))
        town.pass_time(5)
        older = reverse(town)
        town.pass_time(5)
        later = town.signal(PERP, "101", side=SHORT)
        town.submit(later)
        answer = town.submit(older)
        assert answer.outcome is Outcome.EXITED
        assert town.outcomes()[later.idempotency_key] == "opened"
        town.check()


# --- while it closes ------------------------------------------------------------------------------


def closing_town(folder: Path, **changes: Any) -> tuple[Town, str]:
    """The long is being closed for a reverse; the other instrument waits. The reverse's signal id."""
    town = swap_town(folder, account={"latency_ms": LATENCY_MS}, **changes)
    town.submit(town.signal(PERP, "100"))
    town.submit(town.signal(OTHER, "120"))
    town.pass_time(5)
    on_closing(town, reverse(town))
    (entry,) = [queued for queued in town.view.current.waiting() if queued.is_reverse]
    return town, entry.signal.signal_id


@pytest.mark.rule("SIG-6", "SIG-10")
@pytest.mark.parametrize("named", [None, SHORT])
def test_an_exit_while_it_closes_cancels_the_new_side(tmp_path: Path, named: Side | None) -> None:
    town, signal_id = closing_town(tmp_path)
    with town:
        town.system.advance(1)
        answer = town.submit(town.signal(PERP, None, Intent.EXIT, side=named))
        assert answer.outcome is Outcome.DEQUEUED
        assert live(town) == [(OTHER, "1h", LONG)]
        assert town.outcomes()["alert-0003"] == "reversed", "its outcome stands"
        assert events_about(town, signal_id) == ["signal.reversed", "reverse.removed"]
        assert not [key for key in town.view.current.alerts if key.startswith("reverse")], "somebody wanted it so"
        town.check()


@pytest.mark.rule("SIG-6", "QUE-1", "SIG-10")
@pytest.mark.parametrize("intent", [Intent.ENTRY, Intent.REVERSE])
@pytest.mark.parametrize("side", list(Side))
def test_a_newer_signal_while_it_closes_takes_the_place_of_the_new_side(
    tmp_path: Path, intent: Intent, side: Side
) -> None:
    town, signal_id = closing_town(tmp_path)
    with town:
        town.system.advance(1)
        newer = town.signal(PERP, "100.5", intent, side=side)
        answer = town.submit(newer)
        assert answer.outcome is Outcome.REPLACED
        assert live(town) == [(PERP, "1h", side)]
        assert town.outcomes()[newer.idempotency_key] == "opened"
        assert events_about(town, signal_id) == ["signal.reversed", "reverse.superseded"]
        town.check()


@pytest.mark.rule("SIG-6")
def test_a_reverse_while_its_key_closes_for_an_exit_is_first_in_rank_for_that_slot(tmp_path: Path) -> None:
    with swap_town(tmp_path, account={"latency_ms": LATENCY_MS}) as town:
        town.submit(town.signal(PERP, "100"))
        town.submit(town.signal(OTHER, "120"))
        town.pass_time(5)
        on_closing(town, town.signal(PERP, None, Intent.EXIT))
        town.system.advance(1)
        sent = reverse(town)
        answer = town.submit(sent)
        assert (answer.outcome, answer.reason) == (Outcome.QUEUED, Reason.REVERSING)
        assert live(town) == [(PERP, "1h", SHORT)]
        assert town.outcomes()[sent.idempotency_key] == "opened"
        town.check()


@pytest.mark.rule("QUE-5", "REC-1", "SIG-6")
def test_the_new_side_survives_a_kill_while_the_old_one_closes(tmp_path: Path) -> None:
    town, _ = closing_town(tmp_path)
    with town:
        town.kill()
        town.settle()
        assert live(town) == [(PERP, "1h", SHORT)]
        town.check()
        town.check_profit()


@pytest.mark.rule("QUE-6", "SIG-10")
def test_a_person_may_remove_the_new_side_and_cannot_promote_it_before_its_time(tmp_path: Path) -> None:
    town, signal_id = closing_town(tmp_path)
    with town:
        entry = waits(town)
        assert entry is not None

        def promote(box: m.ReplyTo) -> m.PromoteQueued:
            return m.PromoteQueued(signal_id=signal_id, key=entry.key, who="ann", reply_to=box, force=True)

        def remove(box: m.ReplyTo) -> m.RemoveQueued:
            return m.RemoveQueued(signal_id=signal_id, key=entry.key, who="ann", reply_to=box)

        box = town.system.ask(POOL, promote)
        while not box.done:
            town.run_a_while(1)
        assert isinstance(box.answer, Refused)
        assert box.answer.reason is Reason.GROUP_CLOSING
        still = waits(town)
        assert still is not None
        assert still.wait_reason is Reason.REVERSING, "it has not lost its slot by that"
        removed = town.ask(POOL, remove)
        assert isinstance(removed, m.Answer)
        assert removed.outcome is Outcome.REMOVED
        assert live(town) == [(OTHER, "1h", LONG)]
        assert events_about(town, signal_id) == ["signal.reversed", "reverse.removed"]
        town.check()


# --- what stands in its way -----------------------------------------------------------------------


@pytest.mark.rule("SIG-6", "POOL-3", "EXIT-1")
@pytest.mark.parametrize("accounts", [(), (ACCOUNT,)], ids=["engine", "account"])
def test_a_pause_closes_the_old_side_and_the_new_one_waits_as_the_first(
    tmp_path: Path, accounts: tuple[str, ...]
) -> None:
    with swap_town(tmp_path) as town:
        town.submit(town.signal(PERP, "100"))
        if not accounts:
            town.submit(town.signal(OTHER, "120"))
        town.ask(POOL, lambda box: m.PauseEngine(accounts=accounts, cancel_entries=False, who="ann", reply_to=box))
        town.pass_time(5)
        assert town.submit(reverse(town)).outcome is Outcome.REVERSED
        assert live(town) == []
        entry = waits(town)
        assert entry is not None
        assert entry.wait_reason is (Reason.ACCOUNT_PAUSED if accounts else Reason.ENGINE_PAUSED)
        if not accounts:
            town.kill()
            town.settle()
        town.ask(POOL, lambda box: m.ResumeEngine(accounts=accounts, who="ann", reply_to=box))
        assert live(town) == [(PERP, "1h", SHORT)], "first in rank"
        town.check()


@pytest.mark.rule("SIG-6", "POOL-3")
def test_what_does_not_pass_gives_the_slot_to_others_and_the_new_side_stays_first(tmp_path: Path) -> None:
    limits = LimitSettings(max_groups_per_symbol=1)
    with swap_town(tmp_path, 2, limits=limits) as town:
        town.submit(town.signal(PERP, "100"))
        town.submit(town.signal(OTHER, "100"))
        town.submit(town.signal(OTHER, "100", timeframe="4h"))
        town.change(replace(town.settings, limits=LimitSettings(max_total_exposure=D(1500))))
        town.pass_time(5)
        assert town.submit(reverse(town)).outcome is Outcome.REVERSED
        entry = waits(town)
        assert entry is not None
        assert (entry.wait_reason, entry.is_reverse) == (Reason.MAX_TOTAL_EXPOSURE, True)
        town.change(replace(town.settings, limits=LimitSettings()))
        assert live(town) == [(PERP, "1h", SHORT), (OTHER, "1h", LONG)]
        town.check()


@pytest.mark.rule("SIG-6", "POOL-3")
def test_margin_that_is_seen_to_be_free_a_little_later_does_not_cost_its_place(tmp_path: Path) -> None:
    account = {"balances": {"USDT": D(1100)}}
    with swap_town(tmp_path, account=account) as town:
        town.submit(town.signal(PERP, "100"))
        assert town.submit(town.signal(OTHER, "100")).outcome is Outcome.QUEUED
        town.price(PERP, "98")
        for _ in range(3):
            town.pass_time(5)
            side = town.group_of(town.signal(PERP).key).side.opposite
            assert town.submit(reverse(town, side, "98")).outcome is Outcome.REVERSED
            assert live(town) == [(PERP, "1h", side)]
        town.check()


@pytest.mark.rule("SIG-6", "POOL-3", "POOL-2")
def test_without_the_balance_the_slot_is_kept_for_a_while_only(tmp_path: Path) -> None:
    account = {"balances": {"USDT": D(3000)}}
    with swap_town(tmp_path, account=account) as town:
        town.submit(town.signal(PERP, "100"))
        strategy = town_settings(capital="5000").strategy
        town.change(replace(town.settings, strategy=strategy))
        sent = town.signal(OTHER, "100")
        town.submit(sent)
        town.pass_time(5)
        box = town.send(reverse(town))
        town.system.advance(OWN_SLOT_MS - 1_000)
        assert isinstance(box.answer, m.Answer)
        entry = waits(town)
        assert entry is not None
        assert entry.wait_reason is Reason.REVERSING
        town.change(replace(town.settings, strategy=town_settings(capital="500").strategy))
        assert live(town) == [(PERP, "1h", SHORT)]
        town.check()


@pytest.mark.rule("SIG-6", "POOL-2")
def test_a_slot_that_is_kept_in_vain_is_given_to_who_waits(tmp_path: Path) -> None:
    account = {"balances": {"USDT": D(3000)}}
    with swap_town(tmp_path, account=account) as town:
        town.submit(town.signal(PERP, "100"))
        big = town_settings(capital="5000").strategy
        town.submit(town.signal(OTHER, "100"))
        overrides = replace(big, default=replace(big.default, unfilled_group_ttl_s=0))
        town.change(replace(town.settings, strategy=overrides))
        town.pass_time(5)
        town.submit(reverse(town))
        entry = waits(town)
        assert entry is not None
        assert (entry.wait_reason, entry.is_reverse) == (Reason.INSUFFICIENT_BALANCE, True)
        assert town.rows("SELECT count(*) FROM queued_signals WHERE is_reverse = 1 AND is_decided = 1") == [(1,)]
        town.kill()
        town.settle()
        assert town.books().slots == 0


@pytest.mark.rule("SIG-6", "SIG-10", "QUE-3")
def test_a_new_side_whose_price_has_run_away_expires_with_an_alert(tmp_path: Path) -> None:
    with swap_town(tmp_path, queue=QueueSettings(max_deviation_percent=D(2))) as town:
        town.submit(town.signal(PERP, "100"))
        answer = town.submit(reverse(town, price="110"))
        assert answer.outcome is Outcome.REVERSED
        assert live(town) == []
        assert events_about(town, answer.signal_id) == ["signal.reversed", "reverse.expired"]
        assert f"reverse_not_opened/{ACCOUNT}/{PERP}/1h" in town.view.current.alerts
        assert town.outcomes()["alert-0002"] == "reversed"
        town.check()


@pytest.mark.rule("SIG-6", "SIG-10", "POOL-5")
def test_a_new_side_without_a_sendable_ladder_is_refused_with_an_alert(tmp_path: Path) -> None:
    with swap_town(tmp_path) as town:
        town.submit(town.signal(PERP, "100"))
        town.change(replace(town.settings, strategy=town_settings(capital="1").strategy))
        answer = town.submit(reverse(town))
        assert live(town) == []
        assert events_about(town, answer.signal_id) == ["signal.reversed", "reverse.rejected"]
        assert f"reverse_not_opened/{ACCOUNT}/{PERP}/1h" in town.view.current.alerts
        assert town.books().slots == 0


@pytest.mark.rule("GRP-6", "SIG-6")
@pytest.mark.parametrize("mode", list(PositionMode))
def test_another_group_of_the_old_side_holds_the_new_one_up_on_a_one_way_account_only(
    tmp_path: Path, mode: PositionMode
) -> None:
    with swap_town(tmp_path, 3, account={"position_mode": mode}) as town:
        town.submit(town.signal(PERP, "100"))
        town.submit(town.signal(PERP, "100", timeframe="4h"))
        town.pass_time(5)
        assert town.submit(reverse(town)).outcome is Outcome.REVERSED
        if mode is PositionMode.HEDGE:
            assert live(town) == [(PERP, "1h", SHORT), (PERP, "4h", LONG)]
        else:
            entry = waits(town)
            assert entry is not None
            assert entry.wait_reason is Reason.OPPOSITE_ON_INSTRUMENT
            town.submit(town.signal(PERP, None, Intent.EXIT, timeframe="4h"))
            town.pass_time(2_000)
            assert live(town) == [(PERP, "1h", SHORT)]
        town.check()


@pytest.mark.rule("POOL-2", "SIG-6")
def test_under_a_lower_limit_the_new_side_waits(tmp_path: Path) -> None:
    with swap_town(tmp_path, 3) as town:
        for timeframe in ("1h", "2h", "4h"):
            town.submit(town.signal(PERP, "100", timeframe=timeframe))
        town.change(replace(town.settings, pool=replace(town.settings.pool, max_open_groups=2)))
        town.submit(reverse(town, LONG))  # The same side: ignored.
        closing = town.submit(town.signal(PERP, "100", Intent.REVERSE, side=SHORT, timeframe="2h"))
        assert closing.outcome is Outcome.REVERSED
        assert Counter(group.side for group in town.view.current.live()) == {LONG: 2}
        town.check()


@pytest.mark.rule("SIG-6")
def test_on_spot_a_reverse_to_short_is_an_exit(tmp_path: Path) -> None:
    with Town(tmp_path, settings=town_settings(max_open_groups=1)) as town:
        town.settle()
        town.submit(town.signal(BTC, "100"))
        assert town.submit(town.signal(ETH, "100", Intent.REVERSE, side=SHORT)).outcome is Outcome.REJECTED
        answer = town.submit(town.signal(BTC, "100", Intent.REVERSE, side=SHORT))
        assert answer.outcome is Outcome.EXITED
        assert town.books().waiting == ()


@pytest.mark.rule("SIG-12")
def test_a_reverse_that_comes_late_only_closes(tmp_path: Path) -> None:
    with swap_town(tmp_path) as town:
        town.submit(town.signal(PERP, "100"))
        town.pass_time(5)
        late = reverse(town)
        town.pass_time(400_000)
        assert town.submit(late).outcome is Outcome.EXITED
        assert (live(town), town.books().waiting) == ([], ())


def group_of(town: Town) -> Group:
    return town.group_of(town.signal(PERP).key)


@pytest.mark.rule("REC-1", "SIG-6")
def test_the_queue_may_be_reloaded_with_the_pool_while_it_closes(tmp_path: Path) -> None:
    town, _ = closing_town(tmp_path)
    with town:
        town.system.stop(QUEUE)
        town.settle()
        assert live(town) == [(PERP, "1h", SHORT)]
        town.check()
