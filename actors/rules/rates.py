"""How many requests an exchange takes: windows of weight, and the share of them each kind of work may use.

A request costs weight in one or more windows. Urgent work may fill a window, less urgent work must leave a share of
it free, so that an exit never waits behind polling (SPEC REC-4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class Work(IntEnum):
    """What a request is for, the most urgent first."""

    CLOSE = 0
    CANCEL = 1
    TARGET = 2
    LOOK_UP = 3
    ENTRY = 4
    SWEEP = 5
    POLL = 6


class Ask(StrEnum):
    """Requests an exchange can be asked, as far as they cost."""

    SUBMIT = "submit"
    CANCEL = "cancel"
    AMEND = "amend"
    LOOK_UP = "look_up"
    OPEN_ORDERS = "open_orders"
    BALANCES = "balances"
    TRADES = "trades"
    INSTRUMENTS = "instruments"
    PRICES = "prices"
    SETUP = "setup"
    TIME = "time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """At most `limit` weight in any `period_ms`."""

    name: str
    limit: int
    period_ms: int
    is_shared: bool = False
    """Counted per address: all accounts behind one address draw on it. Else per account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRules:
    """What a venue publishes. A request whose kind is not in `costs` is free."""

    windows: tuple[Window, ...] = ()
    costs: Mapping[Ask, Mapping[str, int]] = field(default_factory=dict)
    """Kind of request -> window name -> weight of one request."""
