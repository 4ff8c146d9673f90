"""Configuration on pages: keys that are named exist, and examples are accepted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.config.fault import ConfigFaults
from daemon.config.load import load_text
from tests.docs.commands import pages
from tests.docs.page import ROOT, Block, blocks_of

SHIPPED: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
NAMED = re.compile(r"`([a-z_]+(?:\.[A-Za-z_\[\]0-9*]+)+)(?:: [^`]*)?`")
ON_PURPOSE = "can be reached from outside this machine, without TLS"
"""Said in the words beside the example."""
NOT_KEYS = (
    "api.call",
    "api.login",
    "api.tokens_changed",
    "backup.made",
    "vault.json",
    "strategy.order.",
    "strategy.prev",
)
"""Events and a file."""
OF_AN_ALERT = ("risk.stop_loss", "risk.take_profit", "risk.max_slippage_percent")
"""Fields of a message that sound like keys."""


def _known() -> list[re.Pattern[str]]:
    """Of each key a pattern: names in it are the reader's own. A key's section counts, too."""
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    keys = re.findall(r"^### `([^`]+)`", text, re.MULTILINE)
    found = {key.rsplit(".", depth)[0] for key in keys for depth in range(key.count("."))} | set(keys)
    return [
        re.compile(re.escape(key).replace(r"\*", r"(?:\*|[A-Za-z0-9_-]+)").replace(r"\[\]", r"(?:\[\d*\])?"))
        for key in sorted(found)
    ]


KNOWN = _known()
YAML = [
    (path, block)
    for path in pages()
    for block in blocks_of(path.read_text(encoding="utf-8"))
    if block.language == "yaml"
]


def named_keys(path: Path) -> list[str]:
    """What a page calls by the name of a key."""
    text = path.read_text(encoding="utf-8")
    named = [key.removesuffix(".*") for key in NAMED.findall(text) if not key.endswith(".py")]
    return [key for key in named if key.partition(".")[0] in SHIPPED and not key.startswith(NOT_KEYS + OF_AN_ALERT)]


def is_known(key: str) -> bool:
    return key in SHIPPED or any(pattern.fullmatch(key) for pattern in KNOWN)


def test_every_key_a_page_names_exists() -> None:
    assert sum(len(named_keys(path)) for path in pages()) > 300
    unknown = {f"{path.name}: {key}" for path in pages() for key in named_keys(path) if not is_known(key)}
    assert sorted(unknown) == []


def test_a_key_that_does_not_exist_is_found() -> None:
    assert is_known("accounts.paper.fees.maker_percent")
    assert is_known("sources.X.max_age_s")
    assert not is_known("accounts.paper.fee")
    assert not is_known("pool.max_groups")


def _is_config(block: Block) -> dict[str, Any] | None:
    """The block as configuration; None if it is another program's file or a piece out of the middle."""
    tree = yaml.safe_load(re.sub(r"^(\s*)\.\.\.$|…", "", block.text, flags=re.MULTILINE))
    return tree if isinstance(tree, dict) and tree and set(tree) <= {*SHIPPED, "notifications"} else None


@pytest.mark.parametrize(
    ("path", "block"), YAML, ids=[f"{path.name}:{block.lines[0].number}" for path, block in YAML if block.lines]
)
def test_every_example_of_a_configuration_is_accepted(path: Path, block: Block, tmp_path: Path) -> None:
    tree = _is_config(block)
    if tree is None:
        pytest.skip("no configuration of ours")
    whole = {"config_version": 1, **tree}
    if "accounts" not in tree:
        whole["accounts"] = {"paper": {"exchange": "paper"}}
        whole.setdefault("routes", {"*": "paper"})
    found = load_text(yaml.safe_dump(whole, sort_keys=False), tmp_path / "config.yaml", {})
    faults = [str(fault) for fault in found.faults] if isinstance(found, ConfigFaults) else []
    faults = [fault for fault in faults if ON_PURPOSE not in fault]
    assert faults == [], block.text
