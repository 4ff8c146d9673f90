"""`terrace update` and `terrace rollback` on real versions with real daemons under load; a stand-in supervises them.

Wheels of the first released state and of this tree, and of versions that are bad in one way each. After everything the
checks of the kill tests compare what senders were told, the store and the venue. The suite has one good update and one
bad one; `make update-test` has all.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from control.update.journal import Stage, read
from tests import stores
from tests.control.update.machine import Machine
from tests.control.update.wheels import changed, first_released, present, replaced, wheel
from tests.processes.disk import NoDisk, fill_up, make_room, small_disk

ALL = bool(os.environ.get("TERRACE_TEST_UPDATES"))
everything = pytest.mark.skipif(not ALL, reason="one good and one bad update are the suite's share: make update-test")
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="what stands in for systemd looks into /proc"),
    pytest.mark.skipif(stores.IS_POSTGRES, reason="the machine has its store in a file"),
    pytest.mark.timeout(900),
    pytest.mark.slow,
]
OLD, NOW, NEXT = "0.1.0", "0.2.0", "0.3.0"
RUN = "def run(config: LoadedConfig, environ: Mapping[str, str], connect: Connect | None = None) -> int:\n"
MIGRATION = "daemon/store/migrations/900_next.py"
ON_THE_STORE = 'if "updates" not in str(_database.database):'
"""Not on a copy that an update tries."""


def migration(up: str, down: str = "pass") -> dict[str, str]:
    lines = (
        ("def migrate(migrator, _database, **_):", *up.split("\n")),
        ("def rollback(migrator, _database, **_):", down),
    )
    return {MIGRATION: "\n".join("\n    ".join(part) for part in lines) + "\n"}


COLUMN = "migrator.sql('ALTER TABLE meta ADD COLUMN remark TEXT')"
NO_COLUMN = "migrator.sql('ALTER TABLE meta DROP COLUMN remark')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """A version that must not stay. `words`: what is said of it; `is_switched`: found out only after the switch."""

    words: str
    is_switched: bool = True
    changes: dict[str, str] | None = None
    run: str = ""
    """What its daemon does first, beside a canary."""

    def wheel(self, folder: Path) -> Path:
        sources = changed(present(), self.changes or {})
        if self.run:
            sources = replaced(sources, "daemon/app.py", RUN, f"{RUN}    import os, threading; {self.run}\n")
        return wheel(sources, NEXT, folder)


ENDS_SOON = "threading.Timer(2.5, lambda: os._exit(3)).start()"
ENDS_LATER = "threading.Timer(6, lambda: os._exit(3)).start()"
BAD = {
    "ends while it is watched": Bad(words="has ended", run=ENDS_SOON),
    "ends at its start": Bad(words="has ended", run="raise SystemExit(1)", changes=migration(COLUMN, NO_COLUMN)),
    "fails to migrate": Bad(
        words="has ended", changes=migration(f"{ON_THE_STORE}\n        raise ValueError('migration')")
    ),
    "never becomes ready": Bad(words="does not become well", run="threading.Event().wait()"),
    "cannot take its migration back": Bad(
        words="has ended", run=ENDS_LATER, changes=migration(COLUMN, "raise ValueError('no way back')")
    ),
    "changes what was sold": Bad(
        words="tried on a copy",
        is_switched=False,
        changes=migration("migrator.sql(\"UPDATE fills SET quantity = '77' WHERE id = (SELECT min(id) FROM fills)\")"),
    ),
    "does not take the config": Bad(
        words="does not take the config",
        is_switched=False,
    ),
    "cannot be installed": Bad(words="could not be installed", is_switched=False),
}
HARMED = {
    "does not take the config": ("daemon/config/migrate.py", "    if is_newer(document):", "    if True:"),
    "cannot be installed": ("setup.cfg", "    aiohttp>=3.11", "    a-package-that-is-nowhere>=1\n    aiohttp>=3.11"),
}


def bad_wheel(name: str, folder: Path) -> Path:
    if name not in HARMED:
        return BAD[name].wheel(folder)
    return wheel(replaced(present(), *HARMED[name]), NEXT, folder)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    try:
        yield made
    finally:
        if made.load is not None:
            made.load.give_up()
            made.load.stop()
        made.end()


@pytest.fixture
def running(machine: Machine) -> Machine:
    """This tree's version in use, alerts coming."""
    machine.install(wheel(present(), NOW, machine.folder / "wheels"), NOW)
    machine.begin()
    machine.begin_load()
    time.sleep(2)
    return machine


def nothing_is_broken(machine: Machine) -> None:
    machine.settle()
    assert machine.violations() == []
    assert machine.load is not None
    assert sum(item.is_acknowledged for item in machine.load.sent) > 10
    assert [line for line in machine.log().splitlines() if '"severity":"critical"' in line] == []


# --- the suite's share ----------------------------------------------------------------------------


@pytest.mark.rule("REC-1", "SIG-9", "SIG-12", "ORD-2")
def test_from_the_first_released_state_to_this_one_under_load_and_back_from_a_bad_one(machine: Machine) -> None:
    sources = first_released()
    if sources is None:
        pytest.skip("the history of this tree is not here")
    wheels = machine.folder / "wheels"
    machine.install(wheel(sources, OLD, wheels), OLD)
    machine.begin()
    load = machine.begin_load(pause_s=0.3)  # The suite has other things to do at the same time.
    time.sleep(1)
    code, answer, said = machine.update(wheel(present(), NOW, wheels), "--watch-s", "1")
    assert code == 0, said
    print(said, answer)
    assert (answer["state"], answer["from_version"], answer["to_version"]) == ("done", OLD, NOW)
    assert (machine.home.current(), machine.home.previous(), machine.schema()[:4]) == (NOW, OLD, "012_")
    assert "nothing contradicts the exchange" in said
    assert Path(answer["backup"]).is_file()
    sent = len(load.sent)

    # An older program does not open a newer store.
    refused = machine.run(machine.home.folder(OLD) / "bin/terraced")
    assert refused[0] == 1, refused
    assert load.failures == []

    bad = "ends while it is watched"
    code, answer, said = machine.update(bad_wheel(bad, wheels), program=machine.home.bin / "terrace")
    print(said, answer)
    assert (code, answer["state"]) == (1, "went_back"), said
    assert BAD[bad].words in answer["message"]
    assert (machine.home.current(), machine.home.previous()) == (NOW, OLD)
    assert len(load.sent) > sent, "no alert came meanwhile"
    nothing_is_broken(machine)


# --- all of them ----------------------------------------------------------------------------------


@everything
@pytest.mark.rule("REC-1", "SIG-9", "ORD-2")
@pytest.mark.parametrize("name", [name for name in BAD if name != "ends while it is watched"])
def test_a_bad_version_goes_back_by_itself(running: Machine, name: str) -> None:
    bad, pid = BAD[name], running.pid()
    code, answer, said = running.update(
        bad_wheel(name, running.folder / "wheels"),
        "--ready-s",
        "30",
        "--watch-s",
        "8",
        program=running.home.bin / "terrace",
    )
    print(said, answer)
    assert code == 1, said
    if bad.is_switched:
        assert answer["state"] == "went_back"
        assert bad.words in answer["message"]
    else:
        assert bad.words in said
        assert "Nothing was switched" in said
        assert running.pid() == pid, "the old one was touched"
    assert running.home.current() == NOW
    assert running.schema().startswith("012_")
    assert not running.home.journal.exists()
    if name == "cannot take its migration back":
        assert "THE STORE WAS PUT BACK" in said
        assert any("THE STORE WAS PUT BACK" in note for note in answer["notes"])
        assert "NOT IN IT: " in said
        with contextlib.closing(
            sqlite3.connect(f"file:{running.stack.data_dir / 'terrace.db'}?mode=ro", uri=True)
        ) as db:
            assert db.execute("SELECT count(*) FROM engine_state WHERE name = 'paused' AND value = 'yes'").fetchone()[0]
        return  # What the bad one did is gone, as was said: alerts it acknowledged are, too, which are listed.
    nothing_is_broken(running)


@everything
@pytest.mark.rule("REC-1", "SIG-9", "ORD-2")
def test_a_good_version_and_by_hand_back_again_without_loss(running: Machine) -> None:
    sources = changed(present(), migration(COLUMN, NO_COLUMN))
    program = running.home.bin / "terrace"
    code, answer, said = running.update(wheel(sources, NEXT, running.folder / "wheels"), program=program)
    assert (code, answer["state"]) == (0, "done"), said
    assert running.schema() == "900_next"
    assert running.run(program, "rollback", "--dry-run")[0] == 0
    code, out, said = running.run(program, "rollback", "--watch-s", "3", "--yes", "-o", "json")
    print(said, out)
    assert code == 0, said
    assert (running.home.current(), running.home.previous(), running.schema()[:4]) == (NOW, NEXT, "012_")
    nothing_is_broken(running)


@everything
@pytest.mark.rule("REC-1", "SIG-9", "ORD-2")
def test_back_to_the_first_released_state_says_what_is_lost_and_keeps_the_rest(tmp_path: Path) -> None:
    """It knows nothing of offsets and reductions: without those it reads what was stored."""
    with both_versions(tmp_path, {"risk": {"loss_threshold_percent": "-99"}}) as machine:
        machine.begin_load((("entry", 70), ("exit", 20), ("again", 10)))
        _goes_back_to_the_first(machine)


@everything
def test_what_an_older_version_cannot_read_is_found_before_anything_is_stopped(tmp_path: Path) -> None:
    with both_versions(tmp_path, {}) as machine:
        machine.begin_load((("entry", 60), ("reduce", 40)))
        time.sleep(5)
        pid = machine.pid()
        code, out, said = machine.run(machine.home.bin / "terrace", "rollback", "--yes", "--accept-loss")
        assert code == 1, out
        assert f"{OLD} cannot read what {NOW} has stored" in said
        assert (machine.home.current(), machine.pid()) == (NOW, pid)
        nothing_is_broken(machine)


@contextlib.contextmanager
def both_versions(folder: Path, config: dict[str, object]) -> Iterator[Machine]:
    """The first released state installed, this one in use."""
    sources = first_released()
    if sources is None:
        pytest.skip("the history of this tree is not here")
    machine = Machine(folder, config)
    try:
        machine.install(wheel(sources, OLD, folder / "wheels"), OLD)
        machine.install(wheel(present(), NOW, folder / "wheels"), NOW)
        machine.begin()
        yield machine
    finally:
        if machine.load is not None:
            machine.load.give_up()
            machine.load.stop()
        machine.end()


def _goes_back_to_the_first(machine: Machine) -> None:
    time.sleep(3)
    program = machine.home.bin / "terrace"
    code, out, said = machine.run(program, "rollback", "--yes")
    assert code == 1, out
    assert f"{OLD} has no place for what {NOW} has stored" in said
    assert machine.home.current() == NOW
    code, out, said = machine.run(program, "rollback", "--yes", "--accept-loss", "--watch-s", "3")
    print(said, out)
    assert code == 0, said
    assert (machine.home.current(), machine.schema()) == (OLD, "001_initial")
    nothing_is_broken(machine)


@everything
@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not Stage.INSTALL])
@pytest.mark.parametrize("then", ["update", "rollback"])
def test_an_updater_killed_at_a_step_is_gone_on_with_or_undone(running: Machine, stage: Stage, then: str) -> None:
    if then == "rollback" and stage in (Stage.JUDGE, Stage.COPY):
        pytest.skip("as at the canary")
    sources = changed(present(), migration(COLUMN, NO_COLUMN))
    made = wheel(sources, NEXT, running.folder / "wheels")
    options = ("--home", str(running.home.path), "--index-off", "--watch-s", "3", "--yes")
    with running.spawn(running.home.bin / "terrace", "update", str(made), *options) as process:
        seen = killed_at(running, process, stage)
    print(f"killed at {seen}")
    words = ("update", str(made), *options) if then == "update" else ("rollback", "--yes", "--watch-s", "3")
    home = ("--home", str(running.home.path)) if then == "rollback" else ()
    code, out, said = running.run(running.home.folder(NOW) / "bin/terrace", *words, *home)
    print(code, out, said)
    if then == "update":
        assert code == 0, said
        assert (running.home.current(), running.schema()) == (NEXT, "900_next")
    elif seen is not None:
        assert code == 0, said
        assert (running.home.current(), running.schema()[:4]) == (NOW, "012_")
    assert not running.home.journal.exists()
    nothing_is_broken(running)


def killed_at(machine: Machine, process: subprocess.Popen[str], stage: Stage) -> Stage | None:
    """kill -9 as soon as the journal says the stage, or a later one. What it says then."""
    wanted = list(Stage).index(stage)
    while process.poll() is None:
        with contextlib.suppress(Exception):
            found = read(machine.home.journal)
            if found is not None and list(Stage).index(found.stage) >= wanted:
                process.send_signal(signal.SIGKILL)
                break
        time.sleep(0.001)
    process.communicate()
    found = read(machine.home.journal)
    return None if found is None else found.stage


@everything
@pytest.mark.parametrize("stage", [Stage.COPY, Stage.CANARY, Stage.STOP, Stage.WATCH])
def test_a_disk_that_is_full_stops_nothing(tmp_path: Path, stage: Stage) -> None:
    """The disk of the versions and copies; the daemon's own is another."""
    place = tmp_path / "home"
    try:
        with small_disk(place, 1500):
            _fill_at(tmp_path, place, stage)
    except NoDisk as no:
        pytest.skip(str(no))


def _fill_at(folder: Path, place: Path, stage: Stage) -> None:
    machine = Machine(folder)
    try:
        machine.install(wheel(present(), NOW, folder / "wheels"), NOW)
        machine.begin()
        machine.begin_load()
        made = wheel(changed(present(), migration(COLUMN, NO_COLUMN)), NEXT, folder / "wheels")
        options = ("--home", str(place), "--index-off", "--watch-s", "3", "--yes")
        with machine.spawn(machine.home.bin / "terrace", "update", str(made), *options) as process:
            while process.poll() is None:
                found = None
                with contextlib.suppress(Exception):
                    found = read(machine.home.journal)
                if found is not None and list(Stage).index(found.stage) >= list(Stage).index(stage):
                    fill_up(place)
                    break
                time.sleep(0.001)
            out, said = process.communicate()
        print(process.returncode, out, said)
        make_room(place)
        assert process.returncode in (0, 1), said
        assert machine.home.current() == (NOW if process.returncode else NEXT)
        assert not machine.home.journal.exists()
        nothing_is_broken(machine)
    finally:
        if machine.load is not None:
            machine.load.give_up()
            machine.load.stop()
        machine.end()
