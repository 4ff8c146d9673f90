"""Why the vault cannot do what it was asked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique


@unique
class VaultTrouble(StrEnum):
    LOCKED = "locked"
    """The key is missing, cannot be read, or is not the one it was locked with."""
    DAMAGED = "damaged"
    NEWER = "newer"
    """A later Terrace wrote it."""
    FULL = "full"
    NOT_WRITTEN = "not written"
    """The disk does not take it; what was stored before stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultFault:
    """Words for a person, with the remedy. Never holds a secret."""

    trouble: VaultTrouble
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"the vault {self.problem}; {self.remedy}"
