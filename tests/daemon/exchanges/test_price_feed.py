"""Streamed and requested prices on a real event loop, against a venue that is played by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import ccxt
import pytest

import daemon.exchanges.price_feed as price_feed_module
from daemon.exchanges.price_feed import PriceFeed, PriceTimes
from tests.daemon.exchanges.fake_sockets import FakeSocket, FakeVenue, Taken, until

QUICK = PriceTimes(
    batch_s=0.02,
    tick_s=0.005,
    settle_s=0.02,
    grace_s=30,
    stale_s=60,
    poll_s=0.01,
    back_off_s=0.005,
    max_back_off_s=0.02,
)
PATIENT = PriceTimes(batch_s=0.01, tick_s=0.005, settle_s=0.02, grace_s=0.03, stale_s=0.1, poll_s=0.05)


def run(work: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await work

    asyncio.run(bounded())


@asynccontextmanager
async def feeding(venue: FakeVenue, taken: Taken, times: PriceTimes = QUICK, **more: Any) -> AsyncIterator[PriceFeed]:
    feed = PriceFeed(venue.as_venue, taken, times=times, **more)
    try:
        yield feed
    finally:
        await asyncio.wait_for(feed.stop(), 2)


def price(symbol: str, bid: int) -> dict[str, Any]:
    return {"symbol": symbol, "bid": str(bid), "ask": str(bid + 1)}


def is_watched(venue: FakeVenue, symbol: str) -> bool:
    socket = venue.client.clients.get("wss://public")
    return socket is not None and f"bidask:{symbol}" in socket.futures


def test_only_the_newest_price_of_each_symbol_is_handed_on() -> None:
    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        async with feeding(venue, taken) as feed:
            feed.want(["A/USDT", "B/USDT"])
            await until(lambda: is_watched(venue, "A/USDT"))
            for bid in range(100):
                assert venue.push_price(price("A/USDT" if bid % 2 else "B/USDT", bid))
                await asyncio.sleep(0)
            await until(lambda: bool(taken.tickers()) and taken.tickers()[-1].get("A/USDT") == price("A/USDT", 99))
            assert len(taken.tickers()) <= 3
            last = {symbol: ticker for batch in taken.tickers() for symbol, ticker in batch.items()}
            assert last == {"A/USDT": price("A/USDT", 99), "B/USDT": price("B/USDT", 98)}

    run(work())


def test_where_prices_are_kept_a_watch_is_begun_once_a_batch_and_none_is_left_behind() -> None:
    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        venue.kept = {"A/USDT": price("A/USDT", 77)}  # Of long ago: nobody may hear of it.
        async with feeding(venue, taken) as feed:
            feed.want(["A/USDT", "B/USDT"])
            await until(lambda: is_watched(venue, "B/USDT"))
            for bid in range(100):
                venue.push_price(price("B/USDT", bid))
                await asyncio.sleep(0)
            venue.push_price(price("C/USDT", 1))
            await until(lambda: bool(taken.tickers()) and taken.tickers()[-1].get("B/USDT") == price("B/USDT", 99))
            assert len(venue.price_watches) <= 4
            assert {symbol for batch in taken.tickers() for symbol in batch} == {"B/USDT"}
            told = len(taken.tickers())
            await asyncio.sleep(5 * QUICK.batch_s)
            assert len(taken.tickers()) == told, "the same price is no news"

    run(work())


def test_a_price_that_comes_while_a_new_symbol_joins_is_not_left_behind() -> None:
    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        venue.kept = {}
        async with feeding(venue, taken) as feed:
            feed.want(["A/USDT"])
            await until(lambda: is_watched(venue, "A/USDT"))
            venue.push_price(price("A/USDT", 1))
            await until(lambda: bool(taken.tickers()))
            venue.kept["A/USDT"] = price("A/USDT", 2)  # Between two watches.
            feed.want(["A/USDT", "B/USDT"])
            await until(lambda: taken.tickers()[-1].get("A/USDT") == price("A/USDT", 2))

    run(work())


def test_nobody_hears_of_a_symbol_that_is_no_longer_wanted() -> None:
    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        async with feeding(venue, taken) as feed:
            feed.want(["A/USDT", "B/USDT"])
            await until(lambda: is_watched(venue, "B/USDT"))
            feed.want(["A/USDT"])
            venue.push_price(price("B/USDT", 1))
            await until(
                lambda: (
                    is_watched(venue, "A/USDT")
                    and not venue.client.clients["wss://public"].futures["bidask:A/USDT"].done()
                )
            )
            venue.push_price(price("A/USDT", 2))
            await until(lambda: bool(taken.tickers()))
            assert [dict(batch) for batch in taken.tickers()] == [{"A/USDT": price("A/USDT", 2)}]

    run(work())


def test_a_symbol_the_venue_has_taken_away_does_not_keep_the_others_from_their_prices() -> None:
    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        watch = venue.watch_prices

        async def refusing(symbols: Sequence[str]) -> Any:
            if "GONE/USDT" in symbols:
                raise ccxt.BadSymbol("does not have market symbol GONE/USDT")
            return await watch(symbols)

        venue.watch_prices = refusing  # type: ignore[method-assign]
        async with feeding(venue, taken) as feed:
            feed.want(["A/USDT", "GONE/USDT"])
            await until(lambda: taken.states("prices") == [False])
            feed.want(["A/USDT"])
            await until(lambda: is_watched(venue, "A/USDT"))

    run(work())


def test_a_new_symbol_joins_the_watch_of_the_others() -> None:
    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        async with feeding(venue, taken) as feed:
            feed.want(["A/USDT"])
            await until(lambda: is_watched(venue, "A/USDT"))
            feed.want(["A/USDT", "B/USDT"])
            await until(lambda: is_watched(venue, "B/USDT"))
            assert venue.price_watches[-1] == ("A/USDT", "B/USDT")
            assert venue.dials == 1

    run(work())


def test_watches_and_requests_stay_within_the_venues_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price_feed_module, "GROUP_SYMBOLS", 3)

    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        symbols = [f"{letter}/USDT" for letter in "ABCDEFG"]
        venue.fetched = {symbol: price(symbol, 1) for symbol in symbols}
        async with feeding(venue, taken, PATIENT) as feed:
            feed.want(symbols)
            await until(lambda: len(venue.price_watches) >= 3)
            assert [len(watch) for watch in venue.price_watches[:3]] == [3, 3, 1]
            await until(lambda: len(venue.asked) >= 3)
            assert all(len(asked) <= 3 for asked in venue.asked)
            feed.want(symbols[:3])
            await asyncio.sleep(0.02)
            assert sum(group.task is not None and not group.task.done() for group in feed._groups) == 1

    run(work())


@pytest.mark.rule("ORD-10")
def test_a_symbol_whose_stream_is_quiet_is_asked_for() -> None:
    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        venue.fetched = {"A/USDT": price("A/USDT", 5), "B/USDT": price("B/USDT", 6)}
        async with feeding(venue, taken, PATIENT) as feed:
            feed.want(["A/USDT", "B/USDT"])
            end_s = asyncio.get_running_loop().time() + 0.4
            while asyncio.get_running_loop().time() < end_s:
                venue.push_price(price("A/USDT", 1))
                await asyncio.sleep(0.005)
            assert {symbol for asked in venue.asked for symbol in asked} == {"B/USDT"}
            assert 2 <= len(venue.asked) <= 5
            assert any(batch.get("B/USDT") == price("B/USDT", 6) for batch in taken.tickers())

    run(work())


@pytest.mark.rule("REC-4", "ORD-10")
def test_prices_are_asked_for_while_the_stream_is_down() -> None:
    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        venue.fetched = {"A/USDT": price("A/USDT", 5)}
        venue.faults = [ConnectionError("refused")] * 100
        times = PriceTimes(batch_s=0.01, tick_s=0.005, stale_s=60, grace_s=60, poll_s=0.02, back_off_s=0.05)
        async with feeding(venue, taken, times) as feed:
            feed.want(["A/USDT"])
            await until(lambda: len(venue.asked) >= 3)
            assert taken.states("prices") == [False]
            venue.faults = []
            await until(lambda: taken.states("prices") == [False, True])

    run(work())


def test_the_stream_is_up_once_its_subscription_stands_and_down_when_it_is_cut() -> None:
    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        async with feeding(venue, taken) as feed:
            feed.want(["A/USDT"])
            await until(lambda: taken.states("prices") == [True])
            venue.cut("wss://public")
            await until(lambda: taken.states("prices") == [True, False, True])
            assert "1001" in taken.words("prices")[1]
            assert venue.dials == 2

    run(work())


def test_requests_that_fail_grow_rarer_and_do_not_end_the_feed() -> None:
    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        venue.fetched = ConnectionError("refused")
        times = PriceTimes(batch_s=0.01, tick_s=0.005, grace_s=0, stale_s=0.01, poll_s=0.02, max_poll_s=0.1)
        async with feeding(venue, taken, times) as feed:
            feed.want(["A/USDT"])
            await asyncio.sleep(0.4)
            assert 3 <= len(venue.asked) <= 8
            venue.fetched = {"A/USDT": price("A/USDT", 5)}
            await until(lambda: bool(taken.tickers()))

    run(work())


@pytest.mark.rule("REC-5")
def test_a_silent_socket_is_dropped_and_dialled_anew() -> None:
    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        times = PriceTimes(batch_s=0.01, tick_s=0.005, settle_s=0.01, silence_s=0.4, grace_s=60, back_off_s=0.005)
        async with feeding(venue, taken, times) as feed:
            feed.want(["A/USDT"])
            await until(lambda: taken.states("prices") == [True])
            dead: FakeSocket = venue.client.clients["wss://public"]
            dead.answers_pings = False
            await until(lambda: dead.is_closed and venue.dials == 2)
            await until(lambda: taken.states("prices") == [True, False, True])

    run(work())


def test_a_price_that_cannot_be_read_does_not_end_the_feed() -> None:
    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        bad = 3

        def put(item: Any) -> None:
            nonlocal bad
            if hasattr(item, "tickers") and bad:
                bad -= 1
                raise ValueError("odd")
            taken(item)

        feed = PriceFeed(venue.as_venue, put, times=QUICK)
        feed.want(["A/USDT"])
        await until(lambda: is_watched(venue, "A/USDT"))
        while not taken.tickers():
            venue.push_price(price("A/USDT", 1))
            await asyncio.sleep(0.01)
        await feed.stop()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(work())
