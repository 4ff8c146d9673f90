"""What the loss limits must know when Pool loads (POOL-3), read from the ledger and from closed groups.

Sums are made here: SQLite would add decimals up as floats. The rows they are made of come from indexes alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from actors.messages import ClosedGroup
from actors.rules.choices import World
from actors.rules.model import Key
from actors.rules.money import CONTEXT, ZERO
from daemon.store.load import Execute
from daemon.store.tables import CLOSED, NOT_CLOSED

BUCKET_MS = 900_000
"""Profit is told by the quarter of an hour: in every time zone the day begins with one."""

_PROFITS = (
    "SELECT time_ms, quote, realized FROM profits INDEXED BY profits_time "
    "WHERE world = ? AND time_ms >= ? ORDER BY time_ms, quote"
)
_SUMS = "SELECT quote, group_concat(realized, ' ') FROM position_groups INDEXED BY"
_OF_CLOSED = f"{_SUMS} position_groups_closed WHERE world = ? AND {CLOSED} GROUP BY quote"
_OF_LIVE = f"{_SUMS} position_groups_live WHERE world = ? AND {NOT_CLOSED} GROUP BY quote"
"""Amounts side by side in one text: SQLite puts them together without the interpreter's lock."""
_RECENT_CLOSED = (
    "SELECT group_id, account, symbol, timeframe, key_strategy, key_source, quote, realized, close_time_ms "
    "FROM position_groups INDEXED BY position_groups_closed "
    f"WHERE world = ? AND {CLOSED} AND close_time_ms IS NOT NULL ORDER BY close_time_ms DESC, group_id DESC LIMIT ?"
)


def profits(execute: Execute, world: World, since_ms: int) -> tuple[tuple[int, str, Decimal], ...]:
    """(time, quote, realised) of the ledger from `since_ms` on, oldest first, one for each quote and `BUCKET_MS`.

    The time is the bucket's beginning, the first bucket counted whole.
    """
    start_ms = since_ms - since_ms % BUCKET_MS
    sums: dict[tuple[int, str], Decimal] = {}
    for time_ms, quote, realized in execute(_PROFITS, (world.value, start_ms)):
        place = (time_ms - time_ms % BUCKET_MS, quote)
        sums[place] = CONTEXT.add(sums.get(place, ZERO), Decimal(realized))
    return tuple((time_ms, quote, realized) for (time_ms, quote), realized in sums.items())


def realized_by_quote(execute: Execute, world: World) -> dict[str, Decimal]:
    """The sums of the whole ledger by quote, taken from the groups: theirs are the same, and they are fewer."""
    sums: dict[str, Decimal] = {}
    _add(sums, execute(_OF_CLOSED, (world.value,)))
    _add(sums, execute(_OF_LIVE, (world.value,)))
    return sums


def _add(sums: dict[str, Decimal], rows: Iterable[tuple[str, str]]) -> None:
    for quote, amounts in rows:
        total = sums.get(quote, ZERO)
        for amount in amounts.split():
            total = CONTEXT.add(total, Decimal(amount))
        sums[quote] = total


def recent_closed(execute: Execute, world: World, limit: int) -> tuple[ClosedGroup, ...]:
    """The newest groups to close, the last to close at the end."""
    found = []
    for row in execute(_RECENT_CLOSED, (world.value, limit)):
        group_id, account, symbol, timeframe, strategy, source, quote, realized, close_time_ms = row
        key = Key(account=account, symbol=symbol, timeframe=timeframe, strategy=strategy, source=source)
        closed = ClosedGroup(
            group_id=group_id, key=key, quote=quote, realized=Decimal(realized), close_time_ms=close_time_ms
        )
        found.append(closed)
    return tuple(reversed(found))
