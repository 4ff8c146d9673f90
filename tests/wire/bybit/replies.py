"""Envelopes, pages and numbers as the venue writes them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from tests.wire.bybit.errors import Fault, fault

Json = dict[str, Any]


def text(value: Decimal | None) -> str:
    """A number as a plain string without trailing zeros, nothing for none."""
    return "" if value is None else plain(value)


def plain(value: Decimal) -> str:
    """Without trailing zeros."""
    short = format(value, "f")
    return (short.rstrip("0").rstrip(".") or "0") if "." in short else short


def envelope(result: Json, now_ms: int, ext: Json | None = None) -> Json:
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": ext or {}, "time": now_ms}


def refusal(said: Fault, now_ms: int) -> Json:
    return {"retCode": said.code, "retMsg": said.words, "result": {}, "retExtInfo": {}, "time": now_ms}


def limit_of(given: str, default: int, most: int) -> int | Fault:
    """How many rows a page may have."""
    if not given:
        return default
    if not given.isdigit() or not 1 <= int(given) <= most:
        return fault(10001, f"params error: limit should be in [1, {most}]")
    return int(given)


def page(rows: Sequence[Json], cursor: str, limit: int) -> tuple[list[Json], str]:
    """The rows behind the cursor, and the cursor behind them: nothing when these are the last."""
    start = _start(rows, cursor)
    part = list(rows[start : start + limit])
    more = start + limit < len(rows)
    return part, quote(f"after:{_row_id(part[-1])}", safe="") if more else ""


def _start(rows: Sequence[Json], cursor: str) -> int:
    """Rows that came in front since do not shift the pages: the cursor names the last row seen."""
    wanted = cursor.replace("%3A", ":").removeprefix("after:")
    if not wanted:
        return 0
    return next((index + 1 for index, row in enumerate(rows) if _row_id(row) == wanted), len(rows))


def _row_id(row: Json) -> str:
    names = ("execId", "orderId", "id", "symbol")
    found = next((str(row[name]) for name in names if row.get(name)), "")
    return f"{found}{row.get('positionIdx', '') if 'execId' not in row and 'orderId' not in row else ''}"
