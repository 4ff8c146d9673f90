"""Who sends, from where, how old, how often: the forwarder's own judgement."""

from __future__ import annotations

import ipaddress
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.forwarder.body import Body, read_body
from control.forwarder.checks import authenticate, check_age, epoch_s, sender_of
from control.forwarder.deliver import BACKOFF_FIRST_S, BACKOFF_MOST_S, backoff_s
from control.forwarder.limits import MAX_ADDRESSES, Bursts, FailedAttempts, TokenBucket
from control.forwarder.settings import SourceSettings

NOW_S = 1_750_000_000.0
SOURCE = SourceSettings(name="desk", secret="right")


def body_of(tree: object) -> Body:
    found = read_body(json.dumps(tree).encode())
    assert isinstance(found, Body)
    return found


def cause(source: SourceSettings | None, tree: object) -> str:
    raw = json.dumps(tree).encode()
    found = authenticate(source, raw=raw, body=body_of(tree), signature="", sender="1.2.3.4", now_s=NOW_S)
    return found.cause if found else ""


@pytest.mark.rule("SIG-5")
def test_only_the_whole_secret_opens() -> None:
    assert cause(SOURCE, {"secret": "right"}) == ""
    for wrong in ("", "righ", "right ", "RIGHT", "rightright", "\ud800", 5, None, ["right"], {"x": "right"}):
        assert cause(SOURCE, {"secret": wrong}) in ("wrong secret", "no secret"), wrong


@pytest.mark.rule("SIG-5")
def test_a_source_without_a_secret_accepts_nothing_not_even_an_empty_one() -> None:
    bare = SourceSettings(name="bare")
    for tree in ({}, {"secret": ""}, {"secret": "x"}, {"secret": None}):
        assert cause(bare, tree) == "the source has no secret"
    assert cause(SourceSettings(name="signing", hmac_secret="k"), {"secret": ""}) == "unsigned"


@pytest.mark.rule("SIG-5")
def test_the_settings_do_not_show_their_secrets() -> None:
    assert "right" not in repr(SOURCE)


@pytest.mark.rule("SIG-5")
@pytest.mark.parametrize(
    ("timestamp", "reason"),
    [
        (NOW_S - 300, None),
        (NOW_S - 301, "TOO_OLD"),
        (NOW_S + 60, None),
        (NOW_S + 61, "TOO_FAR_AHEAD"),
        (str(int(NOW_S * 1000) - 301_000), "TOO_OLD"),
        (datetime.fromtimestamp(NOW_S - 301, UTC).isoformat(), "TOO_OLD"),
        (datetime.fromtimestamp(NOW_S - 10, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), None),
        (datetime.fromtimestamp(NOW_S, UTC).strftime("%Y-%m-%dT%H:%M:%S+05:00"), "TOO_OLD"),
        ("{{timenow}}", None),
        ("", None),
        (None, None),
        (True, None),
        ([1], None),
        ("-5", None),
        (1e300, None),
    ],
)
def test_age_is_judged_where_there_is_a_time(timestamp: object, reason: str | None) -> None:
    found = check_age(SOURCE, body_of({"timestamp": timestamp}), NOW_S)
    assert (found.reason if found else None) == reason


@given(st.text(max_size=80) | st.floats().map(lambda number: Decimal(str(number))) | st.none() | st.lists(st.text()))
def test_any_value_is_a_time_or_none(value: object) -> None:
    found = epoch_s(value)
    assert found is None or found.is_finite()


@pytest.mark.rule("SIG-5")
@pytest.mark.parametrize(
    ("peer", "header", "sender"),
    [
        ("9.9.9.9", "1.1.1.1", "9.9.9.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "1.1.1.1", "1.1.1.1"),
        ("10.0.0.1", "6.6.6.6, 1.1.1.1", "1.1.1.1"),
        ("10.0.0.1", "6.6.6.6, 1.1.1.1, 10.0.0.2", "1.1.1.1"),
        ("10.0.0.1", "1.1.1.1, nonsense", "10.0.0.1"),
        ("10.0.0.1", "[2001:db8::1]:443", "2001:db8::1"),
        ("10.0.0.1", "1.1.1.1:5000", "1.1.1.1"),
        ("::ffff:10.0.0.1", "1.1.1.1", "1.1.1.1"),
    ],
)
def test_the_sender_is_the_last_hop_nobody_trusted_wrote_down(peer: str, header: str, sender: str) -> None:
    assert sender_of(peer, header, [ipaddress.ip_network("10.0.0.0/8")]) == sender


@pytest.mark.rule("SIG-8")
def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = TokenBucket(rate_per_minute=60, burst=3, now_s=0)
    assert [bucket.take(0) for _ in range(4)] == [True, True, True, False]
    assert bucket.wait_s(0) == pytest.approx(1.0)
    assert bucket.take(1.01)
    assert not bucket.take(1.02)
    assert [bucket.take(1000) for _ in range(4)] == [True, True, True, False]


@pytest.mark.rule("SIG-8")
def test_addresses_are_remembered_up_to_a_limit() -> None:
    failed = FailedAttempts(60, 2)
    assert [failed.wait_s("a", 0) > 0 for _ in range(3)] == [False, False, True]
    for number in range(MAX_ADDRESSES):
        failed.wait_s(str(number), 0)
    assert failed.wait_s("a", 0) == 0


@pytest.mark.rule("SIG-8")
def test_a_burst_is_one_line_and_one_count() -> None:
    over: list[tuple[str, int]] = []
    bursts = Bursts(lambda kind, count: over.append((kind, count)))
    assert [bursts.is_first("x", at) for at in (0, 1, 2, 3)] == [True, False, False, False]
    bursts.settle(12.9)
    assert over == []
    bursts.settle(13)
    assert over == [("x", 4)]
    assert bursts.is_first("x", 14)


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_pauses_grow_to_a_limit_and_never_vanish(attempt: int, chance: float) -> None:
    assert BACKOFF_FIRST_S / 2 <= backoff_s(attempt, chance) <= BACKOFF_MOST_S
