"""The vault itself: opened once, then read and changed by name. Any thread.

Every change writes the whole file anew and puts it in the old one's place; what cannot be read is never overwritten.
Whoever changes it, or finishes a rotation that was cut off, is alone at it: a command that only reads must not take the
new key away from a daemon that is about to lock the file with it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from daemon.secret_sources.value import Secret, Unresolved
from daemon.secrets import make_private_folder, new_token
from daemon.vault.crypto import KEY_BYTES, SALT_BYTES, RandomBytes, about, is_tag, seal, tag, unseal
from daemon.vault.document import (
    MAX_FILE_BYTES,
    MAX_SECRETS,
    MAX_VALUE_BYTES,
    NAME,
    RESTORE,
    Document,
    Entry,
    Lock,
    Master,
    Read,
    read_document,
)
from daemon.vault.faults import VaultFault, VaultTrouble
from daemon.vault.files import NAME as FILE_NAME
from daemon.vault.files import alone, drop_drafts, read_file, replace_file
from daemon.vault.keys import KeySource, Material


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A secret without its value."""

    name: str
    mask: str
    create_ms: int
    update_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    """An opened file, or an empty vault that has none yet."""

    data: bytes
    document: Document
    master: bytes


class Vault:
    """`step` is told before and after each thing that lasts; for tests that cut it off there."""

    def __init__(
        self,
        folder: Path,
        key: KeySource,
        *,
        now_ms: Callable[[], int],
        random: RandomBytes = os.urandom,
        step: Callable[[str], None] = lambda _name: None,
    ) -> None:
        self._path = folder / FILE_NAME
        self._key = key
        self._now_ms = now_ms
        self._random = random
        self._step = step
        self._lock = threading.RLock()
        self._open: _Open | None = None
        self._fault: VaultFault | None = None
        self._has_looked = False
        self._is_alone = False

    @property
    def path(self) -> Path:
        return self._path

    def exists(self) -> bool:
        return os.path.lexists(self._path)

    def open(self) -> VaultFault | None:
        """Reads and unlocks the file, finishes a rotation that was cut off. A vault without a file is an empty one."""
        with self._lock:
            self._has_looked = True
            found = self._read_alone() if self._key.is_renewed else self._read()
            self._open = None if isinstance(found, VaultFault) else found
            self._fault = found if isinstance(found, VaultFault) else None
            return self._fault

    def look_at_key(self) -> VaultFault | None:
        """Whether a key that is not the vault's own can be had, before anything is stored under it.

        A person who is to give it is asked now, not in the middle of a call.
        """
        if self._key.is_renewed:
            return None
        found = self._key.read()
        return _locked(found) if isinstance(found, Unresolved) else None

    def get(self, name: str) -> Secret | Unresolved:
        """The secret of that name."""
        reference = f"vault:{name}"
        with self._lock:
            if not self._has_looked:
                self.open()
            if self._fault is not None:
                return Unresolved(
                    reference=reference, problem=f"the vault {self._fault.problem}", remedy=self._fault.remedy
                )
            entry = self._open.document.entries.get(name) if self._open is not None else None
            if self._open is None or entry is None:
                problem = "is not in the vault"
                return Unresolved(reference=reference, problem=problem, remedy=f"terrace secret set {name}")
            value = _value(self._open, entry)
        if value is None:
            return Unresolved(reference=reference, problem="is damaged in the vault", remedy="store it again")
        return Secret(value)

    def list(self) -> tuple[Stored, ...] | VaultFault:
        """All secrets by name."""
        with self._lock:
            found = self._refreshed()
            if isinstance(found, VaultFault):
                return found
            if found is None:
                return ()
            entries = found.document.entries
            return tuple(_shown(found, entries[name]) for name in sorted(entries))

    def put(self, name: str, value: str) -> Stored | VaultFault:
        """Stores a value under a name that `NAME` allows, at most `MAX_VALUE_BYTES` of it, never empty."""
        assert NAME.fullmatch(name)
        assert value
        with suppress(OSError):  # Where that fails the writing does, and says so.
            make_private_folder(self._path.parent)
        with self._alone() as busy:
            found = busy or self._refreshed()
            if found is None:
                found = self._new()
            if isinstance(found, VaultFault):
                return found
            before = found.document.entries.get(name)
            if before is None and len(found.document.entries) >= MAX_SECRETS:
                return _fault(VaultTrouble.FULL, f"holds {MAX_SECRETS} secrets already", "delete some")
            if len(value.encode()) > MAX_VALUE_BYTES:
                return _fault(VaultTrouble.FULL, f"takes values of {MAX_VALUE_BYTES} bytes", "store a shorter one")
            entry = self._sealed(found, name, value, before)
            entries = {**found.document.entries, name: entry}
            return self._write(found, entries) or _shown(found, entry)

    def delete(self, name: str) -> Stored | VaultFault | None:
        """Removes a secret; what it was. None: there was none."""
        with self._alone() as busy:
            found = busy or self._refreshed()
            if found is None or isinstance(found, VaultFault):
                return found
            entry = found.document.entries.get(name)
            if entry is None:
                return None
            entries = {other: each for other, each in found.document.entries.items() if other != name}
            shown = _shown(found, entry)
            return self._write(found, entries) or shown

    def rotate(self) -> int | VaultFault:
        """A new master key, every data key sealed under it, the vault's own key renewed. How many secrets there are."""
        with self._alone() as busy:
            fault = busy or self.open()  # From the disk, so that a rotation that was cut off is finished first.
            if fault is not None:
                return fault
            if self._open is None:
                return 0
            return self._rotated(self._open, self._key)

    def change_key(self, key: KeySource) -> int | VaultFault:
        """Locks the vault with another key from here on, under a new master key. How many secrets there are."""
        with self._alone() as busy:
            fault = busy or self.open()
            if fault is not None:
                return fault
            if self._open is None:
                return 0
            unmade = key.make()
            if unmade is not None:
                return _locked(unmade)
            done = self._rotated(self._open, key, renew=False)
            if not isinstance(done, VaultFault):
                self._key = key
            return done

    @contextmanager
    def _alone(self) -> Iterator[VaultFault | None]:
        """Neither another thread nor another process is at the vault; the fault where that cannot be had."""
        with self._lock:
            if self._is_alone:
                yield None
                return
            with alone(self._path.parent) as is_alone:
                if not is_alone:
                    yield _fault(VaultTrouble.LOCKED, "is being changed by another process", "try again")
                    return
                self._is_alone = True
                try:
                    yield None
                finally:
                    self._is_alone = False

    # --- reading ----------------------------------------------------------------------------------

    def _read_alone(self) -> _Open | VaultFault | None:
        """Of a key that a rotation renews: half of one must not be taken for one that was cut off. Any other key is
        not waited for with the others shut out: a person may be asked for it."""
        with self._alone() as busy:
            return busy or self._read()

    def _read(self) -> _Open | VaultFault | None:
        try:
            if self._is_alone:
                drop_drafts(self._path.parent)
            data = read_file(self._path, MAX_FILE_BYTES)
        except OSError as error:
            return _fault(VaultTrouble.LOCKED, f"cannot be read ({error.strerror})", f"look at {self._path}")
        if data is None:
            return None
        read = read_document(data)
        return read if isinstance(read, VaultFault) else self._unlocked(data, read)

    def _unlocked(self, data: bytes, read: Read) -> _Open | VaultFault:
        document = read.document
        if document.lock.kind != self._key.kind:
            words = f"is locked with another kind of key ({document.lock.kind}) than vault.key names"
            return _fault(VaultTrouble.LOCKED, words, "set vault.key back, or see `terraced vault rekey`")
        materials = self._key.read()
        if isinstance(materials, Unresolved):
            return _locked(materials)
        for index, material in enumerate(materials):
            master = unseal(self._key.derive(material, document.lock), document.master.sealed, _of_master(document))
            if master is None:
                continue
            if not is_tag(master, document.body(), read.tag):
                return _fault(VaultTrouble.DAMAGED, "was changed by somebody without its key", RESTORE)
            return self._settle(index, len(materials)) or _Open(data=data, document=document, master=master)
        words = f"does not open with {self._key.where}, which is not the key it was locked with"
        remedy = "put the right key back, or move the file away and store the secrets again; nothing was changed"
        return _fault(VaultTrouble.LOCKED, words, remedy)

    def _settle(self, index: int, count: int) -> VaultFault | None:
        """Ends what a rotation that was cut off has begun."""
        if count < 2:
            return None
        if index == 0:
            self._key.drop_staged()
            return None
        fault = self._key.promote()
        if fault is None:
            return None
        return _fault(VaultTrouble.NOT_WRITTEN, f"cannot finish its rotation ({fault.problem})", fault.remedy)

    def _refreshed(self) -> _Open | VaultFault | None:
        """What the file says now: it is read again if there was a fault or somebody has changed it."""
        try:
            is_same = (
                self._has_looked
                and self._fault is None
                and read_file(self._path, MAX_FILE_BYTES) == (self._open.data if self._open is not None else None)
            )
        except OSError:
            is_same = False
        if not is_same:
            self.open()
        return self._fault or self._open

    # --- writing ----------------------------------------------------------------------------------

    def _new(self) -> _Open | VaultFault:
        """An empty vault; its file is written with the first secret."""
        unmade = self._key.make()
        if unmade is not None:
            return _locked(unmade)
        materials = self._key.read()
        if isinstance(materials, Unresolved):
            return _locked(materials)
        return self._made(self._random(8).hex(), {}, self._key, materials[0])

    def _made(self, vault_id: str, entries: Mapping[str, Entry], key: KeySource, material: Material) -> _Open:
        """A document with a new master key."""
        master = self._random(KEY_BYTES)
        lock = Lock(kind=key.kind, salt=self._random(SALT_BYTES), cost=key.cost)
        bare = Document(
            vault_id=vault_id, lock=lock, master=Master(id=self._random(4).hex(), sealed=b""), entries=entries
        )
        sealed = seal(key.derive(material, lock), master, _of_master(bare), self._random)
        document = replace(bare, master=replace(bare.master, sealed=sealed))
        return _Open(data=b"", document=document, master=master)

    def _sealed(self, found: _Open, name: str, value: str, before: Entry | None) -> Entry:
        document, now_ms = found.document, self._now_ms()
        version = before.version + 1 if before is not None else 1
        key = self._random(KEY_BYTES)
        return Entry(
            name=name,
            version=version,
            create_ms=before.create_ms if before is not None else now_ms,
            update_ms=now_ms,
            key=seal(found.master, key, _of_key(document, name, version), self._random),
            value=seal(key, value.encode(), _of_value(document, name, version), self._random),
        )

    def _rotated(self, found: _Open, key: KeySource, *, renew: bool = True) -> int | VaultFault:
        materials = key.read()
        if isinstance(materials, Unresolved):
            return _locked(materials)
        material = new_token() if renew and key.is_renewed else materials[0]
        if renew:
            unstaged = key.stage(material)
            if unstaged is not None:
                return _fault(VaultTrouble.NOT_WRITTEN, f"keeps its key: {unstaged.problem}", unstaged.remedy)
            self._step("staged")
        fresh = self._made(found.document.vault_id, {}, key, material)
        entries = {}
        for name, entry in found.document.entries.items():
            data_key = _data_key(found, entry)
            if data_key is None:
                return _fault(VaultTrouble.DAMAGED, f"holds {name} damaged", f"store {name} again, then rotate")
            bound = _of_key(fresh.document, name, entry.version)
            entries[name] = replace(entry, key=seal(fresh.master, data_key, bound, self._random))
        fault = self._write(fresh, entries)
        if fault is not None:
            return fault
        if renew:
            self._step("locked")
            key.promote()  # Where it fails the next opening does it; until then both keys are there.
            self._step("promoted")
        return len(entries)

    def _write(self, found: _Open, entries: Mapping[str, Entry]) -> VaultFault | None:
        document = replace(found.document, entries=entries)
        text = document.file_text(tag(found.master, document.body()))
        unwritten = replace_file(self._path, text, self._step)
        if unwritten is not None:
            return _fault(VaultTrouble.NOT_WRITTEN, f"keeps what it had: {unwritten.problem}", unwritten.remedy)
        self._step("written")
        self._open = _Open(data=f"{text}\n".encode(), document=document, master=found.master)
        self._fault, self._has_looked = None, True
        return None


def _data_key(found: _Open, entry: Entry) -> bytes | None:
    return unseal(found.master, entry.key, _of_key(found.document, entry.name, entry.version))


def _value(found: _Open, entry: Entry) -> str | None:
    key = _data_key(found, entry)
    text = unseal(key, entry.value, _of_value(found.document, entry.name, entry.version)) if key is not None else None
    return text.decode() if text is not None else None


def _shown(found: _Open, entry: Entry) -> Stored:
    value = _value(found, entry)
    return Stored(
        name=entry.name,
        mask=Secret(value).mask if value is not None else "damaged",
        create_ms=entry.create_ms,
        update_ms=entry.update_ms,
    )


def _of_master(document: Document) -> bytes:
    lock = document.lock
    cost = () if lock.cost is None else (lock.cost.n, lock.cost.r, lock.cost.p)
    return about("master", document.vault_id, document.master.id, lock.kind, lock.salt.hex(), *cost)


def _of_key(document: Document, name: str, version: int) -> bytes:
    return about("key", document.vault_id, document.master.id, name, version)


def _of_value(document: Document, name: str, version: int) -> bytes:
    return about("value", document.vault_id, name, version)


def _locked(why: Unresolved) -> VaultFault:
    return _fault(VaultTrouble.LOCKED, f"cannot be opened: {why.reference} ({why.problem})", why.remedy)


def _fault(trouble: VaultTrouble, problem: str, remedy: str) -> VaultFault:
    return VaultFault(trouble=trouble, problem=problem, remedy=remedy)
