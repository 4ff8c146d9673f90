"""The key backups are sealed with where no passphrase is given: a secret of the vault's own.

It outlives a rotation of the vault, and it opens nothing where the vault is lost: a passphrase is for other machines.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from daemon.backup.sealing import VAULT, SealKey
from daemon.secret_sources.value import Secret
from daemon.secrets import new_token

if TYPE_CHECKING:
    from daemon.vault.vault import Vault

NAME = "terrace/backup-key"


def vault_key(vault: Vault) -> SealKey | str:
    """The vault's key for backups, made the first time. Words if it cannot be had."""
    found = vault.get(NAME)
    if not isinstance(found, Secret):
        if not _is_absent(vault):
            return found.problem
        text = new_token()
        stored = vault.put(NAME, text)
        fault = getattr(stored, "problem", "")
        return f"the vault {fault}" if fault else _seal_key(text)
    return _seal_key(found.reveal())


def vault_key_offline(config: str | None, key_id: str) -> SealKey | None:
    """The key from the vault of an installation that is at hand; None if it is not the one that is asked for."""
    from daemon.clock import SystemClock
    from daemon.commands.common import read_config
    from daemon.vault.opening import make_vault

    loaded = read_config(config)
    if loaded is None:
        return None
    vault = make_vault(loaded.daemon, os.environ, SystemClock().now_ms)
    found = vault.get(NAME) if vault.exists() else None
    if not isinstance(found, Secret):
        return None
    key = _seal_key(found.reveal())
    return key if key.key_id == key_id else None


def _is_absent(vault: Vault) -> bool:
    listed = vault.list()
    return isinstance(listed, tuple) and all(stored.name != NAME for stored in listed)


def _seal_key(text: str) -> SealKey:
    return SealKey(VAULT, text.encode(), hashlib.sha256(b"terrace backup key id" + text.encode()).hexdigest()[:12])
