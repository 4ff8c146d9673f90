"""A paper account whose market stands still, whatever made its prices."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from actors.messages import BalancesFetched, InstrumentsFetched, OpenOrdersFetched, Quoted
from actors.rules.settings import AccountSettings
from daemon.canary.frozen import open_frozen
from daemon.clock import SystemClock
from daemon.config.load import LoadedConfig, load_text
from daemon.exchanges.paper import open_venue
from daemon.exchanges.paper_books import books_path
from daemon.exchanges.paper_requests import Submit
from tests.daemon.canary.stage import rows
from tests.daemon.exchanges.fake_venue import an_order
from tests.system.stack import until

KINDS = {
    "synthetic": "prices: synthetic",
    "manual": "prices: manual, start_prices: {BTC/USDT: '100'}",
    "live": "prices: live, price_source: binance",
}


def account_of(kind: str) -> AccountSettings:
    text = f"config_version: 1\naccounts: {{paper: {{exchange: paper, symbols: [BTC/USDT], {KINDS[kind]}}}}}\n"
    config = load_text(text, Path("config.yaml"), {})
    assert isinstance(config, LoadedConfig), config
    return config.settings.accounts["paper"]


@pytest.mark.parametrize("kind", KINDS)
def test_no_price_moves_and_nothing_fills(tmp_path: Path, kind: str) -> None:
    clock, account = SystemClock(), account_of(kind)
    before = account_of("synthetic" if kind == "live" else kind)
    venue = open_venue(before, tmp_path, clock.now_ms() - 5_000)
    venue.tick(1, clock.now_ms())
    low = an_order(price=venue.instruments[0].tick_size * 1_000, quantity=venue.instruments[0].step_size * 100_000)
    venue.handle([Submit(orders=(low,), incarnation=1, asked_ms=clock.now_ms())], 1, clock.now_ms())
    venue.save_prices(clock.now_ms())
    venue.close()
    books = books_path(tmp_path, "paper")
    saved = rows(books, "SELECT symbol, price FROM prices")
    orders = rows(books, "SELECT client_order_id, state, filled FROM orders")
    assert orders == [(low.client_order_id, "open", "0")]

    told: list[Any] = []
    exchange = open_frozen(account, tmp_path, clock, (), ("BTC/USDT",))
    exchange.start(told.append, 1)
    exchange.subscribe(["BTC/USDT"])
    exchange.fetch_balances()
    exchange.fetch_instruments()
    exchange.fetch_open_orders()
    until(lambda: {BalancesFetched, InstrumentsFetched, OpenOrdersFetched} <= {type(message) for message in told}, 10)
    time.sleep(0.7)  # Made-up prices move twice a second.
    exchange.stop()
    quotes = {quote.bid for message in told if isinstance(message, Quoted) for quote in message.quotes.values()}
    assert len(quotes) <= 1
    assert rows(books, "SELECT symbol, price FROM prices") == saved
    assert rows(books, "SELECT client_order_id, state, filled FROM orders") == orders
    [listed] = [message for message in told if isinstance(message, OpenOrdersFetched)]
    assert [report.client_order_id for report in listed.reports] == [low.client_order_id]
