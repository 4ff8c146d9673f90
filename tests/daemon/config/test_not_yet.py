"""What is accepted without effect is said, and only that."""

from __future__ import annotations

import pytest

from daemon.config.load import default_config
from daemon.config.not_yet import KEYS
from daemon.config.reload import flatten
from tests.daemon.config.texts import load

SET = {
    "engine: {reporting_timezone: Europe/Berlin}": "engine.reporting_timezone",
    "risk: {enabled: false}": "risk.enabled",
    "risk: {loss_threshold_percent: -3}": "risk.loss_threshold_percent",
    "strategy: {default: {tp_trail_percent: 1}}": "strategy.default.tp_trail_percent",
    "strategy: {default: {stop_loss_percent: 5}}": "strategy.default.stop_loss_percent",
    "strategy: {default: {stop_trail_percent: 5}}": "strategy.default.stop_trail_percent",
    "strategy: {default: {break_even_after_first_tp: true}}": "strategy.default.break_even_after_first_tp",
    "strategy: {default: {accept_signal_stops: true}}": "strategy.default.accept_signal_stops",
    "strategy: {overrides: [{match: {symbol: A/B}, set: {stop_loss_percent: 5}}]}": (
        "strategy.overrides[0].set.stop_loss_percent"
    ),
    "limits: {max_realized_loss_per_day: 100}": "limits.max_realized_loss_per_day",
    "limits: {max_drawdown_percent: 10}": "limits.max_drawdown_percent",
    "limits: {max_consecutive_losses: 3}": "limits.max_consecutive_losses",
    "limits: {cooldown_after_loss_s: 60}": "limits.cooldown_after_loss_s",
    "limits: {on_breach: close_all}": "limits.on_breach",
    "alerts: {silence_hours: 12}": "alerts.silence_hours",
    "notifications: [{url: env:X}]": "notifications",
    "backup: {keep: 3}": "backup.keep",
    "alerts: {latency_ms: 5}": "alerts.latency_ms",
    "storage: {url: 'postgresql://host/db'}": "storage.url",
    "storage: {url: 'env:DB'}": "storage.url",
    "panel: {theme: light}": "panel.theme",
    "accounts: {paper: {prices: live}}": "accounts.paper.prices: live",
    "accounts: {paper: {}, x: {exchange: mexc, api_key: 'vault:a', api_secret: 'env:B'}}": "accounts.x.api_key",
    "sources: {tv: {secret: 'keyring:a/b'}}": "sources.tv.secret",
    "sources: {tv: {secret: 'file:a', hmac_secret: 'vault:a'}}": "sources.tv.hmac_secret",
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
        "risk: {enabled: true, loss_threshold_percent: -5}",
        "strategy: {default: {tp_percent: 2, stop_loss_percent: null}}",
        "limits: {max_total_exposure: 100, max_groups_per_symbol: 1}",
        "backup: {every_hours: 24}",
        "accounts: {other: {prices: manual}}\nroutes: {'*': other}",
    ],
)
def test_defaults_written_out_and_keys_with_effect_are_not_spoken_of(text: str) -> None:
    assert load(text).warnings == ()


def test_every_key_of_the_list_exists() -> None:
    keys = flatten(default_config())
    for each in KEYS:
        assert [key for key in keys if key == each.key or key.startswith(f"{each.key}.")], each.key


def test_what_is_probably_not_meant_is_said_too() -> None:
    assert "accepts nothing" in load("sources: {tv: {}}").warnings[0]
    assert "reachable from outside" in load("forwarder: {address: '0.0.0.0:80'}").warnings[0]
    unreachable = load("strategy: {default: {max_pyramids: 2, tp_by_pyramid: {1: 1, 2: 1}}}").warnings
    assert unreachable == ("strategy.default.tp_by_pyramid.2 is never used: the last pyramid of max_pyramids is 1",)
