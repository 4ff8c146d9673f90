"""Risk: one actor per world that closes losers with profit taken from winners (RISK-7 to RISK-12).

`risk_judge` sees and reckons, `rules.saga` says what an action under way does next; this actor keeps the actions, the
times and the commits. An action is stored before its first cut is asked, and again with every step; what is asked
leaves with a commit's release, also when it is only repeated, so nothing leaves before what it follows from is durable
(rule 8). After a load it goes on from the rows, and a group recognises what it was asked before (rule 18).

Closes are exits: an offset goes on while the engine is paused, read-only, or on its reserve, as exits do (ORD-12).
While `risk.enabled` is false nothing is begun by itself and what was begun by itself is stopped, as long as its loser
has not been asked to close; a person may still preview and run.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from actors import messages as m
from actors import risk_messages as rm
from actors.needs import ALWAYS, Needs
from actors.ports import Ids, Marks
from actors.risk_judge import Evaluated, Judge
from actors.risk_words import ended, named, planned, refusal, stands_still
from actors.rules import saga
from actors.rules.choices import World
from actors.rules.model import Group, Reason, Refused
from actors.rules.offset import is_executable
from actors.rules.records import AddEvent, RaiseAlert, ResolveAlert, Row, SaveRiskAction
from actors.rules.risk_model import OffsetPlan, RiskAction
from actors.rules.settings import Settings
from actors.runtime import Actor, Life
from actors.timers import Flow
from actors.view import Snapshot

FILL_PAUSE_MS = 250
"""Fills that come together, and the end of an action, make for one evaluation (RISK-9)."""
WATCH_MS = 1_000
"""How often an action under way is looked at without a report: prices, blocks, answers that do not come."""
ASK_AGAIN_MS = 2_000
"""How long an answer is waited for before a step is asked again (rule 18)."""
RESTORE_PATIENCE_MS = 5_000
"""How long a winner's targets are waited for before the action goes on; the group restores them all the same."""
STILL_MS = 60_000
"""An action that has not moved for so long is an alert, and holds up no other any more: its groups stay out of them,
its quote currency is free (ORD-11). A winner that does not sell is left then, and its targets come back.
"""
SKIPPED_AGAIN_MS = 3_600_000
"""The same loser is stored as skipped for the same reason once in this time, not at every evaluation (RISK-10)."""
MAX_SAID = 1_000
"""Losers and reasons remembered for that."""
MAX_HELD = 10_000
"""Messages kept while it loads; reports are asked for again."""
_EVALUATE, _FILL, _WATCH = "evaluate", "fill", "watch"


class Risk(Actor):
    """`risk/<world>`."""

    def __init__(
        self, life: Life, *, snapshot: Callable[[], Snapshot], marks: Marks, ids: Ids, settings: Callable[[], Settings]
    ) -> None:
        super().__init__(life)
        self._world = World(life.name.partition("/")[2])
        self._snapshot = snapshot
        self._marks = marks
        self._ids = ids
        self._settings = settings
        self._held: list[object] | None = []
        """What came before it had loaded; None: it has."""
        self._running: dict[str, RiskAction] = {}
        self._last: RiskAction | None = None
        self._news: dict[str, saga.CutNews] = {}
        """By cut id, of actions that run."""
        self._ended_ms: dict[str, int] = {}
        """When a cut was first heard to have ended, by its id."""
        self._asked: dict[str, tuple[saga.Ask | saga.Stop | None, int]] = {}
        """What was asked last for an action, and when."""
        self._moved_ms: dict[str, int] = {}
        """When an action last changed."""
        self._still_told: set[str] = set()
        """Actions that do not move, of which an alert was raised."""
        self._maybe_told: set[str] = set()
        """Of these an earlier life may have raised one."""
        self._said: OrderedDict[tuple[str, Reason | None], int] = OrderedDict()
        self._unflagged: set[str] = set()
        """Groups whose skip is used up and who have not said so yet."""
        self._evaluate_ms: int | None = None
        self._evaluated: Evaluated | None = None
        self._next_ms: int | None = None
        self._is_fill_due = False
        self._since_ms = life.now_ms()
        """Since when prices have been waited for, by a clock that has not been set back since."""
        self._flow = Flow(life.now_ms())

    def start(self) -> None:
        self.life.tell("journal", m.Load(name=self.life.name, incarnation=self.life.incarnation))

    def receive(self, message: object) -> None:
        if self._flow.set_back_by(self.life.now_ms()):
            self._since_ms = self.life.now_ms()
        if isinstance(message, m.Loaded):
            if message.incarnation == self.life.incarnation:
                self._loaded(message.state)
        elif self._held is not None:
            if len(self._held) < MAX_HELD:
                self._held.append(message)
        else:
            handler = _HANDLERS.get(type(message))
            if handler is None:
                raise TypeError(f"the risk engine does not take {type(message).__name__}")
            handler(self, message)

    def _loaded(self, state: object) -> None:
        assert isinstance(state, rm.RiskState), state
        held, self._held = self._held or [], None
        self._last = state.last
        if state.last is not None and state.last.reason is not None:
            self._said[state.last.plan.loser_group_id, state.last.reason] = state.last.create_time_ms
        for action in state.actions:
            self._running[action.action_id] = action
            self._moved_ms[action.action_id] = self.life.now_ms()
            self._maybe_told.add(action.action_id)
        for action in state.actions:
            self._go_on(action, is_repeat=True)
        for message in held:
            self.receive(message)
        self._watch()
        self._wake_to_evaluate(self.life.now_ms())

    # --- time -------------------------------------------------------------------------------------

    def _woken(self, message: m.TimerFired) -> None:
        if message.name == _WATCH:
            for action in tuple(self._running.values()):
                self._go_on(action)
            self._watch()
        elif message.name == _FILL:
            self._is_fill_due = False
            self._evaluate(is_timed=False)
        else:
            self._evaluate(is_timed=True)
            self._wake_to_evaluate(self.life.now_ms() + self._settings().risk.evaluate_interval_s * 1000)

    def _wake_to_evaluate(self, time_ms: int) -> None:
        if self._settings().risk.enabled:
            self._next_ms = time_ms
            self.life.wake_at(time_ms, _EVALUATE)
        else:
            self._next_ms = None
            self.life.cancel_wake(_EVALUATE)

    def _settings_changed(self, _message: m.SettingsChanged) -> None:
        """The new ones count at once: for the next evaluation, and for what is under way."""
        for action in tuple(self._running.values()):
            self._go_on(action)
        self._wake_to_evaluate(self.life.now_ms())

    def _filled(self, _message: rm.FillsBooked) -> None:
        if self._settings().risk.evaluate_on_fill:
            self._evaluate_soon()

    def _left(self, message: rm.GroupLeft) -> None:
        for action in tuple(self._running.values()):
            if message.group_id in saga.groups_of(action):
                self._go_on(action)

    def needs(self, looked_ms: int, *, is_news: bool) -> Needs:
        """See `actors.needs`: of the evaluation at its time."""
        judge = self._judge()
        if is_news and judge.is_anybody_ready(looked_ms):
            return ALWAYS
        said_again_ms = (said_ms + SKIPPED_AGAIN_MS for said_ms in self._said.values())
        return judge.needs(self._running, said_again_ms, looked_ms, self._evaluated)

    def _evaluate_soon(self) -> None:
        if not self._is_fill_due and self._settings().risk.enabled:
            self._is_fill_due = True
            self.life.wake_at(self.life.now_ms() + FILL_PAUSE_MS, _FILL)

    def _watch(self) -> None:
        if self._running:
            self.life.wake_at(self.life.now_ms() + WATCH_MS, _WATCH)

    # --- evaluations ------------------------------------------------------------------------------

    def _evaluate(self, *, is_timed: bool) -> None:
        if not self._settings().risk.enabled:
            return
        self._evaluate_ms = self.life.now_ms()
        judge = self._judge()
        flagged = judge.flagged()
        self._unflagged &= flagged
        unflagged = frozenset(self._unflagged)
        for group_id in sorted(unflagged):
            self._unflag(group_id)
        if is_timed and flagged - unflagged:
            self._pass_over(judge, flagged - unflagged)
        plans = judge.evaluate(self._running, unflagged=unflagged)
        self._evaluated = None if unflagged else Evaluated(self._snapshot(), self.life.now_ms(), plans)
        for plan in plans:
            if not plan.loser_group_id:
                continue
            if is_executable(plan):
                self._begin(self._action(plan, judge))
                continue
            reason = plan.reason or Reason.INSUFFICIENT_PROFIT
            if not self._was_said(plan.loser_group_id, reason):
                self._skip(self._action(plan, judge), reason, plan.detail)

    def _pass_over(self, judge: Judge, flagged: frozenset[str]) -> None:
        """Groups that would take part if they were not to be passed over once: that is used up now (RISK-12). Only an
        evaluation at its time uses it up, so that a burst of fills does not.
        """
        for plan in judge.evaluate(self._running, unflagged=flagged | self._unflagged):
            used = {plan.loser_group_id, *(winner.group_id for winner in plan.winners)} & flagged
            if not (used and is_executable(plan)):
                continue
            names = ", ".join(named(self._snapshot(), group_id) for group_id in sorted(used))
            self._skip(self._action(plan, judge), Reason.SKIPPED, names, is_always=True)
            for group_id in sorted(used):
                self._unflagged.add(group_id)
                self._unflag(group_id)

    def _unflag(self, group_id: str) -> None:
        mark = rm.MarkRisk(group_id=group_id, who="risk engine", reply_to=None, skip=False, why="passed over")
        self._commit((), (m.Send(f"group/{group_id}", mark),))

    def _action(self, plan: OffsetPlan, judge: Judge, *, is_manual: bool = False, who: str = "") -> RiskAction:
        return saga.new_action(
            action_id=self._ids.group_id(),
            world=self._world,
            plan=plan,
            now_ms=self.life.now_ms(),
            inputs=judge.inputs(plan),
            is_manual=is_manual,
            who=who,
        )

    def _was_said(self, loser_group_id: str, reason: Reason | None) -> bool:
        said_ms = self._said.get((loser_group_id, reason))
        return said_ms is not None and 0 <= self.life.now_ms() - said_ms < SKIPPED_AGAIN_MS

    def _skip(
        self, action: RiskAction, reason: Reason, detail: str, *, is_always: bool = False, then: tuple[m.Send, ...] = ()
    ) -> None:
        """Stored, but not again and again for the same loser and reason (RISK-10)."""
        key, now_ms = (action.plan.loser_group_id, reason), self.life.now_ms()
        if not is_always and self._was_said(*key):
            return
        self._said.pop(key, None)
        self._said[key] = now_ms
        if len(self._said) > MAX_SAID:
            self._said.popitem(last=False)
        self._last = skipped = saga.skipped(action, reason, detail)
        self._commit(
            (SaveRiskAction(action=skipped), self._event(skipped, "info", *ended(self._snapshot(), skipped))), then
        )

    # --- actions ----------------------------------------------------------------------------------

    def _begin(self, action: RiskAction, reply_to: m.ReplyTo | None = None) -> None:
        """Stores it; its first cut leaves behind that (RISK-7)."""
        self._running[action.action_id] = action
        row = self._event(action, "info", "risk.planned", planned(self._snapshot(), action))
        self._go_on(action, rows=(row,), reply_to=reply_to)
        self._watch()

    def _reported(self, message: rm.CutReported) -> None:
        action_id, _ = saga.step_of(message.cut_id)
        action = self._running.get(action_id)
        if action is None:
            return
        earlier = self._news.get(message.cut_id)
        if message.cut is not None and (earlier is None or earlier.cut is None or earlier.cut.sold != message.cut.sold):
            self._moved_ms[action_id] = self.life.now_ms()  # What sells in many pieces does not stand still.
        self._news[message.cut_id] = saga.CutNews(
            cut=message.cut,
            targets_free=message.targets_free,
            targets_whole=message.targets_whole,
            closed=message.closed,
        )
        if message.cut is None or message.cut.end_time_ms is not None:
            self._ended_ms.setdefault(message.cut_id, self.life.now_ms())
        self._go_on(action)

    def _go_on(
        self,
        action: RiskAction,
        *,
        rows: tuple[Row, ...] = (),
        reply_to: m.ReplyTo | None = None,
        is_repeat: bool = False,
    ) -> None:
        """As far as it goes now; what changed is one commit, and what is to be asked leaves with it."""
        now_ms = self.life.now_ms()
        news = {
            saga.step_of(cut_id)[1]: heard
            for cut_id, heard in self._news.items()
            if saga.step_of(cut_id)[0] == action.action_id
        }
        turn = saga.advance(action, news, self._judge().scene(action, self._is_patience_over), now_ms)
        after = turn.action
        if after is not action or rows:
            rows = (*rows, SaveRiskAction(action=after), *self._moved(action, after))
        rows = (*rows, *self._say_still(after))
        then = tuple(self._asks(after.action_id, turn.ask, is_repeat=is_repeat))
        if reply_to is not None:
            then = (*then, m.Send(reply_to, after))
        if rows or then:
            self._commit(rows, then)

    def _moved(self, before: RiskAction, after: RiskAction) -> Iterator[Row]:
        self._moved_ms[after.action_id] = self.life.now_ms()
        self._running[after.action_id] = after
        if after.action_id in self._still_told | self._maybe_told:
            self._still_told.discard(after.action_id)
            self._maybe_told.discard(after.action_id)
            yield ResolveAlert(alert_key=_still_key(after), time_ms=self.life.now_ms())
        for old, new in zip(before.steps, after.steps, strict=True):
            if new.is_done and not old.is_done and new.is_asked:
                words = f"{named(self._snapshot(), new.group_id)}: {new.result}"
                yield self._event(after, "info", "risk.step", words, group_id=new.group_id, step=str(new.index))
        if after.state.is_final:
            yield from self._ended(after)

    def _ended(self, action: RiskAction) -> Iterator[Row]:
        del self._running[action.action_id]
        self._still_told.discard(action.action_id)
        for memory in (self._asked, self._moved_ms):
            memory.pop(action.action_id, None)
        for heard in (self._news, self._ended_ms):
            for cut_id in [cut_id for cut_id in heard if saga.step_of(cut_id)[0] == action.action_id]:
                del heard[cut_id]
        self._last = action
        type, words = ended(self._snapshot(), action)
        is_bad = bool(action.realized_profit) and not action.realized_loss
        yield self._event(action, "warning" if is_bad else "info", type, words)
        if is_bad:
            yield self._alert(action, f"risk_stopped/{action.plan.loser_group_id}", words)
        elif action.realized_loss:
            yield ResolveAlert(alert_key=f"risk_stopped/{action.plan.loser_group_id}", time_ms=self.life.now_ms())
        self._evaluate_soon()

    def _still(self) -> frozenset[str]:
        """Actions that have not moved for too long."""
        due_ms = self.life.now_ms() - STILL_MS
        return frozenset(action_id for action_id, moved_ms in self._moved_ms.items() if moved_ms <= due_ms)

    def _say_still(self, action: RiskAction) -> Iterator[Row]:
        """An action that does not move is an alert, once."""
        if action.action_id in self._still() - self._still_told:
            self._still_told.add(action.action_id)
            yield self._alert(action, _still_key(action), stands_still(self._snapshot(), action))

    def _asks(self, action_id: str, ask: saga.Ask | saga.Stop | None, *, is_repeat: bool) -> Iterator[m.Send]:
        earlier, asked_ms = self._asked.get(action_id, (None, 0))
        now_ms = self.life.now_ms()
        if ask is None or (ask == earlier and not is_repeat and 0 <= now_ms - asked_ms < ASK_AGAIN_MS):
            return
        self._asked[action_id] = (ask, now_ms)
        yield m.Send(f"group/{ask.group_id}", self._question(ask))

    def _question(self, ask: saga.Ask | saga.Stop) -> rm.CutGroup | rm.StopCut:
        if isinstance(ask, saga.Stop):
            return rm.StopCut(group_id=ask.group_id, cut_id=ask.cut_id, reason=ask.reason, report_to=self.life.name)
        return rm.CutGroup(
            group_id=ask.group_id,
            cut_id=ask.cut_id,
            quantity=ask.quantity,
            reason=Reason.RISK_OFFSET,
            worst_price=ask.worst_price,
            report_to=self.life.name,
        )

    def _is_patience_over(self, cut_id: str) -> bool:
        ended_ms = self._ended_ms.get(cut_id)
        return ended_ms is not None and not 0 <= self.life.now_ms() - ended_ms < RESTORE_PATIENCE_MS

    # --- the API ----------------------------------------------------------------------------------

    def _preview(self, message: rm.PreviewOffset) -> None:
        judge = self._judge()
        if message.group_id:
            loser = judge.find(message.group_id)
            answer = self._not_live(message.group_id) if loser is None else judge.plan(loser, self._running)
        else:
            answer = judge.preview(self._running)
        self.life.tell(message.reply_to, answer)

    def _run(self, message: rm.RunOffset) -> None:
        """RISK-12: by hand, without the timer. What stands in the way is the answer."""
        judge = self._judge()
        found = self._for_hand(message.group_id, judge)
        if isinstance(found, Refused):
            self.life.tell(message.reply_to, found)
            return
        action = self._action(found, judge, is_manual=True, who=message.who)
        if is_executable(found):
            if message.is_dry_run:
                self.life.tell(message.reply_to, action)
            else:
                self._begin(action, message.reply_to)
            return
        refused = Refused(reason=found.reason or Reason.INSUFFICIENT_PROFIT, detail=found.detail)
        if message.is_dry_run:
            self.life.tell(message.reply_to, refused)
        else:
            reply = (m.Send(message.reply_to, refused),)
            self._skip(action, refused.reason, refused.detail, is_always=True, then=reply)

    def _for_hand(self, group_id: str, judge: Judge) -> OffsetPlan | Refused:
        loser = judge.find(group_id) if group_id else judge.worst(self._running)
        if loser is None:
            words = "no group can be taken as loser now; `terrace risk show` says what stands in the way"
            return self._not_live(group_id) if group_id else Refused(reason=Reason.NO_LOSER, detail=words)
        plan = judge.plan(loser, self._running, is_manual=True, is_forced=True)
        if plan.obstacles:
            return Refused(reason=plan.obstacles[0], detail=refusal(self._snapshot(), plan))
        return plan

    def _not_live(self, group_id: str) -> Refused:
        return Refused(reason=Reason.NOT_FOUND, detail=f"there is no live group {group_id} in {self._world.value}")

    def _describe(self, message: rm.DescribeRisk) -> None:
        description = rm.RiskDescription(
            world=self._world,
            settings=self._settings().risk,
            is_running=bool(self._running),
            evaluate_time_ms=self._evaluate_ms,
            next_evaluate_time_ms=self._next_ms,
            running=tuple(self._running.values()),
            last=self._last,
            groups=() if message.is_brief else self._judge().standings(self._running),
        )
        self.life.tell(message.reply_to, description)

    # --- helpers ----------------------------------------------------------------------------------

    def _judge(self) -> Judge:
        now_ms = self.life.now_ms()
        return Judge(
            self._world, self._snapshot(), self._marks, self._settings(), now_ms, self._since_ms, self._still()
        )

    def _commit(self, rows: tuple[Row, ...], then: tuple[m.Send, ...] = ()) -> None:
        author = m.Participant(self.life.name, self.life.incarnation)
        self.life.tell("journal", m.Commit(author=author, rows=rows, then=then))

    def _about(self, group_id: str) -> Group | None:
        return self._snapshot().find(group_id)

    def _event(
        self, action: RiskAction, severity: str, type: str, message: str, *, group_id: str = "", **attributes: str
    ) -> AddEvent:
        about = group_id or action.plan.loser_group_id
        group = self._about(about)
        extra = {"who": action.who} if action.who else {}
        if action.reason is not None:
            extra["reason"] = action.reason.value
        return AddEvent(
            time_ms=self.life.now_ms(),
            severity=severity,
            category="risk",
            type=type,
            message=message,
            world=self._world,
            account=group.account if group else "",
            symbol=group.symbol if group else "",
            timeframe=group.key.timeframe if group else "",
            group_id=about,
            attributes={"risk_action_id": action.action_id, **extra, **attributes},
        )

    def _alert(self, action: RiskAction, key: str, words: str) -> RaiseAlert:
        group = self._about(action.plan.loser_group_id)
        return RaiseAlert(
            alert_key=key,
            time_ms=self.life.now_ms(),
            severity="warning",
            category="risk",
            message=words,
            account=group.account if group else "",
            symbol=group.symbol if group else "",
            group_id=action.plan.loser_group_id,
        )


def _still_key(action: RiskAction) -> str:
    return f"risk_still/{action.plan.loser_group_id}"


_HANDLERS: dict[type, Callable[[Risk, Any], None]] = {
    m.TimerFired: Risk._woken,
    m.SettingsChanged: Risk._settings_changed,
    rm.FillsBooked: Risk._filled,
    rm.GroupLeft: Risk._left,
    rm.CutReported: Risk._reported,
    rm.PreviewOffset: Risk._preview,
    rm.RunOffset: Risk._run,
    rm.DescribeRisk: Risk._describe,
}
