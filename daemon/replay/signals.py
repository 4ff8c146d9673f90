"""Recorded alerts: one JSON object a line, `time` in ms, `body` as it was sent, `source` where there are several.

    {"time": 1748736060000, "body": {"tv": {"exchange": "BINANCE", "symbol": "BTCUSDT", ...}}}

A body that is an object is taken over character by character, so that its numbers stay as exact as they were written;
one that is a string is the text that came in, which need not be JSON. Other fields of a line are left alone. Lines
stand in the order of time; equal times keep their order. `.jsonl.gz` is read too.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from daemon.api.body import MAX_BODY_BYTES
from daemon.replay.model import ReplayFault, TimedAlert

MAX_LINE_BYTES = 8 * MAX_BODY_BYTES
"""Room for the largest body as a string in which every byte is escaped."""
MAX_SIGNALS = 1_000_000
"""Most lines of one file: they are kept in memory."""
MAX_NAMED = 20
"""Skipped lines that are named one by one."""
MIN_TIME_MS, MAX_TIME_MS = 10**11, 10**14
"""Before 1973 it is a time in seconds, after the year 5000 one in microseconds."""
_WHITE = " \t\r\n"


class BadSignals(ReplayFault):
    """The file cannot be used. Words for a person: which file, which line, what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """A whole file."""

    name: str
    """Of the file, without its folder."""
    sha256: str
    """Of its bytes, unpacked."""
    alerts: tuple[TimedAlert, ...]
    skipped: tuple[str, ...] = ()
    """Why lines were left out, the first `MAX_NAMED` of them."""
    skipped_count: int = 0


def read_signals(path: Path, sources: Collection[str], *, skip_bad: bool = False) -> Signals:
    """Every alert of the file. `sources`: those of the config.

    A line names its source; else it is the only one configured; else the one the body itself names. BadSignals at the
    first bad line, unless they are to be skipped; one that is out of order counts as bad. A file without a single alert
    is a fault, too.
    """
    alerts: list[TimedAlert] = []
    skipped: list[str] = []
    digest, skipped_count, last_ms, last_number = sha256(), 0, 0, 0
    for number, line in _lines(path):
        digest.update(line)
        if not line.strip():
            continue
        try:
            alert = _read_line(line, sources)
            if alert.time_ms < last_ms:
                raise _Bad(
                    f"its time {alert.time_ms} is before {last_ms} of line {last_number}: put the lines in order"
                )
        except _Bad as bad:
            words = f"{path.name}:{number}: {bad}"
            if not skip_bad:
                raise BadSignals(f"{words} (--skip-bad leaves such lines out)") from None
            skipped_count += 1
            skipped += [words] if skipped_count <= MAX_NAMED else []
            continue
        if len(alerts) == MAX_SIGNALS:
            raise BadSignals(f"{path.name}:{number}: more than {MAX_SIGNALS} signals; split the file")
        alerts.append(alert)
        last_ms, last_number = alert.time_ms, number
    if not alerts:
        why = f": all {skipped_count} lines are faulty" if skipped_count else ""
        raise BadSignals(f"{path.name}: there is no signal in it{why}")
    return Signals(
        name=path.name,
        sha256=digest.hexdigest(),
        alerts=tuple(alerts),
        skipped=tuple(skipped),
        skipped_count=skipped_count,
    )


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of each line. Of one that is too long only the beginning, which its length makes bad."""
    number = 0
    try:
        with _opened(path) as file:
            is_rest = False
            while line := file.readline(MAX_LINE_BYTES + 1):
                if not is_rest:
                    number += 1
                    yield number, line
                is_rest = not line.endswith(b"\n")
    except (OSError, EOFError) as error:
        raise BadSignals(f"{path.name}: {getattr(error, 'strerror', None) or error}") from None


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


class _Bad(Exception):
    """Why a line cannot be used."""


def _read_line(line: bytes, sources: Collection[str]) -> TimedAlert:
    if len(line) > MAX_LINE_BYTES:
        raise _Bad(f"is longer than {MAX_LINE_BYTES} bytes")
    fields = _line_fields(line)
    time_ms, _ = fields.get("time", (None, ""))
    if type(time_ms) is not int:
        raise _Bad("its time must be a whole number of milliseconds since 1970")
    if not MIN_TIME_MS <= time_ms < MAX_TIME_MS:
        raise _Bad(f"its time {time_ms} is not in milliseconds since 1970")
    body, written = fields.get("body", (None, ""))
    if not isinstance(body, dict | str):
        raise _Bad("its body must be an object, or a string with what was sent")
    source = _source(fields.get("source", ("", ""))[0], body, sources)
    data = (written if isinstance(body, dict) else body).encode("utf-8", "surrogatepass")
    return TimedAlert(time_ms=time_ms, source=source, body=data)


def _line_fields(line: bytes) -> dict[str, tuple[Any, str]]:
    try:
        return _fields(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise _Bad("is not UTF-8 text") from None
    except RecursionError:
        raise _Bad("is nested too deeply") from None
    except ValueError as error:
        raise _Bad(f"is not a JSON object: {str(error).partition(': line')[0]}") from None


def _source(named: Any, body: Any, sources: Collection[str]) -> str:
    """What the line names, else the only one there is, else what the body names."""
    if not named and len(sources) == 1:
        return next(iter(sources))
    found = named or (body.get("source") if isinstance(body, dict) else None)
    if isinstance(found, str) and found in sources:
        return found
    shown = json.dumps(found, ensure_ascii=False)[:64] if found else "none"
    raise _Bad(f"its source must be one of {', '.join(sorted(sources))}, not {shown}")


_DECODER = json.JSONDecoder()


def _fields(text: str) -> dict[str, tuple[Any, str]]:
    """The object's fields, each as a value and as the characters it was written in. ValueError if it is no object."""
    at = _skip(text, 0)
    if text[at : at + 1] != "{":
        raise ValueError("it does not begin with {")
    fields: dict[str, tuple[Any, str]] = {}
    at = _skip(text, at + 1)
    while text[at : at + 1] != "}":
        if fields:
            at = _skip(text, _past(text, at, ","))
        name, at = _DECODER.raw_decode(text, at)
        if not isinstance(name, str):
            raise ValueError("a field's name is no string")
        if name in fields:
            raise ValueError(f"{name[:64]} stands in it twice")
        start = _skip(text, _past(text, _skip(text, at), ":"))
        value, at = _DECODER.raw_decode(text, start)
        fields[name] = (value, text[start:at])
        at = _skip(text, at)
    if text[at + 1 :].strip():
        raise ValueError("something follows the object")
    return fields


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _WHITE:
        at += 1
    return at


def _past(text: str, at: int, char: str) -> int:
    if text[at : at + 1] != char:
        raise ValueError(f"a {char} is missing at column {at + 1}")
    return at + 1
