"""Which groups trade the same position of an account (GRP-6).

On a swap several groups can hold parts of one position: 15m and 4h of one symbol. Each must know that it is not alone,
because a stop that rests at the venue reduces the position, whoever's part that is. Written by the groups themselves,
as they open, load and close; it is made anew at each start from those that load.
"""

from __future__ import annotations

import threading

from actors.rules.model import Group, Key, Side

Position = tuple[str, str, Side]


class Neighbours:
    """Safe from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: dict[Position, frozenset[str]] = {}
        self._places: dict[str, Position] = {}

    def come(self, group_id: str, key: Key, side: Side) -> frozenset[str]:
        """The group is there from now on; those that were there before it, if it was not known yet."""
        place = (key.account, key.symbol, side)
        with self._lock:
            if group_id in self._places:
                return frozenset()
            before = self._groups.get(place, frozenset())
            self._places[group_id] = place
            self._groups[place] = before | {group_id}
            return before

    def leave(self, group_id: str) -> None:
        with self._lock:
            place = self._places.pop(group_id, None)
            if place is None:
                return
            left = self._groups[place] - {group_id}
            if left:
                self._groups[place] = left
            else:
                del self._groups[place]

    def has_others(self, group_id: str, key: Key, side: Side) -> bool:
        return bool(self._groups.get((key.account, key.symbol, side), frozenset()) - {group_id})


def follow(neighbours: Neighbours, group: Group) -> frozenset[str]:
    """Brings the board in line with what the group is now; those who must hear that it has come."""
    if group.is_closed:
        neighbours.leave(group.group_id)
        return frozenset()
    return neighbours.come(group.group_id, group.key, group.side)
