"""OKX: spot and USDT swaps, v5 API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from actors.rules.choices import Market, PositionMode
from actors.rules.model import Instrument, Order
from actors.rules.rates import Ask, RateRules, Window
from daemon.exchanges.venues.faults import refuse_stops, told_number
from daemon.exchanges.venues.orders import plain, wire_type
from daemon.exchanges.venues.pages import all_pages
from daemon.exchanges.venues.settling import SetupFault, settle
from daemon.exchanges.venues.venue import LOOK_BACK_MS, Raw, Venue, position_side

PAGE = 100
RECENT_FILLS_MS = 3 * 86_400_000 - 3_600_000
"""`trade/fills` knows three days at once, `trade/fills-history` three months, a little later."""
SPOT_ONLY_LEVEL = "1"
"""Of `acctLv`: an account in this mode cannot trade swaps."""

_TWO_SECONDS_MS = 2_000
_RULES = RateRules(
    windows=(
        Window(name="place", limit=54, period_ms=_TWO_SECONDS_MS),
        Window(name="cancel", limit=54, period_ms=_TWO_SECONDS_MS),
        Window(name="amend", limit=54, period_ms=_TWO_SECONDS_MS),
        Window(name="order", limit=54, period_ms=_TWO_SECONDS_MS),
        Window(name="history", limit=36, period_ms=_TWO_SECONDS_MS),
        Window(name="pending", limit=54, period_ms=_TWO_SECONDS_MS),
        Window(name="fills", limit=9, period_ms=_TWO_SECONDS_MS),
        Window(name="balance", limit=9, period_ms=_TWO_SECONDS_MS),
        Window(name="setup", limit=4, period_ms=_TWO_SECONDS_MS),
        Window(name="instruments", limit=18, period_ms=_TWO_SECONDS_MS, is_shared=True),
        Window(name="tickers", limit=18, period_ms=_TWO_SECONDS_MS, is_shared=True),
        Window(name="time", limit=9, period_ms=_TWO_SECONDS_MS, is_shared=True),
    ),
    costs={
        Ask.SUBMIT: {"place": 1},
        Ask.CANCEL: {"cancel": 1},
        Ask.AMEND: {"amend": 1},
        Ask.LOOK_UP: {"order": 1, "history": 1, "fills": 1},
        Ask.OPEN_ORDERS: {"pending": 1},
        Ask.BALANCES: {"balance": 1},
        Ask.TRADES: {"fills": 1},
        Ask.INSTRUMENTS: {"instruments": 1},
        Ask.PRICES: {"tickers": 1},
        Ask.SETUP: {"setup": 1},
        Ask.TIME: {"time": 1},
    },
)
"""Nine tenths of what is published per user and endpoint. OKX tells nothing of it in its answers."""


class Okx(Venue):
    exchange: ClassVar[str] = "okx"
    ccxt_id: ClassVar[str] = "okx"
    market_types: ClassVar[frozenset[Market]] = frozenset({Market.SPOT, Market.SWAP})
    recv_window_ms: ClassVar[int] = 30_000
    can_amend: ClassVar[bool] = True
    has_testnet: ClassVar[bool] = True
    needs_passphrase: ClassVar[bool] = True
    names_trades: ClassVar[bool] = True

    @property
    def kind(self) -> str:
        """OKX's name of the account's type of market."""
        return "SWAP" if self.is_swap else "SPOT"

    def options(self) -> Raw:
        kind = self.kind.lower()
        return {
            **super().options(),
            "fetchMarkets": {"types": [kind]},
            "watchOrders": {"type": kind},
            "watchMyTrades": {"type": kind},
        }

    def rules(self) -> RateRules:
        return _RULES

    # --- orders -----------------------------------------------------------------------------------

    def order_params(self, order: Order, instrument: Instrument) -> Raw:
        """Spot is always `cash`. In hedge mode the position's side is named and reduce-only does not exist."""
        del instrument
        params = self.common_params(order)
        if self.is_swap:
            params["marginMode"] = self.account.margin_mode.value
        if self.is_hedged:
            params.pop("reduceOnly", None)
            params["positionSide"] = position_side(order).value
        return params

    async def create(self, order: Order, instrument: Instrument) -> Raw:
        refuse_stops(self.exchange, order)
        return await super().create(order, instrument)

    async def amend(self, order: Order, price: Decimal, quantity: Decimal) -> Raw:
        """By client order id; OKX keeps the old price or quantity if the new one is refused."""
        answer: Raw = await self.client.edit_order(
            order.exchange_order_id,
            order.symbol,
            wire_type(order),
            order.side.value,
            plain(quantity),
            plain(price),
            {"clOrdId": order.client_order_id},
        )
        return answer

    async def find_order(self, order: Order) -> Raw | None:
        """`trade/order` knows live and finished ones; the history of a week is the second witness.

        Orders cancelled without a fill leave both after two hours: none of ours may be looked up first that late.
        """
        raw = await super().find_order(order)
        return raw if raw is not None else self.newest_of(await self._finished(order), order)

    async def _finished(self, order: Order) -> list[Raw]:
        market = self.client.market(order.symbol)

        async def page(after: str) -> tuple[list[Raw], str | None]:
            begin = str(order.create_time_ms - LOOK_BACK_MS)
            asked = {"instType": self.kind, "instId": market["id"], "begin": begin, "limit": str(PAGE)}
            answer = await self.client.privateGetTradeOrdersHistory({**asked, **({"after": after} if after else {})})
            rows = answer.get("data") or []
            return self.client.parse_orders(rows, market), (rows[-1]["ordId"] if len(rows) >= PAGE else None)

        return await all_pages(page, "")

    async def open_orders(self, symbols: Sequence[str]) -> list[Raw]:
        del symbols
        await self.client.load_markets()

        async def page(after: str) -> tuple[list[Raw], str | None]:
            asked = {"instType": self.kind, "limit": str(PAGE), **({"after": after} if after else {})}
            rows = (await self.client.privateGetTradeOrdersPending(asked)).get("data") or []
            return self.client.parse_orders(rows), (rows[-1]["ordId"] if len(rows) >= PAGE else None)

        return await all_pages(page, "")

    async def trades(self, symbol: str, since_ms: int) -> list[Raw]:
        await self.client.load_markets()
        market = self.client.market(symbol)
        is_recent = since_ms > int(self.client.milliseconds()) - RECENT_FILLS_MS
        ask = self.client.privateGetTradeFills if is_recent else self.client.privateGetTradeFillsHistory

        async def page(after: str) -> tuple[list[Raw], str | None]:
            asked = {"instType": self.kind, "instId": market["id"], "begin": str(since_ms), "limit": str(PAGE)}
            rows = (await ask({**asked, **({"after": after} if after else {})})).get("data") or []
            return self.client.parse_trades(rows, market), (rows[-1]["billId"] if len(rows) >= PAGE else None)

        return await all_pages(page, "")

    def client_order_id(self, raw: Raw) -> str:
        info = raw.get("info") or {}
        return str(raw.get("clientOrderId") or info.get("clOrdId") or "")

    # --- the account ------------------------------------------------------------------------------

    async def prepare_account(self) -> None:
        if not self.is_swap:
            return
        if (await self._config()).get("acctLv") == SPOT_ONLY_LEVEL:
            raise SetupFault("OKX's account mode is `Spot`: switch it to `Futures` or `Multi-currency margin` there.")
        wanted = "long_short_mode" if self.account.position_mode is PositionMode.HEDGE else "net_mode"

        async def read() -> str:
            found = str((await self._config()).get("posMode") or "")
            if found:
                self.read_mode(PositionMode.HEDGE if found == "long_short_mode" else PositionMode.ONE_WAY)
            return found

        async def write() -> None:
            await self.client.set_position_mode(self.wants_hedge)

        await settle("OKX's position mode", wanted, read, write, "Close all positions and orders first.")

    async def prepare(self, symbol: str) -> None:
        if not self.is_swap:
            return
        await self.client.load_markets()
        mode, leverage = self.account.margin_mode.value, self.account.leverage
        sides = [{"posSide": "long"}, {"posSide": "short"}] if self.is_hedged and mode == "isolated" else [{}]

        async def read() -> str:
            asked = {"instId": self.client.market_id(symbol), "mgnMode": mode}
            rows = (await self.client.privateGetAccountLeverageInfo(asked)).get("data") or []
            return " and ".join(sorted({told_number(row.get("lever")) for row in rows}))

        async def write() -> None:
            for side in sides:
                await self.client.set_leverage(leverage, symbol, {"marginMode": mode, **side})

        await settle(f"OKX's leverage ({mode}) of {symbol}", str(leverage), read, write, "Set it on OKX.")

    async def funding(self, since_ms: int) -> list[Raw]:
        async def page(after: str) -> tuple[list[Raw], str | None]:
            asked = {"begin": str(since_ms), "limit": str(PAGE), **({"after": after} if after else {})}
            rows = await self.client.fetch_funding_history(
                None, None, None, {**asked, "type": "8", "instType": self.kind}
            )
            oldest = min((str(row["id"]) for row in rows), key=lambda name: (len(name), name), default="")
            return rows, (oldest if len(rows) >= PAGE and oldest != after else None)

        return await all_pages(page, "")

    async def permissions(self) -> Mapping[str, bool | None]:
        told = str((await self._config()).get("perm") or "")
        if not told:
            return {"read": True, "trade": None, "withdraw": None}
        held = {each.strip() for each in told.split(",")}
        return {"read": True, "trade": "trade" in held, "withdraw": "withdraw" in held}

    async def _config(self) -> dict[str, Any]:
        rows = (await self.client.privateGetAccountConfig()).get("data") or [{}]
        return dict(rows[0])

    # --- streams ----------------------------------------------------------------------------------

    async def watch_trades(self) -> list[Raw]:
        """ccxt leaves the sign of streamed fees as OKX has it, a charge below zero; requested trades it turns.

        Executions without their fee are left to be asked for.
        """
        return [_with_paid_fee(row) for row in await super().watch_trades() if _has_fee(row)]

    def is_user_stream(self, url: str) -> bool:
        return "/private" in url


def _has_fee(trade: Raw) -> bool:
    return (trade.get("fee") or {}).get("cost") not in (None, "")


def _with_paid_fee(trade: Raw) -> Raw:
    return {**trade, "fee": {**trade["fee"], "cost": plain(-Decimal(str(trade["fee"]["cost"])))}, "fees": []}
