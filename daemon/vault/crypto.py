"""The vault's cryptography: AES-256-GCM for every layer, HKDF and scrypt for its keys. Randomness is an argument.

A nonce is random and 96 bits long. That is safe here: a data key seals one value, the master key seals one key for
each change of a secret, far below the 2^32 seals one key may make.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

KEY_BYTES = 32
NONCE_BYTES = 12
SALT_BYTES = 16

RandomBytes = Callable[[int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScryptCost:
    """What one guess at a passphrase costs: 128 * n * r bytes of memory."""

    n: int
    r: int
    p: int

    def is_sane(self) -> bool:
        """A file must not make us take gigabytes, nor make guessing cheap unseen."""
        is_power = self.n > 1 and self.n & (self.n - 1) == 0
        return is_power and 2**4 <= self.n <= 2**20 and 1 <= self.r <= 16 and 1 <= self.p <= 16


DEFAULT_COST = ScryptCost(n=2**17, r=8, p=1)
"""128 MiB and about half a second."""


def about(*parts: str | int) -> bytes:
    """What a sealed text is bound to. JSON, so that no two lists of parts give the same bytes."""
    return json.dumps(["terrace vault", *parts], ensure_ascii=True, separators=(",", ":")).encode()


def seal(key: bytes, text: bytes, bound: bytes, random: RandomBytes) -> bytes:
    """Nonce and ciphertext."""
    nonce = random(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, text, bound)


def unseal(key: bytes, sealed: bytes, bound: bytes) -> bytes | None:
    """The text; None when the key is another one or anything was changed."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
    except (InvalidTag, ValueError):
        return None


def from_random(material: bytes, salt: bytes, purpose: bytes) -> bytes:
    """A key from material that cannot be guessed."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=purpose).derive(material)


def from_text(text: str, salt: bytes, cost: ScryptCost) -> bytes:
    """A key from text that somebody may try to guess."""
    return Scrypt(salt=salt, length=KEY_BYTES, n=cost.n, r=cost.r, p=cost.p).derive(text.encode())


def tag(key: bytes, text: bytes) -> bytes:
    return hmac.digest(from_random(key, b"", b"terrace vault tag"), text, "sha256")


def is_tag(key: bytes, text: bytes, given: bytes) -> bool:
    return hmac.compare_digest(tag(key, text), given)
