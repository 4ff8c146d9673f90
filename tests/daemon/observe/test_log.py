"""The log: shape of its lines, masks, files."""

from __future__ import annotations

import io
import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from actors.messages import EventStored
from actors.rules.choices import World
from actors.rules.records import AddEvent
from daemon.config.daemon_settings import LoggingSettings
from daemon.config.schema_process import LogLevel
from daemon.observe import logging as observed
from daemon.observe.event_log import EventLog
from daemon.observe.log_files import DAY_S, LogFiles
from daemon.observe.logging import Log
from daemon.observe.masking import MASK, Masker
from daemon.observe.metrics import Metrics


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """The log takes the process's logging over; each test gives it back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def settings(folder: Path, level: LogLevel = LogLevel.INFO) -> LoggingSettings:
    return LoggingSettings(level=level, file=folder / "logs" / "t.jsonl", rotate_mb=50, keep_days=30, keep_mb=1000)


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "logs" / "t.jsonl").read_text(encoding="utf-8").splitlines()]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.rule("LOG-1")
def test_every_line_has_time_severity_category_message_and_its_ids_whoever_wrote_it(tmp_path: Path) -> None:
    stream = io.StringIO()
    log = Log(settings(tmp_path), Masker(), stream)
    log.start()
    structlog.stdlib.get_logger("terrace.order").info("filled", group_id="g1", client_order_id="c1")
    logging.getLogger("terrace.exchange").warning("slow %s", "venue")
    logging.getLogger("some.library").error("oops")
    structlog.stdlib.get_logger("terrace.order").debug("not shown at info")
    log.stop()
    first, second, third = lines(tmp_path)
    assert (first["severity"], first["category"], first["message"]) == ("info", "order", "filled")
    assert (first["group_id"], first["client_order_id"]) == ("g1", "c1")
    assert (second["severity"], second["category"], second["message"]) == ("warning", "exchange", "slow venue")
    assert (third["category"], third["logger"]) == ("system", "some.library")
    assert str(first["time"]).endswith("Z")
    assert stream.getvalue().count("\n") == 3
    assert json.loads(stream.getvalue().splitlines()[0]) == first


@pytest.mark.rule("LOG-1")
def test_a_terminal_gets_lines_for_people(tmp_path: Path) -> None:
    terminal = Terminal()
    log = Log(settings(tmp_path), Masker(), terminal)
    log.start()
    structlog.stdlib.get_logger("terrace.signal").info("signal opened", signal_id="s1", account="")
    log.stop()
    line = terminal.getvalue()
    assert "signal opened  signal_id=s1" in line
    assert not line.startswith("{")
    assert "account=" not in line


def test_an_exception_is_written_with_its_traceback(tmp_path: Path) -> None:
    log = Log(settings(tmp_path), Masker(), io.StringIO())
    log.start()
    try:
        raise ValueError("broken")
    except ValueError:
        structlog.stdlib.get_logger("terrace.system").exception("failed")
    log.stop()
    assert "ValueError: broken" in str(lines(tmp_path)[0]["exception"])


@pytest.mark.rule("LOG-4")
def test_no_secret_gets_into_the_log_by_name_by_look_or_by_value(tmp_path: Path) -> None:
    masker = Masker()
    masker.know(["correct-horse-battery", "short"])
    stream = io.StringIO()
    log = Log(settings(tmp_path), masker, stream)
    log.start()
    logger = structlog.stdlib.get_logger("terrace.security")
    logger.info("made correct-horse-battery", note="it is correct-horse-battery!")
    logger.info("call", authorization="Bearer abcdefghijk", api_key="AKIA1234567", token="t0ken-value")
    logger.info("header was 'authorization: Bearer abcdefghijklmnop'")
    logger.info("nested", details={"inner": {"password": "pa55word"}, "list": ["correct-horse-battery"]})
    logger.info('body {"secret": "hush-hush-hush"}')
    try:
        raise ValueError("bad correct-horse-battery")
    except ValueError:
        logger.exception("failed")
    logger.info("a short word stays", tokens=3, token="")
    log.stop()
    written = (tmp_path / "logs" / "t.jsonl").read_text(encoding="utf-8") + stream.getvalue()
    for secret in ("correct-horse", "abcdefghijk", "AKIA1234567", "t0ken-value", "pa55word", "hush-hush"):
        assert secret not in written, secret
    assert MASK in written
    assert "a short word stays" in written


def test_a_disk_that_takes_no_more_costs_lines_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be", encoding="utf-8")
    log = Log(settings(tmp_path), Masker(), io.StringIO())
    log.start()
    structlog.stdlib.get_logger("terrace.system").info("one")
    log.stop()
    assert log.dropped_lines == 1


def test_too_many_waiting_lines_are_dropped_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observed, "MAX_WAITING", 3)
    log = Log(settings(tmp_path), Masker(), io.StringIO())
    for number in range(10):
        log.put({"time": "", "severity": "info", "category": "system", "message": str(number)})
    log.start()
    log.stop()
    assert log.dropped_lines == 7
    assert [line["message"] for line in lines(tmp_path)] == ["0", "1", "2"]


# --- files -------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now_s


def write(files: LogFiles, text: str) -> None:
    files.write([text])


@pytest.mark.rule("LOG-2")
def test_files_are_rotated_by_size_and_nothing_is_lost(tmp_path: Path) -> None:
    clock = Clock()
    files = LogFiles(tmp_path / "l.jsonl", rotate_bytes=100, keep_days=30, keep_bytes=10_000, now_s=clock)
    for number in range(20):
        write(files, f"line {number:02d} {'x' * 20}")
    files.close()
    found = sorted(tmp_path.iterdir())
    assert len(found) > 3
    assert all(path.stat().st_size <= 100 for path in found)
    text = "".join(path.read_text(encoding="utf-8") for path in found)
    assert all(f"line {number:02d}" in text for number in range(20))
    assert all(path.stat().st_mode & 0o077 == 0 for path in found)


@pytest.mark.rule("LOG-2")
def test_a_new_day_begins_a_new_file(tmp_path: Path) -> None:
    clock = Clock()
    files = LogFiles(tmp_path / "l.jsonl", rotate_bytes=10_000, keep_days=30, keep_bytes=10_000, now_s=clock)
    write(files, "yesterday")
    clock.now_s += DAY_S
    write(files, "today")
    files.close()
    assert (tmp_path / "l.jsonl").read_text(encoding="utf-8") == "today\n"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.rule("LOG-2")
def test_old_files_go_by_age_and_by_total_size(tmp_path: Path) -> None:
    clock = Clock()
    clock.now_s = time.time()
    files = LogFiles(tmp_path / "l.jsonl", rotate_bytes=50, keep_days=2, keep_bytes=120, now_s=clock)
    ancient = tmp_path / "l.20200101T000000.jsonl"
    ancient.write_text("old\n", encoding="utf-8")
    os.utime(ancient, (0, 0))
    for number in range(10):
        write(files, f"{number} {'x' * 40}")
    files.close()
    assert not ancient.exists()
    rotated = [path for path in tmp_path.iterdir() if path.name != "l.jsonl"]
    assert sum(path.stat().st_size for path in rotated) <= 120
    assert (tmp_path / "l.jsonl").read_text(encoding="utf-8").startswith("9 ")


# --- events ------------------------------------------------------------------------------------------


@pytest.mark.rule("LOG-1")
def test_an_event_is_logged_with_its_ids_and_counted(tmp_path: Path) -> None:
    metrics = Metrics()
    log = Log(settings(tmp_path), Masker(), io.StringIO())
    log.start()
    event = AddEvent(
        time_ms=0,
        severity="warning",
        category="signal",
        type="signal.rejected",
        message="signal rejected",
        world=World.PAPER,
        account="paper",
        signal_id="s1",
        attributes={"reason": "NO_ROUTE"},
    )
    EventLog(log, metrics).put([EventStored(sequence=7, event=event)])
    log.stop()
    line = lines(tmp_path)[0]
    assert (line["category"], line["severity"], line["message"]) == ("signal", "warning", "signal rejected")
    assert (line["signal_id"], line["account"], line["world"], line["sequence"]) == ("s1", "paper", "paper", 7)
    assert "group_id" not in line
    page = metrics.text().decode()
    assert 'terrace_signals_total{outcome="rejected"} 1.0' in page
    assert 'terrace_events_total{category="signal",severity="warning"} 1.0' in page
