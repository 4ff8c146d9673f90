"""What a person can do about a request that failed: one line, the venue's words first."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from actors.rules.choices import Market
from actors.rules.settings import AccountSettings
from daemon.exchanges.errors import Unreachable, Verdict

_SECRET = "api_secret does not belong to api_key: copy the pair once more, or make a new one"
_FORM = "api_key is not a key of this venue, or not whole: copy it once more"
_KEY = "the venue does not know api_key: copy it once more, and see that it is a {world} key"
_ADDRESS = "this machine's address is not on the key's list: add it at {exchange}"
_PASSPHRASE = "passphrase is not the one the key was made with"
_EXPIRED = "the key has expired: make a new one at {exchange}"
_WORLD = "the key is of the other world: it must be a {world} key, or change testnet"
_RIGHTS = "the key lacks a permission: allow reading and {kind} trading for it at {exchange}"
_ANY = (
    "the venue does not say which: see that api_key is whole and a {world} key, that this machine's address is on its "
    "list, and that it may trade {kind}"
)
_CHECK_ALL = (
    "check api_key and api_secret (and passphrase), that the key is a {world} key of {exchange}, and that this "
    "machine's address is on its list"
)
_BINANCE = {"-2015": _ANY, "-2014": _FORM, "-2008": _KEY, "-1022": _SECRET}

_BY_CODE: Mapping[str, Mapping[str, str]] = {
    "binance": _BINANCE,
    "binanceusdm": _BINANCE,
    "bybit": {"10003": _KEY, "10004": _SECRET, "10005": _RIGHTS, "10010": _ADDRESS, "33004": _EXPIRED},
    "okx": {
        "50101": _WORLD,
        "50105": _PASSPHRASE,
        "50110": _ADDRESS,
        "50111": _KEY,
        "50113": _SECRET,
        "50119": _KEY,
        "50120": _RIGHTS,
    },
    "kucoin": {"400003": _KEY, "400004": _PASSPHRASE, "400005": _SECRET, "400006": _ADDRESS, "400007": _RIGHTS},
    "mexc": {"10072": _KEY, "700002": _SECRET, "700006": _ADDRESS, "700007": _RIGHTS},
    "gate": {"INVALID_KEY": _KEY, "INVALID_SIGNATURE": _SECRET, "IP_FORBIDDEN": _ADDRESS, "READ_ONLY": _RIGHTS},
}
"""What refusals of a key mean, by exchange and the venue's code."""

_NO_WAY: Mapping[Unreachable, str] = {
    Unreachable.UNKNOWN_HOST: "the host name {host} is not known: check {where} and this machine's DNS",
    Unreachable.REFUSED: "{host} refuses the connection: check {where} and that something listens there",
    Unreachable.CERTIFICATE: (
        "the certificate of {host} is not trusted: check {where}, proxies on the way, and this machine's certificates"
    ),
    Unreachable.TLS: "{host} does not answer with TLS: check {where}; a plain address begins with http:// and ws://",
    Unreachable.NO_ANSWER: "{host} does not answer: check {where} and firewalls on the way",
    Unreachable.OTHER: "{host} cannot be reached: check {where} and firewalls on the way",
}


def is_any(verdict: Verdict, exchange: str) -> bool:
    """The venue has one word for a key it does not know, an address it does not take, and a missing permission."""
    return _BY_CODE.get(exchange, {}).get(verdict.code) is _ANY


def remedy(verdict: Verdict, account: AccountSettings, exchange: str) -> str:
    """`exchange`: the venue's own name. One line, without secrets."""
    if verdict.unreachable is not None:
        return _no_way(verdict.unreachable, account, exchange)
    said = verdict.words.rstrip(". ")
    if verdict.is_ban or verdict.is_rate_limit:
        wait_s = -(-verdict.retry_after_ms // 1000)
        return f"{said}: too many requests from this address; wait {wait_s or 'some'} s, and stop other programs there"
    if verdict.is_clock:
        return f"{said}: set this machine's clock by a time server (NTP)"
    if verdict.is_auth:
        words = _BY_CODE.get(exchange, {}).get(verdict.code, _CHECK_ALL)
        world = "testnet" if account.testnet else "live"
        return f"{said}: {words.format(world=world, exchange=exchange, kind=kind_of(account))}"
    return f"{said}: check {_where(account)} and the venue's status page"


def kind_of(account: AccountSettings) -> str:
    """What venues call trading there."""
    return "futures" if account.market is Market.SWAP else "spot"


def _no_way(why: Unreachable, account: AccountSettings, exchange: str) -> str:
    host = urlsplit(account.urls.get("rest", "")).netloc
    unnamed = f"of {exchange}" if why is Unreachable.UNKNOWN_HOST else exchange
    return _NO_WAY[why].format(host=host or unnamed, where=_where(account))


def _where(account: AccountSettings) -> str:
    return f"accounts.{account.name}.urls" if account.urls else "the network"
