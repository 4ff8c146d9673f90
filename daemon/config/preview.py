"""What a change of the configuration would do, said before it is made (CFG-4). Pure: nothing is asked, nothing done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from daemon.config import preview_accounts, preview_engine, preview_pool, preview_risk, preview_strategy
from daemon.config.load import LoadedConfig
from daemon.config.seen import Change, Look, Seen

__all__ = ["Seen", "effects"]

MAX_WORDS = 10
"""Sentences about one key."""

_REPEATED = ("strategy.",)
"""Their keys are looked at one by one, so what holds for several is said with each."""

_LOOKS: tuple[tuple[str, Look], ...] = (
    *preview_strategy.LOOKS,
    *preview_pool.LOOKS,
    *preview_risk.LOOKS,
    *preview_accounts.LOOKS,
    *preview_engine.LOOKS,
)


def effects(changed: Sequence[str], old: LoadedConfig, new: LoadedConfig, seen: Seen) -> Mapping[str, tuple[str, ...]]:
    """By changed key, what it would do to what is live, what waits, and the limits; a key that touches nothing is
    missing.

    `changed`: dotted keys, as `reload.changed_keys` gives them. Every sentence is whole and stands by itself. What is
    common to several keys of a section is said with the first of them only.
    """
    change = Change(old=old, new=new, changed=tuple(changed), seen=seen)
    said: set[str] = set()
    found: dict[str, tuple[str, ...]] = {}
    for key in changed:
        words = [each for each in dict.fromkeys(_words(change, key)) if each not in said]
        if not key.startswith(_REPEATED):
            said.update(words)
        if words:
            left_out = len(words) - MAX_WORDS
            more = (f"and {left_out} more effects",) if left_out > 0 else ()
            found[key] = (*words[:MAX_WORDS], *more)
    return found


def _words(change: Change, key: str) -> Iterator[str]:
    for pattern, look in _LOOKS:
        if _fits(key, pattern):
            yield from look(change, key)


def _fits(key: str, pattern: str) -> bool:
    """Whether the key is the pattern's or below it; `*` stands for one name."""
    parts, wanted = key.split("."), pattern.split(".")
    return len(parts) >= len(wanted) and all(known in ("*", part) for part, known in zip(parts, wanted, strict=False))
