"""Gateway: the one actor that talks to an account's exchange, and the authority for what is under way there.

It hands each message to the part whose business it is: requests for orders to `gateway_orders`, prices and
thresholds to `gateway_prices`, readiness to `gateway_account`, streams to `gateway_streams`, key, clock and bans to
`gateway_health`, what a person wants checked to `gateway_check`; `gateway_circuit` bars the way while the exchange
keeps failing. What comes of it leaves after every message: requests to the exchange first, then reports to groups,
then alerts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from actors import account_messages as am
from actors import messages as m
from actors.due import Due
from actors.gateway_account import KEY_REFUSED, UNREACHABLE, AccountWatch
from actors.gateway_alerts import GatewayAlerts
from actors.gateway_check import AccountCheck
from actors.gateway_circuit import CIRCUIT, CircuitBreaker
from actors.gateway_circuit import WORDS as CIRCUIT_WORDS
from actors.gateway_condition import condition_of
from actors.gateway_drift import Around, GatewayDrift
from actors.gateway_health import KINDS as HEALTH_KINDS
from actors.gateway_health import AccountHealth
from actors.gateway_orders import Desk, OrderDesk
from actors.gateway_prices import BAD_QUOTE, OLD_QUOTE, GatewayPrices
from actors.gateway_streams import STREAM, SWEEP_WHILE_DOWN_MS, StreamWatch
from actors.messages import Fate
from actors.needs import Needs
from actors.ports import Catalogue, Exchange, Marks
from actors.rules.model import Instrument, Reason, Refused
from actors.rules.records import SaveInstruments
from actors.rules.settings import AccountSettings, Settings
from actors.runtime import Actor, Life
from actors.steady import Steady

REFRESH_PAUSE_MS = 60_000
"""A refusal for precision asks for a new catalogue at most this often (PRC-1)."""
MAX_VALUED_ASSETS = 100
"""Coins of one account whose prices are streamed only to value them."""
MAX_PENDING_REPLIES = 100
"""People who may wait for an answer at once."""
NAMED_ORDERS = 3
"""Orders named in an alert about many."""
UNKNOWN_ORDERS = "unknown_orders"
CANCELS = "cancels_refused"
PRECISION = "precision"
EMPTY = "no_instruments"
PRECISION_STALE = "precision_stale"
RULES_MISSED = 2
"""So many refreshes that brought nothing are no alert, however short the age that is allowed."""
EMPTY_CATALOGUE = "the exchange lists no instruments at all; those known before are kept"


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
        self._catalogue = catalogue
        self._settings = settings
        self._pool = pool_name
        self._due = Due(life)
        self._steady = Steady(life.now_ms, life.flow_ms)
        self._alerts = GatewayAlerts(life, journal_name, account.name, account.world)
        self._watch = AccountWatch(
            life, account=account.name, exchange=exchange, due=self._due, alerts=self._alerts, pool_name=pool_name
        )
        self._circuit = CircuitBreaker(
            account=account.name,
            watch=self._watch,
            alerts=self._alerts,
            due=self._due,
            now_ms=life.now_ms,
            fraction=jitter,
        )
        self._health = AccountHealth(
            account=account,
            exchange=exchange,
            watch=self._watch,
            alerts=self._alerts,
            due=self._due,
            now_ms=life.now_ms,
        )
        self._streams = StreamWatch(
            account=account.name,
            alerts=self._alerts,
            due=self._due,
            now_ms=life.now_ms,
            when_changed=self._sweep_anew,
            when_back=self._compare,
        )
        self._prices = GatewayPrices(life, account=account.name, exchange=exchange, marks=marks, alerts=self._alerts)
        self._orders = OrderDesk(
            Desk(
                exchange=exchange,
                due=self._due,
                now_ms=life.now_ms,
                steady=self._steady,
                fraction=jitter,
                execution=settings.execution,
                unknown_after_ms=settings.alerts.unknown_order_s * 1000,
                installation=installation,
                lets_through=lambda: self._circuit.lets_through,
                judge=self._circuit.judge,
            )
        )
        self._check = AccountCheck(
            life,
            account=account.name,
            exchange=exchange,
            marks=marks,
            due=self._due,
            watch=self._watch,
            health=self._health,
            streams=self._streams,
            circuit=self._circuit,
            prices=self._prices,
            orders=self._orders,
        )
        self._drift = GatewayDrift(
            life,
            Around(
                watch=self._watch,
                orders=self._orders,
                due=self._due,
                marks=marks,
                account=lambda: self._account,
                settings=lambda: self._settings,
                when_done=self._maybe_begin,
            ),
            journal_name=journal_name,
            installation=installation,
        )
        self._sweep_turn = 0
        self._sweep_due_ms = 0
        self._refreshed_ms: int | None = None
        self._rules_ms: int | None = None
        """When the rules of instruments came last, by the steady clock; before that: when this life began."""
        self._refreshers: list[m.ReplyTo] = []
        self._watch.instruments.when_failed.append(self._refresh_failed)
        self._watch.open_orders.when_failed.append(lambda _words: self._orders.look_at_all_unknown())
        self._circuit.when_closed += [self._orders.look_again, self._compare]
        self._due.when_set_back.append(self._health.set_back)

    @property
    def name(self) -> str:
        """The account's."""
        return self._account.name

    def start(self) -> None:
        self.life.tell("supervisor", m.GatewayStarted(account=self.name))
        own = self.life.name
        self._exchange.start(lambda message: self.life.tell(own, message), self.life.incarnation)
        self._watch.start()
        self._drift.start()
        self._health.start()
        self._sweep_later()
        self._due.after(self._refresh_pause_ms(), self._refresh)

    def receive(self, message: object) -> None:
        handler = _HANDLERS.get(type(message))
        if handler is None:
            raise TypeError(f"a gateway does not take {type(message).__name__}")
        self._due.look()
        self._steady.now_ms()  # Whatever is asked from here on is stamped by the clock as it is set now.
        incarnation = getattr(message, "incarnation", self.life.incarnation)
        if incarnation == self.life.incarnation or isinstance(message, m.SetWatches):
            handler(self, message)
        self._let_out()

    def _let_out(self) -> None:
        self._circuit.probe()
        self._orders.pump()
        for reported in self._orders.take_reports():
            self._drift.reported(reported)
            self.life.tell(f"group/{reported.group_id}", reported)
        self._judge_unknown_orders()
        self._judge_cancels()
        if self._orders.precision_refusals:
            self._judge_precision()

    # --- orders -----------------------------------------------------------------------------------

    def _submit(self, message: m.SubmitOrders) -> None:
        self._drift.touched()
        self._orders.submit(message.orders)

    def _cancel(self, message: m.CancelOrders) -> None:
        self._orders.cancel(message.orders)

    def _amend(self, message: am.AmendOrders) -> None:
        self._orders.amend(message.orders)

    def _resolve(self, message: m.ResolveOrders) -> None:
        self._orders.resolve(message.orders)

    def _retell(self, message: am.RetellOrders) -> None:
        self._orders.retell(message.orders)

    def _answered(self, message: m.Answered) -> None:
        self._orders.answered(message)

    def _answered_all(self, message: m.AnsweredAll) -> None:
        for answer in message.answers:
            self._orders.answered(answer)

    def _looked_up(self, message: m.LookedUp) -> None:
        self._orders.looked_up(message)

    def _streamed(self, message: m.Streamed) -> None:
        self._orders.streamed(message.reports)

    def _judge_unknown_orders(self) -> None:
        overdue = self._orders.overdue
        if not overdue:
            self._alerts.resolve(UNKNOWN_ORDERS)
        elif not self._alerts.stands(UNKNOWN_ORDERS):
            first = ", ".join(sorted(overdue)[:NAMED_ORDERS])
            words = f"{self.name}: the fate of {len(overdue)} orders is unknown for too long ({first})"
            self._alerts.raise_(UNKNOWN_ORDERS, "error", "order", words)

    def _judge_cancels(self) -> None:
        """A group that closes waits for its cancels: that they are refused again and again must be seen (EXIT-5)."""
        refused = self._orders.refused_cancels
        if not refused:
            self._alerts.resolve(CANCELS)
        elif not self._alerts.stands(CANCELS):
            name = min(refused)
            words = f"{self.name}: cancels keep being refused ({name}: {refused[name]}); they are tried again"
            self._alerts.raise_(CANCELS, "error", "order", words)

    def _judge_precision(self) -> None:
        """Such a refusal is an error of ours (PRC-7), or the catalogue is old (PRC-1)."""
        refusals, self._orders.precision_refusals = self._orders.precision_refusals, []
        for order, reason, words in refusals:
            text = f"{order.symbol}: order {order.client_order_id} was refused as {reason.value} ({words})"
            self._alerts.raise_again(PRECISION, "error", PRECISION, text, order.symbol)
        now_ms = self.life.now_ms()
        if self._refreshed_ms is None or not 0 <= now_ms - self._refreshed_ms < REFRESH_PAUSE_MS:
            self._refreshed_ms = now_ms
            self._watch.ask(self._watch.instruments)

    # --- time -------------------------------------------------------------------------------------

    def needs(self) -> Needs:
        """See `actors.needs`: the prices that groups are told of."""
        return Needs(levels=tuple(self._prices.levels()))

    def _timer_fired(self, _message: m.TimerFired) -> None:
        self._due.run()

    def _sweep_pause_ms(self) -> int:
        pause_ms = max(1, self._settings.execution.sweep_interval_s) * 1000
        return min(pause_ms, SWEEP_WHILE_DOWN_MS) if self._streams.is_deaf else pause_ms

    def _refresh_pause_ms(self) -> int:
        return max(1, self._settings.precision.refresh_s) * 1000

    def _sweep_later(self, at_most_ms: int | None = None) -> None:
        pause_ms = self._sweep_pause_ms() if at_most_ms is None else min(at_most_ms, self._sweep_pause_ms())
        turn = self._sweep_turn
        self._sweep_due_ms = self.life.now_ms() + pause_ms
        self._due.after(pause_ms, lambda: self._sweep(turn))

    def _sweep_anew(self) -> None:
        """The pace has changed. A stream that goes puts off nothing; after one that came everything is compared."""
        self._sweep_turn += 1
        left_ms = max(1, self._sweep_due_ms - self.life.now_ms())
        self._sweep_later(left_ms if self._streams.is_deaf else None)

    def _sweep(self, turn: int) -> None:
        """What the streams missed (ORD-5)."""
        if turn != self._sweep_turn:
            return
        self._sweep_later()
        self._drift.sweep()
        self._watch.ask(self._watch.open_orders)
        self._watch.ask(self._watch.balances)
        self._prices.judge_age(self._settings.alerts.quote_age_s * 1000)
        self._health.judge_rate(self._settings.alerts.rate_near_percent)
        self._judge_precision_age()

    def _judge_precision_age(self) -> None:
        """Rounding by rules that no longer hold is refused at best (PRC-1, LOG-5)."""
        now_ms = self._steady.now_ms()
        if self._rules_ms is None:
            self._rules_ms = now_ms
        age_s, most_s = (now_ms - self._rules_ms) // 1000, self._settings.alerts.precision_age_s
        if age_s <= max(most_s, RULES_MISSED * self._settings.precision.refresh_s):
            self._alerts.resolve(PRECISION_STALE)
        elif not self._alerts.stands(PRECISION_STALE):
            words = f"{self.name}: the rules of its instruments are {age_s} s old: {self._watch.instruments.words}"
            self._alerts.raise_(PRECISION_STALE, "warning", PRECISION, words.removesuffix(": "))

    def _compare(self) -> None:
        """Something may have been missed: what is open and owned is asked for at once (ORD-7)."""
        self._watch.ask_anew(self._watch.open_orders)
        self._watch.ask_anew(self._watch.balances)
        self._drift.begin()

    def _refresh(self) -> None:
        self._due.after(self._refresh_pause_ms(), self._refresh)
        self._watch.ask(self._watch.instruments)

    # --- the exchange answers our questions -------------------------------------------------------

    def _open_orders_fetched(self, message: m.OpenOrdersFetched) -> None:
        if message.fate == Fate.ACCEPTED:
            self._orders.listed(message)
            self._watch.answered(self._watch.open_orders)
            self._drift.listed(message)
            self._maybe_begin()
        else:
            self._watch.failed(self._watch.open_orders, message.words, is_refused=message.fate == Fate.REFUSED)

    def _balances_fetched(self, message: m.BalancesFetched) -> None:
        if message.fate == Fate.ACCEPTED:
            self._watch.balances_came(message)
            if not self._account.is_paper:
                self._subscribe()
            self._drift.balances_came()
            self._maybe_begin()
        else:
            self._watch.failed(self._watch.balances, message.words, is_refused=message.fate == Fate.REFUSED)

    def _instruments_fetched(self, message: m.InstrumentsFetched) -> None:
        """An empty list where instruments are known is a faulty answer: no exchange drops them all at once (PRC-4)."""
        is_empty = not message.instruments and self._catalogue.instruments(self.name)
        if message.fate == Fate.ACCEPTED and is_empty:
            self._alerts.raise_(EMPTY, "error", PRECISION, f"{self.name}: {EMPTY_CATALOGUE}")
            self._refresh_failed(EMPTY_CATALOGUE)
            self._watch.answered(self._watch.instruments)
            self._maybe_begin()
        elif message.fate == Fate.ACCEPTED:
            self._alerts.resolve(EMPTY)
            self._rules_ms = self._steady.now_ms()
            self._put_catalogue(message.instruments)
            self._answer_refreshers(len(message.instruments))
            self._watch.answered(self._watch.instruments)
            self._subscribe()
            self._maybe_begin()
        else:
            self._watch.failed(self._watch.instruments, message.words, is_refused=message.fate == Fate.REFUSED)

    def _put_catalogue(self, instruments: tuple[Instrument, ...]) -> None:
        by_symbol = {instrument.symbol: instrument for instrument in instruments}
        if self._watch.instruments.is_answered and by_symbol == self._catalogue.instruments(self.name):
            return
        self._catalogue.put(self.name, instruments)
        self._alerts.commit(SaveInstruments(account=self.name, instruments=instruments, time_ms=self.life.now_ms()))
        self.life.tell(self._pool, m.InstrumentsChanged(account=self.name))

    def _maybe_begin(self) -> None:
        """Trading begins when the comparison is done (ORD-7)."""
        if self._orders.is_trading or not (self._watch.is_compared and self._drift.is_done):
            return
        self._orders.is_trading = True
        kinds = (
            *(UNREACHABLE, KEY_REFUSED, UNKNOWN_ORDERS, CANCELS, CIRCUIT, STREAM, EMPTY, PRECISION_STALE),
            *HEALTH_KINDS,
        )
        names = [self._alerts.name_of(kind) for kind in kinds]
        for symbol in self._prices.subscribed:
            names += [self._alerts.name_of(kind, symbol) for kind in (BAD_QUOTE, OLD_QUOTE)]
        self._alerts.resolve_of_earlier_lives(names)

    # --- what the exchange tells of itself --------------------------------------------------------

    def _stream_changed(self, message: am.StreamChanged) -> None:
        self._streams.changed(message)

    def _clock_measured(self, message: am.ClockMeasured) -> None:
        self._health.clock_measured(message)

    def _banned(self, message: am.Banned) -> None:
        self._health.banned(message)

    def _probed(self, message: am.AccountProbed) -> None:
        self._health.probed(message)

    # --- what differs -----------------------------------------------------------------------------

    def _loaded(self, message: m.Loaded) -> None:
        self._drift.loaded(message)

    def _foreign_traded(self, message: am.ForeignTraded) -> None:
        self._drift.foreign_traded(message)

    def _funding_paid(self, message: am.FundingPaid) -> None:
        self._drift.funding_paid(message)

    def _order_adopted(self, message: am.OrderAdopted) -> None:
        self._drift.adopted(message)

    def _resolve_drift(self, message: am.ResolveDrift) -> None:
        self._drift.resolve(message)

    # --- prices -----------------------------------------------------------------------------------

    def _quoted(self, message: m.Quoted) -> None:
        self._prices.quoted(message)

    def _set_watches(self, message: m.SetWatches) -> None:
        self._prices.set_watches(message, self._settings.execution.max_quote_age_s * 1000)
        self._subscribe()

    def _want_prices(self, message: am.WantPrices) -> None:
        if self._prices.want(message):
            self._subscribe()

    def _subscribe(self) -> None:
        """The paper exchange's symbols are few: all of them. Elsewhere what is watched, traded or held."""
        catalogue = self._catalogue.instruments(self.name)
        wanted: Iterable[str] = catalogue
        if not self._account.is_paper:
            wanted = (self._prices.watched() | self._orders.symbols() | self._held_symbols()) & catalogue.keys()
        self._prices.subscribe(wanted)

    def _held_symbols(self) -> frozenset[str]:
        """What the coins of the account are valued by: equity has to know them, dust too (PNL-1)."""
        currency = self._settings.engine.reporting_currency
        held = [asset for asset, balance in self._watch.newest.balances.items() if balance.total]
        return frozenset(f"{asset}/{currency}" for asset in held[:MAX_VALUED_ASSETS])

    # --- what a person asks -----------------------------------------------------------------------

    def _settings_changed(self, message: m.SettingsChanged) -> None:
        self._settings = message.settings
        self._account = message.settings.accounts.get(self.name, self._account)
        self._health.settings_changed(self._account)
        self._orders.desk.execution = message.settings.execution
        self._orders.desk.unknown_after_ms = message.settings.alerts.unknown_order_s * 1000

    def _describe(self, message: m.DescribeAccount) -> None:
        if message.reply_to is None:
            self.life.tell(self._pool, self._watch.newest)
            return
        condition = condition_of(
            now_ms=self.life.now_ms(),
            budget=self._exchange.budget,
            watch=self._watch,
            health=self._health,
            streams=self._streams,
            circuit=self._circuit,
            orders=self._orders,
        )
        self.life.tell(message.reply_to, replace(self._watch.newest, condition=condition))

    def _refresh_asked(self, message: m.RefreshInstruments) -> None:
        if message.reply_to is not None:
            if len(self._refreshers) >= MAX_PENDING_REPLIES:
                self.life.tell(message.reply_to, Refused(reason=Reason.OVERLOADED, detail="too many wait for this"))
                return
            if not self._circuit.lets_through:
                self.life.tell(message.reply_to, Refused(reason=Reason.ACCOUNT_NOT_READY, detail=CIRCUIT_WORDS))
                return
            self._refreshers.append(message.reply_to)
        self._watch.ask(self._watch.instruments)

    def _refresh_failed(self, words: str) -> None:
        self._answer_refreshers(Refused(reason=Reason.PRECISION_MISSING, detail=words))

    def _answer_refreshers(self, answer: object) -> None:
        refreshers, self._refreshers = self._refreshers, []
        for reply_to in refreshers:
            self.life.tell(reply_to, answer)

    def _check_asked(self, message: m.CheckAccount) -> None:
        self._check.asked(message.reply_to)

    def _set_paper_price(self, message: m.SetPaperPrice) -> None:
        if self._account.is_paper:
            self._exchange.set_price(message.symbol, message.price, message.reply_to)
        else:
            words = f"account {self.name} is not on the paper exchange"
            self.life.tell(message.reply_to, Refused(reason=Reason.EXCHANGE_REFUSED, detail=words))


_HANDLERS: Mapping[type, Callable[[Gateway, Any], None]] = {
    m.SubmitOrders: Gateway._submit,
    m.CancelOrders: Gateway._cancel,
    m.ResolveOrders: Gateway._resolve,
    am.AmendOrders: Gateway._amend,
    am.RetellOrders: Gateway._retell,
    m.SetWatches: Gateway._set_watches,
    am.WantPrices: Gateway._want_prices,
    m.Answered: Gateway._answered,
    m.AnsweredAll: Gateway._answered_all,
    m.LookedUp: Gateway._looked_up,
    m.Streamed: Gateway._streamed,
    m.Quoted: Gateway._quoted,
    m.OpenOrdersFetched: Gateway._open_orders_fetched,
    m.BalancesFetched: Gateway._balances_fetched,
    m.InstrumentsFetched: Gateway._instruments_fetched,
    am.StreamChanged: Gateway._stream_changed,
    am.ClockMeasured: Gateway._clock_measured,
    am.Banned: Gateway._banned,
    am.AccountProbed: Gateway._probed,
    m.Loaded: Gateway._loaded,
    am.ForeignTraded: Gateway._foreign_traded,
    am.FundingPaid: Gateway._funding_paid,
    am.OrderAdopted: Gateway._order_adopted,
    am.ResolveDrift: Gateway._resolve_drift,
    m.TimerFired: Gateway._timer_fired,
    m.SettingsChanged: Gateway._settings_changed,
    m.RefreshInstruments: Gateway._refresh_asked,
    m.CheckAccount: Gateway._check_asked,
    m.DescribeAccount: Gateway._describe,
    m.SetPaperPrice: Gateway._set_paper_price,
}
