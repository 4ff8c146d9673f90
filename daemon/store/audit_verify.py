"""Checks the audit trail of a store, page by page, beside a daemon that writes to it or without one (LOG-3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from daemon.store import audit_rows
from daemon.store.audit import BASE, BROKEN_OFF, HEAD, PRUNED, STARTED, AuditKeys, Break, Mark, Verifier
from daemon.store.link import Snapshot

PAGE = 2_000
"""Events that are read at once, so that a long check does not hold one snapshot of the store."""
MAX_BEGINNINGS = 100
"""How often a check may find that what it was to read next has been deleted because of its age."""

Snapshots = Callable[[], AbstractContextManager[Snapshot]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What came of a check. `words`: what is wrong, or what a person should know of a trail that is whole."""

    valid: bool
    checked: int
    first: int
    """Sequence of the first event that was checked; 0: there was none."""
    last: int
    last_hash: str
    broken_at: int = 0
    broken_time_ms: int | None = None
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What to check. 0: from the oldest event, to the newest. `anchors`: see `Verifier`."""

    start: int = 0
    end: int = 0
    anchors: Mapping[int, str] | None = None


def verify(
    snapshots: Snapshots, keys: AuditKeys, check: Check, after_page: Callable[[int, int], None] = lambda *_: None
) -> Verified:
    """`after_page(done, last)` is told how far it is: the last sequence checked, and the last there is."""
    run = _Run(snapshots, keys, check, after_page)
    broken = run.whole()
    verifier, place = run.verifier, run.verifier.place
    first = place.sequence - verifier.checked + 1 if verifier.checked else 0
    if broken is None:
        return Verified(
            valid=True,
            checked=verifier.checked,
            first=first,
            last=place.sequence,
            last_hash=place.hash,
            words=run.remark,
        )
    return Verified(
        valid=False,
        checked=verifier.checked,
        first=first,
        last=place.sequence,
        last_hash=place.hash,
        broken_at=broken.sequence,
        broken_time_ms=broken.time_ms,
        words=broken.words,
    )


class _Run:
    def __init__(self, snapshots: Snapshots, keys: AuditKeys, check: Check, after_page: Callable[[int, int], None]):
        self._snapshots = snapshots
        self._keys = keys
        self._check = check
        self._after_page = after_page
        self.verifier = Verifier(keys, Mark(0, "", keys.newest))
        self.remark = ""

    def whole(self) -> Break | None:
        broken = self._begin()
        last = self._check.end or audit_rows.MAX_SEQUENCE
        beginnings = 0
        while broken is None:
            place = self.verifier.place
            with self._snapshots() as snapshot:
                rows = audit_rows.events_behind(snapshot.execute, place.sequence, last, PAGE)
                marks = audit_rows.read_marks(snapshot.execute)
            base, head = Mark.read(marks.get(BASE), self._keys), Mark.read(marks.get(HEAD), self._keys)
            if base is not None and base.sequence > place.sequence and beginnings < MAX_BEGINNINGS:
                beginnings += 1
                self._start(base)  # What came next was deleted in the meantime, because of its age.
                continue
            broken = self.verifier.feed(rows, self._check.anchors)
            self._after_page(self.verifier.place.sequence, head.sequence if head is not None else 0)
            if broken is None and len(rows) < PAGE:
                return self._end(head)
        return broken

    def _end(self, head: Mark | None) -> Break | None:
        if self._check.end and head is not None and head.sequence > self._check.end <= self.verifier.place.sequence:
            return None  # It was to end before the trail does.
        return self.verifier.end(head, self._check.anchors)

    def _start(self, mark: Mark) -> None:
        checked = self.verifier.checked
        self.verifier = Verifier(self._keys, mark)
        self.verifier.checked = checked

    def _begin(self) -> Break | None:
        """Puts the verifier where the trail begins, or where the check is to."""
        with self._snapshots() as snapshot:
            marks = audit_rows.read_marks(snapshot.execute)
            base = Mark.read(marks.get(BASE), self._keys)
            if base is None:
                return self._without_base(marks, audit_rows.hash_at(snapshot.execute, 1))
            start = self._check.start - 1
            if start > base.sequence:
                digest = audit_rows.hash_at(snapshot.execute, start)
                if digest is None:
                    return Break(start, f"event {start}, before the first to check, is not there")
                self._start(Mark(start, digest, audit_rows.key_at(snapshot.execute, start, base.key_id)))
                return None
            before = _before(snapshot, base)
        self._start(base)
        if base.why == BROKEN_OFF and self._check.start != base.sequence + 1:
            words = "the keys at hand do not fit what was written before the trail began anew"
            return Break(base.sequence, f"{words}; from event {base.sequence + 1} on it can be checked (--from)")
        if before is not None:
            return before
        if base.why == STARTED and base.sequence:
            self.remark = f"events up to {base.sequence} are from before there was a trail and are not covered"
        return None

    def _without_base(self, marks: Mapping[str, str], first_hash: str | None) -> Break | None:
        if marks or first_hash:
            return Break(1, "the mark of the trail's beginning is missing or was not signed with one of its keys")
        return Break(1, "there is no trail yet: it begins with the first start of the daemon")


def _before(snapshot: Snapshot, base: Mark) -> Break | None:
    """What does not belong before the trail's beginning."""
    if base.why == STARTED:
        sealed = audit_rows.sealed_before(snapshot.execute, base.sequence)
        words = "it is from before the trail's beginning and has a hash: the beginning was moved"
        return Break(sealed, words) if sealed else None
    first = audit_rows.first_sequence(snapshot.execute) if base.why == PRUNED else 0
    words = "it is older than the trail's beginning: it was put in"
    return Break(first, words) if 0 < first <= base.sequence else None
