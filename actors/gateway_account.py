"""Is the account ready to trade, and what does it own: three questions, asked until answered, and what Pool is told.

A question leaves when the request budget has room for it and nothing bars the way (an open circuit). Besides the
questions, others of the gateway may hold the account back, each with its words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial

from actors.due import Due
from actors.gateway_alerts import GatewayAlerts
from actors.messages import AccountChanged, BalancesFetched
from actors.ports import Exchange
from actors.rules.rates import Ask, Work
from actors.runtime import Life

TELL_PAUSE_MS = 200
"""Changes of balances within this time are told to Pool together."""
ANSWER_TIMEOUT_MS = 20_000
BACK_OFF_MS = 1_000
MAX_BACK_OFF_MS = 60_000
UNREACHABLE_FAILURES = 3
"""Failed questions in a row after which the account is not ready any more."""
UNREACHABLE, KEY_REFUSED = "unreachable", "key_refused"
FIRST_WORK = Work.LOOK_UP
"""What a question is to the request budget until its first answer: nothing is traded before."""


@dataclass(slots=True, eq=False)
class Question:
    """One thing asked of the exchange again and again: is it under way, and how did it go."""

    name: str
    put: Callable[[], None]
    """Asks the exchange."""
    ask: Ask
    work: Work
    when_failed: list[Callable[[str], None]] = field(default_factory=list)
    when_judged: list[Callable[[], None]] = field(default_factory=list)
    """Called after every answer, or none."""
    is_answered: bool = False
    """At least once in this life."""
    is_asked: bool = False
    is_wanted: bool = False
    """It waits for room in the budget, or for the way to be open."""
    is_stale: bool = False
    """Something was missed since it was asked: it is asked again after its answer."""
    failures: int = 0
    is_refused: bool = False
    """The exchange's last word was no, as to a key that it does not take: asking again will hardly help."""
    words: str = ""
    turn: int = 0


class AccountWatch:
    """Ready once catalogue, balances and open orders are known (ORD-7); not while it cannot be reached."""

    def __init__(
        self, life: Life, *, account: str, exchange: Exchange, due: Due, alerts: GatewayAlerts, pool_name: str
    ) -> None:
        self._life = life
        self._due = due
        self._alerts = alerts
        self._pool = pool_name
        self._exchange = exchange
        self._holds: dict[str, str] = {}
        """Why the account is held back besides unanswered questions, in words."""
        self.is_barred = False
        """Nothing may leave but what is forced."""
        self.when_judged: list[Callable[[bool], None]] = []
        """Told of every answer a question got (True) or did not (False)."""
        self.instruments = Question("instruments", exchange.fetch_instruments, Ask.INSTRUMENTS, Work.POLL)
        self.balances = Question("balances", exchange.fetch_balances, Ask.BALANCES, Work.SWEEP)
        self.open_orders = Question("open orders", exchange.fetch_open_orders, Ask.OPEN_ORDERS, Work.SWEEP)
        self.questions = (self.instruments, self.balances, self.open_orders)
        self.newest = self._told = AccountChanged(account=account, ready=False, detail="starting", balances={})
        self._told_ms = -TELL_PAUSE_MS
        self._is_telling_later = False

    def start(self) -> None:
        for question in self.questions:
            self.ask(question)
        self._tell()

    @property
    def is_compared(self) -> bool:
        """Everything was known once: trading may begin."""
        return all(question.is_answered for question in self.questions)

    @property
    def is_failing(self) -> bool:
        """A question has not been answered, again and again, or the answer was no."""
        return any(each.is_refused or each.failures >= UNREACHABLE_FAILURES for each in self.questions)

    @property
    def refused(self) -> tuple[Question, ...]:
        """Questions the exchange says no to, as to a key that it does not take: from the start on, or all the time."""
        return tuple(
            each
            for each in self.questions
            if each.is_refused and (not each.is_answered or each.failures >= UNREACHABLE_FAILURES)
        )

    # --- questions --------------------------------------------------------------------------------

    def ask(self, question: Question, *, is_forced: bool = False) -> None:
        """Asks, unless it is being asked already, as soon as it may leave. `is_forced`: though the way is barred."""
        if question.is_asked or (question.is_wanted and not is_forced):
            return
        if self.is_barred and not is_forced:
            question.is_wanted = True
            return
        # What is forced closes the circuit: entries of others behind the same address must not keep it open.
        work = question.work if question.is_answered and not is_forced else FIRST_WORK
        wait_ms = self._exchange.budget.take(question.ask, work, self._life.now_ms())
        question.is_wanted = wait_ms > 0
        question.turn += 1
        if wait_ms:
            self._due.after(wait_ms, partial(self._waited, question, question.turn, is_forced))
            return
        question.is_asked = True
        self._due.after(ANSWER_TIMEOUT_MS, partial(self._late, question, question.turn))
        question.put()

    def ask_anew(self, question: Question) -> None:
        """Asks what is true from now on: an answer that is under way may be older."""
        question.is_stale = question.is_asked
        self.ask(question)

    def open_up(self) -> None:
        """The way is free again: what waited for that leaves."""
        self.is_barred = False
        for question in self.questions:
            if question.is_wanted:
                question.is_wanted = False
                self.ask(question)

    def _waited(self, question: Question, turn: int, is_forced: bool) -> None:
        if question.turn == turn and question.is_wanted:
            question.is_wanted = False
            self.ask(question, is_forced=is_forced)

    def _late(self, question: Question, turn: int) -> None:
        if question.is_asked and question.turn == turn:
            self.failed(question, "no answer")

    def failed(self, question: Question, words: str, *, is_refused: bool = False) -> None:
        """Asked again after a pause that grows, as new. `is_refused`: the exchange did answer, it said no."""
        question.is_stale = False
        question.is_asked = False
        question.failures += 1
        question.is_refused = is_refused
        self._was_judged(is_refused)
        question.words = f"{question.name}: {words or 'failed'}"
        pause_ms = min(BACK_OFF_MS << min(question.failures - 1, 16), MAX_BACK_OFF_MS)
        self._due.after(pause_ms, partial(self._again, question, question.turn))
        for call in question.when_failed:
            call(question.words)
        self._judge()
        for judged in question.when_judged:
            judged()

    def _again(self, question: Question, turn: int) -> None:
        if question.turn == turn:
            self.ask(question)

    def answered(self, question: Question) -> None:
        """By an answer, or by news of the same content that came unasked."""
        if question.is_asked:
            self._was_judged(True)
        is_stale = question.is_asked and question.is_stale
        question.is_asked = question.is_stale = False
        question.is_answered = True
        question.failures, question.is_refused, question.words = 0, False, ""
        self._judge()
        for judged in question.when_judged:
            judged()
        if is_stale:
            self.ask(question)

    def _was_judged(self, is_well: bool) -> None:
        for call in self.when_judged:
            call(is_well)

    def balances_came(self, message: BalancesFetched) -> None:
        self.newest = replace(self.newest, balances=message.balances, positions=message.positions)
        self.answered(self.balances)

    def compared(self, held_symbols: frozenset[str], time_ms: int) -> None:
        """The account was compared with the store; they differ about these instruments (ORD-7)."""
        self.newest = replace(self.newest, held_symbols=held_symbols, compared_ms=time_ms)
        self._tell_soon()

    # --- what Pool hears --------------------------------------------------------------------------

    def hold(self, name: str, words: str) -> None:
        """The account is not ready as long as this stands: Pool keeps new entries waiting, with these words."""
        if self._holds.get(name) != words:
            self._holds[name] = words
            self._judge()

    def release(self, name: str) -> None:
        if self._holds.pop(name, None) is not None:
            self._judge()

    def _judge(self) -> None:
        missing = [question for question in self.questions if not question.is_answered]
        lost = [question for question in self.questions if question.failures >= UNREACHABLE_FAILURES]
        refused = self.refused
        detail = _together(dict.fromkeys((*missing, *lost)))
        if refused:
            words = f"the exchange refuses the API key ({_together(refused)}): nothing can be sent"
            self._alerts.raise_(KEY_REFUSED, "critical", "exchange", f"{self.newest.account}: {words}")
            detail = f"the exchange refuses the API key: {detail}"
        elif not missing:
            self._alerts.resolve(KEY_REFUSED)
        if any(question not in refused for question in lost):
            self._alerts.raise_(UNREACHABLE, "error", "exchange", f"{self.newest.account}: {detail}")
        elif refused or not missing:
            self._alerts.resolve(UNREACHABLE)
        detail = "; ".join(words for words in (*self._holds.values(), detail) if words)
        if detail != self.newest.detail or self.newest.ready is bool(detail):
            self.newest = replace(self.newest, ready=not detail, detail=detail)
        self._tell_soon()

    def _tell_soon(self) -> None:
        if self.newest == self._told:
            return
        wait_ms = self._told_ms + TELL_PAUSE_MS - self._life.now_ms()
        if self.newest.ready is not self._told.ready or not 0 < wait_ms <= TELL_PAUSE_MS:
            self._tell()
        elif not self._is_telling_later:
            self._is_telling_later = True
            self._due.after(wait_ms, self._tell_later)

    def _tell_later(self) -> None:
        self._is_telling_later = False
        if self.newest != self._told:
            self._tell()

    def _tell(self) -> None:
        self._told, self._told_ms = self.newest, self._life.now_ms()
        self._life.tell(self._pool, self._told)


def _together(questions: Iterable[Question]) -> str:
    """Why they have no answer, those with the same words together: `balances, open orders: no route`."""
    by_words: dict[str, list[str]] = {}
    for question in questions:
        words = question.words.removeprefix(f"{question.name}: ") or "not known yet"
        by_words.setdefault(words, []).append(question.name)
    return "; ".join(f"{', '.join(names)}: {words}" for words, names in by_words.items())
