"""Keys of the configuration as text for a terminal, and as data for programs (`config explain`)."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from daemon.config.describe import KeyDescription

WIDTH = 100
_LABEL = 10


def in_words(key: KeyDescription) -> str:
    """The key, what it means, and its facts one below the other."""
    lines = [key.path, *textwrap.wrap(key.help, WIDTH, initial_indent="  ", subsequent_indent="  ")]
    for label, text in facts(key):
        indent = " " * (_LABEL + 2)
        wrapped = textwrap.wrap(text, WIDTH, subsequent_indent=indent, initial_indent=indent, break_long_words=False)
        lines.append(f"  {label:<{_LABEL}}{chr(10).join(wrapped).lstrip()}")
    return "\n".join(lines)


def facts(key: KeyDescription) -> Iterator[tuple[str, str]]:
    """Label and text of everything that is to be said of the key besides its help."""
    yield "kind", kind_in_words(key)
    if key.allowed and key.kind != "FLAG":
        yield "allowed", ", ".join((*key.allowed, "null") if key.nullable else key.allowed)
    if key.kind != "SECTION":
        yield "default", key.default or NEEDED
    if key.value:
        yield "in force", key.value
    if key.example and key.example != key.default:
        yield "example", key.example
    if key.kind != "SECTION":
        yield "change", "waits for the next start" if key.restart_required else "taken while the daemon runs"
    if key.rule:
        yield "rule", key.rule


NEEDED = "none, it must be there"
KINDS = {
    "SECTION": "section",
    "MAP": "map",
    "LIST": "list",
    "TEXT": "text",
    "FLAG": "true or false",
    "WHOLE": "whole number",
    "DECIMAL": "decimal in quotes",
    "WORD": "word",
    "PATH": "path",
    "ADDRESS": "address",
    "SECRET": "reference to a secret: env:NAME, file:PATH, keyring:, systemd: or vault:",
}


def kind_in_words(key: KeyDescription) -> str:
    """`decimal in quotes, above 0 to 100 %, or null`."""
    text = KINDS[key.kind]
    if key.minimum or key.maximum:
        of = " of" if key.kind in ("MAP", "LIST") else ","
        text += f"{of} {key.minimum} to {key.maximum}{f' {key.unit}' if key.unit else ''}"
    if key.nullable and not (key.allowed and key.kind != "FLAG"):
        text += ", or null"
    return text


def sections(keys: Sequence[KeyDescription]) -> str:
    """The top level, a line each."""
    top = [key for key in keys if "." not in key.path]
    wide = max(len(key.path) for key in top)
    lines = []
    for key in top:
        lines += textwrap.wrap(f"{key.path:<{wide}}  {key.help}", WIDTH, subsequent_indent=" " * (wide + 2))
    return "\n".join([*lines, "", "Name one of them, or a key in it, to hear more: config explain risk.timer_start"])


def as_data(keys: Sequence[KeyDescription], form: str) -> str:
    """Named as in the contract's DescribeConfigResponse; `form` is json or yaml."""
    data: dict[str, Any] = {"keys": [_fields(key) for key in keys]}
    if form == "json":
        return json.dumps(data, indent=2, ensure_ascii=False)
    text: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=WIDTH)
    return text.rstrip("\n")


def _fields(key: KeyDescription) -> dict[str, Any]:
    return {
        "path": key.path,
        "help": key.help,
        "kind": key.kind,
        "unit": key.unit,
        "minimum": key.minimum,
        "maximum": key.maximum,
        "allowed": list(key.allowed),
        "default_value": key.default,
        "value": key.value,
        "nullable": key.nullable,
        "restart_required": key.restart_required,
        "rule": key.rule,
        "example": key.example,
    }
