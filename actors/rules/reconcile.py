"""Compares what the store believes of an account with what the exchange says (ORD-7).

Pure and without verdicts: a finding says what has to be looked at. "Not in the list" is no proof of anything, so an
order missing from it is only named for a targeted look-up (ARCHITECTURE section 5). What is not ours, an order without
our prefix or more coins than the groups hold, is never a finding.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from actors.rules.choices import Market
from actors.rules.model import ZERO, Balance, Instrument, Order, OrderReport, Position, Side
from actors.rules.money import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What one group holds of its instrument, see `profit.held`."""

    group_id: str
    instrument: Instrument
    side: Side
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Holdings of one instrument (and, on a swap, side) that the exchange does not cover."""

    symbol: str
    side: Side
    asset: str
    """The coin on spot, the symbol on a swap."""
    held: Decimal
    """By all groups that rely on the asset."""
    at_exchange: Decimal
    group_ids: tuple[str, ...]
    """Of this instrument: they are held back until it is settled."""

    @property
    def detail(self) -> str:
        return f"the groups hold {plain(self.held)} {self.asset}, the exchange has {plain(self.at_exchange)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """`confirmed` and `missing` are client order ids; `unknown` are reports of orders that stay untouched."""

    confirmed: tuple[str, ...] = ()
    """Open here and there."""
    missing: tuple[str, ...] = ()
    """Open here, not in the exchange's list: to be looked up one by one before anything is concluded."""
    revived: tuple[str, ...] = ()
    """Final here, open there: to be looked up too."""
    unknown: tuple[OrderReport, ...] = ()
    """With our prefix, but not known to the store."""
    drifts: tuple[Drift, ...] = ()

    @property
    def is_clean(self) -> bool:
        return not (self.missing or self.revived or self.unknown or self.drifts)


def reconcile(
    *,
    stored: Sequence[Order],
    reported: Sequence[OrderReport],
    holdings: Sequence[Holding],
    balances: Mapping[str, Balance],
    positions: Sequence[Position] = (),
    prefix: str,
    final_ids: Collection[str] = (),
) -> Findings:
    """Findings of one account.

    `stored`: its orders that are not final, `reported`: the exchange's whole list of open ones, `final_ids`: client
    order ids the store knows to be final, `prefix`: how this installation's client order ids begin, not empty. Both
    lists are of one moment; an order sent while they were made shows up as missing, which only costs a look-up.
    """
    there = {report.client_order_id: report for report in reported}
    here = {order.client_order_id: order for order in stored}
    strange = [name for name in there if name.startswith(prefix) and name not in here]
    return Findings(
        confirmed=tuple(name for name in here if name in there),
        missing=tuple(name for name in here if name not in there),
        revived=tuple(name for name in strange if name in final_ids),
        unknown=tuple(there[name] for name in strange if name not in final_ids),
        drifts=(*_coin_drifts(holdings, balances), *_position_drifts(holdings, positions)),
    )


def _coin_drifts(holdings: Sequence[Holding], balances: Mapping[str, Balance]) -> Iterator[Drift]:
    """Spot: every coin must cover all groups that hold it, whatever they trade it against."""
    places = _by_place(holding for holding in holdings if holding.instrument.market is Market.SPOT)
    held: dict[str, Decimal] = {}
    for there in places.values():
        asset = there[0].instrument.base
        held[asset] = held.get(asset, ZERO) + _sum(there)
    for there in places.values():
        asset = there[0].instrument.base
        balance = balances.get(asset)
        total = balance.total if balance is not None else ZERO
        if total < held[asset]:
            yield _drift(there, asset, held[asset], total)


def _position_drifts(holdings: Sequence[Holding], positions: Sequence[Position]) -> Iterator[Drift]:
    """Swap: the position of each instrument and side must cover its groups."""
    at_exchange: dict[tuple[str, Side], Decimal] = {}
    for position in positions:
        place = (position.symbol, position.side)
        at_exchange[place] = at_exchange.get(place, ZERO) + position.quantity
    places = _by_place(holding for holding in holdings if holding.instrument.market is Market.SWAP)
    for place, there in places.items():
        held, total = _sum(there), at_exchange.get(place, ZERO)
        if total < held:
            yield _drift(there, place[0], held, total)


def _by_place(holdings: Iterable[Holding]) -> dict[tuple[str, Side], list[Holding]]:
    """Holdings by symbol and side; those of nothing are left out."""
    found: dict[tuple[str, Side], list[Holding]] = {}
    for holding in holdings:
        if holding.quantity > 0:
            found.setdefault((holding.instrument.symbol, holding.side), []).append(holding)
    return found


def _sum(holdings: Iterable[Holding]) -> Decimal:
    return sum((holding.quantity for holding in holdings), ZERO)


def _drift(there: Sequence[Holding], asset: str, held: Decimal, at_exchange: Decimal) -> Drift:
    return Drift(
        symbol=there[0].instrument.symbol,
        side=there[0].side,
        asset=asset,
        held=held,
        at_exchange=at_exchange,
        group_ids=tuple(holding.group_id for holding in there),
    )
