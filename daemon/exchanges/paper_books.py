"""A paper account's durable file: what a venue would know of the account, kept apart from the engine's store (PAPER-3).

One SQLite file per account, one transaction and one fsync per batch of requests. Numbers are plain text, exact to the
last digit. Only one process writes; others may read at any time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from actors.rules.model import (
    Balance,
    OrderSide,
    OrderState,
    OrderType,
    Reason,
    Side,
    TimeInForce,
    Trade,
)
from daemon.exchanges.matching import BookState, Changes
from daemon.exchanges.paper_order import PaperOrder
from daemon.exchanges.settlement import PaperPosition

SCHEMA_VERSION = 2
BUSY_TIMEOUT_S = 5.0
OPENED = "opened"
"""The fact that the starting balances were paid in."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS prices (symbol TEXT PRIMARY KEY, price TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS balances (asset TEXT PRIMARY KEY, free TEXT NOT NULL, locked TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS positions (
    symbol TEXT NOT NULL, side TEXT NOT NULL, quantity TEXT NOT NULL, cost TEXT NOT NULL, margin TEXT NOT NULL,
    PRIMARY KEY (symbol, side)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS orders (
    number INTEGER PRIMARY KEY, client_order_id TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL,
    type TEXT NOT NULL, time_in_force TEXT NOT NULL, reduce_only INTEGER NOT NULL, price TEXT, trigger_price TEXT,
    quantity TEXT NOT NULL, made_ms INTEGER NOT NULL, create_ms INTEGER NOT NULL, update_ms INTEGER NOT NULL,
    state TEXT NOT NULL, filled TEXT NOT NULL, lock_asset TEXT NOT NULL, lock_unit TEXT NOT NULL,
    reason TEXT, words TEXT NOT NULL, amend_number INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS orders_by_client_order_id ON orders (client_order_id, number);
CREATE INDEX IF NOT EXISTS open_orders ON orders (number) WHERE state IN ('open', 'partially_filled');
CREATE TABLE IF NOT EXISTS trades (
    trade_id INTEGER PRIMARY KEY, number INTEGER NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL,
    quantity TEXT NOT NULL, price TEXT NOT NULL, fee TEXT NOT NULL, fee_asset TEXT NOT NULL, fee_value TEXT NOT NULL,
    time_ms INTEGER NOT NULL, maker INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS trades_by_order ON trades (number);
"""

_SAVE_ORDER = f"INSERT OR REPLACE INTO orders VALUES ({','.join('?' * 20)})"
_SAVE_TRADE = f"INSERT INTO trades VALUES ({','.join('?' * 11)})"
_SAVE_BALANCE = "INSERT OR REPLACE INTO balances VALUES (?,?,?)"
_SAVE_POSITION = "INSERT OR REPLACE INTO positions VALUES (?,?,?,?,?)"
_SAVE_PRICE = "INSERT OR REPLACE INTO prices VALUES (?,?)"
_SAVE_FACT = "INSERT OR REPLACE INTO facts VALUES (?,?)"
_SELECT_TRADES = (
    "SELECT trade_id, quantity, price, fee, fee_asset, fee_value, time_ms, maker FROM trades "
    "WHERE number = ? ORDER BY trade_id"
)

_UPGRADES = {"1": "ALTER TABLE orders ADD COLUMN amend_number INTEGER NOT NULL DEFAULT 0"}
"""What leads from a file of an earlier version to the next one."""
_DOWNGRADES = {"2": "ALTER TABLE orders DROP COLUMN amend_number"}
"""What leads back: which numbers changes of orders have used up is no longer known then."""

_Row = tuple[str | int | None, ...]


class BooksFault(Exception):
    """The file cannot be read or written. Words for a person."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """A whole file as values, for whoever compares the engine's view with the exchange's."""

    balances: Mapping[str, Balance]
    positions: tuple[PaperPosition, ...]
    orders: tuple[PaperOrder, ...]
    """All that were ever accepted, by number, with their trades."""

    @property
    def trades(self) -> tuple[Trade, ...]:
        return tuple(trade for order in self.orders for trade in order.trades)


def books_path(data_dir: Path, account: str) -> Path:
    """Where an account's file lies."""
    return data_dir / "paper" / f"{account}.db"


def ledger(path: Path) -> Ledger:
    """Reads a file while or after somebody else writes it. BooksFault if it cannot be read."""
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S)
        try:
            connection.execute("BEGIN")
            return Ledger(
                balances={balance.asset: balance for balance in _balances(connection)},
                positions=tuple(_positions(connection)),
                orders=tuple(_orders(connection, "SELECT * FROM orders ORDER BY number")),
            )
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise BooksFault(f"{path}: {error}") from error


def bring_down(path: Path, version: int) -> int:
    """Makes a file readable for an earlier version of this code, which has `version`. How many steps that took.

    For a file nobody uses. BooksFault where it cannot be done; each step is there wholly or not at all.
    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=BUSY_TIMEOUT_S)) as connection:
            steps = 0
            while (found := _schema_of(connection, path)) > version:
                if str(found) not in _DOWNGRADES:
                    raise BooksFault(f"{path}: nothing leads back from its schema {found}")
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(_DOWNGRADES[str(found)])
                connection.execute(_SAVE_FACT, ("schema", str(found - 1)))
                connection.execute("COMMIT")
                steps += 1
            return steps
    except sqlite3.Error as error:
        raise BooksFault(f"{path}: {error}") from error


def _schema_of(connection: sqlite3.Connection, path: Path) -> int:
    found = connection.execute("SELECT value FROM facts WHERE name = 'schema'").fetchone()
    if found is None or not str(found[0]).isdecimal():
        raise BooksFault(f"{path}: it does not say its schema")
    return int(found[0])


class Books(Protocol):
    """What a venue keeps of its account. `PaperBooks` in a file, `MemoryBooks` in memory."""

    def load(self) -> tuple[BookState | None, dict[str, str]]:
        """The book as it was last saved, None for a new account; and the facts kept beside it."""

    def open_account(self, balances: Iterable[Balance]) -> None:
        """Pays the starting balances in, once in the life of the account."""

    def save(self, changes: Changes, prices: Mapping[str, Decimal], facts: Mapping[str, str]) -> None:
        """All of it or nothing, durable when it returns."""

    def find(self, client_order_id: str) -> PaperOrder | None:
        """The newest order with this id, open or finished."""

    def close(self) -> None: ...


class PaperBooks:
    """`Books` in a file. Used by one thread at a time; every method raises BooksFault where the device fails."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT_S
            )
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.execute("PRAGMA fullfsync=ON")  # Without it macOS does not flush the disk's own cache.
            self._connection.executescript(_SCHEMA)
            self._check_version()
        except (OSError, sqlite3.Error) as error:
            raise BooksFault(f"{path}: {error}") from error

    def _check_version(self) -> None:
        found = self._connection.execute("SELECT value FROM facts WHERE name = 'schema'").fetchone()
        if found is None:
            self._connection.execute(_SAVE_FACT, ("schema", str(SCHEMA_VERSION)))
        elif found[0] in _UPGRADES:
            self._upgrade(_UPGRADES[found[0]])
        elif found[0] != str(SCHEMA_VERSION):
            raise BooksFault(f"{self.path}: schema {found[0]} is of another version, this one has {SCHEMA_VERSION}")

    def _upgrade(self, statement: str) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._connection.execute(statement)
            self._connection.execute(_SAVE_FACT, ("schema", str(SCHEMA_VERSION)))
            self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def load(self) -> tuple[BookState | None, dict[str, str]]:
        try:
            facts = dict(self._connection.execute("SELECT name, value FROM facts").fetchall())
            if OPENED not in facts:
                return None, facts
            query = "SELECT * FROM orders WHERE state IN ('open', 'partially_filled') ORDER BY number"
            prices = self._connection.execute("SELECT symbol, price FROM prices").fetchall()
            return BookState(
                balances=tuple(_balances(self._connection)),
                positions=tuple(_positions(self._connection)),
                orders=tuple(_orders(self._connection, query)),
                prices={symbol: Decimal(price) for symbol, price in prices},
                next_order=self._next("orders", "max(number, amend_number)"),
                next_trade=self._next("trades", "trade_id"),
            ), facts
        except sqlite3.Error as error:
            raise BooksFault(f"{self.path}: {error}") from error

    def _next(self, table: str, column: str) -> int:
        found = self._connection.execute(f"SELECT max({column}) FROM {table}").fetchone()[0]
        return 1 if found is None else int(found) + 1

    def open_account(self, balances: Iterable[Balance]) -> None:
        changes = Changes(orders=(), trades=(), balances=tuple(balances), positions=())
        self.save(changes, {}, {OPENED: "1"})

    def save(self, changes: Changes, prices: Mapping[str, Decimal], facts: Mapping[str, str]) -> None:
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.executemany(_SAVE_ORDER, map(_order_row, changes.orders))
                connection.executemany(_SAVE_TRADE, (_trade_row(order, trade) for order, trade in changes.trades))
                connection.executemany(
                    _SAVE_BALANCE,
                    ((balance.asset, _text(balance.free), _text(balance.locked)) for balance in changes.balances),
                )
                connection.executemany(_SAVE_POSITION, map(_position_row, changes.positions))
                connection.executemany(_SAVE_PRICE, ((symbol, _text(price)) for symbol, price in prices.items()))
                connection.executemany(_SAVE_FACT, facts.items())
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise BooksFault(f"{self.path}: {error}") from error

    def find(self, client_order_id: str) -> PaperOrder | None:
        query = "SELECT * FROM orders WHERE client_order_id = ? ORDER BY number DESC LIMIT 1"
        try:
            found = _orders(self._connection, query, (client_order_id,))
        except sqlite3.Error as error:
            raise BooksFault(f"{self.path}: {error}") from error
        return found[0] if found else None

    def close(self) -> None:
        self._connection.close()


def _text(value: Decimal) -> str:
    return format(value, "f")


def _maybe_text(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def _maybe_decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _order_row(order: PaperOrder) -> _Row:
    return (
        order.number,
        order.client_order_id,
        order.symbol,
        order.side.value,
        order.type.value,
        order.time_in_force.value,
        int(order.reduce_only),
        _maybe_text(order.price),
        _maybe_text(order.trigger_price),
        _text(order.quantity),
        order.made_ms,
        order.create_ms,
        order.update_ms,
        order.state.value,
        _text(order.filled),
        order.lock_asset,
        _text(order.lock_unit),
        None if order.reason is None else order.reason.value,
        order.words,
        order.amend_number,
    )


def _trade_row(order: PaperOrder, trade: Trade) -> _Row:
    return (
        int(trade.trade_id),
        order.number,
        order.symbol,
        order.side.value,
        _text(trade.quantity),
        _text(trade.price),
        _text(trade.fee),
        trade.fee_asset,
        _text(trade.fee_value),
        trade.time_ms,
        int(trade.maker),
    )


def _position_row(position: PaperPosition) -> _Row:
    return (
        position.symbol,
        position.side.value,
        _text(position.quantity),
        _text(position.cost),
        _text(position.margin),
    )


def _balances(connection: sqlite3.Connection) -> list[Balance]:
    rows = connection.execute("SELECT asset, free, locked FROM balances ORDER BY asset").fetchall()
    return [Balance(asset=asset, free=Decimal(free), locked=Decimal(locked)) for asset, free, locked in rows]


def _positions(connection: sqlite3.Connection) -> list[PaperPosition]:
    rows = connection.execute("SELECT symbol, side, quantity, cost, margin FROM positions ORDER BY symbol, side")
    return [
        PaperPosition(
            symbol=symbol, side=Side(side), quantity=Decimal(quantity), cost=Decimal(cost), margin=Decimal(margin)
        )
        for symbol, side, quantity, cost, margin in rows.fetchall()
    ]


def _orders(connection: sqlite3.Connection, query: str, values: _Row = ()) -> list[PaperOrder]:
    return [_order(connection, row) for row in connection.execute(query, values).fetchall()]


def _order(connection: sqlite3.Connection, row: tuple[str, ...]) -> PaperOrder:
    reason = row[17]
    trades = connection.execute(_SELECT_TRADES, (row[0],)).fetchall() if row[14] != "0" else ()
    return PaperOrder(
        number=int(row[0]),
        client_order_id=row[1],
        symbol=row[2],
        side=OrderSide(row[3]),
        type=OrderType(row[4]),
        time_in_force=TimeInForce(row[5]),
        reduce_only=bool(row[6]),
        price=_maybe_decimal(row[7]),
        trigger_price=_maybe_decimal(row[8]),
        quantity=Decimal(row[9]),
        made_ms=int(row[10]),
        create_ms=int(row[11]),
        update_ms=int(row[12]),
        state=OrderState(row[13]),
        filled=Decimal(row[14]),
        lock_asset=row[15],
        lock_unit=Decimal(row[16]),
        reason=None if reason is None else Reason(reason),
        words=row[18],
        amend_number=int(row[19]) if len(row) > 19 else 0,  # A file of an earlier version, only looked at.
        trades=[_trade(found) for found in trades],
    )


def _trade(row: tuple[str, ...]) -> Trade:
    trade_id, quantity, price, fee, fee_asset, fee_value, time_ms, maker = row
    return Trade(
        trade_id=str(trade_id),
        quantity=Decimal(quantity),
        price=Decimal(price),
        fee=Decimal(fee),
        fee_asset=fee_asset,
        fee_value=Decimal(fee_value),
        time_ms=int(time_ms),
        maker=bool(maker),
    )
