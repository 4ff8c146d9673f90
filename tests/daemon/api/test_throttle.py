"""Wrong tokens are slowed down per address, and nobody who has proved himself is locked out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.api import throttle as module
from daemon.api.throttle import (
    FIRST_PAUSE_S,
    FORGET_AFTER_S,
    FREE_FAILURES,
    LOCAL,
    MOST_PAUSE_S,
    Throttle,
    address_of,
    is_this_machine,
)

THERE = "203.0.113.7"


def fail(throttle: Throttle, times: int, now_s: float = 0.0, address: str = THERE) -> list[int]:
    return [throttle.failed(address, now_s) for _ in range(times)]


@pytest.mark.rule("SEC-1")
def test_some_failures_are_free_then_each_closes_the_address_for_twice_as_long_up_to_a_limit() -> None:
    throttle, now_s, pauses = Throttle(), 0.0, []
    fail(throttle, FREE_FAILURES - 1)
    assert throttle.wait_s(THERE, now_s) == 0
    for _ in range(10):
        throttle.failed(THERE, now_s)
        pauses.append(throttle.wait_s(THERE, now_s))
        now_s += pauses[-1]
        assert throttle.wait_s(THERE, now_s) == 0
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert (FIRST_PAUSE_S, MOST_PAUSE_S) == (1, 60)


@pytest.mark.rule("SEC-1")
def test_another_address_is_not_concerned() -> None:
    throttle = Throttle()
    fail(throttle, 50)
    assert throttle.wait_s(THERE, 0) > 0
    assert throttle.wait_s("203.0.113.8", 0) == 0
    assert throttle.holds_back("203.0.113.8", "admin", 0) == 0


@pytest.mark.rule("SEC-1")
def test_at_a_closed_address_a_valid_token_waits_unless_it_was_good_there_before_or_the_address_is_this_machine() -> (
    None
):
    throttle = Throttle()
    throttle.proved(THERE, "grafana")
    for address in (THERE, LOCAL, "127.0.0.1", "::1"):
        fail(throttle, 50, address=address)
        assert throttle.wait_s(address, 0) > 0
    assert throttle.holds_back(THERE, "admin", 0) == throttle.wait_s(THERE, 0)
    assert throttle.holds_back(THERE, "grafana", 0) == 0
    assert [throttle.holds_back(address, "admin", 0) for address in (LOCAL, "127.0.0.1", "::1")] == [0, 0, 0]


@pytest.mark.rule("SEC-1")
def test_a_valid_token_that_waited_as_long_as_it_was_told_is_let_in_though_others_go_on_failing_there() -> None:
    throttle, now_s = Throttle(), 0.0
    fail(throttle, 50)
    told_s = throttle.holds_back(THERE, "forwarder", now_s)
    assert told_s == MOST_PAUSE_S
    while now_s < told_s:
        assert throttle.holds_back(THERE, "forwarder", now_s) == pytest.approx(told_s - now_s)
        now_s += 7.0
        if not throttle.wait_s(THERE, now_s):
            throttle.failed(THERE, now_s)  # Some program with an outdated token, behind the same address, is quicker.
    throttle.failed(THERE, now_s)
    assert throttle.wait_s(THERE, now_s) > 0
    assert throttle.holds_back(THERE, "forwarder", now_s) == 0
    assert throttle.holds_back(THERE, "grafana", now_s) > 0


@pytest.mark.rule("LOG-3")
def test_a_burst_is_told_once_and_again_only_after_it_was_forgotten() -> None:
    throttle = Throttle()
    assert fail(throttle, 40) == [0] * (FREE_FAILURES - 1) + [FREE_FAILURES] + [0] * (40 - FREE_FAILURES)
    assert sum(fail(throttle, 40, FORGET_AFTER_S + 1)) == FREE_FAILURES


def test_failures_are_forgotten_after_a_while() -> None:
    throttle = Throttle()
    assert throttle.is_quiet(0)
    fail(throttle, 50)
    fail(throttle, 1, 10, address=LOCAL)
    assert not throttle.is_quiet(FORGET_AFTER_S + 5)
    fail(throttle, 1, FORGET_AFTER_S + 6)
    assert throttle.wait_s(THERE, FORGET_AFTER_S + 6) == 0
    assert throttle.is_quiet(2 * FORGET_AFTER_S + 7)


def test_the_tables_have_a_bound_and_the_oldest_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ADDRESSES", 3)
    monkeypatch.setattr(module, "MAX_KNOWN", 3)
    throttle = Throttle()
    for number in range(5):
        fail(throttle, 50, address=f"203.0.113.{number}")
        throttle.proved(f"203.0.113.{number}", "grafana")
    closed = [throttle.wait_s(f"203.0.113.{number}", 0) > 0 for number in range(5)]
    assert closed == [False, False, True, True, True]
    assert [throttle.knows(f"203.0.113.{number}", "grafana") for number in range(5)] == closed


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:10.1.2.3:5000", "10.1.2.3"),
        ("ipv6:%5B::1%5D:5000", "::1"),
        ("ipv6:[::ffff:10.1.2.3]:5000", "10.1.2.3"),
        ("ipv6:%5B2001:db8:1:2:3:4:5:6%5D:5000", "2001:db8:1:2::/64"),
        ("ipv6:%5Bfe80::1%25eth0%5D:5000", "fe80::/64"),
        ("unix:", LOCAL),
        ("unix:/run/terrace.sock", LOCAL),
        ("", LOCAL),
    ],
)
def test_a_peer_counts_as_its_address_without_the_port(peer: str, address: str) -> None:
    assert address_of(peer) == address


def test_only_loopback_and_the_socket_are_this_machine() -> None:
    assert [is_this_machine(address) for address in (LOCAL, "127.0.0.1", "127.9.9.9", "::1")] == [True] * 4
    assert [is_this_machine(address) for address in (THERE, "2001:db8::/64", "nonsense")] == [False] * 3


@given(st.text(max_size=60))
def test_any_peer_has_an_address_of_bounded_length(peer: str) -> None:
    assert len(address_of(peer)) <= 64
    assert len(address_of(f"ipv6:{peer}")) <= 64
