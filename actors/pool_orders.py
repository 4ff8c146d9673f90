"""What a breached limit asks of the groups that are live: entries cancelled, or everything closed (POOL-4)."""

from __future__ import annotations

from collections.abc import Iterable

from actors import messages as m
from actors.pool_books import LiveGroup
from actors.rules.limit_states import LimitLevel
from actors.rules.model import Reason

WHO = "limits"


def limit_orders(level: LimitLevel, groups: Iterable[LiveGroup], opening: Iterable[str]) -> tuple[m.Send, ...]:
    """What is to be told now, and again until nothing is left to be told. `opening`: ids of groups whose draft was
    judged before the limit was breached: whatever they commit is taken back.
    """
    if level < LimitLevel.REDUCE_ONLY:
        return ()
    told = [live.told for live in groups if not live.told.closing]
    sends: list[m.Send] = []
    if level is LimitLevel.CLOSE_ALL:
        for group_id in dict.fromkeys([*(each.group_id for each in told), *opening]):
            close = m.CloseGroup(group_id=group_id, who=WHO, reply_to=None, reason=Reason.LIMIT_BREACHED)
            sends.append(m.Send(f"group/{group_id}", close))
    else:
        for group_id in dict.fromkeys([*(each.group_id for each in told if each.reserved), *opening]):
            cancel = m.CancelEntries(group_id=group_id, who=WHO, reply_to=None, reason=Reason.LIMIT_BREACHED)
            sends.append(m.Send(f"group/{group_id}", cancel))
    return tuple(sends)
