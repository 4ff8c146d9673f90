"""What a deliberate bug is: product code exchanged while the bug is on, and put back afterwards."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from tests.simulation.promise import Promise

TRADES = (
    Promise.FILLS_AGREE,
    Promise.HOLDS_ITS_FILLS,
    Promise.NEVER_OVERSOLD,
    Promise.MONEY,
    Promise.ORDER_ONCE,
    Promise.ORDER_KNOWN,
    Promise.COVERED,
)
STUCK = (Promise.SETTLES, Promise.PROTECTED, Promise.NO_CRASH)

Swap = tuple[Any, str, Callable[[Any], Any]]
"""Where (a class or module), which name, and what makes the faulty one of the right one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """One thing done wrong."""

    name: str
    words: str
    """What is done wrong, for a person."""
    rule: str
    """What it breaks: a number of the protocol (docs/architecture.md), or a rule's id."""
    expects: tuple[Promise, ...]
    """Promises that may be the first to break. Any other would find it by chance only."""
    net: str = ""
    """What else holds when this alone is off, by design; empty: nothing is known that does."""
    swaps: Callable[[], tuple[Swap, ...]]
    """Called when the bug is switched on: a bug may keep count of its own."""

    @contextmanager
    def on(self) -> Iterator[None]:
        """The bug is in the program inside this block. One thread, one bug at a time."""
        with ExitStack() as stack:
            for owner, name, make in self.swaps():
                kept = owner.__dict__[name] if isinstance(owner, type) else getattr(owner, name)
                right = kept.__func__ if isinstance(kept, staticmethod | classmethod) else kept
                wrong = make(right)
                if isinstance(kept, staticmethod | classmethod):
                    wrong = type(kept)(wrong)
                stack.enter_context(patch.object(owner, name, wrong))
                handlers = handlers_of(owner)
                taken = {message: wrong for message, handler in handlers.items() if handler is right}
                stack.enter_context(patch.dict(handlers, taken))
            yield


def handlers_of(owner: Any) -> dict[Any, Any]:
    """The table by which an actor's class finds the method for a message; it holds the methods themselves."""
    module = sys.modules.get(getattr(owner, "__module__", ""))
    found: dict[Any, Any] = getattr(module, "_HANDLERS", {})
    return found


def nothing(_right: Any) -> Any:
    """In place of a method: it does nothing."""
    return lambda *_args, **_named: None
