"""One signal's trace across processes: forwarder, daemon, order; also over the spool while the daemon is away."""

from __future__ import annotations

import json
import signal
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("opentelemetry.sdk")

from tests.daemon.observe.collector import Collector
from tests.system.stack import Stack, alert, until

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


def post(stack: Stack, body: dict[str, Any], traceparent: str = "") -> int:
    connection = HTTPConnection("127.0.0.1", stack.ports[1], timeout=30)
    headers = {"Content-Type": "application/json", **({"traceparent": traceparent} if traceparent else {})}
    try:
        connection.request("POST", "/hook/tradingview", json.dumps({"secret": stack.secret(), **body}), headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_signal_is_one_trace_from_the_webhook_to_its_order_and_over_the_spool(tmp_path: Path) -> None:
    with Collector() as collector:
        stack = Stack(tmp_path, {"observe": {"traces": {"endpoint": collector.url}}})
        try:
            stack.start("daemon", "forwarder")
            assert post(stack, alert(), f"00-{TRACE_ID}-00f067aa0ba902b7-01") == 200
            stack.kill("daemon", signal.SIGTERM)
            assert post(stack, alert("ETHUSDT")) == 202
            stack.start("daemon")
            until(lambda: len(stack.groups()) == 2, 60, "the spooled alert has not come")
            stack.kill("daemon", signal.SIGTERM)
            stack.kill("forwarder", signal.SIGTERM)
        finally:
            stack.stop()
        traces: dict[str, dict[str, Any]] = {}
        for service, span in collector.spans:
            traces.setdefault(span.trace_id.hex(), {})[f"{service} {span.name}"] = span
        straight = traces.pop(TRACE_ID)
        spooled = next(each for each in traces.values() if "terrace-forwarder forwarder.spool" in each)
        daemons = {"terrace signal.receive", "terrace signal.decide", "terrace store.commit", "terrace order"}
        forwarders = {"terrace-forwarder forwarder.receive", "terrace-forwarder forwarder.deliver"}
        assert straight.keys() == daemons | forwarders
        assert spooled.keys() == daemons | forwarders | {"terrace-forwarder forwarder.spool"}
        for trace in (straight, spooled):
            deliver, receive = trace["terrace-forwarder forwarder.deliver"], trace["terrace signal.receive"]
            assert receive.parent_span_id == deliver.span_id
            assert deliver.parent_span_id == trace["terrace-forwarder forwarder.receive"].span_id
