"""`terrace log export`: stored events in a file or on standard output, as text, CSV or one JSON object a line."""

from __future__ import annotations

import csv
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from control.exits import ExitCode
from control.printer import as_json, plain, say
from control.session import PAGE_SIZE, Session, Stop

if TYPE_CHECKING:
    from protos.terrace.v1 import common_pb2, record_pb2

FILE_MODE = 0o600
SHOW_EVERY_S = 0.5
CSV_FIELDS = (
    "sequence",
    "time",
    "category",
    "severity",
    "type",
    "message",
    "signal_id",
    "group_id",
    "client_order_id",
    "account",
    "symbol",
    "timeframe",
    "attributes",
)
Write = Callable[["common_pb2.Event"], None]


def export_events(run: Session, request: record_pb2.ListEventsRequest, form: str, path: str, *, force: bool) -> None:
    """Newest first. `path` empty or `-`: standard output. Whoever interrupts it leaves no half a file."""
    if path in ("", "-"):
        _write(run, request, form, sys.stdout)
        return
    target = Path(path)
    if target.exists() and not force:
        raise Stop(f"{target} exists already (--force writes over it)", ExitCode.USAGE)
    with _draft(target) as file:
        count = _write(run, request, form, file)
    say(f"wrote {count} events to {target}")


@contextmanager
def _draft(target: Path) -> Iterator[TextIO]:
    """A file beside the target that takes its place once it is whole. Events may tell of money: it is private."""
    draft = target.with_name(f".{target.name}.part")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            yield file
        os.replace(draft, target)
    except OSError as error:
        raise Stop(f"{target}: {error.strerror or error}", ExitCode.FAILED) from None
    finally:
        draft.unlink(missing_ok=True)


def _write(run: Session, request: record_pb2.ListEventsRequest, form: str, file: TextIO) -> int:
    write = {"csv": _csv, "json": _json, "txt": _text}[form](file)
    shows = file is not sys.stdout and sys.stderr.isatty()
    count, next_s = 0, time.monotonic()
    for event in stored_events(run, request):
        write(event)
        count += 1
        if shows and time.monotonic() >= next_s:
            next_s = time.monotonic() + SHOW_EVERY_S
            sys.stderr.write(f"\r{count} events, down to {event.time.ToJsonString()}")
            sys.stderr.flush()
    if shows:
        sys.stderr.write("\r\033[K")
    file.flush()
    return count


def stored_events(run: Session, request: record_pb2.ListEventsRequest) -> Iterator[common_pb2.Event]:
    """Page after page."""
    from protos.terrace.v1 import record_pb2 as pb

    request.page_size = PAGE_SIZE
    while True:
        page = run.call(request, pb.ListEventsResponse)
        yield from page.events
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def _csv(file: TextIO) -> Write:
    out = csv.writer(file)
    out.writerow(CSV_FIELDS)

    def write(event: common_pb2.Event) -> None:
        values = plain(event)
        out.writerow([_harmless(_cell(values.get(name))) for name in CSV_FIELDS])

    return write


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return as_json(value, indent=None) if value else ""
    return str(value or "")


def _harmless(cell: str) -> str:
    """A cell that a spreadsheet does not take for a formula."""
    return "'" + cell if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def _json(file: TextIO) -> Write:
    return lambda event: _put(file, as_json(plain(event), indent=None))


def _text(file: TextIO) -> Write:
    from control.commands.log import line_of

    return lambda event: _put(file, line_of(event, wide=True))


def _put(file: TextIO, line: str) -> None:
    file.write(line + "\n")
