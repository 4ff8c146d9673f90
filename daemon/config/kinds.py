"""The kinds of values a key may hold. Each says in its refusal what would have been allowed, with its unit.

A kind is put on a field by `Annotated[int, Whole(1, 60, "s")]` and replaces pydantic's own reading of that type: there
is no coercion but the ones written here. A refusal carries `message` and `allowed`; values are echoed, secrets never.
"""

from __future__ import annotations

import ipaddress
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from daemon.config.fault import did_you_mean
from daemon.config.hints import is_secretive, number_meant

REFUSED = "refused"
SECRET_KINDS = ("keyring:", "env:", "file:", "systemd:", "vault:")
_FLAG_WORDS = {
    "true": "true",
    "yes": "true",
    "on": "true",
    "y": "true",
    "false": "false",
    "no": "false",
    "off": "false",
}
_LOCALHOST = {"localhost", "127.0.0.1", "::1"}
_PLAIN_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")


def refuse(message: str, *allowed: str) -> PydanticCustomError:
    return PydanticCustomError(REFUSED, "{message}", {"message": message, "allowed": allowed})


def _bare(unit: str) -> str:
    """The unit as a word: `in quote` and `s, 0 for never` carry more for a sentence."""
    return unit.partition(",")[0].removeprefix("in ")


def found(value: object) -> str:
    """The value as the user wrote it, shortened."""
    if value is None:
        return "found nothing"
    if isinstance(value, bool):
        return f"found {str(value).lower()}"
    if isinstance(value, dict | list | tuple):
        return "found a map" if isinstance(value, dict) else "found a list"
    if isinstance(value, str) and is_secretive(value):
        return "found text (not shown)"
    text = repr(value) if isinstance(value, str) else str(value)
    return f"found {text if len(text) <= 40 else text[:37] + '...'}"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a kind takes, for a person. `kind` is one of the words of `ConfigKey.kind` in the contract."""

    kind: str = "TEXT"
    unit: str = ""
    minimum: str = ""
    """The least allowed, `above 0` where the bound itself is not; so with `maximum`."""
    maximum: str = ""
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind(ABC):
    """A rule that turns one plain value into the field's, or raises `refuse(...)`."""

    @property
    def facts(self) -> Facts:
        """What may stand there; kinds that say nothing of themselves hold text."""
        return Facts()

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        check: Callable[[Any], Any] = self.check
        return core_schema.no_info_plain_validator_function(check)

    @abstractmethod
    def check(self, value: object) -> Any:
        """The field's value, or a refusal."""


@dataclass(frozen=True)
class Whole(Kind):
    """A whole number within bounds."""

    low: int
    high: int
    unit: str = ""

    @property
    def facts(self) -> Facts:
        return Facts("WHOLE", _bare(self.unit), str(self.low), str(self.high))

    def check(self, value: object) -> int:
        allowed = f"{self.low} to {self.high}{' ' + self.unit if self.unit else ''}"
        if type(value) is not int:
            meant = number_meant(str(value), self.unit, whole=True) if isinstance(value, str | Decimal) else ""
            raise refuse(f"must be a whole number, {found(value)}{meant}", allowed)
        if not self.low <= value <= self.high:
            raise refuse(f"is out of bounds, {found(value)}", allowed)
        return value


@dataclass(frozen=True)
class Amount(Kind):
    """A decimal within bounds: quoted text, a whole number, or a number in the file (its digits are kept)."""

    low: str
    high: str
    unit: str = ""
    above: bool = False
    """The lower bound itself is not allowed."""
    below: bool = False
    """The upper bound itself is not allowed."""
    places: int = 18

    @property
    def facts(self) -> Facts:
        return Facts("DECIMAL", _bare(self.unit), self._least(), self._most())

    def check(self, value: object) -> Decimal:
        amount = self._read(value)
        if amount is None:
            meant = number_meant(value, self.unit) if isinstance(value, str) else ""
            raise refuse(f"must be a decimal number, {found(value)}{meant}", self._allowed())
        if not self._fits(amount):
            meant = f', did you mean "{-amount:f}"?' if self._fits(-amount) else ""
            raise refuse(f"is out of bounds, {found(value)}{meant}", self._allowed())
        exponent = amount.as_tuple().exponent
        if isinstance(exponent, int) and -exponent > self.places:
            raise refuse(f"has more than {self.places} decimal places", self._allowed())
        return amount

    def _read(self, value: object) -> Decimal | None:
        if isinstance(value, Decimal):
            return value if value.is_finite() else None
        if type(value) is int:
            return Decimal(value)
        if isinstance(value, str) and len(value) <= 64 and _PLAIN_DECIMAL.fullmatch(value.strip()):
            return Decimal(value.strip())
        return None

    def _fits(self, amount: Decimal) -> bool:
        low, high = Decimal(self.low), Decimal(self.high)
        over = amount > low if self.above else amount >= low
        under = amount < high if self.below else amount <= high
        return over and under

    def _allowed(self) -> str:
        return f"{self._least()} to {self._most()}{' ' + self.unit if self.unit else ''}"

    def _least(self) -> str:
        return f"above {self.low}" if self.above else self.low

    def _most(self) -> str:
        return f"below {self.high}" if self.below else self.high


@dataclass(frozen=True)
class Word(Kind):
    """One of an enum's words; `aliases` are older names of the same."""

    choices: type[StrEnum]
    aliases: tuple[tuple[str, str], ...] = ()

    @property
    def facts(self) -> Facts:
        return Facts("WORD", allowed=tuple(choice.value for choice in self.choices))

    def check(self, value: object) -> StrEnum:
        words = [choice.value for choice in self.choices]
        if isinstance(value, str):
            value = dict(self.aliases).get(value, value)
            if value in words:
                return self.choices(value)
            raise refuse(f"not a choice here, {found(value)}{did_you_mean(str(value), words)}", *words)
        raise refuse(f"must be one of the words, {found(value)}", *words)


@dataclass(frozen=True)
class Flag(Kind):
    """true or false, nothing that looks like it."""

    @property
    def facts(self) -> Facts:
        return Facts("FLAG", allowed=("true", "false"))

    def check(self, value: object) -> bool:
        if isinstance(value, bool):
            return value
        meant = _FLAG_WORDS.get(value.strip().casefold(), "") if isinstance(value, str) else ""
        hint = f", did you mean {meant} without quotes?" if meant else ""
        raise refuse(f"must be true or false, {found(value)}{hint}", "true", "false")


@dataclass(frozen=True)
class Text(Kind):
    """Text of a given form. `form` is a regular expression for the whole of it, `what` says it in words."""

    what: str
    form: str = r".+"
    longest: int = 256
    kind: str = "TEXT"

    @property
    def facts(self) -> Facts:
        words = tuple(self.form.split("|"))
        if all(re.fullmatch(r"[a-z]+", word) for word in words):  # A list of names, not a form.
            return Facts("WORD", allowed=words)
        return Facts(self.kind)

    def check(self, value: object) -> str:
        if isinstance(value, str) and len(value) <= self.longest and re.fullmatch(self.form, value):
            return value
        hint = " (in quotes)" if isinstance(value, int | Decimal) else ""
        raise refuse(f"must be {self.what}, {found(value)}", self.what + hint)


@dataclass(frozen=True)
class SecretReference(Kind):
    """Where a secret is kept. The value found is never echoed: it may be the secret itself."""

    @property
    def facts(self) -> Facts:
        return Facts("SECRET")

    def check(self, value: object) -> str:
        allowed = tuple(f"{kind}..." for kind in SECRET_KINDS)
        if not isinstance(value, str) or not value.startswith(SECRET_KINDS):
            raise refuse("must be a reference to a secret, not the secret itself (value not shown)", *allowed)
        kind, _, name = value.partition(":")
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*" if kind == "env" else r"[^\s\x00-\x1f][^\x00-\x1f]{0,500}", name):
            raise refuse(f"the reference names nothing usable after {kind}: (value not shown)", *allowed)
        return value


@dataclass(frozen=True)
class Address(Kind):
    """`host:port`; port 0 lets the system choose."""

    @property
    def facts(self) -> Facts:
        return Facts("ADDRESS")

    def check(self, value: object) -> str:
        if isinstance(value, str):
            host, port = split_address(value)
            if host and re.fullmatch(r"[0-9]{1,5}", port) and int(port) <= 65_535:
                return value
        raise refuse(f"must be host:port, {found(value)}", "127.0.0.1:7461", "[::1]:7461", "localhost:7461")


@dataclass(frozen=True)
class DaemonAddress(Kind):
    """Where a daemon listens: `host:port` or `unix:/path`; or several that share a store, with commas between them."""

    @property
    def facts(self) -> Facts:
        return Facts("ADDRESS")

    def check(self, value: object) -> str:
        if not isinstance(value, str):
            raise self._refused(value)
        parts = [part.strip() for part in value.split(",")]
        for part in parts:
            if re.fullmatch(r"unix:[^\s\x00]{1,100}", part):
                continue
            try:
                Address().check(part)
            except PydanticCustomError:
                raise self._refused(value) from None
        return ", ".join(parts)

    @staticmethod
    def _refused(value: object) -> PydanticCustomError:
        allowed = ("127.0.0.1:7461", "unix:/path", "one:7461, two:7461")
        return refuse(f"must be host:port or unix:/path, {found(value)}", *allowed)


@dataclass(frozen=True)
class StoreUrl(Kind):
    """Where the store is: a SQLite file, PostgreSQL without a password in clear, or a reference to such a URL."""

    def check(self, value: object) -> str:
        allowed = ("sqlite:///file.db", "postgresql://host/name", "env:NAME of a URL that holds a password")
        if isinstance(value, str):
            if re.fullmatch(r"sqlite:///(?!:memory:)[^\x00?#]{1,4096}", value):
                return value
            if re.fullmatch(r"postgres(ql)?://[^\s\x00]{1,1000}", value):
                if re.search(r"//[^/@]*:[^/@]*@|[?&]password=", value):
                    raise refuse("holds a password in clear (value not shown)", *allowed)
                return value
            if value.startswith(SECRET_KINDS):
                return SecretReference().check(value)
        raise refuse("must be the URL of a store (value not shown)", *allowed)


def split_address(address: str) -> tuple[str, str]:
    """Host (without the brackets of IPv6) and port of `host:port`; empty strings for what is not there."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]+)", address)
    if match is None:
        return "", ""
    return match[1] or match[2], match[3]


def is_same_port(one: str, other: str) -> bool:
    """Whether two listeners would be in each other's way. Port 0 is never the same."""
    (host, port), (its_host, its_port) = split_address(one), split_address(other)
    if int(port) != int(its_port) or int(port) == 0:
        return False
    hosts = {host.casefold(), its_host.casefold()}
    return len(hosts) == 1 or bool(hosts & {"0.0.0.0", "::"}) or ("localhost" in hosts and hosts <= _LOCALHOST)


def is_loopback(address: str) -> bool:
    """Whether nobody off this machine can reach the address."""
    host, _ = split_address(address)
    if host.casefold() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Network(Kind):
    """An IP address or a network in CIDR notation."""

    @property
    def facts(self) -> Facts:
        return Facts("ADDRESS")

    def check(self, value: object) -> str:
        try:
            ipaddress.ip_network(str(value) if isinstance(value, str) else "")
        except ValueError:
            pass
        else:
            return str(value)
        raise refuse(
            f"must be an IP address or network, {found(value)}", "52.89.214.238", "10.0.0.0/8", "2001:db8::/32"
        )


@dataclass(frozen=True)
class TimeZone(Kind):
    """A zone of the IANA time zone database."""

    def check(self, value: object) -> str:
        if isinstance(value, str) and value:
            try:
                ZoneInfo(value)
            except (KeyError, ValueError, OSError):  # Unknown, malformed, or a folder of zones.
                pass
            else:
                return value
        hint = did_you_mean(value, available_timezones()) if isinstance(value, str) else ""
        raise refuse(f"not a time zone, {found(value)}{hint}", "UTC", "Europe/Berlin", "America/New_York", "...")


@dataclass(frozen=True)
class Expression(Kind):
    """A JMESPath expression that compiles (SIG-13)."""

    def check(self, value: object) -> str:
        if not isinstance(value, str) or not value or len(value) > 1024:
            raise refuse(f"must be a JMESPath expression in quotes, {found(value)}", "ticker", "\"'15m'\"")
        try:
            jmespath.compile(value)
        except JMESPathError as error:
            line = str(error).splitlines()[0]
            raise refuse(f"not a JMESPath expression: {line}", "ticker", "\"'15m'\"") from None
        return value
