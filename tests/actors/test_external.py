"""What happens to a swap position without an order of ours, booked to the groups that make it up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from actors.account_messages import ForeignCause, ForeignTraded, FundingPaid
from actors.rules.choices import Market
from actors.rules.model import Group, GroupState, OrderSide, OrderState, Outcome, Reason, Role, Side, Trade
from actors.rules.position_external import EXTERNAL_CHANGE, external_order_id
from actors.rules.profit import held
from actors.rules.records import DriftKind
from daemon.exchanges.swap_settlement import SwapSettlement
from tests.actors.town import ACCOUNT, Town, account_settings, town_settings

D = Decimal
GATEWAY = f"gateway/{ACCOUNT}"
PERP = "BTC/USDT:USDT"
SWEEP_MS = 15_000


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    account = account_settings(symbols=(PERP,), market=Market.SWAP)
    with Town(tmp_path, settings=town_settings(accounts={ACCOUNT: account})) as town:
        town.settle()
        yield town


def opened(town: Town, timeframe: str = "1h") -> Group:
    signal = town.signal(PERP, "100")
    signal = replace(signal, key=replace(signal.key, timeframe=timeframe))
    assert town.submit(signal).outcome is Outcome.OPENED
    return town.group_of(signal.key)


def taken(town: Town, quantity: str) -> None:
    """The position at the venue shrinks (or, below zero, grows)."""
    settlement = town.venue._book.settlement
    assert isinstance(settlement, SwapSettlement)
    settlement._positions[PERP, Side.LONG].quantity -= D(quantity)


def told(town: Town, cause: ForeignCause, *trades: Trade, ms: int = 5_000) -> None:
    message = ForeignTraded(
        incarnation=town.system.incarnation(GATEWAY), symbol=PERP, side=Side.LONG, cause=cause, trades=trades
    )
    town.system.tell(GATEWAY, message)
    town.system.advance(ms)


def trade(name: str, quantity: str, price: str = "95", fee: str = "0") -> Trade:
    return Trade(
        trade_id=name,
        quantity=D(quantity),
        price=D(price),
        fee=D(fee),
        fee_asset="USDT",
        fee_value=D(fee),
        time_ms=1,
    )


def paid(town: Town, funding_id: str, amount: str) -> None:
    message = FundingPaid(
        incarnation=town.system.incarnation(GATEWAY),
        funding_id=funding_id,
        symbol=PERP,
        side=Side.LONG,
        amount=D(amount),
        time_ms=1,
    )
    town.system.tell(GATEWAY, message)
    town.system.advance(5_000)


def now(town: Town, group: Group) -> Group:
    found = town.store.store.load_group(group.group_id)
    assert found is not None
    return found


@pytest.mark.rule("ORD-13", "PNL-1")
def test_a_manual_close_is_booked_pro_rata_once_and_targets_shrink_with_it(town: Town) -> None:
    groups = [opened(town), opened(town, "4h"), opened(town, "15m")]
    taken(town, "1.001")
    told(town, ForeignCause.MANUAL, trade("t1", "1.001", fee="0.3"))
    after = [now(town, group) for group in groups]
    lost = [held(before) - held(group) for before, group in zip(groups, after, strict=True)]
    assert sum(lost) == D("1.001")
    assert sorted(lost) == [D("0.333"), D("0.333"), D("0.335")]
    for group, share in zip(after, lost, strict=True):
        order = group.orders[external_order_id(group.group_id, "t1")]
        assert (order.state, order.role, order.reason) == (OrderState.FILLED, Role.CLOSE, Reason.EXTERNAL_CLOSE)
        assert order.filled_quantity == share
        assert EXTERNAL_CHANGE in group.flags
        assert f"external_change/{group.group_id}" in town.view.current.alerts
        assert sum(each.remaining for each in group.open_orders() if each.side is OrderSide.SELL) <= held(group)
    fees = sum(now_.fees - before.fees for now_, before in zip(after, groups, strict=True))
    assert fees == D("0.3")
    change = sum(now_.realized - before.realized for now_, before in zip(after, groups, strict=True))
    assert change == D("1.001") * (D(95) - D(100)) - D("0.3")
    told(town, ForeignCause.MANUAL, trade("t1", "1.001", fee="0.3"))
    assert [held(now(town, group)) for group in groups] == [held(group) for group in after], "told twice, booked once"
    town.system.advance(2 * SWEEP_MS)
    assert town.view.current.drifts == {}


@pytest.mark.rule("ORD-13")
def test_a_liquidated_group_closes_and_its_ladder_buys_no_more(town: Town) -> None:
    group = opened(town)
    taken(town, str(held(group)))
    told(town, ForeignCause.LIQUIDATION, trade("liq", str(held(group)), "80"), ms=10_000)
    after = now(town, group)
    assert (after.state, after.close_reason) == (GroupState.CLOSED, Reason.LIQUIDATED)
    assert not after.open_orders()
    assert town.venue._book.orders == {}
    assert after.realized == held(group) * (D(80) - D(100)) + group.realized


@pytest.mark.rule("ORD-13")
def test_a_manual_trade_of_what_is_not_ours_is_never_booked(town: Town) -> None:
    group = opened(town)
    taken(town, "-3")
    town.system.advance(2 * SWEEP_MS)
    taken(town, "2")
    told(town, ForeignCause.MANUAL, trade("own", "2"), ms=3 * SWEEP_MS)
    assert now(town, group) == town.view.current.find(group.group_id)
    assert held(now(town, group)) == held(group)
    assert EXTERNAL_CHANGE not in now(town, group).flags
    assert town.view.current.drifts == {}


@pytest.mark.rule("ORD-13", "REC-1")
def test_a_share_that_was_decided_is_booked_by_the_next_process(town: Town) -> None:
    group = opened(town)
    taken(town, "0.5")

    def crash(_name: str, message: object) -> None:
        if type(message).__name__ == "ShareBooked" and not town.is_dead:
            town.kill()
            raise RuntimeError("killed")

    town.on_message = crash
    told(town, ForeignCause.MANUAL, trade("t1", "0.5"))
    assert town.is_dead
    assert held(now(town, group)) == held(group)
    town.on_message = None
    town.start()
    town.system.advance(5_000)
    assert held(now(town, group)) == held(group) - D("0.5")
    told(town, ForeignCause.MANUAL, trade("t1", "0.5"))
    assert held(now(town, group)) == held(group) - D("0.5")
    assert town.rows("SELECT count(*) FROM bookings WHERE booked_time_ms IS NULL") == [(0,)]


@pytest.mark.rule("ORD-13", "ORD-7")
def test_a_position_that_shrinks_without_a_word_is_a_difference_after_two_sweeps(town: Town) -> None:
    group = opened(town)
    taken(town, "0.5")
    town.system.advance(SWEEP_MS + 5_000)
    assert town.view.current.drifts == {}, "the execution may still be told of"
    town.system.advance(2 * SWEEP_MS + 5_000)
    [drift] = town.view.current.drifts.values()
    assert (drift.kind, drift.group_id) == (DriftKind.UNCOVERED, group.group_id)
    told(town, ForeignCause.MANUAL, trade("late", "0.5"), ms=2 * SWEEP_MS)
    assert town.view.current.drifts == {}
    assert held(now(town, group)) == held(group) - D("0.5")


@pytest.mark.rule("PNL-1")
def test_funding_is_shared_by_holdings_and_booked_once(town: Town) -> None:
    groups = [opened(town), opened(town, "4h"), opened(town, "15m")]
    paid(town, "f1", "-1")
    paid(town, "f1", "-1")
    after = [now(town, group) for group in groups]
    assert sum(group.funding for group in after) == D(-1)
    for before, group in zip(groups, after, strict=True):
        assert group.realized - before.realized == group.funding
        assert abs(group.funding + D(1) / 3) < D("1e-17")
    paid(town, "f2", "0.25")
    assert sum(now(town, group).funding for group in groups) == D("-0.75")


@pytest.mark.rule("PNL-1")
def test_funding_of_the_part_that_is_not_ours_is_left_out(town: Town) -> None:
    group = opened(town)
    taken(town, f"-{held(group)}")
    town.system.advance(2 * SWEEP_MS)
    paid(town, "f1", "-1")
    assert now(town, group).funding == D("-0.5")
