"""The folder that holds the versions: `versions/VERSION/`, `current`, `previous`, and what an update writes down.

Each version is a virtual environment that never changes once it is complete. What is in use is one symbolic link, so
that a switch is one rename: whoever starts `current/bin/terraced` at any moment starts one version or the other.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from control.update.refused import UpdateRefused

KEPT_VERSIONS = 3
MAX_VERSIONS = 1000
COMPLETE = ".complete"
"""In a version's folder once it is wholly installed."""
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}")
_NUMBERS = re.compile(r"\d+")


def default_home(environ: Mapping[str, str]) -> Path:
    """Of this user: where data of programs goes on this system. RuntimeError where the user has no home."""
    if sys.platform == "darwin":
        return Path("~/Library/Application Support/terrace").expanduser()
    named = Path(environ.get("XDG_DATA_HOME", ""))
    return (named if named.is_absolute() else Path("~/.local/share").expanduser()) / "terrace"


def order_of(version: str) -> tuple[tuple[int, ...], bool, str]:
    """To compare versions by: their numbers; one with letters behind (`1.0rc1`) comes before the one without."""
    numbers = tuple(int(found) for found in _NUMBERS.findall(re.split(r"[a-zA-Z+-]", version, maxsplit=1)[0]))
    while numbers and not numbers[-1]:
        numbers = numbers[:-1]
    return numbers, not re.search(r"[a-zA-Z]", version), version


@dataclass(frozen=True, slots=True)
class Home:
    """One such folder. `path` is absolute."""

    path: Path

    @property
    def versions(self) -> Path:
        return self.path / "versions"

    @property
    def current_link(self) -> Path:
        return self.path / "current"

    @property
    def previous_link(self) -> Path:
        return self.path / "previous"

    @property
    def journal(self) -> Path:
        return self.path / "update.json"

    @property
    def works(self) -> Path:
        """Copies and backups that updates make, a folder each."""
        return self.path / "updates"

    @property
    def bin(self) -> Path:
        """Where services find the programs, whatever version is in use."""
        return self.current_link / "bin"

    def folder(self, version: str) -> Path:
        if not _NAME.fullmatch(version):
            raise UpdateRefused(f"{version!r} is not the name of a version")
        return self.versions / version

    def current(self) -> str:
        """The version in use; empty: none yet."""
        return self._linked(self.current_link)

    def previous(self) -> str:
        return self._linked(self.previous_link)

    def _linked(self, link: Path) -> str:
        try:
            return Path(os.readlink(link)).name
        except OSError:
            return ""

    def installed(self) -> list[str]:
        """Complete versions, oldest first."""
        if not self.versions.is_dir():
            return []
        names = (path.name for path in self.versions.iterdir() if self.is_complete(path.name))
        return sorted(names, key=order_of)[:MAX_VERSIONS]

    def is_complete(self, version: str) -> bool:
        """Linked ones are: they are somebody else's installation, taken in as it is."""
        folder = self.versions / version
        return _NAME.fullmatch(version) is not None and (folder.is_symlink() or (folder / COMPLETE).is_file())

    def make(self) -> None:
        try:
            self.versions.mkdir(parents=True, exist_ok=True)
            self.works.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise UpdateRefused(f"{self.path} cannot be used: {error.strerror or error}") from None

    def adopt(self, version: str, folder: Path) -> None:
        """Takes in an installation that lies elsewhere, as the one in use. Nothing of it is moved."""
        self.make()
        put_link(self.folder(version), folder)
        put_link(self.current_link, Path("versions") / version)

    def complete(self, version: str) -> None:
        """Says, durably, that the version is whole."""
        folder = self.folder(version)
        (folder / COMPLETE).write_text(f"{version}\n", encoding="utf-8")
        sync(folder / COMPLETE)
        sync(folder)
        sync(self.versions)

    def use(self, version: str) -> None:
        """The switch: one rename, durable when this returns. What was in use before is the previous one."""
        if not self.is_complete(version):
            raise UpdateRefused(f"version {version} is not installed in {self.path}")
        before = self.current()
        if before == version:
            return
        put_link(self.current_link, Path("versions") / version)
        if before:
            put_link(self.previous_link, Path("versions") / before)

    def spoil(self, version: str) -> None:
        """Not to be used again as it is: the next install of that version begins anew. Its files stay: who calls may be
        one of its programs."""
        if version not in (self.current(), self.previous()):
            self._no_longer_whole(self.folder(version))

    def forget(self, version: str, *, previous: str) -> None:
        """As if it had never been used."""
        if self.previous() == version:
            if previous and self.is_complete(previous):
                put_link(self.previous_link, Path("versions") / previous)
            else:
                self.previous_link.unlink()
        self.spoil(version)
        sync(self.path)

    def _no_longer_whole(self, folder: Path) -> None:
        if folder.is_symlink():
            folder.unlink()
        else:
            (folder / COMPLETE).unlink(missing_ok=True)

    def remove(self, version: str) -> None:
        """Never the one in use or the one before it."""
        if version not in (self.current(), self.previous()):
            folder = self.folder(version)
            self._no_longer_whole(folder)  # Half removed it must not look whole.
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self, but: str) -> None:
        """Takes away what is not whole: an install that died or was given up. `but`: the one that runs this."""
        if not self.versions.is_dir():
            return
        for path in self.versions.iterdir():
            if path.is_dir() and path.name != but and not self.is_complete(path.name):
                shutil.rmtree(path, ignore_errors=True)

    def prune(self, keep: int = KEPT_VERSIONS) -> list[str]:
        """Takes the oldest versions away until `keep` are left. The names of those that went."""
        kept = {self.current(), self.previous()} - {""}
        others = [version for version in self.installed() if version not in kept]
        gone = others[: max(0, len(others) - max(0, keep - len(kept)))]
        for version in gone:
            self.remove(version)
        return gone

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One update at a time. The kernel frees it when the process ends, however it ends."""
        handle = os.open(self.path / "update.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise UpdateRefused(f"another update or rollback is under way in {self.path}") from None
        try:
            yield
        finally:
            os.close(handle)


def home_of(folder: Path) -> Home | None:
    """The home whose version's `bin` this is; None: it lies in none."""
    if folder.name != "bin" or folder.parent.parent.name != "versions":
        return None
    home = Home(folder.parent.parent.parent)
    return home if home.current_link.is_symlink() else None


def put_link(link: Path, target: Path) -> None:
    """Makes the link point there, atomically and durably."""
    draft = link.with_name(f".{link.name}.{secrets.token_hex(4)}")
    draft.symlink_to(target)
    try:
        os.replace(draft, link)
    finally:
        draft.unlink(missing_ok=True)
    sync(link.parent)


def sync(path: Path) -> None:
    """A file's content, or a folder's names, on disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
