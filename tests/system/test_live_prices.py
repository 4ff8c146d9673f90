"""A paper account with live prices, as a real daemon on a simulated Binance: nothing of it is traded there."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.system.stack import Plain, Stack, alert, until
from tests.wire.run import Running

D = Decimal
PRICES = "/api/v3/ticker/bookTicker"


@pytest.fixture
def venue() -> Iterator[Running]:
    with Running("binance", process=True) as running:
        yield running
        assert not running.admin.status()["unlisted"]


@pytest.fixture
def stack(tmp_path: Path, venue: Running) -> Iterator[Stack]:
    account: Plain = {
        "prices": "live",
        "price_source": "binance",
        "urls": {"rest": venue.endpoints.rest, "ws": venue.endpoints.ws},
        "symbols": ["ETH/USDT", "BTC/USDT", "NOSUCH/USDT"],
        "start_prices": {"ETH/USDT": "1"},
        "instruments": {},
        "spread_percent": "9",
        "fees": {"maker_percent": "0", "taker_percent": "0"},
    }
    config = {
        "accounts": {"paper": account},
        "execution": {"max_quote_age_s": 2, "sweep_interval_s": 1},
        "alerts": {"quote_age_s": 2},
    }
    stack = Stack(tmp_path, config)
    yield stack
    stack.stop()


def standing(stack: Stack, words: str) -> list[str]:
    """Alerts that stand and say this."""
    return [each["message"] for each in stack.json("alert", "list")["alerts"] if words in each["message"]]


def filled(stack: Stack, side: str) -> list[tuple[Decimal, Decimal]]:
    """Price and quantity of the executions on one side, oldest first, as the paper exchange's own books have them."""
    query = "SELECT price, quantity FROM trades WHERE side = ? ORDER BY trade_id"
    return [(D(price), D(quantity)) for price, quantity in stack.rows(query, side, file="paper/paper.db")]


@pytest.mark.rule("ORD-10", "PAPER-1", "PAPER-3", "PRC-1")
def test_paper_fills_follow_the_real_price_and_wait_while_it_is_silent(stack: Stack, venue: Running) -> None:
    venue.admin.price("ETHUSDT", "3001")
    stack.start("daemon")
    rules = {each["symbol"]: each for each in stack.json("account", "instruments", "paper")["instruments"]}
    assert rules.keys() == {"ETH/USDT", "BTC/USDT"}
    assert rules["BTC/USDT"]["max_quantity"] == "900000"  # The exchange's own; a paper account makes none up.
    assert "NOSUCH/USDT" in stack.log("daemon")

    group_id = stack.send(alert("ETHUSDT", price="3000"))["group_id"]
    assert filled(stack, "buy") == []
    venue.admin.price("ETHUSDT", "2984")
    bought = until(lambda: filled(stack, "buy"))
    assert [price for price, _ in bought] == [D(3000), D(2985)]

    venue.admin.fault("ws_drop:100", count=0)
    venue.admin.fault("5xx_before_accept", path=PRICES, count=0)
    until(lambda: standing(stack, "the last price is"))
    answer = stack.send(alert("ETHUSDT", action="sell", execution_intent={"type": "exit"}))
    assert answer["outcome"] == "EXITED", answer
    until(
        lambda: standing(stack, "the close of the group waits"),
        failure=lambda: f"{stack.group(group_id)} {stack.json('alert', 'list')} {stack.log('daemon')[-4000:]}",
    )
    stack.kill("daemon")
    stack.start("daemon")
    assert stack.group(group_id)["state"] == "CLOSING"
    assert filled(stack, "sell") == []

    venue.admin.price("ETHUSDT", "2990")
    venue.admin.reset_faults()
    until(lambda: stack.group(group_id)["state"] == "CLOSED")
    assert filled(stack, "sell") == [(D(2990), sum((quantity for _, quantity in bought), D(0)))]
    until(lambda: not standing(stack, ""))
    told = {each["path"] for each in venue.admin.requests()}
    assert told <= {"/api/v3/exchangeInfo", "/api/v3/time", PRICES}, told  # Nothing an account is needed for.
    assert venue.admin.ledger()["orders"] == []
