"""Dump, profile, numbers and probes of a real daemon, well and broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families

from actors.messages import DescribeAccount
from actors.runtime import Actor
from daemon.observe import health
from protos.terrace.v1 import maintenance_pb2 as pb
from tests.daemon.api.calls import alert, refusal
from tests.daemon.api.conftest import Serve, Served
from tests.daemon.reports.day import until

SECRET = "planted-secret-of-the-source-0815"


def page(served: Served, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{served.daemon.observe_port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def checks(served: Served, path: str) -> tuple[int, dict[str, str]]:
    """Status, and what the checks that failed say."""
    code, text = page(served, path)
    return code, {each["name"]: each["message"] for each in json.loads(text)["checks"] if not each["passed"]}


def dump(served: Served) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        served.client("admin").maintenance.DumpDiagnostics(pb.DumpDiagnosticsRequest()).json
    )
    return found


@pytest.mark.rule("LOG-4")
def test_a_dump_holds_what_a_helper_needs_and_no_secret(serve: Serve) -> None:
    def plant(served: Served) -> None:
        (served.data_dir / "secrets").mkdir(exist_ok=True, parents=True)
        file = served.data_dir / "secrets" / "tradingview"
        file.write_text(SECRET, encoding="utf-8")
        file.chmod(0o600)

    served = serve(before=plant)
    served.client("admin").send(alert())
    found = dump(served)
    assert {"versions", "actors", "threads", "accounts", "store", "config", "metrics", "log", "disk"} <= found.keys()
    assert not [
        name for name, value in found.items() if isinstance(value, dict) and value.keys() & {"failed", "left_out"}
    ]
    assert found["versions"]["grpcio"] != "not installed"
    assert found["actors"]["alive"]["group"] == 1
    assert any("journal" in name for name in found["threads"])
    assert found["accounts"]["paper"]["state"] == "ACCOUNT_STATE_READY"
    assert found["store"]["problems"] == []
    assert found["config"]["keys"]["accounts.paper.exchange"] == "paper"
    assert found["groups"]["live"]
    assert any(line["message"] == "ready" for line in found["log"])
    assert any("terrace_commit_seconds_count" in line for line in found["metrics"])
    assert SECRET not in json.dumps(found)
    assert "token-of-admin" not in json.dumps(found)


def test_the_cli_writes_the_dump_into_a_file_only_its_owner_reads(served: Served, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("token-of-admin", encoding="utf-8")
    token.chmod(0o600)
    command = [sys.executable, "-m", "control", "--config", str(served.config_file), "--address"]
    command += [f"127.0.0.1:{served.daemon.port}", "--token-file", str(token), "diag"]
    environ = {**os.environ, "PYTHONPATH": os.getcwd()}
    done = subprocess.run(
        [*command, "dump"], cwd=tmp_path, capture_output=True, text=True, timeout=60, env=environ, check=False
    )
    assert done.returncode == 0, done.stderr
    (file,) = tmp_path.glob("terrace-diagnostics-*.json")
    assert file.name in done.stdout
    assert file.stat().st_mode & 0o077 == 0
    assert json.loads(file.read_text(encoding="utf-8"))["format"] == 1
    piped = subprocess.run(
        [*command, "dump", "--file", "-"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        env=environ,
        check=False,
    )
    assert json.loads(piped.stdout)["format"] == 1
    held = subprocess.run(
        [*command, "memory"], cwd=tmp_path, capture_output=True, text=True, timeout=60, env=environ, check=False
    )
    assert held.returncode == 0, held.stderr
    assert "resident" in held.stdout


def test_a_memory_profile_is_judged_and_made(served: Served) -> None:
    calls = served.client("admin").maintenance
    found = calls.ProfileMemory(pb.ProfileMemoryRequest())
    assert found.resident_bytes > 0
    assert len(found.allocations) == 25
    long = pb.ProfileMemoryRequest()
    long.duration.FromSeconds(61)
    assert refusal(lambda: calls.ProfileMemory(long)).code is grpc.StatusCode.INVALID_ARGUMENT
    many = pb.ProfileMemoryRequest(max_allocations=201)
    assert "max_allocations" in refusal(lambda: calls.ProfileMemory(many)).fields


def test_numbers_of_a_day_are_told_and_can_be_read_by_a_parser(served: Served) -> None:
    client = served.client("admin")
    client.send(alert())
    until(lambda: 'terrace_fills_total{account="paper"} 1.0' in page(served, "/metrics")[1])
    text = page(served, "/metrics")[1]
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert {
        sample.value for sample in families["terrace_signal_to_order_seconds"].samples if "_count" in sample.name
    } == {1}
    assert [sample.value for sample in families["terrace_live_groups"].samples] == [1]
    assert families["terrace_calls_refused"].type == "counter"
    assert "process_resident_memory_bytes" in families
    for family in families.values():
        assert family.documentation, family.name
        own = family.name.startswith("terrace_")
        assert own or family.name.startswith(("process_", "python_")), family.name
    until(lambda: 'terrace_equity{world="paper"}' in page(served, "/metrics")[1])
    assert 'terrace_account_ready{account="paper"} 1.0' in page(served, "/metrics")[1]


def test_a_flood_of_strange_names_makes_no_new_series(served: Served) -> None:
    client = served.client("admin")
    client.send(alert())
    refusal(lambda: client.send(alert(), source="nobody"))
    client.send(alert("ETHXYZ"))
    refusal(lambda: client.send(b"no json"))
    until(lambda: 'terrace_equity{world="paper"}' in page(served, "/metrics")[1])
    until(lambda: 'terrace_signals_total{outcome="rejected"}' in page(served, "/metrics")[1])

    def series() -> set[str]:
        lines = page(served, "/metrics")[1].splitlines()
        return {line.rpartition(" ")[0] for line in lines if not line.startswith("#")}

    before = series()
    for number in range(100):
        client.send(alert(f"COIN{number}USDT", timeframe=str(number + 1)))
        refusal(partial(client.send, alert(), source=f"source{number}"))
    added = series() - before
    assert len(added) <= 3, added
    assert not [line for line in series() if "COIN" in line or "source1" in line]


# --- probes ---------------------------------------------------------------------------------------


def test_a_daemon_that_is_well_is_alive_and_ready(served: Served) -> None:
    assert checks(served, "/healthz") == (200, {})
    assert checks(served, "/readyz") == (200, {})
    names = [each["name"] for each in json.loads(page(served, "/readyz")[1])["checks"]]
    assert names == ["serving", "store", "actors", "reconciled", "streams", "prices"]


class _Hanging:
    """Keeps one actor in its turn until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kind: type[Actor]) -> None:
        self.held, self.go = threading.Event(), threading.Event()
        receive = kind.receive

        def hang(actor: Actor, message: object) -> None:
            self.held.set()
            self.go.wait(30)
            receive(actor, message)

        monkeypatch.setattr(kind, "receive", hang)


def test_an_actor_that_hangs_makes_it_not_ready_within_the_bound_but_still_alive(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    from actors.gateway import Gateway

    monkeypatch.setattr(health, "READY_LIMIT_S", 0.5)
    stuck = _Hanging(monkeypatch, Gateway)
    served.daemon._parts.system.tell("gateway/paper", DescribeAccount(reply_to=None))
    assert stuck.held.wait(10)
    try:
        code, failed = checks(served, "/readyz")
        assert code == 503
        assert "gateway/paper has not answered" in failed["actors"]
        assert "its gateway does not answer" in failed["reconciled"]
        assert checks(served, "/healthz") == (200, {})
        found = dump(served)
        assert found["accounts"]["paper"]["state"] == "ACCOUNT_STATE_DISCONNECTED"
        assert "hang" in "".join(found["threads"]["gateway/paper"])
    finally:
        stuck.go.set()
    until(lambda: page(served, "/readyz")[0] == 200)


def test_a_journal_that_hangs_is_not_alive(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    from actors.journal import Journal

    monkeypatch.setattr(health, "ALIVE_LIMIT_S", 0.5)
    held, go = threading.Event(), threading.Event()
    receive = Journal.receive_batch

    def hang(journal: Journal, messages: list[object]) -> None:
        held.set()
        go.wait(30)
        receive(journal, messages)

    monkeypatch.setattr(Journal, "receive_batch", hang)
    sending = threading.Thread(target=lambda: served.client("admin").send(alert()))
    sending.start()
    try:
        assert held.wait(10)
        code, failed = checks(served, "/healthz")
        assert code == 503
        assert "has not answered" in failed["journal"]
    finally:
        go.set()
        sending.join(20)
    until(lambda: page(served, "/healthz")[0] == 200)


def test_a_store_that_takes_no_writes_makes_it_not_ready(served: Served) -> None:
    view = served.daemon._parts.view
    view.mark_store(False, "the disk is full")
    code, failed = checks(served, "/readyz")
    assert (code, failed) == (503, {"store": "the disk is full"})
    assert checks(served, "/healthz") == (200, {})
    found = dump(served)
    assert (found["condition"]["store_ok"], found["condition"]["store_error"]) == (False, "the disk is full")
    assert "terrace_store_ok 0.0" in page(served, "/metrics")[1]
    view.mark_store(True, "")
    assert page(served, "/readyz")[0] == 200


def test_many_probes_at_once_ask_once(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    original = health._ping

    async def counted(system: Any, name: str, limit_s: float) -> bool:
        asked.append(name)
        return await original(system, name, limit_s)

    monkeypatch.setattr(health, "_ping", counted)
    threads = [threading.Thread(target=lambda: page(served, "/readyz")) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= asked.count("journal") < 20
