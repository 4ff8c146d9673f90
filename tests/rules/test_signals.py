"""From an alert to a signal: key, identity, age."""

from __future__ import annotations

from typing import Any

import pytest

from actors.rules.alert import Alert
from actors.rules.choices import KeyPart, Market
from actors.rules.model import Intent, Key, Reason, Side, Signal
from actors.rules.settings import AccountSettings, EngineSettings, SourceSettings
from actors.rules.signals import age_refusal, make_signal
from tests.rules.builders import NOW_MS, D, alert, spot

SOURCE = SourceSettings(name="tradingview")


def made(read: Alert | None = None, **changes: Any) -> Signal:
    given: dict[str, Any] = {
        "source": SOURCE,
        "account": AccountSettings(name="paper"),
        "instrument": spot(),
        "group_key": EngineSettings().group_key,
        "signal_id": "s1",
        "receive_time_ms": NOW_MS + 5,
        "idempotency_key": None,
        "body": "{}",
    }
    return make_signal(read or alert(), **{**given, **changes})


@pytest.mark.rule("SIG-1", "SIG-6")
def test_a_signal_carries_what_the_alert_said() -> None:
    read = alert(
        tv={"close_price": "101", "order_size": "2", "market_position_size": "3", "prev_market_position_size": "1"},
        strategy_info={"trade_id": "T", "alert_name": "N", "alert_message": "M"},
        execution_intent={"position_size_type": "quote"},
        risk={"stop_loss": "90", "take_profit": "120", "max_slippage_percent": "0.3"},
    )
    signal = made(read, body='{"a": 1}')
    assert signal.key == Key(account="paper", symbol="BTC/USDT", timeframe="1h")
    assert (signal.intent, signal.side, signal.source) == (Intent.ENTRY, Side.LONG, "tradingview")
    assert (signal.entry_price, signal.close_price, signal.order_size) == (D(100), D(101), D(2))
    assert (signal.market_position_size, signal.prev_market_position_size) == (D(3), D(1))
    assert (signal.stop_loss, signal.take_profit, signal.max_slippage_percent) == (D(90), D(120), D("0.3"))
    assert (signal.trade_id, signal.alert_name, signal.alert_message) == ("T", "N", "M")
    assert (signal.sent_time_ms, signal.receive_time_ms, signal.stamp_ms) == (NOW_MS, NOW_MS + 5, NOW_MS)
    assert (signal.size_type.value, signal.body, signal.max_age_s) == ("quote", '{"a": 1}', 300)


@pytest.mark.rule("SIG-1")
def test_an_absent_entry_price_is_the_close_price() -> None:
    assert made(alert(tv={"entry_price": "NaN", "close_price": "99"})).entry_price == 99
    assert made(alert(tv={"entry_price": None})).entry_price is None


def test_the_key_has_strategy_and_source_only_if_the_engine_says_so() -> None:
    read = alert(strategy_info={"alert_name": "RSI"})
    assert made(read).key == Key(account="paper", symbol="BTC/USDT", timeframe="1h")
    with_both = made(read, group_key=(*EngineSettings().group_key, KeyPart.STRATEGY, KeyPart.SOURCE)).key
    assert (with_both.strategy, with_both.source) == ("RSI", "tradingview")


@pytest.mark.rule("SIG-6")
def test_a_sell_is_an_exit_on_spot_and_an_entry_on_swap() -> None:
    read = alert(tv={"action": "sell"})
    assert made(read).intent is Intent.EXIT
    swap_account = AccountSettings(name="perp", market=Market.SWAP)
    assert (made(read, account=swap_account).intent, made(read, account=swap_account).side) == (
        Intent.ENTRY,
        Side.SHORT,
    )


@pytest.mark.rule("SIG-7")
def test_the_same_alert_has_the_same_identity_whatever_else_differs() -> None:
    first = made()
    again = made(
        alert(tv={"entry_price": "100.00"}, note="other"), signal_id="s2", receive_time_ms=NOW_MS + 900, body="{ }"
    )
    assert first.idempotency_key == again.idempotency_key


@pytest.mark.rule("SIG-7")
@pytest.mark.parametrize(
    "sections",
    [
        {"tv": {"action": "long"}},
        {"tv": {"timeframe": "15"}},
        {"tv": {"entry_price": "100.01"}},
        {"tv": {"close_price": "100"}},
        {"timestamp": "2025-06-15T15:06:41Z"},
        {"timestamp": None},
        {"strategy_info": {"trade_id": "T2"}},
        {"execution_intent": {"type": "exit"}},
    ],
)
def test_an_alert_that_differs_in_what_counts_has_another_identity(sections: dict[str, Any]) -> None:
    assert made(alert(**sections)).idempotency_key != made().idempotency_key


@pytest.mark.rule("SIG-7")
def test_another_source_or_account_or_instrument_has_another_identity() -> None:
    keys = {
        made().idempotency_key,
        made(source=SourceSettings(name="other")).idempotency_key,
        made(account=AccountSettings(name="second")).idempotency_key,
        made(instrument=spot(symbol="ETH/USDT")).idempotency_key,
    }
    assert len(keys) == 4


@pytest.mark.rule("SIG-7")
def test_prices_in_different_fields_are_not_confused() -> None:
    one = alert(tv={"entry_price": "100", "close_price": None}, strategy_info={"trade_id": "1:2"})
    other = alert(tv={"entry_price": None, "close_price": "100"}, strategy_info={"trade_id": "1:2"})
    assert made(one).idempotency_key != made(other).idempotency_key


@pytest.mark.rule("SIG-7")
def test_the_senders_own_identifier_wins_and_counts_within_its_source() -> None:
    own = made(idempotency_key="abc")
    assert own.idempotency_key == made(alert(tv={"action": "sell"}), idempotency_key="abc").idempotency_key
    assert own.idempotency_key != made(idempotency_key="abd").idempotency_key
    assert own.idempotency_key != made(source=SourceSettings(name="other"), idempotency_key="abc").idempotency_key
    assert own.idempotency_key != made().idempotency_key


@pytest.mark.rule("SIG-7")
def test_no_two_ways_to_cut_a_text_give_one_identity() -> None:
    cuts = [("a", "b:c"), ("a:b", "c"), ("a:1", "b:c"), ("a", "1:b:c")]
    keys = {made(source=SourceSettings(name=name), idempotency_key=own).idempotency_key for name, own in cuts}
    assert len(keys) == len(cuts)


@pytest.mark.rule("SIG-7")
@pytest.mark.parametrize(
    ("sections", "own", "window_s"),
    [
        ({}, None, 86_400),
        ({"timestamp": None}, None, 60),
        ({"timestamp": None, "strategy_info": {"trade_id": "T"}}, None, 86_400),
        ({"timestamp": None}, "own", 86_400),
    ],
)
def test_the_window_is_short_when_nothing_tells_a_repeat_from_a_copy(
    sections: dict[str, Any], own: str | None, window_s: int
) -> None:
    assert made(alert(**sections), idempotency_key=own).idempotency_window_s == window_s


@pytest.mark.rule("SIG-7")
def test_a_window_configured_even_shorter_stays_so() -> None:
    source = SourceSettings(name="tradingview", idempotency_window_s=10)
    assert made(alert(timestamp=None), source=source).idempotency_window_s == 10


@pytest.mark.rule("SIG-5")
@pytest.mark.parametrize(
    ("sent_ago_ms", "reason"),
    [
        (0, None),
        (300_000, None),
        (300_001, Reason.TOO_OLD),
        (-60_000, None),
        (-60_001, Reason.TOO_FAR_AHEAD),
    ],
)
def test_a_signal_too_old_or_too_far_ahead_on_arrival_is_refused(sent_ago_ms: int, reason: Reason | None) -> None:
    refused = age_refusal(NOW_MS - sent_ago_ms, NOW_MS, 300, 60)
    assert (refused.reason if refused else None) is reason


@pytest.mark.rule("SIG-5")
def test_without_a_timestamp_there_is_no_age() -> None:
    assert age_refusal(None, NOW_MS, 0, 0) is None
