"""The stage of the risk engine's system tests: a loser with five pyramids and three winners, on one paper account.

BTC is the loser: five pyramids of one leg each. The winners, by unrealised profit: ETH with five legs and a second
pyramid above the market, SOL with one leg, XRP with one large leg. A plan takes ETH's legs that bring profit, all of
SOL, and a part of XRP. Fees are taken in coins, sales slip, and not everything is on the step: the books say it all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from google.protobuf.message import Message

from actors.rules.money import floor_to
from control.printer import plain
from protos.terrace.v1 import account_pb2, group_pb2, risk_pb2, signal_pb2
from tests.system.stack import Plain, Stack, alert, until

D = Decimal
BTC, ETH, SOL, XRP, ADA = "BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "ADA/USDT"
SYMBOLS = [BTC, ETH, SOL, XRP, ADA]
WINNERS = (ETH, SOL, XRP)
ROUND = {"tick_size": "0.01", "step_size": "0.001", "min_quantity": "0.001", "min_notional": "5"}
BALANCE = D(100000)
MAKER, TAKER, SLIPPAGE, HALF_SPREAD = D("0.0008"), D("0.001"), D("0.0005"), D("0.0001")
FALLEN = {ETH: "110", SOL: "110", XRP: "112", BTC: "82"}
"""The prices at which the loser is due and the winners can pay."""
PYRAMIDS = ["100", "99", "98", "97", "96"]


def leg(tp_percent: str, weight_percent: str = "100", gap_percent: str = "0") -> Plain:
    return {"gap_percent": gap_percent, "weight_percent": weight_percent, "tp_percent": tp_percent}


def sized(symbol: str, capital: str, **more: Any) -> Plain:
    values = {"levels": [leg("50")], "sizing": {"capital_per_pyramid": capital}, **more}
    return {"match": {"symbol": symbol}, "set": values}


STAGE: Plain = {
    "accounts": {
        "paper": {
            "symbols": SYMBOLS,
            "start_prices": dict.fromkeys(SYMBOLS, "100"),
            "instruments": dict.fromkeys(SYMBOLS, ROUND),
            "fees": {"maker_percent": "0.08", "taker_percent": "0.10"},
            "spread_percent": "0.02",
            "slippage_percent": "0.05",
        }
    },
    "strategy": {
        "overrides": [
            sized(BTC, "400"),
            sized(
                ETH,
                "2000",
                levels=[leg("50", "20", gap) for gap in ("0", "0.5", "1", "1.5", "2")],
                pyramid_levels={1: [leg("10")]},
                sizing={"capital_per_pyramid": "2000", "capital_by_pyramid": {1: "500"}},
            ),
            sized(SOL, "900"),
            sized(XRP, "700"),
            sized(ADA, "500"),
        ]
    },
    "pool": {"max_open_groups": 4},
    "risk": {"post_full_wait_s": 1, "evaluate_interval_s": 1, "evaluate_on_fill": False},
}

DUEL: Plain = {
    "accounts": STAGE["accounts"],
    "strategy": {
        "overrides": [
            sized(BTC, "1000"),
            sized(ETH, "300"),
            sized(SOL, "1000", levels=[leg("20", "60"), leg("50", "40", "1")]),
        ]
    },
    "risk": {"require_full_pyramids": False, "evaluate_on_fill": False, "loss_threshold_percent": "-5"},
}
"""A loser and two winners, a pyramid each. SOL has two legs: one at 100, whose target is near, and one at 99."""


# --- without the command line, which takes its time ---


def ask(stack: Stack, request: Message, answer: type[Message]) -> Plain:
    """As the command line shows it with `-o json`."""
    found: Plain = plain(stack.client.call(request, answer))
    return found


def send(stack: Stack, body: Plain) -> Plain:
    request = signal_pb2.SubmitSignalRequest(source="tradingview", body=json.dumps(body).encode())
    found: Plain = ask(stack, request, signal_pb2.SubmitSignalResponse)["signal"]
    return found


def buy(stack: Stack, symbol: str, price: str, timeframe: str = "60") -> str:
    """A buy alert; its group, empty where it waits."""
    taken: str = send(stack, alert(symbol.replace("/", ""), timeframe, price=price))["group_id"]
    return taken


def price(stack: Stack, symbol: str, value: str) -> None:
    ask(stack, account_pb2.SetPaperPriceRequest(symbol=symbol, price=value), account_pb2.SetPaperPriceResponse)


def prices(stack: Stack, values: Mapping[str, str]) -> None:
    """All of them at once, in no order."""
    with ThreadPoolExecutor(len(values)) as crowd:
        list(crowd.map(lambda item: price(stack, *item), values.items()))


def preview(stack: Stack, group_id: str = "") -> Plain:
    request = risk_pb2.PreviewOffsetRequest(group_id=group_id)
    found: Plain = ask(stack, request, risk_pb2.PreviewOffsetResponse)["plan"]
    return found


def run(stack: Stack, group_id: str) -> Plain:
    request = risk_pb2.RunOffsetRequest(group_id=group_id)
    found: Plain = ask(stack, request, risk_pb2.RunOffsetResponse)["risk_action"]
    return found


def risk(stack: Stack) -> Plain:
    found: Plain = ask(stack, risk_pb2.GetRiskStateRequest(), risk_pb2.GetRiskStateResponse)["risk"]
    return found


def group(stack: Stack, group_id: str) -> Plain:
    found: Plain = ask(stack, group_pb2.GetGroupRequest(group_id=group_id), group_pb2.GetGroupResponse)["group"]
    return found


# --- the story ---


def open_all(stack: Stack) -> dict[str, str]:
    """Group ids by symbol, everything filled; nobody is due, nobody wins."""
    groups = {symbol: buy(stack, symbol, "100") for symbol in (BTC, *WINNERS)}
    prices(stack, dict.fromkeys(WINNERS, "97"))
    price(stack, ETH, "118.5")
    assert buy(stack, ETH, "118") == groups[ETH]
    price(stack, ETH, "115")
    for entry in PYRAMIDS[1:]:
        price(stack, BTC, entry)
        assert buy(stack, BTC, entry) == groups[BTC]
    price(stack, BTC, "95")
    return groups


def open_duel(stack: Stack) -> dict[str, str]:
    """Group ids by symbol, all of them filled and a little below, their targets resting."""
    symbols = (BTC, ETH, SOL)
    prices(stack, dict.fromkeys(symbols, "100"))
    groups = {symbol: buy(stack, symbol, "100") for symbol in symbols}
    prices(stack, dict.fromkeys(symbols, "98.9"))
    until(lambda: [len(resting(stack, symbol)) for symbol in groups] == [1, 1, 2])
    until(lambda: all(group(stack, group_id)["state"] == "ACTIVE" for group_id in groups.values()))
    return groups


def close_all(stack: Stack) -> None:
    """Nothing is held and nothing rests any more."""
    for found in stack.groups():
        ask(stack, group_pb2.CloseGroupRequest(group_id=found["group_id"]), group_pb2.CloseGroupResponse)
    until(lambda: not stack.rows("SELECT 1 FROM position_groups WHERE state <> 'closed'"))


# --- what it looks like ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """A trade of the paper exchange's own books."""

    client_order_id: str
    quantity: Decimal
    price: Decimal
    fee: Decimal

    @property
    def proceeds(self) -> Decimal:
        return self.quantity * self.price - self.fee


def sales(stack: Stack, group_id: str) -> list[Sale]:
    """What was sold of a group, by the exchange."""
    sql = (
        "SELECT o.client_order_id, t.quantity, t.price, t.fee, t.fee_asset FROM trades t "
        "JOIN orders o ON o.number = t.number WHERE instr(o.client_order_id, ?) AND t.side = 'sell' ORDER BY t.trade_id"
    )
    found = stack.rows(sql, group_id, file="paper/paper.db")
    assert all(asset == "USDT" for *_, asset in found)
    return [
        Sale(client_order_id=name, quantity=D(quantity), price=D(price), fee=D(fee))
        for name, quantity, price, fee, _ in found
    ]


def sold(stack: Stack, group_id: str) -> Decimal:
    return sum((sale.quantity for sale in sales(stack, group_id)), D(0))


def resting(stack: Stack, symbol: str) -> dict[Decimal, Decimal]:
    """What rests at the exchange to be sold: quantity by price."""
    sql = (
        "SELECT price, quantity, filled FROM orders "
        "WHERE symbol = ? AND side = 'sell' AND state IN ('open', 'partially_filled')"
    )
    found: dict[Decimal, Decimal] = {}
    for value, quantity, filled in stack.rows(sql, symbol, file="paper/paper.db"):
        found[D(value)] = found.get(D(value), D(0)) + D(quantity) - D(filled)
    return found


def bought(stack: Stack, group_id: str) -> Decimal:
    """Coins that entries of a group have brought, by the exchange: fees are taken of them."""
    sql = (
        "SELECT t.quantity, t.fee FROM trades t JOIN orders o ON o.number = t.number "
        "WHERE instr(o.client_order_id, ?) AND t.side = 'buy'"
    )
    return sum((D(row[0]) - D(row[1]) for row in stack.rows(sql, group_id, file="paper/paper.db")), D(0))


def is_selling(stack: Stack, group_id: str) -> bool:
    """Whether a close of the group is stored and its end is not known."""
    sql = "SELECT 1 FROM orders WHERE group_id = ? AND role = 'close' AND state IN ('pending', 'open')"
    return bool(stack.rows(sql, group_id))


def actions(stack: Stack) -> list[Plain]:
    """What the store has of offsets that were begun, oldest first."""
    rows = stack.rows("SELECT action FROM risk_actions WHERE state <> 'skipped' ORDER BY id")
    return [json.loads(row[0]) for row in rows]


def finished(stack: Stack, action_id: str) -> Plain:
    """The action of the history, when it has ended."""

    def found() -> Plain | None:
        answer = ask(stack, risk_pb2.ListRiskActionsRequest(), risk_pb2.ListRiskActionsResponse)
        [action] = [one for one in answer["risk_actions"] if one["risk_action_id"] == action_id]
        return action if action["end_time"] else None

    action: Plain = until(found, 20, lambda: str(stack.rows("SELECT action FROM risk_actions")))
    return action


def ended(stack: Stack, number: int = 1) -> Plain:
    """The newest action of the history, when `number` have ended."""
    sql = "SELECT 1 FROM risk_actions WHERE end_time_ms IS NOT NULL"
    until(lambda: len(stack.rows(sql)) >= number, 20, lambda: str(stack.rows("SELECT action FROM risk_actions")))
    found = ask(stack, risk_pb2.ListRiskActionsRequest(), risk_pb2.ListRiskActionsResponse)["risk_actions"]
    assert len(found) == number
    newest: Plain = found[0]
    return newest


def totals(stack: Stack) -> dict[str, Decimal]:
    """What the exchange has of each asset, locked or not."""
    rows = stack.rows("SELECT asset, free, locked FROM balances", file="paper/paper.db")
    return {asset: D(free) + D(locked) for asset, free, locked in rows}


def step(quantity: Decimal) -> Decimal:
    """Rounded down to what can be ordered."""
    return floor_to(quantity, D(ROUND["step_size"]))


def check_books(stack: Stack) -> None:
    """Store and exchange agree on every coin, and money is what the ledger of profit says (PNL-1, PNL-2)."""
    lots = stack.rows(
        "SELECT g.symbol, l.lot_quantity, l.lot_cost FROM legs l JOIN position_groups g ON g.group_id = l.group_id "
        "UNION ALL SELECT symbol, loose_quantity, loose_cost FROM position_groups"
    )
    balances = totals(stack)
    for symbol in SYMBOLS:
        held = sum((D(quantity) for name, quantity, _ in lots if name == symbol), D(0))
        assert held == balances.get(symbol.removesuffix("/USDT"), D(0)), symbol
    cost = sum((D(row[2]) for row in lots), D(0))
    groups = stack.rows("SELECT group_id, realized FROM position_groups")
    assert balances["USDT"] - BALANCE == sum((D(row[1]) for row in groups), D(0)) - cost
    for group_id, realized in groups:
        ledger = stack.rows("SELECT realized FROM profits WHERE group_id = ?", group_id)
        assert sum((D(row[0]) for row in ledger), D(0)) == D(realized)
    assert stack.rows("SELECT count(*) FROM fills") == stack.rows("SELECT count(*) FROM trades", file="paper/paper.db")
