"""`terrace up` as a process: a stand-in daemon, the real forwarder, real signals."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from tests.control.conftest import ROOT, SECRET, Home
from tests.control.hooks import Hooks

Start = Callable[..., "Up"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Up:
    def __init__(self, home: Home, **environ: str) -> None:
        self.hook_port = free_port()
        home.write(
            f"api: {{address: '127.0.0.1:{free_port()}'}}\nforwarder: {{address: '127.0.0.1:{self.hook_port}'}}\n"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.control.stand_in", "up", "--no-panel", "--config", str(home.config)],
            stdout=subprocess.PIPE,
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

    def begin(**environ: str) -> Up:
        started.append(Up(home, **environ))
        return started[-1]

    yield begin
    for up in started:
        if up.process.poll() is None:
            up.process.send_signal(signal.SIGINT)
            up.process.wait(30)
        assert up.process.stdout is not None
        up.process.stdout.close()


@pytest.mark.rule("SIG-1")
def test_up_prints_an_alert_to_paste_and_ctrl_c_stops_all_in_order(home: Home, start: Start) -> None:
    up = start()
    words = shlex.split(up.wait_for("curl "))
    body = json.loads(words[words.index("-d") + 1])
    assert body["secret"] == SECRET
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
    processes = subprocess.run(["ps", "-Aww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True)
    children = [line.split(None, 2) for line in processes.stdout.splitlines()]
    (pid,) = [int(pid) for pid, parent, args in children if int(parent) == up.process.pid and "forward" in args]
    os.kill(pid, signal.SIGKILL)
    assert up.end() == 1
    assert "forwarder has ended by itself (killed by SIGKILL): stopping the rest" in "".join(up.lines)
    assert "stand-in told to stop" in "".join(up.lines)


def test_a_daemon_that_does_not_start_ends_all_and_its_words_are_shown(start: Start) -> None:
    up = start(STAND_IN_FAILS="1")
    before = time.monotonic()
    assert up.end() == 1
    assert time.monotonic() - before < 10
    text = "".join(up.lines)
    assert "daemon    | config.yaml: line 3: no such key" in text
    assert "daemon has ended by itself (exit code 2)" in text


def test_a_sigterm_while_starting_stops_in_peace(start: Start) -> None:
    up = start()
    up.wait_for("stand-in ready")
    up.process.send_signal(signal.SIGTERM)
    assert up.end() == 0
