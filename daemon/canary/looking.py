"""One look of a canary, from the untouched copy to what was found.

The copy's money is read, its store is migrated as at any start, read again; the engine starts on it behind the gates,
reconciles and stops; then the exchanges are asked for the executions of what is held, and everything is compared.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from actors.ports import StoreFault
from actors.rules.settings import AccountSettings
from daemon.canary import compare
from daemon.canary.compare import Difference, Moment, UnknownOrder
from daemon.canary.executions import Execution, PaperMoney, paper_executions, paper_money
from daemon.canary.facts import Facts, FactsFault, Known, known_before, read_facts, read_known
from daemon.canary.folder import CanaryRefused, Copied, time_of_backup
from daemon.canary.report import Report, WouldSend
from daemon.canary.running import Engine, Outcome
from daemon.canary.vault import seen_vault
from daemon.clock import SystemClock
from daemon.config.load import LoadedConfig
from daemon.exchanges.ccxt_exchange import CcxtExchange
from daemon.exchanges.connection import VenueFault
from daemon.exchanges.opening import Connect
from daemon.exchanges.paper_books import books_path
from daemon.exchanges.venues.settling import SetupFault
from daemon.observe.masking import Masker
from daemon.secrets import Resolver
from daemon.store.open import StoreRefused, open_store
from daemon.store.read import Reader
from daemon.store.store import SqlStore

LOOK_BACK_MS = 24 * 3_600_000
"""Executions of so long before the copy are compared."""
PAPER_MARGIN_MS = 15_000
"""A paper exchange tells its fills at once; on a busy machine they are booked a moment later."""
LEAST_MARGIN_MS = 60_000
"""A real one's may come with a sweep."""
MAX_SYMBOLS = 50
"""Instruments of one account whose executions are asked for."""
TRADES_LIMIT_S = 30.0
"""For all of them, of all accounts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """The copy as it was found, and as the migrations left it."""

    before: Facts
    after: Facts
    paper: Mapping[str, PaperMoney | None]
    known: Mapping[str, Known]
    copy_ms: int
    start_ms: int
    installation: str


@dataclass(slots=True)
class _Found:
    differences: list[Difference] = field(default_factory=list)
    later: list[Difference] = field(default_factory=list)
    unknown: list[UnknownOrder] = field(default_factory=list)

    def sort(self, told: Iterable[tuple[bool, Difference]]) -> None:
        for is_later, difference in told:
            (self.later if is_later else self.differences).append(difference)


def look(
    config: LoadedConfig,
    environ: Mapping[str, str],
    copied: Copied,
    timeout_s: float,
    *,
    masker: Masker,
    version: str,
    connect: Connect | None = None,
) -> Report | CanaryRefused | StoreRefused:
    """Blocks. Writes to the copy alone."""
    begun_s, start_ms = time.monotonic(), SystemClock().now_ms()
    try:
        facts = read_facts(copied.store)
        paper = _paper_money(config, copied.folder)
        with ExitStack() as stack:
            store = open_store(copied.url, "normal", copied.folder, reserve_bytes=0)
            if isinstance(store, StoreRefused):
                return store
            stack.callback(store.close)
            reader = Reader(store.source())
            stack.callback(reader.close)
            before = _before(config, copied, store, facts, paper, start_ms)
            engine = _engine(config, environ, store, reader, before, copied.folder, masker, connect)
            engine.start()
            stack.callback(engine.stop)
            outcome = engine.wait(timeout_s)
            told = _executions(config, engine, before, copied.folder)
            return _report(config, copied, engine, before, outcome, told, version, begun_s)
    except (FactsFault, StoreFault, sqlite3.Error) as fault:
        return CanaryRefused(
            problem=f"the copy cannot be used: {fault}", remedy="Restore another backup, and look at it"
        )


def _paper_money(config: LoadedConfig, folder: Path) -> dict[str, PaperMoney | None]:
    accounts = (account for account in config.settings.accounts.values() if account.is_paper)
    return {account.name: paper_money(books_path(folder, account.name)) for account in accounts}


def _before(
    config: LoadedConfig,
    copied: Copied,
    store: SqlStore,
    before: Facts,
    paper: Mapping[str, PaperMoney | None],
    start_ms: int,
) -> Before:
    copy_ms = time_of_backup(before.restored_from) or before.newest_ms
    since_ms = copy_ms - LOOK_BACK_MS
    return Before(
        before=before,
        after=read_facts(copied.store),
        paper=paper,
        known={account: read_known(copied.store, account, since_ms) for account in config.settings.accounts},
        copy_ms=copy_ms,
        start_ms=start_ms,
        installation=store.boot.copy_of or store.boot.installation_id,
    )


def _engine(
    config: LoadedConfig,
    environ: Mapping[str, str],
    store: SqlStore,
    reader: Reader,
    before: Before,
    folder: Path,
    masker: Masker,
    connect: Connect | None,
) -> Engine:
    vault = seen_vault(config.daemon, environ, SystemClock().now_ms)
    return Engine(
        settings=config.settings,
        store=store,
        reader=reader,
        folder=folder,
        environ=environ,
        secrets=Resolver(data_dir=config.daemon.data_dir, environ=environ, vault=vault.get, know=masker.know),
        know_secrets=masker.know,
        needed={name: money.symbols for name, money in before.paper.items() if money is not None},
        connect=connect,
    )


# --- executions -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """Of one account: its executions, and the instruments they are all of; what could not be asked about, and why."""

    executions: tuple[Execution, ...] = ()
    asked: frozenset[str] = frozenset()
    not_asked: tuple[str, ...] = ()


def _executions(config: LoadedConfig, engine: Engine, before: Before, folder: Path) -> dict[str, _Told]:
    limit_s = time.monotonic() + TRADES_LIMIT_S
    since_ms = before.copy_ms - LOOK_BACK_MS
    told: dict[str, _Told] = {}
    for name, gate in engine.gates.items():
        symbols = list(dict.fromkeys(group.symbol for group in engine.groups if group.account == name))
        if config.settings.accounts[name].is_paper:
            asked = frozenset(symbols)
            told[name] = _Told(executions=paper_executions(books_path(folder, name), since_ms), asked=asked)
        elif isinstance(gate.inner, CcxtExchange):
            told[name] = _asked(name, gate.inner, symbols, since_ms, limit_s)
    return told


def _asked(account: str, exchange: CcxtExchange, symbols: Sequence[str], since_ms: int, limit_s: float) -> _Told:
    """What cannot be asked in time is not compared, which is said."""
    found: list[Execution] = []
    asked: set[str] = set()
    missed: list[str] = []
    for number, symbol in enumerate(symbols):
        left_s = limit_s - time.monotonic()
        if left_s <= 0 or number >= MAX_SYMBOLS:
            missed.append(f"account {account}: fills of {symbol}: too many to ask for")
            continue
        try:
            views = exchange.trades_since(symbol, since_ms, left_s)
        except (VenueFault, SetupFault, TimeoutError) as fault:
            missed.append(f"account {account}: fills of {symbol}: {str(fault) or 'no answer in time'}")
            continue
        asked.add(symbol)
        found += (
            Execution(
                client_order_id=view.client_order_id,
                exchange_order_id=view.exchange_order_id,
                symbol=view.symbol,
                trade_id=view.trade.trade_id,
                side=view.side,
                quantity=view.trade.quantity,
                price=view.trade.price,
                time_ms=view.trade.time_ms,
            )
            for view in views
        )
    return _Told(executions=tuple(found), asked=frozenset(asked), not_asked=tuple(missed))


# --- comparing ------------------------------------------------------------------------------------


def _report(
    config: LoadedConfig,
    copied: Copied,
    engine: Engine,
    before: Before,
    outcome: Outcome,
    told: Mapping[str, _Told],
    version: str,
    begun_s: float,
) -> Report:
    found = _Found()
    found.differences += compare.of_migration(before.before, before.after)
    found.differences += compare.of_loading(before.after, engine.groups)
    found.differences += compare.of_books(before.before)
    found.differences += [
        Difference(what="engine", where="the engine on the copy", copy="", now=trouble) for trouble in outcome.troubles
    ]
    for name in engine.gates:
        account = config.settings.accounts[name]
        if account.is_paper:
            now = paper_money(books_path(copied.folder, name))
            found.differences += compare.of_paper(name, before.paper.get(name), now)
        _compare_account(found, account, copied.store, engine, before, outcome, told.get(name, _Told()))
    return Report(
        version=version,
        schema=before.after.schema,
        copy_ms=before.copy_ms,
        is_ready=outcome.is_ready,
        why=outcome.why,
        took_ms=round((time.monotonic() - begun_s) * 1000),
        accounts=outcome.accounts,
        groups=outcome.groups,
        would_send=tuple(
            WouldSend(
                account=name, held=held, is_there=held.what == "submit" and held.order.client_order_id in its.reports
            )
            for name, its in outcome.seen.items()
            for held in its.held.values()
        ),
        would_send_more=sum(its.held_more for its in outcome.seen.values()),
        blocked=outcome.blocked,
        unknown_orders=tuple(found.unknown),
        not_compared=tuple(words for its in told.values() for words in its.not_asked),
        differences=tuple(found.differences),
        later=tuple(found.later),
        standing=tuple(
            Difference(
                what=drift.kind.value,
                where=f"account {drift.account}: {drift.subject}",
                copy=drift.expected,
                now=drift.actual,
            )
            for drift in engine.standing.values()
        ),
    )


def _compare_account(
    found: _Found,
    account: AccountSettings,
    store: Path,
    engine: Engine,
    before: Before,
    outcome: Outcome,
    told: _Told,
) -> None:
    name = account.name
    seen, known, moment = outcome.seen[name], before.known[name], _moment(account, engine, before)
    installation = before.installation
    found.sort(compare.of_orders(name, before.after.open_orders.values(), seen, moment))
    found.sort(compare.of_executions(name, known, told.executions, moment, installation))
    found.differences += compare.of_fills(
        name, known, told.executions, told.asked, before.copy_ms - LOOK_BACK_MS + moment.margin_ms
    )
    found.sort(compare.of_drifts(name, outcome.drifts, engine.standing, known, told.executions, moment))
    names = [report.client_order_id for report in seen.listed]
    is_known = {each for each in names if each in known.ids or known_before(store, each, before.start_ms)}
    for order in compare.unknown_orders(name, seen.listed, is_known, moment, installation):
        found.unknown.append(order)
        if not order.is_later:
            found.differences.append(
                Difference(
                    what="unknown order",
                    where=f"account {name}: order {order.client_order_id}",
                    copy=compare.NOTHING,
                    now=f"open, {order.side} {order.quantity} {order.symbol} at {order.price or 'market'}",
                )
            )


def _moment(account: AccountSettings, engine: Engine, before: Before) -> Moment:
    sweep_ms = 2_000 * engine.sweep_interval_s
    margin_ms = PAPER_MARGIN_MS if account.is_paper else max(LEAST_MARGIN_MS, sweep_ms)
    return Moment(copy_ms=before.copy_ms, margin_ms=margin_ms)
