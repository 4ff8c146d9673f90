"""What the steps of a switch leave on disk: of the store at rest, and of one that is put back."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from control.update import deeds
from control.update.deeds import REST, Work
from control.update.hands import NoHands
from control.update.home import Home
from control.update.journal import Journal, Kind, Stage, save
from control.update.loss import ALERT
from control.update.refused import StepFailed
from control.update.watching import HasEnded
from control.update.work import _of_now

OLD, NEW = "0.1.0", "0.2.0"


@pytest.fixture
def work(tmp_path: Path) -> Work:
    """The old version in use, the new one installed, a store that holds one alert."""
    home = Home(tmp_path / "home")
    home.make()
    for version in (OLD, NEW):
        home.folder(version).mkdir()
        home.complete(version)
    home.use(OLD)
    (tmp_path / "data").mkdir()
    (tmp_path / "config.yaml").write_text("config_version: 1\ndata_dir: ./data\n")
    with closing(sqlite3.connect(tmp_path / "data/terrace.db")) as connection, connection:
        connection.execute("CREATE TABLE meta (name PRIMARY KEY, value)")
        connection.execute("CREATE TABLE engine_state (world, name, value, who, time_ms, PRIMARY KEY (world, name))")
        connection.execute(f"CREATE TABLE signals (id INTEGER, {', '.join(ALERT)})")
    alert(tmp_path)
    return Work(home=home, hands=NoHands(), tell=lambda _: None, ask=lambda _: None, go_on_as=lambda _: None)


def alert(folder: Path) -> None:
    """One more, acknowledged."""
    with closing(sqlite3.connect(folder / "data/terrace.db")) as connection, connection:
        number = alerts(folder / "data/terrace.db") + 1
        connection.execute("INSERT INTO signals (id, signal_id) VALUES (?, ?)", (number, f"s{number}"))


def alerts(store: Path) -> int:
    with closing(sqlite3.connect(store)) as connection:
        return int(connection.execute("SELECT count(*) FROM signals").fetchone()[0])


def journal(folder: Path, stage: Stage) -> Journal:
    made = folder / "home/updates/one"
    made.mkdir(exist_ok=True)
    return Journal(
        kind=Kind.UPDATE,
        stage=stage,
        old=OLD,
        new=NEW,
        config=str(folder / "config.yaml"),
        folder=str(made),
        scope="user",
        seen={"groups": {}},
    )


def test_a_copy_of_before_a_death_is_made_again_while_only_the_old_one_can_have_traded(
    work: Work, tmp_path: Path
) -> None:
    """Somebody has started the old one in between: what it did then must not be missing in the copy."""
    copy = tmp_path / "home/updates/one" / REST / "store.db"
    for known in (1, 2):
        work.do(journal(tmp_path, Stage.REST))
        assert alerts(copy) == known
        alert(tmp_path)
    work.home.use(NEW)
    work.do(journal(tmp_path, Stage.REST))
    assert alerts(copy) == 2, "what the new one wrote is no store of the old one"


class Watching:
    """Stands in for the watch: the first start comes to a fault, the next is well."""

    faults: ClassVar[list[Exception]] = []

    def __init__(self, *_: object, **__: object) -> None:
        return None

    def until_ready(self, _limit_s: float) -> None:
        if self.faults:
            raise self.faults.pop()

    def for_a_while(self, _span_s: float) -> None:
        return None


def returning(work: Work, folder: Path, fault: Exception, monkeypatch: pytest.MonkeyPatch) -> Journal:
    """On the way back the old version is started, and `fault` becomes of it."""
    work.do(journal(folder, Stage.REST))
    alert(folder)
    monkeypatch.setattr(Watching, "faults", [fault])
    monkeypatch.setattr(deeds, "Watch", Watching)
    found: Any = work.do(replace(journal(folder, Stage.WATCH), is_return=True, reason="it is bad"))
    assert isinstance(found, Journal)
    return found


@pytest.mark.rule("REC-1")
def test_an_exchange_that_does_not_answer_is_no_reason_to_forget_what_happened(
    work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StepFailed, match="RECONCILING"):
        returning(work, tmp_path, StepFailed("account live is RECONCILING, it was READY"), monkeypatch)
    assert alerts(tmp_path / "data/terrace.db") == 2


def test_a_store_the_old_one_ends_on_is_put_back_and_the_alerts_it_lacks_are_named(
    work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = returning(work, tmp_path, HasEnded("terrace-daemon.service has ended"), monkeypatch)
    assert alerts(tmp_path / "data/terrace.db") == 1
    assert "NOT IN IT: 1 alert that it had acknowledged" in ended.notes[0]
    assert '"s2"' in (tmp_path / "home/updates/one" / deeds.FORGOTTEN).read_text()


def test_a_copy_of_long_ago_is_put_back_by_nobody_but_a_person(
    work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The updater was killed after the switch, and the new one has traded ever since."""
    found = replace(journal(tmp_path, Stage.WATCH), options={"accept_loss": False})
    save(work.home.journal, found)
    assert _of_now(found, work.home) == found
    os.utime(work.home.journal, (1, 1))
    stale = _of_now(found, work.home)
    assert stale.seen == {}
    work.do(journal(tmp_path, Stage.REST))
    alert(tmp_path)
    monkeypatch.setattr(Watching, "faults", [HasEnded("terrace-daemon.service has ended")])
    monkeypatch.setattr(deeds, "Watch", Watching)
    with pytest.raises(HasEnded):
        work.do(replace(stale, is_return=True))
    with pytest.raises(StepFailed, match="too old"):
        work._restored(stale, work.files(stale), tmp_path / "home/updates/one" / REST, "no way back")
    assert alerts(tmp_path / "data/terrace.db") == 2
    fresh = work.do(replace(stale, stage=Stage.REST))  # Still the old one in use: the copy is made anew.
    assert fresh.options["is_stale"] is False
