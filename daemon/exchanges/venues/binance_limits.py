"""Binance's request limits: as its documentation says until its own list of them has come."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from actors.rules.rates import Ask, RateRules, Window

SHARE_TENTHS = 9
"""Of each limit that is used: requests travel, and somebody else may use the key."""
_LIST = re.compile(r'"rateLimits"\s*:\s*(\[[^\]]*\])')
_KINDS = {"REQUEST_WEIGHT": "weight", "ORDERS": "orders"}
_PERIODS_MS = {"SECOND": 1_000, "MINUTE": 60_000, "HOUR": 3_600_000, "DAY": 86_400_000}
_HEADER = re.compile(r"x-mbx-(?:used-(weight)|(order)-count)-(\d+[smhd])")


def told_rules(published: RateRules, body: str, family: str) -> RateRules | None:
    """The published rules with the limits an exchangeInfo lists; None where it lists none that are understood.

    Windows are named `<family>_weight_1m`, `<family>_orders_10s`. A request costs in every window of its kind what it
    costs in the published one.
    """
    found = _LIST.search(body)
    try:
        windows = () if found is None else _windows(json.loads(found.group(1)), family)
    except (ValueError, TypeError, AttributeError):
        return None
    kinds = {_kind(window.name) for window in windows}
    if kinds != set(_KINDS.values()):
        return None
    costs: dict[Ask, Mapping[str, int]] = {}
    for ask, published_costs in published.costs.items():
        of_kind = {_kind(name): weight for name, weight in published_costs.items()}
        costs[ask] = {window.name: of_kind[kind] for window in windows if (kind := _kind(window.name)) in of_kind}
    return RateRules(windows=windows, costs=costs)


def used_windows(headers: Mapping[str, str], family: str) -> dict[str, int]:
    """Window name -> weight or orders counted by the venue, from an answer's headers."""
    used: dict[str, int] = {}
    for header, value in headers.items():
        found = _HEADER.fullmatch(header.lower())
        if found is not None and value.isdecimal():
            used[f"{family}_{'weight' if found.group(1) else 'orders'}_{found.group(3)}"] = int(value)
    return used


def _windows(rows: list[Any], family: str) -> tuple[Window, ...]:
    windows = []
    for row in rows:
        kind, period_ms = _KINDS.get(row.get("rateLimitType")), _PERIODS_MS.get(row.get("interval"))
        count, limit = int(row.get("intervalNum") or 0), int(row.get("limit") or 0)
        if kind is not None and period_ms is not None and count > 0 and limit > 0:
            windows.append(
                Window(
                    name=f"{family}_{kind}_{count}{row['interval'][0].lower()}",
                    limit=max(1, limit * SHARE_TENTHS // 10),
                    period_ms=count * period_ms,
                    is_shared=kind == "weight",
                )
            )
    return tuple(windows)


def _kind(name: str) -> str:
    return name.split("_")[1]
