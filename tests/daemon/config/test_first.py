"""The first config: the shipped text with a person's answers in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.rules.choices import Market
from daemon.config.fault import ConfigFaults
from daemon.config.first import OFFERS, SHIPPED, Answers, facts, first_config, shipped_text
from daemon.config.load import LoadedConfig, default_config, load_text
from daemon.exchanges.venues import venue_class

ROOT = Path(__file__).resolve().parents[3]


def loaded(answers: Answers, folder: Path = ROOT) -> LoadedConfig:
    text = first_config(answers)
    assert isinstance(text, str), str(text)
    config = load_text(text, folder / "config.yaml", {})
    assert isinstance(config, LoadedConfig), str(config)
    return config


def test_what_is_installed_is_the_shipped_configuration() -> None:
    assert SHIPPED.read_bytes() == (ROOT / "config.yaml").read_bytes(), "cp config.yaml daemon/config/shipped.yaml"


def test_what_is_asked_of_an_exchange_is_what_it_has() -> None:
    for exchange, offer in OFFERS.items():
        for market in Market:
            kind = venue_class(exchange, market)
            assert not isinstance(kind, str)
            assert (kind.has_testnet, kind.needs_passphrase) == (offer.has_testnet, offer.needs_passphrase), exchange


@pytest.mark.rule("CFG-1")
@pytest.mark.parametrize(("exchange", "market"), list(zip(OFFERS, ["spot", "swap"] * 3, strict=True)))
def test_an_exchange_account_stands_alone_with_its_keys_in_the_vault(exchange: str, market: str) -> None:
    offer = OFFERS[exchange]
    config = loaded(Answers(exchange=exchange, account="mine", market=market, testnet=offer.has_testnet))
    [account] = config.settings.accounts.values()
    assert (account.name, account.exchange, account.market.value) == ("mine", exchange, market)
    assert account.testnet == offer.has_testnet
    assert (account.api_key, account.api_secret) == ("vault:mine/api_key", "vault:mine/api_secret")
    assert account.passphrase == ("vault:mine/passphrase" if offer.needs_passphrase else None)
    assert config.settings.routes == {"*": "mine"}
    assert config.warnings == ()


def test_every_key_keeps_its_comment() -> None:
    text = first_config(Answers(exchange="okx", account="okx", market="swap", testnet=True, capital="150", pool=3))
    assert isinstance(text, str)
    shipped = shipped_text().partition("\nroutes:")[2]
    comments = [line.partition(" # ")[2] for line in shipped.splitlines() if " # " in line]
    assert len(comments) > 100
    assert [comment for comment in comments if comment not in text] == []
    assert "perpetuals settled in their quote" in text  # Of the account, where it was an example.
    assert "the name is yours" not in text  # Of the paper account, which is gone.


def test_without_an_answer_it_is_what_is_shipped() -> None:
    assert loaded(Answers()).effective["strategy"] == default_config()["strategy"]
    before, after = shipped_text().splitlines(), str(first_config(Answers())).splitlines()
    changed = [number for number, (one, other) in enumerate(zip(before, after, strict=True)) if one != other]
    assert changed == [0, 2]  # What the file says of itself.


@pytest.mark.parametrize("legs", [1, 5, 6])
def test_capital_ladder_and_pool_are_the_answers(legs: int) -> None:
    weight = {1: "100", 5: "20", 6: "16.666"}[legs]
    ladder = tuple((f"{index}.5", weight, f"{index + 1}") for index in range(legs))
    config = loaded(Answers(capital="1234.5", ladder=ladder, pool=7))
    strategy = config.effective["strategy"]["default"]
    told = [(leg["gap_percent"], leg["weight_percent"], leg["tp_percent"]) for leg in strategy["levels"]]
    assert told == list(ladder)
    assert strategy["sizing"]["capital_per_pyramid"] == "1234.5"
    assert config.settings.pool.max_open_groups == 7


def test_a_paper_account_of_swaps_has_swaps() -> None:
    [account] = loaded(Answers(market="swap")).settings.accounts.values()
    assert {symbol.rpartition(":")[2] for symbol in account.symbols} == {"USDT"}


@pytest.mark.parametrize("name", ["null", "007", "1e3"])
def test_a_name_that_yaml_would_read_otherwise_stays_a_name(name: str) -> None:
    assert list(loaded(Answers(exchange="gate", account=name)).settings.accounts) == [name]
    assert list(loaded(Answers(account=name)).settings.accounts) == [name]


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (Answers(exchange="kraken"), "kraken is not supported"),
        (Answers(exchange="mexc", account="m", testnet=True), "mexc has no testnet"),
        (Answers(account='x"\nroutes: {}'), "is no name"),
    ],
)
def test_an_answer_without_a_place_is_a_fault(answers: Answers, words: str) -> None:
    found = first_config(answers)
    assert isinstance(found, ConfigFaults)
    assert words in str(found)


def test_an_answer_the_schema_refuses_is_a_fault_with_its_line() -> None:
    text = first_config(Answers(capital="-5", ladder=(("0", "50", "1"),)))
    assert isinstance(text, str)
    found = load_text(text, ROOT / "config.yaml", {})
    assert isinstance(found, ConfigFaults)
    assert {fault.path.partition("[")[0] for fault in found.faults} == {
        "strategy.default.levels",
        "strategy.default.sizing.capital_per_pyramid",
    }
    assert all(fault.line for fault in found.faults)


def test_the_facts_to_ask_by_are_those_of_the_shipped_text() -> None:
    assert facts()["capital"] == "200"
    assert facts()["pool"] == 10
    assert facts()["ladder"][1] == ["0.5", "20", "0.5"]
