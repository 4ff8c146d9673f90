"""The table of the ways of installing, in docs/install.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

BEGIN, END = "<!-- times -->", "<!-- end of times -->"
HEAD = ("way", "Python", "install", "first entry filled after", "Ctrl-C", "size")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A way: what it took in seconds, or why it was skipped."""

    title: str
    python: str = ""
    install_s: float = 0
    first_fill_s: float = 0
    stop_s: float = 0
    size_mb: int = 0
    skipped: str = ""

    def cells(self) -> str:
        """As a line of a table."""
        if self.skipped:
            return f"| {self.title} | | not tried: {self.skipped} | | | |"
        times = f"{self.install_s:.0f} s | {self.first_fill_s:.0f} s | {self.stop_s:.1f} s"
        return f"| {self.title} | {self.python} | {times} | {self.size_mb} MB |"


def text(rows: Sequence[Row]) -> str:
    return "\n".join([f"| {' | '.join(HEAD)} |", "|---|---|--:|--:|--:|--:|", *(row.cells() for row in rows)]) + "\n"


def put(page: Path, rows: Sequence[Row]) -> None:
    """Between the marks of the page. Rows of other ways stay. ValueError where the marks are missing."""
    whole = page.read_text(encoding="utf-8")
    before, begin, rest = whole.partition(BEGIN)
    inside, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page.name} has no {BEGIN} … {END}")
    lines = {line.split("|")[1].strip(): line for line in inside.splitlines() if line.startswith("| ")}
    lines.pop(HEAD[0], None)
    lines |= {row.title: row.cells() for row in rows}
    head = "\n".join(text(()).splitlines())
    body = "\n".join(lines.values())
    page.write_text(f"{before}{BEGIN}\n{head}\n{body}\n{END}{after}", encoding="utf-8")
