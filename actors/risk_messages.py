"""What the risk engine, groups, Pool and the API tell each other about offsets, cuts, reduces and reverses."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from actors.messages import Draft, ReplyTo
from actors.rules.choices import World
from actors.rules.model import Cut, Queued, Reason, Signal
from actors.rules.risk_model import RiskAction
from actors.rules.settings import RiskSettings

# --- Risk and groups ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CutGroup:
    """Risk -> PositionGroup: close this much of what you hold; None: all of it. Repeated until answered (rule 18).

    Answered by `CutReported` to `report_to`, after each commit that changes the cut, and at once if it is known.
    """

    group_id: str
    cut_id: str
    quantity: Decimal | None
    reason: Reason
    worst_price: Decimal | None
    report_to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopCut:
    """Risk -> PositionGroup: sell no more for this cut. Answered like `CutGroup`."""

    group_id: str
    cut_id: str
    reason: Reason
    report_to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CutReported:
    """PositionGroup -> Risk, cumulative. `cut` None: the group is gone or knows no such cut and will not begin it.

    `targets_free`: no target stands in its way any more. `targets_whole`: it has ended and what rests is as it should.
    """

    group_id: str
    cut_id: str
    cut: Cut | None
    targets_free: bool = False
    targets_whole: bool = False
    closed: bool = False
    """The group is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FillsBooked:
    """Group's commit -> Risk: something filled (RISK-9, `evaluate_on_fill`)."""

    group_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLeft:
    """Group's commit -> Risk: from now on it is being closed, or blocked. An offset under way that it takes part in
    looks at it before it sells more (RISK-7). May get lost: it is looked at from time to time all the same.
    """

    group_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkRisk:
    """API or Risk -> PositionGroup: block, unblock, skip once (RISK-12). Answered with the `Group` or `Refused`."""

    group_id: str
    who: str
    reply_to: ReplyTo | None
    blocked: bool | None = None
    skip: bool | None = None
    why: str = ""


# --- Risk and the API -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewOffset:
    """API -> Risk: what would you do now, for this loser if one is named? Answered with `OffsetPlan` (RISK-11)."""

    group_id: str
    reply_to: ReplyTo


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOffset:
    """API -> Risk: do it now, without waiting for the timer (RISK-12). Answered with `RiskAction` or `Refused`."""

    group_id: str
    """Empty: the loser the engine would choose, its timer aside."""
    who: str
    reply_to: ReplyTo
    is_dry_run: bool = False
    """Answered all the same; nothing is stored or done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeRisk:
    """API -> Risk. Answered with `RiskDescription`."""

    reply_to: ReplyTo
    is_brief: bool = False
    """Without how each group stands, which takes a while with many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupStanding:
    """How one live group stands with the risk engine now (RISK-11)."""

    group_id: str
    obstacles: tuple[Reason, ...]
    """Empty: it is eligible."""
    unrealized: Decimal | None
    unrealized_percent: Decimal | None
    timer_start_ms: int | None
    timer_expire_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskDescription:
    world: World
    settings: RiskSettings
    is_running: bool
    """An offset is under way."""
    evaluate_time_ms: int | None
    next_evaluate_time_ms: int | None
    running: tuple[RiskAction, ...]
    last: RiskAction | None
    groups: tuple[GroupStanding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskState:
    """Risk's state as the store has it: actions that have not ended (RISK-7), and the newest that has."""

    actions: tuple[RiskAction, ...]
    last: RiskAction | None = None


# --- reduce and reverse ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ReduceBySignal:
    """Pool -> PositionGroup: a reduce signal (EXIT-6). The group works out how much and commits signal and cut."""

    draft: Draft
    signal: Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class ReduceGroup:
    """API -> PositionGroup. One of `percent` of what is held and `quantity` in the instrument's own unit. Answered with
    the `Group`, the cut among its cuts, or `Refused`. The same `cut_id` again changes nothing.
    """

    group_id: str
    cut_id: str
    percent: Decimal | None
    quantity: Decimal | None
    who: str
    reply_to: ReplyTo | None
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseGroup:
    """Pool -> PositionGroup: close; the other side opens in your slot then. `leaving`: K's queued signal, replaced.

    One commit gives the signal its outcome, begins the close, and puts the new side into the queue (`queued`:
    `is_reverse`, `is_decided`, REVERSING); its release tells Queue (`Requeued`) and Pool (`WaitingChanged`). From then
    on it is a queued signal like any other: an exit removes it, a newer one replaces it. When the group has closed,
    Pool keeps the slot for it until it has been tried.
    """

    draft: Draft
    signal: Signal
    queued: Queued
    leaving: Queued | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Requeued:
    """A reversing group's commit -> Queue, or Pool where that release was lost: this entry is stored and waits."""

    queued: Queued


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeLimits:
    """API -> Pool: what are the loss limits compared with now? Answered with `LimitsNow`."""

    reply_to: ReplyTo


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsNow:
    """What Pool judges its loss limits by (POOL-4)."""

    day_profit: Decimal | None
    """Realised since the day started, or since a person lifted its limit; None: it cannot be valued now."""
    drawdown_percent: Decimal | None
    """None: not known now, or not measured because no bound is set."""
    streak: int
    """Losses in a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftLimit:
    """API -> Pool: lift what a breached limit has set (POOL-4). Answered with `LimitStanding` or `Refused`."""

    who: str
    why: str
    reply_to: ReplyTo
