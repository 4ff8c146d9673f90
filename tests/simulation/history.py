"""A small honest history of a world, written down so that a test can tell it again with something changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

from actors.ports import Applied
from actors.rules.choices import TpMode
from actors.rules.model import Intent, Side, Trade
from actors.rules.records import Row
from actors.rules.settings import QueueSettings
from daemon.exchanges.paper_order import PaperOrder
from tests.actors.town import ACCOUNT, BTC, ETH, SOL, town_settings
from tests.simulation import ops
from tests.simulation.checker import Checker
from tests.simulation.checks_world import Batch
from tests.simulation.promise import Violation
from tests.simulation.world import World

D = Decimal
SETTLE_MS = 600_000
EditRows = Callable[[Row], Iterable[Row]]
"""What stands in the place of a row."""


@dataclass(slots=True)
class Happened:
    """One thing that a listener hears: `what` is the listener's list."""

    what: str
    args: tuple[Any, ...]


@dataclass(slots=True)
class History:
    world: World
    happened: list[Happened] = field(default_factory=list)
    orders: list[tuple[PaperOrder, PaperOrder]] = field(default_factory=list)
    """As they were when something was heard of them, and as they are."""

    def catch_up(self) -> None:
        """The checker asks what has become of orders; all else of them is as it was when it was heard."""
        for then, now in self.orders:
            then.state = now.state


class Stage:
    """What a checker sees of a told history: listeners of its own, everything else as it was in the end."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.on_applied: list[Any] = []
        self.on_trade: list[Any] = []
        self.on_accepted: list[Any] = []
        self.on_message: list[Any] = []
        self.on_answer: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.world, name)

    def say(self, one: Happened) -> None:
        for listener in getattr(self, one.what):
            listener(*one.args)


def lived(world: World) -> History:
    """Writes down what happens to this world from now on."""
    history = History(world)

    def writes(what: str) -> Callable[..., None]:
        return lambda *args: history.happened.append(Happened(what, args))

    def of_order(what: str) -> Callable[..., None]:
        def heard(account: str, order: PaperOrder, *trade: Trade) -> None:
            then = order.copy()
            history.orders.append((then, order))
            history.happened.append(Happened(what, (account, then, *trade)))

        return heard

    world.on_applied.append(writes("on_applied"))
    world.on_answer.append(writes("on_answer"))
    world.on_trade.append(of_order("on_trade"))
    world.on_accepted.append(of_order("on_accepted"))
    return history


def alert(world: World, number: int, symbol: str, price: str | None, intent: Intent = Intent.ENTRY) -> None:
    world.apply(
        ops.Alert(
            number=number,
            account=ACCOUNT,
            symbol=symbol,
            timeframe="1h",
            intent=intent,
            side=Side.LONG,
            price=None if price is None else D(price),
        )
    )
    world.settle(SETTLE_MS)
    world.apply(ops.Pass(ms=5))


def move(world: World, symbol: str, price: str) -> None:
    world.apply(ops.Move(account=ACCOUNT, symbol=symbol, price=D(price)))
    world.settle(SETTLE_MS)


def small_world(**changes: Any) -> World:
    """One spot account, a pool of one slot, ladders of five legs with a target each."""
    plain: dict[str, Any] = {"max_open_groups": 1, "tp_mode": TpMode.PER_LEG, "queue": QueueSettings(max_size=4)}
    return World(1, settings=town_settings(**{**plain, **changes}))


def told_once(world: World) -> History:
    """BTC opens, is doubled and goes; ETH waited, was replaced, opens and holds a part; SOL waits behind it."""
    history = lived(world)
    world.settle(SETTLE_MS)
    alert(world, 1, BTC, "100")
    move(world, BTC, "99")
    alert(world, 2, BTC, "98.5")
    alert(world, 3, ETH, "100")
    alert(world, 4, SOL, "99")
    alert(world, 5, ETH, "99.5")
    move(world, BTC, "98")
    move(world, BTC, "110")
    move(world, ETH, "99")
    return history


@cache
def honest() -> History:
    """Made once; who changes the world in it makes one of his own."""
    return told_once(small_world())


def retold(
    history: History,
    *,
    rows: EditRows | None = None,
    change: Callable[[list[Happened]], Iterable[Happened]] | None = None,
) -> Checker:
    """Tells it to a new checker, step by step, with other rows or other happenings. Raises what the checker raises."""
    stage = Stage(history.world)
    history.catch_up()
    seen: Any = stage
    checker = Checker(seen)
    happened: Iterable[Happened] = list(history.happened)
    if change is not None:
        happened = change(list(history.happened))
    for one in happened:
        stage.say(_edited(one, rows) if rows is not None else one)
        checker.after_step()
    return checker


def violation_of(history: History, **changed: Any) -> Violation:
    """What the checker says to the changed history."""
    try:
        retold(history, **changed)
    except Violation as violation:
        return violation
    raise LookupError("the checker has found nothing")


def _edited(one: Happened, rows: EditRows) -> Happened:
    if one.what != "on_applied":
        return one
    batch: Batch = one.args[0]
    results: Sequence[Applied] = one.args[1]
    edited = [(author, tuple(new for row in some for new in rows(row))) for author, some in batch]
    return Happened(one.what, (edited, results, *one.args[2:]))
