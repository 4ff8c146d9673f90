"""A whole engine in one test: real store, real actors, the paper venue, one thread and a virtual clock.

The town is what lies outside the process and outlives it: the store's file, the venue with its prices, the sender of
signals who sends again until he is answered. `start` brings a process to life on it, `kill` is kill -9.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Self, TypeVar

from actors.children import PartState
from actors.journal import Journal
from actors.messages import Answer, EventStored, ReplyTo, SubmitSignal
from actors.pool import Pool
from actors.ports import Applied
from actors.position import PositionGroup
from actors.queue import Queue
from actors.replies import ReplyBox
from actors.risk import Risk
from actors.rules import position
from actors.rules.choices import FillRule, Market, PaperPrices, TpMode, World
from actors.rules.events import AmendOrders, CancelOrders, Context, Decision, Note, SubmitOrders, TimeReached
from actors.rules.model import (
    Group,
    GroupState,
    Intent,
    Key,
    Order,
    OrderReport,
    OrderState,
    Outcome,
    Reason,
    Refused,
    Side,
    Signal,
    Trade,
)
from actors.rules.naming import parse_client_order_id
from actors.rules.records import Row
from actors.rules.settings import (
    AccountSettings,
    InstrumentOverride,
    PoolSettings,
    Settings,
    SizingSettings,
    StrategyBook,
    StrategySettings,
)
from actors.runtime import SUPERVISOR, Actor
from actors.stepped import Stepped
from actors.supervisor import Supervisor
from actors.view import Snapshot
from daemon.assembly import SettingsHolder, assemble
from daemon.exchanges.memory_books import MemoryBooks
from daemon.exchanges.paper import SteppedPaperExchange, drive, open_venue
from daemon.exchanges.paper_venue import PaperVenue
from daemon.first_view import first_view
from daemon.store.audit_keys import key_file
from daemon.store.checks import ledger_differences
from daemon.store.open import open_store
from daemon.store.read import Reader
from daemon.store.store import SqliteStore, SqlStore
from tests import stores

D = Decimal
T = TypeVar("T", bound=Actor)

START_MS = 1_750_000_000_000
INSTALLATION = "abcd"
ACCOUNT = "paper"
WORLD = World.PAPER
POOL, QUEUE, RISK = f"pool/{WORLD.value}", f"queue/{WORLD.value}", f"risk/{WORLD.value}"
BTC, ETH, SOL = "BTC/USDT", "ETH/USDT", "SOL/USDT"
DOWN_MS = 250
"""How long a killed process stays away."""
QUIET_LIMIT_MS = 300_000
"""Virtual time within which a town must come to rest."""
SOON_MS = 60_000
"""What a group will do by itself within this time belongs to what is under way."""
PASSING = (Reason.POOL_FULL, Reason.ACCOUNT_NOT_READY, Reason.PRECISION_MISSING, Reason.PRICE_MISSING)
"""Reasons to wait that are over as soon as a slot is free and the venue is there again."""
MAX_SENDS = 60
"""How often a signal is sent until it must have been answered."""

ROUND = InstrumentOverride(tick_size=D("0.01"), step_size=D("0.001"), min_quantity=D("0.001"), min_notional=D(5))


def account_settings(**changes: Any) -> AccountSettings:
    """A paper account of round instruments whose prices only the test moves; a price that is met fills."""
    symbols = changes.pop("symbols", (BTC, ETH, SOL))
    plain: dict[str, Any] = {
        "name": ACCOUNT,
        "prices": PaperPrices.MANUAL,
        "symbols": symbols,
        "start_prices": dict.fromkeys(symbols, D(100)),
        "instruments": dict.fromkeys(symbols, ROUND),
        "fill": FillRule.TOUCH,
        "spread_percent": D(0),
    }
    return AccountSettings(**{**plain, **changes})


def town_settings(
    *, max_open_groups: int = 10, capital: str = "1000", tp_mode: TpMode = TpMode.PER_LEG, **changes: Any
) -> Settings:
    """The shipped strategy with `capital` per pyramid, on one paper account."""
    strategy = StrategySettings(sizing=SizingSettings(capital_per_pyramid=D(capital)), tp_mode=tp_mode)
    plain: dict[str, Any] = {
        "accounts": {ACCOUNT: account_settings()},
        "pool": PoolSettings(max_open_groups=max_open_groups),
        "strategy": StrategyBook(default=strategy),
    }
    return Settings(**{**plain, **changes})


def timeframe(number: int) -> str:
    """The n-th timeframe in minutes, from 1: whole hours have other names (SIG-3)."""
    return f"{number + (number - 1) // 59}m"


class SeededIds:
    """`ports.Ids` by chance that can be repeated."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._count = 0

    def signal_id(self) -> str:
        return f"signal-{self._next():05d}"

    def group_id(self) -> str:
        return f"{self._next():04d}{self._rng.randrange(10**8):08d}"

    def token(self) -> str:
        return f"token-{self._next():05d}-{self._rng.randrange(10**6):06d}"

    def fraction(self) -> float:
        return self._rng.random()

    def _next(self) -> int:
        self._count += 1
        return self._count


Apply = Callable[[Sequence[tuple[str, Sequence[Row]]]], list[Applied]]


class WatchedStore:
    """The real store behind a hook: `around(apply, batch)` stands for `apply(batch)`, and may fail as a device does."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.around: Callable[[Apply, Sequence[tuple[str, Sequence[Row]]]], list[Applied]] | None = None
        self.batches = 0

    def apply(self, batch: Sequence[tuple[str, Sequence[Row]]]) -> list[Applied]:
        self.batches += 1
        if self.around is None:
            return self.store.apply(batch)
        return self.around(self.store.apply, batch)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


class Network(SteppedPaperExchange):
    """The way to the venue. What is under way when the process dies may arrive all the same."""

    def lost(self, rng: random.Random) -> None:
        requests = [request for _, request in self._travelling]
        self._travelling.clear()
        self._sink = None
        if requests and rng.random() < 0.5:
            self._venue.handle(requests, self._incarnation, self._clock.now_ms())

    @property
    def is_busy(self) -> bool:
        return bool(self._travelling)


@dataclass(frozen=True, slots=True)
class Dealt:
    """Executions of one place at one price, whatever the number of orders and trades they came in."""

    group: str
    """Which group of its key, `BTC/USDT 1h #1`: ids differ from run to run."""
    role: str
    pyramid: int | None
    leg: int | None
    price: Decimal
    quantity: Decimal
    fee: Decimal


@dataclass(frozen=True, slots=True)
class Books:
    """What must be the same however a run went: the venue's money and trades, and what the engine made of them."""

    balances: Mapping[str, tuple[Decimal, Decimal]]
    """Asset to free and locked, at the venue."""
    dealt: tuple[Dealt, ...]
    outcomes: Mapping[str, str]
    """By idempotency key: the final outcome, or `queued` and the like where it still waits."""
    groups: tuple[tuple[str, str, str, Decimal, Decimal, Decimal], ...]
    """Name, state, reason of the close, realised, fees, dust."""
    open_orders: tuple[tuple[str, str, int | None, int | None, Decimal | None, Decimal], ...]
    """Group, role, pyramid, leg, price, what is left, at the venue."""
    waiting: tuple[tuple[Key, Side], ...]
    slots: int


class Town:
    """One installation. The same seed and the same calls give the same run, message for message."""

    def __init__(
        self,
        folder: Path,
        *,
        settings: Settings | None = None,
        seed: int = 1,
        rush: float = 0.0,
    ) -> None:
        self.settings = settings or town_settings()
        self.rng = random.Random(seed)
        self.rush = rush
        self.ids = SeededIds(random.Random(seed + 1))
        self.folder = folder
        self.store = WatchedStore(opened(folder))
        self.reader = Reader(self.store.store.source())
        self.notes: list[Note] = []
        """What the supervisor had to say, stored or not."""
        self.now_ms = START_MS
        self.venue: PaperVenue = open_venue(self.settings.accounts[ACCOUNT], None, self.now_ms)
        self.submitted: list[str] = []
        """Client order ids as they left for the venue, by every process."""
        self.sent_signals = 0
        self.on_message: Callable[[str, object], None] | None = None
        self.on_tell: Callable[[str, object], None] | None = None
        """(who tells, what), before it is told."""
        self.on_handled: Callable[[str, object], None] | None = None
        self.checked_version = -1
        self.live_count = 0
        self.taken = 0
        self.violations: list[str] = []
        """Promises broken on the way, as seen after a message was handled."""
        self.is_dead = False
        self.starts = 0
        self.start()

    # --- processes --------------------------------------------------------------------------------

    def start(self) -> None:
        """A process on the store and the venue as they are."""
        self.starts += 1
        self.is_dead = False
        self.system = system = Stepped(
            random.Random(self.rng.random()), start_ms=self.now_ms, rush=self.rush, on_fatal=self._fatal
        )
        groups = self.store.live_groups()
        self.view = first_view(self.settings, self.store, self.reader, groups, self.now_ms)
        self.checked_version = -1
        self.exchange = Network(self.venue, system)
        self.parts = assemble(
            system=system,
            settings=SettingsHolder(self.settings),
            store=self.store,
            view=self.view,
            exchanges={ACCOUNT: Recording(self.exchange, self.submitted)},
            ids=self.ids,
            installation_id=INSTALLATION,
            observe=self.notes.append,
            store_state=self.view.mark_store,
        )
        system.before_message = self._before
        system.before_tell = self._tells
        system.after_message = self._after
        drive(self.exchange, system, system.call_at)
        self.parts.start()

    def close(self) -> None:
        """Nobody will look at this town any more."""
        self.reader.close()
        self.store.store.close()
        self.venue.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def change(self, settings: Settings) -> None:
        """Another version of the config is in force, now and for later processes."""
        self.settings = replace(settings, version=self.settings.version + 1)
        self.parts.change_settings(self.settings)
        self.settle()

    def kill(self) -> None:
        """kill -9 at this instant. Within a hook: raise behind it, to end the handler too."""
        self.is_dead = True
        self.exchange.lost(self.rng)
        self.system.kill()
        self.now_ms = self.system.now_ms() + DOWN_MS

    def _fatal(self, error: str) -> None:
        raise AssertionError(f"the supervisor is gone: {error}")

    # --- what happens -----------------------------------------------------------------------------

    def price(self, symbol: str, price: str | Decimal, *, settle: bool = True) -> None:
        """The market moves, whether anybody is there or not."""
        box = ReplyBox()
        while not box.done:
            self.revive()
            self.exchange.set_price(symbol, D(price), box)
            self.system.advance(0)
        if settle:
            self.settle()

    def signal(
        self, symbol: str = BTC, price: str | None = "100", intent: Intent = Intent.ENTRY, **changes: Any
    ) -> Signal:
        """A new alert, sent now."""
        self.sent_signals += 1
        now_ms = self.system.now_ms()
        timeframe = changes.pop("timeframe", "1h")
        made = Signal(
            signal_id="",
            source="tradingview",
            key=Key(account=ACCOUNT, symbol=symbol, timeframe=timeframe),
            intent=intent,
            side=changes.pop("side", Side.LONG),
            entry_price=None if price is None else D(price),
            sent_time_ms=now_ms,
            receive_time_ms=now_ms,
            idempotency_key=f"alert-{self.sent_signals:04d}",
        )
        return replace(made, **changes)

    def send(self, signal: Signal) -> ReplyBox:
        """Once, as one call of the API: under a signal id of its own."""
        mine = replace(signal, signal_id=self.ids.signal_id())
        return self.system.ask(POOL, lambda reply_to: SubmitSignal(signal=mine, reply_to=reply_to))

    def submit(self, signal: Signal) -> Answer:
        """As the forwarder does: again and again until there is an answer that says what became of it."""
        for _ in range(MAX_SENDS):
            self.revive()
            box = self.send(signal)
            self.settle()
            if box.done and isinstance(box.answer, Answer):
                return box.answer
        raise AssertionError(f"nobody answers for {signal.idempotency_key}")

    def ask(self, to: str, make: Callable[[ReplyTo], object]) -> object:
        """The answer of an actor, or of its commit's release."""
        box = self.system.ask(to, make)
        self.settle()
        return box.answer

    # --- coming to rest ---------------------------------------------------------------------------

    def settle(self, limit_ms: int = QUIET_LIMIT_MS) -> None:
        """Runs on until nothing is under way any more, time passing where somebody waits for it."""
        deadline_ms = self.system.now_ms() + limit_ms
        while True:
            self.revive()
            self.system.advance(0)
            assert self.violations == []
            if self.is_dead:
                deadline_ms = self.now_ms + limit_ms
                continue
            busy = self.busy()
            if not busy:
                return
            now_ms = self.system.now_ms()
            assert now_ms < deadline_ms, f"never at rest: {busy}"
            self.system.advance_to(self._next_ms(now_ms))

    def pass_time(self, ms: int) -> None:
        self.system.advance(ms)
        self.settle()

    def _next_ms(self, now_ms: int) -> int:
        next_ms = self.system._timers.next_ms()
        return now_ms + 1 if next_ms is None else max(now_ms + 1, next_ms)

    def revive(self) -> None:
        """A process that was killed is started again."""
        if self.is_dead:
            self.start()

    def run_a_while(self, steps: int) -> None:
        """So many messages and no more: what comes next meets what is under way."""
        for _ in range(steps):
            self.revive()
            self.system.run(1)

    def actor(self, name: str, kind: type[T]) -> T | None:
        """The living actor of this name, to be looked at."""
        cell = self.system._cells.get(name)
        actor = cell.actor if cell is not None else None
        assert actor is None or isinstance(actor, kind)
        return actor

    def busy(self) -> str:
        """What is still under way, in words; empty: nothing."""
        return next(self._unfinished(), "")

    def _unfinished(self) -> Iterator[str]:
        yield from self._supervisor_busy()
        yield from self._journal_busy()
        yield from self._pool_busy()
        yield from self._queue_busy()
        yield from self._risk_busy()
        yield from self._venue_busy()
        for group in self.view.current.live():
            yield from self._group_busy(group)
        alive = {name for name in self.system.names() if name.startswith("group/")}
        for name in sorted(alive - {f"group/{group.group_id}" for group in self.view.current.live()}):
            yield f"{name} is alive though its group is not"

    def _supervisor_busy(self) -> Iterator[str]:
        supervisor = self.actor(SUPERVISOR, Supervisor)
        if supervisor is None:
            yield "no supervisor"
        elif supervisor._line or supervisor._awaited or supervisor._ending:
            yield f"starting or stopping {supervisor._line} {supervisor._awaited} {list(supervisor._ending)}"
        elif supervisor._notebook._pending:
            yield "the supervisor's notes are not stored"
        elif down := [part.key for part in supervisor._parts.values() if part.state is not PartState.RUNNING]:
            yield f"{down} are down"
        else:
            for name in ("journal", "feed", f"gateway/{ACCOUNT}", QUEUE, POOL, RISK):
                if not self.system.incarnation(name):
                    yield f"{name} is down"

    def _journal_busy(self) -> Iterator[str]:
        journal = self.actor("journal", Journal)
        if journal is None or journal._waiting or journal._told == (False, False, False):
            yield "the journal waits for the store"

    def _pool_busy(self) -> Iterator[str]:
        pool = self.actor(POOL, Pool)
        if pool is None or pool._before_load is not None:
            yield "the pool is loading"
            return
        for what in ("_lanes", "_drafts", "_in_flight", "_retries", "_offer_id"):
            if getattr(pool, what):
                yield f"the pool has {what}: {getattr(pool, what)}"
        if pool._books.reservations:
            yield "the pool keeps a reservation"
        known = pool._books.accounts.get(ACCOUNT)
        if known is None or not known.ready:
            yield "the pool does not know its account"
        for key in pool._books.kept():
            yield f"a slot is kept for {key}"
        free = len(pool._books.slots) < self.settings.pool.max_open_groups and not pool._books.paused
        for queued in self.view.current.waiting() if free else ():
            if queued.wait_reason in PASSING:
                yield f"a slot is free for {queued.key}"

    def _queue_busy(self) -> Iterator[str]:
        queue = self.actor(QUEUE, Queue)
        if queue is None or queue._waiting_for_load is not None:
            yield "the queue is loading"
        elif queue._held:
            yield f"the queue holds {queue._held}"
        elif len(queue._entries) != len(self.view.current.queued):
            yield "the queue and the view differ"

    def _risk_busy(self) -> Iterator[str]:
        risk = self.actor(RISK, Risk)
        if risk is None or risk._held is not None:
            yield "the risk engine is loading"
        elif risk._running:
            yield f"an offset is under way: {risk._running}"
        elif risk._is_fill_due:
            yield "an evaluation is due"

    def _venue_busy(self) -> Iterator[str]:
        """Requests under way, and whatever of the venue the engine has not heard of yet."""
        if self.exchange.is_busy:
            yield "requests are on their way"
        here = {order.client_order_id: order for group in self.view.current.live() for order in group.open_orders()}
        there = self.venue._book.orders
        for name in here.keys() ^ there.keys():
            yield f"order {name} is open {'here' if name in here else 'at the venue'} only"
        for name in here.keys() & there.keys():
            if len(here[name].trades) != len(there[name].trades):
                yield f"trades of {name} are under way"

    def _group_busy(self, group: Group) -> Iterator[str]:
        actor = self.actor(f"group/{group.group_id}", PositionGroup)
        if actor is None or actor._loading:
            yield f"group {group.group_id} is not alive"
            return
        if actor._group != group:
            yield f"group {group.group_id} is ahead of what is committed"
        if group.state is GroupState.CLOSING:
            yield f"group {group.group_id} is closing"
        for order in group.open_orders():
            if order.state is OrderState.PENDING or order.cancel_requested or order.is_amending:
                asked = f"cancel asked: {order.cancel_requested}, amend: {order.is_amending}"
                yield f"order {order.client_order_id} is {order.state}, {asked}"
        later = position.step(group, TimeReached(), self._soon(actor._context(group)))
        assert isinstance(later, Decision)
        sends = [effect for effect in later.effects if isinstance(effect, SubmitOrders | CancelOrders | AmendOrders)]
        if sends:
            yield f"group {group.group_id} is going to send {sends}"

    @staticmethod
    def _soon(context: Context) -> Context:
        """The same world a little later: what a group puts off for a moment shows in it."""
        now_ms = context.now_ms + SOON_MS
        quote = None if context.quote is None else replace(context.quote, time_ms=now_ms)
        return replace(context, now_ms=now_ms, quote=quote)

    # --- looking on -------------------------------------------------------------------------------

    def _before(self, name: str, message: object) -> None:
        if self.on_message is not None:
            self.on_message(name, message)

    def _tells(self, name: str, _to: str | ReplyTo, message: object) -> None:
        if self.on_tell is not None:
            self.on_tell(name, message)

    def _after(self, name: str, handled: object) -> None:
        if self.on_handled is not None:
            self.on_handled(name, handled)
        view = self.view.current
        if view.version != self.checked_version:
            self.checked_version = view.version
            self._look_at_limits(view)
        self._look_at_slots(view)

    def _look_at_limits(self, view: Snapshot) -> None:
        """Never more live groups than the pool allows, but for those of a time when it allowed more; never two on a
        key (POOL-2, GRP-1). Kept for `settle`: to raise here would only be the end of an actor."""
        live = [group for group in view.live() if not group.forced and "late_fill" not in group.flags]
        if len(live) > max(self.settings.pool.max_open_groups, self.live_count):
            self.violations.append(f"{len(live)} groups are live")
        self.live_count = len(live)
        twice = [key for key, count in Counter(group.key for group in live).items() if count > 1]
        if twice:
            self.violations.append(f"two live groups on {twice}")

    def _look_at_slots(self, view: Snapshot) -> None:
        """What the pool counts as taken, drafts and kept slots included, never passes its limit (POOL-2)."""
        pool = self.actor(POOL, Pool)
        if pool is None or pool._before_load is not None:
            return
        taken = pool._books.taken()
        is_forced = any(work.force for work in pool._drafts.values()) or _is_beyond_the_limit(view)
        if taken > max(self.settings.pool.max_open_groups, self.taken) and not is_forced:
            self.violations.append(f"{taken} slots are taken, {list(pool._books.kept())} of them kept")
        self.taken = taken

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows of the store as it is."""
        return stores.rows(self.folder, sql, parameters)

    def group_of(self, key: Key) -> Group:
        """The live group of a key, as committed."""
        found, _ = self.view.current.on_key(WORLD, key)
        assert found is not None, f"nothing is live on {key}"
        return found

    def groups(self) -> dict[str, Group]:
        """Every group there ever was, under its name, oldest first."""
        names: dict[str, Group] = {}
        count: Counter[Key] = Counter()
        for (group_id,) in self.rows("SELECT group_id FROM position_groups ORDER BY id"):
            group = self.store.store.load_group(group_id)
            assert group is not None
            count[group.key] += 1
            names[f"{group.symbol} {group.key.timeframe} #{count[group.key]}"] = group
        return names

    def outcomes(self) -> dict[str, str]:
        return dict(self.rows("SELECT idempotency_key, outcome FROM signals ORDER BY id"))

    def event_log(self) -> str:
        """Every stored event, as text."""
        return "\n".join(repr(row) for row in self.rows("SELECT * FROM events ORDER BY sequence"))

    def venue_orders(self) -> list[tuple[str, OrderReport]]:
        """Every order the venue ever accepted, oldest first."""
        books = self.venue._books
        assert isinstance(books, MemoryBooks)
        return [(order.client_order_id, self._report_of(order.client_order_id)) for order in books.ledger().orders]

    def _report_of(self, client_order_id: str) -> OrderReport:
        report = self.venue._find(client_order_id)
        assert report is not None
        return report

    def books(self) -> Books:
        """The books, after everything that must hold at rest was checked."""
        self.check()
        names = {group.group_id: name for name, group in self.groups().items()}
        funds = self.venue._book.funds.balances()
        open_orders = []
        for order in self.venue._book.orders.values():
            parsed = parse_client_order_id(order.client_order_id)
            assert parsed is not None
            place = (names[parsed.group_id], parsed.role.value, parsed.pyramid, parsed.leg)
            open_orders.append((*place, order.price, order.remaining))
        pool = self.actor(POOL, Pool)
        assert pool is not None
        return Books(
            balances={asset: (balance.free, balance.locked) for asset, balance in funds.items() if balance.total},
            dealt=self._dealt(names),
            outcomes=self.outcomes(),
            groups=tuple(
                (name, group.state.value, str(group.close_reason), group.realized, group.fees, group.dust)
                for name, group in self.groups().items()
            ),
            open_orders=tuple(sorted(open_orders, key=repr)),
            waiting=tuple(sorted((queued.key, queued.side) for queued in self.store.load_queue(WORLD).entries)),
            slots=len(pool._books.slots),
        )

    def _dealt(self, names: Mapping[str, str]) -> tuple[Dealt, ...]:
        sums: dict[tuple[str, str, int | None, int | None, Decimal], list[Decimal]] = defaultdict(lambda: [D(0), D(0)])
        for client_order_id, report in self.venue_orders():
            parsed = parse_client_order_id(client_order_id)
            assert parsed is not None
            for trade in report.trades:
                at = (names[parsed.group_id], parsed.role.value, parsed.pyramid, parsed.leg, trade.price)
                sums[at][0] += trade.quantity
                sums[at][1] += trade.fee
        return tuple(sorted((Dealt(*at, *both) for at, both in sums.items()), key=repr))

    # --- what must hold at rest -------------------------------------------------------------------

    def check(self) -> None:
        """At rest: nothing leaks, nothing was done twice, engine and venue agree to the last digit."""
        assert self.busy() == ""
        self._check_pool()
        self._check_outcomes()
        self._check_venue()
        assert self.reader.report(ledger_differences) == []

    def _check_pool(self) -> None:
        assert self.system.incarnation(POOL) > self.system.incarnation(QUEUE), "they start as a unit (rule 6)"
        pool = self.actor(POOL, Pool)
        assert pool is not None
        books, live = pool._books, {group.group_id: group for group in self.view.current.live()}
        assert dict(books.slots) == {group.slot_token: group.group_id for group in live.values()}
        assert set(books.slot_accounts) == set(books.slots) == set(books._slot_keys)
        assert books.taken() == len(books.slots), "no slot is kept for anybody"
        reversing = {queued.key for queued in self.view.current.waiting() if queued.wait_reason is Reason.REVERSING}
        assert books.reversing == reversing
        assert set(books.groups) == set(live)
        assert books.by_key == {group.key: group.group_id for group in live.values()}
        assert set(books.waiting) == {queued.key for queued in self.store.load_queue(WORLD).entries}
        for (account, quote), reserved in books._reserved.items():
            told = (known.told for known in books.groups.values() if known.told.key.account == account)
            assert reserved == sum((one.reserved for one in told), D(0)), f"{quote} of {account} stays reserved"

    def _check_outcomes(self) -> None:
        """SIG-10: each signal once, with one final outcome at most."""
        keys = Counter(key for (key,) in self.rows("SELECT idempotency_key FROM signals"))
        assert all(count == 1 for count in keys.values()), f"a signal counted twice: {keys}"
        final = [outcome.value for outcome in Outcome if outcome.is_final]
        marks = ",".join("?" * len(final))
        twice = self.rows(
            f"SELECT signal_id, count(*) FROM events WHERE type IN ({marks}) GROUP BY signal_id HAVING count(*) > 1",
            *(f"signal.{outcome}" for outcome in final),
        )
        assert twice == [], "a signal has two final outcomes"

    def _check_venue(self) -> None:
        """Every order of the venue is one of the engine's, once, with the same trades (ORD-2, ORD-3, ORD-5)."""
        sent = Counter(self.submitted)
        assert all(count == 1 for count in sent.values()), f"sent twice: {sent.most_common(3)}"
        known: dict[str, Order] = {}
        for group in self.groups().values():
            known.update(group.orders)
        at_venue = self.venue_orders()
        names = [name for name, _ in at_venue]
        assert len(names) == len(set(names)), "the venue took an order twice"
        for name, report in at_venue:
            order = known[name]
            assert _essence(order.trades) == _essence(report.trades), f"trades of {name} differ"
            assert order.state is report.state, f"{name}: {order.state} here, {report.state} there"
            if order.state is not OrderState.CANCELLED:  # What a cancelled one was being amended to does not matter.
                shape = (order.price, order.quantity)
                assert shape == (report.price, report.quantity), f"{name}: {shape} here, {report} there"
            assert not order.is_final or not order.is_amending, f"{name} has ended and is being amended"
        for name, order in known.items():
            assert name in names or order.state in (OrderState.REJECTED, OrderState.CANCELLED), f"{name} never arrived"

    def check_profit(self) -> None:
        """PNL-2: change of the quote balance = realised - cost of what is still held, to the last digit; on a swap
        nothing is paid for what is held."""
        start = self.settings.accounts[ACCOUNT].balances["USDT"]
        quote = self.venue._book.funds.balances()["USDT"].total
        realized = cost = D(0)
        for group in self.groups().values():
            realized += group.realized
            if group.instrument.market is Market.SPOT:
                cost += sum((leg.lot.cost for leg in group.legs()), group.loose.cost)
        assert quote - start == realized - cost


def _is_beyond_the_limit(view: Snapshot) -> bool:
    """Whether there is a group that may be: one added by force, or brought back by a late fill."""
    return any(group.forced or "late_fill" in group.flags for group in view.live())


class Recording:
    """An exchange that writes down what is sent to it."""

    def __init__(self, exchange: Network, submitted: list[str]) -> None:
        self._exchange = exchange
        self._submitted = submitted

    def submit(self, orders: Sequence[Order]) -> None:
        self._submitted.extend(order.client_order_id for order in orders)
        self._exchange.submit(orders)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._exchange, name)


def _essence(trades: Sequence[Trade]) -> set[tuple[str, Decimal, Decimal, Decimal]]:
    return {(trade.trade_id, trade.quantity, trade.price, trade.fee) for trade in trades}


_template: dict[str, bytes] = {}


def opened(folder: Path) -> SqlStore:
    """A new store in `folder`. Its schema is made once per process and copied, so that a town is quick to build."""
    folder.mkdir(parents=True, exist_ok=True)
    if stores.IS_POSTGRES:
        if "key" in _template:
            key_file(folder).parent.mkdir(exist_ok=True)
            key_file(folder).write_bytes(_template["key"])
            key_file(folder).chmod(0o600)
        store = _open(folder)
        _template["key"] = key_file(folder).read_bytes()
        return store
    if "terrace.db" not in _template:
        first = folder / "template"
        _open(first).close()
        _template["terrace.db"] = (first / "terrace.db").read_bytes()
        _template["key"] = key_file(first).read_bytes()
        shutil.rmtree(first)
    (folder / "terrace.db").write_bytes(_template["terrace.db"])
    key_file(folder).parent.mkdir(exist_ok=True)
    key_file(folder).write_bytes(_template["key"])
    key_file(folder).chmod(0o600)
    store = _open(folder)
    assert isinstance(store, SqliteStore)
    store._connected().execute("PRAGMA synchronous=OFF")  # A process may be killed here; the power stays on.
    return store


def _open(folder: Path) -> SqlStore:
    store = open_store(stores.url_of(folder), "normal", folder, reserve_bytes=4096)
    assert isinstance(store, SqlStore), store
    return store


def answered(box: ReplyBox) -> Answer | Refused:
    answer = box.answer
    assert isinstance(answer, Answer | Refused)
    return answer


def events_of(stored: Sequence[EventStored]) -> list[object]:
    return [one.event for one in stored]
