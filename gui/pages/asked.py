"""What a page asks for in the argument of a topic or the query of a route: `symbol=BTC%2FUSDT&limit=400`. Pure.

Nothing in it is believed: unknown names are left out, numbers are bounded, texts are short.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qs

from google.protobuf.timestamp_pb2 import Timestamp

MAX_ARGUMENT_CHARS = 2000
MAX_TEXT_CHARS = 200
MAX_FIELDS = 40
"""Further ones are left out."""


class Asked:
    """The values of one query string."""

    def __init__(self, query: str) -> None:
        self._values = parse_qs("&".join(query[:MAX_ARGUMENT_CHARS].split("&", MAX_FIELDS)[:MAX_FIELDS]))

    def text(self, name: str) -> str:
        return self._values.get(name, [""])[-1].strip()[:MAX_TEXT_CHARS]

    def texts(self, name: str, allowed: Iterable[str]) -> list[str]:
        """Those of the values that are allowed."""
        known = set(allowed)
        return [value for value in self._values.get(name, []) if value in known]

    def whole(self, name: str, *, default: int, most: int) -> int:
        text = self.text(name)
        return min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 16 else default

    def time(self, name: str) -> Timestamp | None:
        """A point in time sent as milliseconds since 1970."""
        ms = self.whole(name, default=0, most=253_402_300_799_000)
        return Timestamp(seconds=ms // 1000, nanos=ms % 1000 * 1_000_000) if ms else None
