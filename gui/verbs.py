"""What a button does: a request to the daemon, made from a few named values, under the token of whoever pressed it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from control.client import AioClient, ClientError, Invalid, NotPermitted
from gui.show.ways import in_panel

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """One press of a button."""

    client: AioClient
    world: str
    values: Values
    """What the page sent: texts, flags, lists of texts. Nothing in it is believed."""
    request_id: str
    """The same for each try of one press: a second one changes nothing (API rules)."""
    is_preview: bool
    """True: only say what would be done."""

    def text(self, name: str, *, needed: bool = True) -> str:
        """A value as text. Raises Invalid where it is missing or something else."""
        found = self.values.get(name, "")
        if not isinstance(found, str) or len(found) > 100_000 or (needed and not found):
            raise Invalid(f"{name} is missing or is not a text", reason="INVALID_FIELD")
        return found

    def flag(self, name: str) -> bool:
        return self.values.get(name) is True


Do = Callable[[Press], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """`do` calls the daemon and answers with what the page needs; at least `said`, one readable line."""

    method: str
    """`Service/Method` it stands on: the button is shown to callers who may call it. The daemon decides in any case."""
    do: Do


def told(error: ClientError) -> dict[str, Any]:
    """An error as a page shows it: the engine's own words, never a traceback."""
    kind = type(error).__name__
    remedy = error.remedy
    if isinstance(error, NotPermitted) and error.code != "UNAUTHENTICATED":
        remedy = "Log in with a token of a higher role."
    return {
        "kind": kind,
        "reason": error.reason or error.code,
        "message": in_panel(error.message),
        "remedy": in_panel(remedy),
        "violations": [{"path": one.path, "reason": one.reason, "message": one.message} for one in error.violations],
    }
