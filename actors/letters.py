"""Messages as text for a person: what a dead letter shows of the message that stopped an actor (REC-2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from itertools import islice

TEXT_LIMIT = 20_000
"""Most characters of one message that are kept."""

DEPTH_LIMIT = 12
ITEMS_LIMIT = 200
"""Most items shown of one collection."""


def type_name(message: object) -> str:
    """What kind of message; for a batch the kinds in it, each once."""
    if isinstance(message, tuple):
        names = dict.fromkeys(type(item).__name__ for item in message)
        return f"batch of {', '.join(names)}"
    return type(message).__name__


def readable(message: object) -> str:
    """JSON of a message, decimals as plain strings, cut after `TEXT_LIMIT`. Never raises: a letter must be kept."""
    try:
        text = json.dumps(_plain(message, 0), ensure_ascii=False)
    except Exception as error:
        text = f"{type(message).__name__} that cannot be shown: {type(error).__name__}"
    return text if len(text) <= TEXT_LIMIT else text[:TEXT_LIMIT] + " ..."


def _plain(value: object, depth: int) -> object:
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    return "..." if depth >= DEPTH_LIMIT else _parts(value, depth)


def _parts(value: object, depth: int) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        shown = {field.name: _plain(getattr(value, field.name), depth + 1) for field in fields(value)}
        return {"_": type(value).__name__, **shown} if depth < 2 else shown
    if isinstance(value, Mapping):
        return {str(key): _plain(item, depth + 1) for key, item in islice(value.items(), ITEMS_LIMIT)}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, depth + 1) for item in islice(value, ITEMS_LIMIT)]
    return f"<{type(value).__name__}>"
