"""Streams and prices of unmodified ccxt against the simulated venues, over real sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from actors.rules.choices import Market
from actors.rules.settings import AccountSettings
from daemon.exchanges.price_feed import PriceFeed, PriceTimes
from daemon.exchanges.streams import Streams, StreamTimes
from daemon.exchanges.venues import venue_class
from daemon.exchanges.venues.venue import Credentials, Venue
from tests.daemon.exchanges.fake_sockets import Taken, until
from tests.wire.run import Running

NAMES = ("orders", "trades", "balances")
TIMES = StreamTimes(
    tick_s=0.02, settle_s=0.3, lost_s=3, silence_s=0.8, renew_s=0.5, back_off_s=0.05, max_back_off_s=0.5
)
PRICE_TIMES = PriceTimes(tick_s=0.02, settle_s=0.2, stale_s=60, grace_s=60, back_off_s=0.05)
WAIT_S = 8.0


@pytest.fixture(scope="module", params=["binance", "binanceusdm", "bybit"])
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    with Running(request.param) as found:
        yield found


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(40):
            await work()

    asyncio.run(bounded())


def market_of(running: Running) -> Market:
    return Market.SPOT if running.venue == "binance" else Market.SWAP


@asynccontextmanager
async def connected(running: Running, market: Market, *, is_ours: bool = True) -> AsyncIterator[Venue]:
    found = venue_class(running.venue, market)
    assert isinstance(found, type), found
    ends = running.endpoints
    account = AccountSettings(name="a", exchange=running.venue, market=market, urls={"rest": ends.rest, "ws": ends.ws})
    key, secret = (ends.api_key, ends.api_secret) if is_ours else ("somebodys", "secret")
    venue = found(account, Credentials(api_key=key, secret=secret), None)
    venue.client.timeout_on_exit = 0
    try:
        await venue.instruments()
        yield venue
    finally:
        await venue.close()
        await asyncio.sleep(0.05)


@asynccontextmanager
async def streaming(venue: Venue, taken: Taken, times: StreamTimes = TIMES, **more: Any) -> AsyncIterator[Streams]:
    streams = Streams(venue, taken, times=times, **more)
    streams.start()
    try:
        yield streams
    finally:
        await asyncio.wait_for(streams.stop(), 2)


def are_up(taken: Taken) -> bool:
    return all(taken.states(name)[-1:] == [True] for name in NAMES)


def came_back(taken: Taken, times: int = 1) -> Callable[[], bool]:
    return lambda: are_up(taken) and all(taken.states(name).count(False) >= times for name in NAMES)


async def in_thread(do: Callable[..., Any], *given: Any, **named: Any) -> Any:
    return await asyncio.to_thread(lambda: do(*given, **named))


async def buy(running: Running) -> None:
    """Somebody buys at the market: an order, a trade, a change of balances."""
    await in_thread(running.admin.price, "BTCUSDT", "50000")
    await in_thread(running.admin.foreign, "BTCUSDT", "buy", "0.01")


def test_what_happens_on_the_account_arrives_on_all_three_streams(running: Running) -> None:
    market = market_of(running)

    async def work() -> None:
        taken = Taken()
        async with connected(running, market) as venue, streaming(venue, taken):
            await until(lambda: are_up(taken), WAIT_S)
            assert not any(taken.rows(name) for name in NAMES)
            await buy(running)
            await until(lambda: all(taken.rows(name) for name in NAMES), WAIT_S)
            assert taken.rows("trades")[0]["amount"] is not None
            assert [taken.states(name) for name in NAMES] == [[True]] * 3

    run(work)


@pytest.mark.rule("ORD-5")
def test_a_burst_of_fills_arrives_whole(running: Running) -> None:
    market = market_of(running)

    async def work() -> None:
        taken = Taken()
        async with connected(running, market) as venue, streaming(venue, taken):
            await until(lambda: are_up(taken), WAIT_S)
            await in_thread(running.admin.price, "BTCUSDT", "50000")

            def burst() -> None:
                for _ in range(60):
                    running.admin.foreign("BTCUSDT", "buy", "0.001")

            await in_thread(burst)
            await until(lambda: len({row["id"] for row in taken.rows("trades")}) == 60, WAIT_S)

    run(work)


@pytest.mark.rule("ORD-7")
@pytest.mark.parametrize("code", ["1001", "1006"])
def test_a_cut_socket_comes_back_and_is_told(running: Running, code: str) -> None:
    market = market_of(running)

    async def work() -> None:
        taken = Taken()
        async with connected(running, market) as venue, streaming(venue, taken):
            await until(lambda: are_up(taken), WAIT_S)
            await in_thread(running.admin.fault, f"ws_close:{code}")
            await until(came_back(taken), WAIT_S)
            await buy(running)
            await until(lambda: all(taken.rows(name) for name in NAMES), WAIT_S)

    run(work)


@pytest.mark.rule("REC-5")
def test_a_socket_that_has_gone_deaf_is_begun_afresh(running: Running) -> None:
    market = market_of(running)

    async def work() -> None:
        taken = Taken()
        async with connected(running, market) as venue, streaming(venue, taken):
            await until(lambda: are_up(taken), WAIT_S)
            await in_thread(running.admin.fault, "ws_no_pong")
            await until(lambda: all(taken.states(name)[-1] is False for name in NAMES), WAIT_S)
            await in_thread(running.admin.reset_faults)
            await until(came_back(taken), WAIT_S)
            await buy(running)
            await until(lambda: all(taken.rows(name) for name in NAMES), WAIT_S)

    run(work)


@pytest.mark.rule("ORD-7")
def test_a_stream_that_the_venue_ends_is_begun_afresh(running: Running) -> None:
    kind = {"binance": "stream_terminated", "binanceusdm": "listen_key_expired"}.get(running.venue)
    if kind is None:
        pytest.skip("this venue has no such event")

    async def work() -> None:
        taken = Taken()
        async with connected(running, market_of(running)) as venue, streaming(venue, taken):
            await until(lambda: are_up(taken), WAIT_S)
            await asyncio.sleep(0.1)
            await in_thread(running.admin.fault, kind)
            await until(came_back(taken), WAIT_S)
            await buy(running)
            await until(lambda: all(taken.rows(name) for name in NAMES), WAIT_S)

    run(work)


def test_a_quiet_account_stays_up(running: Running) -> None:
    async def work() -> None:
        taken = Taken()
        async with connected(running, market_of(running)) as venue, streaming(venue, taken):
            await until(lambda: are_up(taken), WAIT_S)
            await asyncio.sleep(1.6 * TIMES.silence_s)
            assert [taken.states(name) for name in NAMES] == [[True]] * 3

    run(work)


@pytest.mark.rule("SEC-5")
def test_a_wrong_key_is_given_up_with_the_venues_words(running: Running) -> None:
    async def work() -> None:
        taken = Taken()
        async with (
            connected(running, market_of(running), is_ours=False) as venue,
            streaming(venue, taken, auth_tries=2),
        ):
            await until(lambda: all(any("given up" in each for each in taken.words(name)) for name in NAMES), WAIT_S)
            assert all(len(taken.words(name)[-1]) > len("given up after 2 refusals of the key: ") for name in NAMES)
            assert not any(any(taken.states(name)) for name in NAMES)

    run(work)


def test_prices_are_streamed_and_asked_for(running: Running) -> None:
    market = market_of(running)
    symbol = "BTC/USDT:USDT" if market is Market.SWAP else "BTC/USDT"

    async def work() -> None:
        taken = Taken()
        async with connected(running, market) as venue:
            feed = PriceFeed(venue, taken, times=PRICE_TIMES)
            feed.want([symbol])
            try:
                await until(lambda: taken.states("prices") == [True], WAIT_S)
                end_s, price = time.monotonic() + WAIT_S, 51_000
                while not taken.tickers() or not 51_000 < float(taken.tickers()[-1][symbol]["ask"]) < 52_000:
                    assert time.monotonic() < end_s
                    price += 1
                    await in_thread(running.admin.price, "BTCUSDT", str(price))
                    await asyncio.sleep(0.05)
                assert 51_000 < float(taken.tickers()[-1][symbol]["ask"]) < 52_000
                await in_thread(running.admin.fault, "ws_close:1001")
                await until(lambda: taken.states("prices") == [True, False, True], WAIT_S)
                asked = await venue.fetch_prices([symbol])
                assert 51_000 < float(asked[symbol]["ask"]) < 52_000
            finally:
                await feed.stop()

    run(work)
