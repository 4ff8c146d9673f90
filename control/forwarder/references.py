"""Secrets by reference: `file:path`, `env:NAME`, `systemd:name`. One that cannot be read is a fault, not a guess."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

MAX_SECRET_BYTES = 4096


class SecretFault(Exception):
    """Why a secret cannot be read, readable, with the remedy. Never holds the secret."""


def read_secret(reference: str, data_dir: Path, environ: Mapping[str, str]) -> str:
    """The secret, never empty. Raises SecretFault."""
    kind, colon, name = reference.partition(":")
    if not colon or not name:
        raise SecretFault("not a reference: file:PATH, env:NAME or systemd:NAME")
    if kind == "env":
        secret = environ.get(name, "")
        if not secret:
            raise SecretFault(f"the environment variable {name} is not set")
        return secret
    if kind == "file":
        return _from_file(data_dir / Path(name).expanduser())
    if kind == "systemd":
        folder = environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            raise SecretFault("systemd passed no credentials (LoadCredential=)")
        return _from_file(Path(folder) / Path(name).name)
    raise SecretFault(f"{kind}: references cannot be read here: use file:, env: or systemd:")


def _from_file(path: Path) -> str:
    try:
        with path.open("rb") as opened:
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & 0o077:
                raise SecretFault(f"{path} can be read by others (mode {mode:04o}): chmod 600 {path}")
            raw = opened.read(MAX_SECRET_BYTES + 1)
    except OSError as error:
        raise SecretFault(f"{path}: {error.strerror or error}") from None
    try:
        secret = raw.decode().strip()
    except UnicodeDecodeError:
        raise SecretFault(f"{path} is not text") from None
    if not secret or len(raw) > MAX_SECRET_BYTES:
        raise SecretFault(f"{path} is empty or larger than {MAX_SECRET_BYTES} bytes")
    return secret
