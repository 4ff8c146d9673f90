"""Plans the legs of one pyramid and checks the whole of it before its first order (DCA-1 to DCA-5, PRC-3, POOL-5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from actors.rules import precision
from actors.rules.choices import BelowMinimum, EntryOrder, EntryPrice, FeePaidIn, Market, PromoteAt, TpMode
from actors.rules.model import Instrument, LadderPlan, PlannedLeg, Quote, Reason, Refused, Side, Signal
from actors.rules.money import HUNDRED, ZERO, percent, plain
from actors.rules.settings import FeeSettings, StrategySettings
from actors.rules.sizing import Size, size_of

_TOO_SMALL = (Reason.BELOW_MIN_QUANTITY, Reason.BELOW_MIN_NOTIONAL, Reason.UNSELLABLE_AFTER_FEES)
"""What `below_minimum` decides about; anything else is wrong with the ladder itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingLeg:
    """A leg that cannot be ordered."""

    index: int
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRefused(Refused):
    """A ladder that does not pass. `detail` names every failing leg; `reason` is the first one's."""

    legs: tuple[FailingLeg, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    """What every leg of one ladder is judged by."""

    side: Side
    index: int
    settings: StrategySettings
    instrument: Instrument
    quote: Quote | None
    fees: FeeSettings
    size: Size


def resolve_entry_price(
    signal: Signal, settings: StrategySettings, quote: Quote | None, *, promote_at: PromoteAt | None = None
) -> Decimal | Refused:
    """What a ladder is priced from: the signal's own price, else the mark; the mark alone where the settings say so.

    `promote_at` is given for a signal that leaves the queue and then decides (QUE-3). PRICE_MISSING without a usable
    price; `quote` is to be fresh, or None (ORD-10).
    """
    at_mark = settings.entry_price is EntryPrice.MARK if promote_at is None else promote_at is PromoteAt.MARK
    if not at_mark and signal.entry_price is not None:
        return signal.entry_price
    quote = precision.usable(quote)
    if quote is None:
        return Refused(reason=Reason.PRICE_MISSING, detail=f"no usable price of {signal.key.symbol} is known")
    return quote.mid


def plan(
    *,
    side: Side,
    index: int,
    signal: Signal,
    settings: StrategySettings,
    instrument: Instrument,
    quote: Quote | None,
    entry_price: Decimal,
    below_minimum: BelowMinimum,
    max_open_orders_left: int | None = None,
    fees: FeeSettings,
    max_slippage_percent: Decimal,
    equity: Decimal | None = None,
) -> LadderPlan | PlanRefused:
    """The ladder of the pyramid with this index, ready to be ordered, or what is wrong with it.

    `quote` is to be fresh, or None: a limit ladder needs none, a first leg at the market waits without one
    (PRICE_MISSING). Legs outside the price band or over the open-order count stay in the plan and are noted, since
    they only wait (PRC-1); if no leg at all is inside the band the plan is refused. The plan's `notional` is the quote
    its entries take at worst: each filled whole, the taker's fee on top, a market leg at its slippage bound.
    """
    if not instrument.active:
        return PlanRefused(reason=Reason.INSTRUMENT_INACTIVE, detail=f"{instrument.symbol} is not traded now")
    size = size_of(
        settings.sizing, index=index, signal=signal, instrument=instrument, entry_price=entry_price, equity=equity
    )
    if isinstance(size, Refused):
        return PlanRefused(reason=size.reason, detail=size.detail)
    quote = precision.usable(quote)
    if quote is None and _enters_at_market(settings, index):
        return PlanRefused(reason=Reason.PRICE_MISSING, detail=f"no price of {instrument.symbol} for a market entry")
    terms = _Terms(side=side, index=index, settings=settings, instrument=instrument, quote=quote, fees=fees, size=size)
    settled = _settle(_legs(terms, entry_price), terms, below_minimum)
    if isinstance(settled, PlanRefused):
        return settled
    legs, notes = settled
    waiting = _waiting(legs, terms, max_open_orders_left)
    if isinstance(waiting, PlanRefused):
        return waiting
    worst = sum((_worst_notional(leg, terms, max_slippage_percent) for leg in legs), ZERO)
    return LadderPlan(entry_price=entry_price, capital=size.capital, legs=legs, notional=worst, notes=notes + waiting)


# --- legs -----------------------------------------------------------------------------------------


def _enters_at_market(settings: StrategySettings, index: int) -> bool:
    return settings.entry_order is EntryOrder.MARKET and settings.levels_of(index)[0].gap_percent == 0


def _legs(terms: _Terms, entry_price: Decimal) -> tuple[PlannedLeg, ...]:
    """Every leg as configured, rounded, whether sendable or not."""
    at_market = _enters_at_market(terms.settings, terms.index)
    legs = []
    for number, level in enumerate(terms.settings.levels_of(terms.index)):
        is_market = number == 0 and at_market
        away = percent(entry_price, level.gap_percent)
        price = precision.entry_price(terms.side, entry_price - terms.side.sign * away, terms.instrument)
        leg = PlannedLeg(
            index=number,
            gap_percent=level.gap_percent,
            weight_percent=level.weight_percent,
            tp_percent=level.tp_percent,
            price=price,
            quantity=_quantity(level.weight_percent, price, terms, is_market=is_market),
            market=is_market,
        )
        legs.append(leg)
    return tuple(legs)


def _quantity(weight_percent: Decimal, price: Decimal, terms: _Terms, *, is_market: bool) -> Decimal:
    """What the weight gives a leg, rounded down (PRC-3). A price of zero or less gives none."""
    if price <= 0:
        return ZERO
    quantity = terms.size.leg_quantity(weight_percent, price, terms.instrument)
    return precision.round_quantity(quantity, terms.instrument, market=is_market)


def _sized(leg: PlannedLeg, terms: _Terms) -> PlannedLeg:
    """The leg with the quantity its weight gives it now."""
    return replace(leg, quantity=_quantity(leg.weight_percent, leg.price, terms, is_market=leg.market))


def _failure(leg: PlannedLeg, terms: _Terms) -> FailingLeg | None:
    instrument, price = terms.instrument, leg.price
    if leg.market and terms.quote is not None:
        price = min(price, terms.quote.bid)
    reason = precision.refusal(leg.quantity, price, instrument, market=leg.market)
    if not leg.market and leg.price > 0 and not precision.in_range(leg.price, instrument):
        reason = Reason.BAD_PRICE
    if reason is None and not _sellable(leg, terms):
        reason = Reason.UNSELLABLE_AFTER_FEES
    if reason is None:
        return None
    return FailingLeg(index=leg.index, reason=reason, detail=_words(leg, reason, terms))


def _sellable(leg: PlannedLeg, terms: _Terms) -> bool:
    """Whether the leg alone can be sold at its target once a fee in the coin itself has been taken (PRC-5)."""
    if terms.instrument.market is not Market.SPOT or terms.fees.paid_in is not FeePaidIn.BASE:
        return True
    fee_percent = max(terms.fees.taker_percent, terms.fees.maker_percent, ZERO)
    left = precision.round_quantity(leg.quantity - percent(leg.quantity, fee_percent), terms.instrument)
    return precision.is_sendable(left, _leg_target(leg, terms), terms.instrument)


def _leg_target(leg: PlannedLeg, terms: _Terms) -> Decimal:
    by_leg = terms.settings.tp_mode in (TpMode.PER_LEG, TpMode.HYBRID)
    tp_percent = leg.tp_percent if by_leg else terms.settings.tp_percent_of(terms.index)
    gain = percent(leg.price, tp_percent)
    return precision.target_price(terms.side, leg.price + terms.side.sign * gain, terms.instrument)


def _words(leg: PlannedLeg, reason: Reason, terms: _Terms) -> str:
    instrument = terms.instrument
    value = precision.notional(leg.quantity, leg.price, instrument)
    least = precision.min_quantity(instrument, market=leg.market)
    most = precision.max_quantity(instrument, market=leg.market, price=leg.price if leg.price > 0 else None)
    least_value = precision.min_notional(instrument, market=leg.market)
    what = {
        Reason.BAD_PRICE: _bad_price(leg, instrument),
        Reason.BELOW_MIN_QUANTITY: f"quantity {plain(leg.quantity)} is below the minimum {plain(least)}",
        Reason.ABOVE_MAX_QUANTITY: f"quantity {plain(leg.quantity)} is above the maximum {plain(most or ZERO)}",
        Reason.BELOW_MIN_NOTIONAL: f"value {plain(value)} is below the minimum {plain(least_value)}",
        Reason.UNSELLABLE_AFTER_FEES: f"quantity {plain(leg.quantity)} less the fee is too small to sell",
    }[reason]
    return f"leg {leg.index} at {plain(leg.price)}: {what}"


def _bad_price(leg: PlannedLeg, instrument: Instrument) -> str:
    if leg.price <= 0:
        return "the price rounds to nothing"
    if instrument.min_price is not None and leg.price < instrument.min_price:
        return f"the price is below the lowest the venue takes, {plain(instrument.min_price)}"
    return f"the price is above the highest the venue takes, {plain(instrument.max_price or ZERO)}"


# --- the ladder as a whole ------------------------------------------------------------------------


_Settled = tuple[tuple[PlannedLeg, ...], tuple[str, ...]]


def _settle(legs: tuple[PlannedLeg, ...], terms: _Terms, below_minimum: BelowMinimum) -> _Settled | PlanRefused:
    """The legs to be ordered and what was done to the others, by `below_minimum` (PRC-3)."""
    failing = _failing(legs, terms)
    if not failing:
        return legs, ()
    kept = tuple(leg for leg in legs if all(leg.index != fault.index for fault in failing))
    hopeless = any(fault.reason not in _TOO_SMALL for fault in failing)
    if hopeless or below_minimum is BelowMinimum.REJECT or not kept:
        return _refused(failing)
    if below_minimum is BelowMinimum.SKIP:
        return kept, tuple(f"skipped: {fault.detail}" for fault in failing)
    small = tuple(leg for leg in legs if leg not in kept)
    merged, notes = _merged(small, kept, terms)
    still = _failing(merged, terms)
    return _refused(still) if still else (merged, notes)


def _failing(legs: Sequence[PlannedLeg], terms: _Terms) -> tuple[FailingLeg, ...]:
    return tuple(fault for leg in legs if (fault := _failure(leg, terms)) is not None)


def _refused(failing: tuple[FailingLeg, ...]) -> PlanRefused:
    detail = "; ".join(fault.detail for fault in failing)
    return PlanRefused(reason=failing[0].reason, detail=detail, legs=failing)


def _merged(small: tuple[PlannedLeg, ...], kept: tuple[PlannedLeg, ...], terms: _Terms) -> _Settled:
    """Gives the weight of each small leg to the kept one with the nearest gap, of two equally near the shallower."""
    weights = {leg.index: leg.weight_percent for leg in kept}
    notes = []
    for leg in small:
        near = min(kept, key=lambda other, gap=leg.gap_percent: (abs(other.gap_percent - gap), other.index))  # type: ignore[misc]
        weights[near.index] += leg.weight_percent
        notes.append(f"merged leg {leg.index} into leg {near.index}")
    grown = (replace(leg, weight_percent=weights[leg.index]) for leg in kept)
    return tuple(_sized(leg, terms) for leg in grown), tuple(notes)


def _waiting(legs: tuple[PlannedLeg, ...], terms: _Terms, orders_left: int | None) -> tuple[str, ...] | PlanRefused:
    """Notes on legs that cannot be placed at once. A market leg knows no band."""
    outside = [leg for leg in legs if terms.quote is not None and not leg.market and not _in_band(leg, terms)]
    words = [f"leg {leg.index} at {plain(leg.price)} is outside the price band" for leg in outside]
    if len(outside) == len(legs):
        failing = tuple(
            FailingLeg(index=leg.index, reason=Reason.OUTSIDE_PRICE_BAND, detail=detail)
            for leg, detail in zip(outside, words, strict=True)
        )
        return _refused(failing)
    notes = [f"waits: {detail}" for detail in words]
    if orders_left is not None and len(legs) - len(outside) > orders_left:
        notes.append(f"waits: only {max(orders_left, 0)} more open orders are allowed")
    return tuple(notes)


def _in_band(leg: PlannedLeg, terms: _Terms) -> bool:
    mark = None if terms.quote is None else terms.quote.mid
    return precision.in_band(leg.price, mark, terms.instrument, terms.side.entry)


def _worst_notional(leg: PlannedLeg, terms: _Terms, max_slippage_percent: Decimal) -> Decimal:
    """Most quote the leg's entry can take. A limit buy never costs more than its price; a limit sell may bring more."""
    price = leg.price
    if leg.market and terms.quote is not None:
        touched = terms.quote.ask if terms.side is Side.LONG else terms.quote.bid
        price = max(price, touched + percent(touched, max_slippage_percent) if terms.side is Side.LONG else touched)
    elif terms.side is Side.SHORT and terms.quote is not None:
        price = max(price, terms.quote.bid)
    value = precision.notional(leg.quantity, price, terms.instrument)
    return value + percent(value, max(terms.fees.taker_percent, ZERO))


# --- what it would bring --------------------------------------------------------------------------


def expected_profit(
    plan: LadderPlan, settings: StrategySettings, side: Side, instrument: Instrument, *, index: int = 0
) -> Decimal:
    """Profit in quote if every leg fills at its price and every target is hit, before fees (QUE-7).

    `per_leg` and `hybrid` count each leg's own target, the aggregate modes the target of the whole from its average.
    """
    cost = sum((precision.notional(leg.quantity, leg.price, instrument) for leg in plan.legs), ZERO)
    if settings.tp_mode in (TpMode.PER_LEG, TpMode.HYBRID):
        targets = [(leg.quantity, leg.price, leg.tp_percent) for leg in plan.legs]
    else:
        quantity = sum((leg.quantity for leg in plan.legs), ZERO)
        average = cost / (quantity * instrument.contract_size)
        targets = [(quantity, average, settings.tp_percent_of(index))]
    proceeds = ZERO
    for quantity, price, tp_percent in targets:
        raw = price * (1 + side.sign * tp_percent / HUNDRED)
        proceeds += precision.notional(quantity, precision.target_price(side, raw, instrument), instrument)
    return side.sign * (proceeds - cost)
