"""KuCoin: spot and USDT swaps of classic accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from actors.rules.choices import MarginMode, Market, PositionMode
from actors.rules.model import Instrument, Order
from actors.rules.rates import Ask, RateRules, Window
from daemon.exchanges.venues.faults import refuse_stops, told_number
from daemon.exchanges.venues.orders import wire_price, wire_type
from daemon.exchanges.venues.pages import all_pages
from daemon.exchanges.venues.settling import SetupFault, settle
from daemon.exchanges.venues.venue import LOOK_BACK_MS, Raw, Venue, by_symbol, position_side

PAGE = 100
"""Most rows of one answer on spot; swaps give as many if asked."""
WINDOW_MS = 7 * 86_400_000 - 1_000
"""Longest span of one request for executions or finished orders."""
SPOT_POOL, SWAP_POOL = 4_000, 2_000
"""Weight per 30 s of an account without VIP level."""

_HALF_MINUTE_MS = 30_000
_NO_MARGIN = {"marginables": False}
_WITHDRAWING = frozenset({"Transfer", "Withdrawal", "Withdraw"})


class Kucoin(Venue):
    exchange: ClassVar[str] = "kucoin"
    ccxt_id: ClassVar[str] = "kucoin"
    market_types: ClassVar[frozenset[Market]] = frozenset({Market.SPOT, Market.SWAP})
    needs_passphrase: ClassVar[bool] = True

    def options(self) -> Raw:
        """The preset `uta` saves a question before the first order; `prepare_account` looks at it.

        A stream of balances would first ask for all of them, and never answer if that request failed.
        """
        options = super().options()
        return {
            **options,
            "fetchMarkets": {"types": [options["defaultType"]], "fetchTickersFees": False},
            "uta": False,
            "watchBalance": {"fetchBalanceSnapshot": False},
        }

    def to_testnet(self, client: Any) -> None:
        del client
        raise SetupFault("KuCoin has no testnet: remove `testnet: true`, or use the paper exchange.")

    def rules(self) -> RateRules:
        """Nine tenths of what is published: a pool of weight each for trading, account management and public data."""
        return _rules(SWAP_POOL if self.is_swap else SPOT_POOL, 2 if self.is_swap else 1)

    def used(self, headers: Mapping[str, str]) -> Mapping[str, int]:
        """Answers tell a limit and what remains, but not of which pool: only the spot pool is known by its size."""
        told = {name.lower(): value for name, value in headers.items()}
        limit, remaining = told.get("gw-ratelimit-limit", ""), told.get("gw-ratelimit-remaining", "")
        if self.is_swap or limit != str(SPOT_POOL) or not remaining.isdecimal():
            return {}
        return {"trading": SPOT_POOL - int(remaining)}

    # --- orders -----------------------------------------------------------------------------------

    def order_params(self, order: Order, instrument: Instrument) -> Raw:
        """ccxt orders swaps with leverage 1 unless told otherwise. In hedge mode the position's side is named."""
        del instrument
        params = self.common_params(order)
        if self.is_swap:
            params["marginMode"] = self.account.margin_mode.value
            params["leverage"] = self.account.leverage
        if self.is_hedged:
            params["positionSide"] = position_side(order).value.upper()
        return params

    async def create(self, order: Order, instrument: Instrument) -> Raw:
        """The answer carries ids only. ccxt compares a swap's amount with 1, so it wants a number there."""
        refuse_stops(self.exchange, order)
        if not self.is_swap:
            return await super().create(order, instrument)
        params = self.order_params(order, instrument)
        answer: Raw = await self.client.create_order(
            order.symbol, wire_type(order), order.side.value, order.quantity, wire_price(order), params
        )
        return answer

    async def find_order(self, order: Order) -> Raw | None:
        """By client order id, live and finished; the finished ones since it was made are the second witness."""
        from ccxt.base.errors import OperationFailed

        raw: Raw | None = None
        try:
            raw = await super().find_order(order)
        except OperationFailed as error:
            if type(error) is not OperationFailed or not await self._answers_null(order):
                raise
        if raw is not None:
            return raw
        return self.newest_of(await self._finished(order.symbol, order.create_time_ms - LOOK_BACK_MS), order)

    async def _answers_null(self, order: Order) -> bool:
        """Whether a look-up succeeds with `data: null`: so KuCoin says it too that there is no such order."""
        asked = {"clientOid": order.client_order_id}
        if self.is_swap:
            answer = await self.client.futuresPrivateGetOrdersByClientOid(asked)
        elif self.client.options.get("hf"):
            symbol = self.client.market_id(order.symbol)
            answer = await self.client.privateGetHfOrdersClientOrderClientOid({**asked, "symbol": symbol})
        else:
            answer = await self.client.privateGetOrderClientOrderClientOid(asked)
        return isinstance(answer, dict) and str(answer.get("code")) == "200000" and answer.get("data", asked) is None

    async def _finished(self, symbol: str, since_ms: int) -> list[Raw]:
        """Newest first, by the end of the span. ccxt's `limit` is unknown to KuCoin's spot, so it is spelt out."""
        size = {"pageSize": PAGE} if self.is_swap else {"limit": PAGE, "pageSize": PAGE}
        rows: list[Raw] = []
        for start, end in self._spans(since_ms):

            async def page(until: int, start: int = start) -> tuple[list[Raw], int | None]:
                found = await self.client.fetch_closed_orders(symbol, start, None, {"until": until, **size})
                oldest = min((int(row.get("timestamp") or 0) for row in found), default=0)
                return found, (oldest if len(found) >= PAGE and start < oldest < until else None)

            rows += await all_pages(page, end)
        return rows

    def _spans(self, since_ms: int) -> list[tuple[int, int]]:
        now = int(self.client.milliseconds())
        return [(start, min(start + WINDOW_MS, now)) for start in range(min(since_ms, now), now + 1, WINDOW_MS)]

    async def open_orders(self, symbols: Sequence[str]) -> list[Raw]:
        """Spot lists them per symbol; KuCoin says first which symbols have any."""
        await self._load()
        if self.is_swap:
            return await all_pages(self._open_swap_page, 1)
        if not self.client.options.get("hf"):
            rows: list[Raw] = await self.client.fetch_open_orders(None, None, None, {"pageSize": 500})
            return rows
        told = (await self.client.privateGetHfOrdersActiveSymbols()).get("data") or {}
        known = [self.client.safe_symbol(name) for name in told.get("symbols") or []]
        found: list[Raw] = []
        for symbol in dict.fromkeys([*known, *symbols]):
            found += await self.client.fetch_open_orders(symbol)
        return found

    async def _open_swap_page(self, number: int) -> tuple[list[Raw], int | None]:
        asked = {"status": "active", "currentPage": number, "pageSize": PAGE}
        data = (await self.client.futuresPrivateGetOrders(asked)).get("data") or {}
        return self.client.parse_orders(data.get("items") or []), _next(data, number)

    async def trades(self, symbol: str, since_ms: int) -> list[Raw]:
        rows: list[Raw] = []
        for start, end in self._spans(since_ms):
            rows += await self._fills(symbol, {"startAt": start, "endAt": end})
        return rows

    async def order_trades(self, order: Order, raw: Raw) -> list[Raw]:
        return await self._fills(order.symbol, {"orderId": raw["id"]})

    async def _fills(self, symbol: str, asked: Raw) -> list[Raw]:
        """Executions, all pages. They name the exchange's order only."""
        await self._load()
        market = self.client.market(symbol)
        query = {"symbol": market["id"], **asked}
        if not self.is_swap and self.client.options.get("hf"):

            async def by_id(last: str) -> tuple[list[Raw], str | None]:
                more = {"limit": PAGE, **({"lastId": last} if last else {})}
                data = (await self.client.privateGetHfFills({**query, **more})).get("data") or {}
                items = data.get("items") or []
                last_id = str(data.get("lastId") or "")
                return self.client.parse_trades(items, market), (last_id or None) if len(items) >= PAGE else None

            return await all_pages(by_id, "")
        ask = self.client.futuresPrivateGetFills if self.is_swap else self.client.privateGetFills
        kind = {} if self.is_swap else {"tradeType": "TRADE"}

        async def by_number(number: int) -> tuple[list[Raw], int | None]:
            answer = await ask({**query, **kind, "currentPage": number, "pageSize": PAGE})
            data = answer.get("data") or {}
            return self.client.parse_trades(data.get("items") or [], market), _next(data, number)

        return await all_pages(by_number, 1)

    # --- the account ------------------------------------------------------------------------------

    async def instruments(self) -> list[Raw]:
        if self.client.markets:
            return self.renewed(await self.client.fetch_markets(_NO_MARGIN))
        await self._load()
        return self.offered()

    async def _load(self) -> None:
        """Without the lists of margin symbols that ccxt would fetch besides."""
        await self.client.load_markets(False, _NO_MARGIN)

    async def prepare_account(self) -> None:
        told = (await self.client.utaPrivateGetAccountMode()).get("data") or {}
        if told.get("selfAccountMode") == "UNIFIED":
            raise SetupFault("KuCoin's unified accounts are not supported: switch the account to classic mode.")
        if not self.is_swap:
            return
        await self._load()

        async def read() -> str:
            is_hedged = (await self.client.fetch_position_mode())["hedged"]
            return self.read_mode(PositionMode.HEDGE if is_hedged else PositionMode.ONE_WAY)

        async def write() -> None:
            await self.client.set_position_mode(self.wants_hedge)

        remedy = "Close all positions and orders first."
        await settle("KuCoin's position mode", self.account.position_mode.value, read, write, remedy)

    async def prepare(self, symbol: str) -> None:
        """Isolated margin: the leverage goes with each order. Cross: it is the symbol's."""
        if not self.is_swap:
            return
        await self._load()
        asked = {"symbol": self.client.market_id(symbol)}
        mode, leverage = self.account.margin_mode, self.account.leverage

        async def read_mode() -> str:
            data = (await self.client.futuresPrivateGetPositionGetMarginMode(asked)).get("data") or {}
            return str(data.get("marginMode") or "").lower()

        async def write_mode() -> None:
            await self.client.set_margin_mode(mode.value, symbol)

        await settle(f"KuCoin's margin mode of {symbol}", mode.value, read_mode, write_mode, "Set it on KuCoin.")
        if mode is not MarginMode.CROSS:
            return

        async def read_leverage() -> str:
            data = (await self.client.futuresPrivateGetGetCrossUserLeverage(asked)).get("data") or {}
            return told_number(data.get("leverage"))

        async def write_leverage() -> None:
            await self.client.set_leverage(leverage, symbol, {"marginMode": "cross"})

        await settle(
            f"KuCoin's leverage of {symbol}", str(leverage), read_leverage, write_leverage, "Set it on KuCoin."
        )

    async def funding(self, since_ms: int) -> list[Raw]:
        """KuCoin wants a symbol: those with a position now. What was paid for closed ones before this is not found."""
        await self._load()
        rows: list[Raw] = []
        for symbol in dict.fromkeys(str(position["symbol"]) for position in await self.positions()):

            async def page(offset: str, symbol: str = symbol) -> tuple[list[Raw], str | None]:
                params = {"offset": offset} if offset else {}
                found = await self.client.fetch_funding_history(symbol, since_ms, PAGE, params)
                last = str(found[-1]["id"]) if found else ""
                return found, (last if len(found) >= PAGE and last != offset else None)

            rows += await all_pages(page, "")
        return rows

    async def permissions(self) -> Mapping[str, bool | None]:
        told = (await self.client.privateGetUserApiKey()).get("data") or {}
        held = {each.strip() for each in str(told.get("permission") or "").split(",")} - {""}
        if not held:
            return {"read": True, "trade": None, "withdraw": None}
        return {
            "read": True,
            "trade": ("Futures" if self.is_swap else "Spot") in held or "Trade" in held,
            "withdraw": bool(held & _WITHDRAWING),
        }

    # --- streams ----------------------------------------------------------------------------------

    async def watch_trades(self) -> list[Raw]:
        """KuCoin streams executions without their fees: those are left to be asked for, the order's update says so."""
        rows = await super().watch_trades()
        return [row for row in rows if (row.get("fee") or {}).get("cost") not in (None, "")]

    async def fetch_prices(self, symbols: Sequence[str]) -> Mapping[str, Raw]:
        """ccxt's usual request for swaps has no best bid and ask."""
        params = {"method": "futuresPublicGetAllTickers"} if self.is_swap else {}
        return by_symbol(await self.client.fetch_tickers(list(symbols), params))

    def is_user_stream(self, url: str) -> bool:
        return "connectId=private" in url

    async def renew_streams(self) -> None:
        """The token in a socket's address is asked for anew too."""
        known = self.client.options.get("urls") or {}
        self.client.options["urls"] = {name: each for name, each in known.items() if not name.startswith("private")}
        await super().renew_streams()


def _next(data: Mapping[str, Any], number: int) -> int | None:
    return number + 1 if number < int(Decimal(str(data.get("totalPage") or 0))) else None


def _rules(pool: int, weight: int) -> RateRules:
    share = pool * 9 // 10
    others = SWAP_POOL * 9 // 10
    return RateRules(
        windows=(
            Window(name="trading", limit=share, period_ms=_HALF_MINUTE_MS),
            Window(name="management", limit=others, period_ms=_HALF_MINUTE_MS),
            Window(name="public", limit=others, period_ms=_HALF_MINUTE_MS, is_shared=True),
        ),
        costs={
            Ask.SUBMIT: {"trading": weight},
            Ask.CANCEL: {"trading": 1},
            Ask.LOOK_UP: {"trading": 9},
            Ask.OPEN_ORDERS: {"trading": 2},
            Ask.BALANCES: {"trading": 5} if pool == SWAP_POOL else {"management": 5},
            Ask.TRADES: {"trading": 5},
            Ask.INSTRUMENTS: {"public": 4},
            Ask.PRICES: {"public": 15},
            Ask.SETUP: {"trading": 5, "management": 20},
            Ask.TIME: {"public": 3},
        },
    )
