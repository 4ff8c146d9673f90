"""The pages there are, in the order of the bar."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from importlib import import_module

from gui.page import Page

KEYS = ("dashboard", "positions", "risk", "queue", "performance", "signals", "logs", "settings", "editor", "system")
_LOG = logging.getLogger("terrace.panel")


def load(keys: Iterable[str]) -> tuple[Page, ...]:
    """Each page's `PAGE`. One that cannot be loaded stays in the bar, empty, and leaves the others alone."""
    return tuple(map(_load, keys))


def _load(key: str) -> Page:
    try:
        found = import_module(f"gui.pages.{key}").PAGE
    except Exception:
        _LOG.exception("the page %s could not be loaded", key)
        return Page(key=key, title=key.capitalize(), path="/" if key == KEYS[0] else f"/{key}")
    if not isinstance(found, Page):
        raise TypeError(f"gui.pages.{key}.PAGE is no page")
    return found


PAGES: tuple[Page, ...] = load(KEYS)
