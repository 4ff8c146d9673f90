"""What counts as worse after a switch: compared as values."""

from __future__ import annotations

from typing import Any

import pytest

from control.update.seen import group_faults, is_under_way, worse

Plain = dict[str, Any]
ENGINE: Plain = {
    "version": "0.1.0",
    "states": {"paper": "RUNNING"},
    "accounts": {"a": "READY", "b": "PAUSED", "c": "DISCONNECTED"},
    "degraded": {"X a": "slow"},
    "critical": {},
    "groups": {},
    "queued": 0,
}
GROUP: Plain = {
    "key": "a BTC/USDT 15m",
    "side": "long",
    "state": "PARTIALLY_FILLED",
    "quantity": "3",
    "orders": {"e1": ["ENTRY", "2"], "e2": ["ENTRY", "1"], "t1": ["TARGET", "0"]},
}


def test_the_same_is_not_worse_and_better_is_not_either() -> None:
    assert worse(ENGINE, ENGINE) == []
    better = {"states": {"paper": "RUNNING"}, "accounts": {"a": "READY", "b": "READY", "c": "READY"}, "degraded": {}}
    assert worse(ENGINE, {**ENGINE, **better}) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"states": {"paper": "DEGRADED"}}, "DEGRADED, it was RUNNING"),
        ({"states": {"paper": "PAUSED"}}, "PAUSED, it was RUNNING"),
        ({"states": {}}, "not there, it was RUNNING"),
        ({"accounts": {"a": "RECONCILING", "b": "PAUSED"}}, "account a is RECONCILING"),
        ({"accounts": {"a": "READY"}}, "account b is not there"),
        ({"degraded": {"X a": "slow", "Y b": "a part is down"}}, "a part is down"),
        ({"critical": {"OVERSOLD a": "sold too much"}}, "sold too much"),
    ],
)
def test_what_is_worse_is_said(change: Plain, words: str) -> None:
    assert any(words in line for line in worse(ENGINE, {**ENGINE, **change}))


def test_a_daemon_that_still_compares_accounts_is_under_way() -> None:
    assert is_under_way({**ENGINE, "accounts": {"a": "RECONCILING"}})
    assert is_under_way({**ENGINE, "states": {"paper": "RECOVERING"}})
    assert not is_under_way(ENGINE)


def orders(**filled: str) -> Plain:
    return {name: [GROUP["orders"][name][0], filled.get(name, GROUP["orders"][name][1])] for name in GROUP["orders"]}


@pytest.mark.parametrize(
    "now",
    [
        GROUP,
        {**GROUP, "quantity": "1", "orders": orders(t1="2")},
        {**GROUP, "quantity": "4.999", "orders": {**orders(), "e3": ["ENTRY", "2"]}},  # A fee was taken in coins.
        {**GROUP, "quantity": "0", "state": "CLOSED", "orders": orders(t1="3")},
    ],
)
def test_what_executions_explain_is_no_fault(now: Plain) -> None:
    assert group_faults("g", GROUP, now) == []


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (None, "is gone"),
        ({**GROUP, "quantity": "2.999"}, "holds 2.999; by its executions it should be 3"),
        ({**GROUP, "quantity": "3", "orders": orders(t1="1")}, "it should be 2"),
        ({**GROUP, "orders": orders(e1="1")}, "has forgotten executions"),
        ({**GROUP, "orders": {"e1": ["ENTRY", "2"], "e2": ["ENTRY", "1"]}}, "has lost its order t1"),
        ({**GROUP, "side": "short"}, "has become"),
    ],
)
def test_what_nothing_explains_is_a_fault(now: Plain | None, words: str) -> None:
    found = group_faults("g", GROUP, now)
    assert len(found) == 1
    assert words in found[0]
