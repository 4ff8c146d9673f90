"""The built site as a browser would take it: `python -m tests.docs.site FOLDER` says what leads nowhere.

Nothing is fetched: links to elsewhere are listed, and anything a page would load from elsewhere is a fault.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADS = {
    ("script", "src"),
    ("img", "src"),
    ("img", "srcset"),
    ("iframe", "src"),
    ("embed", "src"),
    ("object", "data"),
    ("audio", "src"),
    ("video", "src"),
    ("video", "poster"),
    ("source", "src"),
    ("source", "srcset"),
    ("track", "src"),
    ("input", "src"),
    ("link", "href"),
}
"""What a browser fetches without being asked to."""
NO_PAGE = frozenset({"404.html"})
"""Is not reached by a link, and speaks of addresses from the root of a server."""
_IN_CSS = re.compile(r"@import\s+(?:url\()?[\"']?([^\"')\s;]+)|url\(\s*[\"']?([^\"')]+)")


@dataclass
class _Parser(HTMLParser):
    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    classes: set[str] = field(default_factory=set)
    _in_style: bool = False

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        for name, value in attrs:
            if value is None:
                continue
            if name == "id" or (tag == "a" and name == "name"):
                self.ids.add(value)
            elif name == "class":
                self.classes.update(value.split())
            elif name == "style":
                self.styles.append(value)
            elif tag in ("a", "area") and name == "href":
                self.links.append(value)
            elif (tag, name) in LOADS:
                self.loads += [part.split()[0] for part in value.split(",")] if name == "srcset" else [value]

    def handle_endtag(self, tag: str) -> None:
        self._in_style = self._in_style and tag != "style"

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.styles.append(data)


@dataclass(frozen=True)
class Site:
    """`folder` holds a built site."""

    folder: Path

    @cached_property
    def pages(self) -> dict[str, _Parser]:
        """By path below the folder."""
        found = {}
        for path in sorted(self.folder.rglob("*.html")):
            parser = found[path.relative_to(self.folder).as_posix()] = _Parser()
            parser.feed(path.read_text(encoding="utf-8"))
        return found

    def broken(self) -> list[str]:
        """Links, pictures and anchors that are not there, as `page: address`."""
        return [
            f"{name}: {address}"
            for name, page in self.pages.items()
            if name not in NO_PAGE
            for address in (*page.links, *page.loads)
            if not _is_elsewhere(address) and not self._is_there(name, address)
        ]

    def elsewhere(self) -> dict[str, str]:
        """Address of each link that leaves the site, and a page that has it."""
        return {address: name for name, page in self.pages.items() for address in page.links if _is_elsewhere(address)}

    def loaded_from_elsewhere(self) -> list[str]:
        """What pages and style sheets would fetch from other hosts, as `file: address`."""
        found = [f"{name}: {one}" for name, page in self.pages.items() for one in page.loads if _is_elsewhere(one)]
        found += [
            f"{name}: {one}" for name, page in self.pages.items() for text in page.styles for one in _foreign(text)
        ]
        for path in sorted(self.folder.rglob("*.css")):
            name = path.relative_to(self.folder).as_posix()
            found += [f"{name}: {one}" for one in _foreign(path.read_text(encoding="utf-8"))]
        return found

    def _is_there(self, name: str, address: str) -> bool:
        parts = urlsplit(address)
        if parts.scheme == "data":
            return True
        path = (self.folder / name).parent / unquote(parts.path) if parts.path else self.folder / name
        path = path.resolve()
        if path.is_dir():
            path = path / "index.html"
        if not path.is_file() or not path.is_relative_to(self.folder.resolve()):
            return False
        target = self.pages.get(path.relative_to(self.folder.resolve()).as_posix())
        anchor = unquote(parts.fragment)
        return not anchor or target is None or anchor in target.ids or anchor == "__search"


def _is_elsewhere(address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme not in ("", "data")


def _foreign(style: str) -> Iterator[str]:
    for one, other in _IN_CSS.findall(style):
        if _is_elsewhere(one or other):
            yield one or other


def main(arguments: list[str]) -> int:
    site = Site(Path(arguments[0]))
    faults = [f"leads nowhere: {one}" for one in site.broken()]
    faults += [f"loaded from elsewhere: {one}" for one in site.loaded_from_elsewhere()]
    for line in faults:
        print(line)
    links = sum(len(page.links) for page in site.pages.values())
    print(f"{len(site.pages)} pages, {links} links; {len(faults)} faults. Links that leave it, not looked at:")
    for address, name in sorted(site.elsewhere().items()):
        print(f"  {address}  ({name})")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
