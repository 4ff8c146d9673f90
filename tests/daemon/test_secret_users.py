"""A key that is stored while another one is being tried: the one stored last is the one that is used."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from actors.rules.settings import AccountSettings, AlertSettings
from daemon.api.condition import Condition
from daemon.exchanges.ccxt_exchange import CcxtExchange
from daemon.secret_users import VaultUsers


class Taker(CcxtExchange):
    """Only remembers which key it was given."""

    def __init__(self) -> None:
        self.given: list[Any] = []

    def change_credentials(self, credentials: Any) -> None:
        self.given.append(credentials)


@pytest.mark.rule("SEC-3")
def test_an_older_key_that_was_tried_for_long_does_not_take_the_place_of_a_newer_one() -> None:
    vault, trying, goes_on = ["first"], threading.Event(), threading.Event()
    account = AccountSettings(name="main", exchange="binance", api_key="vault:key")

    def try_credentials(_account: object, credentials: str) -> str:
        if credentials == "first key":
            trying.set()
            goes_on.wait(5)
        return ""

    opening: Any = SimpleNamespace(
        credentials=lambda _account: SimpleNamespace(text=f"{vault[-1]} key"),
        try_credentials=lambda account, found: try_credentials(account, found.text),
    )
    settings: Any = SimpleNamespace(accounts={"main": account}, notifications=(), alerts=AlertSettings())
    exchange = Taker()
    condition = Condition(0)
    users = VaultUsers(
        settings=lambda: settings, effective={}, exchanges={"main": exchange}, opening=opening, condition=condition
    )
    first = threading.Thread(target=users.take_up, args=("key",))
    first.start()
    assert trying.wait(5)
    vault.append("second")
    second = threading.Thread(target=users.take_up, args=("key",))
    second.start()
    second.join(0.3)
    goes_on.set()
    first.join(5)
    second.join(5)
    assert [each.text for each in exchange.given] == ["first key", "second key"]


@pytest.mark.rule("SEC-3", "REC-5")
def test_a_stored_key_the_running_account_does_not_use_is_shown_until_the_right_one_is_stored() -> None:
    account = AccountSettings(name="main", exchange="binance", api_key="vault:key")
    refusals = ["the exchange says: wrong key", ""]
    opening: Any = SimpleNamespace(
        credentials=lambda _account: SimpleNamespace(text="key"),
        try_credentials=lambda _account, _found: refusals.pop(0),
    )
    settings: Any = SimpleNamespace(accounts={"main": account}, notifications=(), alerts=AlertSettings())
    condition = Condition(0)
    users = VaultUsers(
        settings=lambda: settings, effective={}, exchanges={"main": Taker()}, opening=opening, condition=condition
    )
    [said] = users.take_up("key")
    assert "keeps the key it has" in said
    [shown] = condition.broken
    assert "at the next start only what is stored counts" in shown.words
    users.take_up("key")
    assert not condition.broken
    users.deleted("key")
    assert "was deleted" in condition.broken[0].words
