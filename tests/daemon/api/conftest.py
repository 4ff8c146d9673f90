"""A real daemon in a thread of the test, on free ports, with manual prices; clients for each role."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml

from daemon.app import Daemon
from daemon.config.load import LoadedConfig, load_config
from daemon.tokens import Token, TokenRole, token_hash, write_tokens
from tests import stores
from tests.daemon.api.calls import Client
from tests.daemon.daemon_process import laid_over, manual_config

START_LIMIT_S = 30.0


class Served:
    """A running daemon. `client(role)` has a token of that role; `client(None)` has none."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.config = laid_over(manual_config(0, 0), config)
        if stores.IS_POSTGRES:
            self.config = laid_over(self.config, {"storage": {"url": stores.url_of(self.data_dir)}})
        self.config_file = folder / "config.yaml"
        self.write_config()
        self._write_tokens()
        loaded = load_config(self.config_file, {})
        assert isinstance(loaded, LoadedConfig), str(loaded)
        self.daemon = Daemon(loaded, dict(os.environ), with_signals=False)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="served")
        self._clients: list[Client] = []

    def write_config(self, changes: Mapping[str, Any] | None = None) -> None:
        self.config = laid_over(self.config, changes or {})
        self.config_file.write_text(yaml.safe_dump(self.config, sort_keys=False), encoding="utf-8")

    def start(self) -> None:
        self._thread.start()
        while not self.daemon.ready.wait(0.05):
            assert self._thread.is_alive(), f"the daemon ended: {self._failure!r}"

    def stop(self) -> None:
        for client in self._clients:
            client.close()
        if self._thread.is_alive():
            self.daemon.stop()
            self._thread.join(START_LIMIT_S)
        assert self._failure is None, self._failure

    def client(self, role: str | None = "admin") -> Client:
        channel = grpc.insecure_channel(f"127.0.0.1:{self.daemon.port}")
        client = Client(channel, f"token-of-{role}" if role else "")
        self._clients.append(client)
        return client

    def _write_tokens(self) -> None:
        tokens = [
            Token(name=role.value, role=role, expires=None, sha256=token_hash(f"token-of-{role.value}"))
            for role in TokenRole
        ]
        write_tokens(self.data_dir / "secrets" / "tokens.yaml", tokens)

    def _run(self) -> None:
        try:
            asyncio.run(self.daemon.run())
        except BaseException as error:
            self._failure = error


Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """`serve({...})` starts a daemon with that laid over the usual config; `before` sees it before it starts."""
    running: list[Served] = []

    def start(config: Mapping[str, Any] | None = None, *, before: Callable[[Served], None] | None = None) -> Served:
        folder = tmp_path / f"daemon{len(running)}"
        folder.mkdir()
        served = Served(folder, config or {})
        running.append(served)
        if before is not None:
            before(served)
        served.start()
        return served

    yield start
    for served in running:
        served.stop()


@pytest.fixture
def served(serve: Serve) -> Served:
    return serve()


@pytest.fixture
def admin(served: Served) -> Client:
    return served.client("admin")
