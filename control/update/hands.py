"""Who stops and starts the parts: the services of this machine, or a person."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from control.service.doing import Doing
from control.service.facts import Part, Scope, ServiceRefused, read_facts
from control.service.files import Found as FileFound
from control.service.files import ServiceFile, look, shown
from control.service.launchd import Launchd
from control.service.managers import DEFAULT_ACCOUNT, Ask, Manager, Place, State
from control.service.systemd import Systemd
from control.update.home import Home
from control.update.program import run
from control.update.refused import StepFailed, UpdateRefused

ASK_S = 1200.0
STOPS_S = 120.0
_USER = re.compile(r"^User=(\S+)$|<key>UserName</key>\s*<string>([^<]+)</string>", re.MULTILINE)
_PROGRAM = re.compile(
    r'^ExecStart="?([^"\n]*?/bin/terraced)(?=["\s]|$)|<string>([^<]*/bin/terraced)</string>', re.MULTILINE
)


class Hands(Protocol):
    """Stops and starts. Every call may be repeated."""

    @property
    def scope(self) -> str:
        """Of the services; empty: a person stops and starts."""
        ...

    def running(self) -> tuple[str, ...]:
        """The parts that run."""
        ...

    def stop_daemon(self) -> None:
        """Returns once it has stopped. StepFailed if it does not."""
        ...

    def start_daemon(self) -> None:
        """Asks for it; does not wait until it is ready. What becomes of it `trouble` says."""
        ...

    def trouble(self) -> str:
        """Why the daemon that was started will not be ready; empty: nothing speaks against it."""
        ...

    def pid(self) -> int:
        """Of the daemon; 0: none runs."""
        ...

    def restart(self, part: str) -> None:
        """StepFailed if it does not run afterwards."""
        ...

    def within(self, config: str) -> tuple[str, ...]:
        """What a command is put behind, so that it sees the credentials of the daemon's service; empty: none needed."""
        ...

    def point_at(self, home: Home, config: str) -> list[str]:
        """Has the services start what `current` names, from their next start on. What was written anew."""
        ...


class NoHands:
    """Nothing runs, and a person starts it. `services`: what he may start it by."""

    scope = ""

    def __init__(self, services: ServiceHands | None = None) -> None:
        self.services = services

    def running(self) -> tuple[str, ...]:
        return ()

    def stop_daemon(self) -> None:
        return None

    def start_daemon(self) -> None:
        return None

    def trouble(self) -> str:
        return ""

    def pid(self) -> int:
        return 0

    def restart(self, part: str) -> None:  # noqa: ARG002
        return None

    def within(self, config: str) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def point_at(self, home: Home, config: str) -> list[str]:
        return [] if self.services is None else self.services.point_at(home, config)


class ServiceHands:
    """systemd or launchd, by the services `terrace service install` has made."""

    def __init__(self, manager: Manager, place: Place) -> None:
        self._manager, self._place = manager, place
        self._starting: subprocess.Popen[str] | None = None
        self._pid = 0

    @property
    def scope(self) -> str:
        return self._place.scope.value

    def installed(self) -> list[Part]:
        return [part for part in Part if self._manager.file(part).exists()]

    def _state(self, part: Part) -> State:
        done = run(self._manager.question(part))
        return self._manager.state(part, done.code, done.out)

    def running(self) -> tuple[str, ...]:
        return tuple(part.value for part in self.installed() if self._state(part).is_running)

    def pid(self) -> int:
        state = self._state(Part.DAEMON)
        return state.pid if state.is_running else 0

    def stop_daemon(self) -> None:
        self._end_start()
        self._ask_all(self._manager.stop([Part.DAEMON]))
        deadline = time.monotonic() + STOPS_S
        while self._state(Part.DAEMON).is_running:
            if time.monotonic() > deadline:
                raise StepFailed(f"{self._manager.name(Part.DAEMON)} does not stop")
            time.sleep(0.1)

    def start_daemon(self) -> None:
        """The manager's own command may wait until the daemon is ready: nobody waits for it here."""
        asks = self._manager.start([Part.DAEMON])
        for ask in asks[:-1]:
            self._ask(ask)
        self._pid = 0
        try:
            self._starting = subprocess.Popen(
                asks[-1].command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        except OSError as error:
            raise StepFailed(f"{asks[-1].command[0]}: {error.strerror or error}") from None

    def trouble(self) -> str:
        name = self._manager.name(Part.DAEMON)
        code = self._starting.poll() if self._starting is not None else None
        if code:
            assert self._starting is not None
            assert self._starting.stderr is not None
            return f"{name} could not be started: {self._starting.stderr.read().strip()[-500:] or f'exit code {code}'}"
        state = self._state(Part.DAEMON)
        if state.restarts or (self._pid and state.pid not in (0, self._pid)):
            return f"{name} has ended and was started again: {state.words or state.state}"
        if (self._pid or code == 0) and not state.is_running:
            return f"{name} has ended: {state.words or state.state}"
        self._pid = state.pid
        return ""

    def _end_start(self) -> None:
        """A start that still waits is over with the stop."""
        if self._starting is None:
            return
        if self._starting.poll() is None:
            with contextlib.suppress(OSError):
                self._starting.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._starting.wait(5)
        if self._starting.stderr is not None:
            self._starting.stderr.close()
        self._starting = None

    def restart(self, part: str) -> None:
        self._ask_all(self._manager.restart([Part(part)]))
        state = self._state(Part(part))
        if not state.is_running:
            raise StepFailed(f"the {part} does not run after its restart: {state.words or state.state}")

    def within(self, config: str) -> tuple[str, ...]:
        try:
            facts = read_facts(config)
        except ServiceRefused as refused:
            raise StepFailed(str(refused)) from None
        names = facts.credentials[Part.DAEMON]
        if not names or not isinstance(self._manager, Systemd):
            return ()
        is_user = self._place.scope is Scope.USER
        kind, suffix = ("LoadCredential", "") if is_user else ("LoadCredentialEncrypted", ".cred")
        options = [f"--property={kind}={name}:{facts.credential_folder / (name + suffix)}" for name in names]
        options += ["--user"] if is_user else []
        return ("systemd-run", "--quiet", "--wait", "--pipe", "--collect", *options, "--")

    def point_at(self, home: Home, config: str) -> list[str]:
        parts = [part for part in self.installed() if str(home.bin) not in self._text(part)]
        if not parts:
            return []
        try:
            facts = read_facts(config)
            commands = {part: _at_home(words, home) for part, words in facts.commands.items()}
            place = replace(self._place, account=self._account(parts[0]))
            manager = type(self._manager)(place)  # type: ignore[call-arg]
            doing = Doing(manager, place, is_dry=False)
            doing.install(parts, replace(facts, commands=commands), now=False)
        except ServiceRefused as refused:
            raise StepFailed(f"the services cannot be pointed at {home.bin}: {refused}") from None
        return [str(self._manager.file(part)) for part in parts]

    def refuse_strange(self, home: Home) -> str:
        """Why the services cannot be pointed at the home; empty: they can, or are."""
        for part in self.installed():
            if str(home.bin) in self._text(part):
                continue
            found = look(ServiceFile(path=self._manager.file(part), text=""))
            if found in (FileFound.FOREIGN, FileFound.CHANGED):
                path = self._manager.file(part)
                return f"{path} is not as `terrace service install` wrote it, and does not start {home.bin}"
        return ""

    def program(self) -> Path | None:
        """The installation whose daemon the service starts."""
        found = _PROGRAM.search(self._text(Part.DAEMON))
        return Path(found[1] or found[2]).parent.parent if found is not None else None

    def _text(self, part: Part) -> str:
        return self._manager.file(part).read_text(encoding="utf-8", errors="replace")

    def _account(self, part: Part) -> str:
        found = _USER.search(self._text(part))
        return (found[1] or found[2]) if found is not None else DEFAULT_ACCOUNT

    def _ask_all(self, asks: Sequence[Ask]) -> None:
        for ask in asks:
            self._ask(ask)

    def _ask(self, ask: Ask) -> None:
        if ask.unless and run(ask.unless).code == 0:
            return
        done = run(ask.command, limit_s=ASK_S)
        if done.code and not ask.may_fail:
            raise StepFailed(f"`{shown(ask.command)}` failed with {done.code}: {done.words}")


def _at_home(words: Sequence[str], home: Home) -> tuple[str, ...]:
    """The same command, by the program in use."""
    if len(words) > 2 and words[1] == "-m":
        name = "terraced" if words[2] == "daemon" else "terrace"
        return (str(home.bin / name), *words[3:])
    return (str(home.bin / Path(words[0]).name), *words[1:])


def find_hands(config: str, scope: str = "") -> ServiceHands | None:
    """The services that run this config on this machine; None: there are none."""
    scopes = [Scope(scope)] if scope else [Scope.SYSTEM, Scope.USER]
    found = [hands for hands in map(_services, scopes) if hands is not None and _runs(hands, config)]
    if len(found) > 1:
        raise UpdateRefused("services of the system and of the user both run this config: uninstall one of them")
    return found[0] if found else None


def _services(scope: Scope) -> ServiceHands | None:
    if sys.platform not in ("linux", "darwin"):
        return None
    place = Place(scope=scope, root=None, account=DEFAULT_ACCOUNT, environ=os.environ)
    manager: Manager = Launchd(place) if sys.platform == "darwin" else Systemd(place)
    return ServiceHands(manager, place)


def _runs(hands: ServiceHands, config: str) -> bool:
    """Whether the daemon's service is there and names this config."""
    return Part.DAEMON in hands.installed() and config in hands._text(Part.DAEMON).replace("%%", "%")
