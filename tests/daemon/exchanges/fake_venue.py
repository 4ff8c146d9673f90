"""A venue that answers as a test tells it to, behind the real adapter on the real loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from actors.budget import Budget
from actors.rules.choices import Market
from actors.rules.model import Instrument, Order, OrderSide, OrderType, Reason, Role
from actors.rules.naming import make_client_order_id
from actors.rules.settings import AccountSettings
from daemon.exchanges.ccxt_exchange import CcxtExchange
from daemon.exchanges.loop import ExchangeLoop
from daemon.exchanges.venues.venue import Found, Raw

BTC = Instrument(
    account="a",
    symbol="BTC/USDT",
    venue_symbol="BTCUSDT",
    base="BTC",
    quote="USDT",
    market=Market.SPOT,
    tick_size=Decimal("0.01"),
    step_size=Decimal("0.001"),
    min_quantity=Decimal("0.001"),
    min_notional=Decimal(5),
)


class FakeVenue:
    """What is asked goes to `asked`; what is answered comes from `on`: a value, an exception, or a function."""

    exchange = "binance"
    recv_window_ms = 5_000
    can_amend = False
    can_stop = False
    is_swap = False
    keep_streams_s = 0.0
    lists_by_symbol = False

    def __init__(self) -> None:
        self.account = AccountSettings(name="a", exchange="binance")
        self.client = SimpleNamespace(on_rest_response=None, clients={}, options={}, fetch=self._fetch)
        self.asked: list[tuple[str, Any]] = []
        self.on: dict[str, Any] = {
            "balances": {"total": {"USDT": "5"}, "USDT": {"free": "5", "used": "0"}},
            "open_orders": [],
            "trades": [],
            "server_time_ms": lambda: int(time.time() * 1000),
            "permissions": {"trade": True, "withdraw": False},
        }

    def used(self, _headers: Mapping[str, str]) -> Mapping[str, int]:
        return {}

    def client_order_id(self, raw: Raw) -> str:
        return str(raw.get("clientOrderId") or "")

    def correct_clock(self, offset_ms: int) -> None:
        self.asked.append(("correct_clock", offset_ms))

    def misfit(self, order: Order) -> Reason | None:
        found = self.on.get("misfit")
        return found if isinstance(found, Reason) else None

    async def renew_streams(self) -> None: ...

    async def close(self) -> None:
        self.asked.append(("close", None))

    async def _answer(self, name: str, what: Any = None) -> Any:
        self.asked.append((name, what))
        answer = self.on.get(name)
        if callable(answer):
            answer = answer()
        if asyncio.iscoroutine(answer):
            answer = await answer
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def _fetch(self, url: str, method: str, _headers: Any, _body: Any) -> Any:
        return await self._answer(f"{method} {url}")

    async def prepare_account(self) -> None:
        await self._answer("prepare_account")

    async def prepare(self, symbol: str) -> None:
        await self._answer("prepare", symbol)

    async def create(self, order: Order, _instrument: Instrument) -> Raw:
        return dict(await self._answer("create", order.client_order_id))

    async def amend(self, order: Order, _price: Decimal, _quantity: Decimal) -> Raw:
        return dict(await self._answer("amend", order.client_order_id))

    async def cancel(self, order: Order) -> Raw:
        return dict(await self._answer("cancel", order.client_order_id))

    async def find(self, order: Order) -> Found:
        found = await self._answer("find", order.client_order_id)
        return found if isinstance(found, Found) else Found(order=found)

    async def open_orders(self, symbols: Sequence[str]) -> list[Raw]:
        return list(await self._answer("open_orders", tuple(symbols)))

    async def trades(self, symbol: str, since_ms: int) -> list[Raw]:
        return list(await self._answer("trades", (symbol, since_ms)))

    async def balances(self) -> Raw:
        return dict(await self._answer("balances"))

    async def instruments(self) -> list[Raw]:
        return list(await self._answer("instruments"))

    async def server_time_ms(self) -> int:
        return int(await self._answer("server_time_ms"))

    async def permissions(self) -> Mapping[str, bool | None]:
        return dict(await self._answer("permissions"))

    async def fetch_prices(self, symbols: Sequence[str]) -> Mapping[str, Raw]:
        return dict(await self._answer("fetch_prices", tuple(symbols)) or {})

    async def _never(self) -> Any:
        await asyncio.Event().wait()

    async def watch_orders(self) -> Any:
        return await self._never()

    async def watch_trades(self) -> Any:
        return await self._never()

    async def watch_balances(self) -> Any:
        return await self._never()

    async def watch_prices(self, _symbols: Sequence[str]) -> Any:
        return await self._never()

    def kept_prices(self) -> None:
        """None are kept."""


class Clock:
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class Desk:
    """The adapter on a fake venue, and everything its gateway got."""

    def __init__(self, venue: FakeVenue | None = None, budget: Budget | None = None) -> None:
        self.venue = venue or FakeVenue()
        self.loop = ExchangeLoop()
        self.got: list[Any] = []
        self._came = threading.Condition()
        self.exchange = CcxtExchange(
            self.venue,  # type: ignore[arg-type]
            clock=Clock(),
            loop=self.loop,
            budget=budget or Budget(),
            instruments=(BTC,),
        )
        self.exchange.start(self._take, 1)

    def _take(self, message: object) -> None:
        with self._came:
            self.got.append(message)
            self._came.notify_all()

    def wait(self, wanted: Callable[[Any], bool], timeout_s: float = 5.0) -> Any:
        """The first message that is wanted."""
        deadline = time.monotonic() + timeout_s
        with self._came:
            while True:
                for message in self.got:
                    if wanted(message):
                        return message
                assert self._came.wait(deadline - time.monotonic()), f"never came; there is {self.got}"

    def wait_for(self, kind: type, timeout_s: float = 5.0) -> Any:
        return self.wait(lambda message: isinstance(message, kind), timeout_s)

    def wait_until(self, condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, self.venue.asked
            time.sleep(0.005)

    def stop(self) -> None:
        self.exchange.stop()
        self.loop.stop()


def an_order(attempt: int = 1, **changes: Any) -> Order:
    name = make_client_order_id(prefix="abcd00", group_id="g" * 12, pyramid=0, leg=0, role=Role.ENTRY, attempt=attempt)
    fields: dict[str, Any] = {
        "client_order_id": name,
        "group_id": "g" * 12,
        "account": "a",
        "symbol": "BTC/USDT",
        "pyramid": 0,
        "leg": 0,
        "role": Role.ENTRY,
        "attempt": attempt,
        "side": OrderSide.BUY,
        "type": OrderType.LIMIT,
        "price": Decimal(100),
        "quantity": Decimal(3),
        "create_time_ms": time.time_ns() // 1_000_000,
        "update_time_ms": 1,
    }
    return Order(**{**fields, **changes})


def raw_order(order: Order, status: str | None = "open", filled: str | None = "0", **more: Any) -> Raw:
    return {
        "id": "77",
        "clientOrderId": order.client_order_id,
        "symbol": order.symbol,
        "status": status,
        "filled": filled,
        "amount": str(order.quantity),
        "price": str(order.price),
        "timestamp": 5,
        "info": {},
        **more,
    }


def raw_trade(trade_id: str, quantity: str, **more: Any) -> Raw:
    return {
        "id": trade_id,
        "order": "77",
        "symbol": "BTC/USDT",
        "side": "buy",
        "price": "100",
        "amount": quantity,
        "timestamp": 6,
        "fee": {"cost": "0.001", "currency": "BTC"},
        "info": {},
        **more,
    }
