"""Sends traces to a collector over OTLP/HTTP, if `observe.traces.endpoint` names one and the extra is installed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog
from opentelemetry.trace import Tracer

from daemon.config.daemon_settings import TracesSettings

_LOG = structlog.stdlib.get_logger("terrace.system")

SEND_LIMIT_S = 3
"""A collector that does not answer: what waits is dropped after it, also at the stop."""
MAX_WAITING = 2_048
MAX_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class Export:
    tracer: Tracer
    stop: Callable[[], None]
    """Sends what waits, within `SEND_LIMIT_S`."""


def make_export(settings: TracesSettings, version: str, service: str = "terrace") -> Export | None:
    """None where traces are off, or cannot be made; that is logged."""
    if settings.endpoint is None:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
    except ImportError:
        words = "traces need more packages: install Terrace once more, with [traces] behind its name"
        _LOG.warning(words, category="config")
        return None
    provider = TracerProvider(
        sampler=ParentBasedTraceIdRatio(settings.sample_percent / 100),
        resource=Resource.create({"service.name": service, "service.version": version}),
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(endpoint=settings.endpoint, timeout=SEND_LIMIT_S)
    provider.add_span_processor(
        BatchSpanProcessor(exporter, max_queue_size=MAX_WAITING, max_export_batch_size=MAX_AT_ONCE)
    )

    def stop() -> None:
        provider.force_flush(SEND_LIMIT_S * 1000)
        provider.shutdown()

    return Export(provider.get_tracer("terrace", version), stop)
