"""Differences and bookings in the store's file."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from actors.ports import ConstraintBroken
from actors.rules.model import Trade
from actors.rules.records import (
    AddBooking,
    BookingKind,
    DriftKind,
    DriftResolution,
    DriftState,
    MarkBooked,
    Row,
    SaveDrift,
)
from daemon.store.pages import Page
from daemon.store.read import Reader
from daemon.store.store import SqliteStore
from tests.daemon.store import samples

ACCOUNT = samples.group(1).account
DRIFT = SaveDrift(
    drift_id="d1",
    account=ACCOUNT,
    symbol="BTC/USDT",
    kind=DriftKind.UNCOVERED,
    subject="BTC/USDT:long",
    expected="1 BTC",
    actual="0.5 BTC",
    shortfall=Decimal("0.50"),
    message="half is gone",
    create_time_ms=5,
)
TRADE = Trade(
    trade_id="t1",
    quantity=Decimal("0.5"),
    price=Decimal(90),
    fee=Decimal("0.01"),
    fee_asset="USDT",
    fee_value=Decimal("0.01"),
    time_ms=7,
)


def booking(number: int = 1, booking_id: str = "trade:t1") -> AddBooking:
    group = samples.group(number)
    return AddBooking(
        account=ACCOUNT,
        booking_id=booking_id,
        group_id=group.group_id,
        symbol=group.symbol,
        kind=BookingKind.TRADE,
        cause="manual",
        trade=TRADE,
        time_ms=8,
    )


def applied(store: SqliteStore, *rows: Row) -> ConstraintBroken | None:
    return store.apply([("gateway/x", rows)])[0].broken


@pytest.mark.rule("ORD-7")
def test_a_difference_is_read_as_it_was_saved_and_one_stands_per_subject(store: SqliteStore) -> None:
    assert applied(store, DRIFT) is None
    assert store.load_account(ACCOUNT).drifts == (DRIFT,)
    broken = applied(store, replace(DRIFT, drift_id="d2"))
    assert broken is not None
    assert broken.constraint == "drift"
    accepted = replace(
        DRIFT, state=DriftState.ACCEPTED, resolution=DriftResolution.IGNORE, who="ann", resolve_time_ms=9
    )
    assert applied(store, accepted) is None
    assert store.load_account(ACCOUNT).drifts == (accepted,)
    assert applied(store, replace(accepted, state=DriftState.RESOLVED), replace(DRIFT, drift_id="d2")) is None
    assert [drift.drift_id for drift in store.load_account(ACCOUNT).drifts] == ["d2"]
    assert store.load_account("another").drifts == ()


@pytest.mark.rule("ORD-7")
def test_differences_are_listed_newest_first_by_pages(store: SqliteStore, reader: Reader) -> None:
    rows = [replace(DRIFT, drift_id=f"d{number}", subject=f"s{number}") for number in range(5)]
    assert applied(store, *rows, replace(rows[0], state=DriftState.RESOLVED)) is None
    page = reader.list_drifts(states=(DriftState.OPEN,), size=3)
    assert isinstance(page, Page)
    assert [drift.drift_id for drift in page.items] == ["d4", "d3", "d2"]
    rest = reader.list_drifts(states=(DriftState.OPEN,), size=3, token=page.next_token)
    assert isinstance(rest, Page)
    assert [drift.drift_id for drift in rest.items] == ["d1"]
    assert rest.next_token == ""
    everything = reader.list_drifts(ACCOUNT)
    assert isinstance(everything, Page)
    assert len(everything.items) == 5
    assert reader.get_drift("d0") == replace(rows[0], state=DriftState.RESOLVED)
    assert reader.get_drift("nobody") is None


@pytest.mark.rule("ORD-13")
def test_a_share_is_booked_once_and_told_until_then(store: SqliteStore) -> None:
    assert store.apply([("a", samples.opening(1))])[0].broken is None
    assert applied(store, booking()) is None
    state = store.load_account(ACCOUNT)
    assert state.bookings == (booking(),)
    assert state.booked_ids == ("trade:t1",)
    twice = applied(store, booking())
    assert twice is not None
    assert twice.constraint == "booking"
    mark = MarkBooked(account=ACCOUNT, booking_id="trade:t1", group_id=booking().group_id, time_ms=9)
    assert applied(store, mark) is None
    assert store.load_account(ACCOUNT).bookings == ()
    again = applied(store, mark)
    assert again is not None
    assert again.constraint == "booking"


@pytest.mark.rule("ORD-7")
def test_an_account_is_loaded_with_its_open_orders_and_what_is_known_of_others(store: SqliteStore) -> None:
    assert store.apply([("a", samples.opening(1))])[0].broken is None
    group = samples.group(1)
    name = next(iter(group.orders))
    state = store.load_account(ACCOUNT, (name, "abcd00000000000000000e001"))
    assert [found.group_id for found in state.groups] == [group.group_id]
    assert set(state.groups[0].orders) == {order.client_order_id for order in group.open_orders()}
    assert state.known_ids == {name}
    assert store.load_account("another").groups == ()
