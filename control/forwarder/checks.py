"""What the forwarder judges by itself: who sends, from where, how old (SIG-5). Pure: time is an argument.

A refusal for the sender's eyes never says which part of the proof was wrong; `cause` is for the log.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Any

from control.forwarder.body import Body
from control.forwarder.settings import Network, SourceSettings

MAX_SIGNATURES = 5
MAX_SIGNATURE_HEADER = 1024
MILLISECONDS_FROM = Decimal(10) ** 11
"""An epoch time from here on counts milliseconds; as seconds it would be the year 5138."""
LATEST = Decimal(10) ** 14
MAX_SECRETS = 5
_OF_NOBODY = (secrets.token_hex(16), secrets.token_hex(16))
"""Compared with where there is nothing to compare with: a present and a previous one."""
_NOBODY = SourceSettings(
    name="",
    secret=_OF_NOBODY[0],
    hmac_secret=_OF_NOBODY[1],
    allow_addresses=(ipaddress.ip_network("192.0.2.0/24"),),
)
"""Whom an alert of an unknown source is judged by."""
_SECRET_MEMBER = re.compile(rb'"secret"[ \t\r\n]{0,8}:[ \t\r\n]{0,8}"([^"\\]{1,4096})"')


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAuthentic:
    """The sender is not who the source knows. `cause` never reaches the sender."""

    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongAge:
    """Too old, or from the future: `reason` is TOO_OLD or TOO_FAR_AHEAD."""

    reason: str
    message: str


def sender_of(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """The sender's address: the peer, unless that is a trusted proxy; then the last hop nobody trusted wrote down."""
    sender = peer
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    while hops and is_in(sender, trusted):
        named = _address(hops.pop())
        if named is None:
            break
        sender = named
    return sender


def authenticate(
    source: SourceSettings | None, *, raw: bytes, body: Body | None, signature: str, sender: str, now_s: float
) -> NotAuthentic | None:
    """None if the alert is its source's. A signature, where it is checked, takes the place of the secret in the body.

    `body` is None where it could not be read; then the secret may still be found in its text. An unknown source costs
    the time of a known one, and every part is looked at whatever the others gave: the time tells nothing either.
    """
    known = source if source is not None else _NOBODY
    allowed = not known.allow_addresses or is_in(sender, known.allow_addresses)
    by_signature = _check_signature(known, raw, signature, now_s) if signature else None
    by_secret = _check_secret(known, body, now_s) if body is not None else _check_text(known, raw, now_s)
    if source is None:
        return NotAuthentic(cause="unknown source")
    if signature and known.keys(now_s):
        fault = by_signature
    elif known.secrets(now_s):
        fault = by_secret
    else:
        fault = NotAuthentic(cause="unsigned" if known.keys(now_s) else "the source has no secret")
    return fault if fault is not None or allowed else NotAuthentic(cause="address not allowed")


def signed_at(source: SourceSettings, signature: str, now_s: float) -> int | None:
    """The time in the signature of an authentic alert; None where it was judged by its secret."""
    if not signature or not source.keys(now_s):
        return None
    return next(int(part.strip()[2:]) for part in signature.split(",") if part.strip().startswith("t="))


def check_age(source: SourceSettings, body: Body, now_s: float) -> WrongAge | None:
    """None if the sender's own time is near enough, or there is none that can be read: the engine judges that."""
    sent_s = epoch_s(find(body.tree, source.timestamp_path))
    if sent_s is None:
        return None
    age_s = now_s - float(sent_s)
    if age_s > source.max_age_s:
        return WrongAge(reason="TOO_OLD", message=f"{age_s:.0f} s old, at most {source.max_age_s} s")
    if -age_s > source.max_ahead_s:
        return WrongAge(reason="TOO_FAR_AHEAD", message=f"{-age_s:.0f} s ahead, at most {source.max_ahead_s} s")
    return None


def epoch_s(value: Any) -> Decimal | None:
    """Seconds since 1970 of ISO 8601 or epoch seconds or milliseconds; None for anything else."""
    if isinstance(value, str):
        text = value.strip()
        if len(text) > 64:
            return None
        try:
            value = Decimal(text)
        except InvalidOperation:
            return _iso_s(text)
    if not isinstance(value, Decimal) or not value.is_finite() or not 0 < value < LATEST:
        return None
    return value / 1000 if value >= MILLISECONDS_FROM else value


def find(tree: dict[str, Any], expression: str) -> Any:
    """What the expression finds in a body; None where that is nothing or it cannot be applied."""
    if expression.isidentifier():
        return tree.get(expression)
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        return jmespath.search(expression, tree)
    except (JMESPathError, TypeError, ValueError, ArithmeticError, RecursionError):
        return None


def _iso_s(text: str) -> Decimal | None:
    try:
        found = datetime.fromisoformat(text)
        aware = found if found.tzinfo else found.replace(tzinfo=UTC)
        return Decimal(str(aware.timestamp()))
    except (ValueError, OverflowError, OSError):
        return None


def _check_text(source: SourceSettings, raw: bytes, now_s: float) -> NotAuthentic | None:
    """The secret of a body that is no JSON, so that its owner's slip is not taken for an attack."""
    given = [match[1].decode("utf-8", "replace") for match in islice(_SECRET_MEMBER.finditer(raw), MAX_SECRETS)]
    found = [_is_one_of(one, source.secrets(now_s)) for one in given or [""]]
    if not given:
        return NotAuthentic(cause="no secret")
    return None if any(found) else NotAuthentic(cause="wrong secret")


def _check_secret(source: SourceSettings, body: Body, now_s: float) -> NotAuthentic | None:
    given = find(body.tree, source.secret_path)
    found = _is_one_of(given if isinstance(given, str) else "", source.secrets(now_s))
    if not isinstance(given, str):
        return NotAuthentic(cause="no secret")
    return None if found else NotAuthentic(cause="wrong secret")


def _check_signature(source: SourceSettings, raw: bytes, header: str, now_s: float) -> NotAuthentic | None:
    if len(header) > MAX_SIGNATURE_HEADER:
        return NotAuthentic(cause="faulty signature header")
    parts = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    given = [value.lower() for name, _, value in parts if name == "v1"][:MAX_SIGNATURES]
    if len(times) != 1 or not given or not (times[0].isascii() and times[0].isdecimal()) or len(times[0]) > 15:
        return NotAuthentic(cause="faulty signature header")
    signed = times[0].encode() + b"." + raw
    keys = source.keys(now_s)
    expected = [hmac.new(key.encode(), signed, hashlib.sha256).hexdigest() for key in _as_many(keys)]
    found = [_is_one_of(one, tuple(expected[: len(keys)])) for one in given]
    if not any(found):
        return NotAuthentic(cause="wrong signature")
    age_s = now_s - int(times[0])
    if age_s > source.max_age_s or -age_s > source.max_ahead_s:
        return NotAuthentic(cause="signature outside its time window")
    return None


def _is_one_of(given: str, known: tuple[str, ...]) -> bool:
    """Compares with as many as there can be, however many there are."""
    same = [_same(given, one) for one in _as_many(known)]
    return any(same[: len(known)])


def _as_many(known: tuple[str, ...]) -> tuple[str, ...]:
    return (*known, *_OF_NOBODY)[: len(_OF_NOBODY)]


def _same(given: str, expected: str) -> bool:
    """Compares in a time that tells nothing about where they differ, nor about the length of what is expected."""
    one = hashlib.sha256(given.encode("utf-8", "surrogatepass")).digest()
    other = hashlib.sha256(expected.encode("utf-8", "surrogatepass")).digest()
    return hmac.compare_digest(one, other)


def _address(text: str) -> str | None:
    """The plain form of an address as proxies write it, port and brackets taken off; None if it is none."""
    candidate = text.strip('"').removeprefix("[")
    candidate = candidate.partition("]")[0] if "]" in candidate else candidate
    for attempt in (candidate, candidate.rpartition(":")[0]):
        try:
            return str(ipaddress.ip_address(attempt))
        except ValueError:
            continue
    return None


def is_in(address: str, networks: Sequence[Network]) -> bool:
    """Whether the address, also an IPv4 one written as IPv6, is in one of them."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return any(candidate in network for network in networks for candidate in (found, mapped) if candidate is not None)
