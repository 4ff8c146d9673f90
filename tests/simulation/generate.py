"""What happens in a run, by chance and by what the world looks like: alerts, prices, people, and what goes wrong.

A seed has a profile: which families of faults are in play, how often, how busy the senders are. Faults come in storms
with calm between them, for an engine that is never left in peace shows only how it starts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from actors.rules.choices import Market
from actors.rules.model import Intent, Side
from tests.simulation import ops
from tests.simulation.configuration import DRILLS, chance_of, drill_of
from tests.simulation.market import Walker
from tests.simulation.world import World

D = Decimal
F = ops.VenueFault
TIMEFRAMES = ("1m", "5m", "1h")
KINDS = ("pool", "queue", "group", "gateway", "journal", "feed", "risk", "supervisor", "")
"""Kinds of actors, the last one is any."""
FAMILIES = ("venue", "stream", "store", "crash", "kill", "hand", "clock", "config", "flood", "person")
STREAM_FAULTS = (F.STREAM_LOST, F.STREAM_TWICE, F.STREAM_LATE, F.STREAM_DOWN)
LONG_FAULTS = (F.DOWN, F.BANNED, F.SLOW, F.STREAM_DOWN)
VENUE_FAULTS = tuple(fault for fault in F if fault not in (*STREAM_FAULTS, F.FILL_LATE))
DRILL_PACE = 0.06
"""How often a seed practises its drill, of all that happens, in storm and calm."""
HELD_SHARE = 0.4
"""Of the torn drafts: somebody stands still meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How a seed's run is."""

    families: frozenset[str]
    gap_steps: int
    """About so many steps lie between two things that happen."""
    storm_steps: int
    calm_steps: int
    fault_share: float
    """Of what happens in a storm."""
    burst_share: float
    """Of the alerts that come in company."""
    drill: str
    """What is practised again and again in this run; empty: nothing."""


def profile_of(seed: int) -> Profile:
    chance = chance_of(seed, "profile")
    luck = chance.random()
    if luck < 0.1:
        families: tuple[str, ...] = ()
    elif luck < 0.4:
        families = FAMILIES
    else:
        families = tuple(chance.sample(FAMILIES, chance.randint(1, 4)))
    return Profile(
        families=frozenset(families),
        gap_steps=chance.of(3, 6, 12, 25),
        storm_steps=chance.of(100, 300, 1000),
        calm_steps=chance.of(0, 200, 500),
        fault_share=chance.of(0.1, 0.2, 0.35),
        burst_share=chance.of(0.05, 0.2),
        drill=drill_of(seed) if families else "",
    )


class Generator:
    """Says what happens next in this world. `wait` is how many steps later it is to be asked again."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.profile = profile_of(seed)
        self.chance = chance_of(seed, "script")
        self.stops_chance = chance_of(seed, "signal stops")
        self.held_chance = chance_of(seed, "held")
        self.wait = 0
        self.number = 0
        self.walkers = {
            (name, symbol): Walker(
                chance_of(seed, f"market/{name}/{symbol}"),
                account.start_prices[symbol],
                account.instruments[symbol].tick_size or D(1),
            )
            for name, account in world.settings.accounts.items()
            for symbol in account.symbols
        }
        self.timeframes = TIMEFRAMES[: self.chance.randint(1, 3)]
        self._turns_at = self.chance.randint(50, 50 + self.profile.calm_steps)
        self._is_storm = False
        self._is_paused = False
        self._jumped_ms = 0

    def next(self) -> tuple[ops.Op, ...]:
        """What happens now, in this order."""
        if self.world.steps >= self._turns_at:
            self._is_storm = not self._is_storm
            lasts = self.profile.storm_steps if self._is_storm else self.profile.calm_steps
            self._turns_at = self.world.steps + self.chance.randint(lasts // 2, lasts)
        self.wait = min(int(self.chance.expovariate(1 / self.profile.gap_steps)), 10 * self.profile.gap_steps)
        if self._is_storm and self.profile.families and self.chance.random() < self.profile.fault_share:
            return (self._trouble(),)
        if self.profile.drill and self.chance.random() < DRILL_PACE:
            return _DRILLS[self.profile.drill](self)
        return self._life()

    # --- ordinary life ----------------------------------------------------------------------------

    def _life(self) -> tuple[ops.Op, ...]:
        luck = self.chance.random()
        if luck < 0.34:
            return self._alerts()
        if luck < 0.37:
            return (ops.Copy(number=self.chance.randint(1, max(1, self.number))),)
        if luck < 0.74:
            return (self._move(),)
        if luck < 0.88:
            return (self._walk(),)
        if self._is_paused and luck < 0.91:
            return (self._resume(),)
        if luck < 0.995:
            return (ops.Pass(ms=self.chance.of(1, 100, 1_000, 3_000, 10_000)),)
        return (ops.Pass(ms=self.chance.of(60_000, 120_000, 400_000)),)

    def _alerts(self) -> tuple[ops.Op, ...]:
        if self.chance.random() < self.profile.burst_share:
            burst: list[ops.Op] = [self._alert() for _ in range(self.chance.randint(2, 8))]
            if self.chance.random() < 0.5:
                burst.append(ops.Copy(number=self.number))
            return tuple(burst)
        return (self._alert(),)

    def _alert(self) -> ops.Alert:
        (account, symbol), walker = self.chance.one_of(list(self.walkers.items()))
        self.number += 1
        intent, side = self._wanted(account, symbol, timeframe := self.chance.one_of(self.timeframes))
        near = D(self.chance.randint(-6, 3)) / 10
        price = walker.near(near if side is Side.LONG else -near)
        stop_loss, take_profit = self._asked_for(walker, side)
        return ops.Alert(
            number=self.number,
            account=account,
            symbol=symbol,
            timeframe=timeframe,
            intent=intent,
            side=side,
            price=None if intent in (Intent.EXIT, Intent.REDUCE) or self.chance.random() < 0.1 else price,
            age_ms=self.chance.of(0, 0, 0, 1, 500, 20_000),
            percent=D(self.chance.of(10, 33, 50, 100)) if intent is Intent.REDUCE else None,
            stop_loss=stop_loss,
            take_profit=take_profit,
        )

    def _asked_for(self, walker: Walker, side: Side | None) -> tuple[Decimal | None, Decimal | None]:
        """A stop and a target of the signal's own, now and then on the wrong side; none where they would not count."""
        chance = self.stops_chance
        if side is None or not self.world.settings.strategy.default.accept_signal_stops:
            return None, None
        stop, target = chance.of(D(-4), D(-2), D(-1), D("0.5")), chance.of(D("0.5"), D(1), D(3), D(-1))
        return (
            chance.perhaps(0.5, walker.near(side.sign * stop)),
            chance.perhaps(0.3, walker.near(side.sign * target)),
        )

    def _wanted(self, account: str, symbol: str, timeframe: str) -> tuple[Intent, Side | None]:
        """Mostly what a strategy would say that knows its position, now and then what makes no sense."""
        is_swap = self.world.settings.accounts[account].market is Market.SWAP
        luck = self.chance.random()
        live = [
            group
            for group in self.world.view.current.live()
            if (group.key.account, group.key.symbol, group.key.timeframe) == (account, symbol, timeframe)
        ]
        any_side = self.chance.one_of(list(Side)) if is_swap else Side.LONG
        if live and luck < 0.9:
            side = live[0].side
            if luck < 0.42:
                return Intent.ENTRY, side
            if luck < 0.54:
                return Intent.EXIT, None
            if luck < 0.64:
                return Intent.REDUCE, None
            if luck < 0.72:
                return (Intent.REVERSE, side.opposite) if is_swap else (Intent.EXIT, None)
            return Intent.ENTRY, any_side
        if luck < 0.92:
            return Intent.ENTRY, any_side
        return self.chance.of((Intent.EXIT, None), (Intent.REDUCE, None), (Intent.REVERSE, any_side))

    def _move(self) -> ops.Move:
        (account, symbol), walker = self.chance.one_of(list(self.walkers.items()))
        return ops.Move(account=account, symbol=symbol, price=walker.next())

    def _walk(self) -> ops.Walk:
        (account, symbol), walker = self.chance.one_of(list(self.walkers.items()))
        return ops.Walk(account=account, symbol=symbol, prices=walker.candle())

    # --- drills -----------------------------------------------------------------------------------

    def _torn_draft(self) -> tuple[ops.Op, ...]:
        """Alerts come together, and somebody who takes part in what becomes of them ends, or the store fails."""
        alerts = tuple(self._alert() for _ in range(self.chance.randint(2, 6)))
        if self.held_chance.random() < HELD_SHARE:
            return self._held_draft(alerts)
        kind = self.chance.of("pool", "pool", "group", "queue", "queue", "journal", "supervisor")
        waits = ops.Slow(kind=self.chance.of("group", "group", "journal", "pool"), steps=self.chance.of(20, 60, 120))
        slow: tuple[ops.Op, ...] = (waits,) if self.chance.random() < 0.7 else ()
        crash = self._crash_of(kind, self.chance.of(3, 8))
        if kind in _OF_DRAFTS:
            message, count = self.chance.one_of(_OF_DRAFTS[kind]), self.chance.of(1, 1, 2)
            crash = ops.CrashActor(kind=kind, moment=crash.moment, messages=count, message=message)
        return (*slow, *alerts, *self._copies(), crash)

    def _held_draft(self, alerts: tuple[ops.Op, ...]) -> tuple[ops.Op, ...]:
        """A group, or who else has a part in a draft, stands still until whoever began the draft has been restarted."""
        chance = self.held_chance
        held = ops.Hold(kind=chance.of("group", "group", "queue"), ms=chance.of(200, 400, 800))
        crash = ops.CrashActor(
            kind="pool", moment=ops.Moment.AFTER, messages=chance.randint(1, 3), message="SubmitSignal"
        )
        return (held, crash, *alerts[:-1], ops.Pass(ms=chance.of(60, 120, 180)), alerts[-1])

    def _doubtful_commit(self) -> tuple[ops.Op, ...]:
        """The store says that a batch failed, which may not be true."""
        fault = self.chance.of(ops.StoreFault.FAIL, ops.StoreFault.FAIL_DURABLE, ops.StoreFault.FAIL_DURABLE)
        alerts = tuple(self._alert() for _ in range(self.chance.randint(1, 4)))
        waits = ops.Slow(kind=self.chance.of("group", "supervisor", "pool"), steps=self.chance.of(20, 60))
        slow: tuple[ops.Op, ...] = (waits,) if self.chance.random() < 0.5 else ()
        return (*slow, *alerts, ops.BreakStore(fault=fault, count=1), *self._copies())

    def _lost_order(self) -> tuple[ops.Op, ...]:
        """The way to the venue, or back, breaks while an order is sent, the streams too, and perhaps the gateway."""
        alert = self._alert()
        fault = self.chance.of(F.REPLY_LOST, F.REPLY_LOST, F.REPLY_UNKNOWN, F.LATE_ARRIVAL, F.REPLY_LATE)
        wrong = ops.BreakVenue(account=alert.account, fault=fault, count=self.chance.of(1, 2, 4))
        hidden = ops.BreakVenue(account=alert.account, fault=F.INVISIBLE, count=2)
        deaf = ops.BreakVenue(account=alert.account, fault=F.STREAM_DOWN, ms=self.chance.of(5_000, 25_000, 40_000))
        also: tuple[ops.Op, ...] = self.chance.of((), (hidden,), (deaf,), (hidden, deaf))
        ends: tuple[ops.Op, ...] = (self._crash_of("gateway", 12),) if self.chance.random() < 0.4 else ()
        return (wrong, *also, alert, *ends)

    def _missed_fill(self) -> tuple[ops.Op, ...]:
        """Orders fill and the streams do not tell of it."""
        account = self._account()
        fault = self.chance.of(F.STREAM_LOST, F.STREAM_LOST, F.STREAM_DOWN)
        if fault is F.STREAM_DOWN:
            wrong = ops.BreakVenue(account=account, fault=fault, ms=self.chance.of(2_000, 20_000))
        else:
            wrong = ops.BreakVenue(account=account, fault=fault, count=2)
        part = ops.FillPart(
            account=account, pick=self.chance.randrange(20), share=self.chance.of(D("0.37"), D(1), D(1))
        )
        return (wrong, part)

    def _late_fill(self) -> tuple[ops.Op, ...]:
        """An entry fills, nobody hears of it, and what cancels it is told so late that its group may have closed."""
        account = self._account()
        lost = ops.BreakVenue(account=account, fault=F.STREAM_LOST, count=2)
        late = ops.BreakVenue(account=account, fault=F.FILL_LATE, count=2)
        fill = ops.FillPart(account=account, pick=self.chance.randrange(20), share=self.chance.of(D("0.37"), D("0.5")))
        return (late, lost, fill, ops.CloseGroup(pick=self.chance.randrange(10)))

    def _torn_end(self) -> tuple[ops.Op, ...]:
        """A group closes, and somebody who has to know of it ends, or the store fails."""
        close = ops.CloseGroup(pick=self.chance.randrange(10))
        store = ops.BreakStore(fault=self.chance.one_of((ops.StoreFault.FAIL, ops.StoreFault.FAIL_DURABLE)), count=1)
        crash = self._crash_of(self.chance.of("pool", "group", "journal", "supervisor", "gateway"), 12)
        trouble: ops.Op = store if self.chance.random() < 0.33 else crash
        return (close, self._alert(), trouble)

    def _torn_offset(self) -> tuple[ops.Op, ...]:
        """The risk engine acts, and who is asked, or asks, ends."""
        moment = self.chance.one_of(list(ops.Moment))
        asked = ops.CrashActor(kind="group", moment=moment, messages=1, message="CutGroup")
        crash = self._crash_of(self.chance.of("group", "risk", "journal"), 4)
        return (ops.RunOffset(), self.chance.of(asked, asked, crash))

    def _copies(self) -> tuple[ops.Op, ...]:
        numbers = {self.number, self.chance.randint(1, self.number)}
        return tuple(ops.Copy(number=number) for number in sorted(numbers)) if self.chance.random() < 0.5 else ()

    def _crash_of(self, kind: str, within: int) -> ops.CrashActor:
        moment = self.chance.one_of(list(ops.Moment))
        return ops.CrashActor(kind=kind, moment=moment, messages=self.chance.randint(1, within))

    # --- trouble ----------------------------------------------------------------------------------

    def _trouble(self) -> ops.Op:
        family = self.chance.one_of(sorted(self.profile.families))
        return _TROUBLE[family](self)

    def _account(self) -> str:
        return self.chance.one_of(list(self.world.venues))

    def _venue(self) -> ops.Op:
        return self._break_venue(self.chance.one_of(VENUE_FAULTS))

    def _stream(self) -> ops.Op:
        return self._break_venue(self.chance.one_of(STREAM_FAULTS))

    def _break_venue(self, fault: F) -> ops.Op:
        if fault in LONG_FAULTS:
            return ops.BreakVenue(account=self._account(), fault=fault, ms=self.chance.of(500, 5_000, 30_000))
        return ops.BreakVenue(account=self._account(), fault=fault, count=self.chance.of(1, 1, 2, 5))

    def _store(self) -> ops.Op:
        fault = self.chance.one_of(list(ops.StoreFault))
        if fault in (ops.StoreFault.FULL, ops.StoreFault.SLOW):
            return ops.BreakStore(fault=fault, ms=self.chance.of(500, 3_000, 20_000))
        return ops.BreakStore(fault=fault, count=self.chance.of(1, 1, 2))

    def _crash(self) -> ops.Op:
        return ops.CrashActor(
            kind=self.chance.one_of(KINDS),
            moment=self.chance.one_of(list(ops.Moment)),
            messages=self.chance.randint(1, 30),
        )

    def _kill(self) -> ops.Op:
        return ops.KillProcess(
            messages=self.chance.randint(1, 60),
            moment=self.chance.one_of(list(ops.Moment)),
            down_ms=self.chance.of(250, 250, 2_000, 60_000),
        )

    def _hand(self) -> ops.Op:
        (account, symbol), walker = self.chance.one_of(list(self.walkers.items()))
        luck = self.chance.random()
        side = self.chance.one_of(list(Side))
        if luck < 0.5:
            return ops.FillPart(
                account=account,
                pick=self.chance.randrange(20),
                share=self.chance.of(D("0.1"), D("0.37"), D("0.5"), D(1)),
            )
        if luck < 0.6:
            return ops.CancelByHand(account=account, pick=self.chance.randrange(20))
        if luck < 0.65:
            return ops.ChangeByHand(
                account=account,
                pick=self.chance.randrange(20),
                percent=self.chance.of(D(-1), D(0), D("0.4"), D(3)),
                share=self.chance.of(D("0.37"), D("0.5"), D(1)),
            )
        quantity = D(self.chance.of(7, 20, 55)) / walker.price
        if luck < 0.85:
            price = walker.near(D(-side.sign * self.chance.randint(1, 30)) / 10)
            return ops.ForeignOrder(account=account, symbol=symbol, side=side, price=price, quantity=quantity)
        return ops.ManualTrade(account=account, symbol=symbol, side=side, quantity=quantity)

    def _clock(self) -> ops.Op:
        """There and back again, never far away for good."""
        ms = -self._jumped_ms or self.chance.of(-60_000, -2_000, 500, 5_000, 90_000, 3_600_000)
        self._jumped_ms += ms
        return ops.JumpClock(ms=ms)

    def _config(self) -> ops.Op:
        capital = self.world.settings.strategy.default.sizing.capital_per_pyramid
        return ops.ChangeConfig(
            max_open_groups=self.chance.perhaps(0.5, self.chance.randint(1, 4)),
            queue_max_size=self.chance.perhaps(0.3, self.chance.randint(1, 6)),
            max_pyramids=self.chance.perhaps(0.3, self.chance.randint(1, 3)),
            capital=self.chance.perhaps(
                0.2, capital * self.chance.of(D("0.5"), D(2)) if 5 < capital < 5000 else D(200)
            ),
            take_profit_percent=self.chance.perhaps(0.3, self.chance.of(D("0.4"), D(1), D(3))),
        )

    def _flood(self) -> ops.Op:
        return ops.Flood(kind=self.chance.one_of(KINDS[:-1]), count=self.chance.of(10, 50, 300))

    def _person(self) -> ops.Op:
        luck = self.chance.random()
        if self._is_paused and luck < 0.6:
            return self._resume()
        if luck < 0.25:
            self._is_paused = True
            return ops.Pause(is_paused=True, cancel_entries=self.chance.random() < 0.3)
        if luck < 0.5:
            return ops.CloseGroup(pick=self.chance.randrange(10))
        if luck < 0.75:
            return ops.RunOffset()
        return ops.ForceAdd(pick=self.chance.randrange(10), force=self.chance.random() < 0.4)

    def _resume(self) -> ops.Op:
        self._is_paused = False
        return ops.Pause(is_paused=False)


_TROUBLE: Mapping[str, Callable[[Generator], ops.Op]] = {
    "venue": Generator._venue,
    "stream": Generator._stream,
    "store": Generator._store,
    "crash": Generator._crash,
    "kill": Generator._kill,
    "hand": Generator._hand,
    "clock": Generator._clock,
    "config": Generator._config,
    "flood": Generator._flood,
    "person": Generator._person,
}
assert set(_TROUBLE) == set(FAMILIES)
_OF_DRAFTS = {
    "pool": ("SubmitSignal", "SubmitSignal", "Offered", "DraftDone"),
    "group": ("OpenGroup", "OpenGroup", "AddPyramid", "ExitGroup"),
    "queue": ("Enqueue", "Enqueue", "Offer", "TakeOut"),
}
"""What those who take part in a draft are told of it."""
_DRILLS: Mapping[str, Callable[[Generator], tuple[ops.Op, ...]]] = {
    "torn draft": Generator._torn_draft,
    "doubtful commit": Generator._doubtful_commit,
    "lost order": Generator._lost_order,
    "missed fill": Generator._missed_fill,
    "late fill": Generator._late_fill,
    "torn end": Generator._torn_end,
    "torn offset": Generator._torn_offset,
}
assert set(_DRILLS) == set(DRILLS)
