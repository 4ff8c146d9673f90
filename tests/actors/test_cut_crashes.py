"""A reduce signal disturbed once at every message: in the end exactly its share is sold and targets are whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from actors.rules import profit
from actors.rules.model import CutState, Group, GroupState, Intent, Outcome, Role
from tests.actors.havoc import places
from tests.actors.story import Injected
from tests.actors.town import BTC, Town

D = Decimal
CHUNKS = 3


@dataclass(frozen=True, slots=True)
class End:
    """What must be the same however it came about."""

    held: Decimal
    sold: Decimal
    realized: Decimal
    targets: tuple[tuple[int | None, Decimal | None, Decimal], ...]


class Strike:
    """Raises in the n-th message after it is set, before or after it was handled; `act` first."""

    def __init__(self, town: Town, at: int, *, after: bool, act: Callable[[Town], None]) -> None:
        self.town, self.at, self.after, self.act = town, at, after, act
        self.count = 0
        self.struck = False
        town.on_message, town.on_handled = self.looks, self.handled

    def looks(self, name: str, message: object) -> None:
        self.count += 1
        if self.count == self.at and not self.after:
            self.strike(name, message)

    def handled(self, name: str, message: object) -> None:
        if self.after and 0 < self.at <= self.count and not self.struck:
            self.strike(name, message)

    def strike(self, name: str, message: object) -> None:
        self.struck = True
        self.act(self.town)
        raise Injected(f"{name}: {type(message).__name__}")


def crash(_town: Town) -> None:
    """Raising is enough."""


@contextmanager
def holding() -> Iterator[tuple[Town, Group]]:
    """A group all of whose five entries have filled."""
    with TemporaryDirectory() as folder, Town(Path(folder)) as town:
        town.settle()
        opening = town.signal(BTC, "100")
        assert town.submit(opening).outcome is Outcome.OPENED
        town.price(BTC, "98")
        yield town, town.group_of(opening.key)


def reduced(town: Town, before: Group) -> End:
    """30 % by signal; how it ended."""
    sizes = {"order_size": D(3), "prev_market_position_size": D(10)}
    asked = town.signal(BTC, "98", Intent.REDUCE, **sizes)
    answer = town.submit(asked)
    assert answer.outcome in (Outcome.REDUCED, Outcome.DUPLICATE)
    town.pass_time(2_000)
    town.check()
    group = town.group_of(asked.key)
    assert [cut.state for cut in group.cuts] == [CutState.DONE]
    cut = group.cuts[0]
    assert cut.sold == cut.quantity == profit.held(before) - profit.held(group)
    assert cut.realized == group.realized - before.realized
    assert group.state is GroupState.ACTIVE
    orders = [order for order in group.open_orders() if order.role is Role.TAKE_PROFIT]
    resting = sorted((order.leg, order.price, order.remaining) for order in orders)
    return End(held=profit.held(group), sold=cut.sold, realized=cut.realized, targets=tuple(resting))


def undisturbed() -> tuple[End, int]:
    with holding() as (town, group):
        strike = Strike(town, 0, after=False, act=crash)
        return reduced(town, group), strike.count


@pytest.mark.rule("EXIT-6", "RISK-8", "REC-1", "REC-2", "ORD-2", "TP-7")
@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize(
    ("act", "after"), [(crash, False), (crash, True), (Town.kill, False)], ids=["crash before", "crash after", "kill"]
)
def test_a_reduce_may_be_disturbed_at_any_message(act: Callable[[Town], None], after: bool, chunk: int) -> None:
    expected, count = undisturbed()
    assert expected.sold == D("3.026")
    for at in places(chunk, count, CHUNKS, 3):
        with holding() as (town, group):
            strike = Strike(town, at, after=after, act=act)
            try:
                assert reduced(town, group) == expected
            except BaseException as error:
                error.add_note(f"{act.__name__} at message {at} of {count}")
                raise
            assert strike.struck
