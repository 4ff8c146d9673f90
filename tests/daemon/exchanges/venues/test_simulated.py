"""The venues on real sockets, against the simulated exchanges."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from actors.rules.choices import Market, PositionMode
from actors.rules.model import OrderSide, OrderType, Role
from actors.rules.settings import AccountSettings
from daemon.config.schema_accounts import EXCHANGES
from daemon.exchanges.venues import venue_class
from daemon.exchanges.venues.settling import SetupFault
from daemon.exchanges.venues.venue import Credentials, Venue
from tests.daemon.exchanges.venues.wire_kit import CLIENT_ID, instrument, order
from tests.wire.run import Running

D = Decimal
PLACES = [("binance", Market.SPOT), ("binanceusdm", Market.SWAP), ("bybit", Market.SPOT), ("bybit", Market.SWAP)]
SWAPS = [("binanceusdm", Market.SWAP), ("bybit", Market.SWAP)]
CREATE_PATHS = {"binance": "/api/v3/order", "binanceusdm": "/fapi/v1/order", "bybit": "/v5/order/create"}


@pytest.fixture
def simulated(request: pytest.FixtureRequest) -> Iterator[tuple[Running, Market]]:
    exchange, market = request.param
    with Running(exchange) as running:
        running.admin.price("BTCUSDT", 50_000)
        yield running, market


def symbol_of(market: Market) -> str:
    return "BTC/USDT" if market is Market.SPOT else "BTC/USDT:USDT"


def on(running: Running, market: Market, work: Callable[[Venue], Awaitable[Any]], **account: Any) -> Any:
    """What `work` makes of a venue that speaks to the simulator; every request it made was one the simulator has."""
    found = venue_class(running.venue, market)
    assert isinstance(found, type), found
    ends = running.endpoints
    urls = {"rest": ends.rest, "ws": ends.ws}
    settings = AccountSettings(name="a", exchange=running.venue, market=market, urls=urls, **account)

    async def whole() -> Any:
        venue = found(settings, Credentials(api_key=ends.api_key, secret=ends.api_secret), None)
        try:
            await venue.instruments()
            return await work(venue)
        finally:
            await venue.close()

    made = asyncio.run(whole())
    assert [entry["path"] for entry in running.admin.requests() if entry["status"] == 404] == []
    return made


def buy(market: Market, **changes: Any) -> Any:
    given = {"quantity": D("0.01"), "price": D(49_000), "create_time_ms": int(time.time() * 1000)}
    return order(symbol_of(market), **{**given, **changes})


@pytest.mark.parametrize("simulated", PLACES, indirect=True)
def test_an_order_is_placed_found_listed_and_cancelled_by_our_id(simulated: tuple[Running, Market]) -> None:
    running, market = simulated

    async def life(venue: Venue) -> Any:
        given = buy(market)
        created = await venue.create(given, instrument(given.symbol, market))
        listed = await venue.open_orders([given.symbol])
        found = await venue.find(given)
        cancelled = await venue.cancel(given)
        return venue, created, listed, found.order, cancelled, (await venue.find(given)).order

    venue, created, listed, found, cancelled, last = on(running, market, life)
    assert len(listed) == 1
    assert {row["id"] for row in (created, *listed, found, last)} == {created["id"]}
    assert {venue.client_order_id(row) for row in (created, *listed, found, cancelled, last)} == {CLIENT_ID}
    assert (found["status"], D(found["price"]), D(found["amount"])) == ("open", D(49_000), D("0.01"))
    assert last["status"] == "canceled"


@pytest.mark.rule("ORD-3")
@pytest.mark.parametrize("simulated", PLACES, indirect=True)
def test_an_order_whose_answer_was_lost_is_found_with_its_execution(simulated: tuple[Running, Market]) -> None:
    from ccxt.base.errors import NetworkError

    running, market = simulated
    running.admin.fault("accept_then_drop", path=CREATE_PATHS[running.venue], client_order_id=CLIENT_ID)
    given = buy(market, type=OrderType.MARKET, price=None)

    async def lost(venue: Venue) -> Any:
        with pytest.raises(NetworkError):
            await venue.create(given, instrument(given.symbol, market))
        trades = await venue.trades(given.symbol, given.create_time_ms - 1_000)
        return await venue.find(given), trades

    found, trades = on(running, market, lost)
    assert found.order is not None
    assert found.order["status"] == "closed"
    assert [D(row["amount"]) for row in found.trades] == [D("0.01")]
    assert [row["id"] for row in trades] == [row["id"] for row in found.trades]


@pytest.mark.rule("ORD-3")
@pytest.mark.parametrize("simulated", PLACES, indirect=True)
def test_an_order_that_never_arrived_is_absent(simulated: tuple[Running, Market]) -> None:
    running, market = simulated
    assert on(running, market, lambda venue: venue.find(buy(market))).order is None


@pytest.mark.rule("ORD-9")
@pytest.mark.parametrize("simulated", [place for place in PLACES if place[0] != "binance"], indirect=True)
def test_an_amended_order_keeps_its_id(simulated: tuple[Running, Market]) -> None:
    running, market = simulated

    async def amend(venue: Venue) -> Any:
        given = buy(market)
        created = await venue.create(given, instrument(given.symbol, market))
        await venue.amend(given, D(48_000), D("0.02"))
        await venue.amend(buy(market, exchange_order_id=created["id"]), D(47_000), D("0.03"))
        return created, (await venue.find(given)).order

    created, found = on(running, market, amend)
    assert (found["id"], D(found["price"]), D(found["amount"])) == (created["id"], D(47_000), D("0.03"))


@pytest.mark.rule("TP-9")
def test_stops_rest_where_that_is_tried_on_a_simulator_and_nowhere_else() -> None:
    kinds = {(name, market): venue_class(name, market) for name in EXCHANGES for market in Market}
    offering = {place for place, kind in kinds.items() if isinstance(kind, type) and kind.can_stop}
    swaps = {(name, market) for name, market in offering if market is Market.SWAP}
    assert swaps == {("binance", Market.SWAP), *SWAPS}


@pytest.mark.rule("TP-9")
@pytest.mark.parametrize("mode", list(PositionMode))
@pytest.mark.parametrize("simulated", SWAPS, indirect=True)
def test_a_stop_rests_and_closes_the_position_when_its_price_is_reached(
    simulated: tuple[Running, Market], mode: PositionMode
) -> None:
    running, market = simulated
    entry = buy(market, client_order_id="entry1234entry1234entry12", type=OrderType.MARKET, price=None)
    stop = buy(
        market,
        type=OrderType.STOP,
        role=Role.STOP,
        side=OrderSide.SELL,
        reduce_only=True,
        price=None,
        trigger_price=D(45_000),
    )

    async def fall(venue: Venue) -> Any:
        await venue.prepare_account()
        await venue.prepare(stop.symbol)
        for given in (entry, stop):
            await venue.create(given, instrument(given.symbol, market))
        held, resting = await venue.positions(), await venue.open_orders([stop.symbol])
        await asyncio.to_thread(running.admin.price, "BTCUSDT", 44_000)
        return venue, held, resting, await venue.find(stop), await venue.positions()

    venue, held, resting, found, left = on(running, market, fall, leverage=5, position_mode=mode)
    assert [(row["side"], D(str(row["contracts"]))) for row in held] == [("long", D("0.01"))]
    assert [venue.client_order_id(row) for row in resting] == [CLIENT_ID]
    assert found.order is not None
    assert (venue.client_order_id(found.order), found.order["status"]) == (CLIENT_ID, "closed")
    assert [D(row["amount"]) for row in found.trades] == [D("0.01")]
    assert left == []


@pytest.mark.parametrize("simulated", SWAPS, indirect=True)
def test_a_position_mode_that_cannot_be_changed_now_is_a_fault_in_words(simulated: tuple[Running, Market]) -> None:
    running, market = simulated

    async def hold(venue: Venue) -> Any:
        await venue.create(buy(market, type=OrderType.MARKET, price=None), instrument(symbol_of(market), market))

    on(running, market, hold)
    with pytest.raises(SetupFault, match=r"mode of .*Close all open orders and positions of the account"):
        on(running, market, lambda venue: venue.prepare_account(), position_mode=PositionMode.HEDGE)


@pytest.mark.parametrize("simulated", PLACES, indirect=True)
def test_a_clock_that_is_wrong_here_does_not_spoil_requests(simulated: tuple[Running, Market]) -> None:
    running, market = simulated
    running.admin.clock(90_000)
    assert on(running, market, lambda venue: venue.balances())["free"]["USDT"]
