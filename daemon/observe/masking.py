"""Keeps secrets out of the log (LOG-4): by the name of a field, by their look, and by value where it is known.

A known value is found as it is and in the forms it may take on its way into a text: escaped for JSON, a Python
literal or an address, in base64 or hexadecimal, and broken over lines. Of a secret that is an address, an apprise or
database URL say, the parts that are secret are known too.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from datetime import date, time
from enum import Enum
from typing import Any

from daemon.config.kinds import SECRET_KINDS
from daemon.observe.secret_forms import SHORTEST_KNOWN, forms, squeezed

__all__ = ["MASK", "SHORTEST_KNOWN", "Masker"]

MASK = "****"
MAX_DEPTH = 6
MAX_KNOWN = 20_000
"""Forms that are searched for; more than the secrets of a full vault have."""

_SECRET_NAME = re.compile(
    r"(?:^|_)(?:secret|token|password|passphrase|api_?key|authorization|credential)s?$", re.IGNORECASE
)
_BEARER = re.compile(r"(?i)(bearer\s+)[A-Za-z0-9._~+/=-]{8,}")
_REFERENCE = "|".join(re.escape(kind) for kind in SECRET_KINDS)
_IN_TEXT = re.compile(
    r"(?i)([\"']?(?:secret|passphrase|password|api_?secret)[\"']?\s*[:=]\s*[\"']?)"
    rf"(?!(?:{_REFERENCE})[^:\s\"',}}]+(?:[:;]\s|[\s\"',}}]|$))[^\s\"',}}]+"
)
"""Where a secret is kept (`vault:binance/api_secret`) is no secret, and a remedy has to name it."""
_IN_ADDRESS = re.compile(r"(?i)\b((?:signature|sign|listenkey|token|api_?key)=)[^\s&\"'<>]+")
"""A failed request to an exchange names its whole address."""
_USER_INFO = re.compile(r"(://[^/\s:@\"'<>]*:)[^/\s@\"'<>]+(?=@)")
"""`postgresql://user:password@host`."""
_BREAKS = re.compile(r"[\s>|\"'+]*(?:\\[nr]|[\r\n])[\s>|\"'+]*|\s")
_GAP = r"(?:\\[nr]|[\s>|\"'+])*"
"""What may stand between two letters of a secret that was broken over lines."""


class Masker:
    """Used by every handler of the log. `know` adds values that must never be written."""

    def __init__(self) -> None:
        self._known: tuple[str, ...] = ()
        self._broken: tuple[str, ...] = ()
        self._learning = threading.Lock()

    def know(self, secrets: Iterable[str]) -> None:
        """Safe from any thread: the tuples are replaced whole. Longest first, so that none is masked in part."""
        found = {form for secret in secrets for form in forms(secret)}
        with self._learning:  # Of two threads neither forgets what the other has just learnt.
            fresh = found - set(self._known)
            if not fresh or len(self._known) + len(fresh) > MAX_KNOWN:
                return
            known = sorted({*self._known, *fresh}, key=lambda form: (-len(form), form))
            self._broken = tuple(dict.fromkeys(squeezed(form) for form in known))
            self._known = tuple(known)

    def text(self, text: str) -> str:
        if len(text) >= SHORTEST_KNOWN:
            text = self._without_known(text)
        if "earer" in text or "EARER" in text:
            text = _BEARER.sub(rf"\1{MASK}", text)
        if "://" in text:
            text = _USER_INFO.sub(rf"\1{MASK}", text)
            text = _IN_ADDRESS.sub(rf"\1{MASK}", text)
        return _IN_TEXT.sub(rf"\1{MASK}", text) if _may_hold_secret(text) else text

    def value(self, value: Any, depth: int = 0) -> Any:
        """The same value with every secret in it masked."""
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, int | float | date | time):
            return value
        if isinstance(value, Enum):
            return self.value(value.value, depth)
        if isinstance(value, Mapping):
            return self.fields(value, depth + 1) if depth < MAX_DEPTH else MASK
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(item, depth + 1) for item in value] if depth < MAX_DEPTH else MASK
        return self.text(str(value))  # It would be written as this text anyway.

    def fields(self, fields: Mapping[Any, Any], depth: int = 0) -> dict[str, Any]:
        return {
            self.text(str(name)): MASK if _SECRET_NAME.search(str(name)) and item else self.value(item, depth)
            for name, item in fields.items()
        }

    def _without_known(self, text: str) -> str:
        for form in self._known:
            if form in text:
                text = text.replace(form, MASK)
        return self._without_broken(text) if "\n" in text or "\\n" in text else text

    def _without_broken(self, text: str) -> str:
        """A text of several lines may hold a secret with a line's end in it."""
        whole = _BREAKS.sub("", text)
        for form in self._broken:
            if form in whole:
                text = re.sub(_GAP.join(re.escape(letter) for letter in form), MASK, text)
        return text


def _may_hold_secret(text: str) -> bool:
    lower = text.lower()
    return "secret" in lower or "pass" in lower
