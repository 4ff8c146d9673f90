"""Encryption of a backup: AES-256-GCM in chunks, so that a file of any size is written and read as a stream.

A file is a magic line, one line of JSON (what the key is made from), the chunks, and the SHA-256 of all that. Each
chunk's nonce holds its number and whether it is the last, and the header is bound to every chunk: none can be changed,
dropped, put elsewhere or cut off without being noticed.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from daemon.backup.manifest import NotABackup

MAGIC = b"TERRACE-SEALED-BACKUP 1\n"
CHUNK_BYTES = 64 * 1024
TAG_BYTES = 16
HASH_BYTES = 32
SALT_BYTES = 16
PREFIX_BYTES = 7
"""Of the nonce; four bytes of number and one of `last` follow."""
MAX_CHUNKS = 2**32 - 1
MAX_HEADER_BYTES = 4096
SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**16, 8, 1
"""64 MiB and a few tenths of a second for each guess at a passphrase."""
MAX_SCRYPT_N = 2**20
MIN_PASSPHRASE_CHARS = 8
MAX_PASSPHRASE_CHARS = 1024
PASSPHRASE, VAULT = "passphrase", "vault"


class WrongKey(Exception):
    """The passphrase or key does not open the file. Words for a person."""


@dataclass(frozen=True, slots=True, repr=False)
class SealKey:
    """What seals and opens: a passphrase, or 32 bytes that belong to the vault."""

    kind: str
    secret: bytes
    key_id: str = ""
    """Which of the vault's keys."""

    def __repr__(self) -> str:
        return f"SealKey({self.kind})"


Keys = Callable[[str, str], SealKey | None]
"""Finds the key of a kind and id; None: it is not there."""


def sealer_key(key: SealKey, header: dict[str, Any]) -> bytes:
    """The key of this one file, from the secret and the file's salt."""
    salt = bytes.fromhex(header["salt"])
    if key.kind == PASSPHRASE:
        n, r, p = header["n"], header["r"], header["p"]
        if not (2**10 <= n <= MAX_SCRYPT_N and r == SCRYPT_R and p == SCRYPT_P):
            raise NotABackup("its header is damaged")
        return Scrypt(salt=salt, length=32, n=n, r=r, p=p).derive(key.secret)
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=b"terrace backup").derive(key.secret)


def _check_of(key: bytes) -> str:
    """Tells a wrong passphrase from a damaged file; says nothing about the key."""
    return hmac.new(key, b"terrace backup key check", hashlib.sha256).hexdigest()[:16]


class Sealing(io.RawIOBase):
    """A file to write to; what arrives is encrypted into `out`. `finish` ends it."""

    def __init__(self, out: BinaryIO, key: SealKey, facts: dict[str, Any]) -> None:
        """`facts` stand readable in the header: never anything secret."""
        super().__init__()
        header: dict[str, Any] = {**facts, "key": key.kind, "key_id": key.key_id}
        header |= {"salt": secrets.token_hex(SALT_BYTES), "prefix": secrets.token_hex(PREFIX_BYTES)}
        if key.kind == PASSPHRASE:
            header |= {"n": SCRYPT_N, "r": SCRYPT_R, "p": SCRYPT_P}
        derived = sealer_key(key, header)
        header["check"] = _check_of(derived)
        self._out = out
        self._hash = hashlib.sha256()
        self._bound = MAGIC + json.dumps(header, sort_keys=True).encode() + b"\n"
        self._prefix = bytes.fromhex(header["prefix"])
        self._cipher = AESGCM(derived)
        self._waiting = bytearray()
        self._number = 0
        self._put(self._bound)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._waiting += data
        while len(self._waiting) > CHUNK_BYTES:  # The last chunk is known only at the end, so one is kept back.
            self._chunk(bytes(self._waiting[:CHUNK_BYTES]), is_last=False)
            del self._waiting[:CHUNK_BYTES]
        return len(data)

    def finish(self) -> None:
        self._chunk(bytes(self._waiting), is_last=True)
        self._out.write(self._hash.digest())

    def _chunk(self, data: bytes, *, is_last: bool) -> None:
        if self._number >= MAX_CHUNKS:
            raise OSError("the backup is too large to be encrypted in one file")
        nonce = _nonce(self._prefix, self._number, is_last=is_last)
        self._put(self._cipher.encrypt(nonce, data, self._bound))
        self._number += 1

    def _put(self, data: bytes) -> None:
        self._hash.update(data)
        self._out.write(data)


class Opening(io.RawIOBase):
    """A file to read from; what comes is decrypted. NotABackup at the first chunk that is not as it was written."""

    def __init__(self, source: BinaryIO, size_bytes: int, header: dict[str, Any], bound: bytes, key: SealKey) -> None:
        """`source` stands behind the header; `size_bytes` is of the whole file."""
        super().__init__()
        derived = sealer_key(key, header)
        if not hmac.compare_digest(_check_of(derived), str(header.get("check"))):
            raise WrongKey("the passphrase is wrong" if key.kind == PASSPHRASE else "the vault's key is another one")
        self._source = source
        self._left = size_bytes - len(bound) - HASH_BYTES
        self._prefix = bytes.fromhex(header["prefix"])
        self._bound = bound
        self._cipher = AESGCM(derived)
        self._number = 0
        self._plain = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._plain and self._left > 0:
            self._next()
        count = min(len(buffer), len(self._plain))
        buffer[:count] = self._plain[:count]
        self._plain = self._plain[count:]
        return count

    def _next(self) -> None:
        take = min(CHUNK_BYTES + TAG_BYTES, self._left)
        data = self._source.read(take)
        self._left -= take
        nonce = _nonce(self._prefix, self._number, is_last=self._left == 0)
        self._number += 1
        try:
            self._plain = self._cipher.decrypt(nonce, data, self._bound)
        except (InvalidTag, ValueError):
            raise NotABackup(f"its encrypted part {self._number} is damaged, or the file was cut off") from None


def read_header(source: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """Header and the bytes it is, of a sealed file at its beginning; None: the file is not sealed."""
    if source.read(len(MAGIC)) != MAGIC:
        return None
    line = source.readline(MAX_HEADER_BYTES)
    try:
        header = json.loads(line)
        is_whole = isinstance(header, dict) and line.endswith(b"\n") and header["key"] in (PASSPHRASE, VAULT)
        if not is_whole or len(bytes.fromhex(header["prefix"])) != PREFIX_BYTES:
            raise ValueError
        bytes.fromhex(header["salt"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise NotABackup("its header is damaged") from None
    return header, MAGIC + line


def _nonce(prefix: bytes, number: int, *, is_last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes((is_last,))
