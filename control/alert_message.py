"""The message to paste into a TradingView alert, in the shape its source expects. Pure.

For the command line; the panel's first steps show the same messages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from control.config_file import ConfigFile

SECRET = "YOUR-SECRET"
"""Stands where the secret belongs."""
_PLAIN_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_MARKET = {
    "timestamp": "{{timenow}}",
    "tv.exchange": "{{exchange}}",
    "tv.symbol": "{{ticker}}",
    "tv.timeframe": "{{interval}}",
}
STRATEGY = {
    **_MARKET,
    "tv.action": "{{strategy.order.action}}",
    "tv.market_position": "{{strategy.market_position}}",
    "tv.prev_market_position": "{{strategy.prev_market_position}}",
    "tv.market_position_size": "{{strategy.market_position_size}}",
    "tv.prev_market_position_size": "{{strategy.prev_market_position_size}}",
    "tv.order_size": "{{strategy.order.contracts}}",
    "tv.close_price": "{{close}}",
    "strategy_info.trade_id": "{{strategy.order.id}}",
}
"""A strategy's alert: one message for entries, exits and reverses."""
ENTRY = {**_MARKET, "tv.action": "buy", "tv.close_price": "{{close}}"}
"""An indicator's alert that opens or adds."""
EXIT = {**_MARKET, "tv.action": "sell", "tv.close_price": "{{close}}", "execution_intent.type": "exit"}
"""An indicator's alert that closes."""
KINDS: Mapping[str, Mapping[str, str]] = {"strategy": STRATEGY, "entry": ENTRY, "exit": EXIT}
WHEN: Mapping[str, str] = {
    "strategy": "of a strategy: one alert for its entries, exits and reverses",
    "entry": "of an indicator that opens a trade or adds to it",
    "exit": "of an indicator that closes it",
}
"""Kind -> which alert carries it."""


def field_map(config: ConfigFile, source: str) -> Mapping[str, str]:
    """The source's own map, field to expression; empty where its alerts have the usual shape."""
    found = config.value(f"sources.{source}.map")
    if not isinstance(found, Mapping):
        return {}
    return {str(field): expression for field, expression in found.items() if isinstance(expression, str)}


def message(source: str, kind: str, mapped: Mapping[str, str], secret: str = SECRET) -> tuple[str, list[str]]:
    """The message of a kind as JSON to read, and the fields `placed` left out."""
    fields = {"secret": secret, **({} if mapped else {"source": source}), **KINDS[kind]}
    tree, left_out = placed(fields, mapped)
    return json.dumps(tree, indent=2, ensure_ascii=False), left_out


def placed(fields: Mapping[str, str], mapped: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Fields where the source looks for them, and those whose expression is more than a path: they are left out.

    A field the source's map names goes where its expression looks for it; a constant needs nothing in the message.
    """
    tree: dict[str, Any] = {}
    left_out: list[str] = []
    for field, value in fields.items():
        place = mapped.get(field, field)
        if place[:1] in ("'", "`"):
            continue
        if not _PLAIN_PATH.fullmatch(place) or not _put(tree, place.split("."), value):
            left_out.append(field)
    return tree, left_out


def _put(tree: dict[str, Any], names: list[str], value: str) -> bool:
    """False where two fields want the same place."""
    for name in names[:-1]:
        inner = tree.setdefault(name, {})
        if not isinstance(inner, dict):
            return False
        tree = inner
    if tree.get(names[-1], value) != value:
        return False
    tree[names[-1]] = value
    return True
