"""One evaluation of the risk engine over a thousand live groups, five pyramids of five filled legs each (RISK-9).

The time is from the groups and marks as the engine has them until there is a plan: nothing is kept from one
evaluation to the next. A third of the groups lose enough to be looked at as losers, three winners pay. Every mark has
moved since the last one. Floor is one pass over as many lots. Both are processor time: nothing in there waits.
"""

from __future__ import annotations

import gc
import time
from dataclasses import replace
from decimal import Decimal
from statistics import median, quantiles

from actors.rules import profit
from actors.rules.model import Group, Instrument, Leg, Lot, Order, OrderState, OrderType, Pyramid, Quote, Role, Side
from actors.rules.offset import Member, evaluate
from actors.rules.risk_model import OffsetPlan
from actors.rules.settings import ExecutionSettings, FeeSettings, RiskSettings
from tests.bench.rows import Row, short
from tests.rules import builders, offset_world

NAME = "risk_1000_evaluate"
GROUPS = 1_000
GOAL_MS = 20.0
WARM_UP = 3
PYRAMIDS = LEGS = 5
NOW_MS = builders.NOW_MS
D = Decimal
SETTINGS = RiskSettings()
EXECUTION = ExecutionSettings()
FEES = FeeSettings()


class Hall:
    """So many live groups, each on an instrument of its own."""

    def __init__(self, groups: int) -> None:
        self._groups = [_group(number) for number in range(groups)]

    def quotes(self, turn: int) -> list[Quote]:
        """A third is 6 to 15 % below the average entry of 98, the others are a little above."""
        found = []
        for number in range(len(self._groups)):
            drift = D((turn * 7 + number * 13) % 90) / 10
            price = D(92) - drift if number % 3 == 0 else D(98) + drift * 3 / 4
            found.append(Quote(bid=price, ask=price + D("0.01"), time_ms=NOW_MS))
        return found

    def evaluate(self, quotes: list[Quote]) -> OffsetPlan:
        members = [
            Member(group=group, quote=quote, fees=FEES) for group, quote in zip(self._groups, quotes, strict=True)
        ]
        plans = evaluate(members, settings=SETTINGS, execution=EXECUTION, now_ms=NOW_MS, busy=frozenset())
        assert len(plans) == 1
        return plans[0]

    def lots(self) -> list[Lot]:
        return [lot for group in self._groups for lot in profit.lots(group)]


def row(rounds: int) -> Row:
    hall = Hall(GROUPS)
    lots = hall.lots()
    gc.collect()
    gc.freeze()  # As the daemon does once it is ready.
    taken, floors = [], []
    try:
        for turn in range(rounds + WARM_UP):
            quotes = hall.quotes(turn)
            started = time.thread_time_ns()
            plan = hall.evaluate(quotes)
            taken.append((time.thread_time_ns() - started) / 1e6)
            assert plan.is_sufficient, plan
            floors.append(_floor_ms(lots))
    finally:
        gc.unfreeze()
    taken = taken[WARM_UP:]
    details: dict[str, float] = {"groups": GROUPS, "legs": len(lots) - GROUPS, "evaluations": rounds}
    details |= {"p90": short(quantiles(taken, n=10)[-1]), "most": short(max(taken))}
    return Row(name=NAME, value=median(taken), unit="ms", floor=median(floors), goal=GOAL_MS, details=details)


def _floor_ms(lots: list[Lot]) -> float:
    started = time.thread_time_ns()
    total = D(0)
    for lot in lots:
        total += lot.cost
    assert total > 0
    return (time.thread_time_ns() - started) / 1e6


def _group(number: int) -> Group:
    market = builders.spot(symbol=f"C{number}/USDT", base=f"C{number}", venue_symbol=f"C{number}USDT")
    name = f"{number:012d}"
    pyramids = tuple(_pyramid(index) for index in range(PYRAMIDS))
    orders = {order.client_order_id: order for pyramid in pyramids for order in _orders(name, market, pyramid)}
    return replace(offset_world.group(name, [("1", "98")], market=market), pyramids=pyramids, orders=orders)


def _pyramid(index: int) -> Pyramid:
    """The worked ladder, filled."""
    legs = []
    for number, price in enumerate(("99", "98.5", "98", "97.5", "97")):
        quantity = D(200) / 5 // D(price) + D("0.4")
        lot = Lot(quantity=quantity, cost=quantity * D(price))
        leg = Leg(
            pyramid=index,
            index=number,
            gap_percent=D(number) / 2,
            weight_percent=D(20),
            tp_percent=D(2),
            price=D(price),
            quantity=quantity,
            lot=lot,
            bought_quantity=lot.quantity,
            bought_cost=lot.cost,
        )
        legs.append(leg)
    return Pyramid(
        index=index,
        signal_id=f"s{index}",
        entry_price=D(99),
        capital=D(200),
        legs=tuple(legs),
        create_time_ms=NOW_MS - offset_world.HOUR_MS * 9,
    )


def _orders(name: str, market: Instrument, pyramid: Pyramid) -> list[Order]:
    """A filled entry and a resting target of each leg."""
    made = []
    for leg in pyramid.legs:
        for role in (Role.ENTRY, Role.TAKE_PROFIT):
            is_entry = role is Role.ENTRY
            order = Order(
                client_order_id=f"{name}{pyramid.index}{leg.index}{role}",
                group_id=name,
                account=market.account,
                symbol=market.symbol,
                pyramid=pyramid.index,
                leg=leg.index,
                role=role,
                attempt=1,
                side=Side.LONG.entry if is_entry else Side.LONG.exit,
                type=OrderType.LIMIT,
                price=leg.price,
                quantity=leg.quantity,
                state=OrderState.FILLED if is_entry else OrderState.OPEN,
                trades=(builders.trade(str(leg.quantity), str(leg.price)),) if is_entry else (),
                create_time_ms=NOW_MS - offset_world.HOUR_MS * 9,
                update_time_ms=NOW_MS - offset_world.HOUR_MS * 8,
            )
            made.append(order)
    return made
