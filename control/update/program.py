"""One installed version, asked by running its programs: nothing of another version is ever imported."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from control.update.refused import StepFailed

QUICK_S = 60.0
LONG_S = 3600.0
MAX_TOLD_CHARS = 2000
_LISTENS = "another program listens there"
"""What the look at a config finds while the old daemon runs with it."""
_WARNING = "warning: "
EXTRAS = {"panel": "gradio", "postgres": "psycopg", "traces": "opentelemetry.sdk"}
_READABLE = """
import json, pathlib, daemon
from daemon.exchanges.paper_books import SCHEMA_VERSION
folder = pathlib.Path(daemon.__file__).parent / "store" / "migrations"
print(json.dumps([sorted(path.stem for path in folder.glob("[0-9][0-9][0-9]_*.py")), SCHEMA_VERSION]))
"""
_READS = """
import pathlib, sqlite3, sys
from daemon.store import load, signal_rows, store
connection = sqlite3.connect(pathlib.Path(sys.argv[1]).absolute().as_uri() + "?mode=ro", uri=True)
load.load_groups(connection.execute, load.live_group_ids(connection.execute))
for world in ("paper", "testnet", "live"):
    for row in connection.execute(store._QUEUE, (world,)):
        signal_rows.read_queued(row)
"""
_EXTRAS = (
    "import importlib.util as u, json, sys\n"
    "def there(name):\n"
    "    try: return u.find_spec(name) is not None\n"
    "    except ModuleNotFoundError: return False\n"
    "print(json.dumps([name for name in sys.argv[1:] if there(name)]))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """What it said last, for a person."""
        lines = [line for line in (self.err or self.out).strip().splitlines() if line.strip()]
        return "\n".join(lines[-12:])[-MAX_TOLD_CHARS:] or f"exit code {self.code}"


def run(command: Sequence[str], *, limit_s: float = QUICK_S, environ: Mapping[str, str] | None = None) -> Ran:
    """Never raises for what the program does; 124: it did not end in time, 127: it is not there."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=limit_s,
            check=False,
            env=environ,
            start_new_session=True,  # Ctrl-C is for who decides what becomes of it.
        )
    except subprocess.TimeoutExpired:
        return Ran(code=124, out="", err=f"no answer within {limit_s:.0f} s")
    except OSError as error:
        return Ran(code=127, out="", err=f"{command[0]}: {error.strerror or error}")
    return Ran(code=done.returncode, out=done.stdout, err=done.stderr)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """What a version reads."""

    migrations: tuple[str, ...]
    """Of the store, those it knows, oldest first; at least one."""
    books: int
    """Schema of the files of paper accounts."""

    def __post_init__(self) -> None:
        if not self.migrations:
            raise ValueError("no migrations")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A version in its folder, with the config it is to work on."""

    version: str
    folder: Path
    config: str
    within: tuple[str, ...] = ()
    """What a command is put behind that must see what the service sees: its credentials."""

    @property
    def terrace(self) -> Path:
        return self.folder / "bin" / "terrace"

    @property
    def python(self) -> str:
        return str(self.folder / "bin" / "python")

    def terraced(self, *words: str, limit_s: float = QUICK_S, as_service: bool = False) -> Ran:
        command = [str(self.folder / "bin" / "terraced"), "--config", self.config, *words]
        return run([*(self.within if as_service else ()), *command], limit_s=limit_s)

    def _must(self, *words: str, limit_s: float = LONG_S) -> Ran:
        done = self.terraced(*words, limit_s=limit_s)
        if done.code:
            raise StepFailed(f"`terraced {' '.join(words[:2])}` of {self.version} ended with {done.code}: {done.words}")
        return done

    # --- what it is -------------------------------------------------------------------------------

    def told_version(self) -> str:
        """What it says of itself; empty: it does not run."""
        done = self.asked_version()
        words = done.out.split()
        return words[-1] if done.code == 0 and words else ""

    def asked_version(self) -> Ran:
        return run([str(self.terrace), "--version"])

    def readable(self) -> Readable:
        """Which stores and paper books it reads. StepFailed where it does not say."""
        done = run([self.python, "-P", "-c", _READABLE])
        try:
            migrations, books = json.loads(done.out)
            return Readable(migrations=tuple(map(str, migrations)), books=int(books))
        except (ValueError, TypeError):
            raise StepFailed(f"{self.version} does not say which stores it can read: {done.words}") from None

    def extras(self) -> tuple[str, ...]:
        """What was installed beside it that its package calls extras."""
        done = run([self.python, "-P", "-c", _EXTRAS, *EXTRAS.values()])
        try:
            found = set(json.loads(done.out)) if done.code == 0 else set()
        except ValueError:
            found = set()
        return tuple(extra for extra, module in EXTRAS.items() if module in found)

    # --- what it judges ---------------------------------------------------------------------------

    def faults(self) -> list[str]:
        """What is wrong with the config in its eyes. The addresses are another's while the old one runs."""
        done = self.terraced("--check", as_service=True)
        if done.code == 0:
            return []
        lines = [line for line in done.err.splitlines() if line.strip() and not line.startswith(_WARNING)]
        faults = [line for line in lines if _LISTENS not in line]
        if done.code not in (0, 2):
            return [f"the config cannot be checked: {done.words}"]
        return faults if faults or lines else [done.words]

    def migrates_config(self) -> bool:
        """Whether its first start writes the config in a newer shape. StepFailed where that cannot be done."""
        done = self._must("config", "migrate", "--dry-run", limit_s=QUICK_S)
        return bool(done.out.strip())

    # --- what it does -----------------------------------------------------------------------------

    def backup(self, into: Path) -> Path:
        """A backup of the store as it is, whoever uses it, verified."""
        done = self._must("backup", "create", "--into", str(into), "-o", "json")
        path = Path(str(_json(done.out, "backup create")["path"]))
        self._must("backup", "verify", str(path), "--scratch", str(into))
        return path

    def restore(self, backup: Path, into: Path) -> Path:
        """The data directory of a copy made from it."""
        self._must("backup", "restore", str(backup), "--into", str(into), "--yes")
        return into / "data"

    def canary(self, data: Path, *, limit_s: float) -> Mapping[str, Any]:
        """What it finds when it runs on the copy without writing to any exchange. StepFailed where that is amiss."""
        words = ("canary", "--data", str(data), "--timeout-s", f"{limit_s:.0f}")
        done = self.terraced(*words, limit_s=limit_s + QUICK_S, as_service=True)
        if done.code:
            found = _maybe_json(done.out)
            differences = [_difference(one) for one in found.get("differences", ())][:10]
            told = "; ".join(differences) or done.words
            raise StepFailed(f"{self.version} tried on a copy of the store ended with {done.code}: {told}")
        return _json(done.out, "canary")

    def cannot_read(self, store: Path) -> str:
        """Why it could not load the live groups and waiting signals of a store of its own schema; empty: it can.

        Words that only a newer program knows may stand in columns that the older one has, too.
        """
        done = run([self.python, "-P", "-c", _READS, str(store)])
        return "" if done.code == 0 else done.words.splitlines()[-1]

    def has_canary(self) -> bool:
        """The first ones had none."""
        return self.terraced("canary", "--help").code == 0

    def schema(self, data: Path | None = None) -> str:
        """The store's newest migration; of the copy in `data`, if given. Empty: none."""
        return str(_json(self._on(data, "db", "downgrade", "--dry-run", "-o", "json").out, "db").get("migration") or "")

    def _on(self, data: Path | None, *words: str) -> Ran:
        """Of a copy: the same config, with another data directory and a store in it."""
        if data is None:
            return self._must(*words)
        url = f"sqlite:///{only_store(data).name}"
        environ = {**os.environ, "TERRACE_DATA_DIR": str(data), "TERRACE_STORAGE__URL": url}
        command = [str(self.folder / "bin" / "terraced"), "--config", self.config, *words]
        done = run(command, limit_s=LONG_S, environ=environ)
        if done.code:
            raise StepFailed(f"`terraced {' '.join(words[:2])}` of {self.version} ended with {done.code}: {done.words}")
        return done

    def downgrade(self, readable: Readable, data: Path | None = None) -> list[str]:
        """Brings store and paper books down to what an older version reads. Migrations that were taken back."""
        newest, known = self.schema(data), readable.migrations
        to = newest if newest in known else known[-1]  # What was never brought up need not come down.
        done = self._on(data, "db", "downgrade", "--to", to, "--books", str(readable.books), "--yes", "-o", "json")
        return [str(name) for name in _json(done.out, "db downgrade").get("migrations", ())]


def only_store(data: Path) -> Path:
    """Of a copy that was restored from a backup."""
    found = sorted(data.glob("*.db"))
    if len(found) != 1:
        raise StepFailed(f"which store is it? {data} holds {len(found)}")
    return found[0]


def _difference(found: Any) -> str:
    if not isinstance(found, Mapping):
        return str(found)
    return f"{found.get('what')} {found.get('where')}: {found.get('copy')} in the copy, {found.get('now')} now"


def _maybe_json(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}


def _json(text: str, what: str) -> Mapping[str, Any]:
    found = _maybe_json(text)
    if not found:
        raise StepFailed(f"what `terraced {what}` answers cannot be read: {text.strip()[:200]!r}")
    return found
