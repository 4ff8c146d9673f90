"""The account's streams on a real event loop, against a venue that is played by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

import daemon.exchanges.streams as streams_module
from daemon.exchanges.streams import StreamItem, StreamRows, Streams, StreamTimes
from tests.daemon.exchanges.fake_sockets import FakeVenue, Taken, until

QUICK = StreamTimes(
    tick_s=0.005, settle_s=0.02, lost_s=0.05, silence_s=60, renew_s=0.01, back_off_s=0.005, max_back_off_s=0.02
)
NAMES = ("orders", "trades", "balances")


class AuthenticationError(Exception):
    """Named as ccxt's."""


def run(work: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await work

    asyncio.run(bounded())


@asynccontextmanager
async def streaming(
    venue: FakeVenue, taken: Any, times: StreamTimes = QUICK, auth_tries: int = 5
) -> AsyncIterator[Streams]:
    streams = Streams(venue.as_venue, taken, times=times, auth_tries=auth_tries)
    streams.start()
    try:
        yield streams
    finally:
        await asyncio.wait_for(streams.stop(), 2)


def are_up(taken: Taken) -> bool:
    return all(taken.states(name)[-1:] == [True] for name in NAMES)


@pytest.mark.rule("ORD-7")
def test_a_stream_is_up_only_after_its_subscription_has_stood_for_a_moment() -> None:
    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        slow = StreamTimes(tick_s=0.005, settle_s=0.1)
        async with streaming(venue, taken, slow):
            await until(lambda: "wss://user" in venue.client.clients)
            await asyncio.sleep(0.05)
            assert taken.items == []
            await until(lambda: are_up(taken))
            assert [taken.states(name) for name in NAMES] == [[True]] * 3

    run(work())


@pytest.mark.rule("ORD-7")
def test_a_socket_that_is_not_connected_yet_is_not_up() -> None:
    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        async with streaming(venue, taken, StreamTimes(tick_s=0.005, settle_s=0.01)):
            await until(lambda: "wss://user" in venue.client.clients)
            venue.socket.isConnected = False
            await asyncio.sleep(0.06)
            assert taken.items == []
            venue.socket.isConnected = True
            await until(lambda: are_up(taken))

    run(work())


@pytest.mark.rule("ORD-7")
def test_a_stream_whose_sign_in_has_no_answer_is_not_up() -> None:
    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        async with streaming(venue, taken, StreamTimes(tick_s=0.005, settle_s=0.01)):
            await until(lambda: "wss://user" in venue.client.clients)
            answer = asyncio.get_running_loop().create_future()
            venue.socket.futures["authenticate:signature:spot"] = answer
            await asyncio.sleep(0.06)
            assert taken.items == []
            answer.set_result(True)
            await until(lambda: are_up(taken))

    run(work())


def test_readers_that_wait_for_a_refused_sign_in_are_begun_afresh() -> None:
    """ccxt's Binance leaves them waiting for ever."""

    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        venue.faults = [KeyError("spot")]
        times = StreamTimes(tick_s=0.005, settle_s=0.01, back_off_s=0.02, lost_s=60, renew_s=60)
        async with streaming(venue, taken, times):
            await until(lambda: "wss://user" in venue.client.clients)
            never = asyncio.get_running_loop().create_future()
            venue.socket.futures["authenticate:signature:spot"] = never
            await until(lambda: venue.renewals == 1)
            await until(lambda: are_up(taken))
            assert never.cancelled()

    run(work())


@pytest.mark.rule("ORD-5")
def test_every_event_of_a_burst_is_handed_on_in_order() -> None:
    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        async with streaming(venue, taken):
            await until(lambda: are_up(taken))
            waited = 0
            for number in range(500):
                waited += venue.push("trades", [{"id": number}])
                await asyncio.sleep(0)  # The time it takes the loop to read the next frame.
            assert waited == 500
            await until(lambda: len(taken.rows("trades")) == 500)
            assert [row["id"] for row in taken.rows("trades")] == list(range(500))

    run(work())


def test_rows_are_copies_that_ccxt_cannot_change_any_more() -> None:
    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        async with streaming(venue, taken):
            await until(lambda: are_up(taken))
            cached = {"id": "1", "status": "open"}
            venue.push("orders", [cached])
            await until(lambda: bool(taken.rows("orders")))
            cached["status"] = "closed"
            assert taken.rows("orders") == [{"id": "1", "status": "open"}]

    run(work())


def test_a_balance_is_one_row() -> None:
    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        async with streaming(venue, taken):
            await until(lambda: are_up(taken))
            venue.push("balances", {"USDT": {"total": "1"}})
            await until(lambda: bool(taken.rows("balances")))
            assert taken.rows("balances") == [{"USDT": {"total": "1"}}]

    run(work())


@pytest.mark.rule("ORD-7")
def test_too_many_updates_at_once_have_the_gateway_compare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams_module, "QUEUE_ROWS", 10)

    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        async with streaming(venue, taken):
            await until(lambda: are_up(taken))
            venue.push("trades", [{"id": number} for number in range(25)])
            await until(lambda: taken.states("trades") == [True, False, True])
            assert [row["id"] for row in taken.rows("trades")] == list(range(10))
            assert "at once" in taken.words("trades")[1]
            assert taken.states("orders") == [True]
            venue.push("trades", [{"id": 99}])
            await until(lambda: taken.rows("trades")[-1] == {"id": 99})

    run(work())


@pytest.mark.rule("ORD-7")
def test_an_update_that_cannot_be_read_does_not_end_the_stream() -> None:
    async def work() -> None:
        venue, taken = FakeVenue(), Taken()

        def put(item: StreamItem) -> None:
            if isinstance(item, StreamRows) and item.rows[0].get("id") == "bad":
                raise ValueError("odd")
            taken(item)

        async with streaming(venue, put):
            await until(lambda: are_up(taken))
            venue.push("orders", [{"id": "bad"}])
            await until(lambda: taken.states("orders") == [True, False, True])
            venue.push("orders", [{"id": "good"}])
            await until(lambda: taken.rows("orders") == [{"id": "good"}])

    run(work())


@pytest.mark.rule("ORD-7")
def test_a_cut_connection_is_told_and_dialled_anew() -> None:
    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        async with streaming(venue, taken):
            for times in range(1, 4):
                await until(lambda: are_up(taken))
                assert venue.dials == times
                venue.cut()
                await until(lambda: not any(taken.states(name)[-1] for name in NAMES))
            await until(lambda: are_up(taken))
            assert taken.states("orders") == [True, False] * 3 + [True]
            assert "1001" in taken.words("orders")[1]

    run(work())


def test_failures_are_told_once_and_tried_again_with_growing_pauses() -> None:
    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        venue.faults = [KeyError("spot"), *[ConnectionError("refused")] * 8]
        async with streaming(venue, taken):
            await until(lambda: are_up(taken))
            assert venue.faults == []
            assert all(taken.states(name) in ([False, True], [True]) for name in NAMES)

    run(work())


@pytest.mark.rule("REC-5")
def test_a_socket_from_which_nothing_comes_is_dropped_and_begun_afresh() -> None:
    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        times = StreamTimes(tick_s=0.005, settle_s=0.01, silence_s=0.1, renew_s=0.05, back_off_s=0.005)
        async with streaming(venue, taken, times):
            await until(lambda: are_up(taken))
            venue.socket.answers_pings = False
            await until(lambda: venue.renewals == 1)
            await until(lambda: taken.states("orders") == [True, False, True])
            await until(lambda: are_up(taken))
            assert venue.dials == 2

    run(work())


def test_a_quiet_account_whose_socket_answers_pings_is_left_alone() -> None:
    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        async with streaming(venue, taken, StreamTimes(tick_s=0.005, settle_s=0.01, silence_s=0.06, renew_s=0.01)):
            await until(lambda: are_up(taken))
            await asyncio.sleep(0.3)
            assert venue.renewals == 0
            assert venue.socket.pings >= 3
            assert taken.states("orders") == [True]

    run(work())


@pytest.mark.rule("ORD-7")
@pytest.mark.parametrize(
    "message",
    [
        {"subscriptionId": 0, "event": {"e": "eventStreamTerminated", "E": 1}},
        {"e": "eventStreamTerminated"},
        {"e": "listenKeyExpired", "listenKey": "k"},
    ],
)
def test_a_stream_that_the_venue_ends_is_begun_afresh(message: dict[str, Any]) -> None:
    """ccxt's watch would wait on for ever."""

    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        async with streaming(venue, taken):
            await until(lambda: are_up(taken))
            venue.socket.frame(message)
            await until(lambda: venue.renewals == 1)
            await until(lambda: all(taken.states(name) == [True, False, True] for name in NAMES))

    run(work())


def test_a_watch_that_hangs_is_left_and_begun_afresh() -> None:
    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        venue.never_stands = True
        async with streaming(venue, taken):
            await until(lambda: venue.renewals >= 1)
            await until(lambda: are_up(taken))

    run(work())


def test_fresh_beginnings_keep_their_distance() -> None:
    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        times = StreamTimes(tick_s=0.002, settle_s=0.005, silence_s=0.02, renew_s=0.2, back_off_s=0.001)
        async with streaming(venue, taken, times):
            for _ in range(60):
                await asyncio.sleep(0.005)
                for socket in venue.client.clients.values():
                    socket.answers_pings = False
            assert venue.renewals == 2

    run(work())


@pytest.mark.rule("SEC-5")
def test_a_refused_key_ends_the_stream_with_words() -> None:
    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        venue.faults = [AuthenticationError("bybit error:auth:API key is invalid.")] * 7
        async with streaming(venue, taken, auth_tries=3) as streams:
            await until(lambda: all(any("given up" in words for words in taken.words(name)) for name in NAMES))
            assert venue.faults == []
            assert "API key is invalid" in taken.words("orders")[-1]
            await asyncio.sleep(0.05)
            assert venue.dials == 0
            streams.start()
            await until(lambda: are_up(taken))

    run(work())


def test_what_was_given_up_is_tried_again_after_a_rest() -> None:
    """The key may have been mended at the venue meanwhile; nobody would restart the daemon for it."""

    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        venue.faults = [AuthenticationError("bybit error:auth:API key is invalid.")] * 3
        async with streaming(venue, taken, replace(QUICK, again_s=0.05), auth_tries=1):
            await until(lambda: all(any("given up" in words for words in taken.words(name)) for name in NAMES))
            await until(lambda: are_up(taken))

    run(work())


def test_a_refusal_that_ccxt_loses_in_a_key_error_is_found() -> None:
    def lost() -> KeyError:
        try:
            try:
                raise ValueError('binance {"code":-1022,"msg":"Signature for this request is not valid."}')
            except ValueError:
                dict[str, int]()["spot"]
        except KeyError as error:
            return error
        raise AssertionError

    async def work() -> None:
        venue, taken = FakeVenue(), Taken()
        venue.exchange = "binance"
        venue.faults = [lost() for _ in range(6)]
        async with streaming(venue, taken, auth_tries=2):
            await until(lambda: all(any("given up" in words for words in taken.words(name)) for name in NAMES))
            assert "Signature for this request is not valid." in taken.words("trades")[-1]

    run(work())


def test_stopping_ends_readers_that_wait_sleep_or_begin_afresh() -> None:
    async def work() -> None:
        for pause_s in (0, 0.001, 0.004, 0.03):
            venue, taken = FakeVenue(), Taken()
            venue.faults = [ConnectionError("refused")] * 2
            streams = Streams(venue.as_venue, taken, times=QUICK)
            streams.start()
            await asyncio.sleep(pause_s)
            renewing = asyncio.ensure_future(streams.renew())
            await asyncio.sleep(0)
            await asyncio.wait_for(streams.stop(), 1)
            await renewing
            assert asyncio.all_tasks() == {asyncio.current_task()}

    run(work())
