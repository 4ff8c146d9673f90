"""What a button would do, in sentences, before it is pressed. Pure.

Results are what the mark says: fees of the close and slippage come off, and that is said.
"""

from __future__ import annotations

from decimal import Decimal

from gui.pages.positions.facts import all_orders, is_open, open_entries
from gui.pages.positions.ladder import part_words
from gui.show.prices import base_of, exact, gain, gain_percent, money, price, quote_of, whole
from gui.show.words import count
from protos.terrace.v1 import group_pb2 as pb
from protos.terrace.v1 import types_pb2 as t

NO_MARK = "There is no fresh price: what it would bring is not known."
COSTS = "at the mark, before the fees of the close and slippage"
ZERO = Decimal(0)


def closing(group: pb.Group) -> list[str]:
    """Of a whole close."""
    if group.state in (t.GROUP_STATE_CLOSING, t.GROUP_STATE_CLOSED):
        return [f"It is {'closed' if group.state == t.GROUP_STATE_CLOSED else 'being closed'} already."]
    lines = [_cancelled(group)]
    if not group.average_entry:
        return [*lines, "It holds nothing: it closes at zero."]
    lines.append(f"{_verb(group)} all {_base(group, group.quantity)}{_at_mark(group)}.")
    if group.unrealized_pnl:
        result, share = gain(group.unrealized_pnl)[0], gain_percent(group.unrealized_pnl_percent)[0]
        lines.append(f"Expected: {result} {quote_of(group.symbol)} ({share} of invested), {COSTS}.")
    else:
        lines.append(NO_MARK)
    if exact(group.realized_pnl):
        lines.append(f"Realised so far: {gain(group.realized_pnl)[0]} {quote_of(group.symbol)}.")
    return lines


def cutting(group: pb.Group) -> list[str]:
    """Of a reduce, from the group's newest cut, which the engine planned."""
    if not group.cuts:
        return ["A part of it is closed."]
    cut = group.cuts[-1]
    if cut.whole:
        return [
            f"{_verb(group)} all {_base(group, cut.quantity)}: what would stay could not be sold.",
            _cancelled(group),
        ]
    lines = [f"{_verb(group)} {_base(group, cut.quantity)} of {_base(group, group.quantity)}{_at_mark(group)}."]
    if cut.parts:
        lines.append("From the farthest target inward: " + ", ".join(part_words(part) for part in cut.parts) + ".")
    else:
        lines.append("It begins when the cut that runs has ended.")
    result = _result(group, cut)
    if result is not None:
        lines.append(f"Expected: {gain(f'{result:f}')[0]} {quote_of(group.symbol)}, {COSTS}.")
    elif not group.mark_price:
        lines.append(NO_MARK)
    return [*lines, "The slot and the other targets stay."]


def cancelling(group: pb.Group) -> list[str]:
    """Of cancelling the entries."""
    entries = open_entries(group)
    if not entries:
        return ["No entry is open: there is nothing to cancel."]
    freed = sum((_left(order) * _limit(order, group) for order in entries), ZERO)
    lines = [f"Cancels {count(len(entries), 'open entry', 'open entries')}, worth {_quote(group, freed)}."]
    if group.average_entry:
        return [*lines, f"It keeps {_base(group, group.quantity)} with its targets and stop."]
    return [*lines, "It holds nothing, so it closes at zero."]


def _cancelled(group: pb.Group) -> str:
    open_now = [order for order in all_orders(group) if is_open(order)]
    entries = sum(1 for order in open_now if order.role == t.ORDER_ROLE_ENTRY)
    others = len(open_now) - entries
    parts = [count(entries, "open entry", "open entries")] if entries else []
    parts += [count(others, "target or stop", "targets and stops")] if others else []
    return f"Cancels {' and '.join(parts)}." if parts else "No order of it is open."


def _result(group: pb.Group, cut: pb.Cut) -> Decimal | None:
    """Profit of the parts at the mark, each against the average of its own leg."""
    mark = exact(group.mark_price)
    if mark is None or not cut.parts:
        return None
    averages = {(p.index, leg.index): exact(leg.average_fill_price) for p in group.pyramids for leg in p.legs}
    total = ZERO
    for part in cut.parts:
        average = averages.get((part.pyramid, part.leg))
        if average is None:
            return None
        total += (mark - average) * (exact(part.quantity) or ZERO)
    return -total if group.side == t.SIDE_SHORT else total


def _left(order: pb.Order) -> Decimal:
    return (exact(order.quantity) or ZERO) - (exact(order.filled_quantity) or ZERO)


def _limit(order: pb.Order, group: pb.Group) -> Decimal:
    return exact(order.price) or exact(group.mark_price) or ZERO


def _verb(group: pb.Group) -> str:
    return "Buys back" if group.side == t.SIDE_SHORT else "Sells"


def _base(group: pb.Group, quantity: str) -> str:
    return f"{whole(quantity)[0]} {base_of(group.symbol)}"


def _quote(group: pb.Group, amount: Decimal) -> str:
    return f"{money(f'{amount:f}')[0]} {quote_of(group.symbol)}"


def _at_mark(group: pb.Group) -> str:
    return f", mark {price(group.mark_price)[0]}" if group.mark_price else ""
