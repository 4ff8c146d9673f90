"""What systemd and launchd have in common: where a part's file lies, what is in it, and whom to ask for what.

Nothing here runs or writes anything: commands are values, done or shown by `control.service.doing`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from control.service.facts import Facts, Part, Scope
from control.service.files import ServiceFile

STOP_S = 90
"""A program gets so long from SIGTERM to its end. Above the daemon's own bound for it."""
FORWARDER_STOP_S = 30
DEFAULT_ACCOUNT = "terrace"
LOG_LINES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where services live."""

    scope: Scope
    root: Path | None
    """Another root, of an image say: files go below it, and nothing is asked that needs a running manager."""
    account: str
    """Who they run as, in the system's scope."""
    environ: Mapping[str, str]

    @property
    def home(self) -> Path:
        return Path(self.environ.get("HOME") or os.path.expanduser("~"))

    def below(self, path: str | Path) -> Path:
        """The path, below the other root if there is one."""
        return self.root / str(path).lstrip("/") if self.root is not None else Path(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A command of the machine. Where `may_fail`, its failure is no obstacle."""

    command: tuple[str, ...]
    may_fail: bool = False
    unless: tuple[str, ...] = ()
    """Not needed where this command succeeds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How one part is doing."""

    part: Part
    name: str
    installed: bool
    state: str
    """The manager's own word: active, failed, ..."""
    is_running: bool
    words: str = ""
    pid: int = 0
    restarts: int = 0
    enabled: str = ""


class Manager(Protocol):
    """systemd or launchd."""

    program: str
    """Which must be there for anything but a dry run."""

    def name(self, part: Part) -> str: ...

    def file(self, part: Part) -> Path: ...

    def files(self, part: Part, facts: Facts) -> tuple[ServiceFile, ...]: ...

    def installed(self, parts: Sequence[Part], *, now: bool) -> tuple[Ask, ...]: ...

    def before_uninstall(self, parts: Sequence[Part]) -> tuple[Ask, ...]: ...

    def after_uninstall(self) -> tuple[Ask, ...]: ...

    def start(self, parts: Sequence[Part]) -> tuple[Ask, ...]: ...

    def stop(self, parts: Sequence[Part]) -> tuple[Ask, ...]: ...

    def restart(self, parts: Sequence[Part]) -> tuple[Ask, ...]: ...

    def question(self, part: Part) -> tuple[str, ...]: ...

    def state(self, part: Part, code: int, answer: str) -> State: ...

    def logs(self, parts: Sequence[Part], *, lines: int, follow: bool) -> tuple[str, ...]: ...

    def hints(self, facts: Facts) -> tuple[str, ...]: ...
