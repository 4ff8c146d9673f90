"""What an account tells about its connection to whoever looks, and that Pool is not bothered with it."""

from __future__ import annotations

from actors import account_messages as am
from actors import messages as m
from actors.budget import LimitedBudget
from actors.rules.rates import Ask, RateRules, Window, Work
from tests.actors.gateway_world import Box, World, order
from tests.actors.test_gateway_limits import opened

WINDOW = Window(name="weight", limit=100, period_ms=60_000)


def condition(world: World) -> m.AccountCondition:
    box = Box()
    world.tell(m.DescribeAccount(reply_to=box))
    told = world.told(m.AccountChanged, box)[-1]
    assert told.condition is not None
    return told.condition


def test_a_fresh_account_knows_nothing_and_says_so() -> None:
    world = World()
    now = condition(world)
    assert (now.is_owned_known, now.is_failing, now.clock_offset_ms, now.may_withdraw) == (False, False, None, None)
    assert (now.streams, now.circuit, now.retry_ms) == ((), "closed", 0)


def test_streams_clock_budget_orders_and_key_are_told() -> None:
    world = World().settle()
    world.exchange.budget = LimitedBudget(RateRules(windows=(WINDOW,), costs={Ask.SUBMIT: {"weight": 1}}))
    world.exchange.budget.take(Ask.SUBMIT, Work.CLOSE, world.now_ms, 41)
    world.stream_changed("trades", True)
    world.stream_changed("orders", False, "no route")
    world.tell(am.ClockMeasured(incarnation=7, offset_ms=-25, round_trip_ms=10))
    world.probed(may_withdraw=True)
    world.tell(m.SubmitOrders(orders=(order(1), order(2))))
    now = condition(world)
    assert now.is_owned_known
    assert now.streams == (("orders", False, "no route"), ("trades", True, ""))
    assert now.windows == (("weight", 43, 100),)
    assert (now.clock_offset_ms, now.open_orders, now.may_withdraw) == (-25, 2, True)


def test_a_stream_says_since_when_it_is_up_or_down_and_repeated_news_does_not_change_that() -> None:
    world = World().settle()
    world.stream_changed("orders", True)
    came_ms = world.now_ms
    world.pass_ms(700)
    world.stream_changed("orders", True)
    assert condition(world).streams_since_ms == (("orders", came_ms),)
    world.stream_changed("orders", False, "no route")
    went_ms = world.now_ms
    world.pass_ms(300)
    world.stream_changed("orders", False, "still no route")
    assert went_ms > came_ms
    assert condition(world).streams_since_ms == (("orders", went_ms),)


def test_an_open_circuit_and_a_ban_are_told_with_their_end() -> None:
    world = opened()
    now = condition(world)
    assert (now.circuit, now.is_failing) == ("open", True)
    assert now.retry_ms > world.now_ms
    world.exchange.budget = LimitedBudget(RateRules())
    world.tell(am.Banned(incarnation=7, for_ms=90_000, words="banned"))
    assert condition(world).blocked_until_ms == world.now_ms + 90_000


def test_pool_hears_of_what_is_owned_and_not_of_the_connection() -> None:
    world = World().settle()
    world.tell(m.DescribeAccount(reply_to=None))
    told = world.told(m.AccountChanged, "pool/paper")[-1]
    assert told.condition is None
    assert told.balances["USDT"].free > 0


def test_streams_that_are_away_for_the_same_reason_are_told_together() -> None:
    world = World().settle()
    for stream in ("orders", "trades"):
        world.stream_changed(stream, False, "no route")
    world.stream_changed("prices", False, "too slow")
    box = Box()
    world.tell(m.CheckAccount(reply_to=box))
    world.pass_ms(8_000)
    [words] = [words for name, _, words in world.told(m.AccountReport, box)[-1].checks if name == "streams"]
    pace = "orders are asked for every few seconds instead"
    assert words == f"no stream of orders, trades (no route); of prices (too slow); {pace}"
