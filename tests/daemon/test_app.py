"""The daemon as a process: start, stop, second daemons, signals, reload, recovery."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from protos.terrace.v1 import engine_pb2, group_pb2, record_pb2, signal_pb2
from protos.terrace.v1 import types_pb2 as t
from tests.daemon.api.calls import Client, alert, refusal
from tests.daemon.daemon_process import DaemonProcess


def until(true: Callable[[], bool], limit_s: float = 20.0) -> None:
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)


def page(daemon: DaemonProcess, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{daemon.observe_port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def terraced(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "daemon", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_a_first_start_makes_what_is_missing_and_lets_nobody_else_read_it(tmp_path: Path) -> None:
    with DaemonProcess(tmp_path) as daemon:
        for name in ("secrets/admin.token", "secrets/forwarder.token", "secrets/tradingview", "terrace.sock"):
            path = daemon.data_dir / name
            assert path.exists(), name
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, name
        for probe, status in (("/readyz", "ready"), ("/healthz", "alive")):
            code, text = page(daemon, probe)
            assert (code, json.loads(text)["status"]) == (200, status), text
        assert daemon.client().send(alert()).outcome == t.OUTCOME_OPENED
        with grpc.insecure_channel(f"unix:{daemon.data_dir}/terrace.sock") as channel:
            client = Client(channel, daemon.token())
            assert len(client.groups.ListGroups(group_pb2.ListGroupsRequest()).groups) == 1
        until(lambda: 'terrace_signals_total{outcome="opened"} 1.0' in page(daemon, "/metrics")[1])
        metrics = page(daemon, "/metrics")[1]
        assert 'terrace_live_groups{world="paper"} 1.0' in metrics
        assert 'terrace_mailbox_depth{actor="journal"}' in metrics
        assert "terrace_commit_seconds_count" in metrics
        series = [line for line in metrics.splitlines() if line and not line.startswith("#")]
        assert 140 < len(series) < 200, "docs/monitoring.md says how many there are"
        token = daemon.token()
        assert daemon.stop() == 0
        assert not (daemon.data_dir / "terrace.sock").exists()
        assert token not in daemon.log()
    lines = [json.loads(line) for line in daemon.log().splitlines()]
    assert {"starting", "ready", "stopping"} <= {line["message"] for line in lines}


@pytest.mark.rule("REC-1")
def test_what_was_acknowledged_is_there_after_a_kill(tmp_path: Path) -> None:
    with DaemonProcess(tmp_path, {"pool": {"max_open_groups": 2}}) as daemon:
        client = daemon.client()
        sent = [client.send(alert(symbol, strategy_info={"trade_id": "x"})) for symbol in ("BTCUSDT", "ETHUSDT")]
        queued = client.send(alert("SOLUSDT"))
        daemon.restart()
        client = daemon.client()
        groups = client.groups.ListGroups(group_pb2.ListGroupsRequest()).groups
        assert {group.group_id for group in groups} == {signal.group_id for signal in sent}
        status = client.engine.GetStatus(engine_pb2.GetStatusRequest()).status
        assert (status.live_groups, status.queued_signals) == (2, 1)
        assert status.state == t.ENGINE_STATE_RUNNING
        again = client.send(alert("BTCUSDT", strategy_info={"trade_id": "x"}))
        assert (again.outcome, again.duplicate_of_signal_id) == (t.OUTCOME_DUPLICATE, sent[0].signal_id)
        stored = client.signals.GetSignal(signal_pb2.GetSignalRequest(signal_id=queued.signal_id)).signal
        assert stored.outcome == t.OUTCOME_QUEUED


def test_a_second_daemon_on_the_same_data_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with DaemonProcess(tmp_path) as daemon:
        other = daemon.folder / "other.yaml"
        config = daemon.config_file.read_text(encoding="utf-8").replace(str(daemon.api_port), "0")
        other.write_text(config.replace(str(daemon.observe_port), "0"), encoding="utf-8")
        done = terraced("--config", str(other))
        assert done.returncode == 1
        assert "in use by process" in done.stderr
        assert "Traceback" not in done.stderr
        assert daemon.client().send(alert()).outcome == t.OUTCOME_OPENED
        with grpc.insecure_channel(f"unix:{daemon.data_dir}/terrace.sock") as channel:
            assert Client(channel, daemon.token()).groups.ListGroups(group_pb2.ListGroupsRequest()).groups


@pytest.mark.parametrize("taken", ["api", "observe"])
def test_a_port_that_is_taken_is_said_and_nothing_is_left_running(tmp_path: Path, taken: str) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        daemon = DaemonProcess(tmp_path, {taken: {"address": f"127.0.0.1:{port}"}})
        done = terraced("--config", str(daemon.config_file))
        assert done.returncode == 1
        assert f"127.0.0.1:{port} cannot be listened on" in done.stderr
        assert f"{taken}.address" in done.stderr
        assert "Traceback" not in done.stderr
    assert terraced("--config", str(daemon.config_file), "db", "check").returncode in (0, 2)


def test_a_stale_socket_of_a_daemon_that_died_is_no_obstacle(tmp_path: Path) -> None:
    with DaemonProcess(tmp_path) as daemon:
        daemon.kill()
        assert (daemon.data_dir / "terrace.sock").exists()
        daemon.start()
        with grpc.insecure_channel(f"unix:{daemon.data_dir}/terrace.sock") as channel:
            Client(channel, daemon.token()).groups.ListGroups(group_pb2.ListGroupsRequest())


def test_a_daemon_that_is_told_to_stop_answers_who_has_asked_and_ends_with_zero(tmp_path: Path) -> None:
    with DaemonProcess(tmp_path) as daemon:
        client = daemon.client()
        outcomes: list[int | grpc.StatusCode] = []
        stop = threading.Event()

        def send() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                try:
                    outcomes.append(client.send(alert(timeframe=str(number))).outcome)
                except grpc.RpcError as error:
                    outcomes.append(error.code())
                    return

        sender = threading.Thread(target=send)
        sender.start()
        until(lambda: len(outcomes) > 5)
        assert daemon.process is not None
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(30) == 0
        stop.set()
        sender.join()
    answered = [outcome for outcome in outcomes if isinstance(outcome, int)]
    assert len(answered) > 5
    assert outcomes[-1] in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
    assert "stopped_with_questions_open" not in daemon.log()


@pytest.mark.rule("CFG-2")
def test_a_changed_config_is_taken_at_once_and_a_faulty_one_changes_nothing(tmp_path: Path) -> None:
    with DaemonProcess(tmp_path) as daemon:
        client = daemon.client()

        def status() -> engine_pb2.Status:
            return client.engine.GetStatus(engine_pb2.GetStatusRequest()).status

        daemon.write_config({"pool": {"max_open_groups": 3}})
        until(lambda: status().max_open_groups == 3)
        assert status().config_version == 2
        faulty = "config_version: 1\npool: {max_open_groups: many}\nqueue: {max_size: many}"
        daemon.config_file.write_text(faulty, encoding="utf-8")
        until(lambda: status().alerts == 1)
        assert status().max_open_groups == 3
        alerts = client.records.ListAlerts(record_pb2.ListAlertsRequest()).alerts
        assert alerts[0].type == "CONFIG_INVALID"
        assert "max_open_groups" in alerts[0].message
        assert alerts[0].message.endswith("and 1 more fault")
        until(
            lambda: len(client.records.ListEvents(record_pb2.ListEventsRequest(types=["CONFIG_INVALID"])).events) == 1
        )
        until(lambda: "the changed config is not used" in daemon.log())
        assert daemon.log().count("pool.max_open_groups: ") == 1
        assert daemon.log().count("queue.max_size: ") == 1
        daemon.write_config({"pool": {"max_open_groups": 4}, "storage": {"durability": "normal"}})
        until(lambda: status().max_open_groups == 4)
        until(lambda: status().alerts == 0)
        events = client.records.ListEvents(record_pb2.ListEventsRequest(types=["CONFIG_APPLIED"])).events
        assert events[0].message.endswith(
            " is in force: pool.max_open_groups; only after a restart: storage.durability"
        )
        version = status().config_version
        daemon.restart()
        assert daemon.client().engine.GetStatus(engine_pb2.GetStatusRequest()).status.config_version == version


def test_sighup_reads_the_config_and_sigusr1_writes_threads_and_mailboxes_to_the_log(tmp_path: Path) -> None:
    with DaemonProcess(tmp_path) as daemon:
        assert daemon.process is not None
        daemon.process.send_signal(signal.SIGHUP)
        daemon.process.send_signal(signal.SIGUSR1)
        until(lambda: "dump_of_thread" in daemon.log() and "dump_of_mailboxes" in daemon.log())
        assert "reading_config_again" in daemon.log()
        assert '"thread":"journal"' in daemon.log()
        assert daemon.client().send(alert()).outcome == t.OUTCOME_OPENED


def test_a_source_that_is_added_while_it_runs_gets_its_secret(tmp_path: Path) -> None:
    with DaemonProcess(tmp_path) as daemon:
        client = daemon.client()
        assert refusal(lambda: client.send(alert(), source="second")).reason == "UNKNOWN_SOURCE"
        daemon.write_config({"sources": {"second": {"secret": "file:secrets/second"}}})
        until((daemon.data_dir / "secrets" / "second").exists)
        until(lambda: client.send(alert(), source="second", validate_only=True).outcome == t.OUTCOME_OPENED)


# --- the program's other faces ------------------------------------------------------------------------


def test_a_faulty_config_is_named_by_file_and_line_and_the_program_ends_with_two(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("config_version: 1\npool:\n  max_open_groups: many\nqueu: {}\n", encoding="utf-8")
    for arguments in (("--config", str(config)), ("--config", str(config), "--check")):
        done = terraced(*arguments)
        assert done.returncode == 2
        assert "config.yaml:3: pool.max_open_groups" in done.stderr
        assert "did you mean queue" in done.stderr
        assert done.stdout == ""
    missing = terraced("--config", str(tmp_path / "none.yaml"))
    assert missing.returncode == 2
    assert "cannot be read" in missing.stderr


def test_check_says_that_a_config_is_valid_and_starts_nothing(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path)
    done = terraced("--config", str(daemon.config_file), "--check")
    assert (done.returncode, done.stderr) == (0, "")
    assert "valid" in done.stdout
    assert not daemon.data_dir.exists()


def test_the_store_is_looked_after_without_a_daemon(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path)
    config = ("--config", str(daemon.config_file))
    assert terraced("db", *config, "check").returncode == 1
    with daemon:
        daemon.client().send(alert())
        migrate = terraced("db", *config, "migrate")
        assert migrate.returncode == 1
        assert "in use" in migrate.stderr
    checked = terraced("db", *config, "check")
    assert checked.returncode == 0
    assert "the store is well" in checked.stdout
    assert terraced("db", *config, "migrate").stdout == "nothing to do\n"


def test_a_file_that_is_no_backup_is_told_without_a_config(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("hello")
    done = terraced("backup", "verify", str(tmp_path / "x"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "it is not a backup of Terrace" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_version_is_shown_and_bad_usage_ends_with_two() -> None:
    done = terraced("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("terraced ")
    assert terraced("--no-such-option").returncode == 2
    assert terraced("db", "explode").returncode == 2


@pytest.mark.parametrize("library", ["ccxt", "typer", "gradio", "pandas", "aiohttp"])
def test_a_paper_daemon_loads_no_heavy_library(library: str) -> None:
    code = f"import sys, daemon.app, daemon.exchanges.paper; sys.exit({library!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
