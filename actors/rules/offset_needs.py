"""How far prices may move before the next evaluation could say something else than the last one did.

An evaluation that found a loser, but winners who cannot pay for it, finds the same at the next price, and the next.
What it depends on are sums of quantity times price, so there are bounds for each price within which all of this stays:
the same loser, no winners' profit that covers its loss, and the same reason in words. They are bounds to one side each,
rounded to the safe side, never the exact edge. None: no such bounds are known, every price may matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from actors.rules import precision, profit
from actors.rules.choices import Insufficient
from actors.rules.events import Direction
from actors.rules.model import Group, Reason, Side
from actors.rules.money import CONTEXT, HUNDRED, ZERO
from actors.rules.offset_members import Worth, obstacles_of, quote_class
from actors.rules.risk_model import OffsetPlan
from actors.rules.settings import RiskSettings

_FAR = Decimal("0.1")
"""Bounds hold within this share of the price; further away everything is looked at anew."""
_NEARLY = Decimal("0.999")
_TICKS = 8
"""A winner's profit of so many ticks of all it holds is more than roundings of its price."""


class PriceBound(NamedTuple):
    """Of the price that a close of the group would hit."""

    group: Group
    direction: Direction
    price: Decimal


def deep_bound(group: Group, price: Decimal) -> PriceBound:
    """The price at which a group begins to be deep."""
    return PriceBound(group, _worse(group), price)


def while_insufficient(
    plans: Sequence[OffsetPlan], deep: Sequence[Worth], members: Iterable[Worth], settings: RiskSettings, now_ms: int
) -> list[PriceBound] | None:
    """`plans`: of the evaluation now. `deep`: those whose loss is deep and whose time has come; `members`: all."""
    holders = [worth for worth in members if worth.held > 0]
    loser = _loser(plans, deep, settings, now_ms)
    if loser is None or any(worth.price is None or worth.member.fees.taker_percent < 0 for worth in holders):
        return None
    if len({quote_class(worth.member.group.instrument.quote, settings) for worth in holders}) != 1:
        return None
    others = [worth for worth in holders if worth is not loser]
    found = [*_rank(loser, [worth for worth in deep if worth is not loser]), *_far(deep)]
    if any(bound.price == _price(worth) for bound in found for worth in deep if worth.member.group is bound.group):
        return None
    for more in (_cover(loser, others, settings), _reason(plans[0], others, settings)):
        if more is None:
            return None
        found += more
    return found


def _loser(plans: Sequence[OffsetPlan], deep: Sequence[Worth], settings: RiskSettings, now_ms: int) -> Worth | None:
    """Whom the one plan is about, if it is one that winners do not cover and all who are deep might be taken."""
    if len(plans) != 1 or plans[0].loser_quantity > 0:
        return None
    plan = plans[0]
    if plan.reason is Reason.INSUFFICIENT_PROFIT and settings.insufficient is Insufficient.PARTIAL:
        return None
    if plan.reason not in (Reason.INSUFFICIENT_PROFIT, Reason.NO_WINNERS):
        return None
    if any(obstacles_of(worth, settings, now_ms, manual=False) or not _stays_sellable(worth) for worth in deep):
        return None
    return next((worth for worth in deep if worth.member.group.group_id == plan.loser_group_id), None)


def _stays_sellable(worth: Worth) -> bool:
    group = worth.member.group
    rounded = precision.round_quantity(worth.held, group.instrument)
    lower = _price(worth) * (1 - 2 * _FAR)
    return precision.refusal(rounded, lower, precision.for_exits(group.instrument)) is None


def _rank(loser: Worth, others: Sequence[Worth]) -> Iterator[PriceBound]:
    """Nobody becomes a deeper loser than this one: each may use up half of what lies between them."""
    mine, nearest = loser.percent, None
    for other in others:
        percent = other.percent
        assert percent is not None, "it is deep"
        assert mine is not None, "it is deep"
        half = (percent - mine) / 2
        nearest = half if nearest is None else min(half, nearest)
        yield _moved(other, -_by_percent(other, half))
    if nearest is not None:
        yield _moved(loser, _by_percent(loser, nearest))


def _by_percent(worth: Worth, points: Decimal) -> Decimal:
    """By how much a price moves for so many points of what is invested."""
    return CONTEXT.divide(worth.invested * points, HUNDRED * _amount(worth))


def _far(deep: Iterable[Worth]) -> Iterator[PriceBound]:
    for worth in deep:
        price = _price(worth)
        for direction, factor in ((Direction.AT_OR_BELOW, 1 - _FAR), (Direction.AT_OR_ABOVE, 1 + _FAR)):
            yield PriceBound(worth.member.group, direction, price * factor)


def _cover(loser: Worth, others: Sequence[Worth], settings: RiskSettings) -> list[PriceBound] | None:
    """What winners can bring at most, leg by leg and before fees, stays below what the loser loses."""
    assert loser.profit is not None, "it is deep"
    most = sorted((_most(worth) for worth in others), reverse=True)
    gap = -loser.profit * _NEARLY - sum(most[: settings.max_winners_to_combine], ZERO)
    if gap <= 0:
        return None
    share = CONTEXT.divide(gap, Decimal(len(others) + 1))
    return [_moved(worth, CONTEXT.divide(share, _amount(worth))) for worth in (loser, *others)]


def _most(worth: Worth) -> Decimal:
    """The profit of those of its lots that have one."""
    group, price = worth.member.group, _price(worth)
    gains = (
        profit.realized(group.side, precision.notional(lot.quantity, price, group.instrument), lot.cost)
        for lot in profit.lots(group)
    )
    return sum((gain for gain in gains if gain > 0), ZERO)


def _reason(plan: OffsetPlan, others: Sequence[Worth], settings: RiskSettings) -> list[PriceBound] | None:
    """Where nobody pays, nobody begins to be a winner; where somebody does, the first of them goes on doing so."""
    if plan.reason is Reason.NO_WINNERS:
        if any(worth.profit is None or worth.profit >= 0 for worth in others):
            return None
        return [
            PriceBound(worth.member.group, _better(worth.member.group), CONTEXT.divide(worth.invested, _amount(worth)))
            for worth in others
        ]
    payer = next((worth for worth in others if worth.member.group.group_id == plan.winners[0].group_id), None)
    if payer is None or payer.profit is None:
        return None
    group, value = payer.member.group, _price(payer) * _amount(payer)
    net = payer.profit - CONTEXT.divide(value * payer.member.fees.taker_percent, HUNDRED)
    if net <= _TICKS * group.instrument.tick_size * _amount(payer) or value * (1 - _FAR) < settings.min_close_notional:
        return None
    if not _stays_sellable(payer):
        return None
    by = min(CONTEXT.divide(net, 4 * _amount(payer)), _price(payer) * _FAR)
    return [_moved(payer, -by), PriceBound(group, Direction.AT_OR_BELOW, _price(payer) * (1 - _FAR))]


# --- helpers --------------------------------------------------------------------------------------


def _price(worth: Worth) -> Decimal:
    assert worth.price is not None, "nothing is planned without a price"
    return worth.price


def _amount(worth: Worth) -> Decimal:
    """In base coins."""
    return worth.held * worth.member.group.instrument.contract_size


def _moved(worth: Worth, by: Decimal) -> PriceBound:
    """A bound so far away: above zero on the side where the group gains, below zero where it loses."""
    group = worth.member.group
    direction = _better(group) if by > 0 else _worse(group)
    return PriceBound(group, direction, _price(worth) + by * group.side.sign)


def _better(group: Group) -> Direction:
    return Direction.AT_OR_ABOVE if group.side is Side.LONG else Direction.AT_OR_BELOW


def _worse(group: Group) -> Direction:
    return Direction.AT_OR_BELOW if group.side is Side.LONG else Direction.AT_OR_ABOVE
