"""The lease in time: what may be sent when, without a store."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from daemon.standby.lease import Lease
from daemon.store.leadership import LEASE_S, TAKEOVER_AFTER_S


class Store:
    """A renewal that takes `took_s` of the test's time and then answers, or fails."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.took_s = 0.0
        self.leads = True
        self.is_away = False
        self.handed_back = 0

    def beat(self) -> bool:
        self.now_s += self.took_s
        if self.is_away:
            raise OSError("the server is away")
        return self.leads

    def hand_back(self) -> None:
        self.handed_back += 1

    def close(self) -> None: ...


def lease_of(store: Store, on_lost: Callable[[], None] = lambda: None, told: list[str] | None = None) -> Lease:
    words = [] if told is None else told
    return Lease(store, on_lost=on_lost, on_change=words.append, seconds=lambda: store.now_s)


@pytest.mark.rule("ORD-2", "REC-1")
def test_nothing_is_sent_before_the_first_beat_and_nothing_after_the_newest_one_is_old() -> None:
    store = Store()
    lease = lease_of(store)
    assert lease.may_send()
    lease.renew()
    assert lease.may_send() == ""
    store.now_s += LEASE_S - 0.01
    assert lease.may_send() == ""
    store.now_s += 0.01
    assert "not confirmed" in lease.may_send()


@pytest.mark.rule("ORD-2")
def test_a_beat_counts_from_when_it_was_begun() -> None:
    """The one who waits may have seen it long before the answer came."""
    store = Store()
    store.took_s = LEASE_S + 1
    lease = lease_of(store)
    lease.renew()
    assert lease.may_send()


@pytest.mark.rule("ORD-2")
def test_a_leader_has_stopped_before_the_one_who_waits_begins() -> None:
    assert LEASE_S + 1 <= TAKEOVER_AFTER_S


def test_a_store_that_is_away_is_told_once_the_lease_has_run_out_and_once_it_is_back() -> None:
    store, told = Store(), list[str]()
    lease = lease_of(store, told=told)
    lease.renew()
    store.is_away = True
    lease.renew()
    assert told == []
    store.now_s += LEASE_S
    lease.renew()
    lease.renew()
    (words,) = told
    assert "the server is away" in words
    assert "no order is sent" in words
    store.is_away = False
    lease.renew()
    assert told == [words, ""]
    assert lease.may_send() == ""


@pytest.mark.rule("ORD-2")
def test_a_lead_that_is_lost_is_lost_for_good_and_handed_back_by_nobody() -> None:
    store, lost = Store(), list[bool]()
    lease = lease_of(store, on_lost=lambda: lost.append(True))
    store.leads = False
    lease.start()
    lease._thread.join(10)
    store.leads = True
    lease.renew()
    assert "another daemon leads" in lease.may_send()
    lease.stop()
    assert lost == [True]
    assert store.handed_back == 0


def test_a_lease_that_ends_in_peace_is_handed_back_and_sends_nothing_more() -> None:
    store = Store()
    lease = lease_of(store)
    lease.renew()
    lease.stop()
    assert store.handed_back == 1
    assert lease.may_send()
