"""Who may speak: key, time and signature of a request or a login, in the order the venue checks them."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from tests.wire.bybit.errors import Fault, fault

_AHEAD_MS = 1000
"""A request may be this far ahead of the server's clock."""


@dataclass(frozen=True, slots=True)
class Keys:
    api_key: str
    api_secret: str


def sign(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def check_request(keys: Keys, headers: Mapping[str, str], payload: str, now_ms: int) -> Fault | None:
    """`payload` is the raw query or the raw body, exactly as it was sent."""
    low = {name.lower(): value for name, value in headers.items()}
    key, stamp = low.get("x-bapi-api-key", ""), low.get("x-bapi-timestamp", "")
    window, given = low.get("x-bapi-recv-window", "5000"), low.get("x-bapi-sign", "")
    if not key or not stamp.isdigit() or not given or not window.isdigit():
        return fault(10001, f"empty value: apiTimestamp[{stamp}] apiKey[{key}] apiSignature[{given}]")
    if key != keys.api_key:
        return fault(10003)
    if not int(stamp) < now_ms + _AHEAD_MS or now_ms - int(stamp) > int(window):
        words = "invalid request, please check your server timestamp or recv_window param."
        return fault(10002, f"{words} req_timestamp[{stamp}],server_timestamp[{now_ms}],recv_window[{window}]")
    text = stamp + key + window + payload
    if not hmac.compare_digest(sign(keys.api_secret, text), given):
        return fault(10004, f"error sign! origin_string[{text}]")
    return None


def check_login(keys: Keys, args: object, now_ms: int) -> Fault | None:
    """The arguments of the `auth` operation of a private stream."""
    if not isinstance(args, list) or len(args) != 3:
        return fault(10001, "Params error")
    key, expires, given = (str(arg) for arg in args)
    if key != keys.api_key:
        return fault(10003, "Invalid apikey")
    if not expires.isdigit() or int(expires) <= now_ms:
        return fault(10002, "Request expired")
    if not hmac.compare_digest(sign(keys.api_secret, f"GET/realtime{expires}"), given):
        return fault(10004, "Invalid sign")
    return None
