"""What an account's state is called, and how far a position is from its liquidation."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from actors.messages import AccountChanged, AccountCondition
from actors.rules.choices import World
from actors.rules.model import Position, Quote, Side
from actors.rules.settings import AccountSettings
from daemon.api.account_states import AccountNow, describe
from daemon.api.translate_account import liquidation_distance_percent
from protos.terrace.v1 import types_pb2 as pb

ACCOUNT = AccountSettings(name="main", exchange="bybit")
WELL = AccountCondition(
    streams=(("orders", True, ""), ("prices", True, "")),
    circuit="closed",
    retry_ms=0,
    windows=(),
    blocked_until_ms=0,
    clock_offset_ms=0,
    open_orders=0,
    waiting=0,
    unknown_orders=0,
    is_owned_known=True,
    is_failing=False,
    may_withdraw=None,
)


def told(ready: bool = True, detail: str = "", compared_ms: int = 5, **condition: Any) -> AccountNow:
    """What is made of a gateway's answer."""
    answer = AccountChanged(
        account="main",
        ready=ready,
        detail=detail,
        balances={},
        compared_ms=compared_ms,
        condition=replace(WELL, **condition),
    )

    async def ask(*_: Any) -> AccountChanged:
        return answer

    switches: dict[tuple[World, str], str] = {}
    view = SimpleNamespace(current=SimpleNamespace(switches=switches))
    engine: Any = SimpleNamespace(unbuilt={}, broken={}, ask=ask, view=view)
    return asyncio.run(describe(engine, ACCOUNT))


def test_an_account_that_is_well_is_ready() -> None:
    now = told()
    assert (now.state, now.reason, now.known) == (pb.ACCOUNT_STATE_READY, "", True)


def test_one_that_is_still_comparing_is_not_called_lost_and_one_that_keeps_failing_is() -> None:
    assert told(ready=False, detail="not yet", compared_ms=0).state == pb.ACCOUNT_STATE_RECONCILING
    lost = told(ready=False, detail="wrong key", compared_ms=0, is_failing=True, is_owned_known=False)
    assert (lost.state, lost.reason, lost.known) == (pb.ACCOUNT_STATE_DISCONNECTED, "wrong key", False)
    assert told(ready=False, detail="gone", compared_ms=5).state == pb.ACCOUNT_STATE_DISCONNECTED


@pytest.mark.parametrize(("stream", "state"), [("orders", "DEGRADED"), ("balances", "DEGRADED"), ("prices", "READY")])
def test_a_stream_of_its_own_that_is_away_is_its_state_and_that_of_prices_is_not(stream: str, state: str) -> None:
    now = told(streams=((stream, False, "no route"),))
    assert pb.AccountState.Name(now.state) == f"ACCOUNT_STATE_{state}"
    assert now.reason == (f"no stream of {stream}: orders are asked for every few seconds instead" * (state != "READY"))


@pytest.mark.parametrize(
    ("side", "liquidation", "mark", "percent"),
    [
        (Side.LONG, "2000", "3000", "33.33"),
        (Side.LONG, "0", "3000", "100.00"),
        (Side.SHORT, "4000", "3000", "33.33"),
        (Side.LONG, "3000", "3000", "0.00"),
        (Side.LONG, "3001", "3000", "-0.04"),
        (Side.SHORT, "2000", "3000", "-33.34"),
    ],
)
def test_the_distance_is_never_shown_larger_than_it_is(side: Side, liquidation: str, mark: str, percent: str) -> None:
    position = Position(
        symbol="ETH/USDT:USDT",
        side=side,
        quantity=Decimal(1),
        average_entry=Decimal(3000),
        liquidation_price=Decimal(liquidation),
    )
    quote = Quote(bid=Decimal(mark), ask=Decimal(mark), time_ms=1)
    assert liquidation_distance_percent(position, quote) == Decimal(percent)
    assert liquidation_distance_percent(position, None) is None
    assert liquidation_distance_percent(replace(position, liquidation_price=None), quote) is None
