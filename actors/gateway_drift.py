"""Compares the account with the store, again and again, and keeps what differs (ORD-7, ORD-13).

A comparison loads the account's groups through the Journal, asks for balances and open orders, and looks at both.
Holdings change meanwhile, so a difference counts only when it is there in two comparisons, and uncovered holdings only
if nothing has filled in between. Trading begins with the end of the first comparison, which takes a second one only
where the first found something. What differs holds back the entries of its instrument, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial

from actors.account_messages import AccountState, ForeignTraded, FundingPaid, OrderAdopted, ResolveDrift
from actors.due import Due
from actors.gateway_account import AccountWatch, Question
from actors.gateway_bookings import Bookings, in_words, sends
from actors.gateway_drift_words import rows_of
from actors.gateway_orders import OrderDesk
from actors.gateway_resolve import Decided, Resolver
from actors.messages import Commit, Load, Loaded, OpenOrdersFetched, OrdersReported, Participant, Send
from actors.ports import Marks
from actors.rules import drifts
from actors.rules.choices import Market
from actors.rules.drifts import Finding, Subject
from actors.rules.model import OrderReport, Reason, Refused
from actors.rules.naming import is_ours, parse_client_order_id
from actors.rules.records import AddBooking, AddEvent, DriftKind, Row, SaveDrift
from actors.rules.settings import AccountSettings, Settings
from actors.runtime import Life

LATE_MS = 20_000
"""A comparison that has not come to an end by then is begun anew."""
START_PAUSE_MS = 1_000
"""Between the comparisons at the start."""
PAUSE_MS = 2_000
"""Between a comparison that found something new and the next."""
MAX_START_ROUNDS = 5
"""Comparisons at the start after which what is still there counts, whatever fills in between."""
MAX_QUICK = 3
"""Comparisons in a row that follow from a finding; after that the next sweep's counts."""
RESOLVE_LIMIT_MS = 8_000
"""How long a person's word waits for a comparison."""
MAX_FINDINGS = 1_000
"""Differences of one account that are looked after; what is beyond follows when some of them are settled."""
MAX_RESOLVES = 100
"""People's words that may wait at once."""
COMPARISON = "comparison"


class _Stage(Enum):
    IDLE = "idle"
    LOADING = "loading"
    FETCHING = "fetching"


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What the comparison needs of the gateway."""

    watch: AccountWatch
    orders: OrderDesk
    due: Due
    marks: Marks
    account: Callable[[], AccountSettings]
    settings: Callable[[], Settings]
    when_done: Callable[[], None]
    """Called once in a life: trading may begin."""


class GatewayDrift:
    def __init__(self, life: Life, around: Around, *, journal_name: str, installation: str) -> None:
        self._life = life
        self._around = around
        self._journal = journal_name
        self._installation = installation
        self._name = around.account().name
        self._stage = _Stage.IDLE
        self._turn = 0
        self._is_wanted = False
        """Another comparison is wanted after this one."""
        self._need: list[Question] = []
        self._state = AccountState(account=self._name, groups=())
        self._listed: tuple[OrderReport, ...] = ()
        self._asked_ids: frozenset[str] = frozenset()
        self._standing: dict[Subject, SaveDrift] = {}
        self._candidates: dict[Subject, int] = {}
        """Seen, but not yet lasting: when first, by time that only flows on."""
        self._fills = self._fills_loaded = self._fills_compared = 0
        self._rounds = self._quick = 0
        self._is_dirty = True
        self.is_done = False
        """The first comparison is over."""
        self._compared: tuple[object, ...] = ()
        self._bookings = Bookings(self._name)
        self._resolver = Resolver(
            life, marks=around.marks, orders=around.orders, bookings=self._bookings, settings=around.settings
        )
        self._words: list[tuple[ResolveDrift, int]] = []

    def start(self) -> None:
        self._around.watch.hold(COMPARISON, "not compared with the store yet")
        self.begin()

    # --- when to compare --------------------------------------------------------------------------

    def begin(self) -> None:
        """Compares now; one that is under way is followed by another."""
        if self._stage is not _Stage.IDLE:
            self._is_wanted = True
            return
        self._stage = _Stage.LOADING
        self._turn += 1
        self._is_wanted = self._is_dirty = False
        self._fills_loaded = self._fills
        self._asked_ids = frozenset(self._strangers())
        self._around.due.after(LATE_MS, partial(self._late, self._turn))
        load = Load(
            name=self._life.name,
            incarnation=self._life.incarnation,
            client_order_ids=tuple(sorted(self._asked_ids)),
        )
        self._life.tell(self._journal, load)

    def sweep(self) -> None:
        """Nothing need be loaded where all was well and nothing has moved since."""
        self._quick = 0
        waits = self._bookings.is_waiting or self._bookings.open or not self.is_done
        if waits or self._is_dirty or self._standing or self._candidates:
            self.begin()
        elif self._stage is _Stage.IDLE:
            self._tell_watch()

    def touched(self) -> None:
        """Groups have asked for something."""
        self._is_dirty = True

    def reported(self, message: OrdersReported) -> None:
        """A group is told of its orders: something may have filled."""
        self._is_dirty = True
        if any(report.trades for report in message.reports):
            self._fills += 1

    def _late(self, turn: int) -> None:
        if self._turn == turn and self._stage is not _Stage.IDLE:
            self._stage = _Stage.IDLE
            self.begin()

    def _again(self, turn: int) -> None:
        if self._turn == turn and self._stage is _Stage.IDLE:
            self.begin()

    def _strangers(self) -> list[str]:
        """Open orders of ours that no live group has for open: does the store know them?"""
        known = {name for group in self._state.groups for name in group.orders}
        return [
            report.client_order_id
            for report in self._listed
            if report.client_order_id not in known
            and parse_client_order_id(report.client_order_id) is not None
            and (not self._installation or is_ours(report.client_order_id, self._installation))
        ]

    # --- what comes -------------------------------------------------------------------------------

    def loaded(self, message: Loaded) -> None:
        state = message.state
        assert isinstance(state, AccountState), state
        if self._stage is not _Stage.LOADING:
            return
        is_first = not self._rounds
        self._state = state
        self._standing = {(drift.kind, drift.subject): drift for drift in state.drifts}
        self._bookings.loaded(state)
        self._repeat()
        watch = self._around.watch
        self._stage = _Stage.FETCHING
        self._need = [each for each in (watch.balances, watch.open_orders) if not (is_first and each.is_answered)]
        for question in list(self._need):
            if not question.failures:  # Else it is asked again by itself, when its pause is over.
                watch.ask(question)
        if not self._need:
            self._compare()

    def listed(self, message: OpenOrdersFetched) -> None:
        if self._stage is _Stage.IDLE and _ids(message.reports) != _ids(self._listed):
            self._is_dirty = True
        self._listed = message.reports
        self._came(self._around.watch.open_orders)

    def balances_came(self) -> None:
        if self._stage is _Stage.IDLE and self._holdings() != self._compared:
            self._is_dirty = True
        self._came(self._around.watch.balances)

    def _holdings(self) -> tuple[object, ...]:
        newest = self._around.watch.newest
        return (dict(newest.balances), newest.positions)

    def _came(self, question: Question) -> None:
        if self._stage is _Stage.FETCHING and question in self._need:
            self._need.remove(question)
            if not self._need:
                self._compare()

    def _repeat(self) -> None:
        """What was decided may never have been heard (rule 8): until it shows in the groups."""
        for send in (*sends(self._state.bookings), *self._resolver.repeated(self._state)):
            self._life.tell(send.to, send.message)

    # --- comparing --------------------------------------------------------------------------------

    def _compare(self) -> None:
        self._stage = _Stage.IDLE
        self._rounds += 1
        now_ms = self._life.now_ms()
        self._compared = self._holdings()
        is_calm = self._fills == self._fills_loaded
        seen = self._findings()
        booked = self._bookings.pay_out(self._around.watch.newest.positions, now_ms)
        explained = self._bookings.explain(seen, now_ms) if is_calm else []
        if explained:
            seen = self._findings()  # Without what is booked away now.
        flow_ms = self._life.flow_ms()  # The clock may be set between two looks.
        confirmed = self._confirmed(seen, flow_ms)
        flattened = self._resolver.unfinished(self._state)
        standing = {key: drift for key, drift in self._standing.items() if key not in flattened}
        judged = drifts.judge(standing, seen, confirmed - flattened.keys(), account=self._name, now_ms=now_ms)
        self._standing = {**judged.standing, **flattened}
        self._candidates = {
            finding.key: self._candidates.get(finding.key, flow_ms)
            for finding in seen
            if finding.key not in self._standing
        }
        self._fills_compared = self._fills
        self._commit(judged.rows, [*booked, *explained], self._not_ours(now_ms))
        self._decide(seen, judged.rows)
        self._finish()

    def _findings(self) -> tuple[Finding, ...]:
        newest = self._around.watch.newest
        account = self._around.account()
        return drifts.findings(
            groups=self._state.groups,
            bookings=self._bookings.open,
            reported=self._listed,
            balances=newest.balances,
            positions=newest.positions,
            installation=self._installation,
            known_ids=self._state.known_ids,
            quote_of=lambda symbol: self._around.marks.quote(self._name, symbol),
            fees=account.fees,
        )[:MAX_FINDINGS]

    def _confirmed(self, seen: tuple[Finding, ...], flow_ms: int) -> frozenset[Subject]:
        """Those that were there before, and did not only seem so because something filled in between."""
        is_overdue = not self.is_done and self._rounds >= MAX_START_ROUNDS
        has_filled = self._fills != self._fills_compared or self._fills != self._fills_loaded
        found = set()
        for finding in seen:
            key = finding.key
            first_ms = self._candidates.get(key)
            if key in self._standing:
                found.add(key)
            elif first_ms is None:
                continue
            elif finding.kind is DriftKind.UNCOVERED and has_filled and not is_overdue:
                del self._candidates[key]
            elif not self._must_wait_on(finding, flow_ms - first_ms):
                found.add(key)
        return frozenset(found)

    def _must_wait_on(self, finding: Finding, age_ms: int) -> bool:
        """An order the store was not asked about yet; on a swap the execution that explains it may still be told of."""
        if finding.kind is DriftKind.UNKNOWN_ORDER:
            return finding.subject not in self._asked_ids
        is_swap = self._around.account().market is Market.SWAP
        return is_swap and self.is_done and finding.kind is DriftKind.UNCOVERED and age_ms < self._sweep_ms()

    def _sweep_ms(self) -> int:
        return max(1, self._around.settings().execution.sweep_interval_s) * 1000

    def _not_ours(self, now_ms: int) -> list[Row]:
        gone = self._bookings.forget_older(now_ms - 2 * self._sweep_ms())
        return [
            self._event(
                "info", "gateway.foreign_trade", f"{self._name}: a trade of {at} was not of our groups", symbol=""
            )
            for at, _ in gone
        ]

    def _commit(self, changed: tuple[SaveDrift, ...], booked: list[AddBooking], more: list[Row]) -> None:
        now_ms = self._life.now_ms()
        rows: list[Row] = list(more)
        for drift in changed:
            rows += rows_of(drift, self._around.account().world, now_ms)
        if booked:
            count = f"{len(booked)} shares" if len(booked) > 1 else "a share"
            words = f"{self._name}: booked to groups: {count} of what happened to positions"
            rows += [*booked, self._event("warning", "gateway.booked", words, **in_words(booked))]
        if rows:
            self._send(rows, tuple(sends(booked)))
        if booked:
            self._around.due.after(START_PAUSE_MS, partial(self._again, self._turn))

    def _event(self, severity: str, type: str, words: str, symbol: str = "", **attributes: str) -> AddEvent:
        return AddEvent(
            time_ms=self._life.now_ms(),
            severity=severity,
            category="exchange",
            type=type,
            message=words,
            world=self._around.account().world,
            account=self._name,
            symbol=symbol,
            attributes=attributes,
        )

    def _send(self, rows: list[Row], then: tuple[Send, ...]) -> None:
        author = Participant(self._life.name, self._life.incarnation)
        self._life.tell(self._journal, Commit(author=author, rows=tuple(rows), then=then))

    def _finish(self) -> None:
        self._tell_watch()
        is_start = not self.is_done
        if is_start and self._candidates and self._rounds < MAX_START_ROUNDS:
            self._around.due.after(START_PAUSE_MS, partial(self._again, self._turn))
        elif is_start:
            self.is_done = True
            self._around.watch.release(COMPARISON)
            self._around.when_done()
            self._is_wanted = self._is_wanted or bool(self._words)
        if self.is_done and (self._candidates or self._bookings.open) and self._quick < MAX_QUICK:
            self._quick += 1
            self._around.due.after(PAUSE_MS, partial(self._again, self._turn))
        if self._is_wanted:
            self.begin()

    def _tell_watch(self) -> None:
        held = drifts.held_symbols(self._standing.values())
        self._around.orders.hold(held)
        self._around.watch.compared(held, self._life.now_ms())

    # --- what the exchange and groups tell --------------------------------------------------------

    def foreign_traded(self, message: ForeignTraded) -> None:
        if self._bookings.foreign_traded(message, self._life.now_ms()):
            self._quick = 0
            self.begin()

    def funding_paid(self, message: FundingPaid) -> None:
        if self._bookings.funding_paid(message):
            self.begin()

    def adopted(self, message: OrderAdopted) -> None:
        """The group has it: from here on it is an order like any other."""
        self._around.orders.assign(message.order)
        self._put(message.drift)
        self.begin()

    # --- a person's word --------------------------------------------------------------------------

    def resolve(self, message: ResolveDrift) -> None:
        """Decided upon after a fresh comparison."""
        if self._find(message.drift_id) is None:
            self._life.tell(message.reply_to, _gone(message.drift_id))
        elif len(self._words) >= MAX_RESOLVES:
            self._life.tell(message.reply_to, Refused(reason=Reason.OVERLOADED, detail="too many wait for this"))
        else:
            self._words.append((message, self._life.now_ms() + RESOLVE_LIMIT_MS))
            self._around.due.after(RESOLVE_LIMIT_MS, self._expire)
            self.begin()

    def _find(self, drift_id: str) -> SaveDrift | None:
        return next((drift for drift in self._standing.values() if drift.drift_id == drift_id), None)

    def _expire(self) -> None:
        now_ms = self._life.now_ms()
        late = [message for message, limit_ms in self._words if limit_ms <= now_ms]
        self._words = [entry for entry in self._words if entry[1] > now_ms]
        for message in late:
            words = "the account cannot be compared with the store now; nothing was done"
            self._life.tell(message.reply_to, Refused(reason=Reason.ACCOUNT_NOT_READY, detail=words))

    def _decide(self, seen: tuple[Finding, ...], changed: tuple[SaveDrift, ...]) -> None:
        if not self._words or not self.is_done:
            return
        waiting, self._words = self._words, []
        now = {finding.key: finding for finding in seen}
        for message, _ in waiting:
            drift = self._find(message.drift_id)
            if drift is None:
                ended = next((row for row in changed if row.drift_id == message.drift_id), None)
                self._life.tell(message.reply_to, ended or _gone(message.drift_id))
                continue
            finding = now.get((drift.kind, drift.subject))
            if finding is None:
                detail = f"{drift.message}: under way"
                self._life.tell(message.reply_to, Refused(reason=Reason.GROUP_CLOSING, detail=detail))
                continue
            decided = self._resolver.decide(message, drift, finding, self._state, self._listed)
            if decided is not None:
                self._carry(message, decided)

    def _carry(self, message: ResolveDrift, decided: Decided | Refused) -> None:
        if isinstance(decided, Refused):
            self._life.tell(message.reply_to, decided)
            return
        if message.is_dry_run:
            self._life.tell(message.reply_to, decided.drift)
            return
        self._put(decided.drift)
        rows = [*rows_of(decided.drift, self._around.account().world, self._life.now_ms()), *decided.bookings]
        self._send(rows, (*sends(decided.bookings), *decided.then, Send(message.reply_to, decided.drift)))
        self._tell_watch()
        self._around.due.after(START_PAUSE_MS, partial(self._again, self._turn))

    def _put(self, drift: SaveDrift) -> None:
        self._standing[drift.kind, drift.subject] = drift


def _gone(drift_id: str) -> Refused:
    return Refused(reason=Reason.NOT_FOUND, detail=f"no difference {drift_id} stands any more")


def _ids(reports: tuple[OrderReport, ...]) -> frozenset[str]:
    return frozenset(report.client_order_id for report in reports)
