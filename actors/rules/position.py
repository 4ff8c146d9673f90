"""What a position group decides: `step(group, event, context) -> Decision`.

One mechanism for everything. An event is taken into the books (`position_books`, `position_reports`), then
`position_settle` works out what should be true now (entries, targets, closes, state) and emits the difference to what
is, as new pending orders and effects. Live, after loading and after a reconnect it is the same function, so nothing
can be forgotten and a repeated event does nothing: if nothing changed, the decision holds the very same group object.

Invariants, whatever the order of fills, cancels, refusals, exits and prices:
1. Never more is sold than is held; orders on the exit side that may still fill never sum to more than is held (TP-7).
2. A closed group holds nothing it could sell, and none of its orders can fill any more.
3. A group that is not closing has a target, resting or watched, for everything sellable it holds, and where one is
   asked for a stop.
4. Every order is part of the group as `pending` before an effect asks to send it (ORD-2).
"""

from __future__ import annotations

from dataclasses import replace

from actors.rules import position_cuts, risk_timer
from actors.rules.choices import World
from actors.rules.events import (
    AmendOrders,
    CancelEntriesAsked,
    CancelOrders,
    CloseAsked,
    Context,
    CutAsked,
    CutStopped,
    Decision,
    Effect,
    Event,
    FundingBooked,
    OrderAdopted,
    OrdersReported,
    PriceCrossed,
    PyramidAdded,
    ResolveOrders,
    ReverseAsked,
    RiskMarked,
    SetWatches,
    ShareTaken,
    TimeReached,
    Watch,
)
from actors.rules.model import (
    Group,
    GroupState,
    Instrument,
    Key,
    LadderPlan,
    Leg,
    Pyramid,
    Reason,
    Refused,
    Side,
    Signal,
)
from actors.rules.money import plain
from actors.rules.position_close import begin_close
from actors.rules.position_desk import Desk, is_fresh
from actors.rules.position_entries import give_up_all
from actors.rules.position_external import adopt, take_funding, take_share
from actors.rules.position_reports import take_reports
from actors.rules.position_retry import PRICE_POLL_MS, PRICE_STALE, pause_end_ms
from actors.rules.position_settle import settle
from actors.rules.position_stops import stop_reached, take_levels
from actors.rules.position_trails import take_crossing
from actors.rules.position_watches import BEYOND, PRICE_LAG_MS, is_believable, is_reached, watches
from actors.rules.settings import StrategySettings
from actors.rules.stops import STOP


def open_group(
    *,
    group_id: str,
    world: World,
    key: Key,
    side: Side,
    signal: Signal,
    plan: LadderPlan,
    settings: StrategySettings,
    instrument: Instrument,
    slot_token: str,
    forced: bool,
    strategy: str,
    context: Context,
) -> Decision:
    """A new group with its first pyramid, and the entries that may go out now (GRP-3, DCA-4)."""
    group = Group(
        group_id=group_id,
        world=world,
        key=key,
        side=side,
        state=GroupState.LIVE,
        instrument=instrument,
        settings=settings,
        slot_token=slot_token,
        forced=forced,
        signal_id=signal.signal_id,
        opened_stamp_ms=signal.stamp_ms,
        create_time_ms=context.now_ms,
        update_time_ms=context.now_ms,
        strategy=strategy,
        pyramids=(_pyramid(0, signal, plan, context),),
        max_slippage_percent=signal.max_slippage_percent,
        stop_loss=None if settings.accept_signal_stops else signal.stop_loss,
        take_profit=None if settings.accept_signal_stops else signal.take_profit,
    )
    desk = Desk(group, context, context.quote)
    legs = len(plan.legs)
    desk.note(
        "group.opened",
        f"opened at {plain(plan.entry_price)} with {legs} legs, {plain(plan.capital)}",
        category="engine",
    )
    take_levels(desk, signal, plan.entry_price)
    settle(desk)
    return _decided(desk, before=None)


def step(group: Group, event: Event, context: Context) -> Decision | Refused:
    """What becomes of a group through one event. A refusal changes nothing. Stepping the same report twice gives back
    the very same group object and asks for nothing to be sent.
    """
    quote = context.quote
    if isinstance(event, PriceCrossed) and (quote is None or event.quote.time_ms >= quote.time_ms):
        quote = event.quote
    desk = Desk(group, context, quote)
    refused = _apply(desk, event)
    if refused is not None:
        return refused
    settle(desk)
    return _decided(desk, before=group, repeat=isinstance(event, TimeReached))


def resume(group: Group, context: Context) -> Decision:
    """After loading, and whenever the account's gateway is new: asks for the fate of every order that is not final
    (ORD-3, ORD-7), asks again for cancels that were asked for, sets the watches and the wake-up again, and goes on.
    """
    desk = Desk(group, context, context.quote)
    again = list(under_way(group))
    cancels = tuple(order.client_order_id for order in group.open_orders() if order.cancel_requested)
    settle(desk)
    decision = _decided(desk, before=None)
    if cancels:
        again.append(CancelOrders(client_order_ids=cancels))
    return replace(decision, effects=(*again, *decision.effects))


def under_way(group: Group) -> tuple[Effect, ...]:
    """What a gateway that knows nothing of this group must be asked: the fate of every order that is not final, and
    again for amends that are not certain (ORD-3, ORD-9).
    """
    open_orders = group.open_orders()
    amends = [order for order in open_orders if order.is_amending and not order.cancel_requested]
    asked: list[Effect] = []
    if open_orders:
        asked.append(ResolveOrders(client_order_ids=tuple(order.client_order_id for order in open_orders)))
    if amends:
        asked.append(AmendOrders(client_order_ids=tuple(order.client_order_id for order in amends)))
    return tuple(asked)


def ignore_pyramid(group: Group, context: Context) -> Decision:
    """Counts a further entry at the limit as a replacement pyramid: it is ignored (PYR-2), but may renew a running risk
    timer (RISK-3).
    """
    counted = replace(group, ignored_pyramids=group.ignored_pyramids + 1, update_time_ms=context.now_ms)
    desk = Desk(counted, context, context.quote)
    risk_timer.reset(desk)
    return desk.decision(desk.group())


# --- events ---


def _apply(desk: Desk, event: Event) -> Refused | None:
    match event:
        case OrdersReported():
            take_reports(desk, event.reports)
        case PyramidAdded():
            return _add_pyramid(desk, event)
        case CloseAsked() | CancelEntriesAsked() | ReverseAsked() | RiskMarked() | CutAsked() | CutStopped():
            return _commanded(desk, event)
        case PriceCrossed():
            _crossed(desk, event)
        case ShareTaken() | FundingBooked() | OrderAdopted():
            return _from_outside(desk, event)
        case TimeReached():
            pass
    return None


def _commanded(
    desk: Desk, event: CloseAsked | CancelEntriesAsked | ReverseAsked | RiskMarked | CutAsked | CutStopped
) -> Refused | None:
    is_ending = desk.state in (GroupState.CLOSING, GroupState.CLOSED)
    match event:
        case CloseAsked() if not is_ending:
            begin_close(desk, event.reason)
        case CancelEntriesAsked() if not is_ending:
            count = give_up_all(desk, event.reason)
            if count:
                desk.note("entry.given_up", f"{count} unfilled entries are cancelled: {event.reason}")
        case ReverseAsked():
            return _reverse(desk, event)
        case RiskMarked():
            return _mark_risk(desk, event)
        case CutAsked():
            return position_cuts.ask(desk, event)
        case CutStopped():
            position_cuts.stop(desk, event)
    return None


def _from_outside(desk: Desk, event: ShareTaken | FundingBooked | OrderAdopted) -> Refused | None:
    match event:
        case ShareTaken():
            take_share(desk, event)
        case FundingBooked():
            take_funding(desk, event)
        case OrderAdopted():
            refused = adopt(desk, event)
            if refused is not None:
                return refused
            take_reports(desk, (event.report,))
    return None


def _reverse(desk: Desk, event: ReverseAsked) -> Refused | None:
    """Closes for a reverse (SIG-6). One that comes while it closes already is for the queue; the same one again changes
    nothing.
    """
    signal = event.signal
    if desk.reverse is not None and desk.reverse.signal_id == signal.signal_id:
        return None
    if desk.state in (GroupState.CLOSING, GroupState.CLOSED):
        return Refused(reason=Reason.GROUP_CLOSING, detail="the group is being closed")
    if signal.side is desk.side:
        return Refused(reason=Reason.SAME_POSITION, detail=f"the group is {desk.side} already")
    desk.reverse = signal
    begin_close(desk, Reason.REVERSE_SIGNAL)
    return None


def _mark_risk(desk: Desk, event: RiskMarked) -> Refused | None:
    """Blocked, unblocked, to be passed over once (RISK-12). A group that closes is out of the risk engine's reach."""
    if desk.state in (GroupState.CLOSING, GroupState.CLOSED):
        return Refused(reason=Reason.GROUP_CLOSING, detail="the group is being closed")
    desk.risk_blocked = desk.risk_blocked if event.blocked is None else event.blocked
    desk.risk_skip = desk.risk_skip if event.skip is None else event.skip
    return None


def _add_pyramid(desk: Desk, event: PyramidAdded) -> Refused | None:
    """A continuation (PYR-1). One whose signal is in the group already changes nothing."""
    signal = event.signal
    if any(pyramid.signal_id == signal.signal_id for pyramid in desk.pyramids.values()):
        return None
    if desk.state in (GroupState.CLOSING, GroupState.CLOSED) or desk.hybrid_hit:
        return Refused(reason=Reason.GROUP_CLOSING, detail="the group is being closed")
    if signal.side is not None and signal.side is not desk.side:
        return Refused(reason=Reason.SIDE_MISMATCH, detail=f"the group is {desk.side}")
    if len(desk.pyramids) >= desk.settings.max_pyramids:
        return Refused(reason=Reason.MAX_PYRAMIDS, detail=f"the group has {len(desk.pyramids)} pyramids")
    pyramid = _pyramid(len(desk.pyramids), signal, event.plan, desk.context)
    desk.put_pyramid(pyramid)
    text = f"pyramid {pyramid.index} added at {plain(pyramid.entry_price)} with {len(pyramid.legs)} legs"
    desk.note("group.pyramid_added", text, category="engine", attributes={"signal_id": signal.signal_id})
    take_levels(desk, signal, pyramid.entry_price)
    return None


def _pyramid(index: int, signal: Signal, plan: LadderPlan, context: Context) -> Pyramid:
    return Pyramid(
        index=index,
        signal_id=signal.signal_id,
        entry_price=plan.entry_price,
        capital=plan.capital,
        legs=tuple(
            Leg(
                pyramid=index,
                index=leg.index,
                gap_percent=leg.gap_percent,
                weight_percent=leg.weight_percent,
                tp_percent=leg.tp_percent,
                price=leg.price,
                quantity=leg.quantity,
                market=leg.market,
            )
            for leg in plan.legs
        ),
        create_time_ms=context.now_ms,
    )


def _crossed(desk: Desk, event: PriceCrossed) -> None:
    """A watched target was reached, if the price may be believed (ORD-10) and the target has not moved away since.
    A crossing uses the watch up. Where nothing has followed from it, it is set again: at once if the target has moved,
    else when the group is woken.
    """
    known = {watch.watch_id: watch for watch in watches(desk.before, desk.context.fees)}
    watch = known.get(event.watch_id)
    if watch is None:
        return
    desk.wake_at(desk.now_ms + desk.context.execution.sweep_interval_s * 1000)
    if not is_fresh(event.quote, desk.context):
        desk.wake_at(desk.now_ms + PRICE_POLL_MS)
        if desk.flag(PRICE_STALE):
            desk.alert(
                "price.stale", f"the watched price of {watch.watch_id} waits: {Reason.PRICE_STALE}", category="exchange"
            )
    elif not is_reached(watch, event.quote) or not is_believable(watch, event.quote, desk.now_ms):
        desk.rearm = True
    elif watch.watch_id == STOP:
        stop_reached(desk, event.quote)
    elif not watch.watch_id.startswith(BEYOND):
        take_crossing(desk, watch, event.quote)


# --- the end ---


def _decided(desk: Desk, *, before: Group | None, repeat: bool = False) -> Decision:
    """The decision with its watches: set if they differ from what the group before implied, or must be set again."""
    group, fees = desk.group(), desk.context.fees
    now = watches(group, fees)
    earlier = now if group is before else watches(before, fees) if before is not None else ()
    _look_again(desk, now)
    decision = desk.decision(group)
    if now != earlier or (now and (repeat or desk.rearm)):
        decision = replace(decision, effects=(SetWatches(watches=now), *decision.effects))
    return decision


def _look_again(desk: Desk, now: tuple[Watch, ...]) -> None:
    """A price from before the last fill counts once none newer has come for a while: the watches are set again then."""
    latest_ms = pause_end_ms(desk, max((watch.since_ms for watch in now), default=0), PRICE_LAG_MS)
    if desk.now_ms < latest_ms:
        desk.wake_at(latest_ms)
