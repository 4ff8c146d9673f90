"""What a change of `strategy` would do: live groups keep theirs (GRP-3), ladders that become too small for the exchange
(PRC-3), waiting signals that would open otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from decimal import Decimal

from actors.rules import ladder, precision
from actors.rules.choices import BelowMinimum, EntryPrice, SizingSource
from actors.rules.ladder import PlanRefused
from actors.rules.model import Intent, Key, Queued, Reason, Side, Signal
from actors.rules.money import plain
from actors.rules.settings import AccountSettings, Settings, StrategySettings
from daemon.config.seen import At, Change, Look, counted, group_name, names, signal_name

MAX_SYMBOLS = 500
"""Instruments whose ladder is tried out."""
MANY_TIMES = 2
"""From here on it is said how many times as much a group takes."""
USUAL_TIMEFRAME = "1h"
"""Tried where no override names one."""

_SHAPES_LADDER = ("levels", "pyramid_levels", "sizing", "entry_order", "overrides")
_TOO_SMALL = (Reason.BELOW_MIN_QUANTITY, Reason.BELOW_MIN_NOTIONAL, Reason.UNSELLABLE_AFTER_FEES)
_AND_THEN = {
    BelowMinimum.REJECT: "their alerts would be rejected",
    BelowMinimum.MERGE: "it would be merged with a larger leg",
    BelowMinimum.SKIP: "it would be left out",
}


def _kept(change: Change, key: str) -> Iterator[str]:
    """Live groups go on as they were opened."""
    touched = [group for group in change.seen.groups if _differs(change, group.key, group.settings, key)]
    if touched:
        keep = "keeps the settings it was" if len(touched) == 1 else "keep the settings they were"
        who = names(group_name(group) for group in touched)
        yield f"{counted(len(touched), 'live group')} {keep} opened with: {who}"


def _waits(change: Change, key: str) -> Iterator[str]:
    """A signal that waits takes the strategy of the day it opens."""
    touched = [
        queued
        for _, queued in change.seen.queued
        if _differs(change, queued.key, _resolved(change.before, queued.key), key)
    ]
    if touched:
        who = names(signal_name(queued) for queued in touched)
        yield f"{counted(len(touched), 'waiting signal')} would open with it: {who}"


def _differs(change: Change, at: Key, had: StrategySettings, key: str) -> bool:
    """Whether a group opened now would be given something else than it has, as far as this key goes."""
    gets = _resolved(change.after, at)
    name = key.removeprefix("strategy.default.").split(".")[0]
    if name in {each.name for each in fields(StrategySettings)}:
        return bool(getattr(had, name) != getattr(gets, name))
    return had != gets


def _resolved(settings: Settings, key: Key) -> StrategySettings:
    return settings.strategy.resolve(key.account, key.symbol, key.timeframe)


# --- how much a group takes -----------------------------------------------------------------------


def _capital(change: Change, key: str) -> Iterator[str]:
    """What a new group would plan with all of its pyramids: a slip of the finger is a hundred times as much."""
    if key.startswith("strategy.default"):
        yield from _planned("a new group", change.before.strategy.default, change.after.strategy.default)
        return
    said: set[str] = set()
    for account, symbol, timeframe in _tried(change):
        was, gets = (
            settings.strategy.resolve(account.name, symbol, timeframe) for settings in (change.before, change.after)
        )
        for words in _planned("", was, gets):
            if words not in said:
                said.add(words)
                yield f"a new group on {account.name} {symbol} {timeframe}{words}"


def _planned(who: str, was: StrategySettings, gets: StrategySettings) -> Iterator[str]:
    before, after = _most(was), _most(gets)
    if before is None or after is None or before == after:
        return
    (amount, unit), (old, old_unit) = after, before
    times = amount / old if unit == old_unit and old else Decimal(0)
    compared = f"{times:.0f} times the {plain(old)} of now" if times >= MANY_TIMES else f"now {plain(old)}{old_unit}"
    yield f"{who} plans {plain(amount)}{unit} with all of its pyramids ({compared})"


def _most(strategy: StrategySettings) -> tuple[Decimal, str] | None:
    """Capital of every pyramid together, and what it is in. None: each alert says its own."""
    sizing = strategy.sizing
    if sizing.source is SizingSource.CONFIG:
        return sum((sizing.capital_of(index) for index in range(strategy.max_pyramids)), Decimal(0)), " in quote"
    if sizing.source is SizingSource.EQUITY_PERCENT and sizing.equity_percent is not None:
        return sizing.equity_percent * strategy.max_pyramids, " % of the equity"
    return None


# --- ladders that are too small -------------------------------------------------------------------


def _too_small(change: Change, key: str) -> Iterator[str]:
    """Symbols on which a leg would be below the exchange's minimum, one sentence per account."""
    if key.startswith("strategy.") and not any(f".{part}" in key for part in _SHAPES_LADDER):
        return
    by_account: dict[str, dict[str, str]] = {}
    for account, symbol, timeframe in _tried(change):
        words = _smallest(change, change.after, account, symbol, timeframe)
        was = change.before.accounts.get(account.name)
        is_old = was is not None and _smallest(change, change.before, was, symbol, timeframe) == words
        if words and not (is_old and key != "precision.below_minimum"):
            by_account.setdefault(account.name, {}).setdefault(symbol, words)
    for name, found in by_account.items():
        first = next(iter(found.values()))
        others = f", and on {names(list(found)[1:])}" if len(found) > 1 else ""
        then = _AND_THEN[change.after.precision.below_minimum]
        yield f"on {name} a leg is too small for {next(iter(found))} ({first}){others}: {then}"


def _tried(change: Change) -> Iterator[tuple[AccountSettings, str, str]]:
    """Accounts and symbols that are in use, with each timeframe for which the config has something of its own."""
    overrides = change.after.strategy.overrides
    timeframes = {override.match.timeframe for override in overrides} - {None} or {USUAL_TIMEFRAME}
    own = {override.match.symbol for override in overrides} - {None}
    in_use = {(group.account, group.symbol) for group in change.seen.groups}
    in_use |= {(queued.key.account, queued.key.symbol) for _, queued in change.seen.queued}
    tried = 0
    for account in change.after.accounts.values():
        symbols = dict.fromkeys((*account.symbols, *(symbol for name, symbol in in_use if name == account.name)))
        symbols |= dict.fromkeys(
            symbol for symbol in own if symbol and (account.name, symbol) in change.seen.instruments
        )
        for symbol in symbols:
            tried += 1
            if tried > MAX_SYMBOLS:
                return
            yield from ((account, symbol, timeframe) for timeframe in sorted(filter(None, timeframes)))


def _smallest(change: Change, settings: Settings, account: AccountSettings, symbol: str, timeframe: str) -> str:
    """What is wrong with the first leg that is too small; empty if none is, or if it cannot be said now."""
    at: At = (account.name, symbol)
    instrument, quote = change.seen.instruments.get(at), precision.usable(change.seen.quotes.get(at))
    strategy = settings.strategy.resolve(account.name, symbol, timeframe)
    if instrument is None or quote is None or not instrument.active:
        return ""
    if strategy.sizing.source is not SizingSource.CONFIG:
        return ""  # Whatever the alert or the account's equity will be then.
    for index in _ladders(strategy):
        planned = ladder.plan(
            side=Side.LONG,
            index=index,
            signal=_example(at, timeframe, change.seen.now_ms),
            settings=strategy,
            instrument=instrument,
            quote=quote,
            entry_price=quote.mid,
            below_minimum=BelowMinimum.REJECT,
            fees=account.fees,
            max_slippage_percent=settings.execution.max_slippage_percent,
        )
        if isinstance(planned, PlanRefused):
            leg = next((leg for leg in planned.legs if leg.reason in _TOO_SMALL), None)
            if leg is not None:
                return f"entry {index}, {leg.detail}" if index else leg.detail
    return ""


def _ladders(strategy: StrategySettings) -> list[int]:
    """The first entry, and the later ones whose ladder or capital is another."""
    others = {*strategy.pyramid_levels, *strategy.sizing.capital_by_pyramid}
    usual = next(index for index in range(len(others) + 1) if index not in others)
    return sorted(index for index in {0, usual, *others} if index < strategy.max_pyramids)


def _example(at: At, timeframe: str, now_ms: int) -> Signal:
    return Signal(
        signal_id="preview",
        source="",
        key=Key(account=at[0], symbol=at[1], timeframe=timeframe),
        intent=Intent.ENTRY,
        side=Side.LONG,
        entry_price=None,
        receive_time_ms=now_ms,
        idempotency_key="preview",
    )


def _at_the_mark(change: Change, _key: str) -> Iterator[str]:
    """`strategy...entry_price: mark` makes an alert's own price count for nothing."""
    if change.after.strategy.default.entry_price is EntryPrice.MARK:
        yield "new groups hang on the current price, whatever price the alert names"


def price_shown(queued: Queued) -> str:
    """The entry price of a waiting signal, for a sentence."""
    return "the mark" if queued.entry_price is None else plain(Decimal(queued.entry_price))


LOOKS: tuple[tuple[str, Look], ...] = (
    ("strategy", _kept),
    ("strategy", _waits),
    ("strategy", _capital),
    ("strategy", _too_small),
    ("strategy.default.entry_price", _at_the_mark),
    ("precision.below_minimum", _too_small),
)
