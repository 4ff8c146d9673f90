"""The log: one JSON object per line on file, readable lines on a terminal (LOG-1).

Loggers are named `terrace.<category>`; every line has time, severity, category, message and the ids it is about
(`signal_id`, `group_id`, `client_order_id`, `account`, ...). Lines are written by a thread of the log's own: a slow
disk or terminal holds nobody up, and beyond a limit lines are dropped and counted.
"""

from __future__ import annotations

import logging
import queue
import sys
import time
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import ProcessorReturnValue, WrappedLogger

from daemon.config.daemon_settings import LoggingSettings
from daemon.observe.log_files import MB, LogFiles
from daemon.observe.masking import Masker

MAX_LINES_WAITING = 10_000
"""Lines that wait for the log's thread; beyond it they are dropped and counted."""
ROOT = "terrace"
OTHERS = "system"
"""Category of lines by libraries."""

_FIRST = ("time", "severity", "category", "message")


class Log:
    """The running log. Made once by the application, closed last."""

    def __init__(self, settings: LoggingSettings, masker: Masker, stream: TextIO | None = None) -> None:
        self._masker = masker
        stream = sys.stderr if stream is None else stream
        self.files = LogFiles(
            settings.file,
            rotate_bytes=settings.rotate_mb * MB,
            keep_days=settings.keep_days,
            keep_bytes=settings.keep_mb * MB,
            now_s=time.time,
        )
        self.files.setFormatter(self._formatter(_to_json))
        terminal = logging.StreamHandler(stream)
        terminal.setFormatter(self._formatter(_for_people(stream)))
        self._waiting: queue.Queue[Any] = queue.Queue(MAX_LINES_WAITING)
        self._entrance = _Entrance(self._waiting)
        self._listener = QueueListener(self._waiting, terminal, self.files)
        self._level = getattr(logging, settings.level.value.upper())

    @property
    def dropped_lines(self) -> int:
        return self._entrance.dropped + self.files.lost_lines

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
                structlog.stdlib.add_logger_name,
                structlog.stdlib.add_log_level,
                structlog.processors.ExceptionRenderer(),
                structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
            ],
            wrapper_class=structlog.stdlib.BoundLogger,
            logger_factory=structlog.stdlib.LoggerFactory(),
            cache_logger_on_first_use=False,
        )
        self._listener.start()

    def stop(self) -> None:
        """Writes what waits and closes the file."""
        logging.getLogger().removeHandler(self._entrance)
        self._listener.stop()
        self.files.close()

    def _formatter(self, render: Callable[..., str]) -> logging.Formatter:
        return structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, self._shape, render],
            foreign_pre_chain=[
                structlog.stdlib.add_logger_name,
                structlog.stdlib.add_log_level,
                structlog.processors.ExceptionRenderer(),
                _stamp,
            ],
        )

    def _shape(self, _logger: WrappedLogger, _method: str, fields: MutableMapping[str, Any]) -> ProcessorReturnValue:
        """Names, order and masks of a line, whoever wrote it."""
        name = str(fields.pop("logger", ""))
        kind, _, category = name.partition(".")
        line: dict[str, Any] = {
            "time": fields.pop("time", None) or _iso(time.time()),
            "severity": fields.pop("level", "info"),
            "category": fields.pop("category", None) or (category if kind == ROOT and category else OTHERS),
            "message": fields.pop("event", ""),
        }
        if kind != ROOT:
            line["logger"] = name
        line.update(fields)
        return self._masker.fields(line)


class _Entrance(QueueHandler):
    """Takes a line as it is, stamps it, and drops it where too many wait."""

    def __init__(self, waiting: queue.Queue[Any]) -> None:
        super().__init__(waiting)
        self.dropped = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        if isinstance(record.msg, dict):
            record.msg.setdefault("time", _iso(record.created))
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.dropped += 1


def _stamp(_logger: WrappedLogger, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    record = fields.get("_record")
    fields["time"] = _iso(record.created if record is not None else time.time())
    return fields


def _iso(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _to_json(_logger: WrappedLogger, _method: str, fields: MutableMapping[str, Any]) -> str:
    return orjson.dumps(fields, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _for_people(stream: TextIO) -> Callable[..., str]:
    """Readable lines where a person looks at them, JSON where a collector does."""
    if not stream.isatty():
        return _to_json

    def render(_logger: WrappedLogger, _method: str, fields: MutableMapping[str, Any]) -> str:
        exception = fields.pop("exception", None)
        head = f"{fields['time'][11:23]} {fields['severity']:<8} {fields['category']:<9} {fields['message']}"
        rest = " ".join(f"{name}={value}" for name, value in fields.items() if name not in _FIRST and value != "")
        return "\n".join(part for part in (f"{head}  {rest}".rstrip(), exception) if part)

    return render
