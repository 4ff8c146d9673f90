"""The forwarder's log shows the name in an address only where it can be one."""

from __future__ import annotations

import pytest

from control.forwarder.settings import SourceSettings
from control.forwarder.shown import MASK, source_name

SECRET = "k7Xq9LmZ2vTsA4B1wYdE"
SOURCES = {
    "tv": SourceSettings(name="tv", secret=SECRET),
    "signed": SourceSettings(name="signed", hmac_secret="h" * 40),
}


@pytest.mark.rule("LOG-4")
@pytest.mark.parametrize("given", [SECRET, SECRET[:12], f"x{SECRET}", "h" * 32, "y" * 33, "a/b", "a b", "", "ä?"])
def test_what_may_be_a_secret_is_not_shown(given: str) -> None:
    assert source_name(given, SOURCES) == MASK


@pytest.mark.parametrize("given", ["tv", "signed", "tradingview", "my-source_2"])
def test_a_name_is_shown(given: str) -> None:
    assert source_name(given, SOURCES) == given
