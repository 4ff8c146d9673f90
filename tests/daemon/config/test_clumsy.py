"""Configs as they are written in a hurry: each fault is told with line, remedy, and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.config.fault import ConfigFaults
from daemon.config.hints import number_meant
from daemon.config.load import LoadedConfig, load_text
from tests.daemon.config.texts import FILE, SHIPPED, faults, only_fault

pytestmark = pytest.mark.rule("CFG-1")

LEVELS = "strategy:\n  default:\n    levels:\n      - "
LIVE = "accounts:\n  paper: {}\n  b:\n    exchange: binance\n    api_secret: env:S\n    "
TP = "strategy:\n  default:\n    tp_percent: "
EXPOSURE = "limits:\n  max_total_exposure: "

CLUMSY = {
    # text: (path, line, the whole message)
    "pool:\n\tmax_open_groups: 5": ("", 3, "not valid YAML, column 1: a tab: indent with spaces"),
    "queue:\n  max_size: 5\n allow_replacement: true": (
        "",
        4,
        "not valid YAML, column 2: the indentation does not fit the lines above: "
        "keys of one section begin in one column",
    ),
    'engine:\n  reporting_currency: "USDT\npool: {}\n': (
        "",
        5,
        "not valid YAML, column 1: a quote that is never closed (it begins in line 3)",
    ),
    "queue:\n  rank: [first_in, replacements\npool:\n  max_open_groups: 5": (
        "",
        4,
        "not valid YAML, column 5: a bracket that is never closed, or a comma that is missing (it begins in line 3)",
    ),
    "accounts:\n  paper:\n    allow: [*/USDT]": (
        "",
        4,
        'not valid YAML, column 14: a value that begins with * or & must stand in quotes: "*"',
    ),
    "routes: {*: paper}": (
        "",
        2,
        'not valid YAML, column 11: a value that begins with * or & must stand in quotes: "*"',
    ),
    "engine:\n  reporting_timezone: Europe: Berlin": (
        "",
        3,
        "not valid YAML, column 29: a second colon in the line: put a value that holds ': ' in quotes",
    ),
    "notifications:\n  - url: @telegram": (
        "",
        3,
        "not valid YAML, column 10: a value that begins with such a character must stand in quotes",
    ),
    "data_dir: ./data\nnonsense": (
        "",
        3,
        "not valid YAML, column 9: a line that is no key: a key is followed by a colon and a space",
    ),
    "pool:\n  max_open_groups:5": (
        "pool",
        3,
        "must be a map of keys, found 'max_open_groups:5': write max_open_groups: and a space before the value",
    ),
    "pool: {max_open_groups:5}": (
        "pool.max_open_groups",
        2,
        "no key: write max_open_groups: and a space before the value",
    ),
    "pool:\n  max_open_groups = 5": (
        "pool",
        3,
        "must be a map of keys, found 'max_open_groups = 5': write max_open_groups: and a space before the value",
    ),
    f"{TP}1%": ("strategy.default.tp_percent", 4, "must be a decimal number, found '1%', did you mean \"1\"?"),
    f"{TP}1,5": ("strategy.default.tp_percent", 4, "must be a decimal number, found '1,5', did you mean \"1.5\"?"),
    f"{TP}\u201c1\u201d": (
        "strategy.default.tp_percent",
        4,
        "must be a decimal number, found '\u201c1\u201d', did you mean \"1\"?",
    ),
    f"{EXPOSURE}10,000": (
        "limits.max_total_exposure",
        3,
        "must be a decimal number, found '10,000', did you mean \"10000\"?",
    ),
    f"{EXPOSURE}1000 USDT": (
        "limits.max_total_exposure",
        3,
        "must be a decimal number, found '1000 USDT', did you mean \"1000\"?",
    ),
    f"{EXPOSURE}$1000": (
        "limits.max_total_exposure",
        3,
        "must be a decimal number, found '$1000', did you mean \"1000\"?",
    ),
    f"{EXPOSURE}-100": ("limits.max_total_exposure", 3, 'is out of bounds, found -100, did you mean "100"?'),
    "risk:\n  post_full_wait_s: 60m": (
        "risk.post_full_wait_s",
        3,
        "must be a whole number, found '60m', did you mean 3600?",
    ),
    "risk:\n  post_full_wait_s: 1h": (
        "risk.post_full_wait_s",
        3,
        "must be a whole number, found '1h', did you mean 3600?",
    ),
    "risk:\n  loss_threshold_percent: 5": (
        "risk.loss_threshold_percent",
        3,
        'is out of bounds, found 5, did you mean "-5"?',
    ),
    "risk:\n  enabled: yes": (
        "risk.enabled",
        3,
        "must be true or false, found 'yes', did you mean true without quotes?",
    ),
    "risk:\n  timerStart: after_full_pyramids": ("risk.timerStart", 3, "unknown key, did you mean timer_start?"),
    "risk:": ("risk", 2, "must be a map of keys, found nothing: leave the line out, or write keys below it, indented"),
    "pool:\n  max_open_groups: 5.0": ("pool.max_open_groups", 3, "must be a whole number, found 5.0, did you mean 5?"),
    'pool:\n  max_open_groups: "5"': ("pool.max_open_groups", 3, "must be a whole number, found '5', did you mean 5?"),
    "pool:\n  max_open_groups: 5 // five": (
        "pool.max_open_groups",
        3,
        "must be a whole number, found '5 // five', did you mean 5?",
    ),
    "pool:\n  max_open_groups: 5\n  max_open_groups: 6": (
        "pool.max_open_groups",
        4,
        "the key stands here twice, first in line 3",
    ),
    "strategy:\n  default:\n    tp_mode: Per-Leg": (
        "strategy.default.tp_mode",
        4,
        "not a choice here, found 'Per-Leg', did you mean per_leg?",
    ),
    "strategy:\n  tp_mode: aggregate": (
        "strategy.tp_mode",
        3,
        "unknown key; a key of that name stands under strategy.default",
    ),
    "strategy:\n  default:\n    levels:\n      gap_percent: 0": (
        "strategy.default.levels",
        4,
        "must be a list, found a map: each entry begins with a dash",
    ),
    f"{LEVELS}{{gap_percent: 0, weight_percent: 100}}": (
        "strategy.default.levels[0].tp_percent",
        5,
        "is needed here and missing",
    ),
    "routes:\n  - BINANCE: paper": (
        "routes",
        2,
        "must be a map of keys, found a list: its entries begin without a dash",
    ),
    "accounts:\n  paper:\n    symbols: BTC/USDT": (
        "accounts.paper.symbols",
        4,
        "must be a list, found 'BTC/USDT': write it in brackets, [BTC/USDT]",
    ),
    "routes:\n  BINANCE: bnance\naccounts: {paper: {}, binance: {exchange: binance}}": (
        "routes.BINANCE",
        3,
        "there is no account bnance, did you mean binance?",
    ),
    "\u00a0pool: {}": ("\u00a0pool", 2, "unknown key, did you mean pool? (it holds a character that is not seen)"),
    f"{LIVE}api_key: AKIA0123456789": (
        "accounts.b.api_key",
        7,
        "must be a reference to a secret, not the secret itself (value not shown)",
    ),
}


@pytest.mark.parametrize("text", CLUMSY)
def test_a_clumsy_config_is_answered_with_place_and_remedy(text: str) -> None:
    fault = only_fault(text)
    assert (fault.path, fault.line, fault.message) == CLUMSY[text]


def test_what_is_allowed_is_told_with_the_unit() -> None:
    assert only_fault(f"{TP}1%").allowed == ("above 0 to 1000 %",)
    assert only_fault("risk:\n  post_full_wait_s: 1h").allowed == ("0 to 315360000 s",)
    assert only_fault(f"{LEVELS}{{gap_percent: 0, weight_percent: 100}}").allowed == ("above 0 to 1000 %",)
    assert "env:..." in only_fault(f"{LIVE}api_key: AKIA0123456789").allowed


def test_a_key_that_belongs_a_step_further_in_is_led_there() -> None:
    found = faults("strategy:\n  overrides:\n    - symbol: BTC/USDT\n      tp_mode: aggregate")
    told = {fault.path: fault.message for fault in found}
    assert told["strategy.overrides[0].symbol"].endswith("stands under strategy.overrides[0].match")
    assert told["strategy.overrides[0].tp_mode"].endswith("stands under strategy.overrides[0].set")


SECRET = "AKIASECRET"


@pytest.mark.rule("LOG-4")
@pytest.mark.parametrize(
    "text",
    [
        f"{LIVE}api_key: {SECRET}",
        f"{LIVE}api_key:{SECRET}",
        f"{LIVE}api_key = {SECRET}",
        f"{LIVE}api_key: env: {SECRET}",
        f"accounts: {{paper: {{}}, b: {{exchange: binance, api_key:{SECRET}}}}}",
        f"accounts: {{paper: {{}}, b: {{exchange: binance, api_secret={SECRET}: x}}}}",
        f"accounts:\n  paper: {{}}\n  b:\n    api_key:{SECRET}",
        f"sources: {{tv: 'secret: {SECRET}'}}",
        f"engine:\n  mode: token:{SECRET}",
        f"notifications:\n  - tgram://{SECRET}/1",
        f"notifications:\n  - url: tgram://{SECRET}/1",
        f"storage: {{url: 'postgresql://u:{SECRET}@h/d'}}",
        f"sources:\n  tradingview:\n    secret: *{SECRET}",
        f"sources:\n  tradingview:\n    secret: !{SECRET} x",
        f'sources:\n  tradingview:\n    secret: "{SECRET}',
    ],
)
def test_a_secret_in_the_wrong_place_is_not_repeated(text: str) -> None:
    assert SECRET not in "\n".join(map(str, faults(text)))


@pytest.mark.parametrize(
    ("text", "unit", "meant"),
    [
        ("1.5%", "", ', did you mean "1.5"?'),
        ("-3 %", "", ', did you mean "-3"?'),
        ("1_000_000", "", ', did you mean "1000000"?'),
        ("1,234.5", "", ', did you mean "1234.5"?'),
        ("250ms", "ms", ', did you mean "250"?'),
        ("2 days", "s", ', did you mean "172800"?'),
        ("1m", "ms", ', did you mean "60000"?'),
        ("5 apples", "s", ""),
        ("1m", "groups", ', did you mean "1"?'),
        ("many", "", ""),
        ("1-2", "", ""),
        ("", "", ""),
        ("9" * 100, "", ""),
    ],
)
def test_a_number_is_read_as_it_was_meant(text: str, unit: str, meant: str) -> None:
    assert number_meant(text, unit) == meant


LINES = SHIPPED.read_text(encoding="utf-8").splitlines()


@given(
    line=st.integers(0, len(LINES) - 1),
    change=st.sampled_from(
        (
            lambda text: f"\t{text}",
            lambda text: f" {text}",
            lambda text: text.replace(": ", ":", 1),
            lambda text: text.replace(":", " =", 1),
            lambda text: text.replace('"', "", 1),
            lambda text: text.replace("_", "-", 1),
            lambda text: text.replace("{", "", 1),
            lambda text: text.replace("]", "", 1),
            lambda text: text.upper(),
            lambda text: f"{text}%",
            lambda text: f"- {text}",
            lambda text: text[: len(text) // 2],
            lambda text: f"{text}\n{text}",
        )
    ),
)
@settings(max_examples=150, deadline=None)
def test_a_slip_anywhere_in_the_shipped_file_is_told_with_a_line_or_is_none(line, change) -> None:  # type: ignore[no-untyped-def]
    text = "\n".join([*LINES[:line], change(LINES[line]), *LINES[line + 1 :]])
    found = load_text(text, FILE, {})
    if isinstance(found, LoadedConfig):
        return
    assert isinstance(found, ConfigFaults)
    for fault in found.faults:
        assert fault.line > 0
        assert fault.message
        assert Path(fault.source).name == FILE.name
