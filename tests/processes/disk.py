"""A small disk of one's own, and filling it to the brim."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

BLOCK_BYTES = 4096
FILLER = "filler"


class NoDisk(Exception):
    """Why there can be no disk of one's own here."""


@contextlib.contextmanager
def small_disk(place: Path, size_mb: int) -> Iterator[Path]:
    """A file system in memory of that size at `place`, gone afterwards. NoDisk where this user may not mount one."""
    if shutil.which("mount") is None or os.geteuid() != 0:
        raise NoDisk("only root can mount a disk in memory")
    place.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m,mode=0700", "none", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoDisk(f"no disk in memory can be mounted: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], capture_output=True, check=True)


def fill_up(place: Path, *, free_bytes: int = 0) -> int:
    """Writes until there is no room but for `free_bytes`. How many bytes it took."""
    written = 0
    with (place / FILLER).open("ab", buffering=0) as file:
        with contextlib.suppress(OSError):
            while True:
                written += file.write(bytes(BLOCK_BYTES))
        if free_bytes:
            file.truncate(max(0, file.tell() - free_bytes))
    return written - free_bytes


def make_room(place: Path) -> None:
    (place / FILLER).unlink(missing_ok=True)
