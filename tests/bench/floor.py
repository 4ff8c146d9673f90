"""The floor: what the machine itself needs to take an alert and make it durable.

A raw asyncio HTTP server in a process of its own: POST in, append, fdatasync, answer. Nothing is parsed, decided or
sent on. `time.monotonic_ns` is one clock for all processes of a machine, so the server's stamps and the client's agree.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

BODY = b'{"source":"bench","tv":{"symbol":"BTCUSDT","timeframe":"15","action":"buy","exchange":"BINANCE"}}'


async def _serve(path: str) -> None:
    file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    waiting: list[tuple[bytes, asyncio.Future[int]]] = []
    wake = asyncio.Event()

    async def write_batches() -> None:
        """One fdatasync for all that is there, as any sane server would do."""
        while True:
            await wake.wait()
            wake.clear()
            batch, waiting[:] = waiting[:], []
            os.write(file, b"".join(body for body, _ in batch))
            os.fdatasync(file)
            now = time.monotonic_ns()
            for _, done in batch:
                done.set_result(now)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.partition(b"ength: ")[2].partition(b"\r\n")[0])
                done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
                waiting.append((await reader.readexactly(length), done))
                wake.set()
                body = str(await done).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    writing = asyncio.create_task(write_batches())
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()
    await writing


@contextlib.contextmanager
def server(directory: Path) -> Iterator[int]:
    """The port of a floor server that writes into `directory`."""
    command = [sys.executable, "-m", "tests.bench.floor", str(directory / "floor.log")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


def latencies_ms(port: int, count: int, pause_s: float = 0) -> list[float]:
    """From before the POST leaves until its body is on the disk, one after the other with a pause between."""
    request = b"POST / HTTP/1.1\r\nHost: floor\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
    found = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            started = time.monotonic_ns()
            connection.sendall(request)
            answer = connection.recv(4096)
            found.append((int(answer.rpartition(b"\r\n")[2]) - started) / 1e6)
            time.sleep(pause_s)
    return found


async def per_second(port: int, count: int, clients: int) -> float:
    """POSTs made durable per second by so many clients at once."""
    request = b"POST / HTTP/1.1\r\nHost: floor\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(count // clients):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.partition(b"ength: ")[2].partition(b"\r\n")[0]))
        writer.close()

    started = time.monotonic()
    await asyncio.gather(*(client() for _ in range(clients)))
    return count / (time.monotonic() - started)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(sys.argv[1]))
