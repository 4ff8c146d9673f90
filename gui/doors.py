"""Which paths there are: ours, and the few of the library that pages with components of it need. All else is closed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from gui.page import Page, no_forms

OPEN = ("/login", "/healthz")
"""What needs no login, besides the static files below STATIC."""
STATIC = "/static/terrace/"
_OURS = re.compile(r"/(me|seen|logout|live|live/want|live/poll|act/[^/]+|x/[a-z]+/.+|healthz|login)")
_LIBRARY = re.compile(
    r"/(gradio_api/(startup-events|queue/join|queue/data|heartbeat/[A-Za-z0-9]+)|assets/.+|static/.+|svelte/.+|theme\.css)"
)
_POSTED = re.compile(r"/(seen|logout|live/want|act/.*)", re.DOTALL)
MAX_HASHES = 1024
"""Sessions of the library whose login is remembered; beyond that the oldest is forgotten."""


class Paths:
    """The paths of this panel."""

    def __init__(self, pages: Sequence[Page]) -> None:
        self._pages = frozenset(page.path for page in pages)
        self._has_library = any(page.forms is not no_forms for page in pages)

    def is_open(self, path: str) -> bool:
        """True where no login is needed."""
        return path in OPEN or path.startswith(STATIC)

    def is_there(self, path: str) -> bool:
        if not path.isprintable():
            return False
        if path in self._pages or path.startswith(STATIC) or _OURS.fullmatch(path):
            return True
        return self._has_library and _LIBRARY.fullmatch(path) is not None

    def is_posted(self, path: str) -> bool:
        """True where a GET has no meaning, whatever the library makes of that path."""
        return _POSTED.fullmatch(path) is not None

    def is_page(self, path: str) -> bool:
        return path in self._pages


class Hashes:
    """Which login a session of the library belongs to: its number is made by the browser, so another could name it."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}

    def allows(self, path: str, query: Mapping[str, list[str]], session_id: str) -> bool:
        """Whether this login may listen to what `path` and `query` name. The first that does owns it."""
        if path.startswith("/gradio_api/heartbeat/"):
            return self.belongs(path.rpartition("/")[2], session_id)
        if path == "/gradio_api/queue/data":  # Nothing is told of a session that nobody began, e.g. before a restart.
            return self._owners.get(query.get("session_hash", [""])[0]) == session_id
        return True

    def belongs(self, name: str, session_id: str) -> bool:
        """Whether the session of the library of this name is this login's, which it is when it was nobody's."""
        while len(self._owners) >= MAX_HASHES and name not in self._owners:
            del self._owners[next(iter(self._owners))]
        return self._owners.setdefault(name, session_id) == session_id
