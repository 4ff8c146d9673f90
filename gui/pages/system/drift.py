"""Differences between exchange and store, and what to do about each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from control.client import Invalid
from gui.live.topics import Reading, Snapshot, Topic
from gui.show.numbers import NONE
from gui.show.times import time_cell
from gui.show.words import word
from gui.verbs import Press, Verb
from protos.terrace.v1 import account_pb2

MAX_SHOWN = 100
EVERY_MS = 5000
RESOLUTIONS = {
    "adopt": account_pb2.DRIFT_RESOLUTION_ADOPT,
    "ignore": account_pb2.DRIFT_RESOLUTION_IGNORE,
    "flatten": account_pb2.DRIFT_RESOLUTION_FLATTEN,
}
DONE = {
    "adopt": "taken into the books",
    "ignore": "left alone",
    "flatten": "closed or cancelled at the exchange",
}


async def read_drift(reading: Reading) -> Snapshot:
    """Open ones, newest first. Raises ClientError."""
    request = account_pb2.ListDriftRequest(page_size=MAX_SHOWN)
    found = (await reading.client.call(request, account_pb2.ListDriftResponse)).drifts
    return {
        one.drift_id: {
            "time": time_cell(one.create_time),
            "account": one.account,
            "symbol": one.symbol or NONE,
            "what": word(account_pb2.DriftKind.Name(one.kind), "DRIFT_KIND_"),
            "expected": one.expected or NONE,
            "actual": one.actual or NONE,
            "message": one.message,
            "group": one.group_id,
        }
        for one in found
    }


async def resolve(press: Press) -> Mapping[str, Any]:
    """Values: `drift_id`, `resolution`, and `group_id` where an adopted order or quantity needs one."""
    how = press.text("resolution")
    if how not in RESOLUTIONS:
        raise Invalid("a difference is adopted, ignored or flattened", reason="INVALID_FIELD")
    request = account_pb2.ResolveDriftRequest(
        drift_id=press.text("drift_id"),
        resolution=RESOLUTIONS[how],
        group_id=press.text("group_id", needed=False),
        request_id=press.request_id,
        validate_only=press.is_preview,
    )
    drift = (await press.client.call(request, account_pb2.ResolveDriftResponse)).drift
    verb = "would be" if press.is_preview else "was"
    return {"said": f"{drift.message or drift.drift_id}: {verb} {DONE[how]}."}


DRIFT = Topic(name="drift", read=read_drift, every_ms=EVERY_MS)
RESOLVE_DRIFT = Verb(method="AccountService/ResolveDrift", do=resolve)
