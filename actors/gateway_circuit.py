"""The circuit breaker of one account (REC-3): who feeds it, what it bars, and the one question that closes it again."""

from __future__ import annotations

from collections.abc import Callable

from actors.due import Due
from actors.gateway_account import AccountWatch
from actors.gateway_alerts import GatewayAlerts
from actors.rules import circuit as rules
from actors.rules.circuit import Circuit, CircuitState

CIRCUIT = "circuit"
"""Kind of its alert, and what it holds the account with."""
WORDS = "the exchange keeps failing: nothing is sent but a question now and then until it answers"


class CircuitBreaker:
    """`lets_through` is what the order desk looks at before anything leaves; questions are barred here."""

    def __init__(
        self,
        *,
        account: str,
        watch: AccountWatch,
        alerts: GatewayAlerts,
        due: Due,
        now_ms: Callable[[], int],
        fraction: Callable[[], float],
    ) -> None:
        self._account = account
        self._watch = watch
        self._alerts = alerts
        self._due = due
        self._now_ms = now_ms
        self._fraction = fraction
        self._circuit = Circuit()
        self.when_closed: list[Callable[[], None]] = []
        """Called when everything may leave again."""
        watch.when_judged.append(self.judge)

    @property
    def lets_through(self) -> bool:
        return self._circuit.lets_through

    @property
    def state(self) -> CircuitState:
        return self._circuit.state

    @property
    def retry_ms(self) -> int:
        """When the next question may leave; 0: everything may."""
        return 0 if self._circuit.lets_through else self._circuit.retry_ms

    def judge(self, is_well: bool) -> None:
        """A request was answered, if only by a refusal, or it failed without a verdict."""
        now_ms, before = self._now_ms(), self._circuit
        if is_well:
            self._circuit = rules.succeeded(before, now_ms)
        else:
            self._circuit = rules.failed(before, now_ms, self._fraction())
        if self._circuit.state is before.state:
            return
        if self._circuit.lets_through:
            self._close()
        else:
            self._open()

    def _open(self) -> None:
        self._watch.is_barred = True
        self._due.at(self._circuit.retry_ms, self.probe)
        self._watch.hold(CIRCUIT, WORDS)
        self._alerts.raise_(CIRCUIT, "error", "exchange", f"{self._account}: {WORDS}")

    def probe(self) -> None:
        """Lets the one question out, if the pause is over."""
        before = self._circuit.state
        self._circuit = rules.tried(self._circuit, self._now_ms())
        if self._circuit.state is not before:
            self._watch.ask(self._watch.balances, is_forced=True)

    def _close(self) -> None:
        self._watch.release(CIRCUIT)
        self._alerts.resolve(CIRCUIT)
        self._watch.open_up()
        for call in self.when_closed:
            call()
