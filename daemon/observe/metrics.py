"""Numbers for a monitoring system. What can be looked at is looked at when it is asked for; the rest is counted.

Names follow Prometheus: `terrace_` first, base units last (`_seconds`, `_bytes`), `_total` for what only grows. Labels
have few values: worlds, kinds of actors, accounts of the config. Symbols, sources, strategies and ids are none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from actors.rules.rates import Ask
from daemon.backup.making import BackupFailed, Made
from daemon.exchanges.venue_request import ANSWERED, VenueRequest
from daemon.observe.gauges import Gauge

COMMIT_BUCKETS_S = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
CALL_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
ORDER_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
REQUEST_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
LAG_BUCKETS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
MAX_ACCOUNTS = 100
"""Accounts with numbers of their own; further ones, which many reloads of the config could bring, are `other`."""
OTHER = "other"

disable_created_metrics()  # type: ignore[no-untyped-call]  # Half of the series would be times of creation.


class Metrics:
    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._accounts: set[str] = set()
        self.signals = Counter("terrace_signals", "Signals that got an outcome", ["outcome"], registry=registry)
        self.events = Counter("terrace_events", "Events committed", ["category", "severity"], registry=registry)
        self.signal_to_order = Histogram(
            "terrace_signal_to_order_seconds",
            "From the receipt of a signal to its first order being at the exchange",
            buckets=ORDER_BUCKETS_S,
            registry=registry,
        )
        self.commit_seconds = Histogram(
            "terrace_commit_seconds",
            "Time the store took for a batch of commits",
            buckets=COMMIT_BUCKETS_S,
            registry=registry,
        )
        self.commit_batch = Histogram(
            "terrace_commit_batch_size", "Commits in a batch", buckets=BATCH_BUCKETS, registry=registry
        )
        self.store_faults = Counter("terrace_store_faults", "Batches the store could not take", registry=registry)
        self.fills = Counter("terrace_fills", "Executions booked", ["account"], registry=registry)
        self.dead_letters = Counter("terrace_dead_letters", "Messages that stopped an actor", registry=registry)
        self.notifications = Counter(
            "terrace_notifications", "Messages to channels, by what became of them", ["state"], registry=registry
        )
        self.backups = Counter("terrace_backups", "Backups tried", ["result"], registry=registry)
        self.requests = Counter(
            "terrace_exchange_requests",
            "Requests to exchanges, by what became of them",
            ["account", "request", "result"],
            registry=registry,
        )
        self.request_seconds = Histogram(
            "terrace_exchange_request_seconds",
            "Time an exchange took for a request",
            ["account", "request"],
            buckets=REQUEST_BUCKETS_S,
            registry=registry,
        )
        self.call_seconds = Histogram(
            "terrace_api_call_seconds",
            "Time a call of the API took",
            ["method"],
            buckets=CALL_BUCKETS_S,
            registry=registry,
        )
        self.calls = Counter(
            "terrace_api_calls", "Calls of the API, by result", ["method", "result"], registry=registry
        )
        self.loop_lag = Histogram(
            "terrace_event_loop_lag_seconds",
            "How late the API's loop came to a task",
            buckets=LAG_BUCKETS_S,
            registry=registry,
        )
        self.slow = Counter(
            "terrace_slow_operations", "Operations that took longer than their limit", ["operation"], registry=registry
        )
        self.backup_ms = 0
        """When the newest backup of this process was made."""
        self.backup_bytes = 0
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        PlatformCollector(registry=registry)
        for result in ("made", "failed"):
            self.backups.labels(result)

    def account(self, name: str) -> str:
        """The name as a label. Any thread; a race may let in a few more."""
        if name not in self._accounts:
            if len(self._accounts) >= MAX_ACCOUNTS:
                return OTHER
            self._accounts.add(name)
        return name

    def backed_up(self, done: Made | BackupFailed) -> None:
        """A backup was tried. Any thread."""
        if isinstance(done, Made):
            self.backups.labels("made").inc()
            self.backup_ms, self.backup_bytes = done.manifest.create_time_ms, done.size_bytes
        else:
            self.backups.labels("failed").inc()

    def requested(self, request: VenueRequest) -> None:
        """A request to an exchange is over. Any thread; quick."""
        account, ask = self.account(request.account), request.ask.value
        self.requests.labels(account, ask, request.fate).inc()
        if request.fate == ANSWERED or request.status:
            self.request_seconds.labels(account, ask).observe(request.latency_ms / 1000)

    def expect_account(self, name: str) -> None:
        """The account's numbers stand at 0 until there are some, so that rules can be written about them."""
        self.fills.labels(self.account(name))

    def expect_requests(self, name: str) -> None:
        """The same for an account that is traded at an exchange."""
        account = self.account(name)
        for ask in (Ask.SUBMIT, Ask.CANCEL):
            self.requests.labels(account, ask.value, ANSWERED)
            self.request_seconds.labels(account, ask.value)

    def look_at(self, gauges: Callable[[], Iterator[Gauge]]) -> None:
        """`gauges` is asked at each request, on the server's thread; it must be quick."""
        self._registry.register(_Looked(gauges))

    def text(self) -> bytes:
        """The page a monitoring system reads."""
        return generate_latest(self._registry)


class _Looked(Collector):
    def __init__(self, gauges: Callable[[], Iterator[Gauge]]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {}
        for name, help_text, labels, value in self._gauges():
            family = families.get(name)
            if family is None:
                kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
                family = families[name] = kind(name, help_text, labels=list(labels))
            family.add_metric(list(labels.values()), value)
        yield from families.values()
