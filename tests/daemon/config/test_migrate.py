"""An older file becomes a newer one, step by step, with its comments, and the original is kept (CFG-5)."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from daemon.__main__ import brought_up
from daemon.commands.config_migrate import migrate as migrate_command
from daemon.config import build, migrate
from daemon.config.fault import ConfigFaults
from daemon.config.load import LoadedConfig, load_config, load_text
from daemon.config.migrate import Migrated, Step, migrate_file, migrated

OLD = """# What Anna runs.
config_version: 1

pool:                     # how many
  size: 7                 # never more
queue: {limits: "50 reject_new"}   # waiting
risk:
  loss_threshold_percent: '-6'   # deep
  equal_quotes:
    - [USDT, USDC]        # the same to us
# the end
"""
NEW = """# What Anna runs.
config_version: 3

pool:                     # how many
  max_open_groups: 7      # never more
queue: {max_size: 50, overflow: reject_new} # waiting
risk:
  loss_threshold_percent: '-6'   # deep
  equal_quotes:
    - [USDT, USDC]        # the same to us
# the end
"""


def rename(document: Any) -> None:
    """Version 1 to 2: `pool.size` is `pool.max_open_groups`, at its place and with its comment."""
    pool = document.get("pool", {})
    if "size" in pool:
        place, comment = list(pool).index("size"), pool.ca.items.pop("size", None)
        pool.insert(place, "max_open_groups", pool.pop("size"))
        if comment is not None:
            pool.ca.items["max_open_groups"] = comment


def split(document: Any) -> None:
    """Version 2 to 3: `queue.limits` is `queue.max_size` and `queue.overflow`."""
    queue = document.get("queue", {})
    if "limits" in queue:
        size, overflow = queue.pop("limits").split()
        queue.update({"max_size": int(size), "overflow": overflow})


STEPS: dict[int, Step] = {1: rename, 2: split}


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Terrace that is two versions further."""
    monkeypatch.setattr(migrate, "STEPS", STEPS)
    monkeypatch.setattr(migrate, "CONFIG_VERSION", 3)
    monkeypatch.setattr(build, "CONFIG_VERSION", 3)


def words(text: str) -> list[list[str]]:
    """Lines without what only aligns them."""
    return [line.split() for line in text.splitlines()]


@pytest.mark.rule("CFG-5")
def test_two_steps_rename_and_split_and_every_comment_stays() -> None:
    done = migrated(OLD, STEPS)
    assert isinstance(done, Migrated)
    assert (done.from_version, done.to_version) == (1, 3)
    assert words(done.text) == words(NEW)
    assert migrated(done.text, STEPS) is None
    half = migrated(OLD.replace("config_version: 1", "config_version: 2"), STEPS)
    assert isinstance(half, Migrated)
    assert "size: 7" in half.text


@pytest.mark.rule("CFG-5")
def test_the_original_is_kept_beside_and_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(OLD, encoding="utf-8")
    path.chmod(0o640)
    done = migrate_file(path, STEPS)
    assert isinstance(done, Migrated)
    assert done.kept == tmp_path / "config.yaml.v1"
    assert done.kept.read_text(encoding="utf-8") == OLD
    assert words(path.read_text(encoding="utf-8")) == words(NEW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert migrate_file(path, STEPS) is None
    path.write_text(OLD, encoding="utf-8")
    again = migrate_file(path, STEPS)
    assert isinstance(again, Migrated)
    assert again.kept == tmp_path / "config.yaml.v1.2"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["config.yaml", "config.yaml.v1", "config.yaml.v1.2"]


@pytest.mark.rule("CFG-5")
def test_a_step_that_cannot_be_made_is_a_fault_and_the_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(OLD.replace('"50 reject_new"', "50"), encoding="utf-8")
    done = migrate_file(path, STEPS)
    assert isinstance(done, ConfigFaults)
    assert "cannot be brought from version 1 to 3" in str(done)
    assert path.read_text(encoding="utf-8") == OLD.replace('"50 reject_new"', "50")
    assert [each.name for each in tmp_path.iterdir()] == ["config.yaml"]


@pytest.mark.rule("CFG-5")
def test_a_file_that_cannot_be_written_is_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(OLD, encoding="utf-8")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("daemon.config.migrate.replace_file", fail)
    with pytest.raises(OSError, match="No space"):
        migrate_file(path, STEPS)
    assert [each.name for each in tmp_path.iterdir()] == ["config.yaml"]
    assert path.read_text(encoding="utf-8") == OLD


@pytest.mark.rule("CFG-5")
def test_an_older_file_is_understood_without_being_written(newer: None, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(OLD, encoding="utf-8")
    loaded = load_config(path, {"TERRACE_QUEUE__MAX_SIZE": "60"})
    assert isinstance(loaded, LoadedConfig), str(loaded)
    assert (loaded.settings.pool.max_open_groups, loaded.settings.queue.max_size) == (7, 60)
    assert (loaded.text, loaded.effective["config_version"]) == (OLD, 3)
    assert "the file is of version 1: terrace config migrate" in loaded.warnings[0]
    assert path.read_text(encoding="utf-8") == OLD


@pytest.mark.rule("CFG-5")
def test_the_newest_and_what_is_no_config_are_left_to_the_usual_checks(newer: None) -> None:
    path = Path("/srv/config.yaml")
    for text, fault in (("config_version: 4\n", "newer Terrace"), ("config_version: x\n", "a whole number")):
        assert fault in str(load_text(text, path, {}))
    assert isinstance(load_text("config_version: 3\n", path, {}), LoadedConfig)


def test_this_terrace_has_a_step_for_every_version_it_left_behind() -> None:
    assert set(migrate.STEPS) == set(range(1, migrate.CONFIG_VERSION))


@pytest.mark.rule("CFG-5")
def test_a_start_writes_an_older_file_and_says_so(newer: None, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(OLD, encoding="utf-8")
    assert brought_up(path) == (
        f"the configuration was brought from version 1 to 3; the original is kept as {tmp_path}/config.yaml.v1"
    )
    assert words(path.read_text(encoding="utf-8")) == words(NEW)
    assert brought_up(path) == ""


@pytest.mark.rule("CFG-5")
def test_the_command_shows_what_the_file_would_be_and_then_writes_it(
    newer: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(OLD, encoding="utf-8")
    assert migrate_command(path, dry_run=True) == 0
    assert words(capsys.readouterr().out) == words(NEW)
    assert path.read_text(encoding="utf-8") == OLD
    assert migrate_command(path, dry_run=False) == 0
    assert migrate_command(path, dry_run=False) == 0
    assert "nothing to do" in capsys.readouterr().err
    path.write_bytes(b"\xff\xfe")
    assert migrate_command(path, dry_run=False) == 2
