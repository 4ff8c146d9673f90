"""How orders and groups move from state to state. Two tables; what stands in neither is illegal (ORD-1, GRP-2).

Invariants:
1. An order leaves a final state only to `filled`, and only because a fill was reported after a cancel, an expiry or
   a rejection.
2. `filled` has no way out.
3. A repeated or overtaken report (an acknowledgement after the cancel, a cancel that met a complete fill, ORD-8)
   is no movement and no error.
4. A group moves forward; a new pyramid, a kept ladder and a late fill are the only ways back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from actors.rules.model import GroupState, OrderState


class OrderEvent(StrEnum):
    """What the exchange can say of an order. The two fill events are read from its trades, never from its state."""

    ACCEPTED = "accepted"
    PARTLY_FILLED = "partly_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class IllegalMove:
    """A report that contradicts what was reported before. The order stays as it is; its trades count all the same."""

    state: OrderState
    event: OrderEvent


_S = OrderState
_E = OrderEvent

ORDER_MOVES: Mapping[tuple[OrderState, OrderEvent], OrderState] = {
    (_S.PENDING, _E.ACCEPTED): _S.OPEN,
    (_S.PENDING, _E.PARTLY_FILLED): _S.PARTIALLY_FILLED,  # The fill came before the acknowledgement.
    (_S.PENDING, _E.FILLED): _S.FILLED,
    (_S.PENDING, _E.CANCELLED): _S.CANCELLED,  # Taken back before it was sent.
    (_S.PENDING, _E.REJECTED): _S.REJECTED,
    (_S.PENDING, _E.EXPIRED): _S.EXPIRED,
    (_S.OPEN, _E.ACCEPTED): _S.OPEN,
    (_S.OPEN, _E.PARTLY_FILLED): _S.PARTIALLY_FILLED,
    (_S.OPEN, _E.FILLED): _S.FILLED,
    (_S.OPEN, _E.CANCELLED): _S.CANCELLED,
    (_S.OPEN, _E.REJECTED): _S.REJECTED,  # Some venues acknowledge first and judge afterwards.
    (_S.OPEN, _E.EXPIRED): _S.EXPIRED,
    (_S.PARTIALLY_FILLED, _E.ACCEPTED): _S.PARTIALLY_FILLED,  # The acknowledgement came after the fill.
    (_S.PARTIALLY_FILLED, _E.PARTLY_FILLED): _S.PARTIALLY_FILLED,
    (_S.PARTIALLY_FILLED, _E.FILLED): _S.FILLED,
    (_S.PARTIALLY_FILLED, _E.CANCELLED): _S.CANCELLED,
    (_S.PARTIALLY_FILLED, _E.EXPIRED): _S.EXPIRED,
    (_S.FILLED, _E.ACCEPTED): _S.FILLED,
    (_S.FILLED, _E.PARTLY_FILLED): _S.FILLED,
    (_S.FILLED, _E.FILLED): _S.FILLED,
    (_S.FILLED, _E.CANCELLED): _S.FILLED,  # Cancelling an order that has just filled is no error (ORD-8).
    (_S.CANCELLED, _E.ACCEPTED): _S.CANCELLED,  # An acknowledgement overtaken by the cancel.
    (_S.CANCELLED, _E.PARTLY_FILLED): _S.CANCELLED,  # The fill counts, the rest stays cancelled.
    (_S.CANCELLED, _E.FILLED): _S.FILLED,  # The fill won the race; the cancel's answer came first.
    (_S.CANCELLED, _E.CANCELLED): _S.CANCELLED,
    (_S.CANCELLED, _E.EXPIRED): _S.CANCELLED,  # Venues use both words for one end; the first one stays.
    (_S.CANCELLED, _E.REJECTED): _S.CANCELLED,  # Taken back before it was sent, then found never to have arrived.
    (_S.EXPIRED, _E.ACCEPTED): _S.EXPIRED,
    (_S.EXPIRED, _E.PARTLY_FILLED): _S.EXPIRED,
    (_S.EXPIRED, _E.FILLED): _S.FILLED,
    (_S.EXPIRED, _E.CANCELLED): _S.EXPIRED,
    (_S.EXPIRED, _E.EXPIRED): _S.EXPIRED,
    (_S.REJECTED, _E.PARTLY_FILLED): _S.REJECTED,  # Called dead, and yet it traded: money has moved, so it counts.
    (_S.REJECTED, _E.FILLED): _S.FILLED,
    (_S.REJECTED, _E.CANCELLED): _S.REJECTED,
    (_S.REJECTED, _E.REJECTED): _S.REJECTED,
    # Illegal, because the exchange contradicts itself where it matters: rejected or expired after a complete fill,
    # rejected after a part of it, alive after a rejection.
}

EVENT_OF_STATE: Mapping[OrderState, OrderEvent | None] = {
    _S.PENDING: None,
    _S.OPEN: _E.ACCEPTED,
    _S.PARTIALLY_FILLED: _E.ACCEPTED,
    _S.FILLED: _E.ACCEPTED,  # Complete only when its trades are: what they do not show yet cannot be sold again.
    _S.CANCELLED: _E.CANCELLED,
    _S.REJECTED: _E.REJECTED,
    _S.EXPIRED: _E.EXPIRED,
}
"""What a reported state means for an order whose trades have been counted."""


def move_order(state: OrderState, event: OrderEvent) -> OrderState | IllegalMove:
    """The order's next state, or the contradiction (ORD-1)."""
    return ORDER_MOVES.get((state, event)) or IllegalMove(state=state, event=event)


class GroupEvent(StrEnum):
    """Why a group changes its state."""

    ENTRY_FILLED = "entry_filled"
    ENTRIES_FINISHED = "entries_finished"
    """Every entry leg is filled or otherwise finished, and something is held."""
    PYRAMID_ADDED = "pyramid_added"
    LADDER_KEPT = "ladder_kept"
    """Flat again, the unfilled rest of the ladder waits (`on_flat: keep`)."""
    CLOSE_STARTED = "close_started"
    CLOSE_DONE = "close_done"
    LATE_FILL = "late_fill"


_G = GroupState
_V = GroupEvent

GROUP_MOVES: Mapping[tuple[GroupState, GroupEvent], GroupState] = {
    (_G.LIVE, _V.ENTRY_FILLED): _G.PARTIALLY_FILLED,
    (_G.LIVE, _V.ENTRIES_FINISHED): _G.ACTIVE,
    (_G.LIVE, _V.CLOSE_STARTED): _G.CLOSING,
    (_G.PARTIALLY_FILLED, _V.ENTRIES_FINISHED): _G.ACTIVE,
    (_G.PARTIALLY_FILLED, _V.LADDER_KEPT): _G.LIVE,
    (_G.PARTIALLY_FILLED, _V.CLOSE_STARTED): _G.CLOSING,
    (_G.ACTIVE, _V.PYRAMID_ADDED): _G.PARTIALLY_FILLED,
    (_G.ACTIVE, _V.CLOSE_STARTED): _G.CLOSING,
    (_G.CLOSING, _V.CLOSE_DONE): _G.CLOSED,
    (_G.CLOSED, _V.LATE_FILL): _G.CLOSING,
}


def move_group(state: GroupState, event: GroupEvent) -> GroupState:
    """The group's next state (GRP-2). KeyError for an illegal movement: the engine moves groups, so it is a bug."""
    return GROUP_MOVES[state, event]
