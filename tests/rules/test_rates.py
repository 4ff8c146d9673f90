"""Request budgets: windows, the shares of each kind of work, what the venue says, bans and clocks that jump."""

from __future__ import annotations

from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.budget import MAX_BLOCK_MS, Budget, LimitedBudget, SharedBudgets, SharedWindows
from actors.rules.rates import BUCKETS, SHARE_PERCENT, TRAVEL_MS, Ask, RateRules, Window, Work

PERIOD_MS = 1_000
LIMIT = 100
T0 = 1_000_000


def rules(limit: int = LIMIT, period_ms: int = PERIOD_MS, *, is_shared: bool = False, weight: int = 1) -> RateRules:
    window = Window(name="weight", limit=limit, period_ms=period_ms, is_shared=is_shared)
    return RateRules(windows=(window,), costs={Ask.SUBMIT: {"weight": weight}, Ask.OPEN_ORDERS: {"weight": 40}})


def in_use(budget: Budget, now_ms: int) -> int:
    return budget.used(now_ms)["weight"][0]


STEPS = st.lists(
    st.tuples(st.integers(0, 700), st.sampled_from(Work), st.integers(1, 40)),  # pause, work, how many
    max_size=120,
)


@pytest.mark.rule("REC-4")
@given(STEPS, st.integers(1, 60), st.integers(1, 3_000), st.integers(1, 3))
def test_no_window_ever_takes_more_than_its_limit(
    steps: list[tuple[int, Work, int]], limit: int, period_ms: int, weight: int
) -> None:
    budget = LimitedBudget(rules(limit, period_ms, weight=weight))
    drawn: list[tuple[int, int]] = []
    now_ms = T0
    for pause_ms, work, most in steps:
        now_ms += pause_ms
        count = max(1, min(most, limit // weight))
        if weight * count <= limit and budget.take(Ask.SUBMIT, work, now_ms, count) == 0:
            drawn.append((now_ms, weight * count))
    for end_ms, _ in drawn:
        assert sum(weight for at_ms, weight in drawn if end_ms - period_ms < at_ms <= end_ms) <= limit


@pytest.mark.rule("REC-4")
@given(STEPS)
def test_whatever_less_urgent_work_does_there_is_room_to_get_out(steps: list[tuple[int, Work, int]]) -> None:
    budget = LimitedBudget(rules())
    now_ms = T0
    for pause_ms, work, count in steps:
        now_ms += pause_ms
        if work >= Work.ENTRY:
            budget.take(Ask.SUBMIT, work, now_ms, count)
    reserve = LIMIT * (100 - SHARE_PERCENT[Work.ENTRY]) // 100
    assert budget.take(Ask.SUBMIT, Work.CLOSE, now_ms, reserve) == 0


@given(STEPS, st.sampled_from(Work), st.integers(1, 40))
def test_after_the_wait_it_can_be_drawn_and_not_a_moment_earlier(
    steps: list[tuple[int, Work, int]], work: Work, count: int
) -> None:
    budget = LimitedBudget(rules())
    now_ms = T0
    for pause_ms, other, others in steps:
        now_ms += pause_ms
        budget.take(Ask.SUBMIT, other, now_ms, others)
    wait_ms = budget.take(Ask.SUBMIT, work, now_ms, count)
    if wait_ms:
        assert budget.take(Ask.SUBMIT, work, now_ms + wait_ms - 1, count) == 1
        assert budget.take(Ask.SUBMIT, work, now_ms + wait_ms, count) == 0


@given(STEPS, st.integers(1, 40))
def test_more_urgent_work_never_waits_longer(steps: list[tuple[int, Work, int]], count: int) -> None:
    waits_ms = []
    for work in Work:
        budget = LimitedBudget(rules())
        now_ms = T0
        for pause_ms, other, others in steps:
            now_ms += pause_ms
            budget.take(Ask.SUBMIT, other, now_ms, others)
        waits_ms.append(budget.take(Ask.SUBMIT, work, now_ms, count))
    assert waits_ms == sorted(waits_ms)


def test_shares_shrink_with_urgency_and_every_kind_of_work_has_one() -> None:
    assert [SHARE_PERCENT[work] for work in Work] == sorted(SHARE_PERCENT.values(), reverse=True)
    assert SHARE_PERCENT[Work.CLOSE] == 100


@pytest.mark.parametrize("work", Work)
def test_each_kind_of_work_stops_at_its_share(work: Work) -> None:
    budget = LimitedBudget(rules())
    taken = 0
    while budget.take(Ask.SUBMIT, work, T0) == 0:
        taken += 1
    assert taken == SHARE_PERCENT[work]


def test_one_request_always_fits_into_an_empty_window_however_small_its_share_or_heavy_it_is() -> None:
    for limit, weight in ((1, 1), (10, 9), (10, 25)):
        budget = LimitedBudget(rules(limit, weight=weight))
        assert budget.take(Ask.SUBMIT, Work.POLL, T0) == 0
        wait_ms = budget.take(Ask.SUBMIT, Work.POLL, T0)
        assert wait_ms == PERIOD_MS + TRAVEL_MS
        assert budget.take(Ask.SUBMIT, Work.POLL, T0 + wait_ms) == 0


def test_a_request_is_drawn_from_all_its_windows_or_from_none() -> None:
    windows = (Window(name="second", limit=2, period_ms=1_000), Window(name="minute", limit=3, period_ms=60_000))
    budget = LimitedBudget(RateRules(windows=windows, costs={Ask.SUBMIT: {"second": 1, "minute": 1}}))
    assert [budget.take(Ask.SUBMIT, Work.CLOSE, T0) for _ in range(2)] == [0, 0]
    assert budget.take(Ask.SUBMIT, Work.CLOSE, T0) == 1_000 + TRAVEL_MS
    assert budget.used(T0)["minute"] == (2, 3)
    assert budget.take(Ask.SUBMIT, Work.CLOSE, T0 + 2_000) == 0
    assert budget.take(Ask.SUBMIT, Work.CLOSE, T0 + 2_000) == 58_000 + TRAVEL_MS


def test_a_request_without_a_price_is_free() -> None:
    budget = LimitedBudget(rules(1))
    assert [budget.take(Ask.TIME, Work.POLL, T0) for _ in range(5)] == [0] * 5


def test_memory_does_not_grow_with_the_requests() -> None:
    shared = SharedWindows()
    budget = LimitedBudget(rules(1_000_000, 60_000, is_shared=True), shared)
    for number in range(20_000):
        budget.take(Ask.SUBMIT, Work.CLOSE, T0 + number * 7)
    assert len(shared.meters["weight"]) <= BUCKETS + 2


# --- what the venue says ---------------------------------------------------------------------------


def test_what_others_use_behind_the_address_counts_and_nothing_is_given_back() -> None:
    budget = LimitedBudget(rules())
    budget.take(Ask.SUBMIT, Work.CLOSE, T0, 10)
    budget.learn({"weight": 95, "unheard of": 7}, T0)
    assert in_use(budget, T0) == 95
    assert budget.take(Ask.SUBMIT, Work.ENTRY, T0) > 0
    assert budget.take(Ask.SUBMIT, Work.CLOSE, T0, 5) == 0
    budget.learn({"weight": 3}, T0)
    assert in_use(budget, T0) == 100
    assert in_use(budget, T0 + PERIOD_MS + TRAVEL_MS) == 0


@pytest.mark.rule("REC-4")
def test_a_ban_stops_everything_behind_the_address_until_it_is_over() -> None:
    shared = SharedWindows()
    one, other = LimitedBudget(rules(), shared), LimitedBudget(rules(), shared)
    one.block(T0 + 5_000)
    one.block(T0 + 2_000)
    assert other.blocked_until_ms() == T0 + 5_000
    assert other.take(Ask.SUBMIT, Work.CLOSE, T0) == 5_000
    assert other.take(Ask.TIME, Work.POLL, T0) == 5_000
    assert other.take(Ask.SUBMIT, Work.CLOSE, T0 + 5_000) == 0
    assert one.blocked_until_ms() == 0


def test_an_absurd_ban_is_not_for_ever() -> None:
    budget = LimitedBudget(rules())
    budget.block(T0 + 1_000 * MAX_BLOCK_MS)
    assert budget.take(Ask.SUBMIT, Work.CLOSE, T0) == MAX_BLOCK_MS
    assert budget.take(Ask.SUBMIT, Work.CLOSE, T0 + MAX_BLOCK_MS) == 0


def test_new_limits_keep_what_is_in_use() -> None:
    budget = LimitedBudget(rules())
    budget.take(Ask.SUBMIT, Work.CLOSE, T0, 50)
    budget.change(rules(60))
    assert budget.used(T0) == {"weight": (50, 60)}
    assert budget.take(Ask.SUBMIT, Work.CLOSE, T0, 11) > 0


# --- addresses -------------------------------------------------------------------------------------


def test_accounts_behind_one_address_share_what_is_counted_per_address_and_nothing_else() -> None:
    shared = SharedBudgets()
    address = Window(name="address", limit=10, period_ms=1_000, is_shared=True)
    windows = (address, Window(name="own", limit=7, period_ms=1_000))
    made = RateRules(windows=windows, costs={Ask.SUBMIT: {"address": 1, "own": 1}})
    one, other = LimitedBudget(made, shared.of("a:443")), LimitedBudget(made, shared.of("a:443"))
    elsewhere = LimitedBudget(made, shared.of("b:443"))
    assert one.take(Ask.SUBMIT, Work.CLOSE, T0, 6) == 0
    assert other.take(Ask.SUBMIT, Work.CLOSE, T0, 5) > 0
    assert other.take(Ask.SUBMIT, Work.CLOSE, T0, 4) == 0
    assert elsewhere.take(Ask.SUBMIT, Work.CLOSE, T0, 7) == 0
    assert other.used(T0) == {"address": (10, 10), "own": (4, 7)}


def test_threads_that_draw_at_once_never_get_more_than_there_is() -> None:
    shared = SharedWindows()
    budgets = [LimitedBudget(rules(500, 60_000, is_shared=True), shared) for _ in range(4)]
    got = [0] * 4

    def draw(number: int) -> None:
        for _ in range(400):
            got[number] += budgets[number].take(Ask.SUBMIT, Work.CLOSE, T0) == 0

    threads = [Thread(target=draw, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(got) == 500


# --- clocks ----------------------------------------------------------------------------------------


@pytest.mark.rule("REC-5")
def test_a_clock_set_back_holds_nothing_up_for_longer_than_a_period_and_gives_nothing_away() -> None:
    budget = LimitedBudget(rules())
    assert budget.take(Ask.SUBMIT, Work.CLOSE, T0, LIMIT) == 0
    budget.block(T0 + 300)
    back_ms = T0 - 3_600_000
    wait_ms = budget.take(Ask.SUBMIT, Work.CLOSE, back_ms)
    assert wait_ms == PERIOD_MS + TRAVEL_MS
    assert budget.blocked_until_ms() == back_ms + 300
    assert budget.take(Ask.SUBMIT, Work.CLOSE, back_ms + wait_ms) == 0


def test_threads_that_read_the_clock_a_little_earlier_are_taken_for_what_they_are() -> None:
    budget = LimitedBudget(rules())
    assert budget.take(Ask.SUBMIT, Work.CLOSE, T0, LIMIT) == 0
    assert budget.take(Ask.SUBMIT, Work.CLOSE, T0 - 400) == PERIOD_MS + TRAVEL_MS + 400
    assert budget.take(Ask.SUBMIT, Work.CLOSE, T0 + PERIOD_MS + TRAVEL_MS) == 0


def test_a_budget_without_rules_refuses_nothing() -> None:
    budget = Budget()
    budget.block(T0 + 10)
    budget.learn({"weight": 5}, T0)
    assert (budget.take(Ask.SUBMIT, Work.POLL, T0, 10**6), budget.blocked_until_ms(), budget.used(T0)) == (0, 0, {})
