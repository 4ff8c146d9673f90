"""What a change of `pool` and `queue` would do: who gets a place, who waits, who would expire, who goes first."""

from __future__ import annotations

from collections.abc import Iterator

from actors.rules import precision
from actors.rules.choices import PromoteAt, World
from actors.rules.model import GroupState, Key, Queued, Quote, Reason, Refused
from actors.rules.money import plain
from actors.rules.ranking import Ranked, rank, refuse_stale
from actors.rules.settings import Settings
from daemon.config.seen import At, Change, Look, counted, names, signal_name

_FOR_A_PLACE = (Reason.POOL_FULL, Reason.ACCOUNT_POOL_FULL)


def _places(change: Change, _key: str) -> Iterator[str]:
    """`pool.max_open_groups`."""
    most, was = change.after.pool.max_open_groups, change.before.pool.max_open_groups
    for world in change.worlds():
        live = len(change.seen.live(world))
        if live >= most and most < was:
            yield f"in {world.value} {_nobody_is_closed(live, most)}"
        elif most > was and live < most:
            yield from _would_open(change, world, Reason.POOL_FULL, most - live)


def _account_places(change: Change, key: str) -> Iterator[str]:
    """`accounts.*.max_open_groups`."""
    name = key.split(".")[1]
    before, account = change.before.accounts.get(name), change.after.accounts.get(name)
    if before is None or account is None:
        return
    live = sum(group.account == name for group in change.seen.groups)
    most = account.max_open_groups
    if most is not None and live >= most:
        yield f"on {name} {_nobody_is_closed(live, most)}"
    elif most is None or (before.max_open_groups is not None and most > before.max_open_groups):
        room = change.after.pool.max_open_groups - len(change.seen.live(account.world))
        yield from _would_open(
            change, account.world, Reason.ACCOUNT_POOL_FULL, min(room, (most or room + live) - live), name
        )


def _nobody_is_closed(live: int, most: int) -> str:
    are = f"{counted(live, 'group')} {'is' if live == 1 else 'are'} live"
    return f"{are}: none is closed, and nothing opens until fewer than {most} are"


def _would_open(change: Change, world: World, reason: Reason, room: int, account: str = "") -> Iterator[str]:
    first = [
        place.queued
        for place in ranked(change, change.after, world)
        if place.queued.wait_reason is reason and account in ("", place.queued.key.account)
    ][: max(room, 0)]
    if first:
        who = names(signal_name(queued) for queued in first)
        yield f"in {world.value} {counted(len(first), 'waiting signal')} would be offered a place: {who}"


def _bypass(change: Change, _key: str) -> Iterator[str]:
    """`pool.pyramids_bypass`."""
    for world in change.worlds():
        live = len(change.seen.live(world))
        if live and not change.after.pool.pyramids_bypass:
            full = live >= change.after.pool.max_open_groups
            yield (
                f"in {world.value} further entries of {counted(live, 'live group')} need a free place"
                + ("; the pool is full, so they would wait" if full else "")
            )


# --- the queue ------------------------------------------------------------------------------------


def ranked(change: Change, settings: Settings, world: World) -> list[Ranked]:
    """The queue in the order of these settings, at the prices of now."""
    sides = {queued.key: queued.side for queued in change.seen.waiting(world)}
    continuing: set[Key] = {
        group.key
        for group in change.seen.live(world)
        if group.state is not GroupState.CLOSING and sides.get(group.key) is group.side
    }
    return rank(change.seen.waiting(world), fresh(change, settings), continuing, settings.queue.rank)


def fresh(change: Change, settings: Settings) -> dict[At, Quote]:
    age_s = settings.execution.max_quote_age_s
    return {
        at: quote
        for at, quote in change.seen.quotes.items()
        if precision.usable(quote) is not None and precision.is_recent(quote, change.seen.now_ms, age_s)
    }


def _rank(change: Change, _key: str) -> Iterator[str]:
    """`queue.rank`."""
    for world in change.worlds():
        was = [place.queued for place in ranked(change, change.before, world)]
        becomes = [place.queued for place in ranked(change, change.after, world)]
        if was != becomes:
            moved = sum(one is not other for one, other in zip(was, becomes, strict=True))
            first = names(signal_name(queued) for queued in becomes)
            of = f"{moved} of {counted(len(was), 'waiting signal')}"
            yield f"in {world.value} {of} change places; the order would be {first}"


def _ages(change: Change, _key: str) -> Iterator[str]:
    """`queue.max_age_s`, `opposite_max_age_s` and `max_deviation_percent`."""
    for world in change.worlds():
        dropped = [
            f"{signal_name(queued)} ({refused.detail})"
            for queued in change.seen.waiting(world)
            if (refused := _stale(change, change.after, queued)) and not _stale(change, change.before, queued)
        ]
        if dropped:
            yield f"in {world.value} {counted(len(dropped), 'waiting signal')} would expire: {names(dropped)}"


def _stale(change: Change, settings: Settings, queued: Queued) -> Refused | None:
    quote = fresh(change, settings).get((queued.key.account, queued.key.symbol))
    return refuse_stale(queued, change.seen.now_ms, quote, settings.queue)


def _size(change: Change, _key: str) -> Iterator[str]:
    """`queue.max_size`, `queue.overflow`."""
    most = change.after.queue.max_size
    for world in change.worlds():
        waiting = len(change.seen.waiting(world))
        if waiting and waiting >= most:
            then = (
                "new ones are refused"
                if change.after.queue.overflow.value == "reject_new"
                else ("a new one takes the place of the last in rank, or is refused")
            )
            wait = f"{counted(waiting, 'signal')} {'waits' if waiting == 1 else 'wait'}"
            yield f"in {world.value} {wait}: none is dropped by this; {then}"


def _promote_at(change: Change, _key: str) -> Iterator[str]:
    """`queue.promote_at`."""
    at_mark = change.after.queue.promote_at is PromoteAt.MARK
    for world in change.worlds():
        moved = []
        for queued in change.seen.waiting(world):
            quote = fresh(change, change.after).get((queued.key.account, queued.key.symbol))
            if quote is not None and queued.entry_price is not None:
                own, mark = plain(queued.entry_price), plain(quote.mid)
                goes, instead = (mark, own) if at_mark else (own, mark)
                moved.append(f"{signal_name(queued)} at {goes} instead of {instead}")
        if moved:
            yield f"in {world.value} {counted(len(moved), 'waiting signal')} would open elsewhere: {names(moved)}"


def _replacement(change: Change, _key: str) -> Iterator[str]:
    """`queue.allow_replacement`."""
    waiting = len(change.seen.queued)
    if waiting and not change.after.queue.allow_replacement:
        yield f"newer alerts for {counted(waiting, 'waiting signal')} would be ignored, the older price stays"


LOOKS: tuple[tuple[str, Look], ...] = (
    ("pool.max_open_groups", _places),
    ("pool.pyramids_bypass", _bypass),
    ("accounts.*.max_open_groups", _account_places),
    ("queue.rank", _rank),
    ("queue.max_age_s", _ages),
    ("queue.opposite_max_age_s", _ages),
    ("queue.max_deviation_percent", _ages),
    ("queue.max_size", _size),
    ("queue.overflow", _size),
    ("queue.promote_at", _promote_at),
    ("queue.allow_replacement", _replacement),
)
