"""A group and its parts: columns, values to parameters, rows to values.

The group's row holds what is its own; pyramids, legs, orders and trades are rows of their own (`records.changes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from actors.rules.model import (
    Cut,
    Group,
    GroupState,
    Key,
    Leg,
    Lot,
    Order,
    OrderSide,
    OrderState,
    OrderType,
    Pyramid,
    Role,
    Signal,
    TimeInForce,
    Trade,
)
from actors.rules.money import CONTEXT, ZERO
from actors.rules.records import AddTrade, SaveGroup, SaveLeg, SaveOrder, SavePyramid
from daemon.store.signal_rows import REASONS, SIDES, WORLDS
from daemon.store.statements import Columns
from daemon.store.text import (
    SnapshotTexts,
    json_list,
    json_value,
    number,
    number_or_null,
    read_instrument,
    read_json_list,
    read_json_value,
    read_number_or_null,
    read_settings,
    words,
)

LATE_FILL = "late_fill"
"""The flag of a group that a late fill brought back: the only kind that may stand beside a live one of its key."""

GROUP_STATES = words(GroupState)
ORDER_SIDES = words(OrderSide)
ORDER_STATES = words(OrderState)
ORDER_TYPES = words(OrderType)
ROLES = words(Role)
TIMES_IN_FORCE = words(TimeInForce)

GROUP = Columns.of(
    "position_groups",
    "group_id world account symbol timeframe key_strategy key_source side state instrument settings",
    "slot_token forced signal_id opened_stamp_ms create_time_ms update_time_ms strategy",
    "loose_quantity loose_cost realized fees dust dust_value ignored_pyramids close_reason close_time_ms flags",
    "max_slippage_percent stop_loss take_profit hybrid_hit funding",
    "trails stop_price stop_reason cuts risk_timer_start_ms risk_blocked risk_skip reverse",
    "oversold_quantity oversold_proceeds",
)
SAVED_GROUP = Columns("position_groups", (*GROUP.names, "quote", "late_fill", "invested"))
GROUP_KEPT = ("world", "account", "symbol", "timeframe", "key_strategy", "key_source", "create_time_ms")

PYRAMID = Columns.of("pyramids", "group_id pyramid signal_id entry_price capital create_time_ms watch_hit")
LEG = Columns.of(
    "legs",
    "group_id pyramid leg gap_percent weight_percent tp_percent price quantity market",
    "lot_quantity lot_cost bought_quantity bought_cost sold_quantity sold_proceeds cancel_reason wait_reason",
)
ORDER = Columns.of(
    "orders",
    "client_order_id group_id account symbol pyramid leg role attempt side type time_in_force reduce_only",
    "price trigger_price quantity expected_price state exchange_order_id cancel_requested reason words",
    "create_time_ms update_time_ms filled_quantity filled_notional wanted_price wanted_quantity amend_time_ms",
)
TRADE = Columns.of("fills", "trade_id quantity price fee fee_asset fee_value time_ms maker")
SAVED_TRADE = Columns("fills", ("account", "symbol", "client_order_id", "group_id", *TRADE.names))

_TRAILS = dict[str, Decimal]
_CUTS = tuple[Cut, ...]

_snapshots = SnapshotTexts()


def saved_group(row: SaveGroup) -> tuple[Any, ...]:
    """Parameters in the order of `SAVED_GROUP`."""
    group, key = row.group, row.group.key
    return (
        *(group.group_id, group.world.value, key.account, key.symbol, key.timeframe, key.strategy, key.source),
        *(group.side.value, group.state.value, _snapshots.text(group.instrument), _snapshots.text(group.settings)),
        *(group.slot_token, int(group.forced), group.signal_id, group.opened_stamp_ms),
        *(group.create_time_ms, group.update_time_ms, group.strategy),
        *(number(group.loose.quantity), number(group.loose.cost), number(group.realized), number(group.fees)),
        *(number(group.dust), number(group.dust_value), group.ignored_pyramids),
        *(None if group.close_reason is None else group.close_reason.value, group.close_time_ms),
        json_list(group.flags),
        *(number_or_null(group.max_slippage_percent), number_or_null(group.stop_loss)),
        *(number_or_null(group.take_profit), int(group.hybrid_hit), number(group.funding)),
        json_value(group.trails) if group.trails else "{}",
        *(number_or_null(group.stop_price), None if group.stop_reason is None else group.stop_reason.value),
        *(json_value(group.cuts) if group.cuts else "[]", group.risk_timer_start_ms),
        *(int(group.risk_blocked), int(group.risk_skip), None if group.reverse is None else json_value(group.reverse)),
        *(number(group.oversold.quantity), number(group.oversold.cost)),
        *(group.instrument.quote, int(LATE_FILL in group.flags), invested(group) if group.is_closed else "0"),
    )


def invested(group: Group) -> str:
    """What its entries cost in quote, fees excluded."""
    cost = ZERO
    for leg in group.legs():
        cost = CONTEXT.add(cost, leg.bought_cost)
    return number(cost)


def read_group(row: tuple[Any, ...], pyramids: tuple[Pyramid, ...], orders: Mapping[str, Order]) -> Group:
    """From a row in the order of `GROUP`, and its parts."""
    group_id, world, account, symbol, timeframe, key_strategy, key_source, side, state, instrument, settings = row[:11]
    slot_token, forced, signal_id, opened_stamp_ms, create_time_ms, update_time_ms, strategy = row[11:18]
    loose_quantity, loose_cost, realized, fees, dust, dust_value, ignored_pyramids = row[18:25]
    close_reason, close_time_ms, flags, max_slippage_percent, stop_loss, take_profit, hybrid_hit, funding = row[25:33]
    trails, stop_price, stop_reason, cuts, risk_timer_start_ms, risk_blocked, risk_skip, reverse = row[33:41]
    oversold_quantity, oversold_proceeds = row[41:]
    return Group(
        group_id=group_id,
        world=WORLDS[world],
        key=Key(account=account, symbol=symbol, timeframe=timeframe, strategy=key_strategy, source=key_source),
        side=SIDES[side],
        state=GROUP_STATES[state],
        instrument=read_instrument(instrument),
        settings=read_settings(settings),
        slot_token=slot_token,
        forced=bool(forced),
        signal_id=signal_id,
        opened_stamp_ms=opened_stamp_ms,
        create_time_ms=create_time_ms,
        update_time_ms=update_time_ms,
        strategy=strategy,
        pyramids=pyramids,
        orders=orders,
        loose=Lot(quantity=Decimal(loose_quantity), cost=Decimal(loose_cost)),
        oversold=Lot(quantity=Decimal(oversold_quantity), cost=Decimal(oversold_proceeds)),
        realized=Decimal(realized),
        fees=Decimal(fees),
        funding=Decimal(funding),
        dust=Decimal(dust),
        dust_value=Decimal(dust_value),
        ignored_pyramids=ignored_pyramids,
        close_reason=None if close_reason is None else REASONS[close_reason],
        close_time_ms=close_time_ms,
        flags=read_json_list(flags),
        max_slippage_percent=read_number_or_null(max_slippage_percent),
        stop_loss=read_number_or_null(stop_loss),
        take_profit=read_number_or_null(take_profit),
        hybrid_hit=bool(hybrid_hit),
        trails={} if trails == "{}" else read_json_value(_TRAILS, trails),
        stop_price=read_number_or_null(stop_price),
        stop_reason=None if stop_reason is None else REASONS[stop_reason],
        cuts=() if cuts == "[]" else read_json_value(_CUTS, cuts),
        risk_timer_start_ms=risk_timer_start_ms,
        risk_blocked=bool(risk_blocked),
        risk_skip=bool(risk_skip),
        reverse=None if reverse is None else read_json_value(Signal, reverse),
    )


def saved_pyramid(row: SavePyramid) -> tuple[Any, ...]:
    """Parameters in the order of `PYRAMID`."""
    pyramid = row.pyramid
    return (
        *(row.group_id, pyramid.index, pyramid.signal_id, number(pyramid.entry_price), number(pyramid.capital)),
        *(pyramid.create_time_ms, int(pyramid.watch_hit)),
    )


def read_pyramid(row: tuple[Any, ...], legs: tuple[Leg, ...]) -> Pyramid:
    """From a row in the order of `PYRAMID`, and its legs."""
    _, index, signal_id, entry_price, capital, create_time_ms, watch_hit = row
    return Pyramid(
        index=index,
        signal_id=signal_id,
        entry_price=Decimal(entry_price),
        capital=Decimal(capital),
        legs=legs,
        create_time_ms=create_time_ms,
        watch_hit=bool(watch_hit),
    )


def saved_leg(row: SaveLeg) -> tuple[Any, ...]:
    """Parameters in the order of `LEG`."""
    leg = row.leg
    return (
        *(row.group_id, leg.pyramid, leg.index),
        *(number(leg.gap_percent), number(leg.weight_percent), number(leg.tp_percent)),
        *(number(leg.price), number(leg.quantity), int(leg.market), number(leg.lot.quantity), number(leg.lot.cost)),
        *(number(leg.bought_quantity), number(leg.bought_cost), number(leg.sold_quantity), number(leg.sold_proceeds)),
        None if leg.cancel_reason is None else leg.cancel_reason.value,
        None if leg.wait_reason is None else leg.wait_reason.value,
    )


def read_leg(row: tuple[Any, ...]) -> Leg:
    """From a row in the order of `LEG`."""
    _, pyramid, index, gap_percent, weight_percent, tp_percent, price, quantity, market = row[:9]
    lot_quantity, lot_cost, bought_quantity, bought_cost, sold_quantity, sold_proceeds = row[9:15]
    cancel_reason, wait_reason = row[15:]
    return Leg(
        pyramid=pyramid,
        index=index,
        gap_percent=Decimal(gap_percent),
        weight_percent=Decimal(weight_percent),
        tp_percent=Decimal(tp_percent),
        price=Decimal(price),
        quantity=Decimal(quantity),
        market=bool(market),
        lot=Lot(quantity=Decimal(lot_quantity), cost=Decimal(lot_cost)),
        bought_quantity=Decimal(bought_quantity),
        bought_cost=Decimal(bought_cost),
        sold_quantity=Decimal(sold_quantity),
        sold_proceeds=Decimal(sold_proceeds),
        cancel_reason=None if cancel_reason is None else REASONS[cancel_reason],
        wait_reason=None if wait_reason is None else REASONS[wait_reason],
    )


def saved_order(row: SaveOrder) -> tuple[Any, ...]:
    """Parameters in the order of `ORDER`."""
    order = row.order
    return (
        *(order.client_order_id, order.group_id, order.account, order.symbol, order.pyramid, order.leg),
        *(order.role.value, order.attempt, order.side.value, order.type.value, order.time_in_force.value),
        *(int(order.reduce_only), number_or_null(order.price), number_or_null(order.trigger_price)),
        *(number(order.quantity), number_or_null(order.expected_price), order.state.value, order.exchange_order_id),
        *(int(order.cancel_requested), None if order.reason is None else order.reason.value, order.words),
        *(order.create_time_ms, order.update_time_ms, number(order.filled_quantity), number(order.filled_notional)),
        *(number_or_null(order.wanted_price), number_or_null(order.wanted_quantity), order.amend_time_ms),
    )


def read_order(row: tuple[Any, ...], trades: tuple[Trade, ...]) -> Order:
    """From a row in the order of `ORDER`, and its trades."""
    client_order_id, group_id, account, symbol, pyramid, leg, role, attempt, side, type_, time_in_force = row[:11]
    reduce_only, price, trigger_price, quantity, expected_price, state, exchange_order_id = row[11:18]
    cancel_requested, reason, words_, create_time_ms, update_time_ms, filled_quantity, filled_notional = row[18:25]
    wanted_price, wanted_quantity, amend_time_ms = row[25:]
    return Order(
        client_order_id=client_order_id,
        group_id=group_id,
        account=account,
        symbol=symbol,
        pyramid=pyramid,
        leg=leg,
        role=ROLES[role],
        attempt=attempt,
        side=ORDER_SIDES[side],
        type=ORDER_TYPES[type_],
        time_in_force=TIMES_IN_FORCE[time_in_force],
        reduce_only=bool(reduce_only),
        price=None if price is None else Decimal(price),
        trigger_price=None if trigger_price is None else Decimal(trigger_price),
        quantity=Decimal(quantity),
        expected_price=None if expected_price is None else Decimal(expected_price),
        state=ORDER_STATES[state],
        exchange_order_id=exchange_order_id,
        trades=trades,
        cancel_requested=bool(cancel_requested),
        reason=None if reason is None else REASONS[reason],
        words=words_,
        create_time_ms=create_time_ms,
        update_time_ms=update_time_ms,
        filled_quantity=Decimal(filled_quantity),
        filled_notional=Decimal(filled_notional),
        wanted_price=read_number_or_null(wanted_price),
        wanted_quantity=read_number_or_null(wanted_quantity),
        amend_time_ms=amend_time_ms,
    )


def saved_trade(row: AddTrade) -> tuple[Any, ...]:
    """Parameters in the order of `SAVED_TRADE`."""
    trade = row.trade
    return (
        *(row.account, row.symbol, row.client_order_id, row.group_id, trade.trade_id),
        *(number(trade.quantity), number(trade.price), number(trade.fee), trade.fee_asset, number(trade.fee_value)),
        *(trade.time_ms, int(trade.maker)),
    )


def read_trade(row: tuple[Any, ...]) -> Trade:
    """From a row in the order of `TRADE`."""
    trade_id, quantity, price, fee, fee_asset, fee_value, time_ms, maker = row
    return Trade(
        trade_id=trade_id,
        quantity=Decimal(quantity),
        price=Decimal(price),
        fee=Decimal(fee),
        fee_asset=fee_asset,
        fee_value=Decimal(fee_value),
        time_ms=time_ms,
        maker=bool(maker),
    )
