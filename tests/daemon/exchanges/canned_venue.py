"""A server that answers whatever is asked with one canned reply, and unmodified ccxt clients that ask it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.ports import free_port

EXCHANGES = ("binance", "binanceusdm", "bybit", "okx", "kucoin", "mexc", "gate")


@dataclass(frozen=True)
class Canned:
    """One reply. `how` other than `reply` ends the connection in another way."""

    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    how: str = "reply"
    """`reply`, `drop` (after the request arrived), `cut` (in the middle of the body), `silent` (no answer)."""


class CannedVenue:
    """Answers on a loop of its own thread."""

    def __init__(self) -> None:
        self.url = ""
        self._reply = Canned()
        self._clients: dict[str, Any] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @contextmanager
    def running(self) -> Iterator[CannedVenue]:
        self._thread.start()
        runner = self.run(self._serve())
        try:
            yield self
        finally:
            self.run(self._close(runner))
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)
            self._loop.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def error_of(self, exchange: str, reply: Canned, *, path: str = "/v5/order/create", timeout_ms: int = 5000) -> Any:
        """What ccxt makes of this reply: the exception, or the decoded answer."""
        self._reply = reply
        url = f"{self.url}{path}?symbol=BTCUSDT&signature=5ecre751gna7ure"
        return self.run(self._ask(exchange, url, timeout_ms))

    def error_without_server(self, exchange: str) -> Any:
        """What ccxt makes of a port where nobody listens."""
        url = f"http://127.0.0.1:{free_port()}/order"
        return self.run(self._ask(exchange, url, 5000))

    def error_of_order(self, exchange: str, reply: Canned, type_: str = "limit") -> Any:
        """The same for a whole `create_order`."""
        self._reply = reply
        return self.run(self._order(exchange, type_))

    async def _ask(self, exchange: str, url: str, timeout_ms: int) -> Any:
        client = await self._client(exchange)
        client.timeout = timeout_ms
        try:
            return await client.fetch(url, "POST", {}, "x=1")
        except Exception as error:
            return error

    async def _order(self, exchange: str, type_: str) -> Any:
        client = await self._client(exchange)
        symbol = "BTC/USDT:USDT" if exchange == "binanceusdm" else "BTC/USDT"
        try:
            return await client.create_order(symbol, type_, "buy", "1", "10", {"clientOrderId": "cl13nt0rd3r1d"})
        except Exception as error:
            return error

    async def _client(self, exchange: str) -> Any:
        if exchange not in self._clients:
            import ccxt.pro

            client = getattr(ccxt.pro, exchange)(
                {
                    "apiKey": "k3y",
                    "secret": "s3cr3t",
                    "password": "w0rd",
                    "uid": "1",
                    "enableRateLimit": False,
                    "options": {"enableUnifiedAccount": True, "unifiedMarginStatus": 5, "uta": False, "hf": False},
                }
            )
            client.number = str
            client.urls["api"] = self._rewritten(client.urls["api"])
            client.set_markets([market(exchange)])
            self._clients[exchange] = client
        return self._clients[exchange]

    def _rewritten(self, node: Any) -> Any:
        if isinstance(node, dict):
            return {key: self._rewritten(value) for key, value in node.items()}
        return self.url + "/" + str(node).split("/", 3)[3] if str(node).count("/") > 2 else self.url

    async def _serve(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        reply = self._reply
        assert request.transport is not None
        if reply.how == "drop":
            request.transport.abort()
        if reply.how == "silent":
            await asyncio.sleep(1)
        if reply.how == "cut":
            response = web.StreamResponse(status=reply.status, headers={"Content-Length": "1000"})
            await response.prepare(request)
            await response.write(reply.body.encode())
            request.transport.close()
            return response
        return web.Response(status=reply.status, text=reply.body, headers=dict(reply.headers))

    async def _close(self, runner: web.AppRunner) -> None:
        await asyncio.gather(*(client.close() for client in self._clients.values()))
        await runner.cleanup()


def market(exchange: str) -> dict[str, Any]:
    """BTC/USDT as ccxt's unified market, spot or perpetual."""
    is_swap = exchange == "binanceusdm"
    identifier = {"okx": "BTC-USDT", "kucoin": "BTC-USDT", "gate": "BTC_USDT"}.get(exchange, "BTCUSDT")
    return {
        "id": identifier,
        "symbol": "BTC/USDT:USDT" if is_swap else "BTC/USDT",
        "base": "BTC",
        "quote": "USDT",
        "baseId": "BTC",
        "quoteId": "USDT",
        "settle": "USDT" if is_swap else None,
        "settleId": "USDT" if is_swap else None,
        "type": "swap" if is_swap else "spot",
        "spot": not is_swap,
        "margin": False,
        "swap": is_swap,
        "future": False,
        "option": False,
        "contract": is_swap,
        "linear": True if is_swap else None,
        "inverse": False if is_swap else None,
        "contractSize": "1" if is_swap else None,
        "active": True,
        "precision": {"amount": "0.001", "price": "0.01"},
        "limits": {"amount": {}, "price": {}, "cost": {}, "leverage": {}},
        "info": {"orderTypes": ["LIMIT", "MARKET", "LIMIT_MAKER"]},
    }
