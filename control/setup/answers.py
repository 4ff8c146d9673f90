"""The answers `terrace init` needs, each judged as soon as it is given. Pure; what can be chosen the engine says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

PAPER = "paper"
TESTNET, LIVE = "testnet", "live"
Leg = tuple[str, str, str]
_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")
WEIGHT_TOLERANCE = Decimal("0.01")
MAX_KEY_CHARACTERS = 8192


class WrongAnswer(ValueError):
    """What is wrong with an answer, and what may stand there. Never holds a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What can be chosen."""

    testnets: Mapping[str, bool]
    """Exchange -> whether it has a testnet."""
    passphrases: Mapping[str, bool]
    """Exchange -> whether its keys have a passphrase."""
    markets: tuple[str, ...]
    name_form: str
    ladder: tuple[Leg, ...]
    """As shipped: gap, weight, target in percent."""
    capital: str
    pyramids: int
    pool: int
    max_pool: int
    max_legs: int
    currency: str

    @property
    def exchanges(self) -> tuple[str, ...]:
        return (PAPER, *self.testnets)

    def worlds(self, exchange: str) -> tuple[str, ...]:
        return (TESTNET, LIVE) if self.testnets[exchange] else (LIVE,)


@dataclass(slots=True, kw_only=True)
class Answers:
    """What is known so far; None: not answered yet."""

    exchange: str | None = None
    account: str | None = None
    market: str | None = None
    world: str | None = None
    keys: dict[str, str] = field(default_factory=dict, repr=False)
    capital: str | None = None
    ladder: tuple[Leg, ...] | None = None
    pool: int | None = None

    @property
    def is_paper(self) -> bool:
        return self.exchange == PAPER

    def wanted_keys(self, facts: Facts) -> tuple[str, ...]:
        """Names of the secrets the exchange gives out for a key."""
        if self.exchange is None or self.is_paper:
            return ()
        return ("api_key", "api_secret", *(("passphrase",) if facts.passphrases[self.exchange] else ()))

    def plan(self, path: str, *, force: bool) -> dict[str, Any]:
        """For `terraced init`."""
        return {
            "config": path,
            "exchange": self.exchange or PAPER,
            "account": self.account or self.exchange or PAPER,
            "market": self.market or "spot",
            "testnet": self.world == TESTNET,
            "capital": self.capital,
            "ladder": [list(leg) for leg in self.ladder] if self.ladder else None,
            "pool": self.pool,
            "keys": dict(self.keys),
            "force": force,
        }


def read_facts(found: Mapping[str, Any]) -> Facts:
    """From what `terraced init facts` says."""
    return Facts(
        testnets={name: bool(each["testnet"]) for name, each in found["exchanges"].items()},
        passphrases={name: bool(each["passphrase"]) for name, each in found["exchanges"].items()},
        markets=tuple(found["markets"]),
        name_form=found["name"],
        ladder=tuple((gap, weight, target) for gap, weight, target in found["ladder"]),
        capital=found["capital"],
        pyramids=found["pyramids"],
        pool=found["pool"],
        max_pool=found["max_pool"],
        max_legs=found["max_legs"],
        currency=found["currency"],
    )


def one_of(text: str, allowed: tuple[str, ...]) -> str:
    word = text.strip().lower()
    if word not in allowed:
        raise WrongAnswer(f"must be {_either(allowed)}, not {text.strip()!r}")
    return word


def name(text: str, facts: Facts) -> str:
    found = text.strip()
    if re.fullmatch(facts.name_form, found) is None:
        raise WrongAnswer("must be a name of at most 32 letters, digits, - and _, such as binance")
    return found


def amount(text: str) -> str:
    """A sum of money above zero, as plain text."""
    found = text.strip()
    if _NUMBER.fullmatch(found) is None or not Decimal(found):
        raise WrongAnswer(f"must be an amount above 0, such as 200 or 50.5, not {found!r}")
    return found


def pool(text: str, facts: Facts) -> int:
    found = text.strip()
    if not (found.isascii() and found.isdecimal()) or not 1 <= int(found[:9]) <= facts.max_pool:
        raise WrongAnswer(f"must be a whole number from 1 to {facts.max_pool}, not {found!r}")
    return int(found)


def ladder(text: str, facts: Facts) -> tuple[Leg, ...]:
    """`GAP:WEIGHT:TARGET` for each leg, in percent, spaces or commas between."""
    legs = tuple(_leg(each) for each in text.replace(",", " ").split())
    if not 1 <= len(legs) <= facts.max_legs:
        raise WrongAnswer(f"must be 1 to {facts.max_legs} legs, each GAP:WEIGHT:TARGET, such as 0:60:1 0.5:40:0.8")
    weights = sum((Decimal(leg[1]) for leg in legs), Decimal(0))
    if abs(weights - 100) > WEIGHT_TOLERANCE:
        raise WrongAnswer(f"the weights make {weights} %, they must make 100 %")
    return legs


def key(text: str) -> str:
    """One secret of an exchange's key. What was given is not repeated."""
    found = text.strip()
    if not found or len(found) > MAX_KEY_CHARACTERS or not found.isprintable():
        raise WrongAnswer(f"must be 1 to {MAX_KEY_CHARACTERS} characters on one line (not shown)")
    return found


def shown_ladder(legs: tuple[Leg, ...]) -> str:
    return " ".join(":".join(leg) for leg in legs)


def missing(answers: Answers, facts: Facts) -> list[str]:
    """Options that have to be given where nobody can be asked, each with what it may hold."""
    if answers.exchange is None:
        return [f"--paper, or --exchange ({_either(facts.exchanges)})"]
    if answers.is_paper:
        return []
    found = []
    if answers.market is None:
        found.append(f"--market ({_either(facts.markets)})")
    if answers.world is None:
        worlds = facts.worlds(answers.exchange)
        found.append(" or ".join(f"--{world}" for world in worlds))
    found += [f"--{each.replace('_', '-')}-file" for each in answers.wanted_keys(facts) if each not in answers.keys]
    if answers.capital is None:
        found.append("--capital (an amount above 0)")
    return found


def _leg(text: str) -> Leg:
    parts = text.split(":")
    if len(parts) != 3:
        raise WrongAnswer(f"a leg is GAP:WEIGHT:TARGET in percent, such as 0.5:20:1, not {text!r}")
    try:
        gap, weight, target = Decimal(parts[0]), Decimal(parts[1]), Decimal(parts[2])
    except InvalidOperation:
        raise WrongAnswer(f"a leg is three numbers, such as 0.5:20:1, not {text!r}") from None
    is_plain = all(_NUMBER.fullmatch(part.removeprefix("-")) for part in parts)
    if not (is_plain and -100 < gap < 100 and 0 < weight <= 100 and 0 < target <= 1000):
        raise WrongAnswer(
            f"{text}: gap above -100 to below 100, weight above 0 to 100, target above 0 to 1000, as plain numbers"
        )
    return parts[0], parts[1], parts[2]


def _either(words: tuple[str, ...]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]
