"""The world of a simulated run: venues, store and senders outlive the process, which is killed and started again.

Everything in it is the product's own but for what lies outside: time, venues and their network, the store's device,
and the people. One thread; chance comes from the seed.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Generic, TypeVar

from actors.account_messages import ResolveDrift
from actors.messages import Answer, CloseGroup, PauseEngine, PromoteQueued, ResumeEngine, SubmitSignal
from actors.replies import ReplyBox
from actors.risk_messages import LiftLimit, RunOffset
from actors.rules.choices import Market
from actors.rules.events import Note
from actors.rules.model import Intent, Key, Signal
from actors.rules.records import DriftKind, DriftResolution, DriftState
from actors.rules.settings import Settings
from actors.stepped import Line, Stepped
from actors.view import View
from daemon.assembly import Parts, SettingsHolder, assemble
from daemon.exchanges.paper_order import PaperOrder
from daemon.first_view import ViewReader, first_view
from daemon.store.memory import MemoryStore
from tests.simulation import ops
from tests.simulation.agenda import Agenda
from tests.simulation.checks_world import OnAccepted, OnApplied, OnMessage, OnTrade, is_ours
from tests.simulation.configuration import chance_of, settings_of
from tests.simulation.faults import Faults
from tests.simulation.ids import SeededIds
from tests.simulation.promise import Promise, Violation
from tests.simulation.rest import POOL, RISK, unfinished
from tests.simulation.store_faults import FaultyStore
from tests.simulation.uneven import Uneven
from tests.simulation.venue import SimExchange
from tests.simulation.venue_books import BY_HAND, SimVenue

L = TypeVar("L")

START_MS = 1_750_000_000_000
INSTALLATION = "abcd"
SEND_AGAIN_MS = 5_000
"""A sender who has heard nothing, or that it was not taken, sends again after so long."""
MAX_CALLS = 5_000
"""Calls without an answer in one life of the engine; its API lets no more than a bounded number in."""
WALK_MS = 2_000
"""Between two prices of a walk."""
RUSH = 0.02
"""How often time runs ahead of the mail."""
UNEVEN = 0.4
"""Share of the seeds in which actors are not equally quick."""
TIDY_MS = 60_000
"""How often a person looks after what people did by hand, at the end of a run."""
SETTLE_STEPS = 50_000
"""Steps within which everything must have come to rest, whatever time it takes."""


@dataclass(slots=True)
class SentAlert:
    """An alert and what its sender has heard of it."""

    number: int
    signal: Signal
    boxes: list[Ear] = field(default_factory=list)
    answer: Answer | None = None
    answers: list[object] = field(default_factory=list)
    """Everything heard, refusals too."""

    @property
    def is_acknowledged(self) -> bool:
        return self.answer is not None


class Ear(ReplyBox):
    """Where the answer to one sending of an alert is heard."""

    def __init__(self, hear: Callable[[object], None]) -> None:
        super().__init__()
        self._hear = hear

    def reply(self, answer: object) -> None:
        if not self.done:
            super().reply(answer)
            self._hear(answer)


class World:
    """`steps` are counted over all lives of the process."""

    def __init__(
        self,
        seed: int,
        *,
        settings: Settings | None = None,
        store: Any = None,
        reader: ViewReader | None = None,
    ) -> None:
        """`store`: any `ports.Store`, with `reader` on the same; a new one in memory unless told."""
        self.seed = seed
        self.begin_ms = START_MS
        self.settings = settings_of(seed) if settings is None else settings
        self.rng = chance_of(seed, "world")
        pace = chance_of(seed, "pace")
        self._pace = pace
        self._is_uneven = pace.random() < UNEVEN
        self._calls: Counter[int] = Counter()
        """Of alerts, without an answer yet, by the engine's life."""
        self.on_message: list[OnMessage] = []
        self.on_op: list[Callable[[ops.Op], None]] = []
        self.on_start: list[Callable[[], None]] = []
        self.on_kill: list[Callable[[int], None]] = []
        self.on_words: list[Callable[[str], None]] = []
        """What a person did without an op."""
        self.on_answer: list[Callable[[SentAlert, object], None]] = []
        self.alerts: dict[int, SentAlert] = {}
        self.unanswered: dict[int, SentAlert] = {}
        self.notes: list[Note] = []
        """What the supervisor had to say."""
        self.agenda = Agenda()
        self.walking = 0
        """Prices of walks that are still to come."""
        self.ids = SeededIds(chance_of(seed, "ids"))
        inner = MemoryStore() if store is None else store
        self.store = FaultyStore(inner, chance_of(seed, "store"))
        self.reader: ViewReader = inner if reader is None else reader
        self.venues = {
            name: SimVenue(account, START_MS, chance_of(seed, f"venue/{name}"))
            for name, account in self.settings.accounts.items()
        }
        if has_stops(self.settings):
            # A stop and a target that both rest may take more than the group holds of a position that somebody else
            # shares with it on a swap account: that is the person's to know (docs/promises.md).
            for venue in self.venues.values():
                venue.people_only_reduce = venue.account.market is Market.SWAP
        self.faults = Faults(chance_of(seed, "faults"))
        self.fatal = ""
        """Why there is no supervisor any more."""
        self.settled_in_ms = 0
        """How long it took to come to rest once the faults were over."""
        self.is_dead = True
        self.starts = 0
        self.after_step: Callable[[], None] = lambda: None
        self._earlier_steps = 0
        self._earlier_log: list[Line] = []
        self._now_ms = START_MS
        self._armed_ms: int | None = None
        """When the process wakes the agenda, by its own clock."""
        self.start()

    # --- what listeners hear ----------------------------------------------------------------------

    @property
    def on_applied(self) -> list[OnApplied]:
        return self.store.on_applied

    @property
    def on_trade(self) -> list[OnTrade]:
        return _OfAll([venue.on_trade for venue in self.venues.values()])

    @property
    def on_accepted(self) -> list[OnAccepted]:
        return _OfAll([venue.on_accepted for venue in self.venues.values()])

    # --- processes --------------------------------------------------------------------------------

    def start(self) -> None:
        """A process on the store and the venues as they are."""
        self.starts += 1
        self.is_dead = False
        self.system = Uneven(
            random.Random(self.rng.random()),
            pace=self._pace,
            is_uneven=self._is_uneven,
            start_ms=self._now_ms,
            rush=RUSH,
            on_fatal=self._fatally,
        )
        self.system.before_message = self._hears
        groups = self.store.live_groups()
        self.view: View = first_view(self.settings, self.store, self.reader, groups, self._now_ms)
        self.exchanges = {
            name: SimExchange(venue, self.system, random.Random(self.rng.random()))
            for name, venue in self.venues.items()
        }
        self.parts: Parts[Stepped] = assemble(
            system=self.system,
            settings=SettingsHolder(self.settings),
            store=self.store,
            view=self.view,
            exchanges=self.exchanges,
            ids=self.ids,
            installation_id=INSTALLATION,
            observe=self.notes.append,
            store_state=self.view.mark_store,
        )
        self.faults.attach(self)
        self._armed_ms = None
        self._arm_agenda()
        self.parts.start()
        for listener in self.on_start:
            listener()

    def kill(self, down_ms: int) -> None:
        """kill -9 at this instant. Whoever calls it from within a handler raises behind it."""
        self.is_dead = True
        for exchange in self.exchanges.values():
            exchange.lost()
        self._now_ms = self.system.now_ms() + down_ms
        self._earlier_steps += self.system.steps
        self._earlier_log.extend(self.system.log)
        self.system.kill()
        for listener in self.on_kill:
            listener(down_ms)

    def _fatally(self, error: str) -> None:
        self.fatal = error

    def _hears(self, name: str, message: object) -> None:
        for listener in self.on_message:
            listener(name, message)

    # --- time -------------------------------------------------------------------------------------

    @property
    def steps(self) -> int:
        return self._earlier_steps if self.is_dead else self._earlier_steps + self.system.steps

    def log(self) -> tuple[Line, ...]:
        """Every step of every life."""
        return (*self._earlier_log, *(() if self.is_dead else self.system.log))

    def now_ms(self) -> int:
        """Real time, which nobody sets."""
        return self.faults.now_ms()

    def step(self) -> bool:
        """One step of the process, which is started first if it was killed. False: nothing is left to do."""
        if self.is_dead:
            self.start()
        went_on = self.system.step()
        self.after_step()
        return went_on

    def busy(self) -> str:
        """What is still under way, in words; empty: nothing."""
        return next(unfinished(self), "")

    def settle(self, limit_ms: int) -> None:
        """No faults any more, and everything comes to rest within so much time; `Violation` if it does not."""
        self.faults.stop()
        begin_ms = self.now_ms()
        deadline_ms, last_step = self.now_ms() + limit_ms, self.steps + SETTLE_STEPS
        self._later(TIDY_MS, self._person_tidies)
        while True:
            if self.is_dead:
                self.start()
            if not self.system._runnable:
                busy = self.busy()
                if not busy:
                    self.settled_in_ms = self.now_ms() - begin_ms
                    return
                if self.now_ms() > deadline_ms:
                    raise Violation(Promise.SETTLES, f"not at rest after {limit_ms // 1000} s without faults: {busy}")
            if self.steps > last_step:
                raise Violation(Promise.SETTLES, f"not at rest {SETTLE_STEPS} steps after the faults: {self.busy()}")
            if not self.step():
                raise Violation(Promise.SETTLES, f"nothing moves any more: {self.busy()}")

    def _person_tidies(self) -> None:
        """What people did by hand on an account the engine leaves to people: they take their orders back, and decide
        about every difference, again and again.
        """
        for account, venue in self.venues.items():
            by_hand = [name for name in venue.open_orders() if name.startswith(BY_HAND)]
            for name in by_hand:
                self._tell_words(f"a person takes order {name} on {account} back")
                venue.book.cancel(name, venue.now_ms())
            venue.tell(venue.settled())
        for drift in sorted(self.view.current.drifts.values(), key=lambda drift: drift.drift_id):
            if drift.state is not DriftState.OPEN:
                continue
            is_gone = drift.kind is DriftKind.UNCOVERED
            resolution = DriftResolution.ADOPT if is_gone else DriftResolution.FLATTEN
            self._tell_words(f"a person resolves a difference, {resolution}: {drift.message}")
            self._ask(
                f"gateway/{drift.account}",
                lambda box, drift=drift, resolution=resolution: ResolveDrift(  # type: ignore[misc]
                    drift_id=drift.drift_id,
                    resolution=resolution.value,
                    group_id="",
                    who="person",
                    is_dry_run=False,
                    reply_to=box,
                ),
            )
        self._later(TIDY_MS, self._person_tidies)

    def _tell_words(self, words: str) -> None:
        for listener in self.on_words:
            listener(words)

    def _later(self, after_ms: int, call: Callable[[], None]) -> None:
        self.agenda.add(self.now_ms() + after_ms, call)
        self._arm_agenda()

    def _arm_agenda(self) -> None:
        """Has the process's own timers wake the agenda when it is due."""
        due_ms = self.agenda.next_ms()
        if due_ms is None or self.is_dead:
            return
        call_ms = self.system.now_ms() + max(0, due_ms - self.now_ms())
        if self._armed_ms is None or call_ms < self._armed_ms:
            self._armed_ms = call_ms
            self.system.call_at(call_ms, self._agenda_is_due)

    def _agenda_is_due(self) -> None:
        self._armed_ms = None
        self.agenda.run_due(self.now_ms())
        self._arm_agenda()

    # --- what happens -----------------------------------------------------------------------------

    def apply(self, op: ops.Op) -> None:
        if self.is_dead:
            self.start()
        for listener in self.on_op:
            listener(op)
        _HAPPENS[type(op)](self, op)

    def _alert(self, op: ops.Alert) -> None:
        if op.number in self.alerts or op.account not in self.venues:
            return
        now_ms = self.system.now_ms()
        signal = Signal(
            signal_id="",
            source="tradingview",
            key=Key(account=op.account, symbol=op.symbol, timeframe=op.timeframe),
            intent=op.intent,
            side=None if op.intent in (Intent.EXIT, Intent.REDUCE) else op.side,
            entry_price=op.price,
            sent_time_ms=self.now_ms() - op.age_ms,  # By the sender's clock, which nobody sets.
            receive_time_ms=now_ms,
            idempotency_key=f"alert-{op.number:04d}",
            order_size=op.percent,
            prev_market_position_size=None if op.percent is None else Decimal(100),
            stop_loss=op.stop_loss,
            take_profit=op.take_profit,
        )
        self.alerts[op.number] = self.unanswered[op.number] = SentAlert(op.number, signal)
        self._send(op.number)

    def _send(self, number: int) -> None:
        """Once, as one call of the API, under a signal id of its own; later where too many calls are under way."""
        sent, life = self.alerts[number], self.starts
        self._later(SEND_AGAIN_MS, lambda: self._send_again(number))
        if self._calls[life] >= MAX_CALLS:
            return
        self._calls[life] += 1

        def hear(answer: object) -> None:
            self._calls[life] -= 1
            sent.answers.append(answer)
            if isinstance(answer, Answer):
                sent.answer = sent.answer or answer
                self.unanswered.pop(number, None)
            for listener in self.on_answer:
                listener(sent, answer)

        ear = Ear(hear)
        sent.boxes.append(ear)
        mine = replace(sent.signal, signal_id=self.ids.signal_id())
        self.system.tell(POOL, SubmitSignal(signal=mine, reply_to=ear))

    def _send_again(self, number: int) -> None:
        if number in self.unanswered:
            self._send(number)

    def _copy(self, op: ops.Copy) -> None:
        if op.number in self.alerts:
            self._send(op.number)

    def _at_venue(self, op: ops.AtVenue) -> None:
        if op.account in self.venues:
            self.venues[op.account].happens(op)

    def _walk(self, op: ops.Walk) -> None:
        if op.account not in self.venues:
            return
        for index, price in enumerate(op.prices):
            move = ops.Move(account=op.account, symbol=op.symbol, price=price)
            self.walking += 1
            self._later(index * WALK_MS, lambda move=move: self._walks(move))  # type: ignore[misc]

    def _walks(self, op: ops.Move) -> None:
        self.walking -= 1
        self._at_venue(op)

    def _pass(self, op: ops.Pass) -> None:
        """As far as this life lasts."""
        end_ms, life = self.system.now_ms() + op.ms, self.starts
        last_step = self.steps + SETTLE_STEPS
        while self.starts == life and not self.is_dead:
            if self.steps > last_step:
                raise Violation(Promise.SETTLES, f"more than {SETTLE_STEPS} steps in {op.ms} ms: {self.busy()}")
            next_ms = self.system._timers.next_ms()
            if not self.system._runnable and (next_ms is None or next_ms > end_ms):
                self.system._now_ms = max(self.system._now_ms, end_ms)
                return
            self.step()

    def _fault(
        self, op: ops.BreakVenue | ops.BreakStore | ops.CrashActor | ops.KillProcess | ops.JumpClock | ops.Flood
    ) -> None:
        if not isinstance(op, ops.BreakVenue) or op.account in self.venues:
            self.faults.arm(op)
        if isinstance(op, ops.JumpClock):
            self._armed_ms = None
            self._arm_agenda()

    def _slow(self, op: ops.Slow) -> None:
        assert isinstance(self.system, Uneven)
        self.system.slow(op.kind, op.steps)

    def _hold(self, op: ops.Hold) -> None:
        assert isinstance(self.system, Uneven)
        self.system.hold(op.kind, op.ms)

    def _change_config(self, op: ops.ChangeConfig) -> None:
        settings = self.settings
        strategy = settings.strategy.default
        if op.capital is not None:
            strategy = replace(strategy, sizing=replace(strategy.sizing, capital_per_pyramid=op.capital))
        if op.take_profit_percent is not None:
            strategy = replace(strategy, tp_percent=op.take_profit_percent)
        if op.max_pyramids is not None:
            strategy = replace(strategy, max_pyramids=op.max_pyramids)
        pool, queue = settings.pool, settings.queue
        if op.max_open_groups is not None:
            pool = replace(pool, max_open_groups=op.max_open_groups)
        if op.queue_max_size is not None:
            queue = replace(queue, max_size=op.queue_max_size)
        self.settings = replace(
            settings,
            version=settings.version + 1,
            strategy=replace(settings.strategy, default=strategy),
            pool=pool,
            queue=queue,
        )
        self.parts.change_settings(self.settings)

    def _pause(self, op: ops.Pause) -> None:
        """To resume is also to lift what a breached limit has set."""
        if op.is_paused:
            self._ask(
                POOL,
                lambda box: PauseEngine(accounts=(), cancel_entries=op.cancel_entries, who="person", reply_to=box),
            )
            return
        self._ask(POOL, lambda box: ResumeEngine(accounts=(), who="person", reply_to=box))
        self._ask(POOL, lambda box: LiftLimit(who="person", why="", reply_to=box))

    def _close_group(self, op: ops.CloseGroup) -> None:
        live = sorted(self.view.current.live(), key=lambda group: group.group_id)
        if live:
            group_id = live[op.pick % len(live)].group_id
            self._ask(f"group/{group_id}", lambda box: CloseGroup(group_id=group_id, who="person", reply_to=box))

    def _run_offset(self, _op: ops.RunOffset) -> None:
        self._ask(RISK, lambda box: RunOffset(group_id="", who="person", reply_to=box))

    def _force_add(self, op: ops.ForceAdd) -> None:
        waiting = sorted(self.view.current.waiting(), key=lambda queued: queued.signal.signal_id)
        if waiting:
            queued = waiting[op.pick % len(waiting)]
            self._ask(
                POOL,
                lambda box: PromoteQueued(
                    signal_id=queued.signal.signal_id, key=queued.key, who="person", force=op.force, reply_to=box
                ),
            )

    def _ask(self, to: str, make: Callable[[ReplyBox], object]) -> None:
        """A person asks once, and goes away if nobody answers."""
        with suppress(LookupError):
            self.system.ask(to, make)  # type: ignore[arg-type]

    # --- looking on -------------------------------------------------------------------------------

    def engine_orders_at(self, account: str) -> dict[str, PaperOrder]:
        """Open orders of the engine at this venue, by client order id."""
        found = self.venues[account].open_orders()
        return {name: order for name, order in found.items() if is_ours(name)}


def has_stops(settings: Settings) -> bool:
    """Whether groups may have a stop that rests."""
    strategy = settings.strategy.default
    by_percent = (strategy.stop_loss_percent, strategy.stop_trail_percent) != (None, None)
    return by_percent or strategy.break_even_after_first_tp or strategy.accept_signal_stops


class _OfAll(list[L], Generic[L]):
    """Listens at several places at once."""

    def __init__(self, places: Sequence[list[L]]) -> None:
        super().__init__()
        self._places = places

    def append(self, listener: L) -> None:
        for place in self._places:
            place.append(listener)


_HAPPENS: dict[type, Callable[..., None]] = {
    ops.Alert: World._alert,
    ops.Copy: World._copy,
    ops.Move: World._at_venue,
    ops.Walk: World._walk,
    ops.Pass: World._pass,
    ops.BreakVenue: World._fault,
    ops.FillPart: World._at_venue,
    ops.ForeignOrder: World._at_venue,
    ops.ManualTrade: World._at_venue,
    ops.CancelByHand: World._at_venue,
    ops.ChangeByHand: World._at_venue,
    ops.BreakStore: World._fault,
    ops.CrashActor: World._fault,
    ops.KillProcess: World._fault,
    ops.JumpClock: World._fault,
    ops.ChangeConfig: World._change_config,
    ops.Pause: World._pause,
    ops.CloseGroup: World._close_group,
    ops.RunOffset: World._run_offset,
    ops.ForceAdd: World._force_add,
    ops.Flood: World._fault,
    ops.Slow: World._slow,
    ops.Hold: World._hold,
}
