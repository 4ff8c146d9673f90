"""What a signal wants."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from actors.rules.choices import Market
from actors.rules.intent import derive_intent
from actors.rules.model import Intent, Side
from tests.rules.builders import alert

LONG, SHORT = Side.LONG, Side.SHORT


def wants(
    action: str = "buy",
    positions: tuple[str | None, str | None] = (None, None),
    sizes: tuple[str | None, str | None] = (None, None),
    market: Market = Market.SWAP,
    **intent: Any,
) -> tuple[Intent, Side | None]:
    """`positions` and `sizes` are (before, now)."""
    tv = {
        "action": action,
        "prev_market_position": positions[0],
        "market_position": positions[1],
        "prev_market_position_size": sizes[0],
        "market_position_size": sizes[1],
    }
    return derive_intent(alert(tv=tv, execution_intent=intent), market)


@pytest.mark.rule("SIG-6")
@pytest.mark.parametrize(
    ("positions", "sizes", "expected"),
    [
        (("flat", "long"), (None, None), (Intent.ENTRY, LONG)),
        (("flat", "short"), (None, None), (Intent.ENTRY, SHORT)),
        (("long", "flat"), (None, None), (Intent.EXIT, LONG)),
        (("short", "flat"), (None, None), (Intent.EXIT, SHORT)),
        (("long", "long"), ("1", "2"), (Intent.ENTRY, LONG)),
        (("long", "long"), ("2", "1"), (Intent.REDUCE, LONG)),
        (("long", "long"), ("2", "2.0"), (Intent.IGNORE, LONG)),
        (("short", "short"), ("-1", "-2"), (Intent.ENTRY, SHORT)),
        (("short", "short"), ("2", "1"), (Intent.REDUCE, SHORT)),
        (("long", "short"), ("1", "1"), (Intent.REVERSE, SHORT)),
        (("short", "long"), (None, None), (Intent.REVERSE, LONG)),
    ],
)
@pytest.mark.parametrize("action", ["buy", "sell"])
@pytest.mark.parametrize("market", [Market.SPOT, Market.SWAP])
def test_the_market_positions_tell_whatever_the_action_is_called(
    action: str,
    positions: tuple[str, str],
    sizes: tuple[str | None, str | None],
    expected: tuple[Intent, Side],
    market: Market,
) -> None:
    assert wants(action, positions, sizes, market) == expected


@pytest.mark.rule("SIG-6")
@pytest.mark.parametrize(
    ("action", "market", "expected"),
    [
        ("buy", Market.SPOT, (Intent.ENTRY, LONG)),
        ("long", Market.SPOT, (Intent.ENTRY, LONG)),
        ("sell", Market.SPOT, (Intent.EXIT, LONG)),
        ("short", Market.SPOT, (Intent.EXIT, LONG)),
        ("buy", Market.SWAP, (Intent.ENTRY, LONG)),
        ("long", Market.SWAP, (Intent.ENTRY, LONG)),
        ("sell", Market.SWAP, (Intent.ENTRY, SHORT)),
        ("short", Market.SWAP, (Intent.ENTRY, SHORT)),
    ],
)
@pytest.mark.parametrize("kind", [None, "signal"])
def test_without_positions_the_action_tells(
    action: str, market: Market, expected: tuple[Intent, Side], kind: str | None
) -> None:
    assert wants(action, market=market, type=kind) == expected
    assert wants(action, ("long", None), market=market, type=kind) == expected, "where it was alone tells nothing"


@pytest.mark.rule("SIG-6")
@pytest.mark.parametrize(
    ("kind", "positions"),
    list(itertools.product(("exit", "reduce", "reverse"), [(None, None), ("flat", "long"), ("long", "long")])),
)
def test_an_explicit_intent_wins_over_the_positions(kind: str, positions: tuple[str | None, str | None]) -> None:
    assert wants("buy", positions, type=kind)[0] is Intent(kind)


@pytest.mark.rule("SIG-6")
@pytest.mark.parametrize(
    ("action", "positions", "side_word", "market", "closes"),
    [
        ("sell", (None, None), None, Market.SWAP, LONG),
        ("buy", (None, None), None, Market.SWAP, SHORT),
        ("long", (None, None), None, Market.SWAP, LONG),
        ("short", (None, None), None, Market.SWAP, SHORT),
        ("buy", (None, None), "sell", Market.SWAP, LONG),
        ("buy", ("long", "flat"), "buy", Market.SWAP, LONG),
        ("sell", (None, None), None, Market.SPOT, LONG),
        ("buy", (None, None), None, Market.SPOT, None),
        ("buy", ("short", "flat"), None, Market.SPOT, SHORT),
    ],
)
def test_an_exit_speaks_of_the_side_it_closes(
    action: str, positions: tuple[str | None, str | None], side_word: str | None, market: Market, closes: Side | None
) -> None:
    assert wants(action, positions, market=market, type="exit", side=side_word) == (Intent.EXIT, closes)


@pytest.mark.rule("SIG-6")
def test_a_reverse_speaks_of_the_side_to_enter_and_a_reduce_of_the_side_it_takes_from() -> None:
    assert wants("sell", type="reverse") == (Intent.REVERSE, SHORT)
    assert wants("sell", ("short", "long"), type="reverse") == (Intent.REVERSE, LONG)
    assert wants("sell", type="reduce") == (Intent.REDUCE, LONG)
    assert wants("sell", ("short", "short"), type="reduce") == (Intent.REDUCE, SHORT)


@pytest.mark.rule("SIG-6")
def test_where_sizes_or_the_earlier_position_are_missing_the_action_tells_adding_from_taking() -> None:
    assert wants("buy", ("long", "long")) == (Intent.ENTRY, LONG)
    assert wants("sell", ("long", "long")) == (Intent.REDUCE, LONG)
    assert wants("sell", (None, "short"), ("1", "2")) == (Intent.ENTRY, SHORT)
    assert wants("sell", (None, "long")) == (Intent.REDUCE, LONG)
    assert wants("sell", (None, "flat")) == (Intent.EXIT, LONG)


@pytest.mark.rule("SIG-6")
def test_every_combination_has_an_intent_and_entries_and_reverses_a_side() -> None:
    words = (None, "long", "short", "flat")
    sizes = (None, "0", "1", "2")
    kinds = (None, "signal", "exit", "reduce", "reverse")
    for action, before, now, size_before, size_now, kind, market in itertools.product(
        ("buy", "sell", "long", "short"), words, words, sizes, sizes, kinds, Market
    ):
        intent, side = wants(action, (before, now), (size_before, size_now), market, type=kind)
        assert side is not None or intent in (Intent.EXIT, Intent.REDUCE)
