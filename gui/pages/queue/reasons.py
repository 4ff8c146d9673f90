"""Why a queued signal has its rank, and what it waits for, in words (QUE-2, QUE-7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gui.show.numbers import MINUS, NONE, THIN
from protos.terrace.v1 import queue_pb2 as pb

RULES: Mapping[str, str] = {
    "reverse": "new side of a reverse",
    "continuation": "continues a live group",
    "deepest_loss": "deepest loss",
    "replacements": "most replacements",
    "first_in": "first in",
    "highest_expected_profit": "highest expected profit",
}
WAITS: Mapping[str, str] = {
    "POOL_FULL": "a free slot",
    "ACCOUNT_POOL_FULL": "a free slot of its account",
    "OPPOSITE_SIDE": "the other side of its key to close",
    "OPPOSITE_ON_INSTRUMENT": "the other side of its pair to close",
    "REVERSING": "its own key to close",
    "GROUP_CLOSING": "its key to finish closing",
    "MAX_GROUPS_PER_SYMBOL": "a group of its pair to close",
    "MAX_TOTAL_EXPOSURE": "room below the exposure limit",
    "INSUFFICIENT_BALANCE": "free balance",
    "MAX_REALIZED_LOSS_PER_DAY": "the limit of the day's loss",
    "MAX_DRAWDOWN_PERCENT": "the drawdown limit",
    "MAX_CONSECUTIVE_LOSSES": "the limit of losses in a row",
    "COOLDOWN_AFTER_LOSS": "its key to rest after a loss",
    "ENGINE_PAUSED": "the engine to be resumed",
    "ACCOUNT_PAUSED": "its account to be resumed",
    "ACCOUNT_NOT_READY": "its account to be ready",
    "INSTRUMENT_HELD": "books and exchange to agree about its pair",
    "PRECISION_MISSING": "its pair's price and quantity steps",
    "PRICE_MISSING": "a price",
    "PRICE_STALE": "a fresh price",
}


def waits_for(code: str) -> str:
    """What it waits for; a code newer than this table as it stands."""
    return WAITS.get(code, code) or NONE


def rule_word(rule: str) -> str:
    return RULES.get(rule, rule.replace("_", " "))


def shown(reason: pb.RankReason) -> str:
    """The value of a rule. That of `first_in` is a moment, which the browser writes."""
    if reason.rule == "first_in":
        return ""
    return reason.value.replace("-", MINUS).replace(" %", f"{THIN}%")


def decided(entry: pb.QueuedSignal, ahead: pb.QueuedSignal | None) -> str:
    """Which rule put it behind the one ahead of it: the first under which the two differ."""
    if ahead is None:
        return "next in line"
    mine, theirs = list(entry.rank_reasons), list(ahead.rank_reasons)
    if mine and theirs and mine[0].rule != theirs[0].rule:  # Only one of them is the new side of a reverse.
        return "after the new side of a reverse"
    for reason, other in zip(mine, theirs, strict=False):
        if reason.value == other.value:
            continue
        if reason.rule == "first_in":
            return "first in: came later"
        return f"{rule_word(reason.rule)}: {shown(reason)} after {shown(other)}"
    return "equal under every rule"


def ranks(entries: Sequence[pb.QueuedSignal]) -> dict[str, str]:
    """The deciding rule of each entry, by signal."""
    ahead: pb.QueuedSignal | None = None
    found = {}
    for entry in entries:
        found[entry.signal_id] = decided(entry, ahead)
        ahead = entry
    return found
