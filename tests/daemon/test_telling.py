"""Messages of a running daemon: into the outbox with the commit, out of it over a channel, through crashes (LOG-5)."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from actors.messages import AccountChanged, Participant, Pong
from actors.view import Snapshot
from daemon.api.condition import Condition
from daemon.telling import Telling
from protos.terrace.v1 import record_pb2 as pb
from protos.terrace.v1 import types_pb2
from tests.daemon.api.calls import Client, alert, refusal
from tests.daemon.daemon_process import DaemonProcess
from tests.daemon.observe.hook_server import SECRET, HookServer, until


@pytest.fixture
def hook() -> Iterator[HookServer]:
    with HookServer() as server:
        yield server


def daemon_with(folder: Path, url: str, **keys: Any) -> DaemonProcess:
    """Everything goes to `url`, which lies in a file as a secret. `keys`: of the channel."""
    daemon = DaemonProcess(folder)
    put_secret(daemon, "phone", url)
    daemon.write_config({"notifications": [{"name": "phone", "url": "file:secrets/phone", "severity": "info", **keys}]})
    return daemon


def put_secret(daemon: DaemonProcess, name: str, text: str) -> None:
    secrets = daemon.data_dir / "secrets"
    secrets.mkdir(parents=True, mode=0o700, exist_ok=True)
    (secrets / name).write_text(text, encoding="utf-8")
    (secrets / name).chmod(0o600)


def messages(client: Client, **wanted: Any) -> list[pb.Notification]:
    return list(client.records.ListNotifications(pb.ListNotificationsRequest(**wanted)).notifications)


def mend_config(daemon: DaemonProcess) -> None:
    """A valid config, another one than before."""
    slots = daemon.config.get("pool", {}).get("max_open_groups", 10)
    daemon.write_config({"pool": {"max_open_groups": slots + 1}})


def break_config(daemon: DaemonProcess) -> None:
    """Raises the alert CONFIG_INVALID."""
    assert daemon.process is not None
    daemon.config_file.write_text(daemon.config_file.read_text(encoding="utf-8") + "\nnonsense: 1\n", encoding="utf-8")
    daemon.process.send_signal(signal.SIGHUP)


@pytest.mark.rule("LOG-4", "LOG-5")
def test_a_life_in_messages_and_nowhere_the_url(tmp_path: Path, hook: HookServer) -> None:
    with daemon_with(tmp_path, hook.url) as daemon:
        client = daemon.client()
        until(lambda: "Terrace: started" in hook.titles)
        break_config(daemon)
        until(lambda: "Terrace: configuration not used" in hook.titles)
        mend_config(daemon)
        until(lambda: "Terrace: over: configuration not used" in hook.titles)
        hook.status = 500
        tested = client.records.TestNotifications(pb.TestNotificationsRequest(message="hello"))
        assert [(each.channel, each.sent) for each in tested.results] == [("phone", False)]
        assert "500" in tested.results[0].error
        hook.status = 200
        tested = client.records.TestNotifications(pb.TestNotificationsRequest(channel="phone"))
        assert [(each.channel, each.sent, each.error) for each in tested.results] == [("phone", True, "")]
        unknown = refusal(lambda: client.records.TestNotifications(pb.TestNotificationsRequest(channel="fax")))
        assert unknown.reason == "NOT_FOUND"
        until(lambda: all(each.state == types_pb2.NOTIFICATION_STATE_SENT for each in messages(client)))
        shown = str(messages(client)) + str(tested) + str(client.records.ListEvents(pb.ListEventsRequest()))
    until(lambda: "Terrace: stopped" in hook.titles)
    kept = daemon.log() + shown
    for path in daemon.data_dir.rglob("*"):
        if path.is_file() and path.name != "phone":
            kept += path.read_bytes().decode("latin-1")
    assert SECRET not in kept


@pytest.mark.rule("LOG-5")
def test_a_message_that_kill_9_caught_before_it_was_sent_is_sent_after_the_next_start(
    tmp_path: Path, hook: HookServer
) -> None:
    hook.status = 503
    with daemon_with(tmp_path, hook.url) as daemon:
        client = daemon.client()
        break_config(daemon)
        pending = [types_pb2.NOTIFICATION_STATE_PENDING]
        until(lambda: "CONFIG_INVALID" in {each.type for each in messages(client, states=pending)})
        until(lambda: hook.asked)
        daemon.kill()
        assert hook.titles == []
        hook.status = 200
        daemon.write_config()
        daemon.start()
        until(lambda: any("configuration not used" in str(each) for each in hook.messages))
        until(lambda: not messages(daemon.client(), states=pending))


@pytest.mark.rule("LOG-5")
def test_a_channel_that_hangs_holds_up_neither_the_other_channel_nor_an_order(tmp_path: Path, hook: HookServer) -> None:
    with HookServer() as slow:
        slow.delay_s = 60.0
        daemon = daemon_with(tmp_path, hook.url)
        put_secret(daemon, "slow", slow.url.replace("rto=5", "rto=50"))
        daemon.write_config(
            {
                "notifications": [
                    {"name": "phone", "url": "file:secrets/phone", "severity": "info"},
                    {"name": "slow", "url": "file:secrets/slow", "severity": "info"},
                    {"name": "gone", "url": "env:NOT_SET_ANYWHERE", "severity": "info"},
                ]
            }
        )
        with daemon:
            client = daemon.client("forwarder")
            until(lambda: slow.asked)
            start_s = time.monotonic()
            sent = client.send(alert(timeframe="15"))
            took_s = time.monotonic() - start_s
            assert sent.group_id, sent
            assert took_s < 2.0
            break_config(daemon)
            until(lambda: any("configuration not used" in title for title in hook.titles))
            gone = messages(daemon.client(), channel="gone")
            assert all("is not set" in each.error for each in gone if each.attempt_count)
            start_s = time.monotonic()
        assert time.monotonic() - start_s < 15, "a hanging channel holds up the stop for a moment only"


@pytest.mark.rule("LOG-5")
def test_a_comment_is_stored_and_an_acknowledged_alert_stays_so_until_it_is_over(
    tmp_path: Path, hook: HookServer
) -> None:
    with daemon_with(tmp_path, hook.url) as daemon:
        client = daemon.client()
        break_config(daemon)

        def standing() -> list[pb.Alert]:
            return list(client.records.ListAlerts(pb.ListAlertsRequest()).alerts)

        until(lambda: [each.alert_id for each in standing()] == ["config_invalid"])
        request = pb.AcknowledgeAlertRequest(alert_id="config_invalid", comment="I am on it")
        done = client.records.AcknowledgeAlert(request).alert
        assert (done.state, done.comment, done.acknowledged_by) == (
            types_pb2.ALERT_STATE_ACKNOWLEDGED,
            "I am on it",
            "admin",
        )
        assert standing()[0].comment == "I am on it"
        mend_config(daemon)
        until(lambda: not standing())
        break_config(daemon)
        until(standing)
        assert (standing()[0].state, standing()[0].count, standing()[0].comment) == (
            types_pb2.ALERT_STATE_ACTIVE,
            1,
            "",
        )


@pytest.mark.rule("LOG-5")
def test_a_late_order_the_daily_summary_and_the_heartbeat(tmp_path: Path, hook: HookServer) -> None:
    at = (datetime.now(UTC) - timedelta(minutes=1)).strftime("%H:%M")
    with HookServer() as outside:
        daemon = daemon_with(tmp_path, hook.url)
        put_secret(daemon, "beat", f"http://127.0.0.1:{outside.port}/ping/{SECRET}")
        daemon.write_config(
            {
                "accounts": {"paper": {"latency_ms": 300}},
                "alerts": {
                    "latency_ms": 100,
                    "daily_summary_at": at,
                    "heartbeat_url": "file:secrets/beat",
                    "heartbeat_every_s": 5,
                },
            }
        )
        with daemon:
            until(lambda: outside.asked == [f"/ping/{SECRET}"])
            until(lambda: "[PAPER] Terrace: daily summary" in hook.titles)
            daemon.client("forwarder").send(alert(timeframe="15"))
            until(lambda: "Terrace: orders are late" in hook.titles)
            assert SECRET not in daemon.log()


@pytest.mark.rule("LOG-5")
def test_the_commands_list_acknowledge_test_and_show_messages(tmp_path: Path, hook: HookServer) -> None:
    with daemon_with(tmp_path, hook.url) as daemon:
        until(lambda: hook.titles)
        break_config(daemon)
        until(lambda: any("not used" in title for title in hook.titles))

        def terrace(*words: str) -> tuple[int, str]:
            command = [sys.executable, "-m", "control", "--config", str(daemon.config_file), "alert", *words]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
            return done.returncode, done.stdout + done.stderr

        code, text = terrace("test", "-m", "hello")
        assert (code, hook.messages[-1]["message"]) == (0, "hello"), text
        hook.status = 500
        assert terrace("test")[0] == 1
        assert terrace("test", "--channel", "fax")[0] == 3
        code, text = terrace("ack", "--all", "-m", "mending it")
        assert code == 0
        assert "config_invalid" in text
        assert "config_invalid" not in terrace("list")[1]
        assert "mending it" in terrace("list", "--state", "acknowledged", "-o", "wide")[1]
        assert terrace("list", "--state", "green")[0] == 2
        assert terrace("ack")[0] == 2
        code, text = terrace("notifications", "--state", "sent", "-o", "json")
        assert "CONFIG_INVALID" in {each["type"] for each in json.loads(text)["notifications"]}


@pytest.mark.rule("LOG-5")
def test_the_heartbeat_stays_away_while_the_store_or_the_engine_is_not_well_and_asks_no_commit() -> None:
    told: list[str] = []
    silent: set[str] = set()

    async def ask(to: str, _make: Any, _limit_s: float = 0.0) -> object:
        told.append(to)
        if to in silent:
            raise TimeoutError
        return Pong(who=Participant(to, 1))

    async def described(to: str, make: Any) -> object:
        await ask(to, make)
        return AccountChanged(account="paper", ready=True, detail="", balances={})

    view = SimpleNamespace(current=Snapshot())
    condition = Condition(0)
    condition.serve()
    settings = SimpleNamespace(accounts={"paper": None})
    engine = SimpleNamespace(
        condition=condition, broken={}, unbuilt={}, view=view, settings=lambda: settings, ask=described,
        system=SimpleNamespace(ask_async=ask),
    )  # fmt: skip
    telling = Telling.__new__(Telling)
    telling._engine = cast("Any", engine)

    def words() -> str:
        return asyncio.run(telling.why_unwell())

    assert words() == ""
    assert told == ["journal", "gateway/paper"]
    silent.add("journal")
    assert words() == "the engine does not answer"
    view.current = Snapshot(store_ok=False, store_error="the disk is gone")
    assert words() == "the store takes no writes: the disk is gone"
