"""When an exchange that keeps failing is left alone, and when it is tried again (REC-3).

Closed: everything leaves. Open: nothing does until `retry_ms`. Half-open: one cheap question leaves, and its answer
decides. A failure is an answer that never came or said "not now"; a refusal is an answer like any other.

Answers of one moment count once: a connection that breaks under twenty requests is one failure, not twenty.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

MAX_DOUBLINGS = 16


class CircuitState(Enum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitRules:
    moment_ms: int = 250
    """Answers this close together are one moment. As long as the shortest pause between two tries of an order."""
    failures_in_row: int = 5
    """Failed moments in a row that open it: a single order tried again and again gets there in four seconds."""
    window_ms: int = 30_000
    window_moments: int = 10
    """Fewer moments than these within the window prove nothing."""
    failed_percent: int = 50
    """So many of them failed: it opens, even if every other answer was fine."""
    first_pause_ms: int = 2_000
    """Short: exits wait meanwhile."""
    max_pause_ms: int = 60_000
    calm_ms: int = 60_000
    """Closed for so long: the next pause is the first one again."""


DEFAULT_RULES = CircuitRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    number: int
    has_failed: bool = False
    has_succeeded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    state: CircuitState = CircuitState.CLOSED
    in_row: int = 0
    """Failed moments since the last success."""
    moments: tuple[_Moment, ...] = ()
    """Of the window, oldest first."""
    openings: int = 0
    """Times it opened or stayed open since it was last calm; the pause doubles with each."""
    retry_ms: int = 0
    """Open: when one question may be tried."""
    closed_ms: int | None = None
    """When it last closed again; None: it never was open."""

    @property
    def lets_through(self) -> bool:
        return self.state is CircuitState.CLOSED


def succeeded(circuit: Circuit, now_ms: int, rules: CircuitRules = DEFAULT_RULES) -> Circuit:
    """The exchange gave an answer, a refusal included. While open that is old news: only the probe closes it."""
    if circuit.state is CircuitState.OPEN:
        return circuit
    if circuit.state is CircuitState.HALF_OPEN:
        return Circuit(openings=circuit.openings, closed_ms=now_ms)
    moments = _noted(circuit.moments, now_ms, rules, failed=False)
    if moments is circuit.moments and circuit.in_row == 0:
        return circuit
    return replace(circuit, in_row=0, moments=moments)


def failed(circuit: Circuit, now_ms: int, fraction: float = 0.0, rules: CircuitRules = DEFAULT_RULES) -> Circuit:
    """It failed without a verdict. `fraction`, in [0, 1): up to a quarter more pause, so that accounts spread."""
    if circuit.state is CircuitState.OPEN:
        return circuit
    if circuit.state is CircuitState.HALF_OPEN:
        return _opened(circuit, now_ms, fraction, rules)
    moments = _noted(circuit.moments, now_ms, rules, failed=True)
    if moments is circuit.moments:
        return circuit
    noted = replace(circuit, moments=moments, in_row=circuit.in_row + 1)
    return _opened(noted, now_ms, fraction, rules) if _is_too_much(noted, rules) else noted


def tried(circuit: Circuit, now_ms: int, rules: CircuitRules = DEFAULT_RULES) -> Circuit:
    """Half-open once the pause is over: the caller sends one question now. A clock set back does not lengthen it."""
    if circuit.state is not CircuitState.OPEN:
        return circuit
    was_set_back = circuit.retry_ms - now_ms > 2 * rules.max_pause_ms
    if now_ms >= circuit.retry_ms or was_set_back:
        return replace(circuit, state=CircuitState.HALF_OPEN)
    return circuit


def _is_too_much(circuit: Circuit, rules: CircuitRules) -> bool:
    if circuit.in_row >= rules.failures_in_row:
        return True
    moments = len(circuit.moments)
    failures = sum(moment.has_failed for moment in circuit.moments)
    return moments >= rules.window_moments and failures * 100 >= moments * rules.failed_percent


def _opened(circuit: Circuit, now_ms: int, fraction: float, rules: CircuitRules) -> Circuit:
    is_calm = circuit.closed_ms is not None and abs(now_ms - circuit.closed_ms) >= rules.calm_ms
    before = 0 if is_calm and circuit.state is CircuitState.CLOSED else circuit.openings
    pause_ms = min(rules.first_pause_ms << min(before, MAX_DOUBLINGS), rules.max_pause_ms)
    return Circuit(
        state=CircuitState.OPEN,
        in_row=circuit.in_row,
        openings=before + 1,
        retry_ms=now_ms + pause_ms + int(pause_ms * fraction / 4),
        closed_ms=circuit.closed_ms,
    )


def _noted(moments: tuple[_Moment, ...], now_ms: int, rules: CircuitRules, *, failed: bool) -> tuple[_Moment, ...]:
    """The moments with this answer, those outside the window left out; the same tuple if it says nothing new."""
    number = now_ms // rules.moment_ms
    oldest = number - rules.window_ms // rules.moment_ms
    last = moments[-1] if moments else None
    if last is not None and last.number == number:
        if last.has_failed if failed else last.has_succeeded:
            return moments
        now = replace(last, has_failed=last.has_failed or failed, has_succeeded=last.has_succeeded or not failed)
        return (*moments[:-1], now)
    kept = tuple(moment for moment in moments if oldest < moment.number < number)
    return (*kept, _Moment(number=number, has_failed=failed, has_succeeded=not failed))
