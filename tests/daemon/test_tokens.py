"""The table of callers, on real files."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.config.daemon_settings import DaemonSettings
from daemon.config.load import LoadedConfig, load_text
from daemon.tokens import (
    Token,
    TokenFaults,
    TokenRole,
    TokensReady,
    TokenTable,
    ensure_tokens,
    load_tokens,
    token_file,
    token_hash,
    write_tokens,
)

NOW = datetime(2030, 1, 1, tzinfo=UTC)
ZERO, ONE = "0" * 64, "1" * 64


def daemon(folder: Path) -> DaemonSettings:
    loaded = load_text("config_version: 1", folder / "config.yaml", {})
    assert isinstance(loaded, LoadedConfig)
    return loaded.daemon


def ready(settings: DaemonSettings) -> TokensReady:
    answer = ensure_tokens(settings)
    assert isinstance(answer, TokensReady), str(answer)
    return answer


def text_of(settings: DaemonSettings, name: str) -> str:
    return token_file(settings, name).read_text().strip()


@pytest.mark.rule("SEC-1")
def test_the_first_start_makes_an_admin_and_a_forwarder_token(tmp_path: Path) -> None:
    settings = daemon(tmp_path)
    first = ready(settings)
    folder = tmp_path / "data" / "secrets"
    assert first.made == (folder / "admin.token", folder / "forwarder.token")
    for path in (*first.made, folder / "tokens.yaml"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    admin = first.table.find(text_of(settings, "admin"), NOW)
    forwarder = first.table.find(text_of(settings, "forwarder"), NOW)
    assert admin is not None
    assert forwarder is not None
    assert (admin.role, forwarder.role) == (TokenRole.ADMIN, TokenRole.INGEST)
    assert sorted(path.name for path in folder.iterdir()) == ["admin.token", "forwarder.token", "tokens.yaml"]


@pytest.mark.rule("LOG-4")
def test_the_table_holds_hashes_only(tmp_path: Path) -> None:
    settings = daemon(tmp_path)
    ready(settings)
    table = settings.api.tokens.read_text()
    assert token_hash(text_of(settings, "admin")) in table
    assert text_of(settings, "admin") not in table


def test_the_next_start_changes_nothing(tmp_path: Path) -> None:
    settings = daemon(tmp_path)
    first, before = ready(settings), settings.api.tokens.read_bytes()
    again = ready(settings)
    assert (again.made, again.warnings, again.table) == ((), (), first.table)
    assert settings.api.tokens.read_bytes() == before
    assert load_tokens(settings.api.tokens) == first.table


def test_a_token_file_without_an_entry_is_adopted(tmp_path: Path) -> None:
    settings = daemon(tmp_path)
    ready(settings)
    before = text_of(settings, "admin")
    settings.api.tokens.unlink()  # As after a crash between the two files.
    again = ready(settings)
    assert again.made == ()
    assert again.table.find(before, NOW) is not None


def test_a_token_kept_elsewhere_is_not_made_anew(tmp_path: Path) -> None:
    settings = daemon(tmp_path)
    ready(settings)
    token_file(settings, "admin").unlink()
    assert ready(settings).made == ()
    assert not token_file(settings, "admin").exists()


def test_a_removed_entry_and_file_give_a_new_token_and_others_stay(tmp_path: Path) -> None:
    settings = daemon(tmp_path)
    mine = Token(name="grafana", role=TokenRole.VIEWER, sha256=token_hash("g"), expires=NOW)
    first = ready(settings)
    old = text_of(settings, "admin")
    write_tokens(settings.api.tokens, [mine, *(token for token in first.table.tokens if token.name != "admin")])
    token_file(settings, "admin").unlink()
    again = ready(settings)
    assert again.made == (token_file(settings, "admin"),)
    assert again.table.find(old, NOW) is None
    assert load_tokens(settings.api.tokens) == again.table
    assert again.table.named("grafana") == mine


def test_a_token_file_that_does_not_fit_its_entry_is_warned_about(tmp_path: Path) -> None:
    settings = daemon(tmp_path)
    ready(settings)
    path = token_file(settings, "admin")
    path.write_text("something else\n")
    (warning,) = ready(settings).warnings
    assert str(path) in warning
    assert "something else" not in warning


@pytest.mark.rule("SEC-1")
def test_only_a_known_token_that_has_not_expired_is_found() -> None:
    table = TokenTable(
        tokens=(
            Token(name="a", role=TokenRole.VIEWER, sha256=token_hash("alpha"), expires=NOW),
            Token(name="b", role=TokenRole.OPERATOR, sha256=token_hash("beta")),
        )
    )
    before = NOW - timedelta(seconds=1)
    assert table.find("alpha", before) == table.tokens[0]
    assert table.find("alpha", NOW) is None
    assert table.find("beta", NOW) == table.tokens[1]
    for stranger in ("", "gamma", "alpha ", token_hash("alpha"), "\ud800"):
        assert table.find(stranger, before) is None


@pytest.mark.rule("SEC-1")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tokens: [{name: a, role: boss, sha256: '%s'}]" % ("0" * 64), "tokens[0].role"),
        ("tokens: [{name: a, role: admin, sha256: my-own-token}]", "64 hexadecimal digits"),
        ("tokens: [{name: a, role: admin}]", "neither sha256 nor certificate"),
        ("tokens: [{name: a, role: admin, certificate: grafana}]", "tokens[0].certificate"),
        (f"tokens: [{{name: a, role: admin, sha256: '{ZERO}', previous_sha256: '{ONE}'}}]", "belong together"),
        (f"tokens: [{{name: a, role: admin, sha256: '{ZERO}', previous_sha256: '{ZERO}'}}]", "the same hash"),
        ("tokens: [{name: a, role: admin, sha256: '%s', expires: 2030-01-01}]" % ("0" * 64), "a time with its zone"),
        ("tokens: {a: b}", "tokens"),
        ("- a", "not a map"),
        ("token: []", "unknown key"),
        ("tokens:\n" + "  - {name: a, role: admin, sha256: '%s'}\n" % ("0" * 64) * 2, "the same name"),
    ],
)
def test_a_faulty_table_lets_nobody_in_and_shows_no_token(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "tokens.yaml"
    path.write_text(text)
    path.chmod(0o600)
    answer = load_tokens(path)
    assert isinstance(answer, TokenFaults)
    assert message in str(answer)
    assert "my-own-token" not in str(answer)


@pytest.mark.rule("SEC-1")
def test_a_table_that_others_may_write_is_refused(tmp_path: Path) -> None:
    settings = daemon(tmp_path)
    ready(settings)
    settings.api.tokens.chmod(0o620)
    answer = ensure_tokens(settings)
    assert isinstance(answer, TokenFaults)
    assert "chmod 600" in str(answer)
