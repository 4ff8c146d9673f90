"""The forwarder's part of a signal's trace (OpenTelemetry): received, spooled, delivered.

    forwarder.receive         an authentic alert, below the sender's span if it sent a `traceparent`
      forwarder.spool         until it is durable here
      forwarder.deliver       each try to hand it over; the daemon's spans are below it

Off, nothing of OpenTelemetry is even loaded. The spool's file knows nothing of traces: what waits in it over a restart
of the forwarder begins a trace of its own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from control.forwarder.log import Log

MAX_WAITING = 10_000
"""Spooled alerts whose trace is known; the oldest are forgotten."""
MAX_HEADER_CHARS = 256
SEND_LIMIT_S = 3
HEADERS = ("traceparent", "tracestate")
Metadata = tuple[tuple[str, str], ...]


class Tracing:
    """Used in one loop. Off without a tracer."""

    def __init__(self, tracer: Any = None, stop: Callable[[], None] = lambda: None) -> None:
        self._tracer = tracer
        self.is_on = tracer is not None
        self.stop = stop
        """Sends what waits, within `SEND_LIMIT_S`."""
        self._waiting: OrderedDict[int, Any] = OrderedDict()
        """Contexts by arrival."""

    @contextmanager
    def received(self, headers: Mapping[str, str], source: str, arrival: int) -> Iterator[None]:
        """Around what becomes of an authentic alert."""
        span = self._tracer and self._begun(headers, source, arrival)
        try:
            yield
        finally:
            if span is not None:
                span.end()

    @contextmanager
    def step(self, name: str, arrival: int) -> Iterator[Metadata]:
        """Around one step of an alert. Gives what a call to the daemon must carry."""
        span, metadata = (None, ()) if self._tracer is None else self._stepped(name, arrival)
        try:
            yield metadata
        finally:
            if span is not None:
                span.end()

    def _begun(self, headers: Mapping[str, str], source: str, arrival: int) -> Any:
        """The span; None if it cannot be made: that must harm no alert."""
        try:
            from opentelemetry import propagate, trace
            from opentelemetry.context import Context

            sent = {name: headers[name] for name in HEADERS if 0 < len(headers.get(name, "")) <= MAX_HEADER_CHARS}
            span = self._tracer.start_span(
                "forwarder.receive", context=propagate.extract(sent, Context()), kind=trace.SpanKind.SERVER
            )
            span.set_attribute("terrace.source", source)
            self._waiting[arrival] = trace.set_span_in_context(span, Context())
            while len(self._waiting) > MAX_WAITING:
                self._waiting.popitem(last=False)
            return span
        except Exception:
            return None

    def _stepped(self, name: str, arrival: int) -> tuple[Any, Metadata]:
        try:
            from opentelemetry import propagate, trace
            from opentelemetry.context import Context

            span = self._tracer.start_span(name, context=self._waiting.get(arrival, Context()))
            carrier: dict[str, str] = {}
            propagate.inject(carrier, trace.set_span_in_context(span, Context()))
            return span, tuple((key, value) for key, value in carrier.items() if key in HEADERS)
        except Exception:
            return None, ()

    def over(self, arrival: int) -> None:
        """The alert has left for good."""
        self._waiting.pop(arrival, None)


def make_tracing(endpoint: str, sample_percent: int, log: Log) -> Tracing:
    """Off without an endpoint, and where the packages for it are missing; that is logged."""
    if not endpoint:
        return Tracing()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
    except ImportError:
        log.warning("traces need more packages", remedy="install Terrace once more, with [traces] behind its name")
        return Tracing()
    provider = TracerProvider(
        sampler=ParentBasedTraceIdRatio(sample_percent / 100),
        resource=Resource.create({"service.name": "terrace-forwarder"}),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=SEND_LIMIT_S)))

    def stop() -> None:
        provider.force_flush(SEND_LIMIT_S * 1000)
        provider.shutdown()

    return Tracing(provider.get_tracer("terrace"), stop)
