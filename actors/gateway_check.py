"""`terrace account check`: everything is tried once more, and whoever asked gets the exchange's word and our own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from actors.due import Due
from actors.gateway_account import AccountWatch
from actors.gateway_circuit import CircuitBreaker
from actors.gateway_health import RATE_NEAR_PERCENT, AccountHealth
from actors.gateway_orders import OrderDesk
from actors.gateway_prices import GatewayPrices
from actors.gateway_streams import StreamWatch
from actors.messages import AccountReport, ReplyTo
from actors.ports import Exchange, Marks
from actors.rules.circuit import CircuitState
from actors.rules.money import plain
from actors.runtime import Life

ANSWER_MS = 8_000
"""Whoever asks waits ten seconds: by then they hear what is known."""
MAX_PENDING = 100
"""People who may wait for an answer at once."""
NAMED_ASSETS = 20
"""Balances named; the rest is counted."""

DECISIVE = frozenset({"connection", "key"})
"""Checks without which nothing else can be known."""

Check = tuple[str, bool, str]
NO_ANSWER = "the exchange has not answered the check yet"
NO_ROOM = "the check waits for the request budget: try again in a minute"
CROWDED_PERCENT = 70
"""From here on a check may have to wait."""


class AccountCheck:
    """Answered once probe and balances were answered, or failed, after it was asked; else when the time is up."""

    def __init__(
        self,
        life: Life,
        *,
        account: str,
        exchange: Exchange,
        marks: Marks,
        due: Due,
        watch: AccountWatch,
        health: AccountHealth,
        streams: StreamWatch,
        circuit: CircuitBreaker,
        prices: GatewayPrices,
        orders: OrderDesk,
    ) -> None:
        self._life = life
        self._account = account
        self._exchange = exchange
        self._marks = marks
        self._due = due
        self._watch = watch
        self._health = health
        self._streams = streams
        self._circuit = circuit
        self._prices = prices
        self._orders = orders
        self._waiting: list[ReplyTo] = []
        self._missing: set[str] = set()
        """Answers that are still to come."""
        self._turn = 0
        health.when_probed.append(lambda: self._came("probe"))
        watch.balances.when_judged.append(lambda: self._came("balances"))

    def asked(self, reply_to: ReplyTo) -> None:
        if len(self._waiting) >= MAX_PENDING:
            self._life.tell(reply_to, self.report())
            return
        self._waiting.append(reply_to)
        if len(self._waiting) > 1:
            return
        self._turn += 1
        turn = self._turn
        self._missing = {"probe", "balances"}
        self._due.after(ANSWER_MS, lambda: self._time_is_up(turn))
        self._health.probe()

    def _came(self, what: str) -> None:
        if what == "probe" and what in self._missing:
            if _is_shut_out(self._health.checks):
                self._missing.clear()
            else:  # The probe has set our clock: now other questions may go.
                self._watch.ask(self._watch.balances)
        self._missing.discard(what)
        if not self._missing:
            self._answer()

    def _time_is_up(self, turn: int) -> None:
        if turn == self._turn:
            self._answer()

    def _answer(self) -> None:
        waiting, self._waiting = self._waiting, []
        for reply_to in waiting:
            self._life.tell(reply_to, self.report())

    # --- the report -------------------------------------------------------------------------------

    def report(self) -> AccountReport:
        """The exchange's checks first, then the engine's. A key that is not taken explains all the rest."""
        is_late = "probe" in self._missing
        checks = (("connection", False, self._why_late()),) if is_late else self._health.checks
        engine = () if not is_late and _is_shut_out(checks) else self._engine()
        own = (*self._clock(), *self._withdrawal(), *engine, self._sending(), self._rate())
        return AccountReport(account=self._account, checks=(*checks, *own))

    def _clock(self) -> Iterator[Check]:
        if self._health.clock_words:
            is_well = self._health.is_clock_well
            words = self._health.clock_words
            yield "clock", is_well, words if is_well else f"{words}: set it by a time server (NTP)"

    def _withdrawal(self) -> Iterator[Check]:
        """SEC-5."""
        if not self._health.may_withdraw:
            return
        if self._health.refuses_withdrawal:
            words = (
                "THE KEY MAY WITHDRAW FUNDS: take that permission away at the exchange, or set "
                f"accounts.{self._account}.allow_withdraw: true; no new entries until then"
            )
            yield "withdrawal", False, words
        else:
            yield "withdrawal", True, "THE KEY MAY WITHDRAW FUNDS; Terrace never needs that"

    def _engine(self) -> Iterator[Check]:
        for question in self._watch.questions:
            is_late = question.name in self._missing
            words = question.words or ("no answer yet" if is_late else "known")
            yield question.name, question.is_answered and not question.failures and not is_late, words
        subscribed = self._prices.subscribed
        priced = [symbol for symbol in subscribed if self._marks.quote(self._account, symbol) is not None]
        yield (
            "prices",
            len(priced) == len(subscribed),
            f"{len(priced)} of {len(subscribed)} subscribed symbols have a price",
        )
        yield self._funds()
        yield "streams", self._streams.are_well, self._streams.words
        state = self._circuit.state
        words = "closed" if state is CircuitState.CLOSED else "open: the exchange keeps failing, nothing is sent"
        yield "circuit", state is CircuitState.CLOSED, words

    def _sending(self) -> Check:
        overdue = len(self._orders.overdue)
        words = f"{len(self._orders)} not final, {self._orders.waiting} wait to be sent, {overdue} of unknown fate"
        return "orders", not overdue, words

    def _funds(self) -> Check:
        assets = [f"{plain(each.total)} {each.asset}" for each in self._watch.newest.balances.values() if each.total]
        more = f" and {len(assets) - NAMED_ASSETS} more" if len(assets) > NAMED_ASSETS else ""
        return "funds", bool(assets), ", ".join(assets[:NAMED_ASSETS]) + more or "the account is empty"

    def _why_late(self) -> str:
        return NO_ROOM if any(share >= CROWDED_PERCENT for share in self._shares().values()) else NO_ANSWER

    def _shares(self) -> dict[str, int]:
        """How full each window of the request budget is, in percent."""
        used = self._exchange.budget.used(self._life.now_ms())
        return {name: 100 * weight // limit for name, (weight, limit) in used.items() if limit}

    def _rate(self) -> Check:
        blocked_ms = self._exchange.budget.blocked_until_ms() - self._life.now_ms()
        if blocked_ms > 0:
            return "rate", False, f"the exchange takes nothing from this address for another {blocked_ms // 1000 + 1} s"
        shares = self._shares()
        told = ", ".join(f"{share} % of {name}" for name, share in shares.items())
        return "rate", all(share < RATE_NEAR_PERCENT for share in shares.values()), told or "no limits"


def _is_shut_out(checks: Iterable[Check]) -> bool:
    return any(name in DECISIVE and not is_well for name, is_well, _ in checks)
