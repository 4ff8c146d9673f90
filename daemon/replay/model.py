"""What a replay is given, what it says on the way, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from actors.messages import Answer
from actors.rules.model import Instrument, Quote
from actors.rules.records import AddEquity
from actors.rules.settings import Settings
from daemon.api.errors import FieldFault
from daemon.exchanges.paper_books import Ledger

if TYPE_CHECKING:
    from daemon.store.memory import MemoryStore


class ReplayFault(Exception):
    """The replay cannot be done or not go on. Words for a person: which file, which line, which setting."""


@dataclass(frozen=True, slots=True)
class TimedAlert:
    """One alert as it came in, at its time. `source` names one of the config's, whose secret it is taken to have."""

    time_ms: int
    source: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayInput:
    """`candles`: a file or a folder of them. `alerts` in the order of time; equal times keep their order."""

    settings: Settings
    candles: Path
    signals: Iterable[TimedAlert]
    seed: int = 1
    instruments: Mapping[str, tuple[Instrument, ...]] = field(default_factory=dict)
    """By account on a real exchange: the rules its markets have there. Every account is traded on paper."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a replay is. `total_candles` is exact once the files have been read, which comes first."""

    candles: int
    total_candles: int
    now_ms: int
    """Virtual time; 0 while files are read."""
    alerts: int
    live_groups: int
    step: str
    """`reading <file>`, `replaying`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertOutcome:
    """What became of one alert: the engine's answer, and where it was queued, what followed.

    A body that cannot be read has `faults` and the outcome REJECTED (SIG-2). An alert that was refused without an
    outcome (its account was not ready, its source is unknown) has `answer` None and its words in `refused`.
    """

    number: int
    """Of the alert, from 1, in the order they came."""
    time_ms: int
    source: str
    answer: Answer | None
    """The first answer; `store.signals[answer.signal_id]` has the final outcome of what waited."""
    refused: str = ""
    faults: tuple[FieldFault, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleFacts:
    """A candle file that was used. `name` without its folder, `symbol` as in the name."""

    name: str
    symbol: str
    timeframe_ms: int
    candles: int
    start_ms: int
    """When its first candle opens; 0 where it has none."""
    end_ms: int
    """When its last one closes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayResult:
    """Everything a report is made of. The same input gives the same, whatever the machine."""

    store: MemoryStore
    """`groups`, `signals`, `events`, `alerts`, `trades`, `queue` as they are at the end."""
    ledgers: Mapping[str, Ledger]
    """The venue's own books by account: balances, positions, every order it accepted with its trades."""
    equity: tuple[AddEquity, ...]
    """By time. One more is taken at the end, with the last prices."""
    outcomes: tuple[AlertOutcome, ...]
    start_ms: int
    """When the first candle opens."""
    end_ms: int
    """When the last one closes."""
    candles: int
    """Of all symbols, as read from the files."""
    files: tuple[CandleFacts, ...] = ()
    """The candle files used, in order."""
    left_out: tuple[str, ...] = ()
    """Files of the folder of candles that are not used, in words."""
    marks: Mapping[tuple[str, str], Quote] = field(default_factory=dict)
    """The last prices, by account and unified symbol."""
    warnings: tuple[str, ...] = ()
    """What a person should know: symbols without candles, alerts before the first or after the last candle."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Of the machinery: `steps`, `stops` (instants with something to do), `alerts`, `groups`, `orders`, `fills`."""
