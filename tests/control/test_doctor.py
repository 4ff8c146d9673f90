"""Each fault that `terrace doctor` looks for, made for real, is found and comes with its remedy."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import grpc
import pytest

from control.exits import ExitCode
from control.health_check import OK
from control.target import TargetFlags as Flags
from control.target import TokenFile, find_target
from protos.terrace.v1 import account_pb2, engine_pb2, maintenance_pb2, record_pb2
from tests.control.conftest import Home, Ran
from tests.control.fake_daemon import FakeDaemon, Refusal

Cli = Callable[..., Ran]
Finding = dict[str, str]


def findings(cli: Cli, *arguments: str) -> list[Finding]:
    found: list[Finding] = json.loads(cli(*arguments, "doctor", "-o", "json").out)["checks"]
    for one in found:
        assert bool(one["remedy"]) == (one["result"] != OK), one  # Every trouble has a remedy, and nothing else has.
    return found


def trouble(cli: Cli, name: str, *arguments: str) -> Finding:
    """The worst finding about one thing."""
    about = [one for one in findings(cli, *arguments) if one["name"] == name]
    assert about, name
    return sorted(about, key=lambda one: ("FAILED", "WARNING", "OK").index(one["result"]))[0]


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The look at the config is left out where a test is about something else: it starts a program."""
    from control import health

    monkeypatch.setattr(health, "check_config", lambda *_, **__: [])


@contextmanager
def listening() -> Iterator[int]:
    """A program that listens and knows nothing of Terrace. Its port."""

    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Stranger)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


# --- files of this machine


def test_a_config_with_a_fault_is_no_config(daemon: FakeDaemon, cli: Cli, home: Home) -> None:
    home.write(home.config.read_text() + "pool: {max_open_gruops: 5}\n")
    found = trouble(cli, "config")
    assert found["result"] == "FAILED"
    assert "max_open_groups" in found["found"]
    assert cli("doctor").code == ExitCode.FAILED


def test_a_config_that_is_not_there_says_how_to_name_one(cli: Cli, home: Home) -> None:
    found = trouble(cli, "config")
    assert found["result"] == "FAILED"
    assert "--config" in found["remedy"]


def test_a_port_that_another_program_has_is_found_before_the_start(cli: Cli, home: Home) -> None:
    with listening() as port:
        home.write(f"config_version: 1\napi: {{address: '127.0.0.1:{port}'}}\n")
        found = trouble(cli, "config")
        daemon = trouble(cli, "daemon")
    assert (found["result"], daemon["result"]) == ("FAILED", "FAILED")
    assert "another program listens there" in found["found"]
    assert "ss -ltnp" in found["remedy"]


@pytest.mark.usefixtures("unread")
def test_a_forwarder_whose_port_another_program_has_is_told_from_one_that_is_down(
    daemon: FakeDaemon, cli: Cli, home: Home
) -> None:
    down = trouble(cli, "forwarder")
    assert (down["result"], "terrace forward" in down["remedy"]) == ("WARNING", True)
    with listening() as port:
        home.write(f"config_version: 1\napi: {{address: '{daemon.address}'}}\nforwarder: {{address: ':{port}'}}\n")
        taken = trouble(cli, "forwarder")
    assert taken["result"] == "FAILED"
    assert "another program" in taken["found"]


def test_a_data_directory_that_cannot_be_written_is_found(daemon: FakeDaemon, cli: Cli, home: Home) -> None:
    if os.geteuid() == 0:
        pytest.skip("the superuser may write everywhere")
    home.data.chmod(0o500)
    try:
        assert trouble(cli, "data")["result"] == "FAILED"
    finally:
        home.data.chmod(0o700)


def test_a_data_directory_that_is_no_folder_is_found(daemon: FakeDaemon, cli: Cli, home: Home) -> None:
    home.write(home.config.read_text() + "data_dir: config.yaml/data\n")
    assert trouble(cli, "data")["result"] == "FAILED"


def test_a_read_only_file_system_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from control.config_file import ConfigFile
    from control.health_files import check_data_dir

    read_only = next((Path(place) for place in ("/sys", "/proc/sys") if _is_read_only(place)), None)
    if read_only is None:
        pytest.skip("this system has no read-only file system")
    found = check_data_dir(ConfigFile(path=None, data_dir=read_only, tree={}))
    assert (found.result, "read-only" in found.found) == ("FAILED", True)


def _is_read_only(place: str) -> bool:
    return os.path.isdir(place) and bool(os.statvfs(place).f_flag & os.ST_RDONLY)


@pytest.mark.usefixtures("unread")
def test_a_missing_token_is_found(daemon: FakeDaemon, cli: Cli, home: Home) -> None:
    (home.data / "secrets" / "admin.token").unlink()
    assert trouble(cli, "token")["result"] == "FAILED"
    assert "on its first start" in trouble(cli, "token")["remedy"]
    (home.data / "secrets" / "tokens.yaml").write_text('tokens:\n  - {"name": "admin-2", "role": "admin"}\n')
    assert "on its first start" in trouble(cli, "token")["remedy"]
    (home.data / "secrets" / "tokens.yaml").write_text('tokens:\n  - {"name": "admin", "role": "admin"}\n')
    assert "terraced token rotate admin" in trouble(cli, "token")["remedy"]


@pytest.mark.usefixtures("unread")
def test_a_token_that_others_may_read_is_found(daemon: FakeDaemon, cli: Cli, home: Home) -> None:
    (home.data / "secrets" / "admin.token").chmod(0o644)
    found = trouble(cli, "token")
    assert found["result"] == "FAILED"
    assert found["remedy"].startswith("chmod 600")


@pytest.mark.usefixtures("unread")
def test_a_token_of_another_daemon_is_found(daemon: FakeDaemon, cli: Cli, home: Home) -> None:
    home.write_secret("admin.token", "of-another")
    assert trouble(cli, "access")["result"] == "FAILED"


@pytest.mark.usefixtures("unread")
def test_a_full_disk_is_found(daemon: FakeDaemon, cli: Cli, home: Home) -> None:
    home.write(home.config.read_text() + "alerts: {disk_free_mb: 999999999}\n")
    found = trouble(cli, "disk")
    assert (found["result"], "Make room" in found["remedy"]) == ("FAILED", True)


def test_a_webhook_secret_that_is_missing_is_found(daemon: FakeDaemon, cli: Cli, home: Home) -> None:
    home.write(home.config.read_text() + "sources: {tradingview: {secret: 'file:secrets/gone'}}\n")
    assert trouble(cli, "sources")["result"] == "FAILED"


def test_a_key_of_an_exchange_that_cannot_be_found_is_a_warning_with_its_reference(
    daemon: FakeDaemon, cli: Cli, home: Home
) -> None:
    account = "{exchange: binance, testnet: true, api_key: 'env:NOT_SET_AT_ALL', api_secret: 'env:NOT_SET_EITHER'}"
    home.write(home.config.read_text() + f"accounts: {{far: {account}}}\nroutes: {{'*': far}}\n")
    found = trouble(cli, "secret")
    assert found["result"] == "WARNING"
    assert "env:NOT_SET_AT_ALL" in found["found"]


def test_a_clock_that_was_never_set_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from control import health

    monkeypatch.setattr(health.time, "time", lambda: 86_400.0)  # type: ignore[attr-defined]
    found = health.check_clock()
    assert (found.result, "chrony" in found.remedy) == ("FAILED", True)


# --- the daemon


@pytest.mark.usefixtures("unread")
def test_a_daemon_that_is_down_is_found(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.stop()
    found = trouble(cli, "daemon")
    assert (found["result"], "terrace up" in found["remedy"]) == ("FAILED", True)


@pytest.mark.usefixtures("unread")
def test_a_daemon_that_stands_still_is_told_from_one_that_is_down(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.delay_s = 30
    found = trouble(cli, "daemon")
    assert found["result"] == "FAILED"
    assert "restart it" in found["remedy"]


@pytest.mark.usefixtures("unread")
def test_a_daemon_that_is_not_ready_is_found(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.is_ready = False
    assert trouble(cli, "daemon")["result"] == "WARNING"


@pytest.mark.usefixtures("unread")
def test_a_daemon_of_another_version_is_found(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.version = "9.9.9"
    found = trouble(cli, "version")
    assert (found["result"], "9.9.9" in found["found"]) == ("WARNING", True)


@pytest.mark.usefixtures("unread")
def test_what_is_degraded_stands_with_the_daemons_own_remedy(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.degraded = [
        engine_pb2.Degradation(
            code="PRICE_STALE", subject="binance", message="no price for 90 s", remedy="wait for it"
        ),
    ]
    found = trouble(cli, "engine paper")
    assert found == {
        "name": "engine paper",
        "result": "WARNING",
        "found": "binance: no price for 90 s",
        "remedy": "wait for it",
    }
    daemon.degraded[0].code = "STORE_FAILED"
    assert trouble(cli, "engine paper")["result"] == "FAILED"


@pytest.mark.usefixtures("unread")
def test_a_key_that_may_withdraw_and_one_that_is_refused_are_found(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.accounts = [account_pb2.Account(account="binance", world="WORLD_LIVE")]
    daemon.checks = [account_pb2.AccountCheck(name="key", passed=True, message="the venue takes it")]
    assert trouble(cli, "account binance")["result"] == "OK"
    daemon.checks = [account_pb2.AccountCheck(name="withdrawal", message="THE KEY MAY WITHDRAW FUNDS")]
    found = trouble(cli, "account binance")
    assert (found["result"], "right to withdraw" in found["remedy"]) == ("FAILED", True)
    daemon.checks[0].passed = True
    assert trouble(cli, "account binance")["result"] == "WARNING", "the config allows it, a person is told"
    daemon.checks = [account_pb2.AccountCheck(name="key", message="the exchange refuses the key")]
    found = trouble(cli, "account binance")
    assert (found["result"], "terrace account check binance" in found["remedy"]) == ("FAILED", True)


@pytest.mark.usefixtures("unread")
def test_alerts_that_wait_are_found_with_the_newest(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.active_alerts = 3
    daemon.alerts = [record_pb2.Alert(alert_id="a1", type="STOP_FAILED", message="no stop at the exchange")]
    found = trouble(cli, "alerts")
    assert (found["result"], "STOP_FAILED no stop at the exchange" in found["found"]) == ("WARNING", True)


@pytest.mark.usefixtures("unread")
def test_a_store_that_was_never_backed_up_or_long_ago_is_found_where_money_is_real(
    daemon: FakeDaemon, cli: Cli
) -> None:
    assert trouble(cli, "backup")["result"] == "OK", "nothing is lost with paper"
    daemon.worlds = ("WORLD_LIVE",)
    assert "never backed up" in trouble(cli, "backup")["found"]
    daemon.backups = [maintenance_pb2.BackupFile(name="old.backup")]
    daemon.backups[0].create_time.FromSeconds(int(time.time()) - 10 * 86_400)
    found = trouble(cli, "backup")
    assert (found["result"], "old.backup" in found["found"]) == ("WARNING", True)
    daemon.backups[0].create_time.FromSeconds(int(time.time()) - 3600)
    assert trouble(cli, "backup")["result"] == "OK"


@pytest.mark.usefixtures("unread")
def test_a_viewer_that_may_not_ask_something_is_told_of_the_rest(daemon: FakeDaemon, cli: Cli) -> None:
    denied = Refusal(grpc.StatusCode.PERMISSION_DENIED, "needs operator", "ROLE_TOO_LOW")
    daemon.refusals = {"ListBackups": denied, "ListAccounts": denied}
    found = {one["name"]: one["result"] for one in findings(cli)}
    assert (found["backup"], found["accounts"], found["daemon"]) == ("WARNING", "WARNING", "OK")


# --- the whole


def test_with_nothing_wrong_it_ends_with_0_and_says_so(daemon: FakeDaemon, cli: Cli) -> None:
    ran = cli("doctor")
    assert ran.code == 0
    assert "failed" not in ran.out
    assert ran.out.rstrip().endswith("well")


@pytest.mark.usefixtures("unread")
def test_of_a_daemon_elsewhere_the_files_are_not_looked_at(daemon: FakeDaemon, cli: Cli, home: Home) -> None:
    token = home.data / "secrets" / "admin.token"
    assert cli("context", "add", "far", "--address", daemon.address, "--token-file", str(token)).code == 0
    names = {one["name"] for one in findings(cli, "--context", "far")}
    assert {"context", "token", "daemon"} <= names
    assert not names & {"data", "disk", "forwarder", "sources"}


def test_a_program_that_is_no_daemon_is_called_so(home: Home) -> None:
    with listening() as port:
        target = find_target(Flags(address=f"127.0.0.1:{port}", token_file=str(home.data / "x")), environ={})
        assert isinstance(target.token, TokenFile)
        from control.health import check_daemon

        (found,) = check_daemon(target)
    assert found.result == "FAILED"
