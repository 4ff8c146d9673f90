"""The command line as a process: quick, quiet, and at home in a terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from protos.terrace.v1 import common_pb2
from tests.control.conftest import ROOT, Home, Ran
from tests.control.fake_daemon import FakeDaemon, a_group

Terrace = Callable[..., Ran]
HEAVY = ("pydantic", "rich", "aiohttp", "gradio", "structlog", "jmespath", "sqlite3", "ccxt", "importlib.metadata")


def test_a_command_imports_only_what_it_needs(daemon: FakeDaemon, terrace: Terrace, home: Home) -> None:
    daemon.groups = [a_group()]
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "control", "group", "list"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=home.environ(),
        timeout=60,
        check=True,
    )
    assert "BTC/USDT" in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "protos.terrace.v1.group_pb2" in imported
    assert not imported & set(HEAVY)
    assert not [name for name in imported if name.startswith("protos.terrace.v1.") and "group" not in name
                and not name.endswith(("types_pb2", "common_pb2"))]  # fmt: skip


def test_the_exit_code_of_the_process_is_the_commands(daemon: FakeDaemon, terrace: Terrace) -> None:
    assert terrace("group", "show", "nope").code == 3
    assert terrace("group", "close").code == 2
    assert terrace("--version").out.startswith("terrace ")


def test_a_reader_that_goes_away_is_no_error(daemon: FakeDaemon, home: Home) -> None:
    daemon.groups = [a_group(f"g{n}") for n in range(3000)]
    done = subprocess.run(
        f"{sys.executable} -m control group list | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=home.environ(),
        timeout=60,
        check=False,
    )
    assert done.stdout.startswith("GROUP")
    assert done.stderr == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no full device")
def test_an_answer_that_cannot_be_written_is_a_failure_in_words(daemon: FakeDaemon, home: Home) -> None:
    daemon.groups = [a_group()]
    done = in_a_shell(f"{sys.executable} -m control group list > /dev/full", home)
    assert done.returncode == 1
    assert done.stderr == "terrace: the answer cannot be written: No space left on device\n"


def test_closed_standard_streams_are_no_error(daemon: FakeDaemon, home: Home) -> None:
    daemon.groups = [a_group()]
    done = in_a_shell(f"{sys.executable} -m control group list <&- >&-", home)
    assert (done.returncode, done.stderr) == (0, "")
    assert in_a_shell(f"{sys.executable} -m control group show nope 2>&-", home).returncode == 3


def in_a_shell(command: str, home: Home) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, shell=True, capture_output=True, text=True, cwd=ROOT, env=home.environ(), timeout=60, check=False
    )


def test_a_shell_is_told_what_could_follow(terrace: Terrace) -> None:
    found = terrace(_TERRACE_COMPLETE="complete_bash", COMP_WORDS="terrace group cl", COMP_CWORD="2")
    assert found.out.split() == ["close", "close-all"]


def test_work_without_a_daemon_is_handed_to_the_engines_own_program(terrace: Terrace, home: Home) -> None:
    home.write("pool: {max_open_gruops: 5}\n")
    ran = terrace("config", "validate")
    assert ran.code == 2
    assert "max_open_groups" in ran.out + ran.err


def test_what_is_handed_over_answers_programs_too_and_speaks_of_itself_as_terrace(terrace: Terrace, home: Home) -> None:
    home.write("config_version: 1\n")
    assert json.loads(terrace("token", "list", "-o", "json").out) == {"tokens": []}
    ran = terrace("db", "check", "-o", "json")
    assert (ran.code, ran.out) == (1, ""), "there is no store yet, which is said as words"
    assert "usage: terrace db" in terrace("db", "--help").out


def test_a_context_names_another_daemon(daemon: FakeDaemon, terrace: Terrace, home: Home) -> None:
    folder = home.folder / ".config" / "terrace"
    folder.mkdir(parents=True)
    token = home.data / "secrets" / "admin.token"
    (folder / "contexts.yaml").write_text(f"far: {{address: '{daemon.address}', token_file: {token}}}\n")
    home.write("api: {address: '127.0.0.1:1'}\n")
    assert terrace("--context", "far", "group", "list").code == 0
    assert terrace("--context", "near", "group", "list").code == 2
    assert terrace("group", "list").code == 5


def test_a_unix_socket_reaches_the_daemon(home: Home, terrace: Terrace) -> None:
    path = home.folder / "s"
    daemon = FakeDaemon(unix_path=str(path)).start()
    try:
        home.write("config_version: 1\n")
        assert terrace("--address", f"unix:{path}", "group", "list").code == 0
    finally:
        daemon.stop()


class _Terminal:
    """A command on a terminal of its own."""

    def __init__(self, home: Home, *arguments: str) -> None:
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # As on a terminal, wherever the tests themselves run.
            os.chdir(ROOT)
            environ = {**home.environ(), "TERM": "xterm", "LINES": "40", "COLUMNS": "140"}
            os.execve(sys.executable, [sys.executable, "-m", "control", *arguments], environ)
        self.text = ""

    def wait_for(self, text: str, timeout_s: float = 15.0) -> None:
        give_up = time.monotonic() + timeout_s
        while text not in self.text:
            assert time.monotonic() < give_up, self.text[-3000:]
            ready, _, _ = select.select([self.descriptor], [], [], 0.1)
            if ready:
                self.text += os.read(self.descriptor, 65536).decode("utf-8", "replace")

    def end(self) -> int:
        """Reads on until it is gone; the exit code."""
        try:
            while os.read(self.descriptor, 65536):
                pass
        except OSError:
            pass
        os.close(self.descriptor)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_watch_draws_follows_events_survives_a_restart_and_ends_with_q(daemon: FakeDaemon, home: Home) -> None:
    daemon.groups = [a_group()]
    screen = _Terminal(home, "watch", "--refresh", "60")
    screen.wait_for("1 of 10 groups")
    screen.wait_for("█████░░░░░  50%")
    daemon.groups = [*daemon.groups, a_group("g2")]
    daemon.events.append(common_pb2.Event(sequence=1, type="GROUP_OPENED"))
    screen.wait_for("2 of 10 groups")
    daemon.stop()
    try:
        daemon.events.clear()
        daemon.groups = []
    finally:
        time.sleep(0.3)
        daemon.start()
    screen.wait_for("0 of 10 groups")
    os.write(screen.descriptor, b"q")
    assert screen.end() == 0


def test_watch_says_that_it_reconnects_and_ends_with_ctrl_c(daemon: FakeDaemon, home: Home) -> None:
    screen = _Terminal(home, "watch", "--refresh", "0.3")
    screen.wait_for("0 of 10 groups")
    daemon.stop()
    try:
        screen.wait_for("reconnecting")
    finally:
        daemon.start()
    os.kill(screen.pid, signal.SIGINT)
    assert screen.end() == 0


def test_a_tail_goes_on_after_a_restart_of_the_daemon(daemon: FakeDaemon, home: Home) -> None:
    daemon.events = [common_pb2.Event(sequence=1, type="FIRST")]
    screen = _Terminal(home, "log", "tail")
    screen.wait_for("FIRST")
    daemon.stop()
    daemon.events.append(common_pb2.Event(sequence=2, type="MEANWHILE"))
    screen.wait_for("reconnecting")
    daemon.start()
    screen.wait_for("MEANWHILE")
    assert screen.text.count("FIRST") == 1
    os.kill(screen.pid, signal.SIGINT)
    assert screen.end() == 0
