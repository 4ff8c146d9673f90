"""The whole engine in this process against a simulated venue: a real daemon in one thread, the venue in another.

    with Engine(folder, "binance", case_limit=100) as engine:
        group_id = engine.open(n)                 # group ids, and so client order ids, are known before they exist
        engine.venue.admin.fault(..., client_order_id=engine.name(group_id, Role.TAKE_PROFIT, 1))

Unmodified ccxt on real loopback sockets, a real store in the folder, signals through the API. Time-outs, receive
window and sweeps are short, so that a test of them takes seconds.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import grpc
import yaml

from actors.budget import LimitedBudget
from actors.rules.model import Group, Order, Role
from actors.rules.naming import make_client_order_id
from daemon.app import Daemon
from daemon.config.load import LoadedConfig, load_config
from daemon.exchanges import errors
from daemon.exchanges.ccxt_exchange import CcxtExchange
from daemon.ids import RandomIds
from daemon.tokens import Token, TokenRole, token_hash, write_tokens
from protos.terrace.v1 import types_pb2 as t
from tests import stores
from tests.daemon.api.calls import Client
from tests.system.stack import alert
from tests.wire.run import Running

START_S = 60.0
TIMEOUT_MS = 2_000
"""ccxt's patience with one request."""
RECV_WINDOW_MS = 3_000
WINDOW_MS = 3_500
"""What the gateway takes for the acceptance window: a request older than that cannot be accepted any more."""
SWEEP_S = 2
BAN_MS = 2_000
"""Taken for the length of a ban where the venue does not say it; ten minutes would be too long for a test."""
NO_LIMIT = 1_000_000
TOKEN = "token-of-the-test"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """An account at a simulated venue: how it is configured, and what its requests look like on the wire."""

    name: str
    simulator: str
    exchange: str
    market: str
    category: str
    """In the admin's requests; empty where the venue has one book."""
    place: tuple[str, str]
    """Method and path."""
    cancel: tuple[str, str]
    amend: tuple[str, str] | None
    look_up: tuple[str, str]
    user_stream: str
    """Part of the path of the account's own sockets, and of nobody else's."""
    refusal: str
    """A code that means: not executed, and it never will be."""
    temporary: str
    """A code that means: not executed, try again."""
    nobody_knows: str
    """A code that means: perhaps executed."""
    strange: str = "-9999"
    """A code nobody has documented."""
    symbols: tuple[str, ...] = ("ETHUSDT", "SOLUSDT", "BTCUSDT")


DESKS: Mapping[str, Desk] = {
    desk.name: desk
    for desk in (
        Desk(
            name="binance",
            simulator="binance",
            exchange="binance",
            market="spot",
            category="",
            place=("POST", "/api/v3/order"),
            cancel=("DELETE", "/api/v3/order"),
            amend=None,
            look_up=("GET", "/api/v3/order"),
            user_stream="/ws-api/v3",
            refusal="-2010",
            temporary="-1008",
            nobody_knows="-1007",
        ),
        Desk(
            name="binanceusdm",
            simulator="binanceusdm",
            exchange="binanceusdm",
            market="swap",
            category="",
            place=("POST", "/fapi/v1/order"),
            cancel=("DELETE", "/fapi/v1/order"),
            amend=("PUT", "/fapi/v1/order"),
            look_up=("GET", "/fapi/v1/order"),
            user_stream="/private/ws",
            refusal="-2019",
            temporary="-1008",
            nobody_knows="-1007",
        ),
        Desk(
            name="bybit_spot",
            simulator="bybit",
            exchange="bybit",
            market="spot",
            category="spot",
            place=("POST", "/v5/order/create"),
            cancel=("POST", "/v5/order/cancel"),
            amend=("POST", "/v5/order/amend"),
            look_up=("GET", "/v5/order/realtime"),
            user_stream="/v5/private",
            refusal="170131",
            temporary="10006",
            nobody_knows="10016",
            strange="999999",
        ),
        Desk(
            name="bybit_linear",
            simulator="bybit",
            exchange="bybit",
            market="swap",
            category="linear",
            place=("POST", "/v5/order/create"),
            cancel=("POST", "/v5/order/cancel"),
            amend=("POST", "/v5/order/amend"),
            look_up=("GET", "/v5/order/realtime"),
            user_stream="/v5/private",
            refusal="110007",
            temporary="10006",
            nobody_knows="10016",
            strange="999999",
        ),
    )
}


def config_for(desk: Desk, venue: Running, changes: Mapping[str, Any] | None = None) -> Json:
    """One account at this simulator; keys are in the environment. One leg a group, so that a case has few orders."""
    ends = venue.endpoints
    config: Json = {
        "config_version": 1,
        "data_dir": "./data",
        "accounts": {
            "venue": {
                "exchange": desk.exchange,
                "market": desk.market,
                "api_key": "env:WIRE_API_KEY",
                "api_secret": "env:WIRE_API_SECRET",
                "urls": {"rest": ends.rest, "ws": ends.ws},
            }
        },
        "routes": {"*": "venue"},
        "sources": {"tradingview": {"secret": "file:secrets/tradingview", "rate_per_minute": 60000}},
        "api": {"address": "127.0.0.1:0", "unix_socket": False},
        "forwarder": {"address": "127.0.0.1:0"},
        "observe": {"address": "127.0.0.1:0"},
        "execution": {"sweep_interval_s": SWEEP_S, "retry_base_ms": 200, "retries": 5},
        "pool": {"max_open_groups": 1000},
        "strategy": {
            "default": {
                "levels": [{"gap_percent": "0", "weight_percent": "100", "tp_percent": "1"}],
                "sizing": {"capital_per_pyramid": "300"},
                "unfilled_group_ttl_s": 0,
            }
        },
        "logging": {"level": "error"},
    }
    for name, value in (changes or {}).items():
        config[name] = {**config.get(name, {}), **value} if isinstance(value, Mapping) else value
    return config


class KnownIds(RandomIds):
    """Group ids are handed out as the test wants them."""

    def __init__(self) -> None:
        super().__init__(lambda: int(time.time() * 1000))
        self.next_group = ""

    def group_id(self) -> str:
        chosen, self.next_group = self.next_group, ""
        return chosen or super().group_id()


class Engine:
    """One daemon on one account at one simulated venue."""

    def __init__(self, folder: Path, desk_name: str, *, changes: Mapping[str, Any] | None = None) -> None:
        self.desk = DESKS[desk_name]
        self.folder = folder
        self.venue = Running(self.desk.simulator)
        self._changes = changes
        self.ids = KnownIds()
        self.prices: dict[str, Decimal] = {}
        self._failure: BaseException | None = None
        self._ban_ms = errors.BAN_MS
        self._opened: dict[str, tuple[str, str]] = {}
        """Symbol and timeframe by group."""

    # --- life -------------------------------------------------------------------------------------

    def __enter__(self) -> Engine:
        errors.BAN_MS = dict.fromkeys(errors.BAN_MS, BAN_MS)
        self.venue.__enter__()
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _start(self) -> None:
        status = self.venue.admin.status()
        self.venue.admin.limits(**dict.fromkeys(status["used"], NO_LIMIT))
        config_file = self.folder / "config.yaml"
        config = config_for(self.desk, self.venue, self._changes)
        config["storage"] = {"url": stores.url_of(self.folder / "data")}
        config_file.write_text(yaml.safe_dump(config, sort_keys=False))
        admin = Token(name="admin", role=TokenRole.ADMIN, expires=None, sha256=token_hash(TOKEN))
        write_tokens(self.folder / "data" / "secrets" / "tokens.yaml", [admin])
        ends = self.venue.endpoints
        environ = {**os.environ, "WIRE_API_KEY": ends.api_key, "WIRE_API_SECRET": ends.api_secret}
        loaded = load_config(config_file, environ)
        assert isinstance(loaded, LoadedConfig), str(loaded)
        self.daemon = Daemon(loaded, environ, with_signals=False)
        self.daemon._ids = self.ids
        self._thread = threading.Thread(target=self._run, name=f"engine at {self.desk.name}")
        self._thread.start()
        end = time.monotonic() + START_S
        while not self.daemon.ready.wait(0.05):
            assert self._thread.is_alive(), f"the daemon ended: {self._failure!r}"
            assert time.monotonic() < end, "the daemon does not get ready"
        self.client = Client(grpc.insecure_channel(f"127.0.0.1:{self.daemon.port}"), TOKEN)
        self.exchange = cast(CcxtExchange, self.daemon._parts.exchanges["venue"])
        client = self.exchange._venue.client
        client.timeout = TIMEOUT_MS
        client.options["recvWindow"] = RECV_WINDOW_MS
        self.exchange.acceptance_window_ms = WINDOW_MS
        budget = self.exchange.budget
        assert isinstance(budget, LimitedBudget)
        wide = tuple(replace(window, limit=NO_LIMIT) for window in budget.rules.windows)
        budget.change(replace(budget.rules, windows=wide))
        self.prices = {symbol: Decimal(price) for symbol, price in self._prices_there().items()}

    def _run(self) -> None:
        try:
            asyncio.run(self.daemon.run())
        except BaseException as error:
            self._failure = error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if hasattr(self, "client"):
            self.client.close()
        if hasattr(self, "_thread") and self._thread.is_alive():
            self.daemon.stop()
            self._thread.join(START_S)
        self.venue.__exit__(kind, error, trace)
        errors.BAN_MS = self._ban_ms
        if kind is None:
            assert self._failure is None, self._failure

    # --- doing ------------------------------------------------------------------------------------

    def name(self, group_id: str, role: Role, attempt: int) -> str:
        """The client order id of an attempt of the group's one leg; a close is of the whole group."""
        place = (None, None) if role is Role.CLOSE else (0, 0)
        prefix = self.daemon._store.boot.installation_id + "00"
        return make_client_order_id(
            prefix=prefix, group_id=group_id, pyramid=place[0], leg=place[1], role=role, attempt=attempt
        )

    def open(self, group_id: str, number: int) -> None:
        """An alert for a group of that id, on a symbol and timeframe of its own, half a percent below the market."""
        symbol = self.desk.symbols[number % len(self.desk.symbols)]
        timeframe = str(number + 1)
        price = (self.prices[symbol] * Decimal("0.995")).quantize(Decimal("0.01"))
        self.ids.next_group = group_id
        self._opened[group_id] = (symbol, timeframe)
        signal = self.client.send(alert(symbol, timeframe, price=str(price)))
        if signal.outcome == t.OUTCOME_OPENED:
            assert signal.group_id == group_id
            return
        assert signal.outcome == t.OUTCOME_QUEUED, signal
        words = f"{group_id} is not promoted: {signal.reason} {signal.reason_detail}"
        self.until(lambda: self.group(group_id) is not None, START_S, lambda: words)

    def exit(self, group_id: str) -> None:
        symbol, timeframe = self._opened[group_id]
        signal = self.client.send(alert(symbol, timeframe, action="sell", execution_intent={"type": "exit"}))
        assert signal.outcome == t.OUTCOME_EXITED, signal

    def fill(self, client_order_id: str, quantity: Decimal) -> None:
        body: Json = {"client_order_id": client_order_id, "quantity": str(quantity)}
        if self.desk.category:
            body["category"] = self.desk.category
        self.venue.admin.post("fill", **body)

    def tell(self, message: object) -> None:
        """To the account's gateway."""
        self.daemon._parts.system.tell("gateway/venue", message)

    # --- looking ----------------------------------------------------------------------------------

    def group(self, group_id: str) -> Group | None:
        """As the View has it; None: not there yet."""
        return self.daemon._parts.view.current.find(group_id)

    def orders(self, group_id: str, role: Role | None = None) -> list[Order]:
        group = self.group(group_id)
        return [order for order in (group.orders.values() if group else ()) if role in (None, order.role)]

    def ledger(self) -> Json:
        path = f"ledger?category={self.desk.category}" if self.desk.category else "ledger"
        return cast(Json, self.venue.admin.get(path))

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        return stores.rows(self.folder / "data", sql, parameters)

    def until(self, condition: Callable[[], Any], timeout_s: float, failure: Callable[[], str]) -> Any:
        end = time.monotonic() + timeout_s
        while not (value := condition()):
            assert self._thread.is_alive(), f"the daemon ended: {self._failure!r}"
            assert time.monotonic() < end, failure()
            time.sleep(0.05)
        return value

    def _prices_there(self) -> dict[str, str]:
        ledger = self.ledger()
        return {symbol: price for symbol, price in ledger["prices"].items() if price is not None}
