"""Pages (AIP-158): sizes and tokens. A token says where the next page begins and for which question it was made."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Protocol, TypeVar

from daemon.api.errors import faulty_field

DEFAULT_SIZE = 100
MAX_SIZE = 1000
MAX_TOKEN_CHARS = 512

T = TypeVar("T")


class Paged(Protocol):
    """A request with pages."""

    @property
    def page_size(self) -> int: ...
    @property
    def page_token(self) -> str: ...


def size_of(request: Paged) -> int:
    if request.page_size < 0:
        raise faulty_field("page_size", "must not be negative")
    return min(request.page_size or DEFAULT_SIZE, MAX_SIZE)


def start_of(request: Any) -> str:
    """Where the page begins, as `token` was given it; empty: at the beginning."""
    text = request.page_token
    if not text:
        return ""
    try:
        if len(text) > MAX_TOKEN_CHARS:
            raise ValueError("too long")
        question, _, place = base64.urlsafe_b64decode(text.encode()).decode().partition(":")
    except (ValueError, binascii.Error, UnicodeError):
        raise faulty_field("page_token", "is not a token of this list") from None
    if question != _question(request):
        raise faulty_field("page_token", "belongs to a list with other filters")
    return place


def token(request: Any, place: object) -> str:
    """The token of a page that begins behind `place`."""
    return base64.urlsafe_b64encode(f"{_question(request)}:{place}".encode()).decode()


def number(place: str) -> int:
    """A place that is a number; 0 for the beginning."""
    if not place:
        return 0
    if not place.isdecimal() or len(place) > 18:
        raise faulty_field("page_token", "is not a token of this list")
    return int(place)


def slice_of(request: Any, items: Sequence[T]) -> tuple[Sequence[T], str]:
    """One page of a list that is at hand whole, and the token of the next; the place is an index."""
    start, size = number(start_of(request)), size_of(request)
    page = items[start : start + size]
    return page, token(request, start + size) if start + size < len(items) else ""


def _question(request: Any) -> str:
    """A few characters that differ when the filters do."""
    copy = type(request)()
    copy.CopyFrom(request)
    copy.ClearField("page_token")
    copy.ClearField("page_size")
    name = request.DESCRIPTOR.full_name
    return sha256(name.encode() + copy.SerializeToString(deterministic=True)).hexdigest()[:12]
