"""The states of breached limits: what sets them, how strong they are, what lifts them, and that they do not flap."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules import limit_states
from actors.rules.choices import OnBreach
from actors.rules.limit_states import (
    LEAST_TIME_MS,
    LEVEL_OF,
    NOTHING,
    Judged,
    LimitFacts,
    LimitLevel,
    LimitStanding,
    judge,
)
from actors.rules.model import Reason
from actors.rules.settings import LimitSettings

D = Decimal
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NOW_MS = 20_000 * DAY_MS + 9 * HOUR_MS
DAILY, DRAWDOWN, STREAK = (
    Reason.MAX_REALIZED_LOSS_PER_DAY,
    Reason.MAX_DRAWDOWN_PERCENT,
    Reason.MAX_CONSECUTIVE_LOSSES,
)
ALL = LimitSettings(max_realized_loss_per_day=D(100), max_drawdown_percent=D(10), max_consecutive_losses=3)


def facts(now_ms: int = NOW_MS, **changes: Any) -> LimitFacts:
    start_ms = now_ms - now_ms % DAY_MS
    plain: dict[str, Any] = {
        "now_ms": now_ms,
        "day": (start_ms, start_ms + DAY_MS),
        "day_profit": D(0),
        "drawdown_percent": D(0),
        "streak": 0,
        "streak_today": changes.get("streak", 0),
    }
    return LimitFacts(**{**plain, **changes})


def stands(settings: LimitSettings = ALL, **changes: Any) -> LimitStanding:
    return judge(NOTHING, facts(**changes), settings).standing


def reasons(standing: LimitStanding) -> set[Reason]:
    return {cause.reason for cause in standing.causes}


# --- what sets a state ----------------------------------------------------------------------------


@pytest.mark.rule("POOL-3", "POOL-4")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"day_profit": D("-99.99")}, None),
        ({"day_profit": D("-100")}, DAILY),
        ({"day_profit": D("100")}, None),
        ({"drawdown_percent": D("9.99")}, None),
        ({"drawdown_percent": D("10")}, DRAWDOWN),
        ({"streak": 2}, None),
        ({"streak": 3}, STREAK),
        ({"day_profit": None, "drawdown_percent": None}, None),
    ],
)
def test_a_limit_is_breached_when_its_bound_is_reached(changes: dict[str, Any], reason: Reason | None) -> None:
    assert reasons(stands(**changes)) == ({reason} if reason else set())


@pytest.mark.rule("POOL-4")
@pytest.mark.parametrize("on_breach", OnBreach)
def test_the_state_is_the_one_that_is_configured_and_says_what_set_it_and_what_lifts_it(on_breach: OnBreach) -> None:
    standing = stands(replace(ALL, on_breach=on_breach), day_profit=D("-105.5"))
    (cause,) = standing.causes
    assert standing.level is cause.level is LEVEL_OF[on_breach]
    assert (cause.value, cause.bound, cause.set_time_ms, cause.set_by) == (D("105.5"), D(100), NOW_MS, "engine")
    assert "next day" in cause.lift
    assert cause.lift_time_ms == facts().day[1]


@pytest.mark.rule("POOL-4")
def test_limits_that_are_off_set_nothing() -> None:
    assert stands(LimitSettings(), day_profit=D(-1000), drawdown_percent=D(90), streak=50) == NOTHING


@pytest.mark.rule("POOL-4")
@pytest.mark.parametrize(
    ("on_breach", "group_waits", "pyramid_waits"),
    [
        (OnBreach.NO_NEW_GROUPS, True, False),
        (OnBreach.NO_NEW_ENTRIES, True, True),
        (OnBreach.REDUCE_ONLY, True, True),
        (OnBreach.CLOSE_ALL, True, True),
    ],
)
def test_entries_wait_with_the_limits_own_reason(on_breach: OnBreach, group_waits: bool, pyramid_waits: bool) -> None:
    standing = stands(replace(ALL, on_breach=on_breach), streak=3)
    for new_group, waits in ((True, group_waits), (False, pyramid_waits)):
        refused = limit_states.refusal(standing, new_group=new_group)
        assert (refused is not None) is waits
        if refused is not None:
            assert refused.reason is STREAK
            assert "lifted by" in refused.detail
    assert limit_states.refusal(NOTHING, new_group=True) is None


# --- what lifts it --------------------------------------------------------------------------------


@pytest.mark.rule("POOL-4")
def test_a_days_loss_stands_until_the_next_day_starts_whatever_is_won_back() -> None:
    standing = stands(day_profit=D(-100))
    later = facts(facts().day[1] - 1, day_profit=D(500))
    assert reasons(judge(standing, later, ALL).standing) == {DAILY}
    next_day = judge(standing, facts(facts().day[1]), ALL)
    assert next_day.standing == NOTHING
    assert [lifted.why for lifted in next_day.lifted] == ["a new day has begun"]


@pytest.mark.rule("POOL-4")
def test_a_new_day_that_begins_with_as_great_a_loss_begins_a_state_of_its_own() -> None:
    standing = stands(day_profit=D(-100))
    judged = judge(standing, facts(facts().day[1], day_profit=D(-120)), ALL)
    assert [cause.value for cause in judged.begun] == [D(120)]
    assert len(judged.lifted) == 1


@pytest.mark.rule("POOL-4")
@pytest.mark.parametrize(
    ("after_ms", "drawdown", "over"),
    [
        (LEAST_TIME_MS, "8", True),
        (LEAST_TIME_MS, "8.01", False),
        (LEAST_TIME_MS - 1, "0", False),
        (10 * DAY_MS, "9", False),
        (10 * DAY_MS, None, False),
    ],
)
def test_a_drawdown_is_over_when_most_of_it_is_recovered_and_some_time_has_passed(
    after_ms: int, drawdown: str | None, over: bool
) -> None:
    standing = stands(drawdown_percent=D(10))
    value = None if drawdown is None else D(drawdown)
    judged = judge(standing, facts(NOW_MS + after_ms, drawdown_percent=value), ALL)
    assert (judged.standing == NOTHING) is over
    assert bool(judged.lifted) is over


@pytest.mark.rule("POOL-4")
def test_a_losing_streak_ends_with_a_profit_or_with_the_day() -> None:
    standing = stands(streak=3)
    soon = judge(standing, facts(NOW_MS + LEAST_TIME_MS - 1, streak=0), ALL)
    assert reasons(soon.standing) == {STREAK}
    won = judge(standing, facts(NOW_MS + LEAST_TIME_MS, streak=0), ALL)
    assert [lifted.why for lifted in won.lifted] == ["it has recovered"]
    next_day = judge(standing, facts(facts().day[1], streak=3, streak_today=0), ALL)
    assert next_day.standing == NOTHING


@pytest.mark.rule("POOL-4")
def test_what_cannot_be_judged_neither_sets_nor_lifts() -> None:
    standing = stands(day_profit=D(-100), drawdown_percent=D(10), streak=3)
    unknown = facts(NOW_MS + 1, day_profit=None, drawdown_percent=None, streak=3)
    assert reasons(judge(standing, unknown, ALL).standing) == {DAILY, DRAWDOWN, STREAK}
    assert reasons(judge(NOTHING, unknown, replace(ALL, max_consecutive_losses=None)).standing) == set()


@pytest.mark.rule("POOL-4", "CFG-2")
def test_another_config_is_judged_at_once() -> None:
    standing = stands(day_profit=D(-120))
    same = facts(NOW_MS + 1, day_profit=D(-120))
    off = judge(standing, same, replace(ALL, max_realized_loss_per_day=None))
    assert [lifted.why for lifted in off.lifted] == ["the limit was switched off"]
    wider = judge(standing, same, replace(ALL, max_realized_loss_per_day=D(200)))
    assert [lifted.why for lifted in wider.lifted] == ["the limit was changed"]
    harder = judge(standing, same, replace(ALL, on_breach=OnBreach.CLOSE_ALL))
    assert harder.standing.level is LimitLevel.CLOSE_ALL
    assert [cause.reason for cause in harder.changed] == [DAILY]
    assert (harder.begun, harder.lifted) == ((), ())


# --- properties -----------------------------------------------------------------------------------

PERCENT = st.decimals(min_value=0, max_value=30, places=1)
STEP = st.tuples(
    st.integers(min_value=1, max_value=LEAST_TIME_MS),
    st.none() | PERCENT,
    st.none() | st.decimals(min_value=-200, max_value=200, places=0),
    st.integers(min_value=0, max_value=5),
)


def run(path: list[tuple[int, Decimal | None, Decimal | None, int]]) -> list[tuple[LimitFacts, Judged]]:
    now_ms, standing, seen = NOW_MS, NOTHING, []
    for pause_ms, drawdown, profit, losses in path:
        now_ms += pause_ms
        known = facts(now_ms, drawdown_percent=drawdown, day_profit=profit, streak=losses)
        judged = judge(standing, known, ALL)
        standing = judged.standing
        seen.append((known, judged))
    return seen


@pytest.mark.rule("POOL-4")
@given(st.lists(STEP, max_size=40))
def test_no_path_makes_a_limit_flap(path: list[tuple[int, Decimal | None, Decimal | None, int]]) -> None:
    """Within the least time a limit begins once and ends once; a day's start may end and begin one more."""
    changes: dict[Reason, list[int]] = {}
    for known, judged in run(path):
        for lifted in judged.lifted:
            changes.setdefault(lifted.cause.reason, []).append(known.now_ms)
        for begun in judged.begun:
            changes.setdefault(begun.reason, []).append(known.now_ms)
    for reason, times in changes.items():
        for time_ms in times:
            window = [each for each in times if time_ms <= each < time_ms + LEAST_TIME_MS]
            crosses_midnight = time_ms // DAY_MS != (time_ms + LEAST_TIME_MS) // DAY_MS
            assert len(window) <= (4 if crosses_midnight and reason is not DRAWDOWN else 2)


@pytest.mark.rule("POOL-4")
@given(st.lists(STEP, max_size=30), st.sampled_from(OnBreach))
def test_the_state_is_never_weaker_than_what_is_breached(
    path: list[tuple[int, Decimal | None, Decimal | None, int]], on_breach: OnBreach
) -> None:
    for known, judged in run(path):
        standing = judged.standing
        breached = {
            DAILY: known.day_profit is not None and known.day_profit <= -100,
            DRAWDOWN: known.drawdown_percent is not None and known.drawdown_percent >= 10,
            STREAK: known.streak >= 3,
        }
        assert {reason for reason, is_breached in breached.items() if is_breached} <= reasons(standing)
        assert standing.level == max((cause.level for cause in standing.causes), default=LimitLevel.NONE)
        now = judge(standing, known, replace(ALL, on_breach=on_breach)).standing
        assert now.level is (LEVEL_OF[on_breach] if standing.causes else LimitLevel.NONE)


@given(st.lists(STEP, max_size=10))
def test_a_standing_comes_back_from_its_switches_as_it_was(
    path: list[tuple[int, Decimal | None, Decimal | None, int]],
) -> None:
    for _, judged in run(path):
        switches = limit_states.to_switches(judged.standing)
        assert limit_states.from_switches({**switches, "paused": "yes"}) == judged.standing


# --- what is counted ------------------------------------------------------------------------------


@pytest.mark.rule("POOL-3")
@pytest.mark.parametrize(
    ("newest_first", "count"),
    [
        ([], 0),
        (["-1", "-1"], 2),
        (["-1", "0", "-1", "5", "-1"], 2),
        (["5", "-1", "-1"], 0),
        (["0", "0"], 0),
    ],
)
def test_losses_in_a_row_are_counted_back_to_the_last_profit(newest_first: list[str], count: int) -> None:
    closes = [(NOW_MS - number, D(profit)) for number, profit in enumerate(newest_first)]
    assert limit_states.streak(closes, 0) == count


@pytest.mark.rule("POOL-4")
def test_losses_before_the_count_began_anew_are_not_counted() -> None:
    closes = [(NOW_MS - number, D(-1)) for number in range(5)]
    assert limit_states.streak(closes, NOW_MS - 1) == 2


@pytest.mark.rule("POOL-3")
def test_drawdown_is_measured_from_the_peak() -> None:
    assert limit_states.drawdown_percent(D(900), D(1000)) == 10
    assert limit_states.drawdown_percent(D(1100), D(1000)) == 0
    assert limit_states.drawdown_percent(None, D(1000)) is None
    assert limit_states.drawdown_percent(D(-5), D(0)) is None
