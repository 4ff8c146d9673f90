"""The log: one JSON object per line on file, readable lines on a terminal (LOG-1).

Loggers are named `terrace.<category>`; every line has time, severity, category, message and the ids it is about
(`signal_id`, `group_id`, `client_order_id`, `account`, ...). Whoever logs only hands a line over: one thread shapes,
masks and writes what has come in, many lines at once, so that neither a slow disk nor the work itself holds up the
engine. Beyond a limit lines are dropped and counted.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any, TextIO

import orjson
import structlog

from daemon.config.daemon_settings import LoggingSettings
from daemon.observe.log_files import MB, LogFiles
from daemon.observe.masking import Masker
from daemon.observe.tail import LogTail

MAX_WAITING = 10_000
"""Lines, or deliveries of events, that wait for the log's thread."""
MAX_AT_ONCE = 1_000
PAUSE_S = 0.02
"""Between two rounds of the log's thread: lines gather, and the engine's threads are woken less often."""
COMPRESS_LIMIT_S = 5.0
"""How long the stop waits for a file that is being compressed; it is done over by the next process."""
ROOT = "terrace"
OTHERS = "system"
"""Category of lines by libraries."""

_SEVERITIES = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}
_FIRST = ("time", "severity", "category", "message")

Line = dict[str, Any]
Lines = Callable[[], Iterable[Line]]
"""Makes lines when the log's thread asks for them."""


class Log:
    """The running log. Made once by the application, closed last."""

    def __init__(self, settings: LoggingSettings, masker: Masker, stream: TextIO | None = None) -> None:
        self._masker = masker
        self._stream = sys.stderr if stream is None else stream
        self._for_people = self._stream.isatty()
        self._files = LogFiles(
            settings.file,
            rotate_bytes=settings.rotate_mb * MB,
            keep_days=settings.keep_days,
            keep_bytes=settings.keep_mb * MB,
            now_s=time.time,
            compress=True,
        )
        self._level = getattr(logging, settings.level.value.upper())
        self._waiting: SimpleQueue[Line | Lines | None] = SimpleQueue()
        self._entrance = _Entrance(self.put)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._dropped = 0
        self.tail = LogTail()
        """The newest lines, for those who look on."""

    @property
    def dropped_lines(self) -> int:
        return self._dropped + self._files.lost_lines

    def start(self) -> None:
        """From here on everything that is logged in the process comes here."""
        root = logging.getLogger()
        for handler in list(root.handlers):
            root.removeHandler(handler)
        root.addHandler(self._entrance)
        root.setLevel(max(self._level, logging.WARNING))
        logging.getLogger(ROOT).setLevel(self._level)
        logging.captureWarnings(True)
        structlog.configure(
            processors=[
                structlog.stdlib.filter_by_level,
                structlog.processors.ExceptionRenderer(),
                structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
            ],
            wrapper_class=structlog.stdlib.BoundLogger,
            logger_factory=structlog.stdlib.LoggerFactory(),
            cache_logger_on_first_use=False,
        )
        self._thread.start()

    def stop(self) -> None:
        """Writes what waits and closes the file."""
        logging.getLogger().removeHandler(self._entrance)
        self._stopping.set()
        self._waiting.put(None)
        if self._thread.is_alive():
            self._thread.join()
        self._files.finish(COMPRESS_LIMIT_S)

    def put(self, line: Line | Lines) -> None:
        """A line with its final names, or what makes some later. Any thread; never waits."""
        if self._waiting.qsize() >= MAX_WAITING:
            self._dropped += 1
        else:
            self._waiting.put(line)

    def takes(self, severity: str) -> bool:
        """Whether lines of this severity are written at all."""
        return bool(getattr(logging, severity.upper(), logging.INFO) >= self._level)

    # --- the log's own thread ---------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._write(self._take(wait=True))
            self._stopping.wait(PAUSE_S)
        while rest := self._take(wait=False):
            self._write(rest)

    def _take(self, *, wait: bool) -> list[Line | Lines]:
        taken: list[Line | Lines] = []
        try:
            while len(taken) < MAX_AT_ONCE:
                item = self._waiting.get() if wait and not taken else self._waiting.get_nowait()
                if item is None:
                    break
                taken.append(item)
        except Empty:
            pass
        return taken

    def _write(self, items: Sequence[Line | Lines]) -> None:
        lines = [self._masked(line) for item in items for line in ([item] if isinstance(item, dict) else item())]
        if not lines:
            return
        texts = [orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode() for line in lines]
        self._files.write(texts)
        self.tail.put(lines)
        shown = [_readable(line) for line in lines] if self._for_people else texts
        try:
            self._stream.write("".join(f"{text}\n" for text in shown))
            self._stream.flush()
        except (OSError, ValueError):  # Nobody reads it any more.
            self._dropped += len(shown)

    def _masked(self, line: Line) -> Line:
        return self._masker.fields(line)


class _Entrance(logging.Handler):
    """Turns records of structlog and of plain loggers into lines, in the thread that logs."""

    def __init__(self, put: Callable[[Line], None]) -> None:
        super().__init__()
        self._put = put

    def emit(self, record: logging.LogRecord) -> None:
        kind, _, category = record.name.partition(".")
        is_ours = kind == ROOT and bool(category)
        fields: Line = dict(record.msg) if isinstance(record.msg, dict) else _plain(record)
        line: Line = {
            "time": iso(record.created),
            "severity": _SEVERITIES.get(record.levelno, "info"),
            "category": fields.pop("category", None) or (category if is_ours else OTHERS),
            "message": fields.pop("event", ""),
        }
        if not is_ours:
            line["logger"] = record.name
        line.update(fields)
        self._put(line)


def _plain(record: logging.LogRecord) -> Line:
    fields: Line = {"event": record.getMessage()}
    if record.exc_info and record.exc_info[1] is not None:
        fields["exception"] = "".join(traceback.format_exception(*record.exc_info))
    return fields


def iso(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _readable(line: Line) -> str:
    """`14:03:07.120 info     signal    signal opened  signal_id=... group_id=...`"""
    exception = line.get("exception")
    head = f"{line['time'][11:23]} {line['severity']:<8} {line['category']:<9} {line['message']}"
    names = (name for name in line if name not in _FIRST and name != "exception" and line[name] != "")
    rest = " ".join(f"{name}={line[name]}" for name in names)
    return "\n".join(part for part in (f"{head}  {rest}".rstrip(), exception) if part)
