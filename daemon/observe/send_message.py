"""A program of its own that sends messages through apprise: `python -m daemon.observe.send_message`.

Each line of its input is one message as JSON (`url`, `title`, `text`, `severity`), each line of its output what came
of it (`error`, empty when it was sent). It ends with its input. A service that hangs, or answers with gigabytes, costs
this process and not the daemon's: it has bounds of its own and is ended from outside. No part of a URL comes out.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import sys
from contextlib import suppress
from typing import Any, TextIO

from daemon.observe.url_mask import without_url

MAX_MEMORY_BYTES = 1024 * 1024 * 1024
MAX_ERROR_CHARS = 300
NICENESS = 10

_KINDS = {"info": "info", "warning": "warning", "error": "failure", "critical": "failure"}


class Heard(logging.Handler):
    """Keeps the last complaint of apprise, which says why it failed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.words = ""

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(Exception):
            self.words = record.getMessage()


def main() -> int:
    _bound()
    messages, answers = sys.stdin, sys.stdout
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - Whatever a library prints is no answer.
    heard = Heard()
    logging.getLogger("apprise").addHandler(heard)
    logging.getLogger("apprise").propagate = False
    for line in messages:
        message = json.loads(line)
        heard.words = ""
        try:
            error = _send(message, heard)
        except (Exception, MemoryError) as failure:
            error = f"it failed: {type(failure).__name__}"
        _answer(answers, without_url(error, message["url"])[:MAX_ERROR_CHARS])
    return 0


def _send(message: dict[str, Any], heard: Heard) -> str:
    """Empty if it was sent."""
    import apprise

    sender = apprise.Apprise()
    if not sender.add(message["url"]):
        return f"apprise does not take this URL. {heard.words}".strip()
    sent = sender.notify(
        title=message["title"],
        body=message["text"],
        notify_type=_KINDS.get(message["severity"], "info"),
        body_format=apprise.NotifyFormat.TEXT,
    )
    return "" if sent else heard.words or "the service did not take it"


def _answer(answers: TextIO, error: str) -> None:
    answers.write(json.dumps({"error": error}) + "\n")
    answers.flush()


def _bound() -> None:
    """Not before trading, and not without end."""
    with suppress(OSError, ValueError):
        os.nice(NICENESS)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))


if __name__ == "__main__":
    sys.exit(main())
