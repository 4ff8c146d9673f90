"""An alert's body as JSON: read without trust, faults with their place, the secret cut out.

The bytes that go on are the sender's own except for the secret: numbers keep their digits, fields their order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]
from typing import Any

from control.forwarder.alert import FieldFault

MAX_BODY_BYTES = 64 * 1024
MAX_DEPTH = 8
MAX_FAULTS = 30
MASK_FROM_LENGTH = 8
"""A secret shorter than this is cut where a secret stands, but not searched for in other words."""

_STRING = r'"(?:[^"\\]|\\.)*+"?'
"""A string token; one that never ends is taken whole, so that no text is scanned twice."""
_STRINGS = re.compile(_STRING, re.DOTALL)
_TOKENS = re.compile(_STRING + r"|[\[\]{},:]", re.DOTALL)
_SPACE = re.compile(r"[ \t\n\r]*")
_PLACEHOLDER = re.compile(r"\{\{[^{}]{0,200}\}\}")
_MASK = '"****"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A body that is a JSON object. Numbers in `tree` are Decimals (bare NaN and Infinity too)."""

    text: str
    tree: dict[str, Any]


def read_body(raw: bytes) -> Body | tuple[FieldFault, ...]:
    """The body, or every reason why it is none. Never raises."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _place(raw[: error.start].decode("utf-8", "replace"))
        return (FieldFault(path="", reason="NOT_UTF8", message="not UTF-8 text", line=line, column=column),)
    too_deep = _too_deep(text)
    if too_deep is not None:
        return _nesting(text, too_deep)
    try:
        tree = _decoder.decode(text)
    except JSONDecodeError as error:
        message = f"not JSON: {error.msg[0].lower()}{error.msg[1:]}"
        fault = FieldFault(path="", reason="NOT_JSON", message=message, line=error.lineno, column=error.colno)
        return (fault, *_placeholders(text))
    if not isinstance(tree, dict):
        message = f"must be a JSON object, found {_kind(tree)}"
        return (FieldFault(path="", reason="WRONG_TYPE", message=message, line=1, column=1),)
    return Body(text=text, tree=tree)


def cut_secrets(body: Body, secrets: Iterable[str], *, mapped: Iterable[str] = ()) -> bytes:
    """The body without secrets: the member `secret` is gone, a secret's text is masked wherever else it stands.

    `mapped`: what the source reads its secret from is another field: that is masked however short it is.
    """
    text = _without_member(body.text, "secret")
    sought = tuple(secret for secret in secrets if len(secret) >= MASK_FROM_LENGTH)
    sought += tuple(secret for secret in mapped if secret)
    if sought:
        text = _STRINGS.sub(lambda token: _masked(token[0], sought), text)
    return text.encode()


def _placeholders(text: str) -> list[FieldFault]:
    """Every unexpanded `{{...}}` of a text that is no JSON: mostly the reason why it is none."""
    found = []
    for match in _PLACEHOLDER.finditer(text):
        line, column = _place(text[: match.start()])
        message = f"unexpanded placeholder {match[0]}"
        path = _path_at(text, match.start())
        found.append(FieldFault(path=path, reason="PLACEHOLDER", message=message, line=line, column=column))
        if len(found) == MAX_FAULTS:
            break
    return found


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # An exponent beyond what a Decimal holds: absurd either way.
        return Decimal("Infinity")


_decoder = json.JSONDecoder(parse_float=_number, parse_int=_number, parse_constant=Decimal)


def _place(before: str) -> tuple[int, int]:
    """Line and column of what follows this text, both from 1."""
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _too_deep(text: str) -> int | None:
    """Where the nesting passes the limit; None where it does not."""
    depth = 0
    for token in _TOKENS.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return token.start()
        elif token[0] in "]}":
            depth -= 1
    return None


def _nesting(text: str, start: int) -> tuple[FieldFault, ...]:
    line, column = _place(text[:start])
    message = f"nested deeper than {MAX_DEPTH} levels"
    fault = FieldFault(path=_path_at(text, start), reason="TOO_DEEP", message=message, line=line, column=column)
    return (fault,)


def _path_at(text: str, start: int) -> str:
    """The path of the value that begins at `start`, as far as the text before it is JSON."""
    steps: list[str | int] = []
    key = ""
    for token in _TOKENS.finditer(text, 0, start):
        sign = token[0]
        if sign == "{":
            steps.append("")
        elif sign == "[":
            steps.append(0)
        elif sign in "]}":
            steps[-1:] = []
        elif sign == "," and steps and isinstance(steps[-1], int):
            steps[-1] += 1
        elif sign == ":" and steps and isinstance(steps[-1], str):
            steps[-1] = key
        elif sign[0] == '"':
            key = sign[1:-1]
    return _dotted(steps)


def _dotted(steps: list[str | int]) -> str:
    path = ""
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path[:200]


def _kind(value: Any) -> str:
    names = {list: "a list", str: "text", Decimal: "a number", bool: "true or false", type(None): "null"}
    return names.get(type(value), "something else")


def _without_member(text: str, name: str) -> str:
    """The object's text without its members of this name. The text is known to be one JSON object."""
    kept: list[str] = []
    is_cut = False
    at = _skip(text, _skip(text, 0) + 1)
    while text[at] != "}":
        start = at
        key, at = scanstring(text, at + 1, True)
        at = _skip(text, _skip(text, at) + 1)  # Over the colon.
        _, at = _decoder.raw_decode(text, at)
        if key == name:
            is_cut = True
        else:
            kept.append(text[start:at])
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return "{" + ", ".join(kept) + "}" if is_cut else text


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()


def _masked(token: str, secrets: tuple[str, ...]) -> str:
    if "\\" in token:
        value, _ = scanstring(token, 1, True)
    else:
        value = token[1:-1]
    return _MASK if any(secret in value for secret in secrets) else token
