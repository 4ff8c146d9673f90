"""A paper account with prices of a real exchange: on a clock in the hand, on threads, and the feed on its loop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import ccxt
import pytest

from actors.account_messages import StreamChanged
from actors.budget import Budget
from actors.messages import Answered, Fate, InstrumentsFetched, OpenOrdersFetched, Quoted, Streamed
from actors.replies import ReplyBox
from actors.rules.choices import FillRule, Market, PaperPrices
from actors.rules.model import Instrument, Order, OrderState, Quote, Reason, Refused
from actors.rules.settings import AccountSettings, InstrumentOverride
from daemon.exchanges.live_feed import LiveFeed
from daemon.exchanges.live_prices import InstrumentsAnswer, LivePrices
from daemon.exchanges.loop import ExchangeLoop
from daemon.exchanges.memory_books import MemoryBooks
from daemon.exchanges.opening import Opening
from daemon.exchanges.paper import PaperExchange, SteppedPaperExchange, drive, open_venue
from daemon.exchanges.paper_books import BooksFault
from daemon.exchanges.paper_instruments import paper_instruments
from daemon.exchanges.paper_venue import MAX_PRICE_AGE_MS, QUOTE_REFRESH_MS
from daemon.exchanges.price_feed import PriceTimes
from tests.daemon.exchanges import fake_sockets
from tests.daemon.exchanges.paper_kit import BTC, BUY, ETH, RULES, SELL, D, new_order, paper_account
from tests.wire.run import Running

T = TypeVar("T")
START_MS = 1_000_000
LIVE = {"prices": PaperPrices.LIVE, "instruments": {}, "spread_percent": D(5)}
"""With a spread that would show if it had a part in anything."""


def listed(symbol: str = BTC, **changes: Any) -> Instrument:
    """As the real exchange has it: rules no paper account makes up."""
    (made,) = [each for each in paper_instruments(paper_account()) if each.symbol == symbol]
    return replace(made, tick_size=D("0.5"), step_size=D("0.25"), min_quantity=D("0.25"), **changes)


class FakeSource:
    """What a `LiveFeed` is to a paper exchange, played by the test."""

    exchange = "binance"

    def __init__(self, known: Sequence[Instrument] = ()) -> None:
        self.prices = LivePrices()
        self.known = tuple(known)
        self.symbols: Sequence[str] = ()
        self.tell: Callable[[StreamChanged], None] = lambda _changed: None
        self.answer: InstrumentsAnswer | None = None
        self.is_stopped = False

    def start(self, symbols: Sequence[str], tell: Callable[[StreamChanged], None]) -> None:
        self.symbols, self.tell = symbols, tell

    def ask_instruments(self, answer: InstrumentsAnswer) -> None:
        self.answer = answer

    def stop(self) -> None:
        self.is_stopped = True


class Bench:
    """A stepped exchange that is told prices, and everything that came out of it."""

    def __init__(self, data_dir: Path | None = None, *, known: Sequence[Instrument] = (), **account: Any) -> None:
        self.time_ms = START_MS
        self.came: list[Any] = []
        self.data_dir = data_dir
        self.account = paper_account(**{**LIVE, **account})
        self.source = FakeSource(known)
        self.open()

    def open(self) -> None:
        self.exchange = SteppedPaperExchange(
            open_venue(self.account, self.data_dir, self.time_ms, live=self.source), self
        )
        self.exchange.start(self.came.append, 1)
        self.exchange.fetch_instruments()
        self.turn()

    def restart(self) -> None:
        """The last catalogue is known, as from the store."""
        self.exchange.stop()
        self.source = FakeSource(self.exchange._venue.instruments)
        self.came.clear()
        self.open()

    def now_ms(self) -> int:
        return self.time_ms

    def turn(self, pass_ms: int = 0) -> None:
        self.time_ms += pass_ms
        while self.exchange.next_ms() <= self.time_ms:
            self.exchange.poll(self.time_ms)

    def answer(self, *instruments: Instrument, words: str = "") -> None:
        """The real exchange answers to the question for its instruments."""
        assert self.source.answer is not None
        self.source.answer(instruments, words)
        self.turn()
        self.exchange.subscribe([instrument.symbol for instrument in instruments])
        self.turn()

    def see(self, bid: str, ask: str, symbol: str = BTC) -> None:
        """The real exchange's price is this now."""
        self.source.prices.put({symbol: Quote(bid=D(bid), ask=D(ask), time_ms=self.time_ms)})
        self.turn()

    def submit(self, order: Order) -> Answered:
        self.exchange.submit([order])
        self.turn()
        (answer,) = self.take(Answered)
        return answer

    def take(self, kind: type[T]) -> list[T]:
        found = [message for message in self.came if isinstance(message, kind)]
        self.came[:] = [message for message in self.came if not isinstance(message, kind)]
        return found

    def filled(self) -> list[str]:
        """Orders that filled since the last look."""
        reports = [report for streamed in self.take(Streamed) for report in streamed.reports]
        return [report.client_order_id for report in reports if report.state is OrderState.FILLED]


def ready(data_dir: Path | None = None, **account: Any) -> Bench:
    """It knows its instruments and a price of 100 to 101."""
    bench = Bench(data_dir, **account)
    bench.answer(listed())
    bench.see("100", "101")
    bench.came.clear()
    return bench


# --- matching ----------------------------------------------------------------------------------------


@pytest.mark.rule("PAPER-1")
def test_takers_get_the_bid_or_pay_the_ask_of_the_real_exchange() -> None:
    bench = ready(balances={"USDT": D(10_000), "BTC": D(1)})
    bought = bench.submit(new_order(BUY, "1", name="b")).report
    sold = bench.submit(new_order(SELL, "1", name="s")).report
    assert bought is not None
    assert sold is not None
    assert [trade.price for trade in (*bought.trades, *sold.trades)] == [D(101), D(100)]


@pytest.mark.rule("PAPER-1")
@pytest.mark.parametrize(("rule", "meets"), [(FillRule.CROSS, False), (FillRule.TOUCH, True)])
def test_a_resting_order_fills_by_the_real_spread(rule: FillRule, meets: bool) -> None:
    bench = ready(fill=rule, balances={"USDT": D(10_000), "BTC": D(9)})
    bench.submit(new_order(BUY, "1", "99", name="b"))
    bench.submit(new_order(SELL, "1", "102", name="s"))
    bench.see("98", "99.5")  # The bid is below the order, the ask is not.
    assert bench.filled() == []
    bench.see("98", "99")
    assert bench.filled() == (["b"] if meets else [])
    bench.see("97", "98.99")
    assert bench.filled() == ([] if meets else ["b"])
    bench.see("101.5", "103")
    assert bench.filled() == []
    bench.see("102.01", "103")
    assert bench.filled() == ["s"]


def test_a_stop_fires_at_the_side_it_would_take() -> None:
    bench = ready(balances={"USDT": D(10_000), "BTC": D(9)})
    refused = bench.submit(new_order(SELL, "1", trigger="100", name="now"))
    assert refused.reason is Reason.WOULD_TAKE
    bench.submit(new_order(SELL, "1", trigger="99.5", name="s"))
    bench.submit(new_order(BUY, "1", trigger="103", name="b"))
    bench.see("99.75", "102.99")
    assert bench.filled() == []
    bench.see("99.5", "103")
    assert bench.filled() == ["s", "b"]


@pytest.mark.rule("ORD-10")
@pytest.mark.parametrize(("bid", "ask"), [("0", "90"), ("-1", "90"), ("NaN", "90"), ("91", "90"), ("90", "Infinity")])
def test_what_is_no_price_fills_nothing_and_is_handed_on_for_an_alert(bid: str, ask: str) -> None:
    bench = ready()
    bench.submit(new_order(BUY, "1", "95", name="b"))
    bench.see(bid, ask)
    assert bench.filled() == []
    (quoted,) = bench.take(Quoted)
    assert str(quoted.quotes[BTC].bid) == bid
    bench.see("93", "94")
    assert bench.filled() == ["b"]


# --- the age of prices -------------------------------------------------------------------------------


@pytest.mark.rule("ORD-10")
def test_a_silent_feed_makes_no_price_look_younger() -> None:
    bench = ready()
    bench.turn(500)
    bench.see("100", "101.5")
    (quoted,) = bench.take(Quoted)
    assert quoted.quotes == {BTC: Quote(bid=D(100), ask=D("101.5"), time_ms=START_MS + 500)}
    for _ in range(10):
        bench.turn(QUOTE_REFRESH_MS)
    assert bench.take(Quoted) == []
    bench.turn(10)
    bench.see("100", "101.5")
    (quoted,) = bench.take(Quoted)
    assert quoted.quotes[BTC].time_ms == bench.time_ms


@pytest.mark.rule("ORD-10", "PAPER-1")
def test_no_order_takes_a_price_that_nobody_has_confirmed_for_long() -> None:
    bench = ready()
    bench.turn(MAX_PRICE_AGE_MS)
    taken = bench.submit(new_order(BUY, "1", "102", name="young")).report
    assert taken is not None
    assert taken.state is OrderState.FILLED
    bench.turn(1)
    assert bench.submit(new_order(BUY, "1", name="market")).reason is Reason.PRICE_MISSING
    resting = bench.submit(new_order(BUY, "1", "102", name="limit")).report
    assert resting is not None
    assert resting.state is OrderState.OPEN
    bench.see("103", "104")
    bench.submit(new_order(BUY, "1", "99", name="amended"))
    bench.turn(MAX_PRICE_AGE_MS + 1)
    bench.exchange.amend([replace(new_order(BUY, "1", "99", name="amended"), wanted_price=D(105))])
    bench.turn()
    assert bench.filled() == []
    bench.see("100", "101")
    assert sorted(bench.filled()) == ["amended", "limit"]


@pytest.mark.rule("ORD-10")
def test_a_new_listener_is_told_young_prices_only_with_the_time_they_were_seen() -> None:
    bench = ready()
    bench.turn(QUOTE_REFRESH_MS - 1)
    bench.exchange.subscribe([BTC])
    bench.turn()
    (quoted,) = bench.take(Quoted)
    assert quoted.quotes[BTC].time_ms == START_MS
    bench.turn(1)
    bench.exchange.subscribe([BTC])
    bench.turn()
    assert bench.take(Quoted) == []


def test_of_each_symbol_only_the_newest_price_waits_and_the_matcher_is_called_once() -> None:
    prices, calls = LivePrices(), list[int]()
    prices.on_news = lambda: calls.append(1)
    assert prices.next_ms() is None
    for number in range(1, 1000):
        quote = Quote(bid=D(number), ask=D(number), time_ms=number)
        prices.put({BTC: quote, ETH: quote})
    prices.put({})
    assert len(calls) == 1
    assert prices.next_ms() == 0
    moves = prices.moves(5)
    assert {move.symbol: move.quote.time_ms for move in moves} == {BTC: 999, ETH: 999}  # type: ignore[union-attr]
    assert prices.moves(5) == []
    prices.put({BTC: quote})
    assert len(calls) == 2


def test_prices_wake_whoever_drives_a_stepped_exchange() -> None:
    bench = ready()
    calls: list[int] = []
    drive(bench.exchange, bench, lambda time_ms, _call: calls.append(time_ms))
    bench.source.prices.put({BTC: Quote(bid=D(1), ask=D(2), time_ms=bench.time_ms)})
    assert calls[-1] == bench.time_ms


# --- instruments -------------------------------------------------------------------------------------


@pytest.mark.rule("PRC-1")
def test_until_the_exchange_has_told_its_instruments_the_question_has_no_answer() -> None:
    bench = Bench()
    assert bench.source.symbols == (BTC, ETH)
    assert bench.take(InstrumentsFetched) == []
    bench.answer(words="binance: no route to host")
    (failed,) = bench.take(InstrumentsFetched)
    assert (failed.fate, failed.words, failed.instruments) == (Fate.TEMPORARY, "binance: no route to host", ())
    assert bench.submit(new_order(BUY, "1", "99")).reason is Reason.UNKNOWN_SYMBOL
    bench.exchange.fetch_instruments()
    bench.answer(listed())
    (told,) = bench.take(InstrumentsFetched)
    assert (told.fate, told.instruments) == (Fate.ACCEPTED, (listed(),))
    assert bench.submit(new_order(BUY, "1", "99.1", name="off-tick")).reason is Reason.BAD_PRICE
    assert bench.submit(new_order(BUY, "0.1", "99", name="small")).reason is Reason.BELOW_MIN_QUANTITY
    assert bench.submit(new_order(BUY, "1", "99")).fate == Fate.ACCEPTED


@pytest.mark.rule("PRC-1")
def test_new_rules_hold_from_the_moment_they_are_told() -> None:
    bench = ready()
    bench.submit(new_order(BUY, "1", "99.5", name="before"))
    bench.answer(replace(listed(), tick_size=D(1)), listed(ETH))
    assert bench.submit(new_order(BUY, "1", "99.5", name="after")).reason is Reason.BAD_PRICE
    bench.see("10", "11", ETH)
    assert bench.submit(new_order(BUY, "1", symbol=ETH, name="other")).fate == Fate.ACCEPTED
    bench.see("98", "99")
    assert bench.filled() == ["before"]


def test_orders_of_a_symbol_that_is_listed_no_more_can_be_cancelled(tmp_path: Path) -> None:
    bench = ready(tmp_path)
    bench.submit(new_order(BUY, "1", "99", name="b"))
    bench.account = replace(bench.account, symbols=(ETH,))
    for known in ((), (listed(),)):
        bench.restart()
        bench.source.known = known
        assert set(bench.source.symbols) == {ETH, BTC}
        bench.answer(listed(ETH))
        assert [each.symbol for each in bench.take(InstrumentsFetched)[-1].instruments] == [ETH]
    bench.exchange.cancel([new_order(BUY, "1", "99", name="b")])
    bench.turn()
    (answer,) = bench.take(Answered)
    assert answer.fate == Fate.ACCEPTED


# --- restarts and failures ---------------------------------------------------------------------------


@pytest.mark.rule("PAPER-3", "ORD-10")
def test_a_restart_keeps_the_books_but_no_price(tmp_path: Path) -> None:
    bench = ready(tmp_path)
    bench.submit(new_order(BUY, "1", "99", name="b"))
    bench.restart()
    bench.answer(listed())
    assert bench.take(Quoted) == []
    assert bench.submit(new_order(BUY, "1", name="m")).reason is Reason.PRICE_MISSING
    bench.exchange.fetch_open_orders()
    bench.turn()
    (found,) = bench.take(OpenOrdersFetched)
    assert [report.client_order_id for report in found.reports] == ["b"]
    bench.see("97", "98")
    assert bench.filled() == ["b"]


def test_prices_of_a_time_before_the_account_was_live_are_not_used(tmp_path: Path) -> None:
    bench = Bench(tmp_path, prices=PaperPrices.MANUAL, start_prices={BTC: D(7)})
    bench.turn()
    bench.exchange.stop()
    bench.account = paper_account(**LIVE)
    bench.source = FakeSource((listed(),))
    bench.open()
    assert bench.submit(new_order(BUY, "1")).reason is Reason.PRICE_MISSING


@pytest.mark.rule("PAPER-3", "ORD-10")
def test_books_that_take_no_writes_are_tried_now_and_then_and_lose_no_price(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = ready()
    bench.submit(new_order(BUY, "1", "99", name="b"))
    bench.came.clear()
    with monkeypatch.context() as broken:
        broken.setattr(MemoryBooks, "save", fail)
        bench.see("97", "98")
        assert bench.came == []  # Not durable: nobody hears of it.
        broken.setattr(MemoryBooks, "load", fail)
        bench.turn()
        bench.source.prices.put({BTC: Quote(bid=D(97), ask=D("98.5"), time_ms=bench.time_ms)})
        assert bench.exchange.next_ms() > bench.time_ms  # Prices that wait do not make it spin.
    bench.turn(QUOTE_REFRESH_MS)
    assert bench.filled() == ["b"]
    bench.exchange._venue.doubt()
    taken = bench.submit(new_order(BUY, "1", name="m")).report
    assert taken is not None
    assert taken.trades[0].price == D("98.5")


def fail(*_: object) -> None:
    raise BooksFault("no space left on device")


def test_nobody_sets_a_live_price_by_hand() -> None:
    bench, box = ready(), ReplyBox()
    bench.exchange.set_price(BTC, D(5), box)
    bench.turn()
    assert isinstance(box.answer, Refused)
    assert "live" in box.answer.detail


# --- on threads --------------------------------------------------------------------------------------


class SystemClock:
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class Came:
    """Messages of another thread, waited for."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self._changed = threading.Condition()

    def __call__(self, message: Any) -> None:
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()

    def wait(self, wanted: Callable[[Any], bool], timeout_s: float = 10.0) -> Any:
        with self._changed:
            assert self._changed.wait_for(lambda: any(map(wanted, self.messages)), timeout_s), self.messages
            return next(message for message in self.messages if wanted(message))


def test_a_price_is_met_when_it_comes_and_the_stream_is_told_to_each_gateway() -> None:
    source, came, again = FakeSource(), Came(), Came()
    clock = SystemClock()
    exchange = PaperExchange(open_venue(paper_account(**LIVE), None, clock.now_ms(), live=source), clock)
    exchange.start(came, 1)
    try:
        exchange.fetch_instruments()
        assert source.answer is not None
        source.answer((listed(),), "")
        exchange.subscribe([BTC])
        exchange.submit([new_order(BUY, "1", "99", name="b")])
        came.wait(lambda message: isinstance(message, Answered))
        began_s = time.monotonic()
        source.prices.put({BTC: Quote(bid=D(97), ask=D(98), time_ms=clock.now_ms())})
        came.wait(lambda message: isinstance(message, Streamed))
        came.wait(lambda message: isinstance(message, Quoted))
        assert time.monotonic() - began_s < QUOTE_REFRESH_MS / 2000  # Not at the next look only.
        exchange.start(again, 2)
        source.tell(StreamChanged(incarnation=0, stream="prices", is_up=True))
        assert again.messages == [StreamChanged(incarnation=2, stream="prices", is_up=True)]
    finally:
        exchange.stop()
    assert source.is_stopped


# --- the feed ----------------------------------------------------------------------------------------


class PublicVenue(fake_sockets.FakeVenue):
    """A venue's public side. `listing` is its markets, or what it raises."""

    exchange = "binance"

    def __init__(self) -> None:
        super().__init__()
        self.account = AccountSettings(name="paper")
        self.client.fetch = None  # Nobody goes to the network by it.
        self.listing: list[dict[str, Any]] | Exception = [market("BTC"), market("ETH", active=False), market("XRP")]
        self.listings = 0
        self.is_closed = False

    async def instruments(self) -> list[dict[str, Any]]:
        self.listings += 1
        if isinstance(self.listing, Exception):
            raise self.listing
        return self.listing

    async def close(self) -> None:
        self.is_closed = True


def market(base: str, **changes: Any) -> dict[str, Any]:
    return {
        "symbol": f"{base}/USDT",
        "id": f"{base}USDT",
        "base": base,
        "quote": "USDT",
        "spot": True,
        "active": True,
        "precision": {"price": "0.5", "amount": "0.25"},
        "limits": {"amount": {"min": "0.25"}, "cost": {"min": "7"}},
        "info": {},
        **changes,
    }


class Feeding:
    """A feed on a real loop. Answers and what the stream does come to `told`."""

    def __init__(self, budget: Budget | None = None, **account: Any) -> None:
        self.venue = PublicVenue()
        self.loop = ExchangeLoop()
        self.told = Came()
        times = PriceTimes(batch_s=0.01, tick_s=0.005, settle_s=0.02, grace_s=30, stale_s=60)
        self.feed = LiveFeed(
            self.venue.as_venue,
            paper_account(**{**LIVE, "symbols": (BTC, ETH, "DOGE/USDT"), **account}),
            clock=SystemClock(),
            loop=self.loop,
            budget=budget or Budget(),
            times=times,
        )
        self.feed.start((BTC, ETH, "DOGE/USDT"), self.told)

    def ask(self) -> tuple[tuple[Instrument, ...], str]:
        came = Came()
        self.feed.ask_instruments(lambda found, words: came((found, words)))
        answer: tuple[tuple[Instrument, ...], str] = came.wait(lambda _answer: True)
        return answer

    def wait(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.005)


@pytest.fixture
def feeding() -> Iterator[Callable[..., Feeding]]:
    made: list[Feeding] = []

    def make(*args: Any, **account: Any) -> Feeding:
        made.append(Feeding(*args, **account))
        return made[-1]

    yield make
    for each in made:
        each.feed.stop()
        assert each.venue.is_closed
        each.loop.stop()


def test_the_accounts_symbols_have_the_real_exchanges_rules_and_the_missing_are_named_once(
    feeding: Callable[..., Feeding], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    feed = feeding(instruments={ETH: InstrumentOverride(tick_size=D("0.1"))})
    for _ in range(2):
        found, words = feed.ask()
        assert words == ""
    assert {each.symbol: (each.tick_size, each.step_size, each.active) for each in found} == {
        BTC: (D("0.5"), D("0.25"), True),
        ETH: (D("0.1"), D("0.25"), False),
    }
    assert {each.account for each in found} == {"paper"}
    assert caplog.text.count("DOGE/USDT") == 1
    feed.wait(lambda: feed.venue.price_watches)
    assert feed.venue.price_watches == [(BTC,)]  # What is not traded has no price.


def test_prices_arrive_with_the_time_they_were_heard_and_the_state_of_the_stream_is_told_to_who_comes_later(
    feeding: Callable[..., Feeding],
) -> None:
    feed = feeding()
    feed.ask()
    feed.wait(lambda: "wss://public" in feed.venue.client.clients)
    before_ms = SystemClock().now_ms()
    feed.loop.call(lambda: feed.venue.push_price({"symbol": BTC, "bid": "5", "ask": "6"}), 5)
    feed.wait(lambda: feed.feed.prices.next_ms() == 0)
    (move,) = feed.feed.prices.moves(0)
    quote = move.quote  # type: ignore[union-attr]
    assert (move.symbol, quote.bid, quote.ask) == (BTC, D(5), D(6))
    assert before_ms <= quote.time_ms <= SystemClock().now_ms()
    feed.told.wait(lambda changed: changed.is_up)
    later = Came()
    feed.feed.start((BTC,), later)
    later.wait(lambda changed: changed.is_up)
    feed.loop.call(lambda: feed.venue.cut("wss://public"), 5)
    later.wait(lambda changed: not changed.is_up and "1001" in changed.words)


def test_why_there_are_no_instruments_is_said_in_words(feeding: Callable[..., Feeding]) -> None:
    feed = feeding()
    feed.venue.listing = ccxt.NetworkError("binance GET https://api.binance.com/api/v3/exchangeInfo")
    found, words = feed.ask()
    assert found == ()
    assert words.startswith("binance: ")
    feed.venue.listing = [market("XRP")]
    assert feed.ask() == ((), "binance has none of the account's symbols")
    feed.venue.listing = [market("BTC")]
    found, words = feed.ask()
    assert ([each.symbol for each in found], words) == ([BTC], "")


def test_while_the_address_is_banned_nothing_is_asked(feeding: Callable[..., Feeding]) -> None:
    class Blocked(Budget):
        def blocked_until_ms(self) -> int:
            return SystemClock().now_ms() + 90_000

    feed = feeding(Blocked())
    found, words = feed.ask()
    assert found == ()
    assert "90 s" in words or "91 s" in words
    assert feed.venue.listings == 0


def test_swaps_are_those_of_the_real_exchange_too() -> None:
    perp = f"{BTC}:USDT"
    bench = Bench(market=Market.SWAP, symbols=(perp,), leverage=2)
    contract = replace(
        listed(), symbol=perp, market=Market.SWAP, contract_size=D("0.01"), step_size=D(1), min_quantity=D(1)
    )
    bench.answer(contract)
    bench.see("100", "101", perp)
    report = bench.submit(new_order(BUY, "50", symbol=perp)).report
    assert report is not None
    assert report.trades[0].price == 101
    assert RULES.tick_size != contract.tick_size
    assert bench.exchange._venue._book.funds.balance("USDT").locked == D("25.25")  # Half of 50 x 0.01 x 101.


# --- on the wire -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("venue", "market", "wire_symbol"),
    [
        ("binance", Market.SPOT, "BTCUSDT"),
        ("binance", Market.SWAP, "BTCUSDT"),
        ("bybit", Market.SPOT, "spot:BTCUSDT"),
        ("bybit", Market.SWAP, "linear:BTCUSDT"),
    ],
)
def test_an_account_without_keys_hears_the_prices_of_a_simulated_venue(
    tmp_path: Path, venue: str, market: Market, wire_symbol: str
) -> None:
    place = "binanceusdm" if venue == "binance" and market is Market.SWAP else venue
    symbol = BTC if market is Market.SPOT else f"{BTC}:USDT"
    came = Came()
    with Running(place) as running:
        urls = {"rest": running.endpoints.rest, "ws": running.endpoints.ws}
        account = paper_account(**{**LIVE, "market": market, "price_source": venue, "urls": urls, "symbols": (symbol,)})
        opening = Opening(data_dir=tmp_path, clock=SystemClock(), environ={})
        opened = opening.open_all({"paper": account})
        assert (opened.unbuilt, opened.broken) == ({}, {})
        exchange = opened.exchanges["paper"]
        try:
            exchange.start(came, 1)
            exchange.fetch_instruments()
            fetched = came.wait(lambda message: isinstance(message, InstrumentsFetched))
            assert [each.symbol for each in fetched.instruments] == [symbol], fetched.words
            assert fetched.instruments[0].venue_symbol == "BTCUSDT"
            exchange.subscribe([symbol])
            running.admin.price(wire_symbol, "51234.5")
            came.wait(lambda message: isinstance(message, Quoted) and message.quotes[symbol].mid == D("51234.5"))
            came.wait(lambda message: isinstance(message, StreamChanged) and message.is_up)
        finally:
            exchange.stop()
            opening.loop.stop()
        assert not running.admin.status()["unlisted"]
