"""When a group's risk timer starts, and what begins it anew (RISK-2, RISK-3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from actors.rules import position, risk_timer
from actors.rules.choices import OnFlat, TimerStart
from actors.rules.events import Context, Note
from actors.rules.model import OrderState, Reason
from actors.rules.settings import RiskSettings, StrategySettings
from tests.rules.builders import NOW_MS
from tests.rules.venue import ONE, TWO, Story, ladder

MINUTE_MS = 60_000
FULL, SUBMITTED, FILLED = (
    TimerStart.AFTER_FULL_PYRAMIDS,
    TimerStart.AFTER_ALL_DCA_SUBMITTED,
    TimerStart.AFTER_ALL_DCA_FILLED,
)


class Timed(Story):
    """A story under these settings of the risk engine."""

    def __init__(self, *rows: tuple[str, str, str], risk: RiskSettings | None = None, **more: Any) -> None:
        self.risk = risk or RiskSettings()
        super().__init__(ladder(*(rows or ONE)), **more)

    def context(self) -> Context:
        return replace(super().context(), risk=self.risk)

    def started(self) -> int | None:
        return self.group.risk_timer_start_ms

    def later(self, minutes: int) -> None:
        self.now_ms += minutes * MINUTE_MS

    def entry(self, leg: int = 0, pyramid: int = 0) -> str:
        return super().entry(leg, pyramid)

    def next_pyramid(self, *rows: tuple[str, str, str]) -> None:
        self.pyramid(ladder(*(rows or ONE)), f"next-{len(self.group.pyramids)}")


def of(mode: TimerStart, **changes: Any) -> RiskSettings:
    return RiskSettings(timer_start=mode, **changes)


# --- the three modes ---


@pytest.mark.rule("RISK-2")
def test_after_full_pyramids_it_starts_with_the_last_pyramid_and_says_when_it_runs_out() -> None:
    story = Timed(max_pyramids=2)
    assert story.started() is None
    story.later(5)
    story.next_pyramid()
    assert story.started() == NOW_MS + 5 * MINUTE_MS
    note = next(note for note in story.notes if note.type == "risk.timer_started")
    assert note.category == "risk"
    assert note.message.endswith("risk timer started, runs out at 2025-06-15 16:11:40 UTC")
    assert note.attributes == {"expire_time_ms": str(NOW_MS + 65 * MINUTE_MS)}


@pytest.mark.rule("RISK-2")
@pytest.mark.parametrize("mode", list(TimerStart))
def test_it_never_starts_with_the_first_of_several_pyramids_whatever_fills(mode: TimerStart) -> None:
    story = Timed(*TWO, risk=of(mode), max_pyramids=2)
    story.report(story.entry(0), story.entry(1))
    story.fill(story.entry(0))
    story.fill(story.entry(1))
    assert story.started() is None


@pytest.mark.rule("RISK-2")
def test_after_all_submitted_it_waits_until_the_exchange_has_every_leg_of_the_last_pyramid() -> None:
    story = Timed(*TWO, risk=of(SUBMITTED), max_pyramids=2)
    story.next_pyramid(*TWO)
    story.report(story.entry(0), story.entry(1), story.entry(0, 1))
    assert story.started() is None
    story.later(1)
    story.report(story.entry(1, 1))
    assert story.started() == NOW_MS + MINUTE_MS


@pytest.mark.rule("RISK-2")
def test_after_all_submitted_a_leg_that_shall_not_be_bought_any_more_is_not_waited_for() -> None:
    story = Timed(*TWO, risk=of(SUBMITTED), max_pyramids=1)
    story.report(story.entry(0))
    assert story.started() is None
    story.reject(story.entry(1))
    assert story.started() == NOW_MS


@pytest.mark.rule("RISK-2")
def test_after_all_submitted_a_leg_that_waits_for_its_price_band_is_waited_for() -> None:
    story = Timed(*TWO, risk=of(SUBMITTED), max_pyramids=1)
    story.report(story.entry(0))
    story.reject(story.entry(1), Reason.OUTSIDE_PRICE_BAND)
    assert story.leg(1).wait_reason is Reason.OUTSIDE_PRICE_BAND
    assert story.started() is None


@pytest.mark.rule("RISK-2")
def test_after_all_filled_it_waits_for_the_last_leg_to_fill() -> None:
    story = Timed(*TWO, risk=of(FILLED), max_pyramids=2)
    story.next_pyramid()
    story.fill(story.entry(0))
    story.fill(story.entry(0, 1))
    story.fill(story.entry(1), "1")
    assert story.started() is None
    story.later(3)
    story.fill(story.entry(1))
    assert story.started() == NOW_MS + 3 * MINUTE_MS


@pytest.mark.rule("RISK-2")
def test_after_all_filled_a_cancelled_leg_counts_as_finished_if_another_has_filled() -> None:
    story = Timed(*TWO, risk=of(FILLED), max_pyramids=1)
    story.cancel_entries()
    story.fill(story.entry(0), "1")
    story.end(story.entry(0))
    assert story.started() is None
    story.end(story.entry(1), OrderState.CANCELLED)
    assert story.started() == NOW_MS


# --- how many pyramids are full ---


@pytest.mark.rule("RISK-1", "RISK-2")
@pytest.mark.parametrize(
    ("required", "is_required", "most", "pyramids"),
    [
        (None, True, 3, 3),
        (2, True, 3, 2),
        (5, True, 3, 3),  # More than a group can have is all it can have.
        (1, True, 3, 1),  # One pyramid is all that is required: it starts with the first entry.
        (None, False, 3, 1),  # Those present count as all.
    ],
)
def test_the_pyramid_that_makes_a_group_full(required: int | None, is_required: bool, most: int, pyramids: int) -> None:
    risk = RiskSettings(required_pyramids=required, require_full_pyramids=is_required)
    assert risk_timer.required_pyramids(risk, StrategySettings(max_pyramids=most)) == pyramids
    story = Timed(risk=risk, max_pyramids=most)
    for _ in range(pyramids - 1):
        assert story.started() is None
        story.next_pyramid()
    assert story.started() == NOW_MS


# --- once only ---


@pytest.mark.rule("RISK-2")
def test_it_is_not_started_again_by_a_pyramid_a_fill_a_load_or_another_setting() -> None:
    story = Timed(risk=RiskSettings(required_pyramids=1), max_pyramids=3)
    assert story.started() == NOW_MS
    story.later(10)
    story.next_pyramid()
    story.fill(story.entry())
    story.load()
    story.risk = of(FILLED)
    story.load()
    assert story.started() == NOW_MS
    assert story.note_types().count("risk.timer_started") == 1


@pytest.mark.rule("RISK-2")
def test_it_goes_on_while_a_kept_ladder_waits_and_stays_with_a_closed_group() -> None:
    story = Timed(*TWO, max_pyramids=1, on_flat=OnFlat.KEEP)
    story.fill(story.entry(0))
    story.fill(story.target(0))
    story.later(1)
    story.close()
    story.confirm_cancels()
    assert story.group.is_closed
    assert story.started() == NOW_MS


@pytest.mark.rule("RISK-2")
def test_a_group_that_is_being_closed_starts_none() -> None:
    story = Timed(*TWO, risk=of(FILLED), max_pyramids=1)
    story.fill(story.entry(0))
    story.close()
    story.confirm_cancels()
    assert story.started() is None


# --- running out, and the reset ---


@pytest.mark.rule("RISK-2")
def test_it_runs_for_the_time_set_and_has_run_out_at_its_end() -> None:
    risk = RiskSettings(post_full_wait_s=60)
    assert not risk_timer.is_running(None, risk, NOW_MS)
    assert risk_timer.is_running(NOW_MS, risk, NOW_MS)
    assert risk_timer.is_running(NOW_MS, risk, NOW_MS + 59_999)
    assert not risk_timer.is_running(NOW_MS, risk, NOW_MS + 60_000)
    assert risk_timer.expire_ms(NOW_MS, risk) == NOW_MS + 60_000


@pytest.mark.rule("RISK-3", "PYR-2")
@pytest.mark.parametrize(
    ("is_configured", "minutes", "is_reset"),
    [(True, 59, True), (True, 60, False), (False, 59, False)],
)
def test_a_replacement_pyramid_begins_it_anew_only_if_configured_and_running(
    is_configured: bool, minutes: int, is_reset: bool
) -> None:
    story = Timed(risk=RiskSettings(reset_timer_on_replacement=is_configured), max_pyramids=1)
    story.later(minutes)
    decision = position.ignore_pyramid(story.group, story.context())
    assert decision.group.ignored_pyramids == 1
    assert decision.group.risk_timer_start_ms == (story.now_ms if is_reset else NOW_MS)
    notes = [effect.type for effect in decision.effects if isinstance(effect, Note)]
    assert notes == (["risk.timer_reset"] if is_reset else [])


@pytest.mark.rule("RISK-3")
def test_a_replacement_pyramid_does_not_start_a_timer_that_has_not_started() -> None:
    story = Timed(*TWO, risk=of(FILLED, reset_timer_on_replacement=True), max_pyramids=1)
    decision = position.ignore_pyramid(story.group, story.context())
    assert decision.group.risk_timer_start_ms is None
