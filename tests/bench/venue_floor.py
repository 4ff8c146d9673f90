"""The floors beside a simulated venue: the least a program can do to send an order there, in a process of its own.

It takes commands as `POST /NAME` with a body, and answers with JSON:

- `/raw`: appends the body (a client order id), fdatasync, sends one signed order with aiohttp. Nothing else.
- `/ccxt`: `create_order` of a bare ccxt client; `started_ns` is the moment before the call.
- `/usage`: resident memory and processor time of this process.

Besides it runs bare ccxt.pro loops, as a bot of twenty lines would: one watches orders, and when one called `f...` is
filled, appends, fdatasync and sends a selling order called `g...`; another watches the best prices of some symbols.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import hmac
import json
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.bench.venue_market import ENTRY, symbol, venue_symbol
from tests.wire.core.server import Endpoints
from tests.wire.run import redirect

BOUGHT, SOLD = "0.4", "0.399"
"""What is sold is less by more than the fee."""
TARGET = "100.4"


class Floor:
    def __init__(self, endpoints: Endpoints, file: Path, watched: int) -> None:
        self._endpoints, self._watched = endpoints, watched
        self._file = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self._loops: list[asyncio.Task[None]] = []

    async def serve(self) -> None:
        import aiohttp
        import ccxt.pro

        keys = {"apiKey": self._endpoints.api_key, "secret": self._endpoints.api_secret}
        options = {"fetchMarkets": {"types": ["spot"]}, "fetchMargins": False}
        self._client = ccxt.pro.binance({**keys, "enableRateLimit": False, "options": options})
        self._client.has["fetchCurrencies"] = False
        redirect(self._client, self._endpoints)
        await self._client.load_markets()
        self._loops = [asyncio.create_task(self._sell_what_is_bought()), asyncio.create_task(self._watch_prices())]
        async with aiohttp.ClientSession(headers={"X-MBX-APIKEY": self._endpoints.api_key}) as self._session:
            server = await asyncio.start_server(self._handle, "127.0.0.1", 0)
            print(server.sockets[0].getsockname()[1], flush=True)
            async with server:
                await server.serve_forever()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.partition(b"ength: ")[2].partition(b"\r\n")[0])
                text = (await reader.readexactly(length)).decode()
                name = head.split(b" ", 2)[1].decode()
                answer = await {"/raw": self._raw, "/ccxt": self._ccxt, "/usage": self._usage}[name](text)
                body = json.dumps(answer).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        writer.close()

    def _keep(self, text: str) -> None:
        os.write(self._file, text.encode() + b"\n")
        os.fdatasync(self._file)

    # --- one order --------------------------------------------------------------------------------

    async def _raw(self, name: str) -> dict[str, Any]:
        self._keep(name)
        order = {
            "symbol": venue_symbol(_number(name)),
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": BOUGHT,
        }
        order |= {"price": ENTRY, "newClientOrderId": name, "timestamp": str(time.time_ns() // 1_000_000)}
        signed = urlencode(order)
        signature = hmac.new(self._endpoints.api_secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        url, body = self._endpoints.rest + "/api/v3/order", f"{signed}&signature={signature}"
        async with self._session.post(url, data=body, headers=headers) as answer:
            await answer.json()
            assert answer.status == 200, await answer.text()
        return {}

    async def _ccxt(self, name: str) -> dict[str, Any]:
        started_ns = time.monotonic_ns()
        await self._send("buy", BOUGHT, ENTRY, name)
        return {"started_ns": started_ns}

    async def _send(self, side: str, quantity: str, price: str, name: str) -> None:
        params = {"newClientOrderId": name}
        await self._client.create_order(symbol(_number(name)), "limit", side, quantity, price, params)

    # --- the loops --------------------------------------------------------------------------------

    async def _sell_what_is_bought(self) -> None:
        while True:
            for order in await self._client.watch_orders():
                name = order["clientOrderId"]
                if order["status"] == "closed" and name.startswith("f"):
                    self._keep(json.dumps(order["info"]))
                    await self._send("sell", SOLD, TARGET, "g" + name[1:])

    async def _watch_prices(self) -> None:
        wanted = [symbol(number) for number in range(self._watched)]
        while True:
            await self._client.watch_bids_asks(wanted)

    async def _usage(self, _text: str) -> dict[str, Any]:
        used = resource.getrusage(resource.RUSAGE_SELF)
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        rss_mib = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
        return {"rss_mib": rss_mib, "cpu_s": used.ru_utime + used.ru_stime}


def _number(name: str) -> int:
    """An order is called by a letter and the number of its symbol."""
    return int(name[1:])


class Handle:
    """The floor's process from outside."""

    def __init__(self, port: int) -> None:
        self._connection = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, name: str, text: str = "") -> dict[str, Any]:
        body = text.encode()
        self._connection.sendall(
            b"POST /%s HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (name.encode(), len(body), body)
        )
        answer = self._connection.recv(65536)
        assert answer, f"the floor has ended at /{name}"
        found: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
        return found

    def close(self) -> None:
        self._connection.close()


@contextlib.contextmanager
def floor(directory: Path, endpoints: Endpoints, watched: int) -> Iterator[Handle]:
    """A floor that trades at this simulator and watches the prices of so many symbols."""
    command = [
        sys.executable,
        "-m",
        "tests.bench.venue_floor",
        str(directory / "venue_floor.log"),
        f"--watched={watched}",
    ]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(endpoints.json()) + "\n")
        process.stdin.flush()
        handle = Handle(int(process.stdout.readline()))
        try:
            yield handle
        finally:
            handle.close()
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--watched", type=int, required=True)
    asked = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(Floor(Endpoints(**json.loads(sys.stdin.readline())), asked.file, asked.watched).serve())
