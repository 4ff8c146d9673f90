"""Gateway: the one actor that talks to an account's exchange, and the authority for what is under way there.

Orders are `gateway_orders`' business, thresholds `watches`'. Here is the rest: the comparison at the start that
must be done before anything is traded, prices, balances, the catalogue, and what a person may ask (ORD-7, ORD-10).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from actors import messages as m
from actors.due import Due
from actors.gateway_orders import Desk, OrderDesk, OrderTimer
from actors.messages import Fate
from actors.ports import Catalogue, Exchange, Marks
from actors.rules.model import Instrument, Quote, Reason, Refused
from actors.rules.money import plain
from actors.rules.records import AddEvent, RaiseAlert, ResolveAlert, Row, SaveInstruments
from actors.rules.settings import AccountSettings, Settings
from actors.runtime import Actor, Life
from actors.watches import Watches

ACCOUNT_PAUSE_MS = 200
"""Changes of balances within this time are told to Pool together."""
FETCH_TIMEOUT_MS = 20_000
FETCH_BACK_OFF_MS = 1_000
MAX_FETCH_BACK_OFF_MS = 60_000
UNREACHABLE_FAILURES = 3
"""Failed questions in a row after which the account is not ready any more."""
REFRESH_PAUSE_MS = 60_000
"""A refusal for precision asks for a new catalogue at most this often (PRC-1)."""
CLOCK_SLACK_MS = 1_000
MAX_PENDING_REPLIES = 100
"""People who may wait for an answer at once."""


@dataclass(frozen=True, slots=True)
class _Timer:
    kind: str
    turn: int = 0


class _Question:
    """One of the three things asked of the exchange again and again: is it under way, and how did it go."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_answered = False
        """At least once in this life."""
        self.is_asked = False
        self.failures = 0
        self.words = ""
        self.turn = 0


class Gateway(Actor):
    """`gateway/<account>`. `jitter` gives numbers in [0, 1). `installation` empty: every order of Terrace's is ours."""

    def __init__(
        self,
        life: Life,
        *,
        account: AccountSettings,
        exchange: Exchange,
        marks: Marks,
        catalogue: Catalogue,
        settings: Settings,
        pool_name: str,
        journal_name: str = "journal",
        installation: str = "",
        jitter: Callable[[], float] = lambda: 0.5,
    ) -> None:
        super().__init__(life)
        self._account = account
        self._exchange = exchange
        self._marks = marks
        self._catalogue = catalogue
        self._settings = settings
        self._pool = pool_name
        self._journal = journal_name
        self._due: Due[object] = Due(life, "due")
        self._desk = OrderDesk(
            Desk(
                exchange=exchange,
                due=self._due,
                now_ms=life.now_ms,
                fraction=jitter,
                execution=settings.execution,
                unknown_after_ms=settings.alerts.unknown_order_s * 1000,
                installation=installation,
            )
        )
        self._watches = Watches()
        self._instruments = _Question("instruments")
        self._balances = _Question("balances")
        self._open_orders = _Question("open orders")
        self._told = m.AccountChanged(account=account.name, ready=False, detail="starting", balances={})
        self._newest = self._told
        self._told_ms = -ACCOUNT_PAUSE_MS
        self._is_telling_later = False
        self._subscribed: tuple[str, ...] = ()
        self._alerts: set[str] = set()
        self._refreshed_ms = 0
        self._refreshers: list[m.ReplyTo] = []
        self._checkers: list[m.ReplyTo] = []

    @property
    def name(self) -> str:
        """The account's."""
        return self._account.name

    def start(self) -> None:
        self.life.tell("supervisor", m.GatewayStarted(account=self.name))
        own = self.life.name
        self._exchange.start(lambda message: self.life.tell(own, message), self.life.incarnation)
        for question in (self._instruments, self._balances, self._open_orders):
            self._ask(question)
        self._due.add(self._sweep_ms(), _Timer("sweep"))
        self._due.add(self._refresh_ms(), _Timer("refresh"))
        self._tell_account()

    def receive(self, message: object) -> None:
        handler = _HANDLERS.get(type(message))
        if handler is None:
            raise TypeError(f"a gateway does not take {type(message).__name__}")
        incarnation = getattr(message, "incarnation", self.life.incarnation)
        if incarnation == self.life.incarnation or isinstance(message, m.SetWatches):
            handler(self, message)
        self._let_out()

    def _let_out(self) -> None:
        """What the message led to: requests to the exchange, then reports to groups, then alerts."""
        self._desk.pump()
        for reported in self._desk.take_reports():
            self.life.tell(f"group/{reported.group_id}", reported)
        self._judge_unknown_orders()
        if self._desk.precision_refusals:
            self._judge_precision()

    # --- orders -----------------------------------------------------------------------------------

    def _submit(self, message: m.SubmitOrders) -> None:
        self._desk.submit(message.orders)

    def _cancel(self, message: m.CancelOrders) -> None:
        self._desk.cancel(message.orders)

    def _resolve(self, message: m.ResolveOrders) -> None:
        self._desk.resolve(message.orders)

    def _answered(self, message: m.Answered) -> None:
        self._desk.answered(message)

    def _answered_all(self, message: m.AnsweredAll) -> None:
        for answer in message.answers:
            self._desk.answered(answer)

    def _looked_up(self, message: m.LookedUp) -> None:
        self._desk.looked_up(message)

    def _streamed(self, message: m.Streamed) -> None:
        self._desk.streamed(message.reports)

    # --- time -------------------------------------------------------------------------------------

    def _timer_fired(self, _message: m.TimerFired) -> None:
        for thing in self._due.take():
            if isinstance(thing, OrderTimer):
                self._desk.timer(thing)
            elif isinstance(thing, _Timer):
                _TIMERS[thing.kind](self, thing)

    def _sweep_ms(self) -> int:
        return self.life.now_ms() + max(1, self._settings.execution.sweep_interval_s) * 1000

    def _refresh_ms(self) -> int:
        return self.life.now_ms() + max(1, self._settings.precision.refresh_s) * 1000

    def _sweep(self, _timer: _Timer) -> None:
        """What the streams missed (ORD-5)."""
        self._due.add(self._sweep_ms(), _Timer("sweep"))
        self._ask(self._open_orders)
        self._ask(self._balances)
        self._judge_quotes()

    def _refresh(self, _timer: _Timer) -> None:
        self._due.add(self._refresh_ms(), _Timer("refresh"))
        self._ask(self._instruments)

    # --- questions to the exchange ----------------------------------------------------------------

    def _ask(self, question: _Question) -> None:
        """Asks, unless it is being asked already."""
        if question.is_asked:
            return
        question.is_asked = True
        question.turn += 1
        self._due.add(self.life.now_ms() + FETCH_TIMEOUT_MS, _Timer(f"late {question.name}", question.turn))
        if question is self._instruments:
            self._exchange.fetch_instruments()
        elif question is self._balances:
            self._exchange.fetch_balances()
        else:
            self._exchange.fetch_open_orders()

    def _question_late(self, timer: _Timer) -> None:
        for question in (self._instruments, self._balances, self._open_orders):
            if timer.kind == f"late {question.name}" and question.is_asked and question.turn == timer.turn:
                self._question_failed(question, "no answer")

    def _ask_again(self, timer: _Timer) -> None:
        for question in (self._instruments, self._balances, self._open_orders):
            if timer.kind == f"again {question.name}" and question.turn == timer.turn:
                self._ask(question)

    def _question_failed(self, question: _Question, words: str) -> None:
        question.is_asked = False
        question.failures += 1
        question.words = f"{question.name}: {words}" if words else question.name
        pause_ms = min(FETCH_BACK_OFF_MS << min(question.failures - 1, 16), MAX_FETCH_BACK_OFF_MS)
        self._due.add(self.life.now_ms() + pause_ms, _Timer(f"again {question.name}", question.turn))
        if question is self._open_orders:
            self._desk.look_at_all_unknown()  # One by one, since the list does not come.
        elif question is self._balances:
            self._answer_checks()
        else:
            words = words or "the exchange does not answer"
            self._answer_refreshers(Refused(reason=Reason.PRECISION_MISSING, detail=words))
        self._judge_account()

    def _question_answered(self, question: _Question) -> None:
        question.is_asked = False
        question.is_answered = True
        question.failures, question.words = 0, ""
        self._judge_account()

    def _open_orders_fetched(self, message: m.OpenOrdersFetched) -> None:
        if message.fate != Fate.ACCEPTED:
            self._question_failed(self._open_orders, message.words)
            return
        self._desk.listed(message)
        self._question_answered(self._open_orders)

    def _balances_fetched(self, message: m.BalancesFetched) -> None:
        if message.fate != Fate.ACCEPTED:
            self._question_failed(self._balances, message.words)
        else:
            self._newest = m.AccountChanged(
                account=self.name,
                ready=self._newest.ready,
                detail=self._newest.detail,
                balances=message.balances,
                positions=message.positions,
            )
            self._question_answered(self._balances)
            self._answer_checks()

    def _instruments_fetched(self, message: m.InstrumentsFetched) -> None:
        if message.fate != Fate.ACCEPTED:
            self._question_failed(self._instruments, message.words)
            return
        self._put_catalogue(message.instruments)
        self._answer_refreshers(len(message.instruments))
        self._question_answered(self._instruments)
        self._subscribe()

    def _put_catalogue(self, instruments: tuple[Instrument, ...]) -> None:
        by_symbol = {instrument.symbol: instrument for instrument in instruments}
        if self._instruments.is_answered and by_symbol == dict(self._catalogue.instruments(self.name)):
            return
        self._catalogue.put(self.name, instruments)
        self._commit(SaveInstruments(account=self.name, instruments=instruments, time_ms=self.life.now_ms()))
        self.life.tell(self._pool, m.InstrumentsChanged(account=self.name))

    # --- the account ------------------------------------------------------------------------------

    def _judge_account(self) -> None:
        """Ready once catalogue, balances and open orders are known; not while it cannot be reached."""
        questions = (self._instruments, self._balances, self._open_orders)
        missing = [question for question in questions if not question.is_answered]
        lost = [question for question in questions if question.failures >= UNREACHABLE_FAILURES]
        if not missing and not self._desk.is_trading:
            self._desk.is_trading = True
            self._resolve_alerts_of_earlier_lives()
        detail = "; ".join(question.words or f"{question.name}: not known yet" for question in (*missing, *lost))
        ready = not missing and not lost
        if lost:
            self._raise(f"account:{self.name}:unreachable", "error", "exchange", f"{self.name}: {detail}")
        elif ready:
            self._resolve_alert(f"account:{self.name}:unreachable")
        self._newest = m.AccountChanged(
            account=self.name,
            ready=ready,
            detail="" if ready else detail,
            balances=self._newest.balances,
            positions=self._newest.positions,
        )
        self._tell_account_soon()

    def _tell_account_soon(self) -> None:
        if self._newest == self._told:
            return
        wait_ms = self._told_ms + ACCOUNT_PAUSE_MS - self.life.now_ms()
        if self._newest.ready != self._told.ready or not 0 < wait_ms <= ACCOUNT_PAUSE_MS:
            self._tell_account()
        elif not self._is_telling_later:
            self._is_telling_later = True
            self._due.add(self.life.now_ms() + wait_ms, _Timer("account"))

    def _tell_account_later(self, _timer: _Timer) -> None:
        self._is_telling_later = False
        if self._newest != self._told:
            self._tell_account()

    def _tell_account(self) -> None:
        self._told, self._told_ms = self._newest, self.life.now_ms()
        self.life.tell(self._pool, self._told)

    def _describe(self, message: m.DescribeAccount) -> None:
        self.life.tell(self._pool if message.reply_to is None else message.reply_to, self._newest)

    # --- prices -----------------------------------------------------------------------------------

    def _quoted(self, message: m.Quoted) -> None:
        good = {symbol: quote for symbol, quote in message.quotes.items() if self._is_sensible(symbol, quote)}
        self._marks.put(self.name, good)
        for symbol, quote in good.items():
            for crossed in self._watches.crossed(symbol, quote):
                self.life.tell(f"group/{crossed.group_id}", crossed)

    def _is_sensible(self, symbol: str, quote: Quote) -> bool:
        """ORD-10: what is no price is dropped, and the last good one grows old."""
        known = self._marks.quote(self.name, symbol)
        if known is not None and quote.time_ms < known.time_ms <= self.life.now_ms() + CLOCK_SLACK_MS:
            return False  # Overtaken by a newer one, unless that is from before the clock was set back.
        alert = f"quote:{self.name}:{symbol}"
        finite = quote.bid.is_finite() and quote.ask.is_finite()
        if finite and 0 < quote.bid <= quote.ask:
            self._resolve_alert(alert)
            return True
        words = f"{symbol}: bid {quote.bid} and ask {quote.ask} are no prices"
        self._raise(alert, "warning", "exchange", words, symbol)
        return False

    def _judge_quotes(self) -> None:
        """Prices that no longer come."""
        oldest_ms = self.life.now_ms() - self._settings.alerts.quote_age_s * 1000
        for symbol in self._subscribed:
            quote = self._marks.quote(self.name, symbol)
            if quote is None:
                continue
            alert = f"quote_age:{self.name}:{symbol}"
            if quote.time_ms < oldest_ms:
                age_s = (self.life.now_ms() - quote.time_ms) // 1000
                self._raise(alert, "warning", "exchange", f"{symbol}: the last price is {age_s} s old", symbol)
            else:
                self._resolve_alert(alert)

    def _set_watches(self, message: m.SetWatches) -> None:
        if not self._watches.set(message):
            return
        self._subscribe()
        quote = self._marks.quote(self.name, message.symbol)
        max_age_ms = self._settings.execution.max_quote_age_s * 1000
        if quote is not None and self.life.now_ms() - quote.time_ms <= max_age_ms:
            for crossed in self._watches.crossed(message.symbol, quote):
                self.life.tell(f"group/{crossed.group_id}", crossed)

    def _subscribe(self) -> None:
        """The paper exchange's symbols are few: all of them. Elsewhere what is watched or traded."""
        catalogue = self._catalogue.instruments(self.name)
        if self._account.is_paper:
            wanted: Iterable[str] = catalogue
        else:
            wanted = (self._watches.symbols() | self._desk.symbols()) & catalogue.keys()
        symbols = tuple(sorted(wanted))
        if symbols != self._subscribed:
            self._subscribed = symbols
            self._exchange.subscribe(symbols)

    # --- what a person asks -----------------------------------------------------------------------

    def _settings_changed(self, message: m.SettingsChanged) -> None:
        self._settings = message.settings
        self._account = message.settings.accounts.get(self.name, self._account)
        self._desk.desk.execution = message.settings.execution
        self._desk.desk.unknown_after_ms = message.settings.alerts.unknown_order_s * 1000

    def _refresh_asked(self, message: m.RefreshInstruments) -> None:
        if message.reply_to is not None:
            if len(self._refreshers) >= MAX_PENDING_REPLIES:
                self.life.tell(message.reply_to, Refused(reason=Reason.OVERLOADED, detail="too many wait for this"))
                return
            self._refreshers.append(message.reply_to)
        self._ask(self._instruments)

    def _answer_refreshers(self, answer: object) -> None:
        refreshers, self._refreshers = self._refreshers, []
        for reply_to in refreshers:
            self.life.tell(reply_to, answer)

    def _check(self, message: m.CheckAccount) -> None:
        if len(self._checkers) >= MAX_PENDING_REPLIES:
            self.life.tell(message.reply_to, self._account_report())
            return
        self._checkers.append(message.reply_to)
        self._ask(self._balances)

    def _answer_checks(self) -> None:
        checkers, self._checkers = self._checkers, []
        for reply_to in checkers:
            self.life.tell(reply_to, self._account_report())

    def _account_report(self) -> m.AccountReport:
        checks = [
            (question.name, question.is_answered and not question.failures, question.words or "known")
            for question in (self._instruments, self._balances, self._open_orders)
        ]
        priced = [symbol for symbol in self._subscribed if self._marks.quote(self.name, symbol) is not None]
        words = f"{len(priced)} of {len(self._subscribed)} subscribed symbols have a price"
        checks.append(("prices", len(priced) == len(self._subscribed), words))
        overdue = len(self._desk.overdue)
        checks.append(("orders", not overdue, f"{len(self._desk)} not final, {overdue} of unknown fate"))
        assets = [f"{plain(b.total)} {b.asset}" for b in self._newest.balances.values() if b.total]
        checks.append(("funds", bool(assets), ", ".join(assets) or "the account is empty"))
        return m.AccountReport(account=self.name, checks=tuple(checks))

    def _set_paper_price(self, message: m.SetPaperPrice) -> None:
        if self._account.is_paper:
            self._exchange.set_price(message.symbol, message.price, message.reply_to)
        else:
            words = f"account {self.name} is not on the paper exchange"
            self.life.tell(message.reply_to, Refused(reason=Reason.EXCHANGE_REFUSED, detail=words))

    # --- alerts -----------------------------------------------------------------------------------

    def _judge_unknown_orders(self) -> None:
        alert = f"orders:{self.name}:unknown"
        overdue = self._desk.overdue
        if not overdue:
            self._resolve_alert(alert)
        elif alert not in self._alerts:
            first = ", ".join(sorted(overdue)[:3])
            words = f"{self.name}: the fate of {len(overdue)} orders is unknown for too long ({first})"
            self._raise(alert, "error", "order", words)

    def _judge_precision(self) -> None:
        """PRC-7: such a refusal is an error of ours, or the catalogue is old (PRC-1)."""
        refusals, self._desk.precision_refusals = self._desk.precision_refusals, []
        for order, reason, words in refusals:
            text = f"{order.symbol}: order {order.client_order_id} was refused as {reason.value} ({words})"
            self._alerts.discard(f"precision:{self.name}:{order.symbol}")
            self._raise(f"precision:{self.name}:{order.symbol}", "error", "precision", text, order.symbol)
        if self.life.now_ms() - self._refreshed_ms >= REFRESH_PAUSE_MS:
            self._refreshed_ms = self.life.now_ms()
            self._ask(self._instruments)

    def _raise(self, alert: str, severity: str, category: str, words: str, symbol: str = "") -> None:
        """Once until it is resolved."""
        if alert in self._alerts:
            return
        self._alerts.add(alert)
        now_ms = self.life.now_ms()
        self._commit(
            RaiseAlert(
                alert_key=alert,
                time_ms=now_ms,
                severity=severity,
                category=category,
                message=words,
                account=self.name,
                symbol=symbol,
            ),
            AddEvent(
                time_ms=now_ms,
                severity=severity,
                category=category,
                type=f"gateway.{alert.partition(':')[0]}",
                message=words,
                world=self._account.world,
                account=self.name,
                symbol=symbol,
            ),
        )

    def _resolve_alert(self, alert: str) -> None:
        if alert in self._alerts:
            self._alerts.discard(alert)
            self._commit(ResolveAlert(alert_key=alert, time_ms=self.life.now_ms()))

    def _resolve_alerts_of_earlier_lives(self) -> None:
        """What still holds is raised again."""
        names = [f"account:{self.name}:unreachable", f"orders:{self.name}:unknown"]
        names += [f"{kind}:{self.name}:{symbol}" for kind in ("quote", "quote_age") for symbol in self._subscribed]
        now_ms = self.life.now_ms()
        self._commit(*(ResolveAlert(alert_key=name, time_ms=now_ms) for name in names if name not in self._alerts))

    def _commit(self, *rows: Row) -> None:
        author = m.Participant(self.life.name, self.life.incarnation)
        self.life.tell(self._journal, m.Commit(author=author, rows=rows))


_HANDLERS: Mapping[type, Callable[[Gateway, Any], None]] = {
    m.SubmitOrders: Gateway._submit,
    m.CancelOrders: Gateway._cancel,
    m.ResolveOrders: Gateway._resolve,
    m.SetWatches: Gateway._set_watches,
    m.Answered: Gateway._answered,
    m.AnsweredAll: Gateway._answered_all,
    m.LookedUp: Gateway._looked_up,
    m.Streamed: Gateway._streamed,
    m.Quoted: Gateway._quoted,
    m.OpenOrdersFetched: Gateway._open_orders_fetched,
    m.BalancesFetched: Gateway._balances_fetched,
    m.InstrumentsFetched: Gateway._instruments_fetched,
    m.TimerFired: Gateway._timer_fired,
    m.SettingsChanged: Gateway._settings_changed,
    m.RefreshInstruments: Gateway._refresh_asked,
    m.CheckAccount: Gateway._check,
    m.DescribeAccount: Gateway._describe,
    m.SetPaperPrice: Gateway._set_paper_price,
}

_TIMERS: Mapping[str, Callable[[Gateway, _Timer], None]] = {
    "sweep": Gateway._sweep,
    "refresh": Gateway._refresh,
    "account": Gateway._tell_account_later,
    **{f"late {name}": Gateway._question_late for name in ("instruments", "balances", "open orders")},
    **{f"again {name}": Gateway._ask_again for name in ("instruments", "balances", "open orders")},
}
