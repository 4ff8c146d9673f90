"""The bytes of an alert: decoded with exact numbers, its secret taken out before anything is stored (SIG-2, LOG-4)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from daemon.api.errors import FieldFault

MAX_BODY_BYTES = 64 * 1024
MAX_DEPTH = 8
MAX_INTEGER_CHARS = 400
"""Longer whole numbers are absurd (SIG-2); reading them would cost quadratic time."""
SECRET = "secret"
MASK = "****"


@dataclass(frozen=True, slots=True)
class Body:
    """A decoded body. `text` is what may be stored: as it arrived, or written anew without its secret."""

    tree: Any
    text: str


def decode(data: bytes) -> Body | FieldFault:
    """Reads JSON with numbers as `Decimal` or int. What is no JSON is a fault that names line and column (SIG-2)."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return FieldFault("", f"is not UTF-8 text: {_place(data[: error.start].decode())}")
    try:
        tree = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        return FieldFault("", f"is not JSON: line {error.lineno}, column {error.colno}: {_lower_first(error.msg)}")
    except RecursionError:
        return FieldFault("", "is nested too deeply")
    except _BadNumber as bad:
        return FieldFault("", f"holds an absurd number of {bad.chars} characters")
    if text.count("{") + text.count("[") > MAX_DEPTH and _is_deeper(tree, MAX_DEPTH):
        return FieldFault("", f"is nested deeper than {MAX_DEPTH} levels")
    return Body(tree, text)


def readable(data: bytes) -> str:
    """Text of a body that is no JSON, for the record, without what looks like a secret in it."""
    text = data.decode("utf-8", "replace").replace("\0", "\ufffd")
    return _LOOKS_SECRET.sub(lambda found: found[1] + MASK, text)


def without_secret(body: Body, values: frozenset[str] = frozenset()) -> Body:
    """The body without its `secret` and without every text equal to one of `values` (a mapped secret)."""
    if not isinstance(body.tree, dict) or (SECRET not in body.tree and not values):
        return body
    tree = {name: item for name, item in body.tree.items() if name != SECRET}
    hidden = values | _texts_of(body.tree.get(SECRET))
    if hidden:
        tree = _masked(tree, hidden)
    return Body(tree, "".join(_written(tree)))


def _texts_of(value: Any) -> frozenset[str]:
    return frozenset({value}) if isinstance(value, str) and value else frozenset()


def _masked(value: Any, hidden: frozenset[str]) -> Any:
    if isinstance(value, str):
        return MASK if value in hidden else value
    if isinstance(value, dict):
        return {name: _masked(item, hidden) for name, item in value.items()}
    return [_masked(item, hidden) for item in value] if isinstance(value, list) else value


def _written(value: Any) -> Iterator[str]:
    """JSON text with every number as exact as it was read."""
    if isinstance(value, Mapping):
        yield "{"
        for index, (name, item) in enumerate(value.items()):
            yield f"{', ' if index else ''}{json.dumps(name, ensure_ascii=False)}: "
            yield from _written(item)
        yield "}"
    elif isinstance(value, list):
        yield "["
        for index, item in enumerate(value):
            yield ", " if index else ""
            yield from _written(item)
        yield "]"
    elif isinstance(value, Decimal):
        yield _NOT_FINITE.get(str(value), str(value))
    else:
        yield json.dumps(value, ensure_ascii=False)


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether lists and maps are nested in more levels than these."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return inner is not None and (levels == 0 or any(_is_deeper(item, levels - 1) for item in inner))


_LOOKS_SECRET = re.compile(
    r"((?:secret|pass(?:word|phrase)?|token|api_?key)[\"']?\s*[:=]\s*)(?:\"[^\"]*\"?|'[^']*'?|[^\s,}]+)", re.IGNORECASE
)


class _BadNumber(Exception):
    def __init__(self, chars: int) -> None:
        super().__init__(f"a number of {chars} characters")
        self.chars = chars


def _fraction(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # An exponent no decimal can hold.
        raise _BadNumber(len(text)) from None


def _whole(text: str) -> int:
    if len(text) > MAX_INTEGER_CHARS:
        raise _BadNumber(len(text))
    return int(text)


_CONSTANTS = {"NaN": Decimal("NaN"), "Infinity": Decimal("Infinity"), "-Infinity": Decimal("-Infinity")}
"""Not JSON, yet written by many senders; the fields they stand in judge them (SIG-1, SIG-2)."""
_NOT_FINITE = {str(number): name for name, number in _CONSTANTS.items()}
_DECODER = json.JSONDecoder(parse_float=_fraction, parse_int=_whole, parse_constant=_CONSTANTS.__getitem__)


def _place(before: str) -> str:
    """Line and column behind this text, both from 1."""
    return f"line {before.count(chr(10)) + 1}, column {len(before) - (before.rfind(chr(10)) + 1) + 1}"


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
