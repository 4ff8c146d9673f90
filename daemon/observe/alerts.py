"""Alerts of the daemon as a whole: a source that is silent (SIG-14), and signals that become orders late (LOG-5).

Both follow what is committed: `SignalTap` looks at each batch in the Journal's thread and keeps times, `AlertWatch`
judges them every second.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence

from actors.rules.model import Order, OrderState, Outcome, Role
from actors.rules.records import Row, SaveOrder, SaveSignal
from actors.rules.settings import Settings
from daemon.notes import Notes

SILENCE, LATENCY = "signal_silence", "latency"
MAX_AWAITED = 2_000
"""Signals whose first order is awaited; the oldest are forgotten."""
MAX_SOURCES = 1_000
GRACE_MS = 300_000
"""After a start, what waits in a forwarder's spool comes first."""
CALM_MS = 300_000
"""Lateness is over when no order was late for so long."""
HOUR_MS = 3_600_000

_AT_ONCE = frozenset({Outcome.OPENED, Outcome.PYRAMIDED, Outcome.REVERSED})
"""Outcomes whose order is due at once. One that waited in the queue has its own time."""


class SignalTap:
    """When each source was heard last, and which signals wait for their first order to be at the exchange."""

    def __init__(self, heard_ms: Mapping[str, int]) -> None:
        """`heard_ms`: of each source, from the store."""
        self.heard_ms: dict[str, int] = dict(heard_ms)
        self._awaited: OrderedDict[str, tuple[str, int]] = OrderedDict()
        """Signal and its arrival, by client order id. Changed by the Journal's thread alone."""
        self._worst: tuple[int, str] = (0, "")
        self._ordered_ids: OrderedDict[str, None] = OrderedDict()
        self.ordered: Callable[[int], None] = lambda _took_ms: None
        """Told of each signal whose first order is at the exchange, how many ms that took."""

    def committed(self, rows: Iterable[Row]) -> None:
        """Rows of one commit that is durable."""
        signal: SaveSignal | None = None
        for row in rows:
            if isinstance(row, SaveSignal):
                self._heard(row)
                signal = row if row.outcome in _AT_ONCE else None
            elif isinstance(row, SaveOrder):
                self._ordered(row.order, signal)

    def _heard(self, row: SaveSignal) -> None:
        source, time_ms = row.signal.source, row.signal.receive_time_ms
        if source in self.heard_ms or len(self.heard_ms) < MAX_SOURCES:
            self.heard_ms[source] = max(self.heard_ms.get(source, 0), time_ms)

    def _ordered(self, order: Order, signal: SaveSignal | None) -> None:
        if order.role is not Role.ENTRY:
            return
        if order.state is OrderState.PENDING:
            if signal is not None:
                self._awaited[order.client_order_id] = (signal.signal.signal_id, signal.signal.receive_time_ms)
                while len(self._awaited) > MAX_AWAITED:
                    self._awaited.popitem(last=False)
            return
        found = self._awaited.pop(order.client_order_id, None)
        if found is not None:
            signal_id, receive_ms = found
            took_ms = order.update_time_ms - receive_ms
            self._worst = max(self._worst, (took_ms, signal_id))
            if signal_id not in self._ordered_ids:  # A ladder has several orders.
                self._ordered_ids[signal_id] = None
                while len(self._ordered_ids) > MAX_AWAITED:
                    self._ordered_ids.popitem(last=False)
                self.ordered(max(0, took_ms))

    def take_worst(self) -> tuple[int, str]:
        """The longest way, in ms, and its signal, since this was asked last; (0, "") if there was none."""
        worst, self._worst = self._worst, (0, "")
        return worst

    def oldest(self) -> tuple[int, str] | None:
        """Arrival and id of the signal that waits longest for an order of its own to be at the exchange."""
        return min(((time_ms, signal_id) for signal_id, time_ms in tuple(self._awaited.values())), default=None)


class AlertWatch:
    """Told every second. `start_ms`: of the daemon."""

    def __init__(
        self, tap: SignalTap, notes: Notes, settings: Callable[[], Settings], start_ms: int, now_ms: Callable[[], int]
    ) -> None:
        self._tap = tap
        self._notes = notes
        self._settings = settings
        self._start_ms = start_ms
        self._now_ms = now_ms
        self._silent: set[str] = set()
        self._late_ms: int | None = None
        """When an order was late last; None: none is."""
        self._told: OrderedDict[str, None] = OrderedDict()
        """Signals that were told to wait, so that each counts once."""

    def begin(self) -> None:
        """Whoever raised what stands has died."""
        self._notes.commit(*self._notes.resolved_of_dead((f"{SILENCE}/", LATENCY)))

    def look(self) -> None:
        now_ms = self._now_ms()
        self._look_for_silence(now_ms)
        self._look_for_lateness(now_ms)

    def _look_for_silence(self, now_ms: int) -> None:
        settings = self._settings()
        hours = settings.alerts.silence_hours
        for source in self._silent - (settings.sources.keys() if hours is not None else set()):
            self._end_silence(source)
        if hours is None or now_ms - self._start_ms < GRACE_MS:
            return
        for source in settings.sources:
            silent_ms = now_ms - self._tap.heard_ms.get(source, self._start_ms)
            if silent_ms < hours * HOUR_MS:
                if source in self._silent:
                    self._end_silence(source)
            elif source not in self._silent:
                self._silent.add(source)
                words = f"source {source} has sent nothing for {silent_ms // HOUR_MS} hours (alerts.silence_hours)"
                self._notes.raise_alert(f"{SILENCE}/{source}", "warning", "signal", words)

    def _end_silence(self, source: str) -> None:
        self._silent.discard(source)
        self._notes.commit(self._notes.resolved(f"{SILENCE}/{source}"))

    def _look_for_lateness(self, now_ms: int) -> None:
        most_ms = self._settings().alerts.latency_ms
        took_ms, signal_id = self._tap.take_worst()
        oldest = self._tap.oldest()
        if oldest is not None and oldest[1] not in self._told and now_ms - oldest[0] > max(took_ms, most_ms):
            took_ms, signal_id = now_ms - oldest[0], oldest[1]
            self._told[signal_id] = None
            while len(self._told) > MAX_AWAITED:
                self._told.popitem(last=False)
        if took_ms > most_ms:
            is_news = self._late_ms is None
            self._late_ms = now_ms
            words = (
                f"{took_ms} ms from a signal to its first order, more than alerts.latency_ms ({most_ms}): {signal_id}"
            )
            if is_news:
                self._notes.raise_alert(LATENCY, "warning", "order", words)
        elif self._late_ms is not None and not 0 <= now_ms - self._late_ms < CALM_MS:
            self._late_ms = None
            self._notes.commit(self._notes.resolved(LATENCY))


def tap_all(tap: SignalTap, batch: Sequence[tuple[str, Sequence[Row]]], durable: Iterable[bool]) -> None:
    """Shows the tap the commits of a batch that are durable."""
    for (_, rows), is_durable in zip(batch, durable, strict=True):
        if is_durable:
            tap.committed(rows)
