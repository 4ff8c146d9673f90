"""Puts a daemon's backups together from its configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from daemon.backup.keeper import Backups, Terms
from daemon.backup.making import Source
from daemon.backup.sealing import PASSPHRASE, SealKey
from daemon.backup.vault_key import vault_key
from daemon.config.daemon_settings import DaemonSettings
from daemon.secrets import Resolver, Secret
from daemon.store.backup import Snapshotter, SqliteSnapshotter
from daemon.store.open import is_postgres
from daemon.store.refused import StoreRefused
from daemon.vault.vault import Vault

HOUR_MS = 3_600_000


def snapshotter_of(store_url: str, path: Path) -> Snapshotter:
    """What copies the store. `path`: the SQLite file, if it is one."""
    if not is_postgres(store_url):
        return SqliteSnapshotter(path)
    from daemon.store.postgres_backup import PostgresSnapshotter

    return PostgresSnapshotter(store_url)


def source_beside(daemon: DaemonSettings, environ: Mapping[str, str]) -> Source | StoreRefused:
    """What is backed up, for a program beside the daemon."""
    from daemon.app import program_version
    from daemon.clock import SystemClock
    from daemon.store_url import stored_url
    from daemon.vault.opening import make_vault

    url = stored_url(daemon)
    if isinstance(url, StoreRefused):
        return url
    if not is_postgres(url) and not daemon.storage.path.is_file():
        words = f"there is no store at {daemon.storage.path}"
        return StoreRefused(problem=words, remedy="It is made by the first start of the daemon")
    return Source(
        snapshotter=snapshotter_of(url, daemon.storage.path),
        data_dir=daemon.data_dir,
        store_path=daemon.storage.path,
        config_path=daemon.config_path,
        tokens_path=daemon.api.tokens,
        vault_path=make_vault(daemon, environ, SystemClock().now_ms).path,
        version=program_version(),
    )


def make_backups(
    daemon: DaemonSettings,
    *,
    store_url: str,
    installation_id: str,
    version: str,
    secrets: Resolver,
    vault: Vault,
    now_ms: Callable[[], int],
) -> Backups:
    """Nothing is read or written yet. `store_url`: of the store in use, its reference resolved."""
    source = Source(
        snapshotter=snapshotter_of(store_url, daemon.storage.path),
        data_dir=daemon.data_dir,
        store_path=daemon.storage.path,
        config_path=daemon.config_path,
        tokens_path=daemon.api.tokens,
        vault_path=vault.path,
        version=version,
    )
    terms = Terms(folder=daemon.backup.directory, every_ms=daemon.backup.every_hours * HOUR_MS, keep=daemon.backup.keep)

    def configured_key() -> SealKey | str | None:
        if daemon.backup.passphrase is None:
            return None
        found = secrets(daemon.backup.passphrase)
        return SealKey(PASSPHRASE, found.reveal().encode()) if isinstance(found, Secret) else str(found)

    return Backups(
        source,
        terms,
        installation_id=installation_id,
        now_ms=now_ms,
        configured_key=configured_key,
        vault_key=lambda: vault_key(vault),
    )
