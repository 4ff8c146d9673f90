"""What Pool knows: slots, live groups, reserved capital, waiting keys, what was answered lately.

Plain state of one life of Pool. An exception ends that life and the next one loads all this again, so it is
changed in place. Rules that decide over it are in `rules.limits` and `rules.intent`.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from actors.messages import AccountChanged, Answer, GroupChanged, PoolState
from actors.rules.model import ZERO, Instrument, Key, Reason, Side
from actors.rules.settings import StrategySettings

MAX_RECENT = 50_000
"""Idempotency keys remembered here; the store's index holds the rest of the window (SIG-7)."""


@dataclass(slots=True)
class LiveGroup:
    """A group that is not closed, as far as Pool must know it."""

    told: GroupChanged
    settings: StrategySettings
    instrument: Instrument


@dataclass(frozen=True, slots=True)
class Reservation:
    """Capital kept for a draft until its commit tells the group's own figure."""

    account: str
    symbol: str
    quote: str
    amount: Decimal
    """What its entries cost at worst, fees included."""
    planned: Decimal
    """What counts as exposure."""
    opens: Side | None = None
    """The side of the group it opens; None for a pyramid."""


@dataclass(slots=True)
class PoolBooks:
    groups: dict[str, LiveGroup] = field(default_factory=dict)
    by_key: dict[Key, str] = field(default_factory=dict)
    slots: dict[str, str] = field(default_factory=dict)
    """Slot token to group id; drafts that open hold theirs here too (rule 10)."""
    slot_accounts: dict[str, str] = field(default_factory=dict)
    """Slot token to account, for an account's own limit."""
    reservations: dict[str, Reservation] = field(default_factory=dict)
    """By draft id."""
    waiting: dict[Key, tuple[Side, Reason]] = field(default_factory=dict)
    recent: OrderedDict[str, tuple[Answer, int]] = field(default_factory=OrderedDict)
    accounts: dict[str, AccountChanged] = field(default_factory=dict)
    switches: dict[str, str] = field(default_factory=dict)
    _reserved: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    """Running sums by (account, quote); decimals add and subtract exactly."""
    _planned: dict[str, Decimal] = field(default_factory=dict)
    """Running sums by quote."""
    _symbols: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """Ids of the groups on a symbol of an account."""
    _sides: Counter[tuple[str, str, Side]] = field(default_factory=Counter)
    """Groups on a symbol of an account by side, those that drafts are about to open included."""
    _met: set[Key] = field(default_factory=set)
    """Keys that wait and have a group: few, while those that wait may be many."""
    _slots_by_account: Counter[str] = field(default_factory=Counter)
    _slot_keys: dict[str, Key] = field(default_factory=dict)
    """Slot token to key."""
    _slots_by_key: Counter[Key] = field(default_factory=Counter)
    reversing: set[Key] = field(default_factory=set)
    """Keys that wait as REVERSING: each still has its group's slot, or has one kept for it."""
    promised: set[Key] = field(default_factory=set)
    """Keys of drafts that are on their way to wait as REVERSING: their groups may close before they do."""

    def fill(self, state: PoolState) -> None:
        """Takes over what the store has; for books that are still empty."""
        self.switches.update(state.switches)
        for key, (side, reason) in state.waiting.items():
            self.wait(key, side, reason)
        for told in state.groups:
            self.put(told, state.settings_of[told.group_id], state.instrument_of[told.group_id])
        for idempotency_key, answer, expire_time_ms in state.recent:
            self.recent[idempotency_key] = (answer, expire_time_ms)

    # --- groups and slots -------------------------------------------------------------------------

    def put(self, told: GroupChanged, settings: StrategySettings, instrument: Instrument) -> None:
        live = LiveGroup(told, settings, instrument)
        self.groups[told.group_id] = live
        self._symbols.setdefault((told.key.account, told.key.symbol), set()).add(told.group_id)
        self._sides[told.key.account, told.key.symbol, told.side] += 1
        self._count(live, 1)
        self.take(told.slot_token, told.group_id, told.key)
        owner = self.by_key.get(told.key)
        # A group brought back by a late fill does not take the key from a newer group that is alive on it.
        if owner is None or self.groups[owner].told.closing or not told.closing:
            self._own(told.key, told.group_id)

    def update(self, told: GroupChanged) -> None:
        live = self.groups[told.group_id]
        self._count(live, -1)
        live.told = told
        self._count(live, 1)

    def remove(self, told: GroupChanged) -> None:
        """Releases the slot; naming token and group makes repeating it harmless (rule 10)."""
        live = self.groups.pop(told.group_id, None)
        if live is not None:
            self._count(live, -1)
            symbol = (told.key.account, told.key.symbol)
            self._sides[*symbol, live.told.side] -= 1
            self._symbols[symbol].discard(told.group_id)
            if not self._symbols[symbol]:
                del self._symbols[symbol]
        if self.by_key.get(told.key) == told.group_id:
            self._own(told.key, next(self._others_on(told.key), None))
        if self.slots.get(told.slot_token) == told.group_id:
            self.free(told.slot_token)

    def _others_on(self, key: Key) -> Iterator[str]:
        """Groups of the key besides its owner: those a late fill brought back (rule 19)."""
        ids = sorted(self._symbols.get((key.account, key.symbol), ()))
        return (group_id for group_id in ids if self.groups[group_id].told.key == key)

    def _own(self, key: Key, group_id: str | None) -> None:
        if group_id is None:
            self.by_key.pop(key, None)
            self._met.discard(key)
        else:
            self.by_key[key] = group_id
            if key in self.waiting:
                self._met.add(key)

    # --- waiting keys -----------------------------------------------------------------------------

    def wait(self, key: Key, side: Side, reason: Reason) -> None:
        self.waiting[key] = (side, reason)
        if key in self.by_key:
            self._met.add(key)
        if reason is Reason.REVERSING:
            self.reversing.add(key)
        else:
            self.reversing.discard(key)

    def wait_no_more(self, key: Key) -> None:
        self.waiting.pop(key, None)
        self._met.discard(key)
        self.reversing.discard(key)

    def met(self) -> Collection[Key]:
        """Keys that wait and have a group."""
        return self._met

    def wait_for(self, key: Key, reason: Reason) -> None:
        """What waits on this key, if anything still does, waits for something else from now on."""
        if key in self.waiting:
            self.wait(key, self.waiting[key][0], reason)

    def kept(self) -> Collection[Key]:
        """Keys for which a slot is kept: the new side of a reverse waits, its old group has given its slot back, and no
        draft has taken one for it (section 9). It follows from what waits and from the slots, so none can leak.
        """
        return [key for key in self.reversing | self.promised if not self._slots_by_key[key]]

    # --- capital ----------------------------------------------------------------------------------

    def take(self, token: str, group_id: str, key: Key) -> None:
        if token not in self.slots:
            self._slots_by_account[key.account] += 1
            self._slots_by_key[key] += 1
        self.slots[token] = group_id
        self.slot_accounts[token] = key.account
        self._slot_keys[token] = key

    def free(self, token: str) -> None:
        if self.slots.pop(token, None) is None:
            return
        self._slots_by_account[self.slot_accounts.pop(token)] -= 1
        key = self._slot_keys.pop(token)
        self._slots_by_key[key] -= 1
        if not self._slots_by_key[key]:
            del self._slots_by_key[key]

    def keep(self, draft_id: str, reservation: Reservation) -> None:
        """Reserves capital for a draft (POOL-3)."""
        self.reservations[draft_id] = reservation
        self._add(reservation.account, reservation.quote, reservation.amount, reservation.planned)
        if reservation.opens is not None:
            self._sides[reservation.account, reservation.symbol, reservation.opens] += 1

    def let_go(self, draft_id: str) -> None:
        kept = self.reservations.pop(draft_id, None)
        if kept is not None:
            self._add(kept.account, kept.quote, -kept.amount, -kept.planned)
            if kept.opens is not None:
                self._sides[kept.account, kept.symbol, kept.opens] -= 1

    def _count(self, live: LiveGroup, sign: int) -> None:
        told = live.told
        self._add(told.key.account, live.instrument.quote, sign * told.reserved, sign * told.planned)

    def _add(self, account: str, quote: str, reserved: Decimal, planned: Decimal) -> None:
        self._reserved[account, quote] = self._reserved.get((account, quote), ZERO) + reserved
        self._planned[quote] = self._planned.get(quote, ZERO) + planned

    def live(self, key: Key) -> LiveGroup | None:
        group_id = self.by_key.get(key)
        return None if group_id is None else self.groups.get(group_id)

    # --- sums -------------------------------------------------------------------------------------

    def taken(self, asking: Key | None = None) -> int:
        """Slots in use, those kept for others than who asks included."""
        return len(self.slots) + sum(key != asking for key in self.kept())

    def taken_on(self, account: str, asking: Key | None = None) -> int:
        """The same of one account."""
        kept = sum(key != asking and key.account == account for key in self.kept())
        return self._slots_by_account[account] + kept

    def on_symbol(self, account: str, symbol: str, side: Side) -> int:
        """Groups of that side, those that drafts are about to open included."""
        return self._sides[account, symbol, side]

    def reserved(self, account: str, quote: str) -> Decimal:
        """Quote that unfilled entries of groups and drafts may still cost."""
        return self._reserved.get((account, quote), ZERO)

    def planned(self) -> Mapping[str, Decimal]:
        """Planned capital of all live groups and drafts by quote, unfilled legs included (POOL-3)."""
        return self._planned

    # --- answers given ----------------------------------------------------------------------------

    def remember(self, idempotency_key: str, answer: Answer, expire_time_ms: int) -> None:
        self.recent[idempotency_key] = (answer, expire_time_ms)
        while len(self.recent) > MAX_RECENT:
            self.recent.popitem(last=False)

    def first_answer(self, idempotency_key: str, receive_time_ms: int) -> Answer | None:
        """What became of the first signal with this key, if the one that arrived then falls into its window."""
        seen = self.recent.get(idempotency_key)
        return seen[0] if seen is not None and seen[1] > receive_time_ms else None

    # --- switches ---------------------------------------------------------------------------------

    @property
    def paused(self) -> bool:
        return bool(self.switches.get("paused"))

    def account_paused(self, account: str) -> bool:
        return bool(self.switches.get(f"paused:{account}"))

    def paused_accounts(self) -> tuple[str, ...]:
        return tuple(sorted(name.partition(":")[2] for name in self.switches if name.startswith("paused:")))

    def switch(self, changes: Mapping[str, str]) -> None:
        for name, value in changes.items():
            if value:
                self.switches[name] = value
            else:
                self.switches.pop(name, None)
