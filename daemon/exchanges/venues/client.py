"""Makes the ccxt client of one account. ccxt itself is never changed, only what it offers to set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from daemon.exchanges.venues.addresses import moved
from daemon.exchanges.venues.lazy_ccxt import load_lazily

REQUEST_TIMEOUT_MS = 15_000
"""Longer than any venue's own limit for matching, so that its own words about a timeout arrive first."""
KEEP_ALIVE_MS = 15_000
"""How often a socket is pinged at least: two missed answers end it, so a dead one is noticed in half a minute."""


def make_client(
    ccxt_id: str,
    *,
    keys: Mapping[str, str],
    options: Mapping[str, Any],
    session: Any,
    urls: Mapping[str, str],
    to_testnet: Callable[[Any], None] | None,
) -> Any:
    """`keys`: ccxt's names of the credentials. `session`: an aiohttp session, or None for ccxt's own.

    Numbers come out of it as the venue's own text. `urls` is applied after the testnet's addresses.
    """
    config: dict[str, Any] = {
        **{name: value for name, value in keys.items() if value},
        "timeout": REQUEST_TIMEOUT_MS,
        "enableRateLimit": False,
        "options": {"maxRetriesOnFailure": 0, **options},
    }
    if session is not None:
        config["session"] = session
    load_lazily()
    client = getattr(import_module("ccxt.pro"), ccxt_id)(config)
    client.number = str
    client.has["fetchCurrencies"] = False
    client.streaming = {**client.streaming, "keepAlive": min(KEEP_ALIVE_MS, client.streaming["keepAlive"])}
    merge_errors(client)
    if to_testnet is not None:
        to_testnet(client)
    if urls:
        client.urls["api"] = moved(client.urls["api"], urls.get("rest", ""), urls.get("ws", ""))
    return client


def merge_errors(client: Any) -> None:
    """ccxt picks part of its error table by the address; behind another address it would know fewer codes."""
    segment = client.exceptions.get("linear" if client.id == "binanceusdm" else "spot")
    if not isinstance(segment, dict):
        return
    for kind in ("exact", "broad"):
        client.exceptions[kind] = client.deep_extend(client.exceptions[kind], segment.get(kind, {}))
