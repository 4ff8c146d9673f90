"""Which commits are worth a message, for whom, and how much of a burst is said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules import notice_plan, notifying
from actors.rules.notice_plan import Waiting
from actors.rules.notifying import BURST_MS, FLAP_MS, OWN_MESSAGES, Burst, Notice, Past
from actors.rules.settings import NotificationSettings, QuietHours

CHANNEL = NotificationSettings(name="phone", url="env:PHONE")
DOWN = Notice(
    type="UNREACHABLE",
    severity="error",
    category="exchange",
    message="binance: no answer",
    time_ms=1_000_000,
    world="live",
    account="binance",
    alert_key="unreachable:binance",
)
CLOSED = Notice(
    type="GROUP_CLOSED",
    severity="info",
    category="engine",
    message="closed, target: realized 12.5 USDT",
    time_ms=1_000_000,
    world="paper",
    account="paper",
    symbol="BTC/USDT",
)


# --- who is told ----------------------------------------------------------------------------------


@pytest.mark.rule("LOG-5")
def test_a_channel_is_told_what_is_severe_enough_of_its_categories() -> None:
    assert notifying.wants(CHANNEL, DOWN)
    assert not notifying.wants(replace(CHANNEL, severity="critical"), DOWN)
    assert not notifying.wants(replace(CHANNEL, categories=("risk",)), DOWN)
    assert notifying.wants(replace(CHANNEL, categories=("risk", "exchange")), DOWN)


@pytest.mark.rule("LOG-5")
def test_types_that_are_named_are_sent_whatever_their_severity_and_nothing_else_is() -> None:
    only = replace(CHANNEL, types=("GROUP_CLOSED",))
    assert not notifying.wants(CHANNEL, CLOSED)
    assert notifying.wants(only, CLOSED)
    assert not notifying.wants(only, DOWN)


def test_of_events_without_an_alert_only_some_are_worth_a_message_unless_named() -> None:
    filled = replace(CLOSED, type="ENTRY_FILLED")
    assert not notifying.wants(replace(CHANNEL, severity="info"), filled)
    assert notifying.wants(replace(CHANNEL, severity="info"), CLOSED)
    assert notifying.wants(replace(CHANNEL, types=("ENTRY_FILLED",)), filled)


def test_the_daily_summary_comes_whatever_the_least_severity_is() -> None:
    assert notifying.wants(replace(CHANNEL, severity="critical"), replace(CLOSED, type="DAILY_SUMMARY"))


def test_that_a_channel_fails_is_told_to_the_others_only() -> None:
    failing = replace(DOWN, type=notifying.FAILED, alert_key="notification_failed/phone")
    assert not notifying.wants(CHANNEL, failing)
    assert notifying.wants(replace(CHANNEL, name="mail"), failing)


@pytest.mark.parametrize(
    ("alert_key", "type_"),
    [
        ("unreachable:binance", "UNREACHABLE"),
        ("quote_age:paper:BTC/USDT", "QUOTE_AGE"),
        ("limit/live/max_drawdown", "LIMIT"),
        ("order.late_fill/g1", "ORDER_LATE_FILL"),
        ("store", "STORE"),
    ],
)
def test_an_alerts_type_is_what_stands_first_in_its_key(alert_key: str, type_: str) -> None:
    assert notifying.type_of_alert(alert_key) == type_


# --- one alert over time --------------------------------------------------------------------------


@pytest.mark.rule("LOG-5")
def test_an_alert_is_told_when_raised_when_worse_and_when_over_but_not_when_raised_again() -> None:
    first = notifying.judge(None, DOWN)
    assert (first.is_told, first.is_collected) == (True, False)
    again = notifying.judge(first.past, replace(DOWN, time_ms=DOWN.time_ms + 60_000))
    assert not again.is_told
    worse = notifying.judge(again.past, replace(DOWN, severity="critical", time_ms=DOWN.time_ms + 70_000))
    assert (worse.is_told, worse.is_collected) == (True, False)
    milder = notifying.judge(worse.past, DOWN)
    assert not milder.is_told
    over = notifying.judge(milder.past, notifying.over(DOWN, DOWN.time_ms + 80_000))
    assert over.is_told
    assert not notifying.judge(over.past, notifying.over(DOWN, DOWN.time_ms + 90_000)).is_told


@pytest.mark.rule("LOG-5")
def test_an_alert_that_comes_back_long_after_it_was_over_is_a_new_one() -> None:
    over = notifying.judge(notifying.judge(None, DOWN).past, notifying.over(DOWN, DOWN.time_ms + 1_000))
    back = notifying.judge(over.past, replace(DOWN, time_ms=DOWN.time_ms + FLAP_MS))
    assert (back.is_told, back.is_collected) == (True, False)


@pytest.mark.rule("LOG-5")
def test_an_alert_that_comes_and_goes_is_told_a_bounded_number_of_times() -> None:
    past: Past | None = None
    alone = collected = 0
    for number in range(600):  # Ten minutes of a raise and an end each second.
        now_ms = DOWN.time_ms + number * 1_000
        for notice in (replace(DOWN, time_ms=now_ms), notifying.over(DOWN, now_ms + 500)):
            verdict = notifying.judge(past, notice)
            past = verdict.past
            alone += verdict.is_told and not verdict.is_collected
            collected += verdict.is_collected
    assert alone == 2, "raised, over"
    assert collected == 2 * 599


def test_the_end_of_an_alert_from_an_earlier_process_says_nothing_of_its_cause() -> None:
    stale = Past(rank=3, told_ms=0, is_ours=False)
    assert not notifying.judge(stale, notifying.over(DOWN, 1)).is_told
    assert not notifying.judge(None, notifying.over(DOWN, 1)).is_told


# --- bursts ---------------------------------------------------------------------------------------


@pytest.mark.rule("LOG-5")
def test_of_a_burst_the_first_ones_have_their_own_messages_and_the_rest_one_together() -> None:
    burst: Burst | None = None
    places = []
    for number in range(1_000):
        burst, place = notifying.place(burst, 5_000 + number, f"n{number}")
        places.append(place)
    own = [place for place in places if place.due_ms < 5_000 + BURST_MS]
    assert [place.notification_id for place in own] == ["n0", "n1", "n2"]
    assert len(own) == OWN_MESSAGES
    assert {place.notification_id for place in places[OWN_MESSAGES:]} == {"n3"}
    assert places[-1].due_ms == 5_003 + BURST_MS


@given(st.lists(st.integers(0, 20_000), max_size=400), st.booleans())
def test_however_they_come_messages_are_few_and_none_is_collected_into_one_that_has_left(
    pauses_ms: list[int], flaps: bool
) -> None:
    burst: Burst | None = None
    now_ms, ids = 1_000, set()
    own, wait_ms = (0, FLAP_MS) if flaps else (OWN_MESSAGES, BURST_MS)
    for number, pause_ms in enumerate(pauses_ms):
        now_ms += pause_ms
        burst, place = notifying.place(burst, now_ms, f"n{number}", own=own, wait_ms=wait_ms)
        assert now_ms <= place.due_ms <= now_ms + wait_ms
        ids.add(place.notification_id)
    windows = sum(pauses_ms) // wait_ms + 1
    assert len(ids) <= windows * (own + 2)


# --- words ----------------------------------------------------------------------------------------


def test_the_usual_text_says_where_what_it_means_and_what_to_do() -> None:
    assert notifying.title_of(DOWN) == "[LIVE] binance: exchange does not answer"
    text = notifying.text_of(CHANNEL, DOWN, "2026-01-02 03:04:05 UTC")
    assert text.startswith("binance: no answer\nNo new entries on this account.")
    assert "What to do: Check the exchange's status page" in text
    assert text.endswith("error, 2026-01-02 03:04:05 UTC")
    assert notifying.title_of(notifying.over(DOWN, 1)) == "[LIVE] binance: over: exchange does not answer"
    assert notifying.title_of(CLOSED) == "[PAPER] paper BTC/USDT: group closed"


def test_a_template_of_the_type_goes_before_the_one_for_all_and_what_happened_is_not_filled_in() -> None:
    channel = replace(CHANNEL, template="$severity: $message", templates={"GROUP_CLOSED": "$symbol $message"})
    sly = replace(DOWN, message="$remedy {0.__class__} %s")
    assert notifying.text_of(channel, sly, "") == "error: $remedy {0.__class__} %s"
    assert notifying.text_of(channel, CLOSED, "") == "BTC/USDT closed, target: realized 12.5 USDT"


def test_texts_and_titles_are_bounded_and_a_title_is_one_line() -> None:
    huge = replace(DOWN, message="x" * 100_000, symbol="A\nB" * 1_000)
    assert len(notifying.text_of(CHANNEL, huge, "")) <= notifying.MAX_TEXT_CHARS
    title = notifying.title_of(huge)
    assert len(title) <= notifying.MAX_TITLE_CHARS
    assert "\n" not in title


# --- when -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minute", "severity", "quiet"),
    [
        (22 * 60, "error", True),
        (23 * 60 + 59, "error", True),
        (0, "error", True),
        (7 * 60 - 1, "error", True),
        (7 * 60, "error", False),
        (21 * 60 + 59, "error", False),
        (0, "critical", False),
    ],
)
@pytest.mark.rule("LOG-5")
def test_quiet_hours_go_over_midnight_and_let_the_most_severe_through(minute: int, severity: str, quiet: bool) -> None:
    night = QuietHours(start_minute=22 * 60, end_minute=7 * 60)
    assert notifying.is_quiet(night, minute, severity) is quiet


def waiting(number: int, severity: str = "warning", **more: int) -> Waiting:
    values = {"due_ms": 0, "attempts": 0, "left_out": 0, **more}
    return Waiting(notification_id=f"n{number}", severity=severity, title=f"t{number}", text="x", **values)


NOON = 12 * 60


@pytest.mark.rule("LOG-5")
def test_what_quiet_hours_held_back_leaves_together_when_they_are_over() -> None:
    channel = replace(CHANNEL, quiet_hours=QuietHours(start_minute=22 * 60, end_minute=7 * 60))
    held = [waiting(1, left_out=4), waiting(2)]
    now_ms = 8 * notice_plan.HOUR_MS
    assert notice_plan.next_message(channel, held, 23 * 60, now_ms, ()) is None
    night = notice_plan.next_message(channel, [*held, waiting(3, "critical")], 23 * 60, now_ms, ())
    assert night is not None
    assert [item.notification_id for item in night.together] == ["n3"]
    morning = notice_plan.next_message(channel, held, 7 * 60, now_ms, ())
    assert morning is not None
    assert morning.title == "Terrace: 6 messages, together"
    assert "- t1: x (x5)" in morning.text
    assert [item.notification_id for item in morning.together] == ["n1", "n2"]


@pytest.mark.rule("LOG-5")
def test_over_the_rate_only_critical_messages_leave_and_they_have_a_rate_too() -> None:
    channel = replace(CHANNEL, rate_per_hour=2)
    now_ms = 10 * notice_plan.HOUR_MS
    sent = [now_ms - 10, now_ms - 5]
    both = [waiting(1), waiting(2, "critical")]
    chosen = notice_plan.next_message(channel, both, NOON, now_ms, sent)
    assert chosen is not None
    assert [item.notification_id for item in chosen.together] == ["n2"]
    assert notice_plan.next_message(channel, both, NOON, now_ms, [*sent, now_ms - 4, now_ms - 3]) is None
    hour_later = now_ms + notice_plan.HOUR_MS
    assert notice_plan.next_message(channel, both, NOON, hour_later, sent) is not None


def test_a_message_that_failed_gives_way_to_those_that_did_not() -> None:
    chosen = notice_plan.next_message(CHANNEL, [waiting(1, attempts=3), waiting(2, due_ms=5)], NOON, 10, ())
    assert chosen is not None
    assert [item.notification_id for item in chosen.together] == ["n2"]
    alone = notice_plan.next_message(CHANNEL, [waiting(1, attempts=3)], NOON, 10, ())
    assert alone is not None


def test_the_pause_after_failures_grows_to_a_bound_and_a_message_is_given_up_after_a_day() -> None:
    pauses = [notifying.retry_ms(failures) for failures in range(1, 40)]
    assert pauses[:3] == [5_000, 10_000, 20_000]
    assert pauses == sorted(pauses)
    assert pauses[-1] == notifying.MAX_RETRY_MS
    assert not notifying.is_given_up(0, notifying.GIVE_UP_MS, 0), "it was never tried: the daemon was down"
    assert notifying.is_given_up(0, notifying.GIVE_UP_MS, 1)
    assert not notifying.is_given_up(0, notifying.GIVE_UP_MS - 1, 3)
