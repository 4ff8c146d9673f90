"""What a store file says of money, read in plain SQL that every released schema understands.

The same questions are asked before and after the migrations: what they answer must not differ. Nothing is written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from actors.rules.model import OrderSide
from actors.rules.money import CONTEXT, ZERO
from daemon.canary.executions import Execution, open_quietly

MAX_KNOWN = 200_000
"""Orders and fills that are kept for comparing, the newest."""
CLOCK_MARGIN_MS = 3_600_000
"""An order was last changed by our clock, its executions have the exchange's."""
_LIVE = "SELECT group_id FROM position_groups WHERE state <> 'closed'"
_OPEN = "('pending', 'open', 'partially_filled')"
_COLUMNS = "client_order_id, account, symbol, state, price, quantity, filled_quantity"
_OF_LIVE = f"FROM orders WHERE state IN {_OPEN} AND group_id IN ({_LIVE})"
_OPEN_ORDERS = f"SELECT {_COLUMNS}, wanted_price IS NOT NULL OR wanted_quantity IS NOT NULL {_OF_LIVE}"
_OPEN_ORDERS_OF_OLD = f"SELECT {_COLUMNS}, 0 {_OF_LIVE}"
"""Of a schema that knew no amends."""


class FactsFault(Exception):
    """The file cannot be read. Words for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrder:
    """An order the store holds for not final."""

    client_order_id: str
    account: str
    symbol: str
    state: str
    price: Decimal | None
    quantity: Decimal
    filled: Decimal
    is_amending: bool = False


@dataclass(slots=True)
class Money:
    """Of a group that is not closed, or of all the others of one account together."""

    count: int = 0
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    """Of what is held, in quote."""
    realized: Decimal = ZERO
    fees: Decimal = ZERO
    fills: int = 0
    filled: Decimal = ZERO
    """Sum of quantities of its fills, whatever their side."""
    turnover: Decimal = ZERO
    """Sum of price x quantity of its fills."""

    @property
    def average_entry(self) -> Decimal | None:
        """Cost per unit of what is held."""
        return CONTEXT.divide(self.cost, self.quantity) if self.quantity else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    schema: str
    """Newest migration it has had."""
    restored_from: str
    newest_ms: int
    """Of what was last written down."""
    groups: Mapping[str, Money]
    """By group, those that are not closed."""
    closed: Mapping[str, Money]
    """By account."""
    open_orders: Mapping[str, OpenOrder]
    """Of these groups, by client order id."""
    unfounded: Mapping[str, tuple[Decimal, Decimal]]
    """Orders and legs of groups that are not closed whose fills do not add up to what they say: (said, added up)."""


@dataclass(slots=True)
class Known:
    """Orders and fills of one account since a moment."""

    ids: set[str] = field(default_factory=set)
    """Client order ids."""
    by_exchange_id: dict[str, str] = field(default_factory=dict)
    fills: dict[tuple[str, str], Execution] = field(default_factory=dict)
    """By (client order id, trade id)."""


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """One snapshot of the file. FactsFault where it cannot be read."""
    try:
        with closing(open_quietly(path)) as connection:
            connection.execute("BEGIN")
            yield connection
    except sqlite3.Error as error:
        raise FactsFault(f"{path} cannot be read: {error}") from error


def read_facts(path: Path) -> Facts:
    """FactsFault where the file is no store or cannot be read."""
    with reading(path) as connection:
        groups, closed = _groups(connection)
        for group_id, quantity, cost in connection.execute("SELECT group_id, lot_quantity, lot_cost FROM legs"):
            money = groups.get(group_id)
            if money is not None:
                money.quantity = CONTEXT.add(money.quantity, Decimal(quantity))
                money.cost = CONTEXT.add(money.cost, Decimal(cost))
        for group_id, account, quantity, price in connection.execute(
            "SELECT group_id, account, quantity, price FROM fills"
        ):
            money = groups.get(group_id) or closed.setdefault(account, Money())
            money.fills += 1
            money.filled = CONTEXT.add(money.filled, Decimal(quantity))
            money.turnover = CONTEXT.add(money.turnover, CONTEXT.multiply(Decimal(quantity), Decimal(price)))
        meta = dict(connection.execute("SELECT name, value FROM meta").fetchall())
        schema = connection.execute("SELECT name FROM migratehistory ORDER BY id DESC LIMIT 1").fetchone()
        return Facts(
            schema="" if schema is None else schema[0],
            restored_from=meta.get("restored_from", ""),
            newest_ms=_newest_ms(connection),
            groups=groups,
            closed=closed,
            open_orders=_open_orders(connection),
            unfounded={**_unfounded_orders(connection), **_unfounded_legs(connection)},
        )


def read_known(path: Path, account: str, since_ms: int) -> Known:
    """What the store knows of an account's orders and executions since then."""
    known = Known()
    with reading(path) as connection:
        rows = connection.execute(
            "SELECT client_order_id, exchange_order_id FROM orders WHERE account = ? AND "
            f"(update_time_ms >= ? OR state IN {_OPEN} OR group_id IN ({_LIVE})) ORDER BY id DESC LIMIT ?",
            (account, since_ms - CLOCK_MARGIN_MS, MAX_KNOWN),
        )
        for client_order_id, exchange_order_id in rows:
            known.ids.add(client_order_id)
            if exchange_order_id:
                known.by_exchange_id[exchange_order_id] = client_order_id
        fills = connection.execute(
            "SELECT f.client_order_id, o.exchange_order_id, f.symbol, f.trade_id, o.side, f.quantity, f.price, "
            "f.time_ms FROM fills f JOIN orders o ON o.client_order_id = f.client_order_id "
            "WHERE f.account = ? AND f.time_ms >= ? ORDER BY f.id DESC LIMIT ?",
            (account, since_ms, MAX_KNOWN),
        )
        for client_order_id, exchange_order_id, symbol, trade_id, side, quantity, price, time_ms in fills:
            known.fills[client_order_id, trade_id] = Execution(
                client_order_id=client_order_id,
                exchange_order_id=exchange_order_id,
                symbol=symbol,
                trade_id=trade_id,
                side=OrderSide(side),
                quantity=Decimal(quantity),
                price=Decimal(price),
                time_ms=time_ms,
            )
    return known


def known_before(path: Path, client_order_id: str, before_ms: int) -> bool:
    """Whether the store has had this order before that moment, final or not."""
    query = "SELECT 1 FROM orders WHERE client_order_id = ? AND create_time_ms < ?"
    with reading(path) as connection:
        return connection.execute(query, (client_order_id, before_ms)).fetchone() is not None


def _groups(connection: sqlite3.Connection) -> tuple[dict[str, Money], dict[str, Money]]:
    """Those that are not closed by group, the others by account; without their legs and fills."""
    groups: dict[str, Money] = {}
    closed: dict[str, Money] = {}
    for group_id, account, state, quantity, cost, realized, fees in connection.execute(
        "SELECT group_id, account, state, loose_quantity, loose_cost, realized, fees FROM position_groups"
    ):
        its = (closed, account) if state == "closed" else (groups, group_id)
        money = its[0].setdefault(its[1], Money())
        money.count += 1
        money.quantity = CONTEXT.add(money.quantity, Decimal(quantity))
        money.cost = CONTEXT.add(money.cost, Decimal(cost))
        money.realized = CONTEXT.add(money.realized, Decimal(realized))
        money.fees = CONTEXT.add(money.fees, Decimal(fees))
    return groups, closed


def _newest_ms(connection: sqlite3.Connection) -> int:
    """An order is in the store before it is anywhere else, so the exchange's orders that are newer came later."""
    event = connection.execute("SELECT time_ms FROM events ORDER BY sequence DESC LIMIT 1").fetchone()
    order = connection.execute(f"SELECT max(update_time_ms) FROM orders WHERE group_id IN ({_LIVE})").fetchone()
    return max(0 if event is None else event[0], order[0] or 0)


def _open_orders(connection: sqlite3.Connection) -> dict[str, OpenOrder]:
    columns = {row[1] for row in connection.execute("PRAGMA table_info(orders)")}
    query = _OPEN_ORDERS if "wanted_price" in columns else _OPEN_ORDERS_OF_OLD
    rows = connection.execute(query)
    return {
        row[0]: OpenOrder(
            client_order_id=row[0],
            account=row[1],
            symbol=row[2],
            state=row[3],
            price=None if row[4] is None else Decimal(row[4]),
            quantity=Decimal(row[5]),
            filled=Decimal(row[6]),
            is_amending=bool(row[7]),
        )
        for row in rows
    }


def _unfounded_orders(connection: sqlite3.Connection) -> dict[str, tuple[Decimal, Decimal]]:
    added: dict[str, Decimal] = {}
    for client_order_id, quantity in connection.execute(
        f"SELECT client_order_id, quantity FROM fills WHERE group_id IN ({_LIVE})"
    ):
        added[client_order_id] = CONTEXT.add(added.get(client_order_id, ZERO), Decimal(quantity))
    said = connection.execute(f"SELECT client_order_id, filled_quantity FROM orders WHERE group_id IN ({_LIVE})")
    return {
        f"order {client_order_id}": (Decimal(filled), added.get(client_order_id, ZERO))
        for client_order_id, filled in said
        if Decimal(filled) != added.get(client_order_id, ZERO)
    }


def _unfounded_legs(connection: sqlite3.Connection) -> dict[str, tuple[Decimal, Decimal]]:
    """A leg has bought what its entries filled."""
    added: dict[tuple[str, int, int], Decimal] = {}
    query = (
        "SELECT o.group_id, o.pyramid, o.leg, f.quantity FROM fills f JOIN orders o "
        f"ON o.client_order_id = f.client_order_id WHERE o.role = 'entry' AND f.group_id IN ({_LIVE})"
    )
    for group_id, pyramid, leg, quantity in connection.execute(query):
        place = (group_id, pyramid, leg)
        added[place] = CONTEXT.add(added.get(place, ZERO), Decimal(quantity))
    legs = connection.execute(f"SELECT group_id, pyramid, leg, bought_quantity FROM legs WHERE group_id IN ({_LIVE})")
    return {
        f"group {group_id} pyramid {pyramid} leg {leg}": (Decimal(bought), added.get((group_id, pyramid, leg), ZERO))
        for group_id, pyramid, leg, bought in legs
        if Decimal(bought) != added.get((group_id, pyramid, leg), ZERO)
    }
