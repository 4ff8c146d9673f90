"""Changes of the table of callers, as values: what the table is afterwards, or why it stays as it is (SEC-1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from daemon.config.section import NAME
from daemon.tokens import MAX_TOKENS, Token, TokenRole, TokenTable

MAX_OVERLAP = timedelta(days=30)
"""A token that is to be replaced is not taken for ever."""
MOST_SPAN = timedelta(days=36_500)
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True, slots=True)
class TokenRefused:
    """Why nothing was changed, and what would help."""

    problem: str

    def __str__(self) -> str:
        return self.problem


def span(text: str) -> timedelta | TokenRefused:
    """A span of time such as `90d`, `1h`, `30m`, `0`; at most a hundred years."""
    match = re.fullmatch(r"([0-9]{1,9})([smhdw])", text)
    seconds = 0 if text == "0" else int(match[1]) * _UNITS_S[match[2]] if match else None
    if seconds is None or seconds > MOST_SPAN.total_seconds():
        return TokenRefused(f"{text[:40]!r} is no span of time: 90d, 12h, 30m, 0")
    return timedelta(seconds=seconds)


def expiry(text: str, now: datetime) -> datetime | TokenRefused | None:
    """When a token ends: `never`, a span from now, or a time with its zone. One in the past is refused."""
    if text == "never":
        return None
    if re.fullmatch(r"[0-9]+[smhdw]", text):
        length = span(text)
        return length if isinstance(length, TokenRefused) else _ahead(now + length, text, now)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        return TokenRefused(f"{text[:40]!r} is no expiry: 90d, 12h, 2030-01-01T00:00:00Z, never")
    return _ahead(time.astimezone(UTC), text, now)


def _ahead(time: datetime, text: str, now: datetime) -> datetime | TokenRefused:
    if time <= now:
        return TokenRefused(f"{text[:40]!r} is not ahead: a token must be good for some time")
    return time if time - now <= MOST_SPAN else TokenRefused(f"{text[:40]!r} is too far ahead: say never")


def create(
    table: TokenTable,
    *,
    name: str,
    role: TokenRole,
    now: datetime,
    expires: datetime | None,
    sha256: str | None,
    certificate: str | None = None,
) -> TokenTable | TokenRefused:
    """One more caller."""
    if re.fullmatch(NAME.form, name) is None:
        return TokenRefused(f"{name[:40]!r} is no name: {NAME.what}, at most 32 characters")
    if table.named(name) is not None:
        return TokenRefused(f"there is a token {name} already: rotate or revoke it, or take another name")
    if certificate is not None and any(token.certificate == certificate for token in table.tokens):
        return TokenRefused(f"the certificate {certificate[:80]} is another caller's already")
    if len(table.tokens) >= MAX_TOKENS:
        return TokenRefused(f"there are {MAX_TOKENS} tokens, no more are kept: revoke some")
    made = Token(name=name, role=role, expires=expires, sha256=sha256, certificate=certificate, created=now)
    return TokenTable(tokens=(*table.tokens, made))


def revoke(table: TokenTable, name: str) -> TokenTable | TokenRefused:
    """Without this caller."""
    if table.named(name) is None:
        return no_such(table, name)
    return TokenTable(tokens=tuple(token for token in table.tokens if token.name != name))


def rotate(
    table: TokenTable,
    *,
    name: str,
    sha256: str,
    now: datetime,
    overlap: timedelta,
    expires: datetime | None,
    keep_expiry: bool,
) -> TokenTable | TokenRefused:
    """The caller's token is another one; the one so far is taken for `overlap` more.

    `keep_expiry`: the new one lasts as long as the old one was meant to, counted from now. A token that a rotation
    before this one left behind ends now.
    """
    old = table.named(name)
    if old is None:
        return no_such(table, name)
    if old.sha256 is None:
        return TokenRefused(f"{name} calls with a certificate: renew that, there is no token to rotate")
    if overlap > MAX_OVERLAP:
        return TokenRefused(f"an overlap is at most {MAX_OVERLAP.days}d")
    ends = _same_span(old, now) if keep_expiry else expires
    if ends is not None and ends <= now:
        return TokenRefused(f"{name} has expired: say --expires with how long the new one is good for")
    is_over = not overlap or old.is_expired(now)
    new = old.model_copy(
        update={
            "sha256": sha256,
            "created": now,
            "expires": ends,
            "previous_sha256": None if is_over else old.sha256,
            "previous_until": None if is_over else min(now + overlap, old.expires or now + overlap),
        }
    )
    return TokenTable(tokens=tuple(new if token.name == name else token for token in table.tokens))


def _same_span(old: Token, now: datetime) -> datetime | None:
    if old.expires is None:
        return None
    return old.expires if old.created is None else now + min(old.expires - old.created, MOST_SPAN)


def no_such(table: TokenTable, name: str) -> TokenRefused:
    known = ", ".join(token.name for token in table.tokens) or "none"
    return TokenRefused(f"there is no token {name[:40]!r} (there are: {known})")
