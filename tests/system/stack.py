"""A whole Terrace in a folder of its own: `terraced` and the forwarder as processes, on free loopback ports."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import yaml

from control.client import Client, ClientError, TargetFlags, find_target
from tests import stores
from tests.ports import free_ports

START_S = 60.0
"""How long a process may take to be ready; generous for a busy machine, a wait ends as soon as it is."""
EVENTUALLY_S = 60.0

Plain = dict[str, Any]


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> Plain:
    """`base` with `changes` laid over it, map by map; an empty map clears."""
    both = dict(base)
    for key, value in changes.items():
        inner = both.get(key)
        both[key] = (
            merged(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) and value else value
        )
    return both


def base_config(ports: list[int]) -> Plain:
    """A paper account whose prices only the test moves, on round instruments."""
    api, forwarder, observe = ports
    return {
        "config_version": 1,
        "data_dir": "./data",
        "accounts": {
            "paper": {
                "exchange": "paper",
                "prices": "manual",
                "symbols": ["BTC/USDT", "ETH/USDT"],
                "start_prices": {"BTC/USDT": "100", "ETH/USDT": "100"},
                "instruments": {
                    symbol: {"tick_size": "0.01", "step_size": "0.001", "min_quantity": "0.001", "min_notional": "5"}
                    for symbol in ("BTC/USDT", "ETH/USDT")
                },
                "balances": {"USDT": "100000"},
                "fill": "touch",
                "spread_percent": "0",
            }
        },
        "routes": {"*": "paper"},
        "sources": {"tradingview": {"secret": "file:secrets/tradingview"}},
        "api": {"address": f"127.0.0.1:{api}"},
        "forwarder": {"address": f"127.0.0.1:{forwarder}"},
        "observe": {"address": f"127.0.0.1:{observe}"},
        "execution": {"max_quote_age_s": 3600},
    }


class Stack:
    """One installation. `terrace(...)` is the CLI, `post(...)` the webhook, `call(...)` gRPC."""

    def __init__(self, folder: Path, config: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        self.ports = free_ports(3)
        self.config = merged(base_config(self.ports), config or {})
        self.config_file = folder / "config.yaml"
        self.data_dir = folder / "data"
        if stores.IS_POSTGRES:
            self.config = merged(self.config, {"storage": {"url": stores.url_of(self.data_dir)}})
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._client: Client | None = None
        self.write_config()

    # --- processes --------------------------------------------------------------------------------

    def write_config(self, changes: Mapping[str, Any] | None = None) -> None:
        self.config = merged(self.config, changes or {})
        self.config_file.write_text(yaml.safe_dump(self.config, sort_keys=False), encoding="utf-8")

    def start(self, *names: str) -> None:
        """Starts `daemon`, `forwarder` or both, and waits until they are ready."""
        for name in names or ("daemon",):
            command = {
                "daemon": [sys.executable, "-m", "daemon", "--config", str(self.config_file)],
                "forwarder": [sys.executable, "-m", "control", "--config", str(self.config_file), "forward"],
            }[name]
            self.spawn(name, command)
            if name == "daemon":
                self.wait_daemon()
            else:
                self.wait_forwarder()

    def spawn(self, name: str, command: list[str]) -> None:
        log = (self.folder / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log, env=_environment())
        log.close()

    def wait_daemon(self) -> None:
        def ready() -> bool:
            self._check_alive("daemon")
            with contextlib.suppress(ClientError):
                return self.client.is_serving(timeout_s=1)
            return False

        until(ready, START_S, "the daemon is not ready")

    def wait_forwarder(self) -> None:
        def ready() -> bool:
            self._check_alive("forwarder")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.ports[1]), timeout=1):
                return True
            return False

        until(ready, START_S, "the forwarder is not ready")

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """Ends one process by its id and waits for it. Its exit code."""
        process = self.processes.pop(name)
        process.send_signal(number)
        if name == "daemon":
            self.close_client()
        return process.wait(timeout=START_S)

    def stop(self) -> None:
        for name in list(self.processes):
            if self.processes[name].poll() is None:
                self.kill(name, signal.SIGTERM if name == "daemon" else signal.SIGKILL)
        self.close_client()

    def _check_alive(self, name: str) -> None:
        if self.processes[name].poll() is not None:
            raise AssertionError(f"{name} ended: " + self.log(name)[-4000:])

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    # --- talking to it ----------------------------------------------------------------------------

    @property
    def client(self) -> Client:
        if self._client is None:
            self._client = Client(find_target(TargetFlags(config=str(self.config_file))))
        return self._client

    def close_client(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def terrace(self, *words: str, code: int | None = 0, text: str = "") -> str:
        """Runs the CLI; its standard output. `code`: what it must exit with, None for any."""
        command = [sys.executable, "-m", "control", "--config", str(self.config_file), *words]
        done = subprocess.run(
            command, input=text.encode(), capture_output=True, timeout=START_S, env=_environment(), check=False
        )
        if code is not None:
            assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout!r}\n{done.stderr.decode()}"
        return done.stdout.decode()

    def json(self, *words: str, code: int | None = 0, text: str = "") -> Any:
        return json.loads(self.terrace(*words, "-o", "json", code=code, text=text))

    def send(self, body: Plain, code: int | None = 0) -> Plain:
        """`terrace signal send -`; the signal of the answer."""
        found: Plain = self.json("signal", "send", "-", code=code, text=json.dumps(body))["signal"]
        return found

    def post(self, body: Plain | bytes, source: str = "tradingview", *, secret: bool = True) -> tuple[int, Plain]:
        """The webhook: HTTP status and answer."""
        if isinstance(body, dict):
            body = json.dumps({"secret": self.secret(source), **body} if secret else body).encode()
        connection = HTTPConnection("127.0.0.1", self.ports[1], timeout=30)
        try:
            connection.request("POST", f"/hook/{source}", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def secret(self, source: str = "tradingview") -> str:
        return (self.data_dir / "secrets" / source).read_text(encoding="utf-8").strip()

    def price(self, symbol: str, price: str) -> None:
        self.terrace("paper", "price", symbol, price)

    # --- looking at it ----------------------------------------------------------------------------

    def groups(self, *, closed: bool = False) -> list[Plain]:
        found: list[Plain] = self.json("group", "list", *(["--all"] if closed else []))["groups"]
        return found

    def group(self, group_id: str) -> Plain:
        found: Plain = self.json("group", "show", group_id)["group"]
        return found

    def balances(self) -> dict[str, Decimal]:
        account = self.json("account", "show", "paper")["account"]
        return {row["asset"]: Decimal(row["total"]) for row in account["balances"]}

    def rows(self, sql: str, *parameters: object, file: str = "terrace.db") -> list[tuple[Any, ...]]:
        """Rows of the store (or the paper venue's books), read from the file as it is."""
        if file == "terrace.db" and stores.IS_POSTGRES:
            return stores.rows(self.data_dir, sql, parameters)
        connection = sqlite3.connect(f"file:{self.data_dir / file}?mode=ro", uri=True, timeout=30)
        try:
            return connection.execute(sql, parameters).fetchall()
        finally:
            connection.close()


def until(
    condition: Any, timeout_s: float = EVENTUALLY_S, failure: str | Callable[[], str] = "it did not come true in time"
) -> Any:
    """Waits for something to be true and gives it back. AssertionError after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(failure() if callable(failure) else failure)
        time.sleep(0.05)


def alert(symbol: str = "BTCUSDT", timeframe: str = "60", action: str = "buy", **more: Any) -> Plain:
    """An alert body as TradingView sends it. `price` is the entry price; `execution_intent` and others pass through."""
    tv = {"exchange": "BINANCE", "symbol": symbol, "timeframe": timeframe, "action": action}
    if "price" in more:
        tv["entry_price"] = more.pop("price")
    body: Plain = {"source": "tradingview", "timestamp": now_iso(), "tv": tv}
    return merged(body, more)


def now_iso() -> str:
    """Now, as `{{timenow}}` writes it but with fractions, so that two alerts of a test are two."""
    seconds = time.time_ns()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds // 10**9)) + f".{seconds % 10**9 // 10**3:06d}Z"


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TERRACE_")}
    return kept | {"NO_COLOR": "1", "PYTHONPATH": str(Path(__file__).parent.parent.parent)}


@contextlib.contextmanager
def running(folder: Path, config: Mapping[str, Any] | None = None, *names: str) -> Iterator[Stack]:
    """A stack with these processes, stopped at the end."""
    stack = Stack(folder, config)
    try:
        stack.start(*(names or ("daemon",)))
        yield stack
    finally:
        stack.stop()
