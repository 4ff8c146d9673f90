"""Running a simulated venue from a test: in a thread of this process, or as a process of its own.

    with Running("binance") as venue:                    # process=True: `python -m tests.wire binance`
        venue.endpoints.rest, .ws, .tls_port, .api_key, .api_secret
        venue.admin.price("BTCUSDT", "50000")
        venue.admin.fault("accept_then_drop", path="/api/v3/order", client_order_id="abc")
        venue.admin.ledger()["orders"]
        venue.call(lambda simulator: simulator.account.orders(open_only=True))       # in-thread only

`redirect(client, endpoints)` rewrites a ccxt client's addresses; `tests.wire.core.tls.client_session` is the other way.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from tests.wire.core.server import Endpoints, Simulator

VENUES: Mapping[str, str] = {
    "binance": "tests.wire.binance_spot.venue",
    "binanceusdm": "tests.wire.binance_usdm.venue",
    "bybit": "tests.wire.bybit.venue",
}
START_S = 20.0
T = TypeVar("T")
Number = Decimal | str | int


def make_simulator(venue: str, instruments: Path | None = None) -> Simulator:
    """KeyError for a venue that is none."""
    made = importlib.import_module(VENUES[venue]).make_simulator(instruments)
    assert isinstance(made, Simulator)
    return made


class AdminFault(Exception):
    """The simulator refused an admin request. Its words."""


class Admin:
    """The back door, from any thread that is not the simulator's."""

    def __init__(self, url: str) -> None:
        self._url = url

    def post(self, name: str, **body: Any) -> Any:
        return self._ask(name, json.dumps(body, default=str).encode())

    def get(self, name: str) -> Any:
        return self._ask(name, None)

    def _ask(self, name: str, body: bytes | None) -> Any:
        request = urllib.request.Request(f"{self._url}/_admin/{name}", data=body)
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AdminFault(error.read().decode()) from error

    def price(self, symbol: str, price: Number) -> None:
        self.post("price", symbol=symbol, price=str(price))

    def fill(self, client_order_id: str, quantity: Number) -> Any:
        return self.post("fill", client_order_id=client_order_id, quantity=str(quantity))

    def fault(self, kind: str, **fields: Any) -> None:
        self.post("fault", kind=kind, **fields)

    def reset_faults(self) -> None:
        self.post("reset_faults")

    def foreign(self, symbol: str, side: str, quantity: Number, price: Number | None = None, **more: Any) -> Any:
        kind = "market" if price is None else "limit"
        given = None if price is None else str(price)
        return self.post("foreign", symbol=symbol, side=side, type=kind, quantity=str(quantity), price=given, **more)

    def limits(self, **limits: int) -> Any:
        return self.post("limits", **limits)

    def clock(self, offset_ms: int) -> None:
        self.post("clock", offset_ms=offset_ms)

    def ledger(self) -> Any:
        return self.get("ledger")

    def requests(self, since: int = 0, path: str = "") -> list[Any]:
        """Logged requests from that number on whose path contains `path`."""
        return [entry for entry in self.get(f"requests?since={since}") if path in entry["path"]]

    def frames(self, since: int = 0, path: str = "") -> list[Any]:
        """Stream frames that left, from that number on, of sockets whose path contains `path`."""
        found: list[Any] = self.get(f"frames?since={since}&path={path}")
        return found

    def status(self) -> Any:
        return self.get("status")


class Running:
    """A simulator that runs while the `with` block does."""

    def __init__(self, venue: str, *, instruments: Path | None = None, process: bool = False, port: int = 0) -> None:
        self.venue, self._instruments, self._in_process, self._port = venue, instruments, process, port
        self._process: subprocess.Popen[str] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self.simulator: Simulator | None = None
        """In-thread only; to be used through `call`."""
        self.endpoints: Endpoints

    def __enter__(self) -> Running:
        if self._in_process:
            self._start_process()
        else:
            self._start_thread()
        self.admin = Admin(self.endpoints.rest)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=10)
            if self._process.stdout is not None:
                self._process.stdout.close()
        if self._loop is not None and self._thread is not None and self.simulator is not None:
            asyncio.run_coroutine_threadsafe(self.simulator.stop(), self._loop).result(timeout=10)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=10)

    def call(self, do: Callable[[Any], T]) -> T:
        """Does something with the simulator on its own loop and returns what came of it. In-thread only."""
        assert self._loop is not None
        assert self.simulator is not None
        simulator, done = self.simulator, Future[T]()

        def work() -> None:
            try:
                done.set_result(do(simulator))
            except BaseException as error:
                done.set_exception(error)

        self._loop.call_soon_threadsafe(work)
        return done.result(timeout=10)

    def redirect(self, client: Any) -> Any:
        """`redirect` with these endpoints."""
        return redirect(client, self.endpoints)

    def _start_process(self) -> None:
        command = [sys.executable, "-m", "tests.wire", self.venue, "--port", str(self._port)]
        if self._instruments is not None:
            command += ["--instruments", str(self._instruments)]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).resolve().parents[2]
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the simulator ended with {self._process.wait(timeout=10)}")
        fields = json.loads(line)
        self.endpoints = Endpoints(
            fields["rest"], fields["ws"], fields["tls_port"], fields["api_key"], fields["api_secret"]
        )

    def _start_thread(self) -> None:
        started: Future[Endpoints] = Future()
        self._thread = threading.Thread(target=self._run, args=(started,), name=f"simulated {self.venue}", daemon=True)
        self._thread.start()
        self.endpoints = started.result(timeout=START_S)

    def _run(self, started: Future[Endpoints]) -> None:
        loop = asyncio.new_event_loop()
        self._loop = loop
        try:
            self.simulator = make_simulator(self.venue, self._instruments)
            started.set_result(loop.run_until_complete(self.simulator.start(self._port)))
            loop.run_forever()
            loop.run_until_complete(_wind_up())
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)
        finally:
            loop.close()


async def _wind_up() -> None:
    """Ends what still runs on this loop and lets closed sockets go."""
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0)


def redirect(client: Any, endpoints: Endpoints) -> Any:
    """Replaces scheme and host of every address in a ccxt client's `urls['api']`; the paths stay."""
    client.urls["api"] = _rewritten(client.urls["api"], endpoints)
    return client


def _rewritten(value: Any, endpoints: Endpoints) -> Any:
    if isinstance(value, Mapping):
        return {name: _rewritten(each, endpoints) for name, each in value.items()}
    if not isinstance(value, str) or "://" not in value:
        return value
    scheme, _, rest = value.partition("://")
    _, slash, path = rest.partition("/")
    return (endpoints.ws if scheme in ("ws", "wss") else endpoints.rest) + slash + path


def wait_until(condition: Callable[[], T], timeout_s: float = 5.0) -> T:
    """The first true value of the condition. AssertionError when it never comes."""
    end = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)
    return value
