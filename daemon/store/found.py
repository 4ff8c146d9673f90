"""What the reader is asked for and what it answers. Empty filters match everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from actors.messages import EventStored
from actors.rules.choices import World
from actors.rules.model import GroupState, Order, Outcome, Reason, Side, Signal, Trade
from actors.rules.risk_model import RiskActionState

SEVERITIES = ("debug", "info", "warning", "error", "critical")
"""Mildest first."""


# --- filters --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalFilter:
    outcomes: tuple[Outcome, ...] = ()
    accounts: tuple[str, ...] = ()
    """Several, because a world is the accounts in it."""
    symbol: str = ""
    timeframe: str = ""
    source: str = ""
    group_id: str = ""
    start_ms: int | None = None
    """Received at this time or later."""
    end_ms: int | None = None
    """Received before this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFilter:
    world: World | None = None
    states: tuple[GroupState, ...] = ()
    account: str = ""
    symbol: str = ""
    timeframe: str = ""
    side: Side | None = None
    close_start_ms: int | None = None
    """Closed at this time or later; none that is not closed."""
    close_end_ms: int | None = None
    """Closed before this time; none that is not closed."""
    is_gain: bool | None = None
    """Realised more than nothing so far, or less."""
    by_close: bool = False
    """Closed ones alone, the last to close first; else the last to open first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    world: World | None = None
    categories: tuple[str, ...] = ()
    min_severity: str = ""
    types: tuple[str, ...] = ()
    text: str = ""
    """Words that all stand somewhere in the message, in any order; upper and lower case of ASCII letters are the same.
    """
    account: str = ""
    symbol: str = ""
    timeframe: str = ""
    signal_id: str = ""
    group_id: str = ""
    start_ms: int | None = None
    end_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskActionFilter:
    world: World | None = None
    group_id: str = ""
    """Took part as loser or winner."""
    states: tuple[RiskActionState, ...] = ()
    start_ms: int | None = None
    """Decided at this time or later."""
    end_ms: int | None = None


class AlertState:
    """Plain words: the set is closed."""

    ACTIVE = "active"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


STANDING = (AlertState.ACTIVE, AlertState.ACKNOWLEDGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFilter:
    states: tuple[str, ...] = STANDING
    min_severity: str = ""
    account: str = ""


# --- answers --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSignal:
    """A signal with its outcome. Lists leave the body empty."""

    signal: Signal
    outcome: Outcome
    reason: Reason
    detail: str
    group_id: str
    outcome_time_ms: int
    first_outcome: Outcome
    """The answer its sender got; differs from `outcome` once a waiting one is decided."""
    first_reason: Reason
    first_time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """A signal and what happened because of it, oldest first."""

    signal: StoredSignal
    events: tuple[EventStored, ...]
    orders: tuple[Order, ...]
    """Of the pyramid it became."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFill:
    client_order_id: str
    trade: Trade


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedGroup:
    """A closed trade as statistics want it. Money is `quote`."""

    group_id: str
    account: str
    symbol: str
    timeframe: str
    strategy: str
    side: Side
    quote: str
    realized: Decimal
    fees: Decimal
    create_time_ms: int
    close_time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """What was traded in one period, in one quote currency: both sides, fees excluded."""

    period: int
    quote: str
    notional: Decimal
    fills: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RealizedTotal:
    """Of closed groups, in one quote currency. `realized` is net of `fees`."""

    realized: Decimal
    fees: Decimal
    groups: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAlert:
    alert_key: str
    state: str
    severity: str
    category: str
    message: str
    account: str
    symbol: str
    group_id: str
    count: int
    create_time_ms: int
    update_time_ms: int
    acknowledge_time_ms: int | None
    acknowledged_by: str
    resolve_time_ms: int | None
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDeadLetter:
    dead_letter_id: str
    actor: str
    message_type: str
    message: str
    error: str
    attempts: int
    create_time_ms: int
    retry_time_ms: int | None
    resolve_time_ms: int | None
    fact: str = ""
    """What a retry needs of the message (`actors.facts`)."""
    result: str = ""
    """What came of the last retry, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredConfig:
    version: int
    time_ms: int
    author: str
    source: str
    text: str
    """Empty in lists."""
    changed: tuple[str, ...] = ()
    """Keys that differ from the version before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBounds:
    """Oldest stored and newest given sequence; 0 where there is none."""

    earliest: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    live_groups: int
    forced_groups: int
    """Live ones that were added over the pool's limit."""
    queued_signals: int
    active_alerts: int
    dead_letters: int
    live_by_account: Mapping[str, int] = field(default_factory=dict)
