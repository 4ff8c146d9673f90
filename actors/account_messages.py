"""What an account's exchange, its Gateway and the groups on it tell each other besides orders and prices."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from actors.messages import ReplyTo
from actors.rules.model import Group, Order, OrderReport, Side, Trade
from actors.rules.records import AddBooking, SaveDrift

# --- exchange adapter -> Gateway ------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamChanged:
    """A stream came up or went down. Nothing missed is replayed: after `is_up` the gateway compares (ORD-7)."""

    incarnation: int
    stream: str
    """`orders`, `trades`, `balances` or `prices`."""
    is_up: bool
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockMeasured:
    """The venue's clock less ours. Requests are corrected by it already."""

    incarnation: int
    offset_ms: int
    round_trip_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Banned:
    """The venue takes nothing from this address for so long from when this is heard: the clock may be set meanwhile."""

    incarnation: int
    for_ms: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountProbed:
    """The answer to `Exchange.probe`: (what was tried, is it well, what is wrong and what to do)."""

    incarnation: int
    checks: tuple[tuple[str, bool, str], ...]
    may_withdraw: bool | None = None
    """None: the venue does not say."""
    is_key_known: bool = True
    """False: the probe did not come as far as what the key may do, or that question failed."""


class ForeignCause(StrEnum):
    """Why a position changed without an order of ours (ORD-13)."""

    LIQUIDATION = "liquidation"
    AUTO_DELEVERAGING = "auto_deleveraging"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignTraded:
    """Executions of orders that are not ours, on a swap account. `side`: of the position they reduced."""

    incarnation: int
    symbol: str
    side: Side
    cause: ForeignCause
    trades: tuple[Trade, ...]
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingPaid:
    """A funding payment of one position. `amount` > 0 was received, < 0 paid, in quote (PNL-1)."""

    incarnation: int
    funding_id: str
    symbol: str
    side: Side | None
    """None: the venue does not say; a one-way account has one."""
    amount: Decimal
    time_ms: int


# --- Gateway <-> groups, store and API ------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class WantPrices:
    """A group or the Queue -> Gateway: prices that are needed though no threshold is set (QUE-2, PNL-1).

    Real accounts stream what somebody wants, and nothing else.
    """

    owner: str
    symbols: frozenset[str]
    is_whole: bool = True
    """False: besides those the owner wants already. An empty whole set: nothing any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendOrders:
    """Group's commit -> Gateway: bring these orders to their `wanted` price and quantity (ORD-9)."""

    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetellOrders:
    """PositionGroup, loaded -> Gateway: these have ended, with these executions. Whatever more is known is told again:
    who heard it may have gone before it was durable.
    """

    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """What the store holds of one account: its groups that are not closed, with their orders (ORD-7)."""

    account: str
    groups: tuple[Group, ...]
    """Without their final orders and without trades: what they hold and what of theirs may still fill."""
    drifts: tuple[SaveDrift, ...] = ()
    """Differences that stand: open or accepted."""
    bookings: tuple[AddBooking, ...] = ()
    """Shares decided but not yet in their groups' books, of groups that are not closed."""
    booked_ids: tuple[str, ...] = ()
    """Ids of the newest bookings, oldest first: what is reported again is told by them."""
    known_ids: frozenset[str] = frozenset()
    """Those of the client order ids that were asked about which the store knows, in whatever state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareBooked:
    """Gateway's commit -> PositionGroup: take your share into your books (ORD-13, PNL-1). A new gateway tells it again
    until it is there.
    """

    booking: AddBooking


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptOrder:
    """Gateway -> PositionGroup: an order of ours that you do not know. Sound: it is yours from here on, the difference
    is saved with it, and the gateway gets `OrderAdopted`. `reply_to` gets the difference or `Refused`.
    """

    order: Order
    report: OrderReport
    drift: SaveDrift
    is_dry_run: bool
    reply_to: ReplyTo


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAdopted:
    """Group's commit -> Gateway."""

    order: Order
    drift: SaveDrift


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveDrift:
    """API -> Gateway. Answered with the `records.SaveDrift` row after it, or `Refused`."""

    drift_id: str
    resolution: str
    """`adopt`, `ignore` or `flatten`."""
    group_id: str
    who: str
    is_dry_run: bool
    reply_to: ReplyTo
