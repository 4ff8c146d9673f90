"""What must hold between a decision and the venue's bytes, and what may be concluded from its silence."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from actors.account_messages import ForeignTraded
from actors.budget import LimitedBudget
from actors.messages import Answered, Fate, LookedUp, Streamed
from actors.rules.model import OrderState, Reason, Role
from actors.rules.rates import Ask, RateRules, Window
from daemon.exchanges import ccxt_orders
from daemon.exchanges.venues.venue import SetupFault
from tests.daemon.exchanges.fake_venue import Desk, FakeVenue, an_order, raw_order, raw_trade


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.stop()


def posts(desk: Desk) -> list[str]:
    """Requests that left for the venue to change something."""
    return [name for name, _ in desk.venue.asked if name.startswith("POST")]


def placing(desk: Desk, before: Any = None) -> Any:
    """A `create` that waits for something before its bytes leave, as ccxt does for its markets."""

    async def create() -> Any:
        if before is not None:
            await before()
        await desk.venue.client.fetch("order", "POST", {}, "")
        return raw_order(an_order())

    return create


@pytest.mark.rule("ORD-3")
def test_an_order_that_was_held_up_never_leaves_late(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ccxt_orders, "SEND_WITHIN_MS", 50)

    async def wait() -> None:
        await asyncio.sleep(0.1)

    desk.venue.on["create"] = placing(desk, wait)
    desk.exchange.submit([an_order()])
    answer = desk.wait_for(Answered)
    assert (answer.fate, answer.reason) == (Fate.TEMPORARY, Reason.ACCOUNT_NOT_READY)
    assert not posts(desk)


@pytest.mark.rule("ORD-3")
@pytest.mark.parametrize("request_", ["submit", "amend"])
def test_what_an_earlier_life_asked_for_is_stopped_right_before_its_bytes_leave(desk: Desk, request_: str) -> None:
    desk.venue.can_amend = desk.exchange.can_amend = True

    async def restart() -> None:
        desk.exchange.start(desk._take, 2)

    desk.venue.on["create"] = desk.venue.on["amend"] = placing(desk, restart)
    getattr(desk.exchange, request_)([an_order()])
    name = "create" if request_ == "submit" else "amend"
    desk.wait_until(lambda: any(asked == name for asked, _ in desk.venue.asked))
    desk.exchange.look_up(an_order(2))  # Behind it on the loop.
    desk.wait_for(LookedUp)
    assert not posts(desk)


def test_a_question_on_the_way_to_an_order_is_never_stopped(desk: Desk) -> None:
    async def ask() -> None:
        await desk.venue.client.fetch("markets", "GET", {}, None)

    desk.venue.on["create"] = placing(desk, ask)
    desk.exchange.submit([an_order()])
    assert desk.wait_for(Answered).fate == Fate.ACCEPTED
    assert posts(desk) == ["POST order"]


@pytest.mark.rule("EXIT-5")
def test_what_closes_a_position_does_not_wait_for_its_settings(desk: Desk) -> None:
    desk.venue.on["prepare"] = SetupFault("leverage is 5, wanted is 1")
    order = an_order(role=Role.CLOSE, reduce_only=True)
    desk.venue.on["create"] = raw_order(order)
    desk.exchange.submit([order])
    assert desk.wait_for(Answered).fate == Fate.ACCEPTED


def test_an_entry_whose_settings_are_wrong_is_refused_with_the_remedy(desk: Desk) -> None:
    desk.venue.on["prepare"] = SetupFault("leverage is 5, wanted is 1")
    desk.exchange.submit([an_order()])
    answer = desk.wait_for(Answered)
    assert (answer.fate, answer.reason) == (Fate.REFUSED, Reason.ACCOUNT_NOT_READY)
    assert answer.words == "leverage is 5, wanted is 1"


@pytest.mark.rule("ORD-3")
def test_an_entry_that_waits_for_its_settings_is_told_so_and_never_leaves_by_itself(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ccxt_orders, "SETUP_WAIT_S", 0.05)
    gate = asyncio.Event()

    async def prepare() -> None:
        await gate.wait()

    desk.venue.on["prepare"] = prepare
    desk.venue.on["create"] = placing(desk)
    desk.exchange.submit([an_order()])
    answer = desk.wait_for(Answered)
    assert (answer.fate, answer.reason) == (Fate.TEMPORARY, Reason.ACCOUNT_NOT_READY)
    desk.got.clear()
    desk.loop.post(gate.set)
    desk.exchange.submit([an_order()])
    assert desk.wait_for(Answered).fate == Fate.ACCEPTED
    assert posts(desk) == ["POST order"]


@pytest.mark.rule("ORD-3")
def test_not_found_is_no_answer_as_long_as_the_order_may_be_accepted_by_a_clock_nobody_sets(desk: Desk) -> None:
    order = an_order()
    desk.venue.on["create"] = ccxt.RequestTimeout("binance POST https://x/order")
    desk.exchange.submit([order])
    desk.wait_for(Answered)
    desk.exchange.look_up(order)
    assert desk.wait_for(LookedUp).fate == Fate.TEMPORARY
    desk.got.clear()
    desk.exchange.acceptance_window_ms = 0
    desk.exchange.look_up(order)
    assert desk.wait_for(LookedUp).fate == Fate.ACCEPTED


@pytest.mark.rule("ORD-5")
def test_not_found_is_no_answer_while_executions_the_venue_told_of_are_still_to_come(desk: Desk) -> None:
    order = an_order()
    desk.venue.on["create"] = raw_order(order, "open", "2")
    desk.exchange.submit([order])
    desk.wait_for(Answered)
    desk.exchange.acceptance_window_ms = 0
    desk.venue.on["find"] = None
    desk.exchange.look_up(order)
    assert desk.wait_for(LookedUp).fate == Fate.TEMPORARY
