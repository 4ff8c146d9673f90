"""What the page follows: versions, secrets, backups, accounts, instruments, messages sent.

Times are cells of milliseconds since 1970, as text; the browser writes them in its own zone.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from gui.live.topics import Cell, Reading, Snapshot, Topic
from gui.pages.settings.said import source_word
from gui.show.numbers import NONE, number
from protos.terrace.v1 import account_pb2, config_pb2, maintenance_pb2, record_pb2, secret_pb2
from protos.terrace.v1.types_pb2 import AccountState, Market, NotificationState, Severity, World

MAX_VERSIONS = 200
MAX_BACKUPS = 200
MAX_SECRETS = 1000
MAX_SENT = 100
MAX_INSTRUMENTS = 5_000
SLOW_MS = 5_000
VERSIONS_MS = 2_000
"""A change of somebody else is told this soon. Not with each event: a busy engine has many, and this reads a list."""


def moment(time: Timestamp) -> str:
    """Milliseconds since 1970 as text; empty where there was none."""
    return str(time.ToMilliseconds()) if time.ToNanoseconds() else ""


def size(count: int) -> tuple[str, str, str]:
    return (f"{number(str(count))} bytes", "", str(count))


async def read_versions(reading: Reading) -> Snapshot:
    """Stored versions, newest first."""
    request = config_pb2.ListConfigVersionsRequest(page_size=MAX_VERSIONS)
    answer = await reading.client.call(request, config_pb2.ListConfigVersionsResponse)
    return {
        str(one.version): {
            "version": (str(one.version), "", str(one.version)),
            "time": moment(one.create_time),
            "author": one.author or NONE,
            "source": source_word(one.source),
            "changed": "\n".join(one.changed_paths),
            "current": ("in force", "good") if one.current else "",
        }
        for one in answer.config_versions
    }


async def read_secrets(reading: Reading) -> Snapshot:
    """Names and masks; a value is never asked for."""
    request = secret_pb2.ListSecretsRequest(page_size=MAX_SECRETS)
    answer = await reading.client.call(request, secret_pb2.ListSecretsResponse)
    return {
        one.name: {
            "name": one.name,
            "mask": one.mask,
            "created": moment(one.create_time),
            "changed": moment(one.update_time),
            "users": "\n".join(one.config_paths),
        }
        for one in answer.secrets
    }


async def read_backups(reading: Reading) -> Snapshot:
    request = maintenance_pb2.ListBackupsRequest(page_size=MAX_BACKUPS)
    answer = await reading.client.call(request, maintenance_pb2.ListBackupsResponse)
    return {
        one.name: {
            "name": one.name,
            "time": moment(one.create_time),
            "size": size(one.size_bytes),
            "encrypted": "yes" if one.encrypted else "no",
            "version": one.version or NONE,
            "schema": one.schema_version or NONE,
        }
        for one in answer.backups
    }


async def read_accounts(reading: Reading) -> Snapshot:
    request = account_pb2.ListAccountsRequest(page_size=1000)
    answer = await reading.client.call(request, account_pb2.ListAccountsResponse)
    return {one.account: _account(one) for one in answer.accounts}


def _account(one: account_pb2.Account) -> dict[str, Cell]:
    state = AccountState.Name(one.state).removeprefix("ACCOUNT_STATE_").lower().replace("_", " ")
    where = f"{one.exchange}, prices {one.paper_prices}" if one.paper_prices else one.exchange
    return {
        "account": one.account,
        "exchange": where,
        "market": Market.Name(one.market).removeprefix("MARKET_").lower(),
        "world": World.Name(one.world).removeprefix("WORLD_").lower(),
        "state": (state, "good" if state == "ready" else "warn"),
        "reason": one.state_reason,
        "instruments": moment(one.instruments_time),
    }


async def read_instruments(reading: Reading) -> Snapshot:
    """The precision rules of one account, by symbol."""
    rows: dict[str, dict[str, Cell]] = {}
    token = ""
    while len(rows) < MAX_INSTRUMENTS:
        request = account_pb2.ListInstrumentsRequest(account=reading.argument, page_size=1000, page_token=token)
        answer = await reading.client.call(request, account_pb2.ListInstrumentsResponse)
        rows.update((one.symbol, _instrument(one)) for one in answer.instruments)
        token = answer.next_page_token
        if not token:
            break
    return rows


def _instrument(one: account_pb2.Instrument) -> dict[str, Cell]:
    def figure(text: str, unit: str = "") -> Cell:
        return (number(text) + (f" {unit}" if unit and text else ""), "" if text else "dim", text)

    return {
        "symbol": one.symbol,
        "exchange_symbol": one.exchange_symbol or NONE,
        "tick": figure(one.tick_size, one.quote),
        "step": figure(one.step_size, one.base),
        "least": figure(one.min_quantity, one.base),
        "notional": figure(one.min_notional, one.quote),
        "contract": figure(one.contract_size),
        "active": "yes" if one.active else ("no", "warn"),
        "fetched": moment(one.fetch_time),
    }


async def read_sent(reading: Reading) -> Snapshot:
    """The last messages of every channel, newest first."""
    request = record_pb2.ListNotificationsRequest(page_size=MAX_SENT)
    answer = await reading.client.call(request, record_pb2.ListNotificationsResponse)
    return {one.notification_id: _sent(one) for one in answer.notifications}


def _sent(one: record_pb2.Notification) -> dict[str, Cell]:
    state = NotificationState.Name(one.state).removeprefix("NOTIFICATION_STATE_").lower()
    severity = Severity.Name(one.severity).removeprefix("SEVERITY_").lower()
    tone = {"sent": "good", "failed": "bad"}.get(state, "warn")
    cells: dict[str, Any] = {
        "time": moment(one.create_time),
        "channel": one.channel,
        "severity": (severity, {"critical": "bad", "error": "bad", "warning": "warn"}.get(severity, "")),
        "title": one.title,
        "state": (state, tone),
        "error": one.error,
        "tries": (str(one.attempt_count), "", str(one.attempt_count)),
    }
    return cells


TOPICS = (
    Topic(name="settings_versions", read=read_versions, every_ms=VERSIONS_MS, is_spoken=False, follows_events=False),
    Topic(name="settings_secrets", read=read_secrets, every_ms=SLOW_MS, is_spoken=False, follows_events=False),
    Topic(name="settings_backups", read=read_backups, every_ms=SLOW_MS, is_spoken=False, follows_events=False),
    Topic(name="settings_accounts", read=read_accounts, every_ms=SLOW_MS, follows_events=False),
    Topic(name="settings_instruments", read=read_instruments, every_ms=60_000, is_spoken=False, follows_events=False),
    Topic(name="settings_sent", read=read_sent, every_ms=SLOW_MS, follows_events=False),
)
