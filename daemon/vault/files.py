"""The vault's files: read whole, replaced whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from daemon.secrets import Unresolved, make_private_folder, sync_folder, write_draft

NAME = "vault.json"
MAX_DRAFTS = 1_000


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
