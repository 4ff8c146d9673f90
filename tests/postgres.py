"""A real PostgreSQL server for the tests: made in a folder of its own, gone with the process that asked for it.

It is found where Debian puts it, or by `PATH`. It refuses to run as root, so root starts it as `postgres` or `nobody`.
Commits are not forced to the disk: that is measured elsewhere.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from daemon.store import migrate, tables
from tests.ports import free_port

START_LIMIT_S = 60.0
PASSWORD = "a-word-of-the-tests"
_NAMES = itertools.count()


def binaries() -> Path | None:
    """The folder of the newest server on this machine."""
    places = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/opt/homebrew/opt").glob("postgresql*/bin")]
    places = sorted((place for place in places if (place / "initdb").exists()), key=lambda place: place.parent.name)
    if places:
        return places[-1]
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def why_not() -> str:
    """Why there can be no server here; empty if there can."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "the driver is not installed: install Terrace once more, with [postgres] behind its name"
    if binaries() is None:
        return "there is no PostgreSQL server on this machine (Debian, Ubuntu: apt install postgresql)"
    if os.getuid() == 0 and _other_user() is None:
        return "PostgreSQL does not run as root, and there is no user postgres or nobody"
    return ""


def _other_user() -> pwd.struct_passwd | None:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    return None


def _as_user() -> dict[str, Any]:
    """For `subprocess`: root becomes another."""
    user = _other_user() if os.getuid() == 0 else None
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@dataclass(frozen=True, slots=True)
class Server:
    """Runs until the process ends. Whoever connects by the socket is trusted; by TCP the password is asked for."""

    folder: Path
    port: int

    def url(self, database: str = "postgres", *, user: str = "terrace", options: str = "") -> str:
        return f"postgresql://{user}@/{database}?host={self.folder}&port={self.port}{options}"

    def tcp_url(self, database: str = "postgres", *, user: str = "terrace", password: str = PASSWORD) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def execute(self, sql: str, database: str = "postgres", *, user: str = "terrace") -> list[tuple[Any, ...]]:
        """Runs one statement on a connection of its own."""
        import psycopg

        with psycopg.connect(self.url(database, user=user), autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def new_database(self, template: str = "template0") -> str:
        """An empty database, or a copy of another nobody uses; its name."""
        name = f"t{os.getpid()}_{next(_NAMES)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    def drop_database(self, name: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def emptied(self, name: str) -> bool:
        """Ends whatever uses a store's database and deletes its rows. False: it has not the schema of this program."""
        import psycopg

        ((is_there, _),) = self.execute(
            f"SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = '{name}'), "
            f"(SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}')"
        )
        if not is_there:
            return False
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()").fetchall()
            ours = {table._meta.table_name for table in tables.TABLES} | {migrate.HISTORY}
            if {table for (table,) in found} != ours:
                return False
            done = connection.execute(f"SELECT name FROM {migrate.HISTORY} ORDER BY id".encode()).fetchall()
            if tuple(one for (one,) in done) != migrate.known():
                return False
            deletes = "; ".join(f"DELETE FROM {table}" for table in sorted(ours - {migrate.HISTORY}))
            connection.execute(f"DO $$ BEGIN SET session_replication_role = replica; {deletes}; END $$".encode())
        return True

    @property
    def pid(self) -> int:
        """Of the postmaster."""
        return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])


@cache
def server() -> Server:
    """The one server of this process, started when it is first asked for. Skips the test where there can be none."""
    why = why_not()
    if why:
        pytest.skip(why)
    guard = subprocess.Popen(
        [sys.executable, "-m", "tests.postgres"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    assert guard.stdin is not None
    assert guard.stdout is not None
    line = guard.stdout.readline().split()
    if len(line) != 2:
        guard.wait()
        pytest.fail("the PostgreSQL server did not start")
    stdin, stdout = guard.stdin, guard.stdout

    def end() -> None:
        stdin.close()
        guard.wait()
        stdout.close()

    atexit.register(end)
    return Server(Path(line[0]), int(line[1]))


def start(folder: Path, *, settings: dict[str, str] | None = None) -> tuple[subprocess.Popen[bytes], int]:
    """A server with its files in `folder`, made if they are not there; its process and port. It takes connections."""
    place = binaries()
    assert place is not None
    data = folder / "data"
    if not data.exists():
        password = folder / "password"
        password.write_text(PASSWORD)
        user = _as_user()
        if user:
            os.chown(folder, user["user"], user["group"])
            os.chown(password, user["user"], user["group"])
        subprocess.run(
            [
                *(place / "initdb", "-D", data, "-U", "terrace", "--pwfile", password, "-E", "UTF8"),
                *("--locale=C.UTF-8", "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            **user,
        )
    port = int((settings or {}).get("port") or free_port())
    wanted = {
        "fsync": "off",
        "full_page_writes": "off",
        "listen_addresses": "127.0.0.1",
        "max_connections": "200",
        "port": str(port),
        "unix_socket_directories": str(folder),
        **(settings or {}),
    }
    arguments = [word for name, value in wanted.items() for word in ("-c", f"{name}={value}")]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [place / "postgres", "-D", data, *arguments], stdout=log, stderr=log, cwd=folder, **_as_user()
        )
    ready, limit_s = place / "pg_isready", time.monotonic() + START_LIMIT_S
    while subprocess.run([ready, "-q", "-h", folder, "-p", str(port)], check=False).returncode:
        if process.poll() is not None or time.monotonic() > limit_s:
            process.kill()
            raise RuntimeError((folder / "log").read_text()[-2000:])
        time.sleep(0.02)
    return process, port


def stop(process: subprocess.Popen[bytes]) -> None:
    """At once, as far as its own processes let it."""
    process.send_signal(signal.SIGQUIT)
    process.wait()


def main() -> None:
    """Starts a server, says where it is, ends it when nobody holds the other end of our input any more."""
    folder = Path(tempfile.mkdtemp(prefix="terrace-postgres-"))
    process = None
    try:
        folder.chmod(0o755)
        process, port = start(folder)
        print(folder, port, flush=True)
        sys.stdin.read()
    finally:
        if process is not None:
            stop(process)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
