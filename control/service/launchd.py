"""launchd: property lists, and `launchctl` for the rest."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from control.service.facts import Facts, Part, Scope
from control.service.files import ServiceFile, filled, signed
from control.service.managers import FORWARDER_STOP_S, STOP_S, Ask, Place, State

_PID = re.compile(r"^\s*pid = ([0-9]+)$", re.MULTILINE)
_STATE = re.compile(r"^\s*state = (.+)$", re.MULTILINE)
_EXIT = re.compile(r"^\s*last exit code = ([0-9]+)", re.MULTILINE)
_RUNS = re.compile(r"^\s*runs = ([0-9]+)$", re.MULTILINE)


class Launchd:
    program = "launchctl"

    def __init__(self, place: Place) -> None:
        self._place = place
        self._is_user = place.scope is Scope.USER
        self._domain = f"gui/{os.getuid()}" if self._is_user else "system"

    # --- files ------------------------------------------------------------------------------------

    def name(self, part: Part) -> str:
        return f"terrace.{part.value}"

    def file(self, part: Part) -> Path:
        folder = self._place.home / "Library/LaunchAgents" if self._is_user else Path("/Library/LaunchDaemons")
        return self._place.below(folder) / f"{self.name(part)}.plist"

    def log(self, part: Part) -> Path:
        folder = self._place.home / "Library/Logs/terrace" if self._is_user else Path("/var/log/terrace")
        return folder / f"{part.value}.log"

    def files(self, part: Part, facts: Facts) -> tuple[ServiceFile, ...]:
        account = self._place.account
        values = {
            "label": (self.name(part),),
            "command": tuple(f"<string>{escape(word)}</string>" for word in facts.commands[part]),
            "stop_s": (str(STOP_S if part is Part.DAEMON else FORWARDER_STOP_S),),
            "account": () if self._is_user else ("<key>UserName</key>", f"<string>{escape(account)}</string>"),
            "folder": (escape(str(facts.config.parent)),),
            "log": (escape(str(self.log(part))),),
        }
        return (ServiceFile(path=self.file(part), text=signed(filled("launchd.plist", values))),)

    # --- asking -----------------------------------------------------------------------------------

    def _target(self, part: Part) -> str:
        return f"{self._domain}/{self.name(part)}"

    def installed(self, parts: Sequence[Part], *, now: bool) -> tuple[Ask, ...]:
        if self._place.root is not None:
            return ()
        folders = dict.fromkeys(str(self.log(part).parent) for part in parts)
        made = [Ask(command=("mkdir", "-p", folder)) for folder in folders]
        if not self._is_user:
            made += [Ask(command=("chown", self._place.account, folder)) for folder in folders]
        enabled = [Ask(command=("launchctl", "enable", self._target(part))) for part in parts]
        return (*made, *enabled, *(self.start(parts) if now else ()))

    def before_uninstall(self, parts: Sequence[Part]) -> tuple[Ask, ...]:
        return self.stop(parts) if self._place.root is None else ()

    def after_uninstall(self) -> tuple[Ask, ...]:
        return ()

    def start(self, parts: Sequence[Part]) -> tuple[Ask, ...]:
        """One that is loaded runs already, or is begun again."""
        asks = []
        for part in parts:
            loaded = ("launchctl", "print", self._target(part))
            load = ("launchctl", "bootstrap", self._domain, str(self.file(part)))
            asks += [Ask(command=load, unless=loaded), Ask(command=("launchctl", "kickstart", self._target(part)))]
        return tuple(asks)

    def stop(self, parts: Sequence[Part]) -> tuple[Ask, ...]:
        """Unloaded: SIGTERM, and it stays away until the next login or boot. One that is not loaded has stopped."""
        order = (Part.FORWARDER, Part.PANEL, Part.DAEMON)
        wanted = [part for part in order if part in parts]
        return tuple(Ask(command=("launchctl", "bootout", self._target(part)), may_fail=True) for part in wanted)

    def restart(self, parts: Sequence[Part]) -> tuple[Ask, ...]:
        return (*self.stop(parts), *self.start(parts))

    def question(self, part: Part) -> tuple[str, ...]:
        return ("launchctl", "print", self._target(part))

    def state(self, part: Part, code: int, answer: str) -> State:
        pid, state, ended, runs = (found.search(answer) for found in (_PID, _STATE, _EXIT, _RUNS))
        word = "not loaded" if code else state[1] if state else "unknown"
        return State(
            part=part,
            name=self.name(part),
            installed=self.file(part).exists(),
            state=word,
            is_running=pid is not None,
            words=f"ended with {ended[1]}" if ended and pid is None else "",
            pid=int(pid[1]) if pid else 0,
            restarts=max(0, int(runs[1]) - 1) if runs else 0,
            enabled="yes" if code == 0 else "",
        )

    def logs(self, parts: Sequence[Part], *, lines: int, follow: bool) -> tuple[str, ...]:
        return ("tail", "-n", str(lines), *(("-F",) if follow else ()), *(str(self.log(part)) for part in parts))

    def hints(self, facts: Facts) -> tuple[str, ...]:
        if any(facts.credentials.values()):
            return ("systemd: references give nothing here: use vault: or keyring: in the config",)
        return ()
