"""What `status` and `watch` show: the engine of one world, its groups, its queue, its alerts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from control.errors import ClientError, Invalid, NotFound
from control.printer import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from control.session import Session
    from protos.terrace.v1 import engine_pb2, group_pb2, queue_pb2, record_pb2, types_pb2

WORLDS = ("WORLD_PAPER", "WORLD_TESTNET", "WORLD_LIVE")
MAX_GROUPS = 500
MAX_QUEUED = 100
MAX_ALERTS = 50
STORE_FAILED = "STORE_FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """One world at one moment. The lists are cut at their limits; the status has the full counts."""

    status: engine_pb2.Status
    groups: Sequence[group_pb2.Group]
    queued: Sequence[queue_pb2.QueuedSignal]
    alerts: Sequence[record_pb2.Alert]

    def plain(self) -> dict[str, Any]:
        return {
            "status": plain(self.status),
            "groups": [plain(group) for group in self.groups],
            "queued_signals": [plain(entry) for entry in self.queued],
            "alerts": [plain(alert) for alert in self.alerts],
        }


def fetch(run: Session, world: str, *, full: bool) -> Overview:
    """The world's overview; `full`: groups with pyramids and legs. Raises ClientError."""
    from protos.terrace.v1 import engine_pb2, group_pb2, queue_pb2

    status = run.call(engine_pb2.GetStatusRequest(world=world), engine_pb2.GetStatusResponse).status
    chosen = status.world
    view = group_pb2.GROUP_VIEW_FULL if full else group_pb2.GROUP_VIEW_BASIC
    groups = run.pages(
        group_pb2.ListGroupsRequest(world=chosen, view=view),
        group_pb2.ListGroupsResponse,
        limit=MAX_GROUPS,
        page_size=100,
    ).groups
    queued = run.call(
        queue_pb2.ListQueuedSignalsRequest(world=chosen, page_size=MAX_QUEUED), queue_pb2.ListQueuedSignalsResponse
    ).queued_signals
    return Overview(status=status, groups=groups, queued=queued, alerts=_alerts(run, chosen))


def _alerts(run: Session, world: types_pb2.World) -> Sequence[record_pb2.Alert]:
    """None while the store cannot be read: the status says so, and counts them."""
    from protos.terrace.v1 import record_pb2

    request = record_pb2.ListAlertsRequest(world=world, page_size=MAX_ALERTS, states=["ALERT_STATE_ACTIVE"])
    try:
        return run.call(request, record_pb2.ListAlertsResponse).alerts
    except ClientError as error:
        if error.reason != STORE_FAILED:
            raise
        return ()


def fetch_all(run: Session) -> list[Overview]:
    """Every configured world. Raises ClientError."""
    from protos.terrace.v1 import engine_pb2 as pb

    try:
        return [fetch(run, "WORLD_UNSPECIFIED", full=False)]
    except Invalid:
        pass  # Several worlds are configured: each has to be named.
    found = []
    for world in WORLDS:
        try:
            run.call(pb.GetStatusRequest(world=world), pb.GetStatusResponse)
        except (Invalid, NotFound):
            continue
        found.append(fetch(run, world, full=False))
    return found
