"""The forms one secret may take in a text that was made from it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

SHORTEST_KNOWN = 8
"""Known secrets shorter than this are not searched for: they would mask ordinary words."""
MAX_SECRET_CHARS = 64 * 1024

_PUBLIC_HOSTS = frozenset({"http", "https", "postgres", "postgresql", "mailto", "mailtos"})
"""Addresses of these schemes name a host that is no secret; in others apprise keeps tokens in its place."""
_DATABASES = frozenset({"postgres", "postgresql"})
_WORD = re.compile(r"[a-z._-]*")
"""A step of a path, or a host, that is no token."""
_SPACE = re.compile(r"\s+")


def forms(secret: str) -> set[str]:
    """Every text that must be masked because it is the secret, or gives it away. Never one that is too short."""
    found: set[str] = set()
    for part in {secret, *parts(secret)}:
        if SHORTEST_KNOWN <= len(part) <= MAX_SECRET_CHARS:
            found.update(_written(part))
    return {form for form in found if len(form) >= SHORTEST_KNOWN}


def parts(secret: str) -> Iterator[str]:
    """Lines of a secret of several lines; the secret parts of an address."""
    lines = [line.strip() for line in secret.splitlines()]
    if len(lines) > 1:
        yield from (line for line in lines if not line.startswith("-----"))
    if "://" in secret:
        yield from _of_address(secret)


def squeezed(form: str) -> str:
    """Without white space, as it is looked for in a text whose line breaks were taken out."""
    return _SPACE.sub("", form)


def _written(text: str) -> Iterator[str]:
    yield text
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(text)[1:-1]
    yield quote(text, safe="")
    yield quote(text)
    yield quote_plus(text)
    data = text.encode("utf-8", "surrogatepass")
    yield data.hex()
    yield from _in_base64(data)


def _in_base64(data: bytes) -> Iterator[str]:
    """The letters that do not depend on what stands before and after it, for the three places it may begin at."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data).decode("ascii")
        begin = (0, 2, 3)[before]
        end = len(data) + before
        stable = encoded[begin : end // 3 * 4]
        yield stable
        yield stable.replace("+", "-").replace("/", "_")


def _of_address(secret: str) -> Iterator[str]:
    try:
        address = urlsplit(secret)
    except ValueError:
        return
    found = [address.password or "", *(value for _, value in parse_qsl(address.query))]
    maybe = [address.fragment]
    if address.scheme not in _DATABASES:
        maybe += [address.username or "", *address.path.split("/")]
    if address.scheme not in _PUBLIC_HOSTS:
        maybe += address.netloc.replace("@", ":").split(":")
    for part in (*found, *(part for part in maybe if not _WORD.fullmatch(part))):
        yield part
        yield unquote(part)
