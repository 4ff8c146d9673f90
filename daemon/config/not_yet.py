"""Keys that are read and checked but have no effect in this version. Each that is set is said so, never ignored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from actors.rules.choices import MarginMode
from daemon.config.reload import flatten


@dataclass(frozen=True, slots=True)
class NotYet:
    """`key` is a dotted key; `*` stands for one name, and all below the key is meant too."""

    key: str
    what: str


KEYS = (NotYet("panel.theme", "the panel is a placeholder so far"),)
"""Warned about when they differ from their default."""


def not_yet(config: Mapping[str, Any], default: Mapping[str, Any]) -> Iterator[str]:
    """A warning for each key set to something this version does not do. Both maps are effective configs."""
    flat, flat_default = flatten(config), flatten(default)
    for key, value in flat.items():
        if value != flat_default.get(key):
            yield from (f"{key} has no effect yet: {each.what}" for each in KEYS if _is_below(key, each.key))
    for name, account in config["accounts"].items():
        yield from _account(name, account)


def _account(name: str, account: Mapping[str, Any]) -> Iterator[str]:
    if account["exchange"] == "paper" and account["margin_mode"] != MarginMode.ISOLATED:
        yield f"accounts.{name}.margin_mode has no effect yet: the paper exchange margins each position by itself"


def _is_below(key: str, above: str) -> bool:
    return key == above or key.startswith((f"{above}.", f"{above}["))
