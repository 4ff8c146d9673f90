"""The file itself: a gzipped tar with the manifest first, so that any tool can open one that is not encrypted."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from daemon.backup.manifest import MANIFEST, MAX_MANIFEST_BYTES, Manifest, Member, NotABackup, read_manifest
from daemon.backup.sealing import Keys, Opening, WrongKey, read_header
from daemon.store.backup import Rest

COMPRESS_LEVEL = 3
"""A backup must not take the processor away from trading; higher levels save little of a store."""
BLOCK_BYTES = 256 * 1024
SYNC_BYTES = 8 * 1024 * 1024
_GZIP = b"\x1f\x8b"
_BROKEN = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError, OverflowError)


def no_rest(_size: int) -> None:
    """For who has all the time and the machine for himself."""


# --- writing --------------------------------------------------------------------------------------------


def write_archive(out: BinaryIO, manifest: Manifest, files: Mapping[str, Path], rest: Rest) -> None:
    """Manifest and members into `out`. `files`: where the content of each member lies."""
    with (
        gzip.GzipFile(filename="", fileobj=out, mode="wb", compresslevel=COMPRESS_LEVEL, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        about = manifest.to_json()
        tar.addfile(_entry(MANIFEST, len(about), manifest), io.BytesIO(about))
        for member in manifest.members:
            with files[member.name].open("rb") as file:
                reader: Any = _Resting(file, rest)
                tar.addfile(_entry(member.name, member.size_bytes, manifest), reader)


def _entry(name: str, size: int, manifest: Manifest) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, manifest.create_time_ms // 1000
    return entry


class _Resting:
    """A file that rests between reads."""

    def __init__(self, file: BinaryIO, rest: Rest) -> None:
        self._file, self._rest, self._read = file, rest, 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._read += len(data)
        if self._read >= BLOCK_BYTES:
            self._rest(self._read)
            self._read = 0
        return data


class Draft(io.RawIOBase):
    """A new private file that is brought to disk as it grows, and hashed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._unsynced = 0
        self.size_bytes = 0
        self.hash = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data)
        while view:
            view = view[os.write(self._handle, view) :]
        self.hash.update(data)
        self.size_bytes += len(data)
        self._unsynced += len(data)
        if self._unsynced >= SYNC_BYTES:
            self.sync()
        return len(data)

    def sync(self) -> None:
        os.fsync(self._handle)
        self._unsynced = 0

    def close(self) -> None:
        if not self.closed:
            os.close(self._handle)
        super().close()


# --- reading --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Opened:
    """A backup that is read from its beginning."""

    stream: BinaryIO
    is_encrypted: bool


@contextmanager
def opened(path: Path, keys: Keys) -> Iterator[Opened]:
    """NotABackup, WrongKey or OSError if it cannot be. Links are not followed."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise NotABackup("it is not a file")
        found = read_header(file)
        if found is None:
            file.seek(0)
            if file.read(len(_GZIP)) != _GZIP:
                raise NotABackup("it is not a backup of Terrace")
            file.seek(0)
            yield Opened(file, is_encrypted=False)
            return
        header, bound = found
        key = keys(header["key"], str(header.get("key_id", "")))
        if key is None or key.kind != header["key"]:  # Who has a passphrase may be shown a file the vault sealed.
            raise WrongKey(f"it is encrypted, and the {header['key']} that opens it was not given")
        opening = Opening(file, status.st_size, header, bound, key)
        yield Opened(io.BufferedReader(opening, BLOCK_BYTES), is_encrypted=True)


def peek(stream: BinaryIO) -> Manifest:
    """The manifest alone."""
    with _reading(stream) as tar:
        return _manifest(tar)


def unpack(stream: BinaryIO, into: Path | None, rest: Rest) -> Manifest:
    """Reads everything and compares it with the manifest; writes it below `into`, if given, which must be empty.

    NotABackup at the first thing that is not as the manifest says.
    """
    with _reading(stream) as tar:
        manifest = _manifest(tar)
        for member in manifest.members:
            entry = tar.next()
            if entry is None or entry.name != member.name or not entry.isreg() or entry.size != member.size_bytes:
                raise NotABackup(f"{member.name} is missing in it or of another size")
            content = tar.extractfile(entry)
            assert content is not None
            _take(cast(BinaryIO, content), member, into, rest)
        if tar.next() is not None:
            raise NotABackup("there is more in it than its manifest names")
    return manifest


@contextmanager
def _reading(stream: BinaryIO) -> Iterator[tarfile.TarFile]:
    try:
        with gzip.GzipFile(fileobj=stream, mode="rb") as packed:
            with tarfile.open(fileobj=packed, mode="r|") as tar:
                yield tar
            while packed.read(BLOCK_BYTES):  # Its checksum stands at the very end.
                pass
    except NotABackup:
        raise
    except _BROKEN as error:
        raise NotABackup(f"it is damaged ({error})") from None


def _manifest(tar: tarfile.TarFile) -> Manifest:
    entry = tar.next()
    if entry is None or entry.name != MANIFEST or not entry.isreg() or entry.size > MAX_MANIFEST_BYTES:
        raise NotABackup("it has no manifest")
    content = tar.extractfile(entry)
    assert content is not None
    return read_manifest(content.read())


def _take(content: BinaryIO, member: Member, into: Path | None, rest: Rest) -> None:
    hashed = hashlib.sha256()
    out = None
    if into is not None:
        path = into / member.name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        out = Draft(path)
    try:
        while data := content.read(BLOCK_BYTES):
            hashed.update(data)
            if out is not None:
                out.write(data)
            rest(len(data))
        if out is not None:
            out.sync()
    finally:
        if out is not None:
            out.close()
    if hashed.hexdigest() != member.sha256:
        raise NotABackup(f"{member.name} is not as it was written: its checksum differs")
