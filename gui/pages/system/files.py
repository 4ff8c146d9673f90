"""The diagnostic dump as a file."""

from __future__ import annotations

import re
from datetime import UTC
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from control.client import ClientError
from gui.http import json_answer
from gui.verbs import told
from protos.terrace.v1 import maintenance_pb2

LIMIT_S = 60.0


async def diagnostics(request: Request) -> Response:
    """A POST, so that no link elsewhere can make the daemon work; under the login's own token: an admin's."""
    ask = maintenance_pb2.DumpDiagnosticsRequest()
    client = request.state.session.caller.client
    try:
        answer = await client.call(ask, maintenance_pb2.DumpDiagnosticsResponse, timeout_s=LIMIT_S)
    except ClientError as error:
        return json_answer({"error": told(error)}, 403 if error.code == "PERMISSION_DENIED" else 409)
    stamp = answer.create_time.ToDatetime(tzinfo=UTC).strftime("%Y%m%dT%H%M%SZ")
    return attachment(answer.json.encode(), f"terrace-diagnostics-{stamp}.json", "application/json")


def attachment(content: bytes, name: str, media_type: str) -> Response:
    """A file to save; `name` is ours and plain."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    headers = {"content-disposition": f'attachment; filename="{plain}"', "cache-control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)


ROUTES: tuple[Any, ...] = (Route("/x/system/diagnostics", diagnostics, methods=["POST"]),)
