"""Groups that have closed, the last one first: a page of them at a time, for a person who looks for one."""

from __future__ import annotations

from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from starlette.requests import Request
from starlette.responses import Response

from control.client import ClientError
from gui.http import json_answer, world_of
from gui.live.topics import Row
from gui.pages.positions import states
from gui.pages.positions.facts import result_percent
from gui.show.codes import in_words
from gui.show.prices import gain, gain_percent, money, quote_of
from gui.show.times import ms_of, time_cell
from gui.verbs import told
from protos.terrace.v1 import group_pb2 as pb
from protos.terrace.v1 import types_pb2 as t

PAGE_SIZE = 50
MAX_MS_DIGITS = 14
"""Up to the year 5138."""


async def closed_page(request: Request) -> Response:
    """`?symbol=&timeframe=&account=&side=&result=&from=&to=&token=`: rows, and the token of the next page.

    `from` and `to` are milliseconds: closed at the one or later, before the other.
    """
    asked = request.query_params
    wanted = pb.ListGroupsRequest(
        world=world_of(request),
        last_closed_first=True,
        view=pb.GROUP_VIEW_FULL,
        page_size=PAGE_SIZE,
        page_token=asked.get("token", ""),
        symbol=asked.get("symbol", ""),
        timeframe=asked.get("timeframe", ""),
        account=asked.get("account", ""),
        side=chosen(t.Side, asked.get("side", "")),
        result=chosen(pb.GroupResult, asked.get("result", "")),
        close_start_time=moment(asked.get("from", "")),
        close_end_time=moment(asked.get("to", "")),
    )
    try:
        answer = await request.state.session.caller.client.call(wanted, pb.ListGroupsResponse)
    except ClientError as error:
        return json_answer({"error": told(error)}, 409)
    rows = [(group.group_id, closed_row(group)) for group in answer.groups]
    return json_answer({"rows": rows, "next": answer.next_page_token})


def chosen(enum: Any, name: str) -> Any:
    """The value of this name; 0, which is all of them, where there is none."""
    return enum.Value(name) if name in enum.keys() else 0  # noqa: SIM118 - an enum wrapper is no mapping.


def moment(text: str) -> Timestamp | None:
    """Milliseconds as a time; None where it is none."""
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_MS_DIGITS):
        return None
    return Timestamp(seconds=int(text) // 1000, nanos=int(text) % 1000 * 1_000_000)


def closed_row(group: pb.Group) -> Row:
    """One closed group; its legs are needed for what was put in. Pure."""
    duration_ms = ms_of(group.close_time) - ms_of(group.create_time)
    return {
        "pair": group.symbol,
        "timeframe": group.timeframe,
        "side": states.SIDE.get(group.side, ""),
        "account": group.account,
        "strategy": group.strategy,
        "pyramids": states.counted(group.pyramid_count, group.max_pyramids),
        "legs": states.counted(group.legs_filled, group.legs_total),
        "realized": gain(group.realized_pnl),
        "percent": gain_percent(result_percent(group)),
        "fees": money(group.fees),
        "quote": quote_of(group.symbol),
        "why": in_words(group.close_reason),
        "opened": time_cell(group.create_time),
        "closed": time_cell(group.close_time),
        "duration": ("", "", str(duration_ms)),
        "notes": states.notes(group),
    }
