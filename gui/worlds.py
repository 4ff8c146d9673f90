"""The daemon's state in every world that is configured."""

from __future__ import annotations

from control.client import Client, Invalid, NotFound
from protos.terrace.v1.engine_pb2 import GetStatusRequest, GetStatusResponse, Status
from protos.terrace.v1.types_pb2 import World


def statuses(client: Client) -> list[Status]:
    """Of each world, in their own order. Raises ClientError."""
    try:
        return [client.call(GetStatusRequest(), GetStatusResponse).status]
    except Invalid:
        pass  # Several worlds are configured: each has to be named.
    found = []
    for world in World.keys()[1:]:
        try:
            found.append(client.call(GetStatusRequest(world=world), GetStatusResponse).status)
        except (Invalid, NotFound):
            continue
    return found
