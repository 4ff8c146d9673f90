"""Tables on a terminal: cut where they must be, aligned whatever the letters, whole into a pipe."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control import printer
from control.printer import Column, cells_of, fit, layout, pairs, table, wrapped

Row = dict[str, str]
COLUMNS: list[Column[Any]] = [
    Column(title="GROUP", value=lambda row: row["group"]),
    Column(title="PNL", value=lambda row: row["pnl"], right=True),
    Column(title="WHY", value=lambda row: row["why"], free=True),
]
LONG = "the exchange refused the order because its price is too far from the mark; it is tried again at the next price"
ROW: Row = {"group": "01J9ZK3V8T", "pnl": "-12.50", "why": LONG}


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> Any:
    def set_to(columns: int) -> None:
        monkeypatch.setattr(printer, "screen_columns", lambda: columns)

    return set_to


def test_free_text_is_cut_on_a_terminal_and_says_so(narrow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printer, "_is_unicode", lambda: True)
    narrow(80)
    lines = table([ROW], COLUMNS).splitlines()
    assert max(map(len, lines)) == 80
    assert lines[1].startswith("01J9ZK3V8T  -12.50  the exchange refused")
    assert lines[1].endswith("…")


def test_wide_output_and_pipes_have_everything(narrow: Any) -> None:
    narrow(80)
    assert LONG in table([ROW], COLUMNS, wide=True)
    narrow(0)
    assert LONG in table([ROW], COLUMNS)


def test_numbers_and_names_are_never_cut(narrow: Any) -> None:
    narrow(60)
    assert "01J9ZK3V8T  -12.50" in table([ROW], COLUMNS)


def test_on_a_small_screen_each_row_is_a_block(narrow: Any) -> None:
    narrow(40)
    entry: Column[Any] = Column(title="ENTRY", value=lambda _: "100.00")
    lines = table([ROW, ROW], [*COLUMNS, entry]).splitlines()
    assert lines[:2] == ["GROUP  01J9ZK3V8T", "PNL    -12.50"]
    assert max(map(len, lines)) <= 40
    assert " ".join(line.strip() for line in lines[2 : lines.index("")])[4:].split() == [
        *LONG.split(),
        "ENTRY",
        "100.00",
    ]


def test_wide_letters_take_two_columns_and_joining_ones_none() -> None:
    assert (cells_of("abc"), cells_of("日本"), cells_of("e\u0301"), cells_of("ｱ")) == (3, 4, 1, 1)
    rows: list[Row] = [{"group": "日本語", "pnl": "1", "why": "x"}, {"group": "abc", "pnl": "10", "why": "y"}]
    first, second, third = table(rows, COLUMNS).splitlines()
    assert first == "GROUP   PNL  WHY"
    assert second == "日本語    1  x"
    assert third == "abc      10  y"


@given(text=st.text(max_size=60), width=st.integers(1, 40))
def test_what_is_fitted_takes_exactly_its_columns(text: str, width: int) -> None:
    assert cells_of(fit(text, width)) == width


@given(text=st.text(alphabet="ab 日", max_size=80), width=st.integers(8, 30))
def test_wrapping_loses_no_word(text: str, width: int) -> None:
    assert " ".join(wrapped(text, width)).split() == text.split()


@given(
    rows=st.lists(st.tuples(st.text(max_size=12), st.text(max_size=80), st.text(max_size=80)), max_size=4),
    room=st.integers(1, 200),
)
def test_a_table_with_room_for_its_least_widths_fits(rows: list[tuple[str, str, str]], room: int) -> None:
    columns: list[Column[Any]] = [
        Column(title="A", value=lambda row: row[0]),
        Column(title="B", value=lambda row: row[1], free=True),
        Column(title="C", value=lambda row: row[2], free=True),
    ]
    cells = [[printer.shown(cell) for cell in row] for row in rows]
    fixed = max([1, *(cells_of(line[0]) for line in cells)])
    text = layout(["A", "B", "C"], cells, columns, room)
    if room >= fixed + 2 * (printer.GAP + printer.LEAST_FREE) and room >= printer.SMALL_SCREEN:
        assert all(cells_of(line) <= room for line in text.split("\n"))


def test_facts_go_on_below_their_value(narrow: Any) -> None:
    narrow(40)
    lines = pairs([("why", LONG), ("state", "open")]).splitlines()
    assert lines[1].startswith("       ")
    assert lines[-1] == "state  open"
    assert max(map(len, lines)) <= 40
