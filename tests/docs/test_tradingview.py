"""docs/tradingview.md: each message and each answer on it, given to a running Terrace."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection
from typing import Any

import pytest
import yaml

from control.alert_message import KINDS, SECRET, message
from tests.docs.matching import fits
from tests.docs.page import ROOT, blocks_of, steps_of
from tests.docs.place import Place, clean_place, missing
from tests.docs.walk import Walk
from tests.system.stack import Plain, Stack, now_iso, until

PAGE = ROOT / "docs" / "tradingview.md"
TEXT = PAGE.read_text(encoding="utf-8")
_PLACEHOLDER = re.compile(r"\{\{[^{}]*\}\}")

SHARED = ROOT.parent / "shared" / "data" / "webhooks" / "webhooks.jsonl"
FINE = {"step_size": "0.00001", "min_quantity": "0.00001"}


def messages() -> dict[str, str]:
    """Name -> the message as it is to be pasted."""
    found = {}
    for block in blocks_of(TEXT):
        for mark in block.marks:
            kind, _, name = mark.partition(" ")
            if kind == "message":
                found[name] = block.text
    return found


def rows(heading: str) -> list[list[str]]:
    """The cells of the table whose head begins so."""
    lines = TEXT[TEXT.index(heading) :].split("\n\n", 1)[0].splitlines()
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


EXAMPLES = {row[0].strip("`"): row[2].strip("`") for row in rows("| placeholder |")}


@dataclass
class Running:
    """Terrace with a spot and a swap account, the page's own source beside the usual one."""

    place: Place
    stack: Stack

    def sent(self, text: str, source: str = "tradingview") -> tuple[int, Plain]:
        """The webhook's answer to a message whose placeholders TradingView would have filled."""
        return self.stack.post(text.replace(SECRET, self.stack.secret(source)).encode(), source)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    of_page = [yaml.safe_load(block.text) for block in blocks_of(TEXT) if "config" in block.marks]
    assert len(of_page) == 1
    with clean_place() as place:
        account: Plain = {"prices": "manual", "balances": {"USDT": "100000"}, "exchange": "paper"}
        swaps = {"market": "swap", "symbols": ["BTC/USDT:USDT"], "start_prices": {"BTC/USDT:USDT": "60000"}}
        stack = Stack(
            place.home,
            {
                "accounts": {
                    "paper": {"start_prices": {"BTC/USDT": "60123.5"}, "instruments": {"BTC/USDT": FINE}},
                    "swap": {**account, **swaps},
                },
                "routes": {"*": None, "BINANCE": "paper", "BYBIT": "swap"},
                "api": {"address": f"127.0.0.1:{place.ports[7461]}"},
                "forwarder": {"address": f"127.0.0.1:{place.ports[8461]}"},
                "observe": {"address": f"127.0.0.1:{place.ports[9461]}"},
                **of_page[0],
            },
        )
        del stack.config["routes"]["*"]
        stack.config["sources"]["tradingview"] = {"secret": "file:secrets/tradingview"}
        stack.write_config()
        stack.ports = [place.ports[7461], place.ports[8461], place.ports[9461]]
        try:
            stack.start("daemon", "forwarder")
            yield Running(place=place, stack=stack)
        finally:
            stack.stop()


def filled(text: str, **values: str) -> str:
    """A message as TradingView sends it: by the examples of the page, now, and what is said here."""
    given = {**EXAMPLES, "{{timenow}}": now_iso(), **{f"{{{{{name}}}}}": value for name, value in values.items()}}
    return _PLACEHOLDER.sub(lambda found: given[found[0]], text)


def strategy(exchange: str, before: str, after: str, **values: str) -> str:
    """The strategy's message for a change of its position, such as `flat 0` to `long 1`."""
    text = messages()["strategy"]
    (was, was_size), (now, now_size) = before.split(), after.split()
    changed = {
        "exchange": exchange,
        "strategy.prev_market_position": was,
        "strategy.prev_market_position_size": was_size,
        "strategy.market_position": now,
        "strategy.market_position_size": now_size,
        "strategy.order.action": "sell" if now in ("flat", "short") or int(now_size) < int(was_size) else "buy",
        "ticker": "BTCUSDT.P" if exchange == "BYBIT" else "BTCUSDT",
        "interval": "60",
        **values,
    }
    return filled(text, **changed)


def test_the_messages_are_those_that_init_prints() -> None:
    for kind in KINDS:
        assert json.loads(messages()[kind]) == json.loads(message("tradingview", kind, {})[0])


def test_every_placeholder_of_a_message_is_explained() -> None:
    used = {found for text in messages().values() for found in _PLACEHOLDER.findall(text)}
    assert used <= set(EXAMPLES)
    fields = {row[0].strip("`"): row[3].strip("`") for row in rows("| placeholder |")}
    tree = json.loads(messages()["strategy"])
    for name, field in fields.items():
        value: Any = tree
        for step in field.split("."):
            value = value.get(step, {})
        assert value in (name, {})


def test_every_message_is_read_and_does_what_it_is_for(running: Running) -> None:
    expected = {"strategy": "OPENED", "entry": "PYRAMIDED", "exit": "EXITED", "alert": "OPENED", "vendor": "PYRAMIDED"}
    assert set(expected) == set(messages())
    for name, outcome in expected.items():
        if outcome == "OPENED":
            until(lambda: not [group for group in running.stack.groups() if group["timeframe"] == "15m"])
        source = name if name == "vendor" else "tradingview"
        text = filled(messages()[name]).replace("1764000000000", str(time.time_ns() // 10**6))
        running.stack.terrace("signal", "check", "-", "--source", source, text=text)
        status, answer = running.sent(text, source)
        assert (status, answer["outcome"]) == (200, outcome), (name, answer)


def test_a_published_message_of_the_other_shape_is_read_as_well(running: Running) -> None:
    if not SHARED.is_file():
        pytest.skip(f"no {SHARED.name} beside the repository")
    found = [json.loads(line)["body"] for line in SHARED.read_text(encoding="utf-8").splitlines()]
    bodies = [body for body in found if '"order_action"' in body and "{{" not in body]
    assert bodies
    for body in bodies:
        tree = json.loads(body) | {"time": now_iso(), "ticker": "BTCUSDT"}
        answer = running.stack.json("signal", "check", "-", "--source", "vendor", text=json.dumps(tree))
        read = {field["path"]: field["value"] for field in answer["fields"]}
        assert answer["valid"], answer
        assert read["tv.action"] == json.dumps(tree["strategy"]["order_action"])
        assert read["tv.market_position"] == json.dumps(tree["strategy"]["market_position"])


def test_a_change_of_the_position_means_what_the_table_says(running: Running) -> None:
    table = rows("| position before |")
    assert len(table) == 6
    position = "flat 0"
    for before, after, _, outcome in table:
        if position != before:  # The story goes on with a new trade.
            until(lambda: not [group for group in running.stack.groups() if group["account"] == "swap"])
            _, answer = running.sent(strategy("BYBIT", "flat 0", before))
            assert answer["outcome"] == "OPENED", answer
        if before != "flat 0":
            until(
                lambda: [
                    group for group in running.stack.groups() if group["account"] == "swap" and group["legs_filled"]
                ]
            )
        status, answer = running.sent(strategy("BYBIT", before, after))
        assert (status, f"`{answer['outcome']}`") == (200, outcome), (before, after, answer)
        position = after


def raw_post(running: Running, path: str, body: bytes) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", running.stack.ports[1], timeout=30)
    try:
        connection.request("POST", path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode().strip()
    finally:
        connection.close()


def entry(**values: str) -> str:
    return filled(messages()["entry"], **{"interval": "240", **values})


@cache
def again() -> str:
    """The second of the same alert, and of the first. Told when it is asked for: an old alert is refused."""
    return now_iso()


MISTAKES: dict[str, Callable[[], tuple[str, str]]] = {
    "the secret is wrong or missing; the source in the address does not exist": lambda: (
        "/hook/tradingview",
        entry().replace(SECRET, "wrong"),
    ),
    "the address has no `/hook/SOURCE`": lambda: ("/webhook", entry()),
    "the message is text, not JSON": lambda: ("/hook/tradingview", "BTCUSDT buy"),
    "a quote or a comma is missing": lambda: ("/hook/tradingview", entry().replace('"tradingview",', '"tradingview"')),
    "an indicator's alert with `{{strategy.order.action}}`": lambda: (
        "/hook/tradingview",
        entry().replace('"buy"', '"{{strategy.order.action}}"'),
    ),
    "a placeholder without quotes that TradingView did not replace": lambda: (
        "/hook/tradingview",
        entry().replace('"60123.5"', "{{strategy.order.price}}"),
    ),
    "a required field is missing": lambda: ("/hook/tradingview", entry().replace('"symbol": "BTCUSDT",', "")),
    "an action Terrace does not know": lambda: ("/hook/tradingview", entry().replace('"buy"', '"close"')),
    "`{{time}}` in place of `{{timenow}}`: the bar's begin, on a long timeframe": lambda: (
        "/hook/tradingview",
        entry(timenow=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 4 * 3600))),
    ),
    "the symbol does not exist on the account's exchange": lambda: ("/hook/tradingview", entry(ticker="BTCUSDX")),
    "no route from the exchange's name to an account": lambda: ("/hook/tradingview", entry(exchange="KRAKEN")),
    "a short on a spot account": lambda: (
        "/hook/tradingview",
        strategy("BINANCE", "flat 0", "short 1", interval="W"),
    ),
    "an exit where nothing is open": lambda: ("/hook/tradingview", filled(messages()["exit"], interval="D")),
    "the same alert again": lambda: ("/hook/tradingview", entry(timenow=again())),
}


def test_a_mistake_is_answered_as_the_table_says(running: Running) -> None:
    table = rows("| what went wrong |")
    assert [row[0] for row in table] == list(MISTAKES)
    running.sent(entry(timenow=again()))
    wrong = []
    for name, status, told in table:
        path, body = MISTAKES[name]()
        seen = raw_post(running, path, body.replace(SECRET, running.stack.secret()).encode())
        if str(seen[0]) != status or fits(told.strip("`"), seen[1], {}) is None:
            wrong.append(f"{name}: {seen[0]} {seen[1]}")
    assert not wrong, "\n".join(wrong)


def test_a_source_that_does_not_exist_is_told_no_more_than_a_wrong_secret(running: Running) -> None:
    body = entry().encode()
    assert raw_post(running, "/hook/nobody", body) == raw_post(running, "/hook/tradingview", body)


def test_what_the_page_says_to_try_is_seen(running: Running) -> None:
    if reason := missing():
        pytest.skip(reason)
    running.sent(filled(messages()["entry"]))
    running.sent(filled(messages()["exit"]))
    until(lambda: not [group for group in running.stack.groups() if group["timeframe"] == "15m"])
    running.sent(filled(messages()["entry"]))
    Walk(page="docs/tradingview.md", place=running.place).follow(steps_of(TEXT))


def test_times_and_numbers_of_the_page_are_the_shipped_ones() -> None:
    shipped = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    assert shipped["forwarder"]["deliver_timeout_ms"] == 2000
    assert shipped["sources"]["tradingview"]["max_age_s"] == 300
    assert shipped["strategy"]["default"]["max_pyramids"] == 5
    assert shipped["forwarder"]["address"] == "127.0.0.1:8461"
    webhook = (ROOT / "docs" / "webhook.md").read_text(encoding="utf-8")
    addresses = re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", TEXT[TEXT.index("It sends from") :].splitlines()[0])
    assert len(addresses) == 4
    assert all(address in webhook for address in addresses)
