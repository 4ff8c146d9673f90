"""Puts the vault of an installation together from its configuration."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Mapping

from pydantic_core import PydanticCustomError

from daemon.config.daemon_settings import DaemonSettings
from daemon.config.schema_vault import VaultKey
from daemon.vault.files import NAME
from daemon.vault.keys import PASSPHRASE_FILE, KeySource, key_source
from daemon.vault.machine import machine_id
from daemon.vault.vault import Vault

OLD_PASSPHRASE_FILE = "TERRACE_VAULT_OLD_PASSPHRASE_FILE"
"""For `rekey`, where a passphrase takes the place of another one."""


def make_vault(
    daemon: DaemonSettings, environ: Mapping[str, str], now_ms: Callable[[], int], *, chosen: str = ""
) -> Vault:
    """Nothing is read yet. `chosen`: the key it was locked with so far, where that is not the one `vault.key` names."""
    is_new = not (daemon.secrets_dir / NAME).exists()
    ask = _asker("Passphrase of the vault: ", twice=is_new)
    key = key_source(
        chosen or daemon.vault_key,
        daemon.data_dir,
        environ,
        machine_id=machine_id,
        ask=ask,
        variable=OLD_PASSPHRASE_FILE if chosen else PASSPHRASE_FILE,
    )
    return Vault(daemon.secrets_dir, key, now_ms=now_ms)


def new_key(daemon: DaemonSettings, environ: Mapping[str, str]) -> KeySource:
    """What `vault.key` names, for a vault that is to be locked with it."""
    ask = _asker("New passphrase of the vault: ", twice=True)
    return key_source(daemon.vault_key, daemon.data_dir, environ, machine_id=machine_id, ask=ask)


def is_key(chosen: str) -> bool:
    """Whether `vault.key` could hold this."""
    try:
        VaultKey().check(chosen)
    except PydanticCustomError:
        return False
    return True


def _asker(question: str, *, twice: bool) -> Callable[[], str] | None:
    """None where nobody is at a terminal."""
    if sys.stdin is None or not sys.stdin.isatty():
        return None

    def ask() -> str:
        try:
            text = getpass.getpass(question)
            is_same = not twice or text == getpass.getpass("Again: ")
        except (EOFError, OSError):
            return ""
        if not is_same:
            print("terraced: the two differ", file=sys.stderr)
        return text if is_same else ""

    return ask
