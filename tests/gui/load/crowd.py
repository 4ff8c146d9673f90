"""200 live groups of five legs each on the paper exchange, and prices that move them all."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from control.client import Client, TargetFlags, find_target
from protos.terrace.v1.account_pb2 import SetPaperPriceRequest, SetPaperPriceResponse
from tests.system.stack import Stack, alert, until

BASES = ("BTC", "ETH", "SOL", "BNB", "XRP", "ADA", "DOGE", "LINK", "AVAX", "LTC")
SYMBOLS = [f"{base}/USDT" for base in BASES]
TICK = "0.0001"
FILLED = "99.90"
"""Fills the first leg of each group, whose entry is 100, and no other; no target is near."""
STEPS = 2000
"""Prices of one symbol are told apart for so many moves."""


def config(groups: int) -> dict[str, Any]:
    instrument = {"tick_size": TICK, "step_size": "0.001", "min_quantity": "0.001", "min_notional": "5"}
    return {
        "accounts": {
            "paper": {
                "symbols": SYMBOLS,
                "start_prices": dict.fromkeys(SYMBOLS, "100"),
                "instruments": dict.fromkeys(SYMBOLS, instrument),
                "balances": {"USDT": "10000000"},
            }
        },
        "pool": {"max_open_groups": groups},
        "risk": {"enabled": False},
    }


def open_groups(stack: Stack, count: int) -> None:
    """Through the webhook, as alerts come; then the price touches the first leg of each."""
    bodies = [
        alert(f"{BASES[number % len(BASES)]}USDT", str(1 + number // len(BASES)), price="100")
        for number in range(count)
    ]
    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(stack.post, bodies))
    until(lambda: stack.rows("SELECT count(*) FROM position_groups")[0][0] == count, failure="not all groups opened")
    with Client(find_target(TargetFlags(config=str(stack.config_file)))) as client:
        for symbol in SYMBOLS:
            _set(client, symbol, FILLED)
    sql = "SELECT count(*) FROM orders WHERE role = 'take_profit' AND state = 'open'"
    until(lambda: stack.rows(sql)[0][0] == count, failure="not all first legs have filled")


def price_of(step: int) -> str:
    """The price at a step, unlike those of the steps around it: between 99.70 and 99.90."""
    return f"{99.70 + (step * 7919 % STEPS) / 10000:.4f}"


class Mover(threading.Thread):
    """Moves every symbol twice a second, each at its own moment. `moved`: (symbol, price) and when it was asked for."""

    def __init__(self, stack: Stack, period_s: float = 0.5) -> None:
        super().__init__(daemon=True)
        self._client = Client(find_target(TargetFlags(config=str(stack.config_file))))
        self._period_s = period_s
        self._ends = threading.Event()
        self.moved: list[tuple[str, str, float]] = []
        self.took_s: list[float] = []

    def run(self) -> None:
        next_s = time.monotonic()
        count = 0
        while not self._ends.is_set():
            symbol, price = SYMBOLS[count % len(SYMBOLS)], price_of(count // len(SYMBOLS))
            self.moved.append((symbol, price, time.time()))
            began_s = time.monotonic()
            _set(self._client, symbol, price)
            self.took_s.append(time.monotonic() - began_s)
            count += 1
            next_s = max(next_s + self._period_s / len(SYMBOLS), time.monotonic())
            self._ends.wait(next_s - time.monotonic())

    def end(self) -> None:
        self._ends.set()
        self.join()
        self._client.close()


def _set(client: Client, symbol: str, price: str) -> None:
    client.call(SetPaperPriceRequest(account="paper", symbol=symbol, price=price), SetPaperPriceResponse)
