"""A tiny exchange for one group, and a story: a group driven event by event with its promises checked at each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, TypeVar

from actors.rules import position, profit, stops
from actors.rules.choices import FeePaidIn, Market, SlippageAction, World
from actors.rules.events import (
    AmendOrders,
    CancelEntriesAsked,
    CancelOrders,
    CloseAsked,
    Context,
    Decision,
    Effect,
    Event,
    Note,
    OrdersReported,
    PriceCrossed,
    PyramidAdded,
    ResolveOrders,
    SetWatches,
    SubmitOrders,
    TimeReached,
    WakeAt,
)
from actors.rules.model import (
    ZERO,
    Group,
    GroupState,
    Instrument,
    LadderPlan,
    Leg,
    Lot,
    Order,
    OrderReport,
    OrderSide,
    OrderState,
    PlannedLeg,
    Quote,
    Reason,
    Refused,
    Role,
    Side,
    Trade,
)
from actors.rules.position_watches import watches
from actors.rules.precision import entry_price, round_quantity
from actors.rules.settings import ExecutionSettings, FeeSettings, StrategySettings
from tests.rules.builders import NOW_MS, D, key, levels, signal, spot

GROUP_ID = "0123456789ab"
PREFIX = "abcd00"
EffectT = TypeVar("EffectT", bound=Effect)


@dataclass
class Venue:
    """What really happened to the orders of one group. Balances start at zero, so they are what it changed."""

    instrument: Instrument
    fee_percent: Decimal = ZERO
    fee_in: FeePaidIn = FeePaidIn.BASE
    orders: dict[str, Order] = field(default_factory=dict)
    base: Decimal = ZERO
    quote: Decimal = ZERO
    trades: int = 0

    def receive(self, order: Order) -> None:
        assert order.client_order_id not in self.orders, "an order was sent twice"
        bare = replace(order, state=OrderState.OPEN, trades=(), wanted_price=None, wanted_quantity=None)
        self.orders[order.client_order_id] = bare

    def fill(self, name: str, quantity: Decimal | None = None, price: Decimal | None = None) -> None:
        order = self.orders[name]
        quantity = order.quantity - order.filled_quantity if quantity is None else quantity
        price = price or order.price or order.expected_price
        assert price is not None
        trade = self._trade(order, quantity, price)
        filled = order.filled_quantity + quantity
        state = OrderState.FILLED if filled >= order.quantity else OrderState.PARTIALLY_FILLED
        if order.state.is_final and state is not OrderState.FILLED:
            state = order.state
        self.orders[name] = replace(order, trades=(*order.trades, trade), filled_quantity=filled, state=state)

    def _trade(self, order: Order, quantity: Decimal, price: Decimal) -> Trade:
        self.trades += 1
        value = quantity * price * self.instrument.contract_size
        buys = order.side is OrderSide.BUY
        in_base = buys and self.fee_in is FeePaidIn.BASE and self.instrument.market is Market.SPOT
        fee = (quantity if in_base else value) * self.fee_percent / 100
        self.base += quantity if buys else -quantity
        self.quote += -value if buys else value
        self.base -= fee if in_base else 0
        self.quote -= 0 if in_base else fee
        return Trade(
            trade_id=f"t{self.trades}",
            quantity=quantity,
            price=price,
            fee=fee,
            fee_asset=self.instrument.base if in_base else self.instrument.quote,
            fee_value=fee * price if in_base else fee,
            time_ms=NOW_MS + self.trades,
        )

    def amend(self, name: str, price: Decimal, quantity: Decimal) -> bool:
        """False: there is nothing to be amended any more."""
        order = self.orders[name]
        if order.is_final or quantity <= order.filled_quantity:
            return False
        self.orders[name] = replace(order, price=price, quantity=quantity)
        return True

    def end(self, name: str, state: OrderState = OrderState.CANCELLED) -> None:
        order = self.orders[name]
        if not order.is_final:
            self.orders[name] = replace(order, state=state)

    def report(self, name: str, reason: Reason | None = None) -> OrderReport:
        order = self.orders[name]
        return OrderReport(
            client_order_id=name,
            exchange_order_id=f"x{name}",
            state=order.state,
            trades=order.trades,
            reason=reason,
            time_ms=NOW_MS,
            price=order.price,
            quantity=order.quantity,
        )


def ladder(
    *rows: tuple[str, str, str],
    entry: str = "100",
    capital: str = "1000",
    side: Side = Side.LONG,
    instrument: Instrument | None = None,
    market: bool = False,
) -> LadderPlan:
    """A plan from (gap, weight, target) rows; without rows the worked ladder of five legs."""
    instrument = instrument or spot()
    rows = rows or WORKED
    legs = []
    for index, level in enumerate(levels(*rows)):
        raw = D(entry) * (100 - side.sign * level.gap_percent) / 100
        price = entry_price(side, raw, instrument)
        quantity = D(capital) * level.weight_percent / 100 / (price * instrument.contract_size)
        legs.append(
            PlannedLeg(
                index=index,
                gap_percent=level.gap_percent,
                weight_percent=level.weight_percent,
                tp_percent=level.tp_percent,
                price=price,
                quantity=round_quantity(quantity, instrument),
                market=market and index == 0,
            )
        )
    return LadderPlan(entry_price=D(entry), capital=D(capital), legs=tuple(legs), notional=D(capital))


WORKED = (("0", "20", "1"), ("0.5", "20", "0.5"), ("1", "20", "2"), ("1.5", "20", "1.5"), ("2", "20", "1"))
ONE = (("0", "100", "1"),)
TWO = (("0", "50", "1"), ("1", "50", "2"))


class Story:
    """A group and its exchange. What the group asks for reaches the venue at once; what the venue does is told to the
    group only by `report`. After every event the promises of `position` are checked.
    """

    def __init__(
        self,
        plan: LadderPlan | None = None,
        *,
        side: Side = Side.LONG,
        instrument: Instrument | None = None,
        price: str = "100",
        fee_percent: str = "0",
        fee_in: FeePaidIn = FeePaidIn.BASE,
        execution: ExecutionSettings | None = None,
        settings: StrategySettings | None = None,
        quote: bool = True,
        slippage: str | None = None,
        strict: bool = True,
        can_amend: bool = False,
        can_stop: bool = False,
        shares_position: bool = False,
        is_held_by_stop: bool = False,
        signal_stop: str | None = None,
        signal_target: str | None = None,
        **strategy: Any,
    ) -> None:
        self.strict = strict
        self.can_amend = can_amend
        self.can_stop = can_stop
        self.is_traded = True
        self.shares_position = shares_position
        self.is_held_by_stop = is_held_by_stop
        self.trail: Decimal | None = None
        self.instrument = instrument or spot()
        self.venue = Venue(self.instrument, D(fee_percent), fee_in)
        self.fees = FeeSettings(maker_percent=D(fee_percent), taker_percent=D(fee_percent), paid_in=fee_in)
        self.execution = execution or ExecutionSettings()
        self.now_ms = NOW_MS
        self.quote: Quote | None = Quote(bid=D(price), ask=D(price), time_ms=NOW_MS) if quote else None
        self.notes: list[Note] = []
        self.resolves: list[str] = []
        self.cancels: list[str] = []
        self.amends: list[str] = []
        self.watches: tuple[Any, ...] = ()
        self.wake_ms: int | None = None
        decision = position.open_group(
            group_id=GROUP_ID,
            world=World.PAPER,
            key=key(),
            side=side,
            signal=signal(
                side=side,
                max_slippage_percent=D(slippage) if slippage else None,
                stop_loss=D(signal_stop) if signal_stop else None,
                take_profit=D(signal_target) if signal_target else None,
            ),
            plan=plan or ladder(side=side, instrument=self.instrument),
            settings=settings or StrategySettings(**strategy),
            instrument=self.instrument,
            slot_token="slot",
            forced=False,
            strategy="test",
            context=self.context(),
        )
        self.group: Group = decision.group
        self.decision = decision
        self._carry(decision)
        self._check()

    # --- events ---

    def context(self) -> Context:
        return Context(
            now_ms=self.now_ms,
            quote=self.quote,
            instrument=self.instrument,
            execution=self.execution,
            prefix=PREFIX,
            fees=self.fees,
            can_amend=self.can_amend,
            can_stop=self.can_stop,
            is_traded=self.is_traded,
            is_held_by_stop=self.is_held_by_stop,
            shares_position=self.shares_position,
        )

    def step(self, event: Event, *, again: bool = True) -> Decision:
        """`again`: what the event asked to send must not be asked for when it is repeated."""
        decision = position.step(self.group, event, self.context())
        assert isinstance(decision, Decision), decision
        self.group = decision.group
        self.decision = decision
        self._carry(decision)
        self._check()
        if again and not isinstance(event, PriceCrossed):
            self._is_settled(event)
        return decision

    def load(self) -> Decision:
        """The group is loaded from the store and goes on; a second load finds nothing left to do."""
        decision = position.resume(self.group, self.context())
        self.group = decision.group
        self.decision = decision
        self._carry(decision)
        self._check()
        assert position.resume(self.group, self.context()).group is self.group
        return decision

    def refused(self, event: Event) -> Refused:
        refused = position.step(self.group, event, self.context())
        assert isinstance(refused, Refused)
        return refused

    def report(self, *names: str, reason: Reason | None = None) -> Decision:
        return self.step(OrdersReported(reports=tuple(self.venue.report(name, reason) for name in names)))

    def fill(self, name: str, quantity: str | None = None, price: str | None = None) -> Decision:
        """Fills an order, wholly if no quantity is given, and tells the group."""
        self.venue.fill(name, None if quantity is None else D(quantity), None if price is None else D(price))
        return self.report(name)

    def end(self, name: str, state: OrderState = OrderState.CANCELLED, reason: Reason | None = None) -> Decision:
        self.venue.end(name, state)
        return self.report(name, reason=reason)

    def amended(self, name: str) -> Decision:
        """The exchange does what was asked of it, and the group is told."""
        order = self.group.orders[name]
        assert order.wanted_price is not None
        assert order.wanted_quantity is not None
        assert self.venue.amend(name, order.wanted_price, order.wanted_quantity)
        return self.report(name)

    def reject(self, name: str, reason: Reason = Reason.EXCHANGE_REFUSED) -> Decision:
        return self.end(name, OrderState.REJECTED, reason)

    def confirm_cancels(self) -> None:
        """Every cancel asked for succeeds, and the group is told, until there is none left."""
        while names := [order.client_order_id for order in self.group.open_orders() if order.cancel_requested]:
            for name in names:
                self.end(name)

    def close(self, reason: Reason = Reason.EXIT_SIGNAL) -> Decision:
        return self.step(CloseAsked(reason=reason))

    def cancel_entries(self) -> Decision:
        return self.step(CancelEntriesAsked(reason=Reason.MANUAL))

    def pyramid(self, plan: LadderPlan, signal_id: str = "signal-2") -> Decision:
        return self.step(PyramidAdded(signal=signal(side=self.group.side, signal_id=signal_id), plan=plan))

    def cross(self, watch_id: str, price: str) -> Decision:
        """The price goes there, and the watch is told."""
        self.price(price)
        assert self.quote is not None
        return self.step(PriceCrossed(watch_id=watch_id, quote=self.quote))

    def price(self, price: str, ask: str | None = None) -> None:
        self.quote = Quote(bid=D(price), ask=D(ask or price), time_ms=self.now_ms)

    def wait(self, seconds: str, *, same_price: bool = True) -> Decision:
        """Time passes, and the group is woken; the price stays fresh unless told otherwise."""
        self.now_ms += int(D(seconds) * 1000)
        if self.quote is not None and same_price:
            self.quote = replace(self.quote, time_ms=self.now_ms)
        return self.step(TimeReached())

    # --- looking ---

    def state(self) -> GroupState:
        return self.group.state

    def orders(self, role: Role, *, live: bool = True) -> list[Order]:
        return [order for order in self.group.orders.values() if order.role is role and not (live and order.is_final)]

    def entry(self, leg: int, pyramid: int = 0) -> str:
        return self._newest(Role.ENTRY, pyramid, leg)

    def target(self, leg: int | None = None, pyramid: int | None = 0) -> str:
        return self._newest(Role.TAKE_PROFIT, pyramid, leg)

    def group_target(self) -> str:
        return self._newest(Role.TAKE_PROFIT, None, None)

    def closing(self, pyramid: int | None = None) -> str:
        return self._newest(Role.CLOSE, pyramid, None)

    def stop(self) -> str:
        return self._newest(Role.STOP, None, None)

    def watch(self, watch_id: str) -> Decimal | None:
        return next((watch.price for watch in self.watches if watch.watch_id == watch_id), None)

    def _newest(self, role: Role, pyramid: int | None, leg: int | None) -> str:
        found = [
            order
            for order in self.group.orders.values()
            if order.role is role and order.pyramid == pyramid and order.leg == leg
        ]
        return max(found, key=lambda order: order.attempt).client_order_id

    def order(self, name: str) -> Order:
        return self.group.orders[name]

    def leg(self, index: int, pyramid: int = 0) -> Leg:
        return next(leg for leg in self.group.legs() if (leg.pyramid, leg.index) == (pyramid, index))

    def effects(self, kind: type[EffectT]) -> list[EffectT]:
        return [effect for effect in self.decision.effects if isinstance(effect, kind)]

    def submitted(self) -> list[Order]:
        return [self.group.orders[name] for effect in self.effects(SubmitOrders) for name in effect.client_order_ids]

    def note_types(self) -> list[str]:
        return [note.type for note in self.notes]

    def alerts(self) -> list[str]:
        return [note.alert.partition("/")[0] for note in self.notes if note.alert]

    # --- promises ---

    def _carry(self, decision: Decision) -> None:
        for effect in decision.effects:
            if isinstance(effect, SubmitOrders):
                for name in effect.client_order_ids:
                    order = decision.group.orders[name]
                    assert order.state is OrderState.PENDING
                    self.venue.receive(order)
            elif isinstance(effect, CancelOrders):
                self.cancels.extend(effect.client_order_ids)
            elif isinstance(effect, AmendOrders):
                self.amends.extend(effect.client_order_ids)
            elif isinstance(effect, ResolveOrders):
                self.resolves.extend(effect.client_order_ids)
            elif isinstance(effect, SetWatches):
                self.watches = effect.watches
            elif isinstance(effect, WakeAt):
                self.wake_ms = effect.time_ms
            else:
                self.notes.append(effect)

    def _check(self) -> None:
        group = self.group
        if "oversold" in group.flags or not self.strict:
            return
        lots = profit.lots(group)
        assert all(lot.quantity >= 0 for lot in lots), "a lot is negative"
        held = profit.held(group)
        exits = [o for o in group.open_orders() if o.side is group.side.exit and o.role is not Role.STOP]
        promised = sum((o.remaining for o in exits), D(0))
        stopped = any(order.role is Role.STOP and order.trades for order in group.orders.values())
        if "late_fill" not in group.flags and not stopped:  # After a stop, what only reduces may promise too much.
            assert promised <= held, f"exits promise {promised} of {held}"
        self._check_books(lots)
        assert self.watches == watches(group, self.fees), "the watches are not what the group implies"
        self._check_stops()
        if group.is_closed:
            assert not group.open_orders(), "a closed group has open orders"

    def _check_stops(self) -> None:
        """Unless it closes, the stop a group wants is in force, watched at least, and no trail moves back (TP-9)."""
        group = self.group
        if group.state in (GroupState.CLOSING, GroupState.CLOSED):
            assert group.stop_price is None
            return
        wanted = stops.in_force(group, self.fees)
        assert group.stop_price == (wanted.price if wanted else None), "the stop in force is not the one wanted"
        watch = self.watch(stops.STOP)
        assert (watch is None) == (wanted is None), "a stop is not watched"
        resting = self.orders(Role.STOP)
        assert len(resting) <= 1, "two stops rest"
        if wanted is not None and watch is not None and watch != wanted.price:
            assert resting, "the watch is late and nothing rests"
            assert resting[0].trigger_price == wanted.price
        best = group.trails.get(stops.STOP)
        if best is not None and self.trail is not None:
            assert (best - self.trail) * group.side.sign >= 0, "a trail moved back"
        self.trail = best

    def _check_books(self, lots: Iterable[Lot]) -> None:
        """Lots are bought - base fees - sold; change of quote is realised - cost held (PNL-2)."""
        group, sign = self.group, self.group.side.sign
        quantity, money = D(0), D(0)
        for order in group.orders.values():
            for trade in order.trades:
                entry = order.role is Role.ENTRY
                quantity += trade.quantity if entry else -trade.quantity
                quantity -= profit.base_fee(trade, self.instrument)
                value = trade.quantity * trade.price * self.instrument.contract_size
                money += (-value if entry else value) * sign
                money -= 0 if trade.fee_asset == self.instrument.base else trade.fee
        lots = tuple(lots)
        assert sum((lot.quantity for lot in lots), D(0)) == quantity
        assert group.realized - sign * sum((lot.cost for lot in lots), D(0)) == money

    def _is_settled(self, event: Event) -> None:
        """The same event again changes nothing and sends nothing, and neither does waking up."""
        for again in (event, TimeReached()):
            if isinstance(again, PyramidAdded) or (isinstance(again, CloseAsked) and self.group.is_closed):
                continue
            decision = position.step(self.group, again, self.context())
            assert isinstance(decision, Decision)
            assert decision.group is self.group, f"{again} changed the group again"
            sent = [e for e in decision.effects if isinstance(e, SubmitOrders | CancelOrders | AmendOrders)]
            assert sent == [], f"{again} sent again"


def bounded(**changes: Any) -> ExecutionSettings:
    """Market orders as immediate orders at the slippage bound (EXIT-4)."""
    return ExecutionSettings(slippage_action=SlippageAction.LIMIT, **changes)


def closed(story: Story) -> bool:
    return story.state() is GroupState.CLOSED
