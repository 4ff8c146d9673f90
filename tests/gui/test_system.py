"""What the page System makes of what it is told."""

from __future__ import annotations

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from gui.live.topics import Cell
from gui.pages.system.accounts import account_row, details
from gui.pages.system.closing import lines, quote_of
from gui.pages.system.files import attachment
from gui.pages.system.forwarder import shown, silent
from gui.pages.system.tools import bytes_shown, inside
from gui.show.numbers import MINUS, NONE, THIN
from protos.terrace.v1 import account_pb2, group_pb2
from protos.terrace.v1.types_pb2 import AccountState


def text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell[0]


def group(account: str, symbol: str, quantity: str, mark: str, invested: str = "") -> group_pb2.Group:
    return group_pb2.Group(account=account, symbol=symbol, quantity=quantity, mark_price=mark, invested=invested)


def test_closing_everything_says_the_notional_per_account_and_currency() -> None:
    found = lines(
        [
            group("b", "ETH/USDT:USDT", "2", "1000.5"),
            group("a", "BTC/USDT", "0.5", "100"),
            group("a", "BTC/EUR", "1", "90"),
            group("a", "XRP/USDT", "10", "", "7"),
        ]
    )
    assert found == [
        "a: 1 group, notional 90.00 EUR",
        "a: 2 groups, notional 57.00 USDT (1 at cost: no fresh price)",
        f"b: 1 group, notional 2{THIN}001.00 USDT",
    ]


@pytest.mark.parametrize(("symbol", "quote"), [("BTC/USDT", "USDT"), ("BTC/USDT:USDT", "USDT"), ("odd", "")])
def test_the_quote_of_a_symbol(symbol: str, quote: str) -> None:
    assert quote_of(symbol) == quote


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 B"), (1023, "1 023 B"), (1024, "1.0 KiB"), (12_900_000, "12.3 MiB"), (10**15, "909 TiB")]
)
def test_sizes_are_told_in_binary_units(size: int, words: str) -> None:
    assert bytes_shown(size) == words.replace(" ", THIN)


@given(st.integers(min_value=0, max_value=2**60))
def test_a_size_never_has_more_than_four_digits(size: int) -> None:
    number, _, unit = bytes_shown(size).rpartition(THIN)
    assert sum(c.isdigit() for c in number) <= 4 or unit == "TiB"


def test_an_account_that_could_not_be_opened_shows_dashes() -> None:
    row = account_row(
        account_pb2.Account(account="x", exchange="binance", state=AccountState.ACCOUNT_STATE_DISCONNECTED)
    )
    assert row["state"] == ("disconnected", "bad")
    assert [text(row[key]) for key in ("equity", "circuit", "clock", "open_orders", "unknown")] == [NONE] * 5


@pytest.mark.rule("REC-3")
def test_an_open_circuit_unknown_orders_and_a_wrong_clock_stand_out() -> None:
    connection = account_pb2.Connection(
        circuit=account_pb2.CIRCUIT_STATE_OPEN, unknown_orders=2, clock_offset_ms=-1500, may_withdraw=True
    )
    row = account_row(account_pb2.Account(account="x", connection=connection, drift_count=1))
    assert row["circuit"] == ("open", "bad")
    assert row["unknown"] == ("2", "bad")
    assert row["drift"] == ("1", "warn")
    assert row["clock"] == (f"{MINUS}1{THIN}500{THIN}ms", "warn")
    assert row["withdraw"] == ("may withdraw", "bad")


def test_a_stream_that_is_down_says_why_and_since_when() -> None:
    stream = account_pb2.Stream(name="orders", message="no route", since_time=Timestamp(seconds=7))
    window = account_pb2.RateWindow(name="weight", used=90, limit=100)
    account = account_pb2.Account(
        account="x", connection=account_pb2.Connection(streams=[stream], rate_windows=[window])
    )
    rows = dict(details(account))
    assert rows["x/stream/orders"] == {
        "kind": "stream",
        "account": "x",
        "name": "orders",
        "state": ("down", "bad"),
        "since": ("", "", "7000"),
        "message": "no route",
    }
    assert rows["x/window/weight"]["percent"] == ("90.0", "warn")
    assert rows["x/window/weight"]["used"] == "90 / 100"


def test_a_dump_with_parts_that_failed_is_dashes_and_no_fault() -> None:
    found = inside({"actors": {"failed": "no answer within 3 s"}, "engine": {"not_running": None}, "disk": 5})
    facts = dict(found["facts"])
    assert facts["Threads"] == NONE
    assert facts["Free disk"] == NONE
    assert found["mailboxes"] == []


def test_a_dump_shows_the_fullest_mailboxes_first() -> None:
    dump = {
        "actors": {"alive": {"group": 2, "pool": 1}, "mailboxes": {"pool/paper": 7, "group/a": 0, "group/b": 9}},
        "engine": {"not_running": [{"key": "group/b", "state": "DOWN", "error": "it broke", "since_ms": 5}]},
    }
    found = inside(dump)
    assert found["mailboxes"] == [["group/b", "9"], ["pool/paper", "7"]]
    assert found["kinds"] == [["group", "2"], ["pool", "1"]]
    assert found["down"][0]["key"] == "group/b"
    assert found["said"] == "3 actors, 16 messages waiting."


def test_a_forwarder_that_does_not_answer_says_where_it_should_be_and_how_to_start_it() -> None:
    found = silent("127.0.0.1:8461", "ConnectionRefusedError")
    assert found["status"] == ["does not answer", "bad"]
    assert "127.0.0.1:8461" in found["reason"]
    assert "terrace forward" in found["remedy"]


@pytest.mark.rule("SIG-12")
def test_a_forwarder_without_its_daemon_says_how_many_alerts_wait_and_how_long() -> None:
    found = shown("x:1", {"status": "degraded", "reason": "r", "spool_length": 3, "oldest_age_s": 65.2})
    facts = dict(found["facts"])
    assert facts["Alerts in the spool"] == ["3", "warn"]
    assert facts["Daemon"] == ["not reachable", "bad"]
    assert facts["Oldest of them"] == f"1{THIN}m 5{THIN}s"


def test_nothing_odd_gets_into_the_name_of_a_file() -> None:
    assert (
        attachment(b"", 'a"b\r\nc.json', "x/y").headers["content-disposition"] == 'attachment; filename="a_b__c.json"'
    )
