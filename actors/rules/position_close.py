"""When a group closes, and what is recorded when it has (GRP-4, GRP-5, GRP-7, EXIT-1, EXIT-3, PRC-6)."""

from __future__ import annotations

from dataclasses import replace

from actors.rules import stops
from actors.rules.choices import OnFlat
from actors.rules.lifecycle import GroupEvent
from actors.rules.model import Reason
from actors.rules.money import ZERO, plain
from actors.rules.position_cut_books import active, end_whole, stop_all
from actors.rules.position_desk import Desk
from actors.rules.position_dust import last_price
from actors.rules.position_entries import all_refused, give_up_all, is_complete, is_finished
from actors.rules.position_retry import CLOSE_FAILING, PRICE_STALE
from actors.rules.position_targets import TARGET_FAILING, Wanted
from actors.rules.timeframes import timeframe_s

UNFILLED_TIMEFRAMES = 4
"""`unfilled_group_ttl_s: null` in timeframes of the group (GRP-7)."""


def close_reason(desk: Desk, wanted: list[Wanted]) -> Reason | None:
    """Why the group should start to close now; None: it goes on. `wanted`: the targets it should have."""
    legs = list(desk.legs())
    finished = all(is_finished(desk, leg) for leg in legs)
    if not any(leg.bought_quantity for leg in legs):
        if all_refused(desk):
            return Reason.ENTRIES_REFUSED
        return Reason.ENTRIES_FINISHED if finished else _unfilled_too_long(desk)
    if wanted or is_selling(desk):
        return None
    if finished:
        return Reason.FLAT if any(leg.sold_quantity for leg in legs) else Reason.ENTRIES_FINISHED
    return Reason.FLAT if desk.settings.on_flat is OnFlat.CLOSE and is_flat(desk, wanted) else None


def is_selling(desk: Desk) -> bool:
    """Whether something may still be sold by what is under way."""
    hit = desk.hybrid_hit or any(pyramid.watch_hit for pyramid in desk.pyramids.values())
    hit = hit or bool(stops.leg_hits(desk.trails))
    return hit or bool(desk.targets) or bool(desk.closes) or active(desk) is not None


def is_flat(desk: Desk, wanted: list[Wanted]) -> bool:
    """Whether the position is back at zero, what cannot be sold left out: something was sold, nothing sellable is left
    and no entry leg is partially filled (GRP-4).
    """
    if wanted or is_selling(desk) or not any(leg.sold_quantity for leg in desk.legs()):
        return False
    return not any(leg.bought_quantity and not is_complete(leg) and not is_finished(desk, leg) for leg in desk.legs())


def _unfilled_too_long(desk: Desk) -> Reason | None:
    ttl_s = desk.settings.unfilled_group_ttl_s
    if ttl_s == 0:
        return None
    if ttl_s is None:
        ttl_s = UNFILLED_TIMEFRAMES * timeframe_s(desk.before.key.timeframe)
    due_ms = desk.before.create_time_ms + ttl_s * 1000
    if desk.now_ms >= due_ms:
        return Reason.UNFILLED_TTL
    desk.wake_at(due_ms)
    return None


def begin_close(desk: Desk, reason: Reason) -> None:
    """The group is closing from now on: no leg buys any more, watched targets lose their meaning."""
    desk.move(GroupEvent.CLOSE_STARTED, reason)
    desk.close_reason = reason
    desk.hybrid_hit = False
    stop_all(desk, reason)
    for pyramid in list(desk.pyramids.values()):
        if pyramid.watch_hit:
            desk.put_pyramid(replace(pyramid, watch_hit=False))
    give_up_all(desk, reason)
    if reason is Reason.ENTRIES_REFUSED:
        desk.alert("group.refused", "every entry was refused by the exchange, the group closes", "error")


def finish(desk: Desk) -> None:
    """Nothing can fill any more and what is left cannot be sold: it is recorded as dust at the mark, without one at the
    price of the last execution (PRC-6).
    """
    held = desk.held()
    desk.dust = held
    desk.dust_value = ZERO
    if held:
        cost = sum((leg.lot.cost for leg in desk.legs()), desk.loose.cost)
        price = last_price(desk)
        desk.dust_value = cost if price is None else price * held * desk.instrument.contract_size
    desk.close_time_ms = desk.now_ms
    desk.flag(CLOSE_FAILING, False)
    desk.flag(TARGET_FAILING, False)
    desk.flag(PRICE_STALE, False)
    end_whole(desk)
    desk.move(GroupEvent.CLOSE_DONE, desk.close_reason or Reason.LATE_FILL)
    text = f"closed, {desk.close_reason}: realized {plain(desk.realized)} {desk.instrument.quote}"
    if held:
        text += f", dust {plain(held)} {desk.instrument.base}"
    desk.note("group.closed", text, category="engine")
