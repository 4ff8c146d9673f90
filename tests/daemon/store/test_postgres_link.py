"""Connections that are lost: nothing acknowledged is lost, nothing is written twice, and it goes on by itself."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psycopg
import pytest

from actors.ports import StoreFault
from daemon.store import postgres
from daemon.store.open import open_store
from daemon.store.postgres_link import PostgresLink
from daemon.store.postgres_open import PostgresStore
from daemon.store.read import Reader
from tests import postgres as servers
from tests import stores
from tests.daemon.store import samples
from tests.daemon.store.test_postgres_open import name_of

pytestmark = pytest.mark.skipif(bool(servers.why_not()), reason=servers.why_not())


@pytest.fixture
def url() -> str:
    return stores.new_postgres()


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[PostgresStore]:
    store = open_store(url, "full", tmp_path)
    assert isinstance(store, PostgresStore), store
    yield store
    store.close()


def end_sessions(url: str) -> None:
    """As a server does that is restarted: every connection to the store is gone."""
    name = name_of(url)
    servers.server().execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")


def groups(*numbers: int) -> list[str]:
    return [samples.group(number).group_id for number in numbers]


@pytest.mark.rule("REC-4")
def test_a_connection_that_was_lost_in_a_quiet_moment_is_not_even_noticed(store: PostgresStore, url: str) -> None:
    reader = Reader(store.source())
    assert store.apply([("a", samples.opening(1))])[0].broken is None
    assert reader.event_bounds().last > 0
    for number in (2, 3):
        end_sessions(url)
        assert store.apply([("a", samples.opening(number))])[0].broken is None
        end_sessions(url)
        assert len(store.live_group_ids()) == number
        assert reader.get_group(samples.group(number).group_id) == samples.group(number)
    reader.close()


@pytest.mark.rule("REC-4", "SIG-9")
def test_a_connection_lost_in_the_middle_of_a_batch_writes_it_once(
    store: PostgresStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = once(lambda: end_sessions(url))
    quickly = PostgresLink._quickly

    def cut(link: PostgresLink, connection: Any, work: Any) -> Any:
        def worked(cursor: Any) -> Any:
            answer = work(cursor)
            lost()
            return answer

        return quickly(link, connection, worked)

    monkeypatch.setattr(PostgresLink, "_quickly", cut)
    assert [one.broken for one in store.apply([("a", samples.opening(1)), ("b", samples.opening(2))])] == [None, None]
    assert store.live_group_ids() == groups(1, 2)


@pytest.mark.rule("REC-4", "SIG-9")
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_commit_whose_answer_was_lost_is_looked_up_and_neither_lost_nor_written_twice(
    store: PostgresStore, url: str, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its outcome is asked of the server: it may be durable, or not."""
    lost = once(lambda: end_sessions(url))
    execute = psycopg.Connection.execute

    def cut(connection: Any, query: Any, *rest: Any, **named: Any) -> Any:
        if query != "COMMIT":
            return execute(connection, query, *rest, **named)
        if moment == "before":
            lost()
        answer = execute(connection, query, *rest, **named)
        if lost():
            raise_lost(connection)
        return answer

    def raise_lost(connection: Any) -> None:
        connection.close()
        raise psycopg.OperationalError("the answer was lost")

    monkeypatch.setattr(psycopg.Connection, "execute", cut)
    (applied,) = store.apply([("a", samples.opening(1))])
    assert applied.broken is None
    (again,) = store.apply([("a", samples.opening(2))])
    assert again.events[0].sequence == applied.events[-1].sequence + 1
    assert store.live_group_ids() == groups(1, 2)


@pytest.mark.rule("REC-4")
def test_a_server_that_is_away_is_a_fault_and_the_store_works_again_when_it_is_back(tmp_path: Path) -> None:
    folder = Path(mkdtemp(prefix="terrace-postgres-"))
    folder.chmod(0o755)
    process, port = servers.start(folder)
    try:
        url = f"postgresql://terrace@/postgres?host={folder}&port={port}"
        store = open_store(url, "full", tmp_path / "data")
        assert isinstance(store, PostgresStore), store
        assert store.apply([("a", samples.opening(1))])[0].broken is None
        servers.stop(process)
        reader = Reader(store.source())
        for _ in range(2):
            with pytest.raises(StoreFault):
                store.apply([("a", samples.opening(2))])
            with pytest.raises(StoreFault):
                store.live_groups()
            with pytest.raises(StoreFault):
                reader.event_bounds()
        process, _ = servers.start(folder, settings={"port": str(port)})
        assert store.live_group_ids() == groups(1)
        assert store.apply([("a", samples.opening(2))])[0].broken is None
        assert reader.event_bounds().last > 0
        reader.close()
        store.close()
    finally:
        servers.stop(process)
        shutil.rmtree(folder)


@pytest.mark.rule("REC-4")
def test_a_store_that_another_daemon_used_in_between_takes_nothing_more_of_this_one(
    store: PostgresStore, url: str, tmp_path: Path
) -> None:
    store._link.drop()
    other = open_store(url, "full", tmp_path / "other")
    assert isinstance(other, PostgresStore)
    with pytest.raises(StoreFault, match="another daemon has taken the store: terraced"):
        store.apply([("a", samples.opening(1))])
    other.close()
    with pytest.raises(StoreFault, match="another daemon has used the store since"):
        store.apply([("a", samples.opening(1))])
    assert store._closed is False


def test_a_session_of_our_own_that_hangs_on_is_ended_before_the_store_is_taken_anew(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a network that was cut: the server still thinks we are there, with a batch under way."""
    old = store._link.connected()
    old.execute("BEGIN")
    old.execute("INSERT INTO meta (name, value) VALUES ('half', 'done')")
    store._link._connection = None
    assert store.apply([("a", samples.opening(1))])[0].broken is None
    assert store._rows("SELECT value FROM meta WHERE name = 'half'", ()) == []
    with pytest.raises(psycopg.OperationalError):
        old.execute("COMMIT")


@contextmanager
def woken(pid: int) -> Iterator[None]:
    """The process of the server that hangs, as on a disk that does not answer while its network lives, goes on."""
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.rule("REC-4", "REC-5")
@pytest.mark.parametrize("moment", ["before", "in the commit"])
def test_a_server_that_hangs_is_a_fault_in_bounded_time_and_nothing_is_lost_or_doubled(
    store: PostgresStore, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = store._connected()
    connection.answer_limit_s = 0.5
    monkeypatch.setattr(postgres, "OLD_SESSION_LIMIT_S", 0.3)
    first = store.apply([("a", samples.opening(1))])[0].events[-1].sequence
    pid = connection.info.backend_pid
    execute = psycopg.Connection.execute

    def at_commit(connection: Any, query: Any, *rest: Any, **named: Any) -> Any:
        if query == "COMMIT":
            os.kill(pid, signal.SIGSTOP)
        return execute(connection, query, *rest, **named)

    with woken(pid):
        if moment == "before":
            os.kill(pid, signal.SIGSTOP)
        else:
            monkeypatch.setattr(psycopg.Connection, "execute", at_commit)
        for _ in range(2):
            began_s = time.monotonic()
            with pytest.raises(StoreFault, match="has not ended the lost session of this daemon yet"):
                store.apply([("b", samples.opening(2))])
            assert time.monotonic() - began_s < 5
        monkeypatch.setattr(psycopg.Connection, "execute", execute)
    done = store.apply([("c", samples.opening(3))])[0]
    assert store.live_group_ids() in (groups(1, 3), groups(1, 2, 3))  # The commit that hung may have been taken.
    assert done.events[0].sequence in (first + 1, first + 1 + len(done.events))
    assert connection.closed


def test_a_reader_does_not_wait_for_a_server_that_hangs_for_ever(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "READ_ANSWER_LIMIT_S", 0.3)
    reader = Reader(store.source())
    store.apply([("a", samples.opening(1))])
    assert reader.event_bounds().last > 0
    ((_, idle),) = reader._source._idle  # type: ignore[union-attr]
    with woken(idle.info.backend_pid):
        os.kill(idle.info.backend_pid, signal.SIGSTOP)
        assert reader.event_bounds().last > 0, "the one that hangs is given up for another"
        assert idle.closed
    reader.close()


def test_a_locked_table_is_a_fault_and_no_more(store: PostgresStore, url: str) -> None:
    store._connected().execute("SET lock_timeout = 50")
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE signals")
        with pytest.raises(StoreFault, match="lock timeout"):
            store.apply([("a", samples.opening(1))])
    assert store.apply([("a", samples.opening(1))])[0].broken is None


def test_what_cannot_be_stored_refuses_its_commit_alone(store: PostgresStore) -> None:
    bad = ("\0", "\ud800")
    batch = [(str(n), (samples.save(samples.signal(n, alert_message=text)),)) for n, text in enumerate(bad)]
    results = store.apply([*batch, ("c", samples.opening(5)), ("d", (samples.claim(samples.signal(6), 2**64),))])
    assert [one.broken.constraint if one.broken else None for one in results] == ["value", "value", None, "value"]
    reader = Reader(store.source())
    assert reader.get_signal("\0") is None
    reader.close()


def test_many_readers_share_few_connections_and_wait_for_each_other(store: PostgresStore) -> None:
    reader = Reader(store.source())
    store.apply([("a", samples.opening(1))])
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.extend(len(reader.list_groups().items) for _ in range(10)))  # type: ignore[union-attr]
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [1] * 200
    assert len(reader._source._idle) <= 8  # type: ignore[union-attr]
    reader.close()


def once(work: Callable[[], None]) -> Callable[[], bool]:
    """Does it the first time; whether it did."""
    done: list[bool] = []

    def call() -> bool:
        if done:
            return False
        done.append(True)
        work()
        return True

    return call
