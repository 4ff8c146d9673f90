"""Is the file fit to be used: header, integrity, what is broken or does not add up in it. Nothing here writes."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors.rules.money import CONTEXT, ZERO

WAL_FAULT_MENDED = (3, 51, 3)
"""SQLite before this can, rarely, damage a file in WAL mode."""
MAX_PROBLEMS = 20
_STEPS_BETWEEN_LOOKS = 20_000
_HEADER = b"SQLite format 3\x00"


@dataclass(frozen=True, slots=True)
class Health:
    """`finished` False: time ran out before everything was looked at."""

    problems: tuple[str, ...]
    finished: bool = True


def is_database(path: Path) -> bool:
    """Whether the file is empty or begins as SQLite files do."""
    with path.open("rb") as file:
        header = file.read(len(_HEADER))
    return header in (b"", _HEADER)


def look_through(connection: sqlite3.Connection, *, full: bool, limit_s: float) -> Health:
    """Integrity of pages, indexes, references and the ledger (the last three if `full`), at most for `limit_s`."""
    deadline_s = time.monotonic() + limit_s
    connection.set_progress_handler(lambda: time.monotonic() > deadline_s, _STEPS_BETWEEN_LOOKS)
    try:
        check = "integrity_check" if full else "quick_check"
        problems = [row[0] for row in connection.execute(f"PRAGMA {check}({MAX_PROBLEMS})") if row[0] != "ok"]
        if full and not problems:
            rows = connection.execute("PRAGMA foreign_key_check").fetchmany(MAX_PROBLEMS)
            problems = [
                f"a row of {table} refers to a row of {parent} that is not there" for table, _, parent, _ in rows
            ]
        if full and not problems:
            problems = ledger_problems(connection)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return Health((), finished=False)
        return Health((str(error),))
    except sqlite3.DatabaseError as error:
        return Health((str(error),))
    finally:
        connection.set_progress_handler(None, 0)
    return Health(tuple(problems))


def ledger_problems(connection: sqlite3.Connection) -> list[str]:
    """`ledger_differences` of a file, all in one snapshot."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'profits'").fetchall():
        return []  # Of a program that had no ledger yet.
    connection.execute("BEGIN")
    try:
        return ledger_differences(connection.execute)
    finally:
        connection.execute("ROLLBACK")


def ledger_differences(execute: Callable[[str, tuple[Any, ...]], Iterable[tuple[Any, ...]]]) -> list[str]:
    """Groups whose profit and fees are not the sums of their rows in the ledger (PNL-3)."""
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for group_id, realized, fees in execute("SELECT group_id, realized, fees FROM profits", ()):
        before = sums.get(group_id, (ZERO, ZERO))
        sums[group_id] = (CONTEXT.add(before[0], Decimal(realized)), CONTEXT.add(before[1], Decimal(fees)))
    problems = []
    for group_id, realized, fees in execute("SELECT group_id, realized, fees FROM position_groups", ()):
        summed = sums.get(group_id, (ZERO, ZERO))
        if summed != (Decimal(realized), Decimal(fees)):
            problems.append(
                f"group {group_id} realised {realized} and paid {fees}, its ledger says {summed[0]} and {summed[1]}"
            )
            if len(problems) == MAX_PROBLEMS:
                break
    return problems


def library_warning(version: tuple[int, int, int] = sqlite3.sqlite_version_info[:3]) -> str | None:
    """What to say about an old SQLite, or None."""
    if version >= WAL_FAULT_MENDED:
        return None
    found, mended = (".".join(map(str, numbers)) for numbers in (version, WAL_FAULT_MENDED))
    return (
        f"SQLite {found} has a rare fault in its write-ahead log that is mended in {mended}: "
        "use a Python built with a newer SQLite, and keep backups"
    )
