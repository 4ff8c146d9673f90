"""What was asked of a venue and what it answered, as a record of its own (LOG-3)."""

from __future__ import annotations

from dataclasses import dataclass

from actors.rules.model import Order
from actors.rules.rates import Ask

CHANGING = frozenset({Ask.SUBMIT, Ask.CANCEL, Ask.AMEND, Ask.SETUP})
"""Requests that change something at the venue, or that it must allow. The others are counted only."""
ANSWERED = "answered"
ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueRequest:
    """One request, over. `fate`: one of `Fate` where it failed, `ANSWERED`, or `ABANDONED` before there was an answer.
    `words`: the venue's own, without addresses and secrets."""

    account: str
    ask: Ask
    time_ms: int
    """When it was asked."""
    latency_ms: int
    status: int
    """Of HTTP; 0: there was no answer."""
    fate: str = ANSWERED
    code: str = ""
    words: str = ""
    order: Order | None = None
    """What it was about, as it was when it was asked."""
