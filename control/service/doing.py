"""Does what was planned, or shows it: files are written and taken away, the manager's program is asked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from control.service.facts import Facts, Part, Scope, ServiceRefused
from control.service.files import Found, ServiceFile, look, shown, write
from control.service.managers import Ask, Manager, Place, State

ANSWER_S = 1200.0
"""For one command. Starting waits until the daemon is ready."""
QUESTION_S = 20.0
MAX_TOLD_CHARS = 2000
REMEDY = {
    "systemctl": "this machine is not run by systemd. `terrace up` runs all parts in a terminal",
    "launchctl": "this is no macOS. `terrace up` runs all parts in a terminal",
}


@dataclass(slots=True)
class Done:
    """What was done, or would be."""

    written: list[ServiceFile] = field(default_factory=list)
    unchanged: list[Path] = field(default_factory=list)
    removed: list[Path] = field(default_factory=list)
    ran: list[tuple[str, ...]] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)


class Doing:
    """One command's work. Everything is looked at before anything is changed."""

    def __init__(self, manager: Manager, place: Place, *, is_dry: bool) -> None:
        self._manager = manager
        self._place = place
        self._is_dry = is_dry
        self.done = Done()

    def install(self, parts: Sequence[Part], facts: Facts, *, now: bool) -> Done:
        planned = {file.path: file for part in parts for file in self._manager.files(part, facts)}
        state = {file.path: look(file) for file in planned.values()}
        for path, found in state.items():
            self._refuse_strange(path, found)
        self._must_be_allowed()
        for file in planned.values():
            if state[file.path] is Found.SAME:
                self.done.unchanged.append(file.path)
                continue
            self.done.written.append(file)
            if not self._is_dry:
                self._write(file)
        self.done.hints += self._manager.hints(facts)
        self._ask_all(self._manager.installed(parts, now=now))
        changed = [part for part in parts if state[self._manager.file(part)] is Found.OWN]
        if changed:
            names = ",".join(part.value for part in changed)
            self.done.hints.append(f"what runs takes it up after `terrace service restart --parts {names}`")
        return self.done

    def uninstall(self, parts: Sequence[Part], facts: Facts | None) -> Done:
        there = [part for part in parts if os.path.lexists(self._manager.file(part))]
        for part in there:
            file = ServiceFile(path=self._manager.file(part), text="")
            self._refuse_strange(file.path, look(file))
        if there:
            self._must_be_allowed()
            self._ask_all(self._manager.before_uninstall(there))
            for part in there:
                self.done.removed.append(self._manager.file(part))
                if not self._is_dry:
                    self._manager.file(part).unlink(missing_ok=True)
            self._ask_all(self._manager.after_uninstall())
        if facts is not None:
            self.done.hints.append(f"data and config are kept: {facts.data_dir}, {facts.config}")
        return self.done

    def ask(self, parts: Sequence[Part], asks: Sequence[Ask]) -> Done:
        """To start, stop or restart what is installed."""
        missing = [part.value for part in parts if not self._manager.file(part).exists()]
        if missing:
            where = self._manager.file(Part(missing[0]))
            remedy = f"terrace service install --scope {self._place.scope.value} --parts {','.join(missing)}"
            raise ServiceRefused(f"not installed: {', '.join(missing)} ({where} is not there). {remedy}")
        self._must_be_allowed()
        self._ask_all(asks)
        return self.done

    def states(self, parts: Sequence[Part]) -> list[State]:
        self._must_be_there()
        return [self._state(part) for part in parts]

    # --- inside -----------------------------------------------------------------------------------

    def _state(self, part: Part) -> State:
        command = self._manager.question(part)
        try:
            answer = subprocess.run(command, capture_output=True, text=True, timeout=QUESTION_S, check=False)
        except subprocess.TimeoutExpired:
            return self._manager.state(part, 1, "")
        return self._manager.state(part, answer.returncode, answer.stdout)

    def _refuse_strange(self, path: Path, found: Found) -> None:
        if found is Found.FOREIGN:
            raise ServiceRefused(f"{path} was not written by `terrace service install`: move it away, or delete it")
        if found is Found.CHANGED:
            keep = "keep your changes in a drop-in (`systemctl edit`) and move it away"
            raise ServiceRefused(f"{path} was changed by hand since it was installed: {keep}")

    def _must_be_there(self) -> None:
        program = self._manager.program
        if shutil.which(program, path=self._place.environ.get("PATH")) is None:
            raise ServiceRefused(f"{program} is not there: {REMEDY[program]}")

    def _must_be_allowed(self) -> None:
        if self._is_dry:
            return
        self._must_be_there()
        if self._place.scope is Scope.SYSTEM and self._place.root is None and os.geteuid() != 0:
            raise ServiceRefused("services of the system need root: run it with sudo, or use --scope user")

    def _write(self, file: ServiceFile) -> None:
        try:
            write(file)
        except OSError as error:
            raise ServiceRefused(f"{file.path} cannot be written: {error.strerror or error}") from None

    def _ask_all(self, asks: Sequence[Ask]) -> None:
        for ask in asks:
            if self._is_dry:
                self.done.ran.append(ask.command)
            elif not ask.unless or self._run(ask.unless)[0]:
                self._ask(ask)

    def _ask(self, ask: Ask) -> None:
        code, words = self._run(ask.command)
        self.done.ran.append(ask.command)
        if code and not ask.may_fail:
            raise ServiceRefused(f"`{shown(ask.command)}` failed with {code}: {words}".rstrip(": "))

    def _run(self, command: Sequence[str]) -> tuple[int, str]:
        sys.stdout.flush()
        try:
            ran = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_S, check=False)
        except FileNotFoundError:
            return 127, f"{command[0]} is not there"
        except subprocess.TimeoutExpired:
            return 124, f"no answer within {ANSWER_S:.0f} s"
        return ran.returncode, (ran.stderr or ran.stdout).strip()[-MAX_TOLD_CHARS:]
