"""PositionGroup: one actor per group that is not closed. It carries what `rules.position` decides.

An event becomes a decision, the decision one commit, and its effects leave with the commit's release. The
actor's own state moves on at once: if the commit fails, this life is fenced and a new one loads what is true.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from actors import account_messages as am
from actors import messages as m
from actors import risk_messages as rm
from actors.cut_reports import CutReports
from actors.neighbours import Neighbours, follow
from actors.ports import Catalogue, Marks
from actors.rules import events, position
from actors.rules.choices import Market
from actors.rules.model import (
    Group,
    GroupState,
    Instrument,
    Key,
    Outcome,
    Queued,
    Reason,
    Refused,
    Role,
    Side,
    Signal,
)
from actors.rules.position_cuts import uncut
from actors.rules.position_desk import is_fresh
from actors.rules.position_watches import watches
from actors.rules.records import (
    AddEvent,
    AddTrade,
    BookingKind,
    DeleteQueued,
    MarkBooked,
    RaiseAlert,
    ResolveAlert,
    Row,
    SaveDrift,
    SaveQueued,
    SaveSignal,
    SetOutcome,
    changes,
    claim,
)
from actors.rules.reducing import percent_quantity, reduce_quantity
from actors.rules.settings import AccountSettings, Settings
from actors.rules.states import ended_alerts
from actors.runtime import Actor, Life
from actors.told import group_changed

MAX_HELD = 10_000
"""Messages kept while the group loads; reports are cumulative, so what is beyond is asked for again."""
MAX_BOOKED = 1_000
"""Shares remembered by id. Those the store holds as unbooked are sent again only by a new gateway."""
TELL_AGAIN_MS = 2_000
"""How often a closed group tells Pool so until it may stop (rules 8 and 14)."""
OPEN_LIMIT_MS = 30_000
"""How long a new group waits for what it is to be; Pool may have died before it could say."""
_CLOSED = "closed"
_UNOPENED = "unopened"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPorts:
    """What every group reads: prices, instruments, the config in force, and the installation's id prefix (ORD-2)."""

    marks: Marks
    catalogue: Catalogue
    settings: Callable[[], Settings]
    prefix: str
    can_amend: Callable[[str], bool] = lambda _account: False
    """Whether an account's exchange changes orders in place (ORD-9)."""
    can_stop: Callable[[str], bool] = lambda _account: False
    """Whether reduce-only stops can rest at an account's exchange (TP-9)."""
    is_traded: Callable[[str], bool] = lambda _account: True
    """Whether an account is traded by this process."""
    neighbours: Neighbours = field(default_factory=Neighbours)
    """Who trades the same position (GRP-6)."""


class PositionGroup(Actor):
    """`group/<id>`. A fresh one waits for `OpenGroup`; every other life begins with `Load` (rule 15)."""

    def __init__(self, life: Life, *, ports: GroupPorts) -> None:
        super().__init__(life)
        self._ports = ports
        self._group: Group | None = None
        self._told: m.GroupChanged | None = None
        self._loading = not life.fresh
        self._held: list[object] = []
        self._cuts = CutReports()
        self._booked: OrderedDict[str, None] = OrderedDict()
        """Shares taken in this life; those of earlier lives are not sent again."""

    @property
    def group_id(self) -> str:
        return self.life.name.partition("/")[2]

    def start(self) -> None:
        if self._loading:
            self.life.tell("journal", m.Load(name=self.life.name, incarnation=self.life.incarnation))
        else:
            self.life.wake_at(self.life.now_ms() + OPEN_LIMIT_MS, _UNOPENED)

    def receive(self, message: object) -> None:
        if isinstance(message, m.Loaded):
            if message.incarnation == self.life.incarnation:
                self._loaded(message.state)
        elif self._loading:
            if len(self._held) < MAX_HELD:
                self._held.append(message)
        else:
            self._handle(message)

    # --- loading ----------------------------------------------------------------------------------

    def _loaded(self, state: object) -> None:
        self._loading = False
        held, self._held = self._held, []
        if not isinstance(state, Group):
            self._ports.neighbours.leave(self.group_id)
            # Nothing was ever committed. Whatever waits here goes the way of mail to nobody (rule 14).
            for message in held:
                if isinstance(message, rm.CutGroup | rm.StopCut):
                    self.life.tell(message.report_to, _no_such_cut(message))
                else:
                    self.life.tell(self.life.name, message)
            self.life.stop()
            return
        self._group = state
        self._cuts.loaded(state)
        self._meet(state)
        self._want_price_now(state)
        if state.is_closed:
            self._told = group_changed(state)
            self.life.tell(self._pool_name(state), self._told)
            self.life.wake_at(self.life.now_ms() + TELL_AGAIN_MS, _CLOSED)
        else:
            self._carry(position.resume(state, self._context(state)), always=True)
        self._ask_for_lost_news(state)
        for message in held:
            self._handle(message)

    def _ask_for_lost_news(self, group: Group) -> None:
        """Of orders that have ended nothing is asked again; but an execution told after the end may have gone with a
        commit that was not taken (rules 4 and 19).
        """
        ended = tuple(order for order in group.orders.values() if order.is_final)
        if ended:
            self.life.tell(f"gateway/{group.account}", am.RetellOrders(orders=ended))

    # --- messages ---------------------------------------------------------------------------------

    def _handle(self, message: object) -> None:
        group = self._group
        if isinstance(message, m.OpenGroup):
            self.life.cancel_wake(_UNOPENED)
            self._open(message)
        elif group is not None:
            handler = _HANDLERS.get(type(message))
            if handler is None:
                raise TypeError(f"a group does not take {type(message).__name__}")
            handler(self, group, message)
        elif isinstance(message, m.TimerFired):
            self.life.stop()

    def _orders_reported(self, group: Group, message: m.OrdersReported) -> None:
        self._step(group, events.OrdersReported(reports=message.reports))

    def _price_crossed(self, group: Group, message: m.PriceCrossed) -> None:
        if message.incarnation == self.life.incarnation:
            self._step(group, events.PriceCrossed(watch_id=message.watch_id, quote=message.quote))

    def _time_reached(self, group: Group, message: m.TimerFired) -> None:
        if message.name == _CLOSED and group.is_closed:
            self._tell_pool_again(group)
        elif message.name not in (_CLOSED, _UNOPENED):
            self._step(group, events.TimeReached())

    def _close_asked(self, group: Group, message: m.CloseGroup) -> None:
        asked = events.CloseAsked(reason=message.reason)
        if message.reason is Reason.MANUAL:
            self._command(group, asked, message.who, "close", message.reply_to)
        else:
            self._step(group, asked)

    def _cancel_asked(self, group: Group, message: m.CancelEntries) -> None:
        asked = events.CancelEntriesAsked(reason=message.reason)
        if message.reason is Reason.MANUAL:
            self._command(group, asked, message.who, "cancel entries", message.reply_to)
        else:
            self._step(group, asked)

    def _mark_risk(self, group: Group, message: rm.MarkRisk) -> None:
        """RISK-12. What the risk engine repeats to itself leaves no second line."""
        decision = position.step(
            group, events.RiskMarked(blocked=message.blocked, skip=message.skip), self._context(group)
        )
        is_news = isinstance(decision, events.Decision) and decision.group is not group
        if isinstance(decision, Refused) or (message.reply_to is None and not is_news):
            if message.reply_to is not None:
                self.life.tell(message.reply_to, decision)
            return
        done = [] if message.blocked is None else ["blocked" if message.blocked else "unblocked"]
        done += [] if message.skip is None else ["to be passed over once" if message.skip else "passed over no more"]
        words = f"risk engine: {' and '.join(done)} by {message.who}" + (f": {message.why}" if message.why else "")
        audit = self._event(decision.group, "info", "risk", words, type="group.risk_marked", who=message.who)
        reply = () if message.reply_to is None else (m.Send(message.reply_to, decision.group),)
        self._carry(decision, rows=(audit,), reply=reply, always=True)

    def _cut_asked(self, group: Group, message: rm.CutGroup) -> None:
        """A refusal is answered too: the group knows no such cut and will not begin it."""
        self._cuts.watch(message.cut_id, message.report_to)
        asked = events.CutAsked(
            cut_id=message.cut_id, quantity=message.quantity, reason=message.reason, worst_price=message.worst_price
        )
        self._carry_or_stay(group, asked)

    def _stop_cut(self, group: Group, message: rm.StopCut) -> None:
        self._cuts.watch(message.cut_id, message.report_to)
        self._carry_or_stay(group, events.CutStopped(cut_id=message.cut_id, reason=message.reason))

    def _carry_or_stay(self, group: Group, event: events.Event) -> None:
        """Also where the group stays as it is: who asked is told."""
        decision = position.step(group, event, self._context(group))
        self._carry(decision if isinstance(decision, events.Decision) else events.Decision(group=group), always=True)

    def _reduce_asked(self, group: Group, message: rm.ReduceGroup) -> None:
        """A person's reduce (EXIT-6)."""
        quantity = message.quantity or Decimal(0)
        if message.percent is not None:
            quantity = percent_quantity(message.percent, uncut(group), group.instrument)
        asked = events.CutAsked(cut_id=message.cut_id, quantity=quantity, reason=Reason.MANUAL)
        if not message.is_dry_run:
            self._command(group, asked, message.who, "reduce", message.reply_to)
        elif message.reply_to is not None:
            decision = position.step(group, asked, self._context(group))
            self.life.tell(message.reply_to, decision if isinstance(decision, Refused) else decision.group)

    def _gateway_started(self, group: Group, message: m.GatewayStarted) -> None:
        if message.account == group.account and not group.is_closed:
            self._ask_again(group)

    def _may_stop(self, group: Group, _message: m.MayStop) -> None:
        if group.is_closed:
            self.life.stop()

    def _share_booked(self, group: Group, message: am.ShareBooked) -> None:
        """Once: the commit says that it is in the books, and a second one like it is refused."""
        share = message.booking
        if share.booking_id in self._booked:
            return
        self._booked[share.booking_id] = None
        if len(self._booked) > MAX_BOOKED:
            self._booked.popitem(last=False)
        event: events.Event
        if share.kind is BookingKind.FUNDING or share.trade is None:
            event = events.FundingBooked(funding_id=share.booking_id, amount=share.amount)
        else:
            event = events.ShareTaken(trade=share.trade, cause=share.cause)
        decision = position.step(group, event, self._context(group))
        assert isinstance(decision, events.Decision), decision
        booked = MarkBooked(
            account=share.account, booking_id=share.booking_id, group_id=share.group_id, time_ms=self.life.now_ms()
        )
        self._carry(decision, rows=(booked,), always=True)

    def _adopt_asked(self, group: Group, message: am.AdoptOrder) -> None:
        asked = events.OrderAdopted(order=message.order, report=message.report)
        decision = position.step(group, asked, self._context(group))
        if isinstance(decision, Refused) or message.is_dry_run:
            self.life.tell(message.reply_to, decision if isinstance(decision, Refused) else message.drift)
            return
        drift: SaveDrift = message.drift
        order = decision.group.orders[message.order.client_order_id]
        words = f"{drift.who} gave {order.client_order_id} to the group"
        audit = self._event(group, "warning", "order", words, type="group.command", who=drift.who)
        sends = (
            m.Send(f"gateway/{group.account}", am.OrderAdopted(order=order, drift=drift)),
            m.Send(message.reply_to, drift),
        )
        self._carry(decision, rows=(drift, audit), reply=sends, always=True)

    def _step(self, group: Group, event: events.Event) -> None:
        decision = position.step(group, event, self._context(group))
        if isinstance(decision, events.Decision):
            self._carry(decision)

    def _open(self, message: m.OpenGroup) -> None:
        # Before it decides: from now on no neighbour places a stop, and what one has is seen.
        others = self._ports.neighbours.come(self.group_id, message.signal.key, message.side)
        self._greet(others, message.instrument)
        context = self._context_of(message.signal.key, message.side, message.instrument)
        decision = position.open_group(
            group_id=message.group_id,
            world=message.world,
            key=message.signal.key,
            side=message.side,
            signal=message.signal,
            plan=message.plan,
            settings=message.settings,
            instrument=message.instrument,
            slot_token=message.slot_token,
            forced=message.forced,
            strategy=message.signal.alert_name,
            context=context,
        )
        self._carry_draft(decision, message.draft, message.signal, Outcome.OPENED, message.leaving, who=message.who)

    def _add_pyramid(self, group: Group, message: m.AddPyramid) -> None:
        asked = events.PyramidAdded(signal=message.signal, plan=message.plan)
        decision = position.step(group, asked, self._context(group))
        if isinstance(decision, events.Decision):
            self._carry_draft(decision, message.draft, message.signal, Outcome.PYRAMIDED, message.leaving)
        elif decision.reason is Reason.MAX_PYRAMIDS:
            ignored = position.ignore_pyramid(group, self._context(group))
            self._carry_draft(ignored, message.draft, message.signal, Outcome.IGNORED, message.leaving, decision)
        else:
            self._refuse(message.draft, decision)

    def _exit(self, group: Group, message: m.ExitGroup) -> None:
        decision = position.step(group, events.CloseAsked(reason=Reason.EXIT_SIGNAL), self._context(group))
        if isinstance(decision, events.Decision):
            self._carry_draft(decision, message.draft, message.signal, Outcome.EXITED, message.leaving)
        else:
            self._refuse(message.draft, decision)

    def _reverse(self, group: Group, message: rm.ReverseGroup) -> None:
        """The new side is queued in the same commit: whatever happens next, it is closed and queued, or neither."""
        decision = position.step(group, events.ReverseAsked(signal=message.signal), self._context(group))
        if isinstance(decision, Refused):
            self._refuse(message.draft, decision)
            return
        draft, signal, queued = message.draft, message.signal, message.queued
        self._carry_draft(decision, draft, signal, Outcome.REVERSED, message.leaving, opens_next=queued)

    def _reduce_by_signal(self, group: Group, message: rm.ReduceBySignal) -> None:
        """How much is worked out here: by what is held when the group decides (EXIT-6)."""
        draft, signal, context = message.draft, message.signal, self._context(group)
        price = signal.close_price or signal.entry_price
        if context.quote is not None and is_fresh(context.quote, context):
            price = context.quote.closing(group.side)
        quantity = reduce_quantity(signal, uncut(group), context.instrument, price)
        decision: events.Decision | Refused
        if isinstance(quantity, Refused):
            decision = Refused(reason=Reason.GROUP_CLOSING) if _is_ending(group) else quantity
        else:
            asked = events.CutAsked(cut_id=f"signal:{signal.signal_id}", quantity=quantity, reason=Reason.REDUCE_SIGNAL)
            decision = position.step(group, asked, context)
        if isinstance(decision, events.Decision):
            self._carry_draft(decision, draft, signal, Outcome.REDUCED, None)
        elif decision.reason is Reason.GROUP_CLOSING:
            self._refuse(draft, decision)
        else:
            stays = events.Decision(group=group)
            self._carry_draft(stays, draft, signal, Outcome.REJECTED, None, decision)

    def _refuse(self, draft: m.Draft, refused: Refused) -> None:
        self.life.tell(_pool_of(draft), m.DraftRefused(draft_id=draft.draft_id, refused=refused))

    def _command(self, group: Group, event: events.Event, who: str, what: str, reply_to: m.ReplyTo | None) -> None:
        decision = position.step(group, event, self._context(group))
        if isinstance(decision, Refused):
            if reply_to is not None:
                self.life.tell(reply_to, decision)
            return
        audit = self._event(decision.group, "info", "order", f"{who} asked to {what}", type="group.command", who=who)
        reply = () if reply_to is None else (m.Send(reply_to, decision.group),)
        self._carry(decision, rows=(audit,), reply=reply, always=True)

    def _ask_again(self, group: Group) -> None:
        """A new gateway knows nothing of this group: ask for every order's fate, set the watches again (rule 16)."""
        self._want_price_now(group)
        found = watches(group, self._context(group).fees)
        again = (*position.under_way(group), *((events.SetWatches(watches=found),) if found else ()))
        for effect in again:
            for send in self._sends(group, effect):
                if isinstance(effect, events.AmendOrders):
                    self._tell_behind_commits(send)
                else:
                    self.life.tell(send.to, send.message)

    # --- carrying a decision ----------------------------------------------------------------------

    def _carry_draft(
        self,
        decision: events.Decision,
        draft: m.Draft,
        signal: Signal,
        outcome: Outcome,
        leaving: Queued | None,
        refused: Refused | None = None,
        who: str = "",
        opens_next: Queued | None = None,
    ) -> None:
        """One commit for the signal, its outcome, the group, the queue row it takes along, and the one it leaves."""
        now_ms = self.life.now_ms()
        reason = refused.reason if refused else Reason.OK
        detail = refused.detail if refused else opens_next.detail if opens_next else ""
        answer = m.Answer(
            signal_id=signal.signal_id, outcome=outcome, reason=reason, detail=detail, group_id=self.group_id
        )
        promoted = leaving is not None and leaving.signal.signal_id == signal.signal_id
        is_decided = promoted and leaving is not None and leaving.is_decided
        rows: list[Row] = []
        if promoted and not is_decided:
            rows.append(_set_outcome(signal.signal_id, outcome, reason, detail, self.group_id, draft, now_ms))
        elif not promoted:
            rows.append(
                SaveSignal(
                    signal=signal,
                    outcome=outcome,
                    reason=reason,
                    detail=detail,
                    group_id=self.group_id,
                    draft_id=draft.draft_id,
                    time_ms=now_ms,
                )
            )
            rows.append(claim(signal))
        sends: list[m.Send] = []
        if leaving is not None:
            gone = leaving.signal.signal_id
            if not promoted:
                rows += self._replaced(decision.group, leaving, outcome, draft)
            rows.append(DeleteQueued(world=decision.group.world, key=leaving.key, signal_id=gone))
            sends.append(m.Send(_queue_of(draft), m.QueueChanged(key=leaving.key, signal_id=gone, gone=True)))
            sends.append(m.Send(_pool_of(draft), m.WaitingChanged(key=leaving.key, side=None)))
        if opens_next is not None:
            rows.append(SaveQueued(world=decision.group.world, queued=opens_next))
            waits = m.WaitingChanged(key=opens_next.key, side=opens_next.side, wait_reason=opens_next.wait_reason)
            sends.append(m.Send(_queue_of(draft), rm.Requeued(queued=opens_next)))
            sends.append(m.Send(_pool_of(draft), waits))
        rows.append(self._signal_event(decision.group, signal, answer, who, "reverse" if is_decided else "signal"))
        if draft.reply_to is not None:
            sends.append(m.Send(draft.reply_to, answer))
        self._told = told = group_changed(decision.group)
        sends.append(m.Send(_pool_of(draft), m.DraftDone(draft_id=draft.draft_id, answer=answer, told=told)))
        self._carry(decision, rows=tuple(rows), reply=tuple(sends), draft=draft, always=True)

    def _carry(
        self,
        decision: events.Decision,
        *,
        rows: tuple[Row, ...] = (),
        reply: tuple[m.Send, ...] = (),
        draft: m.Draft | None = None,
        always: bool = False,
    ) -> None:
        """Commits what changed and, behind it, releases orders, replies and what Pool must know, in that order."""
        before, after = self._group, decision.group
        if before is after and not decision.effects and not always:
            return
        self._group = after
        self._meet(after)
        all_rows = (*rows, *changes(before, after), *self._ended(before, after), *self._notes(after, decision.effects))
        sends = [send for effect in decision.effects for send in self._sends(after, effect)]
        if (before is None or before.is_closed) != after.is_closed:
            sends.append(m.Send(f"gateway/{after.account}", self._wanted_price(after)))
        told = group_changed(after)
        if told != self._told:
            self._told = told
            sends.append(m.Send(self._pool_name(after), told))
        if self._cuts:
            sends.extend(self._cuts.news(after, self._context(after)))
        if before is not None and _may_take_part(before) and not _may_take_part(after):
            sends.append(m.Send(f"risk/{after.world.value}", rm.GroupLeft(group_id=after.group_id)))
        if any(isinstance(row, AddTrade) for row in all_rows) and self._wants_fills():
            sends.append(m.Send(f"risk/{after.world.value}", rm.FillsBooked(group_id=after.group_id)))
        commit = m.Commit(
            author=self._author(),
            participants=draft.participants if draft else (),
            draft_id=draft.draft_id if draft else "",
            rows=all_rows,
            then=(*sends, *reply),
            groups=(after,),
        )
        if commit.rows or commit.then:
            self.life.tell("journal", commit)
        for effect in decision.effects:
            if isinstance(effect, events.WakeAt):
                self.life.wake_at(effect.time_ms, "wake")
        if after.is_closed:
            self.life.wake_at(self.life.now_ms() + TELL_AGAIN_MS, _CLOSED)

    def _wants_fills(self) -> bool:
        risk = self._ports.settings().risk
        return risk.enabled and risk.evaluate_on_fill

    def _author(self) -> m.Participant:
        return m.Participant(self.life.name, self.life.incarnation)

    def _sends(self, group: Group, effect: events.Effect) -> Iterator[m.Send]:
        gateway = f"gateway/{group.account}"
        if isinstance(effect, events.SubmitOrders):
            yield m.Send(gateway, m.SubmitOrders(orders=tuple(group.orders[i] for i in effect.client_order_ids)))
        elif isinstance(effect, events.CancelOrders):
            yield m.Send(gateway, m.CancelOrders(orders=tuple(group.orders[i] for i in effect.client_order_ids)))
        elif isinstance(effect, events.AmendOrders):
            yield m.Send(gateway, am.AmendOrders(orders=tuple(group.orders[i] for i in effect.client_order_ids)))
        elif isinstance(effect, events.ResolveOrders):
            yield m.Send(gateway, m.ResolveOrders(orders=tuple(group.orders[i] for i in effect.client_order_ids)))
        elif isinstance(effect, events.SetWatches):
            asked = m.SetWatches(
                group_id=group.group_id,
                incarnation=self.life.incarnation,
                symbol=group.symbol,
                watches=effect.watches,
            )
            yield m.Send(gateway, asked)

    def _meet(self, group: Group) -> None:
        """Those who trade the same position hear of a group that has come (GRP-6). On spot nothing rests that a
        neighbour could harm.
        """
        self._greet(follow(self._ports.neighbours, group), group.instrument)

    def _greet(self, others: frozenset[str], instrument: Instrument) -> None:
        if instrument.market is Market.SWAP:
            for other in sorted(others):
                self.life.tell(f"group/{other}", m.NeighbourCame(group_id=self.group_id))

    def _neighbour_came(self, group: Group, _message: m.NeighbourCame) -> None:
        """Only a stop that rests, or is on its way, must go; the next decision about one knows of the neighbour."""
        if any(order.role is Role.STOP for order in group.open_orders()):
            self._step(group, events.TimeReached())

    def _want_price_now(self, group: Group) -> None:
        self.life.tell(f"gateway/{group.account}", self._wanted_price(group))

    def _wanted_price(self, group: Group) -> am.WantPrices:
        """Its profit is shown, and its close needs a price, also where it watches nothing (PNL-1, ORD-10)."""
        symbols = frozenset[str]() if group.is_closed else frozenset({group.symbol})
        return am.WantPrices(owner=self.life.name, symbols=symbols)

    def _tell_pool_again(self, group: Group) -> None:
        """A closed group says so again until it may stop: Pool may have died with the news (rule 8)."""
        self._told = group_changed(group)
        self._tell_behind_commits(m.Send(self._pool_name(group), self._told))
        self.life.wake_at(self.life.now_ms() + TELL_AGAIN_MS, _CLOSED)

    def _tell_behind_commits(self, send: m.Send) -> None:
        """As soon as what this life has decided is durable; never, where it does not become so: whom Pool lets stop on
        the word of a commit that is lost nobody would load anew.
        """
        self.life.tell("journal", m.Commit(author=self._author(), rows=(), then=(send,)))

    @staticmethod
    def _pool_name(group: Group) -> str:
        return f"pool/{group.world.value}"

    # --- the record -------------------------------------------------------------------------------

    def _ended(self, before: Group | None, after: Group) -> Iterator[Row]:
        """Alerts whose cause is gone do not stand any longer (LOG-5)."""
        if before is not None:
            for alert_key in ended_alerts(before, after):
                yield ResolveAlert(alert_key=alert_key, time_ms=self.life.now_ms())

    def _notes(self, group: Group, effects: tuple[events.Effect, ...]) -> Iterator[Row]:
        for effect in effects:
            if not isinstance(effect, events.Note):
                continue
            yield self._event(
                group,
                effect.severity,
                effect.category,
                effect.message,
                type=effect.type,
                client_order_id=effect.client_order_id,
                **effect.attributes,
            )
            if effect.alert:
                yield RaiseAlert(
                    alert_key=effect.alert,
                    time_ms=self.life.now_ms(),
                    severity=effect.severity,
                    category=effect.category,
                    message=effect.message,
                    account=group.account,
                    symbol=group.symbol,
                    group_id=group.group_id,
                )

    def _event(
        self,
        group: Group,
        severity: str,
        category: str,
        message: str,
        *,
        type: str,
        client_order_id: str = "",
        signal_id: str = "",
        **attributes: str,
    ) -> AddEvent:
        return AddEvent(
            time_ms=self.life.now_ms(),
            severity=severity,
            category=category,
            type=type,
            message=message,
            world=group.world,
            account=group.account,
            symbol=group.symbol,
            timeframe=group.key.timeframe,
            signal_id=signal_id,
            group_id=group.group_id,
            client_order_id=client_order_id,
            attributes=attributes,
        )

    def _replaced(self, group: Group, leaving: Queued, outcome: Outcome, draft: m.Draft) -> Iterator[Row]:
        """What becomes of the queued signal of the key where an exit, or a reverse, closes the group."""
        ends, reason, why = Outcome.REMOVED, Reason.EXIT_SIGNAL, "an exit came for its key"
        if outcome is Outcome.REVERSED:
            ends, reason, why = Outcome.SUPERSEDED, Reason.NEWER_SIGNAL, "a reverse came for its key"
        gone, kind = leaving.signal.signal_id, "reverse" if leaving.is_decided else "signal"
        if not leaving.is_decided:
            yield _set_outcome(gone, ends, reason, "", self.group_id, draft, self.life.now_ms())
        words = f"{kind} {ends.value}: {why}"
        yield self._event(group, "info", "signal", words, type=f"{kind}.{ends.value}", signal_id=gone)

    def _signal_event(self, group: Group, signal: Signal, answer: m.Answer, who: str, kind: str) -> AddEvent:
        """`kind`: `reverse` for the new side of one, whose signal was told of before."""
        words = f"{'signal' if kind == 'signal' else 'new side of a reverse'} {answer.outcome.value}"
        if answer.detail:
            words += f": {answer.detail}"
        extra = {"who": who} if who else {}
        return self._event(
            group,
            "info",
            "signal",
            words,
            type=f"{kind}.{answer.outcome.value}",
            signal_id=signal.signal_id,
            reason=answer.reason.value,
            **extra,
        )

    # --- the world around -------------------------------------------------------------------------

    def _context(self, group: Group) -> events.Context:
        return self._context_of(group.key, group.side, group.instrument)

    def _context_of(self, key: Key, side: Side, own: Instrument) -> events.Context:
        """`own`: the rules the group was opened with. They stand where the catalogue has none (PRC-4)."""
        account, symbol = key.account, key.symbol
        settings = self._ports.settings()
        newest = self._ports.catalogue.instrument(account, symbol)
        account_settings = settings.accounts.get(account) or AccountSettings(name=account)
        return events.Context(
            now_ms=self.life.now_ms(),
            quote=self._ports.marks.quote(account, symbol),
            instrument=newest if newest is not None and newest.tick_size > 0 and newest.step_size > 0 else own,
            execution=settings.execution,
            prefix=self._ports.prefix,
            fees=account_settings.fees,
            can_amend=self._ports.can_amend(account),
            can_stop=self._ports.can_stop(account),
            is_traded=self._ports.is_traded(account),
            is_held_by_stop=self._ports.neighbours.has_others_stop(self.group_id, key, side),
            shares_position=self._ports.neighbours.has_others(self.group_id, key, side),
            risk=settings.risk,
        )


_HANDLERS: dict[type, Callable[[PositionGroup, Group, Any], None]] = {
    m.OrdersReported: PositionGroup._orders_reported,
    m.PriceCrossed: PositionGroup._price_crossed,
    m.TimerFired: PositionGroup._time_reached,
    m.AddPyramid: PositionGroup._add_pyramid,
    m.ExitGroup: PositionGroup._exit,
    rm.ReverseGroup: PositionGroup._reverse,
    m.CloseGroup: PositionGroup._close_asked,
    m.CancelEntries: PositionGroup._cancel_asked,
    rm.MarkRisk: PositionGroup._mark_risk,
    rm.CutGroup: PositionGroup._cut_asked,
    rm.StopCut: PositionGroup._stop_cut,
    rm.ReduceGroup: PositionGroup._reduce_asked,
    rm.ReduceBySignal: PositionGroup._reduce_by_signal,
    m.GatewayStarted: PositionGroup._gateway_started,
    m.MayStop: PositionGroup._may_stop,
    m.NeighbourCame: PositionGroup._neighbour_came,
    am.ShareBooked: PositionGroup._share_booked,
    am.AdoptOrder: PositionGroup._adopt_asked,
}


def _set_outcome(
    signal_id: str, outcome: Outcome, reason: Reason, detail: str, group_id: str, draft: m.Draft, now_ms: int
) -> SetOutcome:
    return SetOutcome(
        signal_id=signal_id,
        outcome=outcome,
        reason=reason,
        detail=detail,
        group_id=group_id,
        draft_id=draft.draft_id,
        time_ms=now_ms,
    )


def _is_ending(group: Group) -> bool:
    return group.state in (GroupState.CLOSING, GroupState.CLOSED)


def _may_take_part(group: Group) -> bool:
    """Whether an offset that is under way may go on with it."""
    return group.state not in (GroupState.CLOSING, GroupState.CLOSED) and not group.risk_blocked


def _no_such_cut(asked: rm.CutGroup | rm.StopCut) -> rm.CutReported:
    return rm.CutReported(group_id=asked.group_id, cut_id=asked.cut_id, cut=None, closed=True)


def _pool_of(draft: m.Draft) -> str:
    """The Pool behind a draft: always its first participant."""
    return draft.participants[0].name


def _queue_of(draft: m.Draft) -> str:
    return "queue/" + draft.participants[0].name.partition("/")[2]
