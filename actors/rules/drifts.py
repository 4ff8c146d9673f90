"""Differences between an account and the store: which there are, and what becomes of those that stand (ORD-7).

Pure. `findings` names what differs at one moment; whether it lasts is for the caller to see, by comparing again.
`judge` turns what was seen into rows: one standing difference per kind and subject, resolved when it is gone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from actors.rules import precision, profit, stops, takeprofit
from actors.rules.model import (
    ZERO,
    Balance,
    CutState,
    Group,
    GroupState,
    OrderReport,
    Position,
    Quote,
    Role,
    Side,
)
from actors.rules.money import plain
from actors.rules.naming import is_ours, parse_client_order_id
from actors.rules.position_orders import where
from actors.rules.reconcile import Drift, Holding, reconcile
from actors.rules.records import AddBooking, DriftKind, DriftResolution, DriftState, SaveDrift
from actors.rules.settings import FeeSettings

ID_CHARS = 8

Subject = tuple[DriftKind, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference as it is at this moment."""

    kind: DriftKind
    subject: str
    symbol: str
    side: Side | None = None
    group_id: str = ""
    client_order_id: str = ""
    group_ids: tuple[str, ...] = ()
    expected: str
    actual: str
    shortfall: Decimal = ZERO
    message: str

    @property
    def key(self) -> Subject:
        return self.kind, self.subject


def findings(
    *,
    groups: Sequence[Group],
    bookings: Sequence[AddBooking],
    reported: Sequence[OrderReport],
    balances: Mapping[str, Balance],
    positions: Sequence[Position],
    installation: str,
    known_ids: Collection[str],
    quote_of: Callable[[str], Quote | None],
    fees: FeeSettings,
) -> tuple[Finding, ...]:
    """`groups`: those that are not closed, with their open orders. `bookings`: shares not yet in their books.
    `known_ids`: client order ids the store knows, in whatever state. `installation` empty: every order named in
    Terrace's way is ours.
    """
    ours = [
        report
        for report in reported
        if parse_client_order_id(report.client_order_id) is not None
        and (not installation or is_ours(report.client_order_id, installation))
    ]
    found = reconcile(
        stored=[order for group in groups for order in group.orders.values() if not order.is_final],
        reported=ours,
        holdings=holdings(groups, bookings),
        balances=balances,
        positions=positions,
        prefix=installation,
        final_ids=known_ids,
    )
    by_id = {group.group_id: group for group in groups}
    revived = frozenset(found.revived)
    strange = [report for report in ours if report in found.unknown or report.client_order_id in revived]
    booking = {booked.group_id for booked in bookings}
    return (
        *(_unknown(report, by_id, report.client_order_id in revived) for report in strange),
        *(_uncovered(drift, by_id) for drift in found.drifts),
        *(
            finding
            for group in groups
            if group.group_id not in booking
            and (finding := unprotected(group, quote_of(group.symbol), fees)) is not None
        ),
    )


def holdings(groups: Iterable[Group], bookings: Iterable[AddBooking]) -> list[Holding]:
    """What the groups hold, less what is to be booked away already."""
    leaving: dict[str, Decimal] = {}
    for booking in bookings:
        if booking.trade is not None:
            leaving[booking.group_id] = leaving.get(booking.group_id, ZERO) + booking.trade.quantity
    return [
        Holding(
            group_id=group.group_id,
            instrument=group.instrument,
            side=group.side,
            quantity=max(profit.held(group) - leaving.get(group.group_id, ZERO), ZERO),
        )
        for group in groups
    ]


def place(symbol: str, side: Side) -> str:
    """The subject of holdings that are not covered."""
    return f"{symbol}:{side.value}"


def _unknown(report: OrderReport, groups: Mapping[str, Group], is_final_here: bool) -> Finding:
    name = parse_client_order_id(report.client_order_id)
    group = groups.get(name.group_id) if name is not None else None
    symbol = report.symbol or (group.symbol if group is not None else "")
    size = ""
    if report.quantity is not None:
        size = f", {plain(report.quantity)}" + (f" at {plain(report.price)}" if report.price is not None else "")
    why = "the store holds it for final" if is_final_here else "the store does not know it"
    return Finding(
        kind=DriftKind.UNKNOWN_ORDER,
        subject=report.client_order_id,
        symbol=symbol,
        group_id=group.group_id if group is not None else "",
        client_order_id=report.client_order_id,
        expected="final" if is_final_here else "none",
        actual="open",
        message=f"order {report.client_order_id} is open at the exchange{size}; {why}",
    )


def _uncovered(drift: Drift, groups: Mapping[str, Group]) -> Finding:
    instrument = groups[drift.group_ids[0]].instrument
    size, base = instrument.contract_size, instrument.base
    expected, actual = (f"{plain(amount * size)} {base}" for amount in (drift.held, drift.at_exchange))
    return Finding(
        kind=DriftKind.UNCOVERED,
        subject=place(drift.symbol, drift.side),
        symbol=drift.symbol,
        side=drift.side,
        group_id=drift.group_ids[0] if len(drift.group_ids) == 1 else "",
        group_ids=drift.group_ids,
        expected=expected,
        actual=actual,
        shortfall=drift.held - drift.at_exchange,
        message=f"{drift.symbol} {drift.side}: the groups hold {expected}, the exchange has {actual}",
    )


def unprotected(group: Group, quote: Quote | None, fees: FeeSettings) -> Finding | None:
    """A group left without its target: something sellable for which nothing rests though it should. What waits for
    the price band does so visibly and is none (PRC-1). Or without the stop it wants, resting or watched (TP-9).
    """
    if group.state in (GroupState.CLOSING, GroupState.CLOSED):
        return None
    return _without_stop(group, fees) or _without_target(group, quote, fees)


def _without_stop(group: Group, fees: FeeSettings) -> Finding | None:
    stop = stops.in_force(group, fees)
    is_resting = any(order.role is Role.STOP and not order.is_final for order in group.orders.values())
    if stop is None or is_resting or group.stop_price is not None:
        return None
    words = f"{group.symbol} {group.key.timeframe} {group.side}: no stop rests and none is watched"
    return _bare(group, f"a stop at {plain(stop.price)}", words)


def _without_target(group: Group, quote: Quote | None, fees: FeeSettings) -> Finding | None:
    if takeprofit.is_watched(group.settings):
        return None
    if group.hybrid_hit or any(pyramid.watch_hit for pyramid in group.pyramids):
        return None
    if any(cut.state is CutState.RUNNING for cut in group.cuts):
        return None  # Targets give way to it, and it sees to them when it has ended.
    exits = [
        order for order in group.orders.values() if order.role in (Role.TAKE_PROFIT, Role.CLOSE) and not order.is_final
    ]
    free = profit.held(group) - sum((order.remaining for order in exits), ZERO)
    covered = {(order.pyramid, order.leg) for order in exits}
    for target in takeprofit.targets(group, fees):
        at = (target.pyramid, target.leg)
        rules = precision.for_exits(group.instrument)
        if at in covered or not precision.max_sendable(min(target.quantity, free), target.price, rules):
            continue
        now = precision.usable(quote)
        if not precision.in_band(target.price, now.mid if now else None, group.instrument, group.side.exit):
            continue
        words = f"{group.symbol} {group.key.timeframe} {group.side}: {where(at)} has no target at the exchange"
        return _bare(group, f"a target at {plain(target.price)}", words)
    return None


def _bare(group: Group, expected: str, message: str) -> Finding:
    return Finding(
        kind=DriftKind.UNPROTECTED,
        subject=group.group_id,
        symbol=group.symbol,
        side=group.side,
        group_id=group.group_id,
        group_ids=(group.group_id,),
        expected=expected,
        actual="none",
        message=message,
    )


# --- what becomes of them -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    rows: tuple[SaveDrift, ...] = ()
    """New, changed and resolved ones."""
    standing: Mapping[Subject, SaveDrift]
    """Open and accepted ones after it."""


def judge(
    standing: Mapping[Subject, SaveDrift],
    seen: Sequence[Finding],
    confirmed: Collection[Subject],
    *,
    account: str,
    now_ms: int,
) -> Judged:
    """`seen`: what differs now; `confirmed`: those of them that have lasted, only they become new differences."""
    rows: list[SaveDrift] = []
    after: dict[Subject, SaveDrift] = {}
    now = {finding.key: finding for finding in seen}
    for key, drift in standing.items():
        finding = now.get(key)
        if finding is None:
            rows.append(_gone(drift, now_ms))
        elif drift.state is DriftState.ACCEPTED and finding.shortfall > drift.shortfall and key in confirmed:
            rows.append(replace(drift, state=DriftState.RESOLVED, message=f"{drift.message}; it has grown since"))
        else:
            after[key] = kept = _kept(drift, finding)
            if kept is not drift:
                rows.append(kept)
    for key, finding in now.items():
        if key not in after and key in confirmed:
            after[key] = _new(finding, account, now_ms)
            rows.append(after[key])
    return Judged(rows=tuple(rows), standing=after)


def _gone(drift: SaveDrift, now_ms: int) -> SaveDrift:
    if drift.resolution is None:
        words = f"{drift.message}; gone by itself"
        return replace(drift, state=DriftState.RESOLVED, message=words, resolve_time_ms=now_ms)
    return replace(drift, state=DriftState.RESOLVED, resolve_time_ms=drift.resolve_time_ms or now_ms)


def _kept(drift: SaveDrift, finding: Finding) -> SaveDrift:
    """An open one says what is true now. An accepted one stays as it was accepted."""
    if drift.state is not DriftState.OPEN or (drift.expected, drift.actual) == (finding.expected, finding.actual):
        return drift
    return replace(
        drift,
        expected=finding.expected,
        actual=finding.actual,
        shortfall=finding.shortfall,
        message=finding.message,
    )


def _new(finding: Finding, account: str, now_ms: int) -> SaveDrift:
    name = f"{account}/{finding.kind.value}/{finding.subject}/{now_ms}"
    return SaveDrift(
        drift_id=hashlib.sha256(name.encode()).hexdigest()[:ID_CHARS],
        account=account,
        symbol=finding.symbol,
        kind=finding.kind,
        subject=finding.subject,
        group_id=finding.group_id,
        client_order_id=finding.client_order_id,
        expected=finding.expected,
        actual=finding.actual,
        shortfall=finding.shortfall,
        message=finding.message,
        create_time_ms=now_ms,
    )


def decided(drift: SaveDrift, resolution: DriftResolution, who: str, words: str, now_ms: int) -> SaveDrift:
    """As it is after a person's word. Ignored it is accepted at once; otherwise it stands until it is gone."""
    drift = replace(drift, resolution=resolution, who=who, message=f"{drift.message}; {words}")
    if resolution is DriftResolution.IGNORE:
        return replace(drift, state=DriftState.ACCEPTED, resolve_time_ms=now_ms)
    return drift


def held_symbols(standing: Iterable[SaveDrift]) -> frozenset[str]:
    """Instruments whose entries wait."""
    return frozenset(drift.symbol for drift in standing if drift.state is DriftState.OPEN and drift.symbol)


def open_ones(standing: Iterable[SaveDrift]) -> Iterator[SaveDrift]:
    return (drift for drift in standing if drift.state is DriftState.OPEN)
