"""Secrets by reference: `file:`, `env:`, `systemd:`, `keyring:`. One that cannot be read is a fault, not a guess.

`vault:` is not among them: the vault is the daemon's, and the forwarder must work while the daemon is away.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Mapping
from pathlib import Path

MAX_SECRET_BYTES = 4096
KEYRING_S = 15.0
"""How long the keyring may take, a person's consent included."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class SecretFault(Exception):
    """Why a secret cannot be read, readable, with the remedy. Never holds the secret."""


def read_secret(reference: str, data_dir: Path, environ: Mapping[str, str]) -> str:
    """The secret, never empty. Raises SecretFault."""
    kind, colon, name = reference.partition(":")
    if not colon or not name:
        raise SecretFault("not a reference: file:PATH, env:NAME, systemd:NAME or keyring:service/name")
    if kind == "env":
        secret = environ.get(name, "")
        if not secret:
            raise SecretFault(f"the environment variable {name} is not set")
        return secret
    if kind == "file":
        return _from_file(data_dir / Path(name).expanduser(), _OTHERS)
    if kind == "systemd":
        return _from_systemd(name, environ)
    if kind == "keyring":
        return _from_keyring(name)
    if kind == "vault":
        raise SecretFault("the vault is the daemon's, the forwarder cannot read it: use file:, keyring: or systemd:")
    raise SecretFault("not a reference: file:PATH, env:NAME, systemd:NAME or keyring:service/name")


def _from_systemd(name: str, environ: Mapping[str, str]) -> str:
    """systemd grants access by an access list, which shows as group bits in the mode: these are not looked at."""
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise SecretFault(f"systemd passed no credentials: put LoadCredential={name}:/path in the unit")
    if name in (".", "..") or "/" in name:
        raise SecretFault("not the name of a credential: systemd:NAME, without slashes")
    return _from_file(Path(folder) / name, stat.S_IRWXO)


def _from_keyring(name: str) -> str:
    """Everything up to the first slash is the service. A keyring that waits for a person is not waited for long."""
    service, _, user = name.partition("/")
    if not service or not user:
        raise SecretFault("not a reference: keyring:service/name")
    found: list[str | None] = []
    faults: list[Exception] = []

    def ask() -> None:
        import keyring

        try:
            found.append(keyring.get_password(service, user))
        except Exception as fault:  # Of a backend, which is foreign code.
            faults.append(fault)

    thread = threading.Thread(target=ask, name="keyring", daemon=True)
    thread.start()
    thread.join(KEYRING_S)
    if faults:
        if type(faults[0]).__name__ == "NoKeyringError":
            raise SecretFault("this machine has no keyring: use file:, env: or systemd:")
        raise SecretFault(f"the keyring cannot be used ({type(faults[0]).__name__}): use file:, env: or systemd:")
    if not found:
        raise SecretFault(f"the keyring has not answered within {KEYRING_S:g} s: unlock it")
    secret = (found[0] or "").strip()
    if not secret:
        raise SecretFault(f"it is not in the keyring: keyring set {service} {user}")
    return secret


def _from_file(path: Path, may_not: int) -> str:
    try:
        # Not waited for: a pipe that lies there is no secret.
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as opened:
            status = os.fstat(opened.fileno())
            mode = stat.S_IMODE(status.st_mode)
            if not stat.S_ISREG(status.st_mode):
                raise SecretFault(f"{path} is not a plain file")
            if mode & may_not:
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
