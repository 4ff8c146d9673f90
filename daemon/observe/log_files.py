"""The log on disk: rotated by size and by day, kept by days and by total size (LOG-2)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

MB = 1024 * 1024
FILE_MODE = 0o600
FOLDER_MODE = 0o700
DAY_S = 86_400
MAX_SAME_SECOND = 10_000
"""Files that may be rotated away within one second and keep names of their own."""


class LogFiles:
    """Writes lines to `path`. A full file, or one of an earlier day, is renamed to `<stem>.<UTC time><suffix>`.

    A disk that takes no more costs lines, counted in `lost_lines`, and never the daemon. For one thread.
    """

    def __init__(
        self,
        path: Path,
        *,
        rotate_bytes: int,
        keep_days: int,
        keep_bytes: int,
        now_s: Callable[[], float],
    ) -> None:
        self._path = path
        self._rotate_bytes = rotate_bytes
        self._keep_days = keep_days
        self._keep_bytes = keep_bytes
        self._now_s = now_s
        self._file: BinaryIO | None = None
        self._size = 0
        self._day = ""
        self.lost_lines = 0

    def write(self, lines: Sequence[str]) -> None:
        """These lines, without line ends, in one go."""
        written = 0
        try:
            now_s = self._now_s()
            for line in lines:
                data = f"{line}\n".encode("utf-8", "replace")
                self._open_for(len(data), now_s).write(data)
                self._size += len(data)
                written += 1
            if self._file is not None:
                self._file.flush()
        except OSError:
            self.lost_lines += max(1, len(lines) - written)
            self.close()

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError:
                self.lost_lines += 1

    def _open_for(self, size: int, now_s: float) -> BinaryIO:
        today = _day(now_s)
        if self._file is None:
            self._open(today)
        if self._size and (self._size + size > self._rotate_bytes or self._day != today):
            self._rotate(now_s, today)
        assert self._file is not None
        return self._file

    def _open(self, today: str) -> None:
        self._path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, FILE_MODE)
        self._file = os.fdopen(handle, "ab")
        status = os.fstat(handle)
        self._size = status.st_size
        self._day = _day(status.st_mtime) if status.st_size else today

    def _rotate(self, now_s: float, today: str) -> None:
        self.close()
        os.replace(self._path, self._free_name(now_s))
        self._open(today)
        self._clean(now_s)

    def _free_name(self, now_s: float) -> Path:
        stamp = datetime.fromtimestamp(now_s, UTC).strftime("%Y%m%dT%H%M%S")
        names = (f"{self._path.stem}.{stamp}{extra}{self._path.suffix}" for extra in _extras())
        return next(path for name in names if not (path := self._path.with_name(name)).exists())

    def _clean(self, now_s: float) -> None:
        """Deletes the oldest rotated files beyond days and total size."""
        total = 0
        for path, status in sorted(self._rotated(), key=lambda found: found[1].st_mtime, reverse=True):
            total += status.st_size
            if total > self._keep_bytes or now_s - status.st_mtime > self._keep_days * DAY_S:
                path.unlink(missing_ok=True)

    def _rotated(self) -> list[tuple[Path, os.stat_result]]:
        found = []
        for path in self._path.parent.glob(f"{self._path.stem}.*{self._path.suffix}"):
            if path != self._path and path.is_file():
                found.append((path, path.stat()))
        return found


def _extras() -> list[str]:
    return ["", *(f"-{number}" for number in range(1, MAX_SAME_SECOND))]


def _day(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d")
