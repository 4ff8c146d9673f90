"""How much the API lets in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules.model import Reason
from actors.rules.settings import SourceSettings
from daemon.api.admission import MAX_ENTRIES_IN_FLIGHT, MAX_SIGNALS_IN_FLIGHT, Admission, Bucket
from daemon.api.errors import ApiReason, Failed


@pytest.mark.rule("SIG-8")
@given(st.integers(1, 600), st.integers(1, 50), st.lists(st.floats(0, 5), max_size=100))
def test_a_bucket_never_gives_more_than_its_size_and_what_flowed_in(rate: int, size: int, waits_s: list[float]) -> None:
    bucket, now_s, taken = Bucket(0.0), 0.0, 0
    for wait_s in waits_s:
        now_s += wait_s
        taken += bucket.spend(now_s, rate, size) == 0
        assert taken <= size + now_s * rate / 60 + 1e-6


@pytest.mark.rule("SIG-8")
def test_an_empty_bucket_says_when_there_is_a_token_again_and_then_there_is_one() -> None:
    bucket = Bucket(0.0)
    assert [bucket.spend(0.0, 60, 2) for _ in range(2)] == [0.0, 0.0]
    wait_s = bucket.spend(0.0, 60, 2)
    assert wait_s == pytest.approx(1.0)
    assert bucket.spend(wait_s, 60, 2) == 0.0


@pytest.mark.rule("SIG-8")
def test_each_source_has_a_bucket_of_its_own() -> None:
    admission = Admission(lambda: 0.0)
    one, two = (SourceSettings(name=name, rate_per_minute=60, burst=1) for name in ("one", "two"))
    admission.spend(one)
    admission.spend(two)
    with pytest.raises(Failed) as failed:
        admission.spend(one)
    assert failed.value.reason is ApiReason.RATE_LIMITED


def test_signals_in_flight_have_a_limit_and_those_that_end_make_room() -> None:
    admission = Admission()
    admission.in_flight = MAX_SIGNALS_IN_FLIGHT - 1
    with admission.one():
        with pytest.raises(Failed) as failed, admission.one():
            pass
        assert failed.value.reason is Reason.OVERLOADED
    with admission.one():
        pass
    assert admission.in_flight == MAX_SIGNALS_IN_FLIGHT - 1


@pytest.mark.rule("REC-4")
def test_entries_are_shed_while_exits_still_pass() -> None:
    admission = Admission()
    admission.in_flight = admission.entries_in_flight = MAX_ENTRIES_IN_FLIGHT
    with pytest.raises(Failed) as failed, admission.one(may_be_shed=True):
        pass
    assert (failed.value.reason, failed.value.retry_after_s) == (Reason.OVERLOADED, 1.0)
    with admission.one(may_be_shed=False):
        assert admission.in_flight == MAX_ENTRIES_IN_FLIGHT + 1
    assert (admission.shed, admission.shed_exits) == (1, 0)
    admission.in_flight = MAX_SIGNALS_IN_FLIGHT
    with pytest.raises(Failed), admission.one(may_be_shed=False):
        pass
    assert (admission.shed, admission.shed_exits) == (2, 1)


@pytest.mark.rule("REC-4")
def test_while_the_engine_is_behind_no_entry_is_let_in_and_every_exit_is() -> None:
    admission = Admission()
    admission.behind = "pool/paper has 3000 messages before it"
    with pytest.raises(Failed, match="exits are still taken"), admission.one(may_be_shed=True):
        pass
    with admission.one(may_be_shed=False):
        pass


@pytest.mark.rule("REC-4", "SIG-8")
@given(st.lists(st.booleans(), max_size=200), st.integers(1, 20))
def test_a_flood_of_entries_takes_nothing_from_the_exits_of_its_source(kinds: list[bool], burst: int) -> None:
    admission = Admission(lambda: 0.0)
    source = SourceSettings(name="one", rate_per_minute=60, burst=burst)
    passed = {True: 0, False: 0}
    for is_entry in kinds:
        try:
            admission.spend(source, is_entry)
        except Failed:
            continue
        passed[is_entry] += 1
    for is_entry in (True, False):
        assert passed[is_entry] == min(burst, kinds.count(is_entry))
