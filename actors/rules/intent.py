"""What a signal wants (SIG-6) and where that leads on its key (the routing table under SIG)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from actors.rules.alert import Alert, MarketPosition
from actors.rules.choices import Market
from actors.rules.model import Intent, Reason, Side, Signal

# --- what it wants --------------------------------------------------------------------------------

_NAMES_POSITION = {"long": Side.LONG, "short": Side.SHORT}
_BUILDS = {**_NAMES_POSITION, "buy": Side.LONG, "sell": Side.SHORT}
_TAKES_DOWN = {**_NAMES_POSITION, "sell": Side.LONG, "buy": Side.SHORT}


def derive_intent(alert: Alert, market: Market) -> tuple[Intent, Side | None]:
    """Intent of an alert and the side it speaks of: the one to enter, to reverse to, or to close.

    The explicit intent wins, then the market positions, then the action. An entry and a reverse always have a side;
    an exit without one means whatever is there. On spot a short entry keeps its side: `route` knows what is live.
    """
    if alert.intent == "exit":
        return Intent.EXIT, _closing_side(alert, market)
    if alert.intent == "reduce":
        return Intent.REDUCE, _side_of(alert.market_position) or _closing_side(alert, market)
    if alert.intent == "reverse":
        return Intent.REVERSE, _side_of(alert.market_position) or _BUILDS[alert.action]
    if alert.market_position is not None:
        return _from_positions(alert, alert.market_position, market)
    return _from_action(alert, market)


def _from_positions(alert: Alert, now: MarketPosition, market: Market) -> tuple[Intent, Side | None]:
    side, before = now.side, alert.prev_market_position
    if side is None:
        return Intent.EXIT, _closing_side(alert, market)
    if before is None:
        # Only where it stands is known: the action tells whether it got there by adding or by taking away.
        return (Intent.ENTRY if _BUILDS[alert.action] is side else Intent.REDUCE), side
    if before.side is None:
        return Intent.ENTRY, side
    return (_same_side(alert, side), side) if before.side is side else (Intent.REVERSE, side)


def _same_side(alert: Alert, side: Side) -> Intent:
    now, before = alert.market_position_size, alert.prev_market_position_size
    if now is None or before is None:
        return Intent.ENTRY if _BUILDS[alert.action] is side else Intent.REDUCE
    if now == before:
        return Intent.IGNORE
    return Intent.ENTRY if now > before else Intent.REDUCE


def _from_action(alert: Alert, market: Market) -> tuple[Intent, Side | None]:
    side = _BUILDS[alert.action]
    if side is Side.SHORT and market is Market.SPOT:
        return Intent.EXIT, Side.LONG
    return Intent.ENTRY, side


def _closing_side(alert: Alert, market: Market) -> Side | None:
    """Side an exit closes: the position it leaves, else what its order takes down (a sell closes a long).

    On spot a bare `buy` does not make it the exit of a short, which cannot be there.
    """
    left = _side_of(alert.prev_market_position)
    if left is not None:
        return left
    side = _TAKES_DOWN[alert.intent_side or alert.action]
    return None if market is Market.SPOT and side is Side.SHORT else side


def _side_of(position: MarketPosition | None) -> Side | None:
    return position.side if position is not None else None


# --- where it leads -------------------------------------------------------------------------------


class Action(StrEnum):
    OPEN = "open"
    """A new group, if slot and limits allow."""
    PYRAMID = "pyramid"
    ENQUEUE = "enqueue"
    """Wait, in place of the key's queued signal if there is one."""
    CLOSE = "close"
    """Close the live group."""
    REDUCE = "reduce"
    """Close a part of the live group (EXIT-6)."""
    REVERSE = "reverse"
    """Close the live group; the other side opens in the slot that frees."""
    DEQUEUE = "dequeue"
    """Remove the key's queued signal; nothing is live."""
    IGNORE = "ignore"
    REJECT = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where a signal goes. `reason` is why it waits, is ignored or rejected, or closes something."""

    action: Action
    reason: Reason = Reason.OK
    detail: str = ""
    dequeue: bool = False
    """With CLOSE and REVERSE: the key's queued signal goes too."""
    is_reverse: bool = False
    """With ENQUEUE: it goes before all others into the slot of the group it waits for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyState:
    """What there is on a signal's key."""

    live_side: Side | None = None
    """Side of its group that is not closed."""
    closing: bool = False
    opened_stamp_ms: int | None = None
    """Stamp of the signal that opened the group."""
    waiting_side: Side | None = None
    """Side of its queued signal."""
    waiting_reason: Reason | None = None
    waiting_stamp_ms: int | None = None


def route(
    signal: Signal,
    *,
    market: Market,
    live_side: Side | None,
    closing: bool,
    waiting_side: Side | None,
    opened_stamp_ms: int | None,
    waiting_reason: Reason | None = None,
    waiting_stamp_ms: int | None = None,
) -> Route:
    """The routing table. `waiting_reason` and `waiting_stamp_ms` are of the key's queued signal, if known."""
    key = KeyState(
        live_side=live_side,
        closing=closing and live_side is not None,
        opened_stamp_ms=opened_stamp_ms,
        waiting_side=waiting_side,
        waiting_reason=waiting_reason,
        waiting_stamp_ms=waiting_stamp_ms,
    )
    if signal.intent is Intent.IGNORE:
        return _ignore(Reason.SAME_POSITION, "the position is the same as before")
    if market is Market.SPOT and signal.side is Side.SHORT and signal.intent in (Intent.ENTRY, Intent.REVERSE):
        return _short_on_spot(signal, key)
    if signal.intent is Intent.ENTRY:
        return _entry(_side(signal), key)
    if signal.intent is Intent.EXIT:
        return _exit(signal, signal.side, key)
    if signal.intent is Intent.REDUCE:
        return _reduce(signal, key)
    return _reverse(signal, _side(signal), key)


def may_be_shed(signal: Signal, market: Market | None) -> bool:
    """Whether it can do nothing but add to a position: such signals are refused first where there is too much to do or
    too little room (REC-4). A reverse ends a position first, and so does a short on spot (SIG-6).
    """
    if signal.intent is not Intent.ENTRY:
        return False
    return not (market is Market.SPOT and signal.side is Side.SHORT)


def only_its_end(signal: Signal, live_side: Side | None) -> Signal:
    """What is left of a reverse where nothing may be opened: it came late (SIG-12), or the engine is read-only (CFG-6).
    One to the side that is live changes nothing, as before.
    """
    if signal.intent is not Intent.REVERSE or signal.side is None or signal.side is live_side:
        return signal
    return replace(signal, intent=Intent.EXIT, side=signal.side.opposite)


def _entry(side: Side, key: KeyState) -> Route:
    if key.closing:
        detail = "the group on its key is closing"
        return Route(action=Action.ENQUEUE, reason=_kept(key) or Reason.GROUP_CLOSING, detail=detail)
    if key.live_side is side.opposite:
        detail = f"a {key.live_side} group is live on its key"
        return Route(action=Action.ENQUEUE, reason=Reason.OPPOSITE_SIDE, detail=detail)
    if key.waiting_side is not None:
        return Route(action=Action.ENQUEUE, reason=_why_waiting(key), detail="its key has a queued signal")
    return Route(action=Action.OPEN if key.live_side is None else Action.PYRAMID)


def _kept(key: KeyState) -> Reason | None:
    """REVERSING if the queued signal has a slot kept for it: who takes its place in the queue takes that, too."""
    return Reason.REVERSING if key.waiting_reason is Reason.REVERSING else None


def _why_waiting(key: KeyState) -> Reason:
    """The newcomer waits for what the queued one waits for, unless that was the other side."""
    if key.waiting_reason in (None, Reason.OPPOSITE_SIDE, Reason.GROUP_CLOSING):
        return Reason.NEWER_SIGNAL
    return key.waiting_reason


def _exit(signal: Signal, named: Side | None, key: KeyState) -> Route:
    """An exit closes whatever is live, but removes only a queued signal of the side it speaks of (`named`)."""
    queued = key.waiting_side is not None and named in (None, key.waiting_side) and not _later(key, signal)
    if key.live_side is not None and not key.closing:
        if _older_than_group(key, signal):
            return _ignore(Reason.OLDER_THAN_GROUP, _LATER_GROUP)
        return Route(action=Action.CLOSE, reason=Reason.EXIT_SIGNAL, dequeue=queued)
    return Route(action=Action.DEQUEUE, reason=Reason.EXIT_SIGNAL) if queued else _nothing_to_exit(named, key)


def _later(key: KeyState, signal: Signal) -> bool:
    """Whether the queued signal is later than this one, which then says nothing about it."""
    return key.waiting_stamp_ms is not None and key.waiting_stamp_ms > signal.stamp_ms


def _nothing_to_exit(named: Side | None, key: KeyState) -> Route:
    if key.closing:
        return _ignore(Reason.GROUP_CLOSING, "the group on its key is closing already")
    if key.waiting_side is None:
        return _ignore(Reason.NO_POSITION, "nothing is live or queued on its key")
    if named not in (None, key.waiting_side):
        return _ignore(Reason.SIDE_MISMATCH, f"it closes a {named}, the queued signal is a {key.waiting_side}")
    return _ignore(Reason.OLDER_THAN_GROUP, "the queued signal is later than this exit")


def _short_on_spot(signal: Signal, key: KeyState) -> Route:
    """Anything that would go short on spot is an exit if a long is live, else rejected (SIG-6)."""
    if key.live_side is Side.LONG:
        return _exit(signal, Side.LONG, key)
    detail = "a spot account holds no shorts, and no long is live on its key"
    return Route(action=Action.REJECT, reason=Reason.SHORT_ON_SPOT, detail=detail)


def _reduce(signal: Signal, key: KeyState) -> Route:
    if key.live_side is None:
        return _ignore(Reason.NO_POSITION, "nothing is live on its key")
    if key.closing:
        return _ignore(Reason.GROUP_CLOSING, "the group on its key is closing")
    if signal.side is key.live_side.opposite:
        return _ignore(Reason.SIDE_MISMATCH, f"it reduces a {signal.side}, the live group is a {key.live_side}")
    if _older_than_group(key, signal):
        return _ignore(Reason.OLDER_THAN_GROUP, _LATER_GROUP)
    return Route(action=Action.REDUCE, reason=Reason.REDUCE_SIGNAL)


def _reverse(signal: Signal, side: Side, key: KeyState) -> Route:
    """With nothing live it is an entry. While its key closes it waits for that slot, whichever side it closes."""
    if key.live_side is None:
        return _entry(side, key)
    if key.live_side is side and not key.closing:
        return _ignore(Reason.SAME_POSITION, f"a {side} group is live on its key already")
    if _older_than_group(key, signal):
        return _ignore(Reason.OLDER_THAN_GROUP, _LATER_GROUP)
    if key.closing:
        detail = f"the {side} opens when the group on its key is closed, in its slot"
        return Route(action=Action.ENQUEUE, reason=Reason.REVERSING, detail=detail, is_reverse=True)
    if key.waiting_side is not None and _later(key, signal):
        return Route(action=Action.CLOSE, reason=Reason.REVERSE_SIGNAL)  # What is to open then is queued already.
    detail = f"the {side} opens when the {key.live_side} is closed, in its slot"
    return Route(
        action=Action.REVERSE, reason=Reason.REVERSE_SIGNAL, detail=detail, dequeue=key.waiting_side is not None
    )


def _older_than_group(key: KeyState, signal: Signal) -> bool:
    """Whether the group was opened by a later signal, which this one then says nothing about (SIG-12)."""
    return key.opened_stamp_ms is not None and key.opened_stamp_ms > signal.stamp_ms


_LATER_GROUP = "the group on its key was opened by a later signal"


def _ignore(reason: Reason, detail: str) -> Route:
    return Route(action=Action.IGNORE, reason=reason, detail=detail)


def _side(signal: Signal) -> Side:
    """Side of an entry or reverse. ValueError without one: `derive_intent` always gives it."""
    if signal.side is None:
        raise ValueError(f"signal {signal.signal_id} wants to {signal.intent} but names no side")
    return signal.side
