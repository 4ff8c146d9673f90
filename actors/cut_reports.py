"""Whom a group tells how its cuts stand, and what it told them last (RISK-7, rule 18)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from actors import messages as m
from actors import risk_messages as rm
from actors.rules.choices import World
from actors.rules.events import Context
from actors.rules.model import CutState, Group, Reason
from actors.rules.position_cuts import standing

MAX_WATCHED = 32
"""Questions remembered; who is forgotten asks again."""


class CutReports:
    """In memory only. Who asked repeats its question until it is answered, and a loaded group goes on telling the risk
    engine of its cuts by itself.
    """

    def __init__(self) -> None:
        self._told: OrderedDict[tuple[str, str], rm.CutReported | None] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._told)

    def watch(self, cut_id: str, report_to: str) -> None:
        """The next `news` has an answer for them, whatever was told before."""
        self._told[cut_id, report_to] = None
        while len(self._told) > MAX_WATCHED:
            self._told.popitem(last=False)

    def loaded(self, group: Group) -> None:
        """The risk engine waits for these, if it was not told before the group went away."""
        for cut in group.cuts:
            if cut.reason is Reason.RISK_OFFSET and cut.state is CutState.RUNNING:
                self.watch(cut.cut_id, risk_of(group.world))

    def news(self, group: Group, context: Context) -> Iterator[m.Send]:
        """What is to be told behind the commit of this group. After the last word nobody watches any more."""
        for (cut_id, report_to), told in list(self._told.items()):
            report = report_of(group, cut_id, context)
            if report != told:
                yield m.Send(report_to, report)
            if report.cut is None or report.targets_whole or report.closed:
                del self._told[cut_id, report_to]
            else:
                self._told[cut_id, report_to] = report


def report_of(group: Group, cut_id: str, context: Context) -> rm.CutReported:
    stands = standing(group, cut_id, context)
    return rm.CutReported(
        group_id=group.group_id,
        cut_id=cut_id,
        cut=stands.cut,
        targets_free=stands.targets_free,
        targets_whole=stands.targets_whole,
        closed=group.is_closed,
    )


def risk_of(world: World) -> str:
    """The risk engine of a world, by name."""
    return f"risk/{world.value}"
