"""Points in time and periods, as a page gets them. Pure.

A point in time goes to the browser as milliseconds since 1970: the browser shows it in its own zone and counts from it.
"""

from __future__ import annotations

from google.protobuf.message import Message

from gui.show.numbers import THIN


def moment_ms(message: Message, name: str) -> str:
    """The time in this field as milliseconds; empty where it is not set."""
    if not message.HasField(name):
        return ""
    return str(getattr(message, name).ToMilliseconds())


def span(seconds: int) -> str:
    """A period as a person says it: `45 s`, `12 m 30 s`, `1 h 5 m`, `2 d 3 h`."""
    days, rest = divmod(max(seconds, 0), 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, left = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (left, "s")]
    first = next((at for at, (count, _) in enumerate(parts) if count), 3)
    told = [(count, unit) for count, unit in parts[first : first + 2] if count]
    return " ".join(f"{count}{THIN}{unit}" for count, unit in told) or f"0{THIN}s"
