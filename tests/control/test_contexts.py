"""Named daemons: kept for their owner alone, chosen once, and never followed by what serves on this machine."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from control.config_file import ConfigFault
from control.contexts import read_contexts, use
from control.exits import ExitCode
from control.target import FORWARDER, TargetFlags, find_target
from tests.control.conftest import Home, Ran
from tests.control.fake_daemon import FakeDaemon, a_group

Cli = Callable[..., Ran]


@pytest.fixture
def away(daemon: FakeDaemon, cli: Cli, home: Home, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line of a user who has no config, and one context `far` for the daemon."""
    monkeypatch.chdir(home.folder)
    home.config.unlink()

    def run(*arguments: str, stdin: str = "", **_: str) -> Ran:
        with monkeypatch.context() as patch:
            patch.setattr(Home, "environ", _without_config(home))
            return cli(*arguments, stdin=stdin)

    monkeypatch.delenv("TERRACE_CONFIG", raising=False)
    token = home.data / "secrets" / "admin.token"
    added = run("context", "add", "far", "--address", daemon.address, "--token-file", str(token))
    assert added.code == 0, added.err
    return run


def _without_config(home: Home) -> Callable[[Home], dict[str, str]]:
    whole = {name: value for name, value in home.environ().items() if name != "TERRACE_CONFIG"}
    return lambda _: whole


def folder(home: Home) -> Path:
    return home.folder / ".config" / "terrace"


def test_a_context_is_used_once_or_from_now_on(away: Cli, daemon: FakeDaemon) -> None:
    daemon.groups = [a_group()]
    assert away("group", "list").code == ExitCode.UNAVAILABLE, "the defaults lead to nobody"
    assert away("--context", "far", "group", "list").code == 0
    assert away("context", "use", "far").code == 0
    assert away("group", "list").code == 0
    assert away("context", "use", "--none").code == 0
    assert away("group", "list").code == ExitCode.UNAVAILABLE


def test_its_files_are_the_users_alone(away: Cli, home: Home) -> None:
    away("context", "use", "far")
    files = [folder(home) / "contexts.yaml", folder(home) / "context"]
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]
    assert stat.S_IMODE(folder(home).stat().st_mode) == 0o700
    assert sorted(folder(home).iterdir()) == sorted(files), "nothing half written is left"


def test_a_question_names_the_context_before_the_account(away: Cli, daemon: FakeDaemon) -> None:
    daemon.groups = [a_group()]
    ran = away("--context", "far", "group", "close", "g1")
    assert ran.code == ExitCode.CANCELLED
    assert f"context far ({daemon.address})" in ran.err
    assert "paper (PAPER)" in ran.err


def test_what_the_command_line_says_wins_over_the_one_in_use(away: Cli, daemon: FakeDaemon, home: Home) -> None:
    away("context", "use", "far")
    home.write("api: {address: '127.0.0.1:1'}\n")
    assert away("--config", str(home.config), "group", "list").code == ExitCode.UNAVAILABLE
    assert json.loads(away("--config", str(home.config), "context", "show", "-o", "json").out)["context"] == ""
    assert json.loads(away("context", "show", "-o", "json").out)["address"] == daemon.address


def test_work_on_files_is_refused_while_a_daemon_elsewhere_is_in_use(away: Cli) -> None:
    away("context", "use", "far")
    for words in ("db check", "token list", "backup verify x", "config explain", "replay"):
        ran = away(*words.split())
        assert ran.code == ExitCode.USAGE, words
        assert "names a daemon elsewhere" in ran.err, words


def test_what_serves_on_this_machine_does_not_follow_the_one_in_use(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {"HOME": str(home.folder), "XDG_CONFIG_HOME": str(home.folder / ".config")}
    monkeypatch.chdir(home.folder)
    use("far", environ)
    target = find_target(TargetFlags(), role=FORWARDER, environ=environ)
    assert target.address == "127.0.0.1:7461"


def test_a_context_can_be_replaced_and_forgotten(away: Cli, home: Home) -> None:
    again = ("context", "add", "far", "--config", str(home.config))
    assert away(*again).code == ExitCode.REFUSED
    assert away(*again, "--replace", "--dry-run").code == 0
    assert "address" in read_contexts({"XDG_CONFIG_HOME": str(home.folder / ".config")})["far"], "it was a dry run"
    assert away(*again, "--replace").code == 0
    away("context", "use", "far")
    assert away("context", "remove", "far").code == ExitCode.CANCELLED
    assert away("context", "remove", "far", "--dry-run").code == 0
    assert away("context", "remove", "far", "--yes").code == 0
    assert away("context", "remove", "far", "--yes").code == ExitCode.NOT_FOUND
    assert json.loads(away("context", "list", "-o", "json").out) == {"contexts": []}
    assert away("context", "show").code == 0, "the one in use is gone with it"


def test_what_leads_nowhere_is_refused(away: Cli) -> None:
    assert away("context", "add", "x").code == ExitCode.USAGE
    assert away("context", "add", "x", "--address", "10.0.0.5:7461").code == ExitCode.USAGE
    assert away("context", "add", "../x", "--config", "c").code == ExitCode.USAGE
    assert away("context", "use", "nobody").code == ExitCode.NOT_FOUND
    assert away("context", "use").code == ExitCode.USAGE


@pytest.mark.parametrize("text", ["far: [", "- far", "far: near", "far: {adress: x}", "far: {address: {a: b}}"])
def test_a_faulty_file_is_told_by_its_place(tmp_path: Path, text: str) -> None:
    (tmp_path / "terrace").mkdir()
    (tmp_path / "terrace" / "contexts.yaml").write_text(text)
    with pytest.raises(ConfigFault, match=r"contexts\.yaml"):
        read_contexts({"XDG_CONFIG_HOME": str(tmp_path)})
