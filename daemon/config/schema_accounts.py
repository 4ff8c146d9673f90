"""Schema of `accounts` and `sources`. Which of the two account models holds is decided by `exchange`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from actors.rules.settings import (
    AccountSettings,
    FeePaidIn,
    FeeSettings,
    FillRule,
    InstrumentOverride,
    MarginMode,
    Market,
    PaperPrices,
    PositionMode,
)
from daemon.config.fault import did_you_mean
from daemon.config.kinds import Amount, Expression, Kind, Network, SecretReference, Text, Whole, Word, found, refuse
from daemon.config.schema_strategy import YEARS_S
from daemon.config.section import ASSET, FILE, FLAG, NAME, Section

PAPER = "paper"
EXCHANGES = ("binance", "binanceusdm", "bybit", "okx", "kucoin", "mexc", "gate")
MAX_ACCOUNTS = 100
MAX_SOURCES = 1000
MAX_SYMBOLS = 5000
MAX_OPEN_GROUPS = 100_000

SIGNAL_FIELDS = (
    "secret",
    "source",
    "timestamp",
    "tv.exchange",
    "tv.symbol",
    "tv.timeframe",
    "tv.action",
    "tv.market_position",
    "tv.prev_market_position",
    "tv.market_position_size",
    "tv.prev_market_position_size",
    "tv.entry_price",
    "tv.close_price",
    "tv.order_size",
    "strategy_info.trade_id",
    "strategy_info.alert_name",
    "strategy_info.alert_message",
    "execution_intent.type",
    "execution_intent.side",
    "execution_intent.position_size_type",
    "execution_intent.precision_mode",
    "risk.stop_loss",
    "risk.take_profit",
    "risk.max_slippage_percent",
)
"""Fields of the wire format that a source may map its own JSON to (SIG-13)."""

SYMBOL = Text("a unified symbol, such as BTC/USDT or BTC/USDT:USDT", r"[^\s/:]+/[^\s/:]+(:[^\s/:]+)?", 64)
PATTERN = Text("a symbol pattern, such as */USDT", r"\S+", 64)
PRICE = Amount("0", "1000000000000", "in quote", above=True)
SPREAD = Amount("0", "50", "%")
FEE = Amount("-1", "10", "%")
STEP = Amount("0", "1000000000", "", above=True)


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(values) > MAX_SYMBOLS:
        raise refuse(f"{len(values)} entries", f"at most {MAX_SYMBOLS}")
    twice = sorted({value for value in values if values.count(value) > 1}) if len(set(values)) < len(values) else []
    if twice:
        raise refuse(f"{twice[0]} stands here twice")
    return values


Symbols = Annotated[tuple[Annotated[str, SYMBOL], ...], AfterValidator(_distinct)]
Patterns = Annotated[tuple[Annotated[str, PATTERN], ...], AfterValidator(_distinct)]


Urls = dict[Annotated[str, Text("rest or ws", "rest|ws")], Annotated[str, Text("a URL", r"(https?|wss?)://\S+")]]


class FeesModel(Section):
    builds: ClassVar[type[Any] | None] = FeeSettings

    maker_percent: Annotated[Decimal, FEE] = Decimal("0.10")
    taker_percent: Annotated[Decimal, FEE] = Decimal("0.10")
    paid_in: Annotated[FeePaidIn, Word(FeePaidIn)] = FeePaidIn.BASE


class InstrumentModel(Section):
    builds: ClassVar[type[Any] | None] = InstrumentOverride

    tick_size: Annotated[Decimal, STEP] | None = None
    step_size: Annotated[Decimal, STEP] | None = None
    min_quantity: Annotated[Decimal, Amount("0", "1000000000")] | None = None
    min_notional: Annotated[Decimal, Amount("0", "1000000000", "in quote")] | None = None


class _Account(Section):
    """Keys of every account."""

    market: Annotated[Market, Word(Market)] = Market.SPOT
    leverage: Annotated[int, Whole(1, 125)] = 1
    margin_mode: Annotated[MarginMode, Word(MarginMode)] = MarginMode.ISOLATED
    position_mode: Annotated[PositionMode, Word(PositionMode)] = PositionMode.ONE_WAY
    max_open_groups: Annotated[int, Whole(1, MAX_OPEN_GROUPS)] | None = None
    allow: Patterns = ("*",)
    deny: Patterns = ()


class PaperAccountModel(_Account):
    """An account of the paper exchange (PAPER)."""

    exchange: Annotated[str, Text("paper", PAPER)] = PAPER
    prices: Annotated[PaperPrices, Word(PaperPrices)] = PaperPrices.SYNTHETIC
    candles: Annotated[str, FILE] | None = None
    speed: Annotated[Decimal, Amount("0", "1000000", "times real time", above=True)] = Decimal(60)
    price_source: Annotated[str, Text("an exchange's name", "|".join(EXCHANGES))] = "binance"
    urls: Urls = Field(default_factory=dict)
    """Of the price source."""
    symbols: Symbols | None = None
    """None: ten well-known ones of the market."""
    start_prices: dict[Annotated[str, SYMBOL], Annotated[Decimal, PRICE]] = Field(default_factory=dict)
    instruments: dict[Annotated[str, SYMBOL], InstrumentModel] = Field(default_factory=dict)
    balances: dict[Annotated[str, ASSET], Annotated[Decimal, Amount("0", "1000000000000000")]] = Field(
        default_factory=lambda: {"USDT": Decimal(100_000)}
    )
    fees: FeesModel = Field(default_factory=FeesModel)
    fill: Annotated[FillRule, Word(FillRule)] = FillRule.CROSS
    spread_percent: Annotated[Decimal, SPREAD] = Decimal("0.01")
    slippage_percent: Annotated[Decimal, SPREAD] = Decimal(0)
    latency_ms: Annotated[int, Whole(0, 60_000, "ms")] = 0
    seed: Annotated[int, Whole(0, 2**63 - 1)] = 1


class ExchangeAccountModel(_Account):
    """An account of a real exchange."""

    exchange: Annotated[str, Text("an exchange's name", "|".join(EXCHANGES))]
    testnet: Annotated[bool, FLAG] = False
    api_key: Annotated[str, SecretReference()] | None = None
    api_secret: Annotated[str, SecretReference()] | None = None
    passphrase: Annotated[str, SecretReference()] | None = None
    allow_withdraw: Annotated[bool, FLAG] = False
    urls: Urls = Field(default_factory=dict)


def default_symbols(market: Market) -> tuple[str, ...]:
    """The symbols of a paper account that names none; on a swap account the perpetual swaps on the same coins."""
    spot = AccountSettings(name=PAPER).symbols
    return spot if market is Market.SPOT else tuple(f"{symbol}:{symbol.partition('/')[2]}" for symbol in spot)


class SignalField(Text):
    """A field of the wire format as a key of `map`."""

    def check(self, value: object) -> str:
        if isinstance(value, str) and value in SIGNAL_FIELDS:
            return value
        raise refuse(f"not a field of a signal{did_you_mean(str(value), SIGNAL_FIELDS)}", *SIGNAL_FIELDS)


@dataclass(frozen=True)
class Moment(Kind):
    """An ISO 8601 time with its zone, kept as text in UTC."""

    def check(self, value: object) -> str:
        try:
            time = datetime.fromisoformat(value) if isinstance(value, str) else value
        except ValueError:
            time = None
        if not isinstance(time, datetime) or time.tzinfo is None:
            raise refuse(f"must be a time with its zone, {found(value)}", "2026-12-01T00:00:00Z")
        return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class SourceModel(Section):
    """One sender of signals (SIG-5, SIG-7, SIG-8, SIG-13)."""

    secret: Annotated[str, SecretReference()] | None = None
    hmac_secret: Annotated[str, SecretReference()] | None = None
    previous_secret: Annotated[str, SecretReference()] | None = None
    previous_hmac_secret: Annotated[str, SecretReference()] | None = None
    previous_until: Annotated[str, Moment()] | None = None
    allow_addresses: tuple[Annotated[str, Network()], ...] = ()
    max_age_s: Annotated[int, Whole(1, YEARS_S, "s")] = 300
    max_ahead_s: Annotated[int, Whole(0, YEARS_S, "s")] = 60
    idempotency_window_s: Annotated[int, Whole(1, YEARS_S, "s")] = 86_400
    rate_per_minute: Annotated[int, Whole(1, 10_000_000, "signals a minute")] = 6000
    burst: Annotated[int, Whole(1, 1_000_000, "signals")] = 1000
    map: dict[Annotated[str, SignalField("a field of a signal")], Annotated[str, Expression()]] = Field(
        default_factory=dict
    )


AccountName = Annotated[str, NAME]
