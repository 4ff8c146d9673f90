"""The log on disk: rotated by size and by day, then compressed; kept by days and by total size (LOG-2)."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

MB = 1024 * 1024
FILE_MODE = 0o600
FOLDER_MODE = 0o700
DAY_S = 86_400
PART = ".part"
MAX_OVER = 2
"""A file that cannot be rotated away grows to so many times its size; then lines are lost, and counted."""
MAX_SAME_SECOND = 10_000
"""Files that may be rotated away within one second and keep names of their own."""


class LogFiles:
    """Writes lines to `path`. A full file, or one of an earlier day, is renamed to `<stem>.<UTC time><suffix>`.

    With `compress` it becomes `<stem>.<UTC time><suffix>.gz` soon after, in a thread of its own. A disk that takes no
    more costs lines, counted in `lost_lines`, and never the daemon. For one thread.
    """

    def __init__(
        self,
        path: Path,
        *,
        rotate_bytes: int,
        keep_days: int,
        keep_bytes: int,
        now_s: Callable[[], float],
        compress: bool = False,
    ) -> None:
        self._path = path
        self._rotate_bytes = rotate_bytes
        self._keep_days = keep_days
        self._keep_bytes = keep_bytes
        self._now_s = now_s
        self._file: BinaryIO | None = None
        self._size = 0
        self._day = ""
        self._compress = compress
        self._compressing: threading.Thread | None = None
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

    def finish(self, timeout_s: float) -> None:
        """Closes the file and waits so long for what is being compressed."""
        self.close()
        if self._compressing is not None:
            self._compressing.join(timeout_s)

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
            self._rotate_or_go_on(size, now_s, today)
        assert self._file is not None
        return self._file

    def _open(self, today: str) -> None:
        self._path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, FILE_MODE)
        self._file = os.fdopen(handle, "ab")
        status = os.fstat(handle)
        self._size = status.st_size
        self._day = _day(status.st_mtime) if status.st_size else today

    def _rotate_or_go_on(self, size: int, now_s: float, today: str) -> None:
        """A folder that takes no new names must not cost the lines the file itself still takes."""
        try:
            self._rotate(now_s, today)
        except OSError:
            if self._size + size > MAX_OVER * self._rotate_bytes:
                raise
            self._open(today)

    def _rotate(self, now_s: float, today: str) -> None:
        self.close()
        os.replace(self._path, self._free_name(now_s))
        self._open(today)
        self._clean(now_s)
        if self._compress and (self._compressing is None or not self._compressing.is_alive()):
            self._compressing = threading.Thread(target=self._compress_all, name="log-compress", daemon=True)
            self._compressing.start()

    def _compress_all(self) -> None:
        """Every file that was rotated away, also one that an earlier process left as it was."""
        for path in self._path.parent.glob(f"{self._path.stem}.*{self._path.suffix}"):
            if path != self._path and path.is_file():
                try:
                    _compressed(path)
                except OSError:  # No room: it stays as it is until the next time, or its age.
                    path.with_name(f"{path.name}.gz{PART}").unlink(missing_ok=True)

    def _free_name(self, now_s: float) -> Path:
        stamp = datetime.fromtimestamp(now_s, UTC).strftime("%Y%m%dT%H%M%S")
        names = (f"{self._path.stem}.{stamp}{extra}{self._path.suffix}" for extra in _extras())
        paths = (self._path.with_name(name) for name in names)
        return next(path for path in paths if not path.exists() and not path.with_name(f"{path.name}.gz").exists())

    def _clean(self, now_s: float) -> None:
        """Deletes the oldest rotated files beyond days and total size."""
        total = 0
        for path, status in sorted(self._rotated(), key=lambda found: found[1].st_mtime, reverse=True):
            total += status.st_size
            if total > self._keep_bytes or now_s - status.st_mtime > self._keep_days * DAY_S:
                path.unlink(missing_ok=True)

    def _rotated(self) -> list[tuple[Path, os.stat_result]]:
        found = []
        for ending in ("", ".gz"):
            for path in self._path.parent.glob(f"{self._path.stem}.*{self._path.suffix}{ending}"):
                with contextlib.suppress(FileNotFoundError):  # It may just have been compressed.
                    if path != self._path and path.is_file():
                        found.append((path, path.stat()))
        return found


def _compressed(path: Path) -> None:
    """Takes the file's place with its age; whole, or not there at all."""
    final, part = path.with_name(f"{path.name}.gz"), path.with_name(f"{path.name}.gz{PART}")
    status = path.stat()
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
    with path.open("rb") as plain, os.fdopen(handle, "wb") as file, gzip.GzipFile(fileobj=file, mode="wb") as packed:
        shutil.copyfileobj(plain, packed, MB)
    os.utime(part, (status.st_atime, status.st_mtime))
    os.replace(part, final)
    path.unlink(missing_ok=True)


def _extras() -> list[str]:
    return ["", *(f"-{number}" for number in range(1, MAX_SAME_SECOND))]


def _day(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d")
