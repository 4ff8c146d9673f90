"""Names of the contract as people read them."""

from __future__ import annotations


def word(name: str, prefix: str) -> str:
    """`ENGINE_STATE_RUNNING` as `running`, `LIMIT_STATE_NO_NEW_GROUPS` as `no new groups`; nothing if unset."""
    short = name.removeprefix(prefix)
    return "" if short == "UNSPECIFIED" else short.replace("_", " ").lower()


def count(amount: int, one: str, many: str = "") -> str:
    """`1 group`, `3 groups`."""
    return f"{amount} {one if amount == 1 else many or one + 's'}"
