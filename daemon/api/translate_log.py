"""Lines of the log as messages, and which of them a reader wants."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from daemon.api.errors import faulty_field
from daemon.api.translate import CATEGORY_OF, SEVERITIES, SEVERITY_OF, category, severity
from protos.terrace.v1 import record_pb2 as pb

IDS = ("signal_id", "group_id", "client_order_id", "account", "symbol", "timeframe")
_OWN = frozenset({"time", "severity", "category", "message", "logger", "attributes", *IDS})
MAX_ATTRIBUTES = 50
MAX_VALUE_CHARS = 4_000


def entry(line: Mapping[str, Any]) -> pb.LogEntry:
    message = pb.LogEntry(
        severity=severity(str(line.get("severity", ""))),
        category=category(str(line.get("category", ""))),
        message=_text(line.get("message", "")),
        logger=_text(line.get("logger", "")),
        attributes=dict(_attributes(line)),
    )
    message.time.FromJsonString(line["time"])
    for name in IDS:
        setattr(message, name, _text(line.get(name) or ""))
    return message


def _attributes(line: Mapping[str, Any]) -> list[tuple[str, str]]:
    further = line.get("attributes")
    found = {name: value for name, value in line.items() if name not in _OWN}
    if isinstance(further, Mapping):
        found.update(further)
    return [(str(name), _text(value)) for name, value in list(found.items())[:MAX_ATTRIBUTES]]


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text.encode("utf-8", "replace").decode()[:MAX_VALUE_CHARS]


def wanted(request: pb.TailLogsRequest) -> Callable[[Mapping[str, Any]], bool]:
    """Asked for every line, in the log's thread. All words of the text, in any order, in small or large letters."""
    categories = {word_of(CATEGORY_OF, number, "categories") for number in request.categories}
    least = word_of(SEVERITY_OF, request.min_severity, "min_severity") if request.min_severity else SEVERITIES[0]
    severities = frozenset(SEVERITIES[SEVERITIES.index(least) :])
    words = tuple(request.text.casefold().split())
    facts = [(name, value) for name in ("account", "symbol", "group_id") if (value := getattr(request, name))]

    def is_wanted(line: Mapping[str, Any]) -> bool:
        if line.get("severity") not in severities or (categories and line.get("category") not in categories):
            return False
        if any(line.get(name) != value for name, value in facts):
            return False
        text = str(line.get("message", "")).casefold() if words else ""
        return all(word in text for word in words)

    return is_wanted


def word_of(words: Mapping[int, str], number: int, field: str) -> str:
    """Of a value to filter by. INVALID_ARGUMENT for one that is unknown."""
    word = words.get(number)
    if word is None:
        raise faulty_field(field, f"{number} is not a value to filter by")
    return word
