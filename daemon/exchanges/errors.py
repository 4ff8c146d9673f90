"""What an exchange's error means for the request that met it: its fate, a reason, and the venue's own words.

A new order, and an amended one, is refused or may be sent again only where the venue's code is known to mean just
that (`venue_codes`); whatever else comes leaves its fate unknown, and it is looked up (ORD-3, ORD-4). ccxt's exception
classes decide nothing: they mix requests that never left with requests that were executed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from actors.messages import Fate
from actors.rules.model import Reason
from actors.rules.rates import Ask
from daemon.exchanges.refusal_text import Heard, clean, code_and_message, hear
from daemon.exchanges.venue_codes import (
    BINANCE_WORDS,
    TABLES,
    UPDATE_REASONS,
    Meaning,
    Special,
)

RATE_LIMIT_MS = 1_000
"""How long to wait where a venue that has enough of us does not say."""
BAN_MS: Mapping[str, int] = {"binance": 120_000, "binanceusdm": 120_000, "bybit": 600_000}
"""Likewise for a ban: the shortest the venue publishes."""
OTHER_BAN_MS = 600_000
MAX_WAIT_MS = 3 * 24 * 3600 * 1000
"""The longest ban a venue publishes. A longer one is a misreading."""


class Unreachable(StrEnum):
    """Why no connection to an exchange was made, in words."""

    UNKNOWN_HOST = "its name is not known"
    REFUSED = "the connection was refused"
    CERTIFICATE = "its certificate is not trusted"
    TLS = "it does not answer with TLS"
    NO_ANSWER = "nobody answered"
    OTHER = "no way there"


_NOT_SENT = frozenset({"ClientConnectorError", "ConnectionTimeoutError", "gaierror"})
"""Causes that mean that no connection was made (aiohttp): no byte has left."""
_ORDER_ASKS = frozenset({Ask.SUBMIT, Ask.AMEND, Ask.CANCEL})
_AUTH_REASONS = frozenset({Reason.AUTHENTICATION_FAILED, Reason.PERMISSION_DENIED})
_ORDER_ID = re.compile(r"[\w:-]{1,64}")
_BANNED_UNTIL = re.compile(r"banned until (\d{13})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a request."""

    fate: str
    """One of `Fate`. ACCEPTED: it is already as was asked, nothing changed."""
    reason: Reason | None = None
    words: str = ""
    """The venue's own, at most `refusal_text.MAX_WORDS` characters, without addresses and secrets."""
    code: str = ""
    """The venue's, or `HTTP <status>`; empty if there was none."""
    retry_after_ms: int = 0
    """Nothing should be asked of this venue before; only with `is_rate_limit` or `is_ban`."""
    is_ban: bool = False
    """This address is shut out until then."""
    is_rate_limit: bool = False
    is_clock: bool = False
    """Our idea of the venue's clock is wrong: measure it again before the next request."""
    is_auth: bool = False
    """The account cannot trade until a person has changed something."""
    unreachable: Unreachable | None = None
    """Why no connection was made; None: there was one."""


def judge(
    exchange: str,
    error: BaseException,
    *,
    ask: Ask,
    headers: Mapping[str, str] | None = None,
    status: int = 0,
    now_ms: int = 0,
) -> Verdict:
    """What `error`, raised by ccxt, says of a request of this kind.

    `headers`, `status`: of the answer, where there was one and they are known (ccxt's text seldom has the status).
    `now_ms`: for venues that name the time when they take requests again; 0: only what they say themselves of the
    present time counts.

    SUBMIT and AMEND: REFUSED and TEMPORARY only by `venue_codes`, or if nothing left; else UNKNOWN. CANCEL: the same,
    and an order that is not there or final is REFUSED with ORDER_NOT_FOUND: it is to be looked up. All others ask
    again: TEMPORARY, except REFUSED with ORDER_NOT_FOUND, and REFUSED where key or account are no good.
    """
    if _is_not_sent(error):
        why = _unreachable(error)
        words = f"no connection to the exchange ({why.value}); nothing was sent"
        return Verdict(fate=Fate.TEMPORARY, words=words, unreachable=why)
    heard = hear(str(error), status)
    own = _own_check(error, heard, ask)
    if own is not None:
        return own
    venue = heard.exchange if heard.exchange in TABLES else exchange
    meaning = _meaning(venue, heard)
    if meaning is None:
        return Verdict(fate=_nobody_knows(ask), words=_words_of_unknown(error, heard), code=_code(heard))
    wait_ms = _wait_ms(venue, meaning, heard, headers or {}, now_ms)
    return _verdict(meaning, ask, heard.words, _code(heard), wait_ms)


class NoAnswer(Exception):
    """A successful status with a body that is not the venue's. Nothing may be concluded from it."""


def require_answer(status: int, body: str) -> None:
    """Raises `NoAnswer` if a success came with a body that is no JSON: some proxy's page, or nothing at all.

    For ccxt's hook that sees every answer: ccxt itself makes an order without an id of such a page, or an empty list,
    and an empty list of orders would read as "no such order".
    """
    if status == 200 and body.lstrip()[:1] not in ("{", "["):
        raise NoAnswer(f"the answer is not the exchange's: {clean(body) or 'it is empty'}")


def is_created(raw_order: Mapping[str, Any]) -> bool:
    """Whether the answer to a new order holds an order id.

    Not every truthy id is one: of a web page sent with status 200 ccxt's mexc makes an order whose id is the page.
    """
    return bool(_ORDER_ID.fullmatch(str(raw_order.get("id") or "")))


def judge_created(exchange: str, raw_order: Mapping[str, Any]) -> Verdict:
    """An answer to a new order that is not `is_created`.

    Refused only if the venue's own code in it says so, as in a batch of one; else nobody knows.
    """
    info = raw_order.get("info")
    body = info if isinstance(info, dict) else {}
    code, message = code_and_message({"data": [body]} if "sCode" in body else body)
    heard = Heard(exchange=exchange, status=0, code=code, message=message)
    meaning = _meaning(exchange, heard) if code else None
    if isinstance(meaning, Reason):
        return _verdict(meaning, Ask.SUBMIT, heard.words, code, 0)
    words = f"the exchange answered without an order id: {heard.words}" if message else "the answer holds no order id"
    return Verdict(fate=Fate.UNKNOWN, words=words, code=code)


def reason_of_update(exchange: str, raw_order: Mapping[str, Any]) -> Reason | None:
    """Why the venue refused or ended an order, from a unified order of its stream; None: it does not say."""
    info = raw_order.get("info")
    field, reasons = UPDATE_REASONS.get(exchange, ("", {}))
    said = str(info.get(field) or "") if isinstance(info, dict) else ""
    if said in reasons:
        return reasons[said]
    return Reason.EXCHANGE_REFUSED if raw_order.get("status") == "rejected" else None


# --- what happened ----------------------------------------------------------------------------------


def _is_not_sent(error: BaseException) -> bool:
    """No connection could be made: refused, no such host, no certificate. A drop after that is something else."""
    names = {kind.__name__ for kind in type(error.__cause__).__mro__} if error.__cause__ is not None else set()
    return bool(names & _NOT_SENT) or type(error).__name__ == "ExchangeClosedByUser"


def _unreachable(error: BaseException) -> Unreachable:
    cause = error.__cause__
    names = {kind.__name__ for kind in type(cause).__mro__}
    if names & {"ClientConnectorDNSError", "gaierror"}:
        return Unreachable.UNKNOWN_HOST
    if "ClientConnectorCertificateError" in names:
        return Unreachable.CERTIFICATE
    if "ClientConnectorSSLError" in names:
        return Unreachable.TLS
    if "ConnectionTimeoutError" in names:
        return Unreachable.NO_ANSWER
    if isinstance(getattr(cause, "os_error", cause), ConnectionRefusedError) or "Connect call failed" in str(cause):
        return Unreachable.REFUSED
    return Unreachable.OTHER


def _own_check(error: BaseException, heard: Heard, ask: Ask) -> Verdict | None:
    """What ccxt, or our own venue, refuses by itself, before anything is sent."""
    if heard.is_venue:
        return None
    if isinstance(error, NoAnswer):
        return Verdict(fate=_nobody_knows(ask), words=clean(str(error)))
    text, kinds = str(error), {kind.__name__ for kind in type(error).__mro__}
    reason: Reason | None = None
    if "AuthenticationError" in kinds and re.search(r'requires "\w+" credential', text):
        reason = Reason.AUTHENTICATION_FAILED
    elif "BadSymbol" in kinds and "does not have market symbol" in text:
        reason = Reason.INSTRUMENT_INACTIVE
    elif "InvalidOrder" in kinds and "must be greater than minimum amount precision" in text:
        reason = Reason.BELOW_MIN_QUANTITY
    elif "NotSupported" in kinds and text.endswith("are not offered"):  # Our own venues say that.
        reason = Reason.EXCHANGE_REFUSED
    return None if reason is None else _verdict(reason, ask, clean(text), "", 0)


def _meaning(venue: str, heard: Heard) -> Meaning | None:
    """What the venue's table, or the bare HTTP status, says. None: nothing certain."""
    message = heard.message.lower()
    if heard.status == 418 or (heard.status in (403, 429) and "access too frequent" in message):
        return Special.BAN
    if heard.status == 429:
        return Special.RATE_LIMIT
    code = heard.code
    if not code and venue in ("binance", "binanceusdm"):
        code = next((code for words, code in BINANCE_WORDS.items() if message.startswith(words)), "")
    found = TABLES.get(venue, {}).get(code) if code else None
    if isinstance(found, tuple):
        found = next(meaning for words, meaning in found if words in message)
    if heard.status >= 500 and found is not Special.BUSY:
        return None  # "5xx: unknown" outweighs what the body says.
    if found is None and heard.status == 403 and not code and venue in ("binance", "binanceusdm", "bybit"):
        return Special.RATE_LIMIT  # Their firewall, which stands before everything that executes.
    return found


def _verdict(meaning: Meaning, ask: Ask, words: str, code: str, wait_ms: int) -> Verdict:
    if isinstance(meaning, Reason):
        is_auth = meaning in _AUTH_REASONS
        fate = Fate.REFUSED if ask in _ORDER_ASKS or ask is Ask.SETUP or is_auth else Fate.TEMPORARY
        return Verdict(fate=fate, reason=meaning, words=words, code=code, is_auth=is_auth)
    if meaning is Special.GONE:
        fate = Fate.UNKNOWN if ask is Ask.SUBMIT else Fate.REFUSED
        reason = None if ask is Ask.SUBMIT else Reason.ORDER_NOT_FOUND
        return Verdict(fate=fate, reason=reason, words=words, code=code)
    if meaning is Special.UNCHANGED:
        fate = Fate.ACCEPTED if ask in (Ask.AMEND, Ask.SETUP) else _nobody_knows(ask)
        return Verdict(fate=fate, words=words, code=code)
    if meaning is Special.IN_PROGRESS:
        fate = Fate.UNKNOWN if ask is Ask.SUBMIT else Fate.TEMPORARY
        return Verdict(fate=fate, words=words, code=code)
    is_limit = meaning in (Special.RATE_LIMIT, Special.BAN)
    return Verdict(
        fate=Fate.TEMPORARY,
        reason=Reason.RATE_LIMITED if is_limit else None,
        words=words,
        code=code,
        retry_after_ms=wait_ms,
        is_ban=meaning is Special.BAN,
        is_rate_limit=is_limit,
        is_clock=meaning is Special.CLOCK,
    )


def _nobody_knows(ask: Ask) -> str:
    return Fate.UNKNOWN if ask in _ORDER_ASKS else Fate.TEMPORARY


def _code(heard: Heard) -> str:
    return heard.code or (f"HTTP {heard.status}" if heard.status else "")


def _words_of_unknown(error: BaseException, heard: Heard) -> str:
    if heard.is_venue:
        return heard.words or f"HTTP {heard.status}"
    cause = type(error.__cause__ or error).__name__
    if "TimeoutError" in cause:
        return "no answer in time"
    if error.__cause__ is not None:
        return f"the connection broke after the request was sent ({cause})"
    return f"{type(error).__name__}: {heard.words}" if heard.words else type(error).__name__


# --- how long to wait -------------------------------------------------------------------------------


def _wait_ms(venue: str, meaning: Meaning, heard: Heard, headers: Mapping[str, str], now_ms: int) -> int:
    if meaning is Special.RATE_LIMIT:
        wait_ms, least_ms = 0, RATE_LIMIT_MS
    elif meaning is Special.BAN:
        wait_ms, least_ms = 0, BAN_MS.get(venue, OTHER_BAN_MS)
    else:
        return 0
    named = {name.lower(): value for name, value in headers.items()}
    present_ms = now_ms or _number(heard.body.get("time"))
    if retry_after_s := _number(named.get("retry-after")):
        wait_ms = retry_after_s * 1000
    elif present_ms and (reset_ms := _number(named.get("x-bapi-limit-reset-timestamp"))):
        wait_ms = reset_ms - present_ms
    elif now_ms and (match := _BANNED_UNTIL.search(heard.message)):
        wait_ms = int(match[1]) - now_ms
    return min(wait_ms, MAX_WAIT_MS) if wait_ms > 0 else least_ms


def _number(value: object) -> int:
    text = str(value or "").strip()
    return int(text) if text.isdecimal() else 0
