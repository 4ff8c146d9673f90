"""Keys that are read and checked but have no effect in this version. Each that is set is said so, never ignored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actors.rules.choices import MarginMode


def not_yet(config: Mapping[str, Any]) -> Iterator[str]:
    """A warning for each key of an effective config set to something this version does not do."""
    for name, account in config["accounts"].items():
        if account["exchange"] == "paper" and account["margin_mode"] != MarginMode.ISOLATED:
            yield f"accounts.{name}.margin_mode has no effect yet: the paper exchange margins each position by itself"
