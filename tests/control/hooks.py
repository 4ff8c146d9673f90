"""The real forwarder process, and how tests send to it."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import json
import queue
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.control.conftest import ROOT, SECRET, Home


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Hooks:
    """A running forwarder."""

    home: Home
    environ: dict[str, str] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    """Everything it wrote."""

    def start(self) -> Hooks:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "control", "forward"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**self.home.environ(), **self.environ},
        )
        self._told: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        host, _, port = self.wait_for("listening")["address"].rpartition(":")
        self.host, self.port = host, int(port)
        return self

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.raw.append(line)
            with contextlib.suppress(ValueError):
                found = json.loads(line)
                self.lines.append(found)
                self._told.put(found)

    def wait_for(self, message: str, timeout_s: float = 15.0) -> dict[str, Any]:
        """The next log line of this kind."""
        give_up = time.monotonic() + timeout_s
        while True:
            try:
                line = self._told.get(timeout=max(0.0, give_up - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no '{message}' in {self.raw}") from None
            if line["message"] == message:
                return line

    def send(
        self,
        body: bytes | str | dict[str, Any],
        source: str = "tradingview",
        headers: dict[str, str] | None = None,
        method: str = "POST",
        path: str = "",
    ) -> Answer:
        raw = json.dumps(body).encode() if isinstance(body, dict) else body.encode() if isinstance(body, str) else body
        connection = http.client.HTTPConnection(self.host, self.port, timeout=20)
        try:
            connection.request(method, path or f"/hook/{source}", raw, headers or {})
            found = connection.getresponse()
            return Answer(found.status, dict(found.getheaders()), found.read().decode())
        finally:
            connection.close()

    def send_many(self, bodies: list[dict[str, Any]], threads: int = 32) -> list[Answer]:
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(self.send, bodies))

    def healthz(self) -> Any:
        return self.send(b"", method="GET", path="/healthz").json

    def wait_until_spool_is(self, length: int, timeout_s: float = 15.0) -> None:
        give_up = time.monotonic() + timeout_s
        while self.healthz()["spool_length"] != length:
            assert time.monotonic() < give_up, self.healthz()
            time.sleep(0.05)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


def an_alert(number: int = 0, **more: Any) -> dict[str, Any]:
    """An authenticated alert; `number` tells alerts apart."""
    tv = {"exchange": "BINANCE", "symbol": "BTCUSDT", "timeframe": "15", "action": "buy"}
    return {"secret": SECRET, "tv": tv, "strategy_info": {"trade_id": str(number)}, **more}


def number_of(body: bytes) -> int:
    return int(json.loads(body)["strategy_info"]["trade_id"])


def signed(secret: str, raw: bytes, at_s: int) -> dict[str, str]:
    """The header of a sender that signs."""
    digest = hmac.new(secret.encode(), f"{at_s}.".encode() + raw, hashlib.sha256).hexdigest()
    return {"X-Terrace-Signature": f"t={at_s},v1={digest}"}
