"""The folder of `make package`: how it is put together, and the core's story told with its programs alone.

The story needs the folder: `make package` builds it and tells it. Where it is not built, that is said.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.install.packages import ROOMS, ROOT
from tests.install.story import (
    COMMAND_S,
    STOP_S,
    SYSTEM_PATH,
    Story,
    Up,
    Wrong,
    alert_all,
    filled,
    must_be_silent,
    until,
)
from tests.ports import free_ports

BUILT = ROOT / "dist" / "terrace"
NAMED = "TERRACE_TEST_EXECUTABLES"
"""Variable with the folder to try, however old it is."""
STRANGER = "nobody"
FIRST_MS = 1_748_736_000_000
HOURS = 8
TAIL_S = 4.0
"""Long enough to be under way; one that still loads its code ends in the same way."""
PAGES = ("/", "/positions")
FIRST_ALERT = {"tv": {"exchange": "BINANCE", "symbol": "BTCUSDT", "timeframe": "15", "close_price": 100}}


def why_not() -> str:
    """Why the story is not told; empty: it is."""
    if os.environ.get(NAMED):
        return ""
    if not (BUILT / "terrace").is_file():
        return "dist/terrace is not built (make package)"
    sources = [ROOT / "packaging" / "pyinstaller", *(ROOT / room for room in ROOMS)]
    newest = max(path.stat().st_mtime for source in sources for path in source.rglob("*.py"))
    if newest > (BUILT / "terrace").stat().st_mtime:
        return "dist/terrace is older than the source (make package)"
    return ""


needs_folder = pytest.mark.skipif(bool(why_not()), reason=why_not())


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who runs the programs: somebody else where this is root, with nothing in the environment."""

    home: Path
    user: int | None
    group: int | None

    def start(self, command: list[str], folder: Path, environ: dict[str, str], **streams: Any) -> subprocess.Popen[Any]:
        groups = None if self.user is None else list[int]()
        return subprocess.Popen(
            command, cwd=folder, env=environ, user=self.user, group=self.group, extra_groups=groups, **streams
        )

    def own(self, path: Path) -> Path:
        if self.user is not None and self.group is not None:
            os.chown(path, self.user, self.group)
        return path


class Tale(Story):
    """The story of a person: no PATH, no language, only a home and where to listen."""

    def __init__(self, programs: Path, person: Person) -> None:
        super().__init__(programs, person.home, free_ports(4))
        self.person = person
        ports = {name: value for name, value in self.environ.items() if name.startswith("TERRACE_")}
        self.environ = {"HOME": str(person.home), **ports}
        self.folder.mkdir(exist_ok=True)
        person.own(self.folder)

    def ask(
        self,
        program: str,
        *words: str,
        code: int | None = 0,
        stdin: bytes = b"",
        environ: Mapping[str, str] | None = None,
    ) -> tuple[str, str]:
        """Standard output and error of a program of the folder. `code`: what it must end with, None for any."""
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        whole = {**self.environ, **(environ or {})}
        process = self.person.start([str(self.bin / program), *words], self.folder, whole, **streams)
        try:
            out, err = process.communicate(stdin, timeout=COMMAND_S)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if code is not None and process.returncode != code:
            raise Wrong(f"{program} {words} ended with {process.returncode}, not {code}: {out!r} {err!r}")
        return out.decode(), err.decode()

    def run(self, *words: str, code: int = 0) -> str:
        return self.ask("terrace", *words, code=code)[0]

    @contextlib.contextmanager
    def up(self, *words: str) -> Iterator[PersonsUp]:
        up = PersonsUp(self, *words)
        try:
            yield up
        finally:
            up.kill()


class PersonsUp(Up):
    """`terrace up`, started by the person."""

    def __init__(self, tale: Tale, *words: str) -> None:
        self._log = tale.folder / "up.log"
        with self._log.open("wb") as log:
            self._process = tale.person.start(
                [str(tale.bin / "terrace"), "up", *words],
                tale.folder,
                tale.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def end(self) -> int:
        return self._process.wait(STOP_S)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """The folder, somewhere else, under a name with spaces; the person's home beside it."""
    built = Path(os.environ.get(NAMED) or BUILT).resolve()
    with tempfile.TemporaryDirectory(prefix="terrace ") as folder:
        found = Path(folder)
        found.chmod(0o755)
        shutil.copytree(built, found / "the programs", symlinks=True, copy_function=_linked)
        yield found


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@pytest.fixture
def tale(place: Path) -> Iterator[Tale]:
    home = Path(tempfile.mkdtemp(dir=place, prefix="home of somebody "))
    stranger = pwd.getpwnam(STRANGER) if os.geteuid() == 0 else None
    person = Person(
        home=home,
        user=stranger.pw_uid if stranger else None,
        group=stranger.pw_gid if stranger else None,
    )
    person.own(home)
    yield Tale(place / "the programs", person)
    shutil.rmtree(home)


def version() -> str:
    lines = (ROOT / "setup.cfg").read_text(encoding="utf-8").splitlines()
    return next(line.partition("=")[2].strip() for line in lines if line.startswith("version"))


def took(what: str, since: float) -> None:
    print(f"{what:32} {time.monotonic() - since:6.2f} s")


# --- the story ------------------------------------------------------------------------------------


@needs_folder
@pytest.mark.timeout(900)
def test_the_story_of_the_core_is_told_by_the_folder_alone(tale: Tale) -> None:
    before = stamps(tale.bin)
    assert tale.run("--version") == f"terrace {version()}\n"
    assert tale.ask("terraced", "--version")[0] == f"terraced {version()}\n"
    tale.run("init", "--paper")
    tale.run("config", "validate", "config.yaml")
    tale.ask("terraced", "--check")
    since = time.monotonic()
    with tale.up() as up:
        line = up.wait_for("curl -sS")
        took("terrace up, until all is ready", since)
        alert_all(tale, line)
        group = until(lambda: filled(tale), COMMAND_S, "no entry was filled", up.log)
        for _ in range(5):
            since = time.monotonic()
            tale.run("status")
            took("terrace status", since)
        reports(tale)
        tale.run("doctor")
        since = time.monotonic()
        look_at_pages(tale)
        took("panel: login and pages", since)
        back_up(tale)
        edit(tale)
        interrupted(tale)
        kill_the_daemon(tale)
        assert up.end() == 1, up.log()
    assert "killed by SIGKILL" in up.log()
    with tale.up() as up:
        up.wait_for("curl -sS")
        assert group["group_id"] in [one["group_id"] for one in tale.groups()]
        since = time.monotonic()
        up.stop()
        took("Ctrl-C, until all has ended", since)
    must_be_silent(tale)
    assert stamps(tale.bin) == before, "the programs write into their own folder"


def reports(tale: Tale) -> None:
    assert "realized" in json.dumps(json.loads(tale.run("report", "profit", "-o", "json")))
    json.loads(tale.run("report", "stats", "-o", "json"))
    assert '"ORDER"' in tale.run("log", "search", "-o", "json")


def look_at_pages(tale: Tale) -> None:
    """Login with the admin's token, pages as they are drawn, and a file of the panel's library."""
    token = (tale.data / "secrets" / "admin.token").read_text(encoding="ascii").strip()
    base = f"127.0.0.1:{tale.panel}"
    form = urllib.parse.urlencode({"token": token, "then": "/"})
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://{base}"}

    def logged_in() -> str:
        with contextlib.suppress(OSError):
            status, found, _ = fetch(base, "POST", "/login", form, headers)
            assert status in (302, 303), status
            return found["set-cookie"].partition(";")[0]
        return ""

    cookie = until(logged_in, COMMAND_S, "the panel does not answer", lambda: "")
    for page in PAGES:
        status, _, body = fetch(base, "GET", page, "", {"Cookie": cookie})
        assert status == 200, page
        assert "Terrace" in body
    scripts = re.findall(r"/(?:assets|static/terrace)/[\w./-]+\.js", body)
    assert len(scripts) > 1, "the page names no scripts"
    for script in (scripts[0], scripts[-1]):
        status, _, body = fetch(base, "GET", script, "", {"Cookie": cookie})
        assert status == 200, script
        assert body


def fetch(base: str, method: str, path: str, body: str, headers: dict[str, str]) -> tuple[int, dict[str, str], str]:
    connection = HTTPConnection(base, timeout=60)
    try:
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, found, answer.read().decode("utf-8", "replace")
    finally:
        connection.close()


def back_up(tale: Tale) -> None:
    made = json.loads(tale.run("backup", "create", "-o", "json"))
    name = next(str(value) for value in flat(made) if str(value).endswith(".backup"))
    (path,) = tale.data.rglob(name)
    assert "the backup is well" in tale.ask("terraced", "backup", "verify", str(path), "--config", "config.yaml")[0]


def flat(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from flat(inner)
    else:
        yield value


def edit(tale: Tale) -> None:
    """A program that is not ours is started with the libraries of the system, not with those of the folder."""
    editor = tale.folder / "editor"
    editor.write_text('#!/bin/sh\nenv > "$HOME/seen"\n')
    editor.chmod(0o755)
    seen = tale.person.home / "seen"
    given = {"EDITOR": shlex.quote(str(editor)), "PATH": SYSTEM_PATH}
    for own in (dict[str, str](), {"LD_LIBRARY_PATH": "/opt/own"}):
        tale.ask("terrace", "config", "edit", code=None, environ=given | own)
        found = dict(line.partition("=")[::2] for line in seen.read_text().splitlines())
        assert found.get("LD_LIBRARY_PATH") == own.get("LD_LIBRARY_PATH")
        assert [name for name in found if name.startswith("_PYI_")] == []


def interrupted(tale: Tale) -> None:
    """Ctrl-C in a command that goes on by itself."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    tail = tale.person.start([str(tale.bin / "terrace"), "log", "tail"], tale.folder, tale.environ, **streams)
    time.sleep(TAIL_S)
    tail.send_signal(signal.SIGINT)
    _, err = tail.communicate(timeout=COMMAND_S)
    assert tail.returncode in (0, 8), err  # 8 while it still loads its code; else it has shown what there was.
    assert b"Traceback" not in err


def kill_the_daemon(tale: Tale) -> None:
    os.kill(int((tale.data / "terrace.lock").read_text()), signal.SIGKILL)


def stamps(folder: Path) -> dict[str, int]:
    """File -> when it was last changed."""
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@needs_folder
@pytest.mark.timeout(300)
def test_the_folder_replays_a_recorded_day_alone_and_two_side_by_side(tale: Tale) -> None:
    (tale.folder / "past").mkdir()
    lines = ["timestamp_ms,open,high,low,close,volume"]
    for minute in range(60 * HOURS):
        price = 100 + (minute % 40) / 10
        lines.append(f"{FIRST_MS + 60_000 * minute},{price},{price + 0.1},{price - 0.1},{price},1000")
    (tale.folder / "past" / "BTCUSDT-1m.csv").write_text("\n".join(lines) + "\n")
    alert = {"time": FIRST_MS + 120_000, "body": {"tv": {**FIRST_ALERT["tv"], "action": "buy"}}}
    (tale.folder / "signals.jsonl").write_text(json.dumps(alert) + "\n")
    instruments = 'instruments: {BTC/USDT: {step_size: "0.001"}}'
    account = f'exchange: paper, symbols: [BTC/USDT], {instruments}, balances: {{USDT: "10000"}}'
    (tale.folder / "config.yaml").write_text(f"config_version: 1\naccounts: {{paper: {{{account}}}}}\n")
    tale.person.own(tale.folder / "config.yaml")
    given = ["--candles", "past", "--signals", "signals.jsonl"]
    assert "OPENED" in tale.run("replay", "--config", "config.yaml", *given)
    shutil.copy(tale.folder / "config.yaml", tale.folder / "other.yaml")
    assert "realized" in tale.run("replay", *given, "--compare", "config.yaml", "other.yaml")


@needs_folder
def test_the_folder_sends_messages_and_computes_ratios_in_processes_of_their_own(tale: Tale) -> None:
    heard: list[bytes] = []

    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"json://127.0.0.1:{server.server_port}"
        message = json.dumps({"url": url, "title": "a title", "text": "a text", "severity": "info"})
        out, _ = tale.ask("terraced", "-m", "daemon.observe.send_message", stdin=message.encode() + b"\n")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert json.loads(out) == {"error": ""}
    assert b"a text" in heard[0]
    out, _ = tale.ask("terraced", "-m", "daemon.reports.ratio_worker", stdin=b"[0.01, -0.02, 0.03]\n")
    assert json.loads(out)["sharpe"] > 0


@needs_folder
def test_nothing_is_missing_in_the_folder(tale: Tale) -> None:
    out, _ = tale.ask("terraced", "-m", "frozen_check")
    print(out)
    assert "FAILED" not in out
    assert "not on this system" not in out


@needs_folder
def test_the_folder_carries_nothing_of_the_machine_that_built_it_and_no_tool() -> None:
    folder = Path(os.environ.get(NAMED) or BUILT) / "_internal"
    names = {path.name.partition("-")[0] for path in folder.iterdir()}
    assert names & {"pytest", "_pytest", "hypothesis", "mypy", "PyInstaller", "tkinter", "tests", "playwright"} == set()
    told = [path for path in folder.glob("*.dist-info/*") if path.name in ("direct_url.json", "RECORD")]
    assert told == []
    assert list(folder.glob("grpcio-*.dist-info/**/LICENSE*")), "licences are missing"
