"""The daemon that is measured: its config, and its processes in a folder of their own."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.bench.traced_daemon import Trace
from tests.system.stack import START_S, Stack, now_iso

BASES = ("BTC", "ETH", "SOL", "BNB", "XRP", "ADA", "DOGE", "LINK", "AVAX", "LTC")
SYMBOLS = tuple(f"{base}/USDT" for base in BASES)
ROUND = {"tick_size": "0.01", "step_size": "0.001", "min_quantity": "0.001", "min_notional": "5"}
PRICE, ENTRY = "110", "100"
"""The mark stands above all entries, so every ladder rests whole and nothing but the path itself is measured."""
LEGS = 5
LOOK_S = 0.005

CONFIG: dict[str, Any] = {
    "accounts": {
        "paper": {
            "symbols": list(SYMBOLS),
            "start_prices": dict.fromkeys(SYMBOLS, PRICE),
            "instruments": dict.fromkeys(SYMBOLS, ROUND),
            "balances": {"USDT": "1000000000"},
        }
    },
    "sources": {"tradingview": {"rate_per_minute": 10_000_000, "burst": 1_000_000}},
    "strategy": {"default": {"unfilled_group_ttl_s": 0}},
    "pool": {"max_open_groups": 10_000},
}
"""The shipped ladder of five legs and default durability, with room for every group and no rate limit."""


class World(Stack):
    """An installation whose daemon notes what its paper exchange accepts."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        super().__init__(folder, CONFIG)
        self.folder = folder / "logs"  # Beside its config every line would rouse the daemon.
        self.folder.mkdir()
        self.trace = Trace(self.folder / "accepted.trace")
        self.spawned_ns = 0

    def start_daemon(self) -> None:
        command = [sys.executable, "-m", "tests.bench.traced_daemon", str(self.folder / "accepted.trace")]
        self.spawned_ns = time.monotonic_ns()
        self.spawn("daemon", [*command, "--config", str(self.config_file)])

    def wait_ready_s(self) -> float:
        """Seconds from the start of the process until it says that it trades."""
        while not self._is_ready():
            if time.monotonic_ns() - self.spawned_ns > START_S * 1e9:
                raise AssertionError("the daemon is not ready: " + self.log("daemon")[-4000:])
            time.sleep(LOOK_S)
        return (time.monotonic_ns() - self.spawned_ns) / 1e9

    def _is_ready(self) -> bool:
        self._check_alive("daemon")
        connection = HTTPConnection("127.0.0.1", self.ports[2], timeout=1)
        with contextlib.suppress(OSError), contextlib.closing(connection):
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        return False

    def cpu_s(self) -> float:
        """Processor time the daemon has used, user and system."""
        return process_cpu_s(self.processes["daemon"].pid)

    def rss_mib(self) -> float:
        """Resident memory of the daemon, as the system counts it."""
        return process_rss_mib(self.processes["daemon"].pid)


def process_cpu_s(pid: int) -> float:
    """Processor time a process has used, user and system."""
    return time.clock_gettime(~pid << 3 | 2)  # How Linux names the clock of another process.


def process_rss_mib(pid: int) -> float:
    """Resident memory of a process, as the system counts it."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the process has no resident memory")


@contextlib.contextmanager
def world(folder: Path, *names: str) -> Iterator[World]:
    """A traced daemon, and the forwarder if named, ready; stopped at the end."""
    made = World(folder)
    try:
        made.start_daemon()
        made.wait_ready_s()
        for name in names:
            made.start(name)
        yield made
    finally:
        made.stop()


def alert(number: int, trade: int = 0) -> dict[str, Any]:
    """The alert of key `number`; `trade` tells alerts of one key apart."""
    return {
        "source": "tradingview",
        "timestamp": now_iso(),
        "tv": {
            "exchange": "BINANCE",
            "symbol": BASES[number % len(BASES)] + "USDT",
            "timeframe": str(number // len(BASES) + 1),
            "action": "buy",
            "entry_price": ENTRY,
        },
        "strategy_info": {"trade_id": f"{number}-{trade}", "alert_name": "bench"},
    }
