"""A command that the engine's sentences name is a button here: `terrace engine resume` say. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gui.live.topics import Cell, Row, Snapshot

WAYS: Mapping[str, str] = {
    "account check": "“Check now” (System)",
    "account drift": "“Differences” (System)",
    "account list": "“Accounts” (System)",
    "account refresh": "“Fetch from the exchange now” (Settings, Accounts and precision)",
    "account resolve": "“Differences” (System)",
    "alert list": "the notices under the bar",
    "alert notifications": "“Notifications” (Settings)",
    "alert test": "“Send a test” (Settings, Notifications)",
    "backup": "“Backups” (Settings)",
    "config validate": "“Check” (Editor)",
    "db check": "“Check” (System)",
    "diag dump": "“Download diagnostics” (System)",
    "doctor": "the page System",
    "engine dead-letters": "“Dead letters” (System)",
    "engine lift-limit": "“Lift the limit” (Dashboard)",
    "engine pause": "“Pause entries” (Dashboard)",
    "engine restart": "“Start again” (System)",
    "engine resume": "“Resume entries” (Dashboard)",
    "engine resume --account": "“Resume its entries” (Dashboard)",
    "engine retry": "“Dead letters” (System)",
    "engine status": "the page System",
    "group close": "“Close…” of the group (Positions)",
    "group list": "the page Positions",
    "group show": "the group's ladder (Positions)",
    "queue force-add": "“Force…” (Queue)",
    "queue list": "the page Queue",
    "risk history": "“History” (Risk)",
    "risk run": "“Run now…” (Risk)",
    "risk show": "“Candidates” (Risk)",
    "risk unblock": "“Unblock” (Risk)",
    "secret list": "“Secrets” (Settings)",
    "secret set": "“Secrets” (Settings)",
    "signal show": "the alert's story (Signals)",
    "signal check": "“Try an alert” (Signals)",
    "status": "the dashboard",
}
"""By the command's beginning; of several that fit the longest counts. A command that is not here is the command line's
alone and stays as it is."""
_LONGEST_FIRST = "|".join(re.escape(command) for command in sorted(WAYS, key=len, reverse=True))
_QUOTED = re.compile(rf"`terrace ({_LONGEST_FIRST})(?: [^`]*)?`")
_BARE = re.compile(rf"(?:^|(?<=\())terrace ({_LONGEST_FIRST})(?: [^)]*)?(?=$|\))")

_CODE = re.compile(r"(?:^|(?<=; ))MAX_[A-Z_]+: ")
"""Which limit it is, before words that say so too."""
_TIME = re.compile(r"\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d)?Z\b")


def in_panel(text: str) -> str:
    """The engine's sentence with the panel's own ways in the place of commands, without the codes of limits, and with
    times as people read them."""
    if not _concerns(text):
        return text
    text = _TIME.sub(r"\1 \2 UTC", _CODE.sub("", text))
    return _BARE.sub(_way, _QUOTED.sub(_way, text))


def _concerns(text: str) -> bool:
    return "terrace " in text or "MAX_" in text or "Z" in text


def _way(found: re.Match[str]) -> str:
    return WAYS[found[1]]


def rows_in_panel(rows: Snapshot) -> Snapshot:
    """Rows of the engine's sentences. A row that names no command is handed back as it is."""
    return {name: _row(row) for name, row in rows.items()}


def _row(row: Row) -> Row:
    if not any(_concerns(cell if isinstance(cell, str) else cell[0]) for cell in row.values()):
        return row
    return {key: cell if key in AS_IT_CAME else _cell(cell) for key, cell in row.items()}


AS_IT_CAME = frozenset({"body", "value", "content"})
"""Cells that show what somebody else wrote."""


def _cell(cell: Cell) -> Cell:
    return in_panel(cell) if isinstance(cell, str) else (in_panel(cell[0]), *cell[1:])


SPOKEN = ("said", "lines", "note", "checks", "decisions", "message", "remedy")
"""What of an answer to a press is sentences; the rest may be a file or a value."""


def answer_in_panel(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _spoken(value) if key in SPOKEN else value for key, value in answer.items()}


def _spoken(value: Any) -> Any:
    if isinstance(value, str):
        return in_panel(value)
    if isinstance(value, list):
        return [_spoken(one) for one in value]
    return answer_in_panel(value) if isinstance(value, Mapping) else value
