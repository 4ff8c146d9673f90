"""What the engine needs from the world outside. `daemon` implements these; tests and the simulation do too.

Ports that answer do so by message to the `sink` they were given, never by return value, so the live adapter on
its own thread and the simulated one on virtual time look the same to an actor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from actors.account_messages import AccountState
from actors.budget import Budget
from actors.messages import Answer, Commit, EventStored, PoolState, QueueState, ReplyTo, Settle
from actors.risk_messages import RiskState
from actors.rules.choices import World
from actors.rules.model import Group, Instrument, Order, Quote
from actors.rules.records import Row

Sink = Callable[[object], None]


class Clock(Protocol):
    def now_ms(self) -> int:
        """UTC milliseconds since the epoch."""


class Ids(Protocol):
    """Fresh names. Random in life, seeded in simulation."""

    def signal_id(self) -> str: ...

    def group_id(self) -> str:
        """12 lower-case letters and digits, unique in this installation (ORD-2)."""

    def token(self) -> str:
        """For drafts, slots and offers."""

    def fraction(self) -> float:
        """In [0, 1), for jitter only."""


class Marks(Protocol):
    """The board of current prices. Written by gateways, read by whoever decides."""

    def quote(self, account: str, symbol: str) -> Quote | None: ...

    def put(self, account: str, quotes: Mapping[str, Quote]) -> None: ...


class Catalogue(Protocol):
    """Instruments by account. Written by gateways whole, read by whoever decides."""

    def instrument(self, account: str, symbol: str) -> Instrument | None: ...

    def instruments(self, account: str) -> Mapping[str, Instrument]: ...

    def put(self, account: str, instruments: Sequence[Instrument]) -> None: ...


class Exchange(Protocol):
    """One account at one exchange. Every answer is a message to `sink` that carries `incarnation`.

    Answers: `submit` and `cancel` -> `Answered` each; `look_up` -> `LookedUp`; the `fetch_*` -> their `*Fetched`;
    streams -> `Streamed`, `Quoted`, and `BalancesFetched` when balances changed. `account_messages` has the rest:
    `probe` -> `AccountProbed`, and unasked `StreamChanged`, `ClockMeasured`, `Banned`, `ForeignTraded`, `FundingPaid`.
    """

    acceptance_window_ms: int
    """A request that was sent longer ago than this can no longer be accepted (rule 17)."""
    budget: Budget
    """What the exchange takes. The gateway draws on it before it asks; what the exchange asks by itself draws too."""
    can_amend: bool
    """Whether `amend` works here; else the gateway answers it as refused, and groups cancel and place anew."""

    can_stop: bool
    """Whether reduce-only stop orders (`OrderType.STOP`, a trigger, then market) can rest here (TP-9)."""

    def start(self, sink: Sink, incarnation: int) -> None:
        """Connect and stream. Called again for a new life of the gateway: the old sink gets nothing more."""

    def stop(self) -> None: ...

    def submit(self, orders: Sequence[Order]) -> None: ...

    def cancel(self, orders: Sequence[Order]) -> None: ...

    def amend(self, orders: Sequence[Order]) -> None:
        """Brings orders to their `wanted` price and quantity -> `Answered` each, `request` `amend` (ORD-9)."""

    def look_up(self, order: Order) -> None: ...

    def fetch_open_orders(self) -> None: ...

    def fetch_balances(self) -> None: ...

    def fetch_instruments(self) -> None: ...

    def subscribe(self, symbols: Sequence[str]) -> None:
        """Stream the prices of these symbols, all that are wanted now."""

    def probe(self) -> None:
        """Tries connectivity, clock, key, permissions and market type -> `AccountProbed`."""

    def set_price(self, symbol: str, price: Decimal, reply_to: ReplyTo) -> None:
        """Paper with manual prices only: `Quote`, or `Refused` from every other exchange."""


class ConstraintBroken(Exception):
    """A row broke a constraint. The commit it was in is refused; others of the batch are not (rule 11)."""

    def __init__(self, constraint: str, detail: str, first: Answer | None = None) -> None:
        super().__init__(f"{constraint}: {detail}")
        self.constraint = constraint
        self.first = first
        """For a claimed idempotency key: what became of the first signal."""


class StoreFault(Exception):
    """The device or the database failed. Whether the batch is durable is unknown (rule 9)."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one commit of a batch."""

    events: tuple[EventStored, ...] = ()
    broken: ConstraintBroken | None = None


class Store(Protocol):
    """The durable side. Called by the Journal alone, on its thread. Raises `StoreFault` where the device fails."""

    @property
    def on_reserve(self) -> bool:
        """The disk is full and the reserve is in use: what is left is for cancels and closes (REC-5)."""

    def apply(self, batch: Sequence[tuple[str, Sequence[Row]]]) -> list[Applied]:
        """One transaction for the batch of (author, rows), one savepoint per commit. Durable when it returns.

        After a broken constraint the same author's later commits of the batch are refused too
        (`ConstraintBroken("fenced", ...)`): nothing later of a refused life may stand (rule 4).
        """

    def load_group(self, group_id: str) -> Group | None: ...

    def load_account(self, account: str, client_order_ids: Sequence[str] = ()) -> AccountState:
        """What is not settled on an account; which of these client order ids are known at all."""

    def load_pool(self, world: World, recent_limit: int, now_ms: int) -> PoolState: ...

    def load_queue(self, world: World) -> QueueState: ...

    def load_risk(self, world: World) -> RiskState: ...

    def draft_answer(self, settle: Settle) -> Answer | None:
        """What the draft committed for its signal, None if it did not."""

    def live_group_ids(self, world: World | None = None) -> list[str]: ...

    def live_groups(self) -> list[Group]:
        """Every group that is not closed, loaded in bulk, for the View at start."""


class Viewer(Protocol):
    """The read model. `swap` is called by the Journal after each durable batch, before anything is released."""

    in_doubt: bool
    """The outcome of a batch is unknown, so the store may hold what is not shown. It outlives the Journal's lives: one
    may end before it has found out."""

    def swap(self, commits: Sequence[Commit], events: Sequence[EventStored]) -> None: ...

    def renew(self) -> None:
        """Show what the store holds: a batch that failed may be durable all the same (rule 9).

        Raises `StoreFault` where the store cannot be read.
        """
