"""A grammar fuzz of every method of a running daemon, and of what lies below: no INTERNAL, no traceback, no growth.

A share of 20 s runs with the suite; `make fuzz` (TERRACE_TEST_FUZZ_CALLS=20000) takes its time.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.tokens import Token, TokenRole, token_hash, write_tokens
from protos.terrace.v1 import engine_pb2
from tests.daemon.api.calls import Client, read_error
from tests.daemon.api.fuzzing import wires
from tests.daemon.api.test_roles import services
from tests.daemon.daemon_process import DaemonProcess

CALLS = int(os.environ.get("TERRACE_TEST_FUZZ_CALLS", "600"))
CALL_S = 30.0
QUIET_STREAM_S = 0.15
MAX_GROWTH_MB = 96
METHODS = [(service, method) for service in services() for method in service.methods]
TOKEN = "token-of-admin"
METADATA = (("authorization", f"Bearer {TOKEN}"),)
FORBIDDEN = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS)
BY_GRPC = (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE)
"""Codes gRPC itself ends a call with that it will not carry."""


_looked_at: dict[str, int] = {}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    process = DaemonProcess(tmp_path_factory.mktemp("fuzzed"))
    entries = [Token(name="admin", role=TokenRole.ADMIN, sha256=token_hash(TOKEN))]
    write_tokens(process.data_dir / "secrets" / "tokens.yaml", entries)
    process.start()
    yield process
    assert process.process is not None
    if process.process.poll() is None:
        process.stop()


def rss_mb(daemon: DaemonProcess) -> float:
    assert daemon.process is not None
    pages = int(Path(f"/proc/{daemon.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def check_alive(daemon: DaemonProcess) -> None:
    assert daemon.process is not None
    assert daemon.process.poll() is None, daemon.log()[-4000:]
    client = Client(grpc.insecure_channel(daemon.address), TOKEN)
    assert client.engine.GetStatus(engine_pb2.GetStatusRequest()).HasField("status")
    client.close()


def check_log(daemon: DaemonProcess) -> None:
    """What came since the last look."""
    log = daemon.log()[_looked_at.get(daemon.address, 0) :]
    _looked_at[daemon.address] = _looked_at.get(daemon.address, 0) + len(log)
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:4000]
    assert "call_failed" not in log, log[log.index("call_failed") - 500 :][:4000]


def check_error(error: Any, path: str, *, may_be_silent: bool = False) -> None:
    code = error.code()
    assert code not in FORBIDDEN, (path, code, error.details())
    assert "Traceback" not in error.details()
    assert 'File "' not in error.details()
    if code is grpc.StatusCode.DEADLINE_EXCEEDED and may_be_silent:
        return
    assert code is not grpc.StatusCode.DEADLINE_EXCEEDED, (path, error.details())
    if code not in BY_GRPC or error.trailing_metadata():
        assert read_error(error).reason


@pytest.mark.timeout(max(300, CALLS))
def test_every_method_takes_any_request_in_its_stride(daemon: DaemonProcess) -> None:
    """Memory is compared between a first tenth, in which everything is loaded, and the end."""
    channel = grpc.insecure_channel(daemon.address)
    calls, before_mb = 0, 0.0

    @given(st.data())
    @settings(max_examples=CALLS, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    def fuzz(data: st.DataObject) -> None:
        nonlocal calls, before_mb
        service, method = data.draw(st.sampled_from(METHODS), label="method")
        path = f"/{service.full_name}/{method.name}"
        call(channel, path, data.draw(wires(method.input_type), label="bytes"), streams=method.server_streaming)
        calls += 1
        if calls == CALLS // 10:
            before_mb = rss_mb(daemon)

    fuzz()
    channel.close()
    check_alive(daemon)
    check_log(daemon)
    after_mb = rss_mb(daemon)
    print(f"{calls} calls, {before_mb:.0f} MB after a tenth of them, {after_mb:.0f} MB at the end")
    assert after_mb - before_mb < MAX_GROWTH_MB


def call(channel: grpc.Channel, path: str, request: bytes, *, streams: bool) -> None:
    kind: Any = channel.unary_stream if streams else channel.unary_unary
    began_s = time.monotonic()
    try:
        answer = kind(path)(request, timeout=QUIET_STREAM_S if streams else CALL_S, metadata=METADATA)
        if streams:
            for _ in zip(range(3), answer, strict=False):
                pass
            answer.cancel()
    except grpc.RpcError as error:
        check_error(error, path, may_be_silent=streams)
    assert time.monotonic() - began_s < CALL_S, path


@pytest.mark.parametrize("size", [10_000, 1_000_000, 8_000_000])
def test_requests_that_are_too_large_are_refused_and_not_kept(daemon: DaemonProcess, size: int) -> None:
    before_mb = rss_mb(daemon)
    with grpc.insecure_channel(daemon.address, (("grpc.max_send_message_length", -1),)) as channel:
        for service, method in METHODS[::7]:
            path = f"/{service.full_name}/{method.name}"
            call(channel, path, b"\x0a" + _varint(size) + b"x" * size, streams=method.server_streaming)
    check_alive(daemon)
    assert rss_mb(daemon) - before_mb < MAX_GROWTH_MB


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


@pytest.mark.parametrize(
    "metadata",
    [
        (("authorization", f"Bearer {'x' * 100_000}"),),
        (("authorization", "Bearer " + "x" * 4_000),),
        tuple((f"x-{number}", "y" * 100) for number in range(500)),
        (("authorization-bin", b"\xff\x00"),),
        (("authorization", f"Bearer {TOKEN}"), ("grpc-timeout", "99999999H")),
        (("authorization", f"Bearer {TOKEN}"), ("traceparent", "00-" + "z" * 5_000)),
        (("authorization", f"Bearer {TOKEN}"), ("authorization", "Bearer wrong")),
    ],
    ids=lambda metadata: metadata[0][0] + str(len(str(metadata))),
)
def test_odd_metadata_is_refused_or_ignored(daemon: DaemonProcess, metadata: Any) -> None:
    with grpc.insecure_channel(daemon.address) as channel:
        ask: Any = channel.unary_unary("/terrace.v1.GroupService/ListGroups")
        try:
            ask(b"", timeout=CALL_S, metadata=metadata)
        except grpc.RpcError as error:
            check_error(error, "ListGroups")
        except ValueError:
            pass  # gRPC's own client does not send it.
    check_alive(daemon)


@pytest.mark.parametrize("token", ["", "wrong", TOKEN])
def test_thousands_of_calls_whose_request_never_comes_leave_room_for_others(daemon: DaemonProcess, token: str) -> None:
    before_mb = rss_mb(daemon)

    async def open_many() -> None:
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        options = (("grpc.use_local_subchannel_pool", 1),)
        channels = [grpc.aio.insecure_channel(daemon.address, options) for _ in range(3)]
        paths = ("/terrace.v1.GroupService/ListGroups", "/terrace.v1.EngineService/WatchEvents", "/no.such/Method")
        calls = [
            channel.stream_stream(path)(metadata=metadata, timeout=60)  # type: ignore[var-annotated]
            for channel in channels
            for path in paths
            for _ in range(333)
        ]
        for each in calls:
            await each.wait_for_connection() if token == TOKEN else None
        await asyncio.sleep(0.5)
        await asyncio.to_thread(check_alive, daemon)
        for each in calls:
            each.cancel()
        for channel in channels:
            await channel.close()

    asyncio.run(open_many())
    check_alive(daemon)
    check_log(daemon)
    assert rss_mb(daemon) - before_mb < MAX_GROWTH_MB


_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"


def _frame(kind: int, flags: int, stream: int, body: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return struct.pack(">I", size)[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + body


NOISE = {
    "nothing": b"",
    "http1": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "tls hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,
    "half a preface": _PREFACE[:10],
    "a frame that claims 16 MB": _PREFACE + _SETTINGS + _frame(0, 0, 1, b"abc", 2**24 - 1),
    "headers that are no hpack": _PREFACE + _SETTINGS + _frame(1, 4, 1, b"\xff" * 100),
    "headers without an end": _PREFACE + _SETTINGS + _frame(1, 0, 1, b"\x82\x86\x84"),
    "endless continuation": _PREFACE + _SETTINGS + _frame(1, 0, 1, b"\x82") + _frame(9, 0, 1, b"\x82" * 100) * 200,
    "data on no stream": _PREFACE + _SETTINGS + _frame(0, 1, 7, b"abc"),
    "settings of odd length": _PREFACE + _frame(4, 0, 0, b"\x00" * 5),
    "a thousand resets": _PREFACE + _SETTINGS + b"".join(_frame(3, 0, 2 * n + 1, b"\x00" * 4) for n in range(1000)),
    "a thousand pings": _PREFACE + _SETTINGS + _frame(6, 0, 0, b"12345678") * 1000,
    "unknown frame": _PREFACE + _SETTINGS + _frame(250, 255, 2**31 - 1, b"abc"),
}


@pytest.mark.parametrize("noise", NOISE)
def test_what_is_no_call_at_all_is_dropped(daemon: DaemonProcess, noise: str) -> None:
    host, port = daemon.address.split(":")
    held = []
    for _ in range(20):
        raw = socket.create_connection((host, int(port)), timeout=5)
        held.append(raw)
        try:
            raw.sendall(NOISE[noise])
        except OSError:
            continue  # It hung up already.
    check_alive(daemon)
    for raw in held:
        raw.close()
    check_alive(daemon)
    check_log(daemon)


def test_many_connections_that_say_nothing_leave_room_for_others(daemon: DaemonProcess) -> None:
    host, port = daemon.address.split(":")
    held = [socket.create_connection((host, int(port)), timeout=5) for _ in range(400)]
    for raw in held:
        raw.sendall(_PREFACE + _SETTINGS)
    check_alive(daemon)
    for raw in held:
        raw.close()
    check_alive(daemon)
