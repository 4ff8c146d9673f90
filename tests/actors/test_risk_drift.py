"""A group whose coins are not at the exchange takes part in no offset until that is settled (ORD-7, RISK-1, RISK-5)."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.rules.model import Reason
from actors.rules.records import DriftResolution
from actors.rules.risk_model import RiskActionState
from tests.actors.risk_town import risk_town
from tests.actors.test_drift import lose, resolve, the_one
from tests.actors.test_risk import evaluate, preview
from tests.actors.town import BTC, ETH, SOL


@pytest.mark.rule("ORD-7", "RISK-1", "RISK-11")
def test_no_winner_pays_for_a_loser_whose_coins_are_gone(tmp_path: Path) -> None:
    with risk_town(tmp_path) as town:
        lose(town, "10", "BTC")
        drift = the_one(town)
        town.price(ETH, "108")
        town.price(SOL, "105")
        town.price(BTC, "88")
        evaluate(town)
        assert town.actions() == []
        assert [town.held(ETH), town.held(SOL)] == [10, 10]
        assert preview(town, BTC).obstacles == (Reason.INSTRUMENT_HELD,)
        lose(town, "-10", "BTC")
        resolve(town, drift, DriftResolution.IGNORE)
        evaluate(town)
        assert [action.state for action in town.actions()] == [RiskActionState.DONE]


@pytest.mark.rule("ORD-7", "RISK-5")
def test_a_winner_whose_coins_are_gone_is_not_counted_on(tmp_path: Path) -> None:
    with risk_town(tmp_path) as town:
        lose(town, "10", "ETH")
        the_one(town)
        town.price(ETH, "114")
        town.price(SOL, "113")
        town.price(BTC, "88")
        evaluate(town)
        (action,) = town.actions()
        assert action.state is RiskActionState.DONE
        assert [winner.symbol for winner in action.plan.winners] == [SOL]
        assert town.held(ETH) == 10
