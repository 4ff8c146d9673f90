"""Silence of a source and lateness of orders, on rows as they are committed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from actors.rules.model import OrderState, Outcome
from actors.rules.records import RaiseAlert, ResolveAlert, Row, SaveOrder, SaveSignal
from actors.rules.settings import AlertSettings, Settings
from daemon.notes import Notes
from daemon.observe import alerts
from daemon.observe.alerts import GRACE_MS, HOUR_MS, AlertWatch, SignalTap, tap_all
from tests.daemon.store import samples
from tests.daemon.test_watch import Recorded

T0 = 1_700_000_000_000


class Scene:
    def __init__(self, heard_ms: dict[str, int] | None = None, **thresholds: Any) -> None:
        self.settings = Settings(alerts=AlertSettings(**thresholds))
        self.time_ms = T0
        self.recorded = Recorded()
        recorder: Any = self.recorded
        clock: Any = self
        self.tap = SignalTap(heard_ms or {})
        self.watch = AlertWatch(self.tap, Notes(recorder, clock), lambda: self.settings, T0, self.now_ms)

    def now_ms(self) -> int:
        return self.time_ms

    def look(self, time_ms: int) -> list[str]:
        """What was raised or resolved by looking at that time."""
        self.time_ms = time_ms
        before = len(self.recorded.kinds())
        self.watch.look()
        return self.recorded.kinds()[before:]


def opening(receive_ms: int, source: str = "tradingview") -> tuple[SaveSignal, SaveOrder]:
    """A signal and its first order, as they are committed together."""
    rows = samples.opening(1)
    signal = next(row for row in rows if isinstance(row, SaveSignal))
    order = next(row for row in rows if isinstance(row, SaveOrder))
    signal = replace(
        signal, outcome=Outcome.OPENED, signal=replace(signal.signal, source=source, receive_time_ms=receive_ms)
    )
    pending = replace(order.order, state=OrderState.PENDING, create_time_ms=receive_ms, update_time_ms=receive_ms)
    return signal, SaveOrder(order=pending)


def acknowledged(row: SaveOrder, time_ms: int) -> SaveOrder:
    return SaveOrder(order=replace(row.order, state=OrderState.OPEN, update_time_ms=time_ms))


@pytest.mark.rule("SIG-14")
def test_a_source_that_is_silent_for_so_long_is_an_alert_until_it_is_heard_again() -> None:
    scene = Scene(silence_hours=2)
    assert scene.look(T0 + 2 * HOUR_MS - 1) == []
    assert scene.look(T0 + 2 * HOUR_MS) == ["RaiseAlert signal_silence/tradingview"]
    assert scene.look(T0 + 3 * HOUR_MS) == []
    raised = next(row for row in scene.recorded.rows if isinstance(row, RaiseAlert))
    assert raised.message == "source tradingview has sent nothing for 2 hours (alerts.silence_hours)"
    scene.tap.committed(opening(T0 + 3 * HOUR_MS)[:1])
    assert scene.look(T0 + 3 * HOUR_MS + 1) == ["ResolveAlert signal_silence/tradingview"]
    assert scene.look(T0 + 5 * HOUR_MS) == ["RaiseAlert signal_silence/tradingview"]


@pytest.mark.rule("SIG-14")
def test_silence_counts_over_a_restart_but_what_is_spooled_may_come_first() -> None:
    scene = Scene({"tradingview": T0 - 3 * HOUR_MS}, silence_hours=2)
    assert scene.look(T0 + GRACE_MS - 1) == []
    assert scene.look(T0 + GRACE_MS) == ["RaiseAlert signal_silence/tradingview"]


@pytest.mark.rule("SIG-14", "CFG-2")
def test_silence_is_not_judged_without_a_threshold_and_ends_with_it() -> None:
    scene = Scene()
    assert scene.look(T0 + 1_000 * HOUR_MS) == []
    scene.settings = replace(scene.settings, alerts=AlertSettings(silence_hours=2))
    assert scene.look(T0 + 1_000 * HOUR_MS) == ["RaiseAlert signal_silence/tradingview"]
    scene.settings = replace(scene.settings, alerts=AlertSettings())
    assert scene.look(T0 + 1_000 * HOUR_MS) == ["ResolveAlert signal_silence/tradingview"]


@pytest.mark.rule("LOG-5")
def test_an_order_that_was_late_at_the_exchange_is_an_alert_until_none_is_late_for_a_while() -> None:
    scene = Scene(latency_ms=1_000)
    signal, order = opening(T0)
    scene.tap.committed((signal, order))
    scene.tap.committed((acknowledged(order, T0 + 1_000),))
    assert scene.look(T0 + 1_001) == [], "on time"
    scene.tap.committed((signal, order))
    scene.tap.committed((acknowledged(order, T0 + 1_001),))
    assert scene.look(T0 + 1_002) == ["RaiseAlert latency"]
    assert scene.look(T0 + alerts.CALM_MS) == []
    assert scene.look(T0 + 1_002 + alerts.CALM_MS) == ["ResolveAlert latency"]


@pytest.mark.rule("LOG-5")
def test_an_order_that_never_gets_there_is_late_too_and_counts_once() -> None:
    scene = Scene(latency_ms=1_000)
    scene.tap.committed(opening(T0))
    assert scene.look(T0 + 1_000) == []
    assert scene.look(T0 + 1_001) == ["RaiseAlert latency"]
    assert scene.look(T0 + 1_001 + alerts.CALM_MS) == ["ResolveAlert latency"]
    assert scene.look(T0 + 1_001 + 2 * alerts.CALM_MS) == []


def test_signals_that_waited_in_the_queue_and_commits_that_were_refused_do_not_count() -> None:
    scene = Scene(latency_ms=1_000)
    signal, order = opening(T0)
    scene.tap.committed((replace(signal, outcome=Outcome.QUEUED), order))
    tap_all(scene.tap, [("a", opening(T0))], [False])
    assert scene.tap.oldest() is None


def test_what_is_remembered_of_signals_is_bounded() -> None:
    tap = SignalTap({})
    signal, order = opening(T0)
    for number in range(alerts.MAX_AWAITED + 50):
        name = f"order-{number}"
        tap.committed((signal, SaveOrder(order=replace(order.order, client_order_id=name))))
        tap.committed((opening(T0, f"source-{number}")[0],))
    assert len(tap._awaited) == alerts.MAX_AWAITED
    assert len(tap.heard_ms) == alerts.MAX_SOURCES
    rows: list[Row] = [ResolveAlert(alert_key="x", time_ms=1)]
    tap.committed(rows)
