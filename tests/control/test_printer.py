"""Numbers in tables are for the eye; nothing else is changed, and JSON has all of them."""

from __future__ import annotations

import json

import pytest

from control.commands.engine import status_text
from control.commands.group import _facts
from control.printer import Column, Format, emit, pairs, shown, table
from protos.terrace.v1 import engine_pb2, group_pb2

LONG = "102.24759874007397466960352422907466960352422907467"


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (LONG, "102.24759874"),
        ("-0.123456789", "-0.12345679"),
        ("0.000000055561093084", "0.00000006"),
        ("0.000000000000000001", "0.000000000000000001"),
        ("99999999999999999.999999999999", "100000000000000000"),
        ("98.99009900", "98.99009900"),
        ("100", "100"),
        ("2026-11-22 14:00:00.123456789", "2026-11-22 14:00:00.123456789"),
        ("1.2.3456789012", "1.2.3456789012"),
        (7, "7"),
        (None, ""),
    ],
)
def test_only_a_number_with_too_many_places_is_rounded(value: object, seen: str) -> None:
    assert shown(value) == seen


def test_tables_and_facts_round_and_json_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    group = group_pb2.Group(average_entry=LONG)
    columns: list[Column[group_pb2.Group]] = [Column(title="ENTRY", value=lambda row: row.average_entry, right=True)]
    text = table([group], columns)
    assert text == "       ENTRY\n102.24759874"
    assert pairs([("average entry", LONG)]) == "average entry  102.24759874"
    emit(group, Format.JSON, lambda: text)
    assert json.loads(capsys.readouterr().out)["average_entry"] == LONG


def test_a_closing_group_says_its_reason_once() -> None:
    group = group_pb2.Group(state="GROUP_STATE_CLOSING", state_reason="MANUAL", close_reason="MANUAL")
    assert "closing MANUAL" in _facts(group)
    assert _facts(group).count("MANUAL") == 1


def test_a_risk_engine_that_is_off_is_said_not_to_be_built() -> None:
    assert "off (not built yet)" in status_text(engine_pb2.Status(risk_state="RISK_STATE_DISABLED"))
