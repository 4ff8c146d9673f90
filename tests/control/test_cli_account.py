"""`terrace account show` and `list`: what a person sees of an account of an exchange."""

from __future__ import annotations

import json
from collections.abc import Callable

from google.protobuf.timestamp_pb2 import Timestamp

from protos.terrace.v1 import account_pb2, group_pb2
from tests.control.conftest import Ran
from tests.control.fake_daemon import FakeDaemon, a_group

Cli = Callable[..., Ran]


def swap_account() -> account_pb2.Account:
    return account_pb2.Account(
        account="main",
        exchange="bybit",
        market="MARKET_SWAP",
        world="WORLD_LIVE",
        state="ACCOUNT_STATE_DEGRADED",
        state_reason="it differs",
        leverage=5,
        margin_mode="MARGIN_MODE_CROSS",
        position_mode="POSITION_MODE_ONE_WAY",
        drift_count=2,
        positions=[
            account_pb2.Position(
                symbol="BTC/USDT:USDT",
                side="SIDE_SHORT",
                quantity="0.003",
                average_entry="60000",
                mark_price="60500",
                unrealized_pnl="-1.5",
                liquidation_price="71700",
                liquidation_distance_percent="18.51",
            )
        ],
        connection=account_pb2.Connection(
            streams=[
                account_pb2.Stream(name="orders", message="no route"),
                account_pb2.Stream(name="prices", up=True),
                account_pb2.Stream(name="trades", message="no route"),
            ],
            circuit="CIRCUIT_STATE_HALF_OPEN",
            retry_time=Timestamp(seconds=1_700_000_000),
            rate_windows=[account_pb2.RateWindow(name="address_5s", used=76, limit=540)],
            clock_offset_ms=-3,
            open_orders=7,
            waiting_requests=2,
            unknown_orders=1,
            may_withdraw=True,
        ),
    )


def lines(text: str) -> dict[str, str]:
    """Facts of the first part, by name."""
    rows = (line.split("  ", 1) for line in text.partition("\n\n")[0].splitlines())
    return {row[0].strip(): row[1].strip() for row in rows if len(row) == 2}


def test_an_account_is_shown_with_market_streams_circuit_budget_and_distance(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.accounts = [swap_account()]
    ran = cli("account", "show", "main")
    facts = lines(ran.out)
    assert facts["market"] == "swap, 5x, cross margin, one way"
    assert facts["state"] == "degraded it differs"
    assert facts["differences"] == "2: terrace account drift"
    assert facts["orders"] == "7 open, 2 requests wait, 1 OF UNKNOWN FATE"
    assert facts["streams"] == "prices; AWAY: orders, trades (no route)"
    assert facts["circuit"].startswith("half open, tried again at 2023-11-1")
    assert facts["request budget"] == "76/540 address_5s"
    assert facts["exchange clock"] == "-3 ms"
    assert facts["withdrawal"] == "THE API KEY MAY WITHDRAW FUNDS"
    assert ran.out.splitlines()[-1].split()[-3:] == ["71700", "18.51", "%"]


def test_a_paper_account_and_one_that_was_not_opened_are_shown_without_a_connection(
    daemon: FakeDaemon, cli: Cli
) -> None:
    paper = account_pb2.Account(account="paper", market="MARKET_SPOT", paper_prices="manual")
    paper.connection.circuit = account_pb2.CIRCUIT_STATE_CLOSED
    closed = account_pb2.Account(account="x", market="MARKET_SPOT", state="ACCOUNT_STATE_DISCONNECTED")
    daemon.accounts = [paper, closed]
    for name in ("paper", "x"):
        facts = lines(cli("account", "show", name).out)
        assert facts["market"] == "spot"
        assert not facts.keys() & {"circuit", "orders", "streams", "leverage"}


def test_the_list_says_why_an_account_is_not_ready(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.accounts = [swap_account()]
    assert cli("account", "list").out.splitlines()[-1].endswith("it differs")


def test_scripts_get_numbers_that_are_not_known_as_null(daemon: FakeDaemon, cli: Cli) -> None:
    account = swap_account()
    account.connection.ClearField("clock_offset_ms")
    daemon.accounts = [account]
    shown = json.loads(cli("account", "show", "main", "-o", "json").out)["account"]
    assert (shown["leverage"], shown["margin_mode"], shown["connection"]["circuit"]) == (5, "CROSS", "HALF_OPEN")
    assert shown["connection"]["clock_offset_ms"] is None
    assert shown["positions"][0]["liquidation_distance_percent"] == "18.51"


def test_a_group_of_swaps_is_shown_with_funding_and_distance(daemon: FakeDaemon, cli: Cli) -> None:
    group = a_group()
    group.MergeFrom(group_pb2.Group(market="MARKET_SWAP", funding="-0.05", liquidation_price="1990.5"))
    group.liquidation_distance_percent = "32.44"
    daemon.groups = [group]
    facts = lines(cli("group", "show", "g1").out)
    assert (facts["funding"], facts["liquidation"]) == ("-0.05", "1990.5 (32.44 % away)")
    group.market = group_pb2.Group(market="MARKET_SPOT").market
    group.ClearField("liquidation_price")
    group.ClearField("liquidation_distance_percent")
    assert not lines(cli("group", "show", "g1").out).keys() & {"funding", "liquidation"}
