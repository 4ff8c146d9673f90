"""The heap of wake-ups against the plainest thing that could do the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import timers as module
from actors.timers import Timers

owners = st.integers(1, 4)
names = st.sampled_from("abc")
actions = st.one_of(
    st.tuples(st.just("set"), owners, names, st.integers(0, 50)),
    st.tuples(st.just("cancel"), owners, names),
    st.tuples(st.just("forget"), owners),
    st.tuples(st.just("due"), st.integers(0, 50)),
)


@given(st.lists(actions, max_size=60))
def test_every_wake_up_that_stands_comes_once_and_in_order(script: list[tuple[Any, ...]]) -> None:
    timers: Timers[int] = Timers()
    plain: dict[tuple[int, str], tuple[int, int]] = {}
    for number, (what, *args) in enumerate(script):
        if what == "set":
            owner, name, time_ms = args
            timers.wake_at(time_ms, owner, name)
            if plain.get((owner, name), (-1, 0))[0] != time_ms:
                plain[(owner, name)] = (time_ms, number)
        elif what == "cancel":
            owner, name = args
            timers.cancel(owner, name)
            plain.pop((owner, name), None)
        elif what == "forget":
            timers.forget(args[0])
            plain = {key: value for key, value in plain.items() if key[0] != args[0]}
        else:
            due = sorted((key for key, value in plain.items() if value[0] <= args[0]), key=lambda key: plain[key])
            assert timers.pop_due(args[0]) == due
            for key in due:
                del plain[key]
        assert len(timers) == len(plain)
        assert timers.next_ms() == min((value[0] for value in plain.values()), default=None)


def test_wake_ups_set_again_and_again_do_not_pile_up() -> None:
    timers: Timers[int] = Timers()
    for time_ms in range(50_000):
        timers.wake_at(time_ms, 1, "again")
    assert len(timers) == 1
    assert len(timers._heap) < 5_000
    assert timers.pop_due(49_998) == []
    assert timers.pop_due(49_999) == [(1, "again")]


def call() -> None:
    """What an adapter wants done."""


def test_calls_and_wake_ups_of_one_moment_come_in_the_order_they_were_asked_for() -> None:
    timers: Timers[int] = Timers()

    timers.wake_at(5, 1, "a")
    timers.call_at(5, call)
    timers.wake_at(5, 2, "a")
    assert timers.pop_due(5) == [(1, "a"), call, (2, "a")]


def test_there_is_a_limit_to_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CALLS", 2)
    timers: Timers[int] = Timers()
    for _ in range(2):
        timers.call_at(1, call)
    with pytest.raises(RuntimeError):
        timers.call_at(1, call)
    timers.pop_due(1)
    timers.call_at(1, call)
