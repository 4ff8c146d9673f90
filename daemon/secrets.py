"""Secrets: read by reference, made on first start, never shown (LOG-4).

`env:NAME` is an environment variable, `file:PATH` a file (relative to the data directory) that only its owner may
read. The other kinds of references are known by name and refused with words.
"""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from actors.rules.settings import Settings

MAX_SECRET_BYTES = 64 * 1024
TOKEN_BYTES = 32
"""256 random bits: nothing made from them needs a slow hash, there is nothing to guess."""

_FOLDER_MODE = 0o700
_FILE_MODE = 0o600
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_SHOWN = 4
_SHORTEST_SHOWN = 16


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A secret's value. Printing it shows a mask; `reveal()` is the one way to the text."""

    _text: str

    def reveal(self) -> str:
        return self._text

    def equals(self, other: str) -> bool:
        """Compares in constant time (SIG-5)."""
        return hmac.compare_digest(self._text.encode(), other.encode("utf-8", "surrogatepass"))

    @property
    def mask(self) -> str:
        """`****A4B1`; of a short secret nothing is shown."""
        return f"****{self._text[-_SHOWN:]}" if len(self._text) >= _SHORTEST_SHOWN else "****"

    def __repr__(self) -> str:
        return f"Secret({self.mask})"

    __str__ = __repr__


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """A reference that gave no secret, and what would help. Holds no part of a secret."""

    reference: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.reference}: {self.problem}; {self.remedy}"


def resolve(reference: str, data_dir: Path, environ: Mapping[str, str]) -> Secret | Unresolved:
    """The secret a reference names."""
    kind, _, name = reference.partition(":")
    if kind == "env":
        text = environ.get(name, "")
        return Secret(text) if text else _unresolved(reference, "the variable is not set", f"set {name}, start again")
    if kind == "file":
        return read_secret_file(file_of(reference, data_dir))
    return _unresolved(reference, f"{kind}: references cannot be read yet", "use env: or file:")


def file_of(reference: str, data_dir: Path) -> Path:
    """The path of a `file:` reference."""
    return data_dir / Path(reference.removeprefix("file:")).expanduser()


def read_secret_file(path: Path) -> Secret | Unresolved:
    """The one secret a file holds, surrounding white space removed. Files that others may read are refused."""
    reference = f"file:{path}"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        return _unresolved(reference, f"cannot be read ({error.strerror})", "create it with mode 0600")
    try:
        problem = _problem(os.fstat(descriptor))
        if problem is not None:
            return _unresolved(reference, *problem, path=path)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(MAX_SECRET_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(data) > MAX_SECRET_BYTES:
        return _unresolved(reference, f"is larger than {MAX_SECRET_BYTES} bytes", "put one secret in it")
    try:
        text = data.decode().strip()
    except UnicodeDecodeError:
        return _unresolved(reference, "is not text", "put one secret in it")
    return Secret(text) if text else _unresolved(reference, "is empty", "put the secret in it")


def new_token() -> str:
    """A fresh random secret, 43 URL-safe characters."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def make_source_secrets(
    settings: Settings, data_dir: Path, *, new_secret: Callable[[], str] = new_token
) -> tuple[Path, ...]:
    """Makes the missing secret of each source that keeps it in a file below the data directory.

    Answers the files made. Files elsewhere are the user's own: they are never made, only read.
    """
    made = []
    for source in settings.sources.values():
        if source.secret is None or not source.secret.startswith("file:"):
            continue
        path = file_of(source.secret, data_dir)
        is_ours = Path(os.path.abspath(path)).is_relative_to(Path(os.path.abspath(data_dir)))
        if is_ours and write_new_secret(path, new_secret()):
            made.append(path)
    return tuple(made)


def write_new_secret(path: Path, text: str) -> bool:
    """Creates the file with mode 0600, whole or not at all; False when it exists already (it is left alone).

    The text is written and synced under another name, then linked to its own: a crash leaves no half a secret, and of
    two processes that start at once one wins.
    """
    make_private_folder(path.parent)
    if path.exists():
        return False
    draft = write_draft(path, text)
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    except OSError:  # A file system without links: the window between look and rename is the best there is.
        if path.exists():
            return False
        os.rename(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True


def make_private_folder(folder: Path) -> None:
    """Makes the folder, open to its owner only. One that exists keeps its mode."""
    folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)


def write_draft(path: Path, text: str) -> Path:
    """A new file beside `path` with the text in it, mode 0600, on disk."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE_MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{text.rstrip()}\n")
        file.flush()
        os.fsync(file.fileno())
    return draft


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _problem(status: os.stat_result) -> tuple[str, str] | None:
    if not stat.S_ISREG(status.st_mode):
        return "is not a file", "put the secret in a plain file"
    if status.st_mode & _OTHERS:
        return "can be read by others", "chmod 600 {path}"
    if status.st_uid not in (os.geteuid(), 0):
        return "belongs to another user", "chown it to the user Terrace runs as"
    return None


def _unresolved(reference: str, problem: str, remedy: str, path: Path | None = None) -> Unresolved:
    return Unresolved(reference=reference, problem=problem, remedy=remedy.format(path=path) if path else remedy)
