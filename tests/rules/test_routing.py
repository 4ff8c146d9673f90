"""Where a signal leads on its key: the routing table of SIG, cell by cell."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from actors.rules.choices import Market
from actors.rules.intent import Action, Route, route
from actors.rules.model import Intent, Reason, Side
from tests.rules.builders import NOW_MS, signal

LONG, SHORT = Side.LONG, Side.SHORT


def led(intent: Intent, side: Side | None, *, market: Market = Market.SWAP, stamp: int = NOW_MS, **key: Any) -> Route:
    state: dict[str, Any] = {"live_side": None, "closing": False, "waiting_side": None, "opened_stamp_ms": None}
    return route(signal(intent, side, sent_time_ms=stamp), market=market, **{**state, **key})


def short(found: Route) -> tuple[Action, Reason]:
    return found.action, found.reason


NOTHING: dict[str, Any] = {}
SAME: dict[str, Any] = {"live_side": LONG, "opened_stamp_ms": NOW_MS - 1}
OPPOSITE = {"live_side": SHORT, "opened_stamp_ms": NOW_MS - 1}
CLOSING: dict[str, Any] = {"live_side": LONG, "closing": True, "opened_stamp_ms": NOW_MS - 1}


@pytest.mark.rule("SIG-6", "SIG-10")
@pytest.mark.parametrize(
    ("intent", "key", "expected"),
    [
        (Intent.ENTRY, NOTHING, (Action.OPEN, Reason.OK)),
        (Intent.ENTRY, SAME, (Action.PYRAMID, Reason.OK)),
        (Intent.ENTRY, OPPOSITE, (Action.ENQUEUE, Reason.OPPOSITE_SIDE)),
        (Intent.ENTRY, CLOSING, (Action.ENQUEUE, Reason.GROUP_CLOSING)),
        (Intent.EXIT, NOTHING, (Action.IGNORE, Reason.NO_POSITION)),
        (Intent.EXIT, SAME, (Action.CLOSE, Reason.EXIT_SIGNAL)),
        (Intent.EXIT, OPPOSITE, (Action.CLOSE, Reason.EXIT_SIGNAL)),
        (Intent.EXIT, CLOSING, (Action.IGNORE, Reason.GROUP_CLOSING)),
        (Intent.REDUCE, NOTHING, (Action.IGNORE, Reason.NO_POSITION)),
        (Intent.REDUCE, SAME, (Action.REDUCE, Reason.REDUCE_SIGNAL)),
        (Intent.REDUCE, OPPOSITE, (Action.IGNORE, Reason.SIDE_MISMATCH)),
        (Intent.REDUCE, CLOSING, (Action.IGNORE, Reason.GROUP_CLOSING)),
        (Intent.REVERSE, NOTHING, (Action.OPEN, Reason.OK)),
        (Intent.REVERSE, SAME, (Action.IGNORE, Reason.SAME_POSITION)),
        (Intent.REVERSE, OPPOSITE, (Action.REVERSE, Reason.REVERSE_SIGNAL)),
        (Intent.REVERSE, CLOSING, (Action.ENQUEUE, Reason.REVERSING)),
        (Intent.IGNORE, SAME, (Action.IGNORE, Reason.SAME_POSITION)),
    ],
)
def test_the_routing_table_for_a_long(intent: Intent, key: dict[str, Any], expected: tuple[Action, Reason]) -> None:
    assert short(led(intent, LONG, **key)) == expected


@pytest.mark.rule("SIG-6", "QUE-1")
@pytest.mark.parametrize("live_side", [None, LONG, SHORT])
@pytest.mark.parametrize("closing", [False, True])
def test_an_entry_never_passes_its_keys_own_queued_signal(live_side: Side | None, closing: bool) -> None:
    for side, waiting_side in itertools.product(Side, Side):
        found = led(Intent.ENTRY, side, live_side=live_side, closing=closing, waiting_side=waiting_side)
        assert found.action is Action.ENQUEUE


@pytest.mark.rule("QUE-1")
@pytest.mark.parametrize(
    ("waits_for", "reason"),
    [
        (Reason.POOL_FULL, Reason.POOL_FULL),
        (Reason.INSUFFICIENT_BALANCE, Reason.INSUFFICIENT_BALANCE),
        (Reason.OPPOSITE_SIDE, Reason.NEWER_SIGNAL),
        (None, Reason.NEWER_SIGNAL),
    ],
)
def test_a_replacement_waits_for_what_the_queued_one_waits_for(waits_for: Reason | None, reason: Reason) -> None:
    found = led(Intent.ENTRY, LONG, waiting_side=LONG, waiting_reason=waits_for)
    assert short(found) == (Action.ENQUEUE, reason)


@pytest.mark.rule("SIG-6", "QUE-8")
def test_an_entry_against_a_live_group_waits_for_it_whoever_waits_already() -> None:
    found = led(Intent.ENTRY, LONG, live_side=SHORT, waiting_side=LONG, waiting_reason=Reason.POOL_FULL)
    assert short(found) == (Action.ENQUEUE, Reason.OPPOSITE_SIDE)


@pytest.mark.rule("SIG-6", "SIG-10")
@pytest.mark.parametrize(
    ("named", "waiting", "removed"),
    [(None, LONG, True), (None, SHORT, True), (LONG, LONG, True), (LONG, SHORT, False), (SHORT, LONG, False)],
)
def test_an_exit_removes_only_a_queued_signal_of_the_side_it_names(
    named: Side | None, waiting: Side, removed: bool
) -> None:
    alone = led(Intent.EXIT, named, waiting_side=waiting)
    expected = (Action.DEQUEUE, Reason.EXIT_SIGNAL) if removed else (Action.IGNORE, Reason.SIDE_MISMATCH)
    assert short(alone) == expected
    for live_side in Side:
        found = led(Intent.EXIT, named, live_side=live_side, waiting_side=waiting, opened_stamp_ms=NOW_MS)
        assert (found.action, found.dequeue) == (Action.CLOSE, removed), "it closes whatever is live"
        closing = led(Intent.EXIT, named, live_side=live_side, closing=True, waiting_side=waiting)
        assert (closing.action is Action.DEQUEUE) is removed


@pytest.mark.rule("SIG-12")
def test_an_exit_never_closes_a_group_opened_by_a_later_signal() -> None:
    late = led(Intent.EXIT, None, live_side=LONG, opened_stamp_ms=NOW_MS + 1)
    assert short(late) == (Action.IGNORE, Reason.OLDER_THAN_GROUP)
    assert led(Intent.EXIT, None, live_side=LONG, opened_stamp_ms=NOW_MS).action is Action.CLOSE


@pytest.mark.rule("SIG-12")
def test_an_exit_leaves_a_later_queued_signal_alone() -> None:
    late = led(Intent.EXIT, None, waiting_side=LONG, waiting_stamp_ms=NOW_MS + 1)
    assert short(late) == (Action.IGNORE, Reason.OLDER_THAN_GROUP)
    assert led(Intent.EXIT, None, waiting_side=LONG, waiting_stamp_ms=NOW_MS).action is Action.DEQUEUE


@pytest.mark.rule("SIG-6")
@pytest.mark.parametrize("intent", [Intent.ENTRY, Intent.REVERSE])
def test_going_short_on_spot_is_an_exit_if_a_long_is_live_else_rejected(intent: Intent) -> None:
    live = led(intent, SHORT, market=Market.SPOT, waiting_side=LONG, **SAME)
    assert (live.action, live.dequeue) == (Action.CLOSE, True)
    older = led(intent, SHORT, market=Market.SPOT, live_side=LONG, opened_stamp_ms=NOW_MS + 1)
    assert short(older) == (Action.IGNORE, Reason.OLDER_THAN_GROUP)
    closing = led(intent, SHORT, market=Market.SPOT, waiting_side=LONG, **CLOSING)
    assert short(closing) == (Action.DEQUEUE, Reason.EXIT_SIGNAL)
    for waiting_side in (None, LONG):
        nothing = led(intent, SHORT, market=Market.SPOT, waiting_side=waiting_side)
        assert short(nothing) == (Action.REJECT, Reason.SHORT_ON_SPOT)


@pytest.mark.rule("SIG-6")
def test_going_long_on_spot_is_like_anywhere() -> None:
    assert led(Intent.ENTRY, LONG, market=Market.SPOT).action is Action.OPEN
    assert led(Intent.REVERSE, LONG, market=Market.SPOT).action is Action.OPEN


@pytest.mark.rule("SIG-6")
def test_a_reverse_with_nothing_live_is_like_an_entry() -> None:
    assert led(Intent.REVERSE, LONG, waiting_side=SHORT).action is Action.ENQUEUE


@pytest.mark.rule("SIG-6", "QUE-1")
@pytest.mark.parametrize("closing_side", [LONG, SHORT])
def test_a_reverse_while_its_key_closes_waits_for_that_slot_first_in_rank(closing_side: Side) -> None:
    for waiting_side in (None, LONG, SHORT):
        found = led(Intent.REVERSE, LONG, live_side=closing_side, closing=True, waiting_side=waiting_side)
        assert (short(found), found.is_reverse) == ((Action.ENQUEUE, Reason.REVERSING), True)
    entry = led(Intent.ENTRY, LONG, live_side=closing_side, closing=True)
    assert not entry.is_reverse


@pytest.mark.rule("SIG-6", "QUE-1")
@pytest.mark.parametrize("side", [LONG, SHORT])
def test_what_takes_the_place_of_a_waiting_reverse_takes_the_slot_kept_for_it(side: Side) -> None:
    waits: dict[str, Any] = {"waiting_side": SHORT, "waiting_reason": Reason.REVERSING}
    for intent in (Intent.ENTRY, Intent.REVERSE):
        closing = led(intent, side, **CLOSING, **waits)
        assert short(closing) == (Action.ENQUEUE, Reason.REVERSING)
        closed = led(intent, side, **waits)
        assert short(closed) == (Action.ENQUEUE, Reason.REVERSING)


@pytest.mark.rule("SIG-6", "SIG-10")
@pytest.mark.parametrize("named", [None, SHORT])
def test_an_exit_removes_the_new_side_of_a_reverse_while_it_waits(named: Side | None) -> None:
    waits: dict[str, Any] = {"waiting_side": SHORT, "waiting_reason": Reason.REVERSING}
    assert led(Intent.EXIT, named, **CLOSING, **waits).action is Action.DEQUEUE
    assert led(Intent.EXIT, named, **waits).action is Action.DEQUEUE
    of_the_old_side = led(Intent.EXIT, LONG, **CLOSING, **waits)
    assert short(of_the_old_side) == (Action.IGNORE, Reason.GROUP_CLOSING)


@pytest.mark.rule("SIG-6", "SIG-10")
@pytest.mark.parametrize("waiting_side", [None, LONG, SHORT])
def test_a_reverse_takes_the_queued_signal_of_its_key_along_whichever_side_it_is(waiting_side: Side | None) -> None:
    found = led(Intent.REVERSE, SHORT, waiting_side=waiting_side, **SAME)
    assert (found.action, found.dequeue) == (Action.REVERSE, waiting_side is not None)


@pytest.mark.rule("SIG-6", "SIG-12")
def test_a_reverse_older_than_what_waits_only_closes() -> None:
    found = led(Intent.REVERSE, SHORT, waiting_side=SHORT, waiting_stamp_ms=NOW_MS + 1, **SAME)
    assert (short(found), found.dequeue) == ((Action.CLOSE, Reason.REVERSE_SIGNAL), False)


@pytest.mark.rule("SIG-12", "EXIT-6")
@pytest.mark.parametrize(
    ("intent", "side", "closing"),
    [(Intent.REDUCE, LONG, False), (Intent.REVERSE, SHORT, False), (Intent.REVERSE, SHORT, True)],
)
def test_a_reduce_or_reverse_never_touches_a_group_opened_by_a_later_signal(
    intent: Intent, side: Side, closing: bool
) -> None:
    late = led(intent, side, live_side=LONG, closing=closing, opened_stamp_ms=NOW_MS + 1)
    assert short(late) == (Action.IGNORE, Reason.OLDER_THAN_GROUP)
    assert led(intent, side, live_side=LONG, closing=closing, opened_stamp_ms=NOW_MS).action is not Action.IGNORE


@pytest.mark.rule("SIG-6", "EXIT-6")
def test_a_reduce_without_a_side_takes_from_whatever_is_live() -> None:
    for live_side in Side:
        assert led(Intent.REDUCE, None, live_side=live_side, opened_stamp_ms=0).action is Action.REDUCE


@pytest.mark.rule("SIG-10")
def test_every_combination_leads_somewhere_and_what_is_not_done_has_a_reason() -> None:
    sides = (None, LONG, SHORT)
    for intent, side, live, closing, waiting, market in itertools.product(
        Intent, sides, sides, (False, True), sides, Market
    ):
        if side is None and intent in (Intent.ENTRY, Intent.REVERSE):
            continue
        found = led(
            intent, side, market=market, live_side=live, closing=closing, waiting_side=waiting, opened_stamp_ms=0
        )
        assert found.reason is not Reason.OK or found.action in (Action.OPEN, Action.PYRAMID)
        assert not (found.action in (Action.OPEN, Action.PYRAMID) and ((closing and live) or waiting))
        assert found.action is not Action.DEQUEUE or waiting is not None
        closes = found.action in (Action.CLOSE, Action.REDUCE, Action.REVERSE)
        assert not closes or (live is not None and not closing)
        if found.action is Action.REVERSE:
            assert (live, side) in ((LONG, SHORT), (SHORT, LONG))
            assert side is LONG or market is Market.SWAP, "nothing goes short on spot"


def test_an_entry_without_a_side_is_a_bug() -> None:
    with pytest.raises(ValueError, match="side"):
        led(Intent.ENTRY, None)
