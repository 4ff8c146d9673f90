"""A day of candles as paper prices: the books of engine and venue agree to the last decimal."""

from __future__ import annotations

import gzip
import random
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import Starter
from tests.system.stack import Stack, alert, until

D = Decimal
SHARED = Path(__file__).parents[3] / "shared" / "data" / "candles"
REAL = ["BTCUSDT", "ETHUSDT"]
DAY_MINUTES = 1440
SPEED = 6000
"""A day in 14.4 seconds."""
ALERTS = 24
"""Sent evenly over the day, for both symbols and both ways."""


FINE = {
    "BTC/USDT": {"tick_size": "0.01", "step_size": "0.00001", "min_quantity": "0.00001", "min_notional": "5"},
    "ETH/USDT": {"tick_size": "0.01", "step_size": "0.0001", "min_quantity": "0.0001", "min_notional": "5"},
}
"""As Binance has them."""


def day_of_candles(folder: Path, symbol: str, start: float, rng: random.Random) -> None:
    """A day of made-up one-minute candles that move about as much as a coin does."""
    price, lines = start, []
    for minute in range(DAY_MINUTES):
        opened, price = price, price * (1 + rng.gauss(0, 0.0012))
        high, low = (
            max(opened, price) * (1 + abs(rng.gauss(0, 0.0005))),
            min(opened, price) * (1 - abs(rng.gauss(0, 0.0005))),
        )
        lines.append(f"{minute * 60_000},{opened:.2f},{high:.2f},{low:.2f},{price:.2f},{rng.uniform(1, 50):.3f}\n")
    (folder / f"{symbol}-1m.csv").write_text(
        "timestamp_ms,open,high,low,close,volume\n" + "".join(lines), encoding="utf-8"
    )


def first_day(folder: Path, symbol: str) -> None:
    """The first day of the real candles of a symbol."""
    with gzip.open(SHARED / f"{symbol}-1m.csv.gz", "rt", encoding="utf-8") as lines:
        head = [next(lines) for _ in range(DAY_MINUTES + 1)]
    (folder / f"{symbol}-1m.csv").write_text("".join(head), encoding="utf-8")


def run_day(start: Starter, candles: Path) -> Stack:
    """A day with alerts at fixed times: entries, pyramids and exits on two symbols and two timeframes."""
    paper = {
        "prices": "replay", "candles": str(candles), "speed": SPEED, "symbols": ["BTC/USDT", "ETH/USDT"],
        "start_prices": {}, "instruments": FINE, "fill": "cross", "spread_percent": "0.01", "slippage_percent": "0.01",
    }  # fmt: skip
    stack = start({"accounts": {"paper": paper}, "execution": {"max_quote_age_s": 30}})
    begun = time.monotonic()
    length_s = DAY_MINUTES * 60 / SPEED
    for number in range(ALERTS):
        time.sleep(max(0.0, begun + length_s * number / ALERTS - time.monotonic()))
        symbol, timeframe = REAL[number % 2], ("15", "60")[number // 2 % 2]
        intent = {"execution_intent": {"type": "exit"}} if number % 8 >= 6 else {}
        stack.send(alert(symbol, timeframe, "sell" if intent else "buy", **intent))
    until(lambda: time.monotonic() > begun + length_s + 1)
    return stack


def books_balance(stack: Stack) -> dict[str, Any]:
    """PNL-2 over the whole account, and profit against equity at the last mark."""

    def settled() -> bool:
        moving = stack.rows("SELECT 1 FROM orders WHERE state = 'pending'")
        moving += stack.rows("SELECT 1 FROM position_groups WHERE state = 'closing'")
        seen = stack.rows("SELECT count(*) FROM fills")
        return not moving and seen == stack.rows("SELECT count(*) FROM trades", file="paper/paper.db")

    until(settled)
    stack.kill("daemon")  # Both files as a crash leaves them: nothing is tidied up on the way out.
    balances = {row[0]: D(row[1]) + D(row[2]) for row in stack.rows("SELECT * FROM balances", file="paper/paper.db")}
    realized = sum((D(row[0]) for row in stack.rows("SELECT realized FROM position_groups")), D(0))
    lots = stack.rows(
        "SELECT g.symbol, l.lot_quantity, l.lot_cost FROM legs l JOIN position_groups g ON g.group_id = l.group_id "
        "UNION ALL SELECT symbol, loose_quantity, loose_cost FROM position_groups"
    )
    cost = sum((D(row[2]) for row in lots), D(0))
    quantity = {s: sum((D(row[1]) for row in lots if row[0] == f"{s}/USDT"), D(0)) for s in ("BTC", "ETH")}
    assert balances["USDT"] - 100000 == realized - cost
    for asset, held in quantity.items():
        assert balances.get(asset, D(0)) == held
    marks = {row[0]: D(row[1]) for row in stack.rows("SELECT symbol, price FROM prices", file="paper/paper.db")}
    unrealized = sum((held * marks.get(f"{asset}/USDT", D(0)) for asset, held in quantity.items()), D(0)) - cost
    equity = balances["USDT"] + sum(
        (balances.get(asset, D(0)) * marks.get(f"{asset}/USDT", D(0)) for asset in quantity), D(0)
    )
    assert realized + unrealized == equity - 100000
    trades = stack.rows("SELECT count(*) FROM trades", file="paper/paper.db")[0][0]
    return {"trades": trades, "realized": realized, "groups": len(stack.rows("SELECT 1 FROM position_groups"))}


@pytest.mark.rule("PNL-1", "PNL-2", "PAPER-1", "PAPER-2", "PAPER-3")
def test_after_a_made_up_day_profit_equals_the_change_of_equity(start: Starter, tmp_path: Path) -> None:
    rng = random.Random(3)
    day_of_candles(tmp_path, "BTCUSDT", 60000, rng)
    day_of_candles(tmp_path, "ETHUSDT", 2500, rng)
    figures = books_balance(run_day(start, tmp_path))
    assert figures["trades"] > 20
    assert figures["groups"] > 2


@pytest.mark.rule("PNL-1", "PNL-2", "PAPER-2")
@pytest.mark.skipif(not SHARED.exists(), reason="the recorded candles are not here")
def test_after_a_day_of_real_candles_profit_equals_the_change_of_equity(start: Starter, tmp_path: Path) -> None:
    for symbol in REAL:
        first_day(tmp_path, symbol)
    figures = books_balance(run_day(start, tmp_path))
    print(f"\nreal day: {figures}")
    assert figures["trades"] > 20
