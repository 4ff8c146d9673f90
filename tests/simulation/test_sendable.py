"""What the checker takes for sendable: the part that is on the step, not what rests beside it (PRC-2, ORD-6)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from tests.actors.gateway_world import instrument
from tests.simulation.checks_protection import is_sendable

D = Decimal


@pytest.mark.rule("PRC-2", "ORD-6")
@pytest.mark.parametrize(("quantity", "is_enough"), [("2.7979", False), ("2.8", True)])
def test_only_what_is_on_the_step_counts_for_the_least_notional(quantity: str, is_enough: bool) -> None:
    """Coarse steps: of 2.7979 at 2.28 only 2.1 can be sold, for 4.79, though all of it is worth 6.38."""
    coarse = replace(instrument(), step_size=D("0.7"), min_quantity=D("1.4"), min_notional=D(5))
    book: Any = SimpleNamespace(group=SimpleNamespace(instrument=coarse))
    cost = D(quantity) * D("2.28191")
    assert is_sendable(book, D(quantity), cost, market=False) is is_enough
