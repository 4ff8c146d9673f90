"""The vault's files: read whole, replaced whole."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.secrets import Unresolved, make_private_folder, sync_folder, write_draft

NAME = "vault.json"
MAX_DRAFTS = 1_000
LOCK_LIMIT_S = 10.0
"""How long another process that changes the vault is waited for."""
_LOOK_S = 0.01


@contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Whether no other process reads or changes the vault meanwhile. A folder that is not there, or may not be opened,
    is not locked: whoever reads or writes in it hears why."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        yield True
        return
    try:
        yield _is_locked(handle)
    finally:
        os.close(handle)


def _is_locked(handle: int) -> bool:
    deadline_s = time.monotonic() + LOCK_LIMIT_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline_s:
                return False
            time.sleep(_LOOK_S)
        except OSError:  # A file system without locks.
            return True
        else:
            return True


def read_file(path: Path, most: int) -> bytes | None:
    """At most `most` + 1 bytes; None where there is no file. OSError otherwise. A link is not followed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(most + 1)


def replace_file(path: Path, text: str, step: Callable[[str], None] = lambda _name: None) -> Unresolved | None:
    """Puts the text there with mode 0600, whole or not at all, and durably. `step` is told how far it is."""
    draft: Path | None = None
    try:
        make_private_folder(path.parent)
        draft = write_draft(path, text)
        step("drafted")
        os.replace(draft, path)
        step("replaced")
        sync_folder(path.parent)
    except OSError as error:
        if draft is not None:
            draft.unlink(missing_ok=True)
        problem = f"cannot be written ({error.strerror})"
        return Unresolved(reference=f"file:{path}", problem=problem, remedy="free space, make its folder writable")
    return None


def drop_drafts(folder: Path) -> None:
    """What a process that was killed while writing has left."""
    for draft in sorted(folder.glob(".vault.*"))[:MAX_DRAFTS]:
        draft.unlink(missing_ok=True)
