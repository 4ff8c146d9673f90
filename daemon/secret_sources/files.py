"""`file:` and `systemd:`: a secret in a file that only its owner may read."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from daemon.secret_sources.value import Secret, Unresolved

MAX_SECRET_BYTES = 64 * 1024
CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""The folder systemd puts the credentials of a unit in."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_secret_file(path: Path, reference: str = "", may_not: int = _OTHERS) -> Secret | Unresolved:
    """The one secret a file holds, surrounding white space removed. Files that others may read are refused.

    `may_not`: bits of the mode that must not be set.
    """
    reference = reference or f"file:{path}"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        return _unresolved(reference, f"cannot be read ({error.strerror})", "create it with mode 0600")
    try:
        problem = _problem(os.fstat(descriptor), may_not)
        if problem is not None:
            return _unresolved(reference, problem[0], problem[1].format(path=path))
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


def read_credential(name: str, environ: Mapping[str, str]) -> Secret | Unresolved:
    """A credential systemd hands to the unit (LoadCredential=, LoadCredentialEncrypted=).

    The folder is the unit's own. systemd grants access by an access list, which shows as group bits in the mode, so
    only the bits of all others are looked at.
    """
    reference = f"systemd:{name}"
    folder = environ.get(CREDENTIALS, "")
    unit = f"LoadCredential={name}:/path"
    if not folder:
        return _unresolved(reference, "systemd passed no credentials", f"put {unit} in the unit, restart it")
    if not is_plain_name(name):
        return _unresolved(reference, "is no name of a credential", "write systemd:NAME, without slashes")
    if not os.path.lexists(Path(folder) / name):
        return _unresolved(reference, "the unit has no such credential", f"put {unit} in the unit, restart it")
    return read_secret_file(Path(folder) / name, reference, stat.S_IRWXO)


def is_plain_name(name: str) -> bool:
    """A file name and no path: it cannot lead out of its folder."""
    return name not in ("", ".", "..") and "/" not in name and "\\" not in name and "\0" not in name


def _problem(status: os.stat_result, may_not: int) -> tuple[str, str] | None:
    if not stat.S_ISREG(status.st_mode):
        return "is not a file", "put the secret in a plain file"
    if status.st_mode & may_not:
        return "can be read by others", "chmod 600 {path}"
    if status.st_uid not in (os.geteuid(), 0):
        return "belongs to another user", "chown it to the user Terrace runs as"
    return None


def _unresolved(reference: str, problem: str, remedy: str) -> Unresolved:
    return Unresolved(reference=reference, problem=problem, remedy=remedy)
