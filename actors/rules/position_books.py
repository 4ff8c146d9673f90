"""What executions do to the books of a group: lots, cost, fees, realised profit (PNL-1, PRC-5).

Invariants:
1. A trade is counted once; the caller makes sure by its id (ORD-5).
2. Change of quote = realised - cost of what is held, to the last decimal, for any sequence of trades (PNL-2).
3. No lot is ever negative. What was sold beyond everything held is booked as profit without cost, remembered, flagged
   `oversold` and alerted. An entry heard of later goes there first, so that nothing is claimed that is gone:
   held - oversold = bought - sold, whatever order executions are heard in.
4. An exit takes first from what its order is for, then from the loose remainder, then from the other legs. A cut's
   takes from the cut's legs, in its order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal

from actors.rules import profit
from actors.rules.model import Leg, Lot, Order, Role, Trade
from actors.rules.money import CONTEXT, ZERO
from actors.rules.position_cut_books import active, count_sale, is_cut_order, part_lots
from actors.rules.position_desk import Desk

OVERSOLD = "oversold"

_QUANTUM = Decimal("1e-18")
"""Shares of a pro-rata split are cut here; the rest goes to the last lots that have room."""


def count_trade(desk: Desk, order: Order, trade: Trade) -> None:
    """Books one new execution of an order of the group."""
    desk.fees += profit.fee_in_quote(trade, desk.instrument)
    if order.role is Role.ENTRY:
        _enter(desk, order, trade)
    else:
        realized, lots = desk.realized, part_lots(desk)
        _leave(desk, order, trade)
        count_sale(desk, trade.quantity, desk.realized - realized, lots)


def _enter(desk: Desk, order: Order, trade: Trade) -> None:
    leg = desk.leg_at((order.pyramid, order.leg))
    built = profit.build(leg.lot, trade, desk.instrument)
    desk.realized += built.realized
    desk.put_leg(
        replace(
            leg,
            lot=built.lot,
            bought_quantity=leg.bought_quantity + trade.quantity,
            bought_cost=leg.bought_cost + _value(desk, trade, trade.quantity),
        )
    )
    if desk.oversold.quantity:
        _cover(desk, leg.pyramid, leg.index)


def _cover(desk: Desk, pyramid: int, index: int) -> None:
    """What an entry brought in was sold already, as far as more was sold than was known to be held."""
    leg = desk.leg_at((pyramid, index))
    quantity = min(desk.oversold.quantity, leg.lot.quantity)
    taken, sold = profit.take(leg.lot, quantity), profit.take(desk.oversold, quantity)
    desk.oversold = sold.lot
    desk.realized += profit.realized(desk.side, ZERO, taken.cost)
    desk.put_leg(
        replace(
            leg,
            lot=taken.lot,
            sold_quantity=leg.sold_quantity + quantity,
            sold_proceeds=leg.sold_proceeds + sold.cost,
        )
    )
    if not desk.oversold.quantity:
        desk.flag(OVERSOLD, False)
        desk.note("group.covered", "all that was sold had been bought: an entry was heard of later")


def _leave(desk: Desk, order: Order, trade: Trade) -> None:
    """A fee in the coin itself left the lots besides what was sold, so it is taken with its cost, not subtracted. As
    far as the lots cannot cover that fee, coins of somebody else have paid it: that part is subtracted at its value.
    """
    base_fee = profit.base_fee(trade, desk.instrument)
    proceeds = _value(desk, trade, trade.quantity)
    left, cost = trade.quantity + base_fee, ZERO
    for pot, most in _pots(desk, order):
        if left <= 0:
            break
        taken, pot_cost = _take(desk, pot, left if most is None else min(left, most), trade)
        left -= taken
        cost += pot_cost
    uncovered_fee = min(left, max(base_fee, ZERO))
    fee = _value(desk, trade, uncovered_fee) if base_fee else profit.fee_in_quote(trade, desk.instrument)
    desk.realized += profit.realized(desk.side, proceeds, cost) - fee
    oversold = left - uncovered_fee
    if oversold > 0:
        more = Lot(quantity=oversold, cost=_value(desk, trade, oversold))
        desk.oversold = Lot(quantity=desk.oversold.quantity + more.quantity, cost=desk.oversold.cost + more.cost)
        desk.flag(OVERSOLD)
        desk.alert(
            "group.oversold", f"{oversold} more was sold than the group held ({trade.trade_id})", "error", order=order
        )


def _value(desk: Desk, trade: Trade, quantity: Decimal) -> Decimal:
    return trade.price * quantity * desk.instrument.contract_size


_Source = Leg | None
"""A leg whose lot is taken from; None is the group's loose remainder."""


def _pots(desk: Desk, order: Order) -> Iterator[tuple[list[_Source], Decimal | None]]:
    """Where an exit takes from, in turn, and how much at most. Within a pot it takes pro rata. Lots are read when a
    pot's turn comes.
    """
    pyramid, index = order.pyramid, order.leg
    if pyramid is None:
        yield [*(leg for leg in desk.legs() if leg.lot.quantity), None], None
        return
    cut = active(desk)
    if cut is not None and is_cut_order(order):
        for part in cut.parts:
            yield [desk.leg_at((part.pyramid, part.leg))], part.quantity
        yield [None], None
    own = [leg for leg in desk.legs() if leg.pyramid == pyramid and index in (None, leg.index)]
    yield list(own), None
    yield [None], None
    names = {(leg.pyramid, leg.index) for leg in own}
    for leg in list(desk.legs()):
        if (leg.pyramid, leg.index) not in names:
            yield [leg], None


def _take(desk: Desk, pot: list[_Source], wanted: Decimal, trade: Trade) -> tuple[Decimal, Decimal]:
    """Takes up to `wanted` from a pot; what was taken, and its cost."""
    lots = [desk.loose if source is None else source.lot for source in pot]
    shares = split(wanted, [lot.quantity for lot in lots])
    cost = ZERO
    for source, lot, share in zip(pot, lots, shares, strict=True):
        if share:
            taken = profit.take(lot, share)
            cost += taken.cost
            _put(desk, source, taken.lot, share, trade)
    return sum(shares, ZERO), cost


def _put(desk: Desk, source: _Source, lot: Lot, share: Decimal, trade: Trade) -> None:
    if source is None:
        desk.loose = lot
        return
    desk.put_leg(
        replace(
            source,
            lot=lot,
            sold_quantity=source.sold_quantity + share,
            sold_proceeds=source.sold_proceeds + _value(desk, trade, share),
        )
    )


def split(wanted: Decimal, rooms: list[Decimal]) -> list[Decimal]:
    """Shares of `wanted` in proportion to the rooms, none over its room, together exactly min(wanted, all rooms).

    Shares are cut at 18 places; the remainder goes to the last, and on to the ones before where it does not fit.
    """
    total = sum(rooms, ZERO)
    if wanted >= total:
        return list(rooms)
    if len(rooms) == 1:
        return [wanted]
    shares = [
        min(room, CONTEXT.divide(CONTEXT.multiply(wanted, room), total).quantize(_QUANTUM, ROUND_DOWN, CONTEXT))
        for room in rooms
    ]
    rest = wanted - sum(shares, ZERO)
    for index in range(len(rooms) - 1, -1, -1):
        more = min(rest, rooms[index] - shares[index])
        shares[index] += more
        rest -= more
    return shares


def move_to_loose(desk: Desk, leg: Leg) -> None:
    """What is left of a finished leg joins the group's loose remainder, quantity and cost (PRC-6)."""
    lot = leg.lot
    desk.loose = Lot(quantity=desk.loose.quantity + lot.quantity, cost=desk.loose.cost + lot.cost)
    desk.put_leg(replace(leg, lot=Lot()))
