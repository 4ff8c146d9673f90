"""What the forwarder tells the service manager that started it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.control.conftest import ROOT, Home
from tests.control.fake_daemon import FakeDaemon
from tests.control.hooks import Hooks

WAIT_S = 30.0


def wait_for(told: socket.socket, text: str) -> str:
    until_s = time.monotonic() + WAIT_S
    while time.monotonic() < until_s:
        told.settimeout(max(0.01, until_s - time.monotonic()))
        if text in (message := told.recv(65536).decode()):
            return message
    raise AssertionError(f"no {text}")


def test_the_forwarder_is_ready_once_it_listens_lives_and_says_that_it_stops(
    home: Home, daemon: FakeDaemon, tmp_path: Path
) -> None:
    home.write(f"config_version: 1\napi: {{address: '{daemon.address}'}}\nforwarder: {{address: '127.0.0.1:0'}}\n")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(tmp_path / "notify"))
        hooks = Hooks(home, environ={"NOTIFY_SOCKET": str(tmp_path / "notify")}).start()
        try:
            assert f"MAINPID={hooks.process.pid}" in wait_for(told, "READY=1")
            assert hooks.healthz()
            wait_for(told, "WATCHDOG=1")
            wait_for(told, "WATCHDOG=1")
        finally:
            code = hooks.stop()
        assert code == 0
        wait_for(told, "STOPPING=1")


def test_a_port_that_is_taken_is_named_with_the_key_to_change(home: Home) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        home.write(f"config_version: 1\nforwarder: {{address: '{address}'}}\n")
        command = [sys.executable, "-m", "control", "forward"]
        done = subprocess.run(
            command, cwd=ROOT, env=home.environ(), capture_output=True, text=True, timeout=WAIT_S, check=False
        )
    assert done.returncode == 1
    assert address in done.stderr
    assert "set forwarder.address to another" in done.stderr
