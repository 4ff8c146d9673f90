"""What the store loses when it is brought down to an older version's shape: found out on a copy, by looking at both."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

HARMLESS = frozenset(
    {
        "leadership",
        "leases",
        "notifications",
        "migratehistory",
        "meta",
        "events.hash",
        "config_versions.changed",
        "alerts.comment",
        "dead_letters.fact",
        "dead_letters.result",
        "signals.replay_of",
        "drifts",
    }
)
"""What is no money and no decision: messages sent, chains of checksums, remarks. All else a person has to agree to."""
_EMPTY = ("", "0", 0, None, b"")
ALERT = ("signal_id", "receive_time_ms", "source", "account", "symbol", "timeframe", "intent", "side", "alert_message")
"""What is told of an alert: columns of `signals` since the first version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """One thing that goes."""

    name: str
    """A table, or `table.column`."""
    count: int

    @property
    def is_harmless(self) -> bool:
        return self.name in HARMLESS

    def __str__(self) -> str:
        table, _, column = self.name.partition(".")
        rows = f"{self.count} row{'' if self.count == 1 else 's'}"
        return f"{column} in {rows} of {table}" if column else f"{rows} of {table}"


def losses(before: Path, after: Path) -> list[Loss]:
    """Two files of a store: what the first has and the second has no place for, where it says anything."""
    with closing(_open(before)) as old, closing(_open(after)) as new:
        there = _tables(new)
        found = []
        for table, columns in _tables(old).items():
            rows = _count(old, table)
            gone = rows - (_count(new, table) if table in there else 0)
            if gone > 0:
                found.append(Loss(name=table, count=gone))
            if gone < rows:
                found += [
                    Loss(name=f"{table}.{column}", count=_told(old, table, column, default))
                    for column, default in columns.items()
                    if column not in there[table]
                ]
        return [loss for loss in found if loss.count]


def forgotten_alerts(left: Path, put_back: Path, listed: Path) -> str:
    """Alerts that were acknowledged and are not in the store that is put in place of `left`: in words, each a line in
    the file `listed`. They are known to nobody else."""
    try:
        with closing(_open(put_back)) as connection:
            known = {row[0] for row in connection.execute("SELECT signal_id FROM signals")}
        with closing(_open(left)) as connection:
            rows = connection.execute(f"SELECT {', '.join(ALERT)} FROM signals ORDER BY id")
            gone = [dict(zip(ALERT, row, strict=True)) for row in rows if row[0] not in known]
    except sqlite3.Error as error:
        return f"which alerts it had acknowledged cannot be read ({error})"
    if not gone:
        return "no alert that it had acknowledged is missing"
    number = f"{len(gone)} alert{'' if len(gone) == 1 else 's'} that it had acknowledged"
    try:
        listed.write_text("".join(f"{json.dumps(alert)}\n" for alert in gone), encoding="utf-8")
    except OSError as error:
        return f"{number} are not in it and could not be listed ({error.strerror or error})"
    return f"NOT IN IT: {number}, listed in {listed}"


def _told(connection: sqlite3.Connection, table: str, column: str, default: object) -> int:
    """Rows in which the column says something."""
    nothing = [value for value in (*_EMPTY, default) if value is not None]
    marks = ",".join("?" * len(nothing))
    sql = f'SELECT count(*) FROM "{table}" WHERE "{column}" IS NOT NULL AND "{column}" NOT IN ({marks})'
    return int(connection.execute(sql, nothing).fetchone()[0])


def _count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])


def _tables(connection: sqlite3.Connection) -> dict[str, dict[str, object]]:
    """Table -> column -> default."""
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {
        name: {row[1]: _plain(row[4]) for row in connection.execute(f'PRAGMA table_info("{name}")')}
        for name in names
        if not name.startswith("sqlite_")
    }


def _plain(default: object) -> object:
    return default.strip("'") if isinstance(default, str) else default


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def copy_of(store: Path, target: Path) -> None:
    """Of a store nobody uses."""
    for part in ("", "-wal"):
        source = store.with_name(store.name + part)
        if source.exists():
            shutil.copyfile(source, target.with_name(target.name + part))
