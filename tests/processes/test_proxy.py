"""The proxy fails as it says; nothing here knows of Terrace."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.processes.proxy import Link, Proxy

SOON_S = 0.25
"""What does not come within this does not come."""


@pytest.fixture
def echo() -> Iterator[tuple[Proxy, list[bytes]]]:
    """A proxy before a server that says everything again, and what the server heard."""
    heard: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))

    def answer(near: socket.socket) -> None:
        with near, contextlib.suppress(OSError):
            while chunk := near.recv(1000):
                heard.append(chunk)
                near.sendall(chunk)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = server.accept()
                threading.Thread(target=answer, args=(near,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    with Proxy(server.getsockname()[1]) as proxy:
        yield proxy, heard
    server.close()


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=SOON_S)


def says_again(line: socket.socket, word: bytes) -> bool:
    line.sendall(word)
    try:
        return line.recv(100) == word
    except TimeoutError:
        return False


def test_an_open_link_passes_everything_on(echo: tuple[Proxy, list[bytes]]) -> None:
    proxy, _ = echo
    with connect(proxy) as line:
        assert says_again(line, b"one")
        assert says_again(line, b"two")


def test_a_goodbye_is_passed_on(echo: tuple[Proxy, list[bytes]]) -> None:
    proxy, _ = echo
    with connect(proxy) as line:
        line.sendall(b"last")
        line.shutdown(socket.SHUT_WR)
        assert line.recv(100) == b"last"
        assert line.recv(100) == b""


def test_a_refused_link_lets_nobody_in_and_resets_who_is_in(echo: tuple[Proxy, list[bytes]]) -> None:
    proxy, _ = echo
    with connect(proxy) as line:
        assert says_again(line, b"one")
        proxy.set(Link.REFUSED)
        with pytest.raises(ConnectionResetError):
            line.recv(100)
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)
    proxy.set(Link.OPEN)
    with connect(proxy) as line:
        assert says_again(line, b"again")


def test_a_reset_link_resets_every_connection(echo: tuple[Proxy, list[bytes]]) -> None:
    proxy, _ = echo
    with connect(proxy) as line:
        assert says_again(line, b"one")
        proxy.set(Link.RESET)
        with pytest.raises(ConnectionResetError):
            line.recv(100)
    with pytest.raises(ConnectionResetError), connect(proxy) as line:
        line.recv(100)


def test_a_black_hole_swallows_both_ways_and_leaves_a_half_open_connection(echo: tuple[Proxy, list[bytes]]) -> None:
    proxy, heard = echo
    with connect(proxy) as line:
        assert says_again(line, b"one")
        proxy.set(Link.BLACK_HOLE)
        assert not says_again(line, b"two")
        assert heard == [b"one"]
        proxy.set(Link.OPEN)
        assert not says_again(line, b"three"), "a half-open connection does not come back"
        with connect(proxy) as other:
            assert says_again(other, b"four")
    assert heard == [b"one", b"four"]


def test_answers_can_be_lost_alone(echo: tuple[Proxy, list[bytes]]) -> None:
    proxy, heard = echo
    with connect(proxy) as line:
        proxy.set(Link.ANSWERS_LOST)
        assert not says_again(line, b"one")
    assert heard == [b"one"]


def test_a_stalled_link_delivers_everything_later(echo: tuple[Proxy, list[bytes]]) -> None:
    proxy, heard = echo
    with connect(proxy) as line:
        assert says_again(line, b"one")
        proxy.set(Link.STALLED)
        assert not says_again(line, b"two")
        assert heard == [b"one"]
        proxy.set(Link.OPEN)
        assert line.recv(100) == b"two"


def test_a_slow_link_is_slow(echo: tuple[Proxy, list[bytes]]) -> None:
    proxy, _ = echo
    proxy.set(Link.SLOW)
    with connect(proxy) as line:
        line.settimeout(5)
        began = time.monotonic()
        assert says_again(line, b"one")
        assert time.monotonic() - began > 0.25
