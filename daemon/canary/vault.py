"""The running installation's vault, only read: no lock is taken, no rotation is finished, no draft is cleared away."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from daemon.config.daemon_settings import DaemonSettings
from daemon.secret_sources.value import Unresolved
from daemon.vault.crypto import ScryptCost
from daemon.vault.document import Lock
from daemon.vault.keys import PASSPHRASE_FILE, KeySource, Material, key_source
from daemon.vault.machine import machine_id
from daemon.vault.vault import Vault

TRIES = 3
TRY_AGAIN_S = 0.2
"""The daemon may be rotating its keys just now: then file and key are of two moments."""
_NO = Unresolved(reference="vault.key", problem="is not changed by a canary", remedy="use the running daemon")


class _SeenKey:
    """The key the vault is locked with, as it is. Nothing of it is renewed, so the vault has nothing to finish."""

    is_renewed = False

    def __init__(self, key: KeySource) -> None:
        self._key = key
        self._index = 0

    @property
    def kind(self) -> str:
        return self._key.kind

    @property
    def where(self) -> str:
        return self._key.where

    @property
    def cost(self) -> ScryptCost | None:
        return self._key.cost

    def read(self) -> tuple[Material, ...] | Unresolved:
        """One at a time: of two the vault would take one for the rest of a rotation and end that."""
        found = self._key.read()
        if isinstance(found, Unresolved):
            return found
        return (found[min(self._index, len(found) - 1)],)

    def next(self) -> bool:
        """Whether there is another one to try: the one a rotation has just put beside it."""
        found = self._key.read()
        self._index += 1
        return not isinstance(found, Unresolved) and self._index < len(found)

    def first(self) -> None:
        """From the first one again."""
        self._index = 0

    def make(self) -> Unresolved | None:
        return _NO

    def stage(self, _material: Material) -> Unresolved | None:
        return _NO

    def promote(self) -> Unresolved | None:
        return _NO

    def drop_staged(self) -> None:
        """Nothing is dropped."""

    def derive(self, material: Material, lock: Lock) -> bytes:
        return self._key.derive(material, lock)


def seen_vault(daemon: DaemonSettings, environ: Mapping[str, str], now_ms: Callable[[], int]) -> Vault:
    """The vault, opened if there is one; one that stays shut says so for each secret. Nobody is asked for a passphrase
    at a terminal: `TERRACE_VAULT_PASSPHRASE_FILE` names it, as for the daemon."""
    real = key_source(
        daemon.vault_key, daemon.data_dir, environ, machine_id=machine_id, ask=None, variable=PASSPHRASE_FILE
    )
    key = _SeenKey(real)
    vault = Vault(daemon.secrets_dir, key, now_ms=now_ms)
    if not vault.exists():
        return vault
    for attempt in range(TRIES):
        if attempt:
            time.sleep(TRY_AGAIN_S)
        key.first()
        while vault.open() is not None:
            if not key.next():
                break
        else:
            return vault
    return vault
