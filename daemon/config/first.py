"""The first config of an installation: the shipped text with a person's few answers put in, comments and all. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from actors.rules.choices import Market
from actors.rules.settings import MAX_LEGS
from daemon.config.document import parse
from daemon.config.edit import Edit, apply_edits
from daemon.config.fault import ConfigFaults, Fault
from daemon.config.load import default_config
from daemon.config.schema_accounts import MAX_OPEN_GROUPS, PAPER, default_symbols
from daemon.config.section import NAME

SHIPPED = Path(__file__).with_name("shipped.yaml")
"""The same bytes as the repository's `config.yaml`, here so that an installed package has them."""
KEYS = ("api_key", "api_secret", "passphrase")
LEG = ("gap_percent", "weight_percent", "tp_percent")

_HEAD = "# Terrace, the shipped configuration: one paper account, made-up prices, no keys needed.\n"
_EVERY = "# Every key stands here with its default; a key you leave out has the same value."
_EVERY_NOW = "# Every key stands here; one you leave out has its shipped value."
_BLOCK = re.compile(r"(?ms)^  paper:.*?(?=^  # An account of a real exchange)")
_EXAMPLE = re.compile(r"(?m)^  # (?=binance:$|  )")
_FILE_COMMENT = re.compile(r" +# only the owner may read the file \(chmod 600\)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What is to be asked about an exchange."""

    has_testnet: bool = True
    needs_passphrase: bool = False


OFFERS: Mapping[str, Offer] = {
    "binance": Offer(),
    "bybit": Offer(),
    "okx": Offer(needs_passphrase=True),
    "kucoin": Offer(has_testnet=False, needs_passphrase=True),
    "mexc": Offer(has_testnet=False),
    "gate": Offer(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a person has answered. Values as text, judged by the schema; None: as shipped."""

    exchange: str = PAPER
    account: str = PAPER
    market: str = "spot"
    testnet: bool = False
    capital: str | None = None
    """Notional in quote per pyramid."""
    ladder: tuple[tuple[str, str, str], ...] | None = None
    """Gap, weight, target of each leg, in percent."""
    pool: int | None = None

    @property
    def is_paper(self) -> bool:
        return self.exchange == PAPER

    @property
    def keys(self) -> tuple[str, ...]:
        """The secrets its exchange wants."""
        if self.is_paper:
            return ()
        return KEYS if OFFERS[self.exchange].needs_passphrase else KEYS[:2]

    def vault_name(self, key: str) -> str:
        return f"{self.account}/{key}"


def shipped_text() -> str:
    return SHIPPED.read_text(encoding="utf-8")


@cache
def facts() -> Mapping[str, Any]:
    """What `terrace init` has to know to ask, as plain data."""
    shipped = parse(shipped_text(), SHIPPED.name).tree
    default: Any = shipped["strategy"]["default"]
    return {
        "exchanges": {
            name: {"testnet": offer.has_testnet, "passphrase": offer.needs_passphrase} for name, offer in OFFERS.items()
        },
        "name": NAME.form,
        "markets": [market.value for market in Market],
        "ladder": [[leg[key] for key in LEG] for leg in default["levels"]],
        "capital": default["sizing"]["capital_per_pyramid"],
        "pyramids": int(default["max_pyramids"]),
        "pool": int(shipped["pool"]["max_open_groups"]),
        "max_pool": MAX_OPEN_GROUPS,
        "max_legs": MAX_LEGS,
        "currency": default_config()["engine"]["reporting_currency"],
    }


def first_config(answers: Answers, source: str = "config.yaml") -> str | ConfigFaults:
    """The whole text. Faults: an answer that has no place in the file; whether the values hold is the schema's."""
    if re.fullmatch(NAME.form, answers.account) is None:
        return _fault("account", f"{answers.account!r} is no name", source, (NAME.what,))
    if not answers.is_paper and answers.exchange not in OFFERS:
        words = f"exchange {answers.exchange} is not supported"
        return _fault("exchange", words, source, (PAPER, *OFFERS))
    if answers.testnet and not answers.is_paper and not OFFERS[answers.exchange].has_testnet:
        return _fault("testnet", f"{answers.exchange} has no testnet", source)
    text = shipped_text()
    if not answers.is_paper:
        accounts, rest, after = text.partition("\nroutes:")
        accounts = _EXAMPLE.sub("  ", _BLOCK.sub("", accounts, count=1))
        text = _FILE_COMMENT.sub("", accounts) + rest + after  # Its keys are in the vault.
    name = "paper" if answers.is_paper else "binance"
    text = text.replace(f"\n  {name}:", f"\n  {_key(answers.account)}:", 1)
    text = text.replace(_HEAD, _head(answers), 1).replace(_EVERY, _EVERY_NOW, 1)
    return apply_edits(text, tuple(_edits(answers)), source)


def _head(answers: Answers) -> str:
    if answers.is_paper:
        return "# Terrace: one paper account, made-up prices, no keys needed. Written by `terrace init`.\n"
    world = "testnet" if answers.testnet else "REAL MONEY"
    return f"# Terrace: one {answers.exchange} account, {answers.market}, {world}. Written by `terrace init`.\n"


def _edits(answers: Answers) -> Iterator[Edit]:
    account = f'accounts."{answers.account}"'
    if answers.is_paper:
        if answers.market != "spot":
            yield Edit(path=f"{account}.market", value=_text(answers.market))
            yield Edit(path=f"{account}.symbols", value=f"[{', '.join(default_symbols(Market.SWAP))}]")
    else:
        yield Edit(path=f"{account}.exchange", value=_text(answers.exchange))
        yield Edit(path=f"{account}.market", value=_text(answers.market))
        yield Edit(path=f"{account}.testnet", value="true" if answers.testnet else "false")
        for key in answers.keys:
            yield Edit(path=f"{account}.{key}", value=_text(f"vault:{answers.vault_name(key)}"))
    if answers.account != PAPER:
        yield Edit(path='routes."*"', value=_key(answers.account))
    if answers.capital is not None:
        yield Edit(path="strategy.default.sizing.capital_per_pyramid", value=json.dumps(answers.capital))
    if answers.ladder is not None:
        yield from _ladder(answers.ladder)
    if answers.pool is not None:
        yield Edit(path="pool.max_open_groups", value=str(answers.pool))


def _ladder(ladder: tuple[tuple[str, str, str], ...]) -> Iterator[Edit]:
    """Legs that are there are changed, others added or taken away, so that the list keeps its layout."""
    levels = "strategy.default.levels"
    shipped = facts()["ladder"]
    count = len(shipped)
    for index, leg in enumerate(ladder):
        if index < count:
            for key, value, before in zip(LEG, leg, shipped[index], strict=True):
                if value != before:
                    yield Edit(path=f"{levels}[{index}].{key}", value=json.dumps(value))
        else:
            pairs = ", ".join(f"{key}: {json.dumps(value)}" for key, value in zip(LEG, leg, strict=True))
            yield Edit(path=f"{levels}[]", value=f"{{{pairs}}}")
    for index in reversed(range(len(ladder), count)):
        yield Edit(path=f"{levels}[{index}]", unset=True)


def _key(name: str) -> str:
    """A name as YAML: in quotes where it would mean something else, such as `null` or `1e3`."""
    return name if parse(f"name: {name}", "").tree.get("name") == name else json.dumps(name)


def _text(word: str) -> str:
    return word if re.fullmatch(r"[A-Za-z0-9_:./-]+", word) else json.dumps(word)


def _fault(path: str, message: str, source: str, allowed: tuple[str, ...] = ()) -> ConfigFaults:
    return ConfigFaults(faults=(Fault(path=path, line=0, message=message, source=source, allowed=allowed),))
