"""Checks of the audit trail take turns: threads and readers of the store are few, and others need them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from daemon.api.records import MAX_CHECKS, Records, verify_audit_trail
from daemon.store.audit import AuditKeys
from daemon.store.audit_verify import Verified
from protos.terrace.v1.record_pb2 import VerifyAuditTrailRequest


class Engine:
    """Counts the checks under way."""

    def __init__(self) -> None:
        self.now = self.most = self.done = 0
        self.reader = self

    def verify_audit(self) -> None: ...

    async def read(self, _question: object, *_arguments: object) -> Verified:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.01)
        self.now -= 1
        self.done += 1
        return Verified(valid=True, checked=0, first=0, last=0, last_hash="")


@pytest.mark.rule("LOG-3")
def test_any_number_of_callers_check_one_after_the_other() -> None:
    fake = Engine()
    engine: Any = fake

    async def run() -> None:
        records = Records(keys=AuditKeys({"k1-00000000": b"x" * 32}))
        await asyncio.gather(*(verify_audit_trail(engine, records, VerifyAuditTrailRequest()) for _ in range(8)))

    asyncio.run(run())
    assert (fake.done, fake.most) == (8, MAX_CHECKS)
