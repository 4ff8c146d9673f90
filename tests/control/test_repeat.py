"""`--watch`, and Ctrl-C at any moment."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from control.exits import ExitCode
from tests.control.conftest import ROOT, Home, Ran
from tests.control.fake_daemon import FakeDaemon, Refusal, a_group
from tests.control.test_cli_process import _Terminal

Terrace = Callable[..., Ran]


def test_a_watched_list_is_drawn_again_waits_for_the_daemon_and_ends_clean(daemon: FakeDaemon, home: Home) -> None:
    daemon.groups = [a_group()]
    screen = _Terminal(home, "group", "list", "--watch", "0.5")
    screen.wait_for("g1")
    screen.wait_for("Ctrl-C ends")
    daemon.groups = [a_group("g2")]
    screen.wait_for("g2")
    daemon.stop()
    try:
        screen.wait_for("cannot be reached")
    finally:
        daemon.groups = [a_group("g3")]
        daemon.start()
    screen.wait_for("g3")
    os.kill(screen.pid, signal.SIGINT)
    screen.wait_for("\x1b[?25h\x1b[?1049l")  # The terminal is as before, and the last frame stays.
    assert screen.end() == 0
    assert "Traceback" not in screen.text


def test_a_polite_end_leaves_the_terminal_as_it_was(daemon: FakeDaemon, home: Home) -> None:
    screen = _Terminal(home, "status", "--watch")
    screen.wait_for("Ctrl-C ends")
    os.kill(screen.pid, signal.SIGTERM)
    screen.wait_for("\x1b[?25h\x1b[?1049l")
    assert screen.end() == 128 + signal.SIGTERM


def test_into_a_pipe_a_frame_is_written_when_it_differs(daemon: FakeDaemon, home: Home) -> None:
    daemon.groups = [a_group()]
    command = [sys.executable, "-m", "control", "group", "list", "-o", "json", "--watch", "0.5"]
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=home.environ(), cwd=ROOT
    )
    try:
        assert running.stdout is not None
        first = _until(running, '"g1"')
        asked = len(daemon.requests)
        _wait(lambda: len(daemon.requests) >= asked + 2)
        daemon.groups = [a_group("g2")]
        assert (first + _until(running, '"g2"')).count('"g1"') == 1, "the same frame was written twice"
    finally:
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=20)
    assert (running.returncode, "Traceback" in out + err) == (0, False)


def test_what_waiting_cannot_mend_ends_it(daemon: FakeDaemon, terrace: Terrace) -> None:
    ran = terrace("group", "show", "nope", "--watch")
    assert (ran.code, "no group nope" in ran.err) == (ExitCode.NOT_FOUND, True)
    daemon.refusals["ListGroups"] = Refusal(grpc.StatusCode.PERMISSION_DENIED, "needs viewer", "ROLE_TOO_LOW")
    assert terrace("group", "list", "--watch").code == ExitCode.NOT_PERMITTED


def test_ctrl_c_while_code_is_loaded_is_a_word_and_no_traceback(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "typer.py").write_text("import time\nprint('loading', flush=True)\ntime.sleep(60)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    screen = _Terminal(home, "group", "list")
    screen.wait_for("loading")
    os.kill(screen.pid, signal.SIGINT)
    screen.wait_for("interrupted")
    assert screen.end() == ExitCode.CANCELLED
    assert "Traceback" not in screen.text


def test_a_shell_completes_what_the_daemon_knows(daemon: FakeDaemon, terrace: Terrace) -> None:
    daemon.groups = [a_group("g1"), a_group("g27")]

    def completed(words: str) -> list[str]:
        count = str(len(words.split(" ")) - 1)
        return terrace(_TERRACE_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=count).out.split()

    assert completed("terrace group close g") == ["g1", "g27"]
    assert completed("terrace group list --account pa") == ["paper"]
    assert completed("terrace group list --symbol BTC") == ["BTC/USDT"]
    daemon.stop()
    ran = terrace(_TERRACE_COMPLETE="complete_bash", COMP_WORDS="terrace group close g", COMP_CWORD="3")
    assert (ran.out.strip(), ran.err) == ("", "")


def _until(running: subprocess.Popen[str], text: str, timeout_s: float = 15.0) -> str:
    assert running.stdout is not None
    found, give_up = "", time.monotonic() + timeout_s
    while text not in found:
        assert time.monotonic() < give_up, found[-500:]
        ready, _, _ = select.select([running.stdout], [], [], 0.1)
        if ready:
            found += os.read(running.stdout.fileno(), 65536).decode()
    return found


def _wait(is_so: Callable[[], bool], timeout_s: float = 15.0) -> None:
    give_up = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.02)
