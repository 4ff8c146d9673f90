"""`terrace up` as a process: a stand-in daemon, the real forwarder, real signals."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.control.conftest import ROOT, SECRET, Home
from tests.control.hooks import Hooks
from tests.control.stand_in import STOPPED
from tests.ports import free_port

Start = Callable[..., "Up"]


def ports(api_port: int, hook_port: int) -> str:
    """A configuration that listens there."""
    api, forwarder = (f"{{address: '127.0.0.1:{port}'}}" for port in (api_port, hook_port))
    return f"config_version: 1\napi: {api}\nforwarder: {forwarder}\n"


def children_of(pid: int) -> dict[int, str]:
    """Process id -> command line."""
    found = subprocess.run(["ps", "-Aww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True)
    rows = [line.split(None, 2) for line in found.stdout.splitlines()]
    return {int(row[0]): row[2] for row in rows if int(row[1]) == pid}


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class Up:
    def __init__(
        self, home: Home, module: str = "tests.control.stand_in", output: int = subprocess.PIPE, **environ: str
    ) -> None:
        """With the home's configuration; where there is none, with one that listens on free ports."""
        self.hook_port = free_port()
        if not home.config.exists():
            home.write(ports(free_port(), self.hook_port))
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, "up", "--no-panel", "--config", str(home.config)],
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            env={**home.environ(), **environ},
        )
        self.lines: list[str] = []

    def wait_for(self, text: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if text in line:
                return line
        raise AssertionError(f"no '{text}' in {''.join(self.lines)}")

    def end(self) -> int:
        assert self.process.stdout is not None
        self.lines += self.process.stdout.readlines()
        return self.process.wait(30)

    def place_of(self, text: str) -> int:
        return next(index for index, line in enumerate(self.lines) if text in line)


@pytest.fixture
def start(home: Home) -> Iterator[Start]:
    started: list[Up] = []

    def begin(at: Home = home, **options: Any) -> Up:
        started.append(Up(at, **options))
        return started[-1]

    yield begin
    for up in started:
        if up.process.poll() is None:
            up.process.send_signal(signal.SIGINT)
            up.process.wait(30)
        if up.process.stdout is not None:
            up.process.stdout.close()


def as_a_shell_reads(line: str) -> list[str]:
    """The words of a command line, with what the shell puts into them."""
    done = subprocess.run(["sh", "-c", f"printf '%s\\0' {line.strip()}"], capture_output=True, text=True, check=True)
    return done.stdout.split("\0")[:-1]


@pytest.mark.rule("LOG-4")
def test_on_a_terminal_the_alert_has_its_secret_in_it_and_elsewhere_no_secret_is_ever_printed(
    home: Home, start: Start
) -> None:
    (home.data / "secrets" / "tradingview").unlink()
    environ = {"HOOK_SECRET": SECRET}
    home.write(ports(free_port(), free_port()) + "sources: {tradingview: {secret: env:HOOK_SECRET}}\n")
    piped = start(**environ)
    line = piped.wait_for("curl ")
    assert '"secret": "****"' in line
    assert "It stands in env:HOOK_SECRET" in piped.wait_for("Put the source's secret")
    piped.process.send_signal(signal.SIGINT)
    assert piped.end() == 0
    assert SECRET not in "".join(piped.lines)
    mine, theirs = os.openpty()
    shown = start(output=theirs, **environ)
    os.close(theirs)
    seen = b""
    while b"Stop:" not in seen:
        seen += os.read(mine, 65_536)
    assert f'"secret": "{SECRET}"'.encode() in seen
    shown.process.send_signal(signal.SIGINT)
    assert shown.process.wait(30) == 0
    os.close(mine)


@pytest.mark.rule("SIG-1")
def test_up_prints_an_alert_to_paste_and_ctrl_c_stops_all_in_order(home: Home, start: Start) -> None:
    up = start()
    line = up.wait_for("curl ")
    words = as_a_shell_reads(line)
    body = json.loads(words[words.index("-d") + 1])
    assert body["secret"] == SECRET
    assert SECRET not in line, "this is no terminal"
    assert str(home.data / "secrets" / "tradingview") in up.wait_for("shown on a terminal only")
    assert body["tv"] == {"exchange": "BINANCE", "symbol": "BTCUSDT", "timeframe": "15", "action": "buy"}
    url = re.fullmatch(r"http://127\.0\.0\.1:(\d+)(/hook/tradingview)", words[2])
    assert url is not None
    hooks = Hooks(home)
    hooks.host, hooks.port = "127.0.0.1", int(url[1])
    assert hooks.send(body, path=url[2]).json["outcome"] == "OPENED"
    up.process.send_signal(signal.SIGINT)
    assert up.end() == 0
    assert up.place_of('"message": "stopped"') < up.place_of("stand-in told to stop")
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", up.hook_port), timeout=5)


def test_a_child_that_dies_ends_all_with_a_clear_message(start: Start) -> None:
    up = start()
    up.wait_for("Stop:")
    (pid,) = [pid for pid, command in children_of(up.process.pid).items() if "forward" in command]
    os.kill(pid, signal.SIGKILL)
    assert up.end() == 1
    assert "forwarder has ended by itself (killed by SIGKILL): stopping the rest" in "".join(up.lines)
    assert "stand-in told to stop" in "".join(up.lines)


def test_a_daemon_that_does_not_start_ends_all_and_its_words_are_shown(start: Start) -> None:
    up = start(STAND_IN_FAILS="1")
    before = time.monotonic()
    assert up.end() == 2  # As the daemon says of a faulty config.
    assert time.monotonic() - before < 10
    text = "".join(up.lines)
    assert "daemon    | config.yaml: line 3: no such key" in text
    assert "daemon has ended by itself (exit code 2)" in text


def test_a_sigterm_while_starting_stops_in_peace(start: Start) -> None:
    up = start()
    up.wait_for("stand-in ready")
    up.process.send_signal(signal.SIGTERM)
    assert up.end() == 0


def test_a_terminal_that_closes_stops_every_child_in_peace(home: Home, start: Start) -> None:
    ours, theirs = os.openpty()
    ignored = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # Where the tests themselves were started with nohup.
    up = start(output=theirs)
    signal.signal(signal.SIGHUP, ignored)
    os.close(theirs)
    seen = b""
    while b"Stop:" not in seen:
        seen += os.read(ours, 65536)
    children = children_of(up.process.pid)
    assert len(children) == 2
    os.close(ours)  # From here on every word fails.
    for _ in range(2):  # As the kernel and the shell both do.
        up.process.send_signal(signal.SIGHUP)
        time.sleep(0.02)
    assert up.process.wait(30) == 0
    assert not [command for pid, command in children.items() if is_alive(pid)]
    assert (home.data / STOPPED).exists()


def test_up_goes_on_when_nobody_reads_its_words_any_more(home: Home, start: Start) -> None:
    ours, theirs = os.pipe()
    up = start(output=theirs)
    os.close(theirs)
    os.close(ours)
    give_up = time.monotonic() + 20
    while len(children_of(up.process.pid)) < 2:
        assert up.process.poll() is None
        assert time.monotonic() < give_up
        time.sleep(0.1)
    time.sleep(1)
    assert up.process.poll() is None
    up.process.send_signal(signal.SIGTERM)
    assert up.process.wait(30) == 0
    assert (home.data / STOPPED).exists()


@pytest.mark.parametrize("same", ["directory", "port"])
def test_a_second_up_says_why_its_daemon_is_refused_and_never_that_it_is_up(
    home: Home, start: Start, tmp_path: Path, same: str
) -> None:
    api_port = free_port()
    observed = f"observe: {{address: '127.0.0.1:{free_port()}'}}\n"
    home.write(ports(api_port, free_port()) + observed)
    first = start(module="control")
    first.wait_for("Stop:")
    other = home
    if same == "port":
        other = Home(tmp_path / "other")
        other.data.mkdir(parents=True, mode=0o700)
        other.write(ports(api_port, free_port()) + f"observe: {{address: '127.0.0.1:{free_port()}'}}\n")
    second = start(other, module="control")
    assert second.end() == 1
    text = "".join(second.lines)
    assert "Terrace is up" not in text
    assert "daemon has ended by itself (exit code 1)" in text
    assert ("is in use by process" if same == "directory" else f"127.0.0.1:{api_port}") in text
    assert "Stop that daemon" in text or "Is another daemon running?" in text
    assert first.process.poll() is None


def test_the_command_to_watch_works_as_it_is_printed(home: Home, start: Start) -> None:
    up = start()
    command = up.wait_for("Watch it:").removeprefix("Watch it:").strip()
    done = subprocess.run(
        f"{command} --once",
        shell=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=home.environ(),
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "RUNNING" in done.stdout.upper()


def test_without_a_readable_secret_there_is_no_alert_to_paste_but_the_reason(home: Home, start: Start) -> None:
    (home.data / "secrets" / "tradingview").unlink()
    up = start()
    up.wait_for("Stop:")
    text = "".join(up.lines)
    assert "curl " not in text
    assert "No alert to paste: sources.tradingview.secret: " in text
    assert "No such file" in text


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_says_that_it_sets_up_before_it_does_and_only_then(tmp_path: Path) -> None:
    for name in ("Makefile", "requirements.lock", "setup.cfg", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)

    def planned() -> str:
        command = ["make", "-n", "run", f"PYTHON={sys.executable}"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    told = "Setting up .venv from requirements.lock, about a minute ..."
    assert told in planned()
    assert planned().index(told) < planned().index("pip install")
    (tmp_path / ".venv").mkdir()
    for stamp in (".locked", ".ready"):
        (tmp_path / ".venv" / stamp).touch()
    assert told not in planned()
