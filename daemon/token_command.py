"""`terraced token`: makes, lists, revokes and rotates the tokens of the API, with or without a running daemon.

Works on the token file of the config; a daemon reads it again within two seconds. A new token's text goes to standard
output once, or into a file of mode 0600; what is said about it goes to standard error. Exit codes: 0 done, 1 the files
cannot be written, 2 usage or refused input, 3 there is no such token, 8 cancelled.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import ssl
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemon import token_changes as changes
from daemon.config.daemon_settings import DaemonSettings
from daemon.secrets import Secret, new_token, read_secret_file, sync_folder, write_draft, write_new_secret
from daemon.token_changes import TokenRefused
from daemon.tokens import (
    OWN_TOKENS,
    Token,
    TokenFaults,
    TokenRole,
    TokenTable,
    load_tokens,
    token_file,
    token_hash,
    tokens_locked,
    write_tokens,
)

DONE, FAILED, USAGE, NOT_FOUND, CANCELLED = 0, 1, 2, 3, 8
MAX_CERTIFICATE_BYTES = 64 * 1024
_OWN = frozenset(name for name, _ in OWN_TOKENS)


class _Stop(Exception):
    """Ends the command: words and exit code."""

    def __init__(self, words: object, code: int = USAGE) -> None:
        super().__init__(str(words))
        self.code = code


def run(program: str, chosen: argparse.Namespace, daemon: DaemonSettings, now: datetime | None = None) -> int:
    """Does what was asked for; the exit code."""
    do = {"create": _create, "list": _list, "revoke": _revoke, "rotate": _rotate}[chosen.verb]
    try:
        do(chosen, daemon, now or datetime.now(UTC))
    except _Stop as stop:
        print(f"{program} token: {stop}", file=sys.stderr)
        return stop.code
    except OSError as error:
        print(f"{program} token: {error.filename or daemon.api.tokens}: {error.strerror or error}", file=sys.stderr)
        return FAILED
    return DONE


def _create(chosen: argparse.Namespace, daemon: DaemonSettings, now: datetime) -> None:
    certificate = _certificate(chosen)
    if certificate is not None and chosen.out is not None:
        raise _Stop("--out is for tokens: who shows a certificate needs none")
    expires = _sure(changes.expiry(chosen.expires, now))
    text = new_token() if certificate is None else None
    with tokens_locked(daemon.api.tokens):
        table = _load(daemon)
        after = _sure(
            changes.create(
                table,
                name=chosen.name,
                role=TokenRole(chosen.role),
                now=now,
                expires=expires,
                sha256=None if text is None else token_hash(text),
                certificate=certificate,
            )
        )
        with _kept(chosen.out, text, None):
            write_tokens(daemon.api.tokens, after.tokens)
    _show(chosen, after.tokens[-1], now, text)
    if certificate is not None and daemon.api.tls.client_ca is None:
        _say("note: certificates are asked for only with api.tls.client_ca in the config")


def _rotate(chosen: argparse.Namespace, daemon: DaemonSettings, now: datetime) -> None:
    overlap = _sure(changes.span(chosen.overlap))
    expires = None if chosen.expires is None else _sure(changes.expiry(chosen.expires, now))
    text = new_token()
    with tokens_locked(daemon.api.tokens):
        table = _load(daemon)
        old = _named(table, chosen.name)
        after = _sure(
            changes.rotate(
                table,
                name=chosen.name,
                sha256=token_hash(text),
                now=now,
                overlap=overlap,
                expires=expires,
                keep_expiry=chosen.expires is None,
            )
        )
        new = _named(after, chosen.name)
        if chosen.dry_run:
            _say(f"would give {new.name} a new text, {_old_text(new)}; nothing was done")
            return
        own = token_file(daemon, new.name) if new.name in _OWN and chosen.out is None else None
        with _kept(chosen.out, text, old):
            write_tokens(daemon.api.tokens, after.tokens)
            if own is not None:  # After the table: a crash in between leaves the old text, which still works.
                _replace(own, text)
    _show(chosen, new, now, None if own else text)
    _say(f"{own} holds the new text; {_old_text(new)}" if own else _old_text(new))


def _revoke(chosen: argparse.Namespace, daemon: DaemonSettings, now: datetime) -> None:
    token = _named(_load(daemon), chosen.name)
    if chosen.dry_run:
        _say(f"would revoke {token.name} ({token.role.value}); nothing was done")
        return
    if not chosen.yes and not _agreed(f"Revoke {token.name} ({token.role.value})? Its next call is refused. [y/N] "):
        raise _Stop("cancelled, nothing was done (--yes does not ask)", CANCELLED)
    with tokens_locked(daemon.api.tokens):
        after = _sure(changes.revoke(_load(daemon), chosen.name))
        own = token_file(daemon, token.name)
        if token.name in _OWN:  # Else the next start would take its text for one that lost its entry.
            own.unlink(missing_ok=True)
        write_tokens(daemon.api.tokens, after.tokens)
    if chosen.output == "json":
        print(json.dumps({"token": _plain(token, now) | {"state": "revoked"}}, indent=2))
    words = f"{token.name} is revoked; a running daemon refuses it within 2 s"
    again = ". The daemon makes a new one at its next start" if token.name in _OWN else ""
    _say(f"{words}{again}")


def _list(chosen: argparse.Namespace, daemon: DaemonSettings, now: datetime) -> None:
    rows = [_plain(token, now) for token in _load(daemon).tokens]
    if chosen.output == "json":
        print(json.dumps({"tokens": rows}, indent=2))
        return
    if not rows:
        _say(f"no tokens in {daemon.api.tokens}: the daemon makes its own at its first start")
        return
    heads = ("name", "role", "state", "expires", "created", "certificate")
    cells = [tuple(head.upper() for head in heads), *(tuple(row[head] or "-" for head in heads) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(heads))]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


# --- parts


def _load(daemon: DaemonSettings) -> TokenTable:
    table = load_tokens(daemon.api.tokens)
    if isinstance(table, TokenFaults):
        raise _Stop(f"{daemon.api.tokens} cannot be used:\n{table}", FAILED)
    return table


def _sure(found: Any) -> Any:
    if isinstance(found, TokenRefused):
        raise _Stop(found)
    return found


def _named(table: TokenTable, name: str) -> Token:
    token = table.named(name)
    if token is None:
        raise _Stop(changes.no_such(table, name), NOT_FOUND)
    return token


def _certificate(chosen: argparse.Namespace) -> str | None:
    if chosen.certificate_name is not None:
        name = chosen.certificate_name
        if not (0 < len(name) <= 253 and name.isascii() and name.isprintable() and " " not in name):
            raise _Stop(f"{name[:40]!r} is no name of a certificate")
        return f"name:{name}"
    if chosen.certificate is None:
        return None
    with open(chosen.certificate, "rb") as file:
        data = file.read(MAX_CERTIFICATE_BYTES).decode("ascii", "replace")
    begin, end = data.find("-----BEGIN CERTIFICATE-----"), data.find("-----END CERTIFICATE-----")
    try:
        inner = ssl.PEM_cert_to_DER_cert(data[begin : end + len("-----END CERTIFICATE-----")])
    except ValueError:
        raise _Stop(f"{chosen.certificate} holds no certificate in PEM form") from None
    return f"sha256:{hashlib.sha256(inner).hexdigest()}"


@contextlib.contextmanager
def _kept(out: Path | None, text: str | None, old: Token | None) -> Any:
    """The text is in its file before the table knows it, and is not left there where the table was not written."""
    if out is None or text is None:
        yield
        return
    draft = None
    if out.exists():
        held = read_secret_file(out)
        if old is None or not isinstance(held, Secret) or not old.is_of(held.reveal()):
            raise _Stop(f"{out} exists and is not this token's: take another file")
        draft = write_draft(out, text)
    elif not out.parent.is_dir():
        raise _Stop(f"{out.parent} is no folder")
    elif not write_new_secret(out, text):
        raise _Stop(f"{out} exists: take another file")
    try:
        yield
    except BaseException:
        (draft or out).unlink(missing_ok=True)
        raise
    if draft is not None:
        os.replace(draft, out)
        sync_folder(out.parent)


def _replace(path: Path, text: str) -> None:
    os.replace(write_draft(path, text), path)
    sync_folder(path.parent)


def _show(chosen: argparse.Namespace, token: Token, now: datetime, text: str | None) -> None:
    if chosen.output == "json":
        shown = {} if text is None or chosen.out is not None else {"text": text}
        print(json.dumps({"token": _plain(token, now), **shown}, indent=2))
    elif text is not None and chosen.out is None:
        print(text)
    until = "never expires" if token.expires is None else f"expires {_time(token.expires)}"
    if text is None:
        _say(f"{token.name}: {token.role.value}, {token.certificate or 'token'}, {until}")
    else:
        where = f"its text is in {chosen.out}" if chosen.out else "its text is shown this once"
        _say(f"{token.name}: {token.role.value}, {until}; {where}")


def _old_text(token: Token) -> str:
    if token.previous_until is None:
        return "the old text ends now"
    return f"the old text works until {_time(token.previous_until)}"


def _plain(token: Token, now: datetime) -> dict[str, Any]:
    state = "expired" if token.is_expired(now) else "valid"
    if state == "valid" and token.previous_until is not None and now < token.previous_until:
        state = f"valid, old text until {_time(token.previous_until)}"
    return {
        "name": token.name,
        "role": token.role.value,
        "state": state,
        "expires": None if token.expires is None else _time(token.expires),
        "created": None if token.created is None else _time(token.created),
        "certificate": token.certificate,
    }


def _time(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _agreed(question: str) -> bool:
    print(question, end="", file=sys.stderr, flush=True)
    try:
        return sys.stdin.readline().strip().lower() in ("y", "yes")
    except (KeyboardInterrupt, UnicodeDecodeError):
        return False


def _say(words: str) -> None:
    print(words, file=sys.stderr)
