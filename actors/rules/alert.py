"""An alert's body, decoded and mapped to the wire fields, read as values (SIG-1, SIG-2, SIG-3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from actors.rules.alert_fields import FieldReader
from actors.rules.alert_scan import SECRET, Fault, limited, scan, shown
from actors.rules.model import Side, SizeType
from actors.rules.money import HUNDRED
from actors.rules.timeframes import normal_timeframe

_ACTIONS = ("buy", "sell", "long", "short")
_POSITIONS = ("long", "short", "flat")
_INTENTS = ("signal", "exit", "reduce", "reverse")
_SIZES = tuple(size.value for size in SizeType)


class MarketPosition(StrEnum):
    """A strategy's position as the alert tells it."""

    LONG = "long"
    SHORT = "short"
    FLAT = "flat"

    @property
    def side(self) -> Side | None:
        return None if self is MarketPosition.FLAT else Side(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One well-formed alert, nothing looked up yet. None and empty strings: the sender did not say."""

    source: str = ""
    exchange: str
    symbol: str
    """The ticker as it was sent; see `symbols`."""
    timeframe: str
    """Normalised."""
    action: str
    """`buy`, `sell`, `long` or `short`."""
    sent_time_ms: int | None = None
    market_position: MarketPosition | None = None
    prev_market_position: MarketPosition | None = None
    market_position_size: Decimal | None = None
    """Without sign, like the previous one: a strategy's own variable is negative for a short."""
    prev_market_position_size: Decimal | None = None
    entry_price: Decimal | None = None
    close_price: Decimal | None = None
    order_size: Decimal | None = None
    trade_id: str = ""
    alert_name: str = ""
    alert_message: str = ""
    intent: str = "signal"
    """`signal`, `exit`, `reduce` or `reverse`, as sent."""
    intent_side: str = ""
    """As `action`; empty if not given."""
    size_type: SizeType = SizeType.CONTRACTS
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    max_slippage_percent: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFaults:
    """Why a body is no alert: every faulty field, at least one."""

    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        return "; ".join(str(fault) for fault in self.faults)


def read_alert(body: object) -> Alert | AlertFaults:
    """Reads a decoded body: a mapping, numbers as Decimal or int (a float counts as its shortest decimal form).

    Unknown fields are ignored but for what SIG-2 forbids anywhere. Never raises, whatever the JSON holds.
    The secret is not part of the result and never of a fault.
    """
    if not isinstance(body, Mapping):
        return AlertFaults(faults=(Fault(path="", problem="must be a JSON object"),))
    everywhere = list(scan(body))
    fields = FieldReader(body, frozenset(fault.path for fault in everywhere))
    alert = _read(fields)
    faults = everywhere + fields.faults
    return AlertFaults(faults=limited(faults)) if faults or alert is None else alert


def _read(fields: FieldReader) -> Alert | None:
    for section in ("tv", "strategy_info", "execution_intent", "risk"):
        fields.section(section)
    fields.text(SECRET)
    fields.word("execution_intent.precision_mode", ("auto",))
    # Required fields come last, so that every other one has been judged when one of them is missing.
    optional: dict[str, Any] = {
        "source": fields.text("source") or "",
        "sent_time_ms": fields.time_ms("timestamp"),
        "market_position": _position(fields, "tv.market_position"),
        "prev_market_position": _position(fields, "tv.prev_market_position"),
        "market_position_size": _size(fields, "tv.market_position_size"),
        "prev_market_position_size": _size(fields, "tv.prev_market_position_size"),
        "entry_price": fields.price("tv.entry_price"),
        "close_price": fields.price("tv.close_price"),
        "order_size": fields.amount("tv.order_size"),
        "trade_id": fields.text("strategy_info.trade_id") or "",
        "alert_name": fields.text("strategy_info.alert_name") or "",
        "alert_message": fields.text("strategy_info.alert_message", limit=None) or "",
        "intent": fields.word("execution_intent.type", _INTENTS) or "signal",
        "intent_side": fields.word("execution_intent.side", _ACTIONS) or "",
        "size_type": SizeType(fields.word("execution_intent.position_size_type", _SIZES) or SizeType.CONTRACTS),
        "stop_loss": fields.price("risk.stop_loss"),
        "take_profit": fields.price("risk.take_profit"),
        "max_slippage_percent": fields.amount("risk.max_slippage_percent", most=HUNDRED),
    }
    exchange = fields.text("tv.exchange", required=True)
    symbol = fields.text("tv.symbol", required=True)
    timeframe = _timeframe(fields)
    action = fields.word("tv.action", _ACTIONS, required=True)
    if exchange is None or symbol is None or timeframe is None or action is None:
        return None
    return Alert(exchange=exchange, symbol=symbol, timeframe=timeframe, action=action, **optional)


def _position(fields: FieldReader, path: str) -> MarketPosition | None:
    word = fields.word(path, _POSITIONS)
    return MarketPosition(word) if word else None


def _size(fields: FieldReader, path: str) -> Decimal | None:
    number = fields.number(path)
    return None if number is None else abs(number)


def _timeframe(fields: FieldReader) -> str | None:
    text = fields.text("tv.timeframe", required=True)
    if text is None:
        return None
    timeframe = normal_timeframe(text)
    if timeframe is None:
        fields.fault("tv.timeframe", f"is not a timeframe: {shown(text)} (15, 240, 30S, D, W, 1M, 15m, 4h, ...)")
    return timeframe
