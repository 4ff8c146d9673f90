"""What may be so for a moment and not for long: slots of nobody (POOL-1), positions without a target (ORD-6).

Looked at now and then while faults go on. Between two commits, a restart and a retry such things are as they should be;
`LASTS_MS` is longer than any pause the engine makes.
"""

from __future__ import annotations

from actors.rules.model import CutState, GroupState, OrderState, Role
from tests.simulation.checks_books import ZERO, Books, GroupBook, n
from tests.simulation.checks_protection import EXCUSES, Place, is_capped, is_sendable, is_watched, parts_of, words_of
from tests.simulation.checks_world import Seen, actor_of
from tests.simulation.promise import Promise, Violation

LASTS_MS = 90_000
"""Real time, which nobody sets."""


class LastingChecks:
    def __init__(self, world: Seen, books: Books) -> None:
        self._world = world
        self._books = books
        self._slots: dict[tuple[int, str], int] = {}
        """Slots of nobody, by Pool's life and token: since when."""
        self._bare: dict[str, tuple[object, int]] = {}
        """Groups with a part that has no target: the group as it was, and since when."""

    def look(self) -> None:
        """Now and then."""
        if not self._world.is_dead:
            now_ms = self._world.now_ms()
            self._look_at_slots(now_ms)
            self._look_at_targets(now_ms)

    def commit_ends(self) -> None:
        """Whatever an entry has filled has its target in the same commit, unless one there came to nothing before."""
        for book in self._books.touched.values():
            if book.has_bought:
                book.has_bought = False
                words = _bare(book, ever=True)
                if words and not self._is_dust(book):
                    raise Violation(Promise.PROTECTED, words)

    def _is_dust(self, book: GroupBook) -> bool:
        """A closed group may have bought late, and what it has be worth too little for a market order by then."""
        group = book.group
        price = self._world.venues[group.account].price(group.symbol)
        worth = book.held * price * group.instrument.contract_size
        return group.is_closed and not is_sendable(book, book.held, worth, market=True)

    def _look_at_slots(self, now_ms: int) -> None:
        held = {book.group.slot_token for book in self._books.live.values()}
        found: dict[tuple[int, str], int] = {}
        for name in self._world.system.names():
            pool = actor_of(self._world, name) if name.startswith("pool/") else None
            if pool is None or pool._before_load is not None:
                continue
            drafted = {work.slot_token for work in pool._drafts.values()}
            lost = pool._books.reservations.keys() - pool._drafts.keys()
            if lost:
                raise Violation(
                    Promise.SETTLES, f"capital stays reserved for {sorted(lost)}, which nobody decides any more"
                )
            for token, group_id in pool._books.slots.items():
                if token not in held and token not in drafted:
                    place = (self._world.system.incarnation(name), token)
                    found[place] = self._slots.get(place, now_ms)
                    if now_ms - found[place] > LASTS_MS:
                        seconds = (now_ms - found[place]) // 1000
                        words = f"a slot has been taken by group {group_id} for {seconds} s, which is not live"
                        raise Violation(Promise.SETTLES, words)
        self._slots = found

    def _look_at_targets(self, now_ms: int) -> None:
        found: dict[str, tuple[object, int]] = {}
        for group_id, book in self._books.live.items():
            words = _bare(book)
            if words:
                group, since_ms = self._bare.get(group_id, (book.group, now_ms))
                found[group_id] = (book.group, since_ms if group is book.group else now_ms)
                if now_ms - found[group_id][1] > LASTS_MS:
                    raise Violation(Promise.PROTECTED, f"{words}, for {(now_ms - since_ms) // 1000} s now")
        self._bare = found


def _bare(book: GroupBook, *, ever: bool = False) -> str:
    """A part of the group that no target is stored for, not even one on its way, in words; empty: there is none.

    `ever`: nor was there one that ended before it had filled; the next then comes after a pause. Nor is the
    group on its way out because its watched target was reached (TP-4): what stood in the way is cancelled first.
    """
    group = book.group
    if ever and group.hybrid_hit:
        return ""
    is_excused = group.state is GroupState.CLOSING or any(flag in group.flags for flag in EXCUSES)
    if is_excused or is_watched(book) or is_capped(book) or any(cut.state is CutState.RUNNING for cut in group.cuts):
        return ""
    covered: set[Place] = set()
    for known in book.orders.values():
        order = known.order
        if order.role not in (Role.TAKE_PROFIT, Role.CLOSE):
            continue
        if not known.is_final or (ever and order.state is not OrderState.FILLED):
            covered.add((order.pyramid, order.leg))
    if (None, None) in covered:
        return ""
    for place, quantity, cost in parts_of(book):
        if quantity > ZERO and place not in covered and is_sendable(book, quantity, cost, market=False):
            return f"{book.name} holds {n(quantity)} {words_of(place)}, and has no target for it"
    return ""
