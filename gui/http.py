"""The panel's own HTTP: login, the stream of each tab, the polls in its place, and presses of buttons."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import orjson
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from control.client import AioClient, ClientError, Invalid, NotPermitted
from gui.guard import COOKIE
from gui.live.stream import MAX_TABS, MAX_TABS_OF_CALLER, Tab
from gui.panel import Panel
from gui.show.ways import answer_in_panel
from gui.verbs import Press, Verb, told
from protos.terrace.v1 import engine_pb2
from protos.terrace.v1.types_pb2 import World

_LOG = logging.getLogger("terrace.panel")
STATIC = Path(__file__).parent / "static"
MAX_PRESS_BYTES = 512 * 1024
MAX_DEPTH = 32
"""Of maps and lists in each other."""
ANSWER_S = 2.0
"""How long a page waits for what it can do without."""


def json_answer(content: Any, status: int = 200) -> Response:
    """JSON that no cache keeps."""
    return Response(orjson.dumps(content), status, media_type="application/json", headers={"cache-control": "no-store"})


def world_of(request: Request) -> str:
    """The world a page is about; the only one configured where it names none."""
    world = request.query_params.get("world", "")
    return world if world in World.keys() else "WORLD_UNSPECIFIED"  # noqa: SIM118 - an enum wrapper is no mapping.


async def worlds_of(client: AioClient) -> list[str]:
    """The worlds configured, e.g. `WORLD_PAPER`; empty while the daemon does not say."""
    for world in (World.WORLD_UNSPECIFIED, World.WORLD_PAPER, World.WORLD_TESTNET, World.WORLD_LIVE):
        request = engine_pb2.GetStatusRequest(world=world)
        try:
            status = (await client.call(request, engine_pb2.GetStatusResponse, timeout_s=ANSWER_S)).status
        except Invalid:  # Several are configured, or not this one.
            continue
        except ClientError:
            break
        return [World.Name(one) for one in status.worlds]
    return []


class Doors:
    """Handlers of the panel's own routes."""

    def __init__(self, panel: Panel, verbs: Mapping[str, Verb]) -> None:
        self._panel = panel
        self._verbs = verbs
        self._tabs: dict[str, tuple[str, Tab]] = {}
        """Open streams by number, with the login they belong to."""

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/healthz", self.healthz),
            Route("/static/terrace/{path:path}", self.static),
            Route("/live", self.live),
            Route("/live/want", self.want, methods=["POST"]),
            Route("/live/poll", self.poll),
            Route("/me", self.me),
            Route("/seen", self.seen, methods=["POST"]),
            Route("/act/{verb}", self.act, methods=["POST"]),
        ]

    async def healthz(self, _request: Request) -> Response:
        return json_answer({"panel": "up", "logins": len(self._panel.sessions), "tabs": len(self._tabs)})

    async def static(self, request: Request) -> Response:
        path = (STATIC / request.path_params["path"]).resolve()
        if not path.is_relative_to(STATIC) or not path.is_file():
            return json_answer({"error": {"reason": "NOT_FOUND", "message": "there is nothing here"}}, 404)
        answer = FileResponse(path, headers={"cache-control": "no-cache"}, stat_result=path.stat())
        if request.headers.get("if-none-match", "") == answer.headers["etag"]:
            return Response(None, 304, {"etag": answer.headers["etag"], "cache-control": "no-cache"})
        return answer

    async def me(self, request: Request) -> Response:
        """Who is logged in and what may be pressed."""
        session = request.state.session
        may = [name for name, verb in self._verbs.items() if verb.method in session.caller.methods]
        return json_answer(
            {
                "name": session.caller.name,
                "role": session.caller.role,
                "may": may,
                "worlds": await worlds_of(session.caller.client),
                "guard": session.guard,
                "refresh_ms": self._panel.options.refresh_ms,
            }
        )

    async def seen(self, _request: Request) -> Response:
        """Somebody moved in the page; the guard has noted it."""
        return json_answer({})

    async def live(self, request: Request) -> Response:
        session = request.state.session
        own = sum(tab.caller is session.caller for _, tab in self._tabs.values())
        if len(self._tabs) >= MAX_TABS or own >= MAX_TABS_OF_CALLER:
            return json_answer({"error": {"reason": "TOO_MANY_TABS", "message": "too many tabs are open"}}, 503)
        tab = Tab(self._panel.hub, session.caller, world_of(request))
        number = secrets.token_urlsafe(12)
        self._tabs[number] = (session.session_id, tab)
        tab.want(_names(request), _versions(request))

        async def events() -> Any:
            try:
                yield f"event: hello\ndata: {number}\n\n".encode()
                async for event in tab.events():
                    if self._panel.sessions.find(session.session_id, is_use=False) is None:
                        yield b"event: ended\ndata: {}\n\n"
                        return
                    yield event
            finally:
                self._tabs.pop(number, None)
                tab.leave()

        return StreamingResponse(
            events(), media_type="text/event-stream", headers={"cache-control": "no-store", "x-accel-buffering": "no"}
        )

    async def want(self, request: Request) -> Response:
        """Other topics for a stream that is open."""
        body = await _json(request) or {}
        owner, tab = self._tabs.get(str(body.get("stream", "")), ("", None))
        if tab is None or owner != request.state.session.session_id:
            return json_answer({"error": {"reason": "NOT_FOUND", "message": "this stream has ended"}}, 404)
        given = body.get("topics")
        names = [name for name in given if isinstance(name, str)] if isinstance(given, list) else []
        tab.want(names)
        return json_answer({"following": len(names)})

    async def poll(self, request: Request) -> Response:
        """What a stream would have told, once."""
        tab = Tab(self._panel.hub, request.state.session.caller, world_of(request))
        tab.want(_names(request), _versions(request))
        await tab.ready()
        frames = tab.frames()
        tab.leave()
        return json_answer(frames)

    async def act(self, request: Request) -> Response:
        """A press of a button."""
        session = request.state.session
        verb = self._verbs.get(request.path_params["verb"])
        if verb is None:
            return json_answer({"error": {"reason": "NOT_FOUND", "message": "there is no such button"}}, 404)
        body = await _json(request)
        if body is None:
            words = f"this is no JSON of a page: at most {MAX_PRESS_BYTES} bytes, nested {MAX_DEPTH} deep"
            return json_answer({"error": {"reason": "INVALID_BODY", "message": words, "remedy": ""}}, 422)
        values = body.get("values")
        press = Press(
            client=session.caller.client,
            world=world_of(request),
            values=values if isinstance(values, dict) else {},
            request_id=str(body.get("request_id") or uuid4().hex)[:100],
            is_preview=body.get("preview") is True,
        )
        try:
            answer = await verb.do(press)
        except ClientError as error:
            told_of = error
            if verb.method not in session.caller.methods and error.code not in ("UNAUTHENTICATED", "UNAVAILABLE"):
                told_of = _not_for(session.caller.role, verb)  # Whatever else is wrong with it.
            status = _STATUS.get(told_of.code, 422 if isinstance(told_of, Invalid) else 409)
            return json_answer({"error": told(told_of)}, status)
        except Exception:
            _LOG.exception("the button %s failed", request.path_params["verb"])
            return json_answer({"error": _OWN_FAULT}, 500)
        if not press.is_preview:
            self._panel.hub.touch(session.caller, press.world)
        return json_answer({"done": answer_in_panel(answer)})


_OWN_FAULT = {
    "kind": "Unknown",
    "reason": "PANEL_FAULT",
    "message": "the panel made a mistake: it is not known whether this was done",
    "remedy": "Look whether it was done before you press again; the panel's log says what happened.",
}
_STATUS = {
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "INVALID_ARGUMENT": 422,
    "UNAVAILABLE": 503,
}


def _not_for(role: str, verb: Verb) -> NotPermitted:
    """What the daemon answers as well to a request that gets as far."""
    words = f"the role {role.lower()} may not call {verb.method.rpartition('/')[2]}"
    return NotPermitted(words, reason="PERMISSION_DENIED", code="PERMISSION_DENIED")


async def fault(_request: Request, _error: Exception) -> Response:
    """A fault in a route, in words; what happened is in the log."""
    return json_answer({"error": _OWN_FAULT}, 500)


async def late(_request: Request, _error: Exception) -> Response:
    """A body that did not come, or whose sender has gone: nobody's fault here, so the log has nothing of it."""
    return json_answer({"error": {"reason": "BODY_LATE", "message": "the body did not come in time"}}, 408)


def _names(request: Request) -> list[str]:
    return [unquote(name) for name in request.query_params.get("topics", "").split(",") if name]


def _versions(request: Request) -> dict[str, int]:
    """`have=groups:12,group:01K...:3`: what the tab still shows."""
    found = {}
    for part in request.query_params.get("have", "").split(","):
        name, _, version = part.rpartition(":")
        if name and version.isascii() and version.isdigit():
            found[unquote(name)] = int(version[:16])
    return found


async def _json(request: Request) -> dict[str, Any] | None:
    """The body; None where it is nothing a page of ours sends."""
    raw = await request.body()
    if len(raw) > MAX_PRESS_BYTES:
        return None
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) and not is_deep(found) else None


def is_deep(tree: Any) -> bool:
    """Whether maps and lists are nested deeper than anything a page sends."""
    level = [tree]
    for _ in range(MAX_DEPTH):
        level = [inner for one in level if isinstance(one, dict | list) for inner in _inside(one)]
        if not level:
            return False
    return True


def _inside(one: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return one.values() if isinstance(one, dict) else one


def redirect(path: str) -> RedirectResponse:
    return RedirectResponse(path, 303)


def login_cookie(session_id: str, *, is_https: bool, max_age_s: int) -> str:
    """The Set-Cookie line of a login."""
    secure = "; Secure" if is_https else ""
    return f"{COOKIE}={session_id}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age_s}{secure}"
