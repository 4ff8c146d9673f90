"""The daemons an alert may go to: one leads, the others wait to take over (`forwarder.daemon` names all of them).

What was last answered by the leader is asked first. Who is not there, does not answer, or says that it only waits is
left for the next one; within one try each is asked once. An alert that reaches two is harmless: they share a store.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from control.client import AioClient, ClientError, Target, Unavailable, Unknown
from control.target import normal_address

if TYPE_CHECKING:
    from google.protobuf.message import Message

Answer = TypeVar("Answer", bound="Message")

MAX_DAEMONS = 8
ELSEWHERE = frozenset({"", "STANDBY", "STOPPING"})
"""Reasons for which the next daemon is asked; empty: nobody spoke."""
LEAST_S = 0.05
"""With less time left nobody else is asked."""


class Leaders:
    """The asyncio face of them all. Made inside a running loop and used only there."""

    def __init__(self, target: Target) -> None:
        """`target.address`: one address, or several with commas between them."""
        self.target = target
        addresses = [text.strip() for text in target.address.split(",") if text.strip()][:MAX_DAEMONS]
        self._clients = [AioClient(replace(target, address=normal_address(address))) for address in addresses]
        self._now = 0

    async def call(
        self,
        request: Message,
        answer: type[Answer],
        *,
        timeout_s: float,
        metadata: tuple[tuple[str, str], ...] = (),
    ) -> Answer:
        """The leader's answer. Raises ClientError: of the leader, or of the last one asked where none leads."""
        deadline_s = time.monotonic() + timeout_s
        for is_last in self._round():
            client, left_s = self._clients[self._now], deadline_s - time.monotonic()
            try:
                return await client.call(request, answer, timeout_s=max(left_s, LEAST_S), metadata=metadata)
            except ClientError as error:
                if not _is_elsewhere(error):
                    raise
                self._now = (self._now + 1) % len(self._clients)
                if is_last or deadline_s - time.monotonic() < LEAST_S:
                    raise
        raise AssertionError("there is always one to ask")

    async def is_serving(self, *, timeout_s: float) -> bool:
        """Whether one of them leads and serves. Raises ClientError where the last one says nothing."""
        for is_last in self._round():
            try:
                if await self._clients[self._now].is_serving(timeout_s=timeout_s):
                    return True
            except ClientError:
                if is_last:
                    raise
            self._now = (self._now + 1) % len(self._clients)
        return False

    def _round(self) -> list[bool]:
        """One entry for each try; True for the last."""
        return [number == len(self._clients) for number in range(1, len(self._clients) + 1)]

    async def close(self) -> None:
        await asyncio.gather(*(client.close() for client in self._clients))


def _is_elsewhere(error: ClientError) -> bool:
    return isinstance(error, Unavailable | Unknown) and error.reason in ELSEWHERE
