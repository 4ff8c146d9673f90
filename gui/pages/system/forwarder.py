"""The forwarder, asked itself: it runs while the daemon is down, and may be down while the daemon runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gui.http import json_answer
from gui.pages.system.tools import bytes_shown
from gui.panel import Panel
from gui.show.moments import span
from gui.show.numbers import NONE, number

LIMIT_S = 2.0
MAX_BYTES = 256 * 1024
MAX_ATTEMPTS = 10
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}
"""Listens on every address: this machine reaches it on its own."""


async def show(request: Request) -> Response:
    """How it stands now; a forwarder that does not answer is an answer too."""
    panel: Panel = request.app.state.panel
    address = panel.options.webhook
    try:
        found = await asyncio.to_thread(_ask, address)
    except (OSError, ValueError, HTTPException) as fault:
        return json_answer(silent(address, f"{type(fault).__name__}: {fault}".rstrip(": ")))
    return json_answer(shown(address, found))


def _ask(address: str) -> Mapping[str, Any]:
    host, _, port = address.rpartition(":")
    host = _EVERYWHERE.get(host, host).strip("[]")
    connection = HTTPConnection(host or "127.0.0.1", int(port), timeout=LIMIT_S)
    try:
        connection.request("GET", "/healthz")
        found = orjson.loads(connection.getresponse().read(MAX_BYTES))
    finally:
        connection.close()
    if not isinstance(found, Mapping):
        raise ValueError("it is not a forwarder of Terrace")
    return found


def silent(address: str, why: str) -> dict[str, Any]:
    return {
        "status": ["does not answer", "bad"],
        "reason": f"nothing answers at {address} ({why}): alerts sent now are lost, or sent again by their sender",
        "remedy": "Start it: terrace forward, or terrace up for all of it. If it runs elsewhere, look at it there.",
        "facts": [["Address", address]],
        "attempts": [],
    }


def shown(address: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """Its own words, with figures for a person."""
    status = str(found.get("status") or "not known")
    waiting, oldest, kept = (_whole(found.get(name)) for name in ("spool_length", "oldest_age_s", "refused_kept"))
    reachable = found.get("daemon_reachable") is True
    remedies = {
        "failed": "Look at its log and the disk of its data directory: alerts are answered 503 until this is mended.",
        "degraded": "Alerts are kept in its spool and delivered when the daemon is back.",
    }
    attempts = found.get("attempts")
    return {
        "status": [status, {"ok": "good", "degraded": "warn"}.get(status, "bad")],
        "reason": str(found.get("reason") or ""),
        "remedy": remedies.get(status, ""),
        "facts": [
            ["Address", address],
            ["Daemon", ["reachable", "good"] if reachable else ["not reachable", "bad"]],
            ["Alerts in the spool", [number(str(waiting)), "warn" if waiting else ""]],
            ["Oldest of them", span(oldest) if waiting else NONE],
            ["Spool on disk", bytes_shown(_whole(found.get("spool_bytes")))],
            ["Refused by the daemon, kept", [number(str(kept)), "warn" if kept else ""]],
        ],
        "attempts": [_attempt(one) for one in attempts[:MAX_ATTEMPTS]] if isinstance(attempts, list) else [],
    }


def _attempt(one: Any) -> dict[str, str]:
    found = one if isinstance(one, Mapping) else {}
    return {key: str(found.get(key, "")) for key in ("source", "address", "attempts", "last")}


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, int | float) else 0


ROUTES = (Route("/x/system/forwarder", show),)
