"""docs/going-live.md: its ways to stop do stop, and what it says of exchanges is what the program knows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from daemon.config.first import OFFERS
from tests.docs.page import ROOT
from tests.system.stack import Plain, Stack, alert, running, until

TEXT = (ROOT / "docs" / "going-live.md").read_text(encoding="utf-8")
LADDER = [{"gap_percent": gap, "weight_percent": "50", "tp_percent": "5"} for gap in ("0", "1")]


def rows(heading: str) -> list[list[str]]:
    """The cells of the table whose head begins so."""
    lines = TEXT[TEXT.index(heading) :].split("\n\n", 1)[0].splitlines()
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]


STOPS = {
    row[0].strip("*"): code[1] for row in rows("| you want |") if (code := re.search(r"`(terrace [^`]*)`", row[1]))
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    strategy = {"default": {"levels": LADDER, "sizing": {"capital_per_pyramid": "1000"}}}
    free = {"accounts": {"paper": {"fees": {"maker_percent": "0", "taker_percent": "0"}}}}
    with running(tmp_path_factory.mktemp("live"), {"strategy": strategy, **free}) as found:
        yield found


@pytest.fixture
def group(stack: Stack) -> Callable[[], Plain]:
    """Opens a group with one leg filled and one that waits; how it is now."""
    sent = stack.send(alert(price="100", strategy_info={"trade_id": str(len(stack.groups(closed=True)))}))
    assert sent["outcome"] == "OPENED", sent
    until(lambda: stack.group(sent["group_id"])["quantity"] == "5")
    return lambda: stack.group(sent["group_id"])


def do(stack: Stack, want: str, group_id: str = "", *more: str) -> None:
    words = STOPS[want].split()
    assert words[0] == "terrace"
    stack.terrace(*(group_id if word == "GROUP" else word for word in words[1:]), *more)


def waiting(group: Plain) -> int:
    return sum(order["state"] == "OPEN" and order["role"] == "ENTRY" for order in group["orders"])


def test_the_table_has_a_way_for_every_need() -> None:
    assert len(STOPS) == 8
    assert list(STOPS)[5] == "everything gone"


def test_a_pause_holds_entries_back_until_resume(stack: Stack, group: Callable[[], Plain]) -> None:
    do(stack, "no new trades", "", "--yes")
    try:
        assert stack.send(alert("ETHUSDT", price="100"))["outcome"] == "QUEUED"
        do(stack, "nor the orders that wait", "", "--yes")
        until(lambda: group()["state"] == "ACTIVE")
        assert group()["quantity"] == "5"
    finally:
        stack.terrace("engine", "resume")
    until(lambda: [one for one in stack.groups() if one["symbol"] == "ETH/USDT"])
    do(stack, "everything gone", "", "--yes")
    until(lambda: not stack.groups())
    stack.terrace("engine", "resume")


def test_one_trade_grows_no_more_gets_smaller_and_goes(stack: Stack, group: Callable[[], Plain]) -> None:
    group_id = group()["group_id"]
    do(stack, "one trade not to grow", group_id, "--yes")
    until(lambda: group()["state"] == "ACTIVE")
    do(stack, "one trade smaller", group_id, "--yes")
    until(lambda: group()["quantity"] == "2.5")
    do(stack, "one trade gone", group_id, "--yes")
    until(lambda: group()["state"] == "CLOSED")


def test_everything_goes_and_nothing_comes_in(stack: Stack, group: Callable[[], Plain]) -> None:
    do(stack, "everything gone", "", "--dry-run")
    assert group()["state"] == "PARTIALLY_FILLED"
    do(stack, "everything gone", "", "--yes")
    until(lambda: group()["state"] == "CLOSED")
    try:
        assert stack.send(alert(price="100"))["outcome"] == "QUEUED"
    finally:
        stack.terrace("engine", "resume")
    until(stack.groups)
    stack.terrace(*STOPS["one account gone"].replace("binance", "paper").split()[1:], "--yes")
    until(lambda: not stack.groups())
    stack.terrace("engine", "resume", "--account", "paper")


def test_there_is_a_way_back(stack: Stack) -> None:
    back = TEXT[TEXT.index("## How to go back") :]
    for line in re.findall(r"`terrace (config set [^`]*)`", back):
        stack.terrace(*line.replace("'", "").split(), "--yes")
    stack.terrace("config", "restore", "1", "--yes")
    assert stack.terrace("config", "get", "strategy.default.sizing.capital_per_pyramid").strip() == "1000"


def test_exchanges_are_those_the_program_offers_with_what_they_need() -> None:
    table = rows("| exchange | the key needs |")
    named = {row[0].split()[0].lower().removesuffix(".io") for row in table}
    assert named == set(OFFERS)
    for row in table:
        offer = OFFERS[row[0].split()[0].lower().removesuffix(".io")]
        assert ("passphrase" in row[2]) == offer.needs_passphrase, row
        assert row[3].startswith("yes") == offer.has_testnet, row


def test_limits_and_stops_are_off_and_the_risk_engine_is_on_as_shipped() -> None:
    shipped = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    limits = {key: value for key, value in shipped["limits"].items() if key != "on_breach"}
    assert set(limits.values()) == {None}
    assert shipped["risk"]["enabled"] is True
    assert shipped["strategy"]["default"]["stop_loss_percent"] is None
    assert shipped["alerts"]["silence_hours"] is None


def test_pages_it_sends_to_are_there() -> None:
    for link in set(re.findall(r"\]\(([a-z-]+\.md)", TEXT)):
        assert (Path(ROOT) / "docs" / link).is_file(), link
