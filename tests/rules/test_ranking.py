"""Who of those that wait goes first, and who has waited too long."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules import ranking
from actors.rules.choices import RankRule
from actors.rules.model import Key, Queued, Quote, Reason, Side
from actors.rules.queue_index import QueueIndex
from actors.rules.settings import QueueSettings
from tests.rules.builders import NOW_MS, D, key, queued, quote

RULES = QueueSettings().rank
PAIR = ("paper", "BTC/USDT")
NOBODY: frozenset[Key] = frozenset()


def order(
    entries: Sequence[Queued],
    at: str | None = "100",
    continuing: frozenset[Key] = NOBODY,
    rules: tuple[RankRule, ...] = RULES,
) -> list[str]:
    """Ids in rank order, `signal-` and zeros dropped; checks the other ways to the same answer."""
    quotes = {} if at is None else {PAIR: quote(at)}
    ranked = ranking.rank(entries, quotes, continuing, rules)
    index = QueueIndex(rules)
    for entry in entries:
        index.put(entry)
    assert ranked[0].queued is ranking.best(entries, quotes, continuing, rules)
    assert ranked[0].queued is index.best(quotes, continuing)
    assert ranked[-1].queued is index.worst(quotes, continuing)
    assert [one.rank for one in ranked] == list(range(1, len(entries) + 1))
    return [one.queued.signal.signal_id.removeprefix("signal-").lstrip("0") for one in ranked]


# --- the rules ------------------------------------------------------------------------------------


@pytest.mark.rule("QUE-2")
def test_a_continuation_of_a_live_group_goes_before_a_deeper_loss() -> None:
    deep, other = queued(1, entry="200"), queued(2, entry="100")
    assert order([deep, other]) == ["1", "2"]
    assert order([deep, other], continuing=frozenset({other.key})) == ["2", "1"]


@pytest.mark.rule("QUE-2")
def test_the_deepest_loss_goes_first() -> None:
    assert order([queued(1, entry="99"), queued(2, entry="105"), queued(3, entry="101")]) == ["2", "3", "1"]


@pytest.mark.rule("QUE-2")
def test_loss_is_mirrored_for_shorts() -> None:
    """At a mark of 100 a short from 95 loses 5.26 %, a long from 104 loses 3.85 %, a short from 105 gains."""
    entries = [queued(1, entry="105", side=Side.SHORT), queued(2, entry="104"), queued(3, entry="95", side=Side.SHORT)]
    assert order(entries) == ["3", "2", "1"]


@pytest.mark.rule("QUE-2")
def test_losses_within_a_hundredth_of_a_per_cent_are_equal_and_replacements_decide() -> None:
    shallow = queued(1, entry="100.502", replacement_count=1)
    deep = queued(2, entry="100.503")
    assert [ranking.loss_steps(one, quote("100")) for one in (shallow, deep)] == [9950, 9950]
    assert order([deep, shallow]) == ["1", "2"]
    assert order([queued(2, entry="100.52"), shallow]) == ["2", "1"]


@pytest.mark.rule("QUE-2")
def test_the_highest_replacement_count_then_the_first_queued_goes_first() -> None:
    entries = [queued(1), queued(2, replacement_count=3), queued(3, replacement_count=1), queued(4)]
    assert order(entries) == ["2", "3", "1", "4"]


@pytest.mark.rule("QUE-2")
def test_equal_in_everything_the_signal_id_decides() -> None:
    entries = [replace(queued(number), first_queue_time_ms=NOW_MS) for number in (3, 1, 2)]
    for shuffled in permutations(entries):
        assert order(shuffled) == ["1", "2", "3"]


@pytest.mark.rule("QUE-2", "ORD-10")
@pytest.mark.parametrize("at", [None, "0"])
def test_without_a_fresh_mark_an_entry_is_behind_all_others(at: str | None) -> None:
    lost = queued(1, entry="100", symbol="ETH/USDT", replacement_count=9)
    winning = queued(2, entry="1")
    quotes = {PAIR: quote("100")}
    if at is not None:
        quotes["paper", "ETH/USDT"] = quote(at)
    ranked = ranking.rank([lost, winning], quotes, NOBODY, RULES)
    assert [one.queued for one in ranked] == [winning, lost]
    assert ranked[1].loss_percent is None


@pytest.mark.rule("QUE-2")
def test_quotes_belong_to_an_account() -> None:
    elsewhere = replace(queued(1, entry="200"), signal=replace(queued(1).signal, key=key("BTC/USDT", "1m", "live")))
    here = queued(2, entry="101")
    assert ranking.best([elsewhere, here], {PAIR: quote("100")}, NOBODY, RULES) is here


@pytest.mark.rule("QUE-2")
def test_an_entry_without_a_price_enters_at_the_mark_and_loses_nothing() -> None:
    assert order([queued(1, entry=None), queued(2, entry="101"), queued(3, entry="99")]) == ["2", "1", "3"]


@pytest.mark.rule("QUE-2")
def test_rules_can_be_switched_off_and_their_order_changed() -> None:
    entries = [queued(1, entry="99"), queued(2, entry="105", replacement_count=1), queued(3, replacement_count=2)]
    assert order(entries, rules=(RankRule.FIRST_IN,)) == ["1", "2", "3"]
    assert order(entries, rules=(RankRule.REPLACEMENTS,)) == ["3", "2", "1"]
    assert order(entries, rules=(RankRule.REPLACEMENTS, RankRule.DEEPEST_LOSS)) == ["3", "2", "1"]
    assert order(entries, rules=(RankRule.DEEPEST_LOSS, RankRule.REPLACEMENTS)) == ["2", "3", "1"]


@pytest.mark.rule("QUE-2")
def test_the_highest_expected_profit_goes_first_and_an_unknown_one_last() -> None:
    profits: list[Decimal | None] = [None, D("-5"), D("0.00000001"), D("1E+30"), D(0)]
    entries = [queued(number, expected_profit=profit) for number, profit in enumerate(profits, start=1)]
    assert order(entries, rules=(RankRule.HIGHEST_EXPECTED_PROFIT,)) == ["4", "3", "5", "2", "1"]


@pytest.mark.rule("QUE-2", "SIG-6")
def test_the_new_side_of_a_reverse_goes_before_everybody_whatever_the_rules() -> None:
    first = queued(1, entry="200", replacement_count=9, expected_profit=D(99))
    reverse = queued(2, entry="90", is_reverse=True)
    for rules in permutations(RankRule, 2):
        for at in ("100", None):
            assert order([first, reverse], at, frozenset({first.key}), rules) == ["2", "1"]
    later = queued(3, entry="90", is_reverse=True)
    assert order([later, first, reverse]) == ["2", "3", "1"], "among themselves by the rules"


@pytest.mark.rule("QUE-7")
def test_the_rank_of_a_reverse_says_so() -> None:
    (shown,) = ranking.rank([queued(1, is_reverse=True)], {}, NOBODY, (RankRule.FIRST_IN,))
    assert shown.why == (("reverse", "yes"), ("first_in", f"{NOW_MS + 1} ms"))


@pytest.mark.rule("QUE-7")
def test_each_rank_says_why() -> None:
    entry = queued(1, entry="101.25", replacement_count=2, expected_profit=D("12.50"))
    (shown,) = ranking.rank([entry], {PAIR: quote("100")}, frozenset({entry.key}), tuple(RankRule))
    assert shown == ranking.Ranked(
        queued=entry,
        rank=1,
        continuation=True,
        loss_percent=D("-1.23"),
        replacement_count=2,
        first_queue_time_ms=NOW_MS + 1,
        expected_profit=D("12.50"),
        why=(
            (RankRule.CONTINUATION, "yes"),
            (RankRule.DEEPEST_LOSS, "-1.23 %"),
            (RankRule.REPLACEMENTS, "2"),
            (RankRule.FIRST_IN, f"{NOW_MS + 1} ms"),
            (RankRule.HIGHEST_EXPECTED_PROFIT, "12.5"),
        ),
    )


# --- what always holds ----------------------------------------------------------------------------


prices = st.decimals("0.00000001", 10**6, places=8) | st.sampled_from([D(100), D("100.01"), D("99.99")])
some = st.builds(
    lambda number, price, side, symbol, count, first, profit, is_reverse: queued(
        number,
        entry=None if price is None else str(price),
        side=side,
        symbol=symbol,
        replacement_count=count,
        first_queue_time_ms=first,
        expected_profit=profit,
        is_reverse=is_reverse,
    ),
    number=st.integers(1, 99_999),
    price=st.none() | prices,
    side=st.sampled_from(Side),
    symbol=st.sampled_from(["BTC/USDT", "ETH/USDT", "XRP/USDT"]),
    count=st.integers(0, 2) | st.just(2**40),
    first=st.integers(NOW_MS, NOW_MS + 2),
    profit=st.none() | st.decimals(-(10**6), 10**6, places=10),
    is_reverse=st.sampled_from([False, False, True]),
)
many = st.lists(some, min_size=1, max_size=25, unique_by=lambda entry: entry.signal.signal_id)
some_quotes = st.dictionaries(
    st.tuples(st.just("paper"), st.sampled_from(["BTC/USDT", "ETH/USDT"])),
    st.builds(lambda price, spread: Quote(bid=price, ask=price + spread, time_ms=NOW_MS), prices, prices),
)
some_rules = st.lists(st.sampled_from(RankRule), min_size=1, unique=True).map(tuple)


@pytest.mark.rule("QUE-2")
@given(many, some_quotes, some_rules, st.randoms(use_true_random=False))
def test_the_rank_is_a_total_order_that_does_not_depend_on_the_order_of_asking(
    entries: list[Queued], quotes: dict[tuple[str, str], Quote], rules: tuple[RankRule, ...], chance: random.Random
) -> None:
    continuing = frozenset(entry.key for entry in entries[::3])
    ranked = [one.queued for one in ranking.rank(entries, quotes, continuing, rules)]
    shuffled = entries[:]
    chance.shuffle(shuffled)
    assert [one.queued for one in ranking.rank(shuffled, quotes, continuing, rules)] == ranked
    pair = ranked[0], ranked[-1]
    assert ranking.best(pair, quotes, continuing, rules) is ranked[0]


@pytest.mark.rule("QUE-2", "QUE-4")
@given(many, some_quotes, some_quotes, some_rules, st.data())
def test_the_index_always_names_the_first_and_the_last_in_rank(
    entries: list[Queued],
    before: dict[tuple[str, str], Quote],
    after: dict[tuple[str, str], Quote],
    rules: tuple[RankRule, ...],
    data: st.DataObject,
) -> None:
    """Through additions, replacements and removals, changing quotes, and changing sets of keys."""
    index, there = QueueIndex(rules), {}
    for entry in entries:
        index.put(entry)
        there[entry.key] = entry
    for quotes in (before, after, after):
        continuing = data.draw(st.frozensets(st.sampled_from([entry.key for entry in entries])))
        out = data.draw(st.frozensets(st.sampled_from([entry.key for entry in entries])))
        while True:
            left = [entry for where, entry in there.items() if where not in out]
            best = index.best(quotes, continuing, out)
            assert best is ranking.best(left, quotes, continuing, rules)
            ranked = ranking.rank(left, quotes, continuing, rules)
            assert index.worst(quotes, continuing, out) is (ranked[-1].queued if ranked else None)
            assert len(index) == len(there)
            if best is None or data.draw(st.booleans()):
                break
            del there[best.key]
            index.remove(best.key)


@given(many)
def test_the_index_gives_back_what_was_put_in(entries: list[Queued]) -> None:
    index = QueueIndex(RULES)
    for entry in entries:
        index.put(entry)
    assert {entry.key: entry for entry in index} == {entry.key: index.get(entry.key) for entry in entries}
    assert set(index.symbols()) == {(entry.key.account, entry.key.symbol) for entry in entries}
    for entry in entries:
        index.remove(entry.key)
        index.remove(entry.key)
    assert (len(index), list(index), index.best({})) == (0, [], None)
    assert index.worst({}) is None


@pytest.mark.rule("QUE-2")
def test_the_index_ranks_by_the_quotes_of_the_moment() -> None:
    long, short = queued(1, entry="101"), queued(2, entry="99", side=Side.SHORT)
    index = QueueIndex(RULES)
    index.put(long)
    index.put(short)
    assert index.best({PAIR: quote("99")}) is long
    assert index.best({PAIR: quote("101")}) is short
    assert index.best({}) is long


@pytest.mark.rule("QUE-1")
def test_the_index_keeps_one_entry_per_key_the_newest() -> None:
    index = QueueIndex(RULES)
    index.put(queued(1, entry="200"))
    index.put(queued(2, entry="150"))
    assert index.best({PAIR: quote("100")}) == queued(1, entry="200")
    index.put(queued(1, entry="120", replacement_count=1))
    assert len(index) == 2
    assert index.best({PAIR: quote("100")}) == queued(2, entry="150")


@pytest.mark.rule("QUE-2")
def test_absurd_prices_still_have_an_order() -> None:
    entries = [
        queued(1, entry="0.00000000000000000001", side=Side.SHORT),
        queued(2, entry="1E+60"),
        queued(3, entry="1E-60"),
        queued(4),
    ]
    assert order(entries, at="1E+70") == ["1", "2", "4", "3"]


# --- waited too long ------------------------------------------------------------------------------


def stale(entry: Queued, at: str | None = "100", waited_s: int = 0, **settings: Any) -> Reason | None:
    now_ms = entry.queue_time_ms + waited_s * 1000
    at_quote = None if at is None else quote(at)
    refused = ranking.refuse_stale(entry, now_ms, at_quote, QueueSettings(**settings))
    return refused.reason if refused else None


@pytest.mark.rule("QUE-3")
def test_age_is_off_by_default() -> None:
    assert stale(queued(), waited_s=10**8) is None


@pytest.mark.rule("QUE-3")
@pytest.mark.parametrize(("waited_s", "reason"), [(60, None), (61, Reason.WAITED_TOO_LONG)])
def test_an_entry_older_than_the_maximum_is_refused(waited_s: int, reason: Reason | None) -> None:
    assert stale(queued(), waited_s=waited_s, max_age_s=60) is reason


@pytest.mark.rule("QUE-3", "QUE-1")
def test_age_counts_from_the_newest_signal() -> None:
    replaced = queued(1, first_queue_time_ms=NOW_MS - 10**9)
    assert stale(replaced, waited_s=59, max_age_s=60) is None


@pytest.mark.rule("QUE-3", "QUE-8")
@pytest.mark.parametrize("waits_for", [Reason.OPPOSITE_SIDE, Reason.OPPOSITE_ON_INSTRUMENT])
def test_who_waits_for_the_opposite_side_has_an_age_of_its_own(waits_for: Reason) -> None:
    entry = queued(1, wait_reason=waits_for)
    assert stale(entry, waited_s=86_400) is None
    assert stale(entry, waited_s=86_401) is Reason.WAITED_TOO_LONG
    assert stale(queued(), waited_s=86_401) is None
    assert stale(entry, waited_s=100, max_age_s=60) is Reason.WAITED_TOO_LONG
    assert stale(entry, waited_s=10**8, opposite_max_age_s=None) is None


@pytest.mark.rule("QUE-3", "SIG-6")
def test_who_waits_for_its_own_slot_does_not_grow_too_old_but_its_price_may_run_away() -> None:
    entry = queued(1, wait_reason=Reason.REVERSING, is_reverse=True)
    assert stale(entry, waited_s=10**8, max_age_s=60) is None
    assert stale(entry, "103", max_deviation_percent=D(2)) is Reason.PRICE_DEVIATED
    without_slot = queued(1, wait_reason=Reason.POOL_FULL, is_reverse=True)
    assert stale(without_slot, waited_s=61, max_age_s=60) is Reason.WAITED_TOO_LONG


@pytest.mark.rule("QUE-3")
@pytest.mark.parametrize(
    ("at", "reason"),
    [
        ("102", None),
        ("98", None),
        ("102.01", Reason.PRICE_DEVIATED),
        ("97.99", Reason.PRICE_DEVIATED),
        (None, None),
        ("0", None),
    ],
)
def test_a_mark_too_far_from_the_entry_is_refused(at: str | None, reason: Reason | None) -> None:
    assert stale(queued(entry="100"), at, max_deviation_percent=D(2)) is reason
    assert stale(queued(entry="100"), at) is None
    assert stale(queued(entry=None), at, max_deviation_percent=D(2)) is None
