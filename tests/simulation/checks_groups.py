"""One live group per key (GRP-1), one side per instrument where the account knows one (GRP-6), the pool's limit
(POOL-2), and groups that stay closed.

A group that a late fill brought back stands beside a newer one of its key and counts for nothing here; one added by
force may be over the limit. A group is judged by the limit in force when it opens or by the one under which its slot
was granted (rule 20): a lower limit evicts nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from actors.messages import OpenGroup
from actors.rules.choices import Market, PositionMode, World
from actors.rules.model import Group, Key
from tests.simulation.checks_books import Books, GroupBook, named, worded
from tests.simulation.checks_world import Seen
from tests.simulation.promise import Promise, Violation

LATE_FILL = "late_fill"


class GroupChecks:
    def __init__(self, world: Seen, books: Books) -> None:
        self._world = world
        self._books = books
        self._on_key: dict[tuple[World, Key], str] = {}
        self._counted: dict[str, Group] = {}
        """Live groups that take a place within the limit."""
        self._by_account: Counter[str] = Counter()
        self._openers: dict[str, str] = {}
        """Signal to the group it opened."""
        self._granted: dict[str, int] = {}
        """Group to the version of the config its slot was granted under."""
        self._limits: dict[int, tuple[int, Mapping[str, int | None]]] = {}
        self.looks: Mapping[type, Callable[[str, object], None]] = {OpenGroup: self._grants}
        self.settings_changed()

    def settings_changed(self) -> None:
        settings = self._world.settings
        own = {name: account.max_open_groups for name, account in settings.accounts.items()}
        self._limits[settings.version] = (settings.pool.max_open_groups, own)

    def _grants(self, _name: str, message: object) -> None:
        assert isinstance(message, OpenGroup)
        self._granted[message.group_id] = message.draft.config_version

    def commit_ends(self) -> None:
        books = self._books
        for book in books.touched.values():
            group = book.group
            if group.group_id in self._counted:
                self._counted[group.group_id] = group
                if group.is_closed:
                    self._leaves(group)
        for group_id in books.reopened:
            group = books.groups[group_id].group
            if LATE_FILL not in group.flags:
                raise Violation(Promise.ONE_GROUP_PER_KEY, f"{named(group)} was closed and is {group.state} again")
        for book in books.opened:
            self._enters(book)

    def _leaves(self, group: Group) -> None:
        del self._counted[group.group_id]
        if self._on_key.get((group.world, group.key)) == group.group_id:
            del self._on_key[(group.world, group.key)]
        if not group.forced:
            self._by_account[group.account] -= 1

    def _enters(self, book: GroupBook) -> None:
        group = book.group
        other = self._openers.setdefault(group.signal_id, group.group_id)
        if other != group.group_id:
            words = f"signal {group.signal_id} opened {named(group)} and group {other}"
            raise Violation(Promise.ONE_OUTCOME, words)
        if group.is_closed:
            return
        place = (group.world, group.key)
        first = self._on_key.get(place)
        if first is not None:
            words = f"two groups are live on {worded(group.key)}: {first} and {group.group_id}"
            raise Violation(Promise.ONE_GROUP_PER_KEY, words)
        self._faces(group)
        self._on_key[place] = group.group_id
        self._counted[group.group_id] = group
        if not group.forced:
            self._by_account[group.account] += 1
            self._judge(group)

    def _faces(self, group: Group) -> None:
        """On a one-way swap account the two sides of an instrument would take each other down (GRP-6)."""
        account = self._world.settings.accounts[group.account]
        if account.market is not Market.SWAP or account.position_mode is not PositionMode.ONE_WAY:
            return
        for other in self._counted.values():
            if (other.account, other.symbol) == (group.account, group.symbol) and other.side is not group.side:
                words = f"{named(group)} opens against {named(other)}, on an account that knows one side only"
                raise Violation(Promise.COVERED, words)

    def _judge(self, group: Group) -> None:
        versions = {self._world.settings.version, self._granted.get(group.group_id, self._world.settings.version)}
        known = [self._limits[version] for version in versions if version in self._limits]
        live = sum(not other.forced for other in self._counted.values())
        most = max(limit for limit, _ in known)
        if live > most:
            raise Violation(Promise.POOL_LIMIT, f"{live} groups are live, the pool allows {most}: {self._names()}")
        own = [limits.get(group.account) for _, limits in known]
        here = self._by_account[group.account]
        if None not in own and here > max(limit for limit in own if limit is not None):
            words = f"{here} groups are live on account {group.account}, which allows {own}: {self._names()}"
            raise Violation(Promise.POOL_LIMIT, words)

    def _names(self) -> str:
        return ", ".join(sorted(named(group) for group in self._counted.values() if not group.forced))
