"""The paper exchange on its own thread, alone and behind a real gateway on the live runtime."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actors import messages as m
from actors.account_messages import AccountState
from actors.board import CatalogueBoard, MarksBoard
from actors.gateway import Gateway
from actors.messages import Answered, AnsweredAll, Fate, LookedUp, Streamed
from actors.replies import ReplyBox
from actors.rules.model import Order, OrderReport, OrderState, Quote, Role
from actors.rules.naming import make_client_order_id
from actors.rules.settings import AccountSettings, Settings
from actors.runtime import Actor, Life
from actors.threaded import Threaded
from daemon.exchanges.paper import MAX_BATCH, PaperExchange, open_venue
from daemon.exchanges.paper_books import books_path, ledger
from tests.daemon.exchanges.paper_kit import BTC, BUY, D, new_order, paper_account

TIMEOUT_S = 20.0


class SystemClock:
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class Exchanges:
    """Opens exchanges and stops them all."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.open: list[PaperExchange] = []

    def __call__(self, account: AccountSettings) -> PaperExchange:
        clock = SystemClock()
        exchange = PaperExchange(open_venue(account, self.data_dir, clock.now_ms()), clock)
        self.open.append(exchange)
        return exchange


@pytest.fixture
def exchanges(tmp_path: Path) -> Iterator[Exchanges]:
    made = Exchanges(tmp_path)
    yield made
    for exchange in made.open:
        exchange.stop()


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.002)


def answers(came: list[Any]) -> list[Answered]:
    joined = [answer for message in list(came) if isinstance(message, AnsweredAll) for answer in message.answers]
    return joined + [message for message in list(came) if isinstance(message, Answered)]


@pytest.mark.rule("PAPER-3")
def test_everything_that_was_asked_is_answered_in_order_and_is_in_the_file(
    exchanges: Exchanges, tmp_path: Path
) -> None:
    exchange = exchanges(paper_account(start_prices={BTC: D(100)}, balances={"USDT": D(10**6)}))
    came: list[Any] = []
    exchange.start(came.append, 1)
    names = [f"o{number}" for number in range(3 * MAX_BATCH)]
    for name in names:
        exchange.submit([new_order(BUY, "0.1", "90", name=name)])
    wait_for(lambda: len(answers(came)) == len(names))
    assert [answer.client_order_id for answer in answers(came)] == names
    exchange.stop()
    seen = ledger(books_path(tmp_path, "paper"))
    assert [order.client_order_id for order in seen.orders] == names
    assert seen.balances["USDT"].locked == len(names) * 9


def test_requests_from_many_threads_lose_nothing(exchanges: Exchanges) -> None:
    exchange = exchanges(paper_account(start_prices={BTC: D(100)}, balances={"USDT": D(10**6)}))
    came: list[Any] = []
    exchange.start(came.append, 1)

    def send(thread: int) -> None:
        for number in range(50):
            exchange.submit([new_order(BUY, "0.1", "90", name=f"t{thread}-{number}")])

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_for(lambda: len(answers(came)) == 200)
    assert len({answer.client_order_id for answer in answers(came)}) == 200
    assert {answer.fate for answer in answers(came)} == {Fate.ACCEPTED}


def test_stopping_finishes_what_was_asked_and_refuses_what_comes_later(exchanges: Exchanges, tmp_path: Path) -> None:
    exchange = exchanges(paper_account(start_prices={BTC: D(100)}, latency_ms=50))
    came: list[Any] = []
    exchange.start(came.append, 1)
    exchange.submit([new_order(BUY, "0.1", "90", name="before")])
    exchange.stop()
    exchange.submit([new_order(BUY, "0.1", "90", name="after")])
    assert {answer.client_order_id: answer.fate for answer in answers(came)} == {
        "before": Fate.ACCEPTED,
        "after": Fate.TEMPORARY,
    }
    assert len(ledger(books_path(tmp_path, "paper")).orders) == 1


@pytest.mark.rule("PAPER-1")
def test_latency_delays_the_answer(exchanges: Exchanges) -> None:
    exchange = exchanges(paper_account(start_prices={BTC: D(100)}, latency_ms=150))
    came: list[Any] = []
    exchange.start(came.append, 1)
    begin_s = time.monotonic()
    exchange.submit([new_order(BUY, "0.1", "90")])
    wait_for(lambda: answers(came))
    assert time.monotonic() - begin_s >= 0.15


@pytest.mark.rule("REC-2")
def test_a_failure_inside_does_not_end_the_exchange_and_the_file_decides(
    exchanges: Exchanges, caplog: pytest.LogCaptureFixture
) -> None:
    exchange = exchanges(paper_account(start_prices={BTC: D(100)}))
    came: list[Any] = []
    exchange.start(came.append, 1)
    exchange.submit([new_order(BUY, "0.1", "90", name="good")])
    wait_for(lambda: answers(came))
    broken = replace(new_order(BUY, "0.1", "90", name="bad"), quantity=None)  # type: ignore[arg-type]
    exchange.submit([new_order(BUY, "0.1", "90", name="lost"), broken])
    wait_for(lambda: len(answers(came)) == 3)
    assert [answer.fate for answer in answers(came)].count(Fate.UNKNOWN) == 2
    assert "reads its books again" in caplog.text
    for name in ("good", "lost"):
        exchange.look_up(new_order(BUY, "0.1", "90", name=name))
    wait_for(lambda: sum(isinstance(message, LookedUp) for message in came) == 2)
    found = {message.client_order_id: message.report for message in came if isinstance(message, LookedUp)}
    assert found["good"] is not None
    assert found["lost"] is None


def test_made_up_prices_tick_by_themselves(exchanges: Exchanges) -> None:
    exchange = exchanges(AccountSettings(name="paper"))
    came: list[Any] = []
    exchange.start(came.append, 1)
    exchange.subscribe([BTC])
    wait_for(lambda: len({message.quotes[BTC].bid for message in list(came) if isinstance(message, m.Quoted)}) >= 3)


# --- behind a gateway ------------------------------------------------------------------------------


class Ear(Actor):
    """Takes everything that is told to it."""

    heard: list[object]

    def __init__(self, life: Life, heard: list[object]) -> None:
        super().__init__(life)
        self.heard = heard

    def receive(self, message: object) -> None:
        self.heard.append(message)
        if isinstance(message, m.Load):  # The journal's answer: nothing is stored of the account.
            state = AccountState(account="paper", groups=(), known_ids=frozenset(message.client_order_ids))
            self.life.tell(message.name, m.Loaded(incarnation=message.incarnation, state=state))


class Town:
    """A gateway on the live runtime with a threaded paper exchange; group, pool and journal only listen."""

    def __init__(self, exchange: PaperExchange, account: AccountSettings) -> None:
        self.heard: list[object] = []
        self.marks, self.catalogue = MarksBoard(), CatalogueBoard()
        self.system = Threaded(SystemClock())
        for kind in ("supervisor", "journal", "pool", "group"):
            self.system.register(kind, lambda life: Ear(life, self.heard))

        def gateway(life: Life) -> Gateway:
            return Gateway(
                life,
                account=account,
                exchange=exchange,
                marks=self.marks,
                catalogue=self.catalogue,
                settings=Settings(accounts={account.name: account}),
                pool_name="pool/paper",
            )

        self.system.register("gateway", gateway)
        for name in ("supervisor", "journal", "pool/paper", "group/" + "g" * 12, "gateway/paper"):
            self.system.spawn(name)
        wait_for(self.is_ready)

    def is_ready(self) -> bool:
        return any(isinstance(message, m.AccountChanged) and message.ready for message in list(self.heard))

    def tell(self, message: object) -> None:
        self.system.tell("gateway/paper", message)

    def reports(self) -> list[OrderReport]:
        reported = [message for message in list(self.heard) if isinstance(message, m.OrdersReported)]
        return [report for message in reported for report in message.reports]

    def states(self, order: Order) -> list[OrderState | None]:
        return [report.state for report in self.reports() if report.client_order_id == order.client_order_id]


def ladder() -> list[Order]:
    orders = []
    for leg in range(5):
        name = make_client_order_id(prefix="ab1200", group_id="g" * 12, pyramid=0, leg=leg, role=Role.ENTRY, attempt=1)
        orders.append(replace(new_order(BUY, "1", str(99 - leg), name=name), leg=leg))
    return orders


def test_a_ladder_goes_out_fills_and_is_cancelled_through_the_live_gateway(exchanges: Exchanges) -> None:
    account = paper_account(start_prices={BTC: D(100)})
    town = Town(exchanges(account), account)
    try:
        orders = ladder()
        town.tell(m.SubmitOrders(orders=tuple(orders)))
        wait_for(lambda: len(town.reports()) == 5)
        box = ReplyBox()
        town.tell(m.SetPaperPrice(symbol=BTC, price=D("97.5"), reply_to=box))
        wait_for(lambda: box.done)
        assert isinstance(box.answer, Quote)
        wait_for(lambda: town.states(orders[1])[-1:] == [OrderState.FILLED])
        assert town.states(orders[0]) == [OrderState.OPEN, OrderState.FILLED]
        town.tell(m.CancelOrders(orders=tuple(orders)))
        wait_for(lambda: town.states(orders[4])[-1:] == [OrderState.CANCELLED])
        assert town.states(orders[0])[-1] is OrderState.FILLED
        wait_for(lambda: (quote := town.marks.quote("paper", BTC)) is not None and quote.bid == D("97.5"))
    finally:
        town.system.stop_all()


@pytest.mark.rule("ORD-3", "ORD-7")
def test_a_new_gateway_finds_everything_the_old_one_left_behind(exchanges: Exchanges) -> None:
    account = paper_account(start_prices={BTC: D(100)})
    exchange = exchanges(account)
    first = Town(exchange, account)
    orders = ladder()
    first.tell(m.SubmitOrders(orders=tuple(orders[:4])))
    wait_for(lambda: len(first.reports()) == 4)
    first.system.stop_all()
    box = ReplyBox()
    exchange.set_price(BTC, D("98.5"), box)
    wait_for(lambda: box.done)
    second = Town(exchange, account)
    try:
        second.tell(m.ResolveOrders(orders=tuple(orders)))
        wait_for(lambda: len({report.client_order_id for report in second.reports()}) == 5)
        assert [second.states(order)[-1] for order in orders] == [
            OrderState.FILLED,
            OrderState.OPEN,
            OrderState.OPEN,
            OrderState.OPEN,
            OrderState.REJECTED,
        ]
        assert not any(isinstance(message, Streamed) for message in second.heard)
    finally:
        second.system.stop_all()
