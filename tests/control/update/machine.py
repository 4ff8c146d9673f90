"""A machine with versions of Terrace, run by a small supervisor that stands in for systemd, under load."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from control.client import ClientError
from control.update.home import Home
from control.update.install import Wanted, install
from tests.control.update.wheels import ROOT, dependencies
from tests.processes.books import copied, paper_venue, read_store, refused_by_the_daemon, spooled
from tests.processes.checks import Terms, at_rest
from tests.processes.load import Load, Market, PaperPrices, Prices
from tests.processes.quiet import Quiet
from tests.processes.works import PaperStack, paper_config
from tests.system.stack import merged, until

D = Decimal
UPDATE_S = 240.0
SETTLES_S = 60.0
SYSTEMCTL = '''#!{python}
"""Starts and stops what units say, by process id; nothing is started again by itself."""
import os, pathlib, shlex, signal, subprocess, sys, time
words = [word for word in sys.argv[1:] if not word.startswith("-")]
verb, names = words[0], [word for word in words[1:] if word.endswith(".service")]
units, state = pathlib.Path({units!r}), pathlib.Path({state!r})
def pid(name):
    try:
        number = int((state / name).read_text())
        alive = pathlib.Path(f"/proc/{{number}}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, ValueError):
        return 0
    return number if alive else 0
def start(name):
    if pid(name):
        return
    line = next(line for line in (units / name).read_text().splitlines() if line.startswith("ExecStart="))
    with open(state / (name + ".log"), "ab") as log:
        child = subprocess.Popen(shlex.split(line.removeprefix("ExecStart=")), stdin=subprocess.DEVNULL, stdout=log,
                                 stderr=log, start_new_session=True)
    (state / name).write_text(str(child.pid))
def stop(name):
    number = pid(name)
    if number:
        os.kill(number, signal.SIGTERM)
        for _ in range(1800):
            if not pid(name):
                break
            time.sleep(0.05)
    (state / name).unlink(missing_ok=True)
for name in names:
    if verb in ("stop", "restart"):
        stop(name)
    if verb in ("start", "restart"):
        start(name)
    if verb == "show":
        number = pid(name)
        word = "active" if number else "failed" if (state / name).exists() else "inactive"
        result = "exit-code" if word == "failed" else "success"
        print(f"ActiveState={{word}}\\nMainPID={{number}}\\nNRestarts=0\\nResult={{result}}\\nStatusText=")
'''
UNIT = """# Written by `terrace service install`, 0000000000000000
[Service]
ExecStart={command}
"""


class Machine:
    """One installation in `folder`, with a home. `config` is laid over a rich paper account."""

    def __init__(self, folder: Path, config: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        self.stack = PaperStack(folder, paper_config(merged({"strategy": {"default": STRATEGY}}, config or {})))
        self.home = Home(folder / "home")
        self.home.make()
        self.environ = self._environment()
        self.load: Load | None = None

    def _environment(self) -> dict[str, str]:
        units, state, programs = self.folder / "xdg/systemd/user", self.folder / "units", self.folder / "bin"
        for made in (units, state, programs):
            made.mkdir(parents=True)
        program = programs / "systemctl"
        program.write_text(SYSTEMCTL.format(python=sys.executable, units=str(units), state=str(state)))
        program.chmod(0o755)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TERRACE_", "XDG_"))}
        return kept | {
            "NO_COLOR": "1",
            "HOME": str(self.folder),
            "XDG_CONFIG_HOME": str(self.folder / "xdg"),
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(dependencies(self.folder / "needs")),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    # --- versions and services --------------------------------------------------------------------

    def install(self, wheel: Path, version: str) -> None:
        """As the one in use."""
        before = dict(os.environ)
        os.environ["PYTHONPATH"] = self.environ["PYTHONPATH"]
        try:
            install(self.home, Wanted(version=version, source=str(wheel), is_offline=True), ())
        finally:
            os.environ.clear()
            os.environ.update(before)
        self.home.use(version)

    def begin(self) -> None:
        """Units for daemon and forwarder, both running and ready."""
        from control.service.files import signed

        config = str(self.stack.config_file)
        commands = {
            "daemon": [self.home.bin / "terraced", "--config", config],
            "forwarder": [self.home.bin / "terrace", "--config", config, "forward"],
        }
        for name, words in commands.items():
            text = signed(UNIT.format(command=" ".join(map(str, words))))
            (self.folder / f"xdg/systemd/user/terrace-{name}.service").write_text(text)
        self.systemctl("start", "terrace-daemon.service")
        self.wait_ready()
        self.systemctl("start", "terrace-forwarder.service")
        until(self.listens, failure="the forwarder does not listen")

    def systemctl(self, *words: str) -> None:
        subprocess.run(["systemctl", "--user", *words], env=self.environ, check=True)

    def pid(self, name: str = "daemon") -> int:
        command = ["systemctl", "--user", "show", f"terrace-{name}.service"]
        done = subprocess.run(command, env=self.environ, check=True, capture_output=True, text=True)
        return int(dict(line.split("=", 1) for line in done.stdout.splitlines())["MainPID"])

    def log(self, name: str = "daemon") -> str:
        path = self.folder / f"units/terrace-{name}.service.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def wait_ready(self) -> None:
        def ready() -> bool:
            with contextlib.suppress(ClientError):
                return self.stack.client.is_serving(timeout_s=1)
            return False

        until(ready, failure=lambda: f"the daemon is not ready: {self.log()[-3000:]}")

    def listens(self) -> bool:
        with contextlib.suppress(AssertionError):
            self.stack.processes.clear()
            import socket

            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.stack.ports[1]), timeout=1):
                return True
        return False

    def end(self) -> None:
        for name in ("forwarder", "daemon"):
            if pid := self.pid(name):
                os.kill(pid, signal.SIGKILL)
        self.stack.close_client()

    # --- the commands -----------------------------------------------------------------------------

    def spawn(self, program: Path | None, *words: str) -> subprocess.Popen[str]:
        """None: this tree's, as somebody who has unpacked a newer version beside would run it."""
        here = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from control.__main__ import main; main()"
        own = [sys.executable, "-P", "-c", here] if program is None else [str(program)]
        return subprocess.Popen(
            [*own, "--config", str(self.stack.config_file), *words],
            env=self.environ,
            cwd=self.folder,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, program: Path | None, *words: str) -> tuple[int, str, str]:
        with self.spawn(program, *words) as process:
            out, err = process.communicate(timeout=UPDATE_S)
        return process.returncode, out, err

    def update(self, wheel: Path, *words: str, program: Path | None = None) -> tuple[int, dict[str, Any], str]:
        """`terrace update` to the end: exit code, answer, what it said."""
        options = ("--home", str(self.home.path), "--index-off", "--watch-s", "3", "--yes", "-o", "json")
        code, out, err = self.run(program, "update", str(wheel), *options, *words)
        return code, json.loads(out) if out.strip() else {}, err

    # --- load and checks --------------------------------------------------------------------------

    def begin_load(
        self, weights: tuple[tuple[str, float], ...] | None = None, seed: int = 1, pause_s: float = 0.1
    ) -> Load:
        """`weights`: how often what is sent; else a rich mix."""
        account = self.stack.config["accounts"]["paper"]
        tickers = {symbol.replace("/", ""): symbol for symbol in account["symbols"]}
        prices = Prices(dict.fromkeys(tickers, D(100)), PaperPrices(self.stack, tickers), seed)
        market = Market(tickers=tuple(tickers), timeframes=("15", "60", "240"))
        market = market if weights is None else replace(market, weights=weights)
        self.load = Load(self.stack, market, prices, seed=seed, http_senders=2, grpc_senders=1, pause_s=pause_s)
        self.load.start()
        return self.load

    @property
    def terms(self) -> Terms:
        config = self.stack.config
        began = D(config["accounts"]["paper"]["balances"]["USDT"])
        return Terms(max_open_groups=config["pool"]["max_open_groups"], is_swap=False, began_with=began)

    def settle(self) -> None:
        """No new alerts; nothing is under way any more."""
        assert self.load is not None
        self.load.stop()
        self.load.settle_prices(20.0)
        quiet = Quiet()

        def at_peace() -> bool:
            with self.readable() as folder:
                store, venue = read_store(folder), paper_venue(folder, "paper")
            waits = len(spooled(self.stack.data_dir / "spool.db"))
            self._busy = quiet.busy(store, venue, self.terms, waits)
            return not self._busy

        until(at_peace, SETTLES_S, lambda: f"not at rest: {self._busy[:5]}")

    def violations(self) -> list[str]:
        """Of every promise, between what senders were told, the store, and the venue."""
        assert self.load is not None
        spool = self.stack.data_dir / "spool.db"
        with self.readable() as folder:
            store, venue = read_store(folder), paper_venue(folder, "paper")
        found = at_rest(store, venue, self.terms, self.load.sent, refused_by_the_daemon(spool), spooled(spool))
        return [*map(str, found), *self.load.failures]

    @contextlib.contextmanager
    def readable(self) -> Iterator[Path]:
        """The store in this tree's schema: an older one is brought up on a copy."""
        data = self.stack.data_dir
        if self.schema() == _newest_schema():
            yield data
            return
        with copied(data, self.folder / "looked-at") as folder:
            environ = {**self.environ, "TERRACE_DATA_DIR": str(folder), "PYTHONPATH": str(ROOT)}
            command = [sys.executable, "-m", "daemon", "--config", str(self.stack.config_file), "db", "migrate"]
            subprocess.run(command, env=environ, check=True, capture_output=True, cwd=self.folder)
            yield folder

    def schema(self) -> str:
        with contextlib.closing(sqlite3.connect(f"file:{self.stack.data_dir / 'terrace.db'}?mode=ro", uri=True)) as db:
            return str(db.execute("SELECT name FROM migratehistory ORDER BY id DESC LIMIT 1").fetchone()[0])


def _newest_schema() -> str:
    return max(path.stem for path in (ROOT / "daemon/store/migrations").glob("[0-9]*.py"))


STRATEGY = {"tp_mode": "per_leg", "tp_percent": "0.6", "entry_order": "limit", "max_pyramids": 3}
