"""Loss limits in the config: what is nonsense is refused, what does nothing is said."""

from __future__ import annotations

import pytest

from actors.rules.choices import OnBreach
from tests.daemon.config.texts import load, only_fault


@pytest.mark.rule("POOL-4", "CFG-1")
def test_what_a_breach_does_needs_a_limit_that_can_be_breached() -> None:
    fault = only_fault("limits: {on_breach: close_all, max_total_exposure: 1000, cooldown_after_loss_s: 60}")
    assert fault.message.startswith("close_all never happens: no loss limit is set")


@pytest.mark.rule("POOL-3", "POOL-4")
@pytest.mark.parametrize(
    "limit", ["max_realized_loss_per_day: 100", "max_drawdown_percent: 10", "max_consecutive_losses: 3"]
)
def test_a_loss_limit_with_what_its_breach_does_is_taken_without_a_word(limit: str) -> None:
    loaded = load(f"limits: {{{limit}, on_breach: reduce_only}}\nengine: {{reporting_timezone: Europe/Berlin}}")
    assert loaded.warnings == ()
    assert loaded.settings.limits.on_breach is OnBreach.REDUCE_ONLY


@pytest.mark.rule("POOL-3")
@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ("max_total_exposure: 150", "below the 200 of a first pyramid: nothing can open"),
        ("max_groups_per_symbol: 40", "max_groups_per_symbol has no effect: pool.max_open_groups is lower"),
        ("max_drawdown_percent: 100", "reached only when nothing is left"),
    ],
)
def test_a_limit_that_stops_nothing_or_everything_is_said(limits: str, words: str) -> None:
    (warning,) = load(f"pool: {{max_open_groups: 10}}\nlimits: {{{limits}}}").warnings
    assert words in warning
