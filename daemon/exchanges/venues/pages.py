"""Reading lists that come in pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

Mark = TypeVar("Mark")

MAX_PAGES = 200
"""Of one list. A list that goes on longer is an error, never a shorter list."""


class TooManyPages(Exception):
    """A venue's list did not end within `MAX_PAGES`: what was read is not the whole."""


async def all_pages(
    fetch: Callable[[Mark], Awaitable[tuple[list[dict[str, Any]], Mark | None]]], first: Mark
) -> list[dict[str, Any]]:
    """Everything `fetch(mark)` returns, until its next mark is None. Rows with an id come once per symbol."""
    rows: list[dict[str, Any]] = []
    seen: set[tuple[str, str]] = set()
    mark: Mark | None = first
    for _ in range(MAX_PAGES):
        if mark is None:
            return rows
        page, mark = await fetch(mark)
        for row in page:
            name = (str(row.get("symbol") or ""), str(row.get("id") or ""))
            if name[1] and name in seen:
                continue
            seen.add(name)
            rows.append(row)
    if mark is None:
        return rows
    raise TooManyPages(f"more than {MAX_PAGES} pages")
