"""Links of the Markdown pages as a repository page takes them: files beside them, headings by their words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
_FENCE = re.compile(r"^ *(```+|~~~+)")
_HEADING = re.compile(r"^#{1,6} +(.*?)(?: +#+)? *$")
_ITEM = re.compile(r"( *)(?:[-*+]|\d+\.) +\S")
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+(?:\([^()]*\))?)(?: +\"[^\"]*\")?\)")
_ID = re.compile(r"<[^>]*\b(?:id|name)=\"([^\"]+)\"")


def pages() -> list[Path]:
    """README.md and every page of docs."""
    return [README, *sorted(DOCS.rglob("*.md"))]


def links(path: Path) -> Iterator[tuple[int, str]]:
    """Line and address of each link and picture outside code."""
    for number, line in prose(path):
        for found in _LINK.finditer(re.sub(r"`[^`]*`", lambda code: "`" * len(code[0]), line)):
            yield number, found[1]


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Lines outside fenced blocks, with their numbers."""
    fence = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        mark = _FENCE.match(line)
        if mark:
            fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
        elif not fence:
            yield number, line


@cache
def anchors(path: Path) -> frozenset[str]:
    """What can stand behind `#`: headings in the form of repository pages, and ids in HTML."""
    found: dict[str, int] = {}
    ids: set[str] = set()
    for _, line in prose(path):
        ids.update(_ID.findall(line))
        heading = _HEADING.match(line)
        if heading:
            name = slug(heading[1])
            count = found[name] = found.get(name, -1) + 1
            ids.add(f"{name}-{count}" if count else name)
    return frozenset(ids)


def slug(title: str) -> str:
    """`### The \\`a.b\\` of it` is `the-ab-of-it`."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
    return re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")


def broken(path: Path) -> list[str]:
    """Links of a page that lead nowhere, as `page:line: address`."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {address}"
        for number, address in links(path)
        if not urlsplit(address).scheme and not _is_there(path, address)
    ]


def misread(path: Path) -> list[str]:
    """Lists and tables that a repository page shows as such and the site's Markdown does not, as `page:line: why`."""
    found: list[str] = []
    before, above, is_in_item, has_gap = 0, "", False, False
    for number, line in prose(path):
        if number != before + 1:
            above = "(code)"
        why = ""
        item = _ITEM.match(line)
        if item:
            follows = not above.strip() or _ITEM.match(above) is not None
            if len(item[1]) % 4:
                why = "an item of a list is indented by fours"
            elif not follows and not (is_in_item and above.startswith(" ") and not has_gap):
                why = "a list, or an item after one with paragraphs, begins behind an empty line"
            is_in_item, has_gap = True, False
        elif not line.strip():
            has_gap = True
        elif line.startswith("|"):
            why = "" if not above.strip() or above.startswith("|") else "a table begins behind an empty line"
        elif is_in_item and has_gap and line.startswith(" ") and not line.startswith("    "):
            why = "a paragraph of an item is indented by fours"
        elif has_gap and not line.startswith(" "):
            is_in_item = False
        found += [f"{path.relative_to(ROOT)}:{number}: {why}"] if why else []
        before, above = number, "" if line.startswith("<!--") else line
    return found


def _is_there(path: Path, address: str) -> bool:
    parts = urlsplit(address)
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.exists() or not target.is_relative_to(ROOT):
        return False
    return not parts.fragment or target.suffix != ".md" or unquote(parts.fragment) in anchors(target)
