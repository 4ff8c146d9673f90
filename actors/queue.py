"""Queue: the signals that wait, one per key, and who of them goes next.

The Queue is the authority for waiting signals (ARCHITECTURE section 3). It adds, replaces, evicts and expires on
its own commits; an entry that Pool is trying to promote or take out is *held* and is neither evicted nor expired.
Pool and Queue are one restart unit: when one is reloaded, so is the other, and nothing is held any more (rule 6).

The new side of a reverse comes with the commit of the group that closes (`Requeued`). Its signal has its outcome, so
leaving the queue gives it none (`is_decided`): events say what became of it, and an alert if it did not open. While a
slot is kept for it (REVERSING) it is neither evicted nor does it grow too old.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from actors import messages as m
from actors.account_messages import WantPrices
from actors.needs import ALWAYS, ASLEEP, Needs, soonest
from actors.ports import Marks
from actors.risk_messages import Requeued
from actors.rules import ranking
from actors.rules.choices import Overflow, World
from actors.rules.model import Key, Outcome, Queued, Quote, Reason, Refused, Signal
from actors.rules.precision import is_recent
from actors.rules.queue_index import QueueIndex
from actors.rules.records import (
    AddEvent,
    DeleteQueued,
    RaiseAlert,
    Row,
    SaveQueued,
    SaveSignal,
    SetOutcome,
    claim,
)
from actors.rules.settings import Settings
from actors.runtime import Actor, Life

CHECK_MS = 1_000
"""How often ages are looked at."""
WANT_PRICES_MS = 5_000
"""How often gateways are told all symbols that wait; a gateway that was restarted knows them then, too."""
MAX_EXPIRED_AT_ONCE = 256
"""Entries expired at one look; the rest follow at the next."""
_NONE: frozenset[Key] = frozenset()


class Queue(Actor):
    """`queue/<world>`."""

    def __init__(self, life: Life, *, marks: Marks, settings: Callable[[], Settings]) -> None:
        super().__init__(life)
        self._marks = marks
        self._settings = settings
        self._world = World(life.name.partition("/")[2])
        self._pool = f"pool/{self._world.value}"
        self._entries = QueueIndex(settings().queue.rank)
        self._held: dict[Key, str] = {}
        """Key to the draft or offer that holds it."""
        self._continuing: frozenset[Key] = frozenset()
        """Keys whose queued signal would continue a live group, as Pool last said."""
        self._waiting_for_load: list[object] | None = []
        self._wanted_ms: int | None = None
        self._priced: set[str] = set()
        """Accounts whose gateway was told of symbols."""

    def start(self) -> None:
        self.life.tell("journal", m.Load(name=self.life.name, incarnation=self.life.incarnation))

    def receive(self, message: object) -> None:
        if isinstance(message, m.Loaded):
            if message.incarnation == self.life.incarnation:
                self._loaded(message.state)
        elif self._waiting_for_load is not None:
            self._waiting_for_load.append(message)
        else:
            self._handle(message)

    def _loaded(self, state: object) -> None:
        assert isinstance(state, m.QueueState)
        for queued in state.entries:
            self._entries.put(queued)
        held, self._waiting_for_load = self._waiting_for_load or [], None
        for message in held:
            self._handle(message)
        self._check_ages()

    def _handle(self, message: object) -> None:
        if isinstance(message, m.Enqueue):
            self._enqueue(message)
        elif isinstance(message, m.Offer):
            self._offer(message)
        elif isinstance(message, m.TakeOut):
            self._take_out(message)
        elif isinstance(message, m.PutBack):
            self._put_back(message)
        elif isinstance(message, m.Discard):
            self._discard(message)
        elif isinstance(message, m.QueueChanged):
            self._changed(message)
        elif isinstance(message, Requeued):
            self._requeued(message.queued)
        elif isinstance(message, m.TimerFired):
            self._check_ages()
        elif isinstance(message, m.SettingsChanged):
            self._rank_anew()
        else:
            raise TypeError(f"the queue does not take {type(message).__name__}")

    def _rank_anew(self) -> None:
        """The order of the rules may have changed (QUE-2)."""
        entries, self._entries = self._entries, QueueIndex(self._settings().queue.rank)
        for queued in entries:
            self._entries.put(queued)
        self._check_ages()

    # --- in ---------------------------------------------------------------------------------------

    def _enqueue(self, message: m.Enqueue) -> None:
        """QUE-1 and QUE-4: replace, ignore, add, refuse, or evict somebody for it."""
        settings = self._settings().queue
        old = self._entries.get(message.queued.key)
        has_a_place = len(self._entries) < settings.max_size or message.queued.wait_reason is Reason.REVERSING
        if old is not None:
            if not settings.allow_replacement:
                self._answer(message, Outcome.IGNORED, Reason.REPLACEMENT_OFF)
            elif message.queued.signal.stamp_ms < old.signal.stamp_ms:
                self._answer(message, Outcome.IGNORED, Reason.NEWER_SIGNAL)
            else:
                self._replace(message, old)
        elif has_a_place:
            self._add(message)
        elif settings.overflow is Overflow.REJECT_NEW:
            self._refuse_full(message)
        else:
            self._evict_for(message)

    def _add(self, message: m.Enqueue, *more: Row, sends: tuple[m.Send, ...] = ()) -> None:
        queued = message.queued
        self._entries.put(queued)
        self._want_price(queued.key)
        rows = (SaveQueued(world=self._world, queued=queued), *more)
        self._answer(message, Outcome.QUEUED, queued.wait_reason, *rows, detail=queued.detail, sends=sends)

    def _replace(self, message: m.Enqueue, old: Queued) -> None:
        queued = replace(
            message.queued,
            replacement_count=old.replacement_count + 1,
            first_queue_time_ms=old.first_queue_time_ms,
            is_reverse=old.is_reverse or message.queued.is_reverse,
        )
        self._held.pop(old.key, None)
        self._entries.put(queued)
        words = "a newer signal took its place in the queue"
        rows = (
            *self._left(old, Outcome.SUPERSEDED, Reason.NEWER_SIGNAL, message.draft, words=words),
            SaveQueued(world=self._world, queued=queued),
        )
        self._answer(message, Outcome.REPLACED, queued.wait_reason, *rows, detail=queued.detail)

    def _refuse_full(self, message: m.Enqueue) -> None:
        self._answer(
            message,
            Outcome.REJECTED,
            Reason.QUEUE_FULL,
            self._overflow_alert(),
            detail=f"the queue holds {len(self._entries)} signals",
        )

    def _evict_for(self, message: m.Enqueue) -> None:
        """The lowest in rank gives way, which may be the newcomer itself. Held entries stay."""
        newcomer = message.queued
        self._entries.put(newcomer)
        stays = self._held.keys() | {entry.key for entry in self._entries if entry.wait_reason is Reason.REVERSING}
        lowest = self._entries.worst(self._quotes(), self._continuing, frozenset(stays))
        assert lowest is not None, "the newcomer is among them"
        self._entries.remove(lowest.key)
        if lowest is newcomer:
            self._refuse_full(message)
            return
        words = "gave way to a signal of higher rank"
        gone = (
            *self._left(lowest, Outcome.EVICTED, Reason.QUEUE_LOWEST, message.draft, words=words, is_lost=True),
            DeleteQueued(world=self._world, key=lowest.key, signal_id=lowest.signal.signal_id),
            self._overflow_alert(),
        )
        told = (m.Send(self._pool, m.WaitingChanged(key=lowest.key, side=None)),)
        self._add(message, *gone, sends=told)

    # --- out --------------------------------------------------------------------------------------

    def _offer(self, offer: m.Offer) -> None:
        """The best entry that may go now (QUE-2, QUE-3); it is held for Pool."""
        self._continuing = offer.continuing
        best = self._best(offer)
        while best is not None and self._is_stale(best):
            self._expire([best], self._is_stale)
            best = self._best(offer)
        if best is not None:
            self._held[best.key] = offer.offer_id
        self.life.tell(self._pool, m.Offered(offer_id=offer.offer_id, incarnation=offer.incarnation, queued=best))

    def _best(self, offer: m.Offer) -> Queued | None:
        out = offer.blocked | self._held.keys() | self._of_accounts(offer.blocked_accounts)
        if offer.free_slots > 0:
            return self._entries.best(self._quotes(), offer.continuing, out)
        going_on = (self._entries.get(key) for key in offer.continuing - out)
        found = [queued for queued in going_on if queued is not None]
        return ranking.best(found, self._quotes(), offer.continuing, self._settings().queue.rank)

    def _of_accounts(self, accounts: frozenset[str]) -> frozenset[Key]:
        return (
            frozenset(queued.key for queued in self._entries if queued.key.account in accounts) if accounts else _NONE
        )

    def _take_out(self, message: m.TakeOut) -> None:
        key = message.draft.key
        queued = self._entries.get(key)
        if queued is not None and message.side not in (None, queued.side):
            queued = None
        if queued is not None:
            self._held[key] = message.draft.draft_id
        incarnation = message.draft.participants[0].incarnation
        self.life.tell(self._pool, m.TakenOut(draft_id=message.draft.draft_id, incarnation=incarnation, queued=queued))

    def _put_back(self, message: m.PutBack) -> None:
        if self._held.get(message.key) != message.draft_id:
            return
        del self._held[message.key]
        queued = self._entries.get(message.key)
        if queued is None or message.wait_reason in (None, queued.wait_reason):
            return
        assert message.wait_reason is not None
        waits = replace(queued, wait_reason=message.wait_reason, detail=message.detail)
        self._entries.put(waits)
        self._commit((SaveQueued(world=self._world, queued=waits),))

    def _discard(self, message: m.Discard) -> None:
        draft = message.draft
        queued = self._entries.get(draft.key)
        assert queued is not None, "an entry that is held stays"
        self._entries.remove(draft.key)
        self._held.pop(draft.key, None)
        is_lost = message.outcome in (Outcome.REJECTED, Outcome.EXPIRED)
        rows: list[Row] = [
            *self._left(queued, message.outcome, message.reason, draft, message.detail, is_lost=is_lost),
            DeleteQueued(world=self._world, key=draft.key, signal_id=queued.signal.signal_id),
        ]
        about, outcome = queued.signal, message.outcome
        if message.by is not None and message.by_outcome is not None:
            about, outcome = message.by, message.by_outcome
            rows += self._signal_rows(message.by, outcome, message.reason, message.detail, draft)
        answer = m.Answer(signal_id=about.signal_id, outcome=outcome, reason=message.reason, detail=message.detail)
        gone = m.Send(self._pool, m.WaitingChanged(key=draft.key, side=None))
        self._commit(tuple(rows), draft, (gone, *self._done(draft, answer)))

    def _changed(self, message: m.QueueChanged) -> None:
        queued = self._entries.get(message.key)
        if message.gone and queued is not None and queued.signal.signal_id == message.signal_id:
            self._held.pop(message.key, None)
            self._entries.remove(message.key)

    def _requeued(self, queued: Queued) -> None:
        """It is in the store already; whoever was on its key left in the same commit."""
        self._entries.put(queued)
        self._want_price(queued.key)

    # --- prices -----------------------------------------------------------------------------------

    def _want_price(self, key: Key) -> None:
        """Rank and promotion need a price of what waits (QUE-2)."""
        self._priced.add(key.account)
        wanted = WantPrices(owner=self.life.name, symbols=frozenset({key.symbol}), is_whole=False)
        self.life.tell(f"gateway/{key.account}", wanted)

    def _want_prices(self, now_ms: int) -> None:
        if self._wanted_ms is not None and 0 <= now_ms - self._wanted_ms < WANT_PRICES_MS:
            return
        self._wanted_ms = now_ms
        wanted: dict[str, set[str]] = {account: set() for account in sorted(self._priced)}
        for queued in self._entries:
            wanted.setdefault(queued.key.account, set()).add(queued.key.symbol)
        self._priced = {account for account, symbols in wanted.items() if symbols}
        for account, symbols in wanted.items():
            self.life.tell(f"gateway/{account}", WantPrices(owner=self.life.name, symbols=frozenset(symbols)))

    # --- age --------------------------------------------------------------------------------------

    def _check_ages(self) -> None:
        """Ends what has waited too long. How far the price ran away is judged at the promotion only (QUE-3)."""
        settings, now_ms = self._settings().queue, self.life.now_ms()
        limits = [limit_s for limit_s in (settings.max_age_s, settings.opposite_max_age_s) if limit_s is not None]
        if limits:
            latest_ms = now_ms - min(limits) * 1000
            old = (queued for queued in self._entries if queued.queue_time_ms < latest_ms)
            due = [queued for queued in old if queued.key not in self._held and self._is_too_old(queued)]
            self._expire(due[:MAX_EXPIRED_AT_ONCE], self._is_too_old)
        self._want_prices(now_ms)
        self.life.wake_at(now_ms + CHECK_MS, "ages")

    def needs(self, looked_ms: int, *, is_news: bool) -> Needs:  # noqa: ARG002
        """See `actors.needs`: of the look at ages. The gateways' symbols are told again only for restarts."""
        settings = self._settings().queue
        limits = [limit_s for limit_s in (settings.max_age_s, settings.opposite_max_age_s) if limit_s is not None]
        if not limits or not len(self._entries):
            return ASLEEP
        if any(self._is_too_old(queued) for queued in self._entries):
            return ALWAYS
        after_ms = (queued.queue_time_ms + limit_s * 1000 + 1 for queued in self._entries for limit_s in limits)
        return Needs(at_ms=soonest(time_ms for time_ms in after_ms if time_ms > looked_ms))

    def _is_too_old(self, queued: Queued) -> Refused | None:
        return ranking.refuse_stale(queued, self.life.now_ms(), None, self._settings().queue)

    def _is_stale(self, queued: Queued) -> Refused | None:
        quote = self._fresh(queued.key.account, queued.key.symbol)
        return ranking.refuse_stale(queued, self.life.now_ms(), quote, self._settings().queue)

    def _expire(self, entries: list[Queued], judge: Callable[[Queued], Refused | None]) -> None:
        for queued in entries:
            refused = judge(queued)
            assert refused is not None
            self._entries.remove(queued.key)
            rows = (
                *self._left(queued, Outcome.EXPIRED, refused.reason, None, refused.detail, is_lost=True),
                DeleteQueued(world=self._world, key=queued.key, signal_id=queued.signal.signal_id),
            )
            self._commit(rows, then=(m.Send(self._pool, m.WaitingChanged(key=queued.key, side=None)),))

    # --- the entries ------------------------------------------------------------------------------

    def _quotes(self) -> Mapping[tuple[str, str], Quote]:
        quotes = {symbol: self._fresh(*symbol) for symbol in self._entries.symbols()}
        return {symbol: quote for symbol, quote in quotes.items() if quote is not None}

    def _fresh(self, account: str, symbol: str) -> Quote | None:
        """The mark, unless it is too old to decide by (ORD-10)."""
        quote = self._marks.quote(account, symbol)
        most_s = self._settings().execution.max_quote_age_s
        return quote if quote is not None and is_recent(quote, self.life.now_ms(), most_s) else None

    # --- commits ----------------------------------------------------------------------------------

    def _answer(
        self,
        message: m.Enqueue,
        outcome: Outcome,
        reason: Reason,
        *rows: Row,
        detail: str = "",
        sends: tuple[m.Send, ...] = (),
    ) -> None:
        """One commit: the newcomer's signal with this outcome, and whatever follows from it."""
        signal = message.queued.signal
        answer = m.Answer(signal_id=signal.signal_id, outcome=outcome, reason=reason, detail=detail)
        waits: tuple[m.Send, ...] = ()
        if outcome in (Outcome.QUEUED, Outcome.REPLACED):
            changed = m.WaitingChanged(key=signal.key, side=message.queued.side, wait_reason=message.queued.wait_reason)
            waits = (m.Send(self._pool, changed),)
        first = self._signal_rows(signal, outcome, reason, detail, message.draft)
        self._commit((*first, *rows), message.draft, (*sends, *waits, *self._done(message.draft, answer)))

    def _done(self, draft: m.Draft, answer: m.Answer) -> tuple[m.Send, ...]:
        reply = () if draft.reply_to is None else (m.Send(draft.reply_to, answer),)
        return (*reply, m.Send(self._pool, m.DraftDone(draft_id=draft.draft_id, answer=answer)))

    def _commit(self, rows: tuple[Row, ...], draft: m.Draft | None = None, then: tuple[m.Send, ...] = ()) -> None:
        commit = m.Commit(
            author=m.Participant(self.life.name, self.life.incarnation),
            participants=draft.participants if draft else (),
            draft_id=draft.draft_id if draft else "",
            rows=rows,
            then=then,
        )
        self.life.tell("journal", commit)

    def _signal_rows(self, signal: Signal, outcome: Outcome, reason: Reason, detail: str, draft: m.Draft) -> list[Row]:
        now_ms = self.life.now_ms()
        return [
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
            self._event(signal, "info", f"signal.{outcome.value}", detail or reason.value),
        ]

    def _left(
        self,
        queued: Queued,
        outcome: Outcome,
        reason: Reason,
        draft: m.Draft | None,
        detail: str = "",
        *,
        words: str = "",
        is_lost: bool = False,
    ) -> Iterator[Row]:
        """What is written of an entry that leaves without having opened anything. `is_lost`: nobody wanted it so."""
        words = words or detail or reason.value
        severity = "warning" if is_lost else "info"
        if not queued.is_decided:
            yield self._outcome(queued.signal, outcome, reason, draft, detail)
            yield self._event(queued.signal, severity, f"signal.{outcome.value}", words)
            return
        text = f"the new side of a reverse does not open, {outcome.value}: {words}"
        yield self._event(queued.signal, severity, f"reverse.{outcome.value}", text)
        if is_lost:
            yield self._reverse_alert(queued, text)

    def _outcome(
        self, signal: Signal, outcome: Outcome, reason: Reason, draft: m.Draft | None, detail: str = ""
    ) -> SetOutcome:
        return SetOutcome(
            signal_id=signal.signal_id,
            outcome=outcome,
            reason=reason,
            detail=detail,
            group_id="",
            draft_id=draft.draft_id if draft else "",
            time_ms=self.life.now_ms(),
        )

    def _event(self, signal: Signal, severity: str, type: str, message: str) -> AddEvent:
        return AddEvent(
            time_ms=self.life.now_ms(),
            severity=severity,
            category="signal",
            type=type,
            message=message,
            world=self._world,
            account=signal.key.account,
            symbol=signal.key.symbol,
            timeframe=signal.key.timeframe,
            signal_id=signal.signal_id,
        )

    def _reverse_alert(self, queued: Queued, message: str) -> RaiseAlert:
        key = queued.key
        return RaiseAlert(
            alert_key=f"reverse_not_opened/{key.account}/{key.symbol}/{key.timeframe}",
            time_ms=self.life.now_ms(),
            severity="warning",
            category="signal",
            message=f"{key.symbol} {key.timeframe} {queued.side}: {message}",
            account=key.account,
            symbol=key.symbol,
        )

    def _overflow_alert(self) -> RaiseAlert:
        return RaiseAlert(
            alert_key=f"queue_overflow/{self._world.value}",
            time_ms=self.life.now_ms(),
            severity="warning",
            category="signal",
            message=f"the queue is full at {self._settings().queue.max_size} signals; signals are being refused",
        )
