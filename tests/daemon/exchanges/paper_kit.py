"""Small things the paper exchange's tests build from."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from actors.rules.choices import FillRule, PaperPrices
from actors.rules.model import Balance, Order, OrderSide, OrderType, Refused, Role, TimeInForce, Trade
from actors.rules.money import ZERO
from actors.rules.settings import AccountSettings, FeeSettings, InstrumentOverride
from daemon.exchanges.matching import Book, BookState
from daemon.exchanges.paper_instruments import paper_instruments
from daemon.exchanges.paper_order import PaperOrder

D = Decimal
BTC, ETH = "BTC/USDT", "ETH/USDT"
BUY, SELL = OrderSide.BUY, OrderSide.SELL
LIMIT, MARKET, STOP = OrderType.LIMIT, OrderType.MARKET, OrderType.STOP
NO_FEES = FeeSettings(maker_percent=ZERO, taker_percent=ZERO)
RULES = InstrumentOverride(tick_size=D("0.01"), step_size=D("0.001"), min_quantity=D("0.001"), min_notional=D(5))


def paper_account(**changes: Any) -> AccountSettings:
    """Manual prices, 10,000 USDT, no fees, no spread, `cross`, unless told otherwise."""
    given: dict[str, Any] = {
        "name": "paper",
        "prices": PaperPrices.MANUAL,
        "symbols": (BTC, ETH),
        "instruments": {BTC: RULES, ETH: RULES, f"{BTC}:USDT": RULES},
        "balances": {"USDT": D(10_000)},
        "fees": NO_FEES,
        "fill": FillRule.CROSS,
        "spread_percent": ZERO,
    }
    return AccountSettings(**{**given, **changes})


def new_book(price: str | None = "100", **changes: Any) -> Book:
    account = paper_account(**changes)
    balances = [Balance(asset=asset, free=amount, locked=ZERO) for asset, amount in account.balances.items()]
    book = Book(account, paper_instruments(account), BookState(balances=tuple(balances)))
    if price is not None:
        for symbol in book.markets:
            book.move(symbol, D(price), 0)
    return book


def new_order(
    side: OrderSide,
    quantity: str | Decimal,
    price: str | Decimal | None = None,
    *,
    type: OrderType | None = None,
    name: str = "order-1",
    symbol: str = BTC,
    trigger: str | Decimal | None = None,
    time_in_force: TimeInForce = TimeInForce.GTC,
    reduce_only: bool = False,
) -> Order:
    """A limit order if it has a price, a stop if it has a trigger, else a market order."""
    guessed = LIMIT if price is not None else STOP if trigger is not None else MARKET
    return Order(
        client_order_id=name,
        group_id="g" * 12,
        account="paper",
        symbol=symbol,
        pyramid=0,
        leg=0,
        role=Role.ENTRY,
        attempt=1,
        side=side,
        type=type or guessed,
        time_in_force=time_in_force,
        reduce_only=reduce_only,
        price=None if price is None else D(price),
        trigger_price=None if trigger is None else D(trigger),
        quantity=D(quantity),
        create_time_ms=0,
        update_time_ms=0,
    )


def place(book: Book, order: Order, now_ms: int = 1, made_ms: int | None = None) -> PaperOrder:
    """Places it and insists that it is accepted."""
    placed = book.place(order, now_ms, made_ms)
    assert isinstance(placed, PaperOrder), placed
    return placed


def refusal(book: Book, order: Order) -> Refused:
    """Places it and insists that it is refused, without a trace."""
    before = book.state()
    refused = book.place(order, 1)
    assert isinstance(refused, Refused), refused
    assert book.state() == before
    return refused


def money(book: Book, asset: str = "USDT") -> tuple[Decimal, Decimal]:
    """Free and locked."""
    balance = book.funds.balance(asset)
    return balance.free, balance.locked


def fills(order: PaperOrder) -> list[tuple[Decimal, Decimal, bool]]:
    """Quantity, price and whether it was the maker, of each trade."""
    return [(trade.quantity, trade.price, trade.maker) for trade in order.trades]


def all_trades(book: Book) -> list[Trade]:
    """Trades since the last look."""
    return [trade for _, trade in book.take_changes().trades]
