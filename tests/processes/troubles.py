"""What else goes wrong around a kill: each trouble has a beginning and an end, and words for the story."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.processes.proxy import Link

if TYPE_CHECKING:
    from tests.processes.venue_works import VenueWorks
    from tests.processes.works import Works

CLOCK_JUMPS_MS = (-600_000, -5_000, -900, 1_500, 45_000, 900_000, 7_200_000)
LONG_MS = 30_000
"""Longer than the daemon lives: what is held up so is lost with it."""


class Trouble(ABC):
    """`begin` and `end` are called once each; the daemon may be gone or another one at the end."""

    words: str

    @abstractmethod
    def begin(self) -> None: ...

    @abstractmethod
    def end(self) -> None: ...


@dataclass
class Front(Trouble):
    """The way from the forwarder to the daemon."""

    works: Works
    link: Link

    @property
    def words(self) -> str:  # type: ignore[override]
        return f"forwarder to daemon {self.link}"

    def begin(self) -> None:
        self.works.front.set(self.link)

    def end(self) -> None:
        self.works.front.set(Link.OPEN)


@dataclass
class Frozen(Trouble):
    """SIGSTOP; what is killed meanwhile dies frozen."""

    works: Works
    name: str
    pid: int = 0

    @property
    def words(self) -> str:  # type: ignore[override]
        return f"{self.name} frozen"

    def begin(self) -> None:
        self.pid = self.works.stack.processes[self.name].pid
        self.works.freeze(self.name)

    def end(self) -> None:
        process = self.works.stack.processes.get(self.name)
        if process is not None and process.pid == self.pid:
            self.works.thaw(self.name)


@dataclass
class Clock(Trouble):
    """The daemon's wall clock is set wrong and set right again."""

    works: Works
    jump_ms: int

    @property
    def words(self) -> str:  # type: ignore[override]
        return f"the daemon's clock {self.jump_ms:+} ms"

    def begin(self) -> None:
        self.works.clock.offset_ms = self.jump_ms

    def end(self) -> None:
        self.works.clock.offset_ms = 0


@dataclass
class NoForwarder(Trouble):
    """kill -9 of the forwarder, too."""

    works: Works
    words = "no forwarder"

    def begin(self) -> None:
        self.works.kill("forwarder")

    def end(self) -> None:
        self.works.start_forwarder()


@dataclass
class Back(Trouble):
    """The way from the daemon to its exchange."""

    works: VenueWorks
    link: Link

    @property
    def words(self) -> str:  # type: ignore[override]
        return f"daemon to exchange {self.link}"

    def begin(self) -> None:
        self.works.back.set(self.link)

    def end(self) -> None:
        self.works.back.set(Link.OPEN)


@dataclass
class VenueFrozen(Trouble):
    """The exchange's process is stopped: it takes connections and says nothing."""

    works: VenueWorks
    words = "exchange frozen"

    def begin(self) -> None:
        self.works.freeze_venue()

    def end(self) -> None:
        self.works.thaw_venue()


@dataclass
class VenueFault(Trouble):
    """The exchange does to every request of a kind what exchanges do on bad days."""

    works: VenueWorks
    kind: str
    what: str = ""
    """Whose requests: place, cancel, look_up; empty: all."""

    @property
    def words(self) -> str:  # type: ignore[override]
        return f"exchange: {self.kind} for {self.what or 'everything'}"

    def begin(self) -> None:
        method, path = self.works.requests.get(self.what, ("", ""))
        self.works.admin.fault(self.kind, method=method, path=path, count=0, ms=LONG_MS)

    def end(self) -> None:
        self.works.admin.reset_faults()


LINKS = tuple(link for link in Link if link is not Link.OPEN)
VENUE_KINDS = (
    *("accept_then_timeout", "accept_then_drop", "accept_then_5xx", "accept_then_truncated", "timeout_before_accept"),
    *("drop_before_accept", "5xx_before_accept", "delay:1500", "late_answer:1500", "late_visibility:1500"),
    *("ws_drop:100", "ws_drop:50", "ws_duplicate", "ws_reorder", "ws_delay:800", "ws_no_pong"),
)


def common_trouble(works: Works, rng: random.Random) -> Trouble:
    """One that any installation can have."""
    kind = rng.choice(["front", "front", "frozen", "forwarder", "forwarder frozen", "clock"])
    if kind == "front":
        return Front(works, rng.choice(LINKS))
    if kind == "clock":
        return Clock(works, rng.choice(CLOCK_JUMPS_MS))
    if kind == "forwarder":
        return NoForwarder(works)
    return Frozen(works, "daemon" if kind == "frozen" else "forwarder")


def venue_trouble(works: VenueWorks, rng: random.Random) -> Trouble:
    """The exchange fails, or the way to it."""
    kind = rng.choice(["link", "link", "frozen", "fault", "fault", "fault"])
    if kind == "link":
        return Back(works, rng.choice(LINKS))
    if kind == "frozen":
        return VenueFrozen(works)
    fault = rng.choice(VENUE_KINDS)
    what = "" if fault.startswith("ws_") else rng.choice(["place", "place", "cancel", "look_up"])
    return VenueFault(works, fault, what)
