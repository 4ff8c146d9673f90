"""A queued signal as a message: its place, and why it has it (QUE-7)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from actors.rules.choices import SizingSource, World
from actors.rules.model import Group, GroupState, Key, Queued, Quote, Reason
from actors.rules.ranking import Ranked, rank
from daemon.api.engine import Engine
from daemon.api.translate import INTENT, SIDE, WORLD, decimal, optional_timestamp, reason, timestamp
from protos.terrace.v1 import queue_pb2

_OPPOSITE = (Reason.OPPOSITE_SIDE, Reason.OPPOSITE_ON_INSTRUMENT)


def ranked(engine: Engine, world: World) -> list[Ranked]:
    """The queue of a world in the order it would be promoted in, at the marks of this moment (QUE-2)."""
    snapshot = engine.view.current
    entries = list(snapshot.waiting(world))
    quotes: dict[tuple[str, str], Quote] = {}
    for symbol in {(queued.key.account, queued.key.symbol) for queued in entries}:
        quote = engine.fresh_quote(*symbol)
        if quote is not None:
            quotes[symbol] = quote
    sides = {queued.key: queued.side for queued in entries}
    return rank(entries, quotes, continuing(snapshot.live(world), sides.items()), engine.settings().queue.rank)


def continuing(groups: Iterable[Group], waiting: Iterable[tuple[Key, object]]) -> frozenset[Key]:
    """Keys whose queued signal would continue a live group: same side, not closing."""
    sides = dict(waiting)
    return frozenset(
        group.key for group in groups if group.state is not GroupState.CLOSING and sides.get(group.key) is group.side
    )


def queued_signal(engine: Engine, world: World, place: Ranked, group_id: str) -> queue_pb2.QueuedSignal:
    """`group_id`: the live group on its key, if there is one."""
    queued = place.queued
    signal, key = queued.signal, queued.key
    quote = engine.fresh_quote(key.account, key.symbol)
    return queue_pb2.QueuedSignal(
        signal_id=signal.signal_id,
        account=key.account,
        symbol=key.symbol,
        timeframe=key.timeframe,
        side=SIDE[queued.side],
        entry_price=decimal(queued.entry_price),
        rank=place.rank,
        replacement_count=queued.replacement_count,
        loss_percent=decimal(place.loss_percent),
        expected_profit=decimal(queued.expected_profit),
        wait_reason=reason(queued.wait_reason),
        wait_detail=queued.detail,
        queue_time=timestamp(queued.queue_time_ms),
        first_queue_time=timestamp(queued.first_queue_time_ms),
        world=WORLD[world],
        strategy=signal.alert_name,
        source=signal.source,
        intent=INTENT[signal.intent],
        rank_reasons=[queue_pb2.RankReason(rule=rule, value=value) for rule, value in place.why],
        mark_price=decimal(quote.mid) if quote is not None else "",
        expire_time=optional_timestamp(_expiry_ms(engine, queued)),
        group_id=group_id,
        planned_capital=decimal(_capital(engine, queued)),
        reverse=queued.is_reverse,
    )


def _expiry_ms(engine: Engine, queued: Queued) -> int | None:
    """When its age ends it (QUE-3); None: never."""
    if queued.wait_reason is Reason.REVERSING:
        return None
    settings = engine.settings().queue
    opposite_s = settings.opposite_max_age_s if queued.wait_reason in _OPPOSITE else None
    limits = [limit for limit in (settings.max_age_s, opposite_s) if limit is not None]
    return queued.queue_time_ms + min(limits) * 1000 if limits else None


def _capital(engine: Engine, queued: Queued) -> Decimal | None:
    """What its first pyramid would bind, where the config alone says so."""
    key = queued.key
    sizing = engine.settings().strategy.resolve(key.account, key.symbol, key.timeframe).sizing
    return sizing.capital_of(0) if sizing.source is SizingSource.CONFIG else None
