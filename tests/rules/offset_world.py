"""Groups for tests of offsets: what they hold is said, nothing is traded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from actors.rules.choices import World
from actors.rules.model import Group, GroupState, Instrument, Key, Leg, Lot, Pyramid, Quote, Side
from actors.rules.offset import Member, evaluate, plan
from actors.rules.risk_model import OffsetPlan
from actors.rules.settings import ExecutionSettings, FeeSettings, RiskSettings, StrategySettings
from tests.rules.builders import NOW_MS, D, spot

HOUR_MS = 3_600_000
NO_FEES = FeeSettings(maker_percent=D(0), taker_percent=D(0))
FREE = RiskSettings(min_close_notional=D(0))
"""The shipped settings, but any winner's close is large enough."""
EXECUTION = ExecutionSettings()
Held = tuple[str, str] | tuple[str, str, str]
"""Quantity, average price and, if it matters, target per cent of one leg."""


def instrument(symbol: str = "BTC/USDT", step: str = "0.1", **changes: Any) -> Instrument:
    """A spot market that takes any value; tick 0.01, least quantity one step."""
    base, quote = symbol.split("/")
    made = spot(symbol=symbol, base=base, quote=quote, step_size=D(step), min_quantity=D(step), min_notional=D(0))
    return replace(made, **changes)


def group(
    name: str,
    *pyramids: Sequence[Held],
    market: Instrument | None = None,
    side: Side = Side.LONG,
    max_pyramids: int | None = None,
    loose: tuple[str, str] = ("0", "0"),
    age_h: int = 10,
    **changes: Any,
) -> Group:
    """One that holds these legs, by pyramid; all its pyramids are there and its timer ran out long ago."""
    market = market or instrument()
    made = Group(
        group_id=name,
        world=World.PAPER,
        key=Key(account=market.account, symbol=market.symbol, timeframe="1h"),
        side=side,
        state=GroupState.ACTIVE,
        instrument=market,
        settings=StrategySettings(max_pyramids=max_pyramids or max(len(pyramids), 1)),
        slot_token=name,
        forced=False,
        signal_id=name,
        opened_stamp_ms=NOW_MS - age_h * HOUR_MS,
        create_time_ms=NOW_MS - age_h * HOUR_MS,
        update_time_ms=NOW_MS,
        pyramids=tuple(_pyramid(index, legs, market) for index, legs in enumerate(pyramids)),
        loose=_lot(*loose, market),
        risk_timer_start_ms=NOW_MS - 2 * HOUR_MS,
    )
    return replace(made, **changes)


def _lot(quantity: str, price: str, market: Instrument) -> Lot:
    return Lot(quantity=D(quantity), cost=D(quantity) * D(price) * market.contract_size)


def _pyramid(index: int, legs: Sequence[Held], market: Instrument) -> Pyramid:
    return Pyramid(
        index=index,
        signal_id=f"s{index}",
        entry_price=D(legs[0][1]),
        capital=D(1000),
        legs=tuple(_leg(index, number, held, market) for number, held in enumerate(legs)),
        create_time_ms=NOW_MS,
    )


def _leg(pyramid: int, index: int, held: Held, market: Instrument) -> Leg:
    lot = _lot(held[0], held[1], market)
    return Leg(
        pyramid=pyramid,
        index=index,
        gap_percent=D(0),
        weight_percent=D(20),
        tp_percent=D(held[2]) if len(held) == 3 else D(1),
        price=D(held[1]),
        quantity=lot.quantity,
        lot=lot,
        bought_quantity=lot.quantity,
        bought_cost=lot.cost,
    )


def member(group: Group, price: str | None, *, ask: str | None = None, fee: str = "0", time_ms: int = NOW_MS) -> Member:
    """The group at this price (bid, and ask if that is not said); None: there is no price."""
    quote = None if price is None else Quote(bid=D(price), ask=D(ask or price), time_ms=time_ms)
    return Member(group=group, quote=quote, fees=FeeSettings(maker_percent=D(fee), taker_percent=D(fee)))


def one(name: str, quantity: str, cost: str, price: str, *, fee: str = "0", **changes: Any) -> Member:
    """One leg of so much at an average price, now at another."""
    return member(group(name, [(quantity, cost)], **changes), price, fee=fee)


def planned(
    loser: Member,
    *others: Member,
    settings: RiskSettings = FREE,
    execution: ExecutionSettings = EXECUTION,
    **flags: Any,
) -> OffsetPlan:
    return plan(loser, others, settings=settings, execution=execution, now_ms=NOW_MS, **flags)


def evaluated(
    *members: Member,
    settings: RiskSettings = FREE,
    execution: ExecutionSettings = EXECUTION,
    busy: frozenset[str] = frozenset(),
) -> tuple[OffsetPlan, ...]:
    return evaluate(members, settings=settings, execution=execution, now_ms=NOW_MS, busy=busy)


def sold(found: OffsetPlan) -> list[tuple[str, Decimal, Decimal]]:
    """Id, quantity and profit of each winner."""
    return [(winner.group_id, winner.quantity, winner.expected_profit) for winner in found.winners]
