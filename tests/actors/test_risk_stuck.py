"""An offset that meets a group that cannot be sold: nobody else waits for it for ever (RISK-7, RISK-9, ORD-11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from actors import risk_messages as rm
from actors.board import MarksBoard
from actors.risk import STILL_MS
from actors.risk_judge import PRICE_PATIENCE_MS, Judge
from actors.rules.choices import World
from actors.rules.model import GroupState, Quote, Reason, Role
from actors.rules.risk_model import RiskActionState
from actors.rules.settings import ExecutionSettings
from actors.view import Snapshot
from tests.actors.risk_town import RiskTown, risk_town
from tests.actors.test_group import live_group
from tests.actors.test_risk import group_name, market
from tests.actors.town import ACCOUNT, BTC, ETH, SOL, D, town_settings

HOUR_MS = 3_600_000


def halts_when_asked(town: RiskTown, halted: str) -> None:
    """No price of that symbol comes any more from the moment on in which its group is asked for a cut."""
    name, put = group_name(town, halted), town.parts.marks.put

    def without(account: str, quotes: Mapping[str, Quote]) -> None:
        put(account, {symbol: quote for symbol, quote in quotes.items() if symbol != halted})

    def look(to: str, message: object) -> None:
        if to == name and isinstance(message, rm.CutGroup):
            town.on_message = None
            quote = town.parts.marks.quote(ACCOUNT, halted)
            assert quote is not None
            put(ACCOUNT, {halted: replace(quote, time_ms=quote.time_ms - HOUR_MS)})
            town.parts.marks.put = without  # type: ignore[method-assign]

    town.on_message = look


def pass_still_time(town: RiskTown) -> None:
    """The venue goes on telling its prices meanwhile."""
    for _ in range((STILL_MS + 20_000) // 5_000):
        town.system.advance(5_000)


@pytest.mark.rule("RISK-7", "ORD-11")
def test_a_winner_that_cannot_be_sold_gets_its_target_back_and_the_next_pays(tmp_path: Path) -> None:
    with risk_town(tmp_path) as town:
        town.price(ETH, "108")
        town.price(SOL, "105")
        halts_when_asked(town, ETH)
        market(town, BTC, "88")
        town.system.advance(11_000)
        assert not [order for order in town.of(ETH).open_orders() if order.role is Role.TAKE_PROFIT]
        pass_still_time(town)
        action = town.actions()[0]
        assert (action.state, action.reason) == (RiskActionState.PARTIAL, Reason.SHORTFALL)
        assert action.steps[1].result == "sold 0, realised 0; stopped: WAITED_TOO_LONG"
        assert action.realized_loss <= action.realized_profit == 50, "SOL paid for what it covers"
        assert [order.remaining for order in town.of(ETH).open_orders()] == [10], "its target stands again"
        assert town.rows("SELECT resolve_time_ms IS NULL FROM alerts WHERE alert_key LIKE 'risk_still/%'") == [(0,)]
        town.check()


@pytest.mark.rule("RISK-9", "ORD-11")
def test_a_loser_that_cannot_be_closed_does_not_hold_up_the_offsets_of_others(tmp_path: Path) -> None:
    with risk_town(tmp_path) as town:
        town.price(ETH, "108")
        town.submit(town.signal(SOL, "100", timeframe="4h"))
        town.price(SOL, "105")
        halts_when_asked(town, BTC)
        market(town, BTC, "88")
        town.system.advance(11_000)
        assert town.of(BTC).state is GroupState.CLOSING
        town.send(town.signal(ETH, "108"))
        town.system.advance(1_000)
        market(town, SOL, "149")
        market(town, ETH, "101")
        town.system.advance(20_000)
        assert len(town.actions()) == 1, "one at a time, as long as it may get on at any moment"
        pass_still_time(town)
        stuck, other = town.actions()
        assert stuck.state is RiskActionState.RUNNING
        assert (other.state, other.plan.loser_group_id) == (RiskActionState.DONE, town.of(ETH).group_id)
        assert town.of(ETH).state is GroupState.CLOSED
        assert town.rows("SELECT count(*) FROM alerts WHERE alert_key LIKE 'risk_still/%'") == [(1,)]


@pytest.mark.rule("RISK-9", "LOG-5")
def test_the_alert_of_a_stuck_offset_ends_with_it_also_after_a_restart(tmp_path: Path) -> None:
    with risk_town(tmp_path) as town:
        town.price(ETH, "108")
        town.price(SOL, "105")
        halts_when_asked(town, ETH)
        market(town, BTC, "88")
        town.system.advance(11_000)
        put = type(town.parts.marks).put
        for _ in range(STILL_MS // 5_000 - 2):
            town.system.advance(5_000)
        told = "SELECT resolve_time_ms IS NULL FROM alerts WHERE alert_key LIKE 'risk_still/%'"
        while not town.rows(told):
            town.system.advance(250)
        town.parts.marks.put = put.__get__(town.parts.marks)  # type: ignore[method-assign]
        town.kill()
        town.settle()
        assert town.actions()[0].state.is_final
        assert town.rows(told) == [(0,)]


@pytest.mark.rule("RISK-7", "REC-5")
def test_a_price_from_before_the_clock_was_set_back_is_waited_for_no_longer_than_any_other() -> None:
    marks, group, now_ms = MarksBoard(), live_group(), 10 * HOUR_MS
    ahead = Quote(bid=D(100), ask=D(100), time_ms=now_ms + HOUR_MS)
    marks.put(group.account, {group.symbol: ahead})
    longest_ms = ExecutionSettings().max_quote_age_s * 1000 + PRICE_PATIENCE_MS
    for waited_ms, is_stale in ((longest_ms, True), (longest_ms + 1, False)):
        judge = Judge(World.PAPER, Snapshot(), marks, town_settings(), now_ms, since_ms=now_ms - waited_ms)
        standing = judge._standing(group, Reason.PRICE_STALE)
        assert (standing.is_stale, standing.stop) == (is_stale, None if is_stale else Reason.PRICE_STALE)
