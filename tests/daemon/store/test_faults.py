"""A full disk and a device that fails: nothing half done, nothing lost that was acknowledged (REC-4, REC-5)."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from actors.ports import StoreFault
from actors.rules.records import AddDeadLetter, Row
from daemon.store.reserve import Reserve
from daemon.store.rows import WRITERS
from daemon.store.store import DiskFull, SqliteStore
from tests.daemon.store import samples

pytestmark = pytest.mark.store("sqlite")


def fill(store: SqliteStore) -> None:
    """Lets the file grow no further, as a full disk would."""
    connection = store._connected()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")


def big(number: int) -> list[tuple[str, Sequence[Row]]]:
    return [("a", (samples.save(samples.signal(number, body="x" * 60_000)),))]


# --- the store ------------------------------------------------------------------------------------


@pytest.mark.rule("REC-4", "REC-5")
def test_a_full_disk_refuses_the_batch_keeps_what_was_there_and_gives_the_reserve_up(
    store: SqliteStore, tmp_path: Path
) -> None:
    assert store.apply([("a", samples.opening(1))])[0].broken is None
    states = [store.on_reserve]
    fill(store)
    with pytest.raises(DiskFull, match="disk is full"):
        store.apply([("b", samples.opening(2)), *big(3)])
    states.append(store.on_reserve)
    assert states == [False, True]
    assert not (tmp_path / "reserve.bin").exists()
    assert store.live_group_ids() == [samples.group(1).group_id]
    assert store.apply([("c", samples.opening(4))])[0].broken is None, "the connection is made anew"
    assert store.live_group_ids() == [samples.group(1).group_id, samples.group(4).group_id]


@pytest.mark.rule("REC-4")
@pytest.mark.parametrize("steps", [100, 1000, 2000])
def test_a_fault_in_a_batch_takes_back_the_whole_batch(store: SqliteStore, steps: int) -> None:
    left = steps

    def fail_late() -> bool:
        nonlocal left
        left -= 1
        return left < 0

    batch = [(str(number), samples.opening(number)) for number in range(5)]
    store._connected().set_progress_handler(fail_late, 1)
    with pytest.raises(StoreFault, match="interrupt"):
        store.apply(batch)
    assert store.live_group_ids() == []
    assert [result.broken for result in store.apply(batch)] == [None] * 5


def test_a_store_that_another_program_keeps_locked_is_a_fault_and_works_again_afterwards(
    store: SqliteStore, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "terrace.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store._connected().execute("PRAGMA busy_timeout = 10")
    with pytest.raises(StoreFault, match="locked"):
        store.apply([("a", samples.opening(1))])
    other.execute("ROLLBACK")
    other.close()
    assert store.apply([("a", samples.opening(1))])[0].broken is None


def test_an_unforeseen_error_leaves_no_transaction_behind(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    class Unforeseen(Exception):
        pass

    def fail(*_: object) -> None:
        raise Unforeseen

    monkeypatch.setitem(cast(dict[type, Any], WRITERS), AddDeadLetter, fail)
    letter = AddDeadLetter(dead_letter_id="d", time_ms=1, actor="a", message_type="m", message="", error="")
    with pytest.raises(Unforeseen):
        store.apply([("a", samples.opening(1)), ("b", (letter,))])
    assert store.live_group_ids() == []
    assert store.apply([("a", samples.opening(1))])[0].broken is None


def test_old_records_are_pruned_in_bounded_steps(store: SqliteStore) -> None:
    for number in range(4):
        signal = samples.signal(number)
        rows = (
            samples.save(signal),
            samples.claim(signal, window_ms=100 * (number + 1)),
            samples.event(f"event {number}", time_ms=samples.T0 + number),
        )
        assert store.apply([("a", rows)])[0].broken is None
    assert store.prune(samples.T0 + 200, samples.T0 + 3) == 2 + 3
    assert store.prune(samples.T0 + 200, samples.T0 + 3) == 0
    (applied,) = store.apply([("a", (samples.event("newest"),))])
    assert applied.events[0].sequence == 5


@pytest.mark.rule("REC-5")
def test_a_sequence_is_never_given_twice_even_when_the_newest_event_is_gone(store: SqliteStore) -> None:
    store.apply([("a", (samples.event(), samples.event()))])
    assert store.prune(0, samples.T0 + 1) == 2
    (applied,) = store.apply([("a", (samples.event(),))])
    assert applied.events[0].sequence == 3


# --- the reserve ----------------------------------------------------------------------------------


@pytest.mark.rule("REC-5")
def test_the_reserve_really_takes_its_space_and_gives_it_back(tmp_path: Path) -> None:
    path = tmp_path / "reserve.bin"
    reserve = Reserve(path, 1 << 20)
    assert reserve.allocate()
    assert path.stat().st_blocks * 512 >= 1 << 20
    assert path.stat().st_mode & 0o777 == 0o600
    assert reserve.release()
    assert not path.exists()
    assert reserve.released
    assert not reserve.release(), "there is nothing more to give"


def test_a_reserve_that_was_cut_short_is_made_whole(tmp_path: Path) -> None:
    path = tmp_path / "reserve.bin"
    path.write_bytes(b"x")
    reserve = Reserve(path, 1 << 20)
    assert not reserve.is_whole
    assert reserve.allocate()
    assert reserve.is_whole


@pytest.mark.rule("REC-5")
def test_the_reserve_is_made_again_only_when_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("daemon.store.reserve.time.monotonic", lambda: clock[0])
    room = os.statvfs(tmp_path)
    reserve = Reserve(tmp_path / "reserve.bin", 1 << 16, free_bytes=room.f_blocks * room.f_frsize * 2)
    reserve.allocate()
    reserve.release()
    clock[0] += 60
    reserve.renew()
    assert reserve.released
    reserve._free_bytes = 1 << 16
    reserve.renew()
    assert reserve.released, "it looked a moment ago"
    clock[0] += 60
    reserve.renew()
    assert (reserve.released, reserve.is_whole) == (False, True)


FULL = """
import os, sys
from pathlib import Path
from actors.ports import StoreFault
from actors.rules.records import SaveOrder
from daemon.store.open import open_store
from daemon.store.store import SqliteStore
from tests.daemon.store import samples

data_dir = Path(sys.argv[1])
def start():
    store = open_store("sqlite:///terrace.db", "full", data_dir, reserve_bytes=2 << 20)
    assert isinstance(store, SqliteStore), store
    return store

store = start()
assert store.apply([("a", samples.opening(1))])[0].broken is None
(data_dir / "others").write_bytes(b"x" * (os.statvfs(data_dir).f_bavail * 4096 - 900_000))
acknowledged = 0
try:
    for number in range(2, 1000):
        store.apply([("a", samples.opening(number))])
        acknowledged += 1
except StoreFault as fault:
    print("fault", fault)
assert store.on_reserve
order = next(iter(samples.group(1).orders.values()))
for attempt in range(100):
    assert store.apply([("exit", (SaveOrder(order=order), samples.event("closing")))])[0].broken is None
assert len(store.live_group_ids()) == 1 + acknowledged
store.close()
store = start()
assert len(store.live_group_ids()) == 1 + acknowledged, "the store opens again on the full disk"
assert store.apply([("exit", (SaveOrder(order=order),))])[0].broken is None
store.close()
(data_dir / "others").unlink()
store = start()
assert not store.on_reserve and (data_dir / "reserve.bin").stat().st_size == 2 << 20
print("done", acknowledged > 5)
"""


NO_ROOM_FOR_THE_INDEX = """
import sqlite3, sys
from pathlib import Path
from daemon.store.open import open_store
from daemon.store.store import DiskFull
from tests.daemon.store import samples

data_dir = Path(sys.argv[1])
store = open_store("sqlite:///terrace.db", "full", data_dir, reserve_bytes=2 << 20)
assert store.apply([("a", samples.opening(1))])[0].broken is None
with open(data_dir / "others", "wb", buffering=0) as others:
    try:
        while True:
            others.write(b"x" * 4096)
    except OSError:
        pass
error = sqlite3.OperationalError("disk I/O error")
error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
fault = store._link.fault(error)
print(type(fault).__name__, store.on_reserve)
assert store.apply([("a", samples.opening(2))])[0].broken is None
"""


BRIM = """
import os, sys
from pathlib import Path
from daemon.store.open import open_store
from daemon.store.store import SqliteStore
from tests.daemon.store import samples

data_dir = Path(sys.argv[1])
store = open_store("sqlite:///terrace.db", "full", data_dir, reserve_bytes=2 << 20)
assert isinstance(store, SqliteStore), store
assert store.apply([("a", samples.opening(1))])[0].broken is None
store.close()
(data_dir / "reserve.bin").unlink()
for pages_left in range(0, 12):
    with open(data_dir / "others", "wb", buffering=0) as others:
        try:
            while True:
                others.write(b"x" * 4096)
        except OSError:
            others.truncate(others.tell() - pages_left * 4096)
    found = open_store("sqlite:///terrace.db", "full", data_dir, reserve_bytes=2 << 20)
    if isinstance(found, SqliteStore):
        found.close()
    print(pages_left, found)
    (data_dir / "others").unlink()
store = open_store("sqlite:///terrace.db", "full", data_dir, reserve_bytes=2 << 20)
print("opened", len(store.live_group_ids()))
"""


def on_a_small_disk(script: str, data_dir: Path) -> str:
    """What the script prints that runs on a file system of 12 MiB of its own; skipped where that cannot be had."""
    mount = f'mount -t tmpfs -o size=12m,mode=0700 none "{data_dir}" && exec "$@"'
    private = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
    if shutil.which("unshare") is None:
        pytest.skip("needs a private mount")
    if subprocess.run([*private, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody make a private mount")
    ran = subprocess.run(
        [*private, sys.executable, "-c", script, str(data_dir)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.rule("REC-5")
def test_exits_are_committed_on_a_disk_that_is_really_full(tmp_path: Path) -> None:
    printed = on_a_small_disk(FULL, tmp_path)
    assert "disk is full" in printed
    assert "done True" in printed


@pytest.mark.rule("REC-5")
def test_a_device_that_fails_because_the_disk_is_full_costs_the_reserve_too(tmp_path: Path) -> None:
    assert "DiskFull True" in on_a_small_disk(NO_ROOM_FOR_THE_INDEX, tmp_path)


@pytest.mark.rule("REC-5")
def test_a_store_that_cannot_be_opened_because_the_disk_is_full_says_so_and_is_well_afterwards(tmp_path: Path) -> None:
    printed = on_a_small_disk(BRIM, tmp_path)
    assert "is full. Free some space" in printed
    assert "backup" not in printed
    assert "opened 1" in printed
