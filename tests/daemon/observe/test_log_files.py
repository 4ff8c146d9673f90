"""Log files that are compressed, on disks and in folders that take no more (LOG-2)."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from daemon.observe.log_files import DAY_S, PART, LogFiles

pytestmark = pytest.mark.rule("LOG-2")

NOW_S = 1_700_000_000.0


class Clock:
    now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


def files_in(folder: Path, *, rotate_bytes: int = 100, keep_bytes: int = 10_000, compress: bool = True) -> LogFiles:
    return LogFiles(
        folder / "l.jsonl",
        rotate_bytes=rotate_bytes,
        keep_days=30,
        keep_bytes=keep_bytes,
        now_s=Clock(),
        compress=compress,
    )


def text_of(folder: Path) -> str:
    plain = (path.read_text(encoding="utf-8") for path in folder.glob("*.jsonl"))
    packed = (gzip.decompress(path.read_bytes()).decode() for path in folder.glob("*.gz"))
    return "".join([*plain, *packed])


def test_what_was_rotated_away_is_compressed_and_nothing_is_lost(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    for number in range(30):
        files.write([f"line {number:02d} {'x' * 20}"])
    files.finish(10)
    last = files_in(tmp_path)
    last.write(["y" * 120])  # What was rotated while one was being compressed goes with the next.
    last.finish(10)
    packed = list(tmp_path.glob("l.*.jsonl.gz"))
    assert len(packed) > 5
    assert all(path.stat().st_mode & 0o077 == 0 for path in packed)
    assert [path.name for path in tmp_path.glob("l.*.jsonl")] == []
    assert not list(tmp_path.glob(f"*{PART}"))
    text = text_of(tmp_path)
    assert [text.count(f"line {number:02d}") for number in range(30)] == [1] * 30


def test_a_file_keeps_its_age_when_it_is_compressed_and_goes_by_it(tmp_path: Path) -> None:
    old = tmp_path / "l.20231001T000000.jsonl"
    old.write_text("old\n", encoding="utf-8")
    age = NOW_S - 31 * DAY_S
    os.utime(old, (age, age))
    young = tmp_path / "l.20231110T000000.jsonl"
    young.write_text("young\n", encoding="utf-8")
    os.utime(young, (NOW_S - DAY_S, NOW_S - DAY_S))
    files = files_in(tmp_path)
    files.write(["x" * 90])
    files.write(["x" * 90])
    files.finish(10)
    assert not old.exists()
    assert (tmp_path / "l.20231110T000000.jsonl.gz").stat().st_mtime == NOW_S - DAY_S


def test_compressed_files_count_against_the_total_size(tmp_path: Path) -> None:
    for number in range(5):
        path = tmp_path / f"l.2023110{number}T000000.jsonl.gz"
        path.write_bytes(b"x" * 100)
        os.utime(path, (NOW_S - 100 + number, NOW_S - 100 + number))
    files = files_in(tmp_path, keep_bytes=310, compress=False)
    files.write(["x" * 90])
    files.write(["x" * 90])
    files.finish(10)
    assert len(list(tmp_path.glob("*.gz"))) == 2, "beside the one that was rotated just now"


def test_a_full_disk_costs_lines_and_what_comes_after_is_written_again(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no device that is always full")
    path = tmp_path / "l.jsonl"
    path.symlink_to("/dev/full")
    files = files_in(tmp_path)
    files.write(["one", "two"])
    assert files.lost_lines > 0
    path.unlink()
    files.write(["three"])
    files.finish(10)
    assert path.read_text(encoding="utf-8") == "three\n"


def test_a_folder_that_takes_no_new_names_costs_no_line_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = files_in(tmp_path)

    def refused(*_: object) -> None:
        raise PermissionError("read only")

    monkeypatch.setattr(os, "replace", refused)
    for number in range(10):
        files.write([f"line {number} {'x' * 25}"])
    assert files.lost_lines == 10 - 6, "up to twice its size"
    monkeypatch.undo()
    files.write(["again"])
    files.finish(10)
    text = text_of(tmp_path)
    assert "line 5" in text
    assert "again" in text


def test_a_disk_without_room_for_the_compressed_file_leaves_the_plain_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("daemon.observe.log_files.shutil.copyfileobj", full)
    files = files_in(tmp_path)
    files.write(["x" * 90])
    files.write(["y" * 90])
    files.finish(10)
    assert len(list(tmp_path.glob("l.*.jsonl"))) == 1
    assert not list(tmp_path.glob("*.gz*"))
