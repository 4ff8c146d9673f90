"""Reads the fields of an alert one by one and collects what is wrong with them (SIG-1, SIG-2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from actors.rules.alert_scan import SECRET, Fault, shown
from actors.rules.money import parse_decimal

MAX_NAME_CHARS = 128
"""Longest exchange, symbol, source, trade id or alert name."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MS = int((datetime(2000, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds()) * 1000
_LAST_MS = int((datetime(2100, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds()) * 1000
_SECONDS_BELOW = 100_000_000_000
"""Epoch numbers below this are seconds, others milliseconds."""


class FieldReader:
    """One body's fields by path. Every read that fails adds a fault and answers None, so that all are found.

    Paths in `faulty` have a fault already and are not judged again.
    """

    def __init__(self, body: Mapping[str, Any], faulty: frozenset[str]) -> None:
        self._body = body
        self._faulty = faulty
        self.faults: list[Fault] = []

    def section(self, name: str) -> None:
        """Checks that a part of the body is an object, if it is there."""
        value = self._body.get(name)
        if not _is_absent(value) and not isinstance(value, Mapping):
            self.fault(name, f"must be an object, not {_kind(value)}")

    def text(self, path: str, *, required: bool = False, limit: int | None = MAX_NAME_CHARS) -> str | None:
        """A string, spaces around it dropped. With a limit it is a name: short and printable."""
        value = self._take(path, required=required)
        if value is None:
            return None
        if not isinstance(value, str):
            self.fault(path, f"must be a string, not {_kind(value)}")
            return None
        text = value.strip()
        if limit is not None and len(text) > limit:
            self.fault(path, f"is longer than {limit} characters")
            return None
        if limit is not None and path != SECRET and not text.isprintable():
            self.fault(path, "holds characters that cannot be printed")
            return None
        return text

    def word(self, path: str, allowed: tuple[str, ...], *, required: bool = False) -> str | None:
        """One of a few words, in any case."""
        text = self.text(path, required=required)
        if text is None or text.lower() in allowed:
            return text and text.lower()
        self.fault(path, f"must be one of {', '.join(allowed)}, not {shown(text)}")
        return None

    def number(self, path: str) -> Decimal | None:
        """An optional number or numeric string of any sign."""
        value = self._take(path, required=False)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
            self.fault(path, f"must be a number, not {_kind(value)}")
            return None
        number = parse_decimal(repr(value) if isinstance(value, float) else value)
        if number is None:
            self.fault(path, f"is not a usable number{f': {shown(value)}' if isinstance(value, str) else ''}")
            return None
        return number

    def price(self, path: str) -> Decimal | None:
        """An optional number above zero."""
        number = self.number(path)
        if number is not None and number <= 0:
            self.fault(path, "must be above zero; leave it out or null if there is none")
            return None
        return number

    def amount(self, path: str, *, most: Decimal | None = None) -> Decimal | None:
        """An optional number, zero or more."""
        number = self.number(path)
        if number is not None and number < 0:
            self.fault(path, "must not be negative")
            return None
        if number is not None and most is not None and number > most:
            self.fault(path, f"must not be above {most}")
            return None
        return number

    def time_ms(self, path: str) -> int | None:
        """An optional ISO 8601 time (UTC if it names no zone), or epoch seconds or milliseconds."""
        value = self._take(path, required=False)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
            self.fault(path, f"must be a time, not {_kind(value)}")
            return None
        number = parse_decimal(repr(value) if isinstance(value, float) else value)
        found = _epoch_ms(number) if number is not None else _iso_ms(value) if isinstance(value, str) else None
        if found is None:
            self.fault(path, "must be an ISO 8601 time, or epoch seconds or milliseconds")
            return None
        if not _FIRST_MS <= found < _LAST_MS:
            self.fault(path, "is not a plausible time")
            return None
        return found

    def fault(self, path: str, problem: str) -> None:
        """Adds a fault, unless the field has one already."""
        if path not in self._faulty:
            self.faults.append(Fault(path=path, problem=problem))

    def _take(self, path: str, *, required: bool) -> Any:
        """The value at a path, None if absent or faulty already."""
        if path in self._faulty:
            return None
        value: Any = self._body
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        if _is_absent(value):
            if required:
                self.fault(path, "is missing" if value is None else "is empty")
            return None
        return value


def _is_absent(value: Any) -> bool:
    """NaN, empty strings and null mean absent (SIG-1)."""
    if isinstance(value, str):
        return value.strip().lower() in ("", "nan")
    if isinstance(value, float):
        value = Decimal(value)
    return value is None or (isinstance(value, Decimal) and value.is_nan())


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    return "a string" if isinstance(value, str) else "a number"


def _epoch_ms(number: Decimal) -> int:
    return int(number * 1000) if abs(number) < _SECONDS_BELOW else int(number)


def _iso_ms(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    passed = moment - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1000 + passed.microseconds // 1000
