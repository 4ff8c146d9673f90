"""A crowd (see `crowd`) with the risk engine on: offsets, stops, trails, cuts, limits and people at work in the same
minute, while actors crash, processes are killed and the store fails.

Every run has settings of its own, by its seed. What is promised of each: everything of a crowd, and `look`.
"""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors import messages as m
from actors import risk_messages as rm
from actors.position import PositionGroup
from actors.replies import ReplyBox
from actors.rules import stops
from actors.rules.choices import (
    FeePaidIn,
    Insufficient,
    Market,
    OnBreach,
    PositionMode,
    SlippageAction,
    TimerStart,
    TpExecution,
    TpMode,
)
from actors.rules.model import Group, GroupState, Intent, Reason, Role, Signal
from actors.rules.position_cut_books import active
from actors.rules.position_desk import Desk
from actors.rules.position_targets import is_resting, plan
from actors.rules.position_watches import PRICE_LAG_MS, last_fill_ms
from actors.rules.risk_model import RiskAction
from actors.rules.settings import (
    ExecutionSettings,
    FeeSettings,
    InstrumentOverride,
    LegSettings,
    LimitSettings,
    PoolSettings,
    QueueSettings,
    RiskSettings,
    Settings,
    SizingSettings,
    StrategyBook,
    StrategySettings,
)
from tests.actors.crowd import Crowd
from tests.actors.havoc import Havoc
from tests.actors.risk_town import RiskTown
from tests.actors.town import ACCOUNT, BTC, ETH, POOL, RISK, ROUND, SOL, account_settings, town_settings

D = Decimal
SLOTS = 4
MOMENTS = 40
SPOT = (BTC, ETH, SOL)
COARSE = InstrumentOverride(tick_size=D("0.05"), step_size=D("0.03"), min_quantity=D("0.06"), min_notional=D(20))
"""Steps that nothing is a multiple of, and a minimum that a small rest is below."""


class RiskCrowd(Crowd):
    """Prices jump further, and people reduce, close, block, skip, lift and run offsets by hand."""

    def __init__(self, town: RiskTown, seed: int) -> None:
        super().__init__(town, seed)
        self.crowded = town
        account = town.settings.accounts[ACCOUNT]
        self.market = account.market
        self.symbols = account.symbols
        self.prices = dict.fromkeys(self.symbols, D(100))
        self.asked = 0

    def go(self) -> None:
        for _ in range(MOMENTS):
            self.step()
        self.answer_all()
        self.leave_all()

    def step(self) -> None:
        chance = self.rng.random()
        for _ in range(self.rng.randint(0, 2)):
            self.send(self.signal())
        for _ in range(self.rng.randint(0, 3)):
            self.move()
        if chance < 0.3 and self.sent:
            self.copy()
        if self.rng.random() < 0.6:
            self.person()
        if chance < 0.2:
            self.rest()
        elif chance < 0.4:
            self.town.revive()
            self.town.system.advance(self.rng.randint(0, 15_000))
        else:
            self.town.run_a_while(self.rng.randint(0, 80))

    def rest(self) -> None:
        """Until prices are believed again, whatever the last fill was."""
        town = self.town
        town.settle()
        while town.system.now_ms() < self.last_fill_ms() + PRICE_LAG_MS:
            town.pass_time(PRICE_LAG_MS)
        look(self.crowded)

    def last_fill_ms(self) -> int:
        return max((last_fill_ms(group.orders.values()) for group in self.town.view.current.live()), default=0)

    def signal(self) -> Signal:
        made = super().signal()
        if made.intent not in (Intent.ENTRY, Intent.REVERSE) or made.side is None or self.rng.random() < 0.5:
            return made
        assert made.entry_price is not None
        away = made.entry_price * made.side.sign * D(self.rng.randint(5, 40)) / 1000
        return replace(
            made, stop_loss=round(made.entry_price - away, 2), take_profit=round(made.entry_price + 2 * away, 2)
        )

    def move(self) -> None:
        symbol = self.rng.choice(self.symbols)
        now = self.prices[symbol] * (1 + D(self.rng.randint(-45, 45)) / 1000)
        self.prices[symbol] = round(min(max(now, D(60)), D(160)), 2)
        self.town.revive()
        self.town.exchange.set_price(symbol, self.prices[symbol], ReplyBox())

    def person(self) -> None:
        """Somebody at the panel. What he asks may be lost with a process: nothing is promised of it."""
        town, rng = self.town, self.rng
        town.revive()
        live = sorted(town.view.current.live(), key=lambda group: group.group_id)
        one = rng.choice(live).group_id if live else "none"
        self.asked += 1
        choice = rng.randrange(9)
        nobody = ReplyBox()
        if choice in (0, 1, 2):
            town.system.tell(RISK, rm.RunOffset(group_id=rng.choice([one, ""]), who="ann", reply_to=nobody))
        elif choice == 3:
            town.system.tell(POOL, rm.LiftLimit(who="ann", why="", reply_to=nobody))
        elif not live:
            return
        elif choice == 4:
            blocked = rng.random() < 0.4
            self.to_group(one, rm.MarkRisk(group_id=one, who="ann", reply_to=nobody, blocked=blocked))
        elif choice == 5:
            self.to_group(one, rm.MarkRisk(group_id=one, who="ann", reply_to=nobody, skip=True))
        elif choice in (6, 7):
            self.to_group(one, self.reduce(one, nobody))
        else:
            self.to_group(one, m.CloseGroup(group_id=one, reason=Reason.MANUAL, who="ann", reply_to=nobody))

    def reduce(self, group_id: str, nobody: m.ReplyTo) -> rm.ReduceGroup:
        percent = D(self.rng.randint(1, 100))
        return rm.ReduceGroup(
            group_id=group_id,
            cut_id=f"manual-{self.asked}",
            percent=percent,
            quantity=None,
            who="ann",
            reply_to=nobody,
        )

    def to_group(self, group_id: str, message: object) -> None:
        self.town.system.tell(f"group/{group_id}", message)

    def leave_all(self) -> None:
        self.rest()
        super().leave_all()


# --- one run ---------------------------------------------------------------------------------------------


def run_settings(seed: int) -> Settings:
    """Every switch of the new rules by chance."""
    rng = random.Random(seed * 7919 + 1)
    pick = rng.choice
    market = pick(list(Market))
    symbols = tuple(f"{symbol}:USDT" for symbol in SPOT) if market is Market.SWAP else SPOT
    account = account_settings(
        market=market,
        position_mode=pick(list(PositionMode)),
        symbols=symbols,
        start_prices=dict.fromkeys(symbols, D(100)),
        instruments=dict(zip(symbols, (ROUND, COARSE, ROUND), strict=True)),
        fees=FeeSettings(
            maker_percent=pick([D(0), D("0.1")]), taker_percent=pick([D(0), D("0.13")]), paid_in=pick(list(FeePaidIn))
        ),
        spread_percent=pick([D(0), D("0.04")]),
        slippage_percent=pick([D(0), D("0.07")]),
        latency_ms=pick([0, 0, 30]),
    )
    legs = pick([(("0", "100", "5"),), (("0", "40", "3"), ("0.7", "35", "8"), ("1.9", "25", "4"))])
    strategy = StrategySettings(
        levels=tuple(LegSettings(gap_percent=D(g), weight_percent=D(w), tp_percent=D(t)) for g, w, t in legs),
        max_pyramids=pick([1, 3]),
        tp_mode=pick(list(TpMode)),
        tp_percent=D(4),
        tp_execution=pick([TpExecution.RESTING, TpExecution.RESTING, TpExecution.WATCHED]),
        tp_trail_percent=pick([None, None, D("0.8")]),
        stop_loss_percent=pick([None, D(6)]),
        stop_trail_percent=pick([None, None, D(4)]),
        break_even_after_first_tp=pick([False, True]),
        accept_signal_stops=pick([False, True]),
        sizing=SizingSettings(capital_per_pyramid=D("503.7")),
    )
    risk = RiskSettings(
        require_full_pyramids=pick([True, False]),
        required_pyramids=1,
        timer_start=pick(list(TimerStart)),
        post_full_wait_s=pick([0, 5]),
        loss_threshold_percent=D("-0.8"),
        max_winners_to_combine=pick([1, 3]),
        partial_close_enabled=pick([True, True, False]),
        min_close_notional=pick([D(5), D(40)]),
        insufficient=pick(list(Insufficient)),
        slippage_buffer_percent=pick([D(0), D("0.3")]),
        evaluate_on_fill=pick([True, False]),
    )
    return town_settings(
        queue=QueueSettings(max_size=4),
        accounts={ACCOUNT: account},
        pool=PoolSettings(max_open_groups=SLOTS),
        strategy=StrategyBook(default=strategy),
        risk=risk,
        limits=_limits(pick),
        execution=ExecutionSettings(
            max_quote_age_s=pick([86_400, 86_400, 30]),
            slippage_action=pick(list(SlippageAction)),
            max_slippage_percent=pick([D("0.5"), D(3)]),
        ),
    )


def _limits(pick: Any) -> LimitSettings:
    chosen: dict[str, Any] = pick(
        [
            {},
            {},
            {"max_consecutive_losses": 2},
            {"max_realized_loss_per_day": D(25)},
            {"max_drawdown_percent": D("0.03")},
            {"cooldown_after_loss_s": 20, "max_groups_per_symbol": 2},
        ]
    )
    return LimitSettings(**chosen, on_breach=pick(list(OnBreach)))


def risk_crowd_run(folder: Path, seed: int, faults: int) -> RiskTown:
    """One run. The town is the caller's to close."""
    town = RiskTown(folder, settings=run_settings(seed), seed=seed, rush=(0.0, 0.02, 0.1)[seed % 3])
    try:
        town.settle()
        if faults:
            Havoc(seed, faults)(town)
        crowd = RiskCrowd(town, seed)
        crowd.go()
        look(town)
        books = town.books()
        assert (books.slots, books.waiting, books.open_orders) == (0, (), ())
        final = {"queued", "replaced"}
        assert not final & set(books.outcomes.values())
        assert {sent.signal.idempotency_key for sent in crowd.sent} <= set(books.outcomes)
    except BaseException:
        town.close()
        raise
    return town


# --- what must hold at rest ------------------------------------------------------------------------------


def look(town: RiskTown) -> None:
    """At rest: engine and venue agree, nothing is oversold, everything held is on its way out, no action is stuck."""
    town.check()
    if town.settings.accounts[ACCOUNT].market is Market.SPOT or not any(town.view.current.live()):
        town.check_profit()  # A position of several groups has one average of its own while it is open.
    _look_at_coins(town)
    for group in town.groups().values():
        _look_at_group(town, group)
    _look_at_actions(town, town.actions())


def _look_at_coins(town: RiskTown) -> None:
    """The groups together hold what the venue has, to the last digit."""
    here: dict[str, Decimal] = {}
    spot = town.settings.accounts[ACCOUNT].market is Market.SPOT
    for group in town.groups().values():
        held = sum((leg.lot.quantity for leg in group.legs()), group.loose.quantity)
        here[group.symbol] = here.get(group.symbol, D(0)) + held
    if spot:
        balances = town.venue._book.funds.balances()
        for symbol, held in here.items():
            base = balances.get(symbol.partition("/")[0])
            assert (base.total if base else D(0)) == held, f"{symbol}: {held} here"


def _look_at_group(town: RiskTown, group: Group) -> None:
    traded = {True: D(0), False: D(0)}
    for order in group.orders.values():
        traded[order.role is Role.ENTRY] += sum((trade.quantity for trade in order.trades), D(0))
        short = (Reason.INSUFFICIENT_BALANCE, Reason.INSUFFICIENT_FUNDS)
        assert order.role is Role.ENTRY or order.reason not in short, f"{order} promised what is not held"
    held = sum((leg.lot.quantity for leg in group.legs()), group.loose.quantity)
    assert held >= 0
    assert all(leg.lot.quantity >= 0 for leg in group.legs())
    assert traded[False] <= traded[True], f"{group.group_id} sold more than it bought"
    if group.is_closed:
        assert not group.open_orders()
        return
    exits = [order for order in group.open_orders() if order.role in (Role.TAKE_PROFIT, Role.CLOSE)]
    assert sum((order.remaining for order in exits), D(0)) <= held
    if group.state is not GroupState.CLOSING:
        _look_at_exits(town, group)


def _look_at_exits(town: RiskTown, group: Group) -> None:
    """Everything held has a target and, where one is asked for, a stop (position.py, 3)."""
    actor = town.actor(f"group/{group.group_id}", PositionGroup)
    assert actor is not None
    context = actor._context(group)
    desk = Desk(group, context, context.quote)
    assert not active(desk), f"a cut of {group.group_id} is under way: {group.cuts}"
    wanted = plan(desk)
    assert is_resting(desk, wanted), f"{group.group_id} lacks its targets {wanted}: {group.open_orders()} {group.flags}"
    if not stops.is_open(desk):
        return  # Too little to be sold.
    named = group.settings.accept_signal_stops and group.stop_loss is not None
    asks = group.settings.stop_loss_percent is not None or named
    if asks:
        assert group.stop_price is not None, f"{group.group_id} has no stop"
    if group.stop_price is not None and context.can_stop and not context.shares_position:
        resting = [order for order in group.open_orders() if order.role is Role.STOP]
        price = context.quote.closing(group.side) if context.quote else None
        assert [order.trigger_price for order in resting] == [group.stop_price], f"{resting} at {price}, {group.flags}"


def _look_at_actions(town: RiskTown, actions: list[RiskAction]) -> None:
    """Each has ended and says what its groups did; no group was in two at once (RISK-7)."""
    groups = {group.group_id: group for group in town.groups().values()}
    for action in actions:
        assert action.state.is_final, action
        for step in action.steps:
            cut_id = f"{action.action_id}:{step.index}"
            cut = next((cut for cut in groups[step.group_id].cuts if cut.cut_id == cut_id), None)
            if cut is None:
                assert not step.sold, f"{step} is unknown to its group"
            elif step.is_done:
                assert (step.sold, step.realized) == (cut.sold, cut.realized), f"{step} {cut}"
    begun = [action for action in actions if action.steps and any(step.is_asked for step in action.steps)]
    for index, one in enumerate(begun):
        for other in begun[index + 1 :]:
            shared = {step.group_id for step in one.steps} & {step.group_id for step in other.steps}
            if shared:
                assert one.end_time_ms is not None, one
                assert one.end_time_ms <= other.create_time_ms, f"{shared} is in two: {one} {other}"
