"""Targets amended in place through the whole engine, disturbed once at every single message on the way.

Whatever fails wherever: one target order, never a second one beside it, and the same books in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from actors.account_messages import AmendOrders
from actors.rules.choices import TpMode
from actors.rules.model import GroupState, Order, Role
from tests.actors.havoc import Havoc
from tests.actors.test_story_crashes import BEFORE, DURING, Strike, crash
from tests.actors.town import BTC, Books, Town, town_settings

D = Decimal
CHUNKS = 4
RUSH = 0.02


@contextmanager
def told(folder: Path, *, seed: int = 1, prepare: Callable[[Town], None] | None = None) -> Iterator[Town]:
    """Five legs fill one after the other under one target of the whole position, which is then hit."""
    settings = town_settings(max_open_groups=1, tp_mode=TpMode.AGGREGATE)
    with Town(folder, settings=settings, seed=seed, rush=RUSH) as town:
        town.settle()
        if prepare is not None:
            prepare(town)
        town.submit(town.signal(BTC, "100"))
        for price in ("99.5", "99", "98.5", "98"):
            town.price(BTC, price)
        town.price(BTC, "110")
        yield town


def targets(town: Town) -> list[Order]:
    (group,) = town.groups().values()
    return [order for order in group.orders.values() if order.role is Role.TAKE_PROFIT]


@pytest.mark.rule("ORD-9", "TP-3", "TP-10", "PNL-2")
def test_a_target_of_the_whole_position_moves_with_each_fill_and_stays_one_order(tmp_path: Path) -> None:
    asked: list[tuple[Decimal | None, Decimal | None]] = []

    def listen(_name: str, message: object) -> None:
        if isinstance(message, AmendOrders):
            asked.extend((order.wanted_price, order.wanted_quantity) for order in message.orders)

    with told(tmp_path, prepare=lambda town: setattr(town, "on_message", listen)) as town:
        (order,) = targets(town)
        assert [quantity for _, quantity in asked] == [D("4.005"), D("6.023"), D("8.051"), D("10.089")]
        assert (order.price, order.quantity) == asked[-1]
        assert order.filled_quantity == order.quantity
        (group,) = town.groups().values()
        assert group.state is GroupState.CLOSED
        town.books()
        town.check_profit()


@cache
def undisturbed() -> tuple[Books, int, int]:
    messages, tells = 0, 0

    def message(_name: str, _message: object) -> None:
        nonlocal messages
        messages += 1

    def tell(_name: str, _message: object) -> None:
        nonlocal tells
        tells += 1

    def look(town: Town) -> None:
        town.on_message, town.on_tell = message, tell

    with TemporaryDirectory() as folder, told(Path(folder), prepare=look) as town:
        return town.books(), messages, tells


def run(disturb: Callable[[Town], None], what: str) -> None:
    expected, _, _ = undisturbed()
    try:
        with TemporaryDirectory() as folder, told(Path(folder), prepare=disturb) as town:
            assert town.books() == expected
            assert len([order for order in targets(town) if order.filled_quantity]) == 1
            town.check_profit()
    except BaseException as error:
        error.add_note(what)
        raise


@pytest.mark.rule("ORD-9", "REC-1", "REC-2", "ORD-3", "TP-7")
@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize(("act", "moment"), [(crash, BEFORE), (Town.kill, BEFORE), (Town.kill, DURING)])
def test_an_amend_may_be_cut_off_at_any_message(act: Callable[[Town], None], moment: str, chunk: int) -> None:
    _, messages, tells = undisturbed()
    for at in range(1 + chunk, (tells if moment == DURING else messages) + 1, CHUNKS):
        strike = Strike(at, moment, act)
        run(strike, f"{act.__name__} {moment} {at}")
        assert strike.struck


@pytest.mark.rule("ORD-9", "REC-1", "REC-2")
def test_failures_may_follow_on_each_other_while_targets_are_amended() -> None:
    for seed in range(20):
        run(Havoc(seed), f"havoc with seed {seed}")
