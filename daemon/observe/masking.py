"""Keeps secrets out of the log (LOG-4): by the name of a field, by their look, and by value where it is known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

MASK = "****"
SHORTEST_KNOWN = 8
"""Known secrets shorter than this are not searched for: they would mask ordinary words."""
MAX_DEPTH = 6

_SECRET_NAME = re.compile(
    r"(?:^|_)(?:secret|token|password|passphrase|api_?key|authorization|credential)s?$", re.IGNORECASE
)
_BEARER = re.compile(r"(?i)(bearer\s+)[A-Za-z0-9._~+/=-]{8,}")
_IN_TEXT = re.compile(r"(?i)([\"']?(?:secret|passphrase|password|api_?secret)[\"']?\s*[:=]\s*[\"']?)[^\s\"',}]+")
_IN_ADDRESS = re.compile(r"(?i)\b((?:signature|sign|listenkey|token|api_?key)=)[^\s&\"'<>]+")
"""A failed request to an exchange names its whole address."""


class Masker:
    """Used by every handler of the log. `know` adds values that must never be written."""

    def __init__(self) -> None:
        self._known: tuple[str, ...] = ()

    def know(self, secrets: Iterable[str]) -> None:
        """Safe from any thread: the tuple is replaced whole. Longest first, so that none is masked in part."""
        texts = {secret for secret in secrets if len(secret) >= SHORTEST_KNOWN}
        self._known = tuple(sorted({*self._known, *texts}, key=len, reverse=True))

    def text(self, text: str) -> str:
        for secret in self._known:
            if secret in text:
                text = text.replace(secret, MASK)
        if "earer" in text or "EARER" in text:
            text = _BEARER.sub(rf"\1{MASK}", text)
        if "=" in text and "://" in text:
            text = _IN_ADDRESS.sub(rf"\1{MASK}", text)
        return _IN_TEXT.sub(rf"\1{MASK}", text) if _may_hold_secret(text) else text

    def value(self, value: Any, depth: int = 0) -> Any:
        """The same value with every secret in it masked."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return self.fields(value, depth + 1) if depth < MAX_DEPTH else MASK
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(item, depth + 1) for item in value] if depth < MAX_DEPTH else MASK
        return value

    def fields(self, fields: Mapping[Any, Any], depth: int = 0) -> dict[str, Any]:
        return {
            str(name): MASK if _SECRET_NAME.search(str(name)) and item else self.value(item, depth)
            for name, item in fields.items()
        }


def _may_hold_secret(text: str) -> bool:
    lower = text.lower()
    return "secret" in lower or "pass" in lower
