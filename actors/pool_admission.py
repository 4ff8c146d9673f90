"""Whether an entry may go out now: Pool's view of the world put before the pure rules (POOL-3, POOL-5, PRC-4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from actors.pool_books import LiveGroup, PoolBooks
from actors.ports import Catalogue, Marks
from actors.rules import ladder, limits, ranking
from actors.rules.choices import Market, OnMissing, PositionMode, PromoteAt, SizingSource
from actors.rules.model import (
    ZERO,
    Instrument,
    Key,
    LadderPlan,
    Queued,
    Quote,
    Reason,
    Refused,
    Side,
    Signal,
)
from actors.rules.precision import is_recent
from actors.rules.settings import AccountSettings, Settings, StrategySettings

HeldBack = Callable[[Key, bool, int, bool], Refused | None]
"""(key, opens a group, now, a person wants it in all the same) -> why a loss limit or a cool-down makes it wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """An entry that may be sent: its ladder and everything the group is opened with."""

    side: Side
    plan: LadderPlan
    settings: StrategySettings
    instrument: Instrument
    over_limit: bool = False
    """It opens over the pool limit, by a person's force (POOL-2)."""


class Admissions:
    """Reads the books, the boards and the config in force; decides with `rules.ladder` and `rules.limits`."""

    def __init__(
        self,
        books: PoolBooks,
        marks: Marks,
        catalogue: Catalogue,
        settings: Callable[[], Settings],
        held_back: HeldBack = lambda _key, _new_group, _now_ms, _no_limits: None,
    ) -> None:
        self._books = books
        self._held_back = held_back
        self._marks = marks
        self._catalogue = catalogue
        self._settings = settings

    def market(self, account: str) -> Market:
        return self._account(account).market

    def closed_accounts(self) -> frozenset[str]:
        """Accounts on which no entry can go now, whatever it is."""
        known = self._books.accounts.items()
        return frozenset(name for name, account in known if not account.ready or self._books.account_paused(name))

    def held_keys(self) -> frozenset[Key]:
        """Waiting keys whose instrument is held: the exchange and the store differ about it (ORD-7)."""
        held = {name: account.held_symbols for name, account in self._books.accounts.items() if account.held_symbols}
        if not held:
            return frozenset()
        return frozenset(key for key in self._books.waiting if key.symbol in held.get(key.account, ()))

    def open(
        self,
        signal: Signal,
        *,
        now_ms: int,
        leaving: Queued | None,
        force: bool = False,
        no_exposure: bool = False,
        no_limits: bool = False,
    ) -> Admitted | Refused:
        """A new group for this signal, or why not now (or not at all)."""
        settings = self._settings()
        key, side = signal.key, signal.side
        assert side is not None
        strategy = settings.strategy.resolve(key.account, key.symbol, key.timeframe)
        instrument = self._instrument(key.account, key.symbol)
        if isinstance(instrument, Refused):
            return instrument
        plan = self._plan(signal, side, 0, strategy, instrument, now_ms, promoted=leaving is not None)
        if isinstance(plan, Refused):
            return plan
        usage = self._usage(signal, instrument, now_ms, new_group=True, no_limits=no_limits)
        refused = limits.admit(
            self._admission(signal, instrument, plan, new_group=True, force=force, no_exposure=no_exposure),
            usage,
            settings.pool,
            settings.limits,
        )
        if refused is not None:
            return refused
        over_limit = force and limits.is_full(usage, settings.pool)
        return Admitted(side=side, plan=plan, settings=strategy, instrument=instrument, over_limit=over_limit)

    def pyramid(
        self,
        signal: Signal,
        live: LiveGroup,
        *,
        now_ms: int,
        no_exposure: bool = False,
        no_limits: bool = False,
    ) -> Admitted | Refused:
        """One more pyramid of a live group, by the settings it was opened with (PYR-1).

        At `max_pyramids` nothing is checked: the group itself ignores it (PYR-2).
        """
        settings = self._settings()
        instrument = self._catalogue.instrument(signal.key.account, signal.key.symbol) or live.instrument
        index = live.told.pyramid_count
        side = live.told.side
        if index >= live.settings.max_pyramids:
            empty = LadderPlan(entry_price=ZERO, capital=ZERO, legs=(), notional=ZERO)
            return Admitted(side=side, plan=empty, settings=live.settings, instrument=instrument)
        plan = self._plan(signal, side, index, live.settings, instrument, now_ms)
        if isinstance(plan, Refused):
            return plan
        refused = limits.admit(
            self._admission(signal, instrument, plan, new_group=False, force=False, no_exposure=no_exposure),
            self._usage(signal, instrument, now_ms, new_group=False, no_limits=no_limits),
            settings.pool,
            settings.limits,
        )
        if refused is not None:
            return refused
        return Admitted(side=side, plan=plan, settings=live.settings, instrument=instrument)

    def obstacles(self, signal: Signal, live: LiveGroup | None, *, now_ms: int) -> tuple[Refused, ...]:
        """Everything in the way of an entry now, as a pyramid of `live` or as a new group; for who only looks."""
        key, side = signal.key, live.told.side if live else signal.side
        assert side is not None
        if live is not None and live.told.pyramid_count >= live.settings.max_pyramids:
            return ()
        strategy = live.settings if live else self._settings().strategy.resolve(key.account, key.symbol, key.timeframe)
        instrument = self._instrument(key.account, key.symbol)
        if isinstance(instrument, Refused):
            return (instrument,)
        plan = self._plan(signal, side, live.told.pyramid_count if live else 0, strategy, instrument, now_ms)
        refused = [plan] if isinstance(plan, Refused) else []
        if isinstance(plan, Refused):
            plan = LadderPlan(entry_price=ZERO, capital=ZERO, legs=(), notional=ZERO)
        ask = self._admission(signal, instrument, plan, new_group=live is None, force=False, no_exposure=False)
        usage = self._usage(signal, instrument, now_ms, new_group=live is None, no_limits=False)
        return (*refused, *limits.obstacles(ask, usage, self._settings().pool, self._settings().limits))

    def promoted(self, queued: Queued) -> Signal:
        """The signal of a queue entry as it enters now: at its own price, or without one, at the mark (QUE-3)."""
        if self._settings().queue.promote_at is PromoteAt.MARK:
            return replace(queued.signal, entry_price=None, close_price=None)
        return queued.signal

    def stale(self, queued: Queued, now_ms: int) -> Refused | None:
        """Whether it waited too long, or its price ran away, as the Queue judges what it offers (QUE-3)."""
        quote = self._fresh(queued.key.account, queued.key.symbol, now_ms)
        return ranking.refuse_stale(queued, now_ms, quote, self._settings().queue)

    def expected_profit(self, signal: Signal, now_ms: int) -> Decimal | None:
        """QUE-7: what the ladder would bring at the queued entry price, if it can be planned at all."""
        settings, key = self._settings(), signal.key
        live = self._books.live(key)
        strategy = live.settings if live else settings.strategy.resolve(key.account, key.symbol, key.timeframe)
        instrument = self._instrument(key.account, key.symbol)
        if isinstance(instrument, Refused) or signal.side is None:
            return None
        index = live.told.pyramid_count if live and live.told.side is signal.side else 0
        plan = self._plan(signal, signal.side, index, strategy, instrument, now_ms)
        if isinstance(plan, Refused):
            return None
        return ladder.expected_profit(plan, strategy, signal.side, instrument, index=index)

    # --- the pieces -------------------------------------------------------------------------------

    def _plan(
        self,
        signal: Signal,
        side: Side,
        index: int,
        strategy: StrategySettings,
        instrument: Instrument,
        now_ms: int,
        promoted: bool = False,
    ) -> LadderPlan | Refused:
        settings = self._settings()
        quote = self._fresh(signal.key.account, signal.key.symbol, now_ms)
        at = settings.queue.promote_at if promoted else None
        entry_price = ladder.resolve_entry_price(signal, strategy, quote, promote_at=at)
        if isinstance(entry_price, Refused):
            return entry_price
        return ladder.plan(
            side=side,
            index=index,
            signal=signal,
            settings=strategy,
            instrument=instrument,
            quote=quote,
            entry_price=entry_price,
            below_minimum=settings.precision.below_minimum,
            fees=self._account(signal.key.account).fees,
            max_slippage_percent=_slippage(signal, settings),
            equity=self._equity_if_asked(strategy, signal.key.account, instrument.quote, now_ms),
        )

    def _instrument(self, account: str, symbol: str) -> Instrument | Refused:
        """PRC-4: without metadata the signal waits, or the config's fallback rules stand in."""
        instrument = self._catalogue.instrument(account, symbol)
        if instrument is not None and instrument.tick_size > 0 and instrument.step_size > 0:
            return instrument
        precision = self._settings().precision
        if instrument is None or precision.on_missing is OnMissing.HOLD:
            return Refused(reason=Reason.PRECISION_MISSING, detail=f"no precision rules of {symbol} are known yet")
        fallback = precision.fallback
        return replace(
            instrument,
            tick_size=fallback.tick_size,
            step_size=fallback.step_size,
            min_quantity=fallback.min_quantity,
            min_notional=fallback.min_notional,
        )

    def _admission(
        self,
        signal: Signal,
        instrument: Instrument,
        plan: LadderPlan,
        *,
        new_group: bool,
        force: bool,
        no_exposure: bool,
    ) -> limits.Admission:
        account = self._account(signal.key.account)
        return limits.Admission(
            new_group=new_group,
            planned=self._in_reporting(plan.capital, instrument.quote),
            margin=plan.notional / account.leverage if account.market is Market.SWAP else plan.notional,
            ignore_pool_limit=force,
            ignore_exposure_limit=no_exposure,
        )

    def _usage(
        self, signal: Signal, instrument: Instrument, now_ms: int, *, new_group: bool, no_limits: bool
    ) -> limits.Usage:
        books, key = self._books, signal.key
        assert signal.side is not None
        account = self._account(key.account)
        known = books.accounts.get(key.account)
        balance = known.balances.get(instrument.quote) if known else None
        beside = books.on_symbol(key.account, key.symbol, signal.side)
        against = books.on_symbol(key.account, key.symbol, signal.side.opposite)
        one_way = account.market is Market.SWAP and account.position_mode is PositionMode.ONE_WAY
        leverage = account.leverage if account.market is Market.SWAP else 1
        return limits.Usage(
            engine_paused=books.paused,
            account_paused=books.account_paused(key.account),
            account_ready=known is not None and known.ready,
            account_detail=known.detail if known else "not connected yet",
            instrument_held=known is not None and key.symbol in known.held_symbols,
            held_back=self._held_back(key, new_group, now_ms, no_limits),
            slots=books.taken(key),
            account_slots=books.taken_on(key.account, key),
            account_max_open_groups=account.max_open_groups,
            groups_on_symbol=beside + against,
            opposite_on_instrument=one_way and against > 0,
            exposure=sum((self._in_reporting(value, quote) for quote, value in books.planned().items()), ZERO),
            free=(balance.total if balance else ZERO) - books.reserved(key.account, instrument.quote) / leverage,
        )

    def _fresh(self, account: str, symbol: str, now_ms: int) -> Quote | None:
        """The mark, unless it is too old to decide by (ORD-10)."""
        quote = self._marks.quote(account, symbol)
        most_s = self._settings().execution.max_quote_age_s
        return quote if quote is not None and is_recent(quote, now_ms, most_s) else None

    def _equity_if_asked(self, strategy: StrategySettings, account: str, quote: str, now_ms: int) -> Decimal | None:
        by_equity = strategy.sizing.source is SizingSource.EQUITY_PERCENT
        return self._equity(account, quote, now_ms) if by_equity else None

    def _equity(self, account: str, quote: str, now_ms: int) -> Decimal | None:
        """Balances of the account valued in `quote` at fresh marks; None if one of them has no price."""
        known = self._books.accounts.get(account)
        if known is None:
            return None
        total = ZERO
        for asset, balance in known.balances.items():
            if asset == quote:
                total += balance.total
            elif balance.total:
                price = self._fresh(account, f"{asset}/{quote}", now_ms)
                if price is None:
                    return None
                total += balance.total * price.mid
        return total

    def _in_reporting(self, amount: Decimal, quote: str) -> Decimal:
        """Value in the reporting currency at any account's mark; one for one where there is none."""
        currency = self._settings().engine.reporting_currency
        if quote == currency or not amount:
            return amount
        for account in self._settings().accounts:
            mark = self._marks.quote(account, f"{quote}/{currency}")
            if mark is not None:
                return amount * mark.mid
        return amount

    def _account(self, name: str) -> AccountSettings:
        return self._settings().accounts.get(name) or AccountSettings(name=name)


def _slippage(signal: Signal, settings: Settings) -> Decimal:
    """The signal's own bound, also of zero, else the config's."""
    own = signal.max_slippage_percent
    return settings.execution.max_slippage_percent if own is None else own
