"""A promise that was broken, as the checker says it."""

from __future__ import annotations

from enum import StrEnum


class Promise(StrEnum):
    """What is promised of every run. The names are those of docs/promises.md."""

    ONE_GROUP_PER_KEY = "one_group_per_key"
    POOL_LIMIT = "pool_limit"
    ONE_OUTCOME = "one_outcome"
    """Each acknowledged signal has exactly one outcome."""
    LOST_STAYS_LOST = "lost_stays_lost"
    """What was called lost is not committed afterwards."""
    ORDER_KNOWN = "order_known"
    """Each order at the venue was committed under its own group before it was sent."""
    ORDER_ONCE = "order_once"
    FILLS_AGREE = "fills_agree"
    """The fills of the store are those of the venue, each once."""
    HOLDS_ITS_FILLS = "holds_its_fills"
    """What a group holds is what its fills say."""
    NEVER_OVERSOLD = "never_oversold"
    COVERED = "covered"
    """What groups hold together, the account has."""
    PROTECTED = "protected"
    """Every open position has its target, or is being closed, or an alert says why not."""
    MONEY = "money"
    """Realised and unrealised profit are the change of equity."""
    QUEUE_RANKED = "queue_ranked"
    AUDIT_CHAIN = "audit_chain"
    SETTLES = "settles"
    """Once faults stop everything comes to rest: nothing stuck, no orphan, no signal waiting beside a free slot."""
    NO_CRASH = "no_crash"
    """No actor ends but by an injected fault; nothing is given up by the supervisor."""
    MEMORY_BOUNDED = "memory_bounded"


class Violation(AssertionError):
    """`promise` was broken; the words say by what, in a trader's terms, with names and numbers."""

    def __init__(self, promise: Promise, words: str) -> None:
        super().__init__(f"{promise.value}: {words}")
        self.promise = promise
        self.words = words
