"""The config file itself: read as text, replaced whole."""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from daemon.config.document import MAX_TEXT_BYTES
from daemon.secrets import sync_folder

_NEW_FILE_MODE = 0o600


def etag_of(text: str) -> str:
    """The mark of a text: whoever changes it says which one was seen (CFG-7)."""
    return hashlib.sha256(text.encode()).hexdigest()


class ChangedMeanwhile(Exception):
    """Somebody saved the file between our look and our write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What stands in the file now."""

    data: bytes | None = None
    """None: there is no file, or it cannot be read."""
    problem: str = ""
    """Why there is a file and no text."""

    @property
    def text(self) -> str | None:
        return self.data.decode("utf-8-sig") if self.data is not None and not self.problem else None

    @property
    def etag(self) -> str:
        """Empty if nothing is known of it."""
        text = self.text
        if text is not None:
            return etag_of(text)
        return hashlib.sha256(self.data).hexdigest() if self.data is not None else ""


def standing_in(path: Path) -> Standing:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_TEXT_BYTES + 4)
    except FileNotFoundError:
        return Standing()
    except OSError as error:
        return Standing(problem=f"cannot be read ({error.strerror or error})")
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Standing(data=data, problem="is not UTF-8 text")
    return Standing(data=data)


def replace_file(path: Path, text: str, standing: Standing) -> None:
    """Replaces the file whole and durably, its mode and owner kept; a link stays a link. OSError if it cannot be.

    `standing`: what the file held when the new text was made; it is looked at once more right before.
    """
    target = Path(os.path.realpath(path))
    try:
        before: os.stat_result | None = target.stat()
    except FileNotFoundError:
        before = None
    draft = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _NEW_FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            if before is not None:
                _make_like(file.fileno(), before)
            file.flush()
            os.fsync(file.fileno())
        if standing_in(path) != standing:
            raise ChangedMeanwhile
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(target.parent)


def keep_beside(path: Path, suffix: str) -> Path:
    """Another name for the file as it is now, beside it: `config.yaml.v1`, or with a number if that is taken."""
    target = Path(os.path.realpath(path))
    number = 1
    while True:
        kept = target.with_name(f"{target.name}.{suffix}" + (f".{number}" if number > 1 else ""))
        try:
            os.link(target, kept)
        except FileExistsError:
            number += 1
        else:
            return kept


def _make_like(descriptor: int, before: os.stat_result) -> None:
    """Owner first: a change of it clears bits of the mode."""
    now = os.fstat(descriptor)
    if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        try:
            os.fchown(descriptor, before.st_uid, before.st_gid)
        except PermissionError as error:
            problem = "it belongs to another user: give it to the one Terrace runs as (chown)"
            raise PermissionError(error.errno, problem) from error
    os.fchmod(descriptor, stat.S_IMODE(before.st_mode))
