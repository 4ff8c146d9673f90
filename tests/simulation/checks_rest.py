"""What must be true once everything has come to rest: the store, what is shown and the venues say the same, and nothing
is stuck (REC-1, SETTLES). `stuck` says in a trader's words what keeps a world from coming to rest.
"""

from __future__ import annotations

from collections.abc import Iterator

from actors.rules.model import Group, GroupState, OrderState, Reason
from tests.simulation.checks_books import EXTERNAL, ZERO, Books, GroupBook, n, named, worded
from tests.simulation.checks_fills import NOISE
from tests.simulation.checks_world import Seen, actor_of, book_of, is_ours
from tests.simulation.promise import Promise, Violation


def stuck(world: Seen) -> str:
    """What is still closing, unknown or waiting, in words; empty: nothing."""
    return "; ".join(_stuck(world))


def _stuck(world: Seen) -> Iterator[str]:
    live = list(world.view.current.live())
    for sent in world.alerts.values():
        if not sent.is_acknowledged:
            yield f"nobody has answered alert {sent.signal.idempotency_key} on {worded(sent.signal.key)}"
    for group in live:
        if group.state is GroupState.CLOSING:
            yield f"{named(group)} is still closing, because of {group.close_reason}{_flags(group)}"
        for order in group.open_orders():
            if order.state is OrderState.PENDING:
                yield f"order {order.client_order_id} of {named(group)} is still pending"
            elif order.cancel_requested or order.is_amending:
                what = "cancelled" if order.cancel_requested else "amended"
                yield f"order {order.client_order_id} of {named(group)} is still being {what}"
    yield from _orphans(world, live)
    free = world.settings.pool.max_open_groups - len(live)
    switches = world.view.current.switches
    is_paused = any(name == "paused" and value for (_, name), value in switches.items())
    for queued in world.view.current.waiting() if free > 0 and not is_paused else ():
        if queued.wait_reason is Reason.POOL_FULL:
            yield f"a signal waits on {worded(queued.key)} for a slot, {free} are free"
        elif queued.wait_reason is Reason.GROUP_CLOSING and all(group.key != queued.key for group in live):
            yield f"a signal waits on {worded(queued.key)} for a group to close that is gone"


def _flags(group: Group) -> str:
    return f" ({', '.join(group.flags)})" if group.flags else ""


def _orphans(world: Seen, live: list[Group]) -> Iterator[str]:
    here = {order.client_order_id: group for group in live for order in group.open_orders()}
    there: set[str] = set()
    for account, venue in world.venues.items():
        for name, order in book_of(venue).orders.items():
            there.add(name)
            if is_ours(name) and name not in here:
                shown = f"{order.side} {n(order.remaining)} {order.symbol}"
                yield f"order {name} is open on {account}, {shown}, and not here"
    for name, group in here.items():
        if name not in there:
            yield f"order {name} of {named(group)} is open here and not at the venue"


class RestChecks:
    def __init__(self, world: Seen, books: Books) -> None:
        self._world = world
        self._books = books

    def at_rest(self) -> None:
        words = stuck(self._world)
        if words:
            raise Violation(Promise.SETTLES, words)
        self._shown()
        self._slots()
        for book in self._books.live.values():
            self._orders_agree(book)

    def _shown(self) -> None:
        """What is shown as live is what is stored."""
        shown = {group.group_id: group for group in self._world.view.current.live()}
        for group_id in shown.keys() ^ self._books.live.keys():
            where = "shown" if group_id in shown else "stored"
            raise Violation(Promise.HOLDS_ITS_FILLS, f"group {group_id} is live only as it is {where}")
        for group_id, group in shown.items():
            book = self._books.live[group_id]
            held = sum((leg.lot.quantity for leg in group.legs()), group.loose.quantity)
            if held != book.held or group.state is not book.group.state:
                words = f"{book.name} is shown as {group.state} with {n(held)}, stored as {book.group.state}"
                raise Violation(Promise.HOLDS_ITS_FILLS, f"{words} with {n(book.held)}")
            self._stored(group)

    def _stored(self, group: Group) -> None:
        """What a restart would find is what is shown."""
        stored = self._world.store.load_group(group.group_id)
        if stored != group:
            raise Violation(Promise.HOLDS_ITS_FILLS, f"{named(group)} is shown otherwise than a restart would load it")

    def _slots(self) -> None:
        """Each slot is a live group's (POOL-1), and the profit that is shown is the sum of the trades'."""
        for world in {book.group.world for book in self._books.groups.values()}:
            mine = [book for book in self._books.groups.values() if book.group.world is world]
            held = {book.group.slot_token: book.group.group_id for book in mine if not book.group.is_closed}
            pool = actor_of(self._world, f"pool/{world.value}")
            taken = dict(pool._books.slots)
            if taken != held:
                words = f"slots are taken by {sorted(taken.values())}, live are {sorted(held.values())}"
                raise Violation(Promise.SETTLES, words)
            shown = self._world.view.current.totals(world)
            realized = sum((book.profit for book in mine), ZERO)
            is_shared = any(book.is_external for book in mine)  # Parts of a trade that nobody here made are quotients.
            if shown.realized != realized and not (is_shared and abs(shown.realized - realized) < NOISE):
                words = f"realised profit of {world} is shown as {n(shown.realized)}, the ledger says {n(realized)}"
                raise Violation(Promise.MONEY, words)

    def _orders_agree(self, book: GroupBook) -> None:
        """Open orders are as they were committed, with as much filled."""
        there = book_of(self._world.venues[book.group.account]).orders
        for name, known in book.orders.items():
            order = there.get(name)
            if order is None or name.startswith(EXTERNAL):
                continue
            if (order.price, order.quantity) != (known.order.price, known.order.quantity):
                words = f"order {name} of {book.name} is {n(known.order.quantity)} at {known.order.price} here"
                raise Violation(Promise.ORDER_KNOWN, f"{words}, {n(order.quantity)} at {order.price} at the venue")
