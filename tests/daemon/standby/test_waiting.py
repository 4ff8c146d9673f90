"""A daemon that waits, as a process: what it answers, what keeps it from waiting, and that it leads in the end."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from daemon.api.errors import ApiReason
from protos.terrace.v1 import engine_pb2 as pb
from protos.terrace.v1 import types_pb2 as t
from tests import postgres as servers
from tests import stores
from tests.daemon.api.calls import refusal
from tests.daemon.daemon_process import DaemonProcess

pytestmark = pytest.mark.skipif(bool(servers.why_not()), reason=servers.why_not())

LIMIT_S = 40.0


@pytest.fixture
def leader(tmp_path: Path) -> Iterator[DaemonProcess]:
    with DaemonProcess(tmp_path / "a", {"storage": {"url": stores.new_postgres(), "standby": True}}) as daemon:
        yield daemon


def second(leader: DaemonProcess, folder: Path) -> DaemonProcess:
    return DaemonProcess(folder / "b", {"storage": leader.config["storage"]})


def listens(daemon: DaemonProcess) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", daemon.api_port), timeout=1):
        return True
    return False


def status_page(daemon: DaemonProcess, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{daemon.observe_port}{path}", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def shown_page(daemon: DaemonProcess, path: str) -> dict[str, Any]:
    """The body, which is JSON as the leader's, whatever the status."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{daemon.observe_port}{path}", timeout=5) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        text = error.read()
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.mark.rule("ORD-2", "LOG-3")
def test_it_says_whom_it_waits_for_refuses_the_rest_and_leads_once_the_other_has_stopped(
    leader: DaemonProcess, tmp_path: Path
) -> None:
    waiting = second(leader, tmp_path)
    shutil.copytree(leader.data_dir / "secrets", waiting.data_dir / "secrets")
    process = waiting.launch()
    until(lambda: listens(waiting), waiting)
    client = waiting.client()
    status = client.engine.GetStatus(pb.GetStatusRequest()).status
    assert (status.state, status.leadership.leads, status.leadership.epoch) == (t.ENGINE_STATE_RECOVERING, False, 1)
    assert f"127.0.0.1:{leader.api_port}" in status.leadership.leader
    refused = refusal(lambda: client.engine.PauseEngine(pb.PauseEngineRequest()))
    assert (refused.code, refused.reason) == (grpc.StatusCode.UNAVAILABLE, ApiReason.STANDBY)
    assert f"Ask the leader at 127.0.0.1:{leader.api_port}" in refused.message
    assert not waiting._is_serving()
    assert (status_page(waiting, "/healthz"), status_page(waiting, "/readyz")) == (200, 503)
    ready = shown_page(waiting, "/readyz")
    assert (ready["status"], ready["checks"][0]["passed"]) == ("standby", False)
    assert "it waits to take over" in ready["checks"][0]["message"]
    assert shown_page(waiting, "/healthz")["status"] == "alive"
    leads = leader.client().engine.GetStatus(pb.GetStatusRequest()).status.leadership
    assert (leads.leads, leads.epoch) == (True, 1)
    leader.stop()
    until(waiting._is_serving, waiting)
    leads = waiting.client().engine.GetStatus(pb.GetStatusRequest()).status.leadership
    assert (leads.leads, leads.epoch) == (True, 2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(LIMIT_S) == 0


@pytest.mark.rule("LOG-3")
def test_without_the_leaders_audit_key_it_refuses_to_wait_and_makes_none(leader: DaemonProcess, tmp_path: Path) -> None:
    waiting = second(leader, tmp_path)
    assert waiting.launch().wait(LIMIT_S) == 1
    assert "a standby needs the audit key of the daemon that leads" in waiting.log()
    assert not (waiting.data_dir / "secrets" / "audit.key").exists()
    secrets = waiting.data_dir / "secrets"
    secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
    (secrets / "audit.key").write_text(f"k1-00000000 {'ab' * 32}\n")
    (secrets / "audit.key").chmod(0o600)
    assert waiting.launch().wait(LIMIT_S) == 1
    assert "this machine's audit key does not fit the trail in the store" in waiting.log()
    assert "Copy secrets/audit.key of the leader's data_dir" in waiting.log()


def test_a_file_is_no_store_to_share(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path, {"storage": {"url": "sqlite:///terrace.db", "standby": True}})
    assert daemon.launch().wait(LIMIT_S) == 1
    assert "storage.standby needs a store that daemons can share" in daemon.log()


def until(holds: object, daemon: DaemonProcess) -> None:
    assert callable(holds)
    limit_s = time.monotonic() + LIMIT_S
    while not holds():
        assert daemon.process is not None
        assert daemon.process.poll() is None, daemon.log()[-3000:]
        assert time.monotonic() < limit_s, daemon.log()[-3000:]
        time.sleep(0.05)
