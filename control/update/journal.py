"""What an update has come to, on disk before each step is done: after any death it is gone on with, or undone.

Up to CANARY nothing was touched that trades: such a one is given up. From STOP on every step can be done again. A step
that fails turns the journal round (`is_return`), and the same steps lead back to the version it began with.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum, unique
from pathlib import Path
from typing import Any

from control.update.home import sync
from control.update.refused import UpdateRefused

FORMAT = 1
MAX_BYTES = 16 * 1024 * 1024


@unique
class Stage(StrEnum):
    """In their order."""

    INSTALL = "install"
    JUDGE = "judge"
    COPY = "copy"
    CANARY = "canary"
    STOP = "stop"
    REST = "rest"
    """The store at rest is copied."""
    LINK = "link"
    CONVERT = "convert"
    """Store and config are brought to what the version can read, where it is an older one."""
    START = "start"
    WATCH = "watch"
    OTHERS = "others"
    """Forwarder and panel take the version up."""


ORDER = tuple(Stage)
SWITCH = ORDER[ORDER.index(Stage.STOP) :]


@unique
class Kind(StrEnum):
    UPDATE = "update"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """Of one update or rollback, from `old` to `new`. Fields are only ever added: a newer program reads it, too."""

    kind: Kind
    stage: Stage
    old: str
    new: str
    config: str
    """The config file, absolute."""
    folder: str
    """Where this one keeps its copies."""
    scope: str = ""
    """Of the services that are switched: user, system; empty: none, a person starts and stops."""
    parts: tuple[str, ...] = ()
    """Services that ran when it began."""
    is_return: bool = False
    reason: str = ""
    """Why it goes back."""
    ready_s: float = 0.0
    watch_s: float = 0.0
    stop_ms: int = 0
    """When trading was stopped; 0: it goes on."""
    paused_ms: int = 0
    """How long it was stopped, altogether."""
    backup: str = ""
    seen: Mapping[str, Any] = field(default_factory=dict)
    """The engine as it was before the stop (control.update.seen)."""
    options: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def target(self) -> str:
        """The version the steps lead to."""
        return self.old if self.is_return else self.new

    @property
    def source(self) -> str:
        return self.new if self.is_return else self.old

    @property
    def newer(self) -> str:
        """Whose program knows both shapes of the store."""
        return self.new if self.kind is Kind.UPDATE else self.old

    @property
    def leads_down(self) -> bool:
        return self.target != self.newer

    @property
    def is_switching(self) -> bool:
        return self.stage in SWITCH

    def turned(self, reason: str) -> Journal:
        """The way back, from its first step."""
        return replace(self, is_return=True, stage=Stage.STOP, reason=reason)


def save(path: Path, journal: Journal) -> None:
    """Durable when this returns; whole at every moment."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    values = {"format": FORMAT, **asdict(journal)}
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(values, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    sync(path.parent)


def read(path: Path) -> Journal | None:
    """The one under way; None: none is. UpdateRefused where it cannot be understood."""
    try:
        with path.open("rb") as file:
            values = json.loads(file.read(MAX_BYTES))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UpdateRefused(f"{path} cannot be read ({error}): it says how far an update has come") from None
    try:
        return _of(values)
    except (TypeError, ValueError, KeyError, AttributeError):
        words = "was written by a newer Terrace: go on with that one's `terrace update`"
        raise UpdateRefused(f"{path} {words}") from None


def _of(values: Mapping[str, Any]) -> Journal:
    if values["format"] != FORMAT:
        raise ValueError("format")
    known = {one.name: values[one.name] for one in fields(Journal) if one.name in values}
    known |= {"kind": Kind(values["kind"]), "stage": Stage(values["stage"])}
    known |= {name: tuple(known[name]) for name in ("parts", "notes") if name in known}
    return Journal(**known)


def clear(path: Path) -> None:
    path.unlink(missing_ok=True)
    sync(path.parent)
