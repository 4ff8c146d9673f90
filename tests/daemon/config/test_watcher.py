"""The running daemon takes a changed file (CFG-2). Real files and the real file watch."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.config.fault import ConfigFaults
from daemon.config.load import LoadedConfig, load_config
from daemon.config.reload import applicable, needs_restart
from daemon.config.watcher import ConfigChange, ConfigWatcher
from tests.daemon.config.texts import load

WAIT_S = 10.0


class Watched:
    """A config file, its watcher, and what that handed over."""

    def __init__(self, folder: Path, debounce_s: float = 0.05) -> None:
        self.path = folder / "config.yaml"
        self.write("config_version: 1\n")
        loaded = load_config(self.path, {})
        assert isinstance(loaded, LoadedConfig)
        self.changes: queue.Queue[ConfigChange] = queue.Queue()
        self.faults: queue.Queue[ConfigFaults] = queue.Queue()
        self.watcher = ConfigWatcher(
            loaded, {}, on_change=self.changes.put, on_faults=self.faults.put, debounce_s=debounce_s
        )

    def write(self, text: str) -> None:
        """As editors do: a new file in the place of the old."""
        draft = self.path.with_suffix(".new")
        draft.write_text(text)
        os.replace(draft, self.path)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path)
    watched.watcher.start()
    yield watched
    watched.watcher.stop()


@pytest.fixture
def still(tmp_path: Path) -> Watched:
    """Only `check_now`; the file watch is not started."""
    return Watched(tmp_path)


@pytest.mark.rule("CFG-2")
def test_a_valid_change_is_handed_over_with_its_keys(watched: Watched) -> None:
    watched.write("config_version: 1\npool: {max_open_groups: 3}\n")
    change = watched.changes.get(timeout=WAIT_S)
    assert change.changed == ("pool.max_open_groups",)
    assert change.restart == ()
    assert change.settings.pool.max_open_groups == 3
    assert change.settings.version == 2


@pytest.mark.rule("CFG-2")
def test_an_invalid_change_changes_nothing_and_the_next_valid_one_counts(watched: Watched) -> None:
    watched.write("config_version: 1\npool: {max_open_groups: 0}\n")
    assert [fault.path for fault in watched.faults.get(timeout=WAIT_S).faults] == ["pool.max_open_groups"]
    assert watched.changes.empty()
    assert watched.watcher.latest.settings.pool.max_open_groups == 10
    watched.path.write_text("config_version: 1\npool: {max_open_groups: 4}\n")  # In place this time.
    assert watched.changes.get(timeout=WAIT_S).settings.pool.max_open_groups == 4


@pytest.mark.rule("CFG-2")
def test_a_burst_of_writes_is_read_once(tmp_path: Path) -> None:
    watched = Watched(tmp_path, debounce_s=0.4)
    watched.watcher.start()
    try:
        for size in range(1, 21):
            watched.write(f"config_version: 1\npool: {{max_open_groups: {size}}}\n")
        assert watched.changes.get(timeout=WAIT_S).settings.pool.max_open_groups == 20
        watched.write("config_version: 1\nqueue: {max_size: 5}\n")
        change = watched.changes.get(timeout=WAIT_S)
        assert change.changed == ("pool.max_open_groups", "queue.max_size")
        assert change.settings.version == 3
    finally:
        watched.watcher.stop()


@pytest.mark.rule("CFG-2")
def test_a_file_beside_it_that_is_written_all_the_time_puts_nothing_off(tmp_path: Path) -> None:
    watched = Watched(tmp_path, debounce_s=0.3)
    watched.watcher.start()
    stopping = threading.Event()

    def chatter() -> None:
        with (tmp_path / "daemon.log").open("a") as log:
            while not stopping.wait(0.05):
                log.write("x\n")
                log.flush()

    chatterer = threading.Thread(target=chatter)
    chatterer.start()
    try:
        time.sleep(0.2)
        start = time.monotonic()
        watched.write("config_version: 1\npool: {max_open_groups: 3}\n")
        assert watched.changes.get(timeout=WAIT_S).changed == ("pool.max_open_groups",)
        assert time.monotonic() - start < 3.0  # Else it waits for the longest time, which is five seconds.
    finally:
        stopping.set()
        chatterer.join()
        watched.watcher.stop()


@pytest.mark.rule("CFG-2")
def test_a_change_between_loading_and_watching_is_not_missed(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.write("config_version: 1\npool: {max_open_groups: 3}\n")
    watched.watcher.start()
    try:
        assert watched.changes.get(timeout=WAIT_S).changed == ("pool.max_open_groups",)
    finally:
        watched.watcher.stop()


@pytest.mark.rule("CFG-2")
def test_a_file_behind_a_link_is_watched_too(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    watched = Watched(real)
    link = tmp_path / "config.yaml"
    link.symlink_to(watched.path)
    loaded = load_config(link, {})
    assert isinstance(loaded, LoadedConfig)
    watcher = ConfigWatcher(loaded, {}, on_change=watched.changes.put, on_faults=watched.faults.put, debounce_s=0.05)
    watcher.start()
    try:
        watched.write("config_version: 1\npool: {max_open_groups: 3}\n")
        assert watched.changes.get(timeout=WAIT_S).changed == ("pool.max_open_groups",)
    finally:
        watcher.stop()


@pytest.mark.rule("CFG-2")
def test_a_receiver_that_fails_does_not_end_the_watch(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    called: queue.Queue[int] = queue.Queue()

    def fail(change: ConfigChange) -> None:
        called.put(change.settings.pool.max_open_groups)
        raise RuntimeError("the receiver's fault")

    watcher = ConfigWatcher(watched.watcher.latest, {}, on_change=fail, on_faults=watched.faults.put, debounce_s=0.05)
    watcher.start()
    try:
        for size in (3, 4):
            watched.write(f"config_version: 1\npool: {{max_open_groups: {size}}}\n")
            assert called.get(timeout=WAIT_S) == size
    finally:
        watcher.stop()


@pytest.mark.rule("CFG-2")
def test_a_hangup_reads_the_file_at_once_and_says_a_fault_again(still: Watched) -> None:
    assert still.watcher.check_now() is None
    still.write("config_version: 1\npool: {max_open_groups: 0}\n")
    assert isinstance(still.watcher.check_now(), ConfigFaults)
    assert isinstance(still.watcher.check_now(), ConfigFaults)
    still.write("config_version: 1\npool: {max_open_groups: 5}\n")
    assert isinstance(still.watcher.check_now(), ConfigChange)
    assert still.watcher.check_now() is None
    assert (still.changes.qsize(), still.faults.qsize()) == (1, 2)


@pytest.mark.rule("CFG-2")
def test_a_faulty_file_put_back_as_it_was_is_told_too(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    mended: list[bool] = []
    latest = watched.watcher.latest
    watcher = ConfigWatcher(
        latest, {}, on_change=watched.changes.put, on_faults=watched.faults.put, on_mended=lambda: mended.append(True)
    )
    watched.write("config_version: 1\npool: {max_open_groups: 0}\n")
    assert isinstance(watcher.check_now(), ConfigFaults)
    watched.write(latest.text)
    assert watcher.check_now() is None
    assert watcher.check_now() is None
    assert mended == [True]
    assert watched.changes.empty()


@pytest.mark.rule("CFG-2")
def test_comments_and_defaults_written_out_are_a_version_that_changes_no_key(still: Watched) -> None:
    still.write("# hello\nconfig_version: 1\npool: {max_open_groups: 10}\n")
    change = still.watcher.check_now()
    assert isinstance(change, ConfigChange)
    assert (change.changed, change.settings.version) == ((), 2)
    assert still.watcher.check_now() is None


@pytest.mark.rule("CFG-2")
def test_a_vanished_file_is_a_fault_and_changes_nothing(still: Watched) -> None:
    still.path.unlink()
    answer = still.watcher.check_now()
    assert isinstance(answer, ConfigFaults)
    assert "cannot be read" in str(answer)


@pytest.mark.rule("CFG-2")
def test_what_needs_a_restart_is_named_and_not_applied_by_half(still: Watched) -> None:
    still.write(
        """config_version: 1
accounts:
  paper: {seed: 9, max_open_groups: 4, deny: [DOGE/USDT]}
  other: {}
routes: {"*": other, BINANCE: paper, OKX: other}
engine: {group_key: [account, symbol, timeframe, source], reporting_currency: EUR}
api: {address: "127.0.0.1:7777"}
pool: {max_open_groups: 3}
"""
    )
    change = still.watcher.check_now()
    assert isinstance(change, ConfigChange)
    assert "accounts.paper.seed" in change.restart
    assert "accounts.other.exchange" in change.restart
    assert {"api.address", "engine.group_key"} <= set(change.restart)
    assert {"accounts.paper.deny", "pool.max_open_groups", "routes.*"} <= set(change.changed) - set(change.restart)
    settings = change.settings
    assert list(settings.accounts) == ["paper"]
    paper = settings.accounts["paper"]
    assert (paper.seed, paper.max_open_groups, paper.deny) == (1, 4, ("DOGE/USDT",))
    assert settings.routes == {"*": "paper", "BINANCE": "paper"}
    assert len(settings.engine.group_key) == 3
    assert (settings.engine.reporting_currency, settings.pool.max_open_groups) == ("EUR", 3)
    assert "other" in change.loaded.settings.accounts


@pytest.mark.rule("CFG-2")
def test_an_account_taken_out_of_the_file_runs_on_until_the_restart(still: Watched) -> None:
    still.write("config_version: 1\naccounts: {other: {}}\nroutes: {'*': other}\n")
    change = still.watcher.check_now()
    assert isinstance(change, ConfigChange)
    assert list(change.settings.accounts) == ["paper"]
    assert change.settings.routes == {"*": "paper"}
    assert change.settings.version == 2


@pytest.mark.rule("SEC-5")
def test_a_key_that_may_withdraw_is_allowed_without_a_restart() -> None:
    account = "accounts: {main: {exchange: gate, api_key: env:K, api_secret: env:S, %s}}\nroutes: {'*': main}"
    running, wanted = load(account % "leverage: 1").settings, load(account % "allow_withdraw: true").settings
    assert not running.accounts["main"].allow_withdraw
    assert applicable(running, wanted).accounts["main"].allow_withdraw


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("data_dir", True),
        ("storage.durability", True),
        ("accounts.paper.fees.maker_percent", True),
        ("accounts.paper.allow", False),
        ("accounts.main.allow_withdraw", False),
        ("accounts.main.api_key", True),
        ("api.address", True),
        ("backup.keep", True),
        ("engine.mode", False),
        ("strategy.default.levels", False),
        ("sources.tradingview.max_age_s", False),
        ("risk.enabled", False),
    ],
)
def test_the_restart_table(key: str, expected: bool) -> None:
    assert needs_restart(key) is expected


def test_stopping_a_watcher_that_was_never_begun_does_nothing(still: Watched) -> None:
    still.watcher.stop()
