"""Fresh names."""

from __future__ import annotations

import pytest

from actors.rules.naming import is_group_id
from daemon.ids import RandomIds


class Clock:
    def __init__(self) -> None:
        self.ms = 1_790_000_000_000

    def now_ms(self) -> int:
        return self.ms


@pytest.mark.rule("ORD-2")
def test_group_ids_fit_a_client_order_id_and_never_repeat() -> None:
    clock = Clock()
    ids = RandomIds(clock.now_ms)
    made = [ids.group_id() for _ in range(40_000)]
    assert all(is_group_id(name) for name in made[:1000])
    assert len(set(made)) == len(made)


def test_ids_sort_by_time() -> None:
    clock = Clock()
    ids = RandomIds(clock.now_ms)
    signals, groups = [], []
    for _ in range(50):
        signals.append(ids.signal_id())
        groups.append(ids.group_id()[:6])
        clock.ms += 1_000
    assert signals == sorted(signals)
    assert groups == sorted(groups)


def test_tokens_are_not_guessable_twice_and_fractions_are_fractions() -> None:
    ids = RandomIds(Clock().now_ms)
    assert len({ids.token() for _ in range(1000)}) == 1000
    assert all(0 <= ids.fraction() < 1 for _ in range(1000))
