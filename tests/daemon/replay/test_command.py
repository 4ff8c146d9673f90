"""`terraced replay` and `terrace replay` as processes: what is printed where, exit codes, files that are whole."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.__main__ import main
from daemon.replay.command import Interrupt, write_whole
from daemon.replay.model import Progress
from tests.daemon.replay.past import Past, body

Said = pytest.CaptureFixture[str]
FILES = ["candles", "config.yaml", "report.json", "signals.jsonl"]


def test_the_summary_goes_to_stdout_and_the_speed_to_stderr(past: Past, capsys: Said) -> None:
    out = past.folder / "report.json"
    assert past.main("--out", str(out)) == 0
    said = capsys.readouterr()
    assert "realized      7.0046 USDT" in said.out
    assert "candles in" in said.err
    assert "\r" not in said.err
    assert json.loads(out.read_text(encoding="utf-8"))["totals"][0]["realized"] == "7.0046"
    assert sorted(path.name for path in past.folder.iterdir()) == FILES


def test_terrace_hands_it_on_as_it_stands(past: Past) -> None:
    command = [sys.executable, "-m", "control", "--config", str(past.config), *past.arguments()[:1]]
    files = ["--candles", str(past.candles), "--signals", str(past.signals), "--out", "-"]
    done = subprocess.run([*command, *files], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["totals"][0]["realized"] == "7.0046"
    assert not (past.folder / "data").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda past: past.signals.write_text("nonsense\n"), "signals.jsonl:1: is not a JSON object"),
        (lambda past: past.signals.unlink(), "signals.jsonl: No such file"),
        (lambda past: past.config.write_text("pool: {max_open_groups: -1}\n"), "pool.max_open_groups"),
        (lambda past: past.config.unlink(), "cannot be read"),
        (lambda past: [path.unlink() for path in past.candles.iterdir()], "no file named like BTCUSDT-1m.csv"),
        (lambda past: (past.candles / "BTCUSDT-1m.csv").write_text("1,2\n"), "BTCUSDT-1m.csv:1: expected"),
    ],
)
def test_what_is_faulty_ends_with_two_and_says_what(
    past: Past, capsys: Said, change: Callable[[Past], object], words: str
) -> None:
    change(past)
    out = past.folder / "report.json"
    assert past.main("--out", str(out)) == 2
    assert words in capsys.readouterr().err
    assert not out.exists()


def test_a_report_that_could_not_be_written_is_said_before_the_work(past: Past, capsys: Said) -> None:
    past.signals.unlink()
    assert past.main("--out", str(past.folder / "nowhere" / "report.json")) == 2
    assert "there is no folder" in capsys.readouterr().err
    assert past.main("--out", str(past.candles)) == 2
    assert "is a folder, not a file" in capsys.readouterr().err


def test_usage_is_checked(past: Past) -> None:
    for arguments in (["replay"], past.arguments("--nonsense"), past.arguments("--seed", "x")):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2


def long_past(past: Past) -> None:
    """Takes a few seconds: something happens all the time."""
    past.write_candles([str(100 + number % 7) for number in range(60_000)])
    past.write_signals([(minute + 0.5, body(price=str(100 + minute % 7))) for minute in range(0, 59_000, 10)])


def on_terminal(past: Past, *more: str) -> tuple[subprocess.Popen[bytes], int]:
    """The process, and what reads its terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "daemon", *past.arguments(*more)],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env={**os.environ, "COLUMNS": "100"},
    )
    os.close(theirs)
    return process, ours


def said_until(terminal: int, words: str) -> str:
    """Up to these words, or to the end."""
    seen = ""
    while not words or words not in seen:
        try:
            some = os.read(terminal, 4096)
        except OSError:
            break
        if not some:
            break
        seen += some.decode()
    return seen


def test_ctrl_c_ends_with_130_and_leaves_what_was_there(past: Past) -> None:
    long_past(past)
    out = past.folder / "report.json"
    out.write_text("before", encoding="utf-8")
    process, terminal = on_terminal(past, "--out", str(out))
    said_until(terminal, "candles/s")
    process.send_signal(signal.SIGINT)
    said = said_until(terminal, "")
    os.close(terminal)
    assert process.wait(60) == 130
    assert "interrupted; nothing was written" in said
    assert out.read_text(encoding="utf-8") == "before"
    assert sorted(path.name for path in past.folder.iterdir()) == FILES


def test_an_interrupt_that_went_lost_is_heeded_at_the_next_sign_of_progress() -> None:
    interrupt, shown = Interrupt(), list[Progress]()
    show = interrupt.heeded(shown.append)
    progress = Progress(candles=1, total_candles=2, now_ms=3, alerts=0, live_groups=0, step="replaying")
    show(progress)
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    with pytest.raises(KeyboardInterrupt):
        show(progress)
    assert shown == [progress]


def test_on_a_terminal_a_bar_moves_and_is_gone_in_the_end(past: Past) -> None:
    past.write_candles([str(100 + number % 7) for number in range(3_000)])
    past.write_signals([(minute + 0.5, body(price=str(100 + minute % 7))) for minute in range(0, 2_900, 30)])
    process, terminal = on_terminal(past)
    text = said_until(terminal, "")
    os.close(terminal)
    assert process.wait(60) == 0
    assert "candles/s  ETA " in text
    assert "100 %" in text
    assert "candles in" in text.rstrip().split("\r")[-1]
    assert max(len(line) for line in text.replace("\n", "\r").split("\r")) < 100


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.json"
    write_whole(path, "one")

    def fails(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, "two")
    assert path.read_text(encoding="utf-8") == "one"
    assert [each.name for each in tmp_path.iterdir()] == ["report.json"]


def test_ctrl_c_ends_it_with_one_line_whenever_it_comes(past: Past) -> None:
    """While code is loaded, and while the two processes of a comparison are started. Until its first line runs it is
    not heard, as where `terrace` hands it over.
    """
    long_past(past)
    compares = ("--compare", str(past.config), str(past.config))
    for arguments, wait_s in (((), 0), ((), 0.2), ((), 0.4), (compares, 0.3), (compares, 0.9), (compares, 1.2)):
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        process = subprocess.Popen(
            [sys.executable, "-m", "daemon", *past.arguments(*arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        time.sleep(wait_s)
        os.killpg(process.pid, signal.SIGINT)  # A terminal tells the children, too.
        said, _ = process.communicate(timeout=60)
        assert (process.returncode, said) == (130, "terraced replay: interrupted; nothing was written\n"), wait_s


def test_terrace_replay_speaks_of_itself_by_that_name(past: Past) -> None:
    past.candles = past.folder / "nope"
    command = [sys.executable, "-m", "control", *past.arguments()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (2, f"terrace replay: {past.candles}: there is no such file or folder\n")
    assert past.terraced().stderr.startswith("terraced replay: ")


def test_a_config_beside_a_comparison_is_said_to_play_no_part(past: Past, capsys: Said) -> None:
    compares = ("--compare", str(past.config), str(past.config))
    assert past.main(*compares) == 0
    assert "plays no part" not in capsys.readouterr().err
    assert past.main(*compares, "--config", str(past.folder / "none.yaml")) == 0
    assert "--config plays no part beside --compare" in capsys.readouterr().err
