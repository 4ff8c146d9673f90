"""Values as YAML on one line, the way a person writes them into the file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum

from daemon.config.document import scalar
from daemon.config.section import Section

_PLAIN = re.compile(r"[A-Za-z0-9/_.][A-Za-z0-9/_.:+@~-]*(?<!:)")
"""What needs no quotes inside a list or map either."""


def as_yaml(value: object) -> str:
    """`"0.5"`, `null`, `[a, b]`, `{BTC/USDT: "1"}`: reads back as the same value. Takes sections and decimals too."""
    if isinstance(value, Section):
        value = {name: getattr(value, name) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(str(key), is_key=True)}: {as_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(as_yaml(item) for item in value) + "]"
    return _scalar(value)


def _scalar(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f'"{value:f}"'
    return str(value) if type(value) is int else _text(str(value.value if isinstance(value, Enum) else value))


def _text(text: str, *, is_key: bool = False) -> str:
    """In quotes where it would be read as something else. The keys of a map are text whatever they look like."""
    if _PLAIN.fullmatch(text) and (is_key or isinstance(scalar(text), str)):
        return text
    return json.dumps(text, ensure_ascii=False)
