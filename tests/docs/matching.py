"""Whether what was seen is what a page says.

A page was written at another time, with other identifiers, and shows a part only. These may differ, nothing else may:

- times of day, dates, durations (`took_ms=170`, `27 ms`, `12s`), versions; process ids after `pid`;
- identifiers of groups, signals and spooled alerts; but the same one on the page is the same one throughout;
- decimal numbers, where the page is marked to show a made-up market;
- the width of the gaps between columns (two blanks and more);
- `…` in a line: any text; `…` alone on a line: any lines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.docs.page import Line

MORE = "…"
_MIXED = r"\b(?=[0-9a-z]*\d)(?=[0-9a-z]*[a-z])"
_IDS = {
    "signal": _MIXED + r"[0-9a-z]{20}\b",
    "spooled": _MIXED + r"[0-9a-f]{16}\b",
    "group": _MIXED + r"[0-9a-z]{12}\b",
}
_KINDS = {
    "more": re.escape(MORE),
    "gap": r" {2,}",
    "time": r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?",
    "date": r"\b\d{4}-\d\d-\d\d\b",
    "clock": r"\b\d\d:\d\d:\d\dZ?",
    "took": r"_ms=\d+",
    "span": r"(?<![\w.])\d+(?:\.\d+)? ?m?s\b",
    "version": r"(?<![\d.])\d+\.\d+\.\d+(?![\d.])",
    "pid": r"\bpid \d+",
    **_IDS,
    "price": r"-?(?<![\w.])\d+\.\d+\b",
}
"""Kind -> what it looks like. The first that fits counts."""
_SEEN = {**_KINDS, "more": ".*", "price": r"-?\d+(?:\.\d+)?"}
"""Kind -> what may stand in its place."""
_TOKEN = re.compile("|".join(f"(?P<{kind}>{form})" for kind, form in _KINDS.items()))


@dataclass
class Names:
    """Which identifier of the page is which of now. Each has one, and none has two."""

    now: dict[str, str] = field(default_factory=dict)

    def of_page(self, text: str) -> str:
        """What the page tells to type, with the identifiers of now."""
        for written, real in self.now.items():
            text = text.replace(written, real)
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """Where page and sight part. `seen` is None where nothing more was seen, `expected` where more was."""

    expected: Line | None
    seen: str | None


def compare(
    expected: Sequence[Line], seen: Sequence[str], names: Names, *, prices: bool = False, open_end: bool = False
) -> int | Wrong:
    """How many lines of `seen` the page accounts for. With `open_end` more may follow. Learns identifiers.

    Empty lines at both ends count for nothing.
    """
    wanted = _trimmed(expected)
    start = next((i for i, line in enumerate(seen) if line.strip()), len(seen))
    lines = [line.rstrip() for line in seen[start:]]
    while lines and not lines[-1]:
        lines.pop()
    search = _Search(wanted, lines, prices=prices, open_end=open_end)
    found = search.run(0, 0, dict(names.now))
    if found is None:
        at, line = search.farthest
        return Wrong(expected=wanted[at] if at < len(wanted) else None, seen=lines[line] if line < len(lines) else None)
    used, names.now = found
    return start + used


def _trimmed(lines: Sequence[Line]) -> list[Line]:
    kept = list(lines)
    while kept and not kept[0].text.strip():
        kept.pop(0)
    while kept and not kept[-1].text.strip():
        kept.pop()
    return kept


class _Search:
    def __init__(self, wanted: list[Line], lines: list[str], *, prices: bool, open_end: bool) -> None:
        self._wanted = wanted
        self._lines = lines
        self._prices = prices
        self._open_end = open_end
        self.farthest = (0, 0)

    def run(self, at: int, line: int, names: dict[str, str]) -> tuple[int, dict[str, str]] | None:
        """Lines used and identifiers; None if it does not fit from here on."""
        while True:
            self.farthest = max(self.farthest, (at, line))
            if at == len(self._wanted):
                return (line, names) if self._open_end or line == len(self._lines) else None
            text = self._wanted[at].text.strip()
            if text == MORE:
                if at + 1 == len(self._wanted):
                    return len(self._lines), names
                for start in range(line, len(self._lines) + 1):
                    found = self.run(at + 1, start, names)
                    if found is not None:
                        return found
                return None
            if line == len(self._lines):
                return None
            learned = fits(self._wanted[at].text.rstrip(), self._lines[line], names, prices=self._prices)
            if learned is None:
                return None
            at, line, names = at + 1, line + 1, learned


def fits(written: str, seen: str, names: dict[str, str], *, prices: bool = False) -> dict[str, str] | None:
    """The identifiers known then, if the line seen is the line written; else None."""
    parts, written_ids, at = [], [], 0
    for token in _TOKEN.finditer(written):
        parts.append(re.escape(written[at : token.start()]))
        kind = str(token.lastgroup)
        if kind in _IDS:
            parts.append(f"({_SEEN[kind]})")
            written_ids.append(token[0])
        elif kind == "price" and not prices:
            parts.append(re.escape(token[0]))
        else:
            parts.append(f"(?:{_SEEN[kind]})")
        at = token.end()
    found = re.fullmatch("".join(parts) + re.escape(written[at:]), seen)
    if found is None:
        return None
    known = dict(names)
    for mine, now in zip(written_ids, found.groups(), strict=True):
        if known.setdefault(mine, now) != now or [*known.values()].count(now) > 1:
            return None
    return known


def completed(command: str, shown: Sequence[str]) -> str | None:
    """A command with `…` in it stands for a line that was shown before, to be pasted: the newest that fits."""
    form = re.compile(".*?".join(map(re.escape, command.split(MORE))))
    return next((line.strip() for line in reversed(shown) if form.fullmatch(line.strip())), None)
