"""A secret, and the answer where there is none."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

_SHOWN = 4
_SHORTEST_SHOWN = 16


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A secret's value. Printing it shows a mask; `reveal()` is the one way to the text."""

    _text: str

    def reveal(self) -> str:
        return self._text

    def equals(self, other: str) -> bool:
        """Compares in constant time (SIG-5)."""
        return hmac.compare_digest(self._text.encode(), other.encode("utf-8", "surrogatepass"))

    @property
    def mask(self) -> str:
        """`****A4B1`; of a short secret nothing is shown."""
        return f"****{self._text[-_SHOWN:]}" if len(self._text) >= _SHORTEST_SHOWN else "****"

    def __repr__(self) -> str:
        return f"Secret({self.mask})"

    __str__ = __repr__


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """A reference that gave no secret, and what would help. Holds no part of a secret."""

    reference: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        # No colon behind the reference: one that ends in `secret` would look like a secret with its name (LOG-4).
        return f"{self.reference} ({self.problem}); {self.remedy}"
