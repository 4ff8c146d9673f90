"""Whether there is room for an entry."""

from __future__ import annotations

from typing import Any

import pytest

from actors.rules.limits import Admission, Usage, admit, obstacles
from actors.rules.model import Reason
from actors.rules.settings import LimitSettings, PoolSettings
from tests.rules.builders import D

POOL = PoolSettings(max_open_groups=2)
LIMITS = LimitSettings(max_groups_per_symbol=2, max_total_exposure=D(1000))


def asked(**changes: Any) -> Admission:
    return Admission(**{"new_group": True, "planned": D(200), "margin": D(201), **changes})


def usage(**changes: Any) -> Usage:
    room: dict[str, Any] = {
        "slots": 1,
        "account_slots": 1,
        "groups_on_symbol": 1,
        "exposure": D(800),
        "free": D(201),
    }
    return Usage(**{**room, **changes})


def answer(ask: Admission | None = None, pool: PoolSettings = POOL, **changes: Any) -> Reason | None:
    refused = admit(ask or asked(), usage(**changes), pool, LIMITS)
    assert refused is None or refused.detail
    return refused.reason if refused else None


IN_THE_WAY: list[tuple[Reason, dict[str, Any]]] = [
    (Reason.ENGINE_PAUSED, {"engine_paused": True}),
    (Reason.ACCOUNT_NOT_READY, {"account_ready": False}),
    (Reason.ACCOUNT_PAUSED, {"account_paused": True}),
    (Reason.POOL_FULL, {"slots": 2}),
    (Reason.ACCOUNT_POOL_FULL, {"account_max_open_groups": 1}),
    (Reason.MAX_GROUPS_PER_SYMBOL, {"groups_on_symbol": 2}),
    (Reason.OPPOSITE_ON_INSTRUMENT, {"opposite_on_instrument": True}),
    (Reason.MAX_TOTAL_EXPOSURE, {"exposure": D("800.01")}),
    (Reason.INSUFFICIENT_BALANCE, {"free": D("200.99")}),
]


@pytest.mark.rule("POOL-2", "POOL-3")
def test_at_every_bound_there_is_still_room() -> None:
    assert answer() is None


def test_one_group_is_live_and_two_are() -> None:
    for most, words in ((1, "1 group is live, at most 1"), (2, "2 groups are live, at most 2")):
        refused = admit(asked(), usage(slots=most), PoolSettings(max_open_groups=most), LIMITS)
        assert refused is not None
        assert refused.detail == words


@pytest.mark.rule("POOL-2", "POOL-3", "GRP-6")
@pytest.mark.parametrize(("reason", "way"), IN_THE_WAY)
def test_each_limit_has_its_own_reason(reason: Reason, way: dict[str, Any]) -> None:
    assert answer(**way) is reason


@pytest.mark.rule("POOL-3")
def test_of_several_limits_the_first_in_the_documented_order_is_named() -> None:
    for place, (reason, _) in enumerate(IN_THE_WAY):
        everything_after: dict[str, Any] = {}
        for _, way in IN_THE_WAY[place:]:
            everything_after.update(way)
        assert answer(**everything_after) is reason


@pytest.mark.rule("POOL-2")
def test_a_pool_lowered_below_what_is_live_admits_nobody() -> None:
    assert answer(slots=7) is Reason.POOL_FULL


@pytest.mark.rule("POOL-1", "PYR-1")
def test_a_pyramid_takes_no_slot_and_is_asked_about_the_rest() -> None:
    pyramid = asked(new_group=False)
    free_of = {
        Reason.POOL_FULL,
        Reason.ACCOUNT_POOL_FULL,
        Reason.MAX_GROUPS_PER_SYMBOL,
        Reason.OPPOSITE_ON_INSTRUMENT,
    }
    for reason, way in IN_THE_WAY:
        assert answer(pyramid, **way) is (None if reason in free_of else reason)


@pytest.mark.rule("PYR-1")
def test_a_pyramid_without_bypass_must_find_a_free_slot() -> None:
    pool = PoolSettings(max_open_groups=2, pyramids_bypass=False)
    pyramid = asked(new_group=False)
    assert answer(pyramid, pool) is None
    assert answer(pyramid, pool, slots=2) is Reason.POOL_FULL
    assert answer(pyramid, pool, groups_on_symbol=9) is None


@pytest.mark.rule("QUE-6", "POOL-2")
def test_a_forced_add_ignores_the_pool_and_the_exposure_only_if_told_so_too() -> None:
    forced = asked(ignore_pool_limit=True)
    assert answer(forced, slots=9, account_max_open_groups=1) is None
    assert answer(forced, slots=9, exposure=D(900)) is Reason.MAX_TOTAL_EXPOSURE
    both = asked(ignore_pool_limit=True, ignore_exposure_limit=True)
    assert answer(both, slots=9, exposure=D(900)) is None
    assert answer(both, slots=9, free=D(1)) is Reason.INSUFFICIENT_BALANCE
    assert answer(both, engine_paused=True) is Reason.ENGINE_PAUSED


@pytest.mark.rule("POOL-3")
def test_limits_that_are_off_stop_nobody() -> None:
    boundless = usage(groups_on_symbol=10_000, exposure=D("1E+12"))
    assert admit(asked(), boundless, POOL, LimitSettings()) is None


@pytest.mark.rule("POOL-3")
def test_why_an_account_is_not_ready_is_passed_on() -> None:
    refused = admit(asked(), usage(account_ready=False, account_detail="reconciling"), POOL, LIMITS)
    assert refused is not None
    assert refused.detail == "reconciling"


@pytest.mark.rule("SIG-11", "POOL-3")
def test_everything_in_the_way_is_named_in_the_documented_order_and_the_first_is_why_it_waits() -> None:
    everything: dict[str, Any] = {}
    for _, way in IN_THE_WAY:
        everything.update(way)
    found = list(obstacles(asked(), usage(**everything), POOL, LIMITS))
    assert [refused.reason for refused in found] == [reason for reason, _ in IN_THE_WAY]
    assert admit(asked(), usage(**everything), POOL, LIMITS) == found[0]
    assert list(obstacles(asked(), usage(), POOL, LIMITS)) == []
