"""Reload after reload of a real daemon under load: nothing is dropped, nothing broken is applied (CFG-2).

A small share in the usual run; `make reloads` does a thousand (RELOADS=n).
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from protos.terrace.v1 import config_pb2, engine_pb2, record_pb2, signal_pb2
from tests.daemon.api.calls import Client, alert, refusal
from tests.daemon.daemon_process import DaemonProcess

RELOADS = int(os.environ.get("TERRACE_RELOADS", "30"))
ALERTS_PER_S = 10
MAX_GROWTH_KB = 40 * 1024
"""Of resident memory from a tenth of the way to the end, alerts and their history included."""
WAIT_S = 60.0
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")

pytestmark = pytest.mark.timeout(60 + 5 * RELOADS)


class Sender:
    """Sends alerts all the time and remembers every answer."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.acknowledged: list[str] = []
        self.failed: list[str] = []
        self.slowest_ms = 0

    def __enter__(self) -> Sender:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._stopping.wait(1 / ALERTS_PER_S):
            number += 1
            action = "buy" if number % 30 else "sell"  # Few trades: what is measured is the memory of reloads.
            body = alert(SYMBOLS[number % 3], action=action, strategy_info={"trade_id": f"t{number}"})
            start = time.monotonic()
            try:
                self.acknowledged.append(self._client.send(body).signal_id)
            except grpc.RpcError as error:
                self.failed.append(str(error))
            self.slowest_ms = max(self.slowest_ms, round((time.monotonic() - start) * 1000))


class Reloads:
    """Changes the file and the config over the API, and knows what must be in force."""

    def __init__(self, daemon: DaemonProcess, client: Client, seed: int) -> None:
        self.daemon = daemon
        self.client = client
        self.random = random.Random(seed)
        self.base = daemon.config_file.read_text(encoding="utf-8")
        self.size = 10
        self.version = 1
        self.counts = {"valid": 0, "broken": 0, "api": 0, "refused": 0}
        self.slowest_s = 0.0

    def run(self, number: int) -> None:
        start = time.monotonic()
        kind = self.random.choice(("valid", "valid", "broken", "broken", "api"))
        if kind == "broken":
            self._broken(number)
        else:
            self.size, self.version = 20 + number, self.version + 1
            if kind == "valid":
                self._write(self._valid().encode())
            else:
                self._write_if_broken()
                self._apply()
        self.counts[kind] += 1
        self._wait(lambda: self._in_force() == (self.version, self.size), f"{kind} {number}")
        self.slowest_s = max(self.slowest_s, time.monotonic() - start)

    def _valid(self) -> str:
        return f"{self.base}pool:\n  max_open_groups: {self.size}  # {self.random.random()}\n"

    def _broken(self, number: int) -> None:
        """Written, noticed, told, and not in force."""
        text = self._valid()
        seen = self._told()
        broken = self.random.choice(
            (
                text.replace(f"max_open_groups: {self.size}", f"max_open_groups: -{number}").encode(),
                f"{text}nonsense_{number}: 1\n".encode(),
                f"{text}queue: [\n# {number}\n".encode(),
                text.encode() + b"\xff\xfe" + str(number).encode(),
                b"\n" * (number + 1),
                f"# {number}\n".encode(),
                text[: len(text) // 2].encode() + f"\n: {number}".encode(),
            )
        )
        self._write(broken)
        self._wait(lambda: self._told() > seen, f"the broken file is not noticed: {broken[-60:]!r}")
        if self.random.random() < 0.3:  # A change over the API must not save it either, or write over it.
            etag = self.client.config.GetConfig(config_pb2.GetConfigRequest()).config.etag
            request = config_pb2.ApplyConfigRequest(yaml=self._valid(), etag=etag)
            assert refusal(lambda: self.client.config.ApplyConfig(request)).reason == "ETAG_MISMATCH"
            assert self.daemon.config_file.read_bytes() == broken
            self.counts["refused"] += 1

    def _write_if_broken(self) -> None:
        """Edits need a file that holds: one with the size in force, its text new, is a version of its own."""
        if self.daemon.config_file.read_text(encoding="utf-8", errors="replace") == self._current():
            return
        size, self.size = self.size, self._in_force()[1]
        self._write(self._valid().encode())
        self._wait(lambda: self._in_force()[0] == self.version, "the file is not mended")
        self.size, self.version = size, self.version + 1

    def _apply(self) -> None:
        edits = [config_pb2.ConfigEdit(path="pool.max_open_groups", value=str(self.size))]
        self.client.config.ApplyConfig(config_pb2.ApplyConfigRequest(edits=edits, source=config_pb2.CONFIG_SOURCE_CLI))

    def _write(self, data: bytes) -> None:
        """As editors do, one way or the other."""
        if self.random.random() < 0.5:
            self.daemon.config_file.write_bytes(data)
            return
        draft = self.daemon.config_file.with_suffix(".new")
        draft.write_bytes(data)
        os.replace(draft, self.daemon.config_file)

    def _current(self) -> str:
        return str(self.client.config.GetConfig(config_pb2.GetConfigRequest()).config.yaml)

    def _in_force(self) -> tuple[int, int]:
        status = self.client.engine.GetStatus(engine_pb2.GetStatusRequest()).status
        return status.config_version, status.max_open_groups

    def _told(self) -> int:
        request = record_pb2.ListEventsRequest(types=["config.invalid"], page_size=1)
        events = self.client.records.ListEvents(request).events
        return int(events[0].sequence) if events else 0

    def _wait(self, true: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + WAIT_S
        while not true():
            assert time.monotonic() < end, f"{what}: in force {self._in_force()}, wanted {self.version, self.size}"
            time.sleep(0.05)


def resident_kb(process_id: int) -> int:
    lines = Path(f"/proc/{process_id}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


@pytest.mark.rule("CFG-2", "CFG-3")
def test_no_reload_drops_an_alert_and_no_broken_file_is_applied(tmp_path: Path) -> None:
    with DaemonProcess(tmp_path) as daemon:
        assert daemon.process is not None
        client = daemon.client()
        reloads = Reloads(daemon, client, seed=7)
        memory_kb: list[int] = []
        start = time.monotonic()
        with Sender(client) as sender:
            for number in range(RELOADS):
                reloads.run(number)
                if number % max(RELOADS // 10, 1) == 0:
                    memory_kb.append(resident_kb(daemon.process.pid))
        took_s = time.monotonic() - start
        memory_kb.append(resident_kb(daemon.process.pid))
        assert sender.failed == []
        assert len(sender.acknowledged) > RELOADS
        check_signals(client, sender.acknowledged)
        check_versions(client, reloads)
        print(
            f"\n{RELOADS} reloads in {took_s:.0f} s: {reloads.counts}; slowest {reloads.slowest_s:.1f} s; "
            f"{len(sender.acknowledged)} alerts, slowest {sender.slowest_ms} ms; "
            f"versions {reloads.version}; memory {[each // 1024 for each in memory_kb]} MB"
        )
        assert memory_kb[-1] - memory_kb[1] < MAX_GROWTH_KB
        assert daemon.stop() == 0
    assert "Traceback" not in daemon.log()


def check_signals(client: Client, sent: list[str]) -> None:
    """Every alert that was acknowledged is in the store, once."""
    stored: list[str] = []
    token = ""
    while True:
        request = signal_pb2.ListSignalsRequest(page_size=1000, page_token=token)
        page = client.signals.ListSignals(request)
        stored += [signal.signal_id for signal in page.signals]
        token = page.next_page_token
        if not token:
            break
    assert sorted(stored) == sorted(sent)


def check_versions(client: Client, reloads: Reloads) -> None:
    """One version for each change that was applied, none for a broken file."""
    found: list[config_pb2.ConfigVersion] = []
    token = ""
    while True:
        request = config_pb2.ListConfigVersionsRequest(page_size=1000, page_token=token)
        page = client.config.ListConfigVersions(request)
        found += page.config_versions
        token = page.next_page_token
        if not token:
            break
    assert [each.version for each in found] == list(range(reloads.version, 0, -1))
    assert sum(each.author == "admin" for each in found) == reloads.counts["api"]
    assert found[0].current


@pytest.mark.rule("CFG-3", "REC-1")
def test_a_change_that_was_acknowledged_is_there_with_its_author_after_a_kill(tmp_path: Path) -> None:
    with DaemonProcess(tmp_path) as daemon:
        for size in (3, 4, 5):
            edits = [config_pb2.ConfigEdit(path="pool.max_open_groups", value=str(size))]
            daemon.client().config.ApplyConfig(config_pb2.ApplyConfigRequest(edits=edits))
            daemon.restart()
        found = daemon.client().config.ListConfigVersions(config_pb2.ListConfigVersionsRequest()).config_versions
        assert [(each.version, each.author) for each in found] == [
            (4, "admin"),
            (3, "admin"),
            (2, "admin"),
            (1, "file"),
        ]
        status = daemon.client().engine.GetStatus(engine_pb2.GetStatusRequest()).status
        assert (status.config_version, status.max_open_groups) == (4, 5)
