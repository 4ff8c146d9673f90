"""Reading recorded alerts: exact bodies, clear words for every kind of bad line, bounded."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.replay import signals as module
from daemon.replay.model import TimedAlert
from daemon.replay.signals import MAX_LINE_BYTES, BadSignals, read_signals

ONE = ("tradingview",)
TWO = ("bots", "tradingview")
GOOD = '{"time": 1000000000000, "body": {"a": 1}}'

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def of(text: str) -> Path:
        path = tmp_path / "signals.jsonl"
        path.write_text(text, encoding="utf-8")
        return path

    return of


def fault(path: Path, sources: tuple[str, ...] = ONE) -> str:
    with pytest.raises(BadSignals) as raised:
        read_signals(path, sources)
    return str(raised.value)


def test_a_body_is_taken_over_character_by_character(write: Write) -> None:
    body = '{"tv": {"close_price": 1.10000000000000000001, "x": [1E3, -0.0, "\\u00e9", "é"]} , "n":null}'
    path = write('{"body":' + body + ', "other": {"deep": []}, "time" : 1000000000005}\n')
    found = read_signals(path, ONE)
    assert found.alerts == (TimedAlert(time_ms=1000000000005, source="tradingview", body=body.encode()),)


def test_a_string_body_is_the_text_that_came_in_whatever_it_is(write: Write) -> None:
    path = write(json.dumps({"time": 1000000000005, "body": 'no "JSON" {{ticker}}'}) + "\n")
    assert read_signals(path, ONE).alerts[0].body == b'no "JSON" {{ticker}}'


def test_empty_lines_are_nothing_and_a_packed_file_is_the_same(write: Write, tmp_path: Path) -> None:
    text = f"\n{GOOD}\n   \n{GOOD}\n"
    packed = tmp_path / "signals.jsonl.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    one, other = read_signals(write(text), ONE), read_signals(packed, ONE)
    assert len(one.alerts) == 2
    assert (other.alerts, other.sha256) == (one.alerts, one.sha256)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "is not a JSON object"),
        ("[1]", "it does not begin with {"),
        ('{"time": 1000000000001 "body": {}}', "a , is missing at column 24"),
        ('{"time" 1}', "a : is missing"),
        ('{"time": 1000000000001, "body": {}} x', "something follows the object"),
        ('{"time": 1000000000001, "time": 1000000000002, "body": {}}', "time stands in it twice"),
        ("{1: 2}", "no string"),
        ('{"body": {}}', "its time must be a whole number of milliseconds"),
        ('{"time": true, "body": {}}', "its time must be a whole number"),
        ('{"time": 1.5, "body": {}}', "its time must be a whole number"),
        ('{"time": "1", "body": {}}', "its time must be a whole number"),
        ('{"time": 1748736000, "body": {}}', "its time 1748736000 is not in milliseconds"),
        ('{"time": 100000000000001, "body": {}}', "is not in milliseconds"),
        ('{"time": 1000000000001}', "its body must be an object, or a string"),
        ('{"time": 1000000000001, "body": [1]}', "its body must be an object, or a string"),
        ('{"time": 1000000000001, "body": null}', "its body must be an object, or a string"),
        ('{"time": 1000000000001, "body": {}, "source": "who"}', 'must be one of tradingview, not "who"'),
        ('{"time": 1000000000001, "body": {}, "source": 7}', "must be one of tradingview, not 7"),
        ("[" * 100_000, "is not a JSON object: it does not begin with {"),
        ('{"time": 1000000000001, "body": ' + "[" * 100_000, "is nested too deeply"),
        ('{"time": ' + "9" * 5000 + ', "body": {}}', "is not a JSON object"),
    ],
)
def test_a_bad_line_is_named_with_what_is_wrong(write: Write, line: str, words: str) -> None:
    found = fault(write(f"{GOOD}\n\n{line}\n"))
    assert found.startswith("signals.jsonl:3: ")
    assert words in found
    assert "--skip-bad" in found


def test_bytes_that_are_no_text_are_a_bad_line(tmp_path: Path) -> None:
    path = tmp_path / "signals.jsonl"
    path.write_bytes(b'{"time": 1000000000001, "body": "\xff"}\n')
    assert "is not UTF-8 text" in fault(path)


def test_lines_must_be_in_the_order_of_time_and_equal_times_keep_theirs(write: Write) -> None:
    rows = [(5, "a"), (5, "b"), (4, "c")]
    path = write("".join(json.dumps({"time": 10**12 + ms, "body": text}) + "\n" for ms, text in rows))
    assert "signals.jsonl:3: its time 1000000000004 is before 1000000000005 of line 2" in fault(path)
    found = read_signals(path, ONE, skip_bad=True)
    assert [alert.body for alert in found.alerts] == [b"a", b"b"]


def test_bad_lines_can_be_left_out_and_are_counted(write: Write) -> None:
    found = read_signals(write(GOOD + "\n" + "nonsense\n" * 30 + GOOD + "\n"), ONE, skip_bad=True)
    assert (len(found.alerts), found.skipped_count) == (2, 30)
    assert len(found.skipped) == module.MAX_NAMED
    assert found.skipped[0].startswith("signals.jsonl:2: is not a JSON object")


def test_a_line_too_long_is_one_bad_line_and_the_next_is_read(write: Write) -> None:
    long = '{"time": 1000000000001, "body": "' + "x" * (3 * MAX_LINE_BYTES) + '"}'
    path = write(f"{long}\n{GOOD}\n")
    assert f"signals.jsonl:1: is longer than {MAX_LINE_BYTES} bytes" in fault(path)
    found = read_signals(path, ONE, skip_bad=True)
    assert (len(found.alerts), found.skipped_count) == (1, 1)


def test_a_file_without_a_signal_is_a_fault(write: Write) -> None:
    assert fault(write("")) == "signals.jsonl: there is no signal in it"
    assert fault(write("\n \n")) == "signals.jsonl: there is no signal in it"
    with pytest.raises(BadSignals, match="no signal in it: all 2 lines are faulty"):
        read_signals(write("x\ny\n"), ONE, skip_bad=True)


def test_more_signals_than_the_limit_are_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SIGNALS", 2)
    assert "signals.jsonl:3: more than 2 signals" in fault(write(f"{GOOD}\n" * 3))


def test_a_source_is_named_by_the_line_else_the_only_one_else_by_the_body(write: Write) -> None:
    named = '{"time": 1000000000001, "body": {"source": "tradingview"}, "source": "bots"}'
    own = '{"time": 1000000000001, "body": {"source": "tradingview"}}'
    assert read_signals(write(named), TWO).alerts[0].source == "bots"
    assert read_signals(write(own), TWO).alerts[0].source == "tradingview"
    assert read_signals(write('{"time": 1000000000001, "body": "x"}'), ONE).alerts[0].source == "tradingview"
    assert "must be one of bots, tradingview, not none" in fault(write('{"time": 1000000000001, "body": "x"}'), TWO)


def test_a_file_that_is_not_there_or_breaks_off_is_said(tmp_path: Path) -> None:
    assert fault(tmp_path / "none.jsonl") == "none.jsonl: No such file or directory"
    broken = tmp_path / "signals.jsonl.gz"
    broken.write_bytes(gzip.compress(GOOD.encode() * 1000)[:-12])
    assert "signals.jsonl.gz: " in fault(broken)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), JSON, max_size=4), st.integers(10**11, 10**13), st.booleans())
def test_whatever_object_was_sent_comes_back(tmp_path_factory: Any, body: Any, time_ms: int, ascii: bool) -> None:
    path = tmp_path_factory.mktemp("any") / "signals.jsonl"
    path.write_text(json.dumps({"body": body, "time": time_ms}, ensure_ascii=ascii) + "\n", encoding="utf-8")
    alert = read_signals(path, ONE).alerts[0]
    assert alert.time_ms == time_ms
    assert json.loads(alert.body) == body
