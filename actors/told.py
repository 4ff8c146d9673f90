"""What Pool must know of a group, read off the group as it was committed."""

from __future__ import annotations

from actors.messages import GroupChanged
from actors.rules import profit
from actors.rules.model import Group, GroupState
from actors.rules.reserve import planned, reserved


def group_changed(group: Group) -> GroupChanged:
    return GroupChanged(
        group_id=group.group_id,
        key=group.key,
        side=group.side,
        slot_token=group.slot_token,
        closing=group.state is GroupState.CLOSING,
        closed=group.is_closed,
        pyramid_count=len(group.pyramids),
        reserved=reserved(group),
        planned=planned(group),
        opened_stamp_ms=group.opened_stamp_ms,
        realized=group.realized,
        close_time_ms=group.close_time_ms,
        held=profit.held(group),
        cost=profit.invested(group),
        settings=group.settings,
        instrument=group.instrument,
    )
