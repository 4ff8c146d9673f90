"""Every key is explained from the schema, and nothing else is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from daemon.commands import config as command
from daemon.config.describe import HELP, TOP, KeyDescription, all_keys, describe, joined, nearest_key, parts_of
from daemon.config.document import parse
from daemon.config.explain import KINDS, as_data, in_words
from daemon.config.flow import as_yaml
from daemon.config.load import LoadedConfig, default_config, load_config
from daemon.config.reference import PAGE, page
from daemon.config.reload import flatten
from daemon.config.section import Section
from daemon.config.validate import SECTIONS, TOP_LEVEL
from tests.daemon.config.texts import SHIPPED, load

RULES = (Path(__file__).parents[3] / "docs" / "rules.md").read_text(encoding="utf-8")
MAX_HELP = 400
BY_PATH = {key.path: key for key in all_keys()}


def shipped() -> LoadedConfig:
    loaded = load_config(SHIPPED, {})
    assert isinstance(loaded, LoadedConfig)
    return loaded


def only(path: str, running: LoadedConfig | None = None) -> KeyDescription:
    (found,) = describe(path, running)
    return found


# --- nothing is left out --------------------------------------------------------------------------


@pytest.mark.rule("CFG-1")
def test_every_key_is_explained_in_whole_sentences() -> None:
    for key in all_keys():
        assert key.help, f"{key.path} has no help: add it to daemon/config/help_*.py, or a description to its field"
        assert key.help.endswith("."), key.path
        assert len(key.help) <= MAX_HELP, key.path


def test_help_speaks_of_keys_that_exist_only() -> None:
    for model, fields in HELP.items():
        assert set(fields) <= set(model.model_fields), model
    assert set(TOP) <= set(TOP_LEVEL)


def test_every_key_of_a_config_is_described() -> None:
    for key in flatten(shipped().effective):
        assert describe(key, None), key


def test_every_model_of_the_schema_is_reached() -> None:
    reached = {model for model in HELP if model.model_fields}
    for model in _models(Section):
        names = {joined((key,)) for key in model.model_fields}
        paths = [key.path for key in all_keys() if parts_of(key.path)[-1] in names]
        assert paths, model
    assert reached


def _models(base: type[BaseModel]) -> list[type[BaseModel]]:
    below = [model for model in base.__subclasses__() if model.__module__.startswith("daemon.config")]
    return [*below, *(deeper for model in below for deeper in _models(model))]


def test_paths_are_told_once() -> None:
    assert len(BY_PATH) == len(all_keys())


def test_rules_that_are_named_exist() -> None:
    for key in all_keys():
        assert not key.rule or f"**{key.rule}**" in RULES, key.path


def test_kinds_are_those_of_the_contract() -> None:
    contract = (Path(__file__).parents[3] / "protos" / "terrace" / "v1" / "config.proto").read_text(encoding="utf-8")
    words = re.search(r"Kind of its value: (.*?)\.\n", contract, re.DOTALL)
    assert words is not None
    assert set(KINDS) == set(re.findall(r"[A-Z]+", words[1]))
    assert {key.kind for key in all_keys()} <= set(KINDS)


# --- what is said is so ---------------------------------------------------------------------------


def test_defaults_are_those_of_a_file_that_sets_nothing() -> None:
    defaults = flatten(default_config())
    for path, value in defaults.items():
        if path.startswith(("accounts.", "sources.", "routes.", "config_version")):
            continue  # Names of the user's own.
        assert BY_PATH[path].default == as_yaml(value), path


@pytest.mark.parametrize("key", [key for key in all_keys() if key.path not in ("config_version", "accounts")])
def test_default_and_example_are_taken(key: KeyDescription) -> None:
    for text in filter(None, (key.default, key.example)):
        parsed = parse(f"value: {text}", "x")
        assert not parsed.faults, text
        tried = _tried(key.path, text)
        if tried is not None:
            assert isinstance(load(tried), LoadedConfig)


def _tried(path: str, text: str) -> str | None:
    """A config with this value in the place of the key; None where more would have to be invented for it."""
    parts = parts_of(path)
    if parts[0] not in SECTIONS or "[]" in parts or "generate" in parts or path in NEEDS_MORE:
        return None
    return f"{parts[0]}: " + "".join(f"{{{part}: " for part in parts[1:]) + text + "}" * (len(parts) - 1)


NEEDS_MORE = (
    "limits.on_breach",
    "api.tls.client_ca",
    "api.tls.certificate",
    "api.tls.key",
    "strategy.default.sizing.source",
)


def test_bounds_words_and_unit_come_from_the_schema() -> None:
    pool = only("pool.max_open_groups")
    assert (pool.kind, pool.minimum, pool.maximum, pool.unit) == ("WHOLE", "1", "100000", "groups")
    loss = only("risk.loss_threshold_percent")
    assert (loss.kind, loss.minimum, loss.maximum, loss.unit) == ("DECIMAL", "-1000", "below 0", "% of invested")
    assert only("queue.overflow").allowed == ("reject_new", "evict_lowest")
    assert only("backup.every_hours").unit == "h"
    assert only("accounts.*.exchange").allowed[:2] == ("paper", "binance")
    assert only("api.tls.key").kind == "PATH"
    assert only("sources.*.secret").kind == "SECRET"
    assert only("risk.equal_quotes").kind == "LIST"
    assert only("accounts.*.balances").kind == "MAP"


def test_what_waits_for_a_restart_is_said() -> None:
    assert only("accounts.*.leverage").restart_required
    assert not only("accounts.*.max_open_groups").restart_required
    assert not only("risk.timer_start").restart_required


def test_null_is_told_where_it_is_taken() -> None:
    assert only("limits.max_drawdown_percent").nullable
    assert not only("pool.max_open_groups").nullable


# --- looking one up -------------------------------------------------------------------------------


def test_a_section_gives_all_below_it() -> None:
    found = [key.path for key in describe("precision", None)]
    assert found[0] == "precision"
    assert "precision.fallback.tick_size" in found
    assert all(path.split(".")[0] == "precision" for path in found)


def test_a_name_of_the_file_gives_its_value() -> None:
    running = shipped()
    assert only("accounts.paper.fill", running).value == "cross"
    assert only("strategy.default.levels[1].tp_percent", running).value == '"0.5"'
    assert only("accounts.*.fill", running).value == ""
    assert only("accounts.nobody.fill", running).value == ""
    assert only("strategy.default.levels[99].tp_percent", running).value == ""


def test_nothing_else_is_found() -> None:
    for path in ("timer_start", "risk.timer_start.x", "risk.", ".", "accounts.paper.nix", "levels[0]", "[", "a..b"):
        found = describe(path, shipped())
        assert not found or parts_of(path) == ("risk",), path


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("timer_start", "risk.timer_start"),
        ("risk.timerstart", "risk.timer_start"),
        ("pol", "pool"),
        ("strategy.tp_mode", "strategy.default.tp_mode"),
        ("queue.max_len", "queue.max_size"),
        ("xyzzy", ""),
    ],
)
def test_a_wrong_path_is_answered_with_the_nearest(wrong: str, meant: str) -> None:
    assert nearest_key(wrong) == meant


# --- as text and data -----------------------------------------------------------------------------


def test_the_words_for_a_key_hold_all_of_it() -> None:
    text = in_words(only("accounts.paper.max_open_groups", shipped()))
    for part in ("accounts.paper.max_open_groups", "1 to 100000", "or null", "null", "POOL-2", "taken while"):
        assert part in text


def test_data_is_named_as_in_the_contract() -> None:
    data = yaml.safe_load(as_data(describe("pool", shipped()), "yaml"))
    assert data["keys"][1]["path"] == "pool.max_open_groups"
    assert data["keys"][1]["value"] == "10"
    assert data == yaml.safe_load(as_data(describe("pool", shipped()), "json"))


@pytest.mark.parametrize(
    "value", [None, True, 5, "5", "true", "a b", "*", "1:30", "x: y", "", "BTC/USDT:USDT", "-", "#a"]
)
def test_a_value_on_one_line_reads_back_as_it_was(value: object) -> None:
    for wrapped in (value, [value, value], {"k": value, "BTC/USDT:USDT": [value]}):
        assert parse(f"v: {as_yaml(wrapped)}", "x").tree == {"v": wrapped}


# --- the page -------------------------------------------------------------------------------------


def test_the_reference_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make reference`"


# --- the command ----------------------------------------------------------------------------------


def test_explain_tells_of_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("explain", "risk.timer_start", "--config", str(SHIPPED)) == 0
    out = capsys.readouterr().out
    assert out.startswith("risk.timer_start\n")
    assert "in force  after_full_pyramids" in out


def test_explain_says_what_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("explain", "risk.timer_strt") == 3
    assert capsys.readouterr().err == "terraced: there is no key risk.timer_strt, did you mean risk.timer_start?\n"


def test_explain_works_while_the_file_is_broken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "config.yaml"
    broken.write_text("pool: [", encoding="utf-8")
    assert run("explain", "pool", "--config", str(broken)) == 0
    told = capsys.readouterr()
    assert "pool.max_open_groups" in told.out
    assert "in force" not in told.out
    assert "has faults" in told.err


def test_explain_lists_the_sections_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("explain", "--config", str(SHIPPED)) == 0
    out = capsys.readouterr().out
    assert all(f"{name}" in out for name in TOP_LEVEL)
    assert "pool.max_open_groups" not in out


def run(*arguments: str) -> int:
    from daemon.__main__ import main

    return main([command.NAME, *arguments])
