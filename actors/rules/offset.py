"""Who is closed at a loss, and who pays for it (RISK-1 to RISK-7, RISK-9, RISK-11). Pure arithmetic, nothing is done.

A plan balances two sums in the loser's quote currency:

- required = its unrealised loss + the fee of its close + `slippage_buffer_percent` of all that is closed;
- expected profit = what the winners' sales bring, their own fees taken off. So no fee is counted twice; `fees` of a
  plan shows all of them.

Winners pay in rank order, each with the least that covers what is still missing. One that brings nothing, or holds less
than `min_close_notional`, is passed over, and the next in rank takes its place: `max_winners_to_combine` counts those
that pay. The loser is the worst one; that the winners cannot cover it does not make another group the loser.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from actors.rules import offset_members
from actors.rules.choices import Insufficient
from actors.rules.model import GroupState, Reason, Refused
from actors.rules.money import CONTEXT, HUNDRED, ZERO, floor_to, percent, plain
from actors.rules.offset_members import (
    Member,
    Worth,
    is_deep,
    is_overtaken,
    obstacles,
    obstacles_of,
    quote_class,
    unfit,
    worth,
    worth_at,
)
from actors.rules.offset_sale import Sale
from actors.rules.precision import usable
from actors.rules.risk_model import OffsetPlan, OffsetWinner
from actors.rules.settings import ExecutionSettings, RiskSettings

__all__ = [
    "LoserShare",
    "Member",
    "evaluate",
    "is_executable",
    "loser_fault",
    "loser_share",
    "obstacles",
    "plan",
    "quote_class",
    "take",
    "winner_fault",
    "worst",
]

_SHOWN = Decimal("1e-8")
"""Percentages, and money in words, are rounded to this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoserShare:
    """What to close of the loser for what the winners have really brought (RISK-7)."""

    quantity: Decimal | None
    """None: the whole. Zero: nothing."""
    percent: Decimal
    """Of what is held."""
    reason: Reason | None = None
    """Why it is not the whole. PRICE_STALE: nothing can be said now, ask again."""


# --- plans ----------------------------------------------------------------------------------------


def evaluate(
    members: Iterable[Member],
    *,
    settings: RiskSettings,
    execution: ExecutionSettings,
    now_ms: int,
    busy: frozenset[str],
) -> tuple[OffsetPlan, ...]:
    """One plan for each quote class that has an eligible loser and no offset under way, by name of class (RISK-4,
    RISK-9). `busy`: names of the classes that have. A plan may say that nothing can be done.
    """
    if not settings.enabled:
        return ()
    classes: dict[tuple[str, str], list[Worth]] = {}
    for member in members:
        name = quote_class(member.group.instrument.quote, settings)
        if name not in busy:
            at = (name, member.group.world.value)
            classes.setdefault(at, []).append(worth(member, execution=execution, now_ms=now_ms))
    plans = []
    for _, found in sorted(classes.items()):
        deep = offset_members.losers(each for each in found if is_deep(each, settings))
        eligible = (each for each in deep if not obstacles_of(each, settings, now_ms, manual=False))
        loser = next(eligible, None)
        if loser is not None:
            plans.append(_plan(loser, found, (), settings, execution, now_ms))
    return tuple(plans)


def plan(
    loser: Member,
    others: Sequence[Member],
    *,
    settings: RiskSettings,
    execution: ExecutionSettings,
    now_ms: int,
    manual: bool = False,
) -> OffsetPlan:
    """What would be done for this loser, whatever stands in its way: that is said beside (RISK-11)."""
    standing = worth(loser, execution=execution, now_ms=now_ms)
    found = [worth(member, execution=execution, now_ms=now_ms) for member in others]
    return _plan(standing, found, obstacles_of(standing, settings, now_ms, manual=manual), settings, execution, now_ms)


def is_executable(plan: OffsetPlan) -> bool:
    """Whether the plan closes something and nothing stands in its way."""
    return not plan.obstacles and plan.loser_quantity > 0


def worst(members: Iterable[Member]) -> Member:
    """The loser among members that have a price and hold something (RISK-4). There must be one."""
    return offset_members.losers(worth_at(member, usable(member.quote)) for member in members)[0].member


def _plan(
    loser: Worth,
    others: Iterable[Worth],
    in_the_way: tuple[Reason, ...],
    settings: RiskSettings,
    execution: ExecutionSettings,
    now_ms: int,
) -> OffsetPlan:
    group = loser.member.group
    reason = in_the_way[0] if in_the_way else None
    bare = OffsetPlan(loser_group_id=group.group_id, quote=group.instrument.quote, obstacles=in_the_way, reason=reason)
    if loser.profit is None or loser.profit >= 0:
        return replace(bare, detail=_in_words(in_the_way))
    sale = Sale(loser, execution, settings.slippage_buffer_percent)
    if not sale.is_sellable:
        return replace(bare, loss=-loser.profit, detail=_in_words(in_the_way))
    fee, buffer = sale.fee(sale.everything), sale.buffer(sale.everything)
    needed = fee + buffer - loser.profit
    payments = _payments(offset_members.winners(others, loser, settings), needed, settings, execution, now_ms)
    covered = sum((payment.cover for payment in payments), ZERO)
    buffer += sum((payment.buffer for payment in payments), ZERO)
    full = replace(
        bare,
        loss=-loser.profit,
        fees=fee + sum((payment.fee for payment in payments), ZERO),
        buffer=buffer,
        required=fee + buffer - loser.profit,
        winners=tuple(payment.winner for payment in payments),
        expected_profit=sum((payment.winner.expected_profit for payment in payments), ZERO),
        is_sufficient=covered >= needed,
    )
    return _with_loser(full, sale, covered, settings)


def _with_loser(full: OffsetPlan, sale: Sale, covered: Decimal, settings: RiskSettings) -> OffsetPlan:
    """How much of the loser would be closed for that, and why not all of it (RISK-6)."""
    quantity, reason = sale.everything, full.reason
    if not full.is_sufficient:
        reason = reason or (Reason.INSUFFICIENT_PROFIT if full.winners else Reason.NO_WINNERS)
        is_partial = settings.insufficient is Insufficient.PARTIAL and covered > 0
        quantity = (sale.largest(-covered) if is_partial else None) or ZERO
    share = _percent(quantity, sale.everything)
    words = f"{len(full.winners)} winners bring {_money(full.expected_profit)} of {_money(full.required)} {full.quote}"
    if full.obstacles:
        words = f"{_in_words(full.obstacles)}; {words}"
    return replace(full, loser_quantity=quantity, loser_percent=share, reason=reason, detail=words)


def _in_words(in_the_way: tuple[Reason, ...]) -> str:
    return f"in the way: {', '.join(in_the_way)}" if in_the_way else ""


# --- winners --------------------------------------------------------------------------------------


class _Payment(NamedTuple):
    """What one winner gives; `cover` is its profit less the buffer."""

    winner: OffsetWinner
    fee: Decimal
    buffer: Decimal

    @property
    def cover(self) -> Decimal:
        return self.winner.expected_profit - self.buffer


def take(
    member: Member, needed: Decimal, *, settings: RiskSettings, execution: ExecutionSettings, now_ms: int
) -> OffsetWinner | Refused:
    """What to sell of one winner now for so much profit: the least that brings it, else what brings most (RISK-6)."""
    standing = worth(member, execution=execution, now_ms=now_ms)
    fault = unfit(standing)
    if fault is None and is_overtaken(member, now_ms):
        fault = Reason.PRICE_STALE
    payment = _pay(standing, needed, settings, execution, ZERO) if fault is None else fault
    return Refused(reason=payment) if isinstance(payment, Reason) else payment.winner


def _payments(
    ranked: Iterable[Worth], needed: Decimal, settings: RiskSettings, execution: ExecutionSettings, now_ms: int
) -> list[_Payment]:
    """In rank order until it is covered, or as many have paid as may (RISK-5, RISK-6)."""
    found: list[_Payment] = []
    for winner in ranked:
        if needed <= 0 or len(found) == settings.max_winners_to_combine:
            break
        if is_overtaken(winner.member, now_ms):
            continue
        payment = _pay(winner, needed, settings, execution, settings.slippage_buffer_percent)
        if not isinstance(payment, Reason):
            found.append(payment)
            needed -= payment.cover
    return found


def _pay(
    winner: Worth, needed: Decimal, settings: RiskSettings, execution: ExecutionSettings, buffer_percent: Decimal
) -> _Payment | Reason:
    """What one winner pays towards so much, or why it pays nothing."""
    sale = Sale(winner, execution, buffer_percent, is_bounded=True)
    whole = sale.everything
    if not sale.is_sellable or sale.notional(whole) < settings.min_close_notional:
        return Reason.BELOW_MIN_NOTIONAL
    least = CONTEXT.divide(settings.min_close_notional, sale.notional(Decimal(1)))
    quantity = sale.smallest(needed, least) if settings.partial_close_enabled else whole
    if quantity is None:
        part = sale.richest(least) if sale.cover(whole) < needed else None
        quantity = part if part is not None and sale.cover(part) >= sale.cover(whole) else whole
    worst_price = sale.worst_price(quantity) if sale.cover(quantity) > 0 else None
    if worst_price is None:
        return Reason.NOT_PROFITABLE
    group = winner.member.group
    paid = OffsetWinner(
        group_id=group.group_id,
        account=group.account,
        symbol=group.symbol,
        quantity=quantity,
        expected_profit=sale.net(quantity),
        is_whole=quantity == whole,
        worst_price=worst_price,
    )
    return _Payment(paid, sale.fee(quantity), sale.buffer(quantity))


# --- while it is carried out ----------------------------------------------------------------------


def loser_share(
    plan: OffsetPlan,
    realized: Decimal,
    loser: Member,
    *,
    settings: RiskSettings,
    execution: ExecutionSettings,
    now_ms: int,
) -> LoserShare:
    """What of the loser to close for so much realised profit, at its loss of this moment (RISK-7).

    The whole, if the profit covers its loss up to `max_shortfall_percent` of it; for a plan of a part likewise that
    part. Else what is covered: the largest part whose own loss and fee are not more than the profit, on the step. If
    that, or what would stay, could not be sold, it is less, down to nothing: never is more closed than is covered.
    """
    standing = worth(loser, execution=execution, now_ms=now_ms)
    if standing.profit is None or is_overtaken(loser, now_ms):
        return LoserShare(quantity=ZERO, percent=ZERO, reason=Reason.PRICE_STALE)
    if standing.held <= 0 or standing.profit >= 0:
        return LoserShare(quantity=ZERO, percent=ZERO, reason=Reason.RECOVERED)
    sale = Sale(standing, execution)
    if realized >= -sale.net(sale.everything) or (
        plan.is_sufficient and _is_near(realized, -standing.profit, settings)
    ):
        return LoserShare(quantity=None, percent=HUNDRED)
    quantity = (sale.largest(-realized) if realized > 0 else None) or ZERO
    reason = Reason.SHORTFALL
    planned = plan.loser_quantity
    if (
        not plan.is_sufficient
        and sale.least <= planned <= sale.most
        and _is_near(realized, -sale.net(planned), settings)
    ):
        quantity, reason = max(quantity, planned), Reason.INSUFFICIENT_PROFIT
    return LoserShare(quantity=quantity, percent=_percent(quantity, sale.everything), reason=reason)


def _is_near(realized: Decimal, loss: Decimal, settings: RiskSettings) -> bool:
    """Whether the profit falls short of a loss by no more than is allowed."""
    return realized > 0 and loss - realized <= percent(loss, settings.max_shortfall_percent)


def loser_fault(
    member: Member | None,
    *,
    settings: RiskSettings,
    execution: ExecutionSettings,
    now_ms: int,
    is_begun: bool = False,
) -> Reason | None:
    """Why this group is no loser to be closed any more: it is closing, blocked, has no fresh price, or has recovered.

    Recovered is, before the first sale, one above the threshold; afterwards one that loses nothing.
    """
    fault = _gone_or_blocked(member)
    if fault is not None or member is None:
        return fault
    standing = worth(member, execution=execution, now_ms=now_ms)
    if standing.profit is None or is_overtaken(member, now_ms):
        return Reason.PRICE_STALE
    is_loser = standing.profit < 0 if is_begun else is_deep(standing, settings)
    return None if is_loser else Reason.RECOVERED


def winner_fault(
    winner: OffsetWinner, member: Member | None, *, execution: ExecutionSettings, now_ms: int
) -> Reason | None:
    """Why this winner must not be sold (any more): closing, blocked, no fresh price, or worse than its worst price."""
    fault = _gone_or_blocked(member)
    if fault is not None or member is None:
        return fault
    standing = worth(member, execution=execution, now_ms=now_ms)
    if standing.price is None:
        return Reason.PRICE_STALE
    is_worse = member.group.side.sign * (standing.price - winner.worst_price) < 0
    return Reason.NOT_PROFITABLE if is_worse else None


def _gone_or_blocked(member: Member | None) -> Reason | None:
    if member is None or member.group.state in (GroupState.CLOSING, GroupState.CLOSED):
        return Reason.GROUP_CLOSING
    if member.is_uncovered:
        return Reason.INSTRUMENT_HELD
    return Reason.BLOCKED if member.group.risk_blocked else None


# --- words ----------------------------------------------------------------------------------------


def _percent(part: Decimal, whole: Decimal) -> Decimal:
    """Rounded down: less than all is never a hundred."""
    if part >= whole:
        return HUNDRED
    return floor_to(CONTEXT.divide(part * HUNDRED, whole), _SHOWN)


def _money(amount: Decimal) -> str:
    return plain(CONTEXT.quantize(amount, _SHOWN))
