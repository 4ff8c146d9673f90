"""The one writer. What an actor decided becomes durable here, and only then do its effects leave.

Invariants (the numbers are the protocol's, see docs/architecture.md):

- 1   A commit is refused if its author or a participant was reloaded since.
- 2   `Settle` answers for a draft for good: committed with this outcome, or never.
- 4   A refused or failed commit fences its author: nothing later of that life is taken.
- 5   `Load` runs behind every commit told before it, because both wait in this one mailbox.
- 9   A batch that failed may be durable all the same: its authors are reloaded and find out, and the View is read anew
      before anything else is done.
- 11  A broken constraint refuses one commit, a device fault refuses the batch.
- 12  The View swaps first, then replies and effects leave in commit order.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from actors.messages import (
    Commit,
    DraftDuplicate,
    Load,
    Loaded,
    Participant,
    RestartAsked,
    Settle,
    Settled,
    StoreFailed,
    TimerFired,
    as_duplicate,
    opened,
)
from actors.ports import Applied, ConstraintBroken, Store, StoreFault, Viewer
from actors.rules.choices import World
from actors.rules.model import Reason, Refused
from actors.runtime import Batching, Life
from actors.slowness import Slowness
from actors.told import group_changed

WELL = (True, False, False)
"""The store works, not on its reserve, not slowly."""
MAX_TOMBSTONES = 10_000
"""Drafts buried and remembered. One is needed only until its late commit arrives, milliseconds later."""
MAX_LIVES = 200_000
"""Actor names remembered with their newest incarnation; the longest unused are forgotten."""
MAX_RECENT_KEYS = 50_000
"""Idempotency keys given to Pool on load; older ones are still held by the store's unique index."""
SPOOL_MS = 86_400_000
"""Keys that expired no longer ago than this still count: a copy may come late out of a forwarder's spool."""
RETRY_MS = 500
"""How often a store that failed is tried again while a question waits for it."""


_NOT_TAKEN = Refused(reason=Reason.STORE_FAILED, detail="it was not taken, nothing has changed; send again")


@dataclass(slots=True)
class _Waiting:
    """A question the store could not answer yet."""

    message: Load | Settle


class Journal(Batching):
    """`journal`. Takes `Commit`, `Load` and `Settle`; see the module's invariants."""

    def __init__(self, life: Life, *, store: Store, view: Viewer) -> None:
        super().__init__(life)
        self._store = store
        self._view = view
        self._lives: OrderedDict[str, int] = OrderedDict()
        self._fenced: OrderedDict[str, int] = OrderedDict()
        self._tombstones: OrderedDict[str, None] = OrderedDict()
        self._waiting: list[_Waiting] = []
        self._slowness = Slowness()
        self._told: tuple[bool, bool, bool] | None = None
        """Works, on its reserve, slow: what the supervisor heard from this life; an earlier one may have left other
        news."""

    def receive_batch(self, messages: list[object]) -> None:
        """Runs of commits go into one transaction; a question in between sees everything told before it."""
        run: list[Commit] = []
        for message in messages:
            if isinstance(message, Commit):
                run.append(message)
                continue
            self._commit(run)
            run = []
            self._answer(message)
        self._commit(run)

    # --- questions --------------------------------------------------------------------------------

    def _answer(self, message: object) -> None:
        if isinstance(message, TimerFired):
            waiting, self._waiting = self._waiting, []
            for item in waiting:
                self._answer(item.message)
            return
        if not isinstance(message, (Load, Settle)):
            raise TypeError(f"the journal does not take {type(message).__name__}")
        if isinstance(message, Load):
            self._raise_to(self._lives, Participant(message.name, message.incarnation))
        try:
            self._renew_view()
            if isinstance(message, Load):
                self._load(message)
            else:
                self._settle(message)
        except StoreFault as fault:
            self._store_failed(str(fault))
            self._waiting.append(_Waiting(message))
            self.life.wake_at(self.life.now_ms() + RETRY_MS, "store")
        else:
            self._store_works()

    def _load(self, message: Load) -> None:
        kind, _, rest = message.name.partition("/")
        if kind == "group":
            state: object = self._store.load_group(rest)
        elif kind == "pool":
            state = self._store.load_pool(World(rest), MAX_RECENT_KEYS, self.life.now_ms() - SPOOL_MS)
        elif kind == "queue":
            state = self._store.load_queue(World(rest))
        elif kind == "risk":
            state = self._store.load_risk(World(rest))
        elif kind == "gateway":
            state = self._store.load_account(rest, message.client_order_ids)
        else:
            state = None
        self.life.tell(message.name, Loaded(incarnation=message.incarnation, state=state))

    def _settle(self, message: Settle) -> None:
        answer = self._store.draft_answer(message)
        group_id = message.opens if answer is None else answer.group_id
        group = self._store.load_group(group_id) if group_id else None
        if answer is None and group is not None:
            answer = opened(message.signal_id, group_id)
        if answer is None:
            self._tombstones[message.draft_id] = None
            while len(self._tombstones) > MAX_TOMBSTONES:
                self._tombstones.popitem(last=False)
        settled = Settled(
            incarnation=message.incarnation,
            draft_id=message.draft_id,
            done=answer,
            told=group_changed(group) if group is not None else None,
        )
        self.life.tell(message.reply_to, settled)

    # --- commits ----------------------------------------------------------------------------------

    def _commit(self, run: Sequence[Commit]) -> None:
        batch = [commit for commit in run if self._admit(commit)]
        if not batch:
            return
        try:
            self._renew_view()
            self._view.in_doubt = True
            start_ms = self.life.now_ms()
            applied = self._store.apply([(commit.author.name, commit.rows) for commit in batch])
            self._slowness.committed(len(batch), start_ms, self.life.now_ms())
        except StoreFault as fault:
            self._store_failed(str(fault))
            unknown = Refused(reason=Reason.OUTCOME_UNKNOWN, detail=f"the store failed: {fault}")
            for commit in batch:
                self._fence(commit.author, unknown.detail)
                self._tell_callers(commit, unknown)
            return
        self._store_works()
        self._release(batch, applied)

    def _release(self, batch: Sequence[Commit], applied: Sequence[Applied]) -> None:
        durable = [commit for commit, result in zip(batch, applied, strict=True) if result.broken is None]
        events = [event for result in applied for event in result.events]
        self._view.swap(durable, events)
        self._view.in_doubt = False
        for commit, result in zip(batch, applied, strict=True):
            if result.broken is not None:
                self._refuse(commit, result.broken)
                continue
            for send in commit.then:
                self.life.tell(send.to, send.message)
        for event in events:
            self.life.tell("feed", event)

    def _refuse(self, commit: Commit, broken: ConstraintBroken) -> None:
        first = broken.first
        if first is not None:
            duplicate = DraftDuplicate(draft_id=commit.draft_id, first=first)
            for participant in (commit.author, *commit.participants):
                if participant.name.startswith("pool/"):
                    self.life.tell(participant.name, duplicate)
        self._fence(commit.author, f"constraint broken: {broken}", is_failure=first is None)
        self._tell_callers(commit, _NOT_TAKEN if first is None else as_duplicate(first))

    def _admit(self, commit: Commit) -> bool:
        """Whether a commit may go to the store (rules 1, 2 and 4)."""
        why_not = self._why_not(commit)
        if why_not is None:
            return True
        self._fence(commit.author, why_not)
        self._tell_callers(commit, _NOT_TAKEN)
        return False

    def _why_not(self, commit: Commit) -> str | None:
        author = commit.author
        if self._fenced.get(author.name, 0) >= author.incarnation:
            return "an earlier commit of it was not taken"  # And it goes on: perhaps nobody heard that it must not.
        if author.name not in self._lives:
            self._raise_to(self._lives, author)
        if commit.draft_id in self._tombstones:
            return f"draft {commit.draft_id} was settled without it"
        reloaded = (who.name for who in (author, *commit.participants) if self._is_over(who))
        return next((f"{name} was reloaded since" for name in reloaded), None)

    def _is_over(self, who: Participant) -> bool:
        return self._lives.get(who.name, 0) > who.incarnation

    def _tell_callers(self, commit: Commit, answer: object) -> None:
        """Those who waited for its release. Where a Pool settles the draft, that answer is the better one (rule 2)."""
        pool = next((who for who in commit.participants if who.name.startswith("pool/")), None)
        if pool is not None and commit.author.name.startswith("group/") and not self._is_over(pool):
            return
        for send in commit.then:
            if not isinstance(send.to, str):
                self.life.tell(send.to, answer)

    def _fence(self, author: Participant, error: str, *, is_failure: bool = True) -> None:
        self._raise_to(self._fenced, author)
        self.life.tell("supervisor", RestartAsked(who=author, error=error, is_failure=is_failure))

    @staticmethod
    def _raise_to(lives: OrderedDict[str, int], who: Participant) -> None:
        lives[who.name] = max(who.incarnation, lives.pop(who.name, 0))
        if len(lives) > MAX_LIVES:
            lives.popitem(last=False)

    # --- the store's health -----------------------------------------------------------------------

    def _renew_view(self) -> None:
        """Rule 9. Before anything is built on the View again; StoreFault if it must wait."""
        if self._view.in_doubt:
            self._view.renew()
            self._view.in_doubt = False

    def _store_failed(self, error: str) -> None:
        if self._told != (False, False, False):
            self._told = (False, False, False)
            self.life.tell("supervisor", StoreFailed(ok=False, error=error))

    def _store_works(self) -> None:
        """Also again and again that it is not well: a supervisor that has just begun has not heard, and it is the one
        who tries whether that is over."""
        now = (True, self._store.on_reserve, self._slowness.is_slow)
        if self._told != now or now != WELL:
            self._told = now
            self.life.tell("supervisor", StoreFailed(ok=True, on_reserve=now[1], is_slow=now[2]))
