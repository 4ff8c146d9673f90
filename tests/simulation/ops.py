"""What happens to a simulated engine from outside, as values: a script of these is a run.

A script is a tuple of `At(step, op)` in the order of steps. Every op is explicit and names what it touches, so that a
script can be stored as JSON, repeated exactly, and shortened op by op: an op that finds nothing to touch does nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from actors.rules.model import Intent, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A new alert arrives. Its sender repeats it until it is acknowledged."""

    number: int
    """Names it within the run, and makes its idempotency key."""
    account: str
    symbol: str
    timeframe: str
    intent: Intent
    side: Side | None
    price: Decimal | None
    age_ms: int = 0
    """It was stamped so long before it arrived: reordered alerts have different ones."""
    percent: Decimal | None = None
    """Of a reduce: how much of the position goes."""
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    """Prices it asks for (TP-9)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """An alert of before arrives again."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The market moves to this price, at once."""

    account: str
    symbol: str
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """One candle: the market goes over these prices in turn, some virtual seconds apart."""

    account: str
    symbol: str
    prices: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """So much virtual time passes, with all that happens in it."""

    ms: int


class VenueFault(StrEnum):
    REQUEST_LOST = "request_lost"
    """The request never arrives; the asker times out."""
    REPLY_LOST = "reply_lost"
    """Carried out, not answered."""
    REPLY_UNKNOWN = "reply_unknown"
    """Carried out, answered as unknown."""
    REPLY_LATE = "reply_late"
    REPLY_TWICE = "reply_twice"
    REPLIES_SHUFFLED = "replies_shuffled"
    REFUSED = "refused"
    TEMPORARY = "temporary"
    """Refused without effect, worth another try."""
    LATE_ARRIVAL = "late_arrival"
    """The request arrives late, but within the acceptance window; the asker has given it up."""
    INVISIBLE = "invisible"
    """An accepted order is in no list and not found for a while."""
    FILL_LATE = "fill_late"
    """A cancelled entry is told without its last execution, which follows some seconds later."""
    STREAM_LOST = "stream_lost"
    STREAM_TWICE = "stream_twice"
    STREAM_LATE = "stream_late"
    STREAM_DOWN = "stream_down"
    DOWN = "down"
    """Everything is answered as temporary or not at all, until it is up again."""
    BANNED = "banned"
    SLOW = "slow"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakVenue:
    """From now on the next `count` occasions of this account, or everything for `ms`, go wrong this way."""

    account: str
    fault: VenueFault
    count: int = 1
    ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FillPart:
    """Somebody takes `share` of what rests of one open order of this account, the `pick`-th modulo how many there are,
    whatever the price: an awkward part, floored to the step.
    """

    account: str
    pick: int
    share: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignOrder:
    """A person places a limit order by hand on the same account, with an id of no engine."""

    account: str
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualTrade:
    """A person buys or sells on the same account, by hand, at the market."""

    account: str
    symbol: str
    side: Side
    """LONG buys, SHORT sells."""
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelByHand:
    """A person cancels an open order of the engine, the `pick`-th."""

    account: str
    pick: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeByHand:
    """A person changes an open target of the engine at the exchange, the `pick`-th: its price by so many percent, and
    what rests of it to this share, floored to the step.
    """

    account: str
    pick: int
    percent: Decimal
    share: Decimal


class StoreFault(StrEnum):
    FAIL = "fail"
    """The batch is not durable and says so."""
    FAIL_DURABLE = "fail_durable"
    """The batch is durable and reports an error all the same."""
    SLOW = "slow"
    FULL = "full"
    """Everything but cancels and closes on the reserve is refused, until there is room again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakStore:
    fault: StoreFault
    count: int = 1
    """Batches; of `FULL` and `SLOW`, `ms` counts instead."""
    ms: int = 0


class Moment(StrEnum):
    BEFORE = "before"
    """With nothing done."""
    TELLING = "telling"
    """In the middle of what it tells."""
    AFTER = "after"
    """With everything done and told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashActor:
    """The `messages`-th message from now to an actor of this kind (empty: any) ends it."""

    kind: str
    moment: Moment
    messages: int = 1
    message: str = ""
    """Only messages of this type count; empty: all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KillProcess:
    """kill -9 at the `messages`-th message from now; a new process starts `down_ms` later on what was durable."""

    messages: int = 1
    moment: Moment = Moment.BEFORE
    down_ms: int = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class JumpClock:
    """The engine's wall clock is set, forwards or back. The venue's goes on."""

    ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeConfig:
    """Another config is in force. Fields left None stay."""

    max_open_groups: int | None = None
    queue_max_size: int | None = None
    max_pyramids: int | None = None
    capital: Decimal | None = None
    take_profit_percent: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A person pauses (or resumes) new entries."""

    is_paused: bool
    cancel_entries: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseGroup:
    """A person closes one live group, the `pick`-th."""

    pick: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOffset:
    """A person asks the risk engine to act now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForceAdd:
    """A person promotes the `pick`-th waiting signal, beyond the limit if `force`."""

    pick: int
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """So many copies of what that kind of actor was last told land in its mailbox at once."""

    kind: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow:
    """Actors of this kind hardly get their turn for so many steps, as long as others have something to do."""

    kind: str
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Actors of this kind do nothing for so long; time passes."""

    kind: str
    ms: int


AtVenue = Move | FillPart | ForeignOrder | ManualTrade | CancelByHand | ChangeByHand
"""What happens at a venue without the engine."""

Op = (
    Alert
    | Copy
    | Move
    | Walk
    | Pass
    | BreakVenue
    | FillPart
    | ForeignOrder
    | ManualTrade
    | CancelByHand
    | ChangeByHand
    | BreakStore
    | CrashActor
    | KillProcess
    | JumpClock
    | ChangeConfig
    | Pause
    | CloseGroup
    | RunOffset
    | ForceAdd
    | Flood
    | Slow
    | Hold
)


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    step: int
    """It happens once so many steps were made in this run, or as soon as nothing else is left to do."""
    op: Op


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A whole run. The same script gives the same run, message for message."""

    seed: int
    """Decides the configuration, the order of messages and whatever an op leaves to chance."""
    ops: tuple[At, ...]
    steps: int
    """After so many the faults stop and everything must settle."""
