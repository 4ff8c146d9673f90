"""Keeps the URL of a channel, every part of which may be the secret, out of texts (LOG-4)."""

from __future__ import annotations

import re
from urllib.parse import unquote

from daemon.observe.masking import MASK

SHORTEST = 4
"""Parts shorter than this are left: they would mask ordinary words."""
SHORTEST_KEY = 12
"""A part at least this long, or with digits in it and half as long, is told to the log's masker."""

_SEPARATORS = re.compile(r"[/:@?&=#,;+%\s]+")


def parts_of(url: str) -> tuple[str, ...]:
    """What the URL is made of behind its scheme, longest first, as written and decoded."""
    rest = url.partition("://")[2] or url
    found = {part for text in (rest, unquote(rest)) for part in _SEPARATORS.split(text) if len(part) >= SHORTEST}
    return tuple(sorted({url, rest, unquote(url), *found}, key=len, reverse=True))


def keys_of(url: str) -> tuple[str, ...]:
    """Parts of the URL that are looked for in every line of the log: the whole, and what looks like a key."""
    return tuple(part for part in parts_of(url) if len(part) >= SHORTEST_KEY or _has_digits(part))


def without_url(text: str, url: str) -> str:
    """The text with each part of the URL masked."""
    for part in parts_of(url):
        text = text.replace(part, MASK)
    return " ".join(text.split())


def _has_digits(part: str) -> bool:
    return len(part) >= SHORTEST_KEY // 2 + 2 and any(char.isdigit() for char in part)
