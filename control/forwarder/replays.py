"""A signed alert that comes twice to the byte is one alert (SIG-5, SIG-7).

Whoever recorded a signed request could send it again while its signature is good, and without a time or an identifier
in its body the engine would take it for a genuine repeat after a minute. So a signature that was let through is kept
until its time is over, on disk too, and what comes again under it gets the first answer, marked as a duplicate: a
sender that missed our answer is served as well. What was not acknowledged may be sent again (SIG-9).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

MAX_KEPT = 50_000
"""Signatures kept; only senders who have the key can fill this."""

Values = dict[str, Any]
T = TypeVar("T")


def digest_of(source: str, stamp: str, raw: bytes) -> bytes:
    """What is signed, whichever of the source's keys it is signed with."""
    return hashlib.sha256(f"{source}\n{stamp}.".encode() + raw).digest()


def duplicate_of(first: Mapping[str, Any]) -> Values:
    """The answer to a copy."""
    outcome = first.get("first_outcome") or first.get("outcome", "")
    return {**first, "outcome": "DUPLICATE", "first_outcome": outcome}


class Replays:
    """Used from one loop. Times are seconds since 1970."""

    def __init__(self) -> None:
        self._answers: OrderedDict[bytes, tuple[float, Values]] = OrderedDict()
        self._under_way: dict[bytes, asyncio.Future[None]] = {}

    def __len__(self) -> int:
        return len(self._answers)

    def keep(self, digest: bytes, until_s: float, first: Values, now_s: float) -> None:
        """This one was acknowledged."""
        self._answers[digest] = (until_s, first)
        while self._answers and (len(self._answers) > MAX_KEPT or next(iter(self._answers.values()))[0] < now_s):
            self._answers.popitem(last=False)

    async def first(self, digest: bytes, now_s: float) -> Values | None:
        """The first answer; waits where that is on its way. None: there is none, this one is the first."""
        while digest in self._under_way:
            await asyncio.wait([self._under_way[digest]])
        found = self._answers.get(digest)
        return found[1] if found is not None and now_s <= found[0] else None

    async def alone(self, digest: bytes, do: Callable[[], Awaitable[T]]) -> T:
        """Does it while copies wait. Right after `first` answered None, with nothing awaited in between."""
        done = self._under_way[digest] = asyncio.get_running_loop().create_future()
        try:
            return await do()
        finally:
            del self._under_way[digest]
            done.set_result(None)
