"""Finds the instrument a ticker means in an account's catalogue (SIG-4).

A ticker is looked up, never taken apart: whether `BTCUSDT` is BTC against USDT is for the catalogue to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from actors.rules.alert_scan import shown
from actors.rules.choices import Market
from actors.rules.model import Instrument, Reason, Refused

_PERPETUAL = ".P"


@dataclass(frozen=True, slots=True)
class SymbolIndex:
    """One account's instruments by every name a sender may use, upper case. Built once per catalogue."""

    _exact: Mapping[str, tuple[Instrument, ...]]
    """By the venue's own name and the unified symbol."""
    _joined: Mapping[str, tuple[Instrument, ...]]
    """By base and quote written together or with a slash, as TradingView has them on every venue."""

    @classmethod
    def build(cls, instruments: Iterable[Instrument]) -> SymbolIndex:
        exact: dict[str, list[Instrument]] = {}
        joined: dict[str, list[Instrument]] = {}
        for instrument in instruments:
            for name in {instrument.venue_symbol.upper(), instrument.symbol.upper()}:
                exact.setdefault(name, []).append(instrument)
            for name in (f"{instrument.base}{instrument.quote}", f"{instrument.base}/{instrument.quote}"):
                joined.setdefault(name.upper(), []).append(instrument)
        return cls(_frozen(exact), _frozen(joined))

    def find(self, name: str) -> tuple[Instrument, ...]:
        """Instruments of this name, in any case: its exact holders, else those whose coins make it up."""
        name = name.upper()
        return self._exact.get(name) or self._joined.get(name) or ()


def _frozen(lists: Mapping[str, list[Instrument]]) -> Mapping[str, tuple[Instrument, ...]]:
    return {name: tuple(found) for name, found in lists.items()}


def find_symbol(
    ticker: str, index: SymbolIndex, *, allow: Iterable[str] = ("*",), deny: Iterable[str] = ()
) -> Instrument | Refused:
    """The active instrument a ticker means, if the account allows it.

    `BINANCE:BTCUSDT.P`: the exchange's name is dropped, `.P` wants a perpetual swap. UNKNOWN_SYMBOL if there is none,
    none active, or more than one; SYMBOL_DENIED by the account's patterns (`*` and `?`), which are held against the
    unified symbol and the venue's own, in any case. `deny` wins.
    """
    found = _lookup(ticker.strip(), index)
    active = [instrument for instrument in found if instrument.active]
    if len(active) != 1:
        return Refused(reason=Reason.UNKNOWN_SYMBOL, detail=f"{shown(ticker)} {_why_not_one(found, active)}")
    instrument = active[0]
    if _matches(instrument, deny) or not _matches(instrument, allow):
        return Refused(
            reason=Reason.SYMBOL_DENIED, detail=f"{instrument.symbol} is not allowed on {instrument.account}"
        )
    return instrument


def _lookup(ticker: str, index: SymbolIndex) -> tuple[Instrument, ...]:
    found = index.find(ticker)
    if found:
        return found
    prefix, colon, rest = ticker.partition(":")
    name = rest if colon and "/" not in prefix else ticker
    if name.upper().endswith(_PERPETUAL) and not index.find(name):
        swaps = index.find(name[: -len(_PERPETUAL)])
        return tuple(instrument for instrument in swaps if instrument.market is Market.SWAP)
    return index.find(name)


def _why_not_one(found: tuple[Instrument, ...], active: list[Instrument]) -> str:
    if active:
        return f"may be {' or '.join(sorted(instrument.symbol for instrument in active))}"
    return "is not active" if found else "is not in the account's catalogue"


def _matches(instrument: Instrument, patterns: Iterable[str]) -> bool:
    names = (instrument.symbol.upper(), instrument.venue_symbol.upper())
    return any(fnmatchcase(name, pattern.upper()) for pattern in patterns for name in names)
