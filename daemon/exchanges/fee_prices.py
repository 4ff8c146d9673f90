"""Prices of assets that fees are paid in besides base and quote, a discount token say (PNL-1)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from actors.rules.choices import Market
from actors.rules.model import Instrument
from actors.rules.rates import Ask, Work
from daemon.exchanges import convert
from daemon.exchanges.connection import Connection, VenueFault

FRESH_MS = 60_000
"""A price this young values a fee."""
MAX_PRICES = 100
WAIT_S = 2.0
"""How long executions wait for the price of their fee. Money that has moved is told, whatever its fee was worth."""


class FeePrices:
    """Asked for when a fee needs one; the newest known serves where that fails."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._prices: dict[tuple[str, str], tuple[Decimal, int]] = {}
        self._asking: dict[tuple[str, str], asyncio.Task[None]] = {}
        """The newest request for each."""

    def value_of(self, asset: str, quote: str) -> Decimal | None:
        found = self._prices.get((asset, quote))
        return None if found is None else found[0]

    async def learn(self, trades: Iterable[Mapping[str, Any]], instrument: Callable[[str], Instrument | None]) -> None:
        """Makes sure the fees of these trades can be valued."""
        wanted = set()
        for raw in trades:
            there = instrument(convert.text(raw.get("symbol")))
            if there is not None:
                wanted |= {(asset, there.quote) for asset in convert.fee_assets([raw]) - {there.base, there.quote}}
        now_ms = self._connection.clock.now_ms()
        for asset, quote in wanted:
            known = self._prices.get((asset, quote))
            if known is None or not 0 <= now_ms - known[1] <= FRESH_MS:
                await asyncio.wait({self._asked(asset, quote, now_ms)}, timeout=WAIT_S)

    def _asked(self, asset: str, quote: str, now_ms: int) -> asyncio.Task[None]:
        """One request at a time for each price, however many executions wait for it."""
        task = self._asking.get((asset, quote))
        if task is None or task.done():
            task = self._asking[asset, quote] = asyncio.ensure_future(self._fetch(asset, quote, now_ms))
        return task

    async def _fetch(self, asset: str, quote: str, now_ms: int) -> None:
        venue = self._connection.venue
        symbol = f"{asset}/{quote}" if venue.account.market is Market.SPOT else f"{asset}/{quote}:{quote}"
        try:
            tickers = await self._connection.draw_and_call(
                Ask.PRICES, Work.TARGET, lambda: venue.fetch_prices([symbol])
            )
        except VenueFault:
            return
        quoted = convert.quotes(tickers, now_ms).get(symbol)
        if quoted is not None and (len(self._prices) < MAX_PRICES or (asset, quote) in self._prices):
            self._prices[asset, quote] = (quoted.mid, now_ms)
