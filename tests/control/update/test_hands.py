"""The services an update stops and starts: found, pointed at the version in use, started and watched by process."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from control.service.doing import Doing
from control.service.facts import Part, Scope, read_facts
from control.service.managers import DEFAULT_ACCOUNT, Place
from control.service.systemd import Systemd
from control.update.hands import NoHands, ServiceHands, find_hands
from control.update.home import Home
from control.update.refused import StepFailed
from tests.control.update.machine import SYSTEMCTL

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what stands in for systemd looks into /proc")
WORKS = "#!{python}\nimport signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\ntime.sleep(600)\n"
FAILS = "#!{python}\nimport sys\nsys.exit(1)\n"


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "config.yaml"
    path.write_text("config_version: 1\n")
    return str(path)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.make()
    program(made, "0.1.0", WORKS)
    program(made, "0.2.0", FAILS)
    made.use("0.1.0")
    return made


def program(home: Home, version: str, text: str) -> None:
    (home.folder(version) / "bin").mkdir(parents=True)
    for name in ("terrace", "terraced"):
        path = home.folder(version) / "bin" / name
        path.write_text(text.format(python=sys.executable))
        path.chmod(0o755)
    home.complete(version)


@pytest.fixture
def hands(tmp_path: Path, config: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], ServiceHands]]:
    """Services installed by this environment's own program, with a stand-in for systemctl."""
    units, state, programs = tmp_path / "xdg/systemd/user", tmp_path / "state", tmp_path / "bin"
    for folder in (units, state, programs):
        folder.mkdir(parents=True)
    (programs / "systemctl").write_text(SYSTEMCTL.format(python=sys.executable, units=str(units), state=str(state)))
    (programs / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    place = Place(scope=Scope.USER, root=None, account=DEFAULT_ACCOUNT, environ=os.environ)
    made: list[ServiceHands] = []

    def install() -> ServiceHands:
        Doing(Systemd(place), place, is_dry=False).install([Part.DAEMON, Part.FORWARDER], read_facts(config), now=False)
        found = find_hands(config)
        assert found is not None
        made.append(found)
        return found

    yield install
    for each in made:
        each.stop_daemon()


def test_services_are_found_by_the_config_they_run_and_pointed_at_the_version_in_use(
    hands: Callable[[], ServiceHands], home: Home, config: str, tmp_path: Path
) -> None:
    assert find_hands(config) is None
    found = hands()
    assert found.scope == "user"
    assert find_hands(str(tmp_path / "other.yaml")) is None
    assert found.program() == Path(sys.executable).parent.parent
    assert found.refuse_strange(home) == ""
    assert len(found.point_at(home, config)) == 2
    assert found.program() == home.current_link
    unit = tmp_path / "xdg/systemd/user/terrace-forwarder.service"
    assert f"ExecStart={home.bin}/terrace --config {config} forward" in unit.read_text()
    assert found.point_at(home, config) == []


def test_services_that_do_not_run_are_pointed_at_the_version_in_use_too(
    hands: Callable[[], ServiceHands], home: Home, config: str
) -> None:
    found = hands()
    stopped = NoHands(found)
    assert len(stopped.point_at(home, config)) == 2
    assert (found.program(), stopped.scope, found.running()) == (home.current_link, "", ())
    assert NoHands().point_at(home, config) == []


def test_a_unit_that_somebody_has_changed_is_refused(
    hands: Callable[[], ServiceHands], home: Home, config: str, tmp_path: Path
) -> None:
    found = hands()
    unit = tmp_path / "xdg/systemd/user/terrace-daemon.service"
    unit.write_text(unit.read_text() + "# mine\n")
    assert str(unit) in found.refuse_strange(home)
    with pytest.raises(StepFailed, match="changed by hand"):
        found.point_at(home, config)


def test_a_daemon_is_started_watched_and_stopped_as_its_link_says(
    hands: Callable[[], ServiceHands], home: Home, config: str
) -> None:
    found = hands()
    found.point_at(home, config)
    found.start_daemon()
    first = wait(found.pid)
    assert found.running() == ("daemon",)
    assert found.trouble() == ""
    found.stop_daemon()
    assert found.pid() == 0
    found.stop_daemon()
    home.use("0.2.0")
    found.start_daemon()
    assert "has ended" in wait(found.trouble)
    home.use("0.1.0")
    found.stop_daemon()
    found.start_daemon()
    assert wait(found.pid) != first
    assert found.trouble() == ""


def wait(condition: Callable[[], object]) -> str:
    deadline = time.monotonic() + 20
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return str(found)


def test_what_needs_the_daemons_credentials_is_run_with_them(
    hands: Callable[[], ServiceHands], config: str, tmp_path: Path
) -> None:
    assert hands().within(config) == ()
    Path(config).write_text('config_version: 1\nvault: {key: "systemd:vault-key"}\n')
    found = find_hands(config)
    assert found is not None
    assert found.within(config) == (
        *("systemd-run", "--quiet", "--wait", "--pipe", "--collect"),
        *(f"--property=LoadCredential=vault-key:{tmp_path}/credentials/vault-key", "--user", "--"),
    )
