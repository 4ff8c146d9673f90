"""The lead in PostgreSQL: taken, renewed, handed back, taken over. One row says who leads, another is the lease.

Every batch of the writer reads the first under a lock (`FENCE`), so that a takeover waits for a batch under way, and
finds the batch behind it refused. A takeover changes the lease only if it still is as it was when it was seen to have
run out: from then on the old leader cannot renew it.
"""

from __future__ import annotations

from typing import Any

from daemon.store import postgres
from daemon.store.leadership import Lead, Seen, Wish
from daemon.store.postgres import Connection, HeldBy
from daemon.store.postgres_migrate import has_table

FENCE = "SELECT epoch FROM leadership WHERE epoch = ? FOR SHARE"
_LOOK = (
    "SELECT l.epoch, l.leader, l.address, l.since_ms, s.beat, s.is_given FROM leadership l "
    "JOIN leases s ON s.place = l.place"
)
_LEAD = (
    "INSERT INTO leadership (place, epoch, leader, address, since_ms) VALUES (1, 1, $1, $2, $3) "
    "ON CONFLICT (place) DO UPDATE SET epoch = leadership.epoch + 1, leader = excluded.leader, "
    "address = excluded.address, since_ms = excluded.since_ms RETURNING epoch"
)
_LEASE = (
    "INSERT INTO leases (place, epoch, beat, is_given) VALUES (1, $1, 0, 0) "
    "ON CONFLICT (place) DO UPDATE SET epoch = excluded.epoch, beat = 0, is_given = 0"
)
_CLAIM = "UPDATE leases SET beat = -1 WHERE epoch = $1 AND beat = $2 AND is_given = 1"
_BEAT = "UPDATE leases SET beat = beat + 1, is_given = 1 WHERE epoch = $1"
_HAND_BACK = "UPDATE leases SET is_given = 0 WHERE epoch = $1"
_DURABLE = "SET LOCAL synchronous_commit = on"


def look(connection: Connection) -> Seen | None:
    """Who leads or led last; None: nobody ever, or the store is of a version before this one's."""
    if not has_table(connection, "leases"):
        return None
    row = connection.execute(_LOOK).fetchone()
    if row is None:
        return None
    epoch, leader, address, since_ms, beat, is_given = row
    lead = Lead(epoch=epoch, leader=leader, address=address, since_ms=since_ms)
    return Seen(lead=lead, beat=beat, is_given=bool(is_given))


def begin(connection: Connection, name: str, wish: Wish, now_ms: int) -> Lead:
    """The next epoch is ours. The store's lock is held, and nobody's lease runs."""
    with connection.transaction():
        return _begin(connection, name, wish, now_ms)


def _begin(connection: Connection, name: str, wish: Wish, now_ms: int) -> Lead:
    connection.execute(_DURABLE)
    row = connection.execute(_LEAD, (name, wish.address, now_ms)).fetchone()
    assert row is not None
    connection.execute(_LEASE, (row[0],))
    return Lead(epoch=row[0], leader=name, address=wish.address, since_ms=now_ms)


class _NotTaken(Exception):
    def __init__(self, held: HeldBy | None) -> None:
        super().__init__()
        self.held = held


def take_over(connection: Connection, schema: str, name: str, wish: Wish, now_ms: int) -> Lead | HeldBy | None:
    """Ends the session of a leader whose lease has run out, takes the lock and the next epoch, in one transaction.

    None: the lease was renewed after all, or somebody else was quicker. HeldBy: a third has the lock.
    """
    claim = wish.claim
    assert claim is not None
    try:
        with connection.transaction():
            if connection.execute(_CLAIM, (claim.lead.epoch, claim.beat)).rowcount != 1:
                raise _NotTaken(None)
            held = postgres.take_lock(connection, schema, name, ending=claim.lead.leader)
            if held is not None:
                raise _NotTaken(held)
            return _begin(connection, name, wish, now_ms)
    except _NotTaken as not_taken:
        postgres.give_lock_back(connection, schema)
        return not_taken.held


def beat(connection: Connection, epoch: int) -> bool:
    """Gives the lease, or renews it. False: another daemon has taken the lead. Before the first one the lock alone says
    who leads: a long migration does not run out."""
    changed: Any = connection.execute(_BEAT, (epoch,)).rowcount
    return bool(changed == 1)


def hand_back(connection: Connection, epoch: int) -> None:
    """The lease ends in peace: whoever waits need not wait for it to run out."""
    connection.execute(_HAND_BACK, (epoch,))
