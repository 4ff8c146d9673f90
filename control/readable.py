"""Log lines for people: a line of JSON as `13:39:10Z warning  what happened  name=value`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from control.printer import clean

_HEAD = ("time", "severity", "category", "message", "program")


def readable_line(line: str) -> str:
    """The line for a person; as it is where it is no log line."""
    if not line.startswith("{"):
        return line
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return line
    return readable(found) if isinstance(found, dict) and "message" in found else line


def readable(entry: Mapping[str, Any]) -> str:
    """One log entry: time of day (UTC), severity, message, then whatever else it says."""
    time = str(entry.get("time", ""))
    rest = " ".join(f"{name}={_short(value)}" for name, value in entry.items() if name not in _HEAD and value != "")
    head = f"{time[11:19] + 'Z' if len(time) > 11 else ''} {entry.get('severity', '')!s:8} {entry.get('message', '')}"
    return clean(f"{head}  {rest}" if rest else head)


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
