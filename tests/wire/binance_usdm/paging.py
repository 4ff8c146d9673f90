"""Lists in parameters, and pages of rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.wire.binance_common import failure
from tests.wire.binance_usdm import errors
from tests.wire.binance_usdm.desk import whole_of
from tests.wire.binance_usdm.errors import Refuse
from tests.wire.core.server import Call

Json = Any

WEEK_MS = 7 * 86_400_000
DEFAULT_ROWS, MAX_ROWS = 500, 1_000


def plain(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def listed(value: str, most: int) -> list[Json]:
    try:
        found = json.loads(value)
    except ValueError:
        raise Refuse(errors.BATCH_SIZE) from None
    if not isinstance(found, list) or not 1 <= len(found) <= most:
        raise Refuse(errors.BATCH_SIZE)
    return found


def limit_of(call: Call, default: int = DEFAULT_ROWS) -> int:
    return min(max(1, whole_of(call.params, "limit", default)), MAX_ROWS)


def page(rows: list[Any], time_of: Callable[[Any], int], call: Call, default: int = DEFAULT_ROWS) -> list[Any]:
    """From a start the oldest rows of at most a week, otherwise the newest ones; always oldest first."""
    start, end = whole_of(call.params, "startTime", 0), whole_of(call.params, "endTime", 0)
    if start and end and end - start > WEEK_MS:
        raise failure(-4166, "Search window is restricted to recent 90 days, at most 7 days apart.")
    limit = limit_of(call, default)
    if not start:
        end = end or call.now_ms
        return [row for row in rows if end - WEEK_MS <= time_of(row) <= end][-limit:]
    end = end or start + WEEK_MS
    return [row for row in rows if start <= time_of(row) <= end][:limit]
