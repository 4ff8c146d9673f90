"""Streams that go away, clocks that are off, keys that may too much, and what a check of the account says of it all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors import account_messages as am
from actors import messages as m
from actors.budget import LimitedBudget
from actors.gateway_health import PROBE_AGAIN_MS, PROBE_PAUSE_MS, PROBE_TIMEOUT_MS
from actors.gateway_streams import GRACE_MS, SWEEP_WHILE_DOWN_MS
from actors.messages import Fate
from actors.rules.rates import Ask, RateRules, Window, Work
from actors.rules.records import RaiseAlert, ResolveAlert
from actors.rules.settings import AccountSettings, ExecutionSettings, Settings
from tests.actors.gateway_world import Box, World, balances
from tests.actors.test_gateway_limits import opened, standing

LIVE = AccountSettings(name="paper", exchange="binance")


def severity(world: World, kind: str) -> str:
    return next(row.severity for row in reversed(world.rows(RaiseAlert)) if row.alert_key == f"{kind}:paper")


def is_ready(world: World) -> bool:
    """As Pool knows it; a settled account was ready."""
    told = world.told(m.AccountChanged, "pool/paper")
    return told[-1].ready if told else True


# --- streams ---------------------------------------------------------------------------------------


@pytest.mark.rule("REC-4", "LOG-5")
def test_a_stream_that_stays_away_raises_an_alert_and_one_that_comes_back_at_once_does_not() -> None:
    world = World().settle()
    world.stream_changed("orders", False, "closed with 1006")
    world.pass_answering_ms(GRACE_MS - 1_000)
    world.stream_changed("orders", True)
    world.pass_answering_ms(GRACE_MS)
    assert world.rows(RaiseAlert) == []
    world.stream_changed("orders", False, "closed with 1006")
    world.pass_answering_ms(GRACE_MS)
    (alert,) = world.rows(RaiseAlert)
    assert (alert.severity, alert.alert_key) == ("warning", "stream:paper")
    assert "closed with 1006" in alert.message
    assert is_ready(world)
    world.stream_changed("orders", True)
    assert [row.alert_key for row in world.rows(ResolveAlert)] == [alert.alert_key]


@pytest.mark.rule("ORD-5", "REC-4")
@pytest.mark.parametrize("stream", ["orders", "trades", "balances"])
def test_while_a_stream_of_orders_is_down_the_sweeps_come_faster(stream: str) -> None:
    world = World().settle()
    world.stream_changed(stream, False)
    for _ in range(3):
        world.pass_ms(SWEEP_WHILE_DOWN_MS)
        assert len(world.exchange.take("fetch_open_orders")) == 1
        world.listed()
        world.answer_questions()
    world.stream_changed(stream, True)
    world.answer_questions()
    world.pass_ms(SWEEP_WHILE_DOWN_MS)
    assert world.exchange.take("fetch_open_orders") == []


@pytest.mark.rule("ORD-5")
def test_a_stream_that_goes_does_not_put_off_the_sweep() -> None:
    world = World(execution=ExecutionSettings(sweep_interval_s=2)).settle()
    world.pass_ms(1_999)
    world.exchange.take("fetch_open_orders")
    world.stream_changed("orders", False)
    world.pass_ms(1)
    assert world.exchange.take("fetch_open_orders")


def test_prices_that_are_down_do_not_hurry_the_sweeps() -> None:
    world = World().settle()
    world.stream_changed("prices", False)
    world.pass_ms(SWEEP_WHILE_DOWN_MS)
    assert world.exchange.take("fetch_open_orders") == []
    world.pass_ms(GRACE_MS)
    assert standing(world, "stream")


@pytest.mark.rule("ORD-7")
def test_a_stream_that_comes_up_has_the_account_compared_at_once() -> None:
    world = World().settle()
    world.stream_changed("orders", True)
    assert [name for name, _ in world.exchange.asked] == ["fetch_open_orders", "fetch_balances"]


@pytest.mark.rule("ORD-7")
def test_an_answer_that_was_under_way_when_the_stream_came_up_is_not_trusted_to_be_the_newest() -> None:
    world = World()  # The first questions are under way.
    world.exchange.asked.clear()
    world.stream_changed("orders", True)
    assert world.exchange.asked == []
    world.listed()
    assert len(world.exchange.take("fetch_open_orders")) == 1
    world.listed()
    assert world.exchange.take("fetch_open_orders") == []


# --- the clock -------------------------------------------------------------------------------------


@pytest.mark.rule("LOG-5")
@pytest.mark.parametrize("sign", [1, -1])
def test_a_clock_that_is_off_is_said_by_how_much_and_only_the_absurd_holds_entries(sign: int) -> None:
    world = World().settle()

    def measured(offset_ms: int, round_trip_ms: int = 0) -> None:
        world.tell(am.ClockMeasured(incarnation=7, offset_ms=sign * offset_ms, round_trip_ms=round_trip_ms))

    measured(1_000)
    measured(1_900, round_trip_ms=2_000)  # Half of the way there and back may explain it.
    assert not standing(world, "clock")
    measured(1_001)
    assert (standing(world, "clock"), severity(world, "clock")) == (True, "warning")
    measured(5_001)
    assert (standing(world, "clock"), severity(world, "clock")) == (True, "error")
    assert is_ready(world)
    assert ("behind" if sign > 0 else "ahead of") in world.rows(RaiseAlert)[-1].message
    measured(30_001)
    assert not is_ready(world)
    measured(0)
    assert is_ready(world)
    assert not standing(world, "clock")


# --- the key ---------------------------------------------------------------------------------------


@pytest.mark.rule("SEC-5")
def test_a_live_account_whose_key_may_withdraw_takes_no_entries_and_says_so_loudly() -> None:
    world = World(account=LIVE).settle()
    world.probed(may_withdraw=True)
    assert severity(world, "withdraw") == "error"
    newest = world.told(m.AccountChanged)[-1]
    assert not newest.ready
    assert "may withdraw" in newest.detail
    world.probed(may_withdraw=False)
    assert is_ready(world)
    assert not standing(world, "withdraw")


@pytest.mark.rule("SEC-5")
def test_told_otherwise_it_is_traded_and_still_said() -> None:
    for account in (replace(LIVE, allow_withdraw=True), replace(LIVE, testnet=True)):
        world = World(account=account).settle()
        world.probed(may_withdraw=True)
        assert severity(world, "withdraw") == "error"
        assert is_ready(world)


@pytest.mark.rule("SEC-5", "CFG-2")
def test_allowing_it_counts_at_once() -> None:
    world = World(account=LIVE).settle()
    world.probed(may_withdraw=True)
    allowed = replace(LIVE, allow_withdraw=True)
    world.tell(m.SettingsChanged(settings=Settings(accounts={"paper": allowed})))
    assert is_ready(world)


@pytest.mark.rule("SEC-5")
def test_a_live_account_is_not_ready_before_it_is_known_what_its_key_may() -> None:
    world = World(account=LIVE)
    world.tell(m.InstrumentsFetched(incarnation=7, fate=Fate.ACCEPTED))
    world.tell(m.BalancesFetched(incarnation=7, fate=Fate.ACCEPTED, balances=balances("100")))
    world.listed()
    assert not is_ready(world)
    world.probed(may_withdraw=None)  # The venue does not say: then nothing speaks against it.
    assert is_ready(world)


@pytest.mark.rule("SEC-5")
def test_a_probe_that_did_not_get_to_the_key_leaves_known_what_was_known_and_is_soon_repeated() -> None:
    world = World(account=LIVE)
    world.tell(m.InstrumentsFetched(incarnation=7, fate=Fate.ACCEPTED))
    world.tell(m.BalancesFetched(incarnation=7, fate=Fate.ACCEPTED, balances=balances("100")))
    world.listed()
    world.exchange.take("probe")
    world.probed(("permissions", False, "not now"), may_withdraw=None, is_key_known=False)
    world.pass_ms(PROBE_AGAIN_MS)
    assert not is_ready(world)
    assert "not known yet" in world.told(m.AccountChanged)[-1].detail
    assert len(world.exchange.take("probe")) == 1
    world.probed(may_withdraw=True)
    world.probed(("permissions", False, "not now"), may_withdraw=None, is_key_known=False)
    assert not is_ready(world)
    assert standing(world, "withdraw")
    world.probed(may_withdraw=False)
    world.probed(("permissions", False, "not now"), may_withdraw=None, is_key_known=False)
    assert is_ready(world)


def test_an_account_is_probed_at_the_start_again_when_that_is_not_answered_and_every_day() -> None:
    world = World()
    assert len(world.exchange.take("probe")) == 1
    world.pass_ms(PROBE_TIMEOUT_MS + PROBE_AGAIN_MS)
    assert len(world.exchange.take("probe")) == 1
    world.probed()
    world.pass_ms(PROBE_PAUSE_MS - 1)
    assert world.exchange.take("probe") == []
    world.pass_ms(1)
    assert len(world.exchange.take("probe")) == 1


@pytest.mark.rule("LOG-5")
def test_what_a_probe_finds_wrong_is_an_alert_before_the_first_signal() -> None:
    world = World().settle()
    world.probed(("connection", True, "reached"), ("key", False, "Invalid API-key: check api_key"))
    (alert,) = world.rows(RaiseAlert)
    assert alert.message.endswith("paper: key: Invalid API-key: check api_key")
    world.probed(("connection", True, "reached"), ("key", True, "valid"))
    assert not standing(world, "account_check")


# --- what a check says -----------------------------------------------------------------------------


def checked(world: World) -> dict[str, tuple[bool, str]]:
    box = Box()
    world.tell(m.CheckAccount(reply_to=box))
    world.probed(("key", True, "may trade"))
    world.tell(m.BalancesFetched(incarnation=7, fate=Fate.ACCEPTED, balances=balances("100")))
    (report,) = world.told(m.AccountReport, box)
    return {name: (is_well, words) for name, is_well, words in report.checks}


def test_a_check_names_streams_clock_budget_and_circuit() -> None:
    world = World().settle()
    window = Window(name="weight", limit=100, period_ms=60_000)
    world.exchange.budget = LimitedBudget(RateRules(windows=(window,), costs={Ask.SUBMIT: {"weight": 1}}))
    world.exchange.budget.take(Ask.SUBMIT, Work.CLOSE, world.now_ms, 42)
    world.stream_changed("orders", True)
    world.tell(am.ClockMeasured(incarnation=7, offset_ms=-1_500, round_trip_ms=10))
    checks = checked(world)
    assert checks["key"] == (True, "may trade")
    assert checks["rate"] == (True, "42 % of weight")
    assert checks["streams"] == (True, "orders")
    assert checks["clock"] == (
        False,
        "this machine's clock is 1500 ms ahead of the exchange's: set it by a time server (NTP)",
    )
    assert checks["circuit"] == (True, "closed")


def test_a_check_says_what_is_wrong() -> None:
    world = World().settle()
    world.exchange.budget = LimitedBudget(RateRules())
    world.stream_changed("orders", False, "no route")
    world.tell(am.Banned(incarnation=7, for_ms=90_000, words="banned"))
    checks = checked(world)
    assert checks["streams"] == (
        False,
        "no stream of orders (no route); orders are asked for every few seconds instead",
    )
    assert checks["rate"] == (False, "the exchange takes nothing from this address for another 91 s")
    world = opened()
    box = Box()
    world.tell(m.CheckAccount(reply_to=box))
    world.pass_ms(8_000)
    (report,) = world.told(m.AccountReport, box)
    assert {name: is_well for name, is_well, _ in report.checks}["circuit"] is False


@pytest.mark.rule("SEC-5")
@pytest.mark.parametrize("is_allowed", [False, True])
def test_a_check_fails_a_key_that_may_withdraw_unless_that_is_allowed(is_allowed: bool) -> None:
    account = AccountSettings(name="paper", exchange="binance", allow_withdraw=is_allowed)
    world = World(account=account).settle()
    box = Box()
    world.tell(m.CheckAccount(reply_to=box))
    world.tell(am.AccountProbed(incarnation=7, checks=(("key", True, "taken"),), may_withdraw=True))
    world.tell(m.BalancesFetched(incarnation=7, fate=Fate.ACCEPTED, balances=balances("100")))
    (report,) = world.told(m.AccountReport, box)
    [(is_well, words)] = [(is_well, words) for name, is_well, words in report.checks if name == "withdrawal"]
    assert is_well is is_allowed
    assert words.startswith("THE KEY MAY WITHDRAW FUNDS")


def test_a_check_that_our_own_budget_holds_up_says_so() -> None:
    world = World().settle()
    window = Window(name="weight", limit=100, period_ms=60_000)
    world.exchange.budget = LimitedBudget(RateRules(windows=(window,), costs={Ask.SUBMIT: {"weight": 1}}))
    world.exchange.budget.take(Ask.SUBMIT, Work.CLOSE, world.now_ms, 71)
    box = Box()
    world.tell(m.CheckAccount(reply_to=box))
    world.pass_ms(8_000)
    (report,) = world.told(m.AccountReport, box)
    words = "the check waits for the request budget: try again in a minute"
    assert report.checks[0] == ("connection", False, words)


def test_people_who_ask_at_once_share_one_probe_and_all_hear() -> None:
    world = World().settle()
    first, second = Box(), Box()
    world.tell(m.CheckAccount(reply_to=first))
    world.tell(m.CheckAccount(reply_to=second))
    assert len(world.exchange.take("probe")) == 1
    world.probed()
    world.tell(m.BalancesFetched(incarnation=7, fate=Fate.ACCEPTED, balances=balances("100")))
    assert [to for to, message in world.life.told if isinstance(message, m.AccountReport)] == [first, second]
