"""The paper exchange's book with what only a venue can do: amend, leverage by symbol, liquidation on demand."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from actors.rules.choices import Market
from actors.rules.model import Instrument, OrderType, Refused, TimeInForce
from actors.rules.money import ZERO
from actors.rules.settings import AccountSettings
from daemon.exchanges import order_checks as checks
from daemon.exchanges.funds import Funds
from daemon.exchanges.matching import Book, BookState
from daemon.exchanges.paper_market import PaperMarket
from daemon.exchanges.paper_order import PaperOrder
from daemon.exchanges.settlement import PaperPosition
from daemon.exchanges.swap_settlement import SwapSettlement

_ANY_LOSS = Decimal(10) ** 9
"""A maintenance share no margin can hold."""


class SymbolLeverage(SwapSettlement):
    """Leverage by unified symbol; the account's own where none is set."""

    def __init__(self, account: AccountSettings, funds: Funds, positions: Iterable[PaperPosition] = ()) -> None:
        super().__init__(account, funds, positions)
        self.leverages: dict[str, int] = {}
        self._default = Decimal(account.leverage)

    def lock_of(self, order: PaperOrder, instrument: Instrument, price: Decimal) -> tuple[str, Decimal]:
        self._choose(instrument.symbol)
        return super().lock_of(order, instrument, price)

    def _build(self, order: PaperOrder, instrument: Instrument, quantity: Decimal, price: Decimal) -> None:
        self._choose(instrument.symbol)
        super()._build(order, instrument, quantity, price)

    def _choose(self, symbol: str) -> None:
        self._leverage = Decimal(self.leverages.get(symbol, self._default))

    def take_away(self, instrument: Instrument, market: PaperMarket, now_ms: int) -> list[PaperPosition]:
        """Liquidates what there is, however healthy."""
        quote = market.quote(now_ms)
        if quote is None:
            return []
        share, self._maintenance_share = self._maintenance_share, _ANY_LOSS
        try:
            return self.liquidate(instrument, quote)
        finally:
            self._maintenance_share = share


class SimBook(Book):
    """The same engine; `realized` holds each trade's profit before fees, by trade id (swaps only)."""

    def __init__(self, account: AccountSettings, instruments: Iterable[Instrument], state: BookState) -> None:
        super().__init__(account, instruments, state)
        if account.market is not Market.SPOT:
            self.settlement = SymbolLeverage(account, self.funds, state.positions)
        self.realized: dict[str, Decimal] = {}

    def _trade(
        self, order: PaperOrder, market: PaperMarket, quantity: Decimal, price: Decimal, *, maker: bool, now_ms: int
    ) -> None:
        quote = market.instrument.quote
        before = self.funds.total(quote)
        super()._trade(order, market, quantity, price, maker=maker, now_ms=now_ms)
        if market.instrument.market is not Market.SPOT:
            trade = order.trades[-1]
            self.realized[trade.trade_id] = self.funds.total(quote) - before + trade.fee

    def _record_liquidation(self, position: PaperPosition, instrument: Instrument, now_ms: int) -> None:
        """What is lost is the whole margin."""
        self.realized[str(self.next_trade)] = -position.margin
        super()._record_liquidation(position, instrument, now_ms)

    def amend(
        self,
        client_order_id: str,
        price: Decimal,
        quantity: Decimal,
        now_ms: int,
        made_ms: int | None = None,
    ) -> PaperOrder | Refused:
        """Price and total quantity of a resting limit order. Its place in the queue is new; a refusal changes nothing.

        The paper order's `number` changes: whoever needs a lasting id keeps one of its own.
        """
        order = self.orders.get(client_order_id)
        if order is None or order.type is not OrderType.LIMIT or order.price is None:
            return checks.NOT_FOUND
        market = self.markets[order.symbol]
        if quantity <= order.filled:
            return checks.LOT_MINIMUM
        if order.time_in_force is TimeInForce.POST_ONLY and market.is_marketable(order.side, price):
            return checks.WOULD_TAKE
        old_price, old_quantity = order.price, order.quantity
        market.remove(order)
        self._release(order)
        order.price, order.quantity = price, quantity
        fits = self._reserve(order, market, self._worst_price(order, market))
        if not fits:
            order.price, order.quantity = old_price, old_quantity
            assert self._reserve(order, market, self._resting_price(order))
        order.number, self.next_order = self.next_order, self.next_order + 1
        if not fits:
            market.rest(order)
            return checks.INSUFFICIENT
        order.update_ms = now_ms
        self._touched[order.number] = order
        self._enter(order, market, now_ms)
        return order

    @staticmethod
    def _resting_price(order: PaperOrder) -> Decimal:
        return order.price if order.price is not None else order.trigger_price or ZERO

    def force_liquidation(self, symbol: str, now_ms: int) -> int:
        """Takes away every position of the symbol; how many there were."""
        market = self.markets[symbol]
        assert isinstance(self.settlement, SymbolLeverage)
        lost = self.settlement.take_away(market.instrument, market, now_ms)
        for position in lost:
            self._record_liquidation(position, market.instrument, now_ms)
            self._expire_reduce_only(market, now_ms)
        return len(lost)

    def set_leverage(self, symbol: str, leverage: int) -> None:
        """For what is opened from now on."""
        assert isinstance(self.settlement, SymbolLeverage)
        self.settlement.leverages[symbol] = leverage
