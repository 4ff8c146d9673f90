"""The buttons of a group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from control.client import Invalid
from gui.pages.positions import forecast
from gui.verbs import Press, Verb
from protos.terrace.v1 import group_pb2 as pb
from protos.terrace.v1 import risk_pb2 as risk

Answer = Mapping[str, Any]
DEFAULT_REASON = "blocked in the panel"


async def close(press: Press) -> Answer:
    """Preview: what would be cancelled and closed, and what that would bring at the mark."""
    request = pb.CloseGroupRequest(
        group_id=press.text("group"), request_id=press.request_id, validate_only=press.is_preview
    )
    group = (await press.client.call(request, pb.CloseGroupResponse)).group
    if press.is_preview:
        return _forecast(forecast.closing(group))
    return {"said": f"{_named(group)} is {'closed' if group.HasField('close_time') else 'being closed'}."}


async def reduce(press: Press) -> Answer:
    """By `percent` of what is held or by `quantity` of base. Preview: the engine's own plan of it."""
    percent, quantity = press.text("percent", needed=False), press.text("quantity", needed=False)
    if bool(percent) == bool(quantity):
        raise Invalid("say how much: a percent or a quantity", reason="INVALID_FIELD")
    request = pb.ReduceGroupRequest(
        group_id=press.text("group"), request_id=press.request_id, validate_only=press.is_preview
    )
    if percent:
        request.percent = percent
    else:
        request.quantity = quantity
    group = (await press.client.call(request, pb.ReduceGroupResponse)).group
    if press.is_preview:
        return _forecast(forecast.cutting(group))
    return {"said": f"{_named(group)} is being reduced. {forecast.cutting(group)[0]}"}


async def cancel(press: Press) -> Answer:
    request = pb.CancelEntriesRequest(
        group_id=press.text("group"), request_id=press.request_id, validate_only=press.is_preview
    )
    group = (await press.client.call(request, pb.CancelEntriesResponse)).group
    if press.is_preview:
        return _forecast(forecast.cancelling(group))
    return {"said": f"The open entries of {_named(group)} are being cancelled. What it holds stays."}


async def block(press: Press) -> Answer:
    reason = press.text("reason", needed=False) or DEFAULT_REASON
    request = risk.BlockGroupRequest(group_id=press.text("group"), reason=reason, request_id=press.request_id)
    await press.client.call(request, risk.BlockGroupResponse)
    return {"said": "Blocked: the risk engine takes it neither as loser nor as winner until you unblock it."}


async def unblock(press: Press) -> Answer:
    request = risk.UnblockGroupRequest(group_id=press.text("group"), request_id=press.request_id)
    await press.client.call(request, risk.UnblockGroupResponse)
    return {"said": "Unblocked: the risk engine may take it again."}


async def skip(press: Press) -> Answer:
    request = risk.SkipGroupRequest(group_id=press.text("group"), request_id=press.request_id)
    await press.client.call(request, risk.SkipGroupResponse)
    return {"said": "Skipped: the risk engine passes over it the next time it would be taken, once."}


def _named(group: pb.Group) -> str:
    return f"{group.symbol} {group.timeframe} on {group.account}"


def _forecast(lines: list[str]) -> Answer:
    return {"said": " ".join(lines), "lines": lines}


VERBS: Mapping[str, Verb] = {
    "group-close": Verb(method="GroupService/CloseGroup", do=close),
    "group-reduce": Verb(method="GroupService/ReduceGroup", do=reduce),
    "group-cancel": Verb(method="GroupService/CancelEntries", do=cancel),
    "group-block": Verb(method="RiskService/BlockGroup", do=block),
    "group-unblock": Verb(method="RiskService/UnblockGroup", do=unblock),
    "group-skip": Verb(method="RiskService/SkipGroup", do=skip),
}
