"""What the page asks the daemon for, again and again."""

from __future__ import annotations

from gui.live.topics import Reading, Snapshot
from gui.pages.positions.facts import facts_of
from gui.pages.positions.ladder import ladder_rows
from gui.pages.positions.orders import order_rows
from gui.pages.positions.rows import row_of
from protos.terrace.v1 import group_pb2 as pb

PAGE_SIZE = 1000
MAX_GROUPS = 5000
"""Live groups on the page; the pool is far smaller."""


async def read_groups(reading: Reading) -> Snapshot:
    """Every group that is not closed, newest first. Raises ClientError."""
    rows = {}
    token = ""
    while True:
        request = pb.ListGroupsRequest(
            world=reading.world, view=pb.GROUP_VIEW_BASIC, page_size=PAGE_SIZE, page_token=token
        )
        answer = await reading.client.call(request, pb.ListGroupsResponse)
        rows.update({group.group_id: row_of(group) for group in answer.groups})
        token = answer.next_page_token
        if not token or len(rows) >= MAX_GROUPS:
            return rows


async def read_group(reading: Reading) -> Snapshot:
    """One group: its facts in the row ``, then pyramids, legs and cuts. Raises ClientError."""
    group = await _group(reading)
    return {"": facts_of(group), **ladder_rows(group)}


async def read_orders(reading: Reading) -> Snapshot:
    """Its orders, newest first, with their fills. Raises ClientError."""
    return order_rows(await _group(reading))


async def _group(reading: Reading) -> pb.Group:
    request = pb.GetGroupRequest(group_id=reading.argument)
    return (await reading.client.call(request, pb.GetGroupResponse)).group
