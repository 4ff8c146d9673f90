"""What is wrong with an alert's body whatever its fields mean: depth, placeholders, characters, numbers (SIG-2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

MAX_DEPTH = 8
"""Levels of objects and lists, the body itself counted."""
MAX_FAULTS = 100
"""Most faults one answer lists; a last one says how many more there are."""
MAX_EXPONENT = 308
"""Numbers nobody reads need only be ones that JSON readers can hold."""
MAX_SHOWN_CHARS = 64
SECRET = "secret"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One faulty field of a body: where it is and what is wrong with it, in words for a person."""

    path: str
    """`tv.symbol`, `levels[0].price`; empty: the body as a whole."""
    problem: str

    def __str__(self) -> str:
        return f"{self.path or 'body'}: {self.problem}"


def shown(text: str) -> str:
    """Text from outside, quoted, cut and made printable."""
    cut = text if len(text) <= MAX_SHOWN_CHARS else text[:MAX_SHOWN_CHARS] + "..."
    return ascii(cut) if not cut.isprintable() else f'"{cut}"'


def limited(faults: list[Fault]) -> tuple[Fault, ...]:
    """The faults, cut at `MAX_FAULTS`."""
    if len(faults) <= MAX_FAULTS:
        return tuple(faults)
    rest = len(faults) - (MAX_FAULTS - 1)
    return (*faults[: MAX_FAULTS - 1], Fault(path="", problem=f"and {rest} more faults"))


def scan(body: Mapping[str, Any]) -> Iterator[Fault]:
    """Faults found anywhere in the body, unknown fields included, in the order of the body.

    Nothing below the allowed depth is looked at. NaN passes: in an optional field it means absent (SIG-1).
    """
    pending: list[tuple[str, int, Any]] = [("", 1, body)]
    while pending:
        path, depth, value = pending.pop()
        if isinstance(value, Mapping | list | tuple):
            if depth > MAX_DEPTH:
                yield Fault(path=path, problem=f"is nested more than {MAX_DEPTH} levels deep")
                continue
            children = list(_children(path, value))
            yield from (fault for child, name, _ in children if name for fault in _text_faults(child, name))
            pending.extend((child, depth + 1, item) for child, _, item in reversed(children))
        elif isinstance(value, str):
            yield from _text_faults(path, value)
        elif isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            yield from _number_faults(path, value)


def _children(path: str, value: Mapping[str, Any] | list[Any] | tuple[Any, ...]) -> Iterator[tuple[str, str, Any]]:
    """Path, own name (empty in lists) and value of everything directly inside."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            name = str(key)
            yield (f"{path}.{_step(name)}" if path else _step(name)), name, item
    else:
        for index, item in enumerate(value):
            yield f"{path}[{index}]", "", item


def _step(name: str) -> str:
    """A field's name as part of a path."""
    return name if name.isprintable() and len(name) <= MAX_SHOWN_CHARS else shown(name)


def _text_faults(path: str, text: str) -> Iterator[Fault]:
    if not _storable(text):
        yield Fault(path=path, problem="holds characters that are not text")
        return
    for placeholder in _placeholders(text):
        what = "" if path == SECRET else f" {shown(placeholder)}"
        yield Fault(path=path, problem=f"holds an unexpanded placeholder{what}")


def _storable(text: str) -> bool:
    """Lone surrogates and NUL cannot be written by every store."""
    if text.isascii():
        return "\0" not in text
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _placeholders(text: str) -> Iterator[str]:
    """Every `{{...}}`. Each character is looked at a fixed number of times, whatever the text."""
    start = text.find("{{")
    while start >= 0:
        end = text.find("}}", start + 2)
        if end < 0:
            return
        yield text[start : end + 2]
        start = text.find("{{", end + 2)


def _number_faults(path: str, number: int | float | Decimal) -> Iterator[Fault]:
    value = Decimal(repr(number)) if isinstance(number, float) else number
    if isinstance(value, int):
        if abs(value) >= 10**MAX_EXPONENT:
            yield Fault(path=path, problem="is absurdly large")
    elif value.is_infinite():
        yield Fault(path=path, problem="is not finite")
    elif value.is_finite() and value and abs(value.adjusted()) > MAX_EXPONENT:
        yield Fault(path=path, problem="is absurdly large or small")
