"""Settings as values: resolving a strategy, and the way to JSON and back."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules.plain import from_plain, to_plain
from actors.rules.settings import (
    AccountSettings,
    LegSettings,
    OnFlat,
    RankRule,
    Settings,
    SizingSettings,
    SizingSource,
    StrategyBook,
    StrategyMatch,
    StrategyOverride,
    StrategySettings,
    TpMode,
    World,
    merge_strategy,
)


def override(match: dict[str, str], **changes: Any) -> StrategyOverride:
    return StrategyOverride(match=StrategyMatch(**match), set=changes)


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(to_plain(value), allow_nan=False))


# Resolving

A, S, T = {"account": "main"}, {"symbol": "BTC/USDT"}, {"timeframe": "4h"}
FROM_MOST_SPECIFIC = [A | S | T, S | T, A | S, S, A | T, A, T]


@pytest.mark.rule("GRP-3")
def test_the_most_specific_override_wins_whatever_stands_first_in_the_file() -> None:
    ladder = [override(match, max_pyramids=10 + rank) for rank, match in enumerate(FROM_MOST_SPECIFIC)]
    for rank in range(len(ladder)):
        for overrides in (ladder[rank:], ladder[rank:][::-1]):
            resolved = StrategyBook(overrides=tuple(overrides)).resolve("main", "BTC/USDT", "4h")
            assert resolved.max_pyramids == 10 + rank


@pytest.mark.rule("GRP-3")
def test_overrides_merge_key_by_key_so_a_less_specific_one_still_counts() -> None:
    book = StrategyBook(
        default=StrategySettings(tp_percent=Decimal(1), max_pyramids=3),
        overrides=(
            override(S | T, tp_mode=TpMode.AGGREGATE),
            override(S, tp_percent=Decimal("0.7"), tp_mode=TpMode.HYBRID),
            override(A, on_flat=OnFlat.KEEP),
        ),
    )
    resolved = book.resolve("main", "BTC/USDT", "4h")
    assert (resolved.tp_mode, resolved.tp_percent) == (TpMode.AGGREGATE, Decimal("0.7"))
    assert (resolved.on_flat, resolved.max_pyramids) == (OnFlat.KEEP, 3)


@pytest.mark.rule("GRP-3")
@pytest.mark.parametrize(
    ("account", "symbol", "timeframe"),
    [("other", "BTC/USDT", "4h"), ("main", "ETH/USDT", "4h"), ("main", "BTC/USDT", "1h")],
)
def test_an_override_applies_only_where_every_part_of_its_match_does(account: str, symbol: str, timeframe: str) -> None:
    book = StrategyBook(overrides=(override(A | S | T, max_pyramids=1),))
    assert book.resolve(account, symbol, timeframe) == book.default


@pytest.mark.rule("GRP-3")
def test_sizing_is_merged_inside_and_other_maps_are_replaced() -> None:
    default = StrategySettings(
        sizing=SizingSettings(capital_per_pyramid=Decimal(300), capital_by_pyramid={0: Decimal(5)}),
        tp_by_pyramid={0: Decimal(1), 1: Decimal(2)},
    )
    changes = {"sizing": {"source": SizingSource.SIGNAL}, "tp_by_pyramid": {2: Decimal(3)}}
    merged = merge_strategy(default, changes)
    assert merged.sizing == replace(default.sizing, source=SizingSource.SIGNAL)
    assert merged.tp_by_pyramid == {2: Decimal(3)}


def test_an_override_of_a_field_that_does_not_exist_is_a_bug() -> None:
    with pytest.raises(TypeError):
        merge_strategy(StrategySettings(), {"tp_percnt": Decimal(1)})


# Parts of a strategy


@pytest.mark.rule("PYR-3", "TP-5", "DCA-3")
def test_a_pyramid_uses_its_own_ladder_target_and_capital_where_it_has_one() -> None:
    own = (LegSettings(gap_percent=Decimal(0), weight_percent=Decimal(100), tp_percent=Decimal(3)),)
    strategy = StrategySettings(
        pyramid_levels={1: own},
        tp_by_pyramid={1: Decimal("0.8")},
        sizing=SizingSettings(capital_by_pyramid={1: Decimal(50)}),
    )
    assert strategy.levels_of(1) == own
    assert strategy.levels_of(0) == strategy.levels_of(2) == strategy.levels
    assert (strategy.tp_percent_of(0), strategy.tp_percent_of(1)) == (Decimal(1), Decimal("0.8"))
    assert (strategy.sizing.capital_of(0), strategy.sizing.capital_of(1)) == (Decimal(200), Decimal(50))


@pytest.mark.rule("DCA-1")
def test_a_gap_in_negative_notation_means_the_same() -> None:
    def leg(gap: str) -> LegSettings:
        return LegSettings(gap_percent=Decimal(gap), weight_percent=Decimal(20), tp_percent=Decimal(1))

    assert leg("-0.5") == leg("0.5")
    assert leg("-0.5").gap_percent == Decimal("0.5")


# Accounts and routes


@pytest.mark.parametrize(
    ("exchange", "testnet", "world"),
    [
        ("paper", False, World.PAPER),
        ("paper", True, World.PAPER),
        ("bybit", True, World.TESTNET),
        ("bybit", False, World.LIVE),
    ],
)
def test_the_world_follows_from_exchange_and_testnet(exchange: str, testnet: bool, world: World) -> None:
    assert AccountSettings(name="a", exchange=exchange, testnet=testnet).world is world


@pytest.mark.rule("SIG-4")
def test_a_route_is_found_by_exchange_then_source_then_star_in_any_case() -> None:
    accounts = {name: AccountSettings(name=name) for name in ("one", "two", "three")}
    settings = Settings(accounts=accounts, routes={"BINANCE": "one", "bot": "two", "*": "three"})

    def route(exchange: str, source: str) -> str | None:
        account = settings.account_for(exchange, source)
        return None if account is None else account.name

    assert route("binance", "bot") == "one"
    assert route("KRAKEN", "Bot") == "two"
    assert route("KRAKEN", "tradingview") == "three"
    assert Settings(accounts=accounts, routes={"BINANCE": "one"}).account_for("KRAKEN", "bot") is None


# Plain data

percents = st.decimals(Decimal("0.000001"), Decimal("99.99"), allow_nan=False, places=6)
legs = st.builds(LegSettings, gap_percent=percents, weight_percent=percents, tp_percent=percents)
ladders = st.lists(legs, min_size=1, max_size=10).map(tuple)
by_pyramid = st.dictionaries(st.integers(0, 99), percents, max_size=3)
sizings = st.builds(
    SizingSettings,
    source=st.sampled_from(SizingSource),
    capital_per_pyramid=percents,
    capital_by_pyramid=by_pyramid,
    equity_percent=st.none() | percents,
)
resolved_strategies = st.builds(
    StrategySettings,
    levels=ladders,
    pyramid_levels=st.dictionaries(st.integers(0, 99), ladders, max_size=2),
    tp_mode=st.sampled_from(TpMode),
    tp_percent=percents,
    tp_by_pyramid=by_pyramid,
    tp_net_of_fees=st.booleans(),
    tp_trail_percent=st.none() | percents,
    sizing=sizings,
    entry_ttl_s=st.none() | st.integers(1, 10**9),
)


@given(resolved_strategies)
def test_a_strategy_comes_back_from_json_as_it_was_to_the_last_digit(strategy: StrategySettings) -> None:
    back = from_plain(StrategySettings, through_json(strategy))
    assert back == strategy
    digits = [leg.gap_percent.as_tuple() for leg in strategy.levels]
    assert [leg.gap_percent.as_tuple() for leg in back.levels] == digits


@given(st.dictionaries(st.sampled_from(["tp_percent", "cancel_beyond_percent"]), percents), st.booleans())
def test_a_partial_override_comes_back_typed(changes: dict[str, Decimal], with_sizing: bool) -> None:
    sizing = {"sizing": {"capital_by_pyramid": {1: Decimal("5.50")}, "equity_percent": None}} if with_sizing else {}
    written = override(S, **changes, **sizing, tp_mode=TpMode.HYBRID, levels=StrategySettings().levels)
    assert from_plain(StrategyOverride, through_json(written)) == written


def test_all_settings_survive_json_and_pickle() -> None:
    settings = Settings(strategy=StrategyBook(overrides=(override(S, tp_mode=TpMode.HYBRID),)))
    assert from_plain(Settings, through_json(settings)) == settings
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_decimals_travel_as_plain_strings_and_enums_as_their_words() -> None:
    assert to_plain((Decimal("1E+3"), Decimal("1E-8"), RankRule.FIRST_IN, None)) == [
        "1000",
        "0.00000001",
        "first_in",
        None,
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """Stands for a record that got a field later."""

    old: int
    pair: tuple[int, str] = (0, "")
    names: frozenset[str] = frozenset()
    new: Decimal = Decimal(7)
    child: Grown | None = None
    free: Any = field(default=None)


def test_a_snapshot_of_older_code_takes_the_defaults_of_newer_fields() -> None:
    assert from_plain(Grown, {"old": 1, "gone": "x"}) == Grown(old=1)
    nested = Grown(old=1, pair=(2, "b"), names=frozenset({"y", "x"}), child=Grown(old=3), free={"k": [1]})
    assert from_plain(Grown, through_json(nested)) == nested


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({"old": "1"}, "old"),
        ({"old": True}, "old"),
        ({}, "old"),
        ({"old": 1, "new": 1.5}, "new"),
        ({"old": 1, "new": "NaN"}, "new"),
        ({"old": 1, "new": "x"}, "new"),
        ({"old": 1, "pair": [1]}, "pair"),
        ({"old": 1, "pair": "ab"}, "pair"),
        ({"old": 1, "child": {"old": None}}, "child: old"),
        ([], "object"),
    ],
)
def test_data_that_does_not_fit_names_its_place(data: Any, place: str) -> None:
    with pytest.raises(ValueError, match=place):
        from_plain(Grown, data)


def test_an_override_of_an_unknown_field_does_not_come_back() -> None:
    with pytest.raises(ValueError, match="tp_percnt"):
        from_plain(StrategyOverride, {"match": {}, "set": {"tp_percnt": "1"}})


@pytest.mark.parametrize("value", [1.5, Decimal("Infinity"), {None: 1}, object(), {1, 2}])
def test_what_has_no_exact_plain_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        to_plain(value)
