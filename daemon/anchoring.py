"""Writes the end of the audit trail down outside of the store, again and again and at the stop (LOG-3)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from actors.ports import StoreFault
from daemon.store.audit_anchors import Anchors, anchor_file
from daemon.store.store import SqlStore

_LOG = structlog.stdlib.get_logger("terrace.security")

ANCHOR_EVERY_S = 600.0


class Anchoring:
    def __init__(self, store: SqlStore, data_dir: Path, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._anchors = Anchors(anchor_file(data_dir), self._head, now_ms, _say)

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.to_thread(self.write)
            await asyncio.sleep(ANCHOR_EVERY_S)

    def write(self) -> None:
        """Nothing depends on one anchor: where it cannot be written the next one may be."""
        try:
            self._anchors.write()
        except (OSError, StoreFault) as error:
            _LOG.warning("audit_anchor_not_written", error=str(error))

    def _head(self) -> tuple[int, str]:
        head = self._store.audit_head()
        return head.sequence, head.hash


def _say(sequence: int, digest: str) -> None:
    _LOG.info("audit_anchor", sequence=sequence, hash=digest)
