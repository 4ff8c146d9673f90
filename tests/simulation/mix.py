"""What a run was made of: how much of an engine's life was in it, and how much went wrong. A run that is only restarts
or only refusals shows nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from actors.rules.model import Role
from daemon.store.memory import MemoryStore
from tests.simulation.world import World


def mix_of(world: World) -> Mapping[str, int]:
    """Counts by name. Cheap: looked at once, at the end."""
    store: Any = world.store.inner
    counts: Counter[str] = Counter()
    counts["alerts"] = len(world.alerts)
    counts["lives"] = world.starts
    counts["faults"] = len(world.faults.injected)
    counts["virtual minutes"] = (world.now_ms() - world.begin_ms) // 60_000
    counts["seconds until rest"] = world.settled_in_ms // 1000
    counts["venue trades"] = sum(len(venue.trades) for venue in world.venues.values())
    if not isinstance(store, MemoryStore):
        counts["on a file"] = 1
        return counts
    for kept in store.signals.values():
        counts[f"signal {kept.answer.outcome.value}"] += 1
        if kept.final is not None and kept.final.group_id:
            counts["promoted"] += 1
    for group in store.groups.values():
        counts["groups"] += 1
        counts[f"group {group.state.value}"] += 1
        if group.is_closed:
            counts[f"closed {group.close_reason}"] += 1
        if group.forced:
            counts["forced"] += 1
        if "late_fill" in group.flags:
            counts["late fill"] += 1
        if group.dust:
            counts["dust"] += 1
        for order in group.orders.values():
            counts[f"order {order.role.value}"] += 1
            counts["orders filled"] += bool(order.trades)
            if order.role is Role.TAKE_PROFIT and order.trades:
                counts["targets hit"] += 1
    for action in store.risk_actions.values():
        counts[f"offset {action.state.value}"] += 1
    for letter in store.dead_letters.values():
        counts[f"dead letter {letter.message_type}"] += 1
    counts["open differences"] = len(world.view.current.drifts)
    return counts


def table(mixes: Iterable[Mapping[str, int]]) -> list[str]:
    """A line for each count: in how many runs it was, and how many of it per run."""
    runs = list(mixes)
    names = sorted({name for mix in runs for name in mix})
    lines = [f"{'':40} {'runs':>5} {'per run':>9} {'most':>6}"]
    for name in names:
        values = [mix.get(name, 0) for mix in runs]
        present = sum(value > 0 for value in values)
        lines.append(f"{name:40} {present:5} {sum(values) / len(values):9.2f} {max(values):6}")
    return lines
