"""The paper exchange's catalogue: precision rules close to a large spot venue's, and sane ones for any other symbol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

from actors.rules.choices import Market
from actors.rules.model import Instrument
from actors.rules.settings import AccountSettings, InstrumentOverride

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Known:
    tick: str
    step: str
    price: str
    """Where a made-up price begins."""


_KNOWN: Mapping[str, _Known] = {
    "BTC": _Known("0.01", "0.00001", "60000"),
    "ETH": _Known("0.01", "0.0001", "3000"),
    "SOL": _Known("0.01", "0.001", "150"),
    "BNB": _Known("0.01", "0.001", "600"),
    "XRP": _Known("0.0001", "0.1", "0.6"),
    "ADA": _Known("0.0001", "0.1", "0.5"),
    "DOGE": _Known("0.00001", "1", "0.15"),
    "LINK": _Known("0.001", "0.01", "15"),
    "AVAX": _Known("0.001", "0.01", "30"),
    "LTC": _Known("0.01", "0.001", "80"),
}
"""Base coins against a dollar."""

_DOLLARS = frozenset({"USDT", "USDC", "USD", "FDUSD", "TUSD", "BUSD", "DAI", "EUR"})
_MIN_NOTIONAL = {"BTC": Decimal("0.0001"), "ETH": Decimal("0.001"), "BNB": Decimal("0.01")}
_DOLLAR_MIN_NOTIONAL = Decimal(5)
_UNKNOWN_TICK = Decimal("0.0001")
_UNKNOWN_STEP = Decimal("0.0001")
_UNKNOWN_PRICE = {"BTC": Decimal("0.001"), "ETH": Decimal("0.02"), "BNB": Decimal("0.1")}
_UNKNOWN_DOLLAR_PRICE = Decimal(100)
_COARSEST_TICK = Decimal("0.01")


def unified_symbol(symbol: str, market: Market) -> str:
    """The account's own form of a symbol: on a swap account `BTC/USDT` means `BTC/USDT:USDT`."""
    if market is Market.SPOT:
        return symbol.partition(":")[0]
    return symbol if ":" in symbol else f"{symbol}:{symbol.partition('/')[2]}"


def paper_instruments(account: AccountSettings, besides: Iterable[str] = ()) -> list[Instrument]:
    """Every symbol of the account, and those it still has orders of, in the order they are named."""
    overrides = _by_symbol(account.instruments, account.market)
    starts = _by_symbol(account.start_prices, account.market)
    return [_instrument(account, symbol, overrides, starts.get(symbol)) for symbol in wanted_symbols(account, besides)]


def live_instruments(
    account: AccountSettings, known: Iterable[Instrument], besides: Iterable[str] = ()
) -> list[Instrument]:
    """Those a real exchange has of the account's symbols, and of those it still has orders of."""
    wanted = wanted_symbols(account, besides)
    return [instrument for instrument in known if instrument.symbol in wanted]


def stand_ins(account: AccountSettings, known: Iterable[Instrument], needed: Iterable[str]) -> list[Instrument]:
    """Rules of our own for what the account has orders of and the real exchange does not know, or not yet."""
    missing = set(needed).difference(instrument.symbol for instrument in known)
    return paper_instruments(replace(account, symbols=()), sorted(missing))


def overridden(account: AccountSettings, instruments: Iterable[Instrument]) -> list[Instrument]:
    """Instruments of a real exchange with the rules that the config sets otherwise."""
    overrides = _by_symbol(account.instruments, account.market)
    return [_with(instrument, overrides.get(instrument.symbol)) for instrument in instruments]


def wanted_symbols(account: AccountSettings, besides: Iterable[str] = ()) -> tuple[str, ...]:
    """The account's, and those it still has orders of, each once."""
    return tuple(dict.fromkeys(unified_symbol(symbol, account.market) for symbol in (*account.symbols, *besides)))


def start_price(account: AccountSettings, instrument: Instrument) -> Decimal:
    """Where a made-up price begins: as configured, else something near what the coin costs."""
    given = given_start_prices(account).get(instrument.symbol)
    if given is not None:
        return given
    known = _KNOWN.get(instrument.base)
    if known is not None and instrument.quote in _DOLLARS:
        return Decimal(known.price)
    return _UNKNOWN_PRICE.get(instrument.quote, _UNKNOWN_DOLLAR_PRICE)


def given_start_prices(account: AccountSettings) -> dict[str, Decimal]:
    return _by_symbol(account.start_prices, account.market)


def _by_symbol(values: Mapping[str, T], market: Market) -> dict[str, T]:
    return {unified_symbol(symbol, market): value for symbol, value in values.items()}


def _instrument(
    account: AccountSettings,
    symbol: str,
    overrides: Mapping[str, InstrumentOverride],
    price: Decimal | None,
) -> Instrument:
    base, _, rest = symbol.partition("/")
    quote = rest.partition(":")[0]
    tick, step = _rules(base, quote, price)
    override = overrides.get(symbol, InstrumentOverride())
    step = _either(override.step_size, step)
    return Instrument(
        account=account.name,
        symbol=symbol,
        venue_symbol=base + quote,
        base=base,
        quote=quote,
        market=account.market,
        tick_size=_either(override.tick_size, tick),
        step_size=step,
        min_quantity=_either(override.min_quantity, step),
        min_notional=_either(override.min_notional, _MIN_NOTIONAL.get(quote, _DOLLAR_MIN_NOTIONAL)),
    )


def _with(instrument: Instrument, override: InstrumentOverride | None) -> Instrument:
    if override is None:
        return instrument
    return replace(
        instrument,
        tick_size=_either(override.tick_size, instrument.tick_size),
        step_size=_either(override.step_size, instrument.step_size),
        min_quantity=_either(override.min_quantity, instrument.min_quantity),
        min_notional=_either(override.min_notional, instrument.min_notional),
    )


def _either(given: Decimal | None, otherwise: Decimal) -> Decimal:
    return otherwise if given is None else given


def _rules(base: str, quote: str, price: Decimal | None) -> tuple[Decimal, Decimal]:
    """Tick and step. Of an unknown coin with a known price: six digits of price, steps worth about a cent to a dime."""
    known = _KNOWN.get(base)
    if known is not None and quote in _DOLLARS:
        return Decimal(known.tick), Decimal(known.step)
    if price is None:
        return _UNKNOWN_TICK, _UNKNOWN_STEP
    magnitude = price.adjusted()
    tick = min(_COARSEST_TICK, Decimal(1).scaleb(magnitude - 5))
    return tick, Decimal(format(Decimal(1).scaleb(min(0, -1 - magnitude)), "f"))
