"""A test alert to the paper account: never where money is real."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson

from control.client import AioClient, Invalid, load_yaml
from gui.pages.dashboard.message import placed
from gui.pages.dashboard.recent import outcome_cell
from gui.show.numbers import number
from gui.show.words import word
from gui.verbs import Press, Verb
from protos.terrace.v1 import account_pb2, config_pb2, signal_pb2
from protos.terrace.v1.types_pb2 import Market, Outcome, Side, World

TIMEFRAME = "15"
ACTIONS = {"entry": "buy", "exit": "sell"}
ENTERED = (Outcome.OUTCOME_OPENED, Outcome.OUTCOME_PYRAMIDED)


async def try_alert(press: Press) -> Mapping[str, Any]:
    """Values: `kind` (`entry` or `exit`). Asks the engine first and sends only what ends on a paper account."""
    kind = press.text("kind")
    if kind not in ACTIONS:
        raise Invalid("a test alert is an entry or an exit", reason="INVALID_FIELD")
    account = await _paper_account(press.client)
    settings = await _settings(press.client)
    source, body = body_of(settings, account, await _symbol(press.client, account), kind)
    request = signal_pb2.SubmitSignalRequest(source=source, body=body, request_id=press.request_id, validate_only=True)
    would = (await press.client.call(request, signal_pb2.SubmitSignalResponse)).signal
    if would.account != account.account or would.world != World.WORLD_PAPER:
        raise Invalid(
            f"a test alert would go to {would.account or 'no account'}, which is not the paper account: "
            f"{would.reason_detail or 'the routes lead elsewhere'}",
            reason="NOT_PAPER",
        )
    if press.is_preview:
        return {"said": told(would, is_preview=True), "outcome": Outcome.Name(would.outcome)}
    request.validate_only = False
    signal = (await press.client.call(request, signal_pb2.SubmitSignalResponse)).signal
    return {"said": told(signal, is_preview=False), "signal_id": signal.signal_id, "group_id": signal.group_id}


def told(signal: signal_pb2.Signal, *, is_preview: bool) -> str:
    """What it does, or did, in a sentence."""
    outcome, _ = outcome_cell(signal.outcome)
    side = word(Side.Name(signal.side), "SIDE_")
    what = " ".join(part for part in (side, signal.symbol, signal.timeframe) if part)
    at = f" at {number(signal.entry_price)}" if signal.entry_price and signal.outcome in ENTERED else ""
    why = signal.reason_detail or word(signal.reason, "")
    lead = "It would be" if is_preview else "The test alert was"
    return f"{lead} {outcome}: {what} on the paper account {signal.account}{at}{f' ({why})' if why else ''}."


async def _paper_account(client: AioClient) -> account_pb2.Account:
    request = account_pb2.ListAccountsRequest(world=World.WORLD_PAPER)
    found = (await client.call(request, account_pb2.ListAccountsResponse)).accounts
    if not found:
        raise Invalid("there is no paper account: a test alert is never sent to a real one", reason="NOT_PAPER")
    return found[0]


async def _settings(client: AioClient) -> Mapping[str, Any]:
    """The configuration in force, every scalar a text."""
    found = (await client.call(config_pb2.GetConfigRequest(), config_pb2.GetConfigResponse)).config
    tree = await asyncio.to_thread(load_yaml, found.yaml, "the configuration in force")
    return tree if isinstance(tree, dict) else {}


def _section(settings: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = settings.get(name)
    return found if isinstance(found, dict) else {}


def body_of(settings: Mapping[str, Any], account: account_pb2.Account, symbol: str, kind: str) -> tuple[str, bytes]:
    """A source and an alert in its shape; without a price and a time: the current mark counts. Raises Invalid."""
    routes = _section(settings, "routes")
    exchange = next((name for name, target in routes.items() if target == account.account and name != "*"), "PAPER")
    fields = {"tv.exchange": exchange, "tv.symbol": symbol, "tv.timeframe": TIMEFRAME, "tv.action": ACTIONS[kind]}
    if kind == "exit":
        fields["execution_intent.type"] = "exit"
    for source, values in (_section(settings, "sources") or {"tradingview": {}}).items():
        own = _section(values if isinstance(values, dict) else {}, "map")
        tree, left_out = placed(fields, {field: text for field, text in own.items() if isinstance(text, str)})
        if not left_out:
            return source, orjson.dumps(tree)
    raise Invalid("the map of each source is more than a list of paths: send one of your own alerts", reason="MAPPED")


async def _symbol(client: AioClient, account: account_pb2.Account) -> str:
    request = account_pb2.ListInstrumentsRequest(account=account.account, active_only=True, page_size=1000)
    found = (await client.call(request, account_pb2.ListInstrumentsResponse)).instruments
    if not found:
        raise Invalid("the paper account has no instruments", reason="NOT_PAPER")
    chosen = min(found, key=lambda one: (one.base != "BTC", one.quote != "USDT"))
    plain = chosen.exchange_symbol or f"{chosen.base}{chosen.quote}"
    return f"{plain}.P" if account.market == Market.MARKET_SWAP and not plain.endswith(".P") else plain


TRY = Verb(method="SignalService/SubmitSignal", do=try_alert)
