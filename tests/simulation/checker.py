"""The checker: proves every promise (`promise.py`) after every step of a run, and what holds only at rest, at rest.

It listens: to what became durable, to what venues accepted and executed, and to a few messages. What it hears is
written down and folded into its own books after the step, in the order in which it happened; a violation is raised
there and not inside an actor, which would take it for a crash of its own. A step in which nothing was committed or
traded costs next to nothing, any other as much as it committed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from actors.ports import Applied
from actors.rules.model import Trade
from daemon.exchanges.paper_order import PaperOrder
from tests.simulation.checks_account import AccountChecks
from tests.simulation.checks_books import Books
from tests.simulation.checks_drafts import DraftChecks
from tests.simulation.checks_engine import EngineChecks
from tests.simulation.checks_events import EventChecks
from tests.simulation.checks_fills import FillChecks
from tests.simulation.checks_groups import GroupChecks
from tests.simulation.checks_lasting import LastingChecks
from tests.simulation.checks_orders import Accepted, OrderChecks
from tests.simulation.checks_protection import ProtectionChecks
from tests.simulation.checks_queue import QueueChecks
from tests.simulation.checks_rest import RestChecks
from tests.simulation.checks_signals import SignalChecks
from tests.simulation.checks_world import Batch, Seen
from tests.simulation.promise import Violation

LOOK_STEPS = 256
"""How often is looked at what need not be looked at after each step."""


class Checker:
    """Made before the world's first step. `after_step` and `at_rest` raise `Violation`."""

    def __init__(self, world: Seen) -> None:
        self._world = world
        self._settings = world.settings
        self._happened: list[tuple[Any, ...]] = []
        """What happened and is not folded yet, in order."""
        self._steps = 0
        self._found: list[Violation] = []
        """What was seen while an actor ran."""
        self.books = Books()
        self.events = EventChecks(world)
        self.groups = GroupChecks(world, self.books)
        self.signals = SignalChecks(world, self.books)
        self.orders = OrderChecks(self.books)
        self.fills = FillChecks(self.books)
        self.queue = QueueChecks(world, self._found.append)
        self.accounts = AccountChecks(world, self.books)
        self.protection = ProtectionChecks(world, self.books)
        self.drafts = DraftChecks(self._found.append)
        self.engine = EngineChecks(world, self._found.append)
        self.lasting = LastingChecks(world, self.books)
        self.rest = RestChecks(world, self.books)
        self._rows: dict[type, tuple[Callable[[Any], None], ...]] = _joined(
            self.books, self.signals, self.fills, self.queue, self.drafts, self.engine
        )
        self._looks: dict[type, Callable[[str, object], None]] = {}
        for looks in (self.groups.looks, self.queue.looks, self.drafts.looks, self.engine.looks):
            self._looks.update(looks)
        world.on_applied.append(self._applied)
        world.on_trade.append(self._traded)
        world.on_accepted.append(self._accepted)
        world.on_message.append(self._message)
        world.on_answer.append(self._answered)

    # --- what is heard ----------------------------------------------------------------------------

    def _applied(self, batch: Batch, results: Sequence[Applied], is_durable: bool) -> None:
        if is_durable:
            self._happened.append((self._fold, batch, results))

    def _traded(self, account: str, order: PaperOrder, trade: Trade) -> None:
        self._happened.append((self._fold_trade, account, order, trade))

    def _accepted(self, account: str, order: PaperOrder) -> None:
        self._happened.append((self.orders.accept, Accepted.of(account, order), order))

    def _answered(self, sent: Any, answer: object) -> None:
        unseen = self.signals.sees(sent, answer)
        if unseen is not None:
            self._found.append(unseen)
        self._happened.append((self.signals.hear, sent, answer))

    def _message(self, name: str, message: object) -> None:
        look = self._looks.get(type(message))
        if look is not None:
            look(name, message)

    # --- after a step -----------------------------------------------------------------------------

    def after_step(self) -> None:
        if self._happened:
            happened, self._happened = self._happened, []
            for fold, *what in happened:
                fold(*what)
        if self._found:
            raise self._found[0]
        if self._world.fatal:
            raise self.engine.fatal(self._world.fatal)
        if self._world.settings is not self._settings:
            self._settings = self._world.settings
            self.groups.settings_changed()
        self._steps += 1
        if self._steps % LOOK_STEPS == 0:
            self.engine.look()
            self.lasting.look()

    def _fold(self, batch: Batch, results: Sequence[Applied]) -> None:
        for (_, rows), result in zip(batch, results, strict=True):
            if result.broken is not None:
                continue
            self.books.begin()
            for row in rows:
                for handler in self._rows.get(type(row), ()):
                    handler(row)
            self.fills.commit_ends()
            self.orders.commit_ends()
            self.groups.commit_ends()
            self.lasting.commit_ends()
            self.signals.commit_ends()
        self.events.applied(results)

    def _fold_trade(self, account: str, order: PaperOrder, trade: Trade) -> None:
        self.fills.traded(account, order.client_order_id, trade)
        self.accounts.traded(account, order, trade)

    # --- at rest ----------------------------------------------------------------------------------

    def at_rest(self) -> None:
        """Nothing is under way, and nobody is expected to do anything by himself for a while."""
        self.after_step()
        self.signals.at_rest()
        self.fills.at_rest()
        self.protection.at_rest()
        self.accounts.at_rest()
        self.rest.at_rest()
        self.queue.at_rest()
        self.events.at_rest()
        self.engine.at_rest()


def _joined(*checks: Any) -> dict[type, tuple[Callable[[Any], None], ...]]:
    """Row type to everybody who folds it, in the order of the checks."""
    found: dict[type, list[Callable[[Any], None]]] = defaultdict(list)
    for check in checks:
        for row, handler in check.rows.items():
            found[row].append(handler)
    return {row: tuple(handlers) for row, handlers in found.items()}
