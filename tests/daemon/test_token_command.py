"""`terraced token` and `terrace token` as processes, on real files."""

from __future__ import annotations

import contextlib
import io
import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from daemon.__main__ import main
from daemon.tokens import TokenTable, load_tokens, token_hash
from tests.daemon.api.certificates import make

REPO = Path(__file__).parent.parent.parent


class Place:
    """A config and what the command does to its token file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.secrets = folder / "data" / "secrets"
        self.config = folder / "config.yaml"
        self.config.write_text("config_version: 1\n")

    def __call__(self, *words: str, code: int = 0, text: str = "") -> str:
        """Does what `terraced token WORDS` does; its standard output."""
        done = self.run(*words, text=text)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done.stdout

    def run(self, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """In this process: it is the same code, and a process takes its time to start."""
        out, said, before = io.StringIO(), io.StringIO(), sys.stdin
        sys.stdin = io.StringIO(text)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(said):
                code = main(["token", "--config", str(self.config), *words])
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            sys.stdin = before
        return subprocess.CompletedProcess(words, code, out.getvalue(), said.getvalue())

    def process(self, *words: str, text: str = "", module: str = "control") -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TERRACE_")}
        given = {**kept, "PYTHONPATH": str(REPO), "TERRACE_CONFIG": str(self.config)}
        command = [sys.executable, "-m", module, "token", *words]
        return subprocess.run(
            command, cwd=self.folder, env=given, input=text, capture_output=True, text=True, timeout=60, check=False
        )

    def table(self) -> TokenTable:
        found = load_tokens(self.secrets / "tokens.yaml")
        assert isinstance(found, TokenTable), str(found)
        return found

    def role_of(self, text: str) -> str | None:
        owner = self.table().find(text, datetime.now(UTC))
        return None if owner is None else owner.role.value


@pytest.fixture
def token(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.rule("SEC-1", "LOG-4")
def test_a_token_is_made_shown_once_listed_rotated_and_revoked(token: Place) -> None:
    text = token("create", "grafana", "--role", "viewer", "--expires", "90d").strip()
    assert token.role_of(text) == "viewer"
    assert stat.S_IMODE((token.secrets / "tokens.yaml").stat().st_mode) == 0o600
    assert text not in (token.secrets / "tokens.yaml").read_text()
    (row,) = json.loads(token("list", "-o", "json"))["tokens"]
    assert (row["name"], row["role"], row["state"]) == ("grafana", "viewer", "valid")
    assert text not in json.dumps(row)
    assert token_hash(text) not in json.dumps(row)
    new = token("rotate", "grafana", "--overlap", "10m").strip()
    assert (token.role_of(text), token.role_of(new)) == ("viewer", "viewer")
    assert "old text until" in token("list")
    newest = token("rotate", "grafana", "--overlap", "0").strip()
    assert [token.role_of(each) for each in (text, new, newest)] == [None, None, "viewer"]
    token("revoke", "grafana", "--yes")
    assert token.role_of(newest) is None
    assert not token.table().tokens


@pytest.mark.parametrize("module", ["control", "daemon"])
def test_it_is_a_command_of_terrace_and_of_terraced(token: Place, module: str) -> None:
    made = token.process("create", "grafana", "--role", "viewer", module=module)
    assert (made.returncode, token.role_of(made.stdout.strip())) == (0, "viewer")
    refused = token.process("create", "grafana", "--role", "viewer", module=module)
    program = "terrace" if module == "control" else "terraced"
    assert (refused.returncode, refused.stderr.partition(":")[0]) == (2, f"{program} token")


@pytest.mark.rule("LOG-4")
def test_with_out_the_text_goes_into_a_private_file_and_nowhere_else(token: Place) -> None:
    out = token.folder / "grafana.token"
    made = token.run("create", "grafana", "--role", "viewer", "--out", str(out))
    text = out.read_text().strip()
    assert (made.returncode, made.stdout, text in made.stderr) == (0, "", False)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    token("rotate", "grafana", "--out", str(out))
    assert token.role_of(out.read_text().strip()) == "viewer"
    assert out.read_text().strip() != text


def test_a_file_that_holds_something_else_is_not_overwritten_and_nothing_is_changed(token: Place) -> None:
    other = token.folder / "precious"
    other.write_text("mine")
    other.chmod(0o600)
    token("create", "a", "--role", "viewer", "--out", str(other), code=2)
    assert not token.table().tokens
    text = token("create", "a", "--role", "viewer").strip()
    token("rotate", "a", "--out", str(other), code=2)
    assert (other.read_text(), token.role_of(text)) == ("mine", "viewer")
    token("create", "b", "--role", "viewer", "--out", str(token.folder / "no" / "folder"), code=2)
    assert [each.name for each in token.table().tokens] == ["a"]


@pytest.mark.rule("SEC-1")
def test_rotating_the_daemons_own_token_renews_the_file_its_clients_read(token: Place) -> None:
    token.secrets.mkdir(parents=True)
    own = token.secrets / "admin.token"
    text = token("create", "admin", "--role", "admin", "--out", str(own)) or own.read_text().strip()
    assert token("rotate", "admin") == ""
    assert own.read_text().strip() != text
    assert token.role_of(own.read_text().strip()) == "admin"
    assert stat.S_IMODE(own.stat().st_mode) == 0o600
    token("revoke", "admin", "-y")
    assert not own.exists()  # Else the next start would let its text in again.


def test_nobody_is_revoked_without_a_yes_and_a_dry_run_changes_nothing(token: Place) -> None:
    text = token("create", "a", "--role", "operator").strip()
    token("revoke", "a", code=8)
    token("revoke", "a", code=8, text="no\n")
    token("revoke", "a", "--dry-run")
    token("rotate", "a", "--dry-run")
    assert token.role_of(text) == "operator"
    token("revoke", "a", text="y\n")
    assert token.role_of(text) is None


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("create", "a b", "--role", "viewer"), 2),
        (("create", "a", "--role", "king"), 2),
        (("create", "a"), 2),
        (("create", "a", "--role", "viewer", "--expires", "soon"), 2),
        (("create", "a", "--role", "viewer", "--certificate", "/no/such.pem"), 1),
        (("create", "a", "--role", "viewer", "--certificate", __file__), 2),
        (("create", "a", "--role", "viewer", "--certificate-name", "x", "--out", "file"), 2),
        (("rotate", "nobody"), 3),
        (("revoke", "nobody", "--yes"), 3),
        ((), 2),
    ],
)
def test_what_cannot_be_done_is_said_in_words_with_a_code(token: Place, words: tuple[str, ...], code: int) -> None:
    done = token.run(*words)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert done.stderr
    assert not (token.secrets / "tokens.yaml").exists()


@pytest.mark.rule("SEC-1")
def test_a_caller_with_a_certificate_gets_an_entry_and_no_text(token: Place) -> None:
    made = make("grafana")
    certificate, _ = made.write(token.folder, "grafana")
    assert token("create", "grafana", "--role", "viewer", "--certificate", str(certificate)) == ""
    assert token("create", "desk", "--role", "operator", "--certificate-name", "desk.example") == ""
    known = [entry.certificate for entry in token.table().tokens]
    assert known == [f"sha256:{made.fingerprint}", "name:desk.example"]


def test_two_at_once_lose_nothing(token: Place) -> None:
    command: list[Any] = [sys.executable, "-m", "daemon", "token", "--config", str(token.config), "create"]
    environ = {**os.environ, "PYTHONPATH": str(REPO)}
    names = [f"n{number}" for number in range(4)]
    running = [
        subprocess.Popen([*command, name, "--role", "viewer"], env=environ, stdout=subprocess.DEVNULL) for name in names
    ]
    assert [process.wait(60) for process in running] == [0] * 4
    assert sorted(entry.name for entry in token.table().tokens) == names


def test_a_token_file_that_is_broken_is_said_and_left_alone(token: Place) -> None:
    token.secrets.mkdir(parents=True)
    path = token.secrets / "tokens.yaml"
    path.write_text("tokens: [nonsense")
    path.chmod(0o600)
    token("create", "a", "--role", "viewer", code=1)
    token("list", code=1)
    assert path.read_text() == "tokens: [nonsense"
