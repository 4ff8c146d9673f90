"""An installation in a folder, with a store that has something in it, and its backups."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from daemon.backup.archive import no_rest
from daemon.backup.making import BackupFailed, Made, Source, make_backup
from daemon.backup.sealing import PASSPHRASE, Keys, SealKey
from daemon.store.backup import SqliteSnapshotter
from daemon.store.store import SqliteStore
from tests.daemon.store import samples

T0 = samples.T0
CONFIG = "# mine\nconfig_version: 1\ndata_dir: ./data   # here\naccounts:\n  paper: {exchange: paper, prices: manual}\n"
SEAL = SealKey(PASSPHRASE, b"correct horse battery")


def no_keys(_kind: str, _key_id: str) -> SealKey | None:
    return None


def seal_keys(_kind: str, _key_id: str) -> SealKey | None:
    return SEAL


def keys_of(key: SealKey | None) -> Keys:
    return lambda _kind, _key_id: key


class House:
    """`store` is open, as in a running daemon."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.backups = self.data_dir / "backups"
        self.data_dir.mkdir(parents=True)
        (folder / "config.yaml").write_text(CONFIG)
        self.store: SqliteStore = samples.opened(self.data_dir)
        self.store.apply([("a", samples.opening(1))])
        (self.data_dir / "secrets").mkdir(exist_ok=True)
        (self.data_dir / "secrets" / "tokens.yaml").write_text("tokens: []\n")
        (self.data_dir / "secrets" / "tradingview").write_text("the webhook's secret\n")
        (self.data_dir / "paper").mkdir()
        with closing(sqlite3.connect(self.data_dir / "paper" / "paper.db")) as books:
            books.execute("CREATE TABLE facts (name TEXT, value TEXT)")
            books.execute("INSERT INTO facts VALUES ('opened', 'yes')")
            books.commit()

    @property
    def installation_id(self) -> str:
        return self.store.boot.installation_id

    def source(self) -> Source:
        return Source(
            snapshotter=SqliteSnapshotter(self.data_dir / "terrace.db"),
            data_dir=self.data_dir,
            store_path=self.data_dir / "terrace.db",
            config_path=self.folder / "config.yaml",
            tokens_path=self.data_dir / "secrets" / "tokens.yaml",
            vault_path=self.data_dir / "secrets" / "vault.json",
            version="1.2.3",
        )

    def make(self, now_ms: int = T0, key: SealKey | None = None) -> Made:
        made = make_backup(
            self.source(), self.backups, installation_id=self.installation_id, now_ms=now_ms, key=key, rest=no_rest
        )
        assert not isinstance(made, BackupFailed), made
        return made

    def names(self) -> list[str]:
        return sorted(path.name for path in self.backups.iterdir()) if self.backups.exists() else []

    def close(self) -> None:
        self.store.close()
