"""The account compared with the store, on the whole engine: the venue's books are changed behind its back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from actors.account_messages import ResolveDrift
from actors.messages import DescribeAccount
from actors.rules.choices import TpExecution, TpMode
from actors.rules.model import (
    Group,
    GroupState,
    Order,
    OrderSide,
    OrderState,
    OrderType,
    Outcome,
    Reason,
    Refused,
    Role,
)
from actors.rules.naming import make_client_order_id
from actors.rules.position_external import EXTERNAL_CHANGE
from actors.rules.profit import held
from actors.rules.records import DriftKind, DriftResolution, DriftState, SaveDrift
from actors.rules.settings import StrategyBook, StrategySettings
from tests.actors.town import ACCOUNT, BTC, ETH, INSTALLATION, Town, town_settings

D = Decimal
GATEWAY = f"gateway/{ACCOUNT}"
SWEEP_MS = 15_000
LASTING_MS = 2 * SWEEP_MS + 5_000
"""Enough for a sweep that finds a difference and a comparison that confirms it."""


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with Town(tmp_path, settings=town_settings(capital="1000")) as town:
        town.settle()
        yield town


def opened(town: Town, symbol: str = BTC, timeframe: str = "1h") -> Group:
    """A group whose first leg has filled; the ladder's other legs rest."""
    signal = town.signal(symbol, "100", timeframe=timeframe)
    signal = replace(signal, key=replace(signal.key, timeframe=timeframe))
    assert town.submit(signal).outcome is Outcome.OPENED
    return town.group_of(signal.key)


def lose(town: Town, quantity: str, asset: str = "BTC") -> None:
    """Coins leave the account without a trade."""
    town.venue._book.funds.change(asset, -D(quantity))


def strange(group: Group, *, role: Role = Role.ENTRY, leg: int = 0, attempt: int = 9, **changes: object) -> Order:
    """An order named as one of the group's, which the group has never made."""
    name = make_client_order_id(
        prefix=INSTALLATION + "00", group_id=group.group_id, pyramid=0, leg=leg, role=role, attempt=attempt
    )
    made = Order(
        client_order_id=name,
        group_id=group.group_id,
        account=ACCOUNT,
        symbol=group.symbol,
        pyramid=0,
        leg=leg,
        role=role,
        attempt=attempt,
        side=OrderSide.BUY if role is Role.ENTRY else OrderSide.SELL,
        type=OrderType.LIMIT,
        price=D(90),
        quantity=D("0.1"),
        create_time_ms=group.create_time_ms,
        update_time_ms=group.create_time_ms,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def place(town: Town, order: Order) -> None:
    """At the venue, past the engine."""
    town.exchange.submit([order])
    town.system.advance(100)
    assert order.client_order_id in town.venue._book.orders


def lasting(town: Town) -> list[SaveDrift]:
    """What stands after it had the time to be confirmed."""
    town.system.advance(LASTING_MS)
    return list(town.view.current.drifts.values())


def the_one(town: Town) -> SaveDrift:
    [drift] = lasting(town)
    return drift


def stored(town: Town, drift: SaveDrift) -> SaveDrift:
    found = town.reader.get_drift(drift.drift_id)
    assert found is not None
    return found


def resolve(town: Town, drift: SaveDrift, resolution: str, group_id: str = "", *, dry: bool = False) -> object:
    box = town.system.ask(
        GATEWAY,
        lambda reply_to: ResolveDrift(
            drift_id=drift.drift_id,
            resolution=resolution,
            group_id=group_id,
            who="ann",
            is_dry_run=dry,
            reply_to=reply_to,
        ),
    )
    town.system.advance(3_000)
    return box.answer


def standing_alerts(town: Town) -> set[str]:
    return {key for key in town.view.current.alerts if key.startswith("drift:")}


def at_venue(town: Town) -> set[str]:
    return set(town.venue._book.orders)


# --- found ----------------------------------------------------------------------------------------


@pytest.mark.rule("ORD-7")
def test_an_account_that_covers_its_groups_has_no_difference(town: Town) -> None:
    opened(town)
    opened(town, timeframe="4h")
    assert lasting(town) == []
    now = town.ask(GATEWAY, lambda reply_to: DescribeAccount(reply_to=reply_to))
    assert now.compared_ms > town.system.now_ms() - 2 * SWEEP_MS  # type: ignore[attr-defined]


@pytest.mark.rule("ORD-7")
def test_coins_that_are_gone_are_a_difference_that_says_both_figures(town: Town) -> None:
    group = opened(town)
    before = town.venue._book.funds.total("BTC")
    lose(town, "0.5")
    drift = the_one(town)
    assert (drift.kind, drift.symbol, drift.group_id) == (DriftKind.UNCOVERED, BTC, group.group_id)
    assert (drift.expected, drift.actual) == (
        f"{held(group).normalize():f} BTC",
        f"{(before - D('0.5')).normalize():f} BTC",
    )
    assert drift.shortfall == held(group) - (before - D("0.5"))
    assert standing_alerts(town) == {f"drift:{ACCOUNT}:{BTC}:long"}
    assert lasting(town) == [drift], "it stands once"


@pytest.mark.rule("ORD-7")
def test_a_difference_that_goes_by_itself_is_resolved_with_its_alert(town: Town) -> None:
    opened(town)
    lose(town, "0.5")
    drift = the_one(town)
    lose(town, "-0.5")
    assert lasting(town) == []
    after = stored(town, drift)
    assert (after.state, after.resolution) == (DriftState.RESOLVED, None)
    assert after.resolve_time_ms is not None
    assert after.message.endswith("gone by itself")
    assert standing_alerts(town) == set()


@pytest.mark.rule("ORD-7")
def test_coins_that_are_nobodys_are_never_a_difference(town: Town) -> None:
    opened(town)
    lose(town, "-7")
    place(town, replace(strange(town.group_of(town.signal().key)), client_order_id="web-123"))
    assert lasting(town) == []
    assert "web-123" in at_venue(town)


@pytest.mark.rule("ORD-7")
def test_an_order_with_our_prefix_that_the_store_does_not_know_is_named_and_left_alone(town: Town) -> None:
    order = strange(opened(town))
    place(town, order)
    drift = the_one(town)
    assert (drift.kind, drift.client_order_id, drift.symbol) == (DriftKind.UNKNOWN_ORDER, order.client_order_id, BTC)
    assert order.client_order_id in at_venue(town)


# --- held back ------------------------------------------------------------------------------------


@pytest.mark.rule("ORD-7")
def test_only_the_entries_of_the_instrument_wait_and_its_exits_go_on(town: Town) -> None:
    group = opened(town)
    lose(town, "0.5")
    drift = the_one(town)
    signal = town.signal(BTC, "100")
    signal = replace(signal, key=replace(signal.key, timeframe="4h"))
    box = town.send(signal)
    town.system.advance(100)
    assert (box.answer.outcome, box.answer.reason) == (Outcome.QUEUED, Reason.INSTRUMENT_HELD)  # type: ignore[attr-defined]
    assert opened(town, ETH).symbol == ETH
    target = next(order for order in town.group_of(group.key).open_orders() if order.role is Role.TAKE_PROFIT)
    assert town.venue._book.orders[target.client_order_id].remaining == target.quantity
    assert isinstance(resolve(town, drift, "ignore"), SaveDrift)
    town.system.advance(1_000)
    assert town.group_of(signal.key).symbol == BTC


@pytest.mark.rule("ORD-7", "REC-1")
def test_a_new_process_compares_before_it_trades_and_holds_what_differs(town: Town) -> None:
    opened(town)
    lose(town, "0.5")
    town.kill()
    town.start()
    town.system.advance(500)
    gateway = town.system._cells[GATEWAY].actor
    assert not gateway._orders.is_trading  # type: ignore[union-attr]
    town.system.advance(2_000)
    assert gateway._orders.is_trading  # type: ignore[union-attr]
    [drift] = town.view.current.drifts.values()
    assert drift.kind is DriftKind.UNCOVERED
    assert gateway._watch.newest.held_symbols == {BTC}  # type: ignore[union-attr]


@pytest.mark.rule("ORD-7", "REC-1")
def test_a_difference_outlives_the_process_under_the_same_id(town: Town) -> None:
    opened(town)
    lose(town, "0.5")
    drift = the_one(town)
    town.kill()
    town.start()
    assert lasting(town) == [drift]


# --- resolved -------------------------------------------------------------------------------------


@pytest.mark.rule("ORD-7")
def test_an_ignored_difference_is_accepted_until_it_grows(town: Town) -> None:
    opened(town)
    lose(town, "0.5")
    drift = the_one(town)
    answer = resolve(town, drift, "ignore")
    assert isinstance(answer, SaveDrift)
    assert (answer.state, answer.resolution, answer.who) == (DriftState.ACCEPTED, DriftResolution.IGNORE, "ann")
    assert lasting(town) == []
    assert standing_alerts(town) == set()
    lose(town, "0.25")
    town.system.advance(LASTING_MS)
    again = the_one(town)
    assert again.drift_id != drift.drift_id
    assert again.shortfall == drift.shortfall + D("0.25")


@pytest.mark.rule("ORD-7", "PNL-2")
def test_adopting_missing_coins_writes_the_groups_down_pro_rata_at_the_mark(town: Town) -> None:
    one, two = opened(town), opened(town, timeframe="4h")
    lose(town, "1")
    drift = the_one(town)
    there = town.venue._book.funds.total("BTC")
    dry = resolve(town, drift, "adopt", dry=True)
    assert isinstance(dry, SaveDrift)
    assert "written down at 100" in dry.message
    assert held(town.group_of(one.key)) == held(one), "a dry run does nothing"
    answer = resolve(town, drift, "adopt")
    assert isinstance(answer, SaveDrift)
    town.system.advance(LASTING_MS)
    after = [town.group_of(group.key) for group in (one, two)]
    assert sum(map(held, after)) == there
    lost = [held(before) - held(now) for before, now in zip((one, two), after, strict=True)]
    assert sum(lost) == drift.shortfall
    assert abs(lost[0] - lost[1]) < D("0.002"), "equal holdings lose the same, to a step"
    for group in after:
        assert EXTERNAL_CHANGE in group.flags
        assert sum(order.remaining for order in group.open_orders() if order.side is OrderSide.SELL) <= held(group)
    assert (stored(town, drift).state, stored(town, drift).resolution) == (DriftState.RESOLVED, DriftResolution.ADOPT)


@pytest.mark.rule("ORD-7")
def test_flattening_missing_coins_closes_what_is_left_of_their_groups(town: Town) -> None:
    group = opened(town)
    lose(town, "0.5")
    drift = the_one(town)
    assert isinstance(resolve(town, drift, "flatten"), SaveDrift)
    town.system.advance(LASTING_MS)
    closed = town.store.store.load_group(group.group_id)
    assert closed is not None
    assert (closed.state, closed.close_reason) == (GroupState.CLOSED, Reason.MANUAL)
    assert town.view.current.drifts == {}


@pytest.mark.rule("ORD-7")
def test_flattening_an_unknown_order_cancels_it(town: Town) -> None:
    order = strange(opened(town))
    place(town, order)
    drift = the_one(town)
    resolve(town, drift, "flatten")
    town.system.advance(LASTING_MS)
    assert order.client_order_id not in at_venue(town)
    assert stored(town, drift).resolution is DriftResolution.FLATTEN
    assert stored(town, drift).state is DriftState.RESOLVED


@pytest.mark.rule("ORD-7")
def test_an_unknown_entry_is_not_adopted_where_its_leg_has_one_already(town: Town) -> None:
    group = opened(town)
    order = strange(group, leg=2)
    place(town, order)
    drift = the_one(town)
    refused = resolve(town, drift, "adopt")
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.NOT_ADOPTABLE
    assert "pyramid 0 leg 2" in refused.detail
    assert stored(town, drift).resolution is None


@pytest.mark.rule("ORD-7", "TP-7")
def test_an_unknown_exit_is_not_adopted_where_targets_bind_what_it_sells(town: Town) -> None:
    group = opened(town)
    order = strange(group, role=Role.CLOSE, price=D(120))
    lose(town, "-0.1")
    place(town, order)
    refused = resolve(town, the_one(town), "adopt")
    assert isinstance(refused, Refused)
    assert "free to be sold" in refused.detail
    assert order.client_order_id in at_venue(town)


@pytest.mark.rule("ORD-7", "ORD-5")
def test_an_adopted_order_belongs_to_its_group_with_its_fills(tmp_path: Path) -> None:
    watched = StrategySettings(tp_mode=TpMode.AGGREGATE, tp_execution=TpExecution.WATCHED, tp_percent=D(50))
    with Town(tmp_path, settings=town_settings(strategy=StrategyBook(default=watched))) as town:
        town.settle()
        group = opened(town)
        order = strange(group, role=Role.CLOSE, price=D(120))
        place(town, order)
        drift = the_one(town)
        dry = resolve(town, drift, "adopt", dry=True)
        assert isinstance(dry, SaveDrift)
        assert order.client_order_id not in town.group_of(group.key).orders
        answer = resolve(town, drift, "adopt")
        assert isinstance(answer, SaveDrift)
        assert answer.resolution is DriftResolution.ADOPT
        assert town.group_of(group.key).orders[order.client_order_id].state is OrderState.OPEN
        assert lasting(town) == []
        assert stored(town, drift).state is DriftState.RESOLVED
        town.price(BTC, "120")
        after = town.group_of(group.key)
        assert after.orders[order.client_order_id].state is OrderState.FILLED
        assert held(after) == held(group) - order.quantity


# --- targets --------------------------------------------------------------------------------------


@pytest.mark.rule("ORD-13")
def test_a_target_cancelled_from_outside_is_replaced_with_one_alert(town: Town) -> None:
    group = opened(town)
    target = next(order for order in group.open_orders() if order.role is Role.TAKE_PROFIT)
    town.exchange.cancel([target])
    town.system.advance(20_000)
    after = town.group_of(group.key)
    assert after.orders[target.client_order_id].state is OrderState.CANCELLED
    replaced = [order for order in after.open_orders() if order.role is Role.TAKE_PROFIT]
    assert [(order.quantity, order.price) for order in replaced] == [(target.quantity, target.price)]
    assert town.view.current.alerts[f"target_lost/{group.group_id}"].count == 1
    assert lasting(town) == []
