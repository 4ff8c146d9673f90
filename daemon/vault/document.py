"""The vault's file: JSON with everything secret sealed. Names, times and sizes can be seen, nothing else.

    {"body": {"format": 1, "vault": "..", "lock": {..}, "master": {..}, "secrets": [..]}, "sum": "..", "tag": ".."}

`sum` is the SHA-256 of the body and finds damage without any key; `tag` is made with the master key and finds changes
by somebody who has no key. Reading answers a value or a `VaultFault`, whatever the bytes are.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from daemon.vault.crypto import ScryptCost
from daemon.vault.faults import VaultFault, VaultTrouble

FORMAT = 1
MAX_SECRETS = 1_000
MAX_VALUE_BYTES = 8 * 1024
MAX_FILE_BYTES = 24 * 1024 * 1024
"""More than `MAX_SECRETS` of `MAX_VALUE_BYTES` take."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,127}")

RESTORE = "put back a copy of it, or move it away and store the secrets again; nothing was changed"

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """What the master key is sealed under: a key made from `kind` of material with this salt."""

    kind: str
    salt: bytes
    cost: ScryptCost | None
    """None: the material is random, no slow derivation is needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Master:
    """The master key, sealed. `id` names it in what it seals."""

    id: str
    sealed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One secret. `key` is its data key sealed under the master key, `value` the secret sealed under the data key."""

    name: str
    version: int
    create_ms: int
    update_ms: int
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    vault_id: str
    lock: Lock
    master: Master
    entries: Mapping[str, Entry]

    def body(self) -> bytes:
        """What sum and tag are made of."""
        cost = self.lock.cost
        return _dumped(
            {
                "format": FORMAT,
                "vault": self.vault_id,
                "lock": {
                    "kind": self.lock.kind,
                    "salt": _text(self.lock.salt),
                    "scrypt": None if cost is None else {"n": cost.n, "r": cost.r, "p": cost.p},
                },
                "master": {"id": self.master.id, "sealed": _text(self.master.sealed)},
                "secrets": [_row(self.entries[name]) for name in sorted(self.entries)],
            }
        )

    def file_text(self, tag: bytes) -> str:
        body = self.body()
        return f'{{"body":{body.decode()},\n"sum":"{_sum(body)}","tag":"{_text(tag)}"}}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A file that is whole. Whether its tag is right takes the master key."""

    document: Document
    tag: bytes


def read_document(data: bytes) -> Read | VaultFault:
    """What the file says, or that it is damaged, cut off, or of a later Terrace."""
    if len(data) > MAX_FILE_BYTES:
        return _damaged(f"is larger than {MAX_FILE_BYTES} bytes")
    try:
        tree = json.loads(data)
        body = tree["body"]
        number = body["format"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return _damaged("is damaged or cut off")
    if isinstance(number, int) and number > FORMAT:
        words = f"was written by a later Terrace (format {number}, this one knows {FORMAT})"
        return VaultFault(trouble=VaultTrouble.NEWER, problem=words, remedy="run that one; nothing was changed")
    try:
        document = _document(body)
        if tree["sum"] != _sum(document.body()):
            return _damaged("is damaged: its sum is wrong")
        return Read(document=document, tag=_bytes(tree["tag"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return _damaged("is damaged")


def _document(body: Any) -> Document:
    """Raises ValueError, KeyError or TypeError for what cannot be meant."""
    lock, master = body["lock"], body["master"]
    scrypt = lock["scrypt"]
    cost = None if scrypt is None else ScryptCost(**{name: _whole(scrypt[name]) for name in ("n", "r", "p")})
    if cost is not None and not cost.is_sane():
        raise ValueError("cost")
    entries = [_entry(row) for row in body["secrets"]]
    if len(entries) > MAX_SECRETS or len({entry.name for entry in entries}) < len(entries):
        raise ValueError("entries")
    return Document(
        vault_id=_word(body["vault"]),
        lock=Lock(kind=_word(lock["kind"]), salt=_bytes(lock["salt"]), cost=cost),
        master=Master(id=_word(master["id"]), sealed=_bytes(master["sealed"])),
        entries={entry.name: entry for entry in entries},
    )


def _entry(row: Any) -> Entry:
    if not NAME.fullmatch(row["name"]):
        raise ValueError("name")
    return Entry(
        name=row["name"],
        version=_whole(row["version"]),
        create_ms=_whole(row["create_ms"]),
        update_ms=_whole(row["update_ms"]),
        key=_bytes(row["key"]),
        value=_bytes(row["value"]),
    )


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "version": entry.version,
        "create_ms": entry.create_ms,
        "update_ms": entry.update_ms,
        "key": _text(entry.key),
        "value": _text(entry.value),
    }


def _damaged(problem: str) -> VaultFault:
    return VaultFault(trouble=VaultTrouble.DAMAGED, problem=problem, remedy=RESTORE)


def _sum(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _dumped(tree: Any) -> bytes:
    return json.dumps(tree, ensure_ascii=True, separators=(",", ":")).encode()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _checked(kind: type[T]) -> Callable[[object], T]:
    def check(value: object) -> T:
        if type(value) is not kind:
            raise TypeError(kind.__name__)
        return value

    return check


_str: Callable[[object], str] = _checked(str)
_int: Callable[[object], int] = _checked(int)


def _word(value: object) -> str:
    word = _str(value)
    if not re.fullmatch(r"[a-z0-9]{1,64}", word):
        raise ValueError("word")
    return word


def _whole(value: object) -> int:
    number = _int(value)
    if not 0 <= number < 2**63:
        raise ValueError("number")
    return number


def _bytes(value: object) -> bytes:
    try:
        return base64.b64decode(_str(value), validate=True)
    except binascii.Error as fault:
        raise ValueError("base64") from fault
