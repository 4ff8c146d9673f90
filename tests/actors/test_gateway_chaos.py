"""Seeded chaos between gateway and exchange: requests and answers are lost, doubled, late; gateways die.

However it goes, no order is taken twice, none is called lost that lives, and every group ends up with the truth.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from heapq import heappop, heappush

import pytest

from actors import messages as m
from actors.account_messages import AccountState, AmendOrders
from actors.board import CatalogueBoard, MarksBoard
from actors.budget import Budget, LimitedBudget
from actors.gateway import Gateway
from actors.gateway_hand import reshaped
from actors.messages import Fate
from actors.ports import Sink
from actors.rules.model import Order, OrderReport, OrderState, Reason, Role, Trade
from actors.rules.rates import Ask, RateRules, Window
from actors.rules.settings import AccountSettings, Settings
from tests.actors.gateway_world import FakeLife, balances, instrument, order, report, trade

WINDOW_MS = 2_000
FAR_MS = 600_000
"""Within this time everything must be certain."""


@dataclass
class Entry:
    """One order at the venue."""

    order: Order
    state: OrderState = OrderState.OPEN
    trades: tuple[Trade, ...] = ()
    times_taken: int = 1
    time_ms: int = 0

    def report(self) -> OrderReport:
        known = report(self.order, self.state, self.trades)
        return replace(known, price=self.order.price, quantity=self.order.quantity, time_ms=self.time_ms)


@dataclass
class Storm:
    """The clock, the network and the venue behind it. `ports.Exchange` for whoever is the gateway now."""

    rng: random.Random
    life: FakeLife
    acceptance_window_ms: int = WINDOW_MS
    budget: Budget = field(default_factory=Budget)
    can_amend: bool = True
    can_stop: bool = False
    is_calm: bool = False
    entries: dict[str, Entry] = field(default_factory=dict)
    events: list[tuple[int, int, Callable[[], None]]] = field(default_factory=list)
    number: int = 0
    sink: Sink | None = None
    incarnation: int = 0

    def later(self, longest_ms: int, what: Callable[[], None]) -> None:
        self.number += 1
        pause_ms = self.rng.randint(0, 1 if self.is_calm else longest_ms)
        heappush(self.events, (self.life.time_ms + pause_ms, self.number, what))

    def chance(self, probability: float) -> bool:
        return not self.is_calm and self.rng.random() < probability

    def answer(self, incarnation: int, message: object) -> None:
        """Delivered late, twice or never, and only to the life that asked."""
        if self.chance(0.2):
            return

        def deliver() -> None:
            if self.sink is not None and incarnation == self.incarnation:
                self.sink(message)

        for _ in range(2 if self.chance(0.15) else 1):
            self.later(3_000, deliver)

    # --- ports.Exchange ---------------------------------------------------------------------------

    def start(self, sink: Sink, incarnation: int) -> None:
        self.sink, self.incarnation = sink, incarnation

    def stop(self) -> None: ...

    def submit(self, orders: Sequence[Order]) -> None:
        for each in orders:
            asked_ms, life = self.life.time_ms, self.incarnation
            kind = "accept" if self.is_calm else self.rng.choice(("accept",) * 4 + ("lose", "busy", "refuse", "blind"))
            if kind == "busy":
                self._tell(life, "submit", each, Fate.TEMPORARY, asked_ms)
            elif kind == "refuse":
                self._tell(life, "submit", each, Fate.REFUSED, asked_ms, reason=Reason.INSUFFICIENT_FUNDS)
            elif kind == "lose":
                self.later(0, lambda: None)
            else:
                if kind == "blind":  # The connection broke; the request arrives all the same, perhaps much later.
                    self._tell(life, "submit", each, Fate.UNKNOWN, asked_ms)
                self.later(WINDOW_MS, partial(self._arrive, life, each, kind, asked_ms))

    def _arrive(self, life: int, each: Order, kind: str, asked_ms: int) -> None:
        name = each.client_order_id
        known = self.entries.get(name)
        if known is not None and not known.state.is_final:
            self._tell(life, "submit", each, Fate.REFUSED, asked_ms, reason=Reason.DUPLICATE_CLIENT_ORDER_ID)
            return
        if known is not None:  # As venues do: the id of a finished order may be used again. Ours must not be.
            known.times_taken += 1
        else:
            self.entries[name] = Entry(each, time_ms=self.life.time_ms)
        if kind != "blind":
            self._tell(life, "submit", each, Fate.ACCEPTED, asked_ms, told=self.entries[name].report())

    def cancel(self, orders: Sequence[Order]) -> None:
        for each in orders:
            asked_ms, life = self.life.time_ms, self.incarnation
            if self.chance(0.2):
                self._tell(life, "cancel", each, Fate.UNKNOWN, asked_ms)
                continue
            entry = self.entries.get(each.client_order_id)
            if entry is None or entry.state.is_final:
                self._tell(life, "cancel", each, Fate.REFUSED, asked_ms, reason=Reason.ORDER_NOT_FOUND)
                continue
            entry.state, entry.time_ms = OrderState.CANCELLED, self.life.time_ms
            self._tell(life, "cancel", each, Fate.ACCEPTED, asked_ms, told=entry.report())

    def _tell(
        self,
        life: int,
        request: str,
        each: Order,
        fate: str,
        asked_ms: int,
        *,
        told: OrderReport | None = None,
        reason: Reason | None = None,
    ) -> None:
        self.answer(
            life,
            m.Answered(
                incarnation=life,
                request=request,
                client_order_id=each.client_order_id,
                fate=fate,
                report=told,
                reason=reason,
                asked_ms=asked_ms,
            ),
        )

    def amend(self, orders: Sequence[Order]) -> None:
        for each in orders:
            asked_ms, life = self.life.time_ms, self.incarnation
            kind = (
                "accept" if self.is_calm else self.rng.choice(("accept", "accept", "lose", "busy", "refuse", "blind"))
            )
            if kind == "busy":
                self._tell(life, "amend", each, Fate.TEMPORARY, asked_ms)
            elif kind == "refuse":
                self._tell(life, "amend", each, Fate.REFUSED, asked_ms, reason=Reason.BAD_PRICE)
            elif kind != "lose":
                if kind == "blind":
                    self._tell(life, "amend", each, Fate.UNKNOWN, asked_ms)
                self.later(WINDOW_MS, partial(self._change, life, each, kind, asked_ms))

    def _change(self, life: int, each: Order, kind: str, asked_ms: int) -> None:
        entry = self.entries.get(each.client_order_id)
        if entry is None or entry.state.is_final:
            self._tell(life, "amend", each, Fate.REFUSED, asked_ms, reason=Reason.ORDER_NOT_FOUND)
            return
        entry.order, entry.time_ms = reshaped(each), self.life.time_ms
        if kind != "blind":
            self._tell(life, "amend", each, Fate.ACCEPTED, asked_ms, told=entry.report())

    def probe(self) -> None: ...

    def look_up(self, order: Order) -> None:
        asked_ms, life = self.life.time_ms, self.incarnation
        entry = self.entries.get(order.client_order_id)
        fate = Fate.UNKNOWN if self.chance(0.2) else Fate.ACCEPTED
        self.answer(
            life,
            m.LookedUp(
                incarnation=life,
                client_order_id=order.client_order_id,
                fate=fate,
                report=entry.report() if entry and fate == Fate.ACCEPTED else None,
                asked_ms=asked_ms,
            ),
        )

    def fetch_open_orders(self) -> None:
        there = tuple(entry.report() for entry in self.entries.values() if not entry.state.is_final)
        life, asked_ms = self.incarnation, self.life.time_ms
        self.answer(life, m.OpenOrdersFetched(incarnation=life, fate=Fate.ACCEPTED, reports=there, asked_ms=asked_ms))

    def fetch_balances(self) -> None:
        life = self.incarnation
        self.answer(life, m.BalancesFetched(incarnation=life, fate=Fate.ACCEPTED, balances=balances("1")))

    def fetch_instruments(self) -> None:
        life = self.incarnation
        self.answer(life, m.InstrumentsFetched(incarnation=life, fate=Fate.ACCEPTED, instruments=(instrument(),)))

    def subscribe(self, symbols: Sequence[str]) -> None: ...

    def set_price(self, symbol: str, price: Decimal, reply_to: m.ReplyTo) -> None: ...

    # --- the market -------------------------------------------------------------------------------

    def fill_something(self) -> None:
        alive = [entry for entry in self.entries.values() if not entry.state.is_final]
        if not alive:
            return
        entry = self.rng.choice(alive)
        entry.trades = (*entry.trades, trade(1000 * len(self.entries) + len(entry.trades), "0.5"))
        entry.state = OrderState.FILLED if len(entry.trades) == 2 else OrderState.PARTIALLY_FILLED
        entry.time_ms = self.life.time_ms
        self.answer(self.incarnation, m.Streamed(incarnation=self.incarnation, reports=(entry.report(),)))


class Play:
    """One run: a group's view of its orders on one side, the storm on the other."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.life = FakeLife()
        self.storm = Storm(self.rng, self.life)
        if seed % 2:  # A venue that takes little: everything has to wait its turn.
            window = Window(name="requests", limit=4, period_ms=2_000)
            self.storm.budget = LimitedBudget(RateRules(windows=(window,), costs={ask: {"requests": 1} for ask in Ask}))
        self.known: dict[str, OrderReport] = {}
        self.wanted: dict[str, Order] = {}
        self.lost: set[str] = set()
        """Reported as never accepted: a group sends the like of it again, so it must not live."""
        self.gateway = self._new_gateway()

    def _new_gateway(self) -> Gateway:
        account = AccountSettings(name="paper")
        gateway = Gateway(
            self.life,
            account=account,
            exchange=self.storm,
            marks=MarksBoard(),
            catalogue=CatalogueBoard(),
            settings=Settings(),
            pool_name="pool/paper",
            jitter=self.rng.random,
        )
        gateway.start()
        return gateway

    def new_life(self) -> None:
        """The gateway dies; what was told to it is lost, and groups ask again (rule 16)."""
        self.life = FakeLife(incarnation=self.life.incarnation + 1)
        self.life.time_ms = self.storm.life.time_ms
        self.storm.life = self.life
        self.gateway = self._new_gateway()
        self.tell(m.ResolveOrders(orders=self.open_orders()))

    def open_orders(self) -> tuple[Order, ...]:
        return tuple(each for name, each in self.wanted.items() if not self.is_final(name))

    def is_final(self, name: str) -> bool:
        known = self.known.get(name)
        return known is not None and known.state is not None and known.state.is_final

    def tell(self, message: object) -> None:
        self.gateway.receive(message)
        self.hear()

    def hear(self) -> None:
        told, self.life.told[:] = list(self.life.told), []
        for to, message in told:
            if to == self.life.name:
                self.tell(message)
            elif isinstance(message, m.Load):
                self.tell(m.Loaded(incarnation=message.incarnation, state=self.stored(message)))
            elif isinstance(message, m.OrdersReported):
                for each in message.reports:
                    self.known[each.client_order_id] = each
                    if each.reason is Reason.NEVER_ACCEPTED:
                        self.lost.add(each.client_order_id)

    def stored(self, load: m.Load) -> AccountState:
        """The store knows every order that was ever wanted."""
        known = frozenset(load.client_order_ids) & self.wanted.keys()
        return AccountState(account="paper", groups=(), known_ids=known)

    def pass_ms(self, milliseconds: int) -> None:
        end_ms = self.life.time_ms + milliseconds
        while True:
            event_ms = self.storm.events[0][0] if self.storm.events else end_ms + 1
            wake_ms = min(self.life.wakes.values(), default=end_ms + 1)
            if min(event_ms, wake_ms) > end_ms:
                break
            self.life.time_ms = max(self.life.time_ms, min(event_ms, wake_ms))
            if event_ms <= wake_ms:
                heappop(self.storm.events)[2]()
                self.hear()
            else:
                name = min(self.life.wakes, key=lambda name: self.life.wakes[name])
                del self.life.wakes[name]
                self.tell(m.TimerFired(incarnation=self.life.incarnation, name=name))
        self.life.time_ms = end_ms

    def act(self) -> None:
        kind = self.rng.random()
        if kind < 0.4:
            attempt = len(self.wanted) + 1
            role = self.rng.choice((Role.ENTRY, Role.TAKE_PROFIT, Role.CLOSE))
            each = order(attempt, role)
            self.wanted[each.client_order_id] = each
            if self.rng.random() < 0.9:  # Else the release was lost with a process; the group only resolves.
                self.tell(m.SubmitOrders(orders=(each,)))
            if self.rng.random() < 0.3:
                self.tell(m.ResolveOrders(orders=(each,)))
        elif kind < 0.6 and self.open_orders():
            self.tell(m.CancelOrders(orders=(self.rng.choice(self.open_orders()),)))
        elif kind < 0.7 and self.open_orders():
            price = Decimal(self.rng.randint(101, 199))
            self.tell(AmendOrders(orders=(replace(self.rng.choice(self.open_orders()), wanted_price=price),)))
        elif kind < 0.8:
            self.storm.fill_something()
        elif kind < 0.84:
            self.new_life()
        self.pass_ms(self.rng.choice((0, 10, 300, 3_000)))

    def calm_down(self) -> None:
        """The network works again, and the group asks for whatever it does not know."""
        self.storm.is_calm = True
        self.tell(m.ResolveOrders(orders=self.open_orders()))
        self.pass_ms(FAR_MS)


@pytest.mark.rule("ORD-3", "ORD-5", "ORD-8", "REC-1")
@pytest.mark.parametrize("block", range(10))
def test_whatever_the_network_does_nothing_is_sent_twice_and_the_truth_comes_out(block: int) -> None:
    for seed in range(block * 15, block * 15 + 15):
        play = Play(seed)
        for _ in range(30):
            play.act()
        play.calm_down()
        assert play.lost.isdisjoint(play.storm.entries), seed
        for name in play.wanted:
            there, here = play.storm.entries.get(name), play.known.get(name)
            assert here is not None, (seed, name, "nothing was ever reported")
            if there is None:
                assert here.state in (OrderState.REJECTED, OrderState.CANCELLED), (seed, name, here)
                continue
            assert there.times_taken == 1, (seed, name, "was taken twice")
            assert here.state is there.state, (seed, name, here, there)
            assert {each.trade_id for each in here.trades} == {each.trade_id for each in there.trades}, (seed, name)
            assert there.state.is_final or here.price == there.order.price, (seed, name, here, there)
