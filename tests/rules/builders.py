"""Values for tests of the rules, with everything filled in that a test does not care about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors.rules.alert import Alert, read_alert
from actors.rules.choices import Market
from actors.rules.model import Instrument, Intent, Key, Queued, Quote, Reason, Side, Signal, Trade
from actors.rules.settings import LegSettings, SizingSettings, StrategySettings

NOW_MS = 1_750_000_000_000
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the folder of recorded data is not here")

D = Decimal

_SPOT = Instrument(
    account="paper",
    symbol="BTC/USDT",
    venue_symbol="BTCUSDT",
    base="BTC",
    quote="USDT",
    market=Market.SPOT,
    tick_size=D("0.01"),
    step_size=D("0.001"),
    min_quantity=D("0.001"),
    min_notional=D("5"),
)
_SWAP = replace(_SPOT, account="perp", symbol="BTC/USDT:USDT", market=Market.SWAP)


def spot(**changes: Any) -> Instrument:
    """BTC/USDT with tick 0.01, step 0.001, least quantity 0.001 and least notional 5."""
    return replace(_SPOT, **changes)


def swap(**changes: Any) -> Instrument:
    """The same as a perpetual swap."""
    return replace(_SWAP, **changes)


def quote(price: str, spread: str = "0", time_ms: int = NOW_MS) -> Quote:
    half = D(spread) / 2
    return Quote(bid=D(price) - half, ask=D(price) + half, time_ms=time_ms)


def key(symbol: str = "BTC/USDT", timeframe: str = "1h", account: str = "paper") -> Key:
    return Key(account=account, symbol=symbol, timeframe=timeframe)


def signal(intent: Intent = Intent.ENTRY, side: Side | None = Side.LONG, **changes: Any) -> Signal:
    made = Signal(
        signal_id="signal-1",
        source="tradingview",
        key=key(),
        intent=intent,
        side=side,
        entry_price=D(100),
        sent_time_ms=NOW_MS,
        receive_time_ms=NOW_MS,
        idempotency_key="id-1",
    )
    return replace(made, **changes)


def queued(
    number: int = 1,
    *,
    entry: str | None = "100",
    side: Side = Side.LONG,
    symbol: str = "BTC/USDT",
    timeframe: str | None = None,
    **changes: Any,
) -> Queued:
    """A waiting signal; `number` makes its id and, if no timeframe is given, its key."""
    price = None if entry is None else D(entry)
    made = Queued(
        signal=signal(
            side=side,
            signal_id=f"signal-{number:05d}",
            key=key(symbol, timeframe or f"{number}m"),
            entry_price=price,
        ),
        side=side,
        entry_price=price,
        wait_reason=Reason.POOL_FULL,
        first_queue_time_ms=NOW_MS + number,
        queue_time_ms=NOW_MS + number,
    )
    return replace(made, **changes)


def trade(quantity: str, price: str, fee: str = "0", fee_asset: str = "USDT", fee_value: str | None = None) -> Trade:
    return Trade(
        trade_id="t1",
        quantity=D(quantity),
        price=D(price),
        fee=D(fee),
        fee_asset=fee_asset,
        fee_value=D(fee if fee_value is None else fee_value),
        time_ms=NOW_MS,
    )


def levels(*rows: tuple[str, str, str]) -> tuple[LegSettings, ...]:
    """Legs from (gap, weight, target) rows."""
    return tuple(
        LegSettings(gap_percent=D(gap), weight_percent=D(weight), tp_percent=D(target)) for gap, weight, target in rows
    )


def strategy(capital: str = "1000", **changes: Any) -> StrategySettings:
    """The shipped ladder (five legs of 20 %) with this capital."""
    return StrategySettings(**{"sizing": SizingSettings(capital_per_pyramid=D(capital)), **changes})


def body(**sections: Any) -> dict[str, Any]:
    """A small well-formed alert; a section given is merged into its own."""
    made: dict[str, Any] = {
        "secret": "s3cret",
        "source": "tradingview",
        "timestamp": "2025-06-15T15:06:40Z",
        "tv": {"exchange": "BINANCE", "symbol": "BTCUSDT", "timeframe": "60", "action": "buy", "entry_price": "100"},
    }
    for name, section in sections.items():
        made[name] = {**made.get(name, {}), **section} if isinstance(section, Mapping) else section
    return made


def alert(**sections: Any) -> Alert:
    """`body` as read; it must be well-formed."""
    read = read_alert(body(**sections))
    assert isinstance(read, Alert), str(read)
    return read
