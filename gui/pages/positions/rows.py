"""One line of the table for each live group. Pure."""

from __future__ import annotations

from gui.live.topics import Row
from gui.pages.positions import states
from gui.show.prices import gain, gain_percent, money, price, quote_of, whole
from gui.show.times import time_cell
from protos.terrace.v1 import group_pb2 as pb


def row_of(group: pb.Group) -> Row:
    """What is known without pyramids and orders. Amounts are in the pair's quote currency."""
    symbol = group.symbol
    return {
        "pair": symbol,
        "timeframe": group.timeframe,
        "side": states.SIDE.get(group.side, ""),
        "account": group.account,
        "strategy": group.strategy,
        "state": states.group_state(group),
        "pyramids": states.counted(group.pyramid_count, group.max_pyramids),
        "legs": states.counted(group.legs_filled, group.legs_total),
        "quantity": whole(group.quantity if group.quantity != "0" else ""),
        "entry": price(group.average_entry),
        "mark": price(group.mark_price),
        "percent": gain_percent(group.unrealized_pnl_percent),
        "pnl": gain(group.unrealized_pnl if group.average_entry else ""),
        "invested": money(group.invested if group.average_entry else ""),
        "planned": money(group.planned_capital),
        "realized": gain(group.realized_pnl),
        "quote": quote_of(symbol),
        "mode": states.MODE.get(group.tp_mode, ""),
        "opened": time_cell(group.create_time),
        "notes": states.notes(group),
    }
