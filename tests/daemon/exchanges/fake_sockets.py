"""A venue whose streams a test plays by hand, on sockets that look like ccxt's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

from daemon.exchanges.streams import StreamItem, StreamRows, Tickers
from daemon.exchanges.venues.venue import Venue

HASHES = {"orders": "orders", "trades": "myTrades", "balances": "spot:balance"}


class FakeSocket:
    """The part of `ccxt.async_support.base.ws.client.Client` that is looked at."""

    def __init__(self) -> None:
        self.isConnected = True
        self.error: Exception | None = None
        self.last_message_at: int | None = None
        self.futures: dict[str, asyncio.Future[Any]] = {}
        self.on_message_callback: Callable[[Any, Any], None] = lambda _socket, _message: None
        self.connection = SimpleNamespace(ping=self._ping)
        self.is_closed = False
        self.answers_pings = True
        self.pings = 0

    def closed(self) -> bool:
        return self.is_closed

    async def close(self) -> None:
        self.is_closed = True
        for future in self.futures.values():
            future.cancel()

    def frame(self, message: Any = None) -> None:
        self.last_message_at = (self.last_message_at or 0) + 1
        self.on_message_callback(self, message)

    async def _ping(self) -> None:
        self.pings += 1
        if self.answers_pings:
            self.frame()


class FakeVenue:
    """Watches wait on futures of the newest socket, as ccxt's do; rows that come while nobody waits are lost."""

    exchange = "bybit"

    def __init__(self) -> None:
        self.client = SimpleNamespace(clients={})
        self.dials = 0
        self.renewals = 0
        self.faults: list[BaseException] = []
        """Raised by the next watches, one each."""
        self.never_stands = False
        self.price_watches: list[tuple[str, ...]] = []
        self.asked: list[tuple[str, ...]] = []
        self.fetched: Mapping[str, Any] | Exception = {}
        self.kept: dict[str, Any] | None = None
        """Prices, if this venue's ccxt keeps them."""

    @property
    def socket(self) -> FakeSocket:
        return cast(FakeSocket, self.client.clients["wss://user"])

    @property
    def as_venue(self) -> Venue:
        return cast(Venue, self)

    def push(self, stream: str, rows: Any) -> bool:
        """Whether anybody waited for it."""
        return self._resolve("wss://user", HASHES[stream], rows)

    def push_price(self, ticker: Mapping[str, Any]) -> bool:
        if self.kept is not None:
            self.kept[ticker["symbol"]] = ticker
        return self._resolve("wss://public", f"bidask:{ticker['symbol']}", {ticker["symbol"]: ticker})

    def cut(self, url: str = "wss://user") -> None:
        """The venue closes the socket."""
        socket = self.client.clients.pop(url)
        socket.is_closed = True
        for future in list(socket.futures.values()):
            if not future.done():
                future.set_exception(ConnectionError("Connection closed by remote server, closing code 1001"))

    async def watch_orders(self) -> Any:
        return await self._wait("wss://user", ["orders"])

    async def watch_trades(self) -> Any:
        return await self._wait("wss://user", ["myTrades"])

    async def watch_balances(self) -> Any:
        return await self._wait("wss://user", ["spot:balance"])

    async def watch_prices(self, symbols: Sequence[str]) -> Any:
        self.price_watches.append(tuple(symbols))
        return await self._wait("wss://public", [f"bidask:{symbol}" for symbol in symbols])

    def kept_prices(self) -> Mapping[str, Any] | None:
        return self.kept

    async def fetch_prices(self, symbols: Sequence[str]) -> Mapping[str, Any]:
        self.asked.append(tuple(symbols))
        if isinstance(self.fetched, Exception):
            raise self.fetched
        return {symbol: ticker for symbol, ticker in self.fetched.items() if symbol in symbols}

    async def renew_streams(self) -> None:
        self.renewals += 1
        self.never_stands = False
        socket = self.client.clients.pop("wss://user", None)
        if socket is not None:
            await socket.close()

    async def _wait(self, url: str, names: Sequence[str]) -> Any:
        if self.faults:
            raise self.faults.pop(0)
        if self.never_stands:
            await asyncio.Event().wait()
        if url not in self.client.clients:
            self.dials += 1
            self.client.clients[url] = FakeSocket()
        futures = self.client.clients[url].futures
        one: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        for name in names:
            futures[name] = one
        return await one

    def _resolve(self, url: str, name: str, rows: Any) -> bool:
        socket = self.client.clients.get(url)
        if socket is None:
            return False
        socket.frame({"topic": name})
        future = socket.futures.pop(name, None)
        if future is None or future.done():
            return False
        future.set_result(rows)
        return True


class Taken:
    """What was put, by stream."""

    def __init__(self) -> None:
        self.items: list[StreamItem] = []

    def __call__(self, item: StreamItem) -> None:
        self.items.append(item)

    def states(self, stream: str) -> list[bool]:
        return [
            item.is_up for item in self.items if not isinstance(item, StreamRows | Tickers) and item.stream == stream
        ]

    def words(self, stream: str) -> list[str]:
        return [
            item.words for item in self.items if not isinstance(item, StreamRows | Tickers) and item.stream == stream
        ]

    def rows(self, stream: str) -> list[Any]:
        return [
            row for item in self.items if isinstance(item, StreamRows) and item.stream == stream for row in item.rows
        ]

    def tickers(self) -> list[Mapping[str, Any]]:
        return [item.tickers for item in self.items if isinstance(item, Tickers)]


async def until(is_so: Callable[[], bool], timeout_s: float = 3.0) -> None:
    """Fails if it does not come to be."""
    end_s = asyncio.get_running_loop().time() + timeout_s
    while not is_so():
        assert asyncio.get_running_loop().time() < end_s, "it did not come to be"
        await asyncio.sleep(0.002)
