"""docs/contributing.md: the files it names exist, hold what it says they hold, and its steps lead where they should."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from daemon.config import checks, first
from daemon.config.schema_accounts import EXCHANGES
from daemon.exchanges import instruments, refusal_text, remedies, venue_codes
from daemon.exchanges.venues import _VENUES
from tests.docs.links import DOCS, ROOT, prose

PAGE = DOCS / "contributing.md"
ARCHITECTURE = DOCS / "architecture.md"
LINES = [line for _, line in prose(PAGE)]
ROOMS = ("actors", "control", "daemon", "docs", "gui", "packaging", "protos", "tests", "config.yaml", "mkdocs.yml")
_CODE = re.compile(r"`([^`]+)`")
_NAME = re.compile(r"_?[A-Z][A-Za-z]*(?:_[A-Z]+)*")


def _paths(text: str) -> list[str]:
    return [code for code in _CODE.findall(text) if code.partition("/")[0] in ROOMS and " " not in code]


def test_every_path_that_is_named_exists() -> None:
    named = [path for line in LINES for path in _paths(line)]
    assert len(named) > 60
    assert [path for path in named if not (ROOT / path).exists()] == []


@cache
def _words_of(path: Path) -> str:
    files = path.glob("*.py") if path.is_dir() else [path]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def test_names_of_the_code_stand_in_a_file_named_beside_them() -> None:
    """`TABLES` in `daemon/exchanges/venue_codes.py`: within one item or row, the name is in one of its files."""
    checked, lost = 0, []
    for part in _parts():
        paths = _paths(part)
        for name in _CODE.findall(part):
            if paths and _NAME.fullmatch(name) and name not in ("Decimal", "UNKNOWN"):
                checked += 1
                if not any(re.search(rf"\b{name}\b", _words_of(ROOT / path)) for path in paths):
                    lost.append((name, paths))
    assert checked > 25
    assert lost == []


def _parts() -> list[str]:
    """Items of lists and rows of tables whole, other text by paragraphs."""
    parts: list[str] = []
    for line in LINES:
        if not line.strip() or re.match(r"(\d+\.|-|\||#)", line) or not parts:
            parts.append(line)
        else:
            parts[-1] += " " + line
    return parts


def test_targets_of_make_that_are_named_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE))
    assert len(named) > 8
    assert sorted(named - targets) == []


@pytest.mark.parametrize(
    "table",
    [
        venue_codes.TABLES,
        venue_codes.LEFT_OUT,
        instruments._EXTRAS,
        remedies._BY_CODE,
        dict.fromkeys(refusal_text.CCXT_IDS),
        dict.fromkeys(exchange for exchange, _ in _VENUES),
    ],
)
def test_every_exchange_is_in_each_table_the_page_names(table: Mapping[str, Any]) -> None:
    assert set(EXCHANGES) <= set(table)


def test_every_exchange_is_offered_by_init_under_one_name() -> None:
    assert set(first.OFFERS) == set(EXCHANGES) - {"binanceusdm"}  # The older name of Binance's swaps.
    assert {name for name, offer in first.OFFERS.items() if offer.needs_passphrase} == set(checks.NEEDS_PASSPHRASE)
    assert {name for name, offer in first.OFFERS.items() if not offer.has_testnet} == set(checks.NO_TESTNET)


def test_what_it_says_lies_somewhere_lies_there() -> None:
    (block,) = re.findall(r"## Where things are\n\n```\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    named = [line.split()[0] for line in block.splitlines() if not line.startswith(" ")]
    assert len(named) > 15
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_dependency_says_why_it_is_there() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    wanted = settings["options"]["install_requires"].split() + [
        line for extra in settings["options.extras_require"].values() for line in extra.split()
    ]
    names = {re.split(r"[\[<>=!~]", line)[0] for line in wanted}
    table = PAGE.read_text(encoding="utf-8").partition("## What it stands on")[2]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| ")]
    listed = {name.strip() for row in rows for name in re.sub(r"\*\*.*?\*\*", "", row).split(",")} - {"package"}
    assert sorted(names - listed) == []
    assert sorted(listed - names) == []


def test_the_example_of_a_test_is_python() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        ast.parse(block)


def test_files_that_the_architecture_names_exist() -> None:
    text = "\n".join(line for _, line in prose(ARCHITECTURE))
    named = [path for path in _paths(text) if "*" not in path]
    assert len(named) > 15
    assert [path for path in named if not (ROOT / path).exists()] == []
