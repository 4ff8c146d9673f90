"""The report of a replay: what went in, what became of every alert, every group with its orders and fills, figures.

Plain values only, decimals as strings, in an order that follows from the input alone: the same input gives the same
bytes. No clock is read and no path of a machine stands in it. Groups, statistics and curves have the field names they
have in `terrace -o json`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from actors.rules.choices import World
from actors.rules.model import Group, Reason
from actors.rules.money import plain
from actors.rules.settings import AccountSettings, Settings
from daemon.api import translate_group
from daemon.api.translate import INTENT, SIDE, WORLD, decimal, reason
from daemon.assembly import worlds_of
from daemon.config.load import LoadedConfig
from daemon.exchanges.paper_books import Ledger
from daemon.replay.figures import Figures, figures
from daemon.replay.model import AlertOutcome, CandleFacts, ReplayResult
from daemon.replay.plain import plain_message, time_text, word
from daemon.replay.signals import Signals
from protos.terrace.v1 import types_pb2

FORMAT = 1
"""Of the report; counts up when a field changes its meaning."""
MAX_ALERTS = 1_000
"""Alerts that stand at the end; the rest is counted."""
DECIDING = (
    *("engine", "accounts", "routes", "sources", "strategy", "pool", "queue", "risk", "limits", "precision"),
    "execution",
)
"""Sections of the config that the engine decides by. Others make no difference to a replay."""

Report = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFacts:
    """The config in short. `sha256` is of what the engine decides by, whatever the file's layout and comments."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a replay was asked to do, as far as its result does not tell."""

    config: ConfigFacts
    accounts: Mapping[str, AccountSettings]
    """As the config has them."""
    settings: Settings
    """As they were replayed."""
    signals: Signals
    seed: int
    version: str
    """Of Terrace."""
    notes: tuple[str, ...] = ()
    """What plays no part, or could not be followed, in words."""


def config_facts(config: LoadedConfig) -> ConfigFacts:
    decides = {name: config.effective.get(name) for name in DECIDING}
    text = json.dumps(decides, sort_keys=True, default=str)
    return ConfigFacts(name=config.daemon.config_path.name, sha256=sha256(text.encode()).hexdigest())


def text_of(report: Report) -> str:
    """As it is written to a file."""
    return json.dumps(report, indent=1, ensure_ascii=False) + "\n"


def report_of(asked: Asked, result: ReplayResult) -> Report:
    settings = asked.settings
    # The engine starts a little before the first candle; a day that begins so has not been replayed.
    snapshots = [replace(row, time_ms=max(row.time_ms, result.start_ms)) for row in result.equity]
    groups = sorted(result.store.groups.values(), key=lambda group: (group.create_time_ms, group.group_id))
    found = [
        figures(
            world,
            [group for group in groups if group.world is world],
            snapshots,
            result.ledgers,
            result.marks,
            settings,
            result.end_ms,
        )
        for world in worlds_of(settings)
    ]
    return {
        "format": FORMAT,
        "version": asked.version,
        "input": _input(asked, result),
        "start_time": time_text(result.start_ms),
        "end_time": time_text(result.end_ms),
        "candles": result.candles,
        "counts": dict(sorted(result.counts.items())),
        "notes": [*asked.notes, *result.warnings],
        "totals": [_totals(each, groups) for each in found],
        "signals": [_signal(outcome, result) for outcome in result.outcomes],
        "groups": [_group(group, result, settings) for group in groups],
        "accounts": [
            _account(account, settings.accounts[name].world, result.ledgers.get(name))
            for name, account in sorted(asked.accounts.items())
        ],
        "alerts": _alerts(result),
        "statistics": [plain_message(each.statistics) for each in found],
        "equity_curves": [
            {"world": word(types_pb2.World, WORLD[each.world]), **plain_message(each.curve)} for each in found
        ],
    }


# --- what went in ---------------------------------------------------------------------------------


def _input(asked: Asked, result: ReplayResult) -> Report:
    return {
        "config": {"file": asked.config.name, "sha256": asked.config.sha256},
        "signals": {
            "file": asked.signals.name,
            "sha256": asked.signals.sha256,
            "count": len(asked.signals.alerts),
            "skipped": asked.signals.skipped_count,
        },
        "candles": [_candle_file(file) for file in result.files],
        "left_out": list(result.left_out),
        "seed": asked.seed,
    }


def _candle_file(file: CandleFacts) -> Report:
    return {
        "file": file.name,
        "symbol": file.symbol,
        "timeframe_s": file.timeframe_ms // 1000,
        "candles": file.candles,
        "start_time": time_text(file.start_ms) if file.candles else None,
        "end_time": time_text(file.end_ms) if file.candles else None,
    }


# --- what came of it ------------------------------------------------------------------------------


def _totals(found: Figures, groups: Sequence[Group]) -> Report:
    own = [group for group in groups if group.world is found.world]
    return {
        "world": word(types_pb2.World, WORLD[found.world]),
        "currency": found.statistics.currency,
        "groups": len(own),
        "open_groups": sum(not group.is_closed for group in own),
        "trades": found.statistics.trades,
        "realized": decimal(found.realized),
        "unrealized": decimal(found.unrealized),
        "fees": decimal(found.fees),
        "start_equity": decimal(found.start_equity),
        "end_equity": decimal(found.end_equity),
        "max_drawdown_percent": found.statistics.max_drawdown_percent,
    }


def _signal(outcome: AlertOutcome, result: ReplayResult) -> Report:
    """An alert as it came, the engine's first answer, and what became of it in the end."""
    answer = outcome.answer
    row: Report = {
        "number": outcome.number,
        "time": time_text(outcome.time_ms),
        "source": outcome.source,
        "signal_id": answer.signal_id if answer else "",
        "outcome": "",
        "reason": "",
        "reason_detail": "",
        "first_outcome": "",
        "group_id": "",
        "account": "",
        "symbol": "",
        "timeframe": "",
        "intent": "",
        "side": "",
        "entry_price": "",
        "outcome_time": None,
        "problems": [{"path": fault.path, "message": fault.problem} for fault in outcome.faults],
    }
    if outcome.refused:
        row["reason_detail"] = outcome.refused
    if answer is None:
        return row
    row |= _what(answer.outcome.value, answer.reason, answer.detail, answer.group_id)
    row["first_outcome"] = (answer.first_outcome or answer.outcome).value.upper()
    stored = result.store.signals.get(answer.signal_id)
    if stored is None:
        return row
    signal, last = stored.saved.signal, stored.final or stored.saved
    row |= {
        "account": signal.key.account,
        "symbol": signal.key.symbol,
        "timeframe": signal.key.timeframe,
        "intent": word(types_pb2.Intent, INTENT[signal.intent]),
        "side": word(types_pb2.Side, SIDE[signal.side]) if signal.side else "",
        "entry_price": decimal(signal.entry_price),
        "outcome_time": time_text(last.time_ms),
    }
    if answer.first_outcome is None:  # A copy has no outcome of its own besides being one.
        row |= _what(last.outcome.value, last.reason, last.detail, last.group_id)
    return row


def _what(outcome: str, why: Reason, detail: str, group_id: str) -> Report:
    return {"outcome": outcome.upper(), "reason": reason(why), "reason_detail": detail, "group_id": group_id}


def _group(group: Group, result: ReplayResult, settings: Settings) -> Report:
    account = settings.accounts.get(group.account) or AccountSettings(name=group.account)
    mark = None if group.is_closed else result.marks.get((group.account, group.symbol))
    message = translate_group.group(group, mark, account.fees, translate_group.WHOLE, settings.risk)
    return plain_message(message)


def _account(account: AccountSettings, world: World, ledger: Ledger | None) -> Report:
    row: Report = {
        "account": account.name,
        "world": word(types_pb2.World, WORLD[world]),
        "exchange": account.exchange,
        "market": account.market.value.upper(),
    }
    if ledger is None:
        return {**row, "balances": [], "positions": [], "orders": 0, "trades": 0}
    return {
        **row,
        "balances": [
            {"asset": asset, "free": plain(each.free), "locked": plain(each.locked), "total": plain(each.total)}
            for asset, each in sorted(ledger.balances.items())
            if each.total
        ],
        "positions": [
            {"symbol": each.symbol, "side": each.side.value.upper(), "quantity": plain(each.quantity)}
            for each in ledger.positions
            if each.quantity
        ],
        "orders": len(ledger.orders),
        "trades": len(ledger.trades),
    }


def _alerts(result: ReplayResult) -> list[Report]:
    """Those that stand at the end, or stood on the way: what a person would have been told."""
    rows = [
        {
            "alert": alert.alert_key,
            "severity": alert.severity.upper(),
            "message": alert.message,
            "account": alert.account,
            "symbol": alert.symbol,
            "group_id": alert.group_id,
            "count": alert.count,
            "create_time": time_text(alert.create_time_ms),
            "update_time": time_text(alert.update_time_ms),
            "resolve_time": None if alert.resolve_time_ms is None else time_text(alert.resolve_time_ms),
        }
        for alert in result.store.alerts.values()
    ]
    rows.sort(key=lambda row: (str(row["create_time"]), str(row["alert"])))
    return rows[:MAX_ALERTS]
