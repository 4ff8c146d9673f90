"""Which groups trade the same position of an account (GRP-6).

On a swap several groups can hold parts of one position: 15m and 4h of one symbol. Each must know that it is not alone,
because a stop that rests at the venue reduces the position, whoever's part that is. Written by the groups themselves,
as they open, load and close; it is made anew at each start from those that load.
"""

from __future__ import annotations

import threading

from actors.rules.choices import Market
from actors.rules.model import Group, Key, Role, Side

Position = tuple[str, str, Side]


class Neighbours:
    """Safe from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: dict[Position, set[str]] = {}
        self._places: dict[str, Position] = {}
        self._stops: frozenset[str] = frozenset()
        """Groups of which a stop rests, or is on its way there or from there."""

    def come(self, group_id: str, key: Key, side: Side) -> frozenset[str]:
        """The group is there from now on; those that were there before it, if it was not known yet."""
        if group_id in self._places:  # As after every commit but the first.
            return frozenset()
        place = (key.account, key.symbol, side)
        with self._lock:
            if group_id in self._places:
                return frozenset()
            groups = self._groups.setdefault(place, set())
            before = frozenset(groups)
            self._places[group_id] = place
            groups.add(group_id)
            return before

    def leave(self, group_id: str) -> None:
        with self._lock:
            place = self._places.pop(group_id, None)
            if place is None:
                return
            self._stops -= {group_id}
            groups = self._groups[place]
            groups.discard(group_id)
            if not groups:
                del self._groups[place]

    def has_others(self, group_id: str, key: Key, side: Side) -> bool:
        """Asked at every step of a group: it takes no lock and looks at no neighbour one by one."""
        groups = self._groups.get((key.account, key.symbol, side), ())
        return len(groups) > (group_id in groups)

    def stop(self, group_id: str, has_stop: bool) -> None:
        if (group_id in self._stops) != has_stop:
            with self._lock:
                self._stops = self._stops | {group_id} if has_stop else self._stops - {group_id}

    def has_others_stop(self, group_id: str, key: Key, side: Side) -> bool:
        """Whether a stop of another group might still sell what this one is going to buy."""
        stops = self._stops
        place = (key.account, key.symbol, side)
        return bool(stops) and any(self._places.get(other) == place for other in stops if other != group_id)


def follow(neighbours: Neighbours, group: Group) -> frozenset[str]:
    """Brings the board in line with what the group is now; those who must hear that it has come."""
    if group.is_closed:
        neighbours.leave(group.group_id)
        return frozenset()
    if group.instrument.market is Market.SWAP:
        neighbours.stop(group.group_id, any(order.role is Role.STOP for order in group.open_orders()))
    return neighbours.come(group.group_id, group.key, group.side)
