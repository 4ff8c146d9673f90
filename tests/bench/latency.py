"""From the moment an alert leaves its sender until the paper exchange has accepted the first order it caused.

One alert at a time, each on a key of its own, so each opens a group with its ladder. Floor and alerts take turns in
blocks on the same disk, so that both see the same machine.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median, quantiles

from control import client as terrace
from protos.terrace.v1.signal_pb2 import SubmitSignalRequest, SubmitSignalResponse
from tests.bench import floor
from tests.bench.rows import Row, short
from tests.bench.world import World, alert, world

GRPC, FORWARDER = "signal_to_order_grpc", "signal_to_order_forwarder"
GOALS = {GRPC: 3.0, FORWARDER: 4.0}
"""Times the floor."""
FIRST_KEY = {GRPC: 0, FORWARDER: 5_000}
BLOCKS = 5
WARM_UP = 20
PAUSE_S = 0.01
"""Between alerts: the engine is done with one before the next comes, as with alerts of a market."""
SETTLE_S = 0.5

Send = Callable[[int], str]
"""Sends the alert of a key and gives the id of the group it opened."""


def rows(names: list[str], directory: Path, count: int) -> Iterator[Row]:
    """The rows of these names, each from `count` alerts."""
    with world(directory / "latency", *(["forwarder"] if FORWARDER in names else [])) as running:
        for name in names:
            yield _row(name, running, directory, count)


def _row(name: str, running: World, directory: Path, count: int) -> Row:
    send = _grpc_sender(running) if name == GRPC else _http_sender(running)
    first = FIRST_KEY[name]
    floors: list[float] = []
    sent: dict[str, int] = {}
    with floor.server(directory) as port:
        floor.latencies_ms(port, WARM_UP)
        _send(send, range(first, first + WARM_UP), {})
        next_key = first + WARM_UP
        for _ in range(BLOCKS):
            floors += floor.latencies_ms(port, count // BLOCKS, PAUSE_S)
            _send(send, range(next_key, next_key + count // BLOCKS), sent)
            next_key += count // BLOCKS
    time.sleep(SETTLE_S)
    running.trace.read()
    taken = [(running.trace.first_ns[group_id] - started) / 1e6 for group_id, started in sent.items()]
    tenths = quantiles(taken, n=10)
    details = {"alerts": len(taken), "p10": short(tenths[0]), "p90": short(tenths[-1]), "most": short(max(taken))}
    value, base = median(taken), median(floors)
    return Row(name=name, value=value, unit="ms", floor=base, goal=GOALS[name], goal_of="ratio", details=details)


def _send(send: Send, keys: range, sent: dict[str, int]) -> None:
    for key in keys:
        started = time.monotonic_ns()
        sent[send(key)] = started
        time.sleep(PAUSE_S)


def _grpc_sender(running: World) -> Send:
    """Sends as a source does, with the token that may only bring signals in."""
    flags = terrace.TargetFlags(config=str(running.config_file))
    client = terrace.Client(terrace.find_target(flags, role=terrace.FORWARDER))

    def send(key: int) -> str:
        request = SubmitSignalRequest(source="tradingview", body=json.dumps(alert(key)).encode())
        signal = client.call(request, SubmitSignalResponse).signal
        assert signal.group_id, signal
        return signal.group_id

    return send


def _http_sender(running: World) -> Send:
    connection = socket.create_connection(("127.0.0.1", running.ports[1]), timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    secret = running.secret()

    def send(key: int) -> str:
        body = json.dumps({"secret": secret, **alert(key)}).encode()
        head = f"POST /hook/tradingview HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        answer = json.loads(_body(connection))
        assert answer["outcome"] == "OPENED", answer
        return str(answer["group_id"])

    return send


def _body(connection: socket.socket) -> bytes:
    """The body of one HTTP answer."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return body
