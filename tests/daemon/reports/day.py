"""A small trading day on a real daemon, and what it comes to when worked by hand.

Capital 1000, legs of 200, fees of 0.1 % in quote, no spread. Bought at 100: 2 coins for 200.
BTC: sold at its target of 101:       2 x   1.0 - 0.2 - 0.202  =  1.598   (0.799 % of 200)
ETH: sold by an exit signal at 99.8:  2 x  -0.2 - 0.2 - 0.1996 = -0.7996 (-0.3998 % of 200)
SOL: still open, the mark is 100.5:   the entry's fee, -0.2; unrealised 2 x 0.5 = 1
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from protos.terrace.v1 import account_pb2, group_pb2, report_pb2
from protos.terrace.v1 import types_pb2 as t
from tests.daemon.api.calls import Client, alert

CONFIG: dict[str, Any] = {
    "strategy": {"default": {"sizing": {"capital_per_pyramid": "1000"}}},
    "accounts": {"paper": {"fees": {"paid_in": "quote"}}},
}
WIN, LOSS, OPEN_FEE = "1.598", "-0.7996", "-0.2"
REALIZED, UNREALIZED, FEES = "0.5984", "1", "1.0016"
VOLUME = "1001.6"
"""200 + 202 + 200 + 199.6 + 200."""


def until(true: Callable[[], bool], limit_s: float = 15.0) -> None:
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.01)


def trade(client: Client) -> dict[str, str]:
    """Lives the day; ids of the groups by symbol."""
    # A curve starts from the first snapshot, which is taken a moment after the account is known.
    until(lambda: "first snapshot" in client.reports.GetEquityCurve(report_pb2.GetEquityCurveRequest()).basis)
    ids = {}
    for symbol in ("BTC", "ETH", "SOL"):
        ids[symbol] = client.send(alert(symbol=f"{symbol}USDT")).group_id
        until(lambda: _group(client, ids[symbol]).legs_filled == 1)  # noqa: B023
    _move(client, "BTC/USDT", "101")
    _move(client, "ETH/USDT", "99.8")
    client.send(alert(symbol="ETHUSDT", action="sell"))
    until(lambda: all(_group(client, ids[name]).state == t.GROUP_STATE_CLOSED for name in ("BTC", "ETH")))
    _move(client, "SOL/USDT", "100.5")
    return ids


def _group(client: Client, group_id: str) -> group_pb2.Group:
    return client.groups.GetGroup(group_pb2.GetGroupRequest(group_id=group_id)).group


def _move(client: Client, symbol: str, price: str) -> None:
    client.accounts.SetPaperPrice(account_pb2.SetPaperPriceRequest(symbol=symbol, price=price))
