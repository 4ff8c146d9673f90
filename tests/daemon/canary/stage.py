"""A copy to look at: the backup of a real daemon, restored elsewhere; and a canary as a process or in this one."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemon.backup.restoring import Restored, restore
from daemon.canary.folder import CanaryRefused, find_copy
from daemon.canary.looking import look
from daemon.canary.report import Report, as_json
from daemon.config.load import LoadedConfig, load_config
from daemon.observe.masking import Masker
from daemon.store.refused import StoreRefused

ROOT = Path(__file__).parent.parent.parent.parent
LIMIT_S = 60
Plain = dict[str, Any]


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TERRACE_")}
    return kept | {"PYTHONPATH": str(ROOT)}


def restored(backup: Path, into: Path, *, as_copy: bool = False) -> Path:
    """The data folder of the backup, put back in `into`."""
    done = restore(backup, into, lambda _kind, _id: None, now_ms=time.time_ns() // 1_000_000, as_copy=as_copy)
    assert isinstance(done, Restored), done
    return into / "data"


def copied(data: Path, into: Path) -> Path:
    """Another copy of a copy, to spoil."""
    return Path(shutil.copytree(data, into))


def command(config: Path, data: Path, timeout_s: int = LIMIT_S) -> list[str]:
    words = ["--config", str(config), "canary", "--data", str(data), "--timeout-s", str(timeout_s)]
    return [sys.executable, "-m", "daemon", *words]


@dataclass(frozen=True, kw_only=True)
class Ran:
    code: int
    answer: Plain
    said: str


def canary(config: Path, data: Path, environ: Mapping[str, str] | None = None, timeout_s: int = LIMIT_S) -> Ran:
    """A canary as a process of its own."""
    done = subprocess.run(
        command(config, data, timeout_s),
        capture_output=True,
        text=True,
        timeout=timeout_s + LIMIT_S,
        env=environment() | dict(environ or {}),
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Ran(code=done.returncode, answer=json.loads(done.stdout) if done.stdout else {}, said=done.stderr)


def looked(config: Path, data: Path) -> Report | CanaryRefused | StoreRefused:
    """One in this process."""
    loaded = load_config(config, {})
    assert isinstance(loaded, LoadedConfig), loaded
    copy = find_copy(loaded.daemon, data)
    if isinstance(copy, CanaryRefused):
        return copy
    return look(loaded, {}, copy, LIMIT_S, masker=Masker(), version="1.2.3")


def differences(config: Path, data: Path) -> list[tuple[str, str]]:
    """What differs and where, of a canary that came to be ready."""
    report = looked(config, data)
    assert isinstance(report, Report), report
    assert report.is_ready, report.why
    assert as_json(report)["ready"]
    return [(each.what, each.where) for each in report.differences]


def write(store: Path, sql: str, *values: object) -> int:
    """How many rows it changed."""
    with closing(sqlite3.connect(store)) as connection, connection:
        return connection.execute(sql, values).rowcount


def rows(store: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        return connection.execute(sql, values).fetchall()


def made_later(store: Path, by_s: int) -> None:
    """As if the backup had been made so much later: nothing in it is as young as the line to what came later."""
    [(name,)] = rows(store, "SELECT value FROM meta WHERE name = 'restored_from'")
    time_text = name.split("-")[1]
    then = datetime.strptime(time_text[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC).timestamp() + by_s
    later = f"{datetime.fromtimestamp(then, UTC):%Y%m%dT%H%M%S}000Z"
    write(store, "UPDATE meta SET value = ? WHERE name = 'restored_from'", name.replace(time_text, later))


def print_of(folder: Path) -> dict[str, tuple[str, int, int]]:
    """Every file with a hash of its bytes, its time of change and its inode."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            state = path.stat()
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found[str(path.relative_to(folder))] = (digest, state.st_mtime_ns, state.st_ino)
    return found
