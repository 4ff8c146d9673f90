"""Secrets: read by reference, made on first start, never shown (LOG-4).

`env:NAME` is an environment variable, `file:PATH` a file (relative to the data directory) that only its owner may
read, `systemd:NAME` a credential of the unit, `keyring:service/name` an entry of the machine's keyring, `vault:NAME`
one of the built-in vault. Where each is read stands in `daemon.secret_sources`.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from actors.rules.settings import Settings
from daemon.secret_sources.files import MAX_SECRET_BYTES, read_credential, read_secret_file
from daemon.secret_sources.keyrings import read_keyring
from daemon.secret_sources.value import Secret, Unresolved

__all__ = [
    "MAX_SECRET_BYTES",
    "Resolver",
    "Secret",
    "Unresolved",
    "file_of",
    "make_source_secrets",
    "new_token",
    "read_secret_file",
    "resolve",
    "write_new_secret",
]

TOKEN_BYTES = 32
"""256 random bits: nothing made from them needs a slow hash, there is nothing to guess."""

_FOLDER_MODE = 0o700
_FILE_MODE = 0o600

FromVault = Callable[[str], Secret | Unresolved]
"""The vault's answer for a name."""


def no_vault(name: str) -> Secret | Unresolved:
    """The answer of a program that has no vault open."""
    problem = "the vault is open in the running daemon only"
    return _unresolved(f"vault:{name}", problem, "use keyring:, file:, env: or systemd: here")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolver:
    """Reads every kind of reference, and has each secret it read kept out of the log. Any thread."""

    data_dir: Path
    environ: Mapping[str, str] = field(repr=False)
    vault: FromVault = no_vault
    know: Callable[[Iterable[str]], None] = lambda _secrets: None

    def __call__(self, reference: str) -> Secret | Unresolved:
        found = resolve(reference, self.data_dir, self.environ, self.vault)
        if isinstance(found, Secret):
            self.know([found.reveal()])
        return found


def resolve(
    reference: str, data_dir: Path, environ: Mapping[str, str], vault: FromVault = no_vault
) -> Secret | Unresolved:
    """The secret a reference names."""
    kind, _, name = reference.partition(":")
    if kind == "env":
        text = environ.get(name, "")
        return Secret(text) if text else _unresolved(reference, "the variable is not set", f"set {name}, start again")
    if kind == "file":
        return read_secret_file(file_of(reference, data_dir))
    if kind == "systemd":
        return read_credential(name, environ)
    if kind == "keyring":
        return read_keyring(name)
    if kind == "vault":
        return vault(name)
    # What stands there may be the secret itself: it is not repeated.
    return _unresolved("(not shown)", "is no reference to a secret", "write keyring:, env:, file:, systemd: or vault:")


def file_of(reference: str, data_dir: Path) -> Path:
    """The path of a `file:` reference."""
    return data_dir / Path(reference.removeprefix("file:")).expanduser()


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


def _unresolved(reference: str, problem: str, remedy: str) -> Unresolved:
    return Unresolved(reference=reference, problem=problem, remedy=remedy)
