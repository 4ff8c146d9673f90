"""A service that takes messages over HTTP, as apprise's `json://` sends them: well, slowly, not, or at great length."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

SECRET = "s3cretTokenOfTheChannel99"


class HookServer:
    """`status`: of the answers; `delay_s` before each; `size`: bytes of each. `messages`: bodies that were taken."""

    def __init__(self) -> None:
        self.status, self.delay_s, self.size = 200, 0.0, 2
        self.messages: list[dict[str, Any]] = []
        self.asked: list[str] = []
        """Every request, also those that were refused."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                self._answer(json.loads(body))

            def do_GET(self) -> None:
                self._answer(None)

            def _answer(self, message: dict[str, Any] | None) -> None:
                server.asked.append(self.path)
                time.sleep(server.delay_s)
                with suppress(OSError):
                    self.send_response(server.status)
                    self.send_header("content-length", str(server.size))
                    self.end_headers()
                    if server.status < 300 and message is not None:
                        server.messages.append(message)
                    block = b"x" * 65_536
                    for _ in range(max(1, server.size // len(block))):
                        self.wfile.write(block[: server.size])

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> HookServer:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        port: int = self._server.server_address[1]
        return port

    @property
    def url(self) -> str:
        """For apprise, with a secret in it."""
        return f"json://127.0.0.1:{self.port}/{SECRET}?cto=2&rto=5"

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in list(self.messages)]


def until(holds: Callable[[], object], limit_s: float = 20.0) -> None:
    """Waits until it holds."""
    end = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.02)
