"""Worth in the reporting currency: balances, groups, totals. None where a price is missing; nothing is guessed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from actors.rules import profit
from actors.rules.choices import Market
from actors.rules.model import Balance, Group, Position, Side
from actors.rules.money import ZERO, round_cost
from actors.rules.settings import AccountSettings
from daemon.api.engine import Engine


def rate(engine: Engine, account: str, asset: str) -> Decimal | None:
    """One unit of an asset in the reporting currency, at a fresh mark of the account, else of any other."""
    currency = engine.settings().engine.reporting_currency
    if asset == currency:
        return Decimal(1)
    for name in (account, *engine.settings().accounts):
        quote = engine.fresh_quote(name, f"{asset}/{currency}")
        if quote is not None:
            return quote.mid
    return None


def in_reporting(engine: Engine, account: str, amounts: Mapping[str, Decimal]) -> Decimal | None:
    """Amounts by asset as one sum."""
    total = ZERO
    for asset, amount in amounts.items():
        if not amount:
            continue
        price = rate(engine, account, asset)
        if price is None:
            return None
        total += amount * price
    return total


def equity(
    engine: Engine, account: AccountSettings, balances: Mapping[str, Balance], positions: Iterable[Position]
) -> Decimal | None:
    """Balances of an account, on swaps with the unrealised profit of its positions."""
    total = in_reporting(engine, account.name, {asset: balance.total for asset, balance in balances.items()})
    if total is None or account.market is not Market.SWAP:
        return total
    for position in positions:
        gain = position_profit(engine, account.name, position)
        instrument = engine.catalogue.instrument(account.name, position.symbol)
        price = rate(engine, account.name, instrument.quote) if instrument else None
        if gain is None or price is None:
            return None
        total += gain * price
    return total


def position_profit(engine: Engine, account: str, position: Position) -> Decimal | None:
    """Unrealised profit of a position in quote; quantities are in the instrument's own unit.

    A venue tells an average entry, not the cost: the cost is rounded, so that the average's last digit does not show.
    """
    quote = engine.fresh_quote(account, position.symbol)
    instrument = engine.catalogue.instrument(account, position.symbol)
    if quote is None or instrument is None:
        return None
    amount = position.quantity * instrument.contract_size
    return profit.realized(position.side, quote.mid * amount, round_cost(position.average_entry * amount))


def spot_positions(groups: Iterable[Group]) -> list[Position]:
    """What the groups of a spot account hold, by symbol. Their profit is `spot_profit`."""
    held: dict[tuple[str, Side], tuple[Decimal, Decimal]] = {}
    for group in groups:
        quantity, cost = held.get((group.symbol, group.side), (ZERO, ZERO))
        held[group.symbol, group.side] = (quantity + profit.held(group), cost + profit.invested(group))
    return [
        Position(symbol=symbol, side=side, quantity=quantity, average_entry=cost / quantity)
        for (symbol, side), (quantity, cost) in sorted(held.items())
        if quantity
    ]


def spot_profit(engine: Engine, groups: Iterable[Group], position: Position) -> Decimal | None:
    """Unrealised profit in quote of one of `spot_positions`, from its groups' own costs: no average is rounded."""
    total = ZERO
    for group in groups:
        if (group.symbol, group.side) == (position.symbol, position.side) and profit.held(group):
            gain = profit.unrealized(group, engine.fresh_quote(group.account, group.symbol))
            if gain is None:
                return None
            total += gain
    return total


def unrealized(engine: Engine, groups: Iterable[Group]) -> Decimal | None:
    """Unrealised profit of groups in the reporting currency."""
    total = ZERO
    for group in groups:
        if not profit.held(group):
            continue
        gain = profit.unrealized(group, engine.fresh_quote(group.account, group.symbol))
        price = rate(engine, group.account, group.instrument.quote)
        if gain is None or price is None:
            return None
        total += gain * price
    return total
