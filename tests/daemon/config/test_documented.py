"""The configurations that the documentation shows hold as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from actors.rules.choices import Market
from tests.daemon.config.texts import load

PAGE = (Path(__file__).parents[3] / "docs" / "exchanges.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
TOUR = re.findall(r"<<'END'\nconfig_version: 1\n(.*?)^END$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", SNIPPETS + TOUR)
def test_an_example_loads_without_a_warning(text: str) -> None:
    loaded = load(text)
    assert loaded.warnings == ()
    assert all(account.api_key is not None for account in loaded.settings.accounts.values() if not account.is_paper)


def test_every_exchange_has_an_example_and_swaps_too() -> None:
    accounts = [account for text in SNIPPETS for account in load(text).settings.accounts.values()]
    assert {account.exchange for account in accounts} >= {"binance", "bybit", "okx", "kucoin", "mexc", "gate"}
    assert {account.market for account in accounts} == {Market.SPOT, Market.SWAP}
    assert TOUR
