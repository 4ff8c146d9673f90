"""What a forced add would pass over: which limit it breaks, which it needs told besides (QUE-6, POOL-3)."""

from __future__ import annotations

from decimal import Decimal
from typing import TypedDict

from gui.pages.queue.reasons import waits_for
from gui.pages.risk.settings import Settings
from gui.show.amounts import money
from protos.terrace.v1 import engine_pb2
from protos.terrace.v1 import queue_pb2 as pb
from protos.terrace.v1.types_pb2 import LimitState, Side, World

ALWAYS_IN_THE_WAY = (
    "ENGINE_PAUSED",
    "ACCOUNT_PAUSED",
    "ACCOUNT_NOT_READY",
    "INSTRUMENT_HELD",
    "INSUFFICIENT_BALANCE",
    "OPPOSITE_SIDE",
    "OPPOSITE_ON_INSTRUMENT",
    "MAX_GROUPS_PER_SYMBOL",
    "PRECISION_MISSING",
    "GROUP_CLOSING",
)
"""No tick helps against these."""


class Forced(TypedDict):
    """What the question before a forced add shows."""

    said: str
    pool: str
    exposure: str
    limits: str
    stays: str
    needs_exposure: bool
    needs_limits: bool


def forced(entry: pb.QueuedSignal, status: engine_pb2.Status, settings: Settings) -> Forced:
    """Each limit with its figure at this moment, as far as the engine tells it."""
    exposure, breaks_exposure = exposure_words(entry, status, settings)
    limits, breaks_limits = limit_words(entry, status)
    price = entry.entry_price or "the mark"
    side = "short" if entry.side == Side.SIDE_SHORT else "long"
    world = World.Name(status.world).removeprefix("WORLD_").lower()
    return Forced(
        said=f"Opens {entry.symbol} {entry.timeframe} {side} at {price} on {entry.account} ({world}) now.",
        pool=pool_words(entry, status),
        exposure=exposure,
        limits=limits,
        stays=f"It waits for {waits_for(entry.wait_reason)}, which a forced add does not pass over."
        if entry.wait_reason in ALWAYS_IN_THE_WAY
        else "",
        needs_exposure=breaks_exposure or entry.wait_reason == "MAX_TOTAL_EXPOSURE",
        needs_limits=breaks_limits or entry.wait_reason == "COOLDOWN_AFTER_LOSS",
    )


def pool_words(entry: pb.QueuedSignal, status: engine_pb2.Status) -> str:
    live, most = status.live_groups, status.max_open_groups
    name = entry.account
    own = next((one for one in status.accounts if one.account == name and one.max_open_groups), None)
    if own is not None and own.live_groups >= own.max_open_groups:
        return f"Breaks the account's limit: {own.live_groups + 1} groups on {name}, at most {own.max_open_groups}."
    if live >= most:
        return f"Breaks the pool's limit: {live + 1} open groups, at most {most}."
    return f"Stays within the pool's limit: {live + 1} of {most} open groups."


def exposure_words(entry: pb.QueuedSignal, status: engine_pb2.Status, settings: Settings) -> tuple[str, bool]:
    """In words, and whether it would be broken. Amounts of another currency than the limit's are not compared."""
    most, currency = settings.text("limits.max_total_exposure"), status.reporting_currency
    if not most:
        return "No exposure limit is set.", False
    quote = entry.symbol.partition("/")[2].partition(":")[0]
    if not entry.planned_capital or not status.exposure or quote != currency:
        return f"The limit is {money(most, currency)}; what this adds is not known in {currency}.", False
    total = Decimal(status.exposure) + Decimal(entry.planned_capital)
    words = f"{money(f'{total:f}', currency)} planned with this one, at most {money(most, currency)}."
    return (f"Breaks it: {words}", True) if total > Decimal(most) else (f"Stays within it: {words}", False)


def limit_words(entry: pb.QueuedSignal, status: engine_pb2.Status) -> tuple[str, bool]:
    """In words, and whether a limit holds it back."""
    if status.limit_state >= LimitState.LIMIT_STATE_REDUCE_ONLY:
        return f"{status.limit_reason}. Entries are being cancelled: no tick helps, lift the limit first.", False
    if status.limit_state > LimitState.LIMIT_STATE_NONE:
        return f"{status.limit_reason}.", True
    if entry.wait_reason == "COOLDOWN_AFTER_LOSS":
        return f"{entry.wait_detail or 'Its key rests after a loss'}.", True
    return "No loss limit is breached, and its key does not rest.", False
