"""What the store's file and the venue's ledger say, as values, of a living installation or from a dead one's files.

The store is read as SQL rows, so that nothing of the engine's own reading stands between the file and the checks.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from daemon.exchanges.paper_books import books_path, ledger
from tests import stores

D = Decimal
Row = Mapping[str, Any]
PARTS = ("", "-wal", "-shm")
"""Of a SQLite file in WAL mode."""
TABLES = {
    "signals": "id",
    "events": "sequence",
    "position_groups": "id",
    "pyramids": "group_id, pyramid",
    "legs": "group_id, pyramid, leg",
    "orders": "id",
    "fills": "id",
    "queued_signals": "first_queue_time_ms, id",
    "alerts": "alert_key",
    "dead_letters": "id",
    "risk_actions": "id",
    "drifts": "id",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueOrder:
    client_order_id: str
    symbol: str
    """ccxt's name for it."""
    side: str
    price: Decimal | None
    quantity: Decimal
    filled: Decimal
    state: str

    @property
    def is_open(self) -> bool:
        return self.state in ("open", "partially_filled")

    @property
    def left(self) -> Decimal:
        return self.quantity - self.filled


@dataclass(frozen=True, slots=True)
class VenueTrade:
    client_order_id: str
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    """Empty where no fee was taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """An account at its venue, whatever kind of venue."""

    orders: tuple[VenueOrder, ...]
    """All that were ever accepted, oldest first."""
    trades: tuple[VenueTrade, ...]
    """In the order in which they happened."""
    holdings: Mapping[tuple[str, str], Decimal]
    """Base asset (spot) or symbol (swap), and side, to what the account has of it; zeros left out."""
    quote: Decimal
    """All USDT of the account, free and locked."""
    cost: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)
    """Of swap positions: what they cost, in quote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Every row of the tables that are looked at, by column name."""

    signals: tuple[Row, ...]
    events: tuple[Row, ...]
    position_groups: tuple[Row, ...]
    pyramids: tuple[Row, ...]
    legs: tuple[Row, ...]
    orders: tuple[Row, ...]
    fills: tuple[Row, ...]
    queued_signals: tuple[Row, ...]
    alerts: tuple[Row, ...]
    dead_letters: tuple[Row, ...]
    risk_actions: tuple[Row, ...]
    drifts: tuple[Row, ...]

    @property
    def live_groups(self) -> list[Row]:
        return [group for group in self.position_groups if group["state"] != "closed"]


def read_store(data_dir: Path) -> Store:
    """One snapshot of the folder's store. sqlite3.Error or psycopg.Error where it cannot be read."""
    with stores.snapshot(data_dir) as ask:
        return Store(
            **{table: tuple(ask(f"SELECT * FROM {table} ORDER BY {order}")) for table, order in TABLES.items()}
        )


def spooled(path: Path) -> list[bytes]:
    """The bodies of alerts that wait in the forwarder's spool."""
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as connection:
        return [row[0] for row in connection.execute("SELECT body FROM spooled ORDER BY arrival")]


def refused_by_the_daemon(path: Path) -> list[tuple[bytes, str, str]]:
    """Body, reason and words of spooled alerts that the daemon refused for good."""
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as connection:
        found: list[tuple[bytes, str, str]] = connection.execute("SELECT body, reason, message FROM refused").fetchall()
        return found


@contextmanager
def copied(data_dir: Path, scratch: Path) -> Iterator[Path]:
    """The files of a dead installation as they were left, beside it: looking must not mend them. A store on a server
    stays where it is."""
    shutil.rmtree(scratch, ignore_errors=True)
    for name in ("terrace.db", "spool.db"):
        copy_database(data_dir / name, scratch / name)
    stores.refer(data_dir, scratch)
    for file in (data_dir / "paper").glob("*.db"):
        copy_database(file, scratch / "paper" / file.name)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def copy_database(source: Path, target: Path) -> None:
    """With its log, without the index of the log: that is made anew."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for part in PARTS[:2]:
        file = source.with_name(source.name + part)
        if file.exists():
            shutil.copyfile(file, target.with_name(target.name + part))


def paper_venue(data_dir: Path, account: str) -> Venue:
    """The paper account's own file."""
    found = ledger(books_path(data_dir, account))
    dealt = [(order, trade) for order in found.orders for trade in order.trades]
    dealt.sort(key=lambda both: int(both[1].trade_id))
    balances = {asset: balance.total for asset, balance in found.balances.items()}
    positions = {(position.symbol, position.side.value): position.quantity for position in found.positions}
    coins = {(asset, "long"): total for asset, total in balances.items() if asset != "USDT"}
    return Venue(
        orders=tuple(
            VenueOrder(
                client_order_id=order.client_order_id,
                symbol=order.symbol,
                side=order.side.value,
                price=order.price,
                quantity=order.quantity,
                filled=order.filled,
                state=order.state.value,
            )
            for order in found.orders
        ),
        trades=tuple(
            _trade(order.client_order_id, trade.price, trade.quantity, trade.fee, trade.fee_asset)
            for order, trade in dealt
        ),
        holdings=_without_zeros({**positions, **coins}.items()),
        quote=balances.get("USDT", D(0)),
        cost={(position.symbol, position.side.value): position.cost for position in found.positions},
    )


def wire_venue(found: Mapping[str, Any], *, is_swap: bool) -> Venue:
    """A wire simulator's ledger, as its back door tells it."""
    suffix = "/USDT:USDT" if is_swap else "/USDT"

    def symbol_of(name: str) -> str:
        return name.removesuffix("USDT") + suffix

    if is_swap:
        held = {(symbol_of(row["symbol"]), row["side"]): D(row["quantity"]) for row in found["positions"]}
    else:
        held = {
            (asset, "long"): D(row["free"]) + D(row["locked"])
            for asset, row in found["balances"].items()
            if asset != "USDT"
        }
    quote = found["balances"].get("USDT", {"free": "0", "locked": "0"})
    cost = {
        (symbol_of(row["symbol"]), row["side"]): D(row["quantity"]) * D(row["mark"])
        - (D(row["unrealized"]) if row["side"] == "long" else -D(row["unrealized"]))
        for row in (found["positions"] if is_swap else ())
    }
    return Venue(
        orders=tuple(
            VenueOrder(
                client_order_id=row["client_order_id"],
                symbol=symbol_of(row["symbol"]),
                side=row["side"],
                price=None if row["price"] is None else D(row["price"]),
                quantity=D(row["quantity"]),
                filled=D(row["filled"]),
                state=row["state"],
            )
            for row in found["orders"]
        ),
        trades=tuple(
            _trade(row["client_order_id"], D(row["price"]), D(row["quantity"]), D(row["fee"]), row["fee_asset"])
            for row in found["trades"]
        ),
        holdings=_without_zeros(held.items()),
        quote=D(quote["free"]) + D(quote["locked"]),
        cost=cost,
    )


def _trade(client_order_id: str, price: Decimal, quantity: Decimal, fee: Decimal, fee_asset: str) -> VenueTrade:
    return VenueTrade(client_order_id, price, quantity, fee, fee_asset if fee else "")


def _without_zeros(items: Iterable[tuple[tuple[str, str], Decimal]]) -> dict[tuple[str, str], Decimal]:
    return {key: quantity for key, quantity in items if quantity}
