"""The numbers that are looked at when `/metrics` is asked for. Nothing here waits: what takes time was asked before."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from actors.messages import AccountChanged
from actors.ports import Marks
from actors.rules.choices import World
from actors.rules.circuit import CircuitState
from actors.rules.records import DriftState
from actors.runtime import System, kind_of
from actors.view import Snapshot, View
from daemon.observe.account_watch import AccountWatch

Gauge = tuple[str, str, Mapping[str, str], float]
"""Name, help, labels, value. A name may come several times with other labels. `..._total` is a counter."""

SEVERITIES = ("debug", "info", "warning", "error", "critical")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """`counts`: further numbers by name, with their help."""

    system: System
    view: View
    worlds: Sequence[World]
    counts: Mapping[str, tuple[str, Callable[[], float]]]
    accounts: AccountWatch
    marks: Marks
    now_ms: Callable[[], int]
    version: str

    def __call__(self) -> Iterator[Gauge]:
        snapshot = self.view.current
        yield "terrace_standby", "1 while this daemon waits for the lead", {}, 0
        yield "terrace_build_info", "1; the version is its label", {"version": self.version}, 1
        yield from self._actors()
        yield from self._worlds(snapshot)
        yield from self._store(snapshot)
        for told in self.accounts.seen.values():
            yield from self._account(told)
        yield from self._quotes(snapshot)
        for name, (words, look) in self.counts.items():
            yield name, words, {}, look()

    def _worlds(self, snapshot: Snapshot) -> Iterator[Gauge]:
        for world in self.worlds:
            labels = {"world": world.value}
            yield "terrace_live_groups", "Groups that are not closed", labels, snapshot.live_count.get(world, 0)
            queued = sum(its is world for its, _ in snapshot.queued)
            yield "terrace_queued_signals", "Signals that wait", labels, queued
            pool = self.accounts.max_open_groups
            yield "terrace_max_open_groups", "Groups the pool has room for", labels, pool
            paused = (world, "paused") in snapshot.switches and bool(snapshot.switches[world, "paused"])
            yield "terrace_paused", "1 while entries are paused", labels, float(paused)
            last_ms = snapshot.last_signal_time_ms.get(world)
            if last_ms:
                words = "When the newest signal came"
                yield "terrace_last_signal_timestamp_seconds", words, labels, last_ms / 1000
            money = self.accounts.money.get(world)
            if money is not None:
                yield from _money(money, labels)

    def _store(self, snapshot: Snapshot) -> Iterator[Gauge]:
        yield "terrace_store_ok", "1 while the store takes writes", {}, float(snapshot.store_ok)
        yield "terrace_last_event_sequence", "Sequence of the newest event", {}, snapshot.last_sequence
        standing = dict.fromkeys(SEVERITIES, 0)
        for alert in snapshot.alerts.values():
            standing[alert.severity] = standing.get(alert.severity, 0) + 1
        for severity, count in standing.items():
            yield "terrace_alerts_standing", "Alerts that are raised and not resolved", {"severity": severity}, count
        drifts = dict.fromkeys(self.accounts.seen, 0)
        for drift in snapshot.drifts.values():
            if drift.state is DriftState.OPEN:
                drifts[drift.account] = drifts.get(drift.account, 0) + 1
        for account, count in drifts.items():
            words = "Differences between an account and the store that wait for a decision"
            yield "terrace_drifts_open", words, {"account": account}, count

    def _account(self, told: AccountChanged) -> Iterator[Gauge]:
        labels = {"account": told.account}
        yield "terrace_account_ready", "1 while the account is reconciled and trades", labels, float(told.ready)
        answers = told.account in self.accounts.answering
        yield "terrace_account_answers", "1 while its gateway answers in time", labels, float(answers)
        runs = self.accounts.comparisons.get(told.account, 0)
        yield "terrace_reconciliations_total", "Comparisons of an account with the store", labels, runs
        if told.compared_ms:
            words = "When the account was last compared with the store"
            yield "terrace_account_compared_timestamp_seconds", words, labels, told.compared_ms / 1000
        condition = told.condition
        if condition is None:
            return
        yield (
            "terrace_circuit_open",
            "1 while the account's circuit breaker holds requests back",
            labels,
            float(condition.circuit != CircuitState.CLOSED.value),
        )
        yield "terrace_open_orders", "Orders that are not final", labels, condition.open_orders
        yield "terrace_requests_waiting", "Requests that have not left yet", labels, condition.waiting
        yield "terrace_unknown_orders", "Orders of unknown fate for too long", labels, condition.unknown_orders
        blocked_s = max(0.0, (condition.blocked_until_ms - self.now_ms()) / 1000)
        yield "terrace_exchange_blocked_seconds", "How long the exchange takes nothing yet", labels, blocked_s
        if condition.clock_offset_ms is not None:
            words = "The exchange's clock less ours"
            yield "terrace_clock_offset_seconds", words, labels, condition.clock_offset_ms / 1000
        for window, used, limit in condition.windows:
            within = {**labels, "window": window}
            yield "terrace_rate_budget_used", "Weight in use of a request budget", within, used
            yield "terrace_rate_budget_limit", "Weight a request budget has", within, limit
        for stream, is_up, _ in condition.streams:
            yield "terrace_stream_up", "1 while the stream is connected", {**labels, "stream": stream}, float(is_up)

    def _quotes(self, snapshot: Snapshot) -> Iterator[Gauge]:
        """The oldest price of what is held, by account. A held instrument without any price is as old as its group."""
        now_ms = self.now_ms()
        oldest: dict[str, int] = {}
        for group in snapshot.live():
            quote = self.marks.quote(group.account, group.symbol)
            time_ms = quote.time_ms if quote is not None else group.create_time_ms
            oldest[group.account] = min(time_ms, oldest.get(group.account, time_ms))
        for account in sorted({*oldest, *self.accounts.seen}):
            age_s = max(0, now_ms - oldest.get(account, now_ms)) / 1000
            words = "Age of the oldest price of an instrument that is held"
            yield "terrace_quote_age_seconds", words, {"account": account}, age_s

    def _actors(self) -> Iterator[Gauge]:
        kinds: dict[str, list[int]] = {}
        for name, depth in self.system.depths().items():
            kinds.setdefault(kind_of(name), []).append(depth)
        for kind, depths in kinds.items():
            labels = {"actor": kind}
            yield "terrace_actors", "Actors alive, by kind", labels, len(depths)
            yield "terrace_mailbox_depth", "Messages waiting, by kind of actor", labels, sum(depths)
            yield "terrace_mailbox_depth_max", "Messages waiting in the fullest mailbox", labels, max(depths)


def free_bytes(folder: Path) -> int:
    """Room on the disk of a folder; 0 where it cannot be asked."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def _money(money: Mapping[str, float], labels: Mapping[str, str]) -> Iterator[Gauge]:
    words = {
        "equity": "Worth of all accounts, in the reporting currency",
        "unrealized_profit": "Profit of what is held, in the reporting currency",
        "realized_profit": "Profit booked since the beginning, net of fees, in quote",
        "fees": "Fees paid since the beginning, in quote",
    }
    for name, value in money.items():
        yield f"terrace_{name}", words[name], labels, value
