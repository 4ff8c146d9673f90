"""Values as the text of a column, and back, exactly.

Decimals are plain (non-exponent) text with every digit kept, enums are their words, times stay whole milliseconds.
Whole settings and instruments are JSON; the same few are written with every change of a group, so their text is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import TypeVar

import orjson

from actors.rules.model import Instrument
from actors.rules.plain import from_plain, to_plain
from actors.rules.settings import StrategySettings

MAX_SNAPSHOTS = 4096
"""Most different settings and instruments whose text is kept in memory."""

E = TypeVar("E", bound=Enum)
T = TypeVar("T")


def every_store_takes(text: str) -> str:
    """Words of others, a caller or an exchange, without the letters that PostgreSQL, or no database, takes. Who could
    have a line of the audit trail refused by them would leave no trace (LOG-3)."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def number(value: Decimal) -> str:
    """The decimal as plain text. ValueError if it is not finite: that is never money."""
    if not value.is_finite():
        raise ValueError(f"{value} cannot be stored")
    text = str(value)
    return text if "E" not in text else format(value, "f")


def number_or_null(value: Decimal | None) -> str | None:
    return None if value is None else number(value)


def read_number_or_null(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def words(enum: type[E]) -> Mapping[str, E]:
    """The members of an enum by the word that stands in a column."""
    return {member.value: member for member in enum}


def json_object(value: Mapping[str, str]) -> str:
    return orjson.dumps(dict(value)).decode() if value else "{}"


def read_json_object(text: str) -> dict[str, str]:
    found: dict[str, str] = orjson.loads(text)
    return found


def json_list(value: Sequence[str]) -> str:
    return orjson.dumps(list(value)).decode() if value else "[]"


def read_json_list(text: str) -> tuple[str, ...]:
    return () if text == "[]" else tuple(orjson.loads(text))


def json_value(value: object) -> str:
    """Any value of the model as JSON (`plain`)."""
    return orjson.dumps(to_plain(value)).decode()


def read_json_value(cls: type[T], text: str) -> T:
    return from_plain(cls, orjson.loads(text))


class SnapshotTexts:
    """JSON of values that are stored again and again, looked up by identity. The values must be immutable."""

    def __init__(self, limit: int = MAX_SNAPSHOTS) -> None:
        self._limit = limit
        self._known: dict[int, tuple[object, str]] = {}

    def text(self, value: object) -> str:
        known = self._known.get(id(value))
        if known is not None:  # The value is held here, so its id cannot have passed to another.
            return known[1]
        text = json_value(value)
        if len(self._known) >= self._limit:
            self._known.clear()
        self._known[id(value)] = (value, text)
        return text


@lru_cache(maxsize=MAX_SNAPSHOTS)
def read_settings(text: str) -> StrategySettings:
    """Equal texts give one shared value: a thousand groups of one strategy hold its settings once."""
    return from_plain(StrategySettings, orjson.loads(text))


@lru_cache(maxsize=MAX_SNAPSHOTS)
def read_instrument(text: str) -> Instrument:
    return from_plain(Instrument, orjson.loads(text))
