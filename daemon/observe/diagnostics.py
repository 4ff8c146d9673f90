"""The dump a user can send: one JSON object of parts, masked and bounded (LOG-4).

It must come while the engine is broken, so each part has a time of its own and may fail by itself: what it did not
say stands in the dump as `{"failed": why}`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog

from daemon.observe.masking import Masker

_LOG = structlog.stdlib.get_logger("terrace.system")

FORMAT = 1
PART_LIMIT_S = 3.0
MAX_PART_BYTES = 1024 * 1024
MAX_DUMP_BYTES = 8 * 1024 * 1024
"""Half of what an answer of the API may be."""

Part = Callable[[], Awaitable[Any]]
"""What one part says: maps, lists, texts, numbers. Any exception is told as the part's failure."""


class Diagnostics:
    """`dump` may be asked at any time; two at once do not disturb each other."""

    def __init__(self, parts: Mapping[str, Part], masker: Masker, now_ms: Callable[[], int]) -> None:
        self._parts = parts
        self._masker = masker
        self._now_ms = now_ms

    async def dump(self) -> tuple[str, int]:
        """The JSON text, and when it was taken, in ms."""
        time_ms = self._now_ms()
        found = await asyncio.gather(*(_asked(name, part) for name, part in self._parts.items()))
        by_name = dict(zip(self._parts, found, strict=True))
        return await asyncio.to_thread(self._text, by_name, time_ms), time_ms

    def _text(self, found: Mapping[str, Any], time_ms: int) -> str:
        taken = datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        parts = {name: _bounded(self._masker.value(value), MAX_PART_BYTES) for name, value in found.items()}
        while True:
            text = _json({"format": FORMAT, "time": taken, **parts})
            if len(text) <= MAX_DUMP_BYTES:
                return text.decode()
            largest = max(parts, key=lambda name: len(_json(parts[name])))
            parts[largest] = {"left_out": f"{len(_json(parts[largest]))} bytes, the dump had become too large"}


async def _asked(name: str, part: Part) -> Any:
    try:
        async with asyncio.timeout(PART_LIMIT_S):
            return await part()
    except TimeoutError:
        return {"failed": f"no answer within {PART_LIMIT_S:.0f} s"}
    except Exception as error:
        _LOG.warning("diagnostics_part_failed", part=name, error=f"{type(error).__name__}: {error}")
        return {"failed": f"{type(error).__name__}: {error}"}


def _bounded(value: Any, most_bytes: int) -> Any:
    """Lists lose their oldest half until they fit; anything else that is too large is left out."""
    size = len(_json(value))
    while size > most_bytes:
        if not isinstance(value, list) or len(value) < 2:
            return {"left_out": f"{size} bytes, more than a part may have"}
        value = value[len(value) // 2 :]
        size = len(_json(value))
    return value


def _json(value: Any) -> bytes:
    """Texts that no file could hold, half a character say, are written as what they are not: a question mark."""
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_INDENT_2)
    except TypeError:
        return orjson.dumps(_clean(value), default=str, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_INDENT_2)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {_clean(str(key)): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value if value is None or (isinstance(value, bool | int | float) and abs(value) < 2**63) else str(value)
