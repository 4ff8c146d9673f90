"""Who may call the API: `secrets/tokens.yaml` holds the name, role, expiry and hash of each token (SEC-1).

Only hashes are kept. A plain SHA-256 is right for them: tokens are 256 random bits, so there is no dictionary to try
and nothing a slow hash or a salt would slow down; checking stays cheap enough for every call.

    tokens:
      - {name: admin, role: admin, expires: null, sha256: 9f86d0...}

A caller whose connection shows a certificate of `api.tls.client_ca` needs no token: its entry has `certificate`, either
`sha256:` and the fingerprint, or `name:` and a name the certificate is made out to. While a token is rotated the one
before it stands in `previous_sha256` and is taken until `previous_until`.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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

MAX_TOKENS = 100
"""Their rows fill no more than a file of secrets may hold."""


@unique
class TokenRole(StrEnum):
    """What a caller may do; the table method -> role is the API's."""

    INGEST = "ingest"
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


@dataclass(frozen=True)
class _Time(Kind):
    """An ISO 8601 time with its zone, kept as UTC."""

    example: str
    other: str = ""

    def check(self, value: object) -> datetime:
        try:
            time = datetime.fromisoformat(value) if isinstance(value, str) else value
        except ValueError:
            time = None
        if not isinstance(time, datetime) or time.tzinfo is None:
            raise refuse(f"must be a time with its zone, {found(value)}", *filter(None, (self.example, self.other)))
        return time.astimezone(UTC)


@dataclass(frozen=True)
class _Hash(Kind):
    """A SHA-256 in hexadecimal. What is found is not echoed: somebody may have put the token itself there."""

    def check(self, value: object) -> str:
        if isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value):
            return value
        raise refuse("must be 64 hexadecimal digits (value not shown)")


@dataclass(frozen=True)
class _Certificate(Kind):
    """What a client's certificate is known by."""

    def check(self, value: object) -> str:
        if isinstance(value, str) and re.fullmatch(r"sha256:[0-9a-f]{64}|name:[!-~]{1,253}", value):
            return value
        raise refuse(f"must name a certificate, {found(value)}", "sha256:HEX", "name:grafana.example")


class Token(Section):
    """One caller: by token (`sha256`, the hexadecimal hash of its text), by certificate, or by either."""

    name: Annotated[str, NAME]
    role: Annotated[TokenRole, Word(TokenRole)]
    expires: Annotated[datetime, _Time("2030-01-01T00:00:00Z", "null for never")] | None = None
    sha256: Annotated[str, _Hash()] | None = None
    certificate: Annotated[str, _Certificate()] | None = None
    created: Annotated[datetime, _Time("2026-01-01T00:00:00Z")] | None = None
    previous_sha256: Annotated[str, _Hash()] | None = None
    previous_until: Annotated[datetime, _Time("2026-01-01T00:00:00Z")] | None = None

    def is_of(self, text: str) -> bool:
        """Whether this is the token's text, its newest or the one before it."""
        return token_hash(text) in (self.sha256, self.previous_sha256)

    def is_expired(self, now: datetime) -> bool:
        return self.expires is not None and now >= self.expires


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTable:
    """The tokens of one file."""

    tokens: tuple[Token, ...] = ()

    def owner(self, token: str, now: datetime) -> Token | None:
        """Whose token this is, expired or not; None when it is nobody's. `now` has a zone."""
        digest, owner = token_hash(token), None
        for each in self.tokens:  # All of them, so that the time taken says nothing.
            if each.sha256 is not None and hmac.compare_digest(each.sha256, digest):
                owner = each
            if each.previous_sha256 is not None and hmac.compare_digest(each.previous_sha256, digest):
                is_due = each.previous_until is not None and now < each.previous_until
                owner = each if is_due else owner
        return owner

    def find(self, token: str, now: datetime) -> Token | None:
        """Whose token this is; None when it is nobody's or has expired."""
        owner = self.owner(token, now)
        return None if owner is None or owner.is_expired(now) else owner

    def of_certificate(self, fingerprint: str, names: Iterable[str]) -> Token | None:
        """Whose certificate this is, expired or not: by its SHA-256 in hexadecimal, else by a name it is made out to.

        Two entries that fit by name are one too many: nobody is let in then.
        """
        known = {each.certificate: each for each in self.tokens if each.certificate is not None}
        exact = known.get(f"sha256:{fingerprint}")
        named = {name: known[f"name:{name}"] for name in names if f"name:{name}" in known}
        return exact or (next(iter(named.values())) if len(named) == 1 else None)

    @property
    def has_certificates(self) -> bool:
        return any(each.certificate is not None for each in self.tokens)

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
    with tokens_locked(daemon.api.tokens):
        return _ensure(daemon, new_text)


def _ensure(daemon: DaemonSettings, new_text: Callable[[], str]) -> TokensReady | TokenFaults:
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
        elif isinstance(text, Secret) and entry is not None and not entry.is_of(text.reveal()):
            warnings.append(f"{path} does not hold the token {name} of {daemon.api.tokens}")
    if added:
        table = TokenTable(tokens=(*table.tokens, *added))
        write_tokens(daemon.api.tokens, table.tokens)
    return TokensReady(table=table, made=tuple(made), warnings=tuple(warnings))


@contextmanager
def tokens_locked(path: Path) -> Iterator[None]:
    """Nobody else changes the file meanwhile: the daemon at its start, and `terraced token`. Readers need no lock."""
    make_private_folder(path.parent)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


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
    row = {"name": token.name, "role": token.role.value, "expires": None, "sha256": token.sha256}
    row |= {key: value for key in _MORE if (value := getattr(token, key)) is not None}
    return json.dumps({key: value.isoformat() if isinstance(value, datetime) else value for key, value in row.items()})


_MORE = ("expires", "certificate", "created", "previous_sha256", "previous_until")
"""Keys that stand in the file where they say something."""


def _misfits(tokens: tuple[Token, ...]) -> list[str]:
    misfits = [f"more than {MAX_TOKENS} tokens"] if len(tokens) > MAX_TOKENS else []
    hashes = [each for token in tokens for each in (token.sha256, token.previous_sha256) if each is not None]
    shown = [token.certificate for token in tokens if token.certificate is not None]
    for what, values in (("name", [token.name for token in tokens]), ("hash", hashes), ("certificate", shown)):
        if len(set(values)) < len(values):
            misfits.append(f"two tokens have the same {what}")
    for token in tokens:
        if token.sha256 is None and token.certificate is None:
            misfits.append(f"{token.name} has neither sha256 nor certificate")
        if (token.previous_sha256 is None) != (token.previous_until is None):
            misfits.append(f"{token.name}: previous_sha256 and previous_until belong together")
    return misfits
