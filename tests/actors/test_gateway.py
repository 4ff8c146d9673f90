"""The gateway around its orders: readiness, prices, thresholds, the catalogue, and what a person asks."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from actors import messages as m
from actors.account_messages import WantPrices
from actors.gateway import REFRESH_PAUSE_MS
from actors.gateway_account import ANSWER_TIMEOUT_MS, TELL_PAUSE_MS
from actors.gateway_check import ANSWER_MS
from actors.messages import Fate
from actors.rules.events import Direction, Watch
from actors.rules.model import Balance, Reason, Refused
from actors.rules.position_watches import PRICE_LAG_MS
from actors.rules.records import RaiseAlert, ResolveAlert, SaveInstruments
from actors.rules.settings import AccountSettings, ExecutionSettings
from tests.actors.gateway_world import Box, World, balances, instrument, order

GROUP = "g" * 12


def failed(kind: str, world: World) -> object:
    if kind == "instruments":
        return m.InstrumentsFetched(incarnation=7, fate=Fate.TEMPORARY, words="away")
    if kind == "balances":
        return m.BalancesFetched(incarnation=7, fate=Fate.TEMPORARY, words="away")
    return m.OpenOrdersFetched(incarnation=7, fate=Fate.TEMPORARY, asked_ms=world.now_ms, words="away")


def watch(price: str, direction: Direction, side: str = "bid", name: str = "w") -> Watch:
    return Watch(watch_id=name, direction=direction, price=Decimal(price), book_side=side)


def watches(*wanted: Watch, incarnation: int = 1, group_id: str = GROUP) -> m.SetWatches:
    return m.SetWatches(group_id=group_id, incarnation=incarnation, symbol="BTC/USDT", watches=wanted)


# --- readiness -------------------------------------------------------------------------------------


def test_a_new_gateway_announces_itself_and_asks_for_everything() -> None:
    world = World()
    assert world.told(m.GatewayStarted, "supervisor") == [m.GatewayStarted(account="paper")]
    asked = [name for name, _ in world.exchange.asked]
    assert asked == ["start", "fetch_instruments", "fetch_balances", "fetch_open_orders", "probe"]
    assert [told.ready for told in world.told(m.AccountChanged, "pool/paper")] == [False]


@pytest.mark.rule("ORD-7")
def test_an_account_is_ready_only_after_catalogue_balances_and_open_orders() -> None:
    world = World()
    world.tell(m.InstrumentsFetched(incarnation=7, fate=Fate.ACCEPTED, instruments=(instrument(),)))
    world.tell(m.BalancesFetched(incarnation=7, fate=Fate.ACCEPTED, balances=balances("100")))
    assert not any(told.ready for told in world.told(m.AccountChanged))
    world.listed()
    newest = world.told(m.AccountChanged)[-1]
    assert (newest.ready, newest.detail, newest.balances) == (True, "", balances("100"))


@pytest.mark.parametrize("kind", ["instruments", "balances", "open orders"])
def test_a_failed_question_is_asked_again_with_growing_pauses_and_said(kind: str) -> None:
    world = World()
    call = {"instruments": "fetch_instruments", "balances": "fetch_balances"}.get(kind, "fetch_open_orders")
    world.exchange.asked.clear()
    for pause_ms in (1_000, 2_000, 4_000):
        world.tell(failed(kind, world))
        world.pass_ms(pause_ms - 1)
        assert world.exchange.take(call) == []
        world.pass_ms(1)
        assert len(world.exchange.take(call)) == 1
    world.pass_ms(TELL_PAUSE_MS)
    newest = world.told(m.AccountChanged)[-1]
    assert not newest.ready
    assert f"{kind}: away" in newest.detail


def test_a_question_that_is_never_answered_is_asked_again() -> None:
    world = World()
    world.exchange.asked.clear()
    world.pass_ms(ANSWER_TIMEOUT_MS + 1_000)
    assert len(world.exchange.take("fetch_instruments")) == 1


@pytest.mark.rule("LOG-5")
def test_an_account_that_cannot_be_reached_is_not_ready_and_raises_an_alert_until_it_answers() -> None:
    world = World().settle()
    for _ in range(3):
        world.tell(failed("balances", world))
    assert [told.ready for told in world.told(m.AccountChanged)] == [False]
    (alert,) = world.rows(RaiseAlert)
    world.tell(m.BalancesFetched(incarnation=7, fate=Fate.ACCEPTED, balances=balances("100")))
    assert world.told(m.AccountChanged)[-1].ready
    assert alert.alert_key in [row.alert_key for row in world.rows(ResolveAlert)]


@pytest.mark.rule("LOG-5")
def test_a_key_that_is_refused_is_said_to_be_refused_and_not_that_the_exchange_does_not_answer() -> None:
    world = World()
    world.tell(m.InstrumentsFetched(incarnation=7, fate=Fate.ACCEPTED, instruments=(instrument(),)))
    world.listed()
    for _ in range(4):
        world.tell(m.BalancesFetched(incarnation=7, fate=Fate.REFUSED, words="10003 the key is not valid"))
        world.pass_ms(1_000)
    (alert,) = world.rows(RaiseAlert)
    assert (alert.alert_key, alert.severity) == ("key_refused:paper", "critical")
    assert "refuses the API key (balances: 10003 the key is not valid)" in alert.message
    assert "refuses the API key" in world.told(m.AccountChanged)[-1].detail
    world.tell(m.BalancesFetched(incarnation=7, fate=Fate.ACCEPTED, balances=balances("100")))
    assert alert.alert_key in [row.alert_key for row in world.rows(ResolveAlert)]


@pytest.mark.rule("LOG-5")
def test_one_refusal_of_a_key_that_has_worked_is_no_refused_key() -> None:
    world = World().settle()
    refused = m.BalancesFetched(incarnation=7, fate=Fate.REFUSED, words="not now")
    for _ in range(2):
        world.tell(refused)
    assert world.rows(RaiseAlert) == []
    world.tell(refused)
    assert [row.alert_key for row in world.rows(RaiseAlert)] == ["key_refused:paper"]


def test_balances_that_change_quickly_are_told_together() -> None:
    world = World().settle()
    world.pass_ms(10_000)
    for free in ("90", "80", "70"):
        world.tell(m.BalancesFetched(incarnation=7, fate=Fate.ACCEPTED, balances=balances(free)))
    world.pass_ms(TELL_PAUSE_MS)
    told = [change.balances["USDT"].free for change in world.told(m.AccountChanged)]
    assert told == [Decimal(90), Decimal(70)]


def test_balances_that_did_not_change_are_not_told() -> None:
    world = World().settle()
    world.pass_ms(10_000)
    world.tell(m.BalancesFetched(incarnation=7, fate=Fate.ACCEPTED, balances=balances("100")))
    world.pass_ms(TELL_PAUSE_MS)
    assert world.told(m.AccountChanged) == []


def test_alerts_of_an_earlier_life_are_resolved_when_all_is_well() -> None:
    world = World()
    world.tell(m.InstrumentsFetched(incarnation=7, fate=Fate.ACCEPTED, instruments=(instrument(),)))
    world.tell(m.BalancesFetched(incarnation=7, fate=Fate.ACCEPTED))
    world.listed()
    assert "unreachable:paper" in [row.alert_key for row in world.rows(ResolveAlert)]


# --- the catalogue ---------------------------------------------------------------------------------


@pytest.mark.rule("PRC-1")
def test_a_catalogue_is_put_up_stored_and_told_and_an_unchanged_one_is_not_told_again() -> None:
    world = World()
    fetched = m.InstrumentsFetched(incarnation=7, fate=Fate.ACCEPTED, instruments=(instrument(),))
    world.tell(fetched)
    assert world.catalogue.instrument("paper", "BTC/USDT") == instrument()
    assert world.told(m.InstrumentsChanged, "pool/paper") == [m.InstrumentsChanged(account="paper")]
    assert [row.instruments for row in world.rows(SaveInstruments)] == [(instrument(),)]
    world.tell(fetched)
    assert len(world.told(m.InstrumentsChanged)) == len(world.rows(SaveInstruments)) == 1
    changed = replace(instrument(), tick_size=Decimal("0.1"))
    world.tell(m.InstrumentsFetched(incarnation=7, fate=Fate.ACCEPTED, instruments=(changed,)))
    assert len(world.told(m.InstrumentsChanged)) == len(world.rows(SaveInstruments)) == 2


@pytest.mark.rule("PRC-4")
def test_an_empty_list_does_not_wipe_the_catalogue_and_is_told() -> None:
    world = World().settle()
    known = world.catalogue.instruments("paper")
    asked = Box()
    world.tell(m.RefreshInstruments(reply_to=asked))
    world.exchange.asked.clear()
    world.tell(m.InstrumentsFetched(incarnation=7, fate=Fate.ACCEPTED))
    assert known
    assert world.catalogue.instruments("paper") == known
    assert world.rows(SaveInstruments) == []
    (refused,) = world.told(Refused, asked)
    assert "lists no instruments" in refused.detail
    assert [row.alert_key for row in world.rows(RaiseAlert)] == ["no_instruments:paper"]
    world.tell(m.InstrumentsFetched(incarnation=7, fate=Fate.ACCEPTED, instruments=tuple(known.values())))
    assert "no_instruments:paper" in [row.alert_key for row in world.rows(ResolveAlert)]


@pytest.mark.rule("PRC-1")
def test_the_catalogue_is_refreshed_every_hour() -> None:
    world = World().settle()
    world.pass_answering_ms(3_599_000)
    assert world.exchange.take("fetch_instruments") == []
    world.pass_ms(1_000)
    assert len(world.exchange.take("fetch_instruments")) == 1


def test_refusals_for_precision_ask_for_a_new_catalogue_at_most_once_a_minute() -> None:
    world = World().settle()
    for attempt in (1, 2):
        world.tell(m.SubmitOrders(orders=(order(attempt),)))
        world.answer(order(attempt), Fate.REFUSED, reason=Reason.BAD_QUANTITY)
        world.tell(m.InstrumentsFetched(incarnation=7, fate=Fate.ACCEPTED, instruments=(instrument(),)))
    assert len(world.exchange.take("fetch_instruments")) == 1
    world.pass_ms(REFRESH_PAUSE_MS)
    world.tell(m.SubmitOrders(orders=(order(3),)))
    world.answer(order(3), Fate.REFUSED, reason=Reason.BAD_QUANTITY)
    assert len(world.exchange.take("fetch_instruments")) == 1


def test_a_person_who_asks_for_a_refresh_is_told_the_count_or_the_refusal() -> None:
    world = World().settle()
    first, second = Box(), Box()
    world.tell(m.RefreshInstruments(reply_to=first))
    world.tell(m.InstrumentsFetched(incarnation=7, fate=Fate.ACCEPTED, instruments=(instrument(),)))
    assert (first, 1) in world.life.told
    world.tell(m.RefreshInstruments(reply_to=second))
    world.tell(failed("instruments", world))
    assert [refused.reason for refused in world.told(Refused, second)] == [Reason.PRECISION_MISSING]


# --- prices ----------------------------------------------------------------------------------------


def test_a_paper_account_streams_all_its_symbols() -> None:
    world = World()
    both = (instrument("ETH/USDT"), instrument("BTC/USDT"))
    world.tell(m.InstrumentsFetched(incarnation=7, fate=Fate.ACCEPTED, instruments=both))
    assert world.exchange.take("subscribe") == [("BTC/USDT", "ETH/USDT")]
    world.tell(m.InstrumentsFetched(incarnation=7, fate=Fate.ACCEPTED, instruments=both))
    assert world.exchange.take("subscribe") == []


def test_another_account_streams_what_is_watched() -> None:
    world = World(account=AccountSettings(name="paper", exchange="binance"))
    both = (instrument("ETH/USDT"), instrument("BTC/USDT"))
    world.tell(m.InstrumentsFetched(incarnation=7, fate=Fate.ACCEPTED, instruments=both))
    assert world.exchange.take("subscribe") == []
    world.tell(watches(watch("100", Direction.AT_OR_ABOVE)))
    assert world.exchange.take("subscribe") == [("BTC/USDT",)]


@pytest.mark.rule("QUE-2")
def test_prices_that_somebody_wants_are_streamed_until_nobody_does() -> None:
    world = World(account=AccountSettings(name="paper", exchange="binance"))
    symbols = ("ADA/USDT", "BTC/USDT", "ETH/USDT")
    found = tuple(instrument(symbol) for symbol in symbols)
    world.tell(m.InstrumentsFetched(incarnation=7, fate=Fate.ACCEPTED, instruments=found))
    world.tell(WantPrices(owner="queue/live", symbols=frozenset({"BTC/USDT", "XYZ/USDT"})))
    world.tell(WantPrices(owner="queue/live", symbols=frozenset({"ETH/USDT"}), is_whole=False))
    world.tell(WantPrices(owner=f"group/{GROUP}", symbols=frozenset({"BTC/USDT"})))
    world.tell(WantPrices(owner="queue/live", symbols=frozenset({"ADA/USDT"})))
    world.tell(WantPrices(owner="queue/live", symbols=frozenset()))
    world.tell(WantPrices(owner=f"group/{GROUP}", symbols=frozenset()))
    assert world.exchange.take("subscribe") == [
        ("BTC/USDT",),
        ("BTC/USDT", "ETH/USDT"),
        ("ADA/USDT", "BTC/USDT"),
        ("BTC/USDT",),
        (),
    ]


@pytest.mark.rule("ORD-10")
@pytest.mark.parametrize(("bid", "ask"), [("0", "1"), ("-1", "1"), ("2", "1"), ("NaN", "1"), ("1", "Infinity")])
def test_what_is_no_price_is_dropped_with_an_alert_until_a_good_one_comes(bid: str, ask: str) -> None:
    world = World().settle()
    world.quote("99", "101")
    good = world.marks.quote("paper", "BTC/USDT")
    world.quote(bid, ask)
    world.quote(bid, ask)
    assert world.marks.quote("paper", "BTC/USDT") == good
    (alert,) = world.rows(RaiseAlert)
    assert (alert.severity, alert.symbol) == ("warning", "BTC/USDT")
    world.quote("98", "99")
    assert [row.alert_key for row in world.rows(ResolveAlert)] == [alert.alert_key]


@pytest.mark.rule("ORD-10")
def test_an_overtaken_price_does_not_replace_a_newer_one_unless_the_clock_was_set_back() -> None:
    world = World().settle()
    world.pass_ms(5_000)
    world.quote("99", "101")
    world.life.set_clock(-500)
    world.quote("50", "51")
    newest = world.marks.quote("paper", "BTC/USDT")
    assert newest is not None
    assert newest.bid == 99
    world.life.set_clock(-3_000)
    world.quote("60", "61")
    newest = world.marks.quote("paper", "BTC/USDT")
    assert newest is not None
    assert newest.bid == 60


@pytest.mark.rule("LOG-5")
def test_prices_that_no_longer_come_raise_an_alert() -> None:
    def raised(world: World) -> list[str]:
        return [row.alert_key for row in world.rows(RaiseAlert) if row.alert_key.startswith("quote_age")]

    world = World()
    world.tell(m.InstrumentsFetched(incarnation=7, fate=Fate.ACCEPTED, instruments=(instrument(),)))
    world.quote("99", "101")
    world.pass_ms(60_000)
    assert raised(world) == []
    world.pass_ms(15_000)
    assert raised(world) == ["quote_age:paper:BTC/USDT"]
    world.quote("99", "101")
    world.pass_ms(15_000)
    assert "quote_age:paper:BTC/USDT" in [row.alert_key for row in world.rows(ResolveAlert)]


# --- thresholds ------------------------------------------------------------------------------------


@pytest.mark.rule("TP-6")
@pytest.mark.parametrize(
    ("direction", "side", "quotes"),
    [
        (Direction.AT_OR_ABOVE, "bid", [("99.9", "101"), ("100", "101")]),
        (Direction.AT_OR_ABOVE, "ask", [("98", "99.9"), ("98", "100")]),
        (Direction.AT_OR_BELOW, "bid", [("100.1", "101"), ("100", "101")]),
        (Direction.AT_OR_BELOW, "ask", [("98", "100.1"), ("98", "100")]),
    ],
)
def test_a_threshold_is_told_once_when_its_side_of_the_book_reaches_it(
    direction: Direction, side: str, quotes: list[tuple[str, str]]
) -> None:
    world = World().settle()
    world.tell(watches(watch("100", direction, side)))
    (before, reached) = quotes
    world.quote(*before)
    assert world.told(m.PriceCrossed) == []
    world.quote(*reached)
    world.quote(*reached)
    (crossed,) = world.told(m.PriceCrossed, f"group/{GROUP}")
    assert (crossed.watch_id, crossed.incarnation) == ("w", 1)


def test_a_threshold_already_reached_is_told_at_once_if_the_price_is_fresh() -> None:
    world = World(execution=ExecutionSettings(max_quote_age_s=30)).settle()
    world.quote("100", "101")
    world.tell(watches(watch("90", Direction.AT_OR_ABOVE)))
    assert len(world.told(m.PriceCrossed)) == 1
    world.pass_ms(30_001)
    world.tell(watches(watch("90", Direction.AT_OR_ABOVE)))
    assert len(world.told(m.PriceCrossed)) == 1


@pytest.mark.rule("ORD-10")
def test_a_price_from_before_the_fills_is_not_told_until_it_is_the_newest_for_a_while() -> None:
    world = World().settle()
    world.quote("100", "101")
    world.pass_ms(1)
    threshold = replace(watch("90", Direction.AT_OR_ABOVE), since_ms=world.now_ms)
    world.tell(watches(threshold))
    assert world.told(m.PriceCrossed) == []
    world.quote("95", "96")
    assert [crossed.quote.bid for crossed in world.told(m.PriceCrossed)] == [Decimal(95)]
    world.pass_ms(1)
    later = replace(threshold, since_ms=world.now_ms)
    world.pass_ms(PRICE_LAG_MS)
    world.tell(watches(later))
    assert len(world.told(m.PriceCrossed)) == 2


def test_a_set_of_thresholds_replaces_the_one_before_but_not_that_of_a_later_life() -> None:
    world = World().settle()
    world.tell(watches(watch("100", Direction.AT_OR_ABOVE, name="old"), incarnation=4))
    world.tell(watches(watch("100", Direction.AT_OR_ABOVE, name="new"), incarnation=5))
    world.tell(watches(watch("100", Direction.AT_OR_ABOVE, name="dead"), incarnation=4))
    world.quote("101", "102")
    assert [crossed.watch_id for crossed in world.told(m.PriceCrossed)] == ["new"]
    world.tell(watches(watch("200", Direction.AT_OR_ABOVE), incarnation=5))
    world.tell(watches(incarnation=5))
    world.quote("300", "301")
    assert len(world.told(m.PriceCrossed)) == 1


def test_each_group_hears_of_its_own_thresholds_only() -> None:
    world = World().settle()
    names = [f"{number:012d}" for number in range(200)]
    for number, name in enumerate(names):
        world.tell(watches(watch(str(100 + number), Direction.AT_OR_ABOVE), group_id=name))
    world.quote("149.5", "150")
    told = [to for to, message in world.life.told if isinstance(message, m.PriceCrossed)]
    assert told == [f"group/{name}" for name in names[:50]]


# --- what a person asks ----------------------------------------------------------------------------


def test_a_check_asks_the_exchange_and_lists_what_is_well() -> None:
    world = World().settle()
    box = Box()
    world.tell(m.CheckAccount(reply_to=box))
    assert world.told(m.AccountReport) == []
    assert len(world.exchange.take("probe")) == 1
    assert world.exchange.take("fetch_balances") == [], "the probe sets our clock first"
    world.probed(("key", True, "may trade"))
    assert world.told(m.AccountReport) == []
    assert len(world.exchange.take("fetch_balances")) == 1
    world.tell(m.BalancesFetched(incarnation=7, fate=Fate.ACCEPTED, balances=balances("100")))
    (report,) = world.told(m.AccountReport, box)
    verdicts = {name: is_well for name, is_well, _ in report.checks}
    assert next(iter(verdicts)) == "key"
    assert verdicts == {
        "key": True,
        "instruments": True,
        "balances": True,
        "open orders": True,
        "prices": False,
        "orders": True,
        "funds": True,
        "streams": True,
        "rate": True,
        "circuit": True,
    }


@pytest.mark.parametrize("name", ["connection", "key"])
def test_a_check_that_finds_the_cause_does_not_list_what_follows_from_it(name: str) -> None:
    world = World().settle()
    box = Box()
    world.tell(m.CheckAccount(reply_to=box))
    world.probed((name, False, "it is not known: copy it once more"))
    (report,) = world.told(m.AccountReport, box)
    assert [(found, is_well) for found, is_well, _ in report.checks] == [
        (name, False),
        ("orders", True),
        ("rate", True),
    ]


def test_a_check_of_a_silent_exchange_is_answered_all_the_same() -> None:
    world = World().settle()
    box = Box()
    world.tell(m.CheckAccount(reply_to=box))
    world.pass_ms(ANSWER_MS - 1)
    assert world.told(m.AccountReport, box) == []
    world.pass_ms(1)
    (report,) = world.told(m.AccountReport, box)
    assert report.checks[0] == ("connection", False, "the exchange has not answered the check yet")
    assert ("balances", False, "no answer yet") in report.checks


def test_a_description_is_the_newest_state_for_a_person_and_for_the_pool() -> None:
    world = World().settle()
    box = Box()
    world.tell(m.DescribeAccount(reply_to=box))
    (described,) = world.told(m.AccountChanged, box)
    assert described.ready
    world.tell(m.DescribeAccount(reply_to=None))
    assert world.told(m.AccountChanged, "pool/paper") == [described]


def test_an_account_that_is_told_no_fails_at_once_and_is_well_again_with_the_first_answer() -> None:
    world = World()

    def is_failing() -> bool:
        box = Box()
        world.tell(m.DescribeAccount(reply_to=box))
        (described,) = world.told(m.AccountChanged, box)
        assert described.condition is not None
        failing: bool = described.condition.is_failing
        return failing

    assert not is_failing(), "nothing was answered yet"
    world.tell(m.BalancesFetched(incarnation=7, fate=Fate.TEMPORARY, words="busy"))
    assert not is_failing(), "once is no habit"
    world.pass_ms(1_000)
    world.tell(m.BalancesFetched(incarnation=7, fate=Fate.REFUSED, words="the key is not known"))
    assert is_failing()
    world.tell(m.BalancesFetched(incarnation=7, fate=Fate.ACCEPTED, balances=balances("100")))
    assert not is_failing()


def test_a_price_is_set_on_paper_only() -> None:
    paper, real = World().settle(), World(account=AccountSettings(name="paper", exchange="binance")).settle()
    asked = m.SetPaperPrice(symbol="BTC/USDT", price=Decimal(100), reply_to=Box())
    paper.tell(asked)
    assert paper.exchange.take("set_price") == [("BTC/USDT", Decimal(100))]
    real.tell(asked)
    assert [refused.reason for refused in real.told(Refused)] == [Reason.EXCHANGE_REFUSED]


def test_new_settings_count_from_the_next_request_on() -> None:
    world = World(execution=ExecutionSettings(retries=0)).settle()
    settings = replace(world.settings, execution=ExecutionSettings(retries=1))
    world.tell(m.SettingsChanged(settings=settings))
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order(), Fate.TEMPORARY)
    assert world.reports() == []
    world.answer(order(), Fate.TEMPORARY)
    world.pass_ms(1_000)
    world.answer(order(), Fate.TEMPORARY)
    assert [each.reason for each in world.reports()] == [Reason.RETRIES_EXHAUSTED]


def test_a_message_that_is_not_for_a_gateway_is_a_bug() -> None:
    with pytest.raises(TypeError, match="MayStop"):
        World().tell(m.MayStop(group_id=GROUP))


@pytest.mark.rule("PNL-1")
def test_coins_that_lie_on_a_real_account_are_priced_so_that_its_equity_is_known() -> None:
    world = World(account=AccountSettings(name="paper", exchange="binance")).settle()
    dust = {"BTC": Balance(asset="BTC", free=Decimal("0.00003"), locked=Decimal(0))}
    world.tell(m.BalancesFetched(incarnation=7, fate=Fate.ACCEPTED, balances={**balances("100"), **dust}))
    assert world.exchange.take("subscribe") == [("BTC/USDT",)]
    world.tell(m.BalancesFetched(incarnation=7, fate=Fate.ACCEPTED, balances=balances("100")))
    assert world.exchange.take("subscribe") == [()]
