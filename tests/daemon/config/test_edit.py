"""One key of the file is changed and nothing else (CFG-7)."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.document import parse
from daemon.config.edit import Edit, apply_edit, parse_path, set_key, unset_key
from daemon.config.fault import ConfigFaults, Path, dotted
from tests.daemon.config.texts import SHIPPED

TEXT = SHIPPED.read_text(encoding="utf-8")
TREE: dict[str, Any] = parse(TEXT, "config.yaml").tree


def spelled(path: Path) -> str:
    """The path as it is typed; names that need quotes have them."""
    words = ""
    for step in path:
        if isinstance(step, int):
            words += f"[{step}]"
        else:
            name = f'"{step}"' if any(char in step for char in '."[]') else step
            words += f".{name}" if words else name
    return words


def places(tree: Any, path: Path = ()) -> list[Path]:
    """Every key and entry of the shipped file, sections and lists too."""
    found = [path] if path else []
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for step, value in inner:
        found += places(value, (*path, step))
    return found


PLACES = places(TREE)
_HEADS = [match.start() for match in re.finditer(r"^[a-z_]+:", TEXT, re.MULTILINE)] + [len(TEXT)]
SECTIONS = {TEXT[a:b].partition(":")[0]: TEXT[a:b] for a, b in itertools.pairwise(_HEADS)}
"""The shipped file cut at its top-level keys: a short text is read quickly, and there are many keys to try."""


def at(tree: Any, path: Path) -> Any:
    for step in path:
        tree = tree[step]
    return tree


def section(path: Path) -> str:
    return f"other: 1\n{SECTIONS[str(path[0])]}"


def tree_of(text: str) -> dict[str, Any]:
    document = parse(text, "")
    assert not document.faults
    return document.tree


def changed(before: str, path: Path, value: Any) -> dict[str, Any]:
    tree = tree_of(before)
    at(tree, path[:-1])[path[-1]] = value
    return tree


def untouched(before: str, after: str) -> tuple[list[str], list[str]]:
    """What differs between two texts: the lines of each without the common beginning and end."""
    old, new = before.splitlines(), after.splitlines()
    while old and new and old[0] == new[0]:
        old, new = old[1:], new[1:]
    while old and new and old[-1] == new[-1]:
        old, new = old[:-1], new[:-1]
    return old, new


def text(edited: str | ConfigFaults) -> str:
    assert isinstance(edited, str), str(edited)
    return edited


def fault(edited: str | ConfigFaults) -> str:
    assert isinstance(edited, ConfigFaults), edited
    return str(edited)


@pytest.mark.rule("CFG-7")
@pytest.mark.parametrize("path", PLACES, ids=dotted)
def test_any_key_of_the_shipped_file_can_be_set_and_nothing_else_changes(path: Path) -> None:
    before, was = section(path), at(TREE, path)
    edited = text(set_key(before, spelled(path), "'a new text'"))
    assert tree_of(edited) == changed(before, path, "a new text")
    old, new = untouched(before, edited)
    assert len(new) == 1
    assert isinstance(was, dict | list) or len(old) == 1
    code, comment, words = old[0].partition(" # ")
    if comment and not isinstance(was, dict | list):
        assert new[0].endswith(f" # {words}")
    if isinstance(path[-1], str):
        assert new[0].startswith(code.partition(":")[0])


@pytest.mark.rule("CFG-7")
@pytest.mark.parametrize("path", PLACES, ids=dotted)
def test_any_key_of_the_shipped_file_can_be_taken_out_and_nothing_else_changes(path: Path) -> None:
    before = section(path)
    edited = text(unset_key(before, spelled(path)))
    tree = tree_of(before)
    del at(tree, path[:-1])[path[-1]]
    assert tree_of(edited) == tree
    old, new = untouched(before, edited)
    assert len(new) <= 1
    kept = {line for line in before.splitlines() if line.lstrip().startswith("#")} - set(old)
    assert kept <= set(edited.splitlines())


VALUES = ("null", "true", "[a, 1]", '{"x y": "1"}', "0.50", "on", "a: b", "#", "- x", "%", "a#b, c}")


@pytest.mark.rule("CFG-7")
@given(st.sampled_from(PLACES), st.integers() | st.text(max_size=30) | st.sampled_from(VALUES))
def test_what_was_set_is_what_is_read_or_the_edit_is_refused(path: Path, value: object) -> None:
    before = section(path)
    edited = set_key(before, spelled(path), str(value))
    if isinstance(edited, ConfigFaults):
        return
    wanted = parse(f"value: {str(value).strip()}", "").tree["value"]
    read = at(tree_of(edited), path)
    assert read == wanted or read == str(value).strip()  # A number in the place of a quoted one stays quoted.
    assert tree_of(edited) == changed(before, path, read)


@pytest.mark.rule("CFG-7")
@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("pool.max_open_groups", "20", "  max_open_groups: 20             # trades open at the same time"),
        ("pool.max_open_groups", "1000000", "  max_open_groups: 1000000        # trades open at the same time"),
        ("risk.loss_threshold_percent", "-7.5", '  loss_threshold_percent: "-7.5"  # of what is invested;'),
        ("strategy.default.levels[1].tp_percent", "0.6", '"0.5", weight_percent: "20", tp_percent: "0.6"}'),
        ("logging.level", "debug", "logging: {level: debug, file: logs/terrace.jsonl"),
        ("strategy.default.tp_by_pyramid.0", '"1.5"', 'tp_by_pyramid: {0: "1.5"}'),
        ("sources.tradingview.map.tv.symbol", "ticker", "map: {tv: {symbol: ticker}}"),
        ('sources.tradingview.map."tv.symbol"', "ticker", 'map: {tv.symbol: ticker}'),
        ('routes."*"', "other", 'routes: {"*": other}'),
        ("routes.BINANCE", "paper", 'routes: {"*": paper, BINANCE: paper}'),
    ],
)  # fmt: skip
def test_a_value_keeps_the_quotes_and_the_comment_its_column(path: str, value: str, line: str) -> None:
    assert line in text(set_key(TEXT, path, value))


@pytest.mark.rule("CFG-7")
def test_keys_sections_and_accounts_that_are_not_there_are_added() -> None:
    edited = text(set_key("config_version: 1\n# the end\n", "pool.max_open_groups", "3"))
    assert edited == "config_version: 1\n# the end\n\npool:\n  max_open_groups: 3\n"
    edited = text(set_key(edited, "pool.pyramids_bypass", "false"))
    assert edited.endswith("pool:\n  max_open_groups: 3\n  pyramids_bypass: false\n")
    edited = text(set_key(TEXT, "accounts.binance", "{exchange: binance, testnet: true}"))
    assert parse(edited, "").tree["accounts"]["binance"] == {"exchange": "binance", "testnet": True}
    assert text(set_key("config_version: 1\npool:\n", "pool.max_open_groups", "3")).endswith(
        "pool: {max_open_groups: 3}\n"
    )


@pytest.mark.rule("CFG-7")
def test_lists_grow_at_their_end() -> None:
    edited = text(set_key(TEXT, "accounts.paper.symbols[]", "DOT/USDT"))
    assert parse(edited, "").tree["accounts"]["paper"]["symbols"] == [
        *TREE["accounts"]["paper"]["symbols"],
        "DOT/USDT",
    ]
    levels = text(
        set_key(TEXT, "strategy.default.levels[]", '{gap_percent: "3", weight_percent: "0", tp_percent: "1"}')
    )
    assert '      - {gap_percent: "3", weight_percent: "0", tp_percent: "1"}\n    # or have them' in levels
    assert "overrides: [{match: {timeframe: 4h}, set: {}}]" in text(
        set_key(TEXT, "strategy.overrides[]", "{match: {timeframe: 4h}, set: {}}")
    )
    assert "set the whole list" in fault(set_key("config_version: 1\n", "queue.rank[]", "first_in"))


def test_line_ends_of_another_system_and_a_missing_last_one_stay() -> None:
    assert set_key("config_version: 1\r\npool:\r\n  max_open_groups: 3 # x\r\n", "pool.max_open_groups", "4") == (
        "config_version: 1\r\npool:\r\n  max_open_groups: 4 # x\r\n"
    )
    windows = text(set_key("config_version: 1\r\npool:\r\n  max_open_groups: 3\r\n", "pool.pyramids_bypass", "true"))
    assert windows == "config_version: 1\r\npool:\r\n  max_open_groups: 3\r\n  pyramids_bypass: true\r\n"
    assert unset_key(windows, "pool.max_open_groups") == "config_version: 1\r\npool:\r\n  pyramids_bypass: true\r\n"
    assert set_key("config_version: 1\npool:\n  max_open_groups: 3", "pool.pyramids_bypass", "true") == (
        "config_version: 1\npool:\n  max_open_groups: 3\n  pyramids_bypass: true"
    )


def test_what_cannot_be_changed_alone_is_refused() -> None:
    shared = "config_version: 1\na: &one {x: 1}\nb: *one\n"
    assert "an anchor, perhaps" in fault(set_key(shared, "b.x", "2"))
    assert "an anchor, perhaps" in fault(set_key(shared, "a.x", "2"))
    assert "an anchor, perhaps" in fault(set_key(shared, "b", "{x: 2}"))
    assert set_key(shared, "c", "3") == f"{shared}\nc: 3\n"


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (Edit(path="pool.", value="1"), "not the path of a key"),
        (Edit(path="", value="1"), "not the path of a key"),
        (Edit(path="x" * 1000, value="1"), "not the path of a key"),
        (Edit(path="pool.max_open_groups.deeper", value="1"), "holds a value, not keys"),
        (Edit(path="strategy.default.levels[9].tp_percent", value="1"), "add to the list with"),
        (Edit(path="strategy.default.levels.first", value="1"), "is a list: name an entry by its number"),
        (Edit(path="pool.max_open_groups", value=" "), "needs a value"),
        (Edit(path="pool.max_open_groups", value="1\nrisk: {}"), "on one line"),
        (Edit(path="pool.max_open_groups", value="{a: "), "not YAML on one line"),
        (Edit(path="pool.max_open_groups", value="!!python/object x"), "not YAML on one line"),
        (Edit(path="pool.nothing", unset=True), "its default counts already"),
        (Edit(path="pool[]", value="1"), "is not a list"),
    ],
)
def test_what_makes_no_sense_is_said(edit: Edit, words: str) -> None:
    assert words in fault(apply_edit(TEXT, edit))


def test_paths_are_read_as_people_write_them() -> None:
    assert parse_path("a.b[0].c") == ("a", "b", 0, "c")
    assert parse_path('a."b.c"."[x]"') == ("a", "b.c", "[x]")
