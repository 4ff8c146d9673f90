"""Something happens in the middle of an offset, at one message after the other: whatever it is, the books are right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from actors import risk_messages as rm
from actors.rules.model import Intent
from actors.rules.risk_model import RiskAction
from actors.rules.settings import Settings
from tests.actors.risk_town import D, RiskTown, risk_settings, risk_town
from tests.actors.test_risk import group_name, market
from tests.actors.town import ACCOUNT, BTC, ETH, SOL

LATENCY_MS = 20
"""Requests take time, so that others overtake them."""
EVERY = 16
"""Messages from one disturbance to the next: at every single one it would take minutes."""
COVERED = D("1.12")
"""The loser may lose this much of what was earned: `max_shortfall_percent` of 10, seen from the other side."""

Happening = Callable[[RiskTown], object]


def latent() -> Settings:
    settings = risk_settings()
    account = replace(settings.accounts[ACCOUNT], latency_ms=LATENCY_MS)
    return replace(settings, accounts={ACCOUNT: account})


def block(town: RiskTown, symbol: str) -> None:
    group_id = town.of(symbol).group_id
    marked = rm.MarkRisk(group_id=group_id, who="ann", reply_to=None, blocked=True)
    town.system.tell(group_name(town, symbol), marked)


HAPPENINGS: dict[str, Happening] = {
    "a winner reaches its target": lambda town: market(town, ETH, "150"),
    "the first winner collapses": lambda town: market(town, ETH, "95"),
    "the second winner collapses": lambda town: market(town, SOL, "95"),
    "the loser recovers": lambda town: market(town, BTC, "101"),
    "an exit for the loser": lambda town: town.send(town.signal(BTC, None, Intent.EXIT)),
    "an exit for a winner": lambda town: town.send(town.signal(ETH, None, Intent.EXIT)),
    "a pyramid for the loser": lambda town: town.send(town.signal(BTC, "88")),
    "a pyramid for a winner": lambda town: town.send(town.signal(ETH, "108")),
    "the loser is blocked": lambda town: block(town, BTC),
    "a winner is blocked": lambda town: block(town, ETH),
}


def tell(at: int, happening: Happening) -> int:
    """The offset of the worked example, disturbed at that message. How many messages there were."""
    count = 0
    with TemporaryDirectory() as folder, risk_town(Path(folder), latent(), rush=0.02) as town:
        town.price(ETH, "108")
        town.price(SOL, "105")

        def look(_name: str, _message: object) -> None:
            nonlocal count
            count += 1
            if count == at:
                happening(town)

        town.on_message = look
        town.price(BTC, "88")
        for _ in range(4):
            town.pass_time(5_000)
            town.reprice()
            town.settle()
        town.on_message = None
        for action in town.actions():
            check(town, action)
        town.check()
        town.check_profit()
    return count


def check(town: RiskTown, action: RiskAction) -> None:
    assert action.state.is_final
    winners, loser = action.steps[:-1], action.steps[-1:]
    assert action.realized_profit == sum((step.realized for step in winners), D(0))
    assert all(step.realized >= 0 for step in winners), "no winner is sold at a loss"
    assert all(action.realized_loss <= action.realized_profit * COVERED for step in loser if step.sold)
    for step in action.steps:
        group = next(group for group in town.groups().values() if group.group_id == step.group_id)
        assert step.sold <= sum((leg.bought_quantity for leg in group.legs()), D(0))


@pytest.mark.rule("RISK-7", "TP-7")
@pytest.mark.parametrize("name", HAPPENINGS)
def test_whatever_happens_in_an_offset_nothing_is_sold_twice_or_at_a_loss_it_cannot_pay(name: str) -> None:
    at, count = 1, 2
    while at < count:
        try:
            count = tell(at, HAPPENINGS[name])
        except BaseException as error:
            error.add_note(f"{name}, at message {at}")
            raise
        at += EVERY
