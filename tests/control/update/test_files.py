"""Homes, journals, copies at rest: what is on disk, as far as a death at any moment is concerned."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from actors.messages import BY_USER
from actors.rules.choices import World
from control.config_file import read_config
from control.service.facts import Part, read_facts
from control.update import copies
from control.update.home import Home, default_home, home_of, order_of
from control.update.install import wanted
from control.update.journal import Journal, Kind, Stage, clear, read, save
from control.update.loss import forgotten_alerts, losses
from control.update.refused import StepFailed, UpdateRefused
from control.update.work import _ended


def version(home: Home, name: str) -> None:
    (home.folder(name) / "bin").mkdir(parents=True)
    for program in ("terrace", "terraced"):
        (home.folder(name) / "bin" / program).write_text("")
    home.complete(name)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.make()
    return made


# --- homes ----------------------------------------------------------------------------------------


def test_a_switch_is_one_link_and_remembers_what_was_before(home: Home) -> None:
    version(home, "0.1.0")
    version(home, "0.2.0")
    home.use("0.1.0")
    home.use("0.2.0")
    assert (home.current(), home.previous()) == ("0.2.0", "0.1.0")
    assert os.readlink(home.current_link) == "versions/0.2.0"  # Relative: the home may be moved.
    home.use("0.2.0")
    assert home.previous() == "0.1.0"


def test_what_is_not_wholly_installed_is_never_switched_to_and_swept_away(home: Home) -> None:
    version(home, "0.1.0")
    home.use("0.1.0")
    (home.folder("0.2.0") / "bin").mkdir(parents=True)
    with pytest.raises(UpdateRefused):
        home.use("0.2.0")
    home.sweep(but="")
    assert home.installed() == ["0.1.0"]
    assert not home.folder("0.2.0").exists()


def test_three_versions_are_kept_and_never_less_than_the_one_in_use_and_the_one_before(home: Home) -> None:
    for name in ("0.9.0", "0.10.0", "0.2.0", "0.1.0", "0.11.0"):
        version(home, name)
    home.use("0.1.0")
    home.use("0.2.0")
    assert home.prune() == ["0.9.0", "0.10.0"]
    assert home.installed() == ["0.1.0", "0.2.0", "0.11.0"]


def test_an_update_that_is_forgotten_leaves_the_one_before_as_it_was(home: Home) -> None:
    for name in ("0.1.0", "0.2.0", "0.3.0"):
        version(home, name)
    home.use("0.1.0")
    home.use("0.2.0")
    home.use("0.3.0")
    home.use("0.2.0")
    home.forget("0.3.0", previous="0.1.0")
    assert (home.current(), home.previous(), home.is_complete("0.3.0")) == ("0.2.0", "0.1.0", False)


def test_one_update_at_a_time(home: Home) -> None:
    with home.locked(), pytest.raises(UpdateRefused, match="under way"), home.locked():
        pass


@pytest.mark.parametrize(
    ("lower", "higher"),
    [("0.9.0", "0.10.0"), ("0.2.0", "0.2.1"), ("1.0rc1", "1.0"), ("0.2", "0.2.0.1"), ("0.1.0", "1")],
)
def test_versions_are_ordered_by_their_numbers(lower: str, higher: str) -> None:
    assert order_of(lower) < order_of(higher)
    assert order_of("0.2") == (*order_of("0.2.0")[:2], "0.2")


@pytest.mark.parametrize("name", ["../x", "", ".hidden", "a/b", "a" * 65])
def test_a_version_is_no_path(home: Home, name: str) -> None:
    with pytest.raises(UpdateRefused):
        home.folder(name)


def test_services_start_what_the_link_names_when_installed_from_a_home(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version(home, "0.2.0")
    config = tmp_path / "config.yaml"
    config.write_text("config_version: 1\n")
    monkeypatch.setattr(sys, "executable", str(home.folder("0.2.0") / "bin" / "python"))
    assert home_of(Path(sys.executable).parent) is None
    assert str(home.current_link) not in read_facts(str(config)).commands[Part.DAEMON][0]
    home.use("0.2.0")
    commands = read_facts(str(config)).commands
    assert commands[Part.DAEMON][:1] == (f"{home.path}/current/bin/terraced",)
    assert commands[Part.FORWARDER] == (f"{home.path}/current/bin/terrace", "--config", str(config), "forward")


# --- what is to be installed ----------------------------------------------------------------------


def test_a_wheel_says_its_version(tmp_path: Path) -> None:
    wheel = tmp_path / "terrace-0.3.0-py3-none-any.whl"
    wheel.write_bytes(b"")
    found = wanted(str(wheel), find_links="", is_offline=True)
    assert (found.version, found.source, found.index_options) == ("0.3.0", str(wheel), ["--no-index"])
    with pytest.raises(UpdateRefused, match="no wheel of Terrace"):
        wanted(str(tmp_path / "other-1.0-py3-none-any.whl"), find_links="", is_offline=True)
    with pytest.raises(UpdateRefused, match="there is no file"):
        wanted(str(tmp_path / "terrace-0.4.0-py3-none-any.whl"), find_links="", is_offline=True)


def test_terrace_is_never_asked_of_an_index_by_name(tmp_path: Path) -> None:
    """The name belongs to another project there."""
    for given in ("", "0.3.0"):
        with pytest.raises(UpdateRefused, match="belongs to another project"):
            wanted(given, find_links="", is_offline=False)
    folder = tmp_path / "wheels"
    with pytest.raises(UpdateRefused, match="there is no folder"):
        wanted("", find_links=str(folder), is_offline=False)
    folder.mkdir()
    for name in ("terrace-0.9.0-py3-none-any.whl", "terrace-0.10.0-py3-none-any.whl", "terrace_x-2-py3-none-any.whl"):
        (folder / name).write_bytes(b"")
    newest = wanted("", find_links=str(folder), is_offline=False)
    assert (newest.version, newest.source) == ("0.10.0", str(folder / "terrace-0.10.0-py3-none-any.whl"))
    assert wanted("0.9.0", find_links=str(folder), is_offline=False).version == "0.9.0"
    with pytest.raises(UpdateRefused, match=r"holds no wheel of Terrace 1\.0"):
        wanted("1.0", find_links=str(folder), is_offline=False)


def test_a_home_is_absolute_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert default_home({"XDG_DATA_HOME": "/data"}) == Path("/data/terrace")
    assert default_home({"XDG_DATA_HOME": "here"}) == Path("~/.local/share/terrace").expanduser()


# --- journals -------------------------------------------------------------------------------------


def test_who_starts_it_himself_is_told_with_which_program(home: Home) -> None:
    by_hand = replace(journal(), scope="")
    assert f"{home.path}/current/bin/terrace" in _ended(by_hand, home).words
    assert "current" not in _ended(replace(by_hand, scope="user"), home).words


def journal() -> Journal:
    return Journal(
        kind=Kind.UPDATE, stage=Stage.LINK, old="0.1.0", new="0.2.0", config="/c", folder="/f", parts=("daemon",)
    )


def test_a_journal_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "update.json"
    assert read(path) is None
    written = replace(journal(), is_return=True, reason="why", seen={"groups": {}}, notes=("a",))
    save(path, written)
    assert read(path) == written
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    clear(path)
    assert read(path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_newer_journal_is_left_to_the_newer_program(tmp_path: Path) -> None:
    path = tmp_path / "update.json"
    save(path, journal())
    values = json.loads(path.read_text())
    path.write_text(json.dumps({**values, "a_field_of_later": 1}))
    assert read(path) == journal()
    path.write_text(json.dumps({**values, "format": 2}))
    with pytest.raises(UpdateRefused, match="newer Terrace"):
        read(path)
    path.write_text("{")
    with pytest.raises(UpdateRefused, match="cannot be read"):
        read(path)


# --- the store at rest ----------------------------------------------------------------------------


class Place:
    """A data directory with a store, paper books, and a config."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "config.yaml"
        self.config.write_text("config_version: 1\ndata_dir: ./data\n")
        (folder / "data/paper").mkdir(parents=True)
        (folder / "data" / copies.LOCK_FILE).write_text("")
        self.files = copies.Files.of(read_config(self.config))
        assert self.files.store is not None
        self.store = self.files.store
        self.book = folder / "data/paper/paper.db"
        self.write(1)

    def write(self, value: int) -> None:
        for path in (self.store, self.book):
            with closing(sqlite3.connect(path)) as connection, connection:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("CREATE TABLE IF NOT EXISTS kept (value INTEGER)")
                connection.execute("INSERT INTO kept VALUES (?)", (value,))
        with closing(sqlite3.connect(self.store)) as connection, connection:
            connection.execute("CREATE TABLE IF NOT EXISTS meta (name PRIMARY KEY, value)")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS engine_state (world, name, value, who, time_ms, PRIMARY KEY (world, name))"
            )

    def values(self) -> list[list[int]]:
        found = []
        for path in (self.store, self.book):
            with closing(sqlite3.connect(path)) as connection:
                found.append([row[0] for row in connection.execute("SELECT value FROM kept")])
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_copy_is_put_back_whatever_was_written_since(place: Place, tmp_path: Path) -> None:
    copies.copy_at_rest(place.files, tmp_path / "copy")
    place.write(2)
    place.config.write_text("other: 1\n")
    copies.put_back(place.files, tmp_path / "copy")
    assert place.values() == [[1], [1]]
    with closing(sqlite3.connect(place.store)) as connection:  # As one that is restored from a backup.
        paused = connection.execute("SELECT world, name, value FROM engine_state ORDER BY world").fetchall()
        facts = dict(connection.execute("SELECT name, value FROM meta").fetchall())
    assert paused == [(world, "paused", BY_USER) for world in sorted(World)]
    assert (set(facts), facts["clean"]) == ({"restored_from", "clean"}, "0")
    kept = copies.put_config(place.files, tmp_path / "copy", "of-0.2.0")
    assert kept is not None
    assert (place.config.read_text(), kept.read_text()) == ("config_version: 1\ndata_dir: ./data\n", "other: 1\n")
    assert copies.put_config(place.files, tmp_path / "copy", "again") is None


def test_a_store_that_was_not_closed_is_copied_and_put_back_with_its_log(place: Place, tmp_path: Path) -> None:
    with closing(sqlite3.connect(place.store)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        with connection:
            connection.execute("INSERT INTO kept VALUES (2)")
        assert place.store.with_name("terrace.db-wal").stat().st_size > 0
        copies.copy_at_rest(place.files, tmp_path / "copy")
    place.write(3)
    with closing(sqlite3.connect(place.store)) as connection, connection:
        connection.execute("INSERT INTO kept VALUES (4)")
        copies.copy_at_rest(place.files, tmp_path / "copy")  # A whole copy is left as it is.
    copies.put_back(place.files, tmp_path / "copy")
    assert place.values() == [[1, 2], [1]]
    assert not place.store.with_name("terrace.db-wal").exists()


def test_half_a_copy_is_none(place: Place, tmp_path: Path) -> None:
    copies.copy_at_rest(place.files, tmp_path / "copy")
    (tmp_path / "copy" / copies.WHOLE).unlink()
    with pytest.raises(StepFailed, match="no whole copy"):
        copies.put_back(place.files, tmp_path / "copy")
    place.write(2)
    copies.copy_at_rest(place.files, tmp_path / "copy")
    copies.put_back(place.files, tmp_path / "copy")
    assert place.values() == [[1, 2], [1, 2]]


def test_a_copy_that_fails_leaves_nothing(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(copies, "_copy", full)
    with pytest.raises(StepFailed, match="No space left"):
        copies.copy_at_rest(place.files, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_who_uses_the_data_is_known_and_nobody_else_gets_in(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert copies.holder(place.files.data_dir) is None
    monkeypatch.setattr(copies, "LOCK_WAIT_S", 0.1)
    with copies.nobody_else(place.files.data_dir):
        assert copies.holder(place.files.data_dir) == 0
        with pytest.raises(StepFailed, match="still uses"), copies.nobody_else(place.files.data_dir):
            pass


# --- what is lost ---------------------------------------------------------------------------------


def test_what_a_downgrade_loses_is_found_by_looking(tmp_path: Path) -> None:
    before, after = tmp_path / "before.db", tmp_path / "after.db"
    tables = "CREATE TABLE orders (id INTEGER{more}); CREATE TABLE kept (id INTEGER)"
    with closing(sqlite3.connect(before)) as connection, connection:
        connection.executescript(tables.format(more=", stop TEXT NOT NULL DEFAULT 'none', words TEXT"))
        connection.executescript("CREATE TABLE plans (id INTEGER); CREATE TABLE empty (id INTEGER)")
        connection.executescript(
            "INSERT INTO orders VALUES (1, 'none', ''); INSERT INTO orders VALUES (2, '9.5', NULL)"
        )
        connection.executescript(
            "INSERT INTO plans VALUES (1); INSERT INTO kept VALUES (1); INSERT INTO kept VALUES (2)"
        )
    with closing(sqlite3.connect(after)) as connection, connection:
        connection.executescript(tables.format(more=""))
        connection.executescript("INSERT INTO orders VALUES (1); INSERT INTO orders VALUES (2)")
        connection.executescript("INSERT INTO kept VALUES (1)")
    assert {loss.name: loss.count for loss in losses(before, after)} == {"orders.stop": 1, "plans": 1, "kept": 1}
    assert not any(loss.is_harmless for loss in losses(before, after))


def test_alerts_that_are_not_in_a_store_that_is_put_back_are_listed(tmp_path: Path) -> None:
    columns = "id, signal_id, receive_time_ms, source, account, symbol, timeframe, intent, side, alert_message"
    files = tmp_path / "left.db", tmp_path / "back.db"
    for path, known in zip(files, (3, 1), strict=True):
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(f"CREATE TABLE signals ({columns})")
            rows = [(one, f"s{one}", 7, "tv", "paper", "BTC/USDT", "60", "open", "buy", "") for one in range(known)]
            connection.executemany(f"INSERT INTO signals VALUES ({','.join('?' * 10)})", rows)
    listed = tmp_path / "listed"
    assert forgotten_alerts(*files, listed) == f"NOT IN IT: 2 alerts that it had acknowledged, listed in {listed}"
    assert [json.loads(line)["signal_id"] for line in listed.read_text().splitlines()] == ["s1", "s2"]
    assert "no alert" in forgotten_alerts(files[1], files[0], listed)
    assert "cannot be read" in forgotten_alerts(tmp_path / "none.db", files[1], listed)
