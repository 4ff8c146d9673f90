"""Differences between two readings of a topic, and how they add up. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from gui.live.topics import Cell, Row, Snapshot


@dataclass(slots=True)
class Change:
    """From one reading to the next: first `gone` is taken out, then `cells` are set, then `order` holds."""

    cells: dict[str, dict[str, Cell]] = field(default_factory=dict)
    """Changed cells by row; of a new row all of them."""
    gone: list[str] = field(default_factory=list)
    order: list[str] | None = None
    """Rows as they are shown; None where that did not change."""

    def __bool__(self) -> bool:
        return bool(self.cells or self.gone or self.order is not None)


def difference(before: Snapshot, after: Snapshot) -> Change:
    """What has to be told to whoever has `before`."""
    change = Change(gone=[row for row in before if row not in after])
    for name, row in after.items():
        old = before.get(name)
        if old is row:  # A reader may hand back the very row it made last time: nothing to compare.
            continue
        changed = dict(row) if old is None else _changed(old, row)
        if changed or old is None:
            change.cells[name] = changed
        if old is not None and any(key not in row for key in old):  # A cell was taken away: the row is told anew.
            change.gone.append(name)
            change.cells[name] = dict(row)
    if list(before) != list(after):
        change.order = list(after)
    return change


def _changed(old: Row, new: Row) -> dict[str, Cell]:
    return {key: cell for key, cell in new.items() if old.get(key) != cell}


def added_up(changes: Iterable[Change]) -> Change:
    """One change that does what several do one after the other."""
    total = Change()
    gone: dict[str, None] = {}
    for change in changes:
        for name in change.gone:
            total.cells.pop(name, None)
            gone[name] = None
        for name, cells in change.cells.items():
            total.cells.setdefault(name, {}).update(cells)
        if change.order is not None:
            total.order = change.order
    total.gone = list(gone)
    return total


def applied(rows: Snapshot, change: Change) -> Snapshot:
    """What somebody has who had `rows` and was told `change`; the browser does the same (static/rows.js)."""
    found = {name: dict(row) for name, row in rows.items() if name not in change.gone}
    for name, cells in change.cells.items():
        found[name] = found.get(name, {}) | cells
    names = list(rows) if change.order is None else change.order
    return {name: found[name] for name in names}
