"""However readings come and whatever a tab misses of them, it ends with the rows that were read."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from gui.live.feed import KEPT_CHANGES, Feed
from gui.live.frames import Change, added_up, applied, difference
from gui.live.topics import Snapshot, Topic
from tests.gui.live_help import nobody, read_nothing

CELLS = st.one_of(
    st.sampled_from(["", "1", "2"]), st.tuples(st.sampled_from(["1", "2"]), st.sampled_from(["", "gain"]))
)
ROWS = st.dictionaries(st.sampled_from("abc"), CELLS, max_size=3)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    names = draw(st.permutations(["r1", "r2", "r3", "r4"]))
    return {name: draw(ROWS) for name in names[: draw(st.integers(0, 4))]}


def told(rows: Snapshot, frame: dict[str, object]) -> Snapshot:
    """What a browser makes of a frame."""
    if not frame["v"]:
        return rows
    before: Snapshot = {} if frame.get("full") else rows
    return applied(before, Change(cells=frame.get("set", {}), gone=frame.get("gone", []), order=frame.get("order")))  # type: ignore[arg-type]


def exactly(rows: Snapshot) -> list[tuple[str, dict[str, object]]]:
    return [(name, dict(row)) for name, row in rows.items()]


@given(snapshots(), snapshots())
def test_the_difference_makes_the_second_reading_of_the_first(before: Snapshot, after: Snapshot) -> None:
    assert exactly(applied(before, difference(before, after))) == exactly(after)
    assert bool(difference(before, after)) == (exactly(before) != exactly(after))


@given(st.lists(snapshots(), min_size=1, max_size=6))
def test_changes_added_up_do_what_they_do_one_after_the_other(readings: list[Snapshot]) -> None:
    changes = [difference(one, next_one) for one, next_one in itertools.pairwise(readings)]
    assert exactly(applied(readings[0], added_up(changes))) == exactly(readings[-1])


@given(st.lists(st.tuples(snapshots(), st.booleans(), st.booleans()), max_size=12))
def test_a_tab_that_misses_any_frames_shows_what_was_read_last(steps: list[tuple[Snapshot, bool, bool]]) -> None:
    feed = Feed(topic=Topic(name="t", read=read_nothing), argument="", caller=nobody(), world="")
    shown: Snapshot = {}
    seen = 0
    for number, (rows, is_heard, is_read) in enumerate(steps, 1):
        if is_read:
            feed.take(rows, number)
        else:
            feed.fail("gone", "", number)
        if is_heard:
            frame = feed.frame(seen)
            assert ("stale" in frame) is (not is_read)
            shown, seen = told(shown, frame), feed.version
    assert exactly(told(shown, feed.frame(seen))) == exactly(feed.rows)


def test_a_tab_that_missed_more_than_is_kept_is_told_everything() -> None:
    feed = Feed(topic=Topic(name="t", read=read_nothing), argument="", caller=nobody(), world="")
    feed.take({"a": {"n": "0"}}, 0)
    seen = feed.version
    for number in range(KEPT_CHANGES):
        feed.take({"a": {"n": str(number + 1)}}, number)
    assert "full" not in feed.frame(seen)
    assert feed.frame(seen)["set"] == {"a": {"n": str(KEPT_CHANGES)}}
    feed.take({"a": {"n": "last"}}, 99)
    assert feed.frame(seen)["full"] is True


def test_versions_of_another_feed_are_never_taken_for_its_own() -> None:
    feeds = [Feed(topic=Topic(name="t", read=read_nothing), argument="", caller=nobody(), world="") for _ in range(2)]
    for feed in feeds:
        feed.take({"a": {"n": feed.name}}, 1)
        feed.take({"a": {"n": "2"}}, 2)
    assert feeds[0].frame(feeds[1].version)["full"] is True
    assert feeds[1].frame(1)["full"] is True
    assert feeds[0].version < 2**53  # A number of JavaScript holds it.
