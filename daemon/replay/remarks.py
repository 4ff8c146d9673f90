"""What a person should know of a replay before they believe its figures, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from actors.rules.model import Reason
from actors.rules.settings import Settings
from daemon.replay.model import CandleFacts, ReplayResult, TimedAlert

LONG_GAP_MS = 3 * 86_400_000
"""Between the times of two files; a weekend or a night is none."""
MAX_NAMED = 10
"""Symbols that are named one by one."""


def remarks(settings: Settings, alerts: Sequence[TimedAlert], result: ReplayResult) -> tuple[str, ...]:
    """`settings` as the config has them."""
    return (
        *result.left_out,
        *_worlds(settings),
        *_gaps(result.files),
        *_outside(alerts, result),
        *_without_candles(result),
        *_untaken(result),
    )


def _worlds(settings: Settings) -> Iterator[str]:
    worlds = {account.world for account in settings.accounts.values()}
    if len(worlds) > 1:
        named = ", ".join(sorted(world.value for world in worlds))
        yield f"accounts of several worlds ({named}) share one pool, one queue and one set of limits here"


def _gaps(files: Iterable[CandleFacts]) -> Iterator[str]:
    """Times in between of which no file has a candle: they count as days on which nothing happened."""
    end_ms = None
    for file in sorted(files, key=lambda file: (file.start_ms, file.name)):
        if end_ms is not None and file.start_ms - end_ms > LONG_GAP_MS:
            yield (
                f"no file has candles from {when(end_ms)} to {when(file.start_ms)} UTC, where {file.name} begins: "
                "figures by the day count this time, too"
            )
        end_ms = max(end_ms or 0, file.end_ms)


def _outside(alerts: Sequence[TimedAlert], result: ReplayResult) -> Iterator[str]:
    before = sum(alert.time_ms < result.start_ms for alert in alerts)
    after = sum(alert.time_ms >= result.end_ms for alert in alerts)
    span = f"the candles, {when(result.start_ms)} to {when(result.end_ms)} UTC"
    if before:
        yield f"{before} of {len(alerts)} signals are before {span}"
    if after:
        yield f"{after} of {len(alerts)} signals are after {span}"


def _without_candles(result: ReplayResult) -> Iterator[str]:
    """Signals of markets that have no price here: nothing of theirs can fill."""
    priced = {symbol for _, symbol in result.marks}
    counts: Counter[str] = Counter()
    for kept in result.store.signals.values():
        symbol = kept.saved.signal.key.symbol
        if symbol and symbol not in priced and kept.saved.reason is not Reason.UNKNOWN_SYMBOL:
            counts[symbol] += 1
    if counts:
        yield f"no candles of {_listed(counts)}: nothing of these signals can fill"


def _untaken(result: ReplayResult) -> Iterator[str]:
    counts = Counter(outcome.refused for outcome in result.outcomes if outcome.refused)
    for words, count in sorted(counts.items()):
        yield f"{count} signals were not taken: {words}"


def _listed(counts: Counter[str]) -> str:
    names = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{name} ({count})" for name, count in names[:MAX_NAMED])
    return shown if len(names) <= MAX_NAMED else f"{shown} and {len(names) - MAX_NAMED} more"


def when(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M")


def all_outside(alerts: Iterable[TimedAlert], result: ReplayResult) -> bool:
    """Whether nothing could happen: there are alerts, and none within the candles."""
    times = [alert.time_ms for alert in alerts]
    return bool(times) and not any(result.start_ms <= time_ms < result.end_ms for time_ms in times)
