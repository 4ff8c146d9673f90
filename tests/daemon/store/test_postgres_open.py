"""A store on a real PostgreSQL server: what is made, what is refused and with which words."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from daemon.store import migrate, postgres, tools
from daemon.store.open import StoreRefused, open_store
from daemon.store.postgres_open import PostgresStore
from daemon.store.read import Reader
from daemon.store.store import SqlStore
from daemon.store.tools import Changed, Checked
from tests import postgres as servers
from tests import stores
from tests.daemon.store import samples
from tests.daemon.store.samples import T0

pytestmark = pytest.mark.skipif(bool(servers.why_not()), reason=servers.why_not())


@pytest.fixture
def url() -> str:
    return stores.new_postgres()


def opened(url: str, folder: Path) -> SqlStore:
    store = open_store(url, "full", folder)
    assert isinstance(store, SqlStore), store
    return store


def refused(url: str, folder: Path) -> StoreRefused:
    answer = open_store(url, "full", folder)
    assert isinstance(answer, StoreRefused)
    assert servers.PASSWORD not in str(answer)
    again = open_store("sqlite:///terrace.db", "full", folder)
    assert isinstance(again, SqlStore), "a refused start gives the lock of the directory back"
    again.close()
    return answer


def name_of(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]


# --- what is made ---------------------------------------------------------------------------------


@pytest.mark.rule("ORD-2")
def test_the_installation_keeps_its_name_and_counts_its_starts(url: str, tmp_path: Path) -> None:
    boots = []
    for _ in range(3):
        store = opened(url, tmp_path)
        boots.append(store.boot)
        store.close()
        store.close()
    assert [boot.boot_count - boots[0].boot_count for boot in boots] == [0, 1, 2]
    assert len({boot.installation_id for boot in boots}) == 1
    assert [boot.was_clean for boot in boots] == [True] * 3


def test_the_writer_and_the_readers_work_as_the_design_says(url: str, tmp_path: Path) -> None:
    for durability, wanted in (("full", "on"), ("normal", "off")):
        store = open_store(url, durability, tmp_path)
        assert isinstance(store, PostgresStore)
        assert store._rows("SHOW synchronous_commit", ()) == [(wanted,)]
        reader = Reader(store.source())
        shown = reader.report(
            lambda run: [*run("SHOW transaction_read_only", ()), *run("SHOW transaction_isolation", ())]
        )
        assert shown == [("on",), ("repeatable read",)]
        reader.close()
        store.close()


def test_texts_are_compared_by_their_bytes_and_times_are_whole(url: str, tmp_path: Path) -> None:
    store = opened(url, tmp_path)
    columns = "SELECT data_type, coalesce(collation_name, '') FROM information_schema.columns WHERE table_name = ?"
    for table in ("signals", "orders", "events", "profits"):
        assert set(store._rows(columns, (table,))) == {("text", "C"), ("bigint", "")}
    store.close()


def test_old_records_are_pruned_and_no_sequence_is_given_twice(url: str, tmp_path: Path) -> None:
    store = opened(url, tmp_path)
    (first,) = store.apply([("a", (samples.event(), samples.event()))])
    last = first.events[-1].sequence
    assert store.prune(0, T0 + 1) == 2
    store.close()
    store = opened(url, tmp_path)
    (applied,) = store.apply([("a", (samples.event(),))])
    assert applied.events[0].sequence == last + 1
    store.close()


# --- one daemon per store -------------------------------------------------------------------------


def test_a_second_daemon_is_refused_and_told_who_has_the_store(url: str, tmp_path: Path) -> None:
    store = opened(url, tmp_path / "one")
    answer = refused(url, tmp_path / "two")
    assert "in use by terraced" in answer.problem
    assert f":{os.getpid()} " in answer.problem
    store.close()
    opened(url, tmp_path / "two").close()


def test_two_stores_of_one_database_do_not_mind_each_other(url: str, tmp_path: Path) -> None:
    servers.server().execute("CREATE SCHEMA other", name_of(url))
    one = opened(url, tmp_path / "one")
    two = opened(f"{url}&options={quote('-csearch_path=other')}", tmp_path / "two")
    assert one.apply([("a", samples.opening(1))])[0].broken is None
    assert (one.live_group_ids(), two.live_group_ids()) == ([samples.group(1).group_id], [])
    one.close()
    two.close()


# --- what is refused ------------------------------------------------------------------------------


def test_each_obstacle_is_named_with_its_remedy(tmp_path: Path) -> None:
    server = servers.server()
    obstacles = {
        server.tcp_url(password="wrong"): ("did not take the password", "storage.url"),
        server.tcp_url("nowhere"): ("has no database nowhere", "CREATE DATABASE nowhere"),
        server.url(user="stranger"): ("knows no such user", "CREATE ROLE stranger"),
        "postgresql://terrace@127.0.0.1:1/terrace": ("cannot be reached", "Start the server"),
        f"postgresql://terrace@/x?host={tmp_path}": ("cannot be reached", "Start the server"),
        "postgresql://terrace@/x?colour=green": ("no URL of PostgreSQL", "postgresql://user@host"),
    }
    for number, (url, (problem, remedy)) in enumerate(obstacles.items()):
        answer = refused(url, tmp_path / str(number))
        assert problem in answer.problem
        assert remedy in answer.remedy


def test_a_user_without_rights_is_told_which_to_ask_for(url: str, tmp_path: Path) -> None:
    server, name = servers.server(), name_of(url)
    server.execute(f"DROP ROLE IF EXISTS guest_{name}")
    server.execute(f"CREATE ROLE guest_{name} LOGIN")
    server.execute("DROP SCHEMA public CASCADE", name)
    server.execute("CREATE SCHEMA public", name)
    server.execute(f"GRANT USAGE ON SCHEMA public TO guest_{name}", name)
    answer = refused(url.replace("terrace@", f"guest_{name}@"), tmp_path)
    assert "permission denied" in answer.problem
    assert f"guest_{name}" in answer.remedy
    server.drop_database(name)
    server.execute(f"DROP ROLE guest_{name}")


def test_a_database_of_another_program_or_encoding_and_an_old_server_are_refused(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = servers.server()
    fresh = server.new_database()
    server.execute("CREATE TABLE songs (name text)", fresh)
    assert "tables of another program (songs)" in refused(server.url(fresh), tmp_path / "a").problem
    server.drop_database(fresh)
    server.execute(f"CREATE DATABASE {fresh} TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'")
    assert "SQL_ASCII" in refused(server.url(fresh), tmp_path / "b").problem
    server.drop_database(fresh)
    monkeypatch.setattr(postgres, "LEAST_SERVER", 99)
    assert "needs 99 or newer" in refused(url, tmp_path / "c").problem


def test_a_store_of_a_newer_program_is_refused(url: str, tmp_path: Path) -> None:
    opened(url, tmp_path / "one").close()
    servers.server().execute(f"INSERT INTO {migrate.HISTORY} (name) VALUES ('999_later')", name_of(url))
    answer = refused(url, tmp_path / "two")
    assert "written by a newer Terrace" in answer.problem
    assert "999_later" in answer.problem


def test_without_the_driver_a_person_is_told_what_to_install(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "daemon.store.postgres_open")
    assert "with [postgres] behind its name" in refused(url, tmp_path).remedy


# --- the schema -----------------------------------------------------------------------------------


def test_every_migration_can_be_taken_back_and_run_again_and_the_store_is_looked_through(tmp_path: Path) -> None:
    server = servers.server()
    name = server.new_database()
    url = server.url(name)
    missing = tools.check(url, tmp_path)
    assert isinstance(missing, StoreRefused)
    store = opened(url, tmp_path)
    assert store.apply([("a", samples.opening(1))])[0].broken is None
    used = tools.check(url, tmp_path)
    assert isinstance(used, Checked)
    assert (used.is_well, used.engine, "terraced" in used.in_use) == (True, "PostgreSQL", True)
    held = tools.rollback_store(url, tmp_path)
    assert isinstance(held, StoreRefused)
    store.close()
    for migration in reversed(migrate.known()[1:]):
        assert tools.rollback_store(url, tmp_path) == Changed(migrations=(migration,))
    assert isinstance(tools.rollback_store(url, tmp_path), StoreRefused)
    looked = tools.look_at_rollback(url, tmp_path)
    assert not isinstance(looked, StoreRefused)
    assert looked.is_first
    assert ("position_groups", 1) in looked.rows
    assert tools.migrate_store(url, tmp_path) == Changed(migrations=migrate.known()[1:])
    store = opened(url, tmp_path)
    assert store.live_group_ids() == [samples.group(1).group_id]
    store.close()
    server.drop_database(name)
