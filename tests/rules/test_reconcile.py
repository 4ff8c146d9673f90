"""What the store believes against what the exchange says."""

from __future__ import annotations

from typing import Any

import pytest

from actors.rules.model import (
    Balance,
    Instrument,
    Order,
    OrderReport,
    OrderSide,
    OrderState,
    OrderType,
    Position,
    Role,
    Side,
)
from actors.rules.reconcile import Drift, Findings, Holding, reconcile
from tests.rules.builders import NOW_MS, D, spot, swap


def order(name: str) -> Order:
    return Order(
        client_order_id=name,
        group_id="g",
        account="paper",
        symbol="BTC/USDT",
        pyramid=0,
        leg=0,
        role=Role.ENTRY,
        attempt=1,
        side=OrderSide.BUY,
        type=OrderType.LIMIT,
        price=D(100),
        quantity=D(1),
        create_time_ms=NOW_MS,
        update_time_ms=NOW_MS,
    )


def report(name: str) -> OrderReport:
    return OrderReport(client_order_id=name, state=OrderState.OPEN, time_ms=NOW_MS)


def holding(
    quantity: str, group_id: str = "g", side: Side = Side.LONG, instrument: Instrument | None = None
) -> Holding:
    return Holding(group_id=group_id, instrument=instrument or spot(), side=side, quantity=D(quantity))


def balances(**totals: str) -> dict[str, Balance]:
    return {asset: Balance(asset=asset, free=D(total), locked=D("0.25")) for asset, total in totals.items()}


def findings(**changes: Any) -> Findings:
    nothing: dict[str, Any] = {"stored": [], "reported": [], "holdings": [], "balances": {}, "prefix": "ax9k"}
    return reconcile(**{**nothing, **changes})


@pytest.mark.rule("ORD-7")
def test_orders_that_both_sides_know_are_confirmed() -> None:
    found = findings(stored=[order("ax9k1"), order("ax9k2")], reported=[report("ax9k2"), report("ax9k1")])
    assert found == Findings(confirmed=("ax9k1", "ax9k2"))
    assert found.is_clean


@pytest.mark.rule("ORD-7", "ORD-3")
def test_an_order_missing_from_the_list_is_to_be_looked_up_not_judged() -> None:
    found = findings(stored=[order("ax9k1"), order("ax9k2")], reported=[report("ax9k2")])
    assert (found.missing, found.confirmed) == (("ax9k1",), ("ax9k2",))
    assert not found.is_clean


@pytest.mark.rule("ORD-7")
def test_an_order_with_our_prefix_that_the_store_does_not_know_is_named() -> None:
    strange = report("ax9kzzz")
    assert findings(reported=[strange]) == Findings(unknown=(strange,))


@pytest.mark.rule("ORD-7")
def test_an_order_the_store_holds_for_final_is_looked_up_when_it_is_open_there() -> None:
    assert findings(reported=[report("ax9k7")], final_ids={"ax9k7"}) == Findings(revived=("ax9k7",))


@pytest.mark.rule("ORD-7")
def test_what_is_not_ours_is_never_a_finding() -> None:
    others = [report("web_123"), report(""), report("AX9K1")]
    assert findings(reported=others, balances=balances(BTC="5", DOGE="7")).is_clean


@pytest.mark.rule("ORD-7", "GRP-6")
def test_coins_that_cover_all_groups_are_no_drift_and_a_surplus_is_not_ours() -> None:
    held = [holding("0.5", "a"), holding("0.75", "b")]
    assert findings(holdings=held, balances=balances(BTC="1")).is_clean
    assert findings(holdings=held, balances=balances(BTC="9")).is_clean


@pytest.mark.rule("ORD-7", "GRP-6")
def test_coins_that_do_not_cover_the_groups_are_a_drift_of_their_instrument() -> None:
    held = [holding("0.5", "a"), holding("0.76", "b"), holding("0", "c")]
    found = findings(holdings=held, balances=balances(BTC="1"))
    expected = Drift(
        symbol="BTC/USDT", side=Side.LONG, asset="BTC", held=D("1.26"), at_exchange=D("1.25"), group_ids=("a", "b")
    )
    assert found.drifts == (expected,)
    assert expected.detail == "the groups hold 1.26 BTC, the exchange has 1.25"


@pytest.mark.rule("ORD-7")
def test_a_coin_held_on_two_instruments_holds_both_back_and_no_other() -> None:
    euro = spot(symbol="BTC/EUR", quote="EUR")
    ether = spot(symbol="ETH/USDT", base="ETH")
    held = [holding("1", "a"), holding("1", "b", instrument=euro), holding("1", "c", instrument=ether)]
    found = findings(holdings=held, balances=balances(BTC="1", ETH="1"))
    assert [(drift.symbol, drift.held, drift.group_ids) for drift in found.drifts] == [
        ("BTC/USDT", D(2), ("a",)),
        ("BTC/EUR", D(2), ("b",)),
    ]


@pytest.mark.rule("ORD-7")
def test_a_coin_the_account_does_not_list_is_not_there() -> None:
    assert findings(holdings=[holding("1")]).drifts[0].at_exchange == 0


@pytest.mark.rule("ORD-7")
def test_swap_positions_must_cover_their_groups_side_by_side() -> None:
    held = [
        holding("2", "a", instrument=swap()),
        holding("1", "b", instrument=swap()),
        holding("1", "c", Side.SHORT, swap()),
    ]
    there = [
        Position(symbol="BTC/USDT:USDT", side=Side.LONG, quantity=D(3), average_entry=D(100)),
        Position(symbol="BTC/USDT:USDT", side=Side.SHORT, quantity=D("0.9"), average_entry=D(100)),
    ]
    found = findings(holdings=held, positions=there)
    assert [(drift.side, drift.held, drift.at_exchange, drift.group_ids) for drift in found.drifts] == [
        (Side.SHORT, D(1), D("0.9"), ("c",))
    ]
