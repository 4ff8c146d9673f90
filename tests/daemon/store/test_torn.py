"""A write that was torn by a crash: the store opens again with everything committed before it (REC-5)."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.store.open import open_store
from daemon.store.store import SqliteStore
from daemon.store.tools import Checked, check
from tests import stores
from tests.daemon.api.calls import alert
from tests.daemon.daemon_process import DaemonProcess

SIGNALS = 10
FRAME_BYTES, HEADER_BYTES = 4096 + 24, 32
"""A frame of SQLite's write-ahead log with pages of 4 KiB, and what stands before the first."""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> DaemonProcess:
    """A daemon that was killed with its log not yet in the database."""
    process = DaemonProcess(tmp_path_factory.mktemp("killed"), {"storage": {"url": stores.SQLITE_URL}})
    process.start()
    admin = process.client()
    for number in range(SIGNALS):
        admin.send(alert("ETHUSDT" if number % 2 else "BTCUSDT", str(number + 1)))
    process.kill()
    assert (process.data_dir / "terrace.db-wal").stat().st_size > 20 * FRAME_BYTES
    return process


def cut(wal: Path, rng: random.Random) -> None:
    with wal.open("r+b") as file:
        size = wal.stat().st_size
        file.truncate(size - rng.randrange(1, 3 * FRAME_BYTES))


def spoil(wal: Path, rng: random.Random) -> None:
    """Garbage in the last frame, as a disk leaves it that lied about a sync."""
    with wal.open("r+b") as file:
        start = wal.stat().st_size - FRAME_BYTES
        file.seek(start + rng.randrange(FRAME_BYTES - 64))
        file.write(rng.randbytes(64))


def pad(wal: Path, rng: random.Random) -> None:
    """Garbage behind the last frame."""
    with wal.open("ab") as file:
        file.write(rng.randbytes(rng.randrange(1, 2 * FRAME_BYTES)))


@pytest.mark.rule("REC-5", "REC-1")
@pytest.mark.parametrize("tear", [cut, spoil, pad])
@pytest.mark.parametrize("seed", range(3))
def test_a_torn_last_write_leaves_a_store_that_opens_with_what_was_before_it(
    killed: DaemonProcess, tmp_path: Path, tear: Callable[[Path, random.Random], None], seed: int
) -> None:
    data_dir = tmp_path / "data"
    shutil.copytree(killed.data_dir, data_dir, ignore=shutil.ignore_patterns("*.sock"))
    tear(data_dir / "terrace.db-wal", random.Random(seed))
    store = open_store("sqlite:///terrace.db", "full", data_dir)
    assert isinstance(store, SqliteStore), store
    try:
        assert not store.boot.was_clean
        rows = list(store._rows("SELECT signal_id, group_id FROM signals ORDER BY id", ()))
        # At most what the last write held is gone, and no half of it is there.
        assert len(rows) >= SIGNALS - 2
        if tear is pad:
            assert len(rows) == SIGNALS
        for signal_id, group_id in rows:
            group = store.load_group(group_id)
            assert group is not None, signal_id
            assert group.orders, "a group has the orders of its opening commit, or it is not there"
    finally:
        store.close()
    checked = check("sqlite:///terrace.db", data_dir)
    assert isinstance(checked, Checked)
    assert checked.is_well, checked.problems


@pytest.mark.rule("REC-5", "REC-1")
def test_a_daemon_starts_from_a_torn_store_and_manages_what_is_there(killed: DaemonProcess, tmp_path: Path) -> None:
    again = DaemonProcess(tmp_path / "again", {"storage": {"url": stores.SQLITE_URL}})
    shutil.copytree(killed.data_dir, again.data_dir, ignore=shutil.ignore_patterns("*.sock"))
    cut(again.data_dir / "terrace.db-wal", random.Random(1))
    with again:
        admin = again.client()
        assert admin.send(alert("SOLUSDT", "999")).outcome
        assert admin.send(alert("BTCUSDT", "1", execution_intent={"type": "exit"})).signal_id
