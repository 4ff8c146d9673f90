"""From an alert to a signal: key, intent, identity, age (SIG-5, SIG-7)."""

from __future__ import annotations

from decimal import Decimal
from hashlib import sha256

from actors.rules.alert import Alert
from actors.rules.choices import KeyPart
from actors.rules.intent import derive_intent
from actors.rules.model import Instrument, Intent, Key, Reason, Refused, Signal
from actors.rules.money import plain
from actors.rules.settings import AccountSettings, SourceSettings

SHORT_WINDOW_S = 60
"""How long an alert without timestamp, trade id or sender's identifier counts as the same (SIG-7)."""


def make_signal(
    alert: Alert,
    *,
    source: SourceSettings,
    account: AccountSettings,
    instrument: Instrument,
    group_key: tuple[KeyPart, ...],
    signal_id: str,
    receive_time_ms: int,
    idempotency_key: str | None,
    body: str,
) -> Signal:
    """The signal an alert is. `idempotency_key` is the sender's own identifier if it gave one; `body` has no secret."""
    key = Key(
        account=account.name,
        symbol=instrument.symbol,
        timeframe=alert.timeframe,
        strategy=alert.alert_name if KeyPart.STRATEGY in group_key else "",
        source=source.name if KeyPart.SOURCE in group_key else "",
    )
    intent, side = derive_intent(alert, account.market)
    return Signal(
        signal_id=signal_id,
        source=source.name,
        key=key,
        intent=intent,
        side=side,
        entry_price=alert.close_price if alert.entry_price is None else alert.entry_price,
        close_price=alert.close_price,
        order_size=alert.order_size,
        size_type=alert.size_type,
        market_position_size=alert.market_position_size,
        prev_market_position_size=alert.prev_market_position_size,
        stop_loss=alert.stop_loss,
        take_profit=alert.take_profit,
        max_slippage_percent=alert.max_slippage_percent,
        trade_id=alert.trade_id,
        alert_name=alert.alert_name,
        alert_message=alert.alert_message,
        sent_time_ms=alert.sent_time_ms,
        receive_time_ms=receive_time_ms,
        max_age_s=source.max_age_s,
        idempotency_key=identity(alert, intent, key, source.name, idempotency_key),
        idempotency_window_s=window_s(alert, source, idempotency_key),
        body=body,
    )


def identity(alert: Alert, intent: Intent, key: Key, source: str, own: str | None) -> str:
    """What makes two alerts the same one: 64 hexadecimal digits (SIG-7).

    Made of the sender's own identifier if it gave one, which counts within its source only; else of source, key,
    action, intent, trade id, timestamp and prices. Prices count by value: 100 is 100.0.
    """
    if own:
        parts: tuple[str, ...] = ("own", source, own)
    else:
        named = (key.account, key.symbol, key.timeframe, key.strategy, key.source)
        stamp = "" if alert.sent_time_ms is None else str(alert.sent_time_ms)
        prices = (_text(alert.entry_price), _text(alert.close_price))
        parts = ("alert", source, *named, alert.action, intent.value, alert.trade_id, stamp, *prices)
    lengths_and_parts = "".join(f"{len(part)}:{part}" for part in parts)
    return sha256(lengths_and_parts.encode("utf-8", "surrogatepass")).hexdigest()


def window_s(alert: Alert, source: SourceSettings, own: str | None) -> int:
    """How long the same identity means the same alert; short if nothing tells a repeat from a copy (SIG-7)."""
    if own or alert.trade_id or alert.sent_time_ms is not None:
        return source.idempotency_window_s
    return min(SHORT_WINDOW_S, source.idempotency_window_s)


def age_refusal(sent_ms: int | None, receive_ms: int, max_age_s: int, max_ahead_s: int) -> Refused | None:
    """Whether an alert was too old, or too far ahead of our clock, when it arrived; without a timestamp it is neither.

    The bounds themselves pass (SIG-5).
    """
    if sent_ms is None:
        return None
    age_ms = receive_ms - sent_ms
    if age_ms > max_age_s * 1000:
        return Refused(reason=Reason.TOO_OLD, detail=f"sent {age_ms // 1000} s before it arrived, at most {max_age_s}")
    if -age_ms > max_ahead_s * 1000:
        ahead_s = -age_ms // 1000
        return Refused(reason=Reason.TOO_FAR_AHEAD, detail=f"its time is {ahead_s} s ahead, at most {max_ahead_s}")
    return None


def _text(price: Decimal | None) -> str:
    return "" if price is None else plain(price)
