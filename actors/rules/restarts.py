"""When a failed actor is started again, and when it is given up (REC-2).

Failures fade: each counts one when it happens and half as much with every half-life that passes. So a part that fails
once a day is always restarted at once, and one that fails again and again is given up, without a window whose edges
matter. Times are milliseconds; nothing here is money, so plain floats do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    max_intensity: float = 5.0
    """Faded failures that are borne; above it the part is given up."""
    half_life_ms: int = 30_000
    base_delay_ms: int = 100
    """Wait before the first restart, doubled with every further faded failure."""
    max_delay_ms: int = 10_000
    jitter_share: float = 0.5
    """Largest part of the wait that chance may take off."""
    max_history: int = 64
    """Failures remembered."""


DEFAULT_POLICY = RestartPolicy()


def intensity(history: Sequence[int], now_ms: int, policy: RestartPolicy = DEFAULT_POLICY) -> float:
    """Faded number of the failures at these times. A clock that jumped back makes none count for more than one."""
    ages_ms = (max(now_ms - failed_ms, 0) for failed_ms in history)
    return float(sum(0.5 ** (age_ms / policy.half_life_ms) for age_ms in ages_ms))


def next_delay_ms(
    history: Sequence[int], now_ms: int, jitter: float, policy: RestartPolicy = DEFAULT_POLICY
) -> int | None:
    """Wait before the restart that follows the last failure of `history`; None: give up.

    `history` are times of failures, the one at hand included; `jitter` is a number from 0 up to 1. Exponential in the
    faded failures, never above `max_delay_ms`; jitter only shortens it. Without failures there is nothing to wait for.
    """
    faded = intensity(history, now_ms, policy)
    if not history:
        return 0
    if faded > policy.max_intensity:
        return None
    doublings = min(max(faded - 1.0, 0.0), 30.0)
    delay_ms = min(policy.base_delay_ms * 2.0**doublings, float(policy.max_delay_ms))
    return int(delay_ms * (1.0 - policy.jitter_share * jitter))


def remember(history: Sequence[int], now_ms: int, policy: RestartPolicy = DEFAULT_POLICY) -> tuple[int, ...]:
    """The history with a failure now, without those that have faded to under a thousandth, at most `max_history`."""
    kept = [failed_ms for failed_ms in history if now_ms - failed_ms < 10 * policy.half_life_ms]
    return (*kept, now_ms)[-policy.max_history :]
