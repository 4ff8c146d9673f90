"""The emergency close: every live group, at market. First it says how many and how much."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Context, Decimal
from typing import Any

from gui.show.numbers import number
from gui.show.profit import exact
from gui.show.words import count
from gui.verbs import Press, Verb
from protos.terrace.v1 import group_pb2

MAX_FAILURES_SHOWN = 5
LIMIT_S = 60.0
_EXACT = Context(prec=60)


async def close_all(press: Press) -> Mapping[str, Any]:
    """Values: `account`; empty for the whole world."""
    account = press.text("account", needed=False)
    request = group_pb2.CloseAllGroupsRequest(
        accounts=[account] if account else [],
        world=press.world,
        request_id=press.request_id,
        validate_only=press.is_preview,
    )
    answer = await press.client.call(request, group_pb2.CloseAllGroupsResponse, timeout_s=LIMIT_S)
    groups = count(len(answer.groups), "group")
    if not press.is_preview:
        return {"said": f"{groups} told to close{_failures(answer.failures)}", "failed": len(answer.failures)}
    if not answer.groups:
        return {"said": "There is nothing to close.", "count": 0, "lines": []}
    said = f"{groups} would be closed at market, and their open entry orders cancelled."
    return {"said": said, "count": len(answer.groups), "lines": lines(answer.groups)}


def lines(groups: Iterable[group_pb2.Group]) -> list[str]:
    """Per account and quote currency: how many groups, and what they hold at the mark (at cost where there is none)."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    at_cost: dict[tuple[str, str], int] = defaultdict(int)
    for group in groups:
        key = group.account, quote_of(group.symbol)
        counts[key] += 1
        quantity, mark, invested = exact(group.quantity), exact(group.mark_price), exact(group.invested)
        if quantity is not None and mark is not None:
            sums[key] = _EXACT.add(sums[key], _EXACT.multiply(quantity, mark))
        elif invested:
            sums[key] = _EXACT.add(sums[key], invested)
            at_cost[key] += 1
    return [
        f"{account}: {count(counts[account, quote], 'group')}, notional "
        f"{number(format(sums[account, quote], 'f'), 2)} {quote}"
        + (f" ({at_cost[account, quote]} at cost: no fresh price)" if at_cost[account, quote] else "")
        for account, quote in sorted(counts)
    ]


def quote_of(symbol: str) -> str:
    """`BTC/USDT` and `BTC/USDT:USDT` are in USDT."""
    return symbol.partition("/")[2].partition(":")[0]


def _failures(failures: Iterable[group_pb2.CloseFailure]) -> str:
    found = [f"{one.group_id}: {one.message}" for one in failures]
    if not found:
        return "."
    more = len(found) - MAX_FAILURES_SHOWN
    told = "; ".join(found[:MAX_FAILURES_SHOWN]) + (f"; and {more} more" if more > 0 else "")
    return f", {len(found)} could not be: {told}"


CLOSE_ALL = Verb(method="GroupService/CloseAllGroups", do=close_all)
