"""The words of the engine as values: instruments, signals, groups, ladders, orders, fills.

Everything here is immutable. A change is a new value (`dataclasses.replace`), so a decision can be
thrown away and two readers never see half of one.

Units: prices are quote per base, quantities are in the instrument's own unit (base on spot, contracts
of `contract_size` base on swap), money is quote, times are UTC milliseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from actors.rules.choices import Market, World
from actors.rules.settings import StrategySettings

ZERO = Decimal(0)


class Side(StrEnum):
    """Direction of a group, fixed when it opens."""

    LONG = "long"
    SHORT = "short"

    @property
    def opposite(self) -> Side:
        return Side.SHORT if self is Side.LONG else Side.LONG

    @property
    def entry(self) -> OrderSide:
        """The order side that builds this position."""
        return OrderSide.BUY if self is Side.LONG else OrderSide.SELL

    @property
    def exit(self) -> OrderSide:
        """The order side that takes it down again."""
        return OrderSide.SELL if self is Side.LONG else OrderSide.BUY

    @property
    def sign(self) -> int:
        return 1 if self is Side.LONG else -1


class OrderSide(StrEnum):
    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    LIMIT = "limit"
    MARKET = "market"
    STOP = "stop"
    """Becomes a market order when the trigger price is reached."""


class TimeInForce(StrEnum):
    GTC = "gtc"
    IOC = "ioc"
    POST_ONLY = "post_only"


class Role(StrEnum):
    ENTRY = "entry"
    TAKE_PROFIT = "take_profit"
    STOP = "stop"
    CLOSE = "close"


class OrderState(StrEnum):
    """ORD-1. The last four are final, except that a late fill still counts."""

    PENDING = "pending"
    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        return self in _FINAL


_FINAL = frozenset({OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.EXPIRED})


class GroupState(StrEnum):
    """GRP-2."""

    LIVE = "live"
    PARTIALLY_FILLED = "partially_filled"
    ACTIVE = "active"
    CLOSING = "closing"
    CLOSED = "closed"


class LegState(StrEnum):
    PENDING = "pending"
    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    TP_HIT = "tp_hit"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    CLOSED = "closed"


class Intent(StrEnum):
    """What a signal wants (SIG-6)."""

    ENTRY = "entry"
    EXIT = "exit"
    REDUCE = "reduce"
    REVERSE = "reverse"
    IGNORE = "ignore"


class SizeType(StrEnum):
    """How `order_size` of a signal is meant."""

    CONTRACTS = "contracts"
    BASE = "base"
    QUOTE = "quote"


class Outcome(StrEnum):
    """SIG-10. `queued` and `replaced` are answers on the way, the rest are final."""

    OPENED = "opened"
    PYRAMIDED = "pyramided"
    QUEUED = "queued"
    REPLACED = "replaced"
    EXITED = "exited"
    REDUCED = "reduced"
    REVERSED = "reversed"
    DEQUEUED = "dequeued"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    EVICTED = "evicted"
    REMOVED = "removed"

    @property
    def is_final(self) -> bool:
        return self not in (Outcome.QUEUED, Outcome.REPLACED)


class Reason(StrEnum):
    """Why something was decided so. Stored with the outcome and shown to the user as it stands here."""

    # Accepted
    OK = "OK"
    # The alert itself
    INVALID_BODY = "INVALID_BODY"
    UNKNOWN_SYMBOL = "UNKNOWN_SYMBOL"
    SYMBOL_DENIED = "SYMBOL_DENIED"
    NO_ROUTE = "NO_ROUTE"
    SHORT_ON_SPOT = "SHORT_ON_SPOT"
    TOO_OLD = "TOO_OLD"
    TOO_FAR_AHEAD = "TOO_FAR_AHEAD"
    NOT_BUILT = "NOT_BUILT"
    """The intent is understood, but this version cannot act on it."""
    # Routing
    SAME_POSITION = "SAME_POSITION"
    NO_POSITION = "NO_POSITION"
    OLDER_THAN_GROUP = "OLDER_THAN_GROUP"
    SIDE_MISMATCH = "SIDE_MISMATCH"
    MAX_PYRAMIDS = "MAX_PYRAMIDS"
    REPLACEMENT_OFF = "REPLACEMENT_OFF"
    NEWER_SIGNAL = "NEWER_SIGNAL"
    # Waiting, or refused by a limit
    POOL_FULL = "POOL_FULL"
    ACCOUNT_POOL_FULL = "ACCOUNT_POOL_FULL"
    OPPOSITE_SIDE = "OPPOSITE_SIDE"
    OPPOSITE_ON_INSTRUMENT = "OPPOSITE_ON_INSTRUMENT"
    GROUP_CLOSING = "GROUP_CLOSING"
    PRECISION_MISSING = "PRECISION_MISSING"
    PRICE_MISSING = "PRICE_MISSING"
    PRICE_STALE = "PRICE_STALE"
    MAX_GROUPS_PER_SYMBOL = "MAX_GROUPS_PER_SYMBOL"
    MAX_TOTAL_EXPOSURE = "MAX_TOTAL_EXPOSURE"
    INSUFFICIENT_BALANCE = "INSUFFICIENT_BALANCE"
    ACCOUNT_PAUSED = "ACCOUNT_PAUSED"
    ENGINE_PAUSED = "ENGINE_PAUSED"
    ACCOUNT_NOT_READY = "ACCOUNT_NOT_READY"
    NEIGHBOUR_STOP = "NEIGHBOUR_STOP"
    """A stop that another group of the same position has at the exchange is being taken back (GRP-6)."""
    INSTRUMENT_HELD = "INSTRUMENT_HELD"
    """The store and the exchange differ about the instrument; entries wait until that is settled (ORD-7)."""
    QUEUE_FULL = "QUEUE_FULL"
    QUEUE_LOWEST = "QUEUE_LOWEST"
    WAITED_TOO_LONG = "WAITED_TOO_LONG"
    PRICE_DEVIATED = "PRICE_DEVIATED"
    # Preflight (POOL-5)
    BELOW_MIN_QUANTITY = "BELOW_MIN_QUANTITY"
    ABOVE_MAX_QUANTITY = "ABOVE_MAX_QUANTITY"
    BELOW_MIN_NOTIONAL = "BELOW_MIN_NOTIONAL"
    OUTSIDE_PRICE_BAND = "OUTSIDE_PRICE_BAND"
    TOO_MANY_OPEN_ORDERS = "TOO_MANY_OPEN_ORDERS"
    UNSELLABLE_AFTER_FEES = "UNSELLABLE_AFTER_FEES"
    SIZE_MISSING = "SIZE_MISSING"
    INSTRUMENT_INACTIVE = "INSTRUMENT_INACTIVE"
    # Why a group closes
    EXIT_SIGNAL = "EXIT_SIGNAL"
    MANUAL = "MANUAL"
    FLAT = "FLAT"
    """Every target hit, nothing left to manage (GRP-4)."""
    UNFILLED_TTL = "UNFILLED_TTL"
    ENTRIES_REFUSED = "ENTRIES_REFUSED"
    ENTRIES_FINISHED = "ENTRIES_FINISHED"
    """No entry can fill any more and nothing sellable is held."""
    LATE_FILL = "LATE_FILL"
    TAKE_PROFIT = "TAKE_PROFIT"
    LIQUIDATED = "LIQUIDATED"
    """The venue took the position away (ORD-13)."""
    EXTERNAL_CLOSE = "EXTERNAL_CLOSE"
    """Somebody else closed what was held, or it was written down to what is there (ORD-13, ORD-7)."""
    STOP_LOSS = "STOP_LOSS"
    TRAILING_STOP = "TRAILING_STOP"
    BREAK_EVEN = "BREAK_EVEN"
    """A stop that had been moved to the entry was reached (TP-9)."""
    RISK_OFFSET = "RISK_OFFSET"
    """Closed by the risk engine: a loser, or a winner that pays for one (RISK-7)."""
    REDUCE_SIGNAL = "REDUCE_SIGNAL"
    REVERSE_SIGNAL = "REVERSE_SIGNAL"
    LIMIT_BREACHED = "LIMIT_BREACHED"
    """A limit whose consequence is `reduce_only` or `close_all` (POOL-4)."""
    # Limits that were breached (POOL-3, POOL-4)
    MAX_REALIZED_LOSS_PER_DAY = "MAX_REALIZED_LOSS_PER_DAY"
    MAX_DRAWDOWN_PERCENT = "MAX_DRAWDOWN_PERCENT"
    MAX_CONSECUTIVE_LOSSES = "MAX_CONSECUTIVE_LOSSES"
    COOLDOWN_AFTER_LOSS = "COOLDOWN_AFTER_LOSS"
    # Reverse (SIG-6)
    REVERSING = "REVERSING"
    """The new side of a reverse waits for the slot of the group it closes; that slot is kept for it."""
    # What stands in the way of an offset (RISK-1, RISK-5, RISK-6)
    RISK_DISABLED = "RISK_DISABLED"
    NO_LOSER = "NO_LOSER"
    NOT_FILLED = "NOT_FILLED"
    """Nothing of the group is filled yet."""
    NOT_ENOUGH_PYRAMIDS = "NOT_ENOUGH_PYRAMIDS"
    TIMER_NOT_STARTED = "TIMER_NOT_STARTED"
    TIMER_RUNNING = "TIMER_RUNNING"
    ABOVE_LOSS_THRESHOLD = "ABOVE_LOSS_THRESHOLD"
    TOO_YOUNG = "TOO_YOUNG"
    BLOCKED = "BLOCKED"
    SKIPPED = "SKIPPED"
    OFFSET_RUNNING = "OFFSET_RUNNING"
    """An offset of the same world and quote currency is under way (RISK-9)."""
    NO_WINNERS = "NO_WINNERS"
    INSUFFICIENT_PROFIT = "INSUFFICIENT_PROFIT"
    SHORTFALL = "SHORTFALL"
    """The winners brought less than was needed: only the covered share of the loser was closed (RISK-7)."""
    RECOVERED = "RECOVERED"
    """The loser is no loser any more (RISK-7)."""
    NOT_PROFITABLE = "NOT_PROFITABLE"
    """Selling now would bring no profit; the price has gone against the plan."""
    STOPPED_BY_USER = "STOPPED_BY_USER"
    # Orders
    BAD_PRICE = "BAD_PRICE"
    BAD_QUANTITY = "BAD_QUANTITY"
    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"
    WOULD_TAKE = "WOULD_TAKE"
    NOTHING_TO_REDUCE = "NOTHING_TO_REDUCE"
    DUPLICATE_CLIENT_ORDER_ID = "DUPLICATE_CLIENT_ORDER_ID"
    ORDER_NOT_FOUND = "ORDER_NOT_FOUND"
    NEVER_ACCEPTED = "NEVER_ACCEPTED"
    """The request can no longer arrive at the exchange and never did."""
    RETRIES_EXHAUSTED = "RETRIES_EXHAUSTED"
    STALE_ENTRY = "STALE_ENTRY"
    EXCHANGE_REFUSED = "EXCHANGE_REFUSED"
    ENTRY_TTL = "ENTRY_TTL"
    BEYOND_LADDER = "BEYOND_LADDER"
    # The account at its exchange
    AUTHENTICATION_FAILED = "AUTHENTICATION_FAILED"
    """The exchange does not take this key, its signature or passphrase, or not from this address."""
    PERMISSION_DENIED = "PERMISSION_DENIED"
    """The key is good but may not do this, or the account is barred from it."""
    POSITION_MODE_MISMATCH = "POSITION_MODE_MISMATCH"
    """One-way or hedge: the account is set up otherwise than the config says."""
    RATE_LIMITED = "RATE_LIMITED"
    # The engine
    READ_ONLY = "READ_ONLY"
    STORE_FAILED = "STORE_FAILED"
    STORE_SLOW = "STORE_SLOW"
    """Each commit takes so long that no entries are taken until it is quick again (REC-4)."""
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    OVERLOADED = "OVERLOADED"
    NOT_FOUND = "NOT_FOUND"
    STOPPING = "STOPPING"
    POISONED = "POISONED"
    """The message stopped an actor twice and was put aside as a dead letter (REC-2)."""
    REMOVED_BY_USER = "REMOVED_BY_USER"
    NOT_ADOPTABLE = "NOT_ADOPTABLE"
    """Taking it into the books would not be sound (ORD-7)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A refusal is a value: it travels back to whoever asked, with words for a person."""

    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One market of an account with its precision rules (PRC-1). None means the venue has no such rule."""

    account: str
    symbol: str
    """ccxt's unified symbol, `BTC/USDT` or `BTC/USDT:USDT`."""
    venue_symbol: str
    """The venue's own name, `BTCUSDT`, as TradingView sends it."""
    base: str
    quote: str
    market: Market
    tick_size: Decimal
    step_size: Decimal
    min_quantity: Decimal
    min_notional: Decimal
    max_quantity: Decimal | None = None
    market_min_quantity: Decimal | None = None
    market_max_quantity: Decimal | None = None
    market_step_size: Decimal | None = None
    contract_size: Decimal = Decimal(1)
    band_down: Decimal | None = None
    """Lowest allowed price as a factor of the mark, 0.2 is a fifth of it."""
    band_up: Decimal | None = None
    max_open_orders: int | None = None
    active: bool = True
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    buy_band_down: Decimal | None = None
    """Like `band_down`, for one side alone. Where both are known both hold."""
    buy_band_up: Decimal | None = None
    sell_band_down: Decimal | None = None
    sell_band_up: Decimal | None = None
    max_notional: Decimal | None = None
    """Most a limit order may be worth, in quote."""
    market_min_notional: Decimal | None = None
    """Least a market order must be worth where that differs: venues value it at a price of their own."""
    market_max_notional: Decimal | None = None
    exit_min_notional: Decimal | None = None
    """Least an order that only reduces must be worth where that differs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Best bid and ask (else the last trade on both sides) and when they were seen."""

    bid: Decimal
    ask: Decimal
    time_ms: int

    @property
    def mid(self) -> Decimal:
        return (self.bid + self.ask) / 2

    def closing(self, side: Side) -> Decimal:
        """The price a close of that side would hit: bid for long, ask for short."""
        return self.bid if side is Side.LONG else self.ask


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Key:
    """What makes a trade one trade. Strategy and source are empty unless `engine.group_key` names them."""

    account: str
    symbol: str
    timeframe: str
    strategy: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One accepted alert, understood: the account and instrument are known, the intent is derived.

    `side` is the side the signal speaks of: the side to enter, or the side to close if an exit names one.
    """

    signal_id: str
    source: str
    key: Key
    intent: Intent
    side: Side | None
    entry_price: Decimal | None
    """The signal's own entry price, else its close price, else None (then the mark, SIG-1)."""
    close_price: Decimal | None = None
    order_size: Decimal | None = None
    size_type: SizeType = SizeType.CONTRACTS
    market_position_size: Decimal | None = None
    prev_market_position_size: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    max_slippage_percent: Decimal | None = None
    trade_id: str = ""
    alert_name: str = ""
    alert_message: str = ""
    sent_time_ms: int | None = None
    """The alert's own timestamp."""
    receive_time_ms: int
    """Arrival at the forwarder, or at the daemon for direct senders."""
    max_age_s: int = 300
    idempotency_key: str
    idempotency_window_s: int = 86_400
    body: str = ""
    """As it arrived, its secret removed."""
    replay_of: str = ""
    """Id of the stored signal that a person sent again as this one (SIG-11)."""

    @property
    def stamp_ms(self) -> int:
        """The time that orders signals of one key: the sender's, else the arrival."""
        return self.receive_time_ms if self.sent_time_ms is None else self.sent_time_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One execution at the exchange, counted once per `trade_id` (ORD-5)."""

    trade_id: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    """In `fee_asset`, > 0 is paid, < 0 is a rebate."""
    fee_asset: str
    fee_value: Decimal
    """The fee in quote when it was paid (PNL-1): base fees at the fill price, third assets at their mark."""
    time_ms: int
    maker: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order of a group. Scope: of a leg (pyramid and leg set), of a pyramid, or of the whole group."""

    client_order_id: str
    group_id: str
    account: str
    symbol: str
    pyramid: int | None
    leg: int | None
    role: Role
    attempt: int
    side: OrderSide
    type: OrderType
    time_in_force: TimeInForce = TimeInForce.GTC
    reduce_only: bool = False
    price: Decimal | None
    trigger_price: Decimal | None = None
    quantity: Decimal
    expected_price: Decimal | None = None
    """What a market order was expected to cost when it was decided (EXIT-4)."""
    state: OrderState = OrderState.PENDING
    exchange_order_id: str = ""
    trades: tuple[Trade, ...] = ()
    cancel_requested: bool = False
    reason: Reason | None = None
    words: str = ""
    """The exchange's own words for a refusal."""
    create_time_ms: int
    update_time_ms: int
    filled_quantity: Decimal = ZERO
    filled_notional: Decimal = ZERO
    """Sum of price x quantity x contract size of the trades."""
    wanted_price: Decimal | None = None
    """While it is being amended: the price it shall have; None: the one it has (ORD-9)."""
    wanted_quantity: Decimal | None = None
    """Likewise the whole quantity, what is filled of it included."""
    amend_time_ms: int | None = None
    """When it was last asked to be amended."""

    @property
    def is_final(self) -> bool:
        return self.state in _FINAL

    @property
    def is_amending(self) -> bool:
        """Whether it is uncertain which price and quantity it has at the exchange."""
        return self.wanted_price is not None or self.wanted_quantity is not None

    @property
    def most(self) -> Decimal:
        """The largest quantity it may have at the exchange: before an amend is certain, the larger of both."""
        return self.quantity if self.wanted_quantity is None else max(self.quantity, self.wanted_quantity)

    @property
    def remaining(self) -> Decimal:
        """What could still fill; zero once the order is final."""
        return ZERO if self.is_final else self.most - self.filled_quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """Quantity held and what it cost in quote, fees excluded."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLeg:
    """A leg of a ladder as it is going to be ordered."""

    index: int
    gap_percent: Decimal
    weight_percent: Decimal
    tp_percent: Decimal
    price: Decimal
    quantity: Decimal
    market: bool = False
    """True for a first leg that enters by market order (DCA-4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderPlan:
    """A pyramid that passed its preflight (POOL-5). `notional` is what its entries cost at worst, fees included."""

    entry_price: Decimal
    capital: Decimal
    legs: tuple[PlannedLeg, ...]
    notional: Decimal
    notes: tuple[str, ...] = ()
    """What was merged, skipped or assumed, for the record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One planned entry and what became of it. Its orders are in the group, found by pyramid and leg index."""

    pyramid: int
    index: int
    gap_percent: Decimal
    weight_percent: Decimal
    tp_percent: Decimal
    price: Decimal
    quantity: Decimal
    market: bool = False
    lot: Lot = field(default_factory=Lot)
    """What is held of it now (net of fees taken in base)."""
    bought_quantity: Decimal = ZERO
    """Gross entry fills so far."""
    bought_cost: Decimal = ZERO
    sold_quantity: Decimal = ZERO
    sold_proceeds: Decimal = ZERO
    cancel_reason: Reason | None = None
    """Set when its entry is given up: nothing more is placed for it."""
    wait_reason: Reason | None = None
    """Why its entry is not placed yet (price band, open-order count, price missing)."""

    @property
    def average_fill_price(self) -> Decimal | None:
        """Quote per base over the entry fills, contract size taken out by the caller's instrument (PNL-1)."""
        return self.bought_cost / self.bought_quantity if self.bought_quantity else None


class CutState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    """Ended early; what was sold by then stands beside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CutPart:
    """What a cut still takes from one leg."""

    pyramid: int
    leg: int
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A part of what is held that is being closed, by a reduce or by the risk engine (EXIT-6, RISK-7, RISK-8).

    While it runs, targets give way to it; when it has ended they are whole again for what is left. What targets and
    others sell meanwhile counts as sold for it. `quantity` is on the step, in the instrument's own unit.
    """

    cut_id: str
    """Of who asked: repeating the question is harmless."""
    reason: Reason
    quantity: Decimal
    is_whole: bool = False
    """Everything that is held: the group closes with it."""
    parts: tuple[CutPart, ...] = ()
    """What is still to be sold, from the leg with the farthest target inward. Empty for a whole one, for one that waits
    for another to end, and for one that has sold all."""
    worst_price: Decimal | None = None
    """It is not sold on at a price worse than this; the cut stops instead."""
    sold: Decimal = ZERO
    """Sold since it began, by whichever order."""
    realized: Decimal = ZERO
    """What those sales realised, fees taken off, in quote."""
    state: CutState = CutState.RUNNING
    stop_reason: Reason | None = None
    create_time_ms: int
    end_time_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pyramid:
    index: int
    signal_id: str
    entry_price: Decimal
    capital: Decimal
    legs: tuple[Leg, ...]
    create_time_ms: int
    watch_hit: bool = False
    """Its watched target was reached: it is being closed as one unit (TP-5)."""


@dataclass(frozen=True, slots=True)
class Group:
    """One trade on a key: the whole of what its PositionGroup decides by. Built and changed only by `position`."""

    group_id: str
    world: World
    key: Key
    side: Side
    state: GroupState
    instrument: Instrument
    settings: StrategySettings
    """What it was opened with, kept for life (GRP-3)."""
    slot_token: str
    forced: bool
    """Opened over the pool limit by a forced add (POOL-2)."""
    signal_id: str
    opened_stamp_ms: int
    """Stamp of the signal that opened it; an exit older than this does not close it (SIG-12)."""
    create_time_ms: int
    update_time_ms: int
    strategy: str = ""
    """The alert's name, for reports."""
    pyramids: tuple[Pyramid, ...] = ()
    orders: Mapping[str, Order] = field(default_factory=dict)
    loose: Lot = field(default_factory=Lot)
    """What rounding left over from finished legs; it goes into the next sendable sale (PRC-6)."""
    oversold: Lot = field(default_factory=Lot)
    """What was sold beyond all that was known to be bought, and what that brought. While there is any, nothing is held;
    entries heard of later go there first."""
    realized: Decimal = ZERO
    """Net of fees (PNL-1)."""
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    """Funding received less paid, in quote; part of `realized` (PNL-1)."""
    dust: Decimal = ZERO
    dust_value: Decimal = ZERO
    ignored_pyramids: int = 0
    close_reason: Reason | None = None
    close_time_ms: int | None = None
    flags: tuple[str, ...] = ()
    """What a person should know: `late_fill`, `close_failing`, `price_stale`, ..."""
    max_slippage_percent: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    hybrid_hit: bool = False
    """The watched aggregate target of hybrid mode was reached: the rest is being closed (TP-4)."""
    trails: Mapping[str, Decimal] = field(default_factory=dict)
    """Best price seen since a trail began, by what trails: `stop`, `aggregate`, `pyramid:<i>`, `leg:<p>:<l>` (TP-9).
    `break_even`: since the first target was filled; `hit:leg:<p>:<l>`: a leg whose trail fell back is being closed."""
    stop_price: Decimal | None = None
    """The stop in force, on the tick; None: there is none (TP-9)."""
    stop_reason: Reason | None = None
    """What kind of stop it is: STOP_LOSS, BREAK_EVEN or TRAILING_STOP."""
    cuts: tuple[Cut, ...] = ()
    """Those that run, one after the other, and the last that ended, in the order they were asked for."""
    risk_timer_start_ms: int | None = None
    """When its risk timer began; set once, renewed by a replacement pyramid only (RISK-2, RISK-3)."""
    risk_blocked: bool = False
    """A person keeps the risk engine away from it (RISK-12)."""
    risk_skip: bool = False
    """Passed over once, in the next evaluation it would have been a loser or winner in (RISK-12)."""
    reverse: Signal | None = None
    """The reverse it closes for; what is to open then waits in the queue (SIG-6)."""

    @property
    def is_closed(self) -> bool:
        return self.state is GroupState.CLOSED

    @property
    def account(self) -> str:
        return self.key.account

    @property
    def symbol(self) -> str:
        return self.key.symbol

    def legs(self) -> tuple[Leg, ...]:
        """All legs of all pyramids, oldest pyramid first."""
        return tuple(leg for pyramid in self.pyramids for leg in pyramid.legs)

    def open_orders(self) -> tuple[Order, ...]:
        """Orders that are not final, in the order they were made."""
        return tuple(order for order in self.orders.values() if not order.is_final)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A signal that waits (QUE). Its signal is the newest one; first-queued time and count survive replacement."""

    signal: Signal
    side: Side
    entry_price: Decimal | None
    wait_reason: Reason
    detail: str = ""
    replacement_count: int = 0
    first_queue_time_ms: int
    queue_time_ms: int
    """When the newest signal was queued; age limits count from here."""
    is_reverse: bool = False
    """The new side of a reverse, or what took its place: ranked before all others (section 9)."""
    is_decided: bool = False
    """Its signal has its final outcome already (`reversed`): leaving the queue gives it none."""
    expected_profit: Decimal | None = None

    @property
    def key(self) -> Key:
        return self.signal.key


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReport:
    """What the exchange says of one order. Trades are cumulative: all of it that are known, so a lost or doubled
    report changes nothing.

    `state` None: nothing is known of the state, only trades. `reason` and `words` come with refusals; on an order that
    is not final they tell of a refused amend (ORD-9).
    """

    client_order_id: str
    exchange_order_id: str = ""
    state: OrderState | None
    trades: tuple[Trade, ...] = ()
    reason: Reason | None = None
    words: str = ""
    time_ms: int
    price: Decimal | None = None
    """Its limit price at the exchange; None: not told."""
    quantity: Decimal | None = None
    """Its whole quantity there, what is filled included; None: not told."""
    shape_ms: int | None = None
    """When it was certain that price and quantity are not those its group knows; None: they may be older than these."""
    symbol: str = field(default="", compare=False)
    """Where the list of open orders says it; it matters only for orders nobody here knows (ORD-7)."""
    side: OrderSide | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    asset: str
    free: Decimal
    locked: Decimal

    @property
    def total(self) -> Decimal:
        return self.free + self.locked


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A venue's own view of one swap position, or what the engine's groups hold on spot."""

    symbol: str
    side: Side
    quantity: Decimal
    average_entry: Decimal
    liquidation_price: Decimal | None = None
    """Where the venue would take it away; None: it does not say."""
