"""The durable file of a paper account (PAPER-3)."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from actors.rules.choices import Market
from daemon.exchanges.matching import Book
from daemon.exchanges.paper_books import BooksFault, PaperBooks, books_path, ledger
from daemon.exchanges.paper_instruments import paper_instruments
from tests.daemon.exchanges.paper_kit import BTC, BUY, SELL, D, new_book, new_order, paper_account, place

pytestmark = pytest.mark.rule("PAPER-3")
PERP = f"{BTC}:USDT"


def saved(path: Path, book: Book) -> PaperBooks:
    """A new file that holds this book."""
    books = PaperBooks(path)
    books.open_account(())
    prices = {symbol: market.price for symbol, market in book.markets.items() if market.price is not None}
    books.save(book.take_changes(), prices, {})
    return books


def reloaded(path: Path, **changes: Any) -> Book:
    account = paper_account(**changes)
    books = PaperBooks(path)
    state, _ = books.load()
    books.close()
    assert state is not None
    return Book(account, paper_instruments(account), state)


def busy_book(**changes: Any) -> Book:
    book = new_book(balances={"USDT": D(10_000), "BTC": D(2)}, spread_percent=D("0.013"), **changes)
    symbol = PERP if changes.get("market") is Market.SWAP else BTC
    for number, (side, quantity, price) in enumerate(
        ((BUY, "1.001", "99"), (SELL, "0.7", "101"), (BUY, "0.3", "98"), (BUY, "1", None), (SELL, "0.5", None))
    ):
        place(book, new_order(side, quantity, price, name=f"o{number}", symbol=symbol), now_ms=number)
    place(book, new_order(SELL, "0.1", trigger="90", name="stop", symbol=symbol))
    book.move(symbol, D("98.5"), 7)
    book.cancel("o2", 8)
    book.funds.touched.update(book.funds.balances())
    return book


@pytest.mark.parametrize("market", [Market.SPOT, Market.SWAP])
def test_a_file_gives_back_exactly_what_was_saved(tmp_path: Path, market: Market) -> None:
    book = busy_book(market=market, leverage=3)
    saved(tmp_path / "a.db", book).close()
    again = reloaded(tmp_path / "a.db", spread_percent=D("0.013"), market=market, leverage=3)
    assert again.state() == book.state()
    assert again.state().orders != ()


def test_a_book_that_was_read_goes_on_like_the_one_that_was_not(tmp_path: Path) -> None:
    book = busy_book()
    saved(tmp_path / "a.db", book).close()
    again = reloaded(tmp_path / "a.db", spread_percent=D("0.013"))
    for each in (book, again):
        place(each, new_order(BUY, "1", "97", name="later"))
        each.move(BTC, D(90), 20)
        each.move(BTC, D(120), 21)
    assert again.state() == book.state()


def test_the_ledger_has_every_order_and_trade_and_can_be_read_while_somebody_writes(tmp_path: Path) -> None:
    book = busy_book()
    books = saved(tmp_path / "a.db", book)
    seen = ledger(tmp_path / "a.db")
    assert {order.client_order_id: order.state.value for order in seen.orders} == {
        "o0": "filled",
        "o1": "open",
        "o2": "cancelled",
        "o3": "filled",
        "o4": "filled",
        "stop": "open",
    }
    assert len(seen.trades) == 3
    assert seen.balances == book.funds.balances()
    books.close()


def test_a_finished_order_is_found_and_the_newest_of_one_name(tmp_path: Path) -> None:
    book = new_book()
    for price in ("90", "91"):
        place(book, new_order(BUY, "1", price, name="again"))
        book.cancel("again", 2)
    books = saved(tmp_path / "a.db", book)
    found = books.find("again")
    assert found is not None
    assert found.price == 91
    assert books.find("never") is None
    books.close()


def test_a_batch_is_saved_whole_or_not_at_all(tmp_path: Path) -> None:
    book = new_book()
    books = saved(tmp_path / "a.db", book)
    place(book, new_order(BUY, "1", name="a"))
    books._connection.execute("DROP TABLE balances")
    with pytest.raises(BooksFault, match=r"a\.db"):
        books.save(book.take_changes(), {}, {})
    assert books._connection.execute("SELECT count(*) FROM orders").fetchone() == (0,)
    books.close()


def test_a_file_is_private_to_its_owner(tmp_path: Path) -> None:
    path = books_path(tmp_path, "paper")
    saved(path, new_book()).close()
    assert path == tmp_path / "paper" / "paper.db"
    assert path.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b"no database at all" * 100, b""])
def test_a_file_that_is_none_is_said_and_an_empty_one_is_new(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.db").write_bytes(content)
    if content:
        with pytest.raises(BooksFault, match=r"a\.db"):
            PaperBooks(tmp_path / "a.db")
    else:
        assert PaperBooks(tmp_path / "a.db").load()[0] is None


def test_a_file_of_another_version_is_not_touched(tmp_path: Path) -> None:
    saved(tmp_path / "a.db", new_book()).close()
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("UPDATE facts SET value = '99' WHERE name = 'schema'")
    with pytest.raises(BooksFault, match="schema 99"):
        PaperBooks(tmp_path / "a.db")


def test_a_file_of_the_version_before_amends_is_read_and_brought_up_to_date(tmp_path: Path) -> None:
    book = new_book()
    place(book, new_order(BUY, "1", "99"))
    saved(tmp_path / "a.db", book).close()
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("ALTER TABLE orders DROP COLUMN amend_number")
        connection.execute("UPDATE facts SET value = '1' WHERE name = 'schema'")
    connection.close()
    (before,) = ledger(tmp_path / "a.db").orders
    for _ in range(2):
        books = PaperBooks(tmp_path / "a.db")
        state, facts = books.load()
        books.close()
        assert state is not None
        assert (state.orders, facts["schema"]) == ((before,), "2")


WRITER = """
import sys
from pathlib import Path
from actors.messages import AnsweredAll, Streamed
from daemon.exchanges.paper import open_venue
from daemon.exchanges.paper_requests import SetPrice, Submit
from tests.daemon.exchanges.paper_kit import BTC, BUY, D, new_order, paper_account

class Nobody:
    def reply(self, answer): pass

venue = open_venue(paper_account(balances={"USDT": D(10**9)}), Path(sys.argv[1]), 0)
for batch in range(100_000):
    names = [f"b{batch}-{number}" for number in range(3)]
    orders = tuple(new_order(BUY, "1", str(99 - number), name=name) for number, name in enumerate(names))
    price = SetPrice(symbol=BTC, price=D("98.5") if batch % 2 else D(100), reply_to=Nobody(), incarnation=1, asked_ms=0)
    for out in venue.handle([Submit(orders=orders, incarnation=1, asked_ms=0), price], 1, batch):
        if isinstance(out.message, AnsweredAll):
            reports = [answer.report for answer in out.message.answers]
        elif isinstance(out.message, Streamed):
            reports = out.message.reports
        else:
            continue
        for report in reports:
            print(report.client_order_id, report.exchange_order_id, len(report.trades), flush=True)
"""


def test_whatever_was_answered_survives_a_kill(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(400)]
    os.kill(process.pid, signal.SIGKILL)
    lines += process.stdout.readlines()
    process.wait()
    process.stdout.close()
    path = books_path(tmp_path, "paper")
    known = {order.client_order_id: order for order in ledger(path).orders}
    assert len(lines) >= 400
    for line in lines:
        if not line.endswith("\n"):
            continue  # Cut off by the kill.
        name, number, trades = line.split()
        assert known[name].number == int(number)
        assert len(known[name].trades) >= int(trades)
    book = reloaded(path, balances={"USDT": D(10**9)})
    locked = sum(order.lock_unit * order.remaining for order in book.orders.values())
    assert book.funds.balance("USDT").locked == locked
    spent = sum(trade.price * trade.quantity for trade in ledger(path).trades)
    assert book.funds.total("USDT") == D(10**9) - spent
