"""Spot: coins change hands."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from actors.rules.choices import FeePaidIn
from actors.rules.model import Instrument, OrderSide, Quote, Refused, Side
from actors.rules.money import HUNDRED, ZERO
from actors.rules.settings import AccountSettings
from daemon.exchanges.funds import Funds
from daemon.exchanges.paper_order import PaperOrder
from daemon.exchanges.settlement import Fee, PaperPosition, Settlement


class SpotSettlement:
    """Buys lock quote, sells lock base. A buy's fee is taken from the coins, a sell's from the proceeds."""

    def __init__(self, account: AccountSettings, funds: Funds) -> None:
        self._account = account
        self._funds = funds
        self._buy_fee_in_base = account.fees.paid_in is FeePaidIn.BASE
        fees = account.fees
        most = ZERO if self._buy_fee_in_base else max(fees.maker_percent, fees.taker_percent, ZERO)
        self._buy_factor = 1 + most / HUNDRED
        self.touched: set[tuple[str, Side]] = set()

    def admit(self, order: PaperOrder) -> Refused | None:  # noqa: ARG002
        return None

    def lock_of(self, order: PaperOrder, instrument: Instrument, price: Decimal) -> tuple[str, Decimal]:
        if order.side is OrderSide.BUY:
            return instrument.quote, price * self._buy_factor
        return instrument.base, Decimal(1)

    def fillable(self, order: PaperOrder, quantity: Decimal) -> Decimal:  # noqa: ARG002
        return quantity

    def settle(
        self, order: PaperOrder, instrument: Instrument, quantity: Decimal, price: Decimal, percent: Decimal
    ) -> Fee:
        notional = price * quantity
        if order.side is OrderSide.SELL:
            fee = Fee(notional * percent / HUNDRED, instrument.quote, notional * percent / HUNDRED)
            self._funds.change(instrument.base, -quantity)
            self._funds.change(instrument.quote, notional - fee.amount)
        elif self._buy_fee_in_base:
            amount = quantity * percent / HUNDRED
            fee = Fee(amount, instrument.base, amount * price)
            self._funds.change(instrument.quote, -notional)
            self._funds.change(instrument.base, quantity - amount)
        else:
            fee = Fee(notional * percent / HUNDRED, instrument.quote, notional * percent / HUNDRED)
            self._funds.change(instrument.quote, -notional - fee.amount)
            self._funds.change(instrument.base, quantity)
        return fee

    def is_flat(self, order: PaperOrder) -> bool:  # noqa: ARG002
        return False

    def liquidate(self, instrument: Instrument, quote: Quote) -> list[PaperPosition]:  # noqa: ARG002
        return []

    def positions(self) -> Iterable[PaperPosition]:
        return ()

    def copy(self, funds: Funds) -> Settlement:
        return SpotSettlement(self._account, funds)
