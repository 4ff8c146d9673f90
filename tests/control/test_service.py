"""`terrace service`: what it writes, whom it asks, and what it refuses. The managers' programs are stand-ins."""

from __future__ import annotations

import json
import os
import plistlib
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import daemon.app
from control.service.facts import Part
from control.service.files import Found, ServiceFile, look
from control.service.managers import STOP_S
from control.service.systemd import quoted
from tests.control.conftest import Home, Ran

Terrace = Callable[..., Ran]
CONFIG = """config_version: 1
data_dir: {data}
vault: {{key: "systemd:vault-key"}}
sources: {{tradingview: {{secret: "systemd:tv-secret"}}}}
backup: {{directory: {home}/backups}}
"""
STAND_IN = """#!{python}
import json, os, pathlib, sys
folder = pathlib.Path({folder!r})
name = os.path.basename(sys.argv[0])
with (folder / "asked").open("a") as file:
    file.write(json.dumps([name, *sys.argv[1:]]) + "\\n")
answers = json.loads((folder / "answers").read_text()) if (folder / "answers").exists() else {{}}
for words, (code, out, err) in answers.items():
    if set(words.split()) <= {{name, *sys.argv[1:]}}:
        print(out)
        print(err, file=sys.stderr)
        sys.exit(code)
"""


class Machine:
    """The programs of a machine, which write down what they are asked and answer as told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for name in ("systemctl", "launchctl", "journalctl", "loginctl", "systemd-sysusers", "tail", "mkdir", "chown"):
            program = folder / name
            program.write_text(STAND_IN.format(python=sys.executable, folder=str(folder)))
            program.chmod(0o755)

    @property
    def path(self) -> str:
        return f"{self.folder}:{os.environ['PATH']}"

    def asked(self) -> list[list[str]]:
        """Since it was looked at last."""
        file = self.folder / "asked"
        found = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        file.unlink(missing_ok=True)
        return found

    def answer(self, words: str, *, code: int = 0, out: str = "", err: str = "") -> None:
        """To commands with all of these words."""
        file = self.folder / "answers"
        known = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps({words: (code, out, err), **known}))


@pytest.fixture
def machine(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Machine:
    found = Machine(tmp_path_factory.mktemp("machine") / "bin")
    monkeypatch.setenv("PATH", found.path)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return found


@pytest.fixture
def service(home: Home, machine: Machine, cli: Callable[..., Ran]) -> Terrace:
    """`terrace service VERB --scope user --manager systemd ...`."""
    home.write(CONFIG.format(data=home.data, home=home.folder))

    def run(verb: str, *arguments: str, scope: str = "user", manager: str = "systemd") -> Ran:
        return cli("service", verb, "--scope", scope, "--manager", manager, *arguments)

    return run


def units(home: Home) -> Path:
    return home.folder / ".config/systemd/user"


PARTS = ("--parts", "daemon,forwarder")
BOTH = ["terrace-daemon.service", "terrace-forwarder.service"]


# --- install ----------------------------------------------------------------------------------------


def test_install_writes_the_units_and_has_them_started_by_the_machine(
    home: Home, machine: Machine, service: Terrace
) -> None:
    done = service("install", *PARTS, "--now")
    assert (done.code, done.err) == (0, "")
    assert sorted(path.name for path in units(home).iterdir()) == BOTH
    assert stat.S_IMODE((units(home) / BOTH[0]).stat().st_mode) == 0o644
    assert machine.asked() == [
        ["systemctl", "--user", "daemon-reload"],
        ["systemctl", "--user", "enable", *BOTH],
        ["systemctl", "--user", "start", *BOTH],
    ]
    assert "loginctl enable-linger" in done.out


def test_installing_again_changes_no_file_and_another_config_changes_both(home: Home, service: Terrace) -> None:
    service("install", *PARTS)
    before = {path: path.stat().st_mtime_ns for path in units(home).iterdir()}
    again = json.loads(service("install", *PARTS, "-o", "json").out)
    assert (again["written"], len(again["unchanged"])) == ([], 2)
    assert {path: path.stat().st_mtime_ns for path in units(home).iterdir()} == before
    home.write(home.config.read_text().replace("tv-secret", "other-secret"))
    changed = service("install", *PARTS)
    assert "terrace service restart --parts daemon,forwarder" in changed.out
    assert "LoadCredential=other-secret:" in (units(home) / BOTH[1]).read_text()


def test_a_dry_run_shows_files_and_commands_and_does_nothing(home: Home, machine: Machine, service: Terrace) -> None:
    shown = service("install", *PARTS, "--dry-run", "--now", scope="system")
    assert shown.code == 0
    assert "would write  /etc/systemd/system/terrace-daemon.service" in shown.out
    assert "    ExecStart=" in shown.out
    assert "would run  systemctl start terrace-daemon.service terrace-forwarder.service" in shown.out
    assert "would run  systemd-sysusers /etc/sysusers.d/terrace.conf" in shown.out
    assert "systemd-creds encrypt --name=vault-key" in shown.out
    assert machine.asked() == []
    assert not units(home).exists()


@pytest.mark.parametrize("foreign", ["a file", "a link", "a folder"])
def test_a_unit_of_somebody_else_is_never_overwritten_and_nothing_else_is_written(
    home: Home, machine: Machine, service: Terrace, foreign: str
) -> None:
    units(home).mkdir(parents=True)
    path = units(home) / BOTH[1]
    if foreign == "a file":
        path.write_text("[Service]\nExecStart=/bin/true\n")
    elif foreign == "a link":
        path.symlink_to("/dev/null")  # How systemd masks a unit.
    else:
        path.mkdir()
    for verb, more in (("install", ()), ("uninstall", ("--yes",))):
        refused = service(verb, *PARTS, *more)
        assert refused.code == 1
        assert "was not written by `terrace service install`: move it away" in refused.err
    assert [each.name for each in units(home).iterdir()] == [BOTH[1]]
    assert machine.asked() == []


def test_a_unit_that_was_changed_by_hand_is_kept(home: Home, service: Terrace) -> None:
    service("install", *PARTS)
    path = units(home) / BOTH[0]
    path.write_text(path.read_text().replace("RestartSec=5", "RestartSec=50"))
    assert look(ServiceFile(path=path, text="")) is Found.CHANGED
    refused = service("install", *PARTS)
    assert (refused.code, "was changed by hand" in refused.err) == (1, True)
    assert "RestartSec=50" in path.read_text()


def test_what_the_manager_refuses_is_told_with_the_command(machine: Machine, service: Terrace) -> None:
    machine.answer("systemctl daemon-reload", code=1, err="Failed to connect to bus: No medium found")
    refused = service("install", *PARTS)
    assert refused.code == 1
    assert "`systemctl --user daemon-reload` failed with 1: Failed to connect to bus: No medium found" in refused.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--parts", "daemon,demon"), "demon is none of daemon, forwarder, panel"),
        (("--root", "/somewhere"), "--root and --account are for --scope system"),
    ],
)
def test_what_cannot_be_meant_is_refused(service: Terrace, arguments: tuple[str, ...], words: str) -> None:
    refused = service("install", *arguments)
    assert (refused.code, words in refused.err) == (2, True)


def test_without_a_config_or_with_a_passphrase_to_type_it_is_refused(home: Home, service: Terrace) -> None:
    home.write("config_version: 1\nvault: {key: passphrase}\n")
    refused = service("install", *PARTS)
    assert "terraced vault rekey --from passphrase" in refused.err
    home.config.unlink()
    assert service("install", *PARTS).code == 1


def test_without_the_managers_program_it_says_what_else_there_is(
    service: Terrace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    refused = service("install", *PARTS)
    assert (refused.code, "systemctl is not there" in refused.err, "terrace up" in refused.err) == (1, True, True)


def test_services_of_the_system_need_root(service: Terrace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    refused = service("install", *PARTS, scope="system")
    assert (refused.code, "sudo" in refused.err, "--scope user" in refused.err) == (1, True, True)


# --- the rest of the verbs --------------------------------------------------------------------------


def test_start_stop_and_restart_ask_for_what_is_installed_and_stop_in_order(machine: Machine, service: Terrace) -> None:
    missing = service("start")
    assert (missing.code, "terrace service install --scope user" in missing.err) == (3, True)
    service("install", *PARTS)
    machine.asked()
    assert "terrace service install --scope user --parts panel" in service("start", "--parts", "panel").err
    service("start")
    service("stop")
    service("restart", "--parts", "daemon")
    assert machine.asked() == [
        ["systemctl", "--user", "start", *BOTH],
        ["systemctl", "--user", "stop", BOTH[1]],
        ["systemctl", "--user", "stop", BOTH[0]],
        ["systemctl", "--user", "restart", BOTH[0]],
    ]


def test_uninstall_stops_and_removes_the_units_and_keeps_the_data(
    home: Home, machine: Machine, service: Terrace
) -> None:
    service("install", *PARTS)
    machine.asked()
    assert service("uninstall").code == 8  # Nobody said yes.
    assert machine.asked() == []
    done = service("uninstall", "--yes")
    assert machine.asked() == [
        ["systemctl", "--user", "disable", "--now", *BOTH],
        ["systemctl", "--user", "daemon-reload"],
    ]
    assert list(units(home).iterdir()) == []
    assert f"data and config are kept: {home.data}, {home.config}" in done.out
    assert (home.data / "secrets/admin.token").exists()
    assert service("uninstall", "--yes", *PARTS).code == 0  # Again: nothing to do.
    assert machine.asked() == []


def test_status_says_what_the_manager_says_and_fails_where_one_does_not_run(machine: Machine, service: Terrace) -> None:
    service("install", *PARTS)
    running = "ActiveState=active\nStatusText=serving: 3 groups\nMainPID=77\nNRestarts=1\nUnitFileState=enabled\n"
    machine.answer("systemctl show", out=f"{running}Result=success")
    found = service("status", "-o", "json")
    assert found.code == 0
    assert json.loads(found.out)["services"][0] == {
        "part": "daemon",
        "name": "terrace-daemon.service",
        "installed": True,
        "state": "active",
        "running": True,
        "enabled": "enabled",
        "pid": 77,
        "restarts": 1,
        "words": "serving: 3 groups",
    }
    machine.answer("systemctl show terrace-forwarder.service", out="ActiveState=failed\nResult=watchdog")
    fallen = service("status")
    assert (fallen.code, "ended with watchdog" in fallen.out) == (5, True)


def test_logs_are_the_managers_own(home: Home, machine: Machine, service: Terrace) -> None:
    service("install", *PARTS)
    machine.asked()
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "control",
            "service",
            "logs",
            "--scope",
            "user",
            "--manager",
            "systemd",
            "-n",
            "7",
            "-f",
        ],
        env={**home.environ(), "PATH": machine.path},
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0
    named = ["-u", BOTH[0], "-u", BOTH[1]]
    assert machine.asked() == [["journalctl", "--user", *named, "-n", "7", "-f"]]


# --- what is in a unit ------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["user", "system"])
def test_a_unit_holds_what_a_supervised_daemon_needs(home: Home, service: Terrace, scope: str) -> None:
    text = json.loads(service("install", *PARTS, "--dry-run", "-o", "json", scope=scope).out)["written"]
    daemon_unit, forwarder_unit = (each["text"] for each in text if each["path"].endswith(".service"))
    for unit in (daemon_unit, forwarder_unit):
        lines = unit.splitlines()
        for line in ("Type=notify", "Restart=on-failure", "RestartPreventExitStatus=2", "UMask=0077", "WatchdogSec=60"):
            assert line in lines
        assert "StartLimitBurst=60" in lines
        assert "{{" not in unit
    assert f"TimeoutStopSec={STOP_S}s" in daemon_unit
    assert f"ExecStart={quoted(str(Path(sys.executable).parent / 'terraced'))} --config {home.config}" in daemon_unit
    assert "vault-key" not in forwarder_unit  # Nobody is handed what it does not read.
    assert "tv-secret" in forwarder_unit
    assert ("LoadCredentialEncrypted=vault-key:" in daemon_unit) is (scope == "system")


def test_a_data_folder_of_the_system_is_the_managers_and_others_are_made_writable(home: Home, service: Terrace) -> None:
    home.write(
        "data_dir: /var/lib/terrace/one\nbackup: {directory: /srv/back up}\nstorage: {url: 'sqlite:///db/t.db'}\n"
    )
    found = json.loads(service("install", "--parts", "daemon", "--dry-run", "-o", "json", scope="system").out)
    lines = found["written"][-1]["text"].splitlines()
    assert "StateDirectory=terrace/one" in lines
    assert 'ReadWritePaths="-/srv/back up"' in lines
    assert f"ReadWritePaths=-{home.folder}" in lines
    assert "RuntimeDirectory=terrace-daemon" in lines


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("/usr/bin/x", "/usr/bin/x"),
        ("/a b/x", '"/a b/x"'),
        ("100%", "100%%"),
        ("$HOME", "$$HOME"),
        ('say "no"', '"say \\"no\\""'),
        ("", '""'),
    ],
)
def test_words_are_quoted_as_systemd_reads_them(word: str, expected: str) -> None:
    assert quoted(word) == expected


def test_nobody_kills_the_daemon_before_its_own_bound_is_over() -> None:
    assert STOP_S > daemon.app.STOP_BOUND_S


ANALYZE = shutil.which("systemd-analyze")


@pytest.mark.skipif(ANALYZE is None, reason="there is no systemd-analyze here: units are not verified")
@pytest.mark.parametrize("scope", ["user", "system"])
def test_systemd_finds_no_fault_in_the_units_and_little_that_they_expose(
    home: Home, service: Terrace, tmp_path: Path, scope: str
) -> None:
    shown = json.loads(service("install", *PARTS, "--dry-run", "-o", "json", scope=scope).out)
    written = [each for each in shown["written"] if each["path"].endswith(".service")]
    folder = tmp_path / "units"
    folder.mkdir()
    for each in written:
        (folder / Path(each["path"]).name).write_text(each["text"])
    names = [str(folder / Path(each["path"]).name) for each in written]
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(["--user"] if scope == "user" else []), *names],
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        timeout=60,
        check=False,
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    for name in names if scope == "system" else []:
        judged = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", name],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert judged.returncode == 0, judged.stdout[-3000:]


# --- launchd ----------------------------------------------------------------------------------------


def plist(service: Terrace, scope: str, part: str) -> dict[str, Any]:
    shown = json.loads(
        service("install", "--parts", part, "--dry-run", "-o", "json", scope=scope, manager="launchd").out
    )
    (written,) = shown["written"]
    found: dict[str, Any] = plistlib.loads(written["text"].encode())
    return found


@pytest.mark.parametrize("scope", ["user", "system"])
def test_a_property_list_says_what_the_unit_says(home: Home, service: Terrace, scope: str) -> None:
    found = plist(service, scope, "daemon")
    assert found["Label"] == "terrace.daemon"
    assert found["ProgramArguments"] == [
        str(Path(sys.executable).parent / "terraced"),
        "--config",
        str(home.config),
    ]
    assert found["KeepAlive"] == {"SuccessfulExit": False}
    assert (found["RunAtLoad"], found["ThrottleInterval"], found["ExitTimeOut"]) == (True, 10, STOP_S)
    assert found["Umask"] == 0o077
    assert found["SoftResourceLimits"]["Core"] == 0
    assert found["EnvironmentVariables"]["PYTHONUNBUFFERED"] == "1"
    assert found["StandardOutPath"] == found["StandardErrorPath"]
    assert found.get("UserName") == ("terrace" if scope == "system" else None)


def test_a_property_list_takes_any_path(home: Home, cli: Callable[..., Ran], machine: Machine) -> None:
    folder = home.folder / 'a <b> & "c"'
    folder.mkdir()
    (folder / "config.yaml").write_text("config_version: 1\n")
    named = ("--config", str(folder / "config.yaml"), "service", "install", "--scope", "user", "--manager", "launchd")
    shown = json.loads(cli(*named, "--parts", "forwarder", "--dry-run", "-o", "json").out)
    found = plistlib.loads(shown["written"][0]["text"].encode())
    assert found["WorkingDirectory"] == str(folder)
    assert str(folder / "config.yaml") in found["ProgramArguments"]


def test_launchd_is_asked_to_load_what_is_not_loaded_and_to_unload_it(
    home: Home, machine: Machine, service: Terrace
) -> None:
    machine.answer("launchctl print", code=113)
    file = home.folder / "Library/LaunchAgents/terrace.daemon.plist"
    target = f"gui/{os.getuid()}/terrace.daemon"
    assert service("install", "--parts", "daemon", "--now", manager="launchd").code == 0
    assert plistlib.loads(file.read_bytes())["Label"] == "terrace.daemon"
    assert machine.asked() == [
        ["mkdir", "-p", str(home.folder / "Library/Logs/terrace")],
        ["launchctl", "enable", target],
        ["launchctl", "print", target],
        ["launchctl", "bootstrap", f"gui/{os.getuid()}", str(file)],
        ["launchctl", "kickstart", target],
    ]
    machine.answer("launchctl bootout", code=3, err="No such process")
    assert service("stop", manager="launchd").code == 0  # Not loaded is stopped.
    assert machine.asked() == [["launchctl", "bootout", target]]
    service("uninstall", "--yes", manager="launchd")
    assert not file.exists()


def test_what_launchd_prints_is_understood(machine: Machine, service: Terrace) -> None:
    service("install", "--parts", "daemon", manager="launchd")
    printed = "gui/501/terrace.daemon = {\n\tactive count = 1\n\tstate = running\n\truns = 3\n\tpid = 412\n}"
    machine.answer("launchctl print", out=printed)
    (found,) = json.loads(service("status", "-o", "json", manager="launchd").out)["services"]
    assert (found["state"], found["pid"], found["restarts"], found["running"]) == ("running", 412, 2, True)


def test_every_part_has_a_template_and_stops_in_an_order_of_its_own(service: Terrace) -> None:
    from control.service.systemd import _stop_order

    assert sorted(_stop_order(part) for part in Part) == [0, 1, 2]
