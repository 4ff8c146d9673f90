"""The supervisor: starts the engine in order, restarts what fails, and knows who must hear of mail to nobody.

OTP's semantics, with the protocol's numbered rules (docs/architecture.md):

- One for one, except units (6) and the Journal, whose death takes everybody along who decides (8).
- The first restart is immediate, further ones wait with jitter, too many end with an alert and that part down (REC-2).
- Start and stop have a time limit. A life that does not keep it is given up on, and counts as crashed.
- Starts go through one line, in order, and wait while the Journal is down: an actor that cannot load never lives.
- After every restart or end each Pool hears `Reloaded`, and settles the drafts that actor was in (2).
- A group that is gone: its drafts come back to Pool as `NotLive` (14), late reports bring it to life again (19).

It keeps nothing that could not be found out again: the children are given, who else should be alive is asked
(`expected`), and after a crash of its own it starts whoever is missing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from actors import messages as m
from actors import repair_messages as r
from actors import risk_messages as rm
from actors.children import JOURNAL, Child, Part, PartState, Policy
from actors.facts import fact_text
from actors.letters import readable, type_name
from actors.lost_mail import LateReports, callers_of, pool_of
from actors.notebook import Notebook
from actors.ports import Ids
from actors.quarantine import Quarantine
from actors.rules.events import Note
from actors.rules.model import Reason, Refused
from actors.rules.records import AddDeadLetter, AddEvent, RaiseAlert, ResolveAlert, Row
from actors.rules.restarts import DEFAULT_POLICY, RestartPolicy, next_delay_ms, remember
from actors.runtime import SUPERVISOR, Actor, Life, System, kind_of
from actors.timers import Flow, Timers

START_LIMIT_MS = 10_000
"""How long an actor may take to start before it is given up on."""

STOP_LIMIT_MS = 5_000
"""How long an actor may take to stop before it is given up on."""

MAX_DEATHS_OF_ONE = 3
"""So many supervisors in a row may die over one message until it is left alone."""

RESEND_MS = 1_000
"""Pause before notes the store refused are sent again."""

PROBE_MS = 5_000
"""While the store is slow or on its reserve the alert about that is raised again so often: a commit that tells the
Journal whether it still is."""

RETRY_WATCH_MS = 30_000
"""A death within this time after a retry, of what the retry had asked for, is the retried letter's."""

MAX_RETRIES = 64
"""Retries watched at once; beyond it the oldest are left alone."""

RESERVE, SLOW = "store_reserve", "store_slow"
"""Alerts of the two."""

RESERVE_WORDS = "the disk is full: exits are committed out of the reserve, entries are refused until there is room"
SLOW_WORDS = "each commit takes long: entries are refused until the store is quick again, exits go on"

QUIET_MS = 10_000
"""Messages put aside are told of at most so often for one kind of actor: somebody may send the same all day."""


class Supervisor(Actor):
    """`supervisor`. Its factory is registered, and `spawn("supervisor")` starts the engine.

    `expected` names actors that should be alive besides the children: the groups that are not closed.
    `observe` gets every note, also those the store does not take: for the log. `store_state` is told when the store
    begins or ceases to fail. Both are called on this actor's thread and must be brief.
    """

    def __init__(
        self,
        life: Life,
        *,
        system: System,
        children: Sequence[Child],
        ids: Ids,
        expected: Callable[[], Iterable[str]] = tuple,
        observe: Callable[[Note], None] | None = None,
        store_state: Callable[[bool, str], None] | None = None,
        policy: RestartPolicy = DEFAULT_POLICY,
    ) -> None:
        super().__init__(life)
        self._system = system
        self._children = {child.name: child for child in sorted(children, key=lambda child: child.order)}
        self._ids = ids
        self._expected = expected
        self._observe = observe
        self._store_state = store_state
        self._policy = policy
        self._notebook = Notebook(life, system.next_incarnation)
        self._quarantine = Quarantine()
        self._parts: dict[str, Part] = {}
        self._ending: dict[str, Part] = {}
        self._line: list[str] = []
        self._awaited = ""
        self._agenda: Timers[str] = Timers()
        self._flow = Flow(life.now_ms())
        self._store = r.StoreNow()
        self._retries: deque[_Retry] = deque(maxlen=MAX_RETRIES)
        self._put_aside: dict[str, tuple[int, int]] = {}
        """By kind of actor: when that was last told of, and how many came since."""
        self._closing: m.Shutdown | None = None
        self._closing_names: set[str] = set()
        self._late = LateReports()
        self._inherited: set[str] = set()
        """Who was alive when this life followed on another, which may have asked them to end and begin anew."""
        self.unrouted = 0
        """Mail to nobody that nobody had to hear of."""

    def start(self) -> None:
        missing = [
            name for name, child in self._children.items() if not child.many and not self._system.incarnation(name)
        ]
        for part in {part.key: part for part in map(self._part, missing)}.values():
            if self._who_goes_down(part):
                # The last supervisor died over an end in here: what must go down with it is still up.
                self._bring_down(part, fenced=False)
            else:
                self._enlist(part.names)
        self._inherited = {name for name in self._system.names() if (child := self._child(name)) and child.many}
        self._enlist(self._expected())
        self._start_next()

    def receive(self, message: object) -> None:
        if back_ms := self._flow.set_back_by(self.life.now_ms()):
            self._agenda.shift(-back_ms)
            self._late.shift(-back_ms)
            for part in self._parts.values():
                part.shift(-back_ms)
        handler = _HANDLERS.get(type(message))
        if handler is None:
            self._note("error", "message.unknown", f"the supervisor does not take {type_name(message)}")
        else:
            handler(self, message)
        self._set_alarm()

    # --- the line of those to be started ----------------------------------------------------------

    def _enlist(self, names: Iterable[str]) -> None:
        """Those of them who are not alive. Whose part is down comes up with that, and not alone (rule 6)."""
        missing = [
            name for name in names if not self._system.incarnation(name) and self._part(name).state is PartState.RUNNING
        ]
        since = self._system.next_incarnation()
        for name in missing:
            self._part(name).since = since
        self._line = sorted(dict.fromkeys((*self._line, *missing)), key=self._order)

    def _order(self, name: str) -> int:
        child = self._child(name)
        return child.order if child else len(self._children)

    def _start_next(self) -> None:
        """The next ones, until one must be waited for."""
        while self._line and not self._awaited and not self._closing:
            if self._line[0] != JOURNAL and self._journal_is_down():
                break
            self._start(self._line.pop(0))
        self._set_alarm()

    def _journal_is_down(self) -> bool:
        journal = self._parts.get(JOURNAL)
        return journal is not None and journal.state is not PartState.RUNNING

    def _start(self, name: str) -> None:
        if not self._system.incarnation(name):
            child = self._child(name)
            wait = child is not None and not child.many
            incarnation = self._system.spawn(name, announce=wait)
            if not incarnation:
                return
            if wait:
                self._awaited = name
                self._agenda.wake_at(self.life.now_ms() + START_LIMIT_MS, name, "start")
            self._tell_pools(m.Reloaded(name=name, incarnation=incarnation))
            if name == JOURNAL:
                self._notebook.send_again(store_ok=self._store.ok)
            if kind_of(name) == "pool" and (self._store.on_reserve or self._store.is_slow or not self._store.ok):
                now = self._store
                self.life.tell(name, m.StoreFailed(ok=now.ok, on_reserve=now.on_reserve, is_slow=now.is_slow))
        for message in self._late.take(name):
            self.life.tell(name, message)

    def _started(self, message: m.Started) -> None:
        if message.who.name == self._awaited:
            self._no_longer_awaited()
            self._start_next()

    def _no_longer_awaited(self) -> None:
        self._agenda.cancel(self._awaited, "start")
        self._awaited = ""

    # --- ends -------------------------------------------------------------------------------------

    def _crashed(self, message: m.Crashed) -> None:
        who = message.who
        self._bury(message)
        if who.name == SUPERVISOR:
            self._take_over(message)
            return
        self._part(who.name).error = _last_line(message.error)
        for reply_to in callers_of(message.message):
            refused = Refused(reason=Reason.OUTCOME_UNKNOWN, detail=f"{who.name} failed while it handled this")
            self.life.tell(reply_to, refused)
        if self._quarantine.killed(who.name, message.message, self.life.now_ms()):
            self._system.set_quarantine(self._quarantine.holds)
            self._note(
                "error",
                "message.poisoned",
                f"{type_name(message.message)} stopped {kind_of(who.name)} twice and is kept away from now on",
                alert=f"poisoned/{kind_of(who.name)}",
            )
        self._ended(who, failed=True)

    def _stopped(self, message: m.Stopped) -> None:
        self._ended(message.who, failed=False)

    def _take_over(self, message: m.Crashed) -> None:
        """This life follows on a crash of the last one: whoever was missing is in the line already (`start`)."""
        for name in self._system.names():
            self._tell_pools(m.Reloaded(name=name, incarnation=self._system.incarnation(name)))
        lost, deaths = message.message, 1
        while isinstance(lost, m.Crashed) and lost.who.name == SUPERVISOR:
            lost, deaths = lost.message, deaths + 1
        if type(lost) in _HANDLERS and deaths < MAX_DEATHS_OF_ONE:
            self.receive(lost)

    def _bury(self, message: m.Crashed) -> None:
        """REC-2: the message that stopped an actor is kept, and a person is told."""
        who, kind = message.who, type_name(message.message)
        text = f"{who.name} stopped while it handled {kind}: {_last_line(message.error)}"
        letter = AddDeadLetter(
            dead_letter_id=self._letter_of(message),
            time_ms=self.life.now_ms(),
            actor=who.name,
            message_type=kind,
            message=readable(message.message),
            error=message.error,
            fact=fact_text(message.message),
        )
        self._note(
            "error",
            "actor.crashed",
            text,
            alert=f"crashed/{kind_of(who.name)}",
            rows=(letter,),
            attributes={"actor": who.name, "incarnation": str(who.incarnation), "dead_letter": letter.dead_letter_id},
        )

    def _letter_of(self, message: m.Crashed) -> str:
        """A message that kills again has the letter of the first time, also one that a retry had asked for anew."""
        name, kind, now_ms = message.who.name, type_name(message.message), self.life.now_ms()
        for retry in self._retries:
            if (retry.actor, retry.kind) == (name, kind) and now_ms <= retry.until_ms:
                return retry.dead_letter_id
        return self._quarantine.letter_of(name, message.message, self._ids.token())

    def _ended(self, who: m.Participant, *, failed: bool) -> None:
        name = who.name
        if name == self._awaited and not self._system.incarnation(name):
            self._no_longer_awaited()
        if self._closing:
            self._closing_names.discard(name)
            self._close_next(self._closing)
            return
        waiting = [part for part in self._ending.values() if name in part.ending]
        if not waiting:
            self._judge(who, failed=failed)
        for part in waiting:
            part.ending.discard(name)
            self._go_down(part)
        self._start_next()

    def _judge(self, who: m.Participant, *, failed: bool) -> None:
        """An end nobody asked for: is it to be followed by a new life?"""
        child, part = self._child(who.name), self._part(who.name)
        policy = child.policy if child else Policy.TEMPORARY
        again = policy is Policy.PERMANENT or (failed and policy is Policy.TRANSIENT)
        incarnation = self._system.incarnation(who.name)
        if again:
            part.failures = remember(part.failures, self.life.now_ms(), self._policy)
        if incarnation or who.incarnation < part.since or part.state is not PartState.RUNNING:
            # A newer life is there, in the line, or will be when the rest of it is down.
            self._tell_pools(m.Reloaded(name=who.name, incarnation=incarnation))
        elif again or (who.name in self._inherited and who.name in self._expected()):
            self._bring_down(part, fenced=False)
        else:
            self._parts.pop(part.key, None)
            self._tell_pools(m.Reloaded(name=who.name, incarnation=0))
        self._inherited.discard(who.name)

    # --- down and up again ------------------------------------------------------------------------

    def _restart_asked(self, message: m.RestartAsked) -> None:
        """Rule 4. While the store fails this happens to everybody again and again, and is nobody's fault."""
        who, now_ms = message.who, self.life.now_ms()
        if who.name == SUPERVISOR:
            if self._notebook.fenced(who.incarnation):
                self._agenda.wake_at(now_ms + RESEND_MS, SUPERVISOR, "resend")
            return
        if self._closing or self._system.incarnation(who.name) != who.incarnation:
            return
        part = self._part(who.name)
        if part.state is not PartState.RUNNING:
            return
        fenced = not self._store.ok or not message.is_failure
        if fenced:
            part.fences = remember(part.fences, now_ms, self._policy)
        else:
            part.failures = remember(part.failures, now_ms, self._policy)
        part.error = f"its commit was not taken: {message.error}"
        text = f"{who.name} is loaded anew, {part.error}"
        self._note("warning", "actor.fenced", text, attributes={"actor": who.name})
        self._bring_down(part, fenced=fenced)
        self._start_next()

    def _bring_down(self, part: Part, *, fenced: bool) -> None:
        """Rule 6: all of it ends before any of it starts."""
        if part.state is PartState.RUNNING:
            part.down_ms = self.life.now_ms()
        part.state, part.fenced, part.ending = PartState.ENDING, fenced, set()
        self._ending[part.key] = part
        self._line = [name for name in self._line if name not in part.names]
        self._agenda.wake_at(self.life.now_ms() + STOP_LIMIT_MS, part.key, "stop")
        self._go_down(part)

    def _go_down(self, part: Part) -> None:
        if part.ending:
            return
        alive = self._who_goes_down(part)
        if alive:
            part.ending = set(alive)
            part.along = (*part.along, *(name for name in alive if name not in part.names))
            for name in sorted(alive, key=self._order, reverse=True):
                self._system.stop(name)
            return
        del self._ending[part.key]
        self._agenda.cancel(part.key, "stop")
        self._is_down(part)

    def _who_goes_down(self, part: Part) -> list[str]:
        """Those still alive. With the Journal all who decide, also those who were born in the meantime (rule 8)."""
        alive = [name for name in part.names if self._system.incarnation(name)]
        if part.key == JOURNAL:
            alive += [name for name in self._system.names() if (child := self._child(name)) and child.decides]
        return alive

    def _is_down(self, part: Part) -> None:
        delay_ms = self._delay_ms(part)
        if delay_ms == 0:
            self._bring_up(part)
            return
        for name in (*part.names, *part.along):
            self._tell_pools(m.Reloaded(name=name, incarnation=0))
        if delay_ms is None:
            self._give_up(part)
        else:
            part.state = PartState.WAITING
            part.restart_ms = self.life.now_ms() + delay_ms
            self._agenda.wake_at(part.restart_ms, part.key, "restart")

    def _delay_ms(self, part: Part) -> int | None:
        """0: at once, as after each first failure in a while. None: give up, which a failing store is no reason for."""
        history = part.fences if part.fenced else part.failures
        if len(history) <= 1:
            return 0
        delay_ms = next_delay_ms(history, self.life.now_ms(), self._ids.fraction(), self._policy)
        return self._policy.max_delay_ms if delay_ms is None and part.fenced else delay_ms

    def _bring_up(self, part: Part) -> None:
        part.state, part.error, part.down_ms, part.restart_ms = PartState.RUNNING, "", 0, 0
        self._enlist((*part.names, *part.along))
        part.along = ()
        self._start_next()

    def _give_up(self, part: Part) -> None:
        part.state = PartState.GIVEN_UP
        if part.key == JOURNAL:
            self._store_changed(m.StoreFailed(ok=False, error="the journal failed too often"))
        self._note(
            "error",
            "actor.given_up",
            f"{', '.join(part.names)} failed too often and stays down: {part.error}; "
            f"`terrace engine restart {part.key}` starts it again",
            alert=f"given_up/{part.key}",
            attributes={"part": part.key},
        )

    # --- repairs by a person ----------------------------------------------------------------------

    def _describe(self, message: r.DescribeParts) -> None:
        down = [part for part in self._parts.values() if part.state is not PartState.RUNNING]
        down.sort(key=lambda part: self._order(part.names[0]))
        self.life.tell(message.reply_to, r.PartsNow(parts=tuple(map(part_now, down)), store=self._store))

    def _restart_part(self, message: r.RestartPart) -> None:
        """What was given up begins anew, its failures forgotten."""
        name = message.name
        part = self._parts.get(name) or next((one for one in self._parts.values() if name in one.names), None)
        if part is None and (self._system.incarnation(name) or name in self._children):
            part = self._part(name)
        if part is None or self._closing:
            refused = Refused(reason=Reason.NOT_FOUND, detail=f"there is no part {name[:100]}")
            stopping = Refused(reason=Reason.STOPPING, detail="the engine is stopping")
            self.life.tell(message.reply_to, stopping if self._closing else refused)
            return
        if not message.is_dry_run and part.state in (PartState.GIVEN_UP, PartState.WAITING):
            why = f" ({message.why})" if message.why else ""
            ended = ResolveAlert(alert_key=f"given_up/{part.key}", time_ms=self.life.now_ms())
            text = f"{message.who} starts {', '.join(part.names)} again{why}"
            self._note("warning", "part.restarted", text, rows=(ended,), attributes={"part": part.key})
            self._agenda.cancel(part.key, "restart")
            part.failures = part.fences = ()
            self._bring_up(part)
        self.life.tell(message.reply_to, part_now(part))

    def _retry_letter(self, message: r.RetryLetter) -> None:
        letter_id, kind, now_ms = message.dead_letter_id, message.message_type, self.life.now_ms()
        if message.new_key:
            keys = message.old_key, message.new_key
            self._quarantine.let_signal_pass(*keys, message.actor, kind, letter_id, now_ms)
        elif type_name(message.message) == kind:
            self._quarantine.let_pass(message.to, message.message, letter_id, now_ms)
        else:
            self._quarantine.let_kind_pass(message.actor, kind)
            self._retries.append(_Retry(message.actor, kind, letter_id, now_ms + RETRY_WATCH_MS))
        # Also where this life knows none: what an earlier life of the supervisor put aside may pass, too.
        self._system.set_quarantine(self._quarantine.holds)
        text = f"dead letter {letter_id}: {type_name(message.message)} is handed to {message.to} once more"
        self._note("info", "dead_letter.retried", text, attributes={"dead_letter": letter_id, "actor": message.to})
        told = message.message
        if hasattr(told, "incarnation"):
            told = replace(told, incarnation=self._system.incarnation(message.to))  # type: ignore[type-var]
        self.life.tell(message.to, told)

    # --- mail to nobody ---------------------------------------------------------------------------

    def _undeliverable(self, message: m.Undeliverable) -> None:
        to, lost = message.to, message.message
        kind, _, rest = to.partition("/")
        draft = getattr(lost, "draft", None)
        if isinstance(lost, m.OrdersReported | rm.CutGroup | rm.StopCut) and kind == "group":
            self._report_late(to, lost)
        elif isinstance(draft, m.Draft) and kind == "group":
            self.life.tell(pool_of(draft), m.NotLive(draft_id=draft.draft_id, group_id=rest))
        else:
            callers = callers_of(lost, draft)
            self.unrouted += not callers
            for reply_to in callers:
                self.life.tell(reply_to, self._not_taken(to, kind))

    def _not_taken(self, to: str, kind: str) -> Refused:
        """What a caller hears whose message certainly had no effect."""
        if self._closing:
            return Refused(reason=Reason.STOPPING, detail="the engine is stopping")
        if kind == "group":
            return Refused(reason=Reason.NOT_FOUND, detail=f"{to} is not live")
        if to == JOURNAL:
            return Refused(reason=Reason.STORE_FAILED, detail="the store is not there; send again")
        if self._child(to) is None:
            return Refused(reason=Reason.NOT_FOUND, detail=f"there is no {to}")
        return Refused(reason=Reason.OVERLOADED, detail=f"{to} is being restarted; send again")

    def _report_late(self, name: str, report: object) -> None:
        """Rule 19. A group that failed is loaded anyway, and resolves its orders then (15).

        One that is gone and is asked for a cut is brought back too: only its rows say whether it knew the cut, and what
        that had sold (18). While it is down nobody answers; the risk engine asks again.
        """
        part = self._parts.get(name)
        failed = part is not None and part.state is not PartState.RUNNING
        now_ms = self.life.now_ms()
        wait_ms = None if self._closing or failed else self._late.hold(name, report, now_ms)
        if wait_ms is None:
            self.unrouted += 1
        elif wait_ms:
            self._agenda.wake_at(now_ms + wait_ms, name, "late")
        else:
            self._bring_back(name)

    def _bring_back(self, name: str) -> None:
        if self._system.incarnation(name):
            self._start(name)
        else:
            self._enlist((name,))
            self._start_next()

    def _quarantined(self, message: m.Quarantined) -> None:
        poisoned = Refused(reason=Reason.POISONED, detail="it stopped the engine's part for it twice and was put aside")
        lost = message.message
        draft = getattr(lost, "draft", None)
        if isinstance(draft, m.Draft):
            self.life.tell(pool_of(draft), m.DraftRefused(draft_id=draft.draft_id, refused=poisoned))
        for reply_to in callers_of(lost):
            self.life.tell(reply_to, poisoned)
        if isinstance(lost, m.OpenGroup):
            self._system.stop(message.who.name)
        if isinstance(lost, m.Commit) and lost.author.name == SUPERVISOR:
            # A note of this one's own: the others go on without it.
            for send in lost.then:
                if isinstance(send.message, m.Recorded):
                    self._recorded(send.message)
        self._tell_put_aside(message.who.name, type_name(lost))

    def _tell_put_aside(self, name: str, kind: str) -> None:
        """The first at once, further ones counted: whoever sends the same all day must not fill the event log."""
        now_ms = self.life.now_ms()
        told_ms, count = self._put_aside.get(kind_of(name), (0, 0))
        if told_ms and 0 <= now_ms - told_ms < QUIET_MS:
            self._put_aside[kind_of(name)] = (told_ms, count + 1)
            return
        self._put_aside[kind_of(name)] = (now_ms, 0)
        more = f", {count} more before it" if count else ""
        text = f"{kind} for {name} was put aside{more}"
        self._note("warning", "message.quarantined", text, attributes={"actor": name})

    # --- what others announce ---------------------------------------------------------------------

    def _gateway_started(self, message: m.GatewayStarted) -> None:
        """Rule 16. Groups of other accounts ignore it."""
        for name in self._system.names():
            if kind_of(name) == "group":
                self.life.tell(name, message)

    def _store_changed(self, message: m.StoreFailed) -> None:
        """Each life of the Journal says so once; told on even if it is no news here, for whoever was told otherwise."""
        old, now_ms = self._store, self.life.now_ms()
        self._store = store_now(message, old, now_ms)
        if self._store_state is not None:
            with suppress(Exception):
                self._store_state(message.ok, message.error)
        self._tell_pools(message)
        if not message.ok:
            self._note("error", "store.failed", f"the store takes no writes: {message.error}", alert="store")
        elif not old.ok:
            ended = ResolveAlert(alert_key="store", time_ms=now_ms)
            self._note("info", "store.recovered", "the store takes writes again", rows=(ended,))
        self._reserve_changed(old)
        self._speed_changed(old)
        self._watch_store()

    def _reserve_changed(self, old: r.StoreNow) -> None:
        """REC-5: what is left of a full disk is for exits."""
        now = self._store
        if now.on_reserve and not old.on_reserve:
            self._note("error", "store.on_reserve", RESERVE_WORDS, alert=RESERVE)
        elif old.on_reserve and now.ok and not now.on_reserve:
            ended = ResolveAlert(alert_key=RESERVE, time_ms=self.life.now_ms())
            self._note("info", "store.has_room", "there is room on the disk again: entries are taken", rows=(ended,))

    def _speed_changed(self, old: r.StoreNow) -> None:
        """REC-4."""
        now = self._store
        if now.is_slow and not old.is_slow:
            self._note("error", "store.slow", SLOW_WORDS, alert=SLOW)
        elif old.is_slow and now.ok and not now.is_slow:
            ended = ResolveAlert(alert_key=SLOW, time_ms=self.life.now_ms())
            self._note("info", "store.quick", "the store is quick again: entries are taken", rows=(ended,))

    def _watch_store(self) -> None:
        """While it holds entries back next to nothing is committed, and only a commit shows that it is well again: so
        the alert is raised again from time to time."""
        if self._store.is_slow or self._store.on_reserve:
            self._agenda.wake_at(self.life.now_ms() + PROBE_MS, SUPERVISOR, "probe")
        else:
            self._agenda.cancel(SUPERVISOR, "probe")

    def _probe_store(self) -> None:
        alert, words = (SLOW, SLOW_WORDS) if self._store.is_slow else (RESERVE, RESERVE_WORDS)
        now_ms = self.life.now_ms()
        self._notebook.write(
            RaiseAlert(alert_key=alert, time_ms=now_ms, severity="error", category="system", message=words)
        )
        self._watch_store()

    def _recorded(self, message: m.Recorded) -> None:
        self._notebook.recorded(message.number)

    # --- the end of everything --------------------------------------------------------------------

    def _shutdown(self, message: m.Shutdown) -> None:
        """Reverse order, one level after the other, the Journal last."""
        self._closing = message
        self._line.clear()
        self._close_next(message)

    def _close_next(self, asked: m.Shutdown) -> None:
        if self._closing_names:
            return
        alive = [name for name in self._system.names() if name != SUPERVISOR]
        if not alive:
            if asked.reply_to is not None:
                self.life.tell(asked.reply_to, asked)
            self.life.stop()
            return
        level = max(self._order(name) for name in alive)
        self._closing_names = {name for name in alive if self._order(name) == level}
        self._agenda.wake_at(self.life.now_ms() + STOP_LIMIT_MS, SUPERVISOR, "close")
        for name in alive:
            if name in self._closing_names:
                self._system.stop(name)

    # --- time -------------------------------------------------------------------------------------

    def _timer(self, message: m.TimerFired) -> None:
        if message.incarnation != self.life.incarnation:
            return
        for due in self._agenda.pop_due(self.life.now_ms()):
            if isinstance(due, tuple):
                self._do(*due)

    def _do(self, key: str, what: str) -> None:
        if what == "start":
            self._system.abandon(key, f"did not start within {START_LIMIT_MS} ms")
        elif what == "stop" and key in self._ending:
            self._abandon_all(self._ending[key].ending)
        elif what == "restart" and (part := self._parts.get(key)) and part.state is PartState.WAITING:
            self._bring_up(part)
        elif what == "late":
            part = self._parts.get(key)
            if not self._closing and (part is None or part.state is PartState.RUNNING):
                self._bring_back(key)
        elif what == "resend":
            self._notebook.send_again(store_ok=self._store.ok)
        elif what == "probe":
            self._probe_store()
        elif what == "close":
            self._abandon_all(self._closing_names)

    def _abandon_all(self, names: Iterable[str]) -> None:
        for name in sorted(names):
            self._system.abandon(name, f"did not stop within {STOP_LIMIT_MS} ms")

    def _set_alarm(self) -> None:
        next_ms = self._agenda.next_ms()
        if next_ms is None:
            self.life.cancel_wake("agenda")
        else:
            self.life.wake_at(next_ms, "agenda")

    # --- helpers ----------------------------------------------------------------------------------

    def _child(self, name: str) -> Child | None:
        child = self._children.get(name)
        if child is None:
            child = self._children.get(kind_of(name))
        return child

    def _part(self, name: str) -> Part:
        child = self._child(name)
        key = child.unit if child and child.unit else name
        part = self._parts.get(key)
        if part is None:
            members = [other.name for other in self._children.values() if other.unit and other.unit == key]
            part = self._parts[key] = Part(key=key, names=tuple(members or [name]))
        return part

    def _tell_pools(self, message: m.Reloaded | m.StoreFailed) -> None:
        about = message.name if isinstance(message, m.Reloaded) else ""
        for name in self._children:
            if kind_of(name) == "pool" and name != about and self._system.incarnation(name):
                self.life.tell(name, message)

    def _note(
        self,
        severity: str,
        type: str,
        message: str,
        *,
        alert: str = "",
        rows: tuple[Row, ...] = (),
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        """One line for log, store and Feed, with an alert if it names one."""
        now_ms = self.life.now_ms()
        note = Note(
            severity=severity, category="system", type=type, message=message, alert=alert, attributes=attributes or {}
        )
        if self._observe is not None:
            with suppress(Exception):
                self._observe(note)
        event = AddEvent(
            time_ms=now_ms,
            severity=severity,
            category="system",
            type=type,
            message=message,
            attributes=note.attributes,
        )
        if alert:
            raised = RaiseAlert(alert_key=alert, time_ms=now_ms, severity=severity, category="system", message=message)
            rows = (*rows, raised)
        self._notebook.write(event, *rows)


def part_now(part: Part) -> r.PartNow:
    """How a part is, for those who look."""
    is_up = part.state is PartState.RUNNING
    return r.PartNow(
        key=part.key,
        names=part.names,
        state=part.state.value,
        error="" if is_up else part.error,
        since_ms=0 if is_up else part.down_ms,
        restart_ms=part.restart_ms if part.state is PartState.WAITING else 0,
    )


def store_now(told: m.StoreFailed, old: r.StoreNow, now_ms: int) -> r.StoreNow:
    """The store's state after this news; `since_ms` stays while nothing changed."""
    is_same = (told.ok, told.on_reserve, told.is_slow) == (old.ok, old.on_reserve, old.is_slow)
    return r.StoreNow(
        ok=told.ok,
        on_reserve=told.on_reserve,
        is_slow=told.is_slow,
        error=told.error,
        since_ms=old.since_ms if is_same else now_ms,
    )


def _last_line(error: str) -> str:
    return error.strip().rpartition("\n")[2]


@dataclass(frozen=True, slots=True)
class _Retry:
    actor: str
    kind: str
    dead_letter_id: str
    until_ms: int


_HANDLERS: dict[type, Callable[[Supervisor, Any], None]] = {
    m.Crashed: Supervisor._crashed,
    m.Stopped: Supervisor._stopped,
    m.Started: Supervisor._started,
    m.RestartAsked: Supervisor._restart_asked,
    m.Undeliverable: Supervisor._undeliverable,
    m.Quarantined: Supervisor._quarantined,
    m.GatewayStarted: Supervisor._gateway_started,
    m.StoreFailed: Supervisor._store_changed,
    m.Recorded: Supervisor._recorded,
    r.DescribeParts: Supervisor._describe,
    r.RestartPart: Supervisor._restart_part,
    r.RetryLetter: Supervisor._retry_letter,
    m.Shutdown: Supervisor._shutdown,
    m.TimerFired: Supervisor._timer,
}
