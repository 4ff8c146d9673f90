"""One installation to be broken: daemon on a clock of its own, forwarder, the ways between them, and a venue.

with Works(folder, paper_terms(...)) as works:
    works.begin()                       # all of it, ready
    works.kill("daemon"); works.spawn_daemon(); works.wait_ready()
    works.front.set(Link.BLACK_HOLE)    # between forwarder and daemon
    works.clock.offset_ms = 3_600_000
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from control.client import ClientError
from tests.processes.books import Store, Venue, copied, paper_venue, read_store, refused_by_the_daemon, spooled
from tests.processes.clock import ClockFile
from tests.processes.proxy import Proxy
from tests.system.stack import START_S, Plain, Stack, _environment, merged

D = Decimal
PAPER = "paper"
ACCOUNT = "paper"
DB_CHECK_S = 60.0


class Ended(Exception):
    """A process ended by itself. Its last words."""


class PaperStack(Stack):
    """`Stack` whose accounts are those of `config` and no others."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        self._accounts = config["accounts"]
        super().__init__(folder, {name: value for name, value in config.items() if name != "accounts"})

    def write_config(self, changes: Mapping[str, Any] | None = None) -> None:
        self.config = {**self.config, "accounts": self._accounts}
        super().write_config(changes)


class Works:
    """A paper account, its venue in a file of its own. `config` is laid over the stack's; ports are free ones."""

    account = ACCOUNT

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        self.folder = folder
        self.stack = self._make_stack(config)
        self.front = Proxy(self.stack.ports[0])
        self.clock = ClockFile(folder / "clock")
        self.bug = ""
        """A deliberate one that every daemon of this installation has."""
        self._open = contextlib.ExitStack()

    def _make_stack(self, config: Mapping[str, Any]) -> Stack:
        return PaperStack(self.folder, config)

    def __enter__(self) -> Self:
        self._open.enter_context(self.front)
        self._open.callback(self.end)
        self.stack.write_config({"forwarder": {"daemon": f"127.0.0.1:{self.front.port}"}})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
        self.clock.close()

    def end(self) -> None:
        """Every process that still runs is woken and ended."""
        for name, process in self.stack.processes.items():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                if name != "daemon":
                    process.kill()
        self.stack.stop()

    # --- processes --------------------------------------------------------------------------------

    def begin(self) -> None:
        """Daemon and forwarder, ready."""
        self.spawn_daemon()
        self.wait_ready()
        self.start_forwarder()

    def spawn_daemon(self) -> None:
        command = [sys.executable, "-m", "tests.processes.skewed_daemon", "--clock-file", str(self.folder / "clock")]
        command += ["--bug", self.bug] if self.bug else []
        self.stack.spawn("daemon", [*command, "--config", str(self.stack.config_file)])

    def start_forwarder(self) -> None:
        self.stack.start("forwarder")

    def wait_ready(self, limit_s: float = START_S) -> None:
        """Ended if the daemon does not live to see it."""
        deadline = time.monotonic() + limit_s
        while not self.is_ready():
            if time.monotonic() > deadline:
                raise Ended(f"the daemon is not ready after {limit_s:.0f} s: {self.stack.log('daemon')[-2000:]}")
            time.sleep(0.02)

    def is_ready(self) -> bool:
        """Ended if the daemon is no more."""
        self.look_alive("daemon")
        try:
            return self.stack.client.is_serving(timeout_s=0.5)
        except ClientError:
            return False

    def look_alive(self, name: str) -> None:
        process = self.stack.processes[name]
        if process.poll() is not None:
            raise Ended(f"the {name} ended by itself with {process.returncode}: {self.stack.log(name)[-2000:]}")

    def kill(self, name: str) -> None:
        """kill -9. Ended if it was gone before."""
        self.look_alive(name)
        self.stack.kill(name)

    def freeze(self, name: str) -> None:
        self.stack.processes[name].send_signal(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        self.stack.processes[name].send_signal(signal.SIGCONT)

    # --- looking ----------------------------------------------------------------------------------

    def store(self) -> Store:
        return read_store(self.stack.data_dir)

    def venue(self) -> Venue:
        return paper_venue(self.stack.data_dir, self.account)

    def spooled(self) -> list[bytes]:
        return spooled(self.stack.data_dir / "spool.db")

    def refused(self) -> list[tuple[bytes, str, str]]:
        return refused_by_the_daemon(self.stack.data_dir / "spool.db")

    def corpse(self) -> tuple[Store, Venue] | None:
        """Store and venue as a dead daemon left them; None where it had not even made them."""
        if not (self.stack.data_dir / "paper" / f"{self.account}.db").exists():
            return None
        with copied(self.stack.data_dir, self.folder / "corpse") as files:
            return read_store(files), paper_venue(files, self.account)

    def db_check(self) -> str:
        """What `terraced db check` finds wrong; empty: nothing."""
        command = [sys.executable, "-m", "daemon", "db", "check", "--config", str(self.stack.config_file)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=DB_CHECK_S, env=_environment(), check=False
        )
        return "" if done.returncode == 0 else f"{done.returncode}: {done.stdout[-1000:]} {done.stderr[-1000:]}"


def peak_mb(pid: int) -> float | None:
    """The most memory the process ever had, where the system tells."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return None
    found = [line.split()[1] for line in text.splitlines() if line.startswith("VmHWM")]
    return int(found[0]) / 1024 if found else None


SYMBOLS = tuple(f"{base}/USDT" for base in ("BTC", "ETH", "SOL", "XRP"))
ROUND = {"tick_size": "0.01", "step_size": "0.001", "min_quantity": "0.001", "min_notional": "5"}


def paper_config(changes: Mapping[str, Any] | None = None, *, market: str = "spot") -> Plain:
    """A rich paper account with four round instruments, a small pool, quick timers."""
    symbols = SYMBOLS if market == "spot" else tuple(f"{symbol}:USDT" for symbol in SYMBOLS)
    account = {
        "exchange": "paper",
        "prices": "manual",
        "market": market,
        "symbols": list(symbols),
        "start_prices": dict.fromkeys(symbols, "100"),
        "instruments": dict.fromkeys(symbols, ROUND),
        "balances": {"USDT": "1000000"},
    }
    base: Plain = {
        "accounts": {"paper": account},
        "sources": {"tradingview": {"rate_per_minute": 60000, "burst": 10000}},
        "pool": {"max_open_groups": 6},
        "queue": {"max_size": 12},
        "risk": {
            "post_full_wait_s": 1,
            "evaluate_interval_s": 1,
            "require_full_pyramids": False,
            "loss_threshold_percent": "-0.2",
            "min_close_notional": "5",
        },
        "execution": {"sweep_interval_s": 2, "max_quote_age_s": 3600},
        "alerts": {"disk_free_mb": 0},
        "logging": {"level": "warning"},
    }
    return merged(base, changes or {})
