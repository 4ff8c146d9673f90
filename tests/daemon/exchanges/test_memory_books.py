"""Books in memory keep what books in a file keep, and nothing that was not saved (PAPER-3)."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.rules.model import OrderState
from daemon.exchanges.matching import Book, BookState
from daemon.exchanges.memory_books import MemoryBooks
from daemon.exchanges.paper import open_venue
from daemon.exchanges.paper_books import Books, PaperBooks, ledger
from daemon.exchanges.paper_instruments import paper_instruments
from tests.daemon.exchanges.paper_kit import BTC, BUY, D, new_book, new_order, paper_account, place
from tests.daemon.exchanges.test_matching_properties import Step, accounts, do, steps

pytestmark = pytest.mark.rule("PAPER-3")


def opened(books: Books, book: Book) -> None:
    books.open_account(book.funds.balances().values())


def loaded(books: Books) -> BookState:
    state, _ = books.load()
    assert state is not None
    return state


@settings(max_examples=40, deadline=None)
@given(accounts, st.lists(st.tuples(steps, st.booleans()), max_size=25))
def test_whatever_happens_both_give_back_the_same(account: dict[str, Any], run: list[tuple[Step, bool]]) -> None:
    """Saved after some of the steps: what happens in between is in neither."""
    book, memory = new_book(symbols=(BTC,), **account), MemoryBooks()
    names = [f"o{number}" for number in range(len(run) + 1)]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.db"
        file = PaperBooks(path)
        opened(memory, book)
        opened(file, book)
        for number, (step, is_saved) in enumerate(run, 1):
            do(book, step, number)
            if is_saved:
                changes = book.take_changes()
                prices = {symbol: market.price for symbol, market in book.markets.items() if market.price is not None}
                for books in (memory, file):
                    books.save(changes, prices, {"step": str(number)})
            mine, theirs = memory.load(), file.load()
            assert mine[0] == theirs[0]
            assert mine[1] == {name: value for name, value in theirs[1].items() if name != "schema"}
        assert [memory.find(name) for name in names] == [file.find(name) for name in names]
        file.close()
        assert memory.ledger() == ledger(path)


def test_a_new_account_has_no_book_until_its_balances_are_paid_in() -> None:
    books = MemoryBooks()
    assert books.load() == (None, {})
    opened(books, new_book())
    assert loaded(books).balances[0].free == 10_000


def test_the_newest_order_of_a_name_is_found() -> None:
    book, books = new_book(), MemoryBooks()
    opened(books, book)
    for price in ("90", "91"):
        place(book, new_order(BUY, "1", price, name="again"))
        book.cancel("again", 2)
        books.save(book.take_changes(), {}, {})
    found = books.find("again")
    assert found is not None
    assert found.price == 91
    assert books.find("never") is None


def test_a_book_made_of_what_was_saved_leaves_it_alone() -> None:
    """It changes orders and positions in place; those that are kept are others."""
    book, books = new_book(), MemoryBooks()
    opened(books, book)
    place(book, new_order(BUY, "1", "90", name="a"))
    books.save(book.take_changes(), {BTC: D(100)}, {})
    before = loaded(books)
    account = paper_account()
    for taken in (book, Book(account, paper_instruments(account), loaded(books))):
        taken.move(BTC, D(80), 5)
        assert taken.orders == {}
    assert loaded(books) == before
    assert before.orders[0].state is OrderState.OPEN


def test_a_venue_without_a_folder_keeps_its_books_in_memory() -> None:
    venue = open_venue(paper_account(start_prices={BTC: D(100)}), None, 0)
    assert isinstance(venue._books, MemoryBooks)
    assert venue._books.ledger().balances["USDT"].free == 10_000
