"""Shares of what happened to a whole position, decided once and stored before the groups hear of them (ORD-13, PNL-1).

Invariants:
1. An execution or a payment is split once, by its venue id; what is reported again is known.
2. Only what the position no longer covers is booked away: an execution that took somebody else's part is not ours.
3. A share that is not in its group's books yet is told again by every new life of the gateway.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from actors.account_messages import AccountState, ForeignTraded, FundingPaid, ShareBooked
from actors.messages import Send
from actors.rules.drifts import Finding, holdings, place
from actors.rules.model import ZERO, Instrument, Position, Side, Trade
from actors.rules.reconcile import Holding
from actors.rules.records import AddBooking, BookingKind, DriftKind
from actors.rules.shares import cut, split_amount, split_quantity, split_trade

MAX_KNOWN = 5_000
"""Ids of bookings remembered."""
MAX_WAITING = 1_000
"""Foreign executions and payments that wait for a comparison; the oldest are dropped and show as a difference."""


@dataclass(frozen=True, slots=True)
class _Foreign:
    booking_id: str
    trade: Trade
    cause: str
    came_ms: int


class Bookings:
    """Of one account. `account` is its name."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._known: OrderedDict[str, None] = OrderedDict()
        self._foreign: dict[str, list[_Foreign]] = {}
        """By symbol and side, oldest first."""
        self._funding: dict[str, FundingPaid] = {}
        self._state = AccountState(account=account, groups=())
        self._decided: list[AddBooking] = []
        """Since the last load."""

    @property
    def is_waiting(self) -> bool:
        return bool(self._foreign or self._funding)

    @property
    def open(self) -> tuple[AddBooking, ...]:
        """Shares that are decided but, as far as is known here, not in the groups' books."""
        return (*self._state.bookings, *self._decided)

    def loaded(self, state: AccountState) -> None:
        self._state, self._decided = state, []
        for booking_id in state.booked_ids:
            self._know(booking_id)

    # --- what the exchange told -------------------------------------------------------------------

    def foreign_traded(self, message: ForeignTraded, now_ms: int) -> bool:
        """Whether there is anything new in it."""
        at = place(message.symbol, message.side)
        waiting = {foreign.booking_id for foreign in self._foreign.get(at, ())}
        new = [
            _Foreign(booking_id, trade, message.cause.value, now_ms)
            for trade in message.trades
            if (booking_id := f"trade:{message.symbol}:{trade.trade_id}") not in self._known
            and booking_id not in waiting
            and trade.quantity > 0
        ]
        if new:
            self._foreign[at] = [*self._foreign.get(at, ()), *new][-MAX_WAITING:]
        return bool(new)

    def funding_paid(self, message: FundingPaid) -> bool:
        booking_id = f"funding:{message.symbol}:{message.funding_id}"
        if booking_id in self._known or booking_id in self._funding or not message.amount:
            return False
        if len(self._funding) < MAX_WAITING:
            self._funding[booking_id] = message
        return True

    # --- shares -----------------------------------------------------------------------------------

    def explain(self, seen: Iterable[Finding], now_ms: int) -> list[AddBooking]:
        """Shares of the foreign executions that explain holdings which are not covered."""
        made: list[AddBooking] = []
        for finding in seen:
            if finding.kind is DriftKind.UNCOVERED and finding.subject in self._foreign:
                missing = finding.shortfall
                for foreign in self._foreign.pop(finding.subject):
                    quantity = min(foreign.trade.quantity, missing)
                    missing -= quantity
                    trade = _part(foreign.trade, quantity)
                    made += self._share(finding, trade, foreign.booking_id, foreign.cause, now_ms)
        return made

    def write_down(self, finding: Finding, trade: Trade, booking_id: str, now_ms: int) -> list[AddBooking]:
        """Shares of what is missing, at the price of `trade`, by a person's word."""
        return self._share(finding, trade, booking_id, "adopted", now_ms)

    def _share(self, finding: Finding, trade: Trade, booking_id: str, cause: str, now_ms: int) -> list[AddBooking]:
        self._know(booking_id)
        there = self._held_at(finding.symbol, finding.side)
        if not there or trade.quantity <= 0:
            return []
        step = there[0].instrument.step_size
        quantities = split_quantity(trade.quantity, {each.group_id: each.quantity for each in there}, step)
        made = [
            AddBooking(
                account=self._account,
                booking_id=booking_id,
                group_id=group_id,
                symbol=finding.symbol,
                kind=BookingKind.TRADE,
                cause=cause,
                trade=part,
                time_ms=now_ms,
            )
            for group_id, part in split_trade(trade, quantities).items()
        ]
        self._decided += made
        return made

    def pay_out(self, positions: Sequence[Position], now_ms: int) -> list[AddBooking]:
        """Shares of the funding payments, as far as the position is the groups'."""
        waiting, self._funding = self._funding, {}
        made: list[AddBooking] = []
        for booking_id, message in waiting.items():
            self._know(booking_id)
            there = self._held_at(message.symbol, message.side)
            held = sum((each.quantity for each in there), ZERO)
            whole = sum((each.quantity for each in positions if _is_of(each, message.symbol, message.side)), ZERO)
            amount = cut(message.amount, held, whole) if whole > held else message.amount
            shares = split_amount(amount, {each.group_id: each.quantity for each in there})
            made += [self._payment(booking_id, message, group_id, share, now_ms) for group_id, share in shares.items()]
        self._decided += made
        return made

    def _payment(
        self, booking_id: str, message: FundingPaid, group_id: str, amount: Decimal, now_ms: int
    ) -> AddBooking:
        return AddBooking(
            account=self._account,
            booking_id=booking_id,
            group_id=group_id,
            symbol=message.symbol,
            kind=BookingKind.FUNDING,
            cause="",
            trade=None,
            amount=amount,
            time_ms=now_ms,
        )

    def forget_older(self, time_ms: int) -> list[tuple[str, Trade]]:
        """Foreign executions that came before this and explained nothing: they were not of our groups."""
        gone = [(at, foreign) for at, some in self._foreign.items() for foreign in some if foreign.came_ms < time_ms]
        for at, foreign in gone:
            self._foreign[at].remove(foreign)
            if not self._foreign[at]:
                del self._foreign[at]
            self._know(foreign.booking_id)
        return [(at, foreign.trade) for at, foreign in gone]

    def _held_at(self, symbol: str, side: Side | None) -> list[Holding]:
        """What groups hold there beyond the shares that are to leave already."""
        return [
            each
            for each in holdings(self._state.groups, self.open)
            if each.instrument.symbol == symbol and side in (None, each.side) and each.quantity > 0
        ]

    def instrument(self, symbol: str) -> Instrument | None:
        """As a group on it knows it."""
        return next((group.instrument for group in self._state.groups if group.symbol == symbol), None)

    def _know(self, booking_id: str) -> None:
        self._known[booking_id] = None
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)


def sends(bookings: Iterable[AddBooking]) -> Iterator[Send]:
    return (Send(f"group/{booking.group_id}", ShareBooked(booking=booking)) for booking in bookings)


def in_words(bookings: Sequence[AddBooking]) -> Mapping[str, str]:
    """For the event log: who got what."""
    return {
        booking.group_id: str(booking.trade.quantity if booking.trade is not None else booking.amount)
        for booking in bookings
    }


def _part(trade: Trade, quantity: Decimal) -> Trade:
    return trade if quantity == trade.quantity else _cut(trade, quantity)


def _cut(trade: Trade, quantity: Decimal) -> Trade:
    return next(iter(split_trade(trade, {"": quantity}).values()))


def _is_of(position: Position, symbol: str, side: Side | None) -> bool:
    return position.symbol == symbol and side in (None, position.side)
