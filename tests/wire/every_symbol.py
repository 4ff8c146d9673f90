"""A whole trade on one instrument at an awkward price and size, made by the engine's own rules, sent to a venue.

`walk(...)` plans a ladder, opens a group, fills parts of it, moves the price, lets targets rest and closes it all.
Every order the rules make goes to an `Intake`, which answers as the venue does: by the venue's words if it refuses it.
What the preflight turns down is never sent (POOL-5); what is sent must not be refused (PRC-7).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random
from typing import Protocol

from actors.rules import ladder, precision
from actors.rules.choices import (
    BelowMinimum,
    EntryOrder,
    LimitCloseFallback,
    Market,
    SlippageAction,
    TpExecution,
    TpMode,
    World,
)
from actors.rules.events import (
    AmendOrders,
    CancelEntriesAsked,
    CancelOrders,
    CloseAsked,
    Context,
    Decision,
    Direction,
    Event,
    OrdersReported,
    PriceCrossed,
    PyramidAdded,
    ResolveOrders,
    SetWatches,
    SubmitOrders,
    TimeReached,
    Watch,
)
from actors.rules.ladder import PlanRefused
from actors.rules.model import (
    Group,
    Instrument,
    Intent,
    Key,
    LadderPlan,
    Order,
    OrderReport,
    OrderSide,
    OrderState,
    OrderType,
    Quote,
    Reason,
    Refused,
    Role,
    Side,
    Signal,
)
from actors.rules.money import ceil_to, floor_to
from actors.rules.position import open_group, step
from actors.rules.position_exit import least_sendable
from actors.rules.settings import ExecutionSettings, FeeSettings, LegSettings, SizingSettings, StrategySettings

D = Decimal
START_MS = 1_750_000_000_000
PREFIX = "s7k200"
MAX_ROUNDS = 60
"""Answers that may follow from one another, before a group is called endless."""
CLOSE_TRIES = 40

SIZES = ("least", "small", "usual", "large", "below", "beyond")
MOST_CLOSES = 8
"""Market orders one large position takes to be closed."""
MARKS = ("usual", "digits", "low", "high")


class Intake(Protocol):
    """Where orders go. Orders are looked up by their client order id."""

    can_amend: bool

    def set_price(self, instrument: Instrument, price: Decimal) -> None: ...
    def place(self, order: Order, instrument: Instrument) -> str:
        """Empty: taken; else the venue's words."""

    def amend(self, order: Order, instrument: Instrument) -> str:
        """To `wanted_price` and `wanted_quantity`. Answers as `place`."""

    def cancel(self, order: Order, instrument: Instrument) -> None: ...
    def fill(self, order: Order, quantity: Decimal) -> None:
        """A part of a resting order, at its price."""

    def report(self, order: Order, instrument: Instrument) -> OrderReport: ...
    def held(self, instrument: Instrument) -> Decimal:
        """Base on spot, the position on a swap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRange:
    """What the venue's own list says of an instrument's prices; `most` may be as far away as it likes."""

    least: Decimal
    most: Decimal


@dataclass(slots=True)
class Tally:
    """What many walks came to."""

    walks: int = 0
    orders: Counter[str] = field(default_factory=Counter)
    """By kind: `entry limit`, `close market`, ..."""
    turned_down: Counter[Reason] = field(default_factory=Counter)
    """Ladders the preflight did not let through, by the first reason."""
    refusals: list[str] = field(default_factory=list)
    """What the venue refused: there should be none."""
    unsold: list[str] = field(default_factory=list)
    """Groups whose dust is not just what the venue still shows: there should be none."""

    def problems(self, most: int = 20) -> str:
        found = self.refusals + self.unsold
        return f"{len(found)} of {sum(self.orders.values())} orders\n" + "\n".join(found[:most])


def walk(
    intake: Intake,
    instrument: Instrument,
    prices: PriceRange,
    dice: Random,
    tally: Tally,
    *,
    max_capital: Decimal | None = None,
) -> None:
    tally.walks += 1
    _Walk(intake, instrument, prices, dice, tally, max_capital).go()


class _Walk:
    def __init__(
        self,
        intake: Intake,
        instrument: Instrument,
        prices: PriceRange,
        dice: Random,
        tally: Tally,
        max_capital: Decimal | None,
    ) -> None:
        self.intake, self.instrument, self.prices, self.dice, self.tally = intake, instrument, prices, dice, tally
        self.max_capital = max_capital
        self.now_ms = START_MS
        self.side = Side.LONG if instrument.market is Market.SPOT else dice.choice((Side.LONG, Side.SHORT))
        self.fees = FeeSettings(maker_percent=D("0.1"), taker_percent=D("0.1"))
        self.execution = self._execution()
        self.below_minimum = dice.choice(tuple(BelowMinimum))
        self.size_kind, self.mark_kind = dice.choice(SIZES), dice.choice(MARKS)
        self.price = self.start = self._mark()
        self.watches: tuple[Watch, ...] = ()
        self.group: Group

    # --- what is awkward about it -----------------------------------------------------------------

    def _mark(self) -> Decimal:
        dice, tick, prices = self.dice, self.instrument.tick_size, self.prices
        low = max(prices.least, tick)
        match self.mark_kind:
            case "low":
                price = low + tick * dice.randint(0, 40)
            case "high":
                price = prices.most * D(dice.randint(300, 1000)) / 1000
            case "digits":
                price = tick * dice.randint(10**5, 10**9) + tick
            case _:
                price = tick * dice.randint(50, 10 ** dice.randint(3, 6))
        return min(max(floor_to(price, tick), ceil_to(low, tick)), floor_to(prices.most, tick))

    def _settings(self, capital: Decimal) -> StrategySettings:
        dice = self.dice
        legs = dice.choice((1, 2, 3, 5))
        rest, levels = D(100), []
        for number in range(legs):
            weight = rest if number == legs - 1 else (D(100) / legs).quantize(D("0.01")) + D(dice.randint(-5, 5))
            rest -= weight
            levels.append(
                LegSettings(
                    gap_percent=D(number) * D(dice.randint(1, 700)) / 133,
                    weight_percent=weight,
                    tp_percent=D(dice.choice((1, 7, 33, 150, 451, 1999, 7001))) / 100,
                )
            )
        return StrategySettings(
            entry_order=dice.choice(tuple(EntryOrder)),
            levels=tuple(levels),
            tp_mode=dice.choice(tuple(TpMode)),
            tp_percent=D(dice.randint(1, 900)) / 97,
            tp_execution=dice.choice((TpExecution.RESTING, TpExecution.RESTING, TpExecution.WATCHED)),
            tp_net_of_fees=dice.random() < 0.5,
            sizing=SizingSettings(capital_per_pyramid=capital),
            unfilled_group_ttl_s=0,
        )

    def _capital(self) -> Decimal:
        dice, instrument, price = self.dice, self.instrument, self.price
        least = max(instrument.min_notional, instrument.min_quantity * price * instrument.contract_size)
        largest = instrument.max_quantity or D(10) ** 9
        at_once = precision.max_quantity(instrument, market=True, price=price) or largest
        most = min(largest, at_once * MOST_CLOSES) * price * instrument.contract_size
        most = most if self.max_capital is None else min(most, self.max_capital)
        factors = {
            "below": D(dice.randint(10, 99)) / 100,
            "least": D(dice.randint(1000, 1070)) / 1000 * dice.choice((1, 1, 2, 3, 5)),
            "small": D(dice.randint(500, 3000)) / 300,
            "usual": D(10) ** dice.randint(1, 4) * D(dice.randint(1_000_000, 9_999_999)) / 1_234_567,
        }
        if self.size_kind == "large":
            capital = most * D(dice.randint(200, 1000)) / 1000
        elif self.size_kind == "beyond":
            return largest * price * instrument.contract_size * D(dice.randint(6_000, 20_000)) / 1000
        else:
            capital = least * factors[self.size_kind]
        return min(capital, most)

    def _execution(self) -> ExecutionSettings:
        dice = self.dice
        return ExecutionSettings(
            max_slippage_percent=D(dice.choice((1, 33, 100, 777, 3000, 9000))) / 100,
            slippage_action=dice.choice(tuple(SlippageAction)),
            limit_close_fallback=dice.choice(tuple(LimitCloseFallback)),
        )

    def _quote(self) -> Quote:
        return Quote(bid=self.price, ask=self.price, time_ms=self.now_ms)

    def _context(self) -> Context:
        return Context(
            now_ms=self.now_ms,
            quote=self._quote(),
            instrument=self.instrument,
            execution=self.execution,
            prefix=PREFIX,
            fees=self.fees,
            can_amend=self.intake.can_amend,
        )

    # --- the story --------------------------------------------------------------------------------

    def go(self) -> None:
        before = self.intake.held(self.instrument)
        self.intake.set_price(self.instrument, self.price)
        settings = self._settings(self._capital())
        plan = self._plan(settings, 0)
        if plan is None:
            return
        self._open(plan, settings)
        for _ in range(self.dice.randint(1, 4)):
            if self.group.is_closed:
                break
            self.dice.choice((self._fill_entry, self._fill_entry, self._fill_target, self._move, self._add_pyramid))()
        self._close()
        dust = self.intake.held(self.instrument) - before
        if dust != self.group.dust or self.group.open_orders():
            self.tally.unsold.append(f"{self._words()}: the venue shows {dust}, the group {self.group.dust}")

    def _signal(self, index: int) -> Signal:
        away = D(self.dice.randint(-10_000, 10_000)) / D(1_234_567)
        return Signal(
            signal_id=f"signal-{index}",
            source="tradingview",
            key=Key(account=self.instrument.account, symbol=self.instrument.symbol, timeframe="1h"),
            intent=Intent.ENTRY,
            side=self.side,
            entry_price=self.price * (1 + away),
            receive_time_ms=self.now_ms,
            idempotency_key=f"id-{index}",
        )

    def _plan(self, settings: StrategySettings, index: int) -> LadderPlan | None:
        signal = self._signal(index)
        entry = ladder.resolve_entry_price(signal, settings, self._quote())
        assert isinstance(entry, Decimal)
        planned = ladder.plan(
            side=self.side,
            index=index,
            signal=signal,
            settings=settings,
            instrument=self.instrument,
            quote=self._quote(),
            entry_price=entry,
            below_minimum=self.below_minimum,
            fees=self.fees,
            max_slippage_percent=self.execution.max_slippage_percent,
        )
        if isinstance(planned, PlanRefused):
            self.tally.turned_down[planned.reason] += 1
            return None
        return planned

    def _open(self, plan: LadderPlan, settings: StrategySettings) -> None:
        self._take(
            open_group(
                group_id=f"{self.tally.walks:012d}",
                world=World.LIVE,
                key=self._signal(0).key,
                side=self.side,
                signal=self._signal(0),
                plan=plan,
                settings=settings,
                instrument=self.instrument,
                slot_token="slot",
                forced=False,
                strategy="",
                context=self._context(),
            )
        )

    def _close(self) -> None:
        self._do(CloseAsked(reason=Reason.EXIT_SIGNAL))
        for _ in range(CLOSE_TRIES):
            if self.group.is_closed:
                return
            self.now_ms += 61_000
            self._do(TimeReached())
        self.tally.refusals.append(f"{self._words()}: does not close, {self.group.flags}")

    def _add_pyramid(self) -> None:
        plan = self._plan(self.group.settings, len(self.group.pyramids))
        if plan is not None:
            self._do(PyramidAdded(signal=self._signal(len(self.group.pyramids)), plan=plan))

    def _fill_entry(self) -> None:
        self._fill(order for order in self.group.open_orders() if order.role is Role.ENTRY)
        if self.dice.random() < 0.2:
            self._do(CancelEntriesAsked(reason=Reason.MANUAL))

    def _fill_target(self) -> None:
        self._fill(order for order in self.group.open_orders() if order.role is Role.TAKE_PROFIT)

    def _fill(self, orders: Iterable[Order]) -> None:
        """An odd part of one of them; now and then all of it."""
        found = [order for order in orders if order.type is OrderType.LIMIT]
        if not found:
            return self._move()
        order = self.dice.choice(found)
        steps = int(order.remaining / self.instrument.step_size)
        part = steps if self.dice.random() < 0.3 else self.dice.randint(1, steps)
        self.intake.fill(order, part * self.instrument.step_size)
        self._tell()
        self.now_ms += 600
        self._do(TimeReached())

    def _move(self) -> None:
        factor = D(self.dice.choice((500, 890, 970, 999, 1001, 1030, 1130, 1900))) / 1000
        tick = self.instrument.tick_size
        least, most = max(ceil_to(self.prices.least, tick), tick), floor_to(self.prices.most, tick)
        if self.instrument.market is Market.SWAP:  # Liquidations are another story.
            least, most = max(least, self.start * D("0.75")), min(most, self.start * D("1.3"))
        self.price = min(max(floor_to(self.price * factor, tick), ceil_to(least, tick)), floor_to(most, tick))
        self.now_ms += self.dice.choice((100, 700, 16_000))
        self.intake.set_price(self.instrument, self.price)
        self._tell()
        for watch in self.watches:
            if _is_reached(watch, self.price):
                self._do(PriceCrossed(watch_id=watch.watch_id, quote=self._quote()))
        self._do(TimeReached())

    # --- between the rules and the venue ----------------------------------------------------------

    def _tell(self) -> None:
        """The venue's word on everything that is open."""
        reports = [self.intake.report(order, self.instrument) for order in self.group.open_orders()]
        if reports:
            self._do(OrdersReported(reports=tuple(reports)))

    def _do(self, event: Event) -> None:
        decision = step(self.group, event, self._context())
        if isinstance(decision, Refused):
            return
        self._take(decision)

    def _take(self, decision: Decision) -> None:
        for _ in range(MAX_ROUNDS):
            self.group = decision.group
            reports = [report for effect in decision.effects for report in self._carry_out(effect)]
            if not reports:
                return
            answer = step(self.group, OrdersReported(reports=tuple(reports)), self._context())
            assert isinstance(answer, Decision)
            decision = answer
        raise AssertionError(f"{self._words()} does not come to rest")

    def _carry_out(self, effect: object) -> list[OrderReport]:
        orders = self.group.orders
        match effect:
            case SubmitOrders():
                return [self._send(orders[name]) for name in effect.client_order_ids]
            case CancelOrders():
                for name in effect.client_order_ids:
                    self.intake.cancel(orders[name], self.instrument)
                return [self.intake.report(orders[name], self.instrument) for name in effect.client_order_ids]
            case AmendOrders():
                return [self._amend(orders[name]) for name in effect.client_order_ids]
            case ResolveOrders():
                return [self.intake.report(orders[name], self.instrument) for name in effect.client_order_ids]
            case SetWatches():
                self.watches = effect.watches
        return []

    def _send(self, order: Order) -> OrderReport:
        kind = "market" if order.type is OrderType.MARKET else order.time_in_force.value
        self.tally.orders[f"{order.role.value} {kind}"] += 1
        words = self.intake.place(order, self.instrument)
        if not words:
            return self.intake.report(order, self.instrument)
        price = "market" if order.price is None else f"{order.price:f}"
        text = f"{order.role} {order.side} {order.quantity:f} at {price}: {words}"
        self.tally.refusals.append(f"{self._words()}: {text}")
        return OrderReport(
            client_order_id=order.client_order_id,
            state=OrderState.REJECTED,
            reason=Reason.EXCHANGE_REFUSED,
            words=words,
            time_ms=self.now_ms,
        )

    def _amend(self, order: Order) -> OrderReport:
        self.tally.orders["amend"] += 1
        words = self.intake.amend(order, self.instrument)
        report = self.intake.report(order, self.instrument)
        if not words:
            return report
        text = f"amend to {order.wanted_quantity:f} at {order.wanted_price:f}: {words}"
        self.tally.refusals.append(f"{self._words()}: {text}")
        return replace(report, reason=Reason.EXCHANGE_REFUSED, words=words)

    def _words(self) -> str:
        return f"{self.instrument.symbol} {self.side} ({self.mark_kind} mark {self.price:f}, {self.size_kind} size)"


def _is_reached(watch: Watch, price: Decimal) -> bool:
    return price >= watch.price if watch.direction is Direction.AT_OR_ABOVE else price <= watch.price


# --- the edge itself ------------------------------------------------------------------------------


def edges(instrument: Instrument, price: Decimal, intake: Intake, number: int) -> list[str]:
    """Whether the venue's least and most are just ours: what is wrong with that. Limit buys well below the market."""
    step, found = instrument.step_size, []
    least = least_sendable(price, instrument, market=False)
    most = precision.max_quantity(instrument, price=price)
    if most is not None and most < least:
        return []
    wanted = [(least, True), (least - step, False)] + ([] if most is None else [(most, True), (most + step, False)])
    for index, (quantity, is_sendable) in enumerate(wanted):
        if quantity <= 0:
            continue
        assert precision.is_sendable(quantity, price, instrument) is is_sendable
        order = _order(instrument, f"edge{number:08d}{index}", price, quantity)
        words = intake.place(order, instrument)
        if not words:
            intake.cancel(order, instrument)
        if is_sendable is bool(words):
            found.append(
                f"{instrument.symbol}: buy {quantity:f} at {price:f}: {words or 'taken, and we would not send it'}"
            )
    return found


def _order(instrument: Instrument, client_order_id: str, price: Decimal, quantity: Decimal) -> Order:
    return Order(
        client_order_id=client_order_id,
        group_id="",
        account=instrument.account,
        symbol=instrument.symbol,
        pyramid=0,
        leg=0,
        role=Role.ENTRY,
        attempt=1,
        side=OrderSide.BUY,
        type=OrderType.LIMIT,
        price=price,
        quantity=quantity,
        create_time_ms=START_MS,
        update_time_ms=START_MS,
    )
