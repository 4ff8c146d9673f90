"""Closed trades as CSV or as lines of JSON (`ExportTrades`). Amounts are in the trade's own quote currency, exact."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from actors.rules.money import plain
from daemon.reports.scope import percent_of

CSV_TYPE = "text/csv; charset=utf-8"
JSON_TYPE = "application/x-ndjson"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is run as a formula by spreadsheets; text from outside gets an apostrophe in front."""


class Exported(NamedTuple):
    """One closed group, as it stands in the store."""

    group_id: str
    symbol: str
    timeframe: str
    quote: str
    realized: str
    invested: str
    close_time_ms: int
    account: str
    strategy: str
    side: str
    fees: str
    create_time_ms: int
    close_reason: str | None


FIELDS = (
    "group_id",
    "account",
    "symbol",
    "timeframe",
    "strategy",
    "side",
    "open_time",
    "close_time",
    "close_reason",
    "quote",
    "invested",
    "realized_pnl",
    "realized_pnl_percent_of_invested",
    "fees",
)


def as_csv(trades: Iterable[Exported], with_header: bool) -> bytes:
    """Lines end in a line feed alone; the first page of a file has the header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if with_header:
        writer.writerow(FIELDS)
    for trade in trades:
        values = _values(trade)
        values["strategy"] = _harmless(values["strategy"])
        writer.writerow(values[name] for name in FIELDS)
    return text.getvalue().encode()


def as_json(trades: Iterable[Exported]) -> bytes:
    """One object a line; decimals are strings."""
    return "".join(json.dumps(_values(trade), ensure_ascii=False) + "\n" for trade in trades).encode()


def _values(trade: Exported) -> dict[str, str]:
    percent = percent_of(Decimal(trade.realized), Decimal(trade.invested))
    return {
        "group_id": trade.group_id,
        "account": trade.account,
        "symbol": trade.symbol,
        "timeframe": trade.timeframe,
        "strategy": trade.strategy,
        "side": trade.side,
        "open_time": _time(trade.create_time_ms),
        "close_time": _time(trade.close_time_ms),
        "close_reason": trade.close_reason or "",
        "quote": trade.quote,
        "invested": plain(Decimal(trade.invested)),
        "realized_pnl": plain(Decimal(trade.realized)),
        "realized_pnl_percent_of_invested": "" if percent is None else plain(percent),
        "fees": plain(Decimal(trade.fees)),
    }


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _time(time_ms: int) -> str:
    """RFC 3339, UTC, to the millisecond."""
    moment = datetime.fromtimestamp(time_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}Z"
