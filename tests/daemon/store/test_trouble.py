"""A store that cannot be used is told by its true cause: only a damaged one is to be restored from a backup."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.__main__ import main
from daemon.app import Daemon, StartRefused
from daemon.backup.verifying import refuse_unwritable
from daemon.config.load import LoadedConfig, load_config
from daemon.secrets import resolve
from daemon.store import trouble
from daemon.store.trouble import refusal_of
from daemon.store_url import store_url
from tests.daemon.store import samples

pytestmark = pytest.mark.store("sqlite")

CONFIG = "config_version: 1\napi: {address: '127.0.0.1:0'}\nobserve: {address: '127.0.0.1:0'}\n"
WRONG = ("terraced backup restore", "terraced db migrate", "Name a file", "another backup")
"""What helps nobody whose disk is read-only."""


def install(folder: Path) -> Path:
    """A stopped installation with something in its store; its config."""
    store = samples.opened(folder / "data")
    store.apply([("a", samples.opening(1))])
    store.close()
    (folder / "config.yaml").write_text(CONFIG)
    return folder / "config.yaml"


def damage(path: Path, table: str) -> None:
    with sqlite3.connect(path) as connection:
        page, size = (
            connection.execute(question).fetchone()[0]
            for question in (f"SELECT rootpage FROM sqlite_master WHERE name = '{table}'", "PRAGMA page_size")
        )
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)


@pytest.mark.parametrize("table", ["meta", "config_versions", "position_groups"])
def test_a_start_on_damaged_pages_is_refused_with_the_remedy(tmp_path: Path, table: str) -> None:
    config = load_config(install(tmp_path), {})
    assert isinstance(config, LoadedConfig)
    damage(tmp_path / "data" / "terrace.db", table)
    with pytest.raises(StartRefused, match=r"is damaged.*terraced backup restore"):
        asyncio.run(Daemon(config, {}, with_signals=False).run())


def test_a_check_that_finds_damage_names_the_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = install(tmp_path)
    damage(tmp_path / "data" / "terrace.db", "position_groups")
    assert main(["--config", str(config), "db", "check"]) == 1
    assert "terraced backup restore" in "".join(capsys.readouterr())


def cannot_open(tmp_path: Path) -> Exception:
    with pytest.raises(sqlite3.OperationalError) as raised:
        sqlite3.connect(f"file:{tmp_path}/none/terrace.db?mode=ro", uri=True)
    return raised.value


@pytest.mark.parametrize(
    "error", [None, OSError(errno.EROFS, os.strerror(errno.EROFS)), OSError(errno.EACCES, os.strerror(errno.EACCES))]
)
def test_a_read_only_file_system_is_named_and_no_backup_is_advised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError | None
) -> None:
    monkeypatch.setattr(trouble, "is_read_only", lambda _folder: True)
    said = str(refusal_of(tmp_path / "terrace.db", error or cannot_open(tmp_path)))
    assert "read-only file system" in said
    assert not [words for words in WRONG if words in said]


def test_a_folder_this_user_may_not_write_to_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != tmp_path)
    said = str(refusal_of(tmp_path / "terrace.db", cannot_open(tmp_path)))
    assert f"may not write to {tmp_path} (permission denied)" in said
    assert not [words for words in WRONG if words in said]


@pytest.mark.parametrize("code", [errno.EROFS, errno.ENOSPC, errno.EACCES])
def test_a_folder_that_takes_no_restore_is_not_the_backups_fault(tmp_path: Path, code: int) -> None:
    path, folder = tmp_path / "good.backup", tmp_path / "ro"
    said = str(refuse_unwritable(path, folder, OSError(code, os.strerror(code), str(folder / ".new.restoring"))))
    assert said.startswith(f"{folder} cannot be written to: {os.strerror(code)}")
    unread = OSError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    assert str(refuse_unwritable(path, folder, unread)).startswith(f"{path}: ")


def read_only(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`terraced` where the folder is mounted read-only, in a space of mounts of its own."""
    script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    command = ["unshare", "-rm", "sh", "-c", script, str(folder), sys.executable, "-m", "daemon", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def can_mount(folder: Path) -> bool:
    return shutil.which("unshare") is not None and read_only(folder, "--version").returncode == 0


def test_on_a_disk_that_is_read_only_every_command_says_so(tmp_path: Path) -> None:
    config = install(tmp_path)
    if not can_mount(tmp_path):
        pytest.skip("nothing can be mounted here")
    for words in (("db", "check"), ("db", "vacuum"), ("audit", "verify")):
        done = read_only(tmp_path, "--config", str(config), *words)
        assert done.returncode == 1
        assert "read-only file system" in done.stderr, (words, done.stderr)
        assert not [wrong for wrong in WRONG if wrong in done.stdout + done.stderr], (words, done.stderr)


def test_a_url_of_the_store_that_cannot_be_read_names_its_file(tmp_path: Path) -> None:
    said = str(store_url("file:secrets/db", lambda reference: resolve(reference, tmp_path, {})))
    assert said.startswith(f"storage.url: file:{tmp_path}/secrets/db (cannot be read (No such file or directory)). ")
