"""What was changed in the config while the daemon was down, under groups that are live."""

from __future__ import annotations

import copy
from decimal import Decimal

import pytest

from tests.system.conftest import Starter
from tests.system.stack import Plain, Stack, alert, base_config, until

D = Decimal


def second_account() -> Plain:
    return copy.deepcopy(base_config([0, 0, 0])["accounts"]["paper"])


def degradations(stack: Stack) -> list[str]:
    found: list[str] = stack.json("engine", "status")["status"]["degradations"]
    return found


@pytest.mark.rule("CFG-2", "REC-4")
def test_groups_on_an_account_that_left_the_config_are_shown_as_unmanaged_until_it_is_back(start: Starter) -> None:
    stack = start({"accounts": {"second": second_account()}, "routes": {"BYBIT": "second"}})
    body = alert(price="100")
    body["tv"]["exchange"] = "BYBIT"
    group_id = stack.send(body)["group_id"]
    assert degradations(stack) == []
    stack.kill("daemon", 15)
    both = stack.config
    stack.config = {**both, "accounts": {"paper": both["accounts"]["paper"]}, "routes": {"*": "paper"}}
    stack.write_config()
    stack.start("daemon")
    (words,) = degradations(stack)
    assert "second" in words
    assert "nobody manages" in words
    assert [group["group_id"] for group in stack.groups()] == [group_id]
    stack.kill("daemon", 15)
    stack.config = both
    stack.write_config()
    stack.start("daemon")
    assert degradations(stack) == []
    assert stack.terrace("group", "close", group_id, "--yes")
    until(lambda: stack.group(group_id)["state"] == "CLOSED", failure="the group is not closed")


@pytest.mark.rule("POOL-2", "ORD-7")
def test_a_lower_limit_evicts_nobody_and_a_symbol_that_left_the_config_can_still_be_closed(start: Starter) -> None:
    stack = start()
    ids = {symbol: stack.send(alert(f"{symbol}USDT", price="100"))["group_id"] for symbol in ("BTC", "ETH")}
    stack.kill("daemon", 15)
    account = stack.config["accounts"]["paper"]
    for rules in (account["start_prices"], account["instruments"]):
        del rules["ETH/USDT"]
    account["symbols"].remove("ETH/USDT")
    stack.write_config({"pool": {"max_open_groups": 1}})
    stack.start("daemon")
    status = stack.json("engine", "status")["status"]
    assert (status["live_groups"], status["max_open_groups"]) == (2, 1)
    assert stack.send(alert("BTCUSDT", "15", price="100"))["outcome"] == "QUEUED"
    stack.terrace("group", "close", ids["ETH"], "--yes")
    until(lambda: stack.group(ids["ETH"])["state"] == "CLOSED", failure="the group of the lost symbol is not closed")
    assert stack.balances().get("ETH", D(0)) == D(stack.group(ids["ETH"])["dust"])
    assert stack.group(ids["BTC"])["state"] == "PARTIALLY_FILLED"
