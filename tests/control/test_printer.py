"""Numbers in tables are for the eye; nothing else is changed, and JSON has all of them."""

from __future__ import annotations

import json

import pytest

from control.commands.engine import status_text
from control.commands.group import _facts
from control.printer import Column, Format, emit, pairs, shown, table
from protos.terrace.v1 import engine_pb2, group_pb2, risk_pb2

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


def test_a_risk_engine_that_is_off_is_said_to_be_off() -> None:
    assert "risk engine     off\n" in status_text(engine_pb2.Status(risk_state="RISK_STATE_DISABLED"))


def test_an_amount_with_its_currency_is_rounded_for_the_eye() -> None:
    text = status_text(engine_pb2.Status(realized_pnl="-24.084828824071322375", reporting_currency="USDT"))
    assert "realized        -24.08482882 USDT\n" in text
    assert "unrealized" not in text, "what is not known is left out"


def test_a_stop_is_said_in_words_with_the_place_where_it_rests() -> None:
    group = group_pb2.Group(stop_price="57600", stop_reason="TRAILING_STOP")
    assert "57600 (trailing stop)" in _facts(group)
    group.pyramids.add()
    assert "57600 (trailing stop, watched)" in _facts(group)
    group.orders.add(role="ORDER_ROLE_STOP", state="ORDER_STATE_OPEN")
    assert "57600 (trailing stop, rests at the exchange)" in _facts(group)


def test_the_entries_of_a_map_stand_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    action = risk_pb2.RiskAction(
        inputs=dict.fromkeys(["zebra", "loser", "fees", "buffer", "winner_1", "winner_2"], "1")
    )
    emit(action, Format.JSON, str)
    found = list(json.loads(capsys.readouterr().out)["inputs"])
    assert found == sorted(found)
