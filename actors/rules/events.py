"""What can happen to a position group, and what a decision about it asks for.

Events go into `position.step`, effects come out of it. Both are values: the PositionGroup actor turns
messages into events and effects into messages, and decides nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from actors.rules.model import Group, Instrument, LadderPlan, Order, OrderReport, Quote, Reason, Signal, Trade
from actors.rules.settings import ExecutionSettings, FeeSettings, RiskSettings

# --- what is known when a decision is made --------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The world around a group at the moment of a decision. Values only; the rules read nothing else.

    `quote` None: there is no price at all. `instrument` is the catalogue's newest, else the group's own snapshot.
    """

    now_ms: int
    quote: Quote | None
    instrument: Instrument
    execution: ExecutionSettings
    prefix: str
    """The installation's part of every client order id, with the standby epoch (ORD-2)."""
    fees: FeeSettings
    """What the account charges, for targets net of fees (TP-1)."""
    can_amend: bool = False
    """Whether the account's exchange changes orders in place (ORD-9)."""
    can_stop: bool = False
    """Whether reduce-only stops can rest at the account's exchange (TP-9)."""
    is_traded: bool = True
    """Whether the account is traded by this process: one that could not be opened gets no price and takes no order."""
    is_held_by_stop: bool = False
    """Whether a stop of another group of the same position may still fill: entries wait for its end (GRP-6)."""
    shares_position: bool = False
    """Whether another group that is not closed trades the same position of the account (GRP-6)."""
    risk: RiskSettings = field(default_factory=RiskSettings)
    """For the group's risk timer (RISK-2)."""


# --- events ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PyramidAdded:
    """A continuation, planned and reserved for by Pool (PYR-1)."""

    signal: Signal
    plan: LadderPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseAsked:
    """Exit signal or a person's command: close whatever is held (EXIT-1)."""

    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelEntriesAsked:
    """Unfilled entries are given up; targets and what is held stay."""

    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersReported:
    """What the exchange says of some of the group's orders. Cumulative, so repeating is harmless (ORD-5)."""

    reports: tuple[OrderReport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceCrossed:
    """A watched threshold was reached."""

    watch_id: str
    quote: Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareTaken:
    """A part of what the group holds went without an order of ours (ORD-13). `trade`: the group's own share of it."""

    trade: Trade
    cause: str
    """`liquidation`, `auto_deleveraging`, `manual`, or `adopted`: written down to what is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingBooked:
    """The group's share of a funding payment (PNL-1). > 0 was received."""

    funding_id: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAdopted:
    """A person gives the group an order of ours that it does not know (ORD-7)."""

    order: Order
    """As it is at the exchange, without its trades."""
    report: OrderReport


@dataclass(frozen=True, slots=True, kw_only=True)
class CutAsked:
    """Close a part of what is held (EXIT-6, RISK-7). The same `cut_id` again changes nothing.

    `quantity` in the instrument's own unit, at most what is held; None: all of it, and the group closes.
    """

    cut_id: str
    quantity: Decimal | None
    reason: Reason
    worst_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CutStopped:
    """Sell no more for this cut; targets are made whole again. A whole one cannot be stopped."""

    cut_id: str
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseAsked:
    """Close, and open the other side with this signal when that is done (SIG-6)."""

    signal: Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskMarked:
    """A person, or the risk engine after a skip was used up, sets these; None leaves it as it is (RISK-12)."""

    blocked: bool | None = None
    skip: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeReached:
    """A wake-up asked for earlier, or the end of loading: look at everything again."""


Event = (
    PyramidAdded
    | CloseAsked
    | CancelEntriesAsked
    | OrdersReported
    | PriceCrossed
    | ShareTaken
    | FundingBooked
    | OrderAdopted
    | CutAsked
    | CutStopped
    | ReverseAsked
    | RiskMarked
    | TimeReached
)


# --- effects --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOrders:
    """Send these orders, already part of the group as `pending`. Urgency is read from their role."""

    client_order_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrders:
    client_order_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendOrders:
    """Bring these orders to their `wanted` price and quantity (ORD-9)."""

    client_order_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveOrders:
    """Find out the fate of these orders by client order id until it is certain (ORD-3)."""

    client_order_ids: tuple[str, ...]


class Direction(StrEnum):
    AT_OR_ABOVE = "at_or_above"
    AT_OR_BELOW = "at_or_below"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Tell once when the price a close of `closing` side would hit reaches `price` from the given direction."""

    watch_id: str
    direction: Direction
    price: Decimal
    book_side: str
    """`bid` or `ask`: which side of the book is compared."""
    since_ms: int = 0
    """When the fills it follows from were learnt of: for a moment after, an older price says nothing about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetWatches:
    """The group's whole set of thresholds; it replaces the earlier set, empty clears it."""

    watches: tuple[Watch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeAt:
    """One wake-up, replacing an earlier one."""

    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A line for the event log, and an alert if `alert` names one (its de-duplication key)."""

    severity: str
    """`info`, `warning`, `error`."""
    category: str
    """LOG-1: engine, signal, precision, order, risk, exchange, config, security, system."""
    type: str
    message: str
    alert: str = ""
    client_order_id: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


Effect = SubmitOrders | CancelOrders | AmendOrders | ResolveOrders | SetWatches | WakeAt | Note


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What becomes of a group. `effects` may leave only after `group` is durable."""

    group: Group
    effects: tuple[Effect, ...] = ()
