"""First steps: the webhook's address, the message for TradingView, and the secret for whoever may have it."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from control.client import ConfigFault, ConfigFile, SecretFault, read_config, read_source_secret
from gui.http import json_answer
from gui.pages.dashboard.message import KINDS, REQUIRED, body, field_map
from gui.panel import Panel

_LOG = logging.getLogger("terrace.panel")
MAX_SOURCES = 20
MAX_BODY_BYTES = 4096
ADMIN = "ADMIN"


async def show(request: Request) -> Response:
    """What a newcomer needs, without any secret."""
    panel: Panel = request.app.state.panel
    try:
        config = await asyncio.to_thread(_config, panel)
    except ConfigFault as fault:
        return _fault("CONFIG_UNREADABLE", str(fault), "Mend the file; terrace config validate names its faults.", 409)
    sources = list(config.section("sources"))[:MAX_SOURCES] or ["tradingview"]
    return json_answer(
        {
            "sources": [_source(panel, config, name) for name in sources],
            "may_have_secret": request.state.session.caller.role == ADMIN,
            "place": _place(panel.options.webhook.rpartition(":")[0].strip("[]")),
        }
    )


def _place(host: str) -> str:
    """What is to be said of the webhook's address; empty for one that others may reach as it is."""
    if host in ("127.0.0.1", "::1", "localhost"):
        return (
            "This address is on this machine only. TradingView needs one it can reach, on port 80 or 443: "
            "put an HTTPS proxy before the forwarder and use its name here."
        )
    if host in ("", "0.0.0.0", "::"):
        return "The forwarder listens on every address of this machine: put its public name here."
    return ""


async def secret(request: Request) -> Response:
    """The message with the secret in it, for an administrator who copies it. The log says who did."""
    if request.state.session.caller.role != ADMIN:
        return _fault(
            "PERMISSION_DENIED", "only an administrator may have the secret", "Log in with an admin's token.", 403
        )
    asked = await _body(request)
    source, kind = str(asked.get("source", "")), str(asked.get("kind", ""))
    if kind not in KINDS:
        return _fault("INVALID_FIELD", "there is no such message", "", 422)
    panel: Panel = request.app.state.panel
    try:
        config = await asyncio.to_thread(_config, panel)
        found = await asyncio.to_thread(read_source_secret, config, source)
    except (ConfigFault, SecretFault) as fault:
        remedy = "It lies on the machine the forwarder runs on: copy the message and put it in there."
        return _fault("SECRET_UNREADABLE", str(fault), remedy, 409)
    _LOG.warning("the secret of source %s was handed to %s", source, request.state.session.caller.name)
    text, _ = body(source, kind, field_map(config, source), found)
    return json_answer({"message": text})


def _source(panel: Panel, config: ConfigFile, name: str) -> dict[str, Any]:
    mapped = field_map(config, name)
    messages = {}
    unclear: set[str] = set()
    for kind in KINDS:
        messages[kind], left_out = body(name, kind, mapped)
        unclear.update(left_out)
    reference = config.text(f"sources.{name}.secret", f"file:secrets/{name}")
    return {
        "name": name,
        "url": f"http://{panel.options.webhook}/hook/{name}",
        "messages": messages,
        "mapped": bool(mapped),
        "unclear": sorted(unclear, key=lambda field: (field not in REQUIRED, field)),
        "secret_at": _where(reference),
        "rule": [f"{field}: {expression}" for field, expression in mapped.items() if field in unclear],
    }


def _where(reference: str) -> str:
    """Where the secret is, for a person: never what it is."""
    kind, _, name = reference.partition(":")
    if kind == "file":
        return f"the file {name}" + ("" if name.startswith(("/", "~")) else " of the data directory")
    words = {
        "env": f"the environment variable {name}",
        "systemd": f"the credential {name} of systemd",
        "keyring": f"the keyring, as {name}",
    }
    return words.get(kind, "the place the configuration names")


def _config(panel: Panel) -> ConfigFile:
    return read_config(panel.options.config_file or None)


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    try:
        found = orjson.loads(raw) if len(raw) <= MAX_BODY_BYTES else {}
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _fault(reason: str, message: str, remedy: str, status: int) -> Response:
    return json_answer({"error": {"reason": reason, "message": message, "remedy": remedy}}, status)


ROUTES = (
    Route("/x/dashboard/first", show),
    Route("/x/dashboard/secret", secret, methods=["POST"]),
)
