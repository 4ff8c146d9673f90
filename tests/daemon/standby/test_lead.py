"""The lead in PostgreSQL: who gets it, from whom, and that whoever lost it writes nothing."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from actors.rules.records import AddEvent
from daemon.standby.lease import PostgresRenewal
from daemon.standby.watch import Look, Watch
from daemon.store.audit import AuditKeys
from daemon.store.leadership import TAKEOVER_AFTER_S, Fenced, Wish, epoch_chars
from daemon.store.open import open_store
from daemon.store.postgres_open import PostgresStore
from daemon.store.refused import Refuse, StoreRefused
from tests import postgres as servers
from tests import stores

pytestmark = pytest.mark.skipif(bool(servers.why_not()), reason=servers.why_not())


@pytest.fixture
def url() -> str:
    return stores.new_postgres()


def opened(url: str, folder: Path, wish: Wish | None = None) -> PostgresStore:
    store = open_store(url, "full", folder, wish=wish or Wish(address="here:1"))
    assert isinstance(store, PostgresStore), store
    return store


def write(store: PostgresStore, words: str) -> None:
    event = AddEvent(time_ms=1, severity="info", category="system", type="test", message=words)
    assert store.apply([("test", (event,))])[0].broken is None


def told(store: PostgresStore) -> list[str]:
    return [words for (words,) in store._rows("SELECT message FROM events ORDER BY sequence", ())]


@contextmanager
def beating(renewal: PostgresRenewal) -> Iterator[None]:
    ending = threading.Event()

    def beat() -> None:
        while not ending.wait(0.1):
            renewal.beat()

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


class Waiting:
    """A watch on the test's clock."""

    def __init__(self, url: str) -> None:
        self.now_s = 0.0
        self.watch = Watch(url, lambda: self.now_s)

    def after(self, seconds: float) -> Look:
        self.now_s += seconds
        return self.watch.look()


@pytest.mark.rule("ORD-2")
def test_each_lead_has_the_next_epoch_and_its_two_characters(url: str, tmp_path: Path) -> None:
    epochs = []
    for _ in range(3):
        store = opened(url, tmp_path)
        epochs.append(store.boot.epoch)
        store.close()
    assert [epoch - epochs[0] for epoch in epochs] == [0, 1, 2]
    assert [epoch_chars(epoch) for epoch in (0, 1, 35, 36, 1295, 1296)] == ["00", "01", "0z", "10", "zz", "00"]


@pytest.mark.rule("ORD-2", "REC-1")
def test_a_leader_whose_lease_ran_out_is_taken_over_and_its_next_batch_is_refused_whole(
    url: str, tmp_path: Path
) -> None:
    old = opened(url, tmp_path / "a")
    write(old, "before")
    renewal, waiting = PostgresRenewal(url, old.lead.epoch), Waiting(url)
    assert renewal.beat()
    assert not waiting.after(0).is_free
    assert not waiting.after(TAKEOVER_AFTER_S - 0.1).is_free
    assert renewal.beat()
    assert not waiting.after(1).is_free, "it was renewed"
    look = waiting.after(TAKEOVER_AFTER_S)
    assert look.is_free
    assert look.claim is not None
    shutil.copytree(tmp_path / "a" / "secrets", tmp_path / "b" / "secrets")
    new = opened(url, tmp_path / "b", Wish(address="there:2", claim=look.claim))
    assert (new.lead.epoch, new.lead.address) == (old.lead.epoch + 1, "there:2")
    with pytest.raises(Fenced, match="another daemon has taken the store"):
        write(old, "too late")
    assert not renewal.beat()
    write(new, "after")
    assert told(new) == ["before", "after"]
    old.close()
    write(new, "still")
    new.close()
    renewal.close()
    waiting.watch.close()


@pytest.mark.rule("ORD-2")
def test_a_batch_of_an_epoch_that_is_over_is_refused_though_its_session_still_has_the_lock(
    url: str, tmp_path: Path
) -> None:
    store = opened(url, tmp_path)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE leadership SET epoch = epoch + 1")
    with pytest.raises(Fenced, match=f"epoch {store.lead.epoch} is over"):
        write(store, "too late")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE leadership SET epoch = epoch - 1")
    write(store, "in time")
    assert told(store) == ["in time"]
    store.close()


@pytest.mark.rule("ORD-2")
def test_a_lease_that_is_renewed_in_the_last_moment_is_not_taken_over(url: str, tmp_path: Path) -> None:
    leader = opened(url, tmp_path / "a")
    renewal, waiting = PostgresRenewal(url, leader.lead.epoch), Waiting(url)
    assert renewal.beat()
    waiting.after(0)
    claim = waiting.after(TAKEOVER_AFTER_S).claim
    assert renewal.beat()
    refused = open_store(url, "full", tmp_path / "b", wish=Wish(address="", claim=claim))
    assert isinstance(refused, StoreRefused)
    assert refused.is_held
    write(leader, "still here")
    assert renewal.beat()
    for one in (renewal, waiting.watch, leader):
        one.close()


def test_a_lease_handed_back_is_free_at_once_and_a_lead_without_one_only_when_its_lock_is(
    url: str, tmp_path: Path
) -> None:
    leader, waiting = opened(url, tmp_path), Waiting(url)
    assert not waiting.after(0).is_free
    assert not waiting.after(2 * TAKEOVER_AFTER_S).is_free, "no lease was given: nothing can run out"
    renewal = PostgresRenewal(url, leader.lead.epoch)
    assert renewal.beat()
    leader.close()
    assert not waiting.after(0).is_free
    renewal.hand_back()
    look = waiting.after(0)
    assert (look.is_free, look.claim) == (True, None)
    renewal.close()
    waiting.watch.close()


def test_while_the_store_cannot_be_asked_nothing_runs_out(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader, waiting = opened(url, tmp_path), Waiting(url)
    renewal = PostgresRenewal(url, leader.lead.epoch)
    assert renewal.beat()
    waiting.after(0)
    with monkeypatch.context() as away:
        away.setattr(waiting.watch, "_connected", _away)
        assert waiting.after(TAKEOVER_AFTER_S).trouble is not None
    assert not waiting.after(TAKEOVER_AFTER_S).is_free
    assert waiting.after(TAKEOVER_AFTER_S).is_free
    for one in (renewal, waiting.watch, leader):
        one.close()


def _away() -> None:
    raise Refuse("the server is away", "wait")


def test_a_trail_written_under_another_key_is_seen_before_a_takeover(url: str, tmp_path: Path) -> None:
    waiting = Waiting(url)
    leader = opened(url, tmp_path)
    write(leader, "one")
    assert waiting.watch.fits(leader.keys)
    assert not waiting.watch.fits(AuditKeys({"k1-00000000": b"x" * 32}))
    waiting.watch.close()
    leader.close()


def test_a_daemon_without_standby_does_not_take_what_is_leased(url: str, tmp_path: Path) -> None:
    """The lock may be free for a moment while its leader connects again."""
    leader = opened(url, tmp_path / "a")
    renewal = PostgresRenewal(url, leader.lead.epoch)
    assert renewal.beat()
    leader._link.drop()
    with beating(renewal):
        refused = open_store(url, "full", tmp_path / "b")
    assert isinstance(refused, StoreRefused)
    assert refused.is_held
    write(leader, "again")
    renewal.close()
    leader.close()
