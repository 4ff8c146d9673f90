"""One signal's trace through the daemon: spans, their parents, ids in log lines, and what it costs while it is off."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

pytest.importorskip("opentelemetry.sdk")

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from actors.rules.rates import Ask
from daemon.config.daemon_settings import TracesSettings
from daemon.exchanges.venue_request import VenueRequest
from daemon.observe.trace_export import make_export
from daemon.observe.tracing import Tracing
from protos.terrace.v1 import signal_pb2
from tests.daemon.api.calls import alert, refusal
from tests.daemon.api.conftest import Serve, Served
from tests.daemon.observe.collector import Collector
from tests.daemon.reports.day import until

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SENDER = f"00-{TRACE_ID}-b7ad6b7169203331-01"


def tracer() -> tuple[InMemorySpanExporter, Any]:
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    return memory, provider.get_tracer("terrace")


@pytest.fixture
def traced(serve: Serve) -> tuple[Served, InMemorySpanExporter]:
    memory, made = tracer()
    served = serve(before=lambda served: served.daemon._tracing.use(made))
    return served, memory


def send(served: Served, traceparent: str = SENDER, body: dict[str, Any] | None = None) -> signal_pb2.Signal:
    request = signal_pb2.SubmitSignalRequest(source="tradingview", body=json.dumps(body or alert()).encode())
    answer = served.client("admin").signals.SubmitSignal(request, metadata=(("traceparent", traceparent),))
    return answer.signal


def by_name(memory: InMemorySpanExporter) -> dict[str, list[ReadableSpan]]:
    found: dict[str, list[ReadableSpan]] = {}
    for span in memory.get_finished_spans():
        found.setdefault(span.name, []).append(span)
    return found


def test_a_signal_is_followed_from_its_sender_to_its_orders(traced: tuple[Served, InMemorySpanExporter]) -> None:
    served, memory = traced
    signal = send(served)
    until(lambda: len(by_name(memory).get("order", ())) >= 1)
    spans = by_name(memory)
    (receive,), (decide,), (commit,) = spans["signal.receive"], spans["signal.decide"], spans["store.commit"]
    assert receive.parent is not None
    assert format(receive.context.trace_id, "032x") == TRACE_ID
    assert format(receive.parent.span_id, "016x") == "b7ad6b7169203331"
    for span in (decide, commit, *spans["order"]):
        assert span.context.trace_id == receive.context.trace_id
        assert span.parent is not None
        assert span.parent.span_id == receive.context.span_id
    attributes = receive.attributes or {}
    assert attributes["terrace.signal_id"] == signal.signal_id
    assert attributes["terrace.outcome"] == "OUTCOME_OPENED"
    assert (decide.attributes or {})["terrace.outcome"] == "opened"
    times = [receive.start_time, decide.start_time, decide.end_time, commit.end_time, receive.end_time]
    assert times == sorted(times)  # type: ignore[type-var]
    order = (spans["order"][0].attributes or {})["terrace.client_order_id"]
    assert order


def test_a_request_to_an_exchange_is_below_its_order(traced: tuple[Served, InMemorySpanExporter]) -> None:
    served, memory = traced
    group_id = send(served).group_id
    group = served.daemon._parts.view.current.groups[group_id]
    order = next(iter(group.orders.values()))
    request = VenueRequest(
        account="paper", ask=Ask.SUBMIT, time_ms=5_000, latency_ms=70, status=503, fate="unknown", order=order
    )
    served.daemon._requested(request)
    until(lambda: len(by_name(memory).get("order", ())) == len(group.orders))
    (span,) = by_name(memory)["exchange.request"]
    assert format(span.context.trace_id, "032x") == TRACE_ID
    assert span.parent is not None
    assert span.parent.span_id in {each.context.span_id for each in by_name(memory)["order"]}
    assert (span.start_time, span.end_time) == (5_000_000_000, 5_070_000_000)
    assert not span.status.is_ok


def test_log_lines_about_a_signal_name_its_trace(traced: tuple[Served, InMemorySpanExporter]) -> None:
    served, _ = traced
    signal = send(served)

    def lines() -> list[dict[str, Any]]:
        return [each for each in served.daemon._log.tail.newest(500) if each.get("signal_id") == signal.signal_id]

    until(lambda: bool(lines()))
    assert {line.get("trace_id") for line in lines()} == {TRACE_ID}


def test_a_refused_signal_has_a_trace_that_says_so(traced: tuple[Served, InMemorySpanExporter]) -> None:
    served, memory = traced
    refusal(lambda: served.client("admin").send(b"no json"))
    until(lambda: "signal.receive" in by_name(memory))
    (span,) = by_name(memory)["signal.receive"]
    assert span.parent is None
    assert not span.status.is_ok
    assert "no json" not in span.to_json()


@pytest.mark.parametrize("header", ["", "nonsense", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "x" * 5_000])
def test_a_header_that_is_none_begins_a_trace_of_its_own(
    traced: tuple[Served, InMemorySpanExporter], header: str
) -> None:
    served, memory = traced
    assert send(served, header).group_id
    until(lambda: "signal.receive" in by_name(memory))
    (span,) = by_name(memory)["signal.receive"]
    assert span.parent is None


def test_what_is_never_answered_does_not_grow_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.observe.tracing.MAX_TRACED", 10)
    _, made = tracer()
    tracing = Tracing(made)
    for number in range(100):
        with tracing.received(()):
            tracing.admitted(f"s{number}", "tv")
    assert len(tracing._signals) == len(tracing._ids) == 10
    assert tracing.trace_id("s99")
    assert not tracing.trace_id("s1")


def test_off_it_costs_next_to_nothing() -> None:
    tracing = Tracing()
    rows: list[list[Any]] = [[]]
    start_s = time.perf_counter()
    for _ in range(10_000):
        with tracing.received(()):
            pass
        tracing.committed(rows, 0, 0)
        tracing.trace_id("s1")
    each_us = (time.perf_counter() - start_s) / 10_000 * 1e6
    print(f"{each_us:.2f} us for each signal")
    assert each_us < 50


# --- a collector ----------------------------------------------------------------------------------


def test_a_daemon_sends_its_traces_to_the_collector_of_its_config(serve: Serve, collector: Collector) -> None:
    served = serve({"observe": {"traces": {"endpoint": collector.url}}})
    send(served)
    served.stop()
    names = {span.name for service, span in collector.spans if service == "terrace"}
    assert {"signal.receive", "signal.decide", "store.commit", "order"} <= names
    assert {span.trace_id.hex() for _, span in collector.spans} == {TRACE_ID}


def test_a_collector_that_is_away_holds_up_neither_signals_nor_the_stop(serve: Serve) -> None:
    served = serve({"observe": {"traces": {"endpoint": "http://127.0.0.1:1/v1/traces"}}})
    start_s = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        for sent in [pool.submit(send, served) for _ in range(4)]:
            sent.result()
    assert time.monotonic() - start_s < 5
    start_s = time.monotonic()
    served.stop()
    assert time.monotonic() - start_s < 15


def test_without_an_endpoint_nothing_is_made() -> None:
    assert make_export(TracesSettings(endpoint=None, sample_percent=100), "1") is None


@pytest.mark.parametrize("wrong", ["http://me:secret-word@host/v1", "ftp://host", "host:4318"])
def test_an_endpoint_with_a_password_or_no_url_is_refused(serve: Serve, wrong: str) -> None:
    with pytest.raises(AssertionError) as found:
        serve({"observe": {"traces": {"endpoint": wrong}}})
    assert "observe.traces.endpoint" in str(found.value)
    assert "secret-word" not in str(found.value)


def test_a_tracer_that_is_broken_harms_no_signal(serve: Serve) -> None:
    memory, made = tracer()

    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("no span today")

    served = serve(before=lambda served: served.daemon._tracing.use(made))
    made.start_span = broken
    assert send(served).group_id
    assert not memory.get_finished_spans()
