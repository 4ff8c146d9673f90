"""A connection to the daemon that is half open is given up: no client waits on it for ever (REC-5)."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from control import client as control_client
from control.client import Client, ClientError, TargetFlags, find_target
from daemon.api.server import OPTIONS
from tests.processes.proxy import Link, Proxy
from tests.system.stack import until

QUICK_MS = 300
"""In place of seconds, so that the test is quick."""

SIGNS = re.compile("keepalive_time|ping_timeout")


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """Before a server that takes signs of life as the daemon does."""
    server = grpc.server(ThreadPoolExecutor(4), options=OPTIONS)
    servicer = health.HealthServicer()
    servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with Proxy(port) as proxy:
        yield proxy
    server.stop(0)


def answers(client: Client) -> bool:
    try:
        return client.is_serving(timeout_s=1.0)
    except ClientError:
        return False


@pytest.mark.rule("REC-5", "SIG-12")
@pytest.mark.parametrize("link", [Link.BLACK_HOLE, Link.ANSWERS_LOST], ids=str)
def test_a_half_open_connection_is_given_up_for_a_new_one(
    proxy: Proxy, link: Link, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = tuple((name, QUICK_MS if SIGNS.search(name) else value) for name, value in control_client._OPTIONS)
    monkeypatch.setattr(control_client, "_OPTIONS", quick)
    config = tmp_path / "config.yaml"
    config.write_text("config_version: 1\n")
    with Client(find_target(TargetFlags(address=f"127.0.0.1:{proxy.port}", config=str(config)))) as client:
        assert answers(client)
        proxy.set(link)
        assert not answers(client)
        proxy.set(Link.OPEN)
        began = time.monotonic()
        until(lambda: answers(client), 5.0, "it waits on the old connection")
        print(f"there again after {time.monotonic() - began:.2f} s")


def test_the_signs_of_life_asked_for_are_ones_the_daemon_allows() -> None:
    asked, allowed = dict(control_client._OPTIONS), dict(OPTIONS)
    assert 1000 <= int(asked["grpc.keepalive_time_ms"]) <= 10_000
    assert allowed["grpc.http2.max_ping_strikes"] == 0
