"""What the page reads once: the form, differences between versions, a version as a file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from control.client import ClientError
from gui.pages.settings.form import form
from gui.pages.settings.said import changes
from gui.verbs import told
from protos.terrace.v1 import config_pb2 as pb

Handler = Callable[[Request], Awaitable[Response]]


def _json(content: object, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


def _safely(handler: Handler) -> Handler:
    """The engine's own words where it says no."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except ClientError as error:
            return _json({"error": told(error)}, 409)

    return answer


def _number(request: Request, name: str) -> int:
    text = request.query_params.get(name, "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0


async def read_form(request: Request) -> Response:
    """Every key with its meaning, what the file says and what is in force."""
    client = request.state.session.caller.client
    described = await client.call(pb.DescribeConfigRequest(), pb.DescribeConfigResponse)
    found = await client.call(pb.GetConfigRequest(expand=True), pb.GetConfigResponse)
    return _json(form(described.keys, found.config))


async def read_difference(request: Request) -> Response:
    """Keys and lines that differ between two versions; 0 is the one in force."""
    client = request.state.session.caller.client
    asked = pb.DiffConfigRequest(from_version=_number(request, "from"), to_version=_number(request, "to"))
    answer = await client.call(asked, pb.DiffConfigResponse)
    return _json({"changes": changes(answer.changes), "text": answer.text})


async def read_file(request: Request) -> Response:
    """A version as YAML, to be kept; secrets in it are references."""
    client = request.state.session.caller.client
    asked = pb.GetConfigRequest(version=_number(request, "version"))
    config = (await client.call(asked, pb.GetConfigResponse)).config
    name = f"terrace-config-{config.version}.yaml"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(config.yaml, media_type="application/yaml; charset=utf-8", headers=headers)


ROUTES = (
    Route("/x/settings/form", _safely(read_form)),
    Route("/x/settings/difference", _safely(read_difference)),
    Route("/x/settings/file", _safely(read_file)),
)
