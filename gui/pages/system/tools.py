"""What an administrator looks at on demand: store, parts and mailboxes, memory, the audit trail; restarting a part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from gui.show.moments import span
from gui.show.numbers import NONE, THIN, number
from gui.show.words import count, word
from gui.verbs import Press, Verb
from protos.terrace.v1 import engine_pb2, maintenance_pb2, record_pb2
from protos.terrace.v1.types_pb2 import PartState

LONG_S = 60.0
MAX_MAILBOXES = 20
MAX_PLACES = 15
MAX_REASON = 200
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def bytes_shown(size: int) -> str:
    """`12.3 MiB`; below 10 of a unit with a tenth, whole numbers otherwise. Integer arithmetic."""
    tenths, unit = max(size, 0) * 10, 0
    while tenths >= 10_240 and unit < len(_UNITS) - 1:
        tenths, unit = tenths // 1024, unit + 1
    whole = unit == 0 or tenths >= 1000
    return f"{number(str(tenths // 10)) if whole else f'{tenths // 10}.{tenths % 10}'}{THIN}{_UNITS[unit]}"


async def check_store(press: Press) -> Mapping[str, Any]:
    """Values: `full` (flag): every page and reference."""
    is_full = press.flag("full")
    request = maintenance_pb2.CheckStoreRequest(full=is_full)
    found = await press.client.call(request, maintenance_pb2.CheckStoreResponse, timeout_s=LONG_S)
    problems = [f"{one.table}: {one.message}" if one.table else one.message for one in found.problems]
    kind = "every page and reference" if is_full else "the quick check"
    said = f"The store is well ({kind})." if found.valid else f"The store has {count(len(problems), 'problem')}."
    return {
        "said": said,
        "valid": found.valid,
        "problems": problems,
        "facts": [
            ["Size", bytes_shown(found.size_bytes)],
            ["Schema", found.schema_version or NONE],
            ["Database", found.engine_version or NONE],
        ],
    }


async def look(press: Press) -> Mapping[str, Any]:
    """Parts, actors, mailboxes, process and disk, out of the diagnostic dump."""
    request = maintenance_pb2.DumpDiagnosticsRequest()
    answer = await press.client.call(request, maintenance_pb2.DumpDiagnosticsResponse, timeout_s=LONG_S)
    return inside(orjson.loads(answer.json))


def inside(dump: Mapping[str, Any]) -> dict[str, Any]:
    """What the page shows of a dump. A part of it that failed or was left out is a dash."""
    actors, process, disk = _map(dump, "actors"), _map(dump, "process"), _map(dump, "disk")
    mailboxes = sorted(_map(actors, "mailboxes").items(), key=lambda item: (-_whole(item[1]), item[0]))
    waiting = sum(_whole(depth) for _, depth in mailboxes)
    down = _map(dump, "engine").get("not_running")
    return {
        "said": f"{count(len(mailboxes), 'actor')}, {count(waiting, 'message')} waiting.",
        "facts": [
            ["Actors", number(str(len(mailboxes)))],
            ["Messages waiting", number(str(waiting))],
            ["Messages to actors that had ended", number(str(_whole(actors.get("tells_dropped"))))],
            ["Threads", _known(process, "threads")],
            ["CPU time", span(int(_whole(process.get("cpu_seconds")))) if process.get("cpu_seconds") else NONE],
            ["Peak memory", _kib(process.get("peak_resident_kib"))],
            ["Open files", _known(process, "open_files")],
            ["Free disk", _free(_map(disk, "data_dir"))],
            ["Python", _known(_map(dump, "versions"), "python")],
            ["System", _known(_map(dump, "versions"), "system")],
        ],
        "kinds": [[kind, number(str(_whole(amount)))] for kind, amount in sorted(_map(actors, "alive").items())],
        "mailboxes": [[name, number(str(_whole(depth)))] for name, depth in mailboxes[:MAX_MAILBOXES] if _whole(depth)],
        "down": [_part(one) for one in down] if isinstance(down, list) else [],
    }


def _part(one: Any) -> dict[str, str]:
    found = one if isinstance(one, Mapping) else {}
    return {key: str(found.get(key) or "") for key in ("key", "state", "error", "since_ms", "restart_ms")}


def _map(tree: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = tree.get(name)
    return found if isinstance(found, Mapping) and "failed" not in found else {}


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, int | float) else 0


def _known(tree: Mapping[str, Any], name: str) -> str:
    found = tree.get(name)
    return NONE if found is None else str(found)


def _kib(value: Any) -> str:
    return bytes_shown(value * 1024) if isinstance(value, int) else NONE


def _free(disk: Mapping[str, Any]) -> str:
    free, total = disk.get("free_bytes"), disk.get("total_bytes")
    return f"{bytes_shown(free)} of {bytes_shown(total)}" if isinstance(free, int) and isinstance(total, int) else NONE


async def restart(press: Press) -> Mapping[str, Any]:
    """Values: `part`, `reason`."""
    request = engine_pb2.RestartPartRequest(
        part=press.text("part"),
        reason=press.text("reason", needed=False)[:MAX_REASON],
        request_id=press.request_id,
        validate_only=press.is_preview,
    )
    part = (await press.client.call(request, engine_pb2.RestartPartResponse)).part
    state = word(PartState.Name(part.state), "PART_STATE_")
    why = f": {part.reason}" if part.reason else ""
    if press.is_preview:
        actors = count(len(part.actors), "actor")
        return {"said": f"{part.part} ({actors}) is {state}{why}. It would be started again from the store."}
    return {"said": f"{part.part} is {state}{why}"}


async def memory(press: Press) -> Mapping[str, Any]:
    request = maintenance_pb2.ProfileMemoryRequest(max_allocations=MAX_PLACES)
    found = await press.client.call(request, maintenance_pb2.ProfileMemoryResponse, timeout_s=LONG_S)
    return {
        "said": f"The daemon holds {bytes_shown(found.resident_bytes)}.",
        "places": [[one.place, bytes_shown(one.size_bytes), number(str(one.count))] for one in found.allocations],
    }


async def audit(press: Press) -> Mapping[str, Any]:
    request = record_pb2.VerifyAuditTrailRequest()
    found = await press.client.call(request, record_pb2.VerifyAuditTrailResponse, timeout_s=LONG_S)
    checked = f"{number(str(found.checked_count))} {'entry' if found.checked_count == 1 else 'entries'} checked"
    if not found.valid:
        return {
            "said": f"The audit trail is broken at entry {found.broken_sequence}: {found.message} ({checked}).",
            "valid": False,
        }
    return {
        "said": f"The audit trail is whole: {checked}.",
        "valid": True,
        "facts": [["Last hash", found.last_hash or NONE]],
    }


RESTART = Verb(method="EngineService/RestartPart", do=restart)
LOOK = Verb(method="MaintenanceService/DumpDiagnostics", do=look)
CHECK_STORE = Verb(method="MaintenanceService/CheckStore", do=check_store)
MEMORY = Verb(method="MaintenanceService/ProfileMemory", do=memory)
AUDIT = Verb(method="RecordService/VerifyAuditTrail", do=audit)
