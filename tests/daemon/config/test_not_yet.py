"""What is accepted without effect is said, and only that."""

from __future__ import annotations

import pytest

from actors.rules.choices import Market
from daemon.config.checks import NEEDS_PASSPHRASE, NO_TESTNET
from daemon.config.schema_accounts import EXCHANGES
from daemon.exchanges.venues import venue_class
from tests.daemon.config.texts import load

SET = {
    "accounts: {paper: {market: swap, margin_mode: cross}}": "accounts.paper.margin_mode",
}


@pytest.mark.rule("CFG-1")
@pytest.mark.parametrize("text", SET)
def test_a_key_without_effect_is_accepted_and_said_to_be(text: str) -> None:
    warnings = load(text).warnings
    assert len(warnings) == 1, warnings
    assert warnings[0].startswith(SET[text])
    assert "yet" in warnings[0]


@pytest.mark.parametrize(
    "text",
    [
        "risk: {enabled: false, loss_threshold_percent: -3}",
        "strategy: {default: {tp_percent: 2, stop_loss_percent: 5, stop_trail_percent: 3, tp_trail_percent: 1}}",
        "strategy: {default: {break_even_after_first_tp: true, accept_signal_stops: true}}",
        "limits: {max_total_exposure: 1000, max_groups_per_symbol: 1}",
        "backup: {every_hours: 24}",
        "alerts: {silence_hours: 12, latency_ms: 5}\nnotifications: [{url: env:X}]",
        "panel: {theme: light, session_idle_minutes: 5, session_max_hours: 1}",
        "accounts: {other: {prices: manual}}\nroutes: {'*': other}",
    ],
)
def test_defaults_written_out_and_keys_with_effect_are_not_spoken_of(text: str) -> None:
    assert load(text).warnings == ()


def test_what_is_probably_not_meant_is_said_too() -> None:
    assert "accepts nothing" in load("sources: {tv: {}}").warnings[0]
    assert "reachable from outside" in load("forwarder: {address: '0.0.0.0:80', public: true}").warnings[0]
    unreachable = load("strategy: {default: {max_pyramids: 2, tp_by_pyramid: {1: 1, 2: 1}}}").warnings
    assert unreachable == ("strategy.default.tp_by_pyramid.2 is never used: the last pyramid of max_pyramids is 1",)


KEYS_OF_X = "api_key: env:A, api_secret: env:B"
DOUBTFUL = {
    "exchange: gate": "accounts.x is not traded: it names neither api_key nor api_secret",
    f"exchange: gate, {KEYS_OF_X}, passphrase: env:C": "accounts.x.passphrase is not used: gate has none",
    f"exchange: gate, {KEYS_OF_X}, allow_withdraw: true": "accounts.x.allow_withdraw: a key that may withdraw",
    f"exchange: gate, {KEYS_OF_X}, urls: {{rest: 'https://proxy'}}": "accounts.x.urls names rest only: ws goes",
    f"exchange: gate, {KEYS_OF_X}, urls: {{rest: 'http://proxy:80', ws: 'wss://proxy'}}": (
        "accounts.x.urls.rest http://proxy:80 is not encrypted"
    ),
    "prices: live, urls: {ws: 'wss://proxy'}": "accounts.x.urls names ws only: rest goes to the exchange itself",
}


@pytest.mark.parametrize("text", DOUBTFUL)
def test_an_account_that_is_probably_not_meant_so_is_warned_about(text: str) -> None:
    warnings = load(f"accounts: {{paper: {{}}, x: {{{text}}}}}").warnings
    assert len(warnings) == 1, warnings
    assert warnings[0].startswith(DOUBTFUL[text])


@pytest.mark.parametrize(
    "text",
    [
        f"exchange: gate, {KEYS_OF_X}",
        f"exchange: okx, {KEYS_OF_X}, passphrase: env:C, testnet: true",
        f"exchange: binance, market: swap, leverage: 3, margin_mode: cross, position_mode: hedge, {KEYS_OF_X}",
        f"exchange: bybit, {KEYS_OF_X}, urls: {{rest: 'http://127.0.0.1:1', ws: 'ws://[::1]:1'}}",
        f"exchange: bybit, {KEYS_OF_X}, testnet: true, allow_withdraw: true",
        "prices: live, price_source: kucoin",
        "market: swap, prices: live, price_source: binanceusdm, urls: {rest: 'http://[::1]:1', ws: 'ws://127.0.0.1:1'}",
    ],
)
def test_a_sound_account_is_not_spoken_of(text: str) -> None:
    assert load(f"accounts: {{paper: {{}}, x: {{{text}}}}}").warnings == ()


def test_one_key_may_serve_spot_and_swap_and_live_and_testnet() -> None:
    accounts = ("market: spot", "market: swap", "testnet: true", "market: swap, testnet: true")
    text = ", ".join(f"x{i}: {{exchange: binance, {KEYS_OF_X}, {each}}}" for i, each in enumerate(accounts))
    assert load(f"accounts: {{paper: {{}}, {text}}}").warnings == ()


def test_two_accounts_on_one_wallet_are_told_apart_from_two_wallets() -> None:
    accounts = ("market: spot", "market: swap", "market: swap, testnet: true")
    text = ", ".join(f"x{i}: {{exchange: bybit, {KEYS_OF_X}, {each}}}" for i, each in enumerate(accounts))
    warnings = load(f"accounts: {{paper: {{}}, {text}}}").warnings
    assert warnings == ("accounts.x1 shares the wallet of accounts.x0: sums over accounts count it twice",)


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_what_the_config_believes_of_an_exchange_is_what_its_venue_offers(exchange: str) -> None:
    for market in Market:
        kind = venue_class(exchange, market)
        if isinstance(kind, str):
            assert (exchange, market) == ("binanceusdm", Market.SPOT)
            continue
        assert kind.needs_passphrase is (exchange in NEEDS_PASSPHRASE)
        assert kind.has_testnet is (exchange not in NO_TESTNET)
