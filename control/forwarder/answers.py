"""Answers over HTTP, all of them JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

SERVER = "terrace"
"""Instead of the names and versions of what it is made of."""


def answer(
    status: int, values: Mapping[str, Any], *, retry_after_s: int = 0, close: bool = False, allow: str = ""
) -> web.Response:
    response = web.Response(
        status=status, body=json.dumps(values).encode() + b"\n", content_type="application/json", charset="utf-8"
    )
    response.headers["Server"] = SERVER
    if retry_after_s:
        response.headers["Retry-After"] = str(retry_after_s)
    if allow:
        response.headers["Allow"] = allow
    if close:
        response.force_close()
    return response
