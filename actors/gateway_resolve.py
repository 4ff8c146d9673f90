"""What a person's word about a difference leads to: adopt, ignore or flatten (ORD-7). Judged on a fresh comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from actors.account_messages import AccountState, AdoptOrder, ResolveDrift
from actors.gateway_bookings import Bookings
from actors.gateway_orders import OrderDesk
from actors.messages import CancelOrders, CloseGroup, Send
from actors.ports import Marks
from actors.rules import precision
from actors.rules.drifts import Finding, Subject, decided, open_ones, place
from actors.rules.model import (
    ZERO,
    Group,
    GroupState,
    Order,
    OrderReport,
    OrderSide,
    OrderType,
    Reason,
    Refused,
    Role,
    Side,
    Trade,
)
from actors.rules.money import plain
from actors.rules.naming import OrderName, parse_client_order_id
from actors.rules.records import AddBooking, DriftKind, DriftResolution, SaveDrift
from actors.rules.settings import Settings
from actors.runtime import Life

RESOLUTIONS = {resolution.value: resolution for resolution in DriftResolution}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    drift: SaveDrift
    bookings: tuple[AddBooking, ...] = ()
    then: tuple[Send, ...] = ()


class Resolver:
    def __init__(
        self, life: Life, *, marks: Marks, orders: OrderDesk, bookings: Bookings, settings: Callable[[], Settings]
    ) -> None:
        self._life = life
        self._marks = marks
        self._orders = orders
        self._bookings = bookings
        self._settings = settings

    def decide(
        self,
        message: ResolveDrift,
        drift: SaveDrift,
        finding: Finding,
        state: AccountState,
        listed: Sequence[OrderReport],
    ) -> Decided | Refused | None:
        """None: a group has been asked and answers."""
        resolution = RESOLUTIONS[message.resolution]
        if resolution is DriftResolution.IGNORE:
            return Decided(drift=self._decided(drift, resolution, message, "ignored until it grows"))
        if drift.kind is DriftKind.UNKNOWN_ORDER:
            report = next(each for each in listed if each.client_order_id == drift.client_order_id)
            if resolution is DriftResolution.FLATTEN:
                return self._cancel(message, drift, report, finding.symbol)
            return self._adopt(message, drift, report, finding.symbol, state)
        if drift.kind is DriftKind.UNCOVERED:
            return self._write_down(message, drift, finding, resolution)
        if resolution is DriftResolution.ADOPT:
            return _no("there is nothing to adopt: flatten closes the group, ignore leaves it without")
        words = f"the group is closed by {message.who}"
        closes = tuple(_closes(finding.group_ids, message.who))
        return Decided(drift=self._decided(drift, resolution, message, words), then=closes)

    def repeated(self, state: AccountState) -> Iterable[Send]:
        """What was decided and is not done yet, once more: the word may have been lost with a process."""
        for drift in open_ones(state.drifts):
            if drift.resolution is not DriftResolution.FLATTEN:
                continue
            if drift.kind is DriftKind.UNKNOWN_ORDER:
                order = _order(drift.account, drift.client_order_id, drift.symbol, None)
                if order is not None:
                    yield Send(self._life.name, CancelOrders(orders=(order,)))
            else:
                yield from _closes([group.group_id for group in _to_close(drift, state)], drift.who)

    def unfinished(self, state: AccountState) -> dict[Subject, SaveDrift]:
        """Flattened ones some group of which is not closing yet: they stand until it is."""
        return {
            (drift.kind, drift.subject): drift
            for drift in open_ones(state.drifts)
            if drift.resolution is DriftResolution.FLATTEN
            and drift.kind is not DriftKind.UNKNOWN_ORDER
            and _to_close(drift, state)
        }

    def _decided(self, drift: SaveDrift, resolution: DriftResolution, message: ResolveDrift, words: str) -> SaveDrift:
        return decided(drift, resolution, message.who, words, self._life.now_ms())

    # --- an order nobody knows --------------------------------------------------------------------

    def _cancel(self, message: ResolveDrift, drift: SaveDrift, report: OrderReport, symbol: str) -> Decided | Refused:
        order = _order(drift.account, report.client_order_id, symbol, report)
        if order is None or not symbol:
            return _no("the exchange does not tell the order's instrument: cancel it there")
        row = self._decided(drift, DriftResolution.FLATTEN, message, f"cancelled by {message.who}")
        return Decided(drift=row, then=(Send(self._life.name, CancelOrders(orders=(order,))),))

    def _adopt(
        self, message: ResolveDrift, drift: SaveDrift, report: OrderReport, symbol: str, state: AccountState
    ) -> Refused | None:
        name = parse_client_order_id(report.client_order_id)
        assert name is not None
        group_id = message.group_id or name.group_id
        group = next((each for each in state.groups if each.group_id == group_id), None)
        if group is None:
            return _no(f"there is no open group {group_id} on the account: name one with --group, or flatten it")
        if report.quantity is None:
            return _no("the exchange does not tell the order's quantity: flatten it")
        order = _order(drift.account, report.client_order_id, symbol or group.symbol, report, group)
        assert order is not None
        row = self._decided(drift, DriftResolution.ADOPT, message, f"taken into group {group_id} by {message.who}")
        asked = AdoptOrder(
            order=order, report=report, drift=row, is_dry_run=message.is_dry_run, reply_to=message.reply_to
        )
        self._life.tell(f"group/{group_id}", asked)
        return None

    # --- holdings that are not there --------------------------------------------------------------

    def _write_down(
        self, message: ResolveDrift, drift: SaveDrift, finding: Finding, resolution: DriftResolution
    ) -> Decided | Refused:
        """The groups' quantity is brought to what is there, at the mark; flattened, what is left of them is closed."""
        quote = precision.usable(self._marks.quote(drift.account, finding.symbol))
        now_ms = self._life.now_ms()
        if quote is None:
            return Refused(reason=Reason.PRICE_MISSING, detail=f"there is no price of {finding.symbol} to book at")
        if now_ms - quote.time_ms > self._settings().execution.max_quote_age_s * 1000:
            return Refused(reason=Reason.PRICE_STALE, detail=f"the price of {finding.symbol} is too old to book at")
        instrument = self._bookings.instrument(finding.symbol)
        assert instrument is not None
        assert finding.side is not None
        price = quote.closing(finding.side)
        size = plain(finding.shortfall * instrument.contract_size)
        count = len(finding.group_ids)
        over = f"from group {finding.group_ids[0]}" if count == 1 else f"over {count} groups"
        words = f"{size} {instrument.base} written down at {plain(price)} {over}"
        if resolution is DriftResolution.FLATTEN:
            words += " and the groups closed"
        row = self._decided(drift, resolution, message, f"{words} by {message.who}")
        if message.is_dry_run:
            return Decided(drift=row)
        booking_id = f"drift:{drift.drift_id}:{now_ms}"
        trade = _trade(booking_id, finding.shortfall, price, instrument.quote, now_ms)
        bookings = tuple(self._bookings.write_down(finding, trade, booking_id, now_ms))
        closes = _closes(finding.group_ids, message.who) if resolution is DriftResolution.FLATTEN else ()
        return Decided(drift=row, bookings=bookings, then=tuple(closes))


def _closes(group_ids: Iterable[str], who: str) -> Iterable[Send]:
    return [Send(f"group/{each}", CloseGroup(group_id=each, who=who, reply_to=None)) for each in group_ids]


def _to_close(drift: SaveDrift, state: AccountState) -> list[Group]:
    """Groups of a flattened difference that are not closing yet. Those that opened later are none of it."""
    return [
        group
        for group in state.groups
        if drift.subject in (group.group_id, place(group.symbol, group.side))
        and group.state is not GroupState.CLOSING
        and group.create_time_ms <= drift.create_time_ms
    ]


def _trade(trade_id: str, quantity: Decimal, price: Decimal, quote: str, now_ms: int) -> Trade:
    return Trade(
        trade_id=trade_id,
        quantity=quantity,
        price=price,
        fee=ZERO,
        fee_asset=quote,
        fee_value=ZERO,
        time_ms=now_ms,
    )


def _order(
    account: str, client_order_id: str, symbol: str, report: OrderReport | None, group: Group | None = None
) -> Order | None:
    """The order as far as its name and the exchange tell it."""
    name = parse_client_order_id(client_order_id)
    if name is None:
        return None
    price = report.price if report is not None else None
    return Order(
        client_order_id=client_order_id,
        group_id=group.group_id if group is not None else name.group_id,
        account=account,
        symbol=symbol,
        pyramid=name.pyramid,
        leg=name.leg,
        role=name.role,
        attempt=name.attempt,
        side=(report.side if report is not None else None)
        or _side(name, group.side if group is not None else Side.LONG),
        type=OrderType.MARKET if price is None else OrderType.LIMIT,
        price=price,
        quantity=(report.quantity if report is not None else None) or ZERO,
        exchange_order_id=report.exchange_order_id if report is not None else "",
        create_time_ms=report.time_ms if report is not None else 0,
        update_time_ms=report.time_ms if report is not None else 0,
    )


def _side(name: OrderName, side: Side) -> OrderSide:
    return side.entry if name.role is Role.ENTRY else side.exit


def _no(detail: str) -> Refused:
    return Refused(reason=Reason.NOT_ADOPTABLE, detail=detail)
