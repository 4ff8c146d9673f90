"""Tables, bars and log lines for people."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.printer import Column, enum_name, plain, table
from control.readable import readable_line
from control.screen import bar, group_lines, progress
from protos.terrace.v1 import account_pb2, config_pb2, engine_pb2, report_pb2, risk_pb2, signal_pb2, types_pb2
from tests.control.fake_daemon import a_group


@pytest.mark.parametrize(
    ("entry", "target", "mark", "share"),
    [
        ("100", "102", "101", "0.5"),
        ("100", "98", "99", "0.5"),
        ("100", "102", "90", "0"),
        ("100", "102", "110", "1"),
        ("100", "100", "100", None),
        ("", "102", "101", None),
        ("100", "NaN", "101", None),
    ],
)
def test_progress_is_the_way_from_entry_to_target(entry: str, target: str, mark: str, share: str | None) -> None:
    assert progress(entry, target, mark) == (None if share is None else Decimal(share))


def test_a_bar_fills_with_its_share() -> None:
    assert bar(Decimal("0.5")) == "█████░░░░░  50%"
    assert bar(Decimal(1)) == "██████████ 100%"
    assert bar(None) == ""


@given(st.integers(0, 30), st.integers(0, 20))
def test_a_screen_never_holds_more_lines_than_it_has(count: int, most: int) -> None:
    lines, left_out = group_lines([a_group(f"g{n}") for n in range(count)], most)
    assert len(lines) <= most
    assert left_out == max(0, count - most)
    assert sum(not line.is_leg for line in lines) == min(count, most)


def test_every_field_of_a_message_is_printed() -> None:
    values = plain(signal_pb2.SubmitSignalResponse(signal=signal_pb2.Signal(outcome="OUTCOME_OPENED")))
    signal = values["signal"]
    assert set(signal) == set(signal_pb2.Signal.DESCRIPTOR.fields_by_name)
    assert signal["outcome"] == "OPENED"
    assert signal["pyramid_index"] is None
    assert signal["problems"] == []
    assert plain(signal_pb2.SubmitSignalResponse())["signal"] is None


def test_every_enum_loses_its_prefix() -> None:
    for file in (types_pb2, account_pb2, config_pb2, risk_pb2, report_pb2):
        for enum in file.DESCRIPTOR.enum_types_by_name.values():
            names = {enum_name(enum, value.number) for value in enum.values}
            assert "UNSPECIFIED" in names, enum.name
    assert enum_name(engine_pb2.Status.DESCRIPTOR.fields_by_name["state"].enum_type, 99) == "99"


def test_a_table_stands_in_columns_and_shows_wide_ones_only_when_asked() -> None:
    columns: list[Column[dict[str, str]]] = [
        Column(title="NAME", value=lambda row: row["name"]),
        Column(title="N", value=lambda row: row["n"], right=True),
        Column(title="MORE", value=lambda row: row["more"], wide=True),
    ]
    rows = [{"name": "a", "n": "1", "more": "x"}, {"name": "long one", "n": "100", "more": "y"}]
    assert table(rows, columns) == "NAME        N\na           1\nlong one  100"
    assert table(rows, columns, wide=True).splitlines()[0] == "NAME        N  MORE"


def test_a_log_line_becomes_readable_and_other_lines_stay() -> None:
    entry = {"time": "2025-06-01T12:34:56.789Z", "severity": "info", "category": "x", "message": "ready", "port": 7461}
    assert readable_line(json.dumps(entry)) == "12:34:56Z info     ready  port=7461"
    for line in ("plain words", "{not json", '{"no": "message"}', "[1]"):
        assert readable_line(line) == line


@pytest.mark.parametrize(
    ("percent", "cell"), [("1.23456789", " 1.23%"), ("-0.001", " 0.00%"), ("-2", " -2.00%"), ("", "")]
)
def test_a_percentage_of_profit_has_two_decimals(percent: str, cell: str) -> None:
    group = a_group()
    group.unrealized_pnl_percent = percent
    (line, *_), _left_out = group_lines([group], 1)
    assert line.cells[7] == f"2.00{cell}"
