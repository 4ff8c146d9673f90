"""The risk timer: how long a group has to recover before it may be closed at a loss (RISK-2, RISK-3).

It starts once, with the last pyramid that is required, or later when that ladder is submitted or filled. Where full
pyramids are not required, those present count as all: then one is enough, and it may start with the first entry. It is
kept in the group, so it survives restarts, and it runs whether or not the risk engine is switched on.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from actors.rules.choices import TimerStart
from actors.rules.model import Leg, OrderState
from actors.rules.position_desk import Desk
from actors.rules.position_entries import is_finished, is_given_up
from actors.rules.settings import RiskSettings, StrategySettings

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def required_pyramids(settings: RiskSettings, strategy: StrategySettings) -> int:
    """How many pyramids, the first entry included, make a group full; never more than it can have (RISK-1)."""
    if not settings.require_full_pyramids:
        return 1
    return min(settings.required_pyramids or strategy.max_pyramids, strategy.max_pyramids)


def expire_ms(start_ms: int, settings: RiskSettings) -> int:
    """When a timer that started then runs out; at that moment it has."""
    return start_ms + settings.post_full_wait_s * 1000


def is_running(start_ms: int | None, settings: RiskSettings, now_ms: int) -> bool:
    """Whether it has started and not yet run out."""
    return start_ms is not None and now_ms < expire_ms(start_ms, settings)


def start_ms(desk: Desk, settings: RiskSettings, now_ms: int) -> int | None:
    """When the group's timer started: as it is if it has, now if its condition has come true, None if it has not."""
    if desk.risk_timer_start_ms is not None:
        return desk.risk_timer_start_ms
    return now_ms if _is_due(desk, settings) else None


def start(desk: Desk) -> None:
    """Starts the timer if it is time. Part of `position_settle.settle`."""
    settings = desk.context.risk
    started_ms = start_ms(desk, settings, desk.now_ms)
    if started_ms is not None and desk.risk_timer_start_ms is None:
        desk.risk_timer_start_ms = started_ms
        _note(desk, "risk.timer_started", "risk timer started")


def reset(desk: Desk) -> None:
    """A replacement pyramid begins the time anew, if that is configured and it has not run out yet (RISK-3)."""
    settings = desk.context.risk
    if settings.reset_timer_on_replacement and is_running(desk.risk_timer_start_ms, settings, desk.now_ms):
        desk.risk_timer_start_ms = desk.now_ms
        _note(desk, "risk.timer_reset", "risk timer reset by a replacement pyramid")


def _is_due(desk: Desk, settings: RiskSettings) -> bool:
    if len(desk.pyramids) < required_pyramids(settings, desk.settings):
        return False
    match settings.timer_start:
        case TimerStart.AFTER_FULL_PYRAMIDS:
            return True
        case TimerStart.AFTER_ALL_DCA_SUBMITTED:
            return all(_is_submitted(desk, leg) for leg in desk.legs())
        case TimerStart.AFTER_ALL_DCA_FILLED:
            legs = list(desk.legs())
            return any(leg.bought_quantity for leg in legs) and all(is_finished(desk, leg) for leg in legs)


def _is_submitted(desk: Desk, leg: Leg) -> bool:
    """Whether the exchange has the leg's entry, or had it, or shall not get it any more."""
    if leg.bought_quantity or is_given_up(leg):
        return True
    entries = desk.entries.get((leg.pyramid, leg.index), {})
    return any(order.state is not OrderState.PENDING for order in entries.values())


def _note(desk: Desk, type: str, words: str) -> None:
    assert desk.risk_timer_start_ms is not None
    end_ms = expire_ms(desk.risk_timer_start_ms, desk.context.risk)
    text = f"{_EPOCH + timedelta(milliseconds=end_ms):%Y-%m-%d %H:%M:%S} UTC"
    desk.note(type, f"{words}, runs out at {text}", category="risk", attributes={"expire_time_ms": str(end_ms)})
