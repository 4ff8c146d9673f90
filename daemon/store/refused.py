"""Why a store cannot be used, as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreRefused:
    """The store cannot be used as it is. `remedy` says what a person can do."""

    problem: str
    remedy: str
    is_held: bool = False
    """Another daemon has it; a standby goes on waiting."""

    def __str__(self) -> str:
        return f"{self.problem}. {self.remedy}"


class Refuse(Exception):
    """Ends an attempt to open a store; `refused` is what the caller is told."""

    def __init__(self, problem: str, remedy: str, *, is_held: bool = False) -> None:
        super().__init__(problem)
        self.refused = StoreRefused(problem=problem, remedy=remedy, is_held=is_held)
