"""Ids as the venue writes them: long numbers on spot, UUIDs on perpetuals."""

from __future__ import annotations

_SPOT_ORDER = 1_730_000_000_000_000_000
_SPOT_EXECUTION = 2_290_000_000_000_000


def order_id(category: str, number: int) -> str:
    return str(_SPOT_ORDER + number) if category == "spot" else f"5cf98598-39a7-459e-97bf-{number:012d}"


def execution_id(category: str, number: int) -> str:
    return str(_SPOT_EXECUTION + number) if category == "spot" else f"0ab1bdf7-4219-538b-a30a-{number:012d}"
