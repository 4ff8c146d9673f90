"""The engine as its API shows it, kept as plain values, and what must not have become worse after a switch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from control.errors import ClientError, Invalid, NotFound
from control.overview import WORLDS

if TYPE_CHECKING:
    from control.session import Session
    from protos.terrace.v1 import engine_pb2, group_pb2

MAX_GROUPS = 20_000
MAX_NAMED = 5
PAGE = 200
COIN_FEE = Decimal("0.01")
"""What of an execution may be taken in coins as a fee, so that a group holds that much less than it bought."""
RUNNING = "RUNNING"
READY = "READY"
PAUSED = "PAUSED"
CLOSED = "CLOSED"
ENTRY = "ENTRY"


def look(run: Session) -> dict[str, Any]:
    """Of all worlds. Raises ClientError where the daemon does not answer."""
    from control.printer import word

    found: dict[str, Any] = {
        "version": "",
        "states": {},
        "accounts": {},
        "degraded": {},
        "critical": {},
        "groups": {},
        "queued": 0,
    }
    for status in _statuses(run):
        world = word(status, "world")
        found["version"] = status.version
        found["states"][world] = word(status, "state").upper()
        found["queued"] += status.queued_signals
        found["accounts"] |= {one.account: word(one, "state").upper() for one in status.accounts}
        found["degraded"] |= _degraded(status)
        found["critical"] |= _critical(run, status)
        found["groups"] |= {group.group_id: plain_group(group) for group in _groups(run, status)}
    return found


def _statuses(run: Session) -> Iterator[engine_pb2.Status]:
    from protos.terrace.v1 import engine_pb2 as pb

    try:
        yield run.call(pb.GetStatusRequest(), pb.GetStatusResponse).status
        return
    except Invalid:
        pass  # Several worlds are configured: each has to be named.
    for world in WORLDS:
        try:
            yield run.call(pb.GetStatusRequest(world=world), pb.GetStatusResponse).status
        except (Invalid, NotFound):
            continue


def _degraded(status: engine_pb2.Status) -> dict[str, str]:
    if status.degraded:
        return {f"{one.code} {one.subject}".strip(): one.message for one in status.degraded}
    return {words: words for words in status.degradations}  # All that an older one tells.


def _critical(run: Session, status: engine_pb2.Status) -> dict[str, str]:
    from control.printer import word
    from protos.terrace.v1 import record_pb2 as pb

    request = pb.ListAlertsRequest(
        world=status.world, page_size=PAGE, states=["ALERT_STATE_ACTIVE"], min_severity="SEVERITY_CRITICAL"
    )
    try:
        alerts = run.call(request, pb.ListAlertsResponse).alerts
    except ClientError:
        return {}  # The state of the engine says so by itself.
    return {
        f"{alert.type} {alert.account}{alert.symbol}": alert.message
        for alert in alerts
        if word(alert, "severity").upper() == "CRITICAL"
    }


def _groups(run: Session, status: engine_pb2.Status) -> Iterable[group_pb2.Group]:
    from protos.terrace.v1 import group_pb2 as pb

    request = pb.ListGroupsRequest(world=status.world, view=pb.GROUP_VIEW_FULL)
    return run.pages(request, pb.ListGroupsResponse, limit=MAX_GROUPS, page_size=PAGE).groups


def one_group(run: Session, group_id: str) -> dict[str, Any] | None:
    """Also a closed one; None: there is none of that name."""
    from protos.terrace.v1 import group_pb2 as pb

    try:
        return plain_group(run.call(pb.GetGroupRequest(group_id=group_id), pb.GetGroupResponse).group)
    except NotFound:
        return None


def plain_group(group: group_pb2.Group) -> dict[str, Any]:
    from control.printer import word

    orders = [*group.orders]
    for pyramid in group.pyramids:
        orders += [*pyramid.orders, *(order for leg in pyramid.legs for order in leg.orders)]
    return {
        "key": f"{group.account} {group.symbol} {group.timeframe}",
        "side": word(group, "side"),
        "state": word(group, "state").upper(),
        "quantity": group.quantity,
        "orders": {one.client_order_id: [word(one, "role").upper(), one.filled_quantity or "0"] for one in orders},
    }


# --- comparing: pure ------------------------------------------------------------------------------


def worse(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What is not as well as it was, in words. Groups are another question (`group_faults`)."""
    found = []
    for world, state in before["states"].items():
        other = now["states"].get(world, "")
        if state in (RUNNING, PAUSED) and other not in (state, RUNNING):
            found.append(f"the engine ({world}) is {other or 'not there'}, it was {state}")
    for account, state in before["accounts"].items():
        other = now["accounts"].get(account, "")
        if state in (READY, PAUSED) and other not in (state, READY):
            found.append(f"account {account} is {other or 'not there'}, it was {state}")
    for kind in ("degraded", "critical"):
        new = [words for name, words in now[kind].items() if name not in before[kind]]
        found += new[:MAX_NAMED]
    return found


def is_under_way(now: Mapping[str, Any]) -> bool:
    """Whether it still loads, or compares accounts with their exchanges."""
    return "RECOVERING" in now["states"].values() or "RECONCILING" in now["accounts"].values()


def group_faults(name: str, before: Mapping[str, Any], now: Mapping[str, Any] | None) -> list[str]:
    """What became of a group that no execution explains."""
    label = f"group {name} ({before['key']})"
    if now is None:
        return [f"{label} is gone"]
    if (now["key"], now["side"]) != (before["key"], before["side"]):
        return [f"{label} has become {now['key']} {now['side']}"]
    lost = [order for order in before["orders"] if order not in now["orders"]]
    if lost:
        return [f"{label} has lost its order {lost[0]}"]
    executed = [
        (role, Decimal(filled) - Decimal(before["orders"].get(order, [role, "0"])[1]))
        for order, (role, filled) in now["orders"].items()
    ]
    if any(more < 0 for _, more in executed):
        return [f"{label} has forgotten executions"]
    change = sum((more if role == ENTRY else -more for role, more in executed), Decimal(0))
    moved = sum((more for _, more in executed), Decimal(0))
    expected, held = Decimal(before["quantity"] or 0) + change, Decimal(now["quantity"] or 0)
    if now["state"] != CLOSED and abs(held - expected) > moved * COIN_FEE:
        return [f"{label} holds {held:f}; by its executions it should be {expected:f}"]
    return []
