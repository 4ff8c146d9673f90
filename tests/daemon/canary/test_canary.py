"""A canary on the backup of a real paper daemon that trades on: what is well passes, what was spoiled is found."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from actors.messages import OrdersReported
from actors.position import PositionGroup
from daemon.canary.folder import CanaryRefused
from daemon.canary.report import Report, as_json
from daemon.store import migrate
from daemon.store.database import open_writer
from daemon.store.open import open_store
from daemon.store.refused import StoreRefused
from protos.terrace.v1 import account_pb2, group_pb2, maintenance_pb2
from tests.daemon.canary import stage
from tests.daemon.canary.stage import canary, command, copied, differences, environment, looked, restored, rows, write
from tests.daemon.daemon_process import DaemonProcess
from tests.system.stack import alert, until

pytestmark = pytest.mark.store("sqlite")
FIRST = "001_initial"
"""The schema of the first release."""


@dataclass(kw_only=True)
class House:
    """A daemon with groups that have filled in part, and its backup, restored."""

    daemon: DaemonProcess
    backup: Path
    data: Path
    folder: Path
    count: int = 0

    @property
    def config(self) -> Path:
        return self.daemon.config_file

    def another(self) -> Path:
        """A fresh copy of the copy."""
        self.count += 1
        return copied(self.data, self.folder / f"copy-{self.count}")

    def back_up(self) -> Path:
        """A backup made now, restored."""
        self.count += 1
        return restored(made_backup(self.daemon), self.folder / f"restored-{self.count}")


def made_backup(daemon: DaemonProcess) -> Path:
    name = daemon.client().maintenance.Backup(maintenance_pb2.BackupRequest()).name
    return daemon.data_dir / "backups" / name


def move(daemon: DaemonProcess, symbol: str, price: str) -> None:
    daemon.client().accounts.SetPaperPrice(account_pb2.SetPaperPriceRequest(symbol=symbol, price=price))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("canary")
    with DaemonProcess(folder / "real", {"storage": {"url": "sqlite:///terrace.db"}}) as daemon:
        client = daemon.client()
        for ticker in ("BTCUSDT", "ETHUSDT"):
            client.send(alert(ticker, price="100"))
        move(daemon, "BTC/USDT", "99.4")
        until(lambda: len(rows(daemon.data_dir / "terrace.db", "SELECT 1 FROM fills")) >= 3)
        until(lambda: rows(daemon.data_dir / "terrace.db", "SELECT 1 FROM orders WHERE role = 'take_profit'"))
        time.sleep(0.5)
        backup = made_backup(daemon)
        data = restored(backup, folder / "restored")
        yield House(daemon=daemon, backup=backup, data=data, folder=folder)


def test_a_canary_beside_a_daemon_that_trades_on_finds_nothing_and_changes_nothing_there(house: House) -> None:
    stop = threading.Event()

    def trade() -> None:
        client, number = house.daemon.client(), 0
        while not stop.wait(0.1):
            number += 1
            more: dict[str, Any] = (
                {} if number % 4 else {"execution_intent": {"type": "reduce" if number % 8 else "exit"}}
            )
            client.send(alert("SOLUSDT", timeframe=str(number % 5 + 1), price="100", **more))
            move(house.daemon, "SOL/USDT", str(100 - number % 3))

    trading = threading.Thread(target=trade)
    trading.start()
    try:
        store = house.daemon.data_dir / "terrace.db"
        until(lambda: len(rows(store, "SELECT 1 FROM fills WHERE symbol = 'SOL/USDT'")) > 5)
        ran = canary(house.config, house.back_up())
        before = len(rows(store, "SELECT 1 FROM signals"))
        until(lambda: len(rows(store, "SELECT 1 FROM signals")) > before + 3)
    finally:
        stop.set()
        trading.join()
    assert (ran.code, ran.said) == (0, "")
    answer = ran.answer
    assert answer["ready"]
    assert (answer["differences"], answer["unknown_orders"], answer["left_out"]) == ([], [], 0)
    assert answer["schema"] == migrate.known()[-1]
    assert answer["accounts"] == [{"account": "paper", "state": "ready", "why": ""}]
    group = next(each for each in answer["groups"] if each["key"] == "paper BTC/USDT 1h")
    shown = house.daemon.client().groups.ListGroups(group_pb2.ListGroupsRequest()).groups
    [real] = [each for each in shown if each.group_id == group["group_id"]]
    assert (group["quantity"], group["average_entry"], group["realized"]) == (
        real.quantity,
        real.average_entry,
        real.realized_pnl,
    )
    assert {"client_order_id", "state"} == set(group["orders"][0])


def test_the_real_installation_is_the_same_to_the_last_byte(house: House) -> None:
    process = house.daemon.process
    assert process is not None
    data = house.another()
    process.send_signal(signal.SIGSTOP)
    try:
        before = stage.print_of(house.daemon.folder)
        ran = canary(house.config, data)
        assert stage.print_of(house.daemon.folder) == before
    finally:
        process.send_signal(signal.SIGCONT)
    assert ran.code == 0
    assert house.daemon.client().groups.ListGroups(group_pb2.ListGroupsRequest()).groups


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_canary_that_is_ended_leaves_the_daemon_alone(house: House, number: int) -> None:
    data = house.another()
    process = subprocess.Popen(
        command(house.config, data), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    until((data / "terrace.lock").exists)
    begun_s = time.monotonic()
    process.send_signal(number)
    out, said = process.communicate(timeout=30)
    assert time.monotonic() - begun_s < 5
    assert (process.returncode, out) == (-9 if number == signal.SIGKILL else 130, b"")
    if number != signal.SIGKILL:
        assert b"nothing but the copy was touched" in said
    assert house.daemon.client().groups.ListGroups(group_pb2.ListGroupsRequest()).groups
    assert differences(house.config, data) == []  # Cut off anywhere, the copy can be looked at again.


def test_a_copy_with_an_installation_id_of_its_own_passes_too(house: House) -> None:
    assert differences(house.config, restored(house.backup, house.folder / "as-copy", as_copy=True)) == []


def test_a_fill_that_is_missing_is_found(house: House) -> None:
    data = house.another()
    [(name, trade_id)] = rows(data / "terrace.db", "SELECT client_order_id, trade_id FROM fills LIMIT 1")
    stage.made_later(data / "terrace.db", 60)
    assert write(data / "terrace.db", "DELETE FROM fills WHERE trade_id = ?", trade_id) == 1
    found = differences(house.config, data)
    assert ("fills do not add up", f"order {name}") in found
    assert ("fill", f"account paper: order {name}, trade {trade_id}") in found


def test_a_fill_that_was_lost_without_a_trace_is_found_at_the_exchange(house: House) -> None:
    """Its order, leg and group say nothing of it, as after a restore of something older."""
    data = house.another()
    store = data / "terrace.db"
    [(name, trade_id, group_id, pyramid, leg)] = rows(
        store,
        "SELECT o.client_order_id, f.trade_id, o.group_id, o.pyramid, o.leg FROM fills f JOIN orders o "
        "ON o.client_order_id = f.client_order_id WHERE o.role = 'entry' LIMIT 1",
    )
    stage.made_later(store, 60)
    write(store, "DELETE FROM fills WHERE trade_id = ?", trade_id)
    write(
        store,
        "UPDATE orders SET filled_quantity = '0', filled_notional = '0', state = 'open' WHERE client_order_id = ?",
        name,
    )
    write(
        store,
        "UPDATE legs SET lot_quantity = '0', lot_cost = '0', bought_quantity = '0', bought_cost = '0' "
        "WHERE group_id = ? AND pyramid = ? AND leg = ?",
        *(group_id, pyramid, leg),
    )
    assert ("fill", f"account paper: order {name}, trade {trade_id}") in differences(house.config, data)


def test_a_fill_of_the_copy_that_never_was_is_found(house: House) -> None:
    data = house.another()
    store = data / "terrace.db"
    write(store, "UPDATE fills SET trade_id = '987654' WHERE id = (SELECT min(id) FROM fills)")
    [(name,)] = rows(store, "SELECT client_order_id FROM fills WHERE trade_id = '987654'")
    stage.made_later(store, 60)
    found = differences(house.config, data)
    assert ("fill", f"account paper: order {name}, trade 987654") in found


def test_an_order_whose_quantity_was_changed_is_found(house: House) -> None:
    data = house.another()
    store = data / "terrace.db"
    stage.made_later(store, 60)
    [(name, quantity)] = rows(store, "SELECT client_order_id, quantity FROM orders WHERE state = 'open' LIMIT 1")
    write(store, "UPDATE orders SET quantity = '7' WHERE client_order_id = ?", name)
    report = looked(house.config, data)
    assert isinstance(report, Report)
    [found] = [each for each in report.differences if each.what == "order quantity"]
    assert (found.where, found.copy, found.now) == (f"account paper: order {name}", "7", quantity)


def test_an_open_order_that_the_copy_lacks_is_found_at_the_exchange(house: House) -> None:
    data = house.another()
    store = data / "terrace.db"
    stage.made_later(store, 60)
    [(name,)] = rows(store, "SELECT client_order_id FROM orders WHERE state = 'open' AND role = 'entry' LIMIT 1")
    write(store, "DELETE FROM orders WHERE client_order_id = ?", name)
    assert ("unknown order", f"account paper: order {name}") in differences(house.config, data)


def test_an_open_order_that_the_exchange_never_knew_is_found(house: House) -> None:
    data = house.another()
    [(name,)] = rows(data / "terrace.db", "SELECT client_order_id FROM orders WHERE state = 'open' LIMIT 1")
    assert write(data / "paper" / "paper.db", "DELETE FROM orders WHERE client_order_id = ?", name) == 1
    assert ("order", f"account paper: order {name}") in differences(house.config, data)


def test_holdings_that_are_not_there_are_found(house: House) -> None:
    data = house.another()
    write(data / "paper" / "paper.db", "UPDATE balances SET free = '0', locked = '0' WHERE asset = 'BTC'")
    assert "uncovered" in [what for what, _ in differences(house.config, data)]


def test_a_store_of_a_newer_program_is_refused_and_said(house: House) -> None:
    data = house.another()
    write(data / "terrace.db", "INSERT INTO migratehistory (name, migrated_at) VALUES ('999_later', '2030-01-01')")
    ran = canary(house.config, data)
    assert (ran.code, ran.answer["ready"]) == (1, False)
    assert "was written by a newer Terrace" in ran.said
    assert ran.answer["why"] in ran.said


def test_a_store_of_the_first_release_is_migrated_and_passes(house: House) -> None:
    data = house.another()
    database = open_writer(data / "terrace.db", "normal")
    while migrate.applied(database)[-1] != FIRST:
        migrate.rollback(database)
    database.close()
    report = looked(house.config, data)
    assert isinstance(report, Report)
    assert (report.is_well, report.schema) == (True, migrate.known()[-1])
    assert len(report.groups) >= 2


def _but_for_epoch(client_order_id: str) -> str:
    return client_order_id[:4] + client_order_id[6:]


def test_what_the_engine_would_send_is_listed_and_not_sent(house: House) -> None:
    """A target is neither in the store nor at the exchange: the engine wants to place it."""
    data = house.another()
    books = data / "paper" / "paper.db"
    [(name, group_id, quantity)] = rows(
        data / "terrace.db", "SELECT client_order_id, group_id, quantity FROM orders WHERE role = 'take_profit' LIMIT 1"
    )
    write(data / "terrace.db", "DELETE FROM orders WHERE client_order_id = ?", name)
    write(books, "DELETE FROM orders WHERE client_order_id = ?", name)
    before = rows(books, "SELECT count(*), max(number) FROM orders")
    report = looked(house.config, data)
    assert isinstance(report, Report)
    [found] = as_json(report)["would_send"]
    assert (found["what"], found["side"], found["quantity"], found["is_there"]) == ("submit", "sell", quantity, False)
    wanted = found["client_order_id"]
    assert wanted != name, "a store that was restored names its orders anew"
    assert _but_for_epoch(wanted) == _but_for_epoch(name)
    assert found["why"].startswith("target of pyramid 0 leg")
    assert found["why"].endswith(f"of group {group_id}")
    assert rows(books, "SELECT count(*), max(number) FROM orders") == before
    assert report.is_well


def test_data_this_version_fails_on_is_said_without_a_traceback(house: House) -> None:
    data = house.another()
    write(data / "terrace.db", "UPDATE position_groups SET side = 'sideways'")
    ran = canary(house.config, data)
    assert (ran.code, ran.answer["ready"]) == (1, False)
    assert "this version fails on the copy" in ran.said
    assert "canary_failed" in (data / "canary.log").read_text()


def test_a_part_that_stops_on_the_copy_is_found(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    receive = PositionGroup.receive

    def broken(group: PositionGroup, message: object) -> None:
        if isinstance(message, OrdersReported):
            raise RuntimeError("this version has a bug")
        receive(group, message)

    monkeypatch.setattr(PositionGroup, "receive", broken)
    report = looked(house.config, house.another())
    assert isinstance(report, Report)
    assert not report.is_well
    found = [each.now for each in report.differences if each.what == "engine"]
    assert any("this version has a bug" in words for words in found), found


def test_a_migration_that_changes_money_is_found_in_the_whole_look(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = house.another()

    def opened(url: str, durability: str, folder: Path, **more: Any) -> object:
        write(data / "terrace.db", "UPDATE position_groups SET realized = '5'")
        return open_store(url, durability, folder, **more)

    monkeypatch.setattr("daemon.canary.looking.open_store", opened)
    found = differences(house.config, data)
    assert {what for what, _ in found} == {"migration: realized"}
    assert len(found) >= 2


def test_an_account_that_cannot_be_opened_is_not_ready(house: House) -> None:
    config = house.daemon.folder / "other.yaml"
    text = (
        house.config.read_text(encoding="utf-8")
        .replace("  paper:\n", "  elsewhere:\n", 1)
        .replace("'*': paper", "'*': elsewhere")
    )
    config.write_text(text, encoding="utf-8")
    ran = canary(config, house.another(), timeout_s=10)
    assert (ran.code, ran.answer["ready"]) == (5, False)
    states = {each["account"]: each["state"] for each in ran.answer["accounts"]}
    assert states == {"paper": "cannot_be_opened", "elsewhere": "ready"}
    assert "paper: the configuration does not name it" in ran.said


def test_the_running_installation_is_never_taken_for_a_copy(house: House, tmp_path: Path) -> None:
    real = house.daemon.data_dir
    before = sorted(path.name for path in real.iterdir())
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "terrace.db").hardlink_to(real / "terrace.db")
    (tmp_path / "other").symlink_to(real)
    pointed = tmp_path / "pointed"
    pointed.mkdir()
    (pointed / "terrace.db").symlink_to(real / "terrace.db")
    for folder in (real, real.parent, linked, pointed, tmp_path / "other", tmp_path / "none", tmp_path):
        found = looked(house.config, folder)
        assert isinstance(found, CanaryRefused), folder
    assert canary(house.config, real).code == 1
    assert sorted(path.name for path in real.iterdir()) == before


def test_a_copy_that_somebody_uses_is_refused(house: House) -> None:
    data = house.another()
    with closing(sqlite3.connect(data / "terrace.db")) as user:
        user.execute("BEGIN IMMEDIATE")
        found = looked(house.config, data)
    assert isinstance(found, StoreRefused | CanaryRefused)
