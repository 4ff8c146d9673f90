"""A group that is reversed closes like on an exit, once, and says what for (SIG-6)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.rules.events import ReverseAsked
from actors.rules.model import GroupState, Intent, Reason, Side, Signal
from tests.rules.builders import signal
from tests.rules.venue import Story, closed


def turn(story: Story, **changes: object) -> Signal:
    made = signal(Intent.REVERSE, story.group.side.opposite, signal_id="reverse-1")
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.rule("SIG-6", "EXIT-1")
def test_a_reverse_cancels_everything_and_sells_what_is_held() -> None:
    story = Story()
    story.fill(story.entry(0))
    story.step(ReverseAsked(signal=turn(story)))
    assert (story.state(), story.group.close_reason) == (GroupState.CLOSING, Reason.REVERSE_SIGNAL)
    assert story.group.reverse == turn(story)
    story.confirm_cancels()
    story.fill(story.closing())
    assert closed(story)
    assert story.group.reverse == turn(story), "what it closed for stays on record"


@pytest.mark.rule("SIG-6", "EXIT-3")
def test_a_reverse_before_the_first_fill_closes_at_zero() -> None:
    story = Story()
    story.step(ReverseAsked(signal=turn(story)))
    story.confirm_cancels()
    assert closed(story)


@pytest.mark.rule("SIG-6")
def test_a_group_that_closes_already_takes_no_reverse_and_the_same_one_again_changes_nothing() -> None:
    story = Story()
    story.fill(story.entry(0))
    story.step(ReverseAsked(signal=turn(story)))
    story.step(ReverseAsked(signal=turn(story)))
    refused = story.refused(ReverseAsked(signal=turn(story, signal_id="reverse-2")))
    assert refused.reason is Reason.GROUP_CLOSING
    assert story.group.reverse == turn(story)
    other = Story()
    other.close()
    assert other.refused(ReverseAsked(signal=turn(other))).reason is Reason.GROUP_CLOSING
    assert other.group.reverse is None


@pytest.mark.rule("SIG-6")
@pytest.mark.parametrize("side", list(Side))
def test_a_reverse_to_its_own_side_is_refused(side: Side) -> None:
    story = Story(side=side)
    assert story.refused(ReverseAsked(signal=turn(story, side=side))).reason is Reason.SAME_POSITION
