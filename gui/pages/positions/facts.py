"""What a group is as a whole: the figures beside its ladder. Pure."""

from __future__ import annotations

from decimal import Decimal

from gui.live.topics import Cell, Row
from gui.pages.positions import states
from gui.pages.positions.rows import row_of
from gui.show.codes import in_words
from gui.show.numbers import THIN
from gui.show.prices import base_of, exact, gain, gain_percent, money, percent, price, progress, whole
from gui.show.times import time_cell
from gui.show.words import word
from protos.terrace.v1 import group_pb2 as pb
from protos.terrace.v1 import types_pb2 as t


def facts_of(group: pb.Group) -> Row:
    """Everything that is not about one leg."""
    symbol = group.symbol
    return {
        **row_of(group),
        "base": base_of(symbol),
        "world": word(t.World.Name(group.world), "WORLD_"),
        "market": word(t.Market.Name(group.market), "MARKET_"),
        "source": group.source,
        "reserved": money(group.reserved_capital),
        "fees": money(group.fees),
        "funding": gain(group.funding) if group.market == t.MARKET_SWAP else "",
        "dust": _dust(group),
        "target": price(group.tp_price),
        "progress": progress_cell(group.average_entry, mark_of(group), group.tp_price),
        "stop": price(group.stop_price if not group.HasField("close_time") else ""),
        "stop_kind": _stop_kind(group),
        "liquidation": price(group.liquidation_price),
        "liquidation_distance": percent(_rounded(group.liquidation_distance_percent)),
        "ignored": str(group.ignored_pyramid_count or ""),
        "why_closed": in_words(group.close_reason),
        "closed": time_cell(group.close_time),
        "updated": time_cell(group.update_time),
        "risk_timer": time_cell(group.risk_timer_expire_time),
        "unfilled_until": time_cell(group.unfilled_expire_time),
        "signal": group.opening_signal_id,
        "reverse_signal": group.pending_reverse_signal_id,
        "config_version": str(group.config_version or ""),
        "blocked": "yes" if group.blocked else "",
        "skipped": "yes" if group.skipped else "",
        "result": gain_percent(result_percent(group)),
        "bought": whole(_bought(group)),
        "open_entries": str(len(open_entries(group))),
        **(dict.fromkeys(_OF_LIVE_ONES, "") if group.state == t.GROUP_STATE_CLOSED else {}),
    }


_OF_LIVE_ONES = ("mark", "percent", "pnl", "progress", "target", "reserved", "liquidation", "liquidation_distance")
"""What today's price makes of a group. One that has closed is not concerned by it."""


def mark_of(group: pb.Group) -> str:
    """The mark its targets are measured by; none once it has closed, since the price went on without it."""
    return "" if group.state == t.GROUP_STATE_CLOSED else group.mark_price


def result_percent(group: pb.Group) -> str:
    """Realised profit in percent of all that was put in, as statistics count it; empty where nothing ever filled."""
    cost = cost_of(group)
    realized = exact(group.realized_pnl)
    if not cost or realized is None:
        return ""
    return f"{(realized / cost * 100).quantize(Decimal('0.000001')):f}"


def cost_of(group: pb.Group) -> Decimal:
    """Quote that was put in by the entries that filled. Needs the legs."""
    return sum(
        (
            (exact(leg.filled_quantity) or Decimal(0)) * (exact(leg.average_fill_price) or Decimal(0))
            for pyramid in group.pyramids
            for leg in pyramid.legs
        ),
        Decimal(0),
    )


def open_entries(group: pb.Group) -> list[pb.Order]:
    """Entry orders that may still fill."""
    return [order for order in all_orders(group) if order.role == t.ORDER_ROLE_ENTRY and is_open(order)]


def all_orders(group: pb.Group) -> list[pb.Order]:
    """Those of the group, of its pyramids, of their legs."""
    found = [*group.orders]
    for pyramid in group.pyramids:
        found += pyramid.orders
        for leg in pyramid.legs:
            found += leg.orders
    return found


def is_open(order: pb.Order) -> bool:
    return order.state in states.OPEN_ORDERS


def progress_cell(start: str, now: str, target: str) -> Cell:
    """`62.1 %` of the way to the target."""
    found = progress(exact(start), exact(now), exact(target))
    if found is None:
        return "\N{EN DASH}", "dim", ""
    text = f"{found:f}"
    return text.replace("-", "\N{MINUS SIGN}") + f"{THIN}%", "gain" if found > 0 else "loss" if found < 0 else "", text


def _bought(group: pb.Group) -> str:
    found = sum((exact(leg.filled_quantity) or Decimal(0) for p in group.pyramids for leg in p.legs), Decimal(0))
    return f"{found:f}" if found else ""


def _dust(group: pb.Group) -> Cell:
    if not exact(group.dust):
        return ""
    shown = f"{whole(group.dust)[0]} {base_of(group.symbol)}"
    return f"{shown}, worth {money(group.dust_value)[0]}" if group.dust_value else shown


def _stop_kind(group: pb.Group) -> str:
    """`trailing stop, rests at the exchange`."""
    if not group.stop_price or group.HasField("close_time"):
        return ""
    rests = any(order.role == t.ORDER_ROLE_STOP and is_open(order) for order in all_orders(group))
    kind = in_words(group.stop_reason) if group.stop_reason else "stop"
    return f"{kind}, {'rests at the exchange' if rests else 'watched by Terrace'}"


def _rounded(text: str) -> str:
    value = exact(text)
    return "" if value is None else f"{value.quantize(Decimal('0.01')):f}"
