"""How many connections there may be: in all, and for each address; and none may keep us waiting for its first request.

Part of the room is kept for addresses that have sent an authentic alert or stand in an allow list, so that strangers
who take all the rest do not keep real senders out. Trusted proxies and this machine speak for many and are bounded by
the whole only.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from control.forwarder.answers import answer
from control.forwarder.attempts import group_of

MAX_CONNECTIONS = 2000
MAX_STRANGERS = 1500
"""Of them those of addresses nothing good is known of."""
MAX_PER_STRANGER = 100
MAX_KNOWN = 10_000
HEADER_TIMEOUT_S = 10.0
"""A connection that has not sent a whole request head by then is closed."""


class Known:
    """Addresses that have sent an authentic alert; the longest quiet are forgotten first."""

    def __init__(self) -> None:
        self._groups: OrderedDict[str, None] = OrderedDict()

    def note(self, address: str) -> None:
        group = group_of(address)
        self._groups[group] = None
        self._groups.move_to_end(group)
        if len(self._groups) > MAX_KNOWN:
            self._groups.popitem(last=False)

    def __contains__(self, address: str) -> bool:
        return group_of(address) in self._groups


class Connections:
    """Makes the protocol of each new connection."""

    def __init__(
        self,
        runner: web.AppRunner,
        is_known: Callable[[str], bool],
        no_request: Callable[[str, BaseException | None], None],
        options: Mapping[str, Any],
    ) -> None:
        """`no_request` hears of what is no HTTP. `options`: of aiohttp's handlers."""
        assert runner.server is not None
        self._server = runner.server
        self._is_known = is_known
        self._no_request = no_request
        self._options = options
        self._strangers: dict[str, list[asyncio.Transport]] = {}
        self.refused = 0

    def __call__(self) -> asyncio.BaseProtocol:
        return _Arriving(self)

    def admit(self, address: str, transport: asyncio.Transport) -> asyncio.Protocol | None:
        """The protocol that goes on with it; None: there is no room."""
        if len(self._server.connections) >= MAX_CONNECTIONS:
            return None
        if not self._is_known(address) and not is_local(address):
            group = group_of(address)
            self._strangers[group] = [one for one in self._strangers.get(group, ()) if not one.is_closing()]
            if len(self._strangers[group]) >= MAX_PER_STRANGER or self._count_strangers() >= MAX_STRANGERS:
                return None
            self._strangers[group].append(transport)
        protocol = _Handler(self._server, self._no_request, self._options)
        asyncio.get_running_loop().call_later(HEADER_TIMEOUT_S, _look_at, protocol)
        return protocol

    def _count_strangers(self) -> int:
        """Those that are open, as well as the bound needs it: exactly once it is near."""
        count = sum(len(open_ones) for open_ones in self._strangers.values())
        if count < MAX_STRANGERS and len(self._strangers) <= MAX_STRANGERS:
            return count
        still = {
            group: [one for one in open_ones if not one.is_closing()] for group, open_ones in self._strangers.items()
        }
        self._strangers = {group: open_ones for group, open_ones in still.items() if open_ones}
        return sum(len(open_ones) for open_ones in self._strangers.values())


class _Handler(RequestHandler):
    """Answers what is no HTTP like everything else: as JSON that says nothing of what the program is made of."""

    __slots__ = ("_no_request",)

    def __init__(
        self,
        server: web.Server,
        no_request: Callable[[str, BaseException | None], None],
        options: Mapping[str, Any],
    ) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), **options)
        self._no_request = no_request

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - It may repeat what was sent.
    ) -> web.StreamResponse:
        self._no_request(request.remote or "", exc)
        if request.writer.output_size > 0:
            raise ConnectionError("a part of the answer is on its way")
        if status >= 500:
            return answer(500, {"error": "internal error", "reason": "INTERNAL"}, close=True)
        return answer(status, {"error": "not a request of HTTP/1.1", "reason": "BAD_REQUEST"}, close=True)


class _Arriving(asyncio.Protocol):
    """A connection until it is known whose it is."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        peer = transport.get_extra_info("peername")
        protocol = self._connections.admit(str(peer[0]) if peer else "", transport)
        if protocol is None:
            self._connections.refused += 1
            transport.write(
                b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
            transport.close()
            return
        transport.set_protocol(protocol)
        protocol.connection_made(transport)


def _look_at(protocol: asyncio.BaseProtocol) -> None:
    transport = getattr(protocol, "transport", None)
    if transport is not None and getattr(protocol, "_request_count", 1) == 0:
        transport.abort()


def is_local(address: str) -> bool:
    """Whether it is this machine."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback
