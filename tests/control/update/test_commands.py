"""`terrace update` and `terrace rollback` where nothing is done: what is refused, and what a dry run says."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from control.service.facts import Scope
from control.update import hands, work
from control.update.copies import LOCK_FILE
from control.update.home import Home as Versions
from control.update.journal import Journal, Kind, Stage, read, save
from control.update.refused import UpdateRefused
from tests.control.conftest import Home, Ran

Cli = Callable[..., Ran]
PROGRAM = "#!{python}\nprint('terrace {version}')\n"


@pytest.fixture
def versions(home: Home) -> Versions:
    """A home with 0.2.0 in use and 0.1.0 before it; a config, and a data directory nobody uses."""
    home.write("config_version: 1\ndata_dir: ./data\n")
    made = Versions(home.folder / "versions-home")
    made.make()
    for version in ("0.1.0", "0.2.0"):
        (made.folder(version) / "bin").mkdir(parents=True)
        for name in ("terrace", "terraced"):
            path = made.folder(version) / "bin" / name
            path.write_text(PROGRAM.format(python=sys.executable, version=version))
            path.chmod(0o755)
        made.complete(version)
        made.use(version)
    return made


def wheel(version: str, folder: Path) -> Path:
    """One that nobody comes to open."""
    folder.mkdir(exist_ok=True)
    path = folder / f"terrace-{version}-py3-none-any.whl"
    path.write_bytes(b"no wheel")
    return path


@pytest.fixture
def update(cli: Cli, versions: Versions) -> Cli:
    wheels = ("--find-links", str(wheel("0.1.0", versions.path.parent / "wheels").parent))
    for version in ("0.2.0", "0.3.0"):
        wheel(version, versions.path.parent / "wheels")

    def run(verb: str, *words: str) -> Ran:
        return cli(verb, *words, "--home", str(versions.path), *(wheels if verb == "update" else ()))

    return run


def test_the_version_in_use_is_no_update_and_an_older_one_is_a_rollback(update: Cli) -> None:
    assert update("update", "0.2.0").out == "version 0.2.0 is in use already\n"
    older = update("update", "0.1.0")
    assert older.code == 1
    assert "0.1.0 is older than 0.2.0, which is in use: terrace rollback --to 0.1.0" in older.err
    newer = update("rollback", "--to", "0.3.0")
    assert (newer.code, "there is no version 0.3.0; installed: 0.1.0" in newer.err) == (3, True)


def test_a_dry_run_says_the_plan_and_does_nothing(update: Cli, versions: Versions) -> None:
    before = sorted(str(path) for path in versions.path.rglob("*"))
    ran = update("update", "0.3.0", "--dry-run")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[0].startswith("update from 0.2.0 (")
    assert "nothing runs here now, and you start it" in ran.out
    back = json.loads(update("rollback", "--dry-run", "-o", "json").out)
    assert (back["state"], back["plan"][0]) == ("planned", f"rollback from 0.2.0 to 0.1.0, in {versions.path}")
    assert sorted(str(path) for path in versions.path.rglob("*") if path.name != "update.lock") == before


def test_a_daemon_that_nobody_here_can_start_again_is_not_stopped(update: Cli, home: Home) -> None:
    with (home.data / LOCK_FILE).open("w+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write("4711\n")
        file.flush()
        ran = update("update", "0.3.0", "--yes")
    assert ran.code == 1
    assert "a daemon (pid 4711) runs and is no service of this machine: stop it and repeat" in ran.err


def test_two_do_not_work_at_once(update: Cli, versions: Versions) -> None:
    with versions.locked():
        ran = update("update", "0.3.0")
    assert "another update or rollback is under way" in ran.err


def test_one_that_died_before_the_switch_is_taken_away(update: Cli, versions: Versions, home: Home) -> None:
    folder = versions.works / "one"
    folder.mkdir()
    half = Journal(
        kind=Kind.UPDATE, stage=Stage.COPY, old="0.2.0", new="0.3.0", config=str(home.config), folder=str(folder)
    )
    save(versions.journal, half)
    ran = update("rollback")
    assert ran.code == 0, ran.err
    assert "nothing was switched" in ran.err
    assert read(versions.journal) is None
    assert not folder.exists()
    assert versions.current() == "0.2.0"


def test_an_empty_home_asks_which_program_is_used(cli: Cli, home: Home, tmp_path: Path) -> None:
    home.write("config_version: 1\n")
    empty = ("--home", str(tmp_path / "empty"))
    assert cli("rollback", *empty).code == 3
    none = cli("update", str(wheel("0.3.0", tmp_path / "wheels")), "--adopt", str(tmp_path), *empty)
    assert (none.code, "holds no Terrace that runs" in none.err) == (2, True)
    assert "there is no file" in cli("update", "./terrace-0.3.0-py3-none-any.whl", *empty).err


def test_an_installation_elsewhere_is_taken_in_as_it_is(
    cli: Cli, home: Home, versions: Versions, tmp_path: Path
) -> None:
    where = tmp_path / "other"
    words = ("update", str(wheel("0.3.0", tmp_path / "wheels")), "--index-off", "--yes")
    ran = cli(*words, "--home", str(where), "--adopt", str(versions.folder("0.2.0")))
    assert ran.code == 1  # It is no wheel.
    assert "could not be installed" in ran.err
    assert "Nothing was switched: 0.2.0 goes on as before" in ran.err
    assert Versions(where).current() == "0.2.0"
    assert (where / "current" / "bin" / "terrace").is_file()


def test_what_another_home_uses_is_not_taken_in(cli: Cli, home: Home, versions: Versions, tmp_path: Path) -> None:
    """Its link would move under this one's feet."""
    words = ("update", str(wheel("0.3.0", tmp_path / "wheels")), "--home", str(tmp_path / "second"))
    ran = cli(*words, "--adopt", str(versions.current_link))
    assert (ran.code, f"say --home {versions.path}" in ran.err) == (2, True)


def test_a_version_that_is_installed_needs_no_wheel(cli: Cli, versions: Versions) -> None:
    versions.use("0.1.0")
    ran = cli("update", "0.2.0", "--dry-run", "--home", str(versions.path))
    assert ran.code == 0, ran.err
    assert ran.out.startswith("update from 0.1.0 (")


def test_the_name_of_terrace_is_not_asked_of_an_index(cli: Cli, versions: Versions) -> None:
    for words in ((), ("0.3.0",), ("--dry-run",)):
        ran = cli("update", *words, "--home", str(versions.path))
        assert (ran.code, "belongs to another project" in ran.err) == (2, True)


@pytest.mark.parametrize("verb", ["update", "rollback"])
def test_a_packaged_program_says_how_it_is_replaced(
    update: Cli, verb: str, monkeypatch: pytest.MonkeyPatch, versions: Versions
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.raises(UpdateRefused, match="unpack the new one into a folder beside this one"):
        {"update": work.update, "rollback": work.rollback}[verb](work.Asked(config="", home=versions.path), print)


def test_services_of_the_system_are_not_for_everybody_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    services = hands._services(Scope.SYSTEM)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(UpdateRefused, match="sudo"):
        work._refuse_account(services)
    work._refuse_account(None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    work._refuse_account(services)
