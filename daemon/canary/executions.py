"""Executions of an account as its exchange tells them: of a real one by asking, of a paper one out of its books."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

from actors.rules.model import OrderSide

BUSY_TIMEOUT_S = 5.0
MAX_EXECUTIONS = 200_000
"""Of one account; the newest count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    client_order_id: str
    """Empty where the exchange does not say it."""
    exchange_order_id: str
    symbol: str
    trade_id: str
    side: OrderSide
    quantity: Decimal
    price: Decimal
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperMoney:
    """What a paper account's file holds. Text as it stands there."""

    balances: Mapping[str, tuple[str, str]]
    """Asset -> free, locked."""
    positions: Mapping[str, tuple[str, str, str]]
    """`symbol:side` -> quantity, cost, margin."""
    orders: Mapping[str, tuple[str, str, str]]
    """Open ones: client order id -> quantity, filled, price."""
    symbols: tuple[str, ...]
    """Of open orders and positions."""


def paper_money(path: Path) -> PaperMoney | None:
    """None: there is no such file. sqlite3.Error where it cannot be read."""
    if not path.is_file():
        return None
    with closing(open_quietly(path)) as connection:
        connection.execute("BEGIN")
        orders = connection.execute(
            "SELECT client_order_id, quantity, filled, price, symbol FROM orders "
            "WHERE state IN ('open', 'partially_filled') ORDER BY number"
        ).fetchall()
        positions = connection.execute("SELECT symbol, side, quantity, cost, margin FROM positions").fetchall()
        return PaperMoney(
            balances={
                asset: (free, locked)
                for asset, free, locked in connection.execute("SELECT asset, free, locked FROM balances")
            },
            positions={f"{row[0]}:{row[1]}": (row[2], row[3], row[4]) for row in positions},
            orders={name: (quantity, filled, price or "") for name, quantity, filled, price, _ in orders},
            symbols=tuple(dict.fromkeys([row[4] for row in orders] + [row[0] for row in positions])),
        )


def paper_executions(path: Path, since_ms: int) -> tuple[Execution, ...]:
    """sqlite3.Error where it cannot be read."""
    query = (
        "SELECT o.client_order_id, o.number, t.symbol, t.trade_id, t.side, t.quantity, t.price, t.time_ms "
        "FROM trades t JOIN orders o ON o.number = t.number WHERE t.time_ms >= ? ORDER BY t.trade_id DESC LIMIT ?"
    )
    with closing(open_quietly(path)) as connection:
        return tuple(
            Execution(
                client_order_id=row[0],
                exchange_order_id=str(row[1]),
                symbol=row[2],
                trade_id=str(row[3]),
                side=OrderSide(row[4]),
                quantity=Decimal(row[5]),
                price=Decimal(row[6]),
                time_ms=row[7],
            )
            for row in connection.execute(query, (since_ms, MAX_EXECUTIONS))
        )


def open_quietly(path: Path) -> sqlite3.Connection:
    """Changes nothing that is written, but may put a log in order that a killed process has left: read-only it could
    not."""
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None
    )
    connection.execute("PRAGMA query_only = 1")
    return connection
