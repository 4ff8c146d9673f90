"""Dead letters for people: what a retry would do, doing it, and what came of it (REC-2).

What can be done follows from what was kept of the message (`actors.facts`), so it is the same after a restart of the
daemon:

- an alert goes to Pool again under its idempotency key: decided already means nothing is done twice; one that was
  rejected only because it stopped the engine goes as a new alert, with its first time, so a late entry expires;
- orders are asked for again at the exchange: fills that were put aside are booked;
- a command, or a payment a venue tells once, goes to its actor as it was;
- for everything else the actor's next life has loaded what the message was about: there is nothing to hand over.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from hashlib import sha256

from actors import messages as m
from actors.facts import Fact, MessageFact, OrdersFact, SignalFact, read_fact
from actors.repair_messages import RetryLetter
from actors.rules.model import Group, Order, Outcome, Reason, Signal
from actors.rules.naming import parse_client_order_id
from actors.rules.records import AddEvent, ResolveDeadLetter
from actors.runtime import SUPERVISOR, kind_of
from daemon.api.auth import caller
from daemon.api.engine import Engine
from daemon.api.errors import ApiReason, Failed, not_found
from daemon.api.kinds import Context
from daemon.api.recorder import Recorder
from daemon.store.found import StoredDeadLetter

WATCH_S = 2.0
"""How long orders that were asked for again are watched: killing is a matter of milliseconds."""
LOOK_S = 0.05
STORED_S = 3.0
"""How long the word of another death may take to be stored."""

AGAIN_LATER = frozenset({Reason.STORE_FAILED, Reason.STORE_SLOW, Reason.OVERLOADED, Reason.STOPPING})
"""Answers that say nothing of the message: it was not looked at."""
KILLED = frozenset({Reason.OUTCOME_UNKNOWN, Reason.POISONED})


@dataclass(frozen=True, slots=True)
class Remedy:
    """What a retry does, or why there can be none."""

    words: str
    is_possible: bool = True


def remedy_of(letter: StoredDeadLetter) -> Remedy:
    """Pure: from what is stored of it."""
    try:
        fact = read_fact(letter.fact)
    except (ValueError, KeyError, TypeError):
        return Remedy("what was kept of it is damaged: it cannot be handed out again", is_possible=False)
    return _remedy(letter, fact)


def _remedy(letter: StoredDeadLetter, fact: Fact | None) -> Remedy:
    if isinstance(fact, SignalFact):
        signal = fact.signal
        what = f"{signal.intent.value} {signal.key.symbol} {signal.key.timeframe} on {signal.key.account}"
        return Remedy(f"submits the alert ({what}) again; nothing is done twice, a late entry expires")
    if isinstance(fact, OrdersFact):
        return Remedy(f"asks the exchange again for {_orders(fact)}; fills that are missing are booked")
    if isinstance(fact, MessageFact):
        return Remedy(f"hands {fact.type} to {letter.actor} again")
    if letter.message_type in ("Start", "Stopped"):
        return Remedy(f"{letter.actor} failed by itself; if it is running again, there is nothing left to do")
    return Remedy(f"nothing to hand over: each life of {letter.actor} loads what this was about from the store")


def _orders(fact: OrdersFact) -> str:
    first, count = fact.client_order_ids[0], len(fact.client_order_ids)
    return f"order {first}" if count == 1 else f"order {first} and {count - 1} more"


def _had(answer: m.Answer) -> str:
    return f"the alert had its outcome already: {_outcome(answer)}"


def _outcome(answer: m.Answer) -> str:
    why = f" ({answer.reason.value})" if answer.reason is not Reason.OK else ""
    group = f", group {answer.group_id}" if answer.group_id else ""
    return f"{(answer.first_outcome or answer.outcome).value}{why}, signal {answer.signal_id}{group}"


class Letters:
    """Retries dead letters, one at a time each."""

    def __init__(self, engine: Engine, recorder: Recorder) -> None:
        self._engine = engine
        self._recorder = recorder
        self._busy: set[str] = set()

    async def find(self, dead_letter_id: str) -> StoredDeadLetter:
        found = await self._engine.read(self._engine.reader.get_dead_letter, dead_letter_id)
        if found is None:
            raise not_found("dead letter", dead_letter_id)
        return found

    async def retry(self, dead_letter_id: str, context: Context) -> StoredDeadLetter:
        """The letter afterwards: resolved, or with one attempt more because it killed again.

        Raises where it was not tried: there is none, it is resolved, it cannot be, or its actor is down.
        """
        letter = await self.find(dead_letter_id)
        if letter.resolve_time_ms is not None:
            raise Failed(ApiReason.ALREADY_RESOLVED, f"dead letter {dead_letter_id} is resolved: {letter.result}")
        if dead_letter_id in self._busy:
            raise Failed(ApiReason.RETRY_RUNNING, f"dead letter {dead_letter_id} is being retried")
        remedy = remedy_of(letter)
        if not remedy.is_possible:
            raise Failed(ApiReason.NOT_RETRYABLE, f"dead letter {dead_letter_id}: {remedy.words}")
        self._busy.add(dead_letter_id)
        try:
            result = await self._retry(letter, context)
            return await (self._killed_again(letter) if result is None else self._resolve(letter, result))
        finally:
            self._busy.discard(dead_letter_id)

    async def _retry(self, letter: StoredDeadLetter, context: Context) -> str | None:
        """What came of it, in words; None: it killed again."""
        fact = read_fact(letter.fact)
        if isinstance(fact, SignalFact):
            return await self._signal(letter, fact, context)
        if isinstance(fact, OrdersFact):
            return await self._look_up(letter, fact)
        if isinstance(fact, MessageFact):
            return await self._message(letter, fact, context)
        self._must_live(letter)
        return f"{letter.actor} runs on what it loaded from the store; there was nothing to hand over"

    # --- an alert ---------------------------------------------------------------------------------

    async def _signal(self, letter: StoredDeadLetter, fact: SignalFact, context: Context) -> str | None:
        signal = fact.signal
        account = self._engine.settings().accounts.get(signal.key.account)
        if account is None:
            raise Failed(ApiReason.NOT_RETRYABLE, f"the config names no account {signal.key.account} any more")
        pool, now_ms = f"pool/{account.world.value}", self._engine.clock.now_ms()
        first = await self._engine.read(self._engine.reader.first_answer, signal.idempotency_key, now_ms)
        sent, earlier = signal, await self._earlier(signal) if first is None else (first,)
        if earlier and all(
            answer.outcome is Outcome.REJECTED and answer.reason is Reason.POISONED for answer in earlier
        ):
            name = f"{signal.idempotency_key}/{letter.dead_letter_id}/{letter.attempts}"
            key = sha256(name.encode()).hexdigest()
            sent = replace(signal, signal_id=self._engine.ids.signal_id(), idempotency_key=key)
            earlier = await self._earlier(sent)
        elif first is None:
            sent = replace(signal, signal_id=self._engine.ids.signal_id())
        if earlier and first is None:
            return _had(earlier[-1])
        answer = await self._hand_out(
            lambda reply_to: RetryLetter(
                dead_letter_id=letter.dead_letter_id,
                actor=letter.actor,
                message_type=letter.message_type,
                old_key=signal.idempotency_key,
                new_key=sent.idempotency_key,
                to=pool,
                message=m.SubmitSignal(signal=sent, reply_to=reply_to),
            ),
            context,
        )
        if not isinstance(answer, m.Answer):
            return answer if isinstance(answer, str) else None
        if answer.reason is Reason.POISONED:
            return None
        return _had(answer) if answer.outcome is Outcome.DUPLICATE else f"the alert was taken: {_outcome(answer)}"

    async def _earlier(self, signal: Signal) -> tuple[m.Answer, ...]:
        """What became of its copies. Its key is held for a while only, a letter may be retried long after that; and a
        reduce never expires."""
        at_ms, window_ms = signal.receive_time_ms, signal.idempotency_window_s * 1000
        around = self._engine.reader.answers_around
        return await self._engine.read(around, signal.idempotency_key, at_ms - window_ms, at_ms + window_ms)

    # --- a command --------------------------------------------------------------------------------

    async def _message(self, letter: StoredDeadLetter, fact: MessageFact, context: Context) -> str | None:
        def retry(reply_to: m.ReplyTo | None) -> RetryLetter:
            return RetryLetter(
                dead_letter_id=letter.dead_letter_id,
                actor=letter.actor,
                message_type=letter.message_type,
                to=letter.actor,
                message=fact.build(reply_to),
            )

        if not fact.is_answered:
            self._must_live(letter)
            self._engine.system.tell(SUPERVISOR, retry(None))
            return await self._watched(letter, f"{fact.type} was handed to {letter.actor}")
        answer = await self._hand_out(retry, context)
        return answer if isinstance(answer, str) or answer is None else f"{letter.actor} has done it"

    # --- orders -----------------------------------------------------------------------------------

    async def _look_up(self, letter: StoredDeadLetter, fact: OrdersFact) -> str | None:
        orders = await self._known_orders(fact)
        if not orders:
            raise Failed(ApiReason.NOT_RETRYABLE, f"the store knows no {_orders(fact)}")
        by_account: dict[str, list[Order]] = {}
        for order, account in orders:
            by_account.setdefault(account, []).append(order)
        for account, wanted in by_account.items():
            self._must_be_up(f"gateway/{account}")
            retry = RetryLetter(
                dead_letter_id=letter.dead_letter_id,
                actor=letter.actor,
                message_type=letter.message_type,
                to=f"gateway/{account}",
                message=m.ResolveOrders(orders=tuple(wanted)),
            )
            self._engine.system.tell(SUPERVISOR, retry)
        return await self._watched(letter, f"{_orders(fact)}: asked for again at {', '.join(by_account)}")

    async def _known_orders(self, fact: OrdersFact) -> list[tuple[Order, str]]:
        found: list[tuple[Order, str]] = []
        groups: dict[str, Group | None] = {}
        for client_order_id in fact.client_order_ids:
            name = parse_client_order_id(client_order_id)
            if name is None:
                continue
            if name.group_id not in groups:
                group = self._engine.view.current.find(name.group_id)
                stored = self._engine.reader.get_group
                groups[name.group_id] = group or await self._engine.read(stored, name.group_id)
            group = groups[name.group_id]
            order = group.orders.get(client_order_id) if group is not None else None
            if group is not None and order is not None:
                found.append((order, group.account))
        return found

    # --- how it went ------------------------------------------------------------------------------

    async def _hand_out(self, retry: object, context: Context) -> object:
        """The answer; words where it is a refusal that says what came of it, None where it killed again."""
        try:
            return await self._engine.ask(SUPERVISOR, retry, context)  # type: ignore[arg-type]
        except Failed as failed:
            if failed.reason in KILLED:
                return None
            if failed.reason in AGAIN_LATER or not isinstance(failed.reason, Reason):
                raise
            return f"refused: {failed.reason.value} ({failed.message})"

    async def _watched(self, letter: StoredDeadLetter, result: str) -> str | None:
        """What nobody answers has gone well if nobody dies of it for a while."""
        for _ in range(int(WATCH_S / LOOK_S)):
            await asyncio.sleep(LOOK_S)
            if (await self.find(letter.dead_letter_id)).attempts > letter.attempts:
                return None
        return result

    async def _resolve(self, letter: StoredDeadLetter, result: str) -> StoredDeadLetter:
        now_ms, who = self._engine.clock.now_ms(), caller().name
        row = ResolveDeadLetter(dead_letter_id=letter.dead_letter_id, time_ms=now_ms, result=result)
        event = AddEvent(
            time_ms=now_ms,
            severity="info",
            category="system",
            type="dead_letter.resolved",
            message=f"dead letter {letter.dead_letter_id}, retried by {who}: {result}",
            attributes={"dead_letter": letter.dead_letter_id, "who": who},
        )
        await self._recorder.record((row, event), True)
        return await self.find(letter.dead_letter_id)

    async def _killed_again(self, letter: StoredDeadLetter) -> StoredDeadLetter:
        for _ in range(int(STORED_S / LOOK_S)):
            now = await self.find(letter.dead_letter_id)
            if now.attempts > letter.attempts:
                return now
            await asyncio.sleep(LOOK_S)
        words = f"nothing was heard of it: dead letter {letter.dead_letter_id} stays; look again in a moment"
        raise Failed(Reason.OUTCOME_UNKNOWN, words)

    def _must_live(self, letter: StoredDeadLetter) -> None:
        """Whatever is there now was loaded after it. A group that is gone has nothing left to load."""
        if kind_of(letter.actor) != "group":
            self._must_be_up(letter.actor)

    def _must_be_up(self, name: str) -> None:
        if name not in self._engine.system.depths():
            words = f"{name} is down; `terrace engine restart {name}` starts it again, then retry"
            raise Failed(ApiReason.PART_DOWN, words)
