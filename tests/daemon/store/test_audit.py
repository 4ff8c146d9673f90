"""The audit trail: what was done to stored events without the key is found, and where (LOG-3)."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.rules.records import AddEvent, Row
from daemon.store import audit_verify, migrate
from daemon.store.audit import BASE, HEAD, AuditKeys, Chain, Mark, Verifier, link
from daemon.store.audit_keys import MAX_KEYS, NoKeys, ensure_keys, key_file, load_keys, rotate_keys
from daemon.store.audit_verify import Check, Verified
from daemon.store.database import open_writer
from daemon.store.memory import MemoryStore
from daemon.store.read import Reader
from daemon.store.store import SqliteStore
from tests.daemon.store import samples
from tests.daemon.store.samples import T0

pytestmark = pytest.mark.rule("LOG-3")

KEYS = AuditKeys({"k1-00000001": b"1" * 32})


def write(store: SqliteStore | MemoryStore, count: int, first: int = 1) -> None:
    rows = [samples.event(f"event {number}", time_ms=T0 + number) for number in range(first, first + count)]
    assert store.apply([("test", rows)])[0].broken is None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten events, closed in peace."""
    store = samples.opened(tmp_path)
    write(store, 4)
    write(store, 6, 5)
    store.close()
    return tmp_path


def verified(folder: Path, check: Check | None = None, keys: AuditKeys | None = None) -> Verified:
    found = keys or load_keys(folder)
    assert isinstance(found, AuditKeys)
    reader = Reader(folder / "terrace.db")
    try:
        return reader.verify_audit(found, check or Check())
    finally:
        reader.close()


def tamper(folder: Path, *statements: str) -> None:
    """Somebody with the file and without the key."""
    connection = sqlite3.connect(folder / "terrace.db")
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_a_trail_nobody_touched_is_whole(folder: Path) -> None:
    found = verified(folder)
    assert (found.valid, found.checked, found.first, found.last, found.words) == (True, 10, 1, 10, "")
    assert len(found.last_hash) == 64


COPY = (
    "INSERT INTO events SELECT {new}, time_ms, severity, category, type, message, world, account, symbol, timeframe, "
    "signal_id, group_id, client_order_id, attributes, hash FROM events WHERE sequence = {old}"
)


@pytest.mark.parametrize(
    ("statements", "broken_at", "words"),
    [
        (["UPDATE events SET message = 'another' WHERE sequence = 4"], 4, "changed"),
        (["UPDATE events SET time_ms = time_ms + 1 WHERE sequence = 10"], 10, "changed"),
        (["UPDATE events SET hash = '' WHERE sequence = 3"], 3, "no hash"),
        (["DELETE FROM events WHERE sequence = 5"], 5, "event 5 is missing"),
        (["DELETE FROM events WHERE sequence BETWEEN 5 AND 7"], 5, "events 5 to 7 are missing"),
        (["DELETE FROM events WHERE sequence <= 3"], 1, "events 1 to 3 are missing"),
        (["DELETE FROM events WHERE sequence >= 9"], 9, "events 9 to 10 are missing"),
        (["DELETE FROM events"], 1, "events 1 to 10 are missing"),
        (["DELETE FROM events WHERE sequence = 10", "DELETE FROM meta WHERE name = 'audit_head'"], 10, "missing"),
        ([COPY.format(new=11, old=10)], 11, "put in"),
        (["UPDATE events SET sequence = 11 WHERE sequence = 10", COPY.format(new=10, old=9)], 10, "put in"),
        (
            [
                "UPDATE events SET sequence = 99 WHERE sequence = 6",
                "UPDATE events SET sequence = 6 WHERE sequence = 7",
                "UPDATE events SET sequence = 7 WHERE sequence = 99",
            ],
            6,
            "moved",
        ),
        (["DELETE FROM meta WHERE name IN ('audit_head', 'audit_base')"], 1, "beginning"),
    ],
)
def test_what_was_done_to_a_trail_is_found_where_it_was_done(
    folder: Path, statements: list[str], broken_at: int, words: str
) -> None:
    tamper(folder, *statements)
    found = verified(folder)
    assert (found.valid, found.broken_at) == (False, broken_at), found
    assert words in found.words
    assert found.checked == broken_at - 1


def test_the_moment_of_a_changed_event_is_told(folder: Path) -> None:
    tamper(folder, "UPDATE events SET severity = 'error' WHERE sequence = 4")
    assert verified(folder).broken_time_ms == T0 + 4


def test_a_cut_beginning_with_an_old_mark_of_the_end_is_found(folder: Path) -> None:
    marks = dict(sqlite3.connect(folder / "terrace.db").execute("SELECT name, value FROM meta").fetchall())
    cut = json.loads(marks[HEAD])
    cut[3] = "pruned"  # The signature covers what a mark says of itself, too.
    tamper(
        folder,
        "DELETE FROM events WHERE sequence < 10",
        f"UPDATE meta SET value = '{json.dumps(cut)}' WHERE name = '{BASE}'",
    )
    assert not verified(folder).valid


def test_an_anchor_outside_finds_a_tail_cut_together_with_the_mark_of_its_end(tmp_path: Path) -> None:
    store = samples.opened(tmp_path)
    write(store, 4)
    early = dict(store._connected().execute("SELECT name, value FROM meta").fetchall())[HEAD]
    write(store, 4, 5)
    anchor = store.audit_head()
    store.close()
    back = f"UPDATE meta SET value = '{early}' WHERE name = '{HEAD}'"
    tamper(tmp_path, "DELETE FROM events WHERE sequence > 4", back)
    assert verified(tmp_path).valid, "by itself the store is whole"
    found = verified(tmp_path, Check(anchors={anchor.sequence: anchor.hash}))
    assert (found.valid, found.broken_at) == (False, 5)
    assert "anchor" in found.words


def test_an_anchor_outside_finds_a_trail_written_anew_with_the_key(folder: Path) -> None:
    found = verified(folder, Check(anchors={7: "0" * 64}))
    assert (found.valid, found.broken_at) == (False, 7)
    assert verified(folder, Check(anchors={3: ""})).broken_at == 3


def test_a_part_is_checked_by_itself(folder: Path) -> None:
    tamper(folder, "UPDATE events SET message = 'another' WHERE sequence = 4")
    later = verified(folder, Check(start=5))
    assert (later.valid, later.checked, later.first, later.last) == (True, 6, 5, 10)
    assert verified(folder, Check(end=3)).valid
    middle = verified(folder, Check(start=5, end=8))
    assert (middle.valid, middle.checked, middle.last) == (True, 4, 8)
    assert verified(folder, Check(start=2, end=8)).broken_at == 4


def test_a_long_trail_is_checked_page_by_page(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_verify, "PAGE", 3)
    seen: list[tuple[int, int]] = []
    keys = load_keys(folder)
    assert isinstance(keys, AuditKeys)
    reader = Reader(folder / "terrace.db")
    assert reader.verify_audit(keys, Check(), lambda done, last: seen.append((done, last))).checked == 10
    reader.close()
    assert seen == [(3, 10), (6, 10), (9, 10), (10, 10)]


def test_events_deleted_because_of_their_age_do_not_break_it_and_nothing_can_be_put_before(tmp_path: Path) -> None:
    store = samples.opened(tmp_path)
    write(store, 10)
    assert store.prune(0, T0 + 5) == 4
    write(store, 2, 11)
    found = verified(tmp_path)
    assert (found.valid, found.checked, found.first) == (True, 8, 5)
    assert verified(tmp_path, Check(end=3)).valid, "nothing of it is left to check"
    assert verified(tmp_path, Check(end=6)).checked == 2
    assert store.prune(0, T0 + 100) == 8
    assert verified(tmp_path).valid
    write(store, 1, 13)
    store.close()
    found = verified(tmp_path)
    assert (found.valid, found.first, found.last) == (True, 13, 13), "a sequence is not used twice"
    tamper(tmp_path, COPY.format(new=2, old=13))
    assert (verified(tmp_path).broken_at, verified(tmp_path).valid) == (2, False)


def test_an_event_younger_than_those_behind_it_is_kept_with_them(tmp_path: Path) -> None:
    store = samples.opened(tmp_path)
    times = (T0, T0 + 90, T0 + 1)
    store.apply([("test", [samples.event("event", time_ms=time_ms) for time_ms in times])])
    assert store.prune(0, T0 + 50) == 1
    store.close()
    assert verified(tmp_path).checked == 2


def test_a_commit_that_is_taken_back_leaves_no_gap(tmp_path: Path) -> None:
    store = samples.opened(tmp_path)
    store.apply([("one", samples.opening(1))])
    held = replace(samples.signal(2), idempotency_key=samples.signal(1).idempotency_key)
    broken: list[Row] = [samples.event("lost"), samples.claim(held, now_ms=T0, window_ms=10)]
    answers = store.apply([("a", broken), ("b", [samples.event("kept")]), ("c", [samples.event("\ud800")])])
    assert [one.broken is None for one in answers] == [False, True, False]
    write(store, 1)
    store.close()
    assert verified(tmp_path).valid


def test_a_new_key_is_named_by_the_old_one_and_both_are_needed(folder: Path) -> None:
    before = load_keys(folder)
    assert isinstance(before, AuditKeys)
    name = rotate_keys(folder)
    assert isinstance(name, str)
    assert verified(folder).valid, "as long as the daemon has not started"
    store = samples.opened(folder)
    write(store, 3, 11)
    store.close()
    found = verified(folder)
    assert (found.valid, found.checked) == (True, 14)
    assert verified(folder, Check(start=13)).valid, "the key of a part is found"
    assert key_file(folder).stat().st_mode & 0o777 == 0o600
    old_only = verified(folder, keys=before)
    assert not old_only.valid
    now = load_keys(folder)
    assert isinstance(now, AuditKeys)
    new_only = verified(folder, keys=AuditKeys({now.newest: now.keys[now.newest]}))
    assert not new_only.valid


def test_a_daemon_whose_key_was_lost_goes_on_and_the_break_stays_visible(folder: Path) -> None:
    key_file(folder).unlink()
    store = samples.opened(folder)
    assert any("begins anew" in words for words in store.boot.warnings)
    write(store, 2, 12)
    store.close()
    again = samples.opened(folder)
    assert not any("begins anew" in words for words in again.boot.warnings), "it is said once"
    again.close()
    found = verified(folder)
    assert (found.valid, found.broken_at) == (False, 10)
    assert "--from" in found.words
    later = verified(folder, Check(start=11))
    assert (later.valid, later.checked) == (True, 3)


def test_events_put_behind_the_end_never_stand_in_a_commit_s_way(folder: Path) -> None:
    tamper(folder, COPY.format(new=11, old=10), COPY.format(new=12, old=10))
    store = samples.opened(folder)
    write(store, 2, 20)
    store.close()
    assert verified(folder).broken_at == 11


def test_events_from_before_the_trail_are_told_as_not_covered(folder: Path) -> None:
    database = open_writer(folder / "terrace.db", "full")
    while migrate.applied(database)[-1] >= "009":
        migrate.rollback(database)
    database.close()
    store = samples.opened(folder)
    write(store, 2, 11)
    store.close()
    found = verified(folder)
    assert (found.valid, found.checked, found.first) == (True, 2, 11)
    assert "10" in found.words


def test_the_key_file_is_private_and_a_faulty_one_is_told_without_its_text(tmp_path: Path) -> None:
    keys = ensure_keys(tmp_path)
    assert isinstance(keys, AuditKeys)
    path = key_file(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.keys[keys.newest].hex() in path.read_text()
    assert keys.keys[keys.newest].hex() not in repr(keys)
    path.chmod(0o644)
    told = load_keys(tmp_path)
    assert isinstance(told, NoKeys)
    assert "hmod 600" in str(told)
    path.chmod(0o600)
    path.write_text("k1-00000001 deadbeef\n")
    told = load_keys(tmp_path)
    assert isinstance(told, NoKeys)
    assert "deadbeef" not in str(told)


def test_keys_are_bounded(tmp_path: Path) -> None:
    names = [rotate_keys(tmp_path) for _ in range(MAX_KEYS)]
    assert all(isinstance(name, str) for name in names[:-1])
    assert isinstance(names[-1], NoKeys)
    known = load_keys(tmp_path)
    assert isinstance(known, AuditKeys)
    assert len(known.keys) == MAX_KEYS


# --- the arithmetic of it -------------------------------------------------------------------------

texts = st.text(max_size=5)
rows = st.lists(st.tuples(st.integers(0, 2**62), texts, texts, texts, texts), min_size=1, max_size=8)


def columns(row: tuple[int, str, str, str, str]) -> tuple[object, ...]:
    time_ms, category, message, account, attributes = row
    return (time_ms, "info", category, "type", message, None, account, "", "", "", "", "", attributes)


@settings(max_examples=50, deadline=None)
@given(rows=rows, place=st.integers(0, 7), column=st.integers(0, 12), data=st.data())
def test_no_column_of_any_event_can_be_changed_unnoticed(
    rows: list[tuple[int, str, str, str, str]], place: int, column: int, data: st.DataObject
) -> None:
    chain = Chain.load(KEYS, {}, 0)
    start = chain.head
    stored = []
    for row in rows:
        values = columns(row)
        stored.append((*chain.seal(values), values))
    entries = [(sequence, values, digest) for sequence, digest, values in stored]
    assert Verifier(KEYS, start).feed(entries) is None
    place %= len(entries)
    sequence, values, digest = entries[place]
    other = data.draw(texts if column else st.integers(0, 2**62))
    changed = (*values[:column], other, *values[column + 1 :])
    entries[place] = (sequence, changed, digest)
    found = Verifier(KEYS, start).feed(entries)
    assert (found is None) == (changed == values)
    assert found is None or found.sequence == sequence


def test_texts_that_are_moved_from_one_column_to_the_next_give_another_hash() -> None:
    key = b"k" * 32
    assert link(key, "", 1, ("ab", "c")) != link(key, "", 1, ("a", "bc"))
    assert link(key, "", 1, ("a", None)) != link(key, "", 1, ("a", "None"))
    assert link(key, "", 1, ("1",)) != link(key, "", 1, (1,))
    assert link(key, "", 1, ("a",)) != link(key, "", 2, ("a",))
    assert link(key, "", 1, ("a",)) != link(key, "b", 1, ("a",))


def test_a_mark_signed_with_another_key_is_none() -> None:
    text = Mark(3, "ab", "k1-00000001", "started").text(KEYS)
    assert Mark.read(text, KEYS) == Mark(3, "ab", "k1-00000001", "started")
    assert Mark.read(text, AuditKeys({"k1-00000001": b"2" * 32})) is None
    assert Mark.read(text.replace("[3,", "[4,"), KEYS) is None
    assert Mark.read("not json", KEYS) is None
    assert Mark.read(None, KEYS) is None


def test_a_store_in_memory_notices_a_changed_event_too() -> None:
    store = MemoryStore(KEYS)
    write(store, 3)
    assert store.audit() is None
    stored = store._tables.events[1]
    assert isinstance(stored.event, AddEvent)
    store._tables.events[1] = replace(stored, event=replace(stored.event, message="another"))
    found = store.audit()
    assert found is not None
    assert found.sequence == 2
