"""Pause, resume, lift a limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gui.show.words import count
from gui.verbs import Press, Verb
from protos.terrace.v1 import engine_pb2

MAX_REASON = 200


async def pause(press: Press) -> Mapping[str, Any]:
    """Values: `cancel_entries` (flag), `reason`."""
    cancels = press.flag("cancel_entries")
    request = engine_pb2.PauseEngineRequest(
        cancel_entries=cancels,
        world=press.world,
        reason=press.text("reason", needed=False)[:MAX_REASON],
        request_id=press.request_id,
        validate_only=press.is_preview,
    )
    status = (await press.client.call(request, engine_pb2.PauseEngineResponse)).status
    live = count(status.live_groups, "live group")
    entries = "Open entry orders are cancelled." if cancels else "Open entry orders stay and may still fill."
    if press.is_preview:
        return {
            "said": f"New entries wait in the queue until somebody resumes. {entries} Exits, targets and stops of "
            f"{live} work on.",
        }
    return {"said": f"Paused: new entries wait. {entries}"}


async def resume(press: Press) -> Mapping[str, Any]:
    """Values: `account`, where one is paused by itself; else the world is resumed."""
    account = press.text("account", needed=False)
    request = engine_pb2.ResumeEngineRequest(
        accounts=[account] if account else [],
        world=press.world,
        request_id=press.request_id,
        validate_only=press.is_preview,
    )
    status = (await press.client.call(request, engine_pb2.ResumeEngineResponse)).status
    waiting = count(status.queued_signals, "queued signal")
    of_account = f" for {account}" if account else ""
    if press.is_preview:
        return {"said": f"New entries are taken again{of_account}; {waiting} may open as soon as the pool has room."}
    return {"said": f"Resumed: new entries are taken{of_account}; {waiting} waiting."}


async def lift(press: Press) -> Mapping[str, Any]:
    """Values: `reason`."""
    request = engine_pb2.LiftLimitRequest(
        world=press.world,
        reason=press.text("reason", needed=False)[:MAX_REASON],
        request_id=press.request_id,
        validate_only=press.is_preview,
    )
    status = (await press.client.call(request, engine_pb2.LiftLimitResponse)).status
    if press.is_preview:
        return {"said": "The limit's state ends and new entries are taken again. The next breach sets it anew."}
    left = status.limit_reason
    return {"said": f"Lifted, but another limit holds: {left}" if left else "Lifted: new entries are taken again."}


PAUSE = Verb(method="EngineService/PauseEngine", do=pause)
RESUME = Verb(method="EngineService/ResumeEngine", do=resume)
LIFT = Verb(method="EngineService/LiftLimit", do=lift)
