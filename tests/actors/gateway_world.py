"""A gateway alone: a life on a hand-moved clock, and an exchange that answers only when the test says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from actors import account_messages as am
from actors import messages as m
from actors.board import CatalogueBoard, MarksBoard
from actors.budget import Budget
from actors.gateway import Gateway
from actors.messages import Fate
from actors.ports import Sink
from actors.rules.choices import Market
from actors.rules.model import (
    Balance,
    Instrument,
    Order,
    OrderReport,
    OrderSide,
    OrderState,
    OrderType,
    Quote,
    Reason,
    Role,
    Trade,
)
from actors.rules.naming import make_client_order_id
from actors.rules.settings import AccountSettings, ExecutionSettings, Settings

T = TypeVar("T")

START_MS = 1_000_000
PREFIX = "ab1200"
WINDOW_MS = 5_000


class FakeLife:
    """`actors.runtime.Life` that writes down what is told."""

    def __init__(self, name: str = "gateway/paper", incarnation: int = 7) -> None:
        self.name = name
        self.incarnation = incarnation
        self.fresh = False
        self.time_ms = START_MS
        self.set_by_ms = 0
        self.told: list[tuple[str | m.ReplyTo, object]] = []
        self.wakes: dict[str, int] = {}

    def tell(self, to: str | m.ReplyTo, message: object) -> None:
        self.told.append((to, message))

    def now_ms(self) -> int:
        return self.time_ms

    def set_clock(self, by_ms: int) -> None:
        """Without any time going by."""
        self.time_ms += by_ms
        self.set_by_ms += by_ms

    def flow_ms(self) -> int:
        return self.time_ms - self.set_by_ms

    def wake_at(self, time_ms: int, name: str) -> None:
        self.wakes[name] = time_ms

    def cancel_wake(self, name: str) -> None:
        self.wakes.pop(name, None)

    def spawn(self, name: str, *, fresh: bool = False) -> int:
        raise AssertionError("a gateway starts nobody")

    def stop(self) -> None:
        raise AssertionError("a gateway does not stop by itself")


class SilentExchange:
    """Writes down what it is asked, in order."""

    def __init__(self) -> None:
        self.acceptance_window_ms = WINDOW_MS
        self.budget = Budget()
        self.can_amend = True
        self.can_stop = False
        self.asked: list[tuple[str, Any]] = []
        self.sink: Sink | None = None

    def start(self, sink: Sink, incarnation: int) -> None:
        self.sink = sink
        self.asked.append(("start", incarnation))

    def stop(self) -> None:
        self.asked.append(("stop", None))

    def submit(self, orders: Sequence[Order]) -> None:
        self.asked.append(("submit", tuple(order.client_order_id for order in orders)))

    def cancel(self, orders: Sequence[Order]) -> None:
        self.asked.append(("cancel", tuple(order.client_order_id for order in orders)))

    def amend(self, orders: Sequence[Order]) -> None:
        told = tuple((order.client_order_id, order.wanted_price, order.wanted_quantity) for order in orders)
        self.asked.append(("amend", told))

    def look_up(self, order: Order) -> None:
        self.asked.append(("look_up", order.client_order_id))

    def fetch_open_orders(self) -> None:
        self.asked.append(("fetch_open_orders", None))

    def fetch_balances(self) -> None:
        self.asked.append(("fetch_balances", None))

    def fetch_instruments(self) -> None:
        self.asked.append(("fetch_instruments", None))

    def subscribe(self, symbols: Sequence[str]) -> None:
        self.asked.append(("subscribe", tuple(symbols)))

    def probe(self) -> None:
        self.asked.append(("probe", None))

    def set_price(self, symbol: str, price: Decimal, reply_to: m.ReplyTo) -> None:
        self.asked.append(("set_price", (symbol, price)))

    def take(self, name: str) -> list[Any]:
        """What was asked under this name since the last look, in order."""
        taken = [what for asked, what in self.asked if asked == name]
        self.asked = [entry for entry in self.asked if entry[0] != name]
        return taken


class World:
    """A gateway that has just started; `settle` lets the comparison at the start succeed."""

    def __init__(
        self,
        account: AccountSettings | None = None,
        execution: ExecutionSettings | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.life = FakeLife()
        self.exchange = SilentExchange()
        self.exchange.budget = budget or Budget()
        self.marks = MarksBoard()
        self.catalogue = CatalogueBoard()
        self.settings = Settings(execution=execution or ExecutionSettings())
        self.gateway = Gateway(
            self.life,
            account=account or AccountSettings(name="paper"),
            exchange=self.exchange,
            marks=self.marks,
            catalogue=self.catalogue,
            settings=self.settings,
            pool_name="pool/paper",
            jitter=lambda: 0.0,
        )
        self.stored = am.AccountState(account="paper", groups=())
        self.asked_ids: tuple[str, ...] = ()
        self.gateway.start()
        self._answer_loads()

    @property
    def now_ms(self) -> int:
        return self.life.time_ms

    @property
    def incarnation(self) -> int:
        return self.life.incarnation

    def settle(self) -> World:
        """Catalogue, balances and (no) open orders arrive; what was told and asked so far is forgotten."""
        self.tell(m.InstrumentsFetched(incarnation=7, fate=Fate.ACCEPTED, instruments=(instrument(),)))
        self.tell(m.BalancesFetched(incarnation=7, fate=Fate.ACCEPTED, balances=balances("100")))
        self.listed()
        self.probed()
        self.life.told.clear()
        self.exchange.asked.clear()
        return self

    def tell(self, message: object) -> None:
        self.gateway.receive(message)
        self._answer_loads()

    def _answer_loads(self) -> None:
        """As the Journal does; what is stored of the account is `stored`."""
        while loads := [message for _, message in self.life.told if isinstance(message, m.Load)]:
            self.life.told = [entry for entry in self.life.told if not isinstance(entry[1], m.Load)]
            self.asked_ids = loads[-1].client_order_ids
            for load in loads:
                self.gateway.receive(m.Loaded(incarnation=load.incarnation, state=self.stored))

    def pass_ms(self, milliseconds: int) -> None:
        """Time goes by, wake-ups in their order included."""
        end_ms = self.life.time_ms + milliseconds
        while self.life.wakes and min(self.life.wakes.values()) <= end_ms:
            name = min(self.life.wakes, key=lambda name: self.life.wakes[name])
            self.life.time_ms = max(self.life.time_ms, self.life.wakes.pop(name))
            self.tell(m.TimerFired(incarnation=self.incarnation, name=name))
        self.life.time_ms = end_ms

    def pass_answering_ms(self, milliseconds: int, step_ms: int = 1_000) -> None:
        """Time goes by, and the exchange answers what it is asked about itself."""
        for _ in range(milliseconds // step_ms):
            self.pass_ms(step_ms)
            self.answer_questions()

    def answer_questions(self) -> None:
        for _ in self.exchange.take("fetch_balances"):
            self.tell(m.BalancesFetched(incarnation=self.incarnation, fate=Fate.ACCEPTED, balances=balances("100")))
        for _ in self.exchange.take("fetch_open_orders"):
            self.listed(asked_ms=0)
        for _ in self.exchange.take("probe"):
            self.probed()

    def told(self, kind: type[T], to: object = None) -> list[T]:
        """Messages of this type told so far (to this one)."""
        return [message for whom, message in self.life.told if isinstance(message, kind) and to in (None, whom)]

    def reports(self) -> list[OrderReport]:
        """What groups were told of orders, in order, and forgotten here."""
        found = [report for reported in self.told(m.OrdersReported) for report in reported.reports]
        self.life.told = [entry for entry in self.life.told if not isinstance(entry[1], m.OrdersReported)]
        return found

    def rows(self, kind: type[T]) -> list[T]:
        """Rows of this type committed so far."""
        return [row for commit in self.told(m.Commit, "journal") for row in commit.rows if isinstance(row, kind)]

    # --- the exchange speaks ----------------------------------------------------------------------

    def answer(
        self,
        order: Order,
        fate: str = Fate.ACCEPTED,
        state: OrderState | None = OrderState.OPEN,
        *,
        request: str = "submit",
        reason: Reason | None = None,
        words: str = "",
        trades: tuple[Trade, ...] = (),
        asked_ms: int = 0,
    ) -> None:
        told = fate == Fate.ACCEPTED and state is not None
        self.tell(
            m.Answered(
                incarnation=self.incarnation,
                request=request,
                client_order_id=order.client_order_id,
                fate=fate,
                report=report(order, state, trades) if told else None,
                reason=reason,
                words=words,
                asked_ms=asked_ms,
            )
        )

    def looked_up(self, order: Order, found: OrderReport | None, *, asked_ms: int, fate: str = Fate.ACCEPTED) -> None:
        self.tell(
            m.LookedUp(
                incarnation=self.incarnation,
                client_order_id=order.client_order_id,
                fate=fate,
                report=found,
                asked_ms=asked_ms,
            )
        )

    def stream(self, *reports: OrderReport) -> None:
        self.tell(m.Streamed(incarnation=self.incarnation, reports=reports))

    def listed(self, *reports: OrderReport, asked_ms: int | None = None) -> None:
        asked_ms = self.now_ms if asked_ms is None else asked_ms
        self.tell(
            m.OpenOrdersFetched(incarnation=self.incarnation, fate=Fate.ACCEPTED, reports=reports, asked_ms=asked_ms)
        )

    def probed(
        self, *checks: tuple[str, bool, str], may_withdraw: bool | None = False, is_key_known: bool = True
    ) -> None:
        self.tell(
            am.AccountProbed(
                incarnation=self.incarnation, checks=checks, may_withdraw=may_withdraw, is_key_known=is_key_known
            )
        )

    def stream_changed(self, stream: str, is_up: bool, words: str = "") -> None:
        self.tell(am.StreamChanged(incarnation=self.incarnation, stream=stream, is_up=is_up, words=words))

    def quote(self, bid: str, ask: str, symbol: str = "BTC/USDT") -> None:
        quote = Quote(bid=Decimal(bid), ask=Decimal(ask), time_ms=self.now_ms)
        self.tell(m.Quoted(incarnation=self.incarnation, quotes={symbol: quote}))


class Box:
    """A `ReplyTo` that keeps its answers. The fake life does not call it, so look at what was told to it."""

    def reply(self, answer: object) -> None:
        raise AssertionError("answers travel by the runtime")


def balances(free: str) -> dict[str, Balance]:
    return {"USDT": Balance(asset="USDT", free=Decimal(free), locked=Decimal(0))}


def instrument(symbol: str = "BTC/USDT") -> Instrument:
    base, _, quote = symbol.partition("/")
    return Instrument(
        account="paper",
        symbol=symbol,
        venue_symbol=base + quote,
        base=base,
        quote=quote,
        market=Market.SPOT,
        tick_size=Decimal("0.01"),
        step_size=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        min_notional=Decimal(5),
    )


def order(attempt: int = 1, role: Role = Role.ENTRY, group_id: str = "g" * 12, leg: int = 0) -> Order:
    name = make_client_order_id(prefix=PREFIX, group_id=group_id, pyramid=0, leg=leg, role=role, attempt=attempt)
    return Order(
        client_order_id=name,
        group_id=group_id,
        account="paper",
        symbol="BTC/USDT",
        pyramid=0,
        leg=leg,
        role=role,
        attempt=attempt,
        side=OrderSide.BUY if role is Role.ENTRY else OrderSide.SELL,
        type=OrderType.LIMIT,
        price=Decimal(100),
        quantity=Decimal(1),
        create_time_ms=START_MS,
        update_time_ms=START_MS,
    )


def report(of: Order | str, state: OrderState | None = OrderState.OPEN, trades: tuple[Trade, ...] = ()) -> OrderReport:
    name = of if isinstance(of, str) else of.client_order_id
    return OrderReport(client_order_id=name, exchange_order_id="1", state=state, trades=trades, time_ms=START_MS)


def trade(number: int, quantity: str = "1") -> Trade:
    return Trade(
        trade_id=str(number),
        quantity=Decimal(quantity),
        price=Decimal(100),
        fee=Decimal(0),
        fee_asset="USDT",
        fee_value=Decimal(0),
        time_ms=START_MS,
    )


def ids(orders: Sequence[Order]) -> tuple[str, ...]:
    return tuple(order.client_order_id for order in orders)


Act = Callable[[World], None]
