"""What would become of a signal now, from the committed state alone: nothing is reserved, nothing is promised."""

from __future__ import annotations

from collections.abc import Mapping

from actors.messages import Answer
from actors.rules.intent import Action, route
from actors.rules.model import Group, GroupState, Outcome, Reason, Refused, Signal
from daemon.api.engine import Engine

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


def answer(engine: Engine, signal: Signal) -> Answer:
    """The outcome the routing table and the pool's free slots suggest."""
    settings = engine.settings()
    account = settings.accounts[signal.key.account]
    live, waiting = engine.view.current.on_key(account.world, signal.key)
    decided = route(
        signal,
        market=account.market,
        live_side=live.side if live else None,
        closing=live is not None and live.state is GroupState.CLOSING,
        waiting_side=waiting.side if waiting else None,
        opened_stamp_ms=live.opened_stamp_ms if live else None,
        waiting_reason=waiting.wait_reason if waiting else None,
        waiting_stamp_ms=waiting.signal.stamp_ms if waiting else None,
    )
    outcome, reason, detail = _OUTCOMES[decided.action], decided.reason, decided.detail
    if decided.action is Action.OPEN:
        full = _full(engine, signal)
        if full is not None:
            outcome, reason, detail = Outcome.QUEUED, full.reason, full.detail
    elif decided.action is Action.PYRAMID and live is not None and _at_most_pyramids(live):
        outcome, reason, detail = Outcome.IGNORED, Reason.MAX_PYRAMIDS, "the group has all its pyramids"
    if outcome is Outcome.QUEUED and waiting is not None:
        outcome = Outcome.REPLACED
    touches = live is not None and outcome in (Outcome.PYRAMIDED, Outcome.EXITED, Outcome.REDUCED, Outcome.REVERSED)
    group_id = live.group_id if live is not None and touches else ""
    return Answer(signal_id="", outcome=outcome, reason=reason, detail=detail, group_id=group_id)


def _at_most_pyramids(live: Group) -> bool:
    return len(live.pyramids) >= live.settings.max_pyramids


def _full(engine: Engine, signal: Signal) -> Refused | None:
    settings = engine.settings()
    account = settings.accounts[signal.key.account]
    view = engine.view.current
    taken = [group.key for group in view.live(account.world)]
    # A slot is kept for the new side of a reverse whose old group has closed.
    reverses = (queued.key for queued in view.waiting(account.world) if queued.wait_reason is Reason.REVERSING)
    taken += [key for key in reverses if (account.world, key) not in view.by_key]
    if len(taken) >= settings.pool.max_open_groups:
        return Refused(reason=Reason.POOL_FULL, detail=f"all {settings.pool.max_open_groups} slots are taken")
    own = sum(key.account == account.name for key in taken)
    if account.max_open_groups is not None and own >= account.max_open_groups:
        return Refused(reason=Reason.ACCOUNT_POOL_FULL, detail=f"all {account.max_open_groups} slots are taken")
    return None
