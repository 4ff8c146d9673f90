"""The one printer: what a command answers, as JSON, YAML or text, on standard output.

JSON and YAML are the response message in proto field names, made friendly: enum prefixes stripped (`OPENED`), fields
that are zero, empty or false printed, what is unset and can be told apart from zero as `null`, 64-bit integers as
numbers, times in RFC 3339. Decimals are strings on the wire and pass through untouched.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from google.protobuf.message import Message

Row = TypeVar("Row")

_ENUM, _MESSAGE, _BYTES = 14, 11, 12  # FieldDescriptor.TYPE_*, which is costly to import.
GAP = 2
"""Columns between two columns of a table."""
SMALL_SCREEN = 80
"""On a screen narrower than this a row that does not fit becomes a block; a wider one shows it broken."""
LEAST_FREE = 16
"""Free text is not cut below this."""
_JOINS = ("Mn", "Me", "Cf")
EYE_PLACES = 8
"""Decimal places of a number in a table; an average may have dozens."""
_LONG_NUMBER = re.compile(rf"-?[0-9]+\.[0-9]{{{EYE_PLACES + 1},}}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@unique
class Format(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"


# --- messages as plain values


def plain(message: Message) -> dict[str, Any]:
    """The message as maps, lists, strings and numbers. Every field is there."""
    return {field.name: _field(message, field) for field in message.DESCRIPTOR.fields}


def enum_name(enum: Any, number: int) -> str:
    """The value's name without the prefix all values of its enum carry; the number where it has no name here."""
    value = enum.values_by_number.get(number)
    return str(number) if value is None else str(value.name).removeprefix(_prefix(enum.name))


def _prefix(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper() + "_"


def _field(message: Message, field: Any) -> Any:
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        value_field = entry.fields_by_name["value"]
        entries = sorted(getattr(message, field.name).items())  # A map on the wire has no order.
        return {str(key): _single(value_field, value) for key, value in entries}
    if field.is_repeated:
        return [_single(field, value) for value in getattr(message, field.name)]
    if field.has_presence and not message.HasField(field.name):
        return None
    return _single(field, getattr(message, field.name))


def _single(field: Any, value: Any) -> Any:
    if field.type == _MESSAGE:
        if field.message_type.full_name in ("google.protobuf.Timestamp", "google.protobuf.Duration"):
            return value.ToJsonString()
        return plain(value)
    if field.type == _ENUM:
        return enum_name(field.enum_type, value)
    if field.type == _BYTES:
        return value.decode("utf-8", "backslashreplace")
    return value


# --- text


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Generic[Row]):
    """One column of a table: its title and what stands in it. `wide` ones show only in `-o wide`."""

    title: str
    value: Callable[[Row], object]
    wide: bool = False
    right: bool = False
    free: bool = False
    """Holds free text, which a screen that is too narrow may cut. Whole in `-o wide` and into a pipe."""


def word(message: Message, field: str) -> str:
    """An enum field's friendly name, lower case as a reader likes it; empty where it is unset."""
    number = getattr(message, field)
    return "" if number == 0 else enum_name(message.DESCRIPTOR.fields_by_name[field].enum_type, number).lower()


def when(message: Message, field: str) -> str:
    """A time field to the second, as UTC (`Z` says so); empty where it is unset."""
    if not message.HasField(field):
        return ""
    text: str = getattr(message, field).ToDatetime().strftime("%Y-%m-%d %H:%M:%SZ")
    return text


def clean(value: object) -> str:
    """The value as one line that cannot steer a terminal."""
    return _CONTROL.sub(" ", "" if value is None else str(value))


def shown(value: object) -> str:
    """The value for a reader's eye: clean, and a number with at most `EYE_PLACES` decimal places. JSON has all."""
    text = clean(value)
    if not _LONG_NUMBER.fullmatch(text):
        return text
    from decimal import Context, Decimal

    rounded = Decimal(text).quantize(Decimal(1).scaleb(-EYE_PLACES), context=Context(prec=len(text)))
    return format(rounded, "f").rstrip("0").rstrip(".") if rounded else text


def amount(value: str, currency: str) -> str:
    """An amount with its currency, for a reader's eye; empty where there is none."""
    return f"{shown(value)} {currency}".strip() if value else ""


def in_words(code: str) -> str:
    """A stable code as words: `TRAILING_STOP` is `trailing stop`."""
    return code.replace("_", " ").lower()


def table(rows: Iterable[Row], columns: Sequence[Column[Row]], *, wide: bool = False, none: str = "") -> str:
    """The rows under their titles, in columns as wide as their contents.

    On a screen that is too narrow free text is cut, and what still does not fit a small one stands as blocks. Without
    rows `none` is said (on standard error: what it means and what comes next), and there is no text.
    """
    chosen = [column for column in columns if wide or not column.wide]
    cells = [[shown(column.value(row)) for column in chosen] for row in rows]
    if none and not cells:
        say(none)
        return ""
    room = 0 if wide else screen_columns()
    return layout([column.title for column in chosen], cells, chosen, room)


def layout(titles: Sequence[str], cells: list[list[str]], columns: Sequence[Column[Any]], room: int) -> str:
    """The table as text, for a screen of `room` columns; 0: as wide as it likes."""
    widths = [max(cells_of(line[index]) for line in [titles, *cells]) for index in range(len(titles))]
    if room:
        widths = _cut(
            widths, [cells_of(title) if column.free else 0 for title, column in zip(titles, columns, strict=True)], room
        )
        if sum(widths) + GAP * (len(widths) - 1) > room and room < SMALL_SCREEN and len(titles) > 2:
            return "\n\n".join(pairs(zip(titles, line, strict=True), room=room) for line in cells)
    return "\n".join(
        (" " * GAP)
        .join(fit(cell, width, right=column.right) for cell, width, column in zip(line, widths, columns, strict=True))
        .rstrip()
        for line in [list(titles), *cells]
    )


def _cut(widths: list[int], least: list[int], room: int) -> list[int]:
    """Narrower columns of free text, the widest first, none below `LEAST_FREE`; 0 in `least`: not to be cut."""
    found = list(widths)
    too_much = sum(found) + GAP * (len(found) - 1) - room
    while too_much > 0:
        spare = [
            (width - max(LEAST_FREE, small), index)
            for index, (width, small) in enumerate(zip(found, least, strict=True))
            if small
        ]
        most, index = max(spare, default=(0, 0))
        if most <= 0:
            break
        others = max((width for width, at in spare if at != index), default=0)
        step = min(too_much, max(most - max(others, 0), 1))
        found[index] -= step
        too_much -= step
    return found


def cells_of(text: str) -> int:
    """How many columns of a terminal the text takes: two for a wide character, none for one that joins the last."""
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    return sum(0 if category(letter) in _JOINS else 2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """The text in exactly `width` columns; what does not fit is cut, and `…` says so."""
    size = cells_of(text)
    if size > width:
        mark = "…" if _is_unicode() else "~"
        kept = ""
        for letter in text:
            if cells_of(kept + letter) > width - 1:
                break
            kept += letter
        text = kept.rstrip() + mark
        size = cells_of(text)
    space = " " * (width - size)
    return space + text if right else text + space


def pairs(facts: Iterable[tuple[str, object]], *, indent: str = "", room: int | None = None) -> str:
    """Facts one under the other, names aligned; those without a value are left out. Long ones go on below."""
    kept = [(name, shown(value)) for name, value in facts if value not in (None, "")]
    width = max((cells_of(name) for name, _ in kept), default=0)
    start = len(indent) + width + GAP
    room = screen_columns() if room is None else room
    left = room - start if room - start >= LEAST_FREE else 0
    below = "\n" + " " * start
    return "\n".join(
        f"{indent}{fit(name, width)}{' ' * GAP}{below.join(wrapped(value, left))}".rstrip() for name, value in kept
    )


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` columns, broken between words; 0: as it is."""
    if not width or cells_of(text) <= width:
        return [text]
    lines, line = [], ""
    for word_ in text.split(" "):
        longer = f"{line} {word_}" if line else word_
        if line and cells_of(longer) > width:
            lines.append(line)
            longer = word_
        line = longer
    return [*lines, line]


def screen_columns() -> int:
    """Columns of the terminal that is written to; 0 into a file or pipe, where nothing is cut."""
    try:
        if not sys.stdout.isatty():
            return 0
    except ValueError:  # It was closed.
        return 0
    import shutil

    return shutil.get_terminal_size((0, 0)).columns


# --- output


def emit(answer: Message | Mapping[str, Any], output: Format, text: Callable[[], str]) -> None:
    """Prints one answer. `text` makes the table where that is asked for."""
    if output in (Format.TABLE, Format.WIDE):
        found = text()
        if found:
            write(found + "\n")
        return
    values = answer if isinstance(answer, Mapping) else plain(answer)
    write(as_json(values) + "\n" if output is Format.JSON else as_yaml(values))


def as_json(values: Any, *, indent: int | None = 2) -> str:
    import json

    return json.dumps(values, indent=indent, ensure_ascii=not _is_unicode())


def as_yaml(values: Any) -> str:
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(values, Dumper=dumper, sort_keys=False, allow_unicode=_is_unicode(), width=120)
    return text


def write(text: str) -> None:
    """Data, on standard output. What the terminal cannot show is escaped, not an error."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


def say(message: str) -> None:
    """A message, on standard error: data stays clean for pipes."""
    encoding = sys.stderr.encoding or "utf-8"
    print(message.encode(encoding, "backslashreplace").decode(encoding), file=sys.stderr, flush=True)


def _is_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
