"""The token file while callers come: what is half written or gone for a moment locks nobody out."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.api.auth import Identities
from daemon.tokens import Token, TokenRole, TokenTable, load_tokens, token_hash, write_tokens


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "tokens.yaml"
    tokens = [Token(name=name, role=TokenRole.ADMIN, sha256=token_hash(f"text of {name}")) for name in ("anna", "bert")]
    write_tokens(path, tokens)
    return path


def identities(path: Path) -> Identities:
    table = load_tokens(path)
    assert isinstance(table, TokenTable)
    return Identities(path, table)


def who(found: Identities) -> list[str]:
    """Who is let in, after the file was looked at once more."""
    found._next_check = 0.0
    return [name for name in ("anna", "bert") if found.find(f"text of {name}") is not None]


@pytest.mark.rule("SEC-1")
def test_a_file_that_is_gone_locks_nobody_out_and_what_comes_in_its_place_counts(path: Path) -> None:
    found, kept = identities(path), path.read_text()
    path.unlink()
    assert who(found) == ["anna", "bert"], "who is to close positions must not be locked out by a slip"
    path.write_text("")
    path.chmod(0o600)
    assert who(found) == ["anna", "bert"]
    write_tokens(path, [token for token in found._table.tokens if token.name == "bert"])
    assert who(found) == ["bert"]
    path.write_text(kept)
    assert who(found) == ["anna", "bert"]


@pytest.mark.rule("SEC-1")
def test_a_table_without_anybody_lets_nobody_in(path: Path) -> None:
    found = identities(path)
    write_tokens(path, [])
    assert who(found) == []
