"""The watch over a daemon that was just started, against one that does what a test tells it."""

from __future__ import annotations

import copy
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from control.config_file import read_config
from control.session import Session
from control.target import TargetFlags
from control.update import seen, watching
from control.update.copies import Files
from control.update.hands import NoHands
from control.update.refused import StepFailed
from control.update.watching import HasEnded, Watch
from tests.control.conftest import Home
from tests.control.fake_daemon import FakeDaemon


class Hands(NoHands):
    """What becomes of the process is up to the test."""

    words = ""

    def trouble(self) -> str:
        return self.words


class Time:
    """Goes on when somebody sleeps. `later`: what happens then, by the second."""

    def __init__(self) -> None:
        self.now = 0.0
        self.later: list[tuple[float, Any]] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, span_s: float) -> None:
        self.now += span_s
        while self.later and self.later[0][0] <= self.now:
            self.later.pop(0)[1]()


@pytest.fixture
def hands() -> Hands:
    return Hands()


def looked(home: Home) -> dict[str, Any]:
    run = Session(flags=TargetFlags(config=str(home.config)))
    try:
        return seen.look(run)
    finally:
        run.close()


@pytest.fixture(autouse=True)
def environment(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in home.environ().items():
        monkeypatch.setenv(name, value)


def test_a_daemon_as_it_was_is_well_at_once(daemon: FakeDaemon, home: Home, hands: Hands) -> None:
    time = Time()
    watch = Watch(str(home.config), hands, looked(home), clock=time.clock, sleep=time.sleep)
    watch.until_ready(10)
    watch.for_a_while(3)
    assert 3 <= time.now < 4


def test_another_version_that_answers_is_not_taken_for_the_one_that_was_started(
    daemon: FakeDaemon, home: Home, hands: Hands
) -> None:
    before, time = looked(home), Time()
    watch = Watch(str(home.config), hands, before, version="9.9.9", clock=time.clock, sleep=time.sleep)
    with pytest.raises(StepFailed, match=r"answers, not of 9\.9\.9") as failed:
        watch.until_ready(5)
    assert not isinstance(failed.value, HasEnded)
    Watch(str(home.config), hands, before, version=before["version"], clock=time.clock).until_ready(5)


def test_a_process_that_has_ended_is_not_waited_for(home: Home, hands: Hands) -> None:
    home.write("config_version: 1\napi: {address: '127.0.0.1:1'}\n")
    hands.words = "terrace-daemon.service has ended"
    time = Time()
    with pytest.raises(HasEnded, match="has ended"):
        Watch(str(home.config), hands, {}, clock=time.clock, sleep=time.sleep).until_ready(100)
    assert time.now == 0


def test_what_was_there_and_is_not_any_more_is_waited_for_in_bounds(
    daemon: FakeDaemon, home: Home, hands: Hands
) -> None:
    before = copy.deepcopy(looked(home))
    before["groups"] = {
        "a-group-of-before": {"key": "k", "side": "long", "state": "OPEN", "quantity": "1", "orders": {}}
    }
    time = Time()
    with pytest.raises(StepFailed, match="group a-group-of-before"):
        Watch(str(home.config), hands, before, clock=time.clock, sleep=time.sleep).until_ready(1000)
    assert watching.SETTLES_S <= time.now < watching.SETTLES_S + 1


def test_one_that_becomes_unwell_while_it_is_watched_is_found(daemon: FakeDaemon, home: Home, hands: Hands) -> None:
    time = Time()
    watch = Watch(str(home.config), hands, looked(home), clock=time.clock, sleep=time.sleep)
    watch.until_ready(10)
    time.later = [(2.0, daemon.stop)]
    with pytest.raises(StepFailed, match="no longer well"):
        watch.for_a_while(60)
    assert 2 + watching.STAYS_BAD_S < time.now < 3 + watching.STAYS_BAD_S


def spool(home: Home, *arrivals: int) -> Path:
    path = Files.of(read_config(home.config)).spool
    path.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS spooled (arrival INTEGER PRIMARY KEY)")
        connection.execute("DELETE FROM spooled")
        connection.executemany("INSERT INTO spooled VALUES (?)", [(one,) for one in arrivals])
    return path


def test_what_waited_must_be_handed_over_and_what_comes_meanwhile_need_not(home: Home, hands: Hands) -> None:
    home.write("config_version: 1\n")
    path, time = spool(home, 3, 5), Time()
    watch = Watch(str(home.config), hands, {}, clock=time.clock, sleep=time.sleep)
    with pytest.raises(StepFailed, match="alerts still wait"):
        watch.until_drained(path, 5)
    time.later = [(6.0, lambda: spool(home, 5, 6)), (8.0, lambda: spool(home, 6))]
    watch.until_drained(path, 60)
    assert 8 <= time.now < 9
    watch.until_drained(path.with_name("none.db"), 5)


def test_a_spool_that_cannot_be_read_is_not_taken_for_an_empty_one(home: Home, hands: Hands) -> None:
    home.write("config_version: 1\n")
    path, time = spool(home), Time()
    watch = Watch(str(home.config), hands, {}, clock=time.clock, sleep=time.sleep)
    watch.until_drained(path, 5)
    path.write_bytes(b"no database " * 100)
    with pytest.raises(StepFailed, match=r"spool .* cannot be read: file is not a database"):
        watch.until_drained(path, 5)


def test_alerts_that_wait_are_seen_in_a_folder_of_any_name(tmp_path: Path) -> None:
    """An address has signs of its own: read by it, such a folder would be another one, and the spool empty."""
    folder = tmp_path / "what? 100%25 #1"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "spool.db")) as spool:
        spool.execute("CREATE TABLE spooled (arrival INTEGER)")
        spool.execute("INSERT INTO spooled VALUES (7)")
        spool.commit()
    assert watching._bound(folder / "spool.db", "max") == 7
