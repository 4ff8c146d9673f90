"""The talk with a service manager: a real daemon process, and a socket that stands for systemd's."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import grpc
import pytest

from daemon.service_notify import MAX_STATUS_CHARS, ServiceNotify, from_environ, status
from protos.terrace.v1 import signal_pb2
from tests.daemon.api.calls import alert
from tests.daemon.daemon_process import DaemonProcess

WAIT_S = 60.0
WATCHDOG_S = 2.0
QUIET_S = 2 * WATCHDOG_S


class Manager:
    """Takes what a service tells."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.told: list[str] = []
        self._waited_for = 0

    def close(self) -> None:
        self._socket.close()

    def take(self, for_s: float) -> list[str]:
        """What comes within this time, also kept in `told`."""
        until_s, new = time.monotonic() + for_s, []
        while (left_s := until_s - time.monotonic()) > 0:
            self._socket.settimeout(left_s)
            try:
                new.append(self._socket.recv(65536).decode())
            except TimeoutError:
                break
        self.told += new
        return new

    def wait_for(self, text: str) -> str:
        """The first message with this text after the one that was waited for last."""
        until_s = time.monotonic() + WAIT_S
        while time.monotonic() < until_s:
            while self._waited_for < len(self.told):
                self._waited_for += 1
                if text in self.told[self._waited_for - 1]:
                    return self.told[self._waited_for - 1]
            self.take(0.1)
        raise AssertionError(f"no {text!r} among {self.told[-10:]}")


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    found = Manager(str(tmp_path / "notify"))
    yield found
    found.close()


class Hindered(DaemonProcess):
    """A daemon of a manager, with files that hinder it."""

    def __init__(self, folder: Path, manager: Manager, *hindrances: str) -> None:
        super().__init__(folder / "home")
        self.manager = manager
        for name in hindrances:
            self.hinder(name)

    def __enter__(self) -> Self:
        self.start()
        return self

    def hinder(self, name: str) -> None:
        (self.folder / name).touch()

    def free(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)

    def launch(self) -> subprocess.Popen[bytes]:
        module = ["tests.daemon.hindered_daemon", "--folder", str(self.folder)]
        told = {"NOTIFY_SOCKET": self.manager.address, "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6))}
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *module, "--config", str(self.config_file)],
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **told},
            )
        return self.process


def until(happens: Callable[[], bool]) -> None:
    until_s = time.monotonic() + WAIT_S
    while not happens():
        assert time.monotonic() < until_s
        time.sleep(0.02)


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_what_is_told_arrives_in_one_datagram_at_a_path_and_at_an_abstract_name(tmp_path: Path, kind: str) -> None:
    manager = Manager(str(tmp_path / "notify") if kind == "path" else f"@terrace-test-{os.getpid()}")
    from_environ({"NOTIFY_SOCKET": manager.address}).tell("READY=1", "MAINPID=7")
    assert manager.take(1.0) == ["READY=1\nMAINPID=7"]
    manager.close()
    from_environ({"NOTIFY_SOCKET": manager.address}).tell("READY=1")  # Nobody listens any more: no error.


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ServiceNotify()),
        ({"NOTIFY_SOCKET": "relative"}, ServiceNotify()),
        ({"NOTIFY_SOCKET": "/s"}, ServiceNotify(address="/s")),
        ({"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "1500000"}, ServiceNotify(address="/s", watchdog_s=1.5)),
        (
            {"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "90", "WATCHDOG_PID": "7"},
            ServiceNotify(address="/s", watchdog_s=9e-5),
        ),
        ({"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "9", "WATCHDOG_PID": "8"}, ServiceNotify(address="/s")),
        ({"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "soon"}, ServiceNotify(address="/s")),
    ],
)
def test_what_the_manager_passes_is_read(environ: dict[str, str], expected: ServiceNotify) -> None:
    assert from_environ(environ, pid=7) == expected


def test_a_status_is_one_bounded_line_that_sets_nothing_else() -> None:
    assert status("broken\nREADY=1  now") == "STATUS=broken READY=1 now"
    assert len(status("x" * 1000)) == len("STATUS=") + MAX_STATUS_CHARS


@pytest.mark.rule("REC-1")
def test_it_is_ready_only_after_its_account_is_reconciled_and_tells_its_reloads_and_its_end(
    tmp_path: Path, manager: Manager
) -> None:
    with Hindered(tmp_path, manager, "no-balances") as daemon:
        assert daemon.process is not None
        waits = manager.wait_for("STATUS=starting: waits for paper to be reconciled")
        assert "EXTEND_TIMEOUT_USEC=60000000" in waits
        daemon.process.send_signal(signal.SIGHUP)  # A reload must not make it ready.
        until(lambda: "reading_config_again" in daemon.log())
        manager.take(1.0)
        assert not any("READY=1" in message or "RELOADING" in message for message in manager.told)
        daemon.free("no-balances")
        ready = manager.wait_for("READY=1")
        assert f"MAINPID={daemon.process.pid}" in ready.splitlines()
        assert "STATUS=serving: 0 groups, 0 queued, 0 alerts" in ready
        daemon.process.send_signal(signal.SIGHUP)
        assert "MONOTONIC_USEC=" in manager.wait_for("RELOADING=1")
        manager.wait_for("READY=1")
        daemon.client().send(alert())
        manager.wait_for("STATUS=serving: 1 groups")
        assert daemon.stop() == 0
        manager.wait_for("STOPPING=1")


@pytest.mark.rule("REC-2")
def test_the_watchdog_is_fed_as_long_as_every_actor_answers_and_no_longer(tmp_path: Path, manager: Manager) -> None:
    with Hindered(tmp_path, manager) as daemon:
        manager.wait_for("READY=1")
        fed = [message for message in manager.take(QUIET_S) if "WATCHDOG=1" in message]
        assert len(fed) >= QUIET_S / WATCHDOG_S  # More often than the manager asks for, on a busy machine, too.
        daemon.hinder("hang")
        request = signal_pb2.SubmitSignalRequest(source="tradingview", body=json.dumps(alert()).encode())
        with pytest.raises(grpc.RpcError):
            daemon.client().signals.SubmitSignal(request, timeout=0.5)
        manager.wait_for("STATUS=hangs: no answer within 1 s from pool/paper")
        assert not [message for message in manager.take(QUIET_S) if "WATCHDOG=1" in message]
        assert "watchdog_not_fed" in daemon.log()
        assert '"thread":"pool/paper"' in daemon.log()
        daemon.free("hang")
        manager.wait_for("WATCHDOG=1")
        assert "watchdog_fed_again" in daemon.log()


@pytest.mark.rule("ORD-3")
def test_a_stop_waits_for_the_orders_the_exchange_has_not_answered(tmp_path: Path, manager: Manager) -> None:
    with Hindered(tmp_path, manager) as daemon:
        manager.wait_for("READY=1")
        daemon.hinder("no-acks")
        daemon.client().send(alert())
        assert daemon.process is not None
        daemon.process.send_signal(signal.SIGTERM)
        manager.wait_for("STOPPING=1")
        time.sleep(0.5)
        assert daemon.process.poll() is None
        daemon.free("no-acks")
        assert daemon.process.wait(WAIT_S) == 0
        assert "stopped_with_orders_open" not in daemon.log()
