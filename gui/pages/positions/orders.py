"""The orders of a group and their fills. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gui.live.topics import Row
from gui.pages.positions import states
from gui.show.codes import in_words
from gui.show.prices import money, places_of, price, whole
from gui.show.times import ms_of, time_cell
from gui.show.words import word
from protos.terrace.v1 import group_pb2 as pb
from protos.terrace.v1 import types_pb2 as t

MAX_ORDERS = 500
"""Orders shown of one group, the newest."""
_LAST_OF_SIDE = {t.ORDER_SIDE_BUY: "buy", t.ORDER_SIDE_SELL: "sell"}


def order_rows(group: pb.Group) -> dict[str, Row]:
    """Rows `o:...`, newest first, each followed by its fills `f:...:...`. Needs the fills."""
    found = sorted(_placed(group), key=lambda each: (ms_of(each[1].create_time), each[1].client_order_id), reverse=True)
    ticks = places_of(text for _, order in found for text in (order.price, order.stop_price))
    steps = places_of(order.quantity for _, order in found)
    rows: dict[str, Row] = {}
    for where, order in found[:MAX_ORDERS]:
        rows[f"o:{order.client_order_id}"] = _order(where, order, ticks, steps)
        for fill in order.fills:
            rows[f"f:{order.client_order_id}:{fill.trade_id}"] = _fill(order, fill, ticks, steps)
    return rows


def _placed(group: pb.Group) -> Iterator[tuple[str, pb.Order]]:
    yield from _at("group", group.orders)
    for pyramid in group.pyramids:
        yield from _at(f"pyramid {pyramid.index}", pyramid.orders)
        for leg in pyramid.legs:
            yield from _at(f"pyramid {pyramid.index} leg {leg.index}", leg.orders)


def _at(where: str, orders: Iterable[pb.Order]) -> Iterator[tuple[str, pb.Order]]:
    for order in orders:
        yield where, order


def _order(where: str, order: pb.Order, ticks: int, steps: int) -> Row:
    text, tone = states.ORDER.get(order.state, states.UNKNOWN)
    kind = word(t.OrderType.Name(order.type), "ORDER_TYPE_")
    return {
        "where": where,
        "role": states.ROLE.get(order.role, ""),
        "side": _LAST_OF_SIDE.get(order.side, ""),
        "type": f"{kind}, reduce only" if order.reduce_only else kind,
        "price": whole(order.price or order.stop_price, ticks),
        "quantity": whole(order.quantity, steps),
        "filled": whole(order.filled_quantity if order.average_price else "", steps),
        "average": price(order.average_price),
        "fee": money(order.fee if order.average_price else ""),
        "state": (text, tone),
        "why": in_words(order.state_reason) if order.state_reason else "",
        "attempt": str(order.attempt),
        "id": order.client_order_id,
        "exchange_id": order.exchange_order_id,
        "created": time_cell(order.create_time),
        "updated": time_cell(order.update_time),
        "fills": str(len(order.fills)),
    }


def _fill(order: pb.Order, fill: pb.Fill, ticks: int, steps: int) -> Row:
    return {
        "of": order.client_order_id,
        "time": time_cell(fill.time),
        "price": whole(fill.price, ticks),
        "quantity": whole(fill.quantity, steps),
        "fee": f"{whole(fill.fee)[0]} {fill.fee_asset}".strip(),
        "role": "maker" if fill.maker else "taker",
        "trade": fill.trade_id,
    }
