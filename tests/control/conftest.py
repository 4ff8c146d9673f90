"""A home directory for each test, a fake daemon, and the command line in and out of this process."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from control.__main__ import main
from tests.control.fake_daemon import ADMIN_TOKEN, FORWARDER_TOKEN, FakeDaemon
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
SECRET = "a-secret-of-the-test"


@dataclass
class Home:
    """A config file and a data directory as the daemon leaves them after its first start."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def write(self, text: str) -> None:
        self.config.write_text(text)

    def write_secret(self, name: str, text: str) -> Path:
        path = self.data / "secrets" / name
        path.write_text(text + "\n")
        path.chmod(0o600)
        return path

    def environ(self) -> dict[str, str]:
        own = {key: value for key, value in os.environ.items() if not key.startswith(("TERRACE_", "XDG_"))}
        return {**own, "TERRACE_CONFIG": str(self.config), "HOME": str(self.folder), "NO_COLOR": "1"}


@dataclass
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home(tmp_path)
    (found.data / "secrets").mkdir(parents=True, mode=0o700)
    found.write_secret("admin.token", ADMIN_TOKEN)
    found.write_secret("forwarder.token", FORWARDER_TOKEN)
    found.write_secret("tradingview", SECRET)
    return found


@pytest.fixture
def daemon(home: Home) -> Iterator[FakeDaemon]:
    running = FakeDaemon().start()
    # The forwarder's default address may be somebody's on this machine: here is surely nobody.
    forwarder = f"forwarder: {{address: '127.0.0.1:{free_port()}'}}"
    home.write(f"config_version: 1\napi: {{address: '{running.address}'}}\n{forwarder}\n")
    yield running
    running.stop()


@pytest.fixture
def cli(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """The command line inside this process."""

    def run(*arguments: str, stdin: str | bytes = "") -> Ran:
        for name, value in home.environ().items():
            monkeypatch.setenv(name, value)
        raw = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        found = capsys.readouterr()
        return Ran(int(ended.value.code or 0), found.out, found.err)

    return run


@pytest.fixture
def terrace(home: Home) -> Callable[..., Ran]:
    """The command line as a process of its own."""

    def run(*arguments: str, stdin: str = "", **environ: str) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "control", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env={**home.environ(), **environ},
            cwd=ROOT,
            timeout=60,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run
