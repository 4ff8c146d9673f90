"""An unmodified ccxt client of the simulated venue, for tests that are not coroutines themselves.

with client_of(venue) as ccxt:                      # HTTP, every address rewritten
    order = ccxt.create_order("BTC/USDT", "limit", "buy", "0.01", "59000", {"clientOrderId": "a1"})
    stream = ccxt.reading("watch_orders")           # a task that does nothing but collect
    stream.until(lambda orders: any(o["status"] == "closed" for o in orders))
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp

from tests.wire.core.server import Endpoints
from tests.wire.core.tls import client_session
from tests.wire.run import Admin, redirect

UNIFIED = {"enableUnifiedAccount": True, "enableUnifiedMargin": False, "unifiedMarginStatus": 5}
WAIT_S = 5.0


class Stream:
    """What a `watch_*` call gave so far, one flat list; errors as well, after which it watches again.

    ccxt keeps changing the orders it has handed out: one that was open may be closed when it is looked at later.
    """

    def __init__(self, client: Client, method: str, args: tuple[Any, ...]) -> None:
        self._client, self._method, self._args = client, method, args
        self.got: list[Any] = []
        self.errors: list[Exception] = []
        self._task = client.loop.create_task(self._read())

    async def _read(self) -> None:
        while True:
            try:
                came = await getattr(self._client.exchange, self._method)(*self._args)
            except Exception as error:
                self.errors.append(error)
                await asyncio.sleep(0.05)
                continue
            self.got.extend(came if isinstance(came, list) else [came])

    def until(self, condition: Callable[[list[Any]], object]) -> list[Any]:
        """Everything that came, once the condition holds of it."""

        try:
            self._client.wait(lambda: condition(self.got))
        except AssertionError:
            raise AssertionError(f"{self._method} gave only {self.got} and {self.errors}") from None
        return self.got

    def failed(self) -> Exception:
        """The first error, once there is one."""
        self._client.wait(lambda: self.errors)
        return self.errors[0]

    async def stop(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


class Client:
    """Every method of the exchange, run to its end."""

    def __init__(self, loop: asyncio.AbstractEventLoop, exchange: Any, admin: Admin) -> None:
        self.loop, self.exchange, self.admin = loop, exchange, admin
        self.streams: list[Stream] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.exchange, name)

        def run(*args: Any, **named: Any) -> Any:
            return self.loop.run_until_complete(method(*args, **named))

        return run

    def reading(self, method: str, *args: Any) -> Stream:
        """A reader of a topic nobody read so far, subscribed when this returns."""
        before = len(self.topics())
        stream = Stream(self, method, args)
        self.streams.append(stream)
        self.wait(lambda: len(self.topics()) > before)
        return stream

    def topics(self) -> list[str]:
        """What the venue says is subscribed to."""
        return list(self.admin.status()["topics"])

    def wait(self, condition: Callable[[], object]) -> None:
        """Lets the loop run until the condition holds. AssertionError when it never comes."""
        end = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < end, "it never came true"
            self.pause(0.005)

    def pause(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))


@contextlib.contextmanager
def client_of(
    endpoints: Endpoints, *, tls: bool = False, secret: str = "", key: str = "", options: dict[str, Any] | None = None
) -> Iterator[Client]:
    """With `tls` ccxt keeps the real addresses and is led here by its resolver."""
    import ccxt.pro

    loop = asyncio.new_event_loop()
    session = loop.run_until_complete(_session(endpoints.tls_port)) if tls else None
    config: dict[str, Any] = {
        "apiKey": key or endpoints.api_key,
        "secret": secret or endpoints.api_secret,
        "timeout": 15000,
        "enableRateLimit": False,
        "options": {"fetchMarkets": {"types": ["spot", "linear"]}} | (UNIFIED if options is None else options),
    }
    if session is not None:
        config["session"] = session
    exchange = ccxt.pro.bybit(config)
    exchange.timeout_on_exit = 0  # It would sleep a quarter of a second.
    exchange.number = str
    exchange.has["fetchCurrencies"] = False
    if not tls:
        redirect(exchange, endpoints)
    client = Client(loop, exchange, Admin(endpoints.rest))
    try:
        yield client
    finally:
        for stream in client.streams:
            loop.run_until_complete(stream.stop())
        loop.run_until_complete(exchange.close())
        if session is not None:
            loop.run_until_complete(session.close())
        loop.run_until_complete(asyncio.sleep(0.005))
        loop.close()


async def _session(tls_port: int) -> aiohttp.ClientSession:
    return client_session(tls_port)
