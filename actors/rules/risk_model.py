"""What the risk engine decides and does, as values: a plan, its steps, and what came of them (RISK-6, RISK-7, RISK-10).

Amounts are in the quote currency of the loser, quantities in the instrument's own unit (base, or contracts on a swap).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from actors.rules.choices import World
from actors.rules.model import Reason
from actors.rules.money import ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetWinner:
    """What would be taken from one winner."""

    group_id: str
    account: str
    symbol: str
    quantity: Decimal
    """On the step; all that is held if `is_whole`."""
    expected_profit: Decimal
    """Fees of the close taken off; those of its entries were realised when they were paid."""
    is_whole: bool
    worst_price: Decimal
    """Worse than this it brings no profit any more and is not sold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetPlan:
    """What would be closed to take one loser out, or why nothing would be."""

    loser_group_id: str
    """Empty: no group can be picked."""
    quote: str
    required: Decimal = ZERO
    """Loss of the loser, fees of the closes and the slippage buffer."""
    loss: Decimal = ZERO
    """The loser's unrealised loss as a positive amount."""
    fees: Decimal = ZERO
    """Of all closes, estimated."""
    buffer: Decimal = ZERO
    winners: tuple[OffsetWinner, ...] = ()
    expected_profit: Decimal = ZERO
    is_sufficient: bool = False
    loser_percent: Decimal = ZERO
    """Share of the loser that would be closed."""
    loser_quantity: Decimal = ZERO
    reason: Reason | None = None
    """Why nothing, or only a part, would be done."""
    detail: str = ""
    obstacles: tuple[Reason, ...] = ()
    """What stands in the way of this loser; empty: it is eligible."""


class RiskActionState(StrEnum):
    PLANNED = "planned"
    RUNNING = "running"
    DONE = "done"
    PARTIAL = "partial"
    SKIPPED = "skipped"
    """Evaluated and not done."""
    STOPPED = "stopped"

    @property
    def is_final(self) -> bool:
        return self not in (RiskActionState.PLANNED, RiskActionState.RUNNING)


class RiskStepKind(StrEnum):
    CANCEL_TARGETS = "cancel_targets"
    CLOSE_WINNER = "close_winner"
    RESTORE_TARGETS = "restore_targets"
    CLOSE_LOSER = "close_loser"


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskStep:
    index: int
    kind: RiskStepKind
    group_id: str
    quantity: Decimal | None = None
    """None until it is known; all that was held then, if `is_whole`."""
    is_whole: bool = False
    worst_price: Decimal | None = None
    is_asked: bool = False
    """The group is asked for this cut from here on, until it has answered how it ended (rule 18)."""
    is_done: bool = False
    sold: Decimal = ZERO
    realized: Decimal = ZERO
    result: str = ""
    """For a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskAction:
    """One evaluation that picked a loser, and what came of it. Stored whole with every step (RISK-7, RISK-10)."""

    action_id: str
    """Letters and digits. The cut of step n in a group is named `<action_id>:<n>` (rule 18)."""
    world: World
    quote: str
    state: RiskActionState
    reason: Reason | None = None
    detail: str = ""
    plan: OffsetPlan
    steps: tuple[RiskStep, ...] = ()
    realized_profit: Decimal = ZERO
    """Of the winners' sales, fees taken off."""
    realized_loss: Decimal = ZERO
    """Of the loser, as a positive amount."""
    is_manual: bool = False
    who: str = ""
    create_time_ms: int
    end_time_ms: int | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    """What it was decided from, readable, by name."""
