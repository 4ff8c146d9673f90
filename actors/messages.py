"""What actors tell each other. Commands are imperative, events past tense, everything frozen.

Who says what to whom is written on each message. `to` is an actor's name (`pool/paper`, `queue/paper`,
`group/<id>`, `gateway/<account>`, `journal`, `feed`, `supervisor`) or a `ReplyTo` of somebody who asked from
outside. Messages that belong to one life of an actor carry its incarnation, and a later life ignores them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Protocol

from actors.rules.choices import World
from actors.rules.events import Watch
from actors.rules.model import (
    Balance,
    Group,
    Instrument,
    Key,
    LadderPlan,
    Order,
    OrderReport,
    Outcome,
    Position,
    Queued,
    Quote,
    Reason,
    Refused,
    Side,
    Signal,
)
from actors.rules.records import Row
from actors.rules.settings import Settings, StrategySettings


class ReplyTo(Protocol):
    """Where the answer to a question from outside goes. The first answer counts, later ones are dropped."""

    def reply(self, answer: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Send:
    """One message on its way, for a commit's `then`."""

    to: str | ReplyTo
    message: object


@dataclass(frozen=True, slots=True)
class Participant:
    """An actor in one of its lives."""

    name: str
    incarnation: int


# --- every actor ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Runtime -> actor: the first message of a life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Journal -> actor: its state from the store, behind every commit it sent before (rule 5)."""

    incarnation: int
    state: object
    """`Group | None` for a group, `PoolState`, `QueueState`, ... for the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFired:
    """Runtime -> actor: a wake-up it asked for (rule 7)."""

    incarnation: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsChanged:
    """Application -> Pool, Queue, gateways: a new version of the config is in force."""

    settings: Settings


# --- the Journal ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """Any deciding actor -> Journal. `then` is released in order once `rows` are durable, never before.

    Refused if the author or a participant was reloaded since, if the author is fenced, if `draft_id` was
    buried by `Settle`, or if a row breaks a constraint. A refused commit fences its author (rule 4).
    """

    author: Participant
    participants: tuple[Participant, ...] = ()
    draft_id: str = ""
    rows: tuple[Row, ...]
    then: tuple[Send, ...] = ()
    groups: tuple[Group, ...] = ()
    """Whole groups as they are after this commit, for the View."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Actor -> Journal: give me my state and let nothing of my earlier lives in any more."""

    name: str
    incarnation: int
    client_order_ids: tuple[str, ...] = ()
    """Of a gateway: which of these does the store know?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """Pool -> Journal: was this draft committed? If not, never let it in (rule 2)."""

    draft_id: str
    signal_id: str
    reply_to: str
    incarnation: int
    opens: str = ""
    """The group the draft opens, for a signal that had its outcome before (`reversed`). The id is made for this draft
    alone, so if there is such a group the draft was committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Journal -> Pool. `done` None: not committed and buried."""

    incarnation: int
    draft_id: str
    done: Answer | None
    told: GroupChanged | None = None
    """The group of `done` as it is in the store: the release that would have told it may never have come (rule 9)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFailed:
    """Journal -> Supervisor, Pool: the store takes no writes. `ok` True: it does again."""

    ok: bool
    error: str = ""
    on_reserve: bool = False
    """It does, but out of the reserve of a full disk: for cancels and closes, not for entries (REC-5)."""
    is_slow: bool = False
    """It does, but each commit takes so long that no entries are taken until it is quick again (REC-4)."""


# --- supervision ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Crashed:
    """Runtime -> Supervisor: an exception ended this life. The actor is gone until it is started again."""

    who: Participant
    message: object
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartAsked:
    """Journal -> Supervisor: this life is fenced, its state may differ from the store; begin a new one."""

    who: Participant
    error: str
    is_failure: bool = True
    """False: it was about to do what had been done before (SIG-7), which is nobody's fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """Runtime -> Supervisor: an actor ended in peace."""

    who: Participant


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """API -> any actor: are you there, and how far behind? The runtime answers `Pong` in the actor's turn."""

    reply_to: ReplyTo


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong:
    """Everything told before the `Ping` was handled."""

    who: Participant


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Runtime -> Supervisor: `start()` of this life has returned. Only told where the supervisor asked for it."""

    who: Participant


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """Runtime -> Supervisor: this message was kept from its actor, because one like it killed twice."""

    who: Participant
    message: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Supervisor's own commit -> Supervisor: that note is durable."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shutdown:
    """Application -> Supervisor: stop everybody in reverse order, then yourself. Answered with this message."""

    reply_to: ReplyTo | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndEntries:
    """Application -> Pool: the daemon is about to stop. Whoever waits in the queue stays there for the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """Supervisor -> Pool: this actor is in a new life, or gone (`incarnation` 0). Settle the drafts it was in."""

    name: str
    incarnation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Undeliverable:
    """Runtime -> Supervisor: nobody by that name. The supervisor knows who must hear of it (rule 14)."""

    to: str
    message: object


# --- drafts: Pool, Queue, PositionGroup -----------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One decision on its way to a commit. While it lives, its key's lane is taken (rule 3)."""

    draft_id: str
    key: Key
    signal_id: str
    """The signal it will give an outcome to."""
    participants: tuple[Participant, ...]
    reply_to: ReplyTo | None = None
    config_version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a signal, for whoever sent it."""

    signal_id: str
    outcome: Outcome
    reason: Reason
    detail: str = ""
    group_id: str = ""
    first_outcome: Outcome | None = None


def as_duplicate(first: Answer) -> Answer:
    """SIG-7: the first outcome, marked."""
    return replace(first, outcome=Outcome.DUPLICATE, first_outcome=first.first_outcome or first.outcome)


def opened(signal_id: str, group_id: str) -> Answer:
    return Answer(signal_id=signal_id, outcome=Outcome.OPENED, reason=Reason.OK, group_id=group_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitSignal:
    """API -> Pool. Answered with `Answer` or `Refused`."""

    signal: Signal
    reply_to: ReplyTo | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenGroup:
    """Pool -> a new PositionGroup. `leaving`: the queue entry this promotes, deleted in the same commit."""

    draft: Draft
    group_id: str
    world: World
    side: Side
    signal: Signal
    plan: LadderPlan
    settings: StrategySettings
    instrument: Instrument
    slot_token: str
    forced: bool = False
    leaving: Queued | None = None
    who: str = ""
    """The user behind a forced or promoted one, for the audit trail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddPyramid:
    """Pool -> PositionGroup."""

    draft: Draft
    signal: Signal
    plan: LadderPlan
    leaving: Queued | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitGroup:
    """Pool -> PositionGroup: an exit signal. `leaving`: K's queued signal, which goes with it."""

    draft: Draft
    signal: Signal
    leaving: Queued | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRefused:
    """PositionGroup or Queue -> Pool: I will not commit this draft. Pool routes it anew or refuses the caller."""

    draft_id: str
    refused: Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class NotLive:
    """Supervisor -> Pool: the group a draft was sent to is gone (rule 14)."""

    draft_id: str
    group_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftDone:
    """Journal's release -> Pool: the draft is durable; free the lane."""

    draft_id: str
    answer: Answer
    told: GroupChanged | None = None
    """What Pool must know of the group now: its figures take the place of the draft's in the same moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftDuplicate:
    """Journal -> Pool: another signal already holds this one's idempotency key (SIG-7)."""

    draft_id: str
    first: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChanged:
    """Journal's release -> Pool: what Pool must know of a group after a commit. Repeating it is harmless.

    `reserved`: quote its unfilled entries may still cost, fees included. `planned`: capital of its whole ladder(s).
    """

    group_id: str
    key: Key
    side: Side
    slot_token: str
    closing: bool
    closed: bool
    pyramid_count: int
    reserved: Decimal
    planned: Decimal
    opened_stamp_ms: int
    realized: Decimal = Decimal(0)
    """So far, in quote, fees taken off: what the loss limits count (POOL-3)."""
    close_time_ms: int | None = None
    held: Decimal = Decimal(0)
    """Quantity it holds, in the instrument's own unit."""
    cost: Decimal = Decimal(0)
    """Of what it holds, in quote: with the mark it says what is unrealised."""
    settings: StrategySettings | None = None
    """The snapshot it was opened with; None only in what is loaded, where it stands beside."""
    instrument: Instrument | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MayStop:
    """Pool -> PositionGroup: its slot is released, nothing will come for it any more (rule 14)."""

    group_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourCame:
    """PositionGroup -> PositionGroup: another one trades the same position from now on (GRP-6). Losing it is no harm:
    a group whose stop rests looks for itself, too.
    """

    group_id: str


# --- Pool and Queue -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Enqueue:
    """Pool -> Queue: this entry must wait. The Queue replaces, adds, ignores or refuses, and commits that."""

    draft: Draft
    queued: Queued


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOut:
    """Pool -> Queue: hold K's entry for this draft and give it to me. Answered by `TakenOut`."""

    draft: Draft
    side: Side | None = None
    """Only if it waits for this side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOut:
    """Queue -> Pool. None: nothing (of that side) waits on the key."""

    draft_id: str
    incarnation: int
    queued: Queued | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBack:
    """Pool -> Queue: the draft came to nothing; the entry waits on, for this reason."""

    draft_id: str
    key: Key
    wait_reason: Reason | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discard:
    """Pool -> Queue: the held entry leaves with this outcome (removed, dequeued, expired, rejected). Queue commits.

    `by`: the signal that caused it (an exit) and gets its own outcome in the same commit.
    """

    draft: Draft
    outcome: Outcome
    reason: Reason
    detail: str = ""
    by: Signal | None = None
    by_outcome: Outcome | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Pool -> Queue: name the best entry that could go now. Answered by `Offered`.

    `free_slots` 0: only continuations that take none. `blocked` and `continuing` are keys as Pool sees them.
    """

    offer_id: str
    incarnation: int
    free_slots: int
    blocked: frozenset[Key]
    continuing: frozenset[Key]
    blocked_accounts: frozenset[str] = frozenset()
    """Nothing of these can go: they are paused or not ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """Queue -> Pool. The entry is held under `offer_id` until taken, put back or deleted. None: nothing can go."""

    offer_id: str
    incarnation: int
    queued: Queued | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueChanged:
    """Journal's release -> Queue: this row is gone or replaced, durably."""

    key: Key
    signal_id: str
    gone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingChanged:
    """Journal's release -> Pool: a key waits now, or does so no longer (rule 13)."""

    key: Key
    side: Side | None
    """None: nothing waits on it any more."""
    wait_reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromoteQueued:
    """API -> Pool (QUE-6). `force` ignores the pool limit, `ignore_exposure` also the exposure limit, `ignore_limits`
    also a breached loss limit and the key's rest, unless that limit has entries cancelled.
    """

    signal_id: str
    key: Key
    who: str
    force: bool = False
    ignore_exposure: bool = False
    ignore_limits: bool = False
    reply_to: ReplyTo


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveQueued:
    """API -> Pool (QUE-6)."""

    signal_id: str
    key: Key
    who: str
    reply_to: ReplyTo


# --- commands of a person -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseGroup:
    """API -> PositionGroup, answered with the `Group` as committed, or `Refused`. Pool -> PositionGroup with
    LIMIT_BREACHED, repeated until it closes (POOL-4).
    """

    group_id: str
    who: str
    reply_to: ReplyTo | None
    reason: Reason = Reason.MANUAL


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelEntries:
    """API or Pool -> PositionGroup. For another reason than MANUAL it is repeated until nothing can fill any more."""

    group_id: str
    who: str
    reply_to: ReplyTo | None
    reason: Reason = Reason.MANUAL


BY_USER, CLOSE_ALL = "yes", "close-all"
"""What has paused: the value of the switch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseEngine:
    """API -> Pool. Empty `accounts`: the whole engine of that world. Answered with `EngineState` or `Refused`."""

    accounts: tuple[str, ...]
    cancel_entries: bool
    who: str
    reply_to: ReplyTo
    cause: str = BY_USER


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeEngine:
    accounts: tuple[str, ...]
    who: str
    reply_to: ReplyTo


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineState:
    paused: bool
    paused_accounts: tuple[str, ...]


# --- gateways -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOrders:
    """Group's commit -> Gateway. Sent at most once per client order id in the gateway's life (rule 16)."""

    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrders:
    """Group's commit -> Gateway. An order still on its way is cancelled as soon as its fate is known."""

    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveOrders:
    """PositionGroup -> Gateway: find out what became of these. What is still in hand is answered when it is done."""

    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetWatches:
    """PositionGroup -> Gateway: the group's whole set of price thresholds; each is told once."""

    group_id: str
    incarnation: int
    symbol: str
    watches: tuple[Watch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersReported:
    """Gateway -> PositionGroup. Cumulative; a lost or doubled one changes nothing (rule 15)."""

    group_id: str
    reports: tuple[OrderReport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceCrossed:
    """Gateway -> PositionGroup."""

    group_id: str
    incarnation: int
    watch_id: str
    quote: Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayStarted:
    """Gateway -> Supervisor -> every group of the account: ask again for what was in my hands (rule 16)."""

    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCondition:
    """How an account reaches its exchange, for people."""

    streams: tuple[tuple[str, bool, str], ...]
    """(stream, is it up, words)."""
    circuit: str
    """`closed`, `open` or `half_open` (REC-3)."""
    retry_ms: int
    """When an open circuit lets the next question out; 0: it is closed."""
    windows: tuple[tuple[str, int, int], ...]
    """(window of the request budget, weight in use, limit)."""
    blocked_until_ms: int
    """The exchange takes nothing from this address before; 0: it does."""
    clock_offset_ms: int | None
    """The exchange's clock less ours; None: not measured."""
    open_orders: int
    """Not final."""
    waiting: int
    """Requests that have not left yet."""
    unknown_orders: int
    """Of unknown fate for too long."""
    is_owned_known: bool
    """Balances were told at least once."""
    is_failing: bool
    """Asked and not answered, again and again."""
    may_withdraw: bool | None
    """What the API key may; None: the exchange does not say."""
    is_key_refused: bool = False
    """The exchange answers, and says no to the key: a person has to mend that."""
    streams_since_ms: tuple[tuple[str, int], ...] = ()
    """(stream, when it came up or went down last)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChanged:
    """Gateway -> Pool: is the account ready to trade, and what it owns. Sent when something changed, coalesced."""

    account: str
    ready: bool
    detail: str
    balances: Mapping[str, Balance]
    positions: tuple[Position, ...] = ()
    held_symbols: frozenset[str] = frozenset()
    """The store and the exchange differ about these: no entries on them (ORD-7)."""
    compared_ms: int = field(default=0, compare=False)
    """When the account was last compared with the store; 0: not yet in this life."""
    condition: AccountCondition | None = field(default=None, compare=False)
    """Only in the answer to `DescribeAccount`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentsChanged:
    """Gateway -> Pool: a new catalogue is in force (it is read from the `Catalogue` port)."""

    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshInstruments:
    """API -> Gateway. Answered with the number of instruments (int) or `Refused`."""

    reply_to: ReplyTo | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckAccount:
    """API -> Gateway. Answered with `AccountReport`."""

    reply_to: ReplyTo


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountReport:
    account: str
    checks: tuple[tuple[str, bool, str], ...]
    """(what was checked, is it well, words for a person)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeAccount:
    """API or Pool -> Gateway. Answered with the newest `AccountChanged`; without `reply_to` Pool is told instead."""

    reply_to: ReplyTo | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPaperPrice:
    """API -> Gateway of a paper account. Answered with `Quote` or `Refused`, after the fills it caused are booked."""

    symbol: str
    price: Decimal
    reply_to: ReplyTo


# --- exchange adapters -> their Gateway (ports.Exchange) ------------------------------------------


class Fate:
    """What an exchange did with a request. Plain constants: the set is closed."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    TEMPORARY = "temporary"
    """Known to have had no effect; may be sent again."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer to `submit`, `cancel` or `amend`. `report` where the exchange told the order's state.

    TEMPORARY with ACCOUNT_NOT_READY: nothing was tried, for want of something of ours; no fault of the exchange's.
    """

    incarnation: int
    request: str
    """`submit`, `cancel` or `amend`."""
    client_order_id: str
    fate: str
    report: OrderReport | None = None
    reason: Reason | None = None
    words: str = ""
    retry_after_ms: int = 0
    asked_ms: int = 0
    """When the request left, where the adapter says it; a late answer to an earlier try is told by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredAll:
    """Several `Answered` at once, in order: what became of a ladder is one message to its group."""

    incarnation: int
    answers: tuple[Answered, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedUp:
    """The answer to `look_up`. `fate` ACCEPTED: `report` tells the order, or None: the exchange knows none such.

    UNKNOWN: it answered, but nothing can be concluded yet (not all executions are told). TEMPORARY: it did not.
    """

    incarnation: int
    client_order_id: str
    fate: str
    report: OrderReport | None
    asked_ms: int
    """When the question left; "not found" proves nothing about a request younger than that (rule 17)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed:
    """Order updates from the user stream, cumulative trades."""

    incarnation: int
    reports: tuple[OrderReport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrdersFetched:
    """Every order open on the account. `client_order_ids` that are not ours are in it too."""

    incarnation: int
    fate: str
    reports: tuple[OrderReport, ...] = ()
    asked_ms: int
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BalancesFetched:
    incarnation: int
    fate: str
    balances: Mapping[str, Balance] = field(default_factory=dict)
    positions: tuple[Position, ...] = ()
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentsFetched:
    incarnation: int
    fate: str
    instruments: tuple[Instrument, ...] = ()
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """New prices, one per symbol."""

    incarnation: int
    quotes: Mapping[str, Quote]


# --- what is loaded -------------------------------------------------------------------------------


RECENT_CLOSED = 10_000
"""Closed groups Pool is told of when it loads: losing streaks and cool-downs reach no further back (POOL-3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedGroup:
    """A closed group, as far as the loss limits must know it (POOL-3)."""

    group_id: str
    key: Key
    quote: str
    realized: Decimal
    """In quote, fees taken off."""
    close_time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolState:
    """Pool's state as the store has it."""

    groups: tuple[GroupChanged, ...]
    """Every group that is not closed."""
    settings_of: Mapping[str, StrategySettings]
    """By group id: the snapshot each was opened with."""
    instrument_of: Mapping[str, Instrument]
    waiting: Mapping[Key, tuple[Side, Reason]]
    recent: tuple[tuple[str, Answer, int], ...]
    """(idempotency key, what became of it, expire time), newest last, at most as many as Pool keeps."""
    switches: Mapping[str, str]
    """SaveEngineState rows by name."""
    profits: tuple[tuple[int, str, Decimal], ...] = ()
    """The ledger of the last two days and more, for the limit of a day's loss: (time, quote, realised), oldest first.
    Rows of the same quote and quarter of an hour may come as one; every zone's day begins with a quarter."""
    realized: Mapping[str, Decimal] = field(default_factory=dict)
    """Realised profit of all time by quote: the sums of the whole ledger."""
    recent_closed: tuple[ClosedGroup, ...] = ()
    """The newest groups to close, the last to close at the end, at most `RECENT_CLOSED`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    entries: tuple[Queued, ...]


# --- the Feed -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStored:
    """An `AddEvent` with the sequence the store gave it; what WatchEvents streams."""

    sequence: int
    event: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """API -> Feed. Answered with `Subscribed` or `Refused`; the same id again replaces the subscription.

    `sink` gets lists of `EventStored`, oldest first, now and then a `FeedGap` in between. It is called on the Feed's
    thread, must never block, and is dropped for good if it raises.
    """

    subscriber_id: str
    after_sequence: int | None
    """Everything later than this; None: only what is stored from now on."""
    sink: Callable[[list[object]], None]
    wanted: Callable[[EventStored], bool] | None = None
    """None: everything."""
    reply_to: ReplyTo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed:
    """Feed -> API. The Feed remembers everything after `floor_sequence`."""

    floor_sequence: int
    last_sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe:
    """API -> Feed."""

    subscriber_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedGap:
    """Feed -> a sink: what lies between these two is not remembered here, it must be read from the store.

    Missing: sequences greater than `after_sequence` and less than `resume_sequence`.
    """

    after_sequence: int
    resume_sequence: int
