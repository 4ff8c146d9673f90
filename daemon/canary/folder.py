"""The copy a canary works on: where its store lies, and that nothing of it is a file of the running installation."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from daemon.config.daemon_settings import DaemonSettings

MAX_FILES = 100_000
"""Of a folder with more than that nobody can say in time what it shares with the running installation."""
_BACKUP = re.compile(r"terrace-(\d{8}T\d{6})(\d{3})Z-")


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryRefused:
    """Nothing was looked at."""

    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.problem}. {self.remedy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """`folder` stands for the configuration's data directory, `store` for its store."""

    folder: Path
    store: Path

    @property
    def url(self) -> str:
        return f"sqlite:///{self.store}"

    @property
    def log(self) -> Path:
        """Where the canary writes its own log."""
        return self.folder / "canary.log"


def find_copy(daemon: DaemonSettings, folder: Path) -> Copied | CanaryRefused:
    """`folder` as the copy of the installation's data directory."""
    refused = _refuse_url(daemon.storage.url) or _refuse_folder(daemon.data_dir, folder)
    if refused is not None:
        return refused
    folder = folder.resolve()
    path = daemon.storage.path
    names = (path.relative_to(daemon.data_dir),) if path.is_relative_to(daemon.data_dir) else ()
    for name in (*names, Path(path.name)):
        if (folder / name).is_file():
            if re.search(r"[?#]", str(folder)):
                return CanaryRefused(problem=f"{folder} has ? or # in its name", remedy="Copy it to another folder")
            return Copied(folder=folder, store=folder / name)
    return CanaryRefused(
        problem=f"there is no store {path.name} in {folder}",
        remedy="Name the data folder of a restored backup (terrace backup restore FILE --into DIR; DIR/data)",
    )


def time_of_backup(name: str) -> int | None:
    """When the backup of this name was made, in ms; None: the name does not tell."""
    found = _BACKUP.match(name)
    if found is None:
        return None
    try:
        moment = datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp()) * 1000 + int(found[2])


def _refuse_url(url: str) -> CanaryRefused | None:
    if url.startswith("sqlite:"):
        return None
    return CanaryRefused(
        problem="the store is on a database server, and a canary looks at a copied SQLite file only",
        remedy="Make a copy with the server's own tools (pg_dump) before you update",
    )


def _refuse_folder(real: Path, folder: Path) -> CanaryRefused | None:
    another = "Name a folder of its own that a backup was restored into"
    if not folder.is_dir():
        return CanaryRefused(problem=f"{folder} is no folder", remedy=another)
    if folder.resolve() == real.resolve() or real.resolve().is_relative_to(folder.resolve()):
        return CanaryRefused(problem=f"{folder} is, or holds, the data directory of the configuration", remedy=another)
    try:
        shared = next(_shared(folder), None)
    except OSError as error:
        return CanaryRefused(problem=f"{folder} cannot be read: {error.strerror}", remedy=another)
    if shared is None:
        return None
    return CanaryRefused(problem=f"{shared} is a link: the copy may be the running installation itself", remedy=another)


def _shared(folder: Path) -> Iterator[Path]:
    """Files that may be somebody else's too. A store that is linked, be it hard, is the running one."""
    count = 0
    for root, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(root, name)
            count += 1
            found = path.lstat()
            is_linked = stat.S_ISREG(found.st_mode) and found.st_nlink > 1
            if stat.S_ISLNK(found.st_mode) or is_linked or count > MAX_FILES:
                yield path
