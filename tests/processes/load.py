"""Alerts and prices, as much as there can be, from several sides at once; every acknowledgement is noted.

A sender makes an alert, sends it by the webhook or by gRPC, and sends the same again until it is acknowledged or it
gives up, as senders do. An alert's number is its trade id, so that its row in the store can be told.
"""

from __future__ import annotations

import contextlib
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from http.client import HTTPConnection, HTTPException
from typing import Any

from control.client import Client, ClientError, TargetFlags, find_target
from control.printer import enum_name
from protos.terrace.v1 import account_pb2, signal_pb2
from tests.system.stack import Plain, Stack, alert, merged

D = Decimal
HTTP_TIMEOUT_S = 3.0
"""TradingView's."""
GRPC_TIMEOUT_S = 5.0
PAUSE_S = 0.2
"""Between two tries of one alert."""
GIVES_UP_S = 90.0
"""A sender that was not answered for so long goes on to another alert."""
PRICE_PAUSE_S = 0.04
OTHERS_PAUSE_S = 0.3
OLDEST_STAMP_S = 2.0
"""Stamps are up to so much older than the moment of sending: alerts arrive out of order."""
SOURCE = "tradingview"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An acknowledgement. `SPOOLED`: durable at the forwarder, delivered later."""

    way: str
    outcome: str
    first_outcome: str
    signal_id: str
    group_id: str
    reason: str


@dataclass(slots=True, kw_only=True)
class Sent:
    """An alert and what its sender heard."""

    number: int
    kind: str
    body: Plain
    heard: list[Heard] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """Answers that are no acknowledgement, in words."""
    is_given_up: bool = False

    @property
    def trade_id(self) -> str:
        return f"n{self.number}"

    @property
    def is_acknowledged(self) -> bool:
        return bool(self.heard)


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What may be traded, and how often what is sent."""

    tickers: tuple[str, ...]
    timeframes: tuple[str, ...]
    may_go_short: bool = False
    reduces: bool = True
    weights: tuple[tuple[str, float], ...] = (("entry", 64), ("exit", 14), ("reverse", 6), ("reduce", 6), ("again", 10))


class Prices:
    """The market: every price walks, some way at a time, and is told to whoever keeps it."""

    def __init__(self, start: dict[str, Decimal], tell: Callable[[str, Decimal], None], seed: int) -> None:
        self._rng = random.Random(f"prices {seed}")
        self._start = dict(start)
        self.now = dict(start)
        self._tell = tell
        self.told = 0

    def step(self) -> None:
        """One price moves; that nobody takes it is no matter."""
        symbol = self._rng.choice(list(self.now))
        percent = D(self._rng.randint(-60, 60)) / 100
        moved = (self.now[symbol] * (1 + percent / 100)).quantize(D("0.01"))
        low, high = self._start[symbol] * D("0.9"), self._start[symbol] * D("1.1")
        self.now[symbol] = min(max(moved, low), high)
        self.tell(symbol)

    def tell(self, symbol: str) -> bool:
        try:
            self._tell(symbol, self.now[symbol])
        except (ClientError, OSError, HTTPException):
            return False
        self.told += 1
        return True


class Load:
    """Runs between `start` and `stop`. `sent` holds everything that was ever sent."""

    def __init__(
        self,
        stack: Stack,
        market: Market,
        prices: Prices,
        *,
        seed: int,
        http_senders: int = 3,
        grpc_senders: int = 3,
        http_pause_s: float = 0.12,
        pause_s: float = 0.03,
        others: Callable[[random.Random], None] | None = None,
    ) -> None:
        """`others`: what other traders do now and then."""
        self.stack, self.market, self.prices, self.seed = stack, market, prices, seed
        self.pauses_s = {"http": http_pause_s, "grpc": pause_s}
        """Between two alerts of a sender: by the webhook longer, or the spool never runs dry."""
        self._others = others
        self.sent: list[Sent] = []
        self.refusals: Counter[str] = Counter()
        """Answers that are no acknowledgement, by way and reason."""
        self.failures: list[str] = []
        """What no sender may ever hear."""
        self._ways = ["http"] * http_senders + ["grpc"] * grpc_senders
        self._threads: list[threading.Thread] = []
        self._ending = threading.Event()
        self._giving_up = threading.Event()
        self._lock = threading.Lock()
        self._secret = ""

    def start(self) -> None:
        """The daemon must have made its secrets."""
        self._secret = self.stack.secret()
        works = [(self._send_on, (way, index)) for index, way in enumerate(self._ways)]
        for work, arguments in works:
            self._begin(work, *arguments)
        self._begin(self._move_prices)
        if self._others is not None:
            self._begin(self._trade_along, self._others)

    def _begin(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=self._guarded, args=(work, arguments), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _guarded(self, work: Callable[..., None], arguments: tuple[object, ...]) -> None:
        try:
            work(*arguments)
        except Exception as error:
            self.failures.append(f"a sender ended: {error!r}")

    def stop(self) -> None:
        """No new alerts; those not acknowledged yet are still sent again. Returns when no sender is left."""
        self._ending.set()
        for thread in self._threads:
            thread.join(GIVES_UP_S + 2 * HTTP_TIMEOUT_S)
            if thread.is_alive():
                self.failures.append("a sender does not end")

    def give_up(self) -> None:
        """Nobody sends an alert again any more."""
        self._giving_up.set()

    # --- sending ----------------------------------------------------------------------------------

    def _send_on(self, way: str, index: int) -> None:
        rng = random.Random(f"sender {self.seed} {index}")
        send: Callable[[Sent], None]
        client = None
        if way == "grpc":
            client = Client(find_target(TargetFlags(config=str(self.stack.config_file))))
            send = lambda item, client=client: self.by_grpc(item, client)  # type: ignore[misc]  # noqa: E731
        else:
            send = self.by_http
        try:
            while not self._ending.is_set():
                self._send_until_heard(self._next(rng), send, gives_up=rng.random() < 0.05)
                time.sleep(self.pauses_s[way] * 2 * rng.random())
        finally:
            if client is not None:
                client.close()

    def _send_until_heard(self, item: Sent, send: Callable[[Sent], None], *, gives_up: bool) -> None:
        deadline = time.monotonic() + GIVES_UP_S
        before = len(item.heard)
        while len(item.heard) == before:
            send(item)
            if len(item.heard) > before:
                return
            if gives_up or self._giving_up.is_set() or time.monotonic() > deadline:
                item.is_given_up = True
                return
            time.sleep(PAUSE_S)

    def _next(self, rng: random.Random) -> Sent:
        kinds, weights = zip(*self.market.weights, strict=True)
        kind = rng.choices(kinds, weights)[0]
        with self._lock:
            if kind == "again" and self.sent:
                return rng.choice(self.sent[-50:])
            item = Sent(number=len(self.sent), kind="entry" if kind == "again" else kind, body={})
            item.body = self._body(item, rng)
            self.sent.append(item)
            return item

    def _body(self, item: Sent, rng: random.Random) -> Plain:
        ticker, timeframe = rng.choice(self.market.tickers), rng.choice(self.market.timeframes)
        price = self.prices.now[ticker] * (1 + D(rng.randint(-30, 20)) / 10000)
        action = rng.choice(("buy", "sell")) if self.market.may_go_short and item.kind != "exit" else "buy"
        more: Plain = {"strategy_info": {"trade_id": item.trade_id}}
        if item.kind == "reduce" and self.market.reduces:
            sizes = {"market_position_size": "2", "prev_market_position_size": "3", "order_size": "1"}
            more = merged(more, {"execution_intent": {"type": "reduce"}, "tv": sizes})
        elif item.kind != "entry":
            more["execution_intent"] = {"type": item.kind if item.kind == "reverse" else "exit"}
        if item.kind in ("exit", "reduce"):
            action = "sell"
        body = alert(ticker, timeframe, action, price=f"{price:.2f}", **more)
        stamp_s = time.time() - OLDEST_STAMP_S * rng.random()
        return {**body, "timestamp": int(stamp_s * 1000)}

    def by_http(self, item: Sent) -> None:
        """Once. What it heard is noted."""
        body = json.dumps({"secret": self._secret, **item.body}).encode()
        connection = HTTPConnection("127.0.0.1", self.stack.ports[1], timeout=HTTP_TIMEOUT_S)
        try:
            connection.request("POST", f"/hook/{SOURCE}", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            status, found = answer.status, json.loads(answer.read())
        except (OSError, HTTPException, ValueError) as error:
            self._refused(item, f"http {type(error).__name__}")
            return
        finally:
            connection.close()
        if status in (200, 202):
            self._hear(item, "http", found)
        else:
            self._refused(item, f"http {status} {found.get('reason')}: {found.get('error')}")
            if status not in (503, 400):
                self.failures.append(f"the webhook answered {status} {found} to {item.trade_id}")

    def by_grpc(self, item: Sent, client: Client) -> None:
        """Once. What it heard is noted."""
        request = signal_pb2.SubmitSignalRequest(source=SOURCE, body=json.dumps(item.body).encode())
        try:
            answer = client.call(request, signal_pb2.SubmitSignalResponse, timeout_s=GRPC_TIMEOUT_S)
        except ClientError as error:
            self._refused(item, f"grpc {error.code} {error.reason}: {error.message}")
            return
        enum = signal_pb2.Signal.DESCRIPTOR.fields_by_name["outcome"].enum_type
        signal = answer.signal
        found = {
            "outcome": enum_name(enum, signal.outcome),
            "first_outcome": enum_name(enum, signal.first_outcome) if signal.first_outcome else "",
            "signal_id": signal.signal_id,
            "group_id": signal.group_id,
            "reason": signal.reason,
        }
        self._hear(item, "grpc", found)

    def _hear(self, item: Sent, way: str, found: dict[str, Any]) -> None:
        told = {name: str(found.get(name, "")) for name in ("outcome", "first_outcome", "signal_id", "group_id")}
        item.heard.append(Heard(way=way, reason=str(found.get("reason", "")), **told))

    def _refused(self, item: Sent, words: str) -> None:
        item.refused.append(words)
        with self._lock:
            self.refusals[words.partition(":")[0]] += 1

    # --- prices -----------------------------------------------------------------------------------

    def _move_prices(self) -> None:
        while not self._ending.is_set():
            self.prices.step()
            time.sleep(PRICE_PAUSE_S)

    def _trade_along(self, others: Callable[[random.Random], None]) -> None:
        rng = random.Random(f"others {self.seed}")
        while not self._ending.is_set():
            with contextlib.suppress(OSError):
                others(rng)
            time.sleep(OTHERS_PAUSE_S)

    def settle_prices(self, within_s: float) -> None:
        """Every price once more, until it is taken: what the venue had lost is there again."""
        deadline = time.monotonic() + within_s
        for symbol in self.prices.now:
            while not self.prices.tell(symbol):
                if time.monotonic() > deadline:
                    self.failures.append(f"nobody takes the price of {symbol}")
                    return
                time.sleep(PAUSE_S)


class PaperPrices:
    """Tells a paper account the price of a ticker, over gRPC."""

    def __init__(self, stack: Stack, symbol_of: dict[str, str]) -> None:
        self._stack, self._symbol_of = stack, symbol_of
        self._client: Client | None = None

    def __call__(self, ticker: str, price: Decimal) -> None:
        if self._client is None:
            self._client = Client(find_target(TargetFlags(config=str(self._stack.config_file))))
        request = account_pb2.SetPaperPriceRequest(symbol=self._symbol_of[ticker], price=f"{price:f}")
        self._client.call(request, account_pb2.SetPaperPriceResponse, timeout_s=2.0)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
