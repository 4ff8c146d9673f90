"""`terrace init` tries its keys at the exchange before it writes anything: here a simulated one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.control.conftest import ROOT, Home
from tests.control.terminal import Terminal
from tests.wire.run import Running

GIVEN = ("--exchange", "binance", "--market", "spot", "--live", "--capital", "50", "--pool", "2", "--ladder", "0:100:1")


@pytest.fixture(scope="module")
def venue() -> Iterator[Running]:
    with Running("binance") as running:
        yield running


@pytest.fixture
def bare(tmp_path: Path) -> Home:
    folder = tmp_path / "bare"
    folder.mkdir()
    return Home(folder)


def environ(bare: Home, venue: Running) -> dict[str, str]:
    ends = venue.endpoints
    return {**bare.environ(), "TERRACE_ACCOUNTS__BINANCE__URLS": json.dumps({"rest": ends.rest, "ws": ends.ws})}


def run_with(bare: Home, venue: Running, folder: Path, *, secret: str) -> subprocess.CompletedProcess[str]:
    options = []
    for name, text in (("api-key", venue.endpoints.api_key), ("api-secret", secret)):
        path = folder / name
        path.write_text(text)
        path.chmod(0o600)
        options += [f"--{name}-file", str(path)]
    return subprocess.run(
        [sys.executable, "-m", "control", "init", *GIVEN, *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environ(bare, venue),
        cwd=ROOT,
        timeout=120,
        check=False,
    )


def files(bare: Home) -> list[Path]:
    return [path for path in bare.folder.rglob("*") if path.is_file()]


def test_a_key_the_exchange_takes_is_stored(bare: Home, venue: Running, tmp_path: Path) -> None:
    done = run_with(bare, venue, tmp_path, secret=venue.endpoints.api_secret)
    assert done.returncode == 0, done.stderr
    assert "the exchange takes the key" in done.stderr
    assert "was not tried" not in done.stdout
    assert "api_secret: vault:binance/api_secret" in bare.config.read_text()


@pytest.mark.rule("SEC-5")
def test_a_key_that_may_withdraw_is_not_stored(bare: Home, venue: Running, tmp_path: Path) -> None:
    venue.admin.post("permissions", withdraw=True)
    try:
        done = run_with(bare, venue, tmp_path, secret=venue.endpoints.api_secret)
    finally:
        venue.admin.post("permissions", withdraw=False)
    assert done.returncode == 1
    assert "WITHDRAW" in done.stderr
    assert files(bare) == []


def test_a_key_the_exchange_does_not_take_is_not_stored(bare: Home, venue: Running, tmp_path: Path) -> None:
    done = run_with(bare, venue, tmp_path, secret="not-the-secret-of-this-key")
    assert done.returncode == 1
    assert "nothing was done" in done.stderr
    assert "--no-check" in done.stderr
    assert "not-the-secret" not in done.stderr + done.stdout
    assert files(bare) == []


def test_a_person_may_give_another_key(bare: Home, venue: Running) -> None:
    ends = venue.endpoints
    with Terminal("init", *GIVEN, "--account", "binance", environ=environ(bare, venue), cwd=bare.folder) as shell:
        shell.answer("API key (not shown):", ends.api_key)
        shell.answer("API secret (not shown):", "not-the-secret-of-this-key")
        shell.until("The key could not be confirmed:")
        shell.answer("[again]:", "a")
        shell.answer("API key (not shown):", ends.api_key)
        shell.answer("API secret (not shown):", ends.api_secret)
        shell.until("the exchange takes the key")
        shell.answer("? [Y/n]", "")
        assert shell.end() == 0, shell.shown
        assert all(each not in shell.shown for each in (ends.api_key, ends.api_secret, "not-the-secret"))
    assert bare.config.exists()


def test_ctrl_c_while_the_key_is_tried_leaves_nothing_behind(bare: Home, venue: Running) -> None:
    with Terminal("init", *GIVEN, "--account", "binance", environ=environ(bare, venue), cwd=bare.folder) as shell:
        shell.answer("API key (not shown):", venue.endpoints.api_key)
        shell.answer("API secret (not shown):", venue.endpoints.api_secret)
        shell.until("trying the key")
        shell.type("\x03")
        assert shell.end() == 8, shell.shown
        assert "Traceback" not in shell.shown
    assert files(bare) == []
