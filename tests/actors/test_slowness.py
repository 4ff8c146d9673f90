"""When a store that takes writes is too slow to trade on (REC-4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.slowness import (
    CALM_COMMITS,
    OWN_WORK_MS,
    QUICK_COMMIT_MS,
    QUICK_COMMITS,
    SLOW_COMMIT_MS,
    SLOW_COMMITS,
    SLOW_FOR_MS,
    Slowness,
)


def feed(slowness: Slowness, took_ms: int, count: int, start_ms: int = 0, commits: int = 1) -> int:
    for _ in range(count):
        slowness.committed(commits, start_ms, start_ms + took_ms)
        start_ms += took_ms
    return start_ms


@pytest.mark.rule("REC-4")
def test_commits_that_all_take_long_make_it_slow_and_a_few_quick_ones_end_it() -> None:
    slowness, told = Slowness(), []
    now_ms = feed(slowness, SLOW_COMMIT_MS + OWN_WORK_MS, SLOW_COMMITS)
    told.append(slowness.is_slow)  # Not for long enough yet.
    now_ms = feed(slowness, SLOW_COMMIT_MS + OWN_WORK_MS, SLOW_FOR_MS // SLOW_COMMIT_MS, now_ms)
    told.append(slowness.is_slow)
    now_ms = feed(slowness, 1, QUICK_COMMITS - 1, now_ms)
    told.append(slowness.is_slow)
    feed(slowness, 1, 1, now_ms)
    told.append(slowness.is_slow)
    assert told == [False, True, True, False]


@pytest.mark.rule("REC-4")
def test_a_disk_that_is_never_quick_does_not_hold_entries_back_for_ever() -> None:
    slowness = Slowness()
    now_ms = feed(slowness, 2 * SLOW_COMMIT_MS, SLOW_COMMITS + SLOW_FOR_MS // SLOW_COMMIT_MS)
    assert slowness.is_slow
    now_ms = feed(slowness, QUICK_COMMIT_MS + OWN_WORK_MS, CALM_COMMITS - 1, now_ms)
    assert slowness.is_slow
    feed(slowness, QUICK_COMMIT_MS + OWN_WORK_MS, 1, now_ms)
    assert not slowness.is_slow


def test_one_long_hiccup_is_none_and_neither_is_a_batch_of_many() -> None:
    slowness = Slowness()
    feed(slowness, 60_000, SLOW_COMMITS - 1)
    assert not slowness.is_slow
    slowness = Slowness()
    feed(slowness, 1_000, 50, commits=256)
    assert not slowness.is_slow


@given(st.lists(st.tuples(st.integers(-10_000, 10_000), st.integers(1, 256)), max_size=200))
def test_it_is_never_slow_without_so_many_slow_ones_in_a_row(batches: list[tuple[int, int]]) -> None:
    slowness, now_ms, run = Slowness(), 0, 0
    for took_ms, commits in batches:
        was_slow = slowness.is_slow
        is_slow = slowness.committed(commits, now_ms, now_ms + took_ms)
        now_ms += took_ms
        slow = took_ms - OWN_WORK_MS * commits >= SLOW_COMMIT_MS
        quick = took_ms - OWN_WORK_MS * commits < SLOW_COMMIT_MS / 2
        run = run + 1 if slow else (0 if quick else run)
        assert not (is_slow and not was_slow) or run >= SLOW_COMMITS
