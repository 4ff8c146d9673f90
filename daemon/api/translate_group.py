"""A position group as a message, with everything that is derived for people: averages, targets, profit, states.

Quantities inside the engine are in the instrument's own unit (contracts on swaps); here they are base.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from actors.rules import profit, risk_timer, states, takeprofit
from actors.rules.choices import TpMode
from actors.rules.model import Cut, Group, Instrument, Leg, Lot, Order, Pyramid, Quote, Role, Trade
from actors.rules.money import CONTEXT, ZERO, round_cost
from actors.rules.position_close import UNFILLED_TIMEFRAMES
from actors.rules.reserve import planned, reserved
from actors.rules.settings import FeeSettings, RiskSettings
from actors.rules.timeframes import timeframe_s
from daemon.api.translate import (
    GROUP_STATE,
    LEG_STATE,
    MARKET,
    ORDER_SIDE,
    ORDER_STATE,
    ORDER_TYPE,
    ROLE,
    SIDE,
    TIME_IN_FORCE,
    TP_MODE,
    WORLD,
    code,
    decimal,
    optional_timestamp,
    reason,
    timestamp,
)
from protos.terrace.v1 import group_pb2


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """How much of a group is shown."""

    parts: bool = True
    """Pyramids, legs and orders."""
    fills: bool = False


BASIC, FULL, WHOLE = Detail(parts=False), Detail(), Detail(fills=True)


def group(value: Group, quote: Quote | None, fees: FeeSettings, detail: Detail, risk: RiskSettings) -> group_pb2.Group:
    """`quote` is a fresh one or None; `fees` are what the account charges, for targets net of fees; `risk` is in force
    now and says how long the risk timer runs.

    What a closed group still holds is its dust, which stands apart in `dust` and `dust_value`: a closed group has no
    quantity, nothing invested, and no unrealised profit that moves with the price.
    """
    size = value.instrument.contract_size
    held = profit.held(value)
    position = ZERO if value.is_closed else held
    message = group_pb2.Group(
        group_id=value.group_id,
        account=value.account,
        symbol=value.symbol,
        timeframe=value.key.timeframe,
        side=SIDE[value.side],
        state=GROUP_STATE[value.state],
        close_reason=reason(value.close_reason),
        tp_mode=TP_MODE[value.settings.tp_mode],
        pyramid_count=len(value.pyramids),
        max_pyramids=value.settings.max_pyramids,
        legs_filled=states.legs_filled(value),
        legs_total=len(value.legs()),
        quantity=decimal(position * size),
        average_entry=decimal(profit.average_entry(profit.lots(value), size) if position else None),
        invested=decimal(ZERO if value.is_closed else profit.invested(value)),
        mark_price=decimal(quote.mid) if quote is not None else "",
        realized_pnl=decimal(value.realized),
        fees=decimal(value.fees),
        funding=decimal(value.funding),
        dust=decimal(value.dust * size),
        dust_value=decimal(value.dust_value),
        create_time=timestamp(value.create_time_ms),
        update_time=timestamp(value.update_time_ms),
        close_time=optional_timestamp(value.close_time_ms),
        world=WORLD[value.world],
        market=MARKET[value.instrument.market],
        strategy=value.strategy,
        source=value.key.source,
        opening_signal_id=value.signal_id,
        ignored_pyramid_count=value.ignored_pyramids,
        forced=value.forced,
        flags=[code(flag) for flag in value.flags],
        stop_price=decimal(value.stop_price),
        stop_reason=reason(value.stop_reason),
        cuts=[_cut(each, size) for each in value.cuts],
        risk_timer_expire_time=optional_timestamp(_risk_expiry_ms(value, risk)),
        blocked=value.risk_blocked,
        skipped=value.risk_skip,
        pending_reverse_signal_id="" if value.reverse is None or value.is_closed else value.reverse.signal_id,
        tp_price=decimal(_aggregate_target(value, fees)),
        planned_capital=decimal(planned(value)),
        reserved_capital=decimal(reserved(value)),
        unfilled_expire_time=optional_timestamp(_unfilled_expiry_ms(value)),
        state_reason=reason(value.close_reason),
    )
    if position:
        message.unrealized_pnl = decimal(profit.unrealized(value, quote))
        message.unrealized_pnl_percent = decimal(_rounded(profit.unrealized_percent(value, quote)))
    else:
        message.unrealized_pnl = "0"
    if detail.parts:
        _put_parts(message, value, fees, detail)
    return message


def _put_parts(message: group_pb2.Group, value: Group, fees: FeeSettings, detail: Detail) -> None:
    by_place: dict[tuple[int | None, int | None], list[group_pb2.Order]] = {}
    for each in value.orders.values():
        shown = order(each, value.instrument, fills=detail.fills)
        by_place.setdefault((each.pyramid, each.leg), []).append(shown)
    message.orders.extend(by_place.pop((None, None), ()))
    for pyramid in value.pyramids:
        message.pyramids.append(_pyramid(value, pyramid, fees, by_place))


def _pyramid(
    value: Group,
    pyramid: Pyramid,
    fees: FeeSettings,
    by_place: dict[tuple[int | None, int | None], list[group_pb2.Order]],
) -> group_pb2.Pyramid:
    size = value.instrument.contract_size
    lots = [leg.lot for leg in pyramid.legs]
    return group_pb2.Pyramid(
        index=pyramid.index,
        entry_price=decimal(pyramid.entry_price),
        legs=[_leg(value, leg, fees, by_place.get((pyramid.index, leg.index), [])) for leg in pyramid.legs],
        orders=by_place.get((pyramid.index, None), []),
        signal_id=pyramid.signal_id,
        capital=decimal(pyramid.capital),
        quantity=decimal(sum((lot.quantity for lot in lots), ZERO) * size),
        average_entry=decimal(profit.average_entry(lots, size)),
        tp_price=decimal(_pyramid_target(value, pyramid, fees)),
        create_time=timestamp(pyramid.create_time_ms),
    )


def _leg(value: Group, leg: Leg, fees: FeeSettings, orders: list[group_pb2.Order]) -> group_pb2.Leg:
    size = value.instrument.contract_size
    bought = Lot(quantity=leg.bought_quantity, cost=leg.bought_cost)
    state_reason = "" if leg.cancel_reason is None else reason(leg.cancel_reason)
    words = next((each.words for each in reversed(list(value.orders.values())) if _is_refused_entry(each, leg)), "")
    return group_pb2.Leg(
        index=leg.index,
        gap_percent=decimal(leg.gap_percent),
        weight_percent=decimal(leg.weight_percent),
        tp_percent=decimal(leg.tp_percent),
        price=decimal(leg.price),
        quantity=decimal(leg.quantity * size),
        filled_quantity=decimal(leg.bought_quantity * size),
        average_fill_price=decimal(profit.average_entry([bought], size)),
        tp_price=decimal(states.leg_tp_price(value, leg, fees)),
        state=LEG_STATE[states.leg_state(value, leg)],
        orders=orders,
        state_reason=f"{state_reason}: {words}" if state_reason and words else state_reason,
        wait_reason=reason(leg.wait_reason),
        closed_quantity=decimal(leg.sold_quantity * size),
        realized_pnl=decimal(_leg_realized(value, leg)),
    )


def _is_refused_entry(order: Order, leg: Leg) -> bool:
    return order.role is Role.ENTRY and bool(order.words) and (order.pyramid, order.leg) == (leg.pyramid, leg.index)


def _leg_realized(value: Group, leg: Leg) -> Decimal:
    """What the leg's sales brought over the average cost of what was received, less the fees of its own orders."""
    fees, gone = ZERO, ZERO
    for each in states.orders_of_leg(value, leg):
        for trade in each.trades:
            fees += profit.fee_in_quote(trade, value.instrument)
            if each.role is Role.ENTRY:
                gone += profit.base_fee(trade, value.instrument)
    average = CONTEXT.divide(leg.bought_cost, leg.bought_quantity) if leg.bought_quantity > gone else ZERO
    earned = profit.realized(value.side, leg.sold_proceeds, average * leg.sold_quantity)
    return round_cost(earned - fees)


def order(value: Order, instrument: Instrument, *, fills: bool) -> group_pb2.Order:
    size = instrument.contract_size
    average = CONTEXT.divide(value.filled_notional, value.filled_quantity * size) if value.filled_quantity else None
    fee = sum((profit.fee_in_quote(trade, instrument) for trade in value.trades), ZERO)
    words = reason(value.reason)
    return group_pb2.Order(
        client_order_id=value.client_order_id,
        exchange_order_id=value.exchange_order_id,
        role=ROLE[value.role],
        side=ORDER_SIDE[value.side],
        type=ORDER_TYPE[value.type],
        price=decimal(value.price),
        quantity=decimal(value.quantity * size),
        filled_quantity=decimal(value.filled_quantity * size),
        average_price=decimal(average),
        fee=decimal(fee),
        state=ORDER_STATE[value.state],
        state_reason=": ".join(part for part in (words, value.words) if part),
        time_in_force=TIME_IN_FORCE[value.time_in_force],
        reduce_only=value.reduce_only,
        stop_price=decimal(value.trigger_price),
        attempt=value.attempt,
        create_time=timestamp(value.create_time_ms),
        update_time=timestamp(value.update_time_ms),
        fills=[_fill(trade, size) for trade in value.trades] if fills else [],
    )


def _fill(trade: Trade, contract_size: Decimal) -> group_pb2.Fill:
    return group_pb2.Fill(
        trade_id=trade.trade_id,
        price=decimal(trade.price),
        quantity=decimal(trade.quantity * contract_size),
        fee=decimal(trade.fee),
        fee_asset=trade.fee_asset,
        maker=trade.maker,
        time=timestamp(trade.time_ms),
    )


def _cut(value: Cut, contract_size: Decimal) -> group_pb2.Cut:
    return group_pb2.Cut(
        cut_id=value.cut_id,
        reason=reason(value.reason),
        quantity=decimal(value.quantity * contract_size),
        whole=value.is_whole,
        sold_quantity=decimal(value.sold * contract_size),
        realized_pnl=decimal(value.realized),
        state=code(value.state.value),
        stop_reason=reason(value.stop_reason),
        create_time=timestamp(value.create_time_ms),
        end_time=optional_timestamp(value.end_time_ms),
        parts=[
            group_pb2.CutPart(pyramid=part.pyramid, leg=part.leg, quantity=decimal(part.quantity * contract_size))
            for part in value.parts
        ],
    )


def _risk_expiry_ms(value: Group, risk: RiskSettings) -> int | None:
    """None: its timer has not started."""
    return None if value.risk_timer_start_ms is None else risk_timer.expire_ms(value.risk_timer_start_ms, risk)


def _aggregate_target(value: Group, fees: FeeSettings) -> Decimal | None:
    """The target of the whole, where the mode has one."""
    if value.is_closed or value.settings.tp_mode not in (TpMode.AGGREGATE, TpMode.HYBRID):
        return None
    target = takeprofit.aggregate(value, fees)
    return None if target is None else target.price


def _pyramid_target(value: Group, pyramid: Pyramid, fees: FeeSettings) -> Decimal | None:
    if value.settings.tp_mode is not TpMode.PYRAMID_AGGREGATE:
        return None
    targets = (target for target in takeprofit.targets(value, fees) if target.pyramid == pyramid.index)
    return next((target.price for target in targets), None)


def _unfilled_expiry_ms(value: Group) -> int | None:
    """When a group closes that nothing has filled of (GRP-7); None: never, or something has."""
    if value.is_closed or any(leg.bought_quantity for leg in value.legs()):
        return None
    ttl_s = value.settings.unfilled_group_ttl_s
    if ttl_s == 0:
        return None
    if ttl_s is None:
        ttl_s = UNFILLED_TIMEFRAMES * timeframe_s(value.key.timeframe)
    return value.create_time_ms + ttl_s * 1000


def _rounded(percent: Decimal | None) -> Decimal | None:
    """A percentage for people, six places."""
    return None if percent is None else percent.quantize(Decimal("0.000001"))
