"""What a preview looks at: what is live, what waits, prices and limits at one moment (CFG-4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from actors.rules.choices import World
from actors.rules.limit_states import NOTHING, LimitFacts, LimitStanding
from actors.rules.model import Group, Instrument, Queued, Quote
from actors.rules.settings import Settings
from daemon.config.load import LoadedConfig

MAX_NAMED = 5
"""Groups, signals and symbols that are named in one sentence; the rest are counted."""

At = tuple[str, str]
"""Account and symbol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The daemon at one moment. Money of a world is in the reporting currency; None is not known now."""

    now_ms: int = 0
    accounts: frozenset[str] | None = None
    """Accounts that run; None: those of the old config. One that was added since the start is not among them."""
    groups: tuple[Group, ...] = ()
    """All that are not closed, of every world, oldest first."""
    queued: tuple[tuple[World, Queued], ...] = ()
    quotes: Mapping[At, Quote] = field(default_factory=dict)
    """Newest prices, however old."""
    instruments: Mapping[At, Instrument] = field(default_factory=dict)
    """Rules of the instruments that are known, at least of those named in the config, live, or waiting."""
    exposure: Mapping[World, Decimal | None] = field(default_factory=dict)
    limits: Mapping[World, LimitFacts] = field(default_factory=dict)
    standing: Mapping[World, LimitStanding] = field(default_factory=dict)
    uncovered: frozenset[At] = frozenset()
    """Instruments of which an account holds less than its groups (ORD-7)."""
    unresolved: Mapping[str, str] = field(default_factory=dict)
    """References of the new config that give no secret, with the reason. Holds no part of a secret."""

    def standing_in(self, world: World) -> LimitStanding:
        return self.standing.get(world, NOTHING)

    def live(self, world: World) -> list[Group]:
        return [group for group in self.groups if group.world is world]

    def waiting(self, world: World) -> list[Queued]:
        return [queued for its, queued in self.queued if its is world]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of the configuration, and what is there while it is made."""

    old: LoadedConfig
    new: LoadedConfig
    changed: tuple[str, ...]
    seen: Seen

    @property
    def before(self) -> Settings:
        return self.old.settings

    @property
    def after(self) -> Settings:
        return self.new.settings

    def runs(self, account: str) -> bool:
        """Whether the account is traded now, before any restart."""
        return account in (self.before.accounts if self.seen.accounts is None else self.seen.accounts)

    def worlds(self) -> Iterator[World]:
        """Those with an account, before or after, in their order."""
        accounts = (*self.before.accounts.values(), *self.after.accounts.values())
        found = {account.world for account in accounts}
        return (world for world in World if world in found)


Look = Callable[[Change, str], Iterable[str]]
"""Says what the change of one key would do."""


def counted(number: int, what: str) -> str:
    """`1 live group`, `3 live groups`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def names(found: Iterable[str]) -> str:
    """The first few, and how many more."""
    every = list(found)
    more = len(every) - MAX_NAMED
    return ", ".join(every[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")


def group_name(group: Group) -> str:
    """`paper BTC/USDT 1h long (g1)`."""
    return f"{group.account} {group.symbol} {group.key.timeframe} {group.side.value.lower()} ({group.group_id})"


def signal_name(queued: Queued) -> str:
    """`paper BTC/USDT 1h long`."""
    return f"{queued.key.account} {queued.key.symbol} {queued.key.timeframe} {queued.side.value.lower()}"
