"""systemd: units, and `systemctl` for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from control.service.facts import Facts, Part, Scope
from control.service.files import ServiceFile, filled, shown, signed
from control.service.managers import DEFAULT_ACCOUNT, STOP_S, Ask, Place, State

_PROPERTIES = "LoadState,ActiveState,SubState,StatusText,MainPID,NRestarts,UnitFileState,Result"
_HOMES = ("/home", "/root", "/run/user")
_STATE, _LOGS = Path("/var/lib"), Path("/var/log")
_ORDER = {
    Part.DAEMON: ("After=network-online.target time-sync.target postgresql.service", "Wants=network-online.target"),
    Part.FORWARDER: ("After=network-online.target terrace-daemon.service", "Wants=network-online.target"),
    Part.PANEL: ("After=terrace-daemon.service",),
}
SYSUSERS = """# Written by `terrace service install`, 0000000000000000
u {account} - "Terrace" {home} -
"""


class Systemd:
    program = "systemctl"

    def __init__(self, place: Place) -> None:
        self._place = place
        self._is_user = place.scope is Scope.USER

    # --- files ------------------------------------------------------------------------------------

    def name(self, part: Part) -> str:
        return f"terrace-{part.value}.service"

    def file(self, part: Part) -> Path:
        if not self._is_user:
            return self._place.below("/etc/systemd/system") / self.name(part)
        own = self._place.environ.get("XDG_CONFIG_HOME") or self._place.home / ".config"
        return self._place.below(own) / "systemd/user" / self.name(part)

    def files(self, part: Part, facts: Facts) -> tuple[ServiceFile, ...]:
        """The unit, and for the system's own account the file that makes it."""
        unit = ServiceFile(path=self.file(part), text=self._unit(part, facts))
        if self._is_user or self._place.account != DEFAULT_ACCOUNT:
            return (unit,)
        text = signed(SYSUSERS.format(account=DEFAULT_ACCOUNT, home=facts.data_dir))
        return (ServiceFile(path=self._sysusers, text=text), unit)

    @property
    def _sysusers(self) -> Path:
        return self._place.below("/etc/sysusers.d/terrace.conf")

    def _unit(self, part: Part, facts: Facts) -> str:
        hardening = files("control.service").joinpath("templates", f"hardening-{self._place.scope.value}.conf")
        values = {
            "edit": ("--user edit" if self._is_user else "edit",),
            "name": (self.name(part).removesuffix(".service"),),
            "order": () if self._is_user and part is Part.DAEMON else self._order(part),
            "command": tuple(quoted(word) for word in facts.commands[part]),
            "stop_s": (f"{STOP_S}s",),
            "account": () if self._is_user else (f"User={self._place.account}", f"Group={self._place.account}"),
            "credentials": self._credentials(part, facts),
            "environment": ("Environment=PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1", *self._environment(part)),
            "folders": self._folders(part, facts),
            "hardening": tuple(hardening.read_text(encoding="utf-8").splitlines()),
            "wanted_by": ("default.target" if self._is_user else "multi-user.target",),
        }
        return signed(filled(f"terrace-{part.value}.service", values))

    def _order(self, part: Part) -> tuple[str, ...]:
        return ("After=terrace-daemon.service",) if self._is_user else _ORDER[part]

    def _environment(self, part: Part) -> tuple[str, ...]:
        """What would else be written into a home that is not there."""
        folder = f"%t/{self.name(part).removesuffix('.service')}"
        return (f"Environment=GRADIO_TEMP_DIR={folder}",) if part is Part.PANEL else ()

    def _credentials(self, part: Part, facts: Facts) -> tuple[str, ...]:
        """Encrypted where the manager can decrypt: a user's one cannot before version 256."""
        kind, suffix = ("LoadCredential", "") if self._is_user else ("LoadCredentialEncrypted", ".cred")
        folder = facts.credential_folder
        return tuple(f"{kind}={name}:{specified(folder / (name + suffix))}" for name in facts.credentials[part])

    def _folders(self, part: Part, facts: Facts) -> tuple[str, ...]:
        """State, runtime and log folders, and what else is written to or must be seen."""
        lines = [f"RuntimeDirectory={self.name(part).removesuffix('.service')}", "RuntimeDirectoryMode=0700"]
        if self._is_user:
            return tuple(lines)
        lines += ["LogsDirectory=terrace", "LogsDirectoryMode=0700"]
        folders = [facts.data_dir, *facts.folders]
        if facts.data_dir.is_relative_to(_STATE) and facts.data_dir != _STATE:
            lines += [f"StateDirectory={quoted(str(facts.data_dir.relative_to(_STATE)))}", "StateDirectoryMode=0700"]
            folders.remove(facts.data_dir)
        folders = [folder for folder in folders if folder != _LOGS / "terrace"]
        if part is Part.PANEL:
            folders = []
        lines += [f"ReadWritePaths={quoted(f'-{folder}')}" for folder in folders]
        seen = [facts.config, facts.data_dir, *facts.folders, *(Path(words[0]) for words in facts.commands.values())]
        at_home = any(path.is_relative_to(home) for path in seen for home in _HOMES)
        return (*lines, f"ProtectHome={'read-only' if at_home else 'yes'}")

    # --- asking -----------------------------------------------------------------------------------

    def _ask(self, *words: str, may_fail: bool = False) -> Ask:
        where = ("--user",) if self._is_user else ()
        root = (f"--root={self._place.root}",) if self._place.root is not None else ()
        return Ask(command=("systemctl", *where, *root, *words), may_fail=may_fail)

    def _names(self, parts: Sequence[Part]) -> tuple[str, ...]:
        return tuple(self.name(part) for part in parts)

    def installed(self, parts: Sequence[Part], *, now: bool) -> tuple[Ask, ...]:
        asks = []
        if not self._is_user and self._place.account == DEFAULT_ACCOUNT and self._place.root is None:
            asks.append(Ask(command=("systemd-sysusers", str(self._sysusers)), unless=("id", "-u", DEFAULT_ACCOUNT)))
        if self._place.root is None:
            asks.append(self._ask("daemon-reload"))
        asks.append(self._ask("enable", *self._names(parts)))
        return (*asks, *(self.start(parts) if now else ()))

    def before_uninstall(self, parts: Sequence[Part]) -> tuple[Ask, ...]:
        now = ("--now",) if self._place.root is None else ()
        return (self._ask("disable", *now, *self._names(parts)),)

    def after_uninstall(self) -> tuple[Ask, ...]:
        return (self._ask("daemon-reload"),) if self._place.root is None else ()

    def start(self, parts: Sequence[Part]) -> tuple[Ask, ...]:
        return (self._ask("start", *self._names(parts)),)

    def stop(self, parts: Sequence[Part]) -> tuple[Ask, ...]:
        """First who lets alerts in, last who trades."""
        return tuple(self._ask("stop", self.name(part)) for part in sorted(parts, key=_stop_order))

    def restart(self, parts: Sequence[Part]) -> tuple[Ask, ...]:
        return (self._ask("restart", *self._names(parts)),)

    def question(self, part: Part) -> tuple[str, ...]:
        return self._ask("show", "-p", _PROPERTIES, self.name(part)).command

    def state(self, part: Part, code: int, answer: str) -> State:
        told = dict(line.split("=", 1) for line in answer.splitlines() if "=" in line)
        active = told.get("ActiveState", "unknown") if code == 0 else "unknown"
        result = told.get("Result", "")
        words = told.get("StatusText", "") or (f"ended with {result}" if result not in ("", "success") else "")
        return State(
            part=part,
            name=self.name(part),
            installed=self.file(part).exists(),
            state=active,
            is_running=active in ("active", "reloading"),
            words=words,
            pid=_whole(told.get("MainPID", "")),
            restarts=_whole(told.get("NRestarts", "")),
            enabled=told.get("UnitFileState", ""),
        )

    def logs(self, parts: Sequence[Part], *, lines: int, follow: bool) -> tuple[str, ...]:
        where = ("--user",) if self._is_user else ()
        units = [word for part in parts for word in ("-u", self.name(part))]
        return ("journalctl", *where, *units, "-n", str(lines), *(("-f",) if follow else ("--no-pager",)))

    def hints(self, facts: Facts) -> tuple[str, ...]:
        """What a person has yet to do."""
        found = []
        if self._is_user:
            found.append("`loginctl enable-linger` lets them run while you are not logged in")
        else:
            owner = self._place.account
            found.append(f"{facts.config} and its folder must belong to {owner}, so that it can be changed")
        for name in facts.credentials[Part.DAEMON]:
            path = facts.credential_folder / (name if self._is_user else f"{name}.cred")
            if self._is_user:
                found.append(f"put the credential {name} into {path}, mode 0600")
            else:
                command = ("systemd-creds", "encrypt", f"--name={name}", "-", str(path))
                found.append(f"make the credential {name}: {shown(command)}")
        return tuple(found)


def _stop_order(part: Part) -> int:
    return (Part.FORWARDER, Part.PANEL, Part.DAEMON).index(part)


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def specified(path: Path) -> str:
    """For settings that take the rest of the line: only specifiers mean something there."""
    return str(path).replace("%", "%%")


def quoted(word: str) -> str:
    """One word of a command line or list of a unit, as systemd reads them."""
    plain = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{plain}"' if not plain or any(char in plain for char in " \t'\";\\") else plain
