"""Pool: the authority on lanes, slots and reserved capital of one world.

A signal comes in, its key's lane is taken, the routing table says what it means here, and a draft goes to the
group or the Queue. The Journal's release frees the lane; a refusal, a reload or a lost group gives everything back
and the work is begun anew. Numbers in comments are the protocol's rules (docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from actors import messages as m
from actors import risk_messages as rm
from actors.needs import ALWAYS, Needs, soonest
from actors.pool_admission import Admissions
from actors.pool_books import PoolBooks, Reservation
from actors.pool_limits import EQUITY, SNAPSHOT_MS, Days, PoolLimits, utc_day
from actors.pool_orders import limit_orders
from actors.pool_own_slots import OWN_SLOT_RETRY_MS, OwnSlots
from actors.pool_work import MAX_TRIES, Kind, Lane, Work
from actors.pool_worth import Worth
from actors.ports import Catalogue, Ids, Marks
from actors.preview_messages import EntryPreview, PreviewEntry
from actors.rules.choices import EngineMode, World
from actors.rules.intent import Action, Route, may_be_shed, only_its_end, route
from actors.rules.limit_states import LimitLevel
from actors.rules.model import Intent, Key, LadderPlan, Outcome, Queued, Reason, Refused, Side, Signal
from actors.rules.records import AddEquity, AddEvent, RaiseAlert, Row, SaveEngineState, SaveSignal, claim
from actors.rules.settings import Settings
from actors.runtime import SUPERVISOR, Actor, Life

MAX_IN_FLIGHT = 10_000
"""Signals taken on and not yet answered; beyond it the caller is told to come again."""
MAX_ENTRIES_IN_FLIGHT = 8_000
"""Beyond this many no entry is taken on: the rest of the room is for exits, reduces and reverses (REC-4)."""
TICK_MS = 1_000
"""How often what waits for a limit, a price or a balance is offered again."""
RETRY_MS = 50
"""Pause before work is begun anew because its group was not there; grows with each try."""
MAX_DECLINED_AT_ONCE = 64
"""Offers Pool cannot use before it waits for the next change or tick."""
LIMIT_REPEAT_MS = 5_000
"""How often groups are told again what a breached limit asks of them, until they have done it (POOL-4)."""
ROUND_MS = 10_000
"""How long those behind many that cannot be used are gone on with before the first are tried again."""


class Pool(Actor):
    """`pool/<world>`."""

    def __init__(
        self,
        life: Life,
        *,
        marks: Marks,
        catalogue: Catalogue,
        ids: Ids,
        settings: Callable[[], Settings],
        days: Days = utc_day,
        snapshot_every_ms: int = SNAPSHOT_MS,
    ) -> None:
        super().__init__(life)
        self._ids = ids
        self._settings = settings
        self._world = World(life.name.partition("/")[2])
        self._queue = f"queue/{self._world.value}"
        self._me = m.Participant(life.name, life.incarnation)
        self._books = PoolBooks()
        worth = Worth(self._books, self._world, marks, catalogue, settings)
        self._limits = PoolLimits(
            world=self._world,
            books=self._books,
            worth=worth,
            settings=settings,
            days=days,
            snapshot_every_ms=snapshot_every_ms,
        )
        self._limit_told: tuple[LimitLevel, int] = (LimitLevel.NONE, 0)
        """The level groups were last told of, and when."""
        self._admissions = Admissions(self._books, marks, catalogue, settings, self._limits.refusal)
        self._lanes: dict[Key, Lane] = {}
        self._drafts: dict[str, Work] = {}
        self._in_flight: dict[str, Work] = {}
        """By idempotency key."""
        self._offer_id = ""
        self._declined: set[Key] = set()
        """Offered in this round and not usable."""
        self._round_ms = 0
        self._is_round_over = True
        self._declined_at_once = 0
        self._is_offer_outdated = False
        """Something changed since the Queue was asked."""
        self._retries: list[Work] = []
        self._own_slots = OwnSlots(self._books)
        self._store_ok = True
        self._on_reserve = False
        self._is_store_slow = False
        self._is_ending = False
        self._before_load: list[object] | None = []

    def start(self) -> None:
        self.life.tell("journal", m.Load(name=self.life.name, incarnation=self.life.incarnation))

    def receive(self, message: object) -> None:
        if isinstance(message, m.Loaded):
            if message.incarnation == self.life.incarnation:
                self._loaded(message.state)
        elif self._before_load is not None:
            self._hold(message, self._before_load)
        else:
            self._handle(message)

    def _hold(self, message: object, held: list[object]) -> None:
        if isinstance(message, m.SubmitSignal) and len(held) >= self._most_in_flight(message.signal):
            self._answer(message.reply_to, Refused(reason=Reason.OVERLOADED, detail="still starting; send again"))
        else:
            held.append(message)

    def _loaded(self, state: object) -> None:
        assert isinstance(state, m.PoolState)
        self._books.fill(state)
        self._limits.load(state, self.life.now_ms())
        held, self._before_load = self._before_load or [], None
        for account in self._settings().accounts.values():
            if account.world is self._world:
                self.life.tell(f"gateway/{account.name}", m.DescribeAccount(reply_to=None))
        for message in held:
            self._handle(message)
        self._tick()

    def _handle(self, message: object) -> None:
        handler = _HANDLERS.get(type(message))
        if handler is None:
            raise TypeError(f"the pool does not take {type(message).__name__}")
        handler(self, message)

    # --- signals ----------------------------------------------------------------------------------

    def _submit(self, message: m.SubmitSignal) -> None:
        signal = message.signal
        first = self._books.first_answer(signal.idempotency_key, signal.receive_time_ms)
        if first is not None:
            self._answer(message.reply_to, m.as_duplicate(first))
            return
        under_way = self._in_flight.get(signal.idempotency_key)
        if under_way is not None:
            if message.reply_to is not None:
                under_way.joined.append(message.reply_to)
            return
        refused = self._cannot_take(signal)
        if refused is not None:
            self._answer(message.reply_to, refused)
            return
        work = Work(kind=Kind.SIGNAL, key=signal.key, signal=signal, reply_to=message.reply_to)
        self._in_flight[signal.idempotency_key] = work
        self._enter(work)

    def _cannot_take(self, signal: Signal) -> Refused | None:
        if not self._store_ok:
            return Refused(reason=Reason.STORE_FAILED, detail="the store takes no writes; send again later")
        if self._on_reserve and self._only_adds(signal):
            detail = "the disk is full: what is left is kept for exits; make room, then send again"
            return Refused(reason=Reason.STORE_FAILED, detail=detail)
        if self._is_store_slow and self._only_adds(signal):
            detail = "the store takes long for each commit: entries wait until it is quick again; send it again later"
            return Refused(reason=Reason.STORE_SLOW, detail=detail)
        if len(self._in_flight) >= self._most_in_flight(signal):
            return Refused(reason=Reason.OVERLOADED, detail="too many signals under way; send again later")
        return None

    def _only_adds(self, signal: Signal) -> bool:
        """Whether it can only add to what is held: that is what is shed first (REC-4). A short on spot is an exit."""
        account = self._settings().accounts.get(signal.key.account)
        return may_be_shed(signal, account.market if account else None)

    def _most_in_flight(self, signal: Signal) -> int:
        return min(MAX_ENTRIES_IN_FLIGHT, MAX_IN_FLIGHT) if self._only_adds(signal) else MAX_IN_FLIGHT

    def _preview(self, message: PreviewEntry) -> None:
        """What would become of an entry now. It takes no lane, and nothing is kept for it."""
        signal, now_ms = message.signal, self.life.now_ms()
        refused = self._cannot_take(signal)
        if refused is not None:
            self._answer(message.reply_to, refused)
            return
        live = self._books.live(signal.key)
        if live is not None and (live.told.closing or live.told.side is not signal.side):
            live = None
        judged = (
            self._admissions.open(signal, now_ms=now_ms, leaving=None)
            if live is None
            else self._admissions.pyramid(signal, live, now_ms=now_ms)
        )
        preview = EntryPreview(
            judged=judged,
            is_hopeless=isinstance(judged, Refused) and judged.reason in _HOPELESS,
            obstacles=self._admissions.obstacles(signal, live, now_ms=now_ms),
            expected_profit=self._admissions.expected_profit(signal, now_ms),
        )
        self._answer(message.reply_to, preview)

    def _enter(self, work: Work) -> None:
        lane = self._lanes.get(work.key)
        if lane is None:
            self._lanes[work.key] = Lane(work)
            self._begin(work)
        else:
            lane.backlog.append(work)

    def _begin(self, work: Work) -> None:
        """First try, or one more: everything is judged anew by what is true now."""
        work.tries += 1
        if work.tries > MAX_TRIES:
            self._give_up(work)
        elif work.kind is Kind.SIGNAL:
            self._route(work)
        else:
            self._send_take_out(work)

    def _route(self, work: Work) -> None:
        signal = work.signal
        assert signal is not None
        is_late = self._came_too_late(signal)
        if is_late and signal.intent is Intent.ENTRY:
            detail = f"delivered more than {signal.max_age_s} s after it arrived"
            self._decide(work, Outcome.EXPIRED, Reason.TOO_OLD, detail, alert="late_signal")
            return
        live = self._books.live(signal.key)
        waiting = self._books.waiting.get(signal.key)
        only_ends = is_late or self._settings().engine.mode is EngineMode.READ_ONLY
        decided = route(
            only_its_end(signal, live.told.side if live else None) if only_ends else signal,
            market=self._admissions.market(signal.key.account),
            live_side=live.told.side if live else None,
            closing=live.told.closing if live else False,
            waiting_side=waiting[0] if waiting else None,
            waiting_reason=waiting[1] if waiting else None,
            opened_stamp_ms=live.told.opened_stamp_ms if live else None,
        )
        self._follow(work, signal, decided)

    def _follow(self, work: Work, signal: Signal, decided: Route) -> None:
        work.reverses = decided.action is Action.REVERSE
        if decided.action is Action.OPEN:
            self._open(work, signal)
        elif decided.action is Action.PYRAMID:
            self._pyramid(work, signal)
        elif decided.action is Action.ENQUEUE:
            why = Refused(reason=decided.reason, detail=decided.detail)
            self._enqueue(work, signal, why, is_reverse=decided.is_reverse)
        elif decided.action in (Action.CLOSE, Action.REVERSE):
            if decided.dequeue:
                self._send_take_out(work)
            else:
                self._close(work, signal)
        elif decided.action is Action.REDUCE:
            self._reduce(work, signal)
        elif decided.action is Action.DEQUEUE:
            self._send_take_out(work)
        elif decided.action is Action.IGNORE:
            self._decide(work, Outcome.IGNORED, decided.reason, decided.detail)
        else:
            self._decide(work, Outcome.REJECTED, decided.reason, decided.detail)

    def _came_too_late(self, signal: Signal) -> bool:
        """Whether it lay in the forwarder's spool for too long (SIG-12)."""
        return self.life.now_ms() - signal.receive_time_ms > signal.max_age_s * 1000

    # --- drafts to groups -------------------------------------------------------------------------

    def _open(self, work: Work, signal: Signal) -> None:
        judged = self._admissions.open(
            signal,
            now_ms=self.life.now_ms(),
            leaving=work.leaving,
            force=work.force,
            no_exposure=work.ignore_exposure,
            no_limits=work.ignore_limits,
        )
        if isinstance(judged, Refused):
            self._cannot_enter(work, signal, judged)
            return
        work.group_id, work.slot_token = self._ids.group_id(), self._ids.token()
        self._books.take(work.slot_token, work.group_id, signal.key)
        draft = self._draft(work, signal)
        self._keep(draft, signal.key, judged.instrument.quote, judged.plan, opens=judged.side)
        name = f"group/{work.group_id}"
        self.life.spawn(name, fresh=True)
        opening = m.OpenGroup(
            draft=draft,
            group_id=work.group_id,
            world=self._world,
            side=judged.side,
            signal=signal,
            plan=judged.plan,
            settings=judged.settings,
            instrument=judged.instrument,
            slot_token=work.slot_token,
            forced=judged.over_limit,
            leaving=work.leaving,
            who=work.who,
        )
        self.life.tell(name, opening)

    def _pyramid(self, work: Work, signal: Signal) -> None:
        live = self._books.live(signal.key)
        assert live is not None
        judged = self._admissions.pyramid(
            signal,
            live,
            now_ms=self.life.now_ms(),
            no_exposure=work.ignore_exposure,
            no_limits=work.ignore_limits,
        )
        if isinstance(judged, Refused):
            self._cannot_enter(work, signal, judged)
            return
        work.group_id = live.told.group_id
        draft = self._draft(work, signal)
        self._keep(draft, signal.key, live.instrument.quote, judged.plan)
        adding = m.AddPyramid(draft=draft, signal=signal, plan=judged.plan, leaving=work.leaving)
        self.life.tell(f"group/{work.group_id}", adding)

    def _close(self, work: Work, signal: Signal) -> None:
        """The group closes for this exit or reverse; K's queued signal goes along.

        One that is later than a reverse stays, and is what opens next: of the reverse only its end is left.
        """
        live = self._books.live(signal.key)
        assert live is not None
        work.group_id = live.told.group_id
        draft = self._draft(work, signal)
        if work.reverses and not work.is_outdated:
            work.opens_next = self._turned(signal, live.told.side, work.leaving)
            self.life.tell(
                f"group/{work.group_id}",
                rm.ReverseGroup(draft=draft, signal=signal, queued=work.opens_next, leaving=work.leaving),
            )
        else:
            self.life.tell(f"group/{work.group_id}", m.ExitGroup(draft=draft, signal=signal, leaving=work.leaving))

    def _turned(self, signal: Signal, closes: Side, old: Queued | None) -> Queued:
        """The new side of a reverse as it waits: in the place of what was queued on its key."""
        detail = f"the {closes.opposite} opens when the {closes} is closed, in its slot"
        queued = self._as_queued(signal, Refused(reason=Reason.REVERSING, detail=detail), is_reverse=True)
        queued = replace(queued, is_decided=True)
        if old is None:
            return queued
        count, first_ms = old.replacement_count + 1, old.first_queue_time_ms
        return replace(queued, replacement_count=count, first_queue_time_ms=first_ms)

    def _reduce(self, work: Work, signal: Signal) -> None:
        live = self._books.live(signal.key)
        assert live is not None
        work.group_id = live.told.group_id
        self.life.tell(f"group/{work.group_id}", rm.ReduceBySignal(draft=self._draft(work, signal), signal=signal))

    def _keep(self, draft: m.Draft, key: Key, quote: str, plan: LadderPlan, opens: Side | None = None) -> None:
        reservation = Reservation(key.account, key.symbol, quote, plan.notional, plan.capital, opens)
        self._books.keep(draft.draft_id, reservation)

    def _draft(self, work: Work, signal: Signal | None) -> m.Draft:
        """A new draft for this work, or the one that already holds its queue entry."""
        if work.draft is None:
            draft = m.Draft(
                draft_id=self._ids.token(),
                key=work.key,
                signal_id=signal.signal_id if signal else work.signal_id,
                participants=(self._me,),
                reply_to=work.reply_to,
                config_version=self._settings().version,
            )
            work.draft = draft
            self._drafts[draft.draft_id] = work
        return work.draft

    def _cannot_enter(self, work: Work, signal: Signal, refused: Refused) -> None:
        """An entry the limits or the instrument do not let in: it waits, goes back to waiting, or is rejected."""
        if work.leaving is not None:
            if refused.reason in _HOPELESS:
                self._discard(work, Outcome.REJECTED, refused.reason, refused.detail)
            else:
                self._put_back(work, refused)
        elif refused.reason in _HOPELESS:
            self._decide(work, Outcome.REJECTED, refused.reason, refused.detail)
        else:
            self._enqueue(work, signal, refused)

    # --- the Queue --------------------------------------------------------------------------------

    def _enqueue(self, work: Work, signal: Signal, why: Refused, *, is_reverse: bool = False) -> None:
        queued = self._as_queued(signal, why, is_reverse)
        if why.reason is Reason.REVERSING:
            self._books.promised.add(work.key)
        self.life.tell(self._queue, m.Enqueue(draft=self._draft(work, signal), queued=queued))

    def _as_queued(self, signal: Signal, why: Refused, is_reverse: bool) -> Queued:
        if signal.side is None:
            raise AssertionError("only entries wait")
        now_ms = self.life.now_ms()
        return Queued(
            signal=signal,
            side=signal.side,
            entry_price=signal.entry_price,
            wait_reason=why.reason,
            detail=why.detail,
            first_queue_time_ms=now_ms,
            queue_time_ms=now_ms,
            is_reverse=is_reverse,
            expected_profit=self._admissions.expected_profit(signal, now_ms),
        )

    def _send_take_out(self, work: Work) -> None:
        if work.kind is Kind.PROMOTION:
            self._promote(work)
            return
        self.life.tell(self._queue, m.TakeOut(draft=self._draft(work, work.signal)))

    def _taken_out(self, message: m.TakenOut) -> None:
        work = self._drafts.get(message.draft_id)
        if work is None or message.incarnation != self.life.incarnation:
            return
        work.leaving = message.queued
        if work.kind is Kind.SIGNAL:
            self._leave_later_ones(work)
            self._exit_with_queue(work)
        elif work.kind is Kind.OWN_SLOT:
            self._try_own_slot(work)
        elif message.queued is None or message.queued.signal.signal_id != work.signal_id:
            self._put_back(work, Refused(reason=Reason.NOT_FOUND, detail="this signal does not wait any more"))
        elif work.kind is Kind.REMOVAL:
            self._discard(work, Outcome.REMOVED, Reason.REMOVED_BY_USER, f"removed by {work.who}")
        else:
            self._promote(work)

    def _leave_later_ones(self, work: Work) -> None:
        """An exit says nothing of a signal that is later than itself (SIG-12)."""
        assert work.signal is not None
        assert work.draft is not None
        if work.leaving is not None and work.leaving.signal.stamp_ms > work.signal.stamp_ms:
            self.life.tell(self._queue, m.PutBack(draft_id=work.draft.draft_id, key=work.key))
            work.leaving = None
            work.is_outdated = True

    def _exit_with_queue(self, work: Work) -> None:
        """An exit or reverse whose key waits: the queue entry is held now, or there was none of that side."""
        signal = work.signal
        assert signal is not None
        live = self._books.live(signal.key)
        if live is not None and not live.told.closing:
            self._close(work, signal)
        elif work.reverses:
            self._again(work)  # Its group began to close, or was gone, in the meantime.
        elif work.leaving is not None:
            self._discard_for_exit(work, signal)
        elif work.is_outdated:
            detail = "the queued signal is later than this exit"
            self._decide(work, Outcome.IGNORED, Reason.OLDER_THAN_GROUP, detail)
        else:
            self._decide(work, Outcome.IGNORED, Reason.NO_POSITION, "nothing is open or waiting on this key")

    def _discard_for_exit(self, work: Work, signal: Signal) -> None:
        draft = self._draft(work, signal)
        leaves = m.Discard(
            draft=draft,
            outcome=Outcome.REMOVED,
            reason=Reason.EXIT_SIGNAL,
            by=signal,
            by_outcome=Outcome.DEQUEUED,
        )
        self.life.tell(self._queue, leaves)

    def _discard(self, work: Work, outcome: Outcome, reason: Reason, detail: str) -> None:
        draft = self._draft(work, work.signal)
        self.life.tell(self._queue, m.Discard(draft=draft, outcome=outcome, reason=reason, detail=detail))

    def _put_back(self, work: Work, why: Refused) -> None:
        """A promotion that came to nothing: the entry waits on, whoever asked is told why."""
        assert work.draft is not None or work.offer_id
        holder = work.draft.draft_id if work.draft is not None else ""
        reason = None if why.reason is Reason.NOT_FOUND or self._keeps_its_slot(work.key, why) else why.reason
        if reason is not None:
            self._books.wait_for(work.key, reason)
        for draft_id in filter(None, (holder, work.offer_id)):
            back = m.PutBack(draft_id=draft_id, key=work.key, wait_reason=reason, detail=why.detail)
            self.life.tell(self._queue, back)
        self._decline(work.key)
        self._finish(work, why)

    # --- promotions -------------------------------------------------------------------------------

    def _something_changed(self) -> None:
        """What could not be used before may be let in now. A round that is under way comes to its end first, so that
        many that cannot be used do not keep those behind them from their turn (QUE-8)."""
        self._declined_at_once = 0
        self._is_offer_outdated = bool(self._offer_id)
        now_ms = self.life.now_ms()
        if self._is_round_over or now_ms - self._round_ms >= ROUND_MS:
            self._declined.clear()
            self._round_ms, self._is_round_over = now_ms, False
        self._maybe_offer()

    def _may_offer(self) -> bool:
        """Whether anybody waits who could go as far as slots are concerned."""
        books = self._books
        if not books.waiting or books.paused or not self._takes_entries:
            return False
        return bool(books.met()) or books.taken() < self._settings().pool.max_open_groups

    def _maybe_offer(self) -> None:
        """Asks the Queue for its best entry if anything could go now. One question at a time (QUE-3)."""
        self._try_own_slots()
        books = self._books
        if self._offer_id or self._declined_at_once >= MAX_DECLINED_AT_ONCE or not self._may_offer():
            return
        free = self._settings().pool.max_open_groups - books.taken()
        continuing, held_up = self._met_keys()
        held_up |= self._admissions.held_keys()
        continuing -= self._declined
        if free <= 0 and not continuing:
            return
        self._offer_id = self._ids.token()
        offer = m.Offer(
            offer_id=self._offer_id,
            incarnation=self.life.incarnation,
            free_slots=max(free, 0),
            blocked=frozenset(held_up | self._declined | (self._lanes.keys() & books.waiting.keys())),
            continuing=frozenset(continuing),
            blocked_accounts=self._admissions.closed_accounts(),
        )
        self.life.tell(self._queue, offer)

    def _met_keys(self) -> tuple[set[Key], set[Key]]:
        """Waiting keys that continue a live group, and those that must wait for its end."""
        continuing: set[Key] = set()
        held_up: set[Key] = set()
        for key in self._books.met():
            live, waits = self._books.live(key), self._books.waiting.get(key)
            if live is None or waits is None or key in self._lanes:
                continue
            (held_up if live.told.closing or live.told.side is not waits[0] else continuing).add(key)
        return continuing, held_up

    def _offered(self, message: m.Offered) -> None:
        if message.offer_id != self._offer_id or message.incarnation != self.life.incarnation:
            return
        self._offer_id = ""
        queued = message.queued
        if queued is None:
            self._is_round_over = True
            if self._is_offer_outdated:
                self._something_changed()
            return
        key = queued.key
        if key in self._lanes:
            self._decline(key)
            self.life.tell(self._queue, m.PutBack(draft_id=message.offer_id, key=key))
        else:
            work = Work(
                kind=Kind.PROMOTION,
                key=key,
                signal_id=queued.signal.signal_id,
                leaving=queued,
                offer_id=message.offer_id,
            )
            self._enter(work)
        self._maybe_offer()

    def _decline(self, key: Key) -> None:
        """It cannot go in this round."""
        self._declined.add(key)
        self._declined_at_once += 1

    def _promote(self, work: Work) -> None:
        """An entry leaves the queue for the pool: as a new group, or as a pyramid of its live one."""
        queued = work.leaving
        assert queued is not None
        signal = self._admissions.promoted(queued)
        live = self._books.live(work.key)
        if live is None:
            self._open(work, signal)
        elif live.told.closing:
            self._put_back(work, Refused(reason=Reason.GROUP_CLOSING))
        elif live.told.side is not queued.side:
            self._put_back(work, Refused(reason=Reason.OPPOSITE_SIDE))
        else:
            self._pyramid(work, signal)

    # --- the slot kept for a reverse --------------------------------------------------------------

    def _try_own_slots(self) -> None:
        """Its old group has closed: the new side of a reverse is tried at once, whoever else waits. The first reason to
        wait that does not pass by itself ends the keeping, and it waits on as the first of all (section 9)."""
        if not self._takes_entries:
            return
        for key in self._own_slots.due(self.life.now_ms(), self._lanes):
            self._enter(Work(kind=Kind.OWN_SLOT, key=key))

    def _try_own_slot(self, work: Work) -> None:
        """The queue entry is held now."""
        queued = work.leaving
        assert work.draft is not None
        if queued is None or queued.wait_reason is not Reason.REVERSING:
            if queued is not None:
                self._books.wait_for(work.key, queued.wait_reason)
            self._put_back(work, Refused(reason=Reason.NOT_FOUND, detail="it does not wait for its own slot any more"))
            return
        work.signal_id = queued.signal.signal_id
        work.draft = replace(work.draft, signal_id=work.signal_id)
        now_ms = self.life.now_ms()
        if self._own_slots.is_in_vain(work.key, now_ms):
            self._put_back(work, Refused(reason=Reason.OVERLOADED, detail="its group ends again and again"))
            return
        stale = self._admissions.stale(queued, now_ms)
        if stale is None:
            self._promote(work)
        else:
            self._discard(work, Outcome.EXPIRED, stale.reason, stale.detail)

    def _keeps_its_slot(self, key: Key, why: Refused) -> bool:
        """Whether the slot stays kept for what is being put back, to be tried again in a moment."""
        now_ms = self.life.now_ms()
        if not self._own_slots.keeps(key, why.reason, now_ms):
            return False
        self.life.wake_at(now_ms + OWN_SLOT_RETRY_MS, "own_slot")
        return True

    def _promote_asked(self, message: m.PromoteQueued) -> None:
        self._enter(
            Work(
                kind=Kind.MANUAL_PROMOTION,
                key=message.key,
                signal_id=message.signal_id,
                reply_to=message.reply_to,
                who=message.who,
                force=message.force,
                ignore_exposure=message.ignore_exposure,
                ignore_limits=message.ignore_limits,
            )
        )

    def _remove_asked(self, message: m.RemoveQueued) -> None:
        work = Work(
            kind=Kind.REMOVAL,
            key=message.key,
            signal_id=message.signal_id,
            reply_to=message.reply_to,
            who=message.who,
        )
        self._enter(work)

    # --- ends of drafts ---------------------------------------------------------------------------

    def _done(self, message: m.DraftDone) -> None:
        """The group's own figures take over from the draft's reservation in one step."""
        if message.told is not None:
            self._take_in(message.told)
        work = self._drafts.get(message.draft_id)
        if work is not None:
            self._finish(work, message.answer, replied=True)
        if message.told is not None:
            self._something_changed()

    def _refused(self, message: m.DraftRefused) -> None:
        work = self._drafts.get(message.draft_id)
        if work is None:
            return
        if work.signal is not None and message.refused.reason is not Reason.GROUP_CLOSING:
            self._give_back(work)
            self._decide(work, Outcome.REJECTED, message.refused.reason, message.refused.detail)
        else:
            self._again(work)

    def _duplicate_found(self, message: m.DraftDuplicate) -> None:
        work = self._drafts.get(message.draft_id)
        if work is not None:
            self._give_back(work)
            self._finish(work, m.as_duplicate(message.first))

    def _not_live(self, message: m.NotLive) -> None:
        work = self._drafts.get(message.draft_id)
        if work is not None and work.group_id == message.group_id:
            self._settle(work)

    def _reloaded(self, message: m.Reloaded) -> None:
        """Rule 2: what became of the drafts this actor was in? With the supervisor it may be any: of those who were
        gone when it died nobody else will tell."""
        kind, _, group_id = message.name.partition("/")
        for work in list(self._drafts.values()):
            if work.group_id and (message.name == SUPERVISOR or (kind == "group" and work.group_id == group_id)):
                self._settle(work)

    def _settle(self, work: Work) -> None:
        if work.settling or work.draft is None:
            return
        work.settling = True
        asked = m.Settle(
            draft_id=work.draft.draft_id,
            signal_id=work.draft.signal_id,
            reply_to=self.life.name,
            incarnation=self.life.incarnation,
            opens=work.group_id if work.leaving is not None and work.leaving.is_decided else "",
        )
        self.life.tell("journal", asked)

    def _settled(self, message: m.Settled) -> None:
        work = self._drafts.get(message.draft_id)
        if work is None or message.incarnation != self.life.incarnation:
            return
        if message.done is None:
            work.settling = False
            self._again(work)
            return
        # It was committed, but its release may never have come (rule 9): what would have been in it is made up for.
        if message.told is not None:
            self._take_in(message.told)
        if work.leaving is not None:
            self._books.wait_no_more(work.key)
            gone = m.QueueChanged(key=work.key, signal_id=work.leaving.signal.signal_id, gone=True)
            self.life.tell(self._queue, gone)
        if work.opens_next is not None:
            next_one = work.opens_next
            self.life.tell(self._queue, rm.Requeued(queued=next_one))
            self._books.wait(next_one.key, next_one.side, next_one.wait_reason)
        self._finish(work, message.done)
        self._something_changed()

    def _again(self, work: Work) -> None:
        """Gives everything back and begins anew after a moment; the lane stays taken."""
        self._give_back(work)
        if not self._retries:
            self.life.wake_at(self.life.now_ms() + RETRY_MS * work.tries, "retry")
        self._retries.append(work)

    def _give_up(self, work: Work) -> None:
        if work.leaving is not None or work.kind is not Kind.SIGNAL:
            self._put_back_or_finish(work)
            return
        self._give_back(work)
        self._finish(work, Refused(reason=Reason.OVERLOADED, detail="the group does not answer; send again"))

    def _put_back_or_finish(self, work: Work) -> None:
        why = Refused(reason=Reason.OVERLOADED, detail="the group does not answer")
        if work.draft is not None or work.offer_id:
            self._put_back(work, why)
        else:
            self._finish(work, why)

    def _give_back(self, work: Work) -> None:
        """Slot, capital and queue entry of a draft that is certainly not going to be committed."""
        if work.slot_token:
            self._books.free(work.slot_token)
            work.slot_token = ""
        if work.draft is not None:
            self._books.let_go(work.draft.draft_id)
            self._books.promised.discard(work.key)
            self._drafts.pop(work.draft.draft_id, None)
            if work.leaving is not None and work.kind is not Kind.PROMOTION:
                self.life.tell(self._queue, m.PutBack(draft_id=work.draft.draft_id, key=work.key))
                work.leaving = None
        work.draft = None
        work.group_id = ""
        work.opens_next = None
        work.is_outdated = False

    def _finish(self, work: Work, result: m.Answer | Refused, *, replied: bool = False) -> None:
        """Answers who waits, remembers the answer, frees the lane."""
        if work.draft is not None:
            self._books.let_go(work.draft.draft_id)
            self._books.promised.discard(work.key)
            self._drafts.pop(work.draft.draft_id, None)
            if work.slot_token and not isinstance(result, m.Answer):
                self._books.free(work.slot_token)
        if work.signal is not None:
            self._in_flight.pop(work.signal.idempotency_key, None)
            if isinstance(result, m.Answer) and result.outcome is not Outcome.DUPLICATE:
                expires_ms = work.signal.receive_time_ms + work.signal.idempotency_window_s * 1000
                self._books.remember(work.signal.idempotency_key, result, expires_ms)
        if not replied:
            self._answer(work.reply_to, result)
        for reply_to in work.joined:
            self._answer(reply_to, m.as_duplicate(result) if isinstance(result, m.Answer) else result)
        self._free_lane(work.key)

    def _free_lane(self, key: Key) -> None:
        lane = self._lanes[key]
        if lane.backlog:
            lane.current = lane.backlog.popleft()
            self._begin(lane.current)
        else:
            del self._lanes[key]
            self._maybe_offer()

    # --- decisions of Pool's own ------------------------------------------------------------------

    def _decide(self, work: Work, outcome: Outcome, reason: Reason, detail: str, alert: str = "") -> None:
        """A signal that ends here, without group or queue."""
        signal = work.signal
        assert signal is not None
        now_ms = self.life.now_ms()
        draft = self._draft(work, signal)
        answer = m.Answer(signal_id=signal.signal_id, outcome=outcome, reason=reason, detail=detail)
        rows: list[Row] = [
            SaveSignal(
                signal=signal,
                outcome=outcome,
                reason=reason,
                detail=detail,
                group_id="",
                draft_id=draft.draft_id,
                time_ms=now_ms,
            ),
            claim(signal),
            self._event(signal, outcome, reason, detail),
        ]
        if alert:
            rows.append(self._alert(f"{alert}/{signal.source}", f"a signal ended {outcome.value}: {detail}", signal))
        done = m.Send(self.life.name, m.DraftDone(draft_id=draft.draft_id, answer=answer))
        reply = () if work.reply_to is None else (m.Send(work.reply_to, answer),)
        self._commit(tuple(rows), (*reply, done), draft.draft_id)

    def _commit(self, rows: tuple[Row, ...], then: tuple[m.Send, ...], draft_id: str = "") -> None:
        self.life.tell("journal", m.Commit(author=self._me, draft_id=draft_id, rows=rows, then=then))

    def _event(self, signal: Signal, outcome: Outcome, reason: Reason, detail: str) -> AddEvent:
        return AddEvent(
            time_ms=self.life.now_ms(),
            severity="info" if outcome is Outcome.IGNORED else "warning",
            category="signal",
            type=f"signal.{outcome.value}",
            message=f"signal {outcome.value}: {detail or reason.value}",
            world=self._world,
            account=signal.key.account,
            symbol=signal.key.symbol,
            timeframe=signal.key.timeframe,
            signal_id=signal.signal_id,
            attributes={"reason": reason.value},
        )

    def _alert(self, alert_key: str, message: str, signal: Signal) -> RaiseAlert:
        return RaiseAlert(
            alert_key=alert_key,
            time_ms=self.life.now_ms(),
            severity="warning",
            category="signal",
            message=message,
            account=signal.key.account,
            symbol=signal.key.symbol,
        )

    # --- what others report -----------------------------------------------------------------------

    def _group_changed(self, told: m.GroupChanged) -> None:
        self._take_in(told)
        self._something_changed()

    def _take_in(self, told: m.GroupChanged) -> None:
        live = self._books.groups.get(told.group_id)
        instrument = told.instrument or (live.instrument if live is not None else None)
        has_changed = instrument is not None and self._limits.take(told, instrument.quote, self.life.now_ms())
        self._put_in_books(told)
        if has_changed:
            self._judge_limits()

    def _put_in_books(self, told: m.GroupChanged) -> None:
        if told.closed:
            self._books.remove(told)
            self.life.tell(f"group/{told.group_id}", m.MayStop(group_id=told.group_id))
        elif told.group_id in self._books.groups:
            self._books.update(told)
        else:
            self._adopt(told)

    def _adopt(self, told: m.GroupChanged) -> None:
        """A group that just opened, or one that a late fill brought back (rule 19)."""
        assert told.settings is not None
        assert told.instrument is not None
        self._books.put(told, told.settings, told.instrument)

    def _waiting_changed(self, message: m.WaitingChanged) -> None:
        if message.side is None:
            self._books.wait_no_more(message.key)
        else:
            self._books.wait(message.key, message.side, message.wait_reason or Reason.POOL_FULL)
        self._maybe_offer()

    def _account_changed(self, message: m.AccountChanged) -> None:
        self._books.accounts[message.account] = message
        self._something_changed()

    def _instruments_changed(self, _message: m.InstrumentsChanged) -> None:
        self._something_changed()

    def _settings_changed(self, _message: m.SettingsChanged) -> None:
        self._judge_limits()
        self._something_changed()

    def _store_changed(self, message: m.StoreFailed) -> None:
        self._store_ok, self._on_reserve, self._is_store_slow = message.ok, message.on_reserve, message.is_slow
        self._maybe_offer()

    def _end_entries(self, _message: m.EndEntries) -> None:
        self._is_ending = True

    @property
    def _takes_entries(self) -> bool:
        """The store is well enough for new entries (REC-4), and the daemon does not stop."""
        return self._store_ok and not self._on_reserve and not self._is_store_slow and not self._is_ending

    # --- pause ------------------------------------------------------------------------------------

    def _pause(self, message: m.PauseEngine) -> None:
        """With `cancel_entries` also those of groups that are just being opened: their draft was judged before."""
        cancels: list[m.Send] = []
        if message.cancel_entries:
            groups = {group_id: live.told.key.account for group_id, live in self._books.groups.items()}
            groups |= {work.group_id: work.key.account for work in self._drafts.values() if work.group_id}
            cancels = [
                m.Send(f"group/{group_id}", m.CancelEntries(group_id=group_id, who=message.who, reply_to=None))
                for group_id, account in groups.items()
                if not message.accounts or account in message.accounts
            ]
        self._switch(message.accounts, message.cause, message.who, message.reply_to, "paused", cancels)

    def _resume(self, message: m.ResumeEngine) -> None:
        self._switch(message.accounts, "", message.who, message.reply_to, "resumed")
        self._something_changed()

    def _switch(
        self,
        accounts: tuple[str, ...],
        value: str,
        who: str,
        reply_to: m.ReplyTo,
        what: str,
        then: Sequence[m.Send] = (),
    ) -> None:
        names = [f"paused:{account}" for account in accounts] or ["paused"]
        now_ms = self.life.now_ms()
        self._books.switch(dict.fromkeys(names, value))
        rows: list[Row] = [
            SaveEngineState(world=self._world, name=name, value=value, who=who, time_ms=now_ms) for name in names
        ]
        subject = "account " + ", ".join(accounts) if accounts else "engine"
        rows.append(
            AddEvent(
                time_ms=now_ms,
                severity="warning",
                category="engine",
                type=f"engine.{what}",
                message=f"{subject} {what} by {who}",
                world=self._world,
                attributes={"who": who},
            )
        )
        state = m.EngineState(paused=self._books.paused, paused_accounts=self._books.paused_accounts())
        self._commit(tuple(rows), (*then, m.Send(reply_to, state)))

    # --- limits -----------------------------------------------------------------------------------

    def _judge_limits(self) -> None:
        """What is breached and what is over, in one commit with what groups are told of it (POOL-4)."""
        if not self._store_ok:
            return
        now_ms = self.life.now_ms()
        rows = self._limits.judge(now_ms)
        if self._on_reserve:
            # What is left of the disk is for cancels and closes; a peak that was not stored is found again.
            rows = [] if all(isinstance(row, SaveEngineState) and row.name == EQUITY for row in rows) else rows
        else:
            snapshot = self._limits.snapshot(now_ms)
            rows += () if snapshot is None else (snapshot,)
        then = self._limit_orders(now_ms)
        if rows or then:
            self._commit(tuple(rows), then)

    def _limit_orders(self, now_ms: int) -> tuple[m.Send, ...]:
        level, (told, told_ms) = self._limits.standing.level, self._limit_told
        if level <= told and 0 <= now_ms - told_ms < LIMIT_REPEAT_MS:
            return ()
        self._limit_told = (level, now_ms)
        return self._limit_orders_of(level)

    def _limit_orders_of(self, level: LimitLevel) -> tuple[m.Send, ...]:
        opening = [work.group_id for work in self._drafts.values() if work.group_id]
        return limit_orders(level, self._books.groups.values(), opening)

    def _describe_limits(self, message: rm.DescribeLimits) -> None:
        self._answer(message.reply_to, self._limits.now(self.life.now_ms()))

    def _lift_limit(self, message: rm.LiftLimit) -> None:
        if not self._store_ok:
            detail = "the store takes no writes; try again later"
            self._answer(message.reply_to, Refused(reason=Reason.STORE_FAILED, detail=detail))
            return
        rows = self._limits.lift(message.who, message.why, self.life.now_ms())
        self._commit(tuple(rows), (m.Send(message.reply_to, self._limits.standing),))
        self._something_changed()

    # --- time -------------------------------------------------------------------------------------

    def _timer(self, message: m.TimerFired) -> None:
        if message.name == "retry":
            retries, self._retries = self._retries, []
            for work in retries:
                self._begin(work)
        elif message.name == "own_slot":
            self._maybe_offer()
        else:
            self._tick()

    def _tick(self) -> None:
        self._judge_limits()
        self._something_changed()
        self.life.wake_at(self.life.now_ms() + TICK_MS, "tick")

    def equity(self, now_ms: int) -> AddEquity:
        """What the world's accounts are worth now, whether it is written down or not (PNL-4)."""
        return self._limits.equity(now_ms)

    def needs(self, looked_ms: int, *, is_news: bool) -> Needs:  # noqa: ARG002
        """See `actors.needs`: what the next tick depends on."""
        needs = self._limits.needs(looked_ms)
        if self._limit_orders_of(self._limits.standing.level):
            needs = replace(needs, at_ms=soonest((needs.at_ms, self._limit_told[1] + LIMIT_REPEAT_MS)))
        if self._own_slots.is_trying:
            return ALWAYS
        if self._may_offer():
            if not self._is_round_over:
                return ALWAYS  # Those behind many that cannot be used have not had their turn.
            rests = self._limits.next_rested_ms(looked_ms)
            needs = replace(needs, prices=True, at_ms=soonest((needs.at_ms, rests)))
        return needs

    def _answer(self, reply_to: m.ReplyTo | None, answer: object) -> None:
        if reply_to is not None:
            self.life.tell(reply_to, answer)


_HOPELESS = frozenset(
    {
        Reason.BAD_PRICE,
        Reason.BELOW_MIN_QUANTITY,
        Reason.ABOVE_MAX_QUANTITY,
        Reason.BELOW_MIN_NOTIONAL,
        Reason.OUTSIDE_PRICE_BAND,
        Reason.TOO_MANY_OPEN_ORDERS,
        Reason.UNSELLABLE_AFTER_FEES,
        Reason.SIZE_MISSING,
        Reason.INSTRUMENT_INACTIVE,
        Reason.SHORT_ON_SPOT,
        Reason.UNKNOWN_SYMBOL,
        Reason.MAX_PYRAMIDS,
    }
)
"""Refusals that waiting does not mend."""


_HANDLERS: dict[type, Callable[[Pool, Any], None]] = {
    m.SubmitSignal: Pool._submit,
    PreviewEntry: Pool._preview,
    m.DraftDone: Pool._done,
    m.DraftRefused: Pool._refused,
    m.DraftDuplicate: Pool._duplicate_found,
    m.NotLive: Pool._not_live,
    m.Reloaded: Pool._reloaded,
    m.Settled: Pool._settled,
    m.TakenOut: Pool._taken_out,
    m.Offered: Pool._offered,
    m.PromoteQueued: Pool._promote_asked,
    m.RemoveQueued: Pool._remove_asked,
    m.GroupChanged: Pool._group_changed,
    m.WaitingChanged: Pool._waiting_changed,
    m.AccountChanged: Pool._account_changed,
    m.InstrumentsChanged: Pool._instruments_changed,
    m.SettingsChanged: Pool._settings_changed,
    m.StoreFailed: Pool._store_changed,
    m.EndEntries: Pool._end_entries,
    m.PauseEngine: Pool._pause,
    m.ResumeEngine: Pool._resume,
    m.TimerFired: Pool._timer,
    rm.DescribeLimits: Pool._describe_limits,
    rm.LiftLimit: Pool._lift_limit,
}
