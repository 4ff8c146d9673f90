"""`terrace up` says that all is up once the panel answers too, and waits for none that has ended."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from control import together
from control.config_file import read_config
from control.target import TargetFlags
from tests.ports import free_port


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"panel": "up"}'
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def port() -> Iterator[int]:
    """A port that is held and takes no connection."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])


@contextlib.contextmanager
def panel_at(port: int) -> Iterator[None]:
    with HTTPServer(("127.0.0.1", port), Healthy) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def household(folder: Path, port: int) -> together._Together:
    file = folder / "config.yaml"
    file.write_text(f"panel: {{address: '127.0.0.1:{port}'}}\n", encoding="utf-8")
    return together._Together(TargetFlags(config=str(file)), read_config(str(file)), with_panel=True)


async def begun(up: together._Together, program: str) -> together._Child:
    child = together._Child("panel", [sys.executable, "-c", program], is_needed=False)
    await up._house.start(child)
    return child


def test_it_waits_until_the_panel_answers(tmp_path: Path) -> None:
    port = free_port()
    up = household(tmp_path, port)

    async def story() -> bool:
        child = await begun(up, "import time; time.sleep(60)")
        waiting = asyncio.ensure_future(up._await_panel())
        done, _ = await asyncio.wait([waiting], timeout=0.5)
        was_early = bool(done)
        with panel_at(port):
            await asyncio.wait_for(waiting, 10)
        await up._house.stop(child)
        return was_early

    assert not asyncio.run(story())


def test_a_panel_that_has_ended_keeps_nobody_waiting(tmp_path: Path, port: int) -> None:
    up = household(tmp_path, port)

    async def story() -> None:
        child = await begun(up, "raise SystemExit(1)")
        assert child.ended is not None
        await asyncio.wait_for(up._await_panel(), 10)
        await up._house.stop(child)

    asyncio.run(story())


def test_a_panel_that_takes_too_long_is_said_and_the_rest_goes_on(
    tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(together, "READY_S", 0.2)
    up = household(tmp_path, port)

    async def story() -> None:
        child = await begun(up, "import time; time.sleep(60)")
        await asyncio.wait_for(up._await_panel(), 10)
        await up._house.stop(child)

    asyncio.run(story())
    assert "the panel does not answer yet" in capsys.readouterr().err
