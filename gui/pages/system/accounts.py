"""Accounts: state, connection, streams, request budget."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from gui.live.topics import Cell, Reading, Row, Snapshot, Topic
from gui.show.numbers import MINUS, NONE, THIN, number
from gui.show.profit import share
from gui.show.times import time_cell
from gui.show.words import count, word
from gui.verbs import Press, Verb
from protos.terrace.v1 import account_pb2
from protos.terrace.v1.types_pb2 import AccountState, Market, World

MAX_ACCOUNTS = 50
EVERY_MS = 2000
CHECK_LIMIT_S = 60.0
NEAR_PERCENT = Decimal(80)
FAR_CLOCK_MS = 1000
_TONES = {"ready": "good", "reconciling": "warn", "paused": "warn", "degraded": "warn"}


async def read_accounts(reading: Reading) -> Snapshot:
    """A row per account, then `ACCOUNT/stream/NAME` and `ACCOUNT/window/NAME`. Raises ClientError."""
    listed = account_pb2.ListAccountsRequest(page_size=MAX_ACCOUNTS, world=reading.world)
    found = (await reading.client.call(listed, account_pb2.ListAccountsResponse)).accounts
    whole = await asyncio.gather(
        *(
            reading.client.call(account_pb2.GetAccountRequest(account=one.account), account_pb2.GetAccountResponse)
            for one in found
        )
    )
    rows: dict[str, Row] = {}
    for answer in whole:
        rows[answer.account.account] = account_row(answer.account)
        rows.update(details(answer.account))
    return rows


def account_row(account: account_pb2.Account) -> dict[str, Cell]:
    """One account; what is not known is a dash."""
    state = word(AccountState.Name(account.state), "ACCOUNT_STATE_")
    connection = account.connection if account.HasField("connection") else None
    most = f" / {account.max_open_groups}" if account.max_open_groups else ""
    return {
        "kind": "account",
        "account": account.account,
        "exchange": f"{account.exchange} {word(Market.Name(account.market), 'MARKET_')}",
        "world": word(World.Name(account.world), "WORLD_"),
        "state": (state, _TONES.get(state, "bad")),
        "reason": account.state_reason,
        "equity": f"{number(account.equity, 2)} {account.equity_currency}" if account.equity else NONE,
        "groups": f"{account.live_groups}{most}",
        "drift": (str(account.drift_count), "warn" if account.drift_count else ""),
        "reconciled": time_cell(account.reconcile_time),
        "instruments": time_cell(account.instruments_time),
        "paper_prices": account.paper_prices,
        **(_unconnected() if connection is None else _connection(connection)),
    }


def _unconnected() -> dict[str, Cell]:
    keys = ("circuit", "clock", "open_orders", "waiting", "unknown", "withdraw")
    return {**dict.fromkeys(keys, (NONE, "dim")), "ban": ("", "", ""), "retry": ("", "", "")}


def _connection(connection: account_pb2.Connection) -> dict[str, Cell]:
    circuit = word(account_pb2.CircuitState.Name(connection.circuit), "CIRCUIT_STATE_")
    unknown = connection.unknown_orders
    return {
        "circuit": (circuit or NONE, {"closed": "good", "open": "bad", "half open": "warn"}.get(circuit, "dim")),
        "retry": time_cell(connection.retry_time),
        "ban": time_cell(connection.ban_expire_time),
        "clock": _clock(connection),
        "open_orders": number(str(connection.open_orders)),
        "waiting": number(str(connection.waiting_requests)),
        "unknown": (number(str(unknown)), "bad" if unknown else ""),
        "withdraw": _withdraw(connection),
    }


def _clock(connection: account_pb2.Connection) -> Cell:
    if not connection.HasField("clock_offset_ms"):
        return NONE, "dim"
    offset = connection.clock_offset_ms
    sign = "+" if offset > 0 else MINUS if offset < 0 else ""
    return f"{sign}{number(str(abs(offset)))}{THIN}ms", "warn" if abs(offset) >= FAR_CLOCK_MS else ""


def _withdraw(connection: account_pb2.Connection) -> Cell:
    if not connection.HasField("may_withdraw"):
        return "not told", "dim"
    return ("may withdraw", "bad") if connection.may_withdraw else ("may not withdraw", "good")


def details(account: account_pb2.Account) -> Iterator[tuple[str, Row]]:
    """Its streams and the windows of its request budget, a row each."""
    for stream in account.connection.streams:
        yield (
            f"{account.account}/stream/{stream.name}",
            {
                "kind": "stream",
                "account": account.account,
                "name": stream.name,
                "state": ("up", "good") if stream.up else ("down", "bad"),
                "since": time_cell(stream.since_time),
                "message": stream.message,
            },
        )
    for window in account.connection.rate_windows:
        used = share(Decimal(window.used), Decimal(window.limit))
        yield (
            f"{account.account}/window/{window.name}",
            {
                "kind": "window",
                "account": account.account,
                "name": window.name,
                "used": f"{number(str(window.used))} / {number(str(window.limit))}",
                "percent": ("" if used is None else str(used), "warn" if used and used >= NEAR_PERCENT else ""),
            },
        )


async def check_account(press: Press) -> Mapping[str, Any]:
    """Values: `account`. Each check with its own words."""
    name = press.text("account")
    request = account_pb2.CheckAccountRequest(account=name)
    answer = await press.client.call(request, account_pb2.CheckAccountResponse, timeout_s=CHECK_LIMIT_S)
    failed = [check for check in answer.checks if not check.passed]
    said = f"{name}: all {count(len(answer.checks), 'check')} passed" if answer.passed else _failed(name, len(failed))
    return {
        "said": said,
        "passed": answer.passed,
        "checks": [{"name": one.name, "passed": one.passed, "message": one.message} for one in answer.checks],
    }


def _failed(name: str, failed: int) -> str:
    return f"{name}: {count(failed, 'check')} failed"


ACCOUNTS = Topic(name="accounts", read=read_accounts, every_ms=EVERY_MS)
CHECK_ACCOUNT = Verb(method="AccountService/CheckAccount", do=check_account)
