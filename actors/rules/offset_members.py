"""Who may lose and who may pay: how a group stands now, what keeps it out of an offset, and the ranks (RISK-1, 4, 5).

Profit and loss are taken at the price a close would hit, bid for a long, on everything that is held, before fees.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from actors.rules import precision, profit
from actors.rules.model import CutState, Group, GroupState, Quote, Reason
from actors.rules.money import CONTEXT, HUNDRED, ZERO
from actors.rules.position_watches import PRICE_LAG_MS, last_entry_ms
from actors.rules.risk_timer import expire_ms, is_running, required_pyramids
from actors.rules.settings import ExecutionSettings, FeeSettings, RiskSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One group that is not closed, with the newest price of its instrument and what its account charges."""

    group: Group
    quote: Quote | None
    fees: FeeSettings
    is_uncovered: bool = False
    """The account does not hold what its groups of this instrument do: what a sale would bring is not known (ORD-7)."""


class Worth(NamedTuple):
    """How a member stands. `price` and `profit` are None without a fresh price; `profit` is unrealised, in quote."""

    member: Member
    held: Decimal
    invested: Decimal
    price: Decimal | None
    profit: Decimal | None

    @property
    def percent(self) -> Decimal | None:
        """Unrealised profit in per cent of the invested cost; None without a fresh price or when nothing is held."""
        if self.profit is None or not self.invested:
            return None
        return CONTEXT.divide(self.profit * HUNDRED, self.invested)


def worth(member: Member, *, execution: ExecutionSettings, now_ms: int) -> Worth:
    """How a member stands at this moment."""
    quote = precision.usable(member.quote)
    if quote is not None and not precision.is_recent(quote, now_ms, execution.max_quote_age_s):
        quote = None
    return worth_at(member, quote)


def worth_at(member: Member, quote: Quote | None) -> Worth:
    """How a member stands at this price, however old. The dearest part of an evaluation: it looks at every leg."""
    group = member.group
    held, invested = group.loose.quantity, group.loose.cost
    for pyramid in group.pyramids:
        for leg in pyramid.legs:
            lot = leg.lot
            held += lot.quantity
            invested += lot.cost
    if quote is None:
        return Worth(member, held, invested, None, None)
    price = quote.closing(group.side)
    value = precision.notional(held, price, group.instrument)
    return Worth(member, held, invested, price, profit.realized(group.side, value, invested))


def quote_class(quote: str, settings: RiskSettings) -> str:
    """The name under which a quote currency is combined: the first of the list it stands in, else itself (RISK-5)."""
    for equal in settings.equal_quotes:
        if quote in equal:
            return equal[0]
    return quote


# --- losers ---


def obstacles(
    member: Member, *, settings: RiskSettings, execution: ExecutionSettings, now_ms: int, manual: bool = False
) -> tuple[Reason, ...]:
    """All that keeps a group from being a loser now; empty: it is eligible (RISK-1). `manual`: its timer does not count
    (RISK-12).
    """
    return obstacles_of(worth(member, execution=execution, now_ms=now_ms), settings, now_ms, manual=manual)


def obstacles_of(worth: Worth, settings: RiskSettings, now_ms: int, *, manual: bool) -> tuple[Reason, ...]:
    """`obstacles` of a member whose worth is known."""
    group = worth.member.group
    found = [Reason.RISK_DISABLED] if not settings.enabled else []
    under_way = _under_way(group)
    if under_way is not None:
        found.append(under_way)
    elif group.state is GroupState.LIVE or worth.held <= 0:
        found.append(Reason.NOT_FILLED)
    if worth.member.is_uncovered:
        found.append(Reason.INSTRUMENT_HELD)
    if group.risk_blocked:
        found.append(Reason.BLOCKED)
    if group.risk_skip:
        found.append(Reason.SKIPPED)
    if len(group.pyramids) < required_pyramids(settings, group.settings):
        found.append(Reason.NOT_ENOUGH_PYRAMIDS)
    if not manual and group.risk_timer_start_ms is None:
        found.append(Reason.TIMER_NOT_STARTED)
    elif not manual and is_running(group.risk_timer_start_ms, settings, now_ms):
        found.append(Reason.TIMER_RUNNING)
    if settings.use_trade_age_filter and now_ms - group.create_time_ms < settings.age_threshold_s * 1000:
        found.append(Reason.TOO_YOUNG)
    if worth.held > 0:
        found.extend(_by_price(worth, settings, now_ms))
    return tuple(found)


def _by_price(worth: Worth, settings: RiskSettings, now_ms: int) -> Iterable[Reason]:
    group, price = worth.member.group, worth.price
    if price is None or is_overtaken(worth.member, now_ms):
        yield Reason.PRICE_STALE
        return
    if not is_deep(worth, settings):
        yield Reason.ABOVE_LOSS_THRESHOLD
    rounded = precision.round_quantity(worth.held, group.instrument)
    refusal = precision.refusal(rounded, price, precision.for_exits(group.instrument))
    if refusal in (Reason.BELOW_MIN_QUANTITY, Reason.BELOW_MIN_NOTIONAL):
        yield refusal


def may_lose(group: Group, settings: RiskSettings) -> bool:
    """Whether only time and price keep a group from being a loser, as far as its own books say."""
    return (
        group.risk_timer_start_ms is not None
        and group.state not in (GroupState.LIVE, GroupState.CLOSING, GroupState.CLOSED)
        and len(group.pyramids) >= required_pyramids(settings, group.settings)
        and not group.risk_blocked
    )


def ready_ms(group: Group, settings: RiskSettings) -> int:
    """When time does not keep it from that any more; its timer must have started."""
    assert group.risk_timer_start_ms is not None, "its timer has started"
    times_ms = [expire_ms(group.risk_timer_start_ms, settings)]
    if settings.use_trade_age_filter:
        times_ms.append(group.create_time_ms + settings.age_threshold_s * 1000)
    return max(times_ms)


def deep_price(worth: Worth, settings: RiskSettings) -> Decimal:
    """The price of a close at which it begins to be deep; what is held must be more than nothing."""
    group = worth.member.group
    share = min(settings.loss_threshold_percent, ZERO) * group.side.sign
    value = CONTEXT.divide(worth.invested * (HUNDRED + share), HUNDRED)
    return CONTEXT.divide(value, worth.held * group.instrument.contract_size)


def is_deep(worth: Worth, settings: RiskSettings) -> bool:
    """Whether it loses, and at least as much of what is invested as the threshold says."""
    if worth.profit is None or worth.profit >= 0:
        return False
    return worth.profit * HUNDRED <= settings.loss_threshold_percent * worth.invested


def is_overtaken(member: Member, now_ms: int) -> bool:
    """Whether the price is from before the last entry fill and a newer one may still be on its way (ORD-10). A fill far
    ahead of now says nothing: the clock was set back since.
    """
    quote, changed_ms = member.quote, member.group.update_time_ms
    if quote is None or quote.time_ms >= changed_ms or now_ms >= changed_ms + PRICE_LAG_MS:
        return False  # Nothing has filled since the group last changed.
    since_ms = last_entry_ms(member.group)
    return quote.time_ms < since_ms and abs(now_ms - since_ms) < PRICE_LAG_MS


def _under_way(group: Group) -> Reason | None:
    """The group, or a part of it, is being closed already."""
    if group.state in (GroupState.CLOSING, GroupState.CLOSED) or group.hybrid_hit:
        return Reason.GROUP_CLOSING
    running = [cut for cut in group.cuts if cut.state is CutState.RUNNING]
    if not running:
        return None
    is_offset = any(cut.reason is Reason.RISK_OFFSET for cut in running)
    return Reason.OFFSET_RUNNING if is_offset else Reason.GROUP_CLOSING


def losers(members: Iterable[Worth]) -> list[Worth]:
    """In the order they are taken: highest loss in per cent of invested, then in quote, then the oldest, then by id
    (RISK-4). All must have a price and hold something.
    """
    return sorted(members, key=_loser_rank)


def _loser_rank(worth: Worth) -> tuple[Decimal, Decimal, int, str]:
    group = worth.member.group
    percent, profit = worth.percent, worth.profit
    assert percent is not None, "a loser has a price"
    assert profit is not None, "a loser has a price"
    return percent, profit, group.create_time_ms, group.group_id


# --- winners ---


def winners(members: Iterable[Worth], loser: Worth, settings: RiskSettings) -> Iterator[Worth]:
    """Every group that may pay for this loser, the richest first: highest unrealised profit in quote, then the oldest,
    then by id (RISK-5).
    """
    group = loser.member.group
    wanted = quote_class(group.instrument.quote, settings)
    found = [
        worth
        for worth in members
        if worth.profit is not None
        and worth.profit > 0
        and worth.member.group.world is group.world
        and quote_class(worth.member.group.instrument.quote, settings) == wanted
    ]
    for worth in sorted(found, key=_winner_rank):
        if worth.member.group.group_id != group.group_id and unfit(worth) is None:
            yield worth


def _winner_rank(worth: Worth) -> tuple[Decimal, int, str]:
    assert worth.profit is not None, "a winner has a price"
    group = worth.member.group
    return -worth.profit, group.create_time_ms, group.group_id


def unfit(worth: Worth) -> Reason | None:
    """Why a group may not pay now; None: it may, if it has something to give (RISK-5)."""
    group = worth.member.group
    under_way = _under_way(group)
    if under_way is not None:
        return under_way
    if worth.member.is_uncovered:
        return Reason.INSTRUMENT_HELD
    if group.risk_blocked:
        return Reason.BLOCKED
    if group.risk_skip:
        return Reason.SKIPPED
    if worth.price is None:
        return Reason.PRICE_STALE
    return None if worth.held > ZERO else Reason.NOT_FILLED
