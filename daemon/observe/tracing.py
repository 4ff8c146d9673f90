"""Traces of one signal through the daemon (OpenTelemetry): taken, decided, committed, asked of the exchange, answered.

The actors know nothing of it. A signal is found again by its id in what is committed, and its orders by theirs in what
is asked of exchanges; the spans are made from the times seen there. While nothing is traced each place costs one look
at a flag.

    signal.receive            the call of the API, below the sender's span if it sent a `traceparent`
      signal.decide           from admission to the beginning of the commit that holds the outcome
      store.commit            that commit
      order                   from that commit until the order is at the exchange, one for each entry order
        exchange.request      each request about it
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec

import structlog
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from actors.rules.model import Order, OrderState
from actors.rules.records import Row, SaveOrder, SaveSignal
from daemon.exchanges.venue_request import VenueRequest
from protos.terrace.v1 import types_pb2

_LOG = structlog.stdlib.get_logger("terrace.system")

P = ParamSpec("P")

MAX_TRACED = 5_000
"""Signals, and orders, that are looked out for; the oldest are forgotten, their traces end early."""
MAX_HEADER_CHARS = 256
_HEADERS = ("traceparent", "tracestate")
_NS = 1_000_000
WELL = frozenset({"answered", "accepted"})

_current: ContextVar[Span | None] = ContextVar("signal_span", default=None)


def _harmless(watch: Callable[P, None]) -> Callable[P, None]:
    """A fault of who only watches must not become one of the signal."""

    @wraps(watch)
    def watched(*arguments: P.args, **named: P.kwargs) -> None:
        try:
            watch(*arguments, **named)
        except Exception:
            _LOG.exception("trace_failed")

    return watched


class Tracing:
    """Any thread. Off without a tracer."""

    def __init__(self, tracer: Tracer | None = None) -> None:
        self._tracer = tracer
        self.is_on = tracer is not None
        self._lock = threading.Lock()
        self._signals: OrderedDict[str, tuple[Context, int]] = OrderedDict()
        """Context and time of admission in ns, until the commit."""
        self._orders: OrderedDict[str, tuple[Context, Span]] = OrderedDict()
        """The open span of each order, until it is at the exchange."""
        self._ids: OrderedDict[str, str] = OrderedDict()
        """Trace by signal, for lines of the log."""

    def use(self, tracer: Tracer) -> None:
        """Once, before the engine starts."""
        self._tracer, self.is_on = tracer, True

    # --- the API ----------------------------------------------------------------------------------

    @contextmanager
    def received(self, metadata: Iterable[tuple[str, Any]]) -> Iterator[None]:
        """Around one SubmitSignal. `metadata`: of the call; a `traceparent` in it is followed."""
        span = self._begun(metadata)
        if span is None:
            yield
            return
        token = _current.set(span)
        try:
            yield
        except BaseException as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
        finally:
            _current.reset(token)
            span.end()

    def _begun(self, metadata: Iterable[tuple[str, Any]]) -> Span | None:
        try:
            if self._tracer is not None:
                return self._tracer.start_span("signal.receive", context=_sent(metadata), kind=SpanKind.SERVER)
        except Exception:
            _LOG.exception("trace_failed")
        return None

    @_harmless
    def admitted(self, signal_id: str, source: str) -> None:
        """The signal has an id and goes to the engine."""
        span = _current.get()
        if span is None or not span.is_recording():
            return
        span.set_attribute("terrace.signal_id", signal_id)
        span.set_attribute("terrace.source", source)
        with self._lock:
            _put(self._signals, signal_id, (trace.set_span_in_context(span, Context()), time.time_ns()))
            _put(self._ids, signal_id, format(span.get_span_context().trace_id, "032x"))

    @_harmless
    def answered(self, outcome: types_pb2.Outcome, group_id: str) -> None:
        """What the caller is told, within `received`."""
        span = _current.get()
        if span is not None and span.is_recording():
            span.set_attribute("terrace.outcome", types_pb2.Outcome.Name(outcome))
            span.set_attribute("terrace.group_id", group_id)

    def trace_id(self, signal_id: str) -> str:
        """Of a signal that was traced lately; empty for any other."""
        return self._ids.get(signal_id, "") if self.is_on else ""

    # --- the store --------------------------------------------------------------------------------

    @_harmless
    def committed(self, batch: Sequence[Sequence[Row]], start_ns: int, end_ns: int) -> None:
        """Rows of the commits of one batch that are durable. Costs nothing while nobody waits for any."""
        if self._tracer is None or not (self._signals or self._orders):
            return
        for rows in batch:
            context: Context | None = None
            for row in rows:
                if isinstance(row, SaveSignal):
                    context = self._decided(row, start_ns, end_ns)
                elif isinstance(row, SaveOrder):
                    self._order(row.order, context, end_ns)

    def _decided(self, row: SaveSignal, start_ns: int, end_ns: int) -> Context | None:
        assert self._tracer is not None
        with self._lock:
            found = self._signals.pop(row.signal.signal_id, None)
        if found is None:
            return None
        context, admitted_ns = found
        decide = self._tracer.start_span("signal.decide", context=context, start_time=admitted_ns)
        decide.set_attribute("terrace.outcome", row.outcome.value)
        if row.reason.value:
            decide.set_attribute("terrace.reason", row.reason.value)
        decide.end(max(admitted_ns, start_ns))
        self._tracer.start_span("store.commit", context=context, start_time=start_ns).end(end_ns)
        return context

    def _order(self, order: Order, context: Context | None, now_ns: int) -> None:
        assert self._tracer is not None
        name = order.client_order_id
        if order.state is OrderState.PENDING:
            if context is not None:
                span = self._tracer.start_span("order", context=context, start_time=now_ns)
                for key, value in (("client_order_id", name), ("account", order.account), ("symbol", order.symbol)):
                    span.set_attribute(f"terrace.{key}", value)
                with self._lock:
                    _put(self._orders, name, (trace.set_span_in_context(span, Context()), span))
            return
        with self._lock:
            found = self._orders.get(name)
        if found is not None and found[1].is_recording():
            found[1].set_attribute("terrace.order_state", order.state.value)
            found[1].end(now_ns)

    # --- the exchange -----------------------------------------------------------------------------

    @_harmless
    def requested(self, request: VenueRequest) -> None:
        """A request to an exchange is over."""
        if self._tracer is None or request.order is None:
            return
        found = self._orders.get(request.order.client_order_id)
        if found is None:
            return
        start_ns = request.time_ms * _NS
        span = self._tracer.start_span("exchange.request", found[0], SpanKind.CLIENT, start_time=start_ns)
        span.set_attribute("terrace.account", request.account)
        span.set_attribute("terrace.request", request.ask.value)
        span.set_attribute("terrace.result", request.fate)
        span.set_attribute("http.response.status_code", request.status)
        if request.fate not in WELL:
            span.set_status(Status(StatusCode.ERROR, request.fate))
        span.end(start_ns + request.latency_ms * _NS)


def _sent(metadata: Iterable[tuple[str, Any]]) -> Context:
    """What a caller says of its own span; nothing where it says nothing, or nonsense."""
    carrier = {
        key: value
        for key, value in metadata
        if key in _HEADERS and isinstance(value, str) and len(value) <= MAX_HEADER_CHARS
    }
    return propagate.extract(carrier, Context()) if carrier else Context()


def _put(table: OrderedDict[str, Any], key: str, value: Any) -> None:
    table[key] = value
    while len(table) > MAX_TRACED:
        table.popitem(last=False)
