"""Pages of long lists. A token names the last item shown, so rows that come in between move nothing."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000
_TOKEN = re.compile(r"(-?[0-9]{1,18})\.([0-9]{1,18})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    items: tuple[T, ...]
    next_token: str = ""
    """Empty at the end."""


@dataclass(frozen=True, slots=True)
class BadPageToken:
    """The token was not made here."""

    token: str


@dataclass(frozen=True, slots=True)
class Place:
    """An item's place in a list: by time, then by row."""

    time_ms: int
    row_id: int


def page_size(asked: int) -> int:
    """0 or less: the default; never more than the maximum."""
    return min(asked, MAX_PAGE_SIZE) if asked > 0 else DEFAULT_PAGE_SIZE


def make_token(place: Place) -> str:
    return base64.urlsafe_b64encode(f"{place.time_ms}.{place.row_id}".encode()).decode().rstrip("=")


def read_token(token: str) -> Place | BadPageToken | None:
    """None for an empty token: the first page."""
    if not token:
        return None
    try:
        text = base64.urlsafe_b64decode(token[:64] + "=" * (-len(token) % 4)).decode("ascii")
    except (ValueError, binascii.Error):
        return BadPageToken(token)
    found = _TOKEN.fullmatch(text)
    return Place(int(found[1]), int(found[2])) if found else BadPageToken(token)


def cut(found: Sequence[tuple[Place, T]], size: int) -> Page[T]:
    """A page of at most `size` items out of what was found, which is one more if there is a next page."""
    items = tuple(item for _, item in found[:size])
    return Page(items=items, next_token=make_token(found[size - 1][0]) if len(found) > size else "")
