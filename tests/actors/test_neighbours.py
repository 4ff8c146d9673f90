"""Who trades the same position (GRP-6)."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.messages import NeighbourCame
from actors.neighbours import Neighbours
from actors.rules.model import Key, Side
from tests.actors.town import Town, timeframe

BTC_15M = Key(account="perp", symbol="BTC/USDT:USDT", timeframe="15m")
BTC_4H = Key(account="perp", symbol="BTC/USDT:USDT", timeframe="4h")
ETH = Key(account="perp", symbol="ETH/USDT:USDT", timeframe="15m")
ELSEWHERE = Key(account="other", symbol="BTC/USDT:USDT", timeframe="15m")


@pytest.mark.rule("GRP-6", "TP-9")
def test_groups_of_one_symbol_and_side_of_an_account_are_neighbours() -> None:
    board = Neighbours()
    assert board.come("a", BTC_15M, Side.LONG) == frozenset()
    assert not board.has_others("a", BTC_15M, Side.LONG)
    assert board.come("b", BTC_4H, Side.LONG) == {"a"}, "who was there hears of the newcomer"
    for apart, key, side in (("c", BTC_4H, Side.SHORT), ("d", ETH, Side.LONG), ("e", ELSEWHERE, Side.LONG)):
        assert board.come(apart, key, side) == frozenset()
    assert board.has_others("a", BTC_15M, Side.LONG)
    assert board.has_others("b", BTC_4H, Side.LONG)


@pytest.mark.rule("GRP-6")
def test_a_group_that_leaves_is_nobodys_neighbour_and_repeating_is_harmless() -> None:
    board = Neighbours()
    board.come("a", BTC_15M, Side.LONG)
    board.come("b", BTC_4H, Side.LONG)
    assert board.come("b", BTC_4H, Side.LONG) == frozenset(), "told once"
    board.leave("b")
    board.leave("b")
    assert not board.has_others("a", BTC_15M, Side.LONG)
    assert board.come("b", BTC_4H, Side.LONG) == {"a"}


@pytest.mark.rule("GRP-6", "TP-9")
def test_a_stop_holds_back_those_who_trade_the_same_position_only() -> None:
    board = Neighbours()
    board.come("a", BTC_15M, Side.LONG)
    board.come("b", BTC_4H, Side.LONG)
    board.stop("a", True)
    assert board.has_others_stop("b", BTC_4H, Side.LONG)
    assert not board.has_others_stop("a", BTC_15M, Side.LONG), "its own"
    assert not board.has_others_stop("c", BTC_4H, Side.SHORT)
    assert not board.has_others_stop("d", ETH, Side.LONG)
    board.stop("a", False)
    assert not board.has_others_stop("b", BTC_4H, Side.LONG)
    board.stop("a", True)
    board.leave("a")
    assert not board.has_others_stop("b", BTC_4H, Side.LONG)


@pytest.mark.rule("GRP-6")
def test_on_spot_groups_of_one_symbol_leave_each_other_alone(tmp_path: Path) -> None:
    """Nothing rests there that a neighbour could harm; mail to all of them would cost the square of their number."""
    told: list[object] = []
    with Town(tmp_path / "town") as town:
        town.on_tell = lambda _who, what: told.append(what)
        for number in (1, 2, 3):
            town.submit(town.signal(timeframe=timeframe(number)))
        assert len(list(town.view.current.live())) == 3
    assert told
    assert not [what for what in told if isinstance(what, NeighbourCame)]
