"""Reading what ccxt's exceptions hold: the HTTP status, the venue's code and its words, without secrets.

ccxt puts the venue's body behind its own id, `binance {"code":-2010,"msg":"..."}`, or, where the body told it
nothing, `binance GET https://host/path?timestamp=..&signature=.. 503 Service Unavailable <html>..`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_WORDS = 300
"""Characters of a venue's words that are kept."""

CCXT_IDS = frozenset({"binance", "binanceusdm", "bybit", "okx", "kucoin", "mexc", "gate"})

_REQUEST = re.compile(r"^(\w+) (GET|POST|PUT|DELETE|PATCH) (\S+)(?: (\d{3}) (.*))?$", re.DOTALL)
_STATUS = re.compile(r"^\w+ (418|429) (.*)$", re.DOTALL)
_MARKUP = re.compile(r"<(script|style|head)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_SECRETS = (
    re.compile(r"origin_string\[.*", re.DOTALL),  # Bybit repeats key and request of a bad signature.
    re.compile(r"\b(?:https?|wss?)://\S+"),
    re.compile(r"\b(?:signature|api[_-]?key|listenKey|token|passphrase)=[^\s&]+", re.IGNORECASE),
    re.compile(r"[A-Za-z0-9+/_=-]{40,}"),  # Keys, signatures, tokens.
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the venue said. Everything is empty, or 0, where it said nothing of the kind."""

    exchange: str
    """ccxt's id at the front of the text, if it is there; it tells Binance's spot and futures apart."""
    status: int
    code: str
    message: str
    """Its own words, as they came."""
    body: Mapping[str, Any] = field(default_factory=dict)
    is_venue: bool = False
    """It came from the venue, or from something in between; else from ccxt or the network on our side."""

    @property
    def words(self) -> str:
        """For a person: no markup, no secrets, not too long."""
        return clean(self.message)


def hear(text: str, known_status: int = 0) -> Heard:
    """What an exception's text says. `known_status`: of the answer, where the caller knows it."""
    first = text.split(" ", 1)[0]
    exchange = first if first in CCXT_IDS else ""
    status = known_status
    rest = text
    if match := _REQUEST.match(text):
        status, rest = int(match[4] or 0), match[5] or ""  # No status: no answer, whatever came before it.
    elif match := _STATUS.match(text):
        status, rest = int(match[1]), match[2]
    elif exchange:
        rest = text[len(exchange) :].lstrip()
    body = json_in(rest)
    code, message = code_and_message(body)
    is_venue = status != 0 or bool(body)
    return Heard(exchange=exchange, status=status, code=code, message=message or rest, body=body, is_venue=is_venue)


def code_and_message(body: Mapping[str, Any]) -> tuple[str, str]:
    """The code that tells most and its words, from any of the seven venues' ways of putting it."""
    rows = body.get("data")
    first = rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], dict) else {}
    if first.get("sCode") not in (None, "", "0"):  # OKX: the code of the one order, not of the batch.
        return str(first["sCode"]), str(first.get("sMsg") or body.get("msg") or "")
    for name in ("retCode", "ret_code", "label", "code"):
        if body.get(name) not in (None, ""):
            words = [str(body[key]) for key in ("retMsg", "ret_msg", "msg", "message", "detail") if body.get(key)]
            return str(body[name]), "; ".join(words) or str(body[name])
    return "", ""


def json_in(text: str) -> dict[str, Any]:
    """The first JSON object in a text, or the first row of the first list; empty if there is none."""
    for match in re.finditer(r"[{\[]", text):
        try:
            found, _ = json.JSONDecoder().raw_decode(text, match.start())
        except ValueError:
            continue
        if isinstance(found, list) and found and isinstance(found[0], dict):
            found = found[0]
        if isinstance(found, dict):
            return found
    return {}


def clean(text: str) -> str:
    plain = _MARKUP.sub(" ", text)
    for secret in _SECRETS:
        plain = secret.sub("[...]", plain)
    plain = " ".join(plain.split())
    return plain if len(plain) <= MAX_WORDS else plain[: MAX_WORDS - 3] + "..."
