"""The settings page's pure part: YAML in and out without floats, changes as edits, keys in words."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from control.client import AioClient, Invalid
from gui.pages.settings.config_verbs import MAX_YAML_CHARS, check
from gui.pages.settings.edits import MAX_CHANGES, Changed, edits_of, ordered, step
from gui.pages.settings.form import form, label, title
from gui.pages.settings.tree import read, text, written
from gui.verbs import Press
from protos.terrace.v1 import config_pb2 as pb


def edited(path: str, kind: str, value: object, before: object = None) -> list[tuple[str, str, bool]]:
    return [(e.path, e.value, e.unset) for e in edits_of(Changed(path=path, kind=kind, value=value, before=before))]


def test_a_number_stays_the_text_it_is_written_as() -> None:
    assert read("a: 0.10\nb: 1e3\nc: 007\nd: true\ne: null\nf: '0.5'\n1: 2026-01-01") == {
        "a": "0.10",
        "b": "1e3",
        "c": "007",
        "d": True,
        "e": None,
        "f": "0.5",
        "1": "2026-01-01",
    }


def test_what_is_not_yaml_is_nothing() -> None:
    assert read("a: [") is None


@given(st.text(max_size=60))
def test_any_text_is_read_back_as_the_same_text(given_text: str) -> None:
    line = text(given_text)
    assert "\n" not in line
    assert yaml.safe_load(f"value: {line}")["value"] == given_text


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.lists(st.text(max_size=8), max_size=3), max_size=4))
def test_a_map_is_written_on_one_line_and_read_back(value: dict[str, list[str]]) -> None:
    line = written(value, "TEXT")
    assert "\n" not in line
    assert yaml.safe_load(f"value: {line}")["value"] == value


def test_a_decimal_is_always_quoted_and_a_whole_number_never() -> None:
    assert written("0.50", "DECIMAL") == '"0.50"'
    assert written("12", "WHOLE") == "12"
    assert written("12.5", "WHOLE") == '"12.5"'
    assert written("on", "TEXT") == '"on"'
    assert written(None, "DECIMAL") == "null"
    assert written(True, "FLAG") == "true"
    assert written("reject_new", "TEXT") == "reject_new"


def test_a_single_value_is_a_single_edit() -> None:
    assert edited("pool.max_open_groups", "WHOLE", "15", "10") == [("pool.max_open_groups", "15", False)]


def test_a_ladder_is_edited_cell_by_cell_so_that_comments_stay() -> None:
    legs = [{"gap_percent": "0", "tp_percent": "1"}, {"gap_percent": "1", "tp_percent": "2"}]
    changed = [legs[0], {"gap_percent": "1", "tp_percent": "3"}]
    assert edited("strategy.default.levels", "DECIMAL", changed, legs) == [
        ("strategy.default.levels[1].tp_percent", '"3"', False)
    ]
    assert edited("strategy.default.levels", "DECIMAL", [*legs, {"gap_percent": "2", "tp_percent": "1"}], legs) == [
        ("strategy.default.levels[]", '{gap_percent: "2", tp_percent: "1"}', False)
    ]
    assert edited("strategy.default.levels", "DECIMAL", legs[:1], legs) == [("strategy.default.levels[1]", "", True)]


def test_a_ladder_the_file_does_not_have_is_written_whole() -> None:
    assert edited("strategy.default.levels", "DECIMAL", [{"gap_percent": "0"}]) == [
        ("strategy.default.levels", '[{gap_percent: "0"}]', False)
    ]


def test_a_map_is_edited_name_by_name_and_an_empty_one_whole() -> None:
    before = {"BTC/USDT": "1", "a.b": "2"}
    assert edited("m", "DECIMAL", {"BTC/USDT": "3", "X": "4"}, before) == [
        ("m.BTC/USDT", '"3"', False),
        ("m.X", '"4"', False),
        ('m."a.b"', "", True),
    ]
    assert edited("m", "DECIMAL", {}, before) == [("m", "{}", False)]


def test_what_is_taken_out_goes_last_and_from_the_end() -> None:
    edits = [pb.ConfigEdit(path=f"n[{at}]", unset=True) for at in (0, 2, 10)]
    done = ordered([*edits, pb.ConfigEdit(path="n[]", value="{}")])
    assert [edit.path for edit in done] == ["n[]", "n[10]", "n[2]", "n[0]"]


def test_a_name_with_dots_is_one_step_of_a_path() -> None:
    assert step("tv.symbol") == '"tv.symbol"'
    assert step("BTC/USDT:USDT") == "BTC/USDT:USDT"


def test_keys_are_said_in_words_without_their_unit() -> None:
    assert label("pool.max_open_groups") == "Maximum open groups"
    assert label("strategy.default.tp_percent") == "Take-profit"
    assert label("queue.opposite_max_age_s") == "Opposite maximum age"
    assert title("risk") == "Risk engine"


def test_the_form_holds_every_key_and_what_is_in_force() -> None:
    keys = [
        pb.ConfigKey(path="data_dir", kind="PATH", default_value="./data"),
        pb.ConfigKey(path="pool", kind="SECTION", help="How many."),
        pb.ConfigKey(path="pool.max_open_groups", kind="WHOLE", minimum="1", maximum="100", default_value="10"),
        pb.ConfigKey(path="notifications[].name", kind="TEXT", nullable=True, default_value="null"),
    ]
    config = pb.Config(version=3, etag="e", yaml="pool: {}", expanded_yaml="pool: {max_open_groups: 10}")
    found = form(keys, config)
    assert [one["key"] for one in found["sections"]] == ["general", "pool", "notifications"]
    assert found["in_force"] == {"pool": {"max_open_groups": "10"}}
    assert found["file"] == {"pool": {}}
    assert [key["path"] for key in found["keys"]] == [key.path for key in keys]
    assert found["keys"][2]["default_tree"] == "10"
    assert found["keys"][3]["default_tree"] is None


@pytest.mark.parametrize(
    "values",
    [
        {"changes": "pool.max_open_groups"},
        {"changes": [["pool.max_open_groups", "1"]]},
        {"changes": [{"kind": "WHOLE", "value": "1"}]},
        {"changes": [{"path": "a", "value": "1"}] * (MAX_CHANGES + 1)},
        {"yaml": "a" * (MAX_YAML_CHARS + 1)},
        {"yaml": 5},
    ],
)
def test_a_press_that_is_not_made_by_the_form_is_refused_before_the_engine_is_asked(values: dict[str, Any]) -> None:
    nobody = cast(AioClient, None)
    press = Press(client=nobody, world="", values=values, request_id="r", is_preview=False)
    with pytest.raises(Invalid):
        asyncio.run(check(press))
