"""What would become of a signal now (SIG-11): nothing is reserved, nothing is stored, nothing is promised.

The routing table and a group's own decisions are the rules themselves, put before the committed state; whether an
entry is let in is asked of Pool, which alone knows what drafts under way hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from actors.messages import Answer
from actors.pool_admission import Admitted
from actors.preview_messages import EntryPreview, PreviewEntry
from actors.rules import events, position
from actors.rules.choices import EngineMode, Overflow
from actors.rules.intent import Action, Route, only_its_end, route
from actors.rules.model import Group, GroupState, Order, Outcome, Queued, Reason, Refused, Signal
from actors.rules.position_cuts import uncut
from actors.rules.position_desk import is_fresh
from actors.rules.reducing import reduce_quantity
from actors.rules.settings import AccountSettings
from daemon.api.engine import Engine
from daemon.api.forecast_context import PREVIEW_GROUP, PREVIEW_TOKEN, context_of
from daemon.api.forecast_sales import sold_after_cancels
from daemon.api.kinds import Context

_OUTCOMES: Mapping[Action, Outcome] = {
    Action.OPEN: Outcome.OPENED,
    Action.PYRAMID: Outcome.PYRAMIDED,
    Action.ENQUEUE: Outcome.QUEUED,
    Action.CLOSE: Outcome.EXITED,
    Action.REDUCE: Outcome.REDUCED,
    Action.REVERSE: Outcome.REVERSED,
    Action.DEQUEUE: Outcome.DEQUEUED,
    Action.IGNORE: Outcome.IGNORED,
    Action.REJECT: Outcome.REJECTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """`answer` is what the sender would hear; the rest is how it would come about."""

    signal: Signal
    answer: Answer
    route: Route
    live: Group | None = None
    """What is not closed on the signal's key."""
    waiting: Queued | None = None
    entry: EntryPreview | None = None
    """Pool's word about an entry that may go out."""
    decision: events.Decision | None = None
    """What the group it opens or touches would decide."""
    then: tuple[Order, ...] = ()
    """What it would sell once the cancels are certain and none of these orders has filled."""
    evicts: bool = False
    """The queue is full, and the lowest in rank would have to go."""


async def forecast(engine: Engine, signal: Signal, context: Context | None = None) -> Forecast:
    """What the engine would do with this signal now. `Failed` where it would take no such signal on at all."""
    account = engine.settings().accounts[signal.key.account]
    live, waiting = engine.view.current.on_key(account.world, signal.key)
    only_ends = engine.settings().engine.mode is EngineMode.READ_ONLY
    decided = route(
        only_its_end(signal, live.side if live else None) if only_ends else signal,
        market=account.market,
        live_side=live.side if live else None,
        closing=live is not None and live.state is GroupState.CLOSING,
        waiting_side=waiting.side if waiting else None,
        opened_stamp_ms=live.opened_stamp_ms if live else None,
        waiting_reason=waiting.wait_reason if waiting else None,
        waiting_stamp_ms=waiting.signal.stamp_ms if waiting else None,
    )
    answer = _answer(_OUTCOMES[decided.action], decided.reason, decided.detail)
    found = Forecast(signal=signal, answer=answer, route=decided, live=live, waiting=waiting)
    if decided.action in (Action.OPEN, Action.PYRAMID):
        found = await _entry(engine, account, found, context)
    elif decided.action is Action.ENQUEUE:
        if waiting is not None and (live is None or _would_grow(live, signal)):
            found = replace(found, entry=await _asked(engine, account, signal, context))
        found = _queued(engine, account, found, Refused(reason=decided.reason, detail=decided.detail))
    elif live is not None and decided.action in (Action.CLOSE, Action.REVERSE, Action.REDUCE):
        found = _touched(engine, live, found)
    return found


def _answer(outcome: Outcome, reason: Reason = Reason.OK, detail: str = "", group_id: str = "") -> Answer:
    return Answer(signal_id="", outcome=outcome, reason=reason, detail=detail, group_id=group_id)


# --- entries --------------------------------------------------------------------------------------


async def _entry(engine: Engine, account: AccountSettings, found: Forecast, context: Context | None) -> Forecast:
    entry = await _asked(engine, account, found.signal, context)
    found = replace(found, entry=entry)
    if isinstance(entry.judged, Admitted):
        return _placed(engine, account, found, entry.judged)
    if entry.is_hopeless:
        return replace(found, answer=_answer(Outcome.REJECTED, entry.judged.reason, entry.judged.detail))
    return _queued(engine, account, found, entry.judged)


async def _asked(engine: Engine, account: AccountSettings, signal: Signal, context: Context | None) -> EntryPreview:
    pool = f"pool/{account.world.value}"
    entry = await engine.ask(pool, lambda reply_to: PreviewEntry(signal=signal, reply_to=reply_to), context)
    assert isinstance(entry, EntryPreview), entry
    return entry


def _would_grow(live: Group, signal: Signal) -> bool:
    return live.side is signal.side and live.state is not GroupState.CLOSING


def _placed(engine: Engine, account: AccountSettings, found: Forecast, admitted: Admitted) -> Forecast:
    signal, live = found.signal, found.live
    if found.route.action is Action.PYRAMID and live is not None:
        if len(live.pyramids) >= live.settings.max_pyramids:
            words = "the group has all its pyramids"
            return replace(found, answer=_answer(Outcome.IGNORED, Reason.MAX_PYRAMIDS, words, live.group_id))
        return _stepped(engine, live, found, events.PyramidAdded(signal=signal, plan=admitted.plan))
    decision = position.open_group(
        group_id=PREVIEW_GROUP,
        world=account.world,
        key=signal.key,
        side=admitted.side,
        signal=signal,
        plan=admitted.plan,
        settings=admitted.settings,
        instrument=admitted.instrument,
        slot_token=PREVIEW_TOKEN,
        forced=False,
        strategy=signal.alert_name,
        context=context_of(engine, signal.key, admitted.side, admitted.instrument),
    )
    return replace(found, answer=_answer(Outcome.OPENED), decision=decision)


def _queued(engine: Engine, account: AccountSettings, found: Forecast, why: Refused) -> Forecast:
    """QUE-1 and QUE-4, as the Queue decides."""
    settings, waiting = engine.settings().queue, found.waiting
    if waiting is not None:
        if not settings.allow_replacement:
            return replace(found, answer=_answer(Outcome.IGNORED, Reason.REPLACEMENT_OFF))
        if found.signal.stamp_ms < waiting.signal.stamp_ms:
            return replace(found, answer=_answer(Outcome.IGNORED, Reason.NEWER_SIGNAL))
        return replace(found, answer=_answer(Outcome.REPLACED, why.reason, why.detail))
    count = sum(1 for _ in engine.view.current.waiting(account.world))
    answer = _answer(Outcome.QUEUED, why.reason, why.detail)
    if count < settings.max_size or why.reason is Reason.REVERSING:
        return replace(found, answer=answer)
    if settings.overflow is Overflow.REJECT_NEW:
        words = f"the queue holds {count} signals"
        return replace(found, answer=_answer(Outcome.REJECTED, Reason.QUEUE_FULL, words))
    return replace(found, answer=answer, evicts=True)


# --- what touches a live group --------------------------------------------------------------------


def _touched(engine: Engine, live: Group, found: Forecast) -> Forecast:
    action = found.route.action
    if action is Action.CLOSE:
        return _stepped(engine, live, found, events.CloseAsked(reason=Reason.EXIT_SIGNAL))
    if action is Action.REVERSE:
        return _stepped(engine, live, found, events.ReverseAsked(signal=found.signal))
    context = context_of(engine, live.key, live.side, live.instrument, live.group_id)
    price = found.signal.close_price or found.signal.entry_price
    if context.quote is not None and is_fresh(context.quote, context):
        price = context.quote.closing(live.side)
    quantity = reduce_quantity(found.signal, uncut(live), context.instrument, price)
    if isinstance(quantity, Refused):
        answer = _answer(Outcome.REJECTED, quantity.reason, quantity.detail, live.group_id)
        return replace(found, answer=answer)
    asked = events.CutAsked(cut_id=PREVIEW_TOKEN, quantity=quantity, reason=Reason.REDUCE_SIGNAL)
    return _stepped(engine, live, found, asked)


def _stepped(engine: Engine, live: Group, found: Forecast, event: events.Event) -> Forecast:
    """What the group would decide, by its own rules."""
    context = context_of(engine, live.key, live.side, live.instrument, live.group_id)
    decision = position.step(live, event, context)
    if isinstance(decision, Refused):
        answer = _answer(Outcome.REJECTED, decision.reason, decision.detail, live.group_id)
        return replace(found, answer=answer)
    answer = replace(found.answer, group_id=live.group_id)
    return replace(found, answer=answer, decision=decision, then=sold_after_cancels(decision, context))


def in_the_way(found: Forecast) -> Iterator[Refused]:
    """Everything that keeps an entry from going out now."""
    if found.route.action is Action.ENQUEUE:
        yield Refused(reason=found.route.reason, detail=found.route.detail)
    if found.entry is not None:
        yield from found.entry.obstacles
