"""A backup comes back into a fresh folder or not at all, and what it becomes is said in the store."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.backup.restoring import Restored, restore
from daemon.backup.verifying import Refused, Verified, verify
from daemon.config.load import LoadedConfig, load_config
from daemon.store import tools
from daemon.store.backup import COPY_OF, RESTORED_FROM
from daemon.store.store import SqliteStore
from tests.daemon.backup.houses import CONFIG, SEAL, T0, House, no_keys, seal_keys
from tests.daemon.store import samples


def restored(house: House, into: Path, *, as_copy: bool = False) -> Restored:
    done = restore(house.make().path, into, no_keys, now_ms=T0, as_copy=as_copy, new_id=lambda: "wxyz")
    assert isinstance(done, Restored), done
    return done


def meta(into: Path) -> dict[str, str]:
    with closing(sqlite3.connect(into / "data" / "terrace.db")) as store:
        return dict(store.execute("SELECT name, value FROM meta").fetchall())


@pytest.mark.rule("REC-1")
def test_a_restored_folder_is_an_installation_of_its_own(house: House, tmp_path: Path) -> None:
    into = tmp_path / "new"
    done = restored(house, into)
    assert done.warnings == ()
    assert done.installation_id == house.installation_id
    assert sorted(path.relative_to(into).as_posix() for path in into.rglob("*") if path.is_file()) == [
        "config.yaml",
        "data/paper/paper.db",
        "data/secrets/tokens.yaml",
        "data/terrace.db",
    ]
    assert (into / "config.yaml").read_text() == CONFIG.replace("./data   #", "./data #")
    config = load_config(into / "config.yaml", {})
    assert isinstance(config, LoadedConfig)
    assert config.daemon.data_dir == into / "data"
    checked = tools.check("sqlite:///terrace.db", into / "data")
    assert isinstance(checked, tools.Checked)
    assert checked.is_well
    store = samples.opened(into / "data")
    assert isinstance(store, SqliteStore)
    assert store.live_groups() == house.store.live_groups()
    store.close()


@pytest.mark.rule("ORD-2")
def test_a_restored_store_keeps_its_id_and_holds_new_entries_back(house: House, tmp_path: Path) -> None:
    done = restored(house, tmp_path / "new")
    facts = meta(tmp_path / "new")
    assert facts["installation_id"] == house.installation_id == done.installation_id
    assert facts[RESTORED_FROM].startswith("terrace-")
    assert COPY_OF not in facts
    with closing(sqlite3.connect(tmp_path / "new" / "data" / "terrace.db")) as store:
        paused = store.execute("SELECT world, name FROM engine_state WHERE name = 'paused'").fetchall()
    assert sorted(paused) == [("live", "paused"), ("paper", "paused"), ("testnet", "paused")]


@pytest.mark.rule("ORD-2")
def test_a_copy_to_look_at_has_an_id_of_its_own(house: House, tmp_path: Path) -> None:
    done = restored(house, tmp_path / "new", as_copy=True)
    facts = meta(tmp_path / "new")
    assert done.installation_id == facts["installation_id"] == "wxyz"
    assert facts[COPY_OF] == house.installation_id


def test_nothing_is_ever_overwritten(house: House, tmp_path: Path) -> None:
    path = house.make().path
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "full")
    for name in ("full", "file", "link", "no/such"):
        assert isinstance(restore(path, tmp_path / name, no_keys, now_ms=T0), Refused), name
    assert (tmp_path / "full" / "mine").read_text() == "mine"
    assert [each.name for each in tmp_path.glob(".*")] == []
    (tmp_path / "empty").mkdir()
    assert isinstance(restore(path, tmp_path / "empty", no_keys, now_ms=T0), Restored)


@pytest.mark.rule("REC-5")
def test_a_damaged_backup_leaves_nothing_behind(house: House, tmp_path: Path) -> None:
    path = house.make().path
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert isinstance(restore(path, tmp_path / "new", no_keys, now_ms=T0), Refused)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["house"]


def test_a_config_that_names_the_old_data_is_turned_to_the_restored(house: House, tmp_path: Path) -> None:
    """Else the first start would be one on the old installation's store."""
    (house.folder / "config.yaml").write_text(CONFIG.replace("./data ", f"{house.data_dir} "))
    done = restored(house, tmp_path / "new")
    config = load_config(tmp_path / "new" / "config.yaml", {})
    assert isinstance(config, LoadedConfig)
    assert config.daemon.data_dir == tmp_path / "new" / "data"
    assert done.warnings == ()
    assert "# here" in (tmp_path / "new" / "config.yaml").read_text()


def test_a_config_without_a_data_dir_gets_one(house: House, tmp_path: Path) -> None:
    (house.folder / "config.yaml").write_text("config_version: 1\n")
    assert restored(house, tmp_path / "new").warnings == ()
    assert "data_dir: ./data" in (tmp_path / "new" / "config.yaml").read_text()


def test_what_the_config_names_elsewhere_is_said(house: House, tmp_path: Path) -> None:
    (house.folder / "config.yaml").write_text(CONFIG + f"backup: {{directory: {tmp_path}/b}}\n")
    assert restored(house, tmp_path / "new").warnings == (
        f"backup.directory is {tmp_path}/b, as in the old installation",
    )


@pytest.mark.parametrize("url", ["sqlite:////srv/terrace.db", "postgresql://host/terrace", "env:STORE"])
def test_no_daemon_starts_on_the_old_store_by_the_restored_config(house: House, tmp_path: Path, url: str) -> None:
    (house.folder / "config.yaml").write_text(CONFIG + f"storage: {{url: '{url}'}}\n")
    (said,) = restored(house, tmp_path / "new").warnings
    assert "storage.url must be sqlite:///terrace.db" in said
    assert not (tmp_path / "new" / "config.yaml").exists()
    assert url in (tmp_path / "new" / "config.yaml.to-edit").read_text()


def test_a_store_of_a_newer_terrace_is_refused(house: House, tmp_path: Path) -> None:
    house.close()
    with closing(sqlite3.connect(house.data_dir / "terrace.db")) as store:
        store.execute("INSERT INTO migratehistory (name, migrated_at) VALUES ('999_future', 'now')")
        store.commit()
    path = house.make().path
    found = verify(path, no_keys)
    assert isinstance(found, Verified)
    assert any("newer Terrace (999_future)" in problem for problem in found.problems)
    refused = restore(path, tmp_path / "new", no_keys, now_ms=T0)
    assert isinstance(refused, Refused)
    assert "written by a newer Terrace" in refused.problem
    assert not (tmp_path / "new").exists()


@pytest.mark.rule("REC-5")
def test_a_backup_of_a_damaged_store_is_found_out(house: House, tmp_path: Path) -> None:
    """Its checksums are all right; the store in it is not."""
    house.close()
    with closing(sqlite3.connect(house.data_dir / "terrace.db")) as store:
        store.execute("DELETE FROM position_groups")
        store.commit()
    path = house.make().path
    found = verify(path, no_keys)
    assert isinstance(found, Verified)
    assert any("position_groups" in problem for problem in found.problems)
    assert isinstance(restore(path, tmp_path / "new", no_keys, now_ms=T0), Refused)


def test_an_encrypted_one_comes_back_too(house: House, tmp_path: Path) -> None:
    path = house.make(key=SEAL).path
    assert isinstance(restore(path, tmp_path / "new", no_keys, now_ms=T0), Refused)
    assert isinstance(restore(path, tmp_path / "new", seal_keys, now_ms=T0), Restored)


def test_one_of_another_kind_of_store_says_so(house: House, tmp_path: Path) -> None:
    from daemon.backup.restoring import refuse_folder

    manifest = replace(house.make().manifest, engine="postgresql")
    refused = refuse_folder(tmp_path / "new", manifest)
    assert refused is not None
    assert "postgresql" in refused.problem
