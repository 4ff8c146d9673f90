"""A page as somebody reads it who does what it says: what to type, what to press, what is seen then.

Blocks of the language `console` are followed, all others are not. In them

- a line that begins with `$ ` is typed, with the lines after it while the shell waits for more (a here-document, an
  open brace); what follows is what it prints. A command with `…` in it is a line that was shown before, to be pasted;
- a block that begins with `^C` is that key, and what is printed then;
- a block without either is what the terminal shows meanwhile;
- `console title="Terminal 2"` is another terminal; without a title it is the page's first one.

`<!-- prices -->` right before a block: its decimal numbers come from a made-up market and are others each time.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIRST = "Terminal 1"
LANGUAGE = "console"
PROMPT = "$ "
CTRL_C = "^C"
_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>.*)$")
_TITLE = re.compile(r'title="([^"]*)"')
_MARK = re.compile(r"^ *<!-- (.*) -->$")
_WAITS = re.compile(r"unexpected end of file|unexpected EOF|delimited by end-of-file")


class Deed(StrEnum):
    TYPE = "type"
    PRESS = "press"
    LOOK = "look"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the page. `number` counts from 1."""

    number: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that is done in one terminal, and what is seen then."""

    deed: Deed
    terminal: str
    at: Line
    """Where it stands. Of what is typed `text` may have several lines."""
    expected: tuple[Line, ...]
    has_made_up_prices: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block, whatever its language."""

    info: str
    lines: tuple[Line, ...]
    marks: frozenset[str]

    @property
    def language(self) -> str:
        return self.info.split(maxsplit=1)[0] if self.info.strip() else ""

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)


def blocks_of(text: str) -> Iterator[Block]:
    """All fenced blocks, in order. AssertionError if one is not closed."""
    lines = [Line(number=number, text=line) for number, line in enumerate(text.splitlines(), 1)]
    marks: set[str] = set()
    at = 0
    while at < len(lines):
        fence = _FENCE.match(lines[at].text)
        if fence is None:
            mark = _MARK.match(lines[at].text)
            if mark:
                marks.add(mark[1])
            elif lines[at].text.strip():
                marks.clear()
            at += 1
            continue
        end = next((i for i in range(at + 1, len(lines)) if lines[i].text.strip() == "```"), None)
        assert end is not None, f"line {lines[at].number}: the block is not closed"
        indent = len(fence["indent"])
        inner = tuple(Line(number=line.number, text=line.text[indent:]) for line in lines[at + 1 : end])
        yield Block(info=fence["info"].strip(), lines=inner, marks=frozenset(marks))
        marks.clear()
        at = end + 1


def section_of(text: str, heading: str) -> str:
    """The page with every line outside this section (its heading to the next of its level or above) left empty."""
    level = len(heading) - len(heading.lstrip("#"))
    inside, kept, in_fence = False, [], False
    for line in text.splitlines():
        in_fence ^= line.lstrip().startswith("```")
        if not in_fence and re.match(rf"#{{1,{level}}} ", line):
            inside = line == heading
        kept.append(line if inside else "")
    assert any(kept), f"no heading {heading!r}"
    return "\n".join(kept)


def steps_of(text: str) -> list[Step]:
    """What a reader does, in order."""
    return [step for block in blocks_of(text) if block.language == LANGUAGE for step in _steps(block)]


def _steps(block: Block) -> Iterator[Step]:
    title = _TITLE.search(block.info)
    terminal = title[1] if title else FIRST
    rest = list(block.lines)
    prices = "prices" in block.marks
    while rest:
        line = rest.pop(0)
        if line.text.startswith(PROMPT):
            typed = line.text.removeprefix(PROMPT)
            while _is_open(typed):
                assert rest, f"line {line.number}: the command is not complete"
                typed += "\n" + rest.pop(0).text
            deed, at = Deed.TYPE, Line(number=line.number, text=typed)
        elif line.text.strip() == CTRL_C:
            deed, at = Deed.PRESS, line
        else:
            deed, at = Deed.LOOK, Line(number=line.number, text="")
            rest.insert(0, line)
        shown = []
        while rest and not rest[0].text.startswith(PROMPT) and rest[0].text.strip() != CTRL_C:
            shown.append(rest.pop(0))
        yield Step(deed=deed, terminal=terminal, at=at, expected=tuple(shown), has_made_up_prices=prices)


@cache
def _is_open(command: str) -> bool:
    """Whether a shell would wait for more lines."""
    checked = subprocess.run(
        ["bash", "-n"], input=command, capture_output=True, text=True, env={"LC_ALL": "C"}, timeout=30, check=False
    )
    return command.endswith("\\") or _WAITS.search(checked.stderr) is not None
