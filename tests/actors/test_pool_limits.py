"""The Pool's loss limits: what it counts, whom it makes wait, what it asks of groups, what survives."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from actors import messages as m
from actors import pool as pool_module
from actors import pool_limits
from actors.pool_limits import LOOKS, SNAPSHOT_MS, UNJUDGED_MS
from actors.replies import ReplyBox
from actors.risk_messages import DescribeLimits, LiftLimit, LimitsNow
from actors.rules import limit_states
from actors.rules.choices import OnBreach
from actors.rules.limit_states import LEAST_TIME_MS, LimitLevel, LimitStanding
from actors.rules.model import Balance, Reason, Refused, Signal
from actors.rules.records import AddEquity, AddEvent, RaiseAlert, ResolveAlert, SaveEngineState
from actors.rules.settings import LimitSettings, Settings
from daemon.days import day_of
from tests.actors.fake_life import rows_of
from tests.actors.pool_alone import PoolAlone, empty, entry, leave, stored_group, waiting
from tests.actors.town import ACCOUNT, SeededIds, town_settings
from tests.rules.builders import NOW_MS, key, spot

D = Decimal
DAY_MS = 86_400_000


def settings(**changes: Any) -> Settings:
    return town_settings(limits=LimitSettings(**changes))


def alone(state: m.PoolState | None = None, **changes: Any) -> PoolAlone:
    return PoolAlone(settings=settings(**changes), state=state)


def standing(pool: PoolAlone) -> LimitStanding:
    return pool.pool._limits.standing


def fresh(pool: PoolAlone, timeframe: str) -> Signal:
    """An entry of this moment."""
    return entry(timeframe, sent_time_ms=pool.life.time_ms, receive_time_ms=pool.life.time_ms)


def lose(pool: PoolAlone, timeframe: str = "1h", profit: str = "-10", **changes: Any) -> m.GroupChanged:
    """A group opens on this timeframe and closes with this profit."""
    told = pool.live(fresh(pool, timeframe))
    closed = replace(
        told, closed=True, realized=D(profit), close_time_ms=pool.life.time_ms, reserved=D(0), planned=D(0), **changes
    )
    pool.take(closed)
    return closed


def commits(pool: PoolAlone, kind: type[Any]) -> list[Any]:
    """Rows of this kind in the commits since the last look."""
    return [row for commit in pool.life.take(m.Commit) for row in rows_of(commit, kind)]


def tick(pool: PoolAlone, after_ms: int = 1_000, *, price: str = "", seen_later_ms: int = 0) -> None:
    pool.life.time_ms += after_ms
    if price:
        pool.life.time_ms += seen_later_ms
        pool.price(price)
        pool.life.time_ms -= seen_later_ms
    pool.take(m.TimerFired(incarnation=1, name="tick"))


def stay(pool: PoolAlone, after_ms: int = 1_000, *, price: str) -> None:
    """The price is there for so many looks that it is believed."""
    tick(pool, after_ms, price=price)
    for _ in range(LOOKS - 1):
        tick(pool, price=price)


def switches(pool: PoolAlone) -> dict[str, str]:
    return {name: value for name, value in pool.pool._books.switches.items() if name.startswith("limit:")}


def again(pool: PoolAlone, **changes: Any) -> PoolAlone:
    """The next life of this pool, on what the last one stored."""
    limits = pool.pool._limits
    state = empty(
        switches=switches(pool),
        profits=tuple((time_ms, quote, amount) for (time_ms, quote), amount in limits._profits.items()),
        realized=dict(limits._realized),
        recent_closed=tuple(limits._closed.values()),
        **changes,
    )
    loaded = PoolAlone(settings=pool.settings, state=state)
    loaded.pool._ids = SeededIds(random.Random(2))
    return loaded


def reason_of(pool: PoolAlone) -> Reason:
    return pool.life.one(m.Enqueue).queued.wait_reason


# --- what is counted, and whom it makes wait ------------------------------------------------------


@pytest.mark.rule("POOL-3", "POOL-4")
def test_the_days_loss_of_all_groups_together_makes_new_ones_wait() -> None:
    pool = alone(max_realized_loss_per_day=D(25))
    lose(pool, "1h", "-20")
    pool.submit(entry("5m"))
    pool.opened(pool.life.one(m.OpenGroup))
    lose(pool, "15m", "-5")
    pool.submit(entry("4h"))
    assert reason_of(pool) is Reason.MAX_REALIZED_LOSS_PER_DAY


@pytest.mark.rule("POOL-3")
def test_what_a_group_realises_before_it_closes_counts_once() -> None:
    pool = alone(max_realized_loss_per_day=D(25))
    told = pool.live(entry("1h"))
    for realized in ("-10", "-10", "-20"):
        pool.take(replace(told, realized=D(realized)))
    assert standing(pool).causes == ()
    closed = replace(told, closed=True, realized=D("-24"), close_time_ms=NOW_MS)
    for _ in range(3):
        pool.take(closed)
    assert standing(pool).causes == ()
    late = replace(told, closing=True, realized=D("-25"))
    pool.take(late)
    assert standing(pool).level is LimitLevel.NO_NEW_GROUPS


@pytest.mark.rule("POOL-3")
def test_a_close_that_was_loaded_is_not_counted_when_it_is_told_again() -> None:
    known = m.ClosedGroup(group_id="g1", key=key(), quote="USDT", realized=D(-30), close_time_ms=NOW_MS)
    state = empty(profits=((NOW_MS, "USDT", D(-30)),), realized={"USDT": D(-30)}, recent_closed=(known,))
    pool = alone(state, max_realized_loss_per_day=D(50), max_consecutive_losses=2)
    told = replace(stored_group(key()).groups[0], group_id="g1", closed=True, realized=D(-30), close_time_ms=NOW_MS)
    pool.take(replace(told, instrument=spot()))
    assert standing(pool).causes == ()


@pytest.mark.rule("POOL-3", "POOL-4")
def test_losses_in_a_row_are_broken_by_a_profit_and_not_by_a_zero() -> None:
    pool = alone(max_consecutive_losses=3)
    for number, profit in enumerate(("-1", "-1", "5", "-1", "0", "-1")):
        lose(pool, f"{number + 1}m", profit)
    assert standing(pool).causes == ()
    lose(pool, "30m", "-1")
    pool.submit(entry("4h"))
    assert reason_of(pool) is Reason.MAX_CONSECUTIVE_LOSSES


@pytest.mark.rule("POOL-3")
def test_a_key_rests_after_a_loss_and_others_do_not() -> None:
    pool = alone(cooldown_after_loss_s=60)
    lose(pool, "1h", "-1")
    pool.submit(entry("1h"))
    waiting_for = pool.life.one(m.Enqueue).queued
    assert waiting_for.wait_reason is Reason.COOLDOWN_AFTER_LOSS
    assert re.search(r"the key rests until [0-9-]{10} [0-9:]{8} UTC$", waiting_for.detail)
    pool.submit(entry("4h"))
    pool.life.one(m.OpenGroup)
    lose(pool, "5m", "1")
    pool.submit(entry("5m"))
    pool.life.one(m.OpenGroup)


@pytest.mark.rule("POOL-3")
def test_what_waits_for_its_key_to_rest_goes_in_by_itself() -> None:
    pool = alone(cooldown_after_loss_s=60)
    lose(pool, "1h", "-1")
    entry_waits = waiting("1h", Reason.COOLDOWN_AFTER_LOSS)
    pool.waits(entry_waits)
    pool.offered(entry_waits)
    pool.taken_out(entry_waits) if pool.life.of(m.TakeOut) else None
    assert pool.life.take(m.PutBack)[0].wait_reason is Reason.COOLDOWN_AFTER_LOSS
    tick(pool, 60_000, price="100")
    pool.life.take(m.Offer)
    pool.pool._offer_id = ""
    tick(pool, price="100")
    pool.offered(entry_waits)
    assert pool.life.one(m.OpenGroup).signal.key == entry_waits.key


@pytest.mark.rule("POOL-4")
@pytest.mark.parametrize(("on_breach", "waits"), [(OnBreach.NO_NEW_GROUPS, False), (OnBreach.NO_NEW_ENTRIES, True)])
def test_pyramids_wait_only_where_no_entry_is_let_in(on_breach: OnBreach, waits: bool) -> None:
    pool = alone(max_consecutive_losses=1, on_breach=on_breach)
    pool.live(entry("1h"))
    lose(pool, "5m", "-1")
    pool.submit(entry("1h", price="99"))
    if waits:
        assert reason_of(pool) is Reason.MAX_CONSECUTIVE_LOSSES
    else:
        pool.life.one(m.AddPyramid)


@pytest.mark.rule("POOL-4", "EXIT-1")
@pytest.mark.parametrize("on_breach", OnBreach)
def test_exits_pass_in_every_state(on_breach: OnBreach) -> None:
    pool = alone(max_consecutive_losses=1, on_breach=on_breach)
    pool.live(entry("1h"))
    lose(pool, "5m", "-1")
    pool.submit(leave("1h"))
    pool.life.one(m.ExitGroup)


def force(pool: PoolAlone, **changes: Any) -> ReplyBox:
    """A person forces what waits on the 1h key, whatever the exposure."""
    entry_waits, box = waiting("1h", Reason.MAX_CONSECUTIVE_LOSSES), ReplyBox()
    pool.waits(entry_waits)
    asked = m.PromoteQueued(
        key=entry_waits.key,
        signal_id=entry_waits.signal.signal_id,
        who="admin",
        force=True,
        ignore_exposure=True,
        reply_to=box,
        **changes,
    )
    pool.take(asked)
    pool.taken_out(entry_waits)
    return box


@pytest.mark.rule("QUE-6", "POOL-4")
@pytest.mark.parametrize(
    ("on_breach", "is_told", "opens"),
    [
        (OnBreach.NO_NEW_GROUPS, False, False),
        (OnBreach.NO_NEW_ENTRIES, True, True),
        (OnBreach.REDUCE_ONLY, True, False),
        (OnBreach.CLOSE_ALL, True, False),
    ],
)
def test_a_forced_add_passes_a_breached_limit_only_if_told_and_if_it_could_stay(
    on_breach: OnBreach, is_told: bool, opens: bool
) -> None:
    pool = alone(max_consecutive_losses=1, on_breach=on_breach)
    lose(pool, "5m", "-1")
    box = force(pool, ignore_limits=is_told)
    if opens:
        pool.life.one(m.OpenGroup)
    else:
        assert isinstance(box.answer, Refused)
        assert box.answer.reason is Reason.MAX_CONSECUTIVE_LOSSES


# --- what groups are told -------------------------------------------------------------------------


@pytest.mark.rule("POOL-4")
def test_reduce_only_cancels_unfilled_entries_and_asks_again_until_none_is_left() -> None:
    pool = alone(max_consecutive_losses=1, on_breach=OnBreach.REDUCE_ONLY)
    told = pool.live(entry("1h"))
    pool.live(entry("30m"), reserved=D(0))
    pool.submit(entry("4h"))
    opening = pool.life.one(m.OpenGroup)
    lose(pool, "5m", "-1")
    commit = next(each for each in pool.life.take(m.Commit) if rows_of(each, RaiseAlert))
    asked = [send.message for send in commit.then if isinstance(send.message, m.CancelEntries)]
    assert [each.group_id for each in asked] == [told.group_id, opening.group_id]
    assert {each.reason for each in asked} == {Reason.LIMIT_BREACHED}
    tick(pool, pool_module.LIMIT_REPEAT_MS - 1)
    assert not any(commit.then for commit in pool.life.take(m.Commit))
    tick(pool, 1)
    assert any(commit.then for commit in pool.life.take(m.Commit))
    pool.opened(opening, reserved=D(0))
    pool.take(replace(told, reserved=D(0)))
    pool.life.take(m.Commit)
    tick(pool, pool_module.LIMIT_REPEAT_MS)
    assert not any(commit.then for commit in pool.life.take(m.Commit))


@pytest.mark.rule("POOL-4", "ORD-12")
def test_close_all_closes_everything_that_does_not_close_yet() -> None:
    pool = alone(max_consecutive_losses=1, on_breach=OnBreach.CLOSE_ALL)
    told, closing = pool.live(entry("1h")), pool.live(entry("30m"), closing=True)
    lose(pool, "5m", "-1")
    commit = next(each for each in pool.life.take(m.Commit) if rows_of(each, RaiseAlert))
    close = m.CloseGroup(group_id=told.group_id, who="limits", reply_to=None, reason=Reason.LIMIT_BREACHED)
    assert [(send.to, send.message) for send in commit.then] == [(f"group/{told.group_id}", close)]
    assert closing.group_id != told.group_id


@pytest.mark.rule("POOL-4", "REC-1")
def test_a_pool_that_is_loaded_with_a_state_goes_on_telling_groups() -> None:
    pool = alone(max_consecutive_losses=1, on_breach=OnBreach.CLOSE_ALL)
    lose(pool, "5m", "-1")
    stored = stored_group(key())
    loaded = again(pool, groups=stored.groups, settings_of=stored.settings_of, instrument_of=stored.instrument_of)
    commit = loaded.life.take(m.Commit)[0]
    assert [send.to for send in commit.then] == [f"group/{stored.groups[0].group_id}"]
    assert commit.rows == ()


# --- what survives and what lifts -----------------------------------------------------------------


@pytest.mark.rule("POOL-4", "REC-1")
def test_a_state_is_stored_with_an_event_and_an_alert_and_survives_a_restart() -> None:
    pool = alone(max_realized_loss_per_day=D(25), on_breach=OnBreach.NO_NEW_ENTRIES)
    lose(pool, "1h", "-30")
    commit = next(each for each in pool.life.take(m.Commit) if rows_of(each, RaiseAlert))
    (event,), (alert,) = rows_of(commit, AddEvent), rows_of(commit, RaiseAlert)
    assert (event.type, event.attributes["level"]) == ("limit.set", "NO_NEW_ENTRIES")
    assert alert.alert_key == "limit/paper/MAX_REALIZED_LOSS_PER_DAY"
    assert alert.severity == "critical"
    (row,) = rows_of(commit, SaveEngineState)
    assert limit_states.from_switches({row.name: row.value}) == standing(pool)
    loaded = again(pool)
    assert standing(loaded) == standing(pool)
    loaded.submit(entry("4h"))
    assert reason_of(loaded) is Reason.MAX_REALIZED_LOSS_PER_DAY


@pytest.mark.rule("POOL-4")
def test_the_next_day_lifts_the_days_loss_and_resolves_its_alert() -> None:
    pool = alone(max_realized_loss_per_day=D(25))
    lose(pool, "1h", "-30")
    pool.life.take(m.Commit)
    tick(pool, DAY_MS, price="100")
    rows = [row for commit in pool.life.take(m.Commit) for row in commit.rows]
    assert [row.alert_key for row in rows if isinstance(row, ResolveAlert)] == ["limit/paper/MAX_REALIZED_LOSS_PER_DAY"]
    assert [row.value for row in rows if isinstance(row, SaveEngineState)] == [""]
    assert standing(pool).causes == ()
    pool.submit(fresh(pool, "4h"))
    pool.life.one(m.OpenGroup)


@pytest.mark.rule("POOL-4")
def test_a_streak_that_a_day_has_ended_is_counted_anew_also_after_a_restart() -> None:
    pool = alone(max_consecutive_losses=2)
    lose(pool, "1h", "-1")
    lose(pool, "4h", "-1")
    assert standing(pool).level is LimitLevel.NO_NEW_GROUPS
    tick(pool, DAY_MS, price="100")
    assert standing(pool).causes == ()
    loaded = again(pool)
    loaded.life.time_ms = pool.life.time_ms
    loaded.price("100")
    lose(loaded, "5m", "-1")
    assert standing(loaded).causes == ()
    lose(loaded, "15m", "-1")
    assert standing(loaded).level is LimitLevel.NO_NEW_GROUPS


@pytest.mark.rule("POOL-4")
def test_a_person_lifts_what_stands_and_the_count_begins_anew() -> None:
    pool = alone(max_realized_loss_per_day=D(25), max_consecutive_losses=2)
    lose(pool, "1h", "-20")
    lose(pool, "4h", "-20")
    assert len(standing(pool).causes) == 2
    pool.life.take(m.Commit)
    box = ReplyBox()
    pool.take(LiftLimit(who="anna", why="seen", reply_to=box))
    commit = pool.life.take(m.Commit)[0]
    (send,) = commit.then
    assert send.message == LimitStanding()
    assert {row.who for row in rows_of(commit, SaveEngineState)} == {"anna"}
    events = rows_of(commit, AddEvent)
    assert [event.type for event in events] == ["limit.lifted", "limit.lifted"]
    assert all(event.attributes["who"] == "anna" and "anna: seen" in event.message for event in events)
    tick(pool)
    assert standing(pool).causes == ()
    loaded = again(pool)
    loaded.life.time_ms = pool.life.time_ms
    assert standing(loaded).causes == ()
    lose(loaded, "5m", "-24")
    assert standing(loaded).causes == ()
    lose(loaded, "15m", "-1")
    assert len(standing(loaded).causes) == 2


@pytest.mark.rule("POOL-4")
def test_lifting_where_nothing_stands_changes_nothing() -> None:
    pool = alone(max_realized_loss_per_day=D(25))
    box = ReplyBox()
    pool.take(LiftLimit(who="anna", why="", reply_to=box))
    commit = next(each for each in pool.life.take(m.Commit) if each.then)
    assert commit.rows == ()
    assert [send.message for send in commit.then] == [LimitStanding()]


@pytest.mark.rule("POOL-4", "CFG-2")
def test_another_config_takes_effect_at_once() -> None:
    pool = alone(max_realized_loss_per_day=D(25))
    lose(pool, "1h", "-30")
    pool.settings = settings(max_realized_loss_per_day=D(40))
    pool.take(m.SettingsChanged(settings=pool.settings))
    assert standing(pool).causes == ()
    pool.settings = settings(max_realized_loss_per_day=D(30), on_breach=OnBreach.REDUCE_ONLY)
    pool.take(m.SettingsChanged(settings=pool.settings))
    assert standing(pool).level is LimitLevel.REDUCE_ONLY


# --- drawdown -------------------------------------------------------------------------------------


def holding(pool: PoolAlone, timeframe: str = "1h", quantity: str = "100", cost: str = "10000") -> m.GroupChanged:
    return pool.live(entry(timeframe), held=D(quantity), cost=D(cost))


def coins(pool: PoolAlone, usdt: str, btc: str) -> None:
    balances = {
        "USDT": Balance(asset="USDT", free=D(usdt), locked=D(0)),
        "BTC": Balance(asset="BTC", free=D(btc), locked=D(0)),
    }
    pool.take(m.AccountChanged(account=ACCOUNT, ready=True, detail="", balances=balances))


@pytest.mark.rule("POOL-3", "POOL-4")
def test_the_drawdown_counts_what_is_lost_and_not_yet_realised_and_its_peak_is_durable() -> None:
    pool = alone(max_drawdown_percent=D(10))
    tick(pool, price="100")
    holding(pool)
    stay(pool, price="200")
    assert '"peak": "110000"' in switches(pool)["limit:equity"]
    stored = switches(pool)
    stay(pool, price="91")
    assert standing(pool).causes == ()
    stay(pool, price="90")
    (cause,) = standing(pool).causes
    assert (cause.reason, cause.value) == (Reason.MAX_DRAWDOWN_PERCENT, D(10))
    loaded = PoolAlone(settings=pool.settings, state=empty(switches=stored, realized={"USDT": D(-1000)}))
    tick(loaded, price="90")
    assert standing(loaded).level is LimitLevel.NO_NEW_GROUPS


def now_of(pool: PoolAlone) -> LimitsNow:
    box = ReplyBox()
    pool.take(DescribeLimits(reply_to=box))
    assert isinstance(box.answer, LimitsNow)
    return box.answer


@pytest.mark.rule("POOL-3", "POOL-4")
def test_who_asks_is_told_what_the_limits_are_compared_with_and_changes_nothing() -> None:
    pool = alone(max_drawdown_percent=D(10))
    tick(pool, price="100")
    lose(pool, "15m", "-5")
    holding(pool)
    stay(pool, price="200")
    stay(pool, price="151")
    before, stands = switches(pool), standing(pool)
    pool.life.take(m.Commit)
    told = now_of(pool)
    assert (told.day_profit, told.streak) == (D(-5), 1)
    assert told.drawdown_percent is not None
    assert D("4.4") < told.drawdown_percent < D("4.5"), "4,900 below a peak of 109,995"
    assert (switches(pool), standing(pool), pool.life.take(m.Commit)) == (before, stands, [])


@pytest.mark.rule("POOL-4", "ORD-10")
def test_a_drawdown_without_a_bound_or_a_fresh_price_is_not_told() -> None:
    assert now_of(alone()) == LimitsNow(day_profit=D(0), drawdown_percent=None, streak=0)
    pool = alone(max_drawdown_percent=D(10))
    tick(pool, price="100")
    holding(pool)
    stay(pool, price="100")
    assert now_of(pool).drawdown_percent == 0
    tick(pool, pool.settings.execution.max_quote_age_s * 1000 + 1)
    assert now_of(pool).drawdown_percent is None


@pytest.mark.rule("POOL-3")
def test_deposits_and_withdrawals_are_no_drawdown() -> None:
    pool = alone(max_drawdown_percent=D(10))
    tick(pool, price="100")
    before = switches(pool)["limit:equity"]
    pool.account("1000")
    tick(pool, price="100")
    pool.account("900000")
    tick(pool, price="100")
    assert standing(pool).causes == ()
    assert switches(pool)["limit:equity"] == before


@pytest.mark.rule("POOL-4", "ORD-10")
def test_a_drawdown_is_judged_on_fresh_marks_only_and_a_state_stays() -> None:
    pool = alone(max_drawdown_percent=D(10))
    tick(pool, price="100")
    holding(pool, cost="20000")
    stale_ms = pool.settings.execution.max_quote_age_s * 1000 + 1
    tick(pool, stale_ms)
    assert standing(pool).causes == ()
    tick(pool, price="95", seen_later_ms=stale_ms)
    assert standing(pool).causes == (), "a price from the future is of nobody knows when"
    stay(pool, price="95")
    assert standing(pool).level is LimitLevel.NO_NEW_GROUPS
    tick(pool, LEAST_TIME_MS)
    assert standing(pool).level is LimitLevel.NO_NEW_GROUPS
    stay(pool, price="200")
    assert standing(pool).causes == ()


@pytest.mark.rule("POOL-4", "LOG-5")
def test_a_drawdown_that_cannot_be_judged_for_long_is_said_and_the_alert_ends_with_it() -> None:
    pool = alone(max_drawdown_percent=D(10))
    tick(pool, price="100")
    holding(pool)
    pool.life.take(m.Commit)
    stale_ms = pool.settings.execution.max_quote_age_s * 1000 + 1
    tick(pool, stale_ms)
    assert commits(pool, RaiseAlert) == []
    tick(pool, UNJUDGED_MS)
    tick(pool, UNJUDGED_MS)
    assert [row.alert_key for row in commits(pool, RaiseAlert)] == ["limit_unjudged/paper"]
    tick(pool, price="100")
    assert [row.alert_key for row in commits(pool, ResolveAlert)] == ["limit_unjudged/paper"]


@pytest.mark.rule("LOG-5")
def test_the_alert_of_a_limit_that_cannot_be_judged_ends_where_the_limit_is_switched_off() -> None:
    """Nor was it ever known in this life: that an earlier one may have said so keeps no word back."""
    pool = PoolAlone(settings=settings(max_drawdown_percent=D(10)), state=empty(), ready=False)
    tick(pool)
    tick(pool, UNJUDGED_MS)
    assert [row.alert_key for row in commits(pool, RaiseAlert)] == ["limit_unjudged/paper"]
    pool.settings = settings()
    tick(pool)
    assert [row.alert_key for row in commits(pool, ResolveAlert)] == ["limit_unjudged/paper"]


@pytest.mark.rule("POOL-4", "ORD-10")
@pytest.mark.parametrize("wild", ["1000", "1"])
def test_a_single_wild_price_is_no_peak_and_no_drawdown(wild: str) -> None:
    pool = alone(max_drawdown_percent=D(10), on_breach=OnBreach.CLOSE_ALL)
    holding(pool, cost="10000")
    stay(pool, price="100")
    for price in (wild, "100", "100", "100"):
        tick(pool, price=price)
        assert standing(pool).causes == ()
    assert '"peak": "100000"' in switches(pool)["limit:equity"]
    stay(pool, price="1")
    assert standing(pool).causes == (), "9.9 % of it"
    holding(pool, "15m")
    stay(pool, price="1")
    assert standing(pool).level is LimitLevel.CLOSE_ALL


@pytest.mark.rule("POOL-4")
def test_a_lift_begins_a_new_peak() -> None:
    pool = alone(max_drawdown_percent=D(10))
    tick(pool, price="100")
    holding(pool, cost="20000")
    stay(pool, price="100")
    assert standing(pool).level is LimitLevel.NO_NEW_GROUPS
    pool.take(LiftLimit(who="anna", why="", reply_to=ReplyBox()))
    tick(pool, price="100")
    assert standing(pool).causes == ()
    assert '"peak": "90000"' in switches(pool)["limit:equity"]
    stay(pool, price="9.99")
    assert standing(pool).level is LimitLevel.NO_NEW_GROUPS


@pytest.mark.rule("POOL-3")
def test_coins_on_the_account_are_part_of_where_equity_begins() -> None:
    pool = PoolAlone(settings=settings(max_drawdown_percent=D(10)), state=empty(), ready=False)
    coins(pool, "10000", "5")
    pool.pool._limits._measured = None
    holding(pool, quantity="2", cost="150")
    tick(pool, price="100")
    assert '"base": "10450", "peak": "10500"' in switches(pool)["limit:equity"]


@pytest.mark.rule("POOL-3")
def test_coins_without_a_price_hold_the_beginning_up_for_a_while_only() -> None:
    pool = PoolAlone(settings=settings(max_drawdown_percent=D(10)), state=empty(), ready=False)
    strange = {
        "USDT": Balance(asset="USDT", free=D(1000), locked=D(0)),
        "XYZ": Balance(asset="XYZ", free=D(7), locked=D(0)),
    }
    pool.take(m.AccountChanged(account=ACCOUNT, ready=True, detail="", balances=strange))
    tick(pool, price="100")
    assert "limit:equity" not in switches(pool)
    tick(pool, pool_limits.UNPRICED_MS, price="100")
    assert '"peak": "1000"' in switches(pool)["limit:equity"]


@pytest.mark.rule("POOL-3")
def test_other_quotes_count_at_their_mark_and_are_not_judged_without_one() -> None:
    changed = settings(max_realized_loss_per_day=D(25))
    pool = PoolAlone(settings=changed, instruments=(spot(), spot(symbol="ETH/EUR", base="ETH", quote="EUR")))
    told = pool.live(entry("1h"))
    euro = replace(told, instrument=pool.instruments["ETH/EUR"], group_id="other", key=key("ETH/EUR"))
    pool.pool._books.put(euro, changed.strategy.default, pool.instruments["ETH/EUR"])
    pool.take(replace(euro, realized=D(-20)))
    assert standing(pool).causes == ()
    pool.life.take(m.Commit)
    tick(pool, UNJUDGED_MS)
    (said,) = commits(pool, RaiseAlert)
    assert said.message == "the day's loss cannot be judged: a quote currency has no fresh price in USDT"
    pool.price("1.5", "EUR/USDT")
    tick(pool, 0)
    (cause,) = standing(pool).causes
    assert cause.value == D(30)
    assert said.alert_key in [row.alert_key for row in commits(pool, ResolveAlert)]


# --- days -----------------------------------------------------------------------------------------


@pytest.mark.rule("POOL-4")
@pytest.mark.parametrize(
    ("now", "zone", "hours"),
    [
        (1_743_289_200_000, "UTC", 24),
        (1_743_300_000_000, "Europe/Berlin", 23),
        (1_761_440_400_000, "Europe/Berlin", 25),
        (1_743_300_000_000, "Asia/Kathmandu", 24),
    ],
)
def test_a_day_is_the_reporting_zones_clock_changes_included(now: int, zone: str, hours: int) -> None:
    start_ms, next_ms = day_of(now, zone)
    assert start_ms <= now < next_ms
    assert (next_ms - start_ms) == hours * 3_600_000
    assert start_ms % 900_000 == 0
    assert day_of(next_ms, zone)[0] == next_ms
    assert day_of(next_ms - 1, zone) == (start_ms, next_ms)


# --- equity snapshots -----------------------------------------------------------------------------


@pytest.mark.rule("PNL-4")
def test_equity_is_written_down_as_soon_as_it_is_known_then_once_a_minute_if_it_has_changed() -> None:
    pool = alone()
    holding(pool, quantity="2", cost="200")
    coins(pool, "99800", "2")
    tick(pool, price="110")
    row = commits(pool, AddEquity)[-1]
    assert (row.equity, row.realized, row.unrealized) == (D(100020), D(0), D(20))
    tick(pool, price="120")
    assert commits(pool, AddEquity) == []
    tick(pool, SNAPSHOT_MS, price="120")
    assert [row.unrealized for row in commits(pool, AddEquity)] == [D(40)]
    tick(pool, SNAPSHOT_MS, price="120")
    assert commits(pool, AddEquity) == []


@pytest.mark.rule("PNL-4")
def test_equity_is_written_down_after_each_close() -> None:
    pool = alone()
    tick(pool, price="100")
    pool.life.take(m.Commit)
    for number, profit in enumerate(("-3", "5")):
        lose(pool, f"{number + 1}m", profit)
    assert [row.realized for row in commits(pool, AddEquity)] == [D(-3), D(2)]


@pytest.mark.rule("PNL-4")
def test_what_has_no_price_any_more_is_written_down_as_unknown() -> None:
    pool = alone()
    holding(pool, quantity="2", cost="200")
    coins(pool, "99800", "2")
    tick(pool, price="100")
    pool.life.take(m.Commit)
    tick(pool, 10 * SNAPSHOT_MS)
    (row,) = commits(pool, AddEquity)
    assert (row.equity, row.realized, row.unrealized) == (None, D(0), None)


@pytest.mark.rule("REC-5")
def test_on_the_disks_reserve_neither_peaks_nor_equity_are_written() -> None:
    pool = alone(max_drawdown_percent=D(10))
    tick(pool, price="100")
    holding(pool)
    pool.life.take(m.Commit)
    pool.take(m.StoreFailed(ok=True, error="", on_reserve=True))
    stay(pool, price="120")
    tick(pool, SNAPSHOT_MS, price="120")
    assert pool.life.take(m.Commit) == []
    stay(pool, price="10")
    assert commits(pool, RaiseAlert)
