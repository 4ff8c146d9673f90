"""The steps of an offset: what to ask of which group now, from what is stored and what the groups have said (RISK-7).

A stored `RiskAction` has three steps per winner (targets out of the way, sell, targets restored) and one for the loser.
Each step that sells is one cut, named by action and step, so a group recognises it however often it is asked (rule 18).
`advance` is called for every report, every look at the clock and after every load; it is the same function each time.

What the front step (the first that is not done) does:

| step         | asked | heard of its cut    | what follows                                                          |
|--------------|-------|---------------------|-----------------------------------------------------------------------|
| winner       | no    |                     | action stopping, or enough realised: passed over; loser gone: the     |
|              |       |                     | action stops; winner not fit: passed over; a stale price: stops while |
|              |       |                     | nothing is sold, then waits; else quantity anew, asked                |
| winner       | yes   | nothing yet         | asked again                                                           |
| winner       | yes   | group gone          | done, nothing sold                                                    |
| winner       | yes   | running             | targets gone: that step is done; action stopping, winner blocked, or  |
|              |       |                     | no way on for too long: the cut is stopped; else asked again          |
| winner       | yes   | ended               | counted; done when its targets are whole, or after some patience      |
| loser        | no    |                     | action stopping: not done; price stale: waits; else the share that    |
|              |       |                     | was really earned is asked                                            |
| loser        | yes   | nothing, or running | asked again; a part whose group is blocked now is stopped             |
| loser        | yes   | ended, group gone   | counted; the action ends                                              |

Invariants, whatever the order, loss or repetition of reports:
1. A cut is asked only when its step is stored as asked, always with the same id, quantity and worst price.
2. At most one cut of an action is under way.
3. The loser is asked only when every winner's cut has ended, and for no more than was realised.
4. A winner is asked only while more is needed than has been realised.
5. What is realised is counted once, when its cut has ended; a final action changes no more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from actors.rules.choices import World
from actors.rules.model import Cut, CutState, Reason, Refused
from actors.rules.money import ZERO, plain
from actors.rules.risk_model import (
    OffsetPlan,
    OffsetWinner,
    RiskAction,
    RiskActionState,
    RiskStep,
    RiskStepKind,
)

STEPS_PER_WINNER = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CutNews:
    """The latest a group has said of a cut. `cut` None: it is gone, or will not begin it."""

    cut: Cut | None
    targets_free: bool = False
    targets_whole: bool = False
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How it stands now with a group the action needs."""

    stop: Reason | None = None
    """It must not be sold (any more); None: it may."""
    is_stale: bool = False
    """Its price cannot be believed at this moment."""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How much of the loser is closed for what was earned. `quantity` zero: nothing of it."""

    quantity: Decimal
    is_whole: bool
    percent: Decimal
    reason: Reason | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The world as it is now, judged by whoever can see it."""

    loser: Standing
    winner: Callable[[str], Standing]
    """By group id."""
    take: Callable[[str, Decimal], OffsetWinner | Refused]
    """What to sell of a winner (group id) for so much profit in the loser's quote."""
    share: Callable[[Decimal], Share]
    """What to close of the loser for so much realised profit."""
    is_patience_over: Callable[[str], bool]
    """By cut id: it ended a while ago, so its targets are not waited for any longer."""
    is_still: bool = False
    """The action has not moved for so long that a winner which does not sell is not waited for any longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Close this much of a group; None: all of it."""

    group_id: str
    cut_id: str
    quantity: Decimal | None
    worst_price: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    group_id: str
    cut_id: str
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The action as it is to be stored (the very same object: nothing to store), and what to ask then."""

    action: RiskAction
    ask: Ask | Stop | None = None


def cut_id(action_id: str, step: int) -> str:
    return f"{action_id}:{step}"


def step_of(cut: str) -> tuple[str, int]:
    """Action id and step of a cut's id; step -1: it is none of an offset."""
    action_id, _, number = cut.partition(":")
    return action_id, int(number) if number.isascii() and number.isdecimal() else -1


def new_action(
    *,
    action_id: str,
    world: World,
    plan: OffsetPlan,
    now_ms: int,
    inputs: Mapping[str, str],
    is_manual: bool = False,
    who: str = "",
) -> RiskAction:
    """An action with its steps, none of them asked yet."""
    steps: list[RiskStep] = []
    for winner in plan.winners:
        at = len(steps)
        steps += [
            RiskStep(index=at, kind=RiskStepKind.CANCEL_TARGETS, group_id=winner.group_id),
            RiskStep(
                index=at + 1,
                kind=RiskStepKind.CLOSE_WINNER,
                group_id=winner.group_id,
                quantity=winner.quantity,
                is_whole=winner.is_whole,
                worst_price=winner.worst_price,
            ),
            RiskStep(index=at + 2, kind=RiskStepKind.RESTORE_TARGETS, group_id=winner.group_id),
        ]
    loser = RiskStep(
        index=len(steps),
        kind=RiskStepKind.CLOSE_LOSER,
        group_id=plan.loser_group_id,
        quantity=plan.loser_quantity,
        is_whole=plan.loser_percent >= 100,
    )
    return RiskAction(
        action_id=action_id,
        world=world,
        quote=plan.quote,
        state=RiskActionState.PLANNED,
        plan=plan,
        steps=(*steps, loser),
        is_manual=is_manual,
        who=who,
        create_time_ms=now_ms,
        inputs=inputs,
    )


def skipped(action: RiskAction, reason: Reason, detail: str) -> RiskAction:
    """An evaluation that picked a loser and does nothing (RISK-10). It has no steps."""
    return replace(
        action,
        state=RiskActionState.SKIPPED,
        reason=reason,
        detail=detail,
        steps=(),
        end_time_ms=action.create_time_ms,
    )


def groups_of(action: RiskAction) -> frozenset[str]:
    """Every group that takes part: no other offset may touch them meanwhile."""
    return frozenset(step.group_id for step in action.steps)


def has_begun_loser(action: RiskAction) -> bool:
    """Whether the loser was asked to be closed: from here on the action only ends by its report."""
    return bool(action.steps) and action.steps[-1].is_asked


def stop(action: RiskAction, reason: Reason, detail: str = "") -> RiskAction:
    """Marks an action to be stopped: nothing new is asked, what runs is stopped. Too late once the loser is closed."""
    if action.state.is_final or action.reason is not None or has_begun_loser(action):
        return action
    return replace(action, reason=reason, detail=detail)


def advance(action: RiskAction, news: Mapping[int, CutNews], scene: Scene, now_ms: int) -> Turn:
    """As far as it goes now. `news` by the index of the step that sells."""
    while not action.state.is_final:
        front = next((step for step in action.steps if not step.is_done), None)
        if front is None:
            return Turn(action=_end(action, now_ms))
        moved = (
            _loser(action, news, scene)
            if front.kind is RiskStepKind.CLOSE_LOSER
            else _winner(action, front, news, scene)
        )
        if moved.ask is not None or moved.action is action:
            return moved
        action = moved.action
    return Turn(action=action)


# --- a winner -------------------------------------------------------------------------------------


def _winner(action: RiskAction, front: RiskStep, news: Mapping[int, CutNews], scene: Scene) -> Turn:
    cancel = action.steps[front.index - front.index % STEPS_PER_WINNER]
    close = action.steps[cancel.index + 1]
    if not close.is_asked:
        return _begin_winner(action, close, scene)
    heard = news.get(close.index)
    if heard is None:
        return Turn(action=action, ask=_ask(action, close))
    if heard.cut is None:
        return Turn(action=_pass_over(action, close, "nothing was sold: the group was being closed or is gone"))
    if heard.cut.state is CutState.RUNNING:
        return _selling(action, close, heard, heard.cut, scene)
    return _sold(action, close, heard, heard.cut, scene)


def _begin_winner(action: RiskAction, close: RiskStep, scene: Scene) -> Turn:
    if action.reason is not None:
        return Turn(action=_pass_over(action, close, "not begun"))
    stopping = _judged(action, scene)
    if stopping is not action or scene.loser.is_stale:
        return Turn(action=stopping)
    if scene.winner(close.group_id).is_stale and _has_sold(action):
        return Turn(action=action)
    taken = _fit(action, close, scene)
    if isinstance(taken, str):
        return Turn(action=_pass_over(action, close, taken))
    asked = _change(action, close.index - 1, is_asked=True)
    asked = _change(
        asked,
        close.index,
        is_asked=True,
        quantity=taken.quantity,
        is_whole=taken.is_whole,
        worst_price=taken.worst_price,
    )
    return Turn(action=asked, ask=_ask(asked, asked.steps[close.index]))


def _fit(action: RiskAction, close: RiskStep, scene: Scene) -> OffsetWinner | str:
    """What to sell of this winner now; words: why nothing."""
    needed = action.plan.required - _earned(action)
    if needed <= 0:
        return "not needed: enough was realised before"
    standing = scene.winner(close.group_id)
    if standing.stop is not None or standing.is_stale:
        return _why(standing.stop or Reason.PRICE_STALE, standing.detail)
    taken = scene.take(close.group_id, needed)
    return _why(taken.reason, taken.detail) if isinstance(taken, Refused) else taken


def _judged(action: RiskAction, scene: Scene) -> RiskAction:
    """Whether the loser is one still. A price that is stale stops what has sold nothing yet; else it is waited for."""
    if scene.loser.stop is not None:
        return stop(action, scene.loser.stop, scene.loser.detail)
    if scene.loser.is_stale and not _has_sold(action):
        return stop(action, Reason.PRICE_STALE, scene.loser.detail)
    return action


def _selling(action: RiskAction, close: RiskStep, heard: CutNews, cut: Cut, scene: Scene) -> Turn:
    if (heard.targets_free or cut.sold) and not action.steps[close.index - 1].is_done:
        action = _change(action, close.index - 1, is_done=True, result="its targets are out of the way")
    if scene.loser.stop is not None:
        action = stop(action, scene.loser.stop, scene.loser.detail)
    why = action.reason or _blocked(scene.winner(close.group_id))
    if why is None and scene.is_still:
        why = Reason.WAITED_TOO_LONG  # Its targets have given way for nothing meanwhile; the next in rank pays.
    if why is not None:
        return Turn(action=action, ask=Stop(group_id=close.group_id, cut_id=cut.cut_id, reason=why))
    return Turn(action=action, ask=_ask(action, close))


def _sold(action: RiskAction, close: RiskStep, heard: CutNews, cut: Cut, scene: Scene) -> Turn:
    if not close.is_done:
        words = f"sold {plain(cut.sold)}, realised {plain(cut.realized)}"
        if cut.state is CutState.STOPPED:
            words += f"; stopped: {cut.stop_reason or Reason.NOT_PROFITABLE}"
        if not action.steps[close.index - 1].is_done:
            action = _change(action, close.index - 1, is_done=True, result="its targets were out of the way")
        action = _change(
            action,
            close.index,
            is_done=True,
            sold=cut.sold,
            realized=cut.realized,
            is_whole=close.is_whole or cut.is_whole,
            result=words,
        )
        action = replace(action, realized_profit=_earned(action))
    if heard.targets_whole or heard.closed:
        words = "the group is closed" if heard.closed else "its targets are whole again"
        return Turn(action=_change(action, close.index + 1, is_done=True, result=words))
    if scene.is_patience_over(cut.cut_id):
        words = "its targets take longer; the group goes on restoring them"
        return Turn(action=_change(action, close.index + 1, is_done=True, result=words))
    return Turn(action=action, ask=_ask(action, action.steps[close.index]))


# --- the loser ------------------------------------------------------------------------------------


def _loser(action: RiskAction, news: Mapping[int, CutNews], scene: Scene) -> Turn:
    step = action.steps[-1]
    if not step.is_asked:
        return _begin_loser(action, step, scene)
    heard = news.get(step.index)
    if heard is None:
        return Turn(action=action, ask=_ask(action, step))
    cut = heard.cut
    if cut is None:
        words = "nothing was closed: the group was being closed or is gone"
        gone = replace(action, reason=Reason.GROUP_CLOSING, detail=words)
        return Turn(action=_change(gone, step.index, is_done=True, result=words))
    if cut.state is CutState.RUNNING:
        blocked = _blocked(scene.loser)
        if blocked is not None and not cut.is_whole:
            return Turn(action=action, ask=Stop(group_id=step.group_id, cut_id=cut.cut_id, reason=blocked))
        return Turn(action=action, ask=_ask(action, step))
    words = f"closed {plain(cut.sold)}, realised {plain(cut.realized)}"
    if cut.state is CutState.STOPPED:
        reason = cut.stop_reason or Reason.STOPPED_BY_USER
        words += f"; stopped: {reason}"
        action = replace(action, reason=reason, detail=words)
    is_whole = step.is_whole or cut.is_whole
    done = _change(
        action, step.index, is_done=True, sold=cut.sold, realized=cut.realized, is_whole=is_whole, result=words
    )
    return Turn(action=replace(done, realized_loss=-cut.realized))


def _begin_loser(action: RiskAction, step: RiskStep, scene: Scene) -> Turn:
    action_now = _judged(action, scene) if action.reason is None else action
    if action_now.reason is not None:
        return Turn(action=_change(action_now, step.index, is_done=True, result="not begun"))
    if scene.loser.is_stale:
        return Turn(action=action)
    share = scene.share(_earned(action))
    if share.quantity <= 0:
        reason = share.reason or Reason.SHORTFALL
        stopped = replace(action, reason=reason, detail=share.detail)
        return Turn(action=_change(stopped, step.index, is_done=True, result=_why(reason, share.detail)))
    asked = _change(
        action, step.index, is_asked=True, quantity=share.quantity, is_whole=share.is_whole, result=_why_part(share)
    )
    return Turn(action=asked, ask=_ask(asked, asked.steps[-1]))


def _why_part(share: Share) -> str:
    if share.is_whole:
        return ""
    return f"{plain(share.percent)} % of it: {_why(share.reason or Reason.SHORTFALL, share.detail)}"


# --- the end --------------------------------------------------------------------------------------


def _end(action: RiskAction, now_ms: int) -> RiskAction:
    loser = action.steps[-1]
    if not loser.sold:
        state, reason = RiskActionState.STOPPED, action.reason or Reason.SHORTFALL
        return replace(action, state=state, reason=reason, end_time_ms=now_ms)
    if loser.is_whole and action.reason is None:
        return replace(action, state=RiskActionState.DONE, end_time_ms=now_ms)
    reason = action.reason or action.plan.reason or Reason.SHORTFALL
    return replace(action, state=RiskActionState.PARTIAL, reason=reason, end_time_ms=now_ms)


# --- helpers --------------------------------------------------------------------------------------


def _earned(action: RiskAction) -> Decimal:
    """What the winners have brought, fees taken off."""
    return sum((step.realized for step in action.steps if step.kind is RiskStepKind.CLOSE_WINNER), ZERO)


def _has_sold(action: RiskAction) -> bool:
    """From here on a price that is stale is waited for: what was sold shall not have been for nothing."""
    return any(step.sold for step in action.steps)


def _blocked(standing: Standing) -> Reason | None:
    """What stops a cut that is under way: a person, and nothing else. Its worst price is the group's to keep."""
    return standing.stop if standing.stop is Reason.BLOCKED else None


def _ask(action: RiskAction, step: RiskStep) -> Ask:
    return Ask(
        group_id=step.group_id,
        cut_id=cut_id(action.action_id, step.index),
        quantity=None if step.is_whole else step.quantity,
        worst_price=step.worst_price,
    )


def _pass_over(action: RiskAction, close: RiskStep, words: str) -> RiskAction:
    """This winner's three steps are done without anything."""
    for index in range(close.index - 1, close.index + 2):
        if not action.steps[index].is_done:
            action = _change(action, index, is_done=True, result=words)
    return action


def _change(action: RiskAction, index: int, **changes: Any) -> RiskAction:
    steps = list(action.steps)
    steps[index] = replace(steps[index], **changes)
    state = RiskActionState.RUNNING if any(step.is_done for step in steps) else action.state
    return replace(action, steps=tuple(steps), state=state)


def _why(reason: Reason, detail: str) -> str:
    return f"{reason}: {detail}" if detail else str(reason)
