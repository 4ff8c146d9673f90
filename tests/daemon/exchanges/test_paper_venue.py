"""A paper account as a venue, driven by hand: what is answered, streamed and kept, and in which order."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from actors.messages import (
    Answered,
    AnsweredAll,
    BalancesFetched,
    Fate,
    InstrumentsFetched,
    LookedUp,
    OpenOrdersFetched,
    Quoted,
    Streamed,
)
from actors.replies import ReplyBox
from actors.rules.choices import Market, PaperPrices
from actors.rules.model import Order, OrderReport, OrderState, Quote, Reason, Refused
from actors.timers import Timers
from daemon.exchanges import paper_venue
from daemon.exchanges.paper import PaperFault, SteppedPaperExchange, drive, open_venue
from daemon.exchanges.paper_books import BooksFault, books_path, ledger
from daemon.exchanges.paper_venue import QUOTE_REFRESH_MS, SAVE_PRICES_MS, PaperVenue
from tests.daemon.exchanges.paper_kit import BTC, BUY, ETH, SELL, D, new_order, paper_account

T = TypeVar("T")
START_MS = 1_000_000


class Bench:
    """A stepped exchange with a clock in the hand, and everything that came out of it."""

    def __init__(self, data_dir: Path | None = None, **account: Any) -> None:
        self.time_ms = START_MS
        self.data_dir = data_dir
        self.account = paper_account(**{"start_prices": {BTC: D(100)}, **account})
        self.exchange = self._open()
        self.came: list[Any] = []
        self.exchange.start(self.came.append, 1)
        self.exchange.subscribe([BTC, ETH])
        self.turn()
        self.came.clear()

    def _open(self) -> SteppedPaperExchange:
        return SteppedPaperExchange(open_venue(self.account, self.data_dir, self.time_ms), self)

    @property
    def venue(self) -> PaperVenue:
        return self.exchange._venue

    def now_ms(self) -> int:
        return self.time_ms

    def turn(self, pass_ms: int = 0) -> None:
        self.time_ms += pass_ms
        while self.exchange.next_ms() <= self.time_ms:
            self.exchange.poll(self.time_ms)

    def take(self, kind: type[T]) -> list[T]:
        found = [message for message in self.came if isinstance(message, kind)]
        self.came[:] = [message for message in self.came if not isinstance(message, kind)]
        return found

    def submit(self, *orders: Order) -> list[Answered]:
        """The answers to these."""
        self.exchange.submit(orders)
        self.turn()
        joined = [answer for all_ in self.take(AnsweredAll) for answer in all_.answers]
        return joined + self.take(Answered)

    def price(self, price: str, symbol: str = BTC) -> object:
        box = ReplyBox()
        self.exchange.set_price(symbol, D(price), box)
        self.turn()
        return box.answer

    def look_up(self, name: str) -> OrderReport | None:
        self.exchange.look_up(new_order(BUY, "1", "1", name=name))
        self.turn()
        (found,) = self.take(LookedUp)
        assert found.fate == Fate.ACCEPTED
        return found.report


def kinds(messages: Iterable[object]) -> list[str]:
    return [type(message).__name__ for message in messages]


def test_a_ladder_gets_one_message_with_an_answer_for_each_order() -> None:
    bench = Bench()
    bench.exchange.submit([new_order(BUY, "1", str(99 - leg), name=f"leg{leg}") for leg in range(5)])
    bench.turn()
    (answers, balances) = bench.came
    assert [answer.report.state for answer in answers.answers] == [OrderState.OPEN] * 5
    assert balances.balances["USDT"].locked == 99 + 98 + 97 + 96 + 95


def test_an_order_that_fills_at_once_is_answered_with_its_trades() -> None:
    (answer,) = Bench().submit(new_order(BUY, "1"))
    assert answer.report is not None
    assert (answer.fate, answer.report.state, len(answer.report.trades)) == (Fate.ACCEPTED, OrderState.FILLED, 1)


def test_a_refusal_is_answered_with_reason_and_words_and_is_not_known_afterwards() -> None:
    bench = Bench()
    (answer,) = bench.submit(new_order(BUY, "1", "99.001", name="bad"))
    assert (answer.fate, answer.reason, answer.words, answer.report) == (
        Fate.REFUSED,
        Reason.BAD_PRICE,
        "Filter failure: PRICE_FILTER",
        None,
    )
    assert bench.look_up("bad") is None


@pytest.mark.rule("PAPER-3")
def test_a_fill_is_streamed_with_all_trades_so_far_then_balances_then_the_price() -> None:
    bench = Bench()
    bench.submit(new_order(BUY, "1", "99", name="a"))
    bench.came.clear()
    answer = bench.price("98")
    assert kinds(bench.came) == ["Streamed", "Quoted", "BalancesFetched"]
    (streamed,) = bench.take(Streamed)
    assert [(each.client_order_id, each.state, len(each.trades)) for each in streamed.reports] == [
        ("a", OrderState.FILLED, 1)
    ]
    assert answer == Quote(bid=D(98), ask=D(98), time_ms=START_MS)


@pytest.mark.rule("PAPER-3")
def test_a_price_is_answered_after_the_fills_it_caused_are_durable(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.submit(new_order(BUY, "1", "99", name="a"))
    seen: list[int] = []

    class Looking:
        def reply(self, answer: object) -> None:
            seen.append(len(ledger(books_path(tmp_path, "paper")).trades))

    bench.exchange.set_price(BTC, D(98), Looking())
    bench.turn()
    assert seen == [1]


@pytest.mark.parametrize(
    ("symbol", "price", "reason"),
    [
        ("FOO/USDT", "1", Reason.UNKNOWN_SYMBOL),
        (BTC, "0", Reason.BAD_PRICE),
        (BTC, "-1", Reason.BAD_PRICE),
        (BTC, "NaN", Reason.BAD_PRICE),
        (BTC, "1e40", Reason.BAD_PRICE),
        (BTC, "1.0000000000000000001", Reason.BAD_PRICE),
    ],
)
def test_a_price_that_makes_no_sense_is_refused(symbol: str, price: str, reason: Reason) -> None:
    answer = Bench().price(price, symbol)
    assert isinstance(answer, Refused)
    assert answer.reason is reason


def test_a_price_of_a_perpetual_can_be_set_by_the_pair_alone() -> None:
    bench = Bench(market=Market.SWAP)
    assert bench.price("98", BTC) == Quote(bid=D(98), ask=D(98), time_ms=START_MS)
    assert bench.venue._book.markets[f"{BTC}:USDT"].price == 98


def test_only_manual_prices_can_be_set() -> None:
    answer = Bench(prices=PaperPrices.SYNTHETIC).price("1")
    assert isinstance(answer, Refused)
    assert "synthetic" in answer.detail


@pytest.mark.rule("ORD-3")
def test_an_order_is_found_by_its_client_order_id_open_and_finished_also_after_it_left_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paper_venue, "MAX_FINISHED_ORDERS", 2)
    bench = Bench(tmp_path)
    bench.submit(*(new_order(BUY, "0.1", name=f"o{number}") for number in range(5)))
    bench.submit(new_order(BUY, "0.1", "90", name="open"))
    states = {name: bench.look_up(name) for name in ("o0", "o4", "open", "never")}
    assert {name: report and (report.state, len(report.trades)) for name, report in states.items()} == {
        "o0": (OrderState.FILLED, 1),
        "o4": (OrderState.FILLED, 1),
        "open": (OrderState.OPEN, 0),
        "never": None,
    }


def test_open_orders_balances_and_the_catalogue_can_be_fetched() -> None:
    bench = Bench()
    bench.submit(new_order(BUY, "1", "90", name="open"), new_order(BUY, "1", name="done"))
    bench.came.clear()
    bench.exchange.fetch_open_orders()
    bench.exchange.fetch_balances()
    bench.exchange.fetch_instruments()
    bench.turn()
    (orders, balances, catalogue) = bench.came
    assert isinstance(orders, OpenOrdersFetched)
    assert [report.client_order_id for report in orders.reports] == ["open"]
    assert isinstance(balances, BalancesFetched)
    assert balances.balances["BTC"].free == 1
    assert isinstance(catalogue, InstrumentsFetched)
    assert [instrument.symbol for instrument in catalogue.instruments] == [BTC, ETH]


def test_positions_of_a_swap_account_come_with_the_balances() -> None:
    bench = Bench(market=Market.SWAP, leverage=2)
    bench.submit(new_order(SELL, "3", symbol=f"{BTC}:USDT", name="a"))
    (came,) = bench.take(BalancesFetched)
    (position,) = came.positions
    assert (position.side.value, position.quantity, position.average_entry) == ("short", D(3), D(100))


def test_a_cancel_is_answered_with_the_final_state_or_refused() -> None:
    bench = Bench()
    order = new_order(BUY, "1", "90", name="a")
    bench.submit(order)
    bench.exchange.cancel([order, order])
    bench.turn()
    (answers,) = bench.take(AnsweredAll)
    first, second = answers.answers
    assert first.report is not None
    assert (first.request, first.report.state) == ("cancel", OrderState.CANCELLED)
    assert (second.fate, second.reason) == (Fate.REFUSED, Reason.ORDER_NOT_FOUND)


# --- prices ----------------------------------------------------------------------------------------


@pytest.mark.rule("ORD-10")
def test_a_price_that_stands_still_is_told_again_before_it_looks_stale() -> None:
    bench = Bench()
    bench.turn(QUOTE_REFRESH_MS)
    (quoted,) = bench.take(Quoted)
    assert quoted.quotes[BTC] == Quote(bid=D(100), ask=D(100), time_ms=bench.time_ms)
    assert ETH not in quoted.quotes  # It has no price at all.


def test_only_subscribed_symbols_are_told() -> None:
    bench = Bench()
    bench.exchange.subscribe([ETH])
    bench.price("98")
    bench.came.clear()
    bench.turn(QUOTE_REFRESH_MS)
    assert bench.take(Quoted) == []


def test_a_clock_that_is_set_back_stops_no_prices() -> None:
    bench = Bench()
    bench.time_ms -= 500_000
    bench.turn()
    assert [quoted.quotes[BTC].time_ms for quoted in bench.take(Quoted)] == [bench.time_ms]
    bench.turn(QUOTE_REFRESH_MS)
    assert len(bench.take(Quoted)) == 1


def test_made_up_prices_come_for_every_symbol_and_fill_what_they_reach() -> None:
    bench = Bench(prices=PaperPrices.SYNTHETIC, start_prices={BTC: D(100), ETH: D(100)})
    ladder = {"near": "99.9", "mid": "99.5", "far": "99"}
    bench.submit(*(new_order(BUY, "0.1", price, name=name) for name, price in ladder.items()))
    for _ in range(1_200):
        bench.turn(500)
    quoted = bench.take(Quoted)
    assert len(quoted) >= 1_200
    assert set(quoted[5].quotes) == {BTC, ETH}
    filled = [report.client_order_id for streamed in bench.take(Streamed) for report in streamed.reports]
    assert filled == list(ladder)


@pytest.mark.rule("PAPER-2")
def test_recorded_candles_fill_what_was_there_when_they_opened(tmp_path: Path) -> None:
    (tmp_path / "BTCUSDT-1m.csv").write_text(
        "".join(f"{START_MS + minute * 60_000},100,101,90,100,5\n" for minute in range(3))
    )
    account = paper_account(prices=PaperPrices.REPLAY, candles=str(tmp_path))
    bench = Bench.__new__(Bench)
    bench.time_ms, bench.account, bench.came = START_MS, account, []
    bench.exchange = SteppedPaperExchange(open_venue(account, None, START_MS, virtual=True), bench)
    bench.exchange.start(bench.came.append, 1)
    bench.turn()
    bench.submit(new_order(BUY, "3", "95", name="a"))
    bench.turn(1_000)
    bench.submit(new_order(BUY, "3", "94", name="b"))
    bench.turn(59_000)
    (streamed,) = bench.take(Streamed)
    assert [report.client_order_id for report in streamed.reports] == ["a"]
    bench.turn(60_000)
    (streamed,) = bench.take(Streamed)
    assert [report.client_order_id for report in streamed.reports] == ["b"]


def test_accounts_that_cannot_be_opened_say_why(tmp_path: Path) -> None:
    with pytest.raises(PaperFault, match="live needs the exchange"):
        open_venue(paper_account(prices=PaperPrices.LIVE), None, 0)
    with pytest.raises(PaperFault, match="price_source: exchange binanceusdm is not supported for market spot"):
        open_venue(paper_account(prices=PaperPrices.LIVE, price_source="binanceusdm"), None, 0)
    with pytest.raises(PaperFault, match="candles"):
        open_venue(paper_account(prices=PaperPrices.REPLAY), None, 0)
    (tmp_path / "XYZUSDT-1m.csv").write_text("1,1,1,1,1,1\n")
    with pytest.raises(PaperFault, match="no candles of any symbol"):
        open_venue(paper_account(prices=PaperPrices.REPLAY, candles=str(tmp_path)), None, 0)
    (tmp_path / "paper").write_text("a file where a folder must be")
    with pytest.raises(PaperFault, match="account paper"):
        open_venue(paper_account(), tmp_path, 0)


# --- restarts --------------------------------------------------------------------------------------


@pytest.mark.rule("PAPER-3")
def test_a_venue_that_is_opened_again_is_where_it_was(tmp_path: Path) -> None:
    first = Bench(tmp_path)
    first.submit(new_order(BUY, "1", "99", name="a"), new_order(BUY, "1", name="b"))
    first.price("99.5")
    first.venue.close()
    second = Bench(tmp_path, start_prices={BTC: D(1)})  # The price of the file is the newer one.
    assert second.look_up("a") == OrderReport(
        client_order_id="a",
        exchange_order_id="1",
        state=OrderState.OPEN,
        time_ms=START_MS,
        price=D(99),
        quantity=D(1),
    )
    second.price("98")
    (streamed,) = second.take(Streamed)
    assert streamed.reports[0].trades[0].trade_id == "2"
    assert second.venue._book.funds.total("USDT") == D(10_000) - 100 - 99


def test_starting_balances_are_paid_in_once(tmp_path: Path) -> None:
    Bench(tmp_path).venue.close()
    assert Bench(tmp_path, balances={"USDT": D(5)}).venue._book.funds.free("USDT") == 10_000


def test_made_up_prices_are_saved_now_and_then(tmp_path: Path) -> None:
    bench = Bench(tmp_path, prices=PaperPrices.SYNTHETIC, start_prices={})
    for _ in range(SAVE_PRICES_MS // 500 + 1):
        bench.turn(500)
    seen = {quoted.quotes[BTC].mid for quoted in bench.take(Quoted)}
    bench.venue.close()
    again = Bench(tmp_path, prices=PaperPrices.SYNTHETIC, start_prices={})
    price = again.venue._book.markets[BTC].price
    assert price != 60_000
    assert price in seen


def test_a_symbol_the_config_dropped_can_still_be_closed(tmp_path: Path) -> None:
    first = Bench(tmp_path)
    first.price("100", ETH)
    first.submit(new_order(BUY, "1", "90", symbol=ETH, name="a"))
    first.venue.close()
    second = Bench(tmp_path, symbols=(BTC,))
    second.exchange.cancel([new_order(BUY, "1", "90", symbol=ETH, name="a")])
    second.turn()
    (answer,) = second.take(Answered)
    assert answer.fate == Fate.ACCEPTED


# --- lives, latency, overload ----------------------------------------------------------------------


def test_a_new_life_gets_the_streams_and_an_old_one_nothing_more() -> None:
    bench = Bench()
    bench.exchange.submit([new_order(BUY, "1", "99", name="a")])  # On its way when the gateway dies.
    later: list[Any] = []
    bench.exchange.start(later.append, 2)
    bench.turn()
    assert bench.came == []
    assert kinds(later) == ["BalancesFetched"]
    bench.price("98")
    assert bench.came == []
    assert {message.incarnation for message in later} == {2}
    (streamed,) = [message for message in later if isinstance(message, Streamed)]
    assert streamed.reports[0].state is OrderState.FILLED


@pytest.mark.rule("PAPER-1")
def test_a_request_takes_its_latency_and_the_acceptance_window_covers_it() -> None:
    bench = Bench(latency_ms=200)
    assert bench.exchange.acceptance_window_ms > 200
    bench.turn(200)  # The subscription.
    bench.came.clear()
    bench.exchange.submit([new_order(BUY, "1", "99", name="a")])
    bench.turn(199)
    assert bench.take(Answered) == []
    bench.turn(1)
    assert len(bench.take(Answered)) == 1


def test_too_many_requests_are_answered_at_once_as_without_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.exchanges.paper.MAX_WAITING_REQUESTS", 3)
    bench = Bench()
    for number in range(5):
        bench.exchange.submit([new_order(BUY, "1", "90", name=f"o{number}")])
    assert [(answer.client_order_id, answer.fate) for answer in bench.take(Answered)] == [
        ("o3", Fate.TEMPORARY),
        ("o4", Fate.TEMPORARY),
    ]
    bench.turn()
    assert bench.look_up("o2") is not None
    assert bench.look_up("o3") is None


class Broken:
    """Books whose disk fails: before the write, or after it."""

    def __init__(self, bench: Bench, *, durable: bool) -> None:
        self._books, self._durable = bench.venue._books, durable
        self.is_failing = True
        bench.venue._books = self

    def save(self, *changes: Any) -> None:
        if self._durable or not self.is_failing:
            self._books.save(*changes)
        if self.is_failing:
            raise BooksFault("disk full")

    def load(self) -> Any:
        if self.is_failing and not self._durable:
            raise BooksFault("disk full")
        return self._books.load()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._books, name)


@pytest.mark.rule("PAPER-3", "REC-4")
@pytest.mark.parametrize("durable", [False, True])
def test_what_could_not_be_saved_is_answered_as_unknown_and_the_file_decides(
    tmp_path: Path, durable: bool, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(tmp_path)
    books = Broken(bench, durable=durable)
    (answer,) = bench.submit(new_order(BUY, "1", "99", name="a"))
    assert (answer.fate, answer.report) == (Fate.UNKNOWN, None)
    assert "take no writes: disk full" in caplog.text
    if not durable:
        (answer,) = bench.submit(new_order(BUY, "1", "99", name="b"))
        assert answer.fate == Fate.TEMPORARY
    books.is_failing = False
    assert (bench.look_up("a") is not None) is durable
    assert bench.venue._book.funds.balance("USDT").locked == (99 if durable else 0)


def test_a_price_that_cannot_be_saved_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    Broken(bench, durable=False)
    answer = bench.price("98")
    assert isinstance(answer, Refused)
    assert answer.reason is Reason.STORE_FAILED


def test_a_stepped_exchange_is_driven_by_the_timers_of_a_runtime() -> None:
    bench = Bench()
    calls: list[tuple[int, Any]] = []
    drive(bench.exchange, bench, lambda time_ms, call: calls.append((time_ms, call)))
    bench.exchange.fetch_balances()
    bench.exchange.fetch_balances()
    assert [time_ms for time_ms, _ in calls] == [START_MS + QUOTE_REFRESH_MS, START_MS]
    calls.pop()[1]()
    assert len(bench.take(BalancesFetched)) == 2
    assert calls[-1][0] == START_MS + QUOTE_REFRESH_MS


def test_a_driven_exchange_has_one_call_waiting_however_often_it_was_asked_something() -> None:
    """An earlier call takes the place of a later one: they do not go on side by side for good."""
    bench = Bench()
    timers: Timers[str] = Timers()
    drive(bench.exchange, bench, timers.call_at)
    for _ in range(50):
        bench.exchange.fetch_balances()
        bench.time_ms += 100
        run_due(timers, bench.time_ms)
    assert len(bench.take(BalancesFetched)) == 50
    bench.time_ms += QUOTE_REFRESH_MS
    assert run_due(timers, bench.time_ms) == 1


def run_due(timers: Timers[str], now_ms: int) -> int:
    """How many calls were due."""
    due = timers.pop_due(now_ms)
    for call in due:
        assert not isinstance(call, tuple)
        call()
    return len(due)
