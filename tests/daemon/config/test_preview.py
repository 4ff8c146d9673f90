"""What a change of the configuration would do is said before it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.rules.choices import World
from actors.rules.limit_states import LimitCause, LimitFacts, LimitLevel, LimitStanding
from actors.rules.model import Group, GroupState, Key, Lot, Quote, Reason, Side
from actors.rules.settings import StrategySettings
from daemon.config.load import LoadedConfig
from daemon.config.preview import MAX_WORDS, effects
from daemon.config.reload import changed_keys
from daemon.config.seen import MAX_NAMED, Seen
from tests.daemon.config.texts import load
from tests.daemon.store import samples

pytestmark = pytest.mark.rule("CFG-4")

AT = ("paper", "BTC/USDT")
NOW = samples.T0 + 3_600_000
DAY = (samples.T0, samples.T0 + 86_400_000)
TWO = "accounts: {paper: {}, other: {}}\n"


def group(number: int = 0, **changes: Any) -> Group:
    return samples.group(number, **changes)


def holding(number: int = 0, cost: str = "200", **changes: Any) -> Group:
    """A group that holds two coins, all its pyramids done and its timer run out."""
    fields: dict[str, Any] = {
        "state": GroupState.ACTIVE,
        "settings": StrategySettings(max_pyramids=1),
        "loose": Lot(quantity=Decimal(2), cost=Decimal(cost)),
        "risk_timer_start_ms": samples.T0 - 86_400_000,
    }
    return group(number, **(fields | changes))


def quote(price: str = "100", time_ms: int = NOW) -> Quote:
    return Quote(bid=Decimal(price), ask=Decimal(price), time_ms=time_ms)


def seen(*groups: Group, queued: int = 0, price: str = "100", **more: Any) -> Seen:
    waiting = tuple((World.PAPER, samples.waiting(100 + number)) for number in range(queued))
    fields: dict[str, Any] = {
        "now_ms": NOW,
        "groups": groups,
        "queued": waiting,
        "quotes": {AT: quote(price)},
        "instruments": {AT: samples.INSTRUMENT},
        "exposure": {World.PAPER: Decimal(200 * len(groups))},
    }
    return Seen(**(fields | more))


def found(old: str, new: str, what: Seen) -> Mapping[str, tuple[str, ...]]:
    before, after = load(old), load(new)
    return effects(changed_keys(before.effective, after.effective), before, after, what)


def only(old: str, new: str, what: Seen, key: str) -> str:
    """What is said of this key, of which something must be said."""
    told = found(old, new, what)
    assert key in told, told
    return " | ".join(told[key])


def strategy(text: str) -> str:
    return f"strategy: {{default: {{{text}}}}}"


# --- strategy -------------------------------------------------------------------------------------


@pytest.mark.rule("GRP-3")
def test_live_groups_keep_what_they_were_opened_with() -> None:
    words = only("", strategy("tp_percent: '2'"), seen(group(0), group(1)), "strategy.default.tp_percent")
    assert words.startswith("2 live groups keep the settings they were opened with: paper BTC/USDT 1m long (g0")


def test_a_group_that_has_the_new_value_already_is_not_named() -> None:
    had = group(settings=StrategySettings(tp_percent=Decimal(2)))
    assert found("", strategy("tp_percent: '2'"), seen(had)) == {}


def test_an_override_touches_those_it_matches_only() -> None:
    new = "strategy: {overrides: [{match: {timeframe: 1m}, set: {tp_mode: aggregate}}]}"
    words = only("", new, seen(group(0), group(1)), "strategy.overrides")
    assert "1 live group keeps" in words
    assert "(g00000000000)" in words


def test_waiting_signals_open_with_the_new_strategy() -> None:
    words = only("", strategy("tp_mode: aggregate"), seen(queued=2), "strategy.default.tp_mode")
    assert words.startswith("2 waiting signals would open with it: paper BTC/USDT 101m long")


@pytest.mark.rule("DCA-3")
@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        (
            "sizing: {capital_per_pyramid: '20000'}",
            "sizing.capital_per_pyramid",
            "a new group plans 100000 in quote with all of its pyramids (100 times the 1000 of now)",
        ),
        (
            "sizing: {capital_by_pyramid: {0: '300'}}",
            "sizing.capital_by_pyramid",
            "a new group plans 1100 in quote with all of its pyramids (now 1000 in quote)",
        ),
        (
            "max_pyramids: 2",
            "max_pyramids",
            "a new group plans 400 in quote with all of its pyramids (now 1000 in quote)",
        ),
        (
            "sizing: {source: equity_percent, equity_percent: '10'}",
            "sizing.equity_percent",
            "a new group plans 50 % of the equity with all of its pyramids (now 1000 in quote)",
        ),
    ],
)
def test_how_much_more_a_group_would_take_is_told(text: str, key: str, words: str) -> None:
    assert words in found("", strategy(text), seen())[f"strategy.default.{key}"]


@pytest.mark.rule("DCA-3")
def test_of_an_override_it_is_told_where_it_counts() -> None:
    sizing = "set: {sizing: {capital_per_pyramid: '2000'}}"
    new = f"strategy: {{overrides: [{{match: {{symbol: BTC/USDT}}, {sizing}}}]}}"
    words = "a new group on paper BTC/USDT 1h plans 10000 in quote with all of its pyramids (10 times the 1000 of now)"
    assert words in found("", new, seen())["strategy.overrides"]


def test_nothing_is_said_of_it_where_the_alert_brings_its_size() -> None:
    told = found("", strategy("sizing: {source: signal}, max_pyramids: 2"), seen())
    assert "plans" not in str(told)


@pytest.mark.rule("PRC-3")
def test_a_ladder_that_becomes_too_small_is_told() -> None:
    text = strategy("sizing: {capital_per_pyramid: '20'}")
    words = only("", text, seen(), "strategy.default.sizing.capital_per_pyramid")
    assert "on paper a leg is too small for BTC/USDT (leg 0 at 100: value" in words
    assert "their alerts would be rejected" in words


def test_a_ladder_that_was_too_small_before_is_not_told_again() -> None:
    small = "sizing: {capital_per_pyramid: '20'}"
    assert found(strategy(small), strategy(f"{small}, tp_mode: aggregate"), seen()) == {}


def test_what_becomes_of_a_small_leg_is_told_by_the_new_rule() -> None:
    small = strategy("sizing: {capital_per_pyramid: '20'}")
    words = only(small, f"{small}\nprecision: {{below_minimum: skip}}", seen(), "precision.below_minimum")
    assert words.endswith("it would be left out")


def test_a_size_that_comes_with_the_alert_is_not_guessed() -> None:
    assert found("", strategy("sizing: {source: signal}"), seen()) == {}


# --- pool and queue -------------------------------------------------------------------------------


@pytest.mark.rule("POOL-2")
def test_a_smaller_pool_closes_nobody() -> None:
    words = only("", "pool: {max_open_groups: 2}", seen(group(0), group(1), group(2)), "pool.max_open_groups")
    assert words == "in paper 3 groups are live: none is closed, and nothing opens until fewer than 2 are"


def test_a_pool_that_becomes_just_full_is_told() -> None:
    words = only("", "pool: {max_open_groups: 1}", seen(group()), "pool.max_open_groups")
    assert words == "in paper 1 group is live: none is closed, and nothing opens until fewer than 1 are"


def test_a_smaller_pool_with_room_left_does_nothing() -> None:
    assert found("", "pool: {max_open_groups: 5}", seen(group())) == {}


def test_a_larger_pool_lets_the_first_in_rank_in() -> None:
    what = seen(group(0), queued=3)
    words = only("pool: {max_open_groups: 1}", "pool: {max_open_groups: 3}", what, "pool.max_open_groups")
    assert (
        words
        == "in paper 2 waiting signals would be offered a place: paper BTC/USDT 101m long, paper BTC/USDT 102m long"
    )


def test_who_waits_for_something_else_is_not_offered_a_place() -> None:
    waiting = samples.waiting(5, wait_reason=Reason.OPPOSITE_SIDE)
    what = replace(seen(), queued=((World.PAPER, waiting),))
    assert found("pool: {max_open_groups: 1}", "pool: {max_open_groups: 3}", what) == {}


def test_worlds_are_told_apart() -> None:
    live = group(world=World.LIVE)
    words = found("pool: {max_open_groups: 3}", "pool: {max_open_groups: 1}", seen(live))
    assert words == {}, "there is no live account in the config"


@pytest.mark.rule("QUE-2")
def test_another_rank_shows_the_new_order() -> None:
    first, second = samples.waiting(1), samples.waiting(2, replacement_count=3)
    what = replace(seen(), queued=((World.PAPER, first), (World.PAPER, second)))
    words = only("queue: {rank: [first_in]}", "queue: {rank: [replacements, first_in]}", what, "queue.rank")
    order = "paper BTC/USDT 3m long, paper BTC/USDT 2m long"
    assert words == f"in paper 2 of 2 waiting signals change places; the order would be {order}"


@pytest.mark.rule("QUE-3")
def test_who_would_expire_is_named_with_the_reason() -> None:
    words = only("", "queue: {max_age_s: 60}", seen(queued=1), "queue.max_age_s")
    assert words == "in paper 1 waiting signal would expire: paper BTC/USDT 101m long (waited 3599 s, at most 60)"
    words = only("", "queue: {max_deviation_percent: 1}", seen(queued=1, price="110"), "queue.max_deviation_percent")
    assert "the mark 110 is 10.00 % from the entry 100" in words


def test_a_smaller_queue_drops_nobody() -> None:
    words = only("", "queue: {max_size: 1}", seen(queued=2), "queue.max_size")
    assert words == "in paper 2 signals wait: none is dropped by this; new ones are refused"


def test_the_price_at_which_a_waiting_signal_would_open_is_told() -> None:
    words = only("", "queue: {promote_at: mark}", seen(queued=1, price="98"), "queue.promote_at")
    assert words.endswith("paper BTC/USDT 101m long at 98 instead of 100")


# --- risk and limits ------------------------------------------------------------------------------


@pytest.mark.rule("RISK-1")
def test_switching_the_risk_engine_on_names_who_may_be_closed_at_once() -> None:
    what = seen(holding(0), holding(1, cost="100"), price="90")
    words = only("risk: {enabled: false}", "risk: {enabled: true}", what, "risk.enabled")
    assert "in paper 1 losing group may be closed at once: paper BTC/USDT 1m long (g00000000000) at -10 %" in words
    assert "in paper the first would be g00000000000, paid for by g00000000001" in words


def test_a_group_that_is_not_deep_enough_is_not_named() -> None:
    assert found("risk: {enabled: false}", "risk: {enabled: true}", seen(holding(0), price="99")) == {}


def test_a_deeper_threshold_lets_a_group_go() -> None:
    words = only(
        "", "risk: {loss_threshold_percent: '-20'}", seen(holding(0), price="90"), "risk.loss_threshold_percent"
    )
    assert words.startswith("in paper 1 losing group would not be closed any more")


def test_who_might_be_closed_before_is_not_named_again() -> None:
    assert found("", "risk: {loss_threshold_percent: '-4'}", seen(holding(0), price="90")) == {}


@pytest.mark.rule("RISK-2")
def test_who_only_waits_for_its_timer_is_told_apart() -> None:
    young = holding(0, risk_timer_start_ms=NOW - 1000)
    words = only("", "risk: {loss_threshold_percent: '-3'}", seen(young, price="96"), "risk.loss_threshold_percent")
    assert words.startswith("in paper 1 losing group may be closed once the wait of 3600 s is over")
    assert "at -4 %" in words


def test_an_old_price_makes_nobody_eligible() -> None:
    what = seen(holding(0), quotes={AT: quote("90", NOW - 3_600_000)})
    assert found("risk: {enabled: false}", "risk: {enabled: true}", what) == {}


def facts(**changes: Any) -> LimitFacts:
    fields: dict[str, Any] = {
        "now_ms": NOW,
        "day": DAY,
        "day_profit": Decimal(-150),
        "drawdown_percent": Decimal(12),
        "streak": 3,
        "streak_today": 3,
    }
    return LimitFacts(**(fields | changes))


@pytest.mark.rule("POOL-4")
def test_a_limit_that_is_breached_at_once_is_told_with_what_it_does() -> None:
    what = seen(limits={World.PAPER: facts()})
    new = "limits: {max_realized_loss_per_day: 100, on_breach: close_all}"
    words = only("", new, what, "limits.max_realized_loss_per_day")
    assert "150" in words
    assert "is breached at once: EVERY live group would be closed at once" in words
    words = only("", "limits: {max_consecutive_losses: 3}", what, "limits.max_consecutive_losses")
    assert "no new group would open" in words


def test_a_limit_with_room_left_is_not_spoken_of() -> None:
    what = seen(limits={World.PAPER: facts()})
    assert found("", "limits: {max_realized_loss_per_day: 1000, max_consecutive_losses: 9}", what) == {}


def test_a_harder_breach_of_what_stands_already_is_told() -> None:
    cause = LimitCause(
        reason=Reason.MAX_CONSECUTIVE_LOSSES,
        level=LimitLevel.NO_NEW_GROUPS,
        value=Decimal(3),
        bound=Decimal(3),
        set_time_ms=NOW - 1000,
        set_by="engine",
        lift="a person",
    )
    what = seen(limits={World.PAPER: facts()}, standing={World.PAPER: LimitStanding(causes=(cause,))})
    old = "limits: {max_consecutive_losses: 3, on_breach: no_new_groups}"
    words = only(old, "limits: {max_consecutive_losses: 3, on_breach: close_all}", what, "limits.on_breach")
    assert "stands already: EVERY live group would be closed at once" in words
    words = only(old, "limits: {max_consecutive_losses: null}", what, "limits.max_consecutive_losses")
    assert "would hold nothing back any more" in words


def test_a_drawdown_is_counted_from_when_it_is_set() -> None:
    what = seen(limits={World.PAPER: facts(drawdown_percent=None)})
    words = only("", "limits: {max_drawdown_percent: 10}", what, "limits.max_drawdown_percent")
    assert words == "in paper the peak is counted from now: earlier losses do not count"


@pytest.mark.rule("POOL-3")
def test_exposure_over_the_new_bound_is_told() -> None:
    words = only("", "limits: {max_total_exposure: 300}", seen(group(0), group(1)), "limits.max_total_exposure")
    assert words.startswith("in paper 400 is planned already: nothing new and no further entry")
    words = only("", "limits: {max_total_exposure: 1000}", seen(group(0), group(1)), "limits.max_total_exposure")
    assert words == "in paper 400 is planned already, 600 would be left"


def test_symbols_at_their_bound_are_named() -> None:
    words = only("", "limits: {max_groups_per_symbol: 2}", seen(group(0), group(1)), "limits.max_groups_per_symbol")
    assert words == "1 symbol at the bound or over it, nothing more opens there: paper BTC/USDT (2)"


# --- accounts, routes, sources --------------------------------------------------------------------


def test_an_account_that_goes_leaves_its_groups_to_nobody() -> None:
    lost = group(0, key=Key(account="other", symbol="BTC/USDT", timeframe="1h"))
    told = found(TWO, "accounts: {paper: {}}", seen(lost))
    (words,) = (" | ".join(every) for path, every in told.items() if path.startswith("accounts.other"))
    assert "account other is gone at the next start and trades on until then" in words
    assert "1 group live on other would be managed by nobody after it, close first: other BTC/USDT 1h long" in words


def test_a_new_account_and_its_routes_wait_for_the_next_start() -> None:
    told = found("", f"{TWO}routes: {{'*': paper, BYBIT: other}}", seen())
    every = " | ".join(words for words in map(" | ".join, told.values()))
    assert every.count("account other is opened at the next start") == 1
    assert "alerts of BYBIT go to other after the next start, and as now until then" in told["routes.BYBIT"]


def test_a_route_to_an_account_that_waits_for_a_restart_waits_with_it() -> None:
    what = seen(accounts=frozenset({"paper"}))
    words = only(TWO, f"{TWO}routes: {{'*': paper, BYBIT: other}}", what, "routes.BYBIT")
    assert words == "alerts of BYBIT go to other after the next start, and as now until then"


def test_a_route_that_turns_away_says_whose_exits_go_with_it() -> None:
    words = only(TWO, f"{TWO}routes: {{'*': other}}", seen(group(0)), "routes.*")
    assert words.startswith("alerts that no other route fits go to other at once")
    assert "1 group live on paper: exits and entries sent by that way do not reach them any more" in words


def test_a_route_that_goes_leaves_to_the_one_for_the_rest() -> None:
    old = f"{TWO}routes: {{BYBIT: other, '*': paper}}"
    assert only(old, TWO, seen(), "routes.BYBIT") == "alerts of BYBIT go to paper at once"
    words = only(old, f"{TWO}routes: {{BYBIT: other}}", seen(), "routes.*")
    assert words == "alerts that no other route fits would be rejected: no route leads to an account"


@pytest.mark.rule("SIG-4")
def test_a_symbol_that_may_not_be_entered_any_more_is_told() -> None:
    words = only("", "accounts: {paper: {deny: ['BTC/*']}}", seen(group(0), queued=1), "accounts.paper.deny")
    assert "1 live group goes on, exits too, but further entries are rejected: paper BTC/USDT 1m long" in words
    assert "1 waiting signal still opens in turn" in words
    assert found("", "accounts: {paper: {deny: ['ETH/*']}}", seen(group(0))) == {}


def test_another_venue_under_live_groups_is_told() -> None:
    old = "accounts: {paper: {exchange: bybit, api_key: env:A, api_secret: env:B}}"
    new = "accounts: {paper: {exchange: bybit, api_key: env:A, api_secret: env:B, testnet: true}}"
    words = only(old, new, seen(group(0)), "accounts.paper.testnet")
    assert "would look for their orders at another venue, close first" in words


@pytest.mark.rule("SIG-5")
def test_a_secret_that_cannot_be_read_is_told_without_it() -> None:
    what = seen(unresolved={"env:NEW": "the variable is not set"})
    words = only("", "sources: {tradingview: {secret: 'env:NEW'}}", what, "sources.tradingview.secret")
    assert "alerts of tradingview must come with the secret that this names from then on" in words
    assert (
        "env:NEW cannot be read: the variable is not set; alerts of tradingview that need it would be refused" in words
    )


def test_a_source_that_goes_is_told() -> None:
    told = found("sources: {tv: {secret: 'env:A'}, b: {secret: 'env:B'}}", "sources: {tv: {secret: 'env:A'}}", seen())
    assert any("alerts of b would be refused, exits too" in words for every in told.values() for words in every)
    assert sum(len(every) for every in told.values()) == 1


# --- engine ---------------------------------------------------------------------------------------


def test_another_data_directory_is_another_store() -> None:
    words = only("", "data_dir: ./elsewhere", seen(group(0)), "data_dir")
    assert words.startswith("the store of the next start is another one: 1 live group and 0 waiting signals")


@pytest.mark.rule("CFG-6")
def test_read_only_is_told_with_the_way_back() -> None:
    assert "only the file leads back" in only("", "engine: {mode: read_only}", seen(), "engine.mode")


def test_execution_holds_at_once_for_live_groups() -> None:
    assert (
        only("", "execution: {retries: 1}", seen(group(0)), "execution.retries") == "holds at once for 1 live group too"
    )
    assert found("", "execution: {retries: 1}", seen()) == {}


@pytest.mark.rule("ORD-10")
def test_prices_that_become_too_old_are_named() -> None:
    what = seen(group(0), quotes={AT: quote(time_ms=NOW - 20_000)})
    words = only("", "execution: {max_quote_age_s: 10}", what, "execution.max_quote_age_s")
    assert "prices of paper BTC/USDT are older than that now" in words
    assert "older" not in only("", "execution: {max_quote_age_s: 25}", what, "execution.max_quote_age_s")


# --- all of them ----------------------------------------------------------------------------------


def test_much_is_shortened() -> None:
    groups = tuple(group(number) for number in range(12))
    words = only("", strategy("tp_mode: aggregate"), seen(*groups), "strategy.default.tp_mode")
    assert words.startswith("12 live groups keep")
    assert words.endswith(f"and {12 - MAX_NAMED} more")


def test_nothing_changed_says_nothing() -> None:
    assert found("", "", seen(group(0), queued=1)) == {}


CHANGES = (
    "accounts: {paper: {exchange: mexc}}",
    "accounts: {paper: {prices: manual, max_open_groups: 1, allow: ['ETH/*'], balances: {USDT: 1}}}",
    "accounts: {b: {}}\nroutes: {X: b}",
    "sources: {}",
    "sources: {tradingview: {allow_addresses: [10.0.0.1], map: {tv.symbol: t}}}",
    "engine: {group_key: [account, symbol, timeframe, source], reporting_currency: EUR}",
    strategy(
        "entry_price: mark, entry_order: market, "
        "pyramid_levels: {1: [{gap_percent: 0, weight_percent: 100, tp_percent: 1}]}"
    ),
    strategy("sizing: {source: equity_percent, equity_percent: 1}"),
    "pool: {max_open_groups: 1, pyramids_bypass: false}",
    "queue: {rank: [highest_expected_profit], max_age_s: 1, max_deviation_percent: 1}",
    "queue: {max_size: 0, allow_replacement: false, promote_at: mark}",
    "risk: {require_full_pyramids: false, loss_threshold_percent: '-1', post_full_wait_s: 0}",
    "limits: {max_total_exposure: 1, max_drawdown_percent: 1, max_realized_loss_per_day: 1, cooldown_after_loss_s: 1}",
    "precision: {on_missing: fallback, below_minimum: merge}",
    "storage: {url: 'sqlite:///other.db'}\nnotifications: [{url: env:N}]\nalerts: {heartbeat_url: env:H}",
)


@given(st.sampled_from(CHANGES), st.sampled_from(("", *CHANGES)), st.data())
@settings(max_examples=60, deadline=None)
def test_any_change_is_told_in_a_few_whole_sentences(old: str, new: str, data: st.DataObject) -> None:
    before, after = load(old), load(new)
    sides = st.sampled_from(Side)
    groups = tuple(
        holding(number, side=data.draw(sides), state=data.draw(st.sampled_from(list(GroupState)[:4])))
        for number in range(data.draw(st.integers(0, 3)))
    )
    price = data.draw(st.sampled_from(("80", "100", "130", "0")))
    what = seen(*groups, queued=data.draw(st.integers(0, 3)), price=price, limits={World.PAPER: facts()})
    if data.draw(st.booleans()):
        what = replace(what, quotes={}, instruments={}, exposure={World.PAPER: None}, limits={})
    told = effects(changed_keys(before.effective, after.effective), before, after, what)
    for key, every in told.items():
        assert key in changed_keys(before.effective, after.effective)
        assert 0 < len(every) <= MAX_WORDS + 1
        assert all(words and "\n" not in words and len(words) < 1500 for words in every)
    assert isinstance(before, LoadedConfig)
