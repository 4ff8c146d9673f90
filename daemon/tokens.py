"""Who may call the API: `secrets/tokens.yaml` holds the name, role, expiry and hash of each token (SEC-1).

Only hashes are kept. A plain SHA-256 is right for them: tokens are 256 random bits, so there is no dictionary to try
and nothing a slow hash or a salt would slow down; checking stays cheap enough for every call.

    tokens:
      - {name: admin, role: admin, expires: null, sha256: 9f86d0...}
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum, unique
from pathlib import Path
from typing import Annotated

from pydantic import TypeAdapter, ValidationError

from daemon.config.daemon_settings import DaemonSettings
from daemon.config.document import parse
from daemon.config.kinds import Kind, Word, found, refuse
from daemon.config.section import NAME, Section
from daemon.secrets import (
    Secret,
    make_private_folder,
    new_token,
    read_secret_file,
    sync_folder,
    write_draft,
    write_new_secret,
)

MAX_TOKENS = 300


@unique
class TokenRole(StrEnum):
    """What a caller may do; the table method -> role is the API's."""

    INGEST = "ingest"
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


@dataclass(frozen=True)
class _Expiry(Kind):
    """An ISO 8601 time with its zone, kept as UTC."""

    def check(self, value: object) -> datetime:
        try:
            time = datetime.fromisoformat(value) if isinstance(value, str) else value
        except ValueError:
            time = None
        if not isinstance(time, datetime) or time.tzinfo is None:
            raise refuse(f"must be a time with its zone, {found(value)}", "2030-01-01T00:00:00Z", "null for never")
        return time.astimezone(UTC)


@dataclass(frozen=True)
class _Hash(Kind):
    """A SHA-256 in hexadecimal. What is found is not echoed: somebody may have put the token itself there."""

    def check(self, value: object) -> str:
        if isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value):
            return value
        raise refuse("must be 64 hexadecimal digits (value not shown)")


class Token(Section):
    """One caller. `sha256` is the hexadecimal hash of the token's text."""

    name: Annotated[str, NAME]
    role: Annotated[TokenRole, Word(TokenRole)]
    expires: Annotated[datetime, _Expiry()] | None = None
    sha256: Annotated[str, _Hash()]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTable:
    """The tokens of one file."""

    tokens: tuple[Token, ...] = ()

    def find(self, token: str, now: datetime) -> Token | None:
        """Whose token this is; None when it is nobody's or has expired. `now` has a zone."""
        digest = token_hash(token)
        owner = None
        for each in self.tokens:  # All of them, so that the time taken says nothing.
            if hmac.compare_digest(each.sha256, digest):
                owner = each
        is_valid = owner is not None and (owner.expires is None or now < owner.expires)
        return owner if is_valid else None

    def named(self, name: str) -> Token | None:
        return next((token for token in self.tokens if token.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFaults:
    """A token file that cannot be used: nobody is let in by it."""

    faults: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensReady:
    table: TokenTable
    made: tuple[Path, ...] = ()
    """Token files made just now."""
    warnings: tuple[str, ...] = ()


OWN_TOKENS = (("admin", TokenRole.ADMIN), ("forwarder", TokenRole.INGEST))
"""Tokens the daemon makes for the programs on its own machine. The forwarder faces the internet: it may only ingest."""


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def token_file(daemon: DaemonSettings, name: str) -> Path:
    """Where the text of one of the daemon's own tokens lies, for the clients on this machine."""
    return daemon.secrets_dir / f"{name}.token"


def load_tokens(path: Path) -> TokenTable | TokenFaults:
    """The tokens of the file; a missing file is an empty table."""
    if not path.exists():
        return TokenTable()
    text = read_secret_file(path)
    if not isinstance(text, Secret):
        return TokenFaults(faults=(str(text),))
    document = parse(text.reveal(), path.name)
    faults = [str(fault) for fault in document.faults]
    faults.extend(str(document.fault((key,), "unknown key", ("tokens",))) for key in document.tree if key != "tokens")
    tokens: tuple[Token, ...] = ()
    try:
        given = document.tree.get("tokens", [])
        tokens = TypeAdapter(tuple[Token, ...]).validate_python(tuple(given) if isinstance(given, list) else given)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            fault = document.fault(("tokens", *details["loc"]), details["msg"])
            faults.append(str(fault))
    faults.extend(f"{path.name}: {message}" for message in _misfits(tokens))
    return TokenFaults(faults=tuple(faults)) if faults else TokenTable(tokens=tokens)


def ensure_tokens(daemon: DaemonSettings, *, new_text: Callable[[], str] = new_token) -> TokensReady | TokenFaults:
    """Makes the daemon's own tokens that are missing (first start) and answers the whole table.

    A token whose entry stands in the table is left alone, also when its text is gone: it may be kept elsewhere. A text
    without an entry (a crash in between) gets its entry. To renew a token remove its entry and its file.
    """
    table = load_tokens(daemon.api.tokens)
    if isinstance(table, TokenFaults):
        return table
    made, added, warnings = [], [], []
    for name, role in OWN_TOKENS:
        path, entry = token_file(daemon, name), table.named(name)
        if entry is None and write_new_secret(path, new_text()):
            made.append(path)
        text = read_secret_file(path) if entry is None or path.exists() else None
        if entry is None and not isinstance(text, Secret):
            return TokenFaults(faults=(str(text),))
        if entry is None and isinstance(text, Secret):
            added.append(Token(name=name, role=role, expires=None, sha256=token_hash(text.reveal())))
        elif isinstance(text, Secret) and entry is not None and token_hash(text.reveal()) != entry.sha256:
            warnings.append(f"{path} does not hold the token {name} of {daemon.api.tokens}")
    if added:
        table = TokenTable(tokens=(*table.tokens, *added))
        write_tokens(daemon.api.tokens, table.tokens)
    return TokensReady(table=table, made=tuple(made), warnings=tuple(warnings))


def write_tokens(path: Path, tokens: Iterable[Token]) -> None:
    """Replaces the file whole, mode 0600."""
    rows = [f"  - {_row(token)}" for token in tokens]
    note = "# Callers of the API: name, role, expiry and SHA-256 of each token. The tokens themselves are not here."
    make_private_folder(path.parent)
    draft = write_draft(path, "\n".join([note, "tokens:", *rows] if rows else [note, "tokens: []"]))
    os.replace(draft, path)
    sync_folder(path.parent)


def _row(token: Token) -> str:
    """One line, everything quoted: JSON is YAML, and a hash of digits only is not a number."""
    expires = None if token.expires is None else token.expires.isoformat()
    row = {"name": token.name, "role": token.role.value, "expires": expires, "sha256": token.sha256}
    return json.dumps(row)


def _misfits(tokens: tuple[Token, ...]) -> list[str]:
    misfits = [f"more than {MAX_TOKENS} tokens"] if len(tokens) > MAX_TOKENS else []
    for what, count in (("name", len({token.name for token in tokens})), ("hash", len({t.sha256 for t in tokens}))):
        if count < len(tokens):
            misfits.append(f"two tokens have the same {what}")
    return misfits
