"""Is the account ready to trade, and what does it own: three questions, asked until answered, and what Pool is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from actors.due import Due
from actors.gateway_alerts import GatewayAlerts
from actors.messages import AccountChanged, BalancesFetched
from actors.ports import Exchange
from actors.runtime import Life

TELL_PAUSE_MS = 200
"""Changes of balances within this time are told to Pool together."""
ANSWER_TIMEOUT_MS = 20_000
BACK_OFF_MS = 1_000
MAX_BACK_OFF_MS = 60_000
UNREACHABLE_FAILURES = 3
"""Failed questions in a row after which the account is not ready any more."""
UNREACHABLE = "unreachable"


@dataclass(slots=True, eq=False)
class Question:
    """One thing asked of the exchange again and again: is it under way, and how did it go."""

    name: str
    put: Callable[[], None]
    """Asks the exchange."""
    when_failed: list[Callable[[str], None]] = field(default_factory=list)
    is_answered: bool = False
    """At least once in this life."""
    is_asked: bool = False
    failures: int = 0
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
        self.instruments = Question("instruments", exchange.fetch_instruments)
        self.balances = Question("balances", exchange.fetch_balances)
        self.open_orders = Question("open orders", exchange.fetch_open_orders)
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

    # --- questions --------------------------------------------------------------------------------

    def ask(self, question: Question) -> None:
        """Asks, unless it is being asked already."""
        if question.is_asked:
            return
        question.is_asked = True
        question.turn += 1
        self._due.after(ANSWER_TIMEOUT_MS, partial(self._late, question, question.turn))
        question.put()

    def _late(self, question: Question, turn: int) -> None:
        if question.is_asked and question.turn == turn:
            self.failed(question, "no answer")

    def failed(self, question: Question, words: str) -> None:
        """Asked again after a pause that grows."""
        question.is_asked = False
        question.failures += 1
        question.words = f"{question.name}: {words or 'failed'}"
        pause_ms = min(BACK_OFF_MS << min(question.failures - 1, 16), MAX_BACK_OFF_MS)
        self._due.after(pause_ms, partial(self._again, question, question.turn))
        for call in question.when_failed:
            call(question.words)
        self._judge()

    def _again(self, question: Question, turn: int) -> None:
        if question.turn == turn:
            self.ask(question)

    def answered(self, question: Question) -> None:
        question.is_asked = False
        question.is_answered = True
        question.failures, question.words = 0, ""
        self._judge()

    def balances_came(self, message: BalancesFetched) -> None:
        self.newest = replace(self.newest, balances=message.balances, positions=message.positions)
        self.answered(self.balances)

    # --- what Pool hears --------------------------------------------------------------------------

    def _judge(self) -> None:
        missing = [question for question in self.questions if not question.is_answered]
        lost = [question for question in self.questions if question.failures >= UNREACHABLE_FAILURES]
        wanting = dict.fromkeys((*missing, *lost))
        detail = "; ".join(question.words or f"{question.name}: not known yet" for question in wanting)
        if lost:
            self._alerts.raise_(UNREACHABLE, "error", "exchange", f"{self.newest.account}: {detail}")
        elif not missing:
            self._alerts.resolve(UNREACHABLE)
        self.newest = replace(self.newest, ready=not wanting, detail=detail)
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
