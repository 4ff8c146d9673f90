"""Every check finds what it is for: small books that are right, broken by hand in one place each."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.processes.books import Store, Venue, VenueOrder, VenueTrade
from tests.processes.checks import Terms, at_rest, unsettled
from tests.processes.load import Heard, Sent
from tests.processes.quiet import QUIET_S, Quiet
from tests.simulation.promise import Promise

D = Decimal
GROUP, OTHER = "g00000000001", "g00000000002"
ENTRY, TARGET = f"abcd00{GROUP}000e001", f"abcd00{GROUP}000t001"
TERMS = Terms(max_open_groups=1, is_swap=False, began_with=D(1000))
Row = dict[str, Any]


def group(**changes: Any) -> Row:
    row: Row = {
        **{"group_id": GROUP, "world": "paper", "account": "paper", "symbol": "BTC/USDT", "timeframe": "1h"},
        **{"key_strategy": "", "key_source": "", "side": "long", "state": "active", "forced": 0, "signal_id": "s1"},
        **{"loose_quantity": "0", "loose_cost": "0", "realized": "0", "close_reason": None, "flags": "[]"},
        "settings": json.dumps({"tp_execution": "resting"}),
        "instrument": json.dumps({"step_size": "0.1", "min_notional": "5"}),
    }
    return row | changes


def order(name: str, role: str, side: str, **changes: Any) -> Row:
    row: Row = {
        **{"client_order_id": name, "group_id": GROUP, "symbol": "BTC/USDT", "role": role, "side": side},
        **{"price": "100", "quantity": "2", "filled_quantity": "0", "state": "open", "cancel_requested": 0},
        **{"wanted_price": None, "wanted_quantity": None},
    }
    return row | changes


def event(sequence: int, kind: str, **changes: Any) -> Row:
    return {"sequence": sequence, "type": kind, "group_id": "", "signal_id": "", "attributes": "{}"} | changes


STORE = Store(
    signals=({"signal_id": "s1", "trade_id": "n1", "outcome": "opened", "first_outcome": "opened"},),
    events=(event(1, "signal.opened", signal_id="s1"), event(2, "group.opened", group_id=GROUP)),
    position_groups=(group(),),
    pyramids=({"group_id": GROUP, "pyramid": 0, "signal_id": "s1"},),
    legs=({"group_id": GROUP, "pyramid": 0, "leg": 0, "lot_quantity": "2", "lot_cost": "200"},),
    orders=(order(ENTRY, "entry", "buy", state="filled", filled_quantity="2"), order(TARGET, "take_profit", "sell")),
    fills=(
        {
            **{"client_order_id": ENTRY, "group_id": GROUP, "price": "100", "quantity": "2"},
            **{"fee": "0", "fee_asset": "", "trade_id": "1"},
        },
    ),
    queued_signals=(),
    alerts=(),
    dead_letters=(),
    risk_actions=(),
    drifts=(),
)
VENUE = Venue(
    orders=(
        VenueOrder(
            client_order_id=ENTRY,
            symbol="BTC/USDT",
            side="buy",
            price=D(100),
            quantity=D(2),
            filled=D(2),
            state="filled",
        ),
        VenueOrder(
            client_order_id=TARGET,
            symbol="BTC/USDT",
            side="sell",
            price=D(100),
            quantity=D(2),
            filled=D(0),
            state="open",
        ),
    ),
    trades=(VenueTrade(ENTRY, D(100), D(2), D(0), ""),),
    holdings={("BTC", "long"): D(2)},
    quote=D(800),
)
HEARD = Heard(way="http", outcome="OPENED", first_outcome="", signal_id="s1", group_id=GROUP, reason="")
SENT = Sent(number=1, kind="entry", body={}, heard=[HEARD])
Books = tuple[Store, Venue, list[Sent]]


def broken(store: Store, venue: Venue, sent: list[Sent]) -> set[Promise]:
    return {violation.promise for violation in at_rest(store, venue, TERMS, sent)}


def row_of(rows: tuple[Any, ...], index: int, **changes: Any) -> tuple[Any, ...]:
    return (*rows[:index], {**rows[index], **changes}, *rows[index + 1 :])


def test_books_that_are_right_break_nothing() -> None:
    assert broken(STORE, VENUE, [SENT]) == set()
    assert list(unsettled(STORE, VENUE, TERMS, 0)) == []


SOLD = (*VENUE.trades, VenueTrade(TARGET, D(100), D("2.1"), D(0), ""))
SECOND = (event(3, "group.opened", group_id=OTHER),)
CASES: dict[str, tuple[Promise, Callable[[], Books]]] = {
    "an acknowledged alert is not there": (
        Promise.ONE_OUTCOME,
        lambda: (STORE, VENUE, [SENT, Sent(number=2, kind="exit", body={}, heard=[replace(HEARD, outcome="SPOOLED")])]),
    ),
    "a sender was told another outcome": (
        Promise.ONE_OUTCOME,
        lambda: (STORE, VENUE, [Sent(number=1, kind="entry", body={}, heard=[replace(HEARD, outcome="EXITED")])]),
    ),
    "an alert is stored twice": (
        Promise.ONE_OUTCOME,
        lambda: (replace(STORE, signals=(*STORE.signals, {**STORE.signals[0], "signal_id": "s2"})), VENUE, [SENT]),
    ),
    "an alert ended twice": (
        Promise.ONE_OUTCOME,
        lambda: (replace(STORE, events=(*STORE.events, event(3, "signal.expired", signal_id="s1"))), VENUE, [SENT]),
    ),
    "an alert opened nothing": (
        Promise.ONE_OUTCOME,
        lambda: (replace(STORE, signals=row_of(STORE.signals, 0, signal_id="s9")), VENUE, []),
    ),
    "the venue has an order nobody knows": (
        Promise.ORDER_KNOWN,
        lambda: (replace(STORE, orders=STORE.orders[:1]), VENUE, [SENT]),
    ),
    "an order is under another group": (
        Promise.ORDER_KNOWN,
        lambda: (replace(STORE, orders=row_of(STORE.orders, 1, group_id=OTHER)), VENUE, [SENT]),
    ),
    "an open order never reached the venue": (
        Promise.ORDER_KNOWN,
        lambda: (STORE, replace(VENUE, orders=VENUE.orders[:1]), [SENT]),
    ),
    "an order was sent twice": (
        Promise.ORDER_ONCE,
        lambda: (STORE, replace(VENUE, orders=(*VENUE.orders, VENUE.orders[0])), [SENT]),
    ),
    "a fill is counted twice": (
        Promise.FILLS_AGREE,
        lambda: (replace(STORE, fills=STORE.fills * 2), VENUE, [SENT]),
    ),
    "a fill was dropped": (Promise.FILLS_AGREE, lambda: (replace(STORE, fills=()), VENUE, [SENT])),
    "an order is in another state": (
        Promise.FILLS_AGREE,
        lambda: (replace(STORE, orders=row_of(STORE.orders, 1, state="cancelled")), VENUE, [SENT]),
    ),
    "a group holds what it never bought": (
        Promise.HOLDS_ITS_FILLS,
        lambda: (replace(STORE, legs=row_of(STORE.legs, 0, lot_quantity="3")), VENUE, [SENT]),
    ),
    "more was sold than was held": (Promise.NEVER_OVERSOLD, lambda: (STORE, replace(VENUE, trades=SOLD), [SENT])),
    "the account has less than its groups": (
        Promise.COVERED,
        lambda: (STORE, replace(VENUE, holdings={("BTC", "long"): D("1.9")}), [SENT]),
    ),
    "a position has no target": (
        Promise.PROTECTED,
        lambda: (
            replace(STORE, orders=row_of(STORE.orders, 1, quantity="1.5")),
            replace(VENUE, orders=(VENUE.orders[0], replace(VENUE.orders[1], quantity=D("1.5")))),
            [SENT],
        ),
    ),
    "a cent is missing": (Promise.MONEY, lambda: (STORE, replace(VENUE, quote=D("799.99")), [SENT])),
    "there were more groups than slots": (
        Promise.POOL_LIMIT,
        lambda: (
            replace(
                STORE,
                position_groups=(group(), group(group_id=OTHER, state="closed", signal_id="s0", timeframe="4h")),
                events=(*STORE.events, *SECOND),
            ),
            VENUE,
            [SENT],
        ),
    ),
    "an actor died": (
        Promise.NO_CRASH,
        lambda: (
            replace(STORE, dead_letters=({"actor": "pool", "message_type": "SubmitSignal", "error": "KeyError"},)),
            VENUE,
            [SENT],
        ),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_broken_is_found_and_named(case: str) -> None:
    promise, make = CASES[case]
    assert promise in broken(*make())


def test_two_groups_on_a_key_are_found_where_the_pool_has_room() -> None:
    groups = (group(), group(group_id=OTHER, state="closed", signal_id="s0"))
    store = replace(STORE, position_groups=groups, events=(*STORE.events, *SECOND))
    found = {violation.promise for violation in at_rest(store, VENUE, replace(TERMS, max_open_groups=5), [])}
    assert Promise.ONE_GROUP_PER_KEY in found
    assert Promise.POOL_LIMIT not in found


UNSETTLED: dict[str, Callable[[], tuple[Store, Venue, int]]] = {
    "in the spool": lambda: (STORE, VENUE, 1),
    "pending": lambda: (replace(STORE, orders=row_of(STORE.orders, 1, state="pending")), VENUE, 0),
    "cancel asked: True": lambda: (replace(STORE, orders=row_of(STORE.orders, 1, cancel_requested=1)), VENUE, 0),
    "is closing": lambda: (replace(STORE, position_groups=(group(state="closing"),)), VENUE, 0),
    "fills are under way": lambda: (replace(STORE, fills=()), VENUE, 0),
    "open at the venue only": lambda: (replace(STORE, orders=STORE.orders[:1]), VENUE, 0),
    "a slot is free": lambda: (
        replace(
            STORE,
            position_groups=(),
            queued_signals=({"signal_id": "s2", "wait_reason": "POOL_FULL"},),
        ),
        VENUE,
        0,
    ),
    "offset": lambda: (replace(STORE, risk_actions=({"action_id": "a", "state": "running"},)), VENUE, 0),
}


@pytest.mark.parametrize("words", UNSETTLED)
def test_what_is_under_way_is_seen(words: str) -> None:
    store, venue, spooled = UNSETTLED[words]()
    assert any(words in line for line in unsettled(store, venue, TERMS, spooled))


def test_at_rest_is_only_what_stays_as_it_is_for_a_while() -> None:
    """A target that grew may wait for its time to be replaced: until then nothing tells that it will be."""
    now = [0.0]
    quiet = Quiet(lambda: now[0])
    grown = replace(STORE, orders=row_of(STORE.orders, 1, quantity="3"))
    assert quiet.busy(STORE, VENUE, TERMS, 0) != []
    now[0] += QUIET_S * 0.6
    assert quiet.busy(grown, VENUE, TERMS, 0) != []
    now[0] += QUIET_S * 0.6
    assert quiet.busy(grown, VENUE, TERMS, 0) != []
    now[0] += QUIET_S * 0.6
    assert quiet.busy(grown, VENUE, TERMS, 0) == []
    assert quiet.busy(grown, VENUE, TERMS, 1) == ["1 alerts wait in the spool"]
    now[0] += QUIET_S * 0.6
    assert quiet.busy(grown, VENUE, TERMS, 0) != []
