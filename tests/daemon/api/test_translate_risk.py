"""Plans of the risk engine as messages: what is needed adds up for whoever reads it (RISK-6, RISK-11)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from actors.rules.choices import World
from actors.rules.risk_model import OffsetPlan
from daemon.api.translate_risk import plan


@pytest.mark.rule("RISK-11")
def test_what_is_needed_is_the_loss_the_fee_of_its_close_and_the_buffer() -> None:
    found = OffsetPlan(
        loser_group_id="L1",
        quote="USDT",
        required=Decimal("125.38"),
        loss=Decimal(120),
        fees=Decimal("3.8819"),
        buffer=Decimal("3.5"),
    )
    shown = plan(found, World.PAPER)
    assert (shown.loss, shown.loser_fee, shown.buffer) == ("120", "1.88", "3.5")
    assert Decimal(shown.loss) + Decimal(shown.loser_fee) + Decimal(shown.buffer) == Decimal(shown.required)


def test_a_plan_that_could_not_be_reckoned_has_no_fee_below_zero() -> None:
    assert plan(OffsetPlan(loser_group_id="L1", quote="USDT", loss=Decimal(120)), World.PAPER).loser_fee == "0"
