"""Long seeded runs of the machine of `test_position_machine`, weighted so that groups live long and trade a lot."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from actors.rules.choices import FeePaidIn, LimitCloseFallback, OnFlat, SlippageAction
from actors.rules.model import OrderState, Reason, Side
from tests.rules.builders import D
from tests.rules.test_position_machine import AMENDS, MODES, REFUSALS, STOPS, GroupMachine
from tests.rules.venue import ONE, TWO, WORKED, closed

STEPS = 150


class Storm:
    """One run: everything that happens follows from the seed. A group that has closed is followed by another one."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._begin()

    def _begin(self) -> None:
        pick = self.random.choice
        self.machine = GroupMachine()
        self.machine.begin(
            rows=pick([ONE, TWO, WORKED, WORKED]),
            side=pick(list(Side)),
            mode=pick(MODES),
            on_flat=pick(list(OnFlat)),
            action=pick(list(SlippageAction)),
            fallback=pick(list(LimitCloseFallback)),
            market=pick([True, False]),
            fee_percent=pick(["0", "0.1", "0.37"]),
            fee_in=pick(list(FeePaidIn)),
            net=pick([True, False]),
            most=pick([None, D("2.5")]),
            market_step=pick([None, D("0.01")]),
            can_amend=pick([True, True, False]),
            stop=pick([{}, *STOPS]),
            can_stop=pick([True, True, False]),
        )

    def run(self, steps: int) -> None:
        actions = self._actions()
        names = list(actions)
        weights = [actions[name][0] for name in names]
        for _ in range(steps):
            actions[self.random.choices(names, weights)[0]][1]()
            self.machine.never_more_is_sold_than_was_bought()
            self.machine.the_exchange_can_never_sell_more_than_there_is()
            if closed(self.machine.story) and self.random.random() < 0.3:
                self.machine.teardown()
                self._begin()
        self.machine.teardown()

    def _number(self) -> int:
        return self.random.randrange(100)

    def _actions(self) -> dict[str, tuple[float, Callable[[], None]]]:
        return {
            "arrive": (3, self._arrive),
            "refuse": (0.3, self._refuse),
            "fill": (6, self._fill),
            "fill wholly": (1.5, self._fill_wholly),
            "cancel": (4, self._cancel),
            "amend": (4, self._amend),
            "end": (0.2, self._end),
            "old": (2, self._old),
            "price": (
                2,
                lambda: self.machine.the_price_moves(self.random.randint(-300, 300), self.random.randint(0, 5)),
            ),
            "cross": (0.5, self._cross),
            "time": (5, self._time),
            "load": (0.5, self._load),
            "pyramid": (0.3, self._pyramid),
            "rules": (0.1, self._rules),
            "exit": (0.05, lambda: self.machine.an_exit_is_asked(0)),
            "give up": (0.1, lambda: self.machine.the_entries_are_cancelled(0)),
        }

    def _load(self) -> None:
        self.machine.the_group_is_loaded_again()

    def _rules(self) -> None:
        """The venue has changed the instrument's rules."""
        story = self.machine.story
        changes: dict[str, Any] = self.random.choice(
            [{"max_quantity": D("0.5")}, {"max_quantity": None}, {"min_notional": D("11")}]
        )
        story.instrument = replace(story.instrument, **changes)
        self.machine.time_passes("0.25", True)

    def _arrive(self) -> None:
        if self.random.random() < 0.3:
            self.machine.everything_arrives()
        elif self.machine.story.unsent:
            self.machine.an_order_arrives(self._number(), self.random.random() < 0.7)

    def _refuse(self) -> None:
        if self.machine.story.unsent:
            self.machine.an_order_is_refused(self._number(), self.random.choice([*REFUSALS, Reason.NEVER_ACCEPTED]))

    def _fill(self) -> None:
        if self.machine._open():
            told = self.random.random() < 0.6
            steps = self.random.choice([1, 3, 49, 50, 77, 200, 640, 3000])
            self.machine.an_order_fills(self._number(), steps, self.random.randint(-40, 40), told)

    def _fill_wholly(self) -> None:
        if self.machine._open():
            self.machine.orders_fill_wholly([self._number() for _ in range(self.random.randint(1, 3))])

    def _cancel(self) -> None:
        if self.machine.story.uncancelled:
            if self.random.random() < 0.5:
                self.machine.every_cancel_succeeds()
            else:
                self.machine.a_cancel_succeeds(self._number())

    def _amend(self) -> None:
        if self.machine.story.unamended:
            self.machine.an_amend_arrives(self._number(), self.random.choice(AMENDS))

    def _end(self) -> None:
        if self.machine._open():
            state = self.random.choice([OrderState.CANCELLED, OrderState.EXPIRED])
            self.machine.an_order_ends_on_its_own(self._number(), state)

    def _old(self) -> None:
        if self.machine.reports:
            self.machine.old_reports_come_again([self.random.randrange(1000) for _ in range(3)])

    def _cross(self) -> None:
        if self.machine.story.watches:
            self.machine.a_watched_price_is_crossed(self._number())

    def _time(self) -> None:
        self.machine.time_passes(self.random.choice(["0.25", "0.5", "0.5", "5", "40"]), self.random.random() < 0.9)

    def _pyramid(self) -> None:
        if self.machine.pyramids < 4:
            self.machine.a_pyramid_is_added(self.random.choice([ONE, TWO]), self.random.choice(["98", "100", "103.33"]))


@pytest.mark.rule("TP-7", "ORD-9", "PRC-6", "ORD-5", "ORD-6", "EXIT-2", "PNL-1")
@pytest.mark.parametrize("seed", range(24))
def test_whatever_happens_nothing_is_oversold_and_the_books_balance(seed: int) -> None:
    Storm(seed).run(STEPS)
