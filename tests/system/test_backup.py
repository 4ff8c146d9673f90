"""A backup taken under load comes back elsewhere: every promise holds on it, a daemon starts on it and trades (REC)."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.books import paper_venue, read_store
from tests.processes.checks import at_rest
from tests.processes.load import Load, Market, PaperPrices, Prices, Sent
from tests.processes.quiet import Quiet
from tests.processes.stage import SETTLES_S, TICKERS, D, loaded, terms_of
from tests.processes.works import Works, paper_config
from tests.system.stack import Plain, Stack, _environment, until

pytestmark = pytest.mark.store("sqlite")
PASSPHRASE = "correct horse battery staple"
KEEP = 2


@pytest.fixture
def works(tmp_path: Path) -> Iterator[Works]:
    (tmp_path / "old").mkdir()
    with Works(tmp_path / "old", paper_config({"backup": {"keep": KEEP, "every_hours": 0}})) as works:
        works.begin()
        yield works


def terraced(*words: str, code: int = 0) -> str:
    command = [sys.executable, "-m", "daemon", "backup", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=_environment(), check=False)
    assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def moved(stack: Stack, folder: Path) -> Stack:
    """The same installation restored in `folder`: same ports, another config file and data directory."""
    other = copy.copy(stack)
    other.folder, other.config_file, other.data_dir = folder, folder / "config.yaml", folder / "data"
    other.processes, other._client = {}, None
    return other


def heard_before(load: Load) -> list[Sent]:
    """What was acknowledged up to now, as it was heard up to now."""
    return [copy.deepcopy(item) for item in list(load.sent) if item.heard]


def take_backups(works: Works, load: Load, passphrase: Path) -> tuple[Plain, list[Sent]]:
    """Three backups while alerts and fills go on; the encrypted last one and what had been acknowledged before it."""
    for _ in range(2):
        seen = len(load.sent)
        works.stack.json("backup", "create")
        until(lambda: len(load.sent) > seen + 20)  # noqa: B023
    before = heard_before(load)
    made = works.stack.json("backup", "create", "--passphrase-file", str(passphrase))
    seen = len(load.sent)
    until(lambda: len(load.sent) > seen + 20)
    return made, before


@pytest.mark.rule("REC-1", "REC-5", "ORD-2", "SIG-9")
def test_a_backup_taken_under_load_is_restored_reconciled_and_trades_on(works: Works, tmp_path: Path) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.write_text(PASSPHRASE)
    passphrase.chmod(0o600)
    with loaded(works) as load:
        until(lambda: sum(item.is_acknowledged for item in list(load.sent)) > 40)
        made, before = take_backups(works, load, passphrase)
        assert works.is_ready()
    listed = works.stack.json("backup", "list")["backups"]
    assert listed[0]["name"] == made["name"]
    assert len(listed) == KEEP
    works.kill("daemon")
    works.kill("forwarder")
    works.stack.close_client()
    file = works.stack.data_dir / "backups" / made["name"]
    options = ("--passphrase-file", str(passphrase))
    config = ("--config", str(works.stack.config_file))
    assert "the backup is well" in terraced("verify", str(file), *options, *config)
    assert "the audit trail is whole" in terraced("verify", str(file), *options, *config)
    assert PASSPHRASE.encode() not in file.read_bytes()
    into = tmp_path / "new"
    told = terraced("restore", str(file), "--into", str(into), "--yes", *options)
    assert "The old daemon must never run again" in told
    _put_secrets_back(works.stack.data_dir, into / "data")
    stack = moved(works.stack, into)
    try:
        stack.start("daemon")
        _is_paused_and_says_why(stack)
        stack.terrace("engine", "resume")
        _settle(works, stack, before)
        _trade(works, stack)
    finally:
        stack.stop()


def _put_secrets_back(old: Path, new: Path) -> None:
    """As a person does who has kept them."""
    for file in (old / "secrets").iterdir():
        if not (new / "secrets" / file.name).exists():
            shutil.copy2(file, new / "secrets" / file.name)


def _is_paused_and_says_why(stack: Stack) -> None:
    alerts = stack.json("alert", "list")["alerts"]
    assert any("was restored from" in each["message"] for each in alerts), alerts
    assert json.dumps(stack.json("engine", "status")).count("paused")
    opened = stack.rows("SELECT count(*) FROM position_groups")
    assert opened[0][0] > 3


def _settle(works: Works, stack: Stack, before: list[Sent]) -> None:
    """Nothing is under way any more, and all that was acknowledged before the backup is there."""
    terms = terms_of(works)
    prices = PaperPrices(stack, TICKERS)
    for ticker in TICKERS:
        prices(ticker, D(100))

    quiet = Quiet()

    def busy() -> list[str]:
        return quiet.busy(read_store(stack.data_dir), paper_venue(stack.data_dir, "paper"), terms, 0)

    until(lambda: not busy(), SETTLES_S, lambda: f"not at rest: {busy()[:5]}")
    prices.close()
    store, venue = read_store(stack.data_dir), paper_venue(stack.data_dir, "paper")
    spooled = [item for item in before if all(heard.outcome != "SPOOLED" for heard in item.heard)]
    assert len(spooled) > 20
    assert list(map(str, at_rest(store, venue, terms, spooled))) == []


def _trade(works: Works, stack: Stack) -> None:
    """A second life under load keeps every promise too."""
    stack.start("forwarder")
    market = Market(tickers=tuple(TICKERS), timeframes=("240",), weights=(("entry", 70), ("exit", 20), ("reduce", 10)))
    prices = Prices(dict.fromkeys(TICKERS, D(100)), PaperPrices(stack, TICKERS), 7)
    load = Load(stack, market, prices, seed=7, http_senders=0, grpc_senders=2)
    first = max(int(row[0].removeprefix("n") or 0) for row in stack.rows("SELECT trade_id FROM signals"))
    load.sent = [Sent(number=number, kind="entry", body={}) for number in range(first + 500)]  # Numbers that are taken.
    load.start()
    try:
        until(lambda: sum(item.is_acknowledged for item in list(load.sent)) > 20)
    finally:
        load.give_up()
        load.stop()
    load.settle_prices(10.0)
    terms = terms_of(works)

    quiet = Quiet()

    def state() -> tuple[list[str], list[str]]:
        store, venue = read_store(stack.data_dir), paper_venue(stack.data_dir, "paper")
        return quiet.busy(store, venue, terms, 0), list(map(str, at_rest(store, venue, terms, load.sent)))

    until(lambda: not state()[0], SETTLES_S, lambda: f"not at rest: {state()[0][:5]}")
    assert state()[1] == []
    assert load.failures == []
