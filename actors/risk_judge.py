"""What the risk engine sees when it judges: committed groups, marks, the config in force. Nothing is kept in here.

Groups come from the View, which may be a moment behind: a group is the authority for itself and may still say no
(rule 20). The arithmetic is `rules.offset`, the same for an evaluation, a preview and a run by hand (RISK-11).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from actors.needs import ASLEEP, Level, Needs, soonest
from actors.ports import Marks
from actors.risk_messages import GroupStanding
from actors.rules import offset, offset_members, offset_needs, profit, saga
from actors.rules.choices import World
from actors.rules.model import Group, Reason, Refused, Side
from actors.rules.money import ZERO, plain
from actors.rules.records import DriftKind, DriftState
from actors.rules.risk_model import OffsetPlan, OffsetWinner, RiskAction
from actors.rules.settings import AccountSettings, RiskSettings, Settings
from actors.view import Snapshot
from actors.watches import ASK, BID

PRICE_PATIENCE_MS = 60_000
"""How long a price that is stale is waited for where winners are sold already; then it goes on without that group."""

Running = Mapping[str, RiskAction]
"""Actions under way, by id."""

_NOBODY: frozenset[str] = frozenset()
_IN_WORDS = {
    Reason.GROUP_CLOSING: "it is closed or being closed",
    Reason.BLOCKED: "it is blocked",
    Reason.INSTRUMENT_HELD: "its account does not hold what its groups do",
    Reason.PRICE_STALE: "it has no fresh price",
    Reason.RECOVERED: "the loser has recovered",
    Reason.NOT_PROFITABLE: "its price has gone against the plan",
}


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What an evaluation found, and when."""

    snapshot: Snapshot
    time_ms: int
    plans: tuple[OffsetPlan, ...]


class Judge:
    """One world at one moment: made anew for every look."""

    def __init__(
        self,
        world: World,
        snapshot: Snapshot,
        marks: Marks,
        settings: Settings,
        now_ms: int,
        since_ms: int = 0,
        still: frozenset[str] = _NOBODY,
    ) -> None:
        """`since_ms`: when whoever judges began to look; prices need a moment after a start. `still`: ids of actions
        that do not get on: they keep their groups, and hold up nobody else (ORD-11).
        """
        self._world = world
        self._snapshot = snapshot
        self._marks = marks
        self._settings = settings
        self._execution = settings.execution
        self._now_ms = now_ms
        self._since_ms = since_ms
        self._still = still
        self._uncovered = {
            (drift.account, drift.symbol)
            for drift in snapshot.drifts.values()
            if drift.kind is DriftKind.UNCOVERED and drift.state is DriftState.OPEN
        }

    # --- groups -----------------------------------------------------------------------------------

    def find(self, group_id: str) -> Group | None:
        """A group of this world that is not closed."""
        group = self._snapshot.groups.get(group_id)
        return group if group is not None and group.world is self._world else None

    def member(self, group: Group) -> offset.Member:
        account = self._settings.accounts.get(group.account) or AccountSettings(name=group.account)
        return offset.Member(
            group=group,
            quote=self._marks.quote(group.account, group.symbol),
            fees=account.fees,
            is_uncovered=(group.account, group.symbol) in self._uncovered,
        )

    def _members(self, *, without: frozenset[str] = _NOBODY) -> list[offset.Member]:
        return [self.member(group) for group in self._snapshot.live(self._world) if group.group_id not in without]

    def flagged(self) -> frozenset[str]:
        """Groups to be passed over once."""
        return frozenset(group.group_id for group in self._snapshot.live(self._world) if group.risk_skip)

    def standing(self, group: Group, running: Running | None = None) -> GroupStanding:
        """How a group stands with the risk engine now (RISK-11)."""
        member, settings = self.member(group), self._settings.risk
        worth = offset_members.worth(member, execution=self._execution, now_ms=self._now_ms)
        found = offset_members.obstacles_of(worth, settings, self._now_ms, manual=False)
        if running and self.is_busy(group, running) and Reason.OFFSET_RUNNING not in found:
            found = (Reason.OFFSET_RUNNING, *found)
        start_ms = group.risk_timer_start_ms
        return GroupStanding(
            group_id=group.group_id,
            obstacles=found,
            unrealized=worth.profit,
            unrealized_percent=worth.percent,
            timer_start_ms=start_ms,
            timer_expire_ms=None if start_ms is None else start_ms + settings.post_full_wait_s * 1000,
        )

    def standings(self, running: Running) -> tuple[GroupStanding, ...]:
        return tuple(self.standing(group, running) for group in self._snapshot.live(self._world))

    # --- plans ------------------------------------------------------------------------------------

    def evaluate(
        self, running: Running, *, unflagged: frozenset[str] = _NOBODY, is_forced: bool = False
    ) -> tuple[OffsetPlan, ...]:
        """One plan per quote class with a loser (RISK-4 to RISK-6, RISK-9). Who takes part in an offset, and whose
        class has one under way, is left out. `unflagged`: their skip is used up. `is_forced`: also while switched off.
        """
        taken = _taken(running)
        moving = self._moving(running)
        busy = {self._class_of(action.quote) for action in moving.values()}
        busy |= {
            self._class_of(group.instrument.quote)
            for group_id in _taken(moving)
            if (group := self._snapshot.find(group_id)) is not None
        }
        members = self._members(without=taken)
        return offset.evaluate(
            [_without_flag(member) if member.group.group_id in unflagged else member for member in members],
            settings=self._risk(is_forced=is_forced),
            execution=self._execution,
            now_ms=self._now_ms,
            busy=frozenset(busy),
        )

    def is_anybody_ready(self, looked_ms: int) -> bool:
        """Whether only its price keeps some group from being a loser."""
        settings = self._settings.risk
        return settings.enabled and any(
            offset_members.may_lose(group, settings) and offset_members.ready_ms(group, settings) <= looked_ms
            for group in self._snapshot.live(self._world)
        )

    def needs(
        self, running: Running, said_again_ms: Iterable[int], looked_ms: int, last: Evaluated | None = None
    ) -> Needs:
        """What the next evaluation depends on as long as nothing is committed (`actors.needs`).

        `said_again_ms`: when something that was said would be said again. `last`: the last evaluation, of use if
        nothing has happened since.
        """
        settings = self._settings.risk
        if not settings.enabled:
            return ASLEEP
        candidates = [group for group in self._snapshot.live(self._world) if offset_members.may_lose(group, settings)]
        ready_ms = {group.group_id: offset_members.ready_ms(group, settings) for group in candidates}
        times_ms = [time_ms for time_ms in ready_ms.values() if time_ms > looked_ms]
        ready = [self._worth(group) for group in candidates if ready_ms[group.group_id] <= looked_ms]
        held = [worth for worth in ready if worth.held > 0]
        if running or any(worth.price is None for worth in held):
            return Needs(prices=True, at_ms=soonest(times_ms))
        deep = [worth for worth in held if offset_members.is_deep(worth, settings)]
        bounds = [
            offset_needs.deep_bound(worth.member.group, offset_members.deep_price(worth, settings))
            for worth in held
            if worth not in deep
        ]
        if deep:
            times_ms += (time_ms for time_ms in said_again_ms if time_ms > looked_ms)
            is_same = last is not None and last.snapshot is self._snapshot and last.time_ms == self._now_ms
            plans = last.plans if last is not None and is_same else self.evaluate(running)
            members = [
                next((worth for worth in ready if worth.member.group is group), None) or self._worth(group)
                for group in self._snapshot.live(self._world)
            ]
            more = offset_needs.while_insufficient(plans, deep, members, settings, self._now_ms)
            if more is None:
                return Needs(prices=True, at_ms=soonest(times_ms))
            bounds += more
        return Needs(levels=tuple(map(_level, bounds)), at_ms=soonest(times_ms))

    def _worth(self, group: Group) -> offset_members.Worth:
        return offset_members.worth(self.member(group), execution=self._execution, now_ms=self._now_ms)

    def plan(self, loser: Group, running: Running, *, is_manual: bool = False, is_forced: bool = False) -> OffsetPlan:
        """For this loser, whatever stands in its way (RISK-11). `is_manual`: its timer does not count (RISK-12)."""
        found = offset.plan(
            self.member(loser),
            [member for member in self._members(without=_taken(running)) if member.group is not loser],
            settings=self._risk(is_forced=is_forced),
            execution=self._execution,
            now_ms=self._now_ms,
            manual=is_manual,
        )
        if not self.is_busy(loser, running) or Reason.OFFSET_RUNNING in found.obstacles:
            return found
        reason = Reason.OFFSET_RUNNING
        return replace(found, obstacles=(reason, *found.obstacles), reason=reason)

    def preview(self, running: Running) -> OffsetPlan:
        """What the next evaluation would do; of several quote classes the one that would close something."""
        plans = self.evaluate(running, is_forced=True)
        chosen = next((plan for plan in plans if offset.is_executable(plan)), plans[0] if plans else None)
        if chosen is None:
            reason = Reason.OFFSET_RUNNING if running else Reason.NO_LOSER
            words = "an offset is under way" if running else "no group is eligible; `terrace risk show` says why"
            by_hand = self.worst(running)
            if by_hand is not None:
                loser = f"{by_hand.symbol} {by_hand.key.timeframe}"
                words += f"; `terrace risk run`, which skips the timer, would take {loser}"
            return OffsetPlan(loser_group_id="", quote="", reason=reason, detail=words)
        if self._settings.risk.enabled:
            return chosen
        return replace(chosen, obstacles=(Reason.RISK_DISABLED,), reason=Reason.RISK_DISABLED)

    def worst(self, running: Running) -> Group | None:
        """The loser a person's run takes: nothing in its way but perhaps the timer, no offset in its quote class."""
        settings = self._risk(is_forced=True)
        losers = [
            member
            for member in self._members(without=_taken(running))
            if not self.is_busy(member.group, running)
            and not offset.obstacles(
                member, settings=settings, execution=self._execution, now_ms=self._now_ms, manual=True
            )
        ]
        return offset.worst(losers).group if losers else None

    def is_busy(self, group: Group, running: Running) -> bool:
        """Whether an offset of its quote class is under way, or it takes part in one."""
        mine = self._class_of(group.instrument.quote)
        moving = self._moving(running).values()
        return group.group_id in _taken(running) or any(self._class_of(one.quote) == mine for one in moving)

    def _moving(self, running: Running) -> Running:
        return {action_id: action for action_id, action in running.items() if action_id not in self._still}

    def inputs(self, plan: OffsetPlan) -> Mapping[str, str]:
        """What a plan was made from, readable (RISK-10)."""
        risk = self._settings.risk
        found = {
            "config_version": str(self._settings.version),
            "loss": f"{plain(plan.loss)} {plan.quote}",
            "fees_estimated": plain(plan.fees),
            "buffer": plain(plan.buffer),
            "loss_threshold_percent": plain(risk.loss_threshold_percent),
            "max_winners_to_combine": str(risk.max_winners_to_combine),
            "min_close_notional": plain(risk.min_close_notional),
            "max_shortfall_percent": plain(risk.max_shortfall_percent),
            "slippage_buffer_percent": plain(risk.slippage_buffer_percent),
            "insufficient": risk.insufficient.value,
            "partial_close_enabled": str(risk.partial_close_enabled).lower(),
        }
        loser = self.find(plan.loser_group_id)
        if loser is not None:
            found.update(self._facts("loser", loser))
        for number, winner in enumerate(plan.winners, start=1):
            group = self.find(winner.group_id)
            if group is not None:
                found.update(self._facts(f"winner_{number}", group))
        return found

    def _facts(self, role: str, group: Group) -> Mapping[str, str]:
        member = self.member(group)
        worth = offset_members.worth(member, execution=self._execution, now_ms=self._now_ms)
        facts = {
            role: f"{group.symbol} {group.key.timeframe} {group.side} on {group.account}",
            f"{role}_held": plain(worth.held),
            f"{role}_invested": plain(worth.invested),
            f"{role}_taker_percent": plain(member.fees.taker_percent),
        }
        if worth.price is not None and worth.profit is not None:
            facts[f"{role}_price"] = plain(worth.price)
            facts[f"{role}_unrealized"] = plain(worth.profit)
        if worth.percent is not None:
            facts[f"{role}_unrealized_percent"] = plain(round(worth.percent, 8))
        return facts

    # --- an action under way ----------------------------------------------------------------------

    def scene(self, action: RiskAction, is_patience_over: Callable[[str], bool]) -> saga.Scene:
        return saga.Scene(
            loser=self._loser(action),
            winner=lambda group_id: self._winner(action, group_id),
            take=self._take,
            share=lambda earned: self._share(action, earned),
            is_patience_over=is_patience_over,
            is_still=action.action_id in self._still,
        )

    def _loser(self, action: RiskAction) -> saga.Standing:
        if not (self._settings.risk.enabled or action.is_manual):
            return saga.Standing(stop=Reason.RISK_DISABLED, detail="the risk engine was switched off")
        group = self.find(action.plan.loser_group_id)
        fault = offset.loser_fault(
            None if group is None else self.member(group),
            settings=self._settings.risk,
            execution=self._execution,
            now_ms=self._now_ms,
            is_begun=any(step.sold for step in action.steps),
        )
        return self._standing(group, fault)

    def _standing(self, group: Group | None, fault: Reason | None) -> saga.Standing:
        words = "" if fault is None else _IN_WORDS.get(fault, "")
        if fault is not Reason.PRICE_STALE or group is None:
            return saga.Standing(stop=fault, detail=words)
        quote = self._marks.quote(group.account, group.symbol)
        is_ahead = quote is not None and quote.time_ms > self._now_ms  # It came before the clock was set back.
        seen_ms = self._since_ms if quote is None or is_ahead else max(quote.time_ms, self._since_ms)
        is_lost = self._now_ms - seen_ms > self._execution.max_quote_age_s * 1000 + PRICE_PATIENCE_MS
        return saga.Standing(stop=fault if is_lost else None, is_stale=not is_lost, detail=words)

    def _winner(self, action: RiskAction, group_id: str) -> saga.Standing:
        """Its worst price is judged when it is taken, and kept by its group from then on."""
        planned = next((winner for winner in action.plan.winners if winner.group_id == group_id), None)
        group = self.find(group_id)
        assert planned is not None, "it is a winner of the plan"
        fault = offset.winner_fault(
            planned, None if group is None else self.member(group), execution=self._execution, now_ms=self._now_ms
        )
        return saga.Standing() if fault is Reason.NOT_PROFITABLE else self._standing(group, fault)

    def _take(self, group_id: str, needed: Decimal) -> OffsetWinner | Refused:
        group = self.find(group_id)
        if group is None:
            return Refused(reason=Reason.GROUP_CLOSING, detail=_IN_WORDS[Reason.GROUP_CLOSING])
        return offset.take(
            self.member(group),
            needed,
            settings=self._settings.risk,
            execution=self._execution,
            now_ms=self._now_ms,
        )

    def _share(self, action: RiskAction, earned: Decimal) -> saga.Share:
        group = self.find(action.plan.loser_group_id)
        if group is None:
            return saga.Share(quantity=ZERO, is_whole=False, percent=ZERO, reason=Reason.GROUP_CLOSING)
        found = offset.loser_share(
            action.plan,
            earned,
            self.member(group),
            settings=self._settings.risk,
            execution=self._execution,
            now_ms=self._now_ms,
        )
        held = profit.held(group)
        is_whole = found.quantity is None
        words = "" if is_whole else f"a profit of {plain(earned)} covers {plain(found.percent)} % of it"
        return saga.Share(
            quantity=held if found.quantity is None else found.quantity,
            is_whole=is_whole,
            percent=found.percent,
            reason=found.reason,
            detail=words,
        )

    # --- helpers ----------------------------------------------------------------------------------

    def _class_of(self, quote: str) -> str:
        return offset.quote_class(quote, self._settings.risk)

    def _risk(self, *, is_forced: bool) -> RiskSettings:
        return replace(self._settings.risk, enabled=True) if is_forced else self._settings.risk


def _level(bound: offset_needs.PriceBound) -> Level:
    group = bound.group
    return Level(group.account, group.symbol, BID if group.side is Side.LONG else ASK, bound.direction, bound.price)


def _taken(running: Running) -> frozenset[str]:
    """Groups that take part in an offset under way: no other may touch them."""
    return frozenset().union(*(saga.groups_of(action) for action in running.values()))


def _without_flag(member: offset.Member) -> offset.Member:
    return replace(member, group=replace(member.group, risk_skip=False)) if member.group.risk_skip else member
