"""A real `terraced` process in a folder of its own: started, killed, started again, and talked to over gRPC."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests import stores
from tests.daemon.api.calls import Client
from tests.ports import free_port

START_LIMIT_S = 60.0
STOP_LIMIT_S = 60.0

Config = dict[str, Any]


def laid_over(base: Mapping[str, Any], changes: Mapping[str, Any]) -> Config:
    """`base` with `changes` laid over it, map by map."""
    both = dict(base)
    for key, value in changes.items():
        inner = both.get(key)
        both[key] = laid_over(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) else value
    return both


def manual_config(api_port: int, observe_port: int) -> Config:
    """A paper account on round instruments whose prices only a test moves."""
    rules = {"tick_size": "0.01", "step_size": "0.001", "min_quantity": "0.001", "min_notional": "5"}
    symbols = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
    return {
        "config_version": 1,
        "data_dir": "./data",
        "accounts": {
            "paper": {
                "exchange": "paper",
                "prices": "manual",
                "symbols": list(symbols),
                "start_prices": dict.fromkeys(symbols, "100"),
                "instruments": {symbol: dict(rules) for symbol in symbols},
                "balances": {"USDT": "100000"},
                "fill": "touch",
                "spread_percent": "0",
            }
        },
        "routes": {"*": "paper"},
        "sources": {"tradingview": {"secret": "file:secrets/tradingview"}},
        "api": {"address": f"127.0.0.1:{api_port}"},
        "observe": {"address": f"127.0.0.1:{observe_port}"},
        "execution": {"max_quote_age_s": 3600},
    }


class DaemonProcess:
    """One installation in `folder`. `config` is laid over `manual_config`; as a context manager it starts and stops."""

    def __init__(self, folder: Path, config: Mapping[str, Any] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.api_port, self.observe_port = free_port(), free_port()
        self.config = laid_over(manual_config(self.api_port, self.observe_port), config or {})
        self.config_file = folder / "config.yaml"
        self.data_dir = folder / "data"
        if stores.IS_POSTGRES and "url" not in self.config.get("storage", {}):
            self.config = laid_over(self.config, {"storage": {"url": stores.url_of(self.data_dir)}})
        self.log_file = folder / "daemon.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._clients: list[Client] = []
        self.write_config()

    def __enter__(self) -> DaemonProcess:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop()

    # --- the process ------------------------------------------------------------------------------

    def write_config(self, changes: Mapping[str, Any] | None = None) -> None:
        self.config = laid_over(self.config, changes or {})
        self.config_file.write_text(yaml.safe_dump(self.config, sort_keys=False), encoding="utf-8")

    def launch(self) -> subprocess.Popen[bytes]:
        """Begins the process and waits for nothing."""
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "daemon", "--config", str(self.config_file)],
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        return self.process

    def start(self) -> None:
        """Begins it and waits until it says it serves. One that does not is not left behind."""
        process = self.launch()
        try:
            self._wait(process)
        except AssertionError:
            process.kill()
            process.wait(STOP_LIMIT_S)
            raise

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        limit_s = time.monotonic() + START_LIMIT_S
        while not self._is_serving():
            assert process.poll() is None, f"the daemon ended: {self.log()[-4000:]}"
            assert time.monotonic() < limit_s, f"the daemon is not ready: {self.log()[-4000:]}"
            time.sleep(0.02)

    def kill(self) -> None:
        """kill -9, this process alone."""
        assert self.process is not None
        self._close_clients()
        self.process.kill()
        self.process.wait(STOP_LIMIT_S)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stops it in peace; its exit code."""
        assert self.process is not None
        self._close_clients()
        self.process.send_signal(number)
        return self.process.wait(STOP_LIMIT_S)

    def restart(self) -> None:
        self.kill()
        self.start()

    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    # --- talking to it ----------------------------------------------------------------------------

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.api_port}"

    def token(self, name: str = "admin") -> str:
        """`admin` or `forwarder`: the tokens the daemon makes on its first start."""
        return (self.data_dir / "secrets" / f"{name}.token").read_text(encoding="utf-8").strip()

    def client(self, name: str = "admin") -> Client:
        """Closed with the process."""
        client = Client(grpc.insecure_channel(self.address), self.token(name))
        self._clients.append(client)
        return client

    def _close_clients(self) -> None:
        for client in self._clients:
            client.close()
        self._clients.clear()

    def _is_serving(self) -> bool:
        with grpc.insecure_channel(self.address) as channel:
            try:
                stub: Any = health_pb2_grpc.HealthStub(channel)
                answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=2)
            except grpc.RpcError:
                return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
