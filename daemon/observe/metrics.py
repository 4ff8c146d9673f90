"""Numbers for a monitoring system. What can be looked at is looked at when it is asked for; the rest is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from daemon.observe.gauges import Gauge

COMMIT_BUCKETS_S = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.signals = Counter("terrace_signals", "Signals that got an outcome", ["outcome"], registry=self._registry)
        self.events = Counter("terrace_events", "Events committed", ["category", "severity"], registry=self._registry)
        self.commit_seconds = Histogram(
            "terrace_commit_seconds",
            "Time the store took for a batch of commits",
            buckets=COMMIT_BUCKETS_S,
            registry=self._registry,
        )
        self.commit_batch = Histogram(
            "terrace_commit_batch", "Commits in a batch", buckets=BATCH_BUCKETS, registry=self._registry
        )
        self.store_faults = Counter("terrace_store_faults", "Batches the store could not take", registry=self._registry)

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
        families: dict[str, GaugeMetricFamily] = {}
        for name, help_text, labels, value in self._gauges():
            family = families.get(name)
            if family is None:
                family = families[name] = GaugeMetricFamily(name, help_text, labels=list(labels))
            family.add_metric(list(labels.values()), value)
        yield from families.values()
