"""A simulated venue: one aiohttp application, served on an http+ws port and on an https+wss one.

A venue is a subclass of `Simulator` (or sets the same hooks) made by `make_simulator(instruments_file)`:

    class Venue(Simulator):
        def __init__(...):
            super().__init__(account=account, clock=clock, limits=Limits({...}))
            self.route("POST", "/api/v3/order", self.place, client_id_of=lambda call: call.get("newClientOrderId"),
                       weights={"REQUEST_WEIGHT_1M": 1, "ORDERS_10S": 1})       # or weights=lambda call: {...}
            self.ws_route(r"/ws/(.+)", MySession)
        def place(self, call: Call) -> Reply: ...

What happens to a request, in this order: log, unlisted path (404, counted), fault before, ban and limits
(`refuse_rate`), `guard` (key, signature, timestamp), the handler, fault after, `finish` (headers), log.

Hooks to override: guard, finish, error, refuse_rate, missing, stream_fault, foreign_client_id.
Handlers are plain functions `Call -> Reply`. A `Reply` body is JSON (dict, list), or text or bytes sent as they are.
A handler may raise `Fail(reply)` from anywhere below it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from tests.wire.core import tls
from tests.wire.core.account import Changed, SimAccount
from tests.wire.core.clock import SimClock
from tests.wire.core.faults import AT_ONCE, BEFORE, LONG_MS, Fault, Faults
from tests.wire.core.limits import Limits, Over
from tests.wire.core.sockets import SessionFactory, Socket

MAX_REQUESTS = 20_000
"""Requests kept in the log, the newest ones."""
MAX_FRAMES = 5_000
"""Stream frames kept in the log, the newest ones."""
API_KEY = "SimulatedKey" * 5 + "abcd"
API_SECRET = "SimulatedSecret" * 4 + "abcd"
HTML = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"
LOG = logging.getLogger("tests.wire")
_MASKED = frozenset({"x-mbx-apikey", "x-bapi-api-key", "x-bapi-sign"})
_SIGNATURE = re.compile(r"(signature=)[0-9a-fA-F]+")

Weights = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Reply:
    body: Any = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        if isinstance(self.body, str):
            return self.body.encode()
        return json.dumps(self.body, separators=(",", ":")).encode()

    @property
    def content_type(self) -> str:
        return "text/html" if isinstance(self.body, str) else "application/json"


class Fail(Exception):
    """Ends a request with this reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.reply = reply


@dataclass(kw_only=True)
class Call:
    """One request as it came. `now_ms` is the venue's time when it was taken up."""

    method: str
    path: str
    raw_query: str
    body: bytes
    headers: Mapping[str, str]
    """Names in lower case."""
    now_ms: int
    order_ids: list[str] = field(default_factory=list)
    """Orders accepted by this request."""
    weights: Weights = field(default_factory=dict)
    """What it drew from the limits."""
    arrived_ns: int = 0
    """`time.monotonic_ns` when its head was here: one clock for all processes of a machine."""

    @cached_property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(self.raw_query, keep_blank_values=True)

    @cached_property
    def form(self) -> list[tuple[str, str]]:
        """The body as a form; empty for JSON."""
        if "json" in self.headers.get("content-type", "") or self.body[:1] in (b"{", b"["):
            return []
        return parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True)

    @cached_property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object; empty for anything else."""
        try:
            value = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    @cached_property
    def params(self) -> dict[str, str]:
        """Query, then form; the first of a name counts."""
        values: dict[str, str] = {}
        for name, value in (*self.query, *self.form):
            values.setdefault(name, value)
        return values

    def get(self, name: str, otherwise: str = "") -> str:
        """From query, form or JSON body, as text."""
        value = self.params.get(name)
        if value is None:
            value = self.json.get(name)
        return otherwise if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    handler: Callable[[Call], Reply]
    client_id_of: Callable[[Call], str]
    weights: Callable[[Call], Weights]
    tags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Endpoints:
    rest: str
    ws: str
    tls_port: int
    api_key: str
    api_secret: str

    def json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("rest", "ws", "tls_port", "api_key", "api_secret")}


class Simulator:
    venue = "venue"

    def __init__(
        self,
        *,
        account: SimAccount,
        clock: SimClock,
        limits: Limits | None = None,
        api_key: str = API_KEY,
        api_secret: str = API_SECRET,
    ) -> None:
        self.account, self.clock = account, clock
        self.limits = limits or Limits({})
        self.api_key, self.api_secret = api_key, api_secret
        self.faults = Faults()
        self.requests: deque[dict[str, Any]] = deque(maxlen=MAX_REQUESTS)
        self.request_count = 0
        self.frames: deque[dict[str, Any]] = deque(maxlen=MAX_FRAMES)
        self.frame_count = 0
        self.unlisted: Counter[str] = Counter()
        self.permissions: dict[str, bool] = {"withdraw": False, "trade": True, "ip_restricted": True}
        self.sockets: set[Socket] = set()
        self._routes: dict[tuple[str, str], Route] = {}
        self._ws_routes: list[tuple[re.Pattern[str], SessionFactory]] = []
        self._runner: web.AppRunner | None = None
        self._stopping = asyncio.Event()
        self._call: Call | None = None
        account.on_change(self._note_new_order)
        from tests.wire.core.admin import Admin  # It needs the classes above.

        self._admin = Admin(self)

    # --- for venues -------------------------------------------------------------------------------

    def route(
        self,
        method: str,
        path: str,
        handler: Callable[[Call], Reply],
        *,
        client_id_of: Callable[[Call], str] = lambda call: "",
        weights: Weights | Callable[[Call], Weights] | None = None,
        tags: frozenset[str] | set[str] = frozenset(),
    ) -> None:
        """`tags` are the venue's own, for its `guard` (`signed`, ...). `path` is exact."""
        fixed: Weights = {} if weights is None or callable(weights) else weights
        costs = weights if callable(weights) else lambda call: fixed
        self._routes[method, path] = Route(method, path, handler, client_id_of, costs, frozenset(tags))

    def ws_route(self, path_regex: str, session_factory: SessionFactory) -> None:
        """The whole path must match."""
        self._ws_routes.append((re.compile(path_regex), session_factory))

    def admin_post(self, name: str, do: Callable[[dict[str, Any]], Any]) -> None:
        """A command of the venue's own at `POST /_admin/<name>`, instead of the usual one of that name."""
        self._admin.add(name, do)

    def guard(self, call: Call, route: Route) -> Reply | None:
        """Key, signature and timestamp. None: the request may go on."""
        return None

    def finish(self, call: Call, reply: Reply) -> Reply:
        """The reply with the venue's usual headers."""
        return reply

    def error(self, code: str, call: Call) -> Reply:
        """The venue's error of that code, as it would answer."""
        return Reply({"code": code, "msg": "fault"}, 400)

    def refuse_rate(self, over: Over, call: Call) -> Reply:
        """Too many requests, or banned."""
        return Reply(
            {"msg": "too many requests"}, 418 if over.is_ban else 429, {"Retry-After": str(over.retry_after_s)}
        )

    def missing(self, call: Call) -> Reply:
        return Reply({"code": 404, "msg": f"the simulator has no {call.method} {call.path}"}, 404)

    def stream_fault(self, kind: str) -> None:
        """`listen_key_expired` or `stream_terminated`, where the venue has such a thing."""

    def foreign_client_id(self) -> str:
        """What an order made by hand on the venue's own pages is called."""
        return ""

    # --- life -------------------------------------------------------------------------------------

    async def start(self, port: int = 0, tls_port: int = 0, host: str = "127.0.0.1") -> Endpoints:
        application = web.Application(client_max_size=16 * 1024 * 1024)
        application.router.add_route("*", "/{tail:.*}", self._serve)
        self._stopping = asyncio.Event()
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        await web.TCPSite(self._runner, host, tls_port, ssl_context=tls.server_context()).start()
        plain, secure = (int(address[1]) for address in self._runner.addresses[:2])
        return Endpoints(f"http://{host}:{plain}", f"ws://{host}:{plain}", secure, self.api_key, self.api_secret)

    async def stop(self) -> None:
        self._stopping.set()
        for socket in tuple(self.sockets):
            socket.close(1006)
        if self._runner is not None:
            await self._runner.cleanup()

    async def sleep(self, ms: int) -> None:
        """Ends early when the simulator stops."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), ms / 1000)

    # --- requests ---------------------------------------------------------------------------------

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        arrived_ns = time.monotonic_ns()
        path, _, raw_query = request.raw_path.partition("?")
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._serve_socket(request, path)
        call = Call(
            method=request.method,
            path=path,
            raw_query=raw_query,
            body=await request.read(),
            headers={name.lower(): value for name, value in request.headers.items()},
            now_ms=self.clock(),
            arrived_ns=arrived_ns,
        )
        if path.startswith("/_admin/"):
            return _response(self._admin.answer(call))
        return await self._serve_call(request, call)

    async def _serve_call(self, request: web.Request, call: Call) -> web.StreamResponse:
        route = self._routes.get((call.method, call.path))
        if route is None:
            return self._unlisted(call)
        client_order_id = self._client_order_id(route, call)
        fault = self.faults.take(call.method, call.path, client_order_id)
        entry = self._log(call, client_order_id, fault)
        if fault is not None and fault.kind in BEFORE:
            answer = await self._fault_before(fault, request, call)
            if answer is not None:
                entry["status"] = answer.status
                return answer
        call.now_ms = self.clock()
        reply = self._answer(route, call, entry)
        entry["status"], entry["code"] = reply.status, _code(reply)
        entry["accepted"] = list(call.order_ids)
        if fault is not None and fault.kind not in BEFORE:
            return await self._fault_after(fault, request, call, reply)
        return _response(self.finish(call, reply))

    def _client_order_id(self, route: Route, call: Call) -> str:
        """As the request names it, or that of the order it names by the venue's id."""
        try:
            named = route.client_id_of(call)
        except (KeyError, ValueError, TypeError, AttributeError):
            return ""
        if named or not (order_id := call.params.get("orderId", "")):
            return named
        order = self.account.order(order_id=order_id)
        return "" if order is None else order.client_order_id

    def _answer(self, route: Route, call: Call, entry: dict[str, Any]) -> Reply:
        self._call = call
        try:
            call.weights = route.weights(call)
            entry["weight"] = dict(call.weights)
            over = self.limits.draw(call.weights, call.now_ms)
            if over is not None:
                return self.refuse_rate(over, call)
            return self.guard(call, route) or route.handler(call)
        except Fail as fail:
            return fail.reply
        finally:
            self._call = None

    def _note_new_order(self, changed: Changed) -> None:
        if self._call is not None and changed.kind == "new" and changed.order is not None:
            self._call.order_ids.append(changed.order.order_id)

    def _unlisted(self, call: Call) -> web.Response:
        LOG.error("%s: unlisted path %s %s", self.venue, call.method, call.path)
        self.unlisted[f"{call.method} {call.path}"] += 1
        reply = self.missing(call)
        entry = self._log(call, "", None)
        entry["status"], entry["unlisted"] = reply.status, True
        return _response(reply)

    def _log(self, call: Call, client_order_id: str, fault: Fault | None) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "number": self.request_count,
            "time_ms": call.now_ms,
            "arrived_ns": call.arrived_ns,
            "method": call.method,
            "path": call.path,
            "query": _SIGNATURE.sub(r"\1***", call.raw_query),
            "body": _SIGNATURE.sub(r"\1***", call.body.decode("utf-8", "replace")),
            "headers": {name: "***" if name in _MASKED else value for name, value in call.headers.items()},
            "client_order_id": client_order_id,
            "fault": "" if fault is None else fault.kind,
            "status": 0,
            "code": "",
            "weight": {},
        }
        self.request_count += 1
        self.requests.append(entry)
        return entry

    # --- faults -----------------------------------------------------------------------------------

    async def _fault_before(self, fault: Fault, request: web.Request, call: Call) -> web.StreamResponse | None:
        match fault.kind:
            case "reply":
                return _response(self.finish(call, self.error(fault.value, call)))
            case "drop_before_accept":
                return _cut(request)
            case "timeout_before_accept":
                await self.sleep(LONG_MS if fault.ms is None else fault.ms)
                return _cut(request)
            case "5xx_before_accept":
                return _html(fault.status or 503)
            case "html_403":
                return _html(403)
            case "ban":
                self.limits.ban(fault.number(60), self.clock())
                return _response(self.refuse_rate(Over("", fault.number(60), is_ban=True), call))
            case "rate_limit":
                return _response(self.finish(call, self.refuse_rate(Over("", fault.number(1)), call)))
        await self.sleep(fault.number(100))
        return None

    async def _fault_after(self, fault: Fault, request: web.Request, call: Call, reply: Reply) -> web.StreamResponse:
        for order_id in call.order_ids if fault.hide_ms else ():
            self.account.hide(order_id, fault.hide_ms)
        match fault.kind:
            case "accept_then_drop":
                return _cut(request)
            case "accept_then_timeout":
                await self.sleep(LONG_MS if fault.ms is None else fault.ms)
                return _cut(request)
            case "accept_then_5xx":
                return _html(fault.status or 502)
            case "accept_then_html":
                return _html(200)
            case "accept_then_reply":
                return _response(self.finish(call, self.error(fault.value, call)))
            case "accept_then_truncated":
                return await _truncated(request, self.finish(call, reply))
            case "late_answer":
                await self.sleep(fault.number(100))
            case "late_visibility":
                for order_id in call.order_ids:
                    self.account.hide(order_id, fault.number(1000))
            case "fill_before_ack":
                for order_id in call.order_ids:
                    order = self.account.order(order_id=order_id)
                    if order is not None and order.is_open and order.price is not None:
                        self.account.fill(order_id, order.remaining)
                await self.sleep(50 if fault.ms is None else fault.ms)
        return _response(self.finish(call, reply))

    def happen(self, fault: Fault) -> None:
        """A fault that waits for no request."""
        assert fault.kind in AT_ONCE
        fault.hits += 1
        self.faults.happened.append(fault)
        if fault.kind != "ws_close":
            self.stream_fault(fault.kind)
            return
        for socket in tuple(self.sockets):
            if fault.path in socket.path:
                socket.close(fault.number(1001))

    # --- streams ----------------------------------------------------------------------------------

    async def _serve_socket(self, request: web.Request, path: str) -> web.StreamResponse:
        for pattern, factory in self._ws_routes:
            found = pattern.fullmatch(path)
            if found is None:
                continue
            socket = Socket(request, found, self.faults, self._note_frame)
            self.sockets.add(socket)
            try:
                return await socket.serve(factory)
            finally:
                self.sockets.discard(socket)
        LOG.error("%s: unlisted stream %s", self.venue, path)
        self.unlisted[f"WS {path}"] += 1
        return web.Response(status=404)

    def _note_frame(self, path: str, frame: str) -> None:
        """A frame is about to leave."""
        self.frames.append({"number": self.frame_count, "left_ns": time.monotonic_ns(), "path": path, "frame": frame})
        self.frame_count += 1


def _code(reply: Reply) -> str:
    """The venue's own code of a failure, for the log."""
    if not isinstance(reply.body, dict):
        return ""
    return str(reply.body.get("retCode", reply.body.get("code", "")))


def _response(reply: Reply) -> web.Response:
    return web.Response(
        status=reply.status, body=reply.encoded(), headers=dict(reply.headers), content_type=reply.content_type
    )


def _html(status: int) -> web.Response:
    return web.Response(status=status, text=HTML.format(status), content_type="text/html")


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=499)


async def _truncated(request: web.Request, reply: Reply) -> web.StreamResponse:
    """Promises the whole body, sends half of it and breaks."""
    body = reply.encoded()
    response = web.StreamResponse(status=reply.status, headers=dict(reply.headers))
    response.content_type, response.content_length = reply.content_type, len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()  # Unlike `abort` this lets the half go out first.
    return response
